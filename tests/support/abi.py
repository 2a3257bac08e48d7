"""Between Python values and ABI words: structs by name, checksummed addresses, and one table of all errors
and events.
"""

from __future__ import annotations

import dataclasses
import json
import keyword
import re
from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from goldthread.build import ROOT

Parameters = Sequence[Mapping[str, Any]]
"""A list of inputs or outputs as an ABI has it."""

_checksummed = lru_cache(maxsize=None)(to_checksum_address)


def type_of(parameter: Mapping[str, Any]) -> str:
    """The canonical type, structs spelled out."""
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(type_of(c) for c in parameter['components'])}){kind.removeprefix('tuple')}"


def signature(entry: Mapping[str, Any]) -> str:
    """`name(type,...)` of a function, event or error."""
    return f"{entry['name']}({','.join(type_of(p) for p in entry.get('inputs', []))})"


def encode_values(parameters: Parameters, values: Sequence[Any]) -> bytes:
    """ABI-encode Python values; see `to_abi` for what they may be."""
    if len(parameters) != len(values):
        raise TypeError(f"{len(parameters)} arguments expected ({_names(parameters)}), {len(values)} given")
    words = [to_abi(p, v) for p, v in zip(parameters, values, strict=True)]
    return encode([type_of(p) for p in parameters], words)


def decode_values(parameters: Parameters, data: bytes) -> tuple[Any, ...]:
    """Decode ABI data: structs become named tuples, addresses are checksummed."""
    values = decode([type_of(p) for p in parameters], data)
    return tuple(from_abi(p, v) for p, v in zip(parameters, values, strict=True))


def to_abi(parameter: Mapping[str, Any], value: Any) -> Any:
    """What eth_abi wants for a value.

    A struct may be a mapping, a dataclass (snake_case fields are found) or a sequence; an address may be a
    contract handle; bytes may be a 0x string.
    """
    kind: str = parameter["type"]
    if kind.endswith("]"):
        element = dict(parameter, type=kind[: kind.rindex("[")])
        return [to_abi(element, item) for item in value]
    if kind == "tuple":
        components = parameter["components"]
        items = _struct_items(components, value)
        return tuple(to_abi(c, item) for c, item in zip(components, items, strict=True))
    if kind == "address":
        return getattr(value, "address", value)
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return value


def from_abi(parameter: Mapping[str, Any], value: Any) -> Any:
    """The Python value for what eth_abi decoded."""
    kind: str = parameter["type"]
    if kind.endswith("]"):
        element = dict(parameter, type=kind[: kind.rindex("[")])
        return [from_abi(element, item) for item in value]
    if kind == "tuple":
        components = parameter["components"]
        return named(components, [from_abi(c, v) for c, v in zip(components, value, strict=True)])
    if kind == "address":
        return _checksummed(value)
    return value


def named(parameters: Parameters, values: Iterable[Any]) -> Any:
    """Values as a tuple with a field for each parameter's name (`from` is called `from_`)."""
    return _tuple_type(tuple(p["name"] for p in parameters))(*values)


@cache
def _tuple_type(names: tuple[str, ...]) -> Any:
    return namedtuple("Struct", [f"{n}_" if keyword.iskeyword(n) else n for n in names], rename=True)


def _struct_items(components: Parameters, value: Any) -> Sequence[Any]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        wanted = [c["name"] for c in components]
        given = {_camel(name): item for name, item in value.items()}
        if given.keys() != set(wanted):
            raise TypeError(f"struct fields expected: {_names(components)}; given: {', '.join(value)}")
        return [given[name] for name in wanted]
    if len(value) != len(components):
        raise TypeError(f"struct fields expected: {_names(components)}; {len(value)} values given")
    items: Sequence[Any] = value
    return items


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name.rstrip("_"))


def _names(parameters: Parameters) -> str:
    return ", ".join(f"{type_of(p)} {p['name']}".strip() for p in parameters)


@dataclass(frozen=True)
class Event:
    """A decoded event."""

    address: str
    name: str
    args: dict[str, Any]


BUILT_IN_ERRORS: list[dict[str, Any]] = [
    {"type": "error", "name": "Error", "inputs": [{"name": "message", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
]


class Dictionary:
    """Errors by selector, and events by first topic and number of topics, of every ABI seen so far.

    ERC-20 and ERC-721 have the same events and index other fields.
    """

    def __init__(self) -> None:
        self._errors: dict[bytes, Mapping[str, Any]] = {}
        self._events: dict[tuple[bytes, int], Mapping[str, Any]] = {}
        self._complete = False
        self.add(BUILT_IN_ERRORS)

    def add(self, abi: Iterable[Mapping[str, Any]]) -> None:
        """Learn the errors and events of an ABI."""
        for entry in abi:
            if entry["type"] == "error":
                self._errors.setdefault(keccak(text=signature(entry))[:4], entry)
            elif entry["type"] == "event":
                topics = 1 + sum(p["indexed"] for p in entry["inputs"])
                self._events.setdefault((keccak(text=signature(entry)), topics), entry)

    def error(self, data: bytes) -> tuple[str, Any] | None:
        """Name and values of a custom error, None when nothing knows it."""
        entry = self._errors.get(data[:4]) or self._look_further(self._errors, data[:4])
        if entry is None:
            return None
        return entry["name"], named(entry["inputs"], decode_values(entry["inputs"], data[4:]))

    def event(self, address: str, topics: Sequence[bytes], data: bytes) -> Event:
        """The decoded event; an indexed string, array or struct is its hash, as on the chain."""
        key = topics[0], len(topics)
        entry = self._events.get(key) or self._look_further(self._events, key)
        if entry is None:
            raise LookupError(f"no known contract declares the event {topics[0].hex()} of {address}")
        indexed = [p for p in entry["inputs"] if p["indexed"]]
        plain = [p for p in entry["inputs"] if not p["indexed"]]
        values = dict(zip([p["name"] for p in plain], decode_values(plain, data), strict=True))
        for parameter, topic in zip(indexed, topics[1:], strict=True):
            hashed = parameter["type"] in ("string", "bytes", "tuple") or parameter["type"].endswith("]")
            values[parameter["name"]] = topic if hashed else decode_values([parameter], topic)[0]
        return Event(address, entry["name"], {p["name"]: values[p["name"]] for p in entry["inputs"]})

    def _look_further(self, table: Mapping[Any, Mapping[str, Any]], key: Any) -> Mapping[str, Any] | None:
        """An error can come out of a contract whose own ABI does not have it: look at everything ever
        built.
        """
        if not self._complete:
            self._complete = True
            for path in sorted((ROOT / ".build" / "artifacts").glob("*.json")):
                self.add(json.loads(path.read_text())["abi"])
        return table.get(key)


dictionary = Dictionary()
"""The table that all contract handles share."""
