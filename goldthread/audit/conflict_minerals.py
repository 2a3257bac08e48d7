"""Rebuilds the state of ConflictMinerals from its events: registers of smelters, declarations, and what was
found when they were judged and products evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.chain.merkle import smelter_tree
from goldthread.hashing import keccak

FINDING = ("verdict", "originless", "validUntil", "foundAt", "clock", "registers")
NOTHING_FOUND: Mapping[str, Any] = dict.fromkeys(FINDING, 0) | {"originless": False}


@dataclass
class Declaration:
    """The newest version of what the maker of a product says of a year."""

    product: bytes
    year: int
    org: int
    version: int
    statement: Any
    """As the struct `Statement`."""
    smelters: tuple[bytes, ...]
    root: bytes
    judgement: Mapping[str, Any] = field(default_factory=lambda: NOTHING_FOUND)
    filed_version: int = 0
    filed_at: int = 0
    overdue: bool = False


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    clock: int = 0
    worsened: dict[int, int] = field(default_factory=dict)
    """By register: the clock when one of its smelters got worse last."""
    lowered: dict[int, int] = field(default_factory=dict)
    """The same of the declarations by it."""
    smelters: dict[tuple[int, bytes], Mapping[str, Any]] = field(default_factory=dict)
    """By register and smelter."""
    names: dict[tuple[int, bytes], str] = field(default_factory=dict)
    """The names of the same smelters."""
    declarations: dict[bytes, Declaration] = field(default_factory=dict)
    covered: dict[bytes, bytes] = field(default_factory=dict)
    """The declaration of each lot or part."""
    findings: dict[bytes, Mapping[str, Any]] = field(default_factory=dict)
    """By product."""
    flagged: set[tuple[bytes, int, bytes, int]] = field(default_factory=set)
    """Declaration, version, smelter and verdict."""


def declaration_id(product: bytes, year: int) -> bytes:
    """The id of the declaration of a product (32 bytes) for a calendar year."""
    return keccak(product + year.to_bytes(32, "big"))


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of ConflictMinerals, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of ConflictMinerals; raises `FoldError`."""
    match event.name:
        case "Alert":
            pass
        case "SmelterListed":
            listing, key = event["listing"], (event["org"], event["smelter"])
            if listing.smelter != event["smelter"]:
                raise FoldError(event, "the listing is that of another smelter")
            facts = {"status": listing.status, "country": listing.country, "validUntil": listing.validUntil}
            state.smelters[key], state.names[key] = facts, listing.name
        case "SmeltersWorsened" | "DeclarationsWorsened":
            if event["clock"] != state.clock + 1:
                raise FoldError(event, f"the clock stands at {state.clock}")
            state.clock = event["clock"]
            worsened = state.worsened if event.name == "SmeltersWorsened" else state.lowered
            worsened[event["org"]] = event["clock"]
        case "ProductCovered":
            known = state.declarations.get(event["declaration"])
            if known is None or known.org != event["org"]:
                raise FoldError(event, "the organisation has no such declaration")
            state.covered[event["product"]] = event["declaration"]
        case "Declared":
            _declare(state, event)
        case "Judged":
            _known(state, event).judgement = _finding(state, event)
        case "Evaluated":
            state.findings[event["product"]] = _finding(state, event)
        case "SmelterFlagged":
            declaration = _known(state, event, event["version"])
            if event["smelter"] not in declaration.smelters:
                raise FoldError(event, "the smelter is not in the declaration")
            identifier = declaration_id(event["product"], event["year"])
            flag = identifier, event["version"], event["smelter"], event["verdict"]
            if flag in state.flagged:
                raise FoldError(event, "it was flagged before")
            state.flagged.add(flag)
        case "FormSdFiled":
            declaration = _known(state, event, event["version"])
            if declaration.filed_version == event["version"]:
                raise FoldError(event, "the version was filed before")
            declaration.filed_at = declaration.filed_at or event["filedAt"]
            declaration.filed_version = event["version"]
        case "FilingOverdue":
            declaration = _known(state, event)
            if declaration.overdue or declaration.filed_version:
                raise FoldError(event, "it was filed or flagged before")
            declaration.overdue = True
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    yield View("registers", "clock", (), state.clock)
    for register, clock in state.worsened.items():
        yield View(f"register {register}", "smeltersWorsenedAt", (register,), clock)
    for register, clock in state.lowered.items():
        yield View(f"register {register}", "declarationsWorsenedAt", (register,), clock)
    for (register, smelter), facts in state.smelters.items():
        subject = f"smelter {smelter_text(smelter)} of register {register}"
        yield View(subject, "smelterOf", (register, smelter), facts)
    for identifier, known in state.declarations.items():
        subject = f"declaration of {short(known.product)} for {known.year}"
        statement = known.statement
        expected = {
            "org": known.org,
            "version": known.version,
            "register": statement.register,
            "smelters": len(known.smelters),
            "outside": statement.outside,
            "origin": statement.origin,
            "benefited": statement.benefited,
            "overdue": known.overdue,
            "filedVersion": known.filed_version,
            "filedAt": known.filed_at,
            "answers": statement.answers,
            "root": known.root,
            "document": statement.document,
        }
        yield View(subject, "declarationOf", (identifier,), expected)
        yield View(subject, "judgementOf", (identifier,), known.judgement)
    for product, identifier in state.covered.items():
        yield View(f"product {short(product)}", "coveredBy", (product,), identifier)
    for product, finding in state.findings.items():
        yield View(f"product {short(product)}", "findingOf", (product,), finding)
    for flag in state.flagged:
        subject = f"smelter {smelter_text(flag[2])} in declaration {short(flag[0])}"
        yield View(subject, "isFlagged", flag, True)


def smelter_text(smelter: bytes) -> str:
    """The number of a smelter (32 bytes) as the register writes it."""
    return smelter[:31].rstrip(b"\0").decode("ascii", "replace")


def _declare(state: State, event: Event) -> None:
    identifier, version = declaration_id(event["product"], event["year"]), event["version"]
    smelters = tuple(event["smelters"])
    if any(a >= b for a, b in zip(smelters, smelters[1:], strict=False)):
        raise FoldError(event, "the smelters do not ascend")
    before = state.declarations.get(identifier)
    newest = before.version if before else 0
    if version != newest + 1:
        raise FoldError(event, f"version {version} follows {newest}")
    if before and before.org != event["org"]:
        raise FoldError(event, f"organisation {before.org} declared before")
    root = smelter_tree(smelters).root if smelters else ZERO32
    new = Declaration(
        event["product"], event["year"], event["org"], version, event["statement"], smelters, root
    )
    if before:
        new.filed_version, new.filed_at, new.overdue = before.filed_version, before.filed_at, before.overdue
    state.declarations[identifier] = new


def _known(state: State, event: Event, version: int | None = None) -> Declaration:
    known = state.declarations.get(declaration_id(event["product"], event["year"]))
    if known is None:
        raise FoldError(event, "nobody has declared this")
    if version is not None and version != known.version:
        raise FoldError(event, f"the newest version is {known.version}")
    return known


def _finding(state: State, event: Event) -> Mapping[str, Any]:
    finding = event["finding"]
    if finding.clock != state.clock:
        raise FoldError(event, f"the clock stands at {state.clock}")
    return {name: getattr(finding, name) for name in FINDING}
