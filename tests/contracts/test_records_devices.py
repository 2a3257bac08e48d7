"""Records of machine data: the device is the author, for the organisation that owns it."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.consortium import account_of
from tests.models.records import NOTHING, Authority, Authors, Authorship, Meaning, Statement, record_id
from tests.support import deploy, reverts
from tests.support.device_keys import SmartCard
from tests.support.recording import ONE, REASON, Desk, written
from tests.support.signers import SecureElement, Signer, Wallet
from tests.support.words import Duty, Role
from tests.support.world import DAY, World, happened, person


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


class Mixer:
    """The maker's device, enrolled with a key and attached to the part, and a schema for what it says."""

    def __init__(self, desk: Desk, signer: Signer | None = None, **terms: Any) -> None:
        self.desk = desk
        self.signer = signer or Wallet(person("mixer"))
        self.account = account_of(self.signer.name)
        self.id = desk.enrol(self.signer)
        desk.attach()
        self.schema = desk.schema("machine data", authors=Authors.DEVICES, **terms)

    def statement(self, **fields: Any) -> Statement:
        return self.desk.statement(self.schema, **{"signer_name": NOTHING} | fields)

    def sign(self, statement: Statement, sequence: int = 1, **how: Any) -> Authorship:
        signer = how.pop("signer", self.signer)
        return self.desk.sign(statement, signer, sequence, **{"device": self.id} | how)

    def write(self, statement: Statement, sequence: int = 1, **how: Any) -> Any:
        args = statement, how.pop("named", self.id), self.sign(statement, sequence, **how)
        return self.desk.contract.writeByDevice(*args, sender=self.desk.world.stranger)


def wallet(desk: Desk) -> Signer:
    return Wallet(person("mixer"))


def secure_element(desk: Desk) -> Signer:
    return SecureElement(desk.world.p256_verifier, 9)


def smart_card(desk: Desk) -> Signer:
    return SmartCard(deploy(desk.world.node, "ERC7913RSAVerifier"))


@pytest.mark.parametrize("kind", [wallet, secure_element, smart_card])
def test_a_device_writes_about_what_it_is_attached_to(desk: Desk, kind: Any) -> None:
    world, maker = desk.world, desk.world.maker
    mixer = Mixer(desk, kind(desk))
    statement = mixer.statement(data=b"21.5")
    args = statement, mixer.id, mixer.sign(statement)
    record = desk.contract.writeByDevice.call(*args, sender=world.stranger)
    receipt = desk.contract.writeByDevice(*args, sender=world.stranger)
    how = {"caller": world.stranger, "signed": 1, "device": mixer.id}
    assert happened(receipt) == [written(statement, maker, mixer.account, 1, world.now, **how)]
    entry = desk.contract.recordOf(record)
    assert (entry.author, entry.org, entry.device) == (mixer.account, maker.number, mixer.id)
    assert desk.contract.authorOf(record) == (mixer.account, maker.number)
    assert desk.contract.sequenceOf(mixer.account) == 1


def test_persons_write_where_devices_do_not(desk: Desk) -> None:
    mixer = Mixer(desk)
    statement = desk.statement(desk.step)
    with reverts("WrongAuthor", desk.step, Authors.PERSONS, mixer.id):
        mixer.write(statement)
    both = desk.schema("both", authors=Authors.PERSONS_AND_DEVICES)
    mixer.write(mixer.statement()._replace(schema=both))
    desk.write(desk.statement(both))
    assert [desk.contract.recordOf(record_id(desk.part, n)).device for n in (1, 2)] == [mixer.id, NOTHING]


def test_a_device_needs_no_duty(desk: Desk) -> None:
    mixer = Mixer(desk, duties=~Duty(0))
    mixer.write(mixer.statement())


def test_a_schema_that_is_over_or_unknown(desk: Desk) -> None:
    mixer = Mixer(desk)
    with reverts("UnknownSchema", REASON):
        mixer.write(mixer.statement()._replace(schema=REASON))
    desk.schema("machine data", 2, authors=Authors.DEVICES)
    with reverts("SchemaSuperseded", mixer.schema):
        mixer.write(mixer.statement())


def test_the_owner_of_the_device_has_the_roles(desk: Desk) -> None:
    world = desk.world
    mixer = Mixer(desk, roles=Role.MANUFACTURER | Role.CARRIER)
    mixer.write(mixer.statement())
    world.suspend(world.maker)
    values = mixer.id, world.maker.number, Role.MANUFACTURER | Role.CARRIER
    with reverts("DeviceOrganisation", *values):
        mixer.write(mixer.statement(), 2)
    world.suspend(world.maker, False)
    world.consortium.setRoles(world.maker.number, Role.RETAILER, sender=world.governor)
    with reverts("DeviceOrganisation", *values):
        mixer.write(mixer.statement(), 2)


def test_where_no_role_is_asked_for_any_will_do(desk: Desk) -> None:
    world, mixer = desk.world, Mixer(desk)
    for role in Role:
        world.consortium.setRoles(world.maker.number, role, sender=world.governor)
        mixer.write(mixer.statement(), desk.contract.sequenceOf(mixer.account) + 1)
    world.consortium.setRoles(world.maker.number, 0, sender=world.governor)
    with reverts("DeviceOrganisation", mixer.id, world.maker.number, 0):
        mixer.write(mixer.statement(), 13)
    world.consortium.setRoles(world.maker.number, 1, sender=world.governor)
    world.suspend(world.maker)
    with reverts("DeviceOrganisation", mixer.id, world.maker.number, 0):
        mixer.write(mixer.statement(), 13)
    with reverts("DeviceOrganisation", REASON, 0, 0):
        mixer.write(mixer.statement(), 13, named=REASON)


def test_the_organisation_is_the_owner_at_that_time(desk: Desk) -> None:
    world, mixer = desk.world, Mixer(desk)
    mixer.write(mixer.statement())
    world.give_title(mixer.id, world.maker, world.retailer)
    mixer.write(mixer.statement(), 2)
    owners = [desk.contract.recordOf(record_id(desk.part, n)).org for n in (1, 2)]
    assert owners == [world.maker.number, world.retailer.number]
    near = desk.schema("near", authors=Authors.DEVICES, authority=Authority.OWNER_OR_CUSTODIAN)
    values = desk.part, world.retailer.number, Authority.OWNER_OR_CUSTODIAN
    with reverts("NoAuthorityOver", *values):
        mixer.write(mixer.statement()._replace(schema=near), 3)


def test_attached_at_the_time_of_the_fact(desk: Desk) -> None:
    world, mixer, start = desk.world, Mixer(desk), desk.world.now
    world.node.warp(10)
    admin = world.maker.device_admin
    world.devices.detach(mixer.id, sender=admin)
    world.node.warp(10)
    number = 0
    for time, attached in ((start - 1, False), (start, True), (start + 10, True), (start + 11, False)):
        statement = mixer.statement(effective_at=time)
        if attached:
            number += 1
            mixer.write(statement, number)
        else:
            with reverts("NotAttachedDuring", mixer.id, desk.part, time, time):
                mixer.write(statement, number + 1)
    other = world.register("https://id.gs1.org/01/09506000134352/21/2")
    statement = mixer.statement(subject=other)
    with reverts("NotAttachedDuring", mixer.id, other, world.now, world.now):
        mixer.write(statement, 3)


def test_a_device_cannot_tell_the_future_either(desk: Desk) -> None:
    mixer, now = Mixer(desk), desk.world.now
    with reverts("EffectiveInFuture", now + 1, now):
        mixer.write(mixer.statement(effective_at=now + 1))


def test_nothing_is_not_written_about(desk: Desk) -> None:
    mixer = Mixer(desk)
    statement = mixer.statement()._replace(subject=REASON)
    with reverts("UnknownSubject", REASON):
        mixer.write(statement)


def test_only_its_key_of_today_signs(desk: Desk) -> None:
    world, mixer = desk.world, Mixer(desk)
    statement, admin = mixer.statement(), world.maker.device_admin
    other = Wallet(person("thief"))
    with reverts("WrongSigner", mixer.id, other.name):
        mixer.write(statement, signer=other)
    forged = mixer.sign(statement)._replace(signature=other.sign(REASON))
    digest = desk.contract.digestOfStatement(statement, NOTHING, NOTHING, mixer.id, 1, forged.deadline)
    with reverts("InvalidDeviceSignature", mixer.id, digest):
        desk.contract.writeByDevice(statement, mixer.id, forged, sender=world.stranger)
    with reverts("InvalidDeviceSignature"):
        mixer.write(statement, device=NOTHING)
    world.devices.rotateKey(mixer.id, other.name, sender=admin)
    with reverts("WrongSigner", mixer.id, mixer.signer.name):
        mixer.write(statement)
    mixer.write(statement, signer=other)
    world.devices.revoke(mixer.id, REASON, sender=admin)
    with reverts("NotEnrolled", mixer.id):
        mixer.write(statement, 2, signer=other)


def test_what_a_person_signed_is_not_what_a_device_signed(desk: Desk) -> None:
    """The same key may stand for a person: the message says for whom it speaks."""
    mixer, world = Mixer(desk), desk.world
    world.hire(world.maker, mixer.signer.name)
    both = desk.schema("both", authors=Authors.PERSONS_AND_DEVICES)
    statement = desk.statement(both)
    for as_device, named in ((True, False), (False, True)):
        signed = mixer.sign(statement, device=mixer.id if as_device else NOTHING)
        error = "InvalidDeviceSignature" if named else "InvalidSignature"
        with reverts(error):
            if named:
                args = statement, mixer.id, signed
                desk.contract.writeByDevice(*args, sender=world.stranger)
            else:
                desk.contract.writeSigned(statement, signed, sender=world.stranger)
    mixer.write(statement)
    desk.contract.writeSigned(statement, mixer.sign(statement, 2, device=NOTHING), sender=world.stranger)
    accounts = [desk.contract.authorOf(record_id(desk.part, n)) for n in (1, 2)]
    assert accounts == [(mixer.account, world.maker.number)] * 2
    devices = [desk.contract.recordOf(record_id(desk.part, n)).device for n in (1, 2)]
    assert devices == [mixer.id, NOTHING]


def test_in_turn_once_and_in_time(desk: Desk) -> None:
    mixer, world = Mixer(desk), desk.world
    statement = mixer.statement()
    until = world.now + DAY
    signed = mixer.sign(statement, deadline=until)
    args = statement, mixer.id, signed
    with reverts("WrongSequence", mixer.account, 1, 2):
        mixer.write(statement, 2)
    world.node.warp(DAY)
    here = world.node.snapshot()
    desk.contract.writeByDevice(*args, sender=world.stranger)
    with reverts("WrongSequence", mixer.account, 2, 1):
        desk.contract.writeByDevice(*args, sender=world.stranger)
    world.node.revert(here)
    world.node.warp(1)
    with reverts("DeadlinePassed", desk.part, until, world.now):
        desk.contract.writeByDevice(*args, sender=world.stranger)


def test_a_person_amends_what_a_device_wrote(desk: Desk) -> None:
    """Whoever corrects machine data is somebody, with the duties of the schema and a reason."""
    world, mixer = desk.world, Mixer(desk)
    mixer.write(mixer.statement())
    first = record_id(desk.part, 1)
    with reverts("MissingDuty", world.maker.ship, Duty.SHIP, Duty.RECORD):
        desk.amend(first, mixer.statement(), world.maker.ship)
    second = desk.amend(first, mixer.statement(), world.maker.record)
    assert desk.contract.authorOf(second) == (world.maker.record, world.maker.number)
    assert desk.contract.recordOf(second).device == NOTHING


def test_a_person_checks_what_a_device_wrote(desk: Desk) -> None:
    """21 CFR 211.188(b)(11): of an automated step, who checked it."""
    world = desk.world
    mixer = Mixer(desk, second_persons=1, meanings=Meaning.RESPONSIBILITY)
    mixer.write(mixer.statement())
    record = record_id(desk.part, 1)
    assert not desk.contract.complete(record)
    desk.countersign(record, Meaning.RESPONSIBILITY, world.maker.record)
    assert desk.contract.complete(record)
    world.hire(world.maker, mixer.signer.name)
    with reverts("SamePerson", record, mixer.account):
        desk.countersign(record, Meaning.REVIEW, mixer.account)


# -------------------------------------------------------------------------------------------- about a lot


def test_a_device_writes_about_a_lot_of_its_owner(desk: Desk) -> None:
    """No device can be attached to a lot: its owner made the lot or has some of it."""
    world, lot = desk.world, desk.lot
    mixer = Mixer(desk)
    mixer.write(mixer.statement(subject=lot))
    entry = desk.contract.recordOf(record_id(lot, 1))
    assert (entry.subject, entry.device, entry.org) == (lot, mixer.id, world.maker.number)
    world.give_title(mixer.id, world.maker, world.retailer)
    values = lot, world.retailer.number, Authority.OWNER_OR_CUSTODIAN
    with reverts("NoAuthorityOver", *values):
        mixer.write(mixer.statement(subject=lot), 2)
    terms = ONE, 0, world.now, world.ref("shipping")
    world.lots.offerQuantity(lot, world.retailer.number, *terms, sender=world.maker.ship)
    world.lots.acceptQuantity(lot, world.maker.number, ONE, 0, world.ref(), sender=world.retailer.receive)
    mixer.write(mixer.statement(subject=lot), 2)
    made = desk.schema("made", authors=Authors.DEVICES, authority=Authority.MAKER)
    with reverts("NoAuthorityOver", lot, world.retailer.number, Authority.MAKER):
        mixer.write(mixer.statement(subject=lot)._replace(schema=made), 3)


def test_about_a_lot_too_only_the_key_of_today_signs(desk: Desk) -> None:
    world, lot, mixer = desk.world, desk.lot, Mixer(desk)
    statement, admin, other = mixer.statement(subject=lot), world.maker.device_admin, Wallet(person("thief"))
    with reverts("WrongSigner", mixer.id, other.name):
        mixer.write(statement, signer=other)
    forged = mixer.sign(statement)._replace(signature=other.sign(REASON))
    digest = desk.contract.digestOfStatement(statement, NOTHING, NOTHING, mixer.id, 1, forged.deadline)
    with reverts("InvalidSignature", digest, mixer.signer.name):
        desk.contract.writeByDevice(statement, mixer.id, forged, sender=world.stranger)
    world.devices.revoke(mixer.id, REASON, sender=admin)
    with reverts("NotEnrolled", mixer.id):
        mixer.write(statement)
    with reverts("NotEnrolled", desk.part):
        mixer.write(statement, named=desk.part)


def test_a_rule_is_told_of_the_device(desk: Desk) -> None:
    rule = desk.rule(9)
    mixer = Mixer(desk, rule=rule.address)
    statement = mixer.statement()
    selector = keccak(
        text="Asked((bytes32,bytes32,bytes32,uint32,uint40,bytes32,bytes32,bytes,string),address,uint32,"
        "bytes32,bytes32)"
    )[:4]
    words = (160).to_bytes(32, "big") + bytes.fromhex(mixer.account[2:]).rjust(32, b"\0")
    words += (1).to_bytes(32, "big") + mixer.id + NOTHING + statement.subject + statement.schema
    answer = (selector + words + statement.content)[:256]
    with reverts("RuleRefused", mixer.schema, rule.address, b"", answer):
        mixer.write(statement)
