"""What the functions of LoggerReports cost on a real node; the reports have the sizes of the field's own."""

from __future__ import annotations

import pytest

from tests.models.logger_reports import Contradiction
from tests.models.segments import Reading
from tests.support import AnvilNode
from tests.support.fridge_tags import TagDay, sixty_days
from tests.support.gas import GasBook
from tests.support.witness import REASON, Report, Witness
from tests.support.words import Kind
from tests.support.world import DAY, asset

CEILING = 130_000
"""Of a report of 2,092 bytes, the calldata of which costs 113,000 at least (EIP-7623)."""
WEEK = [
    TagDay(checked=("AM",)),
    TagDay(),
    TagDay(),
    TagDay(),
    TagDay(max=132, high=14, checked=("PM",)),
]


@pytest.fixture
def witness(anvil: AnvilNode) -> Witness:
    return Witness.create(anvil)


def test_keys_and_loggers(witness: Witness, gas: GasBook) -> None:
    world, contract = witness.world, witness.contract
    other = witness.key._replace(lot=b"2101_20_08".ljust(32, b"\0"))
    receipt = contract.registerLotKey(other, 50, world.now + DAY, sender=witness.admin)
    gas.record("LoggerReports.registerLotKey", receipt.gas_used, 68_000)
    twin = world.register(asset("TAG2"), Kind.ASSET)
    receipt = contract.enrol(other.id, 7, twin, sender=witness.admin)
    gas.record("LoggerReports.enrol", receipt.gas_used, 91_000)
    gas.record("LoggerReports.detach", witness.detach().gas_used, 50_500)
    gas.record("LoggerReports.attach", witness.attach().gas_used, 98_000)
    receipt = contract.strike(other.id, 7, REASON, sender=world.regulator.device_admin)
    gas.record("LoggerReports.strike", receipt.gas_used, 41_000)
    receipt = contract.revokeLotKey(other.id, REASON, sender=witness.admin)
    gas.record("LoggerReports.revokeLotKey", receipt.gas_used, 39_000)


def test_a_report_of_five_days(witness: Witness, gas: GasBook) -> None:
    tag = witness.tag(WEEK)
    assert len(tag.text) == 2092
    used = witness.attest(tag).gas_used
    gas.record("LoggerReports.attestReport, 5 days", used, CEILING, "2,092 bytes")


def test_a_report_of_sixty_days(witness: Witness, gas: GasBook) -> None:
    """A report costs hardly more than its calldata."""
    tag = witness.tag(sixty_days(witness.lot, witness.clock(0)).days)
    used = witness.attest(tag).gas_used
    note = f"{len(tag.text):,} bytes"
    gas.record("LoggerReports.attestReport, 60 days", used, 620_000, note)


def test_a_contradiction(witness: Witness, gas: GasBook) -> None:
    cold, world = witness.cold, witness.world
    tag = witness.tag([TagDay(), TagDay(max=150)])
    receipt = witness.attest(tag)
    [told] = witness.contract.events(receipt, "ReportAttested")
    report = Report(told["digest"], told["key"], told["subject"], told["frame"], tuple(told["table"]))
    day = (report.table[1] & 0xFFFFFF) * DAY - report.logger.offset * 60
    times = [*range(witness.since, day + DAY, 900), day + DAY]
    segment = cold.segment([Reading(time, 550) for time in times])
    cold.anchor(segment)
    args = report, 1, Contradiction.MAX_MISSED, 0, [segment]
    receipt = witness.contract.contradict(*args, sender=world.stranger)
    gas.record("LoggerReports.contradict, one segment", receipt.gas_used, 79_500)
