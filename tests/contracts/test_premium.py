"""The premium: the worked numbers, the bounds of every parameter, and the theorems, on the contract itself.

Three implementations answer every question: the library on the chain, the model in fractions, and the
reference rule that quotes are made with.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.rules import premium as rule
from tests.models import premium as model
from tests.models.premium import Counters, Terms
from tests.support import Contract, deploy, fresh, reverts
from tests.support.drive import DAY, ONE, TERMS, USD

WORKED = json.loads((Path(__file__).parents[1] / "oracles" / "worked-numbers.json").read_text())
NAMES = {"harshBrake": "brakes", "harshAccel": "accels", "harshCorner": "corners"}
U32, U40, U64, U96 = (2**bits - 1 for bits in (32, 40, 64, 96))
LARGEST = Terms(*(U96 if name in ("base", "rate", "minimum", "maximum") else U32 for name in Terms._fields))
MIXED = Counters(1_200_000, 150_000, 20_000, 6, 3, 2, 4)


@cache
def library() -> Contract:
    """Pure functions, so one chain for all tests will do."""
    return deploy(fresh(), "PremiumHarness")


def charge(terms: Terms, counted: Counters, seconds: int, tier: int) -> int:
    """The premium, by all three."""
    on_chain: int = library().charge(terms, counted, seconds, tier)
    assert on_chain == model.charge(terms, counted, seconds, tier)
    if terms.minimum <= terms.maximum and terms.tierMin <= ONE <= terms.tierMax:
        assert on_chain == rule.premium(rule.Terms.of(terms), rule.Counters.of(counted), seconds, tier)
    return on_chain


def tier_after(terms: Terms, counted: Counters) -> int:
    """The next tier, by all three."""
    on_chain: int = library().nextTier(terms, counted)
    assert on_chain == model.tier(terms, counted)
    assert on_chain == rule.next_tier(rule.Terms.of(terms), rule.Counters.of(counted))
    return on_chain


def worked(name: str) -> tuple[Counters, dict[str, Any]]:
    case = WORKED[name]
    return Counters(**{NAMES.get(key, key): count for key, count in case["counters"].items()}), case


# Worked numbers


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("payd_metromile", {}),
        ("payd_mixed_neutral", {}),
        ("payd_mixed_good", {}),
        ("payd_floor", {"base": 5 * USD}),
        ("payd_cap", {}),
        ("payd_prorata_12d", {}),
    ],
)
def test_worked_premium(name: str, changes: dict[str, int]) -> None:
    counted, case = worked(name)
    seconds = case.get("seconds", 30 * DAY)
    assert charge(TERMS._replace(**changes), counted, seconds, case["tier"]) == case["premium"]


def test_the_terms_of_the_worked_numbers() -> None:
    terms = WORKED["payd_metromile"]["terms"]
    shown = (
        TERMS.base,
        TERMS.period,
        TERMS.rate,
        TERMS.rateDistance,
        TERMS.nightWeight,
        TERMS.speedingWeight,
    )
    assert shown == tuple(terms[key] for key in ("base", "period", "rate", "rateDistMm", "wNight", "wSpeed"))
    events = (TERMS.brakeMetres, TERMS.accelMetres, TERMS.cornerMetres, TERMS.phoneMetres)
    assert events == tuple(terms["eq"].values())
    assert (TERMS.minimum, TERMS.maximum) == (terms["min"], terms["max"])


def test_a_bad_tier_costs_more() -> None:
    assert charge(TERMS, MIXED, 30 * DAY, 1_200_000) == 60_023_860


def test_worked_tiers() -> None:
    good = Counters(**{NAMES.get(k, k): n for k, n in WORKED["tier_good"]["c"].items()})
    assert tier_after(TERMS, good) == WORKED["tier_good"]["f"] == 700_000
    assert tier_after(TERMS, MIXED) == WORKED["tier_mixed"] == 913_000
    before = {800_000: WORKED["tier_nodata_prev_good"], 1_300_000: WORKED["tier_nodata_prev_bad"]}
    for previous, expected in before.items():
        assert library().noDataTier(previous) == expected == model.tier_without_data(previous)
        terms = rule.Terms.of(TERMS)
        assert rule.next_tier(terms, rule.Counters(), previous, reported=False) == expected


def test_one_more_clean_kilometre_never_makes_it_cheaper_as_bands_do() -> None:
    """Bands of events per 100 km do: the paradox of the worked numbers."""
    before, after = WORKED["ratio_paradox"]["before"], WORKED["ratio_paradox"]["after_extra_trip"]
    assert after["metres"] > before["metres"] and after["usd"] < before["usd"]
    terms = TERMS._replace(minimum=0)
    bills = [
        charge(terms, Counters(metres=case["metres"], brakes=case["events"]), 30 * DAY, ONE)
        for case in (before, after)
    ]
    assert bills[1] > bills[0]


def test_worked_refund() -> None:
    refund = WORKED["refund"]
    passed, term = refund["day"] * DAY, refund["days"] * DAY
    assert refund["annual"] - rule.refund(refund["annual"], passed, term) == refund["earned"]
    assert rule.refund(refund["annual"], passed, term) == refund["pro_rata"] == 960
    assert rule.refund(refund["annual"], passed, term, 900_000) == refund["short_rate_90"] == 864
    assert rule.refund(10, 1, 3) == 7, "the earned 3 1/3 are rounded down"
    for seconds in (-1, term + 1):
        with pytest.raises(ValueError, match="outside its term"):
            rule.refund(1, seconds, term)
    with pytest.raises(ValueError, match="outside its term"):
        rule.refund(1, 0, 0)


# Every parameter by itself


UNIT = Terms(*(0 for _ in Terms._fields))._replace(
    period=100, rate=1000, rateDistance=1_000_000, maximum=U96, tierMax=U32, tierMin=0
)
"""A unit for each metre, a thousand for each kilometre, no other price."""


def test_base_is_for_the_time() -> None:
    terms = UNIT._replace(base=1000)
    assert [charge(terms, Counters(), t, ONE) for t in (0, 1, 33, 99, 100)] == [0, 10, 330, 990, 1000]
    assert charge(UNIT._replace(base=199), Counters(), 50, ONE) == 99, "rounded down"


def test_metres_are_for_the_rate() -> None:
    assert [charge(UNIT, Counters(metres=m), 100, ONE) for m in (0, 1, 999)] == [0, 1, 999]
    assert charge(UNIT._replace(rate=1), Counters(metres=999), 100, ONE) == 0, "rounded down"
    assert charge(UNIT._replace(rate=1), Counters(metres=1000), 100, ONE) == 1
    assert charge(UNIT._replace(rateDistance=500_000), Counters(metres=7), 100, ONE) == 14


def test_the_tier_multiplies_usage_and_not_the_base() -> None:
    terms = UNIT._replace(base=1000)
    assert charge(terms, Counters(metres=10), 100, 1_500_000) == 1015
    assert charge(terms, Counters(metres=10), 100, 0) == 1000
    assert charge(terms, Counters(metres=10), 100, 99_999) == 1000, "rounded down"


@pytest.mark.parametrize(("weight", "counter"), [("nightWeight", "night"), ("speedingWeight", "speeding")])
def test_a_weight_adds_to_its_metres_alone(weight: str, counter: str) -> None:
    terms = UNIT._replace(**{weight: 250_000})
    for name in ("night", "speeding"):
        counted = Counters(metres=100)._replace(**{name: 40})
        assert charge(terms, counted, 100, ONE) == (110 if name == counter else 100)
        weighted = library().weightedMetres(terms, counted)
        assert (
            weighted == (110 if name == counter else 100) * ONE == model.weighted_metres(terms, counted) * ONE
        )


EVENTS = ["brake", "accel", "corner", "phone"]
COUNTED = {"brake": "brakes", "accel": "accels", "corner": "corners", "phone": "phone"}


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_counts_for_its_metres_alone(kind: str) -> None:
    terms = UNIT._replace(**{f"{kind}Metres": 7})
    for other in EVENTS:
        counted = Counters(metres=1)._replace(**{COUNTED[other]: 3})
        assert charge(terms, counted, 100, ONE) == (22 if other == kind else 1)


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_penalises_the_tier_alone(kind: str) -> None:
    terms = UNIT._replace(**{f"{kind}Penalty": 7})
    for other in EVENTS:
        expected = ONE + (21 if other == kind else 0)
        assert tier_after(terms, Counters()._replace(**{COUNTED[other]: 3})) == expected


def test_kilometres_move_the_tier() -> None:
    assert tier_after(UNIT._replace(kmCredit=10), Counters(metres=2500)) == ONE - 25
    assert tier_after(UNIT._replace(kmCredit=1), Counters(metres=1)) == ONE - 1, "rounded down"
    assert tier_after(UNIT._replace(nightPenalty=10), Counters(night=2500)) == ONE + 25
    assert tier_after(UNIT._replace(nightPenalty=1), Counters(night=999)) == ONE, "rounded down"
    assert tier_after(UNIT._replace(speedingPenalty=10), Counters(speeding=2500)) == ONE + 25
    assert tier_after(UNIT._replace(nightPenalty=9, speedingPenalty=7), Counters(speeding=1000)) == ONE + 7


def test_the_tier_is_held_between_its_bounds() -> None:
    terms = UNIT._replace(kmCredit=1000, brakePenalty=1000, tierMin=900_000, tierMax=1_100_000)
    credit = [tier_after(terms, Counters(metres=m * 1000)) for m in (99, 100, 101, 1000, 1001, 10**9)]
    assert credit == [901_000, 900_000, 900_000, 900_000, 900_000, 900_000]
    penalty = [tier_after(terms, Counters(brakes=n)) for n in (99, 100, 101, U32)]
    assert penalty == [1_099_000, 1_100_000, 1_100_000, 1_100_000]
    free = terms._replace(tierMin=0)
    assert [tier_after(free, Counters(metres=m)) for m in (999_999, 1_000_000, 1_000_001)] == [1, 0, 0]


def test_the_premium_is_held_between_its_bounds() -> None:
    terms = UNIT._replace(minimum=101, maximum=201)
    assert [charge(terms, Counters(metres=m), 100, ONE) for m in (0, 101, 102)] == [101, 101, 102]
    assert [charge(terms, Counters(metres=m), 100, ONE) for m in (200, 201, 202)] == [200, 201, 201]
    assert charge(terms, Counters(), 50, ONE) == 50, "the minimum is rounded down"
    assert charge(terms, Counters(metres=1000), 50, ONE) == 100, "the maximum is rounded down"


def metres_without_data(terms: Terms, seconds: int, tier: int) -> int:
    """The metres billed without a report, by all three."""
    on_chain: int = library().noDataMetres(terms, seconds, tier)
    assert on_chain == model.metres_without_data(terms, seconds, tier)
    if terms.minimum <= terms.maximum and terms.tierMin <= ONE <= terms.tierMax:
        assert rule.default_counters(rule.Terms.of(terms), seconds, tier) == rule.Counters(on_chain)
    return on_chain


def test_metres_without_data() -> None:
    terms = TERMS._replace(defaultMetres=50_000)
    for seconds, metres in [(0, 0), (1, 0), (2, 1), (DAY, 50_000), (30 * DAY, 1_500_000)]:
        assert metres_without_data(terms, seconds, ONE) == metres
    assert [library().noDataTier(t) for t in (0, ONE - 1, ONE, ONE + 1, U32)] == [ONE, ONE, ONE, ONE + 1, U32]
    for tier in (800_000, ONE, 1_300_000):
        expected = charge(TERMS, Counters(1_500_000), 30 * DAY, max(tier, ONE))
        assert rule.default_premium(rule.Terms.of(TERMS), 30 * DAY, tier) == expected


def test_without_data_no_metre_is_billed_that_nobody_pays_for() -> None:
    terms = UNIT._replace(base=40, maximum=100, defaultMetres=DAY)
    assert [metres_without_data(terms, t, ONE) for t in (50, 100)] == [30, 60], "a unit for each metre"
    assert [metres_without_data(terms._replace(defaultMetres=m * 864), 100, ONE) for m in (59, 60, 61)] == [
        59, 60, 60,
    ]  # fmt: skip
    assert metres_without_data(terms, 100, 1_500_000) == 40, "at a higher tier they cost more"
    assert metres_without_data(terms, 100, 1_400_000) == 43, "rounded up: 42 metres are 58 units"
    assert metres_without_data(terms._replace(rate=500, defaultMetres=2 * DAY), 100, ONE) == 120
    assert metres_without_data(terms._replace(rateDistance=500_000), 100, ONE) == 30
    assert metres_without_data(terms._replace(minimum=100), 100, ONE) == 60, "whatever the minimum"
    assert [metres_without_data(terms._replace(base=b), 100, ONE) for b in (99, 100, 101)] == [1, 0, 0]
    assert metres_without_data(terms._replace(rate=0), 100, ONE) == 100, "what costs nothing has no limit"


def test_a_default_below_one_is_reckoned_at_one() -> None:
    terms = rule.Terms.of(UNIT._replace(maximum=100, defaultMetres=2 * DAY))
    assert (
        rule.default_counters(terms, 100, 800_000) == rule.default_counters(terms, 100) == rule.Counters(100)
    )


def test_nothing_overflows_at_the_largest_values() -> None:
    counted = Counters(U64, U64, U64, U32, U32, U32, U32)
    terms = LARGEST._replace(rateDistance=1, period=1, minimum=0)
    assert charge(terms, counted, U40, U32) == U96 * U40
    assert charge(terms._replace(base=0, rate=1, rateDistance=U32, period=U32), counted, U32, U32) < U96
    assert library().weightedMetres(LARGEST, counted) == model.weighted_metres(LARGEST, counted) * ONE
    assert tier_after(LARGEST._replace(tierMin=0, minimum=0), counted) == U32
    widest = terms._replace(base=0, rate=1, rateDistance=U32)
    for rate in (0, 1):
        assert metres_without_data(widest._replace(rate=rate), U40, ONE) == U32 * U40 // DAY
    assert metres_without_data(widest._replace(rate=U96), U40, U32) == U40 * 1000


# Terms that the contract refuses


def test_sound_terms() -> None:
    sound = library().requireSound
    sound(TERMS, ONE)
    sound(TERMS._replace(minimum=5, maximum=5), ONE)
    sound(TERMS._replace(tierMin=ONE, tierMax=ONE), ONE)
    sound(TERMS, TERMS.tierMin)
    sound(TERMS, TERMS.tierMax)
    sound(TERMS._replace(period=1, rateDistance=1, maximum=1, minimum=1), ONE)


@pytest.mark.parametrize("name", ["period", "rateDistance", "maximum"])
def test_no_divisor_may_be_zero(name: str) -> None:
    terms = TERMS._replace(minimum=0)._replace(**{name: 0})
    with reverts("ZeroTerm", terms.period, terms.rateDistance, terms.maximum):
        library().requireSound(terms, ONE)
    with pytest.raises(ValueError, match="must not be zero"):
        rule.Terms.of(terms)


def test_the_minimum_may_not_exceed_the_maximum() -> None:
    terms = TERMS._replace(minimum=TERMS.maximum + 1)
    with reverts("MinimumAboveMaximum", terms.minimum, terms.maximum):
        library().requireSound(terms, ONE)
    with pytest.raises(ValueError, match="exceeds maximum"):
        rule.Terms.of(terms)


@pytest.mark.parametrize(
    ("low", "high", "tier"),
    [
        (ONE + 1, ONE + 2, ONE + 1),
        (ONE - 2, ONE - 1, ONE - 1),
        (700_000, 1_500_000, 699_999),
        (700_000, 1_500_000, 1_500_001),
    ],
)
def test_the_bounds_of_the_tier_enclose_one_and_the_first_tier(low: int, high: int, tier: int) -> None:
    terms = TERMS._replace(tierMin=low, tierMax=high)
    with reverts("TierOutOfBounds", tier, low, high):
        library().requireSound(terms, tier)
    if not low <= ONE <= high:
        with pytest.raises(ValueError, match="must enclose"):
            rule.Terms.of(terms)


def test_the_reference_rule_takes_no_negative_numbers() -> None:
    with pytest.raises(ValueError, match="night must not be negative: -1"):
        rule.Counters(night=-1)
    with pytest.raises(ValueError, match="base must not be negative: -1"):
        rule.Terms(base=-1, period=1, rate=1, rate_distance=1, minimum=0, maximum=1)


def test_helpers_of_the_reference_rule() -> None:
    terms = rule.Terms.of(TERMS)
    assert rule.maximum(terms, 15 * DAY) == 75 * USD
    assert [rule.periods_paid(terms, e) for e in (0, 150 * USD - 1, 150 * USD, 450 * USD)] == [0, 0, 1, 3]
    assert rule.Counters(1, 2, 3) + rule.Counters(10, brakes=4) == rule.Counters(11, 2, 3, 4)


# Theorems


def numbers(bits: int) -> st.SearchStrategy[int]:
    """Small ones, large ones, and the largest."""
    return st.integers(0, 100) | st.integers(0, 10 ** (bits // 4)) | st.integers(0, 2**bits - 1)


@st.composite
def all_terms(draw: st.DrawFn) -> Terms:
    """Any that the contract accepts."""
    values = {n: draw(numbers(96 if n in ("base", "rate") else 32)) for n in Terms._fields}
    low, high = sorted(draw(st.tuples(numbers(96), numbers(96))))
    values |= {"minimum": low, "maximum": max(high, 1)}
    values |= {"period": values["period"] or 1, "rateDistance": values["rateDistance"] or 1}
    values |= {"tierMin": draw(st.integers(0, ONE)), "tierMax": draw(st.integers(ONE, U32))}
    return Terms(**values)


@st.composite
def realistic_terms(draw: st.DrawFn) -> Terms:
    """As an insurer would have them, so that the bounds do not hide everything else."""
    terms = TERMS._replace(
        base=draw(st.integers(0, 100 * USD)),
        rate=draw(st.integers(0, 200_000)),
        minimum=draw(st.integers(0, 20 * USD)),
        maximum=draw(st.integers(20 * USD, 10_000 * USD)),
    )
    shares = {name: draw(st.integers(0, 2_000_000)) for name in ("nightWeight", "speedingWeight")}
    metres = {f"{kind}Metres": draw(st.integers(0, 5000)) for kind in EVENTS}
    penalties = {f"{kind}Penalty": draw(st.integers(0, 20_000)) for kind in (*EVENTS, "night", "speeding")}
    return terms._replace(**shares, **metres, **penalties, kmCredit=draw(st.integers(0, 500)))


terms_ = realistic_terms() | all_terms()
counters_ = st.builds(Counters, *[st.integers(0, 10**7)] * 3, *[st.integers(0, 100)] * 4) | st.builds(
    Counters, *[numbers(64)] * 3, *[numbers(32)] * 4
)
tiers = st.integers(0, 2_000_000) | numbers(32)


@given(terms_, counters_, st.integers(0, 2**40 - 1), tiers)
def test_chain_model_and_reference_rule_agree(
    terms: Terms, counted: Counters, seconds: int, tier: int
) -> None:
    seconds %= terms.period + 1
    found = charge(terms, counted, seconds, tier)
    assert terms.minimum * seconds // terms.period <= found <= terms.maximum * seconds // terms.period
    following = tier_after(terms, counted)
    assert terms.tierMin <= following <= terms.tierMax


@given(terms_, counters_, tiers, st.sampled_from(Counters._fields), st.integers(1, 10**6))
def test_no_counter_and_no_tier_lowers_the_premium(
    terms: Terms, counted: Counters, tier: int, name: str, more: int
) -> None:
    bits = 64 if name in ("metres", "night", "speeding") else 32
    worse = counted._replace(**{name: min(getattr(counted, name) + more, 2**bits - 1)})
    charges = library().charge
    assert charges(terms, counted, terms.period, tier) <= charges(terms, worse, terms.period, tier)
    higher = min(tier + more, U32)
    assert charges(terms, counted, terms.period, tier) <= charges(terms, counted, terms.period, higher)
    if name == "metres":
        assert library().nextTier(terms, counted) >= library().nextTier(terms, worse)
    else:
        assert library().nextTier(terms, counted) <= library().nextTier(terms, worse)


@given(
    realistic_terms(),
    st.lists(
        st.builds(Counters, *[st.integers(0, 10**6)] * 3, *[st.integers(0, 50)] * 4), min_size=1, max_size=6
    ),
    st.randoms(use_true_random=False),
)
def test_trips_add_up_in_any_order_and_any_cut(terms: Terms, trips: list[Counters], random: Any) -> None:
    def total(parts: list[Counters]) -> Counters:
        return Counters(*(sum(column) for column in zip(*parts, strict=True)))

    shuffled = random.sample(trips, len(trips))
    whole = charge(terms, total(trips), terms.period, ONE)
    assert charge(terms, total(shuffled), terms.period, ONE) == whole
    parts = sum(library().weightedMetres(terms, trip) for trip in trips)
    assert parts == library().weightedMetres(terms, total(trips))


@given(
    realistic_terms(),
    st.lists(
        st.tuples(
            st.builds(Counters, *[st.integers(0, 10**6)] * 3, *[st.integers(0, 50)] * 4),
            st.integers(1, 10 * DAY),
        ),
        min_size=1,
        max_size=6,
    ),
    tiers,
)
def test_splitting_a_period_changes_at_most_two_units_a_cut(
    terms: Terms, parts: list[tuple[Counters, int]], tier: int
) -> None:
    """While no bound bites: base and usage of each part lose less than a unit each."""
    terms = terms._replace(minimum=0, maximum=U96, period=60 * DAY)
    whole = Counters(*(sum(column) for column in zip(*(c for c, _ in parts), strict=True)))
    split = sum(charge(terms, c, seconds, tier) for c, seconds in parts)
    together = charge(terms, whole, sum(seconds for _, seconds in parts), tier)
    assert 0 <= together - split <= 2 * (len(parts) - 1)


@given(terms_, st.integers(0, 2**40 - 1), st.integers(ONE, 2_000_000) | st.integers(ONE, U32))
def test_limiting_the_default_metres_changes_no_premium(terms: Terms, seconds: int, tier: int) -> None:
    seconds %= terms.period + 1
    metres, all_metres = metres_without_data(terms, seconds, tier), terms.defaultMetres * seconds // DAY
    assert metres <= all_metres
    default = charge(terms, Counters(metres), seconds, tier)
    assert default == charge(terms, Counters(all_metres), seconds, tier)
    assert default == rule.default_premium(rule.Terms.of(terms), seconds, tier)
