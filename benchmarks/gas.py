"""Measure what the contracts cost and write docs/gas.md.

The measurements are those of tests/contracts/test_gas_*.py, taken on Anvil with the rules of osaka; the tests
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

TESTS = "tests/contracts/test_gas_*.py"
DOCUMENT = ROOT / "docs" / "gas.md"


PEERS = """
## Peers

Measured the same way; medians in the steady state. The figures of the peers are from their released artifacts, or
from their sources with solc 0.8.37 (via IR, 200 runs).

| operation | peers | here |
|---|---|---|
| register one serialised thing | ERC-721 mint 51,400 to 68,800 (OpenZeppelin); EAS attestation 206,900; ERC-6956 \
first anchor 171,000 to 205,000; PharmaChain createBatch 169,000 | Twins.register |
| register many, each | OpenZeppelin mintMany(100) 25,200; EAS multiAttest 166,000 | Twins.registerMany |
| hand-over in two transactions | OpenZeppelin approve and transferFrom 48,400 + 42,700; coffee-supplychain ship \
and receive 242,000 + 270,000 | Twins.offer, accept |
| hand-over in one, receiver signs | ERC-6956 transferAnchor 97,000 to 114,000; PBT 62,000 to 79,000 | Twins.handOver |
| pallet of 100 things changes hands | OpenZeppelin transferMany 1,090,000 | the same as one thing |
| a quality record | EAS attestation of 128 bytes 275,000, delegated 291,000 | Records.write, writeSigned |
| readings | June465 ColdChain 106,900 for one reading | Conditions.judge, for a segment of any length |
| a premium period | Etherisc GIF policy 1,510,000, claim and payout 1,400,000 | DriveInsurance.report, settle |
"""  # noqa: E501


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
            *sorted(map(str, ROOT.glob(TESTS))),
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
    return "\n".join(lines) + "\n" + PEERS


def main() -> None:
    """Measure and write."""
    text = document(measure(), Settings.load())
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
