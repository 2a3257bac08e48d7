"""The model of `DesignControl`, written from ISO 13485:2016, 7.3, and IDesignControl: a graph of items.

Nothing is counted here. Items are nodes and links are edges, with the revisions that both ends had. What
holds a gate is asked of the graph each time, edge by edge: an edge whose ends have moved on says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, NamedTuple

import networkx as nx
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.models.rules import Fact, Objections
from tests.models.twins import Twins
from tests.support.words import Duty

NOTHING = bytes(32)
REOPENED = keccak(text="DESIGN_REOPENED")[:4]
MAJOR = 2
DOMAIN_TYPE = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
APPROVAL_TYPE = keccak(
    text="Approval(bytes32 design,uint8 gate,uint32 change,bytes32 record,uint32 edition,uint40 deadline)"
)


class Kind(IntEnum):
    """`IDesignControl.Kind`."""

    NONE = 0
    NEED = 1
    RISK = 2
    INPUT = 3
    OUTPUT = 4
    VERIFICATION = 5
    VALIDATION = 6


class Gate(IntEnum):
    """`IDesignControl.Gate`."""

    NONE = 0
    PLANNING = 1
    INPUTS = 2
    OUTPUTS = 3
    REVIEW = 4
    VERIFICATION = 5
    VALIDATION = 6
    TRANSFER = 7


class Source(IntEnum):
    """`IDesignControl.Source`."""

    WITHDRAWN = 0
    DOCUMENT = 1
    RECORD = 2


class Result(IntEnum):
    """`IDesignControl.Result`."""

    NONE = 0
    PASSED = 1
    FAILED = 2


class State(IntEnum):
    """`IDesignControl.ChangeState`."""

    NONE = 0
    OPEN = 1
    APPROVED = 2
    DISMISSED = 3


class Obstacle(IntEnum):
    """`IDesignControl.Obstacle`."""

    NONE = 0
    NO_PROJECT = 1
    INPUTS = 2
    OUTPUTS = 3
    VERIFICATION = 4
    VALIDATION = 5
    GATES = 6
    CHANGES = 7
    TWIN = 8
    TRANSFERRED = 9


BEHIND = {
    Kind.NEED: Gate.INPUTS,
    Kind.RISK: Gate.INPUTS,
    Kind.INPUT: Gate.INPUTS,
    Kind.OUTPUT: Gate.OUTPUTS,
    Kind.VERIFICATION: Gate.VERIFICATION,
    Kind.VALIDATION: Gate.VALIDATION,
}
"""The gate that lets items of a kind pass."""

ABOUT: dict[Gate, tuple[Kind, ...]] = {
    Gate.NONE: (),
    Gate.PLANNING: (Kind.NONE,),
    Gate.INPUTS: (Kind.NEED, Kind.RISK, Kind.INPUT),
    Gate.OUTPUTS: (Kind.OUTPUT,),
    Gate.REVIEW: (Kind.NEED, Kind.RISK, Kind.INPUT, Kind.OUTPUT),
    Gate.VERIFICATION: (Kind.VERIFICATION,),
    Gate.VALIDATION: (Kind.VALIDATION,),
    Gate.TRANSFER: (Kind.OUTPUT,),
}
"""Of what somebody who passes the gate has written nothing."""

RELATIONS = {
    (Kind.INPUT, Kind.NEED): "answers",
    (Kind.INPUT, Kind.RISK): "controls",
    (Kind.OUTPUT, Kind.INPUT): "fulfils",
    (Kind.VERIFICATION, Kind.INPUT): "covers",
    (Kind.VERIFICATION, Kind.OUTPUT): "covers",
    (Kind.VALIDATION, Kind.NEED): "covers",
}
TESTS = (Kind.VERIFICATION, Kind.VALIDATION)
HELD_GATES = (Gate.INPUTS, Gate.OUTPUTS, Gate.VERIFICATION, Gate.VALIDATION)


class Forms(NamedTuple):
    """`IDesignControl.Forms`."""

    review: bytes = NOTHING
    verification: bytes = NOTHING
    validation: bytes = NOTHING
    change: bytes = NOTHING


class Revision(NamedTuple):
    """`IDesignControl.Revision`."""

    item: bytes
    kind: int
    source: int
    revision: int
    content: bytes


class Neighbours(NamedTuple):
    """`IDesignControl.Neighbours`."""

    up: list[bytes]
    down: list[bytes]


class Approval(NamedTuple):
    """`IDesignControl.Approval`."""

    design: bytes
    gate: int
    change: int
    record: bytes
    edition: int
    deadline: int

    def digest(self, contract: str, chain_id: int) -> bytes:
        """What is signed, for that contract on that chain."""
        names = keccak(text="Goldthread DesignControl"), keccak(text="1")
        domain = encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"], [DOMAIN_TYPE, *names, chain_id, contract]
        )
        kinds = ["bytes32", "bytes32", "uint8", "uint32", "bytes32", "uint32", "uint40"]
        return keccak(b"\x19\x01" + keccak(domain) + keccak(encode(kinds, [APPROVAL_TYPE, *self])))


def hash_of(revisions: Sequence[Revision]) -> bytes:
    """What is kept of the revisions of a change."""
    return keccak(encode(["(bytes32,uint8,uint8,uint16,bytes32)[]"], [[tuple(r) for r in revisions]]))


# ---------------------------------------------------------------------------------------------------- records


@dataclass(frozen=True)
class Entry:
    """What a project asks of a record."""

    subject: bytes
    schema: bytes
    author: str
    time: int
    signers: frozenset[str] = frozenset()
    superseded: bool = False


@dataclass
class Library:
    """The records, as far as they are evidence."""

    entries: dict[bytes, Entry] = field(default_factory=dict)
    schemas: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    """Line of each schema, and how many second persons sign."""

    def copy(self) -> Library:
        return Library(dict(self.entries), dict(self.schemas))

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "SchemaDefined":
                line = keccak(encode(["uint32", "string"], [a["org"], a["name"]]))
                self.schemas[a["schema"]] = line, a["terms"].secondPersons
            case "RecordWritten":
                s = a["statement"]
                self.entries[a["record"]] = Entry(s.subject, s.schema, a["author"], a["time"])
            case "Countersigned":
                entry = self.entries[a["record"]]
                self.entries[a["record"]] = replace(entry, signers=entry.signers | {a["signer"]})
            case "RecordSuperseded":
                self.entries[a["record"]] = replace(self.entries[a["record"]], superseded=True)

    def complete(self, record: bytes) -> bool:
        entry = self.entries.get(record)
        if entry is None or entry.superseded:
            return False
        return len(entry.signers) >= self.schemas[entry.schema][1]


# --------------------------------------------------------------------------------------------------- projects


@dataclass
class Change:
    """What is kept of a change."""

    author: str
    state: State
    time: int
    revisions: list[Revision]

    @property
    def view(self) -> tuple[Any, ...]:
        return self.author, self.state, self.time, hash_of(self.revisions)


@dataclass
class File:
    """A design file."""

    forms: Forms = field(default_factory=Forms)
    edition: int = 0
    stage: Gate = Gate.NONE
    baseline: Gate = Gate.NONE
    version: int = 0
    reopened_at: int = 0
    graph: nx.DiGraph[bytes] = field(default_factory=nx.DiGraph)
    changes: dict[int, Change] = field(default_factory=dict)
    evidence: dict[Gate, bytes] = field(default_factory=dict)
    authored: dict[str, set[Kind]] = field(default_factory=dict)

    def revision(self, item: bytes) -> int:
        return int(self.graph.nodes[item]["revision"]) if item in self.graph else 0

    def kind(self, item: bytes) -> Kind:
        return Kind(self.graph.nodes[item]["kind"]) if item in self.graph else Kind.NONE

    def lives(self, item: bytes) -> bool:
        return item in self.graph and self.graph.nodes[item]["source"] != Source.WITHDRAWN

    @property
    def items(self) -> list[bytes]:
        return [item for item in self.graph if self.lives(item)]

    def of(self, *kinds: Kind) -> list[bytes]:
        return [item for item in self.items if self.kind(item) in kinds]

    def is_current(self, start: bytes, end: bytes) -> bool:
        edge = self.graph.get_edge_data(start, end)
        if edge is None:
            return False
        return bool(edge["revisions"] == (self.revision(start), self.revision(end)))

    def up(self, item: bytes) -> list[bytes]:
        """What it answers, controls, fulfils or covers."""
        found = self.graph.successors(item) if item in self.graph else ()
        return sorted(end for end in found if self.is_current(item, end))

    def down(self, item: bytes) -> list[bytes]:
        """What answers, controls, fulfils or covers it."""
        found = self.graph.predecessors(item) if item in self.graph else ()
        return sorted(start for start in found if self.is_current(start, item))

    def tests(self, item: bytes) -> list[bytes]:
        return [start for start in self.down(item) if self.kind(start) in TESTS]

    def answers(self, item: bytes) -> list[bytes]:
        return [start for start in self.down(item) if self.kind(start) not in TESTS]

    def passed(self, item: bytes) -> list[bytes]:
        return [t for t in self.tests(item) if self.graph.edges[t, item]["result"] == Result.PASSED]

    def holders(self, gate: Gate) -> set[bytes]:
        """The items that hold a gate."""
        match gate:
            case Gate.INPUTS:
                unmet = {i for i in self.of(Kind.NEED, Kind.RISK) if not self.answers(i)}
                return unmet | {i for i in self.of(Kind.INPUT) if not self.up(i)}
            case Gate.OUTPUTS:
                unmet = {i for i in self.of(Kind.INPUT) if not self.answers(i)}
                return unmet | {i for i in self.of(Kind.OUTPUT) if not self.up(i)}
            case Gate.VERIFICATION:
                idle = {i for i in self.of(Kind.VERIFICATION) if not self.up(i)}
                untested = {i for i in self.of(Kind.INPUT) if not self.tests(i)}
                return idle | untested | self._failing(Kind.INPUT, Kind.OUTPUT)
            case Gate.VALIDATION:
                idle = {i for i in self.of(Kind.VALIDATION) if not self.up(i)}
                untested = {i for i in self.of(Kind.NEED) if not self.tests(i)}
                return idle | untested | self._failing(Kind.NEED)
        return set()

    def _failing(self, *kinds: Kind) -> set[bytes]:
        return {i for i in self.of(*kinds) if len(self.passed(i)) < len(self.tests(i))}

    def limit(self) -> Gate:
        """The last gate before all that are held."""
        held = [gate for gate in HELD_GATES if self.holders(gate)]
        return Gate(held[0] - 1) if held else Gate.TRANSFER

    def open_changes(self) -> int:
        return sum(change.state == State.OPEN for change in self.changes.values())

    def neighbours(self, item: bytes) -> Neighbours:
        return Neighbours(self.up(item), self.down(item))

    def neighbours_of(self, revisions: Sequence[Revision]) -> list[Neighbours]:
        """Of each of several items, when they are revised one after the other."""
        file, found = deepcopy(self), []
        for r in revisions:
            found.append(file.neighbours(r.item))
            file.revise(r, "")
        return found

    def revise(self, r: Revision, author: str) -> None:
        facts = {"kind": Kind(r.kind), "source": Source(r.source), "revision": r.revision}
        self.graph.add_node(r.item, **facts, content=r.content, author=author)

    def wrote(self, account: str, kind: Kind) -> None:
        self.authored.setdefault(account, set()).add(kind)

    def bits(self, account: str, gate: Gate | None = None) -> int:
        kinds = self.authored.get(account, set())
        return sum(1 << kind for kind in kinds if gate is None or kind in ABOUT[gate])

    def view(self) -> tuple[Any, ...]:
        """`IDesignControl.Project`."""
        held = (len(self.holders(gate)) for gate in HELD_GATES)
        changes = len(self.changes), self.open_changes()
        where = self.stage, self.baseline, self.version, *changes, self.reopened_at, self.edition
        return *where, len(self.of(Kind.NEED)), *held

    def row(self, item: bytes) -> tuple[Any, ...]:
        """`IDesignControl.Item`."""
        node = self.graph.nodes[item]
        links = len(self.up(item)), len(self.answers(item)), len(self.tests(item)), len(self.passed(item))
        return node["author"], node["kind"], node["source"], node["revision"], *links, node["content"]


@dataclass
class DesignLedger:
    """What the events of a DesignControl contract add up to."""

    files: dict[bytes, File] = field(default_factory=dict)

    def file(self, design: bytes) -> File:
        return self.files.get(design, File())

    def apply(self, fact: Fact) -> None:
        name, a = fact
        if name == "Alert":
            return
        file = self.files.setdefault(a["design"], File())
        if name != "Reopened":
            assert a["edition"] == file.edition + 1, "a step is missing"
        file.edition = a["edition"]
        match name:
            case "ProjectPlanned":
                if a["edition"] == 1:
                    file.reopened_at = a["time"]
                file.forms = Forms(*a["forms"])
                file.wrote(a["caller"], Kind.NONE)
                file.wrote(a["author"], Kind.NONE)
            case "ItemRevised":
                r = Revision(a["item"], a["kind"], a["source"], a["revision"], a["content"])
                file.revise(r, a["author"])
                file.wrote(a["author"], Kind(a["kind"]))
            case "Linked":
                revisions = a["fromRevision"], a["toRevision"]
                facts = {"revisions": revisions, "result": Result.NONE, "since": a["time"], "record": NOTHING}
                file.graph.add_edge(a["from"], a["to"], **facts)
                file.wrote(a["caller"], file.kind(a["from"]))
            case "Reported":
                edge = file.graph.edges[a["test"], a["item"]]
                edge["result"] = Result.PASSED if a["passed"] else Result.FAILED
                edge["since"], edge["record"] = a["time"], a["record"]
                for account in (a["caller"], a["author"]):
                    file.wrote(account, file.kind(a["test"]))
            case "ResultLapsed":
                file.graph.edges[a["test"], a["item"]]["result"] = Result.NONE
            case "GatePassed":
                file.stage, file.version = Gate(a["gate"]), a["version"]
                file.baseline = max(file.baseline, file.stage)
                file.evidence[file.stage] = a["record"]
            case "GateLapsed":
                pass
            case "Reopened":
                file.stage, file.reopened_at = Gate(a["stage"]), a["time"]
            case "ChangeProposed":
                revisions_ = [Revision(*r) for r in a["revisions"]]
                file.changes[a["change"]] = Change(a["caller"], State.OPEN, a["time"], revisions_)
            case "ChangeApproved":
                file.changes[a["change"]].state = State.APPROVED
            case "ChangeDismissed":
                file.changes[a["change"]].state = State.DISMISSED
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def copy(self) -> DesignLedger:
        return deepcopy(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DesignLedger) and self.plain() == other.plain()

    def plain(self) -> Any:
        """Everything, in what can be compared."""
        return {
            design: (
                file.forms, file.edition, file.stage, file.baseline, file.version, file.reopened_at,
                dict(file.graph.nodes.data()), {(a, b): edge for a, b, edge in file.graph.edges.data()},
                file.changes, file.evidence, file.authored,
            )
            for design, file in self.files.items()
        }  # fmt: skip


class DesignControl:
    """The rules."""

    def __init__(self, ledger: DesignLedger, library: Library, twins: Twins) -> None:
        self.ledger = ledger
        self.library = library
        self.twins = twins
        self.consortium = twins.consortium
        self.signatures: dict[bytes, tuple[bytes, Approval]] = {}
        """Signer and message of every signature that was really made."""
        self.digests: dict[Approval, bytes] = {}

    @property
    def now(self) -> int:
        return self.consortium.now

    # What is asked

    def obstacle(self, design: bytes) -> tuple[Obstacle, int]:
        """What speaks against the transfer."""
        file = self.ledger.files.get(design)
        if file is None:
            return Obstacle.NO_PROJECT, 0
        for gate in HELD_GATES:
            if held := file.holders(gate):
                return Obstacle[gate.name], len(held)
        if file.stage < Gate.VALIDATION:
            return Obstacle.GATES, Gate.VALIDATION - file.stage
        if file.open_changes():
            return Obstacle.CHANGES, file.open_changes()
        if self.twins.ledger.cause(design):
            return Obstacle.TWIN, 1
        if file.stage == Gate.TRANSFER:
            return Obstacle.TRANSFERRED, file.version
        return Obstacle.NONE, 0

    # What is done

    def plan(self, design: bytes, record: bytes, forms: Forms, *, sender: str) -> list[Fact]:
        no, org = self._owner(design, Duty.RECORD, sender)
        twin = self.twins.ledger.twins.get(design)
        kind, end = (twin.kind, twin.end) if twin else (0, 0)
        no.when(kind != 5 or end != 0, "NotADesign", design, kind, end)
        author = self._evidence(no, design, record, NOTHING, 0)
        no.settle()
        steps = self._steps(design, org, sender)
        what = {"record": record, "caller": sender, "author": author, "forms": forms, "time": self.now}
        steps.tell("ProjectPlanned", **what)
        return steps.done(Gate.NONE, record)

    def draft(
        self, design: bytes, revisions: list[Revision], neighbours: list[Neighbours], *, sender: str
    ) -> list[Fact]:
        no, org = self._owner(design, Duty.RECORD, sender)
        file = self._known(no, design)
        lists = len(revisions), len(neighbours)
        no.when(lists[0] != lists[1] or lists[0] == 0, "RevisionsDiffer", *lists)
        first = min((BEHIND.get(Kind(r.kind), Gate.NONE) for r in revisions), default=Gate.TRANSFER)
        no.when(file.baseline >= first, "Baselined", design, first, file.baseline)
        steps = self._steps(design, org, sender)
        self._revise(no, steps, revisions, neighbours, sender, 0)
        no.settle()
        return steps.done(Gate.TRANSFER, NOTHING)

    def link(self, design: bytes, pairs: list[tuple[bytes, bytes]], *, sender: str) -> list[Fact]:
        no, org = self._owner(design, Duty.RECORD, sender)
        self._known(no, design)
        steps = self._steps(design, org, sender)
        for start, end in pairs:
            file = steps.file
            for item in (start, end):
                if not file.lives(item):
                    no.final("UnknownItem", design, item)
            kinds = file.kind(start), file.kind(end)
            no.when(kinds not in RELATIONS, "WrongLink", start, kinds[0], end, kinds[1])
            gate = BEHIND[kinds[0]]
            no.when(file.stage >= gate, "GateClosed", design, start, gate)
            no.when(file.is_current(start, end), "AlreadyLinked", design, start, end)
            no.settle()
            revisions = {"fromRevision": file.revision(start), "toRevision": file.revision(end)}
            steps.tell("Linked", **{"from": start, "caller": sender, "to": end}, **revisions, time=self.now)
        no.settle()
        return steps.done(Gate.TRANSFER, NOTHING)

    def report(
        self, design: bytes, test: bytes, record: bytes, findings: list[tuple[bytes, bool]], *, sender: str
    ) -> list[Fact]:
        no, org = self._owner(design, Duty.RECORD, sender)
        file = self._known(no, design)
        no.when(file.stage < Gate.REVIEW, "NotReviewed", design, file.stage)
        if not file.lives(test):
            no.final("UnknownItem", design, test)
        if file.kind(test) not in TESTS:
            no.final("NotATest", design, test, file.kind(test))
        verification = file.kind(test) == Kind.VERIFICATION
        form = file.forms.verification if verification else file.forms.validation
        author = self._evidence(no, design, record, form, 0)
        no.settle()
        steps, written = self._steps(design, org, sender), self.library.entries[record].time
        for item, passed in findings:
            if not steps.file.is_current(test, item):
                no.final("NotLinked", design, test, item)
            edge = steps.file.graph.edges[test, item]
            no.when(edge["record"] == record, "SameRecord", design, test, item, record)
            no.when(written < edge["since"], "EvidenceTooOld", record, written, edge["since"])
            no.settle()
            what = {"caller": sender, "author": author, "item": item, "passed": passed, "record": record}
            steps.tell("Reported", test=test, **what, time=self.now)
        return steps.done(Gate.TRANSFER, record)

    def lapse(self, design: bytes, test: bytes, item: bytes, *, sender: str) -> list[Fact]:
        no, file = Objections(), self.ledger.file(design)
        if not file.is_current(test, item):
            no.final("NotLinked", design, test, item)
        edge = file.graph.edges[test, item]
        no.when(edge["result"] == Result.NONE, "NoResult", design, test, item)
        no.when(self.library.complete(edge["record"]), "StillComplete", design, edge["record"])
        no.settle()
        steps = self._steps(design, self._title(design), sender)
        steps.tell("ResultLapsed", test=test, caller=sender, item=item, record=edge["record"])
        return steps.done(Gate.TRANSFER, edge["record"])

    def lapseGate(self, design: bytes, gate: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        file = self._known(no, design)
        if not 0 < gate <= file.stage:
            no.final("GateNotPassed", design, gate, file.stage)
        record = file.evidence[Gate(gate)]
        no.when(self.library.complete(record), "StillComplete", design, record)
        no.settle()
        steps = self._steps(design, self._title(design), sender)
        steps.tell("GateLapsed", gate=gate, caller=sender, record=record)
        return steps.done(Gate(gate - 1), record)

    def passGate(  # noqa: N802
        self, design: bytes, gate: int, record: bytes, edition: int, *, sender: str
    ) -> list[Fact]:
        return self._pass(Objections(), design, gate, record, edition, sender, sender)

    def passGateSigned(  # noqa: N802
        self, approval: Approval, signer: bytes, signature: bytes, *, sender: str
    ) -> list[Fact]:
        a = approval
        no, account = self._signed(a, signer, signature)
        no.when(a.change != 0, "WrongApproval", a.design, a.gate, a.change)
        return self._pass(no, a.design, a.gate, a.record, a.edition, account, sender)

    def proposeChange(  # noqa: N802
        self, design: bytes, record: bytes, revisions: list[Revision], *, sender: str
    ) -> list[Fact]:
        no, org = self._owner(design, Duty.RECORD, sender)
        file = self._known(no, design)
        no.when(not revisions, "RevisionsDiffer", 0, 0)
        self._evidence(no, design, record, file.forms.change, 0)
        no.settle()
        steps, number = self._steps(design, org, sender), len(file.changes) + 1
        what = {"caller": sender, "record": record, "revisions": revisions, "time": self.now}
        steps.tell("ChangeProposed", change=number, **what)
        return steps.done(Gate.TRANSFER, NOTHING)

    def approveChange(  # noqa: N802
        self, design: bytes, change: int, record: bytes, edition: int, revisions: list[Revision],
        neighbours: list[Neighbours], *, sender: str,
    ) -> list[Fact]:  # fmt: skip
        return self._approve(
            Objections(), design, change, record, edition, revisions, neighbours, sender, sender
        )

    def approveChangeSigned(  # noqa: N802
        self, approval: Approval, revisions: list[Revision], neighbours: list[Neighbours], signer: bytes,
        signature: bytes, *, sender: str,
    ) -> list[Fact]:  # fmt: skip
        a = approval
        no, account = self._signed(a, signer, signature)
        no.when(a.gate != 0, "WrongApproval", a.design, a.gate, a.change)
        where = a.design, a.change, a.record, a.edition
        return self._approve(no, *where, revisions, neighbours, account, sender)

    def dismissChange(  # noqa: N802
        self, design: bytes, change: int, record: bytes, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        file = self._known(no, design)
        found = self._open(no, file, design, change)
        duty = Duty.RECORD if sender == found.author else Duty.QUALITY
        no, org = self._owner(design, duty, sender)
        self._evidence(no, design, record, NOTHING, found.time)
        no.settle()
        steps = self._steps(design, org, sender)
        steps.tell("ChangeDismissed", change=change, caller=sender, record=record)
        return steps.done(Gate.TRANSFER, NOTHING)

    # What they share

    def _pass(
        self, no: Objections, design: bytes, gate: int, record: bytes, edition: int, account: str, caller: str
    ) -> list[Fact]:
        file, org = self._seen(no, design, edition, account)
        due = Gate.NONE if file.stage == Gate.TRANSFER else Gate(file.stage + 1)
        if gate != due or gate == Gate.NONE:
            no.final("WrongGate", design, due, gate)
        wrote = file.bits(account, due)
        no.when(wrote != 0, "NotIndependent", design, gate, account, wrote)
        self._evidence(no, design, record, file.forms.review, file.reopened_at)
        no.when(due == Gate.INPUTS and not file.of(Kind.NEED), "NoNeeds", design)
        held = len(file.holders(due))
        no.when(held != 0, "GateHeld", design, gate, held)
        version = file.version
        if due == Gate.TRANSFER:
            no.when(file.open_changes() != 0, "ChangesOpen", design, file.open_changes())
            cause = self.twins.ledger.cause(design)
            no.when(bool(cause), "NotClear", design, cause)
            version += 1
        no.settle()
        steps = self._steps(design, org, caller)
        what = {"gate": gate, "approver": account, "caller": caller, "record": record, "version": version}
        steps.tell("GatePassed", **what)
        return steps.done(Gate.TRANSFER, NOTHING)

    def _approve(
        self, no: Objections, design: bytes, change: int, record: bytes, edition: int,
        revisions: list[Revision], neighbours: list[Neighbours], account: str, caller: str,
    ) -> list[Fact]:  # fmt: skip
        file, org = self._seen(no, design, edition, account)
        found = self._open(no, file, design, change)
        if list(revisions) != found.revisions:
            hashes = hash_of(found.revisions), hash_of(revisions)
            no.final("OtherRevisions", design, change, *hashes)
        authors = {found.author}
        for r in revisions:
            authors.add(self._author(no, design, r, found.author))
        no.when(account in authors, "SamePerson", design, change, account)
        self._evidence(no, design, record, file.forms.review, found.time)
        lists = len(revisions), len(neighbours)
        no.when(lists[0] != lists[1], "RevisionsDiffer", *lists)
        steps = self._steps(design, org, caller)
        self._revise(no, steps, revisions, neighbours, found.author, change)
        no.settle()
        what = {"approver": account, "caller": caller, "record": record}
        steps.tell("ChangeApproved", change=change, **what)
        earliest = min(BEHIND[Kind(r.kind)] for r in revisions)
        return steps.done(Gate(earliest - 1), record)

    def _revise(
        self, no: Objections, steps: Steps, revisions: list[Revision], neighbours: list[Neighbours],
        author: str, change: int,
    ) -> None:  # fmt: skip
        design = steps.design
        for r, near in zip(revisions, neighbours, strict=False):
            file = steps.file
            known, goes = file.revision(r.item), r.source == Source.WITHDRAWN
            whole = r.item != NOTHING and r.kind != Kind.NONE and goes == (r.content == NOTHING)
            no.when(not whole, "IncompleteItem", r.item, r.kind, r.source, r.content)
            kind = file.kind(r.item)
            no.when(known != 0 and kind != r.kind, "OtherKind", design, r.item, kind, r.kind)
            following = known + 1
            no.when(r.revision != following, "NotNextRevision", design, r.item, following, r.revision)
            no.when(goes and not file.lives(r.item), "UnknownItem", design, r.item)
            who = self._author(no, design, r, author)
            self._compare(no, file, design, r.item, near)
            no.settle()
            facts = {"kind": r.kind, "source": r.source, "revision": r.revision, "content": r.content}
            what = {"item": r.item, "caller": steps.caller, "author": who}
            steps.tell("ItemRevised", **what, **facts, change=change)

    def _compare(self, no: Objections, file: File, design: bytes, item: bytes, given: Neighbours) -> None:
        """Is that what the graph says?"""
        there = file.neighbours(item)
        counts = [len(there.up), len(given[0]), len(there.down), len(given[1])]
        no.when(counts[::2] != counts[1::2], "WrongNeighbours", design, item, *counts)
        for ups, names in ((True, given[0]), (False, given[1])):
            last = NOTHING
            for name in names:
                no.when(name <= last, "NotAscending", last, name)
                ends = (item, name) if ups else (name, item)
                no.when(not file.is_current(*ends), "NotLinked", design, *ends)
                last = name

    def _author(self, no: Objections, design: bytes, r: Revision, author: str) -> str:
        return self._evidence(no, design, r.content, NOTHING, 0) if r.source == Source.RECORD else author

    def _evidence(self, no: Objections, design: bytes, record: bytes, form: bytes, since: int) -> str:
        """The author of a record, if it will do."""
        entry = self.library.entries.get(record)
        if entry is None:
            no.when(True, "NotEvidence", design, record, NOTHING, NOTHING, form, False)
            return ""
        complete = self.library.complete(record)
        forms = NOTHING, entry.schema, self.library.schemas[entry.schema][0]
        fits = complete and entry.subject == design and form in forms
        facts = entry.subject, entry.schema, form, complete
        no.when(not fits, "NotEvidence", design, record, *facts)
        no.when(entry.time < since, "EvidenceTooOld", record, entry.time, since)
        return entry.author

    def _signed(self, a: Approval, signer: bytes, signature: bytes) -> tuple[Objections, str]:
        no = Objections()
        no.when(self.now > a.deadline, "DeadlinePassed", a.design, a.deadline, self.now)
        no.when(self.signatures.get(signature) != (signer, a), "InvalidApproval", self.digests[a], signer)
        return no, to_checksum_address(signer if len(signer) == 20 else keccak(signer)[12:])

    def _seen(self, no: Objections, design: bytes, edition: int, account: str) -> tuple[File, int]:
        org = self.consortium.authorize(no, account, Duty.QUALITY)
        no.when(org != self._title(design), "NotDesignOwner", design, org, self._title(design))
        file = self._known(no, design)
        no.when(edition != file.edition, "EditionMoved", design, file.edition, edition)
        return file, org

    def _open(self, no: Objections, file: File, design: bytes, change: int) -> Change:
        found = file.changes.get(change)
        if found is None:
            no.final("UnknownChange", design, change)
        if found.state != State.OPEN:
            no.final("ChangeClosed", design, change, found.state)
        return found

    def _known(self, no: Objections, design: bytes) -> File:
        file = self.ledger.files.get(design)
        if file is None:
            no.final("UnknownProject", design)
        return file

    def _owner(self, design: bytes, duty: Duty, sender: str) -> tuple[Objections, int]:
        no = Objections()
        org = self.consortium.authorize(no, sender, duty)
        no.when(org != self._title(design), "NotDesignOwner", design, org, self._title(design))
        return no, org

    def _title(self, design: bytes) -> int:
        twin = self.twins.ledger.twins.get(design)
        return twin.owner if twin else 0

    def _steps(self, design: bytes, org: int, caller: str) -> Steps:
        return Steps(self, design, org, caller)


class Steps:
    """Steps that a call makes, each of which sees those before it; none counts until all are done."""

    def __init__(self, model: DesignControl, design: bytes, org: int, caller: str) -> None:
        self.model, self.design, self.org, self.caller = model, design, org, caller
        self.ledger = model.ledger.copy()
        self.facts: list[Fact] = []

    @property
    def file(self) -> File:
        return self.ledger.file(self.design)

    def tell(self, name: str, **what: Any) -> None:
        edition = self.file.edition + (name != "Reopened")
        fact = name, {"design": self.design, "org": self.org, **what, "edition": edition}
        self.ledger.apply(fact)
        self.facts.append(fact)

    def done(self, most: Gate, ref: bytes) -> list[Fact]:
        """All of them, and what follows: nothing is behind a gate that is held."""
        was, stage = self.file.stage, min(most, self.file.limit())
        if was > stage:
            self.tell("Reopened", stage=stage, caller=self.caller, time=self.model.now)
            if was == Gate.TRANSFER:
                alert = {"subject": self.design, "code": REOPENED, "org": self.org}
                self.facts.append(("Alert", alert | {"severity": MAJOR, "ref": ref}))
        self.model.ledger.files = self.ledger.files
        return self.facts
