"""Rebuilds the state of Recalls from its events: where each recall stands, what was stepped, and what the
consignees say.

On the way it checks what an auditor would: that frontier, hash chain and size, which the events name, follow
from the events before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.hashing import keccak

RecallState = IntEnum("RecallState", "NONE OPEN CLOSED LIFTED", start=0)


@dataclass
class Recall:
    """Where a recall stands."""

    org: int
    hazard: int
    """Class of the health hazard, 1 to 3."""
    state: int = RecallState.OPEN
    frontier: int = 0
    size: int = 0
    closing: bool = False
    """True between the last step and the event that says so."""
    closure: bytes = ZERO32
    claimed: bool = False
    pending: int = 0
    """Members of the claim that was adopted which are still to be followed."""
    moved: int = 0
    """By how much the frontier changes with the next members followed, besides them."""
    uncovered: set[bytes] = field(default_factory=set)
    stepped: set[bytes] = field(default_factory=set)
    left: dict[bytes, bytes] = field(default_factory=dict)
    """By member of which a part was stepped: the chain of what was not."""
    twins: dict[bytes, bool] = field(default_factory=dict)
    """Whether it is a member, of every twin that ever was one."""
    serials: dict[bytes, bytes] = field(default_factory=dict)
    """By lot: the root of the serials concerned."""
    consignees: dict[tuple[bytes, int], Consignee] = field(default_factory=dict)
    """By lot and organisation."""


@dataclass
class Consignee:
    """What a consignee says of a lot, in millionths of its unit."""

    notified: int
    received: int = 0
    answered: int = 0
    """When it first answered; 0: it did not."""
    returned: int = 0
    destroyed: int = 0
    sold: int = 0

    @property
    def accounted(self) -> int:
        """What it has accounted for."""
        return self.returned + self.destroyed + self.sold

    @property
    def is_reconciled(self) -> bool:
        """True once it has accounted for all that arrived."""
        return self.answered != 0 and self.accounted == self.received


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    recalls: dict[int, Recall] = field(default_factory=dict)
    """By number, from 1."""


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Recalls; raises `FoldError`."""
    if event.name == "Alert":
        return
    number = event["recall"]
    if event.name == "RecallOpened":
        if number != len(state.recalls) + 1:
            raise FoldError(event, f"recall {number} follows recall {len(state.recalls)}")
        state.recalls[number] = Recall(event["org"], event["class"])
        return
    recall = state.recalls.get(number)
    if recall is None:
        raise FoldError(event, f"recall {number} was never opened")
    if recall.closing and event.name != "RecallClosed":
        raise FoldError(event, "nothing is left to step, and nothing said so")
    match event.name:
        case "LotsAdded" | "OutputsSeeded":
            _require_state(event, recall, RecallState.OPEN, RecallState.CLOSED)
            _grow(recall, event["count"])
        case "SerialsAdded":
            if event["lot"] in recall.serials:
                raise FoldError(event, "serials of this lot are in the recall already")
            recall.serials[event["lot"]] = event["root"]
        case "TwinAffected" | "TwinCleared":
            _affect(event, recall)
        case "Stepped":
            _step(event, recall)
        case "PartStepped":
            _step_part(event, recall)
        case "ClaimAdopted":
            _adopt(event, recall)
        case "MemberCovered" | "MemberUncovered":
            _cover(event, recall)
        case "ClaimFollowed":
            _follow(event, recall)
        case "RecallClosed":
            _close(event, recall)
        case "RecallLifted":
            _require_state(event, recall, RecallState.OPEN, RecallState.CLOSED)
            recall.state = RecallState.LIFTED
        case "ConsigneeNotified":
            key = event["lot"], event["consignee"]
            if key in recall.consignees:
                raise FoldError(event, "the consignee was notified already")
            recall.consignees[key] = Consignee(event["quantity"])
        case "ConsigneeAnswered" | "Reconciled":
            _answer(event, recall)
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return. Lots and Lineage know their own members."""
    yield View("recalls", "recallCount", (), len(state.recalls))
    for number, recall in state.recalls.items():
        subject = f"recall {number}"
        told = recall.consignees.values()
        expected = {
            "org": recall.org,
            "class_": recall.hazard,
            "state": recall.state,
            "frontier": recall.frontier,
            "size": recall.size,
            "consignees": len(told),
            "acknowledged": sum(1 for consignee in told if consignee.answered),
            "reconciled": sum(1 for consignee in told if consignee.is_reconciled),
            "claimed": recall.claimed,
        }
        yield View(subject, "recallOf", (number,), expected)
        yield View(subject, "closureOf", (number,), recall.closure)
        for member in recall.stepped:
            yield View(f"{subject}, member {short(member)}", "stepped", (number, member), True)
        for member in recall.uncovered:
            yield View(f"{subject}, member {short(member)}", "uncovered", (number, member), True)
        for member, left in recall.left.items():
            yield View(f"{subject}, member {short(member)}", "leftOf", (number, member), left)
        for twin, affected in recall.twins.items():
            yield View(f"{subject}, twin {short(twin)}", "isAffected", (number, twin), affected)
        for lot, root in recall.serials.items():
            yield View(f"{subject}, lot {short(lot)}", "serialsOf", (number, lot), root)
        for (lot, org), consignee in recall.consignees.items():
            place = f"{subject}, lot {short(lot)}, organisation {org}"
            yield View(place, "consigneeOf", (number, lot, org), vars(consignee))


def _require_state(event: Event, recall: Recall, *states: int) -> None:
    if recall.state not in states:
        raise FoldError(event, f"the recall is {RecallState(recall.state).name.lower()}")


def _grow(recall: Recall, count: int) -> None:
    recall.frontier += count
    recall.size += count
    if count:
        recall.state = RecallState.OPEN


def _affect(event: Event, recall: Recall) -> None:
    twin, member = event["twin"], event.name == "TwinAffected"
    if recall.twins.get(twin, False) == member:
        raise FoldError(event, "the twin is a member already" if member else "the twin is no member")
    if member:
        _require_state(event, recall, RecallState.OPEN, RecallState.CLOSED)
        recall.size += 1
    else:
        _require_state(event, recall, RecallState.LIFTED)
    recall.twins[twin] = member


def _require_to_step(event: Event, recall: Recall) -> None:
    _require_state(event, recall, RecallState.OPEN)
    if event["member"] in recall.stepped:
        raise FoldError(event, "the member was stepped already")
    if recall.claimed and event["member"] not in recall.uncovered:
        raise FoldError(event, "the claim covers the member")


def _step(event: Event, recall: Recall) -> None:
    _require_to_step(event, recall)
    member = event["member"]
    recall.stepped.add(member)
    recall.closure = keccak(recall.closure + member)
    recall.frontier += event["added"] - 1
    recall.size += event["added"]
    recall.closing = recall.frontier == 0
    if (recall.frontier, recall.closure) != (event["frontier"], event["closure"]):
        raise FoldError(event, f"after the steps before it {recall.frontier} members are left to step")


def _step_part(event: Event, recall: Recall) -> None:
    _require_to_step(event, recall)
    recall.left[event["member"]] = event["before"]
    recall.frontier += event["added"]
    recall.size += event["added"]
    if recall.frontier != event["frontier"]:
        raise FoldError(event, f"after the steps before it {recall.frontier} members are left to step")


def _adopt(event: Event, recall: Recall) -> None:
    _require_state(event, recall, RecallState.OPEN)
    if recall.claimed:
        raise FoldError(event, "the recall has adopted a claim already")
    recall.claimed, recall.pending = True, event["size"]
    recall.closure = keccak(recall.closure + event["root"])
    recall.frontier += event["size"]
    if (recall.frontier, recall.closure) != (event["frontier"], event["closure"]):
        raise FoldError(event, f"with the claim {recall.frontier} members are left to step or follow")


def _cover(event: Event, recall: Recall) -> None:
    _require_state(event, recall, RecallState.OPEN, RecallState.CLOSED)
    covered, member = event.name == "MemberCovered", event["member"]
    if not recall.claimed or member in recall.stepped | recall.uncovered:
        raise FoldError(event, "no claim was adopted, or it is known what it has of the member")
    if not covered and event["joins"] and not recall.pending:
        raise FoldError(event, "nothing is left to follow, so nothing joins the frontier")
    (recall.stepped if covered else recall.uncovered).add(member)
    recall.moved += -1 if covered else event["joins"]


def _follow(event: Event, recall: Recall) -> None:
    _require_state(event, recall, RecallState.OPEN)
    if event["followed"] > recall.pending:
        raise FoldError(event, f"{recall.pending} members are left to follow")
    recall.pending -= event["followed"]
    recall.frontier += recall.moved - event["followed"]
    recall.moved = 0
    recall.size += event["added"]
    recall.closing = recall.frontier == 0
    if recall.frontier != event["frontier"]:
        raise FoldError(event, f"after those before it {recall.frontier} members are left to step or follow")


def _close(event: Event, recall: Recall) -> None:
    if not recall.closing:
        raise FoldError(event, f"{recall.frontier} members are left to step")
    if (recall.closure, recall.size) != (event["closureRoot"], event["size"]):
        raise FoldError(event, f"the recall has {recall.size} members")
    recall.closing = False
    recall.state = RecallState.CLOSED


def _answer(event: Event, recall: Recall) -> None:
    consignee = recall.consignees.get((event["lot"], event["consignee"]))
    if consignee is None:
        raise FoldError(event, "the consignee was never notified")
    if event.name == "ConsigneeAnswered":
        consignee.received = event["received"]
        consignee.answered = consignee.answered or event["time"]
    else:
        if not consignee.answered:
            raise FoldError(event, "the consignee did not say how much arrived")
        for part in ("returned", "destroyed", "sold"):
            setattr(consignee, part, event[part])
    if consignee.accounted > consignee.received:
        raise FoldError(event, f"accounts for {consignee.accounted} of {consignee.received}")
