"""Real traces beside the checkout: 48 vehicle-days of 1 Hz GPS speeds (Chicago, 2007) and drive cycles.

Both come from fastsim 2.1.5 (Apache-2.0) and are read where they are: they are no part of the project.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from goldthread.rules import premium
from goldthread.rules.driving import Driven, Thresholds, drive_cycle, driven
from goldthread.rules.premium import DAY, ONE, Counters, Terms
from goldthread.rules.readings import Reading

DATA = Path(__file__).parents[3] / "shared" / "data" / "iot"
CYCLES = DATA / "driving_cycles"
SURVEY = DATA / "driving_cmap_gps"

MILE = Fraction(1_609_344)
"""Millimetres."""

TERMS = Terms(
    base=1_000_000,
    period=DAY,
    rate=32_000,
    rate_distance=int(MILE),
    minimum=333_333,
    maximum=5_000_000,
    night_weight=250_000,
    speeding_weight=500_000,
    brake_metres=800,
    accel_metres=400,
    corner_metres=400,
    phone_metres=1_000,
    km_credit=200,
    night_penalty=1_000,
    speeding_penalty=2_000,
    brake_penalty=4_000,
    accel_penalty=2_000,
    corner_penalty=2_000,
    phone_penalty=4_000,
    tier_min=700_000,
    tier_max=1_500_000,
)
UNBOUNDED = replace(TERMS, base=0, minimum=0, maximum=10**30)


@dataclass(frozen=True)
class Trip:
    """A trip of the survey: its samples, and what its authors computed from them."""

    name: str
    samples: list[Reading]
    miles: Fraction
    max_mph: Fraction

    @property
    def is_at_night(self) -> bool:
        return not 5 <= datetime.fromtimestamp(self.samples[0].time, UTC).hour < 23

    @property
    def seconds(self) -> int:
        return self.samples[-1].time - self.samples[0].time


@cache
def days() -> dict[str, list[Trip]]:
    """The trips of each vehicle-day of the survey."""
    if not SURVEY.is_dir():
        pytest.skip(f"{SURVEY} is not here")
    found: dict[str, list[Trip]] = {}
    for file in sorted(SURVEY.glob("*/2*.csv")):
        samples = [Reading(moment(row["timestamp"]), mm_a_second(row["speed_mph"])) for row in rows(file)]
        found[f"{file.parent.name}/{file.stem}"] = [
            Trip(
                f"{file.parent.name}, {row['start_ts']}",
                [s for s in samples if moment(row["start_ts"]) <= s.time <= moment(row["end_ts"])],
                Fraction(row["distance_total"]),
                Fraction(row["max_speed"]),
            )
            for row in rows(file.with_name("trips.csv"))
            if row["start_ts"].startswith(file.stem)
        ]
    return found


def rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8") as lines:
        yield from csv.DictReader(lines)


@cache
def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def mm_a_second(mph: str) -> int:
    return round(Decimal(mph) * 44_704 / 100)


def counters(found: Driven) -> Counters:
    return Counters(
        metres=found.distance // 1000,
        night=found.night // 1000,
        speeding=found.speeding // 1000,
        brakes=found.brakes,
        accels=found.accels,
    )


def runs(is_harsh: list[bool]) -> int:
    """How often a run of true begins."""
    return sum(now and not before for before, now in pairwise([False, *is_harsh]))


@cache
def of_each_day() -> dict[str, Counters]:
    return {
        name: counters(sum((driven(t.samples, night=t.is_at_night) for t in trips), Driven()))
        for name, trips in days().items()
    }


def test_the_survey_is_the_one_that_is_meant() -> None:
    trips = [trip for day in days().values() for trip in day]
    assert (len(days()), len(trips)) == (48, 241)
    assert 3_581_000 < sum(trip.miles for trip in trips) * MILE / 1000 < 3_582_000


def test_each_trip_is_as_long_as_the_authors_of_the_survey_say() -> None:
    """Up to what rounding the speeds to mm/s can change: half a millimetre a second."""
    for trip in (trip for day in days().values() for trip in day):
        off = abs(driven(trip.samples).distance - trip.miles * MILE)
        assert off <= Fraction(trip.seconds, 2) + 1, trip.name


def test_no_trip_is_faster_than_its_authors_say_and_speeding_is_found_where_they_say() -> None:
    found = 0
    for trip in (trip for day in days().values() for trip in day):
        top = max(sample.value for sample in trip.samples)
        assert abs(top - trip.max_mph * 44_704 / 100) <= 1, trip.name
        assert driven(trip.samples, Thresholds(speed=top)).speeding == 0, trip.name
        speeding = driven(trip.samples).speeding
        found += speeding > 0
        assert top > Thresholds().speed or speeding == 0, trip.name
    assert found > 5


def test_events_are_the_runs_of_harsh_seconds_counted_with_fractions() -> None:
    limit = Thresholds()
    total = Driven()
    for trip in (trip for day in days().values() for trip in day):
        slopes = [Fraction(b.value - a.value, b.time - a.time) for a, b in pairwise(trip.samples)]
        found = driven(trip.samples)
        assert found.brakes == runs([slope <= -limit.brake for slope in slopes]), trip.name
        assert found.accels == runs([slope >= limit.accel for slope in slopes]), trip.name
        total = total + found
    assert (total.brakes, total.accels) == (15, 1)  # in 3,581 km


def test_a_day_costs_between_the_minimum_and_the_maximum() -> None:
    charges = [premium.premium(TERMS, found, DAY) for found in of_each_day().values()]
    assert all(TERMS.minimum <= charge <= TERMS.maximum for charge in charges)
    assert len(set(charges)) > 40, "the charge must tell the days from one another"
    assert min(charges) < TERMS.maximum


def test_a_day_costs_what_its_weighted_distance_costs_and_not_a_unit_more() -> None:
    for name, found in of_each_day().items():
        metres = (
            found.metres
            + Fraction(found.night, 4)
            + Fraction(found.speeding, 2)
            + 800 * found.brakes
            + 400 * found.accels
        )
        exact = Fraction(1_000_000) + 32_000 * metres * 1000 / MILE
        charge = premium.premium(TERMS, found, DAY)
        assert charge == min(int(exact), TERMS.maximum), name


@pytest.mark.parametrize("counter", [field.name for field in fields(Counters)])
@pytest.mark.parametrize("tier", [TERMS.tier_min, ONE, TERMS.tier_max])
def test_more_of_anything_never_costs_less_nor_earns_a_better_tier(counter: str, tier: int) -> None:
    dearer = 0
    for name, found in of_each_day().items():
        more = replace(found, **{counter: getattr(found, counter) + 1_000})
        assert premium.premium(TERMS, found, DAY, tier) <= premium.premium(TERMS, more, DAY, tier), name
        dearer += premium.premium(UNBOUNDED, found, DAY, tier) < premium.premium(UNBOUNDED, more, DAY, tier)
        if counter != "metres":  # a careful kilometre is what earns a better tier
            assert premium.next_tier(TERMS, found) <= premium.next_tier(TERMS, more), name
    assert dearer == len(of_each_day())


def test_a_better_tier_never_costs_more() -> None:
    tiers = range(TERMS.tier_min, TERMS.tier_max + 1, 100_000)
    for name, found in of_each_day().items():
        charges = [premium.premium(TERMS, found, DAY, tier) for tier in tiers]
        assert charges == sorted(charges), name
        assert premium.next_tier(TERMS, found) in range(TERMS.tier_min, TERMS.tier_max + 1), name


def test_the_next_tier_of_each_day_is_that_of_its_events_and_distances() -> None:
    tiers = {name: premium.next_tier(TERMS, found) for name, found in of_each_day().items()}
    for name, found in of_each_day().items():
        penalties = 4_000 * found.brakes + 2_000 * found.accels
        penalties += Fraction(2_000 * found.speeding + 1_000 * found.night - 200 * found.metres, 1000)
        exact = (ONE + penalties).__floor__()
        assert tiers[name] == min(max(exact, TERMS.tier_min), TERMS.tier_max), name
    assert min(tiers.values()) < ONE < max(tiers.values())


def test_the_days_of_a_vehicle_cost_together_what_they_cost_alone() -> None:
    """Up to the unit that each division drops, and in any order of the days."""
    vehicles: dict[str, list[Counters]] = {}
    for name, found in of_each_day().items():
        vehicles.setdefault(name.split("/")[0], []).append(found)
    assert any(len(found) > 1 for found in vehicles.values())
    for vehicle, found in vehicles.items():
        alone = sum(premium.premium(UNBOUNDED, day, DAY) for day in found)
        together = sum(found, Counters())
        assert 0 <= premium.premium(UNBOUNDED, together, DAY * len(found)) - alone < len(found), vehicle
        assert sum(reversed(found), Counters()) == together


def test_a_trip_costs_the_same_however_it_is_cut() -> None:
    """A report is made of sums in whole metres: a cut loses at most one of each, and counts at most one event
    twice.
    """
    metre = premium.premium(UNBOUNDED, Counters(metres=1, night=1, speeding=1), DAY) + 1
    event = premium.premium(UNBOUNDED, Counters(brakes=1, accels=1), DAY) + 1
    for trip in (trip for day in days().values() for trip in day if len(trip.samples) > 2):
        middle = len(trip.samples) // 2
        parts = [
            driven(part, night=trip.is_at_night)
            for part in (trip.samples[: middle + 1], trip.samples[middle:])
        ]
        whole = premium.premium(UNBOUNDED, counters(driven(trip.samples, night=trip.is_at_night)), DAY)
        cut = premium.premium(UNBOUNDED, sum(map(counters, parts), Counters()), DAY)
        assert -2 * metre <= cut - whole <= event, trip.name


@pytest.mark.parametrize("name", ["udds", "hwfet"])
def test_the_cycles_of_the_package_are_those_of_the_source(name: str) -> None:
    file = CYCLES / f"{name}.csv"
    if not file.exists():
        pytest.skip(f"{file} is not here")
    expected = [Reading(int(r["cycSecs"]), round(Fraction(r["cycMps"]) * 1000)) for r in rows(file)]
    assert drive_cycle(name) == expected


def test_a_recorded_drive_in_fractions_of_a_metre() -> None:
    file = CYCLES / "TSDC_tripno_42648_cycle.csv"
    if not file.exists():
        pytest.skip(f"{file} is not here")
    exact = [(int(Fraction(r["time_s"])), Fraction(r["mps"]) * 1000) for r in rows(file)]
    length = sum((a + b) / 2 * (after - before) for (before, a), (after, b) in pairwise(exact))
    found = driven([Reading(time, round(speed)) for time, speed in exact])
    assert abs(found.distance - length) <= Fraction(len(exact), 2) + 1
