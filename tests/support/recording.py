"""Records to test with: a lot, a part, a device, the schema of a step and statements that follow it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_utils.crypto import keccak

from tests.models.records import (
    NOTHING,
    Authorship,
    Countersignature,
    Meaning,
    Retention,
    Statement,
    Terms,
    record_id,
)

from .contract import Contract, Sender, deploy
from .nodes import Receipt
from .signers import Signer
from .words import Duty, Kind
from .world import DAY, Commission, Org, World, asset, lot_uri, uri

ONE = 10**6
HOUR = 3600
YEAR = 366 * DAY
REASON, PROTOCOL = keccak(text="reason"), keccak(text="protocol")
CONTENT, NAME = keccak(text="document"), keccak(text="salted name")
QA_NAME = keccak(text="salted name of quality")
RETENTION = Retention(after_record=YEAR, after_expiry=2 * YEAR, without_expiry=3 * YEAR)
STEP = Terms(
    definition=keccak(text="the form of a step"), duties=Duty.RECORD, max_lag=HOUR, retention=RETENTION
)
"""Whoever has the duty RECORD writes, within the hour, and nobody needs to sign."""


@dataclass
class Desk:
    """The maker's lot and part, and the schema of a step that the maker defined."""

    world: World
    name: str = "step"

    @cached_property
    def contract(self) -> Contract:
        return self.world.records

    @cached_property
    def part(self) -> bytes:
        return self.world.register(uri("1"))

    @cached_property
    def expiry(self) -> int:
        return self.world.now + 2 * YEAR

    @cached_property
    def lot(self) -> bytes:
        what = Commission(lot_uri("L"), quantity=100 * ONE, expiry=self.expiry, unit=b"KGM")
        return self.world.commission(what)

    @cached_property
    def device(self) -> bytes:
        return self.world.register(asset("MIXER"), Kind.ASSET)

    @cached_property
    def step(self) -> bytes:
        return self.schema()

    def schema(self, name: str = "step", version: int = 1, *, org: Org | None = None, **terms: Any) -> bytes:
        """Define a schema like that of a step, by the maker unless somebody else is named; its id."""
        org = org or self.world.maker
        args = name, version, STEP._replace(**terms)
        id_: bytes = self.contract.defineSchema.call(*args, sender=org.quality)
        self.contract.defineSchema(*args, sender=org.quality)
        return id_

    def statement(self, schema: bytes | None = None, **fields: Any) -> Statement:
        """About the part, of this moment."""
        about = fields.pop("subject", None) or self.part
        content = fields.pop("content", CONTENT)
        how: dict[str, Any] = {"effective_at": self.world.now, "signer_name": NAME} | fields
        return Statement(about, schema or self.step, content, **how)

    def write(self, statement: Statement | None = None, sender: Sender | None = None) -> bytes:
        """By the maker's recorder unless somebody else is named; its id."""
        statement = statement or self.statement()
        sender = sender or self.world.maker.record
        record: bytes = self.contract.write.call(statement, sender=sender)
        self.contract.write(statement, sender=sender)
        return record

    def amend(self, record: bytes, statement: Statement | None = None, sender: Sender | None = None) -> bytes:
        """By the maker's recorder unless somebody else is named; the id of the amendment."""
        statement = statement or self.statement(content=keccak(record))
        args = statement, record, REASON
        sender = sender or self.world.maker.record
        amendment: bytes = self.contract.amend.call(*args, sender=sender)
        self.contract.amend(*args, sender=sender)
        return amendment

    def second(self, record: bytes, meaning: int = Meaning.REVIEW, **fields: Any) -> Countersignature:
        """A signature in second place under what the record says."""
        fields = {"content": self.contract.contentOf(record), "signer_name": QA_NAME} | fields
        return Countersignature(record, fields["content"], meaning, fields["signer_name"])

    def countersign(
        self, record: bytes, meaning: int = Meaning.REVIEW, sender: Sender | None = None
    ) -> Receipt:
        """By the maker's quality unless somebody else is named."""
        item, sender = self.second(record, meaning), sender or self.world.maker.quality
        receipt: Receipt = self.contract.countersign(item, sender=sender)
        return receipt

    def sign(
        self,
        statement: Statement,
        signer: Signer,
        sequence: int = 1,
        deadline: int | None = None,
        *,
        supersedes: bytes = NOTHING,
        reason: bytes = NOTHING,
        device: bytes = NOTHING,
    ) -> Authorship:
        """A signature under a statement, good for a day."""
        until = self.world.now + DAY if deadline is None else deadline
        args = statement, supersedes, reason, device, sequence, until
        digest = self.contract.digestOfStatement(*args)
        return Authorship(sequence, until, signer.name, signer.sign(digest))

    def rule(self, manner: int, low: int = 0, high: int = 0) -> Contract:
        """A rule of a schema, see contracts/mocks/TestRule.sol."""
        return deploy(self.world.node, "TestRule", manner, low, high)

    def enrol(self, signer: Signer, org: Org | None = None) -> bytes:
        """Give the device its key; its id."""
        sender = (org or self.world.maker).device_admin
        self.world.devices.enrol(self.device, signer.name, bytes(32), sender=sender)
        return self.device

    def attach(self, subject: bytes | None = None) -> None:
        """Attach the device, to the part unless something else is named."""
        self.world.devices.attach(self.device, subject or self.part, sender=self.world.maker.device_admin)


def written(
    statement: Statement, org: Org, author: str, sequence: int, time: int, **fields: Any
) -> tuple[str, dict[str, Any]]:
    """The event of a record that its author wrote by itself and in time, unless something else is said."""
    record = record_id(statement.subject, sequence)
    fact: dict[str, Any] = {"record": record, "subject": statement.subject}
    fact |= {"org": org.number, "author": author, "caller": author, "device": NOTHING}
    fact |= {"sequence": sequence, "late": False, "time": time, "signed": 0, "statement": statement}
    return "RecordWritten", fact | fields
