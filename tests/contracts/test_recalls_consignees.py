"""Recalls: consignees are notified, answer, and account for all that arrived."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.models.recalls import Consignee
from tests.support import Forwarder, Node, Reverted, reverts
from tests.support.making import REASON, Making
from tests.support.world import happened

HOUR = 3600


class Case(NamedTuple):
    making: Making
    recall: int
    lot: bytes


@pytest.fixture
def case(node: Node) -> Case:
    making = Making.create(node)
    lot = making.lot("milk")
    return Case(making, making.recall(lot), lot)


def counts(case: Case) -> tuple[int, int, int]:
    facts = case.making.world.recalls.recallOf(case.recall)
    return facts.consignees, facts.acknowledged, facts.reconciled


def test_a_consignee_from_notice_to_the_last_unit_with_every_field(case: Case) -> None:
    making, recall, lot = case
    world, retailer, maker = making.world, making.world.retailer, making.world.maker
    view = world.recalls.consigneeOf
    assert view(recall, lot, retailer.number)._asdict() == vars(Consignee(0))
    receipt = world.recalls.notify(recall, lot, retailer.number, 100, sender=maker.recall)
    who = {"recall": recall, "lot": lot, "consignee": retailer.number}
    assert happened(receipt) == [("ConsigneeNotified", who | {"caller": maker.recall, "quantity": 100})]
    assert counts(case) == (1, 0, 0)
    assert view(recall, lot, retailer.number)._asdict() == vars(Consignee(100))

    first = world.now
    receipt = world.recalls.acknowledge(recall, lot, 90, sender=retailer.recall)
    answer = who | {"caller": retailer.recall}
    assert happened(receipt) == [("ConsigneeAnswered", answer | {"received": 90, "time": first})]
    assert counts(case) == (1, 1, 0)

    ref = world.ref("accounting")
    receipt = world.recalls.reconcile(recall, lot, 50, 20, 10, ref, sender=retailer.recall)
    told = {"returned": 50, "destroyed": 20, "sold": 10}
    assert happened(receipt) == [("Reconciled", answer | told | {"ref": ref})]
    assert counts(case) == (1, 1, 0)

    world.node.warp(HOUR)
    receipt = world.recalls.acknowledge(recall, lot, 80, sender=retailer.recall)
    assert happened(receipt) == [("ConsigneeAnswered", answer | {"received": 80, "time": first + HOUR})]
    assert counts(case) == (1, 1, 1)
    expected = Consignee(100, 80, first, **told)
    assert view(recall, lot, retailer.number)._asdict() == vars(expected)
    making.shadow.catch_up()
    making.check()


def test_the_count_of_the_reconciled_goes_up_and_down(case: Case) -> None:
    making, recall, lot = case
    world, retailer, carrier = making.world, making.world.retailer, making.world.carrier
    for org in (retailer, carrier):
        assert making.shadow.recall("notify", recall, lot, org.number, 10, sender=world.maker.recall)

    def acknowledge(received: int) -> tuple[int, int, int]:
        assert making.shadow.recall("acknowledge", recall, lot, received, sender=retailer.recall)
        making.shadow.check_recalls()
        return counts(case)

    def reconcile(*quantities: int) -> tuple[int, int, int]:
        args = recall, lot, *quantities, world.ref()
        assert making.shadow.recall("reconcile", *args, sender=retailer.recall)
        making.shadow.check_recalls()
        return counts(case)

    assert acknowledge(0) == (2, 1, 1)  # nothing arrived, so all of it is accounted for
    assert acknowledge(10) == (2, 1, 0)
    assert reconcile(10, 0, 0) == (2, 1, 1)
    assert reconcile(0, 10, 0) == (2, 1, 1)
    assert reconcile(0, 0, 9) == (2, 1, 0)
    assert acknowledge(9) == (2, 1, 1)
    assert acknowledge(9) == (2, 1, 1)
    assert acknowledge(12) == (2, 1, 0)
    assert reconcile(4, 4, 4) == (2, 1, 1)
    assert making.shadow.recall("acknowledge", recall, lot, 0, sender=carrier.recall)
    assert counts(case) == (2, 2, 2)
    making.check()


def test_nobody_accounts_for_more_than_arrived(case: Case) -> None:
    making, recall, lot = case
    world, retailer = making.world, making.world.retailer
    most = 2**96 - 1
    assert making.shadow.recall("notify", recall, lot, retailer.number, 10, sender=world.maker.recall)
    args = recall, lot, 1, 0, 0, world.ref()
    with reverts("NotAnswered", recall, lot, retailer.number):
        world.recalls.reconcile(*args, sender=retailer.recall)
    assert making.shadow.recall("acknowledge", recall, lot, 10, sender=retailer.recall)
    for told in ((11, 0, 0), (0, 11, 0), (0, 0, 11), (4, 4, 3), (most, most, most)):
        with reverts("MoreThanReceived", recall, lot, sum(told), 10):
            world.recalls.reconcile(recall, lot, *told, world.ref(), sender=retailer.recall)
    assert making.shadow.recall("reconcile", recall, lot, 3, 3, 3, world.ref(), sender=retailer.recall)
    with reverts("MoreThanReceived", recall, lot, 9, 8):
        world.recalls.acknowledge(recall, lot, 8, sender=retailer.recall)
    assert making.shadow.recall("acknowledge", recall, lot, most, sender=retailer.recall)
    assert making.shadow.recall("reconcile", recall, lot, most - 1, 1, 0, world.ref(), sender=retailer.recall)
    with pytest.raises(Reverted):
        world.recalls.acknowledge(recall, lot, 2**96 - 2, sender=retailer.recall)
    making.check()


def test_only_consignees_answer(case: Case) -> None:
    making, recall, lot = case
    world, retailer, carrier = making.world, making.world.retailer, making.world.carrier
    other = making.lot("butter")
    assert making.shadow.recall("notify", recall, lot, retailer.number, 10, sender=world.maker.recall)
    for where, what, org in ((recall, lot, carrier), (recall, other, retailer), (recall + 1, lot, retailer)):
        with reverts("WrongConsignee", where, what, org.number, 0):
            world.recalls.acknowledge(where, what, 1, sender=org.recall)
        with reverts("WrongConsignee", where, what, org.number, 0):
            world.recalls.reconcile(where, what, 1, 0, 0, world.ref(), sender=org.recall)


def test_a_consignee_is_notified_once_for_each_lot_with_a_quantity(case: Case) -> None:
    making, recall, lot = case
    world, retailer, sender = making.world, making.world.retailer, making.world.maker.recall
    with reverts("WrongConsignee", recall, lot, retailer.number, 0):
        world.recalls.notify(recall, lot, retailer.number, 0, sender=sender)
    assert making.shadow.recall("notify", recall, lot, retailer.number, 1, sender=sender)
    with reverts("WrongConsignee", recall, lot, retailer.number, 5):
        world.recalls.notify(recall, lot, retailer.number, 5, sender=sender)
    butter = making.lot("butter")
    with reverts("NotAMember", recall, butter):
        world.recalls.notify(recall, butter, retailer.number, 1, sender=sender)
    assert making.shadow.recall("addLots", recall, [butter], sender=sender)
    assert making.shadow.recall("notify", recall, butter, retailer.number, 1, sender=sender)
    pills = making.units("pills", 3)
    with reverts("NotAMember", recall, pills):
        world.recalls.notify(recall, pills, retailer.number, 1, sender=sender)
    assert making.shadow.recall("addSerials", recall, pills, b"s" * 32, 1, sender=sender)
    assert making.shadow.recall("notify", recall, pills, retailer.number, 1, sender=sender)
    assert counts(case) == (3, 0, 0)
    making.check()


def test_consignees_may_be_told_and_answer_after_the_recall_was_lifted(case: Case) -> None:
    making, recall, lot = case
    world, retailer = making.world, making.world.retailer
    making.close(recall)
    making.lift(recall)
    assert making.shadow.recall("notify", recall, lot, retailer.number, 10, sender=world.maker.recall)
    assert making.shadow.recall("acknowledge", recall, lot, 10, sender=retailer.recall)
    assert making.shadow.recall("reconcile", recall, lot, 10, 0, 0, world.ref(), sender=retailer.recall)
    assert counts(case) == (1, 1, 1)
    making.check()


def test_an_account_is_told_of_what_has_happened(case: Case) -> None:
    making, recall, lot = case
    world, retailer = making.world, making.world.retailer
    assert making.shadow.recall("notify", recall, lot, retailer.number, 10, sender=world.maker.recall)
    assert making.shadow.recall("acknowledge", recall, lot, 10, sender=retailer.recall)
    later = world.ref(time=world.now + HOUR)
    with reverts("EventInFuture", world.now + HOUR, world.now):
        world.recalls.reconcile(recall, lot, 1, 0, 0, later, sender=retailer.recall)


def test_who_calls_answers_whoever_sent_the_transaction(case: Case) -> None:
    making, recall, lot = case
    world, retailer = making.world, making.world.retailer
    ours, theirs = (Forwarder.deploy(world.node, world.stranger) for _ in range(2))
    world.hire(world.maker, ours)
    world.hire(retailer, theirs)
    making.shadow.catch_up()
    assert making.shadow.recall("notify", recall, lot, retailer.number, 10, sender=ours)
    assert making.shadow.recall("acknowledge", recall, lot, 10, sender=theirs)
    assert making.shadow.recall("reconcile", recall, lot, 10, 0, 0, world.ref(), sender=theirs)
    assert making.shadow.recall("lift", recall, REASON, world.ref(), sender=ours)
    assert making.shadow.recall("clearMembers", recall, [lot], [], [], world.ref(), sender=theirs)
