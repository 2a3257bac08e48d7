"""The field's own reports, verified on chain on a real node.

Their loggers belong to nobody here: the test registers the lot key that the files name, and attaches the
loggers before they were activated.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from goldthread.build import ROOT
from goldthread.chain.devices import P256_ORDER, low_s
from goldthread.rules import fridge_tag
from tests.support import AnvilNode, Reverted, reverts
from tests.support.witness import OFFSET, LotKey, Witness
from tests.support.words import Kind
from tests.support.world import DAY, asset

FOLDER = Path(ROOT).parent / "shared" / "data" / "iot" / "coldchain_fridgetag"
FILES = sorted(FOLDER.glob("*.txt"))
pytestmark = pytest.mark.skipif(not FILES, reason=f"the recorded data is not there: {FOLDER}")

START = 1_741_824_000
"""2025-03-13, before the first logger was activated."""
TAMPERED = 50
"""Of each file."""
CEILING = 130_000


@pytest.fixture(scope="module")
def witness() -> Iterator[Witness]:
    node = AnvilNode(start=START)
    yield Witness.create(node)
    node.close()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name[:12])
def test_reports_of_the_field_verify_and_tampered_ones_do_not(witness: Witness, file: Path) -> None:
    world, contract, signed = witness.world, witness.contract, fridge_tag.read(file)
    told = signed.report
    assert signed.is_signed
    x, y, r, s = (number.to_bytes(32, "big") for number in (signed.x, signed.y, signed.r, low_s(signed.s)))
    key = LotKey(witness.model, told.lot.ljust(32, b"\0"), x, y)
    if contract.keyState(key.id).org == 0:
        contract.registerLotKey(key, 50, world.now + 10 * 365 * DAY, sender=witness.admin)
    twin = world.register(asset(f"{told.serial}"), Kind.ASSET)
    contract.enrol(key.id, told.serial, twin, sender=witness.admin)
    logger = key.logger(told.serial)
    contract.attach(logger, witness.cold.pallet, OFFSET, sender=witness.admin)
    world.node.warp(max(0, told.created - OFFSET * 60 - world.now))
    args = signed.text, key, r, s, 1
    with reverts("InvalidReportSignature", signed.digest):
        contract.attestReport.call(*args[:3], (P256_ORDER - low_s(signed.s)).to_bytes(32, "big"), 1)
    digits = [place for place, byte in enumerate(signed.text) if 0x30 <= byte <= 0x39]
    for place in Random(file.name).sample(digits, TAMPERED):  # noqa: S311
        text = bytearray(signed.text)
        text[place] = 0x30 + (text[place] - 0x30 + 1 + place % 9) % 10
        assert not tampered(signed, bytes(text)).is_signed
        with pytest.raises(Reverted) as refused:
            contract.attestReport.call(bytes(text), *args[1:])
        assert refused.value.error in ("MalformedReport", "WrongLot", "InvalidReportSignature")
    receipt = contract.attestReport(*args, sender=world.stranger)
    assert receipt.gas_used <= (CEILING if len(signed.text) == 2092 else 625_000)
    [event] = contract.events(receipt, "ReportAttested")
    assert event["digest"] == signed.digest
    assert event["logger"] == logger
    # The logger was attached before it was activated, so every day counts.
    assert event["table"] == [day.word for day in told.days]


def tampered(signed: fridge_tag.SignedReport, text: bytes) -> Any:
    """The same signature under another text."""
    return fridge_tag.SignedReport(signed.report, text, signed.x, signed.y, signed.r, signed.s)
