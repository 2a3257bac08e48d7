"""Rebuilds the state of Verification from its events: what is open against a unit, and who reported how
much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from goldthread.audit.base import FoldError, View, short
from goldthread.chain.logs import Event

MAX_REPORTS = 100
"""Most reports of an organisation in a day."""


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    open: Counter[bytes] = field(default_factory=Counter)
    """Reports by unit that were not settled."""
    settled: Counter[bytes] = field(default_factory=Counter)
    days: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Reports by organisation and day."""


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of Verification, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Verification; raises `FoldError`."""
    match event.name:
        case "Alert":
            pass
        case "SuspectReported":
            key = event["org"], event["day"]
            if state.days[key] >= MAX_REPORTS:
                raise FoldError(event, f"organisation {key[0]} has reported {MAX_REPORTS} times that day")
            state.days[key] += 1
            state.open[event["unit"]] += 1
        case "SuspicionSettled":
            unit, reports = event["unit"], event["reports"]
            if reports == 0 or state.open[unit] != reports:
                raise FoldError(event, f"{state.open[unit]} reports are open, not {reports}")
            state.open[unit] = 0
            state.settled[unit] += reports
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    for unit, count in state.open.items():
        expected = {"open": count, "settled": state.settled[unit]}
        yield View(f"unit {short(unit)}", "suspicionOf", (unit,), expected)
    for (org, day), count in state.days.items():
        yield View(f"organisation {org}, day {day}", "reportsOn", (org, day), count)
