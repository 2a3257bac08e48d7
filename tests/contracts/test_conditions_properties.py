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
from tests.support import deploy, fresh
from tests.support.coldchain import ColdChain

MAX_INTERVAL = 600
TEMPERATURE = 1

values = st.integers(-300, 300) | st.sampled_from([-(2**31), -100, 0, 100, 2**31 - 1])
limits = st.builds(Limit, st.integers(-300, 300) | st.sampled_from([-100, 0, 100]), st.booleans())
timed = st.sampled_from([RuleKind.CONSECUTIVE, RuleKind.CUMULATIVE])
durations = st.integers(1, 3000) | st.sampled_from([60, 120, 600, 601])
rules = st.lists(
    limits.map(lambda limit: Rule(RuleKind.INSTANT, limit))
    | st.tuples(timed, limits, durations).map(lambda fields: Rule(*fields))
    | durations.map(lambda duration: Rule(RuleKind.GAP, duration=duration)),
    min_size=1,
    max_size=8,
)
intervals = st.sampled_from([1, 60, 599, 600, 601, 2000]) | st.integers(1, 700)


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
    """Up to twelve readings."""
    waits = draw(st.lists(intervals, min_size=1, max_size=12))
    times = accumulate(waits, initial=bench().cold.start + draw(st.sampled_from([0, 600, 601])))
    return [Reading(time, draw(values)) for time in list(times)[:-1]]


def cut(data: st.DataObject, readings: Sequence[Reading]) -> list[list[Reading]]:
    """Somehow, and at every gap."""
    parts = [[readings[0]]]
    for before, reading in zip(readings, readings[1:], strict=False):
        if reading.time - before.time > MAX_INTERVAL or data.draw(st.booleans(), label="cut here"):
            parts.append([])
        parts[-1].append(reading)
    return parts


@given(readings=streams(), rules=rules, data=st.data())
def test_any_cut_gives_the_same_breaches(
    readings: list[Reading], rules: list[Rule], data: st.DataObject
) -> None:
    start = bench().cold.start
    one, other = (bench().judge(rules, cut(data, readings)) for _ in range(2))
    assert one == other
    findings = [judge(rule, readings, start, MAX_INTERVAL) for rule in rules]
    assert one.latched == sum(finding.broken << place for place, finding in enumerate(findings))
    onsets = [0 if f.onset is None else f.onset - start + 1 for f in findings]
    assert one.tallies == [(f.running, onset) for f, onset in zip(findings, onsets, strict=True)]
    assert one.crossings == [f.onset if f.broken else 0 for f in findings]


@given(readings=streams(), rules=rules, data=st.data())
def test_a_good_reading_more_breaks_nothing(
    readings: list[Reading], rules: list[Rule], data: st.DataObject
) -> None:
    """Anywhere before the last one, which has not held yet."""
    good = [v for v in range(-301, 302) if not any(r.beyond(v) for r in rules)]
    free = sorted(set(range(bench().cold.start, readings[-1].time)) - {reading.time for reading in readings})
    if not good or not free:
        return
    more = Reading(data.draw(st.sampled_from(free)), data.draw(st.sampled_from(good)))
    before = bench().judge(rules, cut(data, readings))
    after = bench().judge(rules, cut(data, sorted([*readings, more])))
    assert after.latched & ~before.latched == 0


@given(readings=streams(), rules=rules, data=st.data())
def test_a_worse_reading_repairs_nothing(
    readings: list[Reading], rules: list[Rule], data: st.DataObject
) -> None:
    """Higher under high limits, lower under low ones."""
    high = data.draw(st.booleans())
    one_side = [rule for rule in rules if rule.kind == RuleKind.GAP or rule.limit.high == high]
    if not one_side:
        return
    place = data.draw(st.integers(0, len(readings) - 1))
    time, value = readings[place]
    worse = data.draw(st.integers(value, 2**31 - 1) if high else st.integers(-(2**31), value))
    changed = [*readings[:place], Reading(time, worse), *readings[place + 1 :]]
    before = bench().judge(one_side, cut(data, readings))
    after = bench().judge(one_side, cut(data, changed))
    assert before.latched & ~after.latched == 0
