"""Deploying the system: each contract once, in the order in which they need each other, and then the wiring.

    deployer = Deployer(sender, Path("deployments/31337.json"), network="ethereum:local")
    manifest = deployer.run(report=print)
    differences = verify(chain, manifest)

The manifest is saved before the first transaction and after each one that counts. A deployment that is
interrupted at any moment goes on where it was: what was sent and not written down is found again by the
deployer's nonces, for which the node must still know the state of that time. Running it once more changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address

from goldthread import __version__
from goldthread.build import Artifact, Settings, ensure_built
from goldthread.chain import abi
from goldthread.chain.contracts import Call, Contract
from goldthread.chain.errors import ChainError, RpcError
from goldthread.chain.manifest import Deployed, Manifest, RoleGrant
from goldthread.chain.rpc import Chain
from goldthread.chain.send import Sender
from goldthread.chain.words import Duty, Role
from goldthread.hashing import keccak

RULES_ORGANISATION = "Consortium rules"
"""The organisation of the contracts that act by themselves, with the roles REGULATOR and MODULE."""

RULES_NUMBER = 1

DEEDS_ORGANISATION = "Title deeds"
"""The organisation of TitleDeed alone: what it has title to is locked by deeds."""

DEEDS_NUMBER = 2

POWERS: Mapping[str, tuple[int, Duty]] = {
    "Conditions": (RULES_NUMBER, Duty.QUALITY),
    "Challenges": (RULES_NUMBER, Duty.ANCHOR | Duty.DEVICE_ADMIN),
    "Lots": (RULES_NUMBER, Duty.REGISTER | Duty.SHIP | Duty.QUALITY),
    "Lineage": (RULES_NUMBER, Duty.REGISTER),
    "Recalls": (RULES_NUMBER, Duty.RECALL | Duty.QUALITY),
    "Exposures": (RULES_NUMBER, Duty.QUALITY),
    "BatchRelease": (RULES_NUMBER, Duty.QUALITY),
    "ClosureClaims": (RULES_NUMBER, Duty.RECALL),
    "TitleDeed": (DEEDS_NUMBER, Duty.FINANCE),
}
"""For which organisation a contract acts by itself, and with which duties."""

CLAIM_BOND = 1_000
"""Bond of a claim of what a recall reaches, in whole tokens."""

CLAIM_WINDOW = 86_400
"""Seconds in which such a claim can be refuted."""

ZERO = "0x" + 40 * "0"

ADMIN_ROLE = 0
MEMBERSHIP_ROLE = 1
SUSPENSION_ROLE = 2
"""Roles of the access manager: who gives roles, who admits organisations, and who silences them."""

GOVERNED: Mapping[int, tuple[str, ...]] = {
    MEMBERSHIP_ROLE: ("admit", "setRoles", "setLicence", "assignNamespace", "releaseAccount"),
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


@dataclass(frozen=True)
class _Step:
    """A power to be given or taken, whether the chain has it so already, and the call that makes it so."""

    contract: str
    role: str
    account: str
    done: bool
    call: Call


def plan(deployer: str, token: str | None, decimals: int = 6) -> tuple[Part, ...]:
    """The parts of the system in order. Without the address of a token, a worthless one is deployed.

    `decimals` are those of the token.
    """
    modules = (
        Part("AccessManager", (deployer,)),
        *(Part(name) for name in VERIFIERS),
        Part("Consortium", ("@AccessManager",), ("authority",)),
        Part("Twins", ("@Consortium",), ("CONSORTIUM",)),
        Part(
            "Devices",
            ("@Consortium", "@Twins", "@ERC7913P256Verifier"),
            ("CONSORTIUM", "TWINS", "P256_VERIFIER"),
        ),
        Part("Capabilities", ("@Consortium", "@Devices"), ("CONSORTIUM", "DEVICES")),
        Part("Firmware", ("@Consortium", "@Devices"), ("CONSORTIUM", "DEVICES")),
        Part("Telemetry", ("@Consortium", "@Devices"), ("CONSORTIUM", "DEVICES")),
        Part(
            "Conditions",
            ("@Consortium", "@Twins", "@Telemetry", "@Firmware"),
            ("CONSORTIUM", "TWINS", "TELEMETRY", "FIRMWARE"),
        ),
        Part("Templates", ("@Consortium",), ("CONSORTIUM",)),
        Part("LoggerReports", ("@Consortium", "@Telemetry"), ("CONSORTIUM", "TELEMETRY")),
        Part("Lots", ("@Consortium", "@Twins"), ("CONSORTIUM", "TWINS")),
        Part(
            "Records",
            ("@Consortium", "@Lots", "@Devices"),
            ("CONSORTIUM", "LOTS", "DEVICES"),
        ),
        Part("Lineage", ("@Consortium", "@Lots"), ("CONSORTIUM", "LOTS")),
        Part("Recalls", ("@Consortium", "@Lineage"), ("CONSORTIUM", "LINEAGE")),
        Part(
            "Exposures",
            ("@Consortium", "@Conditions", "@Lots"),
            ("CONSORTIUM", "CONDITIONS", "LOTS"),
        ),
        Part("Compliance", ("@Consortium", "@Records"), ("CONSORTIUM", "RECORDS")),
        Part("BatchRelease", ("@Consortium", "@Compliance"), ("CONSORTIUM", "COMPLIANCE")),
        Part("ConflictMinerals", ("@Consortium", "@Lineage"), ("CONSORTIUM", "LINEAGE")),
        Part("Licences", ("@Consortium", "@Lots"), ("CONSORTIUM", "LOTS")),
        Part("Verification", ("@Consortium", "@Lots"), ("CONSORTIUM", "LOTS")),
        Part("DeliveryExceptions", ("@Consortium",), ("CONSORTIUM",)),
        Part("DesignControl", ("@Consortium", "@Records"), ("CONSORTIUM", "RECORDS")),
        Part("TitleDeed", ("@Consortium", "@Twins"), ("CONSORTIUM", "TWINS")),
    )
    money = () if token else (Part("TestToken", ("Goldthread test dollar", "tUSD", 6)),)
    paid_in = token or "@TestToken"
    challenges = Part(
        "Challenges", ("@Consortium", "@Telemetry", paid_in), ("CONSORTIUM", "TELEMETRY", "TOKEN")
    )
    meters = Part(
        "UsageMeters",
        ("@Consortium", "@Licences", "@Devices", paid_in),
        ("CONSORTIUM", "LICENCES", "DEVICES", "TOKEN"),
    )
    insurance = (
        Part("DriveInsurance", ("@Consortium", "@Devices", paid_in), ("CONSORTIUM", "DEVICES", "TOKEN")),
        Part(
            "CargoInsurance",
            ("@Consortium", "@Conditions", "@Recalls", paid_in),
            ("CONSORTIUM", "CONDITIONS", "RECALLS", "TOKEN"),
        ),
    )
    claims = Part(
        "ClosureClaims",
        ("@Consortium", "@Recalls", paid_in, CLAIM_BOND * 10**decimals, CLAIM_WINDOW),
        ("CONSORTIUM", "RECALLS", "TOKEN", "BOND", "WINDOW"),
    )
    return (*modules, *money, challenges, meters, *insurance, claims)


class Deployer:
    """Deploys with one account, which the sender signs for.

    `token` is the ERC-20 token of insurance and bonds, which only a local chain can do without. `governance`
    gets all powers over the consortium in the end: a multisignature wallet, or a timelock. The deployer keeps
    none but to administer the organisations of the contracts themselves, until `governance` accepts that with
    `acceptAdmin(1)` and `acceptAdmin(2)`.
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
        self.chain: Chain = sender.chain
        self.path = path
        self.network = network
        self.me = to_checksum_address(sender.address)
        self.token = None if token is None else to_checksum_address(token)
        self.governance = None if governance is None else to_checksum_address(governance)
        if self.token is None and not self.chain.is_local:
            raise DeployError(
                f"chain {self.chain.id} is not local: name the ERC-20 token that insurance is paid in"
            )
        if self.token is not None and not self.chain.code(self.token):
            raise DeployError(f"token {self.token} is no contract on chain {self.chain.id}")
        if self.governance in (self.me, ZERO):
            raise DeployError(f"governance {self.governance}: nobody would have any power in the end")

    def run(self, report: Callable[[str], None] = lambda line: None) -> Manifest:
        """Deploy and wire what is missing.

        `report` gets a line for each thing done or found. Raises `DeployError` if the manifest belongs to
        another account or its contracts are not on the chain, and whatever the sender raises.
        """
        artifacts = ensure_built()
        manifest = self._begin()
        for part in self._plan():
            args = [self._resolve(arg, manifest) for arg in part.args]
            if part.name in manifest.contracts:
                self._check(part.name, args, manifest, artifacts[part.name])
                report(f"{part.name}: at {manifest.address(part.name)}")
                continue
            deployed = self._find(part, args, manifest, artifacts[part.name])
            verb = "found"
            if deployed is None:
                deployed, verb = self._deploy(part, args, artifacts[part.name]), "deployed"
            manifest = manifest.with_contract(deployed)
            manifest.save(self.path)
            report(f"{part.name}: {verb} at {deployed.address}")
        return self._wire(manifest, artifacts["AccessManager"], report)

    def _plan(self) -> tuple[Part, ...]:
        if self.token is None:
            return plan(self.me, None)
        try:
            # Of the metadata extension of ERC-20.
            answer = self.chain.call(self.token, keccak(b"decimals()")[:4])
        except ChainError:
            answer = b""
        if len(answer) != 32 or (decimals := int.from_bytes(answer)) > 36:
            raise DeployError(f"token {self.token} does not say how many decimals it has")
        return plan(self.me, self.token, decimals)

    def _begin(self) -> Manifest:
        nonce = self._nonce(self.me)
        if under_way := self._nonce(self.me, "pending") - nonce:
            raise DeployError(f"{self.me} has {under_way} transactions under way: wait for them first")
        if self.path.exists():
            manifest = Manifest.load(self.path)
            if manifest.chain_id != self.chain.id:
                where = f"chain {manifest.chain_id}, the node is on chain {self.chain.id}"
                raise DeployError(f"{self.path}: deployment on {where}")
            if not self._is_void(manifest):
                if manifest.deployer.lower() != self.me.lower():
                    raise DeployError(f"{self.path}: deployment of {manifest.deployer}, not of {self.me}")
                return manifest
        settings = Settings.load()
        manifest = Manifest(
            chain_id=self.chain.id,
            network=self.network,
            release=__version__,
            compiler={"version": settings.version, **settings.standard_json()},
            deployer=self.me,
            first_nonce=nonce,
            deployed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        manifest.save(self.path)
        return manifest

    def _is_void(self, manifest: Manifest) -> bool:
        """Is nothing of it on the chain? A local chain forgets everything when its node stops."""
        if not manifest.contracts:
            return self._nonce(manifest.deployer) <= manifest.first_nonce
        places = [contract.address for contract in manifest.contracts.values()]
        return self.chain.is_local and not any(self.chain.code(place) for place in places)

    def _nonce(self, account: str, block: str = "latest") -> int:
        """How many transactions the account has sent."""
        return int(self.chain.rpc("eth_getTransactionCount", account, block), 16)

    def _resolve(self, arg: Any, manifest: Manifest) -> Any:
        return manifest.address(arg[1:]) if isinstance(arg, str) and arg.startswith("@") else arg

    def _check(self, name: str, args: Sequence[Any], manifest: Manifest, artifact: Artifact) -> None:
        deployed = manifest.contracts[name]
        code = self.chain.code(deployed.address)
        if "0x" + keccak(code).hex() != deployed.runtime_code_hash:
            raise DeployError(
                f"{self.path}: {name} {deployed.address} is not on the chain with the code that the manifest "
                f"names. If the chain was reset, remove the file and deploy again"
            )
        if not is_code_of(artifact, code):
            raise DeployError(
                f"{self.path}: {name} was deployed from other sources than those here. A new release is a "
                f"new deployment: keep the file under another name and deploy again"
            )
        if list(deployed.constructor_args) != list(args):
            raise DeployError(
                f"{self.path}: {name} was deployed with the arguments {list(deployed.constructor_args)}, now "
                f"they would be {list(args)}"
            )

    def _find(
        self, part: Part, args: Sequence[Any], manifest: Manifest, artifact: Artifact
    ) -> Deployed | None:
        """The contract, if an earlier run has sent it and could not write it down."""
        for nonce in range(manifest.first_nonce, self._nonce(self.me)):
            address = create_address(self.me, nonce)
            code = self.chain.code(address)
            if not is_code_of(artifact, code):
                continue
            contract = Contract(self.chain, part.name, address, artifact.abi)
            if all(getattr(contract, view)() == arg for view, arg in zip(part.views, args, strict=False)):
                tx = self._sent(nonce)
                block = int(tx["blockNumber"], 16)
                return _deployed(part.name, address, tx["hash"], block, args, code, artifact)
        return None

    def _find_call(self, call: Call, manifest: Manifest) -> str | None:
        """Hash of the newest transaction with which an earlier run has made the call."""
        for nonce in reversed(range(manifest.first_nonce, self._nonce(self.me))):
            tx = self._sent(nonce)
            if (tx["to"] or "").lower() == call.to.lower() and tx["input"] == "0x" + call.data.hex():
                return str(tx["hash"])
        return None

    def _sent(self, nonce: int) -> dict[str, Any]:
        """The deployer's transaction with this nonce, by bisection over the blocks."""
        low, high = 0, self.chain.block_number()
        while low < high:
            middle = (low + high) // 2
            try:
                count = self._nonce(self.me, hex(middle))
            except RpcError as error:
                raise DeployError(
                    f"an earlier run was interrupted, and this node does not know what it sent: {error}. "
                    f"Use a node that keeps old state (an archive node)"
                ) from None
            low, high = (low, middle) if count > nonce else (middle + 1, high)
        for tx in self.chain.rpc("eth_getBlockByNumber", hex(low), True)["transactions"]:
            if int(tx["nonce"], 16) == nonce and tx["from"].lower() == self.me.lower():
                found: dict[str, Any] = tx
                return found
        raise DeployError(f"transaction {nonce} of {self.me} is not in block {low}")

    def _deploy(self, part: Part, args: Sequence[Any], artifact: Artifact) -> Deployed:
        constructor: Sequence[Mapping[str, Any]] = next(
            (e["inputs"] for e in artifact.abi if e["type"] == "constructor"), []
        )
        receipt = self.sender.wait(
            self.sender.submit(None, artifact.bytecode + abi.encode_values(constructor, args))
        )
        address = receipt.contract_address
        if address is None:
            raise DeployError(f"{part.name}: the receipt of {receipt.tx_hash} names no contract")
        code = self.chain.code(address)
        return _deployed(part.name, address, receipt.tx_hash, receipt.block, args, code, artifact)

    def _wire(self, manifest: Manifest, access: Artifact, report: Callable[[str], None]) -> Manifest:
        """Who may do what: governance of the consortium, and the powers of contracts that act themselves."""
        manager = Contract(self.chain, access.name, manifest.address(access.name), access.abi)
        consortium = Contract(self.chain, "Consortium", manifest.address("Consortium"))
        powers = {manifest.address(name): power for name, power in POWERS.items()}
        for step in self._steps(manager, consortium, powers):
            grant = (step.contract, step.role, step.account)
            if step.done:
                written = any(grant == (r.contract, r.role, r.account) for r in manifest.roles)
                tx_hash = None if written else self._find_call(step.call, manifest)
            else:
                tx_hash = self.sender.send(step.call).tx_hash
                report(f"{step.contract}: {step.role} for {step.account}")
            if tx_hash is not None:
                manifest = manifest.with_role(RoleGrant(*grant, tx_hash))
                manifest.save(self.path)
        for number in (RULES_NUMBER, DEEDS_NUMBER):
            if self.governance is not None and consortium.candidateOf(number) == self.governance:
                report(
                    f"Consortium: {self.me} administers organisation {number} until {self.governance} calls "
                    f"acceptAdmin({number})"
                )
        return manifest

    def _steps(
        self, manager: Contract, consortium: Contract, powers: Mapping[str, tuple[int, Duty]]
    ) -> Iterator[_Step]:
        """What comes after deploying, in order. Take the next one when the last one is done.

        `powers` says for which organisation and with which duties the contract at an address acts by itself.
        """
        for role, functions in GOVERNED.items():
            selectors = [abi.hash_of(abi.signature(getattr(consortium, f).entry))[:4] for f in functions]
            governed = (
                manager.labelRole(role, LABELS[role]),
                manager.grantRole(role, self.me, 0),
                manager.setTargetFunctionRole(consortium.address, selectors, role),
            )
            yield _Step(
                "AccessManager",
                LABELS[role],
                self.me,
                all(manager.getTargetFunctionRole(consortium.address, s) == role for s in selectors),
                manager.multicall([call.data for call in governed]),
            )
        organisations = (
            (RULES_NUMBER, RULES_ORGANISATION, Role.REGULATOR | Role.MODULE),
            (DEEDS_NUMBER, DEEDS_ORGANISATION, Role(0)),
        )
        for number, name, roles in organisations:
            yield _Step(
                "Consortium",
                f"admin of organisation {number}, {name}",
                self.me,
                consortium.organisationCount() >= number,
                consortium.admit(name, self.me, roles, bytes(32), 0),
            )
        for account, (number, duties) in powers.items():
            yield _Step(
                "Consortium",
                ", ".join(str(duty.name) for duty in duties),
                account,
                consortium.accountOf(account).duties & duties == duties,
                consortium.setAccount(number, account, duties),
            )
        if self.governance is not None:
            yield from self._hand_over(manager, consortium, self.governance)

    def _hand_over(self, manager: Contract, consortium: Contract, governance: str) -> Iterator[_Step]:
        """All powers go to the governance account, and the deployer keeps none."""
        roles = {**LABELS, ADMIN_ROLE: "ADMIN"}
        mine, theirs = (manager.hasRole(ADMIN_ROLE, who).isMember for who in (self.me, governance))
        if not mine and not theirs:
            raise DeployError(f"{self.me} has handed over to another account than {governance}")
        for role, label in roles.items():
            yield _Step(
                "AccessManager",
                label,
                governance,
                manager.hasRole(role, governance).isMember,
                manager.grantRole(role, governance, 0),
            )
        for number in (RULES_NUMBER, DEEDS_NUMBER):
            yield _Step(
                "Consortium",
                f"offer: admin of organisation {number} (accept with acceptAdmin({number}))",
                governance,
                consortium.organisation(number).admin != self.me
                or consortium.candidateOf(number) == governance,
                consortium.offerAdmin(number, governance),
            )
        for role, label in roles.items():
            yield _Step(
                "AccessManager",
                f"no longer {label}",
                self.me,
                not manager.hasRole(role, self.me).isMember,
                manager.renounceRole(role, self.me),
            )


def verify(chain: Chain, manifest: Manifest) -> list[str]:
    """What is not on the chain as the manifest and the sources here say; empty if everything is."""
    differences = []
    artifacts = ensure_built()
    if chain.id != manifest.chain_id:
        return [f"the manifest is for chain {manifest.chain_id}, the node is on chain {chain.id}"]
    for part in plan(manifest.deployer, ZERO):
        if part.name not in manifest.contracts:
            differences.append(f"{part.name}: not deployed")
    for name, deployed in manifest.contracts.items():
        if name not in artifacts:
            differences.append(f"{name}: there is no such contract in the sources here")
            continue
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
    import rlp  # type: ignore[import-untyped]

    return to_checksum_address(keccak(rlp.encode([bytes.fromhex(deployer[2:]), nonce]))[12:])


def _deployed(
    name: str, address: str, tx_hash: str, block: int, args: Sequence[Any], code: bytes, artifact: Artifact
) -> Deployed:
    return Deployed(
        name=name,
        address=to_checksum_address(address),
        tx_hash=tx_hash,
        block=block,
        constructor_args=tuple(args),
        runtime_code_hash="0x" + keccak(code).hex(),
        abi_hash=abi.abi_hash(artifact.abi),
    )
