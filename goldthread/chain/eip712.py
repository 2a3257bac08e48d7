"""The messages that people and devices sign (EIP-712), from one table.

Whatever is signed names the contract, the chain and the fields, so that a wallet can show what the signature
means and nobody can use it elsewhere. A message is a mapping with the field names of the Solidity struct;
nested structs are mappings as well, 32-byte values bytes or 0x strings.

    digest("Receipt", domain("Twins", 31337, address), {...})      # 32 bytes for a device key or a hardware
    module full_message("Receipt", domain, {...})                         # for eth-account and for wallets
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from eth_abi.abi import encode

from goldthread.chain import abi
from goldthread.hashing import keccak

Message = Mapping[str, Any]

VERSION = "1"

NAMES = {
    "Twins": "Goldthread Twins",
    "Devices": "Goldthread Devices",
    "Capabilities": "Goldthread Capabilities",
    "Firmware": "Goldthread Firmware",
    "DesignControl": "Goldthread DesignControl",
    "Telemetry": "Goldthread Telemetry",
    "Conditions": "Goldthread Conditions",
    "Licences": "Goldthread Licences",
    "UsageMeters": "Goldthread UsageMeters",
    "Records": "Goldthread Records",
    "BatchRelease": "Goldthread BatchRelease",
    "DriveInsurance": "Goldthread DriveInsurance",
    "CargoInsurance": "Goldthread CargoInsurance",
}
"""The EIP-712 domain name of each module."""

CONTRACT_OF = {
    "Receipt": "Twins",
    "Invocation": "Capabilities",
    "Release": "Firmware",
    "Minimum": "Firmware",
    "SignerSet": "Firmware",
    "Confirmation": "Firmware",
    "Approval": "DesignControl",
    "Segment": "Telemetry",
    "SeatRequest": "Licences",
    "SeatReturn": "Licences",
    "MeterReading": "UsageMeters",
    "SignedStatement": "Records",
    "SignedCountersignature": "Records",
    "Decision": "BatchRelease",
    "Quote": "DriveInsurance",
    "Usage": "DriveInsurance",
    "Reading": "DriveInsurance",
    "CargoQuote": "CargoInsurance",
}
"""What can be signed, and the module that reads it."""

STRUCTS: dict[str, tuple[str, ...]] = {
    "EventRef": (
        "bytes32 eventHash",
        "bytes32 docHash",
        "bytes32 readPoint",
        "bytes32 bizLocation",
        "uint64 stamp",
    ),
    "Receipt": (
        "bytes32 twin",
        "bytes32 head",
        "uint32 from",
        "uint32 to",
        "uint8 purpose",
        "uint16 exceptions",
        "EventRef ref",
        "uint40 deadline",
    ),
    "Invocation": (
        "bytes32 device",
        "bytes32 resource",
        "uint32 capability",
        "uint8 methods",
        "bytes32 ref",
        "uint40 deadline",
        "bytes32 salt",
    ),
    "Release": (
        "bytes32 model",
        "bytes32 hardwareClass",
        "uint64 sequence",
        "string version",
        "bytes32 imageHash",
        "bytes32 manifestHash",
        "uint40 notBefore",
        "uint40 expiry",
    ),
    "Minimum": ("bytes32 model", "bytes32 hardwareClass", "uint64 sequence"),
    "SignerSet": ("bytes32 model", "uint32 version", "uint32 threshold", "bytes[] signers"),
    "Confirmation": (
        "bytes32 device",
        "bytes32 model",
        "bytes32 hardwareClass",
        "uint64 sequence",
        "bytes32 imageHash",
        "uint40 time",
    ),
    "Approval": (
        "bytes32 design",
        "uint8 gate",
        "uint32 change",
        "bytes32 record",
        "uint32 edition",
        "uint40 deadline",
    ),
    "Segment": (
        "bytes32 device",
        "bytes32 subject",
        "uint256 frame",
        "uint256 values",
        "uint256[] excursions",
        "uint256[] histogram",
        "bytes32 root",
    ),
    "SeatRequest": (
        "uint32 licence",
        "uint16 borrowFor",
        "uint40 time",
        "uint40 deadline",
        "bytes32 salt",
    ),
    "SeatReturn": ("uint32 licence", "uint8 seat", "uint40 deadline", "bytes32 salt"),
    "MeterReading": ("bytes32 meter", "uint64 counter", "uint40 time"),
    "Statement": (
        "bytes32 subject",
        "bytes32 schema",
        "bytes32 content",
        "uint32 documents",
        "uint40 effectiveAt",
        "bytes32 original",
        "bytes32 signerName",
        "bytes data",
        "string uri",
    ),
    "SignedStatement": (
        "Statement statement",
        "bytes32 supersedes",
        "bytes32 reason",
        "bytes32 device",
        "uint32 sequence",
        "uint40 deadline",
    ),
    "Countersignature": ("bytes32 record", "bytes32 content", "uint8 meaning", "bytes32 signerName"),
    "SignedCountersignature": ("Countersignature item", "uint40 deadline"),
    "Decision": (
        "bytes32 caseId",
        "bool release",
        "bytes32 record",
        "uint32 seen",
        "bytes32 signerName",
        "uint40 deadline",
    ),
    "Terms": (
        "uint96 base",
        "uint32 period",
        "uint96 rate",
        "uint32 rateDistance",
        "uint32 nightWeight",
        "uint32 speedingWeight",
        "uint32 brakeMetres",
        "uint32 accelMetres",
        "uint32 cornerMetres",
        "uint32 phoneMetres",
        "uint96 minimum",
        "uint96 maximum",
        "uint32 kmCredit",
        "uint32 nightPenalty",
        "uint32 speedingPenalty",
        "uint32 brakePenalty",
        "uint32 accelPenalty",
        "uint32 cornerPenalty",
        "uint32 phonePenalty",
        "uint32 tierMin",
        "uint32 tierMax",
        "uint32 defaultMetres",
    ),
    "Cover": (
        "address holder",
        "address treasury",
        "address arbiter",
        "bytes32 vehicle",
        "bytes32 device",
        "uint96 sumInsured",
        "uint40 start",
        "uint40 end",
        "uint64 odometer",
        "uint32 tier",
        "uint32 reportWindow",
        "uint32 disputeWindow",
        "uint32 arbitrationWindow",
        "uint32 noticePeriod",
        "uint32 claimWindow",
        "uint32 decisionWindow",
        "uint40 deadline",
        "bytes32 salt",
    ),
    "Quote": ("Terms terms", "Cover cover"),
    "Usage": (
        "bytes32 policyId",
        "uint32 period",
        "uint40 from",
        "uint40 to",
        "uint64 odometer",
        "uint64 night",
        "uint64 speeding",
        "uint32 brakes",
        "uint32 accels",
        "uint32 corners",
        "uint32 phone",
        "uint32 trips",
        "bytes32 tripsRoot",
    ),
    "Reading": ("bytes32 policyId", "uint40 time", "uint64 odometer"),
    "Shipment": (
        "address holder",
        "address treasury",
        "bytes32 subject",
        "uint32 setter",
        "bytes32 conditions",
        "uint32 carrier",
        "uint32 consignee",
        "uint40 latestStart",
        "uint40 latestEnd",
        "uint32 claimWindow",
        "uint96 sumInsured",
        "uint96 premium",
        "uint96 franchise",
        "uint96 deductible",
        "uint32 rejectShare",
        "uint32 recallShare",
        "uint8 recallClass",
        "uint32 recaller",
        "uint40 deadline",
        "bytes32 salt",
    ),
    "Severity": ("uint8 rule", "uint32 beyond", "uint32 time", "uint32 share"),
    "CargoQuote": ("Shipment shipment", "Severity[] table"),
}
"""The fields of every struct, in the order in which they are hashed."""


class MessageError(ValueError):
    """A message that cannot be signed. The text names struct, field, value and rule."""


@dataclass(frozen=True)
class Domain:
    """Where a signature is valid."""

    name: str
    chain_id: int
    contract: str
    version: str = VERSION

    @cached_property
    def separator(self) -> bytes:
        """The domain separator, as the contract computes it."""
        types = ["bytes32", "bytes32", "bytes32", "uint256", "address"]
        values = [_DOMAIN_HASH, _text(self.name), _text(self.version), self.chain_id, self.contract]
        return keccak(encode(types, values))

    def to_json(self) -> dict[str, Any]:
        """As wallets take it."""
        return {
            "name": self.name,
            "version": self.version,
            "chainId": self.chain_id,
            "verifyingContract": self.contract,
        }


def domain(contract: str, chain_id: int, address: str) -> Domain:
    """The domain of a module by its name in the manifest, on a chain, at an address."""
    if contract not in NAMES:
        raise MessageError(f"{contract}: no such module; those that read signatures: {', '.join(NAMES)}")
    return Domain(NAMES[contract], chain_id, address)


@cache
def type_text(struct: str) -> str:
    """The struct's type as EIP-712 writes it: its own fields, then the structs in it in alphabetical
    order.
    """
    inner = sorted(_inner(struct))
    return "".join(f"{name}({','.join(STRUCTS[name])})" for name in (struct, *inner))


@cache
def type_hash(struct: str) -> bytes:
    """Keccak-256 of `type_text`."""
    return keccak(type_text(struct).encode())


def struct_hash(struct: str, message: Message) -> bytes:
    """EIP-712 hashStruct. Raises `MessageError` for a missing, unknown or unfitting field."""
    fields = [_split(field) for field in STRUCTS[struct]]
    _check_fields(struct, message, [name for _, name in fields])
    words = [type_hash(struct)]
    for kind, name in fields:
        if kind.endswith("[]"):
            items = [_word(struct, name, kind.removesuffix("[]"), item) for item in message[name]]
            words.append(keccak(b"".join(items)))
        else:
            words.append(_word(struct, name, kind, message[name]))
    return keccak(b"".join(words))


def digest(struct: str, where: Domain, message: Message) -> bytes:
    """The 32 bytes that are signed."""
    return keccak(b"\x19\x01" + where.separator + struct_hash(struct, message))


def full_message(struct: str, where: Domain, message: Message) -> dict[str, Any]:
    """The message for eth-account (`sign_typed_data(full_message=...)`) and, as JSON, for wallets."""
    struct_hash(struct, message)
    types = {
        name: [{"name": field, "type": kind} for kind, field in map(_split, STRUCTS[name])]
        for name in (struct, *sorted(_inner(struct)))
    }
    types["EIP712Domain"] = [{"name": field, "type": kind} for kind, field in map(_split, _DOMAIN_FIELDS)]
    return {
        "types": types,
        "primaryType": struct,
        "domain": where.to_json(),
        "message": _plain(struct, message),
    }


def as_tuple(struct: str, message: Message) -> tuple[Any, ...]:
    """The message as an argument of a contract's function."""
    return tuple(_argument(kind, message[name]) for kind, name in map(_split, STRUCTS[struct]))


_DOMAIN_FIELDS = ("string name", "string version", "uint256 chainId", "address verifyingContract")
_DOMAIN_HASH = keccak(f"EIP712Domain({','.join(_DOMAIN_FIELDS)})".encode())


def _split(field: str) -> tuple[str, str]:
    kind, name = field.split(" ")
    return kind, name


def _inner(struct: str) -> set[str]:
    found: set[str] = set()
    for kind, _ in map(_split, STRUCTS[struct]):
        base = kind.removesuffix("[]")
        if base in STRUCTS:
            found |= {base} | _inner(base)
    return found


def _check_fields(struct: str, message: Message, names: Sequence[str]) -> None:
    if missing := [name for name in names if name not in message]:
        raise MessageError(f"{struct}: {', '.join(missing)} is missing")
    if unknown := [name for name in message if name not in names]:
        raise MessageError(f"{struct}: has no field {', '.join(unknown)}")


def _word(struct: str, name: str, kind: str, value: Any) -> bytes:
    """EIP-712 encodeData of one field: 32 bytes."""
    if kind in STRUCTS:
        return struct_hash(kind, value)
    value = _value(struct, name, kind, value)
    if kind == "string":
        return keccak(value.encode())
    return keccak(value) if kind == "bytes" else encode([kind], [value])


def _argument(kind: str, value: Any) -> Any:
    if kind.endswith("[]"):
        return [_argument(kind.removesuffix("[]"), item) for item in value]
    if kind in STRUCTS:
        return as_tuple(kind, value)
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return value


def _value(struct: str, name: str, kind: str, value: Any) -> Any:
    if kind.startswith("bytes") and isinstance(value, str):
        try:
            value = bytes.fromhex(value.removeprefix("0x"))
        except ValueError:
            raise MessageError(f"{struct}.{name}: {value!r} is not in hex digits") from None
    if kind == "bytes32" and not (isinstance(value, bytes) and len(value) == 32):
        raise MessageError(f"{struct}.{name}: {value!r} is not 32 bytes")
    try:
        encode([kind], [value])
    except Exception as error:
        raise MessageError(f"{struct}.{name}: {value!r} is no {kind}: {error}") from None
    return value


def _plain(struct: str, message: Message) -> dict[str, Any]:
    return {name: _shown(kind, message[name]) for kind, name in map(_split, STRUCTS[struct])}


def _shown(kind: str, value: Any) -> Any:
    if kind.endswith("[]"):
        return [_shown(kind.removesuffix("[]"), item) for item in value]
    if kind in STRUCTS:
        return _plain(kind, value)
    return f"0x{value.hex()}" if isinstance(value, bytes) else value


@cache
def _text(text: str) -> bytes:
    return abi.hash_of(text)
