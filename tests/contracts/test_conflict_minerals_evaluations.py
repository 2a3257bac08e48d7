"""ConflictMinerals: the worst of a product and everything it was made of."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_utils.crypto import keccak

from tests.models.conflict_minerals import CLEAN, SCRAP, Finding, Metal, Status, Verdict, smelter, tree_of
from tests.models.lineage import Ancestor
from tests.models.minerals_shadow import MineralsShadow
from tests.support import Forwarder, Node, reverts
from tests.support.making import ONE, lot_id
from tests.support.minerals import GOLD, TIN, TIN_2, Case
from tests.support.words import Role
from tests.support.world import happened

NEVER = 2**40 - 1


@pytest.fixture
def case(node: Node) -> Case:
    found = Case(MineralsShadow(node))
    found.list(TIN, TIN_2, GOLD)
    return found


@pytest.fixture
def car(case: Case) -> bytes:
    """ore -> steel, iron; steel + iron -> car. Everything is declared, and the ore has a smelter."""
    ore = case.making.lot("ore")
    case.making.transform("smelting", [ore], ["steel", "iron"], finalise=True)
    car = case.making.part("car")
    case.making.transform("assembling", [lot_id("steel"), lot_id("iron")], parts=[car], finalise=True)
    case.declare(ore)
    for product in (lot_id("steel"), lot_id("iron"), car):
        case.nothing_in(product)
    return car


def test_an_evaluation_is_kept(case: Case, car: bytes) -> None:
    case.node.warp(5)
    stranger = case.world.stranger
    assert case.contract.verdictOf(car) == (Verdict.UNDETERMINABLE, False), "nobody has evaluated it"
    assert case.contract.evaluate.call(case.shadow.way(car), sender=stranger) == Verdict.CONFORMANT
    receipt = case.contract.evaluate(case.shadow.way(car), sender=stranger)
    until = case.contract.smelterOf(case.register.number, TIN).validUntil
    finding = (Verdict.CONFORMANT, False, until, case.world.now, 0, case.register.number)
    told = {"product": car, "caller": stranger, "finding": finding}
    assert happened(receipt) == [("Evaluated", told)]
    assert case.contract.findingOf(car) == finding
    assert case.contract.verdictOf(car) == (Verdict.CONFORMANT, False)
    assert case.contract.findingOf(lot_id("steel")) == Finding(), "of that nothing is kept"


def test_a_contract_evaluates_in_its_own_name(case: Case, car: bytes) -> None:
    machine = Forwarder.deploy(case.node, case.world.stranger)
    [(_, fields)] = happened(case.contract.evaluate(case.shadow.way(car), sender=machine))
    assert fields["caller"] == machine.address


def test_a_list_begins_with_the_product(case: Case) -> None:
    with reverts("NoProduct"):
        case.contract.assess([])
    with reverts("NoProduct"):
        case.contract.evaluate([], sender=case.world.stranger)


@pytest.mark.parametrize("place", range(4))
def test_every_ancestor_is_declared(case: Case, place: int) -> None:
    """One of four is not."""
    ore = case.making.lot("ore")
    case.making.transform("smelting", [ore], ["steel", "iron"], finalise=True)
    car = case.making.part("car")
    case.making.transform("assembling", [lot_id("steel"), lot_id("iron")], parts=[car], finalise=True)
    for number, product in enumerate((ore, lot_id("steel"), lot_id("iron"), car)):
        if number != place:
            case.nothing_in(product)
    assert case.evaluate(car) == Verdict.UNDETERMINABLE
    assert case.finding(car).valid_until == NEVER
    case.nothing_in((ore, lot_id("steel"), lot_id("iron"), car)[place])
    assert case.shown(car) == Verdict.UNDETERMINABLE
    assert case.evaluate(car) == Verdict.NO_MINERALS == case.shown(car)


@pytest.mark.parametrize("status", [status for status in Status if status != Status.NONE])
def test_the_worst_counts_wherever_it_is(case: Case, car: bytes, status: Status) -> None:
    case.list(TIN_2, status=status)
    case.judge(lot_id("ore"))
    case.supersede(lot_id("iron"), case.statement(), [TIN_2])
    expected = Verdict(max(Verdict.CONFORMANT, Verdict[status.name]))
    assert case.evaluate(car) == expected == case.shown(car)
    assert case.shadow.model.truth(car) == expected


def test_the_first_end_counts(case: Case, car: bytes) -> None:
    case.list(TIN_2, until=case.world.now + 10)
    case.judge(lot_id("ore"))
    case.supersede(lot_id("iron"), case.statement(), [TIN_2])
    assert case.evaluate(car) == Verdict.CONFORMANT
    assert case.finding(car).valid_until == case.world.now + 10
    for wait, expected in ((10, Verdict.CONFORMANT), (1, Verdict.UNDETERMINABLE)):
        case.node.warp(wait)
        assert case.shown(car) == expected
    assert case.contract.verdictOf(car) == (Verdict.UNDETERMINABLE, True)


def test_scrap_all_the_way_is_recycled(case: Case) -> None:
    scrap = case.making.lot("scrap")
    _, (bar,) = case.making.transform("melting", [scrap], ["bar"], finalise=True)
    case.declare(scrap, case.statement(tin=SCRAP), [])
    case.declare(bar, case.statement(tin=SCRAP), [])
    assert case.evaluate(bar) == Verdict.RECYCLED
    assert case.finding(bar).valid_until == NEVER


# --------------------------------------------------------------------------------------------- lists


def test_a_list_is_complete_and_names_what_follows(case: Case, car: bytes) -> None:
    steel, iron, ore = lot_id("steel"), lot_id("iron"), lot_id("ore")
    tail = [Ancestor(steel, [3], [ONE]), Ancestor(iron, [3], [ONE]), Ancestor(ore)]
    good = [Ancestor(car, [1, 2], [ONE, ONE]), *tail]
    assert case.shadow.assess(good)
    wrong = [
        ([2, 1], [ONE, ONE]),
        ([1, 2], [ONE, ONE + 1]),
        ([1, 2], [ONE]),
        ([1], [ONE]),
        ([1], [ONE, ONE]),
        ([1, 2, 3], [ONE, ONE, ONE]),
        ([1, 3], [ONE, ONE]),
        ([1, 4], [ONE, ONE]),
        ([1, 2**255], [ONE, ONE]),
        ([], []),
        ([0, 1], [ONE, ONE]),
    ]
    for inputs, quantities in wrong:
        with reverts("WrongInputs", car):
            case.contract.assess([Ancestor(car, inputs, quantities), *tail])
    # A list that ends too early: what is left out was not evaluated.
    for left in (steel, iron):
        short = [each._replace(inputs=[], quantities=[]) if each.product == left else each for each in good]
        with reverts("WrongInputs", left):
            case.contract.assess(short)
    with reverts("WrongInputs", ore):
        case.contract.assess([*good[:3], Ancestor(ore, [1], [ONE])])
    with reverts("WrongInputs", ore):
        case.contract.assess([*good[:3], Ancestor(ore, [], [ONE])])


def test_nothing_else_makes_a_verdict_worse(case: Case, car: bytes) -> None:
    """A list with a thing that is no ancestor would let anybody spoil a verdict."""
    other = case.making.lot("other")
    case.list(TIN_2, status=Status.NON_CONFORMANT)
    case.declare(other, smelters=[TIN_2])
    way = case.shadow.way(car)
    with reverts("NotNamedBefore", other):
        case.contract.assess([*way, Ancestor(other)])
    steel, iron, ore = lot_id("steel"), lot_id("iron"), lot_id("ore")
    # Named, but only by one behind it.
    late = [
        Ancestor(car, [2, 3], [ONE, ONE]), Ancestor(ore), Ancestor(steel, [1], [ONE]),
        Ancestor(iron, [1], [ONE]),
    ]  # fmt: skip
    with reverts("NotNamedBefore", ore):
        case.contract.assess(late)


def test_something_listed_twice_does_no_harm(case: Case, car: bytes) -> None:
    steel, iron, ore = lot_id("steel"), lot_id("iron"), lot_id("ore")
    way = [
        Ancestor(car, [1, 2], [ONE, ONE]), Ancestor(steel, [3], [ONE]), Ancestor(iron, [4], [ONE]),
        Ancestor(ore), Ancestor(ore),
    ]  # fmt: skip
    found = case.shadow.assess(way)
    assert found and found.verdict == Verdict.CONFORMANT


def test_a_circle_is_evaluated(case: Case) -> None:
    """Scrap of steel goes back into the process that it came from."""
    ore = case.making.lot("ore")
    smelting, (steel,) = case.making.transform("smelting", [ore], ["steel"])
    _, (scrap,) = case.making.transform("cutting", [steel], ["scrap"], finalise=True)
    case.making.add_inputs(smelting, scrap)
    for product in (ore, steel, scrap):
        case.declare(product)
    assert case.evaluate(steel) == Verdict.UNDETERMINABLE, "more may come in"
    args = smelting, 0, case.world.ref("end")
    assert case.shadow.trace("finalise", *args, sender=case.world.maker.register)
    assert case.evaluate(steel) == case.evaluate(scrap) == Verdict.CONFORMANT


def test_a_process_that_may_take_more_is_undeterminable(case: Case) -> None:
    ore = case.making.lot("ore")
    process, (steel,) = case.making.transform("smelting", [ore], ["steel"])
    _, (car,) = case.making.transform("assembling", [steel], ["car"], finalise=True)
    for product in (ore, steel, car):
        case.nothing_in(product)
    assert case.evaluate(car) == Verdict.UNDETERMINABLE
    late = case.making.lot("late")
    case.making.add_inputs(process, late)
    assert case.evaluate(car) == Verdict.UNDETERMINABLE
    case.nothing_in(late)
    assert case.shadow.trace("finalise", process, 0, case.world.ref(), sender=case.world.maker.register)
    assert case.evaluate(car) == Verdict.NO_MINERALS


def test_a_process_without_inputs(case: Case) -> None:
    case.making.transform("printing", [], ["paper"])
    case.nothing_in(lot_id("paper"))
    assert case.evaluate(lot_id("paper")) == Verdict.UNDETERMINABLE
    case.making.transform("writing", [], ["book"], finalise=True)
    case.nothing_in(lot_id("book"))
    assert case.evaluate(lot_id("book")) == Verdict.NO_MINERALS
    assert not case.finding(lot_id("book")).originless


def test_a_unit_comes_from_its_lot(case: Case) -> None:
    case.making.units("pills", 3)
    pills, unit = lot_id("pills"), case.making.materialise("pills", 1, 3)
    other = case.making.lot("other")
    case.declare(pills)
    case.nothing_in(unit)
    assert case.evaluate(unit) == Verdict.CONFORMANT
    assert not case.finding(unit).originless
    for wrong in (
        [Ancestor(unit), Ancestor(pills)],
        [Ancestor(unit, [1]), Ancestor(other)],
        [Ancestor(unit, [1, 1]), Ancestor(pills)],
        [Ancestor(unit, [0])],
        [Ancestor(unit, [1])],
        [Ancestor(unit, [2**255]), Ancestor(pills)],
    ):
        with reverts("WrongInputs", unit):
            case.contract.assess(wrong)


def test_of_what_nobody_made_nothing_good_is_found(case: Case) -> None:
    unknown = keccak(text="unknown")
    assert case.evaluate(unknown) == Verdict.UNDETERMINABLE
    case.declare(case.design)
    assert case.evaluate(case.design) == Verdict.UNDETERMINABLE, "a design is not made of anything"


# --------------------------------------------------------------------------------------------- steps


def test_a_long_way_is_gone_in_steps(case: Case, car: bytes) -> None:
    steel, iron = lot_id("steel"), lot_id("iron")
    whole = case.shadow.assess(case.shadow.way(car))
    for lot in (steel, iron):
        assert case.evaluate(lot) == Verdict.CONFORMANT
    short = [Ancestor(car, [1, 2], [ONE, ONE]), Ancestor(steel), Ancestor(iron)]
    assert case.shadow.assess(short) == whole
    assert case.shadow.tell("evaluate", short, sender=case.world.stranger)
    # The product itself does not stand on what was found for it.
    with reverts("WrongInputs", car):
        case.contract.assess([Ancestor(car)])


def test_a_step_stands_on_what_is_not_stale(case: Case, car: bytes) -> None:
    steel, iron = lot_id("steel"), lot_id("iron")
    case.evaluate(steel)
    case.evaluate(iron)
    short = [Ancestor(car, [1, 2], [ONE, ONE]), Ancestor(steel), Ancestor(iron)]
    case.list(TIN_2, status=Status.ACTIVE)
    with reverts("WrongInputs", steel):
        case.contract.assess(short)
    case.judge(lot_id("ore"))
    case.evaluate(steel)
    with reverts("WrongInputs", iron):
        case.contract.assess(short)
    case.evaluate(iron)
    found = case.shadow.assess(short)
    assert found and found.verdict == Verdict.CONFORMANT


def test_a_step_stands_on_bad_findings_too(case: Case, car: bytes) -> None:
    case.list(TIN, status=Status.NON_CONFORMANT)
    case.judge(lot_id("ore"))
    for lot in (lot_id("steel"), lot_id("iron")):
        case.evaluate(lot)
    short = [Ancestor(car, [1, 2], [ONE, ONE]), Ancestor(lot_id("steel")), Ancestor(lot_id("iron"))]
    found = case.shadow.assess(short)
    assert found and (found.verdict, found.valid_until) == (Verdict.NON_CONFORMANT, NEVER)
    # It is kept although the smelter is good again: until it is evaluated anew it is worse than what is true.
    case.list(TIN)
    case.judge(lot_id("ore"))
    found = case.shadow.assess(short)
    assert found and found.verdict == Verdict.NON_CONFORMANT
    assert case.evaluate(car) == Verdict.CONFORMANT


# --------------------------------------------------------------------------------------------- staleness


def test_a_smelter_that_turns_bad_makes_products_stale(case: Case, car: bytes) -> None:
    case.evaluate(car)
    case.list(TIN, status=Status.NON_CONFORMANT)
    assert case.contract.verdictOf(car) == (Verdict.UNDETERMINABLE, True)
    assert case.evaluate(car) == Verdict.UNDETERMINABLE, "its declarations are to be judged anew"
    case.judge(lot_id("ore"))
    assert case.evaluate(car) == Verdict.NON_CONFORMANT
    assert case.contract.verdictOf(car) == (Verdict.NON_CONFORMANT, False)


def test_a_declaration_that_gets_worse_makes_products_stale(case: Case, car: bytes) -> None:
    case.evaluate(car)
    case.supersede(lot_id("ore"), case.statement(tin=replace(CLEAN, reported=1)))
    assert case.contract.verdictOf(car) == (Verdict.UNDETERMINABLE, True)
    for product in ("steel", "iron"):
        assert case.contract.standingOf(case.contract.coveredBy(lot_id(product))) == (
            Verdict.NO_MINERALS,
            False,
        ), "no other declaration is stale"
    assert case.evaluate(car) == Verdict.UNDETERMINABLE
    assert case.contract.verdictOf(car) == (Verdict.UNDETERMINABLE, False)
    case.supersede(lot_id("ore"))
    assert case.evaluate(car) == Verdict.CONFORMANT
    case.supersede(lot_id("ore"))
    assert case.contract.verdictOf(car) == (Verdict.CONFORMANT, False), "it is as good as before"


def test_a_part_that_comes_out_of_a_process_later_is_evaluated_anew(case: Case) -> None:
    part, ore = case.making.part("part"), case.making.lot("ore")
    case.nothing_in(part)
    assert case.evaluate(part) == Verdict.NO_MINERALS
    assert case.finding(part).originless
    case.making.transform("turning", [ore], parts=[part], finalise=True)
    assert case.contract.verdictOf(part) == (Verdict.UNDETERMINABLE, True)
    assert case.shown(part) == Verdict.UNDETERMINABLE
    assert case.evaluate(part) == Verdict.UNDETERMINABLE
    assert case.contract.verdictOf(part) == (Verdict.UNDETERMINABLE, False)
    case.nothing_in(ore)
    assert case.evaluate(part) == Verdict.NO_MINERALS


def test_a_bad_part_without_an_origin_stays_bad(case: Case) -> None:
    part = case.making.part("part")
    case.list(TIN_2, status=Status.NON_CONFORMANT)
    case.declare(part, smelters=[TIN_2])
    assert case.evaluate(part) == Verdict.NON_CONFORMANT
    case.making.transform("turning", [case.making.lot("ore")], parts=[part], finalise=True)
    assert case.contract.verdictOf(part) == (Verdict.NON_CONFORMANT, False)


def test_a_register_that_is_silenced_is_not_relied_on(case: Case, car: bytes) -> None:
    case.evaluate(car)
    roles = case.register.number, Role.CARRIER
    case.shadow.govern("setRoles", *roles, sender=case.world.governor)
    assert case.contract.verdictOf(car) == (Verdict.UNDETERMINABLE, True)
    assert case.shown(car) == Verdict.UNDETERMINABLE
    assert case.evaluate(car) == Verdict.UNDETERMINABLE


# --------------------------------------------------------------------------------------------- registers


def registers(case: Case, count: int) -> list[int]:
    """So many organisations are registers and list the tin smelter."""
    world = case.world
    orgs = [world.regulator, world.insurer, world.carrier, world.retailer, world.service, world.recycler][
        :count
    ]
    for org in orgs:
        case.shadow.govern("setRoles", org.number, Role.AUDITOR, sender=world.governor)
        case.list(TIN, org=org)
    return [org.number for org in orgs]


def chain(case: Case, numbers: list[int]) -> list[bytes]:
    """Lots, each made of the one before, that rely on these registers."""
    lots = [case.making.lot("lot0")]
    for place in range(1, len(numbers)):
        _, (lot,) = case.making.transform(f"p{place}", [lots[-1]], [f"lot{place}"], finalise=True)
        lots.append(lot)
    for lot, number in zip(lots, numbers, strict=True):
        case.declare(lot, case.statement()._replace(register=number))
    return lots


def test_four_registers_are_behind_a_verdict_at_most(case: Case) -> None:
    numbers = registers(case, 5)
    lots = chain(case, numbers)
    assert case.evaluate(lots[3]) == Verdict.CONFORMANT
    assert case.finding(lots[3]).behind == numbers[3::-1]
    with reverts("TooManyRegisters", lots[0]):
        case.contract.assess(case.shadow.way(lots[4]))
    short = [Ancestor(lots[4], [1], [ONE]), Ancestor(lots[3])]
    with reverts("TooManyRegisters", lots[3]):
        case.contract.assess(short)


def test_any_of_the_registers_makes_it_stale(case: Case) -> None:
    numbers = registers(case, 4)
    lots = chain(case, [*numbers, numbers[1], numbers[0]])
    product = lots[-1]
    orgs = {org.number: org for org in case.world.orgs}
    for number in numbers:
        for lot in lots:
            case.judge(lot)
        assert case.evaluate(product) == Verdict.CONFORMANT
        assert case.finding(product).behind == [numbers[0], numbers[1], numbers[3], numbers[2]]
        case.list(TIN, org=orgs[number], status=Status.ACTIVE)
        assert case.contract.verdictOf(product) == (Verdict.UNDETERMINABLE, True)
        case.list(TIN, org=orgs[number])
    for place, lot in enumerate(lots):
        for each in lots:
            case.judge(each)
        assert case.evaluate(product) == Verdict.CONFORMANT
        told = case.statement(tin=replace(CLEAN, responded=1))._replace(
            register=[*numbers, numbers[1], numbers[0]][place]
        )
        case.supersede(lot, told)
        assert case.contract.verdictOf(product) == (Verdict.UNDETERMINABLE, True)
        case.supersede(lot, told._replace(answers=case.statement().answers))
    case.shadow.check_minerals()


# --------------------------------------------------------------------------------------------- alerts


def test_anyone_flags_a_smelter_once(case: Case) -> None:
    smelters = [TIN, TIN_2, smelter("CID9", Metal.TIN)]
    case.list(smelters[2])
    id_ = case.declare(case.design, smelters=smelters)
    tree, stranger, maker = tree_of(smelters), case.world.stranger, case.world.maker.number
    args = case.design, case.year, TIN_2, 1, tree.proof(1)
    with reverts("NothingToFlag", TIN_2, Verdict.CONFORMANT):
        case.contract.flag(*args, sender=stranger)
    cases = [
        (Status.NOT_ENROLLED, Verdict.NOT_ENROLLED, 1),
        (Status.NON_CONFORMANT, Verdict.NON_CONFORMANT, 2),
        (Status.NONE, Verdict.UNDETERMINABLE, 1),
    ]
    for status, verdict, severity in cases:
        case.list(TIN_2, status=status)
        assert not case.contract.isFlagged(id_, 1, TIN_2, verdict)
        receipt = case.contract.flag(*args, sender=stranger)
        told = {"product": case.design, "smelter": TIN_2, "year": case.year, "caller": stranger}
        alert = {"subject": case.design, "code": keccak(text="SMELTER")[:4], "org": maker}
        assert happened(receipt) == [
            ("SmelterFlagged", told | {"version": 1, "verdict": verdict}),
            ("Alert", alert | {"severity": severity, "ref": TIN_2}),
        ]
        assert case.contract.isFlagged(id_, 1, TIN_2, verdict)
        assert not case.contract.isFlagged(id_, 2, TIN_2, verdict)
        assert not case.contract.isFlagged(id_, 1, TIN, verdict)
        with reverts("FlaggedBefore", case.design, case.year):
            case.contract.flag(*args, sender=stranger)
    case.list(TIN_2, status=Status.ACTIVE)
    with reverts("NothingToFlag", TIN_2, Verdict.ACTIVE):
        case.contract.flag(*args, sender=stranger)
    case.shadow.catch_up()
    # In the next version it is flagged anew.
    case.shadow.model.ledger = case.shadow.replayed_minerals()
    case.supersede(case.design, smelters=smelters)
    case.list(TIN_2, status=Status.NON_CONFORMANT)
    assert case.shadow.tell("flag", *args, sender=stranger)
    case.shadow.check_minerals()


def test_a_status_that_has_ended_is_flagged(case: Case) -> None:
    case.list(TIN, until=case.world.now)
    case.declare(case.design)
    args = case.design, case.year, TIN, 0, []
    with reverts("NothingToFlag", TIN, Verdict.CONFORMANT):
        case.contract.flag(*args, sender=case.world.stranger)
    case.node.warp(1)
    assert case.shadow.tell("flag", *args, sender=case.world.stranger)
    case.shadow.check_minerals()


def test_only_what_is_in_the_declaration_is_flagged(case: Case) -> None:
    smelters = sorted([TIN, TIN_2, GOLD])
    case.list(*smelters, status=Status.NON_CONFORMANT)
    case.declare(case.design, case.statement(tin=CLEAN, gold=SCRAP), smelters)
    tree, stranger = tree_of(smelters), case.world.stranger
    place = smelters.index(TIN)
    for wrong in (
        (smelter("CID9", Metal.TIN), place, tree.proof(place)),
        (TIN, place + 1, tree.proof(place)),
        (TIN, place, tree.proof(place)[1:]),
        (TIN, place, []),
    ):
        with reverts("NotInDeclaration", case.design, case.year, wrong[0]):
            case.contract.flag(case.design, case.year, *wrong, sender=stranger)
    gold = smelters.index(GOLD)
    with reverts("NothingToFlag", GOLD, Verdict.NON_CONFORMANT):
        case.contract.flag(case.design, case.year, GOLD, gold, tree.proof(gold), sender=stranger)
    machine = Forwarder.deploy(case.node, stranger)
    args = case.design, case.year, TIN, place, tree.proof(place)
    [(_, told), _] = happened(case.contract.flag(*args, sender=machine))
    assert told["caller"] == machine.address


def test_no_smelter_is_in_a_declaration_without_any(case: Case) -> None:
    case.nothing_in(case.design)
    with reverts("NotInDeclaration", case.design, case.year, TIN):
        case.contract.flag(case.design, case.year, TIN, 0, [], sender=case.world.stranger)
