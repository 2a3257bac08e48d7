"""From the speed of a vehicle to what a drive policy counts: metres, metres driven too fast, harsh events.

Speeds are whole millimetres a second, distances millimetres, accelerations mm/s². Between two samples the
speed changes evenly, so the distance is the mean of both times the seconds, and the acceleration their
difference by the seconds. A harsh event is a run of accelerations at or beyond the threshold; one that goes
on for three seconds is one event. Corners and the phone cannot be seen in a speed trace and stay 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from goldthread.rules.readings import Quantity, Reading, read_csv

SPEED = Quantity(256, "speed", "m/s", 3, minimum=0)
"""Metres a second, counted in thousandths."""


@dataclass(frozen=True)
class Thresholds:
    """What counts as harsh, in mm/s², and as too fast, in mm/s.

    The defaults: 7 mph a second, as usage-based insurers publish it, and 120 km/h.
    """

    brake: int = 3_129
    accel: int = 3_129
    speed: int = 33_333


@dataclass(frozen=True)
class Driven:
    """Sums over any number of trips: distances in millimetres, counts of events."""

    distance: int = 0
    night: int = 0
    speeding: int = 0
    brakes: int = 0
    accels: int = 0

    def __add__(self, other: Driven) -> Driven:
        return Driven(
            self.distance + other.distance,
            self.night + other.night,
            self.speeding + other.speeding,
            self.brakes + other.brakes,
            self.accels + other.accels,
        )


def read_speeds(path: str | Path) -> list[Reading]:
    """The samples of a CSV file (seconds, m/s), rounded to mm/s; `ReadingsError` names the line that is
    wrong.
    """
    return read_csv(path, SPEED, rounded=True)


def drive_cycle(name: str) -> list[Reading]:
    """A drive cycle of the EPA that comes with the package: `udds`, `hwfet` or `us06`."""
    return read_speeds(Path(__file__).parents[1] / "data" / "drive_cycles" / f"{name}.csv")


def driven(
    samples: Sequence[Reading], thresholds: Thresholds | None = None, *, night: bool = False
) -> Driven:
    """What one trip adds to the sums; `night` says that all of it was driven at night.

    A second counts as too fast if its mean speed is above the threshold. Distances are doubled inside and
    halved once, rounded down. Cutting a trip in two at a sample loses at most that millimetre, and counts an
    event twice if the cut is inside it. Raises `ValueError` for samples that are not in the order of time, or
    below zero.
    """
    limits = thresholds or Thresholds()
    doubled = speeding = brakes = accels = 0
    braking = accelerating = False
    for before, after in pairwise(samples):
        seconds = after.time - before.time
        if seconds <= 0 or before.value < 0 or after.value < 0:
            raise ValueError(f"no speeds in the order of time: {before}, {after}")
        step = (before.value + after.value) * seconds
        doubled += step
        if before.value + after.value > 2 * limits.speed:
            speeding += step
        change = after.value - before.value
        brakes += (harsh := -change >= limits.brake * seconds) and not braking
        braking = harsh
        accels += (harsh := change >= limits.accel * seconds) and not accelerating
        accelerating = harsh
    distance = doubled // 2
    return Driven(distance, distance if night else 0, speeding // 2, brakes, accels)
