"""What the functions of Consortium cost on a real node."""

from __future__ import annotations

from eth_utils.crypto import keccak

from tests.support import AnvilNode
from tests.support.gas import GasBook
from tests.support.words import Duty, Role
from tests.support.world import MAKER_PREFIX, World, person


def test_governance(anvil: AnvilNode, gas: GasBook) -> None:
    world = World.create(anvil)

    def record(function: str, ceiling: int, *args: object, note: str = "") -> None:
        receipt = getattr(world.consortium, function)(*args, sender=world.governor)
        gas.record(f"Consortium.{function}", receipt.gas_used, ceiling, note)

    carrier = world.carrier.number
    record("admit", 93_500, "Newcomer", person("newcomer"), Role.SERVICE, b"l" * 32, world.now)
    record("setRoles", 43_000, carrier, Role.RECYCLER)
    record("setLicence", 67_000, carrier, b"l" * 32, world.now)
    record("setSuspended", 43_000, carrier, True)
    record("assignNamespace", 144_500, "4012345", carrier, note="a prefix of 7 digits")
    record("releaseAccount", 42_000, world.carrier.ship)


def test_an_organisation(anvil: AnvilNode, gas: GasBook) -> None:
    world, maker, heir = World.create(anvil), World.create(anvil).maker, person("heir")

    def record(function: str, ceiling: int, *args: object, sender: str = maker.admin) -> None:
        receipt = getattr(world.consortium, function)(*args, sender=sender)
        gas.record(f"Consortium.{function}", receipt.gas_used, ceiling)

    record("setAccount", 52_000, maker.number, world.stranger, Duty.SHIP)
    record("setSigner", 54_500, maker.number, b"v" * 20 + b"k" * 64, Duty.RECEIVE)
    args = keccak(text=MAKER_PREFIX), world.supplier.number, world.now
    record("delegateNamespace", 55_500, *args)
    record("offerAdmin", 50_000, maker.number, heir)
    record("acceptAdmin", 30_000, maker.number, sender=heir)
