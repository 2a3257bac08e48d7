"""With the real Devices and Twins: a box with a P-256 chip in a car, and what its owner does to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_utils.crypto import keccak

from tests.support import Node, deploy, reverts
from tests.support.drive import DAY, Drive, Quote
from tests.support.signers import SecureElement
from tests.support.world import World, asset

MODEL = keccak(text="model of the box")


@pytest.fixture
def world(node: Node) -> World:
    return World.create(node)


@pytest.fixture
def drive(world: World) -> Drive:
    """The insurer of the world, and a car whose box is attached since a day."""
    node = world.node
    devices = world.devices
    base = Drive.create(node)
    insurance = deploy(node, "DriveInsurance", world.consortium, devices, base.token)
    chip = SecureElement(world.p256_verifier, 0xB0C5)
    drive = replace(
        base,
        consortium=world.consortium,
        devices=devices,
        insurance=insurance,
        insurer=world.insurer.number,
        underwriter=world.insurer.finance,
        box=chip,
    )
    for account in (drive.treasury, drive.holder):
        drive.token.approve(insurance, 2**255, sender=account)
        drive.fund(account, 10**12)
    insurance.provideCapital(10**11, sender=drive.treasury)
    insurance.setUnderwriter(world.insurer.finance, True, sender=drive.treasury)
    return drive


@pytest.fixture
def quote(world: World, drive: Drive) -> Quote:
    """An open policy of the car."""
    car, box = (world.register(asset(name), 4) for name in ("CAR1", "BOX1"))
    drive.devices.enrol(box, drive.box.name, MODEL, sender=world.maker.device_admin)
    drive.devices.attach(box, car, sender=world.maker.device_admin)
    drive.node.warp(DAY)
    quote = drive.quote(vehicle=car, device=box)
    drive.open(quote)
    return quote


def test_a_period_is_metered_by_the_chip(drive: Drive, quote: Quote) -> None:
    drive.settle_next(
        quote, odometer=11_200_000, night=150_000, speeding=20_000, brakes=6, accels=3, corners=2, phone=4
    )
    policy = drive.insurance.policyOf(drive.id(quote))
    assert policy.escrow == 3 * quote.terms.maximum - 55_019_883
    assert policy.tier == 913_000


def test_a_box_taken_out_after_the_period_still_counts_and_before_it_does_not(
    world: World, drive: Drive, quote: Quote
) -> None:
    end = quote.cover.start + quote.terms.period
    here = drive.node.snapshot()
    drive.node.timestamp = end - 1
    drive.devices.detach(quote.cover.device, sender=world.maker.device_admin)
    drive.node.warp(1)
    drive.report(quote, odometer=11_000_000)
    drive.node.revert(here)
    drive.node.timestamp = end - 2
    drive.devices.detach(quote.cover.device, sender=world.maker.device_admin)
    drive.node.warp(2)
    device, vehicle = quote.cover.device, quote.cover.vehicle
    with reverts("NotAttachedDuring", device, vehicle, quote.cover.start, end - 1):
        drive.report(quote, odometer=11_000_000)


def test_a_revoked_box_speaks_no_more_and_the_default_follows(
    world: World, drive: Drive, quote: Quote
) -> None:
    drive.node.warp(quote.terms.period)
    drive.devices.revoke(quote.cover.device, MODEL, sender=world.maker.device_admin)
    with reverts("NotEnrolled", quote.cover.device):
        drive.report(quote, odometer=11_000_000)
    drive.node.warp(quote.cover.reportWindow + 1)
    drive.insurance.settleDefault(quote, sender=drive.keeper)
    assert drive.insurance.policyOf(drive.id(quote)).settled == 1


def test_a_lapsed_policy_is_reinstated_by_the_chip(drive: Drive, quote: Quote) -> None:
    drive.insurance.withdraw(quote, 2 * quote.terms.maximum, sender=drive.holder)
    drive.settle_next(quote, odometer=10_000_001)
    drive.reinstate(quote, quote.terms.maximum, 10_000_002)
    assert drive.insurance.coveredUntil(quote) == drive.now + quote.terms.period
