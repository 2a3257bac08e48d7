"""Logs of the system's contracts, by block ranges that the node can answer, decoded by the committed ABIs.

Only logs that the contracts of a manifest emitted are asked for and accepted: a topic proves nothing about
who wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldthread.chain import abi
from goldthread.chain.contracts import Contract, Deployment
from goldthread.chain.errors import ChainError, NodeError, RpcError
from goldthread.chain.rpc import Chain
from goldthread.chain.send import Receipt

SPAN = 10_000
"""Blocks asked for at once, until the node says that these are too many."""

Progress = Callable[[int, int], None]
"""Called after each range with its last block and the number of logs found in it."""


class LogError(ChainError):
    """A log that cannot be: from another contract, out of order, taken back, or one that no ABI knows."""


@dataclass(frozen=True)
class Event:
    """A decoded log. `contract` is the name in the manifest, `args` the arguments in the order of the ABI."""

    contract: str
    name: str
    args: Mapping[str, Any]
    block: int
    tx_hash: str
    index: int
    """Place of the log in its block."""
    address: str
    block_hash: str
    chain_id: int = 0

    def __getitem__(self, name: str) -> Any:
        """An argument by its name."""
        return self.args[name]


def raw_logs(
    chain: Chain,
    addresses: Sequence[str],
    first: int,
    last: int,
    *,
    topics: Sequence[Any] | None = None,
    span: int = SPAN,
    progress: Progress | None = None,
) -> Iterator[dict[str, Any]]:
    """The logs of these addresses from block `first` to block `last`, as the node gives them, in their order.

    A range is halved when the node refuses it or does not answer in time, and grows again after that. Raises
    `RpcError` or `NodeError` if not even a single block is answered.
    """
    if not addresses:
        raise ValueError("without an address, anybody's logs would be taken for the system's")
    emitters = {address.lower() for address in addresses}
    start, size = first, span
    while start <= last:
        end = min(start + size - 1, last)
        query = {"address": sorted(emitters), "fromBlock": hex(start), "toBlock": hex(end)}
        if topics is not None:
            query["topics"] = list(topics)
        try:
            found = chain.rpc("eth_getLogs", query)
        except (RpcError, NodeError):
            if start == end:
                raise
            size = (end - start + 1) // 2
            continue
        for log in sorted(found, key=_place):
            _check(log, emitters, start, end)
            yield log
        if progress is not None:
            progress(end, len(found))
        start, size = end + 1, min(span, size * 2)


def decode(contracts: Iterable[Contract], log: Mapping[str, Any]) -> Event:
    """A raw log as an event of one of the contracts; `LogError` if none of them can have emitted it."""
    address = str(log["address"]).lower()
    contract = next((c for c in contracts if c.address.lower() == address), None)
    if contract is None:
        raise LogError(f"log of {log['address']}, which is none of the contracts asked")
    topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
    entry = contract.events.get(topics[0]) if topics else None
    if entry is None:
        raise LogError(
            f"{contract.name} emitted an event that its ABI does not have, in {log['transactionHash']}"
        )
    block, index = _place(log)
    return Event(
        contract=contract.name,
        name=entry["name"],
        args=abi.decode_event(entry, topics, bytes.fromhex(log["data"][2:])),
        block=block,
        tx_hash=log["transactionHash"],
        index=index,
        address=contract.address,
        block_hash=log["blockHash"],
        chain_id=contract.chain.id,
    )


def events(
    deployment: Deployment,
    names: Sequence[str],
    *,
    first: int | None = None,
    last: int | None = None,
    topics: Sequence[Any] | None = None,
    span: int = SPAN,
    progress: Progress | None = None,
) -> Iterator[Event]:
    """The events of these contracts of a deployment, in their order on the chain.

    From the block of the first deployment to the newest one, unless other blocks are given.
    """
    contracts = [deployment.contract(name) for name in names]
    start = deployment.manifest.start_block if first is None else first
    end = deployment.chain.block_number() if last is None else last
    found = raw_logs(
        deployment.chain,
        [contract.address for contract in contracts],
        start,
        end,
        topics=topics,
        span=span,
        progress=progress,
    )
    for log in found:
        yield decode(contracts, log)


def receipt_events(deployment: Deployment, names: Sequence[str], receipt: Receipt) -> list[Event]:
    """The events of these contracts in the receipt of a transaction, in their order."""
    contracts = [deployment.contract(name) for name in names]
    emitters = {contract.address.lower() for contract in contracts}
    return [decode(contracts, log) for log in receipt.logs if str(log["address"]).lower() in emitters]


def _place(log: Mapping[str, Any]) -> tuple[int, int]:
    return int(log["blockNumber"], 16), int(log["logIndex"], 16)


def _check(log: Mapping[str, Any], emitters: set[str], first: int, last: int) -> None:
    if str(log["address"]).lower() not in emitters:
        raise LogError(f"the node gave a log of {log['address']}, which nobody asked for")
    block, _ = _place(log)
    if not first <= block <= last:
        raise LogError(f"the node gave a log of block {block} when asked for {first} to {last}")
    if log.get("removed"):
        raise LogError(f"the node gave a log of block {block} that a reorganisation took back; ask again")
