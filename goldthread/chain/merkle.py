"""Merkle trees over readings, the serials of a lot, the contents of a container, the members of a recall, the
documents of a record and the smelters of a declaration.

The hashes are those of contracts/libraries/MerkleLeaves.sol; the fields of a document (goldthread.records)
are for no contract.

    tree = serial_tree(uris)                     # any iterable; a million serials in some seconds
    tree.root                                    # what the contract is told
    is_in(tree.root, SerialLeaf(17, twin_id(uri)), tree.proof(17))

A leaf is `keccak256(kind ‖ index ‖ fields)` with one byte of kind and four of index, counted from 0. A node
is `keccak256(0x01 ‖ smaller ‖ larger)`. Leaves stand in the order of their index, each level is paired from
left to right, and a node without a neighbour moves up as it is. No kind of leaf is 1, so that a node is
never taken for a leaf, and an index is part of its leaf, so that a leaf has one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from goldthread.gs1.serials import unit_ids
from goldthread.hashing import keccak

READING, NODE, SERIAL, CONTENT, MEMBER, DOCUMENT, FIELD, SMELTER = range(8)
"""The first byte of what is hashed."""

MAX_INDEX = (1 << 32) - 1
MAX_QUANTITY = (1 << 96) - 1


class Leaf(Protocol):
    """Something that a tree commits to, in a place."""

    @property
    def index(self) -> int:
        """Its place, from 0."""

    @property
    def hash(self) -> bytes:
        """The 32 bytes at the bottom of the tree."""


@dataclass(frozen=True)
class SerialLeaf:
    """A unit of a lot. `unit` is its twin id: the hash of its canonical link, 32 bytes.

    Raises `ValueError` that names the field which does not fit.
    """

    index: int
    unit: bytes

    def __post_init__(self) -> None:
        _require(index=(self.index, MAX_INDEX))
        _require_words(unit=self.unit)

    @property
    def hash(self) -> bytes:
        """`keccak256(0x02 ‖ uint32 index ‖ bytes32 unit)`."""
        return leaf(SERIAL, self.index, self.unit)


@dataclass(frozen=True)
class ContentLeaf:
    """Something in a container. `child` is its id, `child_root` the root over what it contains itself, `lot`
    the lot that it is of (32 bytes each, zero for none), `quantity` how much of it, below 2^96.

    Raises `ValueError` that names the field which does not fit.
    """

    index: int
    child: bytes
    child_root: bytes
    lot: bytes
    quantity: int

    def __post_init__(self) -> None:
        _require(index=(self.index, MAX_INDEX), quantity=(self.quantity, MAX_QUANTITY))
        _require_words(child=self.child, childRoot=self.child_root, lot=self.lot)

    @property
    def hash(self) -> bytes:
        """`keccak256(0x03 ‖ uint32 index ‖ bytes32 child ‖ bytes32 childRoot ‖ bytes32 lot ‖ uint96
        quantity)`.
        """
        fields = self.child + self.child_root + self.lot + self.quantity.to_bytes(12, "big")
        return leaf(CONTENT, self.index, fields)


@dataclass(frozen=True)
class MemberLeaf:
    """A member in a claim of what a recall reaches (IClosureClaims.Leaf): lot, process or twin, the place of
    its parent, how deep it is, and how many results of it are accounted for.

    Raises `ValueError` that names the field which does not fit.
    """

    index: int
    member: bytes
    parent: int
    depth: int
    results: int

    def __post_init__(self) -> None:
        numbers = {"parent": self.parent, "depth": self.depth, "results": self.results}
        _require(index=(self.index, MAX_INDEX), **{name: (n, MAX_INDEX) for name, n in numbers.items()})
        _require_words(member=self.member)

    @property
    def hash(self) -> bytes:
        """`keccak256(0x04 ‖ uint32 index ‖ bytes32 member ‖ uint32 parent ‖ uint32 depth ‖ uint32
        results)`.
        """
        numbers = (number.to_bytes(4, "big") for number in (self.parent, self.depth, self.results))
        return leaf(MEMBER, self.index, self.member + b"".join(numbers))


class Tree:
    """The tree over the hashes of leaves, which are read once, in the order of their index.

    It holds 64 bytes a leaf. `ValueError` if there is no leaf.
    """

    def __init__(self, leaves: Iterable[bytes]) -> None:
        level = list(leaves)
        if not level:
            raise ValueError("a tree has at least one leaf")
        self._count = len(level)
        self._levels = [b"".join(level)]
        hash_, tag = keccak, bytes([NODE])
        while len(level) > 1:
            left = iter(level)
            # zip takes the odd one from `left` and drops it, hence the slice.
            pairs = [hash_(tag + a + b if a < b else tag + b + a) for a, b in zip(left, left, strict=False)]
            level = pairs + level[len(level) & ~1 :]
            self._levels.append(b"".join(level))

    def __len__(self) -> int:
        """How many leaves there are."""
        return self._count

    @property
    def root(self) -> bytes:
        """The hash that stands for all leaves."""
        return self._levels[-1]

    def proof(self, index: int) -> list[bytes]:
        """The hashes beside the way from a leaf up to the root; `IndexError` for a leaf that is not there."""
        if not 0 <= index < self._count:
            raise IndexError(f"leaf {index}: the tree has leaves 0 to {self._count - 1}")
        found = []
        for level in self._levels[:-1]:
            # Of a node without a neighbour nothing is found here, and nothing belongs into the proof.
            beside = level[(index ^ 1) * 32 : (index ^ 1) * 32 + 32]
            if beside:
                found.append(beside)
            index >>= 1
        return found

    def branch_proof(self, first: int, count: int) -> list[bytes]:
        """The hashes beside the way up from the branch of the leaves from `first` on: `count` of them,
        which is a power of two and divides `first`, or as many as there are.
        """
        inside = min(count, len(self) - first)
        return self.proof(first)[(inside - 1).bit_length() :]


def serial_tree(uris: Iterable[str]) -> Tree:
    """The tree over the serials of a lot, given as canonical links in the order of their index.

    Raises `IdError` for a link that is not canonical or names a class, `ValueError` if there is none.
    """
    return Tree(serial_leaves(unit_ids(uris)))


def serial_leaves(units: Iterable[bytes]) -> Iterator[bytes]:
    """The hashes of the leaves of a lot, given the twin ids of its units."""
    hash_, tag = keccak, bytes([SERIAL])
    return (hash_(tag + index.to_bytes(4, "big") + unit) for index, unit in enumerate(units))


def smelter_tree(smelters: Iterable[bytes]) -> Tree:
    """The tree over the smelters of a declaration, 32 bytes each; `ValueError` if there is none."""
    return Tree(leaf(SMELTER, index, smelter) for index, smelter in enumerate(smelters))


def leaf(kind: int, index: int, fields: bytes) -> bytes:
    """Hash of a leaf; `OverflowError` for an index beyond 32 bits."""
    return keccak(bytes([kind]) + index.to_bytes(4, "big") + fields)


def node(a: bytes, b: bytes) -> bytes:
    """Hash of two hashes, in either order."""
    return keccak(bytes([NODE]) + (a + b if a < b else b + a))


def root_of(leaf_hash: bytes, proof: Iterable[bytes]) -> bytes:
    """The root to which the proof leads. It proves something of a leaf only where the hash was made from its
    fields: any node of a tree has such a proof as well.
    """
    for sibling in proof:
        leaf_hash = node(leaf_hash, sibling)
    return leaf_hash


def is_in(root: bytes, leaf: Leaf, proof: Sequence[bytes]) -> bool:
    """Does the root commit to the leaf?"""
    return root_of(leaf.hash, proof) == root


def _require(**numbers: tuple[int, int]) -> None:
    for name, (value, most) in numbers.items():
        if not 0 <= value <= most:
            raise ValueError(f"{name} {value}: must be from 0 to {most}")


def _require_words(**words: bytes) -> None:
    for name, word in words.items():
        if len(word) != 32:
            raise ValueError(f"{name} 0x{word.hex()}: has {len(word)} bytes, must have 32")
