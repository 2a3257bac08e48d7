"""ConflictMinerals: what Form SD asks for, when it is due, and what is on record about its filing."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product as every

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from tests.models import form_sd
from tests.models.conflict_minerals import (
    CLEAN,
    NOT_IN,
    SCRAP,
    Declaration,
    Questions,
    Statement,
    declaration_id,
    pack,
)
from tests.models.form_sd import Answer, FormSd, Outcome
from tests.models.minerals_shadow import MineralsShadow
from tests.support import Contract, Forwarder, Node, fresh, reverts
from tests.support.minerals import DOCUMENT, REASON, TIN, Case
from tests.support.world import World, happened

NONE, NO, YES = Answer.NONE, Answer.NO, Answer.YES
ROWS = {
    (False, False, False, False, NONE, NONE): Outcome.NO_FILING,
    (True, True, True, False, YES, YES): Outcome.NO_FILING,
    (True, False, False, False, NONE, NONE): Outcome.FORM_SD_ONLY,
    (True, False, True, True, NONE, NONE): Outcome.FORM_SD_ONLY,
    (True, False, True, False, NO, NONE): Outcome.FORM_SD_ONLY,
    (True, False, True, False, YES, NO): Outcome.CMR_CONFLICT_FREE_WITH_IPSA,
    (True, False, True, False, YES, YES): Outcome.CMR_NOT_FOUND_CONFLICT_FREE,
    (True, False, True, False, YES, NONE): Outcome.CMR_UNDETERMINABLE,
}
"""Necessary, outside the supply chain before 2013, reason to believe, recycled or scrap, from the covered
countries, armed groups benefited.
"""


@pytest.fixture
def case(node: Node) -> Case:
    found = Case(MineralsShadow(node))
    found.list(TIN)
    return found


@pytest.fixture(scope="module")
def contract() -> Contract:
    return World.create(fresh()).conflict_minerals


# ---------------------------------------------------------------------------------------------- the outcome


@pytest.mark.parametrize(("row", "expected"), ROWS.items())
def test_the_eight_rows(contract: Contract, row: tuple[bool | Answer, ...], expected: Outcome) -> None:
    facts = FormSd(*row)  # type: ignore[arg-type]
    assert contract.outcome(facts) == expected
    assert form_sd.outcome(facts) == expected


def test_form_sd_equals_the_table(contract: Contract) -> None:
    """All 256 facts there are: the contract says what the possible worlds say."""
    seen = set()
    for flags, answers in every(every((False, True), repeat=4), every(Answer, repeat=2)):
        facts = FormSd(*flags, *answers)
        assert contract.outcome(facts) == form_sd.outcome(facts), facts
        seen.add(form_sd.outcome(facts))
    assert seen == set(Outcome)


QUESTIONS = st.sampled_from(
    [NOT_IN, Questions(2, 1)]
    + [
        Questions(2, 2, covered, 1, recycled, 6, 2, 2)
        for covered, recycled in every((Answer.NO, Answer.YES, Answer.UNKNOWN), repeat=2)
    ]
)


@given(
    metals=st.tuples(QUESTIONS, QUESTIONS, QUESTIONS, QUESTIONS),
    outside=st.booleans(),
    origin=st.sampled_from(Answer),
    benefited=st.sampled_from(Answer),
)
def test_what_follows_from_the_answers(
    contract: Contract,
    metals: tuple[Questions, ...],
    outside: bool,
    origin: Answer,
    benefited: Answer,
) -> None:
    answers = pack(**dict(zip(("tin", "tantalum", "tungsten", "gold"), metals, strict=True)))
    statement = Statement(1, outside, origin, benefited, answers)
    facts = contract.formSdOf(statement)
    expected = Declaration(1, 1, statement, ()).form_sd
    assert facts == expected
    assert contract.outcome(facts) == form_sd.outcome(expected)
    in_it = [metal for metal in metals if metal.remains == Answer.YES]
    assert expected.necessary == bool(in_it)
    if in_it and all(metal.recycled == Answer.YES for metal in in_it) and not outside:
        assert form_sd.outcome(expected) == Outcome.FORM_SD_ONLY


@pytest.mark.parametrize(
    ("metals", "expected"),
    [
        ({"tin": CLEAN}, (True, False, False, False)),
        ({"tin": SCRAP}, (True, False, False, True)),
        ({"tin": SCRAP, "gold": CLEAN}, (True, False, False, False)),
        ({"tin": Questions(2, 2, 2, 1, 2, 6, 2, 2)}, (True, False, False, True)),
        ({"gold": Questions(2, 2, 3, 1, 1, 6, 2, 2)}, (True, False, True, False)),
        ({"gold": Questions(2, 2, 2, 1, 3, 6, 2, 2), "tin": SCRAP}, (True, False, True, False)),
        ({"tungsten": Questions(2, 1)}, (False, False, False, False)),
        ({"tantalum": NOT_IN}, (False, False, False, False)),
    ],
)
def test_the_facts_by_hand(
    contract: Contract, metals: dict[str, Questions], expected: tuple[bool, ...]
) -> None:
    assert contract.formSdOf(Statement(1, answers=pack(**metals))) == (*expected, 0, 0)


# ------------------------------------------------------------------------------------------------------ due


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (2013, "2014-06-02"),  # a Saturday
        (2014, "2015-06-01"),  # a Sunday
        (2015, "2016-05-31"),
        (2019, "2020-06-01"),  # a Sunday, and a leap day before it
        (2020, "2021-06-01"),  # Memorial Day
        (2023, "2024-05-31"),
        (2024, "2025-06-02"),  # a Saturday
        (2026, "2027-06-01"),  # Memorial Day
        (2099, "2100-06-01"),  # Memorial Day, and no leap day before it
    ],
)
def test_it_is_due_on_the_last_business_day(contract: Contract, year: int, day: str) -> None:
    due = int(datetime.fromisoformat(f"{day}T21:30:00+00:00").timestamp())
    assert contract.dueAt(year) == due
    assert datetime.fromtimestamp(due, UTC).isoformat() == f"{day}T21:30:00+00:00"


def test_it_is_due_as_the_calendar_says(contract: Contract) -> None:
    """For 400 years, after which the calendar begins anew."""
    for year in range(2013, 2414):
        assert contract.dueAt(year) == form_sd.due_at(year), year


def test_the_last_year_is_9999(contract: Contract) -> None:
    assert contract.dueAt(9998) == form_sd.due_at(9998)
    assert 363 * 86_400 <= contract.dueAt(9999) - contract.dueAt(9998) <= 368 * 86_400


@pytest.mark.parametrize("year", [0, 1970, 2012, 10_000, 65_535])
def test_nothing_is_due_for_years_beyond_the_rule(contract: Contract, year: int) -> None:
    with reverts("WrongYear", year):
        contract.dueAt(year)


# ------------------------------------------------------------------------------------------------- the filing


def needing(case: Case, origin: Answer = Answer.YES, benefited: Answer = Answer.NO) -> Statement:
    """A statement that leads to a Conflict Minerals Report."""
    answers = pack(tin=Questions(2, 2, 2, 2, 1, 6, 2, 2))
    return Statement(case.register.number, False, origin, benefited, answers, DOCUMENT)


def file(case: Case) -> bool:
    return case.shadow.tell("file", case.design, case.year, REASON, sender=case.world.maker.quality)


@pytest.mark.parametrize(
    ("origin", "benefited", "expected"),
    [
        (Answer.NO, Answer.NONE, Outcome.FORM_SD_ONLY),
        (Answer.YES, Answer.NO, Outcome.CMR_CONFLICT_FREE_WITH_IPSA),
        (Answer.YES, Answer.YES, Outcome.CMR_NOT_FOUND_CONFLICT_FREE),
        (Answer.YES, Answer.UNKNOWN, Outcome.CMR_UNDETERMINABLE),
        (Answer.NONE, Answer.NONE, Outcome.CMR_UNDETERMINABLE),
    ],
)
def test_a_filing_is_on_record(case: Case, origin: Answer, benefited: Answer, expected: Outcome) -> None:
    id_ = case.declare(case.design, needing(case, origin, benefited))
    assert case.contract.outcomeOf(id_) == expected
    case.node.timestamp = form_sd.start_of(case.year + 1)
    maker = case.world.maker
    receipt = case.contract.file(case.design, case.year, REASON, sender=maker.quality)
    told = {"product": case.design, "org": maker.number, "year": case.year, "caller": maker.quality}
    told |= {"version": 1, "outcome": expected, "document": REASON, "filedAt": case.world.now, "late": False}
    assert happened(receipt) == [("FormSdFiled", told)]
    declaration = case.contract.declarationOf(id_)
    assert (declaration.filedVersion, declaration.filedAt) == (1, case.world.now)
    assert case.contract.outcomeOf(bytes(32)) == Outcome.NO_FILING


def test_a_filing_follows_the_year(case: Case) -> None:
    case.declare(case.design, needing(case))
    end = form_sd.start_of(case.year + 1)
    args = case.design, case.year, REASON
    case.node.timestamp = end - 1
    with reverts("YearNotOver", case.year, end - 1):
        case.contract.file(*args, sender=case.world.maker.quality)
    case.node.warp(1)
    assert file(case)


@pytest.mark.parametrize(("seconds", "late"), [(-1, False), (0, False), (1, True)])
def test_a_filing_is_late_after_its_last_second(case: Case, seconds: int, late: bool) -> None:
    case.declare(case.design, needing(case))
    case.node.timestamp = form_sd.due_at(case.year) + seconds
    receipt = case.contract.file(case.design, case.year, REASON, sender=case.world.maker.quality)
    [(_, told)] = happened(receipt)
    assert told["late"] == late


def test_each_version_is_filed_once(case: Case) -> None:
    id_ = case.declare(case.design, needing(case))
    case.node.timestamp = first = form_sd.start_of(case.year + 1)
    assert file(case)
    with reverts("AlreadyFiled", case.design, case.year, 1):
        case.contract.file(case.design, case.year, REASON, sender=case.world.maker.quality)
    case.node.warp(60)
    case.supersede(case.design, needing(case, benefited=Answer.YES))
    declaration = case.contract.declarationOf(id_)
    assert (declaration.version, declaration.filedVersion, declaration.filedAt) == (2, 1, first)
    assert file(case)
    assert not file(case)
    declaration = case.contract.declarationOf(id_)
    assert (declaration.filedVersion, declaration.filedAt) == (2, first), "the first filing was in time"
    case.shadow.check_minerals()


@pytest.mark.parametrize("metals", [{"tin": NOT_IN}, {"tin": Questions(2, 1)}])
def test_what_needs_no_filing_is_not_filed(case: Case, metals: dict[str, Questions]) -> None:
    case.declare(case.design, case.statement(**metals), [])
    case.node.timestamp = form_sd.due_at(case.year) + 1
    with reverts("NothingToFile", case.design, case.year):
        case.contract.file(case.design, case.year, REASON, sender=case.world.maker.quality)
    with reverts("NothingToFile", case.design, case.year):
        case.contract.flagOverdue(case.design, case.year, sender=case.world.stranger)


def test_what_was_outside_before_2013_needs_none(case: Case) -> None:
    id_ = case.declare(case.design, needing(case)._replace(outside=True))
    assert case.contract.outcomeOf(id_) == Outcome.NO_FILING


def test_anyone_flags_an_overdue_filing_once(case: Case) -> None:
    id_ = case.declare(case.design, needing(case))
    due, args = form_sd.due_at(case.year), (case.design, case.year)
    machine = Forwarder.deploy(case.node, case.world.stranger)
    for second in (due - 1, due):
        case.node.timestamp = second
        with reverts("FilingNotOverdue", case.design, case.year, due):
            case.contract.flagOverdue(*args, sender=machine)
    case.node.warp(1)
    receipt = case.contract.flagOverdue(*args, sender=machine)
    told = {"product": case.design, "org": case.world.maker.number, "year": case.year}
    alert = {"subject": case.design, "code": keccak(text="FORM_SD_OVERDUE")[:4], "org": told["org"]}
    assert happened(receipt) == [
        ("FilingOverdue", told | {"caller": machine.address}),
        ("Alert", alert | {"severity": 2, "ref": id_}),
    ]
    assert case.contract.declarationOf(id_).overdue
    with reverts("FlaggedBefore", case.design, case.year):
        case.contract.flagOverdue(*args, sender=case.world.stranger)


def test_what_was_filed_late_is_overdue_no_more(case: Case) -> None:
    id_ = case.declare(case.design, needing(case))
    due = form_sd.due_at(case.year)
    case.node.timestamp = due + 1
    assert case.shadow.tell("flagOverdue", case.design, case.year, sender=case.world.stranger)
    assert file(case)
    case.supersede(case.design, needing(case), [TIN])
    assert case.contract.declarationOf(id_).overdue, "it stays on record"
    with reverts("FilingNotOverdue", case.design, case.year, due):
        case.contract.flagOverdue(case.design, case.year, sender=case.world.stranger)
    assert id_ == declaration_id(case.design, case.year)
    case.shadow.check_minerals()
