"""What people and devices sign for others to bring, made by the package and taken by the contract."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from goldthread.chain import records
from goldthread.chain.contracts import Call, Deployment
from goldthread.chain.devices import SoftKey
from goldthread.chain.records import (
    Amendment,
    Countersignature,
    Retention,
    Statement,
    Terms,
    amend_signed,
    countersign_signed,
    next_sequence,
    record_id,
    schema_id,
    write_by_device,
    write_signed,
)
from goldthread.chain.words import Authors, Duty, Meaning
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.support.recording import CONTENT, NAME, REASON, YEAR, Desk
from tests.support.world import World

TERMS = Terms(
    definition=keccak(text="form"),
    duties=Duty.RECORD,
    max_lag=60,
    authors=Authors.PERSONS_AND_DEVICES,
    retention=Retention(after_record=YEAR),
)


@pytest.fixture
def desk() -> Desk:
    return Desk(World.create(RecordingNode()))


@pytest.fixture
def deployment(desk: Desk) -> Deployment:
    world = desk.world
    return deployment_of(world, Lots=world.lots, Devices=world.devices, Records=desk.contract)


def send(desk: Desk, call: Call) -> Any:
    receipt = desk.world.node.tx(desk.world.stranger, call.to, call.data)
    assert receipt.ok, receipt.output
    return call.decode(receipt.output)


def keys(desk: Desk) -> list[SoftKey]:
    return [SoftKey.secp256k1(bytes(range(1, 33))), SoftKey.p256(7, desk.world.p256_verifier.address)]


def statement(desk: Desk, content: bytes = CONTENT, subject: bytes | None = None) -> Statement:
    schema = schema_id(desk.world.maker.number, "form", 1)
    what = {"effective_at": desk.world.now, "signer_name": NAME, "data": b"1", "uri": "urn:x"}
    return Statement(subject or desk.part, schema, content, **what)  # type: ignore[arg-type]


def define(desk: Desk, deployment: Deployment) -> bytes:
    call = deployment.records.defineSchema("form", 1, TERMS)
    receipt = desk.world.node.tx(desk.world.maker.quality, call.to, call.data)
    assert receipt.ok
    schema: bytes = call.decode(receipt.output)
    return schema


def test_terms_and_ids_are_those_of_the_contract(desk: Desk, deployment: Deployment) -> None:
    maker = desk.world.maker
    schema = define(desk, deployment)
    assert schema == schema_id(maker.number, "form", 1)
    assert desk.contract.schemaIdOf(maker.number, "fürm", 65535) == schema_id(maker.number, "fürm", 65535)
    assert desk.contract.recordIdOf(CONTENT, 2**32 - 1) == record_id(CONTENT, 2**32 - 1)
    kept = deployment.records.schema(schema).terms
    assert (kept.duties, kept.maxLag, kept.authors) == (Duty.RECORD, 60, Authors.PERSONS_AND_DEVICES)
    assert kept.retention == (YEAR, 0, 0)


def test_a_key_writes_amends_and_signs(desk: Desk, deployment: Deployment) -> None:
    define(desk, deployment)
    world, until = desk.world, desk.world.now + 60
    for key in keys(desk):
        world.hire(world.maker, key.signer, Duty.RECORD)
        assert next_sequence(deployment, key.signer) == 1
        first = send(desk, write_signed(deployment, statement(desk), key, until))
        assert next_sequence(deployment, key.signer) == 2
        amendment = Amendment(first, REASON)
        corrected = statement(desk, keccak(text="corrected"))
        second = send(desk, amend_signed(deployment, corrected, amendment, key, until))
        assert deployment.records.successorOf(first) == second
        assert deployment.records.authorOf(second) == (key.account, world.maker.number)
        other = desk.write()
        item = Countersignature(other, CONTENT, Meaning.RESPONSIBILITY, NAME)
        send(desk, countersign_signed(deployment, item, key, until))
        assert deployment.records.signedBy(other, key.account) == Meaning.RESPONSIBILITY


def test_statements_are_signed_ahead(desk: Desk, deployment: Deployment) -> None:
    """Several that wait for one another, without asking the chain in between."""
    define(desk, deployment)
    key, until = keys(desk)[0], desk.world.now + 60
    desk.world.hire(desk.world.maker, key.signer, Duty.RECORD)
    calls = [
        write_signed(deployment, statement(desk, keccak(bytes([n]))), key, until, sequence=n)
        for n in (1, 2, 3)
    ]
    assert [send(desk, call) for call in calls] == [record_id(desk.part, n) for n in (1, 2, 3)]
    assert next_sequence(deployment, key.signer) == 4


def test_a_device_writes(desk: Desk, deployment: Deployment) -> None:
    define(desk, deployment)
    key, world = keys(desk)[1], desk.world
    world.devices.enrol(desk.device, key.signer, bytes(32), sender=world.maker.device_admin)
    desk.attach()
    args = desk.device, key, world.now + 60
    record = send(desk, write_by_device(deployment, statement(desk), *args))
    assert deployment.records.recordOf(record).device == desk.device
    again = send(desk, write_by_device(deployment, statement(desk), *args, sequence=2))
    assert again == record_id(desk.part, 2)


def test_the_messages_have_the_fields_of_the_structs(desk: Desk, deployment: Deployment) -> None:
    message = records.statement_message(statement(desk), 1, 2, device=CONTENT)
    theirs = desk.contract.digestOfStatement(statement(desk), bytes(32), bytes(32), CONTENT, 1, 2)
    assert records.digest(deployment, "SignedStatement", message) == theirs
    item = Countersignature(CONTENT, NAME, Meaning.APPROVAL)
    theirs = desk.contract.digestOfCountersignature(item, 3)
    own = records.digest(deployment, "SignedCountersignature", records.countersignature_message(item, 3))
    assert own == theirs
