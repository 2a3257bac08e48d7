"""The commands of ape that a developer types: `ape console`, and `ape compile` without any network."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from goldthread.build import ROOT, artifact

from .shell import Run, run

NOWHERE = "http://127.0.0.1:9"
"""Nothing listens on the discard port: a request through this proxy fails at once."""


def offline(*command: str, folder: Path, home: Path) -> Run:
    """Run without a network where this machine allows that, else with proxies that lead nowhere."""
    jail = ("unshare", "--map-root-user", "--net")
    if (
        shutil.which(jail[0])
        and subprocess.run([*jail, "true"], capture_output=True, check=False).returncode == 0
    ):
        command = (*jail, *command)
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOWHERE)
    return run(*command, folder=folder, HOME=str(home), no_proxy="", NO_PROXY="", **proxies)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one contract of ours, as it is checked out."""
    folder = tmp_path / "project"
    mocks = folder / "contracts" / "mocks"
    mocks.mkdir(parents=True)
    shutil.copy(ROOT / "contracts" / "mocks" / "TestToken.sol", mocks)
    shutil.copy(ROOT / "ape-config.yaml", folder)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    return folder


def test_compiling_needs_no_network_and_nothing_in_the_home_folder(project: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = offline("ape", "compile", folder=project, home=home)
    assert done.status == 0, done.out + done.err
    assert "compiled" in done.out + done.err
    (contract,) = json.loads((project / ".build" / "__local__.json").read_text())["contractTypes"].values()
    bytecode = bytes.fromhex(contract["deploymentBytecode"]["bytecode"].removeprefix("0x"))
    own = artifact("TestToken").bytecode
    assert bytecode[: len(own) - 60] == own[:-60]  # but for the hash of the metadata at the end


def test_the_console_knows_the_project_and_has_a_node_with_accounts() -> None:
    line = "print(project.Twins, chain.chain_id, accounts.test_accounts[0].balance // 10**18)"
    done = run("ape", "console", "--network", "ethereum:local:foundry", "--code", line)
    assert done.status == 0, done.err
    assert done.lines[-1] == "<Twins> 31337 10000"
