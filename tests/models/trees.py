"""Merkle trees over the serials of a lot and the contents of a container, written from the NatSpec of ILots.

A node is keccak256(1 ‖ smaller ‖ larger); of an odd number the last one goes up as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from eth_utils.crypto import keccak

ZERO = bytes(32)


class Leaf(NamedTuple):
    """A thing in a container, as `ILots.Leaf`."""

    index: int  # type: ignore[assignment]
    child: bytes
    child_root: bytes
    lot: bytes
    quantity: int


class Step(NamedTuple):
    """One level on the way inwards, as `ILots.Step`."""

    leaf: Leaf
    proof: Sequence[bytes]


class Tree:
    """A tree with all its levels, the leaves first."""

    def __init__(self, leaves: Iterable[bytes]) -> None:
        self.levels = [list(leaves)]
        while len(level := self.levels[-1]) > 1:
            pairs = [node(*level[i : i + 2]) for i in range(0, len(level) - 1, 2)]
            self.levels.append(pairs + level[len(level) // 2 * 2 :])

    @property
    def root(self) -> bytes:
        return self.levels[-1][0]

    def proof(self, index: int) -> list[bytes]:
        beside = [(level, index >> height ^ 1) for height, level in enumerate(self.levels[:-1])]
        return [level[place] for level, place in beside if place < len(level)]


class Packed:
    """The contents of a container: leaves numbered in their order, and the tree over them."""

    def __init__(self, *things: tuple[bytes, bytes, bytes, int]) -> None:
        self.leaves = [Leaf(index, *thing) for index, thing in enumerate(things)]
        self.tree = Tree(map(content_leaf, self.leaves))
        self.root = self.tree.root

    def step(self, index: int) -> Step:
        return Step(self.leaves[index], self.tree.proof(index))

    def parts(self) -> list[tuple[bytes, int]]:
        """How much of each lot is in it."""
        lots = dict.fromkeys(leaf.lot for leaf in self.leaves)
        return [(lot, sum(leaf.quantity for leaf in self.leaves if leaf.lot == lot)) for lot in lots]


def unit_of(unit: bytes, lot: bytes) -> tuple[bytes, bytes, bytes, int]:
    """A serialised unit in a container."""
    return unit, ZERO, lot, 10**6


def loose(lot: bytes, quantity: int) -> tuple[bytes, bytes, bytes, int]:
    """A quantity without serials in a container."""
    return lot, ZERO, lot, quantity


def case(child: bytes, contents: Packed) -> list[tuple[bytes, bytes, bytes, int]]:
    """A container in a container: one leaf for each of its lots."""
    return [(child, contents.root, lot, quantity) for lot, quantity in contents.parts()]


def serial_leaf(index: int, unit: bytes) -> bytes:
    return keccak(b"\2" + index.to_bytes(4, "big") + unit)


def content_leaf(leaf: Leaf) -> bytes:
    words = leaf.child + leaf.child_root + leaf.lot
    return keccak(b"\3" + leaf.index.to_bytes(4, "big") + words + leaf.quantity.to_bytes(12, "big"))


def serials(units: Iterable[bytes]) -> Tree:
    """The tree over the units of a lot."""
    return Tree(serial_leaf(index, unit) for index, unit in enumerate(units))


def leads_to(root: bytes, leaf: bytes, proof: Iterable[bytes]) -> bool:
    for beside in proof:
        leaf = node(leaf, beside)
    return leaf == root


def node(a: bytes, b: bytes) -> bytes:
    return keccak(b"\1" + min(a, b) + max(a, b))
