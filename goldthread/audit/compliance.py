"""Rebuilds the state of Compliance from its events: programmes, cases, and what was decided about each
requirement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.rules.programmes import case_id, programme_id

MANDATORY = 2
"""Place of this field in `ICompliance.Terms`."""


@dataclass(frozen=True)
class Programme:
    """A registered programme. `requirements` are pairs of terms and schemas, as the event has them."""

    org: int
    name: str
    version: int
    hash: bytes
    ordered: bool
    reviewers: int
    waivers: int
    document: bytes
    requirements: tuple[Any, ...]

    @property
    def mandatory(self) -> int:
        """A bit for each mandatory requirement."""
        return sum(1 << i for i, (terms, _) in enumerate(self.requirements) if terms[MANDATORY])


@dataclass
class Case:
    """A case, with a bit for each requirement that waits, is accepted, waived or flagged."""

    programme: bytes
    subject: bytes
    org: int
    reviewer: int
    period: int
    opened: int
    submitted: int = 0
    accepted: int = 0
    waived: int = 0
    flagged: int = 0
    edition: int = 0
    evidence: dict[int, bytes] = field(default_factory=dict)
    """The last record submitted for a requirement, or that explains its waiver."""


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    programmes: dict[bytes, Programme] = field(default_factory=dict)
    newest: dict[tuple[int, str], int] = field(default_factory=dict)
    cases: dict[bytes, Case] = field(default_factory=dict)


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of Compliance, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Compliance; raises `FoldError`."""
    match event.name:
        case "ProgrammeRegistered":
            _register(state, event)
        case "CaseOpened":
            _open(state, event)
        case "EvidenceSubmitted":
            found, bit = _step(state, event)
            found.submitted |= bit
            found.accepted &= ~bit
            found.waived &= ~bit
            _decided(found, event)
        case "EvidenceAccepted":
            found, bit = _step(state, event)
            if not found.submitted & bit or found.evidence[event["index"]] != event["record"]:
                raise FoldError(event, "this record was not submitted, or is decided")
            found.submitted &= ~bit
            found.accepted |= bit
            found.flagged &= ~bit
            _decided(found, event)
        case "EvidenceRejected":
            found, bit = _step(state, event)
            waits = (found.submitted | found.accepted) & bit
            if not waits or found.evidence[event["index"]] != event["record"]:
                raise FoldError(event, "this record was not submitted, or is decided")
            found.submitted &= ~bit
            found.accepted &= ~bit
            _decided(found, event)
        case "RequirementWaived":
            found, bit = _step(state, event)
            found.submitted &= ~bit
            found.accepted &= ~bit
            found.waived |= bit
            found.flagged &= ~bit
            _decided(found, event)
        case "OverdueFlagged":
            found, bit = _step(state, event)
            if found.flagged & bit:
                raise FoldError(event, "was flagged before")
            found.flagged |= bit
        case "Alert":
            _known(state, event, event["ref"])
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return, apart from those that ask Records and the clock."""
    for (org, name), version in state.newest.items():
        yield View(f"programmes {name} of #{org}", "newest", (org, name), version)
    for identifier, known in state.programmes.items():
        subject = f"programme {short(identifier)}"
        expected = {
            "org": known.org,
            "count": len(known.requirements),
            "ordered": known.ordered,
            "reviewers": known.reviewers,
            "waivers": known.waivers,
            "mandatory": known.mandatory,
        }
        yield View(subject, "programmeOf", (identifier,), expected)
        yield View(subject, "definitionHash", (identifier,), known.hash)
        for index, (terms, schemas) in enumerate(known.requirements):
            place = f"{subject}, requirement {index}"
            yield View(place, "termsOf", (identifier, index), tuple(terms))
            for schema in schemas:
                yield View(place, "accepts", (identifier, index, schema), True)
    for identifier, found in state.cases.items():
        subject = f"case {short(identifier)}"
        facts = {
            "programme": found.programme,
            "subject": found.subject,
            "org": found.org,
            "reviewer": found.reviewer,
            "openedAt": found.opened,
            "period": found.period,
            "flagged": found.flagged,
        }
        yield View(subject, "caseOf", (identifier,), facts)
        decisions = {
            "submitted": found.submitted,
            "accepted": found.accepted,
            "waived": found.waived,
            "edition": found.edition,
        }
        yield View(subject, "decisionsOf", (identifier,), decisions)
        for index in range(len(state.programmes[found.programme].requirements)):
            record = found.evidence.get(index, ZERO32)
            yield View(f"{subject}, requirement {index}", "evidenceOf", (identifier, index), record)


def _register(state: State, event: Event) -> None:
    org, name, version = event["org"], event["name"], event["version"]
    if version != state.newest.get((org, name), 0) + 1:
        raise FoldError(event, f"version {state.newest.get((org, name), 0) + 1} is next")
    if event["programme"] != programme_id(org, name, version):
        raise FoldError(event, "the id is not that of organisation, name and version")
    document, ordered, reviewers, waivers, requirements = event["definition"]
    state.newest[org, name] = version
    state.programmes[event["programme"]] = Programme(
        org,
        name,
        version,
        event["definitionHash"],
        ordered,
        reviewers,
        waivers,
        document,
        tuple(requirements),
    )


def _open(state: State, event: Event) -> None:
    identifier = event["caseId"]
    if identifier in state.cases:
        raise FoldError(event, "the case was opened before")
    if event["programme"] not in state.programmes:
        raise FoldError(event, "there is no such programme")
    if identifier != case_id(event["programme"], event["subject"], event["org"], event["period"]):
        raise FoldError(event, "the id is not that of programme, subject, organisation and period")
    who = event["org"], event["reviewer"], event["period"], event["openedAt"]
    state.cases[identifier] = Case(event["programme"], event["subject"], *who)


def _known(state: State, event: Event, identifier: bytes) -> Case:
    if identifier not in state.cases:
        raise FoldError(event, "there is no such case")
    return state.cases[identifier]


def _step(state: State, event: Event) -> tuple[Case, int]:
    found = _known(state, event, event["caseId"])
    if event["index"] >= len(state.programmes[found.programme].requirements):
        raise FoldError(event, "there is no such requirement")
    return found, 1 << event["index"]


def _decided(found: Case, event: Event) -> None:
    found.evidence[event["index"]] = event["record"]
    found.edition += 1
