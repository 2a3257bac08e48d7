"""The receipt that a receiver signs, hashed by eth-account's EIP-712 and not by the project's own."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from .world import EventRef

TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "EventRef": [
        {"name": "eventHash", "type": "bytes32"},
        {"name": "docHash", "type": "bytes32"},
        {"name": "readPoint", "type": "bytes32"},
        {"name": "bizLocation", "type": "bytes32"},
        {"name": "stamp", "type": "uint64"},
    ],
    "Receipt": [
        {"name": "twin", "type": "bytes32"},
        {"name": "head", "type": "bytes32"},
        {"name": "from", "type": "uint32"},
        {"name": "to", "type": "uint32"},
        {"name": "purpose", "type": "uint8"},
        {"name": "exceptions", "type": "uint16"},
        {"name": "ref", "type": "EventRef"},
        {"name": "deadline", "type": "uint40"},
    ],
}


class Receipt(NamedTuple):
    """As `ITwins.Receipt`."""

    twin: bytes
    head: bytes
    from_: int
    to: int
    purpose: int
    exceptions: int
    ref: EventRef
    deadline: int


@lru_cache(maxsize=4096)
def digest_of(receipt: Receipt, twins: str, chain_id: int) -> bytes:
    """What is signed: the receipt under the domain of that Twins contract on that chain."""
    message = _named("Receipt", receipt) | {"ref": _named("EventRef", receipt.ref)}
    signable = encode_typed_data(
        full_message={
            "types": TYPES,
            "primaryType": "Receipt",
            "domain": {
                "name": "Goldthread Twins",
                "version": "1",
                "chainId": chain_id,
                "verifyingContract": twins,
            },
            "message": message,
        }
    )
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def _named(struct: str, values: tuple[Any, ...]) -> dict[str, Any]:
    return {entry["name"]: value for entry, value in zip(TYPES[struct], values, strict=True)}
