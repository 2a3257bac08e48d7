"""Every reachable state x action x kind of caller x moment: contract and model do the same.

Time is cut into classes by the borders that matter: before the last second of a window, at it, behind it. In
each class every action is tried by everybody who could matter; waiting for the next border leads on.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial

from tests.models.drive_insurance import PAID, Policy
from tests.models.drive_shadow import DriveShadow
from tests.models.money_shadow import Move, explore
from tests.models.premium import Counters
from tests.support import Forwarder, Node
from tests.support.contract import Sender
from tests.support.drive import DEVICE, USD, VEHICLE, Quote
from tests.support.world import person

REASON = bytes(range(32))
PERIOD = 100


class Machine:
    """One policy of a period of 100 s and a shorter second one; what is tried is up to subclasses."""

    def __init__(self, node: Node, **changes: int) -> None:
        self.shadow = DriveShadow(node)
        drive = self.drive = self.shadow.drive
        self.node = node
        for account in (drive.holder, drive.treasury):
            self.shadow.fund(account, 10_000 * USD)
        assert self.shadow.do("provideCapital", 1000 * USD, sender=drive.treasury)
        defaults = {
            "period": PERIOD,
            "start": node.timestamp + 10,
            "end": node.timestamp + 170,
            "sumInsured": 500 * USD,
            "reportWindow": 20,
            "disputeWindow": 25,
            "arbitrationWindow": 30,
            "noticePeriod": 40,
            "claimWindow": 90,
            "decisionWindow": 20,
        }
        self.quote: Quote = drive.quote(**(defaults | changes))
        self.maximum = self.quote.terms.maximum
        machine = Forwarder.deploy(node, drive.holder)
        self.everybody: list[Sender] = [
            drive.holder,
            drive.treasury,
            drive.underwriter,
            drive.arbiter,
            machine,
        ]

    @property
    def policy(self) -> Policy:
        return self.shadow.policy(self.quote)

    def borders(self) -> list[int]:
        """The last seconds at which something is still so."""
        policy, cover = self.policy, self.quote.cover
        until = policy.covered_until()
        found = [policy.stretches[-1].since - 1, until - 1, until + cover.claimWindow, cover.end - 1]
        for _, end in policy.periods()[:1]:
            found += [end - 1, max(end, policy.settled_time) + cover.reportWindow]
        if policy.report and policy.report.state != 3:
            found.append(policy.report.until)
        return found

    def waiting(self) -> Iterator[Move]:
        """To the next border, and one second behind it."""
        now = self.node.timestamp
        ahead = sorted(
            {second for border in self.borders() for second in (border, border + 1) if second > now}
        )
        if ahead:
            yield partial(self.wait, ahead[0])

    def wait(self, moment: int) -> bool:
        self.node.timestamp = moment
        return True

    def facts(self) -> tuple[Hashable, ...]:
        """What the future depends on, as far as these actions go."""
        policy, now = self.policy, self.node.timestamp
        report = policy.report
        times = tuple((now > border) - (now < border) for border in self.borders())
        return (
            policy.state, policy.number, policy.cursor < policy.limit, policy.limit < self.quote.cover.end,
            (policy.limit - policy.cursor) % PERIOD > 0, len(policy.periods()),
            policy.escrow // self.maximum, policy.withdrawable(now) > 0, report and report.state,
            policy.billed > policy.odometer, policy.unread, len(policy.stretches), policy.locked > 0, times,
        )  # fmt: skip


class Cover(Machine):
    """Escrow, periods and ends of a policy."""

    def moves(self) -> Iterator[Move]:
        shadow, quote, drive = self.shadow, self.quote, self.drive
        policy, now = self.policy, self.node.timestamp
        yield from self.waiting()
        usage = shadow.next_usage(quote, 10_000, night=10_000)
        yield partial(shadow.report, quote, usage, sender=drive.keeper)
        yield partial(shadow.report, quote, usage._replace(period=usage.period + 1), sender=drive.keeper)
        most = policy.withdrawable(now)
        for sender in self.everybody:
            if policy.escrow < 2 * self.maximum:
                yield partial(shadow.do, "deposit", quote, self.maximum, sender=sender)
            for amount in {most, most + 1}:
                yield partial(shadow.do, "withdraw", quote, amount, sender=sender)
            yield partial(shadow.do, "cancel", quote, sender=sender)
            yield partial(shadow.do, "dispute", quote, REASON, sender=sender)
            reported = policy.report.odometer if policy.report else policy.odometer
            for odometer in {reported, reported + 1, policy.odometer - 1}:
                yield partial(shadow.do, "resolve", quote, odometer, Counters(5000), REASON, sender=sender)
            if len(policy.stretches) == 1:
                for amount in (self.maximum, self.maximum - 1):
                    odometer = policy.odometer + 3000
                    yield partial(shadow.reinstate, quote, amount, odometer, sender=sender)
            yield partial(shadow.do, "release", quote, sender=sender)
        for action in ("settle", "settleDefault", "release"):
            yield partial(shadow.do, action, quote, sender=drive.keeper)


def test_cover(node: Node) -> None:
    machine = Cover(node)
    assert machine.shadow.open(machine.quote, machine.maximum, sender=machine.drive.holder)
    states = explore(machine.shadow, machine.moves, machine.facts)
    assert states > 200, states


class Claims(Machine):
    """A claim in a policy that nobody touches otherwise."""

    def borders(self) -> list[int]:
        until = self.policy.covered_until()
        loss = self.quote.cover.start + self.quote.cover.claimWindow
        open_ = [claim.until for claim in self.policy.claims if claim.state < PAID]
        return [self.quote.cover.start - 1, until - 1, until + self.quote.cover.claimWindow, loss, *open_]

    def key(self) -> Hashable:
        policy, now = self.policy, self.node.timestamp
        times = tuple((now > border) - (now < border) for border in self.borders())
        claims = tuple((claim.state, claim.approved, claim.amount) for claim in policy.claims)
        return claims, policy.locked, policy.claimed(), policy.state, times

    def moves(self) -> Iterator[Move]:
        shadow, quote, policy, start = self.shadow, self.quote, self.policy, self.quote.cover.start
        yield from self.waiting()
        half = quote.cover.sumInsured // 2
        available = policy.locked - policy.claimed()
        for sender in self.everybody:
            if not policy.claims:
                losses = {(0, start), (0, policy.covered_until()), (1, start)}
                amounts = {half, available, available + 1} if sender == self.drive.holder else {half}
                for stretch, loss in losses:
                    for amount in amounts:
                        args = (quote, stretch, loss, amount, REASON)
                        yield partial(shadow.do, "submitClaim", *args, sender=sender)
            for number in range(len(policy.claims) + 2):
                for approved in (half // 2, half) if 0 < number <= len(policy.claims) else (0,):
                    args = (quote, number, approved, REASON)
                    yield partial(shadow.do, "decideClaim", *args, sender=sender)
                yield partial(shadow.do, "appealClaim", quote, number, REASON, sender=sender)
            yield partial(shadow.do, "release", quote, sender=sender)
        for number in range(len(policy.claims) + 2):
            yield partial(shadow.do, "payClaim", quote, number, sender=self.everybody[-1])


def test_claims(node: Node) -> None:
    machine = Claims(node)
    assert machine.shadow.open(machine.quote, machine.maximum, sender=machine.drive.holder)
    states = explore(machine.shadow, machine.moves, machine.key)
    assert states > 50, states


def test_opening(node: Node) -> None:
    """Every quote that is wrong in one or two ways, at every moment, by everybody."""
    machine = Machine(node)
    shadow, drive, now = machine.shadow, machine.drive, node.timestamp
    assert shadow.do("provideCapital", 0, sender=drive.treasury)
    offers: list[Quote] = [machine.quote]
    wrong = [
        {"holder": person("somebody else")}, {"treasury": person("another treasury")}, {"deadline": now - 1},
        {"deadline": now}, {"end": now}, {"end": now + 10}, {"start": 0}, {"start": now + 170},
        {"start": now + 169}, {"reportWindow": 0}, {"disputeWindow": 0}, {"claimWindow": 0},
        {"vehicle": DEVICE}, {"device": VEHICLE},
        {"sumInsured": 0}, {"sumInsured": 1000 * USD}, {"sumInsured": 1000 * USD + 1},
        {"period": 0}, {"rateDistance": 0}, {"maximum": 0, "minimum": 0}, {"minimum": 150 * USD + 1},
        {"minimum": 150 * USD}, {"tier": 699_999}, {"tier": 700_000}, {"tier": 1_500_000},
        {"tier": 1_500_001}, {"tierMin": 1_000_001}, {"tierMax": 999_999},
    ]  # fmt: skip
    base = machine.quote
    for changes in wrong:
        terms = {name: value for name, value in changes.items() if name in base.terms._fields}
        cover = {name: value for name, value in changes.items() if name in base.cover._fields}
        offers.append(Quote(base.terms._replace(**terms), base.cover._replace(**cover)))
    here, opened = shadow.point(), 0
    for quote in offers:
        for sender in (drive.holder, drive.keeper):
            for amount in (quote.terms.maximum, quote.terms.maximum - 1, 20_000_000 * USD):
                if amount < 0:
                    continue
                if shadow.open(quote, amount, sender=sender):
                    opened += 1
                    shadow.check_views()
                    shadow.check_replay()
                    assert not shadow.open(quote, amount, sender=sender)
                shadow.back_to(here)
    assert opened == 8
