"""Licences: seats that are taken, borrowed and given back, and why one is denied."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.licences import (
    HOUR,
    MOST_HOURS,
    OPEN,
    OVERDRAFT,
    PERIOD,
    TOLERANCE,
    Outcome,
    SeatRequest,
    SeatReturn,
    digest_of,
    judge,
)
from tests.support import Forwarder, deploy, reverts
from tests.support.licensing import Licensing
from tests.support.nodes import Account
from tests.support.signers import SecureElement, Wallet
from tests.support.words import Duty
from tests.support.world import DAY, happened, person

REASON = b"r" * 32
NEVER = 2**40 - 1
VECTORS = [
    (Outcome.OK, (0, 2, 1, 50, 10, 100)),
    (Outcome.OK, (1, 2, 1, 50, 10, 100)),
    (Outcome.OVERDRAFT, (2, 2, 1, 50, 10, 100)),
    (Outcome.MAX_REACHED, (3, 2, 1, 50, 10, 100)),
    (Outcome.NOT_STARTED, (0, 2, 1, 5, 10, 100)),
    (Outcome.EXPIRED, (0, 2, 1, 100, 10, 100)),
]
"""Used, granted, overdraft, now, start, end; as licence servers answer."""


def on_the_hour(licensing: Licensing, past: int = 0) -> int:
    """Goes to some seconds past the next full hour; the second of the full hour."""
    now = licensing.shadow.node.timestamp
    full = now - now % HOUR + HOUR
    licensing.shadow.node.timestamp = full + past
    return full


def take(licensing: Licensing, number: int, *people: Account, hours: int = 0) -> None:
    for account in people:
        assert licensing.shadow.tell("checkout", number, hours, sender=account)


# --------------------------------------------------------------------------------------------------- denying


@pytest.mark.parametrize(("expected", "vector"), VECTORS)
def test_the_answers_of_licence_servers(
    licensing: Licensing, expected: Outcome, vector: tuple[int, int, int, int, int, int]
) -> None:
    used, seats, overdraft, now, start, end = vector
    assert judge(*vector) == expected
    shadow, zero = licensing.shadow, licensing.world.now
    number = licensing.grant(start=zero + start, end=zero + end, seats=seats, seat_overdraft=overdraft)
    clerk = licensing.world.supplier.record
    if used:
        shadow.node.timestamp = zero + start
        take(licensing, number, *(licensing.hire(f"{i}") for i in range(used)))
    shadow.node.timestamp = zero + now
    assert shadow.outcome(number, clerk) == expected
    assert shadow.tell("checkout", number, 0, sender=clerk) == (expected <= Outcome.OVERDRAFT)
    shadow.check_all()


def test_denials_come_in_their_order(licensing: Licensing) -> None:
    """What is taken away one after the other uncovers the next reason."""
    shadow, world, node = licensing.shadow, licensing.world, licensing.shadow.node
    clerk, finance, zero = world.supplier.record, world.maker.finance, world.now
    number = licensing.grant(seats=1, seat_overdraft=0, start=zero + 10, end=zero + 100)
    node.timestamp = zero + 10
    take(licensing, number, clerk)
    node.timestamp = zero + 99
    both = licensing.hire("both")
    alone = licensing.grant(seats=1, seat_overdraft=0, seats_per_user=1)
    take(licensing, alone, clerk)
    assert shadow.outcome(alone, clerk) == Outcome.USER_MAX, "before all seats are looked at"
    with reverts("UserMaximum", alone, clerk, 1):
        licensing.contract.checkout(alone, 0, sender=clerk)
    with reverts("AllSeatsInUse", alone, 1, 1):
        licensing.contract.checkout(alone, 0, sender=both)
    node.timestamp = zero + 100
    with reverts("Expired", number, zero + 100, zero + 100):
        licensing.contract.checkout(number, 0, sender=clerk)
    licensing.grant(supersedes=world.now)
    assert shadow.outcome(number, clerk) == Outcome.SUPERSEDED, "before its term"
    node.timestamp = world.now
    assert shadow.tell("revoke", number, REASON, sender=finance)
    assert shadow.outcome(number, clerk) == Outcome.REVOKED
    with reverts("Revoked", number):
        licensing.contract.checkout(number, 0, sender=clerk)
    assert shadow.outcome(number, world.carrier.record) == Outcome.NOT_LICENSEE
    with reverts("NotLicensee", number, world.carrier.number, world.supplier.number):
        licensing.contract.checkout(number, 0, sender=world.carrier.record)
    assert shadow.outcome(99, world.carrier.record) == Outcome.UNKNOWN
    with reverts("UnknownLicence", 99):
        licensing.contract.checkout(99, 0, sender=clerk)


def test_the_first_and_the_last_second(licensing: Licensing) -> None:
    shadow, world, node = licensing.shadow, licensing.world, licensing.shadow.node
    clerk, zero = world.supplier.record, world.now
    number = licensing.grant(start=zero + 10, end=zero + 20)
    for second, outcome in (
        (9, Outcome.NOT_STARTED),
        (10, Outcome.OK),
        (19, Outcome.OK),
        (20, Outcome.EXPIRED),
    ):
        node.timestamp = zero + second
        assert shadow.outcome(number, clerk) == outcome
        here = shadow.point()
        assert shadow.tell("checkout", number, 0, sender=clerk) == (outcome == Outcome.OK)
        shadow.back_to(here)
        if outcome == Outcome.NOT_STARTED:
            with reverts("NotStarted", number, zero + 10, zero + 9):
                licensing.contract.checkout(number, 0, sender=clerk)


def test_who_may_not_speak_takes_no_seat(licensing: Licensing) -> None:
    shadow, world, number = licensing.shadow, licensing.world, licensing.grant()
    with reverts("UnknownAccount", world.stranger):
        licensing.contract.checkout(number, 0, sender=world.stranger)
    take(licensing, number, world.supplier.record)
    assert licensing.contract.hasSeat(number, world.supplier.record)
    world.suspend(world.supplier)
    shadow.catch_up()
    assert shadow.outcome(number, world.supplier.record) == Outcome.NOT_LICENSEE
    assert not licensing.contract.hasSeat(number, world.supplier.record)
    with reverts("OrganisationSuspended", world.supplier.number):
        licensing.contract.checkout(number, 0, sender=world.supplier.record)
    assert shadow.tell("checkin", number, world.supplier.record, 0, sender=world.supplier.record)


def test_a_seat_is_good_while_the_licence_is(licensing: Licensing) -> None:
    shadow, world, node = licensing.shadow, licensing.world, licensing.shadow.node
    clerk, zero = world.supplier.record, world.now
    number = licensing.grant(end=zero + 20)
    assert not licensing.contract.hasSeat(number, clerk)
    take(licensing, number, clerk)
    assert licensing.contract.hasSeat(number, clerk)
    here = shadow.point()
    assert shadow.tell("revoke", number, REASON, sender=world.maker.finance)
    assert not licensing.contract.hasSeat(number, clerk)
    shadow.back_to(here)
    node.timestamp = zero + 20
    assert not licensing.contract.hasSeat(number, clerk)
    assert licensing.contract.inUse(number) == 1


# ----------------------------------------------------------------------------------------------------- seats


def test_a_seat_is_taken_and_given_back(licensing: Licensing) -> None:
    world, number = licensing.world, licensing.grant()
    clerk, contract = world.supplier.record, licensing.contract
    now = world.now
    assert contract.checkout.call(number, 0, sender=clerk) == 0
    licensing.shadow.node.timestamp = now
    receipt = contract.checkout(number, 0, sender=clerk)
    told = {"licence": number, "org": world.supplier.number, "account": clerk, "caller": clerk, "seat": 0}
    assert happened(receipt) == [
        ("CheckedOut", told | {"since": now, "until": 0, "used": 1, "digest": bytes(32)})
    ]
    assert contract.inUse(number) == 1
    assert list(contract.seatsOf(number, clerk)) == [OPEN, 0, 0, 0, 0, 0, 0, 0]
    assert contract.usageOf(number) == (0, 1, 0, now // HOUR, 0, 0)
    licensing.shadow.node.timestamp = now + 3 * HOUR
    receipt = contract.checkin(number, clerk, 0, sender=clerk)
    assert happened(receipt) == [("CheckedIn", told | {"time": now + 3 * HOUR, "digest": bytes(32)})]
    assert contract.inUse(number) == 0
    assert not contract.hasSeat(number, clerk)
    assert contract.usageOf(number) == (0, 0, 0, now // HOUR + 3, 0, 0)
    with reverts("NotCheckedOut", number, clerk, 0):
        contract.checkin(number, clerk, 0, sender=clerk)


def test_an_account_has_seats_of_its_own(licensing: Licensing) -> None:
    """The first free one is taken, up to eight."""
    shadow, clerk = licensing.shadow, licensing.world.supplier.record
    number = licensing.grant(seats=20, seats_per_user=8)
    for seat in range(8):
        assert licensing.contract.checkout.call(number, 0, sender=clerk) == seat
        take(licensing, number, clerk)
    with reverts("UserMaximum", number, clerk, 8):
        licensing.contract.checkout(number, 0, sender=clerk)
    for seat in (5, 2):
        assert shadow.tell("checkin", number, clerk, seat, sender=clerk)
    for seat in (2, 5):
        assert licensing.contract.checkout.call(number, 0, sender=clerk) == seat
        take(licensing, number, clerk)
    for seat in (8, 9, 255):
        with reverts("NotCheckedOut", number, clerk, seat):
            licensing.contract.checkin(number, clerk, seat, sender=clerk)
    other = licensing.grant(seats=20, seats_per_user=8)
    assert licensing.contract.checkout.call(other, 0, sender=clerk) == 0
    assert licensing.contract.checkout.call(number, 0, sender=licensing.hire("else")) == 0
    shadow.check_all()


def test_who_gives_a_seat_back(licensing: Licensing) -> None:
    shadow, world = licensing.shadow, licensing.world
    number, clerk, supplier = licensing.grant(), world.supplier.record, world.supplier
    take(licensing, number, clerk)
    for nobody in (world.stranger, world.maker.finance, world.carrier.finance):
        with reverts("MayNotCheckIn", number, nobody, clerk):
            licensing.contract.checkin(number, clerk, 0, sender=nobody)
    with reverts("MissingDuty", supplier.quality, Duty.QUALITY, Duty.FINANCE):
        licensing.contract.checkin(number, clerk, 0, sender=supplier.quality)
    for unknown in (0, number + 1):
        with reverts("UnknownLicence", unknown):
            licensing.contract.checkin(unknown, clerk, 0, sender=supplier.finance)
        with reverts("NotCheckedOut", unknown, clerk, 0):
            licensing.contract.checkin(unknown, clerk, 0, sender=clerk)
    machine = Forwarder.deploy(shadow.node, clerk)
    with reverts("MayNotCheckIn", number, machine.address, clerk):
        licensing.contract.checkin(number, clerk, 0, sender=machine)
    world.hire(supplier, machine, Duty.FINANCE)
    [(_, told)] = happened(licensing.contract.checkin(number, clerk, 0, sender=machine))
    assert (told["org"], told["account"], told["caller"]) == (supplier.number, clerk, machine.address)


def test_who_was_let_go_gives_its_seat_back(licensing: Licensing) -> None:
    world, number = licensing.world, licensing.grant()
    leaver, contract = licensing.hire("leaver"), licensing.contract
    take(licensing, number, leaver, leaver)
    world.hire(world.supplier, leaver, 0)
    assert not contract.hasSeat(number, leaver)
    assert contract.inUse(number) == 2
    [(_, told)] = happened(contract.checkin(number, leaver, 0, sender=leaver))
    assert told["org"] == 0
    contract.checkin(number, leaver, 1, sender=world.supplier.finance)
    assert contract.inUse(number) == 0


def test_contracts_take_and_give_back_in_their_own_name(licensing: Licensing) -> None:
    world, number = licensing.world, licensing.grant()
    machine = Forwarder.deploy(licensing.shadow.node, world.supplier.record)
    with reverts("UnknownAccount", machine.address):
        licensing.contract.checkout(number, 0, sender=machine)
    world.hire(world.supplier, machine, Duty.RECORD)
    [(_, told)] = happened(licensing.contract.checkout(number, 0, sender=machine))
    assert (told["account"], told["caller"]) == (machine.address, machine.address)
    assert licensing.contract.hasSeat(number, machine.address)
    assert not licensing.contract.hasSeat(number, world.supplier.record)
    [(_, told)] = happened(licensing.contract.checkin(number, machine.address, 0, sender=machine))
    assert (told["account"], told["caller"]) == (machine.address, machine.address)


# ---------------------------------------------------------------------------------------------------- borrow


@pytest.mark.parametrize("past", [0, 1, HOUR - 1])
@pytest.mark.parametrize("hours", [1, 2, 16, 168])
def test_a_borrowed_seat_comes_back_by_itself(licensing: Licensing, past: int, hours: int) -> None:
    """At the first full hour that is so many hours away."""
    shadow, clerk, number = licensing.shadow, licensing.world.supplier.record, licensing.grant(seats=1)
    full = on_the_hour(licensing, past)
    until = full + (hours + (past > 0)) * HOUR
    receipt = licensing.contract.checkout(number, hours, sender=clerk)
    assert happened(receipt)[0][1]["until"] == until
    shadow.model.ledger = shadow.replay()
    assert licensing.contract.seatsOf(number, clerk)[0] == until
    assert licensing.contract.returnsAt(number, until // HOUR) == 1
    assert licensing.contract.returnsAt(number, until // HOUR - 1) == 0
    for second, out in ((until - 1, 1), (until, 0), (until + 1, 0), (until + 30 * DAY, 0)):
        shadow.node.timestamp = second
        assert licensing.contract.inUse(number) == out
        assert licensing.contract.hasSeat(number, clerk) == bool(out)
    with reverts("NotCheckedOut", number, clerk, 0):
        licensing.contract.checkin(number, clerk, 0, sender=clerk)
    take(licensing, number, clerk)
    assert licensing.contract.usageOf(number)[1:3] == (1, 0)
    shadow.check_all()


def test_seats_come_back_in_any_order(licensing: Licensing) -> None:
    """Over the borders of the words that count them, some of them early."""
    shadow, node = licensing.shadow, licensing.shadow.node
    number = licensing.grant(seats=60, seats_per_user=8)
    people = [licensing.hire(f"{i}") for i in range(6)]
    start = on_the_hour(licensing, 5)
    for turn in range(40):
        node.timestamp = start + 100 + turn
        take(licensing, number, people[turn % 6], hours=(turn * 7) % 41 + 1)
    for hour in range(44):
        node.timestamp = start + hour * HOUR + 200 * (hour > 0) + 300
        shadow.outcome(number, people[hour % 6])
        if hour % 5 == 1:
            seats = [
                (who, seat)
                for (_, who, seat), until in shadow.model.ledger.seats.items()
                if until > node.timestamp
            ]
            if seats:
                who, seat = seats[hour % len(seats)]
                assert shadow.tell("checkin", number, who, seat, sender=who)
        if hour % 7 == 3:
            shadow.check_all()
    assert licensing.contract.inUse(number) == 0


@pytest.mark.parametrize("word", range(16))
def test_each_place_in_a_word_counts(licensing: Licensing, word: int) -> None:
    """A loan of an hour, looked at from each hour on the way, with seats before and after it."""
    shadow, node = licensing.shadow, licensing.shadow.node
    number = licensing.grant(seats=60, seats_per_user=8)
    first, second, third = (licensing.hire(f"{i}") for i in range(3))
    full = on_the_hour(licensing)
    full += (16 - full // HOUR % 16 + word) * HOUR
    node.timestamp = full
    take(licensing, number, first, hours=1)
    take(licensing, number, second, second, hours=2)
    take(licensing, number, third, hours=33)
    here = shadow.point()
    for hour, out in ((0, 4), (1, 3), (2, 1), (32, 1), (33, 0), (9000, 0)):
        node.timestamp = full + hour * HOUR
        assert licensing.contract.inUse(number) == out
    shadow.back_to(here)
    node.timestamp = full + HOUR
    take(licensing, number, first)
    assert licensing.contract.usageOf(number)[1:3] == (1, 3)
    node.timestamp = full + 40 * HOUR
    take(licensing, number, second)
    assert licensing.contract.usageOf(number)[1:3] == (2, 0)
    shadow.check_all()


def test_a_full_hour_of_seats(licensing: Licensing) -> None:
    """Many seats that come back in the same hour are counted and no other hour's."""
    shadow, node = licensing.shadow, licensing.shadow.node
    number = licensing.grant(seats=300, seats_per_user=8)
    full = on_the_hour(licensing)
    for i in range(33):
        who = licensing.hire(f"{i}")
        calls = [licensing.contract.checkout.encode(number, 15) for _ in range(8)]
        node.timestamp = full
        licensing.contract.multicall(calls, sender=who)
    assert licensing.contract.inUse(number) == 264
    assert licensing.contract.returnsAt(number, full // HOUR + 15) == 264
    for beside in (14, 16):
        assert licensing.contract.returnsAt(number, full // HOUR + beside) == 0
    node.timestamp = full + 15 * HOUR - 1
    assert licensing.contract.inUse(number) == 264
    node.timestamp = full + 15 * HOUR
    assert licensing.contract.inUse(number) == 0
    shadow.model.ledger = shadow.replay()
    shadow.check_all()


def test_a_seat_is_borrowed_no_longer_than_allowed(licensing: Licensing) -> None:
    clerk = licensing.world.supplier.record
    for most in (0, 1, 168, MOST_HOURS):
        number = licensing.grant(borrow_hours=most)
        with reverts("BorrowTooLong", most + 1, most):
            licensing.contract.checkout(number, most + 1, sender=clerk)
        if most:
            take(licensing, number, clerk, hours=most)
    licensing.shadow.check_all()


def test_a_seat_is_not_borrowed_beyond_the_licence(licensing: Licensing) -> None:
    shadow, clerk, full = licensing.shadow, licensing.world.supplier.record, on_the_hour(licensing)
    exact = licensing.grant(end=full + 2 * HOUR)
    shorter = licensing.grant(end=full + 2 * HOUR - 1)
    shadow.node.timestamp = full
    take(licensing, exact, clerk, hours=2)
    shadow.node.timestamp = full
    with reverts("BorrowOutlasts", shorter, full + 2 * HOUR, full + 2 * HOUR - 1):
        licensing.contract.checkout(shorter, 2, sender=clerk)
    take(licensing, shorter, clerk)


def test_a_borrowed_seat_is_given_back_early(licensing: Licensing) -> None:
    shadow, node, clerk = licensing.shadow, licensing.shadow.node, licensing.world.supplier.record
    number = licensing.grant(seats=1, seat_overdraft=0)
    full = on_the_hour(licensing)
    take(licensing, number, clerk, hours=3)
    with reverts("AllSeatsInUse", number, 1, 1):
        licensing.contract.checkout(number, 0, sender=licensing.hire("else"))
    node.timestamp = full + 3 * HOUR - 1
    here = shadow.point()
    assert shadow.tell("checkin", number, clerk, 0, sender=clerk)
    assert licensing.contract.returnsAt(number, full // HOUR + 3) == 0
    assert licensing.contract.inUse(number) == 0
    shadow.check_all()
    shadow.back_to(here)
    node.timestamp = full + 3 * HOUR
    with reverts("NotCheckedOut", number, clerk, 0):
        licensing.contract.checkin(number, clerk, 0, sender=clerk)


# ------------------------------------------------------------------------------------------------- overdraft


def test_an_overdraft_is_reported_with_one_alert_a_period(licensing: Licensing) -> None:
    shadow, world, node = licensing.shadow, licensing.world, licensing.shadow.node
    number = licensing.grant(seats=1, seat_overdraft=3, seats_per_user=8)
    start = licensing.start
    clerk, other = world.supplier.record, licensing.hire("else")
    take(licensing, number, clerk)
    node.timestamp = start + PERIOD - 2
    receipt = licensing.contract.checkout(number, 0, sender=other)
    who = {"licence": number, "org": world.supplier.number, "account": other}
    alert = {"subject": licensing.design, "code": OVERDRAFT, "org": world.maker.number, "severity": 1}
    alert |= {"ref": number.to_bytes(32, "big")}
    assert keccak(text="OVERDRAFT")[:4] == OVERDRAFT
    assert happened(receipt)[1:] == [
        ("SeatsOverdrawn", who | {"over": 1, "period": 1}),
        ("Alert", alert),
    ]
    shadow.model.ledger = shadow.replay()
    assert licensing.contract.usageOf(number).seatPeriod == 1
    node.timestamp = start + PERIOD - 1
    receipt = licensing.contract.checkout(number, 0, sender=other)
    assert happened(receipt)[1:] == [("SeatsOverdrawn", who | {"over": 2, "period": 1})]
    node.timestamp = start + PERIOD
    receipt = licensing.contract.checkout(number, 0, sender=other)
    assert happened(receipt)[1:] == [
        ("SeatsOverdrawn", who | {"over": 3, "period": 2}),
        ("Alert", alert),
    ]
    with reverts("AllSeatsInUse", number, 4, 4):
        licensing.contract.checkout(number, 0, sender=clerk)
    shadow.model.ledger = shadow.replay()
    assert licensing.contract.usageOf(number)[4:] == (2, 0)
    shadow.check_all()


def test_the_alert_is_the_present_owners(licensing: Licensing) -> None:
    shadow, world = licensing.shadow, licensing.world
    number = licensing.grant(seats=0, seat_overdraft=1, seats_per_user=1)
    world.give_title(licensing.design, world.maker, world.retailer)
    shadow.catch_up()
    receipt = licensing.contract.checkout(number, 0, sender=world.supplier.record)
    assert happened(receipt)[-1][1]["org"] == world.retailer.number


# ---------------------------------------------------------------------------------------------------- signed


class Passkey:
    """A designer whose key cannot send."""

    def __init__(self, licensing: Licensing) -> None:
        self.licensing = licensing
        node = licensing.shadow.node
        self.key = SecureElement(deploy(node, "ERC7913P256Verifier"), 0xC0FFEE)
        self.account = licensing.world.hire(licensing.licensee, self.key.name, Duty.RECORD)
        licensing.shadow.catch_up()
        self.number = licensing.grant()
        now = licensing.world.now
        self.request = SeatRequest(self.number, 5, now, now + 60, b"s" * 32)
        self.giving = SeatReturn(self.number, 0, now + 60, b"s" * 32)

    def digest(self, message: SeatRequest | SeatReturn) -> bytes:
        return digest_of(message, self.licensing.contract.address, self.licensing.shadow.node.chain_id)

    def signed(self, message: SeatRequest | SeatReturn) -> tuple[Any, bytes, bytes]:
        return message, self.key.name, self.licensing.shadow.sign_seat(message, self.key)


@pytest.fixture
def passkey(licensing: Licensing) -> Passkey:
    return Passkey(licensing)


def test_a_key_that_cannot_send_signs(licensing: Licensing, passkey: Passkey) -> None:
    shadow, carrier, contract = licensing.shadow, licensing.world.stranger, licensing.contract
    digest = passkey.digest(passkey.request)
    assert contract.requestDigest(passkey.request) == digest
    assert not contract.used(digest)
    assert contract.checkoutSigned.call(*passkey.signed(passkey.request), sender=carrier) == 0
    receipt = contract.checkoutSigned(*passkey.signed(passkey.request), sender=carrier)
    [(name, told)] = happened(receipt)
    assert (name, told["account"], told["caller"]) == ("CheckedOut", passkey.account, carrier)
    assert (told["digest"], told["org"]) == (digest, licensing.world.supplier.number)
    assert told["until"] - told["since"] in range(5 * HOUR, 6 * HOUR)
    assert contract.used(digest)
    with reverts("AlreadyUsed", digest):
        contract.checkoutSigned(*passkey.signed(passkey.request), sender=carrier)
    shadow.model.ledger = shadow.replay()
    again = passkey.request._replace(salt=b"t" * 32, borrow_for=0)
    assert shadow.tell("checkoutSigned", *passkey.signed(again), sender=carrier)
    assert list(contract.seatsOf(passkey.number, passkey.account))[1] == OPEN

    giving = passkey.digest(passkey.giving)
    assert contract.returnDigest(passkey.giving) == giving
    receipt = contract.checkinSigned(*passkey.signed(passkey.giving), sender=carrier)
    who = {"licence": passkey.number, "org": licensing.world.supplier.number, "account": passkey.account}
    told = {"caller": carrier, "seat": 0, "time": happened(receipt)[0][1]["time"], "digest": giving}
    assert happened(receipt) == [("CheckedIn", who | told)]
    assert contract.used(giving)
    shadow.model.ledger = shadow.replay()
    with reverts("AlreadyUsed", giving):
        contract.checkinSigned(*passkey.signed(passkey.giving), sender=carrier)
    with reverts("NotCheckedOut", passkey.number, passkey.account, 0):
        contract.checkinSigned(*passkey.signed(passkey.giving._replace(salt=bytes(32))), sender=carrier)
    assert not contract.used(passkey.digest(passkey.giving._replace(salt=bytes(32))))
    shadow.check_all()


def test_what_is_signed_has_a_deadline(licensing: Licensing, passkey: Passkey) -> None:
    shadow, end, anyone = licensing.shadow, passkey.request.deadline, licensing.world.stranger
    shadow.node.timestamp = end
    assert shadow.tell("checkoutSigned", *passkey.signed(passkey.request), sender=anyone)
    shadow.node.timestamp = end
    assert shadow.tell("checkinSigned", *passkey.signed(passkey.giving), sender=anyone)
    shadow.node.timestamp = end + 1
    late, lately = passkey.request._replace(salt=bytes(32)), passkey.giving._replace(salt=bytes(32))
    with reverts("DeadlinePassed", passkey.digest(late), end, end + 1):
        licensing.contract.checkoutSigned(*passkey.signed(late), sender=anyone)
    with reverts("DeadlinePassed", passkey.digest(lately), end, end + 1):
        licensing.contract.checkinSigned(*passkey.signed(lately), sender=anyone)


@pytest.mark.parametrize("difference", [TOLERANCE, -TOLERANCE])
def test_a_clock_that_is_a_day_wrong_is_refused(
    licensing: Licensing, passkey: Passkey, difference: int
) -> None:
    shadow, anyone = licensing.shadow, licensing.world.stranger
    now = licensing.world.now
    sign = 1 if difference > 0 else -1
    right = passkey.request._replace(time=now + difference, deadline=NEVER)
    wrong = right._replace(time=now + difference + sign)
    with reverts("ClockDifference", wrong.time, now):
        licensing.contract.checkoutSigned(*passkey.signed(wrong), sender=anyone)
    assert not licensing.contract.used(passkey.digest(wrong))
    shadow.node.timestamp = now
    assert shadow.tell("checkoutSigned", *passkey.signed(right), sender=anyone)


@pytest.mark.parametrize(
    "changes",
    [{"licence": 9}, {"borrow_for": 4}, {"time": 9}, {"deadline": NEVER}, {"salt": bytes(32)}],
    ids=lambda changes: next(iter(changes)),
)
def test_no_other_seat_than_what_was_signed(
    licensing: Licensing, passkey: Passkey, changes: dict[str, Any]
) -> None:
    _, signer, signature = passkey.signed(passkey.request)
    other = passkey.request._replace(**changes)
    with reverts("InvalidSeatSignature", passkey.digest(other), signer):
        licensing.contract.checkoutSigned(other, signer, signature, sender=licensing.world.stranger)


@pytest.mark.parametrize(
    "changes",
    [{"licence": 9}, {"seat": 1}, {"deadline": NEVER}, {"salt": bytes(32)}],
    ids=lambda changes: next(iter(changes)),
)
def test_nothing_else_is_given_back_than_was_signed(
    licensing: Licensing, passkey: Passkey, changes: dict[str, Any]
) -> None:
    _, signer, signature = passkey.signed(passkey.giving)
    other = passkey.giving._replace(**changes)
    with reverts("InvalidSeatSignature", passkey.digest(other), signer):
        licensing.contract.checkinSigned(other, signer, signature, sender=licensing.world.stranger)


def test_only_accounts_of_the_licensee_sign(licensing: Licensing, passkey: Passkey) -> None:
    world, anyone = licensing.world, licensing.world.stranger
    thief = Wallet(world.carrier.all)
    digest, giving = passkey.digest(passkey.request), passkey.digest(passkey.giving)
    with reverts("NotLicensee", passkey.number, world.carrier.number, world.supplier.number):
        licensing.contract.checkoutSigned(passkey.request, thief.name, thief.sign(digest), sender=anyone)
    assert not licensing.contract.used(digest), "what was refused is not used up"
    take(licensing, passkey.number, world.supplier.record)
    with reverts("NotCheckedOut", passkey.number, world.carrier.all, 0):
        licensing.contract.checkinSigned(passkey.giving, thief.name, thief.sign(giving), sender=anyone)
    for call, message, hashed in (
        (licensing.contract.checkoutSigned, passkey.request, digest),
        (licensing.contract.checkinSigned, passkey.giving, giving),
    ):
        with reverts("InvalidSeatSignature", hashed, bytes(19)):
            call(message, bytes(19), b"", sender=anyone)


def test_a_wallet_signs_too(licensing: Licensing) -> None:
    """A gateway pays for the transaction."""
    shadow, number, now = licensing.shadow, licensing.grant(), licensing.world.now
    wallet = Wallet(licensing.hire("designer"))
    account = person("designer")
    request = SeatRequest(number, 0, now, now + 9)
    signed = request, wallet.name, shadow.sign_seat(request, wallet)
    machine = Forwarder.deploy(shadow.node, licensing.world.stranger)
    assert shadow.tell("checkoutSigned", *signed, sender=machine)
    giving = SeatReturn(number, 0, now + 99)
    assert shadow.tell("checkinSigned", giving, wallet.name, shadow.sign_seat(giving, wallet), sender=machine)
    assert licensing.contract.inUse(number) == 0
    assert not licensing.contract.hasSeat(number, account)
    shadow.check_all()
