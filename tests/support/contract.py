"""Contracts as Python objects, from their ABI alone: `twins.offer(id, carrier, sender=maker)`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from goldthread import build

from .abi import Event, Parameters, decode_values, dictionary, encode_values, named, signature
from .nodes import GAS, CallFailed, Node, Receipt


class Reverted(Exception):
    """A call or transaction failed.

    `error` is the name of the custom error ("Error" for a reason string, "Panic", or "" without any revert
    data, "0x…"
    if nothing knows the selector), `values` its arguments by position and by name.
    """

    def __init__(
        self, error: str, values: Any = (), reason: str = "", receipt: Receipt | None = None
    ) -> None:
        arguments = values._asdict() if hasattr(values, "_asdict") else {}
        shown = ", ".join(f"{name}={_shown(value)}" for name, value in arguments.items())
        super().__init__(f"{error}({shown})" if error else reason or "reverted without data")
        self.error = error
        self.values = values
        self.receipt = receipt

    @classmethod
    def decoded(cls, data: bytes, reason: str = "", receipt: Receipt | None = None) -> Reverted:
        """From revert data."""
        if not data:
            return cls("", (), reason, receipt)
        known = dictionary.error(data)
        error, values = known if known is not None else (f"0x{data[:4].hex()}", (data[4:],))
        return cls(error, values, reason, receipt)


@dataclass(frozen=True)
class Forwarder:
    """A contract that stands in for its owner: given as `sender`, it is what the contract under test sees.

    For what must hold when `msg.sender` is a contract and `tx.origin` is somebody else.
    """

    address: str
    owner: str

    # Calls the address in the first word of its calldata with the rest of it, and passes on what comes back.
    CODE = bytes.fromhex(
        "602080" "60095f395ff3"  # return the code below
        "60203603" "80" "60205f37"  # copy the calldata behind its first word to memory
        "5f5f91" "5f34" "5f355af1"  # call the address in the first word with it
        "3d5f5f3e"  # copy the answer to memory
        "601c57" "3d5ffd"  # revert with it
        "5b3d5ff3"  # or return it
    )  # fmt: skip

    @classmethod
    def deploy(cls, node: Node, owner: str) -> Forwarder:
        """A new forwarder; only transactions of the owner are sent through it."""
        address = node.tx(owner, None, cls.CODE).contract_address
        if address is None:
            raise RuntimeError("the forwarder was not deployed")
        return cls(address, owner)


Sender = str | Forwarder


class Function:
    """One function of a contract, or all overloads of one name."""

    def __init__(self, contract: Contract, entries: Sequence[Mapping[str, Any]]) -> None:
        self._contract = contract
        self._entries = entries

    def __call__(self, *args: Any, sender: Sender | None = None, value: int = 0, gas: int = GAS) -> Any:
        """Send the transaction and return its receipt, or, of a view, return its value. Raises `Reverted`."""
        entry = self._entry(args)
        if entry["stateMutability"] in ("view", "pure"):
            return self._call(entry, args, sender, value)
        if sender is None:
            raise TypeError(f"{entry['name']} changes state: say who sends it")
        origin, to, data = self._route(sender, _calldata(entry, args))
        receipt = self._contract.node.tx(origin, to, data, value, gas)
        if not receipt.ok:
            raise Reverted.decoded(receipt.output, "out of gas or an invalid instruction", receipt)
        return receipt

    def call(self, *args: Any, sender: Sender | None = None, value: int = 0) -> Any:
        """What the function would return, were it sent now. Raises `Reverted`."""
        return self._call(self._entry(args), args, sender, value)

    def encode(self, *args: Any) -> bytes:
        """The calldata."""
        return _calldata(self._entry(args), args)

    @property
    def selector(self) -> bytes:
        """The first four bytes of the calldata."""
        if len(self._entries) > 1:
            raise TypeError(f"overloaded, choose one: {', '.join(map(signature, self._entries))}")
        return _selector(signature(self._entries[0]))

    def _call(self, entry: Mapping[str, Any], args: Sequence[Any], sender: Sender | None, value: int) -> Any:
        origin, to, data = self._route(sender, _calldata(entry, args))
        try:
            output = self._contract.node.call(to, data, origin, value)
        except CallFailed as error:
            raise Reverted.decoded(error.output, error.reason) from None
        values = decode_values(entry["outputs"], output)
        return values[0] if len(values) == 1 else named(entry["outputs"], values) if values else None

    def _route(self, sender: Sender | None, data: bytes) -> tuple[str, str, bytes]:
        if isinstance(sender, Forwarder):
            return sender.owner, sender.address, bytes.fromhex(self._contract.address[2:].zfill(64)) + data
        return sender or "0x" + 40 * "0", self._contract.address, data

    def _entry(self, args: Sequence[Any]) -> Mapping[str, Any]:
        if len(self._entries) == 1:
            return self._entries[0]
        fitting = [entry for entry in self._entries if len(entry["inputs"]) == len(args)]
        if len(fitting) != 1:
            choices = ", ".join(f'contract["{signature(entry)}"]' for entry in self._entries)
            raise TypeError(f"which overload is meant? choose with {choices}")
        return fitting[0]


class Contract:
    """A deployed contract. Its functions are attributes; `contract["name(uint256)"]` picks an overload."""

    def __init__(
        self, node: Node, address: str, abi: Sequence[Mapping[str, Any]], title: str = "Contract"
    ) -> None:
        self.node = node
        self.address = address
        self.abi = abi
        self._title = title
        self._functions: dict[str, list[Mapping[str, Any]]] = {}
        for entry in abi:
            if entry["type"] == "function":
                self._functions.setdefault(entry["name"], []).append(entry)
        dictionary.add(abi)

    def __getattr__(self, name: str) -> Function:
        if name.startswith("__") or name not in self._functions:
            raise AttributeError(f"{self._title} has no function {name}")
        function = Function(self, self._functions[name])
        self.__dict__[name] = function
        return function

    def __getitem__(self, name: str) -> Function:
        entries = self._functions.get(name.split("(")[0], [])
        chosen = [entry for entry in entries if name in (entry["name"], signature(entry))]
        if not chosen:
            raise KeyError(f"{self._title} has no function {name}")
        return Function(self, chosen)

    def __repr__(self) -> str:
        return f"<{self._title} {self.address}>"

    def events(self, receipt: Receipt, name: str | None = None) -> list[dict[str, Any]]:
        """The arguments of the events that this contract emitted in the transaction, all or those of one
        name.
        """
        return [
            event.args
            for event in decode_logs(receipt)
            if event.address == self.address and name in (None, event.name)
        ]


def decode_logs(receipt: Receipt) -> list[Event]:
    """Every event of a transaction, whichever contract emitted it; `LookupError` if one is not known."""
    return [dictionary.event(log.address, log.topics, log.data) for log in receipt.logs]


@contextmanager
def reverts(error: str, *values: Any) -> Iterator[None]:
    """The block must revert with this error and, where values are given, with exactly these arguments."""
    try:
        yield
    except Reverted as reverted:
        if reverted.error != error or (values and tuple(reverted.values) != values):
            expected = f"{error}({', '.join(map(_shown, values))})"
            raise AssertionError(f"expected {expected}, got {reverted}") from reverted
        return
    raise AssertionError(f"nothing reverted, expected {error}")


def deploy(node: Node, contract: str, *args: Any, sender: str | None = None, value: int = 0) -> Contract:
    """Deploy a contract by its name, from its artifact or, in a mutation run, from the mutant."""
    abi, code = _creation(contract)
    inputs: Parameters = next((entry["inputs"] for entry in abi if entry["type"] == "constructor"), [])
    data = code + encode_values(inputs, args)
    receipt = node.tx(sender or node.accounts[0], None, data, value)
    if receipt.contract_address is None:
        dictionary.add(abi)
        raise Reverted.decoded(receipt.output, "out of gas or an invalid instruction", receipt)
    return Contract(node, receipt.contract_address, abi, contract)


def at(node: Node, contract: str, address: str) -> Contract:
    """A handle for a contract that is already there."""
    return Contract(node, address, _creation(contract)[0], contract)


def _creation(contract: str) -> tuple[Sequence[Mapping[str, Any]], bytes]:
    mutants = _mutants(os.environ.get("MUTANT_ARTIFACTS"))
    if contract in mutants:
        return mutants[contract]
    artifact = artifact_of(contract)
    return artifact.abi, artifact.bytecode


@cache
def _mutants(path: str | None) -> dict[str, tuple[list[Mapping[str, Any]], bytes]]:
    if path is None:
        return {}
    found = json.loads(Path(path).read_text())
    return {name: (item["abi"], bytes.fromhex(item["bytecode"])) for name, item in found.items()}


@cache
def artifact_of(contract: str) -> build.Artifact:
    """The artifact, built or checked once a process."""
    return build.artifact(contract)


def _calldata(entry: Mapping[str, Any], args: Sequence[Any]) -> bytes:
    return _selector(signature(entry)) + encode_values(entry["inputs"], args)


@cache
def _selector(text: str) -> bytes:
    return keccak(text=text)[:4]


def _shown(value: Any) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
