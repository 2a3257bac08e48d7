"""The node of `make demo`: it has the rules of Osaka, and nothing of it is left, however its owner ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from goldthread.chain import node as local
from goldthread.chain.errors import NodeError, RpcError
from goldthread.chain.node import LocalNode, NoNode
from goldthread.chain.rpc import Chain, connect

# The first Wycheproof vector of ECDSA over secp256r1 with SHA-256: digest, r, s, x, y.
P256_VECTOR = bytes.fromhex(
    "bb5a52f42f9c9261ed4361f59422a1e30036e7c32b270c8807a419feca605023"
    "2ba3a8be6b94d5ec80a6d9d1190a436effe50d85a1eee859b8cc6af9bd5c2e18"
    "4cd60b855d442f5b3c7b11eb6c4e0ae7525fe710fab9aa7c77a67f79e6fadd76"
    "2927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838"
    "c7787964eaac00e5921fb1498a60f4606766b3d9685001558d1a974e7341513e"
)
P256 = "0x" + "100".zfill(40)

OWNER = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
from goldthread.chain.node import LocalNode
node = LocalNode()
print(node.url, node._folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def chain() -> Any:
    with LocalNode(accounts=3) as node:
        yield connect(node.url)


def test_it_is_a_development_chain_with_as_many_accounts_as_asked_for(chain: Chain) -> None:
    assert chain.id == 31337
    assert len(chain.rpc("eth_accounts")) == 3


def test_p256_is_a_precompile(chain: Chain) -> None:
    assert chain.call(P256, P256_VECTOR) == (1).to_bytes(32, "big")
    assert chain.call(P256, P256_VECTOR[:-1] + b"?") == b""


def test_no_transaction_may_have_more_gas_than_osaka_allows(chain: Chain) -> None:
    sender, receiver, _ = chain.rpc("eth_accounts")
    transfer = {"from": sender, "to": receiver}
    assert chain.rpc("eth_sendTransaction", {**transfer, "gas": hex(1 << 24)})
    with pytest.raises(RpcError, match="cap"):
        chain.rpc("eth_sendTransaction", {**transfer, "gas": hex((1 << 24) + 1)})


def test_it_is_gone_when_it_is_closed_and_may_be_closed_twice() -> None:
    with LocalNode() as node:
        assert connect(node.url).block_number() == 0
        folder = node._folder
        assert folder.exists()
    node.close()
    assert is_gone(node.url)
    assert not folder.exists()


def test_it_is_gone_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), LocalNode() as node:
        1 / 0  # noqa: B018
    assert is_gone(node.url)


@pytest.mark.parametrize("how", ["ends", "SIGINT", "SIGTERM", "SIGKILL"])
def test_it_is_gone_with_the_process_that_started_it(how: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        assert owner.stdin and owner.stdout
        url, folder = owner.stdout.readline().split()
        assert connect(url).block_number() == 0
        assert Path(folder).exists()
        if how == "ends":
            owner.stdin.close()
            assert owner.wait(20) == 0
        else:
            number = signal.Signals[how]
            os.kill(owner.pid, number)
            assert owner.wait(20) == -number
    within(10, lambda: is_gone(url) and not Path(folder).exists())


def test_what_anvil_says_when_it_does_not_start_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(local.tempfile, "tempdir", str(tmp_path))
    started = time.monotonic()
    with pytest.raises(NoNode, match="^anvil did not start:\nerror: unexpected argument"):
        LocalNode(accounts=-1)
    assert time.monotonic() - started < local.START_TIMEOUT / 2
    assert not list(tmp_path.iterdir())


def test_without_anvil_the_message_says_how_to_install_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(local, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoNode, match="^anvil is not installed; `make setup` installs it$"):
        LocalNode()


def test_an_anvil_on_the_path_will_do(tmp_path: Path, monkeypatch: Any) -> None:
    own = Path(local._anvil())
    (tmp_path / "anvil").symlink_to(own)
    monkeypatch.setattr(local, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    assert local._anvil() == str(tmp_path / "anvil")
    with LocalNode() as node:
        assert connect(node.url).id == 31337


def is_gone(url: str) -> bool:
    try:
        Chain(url)._one("eth_chainId", [])
    except NodeError:
        return True
    return False


def within(seconds: float, is_so: Any) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.02)
