"""Documents sealed to the readers that their owner names: files of age (age-encryption.org/v1, X25519).

    sealed = seal(data, [reader])                        # "age1..." for each reader
    unseal(sealed, load_keys("auditor.key"))             # by any one of them

A reader keeps a key file as `age-keygen` writes it and gives away the public part. What is on chain is a
hash of the document and its salts, not of the sealed file: sealed again for another reader it stays the same
record. The length of a sealed file tells that of the document.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyrage.x25519 import Identity, Recipient

_MAGIC = b"age-encryption.org/v1\n"
_MAX_KEY_FILE = 1 << 16


class SealError(Exception):
    """Something that cannot be sealed or opened. The message never has a key."""


@dataclass(frozen=True)
class ReaderKey:
    """The private key of a reader; make it with `generate` or `load_keys`."""

    _identity: Identity = field(repr=False)

    @classmethod
    def generate(cls) -> ReaderKey:
        """A new random key."""
        from pyrage.x25519 import Identity

        return cls(Identity.generate())

    @property
    def reader(self) -> str:
        """The public part, which documents are sealed to: `age1...`."""
        return str(self._identity.to_public())

    def save(self, path: str | Path) -> None:
        """Write a key file that only its owner may read. Raises `SealError` if there is a file already."""
        text = f"# public key: {self.reader}\n{self._identity}\n"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(text)
        except OSError as error:
            raise SealError(f"{path}: {error.strerror or error}") from None


def seal(data: bytes, readers: Sequence[str]) -> bytes:
    """The data for these readers; each opens it alone. Raises `SealError`."""
    import pyrage

    if not readers:
        raise SealError("readers: name at least one")
    recipients = [_recipient(reader) for reader in dict.fromkeys(readers)]
    sealed: bytes = pyrage.encrypt(data, recipients)
    return sealed


def is_sealed(data: bytes) -> bool:
    """Is it an age file?"""
    return data.startswith(_MAGIC)


def unseal(sealed: bytes, keys: Sequence[ReaderKey]) -> bytes:
    """What was sealed. Raises `SealError` if none of the keys opens it, or if it was changed."""
    import pyrage

    if not keys:
        raise SealError("is sealed: the key of a reader is needed")
    try:
        opened: bytes = pyrage.decrypt(sealed, [key._identity for key in keys])
    except pyrage.DecryptError as error:
        raise SealError(f"is sealed, and no key given opens it: {error}") from None
    return opened


def check_reader(reader: str) -> None:
    """Raise `SealError` unless it is the public key of a reader."""
    _recipient(reader)


def load_keys(path: str | Path) -> list[ReaderKey]:
    """The keys in a file: one in a line, lines that begin with # are comments. Raises `SealError`."""
    import pyrage
    from pyrage.x25519 import Identity

    try:
        with Path(path).open("rb") as file:
            text = file.read(_MAX_KEY_FILE + 1).decode("ascii")
    except OSError as error:
        raise SealError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        text = ""
    lines = [line.strip() for line in text.splitlines()]
    found = []
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        try:
            found.append(ReaderKey(Identity.from_str(line)))
        except pyrage.IdentityError:
            raise SealError(f"{path}, line {number}: is no key of age (AGE-SECRET-KEY-1...)") from None
    if not found or len(text) > _MAX_KEY_FILE:
        raise SealError(f"{path}: holds no key of age (AGE-SECRET-KEY-1...)")
    return found


def _recipient(reader: str) -> Recipient:
    import pyrage
    from pyrage.x25519 import Recipient

    try:
        return Recipient.from_str(reader)
    except pyrage.RecipientError:
        raise SealError(f"reader {reader!r}: must be a public key of age (age1...)") from None
