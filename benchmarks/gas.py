"""Measure what the contracts cost and write docs/gas.md.

The measurements are those of tests/contracts/test_gas.py, taken on Anvil with the rules of osaka; the tests
hold them to their ceilings in every run, this only writes them down.

    python -m benchmarks.gas
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from goldthread.build import ROOT, Settings

TESTS = "tests/contracts/test_gas.py"
DOCUMENT = ROOT / "docs" / "gas.md"


def measure() -> list[dict[str, Any]]:
    """Run the tests and return what they recorded."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "gas.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:ape_test",
            TESTS,
            "--gas-report",
            str(report),
        ]
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            raise SystemExit("the gas tests fail; docs/gas.md is left as it is")
        measurements: list[dict[str, Any]] = json.loads(report.read_text())
    return measurements


def document(measurements: Iterable[Mapping[str, Any]], settings: Settings) -> str:
    """The page."""
    optimizer = f"optimizer on for {settings.runs} runs" if settings.optimize else "optimizer off"
    lines = [
        "# Gas",
        "",
        "Whole transactions, with the 21,000 that every one costs, on Anvil with the rules of osaka; solc"
        f" {settings.version}, {'via IR, ' if settings.via_ir else ''}{optimizer}, EVM version"
        f" {settings.evm_version}. `make gas` measures again and rewrites this page; the tests in `{TESTS}`"
        " fail when a ceiling is passed.",
        "",
        "| what | gas | ceiling | |",
        "|---|---:|---:|---|",
    ]
    for measured in measurements:
        ceiling = "" if measured["ceiling"] is None else f"{measured['ceiling']:,}"
        lines.append(f"| {measured['name']} | {measured['gas']:,} | {ceiling} | {measured['note']} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write."""
    text = document(measure(), Settings.load())
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
