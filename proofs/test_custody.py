"""The inductive proof of custody, by halmos; what is proven is written in custody/CustodyProof.t.sol.

Run by `make prove`, which puts halmos and forge on the path.
"""
# ruff: noqa: D103, S101, S607  the sentences are the tests' names; asserting is what tests do

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PASSED, REFUTED = 0, 1
CHECKS = 24
# A path is left out only if its condition is shown to be impossible. With the default of 1 ms for that the
# result depends on how fast the machine is: impossible paths are followed, and loops on them reach the bound.
PATIENCE = ["--solver-timeout-branching", "30s", "--solver-timeout-assertion", "60s"]


def checks(folder: Path, contract: str, *options: str) -> dict[str, dict[str, Any]]:
    """The result of every check of a contract, by its name."""
    report = folder / "halmos.json"
    command = ["halmos", "--contract", contract, "--forge-build-out", "out/prove"]
    command += ["--json-output", str(report), *PATIENCE, *options]
    environment = {**os.environ, "FOUNDRY_PROFILE": "prove"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert report.exists(), run.stdout + run.stderr
    (results,) = json.loads(report.read_text())["test_results"].values()
    return {result["name"].split("(")[0]: result for result in results}


def test_every_step_keeps_what_holds_of_custody(tmp_path: Path) -> None:
    proven = checks(tmp_path, "CustodyProof")
    assert len(proven) == CHECKS
    for name, result in proven.items():
        assert result["exitcode"] == PASSED, f"{name} is not proven"
        assert result["num_bounded_loops"] == 0, f"{name} is proven up to a bound only"


def test_every_step_can_succeed_so_that_a_false_property_is_refuted(tmp_path: Path) -> None:
    refuted = checks(tmp_path, "CustodySelfTest", "--early-exit")
    assert len(refuted) == CHECKS
    for name, result in refuted.items():
        assert result["exitcode"] == REFUTED, f"{name} passes although it is false"
