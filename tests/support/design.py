"""A design project and the people who work on it.

design = Design(world)
design.plan()
design.draft("N1", Kind.NEED)
design.link("I1", "N1")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from tests.models.design_control import NOTHING, Forms, Gate, Kind, Neighbours, Revision, Source

from .contract import Contract, Sender
from .nodes import Account
from .recording import Desk
from .words import Duty
from .words import Kind as TwinKind
from .world import World, person, uri


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
        self.desk = Desk(world)
        self.id = world.register(uri("DESIGN"), TwinKind.DESIGN)
        names = "ann", "bob", "cem", "dan", "eva"
        duties = Duty.RECORD | Duty.QUALITY
        hired = {name: person(f"maker {name}") for name in names}
        for account in hired.values():
            world.hire(world.maker, account, duties)
        self.people = People(**hired)
        self.free = self.desk.schema("free")
        self.signed = self.desk.schema("signed", second_persons=1)

    @property
    def contract(self) -> Contract:
        """The contract under test."""
        return self.world.design_control

    def record(
        self, what: str = "evidence", *, sender: Sender | None = None, schema: bytes | None = None,
        subject: bytes | None = None, supersedes: bytes = NOTHING,
    ) -> bytes:  # fmt: skip
        """Write a record about the design, or one that supersedes another; its id."""
        about = {"subject": subject or self.id, "content": content(what)}
        statement = self.desk.statement(schema or self.free, **about)
        author = sender or self.people.dan
        if supersedes != NOTHING:
            return self.desk.amend(supersedes, statement, author)
        return self.desk.write(statement, author)

    @property
    def edition(self) -> int:
        """The edition of the design file."""
        found: int = self.contract.projectOf(self.id).edition
        return found

    def plan(
        self, forms: Forms | None = None, record: bytes | None = None, sender: Sender | None = None
    ) -> Any:
        """Open the project, or plan it anew."""
        args = self.id, record or self.record("plan", sender=self.people.ann), forms or Forms()
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
        """Plan and draft: a need, a risk, an input, an output, a verification and a validation, linked."""
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
