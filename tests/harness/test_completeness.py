"""Every error that an interface declares is expected by some test, with all its values."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from goldthread.build import ROOT

INTERFACES = (
    "IBatchRelease",
    "ICapabilities",
    "ICargoInsurance",
    "IClosureClaims",
    "ICompliance",
    "IConditions",
    "IConflictMinerals",
    "IConsortium",
    "IDeliveryExceptions",
    "IDesignControl",
    "IDevices",
    "IExposures",
    "IFirmware",
    "ILicences",
    "ILineage",
    "ILoggerReports",
    "IRecalls",
    "IRecords",
    "ITelemetry",
    "ITemplates",
    "ITitleDeed",
    "ITwins",
    "IUsageMeters",
    "IVerification",
)
ERROR = re.compile(r"^\s*error (\w+)\(([^)]*)\);", re.MULTILINE)


@cache
def expected() -> frozenset[tuple[str, int]]:
    """The errors that the tests of contracts expect, with the number of values."""
    found = set()
    for path in (ROOT / "tests" / "contracts").glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            call = (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reverts"
            )
            parts = getattr(node, "args" if call else "elts", [])
            if parts and isinstance(parts[0], ast.Constant):
                found.add((str(parts[0].value), len(parts) - 1))
    return frozenset(found)


@pytest.mark.parametrize("interface", INTERFACES)
def test_every_error_is_expected_with_its_values(interface: str) -> None:
    text = (ROOT / "contracts" / "interfaces" / f"{interface}.sol").read_text()
    declared = {(name, len(re.findall(r"\w+ \w+", values))) for name, values in ERROR.findall(text)}
    assert declared, "no error was found"
    assert not declared - expected()
