"""Rebuilding cargo insurance from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from goldthread.audit import cargo_insurance as audit
from goldthread.audit.base import Difference, FoldError
from goldthread.chain.logs import Event
from tests.models.cargo_shadow import CargoShadow
from tests.support import fresh
from tests.support.cargo import USD


@pytest.fixture(scope="module")
def history() -> CargoShadow:
    """A history with every event in it."""
    shadow = CargoShadow(fresh())
    cargo, node = shadow.cargo, shadow.node
    shadow.fund(cargo.treasury, 90_000 * USD)

    def do(function: str, *args: Any, sender: str) -> None:
        assert shadow.do(function, *args, sender=sender)

    do("provideCapital", 90_000 * USD, sender=cargo.treasury)
    do("withdrawCapital", 5 * USD, sender=cargo.treasury)
    going, early, idle = cargo.quote(), cargo.quote(), cargo.quote(premium=7 * USD)
    for quote in (going, early, idle):
        assert shadow.open(quote, sender=cargo.holder)
    do("cancel", idle, sender=cargo.holder)
    do("withdrawCredit", sender=cargo.holder)
    cargo.recall(member=False)
    cargo.world.move(cargo.cold.pallet, cargo.world.maker, cargo.world.carrier)
    node.warp(10)
    for quote in (going, early):
        do("begin", quote, sender=cargo.keeper)
    cargo.measure([500, 900, 500])
    assert shadow.claim(going, 0, cargo.keeper)
    node.warp(500)
    cargo.arrive()
    do("finish", going, sender=cargo.keeper)
    cargo.reject()
    assert shadow.claim(going, 0, cargo.keeper)
    assert shadow.claim(early, 0, cargo.keeper)
    do("claimRecall", early, cargo.recall(), sender=cargo.keeper)
    do("settle", early, sender=cargo.keeper)
    do("settle", going, sender=cargo.holder)
    shadow.check_views()
    return shadow


def found(shadow: CargoShadow, events: list[Event]) -> list[Difference]:
    return audit.compare(audit.rebuild(events), reader(shadow))


def reader(shadow: CargoShadow) -> Callable[[str, tuple[Any, ...]], Any]:
    return lambda function, args: getattr(shadow.contract, function)(*args)


def test_the_history_has_every_event(history: CargoShadow) -> None:
    declared = {entry["name"] for entry in history.contract.abi if entry["type"] == "event"}
    assert {event.name for event in history.events()} == declared - {"Alert", "EIP712DomainChanged"}


def test_all_logs_lead_to_the_chain(history: CargoShadow) -> None:
    history.check_replay()


def test_no_log_can_be_left_out(history: CargoShadow) -> None:
    """But a claim that a later one exceeds: the state does not tell of it."""
    events = list(history.events())
    exceeded = {
        index
        for index, event in enumerate(events)
        if any(
            "Claimed" in e.name and e["policyId"] == event.args.get("policyId") for e in events[index + 1 :]
        )
        and "Claimed" in event.name
    }
    assert exceeded
    for index, event in enumerate(events):
        if index in exceeded:
            continue
        try:
            noticed = found(history, events[:index] + events[index + 1 :])
        except FoldError:
            continue
        assert noticed, f"nobody misses {event.name}"


NOT_STATE = {"caller", "holder", "org", "quantity", "rule", "rejected", "device", "subject", "recall"}
"""What events tell besides the state: who, and why."""


def test_no_number_can_be_altered(history: CargoShadow) -> None:
    """Each number that the state depends on, one more than it was."""
    events = list(history.events())
    for index, event in enumerate(events):
        for name, value in event.args.items():
            if name in NOT_STATE or not isinstance(value, int):
                continue
            altered = replace(event, args={**event.args, name: value + 1})
            try:
                noticed = found(history, [*events[:index], altered, *events[index + 1 :]])
            except FoldError:
                continue
            assert noticed, f"nobody notices another {name} in {event.name}"


def altered(history: CargoShadow, name: str, which: int = 0, **changes: Any) -> list[Event]:
    """The events up to one of that name, which is changed."""
    events = list(history.events())
    index = [i for i, event in enumerate(events) if event.name == name][which]
    return [*events[:index], replace(events[index], args={**events[index].args, **changes})]


@pytest.mark.parametrize(
    ("name", "which", "changes", "rule"),
    [
        ("TripBegun", 0, {"end": 5}, "end is 5"),
        ("TripBegun", 0, {"start": 2**40 - 1}, "begins after its latest start"),
        ("TripEnded", 0, {"end": 5}, "the trip ends at 5, outside"),
        ("TripEnded", 0, {"end": 2**40 - 1}, "the trip ends at"),
        ("BreachClaimed", 0, {"share": 50_001}, "share 50001 is none that the quote gives"),
        ("BreachClaimed", 0, {"rule": 1}, "share 50000 is none that the quote gives"),
        ("BreachClaimed", 1, {"rejected": False}, "share 900000 is none that the quote gives"),
        ("BreachClaimed", 1, {"rejected": False, "share": 50_000}, "is not above 50000"),
        ("RecallClaimed", 0, {"recall": 1}, "recall 1 was not opened in the trip"),
        ("RecallClaimed", 0, {"share": 1}, "share 1 is none that the quote gives"),
        ("PolicySettled", 0, {"payment": 1}, "payment is 1"),
        ("PolicyCancelled", 0, {"premium": 1}, "premium is 1"),
        ("PolicyOpened", 0, {"underwriter": "0x" + 40 * "1"}, "is no underwriter of"),
        ("TripBegun", 0, {"policyId": bytes(32)}, "was never opened"),
        ("CreditWithdrawn", 0, {"amount": 1}, "rest is"),
        ("CapitalWithdrawn", 0, {"amount": 10**30}, "has"),
    ],
)
def test_what_does_not_follow_is_noticed(
    history: CargoShadow, name: str, which: int, changes: dict[str, Any], rule: str
) -> None:
    with pytest.raises(FoldError, match=rule):
        audit.rebuild(altered(history, name, which, **changes))


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("PolicyOpened", "the quote is open already"),
        ("TripBegun", "the policy was not OPEN"),
        ("TripEnded", "the policy was not UNDERWAY"),
        ("PolicySettled", "the policy was not UNDERWAY or ENDED"),
        ("PolicyCancelled", "the policy was not OPEN"),
    ],
)
def test_nothing_happens_twice(history: CargoShadow, name: str, rule: str) -> None:
    events = altered(history, name)
    with pytest.raises(FoldError, match=rule):
        audit.rebuild([*events, events[-1]])


def test_a_claim_after_the_end_is_noticed(history: CargoShadow) -> None:
    events = list(history.events())
    claim = next(event for event in events if event.name == "BreachClaimed")
    with pytest.raises(FoldError, match="the policy was not UNDERWAY or ENDED"):
        audit.rebuild([*events, claim])


def test_an_unknown_event_is_noticed(history: CargoShadow) -> None:
    events = list(history.events())
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([replace(events[0], name="Surprise")])
