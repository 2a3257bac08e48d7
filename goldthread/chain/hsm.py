"""P-256 keys in hardware, by PKCS#11: smart cards, secure elements and network modules, or SoftHSM.

    with HsmKey.open("/usr/lib/softhsm/libsofthsm2.so", token="plant", label="release", pin=pin,
                     verifier=manifest.address("ERC7913P256Verifier")) as key:
        signature = key.sign(digest)

The key never leaves the token. Needs the extra `hsm` (python-pkcs11).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goldthread.chain.devices import low_s

_P256_PARAMETERS = bytes.fromhex("06082a8648ce3d030107")
"""DER of the object identifier 1.2.840.10045.3.1.7."""

_POINT_HEADER = bytes.fromhex("044104")
"""DER of an octet string of 65 bytes that begins with 4: an uncompressed point."""


class HsmError(Exception):
    """The token has no key that can be used. The message names module, token and label, never the PIN."""


@dataclass(frozen=True)
class HsmKey:
    """A private key in a token, in an open session; make it with `open`."""

    signer: bytes
    _key: Any = field(repr=False)

    @classmethod
    @contextmanager
    def open(cls, module: str | Path, token: str, label: str, pin: str, verifier: str) -> Iterator[HsmKey]:
        """Log in to the token for as long as the block runs.

        `module` is the PKCS#11 library, `token` and `label` name token and key pair, `verifier` is the
        address of the chain's ERC7913P256Verifier. Raises `HsmError`.
        """
        where = f"{module}, token {token!r}"
        try:
            import pkcs11
            from pkcs11 import Attribute, ObjectClass
        except ImportError:
            raise HsmError("python-pkcs11 is not installed: pip install goldthread[hsm]") from None
        try:
            session = pkcs11.lib(str(module)).get_token(token_label=token).open(user_pin=pin)
        except Exception as error:
            raise HsmError(f"{where}: {_reason(error)}") from None
        try:
            try:
                private = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)
                public = session.get_key(object_class=ObjectClass.PUBLIC_KEY, label=label)
                parameters, point = public[Attribute.EC_PARAMS], public[Attribute.EC_POINT]
            except Exception as error:
                raise HsmError(f"{where}: no key pair {label!r}: {_reason(error)}") from None
            if parameters != _P256_PARAMETERS or point[:3] != _POINT_HEADER or len(point) != 67:
                raise HsmError(f"{where}: the key {label!r} is not on the curve P-256")
            yield cls(bytes.fromhex(verifier.removeprefix("0x")) + bytes(point[3:]), private)
        finally:
            session.close()

    def sign(self, digest: bytes) -> bytes:
        """Sign 32 bytes inside the token: r and the lower s, 64 bytes."""
        from pkcs11 import Mechanism

        if len(digest) != 32:
            raise ValueError(f"a digest has 32 bytes, not {len(digest)}")
        signature = bytes(self._key.sign(digest, mechanism=Mechanism.ECDSA))
        s = int.from_bytes(signature[32:], "big")
        return signature[:32] + low_s(s).to_bytes(32, "big")


def _reason(error: Exception) -> str:
    """What PKCS#11 says: its errors have names and seldom a text."""
    return str(error) or type(error).__name__
