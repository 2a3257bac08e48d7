"""More keys that a device can have: RSA and WebAuthn, signing for OpenZeppelin's ERC-7913 verifiers."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from functools import cache
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from eth_abi.abi import encode

from .contract import Contract
from .signers import SecureElement

USER_PRESENT, USER_VERIFIED = 0x01, 0x04


class SmartCard:
    """An RSA key behind `ERC7913RSAVerifier`: PKCS #1 v1.5 over the SHA-256 of the digest."""

    def __init__(self, verifier: Contract) -> None:
        self._key = _rsa_key()
        public = self._key.public_key().public_numbers()
        exponent, modulus = (n.to_bytes((n.bit_length() + 7) // 8, "big") for n in (public.e, public.n))
        self.name = bytes.fromhex(verifier.address[2:]) + encode(["bytes", "bytes"], [exponent, modulus])

    def sign(self, digest: bytes) -> bytes:
        """As long as the modulus."""
        return self._key.sign(digest, padding.PKCS1v15(), SHA256())


class Passkey:
    """A WebAuthn credential behind `ERC7913WebAuthnVerifier`: the digest is the challenge."""

    def __init__(self, verifier: Contract, secret: int) -> None:
        self._element = SecureElement(verifier, secret)
        self.name = self._element.name

    def sign(self, digest: bytes, *, flags: int = USER_PRESENT | USER_VERIFIED) -> bytes:
        """The assertion as `WebAuthn.WebAuthnAuth`."""
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        claims = {"type": "webauthn.get", "challenge": challenge, "origin": "https://logger.example"}
        client = json.dumps(claims, separators=(",", ":"))
        authenticator = sha256(b"logger.example").digest() + bytes([flags]) + (1).to_bytes(4, "big")
        signature = self._element.sign(sha256(authenticator + sha256(client.encode()).digest()).digest())
        where = client.index('"challenge"'), client.index('"type"')
        assertion = signature[:32], signature[32:], *where, authenticator, client
        return encode(["bytes32", "bytes32", "uint256", "uint256", "bytes", "string"], assertion)


@cache
def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
