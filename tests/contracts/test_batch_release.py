"""BatchRelease: what holds a batch back, what speaks against its release, and who may sign."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.batch_release import Cause, Decision, Master, State
from tests.models.compliance import FOR_GOOD, ZERO
from tests.support import Forwarder, Node, deploy, reverts
from tests.support.contract import Contract
from tests.support.plant import MASTER, NOBODY, Plant
from tests.support.signers import SecureElement, Wallet
from tests.support.words import Duty, EndOfLife, Kind, LotCause, Purpose, Role, UnitEnd
from tests.support.world import DAY, NO_EVENT, happened, uri

ONE = 10**6
REASON = keccak(text="why")
UNKNOWN = keccak(text="nothing has this id")


@pytest.fixture
def plant(node: Node) -> Plant:
    return Plant.create(node)


@pytest.fixture
def releases(plant: Plant) -> Contract:
    return plant.releases


def module(plant: Plant) -> int:
    """The organisation of the contract."""
    number: int = plant.world.consortium.accountOf(plant.releases.address).org
    return number


# --------------------------------------------------------------------------------------------------- opening


def test_what_the_contract_stands_on(plant: Plant, releases: Contract) -> None:
    world = plant.world
    assert releases.CONSORTIUM() == world.consortium.address
    assert releases.COMPLIANCE() == world.compliance.address
    assert releases.RECORDS() == world.records.address
    assert releases.LOTS() == world.lots.address
    assert releases.TWINS() == world.twins.address


def test_a_programme_becomes_a_master_record(plant: Plant, releases: Contract) -> None:
    programme = plant.register([plant.step("1")])
    receipt = releases.setMaster(programme, MASTER, sender=plant.qa)
    told = {"programme": programme, "org": plant.maker.number, "caller": plant.qa}
    assert happened(receipt) == [("MasterSet", told | MASTER._asdict())]
    assert releases.masterOf(programme) == MASTER
    with reverts("MasterAlreadySet", programme):
        releases.setMaster(programme, MASTER, sender=plant.qa)


def test_who_sets_a_master_record(plant: Plant, releases: Contract) -> None:
    programme, carrier = plant.register([plant.step("1")]), plant.world.carrier
    with reverts("NotProgrammeOwner", programme, carrier.number, plant.maker.number):
        releases.setMaster(programme, MASTER, sender=carrier.quality)
    with reverts("NotProgrammeOwner", UNKNOWN, plant.maker.number, 0):
        releases.setMaster(UNKNOWN, MASTER, sender=plant.qa)
    with reverts("MissingDuty", plant.operator, Duty.RECORD, Duty.QUALITY):
        releases.setMaster(programme, MASTER, sender=plant.operator)
    machine = Forwarder.deploy(plant.node, plant.qa)
    with reverts("UnknownAccount", machine.address):
        releases.setMaster(programme, MASTER, sender=machine)


def test_what_a_yield_is(plant: Plant, releases: Contract) -> None:
    programme = plant.register([plant.step("1")])
    for wrong in (Master(0, 1, 2), Master(1, 2, 1)):
        with reverts("WrongMaster", wrong.theoretical, wrong.lowest, wrong.highest):
            releases.setMaster(programme, wrong, sender=plant.qa)
    releases.setMaster(programme, Master(1, 7, 7), sender=plant.qa)


def test_a_lot_is_held_from_its_opening(plant: Plant, releases: Contract) -> None:
    """Nothing of it is shipped or dispensed; it can go to quarantine."""
    world, lots = plant.world, plant.world.lots
    programme = plant.register([plant.step("1")])
    releases.setMaster(programme, MASTER, sender=plant.qa)
    case = plant.case(programme)
    receipt = releases.openBatch(case, sender=plant.qa)
    told = {"caseId": case, "org": plant.maker.number, "subject": plant.lot, "caller": plant.qa}
    held = {"lot": plant.lot, "org": module(plant), "reason": case, "caller": releases.address}
    expected = [("BatchOpened", told | {"isLot": True}), ("LotHeld", held | {"ref": NO_EVENT})]
    assert happened(receipt) == expected
    assert releases.caseOf(plant.lot) == case
    facts = plant.lot, plant.maker.number, State.OPEN, True, 0, 0, 0, ZERO
    assert releases.batchOf(case) == facts
    assert lots.lotHeld(plant.lot, module(plant), case)
    assert not releases.isReleased(plant.lot)
    ref, until = world.ref("shipping", leaves=True), plant.now + DAY
    with reverts("Blocked", plant.lot, LotCause.HELD):
        to = world.distributor.number, ONE, Purpose.TRANSPORT, until
        lots.offerQuantity(plant.lot, *to, ref, sender=plant.maker.ship)
    with reverts("Blocked", plant.lot, LotCause.HELD):
        lots.endQuantity(plant.lot, ONE, UnitEnd.DISPENSED, ref, sender=plant.maker.register)
    quarantine = world.distributor.number, ONE, Purpose.QUARANTINE, until
    lots.offerQuantity(plant.lot, *quarantine, ref, sender=plant.maker.ship)
    for org in (world.regulator, plant.maker):
        with reverts("MayNotRelease", plant.lot, org.number, module(plant)):
            lots.releaseLot(plant.lot, module(plant), case, ref, sender=org.quality)


def test_a_container_is_held_from_its_opening(plant: Plant, releases: Contract) -> None:
    pallet = plant.container()
    programme = plant.register([plant.step("1")])
    releases.setMaster(programme, MASTER, sender=plant.qa)
    case = plant.case(programme, pallet)
    receipt = releases.openBatch(case, sender=plant.qa)
    told = {"caseId": case, "org": plant.maker.number, "subject": pallet, "caller": plant.qa}
    held = {"id": pallet, "org": module(plant), "reason": case, "caller": releases.address}
    assert happened(receipt) == [("BatchOpened", told | {"isLot": False}), ("Held", held | {"ref": NO_EVENT})]
    assert releases.batchOf(case)[:4] == (pallet, plant.maker.number, State.OPEN, False)
    assert plant.world.twins.held(pallet, module(plant), case)


def test_what_can_be_a_batch(plant: Plant, releases: Contract) -> None:
    world = plant.world
    programme = plant.register([plant.step("1")])
    part = world.register(uri("1"), Kind.PART)
    part_case = plant.case(programme, part)
    case = plant.case(programme)
    with reverts("NoMaster", programme):
        releases.openBatch(case, sender=plant.qa)
    releases.setMaster(programme, MASTER, sender=plant.qa)
    with reverts("NotABatch", part):
        releases.openBatch(part_case, sender=plant.qa)
    with reverts("NotCaseOwner", case, world.carrier.number, plant.maker.number):
        releases.openBatch(case, sender=world.carrier.quality)
    with reverts("NotCaseOwner", UNKNOWN, plant.maker.number, 0):
        releases.openBatch(UNKNOWN, sender=plant.qa)
    with reverts("MissingDuty", plant.operator, Duty.RECORD, Duty.QUALITY):
        releases.openBatch(case, sender=plant.operator)
    releases.openBatch(case, sender=plant.qa)
    again = plant.case(programme, period=2)
    for other in (case, again):
        with reverts("AlreadyABatch", plant.lot, case):
            releases.openBatch(other, sender=plant.qa)


def test_nobody_holds_a_container_that_it_sold(plant: Plant, releases: Contract) -> None:
    pallet, world = plant.container(), plant.world
    programme = plant.register([plant.step("1")])
    releases.setMaster(programme, MASTER, sender=plant.qa)
    case = plant.case(programme, pallet)
    world.give_title(pallet, plant.maker, world.retailer)
    with reverts("NotABatch", pallet):
        releases.openBatch(case, sender=plant.qa)
    theirs = plant.case(programme, pallet, org=world.retailer)
    releases.openBatch(theirs, sender=world.retailer.quality)
    assert releases.batchOf(theirs).org == world.retailer.number


# --------------------------------------------------------------------------------------------------- release


def test_a_complete_batch_is_released(plant: Plant, releases: Contract) -> None:
    world = plant.world
    case = plant.batch()
    plant.ready(case)
    decision = plant.decision(case, record=REASON)
    assert releases.obstacle(case, plant.qa) == (Cause.NONE, 0)
    receipt = releases.decide(decision, sender=plant.qa)
    told = {"caseId": case, "org": plant.maker.number, "subject": plant.lot, "signer": plant.qa}
    told |= {"caller": plant.qa, "record": REASON, "seen": 2}
    told |= {"signerName": decision.signer_name, "digest": ZERO}
    lifted = {"lot": plant.lot, "org": module(plant), "reason": case, "holder": module(plant)}
    lifted |= {"caller": releases.address, "ref": NO_EVENT}
    assert happened(receipt) == [("BatchReleased", told), ("LotReleased", lifted)]
    assert releases.batchOf(case).state == State.RELEASED
    assert world.lots.clear(plant.lot) == (True, 0)
    assert releases.isReleased(plant.lot)
    args = world.distributor.number, ONE, Purpose.TRANSPORT, plant.now + DAY, world.ref(leaves=True)
    world.lots.offerQuantity(plant.lot, *args, sender=plant.maker.ship)


def test_a_container_is_released(plant: Plant, releases: Contract) -> None:
    pallet = plant.container()
    case = plant.batch(subject=pallet)
    plant.ready(case)
    receipt = plant.release(case)
    [(_, told), (name, lifted)] = happened(receipt)
    assert told["subject"] == pallet
    assert (name, lifted["id"], lifted["reason"]) == ("Released", pallet, case)
    assert plant.world.twins.clear(pallet) == (True, 0)
    assert releases.isReleased(pallet)


def obstructs(plant: Plant, case: bytes, cause: Cause, detail: int, signer: str | None = None) -> None:
    """The view says so, and a release is refused for that."""
    signer = signer or plant.qa
    assert plant.releases.obstacle(case, signer) == (cause, detail)
    with reverts("NotReleasable", case, cause, detail):
        plant.release(case, sender=signer)


def test_first_things_first(plant: Plant, releases: Contract) -> None:
    """Each thing that is missing is named until there is nothing."""
    case = plant.batch(3)
    deviation = plant.write()
    releases.openDeviation(case, deviation, sender=plant.operator)
    plant.world.lots.holdLot(plant.lot, REASON, NO_EVENT, sender=plant.maker.quality)
    for index in range(3):
        obstructs(plant, case, Cause.STEP, index)
        plant.fulfil(case, index)
    obstructs(plant, case, Cause.DEVIATION, 1)
    releases.closeDeviation(case, 1, plant.write(), sender=plant.qa)
    obstructs(plant, case, Cause.NO_YIELD, 0)
    plant.report_yield(case)
    obstructs(plant, case, Cause.HELD, 1)
    holder = plant.maker.number
    plant.world.lots.releaseLot(plant.lot, holder, REASON, NO_EVENT, sender=plant.maker.quality)
    plant.release(case)
    assert releases.obstacle(case, plant.qa) == (Cause.NOT_OPEN, State.RELEASED)
    assert releases.obstacle(UNKNOWN, plant.qa) == (Cause.NOT_OPEN, State.NONE)


def test_a_correction_after_acceptance_stops_the_release(plant: Plant) -> None:
    case = plant.batch()
    record = plant.fulfil(case, 0, 1)
    plant.report_yield(case)
    new = plant.amend(record)
    obstructs(plant, case, Cause.STEP, 0)
    for index in (0, 1):
        plant.submit(case, index, new)
        plant.accept(case, index, new)
    plant.release(case)


def test_who_wrote_a_step_does_not_release(plant: Plant) -> None:
    case = plant.batch()
    plant.fulfil(case, 0)
    record = plant.write(sender=plant.qa)
    plant.submit(case, 1, record, sender=plant.qa)
    plant.accept(case, 1, record, sender=plant.maker.quality)
    plant.report_yield(case)
    obstructs(plant, case, Cause.OWN_STEP, 1)
    assert plant.releases.obstacle(case, NOBODY) == (Cause.NONE, 0)
    plant.release(case, sender=plant.maker.quality)


def test_who_wrote_the_yield_does_not_release(plant: Plant, releases: Contract) -> None:
    case = plant.batch()
    plant.fulfil(case, 0, 1)
    record = plant.write(sender=plant.qa)
    releases.reportYield(case, 97_340 * ONE, record, sender=plant.qa)
    obstructs(plant, case, Cause.OWN_YIELD, 0)
    assert releases.obstacle(case, NOBODY) == (Cause.NONE, 0)
    plant.release(case, sender=plant.maker.quality)


def test_a_yield_that_was_corrected_is_reported_anew(plant: Plant, releases: Contract) -> None:
    case = plant.batch()
    plant.fulfil(case, 0, 1)
    old = plant.report_yield(case)
    new = plant.amend(old)
    obstructs(plant, case, Cause.YIELD_RECORD, 0)
    with reverts("RecordIncomplete", old):
        releases.reportYield(case, 1, old, sender=plant.operator)
    releases.reportYield(case, 97_000 * ONE, new, sender=plant.operator)
    assert releases.batchOf(case).actual == 97_000 * ONE
    plant.release(case)


def test_a_recall_an_expiry_and_a_hold(plant: Plant) -> None:
    case = plant.batch()
    plant.ready(case)
    world, lots = plant.world, plant.world.lots
    recaller = Forwarder.deploy(plant.node, world.governor)
    world.empower(recaller, Role.MODULE, Duty.RECALL)
    lots.markRecalled([plant.lot], 1, sender=recaller)
    lots.markRecalled([plant.lot], 2, sender=recaller)
    obstructs(plant, case, Cause.RECALLED, 2)
    for org in (plant.maker, world.regulator):
        lots.holdLot(plant.lot, REASON, NO_EVENT, sender=org.quality)
    obstructs(plant, case, Cause.HELD, 2)
    for org in (plant.maker, world.regulator):
        lots.releaseLot(plant.lot, org.number, REASON, NO_EVENT, sender=org.quality)
    for recall in (1, 2):
        lots.unmarkRecalled([plant.lot], recall, sender=recaller)
    expiry = lots.lotOf(plant.lot).expiry
    plant.node.timestamp = expiry
    plant.releases.decide.call(plant.decision(case), sender=plant.qa)
    plant.node.timestamp = expiry + 1
    obstructs(plant, case, Cause.EXPIRED, expiry)


def test_a_lot_without_expiry_is_released(plant: Plant) -> None:
    case = plant.batch(subject=plant.new_lot("B2", expiry=0))
    plant.ready(case)
    plant.node.warp(1000 * DAY)
    plant.release(case)


def test_a_container_that_is_held_or_gone(plant: Plant) -> None:
    world, pallet = plant.world, plant.container()
    inside = world.register(uri("1"), Kind.PART)
    world.pack(pallet, [inside])
    case = plant.batch(subject=pallet)
    plant.ready(case)
    world.hold(pallet, REASON)
    world.hold(inside, REASON)
    obstructs(plant, case, Cause.HELD, 2)
    world.release(pallet, REASON, plant.maker)
    obstructs(plant, case, Cause.HELD, 1)
    world.release(inside, REASON, plant.maker)
    assert plant.releases.obstacle(case, plant.qa) == (Cause.NONE, 0)


def test_a_destroyed_container_is_not_released(plant: Plant, releases: Contract) -> None:
    pallet = plant.container()
    case = plant.batch(subject=pallet)
    plant.ready(case)
    plant.world.retire(pallet, EndOfLife.DESTROYED)
    obstructs(plant, case, Cause.ENDED, EndOfLife.DESTROYED)
    releases.decide(plant.decision(case, release=False), sender=plant.qa)
    assert not releases.isReleased(pallet)


def test_a_release_needs_the_newest_record(plant: Plant, releases: Contract) -> None:
    case = plant.batch()
    plant.ready(case)
    decision = plant.decision(case)
    plant.write()
    for kind in (decision, decision._replace(release=False, record=REASON)):
        with reverts("RecordsMoved", case, 2, 3):
            releases.decide(kind, sender=plant.qa)
    with reverts("RecordsMoved", case, 4, 3):
        releases.decide(decision._replace(seen=4), sender=plant.qa)
    plant.write(plant.new_lot("B2"))
    plant.release(case)


def test_a_decision_has_a_deadline(plant: Plant, releases: Contract) -> None:
    case = plant.batch()
    plant.ready(case)
    end = plant.now + 100
    decision = plant.decision(case, deadline=end)
    plant.node.timestamp = end
    releases.decide.call(decision, sender=plant.qa)
    plant.node.timestamp = end + 1
    with reverts("DeadlinePassed", case, end, end + 1):
        releases.decide(decision, sender=plant.qa)


def test_who_decides(plant: Plant, releases: Contract) -> None:
    case, world = plant.batch(), plant.world
    plant.ready(case)
    for release in (True, False):
        decision = plant.decision(case, release=release)
        with reverts("NotCaseOwner", case, world.regulator.number, plant.maker.number):
            releases.decide(decision, sender=world.regulator.quality)
        with reverts("MissingDuty", plant.second, Duty.RECORD, Duty.QUALITY):
            releases.decide(decision, sender=plant.second)
        with reverts("UnknownAccount", world.stranger):
            releases.decide(decision, sender=world.stranger)
        machine = Forwarder.deploy(plant.node, plant.qa)
        with reverts("UnknownAccount", machine.address):
            releases.decide(decision, sender=machine)
    world.hire(plant.maker, machine, Duty.QUALITY)
    [(_, told), _] = happened(plant.release(case, sender=machine))
    assert (told["signer"], told["caller"]) == (machine.address, machine.address)


def test_a_rejected_batch_stays_held(plant: Plant, releases: Contract) -> None:
    """Whatever is open; a reason is all it needs."""
    case = plant.batch()
    with reverts("NoReason", case):
        releases.decide(plant.decision(case, release=False, record=ZERO), sender=plant.qa)
    decision = plant.decision(case, release=False)
    receipt = releases.decide(decision, sender=plant.qa)
    told = {"caseId": case, "org": plant.maker.number, "subject": plant.lot, "signer": plant.qa}
    told |= {"caller": plant.qa, "record": decision.record, "seen": 0}
    told |= {"signerName": decision.signer_name, "digest": ZERO}
    assert happened(receipt) == [("BatchRejected", told)]
    assert releases.batchOf(case).state == State.REJECTED
    assert plant.world.lots.lotHeld(plant.lot, module(plant), case)
    assert not releases.isReleased(plant.lot)
    for again in (True, False):
        with reverts("WrongState", case, State.REJECTED):
            releases.decide(plant.decision(case, release=again), sender=plant.qa)


def test_a_batch_is_decided_once(plant: Plant, releases: Contract) -> None:
    case = plant.batch()
    plant.ready(case)
    plant.release(case)
    record = plant.write()
    calls = (
        lambda: plant.release(case),
        lambda: releases.decide(plant.decision(case, release=False), sender=plant.qa),
        lambda: releases.openDeviation(case, record, sender=plant.operator),
        lambda: releases.closeDeviation(case, 1, record, sender=plant.qa),
        lambda: releases.reopenDeviation(case, 1, sender=plant.qa),
        lambda: releases.reportYield(case, 1, record, sender=plant.operator),
        lambda: releases.examineFirst(case, plant.qa, sender=plant.qa),
    )
    for call in calls:
        with reverts("WrongState", case, State.RELEASED):
            call()


# ------------------------------------------------------------------------------------------ signed decisions


@pytest.fixture
def passkey(plant: Plant) -> SecureElement:
    """Of quality."""
    key = SecureElement(deploy(plant.node, "ERC7913P256Verifier"), 0xC0FFEE)
    plant.world.hire(plant.maker, key.name, Duty.QUALITY)
    return key


def digest(plant: Plant, decision: Decision) -> bytes:
    return decision.digest(plant.releases.address, plant.node.chain_id)


def test_quality_signs_with_a_passkey(plant: Plant, releases: Contract, passkey: SecureElement) -> None:
    case, gateway = plant.batch(), plant.world.stranger
    plant.ready(case)
    decision = plant.decision(case)
    expected = digest(plant, decision)
    assert releases.digestOf(decision) == expected
    signed = decision, passkey.name, passkey.sign(expected)
    [(name, told), _] = happened(releases.decideSigned(*signed, sender=gateway))
    account = f"0x{keccak(passkey.name)[12:].hex()}"
    assert (name, told["signer"].lower(), told["caller"]) == ("BatchReleased", account, gateway)
    assert (told["digest"], told["org"]) == (expected, plant.maker.number)
    with reverts("WrongState", case, State.RELEASED):
        releases.decideSigned(*signed, sender=gateway)


def test_quality_rejects_with_a_wallet(plant: Plant, releases: Contract) -> None:
    case, wallet = plant.batch(), Wallet(plant.qa)
    decision = plant.decision(case, release=False)
    signed = decision, wallet.name, wallet.sign(digest(plant, decision))
    [(name, told)] = happened(releases.decideSigned(*signed, sender=plant.world.stranger))
    assert (name, told["signer"], told["caller"]) == ("BatchRejected", plant.qa, plant.world.stranger)


@pytest.mark.parametrize(
    "changes",
    [
        {"case_id": UNKNOWN},
        {"release": False},
        {"record": REASON},
        {"seen": 1},
        {"signer_name": ZERO},
        {"deadline": FOR_GOOD},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_nothing_else_than_what_was_signed(
    plant: Plant, releases: Contract, passkey: SecureElement, changes: dict[str, Any]
) -> None:
    case = plant.batch()
    plant.ready(case)
    decision = plant.decision(case)
    signature = passkey.sign(digest(plant, decision))
    other = decision._replace(**changes)
    with reverts("InvalidDecision", digest(plant, other), passkey.name):
        releases.decideSigned(other, passkey.name, signature, sender=plant.world.stranger)
    with reverts("InvalidDecision", digest(plant, decision), bytes(19)):
        releases.decideSigned(decision, bytes(19), signature, sender=plant.world.stranger)


def test_the_signer_decides_and_not_who_brings_it(plant: Plant, releases: Contract) -> None:
    case, wallet = plant.batch(), Wallet(plant.operator)
    plant.ready(case)
    decision = plant.decision(case)
    signed = decision, wallet.name, wallet.sign(digest(plant, decision))
    with reverts("MissingDuty", plant.operator, Duty.RECORD, Duty.QUALITY):
        releases.decideSigned(*signed, sender=plant.qa)


def test_a_passkey_that_wrote_a_step_does_not_release(
    plant: Plant, releases: Contract, passkey: SecureElement
) -> None:
    """The author is the account of the signer."""
    case, wallet = plant.batch(), Wallet(plant.qa)
    record = plant.write(sender=plant.qa)
    for index in (0, 1):
        plant.submit(case, index, record, sender=plant.qa)
        plant.accept(case, index, record, sender=plant.maker.quality)
    plant.report_yield(case)
    decision = plant.decision(case)
    signed = decision, wallet.name, wallet.sign(digest(plant, decision))
    with reverts("NotReleasable", case, Cause.OWN_STEP, 0):
        releases.decideSigned(*signed, sender=plant.world.stranger)
    signed = decision, passkey.name, passkey.sign(digest(plant, decision))
    releases.decideSigned(*signed, sender=plant.world.stranger)


# ------------------------------------------------------------------------------------------------ deviations


def test_a_deviation_is_opened_closed_and_opened_again(plant: Plant, releases: Contract) -> None:
    case = plant.batch()
    plant.ready(case)
    about, investigation = plant.write(), plant.write()
    assert releases.openDeviation.call(case, about, sender=plant.operator) == 1
    receipt = releases.openDeviation(case, about, sender=plant.operator)
    told = {"caseId": case, "org": plant.maker.number, "number": 1}
    expected = told | {"caller": plant.operator, "record": about}
    assert happened(receipt) == [("DeviationOpened", expected)]
    assert releases.deviationOf(case, 1) == (about, ZERO)
    assert releases.batchOf(case)[4:6] == (1, 1)
    obstructs(plant, case, Cause.DEVIATION, 1)
    receipt = releases.closeDeviation(case, 1, investigation, sender=plant.qa)
    expected = told | {"caller": plant.qa, "investigation": investigation}
    assert happened(receipt) == [("DeviationClosed", expected)]
    assert releases.deviationOf(case, 1) == (about, investigation)
    assert releases.batchOf(case)[4:6] == (1, 0)
    stranger = plant.world.stranger
    with reverts("InvestigationHolds", case, 1, investigation):
        releases.reopenDeviation(case, 1, sender=stranger)
    new = plant.amend(investigation)
    receipt = releases.reopenDeviation(case, 1, sender=stranger)
    expected = told | {"caller": stranger, "investigation": investigation}
    assert happened(receipt) == [("DeviationReopened", expected)]
    assert releases.deviationOf(case, 1) == (about, ZERO)
    obstructs(plant, case, Cause.DEVIATION, 1)
    with reverts("NoSuchDeviation", case, 1):
        releases.reopenDeviation(case, 1, sender=stranger)
    releases.closeDeviation(case, 1, new, sender=plant.qa)
    assert releases.openDeviation.call(case, about, sender=plant.operator) == 2
    plant.release(case)


def test_deviations_are_told_apart(plant: Plant, releases: Contract) -> None:
    """The third one of an organisation with the number one."""
    case = plant.batch()
    records = [plant.write() for _ in range(3)]
    for record in records:
        releases.openDeviation(case, record, sender=plant.operator)
    told = {"caseId": case, "org": plant.maker.number, "number": 3, "caller": plant.qa}
    receipt = releases.closeDeviation(case, 3, records[0], sender=plant.qa)
    assert happened(receipt) == [("DeviationClosed", told | {"investigation": records[0]})]
    assert releases.batchOf(case)[4:6] == (3, 2)
    assert [releases.deviationOf(case, n) for n in (1, 2, 3)] == [
        (records[0], ZERO),
        (records[1], ZERO),
        (records[2], records[0]),
    ]
    obstructed = releases.obstacle(case, plant.qa)
    assert obstructed == (Cause.STEP, 0)
    plant.fulfil(case, 0, 1)
    obstructs(plant, case, Cause.DEVIATION, 2)
    plant.amend(records[0])
    receipt = releases.reopenDeviation(case, 3, sender=plant.qa)
    assert happened(receipt) == [("DeviationReopened", told | {"investigation": records[0]})]
    assert releases.batchOf(case)[4:6] == (3, 3)


def test_which_deviation(plant: Plant, releases: Contract) -> None:
    case = plant.batch()
    record = plant.write()
    releases.openDeviation(case, record, sender=plant.operator)
    for number in (0, 2, 2**32 - 1):
        with reverts("NoSuchDeviation", case, number):
            releases.closeDeviation(case, number, record, sender=plant.qa)
        with reverts("NoSuchDeviation", case, number):
            releases.reopenDeviation(case, number, sender=plant.qa)
    releases.closeDeviation(case, 1, record, sender=plant.qa)
    with reverts("NoSuchDeviation", case, 1):
        releases.closeDeviation(case, 1, record, sender=plant.qa)


def test_who_deals_with_deviations(plant: Plant, releases: Contract) -> None:
    case, carrier = plant.batch(), plant.world.carrier
    record = plant.write()
    with reverts("NotCaseOwner", case, carrier.number, plant.maker.number):
        releases.openDeviation(case, record, sender=carrier.record)
    with reverts("MissingDuty", plant.maker.quality, Duty.QUALITY, Duty.RECORD):
        releases.openDeviation(case, record, sender=plant.maker.quality)
    machine = Forwarder.deploy(plant.node, plant.operator)
    with reverts("UnknownAccount", machine.address):
        releases.openDeviation(case, record, sender=machine)
    releases.openDeviation(case, record, sender=plant.operator)
    with reverts("NotCaseOwner", case, carrier.number, plant.maker.number):
        releases.closeDeviation(case, 1, record, sender=carrier.quality)
    with reverts("MissingDuty", plant.operator, Duty.RECORD, Duty.QUALITY):
        releases.closeDeviation(case, 1, record, sender=plant.operator)
    machine = Forwarder.deploy(plant.node, plant.qa)
    with reverts("UnknownAccount", machine.address):
        releases.closeDeviation(case, 1, record, sender=machine)
    with reverts("WrongState", UNKNOWN, State.NONE):
        releases.openDeviation(UNKNOWN, record, sender=plant.operator)


def test_upon_what_a_deviation_is_closed(plant: Plant, releases: Contract) -> None:
    case = plant.batch()
    other = plant.new_lot("B2")
    elsewhere, own = plant.write(other), plant.write(sender=plant.qa)
    with reverts("OtherSubject", elsewhere, plant.lot, other):
        releases.openDeviation(case, elsewhere, sender=plant.operator)
    with reverts("OtherSubject", UNKNOWN, plant.lot, ZERO):
        releases.openDeviation(case, UNKNOWN, sender=plant.operator)
    unsigned = plant.write(schema=plant.checked)
    releases.openDeviation(case, unsigned, sender=plant.operator)
    with reverts("OtherSubject", elsewhere, plant.lot, other):
        releases.closeDeviation(case, 1, elsewhere, sender=plant.qa)
    with reverts("RecordIncomplete", unsigned):
        releases.closeDeviation(case, 1, unsigned, sender=plant.qa)
    with reverts("OwnRecord", own, plant.qa):
        releases.closeDeviation(case, 1, own, sender=plant.qa)
    releases.closeDeviation(case, 1, own, sender=plant.maker.quality)


# ---------------------------------------------------------------------------------------------------- yields


def test_a_yield_is_reported(plant: Plant, releases: Contract) -> None:
    """97,340 of 100,000: 9734 hundredths of a percent."""
    case, record = plant.batch(), plant.write()
    receipt = releases.reportYield(case, 97_340 * ONE, record, sender=plant.operator)
    told = {"caseId": case, "org": plant.maker.number, "record": record, "caller": plant.operator}
    told |= {"actual": 97_340 * ONE, "theoretical": 100_000 * ONE, "yield": 973_400, "outside": False}
    assert happened(receipt) == [("YieldReported", told)]
    assert releases.batchOf(case)[4:] == (0, 0, 97_340 * ONE, record)
    with reverts("YieldAlreadyReported", case, record):
        releases.reportYield(case, 97_340 * ONE, record, sender=plant.operator)


@pytest.mark.parametrize(
    ("actual", "share", "outside"),
    [
        (2_849_999, 949_999, True),
        (2_850_000, 950_000, False),
        (3_060_000, 1_020_000, False),
        (3_060_001, 1_020_000, True),
        (0, 0, True),
        (2**96 - 1, (2**96 - 1) * ONE // (3 * ONE), True),
    ],
)
def test_a_yield_beyond_the_limits_is_a_deviation(
    plant: Plant, releases: Contract, actual: int, share: int, outside: bool
) -> None:
    """The share is rounded, the comparison is not."""
    case = plant.batch(master=Master(3 * ONE, 950_000, 1_020_000))
    record = plant.write()
    told = happened(releases.reportYield(case, actual, record, sender=plant.operator))
    assert (told[0][1]["yield"], told[0][1]["outside"]) == (share, outside)
    deviation = {"caseId": case, "org": plant.maker.number, "number": 1, "caller": plant.operator}
    expected = [("DeviationOpened", deviation | {"record": record})] if outside else []
    assert told[1:] == expected
    assert releases.batchOf(case).openDeviations == outside


def test_of_two_yields_outside_each_is_a_deviation(plant: Plant, releases: Contract) -> None:
    case = plant.batch()
    plant.fulfil(case, 0, 1)
    first = plant.report_yield(case, 1)
    second = plant.report_yield(case, 2)
    assert [releases.deviationOf(case, n).record for n in (1, 2)] == [first, second]
    plant.report_yield(case)
    obstructs(plant, case, Cause.DEVIATION, 2)


def test_who_reports_a_yield(plant: Plant, releases: Contract) -> None:
    case, carrier = plant.batch(), plant.world.carrier
    record, other = plant.write(), plant.new_lot("B2")
    elsewhere, unsigned = plant.write(other), plant.write(schema=plant.checked)
    with reverts("NotCaseOwner", case, carrier.number, plant.maker.number):
        releases.reportYield(case, 1, record, sender=carrier.record)
    with reverts("MissingDuty", plant.maker.quality, Duty.QUALITY, Duty.RECORD):
        releases.reportYield(case, 1, record, sender=plant.maker.quality)
    with reverts("OtherSubject", elsewhere, plant.lot, other):
        releases.reportYield(case, 1, elsewhere, sender=plant.operator)
    with reverts("RecordIncomplete", unsigned):
        releases.reportYield(case, 1, unsigned, sender=plant.operator)
    machine = Forwarder.deploy(plant.node, plant.operator)
    with reverts("UnknownAccount", machine.address):
        releases.reportYield(case, 1, record, sender=machine)


# ----------------------------------------------------------------------------------------------- withdrawals


@pytest.mark.parametrize("by", ["maker", "regulator"])
def test_a_release_is_withdrawn_once(plant: Plant, releases: Contract, by: str) -> None:
    case, org = plant.batch(), getattr(plant.world, by)
    plant.ready(case)
    with reverts("WrongState", case, State.OPEN):
        releases.withdraw(case, REASON, sender=org.quality)
    plant.release(case)
    with reverts("NoReason", case):
        releases.withdraw(case, ZERO, sender=org.quality)
    receipt = releases.withdraw(case, REASON, sender=org.quality)
    told = {"caseId": case, "org": org.number, "subject": plant.lot, "caller": org.quality}
    held = {"lot": plant.lot, "org": module(plant), "reason": case, "caller": releases.address}
    expected = [("ReleaseWithdrawn", told | {"record": REASON}), ("LotHeld", held | {"ref": NO_EVENT})]
    assert happened(receipt) == expected
    assert releases.batchOf(case).state == State.WITHDRAWN
    assert not releases.isReleased(plant.lot)
    with reverts("WrongState", case, State.WITHDRAWN):
        releases.withdraw(case, REASON, sender=org.quality)
    with reverts("WrongState", case, State.WITHDRAWN):
        plant.release(case)


def test_who_withdraws(plant: Plant, releases: Contract) -> None:
    case, world = plant.batch(), plant.world
    plant.ready(case)
    plant.release(case)
    with reverts("MayNotWithdraw", case, world.carrier.number):
        releases.withdraw(case, REASON, sender=world.carrier.quality)
    with reverts("MissingDuty", plant.operator, Duty.RECORD, Duty.QUALITY):
        releases.withdraw(case, REASON, sender=plant.operator)
    machine = Forwarder.deploy(plant.node, plant.qa)
    with reverts("UnknownAccount", machine.address):
        releases.withdraw(case, REASON, sender=machine)
    with reverts("WrongState", UNKNOWN, State.NONE):
        releases.withdraw(UNKNOWN, REASON, sender=plant.qa)


@pytest.mark.parametrize("ended", [False, True])
def test_a_container_is_held_again_unless_it_has_ended(plant: Plant, releases: Contract, ended: bool) -> None:
    pallet = plant.container()
    case = plant.batch(subject=pallet)
    plant.ready(case)
    plant.release(case)
    if ended:
        plant.world.retire(pallet, EndOfLife.DECOMMISSIONED)
        assert not releases.isReleased(pallet)
    names = [name for name, _ in happened(releases.withdraw(case, REASON, sender=plant.qa))]
    assert names == (["ReleaseWithdrawn"] if ended else ["ReleaseWithdrawn", "Held"])
    assert plant.world.twins.held(pallet, module(plant), case) != ended


def test_what_is_recalled_counts_as_not_released(plant: Plant, releases: Contract) -> None:
    """And what is held, or has expired."""
    case, world = plant.batch(), plant.world
    plant.ready(case)
    plant.release(case)
    recaller = Forwarder.deploy(plant.node, world.governor)
    world.empower(recaller, Role.MODULE, Duty.RECALL)
    world.lots.markRecalled([plant.lot], 1, sender=recaller)
    assert not releases.isReleased(plant.lot)
    world.lots.unmarkRecalled([plant.lot], 1, sender=recaller)
    assert releases.isReleased(plant.lot)
    world.lots.holdLot(plant.lot, REASON, NO_EVENT, sender=plant.maker.quality)
    assert not releases.isReleased(plant.lot)
    world.lots.releaseLot(plant.lot, plant.maker.number, REASON, NO_EVENT, sender=plant.maker.quality)
    plant.node.timestamp = world.lots.lotOf(plant.lot).expiry
    assert releases.isReleased(plant.lot)
    plant.node.warp(1)
    assert not releases.isReleased(plant.lot)
    assert not releases.isReleased(UNKNOWN)


def test_contracts_act_in_their_own_name(plant: Plant, releases: Contract) -> None:
    """Whoever started the transaction."""
    machine = Forwarder.deploy(plant.node, plant.world.stranger)
    plant.world.hire(plant.maker, machine)
    programme = plant.register([plant.step("1")])
    case = plant.case(programme)
    about, inquiry, measured = (plant.write() for _ in range(3))
    plant.fulfil(case, 0)
    told = [releases.setMaster(programme, MASTER, sender=machine)]
    told.append(releases.openBatch(case, sender=machine))
    told.append(releases.openDeviation(case, about, sender=machine))
    told.append(releases.closeDeviation(case, 1, inquiry, sender=machine))
    new = plant.amend(inquiry)
    told.append(releases.reopenDeviation(case, 1, sender=machine))
    told.append(releases.closeDeviation(case, 1, new, sender=machine))
    told.append(releases.reportYield(case, 1, measured, sender=machine))
    told.append(releases.closeDeviation(case, 2, new, sender=machine))
    told.append(releases.decide(plant.decision(case), sender=machine))
    told.append(releases.withdraw(case, REASON, sender=machine))
    for receipt in told:
        found = [args for name, args in happened(receipt) if name not in ("LotHeld", "LotReleased")]
        for fields in found:
            assert fields["caller"] == machine.address
            assert fields.get("signer", machine.address) == machine.address


def test_a_machine_brings_what_a_person_signed(plant: Plant, releases: Contract) -> None:
    case, wallet = plant.batch(), Wallet(plant.qa)
    machine = Forwarder.deploy(plant.node, plant.world.stranger)
    decision = plant.decision(case, release=False)
    signed = decision, wallet.name, wallet.sign(digest(plant, decision))
    [(_, told)] = happened(releases.decideSigned(*signed, sender=machine))
    assert (told["signer"], told["caller"]) == (plant.qa, machine.address)


def test_a_machine_does_not_close_upon_its_own_record(plant: Plant, releases: Contract) -> None:
    machine = Forwarder.deploy(plant.node, plant.world.stranger)
    plant.world.hire(plant.maker, machine)
    case, own = plant.batch(), plant.write(sender=machine)
    releases.openDeviation(case, own, sender=plant.operator)
    with reverts("OwnRecord", own, machine.address):
        releases.closeDeviation(case, 1, own, sender=machine)


# ----------------------------------------------------------------------------------- more than one page


def test_the_first_page_is_examined_before(plant: Plant, releases: Contract) -> None:
    case = plant.batch(33)
    plant.fulfil(case, *range(32))
    plant.report_yield(case)
    obstructs(plant, case, Cause.NOT_EXAMINED, 0)
    machine = Forwarder.deploy(plant.node, plant.world.stranger)
    receipt = releases.examineFirst(case, plant.qa, sender=machine)
    edition = plant.contract.decisionsOf(case).edition
    told = {"caseId": case, "signer": plant.qa, "caller": machine.address}
    told |= {"seen": 2, "edition": edition, "until": FOR_GOOD}
    assert happened(receipt) == [("StepsExamined", told)]
    assert releases.examination(case, plant.qa) == (2, edition, FOR_GOOD)
    obstructs(plant, case, Cause.STEP, 32)
    obstructs(plant, case, Cause.NOT_EXAMINED, 0, plant.maker.quality)
    plant.fulfil(case, 32)
    obstructs(plant, case, Cause.NOT_EXAMINED, 0)
    releases.examineFirst(case, plant.qa, sender=plant.world.stranger)
    plant.release(case)


def test_what_makes_an_examination_void(plant: Plant, releases: Contract) -> None:
    """A new record, a decision about a step, and time."""
    steps = [plant.step(f"{i}", [plant.form], validity=0 if i else 1000) for i in range(33)]
    programme = plant.register(steps)
    releases.setMaster(programme, MASTER, sender=plant.qa)
    case = plant.case(programme)
    releases.openBatch(case, sender=plant.qa)
    record = plant.fulfil(case, *range(33))
    end = plant.now + 1000
    plant.report_yield(case)

    def examine() -> None:
        releases.examineFirst(case, plant.qa, sender=plant.qa)
        assert releases.obstacle(case, plant.qa) == (Cause.NONE, 0)

    examine()
    assert releases.examination(case, plant.qa).until == end
    plant.write()
    obstructs(plant, case, Cause.NOT_EXAMINED, 0)
    examine()
    plant.contract.reject(case, 1, record, REASON, sender=plant.qa)
    obstructs(plant, case, Cause.NOT_EXAMINED, 0)
    with reverts("NotReleasable", case, Cause.STEP, 1):
        examine()
    plant.submit(case, 1, record)
    plant.accept(case, 1, record)
    obstructs(plant, case, Cause.NOT_EXAMINED, 0)
    examine()
    plant.node.timestamp = end
    assert releases.obstacle(case, plant.qa) == (Cause.NONE, 0)
    plant.node.timestamp = end + 1
    obstructs(plant, case, Cause.NOT_EXAMINED, 0)
    with reverts("NotReleasable", case, Cause.STEP, 0):
        examine()


def test_own_steps_on_both_pages(plant: Plant, releases: Contract) -> None:
    case = plant.batch(33)
    plant.fulfil(case, *range(1, 32))
    plant.report_yield(case)
    for index in (0, 32):
        record = plant.write(sender=plant.second if index else plant.operator)
        plant.submit(case, index, record)
        plant.accept(case, index, record)
    with reverts("NotReleasable", case, Cause.OWN_STEP, 0):
        releases.examineFirst(case, plant.operator, sender=plant.qa)
    releases.examineFirst(case, plant.second, sender=plant.qa)
    assert releases.obstacle(case, plant.second) == (Cause.OWN_STEP, 32)


def test_one_page_needs_no_examination(plant: Plant, releases: Contract) -> None:
    case = plant.batch(32)
    with reverts("OnePage", case):
        releases.examineFirst(case, plant.qa, sender=plant.qa)
    with reverts("WrongState", UNKNOWN, State.NONE):
        releases.examineFirst(UNKNOWN, plant.qa, sender=plant.qa)
    plant.ready(case)
    plant.release(case)
