"""The model of `Compliance`, written from ICompliance: a small state machine for each requirement of a case.

The ledger keeps of each requirement the last thing that was done about it, and of each record what the events
of Records say. Whether a requirement is met is worked out from the two each time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models.lots import Lots
from tests.models.rules import Fact, Objections
from tests.models.twins import Twins
from tests.support.words import Duty

ZERO = bytes(32)
OVERDUE = keccak(text="OVERDUE")[:4]
MOST = 64
MOST_SCHEMAS = 4
PAGE = 32
FOR_GOOD = 2**40 - 1
NOBODY = "0x" + 40 * "0"


class Status(IntEnum):
    """`ICompliance.Status`."""

    OPEN = 0
    SUBMITTED = 1
    REJECTED = 2
    ACCEPTED = 3
    WAIVED = 4
    SUPERSEDED = 5
    EXPIRED = 6

    @property
    def met(self) -> bool:
        return self in (Status.ACCEPTED, Status.WAIVED)


class Terms(NamedTuple):
    """`ICompliance.Terms`."""

    code: bytes
    jurisdiction: bytes = bytes(6)
    mandatory: bool = True
    waivable: bool = False
    severity: int = 1
    second_persons: int = 0
    roles: int = 0
    duties: int = 0
    due: int = 0
    due_after: int = 0
    validity: int = 0


class Requirement(NamedTuple):
    """`ICompliance.Requirement`."""

    terms: Terms
    schemas: tuple[bytes, ...]


class Definition(NamedTuple):
    """`ICompliance.Definition`."""

    document: bytes = ZERO
    ordered: bool = False
    reviewers: int = 0
    waivers: int = 0
    requirements: tuple[Requirement, ...] = ()

    @property
    def hash(self) -> bytes:
        terms = "(bytes32,bytes6,bool,bool,uint8,uint8,uint32,uint32,uint40,uint32,uint32)"
        return keccak(encode([f"(bytes32,bool,uint32,uint32,({terms},bytes32[])[])"], [tuple(self)]))

    @property
    def told(self) -> Any:
        """As an event has it."""
        return (*self[:4], [(terms, list(schemas)) for terms, schemas in self.requirements])

    @classmethod
    def of(cls, fields: Any) -> Definition:
        """From what an event has."""
        *head, rows = fields
        return cls(*head, tuple(Requirement(Terms(*row[0]), tuple(row[1])) for row in rows))


def programme_id(org: int, name: str, version: int) -> bytes:
    return keccak(encode(["uint32", "string", "uint32"], [org, name, version]))


def case_id(programme: bytes, subject: bytes, org: int, period: int = 0) -> bytes:
    return keccak(encode(["bytes32", "bytes32", "uint32", "uint40"], [programme, subject, org, period]))


@dataclass(frozen=True)
class Paper:
    """A record, as far as evidence is judged by it."""

    subject: bytes
    schema: bytes
    author: str
    org: int
    effective: int
    successor: bytes = ZERO
    signers: frozenset[str] = frozenset()
    meanings: int = 0


@dataclass
class Papers:
    """What the events of Records say."""

    schemas: dict[bytes, Any] = field(default_factory=dict)
    """What each asks of second persons: how many, and for which meanings."""
    records: dict[bytes, Paper] = field(default_factory=dict)
    counts: Counter[bytes] = field(default_factory=Counter)

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "SchemaDefined":
                self.schemas[a["schema"]] = a["terms"].secondPersons, a["terms"].meanings
            case "RecordWritten":
                s = a["statement"]
                paper = Paper(a["subject"], s.schema, a["author"], a["org"], s.effectiveAt)
                self.records[a["record"]] = paper
                self.counts[a["subject"]] += 1
            case "RecordSuperseded":
                self._change(a["record"], successor=a["successor"])
            case "Countersigned":
                paper = self.records[a["record"]]
                signers, meanings = paper.signers | {a["signer"]}, paper.meanings | a["meaning"]
                self._change(a["record"], signers=signers, meanings=meanings)

    def _change(self, record: bytes, **fields: Any) -> None:
        self.records[record] = replace(self.records[record], **fields)

    def complete(self, record: bytes) -> bool:
        paper = self.records.get(record)
        if paper is None or paper.successor != ZERO:
            return False
        persons, meanings = self.schemas[paper.schema]
        return len(paper.signers) >= persons and meanings & ~paper.meanings == 0

    def author(self, record: bytes) -> tuple[str, int]:
        paper = self.records.get(record)
        return (paper.author, paper.org) if paper else (NOBODY, 0)

    def subject(self, record: bytes) -> bytes:
        return self.records[record].subject if record in self.records else ZERO

    def copy(self) -> Papers:
        return Papers(dict(self.schemas), dict(self.records), Counter(self.counts))


class Done(StrEnum):
    """The last thing that was done about a requirement."""

    NOTHING = "nothing"
    SUBMITTED = "submitted"
    REJECTED = "rejected"
    ACCEPTED = "accepted"
    WAIVED = "waived"


@dataclass(frozen=True)
class Step:
    """A requirement of a case."""

    done: Done = Done.NOTHING
    record: bytes = ZERO
    flagged: bool = False


@dataclass(frozen=True)
class Programme:
    org: int
    definition: Definition


@dataclass(frozen=True)
class Case:
    programme: bytes
    subject: bytes
    org: int
    reviewer: int
    opened: int
    period: int
    steps: tuple[Step, ...]
    edition: int = 0


@dataclass
class ComplianceLedger:
    """What the events of a Compliance contract add up to."""

    programmes: dict[bytes, Programme] = field(default_factory=dict)
    newest: Counter[tuple[int, str]] = field(default_factory=Counter)
    cases: dict[bytes, Case] = field(default_factory=dict)

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "ProgrammeRegistered":
                definition = Definition.of(a["definition"])
                self.programmes[a["programme"]] = Programme(a["org"], definition)
                self.newest[a["org"], a["name"]] += 1
            case "CaseOpened":
                steps = len(self.programmes[a["programme"]].definition.requirements) * (Step(),)
                who = a["org"], a["reviewer"], a["openedAt"], a["period"]
                self.cases[a["caseId"]] = Case(a["programme"], a["subject"], *who, steps)
            case "EvidenceSubmitted":
                self._decide(a, Done.SUBMITTED)
            case "EvidenceAccepted":
                self._decide(a, Done.ACCEPTED, flagged=False)
            case "EvidenceRejected":
                self._decide(a, Done.REJECTED)
            case "RequirementWaived":
                self._decide(a, Done.WAIVED, flagged=False)
            case "OverdueFlagged":
                self._change(a, flagged=True)
            case "Alert":
                pass
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def _decide(self, a: Any, done: Done, **more: Any) -> None:
        self._change(a, done=done, record=a["record"], **more)
        case = self.cases[a["caseId"]]
        self.cases[a["caseId"]] = replace(case, edition=case.edition + 1)

    def _change(self, a: Any, **fields: Any) -> None:
        case, index = self.cases[a["caseId"]], a["index"]
        steps = list(case.steps)
        steps[index] = replace(steps[index], **fields)
        self.cases[a["caseId"]] = replace(case, steps=tuple(steps))

    def requirement(self, case: Case, index: int) -> Requirement:
        return self.programmes[case.programme].definition.requirements[index]

    def copy(self) -> ComplianceLedger:
        return ComplianceLedger(dict(self.programmes), Counter(self.newest), dict(self.cases))

    # What views show

    def case_view(self, case_id_: bytes) -> dict[str, Any]:
        c = self.cases[case_id_]
        flagged = bits(i for i, step in enumerate(c.steps) if step.flagged)
        named = {"programme": c.programme, "subject": c.subject, "org": c.org, "reviewer": c.reviewer}
        return {**named, "openedAt": c.opened, "period": c.period, "flagged": flagged}

    def decisions_view(self, case_id_: bytes) -> dict[str, int]:
        c = self.cases[case_id_]
        found = {
            done.value: bits(i for i, step in enumerate(c.steps) if step.done is done)
            for done in (Done.SUBMITTED, Done.ACCEPTED, Done.WAIVED)
        }
        return found | {"edition": c.edition}

    def programme_view(self, programme: bytes) -> dict[str, Any]:
        p = self.programmes[programme]
        d = p.definition
        mandatory = bits(i for i, r in enumerate(d.requirements) if r.terms.mandatory)
        flat = {"org": p.org, "count": len(d.requirements), "ordered": d.ordered}
        return {**flat, "reviewers": d.reviewers, "waivers": d.waivers, "mandatory": mandatory}


def bits(indexes: Any) -> int:
    return sum(1 << index for index in indexes)


class Compliance:
    """The rules."""

    def __init__(self, ledger: ComplianceLedger, papers: Papers, lots: Lots) -> None:
        self.ledger = ledger
        self.papers = papers
        self.lots = lots
        self.twins: Twins = lots.twins
        self.consortium = lots.consortium

    @property
    def now(self) -> int:
        return self.consortium.now

    # Where things stand

    def status(self, case_id_: bytes, index: int) -> Status:
        return self._look(self.ledger.cases[case_id_], index)[0]

    def _look(self, case: Case, index: int) -> tuple[Status, int]:
        """Where it stands, and until when that does not change by itself."""
        step = case.steps[index]
        match step.done:
            case Done.NOTHING:
                return Status.OPEN, FOR_GOOD
            case Done.SUBMITTED:
                return Status.SUBMITTED, FOR_GOOD
            case Done.REJECTED:
                return Status.REJECTED, FOR_GOOD
        if not self.papers.complete(step.record):
            return Status.SUPERSEDED, FOR_GOOD
        if step.done is Done.WAIVED:
            return Status.WAIVED, FOR_GOOD
        validity = self.ledger.requirement(case, index).terms.validity
        if not validity:
            return Status.ACCEPTED, FOR_GOOD
        until = self.papers.records[step.record].effective + validity
        return (Status.ACCEPTED, until) if self.now <= until else (Status.EXPIRED, FOR_GOOD)

    def due(self, case: Case, index: int) -> int:
        terms = self.ledger.requirement(case, index).terms
        return case.opened + terms.due_after if terms.due_after else terms.due

    def late(self, case: Case, index: int) -> bool:
        due = self.due(case, index)
        return bool(due) and self.now > due and not self._look(case, index)[0].met

    def missing(self, case_id_: bytes) -> set[int]:
        """Everything mandatory that is not met, on whatever page."""
        case = self.ledger.cases[case_id_]
        return {
            i
            for i in range(len(case.steps))
            if self.ledger.requirement(case, i).terms.mandatory and not self._look(case, i)[0].met
        }

    def overdue(self, case_id_: bytes) -> set[int]:
        case = self.ledger.cases[case_id_]
        return {i for i in range(len(case.steps)) if self.late(case, i)}

    def own(self, case_id_: bytes, person: str) -> set[int]:
        """Steps that are met by a record of this person."""
        case = self.ledger.cases[case_id_]
        return {
            i
            for i, step in enumerate(case.steps)
            if self._look(case, i)[0] == Status.ACCEPTED and self.papers.author(step.record)[0] == person
        }

    def examine(self, case_id_: bytes, start: int, person: str) -> tuple[bool, int, Status, int]:
        """`ICompliance.Finding` of a page."""
        case = self.ledger.cases[case_id_]
        page = range(start, min(start + PAGE, len(case.steps)))
        speaks = self.missing(case_id_) | (self.own(case_id_, person) if person != NOBODY else set())
        first = min(speaks & set(page), default=None)
        seen = page if first is None else range(start, first + 1)
        until = min((self._look(case, i)[1] for i in seen), default=FOR_GOOD)
        if first is None:
            return False, 0, Status.OPEN, until
        return True, first, self._look(case, first)[0], until

    # What can be done

    def register(self, name: str, version: int, definition: Definition, *, sender: str) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        length, count = len(name.encode()), len(definition.requirements)
        no.when(not 1 <= length <= 64, "ProgrammeNameLength", length)
        no.when(not 1 <= count <= MOST, "ProgrammeSize", count)
        expected = self.ledger.newest[org, name] + 1
        no.when(version != expected, "NotNextProgramme", org, name, expected, version)
        for index, (terms, schemas) in enumerate(definition.requirements):
            fine = any(terms.code) and 1 <= terms.severity <= 3 and not (terms.due and terms.due_after)
            no.when(not fine or not 1 <= len(schemas) <= MOST_SCHEMAS, "InvalidRequirement", index)
            for schema in schemas:
                no.when(schema not in self.papers.schemas, "UnknownSchema", index, schema)
        fact = {"programme": programme_id(org, name, version), "org": org, "caller": sender, "name": name}
        fact |= {"version": version, "definitionHash": definition.hash, "definition": definition.told}
        return self._happened(no, ("ProgrammeRegistered", fact))

    def open(
        self, programme: bytes, subject: bytes, period: int, reviewer: int, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        owner = self.owner(subject)
        no.when(org != owner, "NotSubjectOwner", subject, org, owner)
        if programme not in self.ledger.programmes:
            no.final("UnknownProgramme", programme)
        roles = self.ledger.programmes[programme].definition.reviewers
        fine = not reviewer or (reviewer != org and self._has_role(reviewer, roles))
        no.when(not fine, "NotAReviewer", reviewer, roles)
        identifier = case_id(programme, subject, org, period)
        no.when(identifier in self.ledger.cases, "CaseAlreadyOpen", identifier)
        fact = {"caseId": identifier, "org": org, "subject": subject, "caller": sender}
        fact |= {"programme": programme, "reviewer": reviewer, "period": period, "openedAt": self.now}
        return self._happened(no, ("CaseOpened", fact))

    def submit(self, case_id_: bytes, index: int, record: bytes, *, sender: str) -> list[Fact]:
        no = Objections()
        case = self._known(no, case_id_, index)
        terms, schemas = self.ledger.requirement(case, index)
        org = self.consortium.authorize(no, sender, terms.duties, terms.roles)
        no.when(org not in (case.org, self.papers.author(record)[1]), "MayNotSubmit", case_id_, org)
        self._about(no, record, case.subject)
        paper = self.papers.records.get(record)
        schema = paper.schema if paper else ZERO
        no.when(schema not in schemas, "WrongSchema", case_id_, index, schema)
        no.when(paper is not None and paper.successor != ZERO, "RecordIncomplete", record)
        self._unmet(no, case_id_, index)
        step = case.steps[index]
        waits = step.done is Done.SUBMITTED and self.papers.records[step.record].successor == ZERO
        no.when(waits and org != case.org, "DecisionPending", case_id_, index, step.record)
        definition = self.ledger.programmes[case.programme].definition
        if definition.ordered:
            for earlier in range(index):
                done = case.steps[earlier].done in (Done.ACCEPTED, Done.WAIVED)
                if definition.requirements[earlier].terms.mandatory and not done:
                    no.when(True, "OutOfOrder", case_id_, index, earlier)
                    break
        return self._told(no, "EvidenceSubmitted", case_id_, org, index, sender, record=record)

    def accept(self, case_id_: bytes, index: int, record: bytes, *, sender: str) -> list[Fact]:
        no = Objections()
        case = self._known(no, case_id_, index)
        org = self._reviewer(no, case_id_, case, sender)
        step, terms = case.steps[index], self.ledger.requirement(case, index).terms
        if step.done is not Done.SUBMITTED or step.record != record:
            no.final("NotSubmitted", case_id_, index, record, step.record)
        paper = self.papers.records[record]
        no.when(paper.author == sender, "OwnRecord", record, sender)
        no.when(not self.papers.complete(record), "RecordIncomplete", record)
        signed = len(paper.signers)
        no.when(signed < terms.second_persons, "SecondPersonsMissing", record, signed, terms.second_persons)
        until = paper.effective + terms.validity
        no.when(bool(terms.validity) and self.now > until, "RecordExpired", record, until, self.now)
        return self._told(no, "EvidenceAccepted", case_id_, org, index, sender, record=record)

    def reject(self, case_id_: bytes, index: int, record: bytes, reason: bytes, *, sender: str) -> list[Fact]:
        no = Objections()
        case = self._known(no, case_id_, index)
        org = self._reviewer(no, case_id_, case, sender)
        no.when(not any(reason), "NoReason")
        step = case.steps[index]
        wrong = step.done not in (Done.SUBMITTED, Done.ACCEPTED) or step.record != record
        no.when(wrong, "NotSubmitted", case_id_, index, record, step.record)
        no.when(self.papers.author(record)[0] == sender, "OwnRecord", record, sender)
        told = {"record": record, "reason": reason}
        return self._told(no, "EvidenceRejected", case_id_, org, index, sender, **told)

    def waive(self, case_id_: bytes, index: int, record: bytes, *, sender: str) -> list[Fact]:
        no = Objections()
        case = self._known(no, case_id_, index)
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        roles = self.ledger.programmes[case.programme].definition.waivers
        may = self.ledger.requirement(case, index).terms.waivable and org in (case.org, case.reviewer)
        no.when(not may or not self._has_role(org, roles), "MayNotWaive", case_id_, index, org)
        self._unmet(no, case_id_, index)
        self._about(no, record, case.subject)
        no.when(self.papers.author(record)[0] == sender, "OwnRecord", record, sender)
        no.when(not self.papers.complete(record), "RecordIncomplete", record)
        return self._told(no, "RequirementWaived", case_id_, org, index, sender, record=record)

    def flagOverdue(self, case_id_: bytes, index: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        case = self._known(no, case_id_, index)
        due = self.due(case, index)
        no.when(not self.late(case, index), "NotOverdue", case_id_, index, due, self.now)
        no.when(case.steps[index].flagged, "AlreadyFlagged", case_id_, index)
        no.settle()
        severity = self.ledger.requirement(case, index).terms.severity
        alert = {"subject": case.subject, "code": OVERDUE, "org": case.org}
        alert |= {"severity": severity, "ref": case_id_}
        told = self._told(no, "OverdueFlagged", case_id_, case.org, index, sender, due=due)
        return [*told, ("Alert", alert)]

    # What the rules share

    def owner(self, subject: bytes) -> int:
        if subject in self.lots.ledger.lots:
            return self.lots.ledger.lots[subject].maker
        twin = self.twins.ledger.twins.get(subject)
        return twin.owner if twin else 0

    def _known(self, no: Objections, case_id_: bytes, index: int) -> Case:
        if case_id_ not in self.ledger.cases:
            no.final("UnknownCase", case_id_)
        case = self.ledger.cases[case_id_]
        if index >= len(case.steps):
            no.final("UnknownRequirement", case_id_, index)
        return case

    def _reviewer(self, no: Objections, case_id_: bytes, case: Case, sender: str) -> int:
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        roles = self.ledger.programmes[case.programme].definition.reviewers
        named = org == case.reviewer and self._has_role(org, roles)
        no.when(org != case.org and not named, "MayNotReview", case_id_, org)
        return org

    def _has_role(self, org: int, roles: int) -> bool:
        return bool(roles) and self.consortium.has_role(org, roles)

    def _unmet(self, no: Objections, case_id_: bytes, index: int) -> None:
        status = self.status(case_id_, index)
        no.when(status.met, "AlreadyMet", case_id_, index, status)

    def _about(self, no: Objections, record: bytes, subject: bytes) -> None:
        found = self.papers.subject(record)
        no.when(found != subject, "OtherSubject", record, subject, found)

    def _told(
        self, no: Objections, name: str, case_id_: bytes, org: int, index: int, caller: str, **more: Any
    ) -> list[Fact]:
        fact = {"caseId": case_id_, "org": org, "index": index, "caller": caller, **more}
        return self._happened(no, (name, fact))

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.ledger.apply(fact)
        return list(facts)
