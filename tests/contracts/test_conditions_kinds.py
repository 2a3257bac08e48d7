"""Bands, counts and mean kinetic temperature, with numbers worked out by hand."""

from __future__ import annotations

import pytest

from goldthread.rules import mkt
from tests.models.readings import Rule, RuleKind
from tests.models.segments import HUMIDITY, Limit, Reading
from tests.support import reverts
from tests.support.coldchain import COLD, HOT, MAX_INTERVAL, ColdChain, Course
from tests.support.world import DAY

HOUR = 3600
WARM = Limit(200, high=True)
BAND = Rule(RuleKind.BAND_BUDGET, WARM, 600, upper=800)
TWICE = Rule(RuleKind.COUNT, HOT, 2)
MEAN = Rule(RuleKind.MKT, HOT, 600)
ROLLING = Rule(RuleKind.MKT, HOT, 2400, upper=1)
GAP = MAX_INTERVAL + 1
NONE = (0, 0, 0, 0)
FULL = 2**64 - 1


# BAND_BUDGET


@pytest.mark.parametrize(
    ("value", "counts"), [(199, False), (200, True), (799, True), (800, False), (2000, False), (-50, False)]
)
def test_the_band_has_its_limit_and_not_its_end(cold: ColdChain, value: int, counts: bool) -> None:
    course = Course(cold, [BAND])
    assert course.judge((0, 0), (50, value), (100, 0)) == 0
    assert course.tally() == (50 if counts else 0, 51 if value >= 200 else 0)


def test_time_in_the_band_adds_up(cold: ColdChain) -> None:
    """What is above it does not count, but crosses the limit."""
    course = Course(cold, [BAND])
    assert course.judge((0, 900), (100, 500), (300, 100), (350, 300), (450, 1000), (500, 700)) == 0
    assert course.tally() == (300, 1)
    assert course.judge((600, 1000), (700, 250), (800, 0)) == 0
    assert course.tally() == (500, 1)
    assert course.judge((900, 300), (999, 0)) == 0
    assert course.judge((1000, 799), (1001, 0)) == 1
    assert course.breach() == (0, 1000, 600, 4)


@pytest.mark.parametrize(("held", "counts"), [(799, True), (800, False), (199, False)])
def test_the_reading_before_holds_in_its_band(cold: ColdChain, held: int, counts: bool) -> None:
    course = Course(cold, [BAND])
    course.judge((0, 0), (100, held))
    course.judge((400, 0))
    assert course.tally()[0] == (300 if counts else 0)


@pytest.mark.parametrize("held", [100, 500, 900])
def test_a_gap_counts_in_every_band(cold: ColdChain, held: int) -> None:
    course = Course(cold, [BAND, BAND._replace(limit=Limit(2000, True), upper=2100)])
    assert course.judge((0, held)) == 0
    assert course.judge((GAP, 0)) == 0b11
    assert [course.tally(rule)[0] for rule in (0, 1)] == [GAP, GAP]


@pytest.mark.parametrize(
    ("told", "time"),
    [
        ((WARM, Limit(800, True)), 200),
        ((WARM,), 300),
        ((Limit(800, True),), 400),
        ((), 500),
        ((Limit(200, False), Limit(800, False), Limit(199, True), Limit(801, True)), 500),
    ],
)
def test_what_is_not_said_of_a_band(cold: ColdChain, told: tuple[Limit, ...], time: int) -> None:
    """Without the limit all of it is in the band, without its end nothing is above."""
    course = Course(cold, [BAND])
    course.judge((0, 0), (200, 500), (300, 900), (400, 700), (500, 0), told=told)
    assert course.tally() == (time, 201 if WARM in told else 1)


@pytest.mark.parametrize(("least", "time"), [(799, 100), (800, 0)])
def test_what_is_above_all_along_is_not_in_the_band(cold: ColdChain, least: int, time: int) -> None:
    """Said or not."""
    course = Course(cold, [BAND])
    course.judge((0, least), (100, 900), told=())
    assert course.tally() == (time, 1)


def test_a_contradiction_counts_as_in_the_band(cold: ColdChain) -> None:
    """More time above the end than above the limit is a lie, but that is for others to prove."""
    policy = cold.set(cold.policy([BAND]))
    readings = cold.every(100, [0, 500, 900, 900, 0])
    honest = cold.segment(readings, limits=policy.limits(1))
    wrong = honest.with_excursion(0, first=200, longest=200, total=200)
    wrong = wrong.with_excursion(1, first=100, longest=300, total=300)
    cold.judge(policy, wrong)
    assert cold.conditions.tally(policy.id, cold.logger.id, 1, 0).time == 200


def test_an_exact_band_of_one_unit(cold: ColdChain) -> None:
    course = Course(cold, [BAND._replace(upper=201, duration=10)])
    assert course.judge((0, 199), (100, 201), (200, 200), (209, 0)) == 0
    assert course.judge((300, 200), (301, 0)) == 1


# COUNT


def test_the_second_excursion(cold: ColdChain) -> None:
    course = Course(cold, [TWICE])
    assert course.judge((0, 500), (10, 800), (20, 799)) == 0
    assert course.tally() == (1, 11)
    assert course.judge((30, 900), (40, 500)) == 1
    assert course.breach() == (10, 900, 2, 2)
    assert course.judge((50, 900), (60, 500), (70, 900), (80, 500)) == 1
    assert course.tally() == (4, 11)


@pytest.mark.parametrize("joined", [False, True])
def test_an_excursion_goes_on_over_a_border(cold: ColdChain, joined: bool) -> None:
    course = Course(cold, [TWICE])
    assert course.judge((0, 500), (10, 900)) == 0
    assert course.judge((20, 900 if joined else 500), (30, 900), (40, 500)) == (0 if joined else 1)
    assert course.tally() == (1 if joined else 2, 11)


def test_single_readings_are_excursions(cold: ColdChain) -> None:
    course = Course(cold, [TWICE._replace(duration=3)])
    for second, value, found in ((0, 900, 0), (10, 900, 0), (20, 500, 0), (30, 900, 0), (40, 500, 0)):
        assert course.judge((second, value)) == found
    assert course.judge((50, 900)) == 1
    assert course.breach() == (0, 900, 3, 6)


@pytest.mark.parametrize(
    ("before", "after", "times"), [(500, 500, 1), (900, 500, 1), (500, 900, 1), (900, 900, 1)]
)
def test_a_gap_is_one_excursion_with_what_it_touches(
    cold: ColdChain, before: int, after: int, times: int
) -> None:
    course = Course(cold, [TWICE])
    course.judge((0, 500), (10, before))
    course.judge((10 + GAP, after), (20 + GAP, 500))
    assert course.tally()[0] == times
    course.judge((20 + 2 * GAP, 500))
    assert course.tally()[0] == times + 1


def test_a_gap_at_the_start_is_an_excursion(cold: ColdChain) -> None:
    course = Course(cold, [TWICE])
    assert course.judge((GAP, 900), (GAP + 10, 500)) == 0
    assert course.tally() == (1, 1)
    assert course.judge((GAP + 20, 900)) == 1


@pytest.mark.parametrize(("value", "times"), [(900, 1), (500, 0)])
def test_what_was_beyond_the_limit_at_the_start_is_one(cold: ColdChain, value: int, times: int) -> None:
    course = Course(cold, [TWICE], start=cold.start + 100)
    course.judge((-50, 500), (-10, value))
    course.judge((20, 900), (30, 500))
    assert course.tally()[0] == 1
    course.judge((40, 500), (50, 900))
    assert course.tally()[0] == 2


def test_frozen_again(cold: ColdChain) -> None:
    """What began frozen may thaw once."""
    course = Course(cold, [Rule(RuleKind.COUNT, COLD, 2)])
    assert course.judge((0, -1000), (300, -60), (600, 200), (900, 500)) == 0
    assert course.judge((1200, 500), (1500, -49), (1800, 400)) == 0
    assert course.judge((2100, -50)) == 1
    assert course.breach() == (0, -1000, 2, 3)


@pytest.mark.parametrize("told", [True, False])
def test_excursions_that_are_not_told_are_as_many_as_readings(cold: ColdChain, told: bool) -> None:
    course = Course(cold, [TWICE._replace(duration=100)])
    limits = None if told else ()
    course.judge((0, 500), (10, 900), (20, 500), (30, 500), told=limits)
    assert course.tally()[0] == (1 if told else 4)
    course.judge((40, 500), (50, 900), told=limits)
    assert course.tally()[0] == (2 if told else 6)
    course.judge((60, 900), (70, 500), (80, 500), told=limits)
    assert course.tally()[0] == (2 if told else 8)


def test_excursions_of_a_segment_with_a_gap_inside(cold: ColdChain) -> None:
    course = Course(cold, [TWICE._replace(duration=3)])
    assert course.judge((0, 500), (10, 500), (10 + GAP, 500)) == 1
    assert course.breach() == (0, 500, 3, 1)


def test_no_segment_counts_more_than_a_rule_can(cold: ColdChain) -> None:
    course = Course(cold, [TWICE._replace(duration=2**16 - 1)], max_interval=1)
    readings = [(second, 500) for second in range(3)]
    segment = cold.segment([Reading(course.policy.start + s, v) for s, v in readings])
    long = segment.with_frame(count=70_000, end=course.policy.start + 70_001, max_interval=3)
    long = long.with_values(sum=500 * 70_000)
    cold.judge(course.policy, long)
    assert course.tally() == (2**16 - 1, 1)
    assert course.track.latched == 1


# MKT


def weighed(*held: tuple[int, int]) -> int:
    """The total of values and seconds."""
    return sum(mkt.of_value(*one) for one in held)


def test_a_segment_weighs_by_its_histogram(cold: ColdChain) -> None:
    course = Course(cold, [MEAN])
    assert course.judge((0, 500), (300, 650), (400, 799), histogram=True) == 0
    assert course.track.heat == weighed((500, 300), (650, 100))
    assert course.judge((500, 100), histogram=True) == 0
    assert course.track.heat == weighed((500, 300), (650, 100), (799, 100))


def test_without_a_histogram_a_segment_is_as_hot_as_its_hottest(cold: ColdChain) -> None:
    course = Course(cold, [MEAN])
    assert course.judge((0, 500), (300, 650), (400, 799)) == 0
    assert course.track.heat == weighed((799, 400))


def test_the_first_reading_holds_back_to_the_start(cold: ColdChain) -> None:
    """As the hottest of its segment: before it nothing is known."""
    course = Course(cold, [MEAN])
    course.judge((100, 200), (200, 500), (300, 300), histogram=True)
    assert course.track.heat == weighed((500, 100), (200, 100), (500, 100))


@pytest.mark.parametrize(("wait", "value"), [(MAX_INTERVAL, 300), (GAP, 600)])
def test_a_gap_weighs_as_the_hottest_before_it(cold: ColdChain, wait: int, value: int) -> None:
    course = Course(cold, [MEAN])
    course.judge((0, 600), (100, 300), histogram=True)
    course.judge((100 + wait, 700), histogram=True)
    assert course.track.heat == weighed((600, 100), (value, wait))


def test_a_gap_inside_weighs_as_the_hottest_so_far(cold: ColdChain) -> None:
    course = Course(cold, [MEAN])
    course.judge((0, 600), (100, 300), histogram=True)
    course.judge((200, 500), (200 + GAP, 300), histogram=True)
    assert course.track.heat == weighed((600, 100), (300, 100), (600, GAP))
    later = 200 + GAP
    course.judge((later + 100, 500), (later + 100 + GAP, 900), histogram=True)
    assert course.track.heat == weighed((600, 100), (300, 100), (600, GAP), (300, 100), (900, GAP))


@pytest.mark.parametrize(("end", "across"), [(-10, 0), (0, 0), (30, 30)])
def test_a_segment_before_the_policy_weighs_from_the_start_on(cold: ColdChain, end: int, across: int) -> None:
    """As its highest, if it reaches over the start; its last reading holds."""
    course = Course(cold, [MEAN], start=cold.start + 100)
    course.judge((-60, 300), (-50, 700), (end, 400), histogram=True)
    assert course.track.heat == weighed((700, across))
    course.judge((80, 500), (90, 500), histogram=True)
    assert course.track.heat == weighed((700, across), (400, 80 - max(0, end)), (500, 10))


def test_a_gap_after_a_segment_before_the_policy(cold: ColdChain) -> None:
    course = Course(cold, [MEAN], start=cold.start + 100)
    course.judge((-60, 900), (-50, 300), histogram=True)
    course.judge((GAP, 500), histogram=True)
    assert course.track.heat == weighed((300, GAP))


@pytest.mark.parametrize(("seconds", "broken"), [(599, 0), (600, 1)])
def test_the_mean_is_taken_once_the_policy_is_old_enough(cold: ColdChain, seconds: int, broken: int) -> None:
    course = Course(cold, [MEAN])
    assert course.judge((0, 900), (300, 900), (seconds, 900), histogram=True) == broken
    assert course.breach() == ((0, 900, 600, 1) if broken else NONE)


@pytest.mark.parametrize(("value", "broken"), [(799, 0), (800, 0), (801, 1)])
def test_a_mean_at_the_limit_is_not_above_it(cold: ColdChain, value: int, broken: int) -> None:
    course = Course(cold, [MEAN])
    assert course.judge((0, value), (300, value), (600, value), histogram=True) == broken


def test_a_mean_can_be_good_again_a_breach_not(cold: ColdChain) -> None:
    course = Course(cold, [MEAN])
    assert course.judge((0, 900), (600, 100), histogram=True) == 1
    assert course.judge((1500, 100), (2400, 100), histogram=True) == 1
    assert course.breach() == (0, 900, 600, 1)


def test_the_mean_is_over_all_time(cold: ColdChain) -> None:
    """12 h at 5 and 12 h at 11 degrees have a mean of 8.0, but an MKT of 8.5."""
    course = Course(cold, [MEAN._replace(duration=DAY), MEAN._replace(duration=DAY, limit=Limit(900, True))])
    hours = range(0, 25, 1)
    assert course.judge(*((h * 600, 500) for h in range(72)), (12 * HOUR, 1100), histogram=True) == 0
    day = [(12 * HOUR + h * 600, 1100) for h in range(1, 73)]
    assert len(hours) == 25
    assert course.judge(*day, histogram=True) == 0b01
    assert course.breach() == (0, 1100, DAY, 2)


def test_a_rolling_window_forgets(cold: ColdChain) -> None:
    """It has 24 ticks of 100 s: at 9 degrees for 1000 s, then at 5."""
    course = Course(cold, [ROLLING])
    view = cold.conditions.heatWindow
    about = course.policy.id, cold.logger.id, 1, 2400
    assert view(*about) == (0, 0)
    course.judge((0, 900), (500, 900), (1000, 500), histogram=True)
    assert view(*about) == (weighed((900, 1000)), 1000)
    assert course.judge((1500, 500), (2399, 500), histogram=True) == 0
    assert view(*about) == (weighed((900, 1000), (500, 1399)), 2399)
    # Tick 10 is out of the window of tick 34, so that its first segment is the one that ended in tick 23.
    course.judge((2500, 500), (3399, 500), histogram=True)
    assert view(*about) == (weighed((900, 1000), (500, 2399)), 3399)
    course.judge((3400, 500), histogram=True)
    assert view(*about) == (weighed((500, 2400)), 2400)


@pytest.mark.parametrize(("warm", "broken"), [(900, 0), (1300, 1)])
def test_a_rolling_mean_finds_what_the_whole_hides(cold: ColdChain, warm: int, broken: int) -> None:
    """At 4 degrees for long, then at 12: a third of the window may be so, half of it not."""
    course = Course(cold, [ROLLING, MEAN])
    for second in range(0, 10_000, 500):
        course.judge((second, 400), (second + 499, 400), histogram=True)
    for second in range(10_000, 10_000 + warm, 100):
        course.judge((second, 1200), (second + 99, 1200), histogram=True)
    assert course.judge((10_000 + warm, 400), histogram=True) == broken
    heat, time = cold.conditions.heatWindow(course.policy.id, cold.logger.id, 1, 2400)
    assert mkt.exceeds(heat, 800, time) == bool(broken)


def test_a_window_is_judged_once_it_can_be_full(cold: ColdChain) -> None:
    course = Course(cold, [ROLLING])
    assert course.judge((0, 900), (900, 900), (1800, 900), (2399, 900), histogram=True) == 0
    assert course.judge((2400, 900), histogram=True) == 1
    assert course.breach() == (0, 900, 2400, 2)


def test_windows_of_the_same_length_are_one(cold: ColdChain) -> None:
    mild = ROLLING._replace(limit=Limit(1000, True))
    course = Course(cold, [ROLLING, mild, ROLLING._replace(duration=4800)])
    assert course.judge(*((300 * i, 900) for i in range(9)), histogram=True) == 0b001
    assert course.judge(*((2700 + 300 * i, 900) for i in range(8)), histogram=True) == 0b101
    windows = [cold.conditions.heatWindow(course.policy.id, cold.logger.id, 1, d) for d in (2400, 4800)]
    assert windows == [(weighed((900, 4800 - 2400)), 2400), (weighed((900, 4800)), 4800)]


def test_after_a_long_silence_the_window_has_the_newest_segment(cold: ColdChain) -> None:
    course = Course(cold, [ROLLING])
    for second in range(0, 2400, 100):
        course.judge((second, 500), (second + 99, 500), histogram=True)
    course.judge((100_000, 500), (100_010, 500), histogram=True)
    about = course.policy.id, cold.logger.id, 1, 2400
    assert cold.conditions.heatWindow(*about) == (weighed((500, 100_010 - 2399)), 100_010 - 2399)


def test_too_hot_to_be_counted_stays_so(cold: ColdChain) -> None:
    """Above 127 degrees every mean is above its limit, for good, in the window too."""
    course = Course(cold, [MEAN._replace(limit=Limit(12_700, True)), ROLLING])
    course.judge((0, 12_800), (300, 500))
    assert course.track.heat == FULL
    assert course.judge((1200, 100), (2100, 100), (2400, 100), histogram=True) == 0b11
    assert cold.conditions.heatWindow(course.policy.id, cold.logger.id, 1, 2400) == (FULL, 2400)


def test_a_full_total_fills_the_window_that_began_before(cold: ColdChain) -> None:
    course = Course(cold, [ROLLING])
    for second in range(0, 5000, 500):
        assert course.judge((second, 500), (second + 499, 500), histogram=True) == 0
    assert course.judge((5000, 12_800), (5300, 500)) == 1
    assert cold.conditions.heatWindow(course.policy.id, cold.logger.id, 1, 2400).heat == FULL


def test_two_means_of_one_course(cold: ColdChain) -> None:
    """It is weighed once."""
    course = Course(cold, [MEAN, MEAN._replace(limit=Limit(1000, True)), MEAN._replace(duration=900)])
    assert course.judge((0, 900), (600, 900), histogram=True) == 0b001
    assert course.track.heat == weighed((900, 600))
    assert course.judge((700, 1300), (900, 1300), (1800, 1300), histogram=True) == 0b111


def test_without_a_rule_on_the_mean_nothing_is_weighed(cold: ColdChain) -> None:
    course = Course(cold, [TWICE])
    course.judge((0, 500), (300, 500), histogram=True)
    assert course.track.heat == 0


def test_a_mean_is_of_temperature_only(cold: ColdChain) -> None:
    policy = cold.policy([MEAN._replace(quantity=HUMIDITY)])
    with reverts("InvalidRule", 0):
        cold.set(policy)


def test_what_a_mean_weighs_counts_for_no_other_rule(cold: ColdChain) -> None:
    """A stream hot at the start: only rules with a limit of their own will count."""
    course = Course(cold, [MEAN], start=cold.start + 100)
    course.judge((-60, 900))
    assert not course.track.counting
    course.judge((10, 900), histogram=True)
    assert course.tally() == (0, 0)
    assert not course.track.counting
