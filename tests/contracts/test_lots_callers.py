"""Lots: a contract acts in its own name, whoever sends the transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.support import Forwarder, reverts
from tests.support.lots import CASE_ITEM, ONE, REASON, Goods, two_pallets
from tests.support.words import Duty, Purpose, UnitEnd
from tests.support.world import Commission, Org, Registration, World, happened, lot_uri, uri

Call = tuple[Org, Sequence[Any]]


def commission(goods: Goods) -> Call:
    return goods.world.maker, (Commission(lot_uri("N"), quantity=ONE), goods.world.ref())


def offered(goods: Goods) -> None:
    world = goods.world
    terms = world.carrier.number, ONE, 0, world.now, world.ref("shipping")
    world.lots.offerQuantity(goods.milk, *terms, sender=world.maker.ship)


def offer(goods: Goods) -> Call:
    world = goods.world
    return world.maker, (goods.milk, world.carrier.number, ONE, 0, world.now, world.ref())


def accept(goods: Goods) -> Call:
    offered(goods)
    world = goods.world
    return world.carrier, (goods.milk, world.maker.number, ONE, 0, world.ref())


def end_offer(goods: Goods) -> Call:
    offered(goods)
    world = goods.world
    return world.maker, (goods.milk, world.maker.number, world.carrier.number, world.ref())


def loss(goods: Goods) -> Call:
    return goods.world.maker, (goods.milk, ONE, REASON, goods.world.ref())


def end_units(goods: Goods) -> Call:
    return goods.world.maker, (goods.pills, [0], UnitEnd.DISPENSED, goods.world.ref())


def end_quantity(goods: Goods) -> Call:
    return goods.world.maker, (goods.milk, ONE, UnitEnd.RETAIL_SOLD, goods.world.ref())


def materialise(goods: Goods) -> Call:
    unit = Registration(uri("0"))
    return goods.world.maker, (lot_uri("P"), 0, unit, goods.tree.proof(0), goods.world.ref())


def hold(goods: Goods) -> Call:
    return goods.world.maker, (goods.pills, REASON, goods.world.ref())


def release(goods: Goods) -> Call:
    world = goods.world
    world.lots.holdLot(goods.pills, REASON, world.ref(), sender=world.maker.quality)
    return world.maker, (goods.pills, world.maker.number, REASON, world.ref())


def pack(goods: Goods) -> Call:
    packed = goods.units(0)
    return goods.world.maker, (goods.container("1"), packed.root, packed.parts(), goods.world.ref())


def unpack(goods: Goods) -> Call:
    first, [step, _], _, _ = two_pallets(goods)
    return goods.world.maker, (first, *step, CASE_ITEM, goods.world.ref())


def duplicate(goods: Goods) -> Call:
    return goods.world.maker, two_pallets(goods)


def settle(goods: Goods) -> Call:
    world = goods.world
    proof = two_pallets(goods)
    world.lots.proveDuplicate(*proof, sender=world.stranger)
    return world.regulator, (proof[0], REASON, world.ref())


CALLS: dict[str, Callable[[Goods], Call]] = {
    "commissionLot": commission,
    "offerQuantity": offer,
    "acceptQuantity": accept,
    "endQuantityOffer": end_offer,
    "declareLoss": loss,
    "endOfLife": end_units,
    "endQuantity": end_quantity,
    "materialise": materialise,
    "holdLot": hold,
    "releaseLot": release,
    "packCommitted": pack,
    "unpackCommitted": unpack,
    "proveDuplicate": duplicate,
    "settleDuplicate": settle,
}
FOR_MODULES = {"commissionLotFor", "useFor", "markRecalled", "unmarkRecalled"}
WITHOUT_A_CALLER = {"holdDuplicated", "multicall"}
every_function = pytest.mark.parametrize("function", CALLS)


def test_no_function_is_left_out(world: World) -> None:
    changing = {f["name"] for f in world.lots.abi if f.get("stateMutability") == "nonpayable" and "name" in f}
    assert changing == {*CALLS, *FOR_MODULES, *WITHOUT_A_CALLER}


@every_function
def test_a_contract_is_the_caller(world: World, function: str) -> None:
    goods = Goods.create(world)
    org, args = CALLS[function](goods)
    machine, call = Forwarder.deploy(world.node, world.stranger), getattr(world.lots, function)
    if function != "proveDuplicate":
        with reverts("UnknownAccount", machine.address):
            call(*args, sender=machine)
    world.hire(org, machine)
    callers = [fact["caller"] for _, fact in happened(call(*args, sender=machine)) if "caller" in fact]
    assert machine.address in callers
    assert set(callers) <= {machine.address, world.lots.address}


def test_a_contract_receives_for_quarantine(world: World) -> None:
    """Whose quality is asked for is the contract's."""
    goods, retailer = Goods.create(world), world.retailer
    terms = retailer.number, ONE, Purpose.QUARANTINE, world.now, world.ref("shipping")
    world.lots.offerQuantity(goods.milk, *terms, sender=world.maker.ship)
    machine = Forwarder.deploy(world.node, world.stranger)
    world.hire(retailer, machine, Duty.RECEIVE | Duty.QUALITY)
    world.lots.acceptQuantity(goods.milk, world.maker.number, ONE, 0, world.ref(), sender=machine)
    assert world.lots.quantityOf(goods.milk, retailer.number) == ONE
