"""What the functions of LoggerReports cost on a real node, and that reports of the field verify there."""

from __future__ import annotations

from pathlib import Path

import pytest

from goldthread.build import ROOT
from tests.support import AnvilNode
from tests.support.fridge_tags import FridgeTag, TagDay
from tests.support.gas import GasBook
from tests.support.witness import REASON, Witness
from tests.support.world import DAY, asset

FOLDER = Path(ROOT).parent / "shared" / "data" / "iot" / "coldchain_fridgetag"
CEILING = 130_000
"""Of a report of 2,092 bytes: the transaction costs 105,000 for its bytes alone."""


@pytest.fixture
def witness(anvil: AnvilNode) -> Witness:
    return Witness.create(anvil)


def test_keys_and_loggers(witness: Witness, gas: GasBook) -> None:
    world, contract = witness.world, witness.contract
    other = witness.key._replace(lot=b"2101_20_08".ljust(32, b"\0"))
    receipt = contract.registerLotKey(other, 50, world.now + DAY, sender=witness.admin)
    gas.record("LoggerReports.registerLotKey", receipt.gas_used, 89_500)
    twin = world.register(asset("TAG2"), 4)
    receipt = contract.enrol(other.id, 7, twin, sender=witness.admin)
    gas.record("LoggerReports.enrol", receipt.gas_used, 110_000)
    gas.record("LoggerReports.detach", witness.detach().gas_used, 53_000)
    gas.record("LoggerReports.attach", witness.attach().gas_used, 95_500)
    receipt = contract.strike(other.id, 7, REASON, sender=world.regulator.device_admin)
    gas.record("LoggerReports.strike", receipt.gas_used, 60_000)
    receipt = contract.revokeLotKey(other.id, REASON, sender=witness.admin)
    gas.record("LoggerReports.revokeLotKey", receipt.gas_used, 50_000)


def reported(witness: Witness, tag: FridgeTag) -> int:
    used: int = witness.attest(tag).gas_used
    return used


def test_a_report_of_five_days(witness: Witness, gas: GasBook) -> None:
    days = [TagDay(checked=("AM",)), TagDay(), TagDay(), TagDay(), TagDay(max=132, high=14, checked=("PM",))]
    tag = witness.tag(days)
    assert len(tag.text) == 2092
    gas.record("LoggerReports.attestReport, 5 days", reported(witness, tag), CEILING, "2,092 bytes")
