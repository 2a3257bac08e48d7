"""Workbooks: what is written is read again, nothing runs, and what is no workbook is refused."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from goldthread import workbooks
from goldthread.files import FileError
from goldthread.workbooks import Sheet, read, write

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn")), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(rows=st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=5))
def test_what_is_written_is_read_again(tmp_path: Path, rows: list[list[str]]) -> None:
    path = tmp_path / "book.xlsx"
    write(path, [Sheet("A", ("One", "Two"), rows)], written=0)
    titles, *found = read(path)["A"]
    assert titles == (1, ["One", "Two"])
    printable = [
        ["".join(c if c.isprintable() else "�" for c in cell).strip() for cell in row] for row in rows
    ]
    expected = {}
    for number, row in enumerate(printable, 2):
        while row and not row[-1]:
            row.pop()
        if row:
            expected[number] = row
    assert dict(found) == expected


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|'/C calc'!A0", "\tx", "a\x00b\x1b[0m"]
)
def test_no_cell_is_a_formula(tmp_path: Path, text: str) -> None:
    path = tmp_path / "book.xlsx"
    write(path, [Sheet("A", ("One",), [[text]])], written=0)
    cell = load_workbook(path)["A"]["A2"]
    assert cell.data_type == "s"
    assert str(cell.value).isprintable()


def test_a_sheet_can_be_sorted_and_has_its_time(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "book.xlsx"
    write(path, [Sheet("A", ("One", "Two"), [["x" * 100, None]], [["above"]])], written=1_800_000_000)
    book = load_workbook(path)
    sheet = book["A"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A3", "A2:B3")
    assert (sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width) == (62, 10)
    assert sheet["A2"].font.bold and not sheet["A3"].font.bold
    assert book.properties.created == datetime.fromtimestamp(1_800_000_000, UTC).replace(tzinfo=None)
    assert [file.name for file in path.parent.iterdir()] == ["book.xlsx"], "no draft is left"


def test_a_workbook_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    write(path, [Sheet("A", ("One",), [])], written=0)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="Invalid character"):
        write(path, [Sheet("A/B", ("One",), [])], written=0)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["book.xlsx"]


def test_cells_of_every_kind_are_text(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append([1, 2.0, 2.5, True, date(2027, 12, 31), datetime(2027, 12, 31, 5), None, " x ", None])
    path = tmp_path / "book.xlsx"
    book.save(path)
    assert read(path)["Sheet"] == [(1, ["1", "2", "2.5", "Yes", "2027-12-31", "2027-12-31", "", "x"])]


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with pytest.raises(FileError, match="No such file"):
        read(path)
    path.write_text("text")
    with pytest.raises(FileError, match="is no workbook"):
        read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.txt", "text")
    with pytest.raises(FileError, match="is no workbook"):
        read(path)


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "book.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.txt", b"\0" * (workbooks.MAX_BYTES + 1))
    with pytest.raises(FileError, match="at most 52428800 are read"):
        read(path)
    monkeypatch.setattr(workbooks, "MAX_ROWS", 2)
    write(path, [Sheet("A", ("One",), [["1"], ["2"]])], written=0)
    with pytest.raises(FileError, match="sheet A: has more than 2 rows"):
        read(path)
