"""Reports of loggers on the command line: verified and shown from a file, attested on a real node."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from goldthread.chain import eip712
from goldthread.chain.devices import SoftKey
from goldthread.chain.segments import build, to_json
from goldthread.rules import fridge_tag
from goldthread.rules.readings import Reading
from goldthread.rules.summaries import Limit
from tests.goldthread.chains import deployment_of
from tests.goldthread.test_cli import failed, run
from tests.support import AnvilNode
from tests.support.coldchain import ColdChain
from tests.support.fridge_tags import FridgeTag, Lot, TagDay, five_days
from tests.support.witness import OFFSET, REASON, SERIAL, LotKey, Witness
from tests.support.words import Kind
from tests.support.world import DAY, asset, person, uri

ETHER = 10**18
DAYS = [TagDay(-12, 93, 66, 700, 754, 0, 5), TagDay(45, 62)]


@pytest.fixture
def tag() -> FridgeTag:
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


# ------------------------------------------------------------------------------------------ lots and loggers


@dataclass(frozen=True)
class Shop:
    """The maker of loggers, who uses one, on the command line."""

    cold: ColdChain
    model: bytes
    twin: bytes
    manifest: Path

    @classmethod
    def create(cls, node: AnvilNode, folder: Path) -> Shop:
        cold = ColdChain.create(node)
        model = cold.world.register(uri("MODEL"), Kind.DESIGN)
        twin = cold.world.register(asset("TAG1"), Kind.ASSET)
        manifest = folder / "31337.json"
        for account in (cold.world.maker.device_admin, cold.world.stranger):
            node.set_balance(account, ETHER)
        reports = cold.world.logger_reports
        deployment_of(cold.world, LoggerReports=reports, Telemetry=cold.telemetry).manifest.save(manifest)
        return cls(cold, model, twin, manifest)

    @property
    def key(self) -> LotKey:
        return LotKey.of(self.model, Lot())

    def run(self, *arguments: object, lot: bool = True, by: str | None = None) -> Result:
        named: list[object] = []
        if lot:
            named = ["--model", f"0x{self.model.hex()}", "--lot", Lot().name, "--lot-key", point(Lot())]
        node = self.cold.node
        assert isinstance(node, AnvilNode)
        sender = by or self.cold.world.maker.device_admin
        rest = ["--deployment", self.manifest, "--rpc", node.url, "--from", sender]
        return run("report", *arguments, *named, *rest)

    def json(self, *arguments: object, code: int = 0, **how: Any) -> dict[str, Any]:
        result = self.run(*arguments, "--json", **how)
        assert result.exit_code == code, result.output + result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found


@pytest.fixture
def shop(anvil: AnvilNode, tmp_path: Path) -> Shop:
    return Shop.create(anvil, tmp_path)


def test_a_lot_is_registered_and_its_loggers_live(shop: Shop) -> None:
    contract, key = shop.cold.world.logger_reports, shop.key
    until = shop.cold.world.now + 10**6
    told = shop.json("register-lot", "--accuracy", "0.75", "--expires", until)
    assert (told["key"], told["expires"]) == (f"0x{key.id.hex()}", until)
    assert tuple(contract.keyState(key.id))[1:] == (75, until, False)
    serial = ("--serial", SERIAL)
    told = shop.json("enrol", f"0x{shop.twin.hex()}", *serial)
    assert told["logger"] == f"0x{key.logger().hex()}"
    assert contract.standsFor(shop.twin) == key.logger()
    told = shop.json("attach", f"0x{shop.cold.pallet.hex()}", *serial, "--offset", 60)
    assert (told["attachment"], told["subject"]) == (1, f"0x{shop.cold.pallet.hex()}")
    assert contract.attachmentOf(key.logger(), 1).offset == 60
    shown = shop.run("detach", *serial)
    assert shown.exit_code == 0
    assert "logger 160400343949: detached at " in shown.stdout
    assert contract.attachmentOf(key.logger(), 1).until == shop.cold.world.now
    assert shop.run("strike", *serial, "--reason", f"0x{REASON.hex()}").exit_code == 0
    assert tuple(contract.loggerOf(key.logger())) == (bytes(32), 1, 1)
    about = ("revoke-lot", "--reason", f"0x{REASON.hex()}")
    assert shop.run(*about).exit_code == 1, "nobody said yes"
    assert not contract.keyState(key.id).revoked
    assert shop.json(*about, "--yes")["reason"] == f"0x{REASON.hex()}"
    assert contract.keyState(key.id).revoked


def test_wrong_lots_are_named(shop: Shop) -> None:
    until = ("--expires", shop.cold.world.now + 1)
    for accuracy in ("0", "-1", "0.555", "x", "nan", "656"):
        expected = f"--accuracy {accuracy!r}: must be degrees Celsius above 0 with at most two decimals"
        failed(shop.run("register-lot", "--accuracy", accuracy, *until), expected)
    failed(shop.run("register-lot", "--accuracy", "0.49", *until), "AccuracyTooFine")
    named = ("--model", f"0x{shop.model.hex()}", "--lot-key", point(Lot()))
    for name in ("", "x" * 32):
        wrong = shop.run("register-lot", *named, "--lot", name, *until, lot=False)
        failed(wrong, f"--lot {name!r}: must be of 1 to 31 bytes")
    failed(shop.run("detach", "--serial", SERIAL), "NotEnrolled")


def test_segments_that_a_report_contradicts_are_found(anvil: AnvilNode, tmp_path: Path) -> None:
    shop = Shop.create(anvil, tmp_path)
    witness = Witness.on(shop.cold, model=shop.model, twin=shop.twin)
    cold, where = shop.cold, eip712.domain("Telemetry", anvil.chain_id, shop.cold.telemetry.address)
    archive = tmp_path / "archive"
    archive.mkdir()
    tag = witness.tag([TagDay(), TagDay(min=-12, max=120, high=200), TagDay()])
    key = SoftKey.secp256k1(person("logger").key)

    def carry(day: int, value: int) -> None:
        """A day of the carrier's readings, every ten minutes, into archive and chain."""
        start = (EPOCH_DAYS + (tag.date(day) - tag.date(0)).days) * DAY - OFFSET * 60
        readings = [Reading(start + 600 * i, value) for i in range(145)]
        ((segment, _),) = build(
            readings,
            device=cold.logger.id,
            subject=cold.pallet,
            quantity=1,
            limits=(Limit(False, -50), Limit(True, 700)),
            first_seq=cold.telemetry.stream(cold.logger.id, cold.pallet, 1).seq + 1,
        )
        anvil.warp(max(0, segment.summary.to - cold.world.now))
        signature = key.sign(segment.digest(where))
        cold.telemetry.anchor(segment.to_contract(), key.signer, signature, sender=cold.world.stranger)
        document = {"schema": 2, "segments": [to_json(segment, readings)], "domain": where.to_json()}
        (archive / f"{segment.seq}.json").write_text(json.dumps(document))

    EPOCH_DAYS = (tag.date(0) - datetime(1970, 1, 1)).days  # noqa: N806, DTZ001
    carry(1, 500)
    witness.attest(tag)
    ask = ("contradict", archive)
    dry = shop.json(*ask, "--dry-run", code=1, lot=False)["contradictions"]
    kinds = {entry["kind"] for entry in dry}
    assert kinds == {"MIN_MISSED", "MAX_MISSED", "HIGH_MISSED"}
    assert {entry["day"] for entry in dry} == {tag.date(1).date().isoformat()}
    found = shop.json(*ask, code=1, lot=False, by=cold.world.stranger)["contradictions"]
    assert [entry["new"] for entry in found] == [True, False, False]
    again = shop.run(*ask, lot=False)
    assert again.exit_code == 1
    assert again.stdout.count("(known before)") == 3


def test_what_a_report_bears_out_is_left_alone(anvil: AnvilNode, tmp_path: Path) -> None:
    shop = Shop.create(anvil, tmp_path)
    witness = Witness.on(shop.cold, model=shop.model, twin=shop.twin)
    witness.attest(witness.tag([TagDay(), TagDay()]))
    (tmp_path / "archive").mkdir()
    told = shop.run("contradict", tmp_path / "archive", lot=False)
    assert (told.exit_code, told.stdout) == (0, "no report contradicts any of 0 segments\n")
