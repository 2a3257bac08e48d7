"""Serials of a lot: from their links to their ids, many at once, and from files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from goldthread.files import FileError, rows
from goldthread.gs1.epc import is_class
from goldthread.gs1.keys import IdError
from goldthread.gs1.links import STEM, DigitalLink, twin_id
from goldthread.hashing import keccak

COLUMN = "uri"
"""The column of a CSV file that has the links."""

_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,20}")
"""Serial numbers that a link holds as they are."""


def unit_id(uri: str) -> bytes:
    """The twin id of a single thing; `IdError` for a link that is not canonical or names a class or lot."""
    found = twin_id(uri)
    if uri.startswith(STEM) and is_class(DigitalLink.parse(uri)):
        raise IdError("URI", uri, "names a class or a lot, not a single thing")
    return found


def unit_ids(uris: Iterable[str]) -> Iterator[bytes]:
    """`unit_id` of each, twenty times as fast for neighbours that differ in nothing but the serial number."""
    known = ""
    for uri in uris:
        head, _, serial = uri.rpartition("/")
        if head == known and _PLAIN.fullmatch(serial):
            yield keccak(uri.encode())
            continue
        yield unit_id(uri)
        known = head if head.startswith(STEM) and head.endswith("/21") else ""


def read(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """The links of a file with their ids, as they are read: one link a line, or the column `uri` of a `.csv`.

    Raises `FileError` where a line holds anything but a canonical link of a single thing, or repeats one (a
    serial in two places could be dispensed twice), and if there is none.
    """
    lines: dict[bytes, int] = {}
    number, text = 0, ""

    def uris() -> Iterator[str]:
        nonlocal number, text
        for number, (text,) in rows(path, [COLUMN]):
            if not text:
                raise FileError(f"{path}, line {number}: is empty")
            yield text

    try:
        for unit in unit_ids(uris()):
            if unit in lines:
                raise FileError(f"{path}, line {number}: {text} is in line {lines[unit]} already")
            lines[unit] = number
            yield text, unit
    except IdError as error:
        raise FileError(f"{path}, line {number}: {error}") from None
    if not lines:
        raise FileError(f"{path}: has no serials")
