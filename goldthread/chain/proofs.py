"""Proofs that a serial is in a lot or something in a container, in files that are checked without a network.

proof = Proof.of_tree(tree, SerialLeaf(17, unit), lot, uri)
proof.anchored(deployment).to_json()                 # with the block in which the chain had this root
Proof.from_json(data).failures(root)                 # what is wrong; empty if it holds
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from goldthread.chain.contracts import Deployment
from goldthread.chain.errors import NodeError
from goldthread.chain.merkle import ContentLeaf, SerialLeaf, Tree, is_in
from goldthread.gs1 import IdError, twin_id

SCHEMA = 1
"""Version of the format of proof files."""

CONTRACT = "Lots"
"""The module that knows the roots."""

_OF = {"serial": "lot", "content": "container"}
"""What the kinds of leaves are in."""

_HEX32 = re.compile(r"0x[0-9a-f]{64}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,28}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class ProofError(ValueError):
    """A proof that cannot be used; the message names the field and the rule."""


@dataclass(frozen=True)
class Anchor:
    """Where the root was read: the contract on the chain, and the block. `block_hash` is 32 bytes."""

    chain_id: int
    contract: str
    block: int
    block_hash: bytes


@dataclass(frozen=True)
class Proof:
    """That the root of a lot (`of` is its id) commits to a serial, or that of a container to a content.

    `uri` is the link of the serial, or of the child, if it is known; `anchor` is None before it is looked up.
    """

    leaf: SerialLeaf | ContentLeaf
    path: tuple[bytes, ...]
    root: bytes
    of: bytes
    uri: str = ""
    anchor: Anchor | None = None

    @classmethod
    def of_tree(cls, tree: Tree, leaf: SerialLeaf | ContentLeaf, of: bytes, uri: str = "") -> Proof:
        """The proof of a leaf of the tree; `IndexError` for a leaf that is not there."""
        return cls(leaf, tuple(tree.proof(leaf.index)), tree.root, of, uri)

    @property
    def kind(self) -> str:
        """`serial` or `content`."""
        return "serial" if isinstance(self.leaf, SerialLeaf) else "content"

    @property
    def item(self) -> bytes:
        """The id of the serial or the child."""
        return self.leaf.unit if isinstance(self.leaf, SerialLeaf) else self.leaf.child

    def anchored(self, deployment: Deployment) -> Proof:
        """With the contract and the newest block, after its root there was compared.

        Raises `ProofError` if the chain has another root, `NodeError` if the node cannot say.
        """
        anchor, root = root_on_chain(deployment, self.kind, self.of)
        if root != self.root:
            there = f"0x{root.hex()}" if any(root) else "no root"
            rule = f"is not that of 0x{self.of.hex()} on chain {anchor.chain_id}, which is {there}"
            raise ProofError(f"root 0x{self.root.hex()}: {rule}")
        return replace(self, anchor=anchor)

    def failures(self, root: bytes) -> list[tuple[str, str]]:
        """What is wrong, as pairs of a check's name and a reason; empty if the root commits to the leaf."""
        found = []
        if self.root != root:
            told = f"the file has 0x{self.root.hex()}, it was asked for 0x{root.hex()}"
            found.append(("root", told))
        try:
            if self.uri and twin_id(self.uri) != self.item:
                found.append(("id", f"0x{self.item.hex()} is not the id of {self.uri}"))
        except IdError as error:
            found.append(("id", str(error)))
        if not is_in(root, self.leaf, self.path):
            found.append(("proof", "it does not lead from the leaf to the root"))
        return found

    def to_json(self) -> dict[str, Any]:
        """The form in a file: hashes and ids are 0x and 64 hex digits, the quantity a decimal string."""
        leaf = self.leaf
        fields: dict[str, Any] = {"index": leaf.index}
        if isinstance(leaf, SerialLeaf):
            fields |= {"unit": _hex(leaf.unit)}
        else:
            fields |= {"child": _hex(leaf.child), "childRoot": _hex(leaf.child_root), "lot": _hex(leaf.lot)}
            fields |= {"quantity": str(leaf.quantity)}
        if self.uri:
            fields["uri"] = self.uri
        told: dict[str, Any] = {
            "schema": SCHEMA,
            "kind": self.kind,
            "leaf": fields,
            "proof": [_hex(sibling) for sibling in self.path],
            "root": _hex(self.root),
            _OF[self.kind]: _hex(self.of),
        }
        if self.anchor is not None:
            told["chainId"] = self.anchor.chain_id
            told["contract"] = self.anchor.contract
            told["block"] = {"number": self.anchor.block, "hash": _hex(self.anchor.block_hash)}
        return told

    @classmethod
    def from_json(cls, data: Any) -> Proof:
        """Read the form in a file back; `ProofError` for a field that is missing or wrong."""
        top = _Fields(data, "")
        if (schema := top.get("schema", int)) != SCHEMA:
            raise ProofError(f"schema {schema}: this release reads {SCHEMA}")
        kind = top.get("kind", str)
        if kind not in _OF:
            raise ProofError(f"kind {kind!r}: must be serial or content")
        fields = _Fields(top.get("leaf", dict), "leaf.")
        index = fields.get("index", int)
        leaf: SerialLeaf | ContentLeaf
        try:
            if kind == "serial":
                leaf = SerialLeaf(index, fields.word("unit"))
            else:
                words = (fields.word("child"), fields.word("childRoot"), fields.word("lot"))
                leaf = ContentLeaf(index, *words, fields.number("quantity"))
        except ProofError:
            raise
        except ValueError as error:
            raise ProofError(f"leaf.{error}") from None
        path = top.get("proof", list)
        siblings = _Fields(dict(enumerate(path)), "proof.")
        anchor = None
        if "chainId" in data:
            block = _Fields(top.get("block", dict), "block.")
            contract = top.text("contract", _ADDRESS, "an address, 0x and 40 hex digits")
            anchor = Anchor(top.get("chainId", int), contract, block.get("number", int), block.word("hash"))
        return cls(
            leaf,
            tuple(siblings.word(place) for place in range(len(path))),
            top.word("root"),
            top.word(_OF[kind]),
            fields.get("uri", str) if "uri" in data["leaf"] else "",
            anchor,
        )


def root_on_chain(deployment: Deployment, kind: str, of: bytes) -> tuple[Anchor, bytes]:
    """The root of a lot or container as of the newest block, with that block; zero if it has none."""
    chain, contract = deployment.chain, deployment.contract(CONTRACT)
    number = chain.block_number()
    block = chain.rpc("eth_getBlockByNumber", hex(number), False)
    if not block:
        raise NodeError(f"the node does not give the block {number} that it has just named")
    root: bytes
    if kind == "serial":
        root = contract.serialsRootOf.at(number)(of)
    else:
        root = contract.contentsOf.at(number)(of).root
    anchor = Anchor(chain.id, contract.address, number, bytes.fromhex(block["hash"].removeprefix("0x")))
    return anchor, root


class _Fields:
    """Reads the members of a JSON object and says which one is wrong."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, dict):
            raise ProofError(f"{where.removesuffix('.') or 'proof'}: must be a JSON object")
        self._data: Mapping[Any, Any] = data
        self._where = where

    def get(self, name: Any, kind: type) -> Any:
        if name not in self._data:
            raise ProofError(f"{self._where}{name}: is missing")
        value = self._data[name]
        if type(value) is not kind:
            raise ProofError(f"{self._where}{name} {value!r}: must be {_NAMES[kind]}")
        return value

    def text(self, name: Any, pattern: re.Pattern[str], rule: str) -> str:
        value: str = self.get(name, str)
        if not pattern.fullmatch(value):
            raise ProofError(f"{self._where}{name} {value!r}: must be {rule}")
        return value

    def word(self, name: Any) -> bytes:
        return bytes.fromhex(self.text(name, _HEX32, "0x and 64 lower-case hex digits")[2:])

    def number(self, name: Any) -> int:
        return int(self.text(name, _NUMBER, "a decimal number in quotes"))


_NAMES = {int: "a whole number", str: "a text", dict: "an object", list: "a list"}


def _hex(word: bytes) -> str:
    return f"0x{word.hex()}"
