"""Conflict minerals: the words and rules of the contract ConflictMinerals, for files, commands and reports.

A smelter is 32 bytes: its number in the register in ASCII, left-aligned, and in the last byte the metal.
Answers are one word: question q (1 to 8) of metal m is the byte 8m + q - 1 from the lowest on. `outcome` is
Form SD, item 1.01 (17 CFR 249b.400); `due_at` is 17 CFR 240.13p-1 with 17 CFR 240.0-3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum

QUESTIONS = range(1, 9)
FIRST_YEAR, LAST_YEAR = 2013, 9999
FOREVER = (1 << 40) - 1
"""The end of what has none."""

CLOSING = time(21, 30, tzinfo=UTC)
"""17:30 Eastern daylight time: what EDGAR gets later counts for the next business day (17 CFR 232.13)."""

COVERED_COUNTRIES: Mapping[str, str] = {
    "AO": "Angola",
    "BI": "Burundi",
    "CD": "Democratic Republic of the Congo",
    "CF": "Central African Republic",
    "CG": "Republic of the Congo",
    "RW": "Rwanda",
    "SS": "South Sudan",
    "TZ": "Tanzania",
    "UG": "Uganda",
    "ZM": "Zambia",
}
"""The Democratic Republic of the Congo and the countries that adjoin it (Form SD, item 1.01(d)(1))."""


class Metal(IntEnum):
    """Tin, tantalum, tungsten and gold, as `IConflictMinerals.Metal`."""

    TIN = 0
    TANTALUM = 1
    TUNGSTEN = 2
    GOLD = 3


class Status(IntEnum):
    """How a smelter stands (RMAP), as `IConflictMinerals.Status`."""

    NONE = 0
    CONFORMANT = 1
    ACTIVE = 2
    NON_CONFORMANT = 3
    NOT_ENROLLED = 4

    @property
    def ends(self) -> bool:
        """Does it last until a day?"""
        return self in (Status.CONFORMANT, Status.ACTIVE)


class Answer(IntEnum):
    """As `IConflictMinerals.Answer`."""

    NONE = 0
    NO = 1
    YES = 2
    UNKNOWN = 3


class Share(IntEnum):
    """Of the suppliers that answered, as `IConflictMinerals.Share`."""

    NOT_ASKED = 0
    NOBODY = 1
    HALF_OR_LESS = 2
    ABOVE_50_PERCENT = 3
    ABOVE_75_PERCENT = 4
    ABOVE_90_PERCENT = 5
    ALL = 6


class Verdict(IntEnum):
    """From the best to the worst, as `IConflictMinerals.Verdict`."""

    NONE = 0
    NO_MINERALS = 1
    RECYCLED = 2
    CONFORMANT = 3
    ACTIVE = 4
    NOT_ENROLLED = 5
    UNDETERMINABLE = 6
    NON_CONFORMANT = 7


class Outcome(IntEnum):
    """What is to be filed, as `IConflictMinerals.Outcome`."""

    NO_FILING = 0
    FORM_SD_ONLY = 1
    CMR_CONFLICT_FREE_WITH_IPSA = 2
    CMR_NOT_FOUND_CONFLICT_FREE = 3
    CMR_UNDETERMINABLE = 4


VERDICT_OF: Mapping[Status, Verdict] = {
    Status.NONE: Verdict.UNDETERMINABLE,
    Status.CONFORMANT: Verdict.CONFORMANT,
    Status.ACTIVE: Verdict.ACTIVE,
    Status.NON_CONFORMANT: Verdict.NON_CONFORMANT,
    Status.NOT_ENROLLED: Verdict.NOT_ENROLLED,
}
"""What a status means while it is valid."""


class MineralsError(ValueError):
    """Something about conflict minerals that cannot be so. The message names field, value and rule."""


@dataclass(frozen=True)
class Answers:
    """Questions 1 to 8 of the CMRT about one metal; `responded` is a `Share`, the others are `Answer`."""

    added: int = Answer.NO
    remains: int = Answer.NONE
    covered: int = Answer.NONE
    high_risk: int = Answer.NONE
    recycled: int = Answer.NONE
    responded: int = Share.NOT_ASKED
    identified: int = Answer.NONE
    reported: int = Answer.NONE

    @property
    def is_in(self) -> bool:
        """Does the metal remain in the product?"""
        return self.remains == Answer.YES

    @property
    def is_recycled(self) -> bool:
        """Is all of it recycled or scrap?"""
        return self.recycled == Answer.YES

    @property
    def is_complete(self) -> bool:
        """Have all suppliers answered, and are all smelters known and named?"""
        known = self.identified == self.reported == Answer.YES
        return known and self.responded == Share.ALL

    def check(self, metal: Metal) -> None:
        """`MineralsError` for a question without an answer, or with one where it is not asked."""
        for question, answer in zip(QUESTIONS, astuple(self), strict=True):
            asked = question == 1 or (self.added == Answer.YES and (question == 2 or self.is_in))
            if question == 6:
                most = int(Share.ALL)
            else:
                most = int(Answer.UNKNOWN if 3 <= question <= 5 else Answer.YES)
            where = f"question {question} of {metal.name.lower()}"
            if asked and not 1 <= answer <= most:
                raise MineralsError(f"{where}: has no answer, or one that is none of its answers")
            if not asked and answer:
                raise MineralsError(f"{where}: is not asked after the answers before it; leave it empty")


@dataclass(frozen=True)
class FormSd:
    """What Form SD asks of a product, as `IConflictMinerals.FormSd`."""

    necessary: bool
    outside: bool
    reason: bool
    recycled: bool
    origin: Answer = Answer.NONE
    benefited: Answer = Answer.NONE


def pack(answers: Mapping[Metal, Answers]) -> int:
    """The word of the answers; a metal that is missing is not in the product."""
    told = (astuple(answers.get(metal, Answers())) for metal in Metal)
    return int.from_bytes(bytes(answer for row in told for answer in row), "little")


def unpack(word: int) -> dict[Metal, Answers]:
    """The answers of each metal."""
    data = word.to_bytes(32, "little")
    return {metal: Answers(*data[8 * metal : 8 * metal + 8]) for metal in Metal}


def smelter_id(number: str, metal: Metal) -> bytes:
    """The 32 bytes of a smelter; `MineralsError` for a number that is empty, longer than 31, or no ASCII."""
    if not number or len(number) > 31 or not number.isascii() or not number.isprintable():
        raise MineralsError(f"smelter number {number!r}: must have 1 to 31 printable ASCII characters")
    if number != number.strip():
        raise MineralsError(f"smelter number {number!r}: has blanks around it")
    return number.encode().ljust(31, b"\0") + bytes([metal])


def smelter_of(identifier: bytes) -> tuple[str, Metal]:
    """Number and metal of a smelter; `MineralsError` for what is none."""
    if len(identifier) != 32 or identifier[31] > max(Metal):
        raise MineralsError(f"0x{identifier.hex()}: is no smelter")
    return identifier[:31].rstrip(b"\0").decode("ascii", "replace"), Metal(identifier[31])


def status_verdict(status: int, valid_until: int, now: int) -> Verdict:
    """The verdict on a smelter at `now` (unix seconds); a status that has ended is not known."""
    found = Status(status)
    return Verdict.UNDETERMINABLE if found.ends and now > valid_until else VERDICT_OF[found]


def form_sd(
    answers: Mapping[Metal, Answers], outside: bool = False, origin: int = 0, benefited: int = 0
) -> FormSd:
    """What follows for Form SD. Of recycled metals the origin does not matter; of the others, an origin that
    is not known is reason to believe.
    """
    remain = [told for told in answers.values() if told.is_in]
    mined = [told for told in remain if not told.is_recycled]
    reason = any(told.covered != Answer.NO for told in mined)
    recycled = bool(remain) and not mined
    return FormSd(bool(remain), outside, reason, recycled, Answer(origin), Answer(benefited))


def outcome(facts: FormSd) -> Outcome:
    """What is to be filed."""
    if not facts.necessary or facts.outside:
        return Outcome.NO_FILING
    if not facts.reason or facts.recycled or facts.origin == Answer.NO:
        return Outcome.FORM_SD_ONLY
    if facts.benefited == Answer.NO:
        return Outcome.CMR_CONFLICT_FREE_WITH_IPSA
    if facts.benefited == Answer.YES:
        return Outcome.CMR_NOT_FOUND_CONFLICT_FREE
    return Outcome.CMR_UNDETERMINABLE


def due_at(year: int) -> int:
    """The last second (unix) at which Form SD for a calendar year is filed in time.

    31 May of the next year, or the business day after it: a Monday that is 31 May is Memorial Day.
    `MineralsError` for a year before 2013, or without a next one in the calendar.
    """
    if not FIRST_YEAR <= year < LAST_YEAR:
        raise MineralsError(f"year {year}: must be {FIRST_YEAR} to {LAST_YEAR - 1}")
    day = date(year + 1, 5, 31)
    day += timedelta(days={5: 2, 6: 1, 0: 1}.get(day.weekday(), 0))
    return int(datetime.combine(day, CLOSING).timestamp())


def roll_up(answers: Iterable[Answers]) -> Answers:
    """What follows for a product from the answers about everything in it: a YES counts for 1 to 4, a NO for
    5, 7 and 8, and the smallest share for 6.
    """
    told = list(answers)
    remain = [each for each in told if each.is_in]
    if not remain:
        used = any(each.added == Answer.YES for each in told)
        return Answers(Answer.YES, Answer.NO) if used else Answers()
    return Answers(
        Answer.YES,
        Answer.YES,
        _first((Answer.YES, Answer.UNKNOWN, Answer.NO), [each.covered for each in remain]),
        _first((Answer.YES, Answer.UNKNOWN, Answer.NO), [each.high_risk for each in remain]),
        _first((Answer.NO, Answer.UNKNOWN, Answer.YES), [each.recycled for each in remain]),
        min(each.responded for each in remain),
        _first((Answer.NO, Answer.YES), [each.identified for each in remain]),
        _first((Answer.NO, Answer.YES), [each.reported for each in remain]),
    )


def _first(order: Iterable[Answer], found: Iterable[int]) -> Answer:
    """The first in the order that is among those found."""
    there = set(found)
    return next(answer for answer in order if answer in there)
