"""What the rules of a policy say of raw readings: nothing is cut, summarised or carried.

Written from the domain's text. Between two readings the first one holds. A stretch longer than the policy's
`max_interval` is a gap: nobody knows, so it counts as beyond every limit, high and low. So does a long stretch from
the policy's start to the first reading; before that nothing holds. At a limit is beyond it. A reading within a
limit ends the run beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from tests.models import bits
from tests.models.segments import TEMPERATURE, Limit, Reading


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


@dataclass(frozen=True)
class Stretch:
    """The time before a reading."""

    since: int
    until: int
    held: int | None
    """The value of the reading before, None if there is none."""
    gap: bool

    @property
    def seconds(self) -> int:
        return self.until - self.since

    def counts(self, rule: Rule) -> bool:
        if self.gap or rule.kind == RuleKind.GAP:
            return self.gap
        return self.held is not None and rule.limit.beyond(self.held)


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


def judge(rule: Rule, readings: Sequence[Reading], start: int, max_interval: int) -> Finding:
    """Judge at least one reading, all of them since the policy's start."""
    stretches = stretches_of(readings, start, max_interval)
    crossings = [s.since for s in stretches if s.gap]
    if rule.kind != RuleKind.GAP:
        crossings += [r.time for r in readings if rule.limit.beyond(r.value)]
    onset = min(crossings, default=None)
    if rule.kind == RuleKind.INSTANT:
        return Finding(onset is not None, onset, 0, 0)
    if rule.kind == RuleKind.CONSECUTIVE:
        runs = _runs(rule, stretches, readings)
        reached, running = max(runs), runs[-1]
    else:
        reached = running = sum(s.seconds for s in stretches if s.counts(rule))
    return Finding(reached >= rule.duration, onset, reached, running)


def stretches_of(readings: Sequence[Reading], start: int, max_interval: int) -> list[Stretch]:
    """One before each reading."""
    befores: list[tuple[int, int | None]] = [(start, None), *readings[:-1]]
    return [
        Stretch(since, reading.time, held, gap=reading.time - since > max_interval)
        for (since, held), reading in zip(befores, readings, strict=True)
    ]


def _runs(rule: Rule, stretches: Sequence[Stretch], readings: Sequence[Reading]) -> list[int]:
    """Seconds of each run beyond the limit; the last one is the one that still goes on, 0 if none does."""
    runs = [0]
    for stretch, reading in zip(stretches, readings, strict=True):
        if stretch.counts(rule):
            runs[-1] += stretch.seconds
        if not rule.limit.beyond(reading.value):
            runs.append(0)
    return runs
