"""Rebuilds the state of Twins from its events: facts, containers, holds, offers, and the heads of all
histories.

Packing and unpacking come as one event for the container and one for each thing right behind it; they are
folded when the last of them has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.chain.words import Cause
from goldthread.hashing import keccak

Action = IntEnum(
    "Action",
    "NONE REGISTERED OFFERED ACCEPTED DECLINED CANCELLED RECLAIMED HANDED_OVER CONTENTS_ADDED PACKED"
    " CONTENTS_REMOVED UNPACKED HELD RELEASED TITLE_OFFERED TITLE_CANCELLED TITLE_ACCEPTED RETIRED"
    " REGISTERED_FOR CONTENTS_NOTED",
    start=0,
)


class Step(NamedTuple):
    """A step of a history, as the head hashes it (docs/history-head.md)."""

    action: Action
    org: int
    caller: str
    a: int
    b: int
    c: int
    ref: Any


FRESH_BITS = 216
"""How much of the first head the chain keeps: it shares a word with the facts of a twin that never moved."""


@dataclass
class Twin:
    """The facts of a twin. `holder` is the organisation with custody, or the container's number while
    packed.
    """

    kind: int
    maker: int
    uri: str
    end: int = 0
    purpose: int = 0
    packed: bool = False
    height: int = 0
    owner: int = 0
    holder: int = 0
    pending_to: int = 0
    deadline: int = 0
    holds: int = 0
    held_inside: int = 0
    contents: int = 0


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    twins: dict[bytes, Twin] = field(default_factory=dict)
    heads: dict[bytes, bytes] = field(default_factory=dict)
    numbers: dict[bytes, int] = field(default_factory=dict)
    """The number of each container that something was packed into."""
    containers: dict[int, bytes] = field(default_factory=dict)
    held: dict[tuple[bytes, int, bytes], bool] = field(default_factory=dict)
    """By twin, organisation and reason."""
    title_offers: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    batch: list[Event] = field(default_factory=list)
    """The container's event of a packing or unpacking that is not complete yet, and those of its things."""

    def container_of(self, twin: bytes) -> bytes | None:
        """The container in which the twin is directly."""
        facts = self.twins[twin]
        return self.containers[facts.holder] if facts.packed else None

    def around(self, container: bytes | None) -> Iterator[Twin]:
        """The container and all containers around it, from the inside out."""
        while container is not None:
            yield self.twins[container]
            container = self.container_of(container)

    def custodian_of(self, twin: bytes) -> int:
        """The organisation with custody of the outermost container."""
        return [self.twins[twin], *self.around(self.container_of(twin))][-1].holder

    def cause(self, twin: bytes) -> int:
        """Why the twin may not be used; `Cause.NONE` if it may."""
        facts = self.twins[twin]
        if facts.end:
            return Cause.ENDED
        if facts.holds:
            return Cause.HELD
        if facts.held_inside:
            return Cause.CONTENTS_HELD
        held = any(c.holds for c in self.around(self.container_of(twin)))
        return Cause.CONTAINER_HELD if held else Cause.NONE


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Twins; raises `FoldError`."""
    for batch in complete(state.batch, event):
        heads(state.heads, batch)
        _facts(state, batch)


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    yield View("containers", "containerCount", (), len(state.containers))
    for twin, facts in state.twins.items():
        subject = f"twin {short(twin)}"
        yield View(
            subject,
            "twin",
            (twin,),
            {
                "kind": facts.kind,
                "end": facts.end,
                "purpose": facts.purpose,
                "packed": facts.packed,
                "height": facts.height,
                "maker": facts.maker,
                "owner": facts.owner,
                "holder": facts.holder,
                "pendingTo": facts.pending_to,
                "deadline": facts.deadline,
                "holds": facts.holds,
                "heldInside": facts.held_inside,
                "contents": facts.contents,
            },
        )
        yield View(subject, "head", (twin,), state.heads[twin])
        yield View(subject, "custodianOf", (twin,), state.custodian_of(twin))
        yield View(subject, "ownerOf", (twin,), facts.owner)
        yield View(subject, "containerOf", (twin,), state.container_of(twin) or ZERO32)
        cause = state.cause(twin)
        yield View(subject, "clear", (twin,), {"ok": cause == Cause.NONE, "cause": cause})
    for twin, (to, deadline) in state.title_offers.items():
        yield View(f"twin {short(twin)}", "titleOffer", (twin,), {"to": to, "deadline": deadline})
    for (twin, org, reason), held in state.held.items():
        subject = f"twin {short(twin)}, organisation {org}, reason {short(reason)}"
        yield View(subject, "held", (twin, org, reason), held)


# ------------------------------------------------------------------------------------------------ batches


def complete(batch: list[Event], event: Event) -> Iterable[list[Event]]:
    """The event alone; or, of a packing or unpacking, all its events once the last one is there.

    `batch` holds those that wait. Raises `FoldError` if what must follow does not.
    """
    if not batch:
        if event.name in ("ContentsAdded", "ContentsRemoved"):
            batch.append(event)
            return []
        if event.name in ("Packed", "Unpacked"):
            raise FoldError(event, "follows no event of its container")
        return [[event]]
    first = batch[0]
    wanted = "Packed" if first.name == "ContentsAdded" else "Unpacked"
    fits = event.name == wanted and event.tx_hash == first.tx_hash
    if not fits or event["container"] != first["container"]:
        raise FoldError(event, f"expected {first['count'] + 1 - len(batch)} more {wanted} of the container")
    batch.append(event)
    if len(batch) <= first["count"]:
        return []
    whole = batch.copy()
    batch.clear()
    return [whole]


# ------------------------------------------------------------------------------------------------ history


def next_head(
    previous: bytes, action: Action, org: int, caller: str, a: int, b: int, c: int, ref: Sequence[Any]
) -> bytes:
    """The head after one more step, as the contract computes it (docs/history-head.md)."""
    words = [previous, _word(action), _word(org), bytes(12) + bytes.fromhex(caller[2:])]
    words += [_word(a), _word(b), _word(c), *ref[:4], _word(ref[4])]
    return keccak(b"".join(words))


def seed(chain_id: int, twins: str, twin: bytes) -> bytes:
    """What the history of a twin starts from, so that no two chains or contracts share a head."""
    return keccak(_word(chain_id) + bytes(12) + bytes.fromhex(twins[2:]) + twin)


def fresh_head(head: bytes) -> bytes:
    """The part of a registration's head that the chain keeps."""
    return head[: FRESH_BITS // 8] + bytes(32 - FRESH_BITS // 8)


def heads(known: dict[bytes, bytes], batch: Sequence[Event]) -> None:
    """Bring the heads up to date with an event, or with all events of a packing or unpacking.

    Twins that are not known start from zero, so that what happened to a container can be followed without the
    histories of all its contents.
    """
    for _ in steps(known, batch):
        pass


def steps(known: dict[bytes, bytes], batch: Sequence[Event]) -> Iterator[tuple[bytes, bytes, Step]]:
    """The steps that an event, or all events of a packing or unpacking, stand for: the twin, its head before
    the step, and the step. `known` are the heads as for `heads`, up to date when all steps are taken.
    """
    event = batch[0]
    args = event.args
    taken: list[tuple[bytes, bytes, Step]] = []

    def step(twin: bytes, action: Action, a: int, b: int = 0, c: int = 0) -> bytes:
        before = known.get(twin, ZERO32)
        made = Step(action, args["org"], args["caller"], a, b, c, args["ref"])
        known[twin] = next_head(before, *made)
        taken.append((twin, before, made))
        return known[twin]

    match event.name:
        case "Registered":
            twin = args["id"]
            known[twin] = seed(event.chain_id, event.address, twin)
            known[twin] = fresh_head(step(twin, Action.REGISTERED, args["kind"]))
        case "RegisteredFor":
            known[args["id"]] = seed(event.chain_id, event.address, args["id"])
            step(args["id"], Action.REGISTERED_FOR, args["kind"], args["maker"], args["time"])
        case "Offered":
            step(args["id"], Action.OFFERED, args["to"], args["purpose"], args["deadline"])
        case "Accepted":
            step(args["id"], Action.ACCEPTED, args["from"], args["exceptions"])
        case "Declined":
            step(args["id"], Action.DECLINED, 0)
        case "Cancelled":
            step(args["id"], Action.CANCELLED, 0)
        case "Reclaimed":
            step(args["id"], Action.RECLAIMED, 0)
        case "HandedOver":
            terms = args["purpose"] << 16 | args["exceptions"]
            step(args["id"], Action.HANDED_OVER, args["to"], terms, int(args["receiver"], 16))
        case "ContentsAdded" | "ContentsRemoved":
            added = event.name == "ContentsAdded"
            ids = [inner["id"] for inner in batch[1:]]
            outer = Action.CONTENTS_ADDED if added else Action.CONTENTS_REMOVED
            container = args["container"]
            time = args["time"]
            head = step(container, outer, len(ids), int.from_bytes(keccak(b"".join(ids)), "big"), time)
            for twin in ids:
                inner_action = Action.PACKED if added else Action.UNPACKED
                step(twin, inner_action, int.from_bytes(container, "big"), int.from_bytes(head, "big"), time)
        case "ContentsNoted":
            change = args["more"] << 16 | args["less"]
            note = int.from_bytes(args["note"], "big")
            step(args["container"], Action.CONTENTS_NOTED, note, change, args["time"])
        case "Held":
            step(args["id"], Action.HELD, int.from_bytes(args["reason"], "big"))
        case "Released":
            step(args["id"], Action.RELEASED, int.from_bytes(args["reason"], "big"), args["holder"])
        case "TitleOffered":
            step(args["id"], Action.TITLE_OFFERED, args["to"], args["deadline"])
        case "TitleCancelled":
            step(args["id"], Action.TITLE_CANCELLED, 0)
        case "TitleAccepted":
            step(args["id"], Action.TITLE_ACCEPTED, args["from"])
        case "Retired":
            container, outer_head = args["container"], ZERO32
            if container != ZERO32:
                ended = int.from_bytes(args["id"], "big")
                outer_head = step(container, Action.CONTENTS_REMOVED, 1, ended, args["time"])
            where = (int.from_bytes(container, "big"), int.from_bytes(outer_head, "big"))
            step(args["id"], Action.RETIRED, args["time"] << 8 | args["end"], *where)
        case _:
            raise FoldError(event, "nothing is known about this event")
    yield from taken


# ------------------------------------------------------------------------------------------------ facts


def _facts(state: State, batch: Sequence[Event]) -> None:
    event = batch[0]
    args = event.args
    if event.name in ("Registered", "RegisteredFor"):
        _register(state, event)
        return
    twin = args["container" if "Contents" in event.name else "id"]
    facts = _known(state, event, twin)
    match event.name:
        case "Offered":
            facts.purpose, facts.pending_to, facts.deadline = args["purpose"], args["to"], args["deadline"]
        case "Accepted":
            if facts.pending_to != args["org"]:
                raise FoldError(event, f"custody was offered to organisation {facts.pending_to}")
            _withdraw_offer(facts)
            facts.holder = args["org"]
        case "Declined" | "Cancelled" | "Reclaimed":
            _withdraw_offer(facts)
        case "HandedOver":
            facts.holder = args["to"]
        case "ContentsAdded":
            _pack(state, twin, [inner["id"] for inner in batch[1:]], event)
        case "ContentsRemoved":
            for inner in batch[1:]:
                _take_out(state, event, twin, inner["id"])
        case "ContentsNoted":
            facts.contents += args["more"] - args["less"]
            if facts.contents == 0:
                facts.height = 0
        case "Held" | "Released":
            _hold(state, event, twin, facts)
        case "TitleOffered":
            state.title_offers[twin] = (args["to"], args["deadline"])
        case "TitleCancelled":
            state.title_offers[twin] = (0, 0)
        case "TitleAccepted":
            facts.owner = args["org"]
            state.title_offers[twin] = (0, 0)
        case "Retired":
            facts.end = args["end"]
            if args["container"] != ZERO32:
                _take_out(state, event, args["container"], twin)


def _register(state: State, event: Event) -> None:
    twin, org = event["id"], event["org"]
    if twin in state.twins:
        raise FoldError(event, "the twin is registered already")
    if keccak(event["uri"].encode()) != twin:
        raise FoldError(event, f"{event['uri']!r} does not have this hash")
    maker = event["maker"] if event.name == "RegisteredFor" else org
    state.twins[twin] = Twin(event["kind"], maker, event["uri"], owner=org, holder=org)


def _known(state: State, event: Event, twin: bytes) -> Twin:
    if twin not in state.twins:
        raise FoldError(event, f"twin 0x{twin.hex()} was never registered")
    return state.twins[twin]


def _withdraw_offer(facts: Twin) -> None:
    facts.purpose = facts.pending_to = facts.deadline = 0


def _pack(state: State, container: bytes, twins: Sequence[bytes], event: Event) -> None:
    number = state.numbers.get(container)
    if number is None:
        number = len(state.numbers) + 1
        state.numbers[container], state.containers[number] = number, container
    height = 0
    for twin in twins:
        facts = _known(state, event, twin)
        if facts.packed:
            raise FoldError(event, f"twin 0x{twin.hex()} is packed already")
        facts.packed, facts.holder = True, number
        height = max(height, facts.height + 1)
    state.twins[container].contents += len(twins)
    for outer in state.around(container):
        if outer.height >= height:
            break
        outer.height = height
        height += 1


def _take_out(state: State, event: Event, container: bytes, twin: bytes) -> None:
    facts = _known(state, event, twin)
    if state.container_of(twin) != container:
        raise FoldError(event, f"twin 0x{twin.hex()} is not in this container")
    facts.packed, facts.holder = False, event["org"]
    outer = state.twins[container]
    outer.contents -= 1
    if outer.contents == 0:
        outer.height = 0
    for around in state.around(container):
        around.held_inside -= facts.held_inside + (1 if facts.holds else 0)


def _hold(state: State, event: Event, twin: bytes, facts: Twin) -> None:
    holds = event.name == "Held"
    key = (twin, event["org"] if holds else event["holder"], event["reason"])
    if state.held.get(key, False) == holds:
        raise FoldError(event, "the hold is there already" if holds else "there is no such hold")
    state.held[key] = holds
    before = bool(facts.holds)
    facts.holds += 1 if holds else -1
    for outer in state.around(state.container_of(twin)):
        outer.held_inside += bool(facts.holds) - before


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
