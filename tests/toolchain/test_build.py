"""The build recompiles what depends on a change, all of it, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from goldthread import build
from goldthread.build import ROOT, BuildError, ensure_built, export_abis

HEADER = "// SPDX-License-Identifier: Apache-2.0\npragma solidity 0.8.37;\n"
SOURCES = {
    "contracts/base/Base.sol": (
        "abstract contract Base { function tell() external pure returns (uint256) { return 1; } }"
    ),
    "contracts/core/Derived.sol": 'import {Base} from "../base/Base.sol";\ncontract Derived is Base { }',
    "contracts/core/Alone.sol": (
        "/*\ncontract Ghost {}\nimport './x.sol';\n*/ contract Alone { event Said(string what); }"
    ),
    "contracts/mocks/Dependent.sol": (
        'import {Context} from "@openzeppelin/contracts/utils/Context.sol";\n'
        "contract Dependent is Context { }"
    ),
}
NAMES = ["Alone", "Dependent", "Derived"]


class Project:
    """A small project with the settings of this one, and a compiler that counts how often it is started."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in SOURCES.items():
            self.write(name, HEADER + text)
        library = "node_modules/@openzeppelin/contracts"
        ignore = shutil.ignore_patterns("build")
        shutil.copytree(ROOT / library, root / library, ignore=ignore)
        shutil.copy(ROOT / "ape-config.yaml", root)
        self.starts = root / "starts"
        self.starts.touch()
        compiler = f'#!/bin/sh\necho >>"{self.starts}"\nexec "{ROOT / "toolchain" / "solc"}" "$@"\n'
        self.write("solcx/solc-v0.8.37", compiler).chmod(0o755)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def build(self, force: bool = False) -> int:
        """Build the project's own contracts; return how many compiler runs that took."""
        before = len(self.starts.read_text())
        assert list(ensure_built(NAMES, root=self.root, force=force)) == NAMES
        return len(self.starts.read_text()) - before


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("SOLCX_BINARY_PATH", str(tmp_path / "solcx"))
    return Project(tmp_path)


def test_a_change_rebuilds_what_depends_on_it_and_nothing_else(project: Project) -> None:
    assert project.build() == 3
    assert project.build() == 0

    old = ensure_built(["Derived"], root=project.root)["Derived"]
    project.edit("contracts/base/Base.sol", "return 1", "return 2")
    assert project.build() == 1
    assert ensure_built(["Derived"], root=project.root)["Derived"].bytecode != old.bytecode

    project.edit("node_modules/@openzeppelin/contracts/utils/Context.sol", "return 0;", "return 1;")
    assert project.build() == 1

    project.edit("ape-config.yaml", "optimization_runs: ", "optimization_runs: 1")
    assert project.build() == 3
    assert project.build() == 0
    assert project.build(force=True) == 3


def test_a_reverted_change_is_built_again(project: Project) -> None:
    first = ensure_built(["Derived"], root=project.root)
    project.edit("contracts/base/Base.sol", "return 1", "return 2")
    ensure_built(["Derived"], root=project.root)
    project.edit("contracts/base/Base.sol", "return 2", "return 1")
    assert ensure_built(["Derived"], root=project.root) == first


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.edit("contracts/base/Base.sol", "return 1", "return 2"),
        lambda p: p.edit("ape-config.yaml", "via_ir: true", "via_ir: false"),
        lambda p: p.edit(
            "node_modules/@openzeppelin/contracts/package.json", '"version": "', '"version": "1'
        ),
        lambda p: (p.root / "contracts/core/Alone.sol").unlink(),
    ],
    ids=["base contract", "setting", "dependency", "file removed"],
)
def test_the_cache_of_ape_goes_when_anything_it_should_depend_on_changed(
    project: Project, change: Callable[[Project], None]
) -> None:
    cache = project.root / ".build" / "__local__.json"
    ensure_built(["Derived"], root=project.root)
    cache.write_text("{}")
    ensure_built(["Derived"], root=project.root)
    assert cache.exists()
    change(project)
    ensure_built(["Derived"], root=project.root)
    assert not cache.exists()


def test_an_error_and_a_warning_of_our_own_stop_the_build_and_the_rest_is_kept(project: Project) -> None:
    project.edit("contracts/core/Alone.sol", "event", "uint256 public n = true; event")
    with pytest.raises(BuildError, match=r"TypeError(.|\n)*contracts/core/Alone.sol:6"):
        project.build()
    project.edit(
        "contracts/core/Alone.sol", "uint256 public n = true;", "function f() external { uint256 idle; }"
    )
    with pytest.raises(BuildError, match="Unused local variable"):
        project.build()
    starts = project.starts.read_text()
    assert list(ensure_built(["Derived", "Dependent"], root=project.root)) == ["Dependent", "Derived"]
    assert project.starts.read_text() == starts


def test_what_cannot_be_built_is_said_in_words(project: Project) -> None:
    with pytest.raises(BuildError, match="no contract to deploy is called Base, Ghost"):
        ensure_built(["Base", "Ghost", "Alone"], root=project.root)
    project.write("contracts/rules/Again.sol", HEADER + "contract Alone { }")
    with pytest.raises(BuildError, match="contract names must be unique: Alone"):
        ensure_built(["Alone"], root=project.root)
    project.write("contracts/rules/Again.sol", HEADER + 'import "./Missing.sol";\ncontract Again { }')
    with pytest.raises(BuildError, match=r"Again.sol imports './Missing.sol', and there is no file"):
        ensure_built(["Again"], root=project.root)
    project.write("solcx/solc-v0.8.37", "#!/bin/sh\necho broken >&2\nexit 3\n")
    with pytest.raises(BuildError, match=r"failed on contracts/core/Alone.sol: broken"):
        (project.root / "contracts/rules/Again.sol").unlink()
        ensure_built(["Alone"], root=project.root)


def test_a_compiler_of_another_version_is_refused(project: Project) -> None:
    project.edit("ape-config.yaml", "version: 0.8.37", "version: 0.8.36")
    (project.root / "solcx" / "solc-v0.8.37").rename(project.root / "solcx" / "solc-v0.8.36")
    with pytest.raises(BuildError, match=r"is version 0\.8\.37\+.*, ape-config.yaml asks for 0\.8\.36"):
        ensure_built(["Alone"], root=project.root)


def test_processes_that_build_at_the_same_time_build_once(project: Project) -> None:
    code = f"from goldthread.build import *; ensure_built({NAMES}, root=Path({str(project.root)!r}))"
    workers = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(3)]
    assert [worker.wait(120) for worker in workers] == [0, 0, 0]
    assert len(project.starts.read_text()) == 3


def test_an_artifact_has_all_that_its_users_need(project: Project) -> None:
    alone = build.artifact("Alone", root=project.root)
    assert alone.source_path == "contracts/core/Alone.sol"
    assert alone.compiler.startswith("0.8.37+commit.")
    assert alone.runtime_bytecode in alone.bytecode
    assert json.loads(alone.metadata)["settings"]["compilationTarget"] == {alone.source_path: "Alone"}
    assert build.artifact("Derived", root=project.root).method_identifiers.keys() == {"tell()"}
    on_disk = json.loads((project.root / ".build/artifacts/Alone.json").read_text())
    assert build.Artifact.from_json(on_disk) == alone


def test_the_committed_abis_follow_the_contracts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "DEPENDENCIES", ())
    folder = project.root / "goldthread" / "abi"
    assert export_abis(root=project.root, check=True) == ["Alone", "Derived"]
    assert not folder.exists()
    assert export_abis(root=project.root) == ["Alone", "Derived"]
    assert sorted(path.name for path in folder.iterdir()) == ["Alone.json", "Derived.json"]
    assert export_abis(root=project.root, check=True) == []
    project.edit("contracts/core/Alone.sol", "string what", "bytes what")
    (project.root / "contracts/core/Derived.sol").unlink()
    assert export_abis(root=project.root, check=True) == ["Alone", "Derived"]
    export_abis(root=project.root)
    assert [path.name for path in folder.iterdir()] == ["Alone.json"]
    assert not (project.root / ".build" / "artifacts" / "Derived.json").exists()
    assert json.loads((folder / "Alone.json").read_text())[0]["inputs"][0]["type"] == "bytes"


def test_forge_and_slither_use_the_settings_that_ape_uses() -> None:
    settings = build.Settings.load()
    profile = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]["default"]
    assert profile["evm_version"] == settings.evm_version
    assert profile["via_ir"] == settings.via_ir
    assert profile["optimizer"] == settings.optimize
    assert profile["optimizer_runs"] == settings.runs
    # ape takes no trailing slash (it would read a dependency's name and version), forge wants one.
    remappings = (ROOT / "remappings.txt").read_text().split()
    assert [line.replace("/=", "=").removesuffix("/") for line in remappings] == list(settings.remappings)


def test_the_command_line_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["ERC7913P256Verifier"]) == 0
    assert capsys.readouterr().out == ""
    assert build.main(["Nobody"]) == 1
    assert "no contract to deploy is called Nobody" in capsys.readouterr().err
