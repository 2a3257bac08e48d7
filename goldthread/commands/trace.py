"""`goldthread trace`: what a thing was made of, and what was made of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import (
    deployment_option,
    from_block_option,
    json_option,
    open_deployment,
    rpc_option,
    to_block_option,
    twin_of,
)
from goldthread.commands.output import FOUND, Failure, clean, moment, print_json, progress

if TYPE_CHECKING:
    from goldthread.audit.base import Difference
    from goldthread.audit.trace import Link, Reach, Thing, Where

_WORDS = {
    ("input", True): "used in",
    ("input", False): "made with",
    ("output", True): "gave",
    ("output", False): "came out of",
    ("unit", True): "has the unit",
    ("unit", False): "is a unit of",
    ("installed", True): "installed in",
    ("installed", False): "has installed",
    ("packed", True): "packed in",
    ("packed", False): "contains",
}
"""How a link reads on the way down and on the way up."""


@click.command()
@click.argument("item", metavar="ID")
@click.option("--up", "way", flag_value="up", help="Everything that it was made of.")
@click.option("--down", "way", flag_value="down", help="Everything that was made of it.")
@deployment_option()
@rpc_option
@from_block_option
@to_block_option
@json_option
def trace(
    item: str,
    way: str | None,
    deployment_file: Path,
    rpc: str,
    first: int | None,
    last: int | None,
    as_json: bool,
) -> None:
    """Print everything that an item was made of (--up) or that was made of it (--down), as a tree.

    ID is a lot, part, unit or container as a link, another URI or an id, or the id of a process. What appears
    twice is told once and referred to by its number. The uses of each lot and the inputs and outputs of each
    process are checked against the chain: exit code 1 if one is missing, was changed or added.

    \b
    Example:
      goldthread trace 01/09506000134352/10/L7 --down --deployment deployments/31337.json
    """
    from goldthread.audit.history import organisation_names
    from goldthread.audit.trace import Trace, check

    if way is None:
        raise Failure("--up or --down: say which way to go")
    identifier = twin_of("ID", item)
    deployment = open_deployment(deployment_file, rpc)
    found = Trace()
    with progress(as_json) as display:
        reading = display.add_task("reading logs", total=None)
        found.read(
            deployment,
            first=first,
            last=last,
            progress=lambda block, _: display.update(reading, description=f"reading logs, block {block}"),
        )
        names = organisation_names(deployment, found.block)
        if identifier not in found.things:
            told = deployment.read_many(
                [
                    deployment.lots.lotOf.prepare(identifier),
                    deployment.twins.twin.prepare(identifier),
                    deployment.lineage.processOf.prepare(identifier),
                ],
                found.block,
            )
            if not (told[0].maker or told[1].maker or told[2].org):
                raise Failure(f"ID {item!r}: no lot, process or twin has the id 0x{identifier.hex()}")
        reach = found.reach(identifier, down=way == "down")
        wrong = check(deployment, found, reach.things)
    if as_json:
        print_json(_document(reach, names, wrong, found.block))
    else:
        _print_tree(reach, names, wrong)
        click.echo(verdict(reach.things, wrong, found.block))
    if wrong:
        sys.exit(FOUND)


def verdict(things: list[Thing], wrong: dict[bytes, list[Difference]], block: int) -> str:
    """One line if all is complete; otherwise a line for each thing that the logs do not tell in full."""
    lots, processes = (sum(1 for thing in things if thing.kind == kind) for kind in ("lot", "process"))
    counted = f"up to block {block}: {len(things)} things (lots: {lots}, processes: {processes})"
    if not wrong:
        return f"complete {counted}"
    lines = [f"NOT COMPLETE {counted}"]
    lines += [f"  {difference}" for found in wrong.values() for difference in found]
    return "\n".join(map(clean, lines))


def amount(quantity: int | None, unit: str) -> str:
    """A quantity in its unit of measure, without zeros at the end."""
    if quantity is None:
        return ""
    number = f"{Decimal(quantity).scaleb(-6):f}"
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}".rstrip()


def thing_json(thing: Thing, names: dict[int, str]) -> dict[str, Any]:
    """A node, for programs."""
    return {
        "id": f"0x{thing.id.hex()}",
        "kind": thing.kind or "unknown",
        "name": thing.name or None,
        "org": thing.org or None,
        "organisation": names.get(thing.org),
        "quantity": None if thing.quantity is None else str(thing.quantity),
        "unit": thing.unit or None,
        **_where(thing.at),
    }


def _document(
    reach: Reach, names: dict[int, str], wrong: dict[bytes, list[Difference]], block: int
) -> dict[str, Any]:
    return {
        "start": f"0x{reach.start.hex()}",
        "direction": "down" if reach.down else "up",
        "block": block,
        "complete": not wrong,
        "differences": [
            {"thing": f"0x{identifier.hex()}", **difference.to_json()}
            for identifier, found in wrong.items()
            for difference in found
        ],
        "nodes": [thing_json(thing, names) | {"complete": thing.id not in wrong} for thing in reach.things],
        "edges": [_edge(link, names) for link in reach.links],
    }


def _edge(link: Link, names: dict[int, str]) -> dict[str, Any]:
    return {
        "from": f"0x{link.source.hex()}",
        "to": f"0x{link.target.hex()}",
        "relation": link.relation,
        "quantity": None if link.quantity is None else str(link.quantity),
        "org": link.org or None,
        "organisation": names.get(link.org),
        **_where(link.at),
        "since": None if link.since is None else moment(link.since),
        "until": None
        if link.until is None
        else {**_where(link.until), "time": None if link.ended is None else moment(link.ended)},
    }


def _where(at: Where | None) -> dict[str, Any]:
    return {"block": at and at.block, "transaction": at and at.tx_hash}


def _print_tree(reach: Reach, names: dict[int, str], wrong: dict[bytes, list[Difference]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.tree import Tree

    things = {thing.id: thing for thing in reach.things}
    after = reach.after()
    mentions = [link.target if reach.down else link.source for link in reach.links]
    shared = {other for other in mentions if mentions.count(other) > 1 or other == reach.start}
    numbers: dict[bytes, int] = {}

    def label(identifier: bytes, link: Link | None) -> tuple[str, bool]:
        """The line of a thing, and whether it was told before."""
        thing = things[identifier]
        again = identifier in numbers
        if identifier in shared and not again:
            numbers[identifier] = len(numbers) + 1
        number = f" [{numbers[identifier]}]" if identifier in shared else ""
        words = _told(thing, link, reach.down, names, things)
        state = "" if identifier not in wrong else ", NOT COMPLETE"
        return escape(clean(f"{words}{', see' if again else ''}{number}{'' if again else state}")), again

    root = Tree(label(reach.start, None)[0])
    # Not recursive: a chain can be longer than Python's stack is deep.
    stack: list[tuple[Tree, Iterator[Link]]] = [(root, iter(after.get(reach.start, [])))]
    while stack:
        branch, links = stack[-1]
        link = next(links, None)
        if link is None:
            stack.pop()
            continue
        other = link.target if reach.down else link.source
        text, again = label(other, link)
        below = branch.add(text)
        if not again and other in after:
            stack.append((below, iter(after[other])))
    width = None if sys.stdout.isatty() else 400
    Console(file=click.get_text_stream("stdout"), width=width, highlight=False, soft_wrap=True).print(root)


def _told(
    thing: Thing, link: Link | None, down: bool, names: dict[int, str], things: dict[bytes, Thing]
) -> str:
    """`used in process 0x…, 5 KGM, by maker, block 7`."""
    words = [] if link is None else [_WORDS[link.relation, down]]
    words.append(str(thing))
    told = [" ".join(words)]
    if thing.quantity is not None:
        told.append(amount(thing.quantity, thing.unit))
    if link is not None and link.quantity is not None and link.relation != "output":
        source = things.get(link.source)
        told.append(f"{amount(link.quantity, source.unit if source else '')} of it")
    if thing.org:
        told.append(f"of {names.get(thing.org, f'#{thing.org}')}")
    at = link.at if link is not None else thing.at
    if at is not None:
        told.append(f"block {at.block}")
    if link is not None and link.until is not None:
        told.append(f"until block {link.until.block}")
    return ", ".join(told)
