"""The pay-how-you-drive premium, as the library `Premium` computes it on the chain.

Linear in metres, each risk counted as metres on top, one division for each amount, then held between the
period's minimum and maximum. Because no weight is negative, the premium never falls when a counter or the
tier rises; because only sums enter, neither the order of the trips nor the way they are cut matters. Source
of the formula: "Pay-as-you-drive / pay-how-you-drive", 1.4, in docs/concepts.md.

Integers only. Money in token units; distances in metres; durations in seconds; factors and shares in parts
per million (`ONE`). Every division rounds down, in favour of the driver, by less than one unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Self

ONE = 1_000_000
"""One, in parts per million: the tier of a driver without data."""

DAY = 86_400
"""Seconds."""

_PER_KM = 1000
_MM_PER_M = 1000


class _Unsigned:
    """Whole numbers, none of them negative."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0:
                raise ValueError(f"{name} must not be negative: {value}")

    @classmethod
    def of(cls, struct: Any) -> Self:
        """From the struct of the same name as the ABI has it: anything with its members as attributes."""
        return cls(**{name: getattr(struct, _camel(name)) for name in cls.__annotations__})


@dataclass(frozen=True)
class Terms(_Unsigned):
    """The rule's parameters, named as in `Premium.Terms`. None may be negative.

    Raises `ValueError` for terms that the contract refuses.
    """

    base: int
    """Units for being covered, for each whole period."""
    period: int
    """Seconds."""
    rate: int
    """Units for each `rate_distance` driven at tier 1."""
    rate_distance: int
    """Millimetres; a mile is 1,609,344."""
    minimum: int
    """Least premium of a whole period, in units."""
    maximum: int
    """Greatest premium of a whole period, in units."""
    night_weight: int = 0
    """Share added to a metre at night, in ppm."""
    speeding_weight: int = 0
    """Share added to a metre driven too fast, in ppm."""
    brake_metres: int = 0
    """Metres that one harsh brake counts for."""
    accel_metres: int = 0
    """Metres that one harsh acceleration counts for."""
    corner_metres: int = 0
    """Metres that one harsh corner counts for."""
    phone_metres: int = 0
    """Metres that one use of the phone counts for."""
    km_credit: int = 0
    """Taken off the next tier for each kilometre, in ppm."""
    night_penalty: int = 0
    """Added to the next tier for each kilometre at night, in ppm."""
    speeding_penalty: int = 0
    """Added to the next tier for each kilometre driven too fast, in ppm."""
    brake_penalty: int = 0
    """Added to the next tier for each harsh brake, in ppm."""
    accel_penalty: int = 0
    """Added to the next tier for each harsh acceleration, in ppm."""
    corner_penalty: int = 0
    """Added to the next tier for each harsh corner, in ppm."""
    phone_penalty: int = 0
    """Added to the next tier for each use of the phone, in ppm."""
    tier_min: int = ONE
    """Least tier, in ppm."""
    tier_max: int = ONE
    """Greatest tier, in ppm."""
    default_metres: int = 0
    """Metres a day that are billed when no report came."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 in (self.period, self.rate_distance, self.maximum):
            raise ValueError("period, rate_distance and maximum must not be zero")
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} exceeds maximum {self.maximum}")
        if not self.tier_min <= ONE <= self.tier_max:
            raise ValueError(f"the tier's bounds {self.tier_min}..{self.tier_max} must enclose {ONE}")


@dataclass(frozen=True)
class Counters(_Unsigned):
    """What was counted in a period; sums only. `night` and `speeding` are metres among `metres`."""

    metres: int = 0
    night: int = 0
    speeding: int = 0
    brakes: int = 0
    accels: int = 0
    corners: int = 0
    phone: int = 0

    def __add__(self, other: Counters) -> Counters:
        """The counters of both, one after the other in any order."""
        return Counters(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Counters)))


def premium(terms: Terms, counters: Counters, seconds: int, tier: int = ONE) -> int:
    """The premium in units for `seconds` of a period at a tier (ppm): base for the time plus usage, not less
    than the minimum for the time and not more than the maximum for the time, each of the four rounded down.
    """
    usage = (
        terms.rate * tier * _MM_PER_M * weighted_metres(terms, counters) // (terms.rate_distance * ONE * ONE)
    )
    least, most = for_time(terms.minimum, seconds, terms.period), maximum(terms, seconds)
    return min(max(for_time(terms.base, seconds, terms.period) + usage, least), most)


def weighted_metres(terms: Terms, counters: Counters) -> int:
    """Metres driven with each risk added as metres, in millionths of a metre; exact."""
    events = (
        counters.brakes * terms.brake_metres
        + counters.accels * terms.accel_metres
        + counters.corners * terms.corner_metres
        + counters.phone * terms.phone_metres
    )
    surcharged = counters.night * terms.night_weight + counters.speeding * terms.speeding_weight
    return (counters.metres + events) * ONE + surcharged


def next_tier(terms: Terms, counters: Counters, prev: int = ONE, reported: bool = True) -> int:
    """The tier (ppm) for the period after one with these counters: rounded down, then held between the
    bounds.

    Without a report there is no discount: the tier is `prev`, the tier before, but at least 1.
    """
    if not reported:
        return max(prev, ONE)
    penalties = (
        counters.brakes * terms.brake_penalty
        + counters.accels * terms.accel_penalty
        + counters.corners * terms.corner_penalty
        + counters.phone * terms.phone_penalty
    )
    distances = (
        counters.night * terms.night_penalty
        + counters.speeding * terms.speeding_penalty
        - counters.metres * terms.km_credit
    )
    tier = ((ONE + penalties) * _PER_KM + distances) // _PER_KM
    return min(max(tier, terms.tier_min), terms.tier_max)


def default_counters(terms: Terms, seconds: int, tier: int = ONE) -> Counters:
    """What is billed for `seconds` without a report, at a tier (ppm) of at least 1; metres rounded down.

    Not more metres than those with which base and usage reach the maximum, rounded up: a metre that nobody
    pays for is not billed.
    """
    metres = terms.default_metres * seconds // DAY
    if terms.rate == 0:
        return Counters(metres)
    room = max(maximum(terms, seconds) - for_time(terms.base, seconds, terms.period), 0)
    price = terms.rate * max(tier, ONE) * _MM_PER_M
    return Counters(min(metres, -(-room * terms.rate_distance * ONE // price)))


def default_premium(terms: Terms, seconds: int, tier: int = ONE) -> int:
    """The premium in units for `seconds` without a report, at a tier (ppm) of at least 1."""
    return premium(terms, default_counters(terms, seconds, tier), seconds, max(tier, ONE))


def maximum(terms: Terms, seconds: int) -> int:
    """The most that `seconds` of a period can cost, in units, rounded down."""
    return for_time(terms.maximum, seconds, terms.period)


def for_time(amount: int, seconds: int, period: int) -> int:
    """The part in units of an amount for a whole period that falls on `seconds`, rounded down."""
    return amount * seconds // period


def periods_paid(terms: Terms, escrow: int) -> int:
    """How many whole periods an escrow (units) keeps covered: as many as it can pay at the maximum."""
    return escrow // terms.maximum


def refund(paid: int, seconds: int, term: int, share: int = ONE) -> int:
    """What of a premium paid in advance for `term` seconds comes back when cover ends after `seconds`.

    In units. The part that was earned is rounded down, so the refund is rounded in the driver's favour;
    `share` (ppm) below 1 is a short rate, rounded down: the contract never applies one. Raises `ValueError`
    when cover ends outside the term.
    """
    if not 0 <= seconds <= term or term == 0:
        raise ValueError(f"cover ends after {seconds} s, outside its term of {term} s")
    return (paid - for_time(paid, seconds, term)) * share // ONE


def _camel(name: str) -> str:
    return re.sub(r"_(.)", lambda match: match.group(1).upper(), name)
