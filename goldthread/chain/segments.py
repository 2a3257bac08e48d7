"""Segments: the readings of a device summarised, committed to by a Merkle root, and signed.

`build` makes them from readings, `Segment.digest` is what the device signs, `Tree` proves a single reading.
The words are those of contracts/libraries (SegmentWords, Excursion), the hashes those of
goldthread.chain.merkle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldthread.chain import eip712, merkle
from goldthread.rules.readings import Reading
from goldthread.rules.summaries import Excursion, Limit, Summary, cut_at_gaps, signed, summarise

MAX_EXCURSIONS = 16
"""Most limits that a segment can tell about."""


@dataclass(frozen=True)
class Frame:
    """When a segment was measured (type `Frame`)."""

    quantity: int
    seq: int
    from_: int
    to: int
    count: int
    max_interval: int

    def pack(self) -> int:
        """The contract's word; `ValueError` for a field that does not fit."""
        fields = (
            ("quantity", self.quantity, 16),
            ("seq", self.seq, 32),
            ("from", self.from_, 40),
            ("to", self.to, 40),
            ("count", self.count, 32),
            ("maxInterval", self.max_interval, 32),
        )
        return _pack(fields)

    @classmethod
    def unpack(cls, word: int) -> Frame:
        """From the contract's word."""
        return cls(*_unpack(word, (16, 32, 40, 40, 32, 32)))


@dataclass(frozen=True)
class Values:
    """What a segment measured (type `Values`), in the unit of its quantity."""

    min: int
    max: int
    last: int
    sum: int

    def pack(self) -> int:
        """The contract's word; `ValueError` for a value that does not fit."""
        fields = (
            ("min", self.min, 32),
            ("max", self.max, 32),
            ("last", self.last, 32),
            ("sum", self.sum, 64),
        )
        for name, value, bits in fields:
            if not -(1 << bits - 1) <= value < 1 << bits - 1:
                raise ValueError(f"{name} {value} does not fit into {bits} bits")
        return _pack(tuple((name, value & (1 << bits) - 1, bits) for name, value, bits in fields))

    @classmethod
    def unpack(cls, word: int) -> Values:
        """From the contract's word."""
        low, high, last, total = _unpack(word, (32, 32, 32, 64))
        return cls(signed(low, 32), signed(high, 32), signed(last, 32), signed(total, 64))


@dataclass(frozen=True)
class Segment:
    """A segment as ITelemetry has it, with its words taken apart."""

    device: bytes
    subject: bytes
    quantity: int
    seq: int
    summary: Summary
    root: bytes

    @property
    def frame(self) -> Frame:
        """When it was measured."""
        s = self.summary
        return Frame(self.quantity, self.seq, s.from_, s.to, s.count, s.max_interval)

    @property
    def values(self) -> Values:
        """What was measured."""
        s = self.summary
        return Values(s.min, s.max, s.last, s.sum)

    def message(self) -> dict[str, Any]:
        """What the device signs, by field; `ValueError` if something does not fit into the contract's
        words.
        """
        if len(self.summary.excursions) > MAX_EXCURSIONS:
            count = len(self.summary.excursions)
            raise ValueError(f"{count} limits were crossed, a segment tells about {MAX_EXCURSIONS} at most")
        return {
            "device": self.device,
            "subject": self.subject,
            "frame": self.frame.pack(),
            "values": self.values.pack(),
            "excursions": [excursion.pack() for excursion in self.summary.excursions],
            "root": self.root,
        }

    def to_contract(self) -> tuple[Any, ...]:
        """The segment as an argument of the contracts' functions."""
        return eip712.as_tuple("Segment", self.message())

    def digest(self, where: eip712.Domain) -> bytes:
        """The 32 bytes that the device signs for the module Telemetry at this domain."""
        return eip712.digest("Segment", where, self.message())


class Tree(merkle.Tree):
    """The Merkle tree over the readings of a segment; `ValueError` if there is none."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        if not readings:
            raise ValueError("a tree has at least one reading")
        super().__init__(leaf(index, reading) for index, reading in enumerate(readings))


def leaf(index: int, reading: Reading) -> bytes:
    """Hash of a reading with its place in the segment."""
    time = reading.time.to_bytes(5, "big")
    value = reading.value.to_bytes(4, "big", signed=True)
    return merkle.leaf(merkle.READING, index, time + value)


def is_in(root: bytes, count: int, index: int, reading: Reading, proof: Sequence[bytes]) -> bool:
    """Is the reading one of the segment's? As Telemetry.verifyReading decides."""
    return 0 <= index < count and merkle.root_of(leaf(index, reading), proof) == root


def build(
    readings: Sequence[Reading],
    *,
    device: bytes,
    subject: bytes,
    quantity: int,
    limits: Sequence[Limit],
    first_seq: int = 1,
    max_interval: int | None = None,
    most: int | None = None,
) -> list[tuple[Segment, list[Reading]]]:
    """Segments with the readings of each, numbered from `first_seq`.

    Readings are cut where more than `max_interval` seconds lie between two (a policy judges no segment with a
    gap inside), and after `most` readings. `ValueError` if something does not fit into the contract's words.
    """
    whole = readings[-1].time - readings[0].time if readings else 0
    parts = cut_at_gaps(readings, whole if max_interval is None else max_interval, most)
    segments = []
    for seq, part in enumerate(parts, first_seq):
        segment = Segment(device, subject, quantity, seq, summarise(part, limits), Tree(part).root)
        segment.message()
        segments.append((segment, part))
    return segments


def to_json(segment: Segment, readings: Sequence[Reading] = ()) -> dict[str, Any]:
    """A segment, and its readings as pairs of time and value, for a file."""
    s = segment.summary
    return {
        "device": f"0x{segment.device.hex()}",
        "subject": f"0x{segment.subject.hex()}",
        "quantity": segment.quantity,
        "seq": segment.seq,
        "from": s.from_,
        "to": s.to,
        "count": s.count,
        "maxInterval": s.max_interval,
        "min": s.min,
        "max": s.max,
        "last": s.last,
        "sum": s.sum,
        "excursions": [
            {
                "high": e.limit.high,
                "limit": e.limit.value,
                "first": e.first,
                "prefix": e.prefix,
                "suffix": e.suffix,
                "longest": e.longest,
                "total": e.total,
            }
            for e in s.excursions
        ],
        "root": f"0x{segment.root.hex()}",
        "readings": [[reading.time, reading.value] for reading in readings],
    }


def from_json(data: Mapping[str, Any]) -> tuple[Segment, list[Reading]]:
    """Read `to_json` back; `ValueError` that names the field which is missing or wrong."""
    try:
        excursions = tuple(
            Excursion(
                Limit(_is(e["high"], bool), _is(e["limit"], int)),
                *(_is(e[name], int) for name in ("first", "prefix", "suffix", "longest", "total")),
            )
            for e in data["excursions"]
        )
        summary = Summary(
            from_=_is(data["from"], int),
            to=_is(data["to"], int),
            count=_is(data["count"], int),
            max_interval=_is(data["maxInterval"], int),
            min=_is(data["min"], int),
            max=_is(data["max"], int),
            last=_is(data["last"], int),
            sum=_is(data["sum"], int),
            excursions=excursions,
        )
        segment = Segment(
            device=_bytes32(data["device"]),
            subject=_bytes32(data["subject"]),
            quantity=_is(data["quantity"], int),
            seq=_is(data["seq"], int),
            summary=summary,
            root=_bytes32(data["root"]),
        )
        readings = [Reading(_is(time, int), _is(value, int)) for time, value in data["readings"]]
    except KeyError as error:
        raise ValueError(f"the segment has no {error.args[0]}") from None
    except TypeError:
        raise ValueError("the segment is not of the form that `goldthread segment build` writes") from None
    return segment, readings


def _pack(fields: Sequence[tuple[str, int, int]]) -> int:
    word = shift = 0
    for name, value, bits in fields:
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{name} {value} does not fit into {bits} bits")
        word |= value << shift
        shift += bits
    return word


def _unpack(word: int, widths: Sequence[int]) -> list[int]:
    found = []
    for bits in widths:
        found.append(word & (1 << bits) - 1)
        word >>= bits
    return found


def _is(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {'number' if kind is int else 'true or false'}")
    return value


def _bytes32(text: str) -> bytes:
    found = bytes.fromhex(text.removeprefix("0x"))
    if len(found) != 32:
        raise ValueError(f"{text} is not 32 bytes")
    return found
