"""`goldthread exposure`: which breaches of containers a thing inherited, with proofs that others check."""

from __future__ import annotations

import sys
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
    to_block_option,
    twin_of,
)
from goldthread.commands.output import (
    FOUND,
    Failure,
    Group,
    moment,
    print_json,
    progress,
    read_json,
    write_json,
)

if TYPE_CHECKING:
    from goldthread.exposure import Answer


@click.group(cls=Group)
def exposure() -> None:
    """Was a thing in a container while its cold chain, or another condition, was broken?"""


@exposure.command()
@click.argument("item", metavar="ID")
@click.option("--breach", metavar="HEX", help="Only the breach with this number.")
@click.option(
    "--contents",
    nargs=2,
    type=(str, FILE),
    multiple=True,
    metavar="CONTAINER FILE",
    help="A packer's list of what is in a container: a CSV as for `goldthread proof export`. Repeatable.",
)
@click.option("--out", type=FILE, help="Write the proof of the one breach into this file.")
@deployment_option()
@rpc_option
@to_block_option
@json_option
def find(
    item: str,
    breach: str | None,
    contents: tuple[tuple[str, Path], ...],
    out: Path | None,
    deployment_file: Path,
    rpc: str,
    last: int | None,
    as_json: bool,
) -> None:
    """Print for each breach of each container that an item was ever in whether the item inherited it.

    ID is a part, unit or container as a link, another URI or an id. The histories are built from the logs,
    and the contract Exposures checks them and answers. Exit code 1 if the item inherited something. A "no"
    is proven too, unless the line says why not: of what is no twin nobody can show where else it was.

    \b
    Example:
      goldthread exposure find 01/09506000134352/21/42 --deployment deployments/31337.json
        --contents 00/395060000000000017 pallet.csv --breach 0x... --out proof.json
    """
    from goldthread.chain import contents as files
    from goldthread.exposure import Story, ask, breaches

    identifier = twin_of("ID", item)
    wanted = None if breach is None else bytes32_of("--breach", breach)
    if out is not None and wanted is None:
        raise Failure("--out: a file has the proof of one breach, name it with --breach")
    lists = {twin_of("--contents", container): list(files.read(path)) for container, path in contents}
    deployment = open_deployment(deployment_file, rpc)
    with progress(as_json) as display:
        reading = display.add_task("reading logs", total=None)
        story = Story.read(
            deployment,
            identifier,
            contents=lists,
            last=last,
            progress=lambda block, _: display.update(reading, description=f"reading logs, block {block}"),
        )
        found = [
            ask(deployment, story, finding)
            for finding in breaches(deployment, story.containers, story.block)
            if wanted in (None, finding.id)
        ]
    if identifier not in story.steps and not story.places:
        raise Failure(f"ID {item!r}: no twin has the id 0x{identifier.hex()}, and no --contents name it")
    if wanted is not None and not found:
        raise Failure(f"--breach 0x{wanted.hex()}: no container that the item was in has such a breach")
    if out is not None:
        write_json(out, found[0].document(deployment, story))
    if as_json:
        print_json([answer.told(identifier) | {"doubt": answer.doubt or None} for answer in found])
    else:
        for answer in found:
            click.echo(_line(answer))
        if not found:
            click.echo(f"no breach was found on the {len(story.containers)} containers that it was in")
    if any(answer.exposed for answer in found):
        sys.exit(FOUND)


@exposure.command()
@click.argument("file", type=FILE)
@deployment_option()
@rpc_option
@json_option
def verify(file: Path, deployment_file: Path, rpc: str, as_json: bool) -> None:
    """Ask the contract again what the proof in FILE asks, as of its block, and print the answer.

    Exit code 1 if the item inherited the breach. The file's call can be made with any other tool too: `call`
    has address and data. A block that is long past needs a node that still knows its state.

    \b
    Example:
      goldthread exposure verify proof.json --deployment deployments/31337.json
    """
    from goldthread.exposure import check

    answer = check(open_deployment(deployment_file, rpc), read_json(file))
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{answer['item']} {_told(answer)} (breach {answer['breachId']}, block {answer['block']})")
    if answer["inherited"]:
        sys.exit(FOUND)


def _line(answer: Answer) -> str:
    breach = answer.finding.breach
    when = f"{moment(breach.firstCrossing)} to {moment(breach.until)}"
    told = answer.told(b"")
    state = f"not proven: {answer.doubt}" if answer.doubt else _told(told)
    return f"breach 0x{answer.finding.id.hex()} of {told['container']}, {when}: {state}"


def _told(answer: dict[str, Any]) -> str:
    if not answer["inherited"]:
        return "did not inherit it"
    exposed = answer["exposed"]
    return f"inherited it from {moment(exposed['from'])} to {moment(exposed['until'])}"
