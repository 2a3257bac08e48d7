"""toolchain/solc behaves as the native compiler does for the programs that call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from goldthread.build import ROOT, Settings

WRAPPER = ROOT / "toolchain" / "solc"
VERSION = Settings.load().version
CONTRACT = (
    "// SPDX-License-Identifier: Apache-2.0\npragma solidity ^0.8.0; contract A { uint256 public n = 7; }"
)


def request(sources: dict[str, Any], outputs: list[str] | None = None) -> str:
    selection = {"*": {"*": outputs or ["metadata", "evm.bytecode.object"]}}
    settings = {"viaIR": True, "optimizer": {"enabled": True, "runs": 200}, "outputSelection": selection}
    return json.dumps({"language": "Solidity", "sources": sources, "settings": settings})


def run(*arguments: str, text: str = "", cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WRAPPER, *arguments], input=text, capture_output=True, text=True, cwd=cwd, check=False
    )


def compile_json(text: str, *arguments: str, cwd: Path = ROOT) -> dict[str, Any]:
    """The answer; standard output must be one JSON object and standard error empty."""
    done = run("--standard-json", *arguments, text=text, cwd=cwd)
    assert done.returncode == 0
    assert done.stderr == ""
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def errors(answer: dict[str, Any]) -> list[str]:
    return [e["formattedMessage"] for e in answer.get("errors", []) if e["severity"] == "error"]


def test_the_bytecode_is_that_of_the_release_and_always_the_same() -> None:
    answers = [compile_json(request({"A.sol": {"content": CONTRACT}})) for _ in range(2)]
    assert answers[0] == answers[1]
    contract = answers[0]["contracts"]["A.sol"]["A"]
    assert json.loads(contract["metadata"])["compiler"]["version"].startswith(f"{VERSION}+commit.")
    # The last bytes of the bytecode are CBOR: solc, a three-byte version, and the length.
    assert contract["evm"]["bytecode"]["object"].endswith(f"64736f6c6343{bytes([0, 8, 37]).hex()}0033")


def test_it_is_the_compiler_as_published() -> None:
    text = request({"A.sol": {"content": CONTRACT}})
    script = "process.stdout.write(require('solc').compile(require('fs').readFileSync(0, 'utf8')))"
    done = subprocess.run(
        ["node", "--stack-size=4000", "-e", script],
        input=text,
        capture_output=True,
        cwd=ROOT,
        text=True,
        check=True,
    )
    assert compile_json(text) == json.loads(done.stdout)


def test_the_version_is_told_as_py_solc_x_and_forge_read_it() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert f"\nVersion: {VERSION}+commit." in done.stdout


@pytest.mark.parametrize("size", [70_000, 1_500_000])
def test_large_inputs_and_outputs_survive_a_pipe(size: int) -> None:
    text = request(
        {"A.sol": {"content": CONTRACT.replace("contract", f"/// @notice {'x' * size}\ncontract")}}
    )
    answer = compile_json(text)
    assert errors(answer) == []
    assert len(text) > size
    assert len(json.dumps(answer)) > size  # the notice is part of the metadata


def test_a_pipe_that_is_not_ready_is_waited_for() -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)  # what a node process hands to its child
    process = subprocess.Popen([WRAPPER, "--standard-json"], stdin=read, stdout=subprocess.PIPE)
    os.close(read)
    text = request({"A.sol": {"content": CONTRACT}}).encode()
    with open(write, "wb", buffering=0) as pipe:
        for start in range(0, len(text), 50):
            pipe.write(text[start : start + 50])
    output, _ = process.communicate(timeout=60)
    assert errors(json.loads(output)) == []


def test_a_failing_compile_is_reported_as_an_error() -> None:
    answer = compile_json(request({"A.sol": {"content": CONTRACT.replace("= 7", "= true")}}))
    assert "TypeError" in errors(answer)[0]
    assert errors(compile_json("not json")) != []


def test_what_is_not_understood_fails_without_output() -> None:
    for arguments in (
        [],
        ["--standard-json", "--gas"],
        ["--bin", "A.sol"],
        ["--standard-json", "--base-path"],
    ):
        done = run(*arguments)
        assert done.returncode == 1
        assert done.stdout == ""
        assert "--standard-json" in done.stderr


def test_imports_come_from_the_allowed_folders_only(tmp_path: Path) -> None:
    for folder in ("base", "vendored", "allowed", "outside"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.sol").write_text(CONTRACT.replace("contract A", f"contract {folder}"))
    header = "pragma solidity ^0.8.0;\n"

    def complaints(path: str, *arguments: str) -> list[str]:
        sources = {"main.sol": {"content": f'{header} import "{path}";'}}
        flags = ["--base-path", "base", "--include-path", "vendored", *arguments]
        return errors(compile_json(request(sources), *flags, cwd=tmp_path))

    assert complaints("base.sol") == []
    assert complaints("vendored.sol") == []
    assert "File not found" in complaints("missing.sol")[0]
    absolute = str(tmp_path / "allowed" / "allowed.sol")
    assert "allowed directories" in complaints(absolute)[0]
    assert complaints(absolute, "--allow-paths", f"{tmp_path / 'allowed'},/nowhere") == []
    assert complaints(absolute, f"--allow-paths={tmp_path / 'allowed'}") == []
    assert "allowed directories" in complaints(str(tmp_path / "outside" / "outside.sol"))[0]


def test_sources_may_be_named_instead_of_carried_and_the_request_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "A.sol").write_text(CONTRACT)
    (tmp_path / "input.json").write_text(request({"A.sol": {"urls": ["A.sol"]}}))
    answer = compile_json("", "input.json", cwd=tmp_path)
    carried = compile_json(request({"A.sol": {"content": CONTRACT}}))
    assert answer["contracts"] == carried["contracts"]


def test_py_solc_x_finds_and_drives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import solcx

    monkeypatch.setenv("SOLCX_BINARY_PATH", str(Path(sys.prefix) / "solcx"))
    assert VERSION in [str(version) for version in solcx.get_installed_solc_versions()]
    answer = solcx.compile_standard(
        json.loads(request({"A.sol": {"content": CONTRACT}})),
        base_path=ROOT,
        allow_paths=[ROOT],
        solc_version=VERSION,
    )
    assert answer["contracts"] == compile_json(request({"A.sol": {"content": CONTRACT}}))["contracts"]


def test_the_compiler_that_stays_gives_the_same_answers() -> None:
    text = request({"A.sol": {"content": CONTRACT}})
    command = ["node", "--liftoff-only", "--stack-size=4000", str(ROOT / "toolchain" / "solcd.js")]
    done = subprocess.run(command, input=f"{text}\n{text}\n", capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert json.loads(first) == json.loads(second) == compile_json(text)
