"""Passkeys: what an authenticator answers, in the form in which ERC7913WebAuthnVerifier checks it.

    options = request(digest, "quality.example")         # for navigator.credentials.get in a browser
    answer = Assertion.load("answer.json")               # what it gave, PublicKeyCredential.toJSON()
    answer.check(digest, signer, "quality.example")
    signature = answer.signature                         # for a contract

An authenticator signs SHA-256 over its own data and the client's data, which has the digest as challenge
(W3C Web Authentication Level 2, 7.2). `Passkey` is one in software, for tests, demonstrations and machines
without a browser; its private key is in a file like any other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode

from goldthread.chain.devices import P256_ORDER, account_of, low_s, verify
from goldthread.chain.signers import Signer

USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP = 0x01, 0x04, 0x08, 0x10
"""Bits of the flags in the authenticator's data."""

_RP_ID_BYTES = 32
_SHORTEST = 37
"""Bytes of the authenticator's data: hash of the relying party's id, flags, counter."""

_MAX_FILE = 1 << 16

_WEB_AUTHN_AUTH = ["bytes32", "bytes32", "uint256", "uint256", "bytes", "string"]
"""r, s, places of challenge and type in the client's data, authenticator's data, client's data."""


class PasskeyError(Exception):
    """An answer that proves nothing, or that cannot be read. The message names the member and the rule."""


@dataclass(frozen=True)
class Assertion:
    """An authenticator's answer to a challenge. `r` and `s` are those of its signature, as numbers."""

    client_data: bytes
    authenticator_data: bytes
    r: int
    s: int

    @classmethod
    def from_json(cls, found: Any) -> Assertion:
        """From `PublicKeyCredential.toJSON()` of a browser. Raises `PasskeyError`."""
        response = found.get("response") if isinstance(found, Mapping) else None
        if not isinstance(response, Mapping):
            raise PasskeyError("response: is missing; give what navigator.credentials.get answered, as JSON")
        client, data, signature = (
            _bytes(f"response.{name}", response.get(name))
            for name in ("clientDataJSON", "authenticatorData", "signature")
        )
        return cls(client, data, *_numbers(signature))

    @classmethod
    def load(cls, path: str | Path) -> Assertion:
        """From a file. Raises `PasskeyError`."""
        try:
            with Path(path).open("rb") as file:
                text = file.read(_MAX_FILE)
            return cls.from_json(json.loads(text))
        except OSError as error:
            raise PasskeyError(f"{path}: {error.strerror or error}") from None
        except ValueError as error:
            raise PasskeyError(f"{path}: is no JSON: {error}") from None
        except PasskeyError as error:
            raise PasskeyError(f"{path}: {error}") from None

    @classmethod
    def from_signature(cls, signature: bytes) -> Assertion:
        """Read `signature` back. Raises `PasskeyError`."""
        from eth_abi.exceptions import DecodingError

        try:
            r, s, _, _, data, client = decode(_WEB_AUTHN_AUTH, signature)
        except (DecodingError, UnicodeDecodeError, OverflowError):
            raise PasskeyError("signature: is no WebAuthn.WebAuthnAuth in the ABI's encoding") from None
        return cls(client.encode(), data, int.from_bytes(r, "big"), int.from_bytes(s, "big"))

    def to_json(self) -> dict[str, Any]:
        """As a browser gives it, without what contracts do not ask for."""
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        return {
            "type": "public-key",
            "response": {
                "clientDataJSON": base64url(self.client_data),
                "authenticatorData": base64url(self.authenticator_data),
                "signature": base64url(encode_dss_signature(self.r, self.s)),
            },
        }

    @property
    def signature(self) -> bytes:
        """The ABI encoding of OpenZeppelin's WebAuthn.WebAuthnAuth, with the lower s: the signature for
        `ERC7913WebAuthnVerifier`.
        """
        client = self.client_data
        return encode(
            _WEB_AUTHN_AUTH,
            [
                self.r.to_bytes(32, "big"),
                low_s(self.s).to_bytes(32, "big"),
                _index(client, b'"challenge":"'),
                _index(client, b'"type":"webauthn.get"'),
                self.authenticator_data,
                client.decode("utf-8"),
            ],
        )

    def check(self, digest: bytes, signer: bytes, rp_id: str = "") -> None:
        """Raise `PasskeyError` unless the passkey `signer` (verifier and public key, 84 bytes) signed these
        32 bytes, its user was present and verified and, if `rp_id` is given, it was made for that site.

        The contract checks the same, but for the site.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        self._check_client_data(digest)
        self._check_authenticator_data(rp_id)
        if len(signer) != 84:
            raise PasskeyError(f"signer: has {len(signer)} bytes; that of a passkey has 84")
        x, y = int.from_bytes(signer[20:52], "big"), int.from_bytes(signer[52:], "big")
        signed = self.authenticator_data + hashlib.sha256(self.client_data).digest()
        try:
            key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
            key.verify(encode_dss_signature(self.r, self.s), signed, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            raise PasskeyError(f"signature: is not that of the passkey 0x{signer.hex()}") from None

    def _check_client_data(self, digest: bytes) -> None:
        try:
            told = json.loads(self.client_data)
            kind, challenge = told["type"], told["challenge"]
        except (ValueError, KeyError, TypeError):
            raise PasskeyError("clientDataJSON: is no JSON object with type and challenge") from None
        if kind != "webauthn.get":
            raise PasskeyError(f"clientDataJSON: type {kind!r}: must be 'webauthn.get'")
        if challenge != base64url(digest):
            raise PasskeyError(f"clientDataJSON: challenge {challenge!r}: must be {base64url(digest)!r}")
        for expected in (f'"challenge":"{challenge}"', '"type":"webauthn.get"'):
            if expected.encode() not in self.client_data:
                raise PasskeyError(f"clientDataJSON: must have {expected} without blanks, for the contract")

    def _check_authenticator_data(self, rp_id: str) -> None:
        data = self.authenticator_data
        if len(data) < _SHORTEST:
            raise PasskeyError(f"authenticatorData: has {len(data)} bytes, must have {_SHORTEST} or more")
        flags = data[_RP_ID_BYTES]
        if not flags & USER_PRESENT:
            raise PasskeyError("authenticatorData: nobody was present")
        if not flags & USER_VERIFIED:
            raise PasskeyError("authenticatorData: the user was not verified, by PIN or biometrics")
        if flags & BACKED_UP and not flags & BACKUP_ELIGIBLE:
            raise PasskeyError("authenticatorData: is backed up, but not eligible for backup")
        if rp_id and data[:_RP_ID_BYTES] != hashlib.sha256(rp_id.encode()).digest():
            raise PasskeyError(f"authenticatorData: was not made for the site {rp_id!r}")


@dataclass(frozen=True)
class Passkey:
    """An authenticator in software: it says that its user was present and verified, and keeps no counter.

    `key` is a P-256 key, in a file or in hardware, whose verifier is the address of the chain's
    ERC7913WebAuthnVerifier.
    """

    key: Signer
    rp_id: str
    origin: str = ""
    flags: int = USER_PRESENT | USER_VERIFIED
    _extra: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if len(self.key.signer) != 84:
            raise PasskeyError("key: is not on the curve P-256, as that of a passkey is")

    @property
    def signer(self) -> bytes:
        """The ERC-7913 signer: verifier and public key, 84 bytes."""
        return self.key.signer

    @property
    def account(self) -> str:
        """The address that stands for it in the consortium."""
        return account_of(self.key.signer)

    def answer(self, challenge: bytes) -> Assertion:
        """What a browser would give for a challenge."""
        client = json.dumps(
            {
                "type": "webauthn.get",
                "challenge": base64url(challenge),
                "origin": self.origin or f"https://{self.rp_id}",
                "crossOrigin": False,
            },
            separators=(",", ":"),
        ).encode()
        data = hashlib.sha256(self.rp_id.encode()).digest() + bytes([self.flags]) + bytes(4) + self._extra
        signature = self.key.sign(hashlib.sha256(data + hashlib.sha256(client).digest()).digest())
        r, s = (int.from_bytes(signature[place : place + 32], "big") for place in (0, 32))
        return Assertion(client, data, r, s)

    def sign(self, digest: bytes) -> bytes:
        """The signature over 32 bytes, as `ERC7913WebAuthnVerifier` wants it."""
        if len(digest) != 32:
            raise ValueError(f"a digest has 32 bytes, not {len(digest)}")
        return self.answer(digest).signature


def request(digest: bytes, rp_id: str) -> dict[str, Any]:
    """What to ask of an authenticator: the JSON of `PublicKeyCredential.parseRequestOptionsFromJSON`, for
    navigator.credentials.get.
    """
    return {"challenge": base64url(digest), "rpId": rp_id, "userVerification": "required"}


def signer_of(public_key: bytes, verifier: str) -> bytes:
    """The ERC-7913 signer of a passkey, from `AuthenticatorAttestationResponse.getPublicKey()` (DER of a
    SubjectPublicKeyInfo) and the address of the chain's ERC7913WebAuthnVerifier. Raises `PasskeyError`.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm):
        raise PasskeyError("public key: is no SubjectPublicKeyInfo in DER") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise PasskeyError("public key: is not on the curve P-256 (ES256)")
    numbers = key.public_numbers()
    return (
        bytes.fromhex(verifier.removeprefix("0x"))
        + numbers.x.to_bytes(32, "big")
        + numbers.y.to_bytes(32, "big")
    )


def is_signature(signer: bytes, digest: bytes, signature: bytes) -> bool | None:
    """Is the signature that of an ERC-7913 signer over 32 bytes? For addresses with a key of their own, P-256
    keys and passkeys; None for others, which a chain has to verify.
    """
    if len(signer) not in (20, 84):
        return None
    if len(signer) == 20 or len(signature) == 64:
        return verify(signer, digest, signature)
    try:
        Assertion.from_signature(signature).check(digest, signer)
    except PasskeyError:
        return False
    return True


def base64url(data: bytes) -> str:
    """Base64 for URLs without padding (RFC 4648, 5), as WebAuthn writes it."""
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def from_base64url(text: str) -> bytes:
    """Read `base64url` back; `ValueError`."""
    if set(text) & set("+/="):
        raise ValueError("is of the other alphabet, or padded")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _bytes(name: str, text: Any) -> bytes:
    try:
        if isinstance(text, str):
            return from_base64url(text)
    except ValueError:
        pass
    raise PasskeyError(f"{name}: must be in Base64 for URLs, as PublicKeyCredential.toJSON() gives it")


def _numbers(signature: bytes) -> tuple[int, int]:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    try:
        r, s = decode_dss_signature(signature)
    except ValueError:
        raise PasskeyError("response.signature: is no ECDSA signature in DER") from None
    if not (0 < r < P256_ORDER and 0 < s < P256_ORDER):
        raise PasskeyError("response.signature: is beyond the order of the curve P-256")
    return r, s


def _index(client: bytes, part: bytes) -> int:
    found = client.find(part)
    if found < 0:
        raise PasskeyError(f"clientDataJSON: has no {part.decode()}")
    return found
