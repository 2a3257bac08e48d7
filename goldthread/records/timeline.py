"""What happened to the records of a subject, from the logs, checked against what the contract says today.

    found = read(deployment, lot)
    found.problems                                       # where logs and chain disagree
    [line.statement.effectiveAt for line in found.lines]

The numbers of a subject's records have no gap and the ids are made of them: a log that is missing, or that
belongs elsewhere, is noticed. `check` reads the documents as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldthread.chain import logs
from goldthread.chain.abi import hash_of, signature
from goldthread.chain.contracts import Contract, Deployment
from goldthread.chain.logs import Event
from goldthread.chain.records import MODULE, record_id
from goldthread.records.archive import Archive
from goldthread.records.bundle import Bundle, BundleError
from goldthread.records.signatories import name_in

FOREVER = (1 << 40) - 1
"""What `retainUntil` is under a legal hold."""

_IDS_ASKED = 200
"""Ids in one request for logs."""


@dataclass(frozen=True)
class Form:
    """A schema: its organisation, name and version, and its terms as in IRecords.Terms."""

    id: bytes
    org: int
    name: str
    version: int
    terms: Any

    def __str__(self) -> str:
        return f"{self.org}/{self.name}/{self.version}"


@dataclass(frozen=True)
class Signature:
    """One in second place. `meaning` is a bit of the library Meaning, `name` a hash, `time` unix seconds."""

    account: str
    org: int
    meaning: int
    name: bytes
    time: int
    tx_hash: str


@dataclass
class Line:
    """A record: what was written, as the event has it, and what became of it."""

    id: bytes
    event: Event
    form: Form | None
    signatures: list[Signature] = field(default_factory=list)
    amends: bytes = bytes(32)
    successor: bytes = bytes(32)
    reason: bytes = bytes(32)
    """Why it amends another one."""
    protocol: bytes = bytes(32)
    """How its documents were disposed of."""
    holds: list[tuple[int, bytes]] = field(default_factory=list)
    """Legal holds on it: organisation and reason."""
    entry: Any = None
    """IRecords.Entry, as the chain has it."""
    retain_until: int = 0

    @property
    def sequence(self) -> int:
        """Its number among the records of the subject."""
        found: int = self.event["sequence"]
        return found

    @property
    def statement(self) -> Any:
        """IRecords.Statement."""
        return self.event["statement"]

    @property
    def content(self) -> bytes:
        """The content hash."""
        found: bytes = self.statement.content
        return found

    @property
    def disposed(self) -> bool:
        """Are its documents gone, after their time?"""
        return any(self.protocol)

    @property
    def complete(self) -> bool:
        """Is it valid, with all signatures that its schema asks for?"""
        return bool(self.entry.complete)


@dataclass
class Timeline:
    """The records of a subject as of a block, in their order."""

    subject: bytes
    block: int
    lines: list[Line]
    holds: list[tuple[int, bytes]]
    """Legal holds on the subject: organisation and reason."""
    problems: list[str]

    def line(self, sequence: int) -> Line:
        """The record with this number; `KeyError`."""
        return {line.sequence: line for line in self.lines}[sequence]


@dataclass(frozen=True)
class Finding:
    """Something wrong with a record, or with the whole subject (`sequence` 0)."""

    sequence: int
    what: str
    told: str


def read(deployment: Deployment, subject: bytes) -> Timeline:
    """The records of a subject as of the newest block."""
    contract, block = deployment.records, deployment.chain.block_number()
    topics = _topics(contract)
    written = list(
        logs.events(deployment, [MODULE], last=block, topics=[topics["RecordWritten"], None, _hex(subject)])
    )
    forms = _forms(deployment, {event["statement"].schema for event in written}, block)
    lines = {
        event["record"]: Line(event["record"], event, forms.get(event["statement"].schema))
        for event in written
    }
    found = Timeline(subject, block, list(lines.values()), [], [])
    for event in _later(deployment, [*lines, subject], block):
        _apply(found, lines, event)
    found.lines.sort(key=lambda line: line.sequence)
    _compare(deployment, found)
    return found


def same_content(deployment: Deployment, record: bytes, content: bytes) -> list[bytes]:
    """Other records of any subject with these documents, which are not disposed of."""
    topic = _topics(deployment.records)["RecordWritten"]
    block = deployment.chain.block_number()
    written = logs.events(deployment, [MODULE], last=block, topics=[topic])
    ids = [e["record"] for e in written if e["statement"].content == content and e["record"] != record]
    entries = deployment.read_many([deployment.records.recordOf.prepare(id_) for id_ in ids], block)
    return [id_ for id_, entry in zip(ids, entries, strict=True) if not entry.disposed]


def check(timeline: Timeline, archive: Archive, progress: Callable[[], None] | None = None) -> list[Finding]:
    """Everything that is wrong: what the chain says, the documents in the archive, and the printed names.

    A name that was given must open; documents that were disposed of need not be there.
    Raises `StoreError` if the store cannot be read.
    """
    found = [Finding(0, "chain", told) for told in timeline.problems]
    for line in timeline.lines:
        found += [Finding(line.sequence, "signatures", told) for told in _wrong_signatures(line)]
        if not line.disposed:
            found += [Finding(line.sequence, "documents", told) for told in _wrong_documents(line, archive)]
        for who, name in names(line):
            if any(name):
                told = _wrong_name(archive, name)
                found += [Finding(line.sequence, "printed name", f"of {who}: {told}")] if told else []
        if progress is not None:
            progress()
    return found


def names(line: Line) -> list[tuple[str, bytes]]:
    """Accounts that signed a record, the author first, and the hashes of their printed names."""
    return [
        (line.event["author"], line.statement.signerName),
        *((signature.account, signature.name) for signature in line.signatures),
    ]


def _wrong_signatures(line: Line) -> Iterator[str]:
    accounts = {signature.account for signature in line.signatures}
    if line.event["author"] in accounts:
        yield f"{line.event['author']} is the author and signed in second place"
    meanings = 0
    for one in line.signatures:
        meanings |= one.meaning
    if meanings != line.entry.meanings:
        yield f"the logs have the meanings {meanings:#x}, the chain has {line.entry.meanings:#x}"
    if len(accounts) != line.entry.countersigners:
        yield f"the logs have {len(accounts)} countersigners, the chain has {line.entry.countersigners}"
    if line.form is None:
        yield f"its schema 0x{line.statement.schema.hex()} is not in the logs"
        return
    terms = line.form.terms
    signed = len(accounts) >= terms.secondPersons and meanings & terms.meanings == terms.meanings
    valid = signed and not any(line.successor)
    if line.entry.complete != valid:
        yield f"by the logs it is {_COMPLETE[valid]}, by the chain it is {_COMPLETE[line.entry.complete]}"


_COMPLETE = {False: "not complete", True: "complete"}


def _wrong_documents(line: Line, archive: Archive) -> Iterator[str]:
    found = archive.find(line.content)
    yield from found.problems
    if found.bundle is None:
        if not found.copies:
            yield f"{archive.store.url} has none with the hash 0x{line.content.hex()}"
        return
    count = len(found.bundle.documents)
    if count != line.statement.documents:
        yield f"are {count}, the record has {line.statement.documents}"


def _wrong_name(archive: Archive, name: bytes) -> str:
    found = archive.find(name)
    if found.bundle is None:
        return "; ".join(found.problems) or f"{archive.store.url} has no opening of 0x{name.hex()}"
    try:
        name_in(found.bundle)
    except BundleError as error:
        return f"0x{name.hex()} {error}"
    return "; ".join(found.problems)


def printed(archive: Archive | None, name: bytes) -> str | None:
    """The printed name behind its hash, if the archive has it and opens it."""
    opened = opened_document(archive, name)
    try:
        return None if opened is None else name_in(opened)
    except BundleError:
        return None


def explained(archive: Archive | None, digest: bytes) -> str | None:
    """The words behind a reason or protocol if the archive has them, else its digest; None for none."""
    if not any(digest):
        return None
    opened = opened_document(archive, digest)
    value = opened.documents[0].value if opened is not None else None
    words = list(value.values()) if isinstance(value, dict) else []
    return words[0] if len(words) == 1 and isinstance(words[0], str) else _hex(digest)


def opened_document(archive: Archive | None, content: bytes) -> Bundle | None:
    """The documents with this hash, if the archive has them and opens them."""
    return None if archive is None or not any(content) else archive.find(content).bundle


# ---------------------------------------------------------------------------------------------- from the logs


def _topics(contract: Contract) -> dict[str, str]:
    return {entry["name"]: _hex(hash_of(signature(entry))) for entry in contract.events.values()}


def _forms(deployment: Deployment, ids: Iterable[bytes], block: int) -> dict[bytes, Form]:
    topic = _topics(deployment.records)["SchemaDefined"]
    found = {}
    for some in _some(list(ids)):
        for event in logs.events(deployment, [MODULE], last=block, topics=[topic, list(map(_hex, some))]):
            form = Form(event["schema"], event["org"], event["name"], event["version"], event["terms"])
            found[form.id] = form
    return found


def _later(deployment: Deployment, ids: Sequence[bytes], block: int) -> list[Event]:
    """Events about these records and this subject, in their order."""
    topics = _topics(deployment.records)
    kinds = [topics[name] for name in _AFTER]
    found: list[Event] = []
    for some in _some(ids):
        found += logs.events(deployment, [MODULE], last=block, topics=[kinds, list(map(_hex, some))])
    return sorted(found, key=lambda event: (event.block, event.index))


_AFTER = ("RecordSuperseded", "Countersigned", "LegalHoldSet", "LegalHoldLifted", "RecordDisposed")


def _apply(found: Timeline, lines: dict[bytes, Line], event: Event) -> None:
    """Bring the lines up to date with one more event."""
    if event.name in ("LegalHoldSet", "LegalHoldLifted"):
        object_ = event["object"]
        holds = found.holds if object_ == found.subject else lines[object_].holds
        if event.name == "LegalHoldSet":
            holds.append((event["org"], event["reason"]))
        elif (event["holder"], event["reason"]) in holds:
            holds.remove((event["holder"], event["reason"]))
        else:
            found.problems.append(f"a legal hold on 0x{object_.hex()} was lifted that nobody had set")
        return
    line = lines[event["record"]]
    if event.name == "RecordSuperseded":
        line.successor = event["successor"]
        if event["successor"] in lines:
            lines[event["successor"]].amends = line.id
            lines[event["successor"]].reason = event["reason"]
        else:
            told = f"number {line.sequence} is superseded by 0x{event['successor'].hex()}, which is not there"
            found.problems.append(told)
    elif event.name == "Countersigned":
        account, org, meaning = event["signer"], event["org"], event["meaning"]
        signed = Signature(account, org, meaning, event["signerName"], event["time"], event.tx_hash)
        line.signatures.append(signed)
    else:
        line.protocol = event["protocol"]


def _compare(deployment: Deployment, found: Timeline) -> None:
    """Note where the chain says something else than the logs."""
    contract, ids = deployment.records, [line.id for line in found.lines]
    calls = [contract.recordOf.prepare(id_) for id_ in ids]
    calls += [contract.retainUntil.prepare(id_) for id_ in ids]
    calls += [contract.legalHolds.prepare(id_) for id_ in [*ids, found.subject]]
    calls.append(contract.recordCount.prepare(found.subject))
    answers = deployment.read_many(calls, found.block)
    count, total = answers.pop(), len(ids)
    numbers = [line.sequence for line in found.lines]
    if numbers != list(range(1, count + 1)):
        missing = sorted({*range(1, count + 1)} - {*numbers})
        told = f"the chain has {count} records, the logs have {total}"
        told += f"; missing: {', '.join(map(str, missing))}" if missing else ""
        found.problems.append(told)
    for place, line in enumerate(found.lines):
        line.entry, line.retain_until = answers[place], answers[total + place]
        told = f"number {line.sequence}: "
        if line.id != record_id(found.subject, line.sequence):
            found.problems.append(f"{told}has the id of another number or subject")
        found.problems += [told + wrong for wrong in _wrong_entry(line)]
        found.problems += [told + wrong for wrong in _wrong_holds(line.holds, answers[2 * total + place])]
    found.problems += [f"subject: {wrong}" for wrong in _wrong_holds(found.holds, answers[3 * total])]


def _wrong_entry(line: Line) -> Iterator[str]:
    event, statement = line.event, line.statement
    expected = {
        "subject": event["subject"],
        "schema": statement.schema,
        "content": statement.content,
        "author": event["author"],
        "org": event["org"],
        "device": event["device"],
        "sequence": event["sequence"],
        "effectiveAt": statement.effectiveAt,
        "recordedAt": event["time"],
        "late": event["late"],
        "trueCopy": any(statement.original),
        "bundle": statement.documents > 1,
        "amendment": any(line.amends),
        "disposed": line.disposed,
        "successor": line.successor,
    }
    for name, value in expected.items():
        there = getattr(line.entry, name)
        if there != value:
            yield f"{name} is {_shown(value)} in the logs, {_shown(there)} on the chain"


def _wrong_holds(holds: Sequence[tuple[int, bytes]], count: int) -> Iterator[str]:
    if len(holds) != count:
        yield f"the logs have {len(holds)} legal holds, the chain has {count}"


def _shown(value: Any) -> Any:
    return _hex(value) if isinstance(value, bytes) else value


def _some(ids: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for first in range(0, len(ids), _IDS_ASKED):
        yield ids[first : first + _IDS_ASKED]


def _hex(word: bytes) -> str:
    return f"0x{word.hex()}"
