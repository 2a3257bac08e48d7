"""Compliance: programmes, evidence, decisions, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from goldthread.rules.programmes import programmes
from tests.models.compliance import (
    FOR_GOOD,
    OVERDUE,
    ZERO,
    Definition,
    Requirement,
    Status,
    case_id,
    programme_id,
)
from tests.support import Forwarder, Node, reverts
from tests.support.contract import Contract
from tests.support.plant import NOBODY, Plant
from tests.support.words import Duty, Kind, Role
from tests.support.world import DAY, asset, happened, lot_uri

REASON = keccak(text="why")
UNKNOWN = keccak(text="nothing has this id")


@pytest.fixture
def plant(node: Node) -> Plant:
    return Plant.create(node)


@pytest.fixture
def contract(plant: Plant) -> Contract:
    return plant.contract


def statuses(plant: Plant, case: bytes) -> list[Status]:
    return [Status(one) for one in plant.contract.status(case, 0)]


# ------------------------------------------------------------------------------------------------ programmes


def test_what_the_contract_stands_on(plant: Plant, contract: Contract) -> None:
    world = plant.world
    assert contract.CONSORTIUM() == world.consortium.address
    assert contract.RECORDS() == world.records.address
    assert contract.LOTS() == world.lots.address
    assert contract.TWINS() == world.twins.address
    assert (contract.MAX_REQUIREMENTS(), contract.MAX_SCHEMAS(), contract.PAGE()) == (64, 4, 32)


def test_a_programme_is_registered(plant: Plant, contract: Contract) -> None:
    maker = plant.maker
    full = plant.step(
        "211.188(b)(1)",
        jurisdiction=b"US\0\0\0\0",
        mandatory=False,
        waivable=True,
        severity=3,
        second_persons=2,
        roles=Role.MANUFACTURER,
        duties=Duty.RECORD,
        due=2**40 - 1,
        validity=2**32 - 1,
    )
    later = plant.step("7.3.2", [plant.form], due_after=2**32 - 1)
    roles = {"reviewers": Role.REGULATOR | Role.AUDITOR, "waivers": Role.REGULATOR}
    definition = Definition(b"d" * 32, True, **roles, requirements=(full, later))
    args = "batch record", 1, definition
    id_ = programme_id(maker.number, "batch record", 1)
    assert contract.programmeIdOf(maker.number, "batch record", 1) == id_
    assert contract.newest(maker.number, "batch record") == 0
    assert contract.register.call(*args, sender=maker.quality) == id_
    receipt = contract.register(*args, sender=maker.quality)
    told = {"programme": id_, "org": maker.number, "caller": maker.quality, "name": "batch record"}
    told |= {"version": 1, "definitionHash": definition.hash, "definition": definition.told}
    assert happened(receipt) == [("ProgrammeRegistered", told)]
    assert contract.programmeOf(id_) == (maker.number, 2, True, *roles.values(), 0b10)
    assert contract.termsOf(id_, 0) == full.terms
    assert contract.termsOf(id_, 1) == later.terms
    assert contract.definitionHash(id_) == definition.hash
    assert contract.newest(maker.number, "batch record") == 1
    accepted = [[contract.accepts(id_, i, s) for s in (plant.form, plant.checked)] for i in (0, 1, 2)]
    assert accepted == [[True, True], [True, False], [False, False]]


def test_versions_count_from_one(plant: Plant, contract: Contract) -> None:
    maker, made = plant.maker, Definition(requirements=(plant.step("1"),))
    for version in (1, 2):
        for wrong in (version - 1, version + 1):
            with reverts("NotNextProgramme", maker.number, "n", version, wrong):
                contract.register("n", wrong, made, sender=maker.quality)
        contract.register("n", version, made, sender=maker.quality)
    contract.register("m", 1, made, sender=maker.quality)
    contract.register("n", 1, made, sender=plant.world.regulator.quality)
    assert [contract.newest(maker.number, name) for name in "nmo"] == [2, 1, 0]


@pytest.mark.parametrize(("length", "ok"), [(0, False), (1, True), (64, True), (65, False)])
def test_how_long_a_name_is(plant: Plant, contract: Contract, length: int, ok: bool) -> None:
    call = "x" * length, 1, Definition(requirements=(plant.step("1"),))
    if ok:
        contract.register(*call, sender=plant.maker.quality)
        return
    with reverts("ProgrammeNameLength", length):
        contract.register(*call, sender=plant.maker.quality)


@pytest.mark.parametrize(("count", "ok"), [(0, False), (1, True), (64, True), (65, False)])
def test_how_many_requirements(plant: Plant, contract: Contract, count: int, ok: bool) -> None:
    steps = [plant.step(f"{i}", [plant.form], mandatory=i % 3 != 0) for i in range(count)]
    call = "n", 1, Definition(requirements=tuple(steps))
    if not ok:
        with reverts("ProgrammeSize", count):
            contract.register(*call, sender=plant.maker.quality)
        return
    contract.register(*call, sender=plant.maker.quality)
    found = contract.programmeOf(programme_id(plant.maker.number, "n", 1))
    assert (found.count, found.mandatory) == (count, sum(1 << i for i in range(count) if i % 3))


@pytest.mark.parametrize(
    "wrong",
    [{"code": ZERO}, {"severity": 0}, {"severity": 4}, {"due": 1, "due_after": 1}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_a_requirement_has(plant: Plant, contract: Contract, wrong: dict[str, Any]) -> None:
    good = plant.step("1")
    bad = good._replace(terms=good.terms._replace(**wrong))
    with reverts("InvalidRequirement", 1):
        contract.register("n", 1, Definition(requirements=(good, bad)), sender=plant.maker.quality)


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_severities(plant: Plant, severity: int) -> None:
    plant.register([plant.step("1", severity=severity)])


@pytest.mark.parametrize(("count", "ok"), [(0, False), (1, True), (4, True), (5, False)])
def test_how_many_schemas(plant: Plant, contract: Contract, count: int, ok: bool) -> None:
    bad = plant.step("1")._replace(schemas=(plant.form,) * count)
    made = Definition(requirements=(bad,))
    if ok:
        contract.register("n", 1, made, sender=plant.maker.quality)
        return
    with reverts("InvalidRequirement", 0):
        contract.register("n", 1, made, sender=plant.maker.quality)


def test_schemas_exist(plant: Plant, contract: Contract) -> None:
    bad = plant.step("1", [plant.form, UNKNOWN])
    with reverts("UnknownSchema", 1, UNKNOWN):
        contract.register("n", 1, Definition(requirements=(plant.step("0"), bad)), sender=plant.qa)


def test_quality_registers(plant: Plant, contract: Contract) -> None:
    world, call = plant.world, ("n", 1, Definition(requirements=(plant.step("1"),)))
    with reverts("UnknownAccount", world.stranger):
        contract.register(*call, sender=world.stranger)
    with reverts("MissingDuty", world.maker.record, Duty.RECORD, Duty.QUALITY):
        contract.register(*call, sender=world.maker.record)
    machine = Forwarder.deploy(plant.node, world.maker.quality)
    with reverts("UnknownAccount", machine.address):
        contract.register(*call, sender=machine)
    world.hire(world.maker, machine, Duty.QUALITY)
    [told] = contract.events(contract.register(*call, sender=machine))
    assert (told["org"], told["caller"]) == (world.maker.number, machine.address)


# ----------------------------------------------------------------------------------------------------- cases


def test_a_case_is_opened(plant: Plant, contract: Contract) -> None:
    maker, regulator = plant.maker, plant.world.regulator
    programme = plant.register([plant.step("1")], reviewers=Role.REGULATOR)
    args = programme, plant.lot, 2026, regulator.number
    case = case_id(programme, plant.lot, maker.number, 2026)
    assert contract.caseIdOf(programme, plant.lot, maker.number, 2026) == case
    assert contract.open.call(*args, sender=plant.qa) == case
    receipt = contract.open(*args, sender=plant.qa)
    told = {"caseId": case, "org": maker.number, "subject": plant.lot, "caller": plant.qa}
    told |= {"programme": programme, "reviewer": regulator.number, "period": 2026}
    [time] = [fields["openedAt"] for _, fields in happened(receipt)]
    assert happened(receipt) == [("CaseOpened", told | {"openedAt": time})]
    assert time == plant.now
    expected = programme, plant.lot, maker.number, regulator.number, time, 2026, 0
    assert contract.caseOf(case) == expected
    assert contract.decisionsOf(case) == (0, 0, 0, 0)
    with reverts("CaseAlreadyOpen", case):
        contract.open(*args, sender=plant.qa)
    contract.open(programme, plant.lot, 2027, 0, sender=plant.qa)


def test_who_opens_a_case(plant: Plant, contract: Contract) -> None:
    """The maker of a lot, the owner of a twin; nobody of what is not there."""
    world, programme = plant.world, plant.register([plant.step("1")])
    twin = world.register(asset("SITE"), Kind.ASSET)
    carrier, maker = world.carrier.number, world.maker.number
    for subject in (plant.lot, twin):
        with reverts("NotSubjectOwner", subject, carrier, maker):
            contract.open(programme, subject, 0, 0, sender=world.carrier.quality)
        contract.open(programme, subject, 0, 0, sender=plant.qa)
    with reverts("NotSubjectOwner", UNKNOWN, maker, 0):
        contract.open(programme, UNKNOWN, 0, 0, sender=plant.qa)
    with reverts("UnknownProgramme", UNKNOWN):
        contract.open(UNKNOWN, twin, 0, 0, sender=plant.qa)
    with reverts("MissingDuty", plant.operator, Duty.RECORD, Duty.QUALITY):
        contract.open(programme, twin, 1, 0, sender=plant.operator)
    world.give_title(twin, world.maker, world.retailer)
    with reverts("NotSubjectOwner", twin, maker, world.retailer.number):
        contract.open(programme, twin, 1, 0, sender=plant.qa)
    contract.open(programme, twin, 0, 0, sender=world.retailer.quality)
    machine = Forwarder.deploy(plant.node, plant.qa)
    with reverts("UnknownAccount", machine.address):
        contract.open(programme, plant.lot, 1, 0, sender=machine)


def test_a_lot_is_its_makers_whoever_owns_a_twin_of_that_name(plant: Plant, contract: Contract) -> None:
    world, programme = plant.world, plant.register([plant.step("1")])
    twin = world.register(lot_uri("B1"), Kind.PART)
    assert twin == plant.lot
    world.give_title(twin, world.maker, world.retailer)
    with reverts("NotSubjectOwner", twin, world.retailer.number, world.maker.number):
        contract.open(programme, twin, 0, 0, sender=world.retailer.quality)
    contract.open(programme, twin, 0, 0, sender=plant.qa)


def test_who_can_be_a_reviewer(plant: Plant, contract: Contract) -> None:
    world = plant.world
    programme = plant.register([plant.step("1")], reviewers=Role.REGULATOR | Role.MANUFACTURER)
    alone = plant.register([plant.step("1")])
    wanted = Role.REGULATOR | Role.MANUFACTURER
    for nobody in (world.carrier.number, world.maker.number, 99):
        with reverts("NotAReviewer", nobody, wanted):
            contract.open(programme, plant.lot, 0, nobody, sender=plant.qa)
    with reverts("NotAReviewer", world.regulator.number, 0):
        contract.open(alone, plant.lot, 0, world.regulator.number, sender=plant.qa)
    world.suspend(world.regulator)
    with reverts("NotAReviewer", world.regulator.number, wanted):
        contract.open(programme, plant.lot, 0, world.regulator.number, sender=plant.qa)


# -------------------------------------------------------------------------------------------------- evidence


def test_a_record_is_submitted_and_accepted(plant: Plant, contract: Contract) -> None:
    case = plant.case(plant.register([plant.step("1"), plant.step("2")]))
    maker, record = plant.maker.number, plant.write()
    assert statuses(plant, case) == [Status.OPEN, Status.OPEN]
    receipt = plant.submit(case, 1, record)
    told = {"caseId": case, "org": maker, "index": 1}
    expected = told | {"caller": plant.operator, "record": record}
    assert happened(receipt) == [("EvidenceSubmitted", expected)]
    assert statuses(plant, case) == [Status.OPEN, Status.SUBMITTED]
    assert contract.decisionsOf(case) == (0b10, 0, 0, 1)
    assert [contract.evidenceOf(case, i) for i in (0, 1)] == [ZERO, record]
    receipt = plant.accept(case, 1, record)
    assert happened(receipt) == [("EvidenceAccepted", told | {"caller": plant.qa, "record": record})]
    assert statuses(plant, case) == [Status.OPEN, Status.ACCEPTED]
    assert contract.decisionsOf(case) == (0, 0b10, 0, 2)
    assert contract.missing(case, 0) == 0b01


def test_a_record_is_rejected_and_another_one_comes(plant: Plant, contract: Contract) -> None:
    case = plant.case(plant.register([plant.step("1"), plant.step("2")]))
    first = plant.write()
    plant.submit(case, 0, first)
    receipt = contract.reject(case, 0, first, REASON, sender=plant.qa)
    told = {"caseId": case, "org": plant.maker.number, "index": 0, "caller": plant.qa, "record": first}
    assert happened(receipt) == [("EvidenceRejected", told | {"reason": REASON})]
    assert statuses(plant, case) == [Status.REJECTED, Status.OPEN]
    assert contract.decisionsOf(case) == (0, 0, 0, 2)
    with reverts("NotSubmitted", case, 0, first, first):
        plant.accept(case, 0, first)
    with reverts("NotSubmitted", case, 0, first, first):
        contract.reject(case, 0, first, REASON, sender=plant.qa)
    second = plant.write()
    plant.submit(case, 0, second)
    plant.accept(case, 0, second)
    assert statuses(plant, case) == [Status.ACCEPTED, Status.OPEN]


def test_what_was_accepted_can_be_rejected(plant: Plant, contract: Contract) -> None:
    case = plant.case(plant.register([plant.step("1")]))
    record = plant.fulfil(case, 0)
    contract.reject(case, 0, record, REASON, sender=plant.qa)
    assert statuses(plant, case) == [Status.REJECTED]
    assert contract.decisionsOf(case) == (0, 0, 0, 3)


def test_only_what_was_seen_is_decided(plant: Plant, contract: Contract) -> None:
    case = plant.case(plant.register([plant.step("1"), plant.step("2")]))
    first, second = plant.write(), plant.write()
    with reverts("NotSubmitted", case, 0, first, ZERO):
        plant.accept(case, 0, first)
    with reverts("NotSubmitted", case, 0, ZERO, ZERO):
        plant.accept(case, 0, ZERO)
    plant.submit(case, 0, first)
    plant.submit(case, 0, second)
    for decide in (plant.accept, lambda *a: contract.reject(*a, REASON, sender=plant.qa)):
        with reverts("NotSubmitted", case, 0, first, second):
            decide(case, 0, first)
        with reverts("NotSubmitted", case, 1, second, ZERO):
            decide(case, 1, second)
    with reverts("NoReason"):
        contract.reject(case, 0, second, ZERO, sender=plant.qa)
    plant.accept(case, 0, second)
    with reverts("NotSubmitted", case, 0, second, second):
        plant.accept(case, 0, second)


def test_nobody_decides_about_a_record_of_its_own(plant: Plant, contract: Contract) -> None:
    case = plant.case(plant.register([plant.step("1")]))
    record = plant.write(sender=plant.qa)
    plant.submit(case, 0, record, sender=plant.qa)
    with reverts("OwnRecord", record, plant.qa):
        plant.accept(case, 0, record)
    with reverts("OwnRecord", record, plant.qa):
        contract.reject(case, 0, record, REASON, sender=plant.qa)
    plant.accept(case, 0, record, sender=plant.maker.quality)


def test_who_decides(plant: Plant, contract: Contract) -> None:
    """Quality of the case's own organisation, and of its reviewer while that has the role."""
    world, roles = plant.world, Role.REGULATOR | Role.INSURER
    programme = plant.register([plant.step("1"), plant.step("2")], reviewers=roles)
    case = plant.case(programme, reviewer=world.regulator)
    records = [plant.write() for _ in range(2)]
    for index, record in enumerate(records):
        plant.submit(case, index, record)
    for org in (world.carrier, world.insurer):
        with reverts("MayNotReview", case, org.number):
            plant.accept(case, 0, records[0], sender=org.quality)
        with reverts("MayNotReview", case, org.number):
            contract.reject(case, 0, records[0], REASON, sender=org.quality)
    with reverts("MissingDuty", plant.operator, Duty.RECORD, Duty.QUALITY):
        plant.accept(case, 0, records[0], sender=plant.operator)
    with reverts("MissingDuty", plant.second, Duty.RECORD, Duty.QUALITY):
        contract.reject(case, 0, records[0], REASON, sender=plant.second)
    receipt = plant.accept(case, 0, records[0], sender=world.regulator.quality)
    [(_, told)] = happened(receipt)
    assert told["org"] == world.regulator.number
    world.consortium.setRoles(world.regulator.number, Role.SERVICE, sender=world.governor)
    with reverts("MayNotReview", case, world.regulator.number):
        plant.accept(case, 1, records[1], sender=world.regulator.quality)
    plant.accept(case, 1, records[1], sender=world.maker.quality)


def test_a_contract_decides_in_its_own_name(plant: Plant) -> None:
    case = plant.case(plant.register([plant.step("1")]))
    record = plant.write()
    machine = Forwarder.deploy(plant.node, plant.qa)
    with reverts("UnknownAccount", machine.address):
        plant.submit(case, 0, record, sender=machine)
    plant.world.hire(plant.maker, machine, Duty.QUALITY)
    [(_, told)] = happened(plant.submit(case, 0, record, sender=machine))
    assert told["caller"] == machine.address
    [(_, told)] = happened(plant.accept(case, 0, record, sender=machine))
    assert told["caller"] == machine.address


def test_who_submits(plant: Plant) -> None:
    """The case's own organisation, and that of the record's author; with the requirement's roles."""
    world = plant.world
    steps = [
        plant.step("own", roles=Role.MANUFACTURER, duties=Duty.RECORD),
        plant.step("certificate", roles=Role.SUPPLIER, duties=Duty.RECORD | Duty.QUALITY),
        plant.step("anybody"),
    ]
    case = plant.case(plant.register(steps))
    mine, theirs = plant.write(), plant.write(sender=world.supplier.record)
    supplier = world.supplier
    with reverts("MissingRole", supplier.number, Role.SUPPLIER, Role.MANUFACTURER):
        plant.submit(case, 0, theirs, sender=supplier.all)
    with reverts("MissingDuty", plant.maker.quality, Duty.QUALITY, Duty.RECORD):
        plant.submit(case, 0, mine, sender=plant.maker.quality)
    with reverts("MissingDuty", supplier.record, Duty.RECORD, Duty.RECORD | Duty.QUALITY):
        plant.submit(case, 1, theirs, sender=supplier.record)
    with reverts("MayNotSubmit", case, supplier.number):
        plant.submit(case, 2, mine, sender=supplier.record)
    plant.submit(case, 1, theirs, sender=supplier.all)
    plant.submit(case, 2, theirs, sender=supplier.ship)
    plant.submit(case, 2, mine, sender=plant.maker.ship)
    with reverts("MayNotSubmit", case, supplier.number):
        plant.submit(case, 2, UNKNOWN, sender=supplier.ship)


def test_what_waits_is_replaced_by_the_case_only(plant: Plant) -> None:
    """Or by others once it is superseded."""
    supplier = plant.world.supplier
    case = plant.case(plant.register([plant.step("1"), plant.step("2")]))
    waits = plant.write()
    plant.submit(case, 0, waits)
    theirs = plant.write(sender=supplier.record)
    with reverts("DecisionPending", case, 0, waits):
        plant.submit(case, 0, theirs, sender=supplier.record)
    plant.submit(case, 1, theirs, sender=supplier.record)
    other = plant.write()
    plant.submit(case, 0, other)
    plant.amend(other)
    plant.submit(case, 0, theirs, sender=supplier.record)
    assert plant.contract.evidenceOf(case, 0) == theirs


def test_what_is_evidence(plant: Plant, contract: Contract) -> None:
    """A record of the subject, of a schema that the requirement names, that nothing supersedes."""
    other = plant.schema("other form")
    case = plant.case(plant.register([plant.step("1", [plant.form]), plant.step("2", [other])]))
    elsewhere = plant.write(plant.new_lot("B2"))
    with reverts("OtherSubject", elsewhere, plant.lot, plant.world.records.subjectOf(elsewhere)):
        plant.submit(case, 0, elsewhere)
    with reverts("OtherSubject", UNKNOWN, plant.lot, ZERO):
        plant.submit(case, 0, UNKNOWN)
    for index, schema in ((0, other), (1, plant.form), (0, plant.checked)):
        record = plant.write(schema=schema)
        with reverts("WrongSchema", case, index, schema):
            plant.submit(case, index, record)
    old = plant.write()
    plant.amend(old)
    with reverts("RecordIncomplete", old):
        plant.submit(case, 0, old)


def test_second_persons(plant: Plant) -> None:
    """Those that the schema asks for, and those that the requirement does."""
    steps = [plant.step("schema"), plant.step("requirement", second_persons=2)]
    case = plant.case(plant.register(steps))
    checked, twice = plant.write(schema=plant.checked), plant.write()
    plant.submit(case, 0, checked)
    plant.submit(case, 1, twice)
    with reverts("RecordIncomplete", checked):
        plant.accept(case, 0, checked)
    plant.countersign(checked, plant.second, 8)
    plant.accept(case, 0, checked)
    for signed, signer in enumerate((plant.second, plant.qa)):
        with reverts("SecondPersonsMissing", twice, signed, 2):
            plant.accept(case, 1, twice)
        plant.countersign(twice, signer, 8 if signer is plant.second else 2)
    plant.accept(case, 1, twice)


def test_what_waits_and_is_superseded_is_not_accepted(plant: Plant) -> None:
    case = plant.case(plant.register([plant.step("1")]))
    record = plant.write()
    plant.submit(case, 0, record)
    plant.amend(record)
    assert statuses(plant, case) == [Status.SUBMITTED]
    with reverts("RecordIncomplete", record):
        plant.accept(case, 0, record)


def test_a_correction_reopens(plant: Plant, contract: Contract) -> None:
    """The requirement rests on the old record until the new one is accepted."""
    case = plant.case(plant.register([plant.step("1"), plant.step("2")]))
    old = plant.fulfil(case, 0)
    plant.fulfil(case, 1)
    assert contract.missing(case, 0) == 0
    new = plant.amend(old)
    assert statuses(plant, case) == [Status.SUPERSEDED, Status.ACCEPTED]
    assert (contract.missing(case, 0), contract.decisionsOf(case).accepted) == (0b01, 0b11)
    plant.submit(case, 0, new)
    assert statuses(plant, case) == [Status.SUBMITTED, Status.ACCEPTED]
    assert contract.decisionsOf(case)[:3] == (0b01, 0b10, 0)
    plant.accept(case, 0, new)
    assert contract.missing(case, 0) == 0


def test_what_is_met_is_not_submitted_again(plant: Plant) -> None:
    case = plant.case(plant.register([plant.step("1")]))
    plant.fulfil(case, 0)
    with reverts("AlreadyMet", case, 0, Status.ACCEPTED):
        plant.submit(case, 0, plant.write())


def test_an_order_is_kept(plant: Plant, contract: Contract) -> None:
    """Of what is mandatory; what may be left out may come later."""
    steps = [plant.step("0"), plant.step("1", mandatory=False), plant.step("2", waivable=True)]
    steps += [plant.step("3")]
    programme = plant.register(steps, ordered=True, waivers=Role.MANUFACTURER)
    case = plant.case(programme)
    record = plant.write()
    for index in (1, 2, 3):
        with reverts("OutOfOrder", case, index, 0):
            plant.submit(case, index, record)
    plant.submit(case, 0, record)
    with reverts("OutOfOrder", case, 3, 0):
        plant.submit(case, 3, record)
    plant.accept(case, 0, record)
    with reverts("OutOfOrder", case, 3, 2):
        plant.submit(case, 3, record)
    contract.waive(case, 2, record, sender=plant.qa)
    plant.submit(case, 3, record)
    plant.submit(case, 1, record)
    free = plant.case(plant.register(steps))
    plant.submit(free, 3, record)


def test_unknown_cases_and_requirements(plant: Plant, contract: Contract) -> None:
    case = plant.case(plant.register([plant.step("1")]))
    record = plant.write()
    calls = (
        lambda c, i: plant.submit(c, i, record),
        lambda c, i: plant.accept(c, i, record),
        lambda c, i: contract.reject(c, i, record, REASON, sender=plant.qa),
        lambda c, i: contract.waive(c, i, record, sender=plant.qa),
        lambda c, i: contract.flagOverdue(c, i, sender=plant.qa),
        lambda c, i: contract.statusOf(c, i),
    )
    for call in calls:
        with reverts("UnknownCase", UNKNOWN):
            call(UNKNOWN, 0)
        for index in (1, 255):
            with reverts("UnknownRequirement", case, index):
                call(case, index)
    for view in (contract.status, contract.missing, contract.overdue):
        with reverts("UnknownCase", UNKNOWN):
            view(UNKNOWN, 0)
    with reverts("UnknownCase", UNKNOWN):
        contract.examine(UNKNOWN, 0, NOBODY)


# --------------------------------------------------------------------------------------------------- waivers


def test_a_requirement_is_waived(plant: Plant, contract: Contract) -> None:
    steps = [plant.step("1", waivable=True), plant.step("2", waivable=True)]
    case = plant.case(plant.register(steps, waivers=Role.MANUFACTURER))
    plant.submit(case, 1, plant.write())
    record = plant.write()
    receipt = contract.waive(case, 1, record, sender=plant.qa)
    told = {"caseId": case, "org": plant.maker.number, "index": 1, "caller": plant.qa, "record": record}
    assert happened(receipt) == [("RequirementWaived", told)]
    assert statuses(plant, case) == [Status.OPEN, Status.WAIVED]
    assert contract.decisionsOf(case) == (0, 0, 0b10, 2)
    assert contract.evidenceOf(case, 1) == record
    for again in (
        lambda: contract.waive(case, 1, record, sender=plant.qa),
        lambda: plant.submit(case, 1, record),
    ):
        with reverts("AlreadyMet", case, 1, Status.WAIVED):
            again()
    with reverts("NotSubmitted", case, 1, record, record):
        contract.reject(case, 1, record, REASON, sender=plant.qa)
    plant.amend(record)
    assert statuses(plant, case) == [Status.OPEN, Status.SUPERSEDED]
    plant.fulfil(case, 1)
    assert contract.decisionsOf(case)[:3] == (0, 0b10, 0)
    assert statuses(plant, case) == [Status.OPEN, Status.ACCEPTED]


def test_the_third_requirement_is_told_apart(plant: Plant, contract: Contract) -> None:
    """From the organisation with the number one, in every event."""
    due = plant.now
    steps = [plant.step(f"{i}", waivable=True, due=due) for i in range(3)]
    case = plant.case(plant.register(steps, waivers=Role.MANUFACTURER))
    record = plant.write()
    plant.node.warp(1)
    told = [contract.flagOverdue(case, 2, sender=plant.qa)]
    told.append(plant.submit(case, 2, record, sender=plant.qa))
    told.append(plant.accept(case, 2, record))
    told.append(contract.reject(case, 2, record, REASON, sender=plant.qa))
    told.append(contract.waive(case, 2, record, sender=plant.qa))
    for receipt in told:
        fields = happened(receipt)[0][1]
        assert (fields["org"], fields["index"]) == (plant.maker.number, 2)


def test_an_accepted_record_that_fell_is_waived(plant: Plant, contract: Contract) -> None:
    case = plant.case(plant.register([plant.step("1", waivable=True)], waivers=Role.MANUFACTURER))
    plant.amend(plant.fulfil(case, 0))
    contract.waive(case, 0, plant.write(), sender=plant.qa)
    assert contract.decisionsOf(case)[:3] == (0, 0, 1)
    with reverts("AlreadyMet", case, 0, Status.WAIVED):
        contract.waive(case, 0, plant.write(), sender=plant.qa)


def test_who_waives(plant: Plant, contract: Contract) -> None:
    world = plant.world
    steps = [plant.step("1", waivable=True), plant.step("2")]
    roles = {"reviewers": Role.REGULATOR | Role.INSURER, "waivers": Role.REGULATOR}
    programme = plant.register(steps, **roles)
    case = plant.case(programme, reviewer=world.regulator)
    record = plant.write()
    for org in (world.maker, world.insurer, world.carrier):
        with reverts("MayNotWaive", case, 0, org.number):
            contract.waive(case, 0, record, sender=org.quality)
    with reverts("MayNotWaive", case, 1, world.regulator.number):
        contract.waive(case, 1, record, sender=world.regulator.quality)
    with reverts("MissingDuty", world.regulator.record, Duty.RECORD, Duty.QUALITY):
        contract.waive(case, 0, record, sender=world.regulator.record)
    contract.waive(case, 0, record, sender=world.regulator.quality)
    strict = plant.case(plant.register(steps, reviewers=Role.REGULATOR), reviewer=world.regulator)
    for org in (world.maker, world.regulator):
        with reverts("MayNotWaive", strict, 0, org.number):
            contract.waive(strict, 0, record, sender=org.quality)
    elsewhere = plant.case(programme, period=1)
    with reverts("MayNotWaive", elsewhere, 0, world.regulator.number):
        contract.waive(elsewhere, 0, record, sender=world.regulator.quality)


def test_with_what_one_waives(plant: Plant, contract: Contract) -> None:
    case = plant.case(plant.register([plant.step("1", waivable=True)], waivers=Role.MANUFACTURER))
    other = plant.new_lot("B2")
    elsewhere = plant.write(other)
    with reverts("OtherSubject", elsewhere, plant.lot, other):
        contract.waive(case, 0, elsewhere, sender=plant.qa)
    with reverts("OtherSubject", UNKNOWN, plant.lot, ZERO):
        contract.waive(case, 0, UNKNOWN, sender=plant.qa)
    own = plant.write(sender=plant.qa)
    with reverts("OwnRecord", own, plant.qa):
        contract.waive(case, 0, own, sender=plant.qa)
    unsigned = plant.write(schema=plant.checked)
    with reverts("RecordIncomplete", unsigned):
        contract.waive(case, 0, unsigned, sender=plant.qa)
    plant.countersign(unsigned)
    contract.waive(case, 0, unsigned, sender=plant.qa)


# ------------------------------------------------------------------------------------------- time and alerts


def test_evidence_grows_old(plant: Plant, contract: Contract) -> None:
    """From the time that it tells of; to the last second of its validity it is good."""
    case = plant.case(plant.register([plant.step("1", validity=100), plant.step("2", validity=50)]))
    plant.fulfil(case, 0, age=40)
    end = plant.now + 60
    assert contract.examine(case, 0, NOBODY)[:2] == (True, 1)
    plant.fulfil(case, 1)
    assert contract.examine(case, 0, NOBODY) == (False, 0, Status.OPEN, end - 10)
    plant.node.timestamp = end
    assert statuses(plant, case) == [Status.ACCEPTED, Status.EXPIRED]
    plant.node.timestamp = end + 1
    assert statuses(plant, case) == [Status.EXPIRED, Status.EXPIRED]
    assert contract.missing(case, 0) == 0b11
    assert contract.examine(case, 0, NOBODY) == (True, 0, Status.EXPIRED, FOR_GOOD)
    plant.fulfil(case, 0)
    assert statuses(plant, case) == [Status.ACCEPTED, Status.EXPIRED]


def test_what_is_too_old_is_not_accepted(plant: Plant) -> None:
    case = plant.case(plant.register([plant.step("1", validity=100)]))
    old = plant.write(age=101)
    plant.submit(case, 0, old)
    with reverts("RecordExpired", old, plant.now - 1, plant.now):
        plant.accept(case, 0, old)
    last = plant.write(age=100)
    plant.submit(case, 0, last)
    plant.accept(case, 0, last)


def test_waivers_do_not_grow_old(plant: Plant, contract: Contract) -> None:
    step = plant.step("1", validity=100, waivable=True)
    case = plant.case(plant.register([step], waivers=Role.MANUFACTURER))
    contract.waive(case, 0, plant.write(age=1000), sender=plant.qa)
    plant.node.warp(1000)
    assert statuses(plant, case) == [Status.WAIVED]
    assert contract.examine(case, 0, NOBODY) == (False, 0, Status.OPEN, FOR_GOOD)


def test_due_dates(plant: Plant, contract: Contract) -> None:
    """A day, so long after the opening, or never."""
    day = plant.now + DAY
    steps = [plant.step("1", due=day), plant.step("2", due_after=DAY + 10), plant.step("3")]
    case = plant.case(plant.register([*steps, plant.step("4", due=day, mandatory=False)]))
    opened = plant.now
    assert [contract.dueOf(case, i) for i in range(5)] == [day, opened + DAY + 10, 0, day, 0]
    for time, late in ((day, 0), (day + 1, 0b1001), (opened + DAY + 10, 0b1001), (opened + DAY + 11, 0b1011)):
        plant.node.timestamp = time
        assert contract.overdue(case, 0) == late
    plant.fulfil(case, 0)
    assert contract.overdue(case, 0) == 0b1010


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_what_is_late_is_flagged_once(plant: Plant, contract: Contract, severity: int) -> None:
    due, stranger = plant.now + DAY, plant.world.stranger
    steps = [plant.step("0"), plant.step("1", due=due, severity=severity)]
    case = plant.case(plant.register(steps))
    plant.node.timestamp = due
    with reverts("NotOverdue", case, 1, due, due):
        contract.flagOverdue(case, 1, sender=stranger)
    plant.node.timestamp = due + 1
    with reverts("NotOverdue", case, 0, 0, due + 1):
        contract.flagOverdue(case, 0, sender=stranger)
    receipt = contract.flagOverdue(case, 1, sender=stranger)
    maker = plant.maker.number
    flag = {"caseId": case, "org": maker, "index": 1, "caller": stranger, "due": due}
    alert = {"subject": plant.lot, "code": OVERDUE, "org": maker, "severity": severity, "ref": case}
    assert happened(receipt) == [("OverdueFlagged", flag), ("Alert", alert)]
    assert contract.caseOf(case).flagged == 0b10
    with reverts("AlreadyFlagged", case, 1):
        contract.flagOverdue(case, 1, sender=stranger)
    record = plant.write()
    plant.submit(case, 1, record)
    with reverts("AlreadyFlagged", case, 1):
        contract.flagOverdue(case, 1, sender=stranger)
    plant.accept(case, 1, record)
    assert contract.caseOf(case).flagged == 0
    with reverts("NotOverdue", case, 1, due, due + 1):
        contract.flagOverdue(case, 1, sender=stranger)
    plant.amend(record)
    contract.flagOverdue(case, 1, sender=stranger)


def test_a_waiver_ends_the_flag_and_leaves_the_others(plant: Plant, contract: Contract) -> None:
    due = plant.now + 1
    steps = [plant.step(f"{i}", due=due, waivable=True) for i in range(3)]
    case = plant.case(plant.register(steps, waivers=Role.MANUFACTURER))
    plant.node.timestamp = due + 1
    for index in (0, 1):
        contract.flagOverdue(case, index, sender=plant.world.stranger)
    assert contract.caseOf(case).flagged == 0b011
    contract.waive(case, 0, plant.write(), sender=plant.qa)
    assert contract.caseOf(case).flagged == 0b010
    contract.waive(case, 2, plant.write(), sender=plant.qa)
    assert contract.caseOf(case).flagged == 0b010
    plant.fulfil(case, 1)
    assert contract.caseOf(case).flagged == 0


# ---------------------------------------------------------------------------------------- pages and signers


def test_views_go_by_pages(plant: Plant, contract: Contract) -> None:
    due = plant.now + DAY
    steps = [plant.step(f"{i}", [plant.form], due=due if i % 2 else 0) for i in range(64)]
    case = plant.case(plant.register(steps))
    plant.fulfil(case, 0, 31, 32, 63)
    plant.node.timestamp = due + 1
    met, odd, low = {0, 31, 32, 63}, set(range(1, 64, 2)), set(range(32))
    for start, page in ((0, low), (32, set(range(32, 64))), (20, set(range(20, 52))), (63, {63})):
        found = contract.status(case, start)
        assert found == [Status.ACCEPTED if i in met else Status.OPEN for i in sorted(page)]
        assert contract.missing(case, start) == sum(1 << i for i in page - met)
        assert contract.overdue(case, start) == sum(1 << i for i in (page & odd) - met)
    for start in (64, 65, 2**256 - 1):
        assert contract.status(case, start) == []
        assert contract.missing(case, start) == contract.overdue(case, start) == 0
        assert contract.examine(case, start, NOBODY) == (False, 0, Status.OPEN, FOR_GOOD)


def test_what_speaks_against_a_signature(plant: Plant, contract: Contract) -> None:
    """The first mandatory step that is open, or one that the signer wrote."""
    steps = [plant.step("0", mandatory=False), plant.step("1"), plant.step("2", waivable=True)]
    case = plant.case(plant.register(steps, waivers=Role.MANUFACTURER))
    open_, none = (True, 1, Status.OPEN), (False, 0, Status.OPEN)
    assert contract.examine(case, 0, NOBODY)[:3] == open_
    plant.fulfil(case, 0)
    assert contract.examine(case, 0, plant.operator)[:3] == (True, 0, Status.ACCEPTED)
    assert contract.examine(case, 0, plant.qa)[:3] == open_
    record = plant.write(sender=plant.second)
    plant.submit(case, 1, record)
    assert contract.examine(case, 0, plant.qa)[:3] == (True, 1, Status.SUBMITTED)
    plant.accept(case, 1, record)
    contract.waive(case, 2, plant.write(sender=plant.maker.record), sender=plant.qa)
    assert contract.examine(case, 0, NOBODY)[:3] == none
    assert contract.examine(case, 0, plant.qa)[:3] == none
    assert contract.examine(case, 0, plant.second)[:3] == (True, 1, Status.ACCEPTED)
    assert contract.examine(case, 0, plant.maker.record)[:3] == none
    assert contract.examine(case, 1, plant.operator)[:3] == none


def test_calls_can_be_bundled(plant: Plant, contract: Contract) -> None:
    case = plant.case(plant.register([plant.step("1"), plant.step("2")]))
    record = plant.write()
    calls = [contract.submit.encode(case, index, record) for index in (0, 1)]
    contract.multicall(calls, sender=plant.operator)
    calls = [contract.accept.encode(case, index, record) for index in (0, 1)]
    contract.multicall(calls, sender=plant.qa)
    assert contract.missing(case, 0) == 0


def test_contracts_act_in_their_own_name(plant: Plant, contract: Contract) -> None:
    """Whoever started the transaction."""
    machine = Forwarder.deploy(plant.node, plant.world.stranger)
    plant.world.hire(plant.maker, machine)
    due = plant.now
    steps = [plant.step(f"{i}", waivable=True, due=due) for i in range(2)]
    made = Definition(waivers=Role.MANUFACTURER, requirements=tuple(steps))
    told = [contract.register("n", 1, made, sender=machine)]
    programme = programme_id(plant.maker.number, "n", 1)
    told.append(contract.open(programme, plant.lot, 0, 0, sender=machine))
    case = case_id(programme, plant.lot, plant.maker.number, 0)
    record = plant.write()
    told.append(plant.submit(case, 0, record, sender=machine))
    told.append(plant.accept(case, 0, record, sender=machine))
    told.append(contract.reject(case, 0, record, REASON, sender=machine))
    told.append(contract.waive(case, 0, record, sender=machine))
    plant.node.warp(1)
    told.append(contract.flagOverdue(case, 1, sender=machine))
    for receipt in told:
        assert happened(receipt)[0][1]["caller"] == machine.address


def test_a_machines_own_record_is_its_own(plant: Plant, contract: Contract) -> None:
    machine = Forwarder.deploy(plant.node, plant.world.stranger)
    plant.world.hire(plant.maker, machine)
    steps = [plant.step("0", waivable=True), plant.step("1")]
    case = plant.case(plant.register(steps, waivers=Role.MANUFACTURER))
    record = plant.write(sender=machine)
    plant.submit(case, 1, record, sender=machine)
    with reverts("OwnRecord", record, machine.address):
        plant.accept(case, 1, record, sender=machine)
    with reverts("OwnRecord", record, machine.address):
        contract.reject(case, 1, record, REASON, sender=machine)
    with reverts("OwnRecord", record, machine.address):
        contract.waive(case, 0, record, sender=machine)


def test_a_suspended_organisation_says_nothing(plant: Plant, contract: Contract) -> None:
    case = plant.case(plant.register([plant.step("1")]))
    record = plant.write()
    plant.world.suspend(plant.maker)
    for call in (plant.submit, plant.accept):
        with reverts("OrganisationSuspended", plant.maker.number):
            call(case, 0, record)


def test_every_programme_of_the_package_can_be_registered(plant: Plant, contract: Contract) -> None:

    forms = {form for one in programmes().values() for form in one.forms}
    schemas = {form: plant.schema(form) for form in forms}
    for programme in programmes().values():
        args = programme.name, programme.version, programme.definition(schemas)
        contract.register(*args, sender=plant.qa)
        id_ = programme.id(plant.maker.number)
        assert contract.programmeOf(id_).count == len(programme.requirements)
        rows = [Requirement(*row) for row in programme.definition(schemas)[4]]
        assert contract.definitionHash(id_) == Definition.of((*args[2][:4], rows)).hash
        assert [contract.termsOf(id_, i) for i in range(len(rows))] == [row.terms for row in rows]
