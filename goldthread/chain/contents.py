"""Contents of a container, from a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from goldthread.chain.merkle import ContentLeaf
from goldthread.files import FileError, rows
from goldthread.gs1 import identify, twin_id

COLUMNS = ("child", "childRoot", "lot", "quantity")
"""The columns of the CSV file."""


def read(path: str | Path) -> Iterator[ContentLeaf]:
    """The leaves of a CSV file with the columns child, childRoot, lot and quantity, as they are read.

    `child` and `lot` are ids (0x and 64 hex digits) or whatever `goldthread.gs1.identify` reads; `childRoot`
    and `lot` may be empty. `quantity` is a whole number of millionths of the lot's unit. Raises `FileError`
    for a wrong value, a child that is named twice with the same lot, and if there is none.
    """
    lines: dict[tuple[bytes, bytes], int] = {}
    for number, (child, child_root, lot, quantity) in rows(path, COLUMNS):
        where = f"{path}, line {number}"
        try:
            if not child:
                raise ValueError("child: is empty")
            if not (quantity.isascii() and quantity.isdigit()):
                raise ValueError(f"quantity {quantity!r}: must be a whole number")
            found = ContentLeaf(len(lines), _id(child), _word(child_root), _id(lot), int(quantity))
        except ValueError as error:
            raise FileError(f"{where}: {error}") from None
        key = (found.child, found.lot)
        if key in lines:
            raise FileError(f"{where}: {child} of the same lot is in line {lines[key]} already")
        lines[key] = number
        yield found
    if not lines:
        raise FileError(f"{path}: has no contents")


def _id(text: str) -> bytes:
    return _word(text) if not text or text.startswith("0x") else twin_id(identify(text).uri)


def _word(text: str) -> bytes:
    if not text:
        return bytes(32)
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != 32 or not text.startswith("0x"):
        raise ValueError(f"{text!r}: an id or root is 0x and 64 hex digits")
    return found
