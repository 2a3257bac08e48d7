"""Options and arguments that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.output import Failure

if TYPE_CHECKING:
    from goldthread.chain.contracts import Deployment
    from goldthread.chain.send import Sender

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


from_option: Decorator = click.option(
    "--from", "account", metavar="ADDRESS", help="Account that a development node signs for."
)

keystore_option: Decorator = click.option(
    "--keystore", type=FILE, help="Encrypted keystore file of the account; asks for its passphrase."
)

passphrase_option: Decorator = click.option(
    "--passphrase-file", type=FILE, help="Holds the keystore's passphrase (default: ask for it)."
)


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


def bytes32_of(option: str, text: str) -> bytes:
    """32 bytes from 0x and 64 hex digits."""
    try:
        found = bytes.fromhex(text.removeprefix("0x")) if text.startswith("0x") else b""
    except ValueError:
        found = b""
    if len(found) != 32:
        raise Failure(f"{option} {text!r}: must be 0x and 64 hex digits")
    return found


def sender_of(
    deployment: Deployment, account: str | None, keystore: Path | None, passphrase_file: Path | None
) -> Sender:
    """Who signs; waits for what that account has sent before."""
    from eth_utils.address import is_address, to_checksum_address

    from goldthread.chain.send import Sender
    from goldthread.recall import settle

    if (account is None) == (keystore is None):
        raise Failure("--from or --keystore: give one of the two, to say who signs")
    if keystore is not None:
        sender = Sender.keystore(deployment.chain, keystore, _passphrase(keystore, passphrase_file))
    elif account is not None and is_address(account):
        sender = Sender.unlocked(deployment.chain, to_checksum_address(account))
    else:
        raise Failure(f"--from {account!r}: must be an address, 0x and 40 hex digits")
    settle(sender)
    return sender


def _passphrase(keystore: Path, file: Path | None) -> str:
    if file is None:
        found: str = click.prompt(f"Passphrase of {keystore}", hide_input=True, err=True)
        return found
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise Failure(f"--passphrase-file {file}: {getattr(error, 'strerror', None) or error}") from None
