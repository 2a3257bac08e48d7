"""ConflictMinerals: what makers declare, which lots it covers, and how it is judged."""

from __future__ import annotations

from dataclasses import replace
from itertools import product as every
from typing import Any

import pytest

from tests.models import form_sd
from tests.models.conflict_minerals import (
    ALL_SUPPLIERS,
    CLEAN,
    NOT_IN,
    SCRAP,
    Metal,
    Questions,
    Statement,
    Status,
    Verdict,
    declaration_id,
    pack,
    smelter,
    tree_of,
)
from tests.models.form_sd import Answer
from tests.models.minerals_shadow import MineralsShadow
from tests.support import Forwarder, Node, reverts
from tests.support.making import ONE
from tests.support.minerals import DOCUMENT, GOLD, REASON, TIN, TIN_2, Case
from tests.support.words import Duty, Kind, Role
from tests.support.world import SUPPLIER_PREFIX, Commission, happened, lot_uri, twin_id

ZERO = bytes(32)
USED_UP = Questions(2, 1)
"""Used in production, and nothing of it remains."""


@pytest.fixture
def case(node: Node) -> Case:
    found = Case(MineralsShadow(node))
    found.list(TIN, GOLD)
    return found


# ------------------------------------------------------------------------------------------------ declaring


def test_a_maker_declares_a_design(case: Case) -> None:
    maker, year, design = case.world.maker, case.year, case.design
    statement = Statement(
        case.register.number, True, Answer.YES, Answer.UNKNOWN, pack(tin=CLEAN, gold=CLEAN), DOCUMENT
    )
    smelters = sorted([TIN, GOLD])
    receipt = case.contract.declare(design, year, statement, smelters, sender=maker.quality)
    where = {"product": design, "year": year, "caller": maker.quality}
    told = {"org": maker.number, "version": 1, "statement": statement, "reason": ZERO, "smelters": smelters}
    finding = (Verdict.CONFORMANT, False, case.until, case.world.now, 0, case.register.number)
    assert happened(receipt) == [("Declared", where | told), ("Judged", where | {"finding": finding})]
    id_ = case.contract.declarationId(design, year)
    assert id_ == declaration_id(design, year)
    head = (maker.number, 1, case.register.number, 2, True, Answer.YES, Answer.UNKNOWN, False, 0, 0)
    kept = (*head, statement.answers, tree_of(smelters).root, DOCUMENT)
    assert case.contract.declarationOf(id_) == kept
    assert case.contract.judgementOf(id_) == finding
    assert case.contract.coveredBy(design) == ZERO, "a design is declared year by year"


def test_a_lot_that_is_declared_is_covered(case: Case) -> None:
    lot, part = case.making.lot("ore"), case.making.part("1")
    for product in (lot, part):
        id_ = case.declare(product)
        assert case.contract.coveredBy(product) == id_
    case.shadow.check_minerals()


@pytest.mark.parametrize("duty", [Duty.QUALITY])
def test_only_the_maker_declares(case: Case, duty: Duty) -> None:
    world, statement = case.world, case.statement()
    lot, foreign = case.making.lot("ore"), b"\7" * 32
    calls: dict[str, tuple[Any, ...]] = {
        "declare": (case.design, case.year, statement, [TIN]),
        "supersede": (lot, case.year, 1, statement, [TIN], REASON),
        "cover": (lot, case.year, [lot]),
        "file": (lot, case.year, DOCUMENT),
    }
    case.declare(lot)
    for name, args in calls.items():
        call, product = getattr(case.contract, name), args[0]
        with reverts("UnknownAccount", world.stranger):
            call(*args, sender=world.stranger)
        with reverts("MissingDuty", world.maker.record, Duty.RECORD, duty):
            call(*args, sender=world.maker.record)
        with reverts("NotTheMaker", product, world.carrier.number, world.maker.number):
            call(*args, sender=world.carrier.all)
        machine = Forwarder.deploy(case.node, world.maker.quality)
        with reverts("UnknownAccount", machine.address):
            call(*args, sender=machine)
    with reverts("NotTheMaker", foreign, world.maker.number, 0):
        case.contract.declare(foreign, case.year, statement, [TIN], sender=world.maker.all)
    world.hire(world.maker, machine, Duty.QUALITY)
    receipt = case.contract.declare(case.design, case.year, statement, [TIN], sender=machine)
    assert [(fields["caller"]) for _, fields in happened(receipt)] == 2 * [machine.address]
    [(_, fields), *_] = happened(case.contract.cover(lot, case.year, [lot], sender=machine))
    assert fields["caller"] == machine.address


def test_every_maker_declares_its_own(case: Case) -> None:
    """And the first number of an organisation is no version."""
    supplier, item = case.world.supplier, Commission(lot_uri("theirs", SUPPLIER_PREFIX), quantity=ONE)
    assert case.shadow.act("commissionLot", item, case.world.ref(), sender=supplier.register)
    lot = twin_id(item.uri)
    id_ = case.declare(lot, org=supplier)
    assert case.contract.declarationOf(id_)[:2] == (supplier.number, 1)
    args = lot, case.year, 1, case.statement(), [TIN], REASON
    with reverts("NotTheMaker", lot, case.world.maker.number, supplier.number):
        case.contract.supersede(*args, sender=case.world.maker.quality)
    with reverts("NotTheMaker", lot, case.world.maker.number, supplier.number):
        case.declare(case.design)
        case.contract.cover(case.design, case.year, [lot], sender=case.world.maker.quality)
    assert case.shadow.tell("supersede", *args, sender=supplier.quality)
    case.shadow.check_minerals()


def test_a_maker_of_a_twin_that_is_sold_still_declares_it(case: Case) -> None:
    case.world.give_title(case.design, case.world.maker, case.world.carrier)
    case.shadow.catch_up()
    case.declare(case.design)


@pytest.mark.parametrize("wrong", ["stranger", "self", "nobody", "suspended"])
def test_the_register_is_one_and_another_organisation(case: Case, wrong: str) -> None:
    world, maker = case.world, case.world.maker
    register = {"stranger": world.carrier.number, "self": maker.number, "nobody": 99, "suspended": 8}[wrong]
    world.consortium.setRoles(maker.number, Role.MANUFACTURER | Role.AUDITOR, sender=world.governor)
    if wrong == "suspended":
        assert register == world.regulator.number
        world.suspend(world.regulator)
    statement = case.statement()._replace(register=register)
    with reverts("NotARegister", register, maker.number):
        case.contract.declare(case.design, case.year, statement, [TIN], sender=maker.quality)


def test_an_auditor_is_a_register(case: Case) -> None:
    case.list(TIN, status=Status.ACTIVE, org=case.world.insurer)
    id_ = case.declare(case.design, case.statement(case.world.insurer))
    assert case.contract.standingOf(id_) == (Verdict.ACTIVE, False)
    assert case.contract.judgementOf(id_).registers == case.world.insurer.number


def test_years_begin_in_2013_and_when_they_begin(case: Case) -> None:
    maker, statement, node = case.world.maker, case.statement(), case.node
    for year in (0, 1969, 2012, case.year + 1, 65535):
        with reverts("WrongYear", year):
            case.contract.declare(case.design, year, statement, [TIN], sender=maker.quality)
    assert case.shadow.tell("declare", case.design, 2013, statement, [TIN], sender=maker.quality)
    node.timestamp = form_sd.start_of(case.year + 1) - 1
    args = case.design, case.year + 1, statement, [TIN]
    with reverts("WrongYear", case.year + 1):
        case.contract.declare(*args, sender=maker.quality)
    node.warp(1)
    case.contract.declare(*args, sender=maker.quality)


def test_a_product_is_declared_once_a_year(case: Case) -> None:
    case.declare(case.design)
    args = case.design, case.year, case.statement(), [TIN]
    with reverts("NotNewestVersion", case.design, case.year, 0, 1):
        case.contract.declare(*args, sender=case.world.maker.quality)
    case.supersede(case.design)
    with reverts("NotNewestVersion", case.design, case.year, 0, 2):
        case.contract.declare(*args, sender=case.world.maker.quality)
    assert case.shadow.tell("declare", case.design, 2026, *args[2:], sender=case.world.maker.quality)


# --------------------------------------------------------------------------------------------- superseding


def test_a_version_has_one_successor(case: Case) -> None:
    id_ = case.declare(case.design)
    maker, year = case.world.maker, case.year
    other = Statement(case.register.number, False, Answer.NO, Answer.NO, pack(gold=CLEAN), REASON)
    args = case.design, year, 1, other, [GOLD], REASON
    receipt = case.contract.supersede(*args, sender=maker.quality)
    where = {"product": case.design, "year": year, "caller": maker.quality}
    told = {"org": maker.number, "version": 2, "statement": other, "reason": REASON, "smelters": [GOLD]}
    finding = (Verdict.CONFORMANT, False, case.until, case.world.now, 0, case.register.number)
    assert happened(receipt) == [("Declared", where | told), ("Judged", where | {"finding": finding})]
    assert case.contract.declarationOf(id_)[:4] == (maker.number, 2, case.register.number, 1)
    for version in (0, 1, 3):
        wrong = case.design, year, version, other, [GOLD], REASON
        with reverts("NotNewestVersion", case.design, year, version, 2):
            case.contract.supersede(*wrong, sender=maker.quality)


def test_what_was_never_declared_is_not_superseded_judged_or_flagged(case: Case) -> None:
    maker, lot = case.world.maker, case.making.lot("ore")
    calls: dict[str, tuple[Any, ...]] = {
        "supersede": (lot, case.year, 0, case.statement(), [TIN], REASON),
        "cover": (lot, case.year, [lot]),
        "judge": (lot, case.year, [TIN]),
        "flag": (lot, case.year, TIN, 0, []),
        "file": (lot, case.year, DOCUMENT),
        "flagOverdue": (lot, case.year),
    }
    for name, args in calls.items():
        with reverts("NotDeclared", lot, case.year):
            getattr(case.contract, name)(*args, sender=maker.quality)


STATEMENTS = {
    "clean": (lambda case: case.statement(), [TIN]),
    "shorter": (lambda case: case.statement(), [TIN_2]),
    "active": (lambda case: case.statement(gold=CLEAN), [GOLD]),
    "scrap": (lambda case: case.statement(tin=SCRAP), []),
    "nothing": (lambda case: case.statement(tin=NOT_IN), []),
    "open": (lambda case: case.statement(tin=replace(CLEAN, reported=1)), [TIN]),
    "elsewhere": (lambda case: case.statement(case.world.insurer), [TIN]),
}
RANKS = ["nothing", "scrap", "clean", "shorter", "elsewhere", "active", "open"]


def make_standings(case: Case) -> None:
    case.list(TIN_2, until=case.until - 1)
    case.list(GOLD, status=Status.ACTIVE)
    case.list(TIN, org=case.world.insurer)


@pytest.mark.parametrize(("before", "after"), [*every(STATEMENTS, STATEMENTS)])
def test_a_worse_successor_moves_the_clock(case: Case, before: str, after: str) -> None:
    make_standings(case)
    clock = case.contract.clock()
    for tell, name in ((case.declare, before), (case.supersede, after)):
        statement, smelters = STATEMENTS[name]
        tell(case.design, statement(case), smelters)
    moved = case.contract.clock() - clock
    expected = before != "open" and RANKS.index(after) > RANKS.index(before)
    if "elsewhere" in (before, after) and before not in (after, "open"):
        expected = True
    register = case.world.insurer if before == "elsewhere" else case.register
    # Whatever has an end is shorter than what has none.
    if before in ("nothing", "scrap") and after in ("active", "clean", "shorter"):
        expected = True
    if (before, after) == ("active", "shorter"):
        expected = True
    assert moved == expected
    assert not moved or case.contract.declarationsWorsenedAt(register.number) == clock + 1
    case.shadow.check_minerals()


# ------------------------------------------------------------------------------------------------- covering


def test_a_declaration_covers_lots_and_parts_of_its_maker(case: Case) -> None:
    maker = case.world.maker
    id_ = case.declare(case.design)
    lot, part = case.making.lot("lot"), case.making.part("1")
    receipt = case.contract.cover(case.design, case.year, [lot, part], sender=maker.quality)
    told = {"declaration": id_, "org": maker.number, "caller": maker.quality}
    assert happened(receipt) == [("ProductCovered", {"product": each} | told) for each in (lot, part)]
    assert [case.contract.coveredBy(each) for each in (lot, part)] == [id_, id_]


def test_what_another_made_is_not_covered(case: Case) -> None:
    case.declare(case.design)
    maker, quality = case.world.maker.number, case.world.maker.quality
    theirs = case.node.snapshot()
    with reverts("NotTheMaker", b"\5" * 32, maker, 0):
        case.contract.cover(case.design, case.year, [b"\5" * 32], sender=quality)
    case.node.revert(theirs)
    other = case.making.part("DESIGN2", Kind.DESIGN)
    for design in (case.design, other):
        with reverts("NotCoverable", design):
            case.contract.cover(case.design, case.year, [design], sender=quality)


@pytest.mark.parametrize(("before", "after"), [*every(["clean", "active", "open", "elsewhere"], repeat=2)])
def test_a_lot_that_moves_to_a_worse_declaration_moves_the_clock(case: Case, before: str, after: str) -> None:
    make_standings(case)
    first, second = case.design, case.making.part("DESIGN2", Kind.DESIGN)
    for design, name in ((first, before), (second, after)):
        statement, smelters = STATEMENTS[name]
        case.declare(design, statement(case), smelters)
    lot, maker = case.making.lot("lot"), case.world.maker.quality
    assert case.shadow.tell("cover", first, case.year, [lot], sender=maker)
    clock = case.contract.clock()
    assert case.shadow.tell("cover", second, case.year, [lot, lot], sender=maker)
    expected = before != "open" and before != after and not (before == "active" and after == "clean")
    assert case.contract.clock() - clock == expected
    if expected:
        register = case.world.insurer if before == "elsewhere" else case.register
        assert case.contract.declarationsWorsenedAt(register.number) == clock + 1
    case.shadow.check_minerals()


def test_a_lot_that_is_declared_itself_leaves_the_declaration_of_its_design(case: Case) -> None:
    case.declare(case.design)
    lot = case.making.lot("lot")
    assert case.shadow.tell("cover", case.design, case.year, [lot], sender=case.world.maker.quality)
    clock = case.contract.clock()
    id_ = case.declare(lot, case.statement(tin=replace(CLEAN, identified=1)))
    assert case.contract.coveredBy(lot) == id_
    assert case.contract.clock() == clock + 1
    case.shadow.check_minerals()


# -------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(("metal", "question"), [*every(Metal, range(1, 9))])
def test_each_question_has_its_answers(case: Case, metal: Metal, question: int) -> None:
    """Every byte in the place of every answer, where it is asked and where not."""
    maker, name = case.world.maker.quality, metal.name.lower()
    for told in (CLEAN, USED_UP, NOT_IN):
        for answer in (0, 1, 2, 3, 4, 6, 7, 255):
            row = [*told.row]
            row[question - 1] = answer
            answers = pack(**{name: Questions(*row)})
            statement = Statement(case.register.number, answers=answers)
            no = list(Questions(*row).wrong())
            if no:
                wrong, given = no[0]
                with reverts("WrongAnswer", metal, wrong, given):
                    case.contract.declare(case.design, case.year, statement, [], sender=maker)
                with reverts("WrongAnswer", metal, wrong, given):
                    case.contract.formSdOf(statement)
            else:
                case.contract.declare.call(case.design, case.year, statement, [], sender=maker)
                case.contract.formSdOf(statement)


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (CLEAN, Verdict.CONFORMANT),
        (replace(CLEAN, covered=3, risky=2), Verdict.CONFORMANT),
        (replace(CLEAN, recycled=3), Verdict.CONFORMANT),
        (replace(CLEAN, responded=ALL_SUPPLIERS - 1), Verdict.UNDETERMINABLE),
        (replace(CLEAN, responded=1), Verdict.UNDETERMINABLE),
        (replace(CLEAN, identified=1), Verdict.UNDETERMINABLE),
        (replace(CLEAN, reported=1), Verdict.UNDETERMINABLE),
        (SCRAP, Verdict.RECYCLED),
        (replace(SCRAP, responded=1, identified=1, reported=1), Verdict.RECYCLED),
    ],
)
def test_an_answer_that_leaves_something_open_is_undeterminable(
    case: Case, told: Questions, verdict: Verdict
) -> None:
    id_ = case.declare(case.design, case.statement(tin=told))
    assert case.contract.standingOf(id_) == (verdict, False)
    until = case.contract.judgementOf(id_).validUntil
    assert until == (2**40 - 1 if verdict == Verdict.RECYCLED else case.until)
    case.shadow.check_minerals()


def test_recycled_metals_need_no_smelters_and_theirs_do_not_count(case: Case) -> None:
    id_ = case.declare(case.design, case.statement(tin=SCRAP), [])
    assert case.contract.standingOf(id_) == (Verdict.RECYCLED, False)
    case.list(TIN, status=Status.NON_CONFORMANT)
    case.supersede(case.design, case.statement(tin=SCRAP, gold=CLEAN), sorted([TIN, GOLD]))
    assert case.contract.standingOf(id_) == (Verdict.CONFORMANT, False)


def test_what_is_used_up_or_not_in_it_is_not_asked_for(case: Case) -> None:
    statement = case.statement(tin=USED_UP)
    id_ = case.declare(case.design, statement, [])
    assert case.contract.standingOf(id_) == (Verdict.NO_MINERALS, False)
    other = case.making.lot("lot")
    with reverts("WrongSmelter", 0, TIN):
        case.contract.declare(other, case.year, statement, [TIN], sender=case.world.maker.quality)


@pytest.mark.parametrize("status", Status)
def test_the_worst_smelter_counts(case: Case, status: Status) -> None:
    if status != Status.NONE:
        case.list(TIN_2, status=status)
    expected = {
        Status.NONE: Verdict.UNDETERMINABLE,
        Status.CONFORMANT: Verdict.CONFORMANT,
        Status.ACTIVE: Verdict.ACTIVE,
        Status.NON_CONFORMANT: Verdict.NON_CONFORMANT,
        Status.NOT_ENROLLED: Verdict.NOT_ENROLLED,
    }[status]
    id_ = case.declare(case.design, smelters=[TIN, TIN_2])
    assert case.contract.standingOf(id_) == (expected, False)
    lot = case.making.lot("lot")
    id_ = case.declare(lot, case.statement(tin=CLEAN, gold=CLEAN), sorted([TIN_2, GOLD]))
    assert case.contract.standingOf(id_) == (expected, False)
    case.shadow.check_minerals()


def test_each_metal_needs_a_smelter_of_its_own(case: Case) -> None:
    for metals, smelters in (({"tin": CLEAN}, []), ({"tin": CLEAN, "gold": CLEAN}, [TIN])):
        lot = case.making.lot(f"lot{len(smelters)}")
        id_ = case.declare(lot, case.statement(**metals), smelters)
        assert case.contract.standingOf(id_) == (Verdict.UNDETERMINABLE, False)
    assert case.contract.declarationOf(declaration_id(case.making.shadow.way(lot)[0].product, case.year))[11]


def test_the_four_metals_are_told_apart(case: Case) -> None:
    """A smelter of each, one of which is not conformant."""
    smelters = [smelter("CID1", metal) for metal in Metal]
    for number, bad in enumerate(Metal):
        case.list(*smelters)
        case.list(smelters[bad], status=Status.NOT_ENROLLED)
        for metal in Metal:
            lot = case.making.lot(f"lot-{number}-{metal}")
            id_ = case.declare(lot, case.statement(**{metal.name.lower(): CLEAN}), [smelters[metal]])
            expected = Verdict.NOT_ENROLLED if metal == bad else Verdict.CONFORMANT
            assert case.contract.standingOf(id_)[0] == expected


# ------------------------------------------------------------------------------------------------- smelters


@pytest.mark.parametrize(
    ("smelters", "index"),
    [
        ([TIN, TIN], 1),
        ([TIN_2, TIN], 1),
        ([TIN, TIN_2, TIN_2], 2),
        ([GOLD], 0),
        ([ZERO], 0),
        ([TIN, b"X" * 31 + b"\4"], 1),
        ([TIN, b"X" * 31 + b"\xff"], 1),
    ],
)
def test_smelters_ascend_and_their_metals_remain(case: Case, smelters: list[bytes], index: int) -> None:
    args = case.design, case.year, case.statement(), smelters
    with reverts("WrongSmelter", index, smelters[index]):
        case.contract.declare(*args, sender=case.world.maker.quality)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 33])
def test_the_tree_of_smelters_is_that_of_every_size(case: Case, count: int) -> None:
    smelters = sorted(smelter(f"CID{number:06}", Metal.TIN) for number in range(count))
    case.list(*smelters)
    id_ = case.declare(case.design, smelters=smelters)
    declaration = case.contract.declarationOf(id_)
    assert (declaration.root, declaration.smelters) == (tree_of(smelters).root, count)
    case.judge(case.design)
    case.shadow.check_minerals()


def test_judging_takes_the_smelters_of_the_declaration(case: Case) -> None:
    case.list(TIN_2)
    id_ = case.declare(case.design, smelters=[TIN, TIN_2])
    stranger = case.world.stranger
    for other in ([TIN], [TIN_2], []):
        root = tree_of(other).root if other else ZERO
        with reverts("OtherSmelters", case.design, case.year, root):
            case.contract.judge(case.design, case.year, other, sender=stranger)
    with reverts("WrongSmelter", 1, TIN):
        case.contract.judge(case.design, case.year, [TIN_2, TIN], sender=stranger)
    case.node.warp(7)
    receipt = case.contract.judge(case.design, case.year, [TIN, TIN_2], sender=stranger)
    [(name, fields)] = happened(receipt)
    finding = (Verdict.CONFORMANT, False, fields["finding"][2], case.world.now, 0, case.register.number)
    told = {"product": case.design, "year": case.year, "caller": stranger, "finding": finding}
    assert (name, fields) == ("Judged", told)
    assert case.contract.judgementOf(id_) == finding
