"""The premium rule in exact fractions, written from the text of the rule and not from any program.

The text: a period costs its base for the time, plus the rate for the distance. To the metres driven are
added the night metres and the speeding metres, each with its weight, and an equivalent in metres for every
event; all that at the tier. Each of the two amounts, and each bound, is rounded down to a unit. The result
is held between the minimum and the maximum for the time. The tier for later is 1, less the credit for every
kilometre, plus the penalties for every kilometre at night, for every one too fast and for each event, held
between its bounds once, at the end. Without data: a tier of at least 1, and the default metres for every
day, of which none is billed that nobody pays for: the first one with which base and distance reach the
maximum is the last.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import NamedTuple

PPM = Fraction(1, 1_000_000)
DAY = 86_400


class Terms(NamedTuple):
    """As `Premium.Terms`, in its order."""

    base: int
    period: int
    rate: int
    rateDistance: int  # noqa: N815  the names are those of the ABI
    nightWeight: int  # noqa: N815
    speedingWeight: int  # noqa: N815
    brakeMetres: int  # noqa: N815
    accelMetres: int  # noqa: N815
    cornerMetres: int  # noqa: N815
    phoneMetres: int  # noqa: N815
    minimum: int
    maximum: int
    kmCredit: int  # noqa: N815
    nightPenalty: int  # noqa: N815
    speedingPenalty: int  # noqa: N815
    brakePenalty: int  # noqa: N815
    accelPenalty: int  # noqa: N815
    cornerPenalty: int  # noqa: N815
    phonePenalty: int  # noqa: N815
    tierMin: int  # noqa: N815
    tierMax: int  # noqa: N815
    defaultMetres: int  # noqa: N815


class Counters(NamedTuple):
    """As `Premium.Counters`, in its order."""

    metres: int = 0
    night: int = 0
    speeding: int = 0
    brakes: int = 0
    accels: int = 0
    corners: int = 0
    phone: int = 0


def charge(terms: Terms, counted: Counters, seconds: int, tier_ppm: int) -> int:
    """Units."""
    time = Fraction(seconds, terms.period)
    per_metre = Fraction(terms.rate) / (Fraction(terms.rateDistance) / 1000)
    base = floor(terms.base * time)
    usage = floor(weighted_metres(terms, counted) * per_metre * tier_ppm * PPM)
    least, most = floor(terms.minimum * time), floor(terms.maximum * time)
    return sorted((least, base + usage, most))[1]


def weighted_metres(terms: Terms, counted: Counters) -> Fraction:
    """Metres, exact."""
    return (
        counted.metres
        + counted.night * (terms.nightWeight * PPM)
        + counted.speeding * (terms.speedingWeight * PPM)
        + sum(
            count * metres
            for count, metres in [
                (counted.brakes, terms.brakeMetres),
                (counted.accels, terms.accelMetres),
                (counted.corners, terms.cornerMetres),
                (counted.phone, terms.phoneMetres),
            ]
        )
    )


def tier(terms: Terms, counted: Counters) -> int:
    """Parts per million."""
    exact = Fraction(1)
    exact -= Fraction(counted.metres, 1000) * terms.kmCredit * PPM
    exact += Fraction(counted.night, 1000) * terms.nightPenalty * PPM
    exact += Fraction(counted.speeding, 1000) * terms.speedingPenalty * PPM
    exact += counted.brakes * terms.brakePenalty * PPM
    exact += counted.accels * terms.accelPenalty * PPM
    exact += counted.corners * terms.cornerPenalty * PPM
    exact += counted.phone * terms.phonePenalty * PPM
    return floor(max(min(exact, terms.tierMax * PPM), terms.tierMin * PPM) / PPM)


def tier_without_data(before_ppm: int) -> int:
    """Parts per million."""
    return 1_000_000 if before_ppm < 1_000_000 else before_ppm


def metres_without_data(terms: Terms, seconds: int, tier_ppm: int) -> int:
    """Metres; found by halving, between none and the default."""
    no_least = terms._replace(minimum=0)
    most = floor(terms.maximum * Fraction(seconds, terms.period))
    low, high = 0, floor(terms.defaultMetres * Fraction(seconds, DAY))
    while low < high and terms.rate > 0:
        middle = (low + high) // 2
        reached = charge(no_least, Counters(middle), seconds, tier_ppm) == most
        low, high = (low, middle) if reached else (middle + 1, high)
    return high
