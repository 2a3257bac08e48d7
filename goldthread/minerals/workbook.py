"""A workbook of the shape of the CMRT for a product, rolled up from the declarations of everything in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from goldthread.minerals.book import day, finalised_of, problems, things_in, worst
from goldthread.minerals.files import ANSWERS, SHARES
from goldthread.rules.minerals import (
    QUESTIONS,
    Answer,
    Answers,
    Metal,
    Status,
    Verdict,
    form_sd,
    outcome,
    roll_up,
    smelter_of,
    unpack,
)
from goldthread.workbooks import Sheet

if TYPE_CHECKING:
    from goldthread.audit.conflict_minerals import Declaration
    from goldthread.minerals.book import Book

TEXTS: Mapping[int, str] = {
    1: "1) Is the metal intentionally added or used in the product or its production?",
    2: "2) Does the metal remain in the product?",
    3: "3) Do smelters in the supply chain source it from the covered countries?",
    4: "4) Do smelters source it from conflict-affected and high-risk areas?",
    5: "5) Does 100 % of it come from recycled or scrap sources?",
    6: "6) What share of the relevant suppliers has answered?",
    7: "7) Are all smelters that supply it identified?",
    8: "8) Is all applicable smelter information reported here?",
}


def sheets(book: Book, product: bytes, names: Mapping[int, str], year: int) -> list[Sheet]:
    """The tabs Declaration, Smelter List, Checker and Product List.

    A smelter is listed once for each metal and register. What has no declaration is in no answer, and
    questions 7 and 8 are answered with No because of it.
    """
    finalised = finalised_of(book, product)
    things = things_in(book, product)
    told = {each: book.declaration(each) for each in things}
    known = [found for found in told.values() if found is not None]
    rolled = _rolled(
        known, complete=len(known) == len(things) and not book.open_processes(product, finalised)
    )
    found = worst(book, product, finalised)
    filing = outcome(form_sd(rolled))
    maker = book.trace.things[product].org if product in book.trace.things else 0
    preface: list[list[Any]] = [
        ["Conflict minerals", "roll-up of declarations"],
        ["Company Name", names.get(maker, f"organisation {maker}")],
        ["Declaration Scope", "Product"],
        ["Product", book.name(product)],
        ["Reporting year", year],
        ["As of block", book.block],
        ["As of", datetime.fromtimestamp(book.now, UTC).isoformat()],
        ["Verdict", found.name],
        ["Form SD from these answers, before due diligence", filing.name],
        [],
    ]
    answers = [
        [TEXTS[question], metal.name.capitalize(), _answer_text(question, row)]
        for question in QUESTIONS
        for metal, row in rolled.items()
    ]
    return [
        Sheet("Declaration", ("Question", "Metal (*)", "Answer"), answers, preface),
        Sheet("Smelter List", _SMELTER_TITLES, list(_smelter_rows(book, told, names))),
        Sheet(
            "Checker", ("Required", "State", "Product", "Verdict"), list(_checks(book, product, finalised))
        ),
        Sheet("Product List", _PRODUCT_TITLES, [_product_row(book, each, told[each]) for each in things]),
    ]


_SMELTER_TITLES = (
    "Metal (*)", "Smelter Name", "Smelter Country", "Smelter Identification",
    "Source of Smelter Identification Number", "Status", "Valid Until", "Verdict", "100 % recycled",
    "Products",
)  # fmt: skip
_PRODUCT_TITLES = ("Product (*)", "Id", "Declared for", "Version", "Register", "Document", "Verdict")


def _rolled(known: Sequence[Declaration], *, complete: bool) -> dict[Metal, Answers]:
    rows_ = [unpack(found.statement.answers) for found in known]
    rolled = {metal: roll_up(row[metal] for row in rows_) for metal in Metal}
    if complete:
        return rolled
    open_ = {"identified": Answer.NO, "reported": Answer.NO}
    return {m: Answers(**(vars(row) | open_)) if row.is_in else row for m, row in rolled.items()}


def _smelter_rows(
    book: Book, told: Mapping[bytes, Declaration | None], names: Mapping[int, str]
) -> Iterator[list[Any]]:
    """One row for each smelter, metal and register, in the order of the metals."""
    users: dict[tuple[bytes, int], list[str]] = {}
    recycled: dict[tuple[bytes, int], bool] = {}
    for product, found in told.items():
        if found is None:
            continue
        for smelter in found.smelters:
            key = smelter, found.statement.register
            users.setdefault(key, []).append(book.name(product))
            row = unpack(found.statement.answers)[Metal(smelter[31])]
            recycled[key] = recycled.get(key, True) and row.is_recycled
    for smelter, register in sorted(users, key=lambda key: (key[0][31], key)):
        number, metal = smelter_of(smelter)
        listed = book.state.smelters.get((register, smelter))
        status = Status(listed["status"]) if listed else Status.NONE
        until = day(listed["validUntil"]) if listed and status.ends else None
        key = smelter, register
        yield [
            metal.name.capitalize(),
            book.state.names.get((register, smelter)) or "Smelter not listed",
            listed["country"].decode("ascii", "replace") if listed else None,
            number,
            names.get(register, f"organisation {register}"),
            status.name.replace("_", " ").capitalize() if listed and status else "Not listed",
            until,
            book.smelter_verdict(register, smelter).name,
            "Yes" if recycled[key] else "No",
            "\n".join(sorted(set(users[key]))),
        ]


def _checks(book: Book, product: bytes, finalised: Mapping[bytes, bool]) -> Iterator[list[Any]]:
    """A row for everything that is open, or one that says that nothing is."""
    found = list(problems(book, product, finalised))
    for problem in found:
        yield [problem.what, "Open", problem.product, problem.verdict.name]
    if not found:
        yield ["all declared, all smelters conformant", "Complete", book.name(product), None]


def _product_row(book: Book, product: bytes, told: Declaration | None) -> list[Any]:
    head = [book.name(product), f"0x{product.hex()}"]
    if told is None:
        return [*head, "not declared", None, None, None, Verdict.UNDETERMINABLE.name]
    document = f"0x{told.statement.document.hex()}"
    return [*head, told.year, told.version, told.statement.register, document, book.verdict(told).name]


def _answer_text(question: int, row: Answers) -> str | None:
    answer = list(vars(row).values())[question - 1]
    if not answer:
        return None
    known: Mapping[str, int] = SHARES if question == 6 else ANSWERS
    text = next(name for name, value in known.items() if value == answer)
    return text[0].upper() + text[1:]
