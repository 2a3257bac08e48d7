"""Reports of loggers on the command line: verified and shown from a file, attested on a real node."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from goldthread.rules import fridge_tag
from tests.goldthread.chains import deployment_of
from tests.goldthread.test_cli import failed, run
from tests.support import AnvilNode
from tests.support.fridge_tags import FridgeTag, Lot, TagDay, five_days
from tests.support.witness import OFFSET, REASON, Witness

ETHER = 10**18
DAYS = [TagDay(-12, 93, 66, 700, 754, 0, 5), TagDay(45, 62)]


@pytest.fixture
def tag() -> FridgeTag:
    from datetime import datetime

    return five_days(Lot(), datetime(2027, 1, 15, 10, 12))  # noqa: DTZ001


@pytest.fixture
def file(tag: FridgeTag, tmp_path: Path) -> Path:
    path = tmp_path / "report.txt"
    path.write_bytes(tag.file())
    return path


def point(lot: Lot) -> str:
    return "".join(f"{number:064x}" for number in lot.point)


# ------------------------------------------------------------------------------------------- without a chain


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_good_report_is_verified(tag: FridgeTag, file: Path, end: str) -> None:
    file.write_bytes(tag.file(end))
    result = run("report", "verify", file)
    assert result.exit_code == 0
    assert result.stdout == "signature: ok\nlogger 160400343949 of lot 1792_20_08, 5 days\n"
    assert result.stderr == f"signed with the lot key {point(tag.lot)}, according to the file\n"
    trusted = run("report", "verify", file, "--lot-key", point(tag.lot))
    assert trusted.exit_code == 0
    assert trusted.stdout.splitlines()[:2] == ["signature: ok", "lot key: ok"]
    assert trusted.stderr == ""


def test_a_changed_or_alien_report_is_found_out(tag: FridgeTag, file: Path) -> None:
    other = run("report", "verify", file, "--lot-key", "0x" + point(Lot("x", 3)), "--json")
    assert other.exit_code == 1
    told = json.loads(other.stdout)
    assert (told["ok"], told["serial"], told["lot"]) == (False, "160400343949", "1792_20_08")
    assert told["digest"] == "0x" + fridge_tag.read(file).digest.hex()
    assert told["lotKey"] == point(tag.lot)
    assert [check["ok"] for check in told["checks"]] == [True, False]
    file.write_bytes(tag.file().replace(b"+13.2", b"+03.2"))
    changed = run("report", "verify", file)
    assert changed.exit_code == 1
    assert "signature: WRONG: the text is not what the key in the file has signed" in changed.stdout


def test_wrong_files_are_named_with_line_and_rule(tag: FridgeTag, file: Path, tmp_path: Path) -> None:
    text = tag.file()
    first = text.index(b"Cert:")
    wrong = [
        (text.replace(b"  Min T: +4.5", b"  Min T: 4.5", 1), "line 33: must be '  Min T: <temperature>"),
        (text.replace(b"2027-01-14", b"2027-01-15"), "line 47: date 2027-01-15: must be earlier than"),
        (text.replace(b"2027-01-14", b"2027-02-30"), "date 2027-02-30: the calendar has no such day"),
        (text.replace(b"12:01", b"24:01"), "time 24:01: must be between 00:00 and 23:59"),
        (text[:first], "must be 'Cert:', is missing"),
        (text + b"more\n", "the report ends with the signature"),
        (text.replace(b"Temp unit: C", b"Temp unit: F"), "no line ' Temp unit: C' follows"),
        (text.replace(b"Sig: ", b"Sig: zz"), "must be 'Sig: <hex>'"),
        (b"time,value\n1,2\n", "line 1: must be 'Device: Q-tag Fridge-tag 2', is 'time,value'"),
        (b"", "line 1: must be"),
    ]
    for content, message in wrong:
        file.write_bytes(content)
        failed(run("report", "verify", file), message)
    failed(run("report", "verify", tmp_path / "none.txt"), "No such file")
    failed(run("report", "verify", file, "--lot-key", "12"), "--lot-key '12': must be 128 hex digits")
    assert run("report", "show", file, "--offset", "1441").exit_code == 2


def test_a_report_is_shown(file: Path, tag: FridgeTag) -> None:
    shown = run("report", "show", file, "--offset", OFFSET)
    assert shown.exit_code == 0
    for text in (
        "serial       160400343949",
        "created      2027-01-15T10:12:00+02:00",
        "at or below  -0.5 °C, alarm after 60 minutes",
        "at or above  8.0 °C, alarm after 600 minutes",
        "2027-01-11  4.5     13.2",
    ):
        assert text in shown.stdout
    file.write_bytes(FridgeTag(tag.created, DAYS).file())
    told = json.loads(run("report", "show", file, "--json").stdout)
    assert told["limits"] == {"low": "-0.5", "high": "8.0"}
    assert told["days"][0] == {
        "date": "2027-01-15",
        "from": "2027-01-15T00:00:00Z",
        "to": "2027-01-15T10:12:00Z",
        "min": "-1.2",
        "max": "9.3",
        "low": {"minutes": 66, "alarm": "12:34"},
        "high": {"minutes": 700, "alarm": "00:00"},
        "timeout": 5,
    }
    assert told["days"][1]["from"] == "2027-01-14T12:01:00Z"
    assert told["days"][1]["low"] == {"minutes": 0, "alarm": None}


def test_a_report_has_no_readings_to_build_segments_of(file: Path) -> None:
    ids = ("--device", "8004/9506000LOGGER1", "--subject", "00/395060000000000016")
    result = run("segment", "build", file, *ids)
    failed(result, "is a Fridge-tag report, which has figures of days and no readings to sign")
    assert "`goldthread report attest`" in result.stderr


# ------------------------------------------------------------------------------------------------ on a chain


@dataclass(frozen=True)
class Desk:
    """Who hands in reports, on the command line."""

    witness: Witness
    manifest: Path
    file: Path

    def attest(self, *arguments: object) -> Result:
        world = self.witness.world
        assert isinstance(world.node, AnvilNode)
        rest = ["--deployment", self.manifest, "--rpc", world.node.url, "--from", world.stranger]
        return run("report", "attest", self.file, *arguments, *rest)

    def json(self, *arguments: object) -> dict[str, Any]:
        result = self.attest("--model", f"0x{self.witness.model.hex()}", *arguments, "--json")
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found


@pytest.fixture
def desk(anvil: AnvilNode, tmp_path: Path) -> Desk:
    witness = Witness.create(anvil)
    anvil.set_balance(witness.world.stranger, ETHER)
    manifest = tmp_path / "31337.json"
    deployment_of(witness.world, LoggerReports=witness.contract).manifest.save(manifest)
    tag = witness.tag([TagDay(max=93), TagDay()])
    witness.wait_for(tag)
    path = tmp_path / "report.txt"
    path.write_bytes(tag.file())
    return Desk(witness, manifest, path)


def test_a_report_is_attested_once(desk: Desk) -> None:
    contract, pallet = desk.witness.contract, desk.witness.cold.pallet
    found = desk.json()
    assert (found["new"], found["days"], found["subject"]) == (True, 2, f"0x{pallet.hex()}")
    assert contract.attested(bytes.fromhex(found["id"][2:]))
    again = desk.json("--attachment", 1)
    assert (again["new"], again["id"]) == (False, found["id"])
    shown = desk.attest("--model", f"0x{desk.witness.model.hex()}")
    assert shown.stdout == f"report {found['id']}: was attested before\n"


def test_the_newest_attachment_is_taken(desk: Desk) -> None:
    desk.witness.detach()
    desk.witness.attach()
    model = f"0x{desk.witness.model.hex()}"
    failed(desk.attest("--model", model), "NoDayCovered")
    shown = desk.attest("--model", model, "--attachment", 1)
    assert shown.exit_code == 0
    assert f"attested, 2 of 2 days on twin 0x{desk.witness.cold.pallet.hex()}" in shown.stdout


def test_what_is_not_sent(desk: Desk) -> None:
    contract, model = desk.witness.contract, f"0x{desk.witness.model.hex()}"
    failed(desk.attest("--model", "0x12"), "--model '0x12': must be 0x and 64 hex digits")
    failed(desk.attest("--model", "0x" + "ab" * 32), "was never attached to a twin")
    failed(desk.attest("--model", model, "--attachment", 2), "NoSuchAttachment")
    good = desk.file.read_bytes()
    desk.file.write_bytes(good.replace(b"+9.3", b"+8.3"))
    block = desk.witness.world.node.block_number
    changed = desk.attest("--model", model)
    assert (changed.exit_code, changed.stdout) == (1, "")
    assert "is not what the key in the file has signed; nothing was sent" in changed.stderr
    desk.file.write_bytes(good)
    assert desk.witness.world.node.block_number == block
    contract.revokeLotKey(desk.witness.key.id, REASON, sender=desk.witness.admin)
    failed(desk.attest("--model", model), "KeyIsRevoked")
