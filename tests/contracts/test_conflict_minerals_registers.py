"""ConflictMinerals: who lists smelters, how they stand, and when something got worse."""

from __future__ import annotations

from dataclasses import replace
from itertools import product as every

import pytest

from tests.models.conflict_minerals import CLEAN, Listing, Metal, Status, Verdict, pack, smelter
from tests.models.minerals_shadow import MineralsShadow
from tests.support import Forwarder, Node, reverts
from tests.support.minerals import GOLD, TIN, TIN_2, Case
from tests.support.words import Duty, Role
from tests.support.world import happened

NEVER = 2**40 - 1


@pytest.fixture
def case(node: Node) -> Case:
    return Case(MineralsShadow(node))


def test_the_contract_knows_its_world(case: Case) -> None:
    contract, world = case.contract, case.world
    assert contract.LINEAGE() == world.lineage.address
    assert contract.LOTS() == world.lots.address
    assert contract.TWINS() == world.twins.address
    assert contract.CONSORTIUM() == world.consortium.address
    assert contract.eip712Domain().name == "Goldthread ConflictMinerals"


def test_a_register_lists_smelters(case: Case) -> None:
    listings = [
        Listing(TIN, Status.CONFORMANT, b"BO", case.until, b"\x01" * 32, "EM Vinto"),
        Listing(GOLD, Status.NON_CONFORMANT, b"CH", 0, b"\x02" * 32, "Argor"),
    ]
    receipt = case.contract.list(listings, sender=case.register.record)
    told = {"org": case.register.number, "caller": case.register.record}
    assert happened(receipt) == [
        ("SmelterListed", told | {"smelter": each.smelter, "listing": each}) for each in listings
    ]
    number = case.register.number
    assert case.contract.smelterOf(number, TIN) == (Status.CONFORMANT, b"BO", case.until)
    assert case.contract.smelterOf(number, GOLD) == (Status.NON_CONFORMANT, b"CH", 0)
    assert case.contract.smelterOf(number, TIN_2) == (Status.NONE, bytes(2), 0)
    assert case.contract.smelterOf(number + 1, TIN) == (Status.NONE, bytes(2), 0), "registers are apart"
    assert case.contract.clock() == 0


def test_only_auditors_and_regulators_list(case: Case) -> None:
    world, listings = case.world, [case.listing(TIN)]
    both = Role.AUDITOR | Role.REGULATOR
    with reverts("UnknownAccount", world.stranger):
        case.contract.list(listings, sender=world.stranger)
    with reverts("MissingRole", world.maker.number, Role.MANUFACTURER, both):
        case.contract.list(listings, sender=world.maker.all)
    with reverts("MissingDuty", world.regulator.quality, Duty.QUALITY, Duty.RECORD):
        case.contract.list(listings, sender=world.regulator.quality)
    case.list(TIN, org=world.insurer)
    assert case.contract.smelterOf(world.insurer.number, TIN).status == Status.CONFORMANT


def test_a_contract_lists_in_its_own_name(case: Case) -> None:
    machine = Forwarder.deploy(case.node, case.register.record)
    with reverts("UnknownAccount", machine.address):
        case.contract.list([case.listing(TIN)], sender=machine)
    case.world.hire(case.register, machine, Duty.RECORD)
    [(_, fields)] = happened(case.contract.list([case.listing(TIN)], sender=machine))
    assert (fields["org"], fields["caller"]) == (case.register.number, machine.address)


@pytest.mark.parametrize(
    "wrong", [bytes(31) + b"\0", bytes(30) + b"1\0", b"CID1".ljust(31, b"\0") + b"\4", b"C" * 31 + b"\xff"]
)
def test_a_smelter_has_a_number_and_a_metal(case: Case, wrong: bytes) -> None:
    with reverts("NotASmelter", wrong):
        case.contract.list([case.listing(TIN), case.listing(wrong)], sender=case.register.record)


def test_every_metal_is_one(case: Case) -> None:
    smelters = [smelter("C", metal) for metal in Metal]
    case.list(*smelters, b"C" * 31 + b"\x03")
    case.shadow.check_minerals()


@pytest.mark.parametrize(
    "country", [b"\0\0", b"B\0", b"\0B", b"bo", b"Bo", b"@Z", b"A[", b"A@", b"[A", b"C1"]
)
def test_a_country_is_two_letters(case: Case, country: bytes) -> None:
    with reverts("NotACountry", TIN, country):
        case.contract.list([case.listing(TIN)._replace(country=country)], sender=case.register.record)


@pytest.mark.parametrize("country", [b"AZ", b"ZA", b"AA", b"ZZ"])
def test_any_two_letters_will_do(case: Case, country: bytes) -> None:
    case.contract.list([case.listing(TIN)._replace(country=country)], sender=case.register.record)


@pytest.mark.parametrize("status", Status)
def test_only_good_statuses_end(case: Case, status: Status) -> None:
    now, record = case.world.now, case.register.record
    lasting = status in (Status.CONFORMANT, Status.ACTIVE)
    wrong = [0, now - 1] if lasting else [1, now, NEVER]
    for until in wrong:
        with reverts("WrongValidity", TIN, status, until):
            case.contract.list([Listing(TIN, status, b"BO", until)], sender=record)
    for until in [now, now + 1, NEVER] if lasting else [0]:
        assert case.shadow.tell("list", [Listing(TIN, status, b"BO", until)], sender=record)


STANDINGS = [(status, 0) for status in Status if status not in (1, 2)] + [(1, 50), (1, 60), (2, 50), (2, 60)]


@pytest.mark.parametrize(("before", "after"), [*every(STANDINGS, STANDINGS)])
def test_what_gets_worse_moves_the_clock(
    case: Case, before: tuple[Status, int], after: tuple[Status, int]
) -> None:
    """Contract and model agree on which changes do."""
    now, record = case.world.now, case.register.record
    for status, seconds in (before, after):
        listing = Listing(TIN, status, b"BO", now + seconds if seconds else 0)
        assert case.shadow.tell("list", [listing], sender=record)
    moved = case.contract.clock()
    ranks = {1: 0, 2: 1, 4: 2}
    if before[0] not in ranks:
        assert moved == 0, "nobody relied on it"
    elif before == after:
        assert moved == 0
    elif ranks.get(after[0], 3) > ranks[before[0]]:
        assert moved == 1
    else:
        ends = [seconds or NEVER for _, seconds in (before, after)]
        assert moved == (ends[1] < ends[0])


def test_the_clock_counts_for_the_register_that_moved_it(case: Case) -> None:
    world, regulator, auditor = case.world, case.world.regulator.number, case.world.insurer.number
    for org in (world.regulator, world.insurer):
        case.list(TIN, TIN_2, org=org)
    case.list(TIN, TIN_2, status=Status.ACTIVE)
    assert (case.contract.clock(), case.contract.smeltersWorsenedAt(regulator)) == (1, 1)
    case.list(TIN, status=Status.NON_CONFORMANT, org=world.insurer)
    assert (case.contract.clock(), case.contract.smeltersWorsenedAt(auditor)) == (2, 2)
    assert case.contract.smeltersWorsenedAt(regulator) == 1
    case.shadow.check_minerals()


def test_one_of_several_that_gets_worse_counts(case: Case) -> None:
    case.list(TIN, TIN_2)
    listings = [case.listing(TIN, Status.ACTIVE), case.listing(TIN_2)]
    for order in (listings, listings[::-1]):
        case.list(TIN, TIN_2)
        before = case.contract.clock()
        assert case.shadow.tell("list", order, sender=case.register.record)
        assert case.contract.clock() == before + 1


def test_a_declaration_is_stale_when_its_register_got_worse(case: Case) -> None:
    case.list(TIN, TIN_2)
    case.list(TIN, org=case.world.insurer)
    id_ = case.declare(case.design)
    assert case.contract.standingOf(id_) == (Verdict.CONFORMANT, False)
    case.list(TIN, status=Status.ACTIVE, org=case.world.insurer)
    assert case.contract.standingOf(id_) == (Verdict.CONFORMANT, False), "another register"
    case.list(TIN_2, status=Status.NON_CONFORMANT)
    assert case.contract.standingOf(id_) == (Verdict.UNDETERMINABLE, True)
    case.judge(case.design)
    assert case.contract.standingOf(id_) == (Verdict.CONFORMANT, False), "it was about another smelter"
    case.list(TIN, status=Status.NON_CONFORMANT)
    assert case.contract.standingOf(id_) == (Verdict.UNDETERMINABLE, True)
    case.judge(case.design)
    assert case.contract.standingOf(id_) == (Verdict.NON_CONFORMANT, False)
    case.shadow.check_minerals()


def test_a_declaration_stands_until_its_first_status_ends(case: Case) -> None:
    case.list(TIN)
    case.list(TIN_2, until=case.world.now + 10)
    case.list(GOLD)
    id_ = case.declare(case.design, case.statement(tin=CLEAN, gold=CLEAN), sorted([TIN, TIN_2, GOLD]))
    for wait, stale in ((9, False), (1, False), (1, True)):
        case.node.warp(wait)
        expected = Verdict.UNDETERMINABLE if stale else Verdict.CONFORMANT
        assert case.contract.standingOf(id_) == (expected, stale)
        case.shadow.stand(id_)
    case.judge(case.design)
    assert case.contract.judgementOf(id_).verdict == Verdict.UNDETERMINABLE
    assert case.contract.standingOf(id_) == (Verdict.UNDETERMINABLE, False)
    case.list(TIN_2)
    case.judge(case.design)
    assert case.contract.standingOf(id_) == (Verdict.CONFORMANT, False)
    assert case.contract.judgementOf(id_).validUntil == case.contract.smelterOf(case.register.number, TIN)[2]


def test_a_register_that_may_not_speak_is_not_relied_on(case: Case) -> None:
    case.list(TIN)
    id_ = case.declare(case.design)
    for silence in (
        lambda on: case.world.suspend(case.register, on),
        lambda on: case.world.consortium.setRoles(
            case.register.number, Role.CARRIER if on else Role.REGULATOR, sender=case.world.governor
        ),
    ):
        silence(True)
        assert case.contract.standingOf(id_) == (Verdict.UNDETERMINABLE, True)
        silence(False)
        assert case.contract.standingOf(id_) == (Verdict.CONFORMANT, False)


def test_what_nobody_relies_on_is_never_stale(case: Case) -> None:
    case.list(TIN, until=case.world.now)
    case.list(TIN_2, status=Status.NON_CONFORMANT)
    bad = case.declare(case.design, smelters=[TIN_2])
    lot = case.making.lot("ore")
    incomplete = case.declare(lot, case.statement(tin=replace(CLEAN, reported=1)))
    nothing = case.nothing_in(case.making.lot("plastic"))
    case.list(TIN, status=Status.NON_CONFORMANT)
    case.node.warp(1)
    assert case.contract.standingOf(bad) == (Verdict.NON_CONFORMANT, False)
    assert case.contract.standingOf(incomplete) == (Verdict.UNDETERMINABLE, False)
    assert case.contract.standingOf(nothing) == (Verdict.NO_MINERALS, False), "it rests on no smelter"
    assert case.contract.standingOf(bytes(32)) == (Verdict.UNDETERMINABLE, False)
    assert pack() == int.from_bytes(bytes([1, 0, 0, 0, 0, 0, 0, 0] * 4), "little")
