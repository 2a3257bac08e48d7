"""Records as the contract Records takes them: statements, signatures in second place, and what is signed.

    statement = Statement(subject, schema, content, effective_at=1_800_000_000)
    call = deployment.records.write(statement)                                   # the author sends it itself
    call = write_signed(deployment, statement, key, deadline=1_800_003_600)      # or somebody else brings it
    receipt = sender.send(call)
    record_id(subject, 1)                                                        # the first record about it

A key is anything with the protocol `goldthread.chain.signers.Signer`: a wallet, a passkey, a secure element.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode

from goldthread.chain import eip712
from goldthread.chain.contracts import Call, Deployment
from goldthread.chain.devices import account_of
from goldthread.chain.signers import Signer
from goldthread.chain.words import Authority, Authors, Meaning
from goldthread.hashing import keccak

NOTHING = bytes(32)
MODULE = "Records"
NOBODY = "0x" + 40 * "0"


@dataclass(frozen=True)
class Retention:
    """How long documents are kept (IRecords.Retention): until the last of the times that apply. Seconds."""

    after_record: int = 0
    after_expiry: int = 0
    without_expiry: int = 0


@dataclass(frozen=True)
class Terms:
    """What a schema asks of its records (IRecords.Terms). `roles`, `duties` and `signer_roles` are bits of
    `goldthread.chain.words.Role` and `Duty`, `max_lag` is in seconds.
    """

    definition: bytes
    roles: int = 0
    duties: int = 0
    signer_roles: int = 0
    max_lag: int = 0
    second_persons: int = 0
    meanings: int = 0
    authority: Authority = Authority.ANYONE_ALLOWED
    authors: Authors = Authors.PERSONS
    rule: str = NOBODY
    retention: Retention = Retention()


@dataclass(frozen=True)
class Statement:
    """What an author states (IRecords.Statement).

    `content` is the digest of the document or, where `documents` is more than 1, the root of their tree;
    `original` is zero unless this is a true copy; `signer_name` the salted hash of the author's printed name.
    """

    subject: bytes
    schema: bytes
    content: bytes
    documents: int = 1
    effective_at: int = 0
    original: bytes = NOTHING
    signer_name: bytes = NOTHING
    data: bytes = b""
    uri: str = ""

    @property
    def message(self) -> dict[str, Any]:
        """For `goldthread.chain.eip712`, with the names of the Solidity struct."""
        return {
            "subject": self.subject,
            "schema": self.schema,
            "content": self.content,
            "documents": self.documents,
            "effectiveAt": self.effective_at,
            "original": self.original,
            "signerName": self.signer_name,
            "data": self.data,
            "uri": self.uri,
        }


@dataclass(frozen=True)
class Countersignature:
    """A signature in second place (IRecords.Countersignature); `content` is what the signer saw."""

    record: bytes
    content: bytes
    meaning: Meaning
    signer_name: bytes = NOTHING

    @property
    def message(self) -> dict[str, Any]:
        """For `goldthread.chain.eip712`, with the names of the Solidity struct."""
        return {
            "record": self.record,
            "content": self.content,
            "meaning": int(self.meaning),
            "signerName": self.signer_name,
        }


@dataclass(frozen=True)
class Amendment:
    """What a statement amends: the record, and the digest of the document that says why."""

    supersedes: bytes = NOTHING
    reason: bytes = NOTHING


NEW = Amendment()
"""A statement that amends nothing."""


def schema_id(org: int, name: str, version: int) -> bytes:
    """The id of a schema: hash of its organisation, its name and its version, counted from 1."""
    return keccak(encode(["uint32", "string", "uint16"], [org, name, version]))


def record_id(subject: bytes, sequence: int) -> bytes:
    """The id of the record with this number, counted from 1, of a subject (32 bytes)."""
    return keccak(encode(["bytes32", "uint32"], [subject, sequence]))


def statement_message(
    statement: Statement, sequence: int, deadline: int, *, amendment: Amendment = NEW, device: bytes = NOTHING
) -> dict[str, Any]:
    """The message `SignedStatement` that an author signs; `device` is zero for a person."""
    return {
        "statement": statement.message,
        "supersedes": amendment.supersedes,
        "reason": amendment.reason,
        "device": device,
        "sequence": sequence,
        "deadline": deadline,
    }


def countersignature_message(item: Countersignature, deadline: int) -> dict[str, Any]:
    """The message `SignedCountersignature` that a second person signs."""
    return {"item": item.message, "deadline": deadline}


def digest(deployment: Deployment, struct: str, message: Mapping[str, Any]) -> bytes:
    """The 32 bytes to sign for the deployed contract Records."""
    where = eip712.domain(MODULE, deployment.chain.id, deployment.records.address)
    return eip712.digest(struct, where, message)


def next_sequence(deployment: Deployment, signer: bytes) -> int:
    """The number of the next statement that this ERC-7913 signer signs."""
    newest: int = deployment.records.sequenceOf(account_of(signer))
    return newest + 1


def write_signed(
    deployment: Deployment, statement: Statement, key: Signer, deadline: int, *, sequence: int | None = None
) -> Call:
    """The call that brings a statement that the key signs; anyone sends it, until `deadline` (unix seconds).

    `sequence` is asked of the chain unless it is given, for statements that wait for the one before.
    """
    authorship = _authorship(deployment, statement, key, deadline, sequence)
    call: Call = deployment.records.writeSigned(statement, authorship)
    return call


def write_by_device(
    deployment: Deployment,
    statement: Statement,
    device: bytes,
    key: Signer,
    deadline: int,
    *,
    sequence: int | None = None,
) -> Call:
    """As `write_signed`, for machine data that a device (its twin's id) signs."""
    authorship = _authorship(deployment, statement, key, deadline, sequence, device=device)
    call: Call = deployment.records.writeByDevice(statement, device, authorship)
    return call


def amend_signed(
    deployment: Deployment,
    statement: Statement,
    amendment: Amendment,
    key: Signer,
    deadline: int,
    *,
    sequence: int | None = None,
) -> Call:
    """As `write_signed`, for a statement that supersedes a record."""
    authorship = _authorship(deployment, statement, key, deadline, sequence, amendment=amendment)
    args = statement, amendment.supersedes, amendment.reason, authorship
    call: Call = deployment.records.amendSigned(*args)
    return call


def countersign_signed(deployment: Deployment, item: Countersignature, key: Signer, deadline: int) -> Call:
    """The call that brings a signature in second place; anyone sends it, until `deadline` (unix seconds)."""
    hash_ = digest(deployment, "SignedCountersignature", countersignature_message(item, deadline))
    call: Call = deployment.records.countersignSigned(item, deadline, key.signer, key.sign(hash_))
    return call


def _authorship(
    deployment: Deployment,
    statement: Statement,
    key: Signer,
    deadline: int,
    sequence: int | None,
    *,
    amendment: Amendment = NEW,
    device: bytes = NOTHING,
) -> tuple[int, int, bytes, bytes]:
    number = next_sequence(deployment, key.signer) if sequence is None else sequence
    message = statement_message(statement, number, deadline, amendment=amendment, device=device)
    signature = key.sign(digest(deployment, "SignedStatement", message))
    return number, deadline, key.signer, signature
