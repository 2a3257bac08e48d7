"""Deploying the system: each contract once, in the order in which they need each other, and then the wiring.

    deployer = Deployer(sender, Path("deployments/31337.json"), network="ethereum:local")
    manifest = deployer.run(report=print)
    differences = verify(chain, manifest)

The manifest is saved before the first transaction and after each one that counts. A deployment that is
interrupted at any moment goes on where it was: what was sent and not written down is found again by the
deployer's nonces. Running it once more changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from goldthread import __version__
from goldthread.build import Artifact, Settings, ensure_built
from goldthread.chain import abi
from goldthread.chain.contracts import Call, Contract
from goldthread.chain.manifest import Deployed, Manifest, RoleGrant
from goldthread.chain.rpc import Chain
from goldthread.chain.send import Sender
from goldthread.hashing import keccak

RULES_ORGANISATION = "Consortium rules"
"""The organisation of the contracts that act by themselves, with the role REGULATOR. Always number 1."""

ROLE_REGULATOR = 1 << 7
DUTY_QUALITY = 1 << 3

ADMIN_ROLE = 0
MEMBERSHIP_ROLE = 1
SUSPENSION_ROLE = 2
"""Roles of the access manager: who gives roles, who admits organisations, and who silences them."""

GOVERNED: Mapping[int, tuple[str, ...]] = {
    MEMBERSHIP_ROLE: ("admit", "setRoles", "setLicence", "assignNamespace"),
    SUSPENSION_ROLE: ("setSuspended",),
}
"""Which functions of the consortium a role may call."""

LABELS: Mapping[int, str] = {MEMBERSHIP_ROLE: "MEMBERSHIP", SUSPENSION_ROLE: "SUSPENSION"}

VERIFIERS = ("ERC7913P256Verifier", "ERC7913RSAVerifier", "ERC7913WebAuthnVerifier")


class DeployError(Exception):
    """The system cannot be deployed, or is not what the manifest says. The message says why."""


@dataclass(frozen=True)
class Part:
    """A contract to deploy. An argument `@Name` is the address of another one; `views` are the functions that
    return the arguments again, by which a contract that was deployed before is recognised.
    """

    name: str
    args: tuple[Any, ...] = ()
    views: tuple[str, ...] = ()


def plan(deployer: str, token: str | None) -> tuple[Part, ...]:
    """The parts of the system in order. Without the address of a token, a worthless one is deployed."""
    modules = (
        Part("AccessManager", (deployer,)),
        *(Part(name) for name in VERIFIERS),
        Part("Consortium", ("@AccessManager",), ("authority",)),
        Part("Twins", ("@Consortium",), ("CONSORTIUM",)),
        Part("Devices", ("@Consortium", "@Twins"), ("CONSORTIUM", "TWINS")),
        Part("Telemetry", ("@Consortium", "@Devices"), ("CONSORTIUM", "DEVICES")),
        Part("Conditions", ("@Consortium", "@Twins", "@Telemetry"), ("CONSORTIUM", "TWINS", "TELEMETRY")),
    )
    money = (
        ()
        if token
        else (Part("TestToken", ("Goldthread test dollar", "tUSD", 6), ("name", "symbol", "decimals")),)
    )
    insurance = Part(
        "DriveInsurance",
        ("@Consortium", "@Devices", token or "@TestToken"),
        ("CONSORTIUM", "DEVICES", "TOKEN"),
    )
    return (*modules, *money, insurance)


class Deployer:
    """Deploys with one account, which the sender signs for.

    `token` is the ERC-20 token of the insurance, which only a local chain can do without. `governance` gets
    all powers over the consortium in the end, and the deployer keeps none: a multisignature wallet, or a
    timelock.
    """

    def __init__(
        self,
        sender: Sender,
        path: Path,
        *,
        network: str,
        token: str | None = None,
        governance: str | None = None,
    ) -> None:
        self.sender = sender
        self.governance = governance
        self.chain: Chain = sender.chain
        self.path = path
        self.network = network
        self.token = token
        if token is None and not self.chain.is_local:
            raise DeployError(
                f"chain {self.chain.id} is not local: name the ERC-20 token that insurance is paid in"
            )

    def run(self, report: Callable[[str], None] = lambda line: None) -> Manifest:
        """Deploy and wire what is missing.

        `report` gets a line for each thing done or found. Raises `DeployError` if the manifest belongs to
        another account or its contracts are not on the chain, and whatever the sender raises.
        """
        artifacts = ensure_built()
        manifest = self._begin()
        for part in plan(self.sender.address, self.token):
            if part.name in manifest.contracts:
                self._check(part.name, manifest, artifacts[part.name])
                report(f"{part.name}: at {manifest.address(part.name)}")
                continue
            args = [self._resolve(arg, manifest) for arg in part.args]
            deployed = self._find(part, args, manifest, artifacts[part.name])
            verb = "found"
            if deployed is None:
                deployed, verb = self._deploy(part, args, artifacts[part.name]), "deployed"
            manifest = manifest.with_contract(deployed)
            manifest.save(self.path)
            report(f"{part.name}: {verb} at {deployed.address}")
        return self._wire(manifest, report)

    def _begin(self) -> Manifest:
        chain, address = self.chain, self.sender.address
        pending = int(chain.rpc("eth_getTransactionCount", address, "pending"), 16)
        nonce = int(chain.rpc("eth_getTransactionCount", address, "latest"), 16)
        if pending != nonce:
            raise DeployError(f"{address} has {pending - nonce} transactions under way: wait for them first")
        if self.path.exists() and not self._is_of_a_reset_chain():
            manifest = Manifest.load(self.path)
            if (manifest.chain_id, manifest.deployer.lower()) != (chain.id, address.lower()):
                raise DeployError(
                    f"{self.path}: deployment of {manifest.deployer} on chain {manifest.chain_id}, "
                    f"not of {address} on chain {chain.id}"
                )
            return manifest
        settings = Settings.load()
        manifest = Manifest(
            chain_id=chain.id,
            network=self.network,
            release=__version__,
            compiler={"version": settings.version, **settings.standard_json()},
            deployer=address,
            first_nonce=nonce,
            deployed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        manifest.save(self.path)
        return manifest

    def _is_of_a_reset_chain(self) -> bool:
        """A local chain forgets everything when its node stops, and so does its manifest."""
        contracts = Manifest.load(self.path).contracts.values()
        return self.chain.is_local and not any(self.chain.code(c.address) for c in contracts)

    def _resolve(self, arg: Any, manifest: Manifest) -> Any:
        return manifest.address(arg[1:]) if isinstance(arg, str) and arg.startswith("@") else arg

    def _check(self, name: str, manifest: Manifest, artifact: Artifact) -> None:
        deployed = manifest.contracts[name]
        code = self.chain.code(deployed.address)
        if "0x" + keccak(code).hex() != deployed.runtime_code_hash:
            raise DeployError(
                f"{self.path}: {name} {deployed.address} is not on the chain with the code that the manifest "
                f"names. If the chain was reset, remove the file and deploy again"
            )
        if not is_code_of(artifact, code):
            raise DeployError(
                f"{self.path}: {name} was deployed from other sources than those here. A new release is a new "
                f"deployment: keep the file under another name and deploy again"
            )

    def _find(
        self, part: Part, args: Sequence[Any], manifest: Manifest, artifact: Artifact
    ) -> Deployed | None:
        """The contract, if an earlier run has sent it and could not write it down."""
        known = {c.address.lower() for c in manifest.contracts.values()}
        last = int(self.chain.rpc("eth_getTransactionCount", self.sender.address, "latest"), 16)
        for nonce in range(manifest.first_nonce, last):
            address = create_address(self.sender.address, nonce)
            code = self.chain.code(address)
            if address.lower() in known or not is_code_of(artifact, code):
                continue
            contract = Contract(self.chain, part.name, address, artifact.abi)
            if all(getattr(contract, view)() == arg for view, arg in zip(part.views, args, strict=False)):
                block, tx_hash = self._creation(nonce)
                return _deployed(part.name, address, tx_hash, block, args, code, artifact)
        return None

    def _creation(self, nonce: int) -> tuple[int, str]:
        """Block and hash of the deployer's transaction with this nonce, by bisection over the blocks."""
        low, high = 0, self.chain.block_number()
        while low < high:
            middle = (low + high) // 2
            count = int(self.chain.rpc("eth_getTransactionCount", self.sender.address, hex(middle)), 16)
            low, high = (low, middle) if count > nonce else (middle + 1, high)
        for tx in self.chain.rpc("eth_getBlockByNumber", hex(low), True)["transactions"]:
            if int(tx["nonce"], 16) == nonce and tx["from"].lower() == self.sender.address.lower():
                return low, tx["hash"]
        raise DeployError(f"transaction {nonce} of {self.sender.address} is not in block {low}")

    def _deploy(self, part: Part, args: Sequence[Any], artifact: Artifact) -> Deployed:
        constructor: Sequence[Mapping[str, Any]] = next(
            (e["inputs"] for e in artifact.abi if e["type"] == "constructor"), []
        )
        receipt = self.sender.wait(
            self.sender.submit(None, artifact.bytecode + abi.encode_values(constructor, args))
        )
        assert receipt.contract_address is not None
        code = self.chain.code(receipt.contract_address)
        return _deployed(
            part.name, receipt.contract_address, receipt.tx_hash, receipt.block, args, code, artifact
        )

    def _wire(self, manifest: Manifest, report: Callable[[str], None]) -> Manifest:
        """Who may do what: governance of the consortium, and the powers of contracts that act themselves."""
        built = ensure_built()
        manager = Contract(
            self.chain, "AccessManager", manifest.address("AccessManager"), built["AccessManager"].abi
        )
        consortium = Contract(self.chain, "Consortium", manifest.address("Consortium"))
        conditions = manifest.address("Conditions")
        me = self.sender.address

        def do(contract: str, role: str, account: str, *calls: Call) -> None:
            nonlocal manifest
            for call in calls:
                tx_hash = self.sender.send(call).tx_hash
            manifest = manifest.with_role(RoleGrant(contract, role, account, tx_hash))
            manifest.save(self.path)
            report(f"{contract}: {role} for {account}")

        for role, functions in GOVERNED.items():
            selectors = [abi.hash_of(abi.signature(getattr(consortium, f).entry))[:4] for f in functions]
            if any(manager.getTargetFunctionRole(consortium.address, s) != role for s in selectors):
                do(
                    "AccessManager",
                    LABELS[role],
                    me,
                    manager.labelRole(role, LABELS[role]),
                    manager.grantRole(role, me, 0),
                    manager.setTargetFunctionRole(consortium.address, selectors, role),
                )
        if consortium.organisationCount() == 0:
            admitted = consortium.admit(RULES_ORGANISATION, me, ROLE_REGULATOR, bytes(32), 0)
            do("Consortium", f"admin of organisation 1, {RULES_ORGANISATION}", me, admitted)
        if consortium.accountOf(conditions).duties & DUTY_QUALITY == 0:
            do("Consortium", "QUALITY", conditions, consortium.setAccount(1, conditions, DUTY_QUALITY))
        if self.governance is not None:
            self._hand_over(manager, consortium, self.governance, do)
        return manifest

    def _hand_over(
        self, manager: Contract, consortium: Contract, governance: str, do: Callable[..., None]
    ) -> None:
        """All powers go to the governance account, and the deployer keeps none."""
        me = self.sender.address
        for role, label in {**LABELS, ADMIN_ROLE: "ADMIN"}.items():
            if not manager.hasRole(role, governance).isMember:
                do("AccessManager", label, governance, manager.grantRole(role, governance, 0))
        if consortium.organisation(1).admin == me and consortium.candidateOf(1) != governance:
            do(
                "Consortium",
                "offer: admin of organisation 1 (accept with acceptAdmin(1))",
                governance,
                consortium.offerAdmin(1, governance),
            )
        for role, label in {**LABELS, ADMIN_ROLE: "ADMIN"}.items():
            if manager.hasRole(role, me).isMember:
                do("AccessManager", f"no longer {label}", me, manager.renounceRole(role, me))


def verify(chain: Chain, manifest: Manifest) -> list[str]:
    """What is not on the chain as the manifest and the sources here say; empty if everything is."""
    differences = []
    artifacts = ensure_built()
    if chain.id != manifest.chain_id:
        return [f"the manifest is for chain {manifest.chain_id}, the node is on chain {chain.id}"]
    for part in plan(manifest.deployer, "0x" + "00" * 20):
        if part.name not in manifest.contracts:
            differences.append(f"{part.name}: not deployed")
    for name, deployed in manifest.contracts.items():
        code = chain.code(deployed.address)
        found = "0x" + keccak(code).hex()
        if not code:
            differences.append(f"{name} {deployed.address}: has no code")
        elif found != deployed.runtime_code_hash:
            differences.append(
                f"{name} {deployed.address}: code hash {found}, manifest {deployed.runtime_code_hash}"
            )
        elif not is_code_of(artifacts[name], code):
            differences.append(f"{name} {deployed.address}: was compiled from other sources than those here")
        if deployed.abi_hash != abi.abi_hash(artifacts[name].abi):
            differences.append(f"{name}: the ABI here is another one than the manifest names")
    return differences


def is_code_of(artifact: Artifact, code: bytes) -> bool:
    """Is this the contract's code on a chain, whatever its immutables hold?"""
    if len(code) != len(artifact.runtime_bytecode):
        return False
    masked = bytearray(code)
    for places in artifact.immutable_references.values():
        for place in places:
            masked[place["start"] : place["start"] + place["length"]] = bytes(place["length"])
    return bytes(masked) == artifact.runtime_bytecode


def create_address(deployer: str, nonce: int) -> str:
    """Where a contract goes that the account deploys with this nonce."""
    import rlp
    from eth_utils.address import to_checksum_address

    return to_checksum_address(keccak(rlp.encode([bytes.fromhex(deployer[2:]), nonce]))[12:])


def _deployed(
    name: str, address: str, tx_hash: str, block: int, args: Sequence[Any], code: bytes, artifact: Artifact
) -> Deployed:
    from eth_utils.address import to_checksum_address

    return Deployed(
        name=name,
        address=to_checksum_address(address),
        tx_hash=tx_hash,
        block=block,
        constructor_args=tuple(args),
        runtime_code_hash="0x" + keccak(code).hex(),
        abi_hash=abi.abi_hash(artifact.abi),
    )
