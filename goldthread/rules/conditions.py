"""Was it kept cold, dry, still? The rules of the contract Conditions, over summaries and over single
readings.

A reading holds until the next one and is beyond a limit when it is at it or past it. More than the policy's
`max_interval` between two readings is a gap, which counts as beyond every limit. Times are unix seconds,
durations seconds, values in the unit of the quantity (`goldthread.rules.readings`).

`summarise` and `merge` are what makes segments possible: a summary says enough about its readings that every
rule can be judged without them, and two neighbours merge into the summary of both. `Judge` judges summaries
as the contract does; `judge_readings` judges the readings themselves, written down another way. Both must
find the same rules broken, first crossed at the same second, however the readings are cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from itertools import pairwise

from goldthread.rules.readings import Reading

SILENCE = 15
"""The rule number that stands for too long a silence."""

MAX_RULES = 8


class Kind(IntEnum):
    """What a rule looks at."""

    INSTANT = 0
    CONSECUTIVE = 1
    CUMULATIVE = 2
    GAP = 3


@dataclass(frozen=True, order=True)
class Limit:
    """A threshold on one side: `high` at or above it, otherwise at or below it."""

    high: bool
    value: int

    def is_beyond(self, value: int) -> bool:
        """True if the value is at the limit or past it."""
        return value >= self.value if self.high else value <= self.value


@dataclass(frozen=True)
class Rule:
    """One limit of a policy.

    `limit` is 0 on the low side for GAP, `duration` 0 for INSTANT and at least 1 otherwise, `severity` 1
    minor, 2 major, 3 critical.
    """

    kind: Kind
    quantity: int
    limit: Limit
    duration: int
    severity: int

    def pack(self) -> int:
        """The word in which the contract takes it (type `Rule`); `ValueError` for one that it refuses."""
        self._check()
        fields = (
            (self.limit.value & 0xFFFFFFFF, 0),
            (int(self.limit.high), 32),
            (self.kind, 40),
            (self.quantity, 48),
            (self.duration, 64),
            (self.severity, 96),
        )
        return sum(value << shift for value, shift in fields)

    @classmethod
    def unpack(cls, word: int) -> Rule:
        """From the contract's word."""
        return cls(
            Kind(word >> 40 & 0xFF),
            word >> 48 & 0xFFFF,
            Limit(bool(word >> 32 & 0xFF), signed(word, 32)),
            word >> 64 & 0xFFFFFFFF,
            word >> 96 & 0xFF,
        )

    def _check(self) -> None:
        rules = {
            "limit": -(1 << 31) <= self.limit.value < 1 << 31,
            "quantity": 0 <= self.quantity < 1 << 16,
            "duration": 0 <= self.duration < 1 << 32 and (self.kind is Kind.INSTANT) == (self.duration == 0),
            "severity": 1 <= self.severity <= 3,
            "limit of a gap": self.kind is not Kind.GAP or self.limit == Limit(False, 0),
        }
        if wrong := [name for name, holds in rules.items() if not holds]:
            raise ValueError(f"{self}: {', '.join(wrong)} is not allowed")


@dataclass(frozen=True)
class Policy:
    """Limits on one twin by one organisation, as IConditions has them."""

    subject: bytes
    setter: int
    version: int
    start: int
    max_interval: int
    max_silence: int
    devices: tuple[bytes, ...]
    rules: tuple[Rule, ...]

    def limits(self, quantity: int) -> tuple[Limit, ...]:
        """The limits that a segment on this quantity must have an excursion for."""
        return limits_of(rule for rule in self.rules if rule.quantity == quantity)

    def to_contract(self) -> tuple[object, ...]:
        """The policy as an argument of the contract's functions."""
        rules = [rule.pack() for rule in self.rules]
        numbers = (self.setter, self.version, self.start, self.max_interval, self.max_silence)
        return (self.subject, *numbers, list(self.devices), rules)


@dataclass(frozen=True)
class Excursion:
    """How long the readings of a summary were beyond one limit, in seconds.

    `first` counts from the first reading to the first one beyond the limit, `prefix` is the time beyond it
    without a break from the first reading on, `suffix` up to the last reading, `longest` the longest without
    a break.
    """

    limit: Limit
    first: int = 0
    prefix: int = 0
    suffix: int = 0
    longest: int = 0
    total: int = 0

    def pack(self) -> int:
        """The word in which the contracts take it (type `Excursion`)."""
        times = (self.first, self.prefix, self.suffix, self.longest, self.total)
        if any(not 0 <= time < 1 << 32 for time in times):
            raise ValueError(f"{self}: a time does not fit into 32 bits")
        word = self.limit.value & 0xFFFFFFFF | int(self.limit.high) << 32
        return word | sum(time << 40 + 32 * place for place, time in enumerate(times))

    @classmethod
    def unpack(cls, word: int) -> Excursion:
        """From the contracts' word."""
        times = [word >> 40 + 32 * place & 0xFFFFFFFF for place in range(5)]
        return cls(Limit(bool(word >> 32 & 0xFF), signed(word, 32)), *times)


@dataclass(frozen=True)
class Summary:
    """What the rules need to know of consecutive readings. `from_` and `to` are times of the first and last.

    `excursions` has one entry for each limit that somebody judges by and some reading was beyond.
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


def limits_of(rules: Iterable[Rule]) -> tuple[Limit, ...]:
    """The different limits of rules, in order."""
    return tuple(sorted({rule.limit for rule in rules if rule.kind is not Kind.GAP}))


def summarise(readings: Sequence[Reading], limits: Sequence[Limit]) -> Summary:
    """The summary of readings in their order; `ValueError` for none."""
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
            _excursion(limit, readings) for limit in limits if any(map(limit.is_beyond, values))
        ),
    )


def merge(a: Summary, b: Summary) -> Summary:
    """The summary of the readings of `a` followed by those of `b`.

    `ValueError` if they do not follow each other, `KeyError` if one lacks a limit that its readings passed.
    """
    if b.from_ <= a.to:
        raise ValueError(f"readings from {b.from_} on do not come after readings up to {a.to}")
    limits = sorted({e.limit for e in (*a.excursions, *b.excursions)})
    between = b.from_ - a.to
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


@dataclass(frozen=True)
class Breach:
    """A broken rule. `rule` is its place in the policy or `SILENCE`; the rest as in IConditions.

    How far the readings went (`extreme`, `time`) is as of the end of the segment that showed it, and with
    single readings as of the reading.
    """

    rule: int
    first_crossing: int
    extreme: int
    time: int
    seq: int


@dataclass(frozen=True)
class Tally:
    """What a rule has counted: seconds of the running excursion (CONSECUTIVE) or of all, and the first
    crossing in seconds after the policy's start plus one (0: never).
    """

    time: int = 0
    onset: int = 0


@dataclass(frozen=True)
class Track:
    """Where the judging of one device and quantity stands."""

    seq: int = 0
    to: int = 0
    min: int = 0
    max: int = 0
    last: int = 0
    latched: int = 0
    tallies: tuple[Tally, ...] = (Tally(),) * MAX_RULES
    breaches: Mapping[int, Breach] = field(default_factory=dict)


class JudgeError(ValueError):
    """A summary that the contract would refuse to judge. `error` is the name of its error."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(f"{error}: {message}")
        self.error = error


@dataclass(frozen=True)
class Judge:
    """The contract's way: judges summaries in order, for one quantity of one policy."""

    policy: Policy
    quantity: int

    def step(self, track: Track, seq: int, s: Summary, now: int | None = None) -> Track:
        """The track after one more summary, judged at the second `now` (its own end, unless said otherwise).

        Raises `JudgeError` for one that is not the next, starts before the policy or has a gap inside.
        """
        policy = self.policy
        if s.max_interval > policy.max_interval:
            raise JudgeError(
                "GapInside", f"{s.max_interval} s between readings, at most {policy.max_interval}"
            )
        if track.seq == 0:
            if s.from_ < policy.start:
                raise JudgeError("BeforeStart", f"starts at {s.from_}, the policy at {policy.start}")
            track = replace(track, to=policy.start, min=s.min, max=s.max)
            held = False
        elif seq != track.seq + 1:
            raise JudgeError("NotNextToJudge", f"segment {seq}, expected {track.seq + 1}")
        else:
            held = True
        low, high = min(track.min, s.min), max(track.max, s.max)
        latched, breaches, tallies = track.latched, dict(track.breaches), list(track.tallies)
        for place, rule in enumerate(policy.rules):
            if rule.quantity != self.quantity:
                continue
            broken, time, tallies[place] = self._apply(rule, s, track, tallies[place], held)
            if broken and not latched >> place & 1:
                extreme = 0 if rule.kind is Kind.GAP else high if rule.limit.high else low
                crossing = policy.start + tallies[place].onset - 1
                breaches[place] = Breach(place, crossing, extreme, time, seq)
        if silence := self._silence(track, s.to if now is None else now):
            breaches[SILENCE] = silence
        latched = sum(1 << rule for rule in breaches)
        return Track(seq, s.to, low, high, s.last, latched, tuple(tallies), breaches)

    def mark_silent(self, track: Track, now: int) -> Track:
        """The track after somebody has said that the device is silent; `JudgeError` if it is not."""
        if track.latched >> SILENCE & 1:
            raise JudgeError("AlreadyMarked", "the silence was marked before")
        since = track.to if track.seq else self.policy.start
        silence = self._silence(replace(track, to=since), now)
        if silence is None:
            raise JudgeError("NotSilent", f"may be silent until {since + self.policy.max_silence}")
        breaches = {**track.breaches, SILENCE: silence}
        return replace(track, latched=track.latched | 1 << SILENCE, breaches=breaches)

    def _apply(
        self, rule: Rule, s: Summary, track: Track, tally: Tally, held: bool
    ) -> tuple[bool, int, Tally]:
        """Is the rule broken by now, the seconds that count towards it, and what it has counted."""
        since = s.from_ - track.to
        gap = since > self.policy.max_interval
        onset = tally.onset
        if gap and onset == 0:
            onset = track.to - self.policy.start + 1
        if rule.kind is Kind.GAP:
            time = tally.time + (since if gap else 0)
            return time >= rule.duration, time, Tally(time, onset)
        try:
            e = s.excursion(rule.limit)
        except KeyError:
            raise JudgeError("ExcursionMissing", f"nothing about {rule.limit}") from None
        beyond = s.ever_beyond(rule.limit)
        if beyond and onset == 0:
            onset = s.from_ + e.first - self.policy.start + 1
        if rule.kind is Kind.INSTANT:
            return gap or beyond, 0, Tally(tally.time, onset)
        # The newest reading held until this summary's first one; in a gap nobody knows, so it counts.
        before = since if gap or (held and rule.limit.is_beyond(track.last)) else 0
        if rule.kind is Kind.CUMULATIVE:
            time = tally.time + before + e.total
            return time >= rule.duration, time, Tally(time, onset)
        run = tally.time + before + (e.prefix if s.starts_beyond(rule.limit) else 0)
        running = run if s.always_beyond(rule.limit) else e.suffix if rule.limit.is_beyond(s.last) else 0
        time = max(run, e.longest)
        return time >= rule.duration, time, Tally(running, onset)

    def _silence(self, track: Track, now: int) -> Breach | None:
        most = self.policy.max_silence
        if most == 0 or track.latched >> SILENCE & 1 or now <= track.to + most:
            return None
        return Breach(SILENCE, track.to, 0, now - track.to, 0)


def judge_readings(policy: Policy, quantity: int, readings: Sequence[Reading]) -> dict[int, Breach]:
    """The broken rules of a policy, straight from the readings of one device: nothing is cut or summarised.

    `seq` of a breach is the place of the reading that showed it, counted from 1. Silence is not looked at.
    """
    found: dict[int, Breach] = {}
    for place, rule in enumerate(policy.rules):
        if rule.quantity == quantity and (breach := _judge_rule(policy, place, rule, readings)):
            found[place] = breach
    return found


def _judge_rule(policy: Policy, place: int, rule: Rule, readings: Sequence[Reading]) -> Breach | None:
    crossing: int | None = None
    counted = 0
    low = high = 0
    for number, reading in enumerate(readings, 1):
        before = readings[number - 2] if number > 1 else None
        since = before.time if before else policy.start
        seconds = reading.time - since
        gap = seconds > policy.max_interval
        low, high = (min(low, reading.value), max(high, reading.value)) if before else (reading.value,) * 2
        if rule.kind is Kind.GAP:
            beyond_before, beyond_now = gap, False
        else:
            beyond_before = gap or (before is not None and rule.limit.is_beyond(before.value))
            beyond_now = rule.limit.is_beyond(reading.value)
        if crossing is None and gap:
            crossing = since
        if crossing is None and beyond_now:
            crossing = reading.time
        if beyond_before:
            counted += seconds
        broken = (gap or beyond_now) if rule.kind is Kind.INSTANT else counted >= rule.duration
        if broken and crossing is not None:
            extreme = 0 if rule.kind is Kind.GAP else high if rule.limit.high else low
            return Breach(place, crossing, extreme, 0 if rule.kind is Kind.INSTANT else counted, number)
        if rule.kind is Kind.CONSECUTIVE and not beyond_now:
            counted = 0
    return None


def signed(word: int, bits: int) -> int:
    """The lowest bits of a word as a two's complement number."""
    value = word & (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def _excursion(limit: Limit, readings: Sequence[Reading]) -> Excursion:
    start, end = readings[0].time, readings[-1].time
    prefix = suffix = longest = total = 0
    first: int | None = None
    since: int | None = None

    for number, reading in enumerate(readings):
        if limit.is_beyond(reading.value):
            since = reading.time if since is None else since
            first = reading.time - start if first is None else first
        if since is None or (limit.is_beyond(reading.value) and number < len(readings) - 1):
            continue
        run = reading.time - since
        longest = max(longest, run)
        total += run
        if since == start:
            prefix = run
        if reading.time == end and limit.is_beyond(reading.value):
            suffix = run
        since = None
    return Excursion(limit, first or 0, prefix, suffix, longest, total)


def _merge(a: Summary, b: Summary, limit: Limit) -> Excursion:
    x, y = a.excursion(limit), b.excursion(limit)
    between = b.from_ - a.to
    held = between if limit.is_beyond(a.last) else 0
    joined = held + (y.prefix if b.starts_beyond(limit) else 0)
    later = b.from_ - a.from_ + y.first if b.ever_beyond(limit) else 0
    return Excursion(
        limit=limit,
        first=x.first if a.ever_beyond(limit) else later,
        prefix=a.duration + joined if a.always_beyond(limit) else x.prefix,
        suffix=b.duration + held + (x.suffix if held else 0) if b.always_beyond(limit) else y.suffix,
        longest=max(x.longest, y.longest, x.suffix + joined if held else joined),
        total=x.total + held + y.total,
    )
