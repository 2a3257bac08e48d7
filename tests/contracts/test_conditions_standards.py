"""What loggers and indicators do by their standards, and what other software got wrong.

Sources: WHO PQS E006 (shipping indicators, 30-day fridge loggers) as quoted in the domain notes; issues of
open mSupply, a vaccine cold-chain system, by their numbers.
"""

from __future__ import annotations

import pytest

from tests.models.readings import Rule, RuleKind
from tests.models.segments import Limit
from tests.support.coldchain import ColdChain, Course

MINUTE, HOUR, DAY = 60, 3600, 86_400
FRIDGE_HIGH = Rule(RuleKind.CONSECUTIVE, Limit(800, high=True), 600 * MINUTE)
FRIDGE_LOW = Rule(RuleKind.CONSECUTIVE, Limit(-50, high=False), 60 * MINUTE)
FRIDGE = (FRIDGE_LOW, FRIDGE_HIGH)
TYPE_1 = (
    Rule(RuleKind.CONSECUTIVE, Limit(4500, high=True), HOUR),
    Rule(RuleKind.CUMULATIVE, Limit(3000, high=True), 10 * HOUR),
    Rule(RuleKind.CONSECUTIVE, Limit(-50, high=False), HOUR),
)
TYPE_2 = (*TYPE_1[:2], Rule(RuleKind.CUMULATIVE, Limit(1000, high=True), 20 * HOUR))
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
