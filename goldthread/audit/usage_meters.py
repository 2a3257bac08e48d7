"""Rebuilds the state of UsageMeters from its events, and checks that the money adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from goldthread.audit.base import ZERO_ADDRESS, FoldError, View, short
from goldthread.chain.logs import Event


@dataclass
class Meter:
    """A meter as it stands. `terms` are as the contract's struct `MeterTerms` has them."""

    terms: Any
    counter: int
    payer: str = ZERO_ADDRESS
    notice_at: int = 0
    closed: bool = False
    balance: int = 0
    time: int = 0
    debt: int = 0


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    meters: dict[bytes, Meter] = field(default_factory=dict)
    credits: Counter[str] = field(default_factory=Counter)

    @property
    def obligations(self) -> int:
        """What the contract owes to everybody together: as many tokens must it have."""
        return sum(meter.balance for meter in self.meters.values()) + sum(self.credits.values())


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of UsageMeters, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of UsageMeters; raises `FoldError`."""
    match event.name:
        case "MeterOpened":
            if event["meter"] in state.meters:
                raise FoldError(event, "the meter was opened before")
            terms = event["terms"]
            state.meters[event["meter"]] = Meter(terms, terms.start)
        case "MeterFunded":
            _funded(state, event)
        case "UsageRecorded":
            _recorded(state, event)
        case "MeterOverdrawn":
            meter = _open(state, event)
            if not 0 < event["missing"] <= meter.debt:
                raise FoldError(event, f"{meter.debt} is owed")
        case "MeterNoticeGiven":
            meter = _open(state, event)
            if meter.notice_at or event["payer"] != meter.payer:
                raise FoldError(event, "notice was given before, or is not the account's to give")
            meter.notice_at = event["noticeAt"]
        case "MeterClosed":
            meter = _open(state, event)
            if (event["payer"], event["rest"], event["debt"]) != (meter.payer, meter.balance, meter.debt):
                raise FoldError(event, f"{meter.balance} of {meter.payer} was left, {meter.debt} owed")
            state.credits[meter.payer] += meter.balance
            meter.balance, meter.closed = 0, True
        case "CreditWithdrawn":
            if state.credits.pop(event["account"], 0) != event["amount"]:
                raise FoldError(event, "the account had another credit")
        case "Alert":
            if event["ref"] not in state.meters:
                raise FoldError(event, "it is about no meter")
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    for id_, meter in state.meters.items():
        expected = {
            "payee": meter.terms.payee,
            "price": meter.terms.price,
            "payer": meter.payer,
            "noticeAt": meter.notice_at,
            "licence": meter.terms.licence,
            "closed": meter.closed,
            "balance": meter.balance,
            "counter": meter.counter,
            "time": meter.time,
            "debt": meter.debt,
            "instance": meter.terms.instance,
            "signerHash": meter.terms.signerHash,
        }
        yield View(f"meter {short(id_)}", "meterOf", (id_,), expected)
        yield View(f"meter {short(id_)}", "meterId", (meter.terms,), id_)
    for account, credit in state.credits.items():
        yield View(f"account {account}", "creditOf", (account,), credit)


def _funded(state: State, event: Event) -> None:
    meter, amount, settled = _open(state, event), event["amount"], event["settled"]
    if meter.payer not in (ZERO_ADDRESS, event["payer"]):
        raise FoldError(event, f"{meter.payer} pays for it")
    if settled != min(amount, meter.debt):
        raise FoldError(event, f"{meter.debt} was owed")
    meter.payer = event["payer"]
    meter.debt -= settled
    meter.balance += amount - settled
    state.credits[meter.terms.payee] += settled


def _recorded(state: State, event: Event) -> None:
    meter = _open(state, event)
    if event["counter"] <= meter.counter or event["time"] < meter.time:
        raise FoldError(event, f"the counter stood at {meter.counter}")
    steps = event["counter"] - meter.counter
    cost = steps * meter.terms.price
    paid = min(cost, meter.balance)
    debt = meter.debt + cost - paid
    if (event["steps"], event["paid"], event["debt"]) != (steps, paid, debt):
        raise FoldError(event, f"{steps} steps cost {cost}, of which {paid} could be paid")
    meter.counter, meter.time, meter.debt = event["counter"], event["time"], debt
    meter.balance -= paid
    state.credits[meter.terms.payee] += paid


def _open(state: State, event: Event) -> Meter:
    meter = state.meters.get(event["meter"])
    if meter is None or meter.closed:
        raise FoldError(event, "the meter is not open")
    return meter
