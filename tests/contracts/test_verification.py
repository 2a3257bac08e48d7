"""Verification: is the package what its label says? Every answer, all evidence, and who settles it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import product
from typing import NamedTuple

import pytest

from goldthread.build import ROOT
from tests.models.module_shadows import VerificationShadow
from tests.models.verification import (
    MAJOR,
    MAX_REPORTS,
    NOWHERE,
    SUSPECT,
    Answer,
    Evidence,
    Failure,
    Info,
    Label,
    Place,
    Truth,
    answer,
)
from tests.support import Forwarder, Node, Receipt, fresh, reverts
from tests.support.lots import ONE, REASON, Goods, unit
from tests.support.words import Duty, EndOfLife, Kind, UnitEnd
from tests.support.world import DAY, Commission, Org, Registration, World, happened, lot_uri, sscc, uri

EXPIRY = 1_900_000_000
RECALL = 7
UNKNOWN = 99
"""A serial that nobody made."""


class Unit(NamedTuple):
    """A pack of pills by its number, and what became of it."""

    number: int
    ended: bool = False
    held: bool = False


ALIVE = Unit(0)
DISPENSED = Unit(1, ended=True)
TWIN = Unit(2)
HELD_TWIN = Unit(3, held=True)
ENDED_TWIN = Unit(4, ended=True)
TWIN_IN_HELD_BOX = Unit(5, held=True)
UNITS = (ALIVE, DISPENSED, TWIN, HELD_TWIN, ENDED_TWIN, TWIN_IN_HELD_BOX)


@dataclass(frozen=True)
class Pharmacy:
    """Pills of which some were dispensed and some became twins."""

    shadow: VerificationShadow
    goods: Goods

    @classmethod
    def create(cls, node: Node) -> Pharmacy:
        shadow = VerificationShadow(node)
        world, goods = shadow.world, Goods.create(shadow.world, len(UNITS), EXPIRY)
        world.lots.endOfLife(
            goods.pills, [DISPENSED.number], UnitEnd.DISPENSED, world.ref(), sender=world.maker.register
        )
        for each in (TWIN, HELD_TWIN, ENDED_TWIN, TWIN_IN_HELD_BOX):
            item, proof = Registration(uri(str(each.number))), goods.tree.proof(each.number)
            args = lot_uri("P"), each.number, item, proof, world.ref()
            world.lots.materialise(*args, sender=world.maker.register)
        world.hold(unit(HELD_TWIN.number), REASON)
        world.retire(unit(ENDED_TWIN.number), EndOfLife.DISPENSED)
        box = world.register(sscc("1"), Kind.CONTAINER)
        world.pack(box, [unit(TWIN_IN_HELD_BOX.number)])
        world.hold(box, REASON)
        shadow.catch_up()
        return cls(shadow, goods)

    @property
    def world(self) -> World:
        return self.shadow.world

    def place(self, number: int) -> Place:
        """Where the maker's records have the pack."""
        return Place(self.goods.pills, number, tuple(self.goods.tree.proof(number)))

    def label(self, number: int) -> Label:
        """What the pack's label says."""
        return Label(unit(number), self.goods.pills, EXPIRY)

    def ask(self, label: Label, place: Place) -> Answer:
        """What the contract answers."""
        verified, failure, info = self.world.verification.verifyProduct(label, place)
        return verified, Failure(failure), Info(info)

    def report(
        self,
        number: int,
        evidence: Evidence = Evidence.DUPLICATE_SCAN,
        place: Place | None = None,
        org: Org | None = None,
    ) -> Receipt:
        """Report a pack, by the retailer unless somebody else is named."""
        place = self.place(number) if place is None else place
        args = self.label(number), place, evidence, self.world.ref("scan")
        found: Receipt = self.world.verification.report(*args, sender=(org or self.world.retailer).receive)
        return found

    def settle(self, number: int, org: Org, place: Place | None = None, genuine: bool = True) -> Receipt:
        """Settle what was reported of a pack."""
        place = self.place(number) if place is None else place
        args = unit(number), place, REASON, genuine
        found: Receipt = self.world.verification.settle(*args, sender=org.quality)
        return found

    def mark(self, recalled: bool, held: bool, reported: bool) -> None:
        """Bring the lot into this state, and report every pack."""
        world, module = self.world, self.goods.module
        if reported:
            for each in UNITS:
                self.report(each.number)
            self.report(UNKNOWN, Evidence.UNKNOWN_SERIAL, NOWHERE)
        if recalled:
            world.lots.markRecalled([self.goods.pills], RECALL, sender=module)
        if held:
            self.goods.hold(self.goods.pills)

    def wrong_places(self, number: int) -> Iterator[Place]:
        """Where the pack is not."""
        right = self.place(number % len(UNITS))
        yield NOWHERE
        yield right._replace(proof=())
        yield right._replace(proof=(*right.proof[:-1], b"x" * 32))
        yield right._replace(index=right.index ^ 1)
        yield right._replace(index=right.index + len(UNITS))
        yield right._replace(lot=self.goods.milk)
        yield right._replace(lot=b"x" * 32)


@pytest.fixture
def pharmacy(node: Node) -> Pharmacy:
    return Pharmacy.create(node)


def test_every_answer_is_that_of_the_standard(pharmacy: Pharmacy) -> None:
    shadow, seen = pharmacy.shadow, set()
    lots, expiries = (pharmacy.goods.pills, pharmacy.goods.milk), (EXPIRY, EXPIRY - 1)
    here = shadow.now()
    for recalled, held, reported in product((False, True), repeat=3):
        pharmacy.mark(recalled, held, reported)
        for each, lot, expiry in product(UNITS, lots, expiries):
            label = Label(unit(each.number), lot, expiry)
            same = lot == lots[0], expiry == EXPIRY
            true = Truth(True, *same, recalled, held or each.held, each.ended, reported)
            seen.add(true)
            assert pharmacy.ask(label, pharmacy.place(each.number)) == answer(true), (each, true)
            unknown = Truth(False, False, False, False, False, False, reported)
            for place in pharmacy.wrong_places(each.number):
                assert pharmacy.ask(label, place) == answer(unknown), (each, place)
        nobodys = pharmacy.label(UNKNOWN)
        for place in (pharmacy.place(0), *pharmacy.wrong_places(UNKNOWN)):
            assert pharmacy.ask(nobodys, place) == answer(unknown), place
        shadow.again(here)
    assert len(seen) == 2**6


@pytest.mark.parametrize(
    ("number", "lot", "expiry", "reason"),
    [
        (0, "pills", EXPIRY, 0),
        (UNKNOWN, "pills", EXPIRY, 1),
        (0, "milk", EXPIRY + 1, 2),
        (0, "milk", EXPIRY, 3),
        (0, "pills", EXPIRY + 1, 4),
    ],
)
def test_the_reasons_are_numbered_as_in_the_standard(
    pharmacy: Pharmacy, number: int, lot: str, expiry: int, reason: int
) -> None:
    label = Label(unit(number), getattr(pharmacy.goods, lot), expiry)
    found = pharmacy.world.verification.verifyProduct(label, pharmacy.place(0))
    assert found == (reason == 0, reason, 0)


@pytest.mark.parametrize("words", [Failure, Info, Evidence])
def test_the_words_are_those_of_the_interface(words: type[IntEnum]) -> None:
    text = (ROOT / "contracts" / "interfaces" / "IVerification.sol").read_text()
    (declared,) = re.findall(rf"enum {words.__name__} {{([^}}]*)}}", text)
    assert [name.strip() for name in declared.split(",")] == [word.name for word in words]
    assert list(words) == list(range(len(words)))


def test_a_recalled_pack_is_verified_and_recalled(pharmacy: Pharmacy) -> None:
    pharmacy.mark(recalled=True, held=True, reported=True)
    expected = (True, Failure.NONE, Info.RECALLED)
    assert pharmacy.ask(pharmacy.label(0), pharmacy.place(0)) == expected
    pharmacy.world.lots.unmarkRecalled([pharmacy.goods.pills], RECALL, sender=pharmacy.goods.module)
    assert pharmacy.ask(pharmacy.label(0), pharmacy.place(0)) == (True, Failure.NONE, Info.SUSPECT)


def test_a_lot_without_expiry_has_labels_without(pharmacy: Pharmacy) -> None:
    serials, world = pharmacy.goods.tree, pharmacy.world
    what = {"quantity": len(UNITS) * ONE, "serials_root": serials.root, "serial_count": len(UNITS)}
    lot = world.commission(Commission(lot_uri("N"), **what))
    place = pharmacy.place(0)._replace(lot=lot)
    assert pharmacy.ask(Label(unit(0), lot, 0), place) == (True, Failure.NONE, Info.NONE)
    wrong = False, Failure.NO_MATCH_GTIN_SERIAL_EXPIRY, Info.NONE
    assert pharmacy.ask(Label(unit(0), lot, EXPIRY), place) == wrong


def test_who_asks_needs_to_be_nobody(pharmacy: Pharmacy) -> None:
    world = pharmacy.world
    args = pharmacy.label(0), pharmacy.place(0)
    assert world.verification.verifyProduct.call(*args, sender=world.stranger) == (True, 0, 0)


# ------------------------------------------------------------------------------------------------- evidence


def test_a_report_names_everything_and_alerts(pharmacy: Pharmacy) -> None:
    world, ref = pharmacy.world, pharmacy.world.ref("scan")
    label, retailer = pharmacy.label(0)._replace(lot=pharmacy.goods.milk, expiry=1), world.retailer
    args = label, pharmacy.place(0), Evidence.WRONG_LOT_OR_EXPIRY, ref
    receipt = world.verification.report(*args, sender=retailer.receive)
    fact = {"unit": unit(0), "org": retailer.number, "lot": pharmacy.goods.milk, "caller": retailer.receive}
    what = {"evidence": Evidence.WRONG_LOT_OR_EXPIRY, "failure": Failure.NO_MATCH_GTIN_SERIAL_LOT_EXPIRY}
    alert = {"subject": unit(0), "code": SUSPECT, "org": retailer.number, "severity": MAJOR}
    assert happened(receipt) == [
        ("SuspectReported", fact | what | {"day": world.now // DAY, "ref": ref}),
        ("Alert", alert | {"ref": pharmacy.goods.milk}),
    ]
    assert world.verification.suspicionOf(unit(0)) == (1, 0)
    assert world.verification.suspicionOf(unit(1)) == (0, 0)
    assert world.verification.reportsOn(retailer.number, world.now // DAY) == 1
    assert pharmacy.ask(pharmacy.label(0), pharmacy.place(0)) == (True, Failure.NONE, Info.SUSPECT)


WRONG_LOT, WRONG_EXPIRY = {"lot": b"w" * 32}, {"expiry": EXPIRY + 1}


@pytest.mark.parametrize(
    ("evidence", "each", "changes", "is_there", "true"),
    [
        (Evidence.UNKNOWN_SERIAL, ALIVE, {}, False, True),
        (Evidence.UNKNOWN_SERIAL, ALIVE, {}, True, False),
        (Evidence.WRONG_LOT_OR_EXPIRY, ALIVE, WRONG_LOT, True, True),
        (Evidence.WRONG_LOT_OR_EXPIRY, ALIVE, WRONG_EXPIRY, True, True),
        (Evidence.WRONG_LOT_OR_EXPIRY, ALIVE, WRONG_LOT | WRONG_EXPIRY, True, True),
        (Evidence.WRONG_LOT_OR_EXPIRY, ALIVE, {}, True, False),
        (Evidence.WRONG_LOT_OR_EXPIRY, ALIVE, WRONG_LOT, False, False),
        (Evidence.ALREADY_ENDED, DISPENSED, {}, True, True),
        (Evidence.ALREADY_ENDED, ENDED_TWIN, {}, True, True),
        (Evidence.ALREADY_ENDED, ALIVE, {}, True, False),
        (Evidence.ALREADY_ENDED, TWIN, {}, True, False),
        (Evidence.ALREADY_ENDED, HELD_TWIN, {}, True, False),
        (Evidence.ALREADY_ENDED, DISPENSED, {}, False, False),
        (Evidence.HELD_ELSEWHERE, ALIVE, {}, True, True),
        (Evidence.HELD_ELSEWHERE, ALIVE, {}, False, False),
        (Evidence.DUPLICATE_SCAN, DISPENSED, WRONG_LOT, True, True),
        (Evidence.DUPLICATE_SCAN, ALIVE, {}, False, False),
    ],
)
def test_what_the_chain_can_check_of_the_evidence_it_does(
    pharmacy: Pharmacy, evidence: Evidence, each: Unit, changes: dict[str, object], is_there: bool, true: bool
) -> None:
    label = pharmacy.label(each.number)._replace(**changes)
    place = pharmacy.place(each.number) if is_there else NOWHERE
    args = label, place, evidence, pharmacy.world.ref()
    sender = pharmacy.world.retailer.receive
    if not true:
        with reverts("NotSo", unit(each.number), evidence):
            pharmacy.world.verification.report(*args, sender=sender)
        assert pharmacy.world.verification.suspicionOf(unit(each.number)) == (0, 0)
        return
    pharmacy.world.verification.report(*args, sender=sender)
    assert pharmacy.world.verification.suspicionOf(unit(each.number)) == (1, 0)


@pytest.mark.parametrize("evidence", [Evidence.NONE, 6])
def test_a_report_says_what_speaks_against_the_unit(pharmacy: Pharmacy, evidence: int) -> None:
    args = pharmacy.label(0), pharmacy.place(0), evidence, pharmacy.world.ref()
    with reverts(*(("NoEvidence", unit(0)) if evidence == Evidence.NONE else ("",))):
        pharmacy.world.verification.report(*args, sender=pharmacy.world.retailer.receive)


def test_nobody_tells_of_a_scan_that_has_not_happened(pharmacy: Pharmacy) -> None:
    world = pharmacy.world
    args = pharmacy.label(0), pharmacy.place(0), Evidence.DUPLICATE_SCAN, world.ref(time=world.now + 1)
    with reverts("EventInFuture", world.now + 1, world.now):
        world.verification.report(*args, sender=world.retailer.receive)


@pytest.mark.parametrize("duty", list(Duty))
def test_reports_are_for_those_who_receive(pharmacy: Pharmacy, duty: Duty) -> None:
    world = pharmacy.world
    args = pharmacy.label(0), pharmacy.place(0), Evidence.DUPLICATE_SCAN, world.ref()
    account = world.retailer.with_duty(duty)
    if duty == Duty.RECEIVE:
        world.verification.report(*args, sender=account)
        return
    with reverts("MissingDuty", account, duty, Duty.RECEIVE):
        world.verification.report(*args, sender=account)


def test_reports_are_for_members_who_may_speak(pharmacy: Pharmacy) -> None:
    world = pharmacy.world
    args = pharmacy.label(0), pharmacy.place(0), Evidence.DUPLICATE_SCAN, world.ref()
    with reverts("UnknownAccount", world.stranger):
        world.verification.report(*args, sender=world.stranger)
    world.suspend(world.retailer)
    with reverts("OrganisationSuspended", world.retailer.number):
        world.verification.report(*args, sender=world.retailer.receive)


def test_a_hundred_reports_a_day_and_again_the_next(pharmacy: Pharmacy) -> None:
    world, retailer = pharmacy.world, pharmacy.world.retailer
    day = world.now // DAY + 1
    pharmacy.shadow.node.timestamp = day * DAY
    for _ in range(MAX_REPORTS):
        pharmacy.report(0)
    pharmacy.shadow.node.timestamp = day * DAY + DAY - 1
    with reverts("TooManyReports", retailer.number, day, MAX_REPORTS):
        pharmacy.report(0)
    with reverts("TooManyReports", retailer.number, day, MAX_REPORTS):
        pharmacy.report(UNKNOWN, Evidence.UNKNOWN_SERIAL, NOWHERE)
    pharmacy.report(0, org=world.carrier)
    pharmacy.shadow.node.warp(1)
    pharmacy.report(0)
    counts = [world.verification.reportsOn(retailer.number, each) for each in (day - 1, day, day + 1)]
    assert counts == [0, MAX_REPORTS, 1]
    assert world.verification.reportsOn(world.carrier.number, day) == 1
    assert world.verification.suspicionOf(unit(0)) == (MAX_REPORTS + 2, 0)
    assert world.verification.MAX_REPORTS() == MAX_REPORTS


def test_what_was_refused_counts_for_nothing(pharmacy: Pharmacy) -> None:
    world = pharmacy.world
    with reverts("NotSo", unit(0), Evidence.ALREADY_ENDED):
        pharmacy.report(0, Evidence.ALREADY_ENDED)
    assert world.verification.reportsOn(world.retailer.number, world.now // DAY) == 0


# --------------------------------------------------------------------------------------------- settlement


@pytest.mark.parametrize("genuine", [True, False])
@pytest.mark.parametrize(("by", "place"), [("maker", None), ("regulator", NOWHERE), ("regulator", None)])
def test_the_maker_or_a_regulator_settles(
    pharmacy: Pharmacy, by: str, place: Place | None, genuine: bool
) -> None:
    world = pharmacy.world
    org: Org = getattr(world, by)
    pharmacy.report(0)
    pharmacy.report(0, Evidence.HELD_ELSEWHERE, org=world.carrier)
    receipt = pharmacy.settle(0, org, place, genuine)
    fact = {"unit": unit(0), "org": org.number, "reason": REASON, "caller": org.quality}
    assert happened(receipt) == [("SuspicionSettled", fact | {"reports": 2, "genuine": genuine})]
    assert world.verification.suspicionOf(unit(0)) == (0, 2)
    assert pharmacy.ask(pharmacy.label(0), pharmacy.place(0)) == (True, Failure.NONE, Info.NONE)
    pharmacy.report(0)
    assert world.verification.suspicionOf(unit(0)) == (1, 2)
    pharmacy.settle(0, org, place, genuine)
    assert world.verification.suspicionOf(unit(0)) == (0, 3)


@pytest.mark.parametrize("by", ["supplier", "carrier", "distributor", "retailer", "service", "insurer"])
def test_nobody_else_settles(pharmacy: Pharmacy, by: str) -> None:
    org: Org = getattr(pharmacy.world, by)
    pharmacy.report(0)
    with reverts("MayNotSettle", unit(0), org.number):
        pharmacy.settle(0, org)


def test_the_maker_shows_that_it_made_the_unit(pharmacy: Pharmacy) -> None:
    maker = pharmacy.world.maker
    pharmacy.report(0)
    for place in pharmacy.wrong_places(0):
        with reverts("MayNotSettle", unit(0), maker.number):
            pharmacy.settle(0, maker, place)
    pharmacy.report(UNKNOWN, Evidence.UNKNOWN_SERIAL, NOWHERE)
    with reverts("MayNotSettle", unit(UNKNOWN), maker.number):
        pharmacy.settle(UNKNOWN, maker, pharmacy.place(0))
    pharmacy.settle(UNKNOWN, pharmacy.world.regulator, NOWHERE)


def test_only_what_is_open_is_settled(pharmacy: Pharmacy) -> None:
    maker = pharmacy.world.maker
    pharmacy.report(1)
    with reverts("NothingOpen", unit(0)):
        pharmacy.settle(0, maker)
    pharmacy.settle(1, maker)
    with reverts("NothingOpen", unit(1)):
        pharmacy.settle(1, maker)


@pytest.mark.parametrize("duty", list(Duty))
def test_quality_settles(pharmacy: Pharmacy, duty: Duty) -> None:
    world = pharmacy.world
    pharmacy.report(0)
    args, account = (unit(0), pharmacy.place(0), REASON, True), world.maker.with_duty(duty)
    if duty == Duty.QUALITY:
        world.verification.settle(*args, sender=account)
        return
    with reverts("MissingDuty", account, duty, Duty.QUALITY):
        world.verification.settle(*args, sender=account)
    with reverts("UnknownAccount", world.stranger):
        world.verification.settle(*args, sender=world.stranger)


def test_a_members_contract_is_the_caller(pharmacy: Pharmacy) -> None:
    world, contract = pharmacy.world, pharmacy.world.verification
    agent = Forwarder.deploy(world.node, world.stranger)
    world.hire(world.regulator, agent, Duty.RECEIVE | Duty.QUALITY)
    args = pharmacy.label(0), pharmacy.place(0), Evidence.DUPLICATE_SCAN, world.ref()
    (reported,) = contract.events(contract.report(*args, sender=agent), "SuspectReported")
    receipt = contract.settle(unit(0), NOWHERE, REASON, True, sender=agent)
    (settled,) = contract.events(receipt, "SuspicionSettled")
    assert reported["caller"] == settled["caller"] == agent.address


# ---------------------------------------------------------------------------------------------- conformance


def test_the_model_and_the_logs_agree() -> None:
    pharmacy = Pharmacy.create(fresh())
    shadow, world = pharmacy.shadow, pharmacy.world
    pharmacy.goods.hold(pharmacy.goods.pills)
    world.lots.markRecalled([pharmacy.goods.pills], RECALL, sender=pharmacy.goods.module)
    shadow.catch_up()
    here = shadow.now()
    numbers, senders = [each.number for each in UNITS] + [UNKNOWN], (world.retailer.receive, world.stranger)
    for number, evidence, sender in product(numbers, Evidence, senders):
        known = number != UNKNOWN
        for place in (pharmacy.place(number if known else 0), NOWHERE):
            for changes in ({}, WRONG_LOT, WRONG_EXPIRY):
                label = pharmacy.label(number)._replace(**changes)
                if not shadow.tell("report", label, place, evidence, world.ref(), sender=sender):
                    continue
                assert pharmacy.ask(label, place) == shadow.model.verifyProduct(label, place)
                for org in (world.carrier, world.maker, world.regulator):
                    args = unit(number), place, REASON, False
                    if shadow.tell("settle", *args, sender=org.quality):
                        break
                assert pharmacy.ask(label, place) == shadow.model.verifyProduct(label, place)
                shadow.check_all()
                shadow.again(here)
    shadow.count.require(["report", "settle"], 20)


def test_it_knows_its_lots_and_its_consortium(pharmacy: Pharmacy) -> None:
    contract, world = pharmacy.world.verification, pharmacy.world
    assert (contract.LOTS(), contract.CONSORTIUM()) == (world.lots.address, world.consortium.address)
    assert contract.eip712Domain().name == "Goldthread Verification"
