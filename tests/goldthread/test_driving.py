"""From a speed trace to what a policy counts, held against a second computation and published lengths."""

from __future__ import annotations

import csv
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from goldthread.rules import driving
from goldthread.rules.driving import Driven, Thresholds, drive_cycle, driven, read_speeds
from goldthread.rules.readings import Reading, ReadingsError

FOLDER = Path(driving.__file__).parents[1] / "data" / "drive_cycles"

# EPA's own figures: seconds, and the length in metres that ORIGIN.md repeats.
PUBLISHED = {"udds": (1369, 11_990), "hwfet": (765, 16_507), "us06": (600, 12_888)}


def exact(name: str) -> list[tuple[int, Fraction]]:
    """The cycle's file, read without the package: seconds and exact metres a second."""
    with (FOLDER / f"{name}.csv").open() as lines:
        return [(int(time), Fraction(speed)) for time, speed in list(csv.reader(lines))[1:]]


def at_speeds(*speeds: int) -> list[Reading]:
    """A sample a second, in mm/s."""
    return [Reading(1_000 + second, speed) for second, speed in enumerate(speeds)]


def runs(is_harsh: list[bool]) -> int:
    """How often a run of true begins."""
    return sum(1 for harsh, _ in groupby(is_harsh) if harsh)


# ------------------------------------------------------------------------------------------- the EPA's cycles


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_cycle_is_as_long_as_published_and_as_computed_exactly(name: str) -> None:
    seconds, metres = PUBLISHED[name]
    samples = exact(name)
    assert [time for time, _ in samples] == list(range(seconds + 1))
    length = sum(
        ((a + b) / 2 * (after - before) for (before, a), (after, b) in pairwise(samples)), Fraction()
    )
    found = driven(drive_cycle(name)).distance
    assert abs(found - length * 1000) < 1000
    assert abs(found - metres * 1000) <= 20_000
    assert f"`{name}.csv`" in (FOLDER / "ORIGIN.md").read_text()
    assert f"{seconds:,} | {metres:,} |" in (FOLDER / "ORIGIN.md").read_text()


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_cycle_is_counted_as_computed_exactly(name: str) -> None:
    limits = Thresholds()
    samples = [(time, round(speed * 1000)) for time, speed in exact(name)]
    steps = [(b - a, Fraction(a + b, 2)) for (_, a), (_, b) in pairwise(samples)]
    expected = Driven(
        distance=int(sum(mean for _, mean in steps)),
        speeding=int(sum(mean for _, mean in steps if mean > limits.speed)),
        brakes=runs([change <= -limits.brake for change, _ in steps]),
        accels=runs([change >= limits.accel for change, _ in steps]),
    )
    assert driven(drive_cycle(name)) == expected


def test_the_cycles_tell_a_calm_driver_from_an_aggressive_one() -> None:
    urban, highway, hurried = (driven(drive_cycle(name)) for name in ("udds", "hwfet", "us06"))
    assert (urban.brakes, urban.accels, highway.brakes, highway.accels) == (0, 0, 0, 0)
    assert hurried.accels > 0
    assert urban.speeding == highway.speeding == 0 < hurried.speeding


def test_only_the_cycles_that_are_there() -> None:
    with pytest.raises(ReadingsError, match=r"wltc\.csv: No such file"):
        drive_cycle("wltc")


# ------------------------------------------------------------------------------------------------- thresholds

LIMITS = Thresholds(brake=3_000, accel=2_000, speed=10_000)


@pytest.mark.parametrize(
    ("speeds", "brakes", "accels"),
    [
        ((9_000, 6_001), 0, 0),
        ((9_000, 6_000), 1, 0),
        ((9_000, 5_999), 1, 0),
        ((9_000, 10_999), 0, 0),
        ((9_000, 11_000), 0, 1),
        ((9_000, 11_001), 0, 1),
        ((9_000, 9_000), 0, 0),
    ],
)
def test_an_event_is_harsh_at_the_threshold_and_beyond(
    speeds: tuple[int, ...], brakes: int, accels: int
) -> None:
    found = driven(at_speeds(*speeds), LIMITS)
    assert (found.brakes, found.accels) == (brakes, accels)


@pytest.mark.parametrize(
    ("speeds", "speeding"),
    [((9_999, 10_000), 0), ((10_000, 10_000), 0), ((10_000, 10_001), 10_000), ((9_000, 11_002), 10_001)],
)
def test_a_second_is_too_fast_if_its_mean_is_above_the_threshold(
    speeds: tuple[int, ...], speeding: int
) -> None:
    assert driven(at_speeds(*speeds), LIMITS).speeding == speeding


def test_a_run_counts_once_and_ends_with_the_first_milder_second() -> None:
    assert driven(at_speeds(20_000, 17_000, 14_000, 11_000), LIMITS).brakes == 1
    assert driven(at_speeds(20_000, 17_000, 14_001, 11_000), LIMITS).brakes == 2
    assert driven(at_speeds(0, 2_000, 4_000, 5_999, 7_999), LIMITS).accels == 2
    there_and_back = driven(at_speeds(0, 2_000, 4_000, 1_000, 3_000), LIMITS)
    assert (there_and_back.accels, there_and_back.brakes) == (2, 1)


def test_a_change_over_several_seconds_is_measured_a_second() -> None:
    slowly = [Reading(0, 6_000), Reading(2, 1)]
    assert driven(slowly, LIMITS).brakes == 0
    assert driven([slowly[0], Reading(2, 0)], LIMITS).brakes == 1
    assert driven(slowly, LIMITS).distance == 6_001


def test_the_defaults_are_seven_miles_an_hour_a_second_and_120_km_an_hour() -> None:
    mile = Fraction(1_609_344)
    assert Thresholds().brake == Thresholds().accel == int(7 * mile / 3600)
    assert Thresholds().speed == 120_000_000 // 3600


def test_all_or_nothing_of_a_trip_is_driven_at_night() -> None:
    samples = at_speeds(10_000, 10_001, 10_000)
    assert driven(samples).night == 0
    assert driven(samples, night=True).night == driven(samples).distance == 20_001


@pytest.mark.parametrize("samples", [[], at_speeds(12_000)])
def test_without_two_samples_nothing_was_driven(samples: list[Reading]) -> None:
    assert driven(samples, night=True) == Driven()


@pytest.mark.parametrize(
    "samples",
    [
        [Reading(5, 1), Reading(5, 1)],
        [Reading(5, 1), Reading(4, 1)],
        [Reading(5, -1), Reading(6, 1)],
        [Reading(5, 1), Reading(6, -1)],
    ],
)
def test_samples_out_of_order_or_below_zero_are_refused(samples: list[Reading]) -> None:
    with pytest.raises(ValueError, match="no speeds in the order of time"):
        driven(samples)


# ----------------------------------------------------------------------------------------------------- laws

TRACES = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 60_000)), max_size=40).map(
    lambda steps: [
        Reading(sum(seconds for seconds, _ in steps[: index + 1]), speed)
        for index, (_, speed) in enumerate(steps)
    ]
)
LIMIT = st.integers(1, 30_000)
ALL_LIMITS = st.builds(Thresholds, LIMIT, LIMIT, LIMIT)


@given(TRACES, ALL_LIMITS, st.booleans())
def test_it_agrees_with_the_definition_in_fractions(
    trace: list[Reading], limits: Thresholds, night: bool
) -> None:
    steps = [
        (b.time - a.time, Fraction(a.value + b.value, 2), Fraction(b.value - a.value, b.time - a.time))
        for a, b in pairwise(trace)
    ]
    distance = int(sum(seconds * mean for seconds, mean, _ in steps))
    assert driven(trace, limits, night=night) == Driven(
        distance=distance,
        night=distance if night else 0,
        speeding=int(sum(seconds * mean for seconds, mean, _ in steps if mean > limits.speed)),
        brakes=runs([slope <= -limits.brake for _, _, slope in steps]),
        accels=runs([slope >= limits.accel for _, _, slope in steps]),
    )


@given(TRACES, ALL_LIMITS, st.data())
def test_a_cut_loses_at_most_a_millimetre_and_doubles_only_the_event_it_is_in(
    trace: list[Reading], limits: Thresholds, data: st.DataObject
) -> None:
    assume(len(trace) > 2)
    place = data.draw(st.integers(1, len(trace) - 2))
    whole = driven(trace, limits)
    parts = driven(trace[: place + 1], limits) + driven(trace[place:], limits)
    assert 0 <= whole.distance - parts.distance <= 1
    assert 0 <= whole.speeding - parts.speeding <= 1
    (before, after) = (
        Fraction(b.value - a.value, b.time - a.time) for a, b in pairwise(trace[place - 1 : place + 2])
    )
    assert parts.brakes - whole.brakes == (before <= -limits.brake and after <= -limits.brake)
    assert parts.accels - whole.accels == (before >= limits.accel and after >= limits.accel)


@given(TRACES, ALL_LIMITS, st.data())
def test_any_number_of_cuts_adds_up(trace: list[Reading], limits: Thresholds, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, max(len(trace) - 1, 0)), max_size=6).map(sorted))
    bounds = [0, *places, max(len(trace) - 1, 0)]
    parts = sum((driven(trace[a : b + 1], limits) for a, b in pairwise(bounds)), Driven())
    whole = driven(trace, limits)
    assert 0 <= whole.distance - parts.distance <= len(places)
    assert 0 <= whole.speeding - parts.speeding <= len(places)
    assert 0 <= parts.brakes - whole.brakes <= len(places)
    assert 0 <= parts.accels - whole.accels <= len(places)


@given(TRACES, ALL_LIMITS)
def test_nothing_is_negative_or_more_than_there_was(trace: list[Reading], limits: Thresholds) -> None:
    found = driven(trace, limits, night=True)
    assert 0 <= found.speeding <= found.distance == found.night
    steps = max(len(trace) - 1, 0)
    assert 0 <= found.brakes <= (steps + 1) // 2
    assert 0 <= found.accels <= (steps + 1) // 2


@given(TRACES, ALL_LIMITS, st.integers(0, 30_000))
def test_a_higher_threshold_finds_less(trace: list[Reading], low: Thresholds, more: int) -> None:
    """Less distance, and no event where there was none; but a long event can fall into several short ones."""
    high = Thresholds(low.brake + more, low.accel + more, low.speed + more)
    lenient, strict = driven(trace, high), driven(trace, low)
    assert lenient.distance == strict.distance
    assert lenient.speeding <= strict.speeding
    assert (lenient.brakes > 0) <= (strict.brakes > 0)
    assert (lenient.accels > 0) <= (strict.accels > 0)


def test_one_long_event_can_be_two_at_a_higher_threshold() -> None:
    trace = at_speeds(20_000, 15_000, 12_000, 7_000)
    assert driven(trace, Thresholds(brake=3_000)).brakes == 1
    assert driven(trace, Thresholds(brake=4_000)).brakes == 2


@given(st.lists(TRACES, max_size=4))
def test_the_order_of_the_trips_does_not_matter(trips: list[list[Reading]]) -> None:
    found = [driven(trip, night=number % 2 == 1) for number, trip in enumerate(trips)]
    together = sum(found, Driven())
    assert together == sum(reversed(found), Driven())
    assert together.distance == sum(trip.distance for trip in found)
    assert together.night == sum(trip.distance for trip in found[1::2])


# ----------------------------------------------------------------------------------------------------- files


def test_a_file_is_rounded_to_millimetres_a_second(tmp_path: Path) -> None:
    file = tmp_path / "trip.csv"
    file.write_text("seconds;m/s\n0;0\n1;0.0005\n2;0.0015\n3;12.3456\n")
    assert read_speeds(file) == [Reading(0, 0), Reading(1, 0), Reading(2, 2), Reading(3, 12_346)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("seconds,m/s\n0,1\n1,-0.01\n", "line 3: -0.01 m/s is less than a speed can be"),
        ("seconds,m/s\n0,1\n1,fast\n", "line 3: 'fast' is no decimal number"),
        ("seconds,m/s\n0,1\n1,inf\n", "line 3: 'inf' is no finite number"),
        ("seconds,m/s\n0,1\n1,nan\n", "line 3: 'nan' is no finite number"),
        ("seconds,m/s\n0,1\n1,2147484\n", "line 3: 2147484 m/s does not fit into the 32 bits of a reading"),
        ("seconds,m/s\n0,1\n1\n", "line 3: has 1 columns, expected time and value"),
        ("seconds,m/s\n0,1\n1,2,3\n", "line 3: has 3 columns, expected time and value"),
        ("seconds,m/s\n5,1\n5,1\n", "line 3: time 5 is not later than that of the reading before"),
        ("seconds,m/s\n5,1\n4,1\n", "line 3: time 4 is not later than that of the reading before"),
        ("seconds,m/s\n0.5,1\n", "line 2: time '0.5' is neither unix seconds nor ISO 8601"),
        ("seconds,m/s\n", "has no readings"),
        ("", "has no readings"),
    ],
)
def test_a_wrong_file_is_named_with_line_and_reason(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "trip.csv"
    file.write_text(text)
    with pytest.raises(ReadingsError) as found:
        read_speeds(file)
    separator = ", " if reason.startswith("line") else ": "
    assert str(found.value) == f"{file}{separator}{reason}"


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "trip.csv"
    file.write_bytes(b"seconds,m/s\n\xff\x00\n")
    with pytest.raises(ReadingsError, match=r"trip\.csv: is no UTF-8 text, at byte 12$"):
        read_speeds(file)
