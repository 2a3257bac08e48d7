"""Trees of lots and containers, against a model that is written down once more, and the contract's hashes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.merkle import with_part
from goldthread.chain.merkle import (
    MAX_QUANTITY,
    ContentLeaf,
    Leaf,
    SerialLeaf,
    Tree,
    is_in,
    node,
    root_of,
    serial_leaves,
    serial_tree,
)
from goldthread.gs1 import IdError, twin_id

WORD = st.binary(min_size=32, max_size=32)


# The model: recursive, with another hash function than the package's.


def model_serial(index: int, unit: bytes) -> bytes:
    return keccak(b"\x02" + index.to_bytes(4, "big") + unit)


def model_content(index: int, fields: tuple[bytes, bytes, bytes, int]) -> bytes:
    child, child_root, lot, quantity = fields
    return keccak(
        b"\x03" + index.to_bytes(4, "big") + child + child_root + lot + quantity.to_bytes(12, "big")
    )


def model_root(hashes: Sequence[bytes]) -> bytes:
    """Of the largest power of two below the count on the left, and the rest on the right."""
    if len(hashes) == 1:
        return hashes[0]
    left = 1 << (len(hashes) - 1).bit_length() - 1
    return keccak(b"\x01" + b"".join(sorted([model_root(hashes[:left]), model_root(hashes[left:])])))


def model_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    left = 1 << (len(hashes) - 1).bit_length() - 1
    if index < left:
        return [*model_proof(hashes[:left], index), model_root(hashes[left:])]
    return [*model_proof(hashes[left:], index - left), model_root(hashes[:left])]


def unit(number: int) -> bytes:
    return keccak(number.to_bytes(4, "big"))


@pytest.mark.parametrize("size", range(1, 71))
def test_every_index_of_every_size_proves_and_no_other(size: int) -> None:
    units = [unit(i) for i in range(size)]
    hashes = [model_serial(i, u) for i, u in enumerate(units)]
    assert list(serial_leaves(units)) == hashes
    tree = Tree(iter(hashes))
    assert (tree.root, len(tree)) == (model_root(hashes), size)
    for index in range(size):
        path = tree.proof(index)
        assert path == model_proof(hashes, index)
        assert is_in(tree.root, SerialLeaf(index, units[index]), path)
        for other in {0, index - 1, index + 1, size - 1, size, index + (1 << len(path))} - {index, -1}:
            assert not is_in(tree.root, SerialLeaf(other, units[index]), path)
            assert other >= size or not is_in(tree.root, SerialLeaf(index, units[other]), path)
    for nowhere in (-1, size):
        with pytest.raises(IndexError, match=f"leaf {nowhere}: the tree has leaves 0 to {size - 1}"):
            tree.proof(nowhere)


@given(st.integers(1, 70), st.data())
def test_whatever_is_altered_does_not_prove(size: int, data: st.DataObject) -> None:
    units = [unit(i) for i in range(size)]
    tree = Tree(serial_leaves(units))
    index = data.draw(st.integers(0, size - 1))
    path = tree.proof(index)
    leaf = SerialLeaf(index, units[index])
    byte, bit = data.draw(st.integers(0, 31)), 1 << data.draw(st.integers(0, 7))

    def flipped(word: bytes) -> bytes:
        return word[:byte] + bytes([word[byte] ^ bit]) + word[byte + 1 :]

    assert is_in(tree.root, leaf, path)
    assert not is_in(tree.root, SerialLeaf(index, flipped(leaf.unit)), path)
    assert not is_in(tree.root, SerialLeaf(index ^ 1 << byte, leaf.unit), path)
    assert not is_in(flipped(tree.root), leaf, path)
    assert not is_in(tree.root, leaf, [*path, data.draw(WORD)])
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        assert not is_in(tree.root, leaf, [*path[:place], flipped(path[place]), *path[place + 1 :]])
        assert not is_in(tree.root, leaf, path[:place] + path[place + 1 :])
    if len(set(path)) > 1:
        assert not is_in(tree.root, leaf, path[::-1])


CONTENTS = st.tuples(WORD, WORD, WORD, st.integers(0, MAX_QUANTITY))


@given(st.lists(CONTENTS, min_size=1, max_size=40))
def test_contents_are_hashed_as_the_model_does(contents: list[tuple[bytes, bytes, bytes, int]]) -> None:
    leaves = [ContentLeaf(i, *fields) for i, fields in enumerate(contents)]
    hashes = [model_content(i, fields) for i, fields in enumerate(contents)]
    tree = Tree(leaf.hash for leaf in leaves)
    assert tree.root == model_root(hashes)
    for leaf, fields in zip(leaves, contents, strict=True):
        path = tree.proof(leaf.index)
        assert is_in(tree.root, leaf, path)
        child, child_root, lot, quantity = fields
        for changed in (
            ContentLeaf(leaf.index, child, child_root, lot, quantity ^ 1),
            ContentLeaf(leaf.index, bytes(31) + b"?", child_root, lot, quantity),
            ContentLeaf(leaf.index, child, child_root, bytes(31) + b"?", quantity),
            ContentLeaf(leaf.index, child, bytes(31) + b"?", lot, quantity),
            ContentLeaf(len(leaves), child, child_root, lot, quantity),
        ):
            assert changed == leaf or not is_in(tree.root, changed, path)


@given(st.integers(2, 40), st.data())
def test_a_node_never_passes_for_a_leaf(size: int, data: st.DataObject) -> None:
    """With the shorter proof a node leads to the root; no leaf hashes to it, of whatever fields of a node."""
    tree = Tree(serial_leaves(unit(i) for i in range(size)))
    index = data.draw(st.integers(0, size - 1))
    path = tree.proof(index)
    inner, rest = node(SerialLeaf(index, unit(index)).hash, path[0]), path[1:]
    assert root_of(inner, rest) == tree.root
    hashed = b"\x01" + b"".join(sorted([SerialLeaf(index, unit(index)).hash, path[0]]))
    for start in range(len(hashed) - 31):
        word = hashed[start : start + 32]
        number = int.from_bytes(hashed[1:5], "big")
        forged: list[Leaf] = [SerialLeaf(0, word), SerialLeaf(index, word), SerialLeaf(number, word)]
        forged += [ContentLeaf(index, word, other, word, 1) for other in (bytes(32), inner)]
        for leaf in (*forged, SerialLeaf(index, inner)):
            assert not is_in(tree.root, leaf, rest)


def test_kinds_of_leaves_differ() -> None:
    assert SerialLeaf(0, bytes(32)).hash == keccak(b"\x02" + bytes(36))
    assert ContentLeaf(0, bytes(32), bytes(32), bytes(32), 0).hash == keccak(b"\x03" + bytes(112))
    assert ContentLeaf(1, bytes(32), bytes(32), bytes(32), 1).hash == keccak(
        b"\x03\0\0\0\x01" + bytes(107) + b"\x01"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SerialLeaf(-1, bytes(32)), "index -1: must be from 0 to 4294967295"),
        (lambda: SerialLeaf(1 << 32, bytes(32)), "index 4294967296: must be"),
        (lambda: SerialLeaf(0, bytes(31)), "unit 0x00.*: has 31 bytes, must have 32"),
        (lambda: ContentLeaf(0, bytes(32), b"", bytes(32), 0), "childRoot 0x: has 0 bytes"),
        (lambda: ContentLeaf(0, b"", bytes(32), bytes(32), 0), "child 0x: has 0 bytes"),
        (lambda: ContentLeaf(0, bytes(32), bytes(32), bytes(33), 0), "lot 0x00.*: has 33 bytes"),
        (lambda: ContentLeaf(0, *[bytes(32)] * 3, 1 << 96), "quantity 79228162514264337593543950336: must"),
        (lambda: Tree([]), "a tree has at least one leaf"),
        (lambda: serial_tree([]), "a tree has at least one leaf"),
    ],
)
def test_what_does_not_fit_is_named(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_a_lot_is_built_from_its_links() -> None:
    links = [f"https://id.gs1.org/01/09506000134352/21/{i}" for i in range(13)]
    tree = serial_tree(iter(links))
    assert tree.root == model_root([model_serial(i, keccak(text=link)) for i, link in enumerate(links)])
    assert is_in(tree.root, SerialLeaf(7, twin_id(links[7])), tree.proof(7))
    with pytest.raises(IdError, match="is not in its canonical form"):
        serial_tree([*links, "https://id.gs1.org/01/9506000134352/21/x"])


def test_a_part_of_the_benchmarks_page_is_replaced() -> None:
    page = with_part("# Benchmarks\n", "## A\n\none")
    assert page == "# Benchmarks\n\n## A\n\none\n"
    page = with_part(page, "## B\n\ntwo")
    assert with_part(page, "## A\n\nthree") == "# Benchmarks\n\n## A\n\nthree\n\n## B\n\ntwo\n"
    assert with_part(page, "## B\n\nthree") == "# Benchmarks\n\n## A\n\none\n\n## B\n\nthree\n"
