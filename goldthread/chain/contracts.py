"""Deployed contracts as Python objects.

    deployment = Deployment.open("deployments/31337.json", "http://127.0.0.1:8545")
    deployment.twins.twin(id).owner                     # a view: its value, structs with named fields
    call = deployment.twins.offer(id, to, ...)          # what changes state: a call that nobody has sent yet
    sender.send(call)                                   # goldthread.chain.send
    deployment.consortium.organisation.at(1200)(3)      # a view as of block 1200

A contract that refuses raises `ContractError` with the name and values of its error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldthread.chain import abi
from goldthread.chain.errors import RpcError
from goldthread.chain.manifest import Manifest, ManifestError
from goldthread.chain.rpc import Block, Chain, connect, contract_error, quantity
from goldthread.hashing import keccak


@dataclass(frozen=True)
class Call:
    """A call of a function, encoded and not sent. `value` is native currency in wei."""

    contract: Contract
    function: str
    args: tuple[Any, ...]
    data: bytes
    outputs: abi.Parameters
    value: int = 0

    @property
    def to(self) -> str:
        """The address it goes to."""
        return self.contract.address

    def simulate(self, sender: str | None = None, block: Block = "latest") -> Any:
        """What the call would return, sent now by this account; raises `ContractError`. Changes nothing."""
        return self.decode(self.contract.chain.call(self.to, self.data, block=block, sender=sender))

    def decode(self, output: bytes) -> Any:
        """The Python value of what the call returned: one value, or a named tuple of several."""
        values = abi.decode_values(self.outputs, output)
        return values[0] if len(values) == 1 else abi.named(self.outputs, values) if values else None


@dataclass(frozen=True)
class Function:
    """A function of a contract. Calling it reads a view, or prepares the call of anything else."""

    contract: Contract
    entry: Mapping[str, Any]
    block: Block = "latest"

    def __call__(self, *args: Any) -> Any:
        """The value of a view, or the prepared `Call` of anything else."""
        call = self.prepare(*args)
        return call.simulate(block=self.block) if self.is_view else call

    @property
    def is_view(self) -> bool:
        """True if it changes nothing."""
        return self.entry["stateMutability"] in ("view", "pure")

    def at(self, block: Block) -> Function:
        """The same view as of a block."""
        return Function(self.contract, self.entry, block)

    def prepare(self, *args: Any) -> Call:
        """Encode a call. `TypeError` or `ValueError` names the argument that does not fit."""
        text = abi.signature(self.entry)
        try:
            data = abi.hash_of(text)[:4] + abi.encode_values(self.entry["inputs"], args)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self.contract.name}.{self.entry['name']}: {error}") from None
        return Call(self.contract, self.entry["name"], args, data, self.entry["outputs"])


class Contract:
    """A deployed contract; its functions are attributes. Of an overloaded name only the longest is one."""

    def __init__(self, chain: Chain, name: str, address: str, entries: abi.Abi | None = None) -> None:
        self.chain = chain
        self.name = name
        self.address = address
        self.abi: abi.Abi = abi.load(name) if entries is None else entries
        self.events = abi.events(self.abi)
        self._functions = abi.functions(self.abi)

    def __getattr__(self, name: str) -> Function:
        if name.startswith("__") or name not in self._functions:
            raise AttributeError(f"{self.name} has no function {name}")
        return Function(self, self._functions[name])

    def __repr__(self) -> str:
        return f"<{self.name} {self.address}>"


class Deployment:
    """The contracts of a manifest on a chain."""

    def __init__(self, manifest: Manifest, chain: Chain) -> None:
        self.manifest = manifest
        self.chain = chain
        self._contracts: dict[str, Contract] = {}

    @classmethod
    def open(cls, path: str | Path, url: str, *, timeout: float = 30.0) -> Deployment:
        """Read a manifest and connect to a node.

        Raises `ManifestError` for a damaged manifest, a node of another chain and a contract whose address
        has no code on it, `NodeError` for a node that cannot be reached.
        """
        manifest = Manifest.load(path)
        chain = connect(url, timeout=timeout)
        if chain.id != manifest.chain_id:
            raise ManifestError(f"{path}: is for chain {manifest.chain_id}, the node is on chain {chain.id}")
        deployment = cls(manifest, chain)
        for name, entry in manifest.contracts.items():
            if not chain.code(entry.address):
                where = f"{name} {entry.address} has no code on chain {chain.id}"
                raise ManifestError(f"{path}: {where}; the node was reset, or the manifest is of another one")
        return deployment

    @property
    def consortium(self) -> Contract:
        """Who may speak (IConsortium)."""
        return self.contract("Consortium")

    @property
    def twins(self) -> Contract:
        """Things, custody and title (ITwins)."""
        return self.contract("Twins")

    @property
    def lots(self) -> Contract:
        """Quantities, units and committed contents (ILots)."""
        return self.contract("Lots")

    @property
    def records(self) -> Contract:
        """What was stated about things, and who signed it (IRecords)."""
        return self.contract("Records")

    @property
    def lineage(self) -> Contract:
        """What was made of what (ILineage)."""
        return self.contract("Lineage")

    @property
    def recalls(self) -> Contract:
        """Recalls and their closure (IRecalls)."""
        return self.contract("Recalls")

    @property
    def compliance(self) -> Contract:
        """Programmes of required evidence, and cases of them (ICompliance)."""
        return self.contract("Compliance")

    @property
    def batch_release(self) -> Contract:
        """Batches that are held until quality releases them (IBatchRelease)."""
        return self.contract("BatchRelease")

    @property
    def closure_claims(self) -> Contract:
        """Claims of all that a recall reaches, with a bond (IClosureClaims)."""
        return self.contract("ClosureClaims")

    @property
    def verification(self) -> Contract:
        """Product verification and suspect serials (IVerification)."""
        return self.contract("Verification")

    @property
    def licences(self) -> Contract:
        """Who may make or use a design (ILicences)."""
        return self.contract("Licences")

    @property
    def usage_meters(self) -> Contract:
        """Use that is counted and paid for (IUsageMeters)."""
        return self.contract("UsageMeters")

    @property
    def exposures(self) -> Contract:
        """Breaches of containers that their contents inherited (IExposures)."""
        return self.contract("Exposures")

    @property
    def conflict_minerals(self) -> Contract:
        """Smelters, what makers declare of them, and what is in a product (IConflictMinerals)."""
        return self.contract("ConflictMinerals")

    @property
    def delivery_exceptions(self) -> Contract:
        """What receivers found wrong (IDeliveryExceptions)."""
        return self.contract("DeliveryExceptions")

    @property
    def design_control(self) -> Contract:
        """Design projects, their trace matrix, gates and changes (IDesignControl)."""
        return self.contract("DesignControl")

    @property
    def title_deed(self) -> Contract:
        """Title as ERC-721 deeds (ITitleDeed)."""
        return self.contract("TitleDeed")

    @property
    def devices(self) -> Contract:
        """Devices and their keys (IDevices)."""
        return self.contract("Devices")

    @property
    def capabilities(self) -> Contract:
        """Who may do what with a device (ICapabilities)."""
        return self.contract("Capabilities")

    @property
    def firmware(self) -> Contract:
        """Releases, assignments and confirmations of firmware (IFirmware)."""
        return self.contract("Firmware")

    @property
    def telemetry(self) -> Contract:
        """Anchored segments of readings (ITelemetry)."""
        return self.contract("Telemetry")

    @property
    def challenges(self) -> Contract:
        """Bonds for devices, and demands to see readings (IChallenges)."""
        return self.contract("Challenges")

    @property
    def conditions(self) -> Contract:
        """Limits on readings, and breaches (IConditions)."""
        return self.contract("Conditions")

    @property
    def logger_reports(self) -> Contract:
        """Reports that loggers sign themselves, and what they contradict (ILoggerReports)."""
        return self.contract("LoggerReports")

    @property
    def templates(self) -> Contract:
        """Rules under a name, for policies to follow (ITemplates)."""
        return self.contract("Templates")

    @property
    def drive_insurance(self) -> Contract:
        """Pay-how-you-drive policies (IDriveInsurance)."""
        return self.contract("DriveInsurance")

    @property
    def cargo_insurance(self) -> Contract:
        """Insurance of cargo for a trip (ICargoInsurance)."""
        return self.contract("CargoInsurance")

    def contract(self, name: str) -> Contract:
        """A contract by its name in the manifest; `ManifestError` if it is not deployed."""
        if name not in self._contracts:
            self._contracts[name] = Contract(self.chain, name, self.manifest.address(name))
        return self._contracts[name]

    def read_many(
        self, calls: Sequence[Call], block: Block, progress: Callable[[int], None] | None = None
    ) -> list[Any]:
        """The results of many views as of one block, in batches. Raises `ContractError` if one is refused."""
        requests = [("eth_call", ({"to": c.to, "data": "0x" + c.data.hex()}, quantity(block))) for c in calls]
        try:
            answers = self.chain.batch(requests, progress)
        except RpcError as error:
            raise contract_error(error) from None
        return [call.decode(bytes.fromhex(answer[2:])) for call, answer in zip(calls, answers, strict=True)]

    def differences(self) -> list[str]:
        """Where code on the chain, or an ABI of this package, is not what the manifest says; empty if all is
        well.
        """
        found = []
        for name, entry in self.manifest.contracts.items():
            code = "0x" + keccak(self.chain.code(entry.address)).hex()
            if code != entry.runtime_code_hash:
                found.append(
                    f"{name}: code at {entry.address} has hash {code}, expected {entry.runtime_code_hash}"
                )
            if name in abi.names() and (own := abi.abi_hash(abi.load(name))) != entry.abi_hash:
                found.append(f"{name}: ABI of this release has hash {own}, expected {entry.abi_hash}")
        return found
