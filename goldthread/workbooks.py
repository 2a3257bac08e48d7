"""Workbooks (.xlsx) that are written and read as tables of text.

What is written can be opened by anybody: no cell is a formula, whatever text it has.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from goldthread.files import FileError

MAX_BYTES = 50 << 20
"""Most bytes of a workbook, unpacked."""

MAX_ROWS = 100_000
MAX_COLUMNS = 200
MAX_CELL = 32_767
"""Most characters that a cell can have."""

Cell = str | int | float | None


@dataclass(frozen=True)
class Sheet:
    """A tab: its title, the titles of the columns, and the rows below them."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    preface: Sequence[Sequence[Cell]] = ()
    """Rows above the titles."""


def write(path: Path, sheets: Sequence[Sheet], *, written: int) -> None:
    """Write a workbook, replaced in one step. `written` is the time that it names, in unix seconds.

    Rows can be filtered and sorted by their columns, whose titles stay in sight.
    """
    book = Workbook(write_only=True)
    book.properties.created = book.properties.modified = datetime.fromtimestamp(written, UTC).replace(
        tzinfo=None
    )
    book.properties.creator = "goldthread"
    for sheet in sheets:
        tab = book.create_sheet(sheet.title)
        top = len(sheet.preface) + 1
        tab.freeze_panes = f"A{top + 1}"
        for place, width in enumerate(_widths(sheet), 1):
            tab.column_dimensions[get_column_letter(place)].width = width
        last = f"{get_column_letter(max(len(sheet.columns), 1))}{top + len(sheet.rows)}"
        tab.auto_filter.ref = f"A{top}:{last}"
        for row in sheet.preface:
            tab.append([_cell(tab, value) for value in row])
        tab.append([_cell(tab, title, bold=True) for title in sheet.columns])
        for row in sheet.rows:
            tab.append([_cell(tab, value) for value in row])
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        book.save(draft)
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def read(path: Path) -> dict[str, list[tuple[int, list[str]]]]:
    """The tabs of a workbook by title: number (from 1) and cells, as text, of each row that is not empty.

    Of formulas it has the values that were saved with them; a date is written as 2027-12-31. Raises
    `FileError` for what is no workbook, or is too large.
    """
    try:
        _check(path)
        book = load_workbook(path, read_only=True, data_only=True)
        try:
            return {sheet.title: list(_rows(path, sheet)) for sheet in book.worksheets}
        finally:
            book.close()
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from None
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise FileError(f"{path}: is no workbook (.xlsx): {error}") from None


def _check(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > MAX_BYTES:
        raise FileError(f"{path}: has {size} bytes unpacked, at most {MAX_BYTES} are read")


def _rows(path: Path, sheet: Any) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), 1):
        if number > MAX_ROWS:
            raise FileError(f"{path}, sheet {sheet.title}: has more than {MAX_ROWS} rows")
        cells = [_text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield number, cells


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _cell(tab: Any, value: Cell, *, bold: bool = False) -> Any:
    if isinstance(value, str):
        # A control character has no place in XML, and a cell has an end.
        value = "".join(c if c.isprintable() or c == "\n" else "�" for c in value)[:MAX_CELL]
    cell = WriteOnlyCell(tab, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
        cell.alignment = Alignment(vertical="top", wrap_text="\n" in value)
    if bold:
        cell.font = Font(bold=True)
    return cell


def _widths(sheet: Sheet) -> list[int]:
    """Of each column, as wide as its widest cell, within limits."""
    found = [len(title) for title in sheet.columns]
    for row in sheet.rows:
        for place, value in enumerate(row[: len(found)]):
            longest = max((len(line) for line in str(value or "").split("\n")), default=0)
            found[place] = max(found[place], longest)
    return [min(max(width, 8), 60) + 2 for width in found]
