"""`goldthread history` and `goldthread audit`: what a chain tells, checked against its own logs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

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
from goldthread.commands.output import (
    FOUND,
    Failure,
    Group,
    moment,
    print_fields,
    print_json,
    print_table,
    progress,
)

_ORGANISATIONS = ("org", "to", "from", "holder", "delegate")
"""Arguments of events that are numbers of organisations."""

_HIDDEN = ("id", "ref", "caller", "org")
"""Arguments that have a column of their own, or are the twin itself."""


@click.command()
@click.argument("twin", metavar="TWIN")
@deployment_option()
@rpc_option
@from_block_option
@to_block_option
@json_option
def history(
    twin: str, deployment_file: Path, rpc: str, first: int | None, last: int | None, as_json: bool
) -> None:
    """Print every event of a twin, and whether the history is complete.

    TWIN is a link, another URI, or an id. The running hash of the history is recomputed from the events and
    compared with the chain's: exit code 1 if a step is missing, was changed or added.

    \b
    Example:
      goldthread history 01/09506000134352/21/ABC --deployment deployments/31337.json
    """
    from goldthread.audit import history as reader

    identifier = twin_of("TWIN", twin)
    deployment = open_deployment(deployment_file, rpc)
    with progress(as_json) as display:
        reading = display.add_task("reading logs", total=None)
        found = reader.read(
            deployment,
            identifier,
            first=first,
            last=last,
            progress=lambda block, _: display.update(reading, description=f"reading logs, block {block}"),
        )
    if not found.steps and found.chain_head == bytes(32):
        raise Failure(f"TWIN {twin!r}: no twin with the id 0x{identifier.hex()} is registered on this chain")
    names = reader.organisation_names(deployment, found.block)
    steps = [_step(reader, step, names) for step in found.steps]
    verdict = "complete" if found.is_complete else "NOT COMPLETE"
    others = len(steps) - found.own
    inherited = f", and {others} of containers that it was in" if others else ""
    if as_json:
        print_json(
            {
                "twin": f"0x{identifier.hex()}",
                "block": found.block,
                "complete": found.is_complete,
                "head": f"0x{found.head.hex()}",
                "chainHead": f"0x{found.chain_head.hex()}",
                "containers": {
                    f"0x{of.hex()}": {"head": f"0x{a.hex()}", "chainHead": f"0x{b.hex()}"}
                    for of, (a, b) in found.heads.items()
                    if of != identifier
                },
                "problem": found.problem or None,
                "steps": steps,
            }
        )
    else:
        columns = ("time", "event", "organisation", "what", "account", "block")
        uris = {f"0x{of.hex()}": uri for of, uri in found.uris.items()}
        told = [_for_people(step, f"0x{identifier.hex()}", uris) for step in steps]
        print_table(columns, [[step[name] for name in columns] for step in told])
        click.echo()
        print_fields(
            [
                ("twin", f"0x{identifier.hex()}"),
                ("head from logs", f"0x{found.head.hex()}"),
                ("head on chain", f"0x{found.chain_head.hex()}"),
                ("history", f"{verdict}: {found.own} steps up to block {found.block}{inherited}"),
                *([("problem", found.problem)] if found.problem else []),
            ]
        )
    if not found.is_complete:
        sys.exit(FOUND)


@click.group(cls=Group)
def audit() -> None:
    """Check the contracts against their own logs."""


@audit.command()
@deployment_option()
@rpc_option
@from_block_option
@to_block_option
@click.option(
    "--span", type=click.IntRange(1), default=10_000, show_default=True, help="Blocks asked at once."
)
@json_option
def rebuild(
    deployment_file: Path, rpc: str, first: int | None, last: int | None, span: int, as_json: bool
) -> None:
    """Rebuild the state of every contract from its logs alone and compare it with storage, field by field.

    Exit code 1 and a line for each difference if there is any. With --to-block the node must still know the
    state of that block.

    \b
    Example:
      goldthread audit rebuild --deployment deployments/31337.json --rpc http://127.0.0.1:8545
    """
    from goldthread.audit import rebuild as auditor

    deployment = open_deployment(deployment_file, rpc)
    newest = deployment.chain.block_number() if last is None else last
    start = deployment.manifest.start_block if first is None else first
    with progress(as_json) as display:
        reading = display.add_task("reading logs", total=max(newest - start + 1, 1))
        system = auditor.rebuild(
            deployment,
            first=start,
            last=newest,
            span=span,
            progress=lambda block, _: display.update(reading, completed=block - start + 1),
        )
        total = auditor.count_views(deployment, system)
        comparing = display.add_task("comparing", total=total)
        found = auditor.compare(deployment, system, lambda count: display.advance(comparing, count))
    told = [difference.to_json() for difference in found]
    if as_json:
        print_json(
            {
                "block": system.block,
                "blockHash": system.block_hash,
                "contracts": auditor.contracts(deployment),
                "logs": system.logs,
                "views": total,
                "differences": told,
            }
        )
    else:
        columns = {"contract": "contract", "object": "object", "field": "field"}
        columns |= {"fromLogs": "from logs", "fromChain": "from chain"}
        if told:
            print_table(list(columns.values()), [[row[name] for name in columns] for row in told])
        verdict = f"{len(found)} differences" if found else "no difference"
        click.echo(f"{system.logs} logs up to block {system.block}, {total} views compared: {verdict}")
    if found:
        sys.exit(FOUND)


def _step(reader: Any, step: Any, names: dict[int, str]) -> dict[str, Any]:
    from goldthread.audit.base import plain

    event = step.event
    happened = reader.event_time(step.ref.stamp)
    return {
        "event": event.name,
        "of": f"0x{step.of.hex()}",
        "organisation": names.get(event["org"], f"#{event['org']}"),
        "org": event["org"],
        "account": event["caller"],
        "args": {
            name: {"number": value, "name": names.get(value, "")}
            if name in _ORGANISATIONS and value
            else plain(value)
            for name, value in event.args.items()
            if name not in _HIDDEN and value != step.of
        },
        "ref": plain(step.ref),
        "eventTime": moment(*happened) if happened else None,
        "blockTime": moment(step.time),
        "block": event.block,
        "transaction": event.tx_hash,
        "logIndex": event.index,
        "head": f"0x{step.head.hex()}",
    }


def _for_people(step: dict[str, Any], twin: str, uris: dict[str, str]) -> dict[str, Any]:
    from goldthread.chain.words import EndOfLife, Exceptions, Kind, Purpose

    enums = {"kind": Kind, "end": EndOfLife, "purpose": Purpose, "exceptions": Exceptions}
    told = [] if step["of"] == twin else [f"inside {uris.get(step['of'], step['of'])}"]
    for name, value in step["args"].items():
        if isinstance(value, dict) and "number" in value:
            told.append(f"{name} {value['name'] or '#' + str(value['number'])}")
        elif name in enums and (value or name == "purpose"):
            told.append(f"{name} {enums[name](value).name}")
        elif name == "deadline":
            told.append(f"{name} {moment(value)}")
        elif value not in (0, "0x" + 64 * "0"):
            told.append(f"{name} {uris.get(value, value)}")
    time = step["eventTime"] or f"{step['blockTime']} (block)"
    return {**step, "time": time, "what": ", ".join(told)}
