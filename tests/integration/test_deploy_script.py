"""`ape run deploy` as a user calls it: on a node of its own, on one that is there, and on a testnet."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount

from goldthread.build import ROOT, artifact
from goldthread.chain.manifest import Manifest
from goldthread.chain.node import LocalNode
from goldthread.chain.rpc import Chain, connect
from goldthread.chain.send import Sender

from .shell import BIN, Run, environment, run

LOCAL = "ethereum:local:foundry"
CONTRACTS = 32
SEPOLIA = 11155111


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with LocalNode() as node:
        yield node


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return tmp_path / "manifest.json"


def deploy(manifest: Path, *options: str, node: LocalNode | None = None, answers: str = "") -> Run:
    where = {} if node is None else {"APE_FOUNDRY_HOST": node.url}
    command = ("ape", "run", "deploy", "--network", LOCAL, "--manifest", str(manifest), *options)
    return run(*command, answers=answers, **where)


def created(chain: Chain) -> int:
    blocks = (chain.rpc("eth_getBlockByNumber", hex(n), True) for n in range(1, chain.block_number() + 1))
    return sum(1 for block in blocks for tx in block["transactions"] if not tx["to"])


def test_it_deploys_to_a_node_of_its_own(manifest: Path) -> None:
    done = deploy(manifest)
    assert done.status == 0, done.err
    deployed = [line.split(": deployed at 0x")[0] for line in done.lines if ": deployed at 0x" in line]
    assert sorted(deployed) == sorted(Manifest.load(manifest).contracts)
    assert len(deployed) == CONTRACTS
    assert done.lines[-1] == f"{manifest}: complete on chain 31337"
    assert Manifest.load(manifest).network == "ethereum:local"
    # That node is gone, and with it the deployment.
    after = deploy(manifest, "--verify-only")
    assert after.status == 1
    assert after.lines[-1] == f"{manifest}: {CONTRACTS} differences on chain 31337"
    assert all(line.endswith(": has no code") for line in after.lines[:-1])


def test_a_node_started_separately_keeps_it_and_a_second_run_sends_nothing(
    node: LocalNode, manifest: Path
) -> None:
    chain = connect(node.url)
    first = deploy(manifest, node=node)
    assert first.status == 0, first.err
    before = (manifest.read_bytes(), chain.block_number())
    assert created(chain) == CONTRACTS

    second = deploy(manifest, "--account", "TEST::0", node=node)
    assert second.status == 0, second.err
    assert all(": at 0x" in line for line in second.lines[:-1])
    assert second.lines[-1] == f"{manifest}: complete on chain 31337"
    assert (manifest.read_bytes(), chain.block_number()) == before

    verified = deploy(manifest, "--verify-only", node=node)
    assert (verified.status, verified.lines) == (0, [f"{manifest}: 0 differences on chain 31337"])

    twins = Manifest.load(manifest).address("Twins")
    code = bytearray(chain.code(twins))
    code[100] ^= 1
    chain.rpc("anvil_setCode", twins, f"0x{code.hex()}")
    changed = deploy(manifest, "--verify-only", node=node)
    assert changed.status == 1
    assert changed.lines[0].startswith(f"Twins {twins}: code hash 0x")
    assert changed.lines[1:] == [f"{manifest}: 1 differences on chain 31337"]
    assert chain.block_number() == before[1]


def test_killed_in_the_middle_it_goes_on(node: LocalNode, manifest: Path) -> None:
    chain = connect(node.url)
    command = [BIN / "ape", "run", "deploy", "--network", LOCAL, "--manifest", manifest]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=environment(APE_FOUNDRY_HOST=node.url, PYTHONUNBUFFERED="1"),
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Consortium: deployed"):
                process.kill()
                break
        assert process.wait(30) == -signal.SIGKILL
    assert created(chain) < CONTRACTS
    written = len(Manifest.load(manifest).contracts)
    assert 5 <= written <= created(chain)

    done = deploy(manifest, node=node)
    assert done.status == 0, done.err
    assert created(chain) == len(Manifest.load(manifest).contracts) == CONTRACTS


# --------------------------------------------------------------------------------- where real money could be


class Sepolia:
    """A node that says it is Sepolia, a funded key in ape's keystore, and a token."""

    def __init__(self, node: LocalNode, folder: Path) -> None:
        connect(node.url).rpc("anvil_setChainId", SEPOLIA)
        self.chain = connect(node.url)
        self.folder = folder
        self.account: LocalAccount = Account.create()
        keystore = folder / "accounts" / "plant.json"
        keystore.parent.mkdir()
        keystore.write_text(
            json.dumps(Account.encrypt(self.account.key, "secret", kdf="pbkdf2", iterations=2))
        )
        self.chain.rpc("anvil_setBalance", self.account.address, hex(10**20))
        sender = Sender.local(self.chain, self.account)
        words = encode(["string", "string", "uint8"], ["Dollar", "USD", 6])
        token = sender.wait(sender.submit(None, artifact("TestToken").bytecode + words)).contract_address
        assert token is not None
        self.token = token

    def deploy(self, manifest: Path, *options: str, answers: str = "") -> Run:
        network = f"ethereum:sepolia:{self.chain.url}"
        command = ("ape", "run", "deploy", "--network", network, "--manifest", str(manifest), *options)
        return run(*command, answers=answers, APE_DATA_FOLDER=str(self.folder))


@pytest.fixture
def sepolia(node: LocalNode, tmp_path: Path) -> Sepolia:
    return Sepolia(node, tmp_path)


def test_elsewhere_an_account_is_named_and_a_well_known_one_refused(sepolia: Sepolia, manifest: Path) -> None:
    nobody = sepolia.deploy(manifest, "--token", sepolia.token)
    assert nobody.status == 2
    assert nobody.complaint[-1] == f"Error: chain {SEPOLIA} is not local: name the --account that deploys"
    everybody = sepolia.deploy(manifest, "--token", sepolia.token, "--account", "TEST::0")
    assert everybody.status == 1
    (line,) = everybody.complaint
    assert "is a well-known test account; anybody can take what it owns" in line
    assert sepolia.chain.block_number() == 1
    assert not manifest.exists()


def test_an_account_of_ape_deploys_stops_and_goes_on(sepolia: Sepolia, manifest: Path) -> None:
    options = ("--account", "plant", "--token", sepolia.token)
    unlocking = "y\nsecret\ny\n"  # sign, passphrase, keep it unlocked
    refused = sepolia.deploy(manifest, *options, answers=unlocking + "y\ny\nn\n")
    assert refused.status == 1
    assert refused.complaint[-1] == "the transaction was not signed"
    assert len(Manifest.load(manifest).contracts) == 3

    done = sepolia.deploy(manifest, *options, answers=unlocking + 40 * "y\n")
    assert done.status == 0, done.err
    assert done.lines[-1] == f"{manifest}: complete on chain {SEPOLIA}"
    found = Manifest.load(manifest)
    assert (found.chain_id, found.network) == (SEPOLIA, "ethereum:sepolia")
    assert found.deployer == sepolia.account.address
    assert len(found.contracts) == CONTRACTS - 1
    assert created(sepolia.chain) == CONTRACTS
    assert sepolia.deploy(manifest, "--verify-only").status == 0
