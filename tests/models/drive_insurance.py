"""The model of `DriveInsurance`, written from the text of the escrow mechanics and IDriveInsurance.

It keeps things the way that text tells them: a policy is a list of stretches of cover, each a list of settled
periods, and what is covered, owed or withdrawable is counted out period by period. Each action answers with
every reason that speaks against it, or with the events that must follow, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.models import premium
from tests.models.capital import Capital
from tests.models.premium import Counters
from tests.models.rules import Fact, Objections
from tests.support.drive import Quote, Reading, Usage, digest_of

NOBODY = "0x" + 40 * "0"
UINT64_MAX = 2**64 - 1
UINT96_MAX = 2**96 - 1

ACTIVE, LAPSED, CANCELLED = 1, 2, 3
REPORTED, DISPUTED, RESOLVED = 1, 2, 3
SUBMITTED, DECIDED, APPEALED, FINAL, PAID = 1, 2, 3, 4, 5


@dataclass
class Report:
    charge: int
    tier: int
    until: int
    odometer: int
    state: int = REPORTED
    void: bool = False
    """Did a dispute end without a decision?"""


@dataclass
class Claim:
    amount: int
    until: int
    approved: int = 0
    state: int = SUBMITTED


@dataclass
class Stretch:
    """A stretch of cover: its first second, the ends of its settled periods, and its own end once another
    stretch has followed.
    """

    since: int
    settled: list[int] = field(default_factory=list)
    until: int = 0


@dataclass
class Policy:
    quote: Quote
    escrow: int
    stretches: list[Stretch]
    limit: int
    """Cover never passes this second, whatever the escrow holds."""
    odometer: int
    billed: int
    tier: int
    locked: int
    state: int = ACTIVE
    settled_time: int = 0
    unread: bool = False
    """Did the last settled period leave no reading?"""
    report: Report | None = None
    """Of the next period."""
    roots: dict[int, bytes] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    charges: list[int] = field(default_factory=list)
    """Of all settled periods."""
    deposited: int = 0
    withdrawn: int = 0
    paid: int = 0

    @property
    def number(self) -> int:
        """Of the next period."""
        return 1 + sum(len(stretch.settled) for stretch in self.stretches)

    @property
    def cursor(self) -> int:
        stretch = self.stretches[-1]
        return stretch.settled[-1] if stretch.settled else stretch.since

    def periods(self) -> list[tuple[int, int]]:
        """The unsettled covered periods: one for each maximum premium in the escrow, up to the limit."""
        found, start, rest = [], self.cursor, self.escrow
        terms = self.quote.terms
        while rest >= terms.maximum and start < self.limit:
            end = min(start + terms.period, self.limit)
            found.append((start, end))
            start, rest = end, rest - terms.maximum
        return found

    def covered_until(self) -> int:
        return max([self.cursor, *(end for _, end in self.periods())])

    def withdrawable(self, now: int) -> int:
        return self.escrow - self.quote.terms.maximum * sum(start <= now for start, _ in self.periods())

    def claimed(self) -> int:
        """What open claims ask for."""
        return sum(claim.amount for claim in self.claims if claim.state != PAID)

    def covers(self, index: int, time: int) -> bool:
        """Is this second in that stretch of cover?"""
        if index >= len(self.stretches):
            return False
        stretch = self.stretches[index]
        end = self.covered_until() if index == len(self.stretches) - 1 else stretch.until
        return stretch.since <= time < end

    def covered(self, time: int) -> bool:
        """Is this second covered at all?"""
        return any(self.covers(index, time) for index in range(len(self.stretches)))

    def view(self) -> dict[str, Any]:
        """As `IDriveInsurance.Policy`."""
        return {
            "escrow": self.escrow,
            "cursor": self.cursor,
            "cutoff": self.limit,
            "settled": self.number - 1,
            "settledTime": self.settled_time,
            "state": self.state,
            "odometer": self.odometer,
            "billed": self.billed,
            "tier": self.tier,
            "unread": self.unread,
            "since": self.stretches[-1].since,
            "stretch": len(self.stretches) - 1,
            "claims": len(self.claims),
            "locked": self.locked,
            "claimed": self.claimed(),
        }

    def report_view(self) -> tuple[int, ...]:
        r = self.report
        return (r.charge, r.tier, r.until, r.odometer, r.state) if r else (0, 0, 0, 0, 0)


@dataclass(kw_only=True)
class DriveInsurance(Capital):
    """What the contract stores, and what it allows."""

    device: tuple[bytes, bytes, bytes, int, int]
    """The one there is: id, signer, vehicle, and the seconds of its attachment, both inclusive."""
    policies: dict[bytes, Policy] = field(default_factory=dict)

    # Policy and escrow

    def openPolicy(  # noqa: N802
        self, quote: Quote, amount: int, signer: bytes, signature: bytes, *, sender: str
    ) -> list[Fact]:
        terms, cover = quote
        id_ = self.id(quote)
        no = Objections()
        no.when(id_ in self.policies, "PolicyExists", id_)
        no.when(sender != cover.holder, "WrongCaller", id_, sender, cover.holder)
        no.when(self.now > cover.deadline, "WindowClosed", id_, cover.deadline)
        since = max(self.now, cover.start)
        no.when(since >= cover.end, "TermOver", id_, since, cover.end)
        no.when(cover.sumInsured == 0, "NothingInsured", id_)
        windows = cover.reportWindow, cover.disputeWindow, cover.claimWindow
        no.when(0 in windows, "ZeroWindow", *windows)
        attached = self.device[2] if cover.device == self.device[0] else bytes(32)
        no.when(cover.vehicle != attached, "NotMetered", cover.device, cover.vehicle, attached)
        zero = terms.period == 0 or terms.rateDistance == 0 or terms.maximum == 0
        no.when(zero, "ZeroTerm", terms.period, terms.rateDistance, terms.maximum)
        crossed = terms.minimum > terms.maximum
        no.when(crossed, "MinimumAboveMaximum", terms.minimum, terms.maximum)
        inside = all(terms.tierMin <= tier <= terms.tierMax for tier in (1_000_000, cover.tier))
        no.when(not inside, "TierOutOfBounds", cover.tier, terms.tierMin, terms.tierMax)
        least = terms.maximum
        no.when(amount < least, "AmountOutOfRange", id_, amount, least, UINT96_MAX)
        org, underwriter = self._quoted(no, id_, cover.treasury, signer, signature)
        wanted = cover.sumInsured
        self._coverable(no, cover.treasury, wanted)
        transfer = self._pull(no, sender, amount)
        self._lock(cover.treasury, wanted)
        self.policies[id_] = Policy(
            quote, amount, [Stretch(since)], cover.end, cover.odometer, cover.odometer, cover.tier, wanted,
            deposited=amount,
        )  # fmt: skip
        opened = {
            "policyId": id_,
            "holder": sender,
            "treasury": cover.treasury,
            "org": org,
            "underwriter": underwriter,
            "since": since,
            "escrow": amount,
            "quote": quote,
        }
        return [("PolicyOpened", opened), transfer]

    def deposit(self, quote: Quote, amount: int, *, sender: str) -> list[Fact]:
        id_, policy, no = self._holders(quote, sender)
        until = policy.covered_until()
        no.when(self.now >= until, "CoverEnded", id_, until)
        transfer = self._pull(no, sender, amount)
        policy.escrow += amount
        policy.deposited += amount
        fact = {"policyId": id_, "holder": sender, "amount": amount, "escrow": policy.escrow}
        return [("Deposited", fact), transfer]

    def withdraw(self, quote: Quote, amount: int, *, sender: str) -> list[Fact]:
        id_, policy, no = self._holders(quote, sender)
        most = policy.withdrawable(self.now)
        no.when(amount > most, "AmountOutOfRange", id_, amount, 0, most)
        no.settle()
        policy.escrow -= amount
        policy.withdrawn += amount
        fact = {"policyId": id_, "holder": sender, "amount": amount, "escrow": policy.escrow}
        return [("Withdrawn", fact), self._push(sender, amount)]

    def reinstate(
        self,
        quote: Quote,
        amount: int,
        time: int,
        odometer: int,
        signer: bytes,
        signature: bytes,
        *,
        sender: str,
    ) -> list[Fact]:
        id_, policy, no = self._holders(quote, sender)
        terms, cover = quote
        lapse = self._lapse_of(policy)
        state = LAPSED if lapse and policy.state == ACTIVE else policy.state
        no.when(state != LAPSED, "NotLapsed", id_, state)
        limit = policy.covered_until() if lapse else policy.limit
        no.when(policy.cursor != limit, "UnsettledPeriods", id_, policy.cursor, limit)
        no.when(self.now >= cover.end, "TermOver", id_, self.now, cover.end)
        no.when(policy.locked == 0, "NothingInsured", id_)
        escrow = policy.escrow + amount
        no.when(escrow < terms.maximum, "AmountOutOfRange", id_, escrow, terms.maximum, UINT96_MAX)
        self._verify(no, cover, time, time, Reading(id_, time, odometer), signer, signature)
        backwards = odometer < policy.odometer
        no.when(backwards, "OdometerBackwards", id_, odometer, policy.odometer)
        transfer = self._pull(no, sender, amount)
        facts = self._notice_lapse(id_, policy)
        policy.stretches[-1].until = policy.limit
        policy.stretches.append(Stretch(self.now))
        policy.state, policy.limit, policy.escrow = ACTIVE, cover.end, escrow
        policy.odometer = odometer
        if not policy.unread:
            policy.billed = max(policy.billed, odometer)
        policy.deposited += amount
        fact = {
            "policyId": id_,
            "holder": sender,
            "stretch": len(policy.stretches) - 1,
            "since": self.now,
            "odometer": odometer,
            "amount": amount,
            "escrow": escrow,
        }
        return [*facts, ("Reinstated", fact), transfer]

    def cancel(self, quote: Quote, *, sender: str) -> list[Fact]:
        id_, policy = self._policy(quote)
        no = Objections()
        end = self.now
        if sender != quote.cover.holder:
            self._insurer(no, quote.cover.treasury, sender)
            end += quote.cover.noticePeriod
        until, lapse = policy.covered_until(), self._lapse_of(policy)
        lapsed = policy.state == LAPSED or (policy.state == ACTIVE and lapse)
        no.when(not lapsed and self.now >= until, "CoverEnded", id_, until)
        end = max(end, policy.stretches[-1].since)
        useless = policy.state == CANCELLED and policy.limit <= end
        no.when(useless, "AlreadyCancelled", id_, policy.limit)
        no.settle()
        facts = self._notice_lapse(id_, policy)
        policy.limit = min(policy.limit, end)
        policy.state = CANCELLED
        refundable = policy.withdrawable(self.now)
        fact = {"policyId": id_, "caller": sender, "until": policy.limit, "refundable": refundable}
        return [*facts, ("Cancelled", fact)]

    def release(self, quote: Quote, *, sender: str) -> list[Fact]:
        id_, policy = self._policy(quote)
        no = Objections()
        last = policy.covered_until() + quote.cover.claimWindow
        no.when(self.now <= last, "WindowOpen", id_, last)
        lapsed = policy.state == LAPSED or (policy.state == ACTIVE and self._lapse_of(policy))
        if lapsed and self.now < quote.cover.end:
            self._insurer(no, quote.cover.treasury, sender)
        no.when(policy.claimed() != 0, "ClaimsOpen", id_, policy.claimed())
        no.when(policy.locked == 0, "NothingInsured", id_)
        no.settle()
        facts = self._notice_lapse(id_, policy)
        amount, policy.locked = policy.locked, 0
        treasury = quote.cover.treasury
        self.locked[treasury] -= amount
        self.free[treasury] += amount
        fact = {"policyId": id_, "treasury": treasury, "caller": sender, "amount": amount}
        return [*facts, ("CapitalReleased", fact)]

    # Periods

    def report(
        self, quote: Quote, usage: Usage, signer: bytes, signature: bytes, *, sender: str
    ) -> list[Fact]:
        id_, policy = self._policy(quote)
        no = Objections()
        number, start, end = self._next(no, id_, policy)
        no.when(policy.report is not None, "AlreadyReported", id_, number)
        fits = usage[:4] == (id_, number, start, end)
        no.when(not fits, "WrongPeriod", id_, number, start, end)
        no.when(self.now < end, "WindowOpen", id_, end - 1)
        last = max(end, policy.settled_time) + quote.cover.reportWindow
        no.when(self.now > last, "WindowClosed", id_, last)
        self._verify(no, quote.cover, usage.from_, usage.to - 1, usage, signer, signature)
        backwards = usage.odometer < policy.odometer
        no.when(backwards, "OdometerBackwards", id_, usage.odometer, policy.odometer)
        driven = usage.odometer - policy.odometer
        too_much = max(usage.night, usage.speeding) > driven
        no.when(too_much, "MoreThanDriven", id_, usage.night, usage.speeding, driven)
        no.settle()
        counted = Counters(max(0, usage.odometer - policy.billed), *usage[5:11])
        charge = premium.charge(quote.terms, counted, end - start, policy.tier)
        tier = premium.tier(quote.terms, counted)
        until = self.now + quote.cover.disputeWindow
        policy.report = Report(charge, tier, until, usage.odometer)
        policy.roots[number] = usage.tripsRoot
        fact = {
            "policyId": id_,
            "period": number,
            "caller": sender,
            "odometer": usage.odometer,
            "counters": counted,
            "trips": usage.trips,
            "tripsRoot": usage.tripsRoot,
            "charge": charge,
            "tier": tier,
            "until": until,
        }
        return [("UsageReported", fact)]

    def dispute(self, quote: Quote, reason: bytes, *, sender: str) -> list[Fact]:
        id_, policy, no = self._holders(quote, sender)
        report = self._reported(no, id_, policy)
        no.when(report.state != REPORTED, "WrongReportState", id_, policy.number, report.state)
        no.when(self.now > report.until, "WindowClosed", id_, report.until)
        no.settle()
        report.state, report.until = DISPUTED, self.now + quote.cover.arbitrationWindow
        fact = {"policyId": id_, "period": policy.number, "holder": sender, "reason": reason}
        return [("DisputeOpened", fact | {"until": report.until})]

    def resolve(
        self, quote: Quote, odometer: int, counted: Counters, reason: bytes, *, sender: str
    ) -> list[Fact]:
        id_, policy = self._policy(quote)
        no = Objections()
        arbiter = quote.cover.arbiter
        no.when(sender != arbiter, "WrongCaller", id_, sender, arbiter)
        report = self._reported(no, id_, policy)
        no.when(report.state != DISPUTED, "WrongReportState", id_, policy.number, report.state)
        no.when(self.now > report.until, "WindowClosed", id_, report.until)
        lowest, highest = policy.odometer, report.odometer
        false = not lowest <= odometer <= highest
        no.when(false, "AmountOutOfRange", id_, odometer, lowest, highest)
        _, start, end = self._next(no, id_, policy)
        charge = premium.charge(quote.terms, counted, end - start, policy.tier)
        no.when(charge > report.charge, "AmountOutOfRange", id_, charge, 0, report.charge)
        no.settle()
        report.odometer = odometer
        return [self._lower(id_, policy, report, counted, end - start, reason, sender)]

    def settle(self, quote: Quote, *, sender: str) -> list[Fact]:
        id_, policy = self._policy(quote)
        no = Objections()
        report = self._reported(no, id_, policy)
        waits = report.state != RESOLVED and self.now <= report.until
        no.when(waits, "WindowOpen", id_, report.until)
        no.settle()
        facts = self._notice_lapse(id_, policy)
        _, start, end = self._next(no, id_, policy)
        if report.state == DISPUTED:
            report.void, report.odometer = True, policy.odometer
            facts.append(self._lower(id_, policy, report, Counters(), end - start, bytes(32), sender))
        else:
            policy.odometer, policy.billed = report.odometer, max(policy.billed, report.odometer)
        policy.unread, policy.report = report.void, None
        return facts + self._settle(id_, policy, report.charge, report.tier, sender, by_default=False)

    def settleDefault(self, quote: Quote, *, sender: str) -> list[Fact]:  # noqa: N802
        id_, policy = self._policy(quote)
        no = Objections()
        number, start, end = self._next(no, id_, policy)
        no.when(policy.report is not None, "AlreadyReported", id_, number)
        last = max(end, policy.settled_time) + quote.cover.reportWindow
        no.when(self.now <= last, "WindowOpen", id_, last)
        no.settle()
        facts = self._notice_lapse(id_, policy)
        tier = premium.tier_without_data(policy.tier)
        metres = premium.metres_without_data(quote.terms, end - start, tier)
        charge = premium.charge(quote.terms, Counters(metres), end - start, tier)
        policy.billed, policy.unread = min(policy.billed + metres, UINT64_MAX), True
        missed = {"policyId": id_, "period": number, "caller": sender, "metres": metres}
        settled = self._settle(id_, policy, charge, tier, sender, by_default=True)
        return [*facts, ("UsageMissed", missed), *settled]

    # Claims

    def submitClaim(  # noqa: N802
        self, quote: Quote, stretch: int, loss: int, amount: int, evidence: bytes, *, sender: str
    ) -> list[Fact]:
        id_, policy, no = self._holders(quote, sender)
        covered = policy.covers(stretch, loss) and loss <= self.now
        no.when(not covered, "NotCovered", id_, stretch, loss)
        last = loss + quote.cover.claimWindow
        no.when(self.now > last, "WindowClosed", id_, last)
        available = policy.locked - policy.claimed()
        no.when(not 1 <= amount <= available, "AmountOutOfRange", id_, amount, 1, available)
        no.settle()
        until = self.now + quote.cover.decisionWindow
        policy.claims.append(Claim(amount, until))
        fact = {
            "policyId": id_,
            "claim": len(policy.claims),
            "holder": sender,
            "stretch": stretch,
            "lossTime": loss,
            "amount": amount,
            "evidence": evidence,
            "until": until,
        }
        return [("ClaimSubmitted", fact)]

    def decideClaim(  # noqa: N802
        self, quote: Quote, number: int, approved: int, reason: bytes, *, sender: str
    ) -> list[Fact]:
        id_, policy = self._policy(quote)
        no = Objections()
        claim = self._claim(no, id_, policy, number)
        appealed = claim.state == APPEALED
        if appealed:
            arbiter = quote.cover.arbiter
            no.when(sender != arbiter, "WrongCaller", id_, sender, arbiter)
        elif claim.state == SUBMITTED:
            self._insurer(no, quote.cover.treasury, sender)
        else:
            no.final("WrongClaimState", id_, number, claim.state)
        no.when(self.now > claim.until, "WindowClosed", id_, claim.until)
        fits = claim.approved <= approved <= claim.amount
        no.when(not fits, "AmountOutOfRange", id_, approved, claim.approved, claim.amount)
        no.settle()
        claim.approved = approved
        claim.state = FINAL if appealed or approved == claim.amount else DECIDED
        claim.until = self.now + quote.cover.disputeWindow
        fact = {
            "policyId": id_,
            "claim": number,
            "caller": sender,
            "approved": approved,
            "reason": reason,
            "state": claim.state,
            "until": claim.until,
        }
        return [("ClaimDecided", fact)]

    def appealClaim(self, quote: Quote, number: int, reason: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        id_, policy, no = self._holders(quote, sender)
        claim = self._claim(no, id_, policy, number)
        no.when(claim.state != DECIDED, "WrongClaimState", id_, number, claim.state)
        no.when(self.now > claim.until, "WindowClosed", id_, claim.until)
        no.settle()
        claim.state, claim.until = APPEALED, self.now + quote.cover.arbitrationWindow
        fact = {"policyId": id_, "claim": number, "holder": sender, "reason": reason}
        return [("ClaimAppealed", fact | {"until": claim.until})]

    def payClaim(self, quote: Quote, number: int, *, sender: str) -> list[Fact]:  # noqa: N802
        id_, policy = self._policy(quote)
        no = Objections()
        claim = self._claim(no, id_, policy, number)
        no.when(claim.state == PAID, "WrongClaimState", id_, number, claim.state)
        waits = claim.state != FINAL and self.now <= claim.until
        no.when(waits, "WindowOpen", id_, claim.until)
        no.settle()
        # The insurer's silence approves; the arbiter's silence leaves the insurer's decision.
        claim.approved = claim.amount if claim.state == SUBMITTED else claim.approved
        claim.state = PAID
        policy.locked -= claim.approved
        policy.paid += claim.approved
        self.locked[quote.cover.treasury] -= claim.approved
        self.credit[quote.cover.holder] += claim.approved
        fact = {
            "policyId": id_,
            "claim": number,
            "holder": quote.cover.holder,
            "caller": sender,
            "amount": claim.approved,
        }
        return [("ClaimPaid", fact)]

    # What everybody may know

    def id(self, quote: Quote) -> bytes:
        return digest_of(quote, self.address, self.chain_id)

    def check(self) -> None:
        """The books are in order."""
        owed = sum(p.escrow for p in self.policies.values())
        owed += sum(self.free.values()) + sum(self.locked.values()) + sum(self.credit.values())
        assert owed == self.token.balances[self.address], "obligations are not the balance"
        for treasury, locked in self.locked.items():
            backed = [p.locked for p in self.policies.values() if p.quote.cover.treasury == treasury]
            assert locked == sum(backed), "the lock is not the sum of the locks"
        for p in self.policies.values():
            assert p.deposited == p.escrow + sum(p.charges) + p.withdrawn, "escrow leaks"
            assert p.paid + p.claimed() <= p.quote.cover.sumInsured, "claims exceed the sum insured"
            assert p.claimed() <= p.locked, "a claim is not backed"
            assert p.withdrawable(self.now) >= 0, "a premium is not collectable"

    # Inside

    def _policy(self, quote: Quote) -> tuple[bytes, Policy]:
        id_ = self.id(quote)
        if id_ not in self.policies:
            Objections().final("UnknownPolicy", id_)
        return id_, self.policies[id_]

    def _holders(self, quote: Quote, sender: str) -> tuple[bytes, Policy, Objections]:
        id_, policy = self._policy(quote)
        no = Objections()
        no.when(sender != quote.cover.holder, "WrongCaller", id_, sender, quote.cover.holder)
        return id_, policy, no

    def _next(self, no: Objections, id_: bytes, policy: Policy) -> tuple[int, int, int]:
        periods = policy.periods()
        if not periods:
            no.final("NothingToSettle", id_, policy.cursor)
        return policy.number, *periods[0]

    def _reported(self, no: Objections, id_: bytes, policy: Policy) -> Report:
        report = policy.report
        if report is None:
            no.final("NotReported", id_, policy.number)
        return report

    def _claim(self, no: Objections, id_: bytes, policy: Policy, number: int) -> Claim:
        if not 1 <= number <= len(policy.claims):
            no.final("WrongClaimState", id_, number, 0)
        return policy.claims[number - 1]

    def _lapse_of(self, policy: Policy) -> bool:
        """Has cover ended for want of escrow, and nobody has noticed?"""
        until = policy.covered_until()
        return until < policy.limit and self.now >= until

    def _notice_lapse(self, id_: bytes, policy: Policy) -> list[Fact]:
        if not self._lapse_of(policy):
            return []
        policy.limit = policy.covered_until()
        if policy.state == ACTIVE:
            policy.state = LAPSED
        return [("CoverLapsed", {"policyId": id_, "until": policy.limit})]

    def _lower(
        self,
        id_: bytes,
        policy: Policy,
        report: Report,
        counted: Counters,
        seconds: int,
        reason: bytes,
        sender: str,
    ) -> Fact:
        terms = policy.quote.terms
        charge = premium.charge(terms, counted, seconds, policy.tier)
        tier = min(report.tier, premium.tier(terms, counted))
        fact = {
            "policyId": id_,
            "period": policy.number,
            "caller": sender,
            "odometer": report.odometer,
            "counters": counted,
            "oldCharge": report.charge,
            "newCharge": charge,
            "tier": tier,
            "reason": reason,
            "timedOut": report.void,
        }
        assert charge <= report.charge, "a dispute raised the charge"
        report.charge, report.tier, report.state = charge, tier, RESOLVED
        return "DisputeResolved", fact

    def _settle(
        self, id_: bytes, policy: Policy, charge: int, tier: int, sender: str, *, by_default: bool
    ) -> list[Fact]:
        number, (start, end) = policy.number, policy.periods()[0]
        before, until = policy.tier, policy.covered_until()
        assert charge <= policy.escrow, "a premium was not collectable"
        policy.escrow -= charge
        policy.charges.append(charge)
        policy.stretches[-1].settled.append(end)
        policy.settled_time, policy.tier = self.now, tier
        self.free[policy.quote.cover.treasury] += charge
        assert policy.covered_until() >= until, "settling shortened the cover"
        settled = {
            "policyId": id_,
            "period": number,
            "treasury": policy.quote.cover.treasury,
            "caller": sender,
            "from": start,
            "to": end,
            "charge": charge,
            "escrow": policy.escrow,
            "time": self.now,
            "byDefault": by_default,
        }
        facts: list[Fact] = [("PeriodSettled", settled)]
        if tier != before:
            changed = {"policyId": id_, "period": number, "oldTier": before, "tier": tier}
            facts.append(("TierUpdated", changed))
        return facts

    def _verify(
        self,
        no: Objections,
        cover: Any,
        first: int,
        last: int,
        message: Usage | Reading,
        signer: bytes,
        signature: bytes,
    ) -> None:
        device, owner, vehicle, since, until = self.device
        digest = digest_of(message, self.address, self.chain_id)
        no.when(cover.device != device, "NotEnrolled", cover.device)
        attached = cover.vehicle == vehicle and since <= first <= last <= until
        no.when(not attached, "NotAttachedDuring", cover.device, cover.vehicle, first, last)
        no.when(signer != owner, "WrongSigner", cover.device, signer)
        valid = self.signatures.get(signature) == (signer, digest)
        no.when(not valid, "InvalidDeviceSignature", cover.device, digest)
