"""Rebuilds the state of BatchRelease from its events: master records, batches, deviations, yields and
decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.chain.words import BatchState

ONE = 10**6
"""A share of one, in parts per million."""


@dataclass
class Deviation:
    """What tells of a deviation, and the investigation upon which it was closed; zero while it is open."""

    record: bytes
    investigation: bytes = ZERO32


@dataclass
class Batch:
    """A batch. Quantities in millionths of the unit of measure."""

    subject: bytes
    org: int
    is_lot: bool
    state: BatchState = BatchState.OPEN
    deviations: list[Deviation] = field(default_factory=list)
    actual: int = 0
    yield_record: bytes = ZERO32

    @property
    def open_deviations(self) -> int:
        """How many deviations wait for an investigation."""
        return sum(1 for one in self.deviations if one.investigation == ZERO32)


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    masters: dict[bytes, tuple[int, int, int]] = field(default_factory=dict)
    """Theoretical yield and the limits of its share, by programme."""
    batches: dict[bytes, Batch] = field(default_factory=dict)
    cases: dict[bytes, bytes] = field(default_factory=dict)
    """The case of a batch, by lot or container."""
    examinations: dict[tuple[bytes, str], tuple[int, int, int]] = field(default_factory=dict)
    """By case and signer: records seen, decisions seen, and the last second at which it is good."""


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of BatchRelease, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of BatchRelease; raises `FoldError`."""
    match event.name:
        case "MasterSet":
            if event["programme"] in state.masters:
                raise FoldError(event, "the programme was a master record before")
            state.masters[event["programme"]] = event["theoretical"], event["lowest"], event["highest"]
        case "BatchOpened":
            if event["caseId"] in state.batches or event["subject"] in state.cases:
                raise FoldError(event, "was a batch before")
            state.batches[event["caseId"]] = Batch(event["subject"], event["org"], event["isLot"])
            state.cases[event["subject"]] = event["caseId"]
        case "DeviationOpened":
            batch = _open(state, event)
            if event["number"] != len(batch.deviations) + 1:
                raise FoldError(event, f"deviation {len(batch.deviations) + 1} is next")
            batch.deviations.append(Deviation(event["record"]))
        case "DeviationClosed":
            deviation = _deviation(state, event)
            if deviation.investigation != ZERO32:
                raise FoldError(event, "the deviation is closed")
            deviation.investigation = event["investigation"]
        case "DeviationReopened":
            deviation = _deviation(state, event)
            if deviation.investigation == ZERO32 or deviation.investigation != event["investigation"]:
                raise FoldError(event, "the deviation was not closed upon this investigation")
            deviation.investigation = ZERO32
        case "YieldReported":
            batch = _open(state, event)
            share, rest = event["actual"] * ONE, event["theoretical"]
            if not rest or event["yield"] != share // rest:
                raise FoldError(event, "the yield is not that share of the theoretical one")
            batch.actual, batch.yield_record = event["actual"], event["record"]
        case "BatchReleased":
            batch = _open(state, event)
            if batch.open_deviations or batch.yield_record == ZERO32:
                raise FoldError(event, "a deviation is open, or no yield was reported")
            batch.state = BatchState.RELEASED
        case "BatchRejected":
            _open(state, event).state = BatchState.REJECTED
        case "ReleaseWithdrawn":
            batch = _known(state, event)
            if batch.state is not BatchState.RELEASED:
                raise FoldError(event, f"the batch is {batch.state.name}")
            batch.state = BatchState.WITHDRAWN
        case "StepsExamined":
            _open(state, event)
            found = event["seen"], event["edition"], event["until"]
            state.examinations[event["caseId"], event["signer"]] = found
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return, apart from those that ask other modules and the clock."""
    for programme, master in state.masters.items():
        yield View(f"master record {short(programme)}", "masterOf", (programme,), master)
    for subject, case in state.cases.items():
        yield View(f"subject {short(subject)}", "caseOf", (subject,), case)
    for case, batch in state.batches.items():
        name = f"batch {short(case)}"
        expected = {
            "subject": batch.subject,
            "org": batch.org,
            "state": batch.state,
            "isLot": batch.is_lot,
            "deviations": len(batch.deviations),
            "openDeviations": batch.open_deviations,
            "actual": batch.actual,
            "yieldRecord": batch.yield_record,
        }
        yield View(name, "batchOf", (case,), expected)
        for number, one in enumerate(batch.deviations, 1):
            found = {"record": one.record, "investigation": one.investigation}
            yield View(f"{name}, deviation {number}", "deviationOf", (case, number), found)
    for (case, signer), examined in state.examinations.items():
        yield View(f"batch {short(case)}, signer {signer}", "examination", (case, signer), examined)


def _known(state: State, event: Event) -> Batch:
    if event["caseId"] not in state.batches:
        raise FoldError(event, "there is no such batch")
    return state.batches[event["caseId"]]


def _open(state: State, event: Event) -> Batch:
    batch = _known(state, event)
    if batch.state is not BatchState.OPEN:
        raise FoldError(event, f"the batch is {batch.state.name}")
    return batch


def _deviation(state: State, event: Event) -> Deviation:
    batch = _open(state, event)
    if not 1 <= event["number"] <= len(batch.deviations):
        raise FoldError(event, "there is no such deviation")
    found: Deviation = batch.deviations[event["number"] - 1]
    return found
