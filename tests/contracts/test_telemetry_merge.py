"""The summary of two parts is that of all their readings, for any two parts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.models.segments import Limit, Reading, Segment, binned, build, hashed, summary
from tests.support import Contract, deploy, fresh

LIMITS = (Limit(-50, False), Limit(0, False), Limit(0, True), Limit(800, True))
DEVICE, TWIN = b"\1" * 32, b"\2" * 32


@cache
def harness() -> Contract:
    return deploy(fresh(), "SummaryHarness")


def whole(readings: Sequence[Reading], histogram: bool) -> Segment:
    """A segment that tells about all limits, also those that no reading was beyond."""
    segment = build(DEVICE, TWIN, seq=7, readings=readings, quantity=3, histogram=histogram)
    _, _, *excursions = summary(readings, 7, LIMITS, (), 3)
    return segment._replace(excursions=tuple(excursions))


def parts(readings: Sequence[Reading], cut: int, histogram: bool) -> tuple[list[int], list[int], list[int]]:
    vertices = sorted(binned(readings)) if histogram else []
    return tuple(  # type: ignore[return-value]
        summary(part, 7, LIMITS, vertices, 3) for part in (readings[:cut], readings[cut:], readings)
    )


def check(readings: Sequence[Reading], histogram: bool) -> None:
    segment = whole(readings, histogram)
    for cut in range(1, len(readings)):
        a, b, both = parts(readings, cut, histogram)
        assert harness().merge(a, b, segment) == hashed(both)
    one = readings[:1]
    vertices = sorted(binned(readings)) if histogram else []
    assert harness().ofReading(*one[0], segment) == summary(one, 7, LIMITS, vertices, 3)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 400),
            st.sampled_from([-51, -50, -49, -1, 0, 1, 99, 100, 799, 800, 801]) | st.integers(-3000, 3000),
        ),
        min_size=1,
        max_size=12,
    ),
    st.booleans(),
)
def test_any_two_parts(steps: list[tuple[int, int]], histogram: bool) -> None:
    times = [1000 + sum(step for step, _ in steps[: i + 1]) for i in range(len(steps))]
    check([Reading(time, value) for time, (_, value) in zip(times, steps, strict=True)], histogram)


def test_all_short_streams() -> None:
    """At, within and beyond limits on both sides, a second or three apart."""
    for count in (1, 2, 3, 4):
        for values in product((-50, -49, 799, 800), repeat=count):
            for steps in product((1, 3), repeat=count - 1):
                times = [1000 + sum(steps[:i]) for i in range(count)]
                check([Reading(*both) for both in zip(times, values, strict=True)], histogram=count < 4)


@pytest.mark.parametrize("value", [-(2**31), 2**31 - 1])
def test_the_coldest_and_the_hottest(value: int) -> None:
    check([Reading(0, value), Reading(2**31, -value - 1), Reading(2**32 - 1, value)], histogram=False)


@given(st.integers(0, 2**40 - 1), st.integers(0, 2**40 - 1))
@example(5, 5)
@example(5, 4)
@example(4, 5)
def test_a_later_part_comes_later(first: int, second: int) -> None:
    """Or there is no summary of both."""
    earlier, later = [Reading(first, 1)], [Reading(second, 2)]
    segment = whole(earlier, histogram=False)
    a, b = (summary(part, 7, LIMITS, (), 3) for part in (earlier, later))
    merged = harness().merge(a, b, segment)
    assert (merged == bytes(32)) == (second <= first)


@pytest.mark.parametrize("value", [500, 555, -1, -100, 0])
def test_a_segment_tells_of_each_vertex_with_weight(value: int) -> None:
    """Or there is no room for what its readings weigh."""
    readings = [Reading(1000, value), Reading(1010, 2000), Reading(1020, 0)]
    weights = binned(readings)
    for missing in (None, *weights):
        vertices = sorted(set(weights) - {missing})
        segment = whole(readings, histogram=False).with_histogram(dict.fromkeys(vertices, 1))
        a, b, both = (
            summary(part, 7, LIMITS, vertices, 3) for part in (readings[:1], readings[1:], readings)
        )
        there = missing is None or missing not in binned(readings[:2])
        assert harness().merge(a, b, segment) == (hashed(both) if there else bytes(32))


def test_the_end_of_a_histogram_is_no_vertex() -> None:
    """What is left of the last word is zero, and so is the vertex 0."""
    readings = [Reading(1000, 0), Reading(1010, 500)]
    segment = whole(readings, histogram=False).with_histogram({5: 1000})
    a, b = (summary(part, 7, LIMITS, (5,), 3) for part in (readings[:1], readings[1:]))
    assert harness().merge(a, b, segment) == bytes(32)


@given(st.data())
def test_any_words_have_some_merge(data: st.DataObject) -> None:
    """Nothing reverts, so that what is above a false summary can be shown as well."""
    readings = [Reading(1000, 515), Reading(1100, 1215), Reading(1200, -300)]
    segment = whole(readings, histogram=True)
    words = st.lists(st.integers(0, 2**256 - 1), min_size=len(segment.summary), max_size=len(segment.summary))
    harness().merge(data.draw(words), data.draw(words), segment)
