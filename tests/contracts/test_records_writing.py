"""Records: who writes about what, how records are numbered, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from goldthread.build import artifact
from tests.models.records import LATE, MINOR, NOBODY, NOTHING, Authority, Authors, document_leaf, record_id
from tests.models.trees import Tree, serials
from tests.support import Forwarder, Reverted, reverts
from tests.support.lots import unit
from tests.support.recording import CONTENT, HOUR, NAME, ONE, STEP, Desk, written
from tests.support.words import Duty, EndOfLife, Kind, Role
from tests.support.world import Commission, Registration, World, happened, lot_uri, sscc, uri

NO_RECORD = (NOTHING,) * 3 + (NOBODY, 0, NOTHING, 0, 0, 0) + (False,) * 5 + (0, 0, False, NOTHING)


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


# -------------------------------------------------------------------------------------------------- writing


def test_a_record_is_written(desk: Desk) -> None:
    maker, contract = desk.world.maker, desk.contract
    statement = desk.statement(effective_at=desk.world.now - 5, data=b"12.5", uri="s3://bucket/1")
    record = contract.write.call(statement, sender=maker.record)
    receipt = contract.write(statement, sender=maker.record)
    assert record == record_id(desk.part, 1) == contract.recordIdOf(desk.part, 1)
    assert happened(receipt) == [written(statement, maker, maker.record, 1, desk.world.now)]
    assert contract.recordOf(record) == (
        desk.part, desk.step, CONTENT, maker.record, maker.number, NOTHING, 1, desk.world.now - 5,
        desk.world.now, False, False, False, False, False, 0, 0, True, NOTHING,
    )  # fmt: skip
    assert contract.subjectOf(record) == desk.part
    assert contract.schemaOf(record) == desk.step
    assert contract.contentOf(record) == CONTENT
    assert contract.authorOf(record) == (maker.record, maker.number)
    assert contract.successorOf(record) == NOTHING
    assert contract.complete(record)
    assert contract.recordCount(desk.part) == 1


def test_nothing_is_known_of_what_was_not_written(desk: Desk) -> None:
    contract = desk.contract
    desk.write()
    for record in (NOTHING, record_id(desk.part, 0), record_id(desk.part, 2), desk.part, CONTENT):
        assert contract.recordOf(record) == NO_RECORD
        for view in (contract.subjectOf, contract.schemaOf, contract.contentOf, contract.successorOf):
            assert view(record) == NOTHING
        assert contract.authorOf(record) == (NOBODY, 0)
        assert not contract.complete(record)
        assert contract.retainUntil(record) == 0
        assert not contract.isDocument(record, 0, NOTHING, [])
        assert not contract.countersigned(record, 1)
    assert contract.recordCount(desk.lot) == 0


def test_records_of_a_subject_have_no_gap(desk: Desk) -> None:
    """Several organisations write about the same thing, and about others in between."""
    world, other = desk.world, desk.world.register(uri("2"))
    authors = [world.maker.record, world.carrier.record, world.maker.all, world.service.record]
    counts = {desk.part: 0, other: 0}
    for round_ in range(8):
        subject = (desk.part, other)[round_ % 3 == 0]
        counts[subject] += 1
        content = keccak(bytes([round_]))
        record = desk.write(desk.statement(subject=subject, content=content), authors[round_ % 4])
        assert record == record_id(subject, counts[subject])
        entry = desk.contract.recordOf(record)
        assert (entry.sequence, entry.content, entry.author) == (
            counts[subject],
            content,
            authors[round_ % 4],
        )
    assert {subject: desk.contract.recordCount(subject) for subject in counts} == counts
    firsts = [desk.contract.recordOf(record_id(desk.part, n)).author for n in (1, 2, 3, 4, 5)]
    assert firsts == [authors[i] for i in (1, 2, 0, 1, 3)]


def test_an_author_who_changes_the_organisation_is_another_author(desk: Desk) -> None:
    world, person = desk.world, desk.world.stranger
    for org in (world.carrier, world.service, world.carrier):
        world.hire(org, person, Duty.RECORD)
        assert desk.contract.authorOf(desk.write(sender=person)) == (person, org.number)
        world.hire(org, person, 0)
    assert [desk.contract.authorOf(record_id(desk.part, n))[1] for n in (1, 2, 3)] == [
        world.carrier.number, world.service.number, world.carrier.number,
    ]  # fmt: skip


def test_what_comes_again_is_numbered_once(desk: Desk) -> None:
    """Subjects and authors have one number each, however much there is: that keeps a record cheap."""
    node, world = desk.world.node, desk.world
    layout = {entry["label"]: entry for entry in artifact("Records").storage_layout["storage"]}

    def count(label: str) -> int:
        place = layout[label]
        word = node.storage(desk.contract.address, int(place["slot"]))
        return word >> 8 * place["offset"] & 0xFFFFFFFF

    for subject in (desk.part, desk.lot, desk.part, desk.lot):
        for author in (world.maker.record, world.carrier.record, world.maker.record):
            desk.write(desk.statement(subject=subject), author)
    assert (count("_subjectCount"), count("_authorCount"), count("_schemaCount")) == (2, 2, 1)


def test_a_contract_writes_in_its_own_name(desk: Desk) -> None:
    world = desk.world
    machine = Forwarder.deploy(world.node, world.maker.record)
    with reverts("UnknownAccount", machine.address):
        desk.write(sender=machine)
    world.hire(world.carrier, machine, Duty.RECORD)
    [(_, fields)] = happened(desk.contract.write(desk.statement(), sender=machine))
    assert (fields["author"], fields["caller"], fields["org"]) == (machine.address,) * 2 + (
        world.carrier.number,
    )


def test_many_are_written_at_once(desk: Desk) -> None:
    contents = [keccak(bytes([n])) for n in range(3)]
    calls = [desk.contract.write.encode(desk.statement(content=content)) for content in contents]
    receipt = desk.contract.multicall(calls, sender=desk.world.maker.record)
    assert [fields["sequence"] for _, fields in happened(receipt)] == [1, 2, 3]
    assert [desk.contract.contentOf(record_id(desk.part, n + 1)) for n in range(3)] == contents


# ----------------------------------------------------------------------------------------------------- time


@pytest.mark.parametrize(("lag", "late"), [(0, False), (HOUR - 1, False), (HOUR, False), (HOUR + 1, True)])
def test_what_is_written_too_late_is_marked(desk: Desk, lag: int, late: bool) -> None:
    maker, now = desk.world.maker, desk.world.now
    statement = desk.statement(effective_at=now - lag)
    receipt = desk.contract.write(statement, sender=maker.record)
    record = record_id(desk.part, 1)
    alert = {"subject": desk.part, "code": LATE, "org": maker.number, "severity": MINOR, "ref": record}
    expected: list[tuple[str, Any]] = [written(statement, maker, maker.record, 1, now, late=late)]
    assert happened(receipt) == expected + [("Alert", alert)] * late
    entry = desk.contract.recordOf(record)
    assert (entry.late, entry.effectiveAt, entry.recordedAt) == (late, now - lag, now)
    desk.world.node.warp(10 * HOUR)
    assert desk.contract.recordOf(record).late == late, "for good"


def test_how_late_is_for_the_schema_to_say(desk: Desk) -> None:
    now = desk.world.now
    at_once, ever = desk.schema("now", max_lag=0), desk.schema("ever", max_lag=2**32 - 1)
    assert not desk.contract.recordOf(desk.write(desk.statement(at_once))).late
    assert desk.contract.recordOf(desk.write(desk.statement(at_once, effective_at=now - 1))).late
    assert not desk.contract.recordOf(desk.write(desk.statement(ever, effective_at=0))).late


def test_nobody_tells_of_what_has_not_happened(desk: Desk) -> None:
    now = desk.world.now
    for ahead in (1, 2**40 - 1 - now):
        with reverts("EffectiveInFuture", now + ahead, now):
            desk.write(desk.statement(effective_at=now + ahead))
    desk.write(desk.statement(effective_at=now))


# -------------------------------------------------------------------------------------------------- content


def test_a_statement_has_content(desk: Desk) -> None:
    for content, documents in ((NOTHING, 1), (CONTENT, 0), (NOTHING, 0)):
        with reverts("NoContent", content, documents):
            desk.write(desk.statement(content=content, documents=documents))


def test_a_copy_says_so(desk: Desk) -> None:
    original = desk.write()
    for copied in (original, keccak(text="paper")):
        copy = desk.contract.recordOf(desk.write(desk.statement(original=copied)))
        assert (copy.trueCopy, copy.bundle, copy.late, copy.amendment) == (True, False, False, False)
    assert not desk.contract.recordOf(original).trueCopy


def test_a_single_document_is_proved_by_its_digest(desk: Desk) -> None:
    record = desk.write()
    proves = desk.contract.isDocument
    assert proves(record, 0, CONTENT, [])
    assert not proves(record, 1, CONTENT, [])
    assert not proves(record, 0, keccak(text="another"), [])
    assert not proves(record, 0, CONTENT, [CONTENT])
    assert not proves(record, 0, NOTHING, [])
    assert not desk.contract.recordOf(record).bundle


@pytest.mark.parametrize("count", [2, 3, 7])
def test_each_of_several_documents_is_proved(desk: Desk, count: int) -> None:
    digests = [keccak(bytes([n])) for n in range(count)]
    tree = documents(digests)
    record = desk.write(desk.statement(content=tree.root, documents=count))
    assert desk.contract.recordOf(record)[9:14] == (False, False, True, False, False)
    proves = desk.contract.isDocument
    for index, digest in enumerate(digests):
        assert proves(record, index, digest, tree.proof(index))
        assert not proves(record, index + 1, digest, tree.proof(index))
        assert not proves(record, index, CONTENT, tree.proof(index))
        assert not proves(record, index, digest, [*tree.proof(index), CONTENT])
        assert not proves(record, index, digest, tree.proof(index)[:-1])
    assert not proves(record, 0, tree.root, [])
    other = serials([unit(1), unit(2)])
    serial = desk.write(desk.statement(content=other.root, documents=2))
    assert not proves(serial, 0, unit(1), other.proof(0)), "a serial is no document"


def documents(digests: list[bytes]) -> Tree:
    return Tree(document_leaf(index, digest) for index, digest in enumerate(digests))


# ------------------------------------------------------------------------------------------------- subjects


def test_all_kinds_of_things_are_written_about(desk: Desk) -> None:
    world = desk.world
    design = "https://id.gs1.org/8013/9506000134352"
    things = [
        world.register(sscc("1"), Kind.CONTAINER),
        desk.device,
        world.register(design, Kind.DESIGN),
        desk.part,
        desk.lot,
    ]
    for thing in things:
        assert desk.write(desk.statement(subject=thing)) == record_id(thing, 1)
        assert desk.contract.subjectOf(record_id(thing, 1)) == thing


def test_what_is_nothing_has_no_records(desk: Desk) -> None:
    for nothing in (NOTHING, keccak(text="nothing"), desk.step):
        args = desk.statement()._replace(subject=nothing)
        with reverts("UnknownSubject", nothing):
            desk.write(args)
    record = desk.write()
    with reverts("UnknownSubject", record):
        desk.write(desk.statement(subject=record))


def test_also_what_is_held_or_has_ended_is_written_about(desk: Desk) -> None:
    world = desk.world
    world.hold(desk.part, CONTENT)
    assert desk.write() == record_id(desk.part, 1)
    world.retire(desk.part, EndOfLife.DESTROYED)
    assert desk.write() == record_id(desk.part, 2)


# ------------------------------------------------------------------------------------------------ authority


def test_a_schema_must_be_defined_and_the_newest(desk: Desk) -> None:
    with reverts("UnknownSchema", CONTENT):
        desk.write(desk.statement(CONTENT))
    first = desk.step
    desk.write(desk.statement(first))
    second = desk.schema(version=2)
    with reverts("SchemaSuperseded", first):
        desk.write(desk.statement(first))
    assert desk.contract.schemaOf(desk.write(desk.statement(second))) == second
    assert desk.contract.schemaOf(record_id(desk.part, 1)) == first, "old records keep their schema"


def test_persons_do_not_write_for_devices(desk: Desk) -> None:
    schema = desk.schema("machine data", authors=Authors.DEVICES)
    with reverts("WrongAuthor", schema, Authors.DEVICES, NOTHING):
        desk.write(desk.statement(schema))
    both = desk.schema("both", authors=Authors.PERSONS_AND_DEVICES)
    assert desk.write(desk.statement(both)) == record_id(desk.part, 1)


def test_no_role_and_no_duty_outside_the_schema_writes(desk: Desk) -> None:
    """Every role that a schema may ask for against every organisation, every duty against every account."""
    world = desk.world
    count = 0
    for role in (r for r in Role if r < Role.AUDITOR):
        schema = desk.schema(f"role {role}", roles=role)
        for org in world.orgs:
            statement = desk.statement(schema)
            if org.roles & role:
                count += 1
                assert desk.write(statement, org.record) == record_id(desk.part, count)
            else:
                with reverts("MissingRole", org.number, org.roles, role):
                    desk.write(statement, org.record)
    for duty in Duty:
        schema = desk.schema(f"duty {duty}", duties=duty)
        for other in Duty:
            account, statement = world.carrier.with_duty(other), desk.statement(schema)
            if other == duty:
                count += 1
                assert desk.write(statement, account) == record_id(desk.part, count)
            else:
                with reverts("MissingDuty", account, other, duty):
                    desk.write(statement, account)
    assert desk.contract.recordCount(desk.part) == count == 18


def test_any_of_the_roles_and_all_of_the_duties(desk: Desk) -> None:
    world = desk.world
    roles, duties = Role.CARRIER | Role.RETAILER, Duty.RECORD | Duty.QUALITY
    schema = desk.schema("strict", roles=roles, duties=duties)
    for org in world.orgs:
        statement = desk.statement(schema)
        for account, has in ((org.record, Duty.RECORD), (org.quality, Duty.QUALITY), (org.all, ~Duty(0))):
            if not org.roles & roles:
                with reverts("MissingRole", org.number, org.roles, roles):
                    desk.write(statement, account)
            elif has & duties != duties:
                with reverts("MissingDuty", account, has, duties):
                    desk.write(statement, account)
            else:
                desk.write(statement, account)
    assert desk.contract.recordCount(desk.part) == 2


def test_a_schema_that_asks_nothing_is_open_to_all_who_may_speak(desk: Desk) -> None:
    world = desk.world
    schema = desk.schema("open", duties=0)
    for org in world.orgs:
        desk.write(desk.statement(schema), org.ship)
    with reverts("UnknownAccount", world.stranger):
        desk.write(desk.statement(schema), world.stranger)
    world.suspend(world.carrier)
    with reverts("OrganisationSuspended", world.carrier.number):
        desk.write(desk.statement(schema), world.carrier.ship)


def who_writes(desk: Desk, schema: bytes, subject: bytes, authority: Authority) -> set[str]:
    """The names of the organisations that may write about it."""
    found = set()
    here = desk.world.node.snapshot()
    for org in desk.world.orgs:
        try:
            desk.write(desk.statement(schema, subject=subject), org.record)
        except Reverted as reverted:
            values = reverted.error, tuple(reverted.values)
            assert values == ("NoAuthorityOver", (subject, org.number, authority))
        else:
            found.add(org.name)
    desk.world.node.revert(here)
    return found


def test_who_owns_or_holds_or_made_a_twin(desk: Desk) -> None:
    """The maker made it, the retailer owns it, the carrier holds it."""
    world = desk.world
    near = desk.schema("near", authority=Authority.OWNER_OR_CUSTODIAN)
    made = desk.schema("made", authority=Authority.MAKER)
    everyone = {org.name for org in world.orgs}
    part = desk.part
    assert who_writes(desk, near, part, Authority.OWNER_OR_CUSTODIAN) == {"maker"}
    world.give_title(part, world.maker, world.retailer)
    assert who_writes(desk, near, part, Authority.OWNER_OR_CUSTODIAN) == {"maker", "retailer"}
    world.move(part, world.maker, world.carrier)
    assert who_writes(desk, near, part, Authority.OWNER_OR_CUSTODIAN) == {"carrier", "retailer"}
    assert who_writes(desk, made, part, Authority.MAKER) == {"maker"}
    assert who_writes(desk, desk.step, part, Authority.ANYONE_ALLOWED) == everyone


def test_who_made_or_has_some_of_a_lot(desk: Desk) -> None:
    world, lot = desk.world, desk.lot
    near = desk.schema("near", authority=Authority.OWNER_OR_CUSTODIAN)
    made = desk.schema("made", authority=Authority.MAKER)
    assert who_writes(desk, near, lot, Authority.OWNER_OR_CUSTODIAN) == {"maker"}
    terms = 100 * ONE, 0, world.now, world.ref("shipping")
    world.lots.offerQuantity(lot, world.carrier.number, *terms, sender=world.maker.ship)
    assert who_writes(desk, near, lot, Authority.OWNER_OR_CUSTODIAN) == {"maker"}, "on its way"
    received = lot, world.maker.number, 100 * ONE, 0, world.ref()
    world.lots.acceptQuantity(*received, sender=world.carrier.receive)
    assert who_writes(desk, near, lot, Authority.OWNER_OR_CUSTODIAN) == {"maker", "carrier"}
    assert who_writes(desk, made, lot, Authority.MAKER) == {"maker"}
    pallet = world.register(sscc("1"), Kind.CONTAINER)
    world.move(pallet, world.maker, world.carrier)
    packed = pallet, CONTENT, [(lot, 100 * ONE)], world.ref("packing")
    world.lots.packCommitted(*packed, sender=world.carrier.ship)
    assert who_writes(desk, near, lot, Authority.OWNER_OR_CUSTODIAN) == {"maker"}, "inside of a container"
    assert who_writes(desk, near, pallet, Authority.OWNER_OR_CUSTODIAN) == {"maker", "carrier"}


def test_the_maker_of_a_unit_is_that_of_its_lot(desk: Desk) -> None:
    """A unit that got a history of its own at the pharmacy."""
    world = desk.world
    tree = serials(map(unit, range(2)))
    boxes = Commission(lot_uri("P"), quantity=2 * ONE, serials_root=tree.root, serial_count=2)
    lot = world.commission(boxes)
    terms = 2 * ONE, 0, world.now, world.ref("shipping")
    world.lots.offerQuantity(lot, world.retailer.number, *terms, sender=world.maker.ship)
    world.lots.acceptQuantity(lot, world.maker.number, 2 * ONE, 0, world.ref(), sender=world.retailer.receive)
    args = lot_uri("P"), 0, Registration(uri("0")), tree.proof(0), world.ref()
    world.lots.materialise(*args, sender=world.retailer.register)
    made = desk.schema("made", authority=Authority.MAKER)
    near = desk.schema("near", authority=Authority.OWNER_OR_CUSTODIAN)
    assert who_writes(desk, made, unit(0), Authority.MAKER) == {"maker"}
    assert who_writes(desk, near, unit(0), Authority.OWNER_OR_CUSTODIAN) == {"retailer"}


def test_a_lot_is_a_lot_whatever_else_has_its_id(desk: Desk) -> None:
    """Its URI was registered at Twins as well, and sold there."""
    world = desk.world
    twin = world.register(lot_uri("L"), Kind.ASSET)
    assert twin == desk.lot
    world.give_title(twin, world.maker, world.retailer)
    world.move(twin, world.maker, world.carrier)
    near = desk.schema("near", authority=Authority.OWNER_OR_CUSTODIAN)
    assert who_writes(desk, near, twin, Authority.OWNER_OR_CUSTODIAN) == {"maker"}


def test_names_are_in_the_log_alone(desk: Desk) -> None:
    assert STEP.duties == Duty.RECORD
    receipt = desk.contract.write(desk.statement(signer_name=NAME), sender=desk.world.maker.record)
    [(_, fields)] = happened(receipt)
    assert fields["statement"].signerName == NAME
