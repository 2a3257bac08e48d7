from __future__ import annotations

from typing import Any

import pytest

from goldthread.chain import logs
from goldthread.chain.contracts import Deployment
from goldthread.chain.errors import NodeError, RpcError
from goldthread.chain.logs import LogError
from tests.goldthread.chains import NodeChain, RecordingNode, contracts_of, deployment_of
from tests.support import AnvilNode, decode_logs, deploy
from tests.support.world import World, uri


class Stingy(NodeChain):
    """A node that answers for a few blocks or logs only."""

    def __init__(self, node: RecordingNode, blocks: int, results: int, error: Exception) -> None:
        super().__init__(node)
        self.blocks, self.results, self.error = blocks, results, error
        self.asked: list[tuple[int, int]] = []

    def rpc(self, method: str, *params: Any) -> Any:
        found = super().rpc(method, *params)
        if method == "eth_getLogs":
            first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
            self.asked.append((first, last))
            if last - first >= self.blocks or len(found) > self.results:
                raise self.error
        return found


TOO_MANY = RpcError("eth_getLogs", -32005, "query returned more than 10 results")
TOO_SLOW = NodeError("did not answer")


@pytest.fixture
def world() -> World:
    world = World.create(RecordingNode())
    for serial in range(30):
        world.register(uri(str(serial)))
    return world


def test_events_come_in_order_and_decoded(world: World) -> None:
    deployment = deployment_of(world)
    found = list(logs.events(deployment, ["Consortium", "Twins"]))
    places = [(event.block, event.index) for event in found]
    assert places == sorted(places)
    assert {event.contract for event in found} == {"Consortium", "Twins"}
    registered = [event for event in found if event.name == "Registered"]
    assert [event["uri"] for event in registered] == [uri(str(n)) for n in range(30)]
    assert registered[0]["ref"].eventHash == world.ref("commissioning").event_hash
    assert registered[0].args["org"] == registered[0]["org"] == 1


@pytest.mark.parametrize("error", [TOO_MANY, TOO_SLOW])
@pytest.mark.parametrize(("blocks", "results"), [(1000, 10), (3, 1000), (1, 1000), (7, 11)])
def test_ranges_are_halved_until_the_node_answers(
    world: World, blocks: int, results: int, error: Exception
) -> None:
    assert isinstance(world.node, RecordingNode)
    whole = deployment_of(world)
    chain = Stingy(world.node, blocks, results, error)
    deployment = Deployment(whole.manifest, chain)
    progress: list[tuple[int, int]] = []
    found = list(logs.events(deployment, ["Twins"], progress=lambda *told: progress.append(told)))
    assert found == list(logs.events(whole, ["Twins"]))
    assert progress[-1][0] == world.node.block_number
    assert sum(count for _, count in progress) == len(found)
    # What was answered covers every block once.
    answered = [0, *(block for block, _ in progress)]
    assert answered == sorted(set(answered)) or answered[1:] == sorted(set(answered[1:]))


def test_a_block_that_is_never_answered_is_an_error(world: World) -> None:
    assert isinstance(world.node, RecordingNode)
    chain = Stingy(world.node, 0, 0, TOO_MANY)
    with pytest.raises(RpcError, match="more than 10 results"):
        list(logs.events(Deployment(deployment_of(world).manifest, chain), ["Twins"]))


def test_without_an_address_nothing_is_asked(world: World) -> None:
    with pytest.raises(ValueError, match="anybody's logs"):
        list(logs.raw_logs(deployment_of(world).chain, [], 0, 10))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"address": "0x" + "99" * 20}, "which nobody asked for"),
        ({"blockNumber": "0xffff"}, "a log of block 65535 when asked for"),
        ({"removed": True}, "a reorganisation took back"),
        ({"topics": ["0x" + "00" * 32]}, "an event that its ABI does not have"),
    ],
)
def test_a_log_that_cannot_be_is_refused(world: World, change: dict[str, Any], rule: str) -> None:
    assert isinstance(world.node, RecordingNode)

    class Liar(NodeChain):
        def rpc(self, method: str, *params: Any) -> Any:
            found = super().rpc(method, *params)
            return [{**found[0], **change}, *found[1:]] if method == "eth_getLogs" else found

    deployment = Deployment(deployment_of(world).manifest, Liar(world.node))
    with pytest.raises(LogError, match=rule):
        list(logs.events(deployment, ["Twins"]))


def test_the_events_of_another_contract_of_the_same_kind_are_not_ours(world: World) -> None:
    """Who emitted a log is its address, not its topic."""
    before = list(logs.events(deployment_of(world), ["Twins"]))
    impostor = deploy(world.node, "Twins", world.consortium)
    item = (uri("counterfeit"), 7, 1)
    impostor.register(item, world.ref(), sender=world.maker.register)
    assert list(logs.events(deployment_of(world), ["Twins"])) == before


def test_what_the_test_support_decodes_is_the_same(anvil: AnvilNode) -> None:
    world = World.create(anvil)
    receipt = world.twins.register((uri("1"), 7, 1), world.ref(), sender=world.maker.register)
    theirs = decode_logs(receipt)
    ours = [
        e
        for e in logs.events(deployment_of(world), list(contracts_of(world)))
        if e.block == receipt.block_number
    ]
    assert [(e.name, dict(e.args)) for e in ours] == [(e.name, e.args) for e in theirs]


def test_web3_decodes_the_same(anvil: AnvilNode) -> None:
    world = World.create(anvil)
    world.register(uri("1"))
    deployment = deployment_of(world)
    (ours,) = logs.events(deployment, ["Twins"])
    contract = deployment.chain.web3.eth.contract(deployment.twins.address, abi=deployment.twins.abi)  # type: ignore[call-overload]
    (theirs,) = contract.events.Registered().get_logs(from_block=0)
    assert theirs["args"]["uri"] == ours["uri"]
    assert theirs["args"]["id"] == ours["id"]
    assert theirs["args"]["caller"] == ours["caller"]
    assert theirs["args"]["ref"]["stamp"] == ours["ref"].stamp
    assert theirs["blockNumber"] == ours.block
