"""Rebuilds the state of DriveInsurance from its events: policies, reports, claims, capital and credits.

On the way it checks what an auditor would: that every charge is the one the policy's terms give for the
reported counters, and that every amount an event names follows from those before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from goldthread.audit import capital
from goldthread.audit.base import Difference, FoldError, View, differences, short
from goldthread.audit.capital import Capital, expect
from goldthread.chain.logs import Event
from goldthread.rules import premium
from goldthread.rules.premium import Counters, Terms

CONTRACT = "DriveInsurance"

PolicyState = IntEnum("PolicyState", "NONE ACTIVE LAPSED CANCELLED", start=0)
ReportState = IntEnum("ReportState", "NONE REPORTED DISPUTED RESOLVED", start=0)
ClaimState = IntEnum("ClaimState", "NONE SUBMITTED DECIDED APPEALED FINAL PAID", start=0)

_UINT64_MAX = 2**64 - 1


@dataclass
class Report:
    """The report of the next period to be settled.

    Money in units, the tier in parts per million, times in Unix seconds, the odometer in metres.
    """

    charge: int = 0
    tier: int = 0
    until: int = 0
    odometer: int = 0
    state: int = ReportState.NONE


@dataclass
class Claim:
    """A claim; amounts in units."""

    amount: int
    until: int
    approved: int = 0
    state: int = ClaimState.SUBMITTED


@dataclass
class Policy:
    """What the contract keeps of a policy, and the quote, which it does not keep.

    Money in units, distances in metres, times in Unix seconds, the tier in parts per million.
    """

    quote: Any
    terms: Terms
    escrow: int
    cursor: int
    cutoff: int
    odometer: int
    billed: int
    tier: int
    since: int
    locked: int
    settled: int = 0
    settled_time: int = 0
    state: int = PolicyState.ACTIVE
    stretch: int = 0
    report: Report = field(default_factory=Report)
    claims: list[Claim] = field(default_factory=list)
    stretches: list[tuple[int, int]] = field(default_factory=list)
    """Those that a reinstatement has followed: first second, and end."""
    roots: dict[int, bytes] = field(default_factory=dict)
    """Of the trips, by period."""
    missed: int = 0
    """The last period without a report."""
    voided: int = 0
    """The last period whose report a dispute voided."""
    following_tier: int | None = None
    """What the tier must be from the last settlement on."""

    @property
    def unread(self) -> bool:
        """Has the last settled period no reading?"""
        return self.settled > 0 and self.settled in (self.missed, self.voided)

    @property
    def seconds(self) -> int:
        """How long the next period is, once it has ended."""
        return min(self.terms.period, self.covered_until - self.cursor)

    @property
    def claimed(self) -> int:
        """What open claims ask for, in units."""
        return sum(claim.amount for claim in self.claims if claim.state != ClaimState.PAID)

    @property
    def covered_until(self) -> int:
        """The first second that is not covered any more."""
        paid = premium.periods_paid(self.terms, self.escrow)
        return min(self.cursor + paid * self.terms.period, self.cutoff)


@dataclass
class State(Capital):
    """Everything that the contract stores, by its keys; amounts in units."""

    policies: dict[bytes, Policy] = field(default_factory=dict)

    @property
    def obligations(self) -> int:
        """What the contract owes to everybody together, in units: it must hold as many tokens."""
        escrows = sum(policy.escrow for policy in self.policies.values())
        return escrows + self.capital


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of DriveInsurance, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def compare(state: State, read: Callable[[str, tuple[Any, ...]], Any]) -> list[Difference]:
    """Where the chain, read by `read(function, arguments)`, says something else."""
    return [d for view in views(state) for d in differences(CONTRACT, view, read(view.function, view.args))]


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of DriveInsurance; raises `FoldError`."""
    if event.name in _POLICIES:
        _POLICIES[event.name](state, event, _policy(state, event))
        return
    if event.name == "PolicyOpened":
        _opened(state, event)
    else:
        capital.fold(state, event)


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return, whatever the time."""
    yield from capital.views(state)
    for identifier, policy in state.policies.items():
        subject = f"policy {short(identifier)}"
        yield View(subject, "policyIdOf", (policy.quote,), identifier)
        yield View(subject, "coveredUntil", (policy.quote,), policy.covered_until)
        yield View(subject, "policyOf", (identifier,), _policy_view(policy))
        yield View(subject, "reportOf", (identifier,), vars(policy.report))
        for number, claim in enumerate(policy.claims, 1):
            yield View(f"{subject}, claim {number}", "claimOf", (identifier, number), vars(claim))
        for index, (since, until) in enumerate(policy.stretches):
            expected = {"since": since, "until": until}
            yield View(f"{subject}, stretch {index}", "stretchOf", (identifier, index), expected)
        for period, root in policy.roots.items():
            yield View(f"{subject}, period {period}", "tripsRootOf", (identifier, period), root)


def _policy_view(policy: Policy) -> dict[str, Any]:
    names = (
        "escrow cursor cutoff settled state odometer billed tier unread since stretch locked claimed".split()
    )
    facts = {name: getattr(policy, name) for name in names}
    return facts | {"settledTime": policy.settled_time, "claims": len(policy.claims)}


def _policy(state: State, event: Event) -> Policy:
    found = state.policies.get(event["policyId"])
    if found is None:
        raise FoldError(event, f"policy {short(event['policyId'])} was never opened")
    return found


def _expect_between(event: Event, what: str, named: int, least: int, most: int) -> None:
    if not least <= named <= most:
        raise FoldError(event, f"{what} is {named}, outside {least} to {most}")


def _expect_state(event: Event, subject: str, state: int, *allowed: IntEnum) -> None:
    if state not in allowed:
        names = " or ".join(found.name for found in allowed)
        raise FoldError(event, f"the {subject} was not {names}")


def _expect_tier(event: Event, policy: Policy) -> None:
    if policy.following_tier is not None:
        expect(event, "tier", policy.tier, policy.following_tier)


def _opened(state: State, event: Event) -> None:
    quote, treasury = event["quote"], event["treasury"]
    if event["policyId"] in state.policies:
        raise FoldError(event, "the quote is open already")
    cover = quote.cover
    state.lock(event, treasury, cover.sumInsured)
    state.policies[event["policyId"]] = Policy(
        quote=quote,
        terms=Terms.of(quote.terms),
        escrow=event["escrow"],
        cursor=event["since"],
        cutoff=cover.end,
        odometer=cover.odometer,
        billed=cover.odometer,
        tier=cover.tier,
        since=event["since"],
        locked=cover.sumInsured,
    )


def _deposited(state: State, event: Event, policy: Policy) -> None:
    policy.escrow += event["amount"]
    expect(event, "escrow", event["escrow"], policy.escrow)


def _withdrawn(state: State, event: Event, policy: Policy) -> None:
    policy.escrow -= event["amount"]
    expect(event, "escrow", event["escrow"], policy.escrow)


def _reinstated(state: State, event: Event, policy: Policy) -> None:
    policy.stretches.append((policy.since, policy.cutoff))
    policy.stretch += 1
    policy.escrow += event["amount"]
    policy.since = policy.cursor = event["since"]
    policy.cutoff = policy.quote.cover.end
    _expect_between(event, "odometer", event["odometer"], policy.odometer, _UINT64_MAX)
    policy.odometer = event["odometer"]
    if not policy.unread:
        policy.billed = max(policy.billed, event["odometer"])
    policy.state = PolicyState.ACTIVE
    expect(event, "escrow", event["escrow"], policy.escrow)
    expect(event, "stretch", event["stretch"], policy.stretch)


def _lapsed(state: State, event: Event, policy: Policy) -> None:
    expect(event, "end of cover", event["until"], policy.covered_until)
    policy.cutoff = event["until"]
    if policy.state == PolicyState.ACTIVE:
        policy.state = PolicyState.LAPSED


def _cancelled(state: State, event: Event, policy: Policy) -> None:
    policy.cutoff = event["until"]
    policy.state = PolicyState.CANCELLED


def _released(state: State, event: Event, policy: Policy) -> None:
    expect(event, "amount", event["amount"], policy.locked)
    state.unlock(event, event["treasury"], event["amount"])
    policy.locked = 0


def _reported(state: State, event: Event, policy: Policy) -> None:
    _expect_tier(event, policy)
    counters = Counters.of(event["counters"])
    expect(event, "period", event["period"], policy.settled + 1)
    _expect_state(event, "report", policy.report.state, ReportState.NONE)
    _expect_between(event, "odometer", event["odometer"], policy.odometer, _UINT64_MAX)
    expect(event, "metres", counters.metres, max(0, event["odometer"] - policy.billed))
    charge = premium.premium(policy.terms, counters, policy.seconds, policy.tier)
    expect(event, "charge", event["charge"], charge)
    expect(event, "tier", event["tier"], premium.next_tier(policy.terms, counters))
    policy.roots[event["period"]] = event["tripsRoot"]
    policy.report = Report(charge, event["tier"], event["until"], event["odometer"], ReportState.REPORTED)


def _missed(state: State, event: Event, policy: Policy) -> None:
    _expect_tier(event, policy)
    expect(event, "period", event["period"], policy.settled + 1)
    _expect_state(event, "report", policy.report.state, ReportState.NONE)
    counters = premium.default_counters(policy.terms, policy.seconds, policy.tier)
    expect(event, "metres", event["metres"], counters.metres)
    policy.billed = min(policy.billed + event["metres"], _UINT64_MAX)
    policy.missed = event["period"]


def _disputed(state: State, event: Event, policy: Policy) -> None:
    expect(event, "period", event["period"], policy.settled + 1)
    _expect_state(event, "report", policy.report.state, ReportState.REPORTED)
    policy.report.state, policy.report.until = ReportState.DISPUTED, event["until"]


def _resolved(state: State, event: Event, policy: Policy) -> None:
    report = policy.report
    counters = Counters.of(event["counters"])
    expect(event, "period", event["period"], policy.settled + 1)
    _expect_state(event, "report", report.state, ReportState.DISPUTED)
    expect(event, "charge before", event["oldCharge"], report.charge)
    if event["timedOut"]:
        if counters != Counters():
            raise FoldError(event, "something is counted, though nobody decided the dispute")
        expect(event, "odometer", event["odometer"], policy.odometer)
        policy.voided = event["period"]
    elif event["caller"] != policy.quote.cover.arbiter:
        raise FoldError(event, f"{event['caller']} is not the arbiter")
    _expect_between(event, "odometer", event["odometer"], policy.odometer, report.odometer)
    charge = premium.premium(policy.terms, counters, policy.seconds, policy.tier)
    expect(event, "charge", event["newCharge"], charge)
    _expect_between(event, "charge", charge, 0, report.charge)
    expect(event, "tier", event["tier"], min(premium.next_tier(policy.terms, counters), report.tier))
    report.charge, report.tier, report.odometer = charge, event["tier"], event["odometer"]
    report.state = ReportState.RESOLVED


def _settled(state: State, event: Event, policy: Policy) -> None:
    policy.settled += 1
    expect(event, "period", event["period"], policy.settled)
    expect(event, "begin", event["from"], policy.cursor)
    seconds = policy.seconds
    expect(event, "length", event["to"] - event["from"], seconds)
    if event["byDefault"]:
        expect(event, "missed period", policy.missed, policy.settled)
        charge = premium.default_premium(policy.terms, seconds, policy.tier)
        policy.following_tier = premium.next_tier(policy.terms, Counters(), policy.tier, reported=False)
    else:
        report = policy.report
        _expect_state(event, "report", report.state, ReportState.REPORTED, ReportState.RESOLVED)
        charge, policy.following_tier = report.charge, report.tier
        if policy.voided != policy.settled:
            policy.odometer, policy.billed = report.odometer, max(policy.billed, report.odometer)
        policy.report = Report()
    expect(event, "charge", event["charge"], charge)
    policy.cursor = event["to"]
    policy.settled_time = event["time"]
    policy.escrow -= event["charge"]
    expect(event, "escrow", event["escrow"], policy.escrow)
    state.free[event["treasury"]] += event["charge"]


def _tier_updated(state: State, event: Event, policy: Policy) -> None:
    expect(event, "period", event["period"], policy.settled)
    expect(event, "tier before", event["oldTier"], policy.tier)
    policy.tier = event["tier"]
    _expect_tier(event, policy)


def _claim(event: Event, policy: Policy) -> Claim:
    number: int = event["claim"]
    if not 1 <= number <= len(policy.claims):
        raise FoldError(event, f"claim {number} was never submitted")
    return policy.claims[number - 1]


def _claim_submitted(state: State, event: Event, policy: Policy) -> None:
    policy.claims.append(Claim(event["amount"], event["until"]))
    expect(event, "claim", event["claim"], len(policy.claims))


def _claim_decided(state: State, event: Event, policy: Policy) -> None:
    claim = _claim(event, policy)
    _expect_state(event, "claim", claim.state, ClaimState.SUBMITTED, ClaimState.APPEALED)
    claim.approved, claim.state, claim.until = event["approved"], event["state"], event["until"]


def _claim_appealed(state: State, event: Event, policy: Policy) -> None:
    claim = _claim(event, policy)
    _expect_state(event, "claim", claim.state, ClaimState.DECIDED)
    claim.state, claim.until = ClaimState.APPEALED, event["until"]


def _claim_paid(state: State, event: Event, policy: Policy) -> None:
    claim = _claim(event, policy)
    open_ = (ClaimState.SUBMITTED, ClaimState.DECIDED, ClaimState.APPEALED, ClaimState.FINAL)
    _expect_state(event, "claim", claim.state, *open_)
    amount = claim.amount if claim.state == ClaimState.SUBMITTED else claim.approved
    expect(event, "amount", event["amount"], amount)
    claim.approved, claim.state = amount, ClaimState.PAID
    policy.locked -= amount
    state.pay(event, policy.quote.cover.treasury, event["holder"], amount)


_POLICIES: dict[str, Callable[[State, Event, Policy], None]] = {
    "Deposited": _deposited,
    "Withdrawn": _withdrawn,
    "Reinstated": _reinstated,
    "CoverLapsed": _lapsed,
    "Cancelled": _cancelled,
    "CapitalReleased": _released,
    "UsageReported": _reported,
    "UsageMissed": _missed,
    "DisputeOpened": _disputed,
    "DisputeResolved": _resolved,
    "PeriodSettled": _settled,
    "TierUpdated": _tier_updated,
    "ClaimSubmitted": _claim_submitted,
    "ClaimDecided": _claim_decided,
    "ClaimAppealed": _claim_appealed,
    "ClaimPaid": _claim_paid,
}
