"""What loggers and indicators do by their standards, and what other software got wrong.

Sources: WHO PQS E006 (shipping indicators, 30-day fridge loggers) as quoted in the domain notes; issues of
open mSupply, a vaccine cold-chain system, by their numbers.
"""

from __future__ import annotations

import pytest

from goldthread.rules.templates import templates
from tests.models.readings import Rule, RuleKind
from tests.models.segments import Limit
from tests.support.coldchain import ColdChain, Course

MINUTE, HOUR, DAY = 60, 3600, 86_400


def template(name: str, *expected: Rule) -> tuple[Rule, ...]:
    """The rules of a template, which are those."""
    rules = tuple(Rule.of(word) for word in templates()[name].words)
    assert rules == expected
    return rules


def high(kind: RuleKind, value: int, duration: int = 0, severity: int = 3, upper: int = 0) -> Rule:
    return Rule(kind, Limit(value, high=True), duration, severity, upper=upper)


def low(kind: RuleKind, value: int, duration: int = 0, severity: int = 3) -> Rule:
    return Rule(kind, Limit(value, high=False), duration, severity)


FRIDGE_HIGH = high(RuleKind.CONSECUTIVE, 800, 600 * MINUTE)
FRIDGE_LOW = low(RuleKind.CONSECUTIVE, -50, 60 * MINUTE)
FRIDGE = template("who-30-day-fridge-logger", FRIDGE_HIGH, FRIDGE_LOW)[::-1]
TYPE_1 = template(
    "who-shipping-indicator-type-1",
    high(RuleKind.CONSECUTIVE, 4500, HOUR),
    high(RuleKind.CUMULATIVE, 3000, 10 * HOUR),
    low(RuleKind.CONSECUTIVE, -50, HOUR),
)
TYPE_2 = template("who-shipping-indicator-type-2", *TYPE_1[:2], high(RuleKind.CUMULATIVE, 1000, 20 * HOUR))
ROOM = template(
    "usp-controlled-room-temperature",
    high(RuleKind.MKT, 2500, 30 * DAY, upper=1),
    low(RuleKind.INSTANT, 1499, severity=2),
    high(RuleKind.CONSECUTIVE, 3001, DAY, severity=2),
    high(RuleKind.INSTANT, 4001),
)
REFRIGERATED = template(
    "usp-2-to-8",
    high(RuleKind.MKT, 800, DAY, upper=1),
    low(RuleKind.INSTANT, 199),
    high(RuleKind.CONSECUTIVE, 801, DAY, severity=2),
    high(RuleKind.INSTANT, 1501),
)
FROZEN = template("usp-frozen", low(RuleKind.INSTANT, -2501, severity=2), high(RuleKind.INSTANT, -999))
ULTRA_COLD = template(
    "ultra-cold-vaccine",
    low(RuleKind.INSTANT, -9001, severity=2),
    high(RuleKind.BAND_BUDGET, -5999, 14 * DAY, upper=-1499),
    high(RuleKind.BAND_BUDGET, -1499, DAY, upper=200),
    high(RuleKind.BAND_BUDGET, 200, 30 * DAY, upper=801),
    high(RuleKind.BAND_BUDGET, 801, 4 * HOUR, upper=3001),
    high(RuleKind.INSTANT, 3001),
    high(RuleKind.COUNT, -5999, 3),
    low(RuleKind.COUNT, -301, 2),
)
LOW, HIGH = 0b01, 0b10


def steady(value: int, begin: int, end: int, every: int = 10 * MINUTE) -> list[tuple[int, int]]:
    """The same value from the one second to the other, read at the end too."""
    return [*((t, value) for t in range(begin, end, every)), (end, value)]


# Fridge loggers


@pytest.mark.parametrize(
    ("value", "minutes", "broken"),
    [
        (800, 600, HIGH),
        (800, 599, 0),
        (799, 2000, 0),
        (2500, 600, HIGH),
        (-50, 60, LOW),
        (-50, 59, 0),
        (-49, 2000, 0),
    ],
)
def test_a_fridge_alarms(cold: ColdChain, value: int, minutes: int, broken: int) -> None:
    """At +8.0 C for 600 minutes and at -0.5 C for 60."""
    course = Course(cold, FRIDGE)
    assert course.judge(*steady(value, 0, minutes * MINUTE)) == broken


def test_a_fridge_does_not_add_up(cold: ColdChain) -> None:
    """659 minutes above 8 C in two pieces are no alarm: the loggers of the field show this on three days."""
    course = Course(cold, FRIDGE)
    warm = steady(1000, 0, 300 * MINUTE) + [(301 * MINUTE, 500)] + steady(1000, 302 * MINUTE, 661 * MINUTE)
    assert course.judge(*warm) == 0


def test_a_fridge_counts_on_over_midnight(cold: ColdChain) -> None:
    """Warm from 19:00 on, cut at midnight as the reports are: the alarm comes at 05:00.

    One day of the field's loggers alarms with only 543 minutes.
    """
    course = Course(cold, FRIDGE)
    evening, morning = 19 * HOUR, DAY + 5 * HOUR
    assert course.judge(*steady(500, 0, evening - 600), *steady(1000, evening, DAY - 60)) == 0
    assert course.judge(*steady(1000, DAY, morning - 60)) == 0
    assert course.judge((morning, 1000)) == HIGH
    assert course.breach(1) == (evening, 1000, 600 * MINUTE, 3)


# Shipping indicators


@pytest.mark.parametrize("rules", [TYPE_1, TYPE_2])
@pytest.mark.parametrize(
    ("value", "minutes", "broken"), [(2990, 300, 0), (3000, 299, 0), (3000, 300, 0b010), (3100, 300, 0b010)]
)
def test_ten_hours_at_thirty_degrees(
    cold: ColdChain, rules: tuple[Rule, ...], value: int, minutes: int, broken: int
) -> None:
    """In two pieces; 30.0 C alarms, 29.9 C does not."""
    course = Course(cold, rules, max_interval=HOUR)
    assert course.judge(*steady(value, 0, 5 * HOUR - 60), (5 * HOUR, 500)) == 0
    assert course.judge(*steady(value, 6 * HOUR, 6 * HOUR + minutes * MINUTE)) == broken


@pytest.mark.parametrize(("value", "minutes", "broken"), [(4500, 60, 1), (4500, 59, 0), (4490, 60, 0)])
def test_an_hour_at_forty_five_degrees(cold: ColdChain, value: int, minutes: int, broken: int) -> None:
    """At once, not in pieces."""
    course = Course(cold, TYPE_1, max_interval=HOUR)
    course.judge(*steady(value, 0, 30 * MINUTE), (30 * MINUTE + 1, 500))
    assert course.judge(*steady(value, HOUR, HOUR + minutes * MINUTE)) == broken


def test_type_1_knows_frost_and_type_2_warmth(cold: ColdChain) -> None:
    course = Course(cold, [*TYPE_1, *TYPE_2])
    frost = steady(-50, 0, HOUR)
    assert course.judge(*frost) == 0b000100
    assert course.judge(*steady(1000, HOUR + 60, 21 * HOUR + 59)) == 0b000100
    assert course.judge((21 * HOUR + 60, 1000)) == 0b100100


@pytest.mark.parametrize(
    ("value", "minutes", "broken"), [(990, 1200, 0), (1000, 1199, 0), (1000, 1200, 0b100)]
)
def test_twenty_hours_at_ten_degrees(cold: ColdChain, value: int, minutes: int, broken: int) -> None:
    """Type 2; in two pieces."""
    course = Course(cold, TYPE_2, max_interval=HOUR)
    assert course.judge(*steady(value, 0, 5 * HOUR - 60), (5 * HOUR - 60 + 60, 500)) == 0
    assert course.judge(*steady(value, 6 * HOUR, HOUR + minutes * MINUTE)) == broken


@pytest.mark.parametrize(("value", "minutes", "broken"), [(-49, 60, 0), (-50, 59, 0), (-50, 60, 0b100)])
def test_an_hour_of_frost(cold: ColdChain, value: int, minutes: int, broken: int) -> None:
    """Type 1."""
    course = Course(cold, TYPE_1, max_interval=HOUR)
    assert course.judge((0, 500), *steady(value, 60, 60 + minutes * MINUTE)) == broken


# The pharmacopoeia


@pytest.mark.parametrize(
    ("value", "hours", "broken"),
    [
        (1500, 1, 0),
        (1499, 1, 0b0010),
        (3000, 30, 0),
        (3001, 23, 0),
        (3001, 24, 0b0100),
        (4000, 23, 0),
        (4001, 1, 0b1000),
    ],
)
def test_controlled_room_temperature(cold: ColdChain, value: int, hours: int, broken: int) -> None:
    """15 to 30 degrees; up to 40 for less than a day."""
    course = Course(cold, ROOM, max_interval=HOUR)
    readings = steady(value, HOUR, HOUR + hours * HOUR, HOUR)
    assert course.judge((0, 2200), *readings, (HOUR + hours * HOUR + 60, 2200)) == broken


def rolled(cold: ColdChain, rest: int, worst: int, seconds: int, rule: Rule) -> Course:
    """A window of 24 ticks with a segment each, after another one; the worst in its last seconds."""
    course = Course(cold, [rule], max_interval=2 * DAY)
    tick = rule.duration // 24
    begin = 25 * tick - 1 - seconds
    for start in range(0, 25 * tick, tick):
        times = sorted({start, *([begin] if start < begin < start + tick else []), start + tick - 1})
        course.judge(*((t, rest if t < begin else worst) for t in times), histogram=True)
    window = cold.conditions.heatWindow(course.policy.id, cold.logger.id, 1, rule.duration)
    assert window.time == rule.duration
    return course


@pytest.mark.parametrize(("seconds", "broken"), [(175_166, 0), (175_168, 1)])
def test_a_month_at_room_temperature(cold: ColdChain, seconds: int, broken: int) -> None:
    """22 degrees, and 40 for 48.657 of 720 hours: that far goes a mean kinetic temperature of 25."""
    course = rolled(cold, 2200, 4000, seconds, ROOM[0])
    assert course.track.latched == broken


@pytest.mark.parametrize(("seconds", "broken"), [(327_200, 0), (327_201, 1)])
def test_a_month_at_24_degrees(cold: ColdChain, seconds: int, broken: int) -> None:
    """And 30 for 90.889 hours of it."""
    assert rolled(cold, 2400, 3000, seconds, ROOM[0]).track.latched == broken


@pytest.mark.parametrize(
    ("value", "hours", "broken"),
    [
        (200, 1, 0),
        (199, 1, 0b0010),
        (800, 30, 0),
        (801, 23, 0),
        (801, 24, 0b0100),
        (1500, 1, 0),
        (1501, 1, 0b1000),
    ],
)
def test_two_to_eight(cold: ColdChain, value: int, hours: int, broken: int) -> None:
    course = Course(cold, REFRIGERATED[1:], max_interval=HOUR)
    readings = steady(value, HOUR, HOUR + hours * HOUR, HOUR)
    assert course.judge((0, 500), *readings, (HOUR + hours * HOUR + 60, 500)) == broken >> 1


@pytest.mark.parametrize(("seconds", "broken"), [(16_275, 0), (16_276, 1)])
def test_a_day_at_two_to_eight(cold: ColdChain, seconds: int, broken: int) -> None:
    """5 degrees, and 15 for 4.52 of 24 hours: that far goes a mean kinetic temperature of 8."""
    course = rolled(cold, 500, 1500, seconds, REFRIGERATED[0])
    assert course.track.latched == broken


@pytest.mark.parametrize(
    ("value", "broken"), [(-2501, 0b01), (-2500, 0), (-2499, 0), (-1001, 0), (-1000, 0), (-999, 0b10)]
)
def test_a_freezer(cold: ColdChain, value: int, broken: int) -> None:
    course = Course(cold, FROZEN)
    assert course.judge((0, -2000), (60, value), (120, -2000)) == broken


# An ultra-cold vaccine


@pytest.mark.parametrize(
    ("value", "seconds", "broken"),
    [
        (-9001, 1, 0),
        (-9000, DAY, None),
        (-6000, 30 * DAY, None),
        (-5999, 14 * DAY - 1, None),
        (-5999, 14 * DAY, 1),
        (-1500, 14 * DAY - 1, None),
        (-1500, 14 * DAY, 1),
        (-1499, DAY - 1, None),
        (-1499, DAY, 2),
        (199, DAY, 2),
        (200, 30 * DAY - 1, None),
        (200, 30 * DAY, 3),
        (800, 30 * DAY, 3),
        (801, 4 * HOUR - 1, None),
        (801, 4 * HOUR, 4),
        (3000, 4 * HOUR, 4),
        (3001, 1, 5),
    ],
)
def test_budgets_of_an_ultra_cold_vaccine(
    cold: ColdChain, value: int, seconds: int, broken: int | None
) -> None:
    """Two weeks up to -15 degrees, a day up to 2, a month up to 8, four hours up to 30."""
    course = Course(cold, ULTRA_COLD, max_interval=30 * DAY)
    found = course.judge((0, -7000), (60, value), (60 + seconds, -7000 if value < -5998 else value))
    assert found == (0 if broken is None else 1 << broken)


def test_the_budgets_of_an_ultra_cold_vaccine_add_up(cold: ColdChain) -> None:
    """In each band, over two journeys; a third is one too many."""
    course = Course(cold, ULTRA_COLD, max_interval=30 * DAY)
    assert course.judge((0, -7000), (DAY, -2000), (8 * DAY, -7000)) == 0
    assert course.judge((9 * DAY, -2000), (16 * DAY - 1, -7000)) == 0
    assert [course.tally(rule)[0] for rule in (1, 6, 7)] == [14 * DAY - 1, 2, 1]
    assert course.judge((17 * DAY, -2000), (17 * DAY + 1, -7000)) == 1 << 1 | 1 << 6


def test_thawed_it_is_not_frozen_again(cold: ColdChain) -> None:
    course = Course(cold, ULTRA_COLD, max_interval=DAY)
    assert course.judge((0, -7000), (600, -2000), (1200, -300), (1800, 500)) == 0
    assert course.judge((2400, -300), (3000, 400)) == 0
    assert course.judge((3600, -301)) == 1 << 7


# What open mSupply got wrong


def test_an_open_cumulative_breach_hides_no_consecutive_one(cold: ColdChain) -> None:
    """mobile #4549."""
    limit = Limit(800, high=True)
    course = Course(cold, [Rule(RuleKind.CUMULATIVE, limit, 600), Rule(RuleKind.CONSECUTIVE, limit, 900)])
    assert course.judge((0, 900), (300, 500), (600, 900), (900, 500)) == 0b01
    assert course.judge((1200, 900), (1800, 900), (2100, 500)) == 0b11
    assert course.breach(1) == (0, 900, 900, 2)


def test_low_and_high_are_counted_apart(cold: ColdChain) -> None:
    """mobile #3757: one reading too low, all others too high."""
    sides = Limit(200, high=False), Limit(800, high=True)
    rules = [Rule(kind, side, 2400) for kind in (RuleKind.CONSECUTIVE, RuleKind.CUMULATIVE) for side in sides]
    course = Course(cold, rules)
    assert course.judge(*((300 * i, v) for i, v in enumerate([100, *[900] * 8]))) == 0
    assert course.judge((2700, 900)) == 0b1010
    assert [course.tally(rule)[0] for rule in range(4)] == [0, 2400, 300, 2400]


def test_a_new_download_opens_no_new_breach(cold: ColdChain) -> None:
    """mobile #3569: the breach of the segments before goes on."""
    course = Course(cold, FRIDGE)
    found = [course.judge(*steady(1000, n * DAY, (n + 1) * DAY - 60)) for n in range(3)]
    assert found == [HIGH, HIGH, HIGH]
    assert course.breach(1) == (0, 1000, DAY - 60, 1)
    assert course.tally(1) == (3 * DAY - 60, 1)


def test_a_lost_sensor_ends_in_a_breach(cold: ColdChain) -> None:
    """open-msupply #3207: the excursion of a sensor that is lost goes on, until it speaks again."""
    course = Course(cold, FRIDGE)
    course.judge((0, 500), (60, 900))
    assert course.judge((60 + 600 * MINUTE, 500)) == LOW | HIGH
    assert course.breach(1) == (60, 900, 600 * MINUTE, 2)


def test_a_breach_says_how_bad_it_was(cold: ColdChain) -> None:
    """open-msupply #3033 and #4479: breaches without their lowest and highest reading."""
    course = Course(cold, FRIDGE, max_interval=HOUR)
    course.judge(*steady(900, 0, 590 * MINUTE))
    course.judge((591 * MINUTE, 1130), (600 * MINUTE, 880))
    course.judge((601 * MINUTE, 500), (602 * MINUTE, -70))
    course.judge((603 * MINUTE, -330), (663 * MINUTE, 100))
    assert course.breach(1) == (0, 1130, 600 * MINUTE, 2)
    assert course.breach(0) == (602 * MINUTE, -330, 61 * MINUTE, 4)
