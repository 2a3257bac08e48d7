"""What telling a process costs on a real node, and that the cost does not grow with what was told before."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.support import AnvilNode
from tests.support.gas import GasBook
from tests.support.making import ONE, item, lot_id, process_of
from tests.support.words import Kind
from tests.support.world import Commission, World, asset, lot_uri, uri

BATCH = 50


@pytest.fixture
def world(anvil: AnvilNode) -> World:
    world = World.create(anvil)
    assert world.lineage.LOTS() == world.lots.address
    return world


def lots(world: World, name: str, count: int) -> list[bytes]:
    """Lots that were used before, so that their slots are written already."""
    found = [world.commission(item(f"{name}-in-{place}")) for place in range(count)]
    send(world, f"{name} before", found, 0)
    return found


def send(world: World, name: str, inputs: list[bytes], outputs: int, finalise: bool = False) -> int:
    args = (
        keccak(text=name),
        [(lot, ONE) for lot in inputs],
        [Commission(lot_uri(f"{name}-{place}"), quantity=ONE) for place in range(outputs)],
        [],
        finalise,
        world.ref("transformation"),
    )
    gas: int = world.lineage.transform(*args, sender=world.maker.register).gas_used
    return gas


@pytest.mark.parametrize(
    ("inputs", "outputs", "ceiling"), [(2, 1, 269_000), (5, 2, 446_000), (20, 5, 1_150_000)]
)
def test_a_transformation(world: World, gas: GasBook, inputs: int, outputs: int, ceiling: int) -> None:
    name = f"{inputs} to {outputs}"
    cost = send(world, name, lots(world, name, inputs), outputs)
    gas.record(f"Lineage.transform, {inputs} inputs to {outputs} outputs", cost, ceiling)


def test_what_comes_later(world: World, gas: GasBook) -> None:
    maker = world.maker
    found = lots(world, "process", BATCH)
    send(world, "process", found[:1], 1)
    process, ref = process_of(maker.number, "process"), world.ref("transformation")

    def cost(function: str, *args: Any) -> int:
        used: int = getattr(world.lineage, function)(process, *args, ref, sender=maker.register).gas_used
        return used

    gas.record("Lineage.addInputs, one", cost("addInputs", [(found[0], 1)]), 84_000)
    many = cost("addInputs", [(lot, 1) for lot in found])
    gas.record("Lineage.addInputs, each of 50", -(-many // BATCH), 29_500)
    gas.record("Lineage.addOutputs, one lot", cost("addOutputs", [item("one")], []), 150_500)
    part = world.register(uri("part"))
    gas.record("Lineage.addOutputs, one part", cost("addOutputs", [], [part]), 90_000)
    many = cost("addOutputs", [item(f"many {place}") for place in range(BATCH)], [])
    gas.record("Lineage.addOutputs, each of 50 lots", -(-many // BATCH), 93_500)
    gas.record("Lineage.finalise", cost("finalise", 985_000), 43_000)


def test_associations(world: World, gas: GasBook) -> None:
    car = world.register(asset("car"), Kind.ASSET)
    wheel, spare = world.register(uri("wheel")), world.register(uri("spare"))
    ref, sender = world.ref("installing"), world.maker.register
    cost = world.lineage.install(wheel, car, ref, sender=sender).gas_used
    gas.record("Lineage.install", cost, 104_500)
    cost = world.lineage.replace(wheel, spare, ref, sender=sender).gas_used
    gas.record("Lineage.replace", cost, 115_500)
    cost = world.lineage.remove(spare, ref, sender=sender).gas_used
    gas.record("Lineage.remove", cost, 48_500)


def test_a_long_history_costs_nothing(world: World) -> None:
    (lot,) = lots(world, "lot", 1)
    first = send(world, "process 00", [lot], 1)
    for number in range(1, 20):
        send(world, f"process {number:02}", [lot], 1)
    assert send(world, "process 20", [lot], 1) == pytest.approx(first, abs=100)
    assert world.lots.lotOf(lot).uses == 22
    assert world.lineage.originOf(lot_id("process 20-0")) == process_of(world.maker.number, "process 20")
