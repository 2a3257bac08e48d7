"""What the functions of Verification, DeliveryExceptions and TitleDeed cost on a real node."""

from __future__ import annotations

import pytest

from tests.models.delivery_exceptions import Resolution, Wrong
from tests.models.trees import serials
from tests.models.verification import NOWHERE, Evidence, Label, Place
from tests.support import AnvilNode
from tests.support.gas import GasBook
from tests.support.lots import ONE, REASON, unit
from tests.support.world import DAY, Commission, World, lot_uri, twin_id, uri

SERIALS = 1024
"""Proofs of ten hashes."""


@pytest.fixture
def world(anvil: AnvilNode) -> World:
    return World.create(anvil)


def test_verification(world: World, gas: GasBook) -> None:
    tree, expiry = serials(map(unit, range(SERIALS))), 2_000_000_000
    what = {"quantity": SERIALS * ONE, "serials_root": tree.root, "serial_count": SERIALS}
    lot = world.commission(Commission(lot_uri("P"), expiry=expiry, **what))
    place, contract = Place(lot, 7, tuple(tree.proof(7))), world.verification

    def report(evidence: Evidence, where: Place, number: int) -> int:
        args = Label(unit(number), lot, expiry), where, evidence, world.ref("scan")
        used: int = contract.report(*args, sender=world.retailer.receive).gas_used
        return used

    note = "one of 1,024 serials"
    first = report(Evidence.DUPLICATE_SCAN, place, 7)
    gas.record("Verification.report, first of a day", first, 113_000, note)
    gas.record("Verification.report", report(Evidence.HELD_ELSEWHERE, place, 7), 78_500, note)
    unknown = report(Evidence.UNKNOWN_SERIAL, NOWHERE, SERIALS)
    gas.record("Verification.report, unknown serial", unknown, 76_500)
    receipt = contract.settle(unit(7), place, REASON, True, sender=world.maker.quality)
    gas.record("Verification.settle", receipt.gas_used, 61_000, "by the maker, one of 1,024 serials")


def test_delivery_exceptions(world: World, gas: GasBook) -> None:
    contract, retailer, carrier = world.delivery_exceptions, world.retailer, world.carrier
    what = Wrong.UNDERAGE, ONE, Resolution.SEND_PRODUCT, REASON
    args = unit(1), carrier.number, *what
    contract["raise"](*args, world.ref(), sender=retailer.receive)
    receipt = contract["raise"](*args, world.ref(), sender=retailer.receive)
    gas.record("DeliveryExceptions.raise", receipt.gas_used, 90_500)
    receipt = contract.counter(2, Resolution.CREDIT_ACCOUNT, REASON, sender=carrier.ship)
    gas.record("DeliveryExceptions.counter", receipt.gas_used, 42_500)
    receipt = contract.agree(2, REASON, sender=retailer.receive)
    gas.record("DeliveryExceptions.agree", receipt.gas_used, 42_500)
    receipt = contract.resolve(2, REASON, sender=retailer.receive)
    gas.record("DeliveryExceptions.resolve", receipt.gas_used, 42_500)


def test_title_deed(world: World, gas: GasBook) -> None:
    part, link, contract = world.register(uri("ABC123456")), uri("ABC123456"), world.title_deed
    world.move(part, world.maker, world.carrier)
    deeds, maker = world.consortium.accountOf(contract).org, world.maker.finance
    deed = int.from_bytes(twin_id(link), "big")
    world.twins.offerTitle(part, deeds, world.now + DAY, world.ref(), sender=maker)
    receipt = contract.issue(link, maker, world.ref(), sender=maker)
    gas.record("TitleDeed.issue", receipt.gas_used, 181_500, "Digital Link with serial number")
    buyer = world.retailer.finance
    receipt = contract.transferFrom(maker, buyer, deed, sender=maker)
    gas.record("TitleDeed.transferFrom", receipt.gas_used, 55_500)
    receipt = contract.redeem(deed, world.ref(), sender=buyer)
    gas.record("TitleDeed.redeem", receipt.gas_used, 109_000)
    world.twins.cancelTitle(part, world.ref(), sender=buyer)
    receipt = contract.claim(deed, world.ref(), sender=buyer)
    gas.record("TitleDeed.claim", receipt.gas_used, 85_000)
