"""Design projects as files and tables: what a file asks for, what of it is on chain, and the trace matrix.

    book = Book.read(deployment, design)                   # from the logs, checked against the contract
    work = Work.of(book.project, load("pump.yaml"))        # what is missing on chain
    for call in work.calls(deployment, design): ...

A file, YAML or JSON, names each item once:

    items:
      N1: {kind: need, text: A nurse hears the alarm from the corridor}
      I1: {kind: input, document: inputs/alarm.pdf, answers: [N1], controls: [R1]}
      R1: {kind: risk, record: "0x..."}
      O1: {kind: output, content: "0x...", fulfils: [I1]}
      V1: {kind: verification, document: protocols/v1.pdf, covers: [I1, O1]}

`text` and `document` (a path from the folder of the file on) stand for their SHA-256, `content` for a hash
that was made elsewhere, for instance with a salt, `record` for a record about the design.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldthread.audit.base import FoldError
from goldthread.audit.design_control import (
    BEHIND,
    RELATIONS,
    Project,
    State,
    fold,
    item_name,
)
from goldthread.audit.design_control import views as views_of
from goldthread.chain import logs
from goldthread.chain.contracts import Call, Deployment
from goldthread.chain.words import ChangeState, DesignResult, Gate, ItemKind, Source

CHUNK = 50
"""Items or links in one transaction: fifty items cost less than three million gas."""

LARGEST_FILE = 16 * 1024 * 1024
"""Bytes of a project file; documents that it names may have any size."""

_CONTENTS = ("text", "document", "content", "record")
_KINDS = {kind.name.lower(): kind for kind in ItemKind if kind}

Revision = tuple[bytes, int, int, int, bytes]
"""As `IDesignControl.Revision`: item, kind, source, revision, content."""

Neighbours = tuple[list[bytes], list[bytes]]


class DesignError(Exception):
    """A project or file that cannot be used; the message names item, value and rule."""


def item_id(text: str) -> bytes:
    """The id of an item from its name of 1 to 32 bytes, or from 0x and 64 hex digits."""
    if text.startswith("0x") and len(text) == 66:
        try:
            return bytes.fromhex(text[2:])
        except ValueError:
            raise DesignError(f"item {text!r}: is not in hex digits") from None
    name = text.encode()
    if not 1 <= len(name) <= 32 or not text.isprintable() or text != text.strip():
        raise DesignError(f"item {text!r}: a name has 1 to 32 printable bytes and no blanks around it")
    return name.ljust(32, b"\0")


# ------------------------------------------------------------------------------------------------ the chain


@dataclass(frozen=True)
class Book:
    """The design file of one design, as of a block."""

    design: bytes
    block: int
    project: Project

    @classmethod
    def read(cls, deployment: Deployment, design: bytes) -> Book:
        """From the logs of DesignControl. Raises `DesignError` if there is no project, or if the logs and the
        contract disagree.
        """
        block = deployment.chain.block_number()
        topics = [None, f"0x{design.hex()}"]
        state = State()
        try:
            for event in logs.events(deployment, ["DesignControl"], last=block, topics=topics):
                fold(state, event)
        except FoldError as error:
            raise DesignError(f"the logs of the design are not complete: {error}") from None
        project = state.projects.get(design)
        if project is None:
            raise DesignError(
                f"design 0x{design.hex()}: has no project; open it with `goldthread design open`"
            )
        first = next(views_of(state))
        found = deployment.design_control.projectOf.at(block)(design)
        for name, value in first.expected.items():
            if getattr(found, name) != value:
                told = f"logs say {name} {value}, the contract {getattr(found, name)}"
                raise DesignError(f"the logs of the design are not complete: {told}")
        return cls(design, block, project)

    def rotten(self, deployment: Deployment) -> tuple[list[tuple[bytes, bytes]], list[Gate]]:
        """Results, as test and item, and gates whose evidence is superseded, and that still count."""
        project, complete = self.project, deployment.records.complete
        results = [
            ends
            for ends, link in sorted(project.links.items())
            if ends[1] in project.up.get(ends[0], ()) and link.result != DesignResult.NONE
        ]
        gates = [gate for gate in sorted(project.evidence) if gate <= project.stage]
        asked = [project.links[ends].record for ends in results] + [project.evidence[gate] for gate in gates]
        answers = deployment.read_many([complete.prepare(record) for record in asked], self.block)
        good = dict(zip(asked, answers, strict=True))
        return (
            [ends for ends in results if not good[project.links[ends].record]],
            [gate for gate in gates if not good[project.evidence[gate]]],
        )


# ------------------------------------------------------------------------------------------------ the matrix


@dataclass(frozen=True)
class Row:
    """An item with what it is linked to, by names."""

    item: str
    kind: ItemKind
    revision: int
    up: tuple[str, ...]
    """What it answers, controls, fulfils or covers."""
    down: tuple[str, ...]
    """What answers, controls or fulfils it."""
    tests: tuple[tuple[str, DesignResult], ...]
    holds: tuple[Gate, ...]
    content: str
    author: str

    COLUMNS = ("item", "kind", "revision", "traces to", "traced by", "tests", "holds", "content", "author")

    def cells(self) -> tuple[str, ...]:
        """For a table or a CSV file."""
        results = {
            DesignResult.NONE: "no result",
            DesignResult.PASSED: "passed",
            DesignResult.FAILED: "failed",
        }
        tests = ", ".join(f"{name} ({results[result]})" for name, result in self.tests)
        holds = ", ".join(gate.name.lower() for gate in self.holds)
        links = ", ".join(self.up), ", ".join(self.down), tests, holds
        return self.item, self.kind.name.lower(), str(self.revision), *links, self.content, self.author


def matrix(project: Project) -> list[Row]:
    """The trace matrix: every item that is not withdrawn, by kind and name."""
    rows = []
    for kind in ItemKind:
        for id_ in project.of(kind):
            item, tests = project.items[id_], project.tests(id_)
            rows.append(
                Row(
                    item_name(id_),
                    kind,
                    item.revision,
                    tuple(item_name(i) for i in sorted(project.up.get(id_, ()))),
                    tuple(item_name(i) for i in project.answers(id_)),
                    tuple((item_name(t), project.links[t, id_].result) for t in tests),
                    tuple(sorted(project.holds(id_))),
                    f"0x{item.content.hex()}",
                    item.author,
                )
            )
    return rows


# -------------------------------------------------------------------------------------------------- the file


@dataclass(frozen=True)
class Wanted:
    """An item as a file asks for it; `links` are the ids of what it answers, controls, fulfils or covers."""

    id: bytes
    kind: ItemKind
    source: Source
    content: bytes
    links: tuple[bytes, ...] = ()


def load(path: str | Path) -> list[Wanted]:
    """The items of a project file. Raises `DesignError`, which names item, field and rule."""
    path = Path(path)
    found = _parsed(path)
    items = found.get("items") if isinstance(found, Mapping) else None
    if not isinstance(items, Mapping) or set(found) != {"items"} or not items:
        raise DesignError(f"{path}: must hold `items`, a mapping of names to items, and nothing else")
    wanted = []
    for name, facts in items.items():
        try:
            wanted.append(_wanted(path.parent, name, facts))
        except DesignError as error:
            raise DesignError(f"{path}: {error}") from None
    return wanted


def _parsed(path: Path) -> Any:
    import yaml

    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DesignError(f"{path}: is larger than {LARGEST_FILE:,} bytes")
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix.lower() == ".json" else yaml.load(text, _unique(yaml))  # noqa: S506
    except OSError as error:
        raise DesignError(f"{path}: {error.strerror or error}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise DesignError(f"{path}: {' '.join(str(error).split())}") from None


def _unique(yaml: Any) -> Any:
    """A safe loader that refuses a name which is given twice, and reads every name as text."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            names = [key.value for key, _ in node.value]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise ValueError(f"{twice!r} is given twice, line {node.start_mark.line + 1}")
            return super().construct_mapping(node, deep)

    return Loader


def _wanted(folder: Path, name: Any, facts: Any) -> Wanted:
    if not isinstance(name, str):
        raise DesignError(f"item {name!r}: a name is text; put it in quotes")
    if not isinstance(facts, Mapping):
        raise DesignError(f"item {name!r}: must be a mapping of fields")
    kind = _KINDS.get(str(facts.get("kind")))
    if kind is None:
        raise DesignError(f"item {name!r}, kind {facts.get('kind')!r}: must be one of {', '.join(_KINDS)}")
    relations = {relation for (start, _), relation in RELATIONS.items() if start == kind}
    if unknown := set(facts) - {"kind", *_CONTENTS, *relations}:
        raise DesignError(
            f"item {name!r}: a {kind.name.lower()} has no field {', '.join(sorted(map(str, unknown)))}"
        )
    ends: list[bytes] = []
    for relation in sorted(relations):
        named = facts.get(relation, [])
        if not isinstance(named, list) or not all(isinstance(end, str) for end in named):
            raise DesignError(f"item {name!r}, {relation}: must be a list of names")
        ends += [item_id(end) for end in named]
    if len(set(ends)) != len(ends):
        raise DesignError(f"item {name!r}: is linked to the same item twice")
    source, content = _content(folder, name, facts)
    return Wanted(item_id(name), kind, source, content, tuple(ends))


def _content(folder: Path, name: str, facts: Mapping[str, Any]) -> tuple[Source, bytes]:
    given = [field for field in _CONTENTS if field in facts]
    if len(given) != 1:
        raise DesignError(f"item {name!r}: must have one of {', '.join(_CONTENTS)}")
    field, value = given[0], facts[given[0]]
    if not isinstance(value, str) or not value:
        raise DesignError(f"item {name!r}, {field} {value!r}: must be text")
    if field == "text":
        return Source.DOCUMENT, hashlib.sha256(value.encode()).digest()
    if field == "document":
        try:
            with (folder / value).open("rb") as document:
                return Source.DOCUMENT, hashlib.file_digest(document, "sha256").digest()
        except OSError as error:
            raise DesignError(f"item {name!r}, document {value}: {error.strerror or error}") from None
    try:
        found = bytes.fromhex(value.removeprefix("0x")) if value.startswith("0x") else b""
    except ValueError:
        found = b""
    if len(found) != 32 or not any(found):
        raise DesignError(f"item {name!r}, {field} {value!r}: must be 0x and 64 hex digits, not all zero")
    return (Source.RECORD if field == "record" else Source.DOCUMENT), found


# ----------------------------------------------------------------------------------------- from one to other


@dataclass(frozen=True)
class Work:
    """What a file asks for that is not on chain: revisions that can be drafted, revisions that need a change
    because their gate was passed, and links.
    """

    drafts: tuple[Revision, ...]
    changes: tuple[Revision, ...]
    links: tuple[tuple[bytes, bytes], ...]
    neighbours: tuple[Neighbours, ...]
    """Of the drafts."""

    @classmethod
    def of(cls, project: Project, wanted: Sequence[Wanted]) -> Work:
        """Compare. Raises `DesignError` for a link to what is no item, or of kinds that are not linked."""
        kinds = {id_: item.kind for id_, item in project.items.items() if item.lives}
        kinds |= {item.id: item.kind for item in wanted}
        drafts: list[Revision] = []
        changes: list[Revision] = []
        links: list[tuple[bytes, bytes]] = []
        for item in wanted:
            known = project.items.get(item.id)
            if known and known.kind != item.kind:
                told = f"is a {known.kind.name.lower()} on chain, not a {item.kind.name.lower()}"
                raise DesignError(f"item {item_name(item.id)!r}: {told}")
            if known and (known.source, known.content) == (item.source, item.content):
                continue
            revision = (
                item.id, item.kind, item.source, known.revision + 1 if known else 1, item.content
            )  # fmt: skip
            (changes if project.baseline >= BEHIND[item.kind] else drafts).append(revision)
        cut = {revision[0] for revision in (*drafts, *changes)}
        for item in wanted:
            for end in item.links:
                if (item.kind, kinds.get(end, ItemKind.NONE)) not in RELATIONS:
                    kind = kinds[end].name.lower() if end in kinds else "no item of the project"
                    told = f"a {item.kind.name.lower()} is not linked to {item_name(end)!r}, which is {kind}"
                    raise DesignError(f"item {item_name(item.id)!r}: {told}")
                current = end in project.up.get(item.id, ())
                if not current or item.id in cut or end in cut:
                    links.append((item.id, end))
        neighbours = project.neighbours_of([revision[0] for revision in drafts])
        return cls(tuple(drafts), tuple(changes), tuple(links), tuple(neighbours))

    def closed(self, project: Project) -> list[tuple[bytes, bytes]]:
        """The links that cannot be made because the gate of their first item is passed."""
        kinds = {id_: item.kind for id_, item in project.items.items()}
        return [link for link in self.links if link[0] in kinds and project.stage >= BEHIND[kinds[link[0]]]]

    def calls(self, deployment: Deployment, design: bytes, chunk: int = CHUNK) -> Iterator[Call]:
        """The calls that draft and link, so many items or links in each. Changes are not among them."""
        contract = deployment.design_control
        for at in range(0, len(self.drafts), chunk):
            part = slice(at, at + chunk)
            yield contract.draft(design, list(self.drafts[part]), list(self.neighbours[part]))
        for at in range(0, len(self.links), chunk):
            yield contract.link(design, list(self.links[at : at + chunk]))


def proposed(project: Project, change: int) -> tuple[list[Revision], list[Neighbours]]:
    """The revisions of an open change, and the neighbours of each for its approval. Raises `DesignError`."""
    found = project.changes.get(change)
    if found is None:
        raise DesignError(f"change {change}: the project has {len(project.changes)}")
    if found.state != ChangeState.OPEN:
        raise DesignError(f"change {change}: is {found.state.name.lower()}")
    revisions = [tuple(r) for r in found.revisions]
    for item, _, _, revision, _ in revisions:
        known = project.items.get(item)
        if revision != (known.revision if known else 0) + 1:
            told = "has changed since; dismiss this change and propose another"
            raise DesignError(f"change {change}: the item {item_name(item)!r} {told}")
    return revisions, project.neighbours_of([r[0] for r in revisions])
