"""Options and arguments that several commands share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.output import Failure, print_json

if TYPE_CHECKING:
    from goldthread.chain.contracts import Call, Contract, Deployment
    from goldthread.chain.logs import Event
    from goldthread.chain.manifest import Manifest
    from goldthread.chain.send import Sender
    from goldthread.chain.signers import Signer
    from goldthread.records.archive import Archive

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


def bytes32_of(option: str, text: str) -> bytes:
    """32 bytes from 0x and 64 hex digits."""
    try:
        found = bytes.fromhex(text.removeprefix("0x")) if text.startswith("0x") else b""
    except ValueError:
        found = b""
    if len(found) != 32:
        raise Failure(f"{option} {text!r}: must be 0x and 64 hex digits")
    return found


# --------------------------------------------------------------------------------------------------- senders


def sender_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--from`, `--keystore` and `--passphrase-file`: who sends; see `sender_of`."""
    for option in reversed(_SENDER):
        command = option(command)
    return command


_SENDER: tuple[Decorator, ...] = (
    click.option("--from", "account", metavar="ADDRESS", help="Account that a development node signs for."),
    click.option(
        "--keystore", type=FILE, help="Encrypted keystore file of the account; asks for its passphrase."
    ),
    click.option(
        "--passphrase-file", type=FILE, help="Holds the keystore's passphrase (default: ask for it)."
    ),
)


def sender_of(
    deployment: Deployment, account: str | None, keystore: Path | None, passphrase_file: Path | None
) -> Sender:
    """Who sends; waits for what that account has sent before."""
    from goldthread.chain.send import Sender

    if (account is None) == (keystore is None):
        raise Failure("--from or --keystore: give one of the two, to say who signs")
    if keystore is not None:
        secret = secret_of(f"Passphrase of {keystore}", "--passphrase-file", passphrase_file)
        sender = Sender.keystore(deployment.chain, keystore, secret)
    else:
        sender = Sender.unlocked(deployment.chain, address_of("--from", account or ""))
    sender.settle()
    return sender


# ------------------------------------------------------------------------------------------------------ keys


@dataclass(frozen=True)
class KeyChoice:
    """Which key signs: one in a file, or one in a token."""

    file: Path | None
    passphrase_file: Path | None
    module: Path | None
    token: str | None
    label: str | None
    pin_file: Path | None
    verifier: str | None

    @property
    def given(self) -> bool:
        """True if a key was named."""
        return self.file is not None or self.module is not None

    def check(self) -> None:
        """Fail unless exactly one key was named."""
        if (self.file is None) == (self.module is None):
            raise Failure("--key or --pkcs11-module: give one of the two, to say which key signs")

    @contextmanager
    def open(
        self, manifest: Manifest | None, verifier: str = "", contract: str = "ERC7913P256Verifier"
    ) -> Iterator[Signer]:
        """The key, for as long as the block runs. Asks for passphrase or PIN where no file holds it.

        `verifier` is the address behind P-256 signers where neither option nor manifest names one, and
        `contract` the name under which the manifest has it.
        """
        self.check()
        if self.verifier is not None:
            verifier = address_of("--verifier", self.verifier)
        elif manifest is not None and contract in manifest.contracts:
            verifier = manifest.address(contract)
        if self.file is not None:
            yield self._from_file(self.file, verifier)
            return
        from goldthread.chain.hsm import HsmKey

        if self.module is None or self.token is None or self.label is None:
            raise Failure("--token and --key-label: name the token and the key pair in it")
        if not verifier:
            raise Failure("--verifier: a P-256 key needs the address of the verifier contract")
        pin = secret_of(f"PIN of {self.token}", "--pin-file", self.pin_file)
        with HsmKey.open(self.module, self.token, self.label, pin, verifier) as key:
            yield key

    def _from_file(self, file: Path, verifier: str) -> Signer:
        from goldthread.chain.devices import KeyFileError, SoftKey

        if self.passphrase_file is not None:
            return SoftKey.load(file, _line_of("--passphrase-file", self.passphrase_file), verifier)
        try:
            return SoftKey.load(file, "", verifier)
        except KeyFileError:
            if not SoftKey.is_encrypted(file):
                raise
        return SoftKey.load(file, secret_of(f"Passphrase of {file}", "", None), verifier)


_KEY: tuple[Decorator, ...] = (
    click.option("--key", "key_file", type=FILE, help="The key that signs: PEM or keystore file."),
    click.option("--passphrase-file", type=FILE, help="Holds the key's passphrase (default: ask for it)."),
    click.option("--pkcs11-module", type=FILE, help="PKCS#11 library of the token that holds the key."),
    click.option("--token", metavar="LABEL", help="The token in it."),
    click.option("--key-label", metavar="LABEL", help="The key pair in the token."),
    click.option("--pin-file", type=FILE, help="Holds the token's PIN (default: ask for it)."),
    click.option("--verifier", metavar="ADDRESS", help="Verifier of a P-256 key, if not in the manifest."),
)


def key_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which key signs: `--key` with `--passphrase-file`, or `--pkcs11-module`, `--token`, `--key-label` and
    `--pin-file`; and `--verifier`. The command gets a `KeyChoice` as `key`.
    """

    @wraps(command)
    def with_key(
        *args: Any,
        key_file: Path | None,
        passphrase_file: Path | None,
        pkcs11_module: Path | None,
        token: str | None,
        key_label: str | None,
        pin_file: Path | None,
        verifier: str | None,
        **options: Any,
    ) -> Any:
        key = KeyChoice(key_file, passphrase_file, pkcs11_module, token, key_label, pin_file, verifier)
        return command(*args, key=key, **options)

    found: Callable[..., Any] = with_key
    for option in reversed(_KEY):
        found = option(found)
    return found


def secret_of(prompt: str, option: str, file: Path | None) -> str:
    """The first line of a file, or what somebody types; never an argument, which others can see."""
    if file is not None:
        return _line_of(option, file)
    typed: str = click.prompt(prompt, hide_input=True, err=True)
    return typed


def _line_of(option: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise Failure(f"{option} {file}: {getattr(error, 'strerror', None) or error}") from None


# --------------------------------------------------------------------------------------------------- values


def record_of(option: str, text: str | None, file: Path | None) -> bytes:
    """The hash of a record: given, or the SHA-256 of a file. `option` is without dashes."""
    if (text is None) == (file is None):
        raise Failure(f"--{option} or --{option}-file: give one of the two")
    if text is not None:
        return bytes32_of(f"--{option}", text)
    try:
        with file.open("rb") as record:  # type: ignore[union-attr]
            return hashlib.file_digest(record, "sha256").digest()
    except OSError as error:
        raise Failure(f"--{option}-file {file}: {error.strerror or error}") from None


def time_of(option: str, text: str) -> int:
    """Unix seconds from a time as files of readings have it."""
    from goldthread.rules.readings import parse_time

    try:
        return parse_time(text)
    except ValueError as error:
        raise Failure(f"{option}: {error}") from None


def address_of(option: str, text: str) -> str:
    """An address, with its checksum."""
    from eth_utils.address import is_address, to_checksum_address

    if not is_address(text):
        raise Failure(f"{option} {text!r}: must be an address, 0x and 40 hex digits")
    return to_checksum_address(text)


# ----------------------------------------------------------------------------------------------- transactions


class Office:
    """Where a command reads and sends; the sender is asked for when something is sent."""

    def __init__(
        self,
        deployment_file: Path,
        rpc: str,
        account: str | None,
        keystore: Path | None,
        passphrase_file: Path | None,
        as_json: bool,
    ) -> None:
        self.deployment = open_deployment(deployment_file, rpc)
        self.as_json = as_json
        self._sender = account, keystore, passphrase_file
        self._opened: Sender | None = None

    @property
    def signs(self) -> bool:
        """Was somebody named who signs?"""
        account, keystore, _ = self._sender
        return account is not None or keystore is not None

    def sender(self) -> Sender:
        """Who sends; asked for once. Waits for what that account has sent before."""
        if self._opened is None:
            self._opened = sender_of(self.deployment, *self._sender)
        return self._opened

    def require_sender(self) -> None:
        """Fail now, before anything is done, if nobody can send."""
        self.sender()

    def send(self, call: Call) -> list[Event]:
        """Send a call; the events of its contract."""
        from goldthread.chain.logs import receipt_events

        receipt = self.sender().send(call)
        self.receipt = receipt
        return receipt_events(self.deployment, [call.contract.name], receipt)

    def allow(self, contract: Contract, amount: int) -> None:
        """Let a contract take so many base units of the sender's tokens."""
        from goldthread.chain.tokens import allow

        allow(self.sender(), contract, amount)

    def tell(self, text: str, **facts: Any) -> None:
        """Print what was done and what it cost."""
        gas, tx = self.receipt.gas_used, self.receipt.tx_hash
        if self.as_json:
            print_json({**facts, "transaction": tx, "gas": gas})
        else:
            click.echo(f"{text} ({gas:,} gas, transaction {tx})")


def sends(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that sends. It gets an `Office` as first argument."""

    @wraps(command)
    def with_office(
        *args: Any,
        deployment_file: Path,
        rpc: str,
        account: str | None,
        keystore: Path | None,
        passphrase_file: Path | None,
        as_json: bool,
        **options: Any,
    ) -> Any:
        office = Office(deployment_file, rpc, account, keystore, passphrase_file, as_json)
        return command(office, *args, **options)

    found: Callable[..., Any] = json_option(with_office)
    for option in (sender_options, rpc_option, deployment_option()):
        found = option(found)
    return found


def reads(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that asks a node and sends nothing. It gets an `Office` as first argument."""

    @wraps(command)
    def with_office(*args: Any, deployment_file: Path, rpc: str, as_json: bool, **options: Any) -> Any:
        return command(Office(deployment_file, rpc, None, None, None, as_json), *args, **options)

    found: Callable[..., Any] = json_option(with_office)
    for option in (rpc_option, deployment_option()):
        found = option(found)
    return found


def named(option: str, text: str) -> bytes:
    """The id of what has a name: 0x and 64 hex digits, or the Keccak-256 hash of the name; zero for none."""
    from goldthread.hashing import keccak

    if not text:
        return bytes(32)
    return bytes32_of(option, text) if text.startswith("0x") else keccak(text.encode())


def signer_bytes(option: str, text: str) -> bytes:
    """An ERC-7913 signer from hex digits."""
    try:
        signer = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        signer = b""
    if not text.startswith("0x") or len(signer) < 20:
        raise Failure(f"{option} {text!r}: must be 0x and at least 40 hex digits")
    return signer


# ------------------------------------------------------------------------------------------------- documents


_STORE: tuple[Decorator, ...] = (
    click.option(
        "--store",
        "store_url",
        metavar="URL",
        default="records",
        show_default=True,
        envvar="GOLDTHREAD_STORE",
        help="Folder of the documents, or a URL such as s3://bucket/folder (or GOLDTHREAD_STORE).",
    ),
    click.option(
        "--identity",
        type=FILE,
        envvar="GOLDTHREAD_IDENTITY",
        help="Key file of a reader, for sealed documents (or GOLDTHREAD_IDENTITY).",
    ),
)

_READERS: tuple[Decorator, ...] = (
    click.option(
        "--reader",
        "readers",
        multiple=True,
        metavar="KEY",
        envvar="GOLDTHREAD_READERS",
        help="Who can read what is kept, age1...; several times for several (or GOLDTHREAD_READERS).",
    ),
    click.option("--plain", is_flag=True, help="Keep it unsealed, for all who can read the store."),
)


def opens_documents(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--store` and `--identity`. The command gets an `Archive` as `archive`."""

    @wraps(command)
    def with_archive(*args: Any, store_url: str, identity: Path | None, **options: Any) -> Any:
        return command(*args, archive=_archive(store_url, identity), **options)

    return _with(with_archive, _STORE)


def keeps_documents(command: Callable[..., Any]) -> Callable[..., Any]:
    """As `opens_documents`, for commands that keep some: `--reader` or `--plain` says for whom. What was kept
    goes again if the command fails before `Archive.settle`.
    """

    @wraps(command)
    def with_archive(
        *args: Any,
        store_url: str,
        identity: Path | None,
        readers: tuple[str, ...],
        plain: bool,
        **options: Any,
    ) -> Any:
        if bool(readers) == plain:
            raise Failure("--reader or --plain: say who can read what is kept")
        archive = _archive(store_url, identity, readers)
        try:
            return command(*args, archive=archive, **options)
        except Exception:
            archive.take_back()
            raise

    return _with(with_archive, (*_STORE, *_READERS))


def _with(command: Callable[..., Any], options: tuple[Decorator, ...]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


def _archive(url: str, identity: Path | None, readers: tuple[str, ...] = ()) -> Archive:
    from goldthread.records.archive import Archive
    from goldthread.records.sealing import check_reader, load_keys
    from goldthread.records.store import Store

    for reader in readers:
        check_reader(reader)
    return Archive(Store.open(url), readers, load_keys(identity) if identity else ())
