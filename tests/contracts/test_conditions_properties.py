"""What holds for any readings, rules and cuts; the contract is asked, and the model beside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tests.models.readings import Rule, RuleKind, judge
from tests.models.segments import Limit, Reading
from tests.support import Counters, deploy, fresh
from tests.support.coldchain import ColdChain

MAX_INTERVAL = 600
TEMPERATURE = 1

values = st.integers(-300, 300) | st.sampled_from([-(2**31), -100, 0, 100, 2**31 - 1])
bounds = st.integers(-300, 300) | st.sampled_from([-100, 0, 100])
durations = st.integers(1, 3000) | st.sampled_from([60, 120, 600, 601])
intervals = st.sampled_from([1, 60, 599, 600, 601, 2000]) | st.integers(1, 700)


@st.composite
def rules(draw: st.DrawFn, sides: st.SearchStrategy[bool]) -> list[Rule]:
    """Four to eight in any order, of each kind one at least."""
    limits = st.builds(Limit, bounds, sides)
    kinds = [
        limits.map(lambda limit: Rule(RuleKind.INSTANT, limit)),
        st.tuples(st.just(RuleKind.CONSECUTIVE), limits, durations).map(lambda fields: Rule(*fields)),
        st.tuples(st.just(RuleKind.CUMULATIVE), limits, durations).map(lambda fields: Rule(*fields)),
        durations.map(lambda duration: Rule(RuleKind.GAP, duration=duration)),
    ]
    more = draw(st.lists(st.one_of(kinds), max_size=4))
    return draw(st.permutations([*(draw(kind) for kind in kinds), *more]))


both_sides = rules(st.booleans())
one_side = rules(st.just(True)) | rules(st.just(False))


class Outcome(NamedTuple):
    """What no cut may change."""

    latched: int
    tallies: list[tuple[int, int]]
    crossings: list[int]
    track: tuple[Any, ...]


class Bench:
    """A chain that is returned to its beginning for each stream, with a device that signs anything."""

    def __init__(self) -> None:
        self.cold = cold = ColdChain.create(fresh())
        self.anyone = bytes.fromhex(deploy(cold.node, "AnySignature").address[2:])
        cold.devices.rotateKey(cold.logger.id, self.anyone, sender=cold.world.maker.device_admin)
        self._here = cold.node.snapshot()

    def judge(self, rules: Sequence[Rule], parts: Sequence[Sequence[Reading]]) -> Outcome:
        """Judge segments one after the other under a policy of the retailer, who cannot hold the pallet."""
        cold, setter = self.cold, self.cold.world.retailer
        cold.node.revert(self._here)
        terms = {"setter": setter.number, "max_interval": MAX_INTERVAL}
        policy = cold.set(cold.policy(rules, **terms), setter.quality)
        cold.node.warp(10**6)
        latched = 0
        for seq, part in enumerate(parts, 1):
            segment = cold.segment(part, seq, policy.limits(TEMPERATURE))
            signed = segment, self.anyone, b""
            receipt = cold.conditions.judge(policy, *signed, sender=cold.world.stranger)
            [told] = cold.conditions.events(receipt, "SegmentJudged")
            assert told["latched"] & latched == latched, "a breach was forgotten"
            latched = told["latched"]
        about = policy.id, cold.logger.id, TEMPERATURE
        return Outcome(
            latched,
            [tuple(cold.conditions.tally(*about, place)) for place in range(len(rules))],
            [cold.conditions.breach(*about, place).firstCrossing for place in range(len(rules))],
            cold.conditions.track(*about)[1:],
        )


bench = cache(Bench)


@st.composite
def streams(draw: st.DrawFn) -> list[Reading]:
    """Up to twelve readings, or up to six that are never far apart."""
    calm = draw(st.booleans())
    waits = st.integers(1, MAX_INTERVAL) if calm else intervals
    steps = draw(st.lists(waits, min_size=1, max_size=6 if calm else 12))
    first = draw(st.sampled_from([0, 600] if calm else [0, 600, 601]))
    times = accumulate(steps, initial=bench().cold.start + first)
    return [Reading(time, draw(values)) for time in list(times)[:-1]]


def cut(data: st.DataObject, readings: Sequence[Reading]) -> list[list[Reading]]:
    """Somehow, and at every gap."""
    parts = [[readings[0]]]
    for before, reading in zip(readings, readings[1:], strict=False):
        if reading.time - before.time > MAX_INTERVAL or data.draw(st.booleans(), label="cut here"):
            parts.append([])
        parts[-1].append(reading)
    return parts


def test_any_cut_gives_the_same_breaches() -> None:
    count = Counters()

    @given(readings=streams(), rules=both_sides, data=st.data())
    def same(readings: list[Reading], rules: list[Rule], data: st.DataObject) -> None:
        start = bench().cold.start
        cuts = [cut(data, readings) for _ in range(2)]
        one, other = (bench().judge(rules, parts) for parts in cuts)
        assert one == other
        findings = [judge(rule, readings, start, MAX_INTERVAL) for rule in rules]
        assert one.latched == sum(finding.broken << place for place, finding in enumerate(findings))
        onsets = [0 if f.onset is None else f.onset - start + 1 for f in findings]
        assert one.tallies == [(f.running, onset) for f, onset in zip(findings, onsets, strict=True)]
        assert one.crossings == [f.onset if f.broken else 0 for f in findings]
        count.hit("cut otherwise" if cuts[0] != cuts[1] else "cut alike")
        for rule, finding in zip(rules, findings, strict=True):
            count.hit(f"{rule.kind.name} {'broken' if finding.broken else 'kept'}")

    same()
    ends = [f"{kind.name} {end}" for kind in RuleKind for end in ("broken", "kept")]
    count.require(["cut otherwise", *ends])


def verdicts(count: Counters, rules: Sequence[Rule], before: int, after: int) -> None:
    """What became of each rule: what a property speaks of must have happened."""
    names = {(0, 0): "kept", (0, 1): "broken by it", (1, 0): "mended", (1, 1): "broken"}
    for place, _ in enumerate(rules):
        count.hit(names[before >> place & 1, after >> place & 1])


def test_a_good_reading_more_breaks_nothing() -> None:
    """Anywhere before the last one, which has not held yet."""
    count = Counters()

    @given(readings=streams(), rules=one_side, data=st.data())
    def more(readings: list[Reading], rules: list[Rule], data: st.DataObject) -> None:
        good = [v for v in range(-301, 302) if not any(r.beyond(v) for r in rules)]
        span = range(bench().cold.start, readings[-1].time)
        free = sorted(set(span) - {reading.time for reading in readings})
        if not free:
            return
        one = Reading(data.draw(st.sampled_from(free)), data.draw(st.sampled_from(good)))
        before = bench().judge(rules, cut(data, readings))
        after = bench().judge(rules, cut(data, sorted([*readings, one])))
        assert after.latched & ~before.latched == 0
        verdicts(count, rules, before.latched, after.latched)

    more()
    count.require(["kept", "broken"])


def test_a_worse_reading_repairs_nothing() -> None:
    """Higher under high limits, lower under low ones."""
    count = Counters()

    @given(readings=streams(), rules=one_side, data=st.data())
    def worse(readings: list[Reading], rules: list[Rule], data: st.DataObject) -> None:
        high = any(rule.limit.high for rule in rules)
        place = data.draw(st.integers(0, len(readings) - 1))
        time, value = readings[place]
        worst, end = (max, 2**31 - 1) if high else (min, -(2**31))
        least = worst(value, data.draw(st.sampled_from([rule.limit.value for rule in rules])))
        extreme = data.draw(st.integers(min(least, end), max(least, end)) | st.just(least))
        changed = [*readings[:place], Reading(time, extreme), *readings[place + 1 :]]
        before = bench().judge(rules, cut(data, readings))
        after = bench().judge(rules, cut(data, changed))
        assert before.latched & ~after.latched == 0
        verdicts(count, rules, before.latched, after.latched)

    worse()
    count.require(["kept", "broken", "broken by it"])
