"""Keccak-256, with the fastest implementation that is installed.

CPU time of a short hash: tiny-keccak 1, safe-pysha3 1.6, pycryptodome (eth-hash's default) 13.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _choose() -> Callable[[bytes], bytes]:
    try:
        from tiny_keccak import keccak256

        return keccak256
    except ImportError:
        pass
    try:
        import sha3  # type: ignore[import-untyped]
    except ImportError:
        from eth_hash.auto import keccak as default

        return default
    hasher: Any = sha3.keccak_256
    return lambda data: bytes(hasher(data).digest())


keccak: Callable[[bytes], bytes] = _choose()
"""The 32 bytes of the Keccak-256 hash that Ethereum uses."""
