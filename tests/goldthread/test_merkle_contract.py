"""What the package's trees prove, the module Lots verifies; and the root on chain is the one it tells."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from goldthread.build import ensure_built
from goldthread.chain import contracts
from goldthread.chain.merkle import ContentLeaf, SerialLeaf, Tree, serial_tree
from goldthread.chain.proofs import Proof, root_on_chain
from goldthread.gs1 import twin_id
from tests.goldthread.chains import NodeChain, RecordingNode
from tests.support import Contract, deploy
from tests.support.words import Kind
from tests.support.world import World, sscc, uri

GTIN = uri("").removesuffix("/21/")
LOT = f"{GTIN}/10/L7"
UNIT = 10**6


class Plant:
    """A world with the module Lots, and a lot of serials in it."""

    def __init__(self, count: int) -> None:
        node = RecordingNode()
        self.world = world = World.create(node)
        self.lots: Contract = deploy(node, "Lots", world.consortium, world.twins)
        world.empower(self.lots)
        self.links = [f"{GTIN}/21/{i}" for i in range(count)]
        self.tree = serial_tree(self.links)
        item = (LOT, 7, bytes(32), b"H87", count * UNIT, 0, self.tree.root, count)
        self.lots.commissionLot(item, world.ref(), sender=world.maker.register)
        self.lot = twin_id(LOT)
        chain = NodeChain(node)
        abi = ensure_built(["Lots"])["Lots"].abi
        theirs = contracts.Contract(chain, "Lots", self.lots.address, abi)
        self.deployment: Any = SimpleNamespace(chain=chain, contract=lambda _: theirs)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 13, 70])
def test_the_contract_verifies_every_serial(count: int) -> None:
    plant = Plant(count)
    for index, link in enumerate(plant.links):
        path, unit = plant.tree.proof(index), twin_id(link)
        assert plant.lots.isUnit(plant.lot, index, unit, path)
        assert not plant.lots.isUnit(plant.lot, (index + 1) % 128, unit, path)
        assert not plant.lots.isUnit(plant.lot, index, plant.lot, path)


def test_the_contract_verifies_what_is_in_a_pallet_and_in_its_cases() -> None:
    plant = Plant(15)
    ids = list(map(twin_id, plant.links))
    none = bytes(32)
    cases = []
    for number in range(3):
        inside = ids[5 * number : 5 * number + 5]
        leaves = [ContentLeaf(i, unit, none, plant.lot, UNIT) for i, unit in enumerate(inside)]
        cases.append((twin_id(sscc(str(10 + number))), leaves, Tree(leaf.hash for leaf in leaves)))
    outer = [ContentLeaf(i, case, tree.root, plant.lot, 5 * UNIT) for i, (case, _, tree) in enumerate(cases)]
    whole = Tree(leaf.hash for leaf in outer)
    pallet = plant.world.register(sscc("1"), Kind.CONTAINER)
    parts = [(plant.lot, 15 * UNIT)]
    plant.lots.packCommitted(pallet, whole.root, parts, plant.world.ref(), sender=plant.world.maker.ship)

    def step(leaf: ContentLeaf, tree: Tree) -> Any:
        fields = (leaf.index, leaf.child, leaf.child_root, leaf.lot, leaf.quantity)
        return fields, tree.proof(leaf.index)

    for case, (_, leaves, tree) in zip(outer, cases, strict=True):
        assert plant.lots.isInside(pallet, [step(case, whole)])
        for leaf in leaves:
            assert plant.lots.isInside(pallet, [step(case, whole), step(leaf, tree)])
            wrong = replace(leaf, quantity=leaf.quantity + 1)
            assert not plant.lots.isInside(pallet, [step(case, whole), step(wrong, tree)])
    proof = Proof.of_tree(whole, outer[2], pallet).anchored(plant.deployment)
    assert proof.anchor is not None
    assert proof.failures(root_on_chain(plant.deployment, "content", pallet)[1]) == []


def test_the_root_on_chain_is_that_of_the_lot() -> None:
    plant = Plant(3)
    anchor, root = root_on_chain(plant.deployment, "serial", plant.lot)
    assert (root, anchor.contract, anchor.block) == (
        plant.tree.root, plant.lots.address, plant.world.node.block_number
    )  # fmt: skip
    leaf = SerialLeaf(1, twin_id(plant.links[1]))
    assert Proof.of_tree(plant.tree, leaf, plant.lot).anchored(plant.deployment).anchor == anchor
    assert root_on_chain(plant.deployment, "serial", bytes(32))[1] == bytes(32)
