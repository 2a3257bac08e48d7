"""Twins: custody in one transaction, against the receipt that the receiver signed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import Contract, deploy, reverts
from tests.support.calls import receipt_for, signed
from tests.support.receipts import Receipt, digest_of
from tests.support.signers import SecureElement, Signer, Wallet
from tests.support.words import Cause, Duty, Found, Kind, Purpose
from tests.support.world import DAY, World, happened, uri

ALL_FOUND = int(sum(Found))


@pytest.fixture
def part(world: World) -> bytes:
    return world.register(uri("1"))


def to_carrier(world: World, part: bytes, **changes: Any) -> Receipt:
    return receipt_for(world, part, world.maker, world.carrier, **changes)


def hand_over(world: World, receipt: Receipt, signer: Signer | None = None) -> Any:
    signer = signer or Wallet(world.carrier.receive)
    return world.twins.handOver(*signed(world, receipt, signer), sender=world.maker.ship)


def wallet(world: World) -> Signer:
    """An externally owned account."""
    return Wallet(world.carrier.receive)


def contract_wallet(world: World) -> Signer:
    """A contract that answers for its owner (ERC-1271)."""
    account = deploy(world.node, "TestWallet", world.carrier.quality)
    world.hire(world.carrier, account.address, Duty.RECEIVE)
    return Wallet(world.carrier.quality, bytes.fromhex(account.address[2:]))


def secure_element(world: World) -> Signer:
    """A P-256 key behind a verifier (ERC-7913)."""
    key = SecureElement(deploy(world.node, "ERC7913P256Verifier"), 7913)
    world.hire(world.carrier, key.name, Duty.RECEIVE)
    return key


KEYS = [wallet, contract_wallet, secure_element]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("found", [0, Found.SEAL_BROKEN, ALL_FOUND])
def test_custody_passes_against_a_receipt(world: World, part: bytes, key: Any, found: int) -> None:
    signer = key(world)
    receipt = to_carrier(world, part, exceptions=int(found), purpose=Purpose.RETURN)
    mined = hand_over(world, receipt, signer)
    assert happened(mined) == [
        (
            "HandedOver",
            {
                "id": part,
                "org": world.maker.number,
                "to": world.carrier.number,
                "caller": world.maker.ship,
                "receiver": account(world, signer),
                "purpose": Purpose.RETURN,
                "exceptions": found,
                "ref": receipt.ref,
            },
        )
    ]
    facts = world.twins.twin(part)
    assert (facts.holder, facts.owner, facts.pendingTo) == (world.carrier.number, world.maker.number, 0)


def account(world: World, signer: Signer) -> str:
    """The account that a signer stands for, as the consortium says."""
    hired: str = world.consortium.setSigner.call(
        world.carrier.number, signer.name, 1, sender=world.carrier.admin
    )
    return hired


@pytest.mark.parametrize("key", KEYS)
def test_a_receipt_is_used_once(world: World, part: bytes, key: Any) -> None:
    arguments = signed(world, to_carrier(world, part), key(world))
    seen = arguments[0].head
    world.twins.handOver(*arguments, sender=world.maker.ship)
    world.move(part, world.carrier, world.maker)
    with reverts("HeadMoved", part, seen, world.twins.head(part)):
        world.twins.handOver(*arguments, sender=world.maker.ship)


CHANGES = {
    "twin": lambda world, receipt: receipt._replace(
        twin=(id_ := world.register(uri("2"))), head=world.twins.head(id_)
    ),
    "head": lambda world, receipt: receipt._replace(head=bytes(32)),
    "from": lambda world, receipt: receipt._replace(from_=world.carrier.number),
    "to": lambda world, receipt: receipt._replace(to=world.retailer.number),
    "purpose": lambda world, receipt: receipt._replace(purpose=Purpose.RETURN),
    "exceptions": lambda world, receipt: receipt._replace(exceptions=int(Found.DAMAGED)),
    "deadline": lambda world, receipt: receipt._replace(deadline=receipt.deadline + 1),
    "eventHash": lambda world, receipt: receipt._replace(ref=receipt.ref._replace(event_hash=bytes(32))),
    "docHash": lambda world, receipt: receipt._replace(ref=receipt.ref._replace(doc_hash=bytes(32))),
    "readPoint": lambda world, receipt: receipt._replace(ref=receipt.ref._replace(read_point=bytes(32))),
    "bizLocation": lambda world, receipt: receipt._replace(ref=receipt.ref._replace(biz_location=bytes(32))),
    "stamp": lambda world, receipt: receipt._replace(ref=receipt.ref._replace(stamp=receipt.ref.stamp - 1)),
}
REFUSED_EARLIER = {
    "head": lambda world, part: reverts("HeadMoved", part, bytes(32), world.twins.head(part)),
    "from": lambda world, part: reverts("NotCustodian", part, world.carrier.number, world.maker.number),
    "to": lambda world, part: reverts("NotOfferedTo", part, world.carrier.number, world.retailer.number),
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_receipt_says_only_what_was_signed(world: World, part: bytes, field: str) -> None:
    """Every field, changed after signing, one by one."""
    receipt, signer, signature = signed(world, to_carrier(world, part), Wallet(world.carrier.receive))
    changed = CHANGES[field](world, receipt)
    digest = digest_of(changed, world.twins.address, world.node.chain_id)
    expected = REFUSED_EARLIER.get(field, lambda *_: reverts("InvalidReceipt", digest, signer))
    with expected(world, part):
        world.twins.handOver(changed, signer, signature, sender=world.maker.ship)


def test_a_receipt_is_for_one_contract_and_one_chain(world: World, part: bytes) -> None:
    receipt, signer = to_carrier(world, part), Wallet(world.carrier.receive)
    right = world.twins.address, world.node.chain_id
    other = deploy(world.node, "Twins", world.consortium)
    for address, chain_id in ((other.address, right[1]), (right[0], 1)):
        signature = signer.sign(digest_of(receipt, address, chain_id))
        with reverts("InvalidReceipt", digest_of(receipt, *right), signer.name):
            world.twins.handOver(receipt, signer.name, signature, sender=world.maker.ship)


def test_the_domain_is_published(world: World) -> None:
    assert world.twins.eip712Domain()[:5] == (
        b"\x0f",
        "Goldthread Twins",
        "1",
        world.node.chain_id,
        world.twins.address,
    )
    assert world.twins.CONSORTIUM() == world.consortium.address


@pytest.mark.parametrize("key", KEYS)
def test_the_key_must_be_the_signers(world: World, part: bytes, key: Any) -> None:
    receipt, signer = to_carrier(world, part), key(world)
    digest = digest_of(receipt, world.twins.address, world.node.chain_id)
    forged = Wallet(world.stranger).sign(digest)
    for signature in (forged, b"", signer.sign(digest)[:-1]):
        with reverts("InvalidReceipt", digest, signer.name):
            world.twins.handOver(receipt, signer.name, signature, sender=world.maker.ship)


def test_the_higher_of_two_signatures_is_refused(world: World, part: bytes) -> None:
    receipt, key = to_carrier(world, part), secure_element(world)
    assert isinstance(key, SecureElement)
    digest = digest_of(receipt, world.twins.address, world.node.chain_id)
    with reverts("InvalidReceipt", digest, key.name):
        world.twins.handOver(receipt, key.name, key.sign(digest, low=False), sender=world.maker.ship)
    hand_over(world, receipt, key)


def test_a_key_without_its_verifier_is_nobody(world: World, part: bytes) -> None:
    key = secure_element(world)
    receipt = to_carrier(world, part)
    _, _, signature = signed(world, receipt, key)
    elsewhere = deploy(world.node, "ERC7913P256Verifier").address
    stolen = bytes.fromhex(elsewhere[2:]) + key.name[20:]
    with reverts("UnknownAccount"):
        world.twins.handOver(receipt, stolen, signature, sender=world.maker.ship)


def test_the_signer_acts_for_the_receiver_with_the_duty_to_receive(world: World, part: bytes) -> None:
    receipt, carrier = to_carrier(world, part), world.carrier
    with reverts("MissingDuty", carrier.ship, Duty.SHIP, Duty.RECEIVE):
        hand_over(world, receipt, Wallet(carrier.ship))
    with reverts("UnknownAccount", world.stranger):
        hand_over(world, receipt, Wallet(world.stranger))
    with reverts("NotOfferedTo", part, world.retailer.number, carrier.number):
        hand_over(world, receipt, Wallet(world.retailer.receive))
    world.suspend(carrier)
    with reverts("OrganisationSuspended", carrier.number):
        hand_over(world, receipt)


def test_quarantine_is_signed_for_by_somebody_of_quality(world: World, part: bytes) -> None:
    receipt = to_carrier(world, part, purpose=Purpose.QUARANTINE)
    wanted = Duty.RECEIVE | Duty.QUALITY
    with reverts("MissingDuty", world.carrier.receive, Duty.RECEIVE, wanted):
        hand_over(world, receipt)
    hand_over(world, receipt, Wallet(world.carrier.all))
    assert world.twins.custodianOf(part) == world.carrier.number


@pytest.mark.parametrize("late", [False, True])
def test_a_receipt_is_good_to_its_last_second(world: World, part: bytes, late: bool) -> None:
    receipt = to_carrier(world, part)
    world.node.warp(DAY + late)
    if late:
        with reverts("DeadlinePassed", part, receipt.deadline, receipt.deadline + 1):
            hand_over(world, receipt)
    else:
        hand_over(world, receipt)


def test_only_the_custodian_hands_over(world: World, part: bytes) -> None:
    receipt = receipt_for(world, part, world.supplier, world.carrier)
    arguments = signed(world, receipt, Wallet(world.carrier.receive))
    with reverts("NotCustodian", part, world.supplier.number, world.maker.number):
        world.twins.handOver(*arguments, sender=world.supplier.ship)
    with reverts("UnknownTwin", bytes(32)):
        world.twins.handOver(receipt._replace(twin=bytes(32)), *arguments[1:], sender=world.maker.ship)


def test_nothing_is_handed_over_to_oneself(world: World, part: bytes) -> None:
    receipt = receipt_for(world, part, world.maker, world.maker)
    with reverts("SameOrganisation", part, world.maker.number):
        hand_over(world, receipt, Wallet(world.maker.receive))


def test_what_is_offered_packed_or_a_design_is_not_handed_over(world: World, part: bytes) -> None:
    world.offer(part, world.maker, world.retailer)
    with reverts("OfferOpen", part, world.retailer.number, world.now + DAY):
        hand_over(world, to_carrier(world, part))
    box, packed = world.register(uri("box"), Kind.CONTAINER), world.register(uri("packed"))
    world.pack(box, [packed])
    with reverts("IsPacked", packed, box):
        hand_over(world, to_carrier(world, packed))
    design = world.register(uri("design"), Kind.DESIGN)
    with reverts("WrongKind", design, Kind.DESIGN):
        hand_over(world, to_carrier(world, design))


def test_exceptions_are_known_ones(world: World, part: bytes) -> None:
    with reverts("UnknownExceptions", ALL_FOUND + 1):
        hand_over(world, to_carrier(world, part, exceptions=ALL_FOUND + 1))


def test_what_is_held_goes_only_to_who_deals_with_it(world: World, part: bytes) -> None:
    world.hold(part, bytes(32))
    with reverts("Blocked", part, Cause.HELD):
        hand_over(world, to_carrier(world, part))
    to_retailer = receipt_for(world, part, world.maker, world.retailer, purpose=Purpose.DESTRUCTION)
    with reverts("NotAReceiverFor", part, Purpose.DESTRUCTION, world.retailer.number):
        hand_over(world, to_retailer, Wallet(world.retailer.receive))
    hand_over(world, to_carrier(world, part, purpose=Purpose.DESTRUCTION))
    assert world.twins.custodianOf(part) == world.carrier.number


def test_a_receipt_does_not_survive_a_step_in_between(world: World, part: bytes) -> None:
    receipt: Receipt = to_carrier(world, part)
    world.hold(part, bytes(32))
    world.release(part, bytes(32), world.maker)
    with reverts("HeadMoved", part, receipt.head, world.twins.head(part)):
        hand_over(world, receipt)


def test_a_wallet_that_does_not_answer_has_not_signed(world: World, part: bytes) -> None:
    mute: Contract = deploy(world.node, "ERC7913P256Verifier")  # a contract without isValidSignature
    world.hire(world.carrier, mute.address, Duty.RECEIVE)
    receipt, name = to_carrier(world, part), bytes.fromhex(mute.address[2:])
    digest = digest_of(receipt, world.twins.address, world.node.chain_id)
    with reverts("InvalidReceipt", digest, name):
        world.twins.handOver(receipt, name, b"", sender=world.maker.ship)
