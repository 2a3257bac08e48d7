"""Text and CSV files row by row, as long as they may be."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path


class FileError(Exception):
    """A file that cannot be used; the message names file, line and reason."""


def rows(path: str | Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The number of each line, from 1, with the values of the columns in the order asked for.

    The columns are found by their titles. A file that is no `.csv` is lines without a title where one column
    is asked for. Raises `FileError` for a file that cannot be read or has no such columns, and for a value
    with blanks around it.
    """
    path, number = Path(path), 0
    try:
        for number, values in _rows(path, columns):
            for name, value in zip(columns, values, strict=True):
                if value != value.strip():
                    raise FileError(f"{path}, line {number}: {name} {value!r} has blanks around it")
            yield number, values
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is no UTF-8 text: {error.reason} after line {number}") from None
    except csv.Error as error:
        raise FileError(f"{path}: is no CSV: {error} after line {number}") from None


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix.lower() != ".csv" and len(columns) == 1:
            for number, line in enumerate(file, 1):
                yield number, [line.removesuffix("\n").removesuffix("\r")]
            return
        reader = csv.reader(file)
        titles = next(reader, [])
        for name in columns:
            if titles.count(name) != 1:
                raise FileError(f"{path}, line 1: must have one column {name}, has {', '.join(titles)}")
        places = [titles.index(name) for name in columns]
        for row in reader:
            if len(row) != len(titles):
                rule = f"has {len(row)} columns, the titles are {len(titles)}"
                raise FileError(f"{path}, line {reader.line_num}: {rule}")
            yield reader.line_num, [row[place] for place in places]
