"""What Lots costs on a real node, and that the cost does not grow with what is in a lot or on a pallet."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.trees import ZERO, Leaf, Packed, Step, content_leaf, loose, node, serial_leaf
from tests.support import AnvilNode
from tests.support.contract import Function
from tests.support.gas import GasBook
from tests.support.lots import NO_ITEM, ONE, REASON, Goods, unit
from tests.support.words import Kind, UnitEnd
from tests.support.world import PREFIX_LENGTH, Commission, Registration, World, lot_uri, sscc, twin_id, uri

DEPTH = 17
"""Of a tree with 131,072 leaves."""


@pytest.fixture
def world(anvil: AnvilNode) -> World:
    return World.create(anvil)


@pytest.fixture
def goods(world: World) -> Goods:
    return Goods.create(world, 150)


def branch(leaf: bytes, depth: int = DEPTH) -> tuple[bytes, list[bytes]]:
    """Root and proof of a leaf in a tree of which nobody has seen the rest."""
    proof = [keccak(leaf + bytes([height])) for height in range(depth)]
    root = leaf
    for beside in proof:
        root = node(root, beside)
    return root, proof


def deep(container: bytes, leaf: Leaf) -> tuple[bytes, Step]:
    root, proof = branch(content_leaf(leaf))
    return root, Step(leaf, proof)


def pack_deep(goods: Goods, container: bytes, leaf: Leaf, quantity: int) -> Step:
    """Commit to a tree of full depth; the way to one of its leaves."""
    root, step = deep(container, leaf)
    args = container, root, [(leaf.lot, quantity)], goods.world.ref("packing")
    goods.world.lots.packCommitted(*args, sender=goods.world.maker.ship)
    return step


def calldata(function: Function, *args: Any) -> int:
    return sum(16 if byte else 4 for byte in function.encode(*args))


def test_a_lot_of_a_million_costs_as_much_as_a_lot_of_one(world: World, gas: GasBook) -> None:
    world.commission(Commission(lot_uri("first"), quantity=ONE))
    execution = []
    for count in (1, 1_000_000):
        here = world.node.snapshot()
        item = Commission(
            lot_uri("ABC123456"),
            PREFIX_LENGTH,
            REASON,
            b"H87",
            count * ONE,
            2_000_000_000,
            keccak(b"root"),
            count,
        )
        args = item, world.ref("commissioning")
        used = world.lots.commissionLot(*args, sender=world.maker.register).gas_used
        gas.record(f"Lots.commissionLot, {count:,} serials", used, 110_000)
        execution.append(used - calldata(world.lots.commissionLot, *args))
        world.node.revert(here)
    assert execution[0] == execution[1]


def test_quantities(world: World, goods: Goods, gas: GasBook) -> None:
    lots, milk, maker, carrier = world.lots, goods.milk, world.maker, world.carrier
    goods.move(milk, ONE, carrier)
    terms = milk, carrier.number, ONE, 0, world.now, world.ref()
    gas.record("Lots.offerQuantity", lots.offerQuantity(*terms, sender=maker.ship).gas_used, 85_000)
    args = milk, maker.number, ONE, 0, world.ref()
    gas.record("Lots.acceptQuantity", lots.acceptQuantity(*args, sender=carrier.receive).gas_used, 65_000)
    used = lots.declareLoss(milk, 1, REASON, world.ref(), sender=maker.quality).gas_used
    gas.record("Lots.declareLoss", used, 55_000)
    lots.useFor(maker.all, milk, 1, REASON, sender=goods.module)
    used = lots.useFor(maker.all, milk, 1, REASON, sender=goods.module).gas_used
    gas.record("Lots.useFor", used, 80_000)
    gas.record("Lots.holdLot", lots.holdLot(milk, REASON, world.ref(), sender=maker.quality).gas_used, 80_000)


def test_pallets(world: World, goods: Goods) -> None:
    """Custody of a pallet costs the same, whatever is committed to be in it."""
    costs = []
    pallet = goods.container("1")
    world.move(pallet, world.maker, world.carrier)
    world.move(pallet, world.carrier, world.maker)
    empty = world.node.snapshot()
    for contents in (
        None,
        goods.units(0),
        goods.units(*range(100)),
        goods.pallet(("2", goods.units(*range(50))), ("3", goods.units(70, 71)), milk=ONE),
    ):
        world.node.revert(empty)
        if contents:
            goods.pack(pallet, contents)
        offer = pallet, world.carrier.number, 0, world.now, world.ref()
        offered = world.twins.offer(*offer, sender=world.maker.ship).gas_used
        accept = pallet, world.twins.head(pallet), world.ref()
        accepted = world.twins.accept(*accept, sender=world.carrier.receive).gas_used
        bytes_ = calldata(world.twins.offer, *offer), calldata(world.twins.accept, *accept)
        costs.append((offered - bytes_[0], accepted - bytes_[1]))
    assert len(set(costs)) == 1, costs


def test_contents(world: World, goods: Goods, gas: GasBook) -> None:
    lots, maker = world.lots, world.maker
    pallet, other = goods.container("1"), goods.container("2")
    leaf = Leaf(70_000, unit(3), ZERO, goods.pills, ONE)
    for container in (pallet, other):
        goods.pack(container, Packed(loose(goods.milk, ONE)))
        goods.unpack(container, Packed(loose(goods.milk, ONE)).step(0))
    root, step = deep(pallet, leaf)
    args = pallet, root, [(goods.pills, 5 * ONE)], world.ref("packing")
    used = lots.packCommitted(*args, sender=maker.ship).gas_used
    gas.record("Lots.packCommitted, one lot", used, 135_000)

    inside = lots.isInside.encode(pallet, [step])
    assert lots.isInside(pallet, [step])
    gas.record(
        "Lots.isInside, depth 17", estimate(world, lots.address, inside), 50_000, "asked as a transaction"
    )

    other_step = pack_deep(goods, other, leaf._replace(index=4), 5 * ONE)
    here = world.node.snapshot()
    proof = pallet, [step], other, [other_step]
    used = lots.proveDuplicate(*proof, sender=world.stranger).gas_used
    gas.record("Lots.proveDuplicate, two proofs of depth 17", used, 85_000)
    world.node.revert(here)

    out = pallet, *step, NO_ITEM, world.ref("unpacking")
    used = lots.unpackCommitted(*out, sender=maker.ship).gas_used
    gas.record("Lots.unpackCommitted, a unit at depth 17", used, 130_000)


def test_an_inner_container(world: World, goods: Goods, gas: GasBook) -> None:
    pallet = goods.container("1")
    case = Registration(sscc("2"), kind=Kind.CONTAINER)
    leaf = Leaf(70_000, twin_id(case.uri), REASON, goods.pills, 4 * ONE)
    step = pack_deep(goods, pallet, leaf, 5 * ONE)
    args = pallet, *step, case, world.ref("unpacking")
    used = world.lots.unpackCommitted(*args, sender=world.maker.ship).gas_used
    gas.record("Lots.unpackCommitted, a case at depth 17", used, 300_000, "which becomes a twin")


def estimate(world: World, to: str, data: bytes) -> int:
    """What the node says a transaction with this call would use."""
    node = world.node
    assert isinstance(node, AnvilNode)
    call = {"from": world.maker.ship, "to": to, "data": f"0x{data.hex()}"}
    return int(node.rpc("eth_estimateGas", call), 16)


def test_units(world: World, goods: Goods, gas: GasBook) -> None:
    lots, pills, sender = world.lots, goods.pills, world.maker.register

    def end(*indexes: int) -> int:
        args = pills, list(indexes), UnitEnd.DISPENSED, world.ref("dispensing")
        used: int = lots.endOfLife(*args, sender=sender).gas_used
        return used

    gas.record("Lots.endOfLife, one unit", end(0), 95_000, "first of its word")
    gas.record("Lots.endOfLife, one unit beside others", end(1), 65_000, "in a word with another")
    gas.record("Lots.endOfLife, each of 99", -(-end(*range(30, 129)) // 99), 35_000, "in a row")
    gas.record("Lots.endOfLife, each of 10 far apart", -(-end(*range(3, 30, 3), 140) // 10), 35_000)


def test_a_unit_becomes_a_twin(world: World, gas: GasBook) -> None:
    root, proof = branch(serial_leaf(5, unit(5)), 20)
    item = Commission(lot_uri("A"), quantity=2**20 * ONE, serials_root=root, serial_count=2**20)
    lot = world.commission(item)
    args = item.uri, 5, Registration(uri("5")), proof, world.ref()
    used = world.lots.materialise(*args, sender=world.maker.register).gas_used
    gas.record("Lots.materialise, one of a million", used, 330_000)
    assert world.lots.lotOfUnit(unit(5)) == lot
