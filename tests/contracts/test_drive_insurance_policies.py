"""Policies: opening, escrow, cover, lapse, reinstatement, cancellation, release."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.drive_insurance import ACTIVE, CANCELLED, LAPSED
from tests.models.drive_shadow import DriveShadow
from tests.support import Forwarder, Node, decode_logs, deploy, reverts
from tests.support.contract import Sender
from tests.support.drive import DAY, DEVICE, FOREVER, ONE, TERMS, USD, VEHICLE, Drive, Quote, Reading
from tests.support.signers import SecureElement, Wallet
from tests.support.words import Duty
from tests.support.world import person

MAX = TERMS.maximum
PERIOD = TERMS.period
UINT96_MAX = 2**96 - 1


@pytest.fixture
def drive(node: Node) -> Drive:
    return Drive.create(node)


def covered_until(drive: Drive, quote: Quote) -> int:
    found: int = drive.insurance.coveredUntil(quote)
    return found


def state(drive: Drive, quote: Quote) -> Any:
    return drive.insurance.policyOf(drive.id(quote))


def let_lapse(drive: Drive, sender: Sender | None = None, **changes: Any) -> Quote:
    """A policy whose one paid period is over and settled."""
    quote = drive.quote(**changes)
    drive.open(quote, MAX, sender=sender)
    drive.settle_next(quote)
    return quote


# Opening


def test_the_id_is_the_digest_that_the_insurer_signs(drive: Drive) -> None:
    quote = drive.quote()
    assert drive.insurance.policyIdOf(quote) == drive.id(quote)
    assert drive.insurance.openPolicy.call(
        quote,
        MAX,
        Wallet(drive.underwriter).name,
        drive.sign(quote, Wallet(drive.underwriter)),
        sender=drive.holder,
    ) == drive.id(quote)


@pytest.mark.parametrize("name", TERMS._fields)
def test_no_term_can_be_changed_afterwards(drive: Drive, name: str) -> None:
    quote = drive.quote()
    drive.open(quote)
    terms = quote.terms._replace(**{name: getattr(quote.terms, name) + 1})
    other = quote._replace(terms=terms)
    assert drive.insurance.policyIdOf(other) == drive.id(other) != drive.id(quote)
    with reverts("UnknownPolicy", drive.id(other)):
        drive.insurance.deposit(other, 1, sender=drive.holder)


def test_every_member_of_the_cover_is_signed(drive: Drive) -> None:
    quote = drive.quote()
    for name, value in quote.cover._asdict().items():
        other: Any = (
            value + 1 if isinstance(value, int) else person("other") if len(value) == 42 else keccak(value)
        )
        changed = quote._replace(cover=quote.cover._replace(**{name: other}))
        assert drive.insurance.policyIdOf(changed) == drive.id(changed) != drive.id(quote)


def test_opening_tells_and_stores_everything(drive: Drive) -> None:
    quote = drive.quote(tier=900_000)
    drive.node.warp(60)
    receipt = drive.open(quote, 2 * MAX)
    opened = {
        "policyId": drive.id(quote),
        "holder": drive.holder,
        "treasury": drive.treasury,
        "org": drive.insurer,
        "underwriter": drive.underwriter,
        "since": drive.now,
        "escrow": 2 * MAX,
        "quote": quote,
    }
    moved = {"from": drive.holder, "to": drive.insurance.address, "value": 2 * MAX}
    assert [(e.name, e.args) for e in decode_logs(receipt)] == [("PolicyOpened", opened), ("Transfer", moved)]
    assert state(drive, quote)._asdict() == {
        "escrow": 2 * MAX,
        "cursor": drive.now,
        "cutoff": quote.cover.end,
        "settled": 0,
        "settledTime": 0,
        "state": ACTIVE,
        "odometer": 10_000_000,
        "billed": 10_000_000,
        "tier": 900_000,
        "unread": False,
        "since": drive.now,
        "stretch": 0,
        "claims": 0,
        "locked": 20_000 * USD,
        "claimed": 0,
    }
    assert drive.insurance.poolOf(drive.treasury) == (980_000 * USD, 20_000 * USD)
    assert covered_until(drive, quote) == drive.now + 2 * PERIOD


def test_a_quote_opens_once(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote)
    with reverts("PolicyExists", drive.id(quote)):
        drive.open(quote)
    drive.open(drive.quote())


def test_only_the_policyholder_opens(drive: Drive) -> None:
    quote = drive.quote()
    with reverts("WrongCaller", drive.id(quote), drive.keeper, drive.holder):
        drive.open(quote, sender=drive.keeper)
    machine = Forwarder.deploy(drive.node, drive.holder)
    with reverts("WrongCaller", drive.id(quote), machine.address, drive.holder):
        drive.open(quote, sender=machine)
    drive.fund(machine, MAX)
    drive.open(drive.quote(holder=machine.address), MAX, sender=machine)


def test_a_quote_is_good_to_its_last_second(drive: Drive) -> None:
    first, second = drive.quote(deadline=drive.now + 10), drive.quote(deadline=drive.now + 10)
    drive.node.warp(10)
    drive.open(first)
    drive.node.warp(1)
    with reverts("WindowClosed", drive.id(second), drive.now - 1):
        drive.open(second)


def test_cover_never_begins_in_the_past(drive: Drive) -> None:
    now = drive.now
    for start, since in ((0, now), (now, now), (now + 1, now + 1), (now + DAY, now + DAY)):
        quote = drive.quote(start=start)
        drive.open(quote)
        assert (state(drive, quote).since, state(drive, quote).cursor) == (since, since)
        assert covered_until(drive, quote) == since + 3 * PERIOD


def test_the_term_must_lie_ahead(drive: Drive) -> None:
    now = drive.now
    for start, end in ((0, now), (now + 5, now + 5), (now + 5, now + 4)):
        quote = drive.quote(start=start, end=end)
        with reverts("TermOver", drive.id(quote), max(start, now), end):
            drive.open(quote)
    shortest = drive.quote(start=0, end=now + 1)
    drive.open(shortest)
    assert covered_until(drive, shortest) == now + 1


def test_something_must_be_insured(drive: Drive) -> None:
    quote = drive.quote(sumInsured=0)
    with reverts("NothingInsured", drive.id(quote)):
        drive.open(quote)
    drive.open(drive.quote(sumInsured=1))


@pytest.mark.parametrize("window", ["reportWindow", "disputeWindow", "claimWindow"])
def test_the_driver_has_time_to_report_to_dispute_and_to_claim(drive: Drive, window: str) -> None:
    cover = drive.quote().cover
    windows = {name: getattr(cover, name) for name in ("reportWindow", "disputeWindow", "claimWindow")}
    with reverts("ZeroWindow", *(windows | {window: 0}).values()):
        drive.open(drive.quote(**{window: 0}))
    drive.open(drive.quote(**{window: 1}))
    drive.open(drive.quote(arbitrationWindow=0, noticePeriod=0, decisionWindow=0))


def test_the_device_is_in_the_vehicle_when_the_policy_opens(drive: Drive) -> None:
    other_car, other_box = keccak(text="another car"), keccak(text="another box")
    for quote in (drive.quote(vehicle=other_car), drive.quote(device=other_box)):
        attached = VEHICLE if quote.cover.device == DEVICE else bytes(32)
        with reverts("NotMetered", quote.cover.device, quote.cover.vehicle, attached):
            drive.open(quote)
    drive.devices.set(DEVICE, drive.box.name, other_car, 0, FOREVER, sender=drive.governor)
    drive.open(drive.quote(vehicle=other_car))


def test_the_deposit_pays_for_a_period_at_least(drive: Drive) -> None:
    quote = drive.quote()
    with reverts("AmountOutOfRange", drive.id(quote), MAX - 1, MAX, UINT96_MAX):
        drive.open(quote, MAX - 1)
    drive.open(quote, MAX)


def test_unsound_terms_are_refused(drive: Drive) -> None:
    with reverts("ZeroTerm", 0, TERMS.rateDistance, MAX):
        drive.open(drive.quote(period=0))
    with reverts("MinimumAboveMaximum", MAX + 1, MAX):
        drive.open(drive.quote(minimum=MAX + 1))
    with reverts("TierOutOfBounds", 699_999, 700_000, 1_500_000):
        drive.open(drive.quote(tier=699_999))


def test_the_sum_insured_must_be_free(drive: Drive) -> None:
    quote = drive.quote(sumInsured=1_000_000 * USD + 1)
    with reverts("InsufficientCapital", drive.treasury, 1_000_000 * USD, 1_000_000 * USD + 1):
        drive.open(quote)
    drive.open(drive.quote(sumInsured=1_000_000 * USD))
    assert drive.insurance.poolOf(drive.treasury) == (0, 1_000_000 * USD)


def test_only_underwriters_of_the_treasury_quote(drive: Drive) -> None:
    quote = drive.quote()
    insurance, stranger = drive.insurance, Wallet(person("stranger"))
    with reverts("NotUnderwriter", drive.treasury, person("stranger")):
        insurance.openPolicy(quote, MAX, stranger.name, drive.sign(quote, stranger), sender=drive.holder)
    poor = drive.quote(treasury=person("another treasury"))
    with reverts("NotUnderwriter", person("another treasury"), drive.underwriter):
        drive.open(poor)
    seal = Wallet(drive.underwriter)
    for signature in (drive.sign(quote, stranger), drive.sign(poor, seal), b"", bytes(65)):
        with reverts("InvalidQuoteSignature", drive.id(quote), drive.underwriter):
            insurance.openPolicy(quote, MAX, seal.name, signature, sender=drive.holder)
    insurance.setUnderwriter(drive.underwriter, False, sender=drive.treasury)
    with reverts("NotUnderwriter", drive.treasury, drive.underwriter):
        drive.open(quote)


def test_a_quote_is_for_one_contract_only(drive: Drive) -> None:
    twin = deploy(drive.node, "DriveInsurance", drive.consortium, drive.devices, drive.token)
    twin.setUnderwriter(drive.underwriter, True, sender=drive.treasury)
    quote, seal = drive.quote(), Wallet(drive.underwriter)
    with reverts("InvalidQuoteSignature"):
        twin.openPolicy(quote, MAX, seal.name, drive.sign(quote, seal), sender=drive.holder)


def test_underwriters_may_be_contracts_and_passkeys(drive: Drive) -> None:
    quote = drive.quote()
    wallet = deploy(drive.node, "TestWallet", drive.underwriter)
    chip = SecureElement(deploy(drive.node, "ERC7913P256Verifier"), 0xC0FFEE)
    owner = Wallet(drive.underwriter, bytes.fromhex(wallet.address[2:]))
    drive.consortium.setAccount(drive.insurer, wallet.address, Duty.FINANCE, sender=drive.admin)
    drive.consortium.setSigner(drive.insurer, chip.name, Duty.FINANCE, sender=drive.admin)
    account = drive.consortium.setSigner.call(drive.insurer, chip.name, Duty.FINANCE, sender=drive.admin)
    for signer, name in ((owner, wallet.address), (chip, account)):
        drive.insurance.setUnderwriter(name, True, sender=drive.treasury)
        quote = drive.quote()
        signature = drive.sign(quote, signer)
        with reverts("InvalidQuoteSignature", drive.id(quote), name):
            wrong = drive.sign(drive.quote(), signer)
            drive.insurance.openPolicy(quote, MAX, signer.name, wrong, sender=drive.holder)
        receipt = drive.insurance.openPolicy(quote, MAX, signer.name, signature, sender=drive.holder)
        (opened,) = drive.insurance.events(receipt, "PolicyOpened")
        assert opened["underwriter"] == name


# Escrow


def test_cover_lasts_as_long_as_the_escrow_pays(drive: Drive) -> None:
    for amount, periods in ((MAX, 1), (2 * MAX - 1, 1), (2 * MAX, 2), (12 * MAX, 12), (13 * MAX, 12)):
        quote = drive.quote()
        drive.open(quote, amount)
        assert covered_until(drive, quote) == drive.now + periods * PERIOD
    short = drive.quote(end=drive.now + PERIOD + 5)
    drive.open(short, 2 * MAX)
    assert covered_until(drive, short) == short.cover.end


def test_a_deposit_extends_running_cover(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, MAX)
    drive.node.warp(PERIOD - 1)
    receipt = drive.insurance.deposit(quote, MAX, sender=drive.holder)
    fact = {"policyId": drive.id(quote), "holder": drive.holder, "amount": MAX, "escrow": 2 * MAX}
    moved = {"from": drive.holder, "to": drive.insurance.address, "value": MAX}
    assert [(e.name, e.args) for e in decode_logs(receipt)] == [("Deposited", fact), ("Transfer", moved)]
    assert covered_until(drive, quote) == quote.cover.start + 2 * PERIOD


def test_a_deposit_buys_no_cover_after_the_crash(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, MAX)
    drive.node.warp(PERIOD)
    with reverts("CoverEnded", drive.id(quote), drive.now):
        drive.insurance.deposit(quote, MAX, sender=drive.holder)


def test_only_the_policyholder_moves_the_escrow(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote)
    machine = Forwarder.deploy(drive.node, drive.holder)
    for sender, name in ((drive.treasury, drive.treasury), (machine, machine.address)):
        for function in (drive.insurance.deposit, drive.insurance.withdraw):
            with reverts("WrongCaller", drive.id(quote), name, drive.holder):
                function(quote, 0, sender=sender)


def test_a_contract_may_be_the_policyholder(drive: Drive) -> None:
    machine = Forwarder.deploy(drive.node, person("machine owner"))
    drive.fund(machine, 5 * MAX)
    quote = drive.quote(holder=machine.address)
    receipt = drive.open(quote, 2 * MAX, sender=machine)
    assert drive.insurance.events(receipt, "PolicyOpened")[0]["holder"] == machine.address
    receipt = drive.insurance.deposit(quote, 2, sender=machine)
    assert drive.insurance.events(receipt)[0]["holder"] == machine.address
    receipt = drive.insurance.withdraw(quote, 1, sender=machine)
    assert drive.insurance.events(receipt)[0]["holder"] == machine.address
    receipt = drive.insurance.cancel(quote, sender=machine)
    assert drive.insurance.events(receipt)[0]["caller"] == machine.address
    lapsed = let_lapse(drive, holder=machine.address, sender=machine)
    receipt = drive.reinstate(lapsed, MAX, 10_000_000, sender=machine)
    assert drive.insurance.events(receipt, "Reinstated")[0]["holder"] == machine.address


def test_started_periods_stay_paid_for(drive: Drive) -> None:
    quote = drive.quote(start=drive.now + 100)
    drive.open(quote, 3 * MAX + 7)
    insurance, start = drive.insurance, quote.cover.start
    borders = [
        (drive.now, 3 * MAX + 7),
        (start - 1, 3 * MAX + 7),
        (start, 2 * MAX + 7),
        (start + PERIOD - 1, 2 * MAX + 7),
        (start + PERIOD, MAX + 7),
        (start + 2 * PERIOD, 7),
        (start + 3 * PERIOD, 7),
        (start + 9 * PERIOD, 7),
    ]
    for time, most in borders:
        drive.node.timestamp = time
        assert insurance.withdrawable(quote) == most
        with reverts("AmountOutOfRange", drive.id(quote), most + 1, 0, most):
            insurance.withdraw(quote, most + 1, sender=drive.holder)


def test_a_withdrawal_ends_cover_with_the_running_period(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, 3 * MAX)
    receipt = drive.insurance.withdraw(quote, 2 * MAX, sender=drive.holder)
    fact = {"policyId": drive.id(quote), "holder": drive.holder, "amount": 2 * MAX, "escrow": MAX}
    moved = {"from": drive.insurance.address, "to": drive.holder, "value": 2 * MAX}
    assert [(e.name, e.args) for e in decode_logs(receipt)] == [("Withdrawn", fact), ("Transfer", moved)]
    assert covered_until(drive, quote) == drive.now + PERIOD


def test_before_it_begins_all_comes_back(drive: Drive) -> None:
    quote = drive.quote(start=drive.now + 100)
    drive.open(quote, MAX)
    drive.insurance.withdraw(quote, MAX, sender=drive.holder)
    assert covered_until(drive, quote) == quote.cover.start
    drive.node.warp(99)
    drive.insurance.deposit(quote, MAX, sender=drive.holder)
    assert covered_until(drive, quote) == quote.cover.start + PERIOD


# Lapse


def test_a_lapse_needs_nobody_and_is_noticed_once(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, 2 * MAX)
    start = drive.now
    drive.node.warp(PERIOD)
    drive.report(quote)
    drive.node.timestamp = start + 2 * PERIOD
    receipt = drive.insurance.settle(quote, sender=drive.keeper)
    (lapsed,) = drive.insurance.events(receipt, "CoverLapsed")
    assert lapsed == {"policyId": drive.id(quote), "until": start + 2 * PERIOD}
    found = state(drive, quote)
    assert (found.state, found.cutoff, found.cursor) == (LAPSED, start + 2 * PERIOD, start + PERIOD)
    # The escrow could pay on, because the first period cost less than the maximum; the past stays uncovered.
    assert found.escrow == 2 * MAX - 30 * USD
    assert covered_until(drive, quote) == start + 2 * PERIOD
    drive.report(quote)
    drive.node.warp(quote.cover.disputeWindow + 1)
    receipt = drive.insurance.settle(quote, sender=drive.keeper)
    assert drive.insurance.events(receipt, "CoverLapsed") == []
    assert covered_until(drive, quote) == start + 2 * PERIOD
    assert drive.insurance.withdrawable(quote) == state(drive, quote).escrow


def test_settling_in_time_extends_cover(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, 2 * MAX)
    start = drive.now
    drive.settle_next(quote)
    drive.insurance.deposit(quote, 30 * USD, sender=drive.holder)
    assert covered_until(drive, quote) == start + 3 * PERIOD
    assert state(drive, quote).state == ACTIVE


def test_the_end_of_the_term_is_no_lapse(drive: Drive) -> None:
    quote = drive.quote(end=drive.now + PERIOD)
    drive.open(quote, MAX)
    drive.settle_next(quote)
    found = state(drive, quote)
    assert (found.state, found.cursor) == (ACTIVE, quote.cover.end)
    with reverts("NotLapsed", drive.id(quote), ACTIVE):
        drive.reinstate(quote, MAX, 10_000_000)
    with reverts("NothingToSettle", drive.id(quote), quote.cover.end):
        drive.insurance.settleDefault(quote, sender=drive.keeper)


def test_cover_of_the_past_never_changes(node: Node) -> None:
    """Every action that the escrow allows, around a lapse; the shadow compares the past before and after."""
    shadow = DriveShadow(node)
    drive = shadow.drive
    shadow.fund(drive.treasury, 20_000 * USD)
    assert shadow.do("provideCapital", 20_000 * USD, sender=drive.treasury)
    quote = drive.quote()
    assert shadow.open(quote, 2 * MAX, sender=drive.holder)
    for late in (0, DAY):
        node.timestamp = max(node.timestamp, shadow.policy(quote).periods()[0][1]) + late
        assert shadow.report(quote, shadow.next_usage(quote, 1000), sender=drive.keeper)
        assert shadow.do("deposit", quote, 10 * USD, sender=drive.holder) == (late == 0)
        node.warp(PERIOD)
        assert shadow.do("settle", quote, sender=drive.keeper)
        shadow.check_views()
        shadow.check_replay()
    assert shadow.policy(quote).state == LAPSED


# Reinstatement


def test_reinstatement_covers_from_now_on(drive: Drive) -> None:
    quote = let_lapse(drive)
    start, left = quote.cover.start, MAX - 30 * USD
    drive.node.warp(DAY)
    receipt = drive.reinstate(quote, MAX, 10_700_000)
    since = drive.now
    reinstated = {
        "policyId": drive.id(quote),
        "holder": drive.holder,
        "stretch": 1,
        "since": since,
        "odometer": 10_700_000,
        "amount": MAX,
        "escrow": left + MAX,
    }
    moved = {"from": drive.holder, "to": drive.insurance.address, "value": MAX}
    assert [(e.name, e.args) for e in decode_logs(receipt)] == [
        ("Reinstated", reinstated),
        ("Transfer", moved),
    ]
    found = state(drive, quote)
    assert (found.state, found.cursor, found.since, found.cutoff) == (ACTIVE, since, since, quote.cover.end)
    assert (found.odometer, found.billed, found.stretch, found.escrow) == (
        10_700_000,
        10_700_000,
        1,
        left + MAX,
    )
    assert drive.insurance.stretchOf(drive.id(quote), 0) == (start, start + PERIOD)
    assert drive.insurance.stretchOf(drive.id(quote), 1) == (0, 0)
    assert covered_until(drive, quote) == since + PERIOD


def test_reinstatement_notices_the_lapse_itself(drive: Drive) -> None:
    quote = drive.quote(start=drive.now + 100)
    drive.open(quote, MAX)
    drive.insurance.withdraw(quote, MAX, sender=drive.holder)
    drive.node.timestamp = quote.cover.start + 5
    receipt = drive.reinstate(quote, MAX, 10_000_000)
    names = [event.name for event in decode_logs(receipt)]
    assert names == ["CoverLapsed", "Reinstated", "Transfer"]
    assert drive.insurance.stretchOf(drive.id(quote), 0) == (quote.cover.start, quote.cover.start)
    assert covered_until(drive, quote) == drive.now + PERIOD


def test_metres_without_cover_are_not_billed(drive: Drive) -> None:
    quote = let_lapse(drive, rate=USD, rateDistance=1_000_000, base=0, minimum=0)
    drive.reinstate(quote, MAX, 11_000_000)
    drive.node.warp(PERIOD)
    receipt = drive.report(quote, odometer=11_004_000)
    (usage,) = drive.insurance.events(receipt, "UsageReported")
    assert (usage["counters"].metres, usage["charge"]) == (4000, 4 * USD)


def default_and_reinstate(drive: Drive, quote: Quote, odometer: int) -> Any:
    """The only period passes without a report; 1,500,000 metres are billed for it."""
    drive.open(quote, MAX)
    drive.node.warp(PERIOD + quote.cover.reportWindow + 1)
    drive.insurance.settleDefault(quote, sender=drive.keeper)
    drive.reinstate(quote, MAX, odometer)
    return state(drive, quote)


@pytest.mark.parametrize(
    ("odometer", "metres"), [(11_300_000, 0), (11_450_000, 50_000), (11_700_000, 300_000)]
)
def test_metres_of_a_period_without_a_report_are_not_forgiven(
    drive: Drive, odometer: int, metres: int
) -> None:
    quote = drive.quote()
    found = default_and_reinstate(drive, quote, odometer)
    assert (found.odometer, found.billed, found.unread) == (odometer, 11_500_000, True)
    drive.node.warp(PERIOD)
    with reverts("MoreThanDriven", drive.id(quote), 100_001, 0, 100_000):
        drive.report(quote, odometer=odometer + 100_000, night=100_001)
    receipt = drive.report(quote, odometer=odometer + 100_000, night=100_000)
    assert drive.insurance.events(receipt)[0]["counters"].metres == metres
    drive.node.warp(quote.cover.disputeWindow + 1)
    drive.insurance.settle(quote, sender=drive.keeper)
    found = state(drive, quote)
    assert (found.odometer, found.unread) == (odometer + 100_000, False)


def test_metres_of_a_void_report_are_not_forgiven(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, MAX)
    drive.node.warp(PERIOD)
    drive.report(quote, odometer=10_600_000)
    drive.insurance.dispute(quote, bytes(32), sender=drive.holder)
    drive.node.warp(quote.cover.arbitrationWindow + 1)
    drive.insurance.settle(quote, sender=drive.keeper)
    drive.reinstate(quote, MAX, 10_650_000)
    found = state(drive, quote)
    assert (found.odometer, found.billed, found.unread) == (10_650_000, 10_000_000, True)
    drive.node.warp(PERIOD)
    receipt = drive.report(quote, odometer=10_700_000)
    assert drive.insurance.events(receipt)[0]["counters"].metres == 700_000


def test_a_void_report_after_a_reinstatement_forgives_nothing_either(drive: Drive) -> None:
    quote = drive.quote()
    default_and_reinstate(drive, quote, 13_000_000)
    drive.insurance.deposit(quote, 2 * MAX, sender=drive.holder)
    drive.node.warp(PERIOD)
    drive.report(quote, odometer=13_100_000)
    drive.insurance.dispute(quote, bytes(32), sender=drive.holder)
    drive.node.warp(quote.cover.arbitrationWindow + 1)
    drive.insurance.settle(quote, sender=drive.keeper)
    found = state(drive, quote)
    assert (found.odometer, found.billed, found.unread) == (13_000_000, 11_500_000, True)
    drive.node.timestamp = found.cursor + PERIOD
    receipt = drive.report(quote, odometer=13_200_000)
    assert drive.insurance.events(receipt)[0]["counters"].metres == 1_700_000


def test_after_a_reading_only_the_metres_without_cover_are_forgiven(drive: Drive) -> None:
    """A period without a report, then one with: what is driven after that is not billed."""
    quote = drive.quote()
    drive.open(quote, 2 * MAX)
    drive.node.warp(PERIOD + quote.cover.reportWindow + 1)
    drive.insurance.settleDefault(quote, sender=drive.keeper)
    drive.settle_next(quote, odometer=10_900_000)
    drive.insurance.withdraw(quote, drive.insurance.withdrawable(quote), sender=drive.holder)
    here = drive.node.snapshot()
    for odometer in (11_000_000, 12_000_000):
        drive.reinstate(quote, MAX, odometer)
        found = state(drive, quote)
        assert (found.odometer, found.billed) == (odometer, max(odometer, 11_500_000))
        assert not found.unread
        drive.node.revert(here)


def test_only_what_lapsed_can_be_reinstated(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, MAX)
    with reverts("NotLapsed", drive.id(quote), ACTIVE):
        drive.reinstate(quote, MAX, 10_000_000)
    drive.node.warp(PERIOD - 1)
    with reverts("NotLapsed", drive.id(quote), ACTIVE):
        drive.reinstate(quote, MAX, 10_000_000)
    drive.node.warp(1)
    with reverts("UnsettledPeriods", drive.id(quote), quote.cover.start, drive.now):
        drive.reinstate(quote, MAX, 10_000_000)
    drive.insurance.cancel(quote, sender=drive.treasury)
    with reverts("NotLapsed", drive.id(quote), CANCELLED):
        drive.reinstate(quote, MAX, 10_000_000)


def test_reinstatement_needs_term_capital_and_escrow(drive: Drive) -> None:
    quote = let_lapse(drive, end=drive.now + 120 * DAY)
    left = MAX - 30 * USD
    with reverts("AmountOutOfRange", drive.id(quote), MAX - 1, MAX, UINT96_MAX):
        drive.reinstate(quote, 30 * USD - 1, 10_000_000)
    drive.node.timestamp = quote.cover.end - 1
    here = drive.node.snapshot()
    drive.reinstate(quote, 30 * USD, 10_000_000)
    assert state(drive, quote).escrow == left + 30 * USD == MAX
    assert covered_until(drive, quote) == quote.cover.end
    drive.node.revert(here)
    drive.insurance.release(quote, sender=drive.treasury)
    with reverts("NothingInsured", drive.id(quote)):
        drive.reinstate(quote, 30 * USD, 10_000_000)
    drive.node.revert(here)
    drive.node.warp(1)
    with reverts("TermOver", drive.id(quote), quote.cover.end, quote.cover.end):
        drive.reinstate(quote, 30 * USD, 10_000_000)


def test_only_the_policyholder_reinstates(drive: Drive) -> None:
    quote = let_lapse(drive)
    with reverts("WrongCaller", drive.id(quote), drive.treasury, drive.holder):
        drive.reinstate(quote, MAX, 10_000_000, sender=drive.treasury)


def test_the_reading_is_the_devices(drive: Drive) -> None:
    quote = let_lapse(drive)
    insurance, now = drive.insurance, drive.now
    reading = Reading(drive.id(quote), now, 10_000_500)
    signature = drive.sign(reading, drive.box)
    forger = Wallet(person("forger"))

    def reinstate(signer: Any, seal: bytes, time: int = now, odometer: int = 10_000_500) -> None:
        insurance.reinstate(quote, MAX, time, odometer, signer.name, seal, sender=drive.holder)

    with reverts("WrongSigner", DEVICE, forger.name):
        reinstate(forger, drive.sign(reading, forger))
    for changed in (reading._replace(time=now - 1), reading._replace(odometer=10_000_499)):
        with reverts("InvalidDeviceSignature", DEVICE, drive.digest(changed)):
            reinstate(drive.box, signature, changed.time, changed.odometer)
    lower = reading._replace(odometer=9_999_999)
    with reverts("OdometerBackwards", drive.id(quote), 9_999_999, 10_000_000):
        reinstate(drive.box, drive.sign(lower, drive.box), odometer=9_999_999)
    drive.devices.set(DEVICE, drive.box.name, VEHICLE, now, now, sender=drive.governor)
    reinstate(drive.box, signature)


def test_a_reading_needs_the_device_attached_at_its_time(drive: Drive) -> None:
    quote, now = let_lapse(drive), drive.now
    for since, until in ((now + 1, now + 9), (now - 9, now - 1)):
        drive.devices.set(DEVICE, drive.box.name, VEHICLE, since, until, sender=drive.governor)
        with reverts("NotAttachedDuring", DEVICE, VEHICLE, now, now):
            drive.reinstate(quote, MAX, 10_000_000)


# Cancellation


def test_the_driver_leaves_at_once(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, 3 * MAX + 5)
    drive.node.warp(12 * DAY)
    receipt = drive.insurance.cancel(quote, sender=drive.holder)
    assert drive.insurance.events(receipt) == [
        {
            "policyId": drive.id(quote),
            "caller": drive.holder,
            "until": drive.now,
            "refundable": 2 * MAX + 5,
        }
    ]
    assert covered_until(drive, quote) == drive.now
    drive.report(quote, odometer=10_321_869)
    drive.node.warp(quote.cover.disputeWindow + 1)
    drive.insurance.settle(quote, sender=drive.keeper)
    refund = 3 * MAX + 5 - 18_400_003
    assert drive.insurance.withdrawable(quote) == refund
    before = drive.token.balanceOf(drive.holder)
    drive.insurance.withdraw(quote, refund, sender=drive.holder)
    assert drive.token.balanceOf(drive.holder) == before + refund
    assert state(drive, quote).escrow == 0


def test_the_worked_refund(drive: Drive) -> None:
    """1200 for 365 days, ended after 73: 240 are earned, 960 come back."""
    quote = drive.quote(
        base=1200, minimum=0, maximum=1200, period=365 * DAY, rate=0, end=drive.now + 365 * DAY
    )
    drive.open(quote, 1200)
    free = drive.insurance.poolOf(drive.treasury).free
    drive.node.warp(73 * DAY)
    drive.insurance.cancel(quote, sender=drive.holder)
    drive.report(quote)
    drive.node.warp(quote.cover.disputeWindow + 1)
    drive.insurance.settle(quote, sender=drive.keeper)
    assert drive.insurance.withdrawable(quote) == 960
    assert drive.insurance.poolOf(drive.treasury).free == free + 240


def test_opening_and_cancelling_never_profits(drive: Drive) -> None:
    for start in (drive.now, drive.now + DAY):
        quote = drive.quote(start=start)
        before = drive.token.balanceOf(drive.holder)
        drive.open(quote)
        receipt = drive.insurance.cancel(quote, sender=drive.holder)
        assert drive.insurance.events(receipt)[0]["refundable"] == 3 * MAX
        assert covered_until(drive, quote) == start
        drive.insurance.withdraw(quote, 3 * MAX, sender=drive.holder)
        assert drive.token.balanceOf(drive.holder) == before
        with reverts("NothingToSettle", drive.id(quote), start):
            drive.insurance.settleDefault(quote, sender=drive.keeper)


def test_the_insurer_gives_notice(drive: Drive) -> None:
    for sender in (drive.treasury, drive.underwriter):
        quote = drive.quote()
        drive.open(quote)
        drive.node.warp(DAY)
        until = drive.now + quote.cover.noticePeriod
        receipt = drive.insurance.cancel(quote, sender=sender)
        assert drive.insurance.events(receipt) == [
            {"policyId": drive.id(quote), "caller": sender, "until": until, "refundable": 2 * MAX}
        ]
        assert covered_until(drive, quote) == state(drive, quote).cutoff == until
        with reverts("AlreadyCancelled", drive.id(quote), until):
            drive.insurance.cancel(quote, sender=sender)
        drive.node.warp(DAY)
        receipt = drive.insurance.cancel(quote, sender=drive.holder)
        assert drive.insurance.events(receipt)[0]["until"] == drive.now
        with reverts("CoverEnded", drive.id(quote), drive.now):
            drive.insurance.cancel(quote, sender=drive.holder)


def test_notice_beyond_the_term_leaves_the_term(drive: Drive) -> None:
    quote = drive.quote(end=drive.now + 20 * DAY)
    drive.open(quote)
    receipt = drive.insurance.cancel(quote, sender=drive.treasury)
    assert drive.insurance.events(receipt)[0]["until"] == quote.cover.end
    assert state(drive, quote).state == CANCELLED
    drive.insurance.cancel(quote, sender=drive.holder)
    assert state(drive, quote).cutoff == drive.now


def test_the_insurer_cannot_take_away_cover_that_has_not_begun_before_it_begins(drive: Drive) -> None:
    quote = drive.quote(start=drive.now + 30 * DAY)
    drive.open(quote)
    receipt = drive.insurance.cancel(quote, sender=drive.treasury)
    assert drive.insurance.events(receipt)[0] == {
        "policyId": drive.id(quote),
        "caller": drive.treasury,
        "until": quote.cover.start,
        "refundable": 3 * MAX,
    }
    with reverts("AlreadyCancelled", drive.id(quote), quote.cover.start):
        drive.insurance.cancel(quote, sender=drive.holder)


def test_a_cancelled_policy_may_run_dry_before_its_end(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, MAX)
    drive.node.warp(PERIOD - DAY)
    drive.insurance.cancel(quote, sender=drive.treasury)
    end = quote.cover.start + PERIOD
    assert covered_until(drive, quote) == end
    assert state(drive, quote).cutoff == end + 19 * DAY
    here = drive.node.snapshot()
    drive.insurance.deposit(quote, MAX, sender=drive.holder)
    assert covered_until(drive, quote) == end + 19 * DAY
    drive.node.revert(here)
    drive.settle_next(quote)
    found = state(drive, quote)
    assert (found.state, found.cutoff) == (CANCELLED, end)


def test_a_lapsed_policy_can_be_ended_for_good(drive: Drive) -> None:
    for sender in (drive.holder, drive.treasury):
        quote = let_lapse(drive)
        end = quote.cover.start + PERIOD
        receipt = drive.insurance.cancel(quote, sender=sender)
        assert drive.insurance.events(receipt)[-1] == {
            "policyId": drive.id(quote),
            "caller": sender,
            "until": end,
            "refundable": MAX - 30 * USD,
        }
        assert state(drive, quote).state == CANCELLED
        with reverts("CoverEnded", drive.id(quote), end):
            drive.insurance.cancel(quote, sender=sender)
        with reverts("NotLapsed", drive.id(quote), CANCELLED):
            drive.reinstate(quote, MAX, 10_000_000)


def test_cancelling_notices_a_lapse(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, MAX)
    drive.node.warp(PERIOD)
    receipt = drive.insurance.cancel(quote, sender=drive.holder)
    assert [(e.name, e.args["until"]) for e in decode_logs(receipt)] == [
        ("CoverLapsed", drive.now),
        ("Cancelled", drive.now),
    ]


def test_what_ran_to_its_end_cannot_be_cancelled(drive: Drive) -> None:
    quote = drive.quote(end=drive.now + PERIOD)
    drive.open(quote, MAX)
    drive.node.warp(PERIOD - 1)
    here = drive.node.snapshot()
    drive.insurance.cancel(quote, sender=drive.holder)
    drive.node.revert(here)
    drive.node.warp(1)
    for sender in (drive.holder, drive.treasury):
        with reverts("CoverEnded", drive.id(quote), drive.now):
            drive.insurance.cancel(quote, sender=sender)


def test_strangers_cancel_nothing(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote)
    for stranger in (drive.keeper, drive.arbiter, drive.governor, drive.admin):
        with reverts("NotUnderwriter", drive.treasury, stranger):
            drive.insurance.cancel(quote, sender=stranger)


# Release


def test_capital_is_locked_to_the_last_possible_claim(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, MAX)
    last = drive.now + PERIOD + quote.cover.claimWindow
    with reverts("WindowOpen", drive.id(quote), last):
        drive.insurance.release(quote, sender=drive.treasury)
    drive.node.timestamp = last
    with reverts("WindowOpen", drive.id(quote), last):
        drive.insurance.release(quote, sender=drive.treasury)
    drive.node.warp(1)
    receipt = drive.insurance.release(quote, sender=drive.treasury)
    assert [(e.name, e.args) for e in decode_logs(receipt)] == [
        ("CoverLapsed", {"policyId": drive.id(quote), "until": quote.cover.start + PERIOD}),
        (
            "CapitalReleased",
            {
                "policyId": drive.id(quote),
                "treasury": drive.treasury,
                "caller": drive.treasury,
                "amount": 20_000 * USD,
            },
        ),
    ]
    assert drive.insurance.poolOf(drive.treasury) == (1_000_000 * USD, 0)
    assert state(drive, quote).locked == 0
    with reverts("NothingInsured", drive.id(quote)):
        drive.insurance.release(quote, sender=drive.treasury)
    drive.insurance.settleDefault(quote, sender=drive.keeper)
    drive.insurance.withdraw(quote, drive.insurance.withdrawable(quote), sender=drive.holder)


def test_capital_is_not_released_while_cover_runs(drive: Drive) -> None:
    quote = drive.quote(claimWindow=1)
    drive.open(quote, MAX)
    drive.node.warp(PERIOD + 1)
    with reverts("WindowOpen", drive.id(quote), drive.now):
        drive.insurance.release(quote, sender=drive.treasury)
    drive.node.warp(1)
    drive.insurance.release(quote, sender=drive.treasury)


def test_while_a_lapsed_policy_may_be_reinstated_only_the_insurer_releases(drive: Drive) -> None:
    """Whether somebody has noticed the lapse or not."""
    for noticed in (False, True):
        quote = drive.quote(end=drive.now + 120 * DAY)
        drive.open(quote, MAX)
        if noticed:
            drive.settle_next(quote)
            drive.insurance.withdraw(quote, drive.insurance.withdrawable(quote), sender=drive.holder)
        drive.node.timestamp = quote.cover.start + PERIOD + quote.cover.claimWindow + 1
        here = drive.node.snapshot()
        for stranger in (drive.keeper, drive.holder, drive.arbiter):
            with reverts("NotUnderwriter", drive.treasury, stranger):
                drive.insurance.release(quote, sender=stranger)
        for insurer in (drive.treasury, drive.underwriter):
            receipt = drive.insurance.release(quote, sender=insurer)
            assert drive.insurance.events(receipt, "CapitalReleased")[0]["caller"] == insurer
            drive.node.revert(here)
        drive.node.timestamp = quote.cover.end - 1
        with reverts("NotUnderwriter", drive.treasury, drive.keeper):
            drive.insurance.release(quote, sender=drive.keeper)
        drive.node.warp(1)
        receipt = drive.insurance.release(quote, sender=drive.keeper)
        assert drive.insurance.events(receipt, "CapitalReleased")[0]["caller"] == drive.keeper


def test_what_cannot_be_reinstated_is_released_by_anybody(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, MAX)
    drive.insurance.cancel(quote, sender=drive.holder)
    drive.node.warp(quote.cover.claimWindow + 1)
    receipt = drive.insurance.release(quote, sender=drive.keeper)
    assert drive.insurance.events(receipt, "CapitalReleased")[0]["caller"] == drive.keeper


def test_of_an_unknown_quote_nothing_is_known(drive: Drive) -> None:
    quote, insurance = drive.quote(), drive.insurance
    nothing = bytes(32)
    calls: list[Any] = [
        lambda: insurance.deposit(quote, 1, sender=drive.holder),
        lambda: insurance.withdraw(quote, 0, sender=drive.holder),
        lambda: insurance.cancel(quote, sender=drive.holder),
        lambda: insurance.release(quote, sender=drive.keeper),
        lambda: insurance.dispute(quote, nothing, sender=drive.holder),
        lambda: insurance.settle(quote, sender=drive.keeper),
        lambda: insurance.settleDefault(quote, sender=drive.keeper),
        lambda: insurance.submitClaim(quote, 0, drive.now, 1, nothing, sender=drive.holder),
        lambda: insurance.decideClaim(quote, 1, 0, nothing, sender=drive.treasury),
        lambda: insurance.appealClaim(quote, 1, nothing, sender=drive.holder),
        lambda: insurance.payClaim(quote, 1, sender=drive.keeper),
        lambda: insurance.resolve(quote, 0, [0] * 7, nothing, sender=drive.arbiter),
        lambda: drive.reinstate(quote, MAX, 0),
        lambda: insurance.coveredUntil(quote),
        lambda: insurance.withdrawable(quote),
    ]
    for call in calls:
        with reverts("UnknownPolicy", drive.id(quote)):
            call()
    assert state(drive, quote).state == 0


def test_each_policy_has_its_own_escrow(drive: Drive) -> None:
    first, second = drive.quote(tier=ONE), drive.quote(tier=800_000)
    drive.open(first, MAX)
    drive.open(second, 2 * MAX)
    drive.insurance.withdraw(second, MAX, sender=drive.holder)
    drive.insurance.deposit(first, 5, sender=drive.holder)
    assert (state(drive, first).escrow, state(drive, second).escrow) == (MAX + 5, MAX)
