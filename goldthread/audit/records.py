"""Rebuilds the state of Records from its events: schemas, records, signatures in second place, legal holds.

On the way it checks what an auditor would: that the records of a subject have no gap, that a record has one
successor of the same subject, that nobody signs what is superseded, gone, or his own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from goldthread.audit import lots
from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.chain.records import record_id, schema_id

FOREVER = (1 << 40) - 1
"""What `retainUntil` says while a legal hold is on a record."""


@dataclass
class Schema:
    """A version of a schema. `terms` is what the event has: `IRecords.Terms`."""

    org: int
    name: str
    version: int
    terms: Any
    superseded: bool = False


@dataclass
class Record:
    """What was stated, and what became of it. `statement` is what the event has: `IRecords.Statement`."""

    statement: Any
    author: str
    org: int
    device: bytes
    sequence: int
    recorded_at: int
    late: bool
    amends: bytes = ZERO32
    reason: bytes = ZERO32
    successor: bytes = ZERO32
    signatures: dict[str, int] = field(default_factory=dict)
    """What each account signed it for."""
    disposed: bool = False

    @property
    def meanings(self) -> int:
        """What it was countersigned for, by all."""
        found = 0
        for bits in self.signatures.values():
            found |= bits
        return found


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    schemas: dict[bytes, Schema] = field(default_factory=dict)
    records: dict[bytes, Record] = field(default_factory=dict)
    counts: dict[bytes, int] = field(default_factory=dict)
    """How many records there are, by subject."""
    sequences: dict[str, int] = field(default_factory=dict)
    """The number of the last statement that an account signed and somebody brought."""
    holds: set[tuple[bytes, int, bytes]] = field(default_factory=set)
    """Record or subject, organisation and reason."""

    def complete(self, record: Record) -> bool:
        """Nothing supersedes it, and all second persons that its schema asks for have signed."""
        terms = self.schemas[record.statement.schema].terms
        enough = len(record.signatures) >= terms.secondPersons
        return record.successor == ZERO32 and enough and not terms.meanings & ~record.meanings

    def held(self, thing: bytes) -> int:
        """How many legal holds are on a record, or on a subject itself."""
        return sum(held == thing for held, _, _ in self.holds)

    def retain_until(self, id_: bytes, stock: lots.State) -> int:
        """The last second for which the documents of a record must be kept."""
        record = self.records[id_]
        subject = record.statement.subject
        if self.held(id_) or self.held(subject):
            return FOREVER
        retention = self.schemas[record.statement.schema].terms.retention
        lot = stock.lots.get(stock.units.get(subject, subject))
        if lot is not None and lot.expiry:
            other = lot.expiry + retention.afterExpiry
        else:
            other = record.recorded_at + retention.withoutExpiry
        return int(min(max(other, record.recorded_at + retention.afterRecord), FOREVER))


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of Records, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Records; raises `FoldError`."""
    if event.name == "Alert":
        return
    if event.name not in _FOLDS:
        raise FoldError(event, "nothing is known about this event")
    _FOLDS[event.name](state, event)


def views(state: State, stock: lots.State) -> Iterator[View]:
    """What every view of the contract must return. How long documents are kept depends on lots."""
    for id_, schema in state.schemas.items():
        expected = {
            "org": schema.org,
            "version": schema.version,
            "superseded": schema.superseded,
            "terms": schema.terms,
        }
        yield View(f"schema {schema.name} version {schema.version}", "schema", (id_,), expected)
        if not schema.superseded:
            key = schema.org, schema.name
            yield View(f"schema {schema.name}", "newestSchema", key, schema.version)
    for id_, record in state.records.items():
        subject = f"record {short(id_)}"
        yield View(subject, "recordOf", (id_,), _entry(state, record))
        yield View(subject, "retainUntil", (id_,), state.retain_until(id_, stock))
        for account, meanings in record.signatures.items():
            yield View(f"{subject}, {account}", "signedBy", (id_, account), meanings)
    for thing, count in state.counts.items():
        yield View(f"subject {short(thing)}", "recordCount", (thing,), count)
    for account, sequence in state.sequences.items():
        yield View(f"account {account}", "sequenceOf", (account,), sequence)
    for thing, org, reason in state.holds:
        yield View(f"legal hold on {short(thing)}", "legallyHeld", (thing, org, reason), True)
    for thing in {thing for thing, _, _ in state.holds}:
        yield View(f"object {short(thing)}", "legalHolds", (thing,), state.held(thing))


def _entry(state: State, record: Record) -> dict[str, Any]:
    statement = record.statement
    return {
        "subject": statement.subject,
        "schema": statement.schema,
        "content": statement.content,
        "author": record.author,
        "org": record.org,
        "device": record.device,
        "sequence": record.sequence,
        "effectiveAt": statement.effectiveAt,
        "recordedAt": record.recorded_at,
        "late": record.late,
        "trueCopy": statement.original != ZERO32,
        "bundle": statement.documents > 1,
        "amendment": record.amends != ZERO32,
        "disposed": record.disposed,
        "meanings": record.meanings,
        "countersigners": len(record.signatures),
        "complete": state.complete(record),
        "successor": record.successor,
    }


def _schema_defined(state: State, event: Event) -> None:
    org, name, version = event["org"], event["name"], event["version"]
    if event["schema"] != schema_id(org, name, version):
        raise FoldError(event, "the id is not that of the organisation, name and version")
    if version > 1:
        before = state.schemas.get(schema_id(org, name, version - 1))
        if before is None:
            raise FoldError(event, f"there is no version {version - 1}")
        before.superseded = True
    if version < 1 or event["schema"] in state.schemas:
        raise FoldError(event, f"version {version} does not come next")
    state.schemas[event["schema"]] = Schema(org, name, version, event["terms"])


def _written(state: State, event: Event) -> None:
    statement, subject = event["statement"], event["subject"]
    sequence = state.counts.get(subject, 0) + 1
    if event["sequence"] != sequence:
        raise FoldError(event, f"{sequence - 1} records about the subject came before this one")
    if statement.subject != subject or event["record"] != record_id(subject, sequence):
        raise FoldError(event, "the id is not that of the subject and the number")
    schema = state.schemas.get(statement.schema)
    if schema is None:
        raise FoldError(event, "the schema was never defined")
    lag = event["time"] - statement.effectiveAt
    if lag < 0 or event["late"] != (lag > schema.terms.maxLag):
        raise FoldError(event, "it is late, or not, against its schema")
    if event["signed"]:
        turn = state.sequences.get(event["author"], 0) + 1
        if event["signed"] != turn:
            raise FoldError(event, f"the author's next signed statement has the number {turn}")
        state.sequences[event["author"]] = turn
    state.counts[subject] = sequence
    state.records[event["record"]] = Record(
        statement,
        event["author"],
        event["org"],
        event["device"],
        sequence,
        event["time"],
        event["late"],
    )


def _superseded(state: State, event: Event) -> None:
    old, new = _current(state, event), state.records.get(event["successor"])
    if new is None or new.amends != ZERO32:
        raise FoldError(event, "the successor is no new record")
    if new.statement.subject != old.statement.subject or new.sequence <= old.sequence:
        raise FoldError(event, "the successor is not a later record of the same subject")
    if new.org != old.org:
        raise FoldError(event, "the successor is of another organisation")
    old.successor = event["successor"]
    new.amends, new.reason = event["record"], event["reason"]


def _countersigned(state: State, event: Event) -> None:
    record, signer = _current(state, event), event["signer"]
    if signer == record.author:
        raise FoldError(event, "the author does not sign in second place")
    before = record.signatures.get(signer, 0)
    if before & event["meaning"]:
        raise FoldError(event, "the account has signed for this before")
    record.signatures[signer] = before | event["meaning"]


def _hold_set(state: State, event: Event) -> None:
    key = event["object"], event["org"], event["reason"]
    if key in state.holds:
        raise FoldError(event, "the organisation has set this hold already")
    state.holds.add(key)


def _hold_lifted(state: State, event: Event) -> None:
    key = event["object"], event["holder"], event["reason"]
    if key not in state.holds:
        raise FoldError(event, "there is no such hold")
    state.holds.remove(key)


def _disposed(state: State, event: Event) -> None:
    record = _known(state, event)
    if record.disposed:
        raise FoldError(event, "the documents were disposed of before")
    if state.held(event["record"]) or state.held(record.statement.subject):
        raise FoldError(event, "a legal hold is on the record")
    if record.successor != ZERO32 and not state.records[record.successor].disposed:
        raise FoldError(event, "what amends it is kept")
    if event["content"] != record.statement.content:
        raise FoldError(event, "the record has other content")
    record.disposed = True


def _known(state: State, event: Event) -> Record:
    record = state.records.get(event["record"])
    if record is None:
        raise FoldError(event, "there is no such record")
    return record


def _current(state: State, event: Event) -> Record:
    record = _known(state, event)
    if record.successor != ZERO32 or record.disposed:
        raise FoldError(event, "the record is superseded or disposed of")
    return record


_FOLDS: dict[str, Callable[[State, Event], None]] = {
    "SchemaDefined": _schema_defined,
    "RecordWritten": _written,
    "RecordSuperseded": _superseded,
    "Countersigned": _countersigned,
    "LegalHoldSet": _hold_set,
    "LegalHoldLifted": _hold_lifted,
    "RecordDisposed": _disposed,
}
