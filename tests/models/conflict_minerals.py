"""The model of `ConflictMinerals`, written from IConflictMinerals.

What is true of a product is asked of the graph of everything it was made of and of the registers as they are:
`truth`. What was found and is kept is folded from the logs, and is never better than that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, NamedTuple

import networkx as nx
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models import form_sd
from tests.models.form_sd import Answer, FormSd, Outcome
from tests.models.lineage import Ancestor, Lineage, graph
from tests.models.rules import Fact, Objections
from tests.models.trees import ZERO, Tree
from tests.support.words import Duty, Kind, Role

FOREVER = 2**40 - 1
REGISTERS = Role.AUDITOR | Role.REGULATOR
SMELTER = keccak(text="SMELTER")[:4]
FORM_SD_OVERDUE = keccak(text="FORM_SD_OVERDUE")[:4]
MINOR, MAJOR = 1, 2


class Metal(IntEnum):
    """`IConflictMinerals.Metal`."""

    TIN = 0
    TANTALUM = 1
    TUNGSTEN = 2
    GOLD = 3


class Status(IntEnum):
    """`IConflictMinerals.Status`."""

    NONE = 0
    CONFORMANT = 1
    ACTIVE = 2
    NON_CONFORMANT = 3
    NOT_ENROLLED = 4


class Verdict(IntEnum):
    """`IConflictMinerals.Verdict`."""

    NONE = 0
    NO_MINERALS = 1
    RECYCLED = 2
    CONFORMANT = 3
    ACTIVE = 4
    NOT_ENROLLED = 5
    UNDETERMINABLE = 6
    NON_CONFORMANT = 7


MEANS = {
    Status.NONE: Verdict.UNDETERMINABLE,
    Status.CONFORMANT: Verdict.CONFORMANT,
    Status.ACTIVE: Verdict.ACTIVE,
    Status.NON_CONFORMANT: Verdict.NON_CONFORMANT,
    Status.NOT_ENROLLED: Verdict.NOT_ENROLLED,
}
ALL_SUPPLIERS = 6


class Listing(NamedTuple):
    """`IConflictMinerals.Listing`."""

    smelter: bytes
    status: Status = Status.CONFORMANT
    country: bytes = b"BO"
    valid_until: int = 0
    record: bytes = ZERO
    name: str = ""


class Statement(NamedTuple):
    """`IConflictMinerals.Statement`."""

    register: int
    outside: bool = False
    origin: Answer = Answer.NONE
    benefited: Answer = Answer.NONE
    answers: int = 0
    document: bytes = ZERO


class Finding(NamedTuple):
    """`IConflictMinerals.Finding`."""

    verdict: Verdict = Verdict.NONE
    originless: bool = False
    valid_until: int = 0
    found_at: int = 0
    clock: int = 0
    registers: int = 0

    @property
    def behind(self) -> list[int]:
        """The registers, one by one."""
        word = self.registers.to_bytes(16, "little")
        numbers = (int.from_bytes(word[at : at + 4], "little") for at in range(0, 16, 4))
        return [number for number in numbers if number]


class Listed(NamedTuple):
    """`IConflictMinerals.Smelter`."""

    status: Status = Status.NONE
    country: bytes = bytes(2)
    valid_until: int = 0

    @property
    def verdict(self) -> Verdict:
        """What the status means while it is valid."""
        return MEANS[Status(self.status)]

    @property
    def until(self) -> int:
        """Its last second."""
        return self.valid_until or FOREVER


@dataclass(frozen=True)
class Questions:
    """The answers about one metal."""

    added: int = Answer.NO
    remains: int = Answer.NONE
    covered: int = Answer.NONE
    risky: int = Answer.NONE
    recycled: int = Answer.NONE
    responded: int = 0
    identified: int = Answer.NONE
    reported: int = Answer.NONE

    @property
    def row(self) -> tuple[int, ...]:
        """In the order of the questions."""
        return tuple(vars(self).values())

    @property
    def is_in(self) -> bool:
        """Does the metal remain in the product?"""
        return self.remains == Answer.YES

    @property
    def scrap(self) -> bool:
        """Is all of it recycled or scrap?"""
        return self.recycled == Answer.YES

    @property
    def complete(self) -> bool:
        """Is nothing left open?"""
        told = self.responded, self.identified, self.reported
        return told == (ALL_SUPPLIERS, Answer.YES, Answer.YES)

    def wrong(self) -> Iterator[tuple[int, int]]:
        """Questions that have an answer which is none of theirs."""
        yes_no, or_unknown = {1, 2}, {1, 2, 3}
        allowed = [yes_no, yes_no, or_unknown, or_unknown, or_unknown, set(range(1, 7)), yes_no, yes_no]
        asked = [True, self.added == Answer.YES] + 6 * [self.added == self.remains == Answer.YES]
        for question, (answer, may, is_asked) in enumerate(zip(self.row, allowed, asked, strict=True), 1):
            if answer not in (may if is_asked else {0}):
                yield question, answer


NOT_IN = Questions()
CLEAN = Questions(2, 2, 1, 1, 1, ALL_SUPPLIERS, 2, 2)
"""It is in, not recycled, not from the covered countries, and everything about it is known."""
SCRAP = Questions(2, 2, 1, 1, 2, ALL_SUPPLIERS, 2, 2)


def pack(**metals: Questions) -> int:
    """The word of answers; a metal that is not named is not in."""
    told = {name: metals.get(name, NOT_IN) for name in ("tin", "tantalum", "tungsten", "gold")}
    return int.from_bytes(bytes(byte for questions in told.values() for byte in questions.row), "little")


def unpack(word: int) -> list[Questions]:
    """The answers of each metal."""
    data = word.to_bytes(32, "little")
    return [Questions(*data[at : at + 8]) for at in range(0, 32, 8)]


def smelter(number: str, metal: Metal) -> bytes:
    """The id of a smelter in a register."""
    return number.encode().ljust(31, b"\0") + bytes([metal])


def tree_of(smelters: Sequence[bytes]) -> Tree:
    """The tree over the smelters of a declaration."""
    leaves = (b"\x07" + index.to_bytes(4, "big") + each for index, each in enumerate(smelters))
    return Tree(map(keccak, leaves))


def declaration_id(product: bytes, year: int) -> bytes:
    """The id of a declaration."""
    return keccak(encode(["bytes32", "uint16"], [product, year]))


@dataclass(frozen=True)
class Declaration:
    """The newest version."""

    org: int
    version: int
    statement: Statement
    smelters: tuple[bytes, ...]
    overdue: bool = False
    filed_version: int = 0
    filed_at: int = 0

    @property
    def root(self) -> bytes:
        """The root of the tree of smelters."""
        return tree_of(self.smelters).root if self.smelters else ZERO

    @property
    def view(self) -> tuple[Any, ...]:
        """As `declarationOf` returns it."""
        s = self.statement
        head = self.org, self.version, s.register, len(self.smelters), s.outside, s.origin, s.benefited
        filed = self.overdue, self.filed_version, self.filed_at
        return *head, *filed, s.answers, self.root, s.document

    @property
    def form_sd(self) -> FormSd:
        """What Form SD asks."""
        s = self.statement
        remain = [metal for metal in unpack(s.answers) if metal.is_in]
        mined = [metal for metal in remain if not metal.scrap]
        reason = any(metal.covered != Answer.NO for metal in mined)
        return FormSd(bool(remain), s.outside, reason, bool(remain) and not mined, s.origin, s.benefited)


@dataclass
class MineralsLedger:
    """What the events of a ConflictMinerals contract add up to."""

    listed: dict[tuple[int, bytes], Listed] = field(default_factory=dict)
    worsened: dict[int, int] = field(default_factory=dict)
    """By register, the clock when one of its smelters got worse last."""
    lowered: dict[int, int] = field(default_factory=dict)
    """The same of the declarations by it."""
    clock: int = 0
    declarations: dict[bytes, Declaration] = field(default_factory=dict)
    judgements: dict[bytes, Finding] = field(default_factory=dict)
    findings: dict[bytes, Finding] = field(default_factory=dict)
    covered: dict[bytes, bytes] = field(default_factory=dict)
    flagged: set[tuple[bytes, int, bytes, int]] = field(default_factory=set)

    def copy(self) -> MineralsLedger:
        return MineralsLedger(
            dict(self.listed),
            dict(self.worsened),
            dict(self.lowered),
            self.clock,
            dict(self.declarations),
            dict(self.judgements),
            dict(self.findings),
            dict(self.covered),
            set(self.flagged),
        )

    def apply(self, fact: Fact) -> None:
        name, a = fact
        id_ = declaration_id(a["product"], a["year"]) if "year" in a else ZERO
        match name:
            case "SmelterListed":
                listing = a["listing"]
                told = Listed(listing[1], listing[2], listing[3])
                self.listed[a["org"], a["smelter"]] = told
            case "SmeltersWorsened":
                self.clock = self.worsened[a["org"]] = a["clock"]
            case "DeclarationsWorsened":
                self.clock = self.lowered[a["org"]] = a["clock"]
            case "Declared":
                before = self.declarations.get(id_)
                new = Declaration(a["org"], a["version"], Statement(*a["statement"]), tuple(a["smelters"]))
                if before:
                    filed = {"filed_version": before.filed_version, "filed_at": before.filed_at}
                    new = replace(new, overdue=before.overdue, **filed)
                self.declarations[id_] = new
            case "Judged":
                self.judgements[id_] = Finding(*a["finding"])
            case "ProductCovered":
                self.covered[a["product"]] = a["declaration"]
            case "Evaluated":
                self.findings[a["product"]] = Finding(*a["finding"])
            case "SmelterFlagged":
                self.flagged.add((id_, a["version"], a["smelter"], a["verdict"]))
            case "FormSdFiled":
                before = self.declarations[id_]
                first = before.filed_at or a["filedAt"]
                self.declarations[id_] = replace(before, filed_version=a["version"], filed_at=first)
            case "FilingOverdue":
                self.declarations[id_] = replace(self.declarations[id_], overdue=True)
            case "Alert":
                pass
            case _:
                raise LookupError(f"the ledger does not know the event {name}")


class ConflictMinerals:
    """The rules. Every function is called as that of the contract and returns the events that follow."""

    def __init__(self, ledger: MineralsLedger, lineage: Lineage) -> None:
        self.ledger = ledger
        self.lineage = lineage
        self.lots = lineage.lots
        self.twins = lineage.lots.twins
        self.consortium = lineage.consortium

    @property
    def now(self) -> int:
        return self.consortium.now

    # Registers

    def list(self, listings: Sequence[Listing], *, sender: str) -> list[Fact]:
        no = Objections()
        register = self.consortium.authorize(no, sender, Duty.RECORD, roles=REGISTERS)
        after, facts, worse = dict(self.ledger.listed), list[Fact](), False
        for listing in listings:
            id_, status, country, until = listing[:4]
            no.when(id_[0] == 0 or id_[31] > Metal.GOLD, "NotASmelter", id_)
            no.when(not (country.isalpha() and country.isupper()), "NotACountry", id_, country)
            lasting = status in (Status.CONFORMANT, Status.ACTIVE)
            fits = until >= self.now if lasting else until == 0
            no.when(not fits, "WrongValidity", id_, status, until)
            before, new = after.get((register, id_), Listed()), Listed(status, country, until)
            worse |= better(before.verdict, before.until, new.verdict, new.until)
            after[register, id_] = new
            told = {"smelter": id_, "org": register, "caller": sender, "listing": listing}
            facts.append(("SmelterListed", told))
        return self._happened(no, *facts, *(self._tick("SmeltersWorsened", register) if worse else ()))

    def _tick(self, name: str, register: int) -> list[Fact]:
        return [(name, {"org": register, "clock": self.ledger.clock + 1})]

    # Declarations

    def declare(
        self, product: bytes, year: int, statement: Statement, smelters: Sequence[bytes], *, sender: str
    ) -> list[Fact]:
        no = Objections()
        no.when(year < 2013 or form_sd.start_of(year) > self.now, "WrongYear", year)
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        self._maker(no, product, org)
        known = self.ledger.declarations.get(declaration_id(product, year))
        no.when(bool(known), "NotNewestVersion", product, year, 0, known.version if known else 0)
        facts = self._declared(no, product, year, org, 1, statement, smelters, ZERO, sender)
        cover = (
            [] if self._kind(product) == Kind.DESIGN else self._covered([product], year, product, org, sender)
        )
        after = self.ledger.copy()
        for fact in facts:
            after.apply(fact)
        return self._happened(
            no, *facts, *cover, *self._replaced(after, product, declaration_id(product, year))
        )

    def supersede(
        self,
        product: bytes,
        year: int,
        version: int,
        statement: Statement,
        smelters: Sequence[bytes],
        reason: bytes,
        *,
        sender: str,
    ) -> list[Fact]:
        no = Objections()
        known, org = self._declarer(no, product, year, sender)
        no.when(version != known.version, "NotNewestVersion", product, year, version, known.version)
        facts = self._declared(no, product, year, org, version + 1, statement, smelters, reason, sender)
        before = self.ledger.judgements[declaration_id(product, year)]
        return self._happened(no, *facts, *self._lowered(before, Finding(*facts[1][1]["finding"])))

    def cover(self, product: bytes, year: int, products: Sequence[bytes], *, sender: str) -> list[Fact]:
        no = Objections()
        _, org = self._declarer(no, product, year, sender)
        for each in products:
            self._maker(no, each, org)
            no.when(self._kind(each) == Kind.DESIGN, "NotCoverable", each)
        no.settle()
        facts = list[Fact]()
        for each in products:
            for fact in self._covered([each], year, product, org, sender) + self._replaced(
                self.ledger, each, declaration_id(product, year)
            ):
                self.ledger.apply(fact)
                facts.append(fact)
        return facts

    def judge(self, product: bytes, year: int, smelters: Sequence[bytes], *, sender: str) -> list[Fact]:
        no = Objections()
        known = self._known(no, product, year)
        if list_of(smelters) != known.smelters:
            self._check_list(no, known.statement, smelters)
            other = tree_of(smelters).root if smelters else ZERO
            no.when(True, "OtherSmelters", product, year, other)
        finding = self.judged(known.statement, known.smelters)
        return self._happened(no, self._judged(product, year, finding, sender))

    def _declared(
        self,
        no: Objections,
        product: bytes,
        year: int,
        org: int,
        version: int,
        statement: Statement,
        smelters: Sequence[bytes],
        reason: bytes,
        sender: str,
    ) -> list[Fact]:
        register = statement.register
        no.when(org == register or not self.is_register(register), "NotARegister", register, org)
        for metal, questions in enumerate(unpack(statement.answers)):
            for question, answer in questions.wrong():
                no.when(True, "WrongAnswer", metal, question, answer)
        self._check_list(no, statement, smelters)
        no.settle()
        where = {"product": product, "org": org, "year": year, "caller": sender, "version": version}
        told = where | {"statement": statement, "reason": reason, "smelters": [*smelters]}
        return [("Declared", told), self._judged(product, year, self.judged(statement, smelters), sender)]

    def _check_list(self, no: Objections, statement: Statement, smelters: Sequence[bytes]) -> None:
        metals = unpack(statement.answers)
        last = ZERO
        for index, each in enumerate(smelters):
            fits = each > last and each[31] <= Metal.GOLD and metals[each[31]].is_in
            no.when(not fits, "WrongSmelter", index, each)
            last = each

    def _judged(self, product: bytes, year: int, finding: Finding, sender: str) -> Fact:
        return "Judged", {"product": product, "year": year, "caller": sender, "finding": finding}

    def _covered(
        self, products: Iterable[bytes], year: int, product: bytes, org: int, sender: str
    ) -> list[Fact]:
        id_ = declaration_id(product, year)
        told = {"declaration": id_, "org": org, "caller": sender}
        return [("ProductCovered", {"product": each} | told) for each in products]

    def _replaced(self, ledger: MineralsLedger, product: bytes, declaration: bytes) -> list[Fact]:
        """What happens because the product leaves the declaration that it was in."""
        former = self.ledger.covered.get(product)
        if former is None or self._kind(product) == Kind.DESIGN:
            return []
        return self._lowered(ledger.judgements[former], ledger.judgements[declaration])

    def _lowered(self, before: Finding, after: Finding) -> list[Fact]:
        """What happens because products rest on the second judgement and no more on the first."""
        relied_on = before.verdict < Verdict.UNDETERMINABLE
        moved = relied_on and before.registers != after.registers
        if moved or better(before.verdict, before.valid_until, after.verdict, after.valid_until):
            return self._tick("DeclarationsWorsened", before.behind[0])
        return []

    # Evaluations

    def evaluate(self, ancestors: Sequence[Ancestor], *, sender: str) -> list[Fact]:
        no = Objections()
        finding = self.assessed(no, ancestors)
        told = {"product": ancestors[0].product, "caller": sender, "finding": finding}
        return self._happened(no, ("Evaluated", told))

    def assessed(self, no: Objections, ancestors: Sequence[Ancestor]) -> Finding:
        """What is found when the list is walked from the product on."""
        if not ancestors:
            no.final("NoProduct")
        reached, registers = {0}, list[int]()
        verdict, until = Verdict.NO_MINERALS, FOREVER
        originless = False
        for place, (product, inputs, quantities) in enumerate(ancestors):
            if place not in reached:
                no.final("NotNamedBefore", product)
            found = [self.ledger.judgements.get(self.ledger.covered.get(product, ZERO), Finding())]
            shown = [self.shown(found[0])[0]]
            lot = self.lots.ledger.units.get(product)
            origin = self.lineage.ledger.origin(product)
            made_of = [(lot, 0)] if lot else list(self.lineage.ledger.inputs(product))
            if made_of and not inputs:
                kept = self.ledger.findings.get(product, Finding())
                verdict_, stale = self.shown_of_product(kept)
                if place == 0 or stale or kept.verdict == Verdict.NONE:
                    no.final("WrongInputs", product)
                found, shown = [*found, kept], [*shown, verdict_]
            else:
                named = [ancestors[i].product if i < len(ancestors) else None for i in inputs]
                amounts = [0 for _ in inputs] if lot else list(quantities)
                if len(named) != len(amounts) or list(zip(named, amounts, strict=True)) != made_of:
                    no.final("WrongInputs", product)
                reached |= set(inputs)
                if place == 0:
                    originless = not lot and origin == ZERO
                if origin != ZERO and not self.lineage.ledger.processes[origin].finalised:
                    verdict = max(verdict, Verdict.UNDETERMINABLE)
            for each in found:
                registers += [number for number in each.behind if number not in registers]
                if len(registers) > 4:
                    no.final("TooManyRegisters", product)
                if each.verdict != Verdict.NONE:
                    until = min(until, each.valid_until)
            verdict = max(verdict, *shown)
        if verdict >= Verdict.UNDETERMINABLE:
            until = FOREVER
        word = sum(number << 32 * at for at, number in enumerate(registers))
        return Finding(verdict, originless, until, self.now, self.ledger.clock, word)

    # Alerts and filing

    def flag(
        self, product: bytes, year: int, each: bytes, index: int, proof: Sequence[bytes], *, sender: str
    ) -> list[Fact]:
        no = Objections()
        known = self._known(no, product, year)
        there = index < len(known.smelters) and known.smelters[index] == each
        if not there or list(proof) != tree_of(known.smelters).proof(index):
            no.final("NotInDeclaration", product, year, each)
        verdict = self.smelter_now(known.statement.register, each)
        scrap = unpack(known.statement.answers)[each[31]].scrap
        no.when(verdict <= Verdict.ACTIVE or scrap, "NothingToFlag", each, verdict)
        key = declaration_id(product, year), known.version, each, verdict
        no.when(key in self.ledger.flagged, "FlaggedBefore", product, year)
        told = {"product": product, "smelter": each, "year": year, "caller": sender}
        severity = MAJOR if verdict == Verdict.NON_CONFORMANT else MINOR
        alert = {"subject": product, "code": SMELTER, "org": known.org, "severity": severity, "ref": each}
        flagged = told | {"version": known.version, "verdict": verdict}
        return self._happened(no, ("SmelterFlagged", flagged), ("Alert", alert))

    def file(self, product: bytes, year: int, document: bytes, *, sender: str) -> list[Fact]:
        no = Objections()
        known, org = self._declarer(no, product, year, sender)
        result = form_sd.outcome(known.form_sd)
        no.when(result == Outcome.NO_FILING, "NothingToFile", product, year)
        no.when(self.now < form_sd.start_of(year + 1), "YearNotOver", year, self.now)
        no.when(known.filed_version == known.version, "AlreadyFiled", product, year, known.version)
        told = {"product": product, "org": org, "year": year, "caller": sender, "version": known.version}
        told |= {"outcome": result, "document": document, "filedAt": self.now}
        return self._happened(no, ("FormSdFiled", told | {"late": self.now > form_sd.due_at(year)}))

    def flagOverdue(self, product: bytes, year: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        known, due = self._known(no, product, year), form_sd.due_at(year)
        no.when(form_sd.outcome(known.form_sd) == Outcome.NO_FILING, "NothingToFile", product, year)
        no.when(bool(known.filed_version) or self.now <= due, "FilingNotOverdue", product, year, due)
        no.when(known.overdue, "FlaggedBefore", product, year)
        id_ = declaration_id(product, year)
        told = {"product": product, "org": known.org, "year": year, "caller": sender}
        alert = {"subject": product, "code": FORM_SD_OVERDUE, "org": known.org, "severity": MAJOR, "ref": id_}
        return self._happened(no, ("FilingOverdue", told), ("Alert", alert))

    # What is true

    def is_register(self, org: int) -> bool:
        facts = self.consortium.ledger.orgs.get(org)
        if facts is None:
            return False
        licensed = not facts.expiry or self.now <= facts.expiry
        return bool(facts.roles & REGISTERS) and not facts.suspended and licensed

    def smelter_now(self, register: int, each: bytes) -> Verdict:
        listed = self.ledger.listed.get((register, each), Listed())
        return listed.verdict if self.now <= listed.until else Verdict.UNDETERMINABLE

    def judged(self, statement: Statement, smelters: Sequence[bytes]) -> Finding:
        """What a judge finds now."""
        verdict, until = Verdict.NO_MINERALS, FOREVER
        for metal, told in enumerate(unpack(statement.answers)):
            if not told.is_in:
                continue
            if told.scrap:
                verdict = max(verdict, Verdict.RECYCLED)
                continue
            own = [each for each in smelters if each[31] == metal]
            if not own or not told.complete:
                verdict = max(verdict, Verdict.UNDETERMINABLE)
            for each in own:
                now = self.smelter_now(statement.register, each)
                listed = self.ledger.listed.get((statement.register, each), Listed())
                verdict = max(verdict, now)
                until = min(until, listed.until if now == listed.verdict else FOREVER)
        return Finding(verdict, False, until, self.now, self.ledger.clock, statement.register)

    def declared_truth(self, id_: bytes | None) -> Verdict:
        """The verdict on a declaration by what its register says now."""
        known = self.ledger.declarations.get(id_ or ZERO)
        if known is None:
            return Verdict.UNDETERMINABLE
        verdict = self.judged(known.statement, known.smelters).verdict
        rests_on_smelters = verdict > Verdict.RECYCLED
        if rests_on_smelters and not self.is_register(known.statement.register):
            return max(verdict, Verdict.UNDETERMINABLE)
        return verdict

    def truth(self, product: bytes) -> Verdict:
        """The worst of everything that the product was made of, as the graph has it."""
        made = graph(self.lots.ledger, self.lineage.ledger)
        behind = {product, *(nx.ancestors(made, product) if product in made else ())}
        processes = self.lineage.ledger.processes
        worst = max(self.declared_truth(self.ledger.covered.get(each)) for each in behind - set(processes))
        open_ = any(each in processes and not processes[each].finalised for each in behind)
        return max(worst, Verdict.UNDETERMINABLE) if open_ else worst

    def shown_of_product(self, finding: Finding) -> tuple[Verdict, bool]:
        """What was found for a product is worth now."""
        lowered = any(self.ledger.lowered.get(each, 0) > finding.clock for each in finding.behind)
        if lowered and Verdict.NONE < finding.verdict < Verdict.UNDETERMINABLE:
            return Verdict.UNDETERMINABLE, True
        return self.shown(finding)

    def shown(self, finding: Finding) -> tuple[Verdict, bool]:
        """What a judgement is worth now."""
        verdict = Verdict(finding.verdict)
        if verdict == Verdict.NONE:
            return Verdict.UNDETERMINABLE, False
        if verdict <= Verdict.RECYCLED or verdict >= Verdict.UNDETERMINABLE:
            return verdict, False
        moved = any(self.ledger.worsened.get(each, 0) > finding.clock for each in finding.behind)
        silent = not all(map(self.is_register, finding.behind))
        stale = moved or silent or self.now > finding.valid_until
        return (Verdict.UNDETERMINABLE if stale else verdict), stale

    def shown_of(self, product: bytes) -> tuple[Verdict, bool]:
        """As `verdictOf`."""
        finding = self.ledger.findings.get(product, Finding())
        verdict, stale = self.shown_of_product(finding)
        grown = finding.originless and self.lineage.ledger.origin(product) != ZERO
        if grown and verdict < Verdict.UNDETERMINABLE:
            return Verdict.UNDETERMINABLE, True
        return verdict, stale

    # Checks

    def _kind(self, product: bytes) -> Kind:
        twin = self.twins.ledger.twins.get(product)
        return twin.kind if twin else Kind.NONE

    def _maker(self, no: Objections, product: bytes, org: int) -> None:
        things = self.lots.ledger.lots.get(product) or self.twins.ledger.twins.get(product)
        maker = things.maker if things else 0
        no.when(maker != org, "NotTheMaker", product, org, maker)

    def _known(self, no: Objections, product: bytes, year: int) -> Declaration:
        known = self.ledger.declarations.get(declaration_id(product, year))
        if known is None:
            no.final("NotDeclared", product, year)
        return known

    def _declarer(self, no: Objections, product: bytes, year: int, sender: str) -> tuple[Declaration, int]:
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        known = self._known(no, product, year)
        no.when(known.org != org, "NotTheMaker", product, org, known.org)
        return known, org

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.ledger.apply(fact)
        return [*facts]


def better(before: Verdict, lasted: int, after: Verdict, lasts: int) -> bool:
    """Was it better before, and did anybody rely on it?"""
    return before < Verdict.UNDETERMINABLE and (before < after or lasted > lasts)


def list_of(smelters: Iterable[bytes]) -> tuple[bytes, ...]:
    """As a declaration keeps it."""
    return tuple(bytes(each) for each in smelters)
