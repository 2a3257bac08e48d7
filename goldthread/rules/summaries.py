"""What a segment tells of its readings, so that they need not be told themselves.

A reading holds until the next one and is beyond a limit when it is at it or past it. Times are unix seconds,
durations seconds, values in the unit of the quantity (`goldthread.rules.readings`). A summary says enough
about its readings that every rule can be judged without them, and two neighbours merge into the summary of
both: how a stream of readings is cut into segments changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from goldthread.rules.readings import Reading

DEGREE = 100
"""Units between two vertices of a histogram: a whole degree in hundredths."""

ENTRIES = 6
"""Entries of a histogram in one of the contracts' words."""


@dataclass(frozen=True, order=True)
class Limit:
    """A threshold on one side: `high` at or above it, otherwise at or below it."""

    high: bool
    value: int

    def is_beyond(self, value: int) -> bool:
        """True if the value is at the limit or past it."""
        return value >= self.value if self.high else value <= self.value


@dataclass(frozen=True)
class Excursion:
    """How long the readings of a summary were beyond one limit, in seconds.

    `first` counts from the first reading to the first one beyond the limit, `prefix` is the time beyond it
    without a break from the first reading on, `suffix` up to the last reading, `longest` the longest without
    a break. `runs` counts the stretches beyond it, also one that goes on at the end.
    """

    limit: Limit
    first: int = 0
    prefix: int = 0
    suffix: int = 0
    longest: int = 0
    total: int = 0
    runs: int = 0

    @classmethod
    def whole(cls, limit: Limit, duration: int, runs: int = 1) -> Excursion:
        """Beyond the limit from end to end, in so many runs."""
        return cls(limit, 0, duration, duration, duration, duration, runs)

    def pack(self) -> int:
        """The word in which the contracts take it (type `Excursion`)."""
        times = (self.first, self.prefix, self.suffix, self.longest, self.total)
        if any(not 0 <= time < 1 << 32 for time in times):
            raise ValueError(f"{self}: a time does not fit into 32 bits")
        if not 0 <= self.runs < 1 << 16:
            raise ValueError(f"{self}: runs does not fit into 16 bits, make the segment shorter")
        word = self.limit.value & 0xFFFFFFFF | int(self.limit.high) << 32 | self.runs << 200
        return word | sum(time << 40 + 32 * place for place, time in enumerate(times))

    @classmethod
    def unpack(cls, word: int) -> Excursion:
        """From the contracts' word."""
        numbers = [word >> 40 + 32 * place & 0xFFFFFFFF for place in range(5)]
        numbers.append(word >> 200 & 0xFFFF)
        return cls(Limit(bool(word >> 32 & 0xFF), signed(word, 32)), *numbers)


@dataclass(frozen=True)
class Summary:
    """What the rules need to know of consecutive readings. `from_` and `to` are times of the first and last.

    `excursions` has one entry for each limit that somebody judges by and some reading was beyond.
    `histogram` has a weight in hundredths of a second for each whole degree (100 units) that readings were
    near, in rising order; None: not told.
    """

    from_: int
    to: int
    count: int
    max_interval: int
    min: int
    max: int
    last: int
    sum: int
    excursions: tuple[Excursion, ...]
    histogram: tuple[tuple[int, int], ...] | None = None

    @property
    def duration(self) -> int:
        """Seconds from the first to the last reading."""
        return self.to - self.from_

    def excursion(self, limit: Limit) -> Excursion:
        """The excursion beyond a limit; `KeyError` if there was one and the summary does not tell of it."""
        for found in self.excursions:
            if found.limit == limit:
                return found
        if self.ever_beyond(limit):
            raise KeyError(limit)
        return Excursion(limit)

    def ever_beyond(self, limit: Limit) -> bool:
        """True if some reading was beyond the limit."""
        return limit.is_beyond(self.max if limit.high else self.min)

    def starts_beyond(self, limit: Limit) -> bool:
        """True if the first reading was beyond the limit."""
        return self.ever_beyond(limit) and self.excursion(limit).first == 0

    def always_beyond(self, limit: Limit) -> bool:
        """True if every reading was beyond the limit."""
        return limit.is_beyond(self.last) and self.excursion(limit).total == self.duration


def summarise(readings: Sequence[Reading], limits: Sequence[Limit], *, histogram: bool = False) -> Summary:
    """The summary of readings in their order; `ValueError` for none, and for a reading outside of what a
    histogram can tell of where one is asked for.
    """
    if not readings:
        raise ValueError("there are no readings to summarise")
    values = [reading.value for reading in readings]
    steps = [b.time - a.time for a, b in pairwise(readings)]
    if any(step <= 0 for step in steps):
        raise ValueError("each reading must be later than the one before")
    return Summary(
        from_=readings[0].time,
        to=readings[-1].time,
        count=len(readings),
        max_interval=max(steps, default=0),
        min=min(values),
        max=max(values),
        last=values[-1],
        sum=sum(values),
        excursions=tuple(
            _excursion(limit, readings)
            for limit in sorted(set(limits))
            if limit.is_beyond(max(values) if limit.high else min(values))
        ),
        histogram=_histogram(readings) if histogram else None,
    )


def held(value: int, seconds: int) -> list[tuple[int, int]]:
    """What a reading adds to a histogram by holding for so long: weights on the whole degrees beside it."""
    vertex, share = divmod(value, DEGREE)
    weights = [(vertex, (DEGREE - share) * seconds), (vertex + 1, share * seconds)]
    return [(at, weight) for at, weight in weights if weight]


def pack_histogram(entries: Sequence[tuple[int, int]]) -> list[int]:
    """The words in which the contracts take it (library `Histogram`); `ValueError` for what does not fit."""
    words = [0] * -(-len(entries) // ENTRIES)
    for place, (vertex, weight) in enumerate(entries):
        if not -128 <= vertex <= 127 or not 0 <= weight < 1 << 32:
            raise ValueError(f"{weight} hundredths of a second at vertex {vertex} do not fit into an entry")
        words[place // ENTRIES] |= (vertex & 0xFF | weight << 8) << 40 * (place % ENTRIES)
    return words


def unpack_histogram(words: Sequence[int]) -> list[tuple[int, int]]:
    """From the contracts' words."""
    entries = [word >> 40 * place & (1 << 40) - 1 for word in words for place in range(ENTRIES)]
    return [(signed(entry, 8), entry >> 8) for entry in entries if entry]


def merge(a: Summary, b: Summary) -> Summary:
    """The summary of the readings of `a` followed by those of `b`.

    `ValueError` if they do not follow each other, `KeyError` if one lacks a limit that its readings passed.
    """
    if b.from_ <= a.to:
        raise ValueError(f"readings from {b.from_} on do not come after readings up to {a.to}")
    if (a.histogram is None) != (b.histogram is None):
        raise ValueError("only one of the two tells a histogram")
    limits = sorted({e.limit for e in (*a.excursions, *b.excursions)})
    between = b.from_ - a.to
    weights = (
        None
        if a.histogram is None or b.histogram is None
        else _added((*a.histogram, *held(a.last, between), *b.histogram))
    )
    return Summary(
        from_=a.from_,
        to=b.to,
        count=a.count + b.count,
        max_interval=max(a.max_interval, b.max_interval, between),
        min=min(a.min, b.min),
        max=max(a.max, b.max),
        last=b.last,
        sum=a.sum + b.sum,
        excursions=tuple(_merge(a, b, limit) for limit in limits),
        histogram=weights,
    )


def cut_at_gaps(
    readings: Sequence[Reading], max_interval: int, most: int | None = None
) -> list[list[Reading]]:
    """Readings in parts with no gap inside and at most `most` readings each, as segments must be."""
    parts: list[list[Reading]] = []
    for reading in readings:
        part = parts[-1] if parts else None
        if part is None or reading.time - part[-1].time > max_interval or len(part) == most:
            parts.append([reading])
        else:
            part.append(reading)
    return parts


def signed(word: int, bits: int) -> int:
    """The lowest bits of a word as a two's complement number."""
    value = word & (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def _excursion(limit: Limit, readings: Sequence[Reading]) -> Excursion:
    start, end = readings[0].time, readings[-1].time
    prefix = suffix = longest = total = 0
    runs = 0
    first: int | None = None
    since: int | None = None
    for number, reading in enumerate(readings):
        if limit.is_beyond(reading.value):
            since = reading.time if since is None else since
            first = reading.time - start if first is None else first
        if since is None or (limit.is_beyond(reading.value) and number < len(readings) - 1):
            continue
        run = reading.time - since
        runs += 1
        longest = max(longest, run)
        total += run
        if since == start:
            prefix = run
        if reading.time == end and limit.is_beyond(reading.value):
            suffix = run
        since = None
    return Excursion(limit, first or 0, prefix, suffix, longest, total, runs)


def _histogram(readings: Sequence[Reading]) -> tuple[tuple[int, int], ...]:
    for reading in readings:
        if not -128 * DEGREE <= reading.value <= 127 * DEGREE:
            raise ValueError(
                f"value {reading.value} at {reading.time} is outside of what a histogram can tell of"
            )
    return _added(
        entry
        for before, after in pairwise(readings)
        for entry in held(before.value, after.time - before.time)
    )


def _added(entries: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    weights: Counter[int] = Counter()
    for vertex, weight in entries:
        weights[vertex] += weight
    return tuple(sorted(weights.items()))


def _merge(a: Summary, b: Summary, limit: Limit) -> Excursion:
    x, y = a.excursion(limit), b.excursion(limit)
    between = b.from_ - a.to
    beyond = limit.is_beyond(a.last)
    seconds = between if beyond else 0
    joined = seconds + (y.prefix if b.starts_beyond(limit) else 0)
    later = b.from_ - a.from_ + y.first if b.ever_beyond(limit) else 0
    return Excursion(
        limit=limit,
        first=x.first if a.ever_beyond(limit) else later,
        prefix=a.duration + joined if a.always_beyond(limit) else x.prefix,
        suffix=b.duration + seconds + (x.suffix if beyond else 0) if b.always_beyond(limit) else y.suffix,
        longest=max(x.longest, y.longest, x.suffix + joined if beyond else joined),
        total=x.total + seconds + y.total,
        runs=x.runs + y.runs - (1 if beyond and b.starts_beyond(limit) else 0),
    )
