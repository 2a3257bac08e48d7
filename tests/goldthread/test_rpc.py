"""The connection to a node, and what a node's and a contract's refusals become."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from goldthread.chain import abi, rpc
from goldthread.chain.advice import _ADVICE as ADVICE
from goldthread.chain.advice import advice
from goldthread.chain.contracts import Deployment
from goldthread.chain.errors import ContractError, NodeError, RpcError, revert_data, show
from goldthread.chain.manifest import ManifestError
from goldthread.chain.rpc import Chain, connect
from goldthread.hashing import keccak
from tests.goldthread import proxy as faults
from tests.goldthread.chains import deployment_of, manifest_of
from tests.goldthread.proxy import FaultProxy
from tests.support import AnvilNode, deploy
from tests.support.world import NO_EVENT, World, twin_id, uri


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_PAUSE", 0.005)


@pytest.fixture
def proxy(anvil: AnvilNode) -> Iterator[FaultProxy]:
    with FaultProxy(anvil.url) as found:
        yield found


@pytest.fixture
def world(anvil: AnvilNode) -> World:
    return World.create(anvil)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (faults.hang, "did not answer eth_blockNumber within 0.15 s"),
        (faults.refuse, "cannot be reached"),
        (faults.garbage, "answered eth_blockNumber with what is no JSON"),
        (faults.no_rpc, "answered eth_blockNumber with what is no JSON-RPC"),
        (faults.unavailable, "answered eth_blockNumber with HTTP 503"),
        (faults.cut_answer, "cannot be reached"),
        (faults.lose_reply, "cannot be reached"),
    ],
)
def test_every_way_of_failing_is_one_clear_error(
    proxy: FaultProxy, fault: faults.Fault, message: str
) -> None:
    chain = Chain(proxy.url, timeout=0.15)
    proxy.fail("eth_blockNumber", fault, times=4)
    with pytest.raises(NodeError, match=message) as caught:
        chain.block_number()
    assert proxy.url in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "0x" not in str(caught.value)


@pytest.mark.parametrize(
    "fault", [faults.hang, faults.refuse, faults.garbage, faults.unavailable, faults.cut_answer]
)
def test_a_node_that_recovers_is_asked_again(proxy: FaultProxy, fault: faults.Fault) -> None:
    chain = Chain(proxy.url, timeout=0.15)
    proxy.fail("eth_blockNumber", fault, times=2)
    assert chain.block_number() == 0


def test_a_node_that_is_not_there(anvil: AnvilNode) -> None:
    with pytest.raises(NodeError, match=r"http://127.0.0.1:1 cannot be reached: .*refused"):
        connect("http://127.0.0.1:1")
    with pytest.raises(NodeError, match="cannot be reached"):
        connect("/nowhere/anvil.ipc")
    with pytest.raises(NodeError, match="http://, https:// or the path"):
        connect("wss://node.example")


def test_an_access_key_in_the_url_is_not_told() -> None:
    with pytest.raises(NodeError) as caught:
        Chain("http://user:secret@127.0.0.1:1/v3/abcdef", timeout=0.2).block_number()
    assert "secret" not in str(caught.value)
    assert "abcdef" not in str(caught.value)


def test_the_chain_id_is_asked_once_and_a_call_is_one_request(proxy: FaultProxy, world: World) -> None:
    chain = connect(proxy.url)
    assert (chain.id, chain.id, chain.is_local) == (31337, 31337, True)
    del proxy.seen[:]
    deployment = Deployment(deployment_of(world).manifest, chain)
    assert deployment.consortium.organisationCount() == 9
    assert len(proxy.seen) == 1
    assert chain.web3.eth.chain_id == chain.web3.eth.chain_id == 31337
    assert len(proxy.seen) == 2


def test_over_ipc_as_over_http(anvil: AnvilNode) -> None:
    ipc = str(anvil._folder / "ipc")
    assert connect(ipc).id == 31337


def test_batches(proxy: FaultProxy, world: World) -> None:
    chain = connect(proxy.url)
    done: list[int] = []
    head = chain.block_number()
    answers = chain.batch(
        [("eth_getBlockByNumber", (hex(n % (head + 1)), False)) for n in range(250)], done.append
    )
    assert [int(answer["number"], 16) for answer in answers] == [n % (head + 1) for n in range(250)]
    assert done == [100, 100, 50]
    assert chain.batch([]) == []


def test_a_node_without_batches_is_asked_one_by_one(proxy: FaultProxy) -> None:
    chain = connect(proxy.url)
    proxy.fail("eth_getBlockByNumber", faults.too_many, times=3)
    answers = chain.batch([("eth_getBlockByNumber", ("0x0", False))] * 5)
    assert [answer["number"] for answer in answers] == ["0x0"] * 5


def test_a_refusal_in_a_batch_is_raised(anvil: AnvilNode) -> None:
    with pytest.raises(RpcError, match="the node refused eth_nonsense") as caught:
        connect(anvil.url).batch([("eth_chainId", ()), ("eth_nonsense", ())])
    assert caught.value.code == -32601


# ------------------------------------------------------------------------------------------- contracts


def test_a_contract_says_what_is_wrong_and_what_to_do(world: World) -> None:
    deployment = deployment_of(world)
    part = twin_id(uri("1"))
    with pytest.raises(ContractError) as caught:
        deployment.twins.accept(part, bytes(32), NO_EVENT).simulate(sender=world.stranger)
    assert caught.value.name == "UnknownAccount"
    assert caught.value.values.account == world.stranger
    assert str(caught.value) == f"UnknownAccount(account={world.stranger}): {advice('UnknownAccount')}"


def test_errors_of_other_kinds(world: World) -> None:
    text = bytes.fromhex("08c379a0") + abi.encode_values([{"name": "m", "type": "string"}], ["no way"])
    assert str(ContractError.decoded(text)) == "Error(message=no way)"
    panic = bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big")
    assert "a number left the range" in str(ContractError.decoded(panic))
    assert ContractError.decoded(b"\1\2\3\4rest").name == "0x01020304"
    assert "did not say why" in str(ContractError.decoded(b""))
    # An error of another contract than the one that was called is known as well.
    selector = keccak(b"NotEnrolled(bytes32)")[:4]
    assert ContractError.decoded(selector + bytes(32)).name == "NotEnrolled"


def test_revert_data_in_the_forms_that_nodes_have() -> None:
    def error(code: int, message: str, data: object = None) -> RpcError:
        return RpcError("eth_call", code, message, data)

    assert revert_data(error(3, "execution reverted", "0x0102")) == b"\1\2"
    assert revert_data(error(-32000, "execution reverted", {"data": "0x03"})) == b"\3"
    assert revert_data(error(-32015, "VM execution error: revert")) == b""
    assert revert_data(error(-32601, "method not found")) is None


def test_every_error_of_the_system_has_advice() -> None:
    known = {entry["name"] for entry in abi.errors().values()}
    assert [name for name in sorted(known) if not advice(name)] == []
    assert sorted(ADVICE.keys() - known - {""}) == []


def test_values_are_shown_as_people_read_them(world: World) -> None:
    facts = deployment_of(world).consortium.organisation(1)
    assert show(facts) == f"(admin={world.maker.admin}, roles=1, licenceExpiry=0, suspended=False)"
    assert show([b"\1", 2, "x"]) == "[0x01, 2, x]"


def test_wrong_arguments_are_named(world: World) -> None:
    twins = deployment_of(world).twins
    with pytest.raises(TypeError, match=r"Twins.twin: 1 values expected \(bytes32 id\), 2 given"):
        twins.twin(bytes(32), 1)
    with pytest.raises(ValueError, match=r"Twins.twin: id: b'.*' is no bytes32"):
        twins.twin(bytes(33))
    with pytest.raises(TypeError, match="Twins.decline: struct fields expected"):
        twins.decline(bytes(32), {"eventHash": bytes(32)})
    with pytest.raises(AttributeError, match="Twins has no function teleport"):
        twins.teleport(1)
    assert repr(twins) == f"<Twins {world.twins.address}>"


def test_views_of_the_past(world: World) -> None:
    deployment = deployment_of(world)
    before = deployment.chain.block_number()
    part = world.register(uri("1"))
    assert deployment.twins.ownerOf(part) == 1
    assert deployment.twins.ownerOf.at(before)(part) == 0
    calls = [deployment.twins.twin.prepare(part), deployment.twins.ownerOf.prepare(part)]
    facts, owner = deployment.read_many(calls, "latest")
    assert (facts.maker, owner) == (1, 1)


def test_a_deployment_is_opened_only_where_it_is(anvil: AnvilNode, tmp_path: Path) -> None:
    consortium = deploy(anvil, "Consortium", anvil.accounts[0])
    manifest = manifest_of(anvil, {"Consortium": consortium})
    path = tmp_path / "31337.json"
    manifest.save(path)
    deployment = Deployment.open(path, anvil.url)
    assert deployment.consortium.address == consortium.address
    assert deployment.consortium is deployment.consortium
    assert deployment.differences() == []
    with pytest.raises(ManifestError, match="Twins is not deployed"):
        _ = deployment.twins
    anvil.rpc("anvil_setCode", consortium.address, "0x6000")
    assert "Consortium: code at" in deployment.differences()[0]
    anvil.rpc("anvil_setCode", consortium.address, "0x")
    with pytest.raises(ManifestError, match="has no code on chain 31337; the node was reset"):
        Deployment.open(path, anvil.url)
    path.write_text(path.read_text().replace('"chainId": 31337', '"chainId": 5'))
    with pytest.raises(ManifestError, match="is for chain 5, the node is on chain 31337"):
        Deployment.open(path, anvil.url)
