"""Options and arguments that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.output import Failure

if TYPE_CHECKING:
    from goldthread.chain.contracts import Deployment
    from goldthread.chain.devices import SoftKey

FILE = click.Path(dir_okay=False, path_type=Path)

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def deployment_option(*, required: bool = True) -> Decorator:
    """`--deployment`."""
    return click.option(
        "--deployment",
        "deployment_file",
        type=FILE,
        required=required,
        envvar="GOLDTHREAD_DEPLOYMENT",
        help="Deployment manifest, deployments/<chain id>.json (or GOLDTHREAD_DEPLOYMENT).",
    )


rpc_option: Decorator = click.option(
    "--rpc",
    metavar="URL",
    default="http://127.0.0.1:8545",
    envvar="GOLDTHREAD_RPC",
    help="URL of the node, or path of its IPC socket (or GOLDTHREAD_RPC).",
    show_default=True,
)

from_block_option: Decorator = click.option(
    "--from-block",
    "first",
    type=click.IntRange(0),
    help="First block to read (default: that of the first deployment; a later one leaves out history).",
)

to_block_option: Decorator = click.option(
    "--to-block", "last", type=click.IntRange(0), help="Last block to read (default: the newest)."
)

json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def open_deployment(path: Path, url: str) -> Deployment:
    """The deployment behind the two options."""
    from goldthread.chain.contracts import Deployment

    return Deployment.open(path, url)


def twin_of(option: str, text: str) -> bytes:
    """A twin id from its 64 hex digits, or from whatever `goldthread id` reads."""
    from goldthread.gs1 import IdError, identify, twin_id

    if text.startswith("0x"):
        return bytes32_of(option, text)
    try:
        return twin_id(identify(text).uri)
    except IdError as error:
        raise Failure(f"{option} {error}") from None


def address_of(option: str, text: str) -> str:
    """An address with its checksum."""
    from eth_utils.address import is_address, to_checksum_address

    if not is_address(text):
        raise Failure(
            f"{option} {text!r}: is no address (0x and 40 hex digits, with a right checksum if any)"
        )
    return to_checksum_address(text)


def load_key(file: Path, passphrase_file: Path | None, verifier: str = "") -> SoftKey:
    """A key from a PEM or keystore file; asks for the passphrase if no file holds it."""
    from goldthread.chain.devices import KeyFileError, SoftKey

    passphrase = ""
    if passphrase_file is not None:
        try:
            passphrase = passphrase_file.read_text().rstrip("\r\n")
        except OSError as error:
            raise Failure(f"{passphrase_file}: {error.strerror or error}") from None
    try:
        return SoftKey.load(file, passphrase, verifier)
    except KeyFileError:
        if passphrase_file is not None or not SoftKey.is_encrypted(file):
            raise
    return SoftKey.load(file, click.prompt(f"Passphrase of {file}", hide_input=True, err=True), verifier)


def bytes32_of(option: str, text: str) -> bytes:
    """32 bytes from 0x and 64 hex digits."""
    try:
        found = bytes.fromhex(text.removeprefix("0x")) if text.startswith("0x") else b""
    except ValueError:
        found = b""
    if len(found) != 32:
        raise Failure(f"{option} {text!r}: must be 0x and 64 hex digits")
    return found
