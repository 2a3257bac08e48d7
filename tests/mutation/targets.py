"""What is mutated, and which tests must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goldthread.build import ROOT


@dataclass(frozen=True)
class Target:
    """The sources whose every small change is tried, the files to compile for that, and the tests to run."""

    sources: tuple[str, ...]
    entries: tuple[str, ...]
    tests: str

    def test_files(self) -> list[str]:
        """The test files, those of the contract itself before wider ones."""
        return [str(path) for path in sorted(Path(ROOT).glob(f"tests/contracts/test_{self.tests}*.py"))]


def _contract(path: str, tests: str, *libraries: str) -> Target:
    return Target(sources=(path, *libraries), entries=(path,), tests=tests)


TARGETS = {
    "Consortium": _contract("contracts/core/Consortium.sol", "consortium"),
    "Twins": _contract("contracts/core/Twins.sol", "twins", "contracts/libraries/Facts.sol"),
    "Devices": _contract("contracts/core/Devices.sol", "devices"),
    "Telemetry": _contract("contracts/core/Telemetry.sol", "telemetry"),
    "Conditions": _contract("contracts/rules/Conditions.sol", "conditions"),
    # A library of internal functions has no bytecode of its own: it is tried in the contract that uses it.
    "Premium": Target(
        sources=("contracts/libraries/Premium.sol",),
        entries=("contracts/mocks/PremiumHarness.sol",),
        tests="premium",
    ),
    "DriveInsurance": Target(
        sources=(
            "contracts/money/DriveInsurance.sol",
            "contracts/money/DrivePolicies.sol",
            "contracts/money/Capital.sol",
        ),
        entries=("contracts/money/DriveInsurance.sol",),
        tests="drive_insurance",
    ),
}
