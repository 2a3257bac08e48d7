"""Mean kinetic temperature on chain: never lower than it is, and hardly higher."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.build import ROOT
from goldthread.rules import mkt
from tests.models import bits
from tests.models.mkt import Held, chain_total, chain_weight, mean, weight_between
from tests.support import Contract, Node, deploy, fresh
from toolchain.mkt_table import literal

HOUR, DAY = 3600, 86_400
FULL = 2**64 - 1
HIGHEST_ERROR = Fraction(2, 100)

Course = tuple[tuple[str, int], ...]
VECTORS: tuple[tuple[Course, str], ...] = (
    ((("5", 1), ("15", 1)), "11.3867302"),
    (tuple((str(degree), 1) for degree in range(2, 9)), "5.2422621"),
    (tuple((degree, 1) for degree in ("20", "25", "30", "40")), "31.6208292"),
    ((("4", 4), ("16", 1)), "8.1088572"),
    (
        tuple((degree, 1) for degree in "20.5 21 22 23.5 25 26.5 28 27.5 25.5 23 21.5 20.5".split()),
        "24.0767768",
    ),
    ((("22", 29 * DAY), ("40", DAY)), "23.5995831"),
    ((("24", 29 * DAY), ("30", DAY)), "24.2745487"),
    ((("5", 23 * HOUR), ("15", HOUR)), "5.7635459"),
    ((("5", 18 * HOUR), ("15", 6 * HOUR)), "8.7859262"),
    ((("5", 12 * HOUR), ("11", 12 * HOUR)), "8.5252177"),
)
"""Temperatures and for how long, and their mean kinetic temperature by another library to seven digits."""

BOUNDARIES = (
    (5, 15, 24 * HOUR, 8, "4.5209838"),
    (22, 40, 720 * HOUR, 25, "48.657438"),
    (24, 30, 720 * HOUR, 25, "90.88901"),
)
"""The rest, the excursion, the window, the limit, and the hours of excursion that it takes to reach it."""


@pytest.fixture
def harness(node: Node) -> Contract:
    return deploy(node, "MktHarness")


shared = cache(lambda: deploy(fresh(), "MktHarness"))


def hundredths(course: Sequence[tuple[str, int]]) -> list[tuple[int, int]]:
    return [(int(Decimal(degree) * 100), seconds) for degree, seconds in course]


def exactly(course: Sequence[tuple[int, int]]) -> list[Held]:
    return [(Fraction(value, 100), seconds) for value, seconds in course]


def histogram(course: Sequence[tuple[int, int]]) -> list[int]:
    """The words in which a device tells of temperatures in hundredths of a degree, each held for seconds."""
    times: dict[int, int] = {}
    for value, seconds in course:
        below, part = value // 100, value % 100
        for degree, share in ((below, 100 - part), (below + 1, part)):
            if share * seconds:
                times[degree] = times.get(degree, 0) + share * seconds
    entries = [(degree, times[degree]) for degree in sorted(times)]
    return [
        bits.join(
            [field for entry in entries[i : i + 6] for field in entry], (8, 32) * len(entries[i : i + 6])
        )
        for i in range(0, len(entries), 6)
    ]


# The table


def test_the_table_has_the_weights_of_whole_degrees(harness: Contract) -> None:
    """Rounded up to the next multiple of 2^-20."""
    table = harness.weights()
    told = [int.from_bytes(table[i : i + 5], "big") for i in range(0, len(table), 5)]
    assert told == [chain_weight(degree) for degree in range(-73, 128)]
    assert told == [mkt.units(degree) for degree in range(-73, 128)]
    assert (told[0], told[78], told[-1]) == (1, 1 << 20, 60_393_036_892)


def test_the_table_is_what_its_script_prints() -> None:
    assert literal() in (ROOT / "contracts/libraries/Mkt.sol").read_text()


def test_the_weight_is_convex() -> None:
    """So that a chord is nowhere below it; between the rounded weights too, from where they are not all 1."""
    edges = [weight_between(Fraction(degree)) for degree in range(-128, 128)]
    for (_, before), (here, over), (after, _) in zip(edges, edges[1:], edges[2:], strict=False):
        assert before < here
        assert 2 * over < before + after or over - here > before + after - 2 * over
    rising = [b - a for a, b in pairwise(chain_weight(degree) for degree in range(-60, 128))]
    assert rising == sorted(rising)


@pytest.mark.parametrize("degree", [-129, 128])
def test_other_degrees_have_no_weight(degree: int) -> None:
    with pytest.raises(ValueError, match=f"no weight for {degree}"):
        mkt.units(degree)


# The numbers of the standards


@pytest.mark.parametrize(("course", "expected"), VECTORS)
def test_known_means(harness: Contract, course: Course, expected: str) -> None:
    exact = mkt.mean_kinetic_temperature((Decimal(degree), seconds) for degree, seconds in course)
    assert round(exact, 7) == Decimal(expected)
    values = hundredths(course)
    assert abs(mean(exactly(values)) - Fraction(exact)) < Fraction(1, 10**8)
    long = [(value, 3600 * seconds if seconds < HOUR else seconds) for value, seconds in values]
    total = harness.ofHistogram(histogram(long))
    assert total == sum(harness.ofValue(*held) for held in long) == chain_total(long)
    found = Fraction(mkt.mean_of(total, sum(seconds for _, seconds in long)))
    assert 0 <= found - Fraction(exact) <= HIGHEST_ERROR


@pytest.mark.parametrize(("rest", "excursion", "window", "limit", "hours"), BOUNDARIES)
def test_how_long_an_excursion_may_be(
    harness: Contract, rest: int, excursion: int, window: int, limit: int, hours: str
) -> None:
    """To the second, because whole degrees have no chord."""
    most = int(Decimal(hours) * HOUR)
    for seconds, above in ((most, False), (most + 1, True)):
        course = [(100 * rest, window - seconds), (100 * excursion, seconds)]
        total = harness.ofHistogram(histogram(course))
        assert harness.isAbove(total, 100 * limit, window) == mkt.exceeds(total, 100 * limit, window) == above
        exact = mkt.mean_kinetic_temperature((Decimal(v) / 100, held) for v, held in course)
        assert (exact > limit) == above


@pytest.mark.parametrize("limit", [-25, 0, 8, 25, 127])
def test_the_limit_itself_is_not_above_it(harness: Contract, limit: int) -> None:
    for degree, above in ((limit - 1, False), (limit, False), (limit + 1, True)):
        total = harness.ofValue(100 * degree, DAY)
        assert harness.isAbove(total, 100 * limit, DAY) == above
    total = harness.ofValue(100 * limit, DAY)
    assert harness.isAbove(total + 1, 100 * limit, DAY)


# What holds for all

values = st.integers(-2500, 12_700) | st.integers(-500, 4500)
courses = st.lists(st.tuples(values, st.integers(1, 40 * DAY)), min_size=1, max_size=8)


@given(courses)
def test_never_low_and_hardly_high(course: list[tuple[int, int]]) -> None:
    seconds = sum(held for _, held in course)
    total = sum(mkt.of_value(*held) for held in course)
    found, exact = Fraction(mkt.mean_of(total, seconds)), mean(exactly(course))
    assert 0 <= found - exact <= HIGHEST_ERROR + Fraction(1, 10**9)


anything = st.integers(-12_800, 12_700)
brief = st.lists(st.tuples(anything, st.integers(0, 500_000)), min_size=1, max_size=12)


@given(brief)
def test_colder_than_the_table_is_not_low_either(course: list[tuple[int, int]]) -> None:
    """What weighs less than a unit weighs one."""
    edges = [(weight_between(celsius)[0], held) for celsius, held in exactly(course)]
    assert chain_total(course) >= sum(100 * weight * held for weight, held in edges) * (1 << 20)


@given(brief)
def test_contract_package_and_model_agree(course: list[tuple[int, int]]) -> None:
    harness, words = shared(), histogram(course)
    parts = [harness.ofValue(*held) for held in course]
    assert parts == [mkt.of_value(*held) for held in course] == [chain_total([held]) for held in course]
    assert harness.ofHistogram(words) == sum(parts)
    times = {bits.signed(v, 8): time for v, time in entries(words)}
    assert mkt.of_histogram(times) == sum(parts)


def entries(words: Sequence[int]) -> list[tuple[int, int]]:
    fields = [field for word in words for field in bits.split(word, (8, 32) * 6)]
    return [(v, time) for v, time in zip(fields[::2], fields[1::2], strict=True) if time]


# Where the numbers end


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(-(2**31), 7), (-7301, 7), (-7300, 7), (-7299, 7), (-7201, 1), (12_699, 9), (12_700, 9), (500, 0)],
)
def test_the_ends_of_the_table(harness: Contract, value: int, seconds: int) -> None:
    expected = chain_total([(max(value, -12_800), seconds)])
    assert harness.ofValue(value, seconds) == mkt.of_value(value, seconds) == expected


@pytest.mark.parametrize("value", [12_701, 2**31 - 1])
def test_too_hot_to_be_counted(harness: Contract, value: int) -> None:
    """But for no time at all."""
    assert harness.ofValue(value, 1) == mkt.of_value(value, 1) == FULL
    assert harness.ofValue(value, 0) == mkt.of_value(value, 0) == 0


@pytest.mark.parametrize(
    ("total", "more", "full"),
    [
        (0, 0, False),
        (5, 7, False),
        (FULL - 8, 7, False),
        (FULL - 8, 8, True),
        (FULL - 8, 9, True),
        (FULL, 0, True),
        (FULL, 1, True),
        (0, 2**200, True),
    ],
)
def test_totals_stay_full(harness: Contract, total: int, more: int, full: bool) -> None:
    expected = FULL if full else total + more
    assert harness.sum(total, more) == mkt.add(total, more) == expected
    years = 500 * 366 * DAY
    assert harness.isAbove(expected, 12_700, years) == mkt.exceeds(expected, 12_700, years) == full


@pytest.mark.parametrize(
    ("limit", "fits"),
    [
        (-2600, False),
        (-2501, False),
        (-2500, True),
        (-2499, False),
        (0, True),
        (1, False),
        (99, False),
        (800, True),
        (12_700, True),
        (12_701, False),
        (12_800, False),
    ],
)
def test_limits_are_whole_degrees(harness: Contract, limit: int, fits: bool) -> None:
    assert harness.isLimit(limit) == fits


def test_what_has_no_mean() -> None:
    for total, seconds in ((FULL, 1), (1, 0), (0, 1)):
        with pytest.raises(ValueError, match="has no mean|no temperature weighs"):
            mkt.mean_of(total, seconds)
    with pytest.raises(ValueError, match="held for any time"):
        mkt.mean_kinetic_temperature([])
    with pytest.raises(ValueError, match="below absolute zero"):
        mkt.weight(Decimal("-273.15"))
    with pytest.raises(ValueError, match="no temperature weighs"):
        mkt.temperature_of(mkt.weight(Decimal(10**12)) * 2)
