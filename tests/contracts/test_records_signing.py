"""Records: amendments, signatures in second place, and what people sign for others to bring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.consortium import account_of
from tests.models.records import (
    LATE,
    MINOR,
    NOTHING,
    Authority,
    Authors,
    Authorship,
    Countersignature,
    Meaning,
    Statement,
    digest_of_countersignature,
    digest_of_statement,
    domain_of,
    record_id,
)
from tests.support import Forwarder, deploy, reverts
from tests.support.device_keys import Passkey, SmartCard
from tests.support.recording import CONTENT, HOUR, NAME, QA_NAME, REASON, Desk, written
from tests.support.signers import SecureElement, Signer, Wallet
from tests.support.words import Duty, Role
from tests.support.world import DAY, World, happened, person, uri

EVERY = [Meaning.AUTHORSHIP, Meaning.REVIEW, Meaning.APPROVAL, Meaning.RESPONSIBILITY]


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


# ----------------------------------------------------------------------------------------------- amendments


def test_an_amendment_supersedes(desk: Desk) -> None:
    maker, contract = desk.world.maker, desk.contract
    first = desk.write()
    before = contract.recordOf(first)
    statement = desk.statement(content=keccak(text="corrected"))
    args = statement, first, REASON
    second = contract.amend.call(*args, sender=maker.all)
    receipt = contract.amend(*args, sender=maker.all)
    superseded = {"record": first, "org": maker.number, "successor": second, "author": maker.all}
    assert happened(receipt) == [
        written(statement, maker, maker.all, 2, desk.world.now),
        ("RecordSuperseded", superseded | {"reason": REASON}),
    ]
    assert second == record_id(desk.part, 2)
    after = contract.recordOf(first)
    assert after == before._replace(complete=False, successor=second), "what was written stays"
    assert contract.successorOf(first) == second
    assert not contract.complete(first)
    entry = contract.recordOf(second)
    assert (entry.amendment, entry.complete, entry.author, entry.sequence) == (True, True, maker.all, 2)
    assert (entry.late, entry.trueCopy, entry.bundle, entry.disposed) == (False,) * 4
    assert contract.recordCount(desk.part) == 2


def test_a_record_has_one_successor(desk: Desk) -> None:
    first = desk.write()
    second = desk.amend(first)
    with reverts("Superseded", first, second):
        desk.amend(first)
    third = desk.amend(second)
    with reverts("Superseded", second, third):
        desk.amend(second)
    assert [desk.contract.successorOf(r) for r in (first, second, third)] == [second, third, NOTHING]
    assert [desk.contract.recordOf(r).amendment for r in (first, second, third)] == [False, True, True]


def test_a_late_amendment_is_marked_and_told_before_what_it_supersedes(desk: Desk) -> None:
    maker, now = desk.world.maker, desk.world.now
    first = desk.write()
    statement = desk.statement(effective_at=now - HOUR - 1)
    receipt = desk.contract.amend(statement, first, REASON, sender=maker.record)
    second = record_id(desk.part, 2)
    alert = {"subject": desk.part, "code": LATE, "org": maker.number, "severity": MINOR, "ref": second}
    names = [name for name, _ in happened(receipt)]
    assert names == ["RecordWritten", "Alert", "RecordSuperseded"]
    assert happened(receipt)[1] == ("Alert", alert)


def test_only_what_was_written_is_amended(desk: Desk) -> None:
    for nothing in (NOTHING, record_id(desk.part, 1), desk.part):
        with reverts("UnknownRecord", nothing):
            desk.amend(nothing, desk.statement())
    first = desk.write()
    with reverts("UnknownRecord", record_id(desk.part, 2)):
        desk.amend(record_id(desk.part, 2), desk.statement())
    with reverts("NoReason", first):
        desk.contract.amend(desk.statement(), first, NOTHING, sender=desk.world.maker.record)


def test_an_amendment_is_about_the_same_subject(desk: Desk) -> None:
    first, other = desk.write(), desk.world.register(uri("2"))
    for subject in (other, desk.lot):
        with reverts("OtherSubject", first, desk.part, subject):
            desk.amend(first, desk.statement(subject=subject))


def test_an_amendment_has_the_schema_or_the_newest_version_of_it(desk: Desk) -> None:
    world = desk.world
    first = desk.write()
    another, theirs = desk.schema("other"), desk.schema(org=world.carrier)
    for wrong in (another, theirs, CONTENT, NOTHING):
        with reverts("OtherSchema", first, desk.step, wrong):
            desk.amend(first, desk.statement()._replace(schema=wrong))
    second_version = desk.schema(version=2)
    second = desk.amend(first, desk.statement(desk.step))
    assert desk.contract.schemaOf(second) == desk.step, "the same one, though it is superseded"
    third_version = desk.schema(version=3)
    with reverts("OtherSchema", second, desk.step, second_version):
        desk.amend(second, desk.statement(second_version))
    third = desk.amend(second, desk.statement(third_version))
    assert desk.contract.schemaOf(third) == third_version
    for older in (desk.step, second_version):
        with reverts("OtherSchema", third, third_version, older):
            desk.amend(third, desk.statement(older))


def test_who_amends_is_of_the_authors_organisation(desk: Desk) -> None:
    world = desk.world
    first = desk.write()
    for org in world.orgs[1:]:
        with reverts("NotRecordOrganisation", first, org.number, world.maker.number):
            desk.amend(first, sender=org.record)
    with reverts("UnknownAccount", world.stranger):
        desk.amend(first, sender=world.stranger)
    with reverts("MissingDuty", world.maker.quality, Duty.QUALITY, Duty.RECORD):
        desk.amend(first, sender=world.maker.quality)
    machine = Forwarder.deploy(world.node, world.maker.record)
    with reverts("UnknownAccount", machine.address):
        desk.amend(first, sender=machine)
    world.hire(world.maker, machine, Duty.RECORD)
    assert desk.contract.authorOf(desk.amend(first, sender=machine)) == (machine.address, world.maker.number)


def test_an_amendment_keeps_to_its_schema(desk: Desk) -> None:
    """Roles, duties, authority, rule and content are those of any other record."""
    world = desk.world
    schema = desk.schema("near", authority=Authority.OWNER_OR_CUSTODIAN)
    first = desk.write(desk.statement(schema))
    for content, documents in ((NOTHING, 1), (CONTENT, 0)):
        with reverts("NoContent", content, documents):
            desk.amend(first, desk.statement(schema, content=content, documents=documents))
    with reverts("EffectiveInFuture", world.now + 1, world.now):
        desk.amend(first, desk.statement(schema, effective_at=world.now + 1))
    newer = desk.schema("near", 2, authority=Authority.OWNER_OR_CUSTODIAN, roles=Role.CARRIER)
    with reverts("MissingRole", world.maker.number, Role.MANUFACTURER, Role.CARRIER):
        desk.amend(first, desk.statement(newer))
    world.give_title(desk.part, world.maker, world.retailer)
    world.move(desk.part, world.maker, world.carrier)
    values = desk.part, world.maker.number, Authority.OWNER_OR_CUSTODIAN
    with reverts("NoAuthorityOver", *values):
        desk.amend(first, desk.statement(schema))


# ------------------------------------------------------------------------------------------ in second place


@pytest.mark.parametrize("meaning", EVERY)
def test_a_second_person_signs(desk: Desk, meaning: Meaning) -> None:
    world, contract = desk.world, desk.contract
    record = desk.write()
    item = desk.second(record, meaning)
    receipt = contract.countersign(item, sender=world.maker.all)
    fact = {"record": record, "org": world.maker.number, "signer": world.maker.all}
    fact |= {"caller": world.maker.all, "meaning": meaning, "signerName": QA_NAME, "time": world.now}
    assert happened(receipt) == [("Countersigned", fact)]
    entry = contract.recordOf(record)
    assert (entry.meanings, entry.countersigners) == (meaning, 1)
    assert contract.signedBy(record, world.maker.all) == meaning
    assert contract.signedBy(record, world.maker.record) == 0
    for asked in range(16):
        assert contract.countersigned(record, asked) == (asked == meaning)


def test_a_person_signs_for_several_meanings_and_is_one_person(desk: Desk) -> None:
    record, account = desk.write(), desk.world.maker.all
    for number, meaning in enumerate(EVERY, 1):
        desk.countersign(record, meaning, account)
        with reverts("AlreadySigned", record, account, meaning):
            desk.countersign(record, meaning, account)
        entry = desk.contract.recordOf(record)
        assert (entry.meanings, entry.countersigners) == (2**number - 1, 1)
    assert desk.contract.signedBy(record, account) == 15
    assert all(desk.contract.countersigned(record, meanings) for meanings in range(1, 16))
    assert not desk.contract.countersigned(record, 0)


def test_the_author_does_not_sign_in_second_place(desk: Desk) -> None:
    world = desk.world
    record = desk.write(sender=world.maker.all)
    for meaning in EVERY:
        with reverts("SamePerson", record, world.maker.all):
            desk.countersign(record, meaning, world.maker.all)
    amendment = desk.amend(record, sender=world.maker.record)
    desk.countersign(amendment, Meaning.REVIEW, world.maker.all)
    assert desk.contract.recordOf(amendment).countersigners == 1, "an amendment has its own author"


def test_an_author_stays_the_author_in_another_organisation(desk: Desk) -> None:
    world, account = desk.world, desk.world.stranger
    schema = desk.schema("open", signer_roles=Role.CARRIER)
    world.hire(world.maker, account)
    record = desk.write(desk.statement(schema), account)
    world.hire(world.maker, account, 0)
    world.hire(world.carrier, account)
    with reverts("SamePerson", record, account):
        desk.countersign(record, Meaning.REVIEW, account)


@pytest.mark.parametrize("meaning", [0, 3, 5, 6, 9, 12, 15, 16, 17, 32, 64, 128, 255])
def test_a_signature_has_one_meaning(desk: Desk, meaning: int) -> None:
    record = desk.write()
    with reverts("UnknownMeaning", meaning):
        desk.countersign(record, meaning)


@pytest.mark.parametrize("meaning", EVERY)
@pytest.mark.parametrize("duty", [Duty.RECORD, Duty.QUALITY, Duty.SHIP])
def test_review_and_approval_are_for_quality(desk: Desk, meaning: Meaning, duty: Duty) -> None:
    """The others are for those to whom the schema is open."""
    world = desk.world
    record = desk.write(sender=world.maker.all)
    account = world.maker.with_duty(duty)
    wanted = Duty.QUALITY if meaning in (Meaning.REVIEW, Meaning.APPROVAL) else Duty.RECORD
    if duty == wanted:
        desk.countersign(record, meaning, account)
        return
    with reverts("MissingDuty", account, duty, wanted):
        desk.countersign(record, meaning, account)


def test_the_roles_of_the_schema_are_the_authors(desk: Desk) -> None:
    """A second person of the same organisation needs no role: it had that when the record was written."""
    world = desk.world
    schema = desk.schema("made", roles=Role.MANUFACTURER)
    record = desk.write(desk.statement(schema))
    world.consortium.setRoles(world.maker.number, Role.SUPPLIER, sender=world.governor)
    desk.countersign(record)
    with reverts("MissingRole", world.maker.number, Role.SUPPLIER, Role.MANUFACTURER):
        desk.write(desk.statement(schema))


def test_others_sign_if_the_schema_says_so(desk: Desk) -> None:
    world = desk.world
    closed = desk.write()
    roles = Role.REGULATOR | Role.CARRIER
    opened = desk.write(desk.statement(desk.schema("open", signer_roles=roles)))
    for org in world.orgs[1:]:
        with reverts("MayNotSign", closed, org.number, 0):
            desk.countersign(closed, Meaning.APPROVAL, org.quality)
        if org.roles & roles:
            desk.countersign(opened, Meaning.APPROVAL, org.quality)
        else:
            with reverts("MayNotSign", opened, org.number, roles):
                desk.countersign(opened, Meaning.APPROVAL, org.quality)
    assert desk.contract.recordOf(opened).countersigners == 2
    with reverts("UnknownAccount", world.stranger):
        desk.countersign(opened, Meaning.APPROVAL, world.stranger)
    world.suspend(world.maker)
    with reverts("OrganisationSuspended", world.maker.number):
        desk.countersign(opened)


def test_a_contract_signs_in_its_own_name(desk: Desk) -> None:
    world, record = desk.world, desk.write()
    machine = Forwarder.deploy(world.node, world.maker.quality)
    with reverts("UnknownAccount", machine.address):
        desk.countersign(record, Meaning.REVIEW, machine)
    world.hire(world.maker, machine, Duty.QUALITY)
    [(_, fields)] = happened(desk.countersign(record, Meaning.REVIEW, machine))
    assert (fields["signer"], fields["caller"]) == (machine.address, machine.address)


def test_what_is_signed_is_what_was_seen(desk: Desk) -> None:
    record, quality = desk.write(), desk.world.maker.quality
    other = keccak(text="another document")
    item = desk.second(record, content=other)
    with reverts("OtherContent", record, CONTENT, other):
        desk.contract.countersign(item, sender=quality)
    missing = record_id(desk.part, 2)
    with reverts("UnknownRecord", missing):
        desk.contract.countersign(Countersignature(missing, NOTHING, 2), sender=quality)


def test_what_is_superseded_is_not_signed(desk: Desk) -> None:
    first = desk.write()
    desk.countersign(first, Meaning.REVIEW)
    second = desk.amend(first)
    with reverts("Superseded", first, second):
        desk.countersign(first, Meaning.APPROVAL)
    assert desk.contract.recordOf(first)[14:16] == (Meaning.REVIEW, 1), "it was, before"
    assert desk.contract.recordOf(second)[14:16] == (0, 0), "signatures do not pass to what supersedes"


def test_a_record_has_up_to_fifteen_countersigners(desk: Desk) -> None:
    world = desk.world
    record = desk.write()
    people = [person(f"witness {number}") for number in range(16)]
    for one in people:
        world.hire(world.maker, one)
    for number, one in enumerate(people[:15], 1):
        desk.countersign(record, Meaning.RESPONSIBILITY, one)
        assert desk.contract.recordOf(record).countersigners == number
    with reverts("TooManyCountersigners", record):
        desk.countersign(record, Meaning.RESPONSIBILITY, people[15])
    desk.countersign(record, Meaning.REVIEW, people[0])
    entry = desk.contract.recordOf(record)
    assert (entry.countersigners, entry.meanings) == (15, Meaning.RESPONSIBILITY | Meaning.REVIEW)
    assert entry[9:14] == (False,) * 5, "counting touches nothing beside it"


@pytest.mark.parametrize("persons", [0, 1, 2, 3])
@pytest.mark.parametrize("meanings", [0, 2, 10])
def test_a_record_is_complete_when_those_asked_for_have_signed(
    desk: Desk, persons: int, meanings: int
) -> None:
    world = desk.world
    schema = desk.schema("signed", second_persons=persons, meanings=meanings)
    record = desk.write(desk.statement(schema))
    steps = [
        (Meaning.RESPONSIBILITY, world.maker.all),
        (Meaning.APPROVAL, world.maker.quality),
        (Meaning.REVIEW, world.maker.all),
        (Meaning.APPROVAL, person("third")),
    ]
    world.hire(world.maker, person("third"))
    found, signed = set(), 0
    for meaning, account in [(Meaning(0), world.stranger), *steps]:
        if meaning:
            desk.countersign(record, meaning, account)
            found.add(account)
            signed |= meaning
        expected = len(found) >= persons and signed & meanings == meanings
        assert desk.contract.complete(record) == desk.contract.recordOf(record).complete == expected
    amendment = desk.amend(record, desk.statement(schema))
    assert not desk.contract.complete(record)
    assert desk.contract.complete(amendment) == (persons == 0 and meanings == 0)


# ----------------------------------------------------------------------------------- signed, brought by any


def wallet(desk: Desk) -> Signer:
    return Wallet(person("recorder"))


def contract_account(desk: Desk) -> Signer:
    owner = person("recorder")
    account = deploy(desk.world.node, "TestWallet", owner)
    return Wallet(owner, bytes.fromhex(account.address[2:]))


def passkey(desk: Desk) -> Signer:
    return Passkey(deploy(desk.world.node, "ERC7913WebAuthnVerifier"), 7)


def secure_element(desk: Desk) -> Signer:
    return SecureElement(desk.world.p256_verifier, 7)


def smart_card(desk: Desk) -> Signer:
    return SmartCard(deploy(desk.world.node, "ERC7913RSAVerifier"))


KINDS = [wallet, contract_account, passkey, secure_element, smart_card]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_signer_writes_amends_and_signs(desk: Desk, kind: Callable[[Desk], Signer]) -> None:
    world, contract, maker = desk.world, desk.contract, desk.world.maker
    signer = kind(desk)
    account = world.hire(maker, signer.name, Duty.RECORD)
    assert account == account_of(signer.name)
    statement = desk.statement(data=b"values", uri="urn:x")
    authorship = desk.sign(statement, signer)
    first = contract.writeSigned.call(statement, authorship, sender=world.stranger)
    receipt = contract.writeSigned(statement, authorship, sender=world.stranger)
    event = written(statement, maker, account, 1, world.now, caller=world.stranger, signed=1)
    assert happened(receipt) == [event]
    assert contract.authorOf(first) == (account, maker.number)
    assert contract.sequenceOf(account) == 1
    corrected = desk.statement(content=keccak(text="corrected"))
    authorship = desk.sign(corrected, signer, 2, supersedes=first, reason=REASON)
    second = contract.amendSigned.call(corrected, first, REASON, authorship, sender=world.stranger)
    receipt = contract.amendSigned(corrected, first, REASON, authorship, sender=world.stranger)
    event = written(corrected, maker, account, 2, world.now, caller=world.stranger, signed=2)
    superseded = {"record": first, "org": maker.number, "successor": second, "author": account}
    assert happened(receipt) == [event, ("RecordSuperseded", superseded | {"reason": REASON})]
    assert contract.sequenceOf(account) == 2
    theirs = desk.write()
    item = desk.second(theirs, Meaning.RESPONSIBILITY)
    until = world.now
    signature = signer.sign(contract.digestOfCountersignature(item, until))
    receipt = contract.countersignSigned(item, until, signer.name, signature, sender=world.stranger)
    fact = {"record": theirs, "org": maker.number, "signer": account, "caller": world.stranger}
    fact |= {"meaning": Meaning.RESPONSIBILITY, "signerName": QA_NAME, "time": world.now}
    assert happened(receipt) == [("Countersigned", fact)]
    assert contract.signedBy(theirs, account) == Meaning.RESPONSIBILITY
    with reverts("AlreadySigned", theirs, account, Meaning.RESPONSIBILITY):
        contract.countersignSigned(item, until, signer.name, signature, sender=world.stranger)


def test_the_digests_are_those_of_eip_712(desk: Desk) -> None:
    contract = desk.contract
    domain = domain_of(contract.address, desk.world.node.chain_id)
    statement = Statement(
        *(keccak(text=name) for name in ("subject", "schema", "content")),
        documents=7,
        effective_at=123,
        original=keccak(text="original"),
        signer_name=NAME,
        data=b"data",
        uri="https://example.com/ü",
    )
    rest = keccak(text="record"), REASON, keccak(text="device"), 5, 2**40 - 1
    assert contract.digestOfStatement(statement, *rest) == digest_of_statement(domain, statement, *rest)
    item = Countersignature(keccak(text="record"), CONTENT, 4, QA_NAME)
    expected = digest_of_countersignature(domain, item, 99)
    assert contract.digestOfCountersignature(item, 99) == expected


def test_every_field_is_signed(desk: Desk) -> None:
    """With any of them changed, the signature is of something else."""
    world, contract, signer = desk.world, desk.contract, Wallet(person("recorder"))
    world.hire(world.maker, signer.name)
    statement, authorship = desk.statement(), desk.sign(desk.statement(), signer)
    other = keccak(text="other")
    changes: list[Statement] = [
        statement._replace(**{name: value})
        for name, value in {
            "subject": desk.lot,
            "schema": desk.schema("other"),
            "content": other,
            "documents": 2,
            "effective_at": statement.effective_at - 1,
            "original": other,
            "signer_name": other,
            "data": b"1",
            "uri": "1",
        }.items()
    ]
    assert len(changes) == len(statement)
    for changed in changes:
        digest = contract.digestOfStatement(changed, NOTHING, NOTHING, NOTHING, 1, authorship.deadline)
        with reverts("InvalidSignature", digest, signer.name):
            contract.writeSigned(changed, authorship, sender=world.stranger)
    later = authorship._replace(deadline=authorship.deadline + 1)
    with reverts("InvalidSignature"):
        contract.writeSigned(statement, later, sender=world.stranger)
    another = authorship._replace(signer=bytes.fromhex(person("another")[2:]))
    with reverts("InvalidSignature"):
        contract.writeSigned(statement, another, sender=world.stranger)
    first = desk.write()
    with reverts("InvalidSignature"):
        contract.amendSigned(statement, first, REASON, authorship, sender=world.stranger)
    for how in ({"supersedes": first}, {"reason": REASON}, {"device": other}, {"deadline": world.now}):
        with reverts("InvalidSignature"):
            contract.writeSigned(
                statement,
                desk.sign(statement, signer, **how)._replace(deadline=authorship.deadline),
                sender=world.stranger,
            )
    second = desk.write()
    meant = desk.sign(statement, signer, supersedes=first, reason=REASON)
    for wrong in ((second, REASON), (first, other)):
        with reverts("InvalidSignature"):
            contract.amendSigned(statement, *wrong, meant, sender=world.stranger)
    contract.amendSigned(statement, first, REASON, meant, sender=world.stranger)


def test_every_field_of_a_countersignature_is_signed(desk: Desk) -> None:
    world, contract, signer = desk.world, desk.contract, Wallet(person("recorder"))
    world.hire(world.maker, signer.name)
    record, twin = desk.write(), desk.write()
    item, until = desk.second(record), world.now + 9
    signature = signer.sign(contract.digestOfCountersignature(item, until))
    for changed in (
        item._replace(record=twin),
        item._replace(meaning=Meaning.APPROVAL),
        item._replace(signer_name=NAME),
        item._replace(content=NAME),
    ):
        digest = contract.digestOfCountersignature(changed, until)
        with reverts("InvalidSignature", digest, signer.name):
            contract.countersignSigned(changed, until, signer.name, signature, sender=world.stranger)
    with reverts("InvalidSignature"):
        contract.countersignSigned(item, until + 1, signer.name, signature, sender=world.stranger)
    contract.countersignSigned(item, until, signer.name, signature, sender=world.stranger)


def test_statements_of_a_signer_come_in_turn_and_once(desk: Desk) -> None:
    world, contract, signer = desk.world, desk.contract, Wallet(person("recorder"))
    account = world.hire(world.maker, signer.name)
    statement = desk.statement()
    first = desk.sign(statement, signer, 1)
    for wrong in (0, 2, 2**32 - 1):
        with reverts("WrongSequence", account, 1, wrong):
            contract.writeSigned(statement, desk.sign(statement, signer, wrong), sender=world.stranger)
    contract.writeSigned(statement, first, sender=world.stranger)
    with reverts("WrongSequence", account, 2, 1):
        contract.writeSigned(statement, first, sender=world.stranger)
    record = record_id(desk.part, 1)
    again = desk.sign(statement, signer, 1, supersedes=record, reason=REASON)
    with reverts("WrongSequence", account, 2, 1):
        contract.amendSigned(statement, record, REASON, again, sender=world.stranger)
    contract.write(statement, sender=world.maker.record)
    assert contract.sequenceOf(account) == 1, "others, and what it sends itself, do not count"
    contract.writeSigned(statement, desk.sign(statement, signer, 2), sender=world.stranger)
    assert contract.sequenceOf(account) == 2
    assert contract.sequenceOf(world.maker.record) == 0


def test_a_refused_statement_takes_no_turn(desk: Desk) -> None:
    world, contract, signer = desk.world, desk.contract, Wallet(person("recorder"))
    account = world.hire(world.maker, signer.name)
    wrong = desk.statement(content=NOTHING)
    with reverts("NoContent", NOTHING, 1):
        contract.writeSigned(wrong, desk.sign(wrong, signer, 1), sender=world.stranger)
    assert contract.sequenceOf(account) == 0


@pytest.mark.parametrize("wait", [DAY - 1, DAY, DAY + 1])
def test_what_is_signed_ends_at_its_deadline(desk: Desk, wait: int) -> None:
    world, contract, signer = desk.world, desk.contract, Wallet(person("recorder"))
    world.hire(world.maker, signer.name)
    first, until = desk.write(), world.now + DAY
    statement, item = desk.statement(), desk.second(first)
    signed = desk.sign(statement, signer, 1, until)
    amending = desk.sign(statement, signer, 1, until, supersedes=first, reason=REASON)
    second = signer.sign(contract.digestOfCountersignature(item, until))
    calls: list[tuple[Any, tuple[Any, ...], bytes]] = [
        (contract.writeSigned, (statement, signed), desk.part),
        (contract.amendSigned, (statement, first, REASON, amending), desk.part),
        (contract.countersignSigned, (item, until, signer.name, second), first),
    ]
    world.node.warp(wait)
    for call, args, about in calls:
        here = world.node.snapshot()
        if wait > DAY:
            with reverts("DeadlinePassed", about, until, world.now):
                call(*args, sender=world.stranger)
        else:
            call(*args, sender=world.stranger)
        world.node.revert(here)


def test_the_signer_is_judged_not_the_one_who_brings_it(desk: Desk) -> None:
    world, contract, signer = desk.world, desk.contract, Wallet(person("recorder"))
    statement, record = desk.statement(), desk.write()
    account, maker = account_of(signer.name), world.maker
    item = desk.second(record)
    second = item, world.now, signer.name, signer.sign(contract.digestOfCountersignature(item, world.now))
    signed = desk.sign(statement, signer)
    amending = desk.sign(statement, signer, supersedes=record, reason=REASON)
    with reverts("UnknownAccount", account):
        contract.writeSigned(statement, signed, sender=maker.all)
    with reverts("UnknownAccount", account):
        contract.amendSigned(statement, record, REASON, amending, sender=maker.all)
    with reverts("UnknownAccount", account):
        contract.countersignSigned(*second, sender=maker.all)
    world.hire(maker, signer.name, Duty.SHIP)
    with reverts("MissingDuty", account, Duty.SHIP, Duty.RECORD):
        contract.writeSigned(statement, signed, sender=maker.all)
    with reverts("MissingDuty", account, Duty.SHIP, Duty.QUALITY):
        contract.countersignSigned(*second, sender=maker.all)
    world.hire(maker, signer.name, Duty.RECORD | Duty.QUALITY)
    schema = desk.schema("machines", authors=Authors.DEVICES)
    machine = desk.statement(schema)
    with reverts("WrongAuthor", schema, Authors.DEVICES, NOTHING):
        contract.writeSigned(machine, desk.sign(machine, signer), sender=maker.all)
    contract.amendSigned(statement, record, REASON, amending, sender=world.stranger)
    own = record_id(desk.part, 2)
    item = desk.second(own)
    signature = signer.sign(contract.digestOfCountersignature(item, world.now))
    with reverts("SamePerson", own, account):
        contract.countersignSigned(item, world.now, signer.name, signature, sender=maker.quality)


def test_a_signature_is_for_one_contract_and_chain(desk: Desk) -> None:
    world, signer = desk.world, Wallet(person("recorder"))
    world.hire(world.maker, signer.name)
    other = deploy(world.node, "Records", world.consortium, world.lots, world.devices)
    statement, until = desk.statement(), world.now + DAY
    args = statement, NOTHING, NOTHING, NOTHING, 1, until
    digest = other.digestOfStatement(*args)
    assert digest != desk.contract.digestOfStatement(*args)
    signed = Authorship(1, until, signer.name, signer.sign(digest))
    with reverts("InvalidSignature", desk.contract.digestOfStatement(*args), signer.name):
        desk.contract.writeSigned(statement, signed, sender=world.stranger)
