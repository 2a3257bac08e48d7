"""Rebuilds the state of Exposures from its events: who inherited which breaches, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from goldthread.audit.base import FoldError, View, short
from goldthread.chain.logs import Event

Inheritance = IntEnum("Inheritance", "NONE HELD RELEASED", start=0)


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    found: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    """By twin and breach."""


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of Exposures, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Exposures; raises `FoldError`."""
    match event.name:
        case "BreachInherited":
            _step(state, event, Inheritance.NONE, Inheritance.HELD)
        case "InheritedReleased":
            _step(state, event, Inheritance.HELD, Inheritance.RELEASED)
        case "Alert":
            pass
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    for (item, breach), found in state.found.items():
        subject = f"twin {short(item)}, breach {short(breach)}"
        yield View(subject, "inheritance", (item, breach), found)


def _step(state: State, event: Event, before: Inheritance, after: Inheritance) -> None:
    key = event["item"], event["breachId"]
    found = Inheritance(state.found.get(key, Inheritance.NONE))
    if found != before:
        raise FoldError(event, f"the twin's inheritance of the breach was {found.name}")
    state.found[key] = after
