"""Mean kinetic temperature (MKT): exactly, for people, and as the contract Conditions compares it.

The MKT of a course of temperatures is the steady temperature that does the same harm by a reaction whose rate
follows Arrhenius (USP <1079.2>). With the activation energy of 83.144 kJ/mol that the pharmacopoeia sets,
divided by the gas constant, a temperature T in kelvin weighs `exp(10000 K * (1 / 278.15 K - 1 / T))`, which
is 1 at 5 °C; the MKT is the temperature that weighs the mean of the weights over time.

The chain takes no logarithm: the MKT is above a limit when the weights times their seconds come to more than
the limit's weight times all seconds. It has the weights of whole degrees in units of 2^-20, rounded up, and
takes the chord between two of them. The weight is convex, so a chord is never below it: the MKT on chain is
never lower than the exact one, and higher by at most 0.02 °C where it is -25 °C or above.

Temperatures are degrees Celsius where they are `Decimal`, hundredths of a degree where they are whole
numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal, localcontext
from functools import cache

DIGITS = 50
"""Of every intermediate result."""

ACTIVATION = Decimal(10_000)
"""Activation energy over the gas constant, in kelvin."""

ZERO_CELSIUS = Decimal("273.15")
REFERENCE = Decimal("278.15")
"""The temperature in kelvin that weighs 1."""

UNIT = 1 << 20
"""The chain counts weights in parts of this size."""

COLDEST = -73
"""The chain's lowest degree: it and all below weigh one unit, which is more than they do."""

HOTTEST = 127
"""The chain's highest degree. A reading above it weighs more than can be counted."""

FULL = (1 << 64) - 1
"""A total of this is the highest that the chain can hold, and above every limit."""


def weight(temperature: Decimal) -> Decimal:
    """What a temperature weighs, to `DIGITS` digits. `ValueError` at absolute zero and below."""
    with localcontext(prec=DIGITS):
        kelvin = temperature + ZERO_CELSIUS
        if kelvin <= 0:
            raise ValueError(f"{temperature} °C is below absolute zero")
        return (ACTIVATION * (1 / REFERENCE - 1 / kelvin)).exp()


def temperature_of(mean_weight: Decimal) -> Decimal:
    """The temperature that weighs so much. `ValueError` for what no temperature weighs."""
    with localcontext(prec=DIGITS):
        if mean_weight <= 0 or (slope := 1 / REFERENCE - mean_weight.ln() / ACTIVATION) <= 0:
            raise ValueError(f"no temperature weighs {mean_weight}")
        return 1 / slope - ZERO_CELSIUS


def mean_kinetic_temperature(course: Iterable[tuple[Decimal, int]]) -> Decimal:
    """The exact MKT of temperatures, each held for so many seconds. `ValueError` if none was held."""
    with localcontext(prec=DIGITS):
        total, seconds = Decimal(0), 0
        for temperature, held in course:
            total += weight(temperature) * held
            seconds += held
        if seconds <= 0:
            raise ValueError("no temperature was held for any time")
        return temperature_of(total / seconds)


# ----- as the chain counts


@cache
def units(degree: int) -> int:
    """What a whole degree weighs on chain."""
    if not -128 <= degree <= HOTTEST:
        raise ValueError(f"the chain has no weight for {degree} °C")
    with localcontext(prec=DIGITS):
        exact = weight(Decimal(max(degree, COLDEST))) * UNIT
        return int(exact.to_integral_value(ROUND_CEILING))


def of_value(value: int, seconds: int) -> int:
    """The total of a temperature that was held for so long: weights times hundredths of a second."""
    if seconds == 0:
        return 0
    if value > HOTTEST * 100:
        return FULL
    degree, hundredths = divmod(max(value, COLDEST * 100), 100)
    above = units(degree + 1) * hundredths if hundredths else 0
    return seconds * (units(degree) * (100 - hundredths) + above)


def of_histogram(times: Mapping[int, int]) -> int:
    """The total of a segment's histogram: whole degrees, each with its hundredths of a second."""
    return sum(units(degree) * time for degree, time in times.items())


def is_limit(value: int) -> bool:
    """Can the chain compare with this limit? Whole degrees from -25 on, in hundredths."""
    return value % 100 == 0 and -2500 <= value <= HOTTEST * 100


def add(total: int, more: int) -> int:
    """Two totals; `FULL` stays full."""
    return min(total + more, FULL)


def exceeds(total: int, limit: int, seconds: int) -> bool:
    """Is the MKT over these seconds above the limit, a whole degree in hundredths?"""
    return total == FULL or total > units(limit // 100) * 100 * seconds


def mean_of(total: int, seconds: int) -> Decimal:
    """The MKT that a total of the chain stands for. `ValueError` if it is full or over no time."""
    if total >= FULL or seconds <= 0:
        raise ValueError(f"a total of {total} over {seconds} s has no mean")
    with localcontext(prec=DIGITS):
        return temperature_of(Decimal(total) / (100 * seconds * UNIT))
