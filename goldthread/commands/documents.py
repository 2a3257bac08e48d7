"""`sign` and `submit`: what firmware and device commands prepare, on its way to signers and to the chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import (
    FILE,
    KeyChoice,
    Office,
    deployment_option,
    key_options,
    sends,
    signer_bytes,
)
from goldthread.commands.output import Failure, write_json

if TYPE_CHECKING:
    from goldthread.chain.approvals import Document
    from goldthread.chain.manifest import Manifest


def prepared(kind: str, manifest: Manifest, message: dict[str, Any], out: Path | None) -> None:
    """Write a document that nobody has signed."""
    from goldthread.chain.approvals import Document, DocumentError
    from goldthread.chain.eip712 import CONTRACT_OF, domain

    contract = CONTRACT_OF[kind]
    try:
        document = Document(kind, domain(contract, manifest.chain_id, manifest.address(contract)), message)
    except DocumentError as error:
        raise Failure(str(error)) from None
    write_json(out, document.to_json())


@click.command()
@click.argument("file", type=FILE)
@key_options
@deployment_option(required=False)
@click.option("--rp-id", metavar="SITE", help="The key is a passkey in software, for this site.")
@click.option("--assertion", type=FILE, help="What a passkey answered: see `record request`.")
@click.option("--signer", "signer_text", metavar="HEX", help="With --assertion: the passkey's signer.")
@click.option("--out", type=FILE, help="File to write (default: FILE itself).")
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
def sign(
    file: Path,
    key: KeyChoice,
    deployment_file: Path | None,
    rp_id: str | None,
    assertion: Path | None,
    signer_text: str | None,
    out: Path | None,
    yes: bool,
) -> None:
    """Sign a prepared document, without a network. Shows what is signed, and asks.

    The document can be carried to one signer after the other, or each signs a copy of its own. A passkey has
    shown the challenge to its user: its answer is put to the document with --assertion and --signer.

    \b
    Example:
      goldthread firmware sign release.json --pkcs11-module /usr/lib/softhsm/libsofthsm2.so
        --token plant --key-label release --pin-file pin.txt --deployment deployments/31337.json
      goldthread record sign approval.json --assertion answer.json --signer 0x... --rp-id quality.example
    """
    from goldthread.chain.approvals import Document
    from goldthread.chain.manifest import Manifest
    from goldthread.chain.passkeys import Passkey

    if assertion is not None:
        if key.given or signer_text is None:
            raise Failure("--assertion: goes with --signer, and without a key")
        document, who = _answered(Document.load(file), assertion, signer_text, rp_id or "")
        show(document)
        write_json(out or file, document.to_json())
        click.echo(f"signed by 0x{who.hex()}; {len(document.signatures)} signatures", err=True)
        return
    if signer_text is not None:
        raise Failure("--signer: goes with --assertion; a key says itself who it is")
    key.check()
    document = Document.load(file)
    show(document)
    if not yes:
        click.confirm("Sign this?", abort=True, err=True)
    manifest = None if deployment_file is None else Manifest.load(deployment_file)
    with key.open(manifest, contract=_VERIFIERS[rp_id is not None]) as opened:
        signer = opened if rp_id is None else Passkey(opened, rp_id)
        signed = document.signed_by(signer)
        who = signer.signer
    write_json(out or file, signed.to_json())
    click.echo(f"signed by 0x{who.hex()}; {len(signed.signatures)} signatures", err=True)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
@sends
def submit(office: Office, files: tuple[Path, ...]) -> None:
    """Bring a signed document to its contract. Several FILEs are copies with different signatures.

    \b
    Example:
      goldthread firmware submit ann.json bob.json --deployment deployments/31337.json --keystore admin.json
    """
    from goldthread.chain.approvals import Document, DocumentError

    document = Document.load(files[0])
    for copy in files[1:]:
        try:
            document = document.merged(Document.load(copy))
        except DocumentError as error:
            raise Failure(f"{copy}: {error}") from None
    event = office.send(document.call(office.deployment))[0]
    facts = {"event": event.name, "digest": f"0x{document.digest.hex()}"}
    told = f"{event.name}, signed by {len(document.signatures)}"
    if "record" in event.args:
        facts["record"] = f"0x{event['record'].hex()}"
        told = f"{told}: record {facts['record']}"
    office.tell(told, **facts)


_VERIFIERS = {False: "ERC7913P256Verifier", True: "ERC7913WebAuthnVerifier"}


def _answered(document: Document, assertion: Path, signer: str, rp_id: str) -> tuple[Document, bytes]:
    """The document with the answer of a passkey, which is checked."""
    from goldthread.chain.passkeys import Assertion, PasskeyError

    who, answer = signer_bytes("--signer", signer), Assertion.load(assertion)
    try:
        answer.check(document.digest, who, rp_id)
    except PasskeyError as error:
        raise Failure(f"{assertion}: {error}") from None
    return document.with_signature(who, answer.signature), who


def show(document: Document) -> None:
    """What is signed, in the words of the message, on standard error."""
    from goldthread.commands.output import clean, moment

    fields: list[tuple[str, object]] = [("type", document.kind), ("contract", document.where.contract)]
    fields.append(("chain", document.where.chain_id))
    for name, value in _flat(document.message):
        told = moment(value) if name in _TIMES and isinstance(value, int) else value
        fields.append((name, f"0x{told.hex()}" if isinstance(told, bytes) else told))
    fields.append(("digest", f"0x{document.digest.hex()}"))
    longest = max(len(name) for name, _ in fields)
    for name, value in fields:
        click.echo(f"{name.ljust(longest)}  {clean(str(value))}", err=True)


def _flat(message: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of a message, those of structs in it as well."""
    for name, value in message.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield name, value


_TIMES = ("notBefore", "expiry", "time", "deadline", "effectiveAt")
