"""What closing a recall costs on a real node: per member, however many there are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.recalls import RecallClass
from tests.models.trees import serials
from tests.support import AnvilNode
from tests.support.gas import GasBook
from tests.support.world import Commission, Registration, World, lot_uri, twin_id, uri

REASON = b"r" * 32
MEMBERS = 50
PER_MEMBER = 30_000


@pytest.fixture
def world(anvil: AnvilNode) -> World:
    world = World.create(anvil)
    assert world.recalls.recallCount() == 0
    return world


def commission(world: World, name: str) -> bytes:
    return world.commission(Commission(lot_uri(name), quantity=10**9))


def transform(world: World, name: str, inputs: list[bytes], outputs: int) -> tuple[bytes, list[bytes]]:
    """One process; its id, and the lots that came out of it."""
    items = [Commission(lot_uri(f"{name}-{place}"), quantity=1) for place in range(outputs)]
    args = name.encode().ljust(32), [(lot, 1) for lot in inputs], items, [], False, world.ref()
    process: bytes = world.lineage.transform.call(*args, sender=world.maker.register)
    world.lineage.transform(*args, sender=world.maker.register)
    return process, [twin_id(item.uri) for item in items]


def opened(world: World, *lots: bytes) -> int:
    world.recalls.open(RecallClass.CLASS_I, REASON, world.ref(), sender=world.maker.recall)
    recall: int = world.recalls.recallCount()
    world.recalls.addLots(recall, lots, sender=world.maker.recall)
    return recall


def cost(world: World, function: str, *args: Any) -> int:
    gas: int = getattr(world.recalls, function)(*args, world.ref(), sender=world.stranger).gas_used
    return gas


def test_a_lot_that_went_into_many_processes(world: World, gas: GasBook) -> None:
    figures = {}
    for count in (1, MEMBERS):
        lot = commission(world, f"lot {count}")
        uses = [transform(world, f"use {count} {place}", [lot], 1)[0] for place in range(count)]
        figures[count] = cost(world, "step", opened(world, lot), lot, uses)
    marginal = -(-(figures[MEMBERS] - figures[1]) // (MEMBERS - 1))
    gas.record("Recalls.step, each further process", marginal, 14_000)
    gas.record("Recalls.step, each of 50 processes", -(-figures[MEMBERS] // MEMBERS), PER_MEMBER)
    gas.record("Recalls.step, one process", figures[1], 117_500)


def test_a_process_out_of_which_many_lots_came(world: World, gas: GasBook) -> None:
    figures = {}
    for count in (1, MEMBERS):
        lot = commission(world, f"lot {count}")
        process, products = transform(world, f"process {count}", [lot], count)
        recall = opened(world, lot)
        world.recalls.step(recall, lot, [process], world.ref(), sender=world.stranger)
        figures[count] = cost(world, "stepProcess", recall, process, products)
    marginal = -(-(figures[MEMBERS] - figures[1]) // (MEMBERS - 1))
    gas.record("Recalls.stepProcess, each further lot", marginal, 14_500)
    gas.record("Recalls.stepProcess, each of 50 lots", -(-figures[MEMBERS] // MEMBERS), PER_MEMBER)
    gas.record("Recalls.stepProcess, one lot", figures[1], 99_500)


def test_a_lot_of_which_nothing_was_made(world: World, gas: GasBook) -> None:
    found = [commission(world, name) for name in ("first", "leaf", "last")]
    recall = opened(world, *found)
    first, leaf, last = (cost(world, "step", recall, lot, []) for lot in found)
    gas.record("Recalls.step, leaf lot, the first of a recall", first, 103_500)
    gas.record("Recalls.step, leaf lot", leaf, 87_000)
    gas.record("Recalls.step, leaf lot that closes the recall", last, 91_000)


def test_units_that_are_twins(world: World, gas: GasBook) -> None:
    """Each is held, which is a step of its own history."""
    figures = {}
    for count in (1, MEMBERS):
        tree = serials(twin_id(uri(f"{count}-{index}")) for index in range(count))
        goods = Commission(
            lot_uri(f"units {count}"), quantity=count * 10**6, serials_root=tree.root, serial_count=count
        )
        lot, units = world.commission(goods), []
        for index in range(count):
            unit = Registration(uri(f"{count}-{index}"))
            args = goods.uri, index, unit, tree.proof(index), world.ref()
            world.lots.materialise(*args, sender=world.maker.register)
            units.append(twin_id(unit.uri))
        figures[count] = cost(world, "step", opened(world, lot), lot, units)
    marginal = -(-(figures[MEMBERS] - figures[1]) // (MEMBERS - 1))
    gas.record("Recalls.step, each further unit that is a twin", marginal, 79_500)


def test_opening_and_ending(world: World, gas: GasBook) -> None:
    found = [commission(world, f"lot {place}") for place in range(MEMBERS)]
    maker, ref = world.maker, world.ref()
    receipt = world.recalls.open(RecallClass.CLASS_I, REASON, ref, sender=maker.recall)
    gas.record("Recalls.open, the first one", receipt.gas_used, 83_500)
    recall = world.recalls.recallCount()
    receipt = world.recalls.addLots(recall, found[:1], sender=maker.recall)
    gas.record("Recalls.addLots, one", receipt.gas_used, 65_000)
    receipt = world.recalls.addLots(recall, found[1:], sender=maker.recall)
    gas.record("Recalls.addLots, each of 49", -(-receipt.gas_used // (MEMBERS - 1)), 15_000)
    receipt = world.recalls.notify(recall, found[0], world.retailer.number, 10, sender=maker.recall)
    gas.record("Recalls.notify", receipt.gas_used, 71_000)
    receipt = world.recalls.acknowledge(recall, found[0], 9, sender=world.retailer.recall)
    gas.record("Recalls.acknowledge", receipt.gas_used, 50_500)
    args = recall, found[0], 3, 3, 3, ref
    gas.record(
        "Recalls.reconcile", world.recalls.reconcile(*args, sender=world.retailer.recall).gas_used, 94_000
    )
    receipt = world.recalls.lift(recall, REASON, ref, sender=maker.recall)
    gas.record("Recalls.lift", receipt.gas_used, 45_000)
    receipt = world.recalls.clearMembers(recall, found, [], [], ref, sender=world.stranger)
    gas.record("Recalls.clearMembers, each of 50 lots", -(-receipt.gas_used // MEMBERS), 9_500)
