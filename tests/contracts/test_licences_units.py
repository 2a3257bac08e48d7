"""Licences: what is made is counted, once for a design, and what is beyond the licence is reported."""

from __future__ import annotations

import pytest

from tests.models.licences import ONE, OVERDRAFT, PERIOD, Made
from tests.support import Forwarder, reverts
from tests.support.licensing import Licensing
from tests.support.words import Duty, Kind
from tests.support.world import asset, happened

REASON = b"r" * 32
MUCH = 2**96 - 1


def test_what_is_made_is_counted(licensing: Licensing) -> None:
    shadow, world, contract = licensing.shadow, licensing.world, licensing.contract
    number, part, lot = licensing.grant(), licensing.part("1"), licensing.lot("L")
    made = [Made(part), Made(lot, ONE + 7)]
    receipt = contract.consume(number, made, sender=world.supplier.register)
    who = {"licence": number, "org": world.supplier.number, "caller": world.supplier.register}
    assert happened(receipt) == [
        ("UnitsConsumed", {**who, "thing": part, "quantity": ONE, "consumed": ONE}),
        ("UnitsConsumed", {**who, "thing": lot, "quantity": ONE + 7, "consumed": 2 * ONE + 7}),
    ]
    assert contract.usageOf(number) == (2 * ONE + 7, 0, 0, 0, 0, 0)
    assert contract.countOf(licensing.design, part) == (number, ONE)
    assert contract.countOf(licensing.design, lot) == (number, ONE + 7)
    assert contract.countOf(licensing.design, REASON) == (0, 0)
    shadow.model.ledger = shadow.replay()
    shadow.check_all()


def test_a_thing_is_counted_once_for_a_design(licensing: Licensing) -> None:
    shadow, contract, design = licensing.shadow, licensing.contract, licensing.design
    sender = licensing.world.supplier.register
    number, part, lot = licensing.grant(), licensing.part("1"), licensing.lot("L")
    assert licensing.make(number, Made(part), Made(lot, 1))
    second = licensing.grant()
    for licence in (number, second):
        for made in (Made(part), Made(lot, 1)):
            with reverts("AlreadyCounted", design, made.thing, number):
                contract.consume(licence, [made], sender=sender)
    fresh = Made(licensing.part("2"))
    with reverts("AlreadyCounted", design, fresh.thing, second):
        contract.consume(second, [fresh, fresh], sender=sender)
    assert contract.countOf(design, fresh.thing) == (0, 0)
    other = licensing.new_design("OTHER")
    third = licensing.grant(design=other)
    assert licensing.make(third, Made(part))
    assert contract.countOf(other, part) == (third, ONE)
    shadow.check_all()


def test_who_counts_has_made_it(licensing: Licensing) -> None:
    world, contract, number = licensing.world, licensing.contract, licensing.grant()
    sender, org = world.supplier.register, world.supplier.number
    foreign = licensing.part("1", world.maker)
    others = world.register(asset("THING"), Kind.ASSET, org=world.maker)
    for thing in (foreign, others, licensing.design, REASON, bytes(32)):
        with reverts("NotMadeBy", thing, org):
            contract.consume(number, [Made(thing)], sender=sender)
    its = licensing.part("2")
    world.give_title(its, world.supplier, world.retailer)
    licensing.shadow.catch_up()
    assert licensing.make(number, Made(its)), "who made it counts it, whoever owns it now"


def test_a_container_or_machine_is_no_part(licensing: Licensing) -> None:
    world, number = licensing.world, licensing.grant(to=licensing.world.maker)
    sender = world.maker.register
    for kind in (Kind.ASSET, Kind.CONTAINER, Kind.DESIGN):
        thing = world.register(asset(f"THING{kind}"), kind)
        with reverts("NotMadeBy", thing, world.maker.number):
            licensing.contract.consume(number, [Made(thing)], sender=sender)


@pytest.mark.parametrize("quantity", [0, 1, ONE - 1, ONE + 1, MUCH])
def test_a_part_is_one_unit(licensing: Licensing, quantity: int) -> None:
    number, part = licensing.grant(units=MUCH, unit_overdraft=0), licensing.part("1")
    with reverts("WrongQuantity", part, quantity):
        licensing.contract.consume(number, [Made(part, quantity)], sender=licensing.world.supplier.register)


def test_of_a_lot_there_is_some(licensing: Licensing) -> None:
    sender = licensing.world.supplier.register
    number, lot = licensing.grant(units=MUCH, unit_overdraft=0), licensing.lot("L")
    with reverts("WrongQuantity", lot, 0):
        licensing.contract.consume(number, [Made(lot, 0)], sender=sender)
    with reverts("NothingMade"):
        licensing.contract.consume(number, [], sender=sender)
    assert licensing.make(number, Made(lot, MUCH))
    part = licensing.part("1")
    with reverts("UnitsExhausted", number, MUCH + ONE, MUCH):
        licensing.contract.consume(number, [Made(part)], sender=sender)
    licensing.shadow.check_all()


def test_only_the_licensees_registrars_count(licensing: Licensing) -> None:
    world, contract = licensing.world, licensing.contract
    number, part = licensing.grant(), licensing.part("1")
    made = [Made(part)]
    with reverts("UnknownAccount", world.stranger):
        contract.consume(number, made, sender=world.stranger)
    with reverts("MissingDuty", world.supplier.finance, Duty.FINANCE, Duty.REGISTER):
        contract.consume(number, made, sender=world.supplier.finance)
    with reverts("NotLicensee", number, world.carrier.number, world.supplier.number):
        contract.consume(number, made, sender=world.carrier.register)
    for unknown in (0, number + 1):
        with reverts("UnknownLicence", unknown):
            contract.consume(unknown, made, sender=world.supplier.register)
    machine = Forwarder.deploy(licensing.shadow.node, world.supplier.register)
    with reverts("UnknownAccount", machine.address):
        contract.consume(number, made, sender=machine)
    world.hire(world.supplier, machine, Duty.REGISTER)
    [(_, told)] = happened(contract.consume(number, made, sender=machine))
    assert told["caller"] == machine.address


def test_units_are_counted_while_the_licence_is_in_force(licensing: Licensing) -> None:
    world, node, zero = licensing.world, licensing.shadow.node, licensing.world.now
    made, sender = [Made(licensing.part("1"))], world.supplier.register
    number = licensing.grant(start=zero + 500, end=zero + 600)
    node.timestamp = zero + 499
    with reverts("NotStarted", number, zero + 500, zero + 499):
        licensing.contract.consume(number, made, sender=sender)
    here = licensing.shadow.point()
    node.timestamp = zero + 599
    assert licensing.make(number, *made)
    licensing.shadow.back_to(here)
    node.timestamp = zero + 600
    with reverts("Expired", number, zero + 600, zero + 600):
        licensing.contract.consume(number, made, sender=sender)


def test_no_more_is_counted_than_may_be_overdrawn(licensing: Licensing) -> None:
    sender = licensing.world.supplier.register
    number, lot, more = licensing.grant(units=5, unit_overdraft=2), licensing.lot("L"), licensing.lot("M")
    with reverts("UnitsExhausted", number, 8, 7):
        licensing.contract.consume(number, [Made(lot, 8)], sender=sender)
    with reverts("UnitsExhausted", number, 8, 7):
        licensing.contract.consume(number, [Made(lot, 7), Made(more, 1)], sender=sender)
    assert licensing.make(number, Made(lot, 7))
    with reverts("UnitsExhausted", number, 8, 7):
        licensing.contract.consume(number, [Made(more, 1)], sender=sender)
    licensing.shadow.check_all()


def test_an_overdraft_of_units_is_reported_with_one_alert_a_period(licensing: Licensing) -> None:
    shadow, world, node = licensing.shadow, licensing.world, licensing.shadow.node
    number = licensing.grant(units=5, unit_overdraft=9)
    lots = [licensing.lot(f"L{i}") for i in range(5)]
    start, sender = licensing.start, world.supplier.register
    receipt = licensing.contract.consume(number, [Made(lots[0], 5)], sender=sender)
    assert len(happened(receipt)) == 1, "all that was granted and no more"
    who = {"licence": number, "org": world.supplier.number, "account": sender}
    alert = {"subject": licensing.design, "code": OVERDRAFT, "org": world.maker.number, "severity": 1}
    alert |= {"ref": number.to_bytes(32, "big")}
    for second, lot, over, period, alerted in (
        (start + PERIOD - 2, lots[1], 1, 1, True),
        (start + PERIOD - 1, lots[2], 2, 1, False),
        (start + PERIOD, lots[3], 3, 2, True),
        (start + 4 * PERIOD - 1, lots[4], 4, 4, True),
    ):
        node.timestamp = second
        receipt = licensing.contract.consume(number, [Made(lot, 1)], sender=sender)
        expected = [("UnitsOverdrawn", who | {"over": over, "period": period})]
        assert happened(receipt)[1:] == expected + ([("Alert", alert)] if alerted else [])
        assert licensing.contract.usageOf(number)[4:] == (0, period)
    shadow.model.ledger = shadow.replay()
    shadow.check_all()


def test_seats_and_units_are_reported_apart(licensing: Licensing) -> None:
    shadow = licensing.shadow
    number = licensing.grant(seats=0, seat_overdraft=2, units=0, unit_overdraft=ONE)
    assert shadow.tell("checkout", number, 0, sender=licensing.world.supplier.record)
    assert licensing.contract.usageOf(number)[4:] == (1, 0)
    assert licensing.make(number, Made(licensing.part("1")))
    assert licensing.contract.usageOf(number)[4:] == (1, 1)
    shadow.check_all()


def test_what_was_consumed_survives_seats_and_the_other_way_round(licensing: Licensing) -> None:
    shadow, clerk = licensing.shadow, licensing.world.supplier.record
    number = licensing.grant()
    assert licensing.make(number, Made(licensing.part("1")))
    assert shadow.tell("checkout", number, 3, sender=clerk)
    assert licensing.make(number, Made(licensing.part("2")))
    assert shadow.tell("checkin", number, clerk, 0, sender=clerk)
    assert licensing.contract.usageOf(number)[:3] == (2 * ONE, 0, 0)
    shadow.check_all()
