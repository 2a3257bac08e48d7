"""What is mutated, and which tests must notice."""

from __future__ import annotations

from dataclasses import dataclass

from goldthread.build import ROOT


@dataclass(frozen=True)
class Target:
    """The sources whose every small change is tried, the files to compile for that, and the tests to run.

    A library of internal functions has no bytecode of its own: it is tried in the contracts that use it, the
    harness that its own tests call among them.
    """

    sources: tuple[str, ...]
    entries: tuple[str, ...]
    tests: tuple[str, ...]

    def test_files(self) -> list[str]:
        """Files of tests/contracts/ that begin with one of the names."""
        found = [path for name in self.tests for path in ROOT.glob(f"tests/contracts/test_{name}*.py")]
        return [str(path) for path in sorted(found)]


TARGETS = {
    "Consortium": Target(
        sources=("contracts/core/Consortium.sol", "contracts/libraries/Ids.sol"),
        entries=("contracts/core/Consortium.sol", "contracts/mocks/IdsHarness.sol"),
        tests=("consortium", "ids"),
    ),
    "Twins": Target(
        sources=(
            "contracts/core/Twins.sol",
            "contracts/base/Module.sol",
            "contracts/libraries/EventStamp.sol",
            "contracts/libraries/Exceptions.sol",
            "contracts/libraries/Facts.sol",
            "contracts/libraries/Signers.sol",
        ),
        entries=("contracts/core/Twins.sol", "contracts/mocks/FactsHarness.sol"),
        tests=("twins", "facts"),
    ),
    "Lots": Target(
        sources=(
            "contracts/core/Lots.sol",
            "contracts/core/LotLedger.sol",
            "contracts/libraries/Receivers.sol",
        ),
        entries=("contracts/core/Lots.sol",),
        tests=("lots",),
    ),
    "Devices": Target(
        sources=("contracts/core/Devices.sol",),
        entries=("contracts/core/Devices.sol",),
        tests=("devices",),
    ),
    "Capabilities": Target(
        sources=(
            "contracts/core/Capabilities.sol",
            "contracts/libraries/CapabilityWord.sol",
            "contracts/libraries/Method.sol",
        ),
        entries=("contracts/core/Capabilities.sol",),
        tests=("capabilities",),
    ),
    "Firmware": Target(
        sources=("contracts/core/Firmware.sol",),
        entries=("contracts/core/Firmware.sol",),
        tests=("firmware",),
    ),
    "Telemetry": Target(
        sources=(
            "contracts/core/Telemetry.sol",
            "contracts/libraries/SegmentWords.sol",
            "contracts/libraries/Excursion.sol",
            "contracts/libraries/Histogram.sol",
            "contracts/libraries/MerkleLeaves.sol",
            "contracts/libraries/SummaryMerge.sol",
            "contracts/libraries/SummaryTree.sol",
        ),
        entries=("contracts/core/Telemetry.sol", "contracts/mocks/SummaryHarness.sol"),
        tests=("telemetry",),
    ),
    "Challenges": Target(
        sources=("contracts/money/Challenges.sol",),
        entries=("contracts/money/Challenges.sol",),
        tests=("challenges",),
    ),
    "Conditions": Target(
        sources=(
            "contracts/rules/Conditions.sol",
            "contracts/rules/ConditionPolicies.sol",
            "contracts/libraries/HeatWindow.sol",
            "contracts/libraries/TrackWord.sol",
            "contracts/libraries/Rule.sol",
            "contracts/libraries/Excursion.sol",
        ),
        entries=("contracts/rules/Conditions.sol",),
        tests=("conditions",),
    ),
    "LoggerReports": Target(
        sources=(
            "contracts/rules/LoggerReports.sol",
            "contracts/libraries/FridgeTag.sol",
            "contracts/libraries/LoggerWords.sol",
        ),
        entries=("contracts/rules/LoggerReports.sol", "contracts/mocks/FridgeTagHarness.sol"),
        tests=("logger_reports",),
    ),
    "Templates": Target(
        sources=("contracts/rules/Templates.sol",),
        entries=("contracts/rules/Templates.sol",),
        tests=("templates",),
    ),
    "Records": Target(
        sources=(
            "contracts/core/Records.sol",
            "contracts/core/Schemas.sol",
            "contracts/libraries/RecordWord.sol",
            "contracts/libraries/Meaning.sol",
            "contracts/libraries/MerkleLeaves.sol",
        ),
        entries=("contracts/core/Records.sol",),
        tests=("records",),
    ),
    "Mkt": Target(
        sources=("contracts/libraries/Mkt.sol",),
        entries=("contracts/mocks/MktHarness.sol",),
        tests=("mkt",),
    ),
    "Lineage": Target(
        sources=("contracts/core/Lineage.sol",),
        entries=("contracts/core/Lineage.sol",),
        tests=("lineage", "recalls"),
    ),
    "Recalls": Target(
        sources=("contracts/rules/Recalls.sol", "contracts/rules/RecallLedger.sol"),
        entries=("contracts/rules/Recalls.sol",),
        tests=("recalls", "closure_claims"),
    ),
    "ConflictMinerals": Target(
        sources=(
            "contracts/rules/ConflictMinerals.sol",
            "contracts/rules/SmelterRegisters.sol",
            "contracts/libraries/CmrtAnswers.sol",
            "contracts/libraries/FormSdRules.sol",
        ),
        entries=("contracts/rules/ConflictMinerals.sol",),
        tests=("conflict_minerals",),
    ),
    "Exposures": Target(
        sources=("contracts/rules/Exposures.sol",),
        entries=("contracts/rules/Exposures.sol",),
        tests=("exposures",),
    ),
    "Compliance": Target(
        sources=("contracts/rules/Compliance.sol",),
        entries=("contracts/rules/Compliance.sol",),
        tests=("compliance",),
    ),
    "BatchRelease": Target(
        sources=("contracts/rules/BatchRelease.sol",),
        entries=("contracts/rules/BatchRelease.sol",),
        tests=("batch_release",),
    ),
    "Licences": Target(
        sources=(
            "contracts/rules/Licences.sol",
            "contracts/rules/LicenceBook.sol",
            "contracts/libraries/ReturnHours.sol",
            "contracts/libraries/SeatWord.sol",
        ),
        entries=("contracts/rules/Licences.sol",),
        # Every state of a licence takes minutes; these know all of them.
        tests=("licences_grants", "licences_seats", "licences_units"),
    ),
    "UsageMeters": Target(
        sources=("contracts/money/UsageMeters.sol",),
        entries=("contracts/money/UsageMeters.sol",),
        tests=("usage_meters",),
    ),
    "Verification": Target(
        sources=("contracts/rules/Verification.sol",),
        entries=("contracts/rules/Verification.sol",),
        tests=("verification",),
    ),
    "DeliveryExceptions": Target(
        sources=("contracts/rules/DeliveryExceptions.sol",),
        entries=("contracts/rules/DeliveryExceptions.sol",),
        tests=("delivery_exceptions",),
    ),
    "DesignControl": Target(
        sources=(
            "contracts/rules/DesignControl.sol",
            "contracts/rules/DesignMatrix.sol",
            "contracts/libraries/DesignWords.sol",
        ),
        entries=("contracts/rules/DesignControl.sol",),
        tests=("design_control",),
    ),
    "TitleDeed": Target(
        sources=("contracts/periphery/TitleDeed.sol",),
        entries=("contracts/periphery/TitleDeed.sol",),
        tests=("title_deed",),
    ),
    "Premium": Target(
        sources=("contracts/libraries/Premium.sol",),
        entries=("contracts/mocks/PremiumHarness.sol",),
        tests=("premium",),
    ),
    "DriveInsurance": Target(
        sources=(
            "contracts/money/DriveInsurance.sol",
            "contracts/money/DrivePolicies.sol",
            "contracts/money/Capital.sol",
            "contracts/money/Purse.sol",
        ),
        entries=("contracts/money/DriveInsurance.sol",),
        tests=("drive_insurance",),
    ),
    "ClosureClaims": Target(
        sources=("contracts/money/ClosureClaims.sol",),
        entries=("contracts/money/ClosureClaims.sol",),
        tests=("closure_claims",),
    ),
    "CargoInsurance": Target(
        sources=("contracts/money/CargoInsurance.sol", "contracts/libraries/Indemnity.sol"),
        entries=("contracts/money/CargoInsurance.sol",),
        tests=("cargo_insurance",),
    ),
}
