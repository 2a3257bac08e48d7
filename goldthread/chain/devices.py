"""Keys of devices and gateways in software, and the ERC-7913 form in which contracts know a signer.

A device with a secure element signs the same 32-byte digests inside (`goldthread.chain.hsm`); these keys
stand in for it in gateways, on a bench and in tests. A key is read from a file and never shown: `repr` has
the signer only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldthread.hashing import keccak

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Curve(StrEnum):
    """The elliptic curves that devices sign on."""

    SECP256K1 = "secp256k1"
    P256 = "p256"


class KeyFileError(Exception):
    """The file holds no key that can be used. The message names the file and the reason, never the key."""


@dataclass(frozen=True)
class SoftKey:
    """A private key in memory.

    `signer` is the ERC-7913 signer: the address (secp256k1), or the verifier contract's address and the
    public key, 20 + 64 bytes (P-256).
    """

    curve: Curve
    signer: bytes
    _secret: int = field(repr=False)

    @classmethod
    def secp256k1(cls, secret: bytes) -> SoftKey:
        """From the 32 bytes of a secp256k1 key."""
        from coincurve import PublicKey

        public = PublicKey.from_valid_secret(secret).format(compressed=False)
        return cls(Curve.SECP256K1, keccak(public[1:])[12:], int.from_bytes(secret, "big"))

    @classmethod
    def p256(cls, secret: int, verifier: str) -> SoftKey:
        """From the number of a P-256 key; `verifier` is the address of the chain's ERC7913P256Verifier."""
        numbers = _p256_key(secret).public_key().public_numbers()
        public = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        return cls(Curve.P256, bytes.fromhex(verifier.removeprefix("0x")) + public, secret)

    @classmethod
    def generate(cls, curve: Curve, verifier: str = "") -> SoftKey:
        """A new random key."""
        import secrets

        if curve is Curve.SECP256K1:
            return cls.secp256k1(_random_secp256k1())
        return cls.p256(secrets.randbelow(P256_ORDER - 1) + 1, verifier)

    @classmethod
    def load(cls, path: str | Path, passphrase: str = "", verifier: str = "") -> SoftKey:
        """From a file: PEM (PKCS #8 or SEC 1, P-256 or secp256k1) or an Ethereum keystore, encrypted or not.

        `verifier` is needed for P-256. Raises `KeyFileError`.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise KeyFileError(f"{path}: {error.strerror or error}") from None
        if content.lstrip().startswith(b"{"):
            return cls.secp256k1(_keystore_secret(path, content, passphrase))
        return cls._from_pem(path, content, passphrase, verifier)

    @staticmethod
    def is_encrypted(path: str | Path) -> bool:
        """True if the file needs a passphrase."""
        try:
            content = Path(path).read_bytes()
        except OSError:
            return False
        return content.lstrip().startswith(b"{") or b"ENCRYPTED" in content

    def sign(self, digest: bytes) -> bytes:
        """Sign 32 bytes, deterministically (RFC 6979) and with the lower of the two possible s.

        secp256k1: r, s and v, 65 bytes. P-256: r and s, 64 bytes.
        """
        if len(digest) != 32:
            raise ValueError(f"a digest has 32 bytes, not {len(digest)}")
        if self.curve is Curve.SECP256K1:
            from coincurve import PrivateKey

            signature = PrivateKey(self._secret.to_bytes(32, "big")).sign_recoverable(digest, hasher=None)
            return signature[:64] + bytes([signature[64] + 27])
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        scheme = ec.ECDSA(utils.Prehashed(hashes.SHA256()), deterministic_signing=True)
        r, s = utils.decode_dss_signature(_p256_key(self._secret).sign(digest, scheme))
        return r.to_bytes(32, "big") + low_s(s).to_bytes(32, "big")

    @property
    def account(self) -> str:
        """The address that stands for the signer in the consortium (library Signers)."""
        return account_of(self.signer)

    @classmethod
    def _from_pem(cls, path: str | Path, content: bytes, passphrase: str, verifier: str) -> SoftKey:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(content, passphrase.encode() or None)
        except TypeError:
            needed = (
                "is encrypted: a passphrase is needed"
                if not passphrase
                else "is not encrypted: no passphrase"
            )
            raise KeyFileError(f"{path}: {needed}") from None
        except Exception as error:
            raise KeyFileError(
                f"{path}: holds no private key in PEM, or the passphrase is wrong ({error})"
            ) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(
            key.curve, ec.SECP256R1 | ec.SECP256K1
        ):
            raise KeyFileError(f"{path}: the key is on neither of the curves P-256 and secp256k1")
        secret = key.private_numbers().private_value
        if isinstance(key.curve, ec.SECP256K1):
            return cls.secp256k1(secret.to_bytes(32, "big"))
        if not verifier:
            raise KeyFileError(f"{path}: a P-256 key needs the address of the verifier contract")
        return cls.p256(secret, verifier)


def account_of(signer: bytes) -> str:
    """The address that stands for an ERC-7913 signer, with its checksum (library Signers)."""
    from eth_utils.address import to_checksum_address

    return to_checksum_address(signer if len(signer) == 20 else keccak(signer)[12:])


def low_s(s: int) -> int:
    """The lower of the two s of a P-256 signature; contracts refuse the other one."""
    return min(s, P256_ORDER - s)


def verify(signer: bytes, digest: bytes, signature: bytes) -> bool:
    """Is the signature the signer's over the digest? For addresses (65 bytes) and P-256 signers (64 bytes).

    As the contracts do, refuses the higher s. Signers behind other verifiers need a chain.
    """
    if len(signer) == 20:
        return _verify_secp256k1(signer, digest, signature)
    if len(signer) != 84:
        raise ValueError("only addresses and P-256 signers (20 + 64 bytes) are verified without a chain")
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if len(signature) != 64 or low_s(s) != s:
        return False
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(signer[20:52], "big"), int.from_bytes(signer[52:], "big"), ec.SECP256R1()
    )
    try:
        scheme = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
        numbers.public_key().verify(utils.encode_dss_signature(r, s), digest, scheme)
    except (InvalidSignature, ValueError):
        return False
    return True


def _verify_secp256k1(signer: bytes, digest: bytes, signature: bytes) -> bool:
    from coincurve import PublicKey

    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    if len(signature) != 65 or signature[64] not in (27, 28):
        return False
    if int.from_bytes(signature[32:64], "big") > order // 2:
        return False
    try:
        recoverable = signature[:64] + bytes([signature[64] - 27])
        public = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except Exception:
        return False
    return keccak(public.format(compressed=False)[1:])[12:] == signer


def _keystore_secret(path: str | Path, content: bytes, passphrase: str) -> bytes:
    from eth_account import Account

    try:
        keystore: Any = json.loads(content)
        return bytes(Account.decrypt(keystore, passphrase))
    except Exception as error:
        raise KeyFileError(f"{path}: is no keystore, or the passphrase is wrong ({error})") from None


def _p256_key(secret: int) -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.derive_private_key(secret, ec.SECP256R1())


def _random_secp256k1() -> bytes:
    from coincurve import PrivateKey

    return PrivateKey().secret
