"""Theorems of the premium and of the escrow, for all whole numbers, by z3.

The formulas are written once, with Python's operators, and read twice: with z3's integers they are proven,
with Python's they are compared with the reference rule, so that what is proven is what is charged. A division
is given to z3 as what it means: the largest whole number whose product with the divisor does not exceed the
dividend. Run by `make prove`; nothing of the project is needed but the reference rule.
"""
# ruff: noqa: D103, S101, S311  the sentences are the tests' names; asserting is what tests do

from __future__ import annotations

import importlib.util
import itertools
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import z3

ONE = 10**6
COUNTERS = ("metres", "night", "speeding", "brakes", "accels", "corners", "phone")
EVENTS = (("brakes", "brake"), ("accels", "accel"), ("corners", "corner"), ("phone", "phone"))
TIMEOUT_MS = 30_000

Number = Any
"""An int, or an integer of z3."""


class Sums:
    """Collects what is known about the numbers, and proves from it."""

    def __init__(self) -> None:
        self.facts: list[Any] = []
        self._fresh = itertools.count()

    def number(self, name: str, least: int = 0) -> Number:
        """Any whole number of at least that."""
        found = z3.Int(f"{name}_{next(self._fresh)}")
        self.facts.append(found >= least)
        return found

    def floor(self, dividend: Number, divisor: Number) -> Number:
        """dividend / divisor, rounded down."""
        if isinstance(dividend, int) and isinstance(divisor, int):
            return dividend // divisor
        quotient = z3.Int(f"quotient_{next(self._fresh)}")
        self.facts += [divisor * quotient <= dividend, dividend < divisor * (quotient + 1)]
        return quotient

    def holds(self, claim: Any) -> None:
        """The claim follows from the facts."""
        solver = z3.Solver()
        solver.set("timeout", TIMEOUT_MS)
        solver.add(*self.facts, z3.Not(claim))
        assert solver.check() == z3.unsat, solver


def same(a: Number, b: Number) -> bool:
    """Equal as polynomials."""
    difference = z3.simplify(a - b, som=True)
    return z3.is_int_value(difference) and difference.as_long() == 0


def least(a: Number, b: Number) -> Number:
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    return z3.If(a < b, a, b)


def greatest(a: Number, b: Number) -> Number:
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    return z3.If(a < b, b, a)


# The formulas


def weighted(terms: dict[str, Number], counted: dict[str, Number]) -> Number:
    """Millionths of a metre."""
    events = sum(counted[count] * terms[f"{kind}_metres"] for count, kind in EVENTS)
    risky = counted["night"] * terms["night_weight"] + counted["speeding"] * terms["speeding_weight"]
    return (counted["metres"] + events) * ONE + risky


def usage(s: Sums, terms: dict[str, Number], metres: Number, tier: Number) -> Number:
    return s.floor(terms["rate"] * tier * 1000 * metres, terms["rate_distance"] * ONE * ONE)


def for_time(s: Sums, terms: dict[str, Number], amount: str, seconds: Number) -> Number:
    return s.floor(terms[amount] * seconds, terms["period"])


def clamped(low: Number, open_: Number, high: Number) -> Number:
    return least(greatest(open_, low), high)


def charge(
    s: Sums, terms: dict[str, Number], counted: dict[str, Number], seconds: Number, tier: Number
) -> Number:
    base, low, high = (for_time(s, terms, amount, seconds) for amount in ("base", "minimum", "maximum"))
    return clamped(low, base + usage(s, terms, weighted(terms, counted), tier), high)


def ceiling(s: Sums, dividend: Number, divisor: Number) -> Number:
    """dividend / divisor, rounded up."""
    return s.floor(dividend + divisor - 1, divisor)


def default_metres(s: Sums, terms: dict[str, Number], seconds: Number, tier: Number) -> Number:
    """Metres billed without a report, where a metre has a price."""
    room = greatest(for_time(s, terms, "maximum", seconds) - for_time(s, terms, "base", seconds), 0)
    reaching = ceiling(s, room * terms["rate_distance"] * ONE, terms["rate"] * tier * 1000)
    return least(s.floor(terms["default_metres"] * seconds, 86_400), reaching)


def tier_exact(terms: dict[str, Number], counted: dict[str, Number]) -> Number:
    """Thousandths of a part per million; may be negative."""
    events = sum(counted[count] * terms[f"{kind}_penalty"] for count, kind in EVENTS)
    risky = counted["night"] * terms["night_penalty"] + counted["speeding"] * terms["speeding_penalty"]
    return (ONE + events) * 1000 + risky - counted["metres"] * terms["km_credit"]


def next_tier(s: Sums, terms: dict[str, Number], counted: dict[str, Number]) -> Number:
    return clamped(terms["tier_min"], s.floor(tier_exact(terms, counted), 1000), terms["tier_max"])


# What is proven is what is charged


def reference() -> ModuleType:
    path = Path(__file__).parents[1] / "goldthread" / "rules" / "premium.py"
    spec = importlib.util.spec_from_file_location("premium", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["premium"] = module
    spec.loader.exec_module(module)
    return module


def test_the_formulas_are_those_of_the_reference_rule() -> None:
    rule, dice, s = reference(), random.Random(1), Sums()
    for _ in range(2000):
        values = {name: dice.randrange(1, 10 ** dice.randrange(1, 8)) for name in rule.Terms.__annotations__}
        values["minimum"], values["maximum"] = sorted((values["minimum"], values["maximum"]))
        values["tier_min"], values["tier_max"] = dice.randrange(ONE + 1), ONE + dice.randrange(ONE)
        counted = {name: dice.randrange(10 ** dice.randrange(1, 8)) for name in COUNTERS}
        terms, seconds, tier = (
            rule.Terms(**values),
            dice.randrange(values["period"] + 1),
            dice.randrange(2 * ONE),
        )
        found = rule.Counters(**counted)
        assert charge(s, values, counted, seconds, tier) == rule.premium(terms, found, seconds, tier)
        assert next_tier(s, values, counted) == rule.next_tier(terms, found)
        worse = max(tier, ONE)
        billed = default_metres(s, values, seconds, worse)
        assert billed == rule.default_counters(terms, seconds, tier).metres


# The premium


def some_terms(s: Sums) -> dict[str, Number]:
    """Any that the contract accepts."""
    terms = {name: s.number(name) for name in reference().Terms.__annotations__}
    terms |= {name: s.number(name, 1) for name in ("period", "rate_distance", "maximum")}
    s.facts += [terms["minimum"] <= terms["maximum"], terms["tier_min"] <= ONE, terms["tier_max"] >= ONE]
    return terms


def some_counters(s: Sums) -> dict[str, Number]:
    return {name: s.number(name) for name in COUNTERS}


@pytest.mark.parametrize("counter", COUNTERS)
def test_more_of_a_counter_weighs_no_less(counter: str) -> None:
    s = Sums()
    terms, counted, more = some_terms(s), some_counters(s), s.number("more")
    kind = dict(EVENTS).get(counter)
    slope = terms[f"{kind}_metres"] * ONE if kind else terms.get(f"{counter}_weight", ONE)
    added = weighted(terms, counted | {counter: counted[counter] + more}) - weighted(terms, counted)
    assert same(added, more * slope)
    a_product_of_two_is_not_negative()


def a_product_of_two_is_not_negative() -> None:
    """Neither more nor a weight is below zero, hence nor is what is added."""
    s = Sums()
    s.holds(s.number("more") * s.number("weight") >= 0)


def test_weights_add_up_whatever_the_order_and_the_cut() -> None:
    s = Sums()
    terms, first, second = some_terms(s), some_counters(s), some_counters(s)
    both = {name: first[name] + second[name] for name in COUNTERS}
    assert same(weighted(terms, both), weighted(terms, first) + weighted(terms, second))


def test_more_weight_and_a_higher_tier_cost_no_less() -> None:
    """With the theorems before: the premium is monotone in every counter and in the tier."""
    s = Sums()
    factor, value, more = s.number("factor"), s.number("value"), s.number("more")
    s.holds(factor * value <= factor * (value + more))  # a product grows with its factor
    s = Sums()
    smaller, more, divisor = s.number("smaller"), s.number("more"), s.number("divisor", 1)
    s.holds(s.floor(smaller, divisor) <= s.floor(smaller + more, divisor))  # a quotient with its dividend
    s = Sums()
    base, usage_, more, low, high = (s.number(name) for name in ("base", "usage", "more", "low", "high"))
    s.facts.append(low <= high)
    s.holds(clamped(low, base + usage_, high) <= clamped(low, base + usage_ + more, high))


def test_the_premium_lies_between_minimum_and_maximum() -> None:
    s = Sums()
    low, more, seconds = s.number("low"), s.number("more"), s.number("seconds")
    s.holds(
        low * seconds <= (low + more) * seconds
    )  # as quotients grow with dividends, the bounds do not cross
    s = Sums()
    amount, period, seconds = s.number("amount"), s.number("period", 1), s.number("seconds")
    s.facts.append(seconds <= period)
    s.holds(amount * seconds <= amount * period)
    s = Sums()
    amount, period, part = s.number("amount"), s.number("period", 1), s.number("part")
    s.facts.append(part <= amount * period)
    s.holds(s.floor(part, period) <= amount)  # no period costs more than the whole maximum
    s = Sums()
    low, open_, high = s.number("low"), s.number("open"), s.number("high")
    s.facts.append(low <= high)
    s.holds(z3.And(low <= clamped(low, open_, high), clamped(low, open_, high) <= high))


def test_a_cut_loses_at_most_two_units() -> None:
    """While no bound bites: at most one of the base and one of the usage, and never gains any."""
    s = Sums()
    terms = {"rate": s.number("rate"), "rate_distance": s.number("distance", 1)}
    terms |= {"base": s.number("base"), "period": s.number("period", 1)}
    tier, times = s.number("tier"), [s.number("seconds") for _ in range(2)]
    metres = [s.number("metres") for _ in range(2)]
    for whole, parts in (
        (usage(s, terms, sum(metres), tier), [usage(s, terms, m, tier) for m in metres]),
        (for_time(s, terms, "base", sum(times)), [for_time(s, terms, "base", t) for t in times]),
    ):
        s.holds(z3.And(sum(parts) <= whole, whole <= sum(parts) + 1))


def test_each_rounding_is_for_the_driver_and_less_than_a_unit() -> None:
    s = Sums()
    dividend, divisor = s.number("dividend"), s.number("divisor", 1)
    rounded = s.floor(dividend, divisor)
    s.holds(z3.And(rounded * divisor <= dividend, dividend - rounded * divisor < divisor))


# The tier


@pytest.mark.parametrize("counter", COUNTERS)
def test_risks_raise_the_next_tier_and_kilometres_lower_it(counter: str) -> None:
    s = Sums()
    terms, counted, more = some_terms(s), some_counters(s), s.number("more")
    kind = dict(EVENTS).get(counter)
    slope = terms[f"{kind}_penalty"] * 1000 if kind else terms.get(f"{counter}_penalty", -terms["km_credit"])
    added = tier_exact(terms, counted | {counter: counted[counter] + more}) - tier_exact(terms, counted)
    assert same(added, more * slope)
    a_product_of_two_is_not_negative()


def test_rounding_and_bounds_keep_the_order_of_tiers() -> None:
    s = Sums()
    exact, more, low, high = s.number("exact", -(10**30)), s.number("more"), s.number("low"), s.number("high")
    s.facts.append(low <= high)
    tiers = [clamped(low, s.floor(value, 1000), high) for value in (exact, exact + more)]
    s.holds(z3.And(low <= tiers[0], tiers[0] <= tiers[1], tiers[1] <= high))


def test_without_data_there_is_no_discount() -> None:
    s = Sums()
    terms, tier = some_terms(s), s.number("tier")
    s.facts += [terms["tier_min"] <= tier, tier <= terms["tier_max"]]
    following = greatest(tier, ONE)
    s.holds(z3.And(tier <= following, following >= ONE, following <= terms["tier_max"]))


def test_limiting_the_default_metres_changes_no_premium() -> None:
    """Either no metre is taken off, or base and usage reach the maximum without those that are."""
    s = Sums()
    room, price, distance = s.number("room"), s.number("price", 1), s.number("distance", 1)
    reaching = ceiling(s, room * distance, price)
    s.holds(price * reaching >= room * distance)
    s = Sums()
    room, distance, priced = s.number("room"), s.number("distance", 1), s.number("priced")
    s.facts.append(priced >= room * distance)
    s.holds(s.floor(priced, distance) >= room)
    s = Sums()
    base, low, high, usage_, more = (s.number(name) for name in ("base", "low", "high", "usage", "more"))
    s.facts += [low <= high, usage_ >= greatest(high - base, 0)]
    s.holds(clamped(low, base + usage_ + more, high) == clamped(low, base + usage_, high))


# The ranges that the library counts on


def test_no_product_overflows() -> None:
    """All factors are unsigned, so the largest values give the largest products."""
    u32, u40, u64, u96 = (2**bits - 1 for bits in (32, 40, 64, 96))
    heaviest = (u64 + 4 * u32 * u32) * ONE + 2 * u64 * u32
    assert heaviest < 2**98
    assert u96 * u32 * 1000 * heaviest < 2**236
    assert u32 * ONE * ONE < 2**256
    assert (ONE + 4 * u32 * u32) * 1000 + 2 * u64 * u32 < 2**256
    assert u96 * u40 + 2**236 < 2**256
    assert u32 * u40 // 86_400 < 2**64
    assert u96 * u40 * u32 * ONE < 2**256


# The escrow


def escrow(s: Sums) -> dict[str, Number]:
    found = {"maximum": s.number("maximum", 1), "period": s.number("period", 1), "escrow": s.number("escrow")}
    return found | {"cursor": s.number("cursor"), "cutoff": s.number("cutoff")}


def until(s: Sums, e: dict[str, Number]) -> Number:
    return least(e["cursor"] + s.floor(e["escrow"], e["maximum"]) * e["period"], e["cutoff"])


def test_settling_never_shortens_cover() -> None:
    s = Sums()
    before, price = escrow(s), s.number("price")
    s.facts += [price <= before["maximum"], before["maximum"] <= before["escrow"]]
    end = before["cursor"] + before["period"]
    after = before | {"escrow": before["escrow"] - price, "cursor": least(end, before["cutoff"])}
    s.holds(z3.Implies(before["cursor"] <= before["cutoff"], until(s, before) <= until(s, after)))


def test_a_premium_is_always_collectable() -> None:
    """Where the next period is covered, the escrow holds the maximum."""
    s = Sums()
    e = escrow(s)
    s.holds(z3.Implies(e["cursor"] < until(s, e), e["maximum"] <= e["escrow"]))


def test_a_withdrawal_never_uncovers_what_has_started() -> None:
    s = Sums()
    before, started, amount = escrow(s), s.number("started"), s.number("amount")
    s.facts.append(amount <= before["escrow"] - started * before["maximum"])
    after = before | {"escrow": before["escrow"] - amount}
    kept = least(before["cursor"] + started * before["period"], before["cutoff"])
    s.holds(kept <= until(s, after))
