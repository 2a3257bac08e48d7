"""`goldthread design`: design projects, from the plan to the transfer to production."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.documents import prepared, sign
from goldthread.commands.options import (
    FILE,
    Decorator,
    Office,
    bytes32_of,
    deployment_option,
    json_option,
    open_deployment,
    rpc_option,
    sends,
    time_of,
    twin_of,
)
from goldthread.commands.output import FOUND, Failure, Group, print_fields, print_json, print_table

if TYPE_CHECKING:
    from goldthread.chain.logs import Event
    from goldthread.chain.words import ItemKind
    from goldthread.design import Book

KINDS = ("need", "risk", "input", "output", "verification", "validation")
GATES = ("planning", "inputs", "outputs", "review", "verification", "validation")

_design: Decorator = click.argument("design_id", metavar="DESIGN")
_test: Decorator = click.argument("test_name", metavar="TEST")
_change: Decorator = click.argument("number", metavar="CHANGE", type=click.IntRange(1))
_evidence: Decorator = click.option(
    "--record", "record_id", metavar="ID", required=True, help="The evidence: a record about DESIGN."
)
_edition: Decorator = click.option(
    "--edition",
    type=click.IntRange(1),
    required=True,
    help="The edition of the design file that was looked at, as `design matrix` prints it.",
)
_passed: Decorator = click.option(
    "--passed", multiple=True, metavar="ITEM", help="An item that passed; several times for several."
)
_failed: Decorator = click.option(
    "--failed", multiple=True, metavar="ITEM", help="An item that failed; several times for several."
)
_chunk: Decorator = click.option(
    "--chunk",
    type=click.IntRange(1, 200),
    default=50,
    show_default=True,
    help="Items or links in one transaction.",
)


@click.group(cls=Group)
def design() -> None:
    """Design control as ISO 13485, 7.3, asks for it: needs, risks, inputs, outputs, tests, gates and changes.

    DESIGN is the twin of the design: a link, another URI, or an id. Items have names of up to 32 bytes.
    """


design.add_command(sign)


@design.command("open")
@_design
@_evidence
@click.option("--review-form", metavar="SCHEMA", help="What reviews and approvals follow.")
@click.option("--verification-form", metavar="SCHEMA", help="What reports of verifications follow.")
@click.option("--validation-form", metavar="SCHEMA", help="What reports of validations follow.")
@click.option("--change-form", metavar="SCHEMA", help="What requests for changes follow.")
@sends
def open_(
    office: Office,
    design_id: str,
    record_id: str,
    review_form: str | None,
    verification_form: str | None,
    validation_form: str | None,
    change_form: str | None,
) -> None:
    """Open the project of DESIGN with its plan, or give it a new plan: then every gate is passed anew.

    SCHEMA is the id of a schema, or of its line, which all its versions have (default: any).

    \b
    Example:
      goldthread design open https://acme.example/d/pump --record 0x... --review-form 0x...
        --deployment deployments/31337.json --keystore engineer.json
    """
    id_, record = twin_of("DESIGN", design_id), bytes32_of("--record", record_id)
    given = {
        "--review-form": review_form,
        "--verification-form": verification_form,
        "--validation-form": validation_form,
        "--change-form": change_form,
    }
    forms = [bytes(32) if text is None else bytes32_of(name, text) for name, text in given.items()]
    events = office.send(office.deployment.design_control.plan(id_, record, forms))
    _tell(office, "planned", id_, events)


@design.command()
@_design
@click.argument("name", metavar="ITEM")
@click.option("--kind", type=click.Choice(KINDS), help="What it is; needed for a new item.")
@click.option("--document", type=FILE, help="Its document; the SHA-256 is kept.")
@click.option("--content", metavar="HASH", help="A hash of its document that was made elsewhere.")
@click.option("--record", "record_id", metavar="ID", help="A record about DESIGN that it is.")
@click.option("--withdraw", is_flag=True, help="The item goes.")
@sends
def item(
    office: Office,
    design_id: str,
    name: str,
    kind: str | None,
    document: Path | None,
    content: str | None,
    record_id: str | None,
    withdraw: bool,
) -> None:
    """Add, revise or withdraw ITEM while its gate was never passed; after that by `design change`.

    \b
    Example:
      goldthread design item https://acme.example/d/pump N1 --kind need --document needs/alarm.pdf
        --deployment deployments/31337.json --keystore engineer.json
    """
    from goldthread.design import item_id

    book = _book(office, design_id)
    revision = _revision(book, item_id(name), kind, document, content, record_id, withdraw)
    near = book.project.neighbours_of([revision[0]])
    events = office.send(office.deployment.design_control.draft(book.design, [revision], near))
    _tell(office, f"{name}: revision {revision[3]}", book.design, events, item=name, revision=revision[3])


@design.command()
@_design
@click.argument("name", metavar="ITEM")
@click.argument("ends", metavar="TO...", nargs=-1, required=True)
@sends
def link(office: Office, design_id: str, name: str, ends: tuple[str, ...]) -> None:
    """Link ITEM to what it answers, controls, fulfils or covers.

    An input answers needs and controls risks, an output fulfils inputs, a verification covers inputs and
    outputs, a validation covers needs.

    \b
    Example:
      goldthread design link https://acme.example/d/pump I1 N1 R1
        --deployment deployments/31337.json --keystore engineer.json
    """
    from goldthread.design import item_id

    id_ = twin_of("DESIGN", design_id)
    pairs = [(item_id(name), item_id(end)) for end in ends]
    events = office.send(office.deployment.design_control.link(id_, pairs))
    _tell(office, f"{name} linked to {', '.join(ends)}", id_, events)


@design.command("apply")
@_design
@click.argument("file", type=FILE)
@_chunk
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@sends
def apply_(office: Office, design_id: str, file: Path, chunk: int, dry_run: bool) -> None:
    """Bring DESIGN to what FILE says: a whole project, in YAML or JSON, with its items and links.

    What is there already is left alone: run it again after an interruption. Items whose gate was passed are
    not touched; they are named, for `design change propose`.

    \b
    Example:
      goldthread design apply https://acme.example/d/pump pump.yaml
        --deployment deployments/31337.json --keystore engineer.json
    """
    from goldthread.audit.design_control import item_name
    from goldthread.design import Work, load

    book = _book(office, design_id)
    work = Work.of(book.project, load(file))
    if work.changes:
        names = ", ".join(item_name(revision[0]) for revision in work.changes)
        raise Failure(
            f"{file}: {names} would be added or revised: their gate was passed, propose a change of them"
        )
    if closed := work.closed(book.project):
        names = ", ".join(f"{item_name(start)} to {item_name(end)}" for start, end in closed)
        raise Failure(f"{file}: cannot link {names}: the gate of the first is passed, propose a change of it")
    calls = list(work.calls(office.deployment, book.design, chunk))
    gas = 0
    if not dry_run:
        for call in calls:
            office.send(call)
            gas += office.receipt.gas_used
    facts = {"items": len(work.drafts), "links": len(work.links), "transactions": len(calls), "gas": gas}
    if office.as_json:
        print_json({"design": f"0x{book.design.hex()}", "sent": not dry_run, **facts})
        return
    verb = "to send" if dry_run else "sent"
    click.echo(
        f"{verb}: {len(work.drafts)} items, {len(work.links)} links, {len(calls)} transactions ({gas:,} gas)"
    )


@design.command()
@_design
@_test
@_passed
@_failed
@_evidence
@sends
def verify(
    office: Office,
    design_id: str,
    test_name: str,
    passed: tuple[str, ...],
    failed: tuple[str, ...],
    record_id: str,
) -> None:
    """Report on the verification TEST: which inputs and outputs that it covers passed, and which failed.

    \b
    Example:
      goldthread design verify https://acme.example/d/pump V1 --passed I1 --failed O2 --record 0x...
        --deployment deployments/31337.json --keystore tester.json
    """
    _report(office, design_id, test_name, passed, failed, record_id, "verification")


@design.command()
@_design
@_test
@_passed
@_failed
@_evidence
@sends
def validate(
    office: Office,
    design_id: str,
    test_name: str,
    passed: tuple[str, ...],
    failed: tuple[str, ...],
    record_id: str,
) -> None:
    """Report on the validation TEST: which of the needs that it covers passed, and which failed.

    \b
    Example:
      goldthread design validate https://acme.example/d/pump W1 --passed N1 --record 0x...
        --deployment deployments/31337.json --keystore tester.json
    """
    _report(office, design_id, test_name, passed, failed, record_id, "validation")


@design.command()
@_design
@click.option("--gate", type=click.Choice(GATES), required=True, help="The gate that is passed.")
@_evidence
@_edition
@sends
def review(office: Office, design_id: str, gate: str, record_id: str, edition: int) -> None:
    """Pass a gate of DESIGN, by somebody with the duty QUALITY who wrote none of what the gate is about.

    \b
    Example:
      goldthread design review https://acme.example/d/pump --gate inputs --record 0x... --edition 41
        --deployment deployments/31337.json --keystore reviewer.json
    """
    _pass(office, design_id, gate, record_id, edition)


@design.command()
@_design
@_evidence
@_edition
@sends
def transfer(office: Office, design_id: str, record_id: str, edition: int) -> None:
    """Transfer DESIGN to production, once all gates are passed and no change is open.

    \b
    Example:
      goldthread design transfer https://acme.example/d/pump --record 0x... --edition 97
        --deployment deployments/31337.json --keystore reviewer.json
    """
    _pass(office, design_id, "transfer", record_id, edition)


@design.command()
@_design
@click.option("--gate", type=click.Choice([*GATES, "transfer"]), help="The gate to pass.")
@click.option("--change", type=click.IntRange(1), help="The change to approve.")
@_evidence
@_edition
@click.option("--deadline", required=True, metavar="TIME", help="Last second at which it can be brought.")
@deployment_option()
@click.option("--out", type=FILE, help="File to write (default: standard output).")
def approval(
    design_id: str,
    gate: str | None,
    change: int | None,
    record_id: str,
    edition: int,
    deadline: str,
    deployment_file: Path,
    out: Path | None,
) -> None:
    """Prepare what a reviewer signs who cannot send: to pass a gate, or to approve a change.

    \b
    Example:
      goldthread design approval https://acme.example/d/pump --gate inputs --record 0x... --edition 41
        --deadline 2027-06-30T00:00:00Z --deployment deployments/31337.json --out approval.json
    """
    from goldthread.chain.manifest import Manifest
    from goldthread.chain.words import Gate

    if (gate is None) == (change is None):
        raise Failure("--gate or --change: give one of the two")
    message = {
        "design": twin_of("DESIGN", design_id),
        "gate": int(Gate[gate.upper()]) if gate else 0,
        "change": change or 0,
        "record": bytes32_of("--record", record_id),
        "edition": edition,
        "deadline": time_of("--deadline", deadline),
    }
    prepared("Approval", Manifest.load(deployment_file), message, out)


@design.command()
@click.argument("file", type=FILE)
@sends
def submit(office: Office, file: Path) -> None:
    """Bring a signed approval to the contract.

    \b
    Example:
      goldthread design submit approval.json --deployment deployments/31337.json --keystore clerk.json
    """
    from goldthread.chain.approvals import Document
    from goldthread.chain.eip712 import as_tuple
    from goldthread.design import Book, proposed

    document = Document.load(file)
    if document.kind != "Approval":
        raise Failure(f"{file}: is a {document.kind}, not an Approval")
    if not document.signatures:
        raise Failure(f"{file}: nobody has signed yet")
    call = document.call(office.deployment)
    message, [signature] = as_tuple("Approval", document.message), document.signatures
    if change := document.message["change"]:
        book = Book.read(office.deployment, message[0])
        lists = proposed(book.project, change)
        call = office.deployment.design_control.approveChangeSigned(message, *lists, *signature)
    _tell(office, "submitted", message[0], office.send(call))


@design.group(cls=Group)
def change() -> None:
    """Change items whose gate was passed: propose, approve, dismiss."""


@change.command()
@_design
@click.argument("file", type=FILE)
@click.option(
    "--withdraw", multiple=True, metavar="ITEM", help="An item that goes; several times for several."
)
@_evidence
@sends
def propose(office: Office, design_id: str, file: Path, withdraw: tuple[str, ...], record_id: str) -> None:
    """Propose that items of DESIGN become what FILE says, a file as for `design apply`.

    Only items that differ are named. Their links are cut when the change is approved; `design apply` makes
    those that FILE asks for.

    \b
    Example:
      goldthread design change propose https://acme.example/d/pump pump.yaml --record 0x...
        --deployment deployments/31337.json --keystore engineer.json
    """
    from goldthread.design import Work, item_id, load

    book, record = _book(office, design_id), bytes32_of("--record", record_id)
    work = Work.of(book.project, load(file))
    revisions = [*work.changes, *work.drafts]
    revisions += [_revision(book, item_id(name), None, None, None, None, True) for name in withdraw]
    if not revisions:
        raise Failure(f"{file}: the design is as the file says")
    call = office.deployment.design_control.proposeChange(book.design, record, revisions)
    events = office.send(call)
    number = events[0]["change"]
    _tell(office, f"proposed: change {number} of {len(revisions)} items", book.design, events, change=number)


@change.command()
@_design
@_change
@_evidence
@_edition
@sends
def approve(office: Office, design_id: str, number: int, record_id: str, edition: int) -> None:
    """Approve CHANGE, by somebody with the duty QUALITY who wrote nothing of it.

    \b
    Example:
      goldthread design change approve https://acme.example/d/pump 1 --record 0x... --edition 98
        --deployment deployments/31337.json --keystore reviewer.json
    """
    from goldthread.design import proposed

    book, record = _book(office, design_id), bytes32_of("--record", record_id)
    lists = proposed(book.project, number)
    call = office.deployment.design_control.approveChange(book.design, number, record, edition, *lists)
    _tell(office, f"approved: change {number}", book.design, office.send(call), change=number)


@change.command()
@_design
@_change
@_evidence
@sends
def dismiss(office: Office, design_id: str, number: int, record_id: str) -> None:
    """End CHANGE, which will not be made. By its author, or by somebody with the duty QUALITY.

    \b
    Example:
      goldthread design change dismiss https://acme.example/d/pump 1 --record 0x...
        --deployment deployments/31337.json --keystore reviewer.json
    """
    id_, record = twin_of("DESIGN", design_id), bytes32_of("--record", record_id)
    events = office.send(office.deployment.design_control.dismissChange(id_, number, record))
    _tell(office, f"dismissed: change {number}", id_, events, change=number)


@design.command()
@_design
@sends
def lapse(office: Office, design_id: str) -> None:
    """Show that evidence of DESIGN is superseded: results and gates that rest on it count no more. By anyone.

    \b
    Example:
      goldthread design lapse https://acme.example/d/pump
        --deployment deployments/31337.json --keystore watcher.json
    """
    from goldthread.audit.design_control import item_name

    book = _book(office, design_id)
    results, gates = book.rotten(office.deployment)
    contract, gas = office.deployment.design_control, 0
    calls = [contract.lapse(book.design, *ends) for ends in results]
    # The earliest gate takes those behind it with it.
    calls += [contract.lapseGate(book.design, gate) for gate in gates[:1]]
    for call in calls:
        office.send(call)
        gas += office.receipt.gas_used
    names = [f"{item_name(test)} for {item_name(item_)}" for test, item_ in results]
    names += [f"gate {gate.name.lower()}" for gate in gates[:1]]
    if office.as_json:
        print_json({"design": f"0x{book.design.hex()}", "lapsed": names, "gas": gas})
    else:
        click.echo(f"lapsed: {', '.join(names)} ({gas:,} gas)" if names else "nothing: all evidence stands")


@design.command()
@_design
@click.option("--csv", "csv_file", type=FILE, help="Write the matrix into this CSV file as well.")
@deployment_option()
@rpc_option
@json_option
def matrix(design_id: str, csv_file: Path | None, deployment_file: Path, rpc: str, as_json: bool) -> None:
    """Print the trace matrix of DESIGN, where its project is, and what speaks against the transfer.

    Rebuilt from the logs and checked against the contract. Exit code 1 while the design is not transferred as
    it is.

    \b
    Example:
      goldthread design matrix https://acme.example/d/pump --csv pump.csv
        --deployment deployments/31337.json
    """
    from goldthread.chain.manifest import write_atomically
    from goldthread.chain.words import Obstacle
    from goldthread.design import Book, Row
    from goldthread.design import matrix as rows_of

    deployment = open_deployment(deployment_file, rpc)
    book = Book.read(deployment, twin_of("DESIGN", design_id))
    project, rows = book.project, rows_of(book.project)
    obstacle, count = deployment.design_control.obstacleOf.at(book.block)(book.design)
    if csv_file is not None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(Row.COLUMNS)
        writer.writerows([_harmless(cell) for cell in row.cells()] for row in rows)
        write_atomically(csv_file, text.getvalue())
    facts: dict[str, Any] = {
        "design": f"0x{book.design.hex()}",
        "block": book.block,
        "edition": project.edition,
        "gate": project.stage.name.lower(),
        "version": project.version,
        "openChanges": project.open_changes,
        "obstacle": Obstacle(obstacle).name.lower(),
        "count": count,
    }
    if as_json:
        print_json({**facts, "items": [dict(zip(Row.COLUMNS, row.cells(), strict=True)) for row in rows]})
    else:
        print_fields([(name, value) for name, value in facts.items() if name not in ("obstacle", "count")])
        print_fields([("transfer", _OBSTACLES[Obstacle(obstacle).name].format(count=count))])
        click.echo()
        print_table(Row.COLUMNS[:7], [row.cells()[:7] for row in rows])
    if obstacle != Obstacle.TRANSFERRED:
        sys.exit(FOUND)


_OBSTACLES = {
    "NONE": "nothing speaks against it",
    "NO_PROJECT": "there is no project",
    "INPUTS": "{count} items hold the gate inputs",
    "OUTPUTS": "{count} items hold the gate outputs",
    "VERIFICATION": "{count} items hold the gate verification",
    "VALIDATION": "{count} items hold the gate validation",
    "GATES": "{count} gates before it are not passed",
    "CHANGES": "{count} changes are open",
    "TWIN": "the design is held, or has ended",
    "TRANSFERRED": "done, version {count}",
}


def _harmless(cell: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _book(office: Office, design_id: str) -> Book:
    from goldthread.design import Book

    return Book.read(office.deployment, twin_of("DESIGN", design_id))


def _revision(
    book: Book,
    id_: bytes,
    kind: str | None,
    document: Path | None,
    content: str | None,
    record_id: str | None,
    withdraw: bool,
) -> tuple[bytes, int, int, int, bytes]:
    """The next revision of an item, from the options."""
    import hashlib

    from goldthread.audit.design_control import item_name
    from goldthread.chain.words import ItemKind, Source

    name, known = item_name(id_), book.project.items.get(id_)
    if sum((document is not None, content is not None, record_id is not None, withdraw)) != 1:
        raise Failure("--document, --content, --record or --withdraw: give one of them")
    if known is None and (kind is None or withdraw):
        raise Failure(
            f"ITEM {name!r}: is not in the project" + ("; a new item needs --kind" if not withdraw else "")
        )
    found: ItemKind = ItemKind[kind.upper()] if kind else known.kind  # type: ignore[union-attr]
    if known is not None and known.kind != found:
        raise Failure(f"--kind {kind}: {name} is a {known.kind.name.lower()}, which never changes")
    source, value = Source.DOCUMENT, bytes(32)
    if withdraw:
        source = Source.WITHDRAWN
    elif record_id is not None:
        source, value = Source.RECORD, bytes32_of("--record", record_id)
    elif content is not None:
        value = bytes32_of("--content", content)
    elif document is not None:
        try:
            with document.open("rb") as file:
                value = hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise Failure(f"--document {document}: {error.strerror or error}") from None
    return id_, found, source, known.revision + 1 if known else 1, value


def _report(
    office: Office,
    design_id: str,
    test_name: str,
    passed: tuple[str, ...],
    failed: tuple[str, ...],
    record_id: str,
    kind: str,
) -> None:
    from goldthread.design import item_id

    book, test = _book(office, design_id), item_id(test_name)
    known = book.project.items.get(test)
    if known is None or known.kind.name.lower() != kind:
        what = "is not in the project" if known is None else f"is a {known.kind.name.lower()}"
        raise Failure(f"TEST {test_name!r}: {what}, not a {kind}")
    if not passed and not failed or set(passed) & set(failed):
        raise Failure("--passed, --failed: name at least one item, and each in one of the two")
    findings = [(item_id(name), True) for name in passed] + [(item_id(name), False) for name in failed]
    record = bytes32_of("--record", record_id)
    call = office.deployment.design_control.report(book.design, test, record, findings)
    told = f"{test_name}: {len(passed)} passed, {len(failed)} failed"
    _tell(office, told, book.design, office.send(call), passed=list(passed), failed=list(failed))


def _pass(office: Office, design_id: str, gate: str, record_id: str, edition: int) -> None:
    from goldthread.chain.words import Gate

    id_, record = twin_of("DESIGN", design_id), bytes32_of("--record", record_id)
    call = office.deployment.design_control.passGate(id_, Gate[gate.upper()], record, edition)
    _tell(office, f"passed: gate {gate}", id_, office.send(call), gate=gate)


def _tell(office: Office, text: str, id_: bytes, events: list[Event], **facts: Any) -> None:
    """What was done, the edition that the design file has now, and whether the project fell back."""
    from goldthread.chain.words import Gate

    steps = [event for event in events if "edition" in event.args]
    edition = steps[-1]["edition"]
    fallen = next((Gate(e["stage"]).name.lower() for e in steps if e.name == "Reopened"), None)
    text += f"; edition {edition}" + (f"; the project is back at {fallen}" if fallen else "")
    office.tell(text, design=f"0x{id_.hex()}", **facts, edition=edition, reopened=fallen)
