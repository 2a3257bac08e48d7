"""Segments as a device makes them, written from the words in contracts/libraries and the text of ITelemetry.

    segment = build(device, subject, seq=1, readings=[Reading(t, 512), ...], limits=[Limit(800, high=True)])

A reading holds until the next one; the last one of a segment has not held for any time yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models import bits

TEMPERATURE = 1
HUMIDITY = 2

SEGMENT_TYPE = keccak(
    text="Segment(bytes32 device,bytes32 subject,"
    "uint256 frame,uint256 values,uint256[] excursions,bytes32 root)"
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

    @property
    def word(self) -> int:
        return bits.join((*self.limit, *self[1:]), (32, 8, 32, 32, 32, 32, 32))

    @classmethod
    def of(cls, word: int) -> Excursion:
        limit, high, *times = bits.split(word, (32, 8, 32, 32, 32, 32, 32))
        return cls(Limit(bits.signed(limit, 32), high != 0), *times)


class Segment(NamedTuple):
    """As `ITelemetry.Segment`."""

    device: bytes
    subject: bytes
    frame: int
    values: int
    excursions: tuple[int, ...]
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


def build(
    device: bytes,
    subject: bytes,
    *,
    seq: int,
    readings: Sequence[Reading],
    limits: Iterable[Limit] = (),
    quantity: int = TEMPERATURE,
) -> Segment:
    """An honest segment of at least one reading."""
    times, values = [r.time for r in readings], [r.value for r in readings]
    most = max((b - a for a, b in pairwise(times)), default=0)
    reached = sorted({limit for limit in limits if any(map(limit.beyond, values))}, key=order)
    return Segment(
        device,
        subject,
        Frame(quantity, seq, times[0], times[-1], len(readings), most).word,
        Values(min(values), max(values), values[-1], sum(values)).word,
        tuple(excursion(limit, readings).word for limit in reached),
        Tree(readings).root,
    )


def order(limit: Limit) -> tuple[bool, int]:
    """In which excursions are told: low sides first."""
    return limit.high, limit.value


def excursion(limit: Limit, readings: Sequence[Reading]) -> Excursion:
    """For a limit that some reading is beyond."""
    begin = readings[0].time
    first = next(r.time for r in readings if limit.beyond(r.value)) - begin
    found = list(runs(limit, readings))
    lengths = [until - since for since, until in found]
    still = limit.beyond(readings[-1].value)
    return Excursion(
        limit,
        first,
        prefix=lengths[0] if found[0][0] == begin else 0,
        suffix=lengths[-1] if still else 0,
        longest=max(lengths),
        total=sum(lengths),
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


class Tree:
    """The Merkle tree over readings. A node without a neighbour moves up as it is."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self.levels = [[leaf(index, reading) for index, reading in enumerate(readings)]]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append([parent(below[i : i + 2]) for i in range(0, len(below), 2)])

    @property
    def root(self) -> bytes:
        return self.levels[-1][0]

    def proof(self, index: int) -> list[bytes]:
        """The hashes beside the way from a leaf to the root."""
        found = []
        for level in self.levels[:-1]:
            found += level[index ^ 1 : (index ^ 1) + 1]
            index //= 2
        return found


def leaf(index: int, reading: Reading) -> bytes:
    time, value = reading.time.to_bytes(5, "big"), reading.value.to_bytes(4, "big", signed=True)
    return keccak(b"\x00" + index.to_bytes(4, "big") + time + value)


def parent(pair: Sequence[bytes]) -> bytes:
    return pair[0] if len(pair) == 1 else keccak(b"\x01" + min(pair) + max(pair))


def digest_of(segment: Segment, telemetry: str, chain_id: int) -> bytes:
    """What the device signs, for that Telemetry contract on that chain."""
    names = keccak(text="Goldthread Telemetry"), keccak(text="1")
    domain = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "address"], [DOMAIN_TYPE, *names, chain_id, telemetry]
    )
    excursions = b"".join(word.to_bytes(32, "big") for word in segment.excursions)
    struct = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "uint256", "bytes32", "bytes32"],
        [SEGMENT_TYPE, *segment[:4], keccak(excursions), segment.root],
    )
    return keccak(b"\x19\x01" + keccak(domain) + keccak(struct))
