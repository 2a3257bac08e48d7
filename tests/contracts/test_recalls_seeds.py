"""Recalls: who opens, seeds and lifts them, which serials and containers are in them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.recalls import RecallClass, RecallState, reason_of
from tests.models.trees import Packed, loose, serials
from tests.support import Node, Reverted, reverts
from tests.support.making import MUCH, ONE, REASON, Making, lot_id, tree_of
from tests.support.words import Cause, Duty, EndOfLife, Kind
from tests.support.world import SUPPLIER_PREFIX, Commission, Org, happened, lot_uri, sscc, twin_id, uri

SOME = 3
SERIALS = 5
ROOT = b"s" * 32


@pytest.fixture
def making(node: Node) -> Making:
    return Making.create(node)


@pytest.mark.parametrize("class_", [RecallClass.CLASS_I, RecallClass.CLASS_II, RecallClass.CLASS_III])
def test_recalls_are_counted_and_have_a_class(making: Making, class_: RecallClass) -> None:
    world, regulator = making.world, making.world.regulator
    assert world.recalls.recallCount() == 0
    assert making.recall(class_=class_) == 1
    assert making.recall(class_=class_, org=regulator) == 2
    assert world.recalls.recallCount() == 2
    facts = [world.recalls.recallOf(number) for number in (1, 2)]
    assert [(recall.org, recall.class_) for recall in facts] == [
        (world.maker.number, class_),
        (regulator.number, class_),
    ]
    with reverts("NoClass"):
        world.recalls.open(RecallClass.NONE, REASON, world.ref(), sender=world.maker.recall)
    with pytest.raises(Reverted):
        world.recalls.open(4, REASON, world.ref(), sender=world.maker.recall)


def calls(making: Making) -> dict[str, tuple[Any, ...]]:
    """A call of everything that needs the duty RECALL; each succeeds for the maker."""
    world, lot, part = making.world, making.lot("steel"), making.part("1")
    process, (bars,) = making.transform("rolling", [lot], ["bars"])
    recall = making.recall(lot)
    assert making.shadow.recall("notify", recall, lot, world.maker.number, 5, sender=world.maker.recall)
    assert making.shadow.recall("acknowledge", recall, lot, 5, sender=world.maker.recall)
    return {
        "open": (RecallClass.CLASS_I, REASON, world.ref()),
        "addLots": (recall, [bars]),
        "addOutputs": (recall, process, [bars], 0, 1),
        "addSerials": (recall, bars, ROOT, 1),
        "addTwin": (recall, part, world.ref()),
        "lift": (recall, REASON, world.ref()),
        "notify": (recall, lot, world.carrier.number, 1),
        "acknowledge": (recall, lot, 5),
        "reconcile": (recall, lot, 1, 2, 2, world.ref()),
    }


def test_recalling_needs_the_duty_recall_and_nothing_else(making: Making) -> None:
    world = making.world
    for call, args in calls(making).items():
        function = getattr(world.recalls, call)
        for duty in Duty:
            account = world.maker.with_duty(duty)
            if duty == Duty.RECALL:
                function.call(*args, sender=account)
                continue
            with reverts("MissingDuty", account, duty, Duty.RECALL):
                function.call(*args, sender=account)
        with reverts("UnknownAccount", world.stranger):
            function(*args, sender=world.stranger)
        world.suspend(world.maker)
        with reverts("OrganisationSuspended", world.maker.number):
            function(*args, sender=world.maker.recall)
        world.suspend(world.maker, False)


def test_who_opened_a_recall_acts_in_it_or_a_regulator(making: Making) -> None:
    world = making.world
    every = calls(making)
    for call in ("addLots", "addOutputs", "addSerials", "addTwin", "lift", "notify"):
        recall, *rest = every[call]
        function = getattr(world.recalls, call)
        for org in world.orgs:
            if org in (world.maker, world.regulator):
                function.call(recall, *rest, sender=org.recall)
                continue
            with reverts("MayNotRecall", recall, org.number):
                function.call(recall, *rest, sender=org.recall)
        with reverts("UnknownRecall", recall + 1):
            function.call(recall + 1, *rest, sender=world.maker.recall)


def test_a_suspended_regulator_is_none(making: Making) -> None:
    world, lot = making.world, making.lot("steel")
    recall = making.recall(org=world.supplier)
    world.recalls.addLots.call(recall, [lot], sender=world.regulator.recall)
    world.suspend(world.regulator)
    with reverts("OrganisationSuspended", world.regulator.number):
        world.recalls.addLots(recall, [lot], sender=world.regulator.recall)


def test_the_maker_the_organisation_behind_the_process_or_a_regulator_seeds(making: Making) -> None:
    world, supplier = making.world, making.world.supplier
    lot, unknown = making.lot("steel"), lot_id("unknown")
    process, (bars,) = making.transform("rolling", [lot], ["bars"])
    theirs = making.recall(org=supplier)
    number = supplier.number
    for seeds in ([lot], [unknown]):
        with reverts("MayNotSeed", seeds[0], number):
            world.recalls.addLots(theirs, seeds, sender=supplier.recall)
    for id_ in (process, twin_id("unknown")):
        with reverts("MayNotSeed", id_, number):
            world.recalls.addOutputs(theirs, id_, [bars], 0, 1, sender=supplier.recall)
    for seed in (lot, unknown):
        with reverts("MayNotSeed", seed, number):
            world.recalls.addSerials(theirs, seed, ROOT, 1, sender=supplier.recall)
    regulator = world.regulator.recall
    with reverts("UnknownLot", unknown):
        world.recalls.addLots(theirs, [lot, unknown], sender=regulator)
    with reverts("WrongWindow", twin_id("unknown"), 0, 1, 0):
        world.recalls.addOutputs(theirs, twin_id("unknown"), [], 0, 1, sender=regulator)
    assert making.shadow.recall("addLots", theirs, [lot], sender=regulator)
    assert making.shadow.recall("addOutputs", theirs, process, [bars], 0, 1, sender=regulator)
    assert making.shadow.recall("addSerials", theirs, bars, ROOT, 1, sender=regulator)
    making.check()


def test_maker_owner_and_custodian_seed_a_twin(making: Making) -> None:
    world = making.world
    part, case, unknown = making.part("1"), world.register(sscc("1"), Kind.CONTAINER), twin_id("unknown")
    world.move(part, world.maker, world.carrier)
    world.give_title(part, world.maker, world.retailer)
    making.shadow.catch_up()
    for org in (world.maker, world.carrier, world.retailer, world.regulator):
        here = making.shadow.point()
        recall = making.recall(org=org)
        ref = world.ref("recalling")
        receipt = world.recalls.addTwin(recall, part, ref, sender=org.recall)
        module, of = making.shadow.recalls.number, {"recall": recall, "twin": part}
        held = {"id": part, "org": module, "reason": reason_of(recall), "caller": world.recalls.address}
        assert happened(receipt) == [
            ("TwinAffected", of | {"caller": org.recall}),
            ("Held", held | {"ref": ref}),
        ]
        assert world.twins.clear(part) == (False, Cause.HELD)
        facts = world.recalls.recallOf(recall)
        assert (facts.state, facts.frontier, facts.size) == (RecallState.OPEN, 0, 1)
        # Once is enough.
        assert happened(world.recalls.addTwin(recall, part, ref, sender=org.recall)) == []
        making.shadow.back_to(here)
    recall = making.recall(org=world.supplier)
    for twin in (part, case, unknown):
        with reverts("MayNotSeed", twin, world.supplier.number):
            world.recalls.addTwin(recall, twin, world.ref(), sender=world.supplier.recall)
    with reverts("UnknownProduct", unknown):
        world.recalls.addTwin(recall, unknown, world.ref(), sender=world.regulator.recall)
    assert making.shadow.recall("addTwin", recall, case, world.ref(), sender=world.regulator.recall)
    making.check()


def test_a_twin_that_has_ended_is_a_member_and_not_held(making: Making) -> None:
    world, part = making.world, making.part("1")
    world.retire(part, EndOfLife.DISPENSED)
    making.shadow.catch_up()
    recall = making.recall()
    assert making.shadow.recall("addTwin", recall, part, world.ref(), sender=world.maker.recall)
    assert world.recalls.isAffected(recall, part)
    assert world.twins.twin(part).holds == 0
    making.check()


# ------------------------------------------------------------------------------------------------ serials


def test_some_serials_of_a_lot_with_every_field(making: Making) -> None:
    world, maker = making.world, making.world.maker
    lot = making.units("pills", SERIALS)
    recalled = serials(unit(index) for index in range(SOME))
    recall = making.recall()
    receipt = world.recalls.addSerials(recall, lot, recalled.root, SOME, sender=maker.recall)
    who = {"recall": recall, "lot": lot, "root": recalled.root, "org": maker.number}
    assert happened(receipt) == [("SerialsAdded", who | {"caller": maker.recall, "count": SOME})]
    making.shadow.catch_up()
    assert world.recalls.serialsOf(recall, lot) == recalled.root
    assert world.lots.clear(lot).ok
    ask = world.recalls.isUnitRecalled
    for index in range(SERIALS):
        proof = recalled.proof(index) if index < SOME else recalled.proof(0)
        answers = [
            ask(recall, lot, index, unit(index), proof),
            ask(recall, lot, index, unit(index + 1), proof),
        ]
        assert answers == [index < SOME, False]
        assert answers[0] == making.shadow.recalls.isUnitRecalled(recall, lot, index, unit(index), proof)
    assert not ask(recall, lot, 1, unit(0), recalled.proof(0))
    assert not ask(recall + 1, lot, 0, unit(0), recalled.proof(0))
    assert not ask(recall, lot_id("other"), 0, unit(0), recalled.proof(0))
    making.check()
    making.lift(recall)
    assert not ask(recall, lot, 0, unit(0), recalled.proof(0))
    assert not making.shadow.recalls.isUnitRecalled(recall, lot, 0, unit(0), recalled.proof(0))


def test_with_its_lot_every_unit_is_recalled(making: Making) -> None:
    world = making.world
    lot = making.units("pills", SERIALS)
    recall = making.recall(lot)
    assert world.recalls.isUnitRecalled(recall, lot, 4, unit(4), tree_of("pills", SERIALS).proof(4))
    assert world.recalls.isUnitRecalled(recall, lot, 4, unit(4), [])
    assert not world.recalls.isUnitRecalled(recall + 1, lot, 4, unit(4), [])
    making.lift(recall)
    assert world.recalls.isUnitRecalled(recall, lot, 4, unit(4), [])
    args = recall, [lot], [], [], world.ref()
    assert making.shadow.recall("clearMembers", *args, sender=world.stranger)
    assert not world.recalls.isUnitRecalled(recall, lot, 4, unit(4), [])


def test_a_unit_that_is_a_twin_is_recalled_by_itself(making: Making) -> None:
    world, lot = making.world, making.units("pills", SERIALS)
    twin = making.materialise("pills", 2, SERIALS)
    recall = making.recall()
    assert not world.recalls.isUnitRecalled(recall, lot, 2, twin, [])
    assert making.shadow.recall("addTwin", recall, twin, world.ref(), sender=world.maker.recall)
    assert world.recalls.isUnitRecalled(recall, lot, 2, twin, [])
    assert making.shadow.recalls.isUnitRecalled(recall, lot, 2, twin, [])
    assert not world.recalls.isUnitRecalled(recall, lot, 1, unit(1), [])
    making.lift(recall)
    assert making.shadow.recall("clearMembers", recall, [], [], [twin], world.ref(), sender=world.stranger)
    assert not world.recalls.isUnitRecalled(recall, lot, 2, twin, [])


def test_a_set_of_serials_is_not_empty_and_one_for_each_lot(making: Making) -> None:
    world, lot, other = making.world, making.lot("pills"), making.lot("other")
    recall, sender = making.recall(), making.world.maker.recall
    for root, count in ((bytes(32), 1), (ROOT, 0)):
        with reverts("WrongSerials", recall, lot, root, count):
            world.recalls.addSerials(recall, lot, root, count, sender=sender)
    assert making.shadow.recall("addSerials", recall, lot, ROOT, 1, sender=sender)
    with reverts("WrongSerials", recall, lot, b"t" * 32, 2):
        world.recalls.addSerials(recall, lot, b"t" * 32, 2, sender=sender)
    assert making.shadow.recall("addSerials", recall, other, ROOT, 1, sender=sender)
    assert making.shadow.recall("addSerials", making.recall(), lot, ROOT, 1, sender=sender)
    making.check()


def unit(index: int) -> bytes:
    return twin_id(uri(f"pills-{index}"))


# --------------------------------------------------------------------------------------------- containers


def test_anyone_holds_a_container_in_which_something_of_a_member_is(making: Making) -> None:
    world, maker, anyone = making.world, making.world.maker, making.world.stranger
    lot, other = making.lot("milk"), making.lot("butter")
    pallet, empty = (world.register(sscc(serial), Kind.CONTAINER) for serial in "12")
    contents = Packed(loose(lot, 7 * ONE))
    args = pallet, contents.root, contents.parts(), world.ref()
    world.lots.packCommitted(*args, sender=maker.ship)
    making.shadow.catch_up()
    recall, ref = making.recall(lot), world.ref("holding")
    for closed in (False, True):
        receipt = world.recalls.holdContainer.call(recall, pallet, lot, ref, sender=anyone)
        assert receipt is None
        if not closed:
            making.close(recall)
    receipt = world.recalls.holdContainer(recall, pallet, lot, ref, sender=anyone)
    module, of = making.shadow.recalls.number, {"recall": recall, "twin": pallet}
    held = {"id": pallet, "org": module, "reason": reason_of(recall), "caller": world.recalls.address}
    assert happened(receipt) == [("TwinAffected", of | {"caller": anyone}), ("Held", held | {"ref": ref})]
    assert world.twins.clear(pallet) == (False, Cause.HELD)
    assert happened(world.recalls.holdContainer(recall, pallet, lot, ref, sender=anyone)) == []
    with reverts("NotInContainer", lot, empty):
        world.recalls.holdContainer(recall, empty, lot, ref, sender=anyone)
    with reverts("NotAMember", recall, other):
        world.recalls.holdContainer(recall, pallet, other, ref, sender=anyone)
    with reverts("NotAMember", recall + 1, lot):
        world.recalls.holdContainer(recall + 1, pallet, lot, ref, sender=anyone)
    facts = world.recalls.recallOf(recall)
    assert (facts.state, facts.size) == (RecallState.CLOSED, 2)
    making.shadow.catch_up()
    making.check()


def test_after_a_recall_was_lifted_nobody_holds_its_containers(making: Making) -> None:
    world, maker, lot = making.world, making.world.maker, making.lot("milk")
    pallet = world.register(sscc("1"), Kind.CONTAINER)
    contents = Packed(loose(lot, 1))
    world.lots.packCommitted(pallet, contents.root, contents.parts(), world.ref(), sender=maker.ship)
    making.shadow.catch_up()
    recall = making.recall(lot)
    making.lift(recall)
    with reverts("WrongRecallState", recall, RecallState.LIFTED):
        world.recalls.holdContainer(recall, pallet, lot, world.ref(), sender=world.stranger)


def test_lots_of_several_makers_are_reached_and_seeded_by_each_of_them(making: Making) -> None:
    """The supplier's resin is in the maker's bars; each recalls its own."""
    world, supplier, maker = making.world, making.world.supplier, making.world.maker
    resin = supplier_lot(making, "resin", supplier)
    args = resin, maker.number, ONE, 0, world.now, world.ref()
    assert making.shadow.act("offerQuantity", *args, sender=supplier.ship)
    accept = resin, supplier.number, ONE, 0, world.ref()
    assert making.shadow.act("acceptQuantity", *accept, sender=maker.receive)
    _, (bars,) = making.transform("moulding", [resin], ["bars"])
    ours = making.recall(org=maker)
    with reverts("MayNotSeed", resin, maker.number):
        world.recalls.addLots(ours, [resin], sender=maker.recall)
    theirs = making.recall(resin, org=supplier)
    making.close(theirs)
    assert making.shadow.recalls.lots(theirs) == {resin, bars}
    assert world.lots.quantityOf(resin, supplier.number) == MUCH - ONE
    making.check()


def supplier_lot(making: Making, name: str, org: Org) -> bytes:
    item = Commission(lot_uri(name, SUPPLIER_PREFIX), quantity=MUCH)
    assert making.shadow.act("commissionLot", item, making.world.ref(), sender=org.register)
    return twin_id(item.uri)
