"""Messages on their way between who prepares, who signs and who sends them, as files.

    document = Document("Release", where, message)           # by the maker's admin, with a network or without
    document = document.signed_by(key)                       # by each signer, on a machine without a network
    sender.send(document.call(deployment))                   # by the maker's admin

The file shows what is signed in plain words, and the digest with it: a file that was changed is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from goldthread.chain import eip712
from goldthread.chain.contracts import Call, Contract, Deployment
from goldthread.chain.eip712 import Domain, Message, MessageError
from goldthread.chain.passkeys import is_signature
from goldthread.chain.signers import Signer
from goldthread.files import FileError
from goldthread.hashing import keccak

SCHEMA = 1
"""Version of the format."""

_SINGLE = {
    "Confirmation": "confirm",
    "Invocation": "useSigned",
    "SignedStatement": "writeSigned",
    "SignedCountersignature": "countersignSigned",
    "Decision": "decideSigned",
    "Approval": "passGateSigned",
    "SeatRequest": "checkoutSigned",
    "SeatReturn": "checkinSigned",
    "MeterReading": "record",
}
"""What one key signs, and the function that takes it."""

KINDS = ("Release", "Minimum", "SignerSet", *_SINGLE)
"""What a document can be about."""


class DocumentError(Exception):
    """A document that cannot be read, signed or sent. The message names the field and the rule."""


@dataclass(frozen=True)
class Document:
    """A message, where it is valid, and who has signed it."""

    kind: str
    where: Domain
    message: Message
    signatures: tuple[tuple[bytes, bytes], ...] = ()
    """Signers and their signatures, in the order of the signers' hashes."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DocumentError(f"type {self.kind!r}: must be one of {', '.join(KINDS)}")
        try:
            eip712.struct_hash(self.kind, self.message)
        except MessageError as error:
            raise DocumentError(str(error)) from None

    @property
    def contract(self) -> str:
        """The module that reads it."""
        return eip712.CONTRACT_OF[self.kind]

    @property
    def digest(self) -> bytes:
        """The 32 bytes that are signed."""
        return eip712.digest(self.kind, self.where, self.message)

    def signed_by(self, key: Signer) -> Document:
        """With one more signature, or the same one again."""
        return self.with_signature(key.signer, key.sign(self.digest))

    def with_signature(self, signer: bytes, signature: bytes) -> Document:
        """With a signature that was made elsewhere; one of the same signer is replaced.

        Raises `DocumentError` for a wrong one, as far as that can be told without a chain.
        """
        if is_signature(signer, self.digest, signature) is False:
            raise DocumentError(f"signature of 0x{signer.hex()}: is not its signature over this {self.kind}")
        others = [] if self.kind in _SINGLE else [s for s in self.signatures if s[0] != signer]
        signatures = sorted([*others, (signer, signature)], key=lambda s: keccak(s[0]))
        return replace(self, signatures=tuple(signatures))

    def merged(self, other: Document) -> Document:
        """With the signatures of another copy of the same document."""
        if other.digest != self.digest:
            raise DocumentError("the documents differ in what is signed")
        found = self
        for signer, signature in other.signatures:
            found = found.with_signature(signer, signature)
        return found

    def call(self, deployment: Deployment) -> Call:
        """The call that brings it to its contract; raises `DocumentError` if it is meant for another one."""
        here = eip712.domain(self.contract, deployment.chain.id, deployment.manifest.address(self.contract))
        if (here.chain_id, here.contract.lower()) != (self.where.chain_id, self.where.contract.lower()):
            raise DocumentError(
                f"domain: is for {self.where.contract} on chain {self.where.chain_id}, not for "
                f"{here.contract} on chain {here.chain_id}"
            )
        contract = deployment.contract(self.contract)
        message = eip712.as_tuple(self.kind, self.message)
        if self.kind in _SINGLE:
            if not self.signatures:
                raise DocumentError("signatures: nobody has signed yet")
            call: Call = self._single(contract, message, *self.signatures[0])
            return call
        functions = {"Release": "release", "Minimum": "raiseMinimum", "SignerSet": "setSigners"}
        signers, made = ([s[place] for s in self.signatures] for place in (0, 1))
        brought: Call = getattr(contract, functions[self.kind])(message, signers, made)
        return brought

    def _single(self, contract: Contract, message: tuple[Any, ...], signer: bytes, signature: bytes) -> Any:
        """The call with the one signature that it needs."""
        if self.kind == "SignedCountersignature":
            return contract.countersignSigned(*message, signer, signature)
        if self.kind != "SignedStatement":
            return getattr(contract, _SINGLE[self.kind])(message, signer, signature)
        statement, supersedes, reason, device, *rest = message
        authorship = (*rest, signer, signature)
        if any(device):
            return contract.writeByDevice(statement, device, authorship)
        if any(supersedes):
            return contract.amendSigned(statement, supersedes, reason, authorship)
        return contract.writeSigned(statement, authorship)

    def to_json(self) -> dict[str, Any]:
        """For a file."""
        return {
            "schema": SCHEMA,
            "type": self.kind,
            "domain": self.where.to_json(),
            "message": eip712.full_message(self.kind, self.where, self.message)["message"],
            "digest": f"0x{self.digest.hex()}",
            "signatures": [
                {"signer": f"0x{signer.hex()}", "signature": f"0x{signature.hex()}"}
                for signer, signature in self.signatures
            ],
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Document:
        """From the contents of a file; every signature is checked. Raises `DocumentError`."""
        if found.get("schema") != SCHEMA:
            raise DocumentError(f"schema {found.get('schema')!r}: must be {SCHEMA}")
        try:
            told = found["domain"]
            where = Domain(told["name"], told["chainId"], told["verifyingContract"], told["version"])
            document = cls(found["type"], where, found["message"])
            signatures = [(_bytes(s["signer"]), _bytes(s["signature"])) for s in found["signatures"]]
            digest = found["digest"]
        except (KeyError, TypeError, ValueError) as error:
            raise DocumentError(f"is no document to sign: {error!r}") from None
        if where.name != eip712.NAMES[document.contract]:
            raise DocumentError(f"domain: a {document.kind} is for {eip712.NAMES[document.contract]}")
        if digest != f"0x{document.digest.hex()}":
            raise DocumentError("digest: is not that of the message; the file was changed")
        for signer, signature in signatures:
            document = document.with_signature(signer, signature)
        return document

    @classmethod
    def load(cls, path: str | Path) -> Document:
        """From a file; raises `FileError`."""
        import json

        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
            if not isinstance(found, dict):
                raise DocumentError("must hold a JSON object")
            return cls.from_json(found)
        except OSError as error:
            raise FileError(f"{path}: {error.strerror or error}") from None
        except (ValueError, DocumentError) as error:
            raise FileError(f"{path}: {error}") from None


def _bytes(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError(f"{text!r} does not begin with 0x")
    return bytes.fromhex(text[2:])
