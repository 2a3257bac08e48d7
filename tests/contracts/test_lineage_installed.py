"""Lineage: what is installed in what, since when."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.support import Node, reverts
from tests.support.making import Making
from tests.support.words import Duty, Kind
from tests.support.world import Org, happened, sscc

LEVELS = 8
HOUR = 3600


@pytest.fixture
def making(node: Node) -> Making:
    return Making.create(node)


def install(making: Making, child: bytes, parent: bytes, org: Org | None = None) -> Any:
    world = making.world
    sender = (org or world.maker).register
    return world.lineage.install(child, parent, world.ref("installing"), sender=sender)


def test_installing_removing_and_replacing_with_every_field(making: Making) -> None:
    world, lineage, maker = making.world, making.world.lineage, making.world.maker
    car, wheel, spare = making.part("car", Kind.ASSET), making.part("wheel"), making.part("spare")
    ref, since = world.ref("installing"), world.now
    who = {"child": wheel, "parent": car, "org": maker.number, "caller": maker.register}
    receipt = lineage.install(wheel, car, ref, sender=maker.register)
    assert happened(receipt) == [("Installed", who | {"since": since, "ref": ref})]
    assert lineage.associationOf(wheel) == (car, since)
    world.node.warp(HOUR)
    ref = world.ref("replacing")
    receipt = lineage.replace(wheel, spare, ref, sender=maker.register)
    assert happened(receipt) == [
        ("Removed", who | {"until": since + HOUR, "ref": ref}),
        ("Installed", who | {"child": spare, "since": since + HOUR, "ref": ref}),
    ]
    assert lineage.associationOf(wheel) == (bytes(32), 0)
    assert lineage.associationOf(spare) == (car, since + HOUR)
    receipt = lineage.remove(spare, ref, sender=maker.register)
    assert happened(receipt) == [("Removed", who | {"child": spare, "until": since + HOUR, "ref": ref})]
    assert lineage.associationOf(spare) == (bytes(32), 0)
    making.shadow.catch_up()
    making.check()


def test_a_part_is_in_one_assembly_at_a_time(making: Making) -> None:
    world, maker = making.world, making.world.maker
    car, van, wheel = making.part("car"), making.part("van"), making.part("wheel")
    with reverts("NotInstalled", wheel):
        world.lineage.remove(wheel, world.ref(), sender=maker.register)
    with reverts("NotInstalled", wheel):
        world.lineage.replace(wheel, car, world.ref(), sender=maker.register)
    install(making, wheel, car)
    for parent in (van, car):
        with reverts("AlreadyInstalled", wheel, car):
            install(making, wheel, parent)
    engine = making.part("engine")
    install(making, engine, van)
    with reverts("AlreadyInstalled", engine, van):
        world.lineage.replace(wheel, engine, world.ref(), sender=maker.register)


def test_only_parts_and_assets_are_installed_and_never_in_themselves(making: Making) -> None:
    car, wheel, bolt = making.part("car", Kind.ASSET), making.part("wheel"), making.part("bolt")
    pallet = making.world.register(sscc("1"), Kind.CONTAINER)
    steel = making.lot("steel")
    for child, parent in ((wheel, pallet), (pallet, car), (wheel, steel), (steel, car), (wheel, bytes(32))):
        with reverts("NotInstallable", child, parent):
            install(making, child, parent)
    install(making, bolt, wheel)
    install(making, wheel, car)
    for child, parent in ((car, car), (car, wheel), (car, bolt)):
        with reverts("NotInstallable", child, parent):
            install(making, child, parent)
    install(making, making.part("engine", Kind.ASSET), wheel)


def test_eight_levels_and_no_more(making: Making) -> None:
    parts = [making.part(f"level {level}") for level in range(LEVELS + 1)]
    for outer, inner in zip(parts, parts[1:LEVELS], strict=False):
        install(making, inner, outer)
    with reverts("NotInstallable", parts[LEVELS], parts[LEVELS - 1]):
        install(making, parts[LEVELS], parts[LEVELS - 1])
    install(making, parts[LEVELS], parts[LEVELS - 2])


def test_what_is_in_the_part_itself_is_not_counted(making: Making) -> None:
    parts = [making.part(f"level {level}") for level in range(LEVELS + 3)]
    for inner, outer in zip(parts, parts[1:], strict=False):
        install(making, inner, outer)
    bolt = making.part("bolt")
    with reverts("NotInstallable", bolt, parts[0]):
        install(making, bolt, parts[0])
    # A circle is found however long it is: what is too deep to look through is refused.
    with reverts("NotInstallable", parts[-1], parts[0]):
        install(making, parts[-1], parts[0])


def test_the_custodian_of_both_installs_and_removes(making: Making) -> None:
    world, maker, service = making.world, making.world.maker, making.world.service
    car, wheel, spare = making.part("car"), making.part("wheel"), making.part("spare")
    world.move(car, maker, service)
    with reverts("NotTogether", wheel, car, maker.number, service.number):
        install(making, wheel, car)
    with reverts("NotTogether", wheel, car, maker.number, service.number):
        install(making, wheel, car, org=service)
    with reverts("NotTogether", wheel, spare, maker.number, maker.number):
        install(making, wheel, spare, org=service)
    world.move(wheel, maker, service)
    install(making, wheel, car, org=service)
    for sender in (maker.register, world.carrier.register):
        with reverts("NotTogether", wheel, car, service.number, service.number):
            world.lineage.remove(wheel, world.ref(), sender=sender)
    with reverts("NotTogether", spare, car, maker.number, service.number):
        world.lineage.replace(wheel, spare, world.ref(), sender=service.register)
    world.lineage.remove(wheel, world.ref(), sender=service.register)


def test_installing_needs_the_duty_register_and_nothing_else(making: Making) -> None:
    world, maker = making.world, making.world.maker
    car, wheel, spare, door = (making.part(name) for name in ("car", "wheel", "spare", "door"))
    install(making, door, car)
    calls = [
        ("install", (wheel, car, world.ref())),
        ("remove", (door, world.ref())),
        ("replace", (door, spare, world.ref())),
    ]
    for call, args in calls:
        function = getattr(world.lineage, call)
        for duty in Duty:
            account = maker.with_duty(duty)
            if duty == Duty.REGISTER:
                function.call(*args, sender=account)
                continue
            with reverts("MissingDuty", account, duty, Duty.REGISTER):
                function.call(*args, sender=account)
        with reverts("UnknownAccount", world.stranger):
            function(*args, sender=world.stranger)
        later = world.ref(time=world.now + HOUR)
        with reverts("EventInFuture", world.now + HOUR, world.now):
            function(*args[:-1], later, sender=maker.register)


def test_contract_and_model_agree_on_whatever_is_tried(making: Making) -> None:
    shadow, world, random = making.shadow, making.world, Random(7)  # noqa: S311
    things = [making.part(name) for name in "abcd"] + [world.register(sscc("1"), Kind.CONTAINER)]
    shadow.catch_up()
    for moved in (False, True):
        for _ in range(200):
            child, parent = random.choices(things, k=2)
            sender = random.choice([world.maker.register] * 4 + [world.service.register, world.maker.ship])
            call, args = random.choice(
                [("remove", (child,)), ("install", (child, parent)), ("replace", (child, parent))]
            )
            if shadow.trace(call, *args, world.ref(), sender=sender):
                shadow.check_lineage()
        if not moved:
            world.move(things[2], world.maker, world.service)
            shadow.catch_up()
    shadow.count.require(["install", "remove", "replace"], at_least=3)
    making.check()
