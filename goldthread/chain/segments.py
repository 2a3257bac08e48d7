"""Segments: the readings of a device summarised, committed to by the root of a tree, and signed.

`build` makes them from readings, `Segment.digest` is what the device signs, `Tree` proves a single reading.
The words are those of contracts/libraries (SegmentWords, Excursion, Histogram), the hashes those of
SummaryTree there: each node vouches for the summary of the readings below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from goldthread.chain import eip712, merkle
from goldthread.hashing import keccak
from goldthread.rules.readings import Reading
from goldthread.rules.summaries import (
    ENTRIES,
    Excursion,
    Limit,
    Summary,
    cut_at_gaps,
    pack_histogram,
    signed,
)

MAX_EXCURSIONS = 16
"""Most limits that a segment can tell about."""

MAX_VERTICES = 64
"""Most whole degrees in the histogram of a segment."""


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
class Standing:
    """What the event SegmentJudged says: the segment, the rules broken by then (a bit each) and the heat."""

    quantity: int
    seq: int
    latched: int
    heat: int

    @classmethod
    def unpack(cls, word: int) -> Standing:
        """From the event's word."""
        return cls(*_unpack(word, (16, 32, 16, 64)))


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

    @property
    def shape(self) -> Shape:
        """What the summaries in its tree have."""
        s = self.summary
        vertices = None if s.histogram is None else tuple(vertex for vertex, _ in s.histogram)
        return Shape(self.quantity, self.seq, tuple(e.limit for e in s.excursions), vertices)

    def words(self) -> list[int]:
        """The words of its summary, which the top of its tree vouches for."""
        message = self.message()
        return [message["frame"], message["values"], *message["excursions"], *message["histogram"]]

    def message(self) -> dict[str, Any]:
        """What the device signs, by field; `ValueError` if something does not fit into the contract's
        words.
        """
        s = self.summary
        if (count := len(s.excursions)) > MAX_EXCURSIONS:
            raise ValueError(f"{count} limits were crossed, a segment tells about {MAX_EXCURSIONS} at most")
        if (count := len(s.histogram or ())) > MAX_VERTICES:
            raise ValueError(f"readings near {count} degrees, a histogram tells of {MAX_VERTICES} at most")
        return {
            "device": self.device,
            "subject": self.subject,
            "frame": self.frame.pack(),
            "values": self.values.pack(),
            "excursions": [excursion.pack() for excursion in s.excursions],
            "histogram": pack_histogram(s.histogram or ()),
            "root": self.root,
        }

    def to_contract(self) -> tuple[Any, ...]:
        """The segment as an argument of the contracts' functions."""
        return eip712.as_tuple("Segment", self.message())

    def digest(self, where: eip712.Domain) -> bytes:
        """The 32 bytes that the device signs for the module Telemetry at this domain.

        The same as `eip712.digest`, a hundred times as fast: all fields are words already.
        """
        message = self.message()
        fields = [_word(message["frame"]), _word(message["values"])]
        fields += [keccak(b"".join(map(_word, message[name]))) for name in ("excursions", "histogram")]
        parts = eip712.type_hash("Segment"), self.device, self.subject, *fields, self.root
        return keccak(b"\x19\x01" + where.separator + keccak(b"".join(parts)))


class Step(NamedTuple):
    """One level on the way from a node up to the root: the hash beside it, and that of the summary above."""

    neighbour: bytes
    summary: bytes

    def to_json(self) -> dict[str, str]:
        """For a file."""
        return {"neighbour": f"0x{self.neighbour.hex()}", "summary": f"0x{self.summary.hex()}"}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Step:
        """Read `to_json` back; `ValueError` or `KeyError` for something else."""
        return cls(_bytes32(data["neighbour"]), _bytes32(data["summary"]))


@dataclass(frozen=True)
class Shape:
    """What all summaries in a tree share: quantity and number of the segment, the limits and the vertices
    that it tells about.
    """

    quantity: int
    seq: int
    limits: tuple[Limit, ...] = ()
    vertices: tuple[int, ...] | None = None

    def __len__(self) -> int:
        """Words of a summary."""
        return 2 + len(self.limits) + -(-len(self.vertices or ()) // ENTRIES)


def leaf(index: int, reading: Reading, seq: int) -> bytes:
    """Hash of a reading with its place in the segment `seq` of its stream."""
    time = reading.time.to_bytes(5, "big")
    value = reading.value.to_bytes(4, "big", signed=True)
    return merkle.leaf(merkle.READING, index, time + value + seq.to_bytes(4, "big"))


def node(left: bytes, right: bytes, summary: bytes) -> bytes:
    """Hash of two hashes in their order, and of the summary that the node vouches for."""
    return keccak(bytes([merkle.NODE]) + left + right + summary)


def hash_of(words: Sequence[int]) -> bytes:
    """Hash of a summary's words."""
    return keccak(b"".join(map(_word, words)))


def is_in(segment: Segment, index: int, reading: Reading, proof: Sequence[Step]) -> bool:
    """Is the reading one of the segment's? As Telemetry.verifyReading decides."""
    top = summary = hash_of(segment.words())
    place, size, way = index, segment.summary.count, iter(proof)
    if not 0 <= place < size:
        return False
    found = leaf(index, reading, segment.seq)
    while size > 1:
        if place ^ 1 < size:
            step = next(way, None)
            if step is None:
                return False
            summary = step.summary
            pair = (found, step.neighbour) if place % 2 == 0 else (step.neighbour, found)
            found = node(*pair, summary)
        place, size = place // 2, (size + 1) // 2
    return next(way, None) is None and summary == top and found == segment.root


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
    histogram: bool = False,
) -> list[tuple[Segment, list[Reading]]]:
    """Segments with the readings of each, numbered from `first_seq`.

    Readings are cut where more than `max_interval` seconds lie between two (a policy judges no segment with a
    gap inside), and after `most` readings. With `histogram` they tell one. `ValueError` if something does not
    fit into the contract's words.
    """
    from goldthread.chain.summary_tree import Tree, reached, vertices

    whole = readings[-1].time - readings[0].time if readings else 0
    parts = cut_at_gaps(readings, whole if max_interval is None else max_interval, most)
    segments = []
    for seq, part in enumerate(parts, first_seq):
        shape = Shape(quantity, seq, reached(part, limits), vertices(part) if histogram else None)
        tree = Tree(part, shape)
        segment = Segment(device, subject, quantity, seq, tree.summary, tree.root)
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
                "runs": e.runs,
            }
            for e in s.excursions
        ],
        "histogram": None if s.histogram is None else [list(entry) for entry in s.histogram],
        "root": f"0x{segment.root.hex()}",
        "readings": [[reading.time, reading.value] for reading in readings],
    }


def from_json(data: Mapping[str, Any]) -> tuple[Segment, list[Reading]]:
    """Read `to_json` back; `ValueError` that names the field which is missing or wrong."""
    try:
        excursions = tuple(
            Excursion(
                Limit(_is(e["high"], bool), _is(e["limit"], int)),
                *(_is(e[name], int) for name in ("first", "prefix", "suffix", "longest", "total", "runs")),
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
            histogram=_entries(data["histogram"]),
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


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


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


def _entries(data: Any) -> tuple[tuple[int, int], ...] | None:
    return None if data is None else tuple((_is(vertex, int), _is(weight, int)) for vertex, weight in data)


def _bytes32(text: str) -> bytes:
    found = bytes.fromhex(text.removeprefix("0x"))
    if len(found) != 32:
        raise ValueError(f"{text} is not 32 bytes")
    return found
