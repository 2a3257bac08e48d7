"""Was it kept cold, dry, still? The rules of the contract Conditions, over summaries and single readings.

More than the policy's `max_interval` between two readings is a gap, which counts as beyond every limit. Times
are unix seconds, durations seconds, values in the unit of the quantity (`goldthread.rules.readings`).

`Judge` judges summaries as the contract does; `judge_readings` judges the readings themselves, written down
another way. Both must find the same rules broken, first crossed at the same second, however the readings are
cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from goldthread.rules import mkt
from goldthread.rules.readings import INT32_MAX, INT32_MIN, Reading
from goldthread.rules.summaries import Excursion, Limit, Summary, signed

__all__ = [
    "MAX_RULES",
    "SILENCE",
    "Breach",
    "Judge",
    "JudgeError",
    "Kind",
    "Limit",
    "Policy",
    "Rule",
    "Tally",
    "Track",
    "judge_readings",
    "limits_of",
]

FALSIFIED = 14
"""The rule number that stands for a segment that is a proven lie."""

SILENCE = 15
"""The rule number that stands for too long a silence."""

MAX_RULES = 8

MAX_COUNT = (1 << 16) - 1
"""Most excursions that a COUNT rule allows for."""

TEMPERATURE = 1
"""The quantity that an MKT is of."""

CURRENT = 3
"""The best state of a device's firmware (IFirmware.State)."""

TICKS = 24
"""Parts of a rolling window."""


class Kind(IntEnum):
    """What a rule looks at."""

    INSTANT = 0
    CONSECUTIVE = 1
    CUMULATIVE = 2
    GAP = 3
    BAND_BUDGET = 4
    MKT = 5
    COUNT = 6
    SEQUENCE = 7


@dataclass(frozen=True)
class Rule:
    """One limit of a policy.

    `limit` is 0 on the low side for GAP and on the high side for BAND_BUDGET and MKT; for SEQUENCE it is the
    best state of firmware that is not good enough, on the low side. `duration` is 0 for INSTANT and SEQUENCE,
    the number of excursions for COUNT, and otherwise seconds: for MKT those that the mean is over. `severity`
    is 1 minor, 2 major, 3 critical. `upper` is the end of the band for BAND_BUDGET, 1 for an MKT over a
    rolling window of the duration instead of all time, 1 for a SEQUENCE that refuses such a device, and 0
    otherwise.
    """

    kind: Kind
    quantity: int
    limit: Limit
    duration: int
    severity: int
    upper: int = 0

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What a segment must have excursions for."""
        if self.kind in (Kind.GAP, Kind.MKT, Kind.SEQUENCE):
            return ()
        if self.kind is Kind.BAND_BUDGET:
            return self.limit, Limit(True, self.upper)
        return (self.limit,)

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
            (self.upper & 0xFFFFFFFF, 104),
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
            signed(word >> 104, 32),
        )

    def _check(self) -> None:
        mean, band = self.kind is Kind.MKT, self.kind is Kind.BAND_BUDGET
        upper = {
            Kind.BAND_BUDGET: self.limit.value < self.upper <= INT32_MAX,
            Kind.MKT: self.upper in (0, 1),
            Kind.SEQUENCE: self.upper in (0, 1),
        }
        instantly = self.kind in (Kind.INSTANT, Kind.SEQUENCE)
        most = MAX_COUNT if self.kind is Kind.COUNT else (1 << 32) - 1
        rules = {
            "limit": INT32_MIN <= self.limit.value <= INT32_MAX,
            "quantity": 0 <= self.quantity < 1 << 16,
            "duration": 0 <= self.duration <= most and instantly == (self.duration == 0),
            "severity": 1 <= self.severity <= 3,
            "limit of a gap": self.kind is not Kind.GAP or self.limit == Limit(False, 0),
            "low side": self.limit.high or not (mean or band),
            "limit of a sequence": self.kind is not Kind.SEQUENCE
            or (not self.limit.high and 0 <= self.limit.value < CURRENT),
            "upper": upper.get(self.kind, self.upper == 0),
            "limit of an MKT": not mean or mkt.is_limit(self.limit.value),
            "quantity of an MKT": not mean or self.quantity == TEMPERATURE,
            "duration of a window": not mean or self.upper == 0 or self.duration % TICKS == 0,
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


def limits_of(rules: Iterable[Rule]) -> tuple[Limit, ...]:
    """The different limits of rules, in order."""
    return tuple(sorted({limit for rule in rules for limit in rule.limits}))


@dataclass(frozen=True)
class Breach:
    """A broken rule. `rule` is its place in the policy or `SILENCE`; the rest as in IConditions.

    How far the readings went (`extreme`, `time`, `until`) is as of the end of the segment that showed it, and
    with single readings as of the reading.
    """

    rule: int
    first_crossing: int
    extreme: int
    time: int
    seq: int
    until: int


@dataclass(frozen=True)
class Tally:
    """What a rule has counted: seconds of the running excursion (CONSECUTIVE) or of all, excursions (COUNT),
    and the first crossing in seconds after the policy's start plus one (0: never).
    """

    time: int = 0
    onset: int = 0


@dataclass(frozen=True)
class Mark:
    """A segment that counted: where the stream stood before it (`heat`, `to`), and its last second."""

    heat: int
    to: int
    end: int


@dataclass(frozen=True)
class Track:
    """Where the judging of one device and quantity stands. With `max` below `min` no reading has counted
    yet. `heat` is a total of `goldthread.rules.mkt`; `marks` are the segments that a rolling window may have.
    """

    seq: int = 0
    to: int = 0
    min: int = 0
    max: int = 0
    last: int = 0
    latched: int = 0
    counting: bool = False
    heat: int = 0
    marks: tuple[Mark, ...] = ()
    tallies: tuple[Tally, ...] = (Tally(),) * MAX_RULES
    breaches: Mapping[int, Breach] = field(default_factory=dict)


class JudgeError(ValueError):
    """A step that the contract would refuse. `error` is the name of its error."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(f"{error}: {message}")
        self.error = error


@dataclass(frozen=True)
class Judge:
    """The contract's way: judges summaries in order, for one quantity of one policy."""

    policy: Policy
    quantity: int

    def step(
        self,
        track: Track,
        seq: int,
        s: Summary,
        now: int | None = None,
        *,
        falsified: bool = False,
        firmware: int = CURRENT,
    ) -> Track:
        """The track after one more summary, judged at the second `now` (its own end, unless said otherwise),
        when the device's firmware is in the state `firmware`.

        A summary that began before the policy does not count, but its last reading holds on. One with a gap
        inside counts as a gap from end to end, and so does one that is proven to be a lie (`falsified`); one
        without a word about a limit that it passed counts as beyond that limit from end to end. Raises
        `JudgeError` for one that is not the next (of those before the policy some may be left out), and for
        firmware that the policy refuses.
        """
        policy = self.policy
        counts = s.from_ >= policy.start
        if seq != track.seq + 1 if counts else seq <= track.seq:
            raise JudgeError("NotNextToJudge", f"segment {seq}, expected {track.seq + 1}")
        held = track.seq != 0
        if not held:
            track = replace(track, to=policy.start, min=INT32_MAX, max=INT32_MIN)
        if not counts:
            counting = any(limit.is_beyond(s.last) for limit in policy.limits(self.quantity))
            to = max(track.to, s.to)
            heat = mkt.of_value(s.max, to - policy.start) if self._on_means else 0
            return replace(track, seq=seq, to=to, last=s.last, counting=counting, heat=heat)
        low, high = min(track.min, s.min), max(track.max, s.max)
        breaches, tallies = dict(track.breaches), list(track.tallies)
        torn = falsified or s.max_interval > policy.max_interval
        heat, marks = track.heat, track.marks
        if self._on_means:
            heat = mkt.add(heat, self._heat(s, track, torn, held))
            marks = self._marks((*marks, Mark(track.heat, track.to, s.to)))
        for place, rule in enumerate(policy.rules):
            if rule.quantity != self.quantity:
                continue
            if rule.kind is Kind.MKT:
                broken, crossing = self._mean(rule, heat, marks, s.to)
                time = s.to - crossing
            elif rule.kind is Kind.SEQUENCE:
                broken, crossing, time = rule.limit.is_beyond(firmware), s.from_, 0
                if broken and rule.upper:
                    raise JudgeError("FirmwareRefused", f"its firmware is in state {firmware}")
            else:
                broken, time, tallies[place] = self._apply(rule, s, track, tallies[place], held, torn)
                crossing = policy.start + tallies[place].onset - 1
            if broken and not track.latched >> place & 1:
                unlimited = rule.kind in (Kind.GAP, Kind.SEQUENCE)
                extreme = 0 if unlimited else high if rule.limit.high else low
                breaches[place] = Breach(place, crossing, extreme, time, seq, s.to)
        if falsified and FALSIFIED not in breaches:
            breaches[FALSIFIED] = self._lie(seq, s)
        if silence := self._silence(track, s.to if now is None else now):
            breaches[SILENCE] = silence
        latched = sum(1 << rule for rule in breaches)
        counting = track.counting or tuple(tallies) != track.tallies
        state = seq, s.to, low, high, s.last, latched, counting, heat, marks
        return Track(*state, tuple(tallies), breaches)

    @property
    def _on_means(self) -> bool:
        return any(rule.kind is Kind.MKT and rule.quantity == self.quantity for rule in self.policy.rules)

    def mark_falsified(self, track: Track, seq: int, s: Summary) -> Track:
        """The track after somebody has proved that a summary which counted is a lie."""
        if s.from_ < self.policy.start or seq > track.seq:
            raise JudgeError("NotJudged", f"segment {seq} was not counted")
        if FALSIFIED in track.breaches:
            raise JudgeError("AlreadyMarked", "a lie was marked before")
        breaches = {**track.breaches, FALSIFIED: self._lie(seq, s)}
        return replace(track, latched=track.latched | 1 << FALSIFIED, breaches=breaches)

    @staticmethod
    def _lie(seq: int, s: Summary) -> Breach:
        return Breach(FALSIFIED, s.from_, 0, s.duration, seq, s.to)

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

    def _heat(self, s: Summary, track: Track, torn: bool, held: bool) -> int:
        """What the summary and the time before it weigh."""
        since = s.from_ - track.to
        if held and since <= self.policy.max_interval:
            before = track.last
        else:
            # Nobody knows: as hot as it has been, or as it is now if nothing has been.
            before = max(track.max, track.last) if held else s.max
        if torn:
            inside = mkt.of_value(max(track.max, s.max), s.duration)
        elif s.histogram:
            inside = mkt.of_histogram(dict(s.histogram))
        else:
            inside = mkt.of_value(s.max, s.duration)
        return mkt.of_value(before, since) + inside

    def _marks(self, marks: Sequence[Mark]) -> tuple[Mark, ...]:
        """Those that some rolling window still has."""
        rules = [r for r in self.policy.rules if r.kind is Kind.MKT and r.upper]
        return tuple(m for m in marks if any(self._within(r.duration, m, marks[-1].end) for r in rules))

    def _within(self, duration: int, mark: Mark, newest: int) -> bool:
        """Did the segment end in the newest ticks?"""
        ticks = [(end - self.policy.start) * TICKS // duration for end in (mark.end, newest)]
        return ticks[0] + TICKS > ticks[1]

    def _mean(self, rule: Rule, heat: int, marks: Sequence[Mark], to: int) -> tuple[bool, int]:
        """Is the MKT above the rule's limit, and since when is it taken?"""
        heat_before, since = 0, self.policy.start
        if rule.upper:
            oldest = next(mark for mark in marks if self._within(rule.duration, mark, to))
            heat_before, since = oldest.heat, oldest.to
        total = heat if heat == mkt.FULL else heat - heat_before
        old_enough = to - self.policy.start >= rule.duration
        return old_enough and mkt.exceeds(total, rule.limit.value, to - since), since

    def _apply(
        self, rule: Rule, s: Summary, track: Track, tally: Tally, held: bool, torn: bool
    ) -> tuple[bool, int, Tally]:
        """Is the rule broken by now, what counts towards its duration, and what it has counted."""
        since = s.from_ - track.to
        gap = since > self.policy.max_interval
        limited = rule.kind is not Kind.GAP
        beyond = torn or (limited and s.ever_beyond(rule.limit))
        e = self._excursion(rule, s, torn) if beyond else Excursion(rule.limit)
        # The newest reading held until this summary's first one; in a gap nobody knows, so it counts.
        going_on = limited and held and rule.limit.is_beyond(track.last)
        before = gap or going_on
        onset = tally.onset
        if onset == 0 and before:
            onset = track.to - self.policy.start + 1
        if onset == 0 and beyond:
            onset = s.from_ + e.first - self.policy.start + 1
        if rule.kind is Kind.INSTANT:
            return gap or beyond, 0, Tally(tally.time, onset)
        joined = beyond and e.first == 0
        if rule.kind is Kind.COUNT:
            # What goes on was counted when it began, but for what was there before the policy.
            begins = before and not (going_on and tally.onset)
            time = tally.time + begins + e.runs - (before and joined)
            return time >= rule.duration, time, Tally(time, onset)
        if rule.kind is not Kind.CONSECUTIVE:
            band = rule.kind is Kind.BAND_BUDGET
            outside = band and not gap and track.last >= rule.upper
            inside = self._in_band(rule, s, e, torn) if band and beyond else e.total
            time = tally.time + (since if before and not outside else 0) + inside
            return time >= rule.duration, time, Tally(time, onset)
        time = tally.time + (since if before else 0) + (e.prefix if joined else 0)
        ends_beyond = rule.limit.is_beyond(s.last)
        running = 0 if not ends_beyond else time if e.total == s.duration else e.suffix
        time = max(time, e.longest)
        return time >= rule.duration, time, Tally(running, onset)

    @staticmethod
    def _in_band(rule: Rule, s: Summary, e: Excursion, torn: bool) -> int:
        """Seconds at or above the rule's limit, without those at or above the end of its band."""
        if torn:
            return e.total
        if s.min >= rule.upper:
            return 0
        upper = Limit(True, rule.upper)
        above = next((other.total for other in s.excursions if other.limit == upper), 0)
        return e.total - above if above <= e.total else e.total

    @staticmethod
    def _excursion(rule: Rule, s: Summary, torn: bool) -> Excursion:
        """What the summary says of the rule's limit; the worst if it says nothing, or nothing can be
        known.
        """
        if not torn:
            try:
                return s.excursion(rule.limit)
            except KeyError:
                pass
        return Excursion.whole(rule.limit, s.duration, min(s.count, MAX_COUNT))

    def _silence(self, track: Track, now: int) -> Breach | None:
        most = self.policy.max_silence
        if most == 0 or track.latched >> SILENCE & 1 or now <= track.to + most:
            return None
        return Breach(SILENCE, track.to, 0, now - track.to, 0, now)


def judge_readings(policy: Policy, quantity: int, readings: Sequence[Reading]) -> dict[int, Breach]:
    """The broken rules of a policy, straight from the readings of one device: nothing is cut or summarised.

    Readings before the policy's start do not count, but the newest of them holds on. A mean kinetic
    temperature is taken at each reading. `seq` of a breach is the place of the reading that showed it,
    counted from 1. Silence and firmware are not looked at.
    """
    found: dict[int, Breach] = {}
    for place, rule in enumerate(policy.rules):
        if rule.kind is Kind.SEQUENCE:
            continue
        judge = _judge_mean if rule.kind is Kind.MKT else _judge_rule
        if rule.quantity == quantity and (breach := judge(policy, place, rule, readings)):
            found[place] = breach
    return found


def _judge_rule(policy: Policy, place: int, rule: Rule, readings: Sequence[Reading]) -> Breach | None:
    crossing: int | None = None
    counted = 0
    before: Reading | None = None
    running = False
    seen: list[int] = []

    def inside(value: int) -> bool:
        """Does a reading count for as long as it holds?"""
        band = rule.kind is Kind.BAND_BUDGET
        return (
            rule.kind is not Kind.GAP and rule.limit.is_beyond(value) and not (band and value >= rule.upper)
        )

    for number, reading in enumerate(readings, 1):
        if reading.time < policy.start:
            before = reading
            continue
        since = max(before.time, policy.start) if before else policy.start
        seconds = reading.time - since
        gap = seconds > policy.max_interval
        limited = rule.kind is not Kind.GAP
        beyond_before = gap or (limited and before is not None and rule.limit.is_beyond(before.value))
        beyond_now = limited and rule.limit.is_beyond(reading.value)
        if crossing is None and beyond_before:
            crossing = since
        if crossing is None and beyond_now:
            crossing = reading.time
        if rule.kind is Kind.COUNT:
            counted += (beyond_before or beyond_now) and not running
            running = beyond_now
        elif gap or (before is not None and inside(before.value)):
            counted += seconds
        before = reading
        seen.append(reading.value)
        broken = (gap or beyond_now) if rule.kind is Kind.INSTANT else counted >= rule.duration
        if broken and crossing is not None:
            extreme = 0 if not limited else max(seen) if rule.limit.high else min(seen)
            time = 0 if rule.kind is Kind.INSTANT else counted
            return Breach(place, crossing, extreme, time, number, reading.time)
        if rule.kind is Kind.CONSECUTIVE and not beyond_now:
            counted = 0
    return None


def _judge_mean(policy: Policy, place: int, rule: Rule, readings: Sequence[Reading]) -> Breach | None:
    before: Reading | None = None
    hottest: int | None = None
    ends: list[Mark] = []
    heat = 0
    for number, reading in enumerate(readings, 1):
        if reading.time < policy.start:
            before = reading
            continue
        since = max(before.time, policy.start) if before else policy.start
        seconds = reading.time - since
        value = reading.value if before is None else before.value
        if before is not None:
            hottest = value if hottest is None else max(hottest, value)
        if seconds > policy.max_interval and hottest is not None:
            value = hottest
        ends.append(Mark(heat, since, reading.time))
        heat = mkt.add(heat, mkt.of_value(value, seconds))
        before = reading
        age = reading.time - policy.start
        if rule.upper:
            oldest = age * TICKS // rule.duration - TICKS
            ends = [m for m in ends if (m.end - policy.start) * TICKS // rule.duration > oldest]
        total = heat if heat == mkt.FULL else heat - ends[0].heat
        time = reading.time - ends[0].to
        if age >= rule.duration and mkt.exceeds(total, rule.limit.value, time):
            extreme = max(r.value for r in readings[:number] if r.time >= policy.start)
            return Breach(place, ends[0].to, extreme, time, number, reading.time)
    return None
