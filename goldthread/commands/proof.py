"""`goldthread proof`: that a serial is in a lot or something in a container, checked without a chain."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import (
    FILE,
    bytes32_of,
    deployment_option,
    json_option,
    open_deployment,
    rpc_option,
    twin_of,
)
from goldthread.commands.output import FOUND, Failure, Group, print_json, read_json, write_json

if TYPE_CHECKING:
    from goldthread.chain.proofs import Proof


@click.group(cls=Group)
def proof() -> None:
    """Prove that a serial is in a lot, or something in a container, to somebody without a node."""


@proof.command()
@click.argument("file", metavar="SERIALS_FILE", type=FILE)
@click.argument("index", type=click.IntRange(0))
@click.option("--lot", metavar="ID", help="The lot: link, URI or 0x id. The file has its serials.")
@click.option("--container", metavar="ID", help="The container. The file is a CSV of its contents.")
@deployment_option()
@rpc_option
@click.option("--out", type=FILE, help="File to write (default: standard output).")
def export(
    file: Path,
    index: int,
    lot: str | None,
    container: str | None,
    deployment_file: Path,
    rpc: str,
    out: Path | None,
) -> None:
    """Build the tree of a file, compare its root with the chain, and write the proof of one entry.

    SERIALS_FILE has the canonical link of one serial a line, in the order of the lot's tree, or is a .csv
    with a column uri; INDEX counts from 0. For --container it is a .csv with the columns child, childRoot,
    lot and quantity (in millionths). A wrong line is named with file, line and reason, and nothing is
    written.

    \b
    Example:
      goldthread proof export serials.txt 17 --lot 01/09506000134352/10/L7
        --deployment deployments/31337.json --out proof-17.json
    """
    if (lot is None) == (container is None):
        raise Failure("--lot or --container: give one of them")
    made = _of_lot(file, index, lot) if lot is not None else _of_container(file, index, str(container))
    anchored = made.anchored(open_deployment(deployment_file, rpc))
    write_json(out, anchored.to_json())


@proof.command()
@click.argument("file", type=FILE)
@click.option("--root", metavar="HEX", help="The root that the contract has, from a source that you trust.")
@deployment_option(required=False)
@rpc_option
@json_option
def verify(file: Path, root: str | None, deployment_file: Path | None, rpc: str, as_json: bool) -> None:
    """Check the proof in FILE against a root, without a network.

    Without --root the chain of --deployment is asked for it. Exit code 1 if anything is wrong.

    \b
    Example:
      goldthread proof verify proof-17.json --root 0x...
    """
    from goldthread.chain.proofs import Proof, ProofError, root_on_chain

    if root is None and deployment_file is None:
        raise Failure("--root or --deployment: give one of them")
    try:
        found = Proof.from_json(read_json(file))
    except ProofError as error:
        raise Failure(f"{file}: {error}") from None
    if root is None and deployment_file is not None:
        _, trusted = root_on_chain(open_deployment(deployment_file, rpc), found.kind, found.of)
    else:
        trusted = bytes32_of("--root", str(root))
    wrong = found.failures(trusted)
    inside = "lot" if found.kind == "serial" else "container"
    item = found.uri or f"0x{found.item.hex()}"
    if as_json:
        problems = [{"check": name, "reason": reason} for name, reason in wrong]
        told: dict[str, Any] = {"ok": not wrong, "kind": found.kind, "index": found.leaf.index, "item": item}
        print_json(
            {**told, inside: f"0x{found.of.hex()}", "root": f"0x{trusted.hex()}", "problems": problems}
        )
    else:
        for name, reason in wrong:
            click.echo(f"{name}: WRONG: {reason}")
        if not wrong:
            click.echo(f"ok: {item} is number {found.leaf.index} under the root 0x{trusted.hex()}")
        if found.anchor is not None and root is not None:
            at = found.anchor
            where = f"{at.contract}, chain {at.chain_id}, block {at.block} (0x{at.block_hash.hex()})"
            click.echo(
                f"according to the file the root of {inside} 0x{found.of.hex()} is from {where}", err=True
            )
    if wrong:
        sys.exit(FOUND)


def _of_lot(file: Path, index: int, lot: str) -> Proof:
    from goldthread.chain.merkle import SerialLeaf, Tree, serial_leaves
    from goldthread.chain.proofs import Proof
    from goldthread.gs1 import serials

    wanted: list[tuple[str, bytes]] = []

    def units() -> Iterator[bytes]:
        for place, (uri, unit) in enumerate(serials.read(file)):
            if place == index:
                wanted.append((uri, unit))
            yield unit

    of = twin_of("--lot", lot)
    tree = Tree(serial_leaves(units()))
    if not wanted:
        raise Failure(f"{file}: has {len(tree)} serials, 0 to {len(tree) - 1}, there is no {index}")
    ((uri, unit),) = wanted
    return Proof.of_tree(tree, SerialLeaf(index, unit), of, uri)


def _of_container(file: Path, index: int, container: str) -> Proof:
    from goldthread.chain import contents
    from goldthread.chain.merkle import Tree
    from goldthread.chain.proofs import Proof

    of = twin_of("--container", container)
    leaves = list(contents.read(file))
    if index >= len(leaves):
        raise Failure(f"{file}: has {len(leaves)} contents, 0 to {len(leaves) - 1}, there is no {index}")
    return Proof.of_tree(Tree(leaf.hash for leaf in leaves), leaves[index], of)
