"""Lineage: processes with their inputs and outputs, told in whatever order."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.support import Forwarder, Node, reverts
from tests.support.making import MUCH, ONE, Making, item, lot_id, process_of
from tests.support.words import Duty, Kind, LotCause, Role
from tests.support.world import SUPPLIER_PREFIX, Commission, Org, happened, lot_uri, twin_id, uri

HOUR = 3600


@pytest.fixture
def making(node: Node) -> Making:
    return Making.create(node)


def chained(*items: bytes) -> bytes:
    head = bytes(32)
    for one in items:
        head = keccak(head + one)
    return head


def test_a_transformation_with_everything_and_every_field_of_its_events(making: Making) -> None:
    world, maker = making.world, making.world.maker
    steel, rubber = making.lot("steel"), making.lot("rubber")
    part = making.part("1")
    bars = Commission(lot_uri("bars"), class_=b"c" * 32, unit=b"KGM", quantity=7 * ONE, expiry=2_000_000_000)
    ref, told = world.ref("transformation"), keccak(text="told")
    process = keccak(encode(["uint32", "bytes32"], [maker.number, told]))
    args = told, [(steel, 3), (rubber, 5)], [bars], [part], True, ref
    assert world.lineage.transform.call(*args, sender=maker.register) == process
    receipt = world.lineage.transform(*args, sender=maker.register)
    who, of = {"process": process, "org": maker.number}, {"org": maker.number}
    lineage, account = world.lineage.address, maker.register
    used = {"use": process, "caller": lineage, "useHead": chained(process)}
    out = lot_id("bars")
    assert happened(receipt) == [
        ("ProcessOpened", who | {"transformationId": told, "caller": account}),
        ("Used", of | {"lot": steel, "quantity": 3} | used),
        ("InputAdded", who | {"lot": steel, "quantity": 3}),
        ("Used", of | {"lot": rubber, "quantity": 5} | used),
        ("InputAdded", who | {"lot": rubber, "quantity": 5}),
        ("LotCommissioned", who | {"lot": out, "caller": account, "item": bars, "ref": ref}),
        ("OutputAdded", who | {"product": out}),
        ("OutputAdded", who | {"product": part}),
        ("Transformed", who | {"caller": account, "inputs": 2, "outputs": 2, "ref": ref}),
        ("ProcessFinalised", who | {"caller": account, "yield": 0, "ref": ref}),
    ]
    assert world.lineage.processOf(process)._asdict() == {
        "org": maker.number,
        "inputs": 2,
        "outputs": 2,
        "finalised": True,
        "recalls": 0,
        "recall": 0,
    }
    first = keccak(encode(["bytes32", "bytes32", "uint96"], [bytes(32), steel, 3]))
    second = keccak(encode(["bytes32", "bytes32", "uint96"], [first, rubber, 5]))
    assert world.lineage.inputsHead(process) == second
    assert world.lineage.outputsHead(process) == chained(out, part)
    assert world.lineage.originOf(out) == world.lineage.originOf(part) == process
    assert world.lots.quantityOf(steel, maker.number) == MUCH - 3
    assert world.lots.quantityOf(out, maker.number) == 7 * ONE
    assert world.lineage.LOTS() == world.lots.address
    assert world.lineage.TWINS() == world.twins.address
    assert world.lineage.CONSORTIUM() == world.consortium.address


def test_more_inputs_and_outputs_until_it_is_finalised(making: Making) -> None:
    world, maker = making.world, making.world.maker
    steel, rubber, part = making.lot("steel"), making.lot("rubber"), making.part("1")
    process, (bars,) = making.transform("rolling", [steel], ["bars"])
    ref, who = world.ref(), {"process": process, "org": maker.number}
    told = who | {"caller": maker.register, "ref": ref}
    receipt = world.lineage.addInputs(process, [(rubber, 9)], ref, sender=maker.register)
    assert happened(receipt)[1:] == [
        ("InputAdded", who | {"lot": rubber, "quantity": 9}),
        ("Transformed", told | {"inputs": 1, "outputs": 0}),
    ]
    receipt = world.lineage.addOutputs(process, [item("rods")], [part], ref, sender=maker.register)
    assert happened(receipt)[1:] == [
        ("OutputAdded", who | {"product": lot_id("rods")}),
        ("OutputAdded", who | {"product": part}),
        ("Transformed", told | {"inputs": 0, "outputs": 2}),
    ]
    assert world.lineage.outputsHead(process) == chained(bars, lot_id("rods"), part)
    receipt = world.lineage.finalise(process, 985_000, ref, sender=maker.register)
    assert happened(receipt) == [("ProcessFinalised", told | {"yield": 985_000})]
    for call, args in additions(making, process, rubber):
        with reverts("ProcessEnded", process, True, 0):
            getattr(world.lineage, call)(*args, sender=maker.register)
    making.shadow.catch_up()
    making.check()


def additions(making: Making, process: bytes, lot: bytes) -> list[tuple[str, tuple[Any, ...]]]:
    ref = making.world.ref()
    return [
        ("addInputs", (process, [(lot, 1)], ref)),
        ("addOutputs", (process, [item("more")], [], ref)),
        ("finalise", (process, 0, ref)),
    ]


def test_a_recalled_process_takes_and_gives_nothing_until_the_recall_is_over(making: Making) -> None:
    world, maker = making.world, making.world.maker
    steel, rubber = making.lot("steel"), making.lot("rubber")
    process, _ = making.transform("rolling", [steel], ["bars"])
    recall = making.recall(steel)
    for call, args in additions(making, process, rubber):
        getattr(world.lineage, call).call(*args, sender=maker.register)  # nobody has stepped the lot yet
    making.step(recall, steel)
    for call, args in additions(making, process, rubber):
        with reverts("ProcessEnded", process, False, 1):
            getattr(world.lineage, call)(*args, sender=maker.register)
    making.lift(recall)
    with reverts("ProcessEnded", process, False, 1):
        world.lineage.addInputs(process, [(rubber, 1)], world.ref(), sender=maker.register)
    assert making.shadow.recall("clearMembers", recall, [], [process], [], world.ref(), sender=world.stranger)
    making.add_inputs(process, rubber)
    making.check()


def test_a_transformation_is_told_once_by_each_organisation(making: Making) -> None:
    world = making.world
    steel = making.lot("steel")
    process, _ = making.transform("rolling", [steel])
    with reverts("ProcessExists", process):
        world.lineage.transform(*making.arguments("rolling", [steel]), sender=world.maker.register)
    ours = making.lot("iron", org=world.maker)
    assert ours != steel
    with reverts("InsufficientQuantity", steel, ONE, 0):
        world.lineage.transform(*making.arguments("rolling", [steel]), sender=world.supplier.register)
    args = keccak(text="rolling"), [], [Commission(lot_uri("S", SUPPLIER_PREFIX), quantity=1)], [], False
    world.lineage.transform(*args, world.ref(), sender=world.supplier.register)
    theirs = process_of(world.supplier.number, "rolling")
    assert theirs != process
    assert world.lineage.processOf(theirs).org == world.supplier.number


def test_nothing_is_no_transformation(making: Making) -> None:
    world, maker = making.world, making.world.maker
    process, _ = making.transform("rolling", [making.lot("steel")])
    ref = world.ref()
    for call, args in (
        ("transform", (b"t" * 32, [], [], [], True, ref)),
        ("addInputs", (process, [], ref)),
        ("addOutputs", (process, [], [], ref)),
    ):
        with reverts("NothingNamed"):
            getattr(world.lineage, call)(*args, sender=maker.register)


def test_only_who_runs_a_process_adds_to_it(making: Making) -> None:
    world = making.world
    rubber = making.lot("rubber")
    process, _ = making.transform("rolling", [rubber])
    unknown = process_of(world.maker.number, "unknown")
    for call, args in additions(making, process, rubber):
        with reverts("NotProcessOwner", process, world.supplier.number, world.maker.number):
            getattr(world.lineage, call)(*args, sender=world.supplier.register)
        with reverts("UnknownProcess", unknown):
            getattr(world.lineage, call)(unknown, *args[1:], sender=world.maker.register)


def test_telling_needs_the_duty_register_and_nothing_else(making: Making) -> None:
    world, steel = making.world, making.lot("steel")
    process, _ = making.transform("rolling", [steel])
    calls = [("transform", making.arguments("more", [steel])), *additions(making, process, steel)]
    for call, args in calls:
        function = getattr(world.lineage, call)
        for duty in Duty:
            account = world.maker.with_duty(duty)
            if duty == Duty.REGISTER:
                function.call(*args, sender=account)
                continue
            with reverts("MissingDuty", account, duty, Duty.REGISTER):
                function.call(*args, sender=account)
        with reverts("UnknownAccount", world.stranger):
            function(*args, sender=world.stranger)
    world.suspend(world.maker)
    for call, args in calls:
        with reverts("OrganisationSuspended", world.maker.number):
            getattr(world.lineage, call)(*args, sender=world.maker.register)


def test_an_event_has_happened(making: Making) -> None:
    world, maker, steel = making.world, making.world.maker, making.lot("steel")
    process, _ = making.transform("rolling", [steel])
    later = world.ref(time=world.now + HOUR)
    calls = [("transform", making.arguments("more", [steel])), *additions(making, process, steel)]
    for call, args in calls:
        with reverts("EventInFuture", world.now + HOUR, world.now):
            getattr(world.lineage, call)(*args[:-1], later, sender=maker.register)


@pytest.mark.parametrize(("share", "fits"), [(2_000_000, True), (2_000_001, False)])
def test_a_yield_has_a_limit(making: Making, share: int, fits: bool) -> None:
    world, maker = making.world, making.world.maker
    process, _ = making.transform("rolling", [making.lot("steel")])
    if fits:
        assert making.shadow.trace("finalise", process, share, world.ref(), sender=maker.register)
        return
    with reverts("YieldOutOfRange", share):
        world.lineage.finalise(process, share, world.ref(), sender=maker.register)


def test_inputs_are_in_hand_and_neither_held_nor_recalled(making: Making) -> None:
    world, maker = making.world, making.world.maker
    steel = making.lot("steel", quantity=2)
    unknown = lot_id("unknown")

    def put_in(lot: bytes, quantity: int) -> None:
        args = b"t" * 32, [(lot, quantity)], [], [], False, world.ref()
        world.lineage.transform(*args, sender=maker.register)

    with reverts("UnknownLot", unknown):
        put_in(unknown, 1)
    with reverts("ZeroQuantity", steel):
        put_in(steel, 0)
    with reverts("InsufficientQuantity", steel, 3, 2):
        put_in(steel, 3)
    world.lots.holdLot(steel, b"r" * 32, world.ref(), sender=maker.quality)
    with reverts("Blocked", steel, LotCause.HELD):
        put_in(steel, 1)
    world.lots.releaseLot(steel, maker.number, b"r" * 32, world.ref(), sender=maker.quality)
    making.shadow.catch_up()
    making.recall(steel)
    with reverts("Blocked", steel, LotCause.RECALLED):
        put_in(steel, 1)


def test_the_same_lot_may_go_in_twice_and_stays_one_node(making: Making) -> None:
    world, steel = making.world, making.lot("steel")
    process, (bars,) = making.transform("rolling", [steel, steel], ["bars"])
    making.add_inputs(process, steel)
    assert world.lineage.processOf(process).inputs == 3
    assert world.lots.useHead(steel) == chained(process, process, process)
    recall = making.recall(steel)
    making.close(recall)
    assert world.recalls.recallOf(recall).size == 3
    assert world.lots.isRecalled(bars, recall)
    making.check()


def test_outputs_are_under_a_prefix_of_the_organisation_and_new(making: Making) -> None:
    world, steel = making.world, making.lot("steel")
    with reverts("AlreadyCommissioned", steel):
        world.lineage.transform(*making.arguments("t", outputs=["steel"]), sender=world.maker.register)
    prefix = keccak(text="9506000")
    with reverts("NotNamespaceOwner", prefix, world.supplier.number, world.maker.number):
        world.lineage.transform(*making.arguments("t", outputs=["more"]), sender=world.supplier.register)


def test_a_part_comes_out_of_one_process_of_its_maker(making: Making) -> None:
    world, maker = making.world, making.world.maker
    part, theirs = making.part("1"), twin_id(uri("S", SUPPLIER_PREFIX))
    world.register(uri("S", SUPPLIER_PREFIX), org=world.supplier)

    def come_out(name: str, *parts: bytes, org: Org = maker) -> Any:
        return world.lineage.transform(*making.arguments(name, parts=parts), sender=org.register)

    process = process_of(maker.number, "turning")
    with reverts("NotAnOutput", part, maker.number, process):
        come_out("turning", part, part)
    with reverts("NotAnOutput", theirs, world.supplier.number, bytes(32)):
        come_out("turning", theirs)
    with reverts("NotAnOutput", twin_id("unknown"), 0, bytes(32)):
        come_out("turning", twin_id("unknown"))
    come_out("turning", part)
    with reverts("NotAnOutput", part, maker.number, process):
        come_out("again", part)
    with reverts("NotAnOutput", part, maker.number, process):
        come_out("theirs", part, org=world.supplier)


def test_a_unit_came_out_of_the_process_of_its_lot_and_of_no_other(making: Making) -> None:
    """A list of what it was made of would otherwise be complete without the other process's inputs."""
    world, maker = making.world, making.world.maker
    pills = making.units("pills", 3)
    unit = making.materialise("pills", 1, 3)
    with reverts("NotAnOutput", unit, maker.number, pills):
        world.lineage.transform(*making.arguments("rework", parts=[unit]), sender=maker.register)


def test_modules_alone_mark_processes(making: Making) -> None:
    world = making.world
    process, _ = making.transform("rolling", [making.lot("steel")])
    other, _ = making.transform("milling", [making.lot("grain")])
    module = Forwarder.deploy(world.node, world.stranger)
    world.empower(module)  # type: ignore[arg-type]
    unknown = process_of(9, "unknown")
    mark, unmark = world.lineage.markRecalled, world.lineage.unmarkRecalled
    assert mark.call([process, other, process], 7, sender=module) == 2
    receipt = mark([process], 7, sender=module)
    assert happened(receipt) == [("ProcessRecalled", {"process": process, "recall": 7})]
    assert mark.call([process, other], 7, sender=module) == 1
    assert happened(mark([process], 7, sender=module)) == []
    assert happened(mark([process], 9, sender=module)) == [
        ("ProcessRecalled", {"process": process, "recall": 9})
    ]
    facts = world.lineage.processOf(process)
    assert (facts.recalls, facts.recall) == (2, 7)
    assert [world.lineage.isRecalled(process, recall) for recall in (0, 7, 8, 9)] == [
        False,
        True,
        False,
        True,
    ]
    with reverts("UnknownProcess", unknown):
        mark([process, unknown], 7, sender=module)
    receipt = unmark([process, other, unknown], 7, sender=module)
    assert happened(receipt) == [("ProcessRecallLifted", {"process": process, "recall": 7})]
    facts = world.lineage.processOf(process)
    assert (facts.recalls, facts.recall) == (1, 0)
    assert [world.lineage.isRecalled(process, recall) for recall in (0, 7, 9)] == [False, False, True]
    assert happened(unmark([process], 9, sender=module)) == [
        ("ProcessRecallLifted", {"process": process, "recall": 9})
    ]
    assert world.lineage.processOf(process).recalls == 0
    idle = Forwarder.deploy(world.node, world.stranger)
    number = world.empower(idle)  # type: ignore[arg-type]
    world.consortium.setAccount(number, idle.address, ~Duty.RECALL & 0x1FF, sender=world.governor)
    maker = world.maker
    for call in (mark, unmark):
        with reverts("MissingDuty", idle.address, ~Duty.RECALL & 0x1FF, Duty.RECALL):
            call([process], 7, sender=idle)
        with reverts("MissingRole", maker.number, maker.roles, Role.MODULE):
            call([process], 7, sender=maker.recall)
        with reverts("UnknownAccount", world.stranger):
            call([process], 7, sender=world.stranger)


def test_lists_are_complete_or_not(making: Making) -> None:
    lineage = making.world.lineage
    steel = making.lot("steel")
    one, (bars, rods) = making.transform("one", [steel], ["bars", "rods"])
    two, _ = making.transform("two", [steel], ["nails"])
    assert lineage.usesComplete(steel, [one, two])
    assert lineage.outputsComplete(one, [bars, rods])
    wrong = ([], [one], [two, one], [one, two, two], [one, bars])
    assert not any(lineage.usesComplete(steel, uses) for uses in wrong)
    wrong = ([], [bars], [rods, bars], [bars, rods, rods], [bars, steel])
    assert not any(lineage.outputsComplete(one, products) for products in wrong)
    assert lineage.usesComplete(bars, [])
    assert not lineage.usesComplete(bars, [one])


def test_in_one_transaction_by_multicall(making: Making) -> None:
    world, lineage, maker = making.world, making.world.lineage, making.world.maker
    steel, part = making.lot("steel"), making.part("1", Kind.ASSET)
    process = process_of(maker.number, "rolling")
    ref = world.ref()
    calls = [
        lineage.transform.encode(*making.arguments("rolling", [steel])),
        lineage.addOutputs.encode(process, [item("bars")], [part], ref),
        lineage.finalise.encode(process, 1, ref),
    ]
    lineage.multicall(calls, sender=maker.register)
    making.shadow.catch_up()
    assert lineage.processOf(process).finalised
    making.check()


def test_who_calls_tells_whoever_sent_the_transaction(making: Making) -> None:
    world, shadow, steel = making.world, making.shadow, making.lot("steel")
    machine = Forwarder.deploy(world.node, world.stranger)
    world.hire(world.maker, machine)
    shadow.catch_up()
    process = process_of(world.maker.number, "rolling")
    assert shadow.trace("transform", *making.arguments("rolling", [steel], ["bars"]), sender=machine)
    assert shadow.trace("addInputs", process, [(steel, 1)], world.ref(), sender=machine)
    assert shadow.trace("addOutputs", process, [item("rods")], [], world.ref(), sender=machine)
    assert shadow.trace("finalise", process, 1, world.ref(), sender=machine)
