"""What Records costs on a real node: the nth record of a subject, by an author who wrote before."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from tests.models.records import NOTHING, Authority, Authors, Meaning, record_id
from tests.support import AnvilNode, deploy
from tests.support.device_keys import Passkey
from tests.support.gas import GasBook
from tests.support.recording import PROTOCOL, REASON, STEP, Desk
from tests.support.signers import SecureElement, Wallet
from tests.support.words import Duty
from tests.support.world import DAY, World, person


@pytest.fixture
def desk(anvil: AnvilNode) -> Desk:
    return Desk(World.create(anvil))


def test_writing(desk: Desk, gas: GasBook) -> None:
    world, contract, maker = desk.world, desk.contract, desk.world.maker
    receipt = contract.defineSchema("step", 1, STEP, sender=maker.quality)
    gas.record("Records.defineSchema", receipt.gas_used, 202_000, "first of the contract")
    step = contract.schemaIdOf(maker.number, "step", 1)
    content = (keccak(bytes([n])) for n in range(99))

    def write(schema: bytes = step, **fields: object) -> int:
        statement = desk.statement(schema, content=next(content), **fields)
        used: int = contract.write(statement, sender=maker.record).gas_used
        return used

    gas.record("Records.write, first of a subject", write(), 204_500, "and of its author")
    write()
    gas.record("Records.write", write(), 100_000, "by whoever has roles and duties")
    near = desk.schema("near", authority=Authority.OWNER_OR_CUSTODIAN)
    made = desk.schema("made", authority=Authority.MAKER)
    gas.record("Records.write, by the maker", write(made), 100_000)
    gas.record("Records.write, by owner or custodian", write(near), 104_500, "the owner; asks Twins")
    gas.record("Records.write, late", write(effective_at=0), 101_000, "with its alert")
    where = {"uri": "s3://records/" + 64 * "0", "data": b"x" * 32}
    gas.record("Records.write, with values and URI", write(**where), 101_500, "32 bytes and 77 characters")
    first = record_id(desk.part, contract.recordCount(desk.part))
    statement = desk.statement(step, content=next(content))
    receipt = contract.amend(statement, first, REASON, sender=maker.record)
    gas.record("Records.amend", receipt.gas_used, 125_000)
    second = record_id(desk.part, contract.recordCount(desk.part))
    desk.countersign(second, Meaning.RESPONSIBILITY, maker.all)
    receipt = desk.countersign(second, Meaning.APPROVAL)
    gas.record("Records.countersign", receipt.gas_used, 75_000)
    receipt = contract.setLegalHold(second, REASON, sender=maker.quality)
    gas.record("Records.setLegalHold", receipt.gas_used, 96_500)
    receipt = contract.liftLegalHold(second, maker.number, REASON, sender=maker.quality)
    gas.record("Records.liftLegalHold", receipt.gas_used, 36_500, "after refunds")
    world.node.timestamp = contract.retainUntil(second) + 1
    receipt = contract.dispose(second, PROTOCOL, sender=maker.quality)
    gas.record("Records.dispose", receipt.gas_used, 66_000)


def test_what_others_bring(desk: Desk, gas: GasBook) -> None:
    world, contract, maker = desk.world, desk.contract, desk.world.maker
    keys = {
        "secp256k1": Wallet(person("recorder")),
        "P-256": SecureElement(world.p256_verifier, 7),
        "passkey": Passkey(deploy(world.node, "ERC7913WebAuthnVerifier"), 7),
    }
    ceilings = {
        "secp256k1": (116_500, 132_500, 83_500),
        "P-256": (123_500, 139_500, 90_500),
        "passkey": (134_000, 149_500, 101_000),
    }
    desk.write()
    for name, key in keys.items():
        world.hire(maker, key.name, Duty.RECORD)
        for sequence in (1, 2):
            statement = desk.statement(content=keccak(text=f"{name} {sequence}"))
            signed = desk.sign(statement, key, sequence)
            receipt = contract.writeSigned(statement, signed, sender=world.stranger)
        most = ceilings[name]
        gas.record(f"Records.writeSigned, {name}", receipt.gas_used, most[0])
        old = record_id(desk.part, contract.recordCount(desk.part))
        signed = desk.sign(statement, key, 3, supersedes=old, reason=REASON)
        receipt = contract.amendSigned(statement, old, REASON, signed, sender=world.stranger)
        gas.record(f"Records.amendSigned, {name}", receipt.gas_used, most[1])
        record = desk.write()
        desk.countersign(record)
        item, until = desk.second(record, Meaning.RESPONSIBILITY), world.now + DAY
        signature = key.sign(contract.digestOfCountersignature(item, until))
        args = item, until, key.name, signature
        receipt = contract.countersignSigned(*args, sender=world.stranger)
        gas.record(f"Records.countersignSigned, {name}", receipt.gas_used, most[2])
    device = desk.enrol(SecureElement(world.p256_verifier, 9))
    desk.attach()
    schema = desk.schema("machine data", authors=Authors.DEVICES)
    for sequence in (1, 2):
        statement = desk.statement(schema, content=keccak(bytes([sequence])), signer_name=NOTHING)
        signed = desk.sign(statement, SecureElement(world.p256_verifier, 9), sequence, device=device)
        receipt = contract.writeByDevice(statement, device, signed, sender=world.stranger)
    gas.record("Records.writeByDevice", receipt.gas_used, 132_000, "P-256, attached to a part")
