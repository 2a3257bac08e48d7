"""Readings of a device as the contracts know them: whole seconds and whole units, read exactly from a file.

A file is CSV with two columns, time and value, separated by comma, semicolon or tab, with or without a line
of titles. Times are unix seconds or ISO 8601 (`2026-07-01T08:00:00Z`; without an offset: UTC), values decimal
numbers with a point. Nothing passes through a float.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path

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


def read_csv(path: str | Path, of: Quantity, *, rounded: bool = False) -> list[Reading]:
    """All readings of a file, or `ReadingsError` for the first line that is wrong: nothing is done by halves.

    Wrong are: not two columns, a time or a value that is none, a value with more decimals than the quantity
    has (unless `rounded`) or beyond 32 bits, a time that is not later than the one before, a file without
    readings.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ReadingsError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ReadingsError(f"{path}: is no UTF-8 text, at byte {error.start}") from None
    readings: list[Reading] = []
    for line, row in _rows(text):
        where = f"{path}, line {line}"
        if len(row) != 2:
            raise ReadingsError(f"{where}: has {len(row)} columns, expected time and value")
        try:
            reading = Reading(parse_time(row[0]), of.whole(row[1], rounded=rounded))
        except ValueError as error:
            if not readings and line == 1 and _is_title(row):
                continue
            raise ReadingsError(f"{where}: {error}") from None
        if readings and reading.time <= readings[-1].time:
            rule = f"time {row[0].strip()} is not later than that of the reading before"
            raise ReadingsError(f"{where}: {rule}")
        readings.append(reading)
    if not readings:
        raise ReadingsError(f"{path}: has no readings")
    return readings


def parse_time(text: str) -> int:
    """Unix seconds from digits or ISO 8601; `ValueError` for anything else and for parts of a second."""
    text = text.strip()
    if re.fullmatch(r"[0-9]+", text):
        seconds = Decimal(text)
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"time {text!r} is neither unix seconds nor ISO 8601") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if moment.microsecond:
            raise ValueError(f"time {text!r} has parts of a second")
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        seconds = Decimal(since.days * 86_400 + since.seconds)
    if not 0 <= seconds <= TIME_MAX:
        raise ValueError(f"time {text!r} is not between 1970 and the last second that the contracts can hold")
    return int(seconds)


def _rows(text: str) -> Iterator[tuple[int, Sequence[str]]]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, row


def _is_title(row: Sequence[str]) -> bool:
    return not any(re.search(r"[0-9]", cell) for cell in row)
