"""What drive insurance costs on a real node, as ceilings; the figures go to docs/gas.md."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eth_utils.crypto import keccak

from tests.models.premium import Counters
from tests.support import AnvilNode, Receipt
from tests.support.drive import USD, Drive, Quote
from tests.support.gas import GasBook

REASON = keccak(text="reason")


@pytest.fixture
def drive(anvil: AnvilNode) -> Drive:
    return Drive.create(anvil)


@pytest.fixture
def quote(drive: Drive) -> Quote:
    """Open, with a first period settled: what follows is the steady state."""
    quote = drive.quote()
    drive.open(quote, 600 * USD)
    drive.settle_next(quote, odometer=10_500_000)
    return quote


Record = Callable[[str, Receipt, int], None]


@pytest.fixture
def within(gas: GasBook) -> Record:
    """Writes down what a call cost; fails when that is more than the ceiling."""

    def record(function: str, receipt: Receipt, ceiling: int) -> None:
        gas.record(f"DriveInsurance.{function}", receipt.gas_used, ceiling)

    return record


def test_open(within: Record, drive: Drive) -> None:
    within("openPolicy", drive.open(drive.quote()), 175_000)


def test_deposit_and_withdraw(within: Record, drive: Drive, quote: Quote) -> None:
    within("deposit", drive.insurance.deposit(quote, 150 * USD, sender=drive.holder), 66_000)
    within("withdraw", drive.insurance.withdraw(quote, 10 * USD, sender=drive.holder), 63_000)


def test_report_and_settle(within: Record, drive: Drive, quote: Quote) -> None:
    end = drive.usage(quote).to
    drive.node.timestamp = end
    usage = {"odometer": 11_700_000, "night": 150_000, "brakes": 6, "trips": 41, "tripsRoot": REASON}
    within("report", drive.report(quote, **usage), 110_000)
    drive.node.warp(quote.cover.disputeWindow + 1)
    within("settle", drive.insurance.settle(quote, sender=drive.keeper), 69_000)


def test_settle_without_a_report(within: Record, drive: Drive, quote: Quote) -> None:
    drive.node.timestamp = drive.usage(quote).to + quote.cover.reportWindow + 1
    within("settleDefault", drive.insurance.settleDefault(quote, sender=drive.keeper), 68_000)


def test_dispute(within: Record, drive: Drive, quote: Quote) -> None:
    drive.node.timestamp = drive.usage(quote).to
    drive.report(quote, odometer=11_700_000, brakes=6)
    within("dispute", drive.insurance.dispute(quote, REASON, sender=drive.holder), 49_000)
    corrected = Counters(1_000_000)
    receipt = drive.insurance.resolve(quote, 11_500_000, corrected, REASON, sender=drive.arbiter)
    within("resolve", receipt, 59_000)


def test_cancel_and_reinstate(within: Record, drive: Drive, quote: Quote) -> None:
    within("cancel", drive.insurance.cancel(quote, sender=drive.holder), 49_000)
    lapsed = drive.quote()
    drive.open(lapsed, 150 * USD)
    drive.settle_next(lapsed)
    within("reinstate", drive.reinstate(lapsed, 150 * USD, 10_000_000), 121_000)


def test_claim(within: Record, drive: Drive, quote: Quote) -> None:
    insurance = drive.insurance
    within(
        "submitClaim", insurance.submitClaim(quote, 0, drive.now, 1000, REASON, sender=drive.holder), 80_000
    )
    within("decideClaim", insurance.decideClaim(quote, 1, 500, REASON, sender=drive.treasury), 50_000)
    within("appealClaim", insurance.appealClaim(quote, 1, REASON, sender=drive.holder), 49_000)
    within(
        "decideClaim, by the arbiter",
        insurance.decideClaim(quote, 1, 700, REASON, sender=drive.arbiter),
        50_000,
    )
    within("payClaim", insurance.payClaim(quote, 1, sender=drive.keeper), 82_000)
    within("withdrawCredit", insurance.withdrawCredit(sender=drive.holder), 42_000)


def test_capital(within: Record, drive: Drive, quote: Quote) -> None:
    drive.token.mint(drive.treasury, 2, sender=drive.governor)
    within("provideCapital", drive.insurance.provideCapital(2, sender=drive.treasury), 46_000)
    within("withdrawCapital", drive.insurance.withdrawCapital(1, sender=drive.treasury), 64_000)


def test_cost_does_not_grow_with_history(drive: Drive) -> None:
    """The third settlement costs what the second did, within the digits of its numbers."""
    quote, used = drive.quote(), []
    drive.open(quote, 1500 * USD)
    for period in range(3):
        drive.node.timestamp = max(drive.now, drive.usage(quote).to)
        drive.report(quote, odometer=10_000_000 + 100_000 * (period + 1))
        drive.node.warp(quote.cover.disputeWindow + 1)
        used.append(drive.insurance.settle(quote, sender=drive.keeper).gas_used)
    assert abs(used[2] - used[1]) < 100
