"""Rebuilds the state of CargoInsurance from its events: policies, claims, capital and credits.

On the way it checks what an auditor would: that each share that was proved is one that the quote gives and
higher than the one before, and that the payment follows from it.
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
from goldthread.rules.cargo import payment

CONTRACT = "CargoInsurance"

PolicyState = IntEnum("PolicyState", "NONE OPEN UNDERWAY ENDED CANCELLED SETTLED", start=0)

_UINT32_MAX = 2**32 - 1


@dataclass
class Policy:
    """What the contract keeps of a policy, and the quote, which it does not keep.

    Times in Unix seconds, the share in parts per million.
    """

    quote: Any
    state: int = PolicyState.OPEN
    start: int = 0
    end: int = 0
    share: int = 0
    recalls_before: int = 0
    recalls_until: int = 0


@dataclass
class State(Capital):
    """Everything that the contract stores, by its keys; amounts in units."""

    policies: dict[bytes, Policy] = field(default_factory=dict)

    @property
    def obligations(self) -> int:
        """What the contract owes to everybody together, in units: it must hold as many tokens."""
        waiting = (p for p in self.policies.values() if p.state == PolicyState.OPEN)
        unearned: int = sum(policy.quote.shipment.premium for policy in waiting)
        return self.capital + unearned


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of CargoInsurance, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def compare(state: State, read: Callable[[str, tuple[Any, ...]], Any]) -> list[Difference]:
    """Where the chain, read by `read(function, arguments)`, says something else."""
    return [d for view in views(state) for d in differences(CONTRACT, view, read(view.function, view.args))]


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of CargoInsurance; raises `FoldError`."""
    if event.name in _POLICIES:
        _POLICIES[event.name](state, event, _policy(state, event))
    elif event.name == "PolicyOpened":
        _opened(state, event)
    else:
        capital.fold(state, event)


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return, whatever the time."""
    yield from capital.views(state)
    for identifier, policy in state.policies.items():
        subject = f"policy {short(identifier)}"
        yield View(subject, "policyIdOf", (policy.quote,), identifier)
        expected = {
            "state": policy.state,
            "start": policy.start,
            "end": policy.end,
            "share": policy.share,
            "recallsBefore": policy.recalls_before,
            "recallsUntil": policy.recalls_until,
        }
        yield View(subject, "policyOf", (identifier,), expected)


def _policy(state: State, event: Event) -> Policy:
    found = state.policies.get(event["policyId"])
    if found is None:
        raise FoldError(event, f"policy {short(event['policyId'])} was never opened")
    return found


def _expect_state(event: Event, policy: Policy, *allowed: IntEnum) -> None:
    if policy.state not in allowed:
        names = " or ".join(state.name for state in allowed)
        raise FoldError(event, f"the policy was not {names}")


def _opened(state: State, event: Event) -> None:
    if event["policyId"] in state.policies:
        raise FoldError(event, "the quote is open already")
    state.lock(event, event["treasury"], event["quote"].shipment.sumInsured)
    state.policies[event["policyId"]] = Policy(event["quote"])


def _begun(state: State, event: Event, policy: Policy) -> None:
    _expect_state(event, policy, PolicyState.OPEN)
    shipment = policy.quote.shipment
    expect(event, "end", event["end"], shipment.latestEnd)
    if event["start"] > shipment.latestStart:
        raise FoldError(event, f"the trip begins after its latest start {shipment.latestStart}")
    policy.state, policy.start, policy.end = PolicyState.UNDERWAY, event["start"], event["end"]
    policy.recalls_before, policy.recalls_until = event["recalls"], _UINT32_MAX
    state.free[shipment.treasury] += shipment.premium


def _ended(state: State, event: Event, policy: Policy) -> None:
    _expect_state(event, policy, PolicyState.UNDERWAY)
    if not policy.start <= event["end"] <= policy.end:
        raise FoldError(event, f"the trip ends at {event['end']}, outside {policy.start} to {policy.end}")
    policy.state, policy.end, policy.recalls_until = PolicyState.ENDED, event["end"], event["recalls"]


def _raised(event: Event, policy: Policy, shares: Iterable[int]) -> None:
    _expect_state(event, policy, PolicyState.UNDERWAY, PolicyState.ENDED)
    if event["share"] not in shares:
        raise FoldError(event, f"share {event['share']} is none that the quote gives for this")
    if event["share"] <= policy.share:
        raise FoldError(event, f"share {event['share']} is not above {policy.share}, which was proved before")
    policy.share = event["share"]


def _breach_claimed(state: State, event: Event, policy: Policy) -> None:
    quote = policy.quote
    rows = [row.share for row in quote.table if row.rule == event["rule"]]
    _raised(event, policy, [quote.shipment.rejectShare] if event["rejected"] else rows)


def _recall_claimed(state: State, event: Event, policy: Policy) -> None:
    if not policy.recalls_before < event["recall"] <= policy.recalls_until:
        raise FoldError(event, f"recall {event['recall']} was not opened in the trip")
    _raised(event, policy, [policy.quote.shipment.recallShare])


def _cancelled(state: State, event: Event, policy: Policy) -> None:
    _expect_state(event, policy, PolicyState.OPEN)
    shipment = policy.quote.shipment
    expect(event, "premium", event["premium"], shipment.premium)
    policy.state = PolicyState.CANCELLED
    state.unlock(event, shipment.treasury, shipment.sumInsured)
    state.credits[shipment.holder] += shipment.premium


def _settled(state: State, event: Event, policy: Policy) -> None:
    _expect_state(event, policy, PolicyState.UNDERWAY, PolicyState.ENDED)
    shipment = policy.quote.shipment
    paid = payment(shipment.sumInsured, policy.share, shipment.franchise, shipment.deductible)
    expect(event, "payment", event["payment"], paid)
    policy.state = PolicyState.SETTLED
    state.pay(event, shipment.treasury, shipment.holder, paid)
    state.unlock(event, shipment.treasury, shipment.sumInsured - paid)


_POLICIES: dict[str, Callable[[State, Event, Policy], None]] = {
    "TripBegun": _begun,
    "TripEnded": _ended,
    "BreachClaimed": _breach_claimed,
    "RecallClaimed": _recall_claimed,
    "PolicyCancelled": _cancelled,
    "PolicySettled": _settled,
}
