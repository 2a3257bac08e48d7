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

SILENCE = 15
"""The rule number that stands for too long a silence."""

MAX_RULES = 8


class Kind(IntEnum):
    """What a rule looks at."""

    INSTANT = 0
    CONSECUTIVE = 1
    CUMULATIVE = 2
    GAP = 3


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


def limits_of(rules: Iterable[Rule]) -> tuple[Limit, ...]:
    """The different limits of rules, in order."""
    return tuple(sorted({rule.limit for rule in rules if rule.kind is not Kind.GAP}))


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
    """Where the judging of one device and quantity stands. With `max` below `min` no reading has counted
    yet.
    """

    seq: int = 0
    to: int = 0
    min: int = 0
    max: int = 0
    last: int = 0
    latched: int = 0
    counting: bool = False
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

    def step(self, track: Track, seq: int, s: Summary, now: int | None = None) -> Track:
        """The track after one more summary, judged at the second `now` (its own end, unless said otherwise).

        A summary that began before the policy does not count, but its last reading holds on. One with a gap
        inside counts as a gap from end to end, one without a word about a limit that it passed as beyond that
        limit from end to end. Raises `JudgeError` for one that is not the next; of those before the policy
        some may be left out.
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
            return replace(track, seq=seq, to=max(track.to, s.to), last=s.last, counting=counting)
        low, high = min(track.min, s.min), max(track.max, s.max)
        breaches, tallies = dict(track.breaches), list(track.tallies)
        for place, rule in enumerate(policy.rules):
            if rule.quantity != self.quantity:
                continue
            broken, time, tallies[place] = self._apply(rule, s, track, tallies[place], held)
            if broken and not track.latched >> place & 1:
                extreme = 0 if rule.kind is Kind.GAP else high if rule.limit.high else low
                crossing = policy.start + tallies[place].onset - 1
                breaches[place] = Breach(place, crossing, extreme, time, seq)
        if silence := self._silence(track, s.to if now is None else now):
            breaches[SILENCE] = silence
        latched = sum(1 << rule for rule in breaches)
        counting = track.counting or tuple(tallies) != track.tallies
        return Track(seq, s.to, low, high, s.last, latched, counting, tuple(tallies), breaches)

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
        torn = s.max_interval > self.policy.max_interval
        limited = rule.kind is not Kind.GAP
        beyond = torn or (limited and s.ever_beyond(rule.limit))
        e = self._excursion(rule, s, torn) if beyond else Excursion(rule.limit)
        # The newest reading held until this summary's first one; in a gap nobody knows, so it counts.
        before = gap or (limited and held and rule.limit.is_beyond(track.last))
        onset = tally.onset
        if onset == 0 and before:
            onset = track.to - self.policy.start + 1
        if onset == 0 and beyond:
            onset = s.from_ + e.first - self.policy.start + 1
        if rule.kind is Kind.INSTANT:
            return gap or beyond, 0, Tally(tally.time, onset)
        time = tally.time + (since if before else 0)
        if rule.kind is not Kind.CONSECUTIVE:
            time += e.total
            return time >= rule.duration, time, Tally(time, onset)
        if beyond and e.first == 0:
            time += e.prefix
        ends_beyond = rule.limit.is_beyond(s.last)
        running = 0 if not ends_beyond else time if e.total == s.duration else e.suffix
        time = max(time, e.longest)
        return time >= rule.duration, time, Tally(running, onset)

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
        return Excursion.whole(rule.limit, s.duration)

    def _silence(self, track: Track, now: int) -> Breach | None:
        most = self.policy.max_silence
        if most == 0 or track.latched >> SILENCE & 1 or now <= track.to + most:
            return None
        return Breach(SILENCE, track.to, 0, now - track.to, 0)


def judge_readings(policy: Policy, quantity: int, readings: Sequence[Reading]) -> dict[int, Breach]:
    """The broken rules of a policy, straight from the readings of one device: nothing is cut or summarised.

    Readings before the policy's start do not count, but the newest of them holds on.
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
    before: Reading | None = None
    seen: list[int] = []
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
        if beyond_before:
            counted += seconds
        before = reading
        seen.append(reading.value)
        broken = (gap or beyond_now) if rule.kind is Kind.INSTANT else counted >= rule.duration
        if broken and crossing is not None:
            extreme = 0 if not limited else max(seen) if rule.limit.high else min(seen)
            return Breach(place, crossing, extreme, 0 if rule.kind is Kind.INSTANT else counted, number)
        if rule.kind is Kind.CONSECUTIVE and not beyond_now:
            counted = 0
    return None
