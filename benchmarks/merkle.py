"""Measure the tree of a lot of 1,000,000 serials and write its part of docs/benchmarks.md.

    python -m benchmarks.merkle [SERIALS]

Fails where a bar is missed, and writes nothing then.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from textwrap import fill
from time import process_time
from typing import Any

from goldthread.build import ROOT
from goldthread.chain.merkle import SerialLeaf, Tree, is_in, serial_leaves, serial_tree
from goldthread.gs1.serials import unit_id, unit_ids
from goldthread.hashing import keccak

COUNT = 1_000_000
DOCUMENT = ROOT / "docs" / "benchmarks.md"
TITLE = "## Merkle trees"
HASHING_BAR = 3.0
"""CPU seconds for the hashes of a million serials."""
MEMORY_BAR = 600
"""MB for the whole process, with a million serials."""


def link(index: int) -> str:
    """The canonical link of a serial; all are of one GTIN."""
    return f"https://id.gs1.org/01/09506000134352/21/{index:012d}"


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds and result."""
    start = process_time()
    result = work()
    return process_time() - start, result


def measure(count: int) -> str:
    """The part of the page; `SystemExit` where a bar is missed."""
    build, tree = timed(lambda: serial_tree(map(link, range(count))))
    places = range(0, count, max(count // 1000, 1))
    proving, proofs = timed(lambda: [tree.proof(place) for place in places])
    leaves = [SerialLeaf(place, unit_id(link(place))) for place in places]
    verifying, good = timed(
        lambda: [is_in(tree.root, leaf, path) for leaf, path in zip(leaves, proofs, strict=True)]
    )
    # Before the measurements below, which keep more than a build does.
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    making, links = timed(lambda: list(map(link, range(count))))
    checking, units = timed(lambda: list(unit_ids(links)))
    hashing_units, again = timed(lambda: [keccak(text.encode()) for text in links])
    hashing_tree, other = timed(lambda: Tree(serial_leaves(units)))
    if not all(good) or again != units or other.root != tree.root:
        raise SystemExit("the same serials gave different hashes")
    hashing = hashing_units + hashing_tree
    if count == COUNT and (hashing > HASHING_BAR or memory > MEMORY_BAR):
        raise SystemExit(f"bars missed: {hashing:.2f} s of hashing, {memory} MB")
    single, _ = timed(lambda: [keccak(unit) for unit in units])

    def row(what: str, seconds: float, bar: str = "") -> str:
        return f"| {what} | {seconds:.2f} s | {seconds / single:.1f} | {bar} |"

    intro = (
        f"A lot of {count:,} serials of one GTIN, one thread, CPU time. `make bench-merkle` measures again"
        " and rewrites this part. Machines differ: the third column is the same time in units of as many"
        " single hashes of 32 bytes as there are serials, made by the same process."
    )
    outro = (
        f"Peak memory of the process: {memory} MB (bar {MEMORY_BAR} MB). A proof of {len(proofs[0])} hashes"
        f" is made in {proving / len(places) * 1e6:.0f} µs and verified in"
        f" {verifying / len(places) * 1e6:.0f} µs."
    )
    return "\n".join(
        [
            TITLE,
            "",
            fill(intro, 120),
            "",
            "| what | CPU time | in single hashes | bar |",
            "|---|---:|---:|---|",
            row("hashing: ids, leaves and nodes, three hashes a serial", hashing, f"{HASHING_BAR:g} s"),
            row("checking that each link is canonical, with its id", checking),
            row("all of it, from an iterator of links to the root", build - making),
            "",
            fill(outro, 120),
        ]
    )


def with_part(page: str, part: str) -> str:
    """The page with this part in the place of the one with the same title, or at its end."""
    title = part.split("\n", 1)[0] + "\n"
    before, found, rest = page.partition(title)
    _, heading, behind = rest.partition("\n## ")
    after = f"\n## {behind}" if heading else ""
    return f"{before.rstrip()}\n\n{part}\n{after}" if found else f"{page.rstrip()}\n\n{part}\n"


def main() -> None:
    """Measure and write."""
    part = measure(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
    page = DOCUMENT.read_text() if DOCUMENT.is_file() else "# Benchmarks\n"
    DOCUMENT.write_text(with_part(page, part))


if __name__ == "__main__":
    main()
