"""What the functions of Twins cost on a real node, and that the cost does not grow with what is inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from tests.support import AnvilNode, Receipt, deploy
from tests.support.calls import REASON, receipt_for, signed
from tests.support.contract import Function
from tests.support.gas import GasBook
from tests.support.signers import SecureElement, Signer, Wallet
from tests.support.words import Duty, EndOfLife, Found, Kind
from tests.support.world import DAY, PREFIX_LENGTH, Registration, World, sscc, uri


@pytest.fixture
def world(anvil: AnvilNode) -> World:
    return World.create(anvil)


def register_many(world: World, count: int, kind: Kind = Kind.PART) -> Receipt:
    name = sscc if kind == Kind.CONTAINER else uri
    items = [Registration(name(str(10_000 + number)), PREFIX_LENGTH, kind) for number in range(count)]
    receipt: Receipt = world.twins.registerMany(items, world.ref(), sender=world.maker.register)
    return receipt


def parts(world: World, count: int) -> list[bytes]:
    events = world.twins.events(register_many(world, count), "Registered")
    return [event["id"] for event in events]


def travelled(world: World, serial: str = "1", kind: Kind = Kind.PART) -> bytes:
    """A thing that has been with the carrier and come back: its slots are written already."""
    thing = world.register(sscc(serial) if kind == Kind.CONTAINER else uri(serial), kind)
    world.move(thing, world.maker, world.carrier)
    world.move(thing, world.carrier, world.maker)
    return thing


class Cost(NamedTuple):
    """Of a transaction: all of it, and without its calldata, whose price is that of the zeros in hashes."""

    gas: int
    execution: int


def offer(world: World, thing: bytes) -> Cost:
    ref, until = world.ref("shipping", leaves=True), world.now + 3 * DAY
    return send(world.twins.offer, thing, world.carrier.number, 0, until, ref, sender=world.maker.ship)


def accept(world: World, thing: bytes) -> Cost:
    args = thing, world.twins.head(thing), world.ref("receiving")
    return send(world.twins.accept, *args, sender=world.carrier.receive)


def hand_over(world: World, thing: bytes, signer: Signer | None = None) -> Cost:
    receipt = receipt_for(world, thing, world.maker, world.carrier)
    arguments = signed(world, receipt, signer or Wallet(world.carrier.receive))
    return send(world.twins.handOver, *arguments, sender=world.maker.ship)


def send(function: Function, *args: Any, sender: str) -> Cost:
    gas = function(*args, sender=sender).gas_used
    return Cost(gas, gas - sum(16 if byte else 4 for byte in function.encode(*args)))


def test_registration(world: World, gas: GasBook) -> None:
    item = Registration(uri("ABC123456"))
    receipt = world.twins.register(item, world.ref(), sender=world.maker.register)
    gas.record("Twins.register", receipt.gas_used, 82_000, "one part, Digital Link with serial number")
    hundred = register_many(world, 100).gas_used
    gas.record("Twins.registerMany, each of 100", -(-hundred // 100), 54_000)


def test_custody(world: World, gas: GasBook) -> None:
    first = world.register(uri("first"))
    gas.record("Twins.offer, first step of a twin", offer(world, first).gas, 66_500)
    part = travelled(world)
    gas.record("Twins.offer", offer(world, part).gas, 48_000)
    gas.record("Twins.accept", accept(world, part).gas, 50_000)
    world.move(part, world.carrier, world.maker)
    offer(world, part)
    ref = world.ref("receiving")
    receipt = world.accept(part, world.carrier, found=Found.DAMAGED, sender=world.carrier.receive)
    gas.record("Twins.acceptWithExceptions", receipt.gas_used, 50_000)
    world.move(part, world.carrier, world.maker)
    offer(world, part)
    receipt = world.twins.decline(part, ref, sender=world.carrier.receive)
    gas.record("Twins.decline", receipt.gas_used, 48_500)
    offer(world, part)
    receipt = world.twins.cancel(part, ref, sender=world.maker.ship)
    gas.record("Twins.cancel", receipt.gas_used, 48_500)
    offer(world, part)
    world.node.warp(3 * DAY + 1)
    receipt = world.twins.reclaim(part, world.ref(), sender=world.maker.ship)
    gas.record("Twins.reclaim", receipt.gas_used, 48_500)


def test_hand_over(world: World, gas: GasBook) -> None:
    part = travelled(world)
    gas.record("Twins.handOver, secp256k1", hand_over(world, part).gas, 80_000, "custody in one transaction")
    world.move(part, world.carrier, world.maker)
    key = SecureElement(deploy(world.node, "ERC7913P256Verifier"), 7913)
    world.hire(world.carrier, key.name, Duty.RECEIVE)
    gas.record("Twins.handOver, P-256", hand_over(world, part, key).gas, 76_000, "precompile at 0x100")


def test_packing(world: World, gas: GasBook) -> None:
    pallet, ids = travelled(world, "1", Kind.CONTAINER), parts(world, 101)
    world.pack(pallet, ids[:1])
    packed = world.twins.pack(pallet, ids[1:], world.ref(), sender=world.maker.ship).gas_used
    gas.record("Twins.pack, each of 100", -(-packed // 100), 33_500, "first step of each")
    unpacked = world.twins.unpack(pallet, ids[1:], world.ref(), sender=world.maker.ship).gas_used
    gas.record("Twins.unpack, each of 100", -(-unpacked // 100), 16_000)
    again = world.twins.pack(pallet, ids[1:], world.ref(), sender=world.maker.ship).gas_used
    gas.record("Twins.pack, each of 100 again", -(-again // 100), 15_500)


def test_holds(world: World, gas: GasBook) -> None:
    part = travelled(world)
    held = world.twins.hold(part, REASON, world.ref(), sender=world.maker.quality)
    gas.record("Twins.hold", held.gas_used, 72_000)
    args = part, world.maker.number, REASON, world.ref()
    released = world.twins.release(*args, sender=world.maker.quality)
    gas.record("Twins.release", released.gas_used, 50_500)


def test_title(world: World, gas: GasBook) -> None:
    part, until = travelled(world), world.now + 3 * DAY
    args = part, world.retailer.number, until, world.ref()
    gas.record("Twins.offerTitle", world.twins.offerTitle(*args, sender=world.maker.finance).gas_used, 70_000)
    receipt = world.twins.cancelTitle(part, world.ref(), sender=world.maker.finance)
    gas.record("Twins.cancelTitle", receipt.gas_used, 45_000)
    world.twins.offerTitle(*args, sender=world.maker.finance)
    receipt = world.twins.acceptTitle(part, world.ref(), sender=world.retailer.finance)
    gas.record("Twins.acceptTitle", receipt.gas_used, 49_500)


def test_retirement(world: World, gas: GasBook) -> None:
    part = travelled(world)
    args = part, EndOfLife.DISPENSED, world.ref()
    gas.record("Twins.retire", world.twins.retire(*args, sender=world.maker.register).gas_used, 50_500)


def pallet_with(world: World, ids: Sequence[bytes]) -> bytes:
    pallet = travelled(world, "7", Kind.CONTAINER)
    world.pack(pallet, ids)
    return pallet


@pytest.mark.parametrize("step", [offer, accept, hand_over])
def test_a_pallet_of_200_costs_as_much_as_a_pallet_of_one(
    world: World, step: Callable[[World, bytes], Cost]
) -> None:
    ids = parts(world, 200)
    empty_handed = world.node.snapshot()
    costs = []
    for count in (1, 10, 200):
        world.node.revert(empty_handed)
        pallet = pallet_with(world, ids[:count])
        if step is accept:
            offer(world, pallet)
        costs.append(step(world, pallet).execution)
    assert len(set(costs)) == 1, costs


def test_a_long_history_costs_nothing(world: World) -> None:
    part = travelled(world)
    first = offer(world, part).execution, accept(world, part).execution
    for _ in range(10):
        world.move(part, world.carrier, world.maker)
        world.move(part, world.maker, world.carrier)
    world.move(part, world.carrier, world.maker)
    assert (offer(world, part).execution, accept(world, part).execution) == first
