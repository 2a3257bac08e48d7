"""Mean kinetic temperature from its definition, without logarithms or floating point.

The weight of T is exp(10000 K (1 / 278.15 K - 1 / T)), enclosed between two whole multiples of 2^-220; the
mean is found by halving. On chain whole degrees weigh the next multiple of 2^-20, between them lies a line,
and nothing weighs less than one multiple.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cache

SCALE = 1 << 220
TERMS = 60
CHAIN = 1 << 20
COLDEST = -12_800
"""In hundredths of a degree, of a vertex; all below weighs the same on chain."""
LAST = 127
"""The highest degree with a weight on chain, and so of a vertex."""

FULL = 2**64 - 1
"""The highest total."""

Held = tuple[Fraction, int]
"""A temperature in degrees Celsius and the seconds for which it was held."""


def exp_between(x: Fraction) -> tuple[Fraction, Fraction]:
    """Two numbers that the exponential lies between, less than 2^-180 of it apart."""
    if x == 0:
        return Fraction(1), Fraction(1)
    if x < 0:
        least, most = exp_between(-x)
        return 1 / most, 1 / least
    halvings = int(x).bit_length() + 1
    z = int(x / 2**halvings * SCALE)
    term = low = SCALE
    for n in range(1, TERMS):
        term = term * z // (n * SCALE)
        low += term
    # Less than one unit is lost in z and in each term, and all terms left out come to less than another.
    high = low + 4 * TERMS
    for _ in range(halvings):
        low, high = low * low // SCALE, high * high // SCALE + 1
    return Fraction(low, SCALE), Fraction(high, SCALE)


def weight_between(celsius: Fraction) -> tuple[Fraction, Fraction]:
    kelvin = celsius + Fraction(27315, 100)
    return exp_between(10_000 * (1 / Fraction(27815, 100) - 1 / kelvin))


@cache
def chain_weight(degree: int) -> int:
    """In multiples of 2^-20."""
    low, high = weight_between(Fraction(degree))
    (above,) = {-(-edge * CHAIN // 1) for edge in (low, high)}
    return int(above)


def chain_total(course: Iterable[tuple[int, int]]) -> int:
    """Of temperatures in hundredths of a degree and seconds; in multiples and hundredths of a second."""
    total = 0
    for value, seconds in course:
        if seconds and value > 100 * LAST:
            return FULL
        below = max(value, COLDEST) // 100
        part = max(value, COLDEST) - 100 * below
        line = chain_weight(below) * (100 - part) + (chain_weight(below + 1) * part if part else 0)
        total += line * seconds
    return min(total, FULL)


def mean(course: Iterable[Held], digits: int = 9) -> Fraction:
    """The mean kinetic temperature, rounded down to so many digits."""
    course = list(course)
    seconds = sum(held for _, held in course)
    weights = [(weight_between(celsius), held) for celsius, held in course]
    total = sum((edges[1] * held for edges, held in weights), Fraction())
    grid = 10**digits
    coldest, hottest = (int(bound * grid) for bound in (-200, 200))
    while hottest - coldest > 1:
        middle = (coldest + hottest) // 2
        least, _ = weight_between(Fraction(middle, grid))
        coldest, hottest = (middle, hottest) if least * seconds <= total else (coldest, middle)
    return Fraction(coldest, grid)
