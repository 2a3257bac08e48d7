"""Whatever signs 32 bytes: a key in memory, from a keystore file or in hardware, behind one protocol."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Signer(Protocol):
    """A key that signs the digests of this package's messages."""

    @property
    def signer(self) -> bytes:
        """The ERC-7913 signer, as which contracts know it: an address, or verifier and public key."""

    def sign(self, digest: bytes) -> bytes:
        """The signature over 32 bytes, as the signer's verifier wants it, with the lower s."""
