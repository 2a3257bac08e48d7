"""Segments as a device makes them, written from the words in contracts/libraries and the text of ITelemetry.

    segment = build(device, subject, seq=1, readings=[Reading(t, 512), ...], limits=[Limit(800, high=True)])

A reading holds until the next one; the last one of a segment has not held for any time yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models import bits

TEMPERATURE = 1
HUMIDITY = 2

SEGMENT_TYPE = keccak(
    text="Segment(bytes32 device,bytes32 subject,"
    "uint256 frame,uint256 values,uint256[] excursions,uint256[] histogram,bytes32 root)"
)
DOMAIN_TYPE = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)


class Reading(NamedTuple):
    """A value and when it was measured."""

    time: int
    value: int


class Limit(NamedTuple):
    """High: at or above it is beyond it. Low: at or below."""

    value: int
    high: bool

    def beyond(self, value: int) -> bool:
        return value >= self.value if self.high else value <= self.value


class Frame(NamedTuple):
    """When a segment was measured."""

    quantity: int
    seq: int
    start: int
    end: int
    count: int
    max_interval: int

    @property
    def duration(self) -> int:
        return self.end - self.start

    @property
    def word(self) -> int:
        return bits.join(self, (16, 32, 40, 40, 32, 32))

    @classmethod
    def of(cls, word: int) -> Frame:
        return cls(*bits.split(word, (16, 32, 40, 40, 32, 32)))


class Standing(NamedTuple):
    """What is said when a segment is judged."""

    quantity: int
    seq: int
    latched: int
    heat: int

    @property
    def word(self) -> int:
        return bits.join(self, (16, 32, 16, 64))

    @classmethod
    def of(cls, word: int) -> Standing:
        return cls(*bits.split(word, (16, 32, 16, 64)))


class Values(NamedTuple):
    """What it measured."""

    min: int
    max: int
    last: int
    sum: int

    @property
    def word(self) -> int:
        return bits.join(self, (32, 32, 32, 64))

    @classmethod
    def of(cls, word: int) -> Values:
        *readings, total = bits.split(word, (32, 32, 32, 64))
        return cls(*(bits.signed(value, 32) for value in readings), bits.signed(total, 64))


class Excursion(NamedTuple):
    """How long it was beyond a limit."""

    limit: Limit
    first: int
    prefix: int
    suffix: int
    longest: int
    total: int
    runs: int

    @property
    def word(self) -> int:
        return bits.join((*self.limit, *self[1:]), (32, 8, 32, 32, 32, 32, 32, 16))

    @classmethod
    def of(cls, word: int) -> Excursion:
        limit, high, *rest = bits.split(word, (32, 8, 32, 32, 32, 32, 32, 16))
        return cls(Limit(bits.signed(limit, 32), high != 0), *rest)


class Segment(NamedTuple):
    """As `ITelemetry.Segment`."""

    device: bytes
    subject: bytes
    frame: int
    values: int
    excursions: tuple[int, ...]
    histogram: tuple[int, ...]
    root: bytes

    @property
    def key(self) -> tuple[bytes, bytes, int]:
        """The stream to which it belongs."""
        return self.device, self.subject, Frame.of(self.frame).quantity

    def with_frame(self, **fields: int) -> Segment:
        return self._replace(frame=Frame.of(self.frame)._replace(**fields).word)

    def with_values(self, **fields: int) -> Segment:
        return self._replace(values=Values.of(self.values)._replace(**fields).word)

    def with_excursion(self, place: int = 0, **fields: Any) -> Segment:
        """With one of the excursions changed."""
        words = list(self.excursions)
        words[place] = Excursion.of(words[place])._replace(**fields).word
        return self._replace(excursions=tuple(words))

    def with_histogram(self, weights: Mapping[int, int]) -> Segment:
        """With another histogram."""
        return self._replace(histogram=histogram_words(weights))

    @property
    def limits(self) -> list[Limit]:
        """Those that it tells about."""
        return [Excursion.of(word).limit for word in self.excursions]

    @property
    def summary(self) -> list[int]:
        """What the node at the top of its tree vouches for."""
        return [self.frame, self.values, *self.excursions, *self.histogram]


def build(
    device: bytes,
    subject: bytes,
    *,
    seq: int,
    readings: Sequence[Reading],
    limits: Iterable[Limit] = (),
    quantity: int = TEMPERATURE,
    histogram: bool = False,
) -> Segment:
    """An honest segment of at least one reading."""
    values = [r.value for r in readings]
    reached = sorted({limit for limit in limits if any(map(limit.beyond, values))}, key=order)
    weights = binned(readings) if histogram else {}
    frame, middle, *words = summary(readings, seq, reached, weights, quantity)
    told = tuple(words[: len(reached)])
    segment = Segment(device, subject, frame, middle, told, histogram_words(weights), bytes(32))
    return segment._replace(root=Tree.of(segment, readings).root)


def summary(
    readings: Sequence[Reading], seq: int, limits: Sequence[Limit], vertices: Iterable[int], quantity: int
) -> list[int]:
    """Frame, values, excursions and histogram of these readings, over these limits and vertices."""
    times, values = [r.time for r in readings], [r.value for r in readings]
    most = max((b - a for a, b in pairwise(times)), default=0)
    weights = binned(readings)
    return [
        Frame(quantity, seq, times[0], times[-1], len(readings), most).word,
        Values(min(values), max(values), values[-1], sum(values)).word,
        *(excursion(limit, readings).word for limit in limits),
        *histogram_words({vertex: weights.get(vertex, 0) for vertex in vertices}),
    ]


def binned(readings: Sequence[Reading]) -> dict[int, int]:
    """Hundredths of a second at each whole degree; of a reading between two the nearer gets more."""
    weights: dict[int, int] = {}
    for before, after in pairwise(readings):
        degree, share = divmod(before.value, 100)
        for vertex, parts in ((degree, 100 - share), (degree + 1, share)):
            if parts:
                weights[vertex] = weights.get(vertex, 0) + parts * (after.time - before.time)
    return weights


def histogram_words(weights: Mapping[int, int]) -> tuple[int, ...]:
    """Six vertices with their weights to a word."""
    fields = [field for vertex in sorted(weights) for field in (vertex, weights[vertex])]
    fields += [0] * (-len(fields) % 12)
    return tuple(bits.join(fields[i : i + 12], (8, 32) * 6) for i in range(0, len(fields), 12))


def vertices_of(words: Sequence[int]) -> list[int]:
    """The vertices of a segment's histogram, which have weight there."""
    fields = [field for word in words for field in bits.split(word, (8, 32) * 6)]
    return [bits.signed(v, 8) for v, weight in zip(fields[::2], fields[1::2], strict=True) if weight]


def order(limit: Limit) -> tuple[bool, int]:
    """In which excursions are told: low sides first."""
    return limit.high, limit.value


def excursion(limit: Limit, readings: Sequence[Reading]) -> Excursion:
    """All zero for a limit that no reading is beyond."""
    begin = readings[0].time
    found = list(runs(limit, readings))
    if not found:
        return Excursion(limit, 0, 0, 0, 0, 0, 0)
    lengths = [until - since for since, until in found]
    still = limit.beyond(readings[-1].value)
    return Excursion(
        limit,
        first=found[0][0] - begin,
        prefix=lengths[0] if found[0][0] == begin else 0,
        suffix=lengths[-1] if still else 0,
        longest=max(lengths),
        total=sum(lengths),
        runs=len(found),
    )


def runs(limit: Limit, readings: Sequence[Reading]) -> Iterator[tuple[int, int]]:
    """Each stretch beyond the limit: from its first reading to the one that ended it, or to the last one."""
    since: int | None = None
    for reading in readings:
        if since is None and limit.beyond(reading.value):
            since = reading.time
        elif since is not None and not limit.beyond(reading.value):
            yield since, reading.time
            since = None
    if since is not None:
        yield since, readings[-1].time


class Step(NamedTuple):
    """One level on the way up, as `SummaryTree.Step`."""

    neighbour: bytes
    summary: bytes


class Tree:
    """The tree over readings. A node without a neighbour moves up as it is."""

    def __init__(
        self,
        readings: Sequence[Reading],
        seq: int = 1,
        limits: Sequence[Limit] = (),
        vertices: Sequence[int] = (),
        quantity: int = TEMPERATURE,
    ) -> None:
        self.readings, self.about = readings, (seq, limits, vertices, quantity)
        self.levels = [self.bottom()]
        while len(below := self.levels[-1]) > 1:
            height = len(self.levels)
            nodes = [
                parent(below[i], below[i + 1], hashed(self.summary(height, i // 2)))
                for i in range(0, len(below) - 1, 2)
            ]
            self.levels.append(nodes + below[len(below) // 2 * 2 :])

    @classmethod
    def of(cls, segment: Segment, readings: Sequence[Reading]) -> Tree:
        """Over the limits and vertices of a segment."""
        frame = Frame.of(segment.frame)
        return cls(readings, frame.seq, segment.limits, vertices_of(segment.histogram), frame.quantity)

    def bottom(self) -> list[bytes]:
        """The leaves."""
        return [leaf(index, reading, self.about[0]) for index, reading in enumerate(self.readings)]

    @property
    def root(self) -> bytes:
        return self.levels[-1][0]

    def below(self, height: int, place: int) -> Sequence[Reading]:
        """The readings below a node."""
        return self.readings[place << height : (place + 1) << height]

    def summary(self, height: int, place: int) -> list[int]:
        """What a node vouches for."""
        return summary(self.below(height, place), *self.about)

    def proof(self, place: int, height: int = 0) -> list[Step]:
        """The way from a node, or a leaf, to the root."""
        found = []
        for level in range(height, len(self.levels) - 1):
            beside = place ^ 1
            if beside < len(self.levels[level]):
                above = hashed(self.summary(level + 1, place // 2))
                found.append(Step(self.levels[level][beside], above))
            place //= 2
        return found


def leaf(index: int, reading: Reading, seq: int) -> bytes:
    time, value = reading.time.to_bytes(5, "big"), reading.value.to_bytes(4, "big", signed=True)
    return keccak(b"\x00" + index.to_bytes(4, "big") + time + value + seq.to_bytes(4, "big"))


def hashed(words: Iterable[int]) -> bytes:
    """Hash of a summary."""
    return keccak(b"".join(word.to_bytes(32, "big") for word in words))


def parent(left: bytes, right: bytes, summary: bytes) -> bytes:
    return keccak(b"\x01" + left + right + summary)


def digest_of(segment: Segment, telemetry: str, chain_id: int) -> bytes:
    """What the device signs, for that Telemetry contract on that chain."""
    names = keccak(text="Goldthread Telemetry"), keccak(text="1")
    domain = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "address"], [DOMAIN_TYPE, *names, chain_id, telemetry]
    )
    struct = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "uint256", "bytes32", "bytes32", "bytes32"],
        [SEGMENT_TYPE, *segment[:4], hashed(segment.excursions), hashed(segment.histogram), segment.root],
    )
    return keccak(b"\x19\x01" + keccak(domain) + keccak(struct))
