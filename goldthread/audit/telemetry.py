"""Rebuilds the state of Telemetry from its events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from goldthread.audit.base import ZERO_ADDRESS, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.chain.segments import Frame, Values

Stream = tuple[bytes, bytes, int]
"""Device, twin and quantity."""

STORED_BYTES = 27
"""The contract stores so many of a digest's bytes."""


@dataclass(frozen=True)
class Anchored:
    """What the chain's log tells of a segment."""

    frame: Frame
    values: Values
    digest: bytes


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    streams: dict[Stream, list[Anchored]] = field(default_factory=dict)
    """The segments of each stream; the first one has number 1."""

    twins: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    """Device and twin of a segment, by its digest."""
    falsifications: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    """Who proved a segment false, and how, by its digest."""

    def segment(self, stream: Stream, seq: int) -> Anchored | None:
        """A segment by its number, from 1."""
        found = self.streams.get(stream, [])
        return found[seq - 1] if 0 < seq <= len(found) else None


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Telemetry; raises `FoldError`."""
    match event.name:
        case "SegmentAnchored":
            _anchor(state, event)
        case "SegmentFalsified":
            _falsify(state, event)
        case "Alert":
            pass  # tells nothing that SegmentFalsified does not
        case _:
            raise FoldError(event, "nothing is known about this event")


def _anchor(state: State, event: Event) -> None:
    frame, values = Frame.unpack(event["frame"]), Values.unpack(event["values"])
    stream = (event["device"], event["subject"], frame.quantity)
    known = state.streams.setdefault(stream, [])
    if frame.seq != len(known) + 1:
        raise FoldError(event, f"segment {frame.seq} follows segment {len(known)}")
    if known and frame.from_ <= known[-1].frame.to:
        raise FoldError(event, f"starts at {frame.from_}, the one before ends at {known[-1].frame.to}")
    state.twins[event["digest"]] = stream[:2]
    known.append(Anchored(frame, values, event["digest"]))


def _falsify(state: State, event: Event) -> None:
    digest = event["digest"]
    if state.twins.get(digest) != (event["device"], event["subject"]):
        raise FoldError(event, "no such segment was anchored")
    if digest in state.falsifications:
        raise FoldError(event, "the segment was proved false before")
    state.falsifications[digest] = (event["by"], event["lie"])


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    for (device, twin, quantity), segments in state.streams.items():
        subject = f"device {short(device)} on twin {short(twin)}, quantity {quantity}"
        newest = segments[-1].frame
        stream = {"seq": newest.seq, "to": newest.to}
        yield View(subject, "stream", (device, twin, quantity), stream)
        for found in segments:
            seq = found.frame.seq
            stored = found.digest[:STORED_BYTES]
            yield View(f"{subject}, segment {seq}", "anchored", (device, twin, quantity, seq), stored)
            by, lie = state.falsifications.get(found.digest, (ZERO_ADDRESS, 0))
            about = {"by": by, "lie": lie}
            yield View(f"{subject}, segment {seq}", "falsification", (found.digest,), about)
