"""Records in the demonstration: who writes them, and where their documents are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import Any

from _telling import DAY, HOUR, Company, Teller

from goldthread.chain.contracts import Call
from goldthread.chain.logs import receipt_events
from goldthread.chain.records import Countersignature, Statement, schema_id
from goldthread.chain.send import Receipt, Sender
from goldthread.chain.words import Duty, Meaning
from goldthread.records.archive import Archive
from goldthread.records.bundle import Bundle, Document
from goldthread.records.canonical import Json
from goldthread.records.forms import Schema
from goldthread.records.sealing import ReaderKey
from goldthread.records.signatories import printed_name
from goldthread.records.store import Store

YEAR = 366 * DAY


@dataclass(frozen=True)
class Person:
    """Somebody who works for a company, and the name under which this person signs."""

    name: str
    sender: Sender


@dataclass(frozen=True)
class Papers:
    """The records of a company about one thing, and their documents."""

    teller: Teller
    company: Company
    subject: bytes
    archive: Archive

    @classmethod
    @contextmanager
    def about(cls, subject: bytes, company: Company, teller: Teller) -> Iterator[Papers]:
        """In a folder that goes in the end, sealed to one reader."""
        with TemporaryDirectory() as folder:
            key = ReaderKey.generate()
            yield cls(teller, company, subject, Archive(Store.open(folder), [key.reader], [key]))

    def hire(self, account: int, name: str, duties: Duty) -> Person:
        """Give somebody an account of the company."""
        sender = Sender.unlocked(self.teller.chain, self.teller.accounts[account])
        consortium = self.teller.deployment.consortium
        self.teller.send(self.company, consortium.setAccount(self.company.number, sender.address, duties))
        return Person(name, sender)

    def define(self, name: str, **members: Json) -> bytes:
        """A form that the maker's people fill in within the hour, and a second one signs; the schema's id."""
        form = {
            "name": name,
            "version": 1,
            "roles": [],
            "duties": ["RECORD"],
            "signerRoles": [],
            "maxLag": HOUR,
            "secondPersons": 1,
            "meanings": ["RESPONSIBILITY"],
            "authority": "MAKER",
            "authors": "PERSONS",
            "rule": None,
            "retention": {"afterRecord": YEAR, "afterExpiry": YEAR, "withoutExpiry": 3 * YEAR},
        } | members
        terms = replace(Schema.from_json(form).terms, definition=self.keep(form))
        self.teller.send(self.company.quality, self.teller.deployment.records.defineSchema(name, 1, terms))
        return schema_id(self.company.number, name, 1)

    def keep(self, value: Json) -> bytes:
        """Keep a document; its content hash."""
        bundle = Bundle.of(Document.json(value))
        self.archive.keep(bundle)
        return bundle.content_hash

    def sign_as(self, name: str) -> bytes:
        """The hash of a printed name, with a new salt that the archive keeps."""
        opening = printed_name(name)
        self.archive.keep(opening)
        return opening.content_hash

    def statement(self, schema: bytes, value: Json, by: Person | None, age: int = 0) -> Statement:
        """What somebody, or a device, states of what took place `age` seconds ago."""
        name = bytes(32) if by is None else self.sign_as(by.name)
        at = self.teller.now() - age
        return Statement(self.subject, schema, self.keep(value), effective_at=at, signer_name=name)

    def write(self, by: Person, schema: bytes, value: Json, age: int = 0) -> bytes:
        """Write a record; its id."""
        call = self.teller.deployment.records.write(self.statement(schema, value, by, age))
        return self.written(self.teller.send(by.sender, call))

    def amendment(self, by: Person, record: bytes, value: Json, reason: str) -> Call:
        """The call that supersedes a record."""
        records = self.teller.deployment.records
        statement = self.statement(records.schemaOf(record), value, by)
        call: Call = records.amend(statement, record, self.keep({"reason": reason}))
        return call

    def countersign(self, by: Person, record: bytes) -> None:
        """Take responsibility for a record in second place."""
        records = self.teller.deployment.records
        item = Countersignature(
            record, records.contentOf(record), Meaning.RESPONSIBILITY, self.sign_as(by.name)
        )
        self.teller.send(by.sender, records.countersign(item))

    def written(self, receipt: Receipt) -> bytes:
        """The record that a transaction wrote."""
        found: bytes = self.fact(receipt)["record"]
        return found

    def fact(self, receipt: Receipt) -> Mapping[str, Any]:
        """What the event says of the record that a transaction wrote."""
        events = receipt_events(self.teller.deployment, ["Records"], receipt)
        return next(event.args for event in events if event.name == "RecordWritten")

    def read(self, record: bytes) -> Json:
        """The document of a record."""
        content = self.teller.deployment.records.contentOf(record)
        return self.archive.open(content, f"record 0x{record.hex()}").documents[0].value
