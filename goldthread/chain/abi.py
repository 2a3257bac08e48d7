"""Between Python values and ABI words: calls, results, events and errors, from the committed ABIs alone.

Structs come back as named tuples whose fields have the names of the ABI (`from` is called `from_`), addresses
with their checksum, bytes as bytes, numbers as int. Structs are taken as tuples, mappings or dataclasses.
"""

from __future__ import annotations

import dataclasses
import json
import keyword
import re
from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.address import to_checksum_address

from goldthread.hashing import keccak

Parameters = Sequence[Mapping[str, Any]]
"""A list of inputs or outputs as an ABI has it."""

Abi = Sequence[Mapping[str, Any]]

CONTRACTS = (
    "Consortium",
    "Twins",
    "Devices",
    "Capabilities",
    "Firmware",
    "Telemetry",
    "Conditions",
    "LoggerReports",
    "Templates",
    "Lots",
    "Records",
    "Compliance",
    "BatchRelease",
    "Lineage",
    "Recalls",
    "Exposures",
    "ConflictMinerals",
    "Licences",
    "Verification",
    "DeliveryExceptions",
    "DesignControl",
    "TitleDeed",
    "Challenges",
    "UsageMeters",
    "DriveInsurance",
    "CargoInsurance",
    "ClosureClaims",
)
"""The modules of the system, in the order in which each needs those before it."""

_checksummed = lru_cache(maxsize=65_536)(to_checksum_address)


class AbiMissing(LookupError):
    """The package has no ABI of that name."""


@cache
def load(name: str) -> list[dict[str, Any]]:
    """The ABI of a contract by its name, from the package's `abi` folder; `AbiMissing` if it is not there."""
    path = resources.files("goldthread").joinpath("abi", f"{name}.json")
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise AbiMissing(f"{name}: goldthread/abi has no file {name}.json; `make abis` writes them") from None
    found: list[dict[str, Any]] = json.loads(text)
    return found


def names() -> list[str]:
    """The contracts of which the package has an ABI."""
    folder = resources.files("goldthread").joinpath("abi")
    return sorted(f.name.removesuffix(".json") for f in folder.iterdir() if f.name.endswith(".json"))


def abi_hash(abi: Abi) -> str:
    """Keccak-256 of the ABI as JSON with sorted keys, sorted entries and no spaces, as 0x and hex digits."""
    entries = sorted(json.dumps(entry, sort_keys=True, separators=(",", ":")) for entry in abi)
    return "0x" + keccak(("[" + ",".join(entries) + "]").encode()).hex()


def type_of(parameter: Mapping[str, Any]) -> str:
    """The canonical type, structs spelled out."""
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(type_of(c) for c in parameter['components'])}){kind.removeprefix('tuple')}"


def signature(entry: Mapping[str, Any]) -> str:
    """`name(type,...)` of a function, event or error."""
    return f"{entry['name']}({','.join(type_of(p) for p in entry.get('inputs', []))})"


@cache
def hash_of(text: str) -> bytes:
    """Keccak-256 of a signature: the first topic of an event; its first four bytes select a function or
    error.
    """
    return keccak(text.encode())


def encode_values(parameters: Parameters, values: Sequence[Any]) -> bytes:
    """ABI-encode Python values. Raises `TypeError` or `ValueError` that names the parameter that does not
    fit.
    """
    if len(parameters) != len(values):
        raise TypeError(f"{len(parameters)} values expected ({describe(parameters)}), {len(values)} given")
    words = [to_abi(p, v) for p, v in zip(parameters, values, strict=True)]
    types = [type_of(p) for p in parameters]
    try:
        return encode(types, words)
    except Exception:
        for parameter, kind, word in zip(parameters, types, words, strict=True):
            try:
                encode([kind], [word])
            except Exception as error:
                raise ValueError(f"{parameter['name']}: {word!r} is no {kind}: {error}") from None
        raise


def decode_values(parameters: Parameters, data: bytes) -> tuple[Any, ...]:
    """Decode ABI data into Python values."""
    values = decode([type_of(p) for p in parameters], data)
    return tuple(from_abi(p, v) for p, v in zip(parameters, values, strict=True))


def to_abi(parameter: Mapping[str, Any], value: Any) -> Any:
    """What eth_abi wants for a value; see the module's description for what that may be."""
    kind: str = parameter["type"]
    if kind.endswith("]"):
        element = {**parameter, "type": kind[: kind.rindex("[")]}
        return [to_abi(element, item) for item in value]
    if kind == "tuple":
        components = parameter["components"]
        items = struct_items(components, value)
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
        element = {**parameter, "type": kind[: kind.rindex("[")]}
        return [from_abi(element, item) for item in value]
    if kind == "tuple":
        components = parameter["components"]
        return named(components, [from_abi(c, v) for c, v in zip(components, value, strict=True)])
    return _checksummed(value) if kind == "address" else value


def named(parameters: Parameters, values: Iterable[Any]) -> Any:
    """Values as a tuple with a field for each parameter's name."""
    return _tuple_type(tuple(p["name"] for p in parameters))(*values)


def struct_items(components: Parameters, value: Any) -> Sequence[Any]:
    """The members of a struct in the order of the ABI; `TypeError` if some are missing or not known."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        wanted = [c["name"] for c in components]
        given = {camel(name): item for name, item in value.items()}
        if given.keys() != set(wanted):
            raise TypeError(f"struct fields expected: {describe(components)}; given: {', '.join(value)}")
        return [given[name] for name in wanted]
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != len(components):
        raise TypeError(f"struct fields expected: {describe(components)}; given: {value!r}")
    return value


def camel(name: str) -> str:
    """`event_hash` as the ABI writes it: `eventHash`."""
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name.rstrip("_"))


def describe(parameters: Parameters) -> str:
    """Types and names for an error message."""
    return ", ".join(f"{type_of(p)} {p['name']}".strip() for p in parameters)


def functions(abi: Abi) -> dict[str, Mapping[str, Any]]:
    """The functions of an ABI by name; of an overloaded name the one with the most arguments."""
    found: dict[str, Mapping[str, Any]] = {}
    for entry in abi:
        if entry["type"] == "function":
            other = found.get(entry["name"])
            if other is None or len(other["inputs"]) < len(entry["inputs"]):
                found[entry["name"]] = entry
    return found


def events(abi: Abi) -> dict[bytes, Mapping[str, Any]]:
    """The events of an ABI by their first topic."""
    return {hash_of(signature(entry)): entry for entry in abi if entry["type"] == "event"}


def decode_event(entry: Mapping[str, Any], topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
    """The arguments of an event by name, in their order; an indexed string, array or struct is its hash."""
    indexed = [p for p in entry["inputs"] if p["indexed"]]
    plain = [p for p in entry["inputs"] if not p["indexed"]]
    values = dict(zip([p["name"] for p in plain], decode_values(plain, data), strict=True))
    for parameter, topic in zip(indexed, topics[1:], strict=True):
        kind = parameter["type"]
        hashed = kind in ("string", "bytes") or kind.startswith("tuple") or kind.endswith("]")
        values[parameter["name"]] = topic if hashed else decode_values([parameter], topic)[0]
    return {p["name"]: values[p["name"]] for p in entry["inputs"]}


@cache
def errors() -> dict[bytes, Mapping[str, Any]]:
    """The custom errors of every ABI in the package by selector: one can come out of a contract that another
    calls.
    """
    found: dict[bytes, Mapping[str, Any]] = {}
    for name in names():
        for entry in load(name):
            if entry["type"] == "error":
                found.setdefault(hash_of(signature(entry))[:4], entry)
    return found


@cache
def _tuple_type(fields: tuple[str, ...]) -> Any:
    return namedtuple("Struct", [f"{f}_" if keyword.iskeyword(f) else f for f in fields], rename=True)
