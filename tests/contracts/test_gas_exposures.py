"""What inheriting a breach costs on a real node: the caller pays for the histories that it brings."""

from __future__ import annotations

from eth_utils.crypto import keccak

from tests.models.exposures import Place, Proof
from tests.models.trees import Leaf, Step, content_leaf, node
from tests.support import AnvilNode
from tests.support.exposing import Exposing
from tests.support.gas import GasBook
from tests.support.lots import ONE, unit
from tests.support.words import Kind
from tests.support.world import PREFIX_LENGTH, Registration, lot_uri, sscc, uri

DEPTH = 17
"""Of a tree with 131,072 leaves."""


def test_what_was_in_the_container(anvil: AnvilNode, gas: GasBook) -> None:
    here = Exposing(anvil)
    world, pallet, part = here.world, here.cold.pallet, here.world.register(uri("part"))
    watch = here.watch(pallet)
    start = watch.policy.start
    world.pack(pallet, [part])
    anvil.warp(100)
    world.unpack(pallet, [part])
    cause = here.breach(watch, start, start + 50)
    args = cause, part, Proof([here.history(part, 1)]), world.ref("holding")
    used = here.contract.holdInherited(*args, sender=world.stranger).gas_used
    gas.record("Exposures.holdInherited, in the container", used, 160_000, "a history of 2 steps")
    here.release(watch)
    args = cause, part, world.ref("releasing")
    used = here.contract.releaseInherited(*args, sender=world.stranger).gas_used
    gas.record("Exposures.releaseInherited", used, 85_000)


def test_what_was_in_boxes_in_the_container(anvil: AnvilNode, gas: GasBook) -> None:
    here = Exposing(anvil)
    world, pallet, part = here.world, here.cold.pallet, here.world.register(uri("part"))
    boxes = [world.register(sscc(str(number)), Kind.CONTAINER) for number in range(21, 24)]
    watch = here.watch(pallet)
    start = watch.policy.start
    for inner, outer in zip([part, *boxes], [*boxes, pallet], strict=True):
        world.pack(outer, [inner])
    anvil.warp(100)
    world.unpack(boxes[0], [part])
    cause = here.breach(watch, start, start + 50)
    histories = [here.history(part, 1), *(here.history(box, 2) for box in boxes)]
    args = cause, part, Proof(histories), world.ref("holding")
    used = here.contract.holdInherited(*args, sender=world.stranger).gas_used
    gas.record("Exposures.holdInherited, three boxes deep", used, 210_000, "four histories")


def test_a_unit_of_a_large_pallet(anvil: AnvilNode, gas: GasBook) -> None:
    """The price does not depend on how many units the packer committed to, but for the depth of its tree."""
    here = Exposing(anvil)
    world, pallet, pills = here.world, here.cold.pallet, here.goods.pills
    leaf = Leaf(70_000, unit(0), bytes(32), pills, ONE)
    proof = [keccak(bytes([height])) for height in range(DEPTH)]
    root = content_leaf(leaf)
    for beside in proof:
        root = node(root, beside)
    watch = here.watch(pallet)
    start = watch.policy.start
    packed = pallet, root, [(pills, 5 * ONE)], world.ref("packing")
    world.lots.packCommitted(*packed, sender=world.maker.ship)
    anvil.warp(100)
    here.goods.unpack(pallet, Step(leaf, proof))
    item = Registration(uri("0"), PREFIX_LENGTH, Kind.PART)
    args = lot_uri("P"), 0, item, here.goods.tree.proof(0), world.ref("inspecting")
    world.lots.materialise(*args, sender=world.maker.register)
    cause = here.breach(watch, start, start + 50)
    histories = [here.history(unit(0)), here.history(pallet, 1)]
    evidence = Proof(histories, [Place(pallet, [Step(leaf, proof)])])
    used = here.contract.holdInherited(
        cause, unit(0), evidence, world.ref("holding"), sender=world.stranger
    ).gas_used
    gas.record("Exposures.holdInherited, a unit at depth 17", used, 205_000, "two histories and a path")
