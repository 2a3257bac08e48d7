"""The model of `Recalls`, written from IRecalls.

Which lots and processes are members is not kept here: Lots and Lineage know it. What a closed recall must
have as members is what can be reached from its seeds (`tests.models.lineage.graph`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from tests.models.lineage import ZERO, Ancestor, Lineage, chain, graph, reached, trial_of
from tests.models.rules import Fact, Objections, Refused
from tests.models.trees import leads_to, serial_leaf
from tests.support.words import Duty, EndOfLife, Role
from tests.support.world import EventRef

NO_EVENT = EventRef(ZERO, ZERO, ZERO, ZERO, 0)


class RecallClass(IntEnum):
    """`IRecalls.RecallClass`."""

    NONE = 0
    CLASS_I = 1
    CLASS_II = 2
    CLASS_III = 3


class RecallState(IntEnum):
    """`IRecalls.RecallState`."""

    NONE = 0
    OPEN = 1
    CLOSED = 2
    LIFTED = 3


@dataclass(frozen=True)
class Recall:
    org: int
    class_: RecallClass
    state: RecallState = RecallState.OPEN
    frontier: int = 0
    size: int = 0
    stepped: tuple[bytes, ...] = ()
    """In their order; also members that a claim covers."""
    closed: tuple[bytes, ...] = ()
    """What was stepped, and the root of the claim that was adopted, in their order."""
    claimed: bool = False


@dataclass(frozen=True)
class Consignee:
    notified: int
    received: int = 0
    answered: int = 0
    returned: int = 0
    destroyed: int = 0
    sold: int = 0

    @property
    def accounted(self) -> int:
        return self.returned + self.destroyed + self.sold

    @property
    def reconciled(self) -> bool:
        return self.answered != 0 and self.accounted == self.received


@dataclass
class RecallsLedger:
    """What the events of a Recalls contract add up to."""

    recalls: dict[int, Recall] = field(default_factory=dict)
    affected: dict[tuple[int, bytes], bool] = field(default_factory=dict)
    """By recall and twin; False once it was cleared."""
    serials: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    """By recall and lot: the root."""
    consignees: dict[tuple[int, bytes, int], Consignee] = field(default_factory=dict)
    """By recall, lot and organisation."""
    left: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    """By recall and member of which a part was stepped: the chain of what is left."""
    uncovered: set[tuple[int, bytes]] = field(default_factory=set)
    """Recalls and members that are to be stepped although a claim was adopted."""

    def copy(self) -> RecallsLedger:
        return RecallsLedger(
            dict(self.recalls),
            dict(self.affected),
            dict(self.serials),
            dict(self.consignees),
            dict(self.left),
            set(self.uncovered),
        )

    def apply(self, fact: Fact) -> None:
        name, a = fact
        number = a["recall"]
        match name:
            case "RecallOpened":
                self.recalls[number] = Recall(a["org"], RecallClass(a["class"]))
            case "LotsAdded" | "OutputsSeeded":
                if a["count"]:
                    self._grow(number, a["count"])
                    self._change(number, state=RecallState.OPEN)
            case "SerialsAdded":
                self.serials[number, a["lot"]] = a["root"]
            case "TwinAffected":
                self.affected[number, a["twin"]] = True
                self._change(number, size=self.recalls[number].size + 1)
            case "TwinCleared":
                self.affected[number, a["twin"]] = False
            case "Stepped":
                self._grow(number, a["added"])
                before = self.recalls[number]
                self._change(number, closed=(*before.closed, a["member"]), frontier=before.frontier - 1)
                self._done(number, a["member"])
            case "ClaimAdopted":
                before = self.recalls[number]
                closed = (*before.closed, a["root"])
                frontier = before.frontier + a["size"]
                self._change(number, claimed=True, closed=closed, frontier=frontier)
            case "ClaimFollowed":
                size = self.recalls[number].size + a["added"]
                self._change(number, size=size, frontier=a["frontier"])
            case "MemberCovered":
                self._done(number, a["member"])
            case "MemberUncovered":
                self.uncovered.add((number, a["member"]))
            case "PartStepped":
                self._grow(number, a["added"])
                self.left[number, a["member"]] = a["before"]
            case "RecallClosed":
                self._change(number, state=RecallState.CLOSED)
            case "RecallLifted":
                self._change(number, state=RecallState.LIFTED)
            case "ConsigneeNotified":
                self.consignees[number, a["lot"], a["consignee"]] = Consignee(a["quantity"])
            case "ConsigneeAnswered":
                key = number, a["lot"], a["consignee"]
                answered = self.consignees[key].answered or a["time"]
                self.consignees[key] = replace(
                    self.consignees[key], received=a["received"], answered=answered
                )
            case "Reconciled":
                key = number, a["lot"], a["consignee"]
                what = {part: a[part] for part in ("returned", "destroyed", "sold")}
                self.consignees[key] = replace(self.consignees[key], **what)
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def _done(self, number: int, member: bytes) -> None:
        self._change(number, stepped=(*self.recalls[number].stepped, member))

    def _grow(self, number: int, count: int) -> None:
        before = self.recalls[number]
        self._change(number, frontier=before.frontier + count, size=before.size + count)

    def _change(self, number: int, **fields: Any) -> None:
        self.recalls[number] = replace(self.recalls[number], **fields)

    # Questions

    def twins(self, number: int) -> set[bytes]:
        """The twins that are members."""
        return {twin for (of, twin), member in self.affected.items() if of == number and member}

    def view(self, number: int) -> dict[str, Any]:
        """What `recallOf` returns."""
        facts = self.recalls[number]
        told = [consignee for (of, _, _), consignee in self.consignees.items() if of == number]
        return {
            "org": facts.org,
            "class_": facts.class_,
            "state": facts.state,
            "frontier": facts.frontier,
            "size": facts.size,
            "consignees": len(told),
            "acknowledged": sum(consignee.answered != 0 for consignee in told),
            "reconciled": sum(consignee.reconciled for consignee in told),
            "claimed": facts.claimed,
        }


class Recalls:
    """The rules. Every function is called as that of the contract and returns the events that follow, those
    of Lots, Lineage and Twins among them.
    """

    def __init__(self, address: str, number: int, ledger: RecallsLedger, lineage: Lineage) -> None:
        self.address = address
        self.number = number
        """Of the organisation that the contract acts for."""
        self.ledger = ledger
        self.lineage = lineage
        self.consortium = lineage.consortium
        self.followed: Callable[[int], set[bytes]] = lambda recall: set()
        """What of the adopted claim was followed; the model of ClosureClaims knows."""

    @property
    def now(self) -> int:
        return self.consortium.now

    # Members, as Lots and Lineage know them

    def lots(self, recall: int) -> set[bytes]:
        return {lot for lot, facts in self.lineage.lots.ledger.lots.items() if recall in facts.recalls}

    def processes(self, recall: int) -> set[bytes]:
        return {id_ for id_, facts in self.lineage.ledger.processes.items() if recall in facts.recalls}

    def frontier(self, recall: int) -> set[bytes]:
        """Members that are to be stepped."""
        members = self.lots(recall) | self.processes(recall)
        covered = {each for each in self.followed(recall) if (recall, each) not in self.ledger.uncovered}
        return members - set(self.ledger.recalls[recall].stepped) - covered

    def members(self, recall: int) -> set[bytes]:
        return self.lots(recall) | self.processes(recall) | self.ledger.twins(recall)

    def closure(self, seeds: Sequence[bytes]) -> set[bytes]:
        """All that came of the seeds, and they themselves."""
        return reached(graph(self.lineage.lots.ledger, self.lineage.ledger), seeds)

    def results(self, member: bytes) -> tuple[bytes, ...]:
        """What came of a lot or a process, in the order it was told."""
        process = self.lineage.ledger.processes.get(member)
        return process.outputs if process else self.lineage.lots.ledger.lots[member].uses

    def left(self, recall: int, member: bytes) -> tuple[bytes, ...]:
        """What of its results is not stepped: all of them, or what comes before the parts that are."""
        results = self.results(member)
        head = self.ledger.left.get((recall, member))
        prefixes = [results[:count] for count in range(len(results) + 1)]
        return next(prefix for prefix in reversed(prefixes) if head in (None, chain(prefix)))

    # Seeds

    def open(self, class_: RecallClass, reason: bytes, ref: EventRef, *, sender: str) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.RECALL)
        no.when(class_ == RecallClass.NONE, "NoClass")
        recall = len(self.ledger.recalls) + 1
        who = {"recall": recall, "org": org, "reason": reason, "caller": sender}
        return self._happened(no, ("RecallOpened", who | {"class": class_, "ref": ref}))

    def addLots(self, recall: int, lots: Sequence[bytes], *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        org, regulator = self._seeding(no, recall, sender)
        for lot in lots:
            no.when(not regulator and self._maker(lot) != org, "MayNotSeed", lot, org)
        trial = _Trial(self, recall)
        trial.mark_lots(no, lots)
        added = {"recall": recall, "org": org, "caller": sender, "count": trial.added}
        return self._happened(no, *trial.facts, ("LotsAdded", added))

    def addOutputs(  # noqa: N802
        self, recall: int, process: bytes, products: Sequence[bytes], first: int, end: int, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        org, regulator = self._seeding(no, recall, sender)
        facts = self.lineage.ledger.processes.get(process)
        no.when(not regulator and (facts is None or facts.org != org), "MayNotSeed", process, org)
        complete = tuple(products) == (facts.outputs if facts else ())
        no.when(not complete, "Incomplete", process)
        fits = first < end <= len(products)
        no.when(not fits, "WrongWindow", process, first, end, len(products))
        trial = _Trial(self, recall)
        if fits:
            trial.products(no, products[first:end], NO_EVENT, sender)
        who = {"recall": recall, "process": process, "org": org, "caller": sender}
        seeded = {"from": first, "to": end, "count": trial.added}
        return self._happened(no, *trial.facts, ("OutputsSeeded", who | seeded))

    def addSerials(  # noqa: N802
        self, recall: int, lot: bytes, root: bytes, count: int, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        org, regulator = self._seeding(no, recall, sender)
        no.when(not regulator and self._maker(lot) != org, "MayNotSeed", lot, org)
        again = (recall, lot) in self.ledger.serials
        no.when(root == ZERO or count == 0 or again, "WrongSerials", recall, lot, root, count)
        who = {"recall": recall, "lot": lot, "root": root, "org": org, "caller": sender}
        return self._happened(no, ("SerialsAdded", who | {"count": count}))

    def addTwin(self, recall: int, twin: bytes, ref: EventRef, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        org, regulator = self._seeding(no, recall, sender)
        twins = self.lineage.lots.twins.ledger
        facts = twins.twins.get(twin)
        own = facts is not None and org in (facts.maker, facts.owner, twins.custodian(twin))
        no.when(not regulator and not own, "MayNotSeed", twin, org)
        trial = _Trial(self, recall)
        trial.affect(no, twin, ref, sender)
        return self._happened(no, *trial.facts)

    # Steps

    def step(
        self, recall: int, lot: bytes, uses: Sequence[bytes], ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        if lot not in self.lots(recall):
            no.final("NotAMember", recall, lot)
        trial = self._stepping(no, recall, lot, uses)
        self._mark_uses(no, trial, uses, ref, sender)
        return self._happened(no, *trial.facts, *self._stepped(recall, lot, trial.added, sender))

    def stepProcess(  # noqa: N802
        self, recall: int, process: bytes, products: Sequence[bytes], ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        if process not in self.processes(recall):
            no.final("NotAMember", recall, process)
        trial = self._stepping(no, recall, process, products)
        trial.products(no, products, ref, sender)
        return self._happened(no, *trial.facts, *self._stepped(recall, process, trial.added, sender))

    def stepPart(  # noqa: N802
        self, recall: int, lot: bytes, before: bytes, uses: Sequence[bytes], ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        if lot not in self.lots(recall):
            no.final("NotAMember", recall, lot)
        trial = self._stepping(no, recall, lot, uses, before)
        self._mark_uses(no, trial, uses, ref, sender)
        return self._happened(no, *trial.facts, self._part(recall, lot, before, trial.added, sender))

    def stepProcessPart(  # noqa: N802
        self,
        recall: int,
        process: bytes,
        before: bytes,
        products: Sequence[bytes],
        ref: EventRef,
        *,
        sender: str,
    ) -> list[Fact]:
        no = Objections()
        if process not in self.processes(recall):
            no.final("NotAMember", recall, process)
        trial = self._stepping(no, recall, process, products, before)
        trial.products(no, products, ref, sender)
        return self._happened(no, *trial.facts, self._part(recall, process, before, trial.added, sender))

    def _mark_uses(
        self, no: Objections, trial: _Trial, uses: Sequence[bytes], ref: EventRef, sender: str
    ) -> None:
        processes = [use for use in uses if use in self.lineage.ledger.processes]
        for use in uses:
            if use not in processes:
                trial.affect(no, use, ref, sender)
        trial.mark_processes(no, processes)

    def _part(self, recall: int, member: bytes, before: bytes, added: int, sender: str) -> Fact:
        frontier = self.ledger.recalls[recall].frontier + added
        what = {"before": before, "caller": sender, "added": added, "frontier": frontier}
        return "PartStepped", {"recall": recall, "member": member, **what}

    def _stepping(
        self,
        no: Objections,
        recall: int,
        member: bytes,
        results: Sequence[bytes],
        before: bytes | None = None,
    ) -> _Trial:
        left = self.left(recall, member)
        known = left[: len(left) - len(results)]
        fits = left[len(known) :] == tuple(results) and chain(known) == (before or ZERO)
        no.when(not fits, "Incomplete", member)
        partial = before is not None
        no.when(partial and (before == ZERO or not results), "NotAPart", recall, member)
        facts = self.ledger.recalls[recall]
        no.when(facts.state != RecallState.OPEN, "WrongRecallState", recall, facts.state)
        no.when(member in facts.stepped, "AlreadyStepped", recall, member)
        covered = facts.claimed and (recall, member) not in self.ledger.uncovered
        no.when(covered, "IsCovered", recall, member)
        return _Trial(self, recall)

    def _stepped(self, recall: int, member: bytes, added: int, sender: str) -> list[Fact]:
        facts = self.ledger.recalls[recall]
        closure = chain((*facts.closed, member))
        frontier = facts.frontier + added - 1
        what = {"added": added, "frontier": frontier, "closure": closure}
        found: list[Fact] = [("Stepped", {"recall": recall, "member": member, "caller": sender, **what})]
        if frontier == 0:
            # Of the twins that the step itself added the trial knows.
            found.append(("RecallClosed", {"recall": recall, "closureRoot": closure, "size": None}))
        return found

    # Claims

    def adoptClaim(self, recall: int, root: bytes, size: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        facts = self._vouched(no, recall, sender)
        no.when(facts.claimed, "AlreadyClaimed", recall)
        what = {"size": size, "frontier": facts.frontier + size, "closure": chain((*facts.closed, root))}
        return self._happened(no, ("ClaimAdopted", {"recall": recall, "root": root, **what}))

    def followClaim(  # noqa: N802
        self, recall: int, claimed: Sequence[tuple[bytes, int]], *, sender: str
    ) -> list[Fact]:
        no = Objections()
        facts = self._vouched(no, recall, sender)
        no.settle()
        frontier = facts.frontier - len(claimed)
        trial = _Trial(self, recall)
        lots, processes = self.lineage.lots.ledger.lots, self.lineage.ledger.processes
        for member, results in claimed:
            if member not in lots and member not in processes:
                if member in self.lineage.lots.twins.ledger.twins:
                    trial.affect(no, member, NO_EVENT, sender)
                continue
            if member in facts.stepped:
                continue
            known = member in self.lots(recall) | self.processes(recall)
            if results != len(self.results(member)):
                frontier += not known
                fact = {"recall": recall, "member": member, "joins": not known}
                trial.facts.append(("MemberUncovered", fact))
            elif known:
                frontier -= 1
                trial.facts.append(("MemberCovered", {"recall": recall, "member": member}))
        trial.mark_lots(no, [member for member, _ in claimed if member in lots])
        trial.mark_processes(no, [member for member, _ in claimed if member in processes])
        what = {"followed": len(claimed), "added": trial.added, "frontier": frontier}
        found: list[Fact] = [("ClaimFollowed", {"recall": recall, **what})]
        if frontier == 0:
            found.append(
                ("RecallClosed", {"recall": recall, "closureRoot": chain(facts.closed), "size": None})
            )
        return self._happened(no, *trial.facts, *found)

    def uncover(self, recall: int, member: bytes, *, sender: str) -> list[Fact]:
        no = Objections()
        self.consortium.authorize(no, sender, Duty.RECALL, Role.MODULE)
        no.when(member not in self.members(recall), "NotAMember", recall, member)
        facts = self.ledger.recalls.get(recall)
        no.when(facts is not None and member in facts.stepped, "AlreadyStepped", recall, member)
        no.when((recall, member) in self.ledger.uncovered, "AlreadyUncovered", recall, member)
        return self._happened(no, ("MemberUncovered", {"recall": recall, "member": member, "joins": False}))

    def _vouched(self, no: Objections, recall: int, sender: str) -> Recall:
        """Of an open recall, to a contract that vouches for its claims."""
        self.consortium.authorize(no, sender, Duty.RECALL, Role.MODULE)
        facts = self.ledger.recalls.get(recall)
        if facts is None or facts.state != RecallState.OPEN:
            no.final("WrongRecallState", recall, facts.state if facts else RecallState.NONE)
        return facts

    def holdContainer(  # noqa: N802
        self, recall: int, container: bytes, lot: bytes, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        if lot not in self.lots(recall):
            no.final("NotAMember", recall, lot)
        inside = self.lineage.lots.ledger.inside[lot, container]
        no.when(inside == 0, "NotInContainer", lot, container)
        state = self.ledger.recalls[recall].state
        no.when(state == RecallState.LIFTED, "WrongRecallState", recall, state)
        trial = _Trial(self, recall)
        trial.affect(no, container, ref, sender)
        return self._happened(no, *trial.facts)

    def lift(self, recall: int, reason: bytes, ref: EventRef, *, sender: str) -> list[Fact]:
        no = self._objections(ref)
        org, _ = self._seeding(no, recall, sender)
        who = {"recall": recall, "org": org, "reason": reason, "caller": sender}
        return self._happened(no, ("RecallLifted", who | {"ref": ref}))

    def clearMembers(  # noqa: N802
        self,
        recall: int,
        lots: Sequence[bytes],
        processes: Sequence[bytes],
        twins: Sequence[bytes],
        ref: EventRef,
        *,
        sender: str,
    ) -> list[Fact]:
        no = Objections()
        state = self._known(no, recall).state
        no.when(state != RecallState.LIFTED, "WrongRecallState", recall, state)
        trial = _Trial(self, recall)
        trial.take(no, lambda: trial.lots.unmarkRecalled(lots, recall, sender=self.address))
        trial.take(no, lambda: trial.lineage.unmarkRecalled(processes, recall, sender=self.address))
        for place, twin in enumerate(twins):
            member = self.ledger.affected.get((recall, twin), False) and twin not in twins[:place]
            no.when(not member, "NotAMember", recall, twin)
            trial.facts.append(("TwinCleared", {"recall": recall, "twin": twin, "caller": sender}))
            trial.release(no, twin, ref)
        return self._happened(no, *trial.facts)

    # Consignees

    def notify(self, recall: int, lot: bytes, consignee: int, quantity: int, *, sender: str) -> list[Fact]:
        no = Objections()
        self._authorize(no, recall, sender)
        member = lot in self.lots(recall) or (recall, lot) in self.ledger.serials
        no.when(not member, "NotAMember", recall, lot)
        again = (recall, lot, consignee) in self.ledger.consignees
        no.when(again or quantity == 0, "WrongConsignee", recall, lot, consignee, quantity)
        who = {"recall": recall, "lot": lot, "consignee": consignee, "caller": sender}
        return self._happened(no, ("ConsigneeNotified", who | {"quantity": quantity}))

    def acknowledge(self, recall: int, lot: bytes, received: int, *, sender: str) -> list[Fact]:
        no = Objections()
        consignee, org = self._consignee(no, recall, lot, sender)
        much = consignee.accounted
        no.when(much > received, "MoreThanReceived", recall, lot, much, received)
        who = {"recall": recall, "lot": lot, "consignee": org, "caller": sender}
        return self._happened(no, ("ConsigneeAnswered", who | {"received": received, "time": self.now}))

    def reconcile(
        self,
        recall: int,
        lot: bytes,
        returned: int,
        destroyed: int,
        sold: int,
        ref: EventRef,
        *,
        sender: str,
    ) -> list[Fact]:
        no = self._objections(ref)
        consignee, org = self._consignee(no, recall, lot, sender)
        no.when(consignee.answered == 0, "NotAnswered", recall, lot, org)
        much = returned + destroyed + sold
        no.when(much > consignee.received, "MoreThanReceived", recall, lot, much, consignee.received)
        who = {"recall": recall, "lot": lot, "consignee": org, "caller": sender}
        what = {"returned": returned, "destroyed": destroyed, "sold": sold, "ref": ref}
        return self._happened(no, ("Reconciled", who | what))

    # Reading

    def isUnitRecalled(  # noqa: N802
        self, recall: int, lot: bytes, index: int, unit: bytes, proof: Sequence[bytes]
    ) -> bool:
        if lot in self.lots(recall) or unit in self.ledger.twins(recall):
            return True
        root = self.ledger.serials.get((recall, lot), ZERO)
        over = recall in self.ledger.recalls and self.ledger.recalls[recall].state == RecallState.LIFTED
        return not over and leads_to(root, serial_leaf(index, unit), proof)

    def notAffected(self, recall: int, listed: Sequence[Ancestor]) -> bool:  # noqa: N802
        """Complete, and nothing in it a member."""
        members = self.members(recall)
        facts = self.ledger.recalls.get(recall)
        if facts is not None and facts.state != RecallState.LIFTED:
            members |= {lot for of, lot in self.ledger.serials if of == recall}
        named = {each.product for each in listed}
        named |= {self.lineage.ledger.origin(product) for product in named} - {ZERO}
        return not named & members and self.lineage.ancestorsComplete(listed)

    # Checks

    def _maker(self, lot: bytes) -> int:
        facts = self.lineage.lots.ledger.lots.get(lot)
        return facts.maker if facts else 0

    def _known(self, no: Objections, recall: int) -> Recall:
        if recall not in self.ledger.recalls:
            no.final("UnknownRecall", recall)
        return self.ledger.recalls[recall]

    def _authorize(self, no: Objections, recall: int, sender: str) -> tuple[int, bool]:
        org = self.consortium.authorize(no, sender, Duty.RECALL)
        facts = self._known(no, recall)
        regulator = self.consortium.has_role(org, Role.REGULATOR)
        no.when(org != facts.org and not regulator, "MayNotRecall", recall, org)
        return org, regulator

    def _seeding(self, no: Objections, recall: int, sender: str) -> tuple[int, bool]:
        org, regulator = self._authorize(no, recall, sender)
        state = self.ledger.recalls[recall].state
        no.when(state == RecallState.LIFTED, "WrongRecallState", recall, state)
        return org, regulator

    def _consignee(self, no: Objections, recall: int, lot: bytes, sender: str) -> tuple[Consignee, int]:
        org = self.consortium.authorize(no, sender, Duty.RECALL)
        if (recall, lot, org) not in self.ledger.consignees:
            no.final("WrongConsignee", recall, lot, org, 0)
        return self.ledger.consignees[recall, lot, org], org

    def _objections(self, ref: EventRef) -> Objections:
        no = Objections()
        time = ref.stamp >> 24
        no.when(time > self.now, "EventInFuture", time, self.now)
        return no

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for name, args in facts:
            if name == "RecallClosed":
                args["size"] = self.ledger.recalls[args["recall"]].size  # type: ignore[index]
            if name in EVENTS:
                self.ledger.apply((name, args))
            else:
                self.lineage.apply((name, args))
        return list(facts)


EVENTS = {
    "RecallOpened", "LotsAdded", "OutputsSeeded", "SerialsAdded", "TwinAffected", "Stepped", "PartStepped",
    "ClaimAdopted", "ClaimFollowed", "MemberCovered", "MemberUncovered", "RecallClosed", "RecallLifted",
    "TwinCleared", "ConsigneeNotified", "ConsigneeAnswered", "Reconciled",
}  # fmt: skip


class _Trial:
    """What a call does elsewhere, done on copies first."""

    def __init__(self, recalls: Recalls, recall: int) -> None:
        self.lots = trial_of(recalls.lineage.lots)
        self.lineage = Lineage(recalls.lineage.address, recalls.lineage.ledger.copy(), self.lots)
        self.facts: list[Fact] = []
        self.added = 0
        """Lots and processes that were no members before."""
        self._me = recalls.address
        self._number = recalls.number
        self._recall = recall
        self._reason = reason_of(recall)
        self._affected = recalls.ledger.twins(recall)

    def take(self, no: Objections, call: Callable[[], list[Fact]]) -> int:
        """Do it; the number of events that followed."""
        try:
            facts = call()
        except Refused as refused:
            for error, values in refused.reasons:
                no.when(True, error, *values)
            return 0
        self.facts += facts
        return len(facts)

    def mark_lots(self, no: Objections, lots: Sequence[bytes]) -> None:
        self.added += self.take(no, lambda: self.lots.markRecalled(lots, self._recall, sender=self._me))

    def mark_processes(self, no: Objections, processes: Sequence[bytes]) -> None:
        call = self.lineage.markRecalled
        self.added += self.take(no, lambda: call(processes, self._recall, sender=self._me))

    def products(self, no: Objections, products: Sequence[bytes], ref: EventRef, sender: str) -> None:
        lots = [product for product in products if product in self.lots.ledger.lots]
        for product in products:
            if product not in lots:
                self.affect(no, product, ref, sender)
        self.mark_lots(no, lots)

    def affect(self, no: Objections, twin: bytes, ref: EventRef, sender: str) -> None:
        """Make a twin a member, and hold it unless it has ended."""
        if twin in self._affected:
            return
        facts = self.lots.twins.ledger.twins.get(twin)
        if facts is None:
            no.when(True, "UnknownProduct", twin)
            return
        self._affected.add(twin)
        self.facts.append(("TwinAffected", {"recall": self._recall, "twin": twin, "caller": sender}))
        if facts.end == EndOfLife.NONE:
            self.take(no, lambda: self.lots.twins.hold(twin, self._reason, ref, sender=self._me))

    def release(self, no: Objections, twin: bytes, ref: EventRef) -> None:
        facts = self.lots.twins.ledger.twins.get(twin)
        if facts is not None and (self._number, self._reason) in facts.holds:
            call = self.lots.twins.release
            self.take(no, lambda: call(twin, self._number, self._reason, ref, sender=self._me))


def reason_of(recall: int) -> bytes:
    """The reason under which twins are held."""
    return b"RECALL".ljust(28, b"\0") + recall.to_bytes(4, "big")
