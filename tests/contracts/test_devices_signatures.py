"""`verify`: the device's current key signed, while the device was there."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from eth_utils.crypto import keccak

from tests.support import Node, deploy, reverts
from tests.support.coldchain import ColdChain, Logger
from tests.support.device_keys import USER_PRESENT, USER_VERIFIED, Passkey, SmartCard
from tests.support.signers import P256_ORDER, SecureElement, Signer, Wallet
from tests.support.words import Kind
from tests.support.world import World, person, sscc

HASH = keccak(text="what the device signs")
SECRET = 0x5EC12E7
SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Claim(NamedTuple):
    """The arguments of `verify`."""

    device: bytes
    subject: bytes
    begin: int
    end: int
    hash: bytes
    signer: bytes
    signature: bytes


def claim(cold: ColdChain, logger: Logger | None = None) -> Claim:
    """A true one, about the second of the attachment."""
    logger = logger or cold.logger
    moment = cold.start, cold.start
    return Claim(logger.id, cold.pallet, *moment, HASH, logger.signer.name, logger.signer.sign(HASH))


def in_contract(node: Node, owner: str) -> Wallet:
    """The key of an ERC-1271 wallet's owner."""
    person_ = person(owner)
    wallet = deploy(node, "TestWallet", person_)
    return Wallet(person_, bytes.fromhex(wallet.address[2:]))


def signer_of(kind: str, world: World) -> Signer:
    node = world.node
    match kind:
        case "secp256k1":
            return Wallet(person("gateway"))
        case "ERC-1271":
            return in_contract(node, "gateway")
        case "P-256":
            return SecureElement(world.p256_verifier, SECRET)
        case "P-256, another verifier":
            return SecureElement(deploy(node, "ERC7913P256Verifier"), SECRET)
        case "RSA":
            return SmartCard(deploy(node, "ERC7913RSAVerifier"))
        case _:
            return Passkey(deploy(node, "ERC7913WebAuthnVerifier"), SECRET)


KINDS = ["secp256k1", "ERC-1271", "P-256", "P-256, another verifier", "RSA", "WebAuthn"]
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def equipped(cold: ColdChain, kind: str) -> tuple[ColdChain, Logger]:
    """A second logger with that kind of key, on the pallet."""
    logger = cold.device("LOGGER2", signer_of(kind, cold.world))
    cold.enrol(logger)
    cold.attach(logger)
    return cold, logger


@every_kind
def test_every_kind_of_key_signs(equipped: tuple[ColdChain, Logger]) -> None:
    cold, logger = equipped
    cold.devices.verify(*claim(cold, logger))


@every_kind
def test_another_hash_was_not_signed(equipped: tuple[ColdChain, Logger]) -> None:
    cold, logger = equipped
    other = keccak(HASH)
    with reverts("InvalidDeviceSignature", logger.id, other):
        cold.devices.verify(*claim(cold, logger)._replace(hash=other))


@every_kind
@pytest.mark.parametrize("place", [0, 31, 32, 63])
def test_a_signature_with_one_bit_changed_is_none(equipped: tuple[ColdChain, Logger], place: int) -> None:
    cold, logger = equipped
    true = claim(cold, logger)
    changed = bytearray(true.signature)
    changed[place] ^= 1
    with reverts("InvalidDeviceSignature", logger.id, HASH):
        cold.devices.verify(*true._replace(signature=bytes(changed)))


@every_kind
@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(65), bytes(300)], ids=len)
def test_an_empty_signature_is_none(equipped: tuple[ColdChain, Logger], signature: bytes) -> None:
    cold, logger = equipped
    with reverts("InvalidDeviceSignature", logger.id, HASH):
        cold.devices.verify(*claim(cold, logger)._replace(signature=signature))


@every_kind
def test_only_the_devices_own_signer_counts(equipped: tuple[ColdChain, Logger]) -> None:
    cold, logger = equipped
    with reverts("WrongSigner", logger.id, cold.logger.signer.name):
        cold.devices.verify(*claim(cold)._replace(device=logger.id))


@every_kind
def test_a_replaced_key_signs_no_more(equipped: tuple[ColdChain, Logger]) -> None:
    cold, logger = equipped
    new = Wallet(person("new key"))
    admin = cold.world.maker.device_admin
    old = claim(cold, logger)
    cold.devices.rotateKey(logger.id, new.name, sender=admin)
    with reverts("WrongSigner", logger.id, old.signer):
        cold.devices.verify(*old)
    cold.devices.verify(*claim(cold, Logger(logger.id, new)))
    cold.devices.rotateKey(logger.id, old.signer, sender=admin)
    cold.devices.verify(*old)


def test_a_revoked_device_signs_no_more(cold: ColdChain) -> None:
    """Not even what it measured before."""
    cold.devices.revoke(cold.logger.id, bytes(32), sender=cold.world.maker.device_admin)
    with reverts("NotEnrolled", cold.logger.id):
        cold.devices.verify(*claim(cold))


def test_a_device_that_was_never_enrolled_signs_nothing(cold: ColdChain) -> None:
    logger = cold.device("LOGGER2")
    with reverts("NotEnrolled", logger.id):
        cold.devices.verify(*claim(cold, logger))
    with reverts("NotEnrolled", logger.id):
        cold.devices.verify(*claim(cold, logger)._replace(signer=b""))


@pytest.mark.parametrize(("kind", "order"), [("secp256k1", SECP256K1_ORDER), ("P-256", P256_ORDER)])
def test_of_two_possible_signatures_only_the_lower(equipped: tuple[ColdChain, Logger], order: int) -> None:
    """Otherwise anyone could make another valid signature out of one."""
    cold, logger = equipped
    true = claim(cold, logger)
    s = order - int.from_bytes(true.signature[32:64], "big")
    v = bytes(27 + 28 - b for b in true.signature[64:])
    with reverts("InvalidDeviceSignature", logger.id, HASH):
        cold.devices.verify(*true._replace(signature=true.signature[:32] + s.to_bytes(32, "big") + v))


def test_nobody_signs_for_the_address_zero(cold: ColdChain) -> None:
    """Recovering a signer from nonsense gives it."""
    cold.devices.rotateKey(cold.logger.id, bytes(20), sender=cold.world.maker.device_admin)
    nonsense = claim(cold)._replace(signer=bytes(20), signature=bytes(64) + b"\x1b")
    with reverts("InvalidDeviceSignature", cold.logger.id, HASH):
        cold.devices.verify(*nonsense)


@pytest.mark.parametrize("kind", ["P-256", "P-256, another verifier"])
def test_devices_stand_in_for_the_verifier_of_p_256(equipped: tuple[ColdChain, Logger]) -> None:
    """What is longer than a signature is cut; a key of another length is none."""
    cold, logger = equipped
    assert cold.devices.P256_VERIFIER() == cold.world.p256_verifier.address
    true = claim(cold, logger)
    cold.devices.verify(*true._replace(signature=true.signature + b"more"))
    with reverts("InvalidDeviceSignature", logger.id, HASH):
        cold.devices.verify(*true._replace(signature=true.signature[:-1]))
    for odd in (true.signer[:-1], true.signer + b"\0"):
        cold.devices.rotateKey(logger.id, odd, sender=cold.world.maker.device_admin)
        with reverts("InvalidDeviceSignature", logger.id, HASH):
            cold.devices.verify(*true._replace(signer=odd))


@pytest.mark.parametrize("kind", ["WebAuthn"])
@pytest.mark.parametrize("flags", [0, USER_PRESENT, USER_VERIFIED])
def test_a_passkey_needs_a_person(equipped: tuple[ColdChain, Logger], flags: int) -> None:
    cold, logger = equipped
    assert isinstance(logger.signer, Passkey)
    absent = logger.signer.sign(HASH, flags=flags)
    with reverts("InvalidDeviceSignature", logger.id, HASH):
        cold.devices.verify(*claim(cold, logger)._replace(signature=absent))


# Where the device was


def verify(cold: ColdChain, begin: int, end: int) -> None:
    cold.devices.verify(*claim(cold)._replace(begin=begin, end=end))


def test_the_device_was_there_from_the_second_of_its_attachment(cold: ColdChain) -> None:
    verify(cold, cold.start, cold.start + 10**9)
    with reverts("NotAttachedDuring", cold.logger.id, cold.pallet, cold.start - 1, cold.start):
        verify(cold, cold.start - 1, cold.start)


def test_the_device_was_there_to_the_second_of_its_detachment(cold: ColdChain) -> None:
    cold.node.warp(100)
    cold.devices.detach(cold.logger.id, sender=cold.world.maker.device_admin)
    verify(cold, cold.start, cold.start + 100)
    with reverts("NotAttachedDuring", cold.logger.id, cold.pallet, cold.start, cold.start + 101):
        verify(cold, cold.start, cold.start + 101)


def test_the_device_was_there_for_a_second_at_least(cold: ColdChain) -> None:
    """If it was attached and detached in one."""
    cold.devices.detach(cold.logger.id, sender=cold.world.maker.device_admin)
    verify(cold, cold.start, cold.start)
    with reverts("NotAttachedDuring", cold.logger.id, cold.pallet, cold.start, cold.start + 1):
        verify(cold, cold.start, cold.start + 1)


def test_the_device_was_on_nothing_else(cold: ColdChain) -> None:
    crate = cold.world.register(sscc("2"), Kind.CONTAINER)
    with reverts("NotAttachedDuring", cold.logger.id, crate, 0, 2**40 - 1):
        cold.devices.verify(*claim(cold)._replace(subject=crate, begin=0, end=2**40 - 1))


def test_an_earlier_interval_is_over_when_a_new_one_begins(cold: ColdChain) -> None:
    admin = cold.world.maker.device_admin
    cold.node.warp(100)
    cold.devices.detach(cold.logger.id, sender=admin)
    cold.node.warp(100)
    cold.attach(cold.logger)
    verify(cold, cold.start + 200, cold.start + 300)
    for begin in (cold.start, cold.start + 199):
        with reverts("NotAttachedDuring", cold.logger.id, cold.pallet, begin, cold.start + 300):
            verify(cold, begin, cold.start + 300)
