"""Rebuilds the state of DesignControl from its events: design files with items, links, gates and changes.

What an item holds is asked of its current links. `Project` is also what the trace matrix is made from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.abi import encode_values, load
from goldthread.chain.logs import Event
from goldthread.chain.words import ChangeState, DesignResult, Gate, ItemKind, Source
from goldthread.hashing import keccak

BEHIND = {
    ItemKind.NEED: Gate.INPUTS,
    ItemKind.RISK: Gate.INPUTS,
    ItemKind.INPUT: Gate.INPUTS,
    ItemKind.OUTPUT: Gate.OUTPUTS,
    ItemKind.VERIFICATION: Gate.VERIFICATION,
    ItemKind.VALIDATION: Gate.VALIDATION,
}
"""The gate that each kind of items is behind."""

RELATIONS = {
    (ItemKind.INPUT, ItemKind.NEED): "answers",
    (ItemKind.INPUT, ItemKind.RISK): "controls",
    (ItemKind.OUTPUT, ItemKind.INPUT): "fulfils",
    (ItemKind.VERIFICATION, ItemKind.INPUT): "covers",
    (ItemKind.VERIFICATION, ItemKind.OUTPUT): "covers",
    (ItemKind.VALIDATION, ItemKind.NEED): "covers",
}
"""Which items are linked, and what that means."""

HELD = (Gate.INPUTS, Gate.OUTPUTS, Gate.VERIFICATION, Gate.VALIDATION)
"""The gates that items can hold."""

TESTS = (ItemKind.VERIFICATION, ItemKind.VALIDATION)

_ABOUT = {
    Gate.PLANNING: (ItemKind.NONE,),
    Gate.INPUTS: (ItemKind.NEED, ItemKind.RISK, ItemKind.INPUT),
    Gate.OUTPUTS: (ItemKind.OUTPUT,),
    Gate.REVIEW: (ItemKind.NEED, ItemKind.RISK, ItemKind.INPUT, ItemKind.OUTPUT),
    Gate.VERIFICATION: (ItemKind.VERIFICATION,),
    Gate.VALIDATION: (ItemKind.VALIDATION,),
    Gate.TRANSFER: (ItemKind.OUTPUT,),
}


@dataclass(frozen=True)
class Item:
    """An item at its newest revision."""

    kind: ItemKind
    source: Source
    revision: int
    author: str
    content: bytes

    @property
    def lives(self) -> bool:
        """False once it is withdrawn."""
        return self.source != Source.WITHDRAWN


@dataclass(frozen=True)
class Link:
    """A link, current or not, with the revisions of its ends when it was made."""

    from_revision: int
    to_revision: int
    since: int
    result: DesignResult = DesignResult.NONE
    record: bytes = ZERO32


@dataclass(frozen=True)
class Change:
    """A change and what became of it. `revisions` are tuples as `IDesignControl.Revision`."""

    author: str
    time: int
    record: bytes
    revisions: tuple[tuple[Any, ...], ...]
    state: ChangeState = ChangeState.OPEN


@dataclass
class Project:
    """A design file."""

    forms: tuple[bytes, ...] = (ZERO32,) * 4
    edition: int = 0
    stage: Gate = Gate.NONE
    baseline: Gate = Gate.NONE
    version: int = 0
    reopened_at: int = 0
    items: dict[bytes, Item] = field(default_factory=dict)
    links: dict[tuple[bytes, bytes], Link] = field(default_factory=dict)
    up: dict[bytes, set[bytes]] = field(default_factory=dict)
    """Of each item, what it answers, controls, fulfils or covers, by current links."""
    down: dict[bytes, set[bytes]] = field(default_factory=dict)
    """And the other way round."""
    changes: dict[int, Change] = field(default_factory=dict)
    evidence: dict[Gate, bytes] = field(default_factory=dict)
    authored: dict[str, set[ItemKind]] = field(default_factory=dict)
    made: list[tuple[Any, ...]] = field(default_factory=list)
    """Revisions by a change whose approval comes after them."""

    def of(self, *kinds: ItemKind) -> list[bytes]:
        """The items of these kinds that are not withdrawn, by id."""
        return sorted(id_ for id_, item in self.items.items() if item.lives and item.kind in kinds)

    def answers(self, item: bytes) -> list[bytes]:
        """The inputs or outputs that answer, control or fulfil it."""
        return [i for i in sorted(self.down.get(item, ())) if self.items[i].kind not in TESTS]

    def tests(self, item: bytes) -> list[bytes]:
        """The tests that cover it."""
        return [i for i in sorted(self.down.get(item, ())) if self.items[i].kind in TESTS]

    def passed(self, item: bytes) -> list[bytes]:
        """Those of its tests that have passed."""
        return [t for t in self.tests(item) if self.links[t, item].result == DesignResult.PASSED]

    def neighbours(self, item: bytes) -> tuple[list[bytes], list[bytes]]:
        """The other ends of all current links, up and down, in ascending order."""
        return sorted(self.up.get(item, ())), sorted(self.down.get(item, ()))

    def neighbours_of(self, items: Sequence[bytes]) -> list[tuple[list[bytes], list[bytes]]]:
        """Of several items that are revised one after the other: what one has cut, the next has not."""
        found, gone = [], set[bytes]()
        for item in items:
            up, down = ([], []) if item in gone else self.neighbours(item)
            found.append(([i for i in up if i not in gone], [i for i in down if i not in gone]))
            gone.add(item)
        return found

    def holds(self, item: bytes) -> set[Gate]:
        """The gates that an item holds."""
        found, kind = set(), self.items[item].kind
        if not self.items[item].lives:
            return set()
        rooted = kind in (ItemKind.NEED, ItemKind.RISK)
        if not (self.answers(item) if rooted else self.up.get(item)):
            found.add(BEHIND[kind])
        if kind == ItemKind.INPUT and not self.answers(item):
            found.add(Gate.OUTPUTS)
        tests = self.tests(item)
        untested = not tests and kind in (ItemKind.NEED, ItemKind.INPUT)
        if untested or len(self.passed(item)) < len(tests):
            found.add(Gate.VALIDATION if kind == ItemKind.NEED else Gate.VERIFICATION)
        return found

    def holders(self, gate: Gate) -> list[bytes]:
        """The items that hold a gate, by id."""
        return sorted(item for item in self.items if gate in self.holds(item))

    @property
    def open_changes(self) -> int:
        """How many changes are open."""
        return sum(change.state == ChangeState.OPEN for change in self.changes.values())

    def bits(self, account: str) -> int:
        """The kinds of items that the account wrote, a bit each."""
        return sum(1 << kind for kind in self.authored.get(account, ()))

    def wrote(self, account: str, kind: ItemKind) -> None:
        """The account wrote something of this kind."""
        self.authored.setdefault(account, set()).add(kind)


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    projects: dict[bytes, Project] = field(default_factory=dict)


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of DesignControl, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of DesignControl; raises `FoldError`."""
    if event.name == "Alert":
        return
    project = state.projects.get(event["design"])
    if project is None:
        if event.name != "ProjectPlanned":
            raise FoldError(event, "the project was not opened")
        project = state.projects[event["design"]] = Project(reopened_at=event["time"])
    expected = project.edition + (event.name != "Reopened")
    if event["edition"] != expected:
        raise FoldError(event, f"the step {expected} is missing")
    project.edition = expected
    match event.name:
        case "ProjectPlanned":
            project.forms = tuple(event["forms"])
            project.wrote(event["caller"], ItemKind.NONE)
            project.wrote(event["author"], ItemKind.NONE)
        case "ItemRevised":
            _revise(project, event)
        case "Linked":
            _link(project, event)
        case "Reported":
            test, item = event["test"], event["item"]
            result = DesignResult.PASSED if event["passed"] else DesignResult.FAILED
            link = _current(project, event)
            project.links[test, item] = replace(
                link, since=event["time"], result=result, record=event["record"]
            )
            for account in (event["caller"], event["author"]):
                project.wrote(account, project.items[test].kind)
        case "ResultLapsed":
            link = _current(project, event)
            if link.result == DesignResult.NONE or link.record != event["record"]:
                raise FoldError(event, "the test has no result from this record")
            project.links[event["test"], event["item"]] = replace(link, result=DesignResult.NONE)
        case "GatePassed":
            _pass(project, event)
        case "GateLapsed":
            gate = Gate(event["gate"])
            if gate > project.stage or project.evidence.get(gate) != event["record"]:
                raise FoldError(event, "the gate was not passed with this record")
        case "Reopened":
            if event["stage"] >= project.stage:
                raise FoldError(event, f"the project is at {project.stage.name}")
            project.stage, project.reopened_at = Gate(event["stage"]), event["time"]
        case "ChangeProposed":
            if event["change"] != len(project.changes) + 1:
                raise FoldError(event, f"{len(project.changes)} changes came before this one")
            revisions = tuple(tuple(r) for r in event["revisions"])
            project.changes[event["change"]] = Change(
                event["caller"], event["time"], event["record"], revisions
            )
        case "ChangeApproved":
            change = _open(project, event)
            if tuple(project.made) != change.revisions:
                raise FoldError(event, "what was revised is not what was proposed")
            if event["approver"] == change.author:
                raise FoldError(event, "it was approved by its author")
            project.made.clear()
            project.changes[event["change"]] = replace(change, state=ChangeState.APPROVED)
        case "ChangeDismissed":
            project.changes[event["change"]] = replace(_open(project, event), state=ChangeState.DISMISSED)
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    for design, project in state.projects.items():
        subject = f"design {short(design)}"
        held = {gate: len(project.holders(gate)) for gate in HELD}
        facts = {
            "stage": project.stage,
            "baseline": project.baseline,
            "version": project.version,
            "changes": len(project.changes),
            "openChanges": project.open_changes,
            "reopenedAt": project.reopened_at,
            "edition": project.edition,
            "needs": len(project.of(ItemKind.NEED)),
            **{f"open{gate.name.capitalize()}": count for gate, count in held.items()},
        }
        yield View(subject, "projectOf", (design,), facts)
        forms = dict(zip(("review", "verification", "validation", "change"), project.forms, strict=True))
        yield View(subject, "formsOf", (design,), forms)
        for id_, item in project.items.items():
            row = {
                "author": item.author,
                "kind": item.kind,
                "source": item.source,
                "revision": item.revision,
                "up": len(project.up.get(id_, ())),
                "down": len(project.answers(id_)),
                "tests": len(project.tests(id_)),
                "passed": len(project.passed(id_)),
                "content": item.content,
            }
            yield View(f"{subject}, item {item_name(id_)}", "itemOf", (design, id_), row)
        for (start, end), link in project.links.items():
            what = f"{subject}, link {item_name(start)} to {item_name(end)}"
            kept = {
                "fromRevision": link.from_revision,
                "toRevision": link.to_revision,
                "result": link.result,
                "since": link.since,
                "record": link.record,
            }
            yield View(what, "linkOf", (design, start, end), kept)
            current = end in project.up.get(start, ())
            yield View(what, "isCurrent", (design, start, end), current)
        for number, change in project.changes.items():
            expected = {
                "author": change.author,
                "state": change.state,
                "proposedAt": change.time,
                "revisions": hash_of(change.revisions),
            }
            yield View(f"{subject}, change {number}", "changeOf", (design, number), expected)
        for gate, record in project.evidence.items():
            yield View(f"{subject}, gate {gate.name}", "evidenceOf", (design, gate), record)
        for account in project.authored:
            bits = project.bits(account)
            yield View(f"{subject}, account {account}", "authored", (design, account), bits)


def item_name(item: bytes) -> str:
    """The name of an item where its id is one, else the id in hex digits."""
    try:
        text = item.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        text = ""
    return text if text and text.isprintable() else f"0x{item.hex()}"


def hash_of(revisions: Sequence[tuple[Any, ...]]) -> bytes:
    """What the contract keeps of the revisions of a change."""
    [entry] = [e for e in load("DesignControl") if e.get("name") == "proposeChange"]
    return keccak(encode_values([p for p in entry["inputs"] if p["name"] == "revisions"], [revisions]))


def _revise(project: Project, event: Event) -> None:
    id_, kind, source = event["item"], ItemKind(event["kind"]), Source(event["source"])
    known = project.items.get(id_)
    revision = known.revision + 1 if known else 1
    if event["revision"] != revision:
        raise FoldError(event, f"the revision {revision} is missing")
    if known and known.kind != kind:
        raise FoldError(event, f"the item was of the kind {known.kind.name}")
    if event["change"]:
        _open(project, event)
        project.made.append((id_, kind, source, revision, event["content"]))
    elif project.baseline >= BEHIND[kind]:
        raise FoldError(event, f"the gate {BEHIND[kind].name} was passed, and no change is named")
    for other in project.up.pop(id_, set()):
        project.down[other].discard(id_)
    for other in project.down.pop(id_, set()):
        project.up[other].discard(id_)
    project.items[id_] = Item(kind, source, revision, event["author"], event["content"])
    project.wrote(event["author"], kind)


def _link(project: Project, event: Event) -> None:
    start, end = event["from"], event["to"]
    ends = [project.items.get(id_) for id_ in (start, end)]
    revisions = event["fromRevision"], event["toRevision"]
    if [item.revision if item and item.lives else 0 for item in ends] != list(revisions):
        raise FoldError(event, "the items have other revisions")
    kinds = tuple(item.kind for item in ends if item)
    if kinds not in RELATIONS:
        raise FoldError(event, "items of these kinds are not linked")
    if end in project.up.get(start, ()):
        raise FoldError(event, "the items were linked before")
    project.links[start, end] = Link(*revisions, since=event["time"])
    project.up.setdefault(start, set()).add(end)
    project.down.setdefault(end, set()).add(start)
    project.wrote(event["caller"], kinds[0])


def _pass(project: Project, event: Event) -> None:
    gate = Gate(event["gate"])
    if gate != project.stage + 1:
        raise FoldError(event, f"the last gate was {project.stage.name}")
    if held := project.holders(gate):
        raise FoldError(event, f"the item {item_name(held[0])} holds the gate")
    if project.authored.get(event["approver"], set()) & set(_ABOUT[gate]):
        raise FoldError(event, "who passed the gate wrote some of what it is about")
    version = project.version + (gate == Gate.TRANSFER)
    if event["version"] != version:
        raise FoldError(event, f"the version {version} is missing")
    project.stage, project.baseline = gate, max(project.baseline, gate)
    project.version, project.evidence[gate] = version, event["record"]


def _current(project: Project, event: Event) -> Link:
    test, item = event["test"], event["item"]
    if item not in project.up.get(test, ()) or project.items[test].kind not in TESTS:
        raise FoldError(event, "the test does not cover the item")
    return project.links[test, item]


def _open(project: Project, event: Event) -> Change:
    change = project.changes.get(event["change"])
    if change is None or change.state != ChangeState.OPEN:
        raise FoldError(event, f"the change {event['change']} is not open")
    return change
