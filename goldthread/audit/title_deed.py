"""Rebuilds the state of TitleDeed from its events: deeds, their holders, and whom these let act for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from eth_utils.address import to_checksum_address

from goldthread.audit import consortium, twins
from goldthread.audit.base import ZERO_ADDRESS, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.hashing import keccak


@dataclass
class Deed:
    """A deed that lives."""

    uri: str
    holder: str = ZERO_ADDRESS
    """Nobody between its issue and the transfer right behind."""
    approved: str = ZERO_ADDRESS


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    address: str = ""
    deeds: dict[int, Deed] = field(default_factory=dict)
    holders: set[str] = field(default_factory=set)
    """All that ever had a deed."""
    operators: dict[tuple[str, str], bool] = field(default_factory=dict)
    """May the second act for the first?"""
    redeemed: dict[int, int] = field(default_factory=dict)
    """The organisation that redeemed a deed that does not live any more."""
    burnt: int | None = None
    """A deed whose redemption is to be told next."""


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of TitleDeed, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of TitleDeed; raises `FoldError`."""
    state.address = event.address
    if state.burnt is not None and event.name != "DeedRedeemed":
        raise FoldError(event, "a deed was burnt, and nobody redeemed it")
    match event.name:
        case "DeedIssued":
            _issued(state, event)
        case "DeedRedeemed":
            _redeemed(state, event)
        case "Transfer":
            _transferred(state, event)
        case "Approval":
            deed = _known(state, event, event["tokenId"])
            if event["owner"] != deed.holder:
                raise FoldError(event, f"the holder is {deed.holder}")
            deed.approved = event["approved"]
        case "ApprovalForAll":
            state.operators[event["owner"], event["operator"]] = event["approved"]
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State, things: twins.State, members: consortium.State) -> Iterator[View]:
    """What every view of the contract must return.

    `things` and `members` are the states of Twins and Consortium at the same moment: who redeemed a deed is
    told until title has left the contract's organisation.
    """
    for number, deed in state.deeds.items():
        subject = f"deed {_short(number)}"
        yield View(subject, "ownerOf", (number,), deed.holder)
        yield View(subject, "getApproved", (number,), deed.approved)
        yield View(subject, "tokenURI", (number,), deed.uri)
        yield View(subject, "redeemedBy", (number,), 0)
    for number, org in state.redeemed.items():
        here, _ = members.accounts.get(to_checksum_address(state.address), (0, 0))
        twin = things.twins.get(number.to_bytes(32, "big"))
        locked = twin is not None and twin.owner == here
        yield View(f"deed {_short(number)}", "redeemedBy", (number,), org if locked else 0)
    for holder in sorted(state.holders):
        count = sum(deed.holder == holder for deed in state.deeds.values())
        yield View(f"holder {holder}", "balanceOf", (holder,), count)
    for (holder, operator), approved in state.operators.items():
        subject = f"holder {holder}, operator {operator}"
        yield View(subject, "isApprovedForAll", (holder, operator), approved)


def _issued(state: State, event: Event) -> None:
    number = int.from_bytes(event["twin"], "big")
    if number in state.deeds:
        raise FoldError(event, "the deed lives already")
    if keccak(event["uri"].encode()) != event["twin"]:
        raise FoldError(event, f"{event['uri']!r} does not have this hash")
    state.deeds[number] = Deed(event["uri"])
    state.redeemed.pop(number, None)


def _redeemed(state: State, event: Event) -> None:
    """After burning, or again after the offer of title was ended."""
    number, org = int.from_bytes(event["twin"], "big"), event["org"]
    if state.burnt is not None and number != state.burnt:
        raise FoldError(event, "another deed was burnt")
    if state.burnt is None and state.redeemed.get(number, 0) != org:
        raise FoldError(event, "the organisation did not redeem the deed before")
    state.burnt = None
    state.redeemed[number] = org


def _transferred(state: State, event: Event) -> None:
    deed = _known(state, event, event["tokenId"])
    if event["from"] != deed.holder:
        raise FoldError(event, f"the holder is {deed.holder}")
    if event["to"] == ZERO_ADDRESS:
        del state.deeds[event["tokenId"]]
        state.burnt = event["tokenId"]
        return
    state.holders.add(event["to"])
    deed.holder, deed.approved = event["to"], ZERO_ADDRESS


def _known(state: State, event: Event, number: int) -> Deed:
    if number not in state.deeds:
        raise FoldError(event, f"deed {_short(number)} was never issued, or was redeemed")
    return state.deeds[number]


def _short(number: int) -> str:
    return short(number.to_bytes(32, "big"))
