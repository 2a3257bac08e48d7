"""`goldthread recall`: plan, open, step and close a recall, and see where it stands."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import (
    FILE,
    Decorator,
    bytes32_of,
    deployment_option,
    json_option,
    open_deployment,
    rpc_option,
    twin_of,
)
from goldthread.commands.options import from_option as _from_option
from goldthread.commands.options import keystore_option as _keystore_option
from goldthread.commands.options import passphrase_option as _passphrase_option
from goldthread.commands.options import sender_of as _sender
from goldthread.commands.output import (
    FOUND,
    Failure,
    Group,
    clean,
    moment,
    print_fields,
    print_json,
    print_table,
    progress,
)
from goldthread.commands.trace import amount, thing_json, verdict

if TYPE_CHECKING:
    from goldthread.recall import Book, Consignee, Holding, Plan

_CLASSES = {"I": 1, "II": 2, "III": 3}

_number: Decorator = click.argument("number", metavar="RECALL", type=click.IntRange(1))


@click.group(cls=Group)
def recall() -> None:
    """Recall lots, and everything that was made of them."""


@recall.command()
@click.argument("lot_ids", metavar="LOT...", nargs=-1, required=True)
@deployment_option()
@rpc_option
@json_option
def plan(lot_ids: tuple[str, ...], deployment_file: Path, rpc: str, as_json: bool) -> None:
    """Print what a recall of lots would reach, who has it, and what it would cost. Sends nothing.

    LOT is a link, another URI or an id. Exit code 1 if the logs are not complete.

    \b
    Example:
      goldthread recall plan 01/09506000134352/10/L7 --deployment deployments/31337.json
    """
    from goldthread import recall as recalls

    book, names = _open(deployment_file, rpc, as_json)
    found = recalls.plan(book, [twin_of("LOT", text) for text in lot_ids])
    everything = [*found.members, *found.twins, *found.containers]
    if as_json:
        print_json(
            {
                "block": found.block,
                "complete": not found.differences,
                "differences": [d.to_json() for wrong in found.differences.values() for d in wrong],
                "seeds": [f"0x{thing.id.hex()}" for thing in found.seeds],
                "members": [thing_json(thing, names) for thing in found.members],
                "twins": [thing_json(thing, names) for thing in found.twins],
                "containers": [thing_json(thing, names) for thing in found.containers],
                "holders": [_holding(holding, names) for holding in found.holdings],
                "steps": len(found.steps),
                "transactions": found.transactions,
                "gas": found.gas,
            }
        )
    else:
        _print_plan(found, names)
        click.echo(verdict(everything, found.differences, found.block))
    if found.differences:
        sys.exit(FOUND)


@recall.command("open")
@click.argument("lot_ids", metavar="LOT...", nargs=-1, required=True)
@click.option(
    "--class",
    "klass",
    type=click.Choice(list(_CLASSES)),
    required=True,
    help="Health hazard, I is the worst.",
)
@click.option("--reason", metavar="HASH", help="Hash of the record that explains the recall.")
@click.option("--reason-file", type=FILE, help="The record itself; its SHA-256 is the reason.")
@deployment_option()
@rpc_option
@_from_option
@_keystore_option
@_passphrase_option
@json_option
def open_(
    lot_ids: tuple[str, ...],
    klass: str,
    reason: str | None,
    reason_file: Path | None,
    deployment_file: Path,
    rpc: str,
    account: str | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Open a recall of lots. From then on they are blocked wherever they are.

    LOT is a link, another URI or an id. If a recall of your organisation for the same reason and of the same
    class is not lifted, the lots are added to it: run this again after an interruption.

    \b
    Example:
      goldthread recall open 01/09506000134352/10/L7 --class II --reason-file report.pdf
        --deployment deployments/31337.json --keystore quality.json
    """
    from goldthread import recall as recalls

    record = _reason(reason, reason_file)
    seeds = [twin_of("LOT", text) for text in lot_ids]
    book, _ = _open(deployment_file, rpc, as_json)
    sender = _sender(book.deployment, account, keystore, passphrase_file)
    book.update()
    number, new = recalls.open_recall(book, sender, recalls.RecallClass(_CLASSES[klass]), record, seeds)
    frontier = len(book.recall(number).frontier)
    if as_json:
        print_json({"recall": number, "new": new, "reason": f"0x{record.hex()}", "frontier": frontier})
        return
    told = "opened" if new else "was opened for this reason before"
    click.echo(f"recall {number}: {told}; {frontier} to step. Go on with: goldthread recall close {number}")


@recall.command()
@_number
@deployment_option()
@rpc_option
@_from_option
@_keystore_option
@_passphrase_option
@json_option
def step(
    number: int,
    deployment_file: Path,
    rpc: str,
    account: str | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Send the next steps of a recall, or hold the next containers: what one transaction can take.

    Anyone may.

    \b
    Example:
      goldthread recall step 1 --deployment deployments/31337.json --keystore anybody.json
    """
    from goldthread import recall as recalls

    book, _ = _open(deployment_file, rpc, as_json)
    sender = _sender(book.deployment, account, keystore, passphrase_file)
    book.update()
    sent = recalls.step(book, sender, number) or recalls.hold(book, sender, number)
    _print_state(book, number, sent, as_json)


@recall.command()
@_number
@deployment_option()
@rpc_option
@_from_option
@_keystore_option
@_passphrase_option
@json_option
def close(
    number: int,
    deployment_file: Path,
    rpc: str,
    account: str | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Step a recall until it has all its members, and hold every container with something of them.

    Anyone may. Can be interrupted at any moment and run again: what is done is read from the chain.

    \b
    Example:
      goldthread recall close 1 --deployment deployments/31337.json --keystore anybody.json
    """
    from goldthread import recall as recalls

    book, _ = _open(deployment_file, rpc, as_json)
    sender = _sender(book.deployment, account, keystore, passphrase_file)
    book.update()
    steps = book.steps(number)
    containers = book.containers({*book.recall(number).members, *(s.thing.id for s in steps)})
    held = book.recall(number).twins
    total = len(steps) + sum(1 for container in containers if container not in held)
    with progress(as_json) as display:
        task = display.add_task(f"recall {number}", total=total)
        sent = recalls.close(book, sender, number, lambda done: display.advance(task, done))
    _print_state(book, number, sent, as_json)


@recall.command()
@_number
@deployment_option()
@rpc_option
@json_option
def status(number: int, deployment_file: Path, rpc: str, as_json: bool) -> None:
    """Print where a recall stands: its members, its consignees, and what is still open.

    \b
    Example:
      goldthread recall status 1 --deployment deployments/31337.json
    """
    from goldthread import recall as recalls

    book, names = _open(deployment_file, rpc, as_json)
    facts, told = book.recall(number), book.state(number)
    found = recalls.consignees(book, number)
    waits = recalls.still_open(book, number, found, names)
    opened = facts.opened
    document = {
        "recall": number,
        "block": book.trace.block,
        "state": recalls.RecallState(told.state).name,
        "class": recalls.RecallClass(told.class_).name,
        "org": told.org,
        "organisation": names.get(told.org),
        "reason": f"0x{opened['reason'].hex()}",
        "size": told.size,
        "frontier": told.frontier,
        "lots": sum(1 for m in facts.members if book.trace.thing(m).kind == "lot"),
        "processes": sum(1 for m in facts.members if book.trace.thing(m).kind == "process"),
        "twins": len(facts.twins),
        "consignees": [_consignee(consignee, names) for consignee in found],
        "acknowledged": told.acknowledged,
        "reconciled": told.reconciled,
        "open": waits,
    }
    if as_json:
        print_json(document)
        return
    counted = ", ".join(f"{name}: {document[name]}" for name in ("lots", "processes", "twins"))
    print_fields(
        [
            ("recall", number),
            ("state", document["state"]),
            ("class", document["class"]),
            ("opened by", document["organisation"] or f"#{told.org}"),
            ("reason", document["reason"]),
            ("members", f"{told.size} ({counted})"),
            ("to step", told.frontier),
            ("consignees", f"{told.consignees}, {told.acknowledged} answered, {told.reconciled} reconciled"),
        ]
    )
    if found:
        click.echo()
        columns = ("consignee", "lot", "notified", "received", "returned", "destroyed", "sold", "answered")
        print_table(columns, [_row(consignee, names) for consignee in found])
    click.echo()
    click.echo("still open:" if waits else "nothing is open")
    for line in waits:
        click.echo(f"  {clean(line)}")


def _open(path: Path, rpc: str, quiet: bool) -> tuple[Book, dict[int, str]]:
    """The logs up to now, and the names of organisations."""
    from goldthread.audit.history import organisation_names
    from goldthread.recall import Book

    book = Book(open_deployment(path, rpc))
    with progress(quiet) as display:
        reading = display.add_task("reading logs", total=None)
        book.update(lambda block, _: display.update(reading, description=f"reading logs, block {block}"))
    return book, organisation_names(book.deployment, book.trace.block)


def _reason(text: str | None, file: Path | None) -> bytes:
    if (text is None) == (file is None):
        raise Failure("--reason or --reason-file: give one of the two, to say why")
    if text is not None:
        return bytes32_of("--reason", text)
    try:
        with file.open("rb") as record:  # type: ignore[union-attr]
            return hashlib.file_digest(record, "sha256").digest()
    except OSError as error:
        raise Failure(f"--reason-file {file}: {error.strerror or error}") from None


def _print_state(book: Book, number: int, sent: int, as_json: bool) -> None:
    from goldthread.recall import RecallState

    told = book.state(number)
    state = RecallState(told.state).name
    if as_json:
        print_json(
            {
                "recall": number,
                "state": state,
                "sent": sent,
                "size": told.size,
                "frontier": told.frontier,
                "containers": len(book.holds(number)),
            }
        )
        return
    left = f"{told.frontier} to step, {len(book.holds(number))} containers to hold"
    click.echo(f"recall {number}: {state}, {sent} steps sent, {told.size} members, {left}")


def _print_plan(found: Plan, names: dict[int, str]) -> None:
    members = [
        (thing.kind, thing.name, _who(thing.org, names), amount(thing.quantity, thing.unit))
        for thing in [*found.members, *found.twins]
    ]
    print_table(("member", "name", "organisation", "quantity"), members)
    click.echo()
    holders = [
        (
            _who(holding.org, names),
            amount(holding.quantity, holding.lot.unit),
            holding.lot.name,
            f"in {holding.place.name}"
            if holding.place
            else f"offered to {_who(holding.to, names)}"
            if holding.to
            else "",
        )
        for holding in found.holdings
    ]
    print_table(("holder", "quantity", "of lot", "where"), holders)
    click.echo()
    print_fields(
        [
            ("members", f"{len(found.members)} lots and processes, {len(found.twins)} parts and units"),
            ("containers", len(found.containers)),
            ("transactions", f"about {found.transactions}"),
            ("gas", f"about {found.gas:,}"),
        ]
    )


def _holding(holding: Holding, names: dict[int, str]) -> dict[str, Any]:
    return {
        "lot": f"0x{holding.lot.id.hex()}",
        "org": holding.org,
        "organisation": names.get(holding.org),
        "quantity": str(holding.quantity),
        "container": f"0x{holding.place.id.hex()}" if holding.place else None,
        "offeredTo": holding.to or None,
    }


def _consignee(found: Consignee, names: dict[int, str]) -> dict[str, Any]:
    quantities = ("notified", "received", "returned", "destroyed", "sold")
    return {
        "org": found.org,
        "organisation": names.get(found.org),
        "lot": f"0x{found.lot.id.hex()}",
        **{name: str(getattr(found, name)) for name in quantities},
        "answered": moment(found.answered) if found.answered else None,
        "reconciled": found.is_reconciled,
    }


def _row(found: Consignee, names: dict[int, str]) -> tuple[str, ...]:
    quantities = (found.notified, found.received, found.returned, found.destroyed, found.sold)
    told = [amount(quantity, found.lot.unit) for quantity in quantities]
    answered = moment(found.answered) if found.answered else "no"
    return _who(found.org, names), found.lot.name, *told, answered


def _who(org: int, names: dict[int, str]) -> str:
    return names.get(org) or f"#{org}"
