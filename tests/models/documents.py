"""What a record commits to, written from docs/concepts.md: canonical JSON, salts, and the two trees."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

from eth_utils.crypto import keccak

from .trees import Tree

DOCUMENT, FIELD = b"\x05", b"\x06"


def text(value: Any) -> bytes:
    """Canonical JSON of values whose names are of the Basic Multilingual Plane, where the order of UTF-16
    code units is that of code points.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def flat(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[bytes, bytes]]:
    """Path and value of each field, as canonical JSON."""
    if isinstance(value, dict | list) and value:
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from flat(inner, (*path, step))
    else:
        yield text(list(path)), text(value)


def document_root(value: Any, seed: bytes) -> bytes:
    """The root of the fields of a document."""
    leaves = []
    for index, (path, inner) in enumerate(sorted(flat(value))):
        salt = hmac.digest(seed, path, hashlib.sha256)
        leaves.append(keccak(FIELD + index.to_bytes(4, "big") + salt + keccak(path) + keccak(inner)))
    return Tree(leaves).root


def content_hash(*roots: bytes) -> bytes:
    """What a record of documents with these roots has on chain."""
    if len(roots) == 1:
        return roots[0]
    return Tree(keccak(DOCUMENT + i.to_bytes(4, "big") + root) for i, root in enumerate(roots)).root
