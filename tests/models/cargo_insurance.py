"""The model of `CargoInsurance`, written from the text of ICargoInsurance.

What other modules know it asks of `Facts`. It keeps everything that was proved about a policy; each action
answers with every reason that speaks against it, or with the events that must follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

from tests.models.capital import Capital
from tests.models.conditions import Breach, Disposition
from tests.models.conditions import Policy as Conditions
from tests.models.readings import RuleKind
from tests.models.rules import Fact, Objections
from tests.support.cargo import ONE, CargoQuote, Severity, Shipment, digest_of

OPEN, UNDERWAY, ENDED, CANCELLED, SETTLED = 1, 2, 3, 4, 5
UINT32_MAX = 2**32 - 1


class Recall(NamedTuple):
    """What counts of a recall."""

    org: int
    class_: int
    affects: bool
    """Is the cargo a member?"""


class Facts(Protocol):
    """What the other modules say, at this moment."""

    def custodian(self, subject: bytes) -> int: ...
    def in_force(self, subject: bytes, setter: int) -> bytes: ...
    def breaches(self, subject: bytes, setter: int) -> int: ...
    def disposition(self, subject: bytes, setter: int) -> int: ...
    def breach(self, conditions: bytes, device: bytes, quantity: int, rule: int) -> Breach: ...
    def recall_count(self) -> int: ...
    def recall(self, number: int, subject: bytes) -> Recall: ...


def share_of(table: Iterable[Severity], rule: int, beyond: int, time: int) -> int:
    """What a breach is worth by the table."""
    reached = [row.share for row in table if row.rule == rule and beyond >= row.beyond and time >= row.time]
    return max(reached, default=0)


def payment_of(shipment: Shipment, share: int) -> int:
    """What a loss of this share pays."""
    loss = int(Fraction(share, ONE) * shipment.sumInsured)
    if loss < shipment.franchise:
        return 0
    return max(0, loss - shipment.deductible)


def best(quote: CargoQuote) -> int:
    """The highest share that anything could be worth."""
    shares = [row.share for row in quote.table]
    return max([*shares, quote.shipment.rejectShare, quote.shipment.recallShare])


@dataclass
class Policy:
    quote: CargoQuote
    state: int = OPEN
    start: int = 0
    end: int = 0
    recalls: tuple[int, int] = (0, 0)
    """Opened before the trip: up to the first number. Before its end was noted: up to the second."""
    proved: list[int] = field(default_factory=list)
    """Shares, each higher than the one before."""
    paid: int = 0

    @property
    def share(self) -> int:
        return max(self.proved, default=0)

    @property
    def last_claim(self) -> int:
        return self.end + self.quote.shipment.claimWindow

    def view(self) -> tuple[int, ...]:
        """As `ICargoInsurance.Policy`."""
        return (self.state, self.start, self.end, self.share, *self.recalls)


@dataclass(kw_only=True)
class CargoInsurance(Capital):
    """What the contract stores, and what it allows."""

    facts: Facts
    policies: dict[bytes, Policy] = field(default_factory=dict)

    def openPolicy(  # noqa: N802
        self, quote: CargoQuote, signer: bytes, signature: bytes, *, sender: str
    ) -> list[Fact]:
        s, id_ = quote.shipment, self.id(quote)
        no = Objections()
        no.when(id_ in self.policies, "PolicyExists", id_)
        no.when(sender != s.holder, "WrongCaller", id_, sender, s.holder)
        last = min(s.deadline, s.latestStart)
        no.when(self.now > last, "WindowClosed", id_, last)
        no.when(s.carrier in (0, s.consignee), "NoTrip", id_)
        no.when(s.latestEnd <= s.latestStart, "NoTrip", id_)
        no.when(s.claimWindow == 0, "NoTrip", id_)
        no.when(len(quote.table) > 32, "TableTooLong", id_, len(quote.table))
        half = (s.recallClass > 0) != (s.recallShare > 0)
        no.when(half, "HalfRecall", id_, s.recallClass, s.recallShare)
        no.when(best(quote) > ONE, "ShareTooHigh", id_, best(quote))
        no.when(payment_of(s, best(quote)) == 0, "NothingInsured", id_)
        self._in_force(no, id_, s)
        org, underwriter = self._quoted(no, id_, s.treasury, signer, signature)
        self._coverable(no, s.treasury, s.sumInsured)
        transfer = self._pull(no, sender, s.premium)
        self._lock(s.treasury, s.sumInsured)
        self.policies[id_] = Policy(quote)
        fact = {
            "policyId": id_,
            "holder": s.holder,
            "treasury": s.treasury,
            "org": org,
            "underwriter": underwriter,
            "quote": (tuple(s), [tuple(row) for row in quote.table]),
        }
        return [("PolicyOpened", fact), transfer]

    def begin(self, quote: CargoQuote, *, sender: str) -> list[Fact]:
        id_, policy, no = self._in_state(quote, OPEN)
        s = quote.shipment
        no.when(self.now > s.latestStart, "WindowClosed", id_, s.latestStart)
        self._custody(no, id_, s.subject, s.carrier)
        self._in_force(no, id_, s)
        breaches = self.facts.breaches(s.subject, s.setter)
        no.when(breaches > 0, "BreachedBefore", id_, breaches)
        no.settle()
        recalls = self.facts.recall_count()
        policy.state, policy.start, policy.end = UNDERWAY, self.now, s.latestEnd
        policy.recalls = recalls, UINT32_MAX
        self.free[s.treasury] += s.premium
        times = {"start": self.now, "end": s.latestEnd, "recalls": recalls}
        return [("TripBegun", {"policyId": id_, "subject": s.subject, "caller": sender} | times)]

    def finish(self, quote: CargoQuote, *, sender: str) -> list[Fact]:
        id_, policy, no = self._in_state(quote, UNDERWAY)
        s = quote.shipment
        early = self.now < s.latestEnd
        if early and s.consignee == 0:
            no.when(True, "WindowOpen", id_, s.latestEnd - 1)
        elif early:
            self._custody(no, id_, s.subject, s.consignee)
        no.settle()
        recalls = self.facts.recall_count()
        policy.state, policy.end = ENDED, min(self.now, s.latestEnd)
        policy.recalls = policy.recalls[0], recalls
        fact = {"policyId": id_, "subject": s.subject, "caller": sender, "end": policy.end}
        return [("TripEnded", fact | {"recalls": recalls})]

    def claimBreach(  # noqa: N802
        self,
        quote: CargoQuote,
        conditions: Conditions,
        device: bytes,
        quantity: int,
        rule: int,
        *,
        sender: str,
    ) -> list[Fact]:
        id_, policy, no = self._claimable(quote)
        s = quote.shipment
        if conditions.hash != s.conditions:
            no.final("WrongConditions", id_, s.conditions, conditions.hash)
        breach = self.facts.breach(conditions.hash, device, quantity, rule)
        if breach == Breach():
            no.final("NoBreach", id_, device, quantity, rule)
        inside = policy.start <= breach.first_crossing < policy.end
        trip = policy.start, policy.end
        no.when(not inside, "NotInTrip", id_, breach.first_crossing, *trip)
        beyond = 0
        measured = rule < len(conditions.rules) and conditions.rules[rule].kind != RuleKind.SEQUENCE
        if measured and breach.until < policy.end:
            limit = conditions.rules[rule].limit
            away = breach.extreme - limit.value
            beyond = max(0, away if limit.high else -away)
        share = share_of(quote.table, rule, beyond, min(breach.time, policy.end - breach.first_crossing))
        known = self.facts.in_force(s.subject, s.setter) == s.conditions
        decided = self.facts.disposition(s.subject, s.setter) == Disposition.REJECT
        rejected = known and decided and s.rejectShare > share
        share = s.rejectShare if rejected else share
        self._prove(no, id_, policy, share)
        fact = {"policyId": id_, "device": device, "caller": sender, "quantity": quantity, "rule": rule}
        return [("BreachClaimed", fact | {"rejected": rejected, "share": share})]

    def claimRecall(self, quote: CargoQuote, recall: int, *, sender: str) -> list[Fact]:  # noqa: N802
        id_, policy, no = self._claimable(quote)
        s, found = quote.shipment, self.facts.recall(recall, quote.shipment.subject)
        before, until = policy.recalls
        counts = (
            found.affects
            and before < recall <= until
            and 1 <= found.class_ <= s.recallClass
            and s.recaller in (0, found.org)
        )
        if not counts:
            no.final("RecallNotInsured", id_, recall)
        self._prove(no, id_, policy, s.recallShare)
        fact = {"policyId": id_, "recall": recall, "caller": sender, "share": s.recallShare}
        return [("RecallClaimed", fact)]

    def settle(self, quote: CargoQuote, *, sender: str) -> list[Fact]:
        id_, policy, no = self._in_state(quote, UNDERWAY, ENDED)
        s = quote.shipment
        final = policy.share == best(quote) or sender == s.holder
        no.when(not final and self.now <= policy.last_claim, "WindowOpen", id_, policy.last_claim)
        no.settle()
        policy.state, policy.paid = SETTLED, payment_of(s, policy.share)
        self.locked[s.treasury] -= s.sumInsured
        self.credit[s.holder] += policy.paid
        self.free[s.treasury] += s.sumInsured - policy.paid
        fact = {"policyId": id_, "holder": s.holder, "treasury": s.treasury, "caller": sender}
        return [("PolicySettled", fact | {"payment": policy.paid})]

    def cancel(self, quote: CargoQuote, *, sender: str) -> list[Fact]:
        id_, policy, no = self._in_state(quote, OPEN)
        s = quote.shipment
        early = sender != s.holder and self.now <= s.latestStart
        no.when(early, "WindowOpen", id_, s.latestStart)
        no.settle()
        policy.state = CANCELLED
        self.locked[s.treasury] -= s.sumInsured
        self.free[s.treasury] += s.sumInsured
        self.credit[s.holder] += s.premium
        fact = {"policyId": id_, "holder": s.holder, "treasury": s.treasury, "caller": sender}
        return [("PolicyCancelled", fact | {"premium": s.premium})]

    # What everybody may know

    def id(self, quote: CargoQuote) -> bytes:
        return digest_of(quote, self.address, self.chain_id)

    def check(self) -> None:
        """The books are in order."""
        unearned = sum(p.quote.shipment.premium for p in self.policies.values() if p.state == OPEN)
        assert unearned + self.capital() == self.token.balances[self.address], (
            "obligations are not the balance"
        )
        for treasury, locked in self.locked.items():
            backed = [
                p.quote.shipment.sumInsured
                for p in self.policies.values()
                if p.quote.shipment.treasury == treasury and p.state in (OPEN, UNDERWAY, ENDED)
            ]
            assert locked == sum(backed), "a policy is not backed in full"
        for p in self.policies.values():
            s = p.quote.shipment
            assert p.paid <= max(0, s.sumInsured - s.deductible), "more is paid than insured"

    # Inside

    def _in_state(self, quote: CargoQuote, *states: int) -> tuple[bytes, Policy, Objections]:
        id_, no = self.id(quote), Objections()
        if id_ not in self.policies:
            no.final("UnknownPolicy", id_)
        policy = self.policies[id_]
        if policy.state not in states:
            no.final("WrongPolicyState", id_, policy.state)
        return id_, policy, no

    def _claimable(self, quote: CargoQuote) -> tuple[bytes, Policy, Objections]:
        id_, policy, no = self._in_state(quote, UNDERWAY, ENDED)
        no.when(self.now > policy.last_claim, "WindowClosed", id_, policy.last_claim)
        return id_, policy, no

    def _prove(self, no: Objections, id_: bytes, policy: Policy, share: int) -> None:
        no.when(share <= policy.share, "NothingToRaise", id_, share, policy.share)
        no.settle()
        policy.proved.append(share)

    def _custody(self, no: Objections, id_: bytes, subject: bytes, org: int) -> None:
        custodian = self.facts.custodian(subject)
        no.when(custodian != org, "NotInCustody", id_, org, custodian)

    def _in_force(self, no: Objections, id_: bytes, s: Any) -> None:
        found = self.facts.in_force(s.subject, s.setter)
        wrong = found != s.conditions or found == bytes(32)
        no.when(wrong, "ConditionsNotInForce", id_, s.conditions, found)
