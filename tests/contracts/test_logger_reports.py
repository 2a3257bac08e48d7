"""LoggerReports: who names keys and loggers, what a report proves of which twin, and what it contradicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.models.logger_reports import CONTRADICTED, MAJOR, Contradiction, day_of
from tests.models.report_shadow import ReportShadow
from tests.models.segments import HUMIDITY, Limit, Reading, Segment
from tests.support import Forwarder, Node, reverts
from tests.support.fridge_tags import FridgeTag, Lot, TagDay
from tests.support.signers import P256_ORDER
from tests.support.witness import (
    ACCURACY,
    OFFSET,
    REASON,
    SERIAL,
    YEARS,
    LoggerFrame,
    LotKey,
    Report,
    Witness,
    seconds,
)
from tests.support.words import Duty, EndOfLife, Kind, Role
from tests.support.world import DAY, SUPPLIER_PREFIX, asset, happened, sscc, uri

STEP = 900
QUIET = TagDay(min=45, max=62)
OTHER = Lot("2101_20_09", 2101)


@pytest.fixture
def shadow(node: Node) -> ReportShadow:
    return ReportShadow(node)


@pytest.fixture
def witness(shadow: ReportShadow) -> Witness:
    return shadow.witness


def other_key(witness: Witness) -> LotKey:
    return LotKey.of(witness.model, OTHER)


# ------------------------------------------------------------------------------------------------------ keys


def test_a_key_is_registered_by_the_maker_of_the_model(shadow: ReportShadow, witness: Witness) -> None:
    world, contract, key = witness.world, witness.contract, other_key(witness)
    expiry = world.now + YEARS
    receipt = contract.registerLotKey(key, 70, expiry, sender=witness.admin)
    what = {"org": world.maker.number, "model": witness.model, "caller": witness.admin}
    point = {"lot": key.lot, "x": key.x, "y": key.y}
    told = {"key": key.id, **what, **point, "accuracy": 70, "expiry": expiry}
    assert happened(receipt) == [("LotKeyRegistered", told)]
    assert contract.keyId(key) == key.id
    assert contract.keyState(key.id) == (world.maker.number, 70, expiry, False)
    assert contract.keyState(b"x" * 32) == (0, 0, 0, False)


def test_a_regulator_registers_for_a_maker_that_is_no_member(shadow: ReportShadow, witness: Witness) -> None:
    regulator, key = witness.world.regulator, other_key(witness)
    expiry = witness.world.now
    assert shadow.tell("registerLotKey", key, ACCURACY, expiry, sender=regulator.device_admin)
    assert witness.contract.keyState(key.id).org == regulator.number


def test_who_does_not_register_keys(shadow: ReportShadow, witness: Witness) -> None:
    world, contract, key = witness.world, witness.contract, other_key(witness)
    args = key, ACCURACY, world.now + 1
    for org in world.orgs:
        expected = org in (world.maker, world.regulator)
        assert shadow.tell("registerLotKey", *args, sender=org.device_admin) == (org == world.maker)
        assert not shadow.tell("registerLotKey", *args, sender=org.ship) or not expected
    with reverts("MissingRole", world.carrier.number, Role.CARRIER, Role.MANUFACTURER | Role.REGULATOR):
        contract.registerLotKey(*args, sender=world.carrier.device_admin)
    with reverts("MissingDuty", world.maker.quality, Duty.QUALITY, Duty.DEVICE_ADMIN):
        contract.registerLotKey(*args, sender=world.maker.quality)
    world.consortium.setRoles(world.supplier.number, Role.MANUFACTURER, sender=world.governor)
    with reverts("NotMaker", witness.model, world.supplier.number, world.maker.number):
        contract.registerLotKey(*args, sender=world.supplier.device_admin)


def test_what_is_no_key(shadow: ReportShadow, witness: Witness) -> None:
    world, contract, key, now = witness.world, witness.contract, other_key(witness), witness.world.now
    part, ended = world.register(uri("P")), world.register(uri("M2"), Kind.DESIGN)
    world.retire(ended, EndOfLife.DECOMMISSIONED)
    shadow.catch_up()
    wrong: list[tuple[LotKey, int, int, tuple[Any, ...]]] = [
        (key._replace(model=part), ACCURACY, now, ("NotAModel", part)),
        (key._replace(model=ended), ACCURACY, now, ("NotAModel", ended)),
        (key._replace(model=b"?" * 32), ACCURACY, now, ("NotAModel", b"?" * 32)),
        (key._replace(x=key.y), ACCURACY, now, ("NotOnCurve", key.y, key.y)),
        (key._replace(y=bytes(32)), ACCURACY, now, ("NotOnCurve", key.x, bytes(32))),
        (key, 49, now, ("AccuracyTooFine", 49, 50)),
        (key, ACCURACY, now - 1, ("KeyExpired", key.id, now - 1, now)),
        (witness.key, ACCURACY, now, ("KeyExists", witness.key.id)),
    ]
    for given, accuracy, expiry, (error, *values) in wrong:
        with reverts(error, *values):
            contract.registerLotKey(given, accuracy, expiry, sender=witness.admin)
        assert not shadow.tell("registerLotKey", given, accuracy, expiry, sender=witness.admin)
    assert contract.FINEST_ACCURACY() == 50
    assert contract.LONGEST_STEP() == STEP
    assert contract.TWINS() == world.twins.address
    assert contract.TELEMETRY() == world.telemetry.address


def test_a_key_is_revoked_by_who_registered_it_or_a_regulator(shadow: ReportShadow, witness: Witness) -> None:
    world, contract, key = witness.world, witness.contract, witness.key.id
    with reverts("NotRegistrar", key, world.carrier.number, world.maker.number):
        contract.revokeLotKey(key, REASON, sender=world.carrier.device_admin)
    with reverts("UnknownKey", REASON):
        contract.revokeLotKey(REASON, REASON, sender=witness.admin)
    with reverts("MissingDuty", world.maker.quality, Duty.QUALITY, Duty.DEVICE_ADMIN):
        contract.revokeLotKey(key, REASON, sender=world.maker.quality)
    here = shadow.now()
    receipt = contract.revokeLotKey(key, REASON, sender=world.regulator.device_admin)
    told = {"key": key, "org": world.regulator.number, "reason": REASON}
    assert happened(receipt) == [("LotKeyRevoked", {**told, "caller": world.regulator.device_admin})]
    assert contract.keyState(key).revoked
    shadow.again(here)
    assert shadow.tell("revokeLotKey", key, REASON, sender=witness.admin)
    with reverts("KeyIsRevoked", key):
        contract.revokeLotKey(key, REASON, sender=witness.admin)
    assert contract.keyState(key) == (world.maker.number, ACCURACY, witness.since + YEARS, True)


# --------------------------------------------------------------------------------------------------- loggers


def test_a_logger_is_enrolled_by_its_owner(shadow: ReportShadow, witness: Witness) -> None:
    world, contract, key = witness.world, witness.contract, witness.key.id
    twin = world.register(asset("TAG2"), Kind.ASSET)
    logger = witness.key.logger(7)
    receipt = contract.enrol(key, 7, twin, sender=witness.admin)
    told = {"org": world.maker.number, "key": key, "caller": witness.admin, "serial": 7, "twin": twin}
    assert happened(receipt) == [("LoggerEnrolled", {"logger": logger, **told})]
    assert contract.loggerId(key, 7) == logger
    assert contract.loggerOf(logger) == (twin, 0, 0)
    assert contract.standsFor(twin) == logger
    assert contract.standsFor(b"x" * 32) == bytes(32)
    assert contract.enrol.call(key, 8, world.register(asset("TAG3"), Kind.ASSET), sender=witness.admin)


def test_what_is_not_enrolled(shadow: ReportShadow, witness: Witness) -> None:
    world, contract, key = witness.world, witness.contract, witness.key.id
    part, twin, ended = (
        world.register(uri("P")),
        world.register(asset("TAG2"), Kind.ASSET),
        world.register(asset("TAG3"), Kind.ASSET),
    )
    theirs = world.register(asset("TAG", SUPPLIER_PREFIX), Kind.ASSET, org=world.supplier)
    world.retire(ended, EndOfLife.DESTROYED)
    shadow.catch_up()
    logger, maker, supplier = witness.key.logger(7), world.maker.number, world.supplier.number
    wrong: list[tuple[bytes, int, bytes, tuple[Any, ...]]] = [
        (key, 7, part, ("NotALogger", part)),
        (key, 7, ended, ("NotALogger", ended)),
        (key, 7, theirs, ("NotLoggerOwner", logger, maker, supplier)),
        (key, 7, b"?" * 32, ("NotLoggerOwner", logger, maker, 0)),
        (REASON, 7, twin, ("UnknownKey", REASON)),
        (key, 10**12, twin, ("NotASerial", 10**12)),
        (key, SERIAL, twin, ("SerialTaken", witness.logger, witness.twin)),
        (key, 7, witness.twin, ("StandsForLogger", witness.twin, witness.logger)),
    ]
    for of, serial, by, (error, *values) in wrong:
        with reverts(error, *values):
            contract.enrol(of, serial, by, sender=witness.admin)
        assert not shadow.tell("enrol", of, serial, by, sender=witness.admin)
    with reverts("MissingDuty", world.maker.quality, Duty.QUALITY, Duty.DEVICE_ADMIN):
        contract.enrol(key, 7, twin, sender=world.maker.quality)
    assert shadow.tell("enrol", key, 10**12 - 1, twin, sender=witness.admin)
    assert shadow.tell("revokeLotKey", key, REASON, sender=witness.admin)
    with reverts("KeyIsRevoked", key):
        contract.enrol(key, 9, theirs, sender=world.supplier.device_admin)


def test_a_squatter_is_struck_and_its_attachments_with_it(shadow: ReportShadow, witness: Witness) -> None:
    world, contract, key = witness.world, witness.contract, witness.key.id
    with reverts("NotRegistrar", key, world.supplier.number, world.maker.number):
        contract.strike(key, SERIAL, REASON, sender=world.supplier.device_admin)
    with reverts("NotEnrolled", witness.key.logger(7)):
        contract.strike(key, 7, REASON, sender=witness.admin)
    with reverts("UnknownKey", REASON):
        contract.strike(REASON, 7, REASON, sender=witness.admin)
    with reverts("MissingDuty", world.maker.quality, Duty.QUALITY, Duty.DEVICE_ADMIN):
        contract.strike(key, SERIAL, REASON, sender=world.maker.quality)
    assert shadow.tell("detach", witness.logger, sender=witness.admin)
    assert shadow.tell("attach", witness.logger, witness.cold.pallet, OFFSET, sender=witness.admin)
    regulator = world.regulator
    here = shadow.now()
    receipt = contract.strike(key, SERIAL, REASON, sender=regulator.device_admin)
    told = {"logger": witness.logger, "org": regulator.number, "reason": REASON}
    told |= {"caller": regulator.device_admin, "twin": witness.twin, "struck": 2}
    assert happened(receipt) == [("LoggerStruck", told)]
    shadow.again(here)
    assert shadow.tell("strike", key, SERIAL, REASON, sender=witness.admin)
    assert contract.loggerOf(witness.logger) == (bytes(32), 2, 2)
    assert contract.standsFor(witness.twin) == bytes(32)
    for function, args in (("attach", (witness.cold.pallet, 0)), ("detach", ())):
        with reverts("NotEnrolled", witness.logger):
            getattr(contract, function)(witness.logger, *args, sender=witness.admin)
    theirs = world.register(asset("TAG", SUPPLIER_PREFIX), Kind.ASSET, org=world.supplier)
    shadow.catch_up()
    owner = world.supplier.device_admin
    assert shadow.tell("enrol", key, SERIAL, theirs, sender=owner)
    with reverts("NotAttached", witness.logger):
        contract.detach(witness.logger, sender=owner)
    thing = world.register(sscc("9", SUPPLIER_PREFIX), Kind.CONTAINER, org=world.supplier)
    shadow.catch_up()
    assert shadow.tell("attach", witness.logger, thing, OFFSET, sender=owner)
    assert contract.loggerOf(witness.logger) == (theirs, 3, 2)
    tag = witness.tag([QUIET], activated=witness.clock(world.now + 60))
    assert shadow.attest(tag, 2)
    assert shadow.attest(tag, 3)
    assert not shadow.attest(tag, 1)
    shadow.check_reports()


# ----------------------------------------------------------------------------------------------- attachments


def test_a_logger_is_attached_and_detached(shadow: ReportShadow, witness: Witness) -> None:
    world, contract, logger = witness.world, witness.contract, witness.logger
    pallet, maker, since = witness.cold.pallet, world.maker.number, witness.since
    assert contract.attachmentOf(logger, 1) == (pallet, maker, since, 0, OFFSET)
    with reverts("AlreadyAttached", logger, pallet):
        witness.attach()
    world.node.warp(77)
    what = {"logger": logger, "subject": pallet, "org": maker, "caller": witness.admin, "attachment": 1}
    assert happened(witness.detach()) == [("LoggerDetached", {**what, "until": since + 77})]
    assert contract.attachmentOf(logger, 1) == (pallet, maker, since, since + 77, OFFSET)
    with reverts("NotAttached", logger):
        witness.detach()
    world.node.warp(3)
    told = {**what, "attachment": 2, "since": since + 80, "offset": -300}
    assert happened(witness.attach(offset=-300)) == [("LoggerAttached", told)]
    assert contract.attachmentOf(logger, 2) == (pallet, maker, since + 80, 0, -300)
    assert contract.attachmentOf(logger, 3) == (bytes(32), 0, 0, 0, 0)
    assert contract.loggerOf(logger) == (witness.twin, 2, 0)


def test_who_attaches_what(shadow: ReportShadow, witness: Witness) -> None:
    world, contract, logger, pallet = witness.world, witness.contract, witness.logger, witness.cold.pallet
    carrier, maker = world.carrier, world.maker
    with reverts("NotLoggerOwner", logger, carrier.number, maker.number):
        contract.attach(logger, pallet, 0, sender=carrier.device_admin)
    with reverts("NotLoggerOwner", logger, carrier.number, maker.number):
        contract.detach(logger, sender=carrier.device_admin)
    with reverts("MissingDuty", maker.quality, Duty.QUALITY, Duty.DEVICE_ADMIN):
        contract.attach(logger, pallet, 0, sender=maker.quality)
    with reverts("MissingDuty", maker.quality, Duty.QUALITY, Duty.DEVICE_ADMIN):
        contract.detach(logger, sender=maker.quality)
    with reverts("NotEnrolled", REASON):
        contract.attach(REASON, pallet, 0, sender=witness.admin)
    witness.detach()
    for offset in (-1441, 1441):
        with reverts("OffsetOutOfRange", offset):
            witness.attach(offset=offset)
    theirs = world.register(sscc("9", SUPPLIER_PREFIX), Kind.CONTAINER, org=world.supplier)
    with reverts("NotSubjectHolder", theirs, maker.number):
        witness.attach(theirs)
    with reverts("NotSubjectHolder", b"?" * 32, maker.number):
        witness.attach(b"?" * 32)
    for offset in (-1440, 1440):
        witness.attach(offset=offset)
        witness.detach()
    world.move(theirs, world.supplier, maker)
    witness.attach(theirs)
    witness.detach()
    world.move(pallet, maker, carrier)
    witness.attach(pallet)


def test_a_contract_acts_in_its_own_name(shadow: ReportShadow, witness: Witness) -> None:
    """Not in that of the account that calls it."""
    world, contract = witness.world, witness.contract
    robot = Forwarder.deploy(world.node, world.stranger)
    world.hire(world.maker, robot, Duty.DEVICE_ADMIN)
    shadow.catch_up()
    assert shadow.tell("registerLotKey", other_key(witness), ACCURACY, world.now, sender=robot)
    twin = world.register(asset("TAG2"), Kind.ASSET)
    shadow.catch_up()
    assert shadow.tell("detach", witness.logger, sender=robot)
    assert shadow.tell("attach", witness.logger, witness.cold.pallet, OFFSET, sender=robot)
    assert shadow.tell("enrol", witness.key.id, 7, twin, sender=robot)
    assert shadow.tell("strike", witness.key.id, 7, REASON, sender=robot)
    puppet = Forwarder.deploy(world.node, witness.admin)
    with reverts("UnknownAccount", puppet.address):
        contract.detach(witness.logger, sender=puppet)
    tag = witness.tag([replace(QUIET, max=150)], activated=witness.clock(world.now))
    witness.wait_for(tag)
    shadow.model.written[tag.text] = tag
    assert shadow.tell("attestReport", *witness.signed(tag, 2), sender=robot)
    report = shadow.report(tag, 2)
    segment = shadow.anchored(covering(report))
    assert shadow.tell("contradict", report, 0, Contradiction.MAX_MISSED, 0, [segment], sender=robot)
    assert shadow.tell("revokeLotKey", witness.key.id, REASON, sender=robot)


# --------------------------------------------------------------------------------------------------- reports


def test_a_report_is_attested_by_anyone(shadow: ReportShadow, witness: Witness) -> None:
    world, contract = witness.world, witness.contract
    tag = witness.tag([TagDay(-12, 91, 7, 66, None, 61, 5), replace(QUIET, checked=("AM", "PM"))])
    witness.wait_for(tag)
    args = witness.signed(tag)
    receipt = contract.attestReport(*args, sender=world.stranger)
    created = seconds(tag.created) - OFFSET * 60
    frame = LoggerFrame(SERIAL, 1, world.maker.number, OFFSET, witness.since + 60, created, low=-50, high=800)
    report = shadow.report(tag)
    table = tuple(day_of(tag, index).word for index in range(2))
    assert report == Report(report.digest, witness.key.id, witness.cold.pallet, frame.word, table)
    told = {"id": report.id, "subject": witness.cold.pallet, "logger": witness.logger}
    told |= {"caller": world.stranger, "digest": report.digest, "key": witness.key.id}
    assert happened(receipt) == [("ReportAttested", {**told, "frame": frame.word, "table": list(table)})]
    assert contract.attested(report.id)
    assert not contract.attested(witness.key.id)


def test_a_report_is_attested_once_for_an_attachment(shadow: ReportShadow, witness: Witness) -> None:
    tag = witness.tag([QUIET, QUIET])
    assert shadow.attest(tag)
    with reverts("AlreadyAttested", shadow.report(tag).id):
        witness.attest(tag)
    assert shadow.tell("detach", witness.logger, sender=witness.admin)
    with reverts("AlreadyAttested", shadow.report(tag).id):
        witness.attest(tag)
    longer = witness.tag([QUIET, QUIET, QUIET])
    assert not shadow.attest(longer) or True
    shadow.check_reports()


def test_nobody_else_signs_for_the_lot(shadow: ReportShadow, witness: Witness) -> None:
    world, contract = witness.world, witness.contract
    tag = witness.tag([QUIET])
    witness.wait_for(tag)
    shadow.model.written[tag.text] = tag
    good = witness.signed(tag)
    digest = shadow.report(tag).digest
    high = witness.signed(tag, high=True)
    assert int.from_bytes(good.s, "big") + int.from_bytes(high.s, "big") == P256_ORDER
    other = Lot(witness.lot.name, 99)
    r, s = (number.to_bytes(32, "big") for number in other.sign(tag.text, high=False))
    for wrong in (
        high,
        good._replace(r=good.s, s=good.r),
        good._replace(r=bytes(32)),
        good._replace(s=bytes(32)),
        good._replace(r=good.r[::-1], s=good.s[::-1]),
        good._replace(r=r, s=s),
    ):
        with reverts("InvalidReportSignature", digest):
            contract.attestReport(*wrong, sender=world.stranger)
        assert not shadow.tell("attestReport", *wrong, sender=world.stranger)
    forged = good._replace(key=LotKey.of(witness.model, other), r=r, s=s)
    with reverts("UnknownKey", forged.key.id):
        contract.attestReport(*forged, sender=world.stranger)
    with reverts("UnknownKey", good.key._replace(model=witness.twin).id):
        contract.attestReport(
            *good._replace(key=good.key._replace(model=witness.twin)), sender=world.stranger
        )
    named = good.key._replace(lot=b"other".ljust(32, b"\0"))
    with reverts("WrongLot", good.key.lot, named.lot):
        contract.attestReport(*good._replace(key=named), sender=world.stranger)
    assert shadow.tell("attestReport", *good, sender=world.stranger)


def test_a_text_that_was_touched_is_refused(witness: Witness) -> None:
    """In any of its bytes: it is no report, another lot's, or not signed."""
    world, contract = witness.world, witness.contract
    tag = witness.tag([QUIET])
    witness.wait_for(tag)
    args = witness.signed(tag)
    for place in range(0, len(args.text), 37):
        text = bytearray(args.text)
        text[place] ^= 1
        with pytest.raises(Exception, match="MalformedReport|WrongLot|InvalidReportSignature"):
            contract.attestReport(*args._replace(text=bytes(text)), sender=world.stranger)
    for text in (args.text[:-1], args.text + b"\r\n", args.text.replace(b"\r", b""), b""):
        with pytest.raises(Exception, match="MalformedReport|InvalidReportSignature"):
            contract.attestReport(*args._replace(text=text), sender=world.stranger)
    with reverts("MalformedReport", 0):
        contract.attestReport(*args._replace(text=b""), sender=world.stranger)


def test_a_key_ends(shadow: ReportShadow, witness: Witness) -> None:
    world, contract = witness.world, witness.contract
    tag = witness.tag([QUIET])
    lot = replace(OTHER)
    key = LotKey.of(witness.model, lot)
    twin = world.register(asset("TAG2"), Kind.ASSET)
    shadow.catch_up()
    expiry = seconds(tag.created) - OFFSET * 60
    assert shadow.tell("registerLotKey", key, ACCURACY, expiry, sender=witness.admin)
    assert shadow.tell("enrol", key.id, 5, twin, sender=witness.admin)
    assert shadow.tell("attach", key.logger(5), witness.cold.pallet, OFFSET, sender=witness.admin)
    short = replace(tag, lot=lot, serial=5)
    witness.wait_for(short)
    here = shadow.now()
    assert shadow.attest(short)
    shadow.again(here)
    world.node.warp(1)
    assert not shadow.attest(short)
    with reverts("KeyExpired", key.id, expiry, expiry + 1):
        contract.attestReport(*witness.signed(short), sender=world.stranger)
    assert shadow.tell("revokeLotKey", witness.key.id, REASON, sender=witness.admin)
    assert not shadow.attest(tag)
    with reverts("KeyIsRevoked", witness.key.id):
        witness.attest(tag)


def test_a_report_needs_an_attachment(shadow: ReportShadow, witness: Witness) -> None:
    tag = witness.tag([QUIET])
    for number in (0, 2, 2**32 - 1):
        assert not shadow.attest(tag, number)
        with reverts("NoSuchAttachment", witness.logger, number):
            witness.attest(tag, number)
    other = replace(tag, serial=8)
    with reverts("NoSuchAttachment", witness.key.logger(8), 1):
        witness.attest(other)


def test_a_report_from_the_future_is_refused(shadow: ReportShadow, witness: Witness) -> None:
    tag = witness.tag([QUIET])
    created = seconds(tag.created) - OFFSET * 60
    shadow.node.timestamp = created - 1
    assert not shadow.hand_in(tag)
    with reverts("ReportInFuture", created, created - 1):
        witness.contract.attestReport(*witness.signed(tag), sender=witness.world.stranger)
    shadow.node.timestamp = created
    assert shadow.hand_in(tag)


def test_days_count_that_were_spent_on_the_twin_throughout(shadow: ReportShadow, witness: Witness) -> None:
    """Attached and detached in the middle of days, and to the second of midnights."""
    days = [replace(QUIET, min=40 + number) for number in range(4)]
    tag = witness.tag(days)
    since = witness.since
    midnight = seconds(witness.clock(since).replace(hour=0, minute=0)) - OFFSET * 60 + DAY
    here = shadow.now()
    for begin, end, activated, kept in (
        (since, 0, since, [0, 1, 2, 3]),
        (since, 0, since + 60, [0, 1, 2, 3]),
        (since, 0, since - DAY, [0, 1, 2]),
        (since + 61, 0, since + 60, [0, 1, 2]),
        (midnight, 0, since, [0, 1, 2]),
        (midnight + 1, 0, since, [0, 1]),
        (since, midnight + DAY, since, [2, 3]),
        (since, midnight + DAY - 1, since, [3]),
        (since, midnight + 1, since, [3]),
        (since, midnight - 1, since, []),
        (since, midnight, since, [3]),
        (since, 0, midnight + DAY + 60, [0, 1]),
        (since, 0, midnight + DAY, [0, 1]),
        (midnight + 1, midnight + 2 * DAY, since, [1]),
    ):
        shadow.again(here)
        here = shadow.now()
        if begin != since:
            assert shadow.tell("detach", witness.logger, sender=witness.admin)
            shadow.node.timestamp = begin
            assert shadow.tell("attach", witness.logger, witness.cold.pallet, OFFSET, sender=witness.admin)
        if end:
            shadow.node.timestamp = end
            assert shadow.tell("detach", witness.logger, sender=witness.admin)
        number = 1 if begin == since else 2
        told = replace(tag, activated=witness.clock(activated))
        if activated % 60:
            continue
        assert shadow.attest(told, number) == bool(kept), (begin, end, activated)
        if kept:
            table = tuple(day_of(told, index).word for index in kept)
            assert shadow.report(told, number).table == table, (begin, end, activated)
        else:
            with reverts("NoDayCovered", witness.logger, begin, end):
                witness.attest(told, number)


def test_one_report_for_two_attachments(shadow: ReportShadow, witness: Witness) -> None:
    """Two trips of a logger: of each the days that were spent on it."""
    other = witness.world.register(sscc("2"), Kind.CONTAINER)
    shadow.catch_up()
    witness.world.node.warp(2 * DAY)
    assert shadow.tell("detach", witness.logger, sender=witness.admin)
    assert shadow.tell("attach", witness.logger, other, OFFSET, sender=witness.admin)
    tag = witness.tag([replace(QUIET, min=40 + number) for number in range(5)])
    assert shadow.attest(tag, 1)
    assert shadow.attest(tag, 2)
    first, second = (shadow.report(tag, number) for number in (1, 2))
    assert (first.subject, second.subject) == (witness.cold.pallet, other)
    assert (len(first.table), len(second.table)) == (2, 2)
    assert first.id != second.id
    shadow.check_reports()


def test_another_contract_takes_the_same_report(node: Node) -> None:
    """The signature names no chain, and needs none: there, too, it proves what the logger saw."""
    here, there = Witness.create(node), Witness.create(node)
    tag = here.tag([QUIET])
    here.attest(tag)
    there.attest(tag)


def test_clocks_that_are_not_at_utc(shadow: ReportShadow, witness: Witness) -> None:
    for offset in (-1440, -211, 0, 345, 1440):
        if witness.contract.attachmentOf(witness.logger, shadow_number(shadow)).until == 0:
            assert shadow.tell("detach", witness.logger, sender=witness.admin)
        assert shadow.tell("attach", witness.logger, witness.cold.pallet, offset, sender=witness.admin)
        now = witness.world.now
        created = witness.clock(now, offset).replace(hour=23, minute=59, second=0) + timedelta(days=1)
        tag = FridgeTag(created, [QUIET, QUIET], witness.lot, activated=witness.clock(now + 60, offset))
        witness.wait_for(tag, offset)
        assert shadow.hand_in(tag, shadow_number(shadow))
        frame = shadow.report(tag, shadow_number(shadow)).logger
        assert (frame.offset, frame.created) == (offset, seconds(created) - offset * 60)
    shadow.check_reports()


def shadow_number(shadow: ReportShadow) -> int:
    """The newest attachment of the tag."""
    return len(shadow.model.ledger.tags[shadow.witness.logger].attachments)


# -------------------------------------------------------------------------------------------- contradictions


def midnight_of(report: Report, day: int) -> int:
    """When a day of a report begins."""
    return (report.table[day] & 0xFFFFFF) * DAY - report.logger.offset * 60


def span(report: Report, day: int = 0) -> tuple[int, int]:
    """From when to when the logger measured on a day."""
    midnight = midnight_of(report, day)
    return max(midnight, report.logger.activated), min(midnight + DAY, report.logger.created)


def course(begin: int, end: int, value: int = 550, step: int = STEP) -> list[Reading]:
    """The same value all the time."""
    times = [*range(begin, end, step), end]
    return [Reading(time, value) for time in times]


def covering(report: Report, day: int = 0, value: int = 550) -> list[Reading]:
    """The same value all the day."""
    return course(*span(report, day), value)


def told(shadow: ReportShadow, *days: TagDay, **changes: Any) -> Report:
    """A report of these days, the oldest first, between two that nobody asks about."""
    tag = shadow.witness.tag([QUIET, *reversed(days), QUIET], **changes)
    assert shadow.attest(tag)
    return shadow.report(tag)


def values(readings: Sequence[Reading], **at: int) -> list[Reading]:
    """Readings with other values in some places."""
    found = list(readings)
    for place, value in at.items():
        index = int(place[1:])
        found[index] = found[index]._replace(value=value)
    return found


M = Contradiction


@pytest.mark.parametrize(
    ("kind", "day", "value", "expected"),
    [
        (M.MAX_MISSED, TagDay(max=93), 829, True),
        (M.MAX_MISSED, TagDay(max=93), 830, False),
        (M.MIN_MISSED, TagDay(min=-12), -19, True),
        (M.MIN_MISSED, TagDay(min=-12), -20, False),
        (M.MAX_MISSED, TagDay(max=-93, min=-99), -1031, True),
        (M.MAX_MISSED, TagDay(max=-93, min=-99), -1030, False),
        (M.MAX_UNSEEN, TagDay(max=93), 1031, True),
        (M.MAX_UNSEEN, TagDay(max=93), 1030, False),
        (M.MIN_UNSEEN, TagDay(min=-12), -221, True),
        (M.MIN_UNSEEN, TagDay(min=-12), -220, False),
    ],
)
def test_temperatures_differ_by_more_than_both_can_err(
    shadow: ReportShadow, kind: Contradiction, day: TagDay, value: int, expected: bool
) -> None:
    report = told(shadow, day)
    segment = shadow.anchored(covering(report, 1, value))
    for other in M:
        found = shadow.says(report, 1, other, 0, [segment])
        if other == kind:
            assert found == expected


@pytest.mark.parametrize("kind", [M.LOW_MISSED, M.HIGH_MISSED])
@pytest.mark.parametrize("stretches", [0, 1, 3])
def test_minutes_differ_by_more_than_intervals_explain(
    shadow: ReportShadow, kind: Contradiction, stretches: int
) -> None:
    """Each stretch explains an interval between readings and a minute, and there is one more."""
    high = kind == M.HIGH_MISSED
    limit = Limit(700 if high else 50, high)
    beyond = 720 if high else 40
    explained = stretches * STEP + (stretches + 1) * (STEP + 60)
    minutes = explained // 60
    here = shadow.now()
    for more, expected in ((0, False), (1, True)):
        shadow.again(here)
        here = shadow.now()
        day = TagDay(high=minutes + more) if high else TagDay(low=minutes + more)
        report = told(shadow, day)
        readings = covering(report, 1)
        changed = {f"i{5 * number + 7}": beyond for number in range(stretches)}
        segment = shadow.anchored(values(readings, **changed), [limit] if stretches else [])
        assert shadow.says(report, 1, kind, limit.value, [segment]) == expected
        other = M.LOW_MISSED if high else M.HIGH_MISSED
        assert shadow.says(report, 1, other, limit.value, [segment]) is False


@pytest.mark.parametrize(
    ("kind", "limit", "expected"),
    [
        (M.HIGH_MISSED, 700, True),
        (M.HIGH_MISSED, 701, False),
        (M.HIGH_MISSED, 699, True),
        (M.LOW_MISSED, 50, True),
        (M.LOW_MISSED, 49, False),
        (M.LOW_MISSED, 51, True),
    ],
)
def test_the_other_limit_is_further_inside(
    shadow: ReportShadow, kind: Contradiction, limit: int, expected: bool
) -> None:
    report = told(shadow, TagDay(low=300, high=300))
    segment = shadow.anchored(covering(report, 1))
    assert shadow.says(report, 1, kind, limit, [segment]) == expected


def test_what_a_segment_does_not_tell_contradicts_nothing(shadow: ReportShadow) -> None:
    """It was beyond the limit and does not say for how long."""
    report = told(shadow, TagDay(low=300, high=300))
    readings = values(covering(report, 1), i3=700, i9=50)
    segment = shadow.anchored(readings, [Limit(50, high=True), Limit(700, high=False)])
    assert shadow.says(report, 1, M.HIGH_MISSED, 700, [segment]) is False
    assert shadow.says(report, 1, M.LOW_MISSED, 50, [segment]) is False
    assert shadow.says(report, 1, M.HIGH_MISSED, 699, [segment]) is False
    assert shadow.says(report, 1, M.LOW_MISSED, 51, [segment]) is False


def test_a_day_is_covered_by_what_was_measured_all_the_time(shadow: ReportShadow) -> None:
    report = told(shadow, TagDay(max=150), TagDay(max=150))
    begin, end = span(report, 1)
    here = shadow.now()
    for readings, expected in (
        (course(begin, end), True),
        (course(begin - 1, end + 1), True),
        (course(begin + 1, end), False),
        (course(begin, end - 1), False),
        (course(begin, end, step=STEP + 1), False),
        ([*course(begin, begin + 3600), *course(begin + 3600 + STEP, end)], True),
        ([*course(begin, begin + 3600), *course(begin + 3600 + STEP + 1, end)], False),
    ):
        shadow.again(here)
        here = shadow.now()
        segment = shadow.anchored(readings)
        assert shadow.says(report, 1, M.MAX_MISSED, 0, [segment]) == expected


def parts(shadow: ReportShadow, readings: Sequence[Reading], *cuts: int, **how: Any) -> list[Segment]:
    """Segments that follow each other."""
    edges = [0, *cuts, len(readings)]
    return [
        shadow.anchored(readings[first:last], seq=seq, **how)
        for seq, (first, last) in enumerate(zip(edges, edges[1:], strict=False), 1)
    ]


def test_segments_that_follow_each_other_count_together(shadow: ReportShadow) -> None:
    report = told(shadow, TagDay(min=-20, max=150, low=300, high=300), TagDay(max=150))
    begin, end = span(report, 1)
    readings = course(begin - 6 * STEP, end + 6 * STEP)
    for cuts in ([3, 20, 50, 100], [6, 7, 102, 103]):
        here = shadow.now()
        segments = parts(shadow, readings, *cuts)
        for first in range(len(segments)):
            for last in range(first, len(segments)):
                some = segments[first : last + 1]
                for kind in (M.MAX_MISSED, M.MIN_MISSED):
                    shadow.says(report, 1, kind, 0, some)
                shadow.says(report, 1, M.HIGH_MISSED, 700, some)
                shadow.says(report, 1, M.MAX_UNSEEN, 0, some)
        found = [
            (first, last)
            for first in range(5)
            for last in range(first, 5)
            if shadow.says(report, 1, M.MAX_MISSED, 0, segments[first : last + 1])
        ]
        assert found == ([(1, 4)] if cuts[0] == 3 else [(1, 3)])
        shadow.again(here)


@pytest.mark.parametrize("cuts", [(), (20,), (20, 50)])
def test_time_between_segments_counts_as_beyond_the_limit(
    shadow: ReportShadow, cuts: tuple[int, ...]
) -> None:
    """The last reading of a segment holds until the next one is taken."""
    minutes = (STEP * len(cuts) + STEP + 60) // 60
    here = shadow.now()
    for more, expected in ((0, False), (1, True)):
        shadow.again(here)
        here = shadow.now()
        report = told(shadow, TagDay(low=minutes + more, high=minutes + more))
        segments = parts(shadow, covering(report, 1), *cuts)
        assert shadow.says(report, 1, M.HIGH_MISSED, 700, segments) == expected
        assert shadow.says(report, 1, M.LOW_MISSED, 50, segments) == expected


def test_the_lowest_and_the_highest_of_all_segments_count(shadow: ReportShadow) -> None:
    report = told(shadow, TagDay(min=-20, max=150))
    readings = covering(report, 1)
    here = shadow.now()
    for place in (0, 30, 60):
        for value, missed in ((1400, M.MIN_MISSED), (-100, M.MAX_MISSED)):
            shadow.again(here)
            here = shadow.now()
            segments = parts(shadow, values(readings, **{f"i{place}": value}), 20, 50)
            for kind in (M.MIN_MISSED, M.MAX_MISSED):
                assert shadow.says(report, 1, kind, 0, segments) == (kind == missed)


def test_what_lies_within_a_day_was_seen_by_the_logger(shadow: ReportShadow) -> None:
    report = told(shadow, TagDay(), TagDay(timeout=1), TagDay())
    begin, end = span(report, 3)
    here = shadow.now()
    for first, last, day, expected in (
        (begin, end, 3, True),
        (begin + 5, begin + 5, 3, True),
        (begin - 1, end, 3, False),
        (begin, end + 1, 3, False),
        (begin + DAY, end + DAY, 2, False),
        (begin + 2 * DAY + 5, begin + 2 * DAY + 5, 1, True),
        (begin - DAY + 40_000, begin - DAY + 50_000, 4, False),
        (begin + 3 * DAY, begin + 3 * DAY + 500, 0, False),
    ):
        for kind, value in ((M.MAX_UNSEEN, 3000), (M.MIN_UNSEEN, -3000)):
            shadow.again(here)
            here = shadow.now()
            readings = course(first, last, value) if last > first else [Reading(first, value)]
            segment = shadow.anchored(readings)
            assert shadow.says(report, day, kind, 0, [segment]) == expected, (first, day)


def test_one_segment_within_a_day_suffices(shadow: ReportShadow) -> None:
    """Several would make innocent ones suspect."""
    report = told(shadow, TagDay())
    begin, _ = span(report, 1)
    segments = parts(shadow, course(begin + 60, begin + 9000, 3000), 4)
    for some, expected in ((segments, False), (segments[:1], True), (segments[1:], True)):
        assert shadow.says(report, 1, M.MAX_UNSEEN, 0, some) == expected


def test_what_cannot_be_compared(shadow: ReportShadow) -> None:
    witness = shadow.witness
    other = witness.cold.device("LOGGER2")
    witness.cold.enrol(other)
    witness.cold.attach(other)
    shadow.catch_up()
    report = told(shadow, TagDay(max=150))
    readings = covering(report, 1)
    first, second, third = parts(shadow, readings, 30, 60)
    alien = shadow.anchored(covering(report, 1), logger=other)
    humid = shadow.anchored(covering(report, 1), quantity=HUMIDITY)
    unknown = first.with_values(max=551)
    shadow.model.archive[shadow.telemetry.digest_of(unknown)] = readings[:30], []
    contract = shadow.contract
    good: tuple[Any, ...] = report, 1, M.MAX_MISSED, 0
    for segments, error, index in (
        ([], "NotComparable", 0),
        ([unknown], "NotComparable", 0),
        ([first, unknown], "NotComparable", 1),
        ([humid], "NotComparable", 0),
        ([first._replace(subject=witness.twin)], "NotComparable", 0),
        ([first, third], "NotConsecutive", 1),
        ([second, first], "NotConsecutive", 1),
        ([first, first], "NotConsecutive", 1),
        ([first, second, alien], "NotConsecutive", 2),
    ):
        with reverts(error, index):
            contract.contradicts(*good, segments)
        if segments and unknown not in segments and segments[0].subject == report.subject:
            assert shadow.says(*good, segments) is None
    with reverts("NotComparable", 0):
        contract.contradicts(*good, [])
    with reverts("NotConsecutive", 1):
        contract.contradicts(*good, [first, third])
    forged = report._replace(table=(report.table[0],))
    with reverts("NotAttested", forged.id):
        contract.contradicts(forged, 0, M.MAX_MISSED, 0, [first])
    with reverts("NoSuchDay", 3, 3):
        contract.contradicts(report, 3, M.MAX_MISSED, 0, [first])
    assert shadow.says(*good, [first, second, third]) is True
    assert shadow.says(report, 1, M.NONE, 0, [first, second, third]) is False


def test_segments_about_another_twin_are_not_compared(shadow: ReportShadow) -> None:
    """Under the report's subject the chain knows no such segment."""
    witness = shadow.witness
    other = witness.world.register(sscc("2"), Kind.CONTAINER)
    logger = witness.cold.device("LOGGER2")
    witness.cold.enrol(logger)
    witness.cold.attach(logger, other)
    shadow.catch_up()
    report = told(shadow, TagDay(max=150))
    segment = shadow.anchored(covering(report, 1), logger=logger, subject=other)
    with reverts("NotComparable", 0):
        shadow.contract.contradicts(report, 1, M.MAX_MISSED, 0, [segment])


def test_a_contradiction_is_recorded_and_alerts(shadow: ReportShadow) -> None:
    world, contract = shadow.world, shadow.contract
    report = told(shadow, TagDay(max=150))
    segments = parts(shadow, covering(report, 1), 40)
    digests = [shadow.telemetry.digest_of(segment) for segment in segments]
    args = report, 1, M.MAX_MISSED, 5
    with reverts("NotContradicted", report.id, 1, M.MIN_MISSED):
        contract.contradict(report, 1, M.MIN_MISSED, 0, segments, sender=world.stranger)
    assert not any(contract.isContradicted(digest) for digest in digests)
    receipt = contract.contradict(*args, segments, sender=world.stranger)
    what = {"subject": report.subject, "report": report.id, "caller": world.stranger}
    what |= {"kind": M.MAX_MISSED, "limit": 5, "day": report.table[1]}
    alert = {"subject": report.subject, "code": CONTRADICTED, "org": world.maker.number}
    assert happened(receipt) == [
        *(("SegmentContradicted", {"segment": digest, **what}) for digest in digests),
        ("Alert", {**alert, "severity": MAJOR, "ref": report.id}),
    ]
    assert all(contract.isContradicted(digest) for digest in digests)
    with reverts("AlreadyContradicted", digests[1]):
        contract.contradict(*args, segments, sender=world.stranger)


def test_of_several_segments_the_new_ones_are_recorded(shadow: ReportShadow) -> None:
    report = told(shadow, TagDay(max=150), TagDay(max=150))
    begin, _ = span(report, 2)
    _, end = span(report, 1)
    segments = parts(shadow, course(begin, end), 50, 120, 150)
    stranger = shadow.world.stranger
    assert shadow.tell("contradict", report, 2, M.MAX_MISSED, 0, segments[:2], sender=stranger)
    assert shadow.tell("contradict", report, 1, M.MAX_MISSED, 0, segments[1:], sender=stranger)
    assert not shadow.tell("contradict", report, 1, M.MAX_MISSED, 0, segments[1:], sender=stranger)
    shadow.check_reports()


def test_evidence_falls_with_the_key(shadow: ReportShadow) -> None:
    """And counts again when a logger of another lot confirms it."""
    witness, world = shadow.witness, shadow.world
    key = other_key(witness)
    twin = world.register(asset("TAG2"), Kind.ASSET)
    shadow.catch_up()
    assert shadow.tell("registerLotKey", key, ACCURACY, world.now + YEARS, sender=witness.admin)
    assert shadow.tell("enrol", key.id, 5, twin, sender=witness.admin)
    assert shadow.tell("attach", key.logger(5), witness.cold.pallet, OFFSET, sender=witness.admin)
    report = told(shadow, TagDay(max=150))
    second = told(shadow, TagDay(max=150), lot=OTHER, serial=5)
    segment = shadow.anchored(covering(report, 1))
    digest, stranger = shadow.telemetry.digest_of(segment), world.stranger
    args = 1, M.MAX_MISSED, 0, [segment]
    assert shadow.tell("contradict", report, *args, sender=stranger)
    assert not shadow.tell("contradict", second, *args, sender=stranger)
    assert shadow.tell("revokeLotKey", witness.key.id, REASON, sender=witness.admin)
    assert not shadow.contract.isContradicted(digest)
    with reverts("KeyIsRevoked", witness.key.id):
        shadow.contract.contradict(report, *args, sender=stranger)
    assert shadow.tell("contradict", second, *args, sender=stranger)
    assert shadow.contract.isContradicted(digest)
    shadow.check_reports()


def test_a_report_of_a_struck_attachment_contradicts_nothing(shadow: ReportShadow) -> None:
    witness = shadow.witness
    report = told(shadow, TagDay(max=150))
    segment = shadow.anchored(covering(report, 1))
    args = report, 1, M.MAX_MISSED, 0, [segment]
    assert shadow.says(*args) is True
    assert shadow.tell("strike", witness.key.id, SERIAL, REASON, sender=witness.admin)
    with reverts("NoSuchAttachment", witness.logger, 1):
        shadow.contract.contradicts(*args)
    assert shadow.says(*args) is None


def test_the_accuracy_is_that_of_the_lot(shadow: ReportShadow) -> None:
    witness, world = shadow.witness, shadow.world
    key = other_key(witness)
    twin = world.register(asset("TAG2"), Kind.ASSET)
    shadow.catch_up()
    assert shadow.tell("registerLotKey", key, 100, world.now + YEARS, sender=witness.admin)
    assert shadow.tell("enrol", key.id, 5, twin, sender=witness.admin)
    assert shadow.tell("attach", key.logger(5), witness.cold.pallet, OFFSET, sender=witness.admin)
    report = told(shadow, TagDay(max=93), lot=OTHER, serial=5)
    here = shadow.now()
    for value, expected in ((730, False), (729, True)):
        shadow.again(here)
        here = shadow.now()
        segment = shadow.anchored(covering(report, 1, value))
        assert shadow.says(report, 1, M.MAX_MISSED, 0, [segment]) == expected
