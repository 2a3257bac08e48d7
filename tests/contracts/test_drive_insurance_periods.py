"""Periods: reports of the device, disputes, settlement, and what happens without a report."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models import premium
from tests.models.premium import Counters
from tests.support import Forwarder, Node, decode_logs, reverts
from tests.support.drive import DAY, DEVICE, FOREVER, ONE, TERMS, USD, VEHICLE, Drive, Quote, Usage
from tests.support.signers import Wallet
from tests.support.world import person

MAX = TERMS.maximum
PERIOD = TERMS.period
REASON = keccak(text="that was not me")
MIXED = {"night": 150_000, "speeding": 20_000, "brakes": 6, "accels": 3, "corners": 2, "phone": 4}
UINT64_MAX = 2**64 - 1


@pytest.fixture
def drive(node: Node) -> Drive:
    return Drive.create(node)


@pytest.fixture
def quote(drive: Drive) -> Quote:
    """Open since its start, with three periods paid."""
    quote = drive.quote()
    drive.open(quote)
    return quote


def state(drive: Drive, quote: Quote) -> Any:
    return drive.insurance.policyOf(drive.id(quote))


def report_of(drive: Drive, quote: Quote) -> Any:
    return drive.insurance.reportOf(drive.id(quote))


def driven(drive: Drive, quote: Quote, metres: int = 1_200_000, **counted: Any) -> Any:
    """The next period has ended and is reported."""
    odometer = state(drive, quote).odometer + metres
    drive.node.timestamp = max(drive.now, drive.usage(quote).to)
    return drive.report(quote, odometer=odometer, **(counted or MIXED))


# Reports


def test_a_report_tells_and_stores_everything(drive: Drive, quote: Quote) -> None:
    root = keccak(text="trips")
    drive.node.warp(PERIOD)
    receipt = drive.report(quote, odometer=11_200_000, **MIXED, trips=41, tripsRoot=root)
    until = drive.now + quote.cover.disputeWindow
    assert [(e.name, e.args) for e in decode_logs(receipt)] == [
        (
            "UsageReported",
            {
                "policyId": drive.id(quote),
                "period": 1,
                "caller": drive.keeper,
                "odometer": 11_200_000,
                "counters": (1_200_000, 150_000, 20_000, 6, 3, 2, 4),
                "trips": 41,
                "tripsRoot": root,
                "charge": 55_019_883,
                "tier": 913_000,
                "until": until,
            },
        )
    ]
    assert report_of(drive, quote) == (55_019_883, 913_000, until, 11_200_000, 1)
    assert drive.insurance.tripsRootOf(drive.id(quote), 1) == root
    assert drive.insurance.tripsRootOf(drive.id(quote), 2) == bytes(32)
    found = state(drive, quote)
    assert (found.odometer, found.billed, found.escrow, found.settled) == (10_000_000, 10_000_000, 3 * MAX, 0)


def test_a_gateway_may_be_a_contract(drive: Drive, quote: Quote) -> None:
    machine = Forwarder.deploy(drive.node, person("machine owner"))
    drive.node.warp(PERIOD)
    receipt = drive.report(quote, sender=machine)
    assert drive.insurance.events(receipt)[0]["caller"] == machine.address
    drive.node.warp(quote.cover.disputeWindow + 1)
    receipt = drive.insurance.settle(quote, sender=machine)
    assert drive.insurance.events(receipt)[0]["caller"] == machine.address


def test_a_report_is_for_exactly_the_next_period(drive: Drive, quote: Quote) -> None:
    drive.node.warp(PERIOD)
    start, end = quote.cover.start, quote.cover.start + PERIOD
    other = drive.id(drive.quote())
    for wrong in (
        {"policyId": other},
        {"period": 0},
        {"period": 2},
        {"from_": start - 1},
        {"from_": start + 1},
        {"to": end - 1},
        {"to": end + 1},
    ):
        with reverts("WrongPeriod", drive.id(quote), 1, start, end):
            drive.report(quote, **wrong)
    drive.report(quote)
    with reverts("AlreadyReported", drive.id(quote), 1):
        drive.report(quote)


def test_a_period_is_reported_when_it_has_ended(drive: Drive, quote: Quote) -> None:
    end = quote.cover.start + PERIOD
    drive.node.timestamp = end - 1
    with reverts("WindowOpen", drive.id(quote), end - 1):
        drive.report(quote)
    drive.node.warp(1)
    drive.report(quote)


def test_a_report_may_come_to_the_last_second_of_its_window(drive: Drive, quote: Quote) -> None:
    last = quote.cover.start + PERIOD + quote.cover.reportWindow
    drive.node.timestamp = last
    here = drive.node.snapshot()
    drive.report(quote)
    drive.node.revert(here)
    drive.node.warp(1)
    with reverts("WindowClosed", drive.id(quote), last):
        drive.report(quote)


def test_the_window_opens_when_the_period_before_is_settled(drive: Drive, quote: Quote) -> None:
    """A long dispute takes no report window away."""
    driven(drive, quote)
    drive.node.timestamp = quote.cover.start + 2 * PERIOD + 5 * DAY
    drive.insurance.settle(quote, sender=drive.keeper)
    last = drive.now + quote.cover.reportWindow
    drive.node.timestamp = last
    with reverts("WindowOpen", drive.id(quote), last):
        drive.insurance.settleDefault(quote, sender=drive.keeper)
    here = drive.node.snapshot()
    drive.report(quote)
    drive.node.revert(here)
    drive.node.warp(1)
    with reverts("WindowClosed", drive.id(quote), last):
        drive.report(quote)
    drive.insurance.settleDefault(quote, sender=drive.keeper)


def test_a_report_is_the_devices(drive: Drive, quote: Quote) -> None:
    drive.node.warp(PERIOD)
    usage, insurance = drive.usage(quote, odometer=10_000_005, trips=2), drive.insurance
    forger = Wallet(person("forger"))
    with reverts("WrongSigner", DEVICE, forger.name):
        insurance.report(quote, usage, forger.name, drive.sign(usage, forger), sender=drive.keeper)
    for signature in (drive.sign(usage, forger), drive.sign(usage._replace(brakes=1), drive.box), b""):
        with reverts("InvalidDeviceSignature", DEVICE, drive.digest(usage)):
            insurance.report(quote, usage, drive.box.name, signature, sender=drive.keeper)
    signature = drive.sign(usage, drive.box)
    for name in Usage._fields[4:]:
        value = getattr(usage, name)
        changed = usage._replace(**{name: keccak(value) if isinstance(value, bytes) else value + 1})
        with reverts("InvalidDeviceSignature", DEVICE, drive.digest(changed)):
            insurance.report(quote, changed, drive.box.name, signature, sender=drive.keeper)
    insurance.report(quote, usage, drive.box.name, signature, sender=drive.keeper)


def test_the_device_is_attached_for_the_whole_period(drive: Drive, quote: Quote) -> None:
    start, end = quote.cover.start, quote.cover.start + PERIOD
    drive.node.warp(PERIOD)
    for since, until in ((start + 1, FOREVER), (0, end - 2)):
        drive.devices.set(DEVICE, drive.box.name, VEHICLE, since, until, sender=drive.governor)
        with reverts("NotAttachedDuring", DEVICE, VEHICLE, start, end - 1):
            drive.report(quote)
    drive.devices.set(DEVICE, drive.box.name, keccak(text="another car"), 0, FOREVER, sender=drive.governor)
    with reverts("NotAttachedDuring", DEVICE, VEHICLE, start, end - 1):
        drive.report(quote)
    drive.devices.set(DEVICE, drive.box.name, VEHICLE, start, end - 1, sender=drive.governor)
    drive.report(quote)


def test_the_odometer_runs_forward(drive: Drive, quote: Quote) -> None:
    drive.node.warp(PERIOD)
    with reverts("OdometerBackwards", drive.id(quote), 9_999_999, 10_000_000):
        drive.report(quote, odometer=9_999_999)
    drive.report(quote, odometer=10_000_000)


@pytest.mark.parametrize(("night", "speeding"), [(101, 0), (0, 101), (101, 101)])
def test_night_and_speeding_are_among_the_metres_driven(
    drive: Drive, quote: Quote, night: int, speeding: int
) -> None:
    drive.node.warp(PERIOD)
    with reverts("MoreThanDriven", drive.id(quote), night, speeding, 100):
        drive.report(quote, odometer=10_000_100, night=night, speeding=speeding)
    drive.report(quote, odometer=10_000_100, night=100, speeding=100)


def test_one_period_waits_for_the_other(drive: Drive, quote: Quote) -> None:
    driven(drive, quote)
    drive.node.warp(PERIOD)
    with reverts("AlreadyReported", drive.id(quote), 1):
        drive.report(quote)


def test_the_tier_follows_one_period_later(drive: Drive, quote: Quote) -> None:
    driven(drive, quote)
    assert report_of(drive, quote).charge == 55_019_883
    drive.node.warp(quote.cover.disputeWindow + 1)
    drive.insurance.settle(quote, sender=drive.keeper)
    assert state(drive, quote).tier == 913_000
    driven(drive, quote)
    expected = premium.charge(TERMS, Counters(1_200_000, *MIXED.values()), PERIOD, 913_000)
    assert report_of(drive, quote).charge == expected


def test_the_last_period_of_a_term_is_shorter(drive: Drive) -> None:
    quote = drive.quote(end=drive.now + PERIOD + 12 * DAY)
    drive.open(quote, 2 * MAX)
    drive.settle_next(quote)
    drive.node.timestamp = quote.cover.end
    receipt = drive.report(quote, odometer=10_321_869)
    assert drive.insurance.events(receipt)[0]["charge"] == 18_400_003
    drive.node.warp(quote.cover.disputeWindow + 1)
    receipt = drive.insurance.settle(quote, sender=drive.keeper)
    (settled,) = drive.insurance.events(receipt, "PeriodSettled")
    assert (settled["from"], settled["to"]) == (quote.cover.start + PERIOD, quote.cover.end)
    with reverts("NothingToSettle", drive.id(quote), quote.cover.end):
        drive.report(quote)


# Settlement


def test_a_settlement_tells_and_moves_everything(drive: Drive, quote: Quote) -> None:
    driven(drive, quote)
    pool = drive.insurance.poolOf(drive.treasury)
    drive.node.warp(quote.cover.disputeWindow)
    with reverts("WindowOpen", drive.id(quote), drive.now):
        drive.insurance.settle(quote, sender=drive.keeper)
    drive.node.warp(1)
    receipt = drive.insurance.settle(quote, sender=drive.keeper)
    charge, end = 55_019_883, quote.cover.start + PERIOD
    settled = {
        "policyId": drive.id(quote),
        "period": 1,
        "treasury": drive.treasury,
        "caller": drive.keeper,
        "from": quote.cover.start,
        "to": end,
        "charge": charge,
        "escrow": 3 * MAX - charge,
        "time": drive.now,
        "byDefault": False,
    }
    tier = {"policyId": drive.id(quote), "period": 1, "oldTier": ONE, "tier": 913_000}
    happened = [(e.name, e.args) for e in decode_logs(receipt)]
    assert happened == [("PeriodSettled", settled), ("TierUpdated", tier)]
    found = state(drive, quote)
    assert (found.cursor, found.settled, found.settledTime) == (end, 1, drive.now)
    assert (found.escrow, found.tier) == (3 * MAX - charge, 913_000)
    assert (found.odometer, found.billed, found.unread) == (11_200_000, 11_200_000, False)
    assert report_of(drive, quote) == (0, 0, 0, 0, 0)
    assert drive.insurance.poolOf(drive.treasury) == (pool.free + charge, pool.locked)


def test_a_settled_period_never_changes(drive: Drive, quote: Quote) -> None:
    driven(drive, quote)
    drive.node.warp(quote.cover.disputeWindow + 1)
    drive.insurance.settle(quote, sender=drive.keeper)
    for call in (
        lambda: drive.insurance.settle(quote, sender=drive.keeper),
        lambda: drive.insurance.dispute(quote, REASON, sender=drive.holder),
        lambda: drive.insurance.resolve(quote, 10_000_000, Counters(), REASON, sender=drive.arbiter),
    ):
        with reverts("NotReported", drive.id(quote), 2):
            call()
    with reverts("WindowOpen"):
        drive.insurance.settleDefault(quote, sender=drive.keeper)


def test_an_unchanged_tier_is_not_told(drive: Drive) -> None:
    quote = drive.quote(kmCredit=0)
    drive.open(quote)
    drive.node.warp(PERIOD)
    drive.report(quote, odometer=10_500_000)
    drive.node.warp(quote.cover.disputeWindow + 1)
    receipt = drive.insurance.settle(quote, sender=drive.keeper)
    assert [event.name for event in decode_logs(receipt)] == ["PeriodSettled"]


# Without a report


def test_no_data_no_discount(drive: Drive) -> None:
    for before, tier in ((800_000, ONE), (1_300_000, 1_300_000)):
        quote = drive.quote(tier=before)
        drive.open(quote)
        pool = drive.insurance.poolOf(drive.treasury)
        last = quote.cover.start + PERIOD + quote.cover.reportWindow
        drive.node.timestamp = last
        with reverts("WindowOpen", drive.id(quote), last):
            drive.insurance.settleDefault(quote, sender=drive.keeper)
        drive.node.warp(1)
        receipt = drive.insurance.settleDefault(quote, sender=drive.keeper)
        charge = premium.charge(TERMS, Counters(1_500_000), PERIOD, tier)
        missed = {"policyId": drive.id(quote), "period": 1, "caller": drive.keeper, "metres": 1_500_000}
        settled = {
            "policyId": drive.id(quote),
            "period": 1,
            "treasury": drive.treasury,
            "caller": drive.keeper,
            "from": quote.cover.start,
            "to": quote.cover.start + PERIOD,
            "charge": charge,
            "escrow": 3 * MAX - charge,
            "time": drive.now,
            "byDefault": True,
        }
        changed = {"policyId": drive.id(quote), "period": 1, "oldTier": before, "tier": tier}
        expected = [("UsageMissed", missed), ("PeriodSettled", settled)]
        expected += [("TierUpdated", changed)] if before != tier else []
        assert [(e.name, e.args) for e in decode_logs(receipt)] == expected
        found = state(drive, quote)
        assert (found.tier, found.odometer, found.billed) == (tier, 10_000_000, 11_500_000)
        assert found.unread
        assert drive.insurance.poolOf(drive.treasury).free == pool.free + charge


def test_a_keeper_may_be_a_contract(drive: Drive, quote: Quote) -> None:
    machine = Forwarder.deploy(drive.node, person("machine owner"))
    drive.node.warp(PERIOD + quote.cover.reportWindow + 1)
    receipt = drive.insurance.settleDefault(quote, sender=machine)
    assert {event.args.get("caller", machine.address) for event in decode_logs(receipt)} == {machine.address}


def test_unplugging_never_pays(drive: Drive) -> None:
    """What was not billed while the device was off is billed when it is back, and nothing twice."""
    for actual in (900_000, 2_000_000):
        quote = drive.quote(tier=ONE, rate=USD, rateDistance=1_000_000, base=0, minimum=0, maximum=9000 * USD)
        drive.open(quote, 27_000 * USD)
        drive.node.warp(PERIOD + quote.cover.reportWindow + 1)
        drive.insurance.settleDefault(quote, sender=drive.keeper)
        drive.node.timestamp = quote.cover.start + 2 * PERIOD
        receipt = drive.report(quote, odometer=10_000_000 + actual, night=actual)
        (usage,) = drive.insurance.events(receipt)
        assert usage["counters"].metres == max(0, actual - 1_500_000)
        assert usage["counters"].night == actual
        with reverts("WindowOpen"):
            drive.insurance.settle(quote, sender=drive.keeper)
        assert state(drive, quote).unread
        drive.node.warp(quote.cover.disputeWindow + 1)
        drive.insurance.settle(quote, sender=drive.keeper)
        found = state(drive, quote)
        assert (found.odometer, found.billed) == (10_000_000 + actual, 10_000_000 + max(actual, 1_500_000))
        assert not found.unread
        drive.node.timestamp = quote.cover.start + 3 * PERIOD
        receipt = drive.report(quote, odometer=10_000_000 + actual + 700_000)
        third = drive.insurance.events(receipt)[0]["counters"].metres
        assert third == 700_000 - max(0, 1_500_000 - actual)
        drive.insurance.cancel(quote, sender=drive.holder)


def test_a_report_in_time_prevents_the_default(drive: Drive, quote: Quote) -> None:
    driven(drive, quote)
    drive.node.warp(100 * DAY)
    with reverts("AlreadyReported", drive.id(quote), 1):
        drive.insurance.settleDefault(quote, sender=drive.keeper)


def test_an_absurd_reading_stops_nothing(drive: Drive, quote: Quote) -> None:
    driven(drive, quote, UINT64_MAX - 10_000_000)
    assert report_of(drive, quote).charge == MAX
    drive.node.warp(quote.cover.disputeWindow + 1)
    drive.insurance.settle(quote, sender=drive.keeper)
    drive.node.warp(PERIOD + quote.cover.reportWindow)
    drive.insurance.settleDefault(quote, sender=drive.keeper)
    assert state(drive, quote).billed == UINT64_MAX


def test_the_largest_reading_that_leaves_room_is_billed_in_full(drive: Drive) -> None:
    for odometer in (UINT64_MAX - 1_500_000, UINT64_MAX - 1_499_999):
        quote = drive.quote(odometer=odometer)
        drive.open(quote)
        drive.node.warp(PERIOD + quote.cover.reportWindow + 1)
        drive.insurance.settleDefault(quote, sender=drive.keeper)
        assert state(drive, quote).billed == min(odometer + 1_500_000, UINT64_MAX)


# Disputes


def test_a_dispute_waits_for_the_arbiter(drive: Drive, quote: Quote) -> None:
    driven(drive, quote)
    drive.node.warp(quote.cover.disputeWindow)
    receipt = drive.insurance.dispute(quote, REASON, sender=drive.holder)
    until = drive.now + quote.cover.arbitrationWindow
    opened = {"policyId": drive.id(quote), "period": 1, "holder": drive.holder, "reason": REASON}
    assert [(e.name, e.args) for e in decode_logs(receipt)] == [("DisputeOpened", opened | {"until": until})]
    assert report_of(drive, quote) == (55_019_883, 913_000, until, 11_200_000, 2)
    drive.node.timestamp = until
    with reverts("WindowOpen", drive.id(quote), until):
        drive.insurance.settle(quote, sender=drive.keeper)


def test_only_the_policyholder_disputes_and_in_time(drive: Drive, quote: Quote) -> None:
    with reverts("NotReported", drive.id(quote), 1):
        drive.insurance.dispute(quote, REASON, sender=drive.holder)
    driven(drive, quote)
    with reverts("WrongCaller", drive.id(quote), drive.treasury, drive.holder):
        drive.insurance.dispute(quote, REASON, sender=drive.treasury)
    drive.node.warp(quote.cover.disputeWindow + 1)
    with reverts("WindowClosed", drive.id(quote), drive.now - 1):
        drive.insurance.dispute(quote, REASON, sender=drive.holder)


def test_a_dispute_is_opened_once(drive: Drive, quote: Quote) -> None:
    driven(drive, quote)
    drive.insurance.dispute(quote, REASON, sender=drive.holder)
    with reverts("WrongReportState", drive.id(quote), 1, 2):
        drive.insurance.dispute(quote, REASON, sender=drive.holder)
    drive.insurance.resolve(quote, 10_000_000, Counters(), REASON, sender=drive.arbiter)
    with reverts("WrongReportState", drive.id(quote), 1, 3):
        drive.insurance.dispute(quote, REASON, sender=drive.holder)
    with reverts("WrongReportState", drive.id(quote), 1, 3):
        drive.insurance.resolve(quote, 10_000_000, Counters(), REASON, sender=drive.arbiter)


def test_contracts_dispute_and_arbitrate(drive: Drive) -> None:
    machine, court = (Forwarder.deploy(drive.node, person(f"{name} owner")) for name in ("machine", "court"))
    drive.fund(machine, 3 * MAX)
    quote = drive.quote(holder=machine.address, arbiter=court.address)
    drive.open(quote, sender=machine)
    driven(drive, quote)
    receipt = drive.insurance.dispute(quote, REASON, sender=machine)
    assert drive.insurance.events(receipt)[0]["holder"] == machine.address
    receipt = drive.insurance.resolve(quote, 10_000_000, Counters(), REASON, sender=court)
    assert drive.insurance.events(receipt)[0]["caller"] == court.address


def test_the_arbiter_lowers_charge_and_tier(drive: Drive, quote: Quote) -> None:
    driven(drive, quote)
    drive.insurance.dispute(quote, REASON, sender=drive.holder)
    corrected = Counters(1_200_000, 150_000, 20_000, 5, 3, 2, 4)
    drive.node.timestamp = report_of(drive, quote).until
    receipt = drive.insurance.resolve(quote, 11_200_000, corrected, REASON, sender=drive.arbiter)
    charge = premium.charge(TERMS, corrected, PERIOD, ONE)
    resolved = {
        "policyId": drive.id(quote),
        "period": 1,
        "caller": drive.arbiter,
        "odometer": 11_200_000,
        "counters": corrected,
        "oldCharge": 55_019_883,
        "newCharge": charge,
        "tier": 905_000,
        "reason": REASON,
        "timedOut": False,
    }
    assert charge < 55_019_883
    assert [(e.name, e.args) for e in decode_logs(receipt)] == [("DisputeResolved", resolved)]
    found = report_of(drive, quote)
    assert (found.charge, found.tier, found.odometer, found.state) == (charge, 905_000, 11_200_000, 3)
    receipt = drive.insurance.settle(quote, sender=drive.keeper)
    assert drive.insurance.events(receipt, "PeriodSettled")[0]["charge"] == charge
    assert state(drive, quote).tier == 905_000


def test_the_arbiter_raises_nothing(drive: Drive, quote: Quote) -> None:
    driven(drive, quote)
    drive.insurance.dispute(quote, REASON, sender=drive.holder)
    worse = Counters(1_200_000, 150_000, 20_000, 7, 3, 2, 4)
    proposed = premium.charge(TERMS, worse, PERIOD, ONE)
    with reverts("AmountOutOfRange", drive.id(quote), proposed, 0, 55_019_883):
        drive.insurance.resolve(quote, 11_200_000, worse, REASON, sender=drive.arbiter)
    same = Counters(1_200_000, *MIXED.values())
    here = drive.node.snapshot()
    drive.insurance.resolve(quote, 11_200_000, same, REASON, sender=drive.arbiter)
    drive.node.revert(here)
    # Fewer metres lower the charge; they would raise the tier, but the reported one stays.
    fewer = same._replace(metres=1_000_000)
    receipt = drive.insurance.resolve(quote, 11_200_000, fewer, REASON, sender=drive.arbiter)
    assert drive.insurance.events(receipt)[0]["tier"] == 913_000


def test_only_the_arbiter_resolves_and_in_time(drive: Drive, quote: Quote) -> None:
    driven(drive, quote)
    with reverts("WrongReportState", drive.id(quote), 1, 1):
        drive.insurance.resolve(quote, 10_000_000, Counters(), REASON, sender=drive.arbiter)
    drive.insurance.dispute(quote, REASON, sender=drive.holder)
    with reverts("WrongCaller", drive.id(quote), drive.treasury, drive.arbiter):
        drive.insurance.resolve(quote, 10_000_000, Counters(), REASON, sender=drive.treasury)
    drive.node.timestamp = report_of(drive, quote).until + 1
    with reverts("WindowClosed", drive.id(quote), drive.now - 1):
        drive.insurance.resolve(quote, 10_000_000, Counters(), REASON, sender=drive.arbiter)


def test_the_arbiters_silence_is_for_the_driver(drive: Drive, quote: Quote) -> None:
    driven(drive, quote, night=150_000, brakes=90)
    reported = report_of(drive, quote)
    assert reported.tier > ONE
    drive.insurance.dispute(quote, REASON, sender=drive.holder)
    drive.node.timestamp = report_of(drive, quote).until + 1
    receipt = drive.insurance.settle(quote, sender=drive.keeper)
    resolved = {
        "policyId": drive.id(quote),
        "period": 1,
        "caller": drive.keeper,
        "odometer": 10_000_000,
        "counters": Counters(),
        "oldCharge": reported.charge,
        "newCharge": 30 * USD,
        "tier": ONE,
        "reason": bytes(32),
        "timedOut": True,
    }
    happened = decode_logs(receipt)
    assert [event.name for event in happened] == ["DisputeResolved", "PeriodSettled"]
    assert happened[0].args == resolved
    assert happened[1].args["charge"] == 30 * USD
    assert state(drive, quote).escrow == 3 * MAX - 30 * USD
    assert report_of(drive, quote) == (0, 0, 0, 0, 0)


def test_the_arbiter_corrects_an_absurd_reading_and_true_ones_go_on(drive: Drive, quote: Quote) -> None:
    driven(drive, quote, UINT64_MAX - 10_000_000)
    drive.insurance.dispute(quote, REASON, sender=drive.holder)
    corrected = Counters(321_869)
    receipt = drive.insurance.resolve(quote, 10_321_869, corrected, REASON, sender=drive.arbiter)
    (resolved,) = drive.insurance.events(receipt)
    assert (resolved["odometer"], resolved["counters"]) == (10_321_869, corrected)
    assert report_of(drive, quote).odometer == 10_321_869
    drive.insurance.settle(quote, sender=drive.keeper)
    found = state(drive, quote)
    assert (found.odometer, found.billed, found.unread) == (10_321_869, 10_321_869, False)
    drive.node.timestamp = quote.cover.start + 2 * PERIOD
    with reverts("OdometerBackwards", drive.id(quote), 10_321_868, 10_321_869):
        drive.report(quote, odometer=10_321_868)
    receipt = drive.report(quote, odometer=10_821_869)
    assert drive.insurance.events(receipt)[0]["counters"].metres == 500_000


def test_a_corrected_reading_lies_between_the_last_and_the_reported(drive: Drive, quote: Quote) -> None:
    drive.settle_next(quote, odometer=10_400_000)
    driven(drive, quote)
    drive.insurance.dispute(quote, REASON, sender=drive.holder)
    last, reported = 10_400_000, 11_600_000
    for odometer in (last - 1, reported + 1):
        with reverts("AmountOutOfRange", drive.id(quote), odometer, last, reported):
            drive.insurance.resolve(quote, odometer, Counters(), REASON, sender=drive.arbiter)
    here = drive.node.snapshot()
    for odometer in (last, reported):
        drive.insurance.resolve(quote, odometer, Counters(), REASON, sender=drive.arbiter)
        drive.insurance.settle(quote, sender=drive.keeper)
        assert (state(drive, quote).odometer, state(drive, quote).billed) == (odometer, odometer)
        drive.node.revert(here)


def test_a_corrected_reading_takes_no_credit_away(drive: Drive, quote: Quote) -> None:
    """What a period without a report was billed for stays billed, whatever reading follows."""
    drive.node.warp(PERIOD + quote.cover.reportWindow + 1)
    drive.insurance.settleDefault(quote, sender=drive.keeper)
    driven(drive, quote, 2_000_000)
    drive.insurance.dispute(quote, REASON, sender=drive.holder)
    drive.insurance.resolve(quote, 11_000_000, Counters(), REASON, sender=drive.arbiter)
    drive.insurance.settle(quote, sender=drive.keeper)
    found = state(drive, quote)
    assert (found.odometer, found.billed, found.unread) == (11_000_000, 11_500_000, False)


def test_a_void_report_leaves_its_metres_to_the_next(drive: Drive, quote: Quote) -> None:
    drive.settle_next(quote, odometer=10_400_000)
    driven(drive, quote, 700_000)
    drive.insurance.dispute(quote, REASON, sender=drive.holder)
    assert not state(drive, quote).unread
    drive.node.timestamp = report_of(drive, quote).until + 1
    drive.insurance.settle(quote, sender=drive.keeper)
    found = state(drive, quote)
    assert (found.odometer, found.billed, found.unread) == (10_400_000, 10_400_000, True)
    drive.node.timestamp = max(drive.now, quote.cover.start + 3 * PERIOD)
    receipt = drive.report(quote, odometer=11_300_000, night=900_000)
    (usage,) = drive.insurance.events(receipt)
    assert (usage["counters"].metres, usage["counters"].night) == (900_000, 900_000)
    drive.node.warp(quote.cover.disputeWindow + 1)
    drive.insurance.settle(quote, sender=drive.keeper)
    found = state(drive, quote)
    assert (found.odometer, found.billed, found.unread) == (11_300_000, 11_300_000, False)


def test_without_a_report_no_metre_is_billed_that_nobody_pays_for(drive: Drive) -> None:
    """120 dollars of room at a cent for a metre: 12,000 metres, or fewer at a higher tier."""
    for tier, metres in ((ONE, 12_000), (1_300_000, 9231)):
        quote = drive.quote(tier=tier, rate=USD // 100, rateDistance=1000)
        drive.open(quote)
        drive.node.warp(PERIOD + quote.cover.reportWindow + 1)
        receipt = drive.insurance.settleDefault(quote, sender=drive.keeper)
        assert drive.insurance.events(receipt, "UsageMissed")[0]["metres"] == metres
        assert drive.insurance.events(receipt, "PeriodSettled")[0]["charge"] == MAX
        assert state(drive, quote).billed == 10_000_000 + metres
        drive.node.timestamp = quote.cover.start + 2 * PERIOD
        receipt = drive.report(quote, odometer=10_000_000 + metres + 5)
        assert drive.insurance.events(receipt)[0]["counters"].metres == 5


def test_default_metres_are_measured_by_the_length_and_the_tier_without_data(drive: Drive) -> None:
    quote = drive.quote(tier=800_000, rate=USD // 100, rateDistance=1000)
    drive.open(quote)
    drive.node.warp(12 * DAY)
    drive.insurance.cancel(quote, sender=drive.holder)
    drive.node.warp(quote.cover.reportWindow + 1)
    receipt = drive.insurance.settleDefault(quote, sender=drive.keeper)
    assert drive.insurance.events(receipt, "UsageMissed")[0]["metres"] == 4800
    assert drive.insurance.events(receipt, "PeriodSettled")[0]["charge"] == 60 * USD


def test_a_dispute_of_the_last_period_is_measured_by_its_length(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote)
    drive.node.warp(12 * DAY)
    drive.insurance.cancel(quote, sender=drive.holder)
    drive.report(quote, odometer=10_321_869)
    drive.insurance.dispute(quote, REASON, sender=drive.holder)
    here = drive.node.snapshot()
    receipt = drive.insurance.resolve(quote, 10_321_868, Counters(321_868), REASON, sender=drive.arbiter)
    charge = premium.charge(TERMS, Counters(321_868), 12 * DAY, ONE)
    assert drive.insurance.events(receipt)[0]["newCharge"] == charge
    drive.node.revert(here)
    drive.node.timestamp = report_of(drive, quote).until + 1
    receipt = drive.insurance.settle(quote, sender=drive.keeper)
    assert drive.insurance.events(receipt, "DisputeResolved")[0]["newCharge"] == 12 * USD


# What a report would cost, and trips


def test_a_quote_of_a_period_is_what_the_report_will_say(drive: Drive) -> None:
    counted = Counters(1_200_000, *MIXED.values())
    for tier in (850_000, ONE, 1_200_000):
        found = drive.insurance.quotePeriod(TERMS, counted, PERIOD, tier)
        assert found == (premium.charge(TERMS, counted, PERIOD, tier), 913_000)
    short = drive.insurance.quotePeriod(TERMS, Counters(321_869), 12 * DAY, ONE)
    assert short == (18_400_003, premium.tier(TERMS, Counters(321_869)))


TRIP = "(uint32,bytes32,uint32,(uint64,uint64,uint64,uint32,uint32,uint32,uint32))"


def leaf_of(drive: Drive, policy: bytes, period: int, trip: tuple[Any, ...]) -> bytes:
    types = ["uint256", "address", "bytes32", "uint32", TRIP]
    values = [drive.node.chain_id, drive.insurance.address, policy, period, trip]
    return keccak(keccak(encode(types, values)))


def parent(a: bytes, b: bytes) -> bytes:
    return keccak(min(a, b) + max(a, b))


def trips(count: int) -> list[tuple[Any, ...]]:
    return [
        (i, keccak(text=f"salt {i}"), 20_000 + i, Counters(1000 * i, i, i, i, i, i, i)) for i in range(count)
    ]


def test_a_trip_is_proven_in_its_report_alone(drive: Drive, quote: Quote) -> None:
    policy = drive.id(quote)
    made = trips(4)
    leaves = [leaf_of(drive, policy, 1, trip) for trip in made]
    left, right = parent(*leaves[:2]), parent(*leaves[2:])
    drive.node.warp(PERIOD)
    drive.report(quote, trips=4, tripsRoot=parent(left, right))
    proofs = [[leaves[1], right], [leaves[0], right], [leaves[3], left], [leaves[2], left]]
    prove = drive.insurance.proveTrip
    for trip, proof in zip(made, proofs, strict=True):
        assert prove(policy, 1, trip, proof)
        assert not prove(policy, 2, trip, proof)
        assert not prove(drive.id(drive.quote()), 1, trip, proof)
        assert not prove(policy, 1, trip, proof[:1])
        assert not prove(policy, 1, trip, proof[::-1])
        for member, value in enumerate(trip[:3]):
            other = keccak(value) if isinstance(value, bytes) else value + 1
            assert not prove(policy, 1, (*trip[:member], other, *trip[member + 1 :]), proof)
        for counter in Counters._fields:
            counted = trip[3]._replace(**{counter: getattr(trip[3], counter) + 1})
            assert not prove(policy, 1, (*trip[:3], counted), proof)


def test_a_single_trip_is_its_own_root(drive: Drive, quote: Quote) -> None:
    (trip,) = trips(1)
    drive.node.warp(PERIOD)
    drive.report(quote, trips=1, tripsRoot=leaf_of(drive, drive.id(quote), 1, trip))
    assert drive.insurance.proveTrip(drive.id(quote), 1, trip, [])
    assert not drive.insurance.proveTrip(drive.id(quote), 2, trip, [])
