"""ape, as a user calls it, agrees with our own build."""

from __future__ import annotations

from typing import Any

from goldthread.build import ensure_built


def code(bytecode: bytes) -> bytes:
    """Without the metadata hash at its end, which covers comments and the names of all files of the run."""
    return bytecode[: -int.from_bytes(bytecode[-2:], "big") - 2]


def test_ape_compiles_the_contracts_to_the_same_bytecode(project: Any) -> None:
    artifacts = {
        name: artifact
        for name, artifact in ensure_built().items()
        if artifact.source_path.startswith("contracts/")
    }
    compiled = project.load_contracts()
    assert artifacts.keys() <= compiled.keys()
    for name, artifact in artifacts.items():
        bytecode = bytes.fromhex(compiled[name].contract_type.deployment_bytecode.bytecode[2:])
        assert code(bytecode) == code(artifact.bytecode), name


def test_ape_is_on_a_node_of_osaka(chain: Any) -> None:
    assert chain.provider.chain_id == 31337
    words = bytes.fromhex("00" * 160)
    assert chain.provider.web3.eth.call({"to": "0x" + "100".zfill(40), "data": words}) == b""


def test_an_ape_account_sends_a_transaction(accounts: Any, chain: Any) -> None:
    sender, receiver = accounts[:2]
    before = receiver.balance
    receipt = sender.transfer(receiver, 1)
    assert not receipt.failed
    assert receiver.balance == before + 1
    assert chain.blocks.head.number == receipt.block_number
