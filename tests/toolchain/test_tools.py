"""The native tools: a failure must be seen as one. Their npm launchers exit 0 whatever happened."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import AnvilNode
from tests.support.nodes import native_binary


def exit_status(tool: str, *arguments: str) -> int:
    return subprocess.run([native_binary(tool), *arguments], capture_output=True, check=False).returncode


@pytest.mark.parametrize("tool", ["anvil", "forge"])
def test_a_tool_is_the_program_itself_and_its_failure_is_a_failure(tool: str) -> None:
    assert not native_binary(tool).read_bytes().startswith(b"#!")
    assert (
        subprocess.run([native_binary(tool), "--version"], capture_output=True, check=False).returncode == 0
    )
    failed = subprocess.run([native_binary(tool), "--no-such-option"], capture_output=True, check=False)
    assert failed.returncode != 0


def test_badly_formatted_source_fails_the_style_check(tmp_path: Path) -> None:
    source = tmp_path / "A.sol"
    source.write_text("contract   A{}")
    assert exit_status("forge", "fmt", "--check", str(source)) == 1
    assert exit_status("forge", "fmt", str(source)) == 0
    assert exit_status("forge", "fmt", "--check", str(source)) == 0


def test_a_node_is_gone_when_it_is_closed() -> None:
    node = AnvilNode()
    process = node._process.pid
    assert node.url.startswith("http://127.0.0.1:")
    node.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_transaction_over_the_cap_of_osaka_is_refused(anvil: AnvilNode) -> None:
    from tests.support.nodes import RpcError

    sender, receiver = anvil.accounts[:2]
    assert anvil.tx(sender, receiver, gas=2**24).ok
    with pytest.raises(RpcError, match="tx_gas_limit_cap"):
        anvil.tx(sender, receiver, gas=2**24 + 1)


def test_p256_is_a_precompile(anvil: AnvilNode) -> None:
    assert anvil.call("0x" + "100".zfill(40), bytes(160)) == b""
    # The first Wycheproof vector of ECDSA over secp256r1 with SHA-256: digest, r, s, x, y.
    words = (
        "bb5a52f42f9c9261ed4361f59422a1e30036e7c32b270c8807a419feca605023"
        "2ba3a8be6b94d5ec80a6d9d1190a436effe50d85a1eee859b8cc6af9bd5c2e18"
        "4cd60b855d442f5b3c7b11eb6c4e0ae7525fe710fab9aa7c77a67f79e6fadd76"
        "2927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838"
        "c7787964eaac00e5921fb1498a60f4606766b3d9685001558d1a974e7341513e"
    )
    assert int.from_bytes(anvil.call("0x" + "100".zfill(40), bytes.fromhex(words)), "big") == 1
