"""The tree over the readings of a segment, in which each node vouches for the summary of what is below it.

    tree = Tree(readings, segment.shape)
    tree.root, tree.summary
    tree.proof(17)                               # for Telemetry.verifyReading
    tree.words(2, 0), tree.hash_at(2, 0)         # what a node vouches for, and its hash

Levels are merged as columns (numpy), so that a gateway on one core makes tens of thousands of readings a
second into signed segments. Hashes and words are those of contracts/libraries (SummaryTree, SummaryMerge,
Histogram).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from goldthread.chain.segments import Shape, Step
from goldthread.hashing import keccak
from goldthread.rules.readings import Reading
from goldthread.rules.summaries import DEGREE, ENTRIES, Excursion, Limit, Summary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column = NDArray[np.int64]
    Matrix = NDArray[np.uint8]

WORD = 32


@dataclass
class _Level:
    """The summaries of a level, a column for each field; `weights` has a row for each vertex."""

    start: Column
    end: Column
    count: Column
    longest_step: Column
    low: Column
    high: Column
    last: Column
    sum: Column
    excursions: list[dict[str, Column]]
    weights: Column

    def columns(self) -> list[tuple[dict[str, Column], str]]:
        fields = vars(self)
        plain = [(fields, name) for name in fields if name not in ("excursions", "weights")]
        return plain + [(excursion, name) for excursion in self.excursions for name in excursion]


class Tree:
    """The tree over readings, for a segment of this shape; `ValueError` if there is no reading.

    What the shape does not tell about is not in the summaries: weights at other vertices, other limits.
    """

    def __init__(self, readings: Sequence[Reading], shape: Shape) -> None:
        if not readings:
            raise ValueError("a tree has at least one reading")
        self._shape = shape
        self._count = len(readings)
        level = _bottom(readings, shape)
        self._levels = [_leaves(level, shape.seq)]
        self._summaries: list[bytes] = [b""]
        self._hashes: list[list[bytes]] = [[]]
        size = WORD * len(shape)
        while len(below := self._levels[-1]) > 1:
            pairs = len(below) // 2
            merged = _merged(level, shape, pairs)
            data = _packed(merged, shape)
            hashes = [keccak(data[at : at + size]) for at in range(0, len(data), size)]
            left, right = below[0 : 2 * pairs : 2], below[1::2]
            nodes = [keccak(b"\x01" + a + b + s) for a, b, s in zip(left, right, hashes, strict=True)]
            self._summaries.append(data)
            self._hashes.append(hashes)
            self._levels.append(nodes + below[2 * pairs :])
            level = _with_odd(merged, level, pairs)
        self._top = level

    @property
    def root(self) -> bytes:
        """The hash that stands for all readings and what is said of them."""
        return self._levels[-1][0]

    @property
    def height(self) -> int:
        """Of the root; readings are at 0."""
        return len(self._levels) - 1

    @property
    def summary(self) -> Summary:
        """Of all readings. Without the limits that none was beyond, as segments tell it."""
        top, shape = self._top, self._shape
        told = [
            Excursion(limit, *(int(column[0]) for column in found.values()))
            for limit, found in zip(shape.limits, top.excursions, strict=True)
        ]
        entries = None
        if shape.vertices is not None:
            weights = zip(shape.vertices, map(int, top.weights[:, 0]), strict=True)
            entries = tuple((vertex, weight) for vertex, weight in weights if weight)
        return Summary(
            from_=int(top.start[0]),
            to=int(top.end[0]),
            count=int(top.count[0]),
            max_interval=int(top.longest_step[0]),
            min=int(top.low[0]),
            max=int(top.high[0]),
            last=int(top.last[0]),
            sum=int(top.sum[0]),
            excursions=tuple(e for e in told if e.runs),
            histogram=entries,
        )

    def hash_at(self, height: int, place: int) -> bytes:
        """The hash of a node; `IndexError` for one that is not there."""
        if not (0 <= height < len(self._levels) and 0 <= place < len(self._levels[height])):
            raise IndexError(f"node {place} at height {height}: there is none")
        return self._levels[height][place]

    def has_children(self, height: int, place: int) -> bool:
        """Are there two nodes below it? A node without a neighbour moved up from further down."""
        return height > 0 and 2 * place + 1 < len(self._levels[height - 1])

    def words(self, height: int, place: int) -> list[int]:
        """The summary that a node with two others below it vouches for."""
        size = WORD * len(self._shape)
        data = self._summaries[height][place * size : place * size + size]
        return [int.from_bytes(data[at : at + WORD], "big") for at in range(0, size, WORD)]

    def proof(self, index: int) -> list[Step]:
        """The way from a reading up to the root; `IndexError` for a reading that is not there."""
        if not 0 <= index < self._count:
            raise IndexError(f"reading {index}: the tree has readings 0 to {self._count - 1}")
        return self.way(0, index)

    def way(self, height: int, place: int) -> list[Step]:
        """The way from any node up to the root."""
        found = []
        for level in range(height, self.height):
            if place ^ 1 < len(self._levels[level]):
                found.append(Step(self._levels[level][place ^ 1], self._hashes[level + 1][place // 2]))
            place //= 2
        return found


def reached(readings: Sequence[Reading], limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """The limits that some reading was beyond, in their order."""
    values = [reading.value for reading in readings]
    low, high = min(values), max(values)
    return tuple(limit for limit in sorted(set(limits)) if limit.is_beyond(high if limit.high else low))


def vertices(readings: Sequence[Reading]) -> tuple[int, ...]:
    """The whole degrees that readings weigh on; `ValueError` for a reading outside of what a histogram can
    tell of.
    """
    for reading in readings:
        if not -128 * DEGREE <= reading.value <= 127 * DEGREE:
            raise ValueError(
                f"value {reading.value} at {reading.time} is outside of what a histogram can tell of"
            )
    values = {reading.value for reading in readings[:-1]}
    return tuple(sorted({v // DEGREE for v in values} | {-(-v // DEGREE) for v in values}))


def _bottom(readings: Sequence[Reading], shape: Shape) -> _Level:
    times = np.fromiter((r.time for r in readings), np.int64, len(readings))
    values = np.fromiter((r.value for r in readings), np.int64, len(readings))
    if np.any(np.diff(times) <= 0):
        raise ValueError("each reading must be later than the one before")
    nothing = np.zeros_like(times)
    names = "first", "prefix", "suffix", "longest", "total"
    excursions = [
        {**dict.fromkeys(names, nothing), "runs": _beyond(limit, values).astype(np.int64)}
        for limit in shape.limits
    ]
    weights = np.zeros((len(shape.vertices or ()), len(times)), np.int64)
    return _Level(times, times, nothing + 1, nothing, values, values, values, values, excursions, weights)


def _leaves(level: _Level, seq: int) -> list[bytes]:
    """0x00 ‖ index ‖ time ‖ value ‖ seq"""
    count = len(level.start)
    data = np.zeros((count, 18), np.uint8)
    _put(data, 5, 4, np.arange(count, dtype=np.int64))
    _put(data, 10, 5, level.start)
    _put(data, 14, 4, level.last)
    _put(data, 18, 4, np.full(count, seq, np.int64))
    plain = data.tobytes()
    return [keccak(plain[at : at + 18]) for at in range(0, len(plain), 18)]


def _merged(level: _Level, shape: Shape, pairs: int) -> _Level:
    """The summary of each pair of neighbours."""
    a, b = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    start, end = level.start, level.end
    between = start[b] - end[a]
    excursions = [
        _merged_excursion(limit, level, found, pairs)
        for limit, found in zip(shape.limits, level.excursions, strict=True)
    ]
    weights = level.weights[:, a] + level.weights[:, b]
    vertex, share = level.last[a] // DEGREE, level.last[a] % DEGREE
    for row, at in enumerate(shape.vertices or ()):
        weights[row] += np.where(vertex == at, (DEGREE - share) * between, 0)
        weights[row] += np.where(vertex + 1 == at, share * between, 0)
    steps = np.maximum(np.maximum(level.longest_step[a], level.longest_step[b]), between)
    return _Level(
        start[a],
        end[b],
        level.count[a] + level.count[b],
        steps,
        np.minimum(level.low[a], level.low[b]),
        np.maximum(level.high[a], level.high[b]),
        level.last[b],
        level.sum[a] + level.sum[b],
        excursions,
        weights,
    )


def _merged_excursion(limit: Limit, level: _Level, found: dict[str, Column], pairs: int) -> dict[str, Column]:
    a, b = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    x, y = ({name: column[part] for name, column in found.items()} for part in (a, b))
    start, end = level.start, level.end
    before, after = end[a] - start[a], end[b] - start[b]
    beyond, later = _beyond(limit, level.last[a]), _beyond(limit, level.last[b])
    starts = (y["runs"] > 0) & (y["first"] == 0)
    held = np.where(beyond, start[b] - end[a], 0)
    joined = held + np.where(starts, y["prefix"], 0)
    carried = np.where(beyond, x["suffix"], 0)
    late = np.where(y["runs"] > 0, start[b] - start[a] + y["first"], 0)
    always = beyond & (x["total"] == before)
    throughout = later & (y["total"] == after)
    return {
        "first": np.where(x["runs"] > 0, x["first"], late),
        "prefix": np.where(always, before + joined, x["prefix"]),
        "suffix": np.where(throughout, after + held + carried, y["suffix"]),
        "longest": np.maximum(np.maximum(x["longest"], y["longest"]), carried + joined),
        "total": x["total"] + held + y["total"],
        "runs": x["runs"] + y["runs"] - (beyond & starts),
    }


def _with_odd(merged: _Level, level: _Level, pairs: int) -> _Level:
    """With the node that has no neighbour, if there is one."""
    if 2 * pairs == len(level.start):
        return merged
    for (to, name), (of, _) in zip(merged.columns(), level.columns(), strict=True):
        to[name] = np.append(to[name], of[name][-1])
    merged.weights = np.append(merged.weights, level.weights[:, -1:], axis=1)
    return merged


def _packed(level: _Level, shape: Shape) -> bytes:
    """The words of each summary, one after the other."""
    rows = len(level.start)
    data = np.zeros((rows, WORD * len(shape)), np.uint8)
    frame, values = WORD, 2 * WORD
    _put(data, frame, 2, np.full(rows, shape.quantity, np.int64))
    _put(data, frame - 2, 4, np.full(rows, shape.seq, np.int64))
    _put(data, frame - 6, 5, level.start)
    _put(data, frame - 11, 5, level.end)
    _put(data, frame - 16, 4, level.count)
    _put(data, frame - 20, 4, level.longest_step)
    _put(data, values, 4, level.low)
    _put(data, values - 4, 4, level.high)
    _put(data, values - 8, 4, level.last)
    _put(data, values - 12, 8, level.sum)
    at = values
    for limit, found in zip(shape.limits, level.excursions, strict=True):
        at += WORD
        _put(data, at, 4, np.full(rows, limit.value, np.int64))
        data[:, at - 5] = limit.high
        for place, name in enumerate(("first", "prefix", "suffix", "longest", "total")):
            _put(data, at - 5 - 4 * place, 4, found[name])
        _put(data, at - 25, 2, found["runs"])
    for place, vertex in enumerate(shape.vertices or ()):
        entry = at + WORD * (place // ENTRIES + 1) - 5 * (place % ENTRIES)
        data[:, entry - 1] = vertex & 0xFF
        _put(data, entry - 1, 4, level.weights[place])
    return data.tobytes()


def _put(data: Matrix, end: int, width: int, column: Column) -> None:
    """Write the lowest bytes of each number, big-endian, up to the byte `end`."""
    wide = column.astype(">i8").view(np.uint8).reshape(-1, 8)
    data[:, end - width : end] = wide[:, 8 - width :]


def _beyond(limit: Limit, values: Column) -> NDArray[np.bool_]:
    return values >= limit.value if limit.high else values <= limit.value
