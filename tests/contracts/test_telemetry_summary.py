"""A summary that no readings can have is refused, whoever signed it; each clause of the check on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import pytest

from tests.models import bits
from tests.models.segments import (
    Excursion,
    Frame,
    Limit,
    Reading,
    Segment,
    Values,
    histogram_words,
    vertices_of,
)
from tests.support import Node, deploy, reverts
from tests.support.coldchain import COLD, HOT, ColdChain

Change = Callable[[Segment], Segment]


def hot(cold: ColdChain) -> Segment:
    """1,200 s; above the limit from 300 to 600 s and from 900 s to the end."""
    return cold.segment(cold.every(300, [500, 900, 700, 820, 850], cold.start))


def hot_at_first(cold: ColdChain) -> Segment:
    """600 s; above the limit for the first 300."""
    return cold.segment(cold.every(300, [900, 700, 600], cold.start))


def hot_always(cold: ColdChain) -> Segment:
    """600 s above the limit."""
    return cold.segment(cold.every(300, [900, 900, 900], cold.start))


def cool(cold: ColdChain) -> Segment:
    """900 s without an excursion."""
    return cold.segment(cold.every(300, [-20, 500, 700, 300], cold.start))


def flat(cold: ColdChain) -> Segment:
    """The same value all the time."""
    return cold.segment(cold.every(300, [300, 300], cold.start))


def single(cold: ColdChain) -> Segment:
    """One reading, above the limit."""
    return cold.segment([Reading(cold.start, 900)])


def anchor(cold: ColdChain, segment: Segment) -> None:
    """Signed as it is."""
    cold.anchor(segment)
    assert cold.telemetry.stream(*segment.key).seq == 1


# Words


@pytest.mark.parametrize("bit", [192, 255])
def test_a_bit_of_the_frame_that_means_nothing(cold: ColdChain, bit: int) -> None:
    segment = cool(cold)
    odd = segment._replace(frame=segment.frame | 1 << bit)
    with reverts("NotWellFormed", odd.frame, odd.values):
        cold.anchor(odd)


@pytest.mark.parametrize("bit", [160, 255])
def test_a_bit_of_the_values_that_means_nothing(cold: ColdChain, bit: int) -> None:
    segment = cool(cold)
    odd = segment._replace(values=segment.values | 1 << bit)
    with reverts("NotWellFormed", odd.frame, odd.values):
        cold.anchor(odd)


# Count and times


@pytest.mark.parametrize(
    ("duration", "count", "max_interval"),
    [
        pytest.param(900, 0, 900, id="no reading"),
        pytest.param(0, 0, 0, id="no reading in no time"),
        pytest.param(900, 1, 900, id="one reading that takes time"),
        pytest.param(0, 1, 1, id="one reading with an interval"),
        pytest.param(0, 2, 0, id="two readings in one second"),
        pytest.param(10, 12, 1, id="more readings than seconds"),
        pytest.param(10, 2**32 - 1, 10, id="far more"),
        pytest.param(10, 2, 11, id="an interval longer than all of the time"),
        pytest.param(10, 3, 10, id="an interval that leaves no time for the other"),
        pytest.param(10, 4, 9, id="an interval that leaves too little time for two others"),
        pytest.param(10, 2, 9, id="an interval too short for two readings"),
        pytest.param(10, 3, 4, id="an interval too short for three"),
        pytest.param(10, 2, 0, id="no interval"),
    ],
)
def test_readings_that_do_not_fit(cold: ColdChain, duration: int, count: int, max_interval: int) -> None:
    fields = {"end": cold.start + duration, "count": count, "max_interval": max_interval}
    odd = cool(cold).with_frame(**fields)
    with reverts("CountDoesNotFit", count, max_interval, duration):
        cold.anchor(odd)


@pytest.mark.parametrize(
    ("duration", "count", "max_interval"),
    [
        (0, 1, 0),
        (10, 11, 1),
        (10, 2, 10),
        (10, 3, 5),
        (10, 3, 9),
        (10, 4, 4),
        (10, 4, 8),
        (2**32 - 1, 2, 2**32 - 1),
    ],
)
def test_readings_that_just_fit(cold: ColdChain, duration: int, count: int, max_interval: int) -> None:
    fields = {"end": cold.start + duration, "count": count, "max_interval": max_interval}
    anchor(cold, flat(cold).with_frame(**fields).with_values(sum=300 * count))


# Values


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"last": -21}, id="last below the lowest"),
        pytest.param({"last": 701}, id="last above the highest"),
        pytest.param({"min": 301, "sum": 1700}, id="lowest above the last"),
        pytest.param({"max": 299}, id="highest below the last"),
        pytest.param({"min": 700, "max": -20}, id="lowest above the highest"),
        pytest.param({"sum": 3 * -20 + 700 - 1}, id="too small a sum"),
        pytest.param({"sum": 3 * 700 - 20 + 1}, id="too large a sum"),
    ],
)
def test_values_that_contradict_each_other(cold: ColdChain, fields: dict[str, int]) -> None:
    odd = cool(cold).with_values(**fields)
    with reverts("ValuesContradict", odd.values):
        cold.anchor(odd)


@pytest.mark.parametrize(
    "fields",
    [
        {"last": -20},
        {"last": 700},
        {"min": 300, "sum": 1700},
        {"max": 300, "sum": 600},
        {"sum": 3 * -20 + 700},
        {"sum": 3 * 700 - 20},
    ],
)
def test_values_that_just_fit(cold: ColdChain, fields: dict[str, int]) -> None:
    anchor(cold, cool(cold).with_values(**fields))


@pytest.mark.parametrize("value", [-(2**31), 2**31 - 1])
def test_the_largest_segment_there_is(cold: ColdChain, value: int) -> None:
    """A reading a second for 136 years, as cold or as hot as can be said."""
    count = 2**32 - 1
    frame = Frame(1, 1, cold.start, cold.start + count - 1, count, 1)
    values = Values(value, value, value, value * count)
    anchor(cold, cool(cold)._replace(frame=frame.word, values=values.word))


# Excursions


def test_no_more_than_sixteen_excursions(cold: ColdChain) -> None:
    limits = [Limit(800 - i, high=True) for i in range(17)]
    readings = cold.every(300, [500, 900], cold.start)
    with reverts("TooManyExcursions", 17):
        cold.anchor(cold.segment(readings, limits=limits))
    anchor(cold, cold.segment(readings, limits=limits[:16]))


def test_excursions_are_sorted(cold: ColdChain) -> None:
    """Low sides first, then by the limit, and each limit once."""
    limits = [Limit(-60, False), Limit(500, False), Limit(-60, True), Limit(500, True), Limit(800, True)]
    readings = cold.every(300, [-70, 900, 400], cold.start)
    segment = cold.segment(readings, limits=limits)
    assert [Excursion.of(word).limit for word in segment.excursions] == limits
    for place in range(1, len(limits)):
        words = list(segment.excursions)
        words[place - 1], words[place] = words[place], words[place - 1]
        with reverts("ExcursionContradicts", place):
            cold.anchor(segment._replace(excursions=tuple(words)))
        with reverts("ExcursionContradicts", place):
            cold.anchor(
                segment._replace(excursions=segment.excursions[:place] + segment.excursions[place - 1 :])
            )
    anchor(cold, segment)


def two_inside(cold: ColdChain) -> Segment:
    """1,000 s; above the limit from 100 to 300, 400 to 700 and from 900 s on."""
    values = {0: 500, 100: 900, 300: 700, 400: 900, 700: 700, 900: 900, 1000: 900}
    return cold.segment([Reading(cold.start + time, value) for time, value in values.items()])


def two_ends(cold: ColdChain) -> Segment:
    """600 s; above the limit for the first and the last 200."""
    return cold.segment(cold.every(200, [900, 500, 900, 900], cold.start))


def last_only(cold: ColdChain) -> Segment:
    """300 s; above the limit with the last reading."""
    return cold.segment(cold.every(300, [500, 900], cold.start))


ODD: dict[str, tuple[Callable[[ColdChain], Segment], dict[str, object]]] = {
    "longer than nothing, at the very end": (
        hot,
        {"first": 1200, "suffix": 0, "longest": 1, "total": 0, "runs": 1},
    ),
    "no reading so high": (hot, {"limit": Limit(901, True)}),
    "no reading so low": (hot, {"limit": Limit(499, False), "suffix": 0}),
    "longer than in total": (hot, {"longest": 601}),
    "more in total than there are pieces": (hot, {"total": 601}),
    "more in total than one piece has": (hot_at_first, {"total": 301}),
    "no time left for all of it": (hot, {"first": 601}),
    "no time left for what is between": (hot, {"first": 600}),
    "no time at all, though it was before the end": (hot, {"suffix": 0, "longest": 0, "total": 0, "runs": 1}),
    "time, though it was the last reading only": (last_only, {"suffix": 1, "longest": 1, "total": 1}),
    "longer at the end than the longest": (hot, {"suffix": 301, "total": 602}),
    "longer at first than the longest": (two_ends, {"prefix": 201, "total": 401}),
    "a longest that is no piece": (two_ends, {"longest": 201}),
    "a longest too long for the other pieces": (two_inside, {"longest": 500}),
    "always, and not at first": (hot_always, {"first": 1}),
    "always, and not from the start": (hot_always, {"prefix": 599}),
    "always, and not to the end": (hot_always, {"suffix": 599}),
    "always, and not in one piece": (hot_always, {"longest": 599}),
    "always, and not in all": (hot_always, {"total": 599}),
    "always, and longer": (hot_always, {"longest": 601, "total": 601}),
    "always, and twice": (hot_always, {"runs": 2}),
    "at the end, though the last reading is not": (hot_at_first, {"suffix": 1, "total": 301}),
    "at first, though the first reading is not": (hot, {"prefix": 1}),
    "not at first, though the first reading is": (hot, {"first": 0}),
    "nothing at first, though it was": (hot_at_first, {"prefix": 0}),
    "later, though it was at first": (hot_at_first, {"first": 1}),
    "a single reading, and later": (single, {"first": 1}),
    "a single reading for some time": (single, {"total": 1}),
    "a single reading, and never": (single, {"runs": 0}),
    "never": (hot, {"runs": 0}),
    "one piece, though both ends are pieces": (two_ends, {"runs": 1}),
    "one piece, though it is not the end": (hot, {"runs": 1}),
    "more pieces than seconds": (hot_at_first, {"runs": 2}),
    "more pieces than the readings make": (two_inside, {"runs": 4}),
    "a piece that takes no time": (hot, {"suffix": 300, "longest": 300, "total": 300}),
    "pieces that do not add up": (two_inside, {"total": 702}),
}


@pytest.mark.parametrize("name", ODD)
def test_an_excursion_that_contradicts(cold: ColdChain, name: str) -> None:
    of, fields = ODD[name]
    segment = of(cold)
    with reverts("ExcursionContradicts", 0):
        cold.anchor(segment.with_excursion(**fields))
    lower = Excursion(Limit(-(2**31), high=True), 0, *[Frame.of(segment.frame).duration] * 4, 1).word
    odd = segment.with_excursion(**fields)
    with reverts("ExcursionContradicts", 1):
        cold.anchor(segment._replace(excursions=(lower, *odd.excursions)))
    anchor(cold, segment)


@pytest.mark.parametrize("bit", [33, 39, 216, 255])
def test_a_bit_of_an_excursion_that_means_nothing(cold: ColdChain, bit: int) -> None:
    segment = hot(cold)
    odd = segment._replace(excursions=(segment.excursions[0] ^ 1 << bit,))
    with reverts("ExcursionContradicts", 0):
        cold.anchor(odd)


def test_a_single_reading_is_beyond_or_not(cold: ColdChain) -> None:
    """It is the lowest and the highest."""
    for odd in (single(cold).with_values(max=901), single(cold).with_values(min=899)):
        with reverts("ValuesContradict", odd.values):
            cold.anchor(odd)


FITTING: dict[str, tuple[Callable[[ColdChain], Segment], dict[str, object]]] = {
    "just so high": (hot, {"limit": Limit(900, True), "suffix": 0, "runs": 1, "longest": 600}),
    "just so low": (hot, {"limit": Limit(500, False), "suffix": 0, "prefix": 300, "first": 0}),
    "in one piece": (hot, {"suffix": 600, "longest": 600, "runs": 1}),
    "as late as can be": (hot, {"first": 599}),
    "in one piece, as late as can be": (hot, {"first": 600, "suffix": 600, "longest": 600, "runs": 1}),
    "at the very end": (hot, {"first": 1200, "suffix": 0, "longest": 0, "total": 0, "runs": 1}),
    "the last reading apart": (hot, {"suffix": 0, "longest": 600}),
    "always": (hot_always, {}),
    "a single reading": (single, {}),
    "the last reading only": (last_only, {}),
    "both ends": (two_ends, {}),
    "two pieces inside": (two_inside, {}),
    "two pieces inside, one a second long": (two_inside, {"longest": 499}),
    "two pieces inside, a second each": (two_inside, {"longest": 100, "total": 102}),
    "two pieces inside, of one length": (two_inside, {"longest": 250}),
    "two pieces inside in all the time there is": (two_inside, {"total": 700, "first": 298}),
}


@pytest.mark.parametrize("name", FITTING)
def test_an_excursion_that_just_fits(cold: ColdChain, name: str) -> None:
    of, fields = FITTING[name]
    anchor(cold, of(cold).with_excursion(**fields))


# Histogram


def told(cold: ColdChain, values: list[int] | None = None) -> Segment:
    """100 s each at 5.00, -0.50 and 7.25 degrees, and a last reading."""
    return cold.segment(
        cold.every(100, [500, -50, 725, 300] if values is None else values, cold.start),
        limits=(),
        histogram=True,
    )


HONEST = {-1: 5000, 0: 5000, 5: 10_000, 7: 7500, 8: 2500}
WRONG: dict[str, tuple[int, ...]] = {
    "a weight less": histogram_words({**HONEST, 5: 9999}),
    "a weight more": histogram_words({**HONEST, 5: 10_001}),
    "a vertex below all readings": histogram_words({**HONEST, -2: 1, 5: 9999}),
    "a vertex above all readings": histogram_words({**HONEST, 9: 1, 5: 9999}),
    "a vertex without weight": histogram_words({**HONEST, 6: 0}),
    "a vertex without weight at the end": histogram_words({-1: 5000, 0: 5000, 5: 10_000, 7: 10_000, 8: 0}),
    "an empty word": (*histogram_words(HONEST), 0),
    "an empty word first": (0, *histogram_words(HONEST)),
    "nothing but an empty word": (0,),
    "two words where one does": (
        *histogram_words({-1: 5000, 0: 5000}),
        *histogram_words({5: 10_000, 8: 10_000}),
    ),
    "a hole": (bits.join((255, 5000, 0, 5000, 0, 0, 5, 10_000, 7, 7500, 8, 2500), (8, 32) * 6),),
    "falling vertices": (bits.join((0, 5000, 255, 5000, 5, 10_000, 7, 7500, 8, 2500), (8, 32) * 5),),
    "one vertex twice": (bits.join((255, 5000, 255, 5000, 5, 10_000, 7, 7500, 8, 2500), (8, 32) * 5),),
    "a bit that means nothing": (histogram_words(HONEST)[0] | 1 << 240,),
    "the highest such bit": (histogram_words(HONEST)[0] | 1 << 255,),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_histogram_that_contradicts(cold: ColdChain, name: str) -> None:
    segment = told(cold)
    assert segment.histogram == histogram_words(HONEST)
    with reverts("HistogramContradicts"):
        cold.anchor(segment._replace(histogram=WRONG[name]))
    anchor(cold, segment)


@pytest.mark.parametrize(
    "weights",
    [
        {-1: 1, 8: 29_999},
        {-1: 30_000},
        {8: 30_000},
        {-1: 1, 0: 1, 1: 1, 2: 1, 3: 1, 4: 29_995},
        {-1: 1, 0: 1, 1: 1, 2: 1, 3: 1, 4: 1, 5: 29_994},
        {},
    ],
)
def test_a_histogram_that_just_fits(cold: ColdChain, weights: dict[int, int]) -> None:
    anchor(cold, told(cold).with_histogram(weights))


@pytest.mark.parametrize(("low", "high"), [(-12_800, 12_700), (-12_800, 12_699)])
def test_from_the_lowest_vertex_to_the_highest(cold: ColdChain, low: int, high: int) -> None:
    segment = told(cold, [low, high, low])
    assert vertices_of(segment.histogram) == ([-128, 127] if high % 100 == 0 else [-128, 126, 127])
    anchor(cold, segment)


def test_no_more_than_sixty_four_vertices(cold: ColdChain) -> None:
    many = told(cold, [*range(0, 6500, 100), 0])
    assert len(vertices_of(many.histogram)) == 65
    with reverts("HistogramContradicts"):
        cold.anchor(many)
    anchor(cold, told(cold, [*range(0, 6400, 100), 0]))


def test_a_single_reading_has_no_time_to_tell_of(cold: ColdChain) -> None:
    with reverts("HistogramContradicts"):
        cold.anchor(single(cold).with_histogram({9: 1}))
    with reverts("HistogramContradicts"):
        cold.anchor(single(cold)._replace(histogram=(9,)))


def test_136_years_are_the_longest_segment(cold: ColdChain) -> None:
    cold.node.warp(2**33)
    fields = {"end": cold.start + 2**32, "count": 3, "max_interval": 2**31}
    odd = flat(cold).with_frame(**fields).with_values(sum=900)
    with reverts("CountDoesNotFit", 3, 2**31, 2**32):
        cold.anchor(odd)


# Honest devices


def streams(most: int) -> Iterator[list[Reading]]:
    """All readings at, just within, between and beyond both limits, a second or three apart."""
    for count in range(1, most + 1):
        for values in product((-51, -50, -49, 799, 800), repeat=count):
            for steps in product((1, 3), repeat=count - 1):
                times = [sum(steps[:i]) for i in range(count)]
                yield [Reading(*both) for both in zip(times, values, strict=True)]


def test_every_true_summary_is_taken(node: Node) -> None:
    cold = ColdChain.create(node)
    anyone = bytes.fromhex(deploy(node, "AnySignature").address[2:])
    cold.devices.rotateKey(cold.logger.id, anyone, sender=cold.world.maker.device_admin)
    node.warp(100)
    here = node.snapshot()
    cases = 0
    for relative in streams(4):
        readings = [Reading(cold.start + time, value) for time, value in relative]
        limits = (HOT, COLD, Limit(799, True), Limit(-49, False))
        segment = cold.segment(readings, limits=limits, histogram=True)
        assert cold.telemetry.anchor(segment, anyone, b"", sender=cold.world.stranger).ok
        node.revert(here)
        cases += 1
    assert cases == sum(5**n * 2 ** (n - 1) for n in (1, 2, 3, 4))
