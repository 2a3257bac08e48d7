"""Rebuilds the state of Lots from its events: quantities, units, holds, recalls, and committed contents.

On the way it checks what an auditor would: that nobody gives, uses or takes out more than there is, that a
unit ends once, and that each chain of uses follows from the uses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.chain.words import UnitEnd
from goldthread.hashing import keccak

ONE = 1_000_000
"""Millionths in one unit of measure."""

_Amounts = defaultdict[tuple[bytes, Any], int]


@dataclass
class Lot:
    """The facts of a lot. Quantities are in millionths of its unit."""

    maker: int
    unit: bytes
    expiry: int
    serial_count: int
    serials_root: bytes
    quantity: int
    """What was commissioned."""
    gone: int = 0
    """What was lost, used or ended."""
    holds: int = 0
    recalls: int = 0
    recall: int = 0
    uses: int = 0
    use_head: bytes = ZERO32
    last_use: bytes = ZERO32
    fresh: bool = False
    """Nothing was taken of what the maker of a lot with serials has."""


@dataclass
class Contents:
    """Committed contents of a container, of its last edition."""

    root: bytes = ZERO32
    packer: int = 0
    lots: int = 0
    edition: int = 0
    duplicated: bool = False
    settled: bool = False
    taken: set[int] = field(default_factory=set)


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    lots: dict[bytes, Lot] = field(default_factory=dict)
    have: _Amounts = field(default_factory=lambda: defaultdict(int))
    """By lot and organisation."""
    inside: _Amounts = field(default_factory=lambda: defaultdict(int))
    """By lot and container."""
    offers: dict[tuple[bytes, int, int], tuple[int, int, int]] = field(default_factory=dict)
    """By lot, giver and receiver: quantity, deadline, purpose."""
    held: dict[tuple[bytes, int, bytes], bool] = field(default_factory=dict)
    """By lot, organisation and reason."""
    recalled: dict[tuple[bytes, int], bool] = field(default_factory=dict)
    """By lot and recall."""
    endings: dict[tuple[bytes, int], tuple[int, int, int]] = field(default_factory=dict)
    """By lot and number of the unit: organisation, time, how."""
    units: dict[bytes, bytes] = field(default_factory=dict)
    """The lot of each unit that became a twin."""
    contents: dict[bytes, Contents] = field(default_factory=dict)

    def balance(self, lot: bytes) -> int:
        """What of the lot is somewhere, or known to be gone: always what was commissioned."""
        places = (self.have.items(), self.inside.items())
        there = sum(quantity for place in places for (of, _), quantity in place if of == lot)
        offered = sum(offer[0] for (of, _, _), offer in self.offers.items() if of == lot)
        return there + offered + self.lots[lot].gone


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of Lots, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Lots; raises `FoldError`."""
    if event.name == "Alert":
        return
    if event.name not in _FOLDS:
        raise FoldError(event, "nothing is known about this event")
    if "lot" in event.args and event.name != "LotCommissioned" and event["lot"] not in state.lots:
        raise FoldError(event, f"lot {short(event['lot'])} was never commissioned")
    _FOLDS[event.name](state, event)


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return, whatever the time."""
    for lot, facts in state.lots.items():
        subject = f"lot {short(lot)}"
        yield View(subject, "lotOf", (lot,), _lot_view(facts))
        yield View(subject, "serialsRootOf", (lot,), facts.serials_root)
        yield View(subject, "useHead", (lot,), facts.use_head)
    for (lot, org), quantity in state.have.items():
        yield View(f"lot {short(lot)}, organisation {org}", "quantityOf", (lot, org), quantity)
    for (lot, container), quantity in state.inside.items():
        subject = f"lot {short(lot)}, container {short(container)}"
        yield View(subject, "quantityIn", (lot, container), quantity)
    for (lot, giver, taker), (quantity, deadline, purpose) in state.offers.items():
        expected = {"quantity": quantity, "deadline": deadline, "purpose": purpose}
        subject = f"lot {short(lot)}, offer of {giver} to {taker}"
        yield View(subject, "quantityOffer", (lot, giver, taker), expected)
    for (lot, org, reason), held in state.held.items():
        subject = f"lot {short(lot)}, organisation {org}, reason {short(reason)}"
        yield View(subject, "lotHeld", (lot, org, reason), held)
    for (lot, recall), recalled in state.recalled.items():
        yield View(f"lot {short(lot)}, recall {recall}", "isRecalled", (lot, recall), recalled)
    for (lot, index), (org, time, end) in state.endings.items():
        expected = {"org": org, "time": time, "end": end}
        yield View(f"lot {short(lot)}, unit {index}", "endingOf", (lot, index), expected)
    for twin, lot in state.units.items():
        yield View(f"twin {short(twin)}", "lotOfUnit", (twin,), lot)
    for container, contents in state.contents.items():
        subject = f"container {short(container)}"
        facts_of = ("root", "packer", "lots", "edition", "duplicated", "settled")
        expected_contents = {name: getattr(contents, name) for name in facts_of}
        yield View(subject, "contentsOf", (container,), expected_contents)
        for index in sorted(contents.taken):
            yield View(f"{subject}, leaf {index}", "isTaken", (container, index), True)


def _lot_view(facts: Lot) -> dict[str, Any]:
    same = {name: getattr(facts, name) for name in ("maker", "unit", "expiry", "holds", "recalls", "recall")}
    return same | {"serialCount": facts.serial_count, "uses": facts.uses, "fresh": facts.fresh}


# ------------------------------------------------------------------------------------------------ quantities


def _commissioned(state: State, event: Event) -> None:
    lot, item = event["lot"], event["item"]
    if lot in state.lots:
        raise FoldError(event, f"lot {short(lot)} was commissioned before")
    if keccak(item.uri.encode()) != lot:
        raise FoldError(event, f"{item.uri} is not the lot's URI")
    state.lots[lot] = Lot(
        maker=event["org"],
        unit=item.unit,
        expiry=item.expiry,
        serial_count=item.serialCount,
        serials_root=item.serialsRoot,
        quantity=item.quantity,
        fresh=item.serialCount > 0,
    )
    state.have[lot, event["org"]] += item.quantity


def _offered(state: State, event: Event) -> None:
    key = event["lot"], event["org"], event["to"]
    if state.offers.get(key, (0,))[0]:
        raise FoldError(event, "an offer between the two is open")
    _take_from(state, event, event["quantity"])
    state.offers[key] = event["quantity"], event["deadline"], event["purpose"]


def _accepted(state: State, event: Event) -> None:
    lot, quantity, rest = event["lot"], event["quantity"], event["rest"]
    offered = _end_offer(state, event, event["org"])
    if quantity + rest != offered:
        raise FoldError(event, f"{quantity} and a rest of {rest} are not the {offered} offered")
    state.have[lot, event["org"]] += quantity
    state.have[lot, event["from"]] += rest


def _offer_ended(state: State, event: Event) -> None:
    state.have[event["lot"], event["from"]] += _end_offer(state, event, event["to"])


def _end_offer(state: State, event: Event, taker: int) -> int:
    """Closes an offer; what was offered."""
    key = event["lot"], event["from"], taker
    quantity = state.offers.get(key, (0, 0, 0))[0]
    if not quantity:
        raise FoldError(event, "no offer between the two is open")
    state.offers[key] = (0, 0, 0)
    return quantity


def _lost(state: State, event: Event) -> None:
    _spend(state, event, event["quantity"])


def _used(state: State, event: Event) -> None:
    lot = state.lots[event["lot"]]
    _spend(state, event, event["quantity"])
    lot.use_head = keccak(lot.use_head + event["use"])
    if lot.use_head != event["useHead"]:
        raise FoldError(event, "the chain of uses does not follow from those before")
    lot.uses += 1
    lot.last_use = event["use"]


def _ended(state: State, event: Event) -> None:
    lot, indexes, end = event["lot"], event["indexes"], event["end"]
    facts = state.lots[lot]
    for index in indexes:
        if index >= facts.serial_count:
            raise FoldError(event, f"the lot has no unit {index}")
        if (lot, index) in state.endings:
            raise FoldError(event, f"unit {index} ended before")
        state.endings[lot, index] = event["org"], event["time"], end
    if end == UnitEnd.MATERIALISED:
        # The quantity is in the use right before, which is the twin.
        state.units[facts.last_use] = lot
    else:
        _spend(state, event, len(indexes) * ONE)


def _spend(state: State, event: Event, quantity: int) -> None:
    """A quantity leaves the organisation's custody for good."""
    _take_from(state, event, quantity)
    state.lots[event["lot"]].gone += quantity


def _take_from(state: State, event: Event, quantity: int) -> None:
    """A quantity leaves the organisation's custody."""
    lot, org = event["lot"], event["org"]
    _take(event, state.have, (lot, org), quantity)
    if org == state.lots[lot].maker:
        state.lots[lot].fresh = False


def _take(event: Event, amounts: _Amounts, place: tuple[bytes, Any], quantity: int) -> None:
    if amounts[place] < quantity:
        raise FoldError(event, f"there are {amounts[place]}, not {quantity}")
    amounts[place] -= quantity


# --------------------------------------------------------------------------------------------- holds, recalls


def _held(state: State, event: Event) -> None:
    _flag(event, state.held, (event["lot"], event["org"], event["reason"]), True)
    state.lots[event["lot"]].holds += 1


def _released(state: State, event: Event) -> None:
    _flag(event, state.held, (event["lot"], event["holder"], event["reason"]), False)
    state.lots[event["lot"]].holds -= 1


def _recalled(state: State, event: Event) -> None:
    lot = state.lots[event["lot"]]
    _flag(event, state.recalled, (event["lot"], event["recall"]), True)
    if lot.recalls == 0:
        lot.recall = event["recall"]
    lot.recalls += 1


def _recall_lifted(state: State, event: Event) -> None:
    lot = state.lots[event["lot"]]
    _flag(event, state.recalled, (event["lot"], event["recall"]), False)
    if lot.recall == event["recall"]:
        lot.recall = 0
    lot.recalls -= 1


def _flag(event: Event, flags: dict[Any, bool], key: Any, value: bool) -> None:
    if flags.get(key, False) == value:
        raise FoldError(event, "it was so already")
    flags[key] = value


# ------------------------------------------------------------------------------------------------ containers


def _committed(state: State, event: Event) -> None:
    before = state.contents.get(event["container"], Contents())
    if before.lots:
        raise FoldError(event, "the contents before have not all been taken out")
    if event["edition"] != before.edition + 1:
        raise FoldError(event, f"edition {before.edition + 1} is the next")
    state.contents[event["container"]] = Contents(event["root"], event["org"], 0, event["edition"])


def _packed(state: State, event: Event) -> None:
    _take_from(state, event, event["quantity"])
    _put(state, _contents(state, event, "container"), event["container"], event["lot"], event["quantity"])


def _unpacked(state: State, event: Event) -> None:
    container, leaf = event["container"], event["leaf"]
    outer = _contents(state, event, "container")
    if leaf.index in outer.taken:
        raise FoldError(event, f"leaf {leaf.index} was taken out before")
    outer.taken.add(leaf.index)
    _take(event, state.inside, (leaf.lot, container), leaf.quantity)
    outer.lots -= state.inside[leaf.lot, container] == 0
    if leaf.childRoot == ZERO32:
        if event["edition"]:
            raise FoldError(event, "what is no container has no contents")
        state.have[leaf.lot, event["org"]] += leaf.quantity
        return
    inner = state.contents.get(leaf.child, Contents())
    if not inner.lots:
        inner = state.contents[leaf.child] = Contents(leaf.childRoot, outer.packer, 0, inner.edition + 1)
    if (inner.root, inner.edition) != (leaf.childRoot, event["edition"]):
        raise FoldError(event, "the inner container has other contents")
    _put(state, inner, leaf.child, leaf.lot, leaf.quantity)


def _put(state: State, contents: Contents, container: bytes, lot: bytes, quantity: int) -> None:
    contents.lots += state.inside[lot, container] == 0
    state.inside[lot, container] += quantity


def _duplicate(state: State, event: Event) -> None:
    for name, packer in (("container", event["packer"]), ("other", event["otherPacker"])):
        contents = _contents(state, event, name)
        if contents.packer != packer:
            raise FoldError(event, f"organisation {contents.packer} packed it, not {packer}")
        contents.duplicated = not contents.settled


def _settled(state: State, event: Event) -> None:
    contents = _contents(state, event, "container")
    if not contents.duplicated:
        raise FoldError(event, "no duplicate was proven")
    contents.duplicated, contents.settled = False, True


def _contents(state: State, event: Event, name: str) -> Contents:
    found = state.contents.get(event[name])
    if found is None:
        raise FoldError(event, f"container {short(event[name])} has no committed contents")
    return found


_FOLDS: dict[str, Callable[[State, Event], None]] = {
    "LotCommissioned": _commissioned,
    "QuantityOffered": _offered,
    "QuantityAccepted": _accepted,
    "QuantityOfferEnded": _offer_ended,
    "LossDeclared": _lost,
    "QuantityEnded": _lost,
    "Used": _used,
    "UnitsEnded": _ended,
    "LotHeld": _held,
    "LotReleased": _released,
    "LotRecalled": _recalled,
    "LotRecallLifted": _recall_lifted,
    "ContentsCommitted": _committed,
    "QuantityPacked": _packed,
    "LeafUnpacked": _unpacked,
    "DuplicateProven": _duplicate,
    "DuplicateSettled": _settled,
}
