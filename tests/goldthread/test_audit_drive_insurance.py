"""Rebuilding drive insurance from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from goldthread.audit import drive_insurance as audit
from goldthread.audit.base import Difference, FoldError
from goldthread.chain.logs import Event
from tests.models import premium
from tests.models.drive_shadow import DriveShadow
from tests.models.premium import Counters
from tests.support import fresh
from tests.support.drive import DAY, USD

REASON = bytes(range(32))


@pytest.fixture(scope="module")
def history() -> DriveShadow:
    """A history with every event in it."""
    shadow = DriveShadow(fresh())
    drive, node = shadow.drive, shadow.node
    shadow.fund(drive.treasury, 50_000 * USD)
    quote = drive.quote()

    def do(function: str, *args: Any, sender: str) -> None:
        assert shadow.do(function, *args, sender=sender)

    def end_period(**counted: int) -> None:
        node.timestamp = max(node.timestamp, shadow.policy(quote).periods()[0][1])
        assert shadow.report(quote, shadow.next_usage(quote, 1_200_000, **counted), sender=drive.keeper)

    do("provideCapital", 50_000 * USD, sender=drive.treasury)
    do("withdrawCapital", 5 * USD, sender=drive.treasury)
    assert shadow.open(quote, 200 * USD, sender=drive.holder)
    do("deposit", quote, 150 * USD, sender=drive.holder)
    do("withdraw", quote, 30 * USD, sender=drive.holder)
    end_period(night=100_000, brakes=7)
    do("dispute", quote, REASON, sender=drive.holder)
    do("resolve", quote, 11_100_000, Counters(1_100_000, brakes=6), REASON, sender=drive.arbiter)
    do("settle", quote, sender=drive.keeper)
    node.timestamp = shadow.policy(quote).periods()[0][1] + 8 * DAY
    do("settleDefault", quote, sender=drive.keeper)
    assert shadow.reinstate(quote, 150 * USD, 13_000_000, sender=drive.holder)
    for amount, approved in ((1000, 400), (700, 700), (50, None)):
        do("submitClaim", quote, 1, node.timestamp, amount, REASON, sender=drive.holder)
        number = len(shadow.policy(quote).claims)
        if approved is not None:
            do("decideClaim", quote, number, approved, REASON, sender=drive.treasury)
        if approved == 400:
            do("appealClaim", quote, number, REASON, sender=drive.holder)
            do("decideClaim", quote, number, 600, REASON, sender=drive.arbiter)
    node.warp(11 * DAY)
    for number in (1, 2, 3):
        do("payClaim", quote, number, sender=drive.keeper)
    do("withdrawCredit", sender=drive.holder)
    do("cancel", quote, sender=drive.treasury)
    end_period()
    node.warp(6 * DAY)
    do("settle", quote, sender=drive.keeper)
    end_period()
    do("dispute", quote, REASON, sender=drive.holder)
    node.warp(80 * DAY)
    do("settle", quote, sender=drive.keeper)
    do("release", quote, sender=drive.keeper)
    shadow.check_views()
    return shadow


def found(shadow: DriveShadow, events: list[Event]) -> list[Difference]:
    return audit.compare(audit.rebuild(events), reader(shadow))


def reader(shadow: DriveShadow) -> Callable[[str, tuple[Any, ...]], Any]:
    return lambda function, args: getattr(shadow.contract, function)(*args)


def test_the_history_has_every_event(history: DriveShadow) -> None:
    declared = {entry["name"] for entry in history.contract.abi if entry["type"] == "event"}
    elsewhere = {"Alert", "EIP712DomainChanged"}
    assert {event.name for event in history.events()} == declared - elsewhere


def test_all_logs_lead_to_the_chain(history: DriveShadow) -> None:
    assert found(history, list(history.events())) == []
    state = audit.rebuild(history.events())
    assert state.obligations == history.drive.token.balanceOf(history.contract)


def test_no_log_can_be_left_out(history: DriveShadow) -> None:
    events = list(history.events())
    for index, event in enumerate(events):
        try:
            noticed = found(history, events[:index] + events[index + 1 :])
        except FoldError:
            continue
        assert noticed, f"nobody misses {event.name}"


NOT_STATE = {
    "caller", "holder", "org", "reason", "evidence", "lossTime", "trips", "refundable", "stretch",
}  # fmt: skip
"""What events tell besides the state: who, why, and what follows from other fields."""


def test_no_number_can_be_altered(history: DriveShadow) -> None:
    """Each number that the state depends on, one more than it was; not what a later step overwrites."""
    events = list(history.events())
    for index, event in enumerate(events):
        if event.name == "ClaimDecided" and event["state"] == audit.ClaimState.DECIDED:
            continue
        for name, value in event.args.items():
            if name in {*NOT_STATE, "until", "time"} or not isinstance(value, int):
                continue
            if (event.name, name) == ("Reinstated", "odometer"):  # after a default the next report bills all
                continue
            other = not value if isinstance(value, bool) else value + 1
            altered = replace(event, args={**event.args, name: other})
            try:
                noticed = found(history, [*events[:index], altered, *events[index + 1 :]])
            except FoldError:
                continue
            assert noticed, f"nobody notices another {name} in {event.name}"


def test_a_charge_that_the_terms_do_not_give_is_noticed(history: DriveShadow) -> None:
    events = list(history.events())
    index = next(i for i, event in enumerate(events) if event.name == "UsageReported")
    counters = events[index]["counters"]
    for counter in ("metres", "brakes", "night"):
        other = counters._replace(**{counter: getattr(counters, counter) + 1000})
        altered = replace(events[index], args={**events[index].args, "counters": other})
        with pytest.raises(FoldError, match="follows from the events before"):
            audit.rebuild([*events[:index], altered])


def altered(history: DriveShadow, name: str, which: int = 0, **changes: Any) -> list[Event]:
    """The events up to one of that name, which is changed."""
    events = list(history.events())
    index = [i for i, event in enumerate(events) if event.name == name][which]
    return [*events[:index], replace(events[index], args={**events[index].args, **changes})]


def test_a_correction_that_the_terms_do_not_give_is_noticed(history: DriveShadow) -> None:
    (decided, void) = (event for event in history.events() if event.name == "DisputeResolved")
    fewer = decided["counters"]._replace(brakes=5)
    with pytest.raises(FoldError, match="charge is .* follows from the events before"):
        audit.rebuild(altered(history, "DisputeResolved", counters=fewer))
    with pytest.raises(FoldError, match="charge is .* outside 0 to"):
        worse = decided["counters"]._replace(brakes=700)
        charge = premium.charge(history.drive.quote().terms, Counters(*worse), 30 * DAY, 1_000_000)
        audit.rebuild(altered(history, "DisputeResolved", counters=worse, newCharge=charge))
    for odometer in (9_999_999, 11_200_001):
        with pytest.raises(FoldError, match="outside 10000000 to 11200000"):
            audit.rebuild(altered(history, "DisputeResolved", odometer=odometer))
    with pytest.raises(FoldError, match="is not the arbiter"):
        audit.rebuild(altered(history, "DisputeResolved", caller=history.drive.keeper))
    with pytest.raises(FoldError, match="nobody decided the dispute"):
        audit.rebuild(altered(history, "DisputeResolved", 1, counters=fewer))
    with pytest.raises(FoldError, match="odometer is .* follows"):
        audit.rebuild(altered(history, "DisputeResolved", 1, odometer=void["odometer"] + 1))


def test_readings_that_run_backwards_are_noticed(history: DriveShadow) -> None:
    with pytest.raises(FoldError, match="odometer is 9999999, outside 10000000 to"):
        audit.rebuild(altered(history, "UsageReported", odometer=9_999_999))
    with pytest.raises(FoldError, match="odometer is 11099999, outside 11100000 to"):
        audit.rebuild(altered(history, "Reinstated", odometer=11_099_999))


def test_a_period_has_one_report_and_no_default_beside_it(history: DriveShadow) -> None:
    events = list(history.events())
    index = next(i for i, event in enumerate(events) if event.name == "UsageReported")
    missed = next(event for event in events if event.name == "UsageMissed")
    for second in (events[index], replace(missed, args={**missed.args, "period": 1})):
        with pytest.raises(FoldError, match="the report was not NONE"):
            audit.rebuild([*events[: index + 1], second])


def test_events_of_nobody(history: DriveShadow) -> None:
    events = list(history.events())
    deposited = next(event for event in events if event.name == "Deposited")
    with pytest.raises(FoldError, match="was never opened"):
        audit.rebuild([deposited])
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([replace(deposited, name="Robbed")])
    opened = next(i for i, event in enumerate(events) if event.name == "PolicyOpened")
    with pytest.raises(FoldError, match="is open already"):
        audit.rebuild([*events[: opened + 1], events[opened]])
    with pytest.raises(FoldError, match="is no underwriter of"):
        audit.rebuild([events[opened]])
    with pytest.raises(FoldError, match="has 0, not"):
        audit.rebuild([event for event in events if event.name != "CapitalProvided"])
