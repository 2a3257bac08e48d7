"""What holds for any readings, rules and cuts; beside the contract the model or the package is asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, reduce
from itertools import accumulate
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from goldthread.rules import conditions as package
from goldthread.rules import readings, summaries
from tests.models.readings import Course, Rule, RuleKind, Told, judge
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
def rules(draw: st.DrawFn, sides: st.SearchStrategy[bool], counting: bool = True) -> list[Rule]:
    """Four to seven in any order, of each kind one at least, COUNT only if it is `counting`."""
    limits = st.builds(Limit, bounds, sides)
    kinds = [
        limits.map(lambda limit: Rule(RuleKind.INSTANT, limit)),
        st.tuples(st.just(RuleKind.CONSECUTIVE), limits, durations).map(lambda fields: Rule(*fields)),
        st.tuples(st.just(RuleKind.CUMULATIVE), limits, durations).map(lambda fields: Rule(*fields)),
        durations.map(lambda duration: Rule(RuleKind.GAP, duration=duration)),
    ]
    if counting:
        times = st.integers(1, 4)
        counts = st.tuples(st.just(RuleKind.COUNT), limits, times).map(lambda fields: Rule(*fields))
        kinds.append(counts)
    more = draw(st.lists(st.one_of(kinds), max_size=2))
    return draw(st.permutations([*(draw(kind) for kind in kinds), *more]))


@st.composite
def bands(draw: st.DrawFn) -> Rule:
    limit, end = sorted(draw(st.lists(bounds, min_size=2, max_size=2, unique=True)))
    return Rule(RuleKind.BAND_BUDGET, Limit(limit, high=True), draw(durations), upper=end)


means = st.builds(
    lambda limit, duration, upper: Rule(RuleKind.MKT, limit, duration * 24, upper=upper),
    st.sampled_from([-200, -100, 0, 100, 200]).map(lambda value: Limit(value, high=True)),
    st.integers(1, 40),
    st.integers(0, 1),
)
"""Every one over a multiple of 24 seconds, so that it can be over a window too."""


both_sides = st.tuples(rules(st.booleans()), bands()).map(lambda drawn: [*drawn[0][:7], drawn[1]])
one_side = rules(st.just(True), counting=False) | rules(st.just(False), counting=False)
"""A good reading can make two excursions of one, and a bad one one of two."""


class Outcome(NamedTuple):
    """What no cut may change."""

    latched: int
    tallies: list[tuple[int, int]]
    crossings: list[int]
    track: tuple[Any, ...]


class Details(NamedTuple):
    """What depends on the cut."""

    heat: int
    breaches: list[tuple[int, ...]]
    windows: list[tuple[int, int]]


class Bench:
    """A chain that is returned to its beginning for each stream, with a device that signs anything."""

    def __init__(self) -> None:
        self.cold = cold = ColdChain.create(fresh())
        self.anyone = bytes.fromhex(deploy(cold.node, "AnySignature").address[2:])
        cold.devices.rotateKey(cold.logger.id, self.anyone, sender=cold.world.maker.device_admin)
        self._here = cold.node.snapshot()

    def judge(self, rules: Sequence[Rule], parts: Sequence[Sequence[Reading]]) -> Outcome:
        """Judge segments one after the other under a policy of the retailer, who cannot hold the pallet."""
        return self.detailed(rules, parts)[0]

    def detailed(
        self, rules: Sequence[Rule], parts: Sequence[Sequence[Reading]], histogram: bool = False
    ) -> tuple[Outcome, Details]:
        """With all that the contract can tell."""
        cold, setter = self.cold, self.cold.world.retailer
        cold.node.revert(self._here)
        terms = {"setter": setter.number, "max_interval": MAX_INTERVAL}
        policy = cold.set(cold.policy(rules, **terms), setter.quality)
        cold.node.warp(10**6)
        latched = 0
        for seq, part in enumerate(parts, 1):
            segment = cold.segment(part, seq, policy.limits(TEMPERATURE), histogram=histogram)
            signed = segment, self.anyone, b""
            receipt = cold.conditions.judge(policy, *signed, sender=cold.world.stranger)
            told = cold.standing(receipt).latched
            assert told & latched == latched, "a breach was forgotten"
            latched = told
        about = policy.id, cold.logger.id, TEMPERATURE
        breaches = [tuple(cold.conditions.breach(*about, place)) for place in range(len(rules))]
        *track, heat = cold.conditions.track(*about)[1:]
        outcome = Outcome(
            latched,
            [tuple(cold.conditions.tally(*about, place)) for place in range(len(rules))],
            [crossing for crossing, *_ in breaches],
            tuple(track),
        )
        rolling = [rule.duration for rule in rules if rule.kind == RuleKind.MKT and rule.upper]
        windows = [tuple(cold.conditions.heatWindow(*about, duration)) for duration in rolling]
        return outcome, Details(heat, breaches, windows)


bench = cache(Bench)


cool = st.integers(-300, 300) | st.sampled_from([-7400, -7300, 12_600])
"""What a histogram can tell of."""


@st.composite
def streams(draw: st.DrawFn, values: st.SearchStrategy[int] = values) -> list[Reading]:
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
    kinds = set(RuleKind) - {RuleKind.MKT, RuleKind.SEQUENCE}
    ends = [f"{kind.name} {end}" for kind in kinds for end in ("broken", "kept")]
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


# Contract, package and merged summaries


def packaged(rules: Sequence[Rule], start: int) -> package.Policy:
    """The package's policy with these rules."""
    words = tuple(package.Rule.unpack(rule.word) for rule in rules)
    return package.Policy(bytes(32), 1, 1, start, MAX_INTERVAL, 0, (bytes(32),), words)


def merged(part: Sequence[Reading], limits: Sequence[summaries.Limit], histogram: bool) -> summaries.Summary:
    """The summary of a segment, put together from those of its readings."""
    single = [summaries.summarise([readings.Reading(*one)], limits, histogram=histogram) for one in part]
    return reduce(summaries.merge, single)


def test_contract_package_and_merged_summaries_agree() -> None:
    """On everything, after each cut, with and without histograms."""
    count = Counters()
    mixed = st.tuples(rules(st.booleans()), bands(), means, means).map(lambda d: [*d[0][:5], *d[1:]])

    @given(stream=streams(cool), rules=mixed, histogram=st.booleans(), data=st.data())
    def agree(stream: list[Reading], rules: list[Rule], histogram: bool, data: st.DataObject) -> None:
        start, parts = bench().cold.start, cut(data, stream)
        outcome, details = bench().detailed(rules, parts, histogram)
        policy = packaged(rules, start)
        judge, track = package.Judge(policy, TEMPERATURE), package.Track()
        for seq, part in enumerate(parts, 1):
            limits = policy.limits(TEMPERATURE)
            summary = summaries.summarise(
                [readings.Reading(*one) for one in part], limits, histogram=histogram
            )
            assert merged(part, limits, histogram) == summary
            track = judge.step(track, seq, summary)
        assert outcome.latched == track.latched
        assert outcome.track == (track.to, track.min, track.max, track.last, track.latched, track.counting)
        assert outcome.tallies == [(t.time, t.onset) for t in track.tallies[: len(rules)]]
        none = package.Breach(0, 0, 0, 0, 0, 0)
        assert details.breaches == [
            (b.first_crossing, b.extreme, b.time, b.seq, b.until)
            for b in (track.breaches.get(place, none) for place in range(len(rules)))
        ]
        told = [Told(part, [limit for rule in rules for limit in rule.limits], histogram) for part in parts]
        course = Course(told, start, MAX_INTERVAL)
        assert details.heat == track.heat == course.heat
        rolling = [rule.duration for rule in rules if rule.kind == RuleKind.MKT and rule.upper]
        ends = [course.window(duration) for duration in rolling]
        assert details.windows == [(heat, parts[-1][-1].time - since) for heat, since in ends]
        for place, rule in enumerate(rules):
            count.hit(f"{rule.kind.name} {rule.upper if rule.kind == RuleKind.MKT else ''}")
            count.hit(f"{rule.kind.name} {'broken' if outcome.latched >> place & 1 else 'kept'}")

    agree()
    count.require(["MKT 0", "MKT 1", "MKT broken", "MKT kept", "BAND_BUDGET broken", "COUNT broken"])


def test_any_cut_weighs_the_same() -> None:
    """If the first reading is at the policy's start. A finer cut finds what a coarser one finds, at least."""
    count = Counters()

    @given(stream=streams(cool), rules=st.lists(means, min_size=1, max_size=8), data=st.data())
    def same(stream: list[Reading], rules: list[Rule], data: st.DataObject) -> None:
        late = stream[0].time - bench().cold.start
        stream = [reading._replace(time=reading.time - late) for reading in stream]
        whole = [rule._replace(upper=0) for rule in rules]
        coarse = cut(data, stream)
        finest = [[reading] for reading in stream]
        one, details = bench().detailed(whole, coarse, histogram=True)
        other, others = bench().detailed(whole, finest, histogram=True)
        assert details.heat == others.heat
        assert one.latched & ~other.latched == 0
        single = package.judge_readings(
            packaged(whole, bench().cold.start), TEMPERATURE, [readings.Reading(*r) for r in stream]
        )
        assert other.latched == sum(1 << rule for rule in single)
        verdicts(count, rules, one.latched, other.latched)
        count.hit("cut otherwise" if coarse != finest else "cut alike")

    same()
    count.require(["kept", "broken", "cut otherwise"])


def test_windows_are_the_same_for_cuts_at_ticks() -> None:
    """However the ticks are cut in themselves, as long as each ends in the same reading."""
    count = Counters()

    @settings(max_examples=40)
    @given(
        values=st.lists(st.integers(-300, 300), min_size=50, max_size=60),
        limit=st.sampled_from([-100, 100, 300]),
    )
    def same(values: list[int], limit: int) -> None:
        start = bench().cold.start
        stream = [Reading(start + 30 * i, value) for i, value in enumerate(values)]
        ticks = [stream[i : i + 2] for i in range(0, len(stream), 2)]
        rule = Rule(RuleKind.MKT, Limit(limit, high=True), 24 * 60, upper=1)
        fine = [[reading] for reading in stream]
        one, details = bench().detailed([rule], ticks, histogram=True)
        other, others = bench().detailed([rule], fine, histogram=True)
        assert details.windows == others.windows
        assert one.latched & ~other.latched == 0
        verdicts(count, [rule], one.latched, other.latched)

    same()
    count.require(["kept", "broken"])
