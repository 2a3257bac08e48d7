"""Claims: covered losses, decisions, appeals, payment out of the locked capital."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.drive_insurance import APPEALED, DECIDED, FINAL, PAID, SUBMITTED
from tests.support import Forwarder, Node, decode_logs, reverts
from tests.support.drive import DAY, TERMS, USD, Drive, Quote
from tests.support.world import person

MAX = TERMS.maximum
PERIOD = TERMS.period
EVIDENCE = keccak(text="photographs")
REASON = keccak(text="reasons")
SUM = 20_000 * USD


@pytest.fixture
def drive(node: Node) -> Drive:
    return Drive.create(node)


@pytest.fixture
def quote(drive: Drive) -> Quote:
    """Open since its start, with three periods paid."""
    quote = drive.quote()
    drive.open(quote)
    return quote


def submit(drive: Drive, quote: Quote, amount: int = 1000, loss: int | None = None, **also: Any) -> Any:
    loss = drive.now if loss is None else loss
    sender = also.get("sender", drive.holder)
    return drive.insurance.submitClaim(quote, also.get("stretch", 0), loss, amount, EVIDENCE, sender=sender)


def decide(drive: Drive, quote: Quote, approved: int, claim: int = 1, sender: Any = None) -> Any:
    sender = sender or drive.treasury
    return drive.insurance.decideClaim(quote, claim, approved, REASON, sender=sender)


def claim_of(drive: Drive, quote: Quote, claim: int = 1) -> Any:
    return drive.insurance.claimOf(drive.id(quote), claim)


def locks(drive: Drive, quote: Quote) -> tuple[int, int]:
    policy = drive.insurance.policyOf(drive.id(quote))
    return policy.locked, policy.claimed


# Submission


def test_a_claim_tells_and_stores_everything(drive: Drive, quote: Quote) -> None:
    drive.node.warp(DAY)
    assert drive.insurance.submitClaim.call(quote, 0, drive.now - 5, 700, EVIDENCE, sender=drive.holder) == 1
    receipt = submit(drive, quote, 700, drive.now - 5)
    until = drive.now + quote.cover.decisionWindow
    submitted = {
        "policyId": drive.id(quote),
        "claim": 1,
        "holder": drive.holder,
        "stretch": 0,
        "lossTime": drive.now - 5,
        "amount": 700,
        "evidence": EVIDENCE,
        "until": until,
    }
    assert [(e.name, e.args) for e in decode_logs(receipt)] == [("ClaimSubmitted", submitted)]
    assert claim_of(drive, quote) == (700, 0, until, SUBMITTED)
    assert locks(drive, quote) == (SUM, 700)
    submit(drive, quote, 3)
    assert claim_of(drive, quote, 2) == (3, 0, until, SUBMITTED)
    assert drive.insurance.policyOf(drive.id(quote)).claims == 2
    assert locks(drive, quote) == (SUM, 703)


def test_only_the_policyholder_claims(drive: Drive, quote: Quote) -> None:
    with reverts("WrongCaller", drive.id(quote), drive.treasury, drive.holder):
        submit(drive, quote, sender=drive.treasury)


def test_a_loss_lies_inside_the_cover(drive: Drive) -> None:
    quote = drive.quote(start=drive.now + 10, claimWindow=400 * DAY)
    drive.open(quote, MAX)
    start, end = quote.cover.start, quote.cover.start + PERIOD
    with reverts("NotCovered", drive.id(quote), 0, start):
        submit(drive, quote, loss=start)
    drive.node.timestamp = start
    submit(drive, quote, loss=start)
    with reverts("NotCovered", drive.id(quote), 0, start - 1):
        submit(drive, quote, loss=start - 1)
    with reverts("NotCovered", drive.id(quote), 0, start + 1):
        submit(drive, quote, loss=start + 1)
    drive.node.timestamp = end + 5
    submit(drive, quote, loss=end - 1)
    for loss in (end, end + 5):
        with reverts("NotCovered", drive.id(quote), 0, loss):
            submit(drive, quote, loss=loss)
    for stretch in (1, 65_535):
        with reverts("NotCovered", drive.id(quote), stretch, end - 1):
            submit(drive, quote, loss=end - 1, stretch=stretch)


def test_every_stretch_of_cover_counts_and_no_gap(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, MAX)
    start, end = quote.cover.start, quote.cover.start + PERIOD
    drive.settle_next(quote)
    drive.reinstate(quote, MAX, 10_000_000)
    again = drive.now
    drive.node.warp(DAY)
    for stretch, loss in ((0, start), (0, end - 1), (1, again), (1, drive.now)):
        submit(drive, quote, loss=loss, stretch=stretch)
    gap = (0, end), (1, end), (1, again - 1), (0, again), (1, start), (0, start - 1), (2, again)
    for stretch, loss in gap:
        with reverts("NotCovered", drive.id(quote), stretch, loss):
            submit(drive, quote, loss=loss, stretch=stretch)


def test_a_claim_comes_within_its_window(drive: Drive, quote: Quote) -> None:
    loss = drive.now + 5
    drive.node.timestamp = loss + quote.cover.claimWindow
    submit(drive, quote, loss=loss)
    drive.node.warp(1)
    with reverts("WindowClosed", drive.id(quote), drive.now - 1):
        submit(drive, quote, loss=loss)


def test_claims_stay_inside_the_sum_insured(drive: Drive, quote: Quote) -> None:
    with reverts("AmountOutOfRange", drive.id(quote), 0, 1, SUM):
        submit(drive, quote, 0)
    with reverts("AmountOutOfRange", drive.id(quote), SUM + 1, 1, SUM):
        submit(drive, quote, SUM + 1)
    submit(drive, quote, SUM - 10)
    with reverts("AmountOutOfRange", drive.id(quote), 11, 1, 10):
        submit(drive, quote, 11)
    submit(drive, quote, 10)
    decide(drive, quote, 4, claim=2)
    decide(drive, quote, SUM - 10)
    drive.insurance.payClaim(quote, 1, sender=drive.keeper)
    drive.node.warp(quote.cover.disputeWindow + 1)
    drive.insurance.payClaim(quote, 2, sender=drive.keeper)
    assert locks(drive, quote) == (6, 0)
    with reverts("AmountOutOfRange", drive.id(quote), 7, 1, 6):
        submit(drive, quote, 7)
    submit(drive, quote, 6)


# Decision


def test_a_full_approval_is_final(drive: Drive, quote: Quote) -> None:
    submit(drive, quote)
    receipt = decide(drive, quote, 1000)
    until = drive.now + quote.cover.disputeWindow
    decided = {
        "policyId": drive.id(quote),
        "claim": 1,
        "caller": drive.treasury,
        "approved": 1000,
        "reason": REASON,
        "state": FINAL,
        "until": until,
    }
    assert [(e.name, e.args) for e in decode_logs(receipt)] == [("ClaimDecided", decided)]
    assert claim_of(drive, quote) == (1000, 1000, until, FINAL)
    with reverts("WrongClaimState", drive.id(quote), 1, FINAL):
        drive.insurance.appealClaim(quote, 1, REASON, sender=drive.holder)
    with reverts("WrongClaimState", drive.id(quote), 1, FINAL):
        decide(drive, quote, 0)
    pay_and_check(drive, quote, 1000)


def test_a_smaller_approval_waits_for_an_appeal(drive: Drive, quote: Quote) -> None:
    for claim, approved in enumerate((999, 1, 0), 1):
        submit(drive, quote)
        receipt = decide(drive, quote, approved, claim, sender=drive.underwriter)
        (decided,) = drive.insurance.events(receipt)
        assert (decided["caller"], decided["approved"]) == (drive.underwriter, approved)
        assert (decided["state"], decided["until"]) == (DECIDED, drive.now + quote.cover.disputeWindow)
        with reverts("WrongClaimState", drive.id(quote), claim, DECIDED):
            decide(drive, quote, approved, claim)
        drive.node.timestamp = decided["until"]
        with reverts("WindowOpen", drive.id(quote), claim_of(drive, quote, claim).until):
            drive.insurance.payClaim(quote, claim, sender=drive.keeper)
        drive.node.warp(1)
        with reverts("WindowClosed", drive.id(quote), drive.now - 1):
            drive.insurance.appealClaim(quote, claim, REASON, sender=drive.holder)
        pay_and_check(drive, quote, approved, claim)


def test_nobody_approves_more_than_is_claimed(drive: Drive, quote: Quote) -> None:
    submit(drive, quote)
    with reverts("AmountOutOfRange", drive.id(quote), 1001, 0, 1000):
        decide(drive, quote, 1001)


def test_only_the_insurer_decides_and_in_time(drive: Drive, quote: Quote) -> None:
    submit(drive, quote)
    for sender in (drive.holder, drive.arbiter, drive.keeper, drive.governor):
        with reverts("NotUnderwriter", drive.treasury, sender):
            decide(drive, quote, 0, sender=sender)
    drive.node.warp(quote.cover.decisionWindow)
    here = drive.node.snapshot()
    decide(drive, quote, 0)
    drive.node.revert(here)
    drive.node.warp(1)
    with reverts("WindowClosed", drive.id(quote), drive.now - 1):
        decide(drive, quote, 0)


def test_the_insurers_silence_approves(drive: Drive, quote: Quote) -> None:
    submit(drive, quote)
    drive.node.warp(quote.cover.decisionWindow)
    with reverts("WindowOpen", drive.id(quote), drive.now):
        drive.insurance.payClaim(quote, 1, sender=drive.keeper)
    drive.node.warp(1)
    pay_and_check(drive, quote, 1000)


# Appeal


def test_an_appeal_goes_to_the_arbiter(drive: Drive, quote: Quote) -> None:
    submit(drive, quote)
    decide(drive, quote, 300)
    drive.node.timestamp = claim_of(drive, quote).until
    receipt = drive.insurance.appealClaim(quote, 1, EVIDENCE, sender=drive.holder)
    until = drive.now + quote.cover.arbitrationWindow
    appealed = {"policyId": drive.id(quote), "claim": 1, "holder": drive.holder, "reason": EVIDENCE}
    happened = [(e.name, e.args) for e in decode_logs(receipt)]
    assert happened == [("ClaimAppealed", appealed | {"until": until})]
    assert claim_of(drive, quote) == (1000, 300, until, APPEALED)
    with reverts("WrongClaimState", drive.id(quote), 1, APPEALED):
        drive.insurance.appealClaim(quote, 1, REASON, sender=drive.holder)
    for sender in (drive.treasury, drive.underwriter, drive.holder):
        with reverts("WrongCaller", drive.id(quote), sender, drive.arbiter):
            decide(drive, quote, 300, sender=sender)
    for approved in (299, 1001):
        with reverts("AmountOutOfRange", drive.id(quote), approved, 300, 1000):
            decide(drive, quote, approved, sender=drive.arbiter)
    drive.node.timestamp = until
    with reverts("WindowOpen", drive.id(quote), until):
        drive.insurance.payClaim(quote, 1, sender=drive.keeper)
    receipt = decide(drive, quote, 700, sender=drive.arbiter)
    (decided,) = drive.insurance.events(receipt)
    assert (decided["caller"], decided["approved"], decided["state"]) == (drive.arbiter, 700, FINAL)
    assert claim_of(drive, quote)[:2] == (1000, 700)
    pay_and_check(drive, quote, 700)


def test_the_arbiters_silence_leaves_the_decision(drive: Drive, quote: Quote) -> None:
    submit(drive, quote)
    decide(drive, quote, 300)
    drive.insurance.appealClaim(quote, 1, REASON, sender=drive.holder)
    drive.node.timestamp = claim_of(drive, quote).until + 1
    with reverts("WindowClosed", drive.id(quote), drive.now - 1):
        decide(drive, quote, 700, sender=drive.arbiter)
    pay_and_check(drive, quote, 300)


def test_only_the_policyholder_appeals(drive: Drive, quote: Quote) -> None:
    submit(drive, quote)
    with reverts("WrongClaimState", drive.id(quote), 1, SUBMITTED):
        drive.insurance.appealClaim(quote, 1, REASON, sender=drive.holder)
    decide(drive, quote, 300)
    with reverts("WrongCaller", drive.id(quote), drive.treasury, drive.holder):
        drive.insurance.appealClaim(quote, 1, REASON, sender=drive.treasury)


def test_contracts_claim_decide_and_appeal(drive: Drive) -> None:
    machine, court = (Forwarder.deploy(drive.node, person(f"{name} owner")) for name in ("machine", "court"))
    drive.fund(machine, 3 * MAX)
    quote = drive.quote(holder=machine.address, arbiter=court.address)
    drive.open(quote, sender=machine)
    receipt = submit(drive, quote, sender=machine)
    assert drive.insurance.events(receipt)[0]["holder"] == machine.address
    decide(drive, quote, 1)
    receipt = drive.insurance.appealClaim(quote, 1, REASON, sender=machine)
    assert drive.insurance.events(receipt)[0]["holder"] == machine.address
    receipt = decide(drive, quote, 2, sender=court)
    assert drive.insurance.events(receipt)[0]["caller"] == court.address
    receipt = drive.insurance.payClaim(quote, 1, sender=court)
    assert drive.insurance.events(receipt)[0]["caller"] == court.address
    assert drive.insurance.creditOf(machine.address) == 2


# Payment


def pay_and_check(drive: Drive, quote: Quote, amount: int, claim: int = 1) -> None:
    """Paid once, to the policyholder's credit, out of what is locked."""
    credit, pool = drive.insurance.creditOf(drive.holder), drive.insurance.poolOf(drive.treasury)
    locked, claimed = locks(drive, quote)
    receipt = drive.insurance.payClaim(quote, claim, sender=drive.keeper)
    paid = {
        "policyId": drive.id(quote),
        "claim": claim,
        "holder": drive.holder,
        "caller": drive.keeper,
        "amount": amount,
    }
    assert [(e.name, e.args) for e in decode_logs(receipt)] == [("ClaimPaid", paid)]
    assert drive.insurance.creditOf(drive.holder) == credit + amount
    assert drive.insurance.poolOf(drive.treasury) == (pool.free, pool.locked - amount)
    assert locks(drive, quote) == (locked - amount, claimed - claim_of(drive, quote, claim).amount)
    assert (claim_of(drive, quote, claim).approved, claim_of(drive, quote, claim).state) == (amount, PAID)
    with reverts("WrongClaimState", drive.id(quote), claim, PAID):
        drive.insurance.payClaim(quote, claim, sender=drive.keeper)
    with reverts("WrongClaimState", drive.id(quote), claim, PAID):
        decide(drive, quote, 0, claim)


def test_a_claim_that_was_never_made_is_not_there(drive: Drive, quote: Quote) -> None:
    for claim in (0, 1, 65_535):
        for call in (
            lambda c: drive.insurance.payClaim(quote, c, sender=drive.keeper),
            lambda c: decide(drive, quote, 0, c),
            lambda c: drive.insurance.appealClaim(quote, c, REASON, sender=drive.holder),
        ):
            with reverts("WrongClaimState", drive.id(quote), claim, 0):
                call(claim)


def test_an_open_claim_keeps_the_capital_locked(drive: Drive, quote: Quote) -> None:
    drive.node.warp(3 * PERIOD)
    submit(drive, quote, loss=drive.now - 1)
    decide(drive, quote, 400)
    drive.insurance.appealClaim(quote, 1, REASON, sender=drive.holder)
    drive.node.warp(quote.cover.claimWindow + 1)
    with reverts("ClaimsOpen", drive.id(quote), 1000):
        drive.insurance.release(quote, sender=drive.treasury)
    pay_and_check(drive, quote, 400)
    receipt = drive.insurance.release(quote, sender=drive.treasury)
    assert drive.insurance.events(receipt, "CapitalReleased")[0]["amount"] == SUM - 400
    assert drive.insurance.poolOf(drive.treasury) == (1_000_000 * USD - 400, 0)


def test_when_all_is_paid_nothing_is_left_to_reinstate(drive: Drive) -> None:
    quote = drive.quote()
    drive.open(quote, MAX)
    submit(drive, quote, SUM)
    decide(drive, quote, SUM)
    pay_and_check(drive, quote, SUM)
    drive.settle_next(quote)
    with reverts("NothingInsured", drive.id(quote)):
        drive.reinstate(quote, MAX, 10_000_000)


def test_payment_comes_from_the_policys_own_treasury(drive: Drive, quote: Quote) -> None:
    other = person("other treasury")
    drive.fund(other, SUM)
    drive.insurance.provideCapital(SUM, sender=other)
    drive.insurance.setUnderwriter(drive.underwriter, True, sender=other)
    second = drive.quote(treasury=other)
    drive.open(second)
    submit(drive, second)
    with reverts("NotUnderwriter", other, drive.treasury):
        decide(drive, second, 0)
    decide(drive, second, 1000, sender=other)
    pool = drive.insurance.poolOf(drive.treasury)
    drive.insurance.payClaim(second, 1, sender=drive.keeper)
    assert drive.insurance.poolOf(drive.treasury) == pool
    assert drive.insurance.poolOf(other) == (0, SUM - 1000)
