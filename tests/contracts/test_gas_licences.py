"""What licences, seats, units and meters cost on a real node."""

from __future__ import annotations

import pytest

from tests.models.licence_shadow import MeterShadow
from tests.models.licences import HOUR, ONE, OPEN, Made, SeatRequest, SeatReturn
from tests.models.usage_meters import NOTICE
from tests.support import AnvilNode
from tests.support.gas import GasBook
from tests.support.metering import Metering
from tests.support.signers import Wallet
from tests.support.world import DAY

REASON = b"r" * 32


@pytest.fixture
def metering(anvil: AnvilNode) -> Metering:
    return Metering(MeterShadow(anvil))


def test_licences(metering: Metering, gas: GasBook) -> None:
    contract, world, design = metering.contract, metering.world, metering.design
    supplier, maker = world.supplier, world.maker
    args = design, supplier.number, metering.terms(seats=9, borrow_hours=744)
    gas.record("Licences.grant", contract.grant(*args, 0, sender=maker.finance).gas_used, 128_000)
    used = contract.grant(*args, world.now - 9, sender=maker.finance).gas_used
    gas.record("Licences.grant, superseding", used, 151_000)
    number = contract.licenceCount()
    clerk, guest = supplier.record, world.service.record
    receipt = contract.setUser(number, guest, OPEN, sender=supplier.finance)
    gas.record("Licences.setUser", receipt.gas_used, 61_000)
    first = contract.checkout(number, 0, sender=clerk).gas_used
    gas.record("Licences.checkout, first", first, 90_500, "the account's and the licence's first seat")
    gas.record("Licences.checkout", contract.checkout(number, 0, sender=clerk).gas_used, 55_500)
    checked = contract.checkin(number, clerk, 1, sender=clerk).gas_used
    gas.record("Licences.checkin", checked, 44_500)
    borrowed = contract.checkout(number, 744, sender=guest).gas_used
    gas.record("Licences.checkout, borrowed", borrowed, 98_500, "the first of the account and the hour")
    receipt = contract.revoke(number, REASON, sender=maker.finance)
    gas.record("Licences.revoke", receipt.gas_used, 47_000)


def test_a_seat_after_a_month_of_loans(metering: Metering, gas: GasBook) -> None:
    """The most that has to be read: 744 hours in which seats could have come back, and the last one did."""
    contract, node, world = metering.contract, metering.shadow.node, metering.world
    number = metering.grant(seats=9, borrow_hours=744)
    node.timestamp = world.now - world.now % HOUR + HOUR
    contract.checkout(number, 744, sender=world.supplier.record)
    node.timestamp = world.now + 40 * DAY
    used = contract.checkout(number, 0, sender=world.supplier.quality).gas_used
    note = "after 40 days, the longest loan out"
    gas.record("Licences.checkout, worst", used, 197_500, note)


def test_signed_seats(metering: Metering, gas: GasBook) -> None:
    contract, world, shadow = metering.contract, metering.world, metering.shadow
    wallet = Wallet(metering.hire("designer"))
    number, now = metering.number, world.now
    request = SeatRequest(number, 0, now, now + DAY)
    signed = request, wallet.name, shadow.sign_seat(request, wallet)
    receipt = contract.checkoutSigned(*signed, sender=world.stranger)
    gas.record("Licences.checkoutSigned", receipt.gas_used, 125_000, "secp256k1")
    giving = SeatReturn(number, 0, now + DAY)
    signature = shadow.sign_seat(giving, wallet)
    receipt = contract.checkinSigned(giving, wallet.name, signature, sender=world.stranger)
    gas.record("Licences.checkinSigned", receipt.gas_used, 72_500, "secp256k1")


def test_units(metering: Metering, gas: GasBook) -> None:
    contract, world = metering.contract, metering.world
    number = metering.grant(units=40 * ONE, unit_overdraft=ONE)
    parts = [Made(metering.part(f"{i}")) for i in range(12)]
    lot = metering.lot("L")
    sender = world.supplier.register
    contract.consume(number, parts[:1], sender=sender)
    gas.record(
        "Licences.consume, a part", contract.consume(number, parts[1:2], sender=sender).gas_used, 81_500
    )
    ten = contract.consume(number, parts[2:12], sender=sender).gas_used
    gas.record("Licences.consume, 10 parts", ten, 377_500)
    over = contract.consume(number, [Made(lot, 29 * ONE)], sender=sender).gas_used
    gas.record("Licences.consume, a lot in overdraft", over, 97_500, "with the alert of the period")
    receipt = contract.transfer(number, world.carrier.number, sender=world.supplier.finance)
    gas.record("Licences.transfer", receipt.gas_used, 54_000)


def test_meters(metering: Metering, gas: GasBook) -> None:
    meters, world, payer = metering.meters, metering.world, metering.payer
    terms = metering.terms_of()
    receipt = meters.openMeter(terms, sender=world.maker.finance)
    gas.record("UsageMeters.openMeter", receipt.gas_used, 168_000)
    gas.record("UsageMeters.fund, first", meters.fund(terms.id, 1_000, sender=payer).gas_used, 99_000)
    gas.record("UsageMeters.fund", meters.fund(terms.id, 1_000, sender=payer).gas_used, 58_000)
    anyone = world.stranger
    meters.record(*metering.signed(terms.id, 8), sender=anyone)
    used = meters.record(*metering.signed(terms.id, 9), sender=anyone).gas_used
    gas.record("UsageMeters.record", used, 59_500, "secp256k1")
    used = meters.record(*metering.signed(terms.id, 99), sender=anyone).gas_used
    gas.record("UsageMeters.record, overdrawn", used, 103_000, "with the alert")
    gas.record("UsageMeters.giveNotice", meters.giveNotice(terms.id, sender=payer).gas_used, 32_500)
    metering.shadow.node.warp(NOTICE)
    gas.record("UsageMeters.closeMeter", meters.closeMeter(terms.id, sender=payer).gas_used, 38_000)
    paid = meters.withdrawCredit(sender=metering.payee).gas_used
    gas.record("UsageMeters.withdrawCredit", paid, 52_500)
