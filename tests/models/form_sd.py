"""What Form SD asks for, written from 17 CFR 240.13p-1 and Form SD, not from the contract.

The outcome is found by possible worlds: what due diligence has found leaves some of them, and what holds in
all that are left is known. When it is due is found with a calendar and the time zone of the SEC.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from enum import IntEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Answer(IntEnum):
    """`IConflictMinerals.Answer`."""

    NONE = 0
    NO = 1
    YES = 2
    UNKNOWN = 3


class Outcome(IntEnum):
    """`IConflictMinerals.Outcome`."""

    NO_FILING = 0
    FORM_SD_ONLY = 1
    CMR_CONFLICT_FREE_WITH_IPSA = 2
    CMR_NOT_FOUND_CONFLICT_FREE = 3
    CMR_UNDETERMINABLE = 4


class FormSd(NamedTuple):
    """`IConflictMinerals.FormSd`."""

    necessary: bool
    outside: bool
    reason: bool
    recycled: bool
    origin: Answer
    benefited: Answer


class World(NamedTuple):
    """Where the minerals could be from, and whether armed groups there could have got something of it."""

    covered: bool
    benefited: bool


WORLDS = (World(True, True), World(True, False), World(False, False))
"""Armed groups in the covered countries do not benefit from what is from elsewhere."""


def outcome(facts: FormSd) -> Outcome:
    """Item 1.01 of Form SD."""
    if not (facts.necessary and not facts.outside):
        return Outcome.NO_FILING
    needs_diligence = facts.reason and not facts.recycled
    possible = [
        world
        for world in WORLDS
        if _agrees(world.covered, facts.origin) and _agrees(world.benefited, facts.benefited)
    ]

    def known(property_: Callable[[World], bool]) -> bool:
        return all(map(property_, possible))

    if not needs_diligence or known(lambda world: not world.covered):
        return Outcome.FORM_SD_ONLY
    if known(lambda world: not world.benefited):
        return Outcome.CMR_CONFLICT_FREE_WITH_IPSA
    if known(lambda world: world.benefited):
        return Outcome.CMR_NOT_FOUND_CONFLICT_FREE
    return Outcome.CMR_UNDETERMINABLE


def _agrees(fact: bool, answer: Answer) -> bool:
    return answer in (Answer.NONE, Answer.UNKNOWN) or fact == (answer == Answer.YES)


EASTERN = ZoneInfo("America/New_York")
MONDAY, SATURDAY = 0, 5


def due_at(year: int) -> int:
    """The last second of the last business hour by which a year is reported."""
    day = date(year + 1, 5, 31)
    while day.weekday() >= SATURDAY or day == memorial_day(year + 1):
        day += timedelta(days=1)
    return int(datetime.combine(day, time(17, 30), EASTERN).timestamp())


def memorial_day(year: int) -> date:
    """The last Monday of May."""
    days = [date(year, 5, number) for number in range(1, 32)]
    return max(day for day in days if day.weekday() == MONDAY)


def start_of(year: int) -> int:
    """The first second of a year, in UTC."""
    return int((datetime(year, 1, 1) - datetime(1970, 1, 1)).total_seconds())
