"""Rebuilds the state of DeliveryExceptions from its events, and checks that no case takes a step that is not
open to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from goldthread.audit.base import FoldError, View
from goldthread.chain.logs import Event

CaseState = IntEnum("CaseState", "NONE OPEN COUNTERED AGREED REJECTED RESOLVED WITHDRAWN", start=0)

_UNSETTLED = (CaseState.OPEN, CaseState.COUNTERED, CaseState.AGREED, CaseState.REJECTED)

STEPS: Mapping[tuple[bool, int], tuple[CaseState, ...]] = {
    (False, CaseState.AGREED): (CaseState.OPEN,),
    (False, CaseState.REJECTED): (CaseState.OPEN,),
    (False, CaseState.COUNTERED): (CaseState.OPEN,),
    (True, CaseState.AGREED): (CaseState.COUNTERED,),
    (True, CaseState.OPEN): (CaseState.COUNTERED, CaseState.REJECTED),
    (True, CaseState.RESOLVED): (CaseState.AGREED,),
    (True, CaseState.WITHDRAWN): _UNSETTLED,
}
"""Whether the receiver takes the step, and where it leads: the states it is taken in."""

_CHOOSE = (CaseState.COUNTERED, CaseState.OPEN)
"""Only what leads here names another resolution."""


@dataclass
class Case:
    """A case as it stands. `org` received, `counterparty` delivered."""

    subject: bytes
    org: int
    counterparty: int
    kind: int
    quantity: int
    resolution: int
    state: int = CaseState.OPEN


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    cases: dict[int, Case] = field(default_factory=dict)


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of DeliveryExceptions, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of DeliveryExceptions; raises `FoldError`."""
    match event.name:
        case "ExceptionRaised":
            if event["id"] != len(state.cases) + 1:
                raise FoldError(event, f"case {len(state.cases) + 1} is the next")
            parties = event["org"], event["counterparty"]
            what = event["kind"], event["quantity"], event["requested"]
            state.cases[event["id"]] = Case(event["subject"], *parties, *what)
        case "ExceptionMoved":
            _moved(state, event)
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    yield View("cases", "caseCount", (), len(state.cases))
    fields = "org", "counterparty", "kind", "state", "resolution", "quantity"
    for number, case in state.cases.items():
        expected = {name: getattr(case, name) for name in fields}
        yield View(f"case {number}", "caseOf", (number,), expected)
        yield View(f"case {number}", "subjectOf", (number,), case.subject)


def _moved(state: State, event: Event) -> None:
    case = state.cases.get(event["id"])
    if case is None:
        raise FoldError(event, f"case {event['id']} was never raised")
    if event["subject"] != case.subject:
        raise FoldError(event, "the case is about something else")
    if event["org"] not in (case.org, case.counterparty):
        raise FoldError(event, f"organisation {event['org']} has no part in the case")
    if case.state not in STEPS.get((event["org"] == case.org, event["state"]), ()):
        raise FoldError(event, f"no step of organisation {event['org']} leads there from {case.state}")
    if event["state"] not in _CHOOSE and event["resolution"] != case.resolution:
        raise FoldError(event, f"resolution {case.resolution} was the last one named")
    case.state, case.resolution = event["state"], event["resolution"]
