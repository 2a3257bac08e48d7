"""Sending on a real node, and through a connection that loses what passes through it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as EthAccount

from goldthread.chain import rpc
from goldthread.chain.contracts import Deployment
from goldthread.chain.errors import ContractError, NodeError
from goldthread.chain.rpc import Chain, connect
from goldthread.chain.send import Fees, Sender, SendError, refuse_test_key, well_known_addresses
from tests.goldthread import proxy as faults
from tests.goldthread.chains import deployment_of
from tests.goldthread.proxy import FaultProxy
from tests.support import AnvilNode
from tests.support.world import DAY, NO_EVENT, World, person, uri


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_PAUSE", 0.005)


@pytest.fixture
def proxy(anvil: AnvilNode) -> Iterator[FaultProxy]:
    with FaultProxy(anvil.url) as found:
        yield found


@pytest.fixture
def world(anvil: AnvilNode) -> World:
    world = World.create(anvil)
    anvil.set_balance(world.maker.ship, 10**18)
    return world


def account(of: Any) -> Any:
    return EthAccount.from_key(of.key)


def offer(world: World, deployment: Deployment, part: bytes, to: int | None = None) -> Any:
    number = world.carrier.number if to is None else to
    return deployment.twins.offer(part, number, 0, world.now + DAY, NO_EVENT)


def nonce(node: AnvilNode, address: str) -> int:
    return int(node.rpc("eth_getTransactionCount", address, "latest"), 16)


def test_a_call_is_sent_and_its_receipt_returned(world: World) -> None:
    deployment = deployment_of(world)
    part = world.register(uri("1"))
    sender = Sender.local(deployment.chain, account(world.maker.ship))
    receipt = sender.send(offer(world, deployment, part))
    assert receipt.block == deployment.chain.block_number()
    assert 40_000 < receipt.gas_used < 90_000
    assert receipt.contract_address is None
    assert len(receipt.logs) == 1
    assert deployment.twins.twin(part).pendingTo == world.carrier.number


def test_a_contract_that_refuses_is_not_even_sent_to(world: World, anvil: AnvilNode) -> None:
    deployment = deployment_of(world)
    sender = Sender.local(deployment.chain, account(world.maker.ship))
    with pytest.raises(ContractError) as caught:
        sender.send(offer(world, deployment, bytes(32)))
    assert (caught.value.name, caught.value.values.id) == ("UnknownTwin", bytes(32))
    assert nonce(anvil, world.maker.ship) == 0


def test_a_transaction_that_fails_on_the_chain_says_why(world: World) -> None:
    deployment = deployment_of(world)
    sender = Sender.local(deployment.chain, account(world.maker.ship))
    with pytest.raises(ContractError, match="UnknownTwin") as caught:
        sender.send(offer(world, deployment, bytes(32)), gas=200_000)
    assert caught.value.__notes__[0].startswith("in transaction 0x")
    part = world.register(uri("1"))
    with pytest.raises(SendError, match=r"failed in block .* and cost \d+ of its 30000 gas"):
        sender.send(offer(world, deployment, part), gas=30_000)
    # The nonce went on, and so does the sender.
    assert sender.send(offer(world, deployment, part)).gas_used


def test_a_contract_is_deployed(anvil: AnvilNode) -> None:
    chain = connect(anvil.url)
    sender = Sender.unlocked(chain, anvil.accounts[3])
    receipt = sender.wait(sender.submit(None, bytes.fromhex("6001600c60003960016000f300")))
    assert receipt.contract_address is not None
    assert chain.code(receipt.contract_address) == b"\0"


@pytest.mark.parametrize("fault", [faults.lose_reply, faults.hang, faults.garbage, faults.cut_answer])
def test_a_lost_reply_is_no_second_transaction(
    proxy: FaultProxy, world: World, anvil: AnvilNode, fault: faults.Fault
) -> None:
    part = world.register(uri("1"))
    chain = Chain(proxy.url, timeout=0.3)
    deployment = Deployment(deployment_of(world).manifest, chain)
    sender = Sender.local(chain, account(world.maker.ship))
    before = anvil.block_number
    proxy.fail("eth_sendRawTransaction", fault, times=2)
    receipt = sender.send(offer(world, deployment, part))
    assert receipt.block == before + 1 == anvil.block_number
    assert nonce(anvil, world.maker.ship) == 1
    assert deployment.twins.twin(part).pendingTo == world.carrier.number
    # And the one after it has the next nonce.
    sender.send(deployment.twins.cancel(part, NO_EVENT))
    assert nonce(anvil, world.maker.ship) == 2


def test_a_reply_that_never_comes_counts_if_the_chain_knows_the_hash(
    proxy: FaultProxy, world: World, anvil: AnvilNode
) -> None:
    part = world.register(uri("1"))
    chain = connect(proxy.url)
    deployment = Deployment(deployment_of(world).manifest, chain)
    sender = Sender.local(chain, account(world.maker.ship))
    proxy.fail("eth_sendRawTransaction", faults.lose_reply, times=4)
    sender.send(offer(world, deployment, part))
    assert nonce(anvil, world.maker.ship) == 1


def test_what_never_reached_the_node_is_said_to_be_unknown(
    proxy: FaultProxy, world: World, anvil: AnvilNode
) -> None:
    part = world.register(uri("1"))
    chain = connect(proxy.url)
    deployment = Deployment(deployment_of(world).manifest, chain)
    sender = Sender.local(chain, account(world.maker.ship))
    proxy.fail("eth_sendRawTransaction", faults.refuse, times=4)
    with pytest.raises(SendError, match=r"^0x[0-9a-f]{64}: it is not known whether it was sent"):
        sender.send(offer(world, deployment, part))
    assert nonce(anvil, world.maker.ship) == 0
    sender.send(offer(world, deployment, part))
    assert nonce(anvil, world.maker.ship) == 1


def test_a_nonce_that_somebody_else_used_is_looked_up_again(world: World, anvil: AnvilNode) -> None:
    deployment = deployment_of(world)
    parts = [world.register(uri(str(i))) for i in range(3)]
    ours = Sender.local(deployment.chain, account(world.maker.ship))
    theirs = Sender.local(deployment.chain, account(world.maker.ship))
    ours.send(offer(world, deployment, parts[0]))
    theirs.send(offer(world, deployment, parts[1]))
    ours.send(offer(world, deployment, parts[2]))
    assert nonce(anvil, world.maker.ship) == 3
    assert all(deployment.twins.twin(part).pendingTo for part in parts)


def test_many_threads_share_a_sender(world: World, anvil: AnvilNode) -> None:
    deployment = deployment_of(world)
    parts = [world.register(uri(str(i))) for i in range(8)]
    sender = Sender.local(deployment.chain, account(world.maker.ship))
    calls = [offer(world, deployment, part) for part in parts]
    threads = [threading.Thread(target=sender.send, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert nonce(anvil, world.maker.ship) == 8
    assert all(deployment.twins.twin(part).pendingTo for part in parts)


def test_a_stuck_transaction_is_sent_again_for_more(world: World, anvil: AnvilNode) -> None:
    deployment = deployment_of(world)
    part = world.register(uri("1"))
    sender = Sender.local(deployment.chain, account(world.maker.ship), fees=Fees(bump_after=0.1))
    anvil.rpc("evm_setAutomine", False)
    try:
        call = offer(world, deployment, part)
        first = sender.submit(call.to, call.data)
        waiting: list[Any] = []
        thread = threading.Thread(target=lambda: waiting.append(sender.wait(first)))
        thread.start()
        deadline = time.monotonic() + 10
        while anvil.rpc("eth_getTransactionByHash", first) is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        anvil.rpc("evm_mine")
        thread.join(10)
    finally:
        anvil.rpc("evm_setAutomine", True)
    assert waiting[0].tx_hash != first
    assert nonce(anvil, world.maker.ship) == 1
    assert deployment.twins.twin(part).pendingTo == world.carrier.number


def test_waiting_ends(world: World, anvil: AnvilNode) -> None:
    deployment = deployment_of(world)
    sender = Sender.local(deployment.chain, account(world.maker.ship), timeout=0.05)
    with pytest.raises(SendError, match=r"is in no block after 0.05 s; it may still come"):
        sender.wait("0x" + "ab" * 32)


def test_fees_follow_the_base_fee_and_keep_a_limit(anvil: AnvilNode) -> None:
    chain = connect(anvil.url)
    fees = Fees()
    asked: dict[str, Any] = {"eth_maxPriorityFeePerGas": "0x5", "eth_gasPrice": "0x64"}

    class Answers(Chain):
        def rpc(self, method: str, *params: Any) -> Any:
            return asked.get(method) or {"baseFeePerGas": asked.get("base")}

    fake = Answers("nowhere")
    asked["base"] = "0x64"
    assert fees.current(fake) == {"maxFeePerGas": 205, "maxPriorityFeePerGas": 5}
    assert fees.raised({"maxFeePerGas": 205, "maxPriorityFeePerGas": 5}) == {
        "maxFeePerGas": 257,
        "maxPriorityFeePerGas": 7,
    }
    asked["base"] = None
    assert fees.current(fake) == {"gasPrice": 100}
    with pytest.raises(SendError, match="gas costs 100 wei now, more than the limit of 99; nothing was sent"):
        Fees(limit=99).current(fake)
    assert fees.current(chain)


def test_keystores(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = deployment_of(world).chain
    path = tmp_path / "keystore.json"
    path.write_text(json.dumps(EthAccount.encrypt(world.maker.ship.key, "pass", iterations=2)))
    assert Sender.keystore(chain, path, "pass").address == world.maker.ship
    monkeypatch.setattr("getpass.getpass", lambda prompt: "pass" if str(path) in prompt else "")
    assert Sender.keystore(chain, path).address == world.maker.ship
    with pytest.raises(SendError, match=r"keystore.json: cannot be opened") as caught:
        Sender.keystore(chain, path, "word")
    assert world.maker.ship.key.hex() not in str(caught.value)


def test_keys_that_everybody_knows_are_refused_on_a_real_chain(anvil: AnvilNode) -> None:
    class Elsewhere(Chain):
        @property
        def id(self) -> int:  # type: ignore[override]
            return 11155111

    elsewhere = Elsewhere(anvil.url)
    assert len(well_known_addresses()) == 61
    for known in anvil.accounts[:3]:
        with pytest.raises(
            SendError, match="well-known test account; anybody can take what it owns on chain"
        ):
            Sender.local(elsewhere, account(known))
        refuse_test_key(connect(anvil.url), known)
    assert Sender.local(elsewhere, account(person("somebody"))).address == person("somebody")
    with pytest.raises(SendError, match="on chain 31337 only"):
        Sender.unlocked(elsewhere, anvil.accounts[0])


def test_no_node_no_transaction(world: World) -> None:
    chain = Chain("http://127.0.0.1:1", timeout=0.2)
    chain.__dict__["id"] = 31337
    sender = Sender.local(chain, account(world.maker.ship))
    with pytest.raises(NodeError, match="cannot be reached"):
        sender.submit(world.twins.address, b"")
