"""Claims: what a breach or a recall is worth, when it counts, who proves it, and that the worst is paid."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.rules import cargo as rule
from tests.models import cargo_insurance as model
from tests.models.conditions import FALSIFIED, Disposition
from tests.models.readings import Rule, RuleKind
from tests.models.segments import TEMPERATURE, Limit
from tests.support import Counters, Forwarder, Node, fresh, reverts
from tests.support.cargo import MINUTE, ONE, TABLE, USD, Cargo, CargoQuote, Severity, Shipment
from tests.support.world import DAY, happened

HUMIDITY = 2
SILENCE = 15


@pytest.fixture
def cargo(node: Node) -> Cargo:
    return Cargo.create(node)


@pytest.fixture
def quote(cargo: Cargo) -> CargoQuote:
    """Underway."""
    return underway(cargo)


def underway(cargo: Cargo, table: Any = TABLE, **changes: Any) -> CargoQuote:
    quote = cargo.quote(table, **changes)
    cargo.open(quote)
    cargo.depart(quote)
    return quote


def share(cargo: Cargo, quote: CargoQuote) -> int:
    found: int = cargo.insurance.policyOf(cargo.id(quote)).share
    return found


# The table


@pytest.mark.parametrize(
    ("values", "place", "expected"),
    [
        ([500, 800, 500], 0, 50_000),  # at the limit
        ([500, 999, 500], 0, 50_000),  # a hundredth below the next row
        ([500, 1000, 500], 0, 200_000),
        ([500, 9000, 500], 0, 200_000),
        ([*[800] * 11, 500], 1, 300_000),  # ten minutes and one
        ([*[800] * 60, 500], 1, 600_000),  # an hour
        ([*[800] * 59, 500], 1, 300_000),
        ([500, 0, 500], 2, 700_000),
        ([500, -299, 500], 2, 700_000),
        ([500, -300, 500], 2, 800_000),
    ],
)
def test_what_a_breach_is_worth(cargo: Cargo, values: list[int], place: int, expected: int) -> None:
    quote = underway(cargo)
    cargo.node.warp(1)
    cargo.measure(values)
    receipt = cargo.claim(quote, place)
    claimed = {"policyId": cargo.id(quote), "device": cargo.cold.logger.id, "caller": cargo.keeper}
    claimed |= {"quantity": TEMPERATURE, "rule": place, "rejected": False, "share": expected}
    assert happened(receipt) == [("BreachClaimed", claimed)]
    assert share(cargo, quote) == expected


def test_silence_is_a_breach_like_any_other(cargo: Cargo, quote: CargoQuote) -> None:
    """With a time, but without a limit to be beyond."""
    cargo.measure([500])
    cargo.node.warp(DAY + 1)
    args = cargo.conditions, cargo.cold.logger.id, TEMPERATURE
    cargo.world.conditions.markSilent(*args, sender=cargo.keeper)
    cargo.claim(quote, SILENCE)
    assert share(cargo, quote) == 400_000


def test_a_row_on_silence_may_ask_for_time(node: Node) -> None:
    for seconds, expected in ((DAY + 1, 1000), (DAY + 2, 0)):
        cargo = Cargo.create(node)
        quote = underway(cargo, [Severity(SILENCE, 0, seconds, 1000), Severity(SILENCE, 1, 0, 7000)])
        cargo.measure([500])
        cargo.node.warp(DAY + 1)
        args = cargo.conditions, cargo.cold.logger.id, TEMPERATURE
        cargo.world.conditions.markSilent(*args, sender=cargo.keeper)
        if expected:
            cargo.claim(quote, SILENCE)
        else:
            with reverts("NothingToRaise", cargo.id(quote), 0, 0):
                cargo.claim(quote, SILENCE)


def test_what_the_table_does_not_have_is_worth_nothing(cargo: Cargo) -> None:
    quote = underway(cargo, [Severity(1, 0, 0, 5000)])
    cargo.measure([500, 900, 500])
    with reverts("NothingToRaise", cargo.id(quote), 0, 0):
        cargo.claim(quote)


def test_a_breach_must_be_recorded(cargo: Cargo, quote: CargoQuote) -> None:
    id_, logger = cargo.id(quote), cargo.cold.logger.id
    cargo.measure([500, 900, 500])
    for device, quantity, place in (
        (logger, TEMPERATURE, 1),
        (logger, HUMIDITY, 0),
        (cargo.cold.pallet, TEMPERATURE, 0),
        (logger, TEMPERATURE, 14),
    ):
        with reverts("NoBreach", id_, device, quantity, place):
            args = quote, cargo.conditions, device, quantity, place
            cargo.insurance.claimBreach(*args, sender=cargo.keeper)


def test_the_conditions_are_those_of_the_quote(cargo: Cargo, quote: CargoQuote) -> None:
    """Others of the same cargo, with a breach of their own, prove nothing."""
    cold = cargo.cold
    lax = cold.set(cold.policy(cargo.conditions.rules))
    segment = cold.segment(cold.every(MINUTE, [500, 900]), 1, lax.limits(TEMPERATURE))
    cold.judge(lax, segment)
    with reverts("WrongConditions", cargo.id(quote), cargo.conditions.hash, lax.hash):
        args = quote, lax, cold.logger.id, TEMPERATURE, 0
        cargo.insurance.claimBreach(*args, sender=cargo.keeper)
    cold.judge(cargo.conditions, segment)
    cargo.claim(quote)


def test_a_later_version_does_not_erase_a_breach(cargo: Cargo, quote: CargoQuote) -> None:
    cargo.measure([500, 900, 500])
    cargo.reject(disposition=Disposition.RELEASE)
    again = cargo.conditions._replace(version=2, start=cargo.now)
    cargo.cold.set(again, cargo.world.insurer.quality)
    cargo.claim(quote)
    assert share(cargo, quote) == 50_000


@pytest.mark.parametrize(("hottest", "expected"), [(800, 50_000), (801, 60_000)])
def test_a_hundredth_beyond_the_limit(cargo: Cargo, hottest: int, expected: int) -> None:
    quote = underway(cargo, [*TABLE, Severity(0, 1, 0, 60_000)])
    cargo.measure([500, hottest, 500])
    cargo.claim(quote)
    assert share(cargo, quote) == expected


def test_a_gap_breaks_a_limit_that_no_reading_has_reached(cargo: Cargo) -> None:
    """Its extreme is on the good side, and no distance."""
    new = cargo.conditions._replace(version=2, start=cargo.now, max_interval=MINUTE)
    cargo.conditions = cargo.cold.set(new, cargo.world.insurer.quality)
    quote = underway(cargo, [*TABLE, Severity(0, 1, 0, 60_000)])
    cargo.measure([500])
    cargo.node.warp(MINUTE + 1)
    cargo.measure([500])
    cargo.claim(quote)
    assert share(cargo, quote) == 50_000


def test_a_lie_of_the_device_is_insured(cargo: Cargo) -> None:
    """From the start of the segment that was proved false; without a limit to be beyond."""
    rows = [Severity(FALSIFIED, 0, 2 * MINUTE, 650_000), Severity(FALSIFIED, 1, 0, 900_000)]
    quote, cold = underway(cargo, rows), cargo.cold
    segment = cold.segment(cold.every(MINUTE, [500, 500, 500]), 1, cargo.conditions.limits(TEMPERATURE))
    cold.judge(cargo.conditions, segment)
    with reverts("NoBreach", cargo.id(quote), cold.logger.id, TEMPERATURE, FALSIFIED):
        cargo.claim(quote, FALSIFIED)
    court = Forwarder.deploy(cargo.node, cargo.world.stranger)
    cargo.world.empower(court)
    cold.telemetry.falsify(segment, 1, cargo.world.stranger, sender=court)
    cold.conditions.judgeFalsified(cargo.conditions, segment, sender=cargo.world.stranger)
    cargo.claim(quote, FALSIFIED)
    assert share(cargo, quote) == 650_000


def test_wrong_firmware_has_no_distance(cargo: Cargo) -> None:
    """Its limit is a state, which no reading passes by more or less."""
    sequence = Rule(RuleKind.SEQUENCE, Limit(2, high=False))
    new = cargo.conditions._replace(version=2, start=cargo.now, words=[sequence.word])
    cargo.conditions = cargo.cold.set(new, cargo.world.insurer.quality)
    quote = underway(cargo, [Severity(0, 0, 0, 300_000), Severity(0, 1, 0, 800_000)])
    cargo.measure([500, 500])
    cargo.claim(quote)
    assert share(cargo, quote) == 300_000


# In the trip, to the second


def test_the_first_second_of_the_trip_counts(node: Node) -> None:
    for early in (1, 0):
        cargo = Cargo.create(node)
        quote = cargo.quote()
        cargo.open(quote)
        cargo.world.move(cargo.cold.pallet, cargo.world.maker, cargo.world.carrier)
        cargo.node.warp(60)
        hot = cargo.now
        cargo.node.warp(early)
        cargo.insurance.begin(quote, sender=cargo.keeper)
        cargo.node.warp(60)
        cargo.measure([900, 500], start=hot)
        start, end = hot + early, quote.shipment.latestEnd
        if early:
            with reverts("NotInTrip", cargo.id(quote), hot, start, end):
                cargo.claim(quote)
        else:
            cargo.claim(quote)


@pytest.mark.parametrize("by", ["the consignee", "time"])
@pytest.mark.parametrize("late", [0, 1])
def test_the_end_of_the_trip_does_not_count(cargo: Cargo, by: str, late: int) -> None:
    """Crossed in the last second before it, or at it."""
    quote = underway(cargo, latestEnd=cargo.now + 2 * DAY, latestStart=cargo.now + DAY)
    start = cargo.now
    cargo.node.warp(1000)
    if by == "the consignee":
        cargo.arrive()
        cargo.insurance.finish(quote, sender=cargo.keeper)
        end = cargo.now
    else:
        end = quote.shipment.latestEnd
    hot = end - 1 + late
    cargo.measure([500, 500], start=hot - MINUTE, seconds=30)
    cargo.measure([900, 500], start=hot, seconds=1)
    if late:
        with reverts("NotInTrip", cargo.id(quote), hot, start, end):
            cargo.claim(quote)
    else:
        cargo.claim(quote)


@pytest.mark.parametrize(("last", "expected"), [(-1, 200_000), (0, 50_000)])
def test_an_extreme_counts_if_its_segment_ended_in_the_trip(cargo: Cargo, last: int, expected: int) -> None:
    """Otherwise nobody knows whether it was hot on the trip or behind it."""
    quote = underway(cargo, [*TABLE, Severity(0, 1, 0, 60_000)])
    cargo.node.warp(1000)
    cargo.arrive()
    cargo.insurance.finish(quote, sender=cargo.keeper)
    end = cargo.now
    cargo.measure([900, 1100], start=end + last - MINUTE)
    cargo.claim(quote)
    assert share(cargo, quote) == expected


@pytest.mark.parametrize(("before", "expected"), [(600, 300_000), (599, 0)])
def test_time_counts_up_to_the_end_of_the_trip(cargo: Cargo, before: int, expected: int) -> None:
    """The cargo was warm for an hour, most of it behind the trip."""
    quote = underway(cargo)
    cargo.node.warp(3000)
    cargo.arrive()
    cargo.insurance.finish(quote, sender=cargo.keeper)
    cargo.measure([900] * 61, start=cargo.now - before)
    if expected:
        cargo.claim(quote, 1)
        assert share(cargo, quote) == expected
    else:
        with reverts("NothingToRaise", cargo.id(quote), 0, 0):
            cargo.claim(quote, 1)


def test_claims_have_a_last_second(cargo: Cargo, quote: CargoQuote) -> None:
    cargo.measure([500, 900, 500])
    cargo.measure([*[900] * 61], start=cargo.now + 1)
    cargo.node.timestamp = last = quote.shipment.latestEnd + quote.shipment.claimWindow
    cargo.claim(quote)
    cargo.node.warp(1)
    with reverts("WindowClosed", cargo.id(quote), last):
        cargo.claim(quote, 1)
    with reverts("WindowClosed", cargo.id(quote), last):
        cargo.insurance.claimRecall(quote, 1, sender=cargo.keeper)


def test_no_claim_before_the_trip(cargo: Cargo) -> None:
    quote = cargo.quote()
    cargo.open(quote)
    for claim in (
        lambda: cargo.claim(quote),
        lambda: cargo.insurance.claimRecall(quote, 1, sender=cargo.keeper),
    ):
        with reverts("WrongPolicyState", cargo.id(quote), model.OPEN):
            claim()


# The worst is paid, once


def test_a_stranger_with_a_small_claim_takes_nothing_away(cargo: Cargo, quote: CargoQuote) -> None:
    cargo.measure([500, 900, -300, 500])
    machine = Forwarder.deploy(cargo.node, cargo.keeper)
    (event,) = cargo.insurance.events(cargo.claim(quote, 0, sender=machine))
    assert event["caller"] == machine.address
    assert share(cargo, quote) == 50_000
    cargo.claim(quote, 2)
    assert share(cargo, quote) == 800_000
    for place, worth in ((0, 50_000), (2, 800_000)):
        with reverts("NothingToRaise", cargo.id(quote), worth, 800_000):
            cargo.claim(quote, place)
    receipt = cargo.insurance.settle(quote, sender=cargo.holder)
    # 80 % of 20,000 without the deductible of 500: neither the sum of the two nor the first.
    assert cargo.insurance.events(receipt)[0]["payment"] == 15_500 * USD


def test_a_small_loss_is_borne_by_the_policyholder(cargo: Cargo, quote: CargoQuote) -> None:
    """5 % of 20,000 is below the franchise of 1,500."""
    cargo.measure([500, 900, 500])
    cargo.claim(quote)
    receipt = cargo.insurance.settle(quote, sender=cargo.holder)
    assert cargo.insurance.events(receipt)[0]["payment"] == 0


# Rejected by quality


def test_what_quality_rejects_is_worth_more(cargo: Cargo, quote: CargoQuote) -> None:
    cargo.measure([500, 900, 500])
    cargo.claim(quote)
    cargo.reject(disposition=Disposition.REWORK)
    with reverts("NothingToRaise", cargo.id(quote), 50_000, 50_000):
        cargo.claim(quote)
    cargo.reject()
    (event,) = cargo.insurance.events(cargo.claim(quote))
    assert (event["rejected"], event["share"]) == (True, 900_000)
    with reverts("NothingToRaise", cargo.id(quote), 900_000, 900_000):
        cargo.claim(quote)


def test_a_rejection_needs_a_breach_in_the_trip(cargo: Cargo) -> None:
    """What broke behind the trip is not insured, whatever quality says."""
    quote = underway(cargo)
    cargo.node.warp(1000)
    start = cargo.now - 1000
    cargo.arrive()
    cargo.insurance.finish(quote, sender=cargo.keeper)
    end = cargo.now
    cargo.measure([900, 900])
    cargo.reject()
    with reverts("NotInTrip", cargo.id(quote), end, start, end):
        cargo.claim(quote)


def test_a_rejection_is_worth_something_without_a_row(cargo: Cargo) -> None:
    quote = underway(cargo, [])
    cargo.measure([500, 900, 500])
    with reverts("NothingToRaise", cargo.id(quote), 0, 0):
        cargo.claim(quote)
    cargo.reject()
    cargo.claim(quote)
    assert share(cargo, quote) == 900_000


def test_a_worse_row_stands_beside_a_rejection(cargo: Cargo) -> None:
    for rejected_share in (200_000, 199_999):
        cargo = Cargo.create(fresh())
        quote = underway(cargo, rejectShare=rejected_share)
        cargo.measure([500, 1000, 500])
        cargo.reject()
        (event,) = cargo.insurance.events(cargo.claim(quote))
        assert (event["rejected"], event["share"]) == (False, 200_000)


def test_a_later_release_takes_nothing_back(cargo: Cargo, quote: CargoQuote) -> None:
    cargo.measure([500, 900, 500])
    cargo.reject()
    cargo.claim(quote)
    cargo.reject(cargo.world.regulator, Disposition.RELEASE)
    assert share(cargo, quote) == 900_000
    receipt = cargo.insurance.settle(quote, sender=cargo.holder)
    assert cargo.insurance.events(receipt)[0]["payment"] == 17_500 * USD


def test_a_rejection_under_other_conditions_does_not_count(cargo: Cargo, quote: CargoQuote) -> None:
    cold, old = cargo.cold, cargo.conditions
    limits = old.limits(TEMPERATURE)
    first = cold.segment(cold.every(MINUTE, [500, 900, 500]), 1, limits)
    cold.judge(old, first)
    cargo.reject(disposition=Disposition.RELEASE)
    new = cold.set(old._replace(version=2, start=cargo.now + 1), cargo.world.insurer.quality)
    cold.judge(new, first)
    cargo.node.warp(1)
    cold.judge(new, cold.segment(cold.every(MINUTE, [900, 900]), 2, limits))
    cargo.reject()
    cargo.claim(quote)
    assert share(cargo, quote) == 50_000


# Recalls


def test_a_recall_of_the_cargo(cargo: Cargo, quote: CargoQuote) -> None:
    recall = cargo.recall()
    machine = Forwarder.deploy(cargo.node, cargo.keeper)
    receipt = cargo.insurance.claimRecall(quote, recall, sender=machine)
    claimed = {"policyId": cargo.id(quote), "recall": recall, "caller": machine.address, "share": ONE}
    assert happened(receipt) == [("RecallClaimed", claimed)]
    assert share(cargo, quote) == ONE
    with reverts("NothingToRaise", cargo.id(quote), ONE, ONE):
        cargo.insurance.claimRecall(quote, recall, sender=machine)


def refused(cargo: Cargo, quote: CargoQuote, recall: int) -> None:
    with reverts("RecallNotInsured", cargo.id(quote), recall):
        cargo.insurance.claimRecall(quote, recall, sender=cargo.keeper)


def test_the_cargo_must_be_a_member(cargo: Cargo, quote: CargoQuote) -> None:
    recall = cargo.recall(member=False)
    refused(cargo, quote, recall)
    refused(cargo, quote, recall + 1)
    refused(cargo, quote, 0)
    args = recall, cargo.cold.pallet, cargo.world.ref()
    cargo.world.recalls.addTwin(*args, sender=cargo.world.maker.recall)
    cargo.insurance.claimRecall(quote, recall, sender=cargo.keeper)


def test_grave_enough(node: Node) -> None:
    for least in (1, 2, 3):
        for class_ in (1, 2, 3):
            cargo = Cargo.create(node)
            quote = underway(cargo, recallClass=least)
            recall = cargo.recall(class_=class_)
            if class_ > least:
                refused(cargo, quote, recall)
            else:
                cargo.insurance.claimRecall(quote, recall, sender=cargo.keeper)


def test_recalls_need_not_be_insured(cargo: Cargo) -> None:
    quote = underway(cargo, recallClass=0, recallShare=0)
    refused(cargo, quote, cargo.recall())


def test_who_may_have_opened_it(cargo: Cargo) -> None:
    regulator = cargo.world.regulator
    quote = underway(cargo, recaller=regulator.number)
    refused(cargo, quote, cargo.recall())
    cargo.insurance.claimRecall(quote, cargo.recall(regulator), sender=cargo.keeper)


def test_opened_in_the_trip(cargo: Cargo) -> None:
    """Neither before it began, nor after its end was noted."""
    quote = cargo.quote()
    cargo.open(quote)
    before = cargo.recall(member=False)
    cargo.depart(quote)
    within = cargo.recall(member=False)
    cargo.arrive()
    cargo.insurance.finish(quote, sender=cargo.keeper)
    after = cargo.recall(member=False)
    for recall in (before, within, after):
        args = recall, cargo.cold.pallet, cargo.world.ref()
        cargo.world.recalls.addTwin(*args, sender=cargo.world.maker.recall)
    refused(cargo, quote, before)
    refused(cargo, quote, after)
    cargo.insurance.claimRecall(quote, within, sender=cargo.keeper)


# Worked numbers: sum, share, franchise, deductible, and what is paid


WORKED = [
    (20_000_000_000, 200_000, 0, 0, 4_000_000_000),
    (20_000_000_000, 200_000, 0, 500_000_000, 3_500_000_000),  # a deductible comes off every loss
    (20_000_000_000, 200_000, 4_000_000_000, 0, 4_000_000_000),  # a franchise that is reached pays all
    (20_000_000_000, 200_000, 4_000_000_001, 0, 0),  # and below it nothing
    (20_000_000_000, 25_000, 0, 500_000_000, 0),  # the loss is the deductible
    (20_000_000_000, 25_000, 0, 500_000_001, 0),
    (20_000_000_000, 1_000_000, 1_500_000_000, 500_000_000, 19_500_000_000),
    (999_999, 333_333, 0, 0, 333_332),  # rounded down from 333,332.67
    (1, 999_999, 0, 0, 0),
    (1, 1_000_000, 0, 0, 1),
    (2**96 - 1, 1_000_000, 2**96 - 1, 0, 2**96 - 1),
    (2**96 - 1, 1, 0, 0, (2**96 - 1) // 1_000_000),
    (20_000_000_000, 0, 0, 0, 0),
]


@pytest.mark.parametrize(("total", "part", "franchise", "deductible", "paid"), WORKED)
def test_worked_numbers(
    cargo: Cargo, total: int, part: int, franchise: int, deductible: int, paid: int
) -> None:
    shipment = cargo.quote(sumInsured=total, franchise=franchise, deductible=deductible).shipment
    assert cargo.insurance.paymentOf(shipment, part) == paid
    assert model.payment_of(shipment, part) == paid
    assert rule.payment(total, part, franchise, deductible) == paid


# Properties


rows = st.builds(Severity, st.integers(0, 3), st.integers(0, 5), st.integers(0, 5), st.integers(0, ONE))
steps = st.integers(0, 7)
amounts = st.one_of(st.integers(0, 2**96 - 1), st.integers(0, 3_000_000))


def test_a_table_is_monotone_and_has_no_order() -> None:
    """A worse breach is worth no less, in any order of the rows, and no more than the highest row."""
    insurance = Cargo.create(fresh()).insurance
    count = Counters()

    @given(st.lists(rows, max_size=8), st.integers(0, 3), steps, steps, steps, steps, st.randoms())
    def check(table: list[Severity], place: int, b: int, t: int, more: int, longer: int, dice: Any) -> None:
        found = insurance.shareOf(table, place, b, t)
        assert found == model.share_of(table, place, b, t)
        assert found == rule.share_of([rule.Severity(*row) for row in table], place, b, t)
        worse = insurance.shareOf(table, place, b + more, t + longer)
        assert found <= worse <= max([row.share for row in table], default=0)
        dice.shuffle(table)
        assert insurance.shareOf(table, place, b, t) == found
        count.hit("worth something" if found else "worth nothing")
        if worse > found:
            count.hit("worth more")

    check()
    count.require(["worth something", "worth nothing", "worth more"])


def test_a_payment_is_monotone_and_bounded() -> None:
    cargo = Cargo.create(fresh())
    shipment, count = cargo.quote().shipment, Counters()

    @given(amounts, st.integers(0, ONE), st.integers(0, ONE), amounts, amounts)
    def check(total: int, part: int, other: int, franchise: int, deductible: int) -> None:
        changed = shipment._replace(sumInsured=total, franchise=franchise, deductible=deductible)
        less, more = (pay(changed, found) for found in sorted((part, other)))
        assert 0 <= less <= more <= max(0, total - deductible)
        count.hit("paid" if more else "nothing")

    def pay(of: Shipment, part: int) -> int:
        found: int = cargo.insurance.paymentOf(of, part)
        assert found == model.payment_of(of, part)
        assert found == rule.payment(of.sumInsured, part, of.franchise, of.deductible)
        return found

    check()
    count.require(["paid", "nothing"])
