"""Two drivers, two treasuries, any order of actions, any time: contract, model and logs always agree."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.models.drive_insurance import APPEALED, DECIDED, DISPUTED, REPORTED, SUBMITTED
from tests.models.drive_shadow import DriveShadow
from tests.models.premium import Counters
from tests.support import Counters as Hits
from tests.support import fresh
from tests.support.contract import Sender
from tests.support.drive import DAY, ONE, USD, Quote
from tests.support.world import person

HITS = Hits()
ACTIONS = (
    "openPolicy deposit withdraw reinstate cancel release report dispute resolve settle settleDefault "
    "submitClaim decideClaim appealClaim payClaim provideCapital withdrawCapital withdrawCredit setUnderwriter"
).split()
PLACES = (
    "settled after a dispute timed out",
    "settled a shorter period",
    "settled after cover had lapsed",
    "claim in an earlier stretch",
    "claim after an appeal",
    "claim approved by silence",
    "fewer metres after a default",
    "withdrew while a period was open",
)
REASON = bytes(range(32))
SECOND_TREASURY = person("second treasury")
SECOND_DRIVER = person("second driver")
START = None


class DriveMachine(RuleBasedStateMachine):
    """Actions are drawn mostly from those that make sense; the rest are refused by both."""

    def __init__(self) -> None:
        super().__init__()
        self.shadow = DriveShadow(fresh())
        drive = self.drive = self.shadow.drive
        self.node = self.shadow.node
        for account in (SECOND_TREASURY, SECOND_DRIVER, drive.holder, drive.treasury):
            self.shadow.fund(account, 10_000 * USD)
        assert self.do("provideCapital", 3000 * USD, sender=drive.treasury)
        assert self.do("provideCapital", 1000 * USD, sender=SECOND_TREASURY)
        assert self.do("setUnderwriter", drive.underwriter, True, sender=drive.treasury)
        assert self.do("setUnderwriter", drive.underwriter, True, sender=SECOND_TREASURY)
        self.offers = [self.offer(drive.holder, drive.treasury), self.offer(SECOND_DRIVER, SECOND_TREASURY)]
        self.offers.append(self.offer(drive.holder, SECOND_TREASURY, period=7 * DAY, end=self.node.timestamp + 30 * DAY))
        self.quotes: list[Quote] = []
        self.people: list[Sender] = [drive.holder, SECOND_DRIVER, drive.treasury, SECOND_TREASURY]
        self.people += [drive.underwriter, drive.arbiter, drive.keeper]

    def offer(self, holder: Any, treasury: Any, **changes: Any) -> Quote:
        defaults = {
            "period": 10 * DAY,
            "end": self.node.timestamp + 45 * DAY,
            "deadline": self.node.timestamp + 20 * DAY,
            "sumInsured": 500 * USD,
            "reportWindow": 3 * DAY,
            "disputeWindow": 2 * DAY,
            "arbitrationWindow": 4 * DAY,
            "noticePeriod": 5 * DAY,
            "claimWindow": 12 * DAY,
            "decisionWindow": 3 * DAY,
        }
        return self.drive.quote(holder=holder, treasury=treasury, **(defaults | changes))

    def do(self, action: str, *args: Any, sender: Sender) -> bool:
        return self.count(action, self.shadow.do(action, *args, sender=sender))

    def count(self, action: str, happened: bool) -> bool:
        if happened:
            HITS.hit(action)
        return happened

    def caller(self, data: st.DataObject, right: Sender) -> Sender:
        """Mostly who may."""
        return right if data.draw(st.integers(0, 9)) else data.draw(st.sampled_from(self.people))

    def pick(self, data: st.DataObject) -> Quote:
        return data.draw(st.sampled_from(self.quotes))

    # Time

    @rule(days=st.integers(0, 6), seconds=st.sampled_from([0, 0, 1, 3600]))
    def wait(self, days: int, seconds: int) -> None:
        self.node.warp(days * DAY + seconds)

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), past=st.integers(-1, 1))
    def wait_for_a_border(self, data: st.DataObject, past: int) -> None:
        """The last second at which something is still, or not yet, possible, or a neighbour of it."""
        quote = self.pick(data)
        policy, cover, now = self.shadow.policy(quote), quote.cover, self.node.timestamp
        borders = [policy.covered_until(), policy.covered_until() + cover.claimWindow]
        for _, end in policy.periods()[:1]:
            borders += [end, max(end, policy.settled_time) + cover.reportWindow]
        if policy.report:
            borders.append(policy.report.until)
        borders += [claim.until for claim in policy.claims]
        ahead = [border + past for border in borders if border + past >= now]
        if ahead:
            self.node.timestamp = data.draw(st.sampled_from(sorted(ahead)))

    # The insurer's side

    @rule(data=st.data(), amount=st.integers(0, 3000 * USD))
    def provide(self, data: st.DataObject, amount: int) -> None:
        treasury = data.draw(st.sampled_from([self.drive.treasury, SECOND_TREASURY]))
        self.do("provideCapital", amount, sender=treasury)

    @rule(data=st.data(), share=st.integers(0, 11))
    def withdraw_capital(self, data: st.DataObject, share: int) -> None:
        treasury = data.draw(st.sampled_from([self.drive.treasury, SECOND_TREASURY, self.drive.keeper]))
        self.do("withdrawCapital", self.shadow.model.free[treasury] * share // 10, sender=treasury)

    @rule(data=st.data())
    def withdraw_credit(self, data: st.DataObject) -> None:
        self.do("withdrawCredit", sender=data.draw(st.sampled_from(self.people)))

    @rule(data=st.data(), allowed=st.sampled_from([True, True, True, False]))
    def set_underwriter(self, data: st.DataObject, allowed: bool) -> None:
        treasury = data.draw(st.sampled_from([self.drive.treasury, SECOND_TREASURY]))
        self.do("setUnderwriter", self.drive.underwriter, allowed, sender=treasury)

    # Policy and escrow

    @precondition(lambda self: len(self.quotes) < len(self.offers))
    @rule(data=st.data(), periods=st.integers(3, 12), late=st.integers(-3, 3))
    def open(self, data: st.DataObject, periods: int, late: int) -> None:
        quote = self.offers[len(self.quotes)]
        quote = quote._replace(cover=quote.cover._replace(start=self.node.timestamp + late * DAY))
        amount = quote.terms.maximum * periods // 4
        if self.count("openPolicy", self.shadow.open(quote, amount, sender=self.caller(data, quote.cover.holder))):
            self.quotes.append(quote)

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), quarters=st.integers(0, 8))
    def deposit(self, data: st.DataObject, quarters: int) -> None:
        quote = self.pick(data)
        amount = quote.terms.maximum * quarters // 4
        self.do("deposit", quote, amount, sender=self.caller(data, quote.cover.holder))

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), share=st.integers(1, 11))
    def withdraw(self, data: st.DataObject, share: int) -> None:
        quote = self.pick(data)
        policy = self.shadow.policy(quote)
        amount = policy.withdrawable(self.node.timestamp) * share // 10
        started = amount and any(start <= self.node.timestamp for start, _ in policy.periods())
        if self.do("withdraw", quote, amount, sender=self.caller(data, quote.cover.holder)) and started:
            HITS.hit("withdrew while a period was open")

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), quarters=st.integers(0, 8), driven=st.integers(-1, 500_000))
    def reinstate(self, data: st.DataObject, quarters: int, driven: int) -> None:
        quote = self.pick(data)
        odometer = self.shadow.policy(quote).odometer + driven
        amount = quote.terms.maximum * quarters // 4
        sender = self.caller(data, quote.cover.holder)
        self.count("reinstate", self.shadow.reinstate(quote, amount, odometer, sender=sender))

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), chance=st.integers(0, 3))
    def cancel(self, data: st.DataObject, chance: int) -> None:
        quote = self.pick(data)
        by = data.draw(st.sampled_from([quote.cover.holder, quote.cover.treasury, self.drive.underwriter]))
        if chance == 0:
            self.do("cancel", quote, sender=self.caller(data, by))

    @precondition(lambda self: self.quotes)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.do("release", self.pick(data), sender=self.drive.keeper)

    # Periods

    @precondition(lambda self: self.quotes)
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
        quote = self.pick(data)
        policy = self.shadow.policy(quote)
        usage = self.shadow.next_usage(
            quote,
            driven,
            night=max(driven, 0) * night // 100,
            speeding=max(driven, 0) * speeding // 100,
            brakes=events[0],
            accels=events[1],
            corners=events[2],
            phone=events[3],
            trips=events[0],
            tripsRoot=REASON,
        )
        ahead = policy.billed > policy.odometer
        sender = data.draw(st.sampled_from(self.people))
        if self.count("report", self.shadow.report(quote, usage, sender=sender)) and ahead:
            HITS.hit("fewer metres after a default")

    @precondition(lambda self: self.with_report(REPORTED))
    @rule(data=st.data())
    def dispute(self, data: st.DataObject) -> None:
        quote = data.draw(st.sampled_from(self.with_report(REPORTED)))
        self.do("dispute", quote, REASON, sender=self.caller(data, quote.cover.holder))

    @precondition(lambda self: self.with_report(DISPUTED))
    @rule(data=st.data(), metres=st.integers(0, 4_000_000), brakes=st.integers(0, 20))
    def resolve(self, data: st.DataObject, metres: int, brakes: int) -> None:
        quote = data.draw(st.sampled_from(self.with_report(DISPUTED)))
        counted = Counters(metres=metres, brakes=brakes)
        self.do("resolve", quote, counted, REASON, sender=self.caller(data, self.drive.arbiter))

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), by_default=st.booleans())
    def settle(self, data: st.DataObject, by_default: bool) -> None:
        quote = self.pick(data)
        policy = self.shadow.policy(quote)
        disputed = policy.report is not None and policy.report.state == DISPUTED
        lapsed = policy.state == 1 and policy.covered_until() < policy.limit and self.node.timestamp >= policy.covered_until()
        before = policy.cursor
        action = "settleDefault" if by_default else "settle"
        if self.do(action, quote, sender=data.draw(st.sampled_from(self.people))):
            if disputed:
                HITS.hit("settled after a dispute timed out")
            if policy.cursor - before < quote.terms.period:
                HITS.hit("settled a shorter period")
            if lapsed:
                HITS.hit("settled after cover had lapsed")

    # Claims

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), ago=st.integers(-1, 20 * DAY), share=st.integers(0, 11))
    def claim(self, data: st.DataObject, ago: int, share: int) -> None:
        quote = self.pick(data)
        policy = self.shadow.policy(quote)
        stretch = data.draw(st.integers(0, len(policy.stretches)))
        loss = max(0, self.node.timestamp - ago)
        amount = (policy.locked - policy.claimed()) * share // 10
        sender = self.caller(data, quote.cover.holder)
        if self.do("submitClaim", quote, stretch, loss, amount, REASON, sender=sender) and stretch < len(policy.stretches) - 1:
            HITS.hit("claim in an earlier stretch")

    @precondition(lambda self: self.open_claims())
    @rule(data=st.data(), share=st.integers(0, 10))
    def decide(self, data: st.DataObject, share: int) -> None:
        quote, number = data.draw(st.sampled_from(self.open_claims()))
        claim = self.shadow.policy(quote).claims[number - 1]
        insurer = data.draw(st.sampled_from([quote.cover.treasury, self.drive.underwriter]))
        right = self.drive.arbiter if claim.state == APPEALED else insurer
        appealed = claim.state == APPEALED
        approved = claim.amount * share // 10
        if self.do("decideClaim", quote, number, approved, REASON, sender=self.caller(data, right)) and appealed:
            HITS.hit("claim after an appeal")

    @precondition(lambda self: self.open_claims())
    @rule(data=st.data())
    def appeal(self, data: st.DataObject) -> None:
        decided = [(q, n) for q, n in self.open_claims() if self.shadow.policy(q).claims[n - 1].state == DECIDED]
        quote, number = data.draw(st.sampled_from(decided or self.open_claims()))
        self.do("appealClaim", quote, number, REASON, sender=self.caller(data, quote.cover.holder))

    @precondition(lambda self: self.open_claims())
    @rule(data=st.data())
    def pay(self, data: st.DataObject) -> None:
        quote, number = data.draw(st.sampled_from(self.open_claims()))
        silent = self.shadow.policy(quote).claims[number - 1].state == SUBMITTED
        if self.do("payClaim", quote, number, sender=data.draw(st.sampled_from(self.people))) and silent:
            HITS.hit("claim approved by silence")

    # What always holds

    @invariant()
    def views_are_those_of_the_model(self) -> None:
        self.shadow.check_views()

    def teardown(self) -> None:
        self.shadow.check_replay()

    # What there is

    def with_report(self, state: int) -> list[Quote]:
        policies = [(quote, self.shadow.policy(quote)) for quote in self.quotes]
        return [q for q, p in policies if p.report and p.report.period == p.number and p.report.state == state]

    def open_claims(self) -> list[tuple[Quote, int]]:
        return [(q, n) for q in self.quotes for n, _ in enumerate(self.shadow.policy(q).claims, 1)]


def test_contract_model_and_logs_agree_whatever_happens() -> None:
    run_state_machine_as_test(DriveMachine)
    HITS.require([*ACTIONS, *PLACES])
