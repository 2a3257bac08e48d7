"""What the rules of a policy say of raw readings: nothing is cut, summarised or carried.

Written from the domain's text. Between two readings the first one holds. A stretch longer than the policy's
`max_interval` is a gap: nobody knows, so it counts as beyond every limit, high and low. So does a long
stretch from the policy's start to the first reading, before which nothing holds, or what held at the start.
At a limit is beyond it. A reading within a limit ends the run beyond it.

Devices end segments at gaps and tell of every limit. What they do not say counts as the worst: of such a
segment only the last reading is known (`known`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any, NamedTuple

from tests.models import bits
from tests.models.segments import TEMPERATURE, Limit, Reading

UNKNOWN: Any = None
"""The value of a reading that nobody knows: beyond every limit, and as long as it holds it is a gap."""


class RuleKind(IntEnum):
    """`IConditions.RuleKind`."""

    INSTANT = 0
    CONSECUTIVE = 1
    CUMULATIVE = 2
    GAP = 3


class Rule(NamedTuple):
    """One limit of a policy; `limit` means nothing for GAP."""

    kind: RuleKind
    limit: Limit = Limit(0, False)
    duration: int = 0
    severity: int = 2
    quantity: int = TEMPERATURE

    @property
    def word(self) -> int:
        fields = *self.limit, self.kind, self.quantity, self.duration, self.severity
        return bits.join(fields, (32, 8, 8, 16, 32, 8))

    @classmethod
    def of(cls, word: int) -> Rule:
        limit, high, kind, quantity, duration, severity = bits.split(word, (32, 8, 8, 16, 32, 8))
        return cls(RuleKind(kind), Limit(bits.signed(limit, 32), high != 0), duration, severity, quantity)

    def beyond(self, value: int | None) -> bool:
        """What a reading at its moment says."""
        return value is UNKNOWN or (self.kind != RuleKind.GAP and self.limit.beyond(value))


@dataclass(frozen=True)
class Stretch:
    """The time before a reading."""

    since: int
    until: int
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
    """Seconds that count towards the duration."""
    running: int
    """Of these, those that later readings can add to."""


def judge(
    rule: Rule, readings: Sequence[Reading], start: int, max_interval: int, held: int | None = None
) -> Finding:
    """Judge at least one reading, all of them since the policy's start.

    `held` is the value at the start, if one is known.
    """
    stretches = _stretches(rule, readings, start, max_interval, held)
    crossings = [s.since for s in stretches if s.counts] + [r.time for r in readings if rule.beyond(r.value)]
    onset = min(crossings, default=None)
    if rule.kind == RuleKind.INSTANT:
        broken = any(s.gap for s in stretches) or any(rule.beyond(r.value) for r in readings)
        return Finding(broken, onset, 0, 0)
    if rule.kind == RuleKind.CONSECUTIVE:
        runs = _runs(rule, stretches, readings)
        reached, running = max(runs), runs[-1]
    else:
        reached = running = sum(s.seconds for s in stretches if s.counts)
    return Finding(reached >= rule.duration, onset, reached, running)


def known(
    rule: Rule, segment: Sequence[Reading], told: Collection[Limit], max_interval: int
) -> list[Reading]:
    """What a segment's readings say to a rule, if the segment tells of these limits."""
    first, last = segment[0], segment[-1]
    torn = any(b.time - a.time > max_interval for a, b in pairwise(segment))
    silent = rule.limit not in told and any(rule.beyond(reading.value) for reading in segment)
    unknown = len(segment) > 1 and (torn or silent)
    return [Reading(first.time, UNKNOWN), last] if unknown else list(segment)


def _stretches(
    rule: Rule, readings: Sequence[Reading], start: int, max_interval: int, held: int | None
) -> list[Stretch]:
    """One before each reading."""
    nothing = held is None
    found, since, value = [], start, held
    for reading in readings:
        gap = reading.time - since > max_interval
        counts = gap or (not nothing and rule.beyond(value))
        found.append(Stretch(since, reading.time, counts, gap))
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
