"""`goldthread record show|verify|disclose|export`: what was recorded, and whether it is still what it was."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import (
    FILE,
    Office,
    bytes32_of,
    deployment_option,
    json_option,
    open_deployment,
    opens_documents,
    reads,
    rpc_option,
    twin_of,
)
from goldthread.commands.output import (
    FOUND,
    Failure,
    clean,
    moment,
    print_json,
    print_table,
    progress,
    write_json,
)

if TYPE_CHECKING:
    from goldthread.chain.contracts import Deployment
    from goldthread.records.archive import Archive
    from goldthread.records.bundle import Document
    from goldthread.records.disclosure import Disclosure
    from goldthread.records.timeline import Line, Timeline


@click.command()
@click.argument("subject_id", metavar="SUBJECT")
@click.option("--content", is_flag=True, help="With --json: the documents as well, as far as they open.")
@opens_documents
@reads
def show(office: Office, subject_id: str, content: bool, archive: Archive) -> None:
    """Print the records of SUBJECT in their order, with who signed for what, and until when they are kept.

    Printed names are shown as far as the store has them and --identity opens them. Exit code 1 if the logs
    are not what the chain says.

    \b
    Example:
      goldthread record show 01/09506000134352/10/L7 --identity auditor.key
        --deployment deployments/31337.json
    """
    from goldthread.audit.history import organisation_names
    from goldthread.records import timeline as reader

    found = reader.read(office.deployment, twin_of("SUBJECT", subject_id))
    names = organisation_names(office.deployment, found.block)
    told = [_line(found, line, archive, names) for line in found.lines]
    if office.as_json:
        if content:
            for line, facts in zip(found.lines, told, strict=True):
                facts["documents"] = _contents(archive, line.content)
        print_json(
            {
                "subject": f"0x{found.subject.hex()}",
                "block": found.block,
                "records": told,
                "legalHolds": _holds(found.holds, names),
                "problems": found.problems,
            }
        )
    else:
        _print(told)
        for one in _holds(found.holds, names):
            click.echo(clean(f"legal hold on the subject by {one['organisation']}, for {one['reason']}"))
        for problem in found.problems:
            click.echo(clean(f"WRONG: {problem}"))
        click.echo(f"{len(told)} records of 0x{found.subject.hex()} up to block {found.block}")
    if found.problems:
        sys.exit(FOUND)


@click.command()
@click.argument("subject_id", metavar="[SUBJECT]", required=False)
@click.option("--disclosure", type=FILE, help="Check this file of disclosed fields instead, off line.")
@click.option(
    "--content-hash", metavar="HASH", help="With --disclosure: the record's, from a trusted source."
)
@click.option("--file", "shown_file", type=FILE, help="With --disclosure: the file whose SHA-256 it shows.")
@deployment_option(required=False)
@rpc_option
@json_option
@opens_documents
def verify(
    subject_id: str | None,
    disclosure: Path | None,
    content_hash: str | None,
    shown_file: Path | None,
    deployment_file: Path | None,
    rpc: str,
    as_json: bool,
    archive: Archive,
) -> None:
    """Read every document of SUBJECT again, and check hashes, numbers, signatures and printed names.

    Signatures are checked with the keys of who signed, as far as transactions carry them.

    With --disclosure: check the fields in a file against the content hash of their record, which is given
    with --content-hash or, with --deployment, asked of the chain. Exit code 1 if anything is wrong.

    \b
    Examples:
      goldthread record verify 01/09506000134352/10/L7 --identity auditor.key
        --deployment deployments/31337.json
      goldthread record verify --disclosure yield.json --content-hash 0x...
    """
    if (subject_id is None) == (disclosure is None):
        raise Failure("SUBJECT or --disclosure: give one of the two")
    if disclosure is not None:
        deployment = None if deployment_file is None else open_deployment(deployment_file, rpc)
        _verify_disclosure(disclosure, content_hash, shown_file, deployment, as_json)
        return
    if content_hash is not None or shown_file is not None:
        raise Failure("--content-hash and --file: go with --disclosure")
    if deployment_file is None:
        raise Failure("--deployment: is needed to verify the records of SUBJECT")
    _verify_subject(open_deployment(deployment_file, rpc), str(subject_id), archive, as_json)


@click.command()
@click.argument("record_text", metavar="RECORD")
@click.option(
    "--field",
    "fields",
    multiple=True,
    required=True,
    metavar="[NUMBER:]POINTER",
    help="JSON Pointer of what is shown, such as /weights/0; before it the document, from 0 (default: 0).",
)
@click.option("--out", type=FILE, help="File to write (default: standard output).")
@opens_documents
@reads
def disclose(
    office: Office, record_text: str, fields: tuple[str, ...], out: Path | None, archive: Archive
) -> None:
    """Show some fields of RECORD to somebody who may not see the rest: a file that is checked off line.

    Of a file (--file of `record add`) its name, type, size and sha256 are fields.

    \b
    Example:
      goldthread record disclose 01/09506000134352/10/L7#3 --field /yield --field 1:/sha256
        --identity quality.key --out yield.json --deployment deployments/31337.json
    """
    from goldthread.commands.record import record_of
    from goldthread.records.disclosure import Source
    from goldthread.records.disclosure import disclose as disclosed

    id_, contract = record_of(record_text), office.deployment.records
    content = contract.contentOf(id_)
    if not any(content):
        raise Failure(f"RECORD {record_text!r}: there is no such record")
    asked = [_field(text) for text in fields]
    bundle = archive.open(content, f"record 0x{id_.hex()}")
    source = Source(office.deployment.chain.id, contract.address, id_)
    write_json(out, disclosed(bundle, asked).of(source).to_json())


@click.command()
@click.argument("record_text", metavar="RECORD")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@opens_documents
@reads
def export(office: Office, record_text: str, folder: Path, archive: Archive) -> None:
    """Write the documents of RECORD into FOLDER: complete copies that people can read (21 CFR 11.10(b)).

    A document in JSON is `0.json`, where 0 is its number; a file has its name after the number. No file that
    is there is written over.

    \b
    Example:
      goldthread record export 01/09506000134352/10/L7#3 copies --identity auditor.key
        --deployment deployments/31337.json
    """
    from goldthread.commands.record import record_of

    id_ = record_of(record_text)
    content = office.deployment.records.contentOf(id_)
    if not any(content):
        raise Failure(f"RECORD {record_text!r}: there is no such record")
    bundle = archive.open(content, f"record 0x{id_.hex()}")
    written = [_export(folder, number, document) for number, document in enumerate(bundle.documents)]
    if office.as_json:
        print_json({"record": f"0x{id_.hex()}", "files": [str(path) for path in written]})
    else:
        for path in written:
            click.echo(clean(str(path)))


# ------------------------------------------------------------------------------------------------- verifying


def _verify_subject(deployment: Deployment, subject_id: str, archive: Archive, as_json: bool) -> None:
    from goldthread.records import signatures
    from goldthread.records import timeline as reader

    found = reader.read(deployment, twin_of("SUBJECT", subject_id))
    with progress(as_json) as display:
        task = display.add_task("reading documents", total=len(found.lines))
        wrong = reader.check(found, archive, lambda: display.advance(task))
    signed = signatures.check(deployment, found)
    wrong += [
        reader.Finding(one.sequence, "signatures", f"of {one.account}: {one.wrong}")
        for one in signed
        if one.wrong
    ]
    counts = signatures.counted(signed)
    if as_json:
        problems = [{"record": w.sequence or None, "check": w.what, "reason": w.told} for w in wrong]
        told = {"subject": f"0x{found.subject.hex()}", "block": found.block, "records": len(found.lines)}
        print_json({"ok": not wrong, **told, "signatures": counts, "problems": problems})
    else:
        for one in wrong:
            where = f"record {one.sequence}, {one.what}" if one.sequence else one.what
            click.echo(clean(f"{where}: WRONG: {one.told}"))
        if not wrong:
            click.echo(f"ok: {len(found.lines)} records of 0x{found.subject.hex()} up to block {found.block}")
        by = f"{counts['key']} by key, {counts['sender']} by sender, {counts['chain']} by the chain alone"
        click.echo(f"{len(signed)} signatures checked: {by}")
    if wrong:
        sys.exit(FOUND)


def _verify_disclosure(
    file: Path,
    content_hash: str | None,
    shown_file: Path | None,
    deployment: Deployment | None,
    as_json: bool,
) -> None:
    from goldthread.commands.record import read_file
    from goldthread.records.canonical import pointer
    from goldthread.records.disclosure import Disclosure, DisclosureError

    if (content_hash is None) == (deployment is None):
        raise Failure("--content-hash or --deployment: give one of the two")
    try:
        found = Disclosure.from_bytes(read_file("--disclosure", file))
    except DisclosureError as error:
        raise Failure(f"{file}: {error}") from None
    notes: list[str] = []
    if deployment is None:
        trusted = bytes32_of("--content-hash", str(content_hash))
    else:
        trusted, notes = _on_chain(file, found, deployment)
    wrong = found.failures(trusted)
    if shown_file is not None and not found.has_file(read_file("--file", shown_file)):
        wrong.append(("file", f"{shown_file} has none of the SHA-256 that are shown"))
    if as_json:
        shown = [
            {"document": document.index, "field": pointer(one.path), "value": one.value}
            for document in found.documents
            for one in document.fields
        ]
        problems = [{"check": name, "reason": reason} for name, reason in wrong]
        told = {"ok": not wrong, "contentHash": f"0x{trusted.hex()}", "notes": notes}
        print_json({**told, "fields": [] if wrong else shown, "problems": problems})
    else:
        for name, reason in wrong:
            click.echo(clean(f"{name}: WRONG: {reason}"))
        if not wrong:
            _print_shown(found)
            click.echo(f"ok: they are in the record with the content hash 0x{trusted.hex()}")
        for note in notes:
            click.echo(note)
    if wrong:
        sys.exit(FOUND)


def _on_chain(file: Path, found: Disclosure, deployment: Deployment) -> tuple[bytes, list[str]]:
    """The content hash of the record that a disclosure says it is from, and what else there is to know."""
    source, contract = found.source, deployment.records
    if source is None:
        raise Failure(f"{file}: names no record; give its --content-hash")
    here = deployment.chain.id, contract.address.lower()
    if (source.chain_id, source.contract.lower()) != here:
        where = f"{source.contract} on chain {source.chain_id}"
        raise Failure(f"{file}: is from {where}, not from {contract.address} on chain {deployment.chain.id}")
    entry = contract.recordOf(source.record)
    if not entry.sequence:
        raise Failure(f"{file}: there is no record 0x{source.record.hex()}")
    notes = [
        f"recorded at {moment(entry.recordedAt)} by {entry.author}, effective {moment(entry.effectiveAt)}"
    ]
    if entry.late:
        notes.append("the record is LATE")
    if any(entry.successor):
        notes.append(f"the record is superseded by 0x{entry.successor.hex()}")
    return entry.content, notes


# --------------------------------------------------------------------------------------------------- showing


def _line(found: Timeline, line: Line, archive: Archive, names: dict[int, str]) -> dict[str, Any]:
    """A record in the words of JSON."""
    from goldthread.records.timeline import FOREVER, explained, printed

    event, statement = line.event, line.statement
    numbers = {other.id: other.sequence for other in found.lines}
    until = line.retain_until
    return {
        "number": line.sequence,
        "record": f"0x{line.id.hex()}",
        "schema": str(line.form) if line.form else f"0x{statement.schema.hex()}",
        "author": event["author"],
        "organisation": names.get(event["org"], f"#{event['org']}"),
        "device": f"0x{event['device'].hex()}" if any(event["device"]) else None,
        "name": printed(archive, statement.signerName),
        "effective": moment(statement.effectiveAt),
        "recorded": moment(event["time"]),
        "late": event["late"],
        "content": f"0x{statement.content.hex()}",
        "documentCount": statement.documents,
        "copyOf": f"0x{statement.original.hex()}" if any(statement.original) else None,
        "data": f"0x{statement.data.hex()}",
        "uri": statement.uri or None,
        "amends": numbers.get(line.amends),
        "reason": explained(archive, line.reason),
        "amendedBy": numbers.get(line.successor),
        "complete": line.complete,
        "signatures": [
            {
                "meaning": _meaning(one.meaning),
                "account": one.account,
                "organisation": names.get(one.org, f"#{one.org}"),
                "name": printed(archive, one.name),
                "time": moment(one.time),
                "transaction": one.tx_hash,
            }
            for one in line.signatures
        ],
        "legalHolds": _holds(line.holds, names),
        "retainUntil": None if until == FOREVER else moment(until),
        "disposed": line.disposed,
        "protocol": explained(archive, line.protocol),
        "transaction": event.tx_hash,
        "block": event.block,
    }


def _meaning(bit: int) -> str:
    from goldthread.chain.words import Meaning

    return str(Meaning(bit).name).lower()


def _holds(holds: list[tuple[int, bytes]], names: dict[int, str]) -> list[dict[str, Any]]:
    return [
        {"org": org, "organisation": names.get(org, f"#{org}"), "reason": f"0x{reason.hex()}"}
        for org, reason in holds
    ]


def _print(told: list[dict[str, Any]]) -> None:
    columns = ("number", "schema", "by", "effective", "recorded", "state", "kept until")
    rows = []
    for one in told:
        by = one["device"] or one["author"]
        cells = [one["number"], one["schema"], f"{one['name'] or by}, {one['organisation']}"]
        until = one["retainUntil"] or "the legal hold ends"
        rows.append([*cells, one["effective"], one["recorded"], _state(one), until])
    print_table(columns, rows)
    click.echo()
    signed = []
    for one in told:
        for s in one["signatures"]:
            who = f"{s['name'] or 'name not opened'}, {s['organisation']}"
            signed.append([one["number"], s["meaning"], who, s["account"], s["time"]])
    if signed:
        print_table(("number", "signed for", "by", "account", "at"), signed)
        click.echo()


def _state(one: dict[str, Any]) -> str:
    words = ["complete" if one["complete"] else "superseded" if one["amendedBy"] else "INCOMPLETE"]
    words += ["LATE"] if one["late"] else []
    words += [f"true copy of {one['copyOf']}"] if one["copyOf"] else []
    words += [f"amends {one['amends']} ({one['reason']})"] if one["amends"] else []
    words += [f"amended by {one['amendedBy']}"] if one["amendedBy"] else []
    words += [f"legal hold by {held['organisation']}" for held in one["legalHolds"]]
    words += [f"disposed of ({one['protocol']})"] if one["disposed"] else []
    return ", ".join(words)


def _contents(archive: Archive, content: bytes) -> list[Any] | None:
    found = archive.find(content).bundle
    return None if found is None else [document.value for document in found.documents]


def _print_shown(found: Disclosure) -> None:
    import json

    from goldthread.records.canonical import pointer

    rows = [
        [document.index, pointer(one.path), json.dumps(one.value, ensure_ascii=False)]
        for document in found.documents
        for one in document.fields
    ]
    print_table(("document", "field", "value"), rows)


def _field(text: str) -> tuple[int, str]:
    number, separator, rest = text.partition(":")
    if separator and number.isascii() and number.isdigit() and len(number) < 6:
        return int(number), rest
    return 0, text


def _export(folder: Path, number: int, document: Document) -> Path:
    import json

    if document.content is None:
        path, data = folder / f"{number}.json", json.dumps(document.value, indent=2, ensure_ascii=False)
        content = f"{data}\n".encode()
    else:
        # Reading the bundle has checked that the name has no folder in it.
        path, content = folder / f"{number}-{document.name}", document.content
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}") from None
    return path
