"""The model of `Lineage`, written from ILineage: what was made of what, as a graph.

Nodes are lots, processes and twins; an edge leads from what went in to where it went: from a lot to each of
its uses, from a process to each of its outputs. What a recall must reach is what can be reached in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import networkx as nx
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models.lots import Lots, LotsLedger
from tests.models.rules import Fact, Objections, Refused
from tests.models.twins import Twins
from tests.support.words import Duty, Kind, Role
from tests.support.world import Commission, EventRef

ZERO = bytes(32)
MAX_YIELD = 2_000_000
MAX_DEPTH = 8
INSTALLABLE = (Kind.PART, Kind.ASSET)
NOWHERE = (ZERO, 0)


class Ancestor(NamedTuple):
    """A product on the way back, as `ILineage.Ancestor`."""

    product: bytes
    inputs: Sequence[int] = ()
    quantities: Sequence[int] = ()


@dataclass(frozen=True)
class Process:
    org: int
    inputs: tuple[tuple[bytes, int], ...] = ()
    """Lots, and how much of each, in the order they were told."""
    outputs: tuple[bytes, ...] = ()
    finalised: bool = False
    recalls: frozenset[int] = frozenset()
    recall: int = 0
    """The one that came while there was no other."""


@dataclass
class LineageLedger:
    """What the events of a Lineage contract add up to."""

    processes: dict[bytes, Process] = field(default_factory=dict)
    installed: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    """In what, and since when."""
    loose: set[bytes] = field(default_factory=set)
    """What was installed and is no more."""

    def copy(self) -> LineageLedger:
        return LineageLedger(dict(self.processes), dict(self.installed), set(self.loose))

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "ProcessOpened":
                self.processes[a["process"]] = Process(a["org"])
            case "InputAdded":
                added = a["lot"], a["quantity"]
                self._change(a["process"], inputs=(*self.processes[a["process"]].inputs, added))
            case "OutputAdded":
                self._change(a["process"], outputs=(*self.processes[a["process"]].outputs, a["product"]))
            case "Transformed":
                pass
            case "ProcessFinalised":
                self._change(a["process"], finalised=True)
            case "ProcessRecalled":
                before = self.processes[a["process"]]
                first = before.recall if before.recalls else a["recall"]
                self._change(a["process"], recalls=before.recalls | {a["recall"]}, recall=first)
            case "ProcessRecallLifted":
                before = self.processes[a["process"]]
                first = 0 if before.recall == a["recall"] else before.recall
                self._change(a["process"], recalls=before.recalls - {a["recall"]}, recall=first)
            case "Installed":
                self.installed[a["child"]] = (a["parent"], a["since"])
            case "Removed":
                del self.installed[a["child"]]
                self.loose.add(a["child"])
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def _change(self, process: bytes, **fields: Any) -> None:
        self.processes[process] = replace(self.processes[process], **fields)

    # Questions

    def origin(self, product: bytes) -> bytes:
        found = [id_ for id_, process in self.processes.items() if product in process.outputs]
        assert len(found) <= 1, "nothing comes out of two processes"
        return found[0] if found else ZERO

    def inputs(self, product: bytes) -> tuple[tuple[bytes, int], ...]:
        """What went into the process of a product."""
        origin = self.origin(product)
        return self.processes[origin].inputs if origin != ZERO else ()

    def inputs_head(self, process: bytes) -> bytes:
        head = ZERO
        for lot, quantity in self.processes[process].inputs:
            head = keccak(encode(["bytes32", "bytes32", "uint96"], [head, lot, quantity]))
        return head

    def outputs_head(self, process: bytes) -> bytes:
        return chain(self.processes[process].outputs)

    def above(self, child: bytes) -> list[bytes]:
        """The assemblies around a part, from the inside."""
        found: list[bytes] = []
        while child in self.installed:
            child = self.installed[child][0]
            found.append(child)
        return found

    def view(self, process: bytes) -> dict[str, Any]:
        """What `processOf` returns."""
        facts = self.processes[process]
        return {
            "org": facts.org,
            "inputs": len(facts.inputs),
            "outputs": len(facts.outputs),
            "finalised": facts.finalised,
            "recalls": len(facts.recalls),
            "recall": facts.recall,
        }


def chain(items: Iterable[bytes]) -> bytes:
    """The hash chain over a list."""
    head = ZERO
    for item in items:
        head = keccak(encode(["bytes32", "bytes32"], [head, item]))
    return head


def graph(lots: LotsLedger, lineage: LineageLedger) -> nx.DiGraph:
    """What came of what."""
    found = nx.DiGraph()
    for lot, facts in lots.lots.items():
        found.add_node(lot)
        found.add_edges_from((lot, use) for use in facts.uses)
    for process, told in lineage.processes.items():
        found.add_node(process)
        found.add_edges_from((process, product) for product in told.outputs)
    return found


def reached(found: nx.DiGraph, seeds: Iterable[bytes]) -> set[bytes]:
    """The seeds and all that came of them."""
    return set().union(*({seed} | nx.descendants(found, seed) for seed in seeds))


def ancestors(lots: LotsLedger, lineage: LineageLedger, product: bytes) -> list[Ancestor]:
    """The complete list of what the product was made of, itself first."""
    sources = graph(lots, lineage)
    behind = nx.ancestors(sources, product) if product in sources else set()
    listed = [product, *sorted(thing for thing in behind if thing not in lineage.processes)]
    places = {thing: place for place, thing in enumerate(listed)}
    found = []
    for thing in listed:
        if thing in lots.units:
            found.append(Ancestor(thing, [places[lots.units[thing]]]))
        else:
            inputs = lineage.inputs(thing)
            found.append(Ancestor(thing, [places[lot] for lot, _ in inputs], [much for _, much in inputs]))
    return found


class Lineage:
    """The rules. Every function is called as that of the contract and returns the events that follow, those
    of Lots and Twins among them.
    """

    def __init__(self, address: str, ledger: LineageLedger, lots: Lots) -> None:
        self.address = address
        self.ledger = ledger
        self.lots = lots
        self.consortium = lots.consortium

    @property
    def now(self) -> int:
        return self.consortium.now

    # Processes

    def transform(
        self,
        transformation_id: bytes,
        inputs: Sequence[tuple[bytes, int]],
        outputs: Sequence[Commission],
        parts: Sequence[bytes],
        finalise: bool,
        ref: EventRef,
        *,
        sender: str,
    ) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.REGISTER)
        process = process_id(org, transformation_id)
        if process in self.ledger.processes:
            no.final("ProcessExists", process)
        opened = {"process": process, "org": org, "transformationId": transformation_id, "caller": sender}
        told = self._told(no, process, org, inputs, outputs, parts, ref, sender)
        end = [self._finalised(process, org, sender, 0, ref)] if finalise else []
        return self._happened(no, ("ProcessOpened", opened), *told, *end)

    def addInputs(  # noqa: N802
        self, process: bytes, inputs: Sequence[tuple[bytes, int]], ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = self._objections(ref)
        org = self._open(no, process, sender)
        return self._happened(no, *self._told(no, process, org, inputs, (), (), ref, sender))

    def addOutputs(  # noqa: N802
        self,
        process: bytes,
        outputs: Sequence[Commission],
        parts: Sequence[bytes],
        ref: EventRef,
        *,
        sender: str,
    ) -> list[Fact]:
        no = self._objections(ref)
        org = self._open(no, process, sender)
        return self._happened(no, *self._told(no, process, org, (), outputs, parts, ref, sender))

    def finalise(self, process: bytes, share: int, ref: EventRef, *, sender: str) -> list[Fact]:
        no = self._objections(ref)
        no.when(share > MAX_YIELD, "YieldOutOfRange", share)
        org = self._open(no, process, sender)
        return self._happened(no, self._finalised(process, org, sender, share, ref))

    def _told(
        self,
        no: Objections,
        process: bytes,
        org: int,
        inputs: Sequence[tuple[bytes, int]],
        outputs: Sequence[Commission],
        parts: Sequence[bytes],
        ref: EventRef,
        sender: str,
    ) -> list[Fact]:
        no.when(not inputs and not outputs and not parts, "NothingNamed")
        for place, part in enumerate(parts):
            twin = self.lots.twins.ledger.twins.get(part)
            maker = twin.maker if twin else 0
            origin = self.ledger.origin(part)
            if origin == ZERO:
                origin = process if part in parts[:place] else self.lots.ledger.units.get(part, ZERO)
            no.when(maker != org or origin != ZERO, "NotAnOutput", part, maker, origin)
        trial, facts = trial_of(self.lots), list[Fact]()
        try:
            for lot, quantity in inputs:
                facts += trial.useFor(sender, lot, quantity, process, sender=self.address)
                added = {"process": process, "lot": lot, "org": org, "quantity": quantity}
                facts.append(("InputAdded", added))
            for item in outputs:
                facts += trial.commissionLotFor(sender, item, process, ref, sender=self.address)
                facts.append(_output(process, keccak(text=item.uri), org))
        except Refused as refused:
            for error, values in refused.reasons:
                no.when(True, error, *values)
        facts += [_output(process, part, org) for part in parts]
        counts = {"inputs": len(inputs), "outputs": len(outputs) + len(parts), "ref": ref}
        return [*facts, ("Transformed", {"process": process, "org": org, "caller": sender, **counts})]

    def _finalised(self, process: bytes, org: int, sender: str, share: int, ref: EventRef) -> Fact:
        fact = {"process": process, "org": org, "caller": sender, "yield": share, "ref": ref}
        return "ProcessFinalised", fact

    def _open(self, no: Objections, process: bytes, sender: str) -> int:
        org = self.consortium.authorize(no, sender, Duty.REGISTER)
        facts = self.ledger.processes.get(process)
        if facts is None:
            no.final("UnknownProcess", process)
        no.when(facts.org != org, "NotProcessOwner", process, org, facts.org)
        ended = facts.finalised or bool(facts.recalls)
        no.when(ended, "ProcessEnded", process, facts.finalised, len(facts.recalls))
        return org

    # Associations

    def install(self, child: bytes, parent: bytes, ref: EventRef, *, sender: str) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.REGISTER)
        return self._happened(no, self._installed(no, child, parent, org, ref, sender))

    def remove(self, child: bytes, ref: EventRef, *, sender: str) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.REGISTER)
        return self._happened(no, self._removed(no, child, org, ref, sender))

    def replace(self, child: bytes, successor: bytes, ref: EventRef, *, sender: str) -> list[Fact]:
        no = self._objections(ref)
        org = self.consortium.authorize(no, sender, Duty.REGISTER)
        removed = self._removed(no, child, org, ref, sender)
        after = self.ledger.copy()
        after.apply(removed)
        then = Lineage(self.address, after, self.lots)
        installed = then._installed(no, successor, removed[1]["parent"], org, ref, sender)
        return self._happened(no, removed, installed)

    def _installed(
        self, no: Objections, child: bytes, parent: bytes, org: int, ref: EventRef, sender: str
    ) -> Fact:
        before = self.ledger.installed.get(child, NOWHERE)[0]
        no.when(before != ZERO, "AlreadyInstalled", child, before)
        twins = self.lots.twins.ledger.twins
        kinds = [twins[thing].kind if thing in twins else Kind.NONE for thing in (child, parent)]
        line = [child, parent, *self.ledger.above(parent)]
        fits = all(kind in INSTALLABLE for kind in kinds) and child not in line[1:] and len(line) <= MAX_DEPTH
        no.when(not fits, "NotInstallable", child, parent)
        self._together(no, child, parent, org)
        where = {"child": child, "parent": parent, "org": org, "caller": sender}
        return "Installed", where | {"since": self.now, "ref": ref}

    def _removed(self, no: Objections, child: bytes, org: int, ref: EventRef, sender: str) -> Fact:
        if child not in self.ledger.installed:
            no.final("NotInstalled", child)
        parent, _ = self.ledger.installed[child]
        self._together(no, child, parent, org)
        where = {"child": child, "parent": parent, "org": org, "caller": sender}
        return "Removed", where | {"until": self.now, "ref": ref}

    def _together(self, no: Objections, child: bytes, parent: bytes, org: int) -> None:
        of = [self.lots.twins.ledger.custodian(thing) for thing in (child, parent)]
        no.when(of != [org, org], "NotTogether", child, parent, *of)

    # Recalls

    def markRecalled(self, processes: Sequence[bytes], recall: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        self.consortium.authorize(no, sender, Duty.RECALL, roles=Role.MODULE)
        for process in processes:
            no.when(process not in self.ledger.processes, "UnknownProcess", process)
        no.settle()
        new = [id_ for id_ in dict.fromkeys(processes) if recall not in self.ledger.processes[id_].recalls]
        return self._happened(no, *(("ProcessRecalled", {"process": id_, "recall": recall}) for id_ in new))

    def unmarkRecalled(self, processes: Sequence[bytes], recall: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        self.consortium.authorize(no, sender, Duty.RECALL, roles=Role.MODULE)
        known = [id_ for id_ in dict.fromkeys(processes) if id_ in self.ledger.processes]
        members = [id_ for id_ in known if recall in self.ledger.processes[id_].recalls]
        facts = [("ProcessRecallLifted", {"process": id_, "recall": recall}) for id_ in members]
        return self._happened(no, *facts)

    # Reading

    def ancestorsComplete(self, listed: Sequence[Ancestor]) -> bool:  # noqa: N802
        """Does the list name for each of its products all that it was made of?"""
        lots, twins = self.lots.ledger, self.lots.twins.ledger.twins
        if not listed or not (listed[0].product in lots.lots or listed[0].product in twins):
            return False
        if any(place >= len(listed) for each in listed for place in each.inputs):
            return False
        for product, places, quantities in listed:
            named = [listed[place].product for place in places]
            if product in lots.units:
                complete = named == [lots.units[product]]
            else:
                inputs = self.ledger.inputs(product)
                complete = (named, list(quantities)) == ([lot for lot, _ in inputs], [q for _, q in inputs])
            if not complete:
                return False
        return True

    # Checks

    def _objections(self, ref: EventRef) -> Objections:
        no = Objections()
        time = ref.stamp >> 24
        no.when(time > self.now, "EventInFuture", time, self.now)
        return no

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.apply(fact)
        return list(facts)

    def apply(self, fact: Fact) -> None:
        """An event of one of the three contracts."""
        if fact[0] in EVENTS:
            self.ledger.apply(fact)
        else:
            self.lots.apply(fact)


EVENTS = {
    "ProcessOpened", "InputAdded", "OutputAdded", "Transformed", "ProcessFinalised", "ProcessRecalled",
    "ProcessRecallLifted", "Installed", "Removed",
}  # fmt: skip


def process_id(org: int, transformation_id: bytes) -> bytes:
    return keccak(encode(["uint32", "bytes32"], [org, transformation_id]))


def trial_of(lots: Lots) -> Lots:
    """The same rules on copies, to see what would happen."""
    return Lots(
        lots.address, lots.number, lots.ledger.copy(), Twins(lots.twins.ledger.copy(), lots.consortium)
    )


def _output(process: bytes, product: bytes, org: int) -> Fact:
    return "OutputAdded", {"process": process, "product": product, "org": org}
