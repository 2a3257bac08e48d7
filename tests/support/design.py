"""A design project and the people who work on it.

    design = Design(world)
    design.plan()
    design.draft("N1", Kind.NEED)
    design.link("I1", "N1")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from eth_utils.crypto import keccak

from tests.models.design_control import NOTHING, Forms, Gate, Kind, Neighbours, Revision, Source

from .contract import Contract, Sender, decode_logs
from .nodes import Account
from .words import Duty
from .words import Kind as TwinKind
from .world import World, person, uri

YEAR = 365 * 86_400


class Retention(NamedTuple):
    """`IRecords.Retention`."""

    afterRecord: int = YEAR  # noqa: N815
    afterExpiry: int = 0  # noqa: N815
    withoutExpiry: int = 0  # noqa: N815


class Terms(NamedTuple):
    """`IRecords.Terms`: anybody of an organisation with the duty RECORD writes about anything."""

    definition: bytes = keccak(text="the form")
    roles: int = 0
    duties: int = 0
    signerRoles: int = 0  # noqa: N815
    maxLag: int = YEAR  # noqa: N815
    secondPersons: int = 0  # noqa: N815
    meanings: int = 0
    authority: int = 0
    authors: int = 0
    rule: str = "0x" + 40 * "0"
    retention: Retention = Retention()


class Statement(NamedTuple):
    """`IRecords.Statement`."""

    subject: bytes
    schema: bytes
    content: bytes
    documents: int
    effectiveAt: int  # noqa: N815
    original: bytes = NOTHING
    signerName: bytes = NOTHING  # noqa: N815
    data: bytes = b""
    uri: str = ""


@dataclass(frozen=True)
class People:
    """Accounts of the maker, each with the duties RECORD and QUALITY."""

    ann: Account
    """Writes needs, risks and inputs."""
    bob: Account
    """Writes outputs."""
    cem: Account
    """Writes tests and reports."""
    dan: Account
    """Reviews, and writes nothing but reviews."""
    eva: Account
    """The same."""


def label(text: str) -> bytes:
    """The id of an item: its name, filled up with zeros."""
    return text.encode().ljust(32, b"\0")


def content(text: str) -> bytes:
    """The hash of a document."""
    return keccak(text=f"document {text}")


class Design:
    """A design twin of the maker, its project, and schemas for its evidence."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.id = world.register(uri("DESIGN"), TwinKind.DESIGN)
        names = "ann", "bob", "cem", "dan", "eva"
        duties = Duty.RECORD | Duty.QUALITY
        hired = {name: person(f"maker {name}") for name in names}
        for account in hired.values():
            world.hire(world.maker, account, duties)
        self.people = People(**hired)
        self.free = self.schema("free")
        self.signed = self.schema("signed", Terms(secondPersons=1))

    @property
    def contract(self) -> Contract:
        """The contract under test."""
        return self.world.design_control

    def schema(self, name: str, terms: Terms | None = None, version: int = 1) -> bytes:
        """Define a schema of the maker; its id."""
        args = name, version, terms or Terms()
        found: bytes = self.world.records.defineSchema.call(*args, sender=self.world.maker.quality)
        self.world.records.defineSchema(*args, sender=self.world.maker.quality)
        return found

    def record(
        self,
        what: str = "evidence",
        *,
        sender: Sender | None = None,
        schema: bytes | None = None,
        subject: bytes | None = None,
        supersedes: bytes = NOTHING,
    ) -> bytes:
        """Write a record about the design, or one that supersedes another; its id."""
        statement = Statement(
            subject or self.id, schema or self.free, content(what), 1, self.world.now, NOTHING, content("name")
        )
        author = sender or self.people.dan
        records = self.world.records
        if supersedes == NOTHING:
            receipt = records.write(statement, sender=author)
        else:
            receipt = records.amend(statement, supersedes, content("reason"), sender=author)
        [written] = [e for e in decode_logs(receipt) if e.name == "RecordWritten"]
        found: bytes = written.args["record"]
        return found

    def countersign(self, record: bytes, account: Sender | None = None, meaning: int = 2) -> None:
        """Have a record signed in second place."""
        seen = self.world.records.contentOf(record)
        item = record, seen, meaning, content("name")
        self.world.records.countersign(item, sender=account or self.people.eva)

    @property
    def edition(self) -> int:
        """The edition of the design file."""
        found: int = self.contract.projectOf(self.id).edition
        return found

    def plan(self, forms: Forms | None = None, record: bytes | None = None, sender: Sender | None = None) -> Any:
        """Open the project, or plan it anew."""
        args = self.id, record or self.record("plan"), forms or Forms()
        return self.contract.plan(*args, sender=sender or self.people.ann)

    def author(self, kind: Kind) -> Account:
        """Who writes items of a kind."""
        p = self.people
        return {Kind.OUTPUT: p.bob, Kind.VERIFICATION: p.cem, Kind.VALIDATION: p.cem}.get(kind, p.ann)

    def revision(self, name: str, kind: Kind, what: str = "", source: Source = Source.DOCUMENT) -> Revision:
        """The next revision of an item."""
        number = self.contract.itemOf(self.id, label(name)).revision + 1
        whole = content(f"{name} {number} {what}") if source else NOTHING
        return Revision(label(name), kind, source, number, whole)

    def draft(
        self, name: str, kind: Kind, near: Neighbours | None = None, *, what: str = "",
        source: Source = Source.DOCUMENT, sender: Sender | None = None,
    ) -> Any:  # fmt: skip
        """Draft an item by the one who writes items of that kind."""
        revisions = [self.revision(name, kind, what, source)]
        return self.contract.draft(
            self.id, revisions, [near or Neighbours([], [])], sender=sender or self.author(kind)
        )

    def link(self, *pairs: tuple[str, str], sender: Sender | None = None) -> Any:
        """Link items by name."""
        kind = Kind(self.contract.itemOf(self.id, label(pairs[0][0])).kind)
        named = [(label(start), label(end)) for start, end in pairs]
        return self.contract.link(self.id, named, sender=sender or self.author(kind))

    def report(
        self, test: str, *items: str, passed: bool = True, record: bytes | None = None,
        sender: Sender | None = None,
    ) -> Any:  # fmt: skip
        """Report on a test."""
        found = [(label(item), passed) for item in items]
        record = record or self.record(f"report on {test}", sender=self.people.cem)
        return self.contract.report(self.id, label(test), record, found, sender=sender or self.people.cem)

    def pass_gate(
        self, gate: int, *, record: bytes | None = None, edition: int | None = None,
        sender: Sender | None = None,
    ) -> Any:  # fmt: skip
        """Pass a gate, by somebody who wrote nothing."""
        args = self.id, gate, record or self.record("review"), self.edition if edition is None else edition
        return self.contract.passGate(*args, sender=sender or self.people.dan)

    def pass_gates(self, first: Gate, last: Gate) -> None:
        """Pass several, one after the other."""
        for gate in range(first, last + 1):
            self.pass_gate(gate)

    def propose(self, *revisions: Revision, sender: Sender | None = None, record: bytes | None = None) -> int:
        """Propose a change; its number."""
        args = self.id, record or self.record("request", sender=sender or self.people.ann), list(revisions)
        sender = sender or self.people.ann
        number: int = self.contract.proposeChange.call(*args, sender=sender)
        self.contract.proposeChange(*args, sender=sender)
        return number

    def approve(
        self, change: int, revisions: Sequence[Revision], near: Sequence[Neighbours], *,
        record: bytes | None = None, edition: int | None = None, sender: Sender | None = None,
    ) -> Any:  # fmt: skip
        """Approve a change."""
        record = record or self.record("approval")
        edition = self.edition if edition is None else edition
        args = self.id, change, record, edition, list(revisions), list(near)
        return self.contract.approveChange(*args, sender=sender or self.people.dan)

    def small(self) -> None:
        """Plan and draft: a need, a risk, an input for both, an output, a verification of both, a validation."""
        self.plan()
        kinds = {
            "N1": Kind.NEED,
            "R1": Kind.RISK,
            "I1": Kind.INPUT,
            "O1": Kind.OUTPUT,
            "V1": Kind.VERIFICATION,
            "W1": Kind.VALIDATION,
        }
        for name, kind in kinds.items():
            self.draft(name, kind)
        self.link(("I1", "N1"), ("I1", "R1"))
        self.link(("O1", "I1"))
        self.link(("V1", "I1"), ("V1", "O1"))
        self.link(("W1", "N1"))

    def reviewed(self) -> None:
        """The small project, passed up to the gate REVIEW."""
        self.small()
        self.pass_gates(Gate.PLANNING, Gate.REVIEW)

    def tested(self) -> None:
        """And all tests have passed."""
        self.reviewed()
        self.report("V1", "I1", "O1")
        self.report("W1", "N1")

    def transferred(self) -> None:
        """And it is transferred."""
        self.tested()
        self.pass_gates(Gate.VERIFICATION, Gate.TRANSFER)


def near(up: Sequence[str] = (), down: Sequence[str] = ()) -> Neighbours:
    """Neighbours by name."""
    return Neighbours(sorted(map(label, up)), sorted(map(label, down)))
