"""`goldthread record`: write, amend and sign records, hold and dispose of their documents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands import evidence
from goldthread.commands.documents import prepared, sign, submit
from goldthread.commands.options import (
    FILE,
    Decorator,
    KeyChoice,
    Office,
    bytes32_of,
    deployment_option,
    json_option,
    keeps_documents,
    key_options,
    reads,
    sends,
    signer_bytes,
    time_of,
    twin_of,
)
from goldthread.commands.output import Failure, Group, print_fields, print_json

if TYPE_CHECKING:
    from goldthread.chain.contracts import Call, Deployment
    from goldthread.chain.logs import Event
    from goldthread.records.archive import Archive
    from goldthread.records.bundle import Bundle, Document

MEANINGS = ("authorship", "review", "approval", "responsibility")
DAY = 86_400

_record: Decorator = click.argument("record_text", metavar="RECORD")
_name_option: Decorator = click.option(
    "--name",
    envvar="GOLDTHREAD_NAME",
    metavar="TEXT",
    help="Printed name of who signs (or GOLDTHREAD_NAME). On chain is a salted hash of it.",
)
_reason_option: Decorator = click.option(
    "--reason", metavar="TEXT", help="Why, in words; they are kept like a document."
)
_reason_hash_option: Decorator = click.option(
    "--reason-hash", metavar="HASH", help="Id of the record, or digest of the document, that says why."
)
_out_option: Decorator = click.option(
    "--out", type=FILE, help="Prepare it for somebody else to sign, and send nothing."
)
_deadline_option: Decorator = click.option(
    "--deadline", metavar="TIME", help="With --out: last second at which it may be used (default: in a day)."
)

_STATEMENT: tuple[Decorator, ...] = (
    click.option("--schema", required=True, metavar="ORG/NAME[/VERSION]", help="Its form, or 0x id."),
    click.option(
        "--document",
        "documents",
        multiple=True,
        type=FILE,
        help="A document in JSON; each field can be shown alone. Several: several documents.",
    ),
    click.option("--file", "files", multiple=True, type=FILE, help="A file of any kind, as a document."),
    click.option(
        "--effective", metavar="TIME", help="When what it states took place (default: in the newest block)."
    ),
    click.option("--copy-of", metavar="HASH", help="It is a true copy of this record or digest."),
    click.option("--data", default="0x", metavar="HEX", help="Values in clear, for the schema's rule."),
    click.option("--uri", default="", metavar="URI", help="Where the documents are to be had."),
    _name_option,
    click.option("--device", "device_id", metavar="DEVICE", help="With --out: the device that states it."),
    _out_option,
    click.option(
        "--signer", "signer_text", metavar="HEX", help="With --out: ERC-7913 signer who is to sign it."
    ),
    _deadline_option,
)


def _states(command: Any) -> Any:
    """The options of a statement."""
    for option in reversed(_STATEMENT):
        command = option(command)
    return command


@click.group(cls=Group)
def record() -> None:
    """Write, sign, show and verify records of things and lots, and their documents.

    SUBJECT is a link, another URI or an id of a twin or lot. RECORD is an id, or SUBJECT#NUMBER.
    """


record.add_command(evidence.show)
record.add_command(evidence.verify)
record.add_command(evidence.disclose)
record.add_command(evidence.export)
record.add_command(sign)
record.add_command(submit)


# -------------------------------------------------------------------------------------------------- preparing


@record.command()
@click.argument("out", type=FILE)
@json_option
def reader(out: Path, as_json: bool) -> None:
    """Make a key file for a reader of sealed documents, and print the public key to give to their owners.

    \b
    Example:
      goldthread record reader auditor.key
    """
    from goldthread.records.sealing import ReaderKey

    key = ReaderKey.generate()
    key.save(out)
    if as_json:
        print_json({"reader": key.reader})
    else:
        click.echo(key.reader)


@record.command()
@key_options
@click.option(
    "--public-key", type=FILE, help="What AuthenticatorAttestationResponse.getPublicKey() gave, in DER."
)
@deployment_option(required=False)
@json_option
def passkey(key: KeyChoice, public_key: Path | None, deployment_file: Path | None, as_json: bool) -> None:
    """Print the signer of a passkey, as contracts know it, and the account that stands for it.

    An organisation's admin gives that signer duties (Consortium.setSigner).

    \b
    Example:
      goldthread record passkey --public-key ann.der --deployment deployments/31337.json
    """
    from goldthread.chain.devices import account_of
    from goldthread.chain.manifest import Manifest
    from goldthread.chain.passkeys import signer_of
    from goldthread.commands.options import address_of

    manifest = None if deployment_file is None else Manifest.load(deployment_file)
    if public_key is None:
        with key.open(manifest, contract=_VERIFIER) as opened:
            found = opened.signer
    elif key.given:
        raise Failure("--public-key or a key: give one of the two")
    else:
        if key.verifier is not None:
            verifier = address_of("--verifier", key.verifier)
        elif manifest is not None:
            verifier = manifest.address(_VERIFIER)
        else:
            raise Failure("--deployment or --verifier: says which contract verifies the passkey")
        found = signer_of(read_file("--public-key", public_key), verifier)
    if len(found) != 84:
        raise Failure("--key: is not on the curve P-256, as that of a passkey is")
    facts = {"signer": f"0x{found.hex()}", "account": account_of(found)}
    if as_json:
        print_json(facts)
    else:
        print_fields(list(facts.items()))


_VERIFIER = "ERC7913WebAuthnVerifier"


@record.command()
@click.argument("file", type=FILE)
@click.option("--rp-id", required=True, metavar="SITE", help="The site that the passkey was made for.")
def request(file: Path, rp_id: str) -> None:
    """Print what to ask of a passkey so that it signs the prepared FILE.

    A browser passes it to navigator.credentials.get, by PublicKeyCredential.parseRequestOptionsFromJSON;
    what that answers, as JSON, goes to `record sign --assertion`.

    \b
    Example:
      goldthread record request approval.json --rp-id quality.example
    """
    from goldthread.chain.approvals import Document as Prepared
    from goldthread.chain.passkeys import request as asked

    print_json(asked(Prepared.load(file).digest, rp_id))


@record.command()
@click.argument("file", type=FILE)
@click.option("--form", type=FILE, help="The form that people fill in, kept with it.")
@keeps_documents
@sends
def define(office: Office, file: Path, form: Path | None, archive: Archive) -> None:
    """Define the schema in FILE for the sender's organisation. A new version supersedes the one before.

    FILE is JSON; docs/guides/records.md has one.

    \b
    Example:
      goldthread record define weighing.json --plain --deployment deployments/31337.json
        --keystore quality.json
    """
    from goldthread.records.bundle import Bundle
    from goldthread.records.forms import FormError, Schema

    document = _json_document(file)
    try:
        schema = Schema.from_json(document.value)
    except FormError as error:
        raise Failure(f"{file}: {error}") from None
    office.require_sender()
    bundle = Bundle((document, *([] if form is None else [_file_document(form)])))
    archive.keep(bundle)
    terms = replace(schema.terms, definition=bundle.content_hash)
    call = office.deployment.records.defineSchema(schema.name, schema.version, terms)
    (event,) = send_kept(office, archive, call)
    id_, org = event["schema"], event["org"]
    name = f"{org}/{schema.name}/{schema.version}"
    office.tell(f"defined: schema {name}", schema=f"0x{id_.hex()}", name=name)


@record.command()
@click.argument("schema_text", metavar="ORG/NAME[/VERSION]")
@reads
def schema(office: Office, schema_text: str) -> None:
    """Print what a schema asks of its records, in the words of the file that defines one.

    \b
    Example:
      goldthread record schema 1/weighing --deployment deployments/31337.json
    """
    from goldthread.records.forms import words_of

    id_ = schema_of(office.deployment, schema_text)
    found = office.deployment.records.schema(id_)
    if not found.org:
        raise Failure(f"{schema_text}: there is no such schema")
    told: dict[str, Any] = {"schema": f"0x{id_.hex()}", "org": found.org, "version": found.version}
    told |= {"superseded": found.superseded, "definition": f"0x{found.terms.definition.hex()}"}
    told |= words_of(found.terms)
    if office.as_json:
        print_json(told)
        return
    fields = [(name, ", ".join(value) if isinstance(value, list) else value) for name, value in told.items()]
    kept = told["retention"]
    fields[-1] = ("retention", ", ".join(f"{name} {seconds} s" for name, seconds in kept.items()))
    print_fields(fields)


# ---------------------------------------------------------------------------------------------------- writing


@record.command()
@click.argument("subject_id", metavar="SUBJECT")
@_states
@keeps_documents
@sends
def add(office: Office, subject_id: str, archive: Archive, **options: Any) -> None:
    """Write a record about SUBJECT: keep its documents, and put their hash on chain.

    The sender is the author. With --out nothing is sent: the statement is prepared for the person or
    device with --signer, who signs it (`record sign`), and anyone brings it (`record submit`).

    \b
    Example:
      goldthread record add 01/09506000134352/10/L7 --schema 1/weighing --document step3.json
        --effective 2027-01-15T08:00:00Z --name "Ann Noble" --reader age1...
        --deployment deployments/31337.json --keystore ann.json
    """
    _write(office, archive, twin_of("SUBJECT", subject_id), bytes(32), bytes(32), **options)


@record.command()
@_record
@_reason_option
@_reason_hash_option
@_states
@keeps_documents
@sends
def amend(
    office: Office,
    record_text: str,
    reason: str | None,
    reason_hash: str | None,
    archive: Archive,
    **options: Any,
) -> None:
    """Write a record that supersedes RECORD, and say why. The old one stays, and can be shown.

    \b
    Example:
      goldthread record amend 01/09506000134352/10/L7#3 --reason "12.50 was read as 12.05"
        --schema 1/weighing --document step3.json --name "Ann Noble" --reader age1...
        --deployment deployments/31337.json --keystore ann.json
    """
    id_, deployment = record_of(record_text), office.deployment
    subject = deployment.records.subjectOf(id_)
    if not any(subject):
        raise Failure(f"RECORD {record_text!r}: there is no such record")
    why = kept_reason(archive, "reason", reason, reason_hash)
    _write(office, archive, subject, id_, why, **options)


@record.command()
@_record
@click.option(
    "--meaning", required=True, type=click.Choice(MEANINGS), help="What the signature means (21 CFR 11.50)."
)
@_name_option
@_out_option
@_deadline_option
@keeps_documents
@sends
def countersign(
    office: Office,
    record_text: str,
    meaning: str,
    name: str | None,
    out: Path | None,
    deadline: str | None,
    archive: Archive,
) -> None:
    """Sign RECORD in second place. Read its documents first: they must be there and match the chain.

    The sender signs. With --out nothing is sent: the signature is prepared for somebody with a key or
    passkey, who signs it (`record sign`), and anyone brings it (`record submit`).

    \b
    Examples:
      goldthread record countersign 01/09506000134352/10/L7#3 --meaning review --name "Bo Berg"
        --reader age1... --identity bo.key --deployment deployments/31337.json --keystore bo.json
      goldthread record countersign 0x... --meaning approval --name "Cy Ames" --reader age1...
        --identity cy.key --out approval.json --deployment deployments/31337.json
    """
    from goldthread.chain.records import Countersignature, countersignature_message
    from goldthread.chain.words import Meaning

    id_, deployment = record_of(record_text), office.deployment
    contract = deployment.records
    content = contract.contentOf(id_)
    if not any(content):
        raise Failure(f"RECORD {record_text!r}: there is no such record")
    archive.open(content, f"record 0x{id_.hex()}")
    if out is None:
        office.require_sender()
    item = Countersignature(id_, content, Meaning[meaning.upper()], kept_name(archive, name))
    if out is not None:
        message = countersignature_message(item, _deadline(deployment, deadline))
        prepared("SignedCountersignature", deployment.manifest, message, out)
        archive.settle()
        return
    _no_deadline(deadline)
    send_kept(office, archive, contract.countersign(item))
    office.tell(f"signed for {meaning}", record=f"0x{id_.hex()}", meaning=meaning)


# -------------------------------------------------------------------------------------- holding and disposing


@record.command()
@click.argument("object_text", metavar="RECORD|SUBJECT")
@_reason_option
@_reason_hash_option
@keeps_documents
@sends
def hold(
    office: Office, object_text: str, reason: str | None, reason_hash: str | None, archive: Archive
) -> None:
    """Forbid to dispose of RECORD, or of all records about SUBJECT (legal hold).

    \b
    Example:
      goldthread record hold 01/09506000134352/10/L7 --reason "inspection 2027-03" --reader age1...
        --deployment deployments/31337.json --keystore quality.json
    """
    object_ = _object(object_text)
    office.require_sender()
    why = kept_reason(archive, "reason", reason, reason_hash)
    send_kept(office, archive, office.deployment.records.setLegalHold(object_, why))
    office.tell("held", object=f"0x{object_.hex()}", reason=f"0x{why.hex()}")


@record.command()
@click.argument("object_text", metavar="RECORD|SUBJECT")
@click.option("--reason-hash", required=True, metavar="HASH", help="The reason that was given.")
@click.option(
    "--holder", required=True, type=click.IntRange(1), help="Number of the organisation that set it."
)
@sends
def release(office: Office, object_text: str, reason_hash: str, holder: int) -> None:
    """Lift a legal hold: who set it, or a regulator. `record show` prints holders and reasons.

    \b
    Example:
      goldthread record release 01/09506000134352/10/L7 --reason-hash 0x... --holder 1
        --deployment deployments/31337.json --keystore quality.json
    """
    object_, why = _object(object_text), bytes32_of("--reason-hash", reason_hash)
    office.send(office.deployment.records.liftLegalHold(object_, holder, why))
    office.tell("released", object=f"0x{object_.hex()}", reason=f"0x{why.hex()}", holder=holder)


@record.command()
@_record
@click.option("--protocol", metavar="TEXT", help="How, in words; they are kept like a document.")
@click.option("--protocol-hash", metavar="HASH", help="Id of the record, or digest, that tells how.")
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
@keeps_documents
@sends
def dispose(
    office: Office,
    record_text: str,
    protocol: str | None,
    protocol_hash: str | None,
    yes: bool,
    archive: Archive,
) -> None:
    """Dispose of the documents of RECORD after their time: say so on chain, then remove them from the store.

    Digest, signatures and printed names stay. Can be run again after an interruption. Copies in other stores
    are yours to remove.

    \b
    Example:
      goldthread record dispose 01/09506000134352/10/L7#3 --protocol "shredded, list 12" --reader age1...
        --deployment deployments/31337.json --keystore quality.json
    """
    from goldthread.records.timeline import same_content

    id_, contract = record_of(record_text), office.deployment.records
    entry = contract.recordOf(id_)
    if not entry.sequence:
        raise Failure(f"RECORD {record_text!r}: there is no such record")
    others = same_content(office.deployment, id_, entry.content)
    if not yes:
        click.confirm("This cannot be taken back. Dispose of the documents?", abort=True, err=True)
    if entry.disposed:
        removed = 0 if others else archive.forget(entry.content)
        click.echo(f"was disposed of before; {removed} copies removed", err=office.as_json)
        return
    office.require_sender()
    how = kept_reason(archive, "protocol", protocol, protocol_hash)
    send_kept(office, archive, contract.dispose(id_, how))
    # The same documents may belong to a record that must still be kept.
    removed = 0 if others else archive.forget(entry.content)
    kept = f"; kept for record 0x{others[0].hex()}" if others else ""
    office.tell(f"disposed of; {removed} copies removed{kept}", record=f"0x{id_.hex()}", removed=removed)


# ---------------------------------------------------------------------------------------------------- private


def _write(
    office: Office,
    archive: Archive,
    subject: bytes,
    supersedes: bytes,
    reason: bytes,
    *,
    schema: str,
    documents: tuple[Path, ...],
    files: tuple[Path, ...],
    effective: str | None,
    copy_of: str | None,
    data: str,
    uri: str,
    name: str | None,
    device_id: str | None,
    out: Path | None,
    signer_text: str | None,
    deadline: str | None,
) -> None:
    """Keep the documents; then send the statement, or prepare it for who signs."""
    from goldthread.chain.records import Amendment, Statement, next_sequence, statement_message

    deployment = office.deployment
    contract = deployment.records
    if (out is None) != (signer_text is None):
        raise Failure("--out and --signer: go together; the signer's statements are numbered")
    if device_id is not None and out is None:
        raise Failure("--device: goes with --out and --signer, the key of the device")
    if device_id is not None and any(supersedes):
        raise Failure("--device: does not amend, persons do")
    device = bytes(32) if device_id is None else twin_of("--device", device_id)
    form = schema_of(deployment, schema)
    at = _now(deployment) if effective is None else time_of("--effective", effective)
    original = bytes(32) if copy_of is None else bytes32_of("--copy-of", copy_of)
    values = _bytes_of("--data", data)
    bundle = _bundle(documents, files)
    if out is None:
        office.require_sender()
    name_hash = bytes(32) if any(device) else kept_name(archive, name)
    content, count = bundle.content_hash, len(bundle.documents)
    statement = Statement(subject, form, content, count, at, original, name_hash, values, uri)
    archive.keep(bundle)
    if out is not None and signer_text is not None:
        sequence = next_sequence(deployment, signer_bytes("--signer", signer_text))
        amendment, until = Amendment(supersedes, reason), _deadline(deployment, deadline)
        message = statement_message(statement, sequence, until, amendment=amendment, device=device)
        prepared("SignedStatement", deployment.manifest, message, out)
        archive.settle()
        return
    _no_deadline(deadline)
    call: Call = contract.write(statement)
    if any(supersedes):
        call = contract.amend(statement, supersedes, reason)
    event = _written(send_kept(office, archive, call))
    id_, number = event["record"], event["sequence"]
    late = ", LATE" if event["late"] else ""
    office.tell(
        f"written: record {number} 0x{id_.hex()}{late}",
        record=f"0x{id_.hex()}",
        sequence=number,
        late=event["late"],
        content=f"0x{content.hex()}",
    )


def send_kept(office: Office, archive: Archive, call: Call) -> list[Event]:
    """Send a call; what was kept for it stays, unless it is certain that the chain refused."""
    from goldthread.chain.errors import ContractError

    try:
        return office.send(call)
    except ContractError:
        archive.take_back()
        raise
    finally:
        archive.settle()


def _written(events: list[Event]) -> Event:
    return next(event for event in events if event.name == "RecordWritten")


def record_of(text: str) -> bytes:
    """A record from its id, or from subject and number."""
    from goldthread.chain.records import record_id

    subject, separator, number = text.rpartition("#")
    if not separator:
        return bytes32_of("RECORD", text)
    if not number.isascii() or not number.isdigit() or not 0 < int(number) < 1 << 32:
        raise Failure(f"RECORD {text!r}: must end with # and a number from 1")
    return record_id(twin_of("RECORD", subject), int(number))


def _object(text: str) -> bytes:
    return record_of(text) if "#" in text else twin_of("RECORD|SUBJECT", text)


def schema_of(deployment: Deployment, text: str) -> bytes:
    """The id of a schema from `ORG/NAME`, `ORG/NAME/VERSION` or the id itself."""
    from goldthread.chain.records import schema_id

    if text.startswith("0x"):
        return bytes32_of("schema", text)
    org, _, name = text.partition("/")
    if not org.isascii() or not org.isdigit() or not name:
        raise Failure(f"schema {text!r}: must be ORG/NAME, ORG/NAME/VERSION or an id")
    contract = deployment.records
    if newest := contract.newestSchema(int(org), name):
        return schema_id(int(org), name, newest)
    name, _, version = name.rpartition("/")
    if version.isascii() and version.isdigit() and 0 < int(version) <= contract.newestSchema(int(org), name):
        return schema_id(int(org), name, int(version))
    raise Failure(f"schema {text!r}: organisation {org} has defined no such schema")


def _bundle(documents: tuple[Path, ...], files: tuple[Path, ...]) -> Bundle:
    from goldthread.records.bundle import Bundle

    if not documents and not files:
        raise Failure("--document or --file: a record has at least one")
    return Bundle((*map(_json_document, documents), *map(_file_document, files)))


def _json_document(file: Path) -> Document:
    from goldthread.records.bundle import Document
    from goldthread.records.canonical import JsonError, parse

    try:
        return Document.json(parse(read_file("", file)))
    except JsonError as error:
        raise Failure(f"{file}: {error}") from None


def _file_document(file: Path) -> Document:
    import mimetypes

    from goldthread.records.bundle import Document

    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Document.file(file.name, kind, read_file("", file))


def read_file(option: str, file: Path) -> bytes:
    """A whole file, up to what a store keeps."""
    from goldthread.records.store import LIMIT

    try:
        with file.open("rb") as opened:
            data = opened.read(LIMIT + 1)
    except OSError as error:
        raise Failure(f"{option} {file}: {error.strerror or error}".lstrip()) from None
    if len(data) > LIMIT:
        raise Failure(f"{option} {file}: has more than {LIMIT} bytes".lstrip())
    return data


def kept_name(archive: Archive, name: str | None) -> bytes:
    """The salted hash of a printed name, whose opening is kept."""
    from goldthread.records.signatories import printed_name

    if name is None:
        raise Failure("--name: say who signs, as the name is printed (21 CFR 11.50)")
    opening = printed_name(name)
    archive.keep(opening)
    return opening.content_hash


def kept_reason(archive: Archive, option: str, text: str | None, digest: str | None) -> bytes:
    """The hash of an explanation: given, or that of words, which are kept."""
    from goldthread.records.bundle import Bundle, Document

    if (text is None) == (digest is None):
        raise Failure(f"--{option} or --{option}-hash: give one of the two")
    if digest is not None:
        return bytes32_of(f"--{option}-hash", digest)
    if not text or text != text.strip():
        raise Failure(f"--{option} {text!r}: must be words, without blanks around them")
    bundle = Bundle.of(Document.json({option: text}))
    archive.keep(bundle)
    return bundle.content_hash


def _bytes_of(option: str, text: str) -> bytes:
    try:
        if text.startswith("0x"):
            return bytes.fromhex(text[2:])
    except ValueError:
        pass
    raise Failure(f"{option} {text!r}: must be 0x and hex digits")


def _now(deployment: Deployment) -> int:
    """The newest block's time: what a record states cannot lie after its own block."""
    return int(deployment.chain.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


def _deadline(deployment: Deployment, text: str | None) -> int:
    return _now(deployment) + DAY if text is None else time_of("--deadline", text)


def _no_deadline(text: str | None) -> None:
    if text is not None:
        raise Failure("--deadline: goes with --out; what is sent now needs none")
