"""Records: how long documents are kept, who forbids to dispose of them, and what stays."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from tests.models.records import NOTHING, Meaning, Retention, record_id
from tests.models.trees import serials
from tests.support import Forwarder, reverts
from tests.support.lots import unit
from tests.support.recording import CONTENT, ONE, PROTOCOL, REASON, RETENTION, YEAR, Desk
from tests.support.words import Duty, Role
from tests.support.world import Commission, Registration, World, happened, lot_uri, uri

FOREVER = 2**40 - 1
OTHER = keccak(text="another reason")


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def dispose(desk: Desk, record: bytes) -> None:
    desk.contract.dispose(record, PROTOCOL, sender=desk.world.maker.quality)


def wait(desk: Desk, record: bytes) -> None:
    """Until the first second at which its documents may go."""
    desk.world.node.timestamp = desk.contract.retainUntil(record) + 1


# -------------------------------------------------------------------------------------------- how long


@pytest.mark.parametrize(
    "retention",
    [
        RETENTION,
        Retention(YEAR, 0, 0),
        Retention(0, 0, 1),
        Retention(1, 2**32 - 1, 0),
        Retention(3 * YEAR, YEAR, YEAR),
        Retention(2**32 - 1, 1, 1),
    ],
)
def test_until_the_last_of_the_times_that_apply(desk: Desk, retention: Retention) -> None:
    now, after, expired, without = desk.world.now, *retention
    schema = desk.schema("kept", retention=retention)
    about_part = desk.write(desk.statement(schema))
    assert desk.contract.retainUntil(about_part) == now + max(after, without)
    about_lot = desk.write(desk.statement(schema, subject=desk.lot))
    assert desk.contract.retainUntil(about_lot) == max(now + after, desk.expiry + expired)
    plain = desk.world.commission(Commission(lot_uri("M"), quantity=ONE, unit=b"LTR"))
    about_milk = desk.write(desk.statement(schema, subject=plain))
    assert desk.contract.retainUntil(about_milk) == now + max(after, without)


def test_one_year_after_the_expiry_of_the_batch(desk: Desk) -> None:
    """21 CFR 211.180(a), whenever the record was made; a complaint after that is kept for a year as well."""
    batch = desk.schema("batch record", retention=Retention(0, YEAR, 3 * YEAR))
    complaint = desk.schema("complaint", retention=Retention(YEAR, YEAR, 3 * YEAR))
    first = desk.write(desk.statement(batch, subject=desk.lot))
    desk.world.node.warp(YEAR)
    second = desk.write(desk.statement(batch, subject=desk.lot))
    assert desk.contract.retainUntil(first) == desk.contract.retainUntil(second) == desk.expiry + YEAR
    desk.world.node.warp(2 * YEAR)
    late = desk.world.now
    assert late > desk.expiry
    third = desk.write(desk.statement(complaint, subject=desk.lot))
    assert desk.contract.retainUntil(third) == late + YEAR


def test_a_unit_has_the_expiry_of_its_lot(desk: Desk) -> None:
    world = desk.world
    tree, expiry = serials(map(unit, range(2))), world.now + 5 * YEAR
    what = {"quantity": 2 * ONE, "serials_root": tree.root, "serial_count": 2, "expiry": expiry}
    world.commission(Commission(lot_uri("P"), **what))
    args = lot_uri("P"), 0, Registration(uri("0")), tree.proof(0), world.ref()
    world.lots.materialise(*args, sender=world.maker.register)
    record = desk.write(desk.statement(subject=unit(0)))
    assert desk.contract.retainUntil(record) == expiry + RETENTION.after_expiry


def test_no_time_is_after_the_end_of_time(desk: Desk) -> None:
    forever = Commission(lot_uri("F"), quantity=ONE, expiry=FOREVER, unit=b"LTR")
    lot = desk.world.commission(forever)
    record = desk.write(desk.statement(subject=lot))
    assert desk.contract.retainUntil(record) == FOREVER
    almost = Commission(lot_uri("A"), quantity=ONE, expiry=FOREVER - RETENTION.after_expiry - 1, unit=b"LTR")
    record = desk.write(desk.statement(subject=desk.world.commission(almost)))
    assert desk.contract.retainUntil(record) == FOREVER - 1


def test_new_versions_change_nothing_for_old_records(desk: Desk) -> None:
    record = desk.write()
    until = desk.contract.retainUntil(record)
    newer = desk.schema(version=2, retention=Retention(1, 1, 1))
    assert desk.contract.retainUntil(record) == until
    assert desk.contract.retainUntil(desk.write(desk.statement(newer))) == desk.world.now + 1


# -------------------------------------------------------------------------------------------------- disposal


def test_the_digest_stays_and_says_so(desk: Desk) -> None:
    maker, contract = desk.world.maker, desk.contract
    record = desk.write(desk.statement(effective_at=0))
    desk.countersign(record)
    before = contract.recordOf(record)
    wait(desk, record)
    receipt = contract.dispose(record, PROTOCOL, sender=maker.quality)
    fact = {"record": record, "org": maker.number, "protocol": PROTOCOL, "caller": maker.quality}
    assert happened(receipt) == [("RecordDisposed", fact | {"content": CONTENT})]
    assert contract.recordOf(record) == before._replace(disposed=True)
    assert contract.contentOf(record) == CONTENT
    assert contract.isDocument(record, 0, CONTENT, [])
    assert contract.complete(record)
    assert contract.signedBy(record, maker.quality) == Meaning.REVIEW
    with reverts("Disposed", record):
        dispose(desk, record)
    with reverts("Disposed", record):
        desk.amend(record)
    with reverts("Disposed", record):
        desk.countersign(record, Meaning.APPROVAL)


def test_not_before_its_time(desk: Desk) -> None:
    record = desk.write()
    until = desk.contract.retainUntil(record)
    for now in (desk.world.now, until - 1, until):
        desk.world.node.timestamp = now
        with reverts("Retained", record, until, now):
            dispose(desk, record)
    desk.world.node.timestamp = until + 1
    dispose(desk, record)


def test_quality_of_the_authors_organisation_disposes(desk: Desk) -> None:
    world, record = desk.world, desk.write()
    wait(desk, record)
    call, others = desk.contract.dispose, ~Duty.QUALITY
    for org in world.orgs[1:]:
        with reverts("NotRecordOrganisation", record, org.number, world.maker.number):
            call(record, PROTOCOL, sender=org.quality)
    with reverts("UnknownAccount", world.stranger):
        call(record, PROTOCOL, sender=world.stranger)
    machine = Forwarder.deploy(world.node, world.maker.quality)
    with reverts("UnknownAccount", machine.address):
        call(record, PROTOCOL, sender=machine)
    world.hire(world.maker, machine, others)
    with reverts("MissingDuty", machine.address, others, Duty.QUALITY):
        call(record, PROTOCOL, sender=machine)
    with reverts("NoReason", record):
        call(record, NOTHING, sender=world.maker.quality)
    for missing in (record_id(desk.part, 2), NOTHING):
        with reverts("UnknownRecord", missing):
            call(missing, PROTOCOL, sender=world.maker.quality)
    world.hire(world.maker, machine, Duty.QUALITY)
    [(_, fields)] = happened(call(record, PROTOCOL, sender=machine))
    assert (fields["org"], fields["caller"]) == (world.maker.number, machine.address)


def test_what_was_amended_is_kept_as_long_as_what_amends_it(desk: Desk) -> None:
    """21 CFR 11.10(e): the trail is kept at least as long as the records that it is about."""
    first = desk.write()
    desk.world.node.warp(YEAR)
    second = desk.amend(first)
    desk.world.node.warp(YEAR)
    third = desk.amend(second)
    wait(desk, first)
    with reverts("SuccessorKept", first, second):
        dispose(desk, first)
    wait(desk, second)
    with reverts("SuccessorKept", second, third):
        dispose(desk, second)
    wait(desk, third)
    with reverts("SuccessorKept", first, second):
        dispose(desk, first)
    for record in (third, second, first):
        dispose(desk, record)
        assert desk.contract.recordOf(record).disposed


# ---------------------------------------------------------------------------------------------- legal holds


def test_a_hold_forbids_disposal_until_it_is_lifted(desk: Desk) -> None:
    world, contract, quality = desk.world, desk.contract, desk.world.maker.quality
    record, other = desk.write(), desk.write()
    until = contract.retainUntil(record)
    receipt = contract.setLegalHold(record, REASON, sender=quality)
    fact = {"object": record, "org": world.maker.number, "reason": REASON}
    assert happened(receipt) == [("LegalHoldSet", fact | {"caller": quality})]
    assert contract.legalHolds(record) == 1
    assert contract.legallyHeld(record, world.maker.number, REASON)
    assert not contract.legallyHeld(record, world.maker.number, OTHER)
    assert not contract.legallyHeld(other, world.maker.number, REASON)
    assert contract.retainUntil(record) == FOREVER
    assert contract.retainUntil(other) == until
    world.node.timestamp = until + 1
    with reverts("Retained", record, FOREVER, until + 1):
        dispose(desk, record)
    dispose(desk, other)
    receipt = contract.liftLegalHold(record, world.maker.number, REASON, sender=quality)
    lifted = fact | {"holder": world.maker.number, "caller": quality}
    assert happened(receipt) == [("LegalHoldLifted", lifted)]
    assert contract.legalHolds(record) == 0
    assert not contract.legallyHeld(record, world.maker.number, REASON)
    assert contract.retainUntil(record) == until
    dispose(desk, record)


def test_a_hold_on_a_subject_is_on_all_its_records(desk: Desk) -> None:
    world, contract = desk.world, desk.contract
    contract.setLegalHold(desk.part, REASON, sender=world.maker.quality)
    about_lot, records = desk.write(desk.statement(subject=desk.lot)), [desk.write(), desk.write()]
    assert contract.legalHolds(desk.part) == 1
    for record in records:
        assert contract.retainUntil(record) == FOREVER
        assert contract.legalHolds(record) == 0
    assert contract.retainUntil(about_lot) != FOREVER
    contract.liftLegalHold(desk.part, world.maker.number, REASON, sender=world.maker.quality)
    for record in records:
        assert contract.retainUntil(record) == world.now + 3 * YEAR


def test_holds_are_counted(desk: Desk) -> None:
    world, contract, record = desk.world, desk.contract, desk.write()
    holds = [(world.maker, REASON), (world.maker, OTHER), (world.regulator, REASON)]
    for number, (org, reason) in enumerate(holds, 1):
        contract.setLegalHold(record, reason, sender=org.quality)
        assert contract.legalHolds(record) == number
        with reverts("AlreadyHeld", record, org.number, reason):
            contract.setLegalHold(record, reason, sender=org.quality)
    for number, (org, reason) in reversed(list(enumerate(holds))):
        assert contract.retainUntil(record) == FOREVER
        contract.liftLegalHold(record, org.number, reason, sender=org.quality)
        assert contract.legalHolds(record) == number
        with reverts("NoSuchHold", record, org.number, reason):
            contract.liftLegalHold(record, org.number, reason, sender=org.quality)
    assert contract.retainUntil(record) == world.now + 3 * YEAR


def test_who_sets_a_hold(desk: Desk) -> None:
    """The carrier wrote about the maker's part, which the retailer bought."""
    world, contract = desk.world, desk.contract
    record = desk.write(sender=world.carrier.record)
    world.give_title(desk.part, world.maker, world.retailer)
    may = {
        desk.part: {world.retailer, world.regulator},
        record: {world.retailer, world.regulator, world.carrier},
        desk.lot: {world.maker, world.regulator},
    }
    for thing, those in may.items():
        for org in world.orgs:
            if org in those:
                contract.setLegalHold(thing, REASON, sender=org.quality)
            else:
                with reverts("MayNotHold", thing, org.number):
                    contract.setLegalHold(thing, REASON, sender=org.quality)
        assert contract.legalHolds(thing) == len(those)


def test_a_hold_is_for_quality_with_a_reason_on_something(desk: Desk) -> None:
    world, contract, record = desk.world, desk.contract, desk.write()
    others = ~Duty.QUALITY
    machine = Forwarder.deploy(world.node, world.maker.quality)
    args = record, world.maker.number, REASON
    for call, given in ((contract.setLegalHold, (record, REASON)), (contract.liftLegalHold, args)):
        with reverts("UnknownAccount", machine.address):
            call(*given, sender=machine)
        world.hire(world.maker, machine, others)
        with reverts("MissingDuty", machine.address, others, Duty.QUALITY):
            call(*given, sender=machine)
        world.hire(world.maker, machine, 0)
    world.hire(world.maker, machine, Duty.QUALITY)
    with reverts("NoReason", record):
        contract.setLegalHold(record, NOTHING, sender=machine)
    for nothing in (record_id(desk.part, 2), NOTHING, REASON):
        for org in (world.maker, world.regulator):
            with reverts("UnknownSubject", nothing):
                contract.setLegalHold(nothing, REASON, sender=org.quality)
    [(_, fields)] = happened(contract.setLegalHold(record, REASON, sender=machine))
    assert fields["caller"] == machine.address
    [(_, fields)] = happened(contract.liftLegalHold(*args, sender=machine))
    assert fields["caller"] == machine.address


def test_who_lifts_a_hold(desk: Desk) -> None:
    world, contract, record = desk.world, desk.contract, desk.write()
    contract.setLegalHold(record, REASON, sender=world.maker.quality)
    contract.setLegalHold(record, REASON, sender=world.regulator.quality)
    for org in world.orgs:
        for holder in (world.maker, world.regulator):
            if org not in (holder, world.regulator):
                with reverts("MayNotRelease", record, org.number, holder.number):
                    contract.liftLegalHold(record, holder.number, REASON, sender=org.quality)
    receipt = contract.liftLegalHold(record, world.maker.number, REASON, sender=world.regulator.quality)
    [(_, fields)] = happened(receipt)
    assert (fields["org"], fields["holder"]) == (world.regulator.number, world.maker.number)
    world.consortium.setRoles(world.service.number, Role.REGULATOR, sender=world.governor)
    with reverts("MayNotRelease", record, world.service.number, world.regulator.number):
        contract.liftLegalHold(record, world.regulator.number, REASON, sender=world.service.quality)
    contract.liftLegalHold(record, world.regulator.number, REASON, sender=world.regulator.quality)
    assert contract.legalHolds(record) == 0


def test_a_hold_outlives_the_title_of_who_set_it(desk: Desk) -> None:
    world, contract = desk.world, desk.contract
    contract.setLegalHold(desk.part, REASON, sender=world.maker.quality)
    world.give_title(desk.part, world.maker, world.retailer)
    with reverts("MayNotRelease", desk.part, world.retailer.number, world.maker.number):
        contract.liftLegalHold(desk.part, world.maker.number, REASON, sender=world.retailer.quality)
    contract.liftLegalHold(desk.part, world.maker.number, REASON, sender=world.maker.quality)


def test_the_maker_of_a_lot_holds_whatever_twin_has_its_id(desk: Desk) -> None:
    world = desk.world
    twin = world.register(lot_uri("L"))
    assert twin == desk.lot
    world.give_title(twin, world.maker, world.retailer)
    with reverts("MayNotHold", twin, world.retailer.number):
        desk.contract.setLegalHold(twin, REASON, sender=world.retailer.quality)
    desk.contract.setLegalHold(twin, REASON, sender=world.maker.quality)
