"""What is signed is what eth-account and the contracts hash."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from eth_account import Account as EthAccount
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from goldthread.build import ROOT
from goldthread.chain import abi, eip712
from goldthread.chain.devices import SoftKey
from goldthread.chain.eip712 import Domain, MessageError
from goldthread.hashing import keccak
from tests.goldthread.chains import RecordingNode
from tests.support.world import World, person, uri

WHERE = Domain("Goldthread Test", 31337, "0x" + "11" * 20)


def values(kind: str) -> st.SearchStrategy[Any]:
    if kind in eip712.STRUCTS:
        return messages(kind)
    if kind.endswith("[]"):
        return st.lists(values(kind.removesuffix("[]")), max_size=4)
    if kind == "address":
        return st.binary(min_size=20, max_size=20).map(lambda b: f"0x{b.hex()}")
    if kind == "bytes32":
        return st.binary(min_size=32, max_size=32)
    if kind == "string":
        return st.text(max_size=40)
    if kind == "bytes":
        return st.binary(max_size=90)
    if kind == "bool":
        return st.booleans()
    bits = int(kind.lstrip("uint"))
    if kind.startswith("uint"):
        return st.integers(0, (1 << bits) - 1)
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)


def messages(struct: str) -> st.SearchStrategy[dict[str, Any]]:
    fields = [field.split(" ") for field in eip712.STRUCTS[struct]]
    return st.fixed_dictionaries({name: values(kind) for kind, name in fields})


SIGNED = sorted(eip712.CONTRACT_OF)


@pytest.mark.parametrize("struct", SIGNED)
def test_the_digest_is_that_of_eth_account(struct: str) -> None:
    @given(messages(struct))
    def check(message: dict[str, Any]) -> None:
        signable = encode_typed_data(full_message=eip712.full_message(struct, WHERE, message))
        theirs = keccak(b"\x19" + signable.version + signable.header + signable.body)
        assert eip712.digest(struct, WHERE, message) == theirs

    check()


@pytest.mark.parametrize("struct", SIGNED)
def test_a_wallet_signs_what_a_device_key_signs(struct: str) -> None:
    key = bytes(range(1, 33))

    @given(messages(struct))
    def check(message: dict[str, Any]) -> None:
        full = eip712.full_message(struct, WHERE, message)
        theirs = EthAccount.sign_typed_data(key, full_message=full).signature
        assert SoftKey.secp256k1(key).sign(eip712.digest(struct, WHERE, message)) == bytes(theirs)

    check()


@pytest.mark.parametrize("struct", SIGNED)
def test_the_type_is_written_in_the_contract(struct: str) -> None:
    sources = " ".join(path.read_text() for path in (ROOT / "contracts").rglob("*.sol"))
    sources = re.sub(r'"\s+"', "", sources)
    assert f'"{eip712.type_text(struct)}"' in sources
    for inner in eip712.type_text(struct).split(")")[1:-1]:
        assert f'"{inner})"' in sources


def parameters(contract: str, struct: str) -> list[dict[str, Any]]:
    """The struct as the ABI has it, wherever a function takes one."""
    found = []

    def look(parameter: dict[str, Any]) -> None:
        if parameter.get("internalType", "").split(".")[-1].split(" ")[-1] == struct:
            found.append(parameter)
        for component in parameter.get("components", []):
            look(component)

    for entry in abi.load(contract):
        if entry["type"] == "function":
            for parameter in entry["inputs"]:
                look(parameter)
    return found


PARTS = {"SignedStatement": "Statement", "SignedCountersignature": "Countersignature"}
"""What no function takes as it is, and the struct in it that one takes."""


@pytest.mark.parametrize("struct", [s for s in SIGNED if s != "Reading"])  # no function takes one of these
def test_the_table_has_the_fields_of_the_abi(struct: str) -> None:
    taken = PARTS.get(struct, struct)
    parameter = parameters(eip712.CONTRACT_OF[struct], taken)[0]
    for component, field in zip(parameter["components"], eip712.STRUCTS[taken], strict=True):
        kind, name = field.split(" ")
        assert component["name"] == name
        if kind.removesuffix("[]") not in eip712.STRUCTS:
            assert component["type"] == kind


def test_the_domains_are_those_of_the_contracts() -> None:
    world = _world()
    for name, contract in (
        ("Twins", world.twins),
        ("Telemetry", world.telemetry),
        ("Devices", world.devices),
    ):
        told = contract.eip712Domain()
        where = eip712.domain(name, world.node.chain_id, contract.address)
        assert (told.name, told.version, told.chainId) == (where.name, where.version, where.chain_id)
    with pytest.raises(MessageError, match="no such module"):
        eip712.domain("Lineage", 1, WHERE.contract)


@given(messages("Segment"))
def test_the_digest_of_a_segment_is_that_of_the_contract(message: dict[str, Any]) -> None:
    world = _world()
    where = eip712.domain("Telemetry", world.node.chain_id, world.telemetry.address)
    theirs = world.telemetry.digestOf(eip712.as_tuple("Segment", message))
    assert eip712.digest("Segment", where, message) == theirs


@given(messages("EventRef"), st.sampled_from([0, 1, 511]))
def test_a_receipt_is_accepted_by_the_contract(ref: dict[str, Any], exceptions: int) -> None:
    world = _world()
    here = world.node.snapshot()
    part = world.register(uri("R1"))
    ref["stamp"] = world.now << 24
    message = {
        "twin": part,
        "head": world.twins.head(part),
        "from": world.maker.number,
        "to": world.carrier.number,
        "purpose": 0,
        "exceptions": exceptions,
        "ref": ref,
        "deadline": world.now,
    }
    where = eip712.domain("Twins", world.node.chain_id, world.twins.address)
    key = SoftKey.secp256k1(world.carrier.receive.key)
    signature = key.sign(eip712.digest("Receipt", where, message))
    receipt = eip712.as_tuple("Receipt", message)
    world.twins.handOver(receipt, key.signer, signature, sender=world.maker.ship)
    assert world.twins.custodianOf(part) == world.carrier.number
    world.node.revert(here)


def test_hex_strings_and_bytes_are_the_same_message() -> None:
    plain = {"policyId": bytes(range(32)), "time": 5, "odometer": 6}
    text = {**plain, "policyId": f"0x{bytes(range(32)).hex()}"}
    assert eip712.digest("Reading", WHERE, plain) == eip712.digest("Reading", WHERE, text)
    assert eip712.as_tuple("Reading", text) == (bytes(range(32)), 5, 6)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"time": -1}, r"Reading.time: -1 is no uint40"),
        ({"time": 1 << 40}, r"Reading.time: 1099511627776 is no uint40"),
        ({"time": "5"}, r"Reading.time: '5' is no uint40"),
        ({"policyId": b"short"}, r"Reading.policyId: b'short' is not 32 bytes"),
        ({"policyId": "0xzz"}, r"Reading.policyId: '0xzz' is not in hex digits"),
        ({"extra": 1}, r"Reading: has no field extra"),
    ],
)
def test_a_message_that_does_not_fit_is_named(changes: dict[str, Any], rule: str) -> None:
    message = {"policyId": bytes(32), "time": 5, "odometer": 6, **changes}
    with pytest.raises(MessageError, match=rule):
        eip712.digest("Reading", WHERE, message)
    with pytest.raises(MessageError, match="odometer is missing"):
        eip712.digest("Reading", WHERE, {"policyId": bytes(32), "time": 5})


@given(st.integers(1, 1 << 60), st.binary(min_size=20, max_size=20))
def test_a_signature_is_good_on_one_chain_and_contract_only(chain_id: int, address: bytes) -> None:
    message = {"policyId": bytes(32), "time": 5, "odometer": 6}
    other = Domain(WHERE.name, chain_id, f"0x{address.hex()}")
    same = other.to_json() == WHERE.to_json()
    assert (eip712.digest("Reading", other, message) == eip712.digest("Reading", WHERE, message)) == same


@cache
def _world() -> World:
    world = World.create(RecordingNode())
    assert world.devices.address
    assert world.telemetry.address
    assert person("anybody")
    return world
