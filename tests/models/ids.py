"""Which namespace a URI belongs to, from the GS1 General Specifications and the NatSpec of `Ids`."""

from __future__ import annotations

import re

from eth_utils.crypto import keccak

# Indicator of a GTIN, extension digit of an SSCC, leading zero of a GRAI, indicator of the GTIN
# in an ITIP stand before the company prefix.
DIGITS_BEFORE_PREFIX = {
    "00": 1, "01": 1, "253": 0, "255": 0, "401": 0, "402": 0, "414": 0, "417": 0,
    "8003": 1, "8004": 0, "8006": 1, "8010": 0, "8013": 0, "8017": 0, "8018": 0,
}  # fmt: skip
LINK = re.compile(r"https://id\.gs1\.org/([0-9]+)/(.*)", re.DOTALL)
OTHER = re.compile(r"(https?://[^/]*/|(?!https?://)(?:[^:]*:){3}).+", re.DOTALL)


def namespace_of(uri: str, prefix_length: int) -> bytes | None:
    """The hash of the company prefix or authority; None for what is not canonical."""
    if uri.startswith("https://id.gs1.org/"):
        match = LINK.fullmatch(uri)
        if match is None or match[1] not in DIGITS_BEFORE_PREFIX or not 4 <= prefix_length <= 12:
            return None
        rest = match[2][DIGITS_BEFORE_PREFIX[match[1]] :]
        return keccak(text=rest[:prefix_length]) if len(rest) >= prefix_length else None
    other = OTHER.fullmatch(uri)
    return keccak(text=other[1]) if other and not uri.startswith("urn:epc:") else None
