"""Which namespace a URI belongs to, from the GS1 General Specifications and the NatSpec of `Ids`."""

from __future__ import annotations

import re

from eth_utils.crypto import keccak

# Indicator of a GTIN, extension digit of an SSCC, leading zero of a GRAI, indicator of the GTIN in an ITIP:
# one digit that stands before the company prefix.
DIGITS_BEFORE_PREFIX = {
    b"00": 1, b"01": 1, b"253": 0, b"255": 0, b"401": 0, b"402": 0, b"414": 0, b"417": 0,
    b"8003": 1, b"8004": 0, b"8006": 1, b"8010": 0, b"8013": 0, b"8017": 0, b"8018": 0,
}  # fmt: skip
STEM = b"https://id.gs1.org/"
AUTHORITY = re.compile(rb"https?://[^/]*/|(?!https?://)(?:[^:]*:){3}", re.DOTALL)
"""http(s) up to the end of the host, everything else up to its third colon."""


def authority_of(text: str) -> bytes:
    """The part of a URI that names who is responsible for it; empty if there is none."""
    match = AUTHORITY.match(text.encode())
    return match[0] if match else b""


def namespace_of(uri: str, prefix_length: int) -> bytes | None:
    """The hash of the company prefix or authority; None for what is not canonical."""
    text = uri.encode()
    if text.startswith(STEM):
        key, _, value = text.removeprefix(STEM).partition(b"/")
        before = DIGITS_BEFORE_PREFIX.get(key)
        if before is None or not 4 <= prefix_length <= 12:
            return None
        prefix = value[before : before + prefix_length]
        return keccak(prefix) if len(prefix) == prefix_length and prefix.isdigit() else None
    authority = authority_of(uri)
    canonical = authority not in (b"", text) and not text.startswith(b"urn:epc:")
    return keccak(authority) if canonical else None
