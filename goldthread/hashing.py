"""Keccak-256, with the fastest implementation that is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _choose() -> Callable[[bytes], bytes]:
    try:
        import sha3  # type: ignore[import-untyped]  # safe-pysha3, eight times as fast as eth-hash's default
    except ImportError:
        from eth_hash.auto import keccak as default

        return default
    hasher: Any = sha3.keccak_256
    return lambda data: bytes(hasher(data).digest())


keccak: Callable[[bytes], bytes] = _choose()
"""The 32 bytes of the Keccak-256 hash that Ethereum uses."""
