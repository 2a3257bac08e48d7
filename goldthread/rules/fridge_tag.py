"""Reports of Fridge-tag 2 loggers: what they say, and whether the logger signed them. Needs no chain.

    report = read("160400343949_202503171012.txt")
    report.is_signed                               # by the key that the file itself names
    report.is_signed_by(x, y)                      # by the lot key that somebody trusts
    report.days[0].highest                         # hundredths of a degree Celsius

A report has figures for each day and no readings. The logger signs its text from the first byte through the
line `Sig Cert`, each line ended by CR and LF: a P-256 signature over the SHA-256 hash with its bytes in
reverse; signature and key are little-endian in the file. A file whose lines end in LF alone was changed on
the way, and is read as it was written. `parse` reads what the library FridgeTag reads on chain, and refuses
what it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

MAX_DAYS = 60
"""Most days in a report."""

LONGEST_LOT = 31
"""Most bytes in the name of a lot."""

EPOCH = date(1970, 1, 1)

_FIRST_LINE = b"Device: Q-tag Fridge-tag 2"

_BEYOND = "    t Acc: <minutes>[, TS A: <time>, C A: <text>]"

_DAY = (
    "  Min T: <temperature>, TS Min T: <clock>",
    "  Max T: <temperature>, TS Max T: <clock>",
    "  Avrg T: <text>",
    "  Alarm:",
    "   0:",
    _BEYOND,
    "   1:",
    _BEYOND,
    "  Int Sensor timeout:",
    "   t AccST: <minutes>[,<text>]",
    "  Events: <text>",
)

_ALARM = "   T AL: <temperature>, t AL: <delay>"

_CERTIFICATE = (
    " Vers: <text>",
    " Lot: <text>",
    " Issuer: <text>",
    " Valid from: <text>",
    " Owner: <text>",
    " Public Key: <hex>",
    "Sig Cert: <hex>",
)


class ReportError(ValueError):
    """A report that cannot be used. The message names line and rule; `position` is where the line begins."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True)
class AlarmLimit:
    """An alarm: the temperature in hundredths of a degree, and for how long, as the file says it."""

    value: int
    delay: str


@dataclass(frozen=True)
class Beyond:
    """What a day was beyond one limit: minutes, and the minute of the day of the alarm, if it went off; 0
    also for one that lasts from the day before.
    """

    minutes: int
    alarm: int | None


@dataclass(frozen=True)
class Day:
    """A day by the logger's clock. Temperatures in hundredths of a degree, `timeout` in minutes."""

    date: date
    lowest: int
    highest: int
    low: Beyond
    high: Beyond
    timeout: int

    @property
    def word(self) -> int:
        """The day as contracts have it (library LoggerWords)."""
        alarms = [0 if side.alarm is None else side.alarm + 1 for side in (self.low, self.high)]
        fields = (
            self.lowest,
            self.highest,
            self.low.minutes,
            self.high.minutes,
            *alarms,
            self.timeout,
        )
        word = (self.date - EPOCH).days
        for place, value in enumerate(fields):
            word |= (value & 0xFFFF) << 24 + 16 * place
        return word


@dataclass(frozen=True)
class Report:
    """What a report says. Times are seconds since 1970 by the logger's own clock."""

    serial: int
    lot: bytes
    activated: int
    created: int
    low: AlarmLimit
    high: AlarmLimit
    days: tuple[Day, ...]
    """The newest first."""

    def measured(self, day: Day, offset: int) -> tuple[int, int]:
        """From when to when the logger measured on a day, in unix seconds."""
        midnight = (day.date - EPOCH).days * 86_400
        begin, end = max(midnight, self.activated), min(midnight + 86_400, self.created)
        return begin - offset * 60, end - offset * 60


@dataclass(frozen=True)
class SignedReport:
    """A report with the bytes that were signed, and the signature."""

    report: Report
    text: bytes
    x: int
    y: int
    r: int
    s: int

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the text."""
        return sha256(self.text).digest()

    @property
    def is_signed(self) -> bool:
        """Did the key that the file names sign the text? Says nothing about whose key that is."""
        return self.is_signed_by(self.x, self.y)

    def is_signed_by(self, x: int, y: int) -> bool:
        """Did this P-256 key sign the text?"""
        from goldthread.chain.devices import low_s, verify

        words = [number.to_bytes(32, "big") for number in (x, y, self.r, low_s(self.s))]
        try:
            return verify(bytes(20) + words[0] + words[1], self.digest[::-1], words[2] + words[3])
        except ValueError:
            return False


def is_report(path: str | Path) -> bool:
    """Does the file begin as a Fridge-tag report?"""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(_FIRST_LINE)) == _FIRST_LINE
    except OSError:
        return False


def read(path: str | Path) -> SignedReport:
    """A report from its file, or `ReportError` with file, line and rule."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror or error}", 0) from None
    try:
        return parse_file(content)
    except ReportError as error:
        raise ReportError(f"{path}, {error}", error.position) from None


def parse_file(content: bytes) -> SignedReport:
    """A report and its signature from the bytes of a file; `ReportError` names the first wrong line."""
    whole = content if b"\r" in content else content.replace(b"\n", b"\r\n")
    lines = _Lines(whole if whole.endswith(b"\r\n") else whole + b"\r\n")
    report = _report(lines)
    key, _ = lines.all(_CERTIFICATE)
    text = whole[: lines.position]
    [signature] = lines.next("Sig: <hex>")
    if lines.position < len(lines.text):
        raise lines.error("the report ends with the signature")
    return SignedReport(report, text, *key, *signature)


def parse(text: bytes) -> Report:
    """What a signed text says but for its certificate; `ReportError` names the first wrong line."""
    return _report(_Lines(text))


def _report(lines: _Lines) -> Report:
    lines.next("Device: Q-tag Fridge-tag 2")
    lines.next("Vers: 0.5")
    lines.seek("Conf:", " Serial: ")
    [serial] = lines.next(" Serial: <serial>")
    lines.seek(" Lot: ")
    [lot] = lines.next(" Lot: <lot>")
    lines.seek(" Temp unit: C", " Alarm:", "  0:", "")
    low = AlarmLimit(*lines.next(_ALARM))
    lines.seek("  1:", "   T AL: ")
    high = AlarmLimit(*lines.next(_ALARM))
    lines.seek("Hist:", " TS Actv: ")
    activated, created = (
        _seconds(*lines.next(f" {title}: <date> <time>")) for title in ("TS Actv", "TS Report Creation")
    )
    days: list[Day] = []
    while len(days) < MAX_DAYS and lines.is_next(f" {len(days) + 1}:", "  Date: "):
        days.append(_day(lines, days))
    if not days:
        raise lines.error("must be ' 1:', followed by the date of the newest day: the report has no days")
    lines.next("Cert:")
    return Report(serial, lot, activated, created, low, high, tuple(days))


def _day(lines: _Lines, before: list[Day]) -> Day:
    lines.next(f" {len(before) + 1}:")
    start = lines.position
    [day] = lines.next("  Date: <date>")
    if before and day >= before[-1].date:
        lines.position = start
        raise lines.error(f"date {day}: must be earlier than {before[-1].date}, the newest day comes first")
    lowest, highest, low, low_alarm, high, high_alarm, timeout = lines.all(_DAY)
    if lines.is_next("  Checked:"):
        lines.next("  Checked:")
        for half in ("   TS AM: ", "   TS PM: "):
            if lines.is_next(half):
                lines.next(f"{half}<text>")
    return Day(day, lowest, highest, Beyond(low, low_alarm), Beyond(high, high_alarm), timeout)


def _seconds(day: date, minute: int) -> int:
    return (day - EPOCH).days * 86_400 + minute * 60


class _Lines:
    """The lines of a text, one after the other."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.position = 0

    def is_next(self, *beginning: str) -> bool:
        """Do the next lines begin like that, each but the last one being nothing else?"""
        return self.text.startswith("\r\n".join(beginning).encode(), self.position)

    def seek(self, *beginning: str) -> None:
        """Pass over lines up to some that begin like that; the last of these is the next one."""
        token = "\r\n".join(["", *beginning]).encode()
        found = self.text.find(token, self.position - 2)
        if found < 0:
            raise self.error(f"no line {beginning[0]!r} follows")
        self.position = found + len(token) - len(beginning[-1])

    def all(self, templates: Sequence[str]) -> list[Any]:
        """The values in the next lines, each of which must be like its template."""
        return [value for template in templates for value in self.next(template)]

    def next(self, template: str) -> list[Any]:
        """The values in the next line, which must be like the template."""
        pattern, converters = _compiled(template)
        match = pattern.match(self.text, self.position)
        if match is None:
            raise self.error(f"must be {template!r}, is {self._shown()}")
        try:
            values = [
                None if text is None else convert(text)
                for convert, text in zip(converters, match.groups(), strict=True)
            ]
        except ValueError as error:
            raise self.error(str(error)) from None
        self.position = match.end()
        return values

    def error(self, rule: str) -> ReportError:
        """What is wrong with the next line."""
        number = self.text.count(b"\r\n", 0, self.position) + 1
        return ReportError(f"line {number}: {rule}", self.position)

    def _shown(self) -> str:
        line, end, _ = self.text[self.position :].partition(b"\r\n")
        if not line and not end:
            return "missing"
        return repr(line[:60].decode(errors="replace")) + ("" if end else " without its end")


def _hundredths(text: bytes) -> int:
    return int(text.replace(b".", b"")) * 10


def _date(text: bytes) -> date:
    try:
        return date.fromisoformat(text.decode())
    except ValueError:
        raise ValueError(f"date {text.decode()}: the calendar has no such day") from None


def _minute(text: bytes) -> int:
    hour, minute = int(text[:2]), int(text[3:])
    if hour > 23 or minute > 59:
        raise ValueError(f"time {text.decode()}: must be between 00:00 and 23:59")
    return hour * 60 + minute


def _words(text: bytes) -> tuple[int, int]:
    """Two numbers of 32 bytes each, the lowest byte first."""
    number = bytes.fromhex(text.decode())
    return int.from_bytes(number[:32], "little"), int.from_bytes(number[32:], "little")


_PLACES: dict[str, tuple[str, Callable[[bytes], Any] | None]] = {
    "clock": (r"[\s\S]{5}", None),
    "text": (r"[^\r]*", None),
    "delay": (r"(?=([^\r]*))", lambda text: text.decode(errors="replace")),
    "lot": (rf"([^\r]{{1,{LONGEST_LOT}}})", bytes),
    "serial": (r"([0-9]{12})", int),
    "minutes": (r"([0-9]{1,4})", int),
    "temperature": (r"([+-][0-9]{1,2}\.[0-9])", _hundredths),
    "date": (r"(20[0-9]{2}-[0-9]{2}-[0-9]{2})", _date),
    "time": (r"([0-9]{2}:[0-9]{2})", _minute),
    "hex": (r"([0-9a-fA-F]{128})", _words),
}
"""What stands for a value in a template: as a pattern, and how its value is read, if anything needs it."""


@cache
def _compiled(template: str) -> tuple[re.Pattern[bytes], list[Callable[[bytes], Any]]]:
    """The pattern of a line, and how to read its values. Square brackets hold what can be missing; a delay is
    looked at and passed over with what follows it.
    """
    pattern, converters = "", []
    for piece in re.split(r"(<\w+>|[\[\]])", template):
        if piece in ("[", "]"):
            pattern += "(?:" if piece == "[" else ")?"
        elif piece.startswith("<"):
            place, convert = _PLACES[piece[1:-1]]
            pattern += place
            if convert is not None:
                converters.append(convert)
        else:
            pattern += re.escape(piece)
    pattern += "" if template.endswith("<delay>") else "\r\n"
    return re.compile(pattern.encode()), converters
