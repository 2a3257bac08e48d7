"""Signatures under records, checked again with the keys alone: what was signed is in the transactions.

    found = check(deployment, timeline.read(deployment, lot))
    [one for one in found if one.wrong]                  # empty, or a node or contract that lies

The contract has checked every signature, and its logs say so. A statement or signature that somebody else
brought carries an EIP-712 signature, which proves its author whatever a node says; one that its author sent
itself has the author as the sender of the transaction. What came through another contract, or is signed for a
contract (ERC-1271) or with a key that only a verifier contract knows, is checked by the chain alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from goldthread.chain import abi, eip712
from goldthread.chain.contracts import Contract, Deployment
from goldthread.chain.devices import account_of
from goldthread.chain.passkeys import is_signature
from goldthread.chain.records import MODULE, NOTHING
from goldthread.records.timeline import Line, Timeline


class How(StrEnum):
    """By what a signature was checked here."""

    KEY = "key"
    SENDER = "sender"
    CHAIN = "chain"


@dataclass(frozen=True)
class Checked:
    """A signature of a record: whose, how it was checked, and what is wrong ("" for nothing)."""

    sequence: int
    account: str
    how: How
    wrong: str = ""


@dataclass(frozen=True)
class _Claim:
    """What the logs say that somebody signed."""

    line: Line
    account: str
    tx_hash: str
    content: tuple[Any, ...]
    """The statement; or record, content, meaning and name of a countersignature."""
    seconds: bool


def check(deployment: Deployment, timeline: Timeline) -> list[Checked]:
    """Every signature under the records of a subject, in their order. Raises `NodeError`."""
    claims = [claim for line in timeline.lines for claim in _claims(line)]
    hashes = sorted({claim.tx_hash for claim in claims})
    answers = deployment.chain.batch([("eth_getTransactionByHash", (hash_,)) for hash_ in hashes])
    transactions = dict(zip(hashes, answers, strict=True))
    return [_checked(deployment, claim, transactions[claim.tx_hash]) for claim in claims]


def counted(found: Iterable[Checked]) -> dict[str, int]:
    """How many signatures were checked by what."""
    counts = Counter(one.how for one in found)
    return {how.value: counts[how] for how in How}


def _claims(line: Line) -> list[_Claim]:
    event = line.event
    author = _Claim(line, event["author"], event.tx_hash, tuple(event["statement"]), False)
    seconds = [
        _Claim(line, one.account, one.tx_hash, (line.id, line.content, one.meaning, one.name), True)
        for one in line.signatures
    ]
    return [author, *seconds]


def _checked(deployment: Deployment, claim: _Claim, transaction: Mapping[str, Any] | None) -> Checked:
    records = deployment.records
    sequence, account = claim.line.sequence, claim.account
    if transaction is None:
        return Checked(sequence, account, How.CHAIN, f"the node has no transaction {claim.tx_hash}")
    if str(transaction["to"]).lower() != records.address.lower():
        return Checked(sequence, account, How.CHAIN)
    name, args = _call(records, bytes.fromhex(transaction["input"][2:]))
    if name not in _FUNCTIONS[claim.seconds]:
        return Checked(sequence, account, How.CHAIN, f"transaction {claim.tx_hash} calls {name or 'nothing'}")
    if tuple(args[0]) != claim.content:
        return Checked(sequence, account, How.CHAIN, f"transaction {claim.tx_hash} brought something else")
    if name in _BY_SENDER:
        wrong = "" if transaction["from"].lower() == account.lower() else f"{transaction['from']} sent it"
        return Checked(sequence, account, How.SENDER, wrong)
    kind, message, signer, signature = _signed(name, args)
    if account_of(signer) != account:
        return Checked(sequence, account, How.KEY, f"0x{signer.hex()} signed it")
    where = eip712.domain(MODULE, deployment.chain.id, records.address)
    verdict = is_signature(signer, eip712.digest(kind, where, message), signature)
    if verdict is None or (not verdict and len(signer) == 20 and deployment.chain.code(account)):
        return Checked(sequence, account, How.CHAIN)
    return Checked(sequence, account, How.KEY, "" if verdict else f"it is no signature of 0x{signer.hex()}")


_BY_SENDER = ("write", "amend", "countersign")
_FUNCTIONS = {
    False: ("write", "writeSigned", "writeByDevice", "amend", "amendSigned"),
    True: ("countersign", "countersignSigned"),
}


def _call(contract: Contract, data: bytes) -> tuple[str, tuple[Any, ...]]:
    """The function that a transaction called, and its arguments; nothing if the contract has none such."""
    for entry in contract.abi:
        if entry["type"] == "function" and abi.hash_of(abi.signature(entry))[:4] == data[:4]:
            return entry["name"], abi.decode_values(entry["inputs"], data[4:])
    return "", ()


def _signed(name: str, args: tuple[Any, ...]) -> tuple[str, dict[str, Any], bytes, bytes]:
    """What was signed, by whom, and the signature."""
    if name == "countersignSigned":
        item, deadline, signer, signature = args
        return "SignedCountersignature", {"item": item._asdict(), "deadline": deadline}, signer, signature
    statement, *middle, authorship = args
    device = middle[0] if name == "writeByDevice" else NOTHING
    supersedes, reason = middle if name == "amendSigned" else (NOTHING, NOTHING)
    message = {
        "statement": statement._asdict(),
        "supersedes": supersedes,
        "reason": reason,
        "device": device,
        "sequence": authorship.sequence,
        "deadline": authorship.deadline,
    }
    return "SignedStatement", message, authorship.signer, authorship.signature
