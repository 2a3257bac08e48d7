"""The model of `Lots`, written from ILots.

The ledger is the whole state, folded from the events alone. It keeps the holds themselves, the recalls in
their order and the uses of a lot one by one, where the contract has counters and a hash.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models.ids import STEM, authority_of, namespace_of
from tests.models.rules import Fact, Objections, Refused
from tests.models.trees import ZERO, Leaf, Step, content_leaf, leads_to, serial_leaf
from tests.models.twins import Twins
from tests.support.words import Duty, Found, Kind, LotCause, Purpose, Role, UnitEnd
from tests.support.world import Commission, EventRef, Registration

ONE = 10**6
DUPLICATE = keccak(text="DUPLICATE")[:4]
CRITICAL = 3
ALIVE = (0, 0, UnitEnd.NONE)
NO_OFFER = (0, 0, Purpose.TRANSPORT)
UNIT = re.compile(rb"[0-9A-Z]{2}(\0|[0-9A-Z])")
GTIN = re.compile(rb"https://id\.gs1\.org/01/.{14}", re.DOTALL)


@dataclass(frozen=True)
class Lot:
    maker: int
    unit: bytes
    quantity: int
    expiry: int
    root: bytes
    count: int
    holds: frozenset[tuple[int, bytes]] = frozenset()
    """By whom, and why."""
    recalls: frozenset[int] = frozenset()
    recall: int = 0
    """The one that came while there was no other."""
    uses: tuple[bytes, ...] = ()
    touched: bool = False
    """Something was taken of what the maker has."""


@dataclass(frozen=True)
class Box:
    """Committed contents."""

    root: bytes = ZERO
    packer: int = 0
    edition: int = 0
    duplicated: bool = False
    settled: bool = False
    taken: frozenset[int] = frozenset()


@dataclass
class LotsLedger:
    """What the events of a Lots contract add up to."""

    lots: dict[bytes, Lot] = field(default_factory=dict)
    have: Counter[tuple[bytes, int]] = field(default_factory=Counter)
    """By lot and organisation."""
    offers: dict[tuple[bytes, int, int], tuple[int, int, Purpose]] = field(default_factory=dict)
    """By lot, giver and receiver: how much, until when and why."""
    inside: Counter[tuple[bytes, bytes]] = field(default_factory=Counter)
    """By lot and container."""
    gone: Counter[bytes] = field(default_factory=Counter)
    """Lost, used or ended, by lot."""
    endings: dict[tuple[bytes, int], tuple[int, int, UnitEnd]] = field(default_factory=dict)
    boxes: dict[bytes, Box] = field(default_factory=dict)
    units: dict[bytes, bytes] = field(default_factory=dict)
    """The lot of each unit that became a twin."""

    def copy(self) -> LotsLedger:
        return LotsLedger(
            dict(self.lots),
            Counter(self.have),
            dict(self.offers),
            Counter(self.inside),
            Counter(self.gone),
            dict(self.endings),
            dict(self.boxes),
            dict(self.units),
        )

    # Folding

    def apply(self, fact: Fact) -> None:
        name, a = fact
        lot, org, quantity = a.get("lot", ZERO), a.get("org", 0), a.get("quantity", 0)
        match name:
            case "LotCommissioned":
                item = Commission(*a["item"])
                what = item.unit, item.quantity, item.expiry, item.serials_root, item.serial_count
                self.lots[lot] = Lot(org, *what)
                self.have[lot, org] += item.quantity
            case "QuantityOffered":
                self._minus(lot, org, quantity)
                self.offers[lot, org, a["to"]] = (quantity, a["deadline"], Purpose(a["purpose"]))
            case "QuantityAccepted":
                del self.offers[lot, a["from"], org]
                self.have[lot, org] += quantity
                self.have[lot, a["from"]] += a["rest"]
            case "QuantityOfferEnded":
                self.have[lot, a["from"]] += self.offers.pop((lot, a["from"], a["to"]))[0]
            case "LossDeclared" | "QuantityEnded":
                self._spend(lot, org, quantity)
            case "Used":
                self._spend(lot, org, quantity)
                self._change(lot, uses=(*self.lots[lot].uses, a["use"]))
            case "UnitsEnded":
                self._ended(a)
            case "LotHeld":
                self._change(lot, holds=self.lots[lot].holds | {(org, a["reason"])})
            case "LotReleased":
                self._change(lot, holds=self.lots[lot].holds - {(a["holder"], a["reason"])})
            case "LotRecalled":
                before = self.lots[lot]
                first = before.recall if before.recalls else a["recall"]
                self._change(lot, recalls=before.recalls | {a["recall"]}, recall=first)
            case "LotRecallLifted":
                before = self.lots[lot]
                first = 0 if before.recall == a["recall"] else before.recall
                self._change(lot, recalls=before.recalls - {a["recall"]}, recall=first)
            case "ContentsCommitted":
                self.boxes[a["container"]] = Box(a["root"], org, a["edition"])
            case "QuantityPacked":
                self._minus(lot, org, quantity)
                self.inside[lot, a["container"]] += quantity
            case "LeafUnpacked":
                self._unpacked(a)
            case "DuplicateProven":
                for container in (a["container"], a["other"]):
                    if not self.boxes[container].settled:
                        self._box(container, duplicated=True)
            case "DuplicateSettled":
                self._box(a["container"], duplicated=False, settled=True)
            case "Alert":
                pass
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def _ended(self, a: Any) -> None:
        lot, end = a["lot"], UnitEnd(a["end"])
        for index in a["indexes"]:
            self.endings[lot, index] = (a["org"], a["time"], end)
        if end == UnitEnd.MATERIALISED:
            self.units[self.lots[lot].uses[-1]] = lot
        else:
            self._spend(lot, a["org"], len(a["indexes"]) * ONE)

    def _unpacked(self, a: Any) -> None:
        leaf, outer = Leaf(*a["leaf"]), a["container"]
        self._box(outer, taken=self.boxes[outer].taken | {leaf.index})
        self.inside[leaf.lot, outer] -= leaf.quantity
        if leaf.child_root == ZERO:
            self.have[leaf.lot, a["org"]] += leaf.quantity
            return
        if self.boxes.get(leaf.child, Box()).edition != a["edition"]:
            self.boxes[leaf.child] = Box(leaf.child_root, self.boxes[outer].packer, a["edition"])
        self.inside[leaf.lot, leaf.child] += leaf.quantity

    def _minus(self, lot: bytes, org: int, quantity: int) -> None:
        self.have[lot, org] -= quantity
        if org == self.lots[lot].maker:
            self._change(lot, touched=True)

    def _spend(self, lot: bytes, org: int, quantity: int) -> None:
        self._minus(lot, org, quantity)
        self.gone[lot] += quantity

    def _change(self, lot: bytes, **fields: Any) -> None:
        self.lots[lot] = replace(self.lots[lot], **fields)

    def _box(self, container: bytes, **fields: Any) -> None:
        self.boxes[container] = replace(self.boxes[container], **fields)

    # Questions

    def box(self, container: bytes) -> Box:
        return self.boxes.get(container, Box())

    def lots_in(self, container: bytes) -> int:
        return sum(quantity > 0 for (_, of), quantity in self.inside.items() if of == container)

    def ending(self, lot: bytes, index: int) -> tuple[int, int, UnitEnd]:
        return self.endings.get((lot, index), ALIVE)

    def use_head(self, lot: bytes) -> bytes:
        """The chain over all uses."""
        head = ZERO
        for use in self.lots[lot].uses:
            head = keccak(encode(["bytes32", "bytes32"], [head, use]))
        return head

    def cause(self, lot: bytes, now: int) -> LotCause:
        facts = self.lots.get(lot)
        if facts is None:
            return LotCause.UNKNOWN
        if facts.holds:
            return LotCause.HELD
        if facts.recalls:
            return LotCause.RECALLED
        return LotCause.EXPIRED if facts.expiry and now > facts.expiry else LotCause.NONE

    def unit_cause(self, lot: bytes, index: int, now: int) -> LotCause:
        cause = self.cause(lot, now)
        if cause == LotCause.UNKNOWN or index >= self.lots[lot].count:
            return LotCause.UNKNOWN
        return LotCause.ENDED if self.ending(lot, index) != ALIVE else cause

    def way(self, container: bytes, path: Sequence[Step]) -> tuple[bool, Leaf]:
        """Does the path lead inwards, and to what; or where does it end?"""
        box, root, lot = self.box(container), self.box(container).root, path[0].leaf.lot
        first = path[0].leaf
        there = self.inside[lot, container] >= first.quantity > 0
        if not there or first.index in box.taken:
            return False, first
        for leaf, proof in path:
            if root == ZERO or leaf.lot != lot or not leads_to(root, content_leaf(leaf), proof):
                return False, leaf
            root = leaf.child_root
        return True, path[-1].leaf

    def view(self, lot: bytes) -> dict[str, Any]:
        """What `lotOf` returns."""
        facts = self.lots[lot]
        return {
            "maker": facts.maker,
            "unit": facts.unit,
            "expiry": facts.expiry,
            "serialCount": facts.count,
            "holds": len(facts.holds),
            "recalls": len(facts.recalls),
            "recall": facts.recall,
            "uses": len(facts.uses),
            "fresh": facts.count > 0 and not facts.touched,
        }

    def box_view(self, container: bytes) -> dict[str, Any]:
        """What `contentsOf` returns."""
        box = self.box(container)
        return {
            "root": box.root,
            "packer": box.packer,
            "lots": self.lots_in(container),
            "edition": box.edition,
            "duplicated": box.duplicated,
            "settled": box.settled,
        }

    def check_conservation(self) -> None:
        """Nothing of a lot is lost or won, and nobody has less than nothing."""
        for lot, facts in self.lots.items():
            had = sum(quantity for (of, _), quantity in self.have.items() if of == lot)
            offered = sum(offer[0] for (of, _, _), offer in self.offers.items() if of == lot)
            packed = sum(quantity for (of, _), quantity in self.inside.items() if of == lot)
            assert facts.quantity == had + offered + packed + self.gone[lot]
        assert min((*self.have.values(), *self.inside.values(), *self.gone.values(), 0)) == 0


class Lots:
    """The rules. Every function is called as that of the contract and returns the events that follow, those
    of Twins among them.
    """

    def __init__(self, address: str, number: int, ledger: LotsLedger, twins: Twins) -> None:
        self.address = address
        self.number = number
        """Of the organisation that the contract acts for."""
        self.ledger = ledger
        self.twins = twins
        self.consortium = twins.consortium

    @property
    def now(self) -> int:
        return self.consortium.now

    # Quantities

    def commissionLot(self, item: Commission, ref: EventRef, *, sender: str) -> list[Fact]:  # noqa: N802
        return self._commission(self._objections(ref), item, ZERO, ref, sender)

    def commissionLotFor(  # noqa: N802
        self, account: str, item: Commission, process: bytes, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        self.consortium.authorize(no, sender, Duty.REGISTER, roles=Role.MODULE)
        return self._commission(no, item, process, ref, account)

    def _commission(
        self, no: Objections, item: Commission, process: bytes, ref: EventRef, account: str
    ) -> list[Fact]:
        namespace = namespace_of(item.uri, item.prefix_length)
        if namespace is None:
            no.final("NotCanonical", item.uri)
        org, lot = self.consortium.authorize_under(no, account, namespace), keccak(text=item.uri)
        no.when(lot in self.ledger.lots, "AlreadyCommissioned", lot)
        no.when(item.quantity == 0, "ZeroQuantity", lot)
        no.when(
            UNIT.fullmatch(item.unit.ljust(3, b"\0")) is None, "WrongUnit", lot, item.unit.ljust(3, b"\0")
        )
        none = item.serials_root == ZERO and item.serial_count == 0
        each = item.serials_root != ZERO and 0 < item.serial_count * ONE == item.quantity
        terms = item.quantity, item.serials_root, item.serial_count
        no.when(not none and not each, "WrongSerials", lot, *terms)
        fact = {"lot": lot, "org": org, "process": process, "caller": account, "item": item, "ref": ref}
        return self._happened(no, ("LotCommissioned", fact))

    def useFor(  # noqa: N802
        self, account: str, lot: bytes, quantity: int, process: bytes, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        self.consortium.authorize(no, sender, Duty.REGISTER, roles=Role.MODULE)
        org = self.consortium.authorize(no, account, Duty.REGISTER)
        self._free(no, lot)
        self._available(no, lot, org, quantity)
        return self._happened(no, self._used(lot, org, sender, quantity, process))

    def offerQuantity(  # noqa: N802
        self,
        lot: bytes,
        to: int,
        quantity: int,
        purpose: Purpose,
        deadline: int,
        ref: EventRef,
        *,
        sender: str,
    ) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.SHIP)
        no.when(to in (0, org), "SameOrganisation", lot, to)
        no.when(self.now > deadline, "DeadlinePassed", lot, deadline, self.now)
        self._may_move(no, lot, purpose, to)
        no.when((lot, org, to) in self.ledger.offers, "OfferOpen", lot, org, to)
        self._available(no, lot, org, quantity)
        terms = {"quantity": quantity, "purpose": purpose, "deadline": deadline, "ref": ref}
        fact = {"lot": lot, "org": org, "to": to, "caller": sender, **terms}
        return self._happened(no, ("QuantityOffered", fact))

    def acceptQuantity(  # noqa: N802
        self, lot: bytes, giver: int, quantity: int, exceptions: int, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.RECEIVE)
        offered, deadline, purpose = self._offer(no, lot, giver, org)
        if purpose == Purpose.QUARANTINE:
            self.consortium.authorize(no, sender, Duty.QUALITY)
        no.when(self.now > deadline, "DeadlinePassed", lot, deadline, self.now)
        self._may_move(no, lot, purpose, org)
        no.when(quantity == 0, "ZeroQuantity", lot)
        no.when(quantity > offered, "InsufficientQuantity", lot, quantity, offered)
        rest = offered - quantity
        unexplained = rest > 0 and exceptions == 0
        unknown = exceptions & ~sum(Found) != 0
        no.when(unexplained or unknown, "WrongExceptions", lot, exceptions, rest)
        terms = {"quantity": quantity, "rest": rest, "exceptions": exceptions, "ref": ref}
        fact = {"lot": lot, "org": org, "from": giver, "caller": sender, **terms}
        return self._happened(no, ("QuantityAccepted", fact))

    def endQuantityOffer(  # noqa: N802
        self, lot: bytes, giver: int, to: int, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty(0))
        self._offer(no, lot, giver, to)
        if org not in (giver, to):
            no.final("NoOffer", lot, giver, org)
        self.consortium.authorize(no, sender, Duty.SHIP if org == giver else Duty.RECEIVE)
        fact = {"lot": lot, "from": giver, "to": to, "org": org, "caller": sender, "ref": ref}
        return self._happened(no, ("QuantityOfferEnded", fact))

    def declareLoss(  # noqa: N802
        self, lot: bytes, quantity: int, reason: bytes, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        self._available(no, lot, org, quantity)
        what = {"reason": reason, "caller": sender, "quantity": quantity, "ref": ref}
        return self._happened(no, ("LossDeclared", {"lot": lot, "org": org, **what}))

    # Units

    def endOfLife(  # noqa: N802
        self, lot: bytes, indexes: Sequence[int], end: UnitEnd, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        no.when(not indexes, "NothingNamed")
        org = self.consortium.authorize(no, sender, Duty.REGISTER)
        self._known(no, lot)
        self._may_end(no, lot, end)
        if indexes:
            self._available(no, lot, org, len(indexes) * ONE)
        for place, index in enumerate(indexes):
            self._lives(no, lot, index)
            again = index in indexes[:place]
            no.when(again, "UnitEnded", lot, index, org, self.now, end)
        return self._happened(no, self._units_ended(lot, org, sender, list(indexes), end, ref))

    def _may_end(self, no: Objections, lot: bytes, end: int) -> None:
        no.when(end in (UnitEnd.NONE, UnitEnd.MATERIALISED), "WrongEnd", lot, end)
        cause = self.ledger.cause(lot, self.now)
        allowed = {UnitEnd.DESTROYED, UnitEnd.STOLEN}
        if cause == LotCause.EXPIRED:
            allowed.add(UnitEnd.DECOMMISSIONED)
        no.when(cause != LotCause.NONE and end not in allowed, "Blocked", lot, cause)

    def endQuantity(  # noqa: N802
        self, lot: bytes, quantity: int, end: int, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.REGISTER)
        facts = self._known(no, lot)
        no.when(facts.count > 0, "HasSerials", lot)
        self._may_end(no, lot, end)
        self._available(no, lot, org, quantity)
        fact = {"lot": lot, "org": org, "caller": sender, "quantity": quantity, "end": end, "ref": ref}
        return self._happened(no, ("QuantityEnded", fact))

    def materialise(
        self,
        lot_uri: str,
        index: int,
        unit: Registration,
        proof: Sequence[bytes],
        ref: EventRef,
        *,
        sender: str,
    ) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.REGISTER)
        lot, twin = keccak(text=lot_uri), keccak(text=unit.uri)
        facts = self._known(no, lot)
        self._free(no, lot)
        no.when(not same_class(lot_uri, unit.uri), "WrongClass", lot_uri, unit.uri)
        leaf = serial_leaf(index, twin)
        no.when(not leads_to(facts.root, leaf, proof), "InvalidProof", facts.root, leaf)
        self._lives(no, lot, index)
        self._available(no, lot, org, ONE)
        theirs = self._at_twins(no, lambda t: t.registerFor(unit, facts.maker, org, ref, sender=self.address))
        used = self._used(lot, org, sender, ONE, twin)
        ended = self._units_ended(lot, org, sender, [index], UnitEnd.MATERIALISED, ref)
        return self._happened(no, used, ended, *theirs)

    # Holds and recalls

    def holdLot(self, lot: bytes, reason: bytes, ref: EventRef, *, sender: str) -> list[Fact]:  # noqa: N802
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        facts = self._known(no, lot)
        may = org == facts.maker or self.consortium.has_role(org, Role.REGULATOR)
        no.when(not may, "MayNotHold", lot, org)
        no.when((org, reason) in facts.holds, "AlreadyHeld", lot, org, reason)
        return self._happened(
            no, ("LotHeld", {"lot": lot, "org": org, "reason": reason, "caller": sender, "ref": ref})
        )

    def releaseLot(  # noqa: N802
        self, lot: bytes, holder: int, reason: bytes, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        holds = self.ledger.lots[lot].holds if lot in self.ledger.lots else frozenset()
        no.when((holder, reason) not in holds, "NoSuchHold", lot, holder, reason)
        theirs = self.consortium.ledger.orgs.get(holder)
        by_regulator = theirs is not None and bool(theirs.roles & Role.REGULATOR)
        overrules = self.consortium.has_role(org, Role.REGULATOR) and not by_regulator
        no.when(org != holder and not overrules, "MayNotRelease", lot, org, holder)
        fact = {"lot": lot, "org": org, "reason": reason, "holder": holder, "caller": sender, "ref": ref}
        return self._happened(no, ("LotReleased", fact))

    def markRecalled(self, lots: Sequence[bytes], recall: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        self.consortium.authorize(no, sender, Duty.RECALL, roles=Role.MODULE)
        for lot in lots:
            no.when(lot not in self.ledger.lots, "UnknownLot", lot)
        no.settle()
        new = [lot for lot in dict.fromkeys(lots) if recall not in self.ledger.lots[lot].recalls]
        return self._happened(no, *(("LotRecalled", {"lot": lot, "recall": recall}) for lot in new))

    def unmarkRecalled(self, lots: Sequence[bytes], recall: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        self.consortium.authorize(no, sender, Duty.RECALL, roles=Role.MODULE)
        no.settle()
        known = [lot for lot in dict.fromkeys(lots) if lot in self.ledger.lots]
        members = [lot for lot in known if recall in self.ledger.lots[lot].recalls]
        return self._happened(no, *(("LotRecallLifted", {"lot": lot, "recall": recall}) for lot in members))

    # Containers

    def packCommitted(  # noqa: N802
        self,
        container: bytes,
        root: bytes,
        parts: Sequence[tuple[bytes, int]],
        ref: EventRef,
        *,
        sender: str,
    ) -> list[Fact]:
        no = Objections()
        no.when(not parts or root == ZERO, "NothingNamed")
        org = self.consortium.authorize(no, sender, Duty.SHIP)
        box = self.ledger.box(container)
        no.when(self.ledger.lots_in(container) != 0, "AlreadyCommitted", container, box.root)
        for place, (lot, quantity) in enumerate(parts):
            self._free(no, lot, go_on=True)
            before = sum(much for of, much in parts[:place] if of == lot)
            self._available(no, lot, org, quantity, before)
        theirs = self._at_twins(
            no, lambda t: t.noteContents(container, org, root, 1, 0, ref, sender=self.address)
        )
        who = {"container": container, "org": org, "root": root, "caller": sender}
        facts: list[Fact] = [("ContentsCommitted", who | {"edition": box.edition + 1, "ref": ref})]
        for lot, quantity in parts:
            what = {"lot": lot, "org": org, "container": container, "quantity": quantity}
            facts.append(("QuantityPacked", what))
        return self._happened(no, *theirs, *facts)

    def unpackCommitted(  # noqa: N802
        self,
        container: bytes,
        leaf: Leaf,
        proof: Sequence[bytes],
        item: Registration,
        ref: EventRef,
        *,
        sender: str,
    ) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.SHIP)
        box, hash_ = self.ledger.box(container), content_leaf(leaf)
        if self.ledger.lots_in(container) == 0:
            no.final("NotCommitted", container)
        no.when(box.duplicated, "Duplicated", container)
        no.when(not leads_to(box.root, hash_, proof), "InvalidProof", box.root, hash_)
        no.when(leaf.index in box.taken, "LeafTaken", container, leaf.index)
        inside = self.ledger.inside[leaf.lot, container]
        no.when(leaf.quantity == 0, "ZeroQuantity", leaf.lot)
        no.when(leaf.quantity > inside, "InsufficientQuantity", leaf.lot, leaf.quantity, inside)
        emptied = leaf.quantity == inside and self.ledger.lots_in(container) == 1
        calls: list[Callable[[Twins], list[Fact]]] = [
            lambda t: t.noteContents(container, org, hash_, 0, int(emptied), ref, sender=self.address)
        ]
        edition = 0
        if leaf.child_root != ZERO:
            edition = self._inner(no, leaf, box.packer, org, item, ref, calls)
        theirs = self._at_twins(no, *calls)
        what = {"child": leaf.child, "caller": sender, "leaf": leaf, "edition": edition, "ref": ref}
        return self._happened(no, *theirs, ("LeafUnpacked", {"container": container, "org": org, **what}))

    def _inner(
        self,
        no: Objections,
        leaf: Leaf,
        packer: int,
        org: int,
        item: Registration,
        ref: EventRef,
        calls: list[Callable[[Twins], list[Fact]]],
    ) -> int:
        """What an inner container that comes out needs of Twins; the edition of its contents."""
        inner, me = self.ledger.box(leaf.child), self.address
        if leaf.child not in self.twins.ledger.twins:
            fits = keccak(text=item.uri) == leaf.child and item.kind == Kind.CONTAINER
            if not fits:
                no.final("WrongUri", leaf.child, item.uri)
            namespace = namespace_of(item.uri, item.prefix_length)
            if namespace is None:
                no.final("NotCanonical", item.uri)
            self.consortium.require_namespace(no, packer, namespace)
            calls.append(lambda t: t.registerFor(item, packer, org, ref, sender=me))
        fresh = self.ledger.lots_in(leaf.child) == 0
        no.when(not fresh and inner.root != leaf.child_root, "AlreadyCommitted", leaf.child, inner.root)
        note = leaf.child_root if fresh else content_leaf(leaf)
        calls.append(lambda t: t.noteContents(leaf.child, org, note, int(fresh), 0, ref, sender=me))
        return inner.edition + fresh

    def proveDuplicate(  # noqa: N802
        self, container: bytes, path: Sequence[Step], other: bytes, other_path: Sequence[Step], *, sender: str
    ) -> list[Fact]:
        no = Objections()
        ends = []
        for where, way in ((container, path), (other, other_path)):
            if not way:
                no.final("NothingNamed")
            inside, leaf = self.ledger.way(where, way)
            if not inside:
                no.final("InvalidProof", self.ledger.box(where).root, content_leaf(leaf))
            ends.append(leaf)
        a, b = ends
        units = all(leaf.child_root == ZERO and leaf.child != leaf.lot for leaf in ends)
        same = (a.child, a.lot) == (b.child, b.lot)
        leaves, other_leaves = [step.leaf for step in path], [step.leaf for step in other_path]
        one = container == other and leaves == other_leaves
        no.when(not units or not same or one, "NotADuplicate", a.child, b.child)
        packers = [self.ledger.box(where).packer for where in (container, other)]
        who = {"packer": packers[0], "otherPacker": packers[1], "caller": sender}
        proven = {"unit": a.child, "container": container, "other": other, **who}
        return self._happened(no, ("DuplicateProven", proven))

    def holdDuplicated(self, container: bytes, ref: EventRef, *, sender: str) -> list[Fact]:  # noqa: N802
        no, box = Objections(), self.ledger.box(container)
        no.when(not box.duplicated, "NotDuplicated", container)
        reason = DUPLICATE.ljust(32, b"\0")
        what = {"code": DUPLICATE, "org": box.packer, "severity": CRITICAL, "ref": box.root}
        theirs = self._at_twins(no, lambda t: t.hold(container, reason, ref, sender=self.address))
        return self._happened(no, ("Alert", {"subject": container, **what}), *theirs)

    def settleDuplicate(  # noqa: N802
        self, container: bytes, reason: bytes, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY, roles=Role.REGULATOR)
        no.when(not self.ledger.box(container).duplicated, "NotDuplicated", container)
        hold = (self.number, DUPLICATE.ljust(32, b"\0"))
        twin = self.twins.ledger.twins.get(container)
        theirs = []
        if twin is not None and hold in twin.holds:
            theirs = self._at_twins(no, lambda t: t.release(container, *hold, ref, sender=self.address))
        fact = {"container": container, "org": org, "reason": reason, "caller": sender}
        return self._happened(no, ("DuplicateSettled", fact), *theirs)

    # Checks

    def _objections(self, ref: EventRef) -> Objections:
        no = Objections()
        time = ref.stamp >> 24
        no.when(time > self.now, "EventInFuture", time, self.now)
        return no

    def _known(self, no: Objections, lot: bytes) -> Lot:
        facts = self.ledger.lots.get(lot)
        if facts is None:
            no.final("UnknownLot", lot)
        return facts

    def _free(self, no: Objections, lot: bytes, go_on: bool = False) -> None:
        cause = self.ledger.cause(lot, self.now)
        if cause == LotCause.UNKNOWN and not go_on:
            no.final("UnknownLot", lot)
        no.when(cause == LotCause.UNKNOWN, "UnknownLot", lot)
        no.when(cause in (LotCause.HELD, LotCause.RECALLED), "Blocked", lot, cause)

    def _available(self, no: Objections, lot: bytes, org: int, quantity: int, before: int = 0) -> None:
        has = max(self.ledger.have[lot, org] - before, 0)
        no.when(quantity == 0, "ZeroQuantity", lot)
        no.when(quantity > has, "InsufficientQuantity", lot, quantity, has)

    def _offer(self, no: Objections, lot: bytes, giver: int, to: int) -> tuple[int, int, Purpose]:
        if (lot, giver, to) not in self.ledger.offers:
            no.final("NoOffer", lot, giver, to)
        return self.ledger.offers[lot, giver, to]

    def _lives(self, no: Objections, lot: bytes, index: int) -> None:
        no.when(index >= self.ledger.lots[lot].count, "UnknownUnit", lot, index)
        ending = self.ledger.ending(lot, index)
        no.when(ending != ALIVE, "UnitEnded", lot, index, *ending)

    def _may_move(self, no: Objections, lot: bytes, purpose: Purpose, to: int) -> None:
        """What is held or recalled moves only to be returned, quarantined or destroyed."""
        facts = self._known(no, lot)
        cause = self.ledger.cause(lot, self.now)
        if cause not in (LotCause.HELD, LotCause.RECALLED):
            return
        takers = {
            Purpose.RETURN: Role.CARRIER | Role.DISTRIBUTOR | Role.SUPPLIER | Role.MANUFACTURER,
            Purpose.DESTRUCTION: Role.CARRIER | Role.RECYCLER,
        }
        no.when(purpose == Purpose.TRANSPORT, "Blocked", lot, cause)
        home = purpose == Purpose.RETURN and to == facts.maker
        fit = purpose not in takers or home or self.consortium.has_role(to, takers[purpose])
        no.when(not fit, "NotAReceiverFor", lot, purpose, to)

    def _at_twins(self, no: Objections, *calls: Callable[[Twins], list[Fact]]) -> list[Fact]:
        """The events of what the contract calls at Twins, or the first reason why that says no."""
        trial = Twins(self.twins.ledger.copy(), self.consortium)
        facts = []
        for call in calls:
            try:
                facts += call(trial)
            except Refused as refused:
                for error, values in refused.reasons:
                    no.when(True, error, *values)
                break
        return facts

    def _used(self, lot: bytes, org: int, caller: str, quantity: int, use: bytes) -> Fact:
        uses = (*self.ledger.lots[lot].uses, use) if lot in self.ledger.lots else ()
        head = ZERO
        for one in uses:
            head = keccak(encode(["bytes32", "bytes32"], [head, one]))
        what = {"use": use, "caller": caller, "quantity": quantity, "useHead": head}
        return "Used", {"lot": lot, "org": org, **what}

    def _units_ended(
        self, lot: bytes, org: int, caller: str, indexes: list[int], end: UnitEnd, ref: EventRef
    ) -> Fact:
        what = {"indexes": indexes, "end": end, "time": self.now, "ref": ref}
        return "UnitsEnded", {"lot": lot, "org": org, "caller": caller, **what}

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.apply(fact)
        return list(facts)

    def apply(self, fact: Fact) -> None:
        """An event of one of the two contracts."""
        theirs = {"ContentsNoted", "RegisteredFor", "Held", "Released"}
        (self.twins.ledger if fact[0] in theirs else self.ledger).apply(fact)


def same_class(lot_uri: str, unit_uri: str) -> bool:
    """Has the unit the lot's GTIN, or, without a GS1 link, its authority; and something after it?"""
    if lot_uri.encode().startswith(STEM):
        gtin = GTIN.match(lot_uri.encode())
        shared = gtin[0] if gtin else b""
    else:
        shared = authority_of(lot_uri)
    uris = lot_uri.encode(), unit_uri.encode()
    return shared != b"" and all(uri.startswith(shared) and uri != shared for uri in uris)
