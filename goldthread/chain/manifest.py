"""The deployment manifest: one committed JSON file for each chain, `deployments/<chain id>.json`.

It says what was deployed where, by whom, from which code and with which arguments, and from which block on
the logs are of interest. It is replaced in one step, so that a reader, or a deployment that is killed, never
leaves half of it.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

SCHEMA = 1
"""Version of the file's format; a file with another one is refused."""

_HASH = re.compile(r"0x[0-9a-f]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class ManifestError(Exception):
    """The manifest cannot be used. The message names file, field and rule."""


@dataclass(frozen=True)
class Deployed:
    """A deployed contract. Hashes are 0x and 64 lowercase hex digits.

    `runtime_code_hash` is the Keccak-256 hash of the code at the address, `abi_hash` that of its ABI
    (`goldthread.chain.abi.abi_hash`); `constructor_args` are JSON values, numbers above 2^53 as decimal
    strings.
    """

    name: str
    address: str
    tx_hash: str
    block: int
    constructor_args: tuple[Any, ...]
    runtime_code_hash: str
    abi_hash: str


@dataclass(frozen=True)
class RoleGrant:
    """A power that was given while deploying: `role` of `contract` (or of an organisation) to `account`."""

    contract: str
    role: str
    account: str
    tx_hash: str


@dataclass(frozen=True)
class Manifest:
    """What `deployments/<chain id>.json` holds.

    `compiler` has the settings behind the code, `first_nonce` is the deployer's nonce when it began (where a
    deployment that was interrupted looks for what it has sent already), `deployed_at` is ISO 8601 in UTC,
    `labels` names addresses that are not contracts of the system. Immutable: `with_...` returns a changed
    one, `save` writes it.
    """

    chain_id: int
    network: str
    release: str
    compiler: Mapping[str, Any]
    deployer: str
    first_nonce: int
    deployed_at: str
    contracts: Mapping[str, Deployed] = field(default_factory=dict)
    roles: tuple[RoleGrant, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def start_block(self) -> int:
        """The block of the first deployment: no log of the system is older."""
        return min((c.block for c in self.contracts.values()), default=0)

    def with_contract(self, deployed: Deployed) -> Manifest:
        """With this contract in the place of an older one of the same name."""
        return replace(self, contracts={**self.contracts, deployed.name: deployed})

    def with_role(self, grant: RoleGrant) -> Manifest:
        """With one more role, unless it is there already."""
        return self if grant in self.roles else replace(self, roles=(*self.roles, grant))

    def with_label(self, address: str, label: str) -> Manifest:
        """With a name for an address."""
        return replace(self, labels={**self.labels, address: label})

    def address(self, name: str) -> str:
        """Where the contract is; `ManifestError` if it is not deployed on this chain."""
        if name not in self.contracts:
            raise ManifestError(f"{name} is not deployed on chain {self.chain_id} according to the manifest")
        return self.contracts[name].address

    def to_json(self) -> dict[str, Any]:
        """The form in the file."""
        return {
            "schema": SCHEMA,
            "chainId": self.chain_id,
            "network": self.network,
            "release": self.release,
            "compiler": dict(self.compiler),
            "deployer": self.deployer,
            "firstNonce": self.first_nonce,
            "deployedAt": self.deployed_at,
            "contracts": {
                name: {
                    "address": c.address,
                    "txHash": c.tx_hash,
                    "block": c.block,
                    "constructorArgs": list(c.constructor_args),
                    "runtimeCodeHash": c.runtime_code_hash,
                    "abiHash": c.abi_hash,
                }
                for name, c in self.contracts.items()
            },
            "roles": [
                {"contract": r.contract, "role": r.role, "account": r.account, "txHash": r.tx_hash}
                for r in self.roles
            ],
            "labels": dict(self.labels),
        }

    @classmethod
    def from_json(cls, data: Any, source: str = "manifest") -> Manifest:
        """Read the form in the file back; `ManifestError` for a field that is missing or not what it should
        be.
        """
        read = _Reader(source, data)
        if (schema := read.get("schema", int)) != SCHEMA:
            raise ManifestError(f"{source}: schema is {schema}, this release reads {SCHEMA}")
        contracts = {}
        for name, entry in read.get("contracts", dict).items():
            part = _Reader(f"{source}: contracts.{name}", entry)
            contracts[name] = Deployed(
                name=name,
                address=part.text("address", _ADDRESS),
                tx_hash=part.text("txHash", _HASH),
                block=part.get("block", int),
                constructor_args=tuple(part.get("constructorArgs", list)),
                runtime_code_hash=part.text("runtimeCodeHash", _HASH),
                abi_hash=part.text("abiHash", _HASH),
            )
        grants = []
        for number, entry in enumerate(read.get("roles", list)):
            part = _Reader(f"{source}: roles[{number}]", entry)
            grants.append(
                RoleGrant(
                    part.text("contract"), part.text("role"), part.text("account"), part.text("txHash", _HASH)
                )
            )
        return cls(
            chain_id=read.get("chainId", int),
            network=read.text("network"),
            release=read.text("release"),
            compiler=read.get("compiler", dict),
            deployer=read.text("deployer", _ADDRESS),
            first_nonce=read.get("firstNonce", int),
            deployed_at=read.text("deployedAt"),
            contracts=contracts,
            roles=tuple(grants),
            labels=read.get("labels", dict),
        )

    @classmethod
    def load(cls, path: str | Path) -> Manifest:
        """Read a manifest; `ManifestError` if there is none, or if it is damaged."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise ManifestError(f"{path}: {error.strerror or error}") from None
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ManifestError(f"{path}: is no JSON: {error}") from None
        return cls.from_json(data, str(path))

    def save(self, path: str | Path) -> None:
        """Replace the file in one step; whatever interrupts this, the file is the old one or the new one."""
        write_atomically(Path(path), json.dumps(self.to_json(), indent=2, sort_keys=True) + "\n")


def manifest_path(chain_id: int, root: str | Path = ".") -> Path:
    """Where the manifest of a chain belongs."""
    return Path(root) / "deployments" / f"{chain_id}.json"


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file in one step, and have it on the disk before returning."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class _Reader:
    """Reads the members of a JSON object and says which one is wrong."""

    def __init__(self, source: str, data: Any) -> None:
        if not isinstance(data, dict):
            raise ManifestError(f"{source}: must be a JSON object, is {_kind(data)}")
        self._source = source
        self._data: dict[str, Any] = data

    def get(self, name: str, kind: type) -> Any:
        if name not in self._data:
            raise ManifestError(f"{self._source}: {name} is missing")
        value = self._data[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ManifestError(f"{self._source}: {name} must be {_NAMES[kind]}, is {_kind(value)}")
        return value

    def text(self, name: str, pattern: re.Pattern[str] | None = None) -> str:
        value: str = self.get(name, str)
        if pattern is not None and not pattern.fullmatch(value):
            raise ManifestError(f"{self._source}: {name} {value!r} is not of the form {pattern.pattern}")
        return value


_NAMES: dict[type, str] = {int: "a number", str: "a string", dict: "an object", list: "a list"}


def _kind(value: Any) -> str:
    return _NAMES.get(type(value), repr(value))
