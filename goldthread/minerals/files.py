"""What a declaration and a register say, in workbooks of the shape of the CMRT and in CSV files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from goldthread.files import FileError, rows
from goldthread.rules.minerals import (
    QUESTIONS,
    Answer,
    Answers,
    Metal,
    MineralsError,
    Share,
    Status,
    smelter_id,
)
from goldthread.workbooks import read

METALS: Mapping[str, Metal] = {metal.name.lower(): metal for metal in Metal}
ANSWERS: Mapping[str, Answer] = {
    "": Answer.NONE,
    "no": Answer.NO,
    "yes": Answer.YES,
    "unknown": Answer.UNKNOWN,
}
SHARES: Mapping[str, Share] = {
    "": Share.NOT_ASKED,
    "none": Share.NOBODY,
    "50% or less": Share.HALF_OR_LESS,
    "greater than 50%": Share.ABOVE_50_PERCENT,
    "greater than 75%": Share.ABOVE_75_PERCENT,
    "greater than 90%": Share.ABOVE_90_PERCENT,
    "100%": Share.ALL,
}
STATUSES: Mapping[str, Status] = {
    "conformant": Status.CONFORMANT,
    "active": Status.ACTIVE,
    "non-conformant": Status.NON_CONFORMANT,
    "not enrolled": Status.NOT_ENROLLED,
    "not listed": Status.NONE,
}
_QUESTION = re.compile(r"\s*([1-8])[).]")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SECONDS_OF_A_DAY = 86_400


@dataclass
class Filled:
    """A declaration as its files have it."""

    answers: dict[Metal, Answers] = field(default_factory=dict)
    smelters: list[bytes] = field(default_factory=list)
    """Ascending, each once."""
    repeated: int = 0
    """Rows that named a smelter of a metal again."""
    unidentified: int = 0
    """Rows without a number, of metals whose question 7 is answered with No."""
    products: list[str] = field(default_factory=list)


class Row(NamedTuple):
    """A line of a table: where it stands, and its cells by the titles of their columns."""

    where: str
    cells: Mapping[str, str]

    def get(self, *titles: str) -> str:
        """The cell under the first of the titles that there is; empty if there is none."""
        return next((self.cells[title] for title in titles if title in self.cells), "")


def read_declaration(
    workbook: Path | None = None,
    *,
    answers: Path | None = None,
    smelters: Path | None = None,
    products: Path | None = None,
) -> Filled:
    """Read a declaration from a workbook of the shape of the CMRT (tabs Declaration, Smelter List, Product
    List), or from CSV files: answers with the columns question, metal and answer; smelters with Metal and
    Smelter Identification; products with Product.

    Raises `FileError` that names file, sheet and row for a wrong metal, question or answer, for a question
    without an answer and one that is not asked, for a smelter without a number unless question 7 says that
    not all are identified, and for one of a metal that does not remain.
    """
    if workbook is not None:
        tabs = read(workbook)
        told = _answers_of_tab(workbook, tabs)
        listed = _table(workbook, tabs, "Smelter List", ("metal", "smelter identification"))
        named = _table(workbook, tabs, "Product List", (), optional=True)
    elif answers is None:
        raise FileError("give a workbook, or a file of answers")
    else:
        told = _answers_of_csv(answers)
        listed = [] if smelters is None else _csv(smelters, ("Metal", "Smelter Identification"))
        named = [] if products is None else _csv(products, ("Product",))
    where = workbook or answers
    filled = Filled(told)
    for metal in Metal:
        try:
            filled.answers.setdefault(metal, Answers()).check(metal)
        except MineralsError as error:
            raise FileError(f"{where}: {error}") from None
    _add_smelters(filled, listed)
    for row in named:
        number = row.get("product", "manufacturer's product number", "manufacturer’s product number")
        if number:
            filled.products.append(number)
    return filled


def read_register(path: Path) -> list[tuple[Any, ...]]:
    """Read what a register lists: rows with the columns Metal, Smelter Identification, Smelter Name, Country
    Code (two letters), Status and Valid Until (2027-12-31; its last second, UTC), and perhaps Record.

    Returns what `ConflictMinerals.list` takes. Raises `FileError` that names row, column and rule.
    """
    titles = ("metal", "smelter identification", "smelter name", "country code", "status", "valid until")
    if path.suffix.lower() == ".xlsx":
        listed = _table(path, read(path), "Smelter List", titles)
    else:
        listed = _csv(path, tuple(title.title() for title in titles))
    found: dict[bytes, tuple[Any, ...]] = {}
    for row in listed:
        identifier = _smelter(row)
        if identifier in found:
            raise FileError(
                f"{row.where}: {row.get('smelter identification')} of this metal is listed before"
            )
        status = STATUSES.get(row.get("status").casefold())
        if status is None:
            raise FileError(
                f"{row.where}: Status {row.get('status')!r}: must be one of {', '.join(STATUSES)}"
            )
        country = row.get("country code")
        if not (len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()):
            raise FileError(
                f"{row.where}: Country Code {country!r}: must be two capital letters (ISO 3166-1)"
            )
        until, record = _last_second(row, status), _record(row)
        found[identifier] = identifier, int(status), country.encode(), until, record, row.get("smelter name")
    return list(found.values())


def _answers_of_tab(path: Path, tabs: Mapping[str, Sequence[tuple[int, list[str]]]]) -> dict[Metal, Answers]:
    """The rows below a question that name a metal, and the first cell to its right that says something."""
    if "Declaration" not in tabs:
        raise FileError(f"{path}: has no sheet Declaration")
    found: dict[tuple[Metal, int], tuple[str, str]] = {}
    question = 0
    for number, cells in tabs["Declaration"]:
        asked = next((match for cell in cells if (match := _QUESTION.match(cell))), None)
        if asked:
            question = int(asked[1])
        place = next((i for i, cell in enumerate(cells) if _plain(cell) in METALS), None)
        if question and place is not None:
            metal = METALS[_plain(cells[place])]
            text = next((cell for cell in cells[place + 1 :] if cell), "")
            where = f"{path}, sheet Declaration, row {number}"
            if (metal, question) in found:
                raise FileError(f"{where}: question {question} of {metal.name.lower()} is answered before")
            found[metal, question] = where, text
    return _answers(path, found)


def _answers_of_csv(path: Path) -> dict[Metal, Answers]:
    found: dict[tuple[Metal, int], tuple[str, str]] = {}
    for number, (question, metal, answer) in rows(path, ("question", "metal", "answer")):
        where = f"{path}, line {number}"
        if metal.casefold() not in METALS:
            raise FileError(f"{where}: metal {metal!r}: must be one of {', '.join(METALS)}")
        if question not in map(str, QUESTIONS):
            raise FileError(f"{where}: question {question!r}: must be 1 to 8")
        key = METALS[metal.casefold()], int(question)
        if key in found:
            raise FileError(f"{where}: question {question} of {metal} is answered before")
        found[key] = where, answer
    return _answers(path, found)


def _answers(path: Path, found: Mapping[tuple[Metal, int], tuple[str, str]]) -> dict[Metal, Answers]:
    if not found:
        raise FileError(f"{path}: has no answers")
    told: dict[Metal, Answers] = {}
    for metal in Metal:
        row = []
        for question in QUESTIONS:
            where, text = found.get((metal, question), (str(path), ""))
            known: Mapping[str, int] = SHARES if question == 6 else ANSWERS
            if text.casefold() not in known:
                may = ", ".join(name.capitalize() for name in known if name)
                raise FileError(f"{where}: answer {text!r}: must be one of {may}")
            row.append(known[text.casefold()])
        told[metal] = Answers(*row)
    return told


def _add_smelters(filled: Filled, listed: Iterable[Row]) -> None:
    known: set[bytes] = set()
    for row in listed:
        metal = _metal(row)
        if not filled.answers[metal].is_in:
            raise FileError(f"{row.where}: {metal.name.lower()} does not remain in the product by question 2")
        if not row.get("smelter identification", "smelter identification number input column"):
            if filled.answers[metal].identified == Answer.YES:
                raise FileError(
                    f"{row.where}: Smelter Identification: is empty, but by question 7 all are identified"
                )
            filled.unidentified += 1
            continue
        identifier = _smelter(row)
        filled.repeated += identifier in known
        known.add(identifier)
    filled.smelters = sorted(known)


def _table(
    path: Path,
    tabs: Mapping[str, Sequence[tuple[int, list[str]]]],
    title: str,
    wanted: Sequence[str],
    optional: bool = False,
) -> list[Row]:
    """The rows of a tab below the one that has the titles; above it there may be anything."""
    if title not in tabs:
        if optional:
            return []
        raise FileError(f"{path}: has no sheet {title}")
    titles: list[str] = []
    found = []
    for number, cells in tabs[title]:
        plain = [_plain(cell) for cell in cells]
        if not titles:
            is_head = all(name in plain for name in wanted) if wanted else any("product" in c for c in plain)
            titles = plain if is_head else []
            continue
        named = {name: cells[i] if i < len(cells) else "" for i, name in enumerate(titles) if name}
        found.append(Row(f"{path}, sheet {title}, row {number}", named))
    if not titles and not optional:
        raise FileError(f"{path}, sheet {title}: has no row with the titles {', '.join(wanted)}")
    return found


def _csv(path: Path, columns: Sequence[str]) -> list[Row]:
    with_record = (*columns, "Record")
    try:
        lines = list(rows(path, with_record))
        columns = with_record
    except FileError:
        lines = list(rows(path, columns))
    names = [column.lower() for column in columns]
    return [Row(f"{path}, line {number}", dict(zip(names, values, strict=True))) for number, values in lines]


def _plain(title: str) -> str:
    return title.replace("(*)", "").strip().casefold()


def _metal(row: Row) -> Metal:
    text = row.get("metal")
    if text.casefold() not in METALS:
        raise FileError(f"{row.where}: Metal {text!r}: must be one of {', '.join(METALS)}")
    return METALS[text.casefold()]


def _smelter(row: Row) -> bytes:
    number = row.get("smelter identification") or row.get("smelter identification number input column")
    try:
        return smelter_id(number, _metal(row))
    except MineralsError as error:
        raise FileError(f"{row.where}: Smelter Identification: {error}") from None


def _last_second(row: Row, status: Status) -> int:
    text = row.get("valid until")
    if not status.ends:
        if text:
            raise FileError(f"{row.where}: Valid Until {text!r}: {status.name} has no end, leave it empty")
        return 0
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise FileError(f"{row.where}: Valid Until {text!r}: must be a day, as 2027-12-31") from None
    return int(day.timestamp()) + SECONDS_OF_A_DAY - 1


def _record(row: Row) -> bytes:
    text = row.get("record")
    if not text:
        return bytes(32)
    if not re.fullmatch("0x[0-9a-fA-F]{64}", text):
        raise FileError(f"{row.where}: Record {text!r}: must be 0x and 64 hex digits")
    return bytes.fromhex(text[2:])
