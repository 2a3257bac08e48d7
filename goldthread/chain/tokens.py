"""Letting a contract take the tokens that it is paid in."""

from __future__ import annotations

from typing import Any

from goldthread.chain.contracts import Contract
from goldthread.chain.send import Sender

_TOKEN: list[dict[str, Any]] = [
    {
        "type": "function",
        "name": name,
        "inputs": [{"name": a, "type": t} for a, t in inputs],
        "outputs": [{"name": "", "type": output}],
        "stateMutability": mutability,
    }
    for name, inputs, output, mutability in (
        ("allowance", (("owner", "address"), ("spender", "address")), "uint256", "view"),
        ("approve", (("spender", "address"), ("amount", "uint256")), "bool", "nonpayable"),
    )
]


def allow(sender: Sender, contract: Contract, amount: int) -> None:
    """Let a contract that has a `TOKEN` take so many base units of the sender's, if it may not yet."""
    token = Contract(contract.chain, "ERC-20", contract.TOKEN(), _TOKEN)
    if token.allowance(sender.address, contract.address) < amount:
        sender.send(token.approve(contract.address, amount))
