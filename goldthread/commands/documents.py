"""`sign` and `submit`: what firmware and device commands prepare, on its way to signers and to the chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import FILE, KeyChoice, Office, deployment_option, key_options, sends
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
@click.option("--out", type=FILE, help="File to write (default: FILE itself).")
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
def sign(file: Path, key: KeyChoice, deployment_file: Path | None, out: Path | None, yes: bool) -> None:
    """Sign a prepared document, without a network. Shows what is signed, and asks.

    The document can be carried to one signer after the other, or each signs a copy of its own.

    \b
    Example:
      goldthread firmware sign release.json --pkcs11-module /usr/lib/softhsm/libsofthsm2.so
        --token plant --key-label release --pin-file pin.txt --deployment deployments/31337.json
    """
    from goldthread.chain.approvals import Document
    from goldthread.chain.manifest import Manifest

    key.check()
    document = Document.load(file)
    show(document)
    if not yes:
        click.confirm("Sign this?", abort=True, err=True)
    manifest = None if deployment_file is None else Manifest.load(deployment_file)
    with key.open(manifest) as signer:
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
    event, *_ = office.send(document.call(office.deployment))
    office.tell(
        f"{event.name}, signed by {len(document.signatures)}",
        event=event.name,
        digest=f"0x{document.digest.hex()}",
    )


def show(document: Document) -> None:
    """What is signed, in the words of the message, on standard error."""
    from goldthread.commands.output import clean, moment

    fields: list[tuple[str, object]] = [("type", document.kind), ("contract", document.where.contract)]
    fields.append(("chain", document.where.chain_id))
    for name, value in document.message.items():
        told = moment(value) if name in _TIMES and isinstance(value, int) else value
        fields.append((name, told))
    fields.append(("digest", f"0x{document.digest.hex()}"))
    longest = max(len(name) for name, _ in fields)
    for name, value in fields:
        click.echo(f"{name.ljust(longest)}  {clean(str(value))}", err=True)


_TIMES = ("notBefore", "expiry", "time", "deadline")
