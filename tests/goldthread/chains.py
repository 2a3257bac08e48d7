"""Chains for the tests of the Python package: a manifest of a `World`, and the in-process EVM behind the
package's own connection.
"""

from __future__ import annotations

from typing import Any

from goldthread.chain import abi
from goldthread.chain.contracts import Deployment
from goldthread.chain.errors import RpcError
from goldthread.chain.manifest import Deployed, Manifest
from goldthread.chain.rpc import Chain, connect
from goldthread.hashing import keccak
from tests.support import AnvilNode, CallFailed, Contract, Node, Receipt, RevmNode
from tests.support.world import World


class RecordingNode(RevmNode):
    """The in-process EVM that remembers its logs."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded: list[dict[str, Any]] = []

    def tx(self, *args: Any, **options: Any) -> Receipt:
        receipt = super().tx(*args, **options)
        if receipt.ok:
            for index, log in enumerate(receipt.logs):
                self.recorded.append(
                    {
                        "address": log.address,
                        "topics": [f"0x{topic.hex()}" for topic in log.topics],
                        "data": f"0x{log.data.hex()}",
                        "blockNumber": hex(receipt.block_number),
                        "blockHash": block_hash(receipt.block_number),
                        "transactionHash": block_hash(receipt.block_number),
                        "logIndex": hex(index),
                    }
                )
        return receipt


def block_hash(number: int) -> str:
    return f"0x{number:064x}"


class NodeChain(Chain):
    """The connection of the package, answered by a node in this process."""

    def __init__(self, node: RecordingNode) -> None:
        super().__init__("node")
        self.node = node
        self.requests: list[str] = []

    def rpc(self, method: str, *params: Any) -> Any:
        self.requests.append(method)
        match method:
            case "eth_chainId":
                return hex(self.node.chain_id)
            case "eth_blockNumber":
                return hex(self.node.block_number)
            case "eth_getBlockByNumber":
                return {"hash": block_hash(int(params[0], 16)), "timestamp": hex(self.node.timestamp)}
            case "eth_getCode":
                return f"0x{self.node.code(params[0]).hex()}"
            case "eth_call":
                request = params[0]
                try:
                    output = self.node.call(request["to"], bytes.fromhex(request["data"][2:]))
                except CallFailed as error:
                    raise RpcError(method, 3, "execution reverted", f"0x{error.output.hex()}") from None
                return f"0x{output.hex()}"
            case "eth_getLogs":
                return [log for log in self.node.recorded if _matches(log, params[0])]
        raise AssertionError(f"{method} is not answered")

    def batch(self, requests: Any, progress: Any = None) -> list[Any]:
        answers = [self.rpc(method, *params) for method, params in requests]
        if progress is not None:
            progress(len(answers))
        return answers


def _matches(log: dict[str, Any], query: dict[str, Any]) -> bool:
    number = int(log["blockNumber"], 16)
    if not int(query["fromBlock"], 16) <= number <= int(query["toBlock"], 16):
        return False
    if log["address"].lower() not in query["address"]:
        return False
    for place, wanted in enumerate(query.get("topics", [])):
        choices = [wanted] if isinstance(wanted, str) else wanted
        if choices is not None and (place >= len(log["topics"]) or log["topics"][place] not in choices):
            return False
    return True


def manifest_of(node: Node, contracts: dict[str, Contract]) -> Manifest:
    """A manifest of contracts that a test has deployed."""
    manifest = Manifest(
        chain_id=node.chain_id,
        network="local",
        release="0",
        compiler={"solc": "0.8.37"},
        deployer=node.accounts[0],
        first_nonce=0,
        deployed_at="2027-01-15T08:00:00Z",
    )
    for name, contract in contracts.items():
        manifest = manifest.with_contract(
            Deployed(
                name=name,
                address=contract.address,
                tx_hash="0x" + 64 * "0",
                block=0,
                constructor_args=(),
                runtime_code_hash=f"0x{keccak(node.code(contract.address)).hex()}",
                abi_hash=abi.abi_hash(abi.load(name)),
            )
        )
    return manifest


def contracts_of(world: World) -> dict[str, Contract]:
    return {
        "Consortium": world.consortium,
        "Twins": world.twins,
        "Devices": world.devices,
        "Telemetry": world.telemetry,
        "Conditions": world.conditions,
    }


def deployment_of(world: World, **more: Contract) -> Deployment:
    """The contracts of a world, and more by their names, as the package sees them: over HTTP or in this
    process.
    """
    manifest = manifest_of(world.node, contracts_of(world) | more)
    if isinstance(world.node, AnvilNode):
        return Deployment(manifest, connect(world.node.url))
    assert isinstance(world.node, RecordingNode)
    return Deployment(manifest, NodeChain(world.node))
