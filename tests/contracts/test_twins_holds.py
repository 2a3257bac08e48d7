"""Twins: who holds something back, who lets it go, and what a hold stops."""

from __future__ import annotations

import pytest

from tests.support import reverts
from tests.support.words import Cause, EndOfLife, Kind, Purpose, Role
from tests.support.world import DAY, Org, World, happened, sscc, uri

REASON = b"r" * 32
OTHER = b"o" * 32


@pytest.fixture
def part(world: World) -> bytes:
    """Owned by the maker, in the hands of the carrier."""
    part = world.register(uri("1"))
    world.move(part, world.maker, world.carrier)
    return part


def holders(world: World) -> list[Org]:
    return [world.maker, world.carrier, world.regulator]


@pytest.mark.parametrize("index", range(3))
def test_owner_custodian_and_regulator_hold_and_release(world: World, part: bytes, index: int) -> None:
    org, ref = holders(world)[index], world.ref("holding")
    mined = world.twins.hold(part, REASON, ref, sender=org.quality)
    fact = {"id": part, "org": org.number, "reason": REASON, "caller": org.quality, "ref": ref}
    assert happened(mined) == [("Held", fact)]
    assert world.twins.held(part, org.number, REASON)
    assert not world.twins.held(part, org.number, OTHER)
    assert world.twins.clear(part) == (False, Cause.HELD)
    assert world.twins.twin(part).holds == 1
    mined = world.twins.release(part, org.number, REASON, ref, sender=org.quality)
    assert happened(mined) == [("Released", fact | {"holder": org.number})]
    assert not world.twins.held(part, org.number, REASON)
    assert world.twins.clear(part) == (True, Cause.NONE)
    assert world.twins.twin(part).holds == 0


def test_nobody_else_holds(world: World, part: bytes) -> None:
    for org in world.orgs:
        if org not in holders(world):
            with reverts("MayNotHold", part, org.number):
                world.hold(part, REASON, org)
    with reverts("UnknownTwin", bytes(32)):
        world.hold(bytes(32), REASON)


def test_a_regulator_is_one_while_it_has_the_role_and_a_licence(world: World, part: bytes) -> None:
    world.consortium.setRoles(world.regulator.number, Role.AUDITOR, sender=world.governor)
    with reverts("MayNotHold", part, world.regulator.number):
        world.hold(part, REASON, world.regulator)


def test_the_custodian_of_a_packed_thing_is_that_of_the_pallet(world: World) -> None:
    box, part = world.register(sscc("1"), Kind.CONTAINER), world.register(uri("1"))
    world.pack(box, [part])
    world.move(box, world.maker, world.carrier)
    world.hold(part, REASON, world.carrier)
    assert world.twins.held(part, world.carrier.number, REASON)


def test_each_organisation_holds_once_for_a_reason(world: World, part: bytes) -> None:
    for org in holders(world):
        for reason in (REASON, OTHER):
            world.hold(part, reason, org)
            with reverts("AlreadyHeld", part, org.number, reason):
                world.hold(part, reason, org)
    assert world.twins.twin(part).holds == 6
    world.release(part, REASON, world.maker)
    world.hold(part, REASON, world.maker)
    assert world.twins.twin(part).holds == 6


def test_all_holds_must_be_released(world: World, part: bytes) -> None:
    world.hold(part, REASON, world.maker)
    world.hold(part, REASON, world.carrier)
    world.release(part, REASON, world.maker)
    with reverts("Blocked", part, Cause.HELD):
        world.offer(part, world.carrier, world.retailer)
    world.release(part, REASON, world.carrier)
    world.offer(part, world.carrier, world.retailer)


def test_a_regulator_lifts_the_hold_of_anybody_but_a_regulator(world: World, part: bytes) -> None:
    world.consortium.setRoles(world.service.number, Role.SERVICE | Role.REGULATOR, sender=world.governor)
    world.hold(part, REASON, world.carrier)
    world.hold(part, REASON, world.regulator)
    ref = world.ref("overruling")
    mined = world.twins.release(part, world.carrier.number, REASON, ref, sender=world.service.quality)
    assert happened(mined) == [
        (
            "Released",
            {
                "id": part,
                "org": world.service.number,
                "reason": REASON,
                "holder": world.carrier.number,
                "caller": world.service.quality,
                "ref": ref,
            },
        )
    ]
    with reverts("MayNotRelease", part, world.service.number, world.regulator.number):
        world.release(part, REASON, world.regulator, world.service)
    world.suspend(world.regulator)
    with reverts("MayNotRelease", part, world.service.number, world.regulator.number):
        world.release(part, REASON, world.regulator, world.service)


def test_nobody_else_releases(world: World, part: bytes) -> None:
    world.hold(part, REASON, world.regulator)
    for org in world.orgs:
        if org != world.regulator:
            with reverts("MayNotRelease", part, org.number, world.regulator.number):
                world.release(part, REASON, world.regulator, org)


def test_who_put_a_hold_lifts_it_after_title_and_custody_are_gone(world: World, part: bytes) -> None:
    world.hold(part, REASON, world.carrier)
    world.offer(part, world.carrier, world.maker, Purpose.RETURN)
    world.accept(part, world.maker)
    world.release(part, REASON, world.carrier)
    assert world.twins.clear(part) == (True, Cause.NONE)


def test_only_a_hold_that_is_there_is_lifted(world: World, part: bytes) -> None:
    world.hold(part, REASON)
    for id_, reason, org in (
        (part, OTHER, world.maker),
        (part, REASON, world.carrier),
        (bytes(32), REASON, world.maker),
    ):
        with reverts("NoSuchHold", id_, org.number, reason):
            world.release(id_, reason, org)
    with reverts("NoSuchHold", part, 99, REASON):
        world.twins.release(part, 99, REASON, world.ref(), sender=world.regulator.quality)


def test_what_has_ended_is_not_held(world: World, part: bytes) -> None:
    world.retire(part, EndOfLife.DISPENSED, world.carrier)
    with reverts("Blocked", part, Cause.ENDED):
        world.hold(part, REASON)


def test_a_hold_outlives_the_end_and_can_be_lifted(world: World, part: bytes) -> None:
    world.hold(part, REASON)
    world.retire(part, EndOfLife.DESTROYED, world.carrier)
    assert world.twins.clear(part) == (False, Cause.ENDED)
    world.release(part, REASON, world.maker)
    assert world.twins.twin(part).holds == 0
    assert world.twins.clear(part) == (False, Cause.ENDED)


def test_a_design_is_held_as_well(world: World) -> None:
    design = world.register(uri("drawing"), Kind.DESIGN)
    world.hold(design, REASON)
    with reverts("Blocked", design, Cause.HELD):
        world.give_title(design, world.maker, world.service)


# A container moves like the most restricted thing inside it.


@pytest.fixture
def nested(world: World) -> list[bytes]:
    """A part in a box on a pallet."""
    ids = [
        world.register(uri("1")),
        world.register(sscc("1"), Kind.CONTAINER),
        world.register(sscc("2"), Kind.CONTAINER),
    ]
    world.pack(ids[1], ids[:1])
    world.pack(ids[2], ids[1:2])
    return ids


def clear(world: World, ids: list[bytes]) -> list[Cause]:
    causes = []
    for id_ in ids:
        ok, cause = world.twins.clear(id_)
        assert ok == (cause == Cause.NONE)
        causes.append(Cause(cause))
    return causes


def held_inside(world: World, ids: list[bytes]) -> list[int]:
    return [world.twins.twin(id_).heldInside for id_ in ids]


@pytest.mark.parametrize(
    ("index", "causes", "inside"),
    [
        (0, [Cause.HELD, Cause.CONTENTS_HELD, Cause.CONTENTS_HELD], [0, 1, 1]),
        (1, [Cause.CONTAINER_HELD, Cause.HELD, Cause.CONTENTS_HELD], [0, 0, 1]),
        (2, [Cause.CONTAINER_HELD, Cause.CONTAINER_HELD, Cause.HELD], [0, 0, 0]),
    ],
)
def test_a_hold_is_felt_inside_and_outside(
    world: World, nested: list[bytes], index: int, causes: list[Cause], inside: list[int]
) -> None:
    world.hold(nested[index], REASON)
    assert clear(world, nested) == causes
    assert held_inside(world, nested) == inside
    with reverts("Blocked", nested[2], causes[2]):
        world.offer(nested[2], world.maker, world.carrier)
    world.release(nested[index], REASON, world.maker)
    assert clear(world, nested) == [Cause.NONE] * 3
    assert held_inside(world, nested) == [0, 0, 0]
    world.offer(nested[2], world.maker, world.carrier)


def test_what_is_held_leaves_and_the_rest_moves_on(world: World, nested: list[bytes]) -> None:
    other = world.register(uri("2"))
    world.pack(nested[1], [other])
    world.hold(nested[0], REASON)
    world.hold(nested[0], OTHER)
    world.hold(nested[0], REASON, world.regulator)
    assert held_inside(world, nested) == [0, 1, 1]  # things, not holds
    world.release(nested[0], OTHER, world.maker)
    assert held_inside(world, nested) == [0, 1, 1]
    world.unpack(nested[1], nested[:1])
    assert held_inside(world, nested) == [0, 0, 0]
    world.move(nested[2], world.maker, world.carrier)
    assert world.twins.custodianOf(other) == world.carrier.number
    assert world.twins.clear(nested[0]) == (False, Cause.HELD)


def test_a_box_takes_its_holds_and_those_of_its_contents_along(world: World, nested: list[bytes]) -> None:
    world.hold(nested[0], REASON)
    world.hold(nested[1], REASON)
    assert held_inside(world, nested) == [0, 1, 2]
    world.unpack(nested[2], nested[1:2])
    assert held_inside(world, nested) == [0, 1, 0]
    assert clear(world, nested) == [Cause.HELD, Cause.HELD, Cause.NONE]


def test_a_hold_on_the_contents_stops_what_is_already_offered(world: World, nested: list[bytes]) -> None:
    world.offer(nested[2], world.maker, world.carrier)
    world.hold(nested[0], REASON, world.regulator)
    with reverts("Blocked", nested[2], Cause.CONTENTS_HELD):
        world.accept(nested[2], world.carrier)
    with reverts("OfferOpen", nested[1], world.carrier.number, world.now + DAY):
        world.unpack(nested[1], nested[:1])
    world.twins.cancel(nested[2], world.ref(), sender=world.maker.ship)
    world.offer(nested[2], world.maker, world.carrier, Purpose.RETURN)
    world.accept(nested[2], world.carrier)
    assert world.twins.custodianOf(nested[0]) == world.carrier.number


def test_an_end_takes_the_holds_out_of_the_container(world: World, nested: list[bytes]) -> None:
    world.hold(nested[0], REASON)
    world.retire(nested[0], EndOfLife.DESTROYED)
    assert held_inside(world, nested) == [0, 0, 0]
    world.release(nested[0], REASON, world.maker)
    assert held_inside(world, nested) == [0, 0, 0]
    assert [world.twins.twin(id_).holds for id_ in nested] == [0, 0, 0]
