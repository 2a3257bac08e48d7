"""Keys that sign digests, as ERC-7913 names them: an address, or a verifier contract and a key."""

from __future__ import annotations

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from eth_keys.datatypes import PrivateKey

from .contract import Contract
from .nodes import Account

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Signer(Protocol):
    """Anything that can sign a digest."""

    @property
    def name(self) -> bytes:
        """The ERC-7913 signer: 20 bytes, or verifier and key."""

    def sign(self, digest: bytes) -> bytes:
        """The signature, as its verifier wants it."""


class Wallet:
    """The key of an externally owned account."""

    def __init__(self, account: Account, name: bytes | None = None) -> None:
        self._key = PrivateKey(account.key)
        self.name = name or bytes.fromhex(account[2:])

    def sign(self, digest: bytes) -> bytes:
        """65 bytes, v last."""
        signature = self._key.sign_msg_hash(digest)
        return signature.to_bytes()[:64] + bytes([27 + signature.v])


class SecureElement:
    """A P-256 key, as in a secure element or a phone, behind the verifier contract `ERC7913P256Verifier`."""

    def __init__(self, verifier: Contract, secret: int) -> None:
        self._key = ec.derive_private_key(secret, ec.SECP256R1())
        point = self._key.public_key().public_numbers()
        self.name = (
            bytes.fromhex(verifier.address[2:]) + point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")
        )

    def sign(self, digest: bytes, *, low: bool = True) -> bytes:
        """r and s; verifiers refuse the higher one of the two possible s."""
        r, s = decode_dss_signature(self._key.sign(digest, ec.ECDSA(Prehashed(SHA256()))))
        if (s > P256_ORDER // 2) == low:
            s = P256_ORDER - s
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
