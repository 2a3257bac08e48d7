"""Recalls: from the first lots to everything that was made of them."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.lineage import Ancestor, ancestors, chain
from tests.models.recalls import NO_EVENT, RecallClass, RecallState, reason_of
from tests.support import Forwarder, Node, reverts
from tests.support.making import REASON, Making, lot_id, tree_of
from tests.support.words import Cause, Duty, EndOfLife, Kind, LotCause
from tests.support.world import Registration, happened, lot_uri, sscc, twin_id, uri

HOUR = 3600


@pytest.fixture
def making(node: Node) -> Making:
    return Making.create(node)


def test_a_recall_from_its_first_lot_to_its_last_with_every_field(making: Making) -> None:
    world, maker, anyone = making.world, making.world.maker, making.world.stranger
    steel, part = making.lot("steel"), making.part("1")
    process, (bars,) = making.transform("rolling", [steel], ["bars"], [part])
    ref = world.ref("recalling")
    assert world.recalls.recallOf(1)._asdict() == dict.fromkeys(world.recalls.recallOf(1)._fields, 0)
    args = RecallClass.CLASS_II, REASON, ref
    assert world.recalls.open.call(*args, sender=maker.recall) == 1
    receipt = world.recalls.open(*args, sender=maker.recall)
    of, who = {"recall": 1}, {"recall": 1, "org": maker.number, "caller": maker.recall}
    assert happened(receipt) == [
        ("RecallOpened", who | {"reason": REASON, "class": RecallClass.CLASS_II, "ref": ref})
    ]
    assert world.recalls.recallCount() == 1

    receipt = world.recalls.addLots(1, [steel, steel], sender=maker.recall)
    assert happened(receipt) == [("LotRecalled", of | {"lot": steel}), ("LotsAdded", who | {"count": 1})]
    assert world.recalls.recallOf(1)._asdict() == {
        "org": maker.number,
        "class_": RecallClass.CLASS_II,
        "state": RecallState.OPEN,
        "frontier": 1,
        "size": 1,
        "consignees": 0,
        "acknowledged": 0,
        "reconciled": 0,
        "claimed": False,
    }

    receipt = world.recalls.step(1, steel, [process], ref, sender=anyone)
    first = keccak(bytes(32) + steel)
    stepped = of | {"caller": anyone, "frontier": 1}
    assert happened(receipt) == [
        ("ProcessRecalled", of | {"process": process}),
        ("Stepped", stepped | {"member": steel, "added": 1, "closure": first}),
    ]
    receipt = world.recalls.stepProcess(1, process, [bars, part], ref, sender=anyone)
    second = keccak(first + process)
    module = world.consortium.accountOf(world.recalls.address).org
    held = {"id": part, "org": module, "reason": reason_of(1), "caller": world.recalls.address, "ref": ref}
    assert happened(receipt) == [
        ("TwinAffected", of | {"twin": part, "caller": anyone}),
        ("Held", held),
        ("LotRecalled", of | {"lot": bars}),
        ("Stepped", stepped | {"member": process, "added": 1, "closure": second}),
    ]
    receipt = world.recalls.step(1, bars, [], ref, sender=anyone)
    third = keccak(second + bars)
    assert happened(receipt) == [
        ("Stepped", stepped | {"member": bars, "added": 0, "frontier": 0, "closure": third}),
        ("RecallClosed", of | {"closureRoot": third, "size": 4}),
    ]
    facts = world.recalls.recallOf(1)
    assert (facts.state, facts.frontier, facts.size) == (RecallState.CLOSED, 0, 4)
    assert world.recalls.closureOf(1) == third
    assert all(world.recalls.stepped(1, member) for member in (steel, process, bars))
    assert not world.recalls.stepped(1, part)
    assert world.recalls.isAffected(1, part)
    assert not world.recalls.isAffected(2, part)
    assert world.recalls.reasonOf(1) == reason_of(1)
    assert world.twins.clear(part) == (False, Cause.HELD)
    assert world.lots.clear(bars) == (False, LotCause.RECALLED)
    assert world.recalls.LINEAGE() == world.lineage.address
    assert world.recalls.LOTS() == world.lots.address
    assert world.recalls.TWINS() == world.twins.address
    assert world.recalls.CONSORTIUM() == world.consortium.address
    making.shadow.catch_up()
    making.check()


def test_late_inputs_reach_outputs_that_were_told_before(making: Making) -> None:
    early, late = making.lot("early"), making.lot("late")
    process, (bars,) = making.transform("rolling", [early], ["bars"])
    _, (nails,) = making.transform("cutting", [bars], ["nails"])
    making.add_inputs(process, late)
    recall = making.recall(late)
    making.close(recall)
    assert making.shadow.recalls.lots(recall) == {late, bars, nails}
    assert not making.world.lots.isRecalled(early, recall)
    making.check()


def test_outputs_that_come_while_the_recall_is_under_way_are_reached(making: Making) -> None:
    """Until a process is a member it goes on; from then on its list does not change."""
    steel = making.lot("steel")
    process, (bars,) = making.transform("rolling", [steel], ["bars"])
    recall = making.recall(steel)
    (rods,) = making.add_outputs(process, "rods")
    making.close(recall)
    assert making.shadow.recalls.lots(recall) == {steel, bars, rods}
    making.check()


def test_a_lot_is_blocked_from_the_moment_it_is_a_member(making: Making) -> None:
    world, maker = making.world, making.world.maker
    steel = making.lot("steel")
    making.recall(steel)
    with reverts("Blocked", steel, LotCause.RECALLED):
        world.lineage.transform(*making.arguments("rolling", [steel]), sender=maker.register)
    args = steel, world.carrier.number, 1, 0, world.now, world.ref()
    with reverts("Blocked", steel, LotCause.RECALLED):
        world.lots.offerQuantity(*args, sender=maker.ship)
    pallet = world.register(sscc("1"), Kind.CONTAINER)
    with reverts("Blocked", steel, LotCause.RECALLED):
        world.lots.packCommitted(pallet, b"r" * 32, [(steel, 1)], world.ref(), sender=maker.ship)


def test_a_circle_closes(making: Making) -> None:
    ore = making.lot("ore")
    smelting, (steel,) = making.transform("smelting", [ore], ["steel"])
    cutting, (scrap,) = making.transform("cutting", [steel], ["scrap"])
    making.add_inputs(smelting, scrap)
    recall = making.recall(steel)
    making.close(recall)
    assert making.shadow.recalls.lots(recall) == {steel, scrap}
    assert making.shadow.recalls.processes(recall) == {cutting, smelting}
    assert making.world.recalls.recallOf(recall).size == 4
    making.check()


def test_units_that_are_twins_are_members_and_held(making: Making) -> None:
    world = making.world
    pills = making.units("pills", 4)
    sold, kept, ended = (making.materialise("pills", index, 4) for index in (0, 2, 3))
    world.move(sold, world.maker, world.retailer)
    world.retire(ended, EndOfLife.DESTROYED)
    making.shadow.catch_up()
    assert [world.lots.lotOfUnit(twin) for twin in (sold, kept, ended)] == [pills] * 3
    recall = making.recall(pills)
    making.step(recall, pills)
    facts = world.recalls.recallOf(recall)
    assert (facts.state, facts.size) == (RecallState.CLOSED, 4)
    for twin in (sold, kept):
        assert world.recalls.isAffected(recall, twin)
        assert world.twins.clear(twin) == (False, Cause.HELD)
    # What has ended is a member, and there is nothing left to hold.
    assert world.recalls.isAffected(recall, ended)
    assert not world.twins.held(ended, making.shadow.recalls.number, reason_of(recall))
    with reverts("Blocked", pills, LotCause.RECALLED):
        tree, unit = tree_of("pills", 4), Registration(uri("pills-1"))
        args = lot_uri("pills"), 1, unit, tree.proof(1), world.ref()
        world.lots.materialise(*args, sender=world.maker.register)
    making.check()


def test_every_order_of_steps_closes_with_the_same_members(making: Making) -> None:
    ore = making.lot("ore")
    left, (steel,) = making.transform("left", [ore], ["steel"])
    right, (iron,) = making.transform("right", [ore], ["iron"])
    recall = making.recall(ore)
    making.step(recall, ore)
    here = making.shadow.point()
    closures = set()
    for order in permutations((left, right, steel, iron)):
        if order.index(steel) < order.index(left) or order.index(iron) < order.index(right):
            continue
        for member in order:
            making.step(recall, member)
        facts = making.world.recalls.recallOf(recall)
        assert (facts.state, facts.size) == (RecallState.CLOSED, 5)
        assert making.shadow.recalls.lots(recall) == {ore, steel, iron}
        closures.add(making.world.recalls.closureOf(recall))
        making.shadow.back_to(here)
    assert len(closures) == 6


def test_only_a_complete_list_steps(making: Making) -> None:
    world, anyone = making.world, making.world.stranger
    steel = making.lot("steel")
    one, (bars, rods) = making.transform("one", [steel], ["bars", "rods"])
    two, _ = making.transform("two", [steel])
    recall, ref = making.recall(steel), world.ref()
    for uses in ([], [one], [two], [two, one], [one, two, two], [one, two, bars]):
        with reverts("Incomplete", steel):
            world.recalls.step(recall, steel, uses, ref, sender=anyone)
    world.recalls.step(recall, steel, [one, two], ref, sender=anyone)
    for products in ([], [bars], [rods, bars], [bars, rods, rods], [bars, rods, steel]):
        with reverts("Incomplete", one):
            world.recalls.stepProcess(recall, one, products, ref, sender=anyone)
    world.recalls.stepProcess(recall, one, [bars, rods], ref, sender=anyone)
    with reverts("Incomplete", two):
        world.recalls.stepProcess(recall, two, [bars], ref, sender=anyone)


def test_a_long_list_is_stepped_in_parts_from_its_end(making: Making) -> None:
    world, anyone = making.world, making.world.stranger
    steel = making.lot("steel")
    runs = [making.transform(f"run {number}", [steel], [f"bars {number}"])[0] for number in range(5)]
    recall, ref = making.recall(steel), world.ref()

    def part(start: int, end: int) -> None:
        args = recall, steel, chain(runs[:start]), runs[start:end], ref
        assert making.shadow.recall("stepPart", *args, sender=anyone)

    def refused(start: bytes, uses: list[bytes]) -> None:
        with reverts("Incomplete", steel):
            world.recalls.stepPart(recall, steel, start, uses, ref, sender=anyone)

    refused(chain(runs[:2]), runs[2:4])
    refused(chain(runs[:2]), runs[3:5])
    refused(bytes(32), runs[3:5])
    for start, uses in ((bytes(32), runs), (chain(runs), [])):
        with reverts("NotAPart", recall, steel):
            world.recalls.stepPart(recall, steel, start, uses, ref, sender=anyone)
    part(3, 5)
    assert world.recalls.leftOf(recall, steel) == chain(runs[:3])
    assert not world.recalls.stepped(recall, steel)
    facts = world.recalls.recallOf(recall)
    assert (facts.frontier, facts.size) == (3, 3)
    refused(chain(runs[:3]), runs[3:])
    with reverts("Incomplete", steel):
        world.recalls.step(recall, steel, runs, ref, sender=anyone)
    part(1, 3)
    with reverts("Incomplete", steel):
        world.recalls.step(recall, steel, [], ref, sender=anyone)
    assert making.shadow.recall("step", recall, steel, runs[:1], ref, sender=anyone)
    assert world.recalls.stepped(recall, steel)
    assert making.shadow.recalls.processes(recall) == set(runs)
    with reverts("AlreadyStepped", recall, steel):
        world.recalls.stepPart(recall, steel, bytes(32), runs[:1], ref, sender=anyone)
    making.check()


def test_outputs_are_stepped_in_parts(making: Making) -> None:
    world, anyone = making.world, making.world.stranger
    steel = making.lot("steel")
    process, products = making.transform("rolling", [steel], ["bars", "rods", "wire"])
    recall, ref = making.recall(steel), world.ref()
    with reverts("NotAMember", recall, process):
        args = recall, process, chain(products[:1]), products[1:], ref
        world.recalls.stepProcessPart(*args, sender=anyone)
    with reverts("NotAMember", recall, process):
        world.recalls.stepPart(recall, process, bytes(32), [process], ref, sender=anyone)
    world.recalls.step(recall, steel, [process], ref, sender=anyone)
    making.shadow.catch_up()
    machine = Forwarder.deploy(world.node, anyone)
    args = recall, process, chain(products[:1]), products[1:], ref
    receipt = world.recalls.stepProcessPart(*args, sender=machine)
    who = {"recall": recall, "member": process, "before": chain(products[:1]), "caller": machine.address}
    assert happened(receipt)[-1] == ("PartStepped", who | {"added": 2, "frontier": 3})
    with reverts("Incomplete", process):
        world.recalls.stepProcess(recall, process, products, ref, sender=anyone)
    world.recalls.stepProcess(recall, process, products[:1], ref, sender=anyone)
    assert world.recalls.recallOf(recall).frontier == 3
    making.shadow.catch_up()
    making.check()


def test_members_are_stepped_once_and_others_not_at_all(making: Making) -> None:
    world, anyone = making.world, making.world.stranger
    steel, rubber = making.lot("steel"), making.lot("rubber")
    process, (bars,) = making.transform("rolling", [steel], ["bars"])
    recall, ref = making.recall(steel), world.ref()
    for member in (rubber, bars, process, lot_id("unknown")):
        with reverts("NotAMember", recall, member):
            world.recalls.step(recall, member, [], ref, sender=anyone)
        with reverts("NotAMember", recall, member):
            world.recalls.stepProcess(recall, member, [], ref, sender=anyone)
    with reverts("NotAMember", recall, steel):
        world.recalls.stepProcess(recall, steel, [process], ref, sender=anyone)
    with reverts("NotAMember", recall + 1, steel):
        world.recalls.step(recall + 1, steel, [process], ref, sender=anyone)
    making.step(recall, steel)
    with reverts("AlreadyStepped", recall, steel):
        world.recalls.step(recall, steel, [process], ref, sender=anyone)
    making.step(recall, process)
    with reverts("AlreadyStepped", recall, process):
        world.recalls.stepProcess(recall, process, [bars], ref, sender=anyone)
    making.close(recall)
    with reverts("WrongRecallState", recall, RecallState.CLOSED):
        world.recalls.step(recall, steel, [process], ref, sender=anyone)
    with reverts("WrongRecallState", recall, RecallState.CLOSED):
        world.recalls.stepProcess(recall, process, [bars], ref, sender=anyone)
    making.lift(recall)
    with reverts("WrongRecallState", recall, RecallState.LIFTED):
        world.recalls.step(recall, steel, [process], ref, sender=anyone)


def test_an_event_has_happened_where_it_is_told_of_a_twin(making: Making) -> None:
    world, maker = making.world, making.world.maker
    steel, part, other = making.lot("steel"), making.part("1"), making.part("2")
    process, _ = making.transform("rolling", [steel], parts=[part])
    recall, later = making.recall(steel), world.ref(time=world.now + HOUR)
    future = ("EventInFuture", world.now + HOUR, world.now)
    with reverts(*future):
        world.recalls.open(RecallClass.CLASS_I, REASON, later, sender=maker.recall)
    with reverts(*future):
        world.recalls.addTwin(recall, other, later, sender=maker.recall)
    making.step(recall, steel)
    with reverts(*future):
        world.recalls.stepProcess(recall, process, [part], later, sender=world.stranger)
    with reverts(*future):
        world.recalls.lift(recall, REASON, later, sender=maker.recall)


def test_two_recalls_on_one_lot_end_one_after_the_other(making: Making) -> None:
    world = making.world
    steel, rubber = making.lot("steel"), making.lot("rubber")
    part = making.part("1")
    process, (tyres,) = making.transform("moulding", [steel, rubber], ["tyres"], [part])
    first, second = making.recall(steel), making.recall(rubber)
    making.close(first)
    making.close(second)
    for recall in (first, second):
        assert making.shadow.recalls.lots(recall) >= {tyres}
        assert world.lineage.isRecalled(process, recall)
    facts = world.lots.lotOf(tyres)
    assert (facts.recalls, facts.recall) == (2, first)
    assert world.twins.twin(part).holds == 2
    making.check()
    making.lift(first)
    members = [steel, tyres], [process], [part]
    assert making.shadow.recall("clearMembers", first, *members, world.ref(), sender=world.stranger)
    assert world.lots.clear(steel) == (True, LotCause.NONE)
    assert world.lots.clear(tyres) == (False, LotCause.RECALLED)
    assert world.twins.clear(part) == (False, Cause.HELD)
    assert not world.lots.isRecalled(tyres, first)
    assert world.lots.isRecalled(tyres, second)
    with reverts("ProcessEnded", process, False, 1):
        world.lineage.finalise(process, 0, world.ref(), sender=world.maker.register)
    # A third one takes the place of the first, and ends before the second.
    third = making.recall(tyres)
    assert world.lots.lotOf(tyres).recalls == 2
    making.lift(third)
    assert making.shadow.recall("clearMembers", third, [tyres], [], [], world.ref(), sender=world.stranger)
    making.lift(second)
    members = [rubber, tyres], [process], [part]
    assert making.shadow.recall("clearMembers", second, *members, world.ref(), sender=world.stranger)
    assert world.lots.clear(tyres) == (True, LotCause.NONE)
    assert world.twins.clear(part) == (True, Cause.NONE)
    making.check()


def test_seeds_after_closing_open_it_again(making: Making) -> None:
    world, maker = making.world, making.world.maker
    steel, rubber, part = making.lot("steel"), making.lot("rubber"), making.part("1")
    process, outputs = making.transform("moulding", [rubber], ["tyres", "tubes", "mats"], [part])
    recall = making.recall(steel)
    making.close(recall)
    closure = world.recalls.closureOf(recall)
    # Nothing new, and twins, which have nothing behind them, leave it closed.
    assert making.shadow.recall("addLots", recall, [steel], sender=maker.recall)
    assert making.shadow.recall("addLots", recall, [], sender=maker.recall)
    window = recall, process, [*outputs, part], 3, 4
    assert making.shadow.recall("addOutputs", *window, sender=maker.recall)
    facts = world.recalls.recallOf(recall)
    assert (facts.state, facts.frontier, facts.size) == (RecallState.CLOSED, 0, 2)
    window = recall, process, [*outputs, part], 1, 3
    assert making.shadow.recall("addOutputs", *window, sender=maker.recall)
    facts = world.recalls.recallOf(recall)
    assert (facts.state, facts.frontier, facts.size) == (RecallState.OPEN, 2, 4)
    making.close(recall)
    assert making.shadow.recall("addLots", recall, [rubber], sender=maker.recall)
    assert world.recalls.recallOf(recall).state == RecallState.OPEN
    making.close(recall)
    assert world.recalls.recallOf(recall).size == 7
    assert world.recalls.closureOf(recall) != closure
    making.check()


def test_a_window_of_outputs_with_every_field(making: Making) -> None:
    """Of a process that ran into a fault what came after it is recalled, and the process itself is not."""
    world, maker = making.world, making.world.maker
    steel, part = making.lot("steel"), making.part("1")
    process, outputs = making.transform("rolling", [steel], ["a", "b", "c"])
    making.add_outputs(process, parts=[part])
    recall, products = making.recall(), [*outputs, part]
    assert making.shadow.recall("addLots", recall, [outputs[1]], sender=maker.recall)
    receipt = world.recalls.addOutputs(recall, process, products, 1, 4, sender=maker.recall)
    who = {"recall": recall, "process": process, "org": maker.number, "caller": maker.recall}
    held = happened(receipt)[1][1]
    assert happened(receipt) == [
        ("TwinAffected", {"recall": recall, "twin": part, "caller": maker.recall}),
        ("Held", held),
        ("LotRecalled", {"recall": recall, "lot": outputs[2]}),
        ("OutputsSeeded", who | {"from": 1, "to": 4, "count": 1}),
    ]
    assert (held["id"], held["ref"]) == (part, NO_EVENT)
    assert not world.lineage.isRecalled(process, recall)
    assert not world.lots.isRecalled(outputs[0], recall)
    making.shadow.catch_up()
    for first, end in ((0, 0), (2, 1), (1, 5), (4, 5), (5, 4)):
        with reverts("WrongWindow", process, first, end, 4):
            world.recalls.addOutputs(recall, process, products, first, end, sender=maker.recall)
    for listed in ([], products[:3], [*products, part], products[::-1]):
        with reverts("Incomplete", process):
            world.recalls.addOutputs(recall, process, listed, 0, 1, sender=maker.recall)
    making.close(recall)
    making.check()


def test_a_lifted_recall_lets_its_members_go_one_by_one(making: Making) -> None:
    world, anyone = making.world, making.world.stranger
    steel, part = making.lot("steel"), making.part("1")
    process, (bars,) = making.transform("rolling", [steel], ["bars"], [part])
    recall = making.recall(steel)
    making.close(recall)
    ref = world.ref("releasing")
    with reverts("WrongRecallState", recall, RecallState.CLOSED):
        world.recalls.clearMembers(recall, [bars], [], [], ref, sender=anyone)
    with reverts("UnknownRecall", recall + 1):
        world.recalls.clearMembers(recall + 1, [bars], [], [], ref, sender=anyone)
    receipt = world.recalls.lift(recall, REASON, ref, sender=world.maker.recall)
    who = {"recall": recall, "org": world.maker.number, "caller": world.maker.recall}
    assert happened(receipt) == [("RecallLifted", who | {"reason": REASON, "ref": ref})]
    assert world.lots.clear(bars) == (False, LotCause.RECALLED)
    assert world.twins.clear(part) == (False, Cause.HELD)
    receipt = world.recalls.clearMembers(recall, [bars, steel], [process], [part], ref, sender=anyone)
    module = making.shadow.recalls.number
    released = {"id": part, "org": module, "reason": reason_of(recall), "holder": module}
    of = {"recall": recall}
    assert happened(receipt) == [
        ("LotRecallLifted", of | {"lot": bars}),
        ("LotRecallLifted", of | {"lot": steel}),
        ("ProcessRecallLifted", of | {"process": process}),
        ("TwinCleared", of | {"twin": part, "caller": anyone}),
        ("Released", released | {"caller": world.recalls.address, "ref": ref}),
    ]
    assert world.lots.clear(bars) == (True, LotCause.NONE)
    assert world.twins.clear(part) == (True, Cause.NONE)
    assert not world.recalls.isAffected(recall, part)
    with reverts("NotAMember", recall, part):
        world.recalls.clearMembers(recall, [], [], [part], ref, sender=anyone)
    # Of lots and processes what is no member is passed over.
    receipt = world.recalls.clearMembers(recall, [bars, lot_id("?")], [process, part], [], ref, sender=anyone)
    assert happened(receipt) == []
    making.shadow.catch_up()
    making.check()


def test_a_twin_that_ended_and_one_whose_hold_was_lifted_are_cleared(making: Making) -> None:
    world, anyone = making.world, making.world.stranger
    ended, freed = making.part("1"), making.part("2")
    recall = making.recall()
    for twin in (ended, freed):
        assert making.shadow.recall("addTwin", recall, twin, world.ref(), sender=world.maker.recall)
    world.retire(ended, EndOfLife.DESTROYED)
    # The organisation of the contract could have another account.
    module = making.shadow.recalls.number
    world.consortium.setAccount(module, anyone, Duty.QUALITY, sender=world.governor)
    world.twins.release(freed, module, reason_of(recall), world.ref(), sender=anyone)
    world.consortium.setAccount(module, anyone, 0, sender=world.governor)
    making.shadow.catch_up()
    making.lift(recall)
    assert making.shadow.recall("clearMembers", recall, [], [], [ended, freed], world.ref(), sender=anyone)
    assert world.twins.twin(ended).holds == world.twins.twin(freed).holds == 0
    making.check()


def test_no_regulator_lifts_the_hold_of_a_recall(making: Making) -> None:
    world, part, recall = making.world, making.part("1"), making.recall()
    assert making.shadow.recall("addTwin", recall, part, world.ref(), sender=world.maker.recall)
    module, regulator = making.shadow.recalls.number, world.regulator
    with reverts("MayNotRelease", part, regulator.number, module):
        world.twins.release(part, module, reason_of(recall), world.ref(), sender=regulator.quality)


def test_a_lifted_recall_takes_nothing_more(making: Making) -> None:
    world, maker = making.world, making.world.maker
    steel, rubber, part = making.lot("steel"), making.lot("rubber"), making.part("1")
    process, (bars,) = making.transform("rolling", [rubber], ["bars"])
    pallet = world.register(sscc("1"), Kind.CONTAINER)
    world.lots.packCommitted(pallet, b"r" * 32, [(steel, 1)], world.ref(), sender=maker.ship)
    making.shadow.catch_up()
    recall = making.recall(steel)
    making.lift(recall)
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("addLots", (recall, [rubber])),
        ("addOutputs", (recall, process, [bars], 0, 1)),
        ("addSerials", (recall, steel, b"r" * 32, 1)),
        ("addTwin", (recall, part, world.ref())),
        ("holdContainer", (recall, pallet, steel, world.ref())),
        ("lift", (recall, REASON, world.ref())),
    ]
    for call, args in calls:
        with reverts("WrongRecallState", recall, RecallState.LIFTED):
            getattr(world.recalls, call)(*args, sender=maker.recall)


# ------------------------------------------------------------------------------------------- not affected


def proven(making: Making, recall: int, ways: list[Ancestor]) -> bool:
    answer: bool = making.world.recalls.notAffected(recall, ways)
    assert answer == making.shadow.recalls.notAffected(recall, ways)
    return answer


def listed(making: Making, product: bytes) -> list[Ancestor]:
    return ancestors(making.shadow.lots.ledger, making.shadow.lineage.ledger, product)


def test_a_product_is_proven_not_affected_by_all_that_it_was_made_of(making: Making) -> None:
    ore, coal, wood = making.lot("ore"), making.lot("coal"), making.lot("wood")
    making.transform("smelting", [ore, coal], ["steel"])
    making.transform("carving", [wood], ["handle"])
    knife, spoon = making.part("knife"), making.part("spoon")
    making.transform("assembling", [lot_id("steel"), lot_id("handle")], parts=[knife])
    making.transform("more carving", [wood], parts=[spoon])
    recall = making.recall(coal)
    for closed in (False, True):
        for product in (knife, lot_id("steel"), coal):
            assert not proven(making, recall, listed(making, product))
        for product in (spoon, lot_id("handle"), wood, ore):
            assert proven(making, recall, listed(making, product))
        if not closed:
            making.close(recall)
    # Leaving the coal out does not help.
    whole = listed(making, knife)
    without = [each for each in whole if each.product != coal]
    assert not proven(making, recall, without)
    assert not proven(making, recall, [whole[0]])
    assert not proven(making, recall, [Ancestor(knife)])
    assert not proven(making, recall, [])
    # Another recall has nothing to do with it.
    assert proven(making, making.recall(wood), listed(making, lot_id("steel")))


def test_a_lot_whose_process_is_a_member_is_affected(making: Making) -> None:
    """Also before the step that makes the lot itself a member, and whatever the list leaves out."""
    coal = making.lot("coal")
    process, (steel,) = making.transform("smelting", [coal], ["steel"])
    recall = making.recall(coal)
    making.step(recall, coal)
    assert making.world.lineage.isRecalled(process, recall)
    assert not making.world.lots.isRecalled(steel, recall)
    assert not proven(making, recall, [Ancestor(steel)])
    assert not proven(making, recall, listed(making, steel))


def test_a_unit_that_is_a_twin_is_affected_with_its_lot(making: Making) -> None:
    powder = making.lot("powder")
    pills, other = making.units("pills", 3), making.units("other", 3)
    unit, theirs = making.materialise("pills", 1, 3), making.materialise("other", 1, 3)
    recall = making.recall(pills)
    assert not proven(making, recall, listed(making, unit))
    assert not proven(making, recall, [Ancestor(unit)])
    assert proven(making, recall, listed(making, theirs))
    assert proven(making, recall, listed(making, powder))
    assert not proven(making, recall, [Ancestor(theirs), Ancestor(other)])
    # The serial of a unit that is no twin says nothing about its lot.
    assert not proven(making, recall, [Ancestor(twin_id(uri("pills-0")))])


def test_a_twin_that_is_a_seed_is_affected(making: Making) -> None:
    part, recall = making.part("1"), making.recall()
    assert proven(making, recall, [Ancestor(part)])
    ref, sender = making.world.ref(), making.world.maker.recall
    assert making.shadow.recall("addTwin", recall, part, ref, sender=sender)
    assert not proven(making, recall, [Ancestor(part)])


def test_what_may_be_of_a_recalled_unit_is_affected(making: Making) -> None:
    """Which units of a lot went into something is not known."""
    pills = making.units("pills", 3)
    unit = making.materialise("pills", 1, 3)
    making.transform("mixing", [pills], ["mix"])
    recall = making.recall()
    for product in (pills, unit, lot_id("mix")):
        assert proven(making, recall, listed(making, product))
    terms = recall, pills, b"s" * 32, 1
    assert making.shadow.recall("addSerials", *terms, sender=making.world.maker.recall)
    for product in (pills, unit, lot_id("mix")):
        assert not proven(making, recall, listed(making, product))
    making.lift(recall)
    for product in (pills, unit, lot_id("mix")):
        assert proven(making, recall, listed(making, product))


def test_what_was_cleared_is_not_affected_any_more(making: Making) -> None:
    coal = making.lot("coal")
    process, (steel,) = making.transform("smelting", [coal], ["steel"])
    recall = making.recall(coal)
    making.close(recall)
    making.lift(recall)
    assert not proven(making, recall, listed(making, steel))
    args = recall, [coal, steel], [process], [], making.world.ref()
    assert making.shadow.recall("clearMembers", *args, sender=making.world.stranger)
    assert proven(making, recall, listed(making, steel))
