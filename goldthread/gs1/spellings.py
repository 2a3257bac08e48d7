"""From whatever names a thing to its URI: links, paths of links, EPC URNs, bar codes, other URIs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goldthread.gs1.epc import from_urn
from goldthread.gs1.links import STEM, DigitalLink, canonical, is_key

if TYPE_CHECKING:
    from goldthread.gs1.barcodes import Element

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ELEMENTS = re.compile(r"[(\]^\x1d]|[0-9]{2}")


@dataclass(frozen=True)
class Thing:
    """What a text names: the canonical URI, its link if that is of GS1, the length of the company prefix if
    the text tells it (else 0), and what else a bar code says.
    """

    uri: str
    link: DigitalLink | None
    prefix_length: int = 0
    others: tuple[Element, ...] = ()


def identify(text: str) -> Thing:
    """Read a Digital Link in any spelling or its path alone (`01/09506000134352/21/ABC`), an EPC URN, an
    element string (`(01)09506000134352(21)ABC`, or raw) or another URI under an assigned authority.

    Raises `IdError` with the broken rule for anything else.
    """
    if text.lower().startswith("urn:epc:"):
        link, length = from_urn(text)
        return Thing(link.uri, link, length)
    if _URI.match(text):
        uri = canonical(text)
        return Thing(uri, DigitalLink.parse(uri) if uri.startswith(STEM) else None)
    path = text.removeprefix("/")
    if not is_key(path.partition("/")[0]) and _ELEMENTS.match(text):
        from goldthread.gs1 import barcodes

        scan = barcodes.parse(text)
        return Thing(scan.link.uri, scan.link, others=scan.others)
    link = DigitalLink.parse(STEM + path)
    return Thing(link.uri, link)
