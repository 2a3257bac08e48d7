"""Rebuilds the state of Challenges from its events, and checks that the money adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from goldthread.audit.base import ZERO_ADDRESS, FoldError, View, short
from goldthread.chain.logs import Event

MAX_OPEN = 16

Key = tuple[bytes, int]
"""Device and organisation."""

Asked = tuple[bytes, int, int]
"""Digest of a segment, index of a reading, organisation."""


@dataclass
class Bond:
    """A bond as it stands. `since` is 0 once it was lost."""

    account: str
    beneficiary: str
    price: int
    amount: int
    since: int
    notice_at: int = 0
    open: int = 0
    open_of_beneficiary: int = 0


@dataclass(frozen=True)
class Demand:
    """A demand that waits for an answer."""

    by: str
    price: int
    until: int
    of_beneficiary: bool


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    bonds: dict[Key, Bond] = field(default_factory=dict)
    demands: dict[Asked, Demand] = field(default_factory=dict)
    answered: set[Asked] = field(default_factory=set)
    """Those that were demanded once and are no more."""
    credits: Counter[str] = field(default_factory=Counter)

    @property
    def obligations(self) -> int:
        """What the contract owes to everybody together: as many tokens must it have."""
        bonds = sum(bond.amount for bond in self.bonds.values())
        return bonds + sum(demand.price for demand in self.demands.values()) + sum(self.credits.values())


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of Challenges, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Challenges; raises `FoldError`."""
    match event.name:
        case "Bonded":
            _bonded(state, event)
        case "BondRaised":
            _standing(state, event).amount += event["amount"]
        case "NoticeGiven":
            bond = _standing(state, event)
            if bond.notice_at:
                raise FoldError(event, "notice was given before")
            bond.notice_at = event["noticeAt"]
        case "BondWithdrawn":
            bond = _standing(state, event)
            if not bond.notice_at:
                raise FoldError(event, "notice was not given")
            if (event["account"], event["amount"]) != (bond.account, bond.amount):
                raise FoldError(event, f"{bond.amount} of {bond.account} were at stake")
            del state.bonds[event["device"], event["org"]]
        case "BondLost":
            _lost(state, event)
        case "Demanded":
            _demanded(state, event)
        case "Answered":
            bond, demand = _close(state, event, event["reading"].index)
            if event["account"] != bond.account:
                raise FoldError(event, f"{bond.account} is paid for answers")
            state.credits[bond.account] += demand.price
        case "Withheld":
            _, demand = _close(state, event, event["index"])
            if (event["by"], event["price"]) != (demand.by, demand.price):
                raise FoldError(event, f"{demand.by} paid {demand.price}")
            state.credits[demand.by] += demand.price
        case "CreditWithdrawn":
            if state.credits.pop(event["account"], 0) != event["amount"]:
                raise FoldError(event, "the account had another credit")
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    for (device, org), bond in state.bonds.items():
        expected = {
            "account": bond.account,
            "since": bond.since,
            "noticeAt": bond.notice_at,
            "open": bond.open,
            "openOfBeneficiary": bond.open_of_beneficiary,
            "beneficiary": bond.beneficiary,
            "price": bond.price,
            "amount": bond.amount,
        }
        subject = f"bond of organisation {org} for device {short(device)}"
        yield View(subject, "bondOf", (device, org), expected)
    for asked in (*state.demands, *state.answered):
        demand = state.demands.get(asked, Demand(ZERO_ADDRESS, 0, 0, False))
        expected = {
            "by": demand.by,
            "price": demand.price,
            "until": demand.until,
            "ofBeneficiary": demand.of_beneficiary,
        }
        yield View(f"demand of reading {asked[1]} of {short(asked[0])}", "demandOf", asked, expected)
    for account, credit in state.credits.items():
        yield View(f"account {account}", "creditOf", (account,), credit)


def _bonded(state: State, event: Event) -> None:
    key = event["device"], event["org"]
    before = state.bonds.get(key)
    if before is not None and (before.since or before.open or before.open_of_beneficiary):
        raise FoldError(event, "there is a bond already, or demands wait for an answer")
    terms = event["account"], event["beneficiary"], event["price"], event["amount"]
    state.bonds[key] = Bond(*terms, since=event["since"])


def _lost(state: State, event: Event) -> None:
    bond = _standing(state, event)
    if event["beneficiary"] != bond.beneficiary or event["reward"] + event["damages"] != bond.amount:
        raise FoldError(event, f"{bond.amount} were at stake for {bond.beneficiary}")
    state.credits[event["by"]] += event["reward"]
    state.credits[bond.beneficiary] += event["damages"]
    bond.since = bond.notice_at = bond.amount = 0


def _demanded(state: State, event: Event) -> None:
    bond, asked = _standing(state, event), (event["digest"], event["index"], event["org"])
    if asked in state.demands:
        raise FoldError(event, "it was demanded before")
    if event["price"] != bond.price:
        raise FoldError(event, f"a demand costs {bond.price}")
    of_beneficiary = event["by"] == bond.beneficiary
    bond.open += not of_beneficiary
    bond.open_of_beneficiary += of_beneficiary
    if max(bond.open, bond.open_of_beneficiary) > MAX_OPEN:
        raise FoldError(event, f"more than {MAX_OPEN} demands wait for an answer")
    state.demands[asked] = Demand(event["by"], event["price"], event["until"], of_beneficiary)
    state.answered.discard(asked)


def _close(state: State, event: Event, index: int) -> tuple[Bond, Demand]:
    asked = event["digest"], index, event["org"]
    demand, bond = state.demands.pop(asked, None), state.bonds.get((event["device"], event["org"]))
    if demand is None or bond is None:
        raise FoldError(event, "nobody demanded it")
    state.answered.add(asked)
    bond.open -= not demand.of_beneficiary
    bond.open_of_beneficiary -= demand.of_beneficiary
    return bond, demand


def _standing(state: State, event: Event) -> Bond:
    bond = state.bonds.get((event["device"], event["org"]))
    if bond is None or not bond.since:
        raise FoldError(event, "there is no such bond")
    return bond
