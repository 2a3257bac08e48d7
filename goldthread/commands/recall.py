"""`goldthread recall`: plan, open, step, claim and close a recall, and see where it stands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import (
    FILE,
    Decorator,
    Office,
    reads,
    record_of,
    sends,
    twin_of,
)
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
    from goldthread.chain.send import Sender
    from goldthread.recall import Book, Consignee, Holding, Plan

_CLASSES = {"I": 1, "II": 2, "III": 3}

_number: Decorator = click.argument("number", metavar="RECALL", type=click.IntRange(1))


_claim: Decorator = click.argument("number", metavar="CLAIM", type=click.IntRange(1))
_claims: Decorator = click.argument("claims", metavar="[CLAIM]...", nargs=-1, type=click.IntRange(1))


@click.group(cls=Group)
def recall() -> None:
    """Recall lots, and everything that was made of them."""


@recall.command()
@click.argument("lot_ids", metavar="LOT...", nargs=-1, required=True)
@reads
def plan(office: Office, lot_ids: tuple[str, ...]) -> None:
    """Print what a recall of lots would reach, who has it, and what it would cost. Sends nothing.

    LOT is a link, another URI or an id. Exit code 1 if the logs are not complete.

    \b
    Example:
      goldthread recall plan 01/09506000134352/10/L7 --deployment deployments/31337.json
    """
    from goldthread import recall as recalls

    book, names = _open(office)
    found = recalls.plan(book, [twin_of("LOT", text) for text in lot_ids])
    everything = [*found.members, *found.twins, *found.containers]
    if office.as_json:
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
                "parts": sum(step.partial for step in found.steps),
                "claimGas": _claim_gas(found),
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
@sends
def open_(
    office: Office,
    lot_ids: tuple[str, ...],
    klass: str,
    reason: str | None,
    reason_file: Path | None,
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

    record = record_of("reason", reason, reason_file)
    seeds = [twin_of("LOT", text) for text in lot_ids]
    book, _ = _open(office)
    sender = office.sender()
    book.update()
    number, new = recalls.open_recall(book, sender, recalls.RecallClass(_CLASSES[klass]), record, seeds)
    frontier = len(book.recall(number).frontier)
    if office.as_json:
        print_json({"recall": number, "new": new, "reason": f"0x{record.hex()}", "frontier": frontier})
        return
    told = "opened" if new else "was opened for this reason before"
    click.echo(f"recall {number}: {told}; {frontier} to step. Go on with: goldthread recall close {number}")


@recall.command()
@_number
@sends
def step(office: Office, number: int) -> None:
    """Send the next steps of a recall, or hold the next containers: what one transaction can take.

    Anyone may.

    \b
    Example:
      goldthread recall step 1 --deployment deployments/31337.json --keystore anybody.json
    """
    from goldthread import recall as recalls

    book, _ = _open(office)
    sender = office.sender()
    book.update()
    sent = recalls.step(book, sender, number) or recalls.hold(book, sender, number)
    _print_state(book, number, sent, office.as_json)


@recall.command()
@_number
@sends
def close(office: Office, number: int) -> None:
    """Step a recall until it has all its members, and hold every container with something of them.

    Of a recall that has adopted a claim, follow that first. Anyone may. Can be interrupted at any moment
    and run again: what is done is read from the chain.

    \b
    Example:
      goldthread recall close 1 --deployment deployments/31337.json --keystore anybody.json
    """
    from goldthread import closure

    book, _ = _open(office)
    sender = office.sender()
    book.update()
    steps = book.steps(number)
    containers = book.containers({*book.recall(number).members, *(s.thing.id for s in steps)})
    held = book.recall(number).twins
    total = len(steps) + sum(1 for container in containers if container not in held)
    total += book.recall(number).pending
    with progress(office.as_json) as display:
        task = display.add_task(f"recall {number}", total=total)
        sent = closure.close(book, sender, number, lambda done: display.advance(task, done))
    _print_state(book, number, sent, office.as_json)


@recall.command()
@_number
@sends
def claim(office: Office, number: int) -> None:
    """Claim all that a recall reaches, instead of stepping it: put the bond, publish the list.

    Who opened the recall, or a regulator. Can be interrupted and run again. A claim that leaves
    something out, or has something in excess, loses its bond to whoever shows that. What is told after
    it is no fault.

    \b
    Example:
      goldthread recall claim 1 --deployment deployments/31337.json --keystore quality.json
    """
    from goldthread import closure

    book, _ = _open(office)
    sender = office.sender()
    book.update()
    with progress(office.as_json) as display:
        task = display.add_task(f"claim of recall {number}", total=None)
        made = closure.claim(book, sender, number, lambda done: display.advance(task, done))
    _print_claim(book, made, office.as_json)


@recall.command()
@_claims
@click.option(
    "--every", type=click.IntRange(1), metavar="SECONDS", help="Go on looking, again after so many seconds."
)
@sends
def challenge(office: Office, claims: tuple[int, ...], every: int | None) -> None:
    """Work out from the logs what complete claims should say, and refute those that are false.

    CLAIM is a number; without one, all that can be refuted are looked at. Anyone may; half of the bond
    goes to who refutes a claim. Without --from and --keystore nothing is sent, and the exit code is 1 if
    a claim is false.

    \b
    Examples:
      goldthread recall challenge --deployment deployments/31337.json
      goldthread recall challenge --every 600 --deployment deployments/31337.json --keystore anybody.json
    """
    import time

    from goldthread import closure

    book, _ = _open(office)
    sender = office.sender() if office.signs else None
    false = False
    while True:
        book.update()
        found = [_refute(book, number, sender) for number in claims or closure.refutable(book)]
        false = false or any(each["fault"] for each in found)
        if office.as_json:
            print_json({"block": book.trace.block, "claims": found})
        else:
            for each in found:
                click.echo(clean(f"claim {each['claim']}: {each['fault'] or 'is true'}"))
        if every is None:
            break
        time.sleep(every)
    if false and not office.signs:
        sys.exit(FOUND)


@recall.command()
@_claim
@sends
def finalise(office: Office, number: int) -> None:
    """Adopt a claim after its window, if it is true. The bond goes back. Anyone may.

    \b
    Example:
      goldthread recall finalise 1 --deployment deployments/31337.json --keystore anybody.json
    """
    from goldthread import closure

    book, _ = _open(office)
    sender = office.sender()
    book.update()
    closure.adopt(book, sender, number)
    _print_claim(book, number, office.as_json)


@recall.command()
@_number
@sends
def follow(office: Office, number: int) -> None:
    """Follow the claim that a recall has adopted: block all that it names. Anyone may.

    Can be interrupted and run again. What has grown since the claim is stepped with `goldthread recall
    close`.

    \b
    Example:
      goldthread recall follow 1 --deployment deployments/31337.json --keystore anybody.json
    """
    from goldthread import closure

    book, _ = _open(office)
    sender = office.sender()
    book.update()
    if not book.recall(number).claim:
        raise Failure(f"recall {number}: has adopted no claim")
    followed = 0
    with progress(office.as_json) as display:
        task = display.add_task(f"recall {number}", total=book.recall(number).pending)
        while sent := closure.follow(book, sender, number):
            display.advance(task, sent)
            followed += sent
    _print_state(book, number, followed, office.as_json)


@recall.command()
@_number
@reads
def status(office: Office, number: int) -> None:
    """Print where a recall stands: its members, its consignees, and what is still open.

    \b
    Example:
      goldthread recall status 1 --deployment deployments/31337.json
    """
    from goldthread import recall as recalls

    book, names = _open(office)
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
    if office.as_json:
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


def _open(office: Office) -> tuple[Book, dict[int, str]]:
    """The logs up to now, and the names of organisations."""
    from goldthread.audit.history import organisation_names
    from goldthread.recall import Book

    book = Book(office.deployment)
    with progress(office.as_json) as display:
        reading = display.add_task("reading logs", total=None)
        book.update(lambda block, _: display.update(reading, description=f"reading logs, block {block}"))
    return book, organisation_names(book.deployment, book.trace.block)


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


def _refute(book: Book, number: int, sender: Sender | None) -> dict[str, Any]:
    """What is wrong with a claim, and whether it was refuted."""
    from goldthread import closure

    fault = closure.find_fault(book, number)
    if fault is None:
        return {"claim": number, "fault": None, "refuted": False}
    if sender is not None:
        closure.challenge(book, sender, fault)
    told = f"{book.trace.thing(fault.member)}: {fault.why}"
    return {"claim": number, "fault": told, "refuted": sender is not None}


def _print_claim(book: Book, number: int, as_json: bool) -> None:
    from goldthread.audit.closure_claims import ClaimState

    found = book.claims.claims[number]
    state = ClaimState(found.state).name
    until = moment(found.deadline) if found.deadline else None
    if as_json:
        print_json(
            {
                "claim": number,
                "recall": found.recall,
                "state": state,
                "members": found.size,
                "published": len(found.leaves),
                "root": f"0x{found.root.hex()}",
                "until": until,
            }
        )
        return
    click.echo(
        f"claim {number} of recall {found.recall}: {state}, {found.size} members; refutable until {until}"
    )


def _claim_gas(found: Plan) -> int:
    from goldthread import closure
    from goldthread.recall import GAS

    opened = 2 * GAS["transaction"] + GAS["member"] * len(found.seeds)
    held = GAS["container"] * len(found.containers) + GAS["transaction"] * bool(found.containers)
    return opened + held + closure.estimate(len(found.members), len(found.twins), GAS["twin"])


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
            ("gas", f"about {found.gas:,} by steps, {_claim_gas(found):,} by a claim"),
            ("parts", sum(step.partial for step in found.steps)),
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
