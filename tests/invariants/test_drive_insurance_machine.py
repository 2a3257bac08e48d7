"""Two drivers, two treasuries, any order of actions, any time: contract, model and logs always agree."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.drive_insurance import (
    APPEALED,
    DECIDED,
    DISPUTED,
    LAPSED,
    PAID,
    REPORTED,
    SUBMITTED,
    Policy,
)
from tests.models.drive_shadow import DriveShadow
from tests.models.premium import Counters
from tests.support import Counters as Hits
from tests.support import fresh
from tests.support.contract import Sender
from tests.support.drive import DAY, USD, Quote
from tests.support.world import person

HITS = Hits()
ACTIONS = """
    setUnderwriter provideCapital withdrawCapital withdrawCredit openPolicy deposit withdraw reinstate cancel
    release report dispute resolve settle settleDefault submitClaim decideClaim appealClaim payClaim
""".split()
PLACES = (
    "settled after a dispute timed out",
    "settled a shorter period",
    "settled after cover had lapsed",
    "claimed in an earlier stretch",
    "decided after an appeal",
    "paid without a decision",
    "fewer metres after a default",
    "more metres after a default",
    "reinstated without a reading",
    "corrected a reading",
    "released by the insurer alone",
    "withdrew while a period was open",
    "cancelled by the insurer",
    "cancelled after a lapse",
)
REASON = bytes(range(32))
SECOND_TREASURY = person("second treasury")
SECOND_DRIVER = person("second driver")

shares = st.integers(0, 11)
"""Tenths: all is 10, and 11 is too much."""


class DriveMachine(RuleBasedStateMachine):
    """Actions are drawn mostly from those that make sense, at moments when they begin or cease to."""

    def __init__(self) -> None:
        super().__init__()
        self.shadow = DriveShadow(fresh())
        self.node = self.shadow.node
        drive = self.drive = self.shadow.drive
        for account in (SECOND_TREASURY, SECOND_DRIVER, drive.holder, drive.treasury):
            self.shadow.fund(account, 10_000 * USD)
        for treasury in (drive.treasury, SECOND_TREASURY):
            assert self.do("provideCapital", 1200 * USD, sender=treasury)
            assert self.do("setUnderwriter", drive.underwriter, True, sender=treasury)
        self.quotes: list[Quote] = []
        self.people: list[Sender] = [drive.holder, SECOND_DRIVER, drive.treasury, SECOND_TREASURY]
        self.people += [drive.underwriter, drive.arbiter, drive.keeper]

    def do(self, action: str, *args: Any, sender: Sender) -> bool:
        return self.count(action, self.shadow.do(action, *args, sender=sender))

    def count(self, action: str, happened: bool, *places: tuple[str, bool]) -> bool:
        if happened:
            HITS.hit(action)
            for place, reached in places:
                if reached:
                    HITS.hit(place)
        return happened

    def caller(self, data: st.DataObject, right: Sender) -> Sender:
        """Mostly who may."""
        return right if data.draw(st.integers(0, 9)) else data.draw(st.sampled_from(self.people))

    def pick(self, data: st.DataObject) -> tuple[Quote, Policy]:
        quote = data.draw(st.sampled_from(self.quotes))
        return quote, self.shadow.policy(quote)

    def wait_until(self, data: st.DataObject, border: int) -> None:
        """Mostly the first second after a last one, sometimes that last one or any."""
        moment = border + data.draw(st.sampled_from([1, 1, 1, 1, 1, 0, 2 * DAY]))
        self.node.timestamp = max(self.node.timestamp, moment)

    # Time and money

    @rule(seconds=st.sampled_from([0, 1, 3600, DAY, 4 * DAY]))
    def wait(self, seconds: int) -> None:
        self.node.warp(seconds)

    @rule(data=st.data(), share=shares)
    def move_capital(self, data: st.DataObject, share: int) -> None:
        drive = self.drive
        treasury = data.draw(st.sampled_from([drive.treasury, SECOND_TREASURY]))
        what = data.draw(st.sampled_from(["provide", "withdraw", "underwriter"]))
        if what == "provide":
            self.do("provideCapital", share * 100 * USD, sender=treasury)
        elif what == "withdraw":
            self.do("withdrawCapital", self.shadow.model.free[treasury] * share // 10, sender=treasury)
        else:
            self.do("setUnderwriter", drive.underwriter, share > 2, sender=treasury)

    # Policy and escrow

    @initialize(data=st.data())
    def open_the_first(self, data: st.DataObject) -> None:
        self.open(data)

    @precondition(lambda self: len(self.quotes) < 4)
    @rule(data=st.data())
    def open(self, data: st.DataObject) -> None:
        now, number = self.node.timestamp, len(self.quotes)
        quote = self.drive.quote(
            holder=SECOND_DRIVER if number % 2 else self.drive.holder,
            treasury=data.draw(st.sampled_from([self.drive.treasury, SECOND_TREASURY])),
            period=data.draw(st.sampled_from([3 * DAY, 10 * DAY])),
            start=now + data.draw(st.sampled_from([-DAY, 0, 0, 2 * DAY])),
            end=now + 50 * DAY,
            sumInsured=500 * USD,
            reportWindow=3 * DAY,
            disputeWindow=2 * DAY,
            arbitrationWindow=4 * DAY,
            noticePeriod=5 * DAY,
            claimWindow=10 * DAY,
            decisionWindow=8 * DAY,
        )
        amount = quote.terms.maximum * data.draw(st.integers(3, 12)) // 4
        happened = self.shadow.open(quote, amount, sender=self.caller(data, quote.cover.holder))
        if self.count("openPolicy", happened):
            self.quotes.append(quote)

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), quarters=st.integers(0, 8))
    def deposit(self, data: st.DataObject, quarters: int) -> None:
        quote, _ = self.pick(data)
        amount = quote.terms.maximum * quarters // 4
        self.do("deposit", quote, amount, sender=self.caller(data, quote.cover.holder))

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), share=shares)
    def withdraw(self, data: st.DataObject, share: int) -> None:
        quote, policy = self.pick(data)
        amount = policy.withdrawable(self.node.timestamp) * share // 10
        started = amount > 0 and any(start <= self.node.timestamp for start, _ in policy.periods())
        happened = self.shadow.do("withdraw", quote, amount, sender=self.caller(data, quote.cover.holder))
        self.count("withdraw", happened, ("withdrew while a period was open", started))

    @precondition(lambda self: self.ended())
    @rule(data=st.data())
    def reinstate(self, data: st.DataObject) -> None:
        quote = data.draw(st.sampled_from(self.ended()))
        quarters = data.draw(st.integers(2, 8))
        driven = data.draw(st.integers(-1, 500_000) | st.integers(600_000, 2_000_000))
        odometer = self.shadow.policy(quote).odometer + driven
        amount = quote.terms.maximum * quarters // 4
        sender = self.caller(data, quote.cover.holder)
        happened = self.shadow.reinstate(quote, amount, odometer, sender=sender)
        unread = ("reinstated without a reading", self.shadow.policy(quote).unread)
        if self.count("reinstate", happened, unread) and data.draw(st.integers(0, 3)):
            self.claim_for(data, quote, 0, 3)
        if happened and data.draw(st.booleans()):
            self.report_of(data, quote, data.draw(st.integers(0, 500_000)))

    @precondition(lambda self: self.quotes)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """Cancel, rarely, or release what is locked."""
        quote, policy = self.pick(data)
        if data.draw(st.integers(0, 2)):
            if not policy.periods():
                self.wait_until(data, policy.covered_until() + quote.cover.claimWindow)
            reinstatable = policy.covered_until() < policy.limit or policy.state == LAPSED
            alone = reinstatable and self.node.timestamp < quote.cover.end
            insurer = data.draw(st.sampled_from([quote.cover.treasury, self.drive.underwriter]))
            happened = self.shadow.do("release", quote, sender=self.caller(data, insurer))
            self.count("release", happened, ("released by the insurer alone", alone))
            return
        by = data.draw(st.sampled_from([quote.cover.holder, quote.cover.treasury, self.drive.underwriter]))
        lapsed = policy.covered_until() < policy.limit and self.node.timestamp >= policy.covered_until()
        happened = self.shadow.do("cancel", quote, sender=by)
        by_insurer = ("cancelled by the insurer", by != quote.cover.holder)
        self.count("cancel", happened, by_insurer, ("cancelled after a lapse", lapsed))

    # Periods

    @precondition(lambda self: self.waiting(None))
    @rule(
        data=st.data(),
        driven=st.integers(-1, 4_000_000),
        night=st.integers(0, 100),
        speeding=st.integers(0, 101),
        events=st.tuples(*[st.integers(0, 20)] * 4),
    )
    def report(
        self, data: st.DataObject, driven: int, night: int, speeding: int, events: tuple[int, int, int, int]
    ) -> None:
        quote = data.draw(st.sampled_from(self.waiting(None)))
        counted = dict(zip(("brakes", "accels", "corners", "phone"), events, strict=True))
        night, speeding = (max(driven, 0) * share // 100 for share in (night, speeding))
        self.report_of(data, quote, driven, night=night, speeding=speeding, **counted)

    def report_of(self, data: st.DataObject, quote: Quote, driven: int, **counted: int) -> None:
        """The next period's report, and often what follows it."""
        policy = self.shadow.policy(quote)
        self.wait_until(data, policy.periods()[0][1] - 1)
        usage = self.shadow.next_usage(quote, driven, **counted)
        usage = usage._replace(trips=driven & 255, tripsRoot=REASON)
        ahead = policy.billed > policy.odometer
        behind = policy.billed < policy.odometer
        happened = self.shadow.report(quote, usage, sender=data.draw(st.sampled_from(self.people)))
        places = ("fewer metres after a default", ahead), ("more metres after a default", behind)
        if self.count("report", happened, *places):
            if data.draw(st.integers(0, 2)) == 0:
                self.dispute(data)
            if self.waiting(DISPUTED) and data.draw(st.booleans()):
                self.resolve(data)
            if data.draw(st.booleans()):
                self.settle(data)

    @precondition(lambda self: self.waiting(REPORTED))
    @rule(data=st.data())
    def dispute(self, data: st.DataObject) -> None:
        quote = data.draw(st.sampled_from(self.waiting(REPORTED)))
        self.do("dispute", quote, REASON, sender=self.caller(data, quote.cover.holder))

    @precondition(lambda self: self.waiting(DISPUTED))
    @rule(data=st.data())
    def resolve(self, data: st.DataObject) -> None:
        metres, brakes = data.draw(st.integers(0, 400_000)), data.draw(st.integers(0, 20))
        quote = data.draw(st.sampled_from(self.waiting(DISPUTED)))
        counted = Counters(metres=metres, brakes=brakes)
        policy = self.shadow.policy(quote)
        reported = policy.report.odometer if policy.report else 0
        driven = (reported - policy.odometer) * data.draw(shares) // 10
        sender = self.caller(data, self.drive.arbiter)
        happened = self.shadow.do("resolve", quote, policy.odometer + driven, counted, REASON, sender=sender)
        self.count("resolve", happened, ("corrected a reading", policy.odometer + driven < reported))

    @precondition(lambda self: any(policy.periods() for policy in self.policies()))
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        quote, policy = self.pick(data)
        if not policy.periods():
            return
        start, end = policy.periods()[0]
        reported = policy.report is not None
        default = max(end, policy.settled_time) + quote.cover.reportWindow
        self.wait_until(data, policy.report.until if policy.report else default)
        disputed = policy.report is not None and policy.report.state == DISPUTED
        lapsed = policy.covered_until() < policy.limit and self.node.timestamp >= policy.covered_until()
        action = "settle" if reported else "settleDefault"
        if not data.draw(st.integers(0, 9)):
            action = "settleDefault" if reported else "settle"
        happened = self.shadow.do(action, quote, sender=data.draw(st.sampled_from(self.people)))
        self.count(
            action,
            happened,
            ("settled after a dispute timed out", disputed),
            ("settled a shorter period", end - start < quote.terms.period),
            ("settled after cover had lapsed", lapsed),
        )
        if self.ended() and data.draw(st.booleans()):
            self.reinstate(data)

    # Claims

    @precondition(lambda self: self.quotes and not self.claims(SUBMITTED, DECIDED, APPEALED))
    @rule(data=st.data(), share=st.sampled_from([3, 3, 3, 10, 11, 0]))
    def claim(self, data: st.DataObject, share: int) -> None:
        quote, policy = self.pick(data)
        index = len(policy.stretches) - 1
        if index > 0 or data.draw(st.integers(0, 5)) == 0:
            index = data.draw(st.integers(0, len(policy.stretches)))
        self.claim_for(data, quote, index, share)

    def claim_for(self, data: st.DataObject, quote: Quote, index: int, share: int) -> None:
        policy = self.shadow.policy(quote)
        last = index >= len(policy.stretches) - 1
        stretch = policy.stretches[min(index, len(policy.stretches) - 1)]
        until = min(policy.covered_until(), self.node.timestamp + 1) if last else stretch.until
        loss = data.draw(st.sampled_from([until - 1, max(until - DAY, stretch.since), until, stretch.since]))
        amount = (policy.locked - policy.claimed()) * share // 10
        sender = self.caller(data, quote.cover.holder)
        happened = self.shadow.do("submitClaim", quote, index, loss, amount, REASON, sender=sender)
        if self.count("submitClaim", happened, ("claimed in an earlier stretch", not last)):
            self.pursue(data)

    @precondition(lambda self: self.claims(SUBMITTED, DECIDED, APPEALED))
    @rule(data=st.data())
    def pursue(self, data: st.DataObject) -> None:
        """Some further steps of claims, with nothing else between them."""
        path = data.draw(
            st.sampled_from(["pay", "decide pay", "decide appeal decide pay", "decide appeal pay"])
        )
        for step in path.split():
            if step == "decide" and self.claims(SUBMITTED, APPEALED):
                self.decide(data)
            elif step == "appeal" and self.claims(DECIDED):
                self.appeal(data)
            elif step == "pay":
                self.pay(data)

    def decide(self, data: st.DataObject) -> None:
        share = data.draw(st.sampled_from([0, 3, 3, 3, 7, 7, 10, 11]))
        quote, number = self.claims(SUBMITTED, APPEALED)[-1]
        claim = self.shadow.policy(quote).claims[number - 1]
        appealed = claim.state == APPEALED
        insurer = data.draw(st.sampled_from([quote.cover.treasury, self.drive.underwriter]))
        sender = self.caller(data, self.drive.arbiter if appealed else insurer)
        approved = claim.amount * share // 10
        happened = self.shadow.do("decideClaim", quote, number, approved, REASON, sender=sender)
        self.count("decideClaim", happened, ("decided after an appeal", appealed))

    def appeal(self, data: st.DataObject) -> None:
        quote, number = self.claims(DECIDED)[-1]
        self.do("appealClaim", quote, number, REASON, sender=self.caller(data, quote.cover.holder))

    def pay(self, data: st.DataObject) -> None:
        quote, number = data.draw(st.sampled_from(self.claims(*range(PAID + 1))))
        claim = self.shadow.policy(quote).claims[number - 1]
        if data.draw(st.booleans()):
            self.wait_until(data, claim.until)
        silent = claim.state == SUBMITTED
        happened = self.shadow.do("payClaim", quote, number, sender=data.draw(st.sampled_from(self.people)))
        self.count("payClaim", happened, ("paid without a decision", silent))
        if data.draw(st.booleans()):
            self.do("withdrawCredit", sender=self.caller(data, quote.cover.holder))

    # What always holds

    @invariant()
    def views_are_those_of_the_model(self) -> None:
        self.shadow.check_views()

    def teardown(self) -> None:
        self.shadow.check_replay()

    # What there is

    def policies(self) -> list[Policy]:
        return [self.shadow.policy(quote) for quote in self.quotes]

    def ended(self) -> list[Quote]:
        """Policies with nothing left to settle."""
        return [quote for quote in self.quotes if not self.shadow.policy(quote).periods()]

    def waiting(self, state: int | None) -> list[Quote]:
        """Policies whose next period has a report in this state, or no report."""
        found = []
        for quote, policy in zip(self.quotes, self.policies(), strict=True):
            if policy.periods() and (policy.report.state if policy.report else None) == state:
                found.append(quote)
        return found

    def claims(self, *states: int) -> list[tuple[Quote, int]]:
        return [
            (quote, number)
            for quote, policy in zip(self.quotes, self.policies(), strict=True)
            for number, claim in enumerate(policy.claims, 1)
            if claim.state in states
        ]


def test_contract_model_and_logs_agree_whatever_happens() -> None:
    run_state_machine_as_test(DriveMachine, settings=settings(stateful_step_count=60))
    HITS.require(ACTIONS)
    if settings().max_examples >= 100:
        HITS.require(PLACES)
