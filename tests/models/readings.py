"""What the rules of a policy say of raw readings: nothing is cut, summarised or carried.

Written from the domain's text. Between two readings the first one holds. A stretch longer than the policy's
`max_interval` is a gap: nobody knows, so it counts as beyond every limit, high and low. So does a long
stretch from the policy's start to the first reading, before which nothing holds, or what held at the start.
At a limit is beyond it. A reading within a limit ends the run beyond it.

Devices end segments at gaps and tell of every limit. What they do not say counts as the worst: of such a
segment only the last reading is known (`known`).

The mean kinetic temperature is over time, not over readings, and is looked at where a segment ends: `Course`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any, NamedTuple

from tests.models import bits
from tests.models.mkt import FULL, chain_total, chain_weight
from tests.models.segments import TEMPERATURE, Limit, Reading

UNKNOWN: Any = None
"""The value of a reading that nobody knows: beyond every limit, and as long as it holds it is a gap."""


class RuleKind(IntEnum):
    """`IConditions.RuleKind`."""

    INSTANT = 0
    CONSECUTIVE = 1
    CUMULATIVE = 2
    GAP = 3
    BAND_BUDGET = 4
    MKT = 5
    COUNT = 6
    SEQUENCE = 7


WIDTHS = (32, 8, 8, 16, 32, 8, 32)
"""Of the fields of a rule, from the lowest bit up."""


class Rule(NamedTuple):
    """One limit of a policy; `limit` means nothing for GAP. `upper` is where a band ends, or 1 for an MKT of
    the newest `duration` only.
    """

    kind: RuleKind
    limit: Limit = Limit(0, False)
    duration: int = 0
    severity: int = 2
    quantity: int = TEMPERATURE
    upper: int = 0

    @property
    def word(self) -> int:
        fields = *self.limit, self.kind, self.quantity, self.duration, self.severity, self.upper
        return bits.join(fields, WIDTHS)

    @classmethod
    def of(cls, word: int) -> Rule:
        limit, high, kind, quantity, duration, severity, upper = bits.split(word, WIDTHS)
        side = Limit(bits.signed(limit, 32), high != 0)
        return cls(RuleKind(kind), side, duration, severity, quantity, bits.signed(upper, 32))

    @property
    def limits(self) -> list[Limit]:
        """What a segment must tell about."""
        if self.kind in (RuleKind.GAP, RuleKind.MKT, RuleKind.SEQUENCE):
            return []
        return [self.limit, *([self.end] if self.kind == RuleKind.BAND_BUDGET else [])]

    @property
    def end(self) -> Limit:
        """Of the band."""
        return Limit(self.upper, high=True)

    @property
    def good(self) -> int:
        """A reading within the limit, next to it."""
        return self.limit.value + (-1 if self.limit.high else 1)

    def beyond(self, value: int | None) -> bool:
        """What a reading at its moment says."""
        return value is None or (self.kind != RuleKind.GAP and self.limit.beyond(value))

    def counts(self, value: int | None) -> bool:
        """Does the time count for which such a reading holds?"""
        above = self.kind == RuleKind.BAND_BUDGET and value is not None and self.end.beyond(value)
        return self.beyond(value) and not above


@dataclass(frozen=True)
class Stretch:
    """The time before a reading."""

    since: int
    until: int
    beyond: bool
    """The limit, or nobody knows."""
    counts: bool
    gap: bool

    @property
    def seconds(self) -> int:
        return self.until - self.since


@dataclass(frozen=True)
class Finding:
    """What a rule says of readings."""

    broken: bool
    onset: int | None
    """When the quantity first crossed the limit."""
    reached: int
    """Seconds that count towards the duration, or excursions."""
    running: int
    """Of these, those that later readings can add to."""


def judge(
    rule: Rule, readings: Sequence[Reading], start: int, max_interval: int, held: int | None = None
) -> Finding:
    """Judge at least one reading, all of them since the policy's start.

    `held` is the value at the start, if one is known.
    """
    stretches = _stretches(rule, readings, start, max_interval, held)
    crossings = [s.since for s in stretches if s.beyond] + [r.time for r in readings if rule.beyond(r.value)]
    onset = min(crossings, default=None)
    if rule.kind == RuleKind.INSTANT:
        broken = any(s.gap for s in stretches) or any(rule.beyond(r.value) for r in readings)
        return Finding(broken, onset, 0, 0)
    if rule.kind == RuleKind.CONSECUTIVE:
        runs = _runs(rule, stretches, readings)
        reached, running = max(runs), runs[-1]
    elif rule.kind == RuleKind.COUNT:
        reached = running = _excursions(rule, stretches, readings)
    else:
        reached = running = sum(s.seconds for s in stretches if s.counts)
    return Finding(reached >= rule.duration, onset, reached, running)


def known(
    rule: Rule,
    segment: Sequence[Reading],
    told: Collection[Limit],
    max_interval: int,
    falsified: bool = False,
) -> list[Reading]:
    """What a segment's readings say to a rule, if the segment tells of these limits."""
    first, last = segment[0], segment[-1]
    torn = falsified or any(b.time - a.time > max_interval for a, b in pairwise(segment))
    silent = rule.limit not in told and any(rule.beyond(reading.value) for reading in segment)
    if rule.kind == RuleKind.BAND_BUDGET and not torn:
        return _known_of_band(rule, segment, told, silent)
    if not torn and not (silent and len(segment) > 1):
        return list(segment)
    if rule.kind == RuleKind.COUNT:
        # Each reading as a run of its own, the first perhaps of one before; how it ends is known.
        alternating = [Reading(r.time, v) for r in segment for v in (UNKNOWN, rule.good)]
        return [*alternating[:-1], last]
    return [Reading(first.time, UNKNOWN), last]


def _known_of_band(
    rule: Rule, segment: Sequence[Reading], told: Collection[Limit], silent: bool
) -> list[Reading]:
    """The worst is that a reading is in the band, unless it is told, or all of them say, that it is above."""
    if all(rule.end.beyond(reading.value) for reading in segment):
        return list(segment)

    def seen(value: int) -> int:
        if rule.end.beyond(value):
            return value if rule.end in told else UNKNOWN
        return UNKNOWN if silent else value

    return [*(Reading(r.time, seen(r.value)) for r in segment[:-1]), segment[-1]]


def _stretches(
    rule: Rule, readings: Sequence[Reading], start: int, max_interval: int, held: int | None
) -> list[Stretch]:
    """One before each reading."""
    nothing = held is None
    found, since, value = [], start, held
    for reading in readings:
        gap = reading.time - since > max_interval
        beyond = gap or (not nothing and rule.beyond(value))
        counts = gap or (not nothing and rule.counts(value))
        found.append(Stretch(since, reading.time, beyond, counts, gap))
        since, value, nothing = reading.time, reading.value, False
    return found


def _runs(rule: Rule, stretches: Sequence[Stretch], readings: Sequence[Reading]) -> list[int]:
    """Seconds of each run beyond the limit; the last one is the one that still goes on, 0 if none does."""
    runs = [0]
    for stretch, reading in zip(stretches, readings, strict=True):
        if stretch.counts:
            runs[-1] += stretch.seconds
        if not rule.beyond(reading.value):
            runs.append(0)
    return runs


def _excursions(rule: Rule, stretches: Sequence[Stretch], readings: Sequence[Reading]) -> int:
    """How many runs there are, of time or of single readings."""
    moments = []
    for stretch, reading in zip(stretches, readings, strict=True):
        moments += [stretch.beyond, rule.beyond(reading.value)]
    return sum(here and not before for before, here in zip([False, *moments], moments, strict=False))


# Mean kinetic temperature


class Told(NamedTuple):
    """A segment: its readings, the limits that it tells of, and whether it has a histogram and was no lie."""

    readings: Sequence[Reading]
    limits: Collection[Limit]
    histogram: bool = False
    falsified: bool = False


class Course:
    """How hot it was under a policy, segment by segment, where the hottest that can be is taken.

    `begun` are the readings of the last segment that began before the policy. `spans` has for each segment
    the temperatures in hundredths of a degree and for how long, from the last reading of the segment before
    on; `ends` the times of the last readings.
    """

    def __init__(
        self, segments: Sequence[Told], start: int, max_interval: int, begun: Sequence[Reading] = ()
    ) -> None:
        self.start = self.since = start
        self.opening: list[tuple[int, int]] = []
        self.spans: list[list[tuple[int, int]]] = []
        self.ends: list[int] = []
        value = None
        if begun:
            value, self.since = begun[-1].value, max(start, begun[-1].time)
            self.opening = [(max(r.value for r in begun), self.since - start)]
        since = self.since
        counted: list[int] = []
        for segment in segments:
            first, values = segment.readings[0], [r.value for r in segment.readings]
            wait = first.time - since
            if value is None or wait > max_interval:
                value = max([*counted, *([begun[-1].value] if begun else [])], default=max(values))
            counted += values
            span = [(value, wait)]
            torn = any(b.time - a.time > max_interval for a, b in pairwise(segment.readings))
            if segment.histogram and not torn and not segment.falsified:
                span += [(a.value, b.time - a.time) for a, b in pairwise(segment.readings)]
            else:
                hottest = max(counted if torn or segment.falsified else values)
                span.append((hottest, segment.readings[-1].time - first.time))
            self.spans.append(span)
            since, value = segment.readings[-1].time, values[-1]
            self.ends.append(since)

    def heat_of(self, segments: int) -> int:
        """Of the first so many, as the chain counts."""
        spans = [self.opening, *self.spans[:segments]]
        return chain_total(held for span in spans for held in span)

    @property
    def heat(self) -> int:
        return self.heat_of(len(self.spans))

    def window(self, duration: int) -> tuple[int, int]:
        """Total and beginning of the newest 24 parts of a window, by whole segments."""
        if not self.ends:
            return 0, 0
        ticks = [(end - self.start) * 24 // duration for end in self.ends]
        first = next(i for i, tick in enumerate(ticks) if tick > ticks[-1] - 24)
        since = self.ends[first - 1] if first else self.since
        return FULL if self.heat == FULL else self.heat - self.heat_of(first), since

    def judge(self, rule: Rule) -> Finding:
        """At the end of the newest segment; `onset` is when the time began that the mean is over."""
        total, since = self.window(rule.duration) if rule.upper else (self.heat, self.start)
        seconds = self.ends[-1] - since
        above = total == FULL or total > 100 * seconds * chain_weight(rule.limit.value // 100)
        broken = self.ends[-1] - self.start >= rule.duration and above
        return Finding(broken, since, seconds, 0)
