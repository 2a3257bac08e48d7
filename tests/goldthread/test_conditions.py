"""The rules over summaries, over single readings, and on the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.rules.conditions import (
    FALSIFIED,
    SILENCE,
    Breach,
    Judge,
    JudgeError,
    Kind,
    Policy,
    Rule,
    Track,
    judge_readings,
)
from goldthread.rules.readings import Reading
from goldthread.rules.summaries import (
    Excursion,
    Limit,
    Summary,
    cut_at_gaps,
    merge,
    pack_histogram,
    summarise,
    unpack_histogram,
)
from tests.support import Counters

START = 1000
LOW, HIGH = Limit(False, 2), Limit(True, 8)
LIMITS = (LOW, HIGH)
MAX_INTERVAL = 10


@st.composite
def streams(draw: st.DrawFn, least: int = 1, most: int = 12) -> list[Reading]:
    steps = st.sampled_from([1, 2, 5, 10, 11, 40])
    count = draw(st.integers(least, most))
    time, readings = START + draw(st.sampled_from([0, 0, 3, 11])), []
    for _ in range(count):
        readings.append(Reading(time, draw(st.integers(0, 10))))
        time += draw(steps)
    return readings


@st.composite
def rules(draw: st.DrawFn, kinds: Sequence[Kind] = tuple(Kind)) -> Rule:
    kind, severity = draw(st.sampled_from(kinds)), draw(st.integers(1, 3))
    limit, duration, upper = draw(st.sampled_from([LOW, HIGH, Limit(True, 5)])), draw(st.integers(1, 60)), 0
    match kind:
        case Kind.INSTANT:
            duration = 0
        case Kind.GAP:
            limit = Limit(False, 0)
        case Kind.BAND_BUDGET:
            limit, upper = Limit(True, draw(st.integers(0, 5))), draw(st.integers(6, 11))
        case Kind.MKT:
            limit, duration, upper = Limit(True, draw(st.sampled_from([0, 100]))), 24 * duration, duration % 2
        case Kind.SEQUENCE:
            limit, duration, upper = Limit(False, draw(st.integers(0, 2))), 0, draw(st.integers(0, 1))
    return Rule(kind, 1, limit, duration, severity, upper)


CUTTABLE = tuple(set(Kind) - {Kind.MKT, Kind.SEQUENCE})
"""Kinds of which every cut finds the same."""


def policy(*of: Rule, max_silence: int = 0) -> Policy:
    return Policy(bytes(32), 1, 1, START, MAX_INTERVAL, max_silence, (bytes(32),), of)


def judged(of: Policy, readings: Sequence[Reading], most: int | None = None) -> Track:
    track, judge = Track(), Judge(of, 1)
    for seq, part in enumerate(cut_at_gaps(readings, of.max_interval, most), 1):
        track = judge.step(track, seq, summarise(part, of.limits(1)))
    return track


@given(streams(least=2), st.data())
def test_merging_is_the_summary_of_the_whole(readings: list[Reading], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(readings) - 1))
    for told in (False, True):
        a, b = (summarise(part, LIMITS, histogram=told) for part in (readings[:cut], readings[cut:]))
        assert merge(a, b) == summarise(readings, LIMITS, histogram=told)


@given(streams(least=3), st.data())
def test_merging_is_associative(readings: list[Reading], data: st.DataObject) -> None:
    first, second = sorted(
        data.draw(st.lists(st.integers(1, len(readings) - 1), min_size=2, max_size=2, unique=True))
    )
    a, b, c = (summarise(p, LIMITS) for p in (readings[:first], readings[first:second], readings[second:]))
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


def test_any_cut_breaks_the_same_rules_at_the_same_second() -> None:
    count = Counters()

    @given(st.lists(rules(CUTTABLE), min_size=1, max_size=8), streams(most=20), st.integers(1, 5))
    def check(of: list[Rule], readings: list[Reading], most: int) -> None:
        terms = policy(*of)
        whole = judged(terms, readings).breaches
        pieces = judged(terms, readings, most).breaches
        single = judge_readings(terms, 1, readings)
        crossings = {rule: breach.first_crossing for rule, breach in whole.items()}
        assert {rule: breach.first_crossing for rule, breach in pieces.items()} == crossings
        assert {rule: breach.first_crossing for rule, breach in single.items()} == crossings
        for rule in whole:
            count.hit(of[rule].kind.name)
        if len(whole) < len(of):
            count.hit("unbroken")

    check()
    count.require([*(kind.name for kind in CUTTABLE), "unbroken"])


@given(streams())
def test_an_excursion_is_what_counting_seconds_finds(readings: list[Reading]) -> None:
    summary = summarise(readings, LIMITS)
    for limit in LIMITS:
        beyond = [
            limit.is_beyond(next(r for r in reversed(readings) if r.time <= second).value)
            for second in range(readings[0].time, readings[-1].time)
        ]
        runs = "".join("x" if b else "." for b in beyond)
        crossed = [r.time - readings[0].time for r in readings if limit.is_beyond(r.value)]
        excursion = summary.excursion(limit)
        assert (limit in [e.limit for e in summary.excursions]) == bool(crossed)
        assert excursion.total == runs.count("x")
        assert excursion.longest == max(map(len, runs.split(".")), default=0)
        assert excursion.prefix == len(runs) - len(runs.lstrip("x"))
        ends_beyond = limit.is_beyond(readings[-1].value)
        assert excursion.suffix == (len(runs) - len(runs.rstrip("x")) if ends_beyond else 0)
        assert excursion.first == (crossed[0] if crossed else 0)
        last = "x" if ends_beyond else "."
        assert excursion.runs == sum(map(bool, f"{runs}{last}".split(".")))


@given(streams())
def test_a_histogram_is_what_counting_seconds_finds(readings: list[Reading]) -> None:
    """And the chord of a function over whole degrees is exact from it."""
    told = dict(summarise(readings, LIMITS, histogram=True).histogram or ())
    seconds = [
        next(r for r in reversed(readings) if r.time <= second).value
        for second in range(readings[0].time, readings[-1].time)
    ]
    assert sum(told.values()) == 100 * len(seconds)
    assert sum(100 * vertex * weight for vertex, weight in told.items()) == 100 * sum(seconds)
    assert all(any(abs(value - 100 * vertex) < 100 for value in seconds) for vertex in told)
    square = sum(vertex * vertex * weight for vertex, weight in told.items())
    chords = [(v // 100) ** 2 * (100 - v % 100) + (v // 100 + 1) ** 2 * (v % 100) for v in seconds]
    assert square == sum(chords)


@given(rules())
def test_a_rule_survives_its_word(rule: Rule) -> None:
    assert Rule.unpack(rule.pack()) == rule


@given(
    st.builds(Limit, st.booleans(), st.integers(-(1 << 31), (1 << 31) - 1)),
    st.lists(st.integers(0, (1 << 32) - 1), min_size=5, max_size=5),
    st.integers(0, (1 << 16) - 1),
)
def test_an_excursion_survives_its_word(limit: Limit, times: list[int], runs: int) -> None:
    excursion = Excursion(limit, *times, runs)
    assert Excursion.unpack(excursion.pack()) == excursion


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (Rule(Kind.INSTANT, 1, HIGH, 1, 1), "duration"),
        (Rule(Kind.CUMULATIVE, 1, HIGH, 0, 1), "duration"),
        (Rule(Kind.GAP, 1, HIGH, 5, 1), "limit of a gap"),
        (Rule(Kind.GAP, 1, Limit(False, 0), 5, 1, 1), "upper"),
        (Rule(Kind.BAND_BUDGET, 1, HIGH, 5, 1, 8), "upper"),
        (Rule(Kind.BAND_BUDGET, 1, LOW, 5, 1, 9), "low side"),
        (Rule(Kind.COUNT, 1, HIGH, 1 << 16, 1), "duration"),
        (Rule(Kind.MKT, 1, Limit(True, 150), 5, 1), "limit of an MKT"),
        (Rule(Kind.MKT, 1, Limit(True, -2600), 5, 1), "limit of an MKT"),
        (Rule(Kind.MKT, 2, Limit(True, 100), 5, 1), "quantity of an MKT"),
        (Rule(Kind.MKT, 1, Limit(True, 100), 5, 1, 1), "duration of a window"),
        (Rule(Kind.MKT, 1, Limit(True, 100), 24, 1, 2), "upper"),
        (Rule(Kind.SEQUENCE, 1, Limit(False, 3), 0, 1), "limit of a sequence"),
        (Rule(Kind.SEQUENCE, 1, Limit(False, 2), 1, 1), "duration"),
        (Rule(Kind.INSTANT, 1, HIGH, 0, 4), "severity"),
        (Rule(Kind.INSTANT, 1 << 16, HIGH, 0, 1), "quantity"),
        (Rule(Kind.INSTANT, 1, Limit(True, 1 << 31), 0, 1), "limit"),
    ],
)
def test_a_rule_that_the_contract_refuses_has_no_word(rule: Rule, field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} is not allowed"):
        rule.pack()


@given(st.lists(rules((Kind.MKT,)), min_size=1, max_size=4), streams(most=20), st.integers(1, 5))
def test_a_finer_cut_finds_what_a_coarser_one_finds(
    of: list[Rule], readings: list[Reading], most: int
) -> None:
    """Of means over all time, if the first reading is at the start."""
    late = readings[0].time - START
    readings = [replace(reading, time=reading.time - late) for reading in readings]
    terms = policy(*(replace(rule, upper=0) for rule in of))
    judge, tracks = Judge(terms, 1), []
    for size in (most, 1):
        track = Track()
        for seq, part in enumerate(cut_at_gaps(readings, MAX_INTERVAL, size), 1):
            track = judge.step(track, seq, summarise(part, (), histogram=True))
        tracks.append(track)
    coarse, fine = tracks
    assert coarse.heat == fine.heat
    assert coarse.breaches.keys() <= fine.breaches.keys()
    assert fine.breaches == judge_readings(terms, 1, readings)


def test_a_lie_is_a_breach_judged_before_or_after() -> None:
    of = policy(Rule(Kind.INSTANT, 1, HIGH, 0, 1))
    judge, summary = Judge(of, 1), summarise([Reading(START, 5), Reading(START + 5, 5)], LIMITS)
    lie = Breach(FALSIFIED, START, 0, 5, 1, START + 5)
    before = judge.step(Track(), 1, summary)
    marked = judge.mark_falsified(before, 1, summary)
    assert (before.breaches, marked.breaches) == ({}, {FALSIFIED: lie})
    assert judge.step(Track(), 1, summary, falsified=True).breaches.keys() == {0, FALSIFIED}
    with pytest.raises(JudgeError, match="AlreadyMarked"):
        judge.mark_falsified(marked, 1, summary)
    with pytest.raises(JudgeError, match="NotJudged: segment 2"):
        judge.mark_falsified(before, 2, summary)


@pytest.mark.parametrize("state", range(4))
def test_firmware_is_marked_or_refused(state: int) -> None:
    mark = Rule(Kind.SEQUENCE, 1, Limit(False, 1), 0, 1)
    summary = summarise([Reading(START, 5)], LIMITS)
    track = Judge(policy(mark), 1).step(Track(), 1, summary, firmware=state)
    assert track.breaches == ({0: Breach(0, START, 0, 0, 1, START)} if state <= 1 else {})
    judge = Judge(policy(replace(mark, upper=1)), 1)
    if state <= 1:
        with pytest.raises(JudgeError, match=f"FirmwareRefused: its firmware is in state {state}"):
            judge.step(Track(), 1, summary, firmware=state)
    else:
        assert not judge.step(Track(), 1, summary, firmware=state).breaches


# The four reports of users of cold-chain software that a rule engine must not repeat.


def test_an_open_cumulative_breach_does_not_hide_a_consecutive_one() -> None:
    of = policy(Rule(Kind.CUMULATIVE, 1, HIGH, 5, 1), Rule(Kind.CONSECUTIVE, 1, HIGH, 20, 1))
    readings = [Reading(START + t, 9) for t in range(0, 30, 5)]
    assert set(judged(of, readings).breaches) == {0, 1}
    assert set(judge_readings(of, 1, readings)) == {0, 1}


def test_a_low_start_does_not_hide_the_heat_after_it() -> None:
    of = policy(Rule(Kind.CONSECUTIVE, 1, LOW, 60, 1), Rule(Kind.CONSECUTIVE, 1, HIGH, 60, 1))
    readings = [Reading(START + 10 * i, value) for i, value in enumerate([1, 9, 9, 9, 9, 9, 9, 9, 9])]
    assert judge_readings(of, 1, readings).keys() == judged(of, readings).breaches.keys() == {1}


def test_a_run_goes_on_over_the_border_of_segments() -> None:
    of = policy(Rule(Kind.CONSECUTIVE, 1, HIGH, 36, 2))
    readings = [Reading(START + 4 * i, 9 if i >= 2 else 5) for i in range(12)]
    track = judged(of, readings, most=3)
    assert track.breaches[0] == Breach(0, START + 8, 9, 36, 4, START + 44)
    again = judged(of, [*readings, Reading(START + 48, 9)], most=3)
    assert again.breaches == track.breaches


def test_silence_is_a_breach_that_somebody_can_mark() -> None:
    of = policy(Rule(Kind.INSTANT, 1, HIGH, 0, 1), max_silence=100)
    judge = Judge(of, 1)
    with pytest.raises(JudgeError, match="NotSilent"):
        judge.mark_silent(Track(), START + 100)
    marked = judge.mark_silent(Track(), START + 101)
    assert marked.breaches == {SILENCE: Breach(SILENCE, START, 0, 101, 0, START + 101)}
    assert marked.latched == 1 << SILENCE
    with pytest.raises(JudgeError, match="AlreadyMarked"):
        judge.mark_silent(marked, START + 200)
    late = judge.step(Track(), 1, summarise([Reading(START, 5)], LIMITS), now=START + 150)
    assert late.breaches[SILENCE].time == 150


def test_the_time_before_the_first_reading_can_be_a_gap() -> None:
    of = policy(Rule(Kind.GAP, 1, Limit(False, 0), 5, 3), Rule(Kind.INSTANT, 1, HIGH, 0, 1))
    track = judged(of, [Reading(START + 11, 5)])
    assert track.breaches == {
        0: Breach(0, START, 0, 11, 1, START + 11),
        1: Breach(1, START, 5, 0, 1, START + 11),
    }
    assert not judged(of, [Reading(START + 10, 5)]).breaches


def test_segments_are_judged_in_their_order() -> None:
    judge = Judge(policy(Rule(Kind.INSTANT, 1, HIGH, 0, 1)), 1)
    with pytest.raises(JudgeError, match="NotNextToJudge: segment 4, expected 1"):
        judge.step(Track(), 4, summarise([Reading(START, 5)], LIMITS))
    first = judge.step(Track(), 1, summarise([Reading(START, 5)], LIMITS))
    with pytest.raises(JudgeError, match="NotNextToJudge: segment 3, expected 2"):
        judge.step(first, 3, summarise([Reading(START + 5, 5)], LIMITS))
    early = judge.step(Track(), 4, summarise([Reading(START - 9, 5)], LIMITS))
    later = judge.step(early, 6, summarise([Reading(START - 5, 5)], LIMITS))
    with pytest.raises(JudgeError, match="NotNextToJudge: segment 6, expected 7"):
        judge.step(later, 6, summarise([Reading(START - 2, 5)], LIMITS))
    with pytest.raises(JudgeError, match="NotNextToJudge: segment 8, expected 7"):
        judge.step(later, 8, summarise([Reading(START, 5)], LIMITS))
    assert judge.step(later, 7, summarise([Reading(START, 5)], LIMITS)).seq == 7


def test_what_began_before_the_policy_only_holds_on() -> None:
    of = policy(Rule(Kind.CUMULATIVE, 1, HIGH, 5, 1), Rule(Kind.INSTANT, 1, HIGH, 0, 1))
    readings = [Reading(START - 20, 9), Reading(START - 10, 9), Reading(START + 6, 5)]
    judge = Judge(of, 1)
    track = judge.step(Track(), 7, summarise(readings[:2], LIMITS))
    assert (track.seq, track.to, track.latched, track.counting) == (7, START, 0, True)
    assert track.max < track.min
    track = judge.step(track, 8, summarise(readings[2:], LIMITS))
    assert track.breaches == {0: Breach(0, START, 5, 6, 8, START + 6)}
    assert {rule: b.first_crossing for rule, b in judge_readings(of, 1, readings).items()} == {0: START}


def test_a_gap_inside_a_segment_counts_from_end_to_end() -> None:
    of = policy(
        Rule(Kind.GAP, 1, Limit(False, 0), 21, 3),
        Rule(Kind.CUMULATIVE, 1, HIGH, 21, 1),
        Rule(Kind.INSTANT, 1, LOW, 0, 1),
    )
    torn = summarise([Reading(START, 5), Reading(START + 10, 5), Reading(START + 21, 5)], LIMITS)
    track = Judge(of, 1).step(Track(), 1, torn)
    assert {rule: (b.first_crossing, b.time) for rule, b in track.breaches.items()} == {
        0: (START, 21), 1: (START, 21), 2: (START, 0),
    }  # fmt: skip


def test_a_segment_that_says_nothing_of_a_limit_it_passed_is_judged_as_the_worst() -> None:
    of = policy(Rule(Kind.CONSECUTIVE, 1, HIGH, 10, 1))
    readings = [Reading(START, 5), Reading(START + 5, 9), Reading(START + 10, 5)]
    assert not Judge(of, 1).step(Track(), 1, summarise(readings, LIMITS)).breaches
    assert Judge(of, 1).step(Track(), 1, summarise(readings, (LOW,))).breaches[0].time == 10


def test_summaries_that_do_not_follow_each_other_are_not_merged() -> None:
    a = summarise([Reading(START, 5), Reading(START + 5, 9)], LIMITS)
    with pytest.raises(ValueError, match="do not come after"):
        merge(a, a)
    with pytest.raises(ValueError, match="no readings"):
        summarise([], LIMITS)
    with pytest.raises(ValueError, match="later than the one before"):
        summarise([Reading(5, 1), Reading(5, 1)], LIMITS)
    with pytest.raises(ValueError, match="only one of the two tells a histogram"):
        merge(a, summarise([Reading(START + 9, 5)], LIMITS, histogram=True))
    blind = Summary(START + 9, START + 9, 1, 0, 9, 9, 9, 9, ())
    with pytest.raises(KeyError):
        merge(a, blind)
    for value in (-12_801, 12_701):
        with pytest.raises(ValueError, match=f"value {value} at 5 is outside"):
            summarise([Reading(5, value)], LIMITS, histogram=True)
    with pytest.raises(ValueError, match="runs does not fit into 16 bits"):
        Excursion(HIGH, runs=1 << 16).pack()


@given(st.dictionaries(st.integers(-128, 127), st.integers(1, (1 << 32) - 1), max_size=64))
def test_a_histogram_survives_its_words(weights: dict[int, int]) -> None:
    entries = sorted(weights.items())
    assert unpack_histogram(pack_histogram(entries)) == entries


@pytest.mark.parametrize("entry", [(-129, 1), (128, 1), (0, -1), (0, 1 << 32)])
def test_an_entry_that_does_not_fit(entry: tuple[int, int]) -> None:
    with pytest.raises(
        ValueError, match=f"{entry[1]} hundredths of a second at vertex {entry[0]} do not fit"
    ):
        pack_histogram([entry])


def test_cutting_keeps_every_reading() -> None:
    readings = [Reading(t, 1) for t in (1, 2, 30, 31, 32, 33, 100)]
    parts = cut_at_gaps(readings, 10, 3)
    assert [len(part) for part in parts] == [2, 3, 1, 1]
    assert [r for part in parts for r in part] == readings
    assert cut_at_gaps([], 10) == []
