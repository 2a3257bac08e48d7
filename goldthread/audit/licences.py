"""Rebuilds the state of Licences from its events: what was granted, which seats are out, what was counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event

HOUR = 3600
OPEN = 2**40 - 1
"""When a seat comes back that is not borrowed."""
SEATS = 8
"""That one account can have of a licence."""


@dataclass
class Licence:
    """A licence, and what is used of it. `terms` are as the contract's struct `Terms` has them."""

    design: bytes
    licensee: int
    issued_at: int
    terms: Any
    revoked: bool = False
    consumed: int = 0
    open: int = 0
    borrowed: int = 0
    """In the hour `hour`, the last one in which a seat was taken or given back."""
    hour: int = 0
    seat_period: int = 0
    unit_period: int = 0
    seats: dict[str, list[int]] = field(default_factory=dict)
    """For each account when its seats come back; 0: not taken."""
    returns: Counter[int] = field(default_factory=Counter)
    """How many seats come back by themselves in an hour."""

    def settle(self, time: int) -> int:
        """Take from what is borrowed what has come back by then; how many seats are out."""
        hour = time // HOUR
        back = sum(count for when, count in self.returns.items() if self.hour < when <= hour)
        self.borrowed, self.hour = self.borrowed - back, hour
        return self.open + self.borrowed


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    licences: dict[int, Licence] = field(default_factory=dict)
    supersessions: dict[tuple[bytes, int], tuple[int, int]] = field(default_factory=dict)
    """By design and licensee: before which second, and by which licence."""
    counts: dict[tuple[bytes, bytes], tuple[int, int]] = field(default_factory=dict)
    """By design and thing: licence and quantity."""
    users: dict[int, tuple[str, int]] = field(default_factory=dict)
    """By licence: the user in the sense of ERC-4907, and its last second."""
    used: set[bytes] = field(default_factory=set)
    """Digests of what was signed and used."""


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of Licences, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Licences; raises `FoldError`."""
    match event.name:
        case "LicenceGranted":
            _granted(state, event)
        case "LicenceRevoked":
            licence = _known(state, event)
            if licence.revoked:
                raise FoldError(event, "it was revoked before")
            licence.revoked = True
        case "LicenceTransferred":
            licence = _known(state, event)
            if licence.licensee != event["org"] or not licence.terms.transferable:
                raise FoldError(event, f"organisation {event['org']} could not pass it on")
            licence.licensee = event["licensee"]
        case "UpdateUser":
            if event["tokenId"] not in state.licences:
                raise FoldError(event, f"there is no licence {event['tokenId']}")
            state.users[event["tokenId"]] = event["user"], event["expires"]
        case "LicenceLent":
            if state.users.get(event["licence"]) != (event["user"], event["expires"]):
                raise FoldError(event, "the user of the licence is another")
        case "CheckedOut":
            _checked_out(state, event)
        case "CheckedIn":
            _checked_in(state, event)
        case "UnitsConsumed":
            _consumed(state, event)
        case "SeatsOverdrawn":
            licence = _known(state, event)
            _overdrawn(event, licence.open + licence.borrowed - licence.terms.seats)
            licence.seat_period = event["period"]
        case "UnitsOverdrawn":
            licence = _known(state, event)
            _overdrawn(event, licence.consumed - licence.terms.units)
            licence.unit_period = event["period"]
        case "Alert":
            if int.from_bytes(event["ref"]) not in state.licences:
                raise FoldError(event, "it is about no licence")
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    yield View("all licences", "licenceCount", (), len(state.licences))
    for number, licence in state.licences.items():
        subject, terms = f"licence {number}", licence.terms
        expected = {
            "design": licence.design,
            "licensee": licence.licensee,
            "issuedAt": licence.issued_at,
            "revoked": licence.revoked,
            **terms._asdict(),
        }
        yield View(subject, "licenceOf", (number,), expected)
        usage = {
            "consumed": licence.consumed,
            "open": licence.open,
            "borrowed": licence.borrowed,
            "hour": licence.hour,
            "seatPeriod": licence.seat_period,
            "unitPeriod": licence.unit_period,
        }
        yield View(subject, "usageOf", (number,), usage)
        for account, times in licence.seats.items():
            yield View(f"{subject}, account {account}", "seatsOf", (number, account), times)
        for hour, count in licence.returns.items():
            yield View(f"{subject}, hour {hour}", "returnsAt", (number, hour), count)
    for (design, licensee), (before, by) in state.supersessions.items():
        superseded = {"before": before, "by": by}
        subject = f"organisation {licensee}, design {short(design)}"
        yield View(subject, "supersessionOf", (design, licensee), superseded)
    for (design, thing), (number, quantity) in state.counts.items():
        counted = {"licence": number, "quantity": quantity}
        subject = f"{short(thing)} of design {short(design)}"
        yield View(subject, "countOf", (design, thing), counted)
    for number, (user, expires) in state.users.items():
        yield View(f"licence {number}", "lastUserOf", (number,), user)
        yield View(f"licence {number}", "userExpires", (number,), expires)
    for digest in state.used:
        yield View(f"message {short(digest)}", "used", (digest,), True)


def _granted(state: State, event: Event) -> None:
    number, design, licensee = event["licence"], event["design"], event["licensee"]
    if number != len(state.licences) + 1:
        raise FoldError(event, f"{len(state.licences)} licences came before this one")
    state.licences[number] = Licence(design, licensee, event["issuedAt"], event["terms"])
    before = event["supersedes"]
    if not before:
        return
    if not state.supersessions.get((design, licensee), (0, 0))[0] < before <= event["issuedAt"]:
        raise FoldError(event, "it supersedes what was superseded before, or itself")
    state.supersessions[design, licensee] = before, number


def _checked_out(state: State, event: Event) -> None:
    licence, account, seat = _known(state, event), event["account"], event["seat"]
    times = licence.seats.setdefault(account, [0] * SEATS)
    out = licence.settle(event["since"]) + 1
    taken = sum(event["since"] < time for time in times)
    if not seat < SEATS or event["since"] < times[seat] or taken >= licence.terms.seatsPerUser:
        raise FoldError(event, f"account {account} has this seat, or as many as one may")
    if event["used"] != out or out > licence.terms.seats + licence.terms.seatOverdraft:
        raise FoldError(event, f"{out - 1} seats were in use")
    _use(state, event)
    times[seat] = event["until"] or OPEN
    if not event["until"]:
        licence.open += 1
        return
    hour, rest = divmod(event["until"], HOUR)
    if rest or hour <= licence.hour:
        raise FoldError(event, "a seat comes back at a full hour to come")
    licence.borrowed += 1
    licence.returns[hour] += 1


def _checked_in(state: State, event: Event) -> None:
    licence, seat = _known(state, event), event["seat"]
    times = licence.seats.get(event["account"], [])
    if seat >= len(times) or times[seat] <= event["time"]:
        raise FoldError(event, "the account had no such seat")
    licence.settle(event["time"])
    _use(state, event)
    until, times[seat] = times[seat], 0
    if until == OPEN:
        licence.open -= 1
    else:
        licence.borrowed -= 1
        licence.returns[until // HOUR] -= 1


def _consumed(state: State, event: Event) -> None:
    licence, thing = _known(state, event), event["thing"]
    if (licence.design, thing) in state.counts:
        raise FoldError(event, "the thing was counted before")
    licence.consumed += event["quantity"]
    most = licence.terms.units + licence.terms.unitOverdraft
    if event["consumed"] != licence.consumed or licence.consumed > most:
        raise FoldError(event, f"{licence.consumed} were counted, of {most}")
    state.counts[licence.design, thing] = event["licence"], event["quantity"]


def _overdrawn(event: Event, over: int) -> None:
    if event["over"] != over:
        raise FoldError(event, f"{max(over, 0)} more than granted were used")


def _use(state: State, event: Event) -> None:
    digest = event["digest"]
    if digest in state.used:
        raise FoldError(event, "what was signed was used before")
    if digest != ZERO32:
        state.used.add(digest)


def _known(state: State, event: Event) -> Licence:
    licence = state.licences.get(event["licence"])
    if licence is None:
        raise FoldError(event, f"there is no licence {event['licence']}")
    return licence
