"""Signatures under records, checked with the keys alone: by wallets, passkeys, devices, senders and
contracts; and a node that lies about who signed what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from goldthread.chain.contracts import Call, Deployment
from goldthread.chain.devices import P256_ORDER, SoftKey
from goldthread.chain.passkeys import Passkey
from goldthread.chain.records import (
    Amendment,
    Countersignature,
    Statement,
    amend_signed,
    countersign_signed,
    record_id,
    schema_id,
    write_by_device,
    write_signed,
)
from goldthread.chain.signers import Signer
from goldthread.chain.words import Meaning
from goldthread.records import signatures, timeline
from goldthread.records.signatures import How
from tests.goldthread.chains import contracts_of, deployment_of
from tests.support import AnvilNode, Contract, Forwarder, deploy, nodes
from tests.support.device_keys import SmartCard
from tests.support.signers import Wallet
from tests.support.words import Duty, Kind, Role
from tests.support.world import DAY, Commission, World, asset, lot_uri, person, twin_id

ETHER = 10**18
LOT, DEVICE, SCHEMA = twin_id(lot_uri("L7")), twin_id(asset("BALANCE1")), schema_id(1, "step", 1)
ALL = int(Duty.QUALITY | Duty.RECORD)
REASON = b"\x01" * 32
ANN = SoftKey.secp256k1(person("ann").key)
BALANCE = SoftKey.secp256k1(person("balance").key)


@dataclass(frozen=True)
class Lab:
    """A lot whose records are signed in every way."""

    world: World
    deployment: Deployment
    passkey: Passkey
    wallet: Contract
    rsa: SmartCard

    def statement(self, content: int = 1) -> Statement:
        return Statement(LOT, SCHEMA, bytes([content]) * 32, effective_at=self.world.now)

    @property
    def end(self) -> int:
        return self.world.now + DAY

    def bring(self, call: Call) -> None:
        """As somebody who has nothing to do with it."""
        function = getattr(self.world.records, call.function)
        function(*call.args, sender=self.world.stranger)

    def write(self, key: Signer, content: int = 1) -> None:
        self.bring(write_signed(self.deployment, self.statement(content), key, self.end))

    def item(self, number: int, meaning: Meaning = Meaning.REVIEW) -> Countersignature:
        record = record_id(LOT, number)
        return Countersignature(record, self.world.records.contentOf(record), meaning, REASON)

    def check(self) -> list[signatures.Checked]:
        return signatures.check(self.deployment, timeline.read(self.deployment, LOT))

    def told(self) -> list[tuple[int, How, str]]:
        return [(one.sequence, one.how, one.wrong) for one in self.check()]


@dataclass(frozen=True)
class Rsa:
    """An RSA key as the package sees a signer."""

    key: SmartCard

    @property
    def signer(self) -> bytes:
        return self.key.name

    def sign(self, digest: bytes) -> bytes:
        return self.key.sign(digest)


@dataclass(frozen=True)
class Owner:
    """The owner of a contract account, which signs for it."""

    account: str
    wallet: Wallet

    @property
    def signer(self) -> bytes:
        return bytes.fromhex(self.account[2:])

    def sign(self, digest: bytes) -> bytes:
        return self.wallet.sign(digest)


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Lab, int]]:
    node = nodes.shared_anvil()
    world = World.create(node)
    contracts_of(world)
    deployment = deployment_of(world, Records=world.records)
    maker = world.maker
    world.commission(Commission(lot_uri("L7"), unit=b"KGM", quantity=10**6))
    world.register(asset("BALANCE1"), Kind.ASSET)
    world.devices.enrol(DEVICE, BALANCE.signer, bytes(32), sender=maker.device_admin)
    verifier = deploy(node, "ERC7913WebAuthnVerifier")
    passkey = Passkey(SoftKey.p256(7, verifier.address), "quality.example")
    wallet = deploy(node, "TestWallet", person("owner"))
    rsa = SmartCard(deploy(node, "ERC7913RSAVerifier"))
    for signer in (ANN.signer, passkey.signer, rsa.name):
        world.hire(maker, signer, ALL)
    world.hire(maker, wallet.address, ALL)
    terms = (REASON, int(Role.MANUFACTURER), int(Duty.RECORD), 0, 3600, 0, 0, 2, 2, "0x" + 40 * "0")
    world.records.defineSchema("step", 1, (*terms, (1, 0, 1)), sender=maker.quality)
    yield Lab(world, deployment, passkey, wallet, rsa), node.snapshot()


@pytest.fixture
def lab(made: tuple[Lab, int]) -> Lab:
    lab, snapshot = made
    assert isinstance(lab.world.node, AnvilNode)
    lab.world.node.revert(snapshot)
    return lab


def test_every_kind_of_author_and_signer(lab: Lab) -> None:
    world, maker = lab.world, lab.world.maker
    world.records.write(lab.statement(), sender=maker.record)
    lab.write(ANN, 2)
    lab.write(lab.passkey, 3)
    lab.bring(write_by_device(lab.deployment, lab.statement(4), DEVICE, BALANCE, lab.end))
    amendment = Amendment(record_id(LOT, 2), REASON)
    lab.bring(amend_signed(lab.deployment, lab.statement(5), amendment, ANN, lab.end))
    world.records.amend(lab.statement(6), record_id(LOT, 1), REASON, sender=maker.record)
    lab.write(Rsa(lab.rsa), 7)
    lab.write(Owner(lab.wallet.address, Wallet(person("owner"))), 8)
    lab.bring(countersign_signed(lab.deployment, lab.item(6), lab.passkey, lab.end))
    lab.bring(countersign_signed(lab.deployment, lab.item(6, Meaning.APPROVAL), ANN, lab.end))
    world.records.countersign(lab.item(6), sender=maker.quality)
    assert lab.told() == [
        (1, How.SENDER, ""),
        (2, How.KEY, ""),
        (3, How.KEY, ""),
        (4, How.KEY, ""),
        (5, How.KEY, ""),
        (6, How.SENDER, ""),
        (6, How.KEY, ""),
        (6, How.KEY, ""),
        (6, How.SENDER, ""),
        (7, How.CHAIN, ""),
        (8, How.CHAIN, ""),
    ]
    assert signatures.counted(lab.check()) == {"key": 6, "sender": 3, "chain": 2}
    assert [one.account for one in lab.check()][2] == lab.passkey.account


def test_what_came_through_another_contract(lab: Lab) -> None:
    forwarder = Forwarder.deploy(lab.world.node, lab.world.maker.record)
    lab.world.hire(lab.world.maker, forwarder, ALL)
    lab.world.records.write(lab.statement(), sender=forwarder)
    assert lab.told() == [(1, How.CHAIN, "")]


def lying(lab: Lab, monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], Any]) -> str:
    """What is found if the node gives a changed transaction."""
    real = lab.deployment.chain.batch

    def batch(requests: Any, progress: Any = None) -> list[Any]:
        answers = real(requests, progress)
        if requests and requests[0][0] == "eth_getTransactionByHash":
            return [change(dict(answer)) for answer in answers]
        return answers

    monkeypatch.setattr(lab.deployment.chain, "batch", batch)
    (found,) = lab.check()
    return found.wrong


def replaced(old: str, new: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(transaction: dict[str, Any]) -> dict[str, Any]:
        assert old in transaction["input"]
        return transaction | {"input": transaction["input"].replace(old, new)}

    return change


def test_a_node_that_has_lost_the_transaction(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write(ANN)
    assert lying(lab, monkeypatch, lambda _: None).startswith("the node has no transaction 0x")


def test_a_transaction_that_called_something_else(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write(ANN)
    hold = lab.deployment.records.setLegalHold(LOT, REASON).data.hex()
    assert lying(lab, monkeypatch, lambda t: t | {"input": f"0x{hold}"}).endswith(" calls setLegalHold")


def test_a_transaction_that_called_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write(ANN)
    assert lying(lab, monkeypatch, lambda t: t | {"input": "0x"}).endswith(" calls nothing")


def test_a_transaction_with_another_statement(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write(ANN, 0xA7)
    assert lying(lab, monkeypatch, replaced("a7" * 32, "a8" * 32)).endswith(" brought something else")


def test_a_transaction_of_another_sender(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.world.records.write(lab.statement(), sender=lab.world.maker.record)
    other = lab.world.stranger.lower()
    assert lying(lab, monkeypatch, lambda t: t | {"from": other}) == f"{other} sent it"


def test_a_transaction_with_another_signer(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write(ANN)
    told = lying(lab, monkeypatch, replaced(ANN.signer.hex(), BALANCE.signer.hex()))
    assert told == f"0x{BALANCE.signer.hex()} signed it"


def test_a_transaction_with_another_signature(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    call = write_signed(lab.deployment, lab.statement(), ANN, lab.end)
    lab.bring(call)
    signature: bytes = call.args[1][3]
    other = signature[:31] + bytes([signature[31] ^ 1]) + signature[32:]
    told = lying(lab, monkeypatch, replaced(signature.hex(), other.hex()))
    assert told == f"it is no signature of 0x{ANN.signer.hex()}"


def test_a_statement_that_was_signed_for_another_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadline and sequence are signed as well."""
    lab.write(ANN)
    end = f"{lab.end:064x}"
    told = lying(lab, monkeypatch, replaced(end, f"{lab.end + 1:064x}"))
    assert told == f"it is no signature of 0x{ANN.signer.hex()}"


def test_a_passkey_that_signed_something_else(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    call = write_signed(lab.deployment, lab.statement(), lab.passkey, lab.end)
    lab.bring(call)
    r: bytes = call.args[1][3][:32]
    other = ((int.from_bytes(r, "big") + 1) % P256_ORDER).to_bytes(32, "big")
    told = lying(lab, monkeypatch, replaced(r.hex(), other.hex()))
    assert told == f"it is no signature of 0x{lab.passkey.signer.hex()}"
