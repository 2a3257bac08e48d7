"""Readings of a device as the contracts know them: whole seconds and whole units, read exactly from a file.

A file is CSV with two columns, time and value, separated by comma, semicolon or tab, with or without a line
of titles. Times are unix seconds or ISO 8601 (`2026-07-01T08:00:00Z`; without an offset: UTC), values decimal
numbers with a point. What other loggers export is read with a `Layout`. Nothing passes through a float.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1
TIME_MAX = (1 << 40) - 1
"""The last second that fits into the contracts' uint40, in the year 36812."""


@dataclass(frozen=True)
class Quantity:
    """What is measured: its number on chain, its unit as people write it, and the decimals of that it is
    counted in (2: hundredths). Values below `minimum`, in the unit of the chain, cannot be.
    """

    number: int
    name: str
    unit: str
    decimals: int
    minimum: int = INT32_MIN

    def whole(self, value: str | Decimal, *, rounded: bool = False) -> int:
        """The value in the unit of the chain. `ValueError` with the reason if it does not fit exactly.

        `rounded` takes a value with more decimals to the nearest one, halves to the even one.
        """
        try:
            number = value if isinstance(value, Decimal) else Decimal(value.strip())
        except InvalidOperation:
            raise ValueError(f"{value!r} is no decimal number") from None
        if not number.is_finite():
            raise ValueError(f"{value!r} is no finite number")
        scaled = number.scaleb(self.decimals)
        whole = scaled.to_integral_value(ROUND_HALF_EVEN)
        if whole != scaled and not rounded:
            raise ValueError(f"{value} has more than the {self.decimals} decimals of {self.name}")
        if INT32_MIN <= whole < self.minimum:
            raise ValueError(f"{value} {self.unit} is less than a {self.name} can be")
        if not INT32_MIN <= whole <= INT32_MAX:
            raise ValueError(f"{value} {self.unit} does not fit into the 32 bits of a reading")
        return int(whole)

    def text(self, whole: int) -> str:
        """A value of the chain as people write it, with its unit."""
        return f"{Decimal(whole).scaleb(-self.decimals)} {self.unit}"


QUANTITIES = {
    quantity.number: quantity
    for quantity in (
        Quantity(1, "temperature", "°C", 2),
        Quantity(2, "humidity", "%", 2),
        Quantity(3, "acceleration", "mm/s²", 0),
        Quantity(4, "light", "lux", 0),
        Quantity(5, "tilt", "°", 2),
        Quantity(6, "carbon-dioxide", "ppm", 0),
        Quantity(7, "seal", "(0 intact, 1 broken)", 0, 0),
    )
}
"""The quantities of ITelemetry."""


def quantity(name: str) -> Quantity:
    """A quantity by its name or number; from 256 on, numbers are free and counted in ones."""
    for known in QUANTITIES.values():
        if name in (known.name, str(known.number)):
            return known
    if name.isdecimal() and 256 <= int(name) < 1 << 16:
        return Quantity(int(name), f"quantity {name}", "", 0)
    names = ", ".join(known.name for known in QUANTITIES.values())
    raise ValueError(f"quantity {name!r}: must be one of {names}, or a number from 256 to 65535")


@dataclass(frozen=True)
class Reading:
    """One reading: when, in unix seconds, and what, in the unit of the chain."""

    time: int
    value: int


class ReadingsError(ValueError):
    """A file of readings that cannot be used. The message names file, line and reason."""


@dataclass(frozen=True)
class Layout:
    """How a logger writes its rows.

    `time` and `value` are titles of columns, or their numbers from 1; without them a row has these two and
    no others. Without `delimiter` it is comma, semicolon or tab, whichever the first row has most of. Times
    are in `time_format` (as strptime has it), or unix seconds or ISO 8601; those without an offset are of
    `zone` (IANA, default UTC). The first `skip_rows` lines are passed over. With `skip_backwards` so is a row
    that is not later than the one before; otherwise it is an error.
    """

    time: str | int | None = None
    value: str | int | None = None
    delimiter: str | None = None
    time_format: str | None = None
    zone: str | None = None
    skip_rows: int = 0
    decimal_comma: bool = False
    skip_backwards: bool = False

    def moment(self, text: str) -> int:
        """Unix seconds of a time as this logger writes it; `ValueError` for another."""
        return parse_time(text, self.time_format, self.zone)


@dataclass(frozen=True)
class Recording:
    """The readings of a file, the line of each, and the lines that were passed over, with the reason."""

    readings: list[Reading]
    lines: list[int]
    skipped: list[tuple[int, str]]

    def gaps(self, max_interval: int) -> list[tuple[int, int]]:
        """The line of each reading before which a gap lies, and its seconds."""
        steps = zip(self.lines[1:], pairwise(self.readings), strict=True)
        found = ((line, after.time - before.time) for line, (before, after) in steps)
        return [(line, seconds) for line, seconds in found if seconds > max_interval]


def read_csv(path: str | Path, of: Quantity, *, rounded: bool = False) -> list[Reading]:
    """All readings of a file with the two columns time and value; see `read_recording`."""
    return read_recording(path, of, Layout(), rounded=rounded).readings


def read_recording(path: str | Path, of: Quantity, layout: Layout, *, rounded: bool = False) -> Recording:
    """All readings of a file, or `ReadingsError` for the first line that is wrong: nothing is done by halves.

    Wrong are: too few columns (with no columns named, any number but two), a time or a value that is none, a
    value with more decimals than the quantity has (unless `rounded`) or beyond 32 bits, a time that is not
    later than the one before (unless those are skipped), a file without readings.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ReadingsError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ReadingsError(f"{path}: is no UTF-8 text, at byte {error.start}") from None
    found = Recording([], [], [])
    rows = _rows(text, layout)
    time_at, value_at, width = _columns(path, layout, rows)
    first = True
    for line, row in rows:
        where, title = f"{path}, line {line}", first and _is_title(row)
        first = False
        if width is not None and len(row) != width:
            raise ReadingsError(f"{where}: has {len(row)} columns, expected time and value")
        if len(row) <= max(time_at, value_at):
            raise ReadingsError(
                f"{where}: has {len(row)} columns, there is none {max(time_at, value_at) + 1}"
            )
        value = row[value_at].replace(",", ".") if layout.decimal_comma else row[value_at]
        try:
            reading = Reading(layout.moment(row[time_at]), of.whole(value, rounded=rounded))
        except ValueError as error:
            if title:
                continue
            raise ReadingsError(f"{where}: {error}") from None
        if found.readings and reading.time <= found.readings[-1].time:
            rule = f"time {row[time_at].strip()} is not later than that of the reading before"
            if not layout.skip_backwards:
                raise ReadingsError(f"{where}: {rule}")
            found.skipped.append((line, rule))
            continue
        found.readings.append(reading)
        found.lines.append(line)
    if not found.readings:
        raise ReadingsError(f"{path}: has no readings")
    return found


def parse_time(text: str, time_format: str | None = None, zone: str | None = None) -> int:
    """Unix seconds from digits or ISO 8601, or from a time in the format given; `ValueError` for anything
    else, for parts of a second, and for a time zone that is not known.
    """
    text = text.strip()
    if time_format is None and re.fullmatch(r"[0-9]+", text):
        seconds = Decimal(text)
    else:
        try:
            moment = (
                datetime.fromisoformat(text) if time_format is None else datetime.strptime(text, time_format)  # noqa: DTZ007  the zone follows
            )
        except ValueError:
            known = "neither unix seconds nor ISO 8601" if time_format is None else f"not in {time_format}"
            raise ValueError(f"time {text!r} is {known}") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC if zone is None else _zone(zone))
        if moment.microsecond:
            raise ValueError(f"time {text!r} has parts of a second")
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        seconds = Decimal(since.days * 86_400 + since.seconds)
    if not 0 <= seconds <= TIME_MAX:
        raise ValueError(f"time {text!r} is not between 1970 and the last second that the contracts can hold")
    return int(seconds)


@cache
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"time zone {name!r} is not known") from None


def _columns(
    path: str | Path, layout: Layout, rows: Iterator[tuple[int, Sequence[str]]]
) -> tuple[int, int, int | None]:
    """Where time and value stand, from 0, and how many columns there must be. Takes the titles if need be."""
    asked = (layout.time, layout.value)
    if asked == (None, None):
        return 0, 1, 2
    line, titles = next(rows, (0, [])) if any(isinstance(name, str) for name in asked) else (0, [])
    names, places = [title.strip() for title in titles], []
    for asked_for, default in zip(asked, (1, 2), strict=True):
        column = default if asked_for is None else asked_for
        if isinstance(column, str):
            if names.count(column) != 1:
                told = ", ".join(names)
                raise ReadingsError(f"{path}, line {line}: must have one column {column}, has {told}")
            places.append(names.index(column))
        elif column < 1:
            raise ReadingsError(f"{path}: column {column}: columns are counted from 1")
        else:
            places.append(column - 1)
    return places[0], places[1], None


def _rows(text: str, layout: Layout) -> Iterator[tuple[int, Sequence[str]]]:
    lines = text.splitlines()
    first = next((line for line in lines[layout.skip_rows :] if line.strip()), "")
    delimiter = layout.delimiter or max(",;\t", key=first.count)
    reader = csv.reader(lines[layout.skip_rows :], delimiter=delimiter)
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num + layout.skip_rows, row


def _is_title(row: Sequence[str]) -> bool:
    return not any(re.search(r"[0-9]", cell) for cell in row)
