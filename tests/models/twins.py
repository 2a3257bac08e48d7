"""The model of `Twins`, written from ITwins and docs/history-head.md.

The ledger is the whole state, folded from the events alone. It keeps what the contract keeps in a compressed
form: the holds themselves where the contract has counters, the container where it has a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models.consortium import Consortium, account_of
from tests.models.ids import namespace_of
from tests.models.rules import Fact, Objections
from tests.support.receipts import Receipt, digest_of
from tests.support.words import Action, Cause, Duty, EndOfLife, Found, Kind, Purpose, Role
from tests.support.world import EventRef, Registration

NOWHERE = bytes(32)
MAX_DEPTH = 8
STEP = [
    "bytes32", "uint8", "uint32", "address", "uint256", "uint256", "uint256",
    "(bytes32,bytes32,bytes32,bytes32,uint64)",
]  # fmt: skip
NO_OFFER = (0, 0)


@dataclass(frozen=True)
class Twin:
    kind: Kind
    maker: int
    owner: int
    custodian: int
    """Of the thing, or when it was packed."""
    container: bytes = NOWHERE
    end: EndOfLife = EndOfLife.NONE
    purpose: Purpose = Purpose.TRANSPORT
    offered_to: int = 0
    deadline: int = 0
    height: int = 0
    contents: frozenset[bytes] = frozenset()
    noted: int = 0
    """Things inside that a module keeps."""
    holds: frozenset[tuple[int, bytes]] = frozenset()
    """By whom, and why."""
    title_offer: tuple[int, int] = NO_OFFER
    """To whom, and until when."""


@dataclass
class _Move:
    """A ContentsAdded or ContentsRemoved whose Packed or Unpacked events are still to come."""

    container: bytes
    org: int
    caller: str
    count: int
    time: int
    ref: EventRef
    ids: list[bytes] = field(default_factory=list)


@dataclass
class TwinsLedger:
    """What the events of a Twins contract add up to."""

    address: str
    chain_id: int
    twins: dict[bytes, Twin] = field(default_factory=dict)
    heads: dict[bytes, bytes] = field(default_factory=dict)
    numbers: dict[bytes, int] = field(default_factory=dict)
    """Of containers, from the first time that something is packed into them."""
    _move: _Move | None = None

    def copy(self) -> TwinsLedger:
        ledger = self.empty()
        ledger.twins, ledger.heads, ledger.numbers = dict(self.twins), dict(self.heads), dict(self.numbers)
        return ledger

    def empty(self) -> TwinsLedger:
        """The ledger of the same contract before its first event."""
        return TwinsLedger(self.address, self.chain_id)

    # Folding

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "Registered":
                self._registered(a)
            case "ContentsNoted":
                self._noted(a)
            case "RegisteredFor":
                self._registered_for(a)
            case "Offered":
                self._step(a, Action.OFFERED, a["to"], a["purpose"], a["deadline"])
                offer = {"purpose": Purpose(a["purpose"]), "offered_to": a["to"], "deadline": a["deadline"]}
                self._change(a["id"], **offer)
            case "Accepted":
                self._step(a, Action.ACCEPTED, a["from"], a["exceptions"])
                self._end_offer(a["id"], custodian=a["org"])
            case "Declined":
                self._step(a, Action.DECLINED)
                self._end_offer(a["id"])
            case "Cancelled":
                self._step(a, Action.CANCELLED)
                self._end_offer(a["id"])
            case "Reclaimed":
                self._step(a, Action.RECLAIMED)
                self._end_offer(a["id"])
            case "HandedOver":
                how = a["purpose"] * 2**16 + a["exceptions"]
                self._step(a, Action.HANDED_OVER, a["to"], how, int(a["receiver"], 16))
                self._change(a["id"], custodian=a["to"])
            case "ContentsAdded" | "ContentsRemoved":
                self._move = _Move(a["container"], a["org"], a["caller"], a["count"], a["time"], a["ref"])
            case "Packed" | "Unpacked":
                self._moved(name, a["id"])
            case "Held":
                self._step(a, Action.HELD, number(a["reason"]))
                self._change(a["id"], holds=self.twins[a["id"]].holds | {(a["org"], a["reason"])})
            case "Released":
                self._step(a, Action.RELEASED, number(a["reason"]), a["holder"])
                self._change(a["id"], holds=self.twins[a["id"]].holds - {(a["holder"], a["reason"])})
            case "TitleOffered":
                self._step(a, Action.TITLE_OFFERED, a["to"], a["deadline"])
                self._change(a["id"], title_offer=(a["to"], a["deadline"]))
            case "TitleCancelled":
                self._step(a, Action.TITLE_CANCELLED)
                self._change(a["id"], title_offer=NO_OFFER)
            case "TitleAccepted":
                self._step(a, Action.TITLE_ACCEPTED, a["from"])
                self._change(a["id"], owner=a["org"], title_offer=NO_OFFER)
            case "Retired":
                self._retired(a)
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def _registered(self, a: Any) -> None:
        org = a["org"]
        self.twins[a["id"]] = Twin(Kind(a["kind"]), maker=org, owner=org, custodian=org)
        self.heads[a["id"]] = first_head(self.chain_id, self.address, a["id"])
        self._step(a, Action.REGISTERED, a["kind"])
        self.heads[a["id"]] = self.heads[a["id"]][:27] + bytes(5)

    def _registered_for(self, a: Any) -> None:
        org = a["org"]
        self.twins[a["id"]] = Twin(Kind(a["kind"]), maker=a["maker"], owner=org, custodian=org)
        self.heads[a["id"]] = first_head(self.chain_id, self.address, a["id"])
        self._step(a, Action.REGISTERED_FOR, a["kind"], a["maker"], a["time"])

    def _retired(self, a: Any) -> None:
        container, container_head = a["container"], NOWHERE
        if container != NOWHERE:
            self._step(a | {"id": container}, Action.CONTENTS_REMOVED, 1, number(a["id"]), a["time"])
            self._take_out(container, a["id"], a["org"])
            container_head = self.heads[container]
        how = a["time"] * 2**8 + a["end"]
        self._step(a, Action.RETIRED, how, number(container), number(container_head))
        self._change(a["id"], end=EndOfLife(a["end"]))

    def _moved(self, name: str, id_: bytes) -> None:
        """One more thing went into or out of the container; with the last one all of it happens."""
        move = self._move
        if move is None:
            raise LookupError(f"{name} without the event of its container")
        move.ids.append(id_)
        if len(move.ids) < move.count:
            return
        self._move = None
        outer, inner = (
            (Action.CONTENTS_ADDED, Action.PACKED)
            if name == "Packed"
            else (Action.CONTENTS_REMOVED, Action.UNPACKED)
        )
        who = {"org": move.org, "caller": move.caller, "ref": move.ref}
        ids = number(keccak(b"".join(move.ids)))
        self._step(who | {"id": move.container}, outer, move.count, ids, move.time)
        for moved in move.ids:
            values = number(move.container), number(self.heads[move.container]), move.time
            self._step(who | {"id": moved}, inner, *values)
            if name == "Packed":
                self._put_in(move.container, moved)
            else:
                self._take_out(move.container, moved, move.org)

    def _put_in(self, container: bytes, id_: bytes) -> None:
        self.numbers.setdefault(container, len(self.numbers) + 1)
        self._change(id_, container=container)
        self._change(container, contents=self.twins[container].contents | {id_})
        for around in self.around(id_):
            inside = (self.twins[thing].height for thing in self.twins[around].contents)
            self._change(around, height=max(self.twins[around].height, 1 + max(inside)))

    def _take_out(self, container: bytes, id_: bytes, org: int) -> None:
        self._change(id_, container=NOWHERE, custodian=org)
        contents = self.twins[container].contents - {id_}
        self._change(container, contents=contents)
        self._flatten(container)

    def _noted(self, a: Any) -> None:
        change = a["more"] * 2**16 + a["less"]
        self._step(a | {"id": a["container"]}, Action.CONTENTS_NOTED, number(a["note"]), change, a["time"])
        noted = self.twins[a["container"]].noted + a["more"] - a["less"]
        self._change(a["container"], noted=noted)
        self._flatten(a["container"])

    def _flatten(self, container: bytes) -> None:
        """What is empty has no levels inside."""
        if not self.twins[container].contents and not self.twins[container].noted:
            self._change(container, height=0)

    def _end_offer(self, id_: bytes, **more: Any) -> None:
        self._change(id_, purpose=Purpose.TRANSPORT, offered_to=0, deadline=0, **more)

    def _change(self, id_: bytes, **fields: Any) -> None:
        self.twins[id_] = replace(self.twins[id_], **fields)

    def _step(self, a: Any, action: Action, x: int = 0, y: int = 0, z: int = 0) -> None:
        before = self.heads[a["id"]]
        self.heads[a["id"]] = next_head(before, action, a["org"], a["caller"], (x, y, z), a["ref"])

    # Questions

    def around(self, id_: bytes) -> Iterator[bytes]:
        """The containers around a thing, from the inside."""
        while (id_ := self.twins[id_].container) != NOWHERE:
            yield id_

    def outermost(self, id_: bytes) -> Twin:
        return self.twins[[id_, *self.around(id_)][-1]]

    def custodian(self, id_: bytes) -> int:
        return self.outermost(id_).custodian if id_ in self.twins else 0

    def held_inside(self, id_: bytes) -> int:
        """Held things inside."""
        inside = self.twins[id_].contents
        return sum(bool(self.twins[thing].holds) + self.held_inside(thing) for thing in inside)

    def own_cause(self, id_: bytes) -> Cause:
        """Why the thing may not move, its containers left aside."""
        if self.twins[id_].end != EndOfLife.NONE:
            return Cause.ENDED
        if self.twins[id_].holds:
            return Cause.HELD
        return Cause.CONTENTS_HELD if self.held_inside(id_) else Cause.NONE

    def cause(self, id_: bytes) -> Cause:
        """Why `clear` says no."""
        if id_ not in self.twins:
            return Cause.UNKNOWN
        held_around = any(self.twins[container].holds for container in self.around(id_))
        return self.own_cause(id_) or (Cause.CONTAINER_HELD if held_around else Cause.NONE)

    def view(self, id_: bytes) -> dict[str, Any]:
        """What `twin` returns."""
        twin = self.twins.get(id_)
        if twin is None:
            return dict.fromkeys(VIEW, 0)
        packed = twin.container != NOWHERE
        return {
            "kind": twin.kind,
            "end": twin.end,
            "purpose": twin.purpose,
            "packed": packed,
            "height": twin.height,
            "maker": twin.maker,
            "owner": twin.owner,
            "holder": self.numbers[twin.container] if packed else twin.custodian,
            "pendingTo": twin.offered_to,
            "deadline": twin.deadline,
            "holds": len(twin.holds),
            "heldInside": self.held_inside(id_),
            "contents": len(twin.contents) + twin.noted,
        }


VIEW = (
    "kind", "end", "purpose", "packed", "height", "maker", "owner", "holder", "pendingTo", "deadline",
    "holds", "heldInside", "contents",
)  # fmt: skip


class Twins:
    """The rules. Every function is called as that of the contract and returns the events that follow."""

    def __init__(self, ledger: TwinsLedger, consortium: Consortium) -> None:
        self.ledger = ledger
        self.consortium = consortium
        self.signatures: dict[bytes, tuple[bytes, bytes]] = {}
        """Signer and digest of every signature that was really made."""

    @property
    def now(self) -> int:
        return self.consortium.now

    def register(self, item: Registration, ref: EventRef, *, sender: str) -> list[Fact]:
        return self.registerMany([item], ref, sender=sender)

    def registerMany(self, items: Sequence[Registration], ref: EventRef, *, sender: str) -> list[Fact]:  # noqa: N802
        no = self._objections(ref)
        no.when(not items, "NothingNamed")
        facts: list[Fact] = []
        seen: set[bytes] = set()
        for item in items:
            namespace = namespace_of(item.uri, item.prefix_length)
            if namespace is None:
                no.final("NotCanonical", item.uri)
            org = self.consortium.authorize_under(no, sender, namespace)
            id_ = keccak(text=item.uri)
            no.when(item.kind in (Kind.NONE, Kind.LOT), "WrongKind", id_, item.kind)
            no.when(id_ in self.ledger.twins or id_ in seen, "AlreadyRegistered", id_)
            seen.add(id_)
            fact = {"id": id_, "org": org, "caller": sender, "kind": item.kind, "uri": item.uri, "ref": ref}
            facts.append(("Registered", fact))
        return self._happened(no, *facts)

    def registerFor(  # noqa: N802
        self, item: Registration, maker: int, org: int, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        self.consortium.authorize(no, sender, Duty.REGISTER, roles=Role.MODULE)
        id_ = keccak(text=item.uri)
        no.when(item.kind in (Kind.NONE, Kind.LOT), "WrongKind", id_, item.kind)
        no.when(id_ in self.ledger.twins, "AlreadyRegistered", id_)
        who = {"org": org, "maker": maker, "caller": sender}
        fact = {"id": id_, **who, "kind": item.kind, "uri": item.uri, "time": self.now, "ref": ref}
        return self._happened(no, ("RegisteredFor", fact))

    # Custody

    def offer(
        self, id_: bytes, to: int, purpose: Purpose, deadline: int, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.SHIP)
        self._movable(no, id_, org)
        no.when(to in (0, org), "SameOrganisation", id_, to)
        no.when(self.now > deadline, "DeadlinePassed", id_, deadline, self.now)
        self._may_move(no, id_, purpose, to)
        terms = {"to": to, "purpose": purpose, "deadline": deadline}
        return self._happened(no, ("Offered", {"id": id_, "org": org, "caller": sender, **terms, "ref": ref}))

    def accept(self, id_: bytes, seen: bytes, ref: EventRef, *, sender: str) -> list[Fact]:
        return self._accept(self._objections(ref), id_, seen, 0, ref, sender)

    def acceptWithExceptions(  # noqa: N802
        self, id_: bytes, seen: bytes, exceptions: int, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        no.when(exceptions == 0, "UnknownExceptions", 0)
        return self._accept(no, id_, seen, exceptions, ref, sender)

    def _accept(
        self, no: Objections, id_: bytes, seen: bytes, exceptions: int, ref: EventRef, sender: str
    ) -> list[Fact]:
        purpose = self.ledger.twins[id_].purpose if id_ in self.ledger.twins else Purpose.TRANSPORT
        org = self.consortium.authorize(no, sender, receiving_duties(purpose))
        twin = self._offered_to(no, id_, org)
        no.when(self.now > twin.deadline, "DeadlinePassed", id_, twin.deadline, self.now)
        self._as_seen(no, id_, seen)
        self._may_move(no, id_, purpose, org)
        self._may_find(no, exceptions)
        fact = {"id": id_, "org": org, "from": twin.custodian, "caller": sender, "exceptions": exceptions}
        return self._happened(no, ("Accepted", fact | {"ref": ref}))

    def decline(self, id_: bytes, ref: EventRef, *, sender: str) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.RECEIVE)
        twin = self._offered_to(no, id_, org)
        fact = {"id": id_, "org": org, "from": twin.custodian, "caller": sender, "ref": ref}
        return self._happened(no, ("Declined", fact))

    def cancel(self, id_: bytes, ref: EventRef, *, sender: str) -> list[Fact]:
        no, org, deadline = self._take_back(id_, ref, sender)
        no.when(self.now > deadline, "DeadlinePassed", id_, deadline, self.now)
        return self._happened(no, ("Cancelled", {"id": id_, "org": org, "caller": sender, "ref": ref}))

    def reclaim(self, id_: bytes, ref: EventRef, *, sender: str) -> list[Fact]:
        no, org, deadline = self._take_back(id_, ref, sender)
        no.when(self.now <= deadline, "DeadlineNotPassed", id_, deadline, self.now)
        return self._happened(no, ("Reclaimed", {"id": id_, "org": org, "caller": sender, "ref": ref}))

    def _take_back(self, id_: bytes, ref: EventRef, sender: str) -> tuple[Objections, int, int]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.SHIP)
        twin = self._known(no, id_)
        if twin.offered_to == 0:
            no.final("NoOffer", id_)
        no.when(twin.custodian != org, "NotCustodian", id_, org, twin.custodian)
        return no, org, twin.deadline

    def handOver(self, receipt: Receipt, signer: bytes, signature: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        no = self._objections(receipt.ref)
        org = self.consortium.authorize(no, sender, Duty.SHIP)
        id_ = receipt.twin
        self._movable(no, id_, org)
        no.when(receipt.from_ != org, "NotCustodian", id_, receipt.from_, org)
        no.when(receipt.to == org, "SameOrganisation", id_, org)
        no.when(self.now > receipt.deadline, "DeadlinePassed", id_, receipt.deadline, self.now)
        self._as_seen(no, id_, receipt.head)
        self._may_move(no, id_, receipt.purpose, receipt.to)
        self._may_find(no, receipt.exceptions)
        receiver = account_of(signer)
        receiving = self.consortium.authorize(no, receiver, receiving_duties(receipt.purpose))
        no.when(receiving != receipt.to, "NotOfferedTo", id_, receiving, receipt.to)
        digest = digest_of(receipt, self.ledger.address, self.ledger.chain_id)
        no.when(self.signatures.get(signature) != (signer, digest), "InvalidReceipt", digest, signer)
        terms = {"purpose": receipt.purpose, "exceptions": receipt.exceptions, "ref": receipt.ref}
        fact = {"id": id_, "org": org, "to": receipt.to, "caller": sender, "receiver": receiver, **terms}
        return self._happened(no, ("HandedOver", fact))

    # Packing

    def pack(self, container: bytes, ids: Sequence[bytes], ref: EventRef, *, sender: str) -> list[Fact]:
        no = self._objections(ref)
        no.when(not ids, "NothingNamed")
        org = self.consortium.authorize(no, sender, Duty.SHIP)
        outer = self._known(no, container)
        no.when(outer.kind != Kind.CONTAINER, "WrongKind", container, outer.kind)
        no.when(outer.end != EndOfLife.NONE, "Blocked", container, Cause.ENDED)
        self._open(no, container, org)
        around = list(self.ledger.around(container))
        for index, id_ in enumerate(ids):
            inner = self._movable(no, id_, org)
            no.when(id_ in ids[:index], "IsPacked", id_, container)
            no.when(id_ in (container, *around), "ContainerCycle", id_, container)
            self._unblocked(no, id_)
            depth = len(around) + 1 + inner.height
            no.when(depth > MAX_DEPTH, "TooDeep", id_, depth)
        return self._happened(
            no, *contents("ContentsAdded", "Packed", container, ids, org, sender, self.now, ref)
        )

    def unpack(self, container: bytes, ids: Sequence[bytes], ref: EventRef, *, sender: str) -> list[Fact]:
        no = self._objections(ref)
        no.when(not ids, "NothingNamed")
        org = self.consortium.authorize(no, sender, Duty.SHIP)
        outer = self._known(no, container)
        self._open(no, container, org)
        for index, id_ in enumerate(ids):
            inside = id_ in outer.contents and id_ not in ids[:index]
            no.when(not inside, "NotInContainer", id_, container)
        return self._happened(
            no, *contents("ContentsRemoved", "Unpacked", container, ids, org, sender, self.now, ref)
        )

    def noteContents(  # noqa: N802
        self, container: bytes, org: int, note: bytes, more: int, less: int, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        self.consortium.authorize(no, sender, Duty.SHIP, roles=Role.MODULE)
        outer = self._known(no, container)
        no.when(outer.kind != Kind.CONTAINER, "WrongKind", container, outer.kind)
        no.when(outer.end != EndOfLife.NONE, "Blocked", container, Cause.ENDED)
        self._open(no, container, org)
        fact = {
            "container": container,
            "org": org,
            "note": note,
            "caller": sender,
            "more": more,
            "less": less,
            "time": self.now,
        }
        return self._happened(no, ("ContentsNoted", fact | {"ref": ref}))

    # Holds

    def hold(self, id_: bytes, reason: bytes, ref: EventRef, *, sender: str) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        twin = self._known(no, id_)
        no.when(twin.end != EndOfLife.NONE, "Blocked", id_, Cause.ENDED)
        concerned = org in (twin.owner, self.ledger.custodian(id_))
        regulator = self.consortium.has_role(org, Role.REGULATOR)
        no.when(not concerned and not regulator, "MayNotHold", id_, org)
        no.when((org, reason) in twin.holds, "AlreadyHeld", id_, org, reason)
        fact = {"id": id_, "org": org, "reason": reason, "caller": sender, "ref": ref}
        return self._happened(no, ("Held", fact))

    def release(self, id_: bytes, holder: int, reason: bytes, ref: EventRef, *, sender: str) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        theirs = self.consortium.ledger.orgs.get(holder)
        by_regulator = theirs is not None and bool(theirs.roles & Role.REGULATOR)
        overrules = self.consortium.has_role(org, Role.REGULATOR) and not by_regulator
        no.when(org != holder and not overrules, "MayNotRelease", id_, org, holder)
        holds = self.ledger.twins[id_].holds if id_ in self.ledger.twins else frozenset()
        no.when((holder, reason) not in holds, "NoSuchHold", id_, holder, reason)
        fact = {"id": id_, "org": org, "reason": reason, "holder": holder, "caller": sender, "ref": ref}
        return self._happened(no, ("Released", fact))

    # Title and the end

    def offerTitle(  # noqa: N802
        self, id_: bytes, to: int, deadline: int, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.FINANCE)
        twin = self._known(no, id_)
        no.when(twin.owner != org, "NotOwner", id_, org, twin.owner)
        no.when(to in (0, org), "SameOrganisation", id_, to)
        no.when(self.now > deadline, "DeadlinePassed", id_, deadline, self.now)
        self._clear(no, id_)
        fact = {"id": id_, "org": org, "to": to, "caller": sender, "deadline": deadline, "ref": ref}
        return self._happened(no, ("TitleOffered", fact))

    def cancelTitle(self, id_: bytes, ref: EventRef, *, sender: str) -> list[Fact]:  # noqa: N802
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.FINANCE)
        to, _ = self._title_offer(id_)
        if to == 0:
            no.final("NoOffer", id_)
        owner = self.ledger.twins[id_].owner
        no.when(org not in (owner, to), "NotOwner", id_, org, owner)
        return self._happened(no, ("TitleCancelled", {"id": id_, "org": org, "caller": sender, "ref": ref}))

    def acceptTitle(self, id_: bytes, ref: EventRef, *, sender: str) -> list[Fact]:  # noqa: N802
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.FINANCE)
        to, deadline = self._title_offer(id_)
        if to != org:
            no.final("NotOfferedTo", id_, org, to)
        no.when(self.now > deadline, "DeadlinePassed", id_, deadline, self.now)
        self._clear(no, id_)
        fact = {"id": id_, "org": org, "from": self.ledger.twins[id_].owner, "caller": sender, "ref": ref}
        return self._happened(no, ("TitleAccepted", fact))

    def retire(self, id_: bytes, end: EndOfLife, ref: EventRef, *, sender: str) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.REGISTER)
        twin = self._known(no, id_)
        no.when(twin.end != EndOfLife.NONE, "Blocked", id_, Cause.ENDED)
        no.when(end == EndOfLife.NONE, "WrongEnd", id_, end)
        inside = len(twin.contents) + twin.noted
        no.when(inside != 0, "NotEmpty", id_, inside)
        self._held_by(no, id_, org)
        if end not in (EndOfLife.DESTROYED, EndOfLife.STOLEN):
            self._clear(no, id_)
        who = {"id": id_, "org": org, "container": twin.container, "caller": sender}
        return self._happened(no, ("Retired", who | {"end": end, "time": self.now, "ref": ref}))

    # Checks

    def _objections(self, ref: EventRef) -> Objections:
        no = Objections()
        time = ref.stamp >> 24
        no.when(time > self.now, "EventInFuture", time, self.now)
        return no

    def _known(self, no: Objections, id_: bytes) -> Twin:
        twin = self.ledger.twins.get(id_)
        if twin is None:
            no.final("UnknownTwin", id_)
        return twin

    def _movable(self, no: Objections, id_: bytes, org: int) -> Twin:
        """A thing of its own, not a design, in the organisation's hands and promised to nobody."""
        twin = self._known(no, id_)
        no.when(twin.kind == Kind.DESIGN, "WrongKind", id_, twin.kind)
        no.when(twin.container != NOWHERE, "IsPacked", id_, twin.container)
        if twin.container == NOWHERE:
            self._held_by(no, id_, org)
        return twin

    def _held_by(self, no: Objections, id_: bytes, org: int) -> None:
        outer = self.ledger.outermost(id_)
        no.when(outer.custodian != org, "NotCustodian", id_, org, outer.custodian)
        no.when(outer.offered_to != 0, "OfferOpen", id_, outer.offered_to, outer.deadline)

    def _open(self, no: Objections, container: bytes, org: int) -> None:
        """A container into and out of which the organisation may move things."""
        self._held_by(no, container, org)
        no.when(bool(self.ledger.twins[container].holds), "Blocked", container, Cause.HELD)
        held_around = any(self.ledger.twins[outer].holds for outer in self.ledger.around(container))
        no.when(held_around, "Blocked", container, Cause.CONTAINER_HELD)

    def _offered_to(self, no: Objections, id_: bytes, org: int) -> Twin:
        twin = self.ledger.twins.get(id_)
        to = 0 if twin is None else twin.offered_to
        if twin is None or to != org:
            no.final("NotOfferedTo", id_, org, to)
        return twin

    def _as_seen(self, no: Objections, id_: bytes, seen: bytes) -> None:
        head = self.ledger.heads[id_]
        no.when(seen != head, "HeadMoved", id_, seen, head)

    def _title_offer(self, id_: bytes) -> tuple[int, int]:
        return self.ledger.twins[id_].title_offer if id_ in self.ledger.twins else NO_OFFER

    def _may_move(self, no: Objections, id_: bytes, purpose: Purpose, to: int) -> None:
        cause = self.ledger.own_cause(id_)
        if cause == Cause.NONE:
            return
        twin = self.ledger.twins[id_]
        carriers = {
            Purpose.RETURN: Role.CARRIER | Role.DISTRIBUTOR | Role.SUPPLIER | Role.MANUFACTURER,
            Purpose.DESTRUCTION: Role.CARRIER | Role.RECYCLER,
        }
        no.when(purpose == Purpose.TRANSPORT, "Blocked", id_, cause)
        own = to in (twin.maker, twin.owner) and not self.ledger.held_inside(id_)
        home = purpose == Purpose.RETURN and own
        fit = purpose not in carriers or home or self.consortium.has_role(to, carriers[purpose])
        no.when(not fit, "NotAReceiverFor", id_, purpose, to)

    def _unblocked(self, no: Objections, id_: bytes) -> None:
        cause = self.ledger.own_cause(id_)
        no.when(cause != Cause.NONE, "Blocked", id_, cause)

    def _clear(self, no: Objections, id_: bytes) -> None:
        cause = self.ledger.cause(id_)
        no.when(cause != Cause.NONE, "Blocked", id_, cause)

    def _may_find(self, no: Objections, exceptions: int) -> None:
        no.when(exceptions & ~sum(Found) != 0, "UnknownExceptions", exceptions)

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.ledger.apply(fact)
        return list(facts)


def first_head(chain_id: int, twins: str, id_: bytes) -> bytes:
    """What the first step of a twin hashes in the place of a head; docs/history-head.md."""
    return keccak(encode(["uint256", "address", "bytes32"], [chain_id, twins, id_]))


def next_head(
    before: bytes, action: Action, org: int, caller: str, values: tuple[int, int, int], ref: EventRef
) -> bytes:
    """The head after a step; docs/history-head.md."""
    return keccak(encode(STEP, [before, action, org, caller, *values, tuple(ref)]))


def receiving_duties(purpose: Purpose) -> Duty:
    """What the account of the receiver needs."""
    return Duty.RECEIVE | Duty.QUALITY if purpose == Purpose.QUARANTINE else Duty.RECEIVE


def contents(
    outer: str,
    inner: str,
    container: bytes,
    ids: Sequence[bytes],
    org: int,
    sender: str,
    time: int,
    ref: EventRef,
) -> list[Fact]:
    """The events of packing or unpacking."""
    who = {"container": container, "org": org, "caller": sender}
    facts = [(inner, who | {"id": id_}) for id_ in ids]
    return [(outer, who | {"count": len(ids), "time": time, "ref": ref}), *facts]


def number(word: bytes) -> int:
    """A bytes32 as a uint256."""
    return int.from_bytes(word, "big")
