"""Deploying on a real node: everything once and wired, whatever interrupts it, and nothing else touched."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address

from goldthread.build import Artifact, artifact, ensure_built
from goldthread.chain import deploy
from goldthread.chain.contracts import Call, Contract, Deployment
from goldthread.chain.deploy import (
    ADMIN_ROLE,
    DEEDS_ORGANISATION,
    LABELS,
    RULES_ORGANISATION,
    Deployer,
    DeployError,
    create_address,
    plan,
    verify,
)
from goldthread.chain.errors import ContractError, RpcError
from goldthread.chain.manifest import Manifest, ManifestError
from goldthread.chain.node import LocalNode
from goldthread.chain.rpc import Chain, connect
from goldthread.chain.send import Sender, SendError
from goldthread.chain.words import Duty, Role
from tests.support import AnvilNode

NETWORK = "ethereum:local"
DEPLOYED = 32
"""Contracts."""

TRANSACTIONS = DEPLOYED + 13
"""Two roles of governance, two organisations, nine contracts that act for them."""

WITH_GOVERNANCE = TRANSACTIONS + 8
"""Three roles given, two organisations offered, three roles given up."""

SEPOLIA = 11155111


class Killed(BaseException):
    """What a signal would do to the process, without ending it."""


class Mortal(Sender):
    """A sender that is killed at its transaction number `at`, before it is sent or when it is in a block."""

    def __init__(self, *args: Any, at: int, sent: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.left = at
        self.sent = sent

    def submit(self, *args: Any, **options: Any) -> str:
        self.left -= 1
        if self.left == 0 and not self.sent:
            raise Killed
        tx_hash = super().submit(*args, **options)
        if self.left == 0:
            self.wait(tx_hash)
            raise Killed
        return tx_hash


class Stranger:
    """A node on another chain with a funded account of a key that nobody else knows."""

    def __init__(self, url: str) -> None:
        connect(url).rpc("anvil_setChainId", SEPOLIA)
        self.chain = connect(url)
        self.account = Account.create()
        self.chain.rpc("anvil_setBalance", self.account.address, hex(10**20))
        self.sender = Sender.local(self.chain, self.account)


@pytest.fixture(scope="module")
def built() -> dict[str, Artifact]:
    return ensure_built()


@pytest.fixture(autouse=True)
def built_once(built: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "ensure_built", lambda: built)


@pytest.fixture
def chain(anvil: AnvilNode) -> Chain:
    return connect(str(anvil._folder / "ipc"))  # a third of the time that HTTP takes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deployments" / "31337.json"


@pytest.fixture
def sepolia() -> Iterator[Stranger]:
    with LocalNode() as node:
        yield Stranger(node.url)


def deployer(chain: Chain, path: Path, *, account: int = 0, governance: int | None = None) -> Deployer:
    people = chain.rpc("eth_accounts")
    chosen = None if governance is None else people[governance]
    return Deployer(Sender.unlocked(chain, people[account]), path, network=NETWORK, governance=chosen)


def killed(chain: Chain, path: Path, at: int, *, sent: bool, governance: int | None = None) -> None:
    """Run until the transaction number `at`."""
    mortal = deployer(chain, path, governance=governance)
    mortal.sender = Mortal.unlocked(chain, mortal.sender.address, at=at, sent=sent)
    with pytest.raises(Killed):
        mortal.run()


def transactions(chain: Chain) -> list[dict[str, Any]]:
    blocks = range(1, chain.block_number() + 1)
    return [tx for n in blocks for tx in chain.rpc("eth_getBlockByNumber", hex(n), True)["transactions"]]


def contracts_created(chain: Chain) -> int:
    return sum(1 for tx in transactions(chain) if not tx["to"])


def timeless(manifest: Manifest) -> dict[str, Any]:
    """The manifest without what depends on when its transactions were mined."""
    data = manifest.to_json()
    del data["deployedAt"]
    for entry in data["contracts"].values():
        del entry["block"], entry["txHash"]
    for entry in data["roles"]:
        del entry["txHash"]
    return data


def require_true(chain: Chain, manifest: Manifest) -> None:
    """Every transaction that the manifest names did what the manifest says."""
    for deployed in manifest.contracts.values():
        receipt = chain.receipt(deployed.tx_hash)
        assert receipt is not None
        assert (int(receipt["status"], 16), int(receipt["blockNumber"], 16)) == (1, deployed.block)
        assert receipt["contractAddress"].lower() == deployed.address.lower()
    for grant in manifest.roles:
        receipt = chain.receipt(grant.tx_hash)
        assert receipt is not None
        assert int(receipt["status"], 16) == 1
        assert receipt["to"].lower() == manifest.address(grant.contract).lower()
    assert len({grant.tx_hash for grant in manifest.roles}) == len(manifest.roles)
    assert verify(chain, manifest) == []


def access_manager(chain: Chain, manifest: Manifest) -> Contract:
    return Contract(chain, "AccessManager", manifest.address("AccessManager"), artifact("AccessManager").abi)


def refused(sender: Sender, call: Call) -> str:
    with pytest.raises(ContractError) as error:
        sender.send(call)
    return error.value.name


# ---------------------------------------------------------------------------------------- a whole deployment


def test_everything_is_deployed_once_and_wired(chain: Chain, path: Path) -> None:
    told: list[str] = []
    manifest = deployer(chain, path).run(told.append)
    assert list(manifest.contracts) == [part.name for part in plan(manifest.deployer, None)]
    assert len(transactions(chain)) == TRANSACTIONS
    assert contracts_created(chain) == len(manifest.contracts) == DEPLOYED
    assert manifest == Manifest.load(path)
    require_true(chain, manifest)
    assert [line.split(":")[0] for line in told[:DEPLOYED]] == list(manifest.contracts)
    assert all(": deployed at 0x" in line for line in told[:DEPLOYED])

    system = Deployment(manifest, chain)
    place = manifest.address
    assert system.consortium.authority() == place("AccessManager")
    assert system.twins.CONSORTIUM() == place("Consortium")
    assert (system.devices.CONSORTIUM(), system.devices.TWINS()) == (place("Consortium"), place("Twins"))
    assert (system.telemetry.CONSORTIUM(), system.telemetry.DEVICES()) == (
        place("Consortium"),
        place("Devices"),
    )
    conditions = system.conditions
    assert (conditions.CONSORTIUM(), conditions.TWINS(), conditions.TELEMETRY()) == (
        place("Consortium"),
        place("Twins"),
        place("Telemetry"),
    )
    insurance = system.drive_insurance
    assert (insurance.CONSORTIUM(), insurance.DEVICES(), insurance.TOKEN()) == (
        place("Consortium"),
        place("Devices"),
        place("TestToken"),
    )
    claims = system.closure_claims
    assert (claims.CONSORTIUM(), claims.RECALLS(), claims.TOKEN()) == (
        place("Consortium"),
        place("Recalls"),
        place("TestToken"),
    )
    assert (claims.treasury(), claims.BOND(), claims.WINDOW()) == (manifest.deployer, 1_000_000_000, 86_400)
    cargo = system.cargo_insurance
    assert (cargo.CONSORTIUM(), cargo.CONDITIONS(), cargo.RECALLS(), cargo.TOKEN()) == (
        place("Consortium"),
        place("Conditions"),
        place("Recalls"),
        place("TestToken"),
    )
    rules = system.consortium.organisation(1)
    roles = Role.REGULATOR | Role.MODULE
    assert (rules.admin, rules.roles, rules.suspended) == (manifest.deployer, roles, False)
    assert system.consortium.authorize(place("Conditions"), roles, Duty.QUALITY) == 1
    manager = access_manager(chain, manifest)
    assert all(manager.hasRole(role, manifest.deployer).isMember for role in (ADMIN_ROLE, *LABELS))


def test_the_manifest_says_by_whom_from_what_and_with_which_powers(chain: Chain, path: Path) -> None:
    manifest = deployer(chain, path).run()
    assert manifest.network == NETWORK
    assert manifest.chain_id == 31337
    assert manifest.first_nonce == 0
    assert manifest.compiler["version"] == "0.8.37"
    assert manifest.start_block == 1
    assert manifest.contracts["DriveInsurance"].constructor_args == tuple(
        manifest.address(name) for name in ("Consortium", "Devices", "TestToken")
    )
    assert [(grant.contract, grant.role, grant.account) for grant in manifest.roles] == [
        ("AccessManager", "MEMBERSHIP", manifest.deployer),
        ("AccessManager", "SUSPENSION", manifest.deployer),
        ("Consortium", f"admin of organisation 1, {RULES_ORGANISATION}", manifest.deployer),
        ("Consortium", f"admin of organisation 2, {DEEDS_ORGANISATION}", manifest.deployer),
        ("Consortium", "QUALITY", manifest.address("Conditions")),
        ("Consortium", "DEVICE_ADMIN, ANCHOR", manifest.address("Challenges")),
        ("Consortium", "REGISTER, SHIP, QUALITY", manifest.address("Lots")),
        ("Consortium", "REGISTER", manifest.address("Lineage")),
        ("Consortium", "QUALITY, RECALL", manifest.address("Recalls")),
        ("Consortium", "QUALITY", manifest.address("Exposures")),
        ("Consortium", "QUALITY", manifest.address("BatchRelease")),
        ("Consortium", "RECALL", manifest.address("ClosureClaims")),
        ("Consortium", "FINANCE", manifest.address("TitleDeed")),
    ]


def test_a_second_run_sends_nothing_and_changes_nothing(chain: Chain, path: Path) -> None:
    manifest = deployer(chain, path, governance=1).run()
    before = (path.read_bytes(), chain.block_number())
    told: list[str] = []
    assert deployer(chain, path, governance=1).run(told.append) == manifest
    assert (path.read_bytes(), chain.block_number()) == before
    assert [line for line in told if " at 0x" not in line] == waiting(manifest)


def test_an_account_that_has_sent_before_deploys_as_well(chain: Chain, path: Path) -> None:
    first, second = chain.rpc("eth_accounts")[:2]
    sender = Sender.unlocked(chain, first)
    for _ in range(3):
        sender.wait(sender.submit(second, b"", value=1))
    killed(chain, path, 4, sent=True)
    manifest = deployer(chain, path).run()
    assert manifest.first_nonce == 3
    assert manifest.address("AccessManager") == create_address(manifest.deployer, 3)
    assert contracts_created(chain) == DEPLOYED
    require_true(chain, manifest)


# --------------------------------------------------------------------------------------------- interruptions


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with LocalNode() as node:
        chain = connect(node.url)
        manifest = deployer(chain, tmp_path_factory.mktemp("whole") / "m.json", governance=1).run()
        assert len(transactions(chain)) == WITH_GOVERNANCE
        return timeless(manifest)


@pytest.mark.parametrize("at", range(1, WITH_GOVERNANCE + 1))
def test_interrupted_before_and_after_any_transaction_it_goes_on(
    chain: Chain, path: Path, uninterrupted: dict[str, Any], at: int
) -> None:
    killed(chain, path, at, sent=False, governance=1)
    assert len(transactions(chain)) == at - 1
    killed(chain, path, 1, sent=True, governance=1)
    assert len(transactions(chain)) == at
    manifest = deployer(chain, path, governance=1).run()
    assert contracts_created(chain) == DEPLOYED
    assert len(transactions(chain)) == WITH_GOVERNANCE
    assert timeless(manifest) == uninterrupted
    assert manifest == Manifest.load(path)
    require_true(chain, manifest)


def test_a_run_that_is_killed_after_every_single_transaction_arrives(
    chain: Chain, path: Path, uninterrupted: dict[str, Any]
) -> None:
    for _ in range(WITH_GOVERNANCE):
        killed(chain, path, 1, sent=True, governance=1)
    manifest = deployer(chain, path, governance=1).run()
    assert len(transactions(chain)) == WITH_GOVERNANCE
    assert timeless(manifest) == uninterrupted
    require_true(chain, manifest)


def test_a_transaction_under_way_is_waited_for_and_not_sent_twice(
    chain: Chain, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: Sender, tx_hash: str) -> Any:
        raise Killed

    chain.rpc("evm_setAutomine", False)
    try:
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(Sender, "wait", stop)
            deployer(chain, path).run()
        with pytest.raises(DeployError, match=r"has 1 transactions under way: wait for them first$"):
            deployer(chain, path).run()
    finally:
        chain.rpc("evm_setAutomine", True)
    chain.rpc("evm_mine")
    manifest = deployer(chain, path).run()
    assert contracts_created(chain) == DEPLOYED
    require_true(chain, manifest)


def test_a_node_without_old_state_is_named_as_the_reason(
    chain: Chain, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(chain, path, 5, sent=True)
    ask = Chain.rpc

    def pruned(self: Chain, method: str, *params: Any) -> Any:
        if method == "eth_getTransactionCount" and params[1].startswith("0x"):
            raise RpcError(method, -32000, "missing trie node")
        return ask(self, method, *params)

    with monkeypatch.context() as patch, pytest.raises(DeployError, match="missing trie node.*archive node"):
        patch.setattr(Chain, "rpc", pruned)
        deployer(chain, path).run()
    require_true(chain, deployer(chain, path).run())


def test_whoever_reads_the_manifest_meanwhile_reads_a_whole_one(chain: Chain, path: Path) -> None:
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            if path.exists():
                seen.add(len(Manifest.load(path).contracts))

    failed: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            failed.append(error)

    reader = threading.Thread(target=guarded, args=(read,))
    reader.start()
    try:
        deployer(chain, path).run()
    finally:
        done.set()
        reader.join()
    assert not failed
    assert DEPLOYED in seen
    assert len(seen) > 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_manifest_that_cannot_be_written_stops_the_deployment_and_keeps_the_old_one(
    chain: Chain, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(chain, path, 3, sent=False)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space left on device"):
            deployer(chain, path).run()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    manifest = deployer(chain, path).run()
    assert contracts_created(chain) == DEPLOYED
    require_true(chain, manifest)


def full(self: Path, target: Path) -> None:
    raise OSError(28, "No space left on device")


# ---------------------------------------------------------------------------------- what is not ours is left


def test_a_manifest_of_another_deployer_is_refused(chain: Chain, path: Path) -> None:
    manifest = deployer(chain, path).run()
    before = (path.read_bytes(), chain.block_number())
    with pytest.raises(DeployError, match=rf"{path}: deployment of {manifest.deployer}, not of 0x"):
        deployer(chain, path, account=1).run()
    assert (path.read_bytes(), chain.block_number()) == before


def test_a_deployment_that_has_sent_nothing_yet_can_be_begun_by_another(chain: Chain, path: Path) -> None:
    killed(chain, path, 1, sent=False)
    assert Manifest.load(path).contracts == {}
    manifest = deployer(chain, path, account=1).run()
    assert manifest.deployer.lower() == chain.rpc("eth_accounts")[1]
    require_true(chain, manifest)


def test_a_manifest_of_another_chain_is_refused_and_not_taken_for_one_of_a_reset_chain(
    chain: Chain, path: Path, sepolia: Stranger
) -> None:
    manifest = deployer(chain, path).run()
    replace(manifest, chain_id=SEPOLIA).save(path)
    before = path.read_bytes()
    height = chain.block_number()
    with pytest.raises(DeployError, match=f"deployment on chain {SEPOLIA}, the node is on chain 31337"):
        deployer(chain, path, account=1).run()
    assert path.read_bytes() == before
    assert chain.block_number() == height


def test_a_damaged_manifest_is_refused(chain: Chain, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(ManifestError, match="is no JSON"):
        deployer(chain, path).run()
    assert chain.block_number() == 0


def test_a_local_chain_that_was_reset_is_deployed_to_afresh(
    anvil: AnvilNode, chain: Chain, path: Path
) -> None:
    start = anvil.snapshot()
    for at in (1, 8, None):
        if at is None:
            first = deployer(chain, path).run()
        else:
            killed(chain, path, at, sent=True)
        anvil.revert(start)
    second = deployer(chain, path).run()
    assert timeless(second) == timeless(first)
    assert contracts_created(chain) == DEPLOYED
    require_true(chain, second)


def test_a_chain_of_which_only_a_part_was_taken_back_is_not_overwritten(
    anvil: AnvilNode, chain: Chain, path: Path
) -> None:
    killed(chain, path, 6, sent=False)
    point = anvil.snapshot()
    deployer(chain, path).run()
    anvil.revert(point)
    with pytest.raises(
        DeployError, match=r"Twins 0x\w+ is not on the chain with the code that the manifest names"
    ):
        deployer(chain, path).run()
    assert contracts_created(chain) == 5


def another_token(sender: Sender) -> str:
    code = artifact("TestToken").bytecode + bytes.fromhex(constructor_words())
    token = sender.wait(sender.submit(None, code)).contract_address
    assert token is not None
    return to_checksum_address(token)


def test_another_token_is_no_second_deployment(chain: Chain, path: Path) -> None:
    manifest = deployer(chain, path).run()
    sender = Sender.unlocked(chain, chain.rpc("eth_accounts")[0])
    with pytest.raises(DeployError, match=r"token 0x\w+ does not say how many decimals it has"):
        Deployer(sender, path, network=NETWORK, token=manifest.address("Twins")).run()
    with pytest.raises(DeployError, match="Challenges was deployed with the arguments"):
        Deployer(sender, path, network=NETWORK, token=another_token(sender)).run()
    height = chain.block_number()
    again = Deployer(sender, path, network=NETWORK, token=manifest.address("TestToken").lower()).run()
    assert again == manifest
    assert chain.block_number() == height


def test_a_contract_with_other_arguments_is_not_taken_for_the_one_that_was_sent(
    chain: Chain, path: Path
) -> None:
    killed(chain, path, DEPLOYED - 4, sent=True)
    sender = Sender.unlocked(chain, chain.rpc("eth_accounts")[0])
    token = another_token(sender)
    manifest = Deployer(sender, path, network=NETWORK, token=token).run()
    assert Deployment(manifest, chain).drive_insurance.TOKEN() == token
    assert contracts_created(chain) == DEPLOYED + 2
    require_true(chain, manifest)


def test_what_was_compiled_from_other_sources_is_not_taken_over(
    chain: Chain, path: Path, built: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployer(chain, path).run()
    changed = bytearray(built["Devices"].runtime_bytecode)
    changed[-3] ^= 1
    others = {**built, "Devices": replace(built["Devices"], runtime_bytecode=bytes(changed))}
    monkeypatch.setattr(deploy, "ensure_built", lambda: others)
    with pytest.raises(DeployError, match="Devices was deployed from other sources than those here"):
        deployer(chain, path).run()
    (line,) = verify(chain, Manifest.load(path))
    assert line.endswith("was compiled from other sources than those here")


# ---------------------------------------------------------------------------------------------- verification


def test_a_changed_byte_of_any_contract_is_found(chain: Chain, path: Path) -> None:
    manifest = deployer(chain, path).run()
    for name, deployed in manifest.contracts.items():
        code = chain.code(deployed.address)
        changed = bytearray(code)
        changed[len(code) // 2] ^= 1
        chain.rpc("anvil_setCode", deployed.address, f"0x{changed.hex()}")
        (difference,) = verify(chain, manifest)
        assert difference.startswith(f"{name} {deployed.address}: code hash 0x")
        assert difference.endswith(f", manifest {deployed.runtime_code_hash}")
        chain.rpc("anvil_setCode", deployed.address, f"0x{code.hex()}")
    assert verify(chain, manifest) == []


def test_what_is_missing_is_found(chain: Chain, path: Path) -> None:
    manifest = deployer(chain, path).run()
    chain.rpc("anvil_setCode", manifest.address("Twins"), "0x")
    assert verify(chain, manifest) == [f"Twins {manifest.address('Twins')}: has no code"]
    without = {name: part for name, part in manifest.contracts.items() if name not in ("Twins", "TestToken")}
    assert verify(chain, replace(manifest, contracts=without)) == ["Twins: not deployed"]
    unknown = replace(manifest.contracts["Devices"], name="Nonsense")
    assert verify(chain, replace(manifest, contracts={**without, "Nonsense": unknown})) == [
        "Twins: not deployed",
        "Nonsense: there is no such contract in the sources here",
    ]


def test_another_abi_and_another_chain_are_found(chain: Chain, path: Path) -> None:
    manifest = deployer(chain, path).run()
    other = replace(manifest.contracts["Devices"], abi_hash="0x" + 64 * "0")
    assert verify(chain, manifest.with_contract(other)) == [
        "Devices: the ABI here is another one than the manifest names"
    ]
    assert verify(chain, replace(manifest, chain_id=1)) == [
        "the manifest is for chain 1, the node is on chain 31337"
    ]


# ------------------------------------------------------------------------------------------------ governance


def waiting(manifest: Manifest) -> list[str]:
    governance = next(grant.account for grant in manifest.roles if grant.role.startswith("offer: "))
    return [
        f"Consortium: {manifest.deployer} administers organisation {number} until {governance} calls "
        f"acceptAdmin({number})"
        for number in (1, 2)
    ]


def test_governance_gets_all_powers_and_the_deployer_keeps_none(chain: Chain, path: Path) -> None:
    told: list[str] = []
    manifest = deployer(chain, path, governance=1).run(told.append)
    assert told[-2:] == waiting(manifest)
    people = chain.rpc("eth_accounts")
    me, governance = (Sender.unlocked(chain, account) for account in people[:2])
    manager, consortium = access_manager(chain, manifest), Deployment(manifest, chain).consortium
    for role in (ADMIN_ROLE, *LABELS):
        assert not manager.hasRole(role, me.address).isMember
        assert manager.hasRole(role, governance.address).isMember

    for number in (1, 2):
        governance.send(consortium.acceptAdmin(number))
    for call in (
        consortium.admit("Intruder", me.address, 1, bytes(32), 0),
        consortium.setRoles(1, 0),
        consortium.setLicence(1, bytes(32), 1),
        consortium.assignNamespace("9506000", 1),
        consortium.setSuspended(1, True),
    ):
        assert refused(me, call) == "AccessManagedUnauthorized"
    for call in (
        manager.grantRole(ADMIN_ROLE, me.address, 0),
        manager.setTargetClosed(consortium.address, True),
        manager.updateAuthority(consortium.address, me.address),
    ):
        assert refused(me, call) == "AccessManagerUnauthorizedAccount"
    assert refused(me, consortium.setAccount(1, me.address, Duty.QUALITY)) == "NotAdmin"
    assert refused(me, consortium.offerAdmin(1, me.address)) == "NotAdmin"
    assert refused(me, consortium.acceptAdmin(1)) == "NotCandidate"

    governance.send(consortium.admit("Maker", people[2], Role.MANUFACTURER, bytes(32), 0))
    governance.send(consortium.assignNamespace("9506000", 3))
    governance.send(consortium.setSuspended(3, True))
    governance.send(consortium.setAccount(1, people[3], Duty.QUALITY))
    governance.send(manager.grantRole(ADMIN_ROLE, people[4], 0))
    assert consortium.organisation(3).suspended

    told.clear()
    assert deployer(chain, path, governance=1).run(told.append) == manifest
    assert all(" at 0x" in line for line in told)


def test_governance_can_be_named_later(chain: Chain, path: Path, uninterrupted: dict[str, Any]) -> None:
    deployer(chain, path).run()
    assert timeless(deployer(chain, path, governance=1).run()) == uninterrupted


def test_powers_are_handed_over_once(chain: Chain, path: Path) -> None:
    deployer(chain, path, governance=1).run()
    before = (path.read_bytes(), chain.block_number())
    with pytest.raises(DeployError, match="has handed over to another account than 0x"):
        deployer(chain, path, governance=2).run()
    assert (path.read_bytes(), chain.block_number()) == before


@pytest.mark.parametrize("governance", ["deployer", "zero"])
def test_governance_by_nobody_is_refused(chain: Chain, path: Path, governance: str) -> None:
    sender = Sender.unlocked(chain, chain.rpc("eth_accounts")[0])
    account = sender.address.lower() if governance == "deployer" else "0x" + 40 * "0"
    with pytest.raises(DeployError, match="nobody would have any power"):
        Deployer(sender, path, network=NETWORK, governance=account)
    assert not path.exists()


# --------------------------------------------------------------------------------- a chain that is not local


def test_a_chain_that_is_not_local_needs_a_token_that_is_there(sepolia: Stranger, path: Path) -> None:
    with pytest.raises(DeployError, match=f"chain {SEPOLIA} is not local: name the ERC-20 token"):
        Deployer(sepolia.sender, path, network="ethereum:sepolia")
    nowhere = "0x" + "12" * 20
    with pytest.raises(DeployError, match=f"token {nowhere} is no contract on chain {SEPOLIA}"):
        Deployer(sepolia.sender, path, network="ethereum:sepolia", token=nowhere)
    assert sepolia.chain.block_number() == 0
    assert not path.exists()


def test_well_known_keys_are_refused_where_real_money_is(sepolia: Stranger) -> None:
    from tests.support.nodes import accounts

    for account in (accounts()[0], accounts()[19]):
        with pytest.raises(SendError, match=f"{account} is a well-known test account"):
            Sender.local(sepolia.chain, Account.from_key(account.key))
    with pytest.raises(SendError, match="used on chain 31337 only"):
        Sender.unlocked(sepolia.chain, accounts()[0])


def test_a_deployment_elsewhere_is_signed_here_and_resumes(sepolia: Stranger, path: Path) -> None:
    chain, sender = sepolia.chain, sepolia.sender
    token = another_token(sender)
    governance = Account.create().address

    def run(sender: Sender) -> Manifest:
        return Deployer(sender, path, network="ethereum:sepolia", token=token, governance=governance).run()

    with pytest.raises(Killed):
        run(Mortal.local(chain, sepolia.account, at=7, sent=True))
    manifest = run(Sender.local(chain, sepolia.account))
    assert "TestToken" not in manifest.contracts
    assert len(manifest.contracts) == DEPLOYED - 1
    assert contracts_created(chain) == DEPLOYED
    assert Deployment(manifest, chain).drive_insurance.TOKEN().lower() == token.lower()
    assert (manifest.chain_id, manifest.deployer) == (SEPOLIA, sepolia.account.address)
    require_true(chain, manifest)

    # What is gone on a chain that is not local was not reset: somebody has to look.
    for deployed in manifest.contracts.values():
        chain.rpc("anvil_setCode", deployed.address, "0x")
    with pytest.raises(DeployError, match="is not on the chain"):
        run(Sender.local(chain, sepolia.account))
    assert contracts_created(chain) == DEPLOYED


def constructor_words() -> str:
    from eth_abi.abi import encode

    return encode(["string", "string", "uint8"], ["Dollar", "USD", 6]).hex()


def test_the_time_of_deployment_is_written_down(chain: Chain, path: Path) -> None:
    from datetime import datetime

    manifest = deployer(chain, path).run()
    assert abs(datetime.fromisoformat(manifest.deployed_at).timestamp() - time.time()) < 600
