"""Compliance from the command line, on a real node: a batch record from its programme to its release by a
passkey, what an inspector notes, and the record as PDF.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from goldthread.batch_record import BatchRecord
from goldthread.chain.approvals import Document
from goldthread.chain.contracts import Deployment
from goldthread.chain.devices import SoftKey
from goldthread.chain.passkeys import Passkey
from goldthread.chain.words import ReleaseCause
from goldthread.compliance import moment, read, share_of, speaks_against
from goldthread.records.archive import Archive
from goldthread.records.signatories import printed_name
from goldthread.records.store import Store
from goldthread.rules.programmes import case_id, programmes
from tests.goldthread.chains import contracts_of, manifest_of
from tests.goldthread.test_cli import failed, run
from tests.support import deploy, nodes
from tests.support.plant import Plant
from tests.support.words import Duty, Kind
from tests.support.world import asset, lot_uri

ETHER = 10**18
LOT = lot_uri("B1")
RP = "quality.example"
BATCH = "us-211-188-batch-record"
FORMS = programmes()[BATCH].forms
PASSKEY_SECRET = 0xA11CE


@dataclass(frozen=True)
class Desk:
    """The command line of the maker's people."""

    plant: Plant
    manifest: Path
    folder: Path
    forms: dict[str, bytes]

    @property
    def where(self) -> list[object]:
        url = self.plant.node.url  # type: ignore[attr-defined]
        return ["--deployment", self.manifest, "--rpc", url]

    @property
    def deployment(self) -> Deployment:
        return Deployment.open(self.manifest, self.plant.node.url)  # type: ignore[attr-defined]

    @property
    def archive(self) -> Archive:
        return Archive(Store.open(str(self.folder / "records")), [], [])

    def run(self, *arguments: object, sender: str | None = None) -> Result:
        """As quality, unless another account is named; without a sender for what only reads."""
        command = arguments[0]
        given = list(arguments)
        if command in ("reject", "release", "withdraw"):
            given += ["--plain"]
        if command in ("reject", "release", "withdraw", "missing", "report", "status"):
            given += ["--store", self.folder / "records"]
        if command not in ("missing", "report", "status") and "--out" not in given:
            given += ["--from", sender or self.plant.qa]
        return run("compliance", *given, *self.where)

    def json(self, *arguments: object, sender: str | None = None, code: int = 0) -> Any:
        result = self.run(*arguments, "--json", sender=sender)
        assert result.exit_code == code, result.output + result.stderr
        return json.loads(result.stdout)

    def name(self, text: str) -> bytes:
        """The salted hash of a printed name, which is kept."""
        opening = printed_name(text)
        self.archive.keep(opening)
        return opening.content_hash

    def write(self, form: str = "batch-step", name: str = "Ann Noble", age: int = 0) -> int:
        """A record by the operator, with a second signature; its number."""
        plant = self.plant
        plant.signer_name = self.name(name)
        record = plant.write(schema=self.forms[form], age=age)
        plant.signer_name = self.name("Bo Berg")
        plant.countersign(record, plant.second, 8)
        plant.signer_name = bytes(32)
        found: int = plant.world.records.recordOf(record).sequence
        return found

    def fulfil(self, *codes: str) -> None:
        for one in programmes()[BATCH].requirements:
            if one.code in codes or (not codes and one.mandatory):
                number = f"{LOT}#{self.write(one.forms[0])}"
                assert self.run("submit", LOT, one.code, number, sender=self.plant.operator).exit_code == 0
                assert self.run("accept", LOT, one.code, number).exit_code == 0

    def findings(self) -> list[tuple[str, str]]:
        result = self.run("missing", LOT, "--json")
        found = json.loads(result.stdout)["findings"]
        assert result.exit_code == (1 if found else 0)
        assert [one["number"] for one in found] == list(range(1, len(found) + 1))
        return [(one["paragraph"], one["kind"]) for one in found]


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Plant, dict[str, Any], dict[str, bytes], int]]:
    node = nodes.shared_anvil()
    plant = Plant.create(node)
    world = plant.world
    verifier = deploy(node, "ERC7913WebAuthnVerifier")
    contracts_of(world)
    more = {
        "Lots": world.lots,
        "Records": world.records,
        "Compliance": world.compliance,
        "BatchRelease": world.batch_release,
        "ERC7913WebAuthnVerifier": verifier,
    }
    for account in (plant.qa, plant.operator, plant.second, plant.maker.all, world.stranger):
        node.set_balance(account, ETHER)
    forms = {form: plant.schema(form, second_persons=1) for form in FORMS}
    key = Passkey(SoftKey.p256(PASSKEY_SECRET, verifier.address), RP)
    world.hire(plant.maker, key.signer, int(Duty.QUALITY))
    yield plant, more, forms, node.snapshot()


@pytest.fixture
def desk(made: tuple[Plant, dict[str, Any], dict[str, bytes], int], tmp_path: Path) -> Desk:
    plant, more, forms, snapshot = made
    plant.node.revert(snapshot)
    manifest = tmp_path / "31337.json"
    manifest_of(plant.node, contracts_of(plant.world) | more).save(manifest)
    return Desk(plant, manifest, tmp_path, forms)


@pytest.fixture
def batch(desk: Desk) -> Desk:
    """The batch record is registered and the lot is a batch."""
    assert desk.run("register", BATCH).exit_code == 0
    terms = "--theoretical", "100000", "--lowest", "95", "--highest", "102.5"
    assert desk.run("master", f"1/{BATCH}", *terms).exit_code == 0
    assert desk.run("open", f"1/{BATCH}", LOT, "--batch").exit_code == 0
    return desk


# ------------------------------------------------------------------------------------------------ programmes


def test_what_there_is(desk: Desk) -> None:
    listed = json.loads(run("compliance", "templates", "--json").stdout)
    assert {one["name"] for one in listed} == set(programmes())
    shown = json.loads(run("compliance", "show", BATCH, "--json").stdout)
    assert [one["code"] for one in shown["requirements"]][:2] == ["211.188(a)", "211.188(b)(1)"]
    text = run("compliance", "show", "us-dscsa-small-dispenser").stdout
    assert "2026-11-27T23:59:59Z" in text
    assert "us-dscsa-small-dispenser" in run("compliance", "templates").stdout
    failed(run("compliance", "show", "nothing"), "NAME 'nothing': must be a file *.json or one of")


def test_programmes_are_registered_once(desk: Desk) -> None:
    (first,) = desk.json("register", BATCH)
    identifier = programmes()[BATCH].id(1)
    assert (first["programme"], first["registered"]) == (f"0x{identifier.hex()}", True)
    assert desk.json("register", BATCH)[0]["registered"] is False
    assert "was registered before" in desk.run("register", BATCH).stdout
    other = f"yield=0x{desk.forms['batch-step'].hex()}"
    failed(desk.run("register", BATCH, "--schema", other), "has registered another definition as version 1")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("yield", "--schema 'yield': must be FORM=ORG/NAME"),
        ("none=1/step", "--schema none: none of the programmes has such a form"),
    ],
)
def test_schemas_are_named(desk: Desk, option: str, message: str) -> None:
    failed(desk.run("register", BATCH, "--schema", option), message)


def test_a_stranger_registers_nothing(desk: Desk) -> None:
    failed(desk.run("register", BATCH, sender=desk.plant.world.stranger), "acts for no organisation")


@pytest.mark.parametrize("wrong", ["x", "-1", "1.0000001", "0", "1e3"])
def test_quantities(desk: Desk, wrong: str) -> None:
    desk.run("register", BATCH)
    terms = "--theoretical", wrong, "--lowest", "95", "--highest", "102"
    result = desk.run("master", f"1/{BATCH}", *terms)
    assert result.exit_code == 2
    if wrong != "-1":
        failed(result, f"--theoretical {wrong!r}: must be a number")


# ----------------------------------------------------------------------------------------- the usual course


def test_a_batch_from_its_opening_to_its_release(batch: Desk) -> None:
    plant = batch.plant
    programme = programmes()[BATCH].id(1)
    case = case_id(programme, plant.lot, 1)
    told = batch.json("status", LOT)
    assert (told["case"], told["name"], told["organisation"]) == (f"0x{case.hex()}", BATCH, "maker")
    assert told["batch"]["state"] == "OPEN"
    assert len(told["missing"]) == 12
    assert batch.json("status", f"0x{case.hex()}")["case"] == told["case"]

    batch.fulfil()
    number = batch.write("yield")
    done = batch.json("yield", LOT, "97340", f"{LOT}#{number}", sender=plant.operator)
    assert (done["ppm"], done["outside"]) == (973_400, False)
    assert batch.findings() == [("211.22(a)", "RELEASE")]
    told = batch.json("status", LOT)
    assert (told["missing"], told["batch"]["cause"], told["batch"]["yieldPpm"]) == ([], "NONE", 973_400)
    text = batch.run("status", LOT).stdout
    assert "97.34 %" in text
    assert "211.188(b)(7)" in text

    done = batch.json("release", LOT, "--name", "Cy Ames")
    assert done["state"] == "RELEASED"
    assert plant.releases.isReleased(plant.lot)
    assert batch.findings() == []
    assert "no observations" in batch.run("missing", LOT).stdout
    assert batch.json("withdraw", LOT, "--reason", "stability test failed")["state"] == "WITHDRAWN"
    assert batch.json("status", LOT)["batch"]["state"] == "WITHDRAWN"


def test_a_passkey_releases(batch: Desk) -> None:
    """Prepared at the plant, signed elsewhere, brought by anybody."""
    plant = batch.plant
    batch.fulfil()
    batch.run("yield", LOT, "97340", f"{LOT}#{batch.write('yield')}", sender=plant.operator)
    manifest = json.loads(batch.manifest.read_text())
    verifier = manifest["contracts"]["ERC7913WebAuthnVerifier"]["address"]
    key = SoftKey.p256(PASSKEY_SECRET, verifier)
    passkey = Passkey(key, RP)
    out = batch.folder / "decision.json"
    signer = f"0x{passkey.signer.hex()}"
    result = batch.run("release", LOT, "--name", "Cy Ames", "--out", out, "--signer", signer)
    assert result.exit_code == 0, result.stderr
    signed = Document.load(out).signed_by(passkey)
    out.write_text(json.dumps(signed.to_json()))
    result = run("record", "submit", out, "--from", plant.world.stranger, *batch.where)
    assert result.exit_code == 0, result.output + result.stderr
    assert plant.releases.isReleased(plant.lot)


def test_a_batch_is_rejected(batch: Desk) -> None:
    failed(batch.run("release", LOT, "--reject", "--name", "Cy Ames"), "--reason or --reason-hash")
    done = batch.json("release", LOT, "--reject", "--name", "Cy Ames", "--reason", "glass in a vial")
    assert done["state"] == "REJECTED"


def test_decisions_about_evidence(batch: Desk) -> None:
    plant, code = batch.plant, "211.188(b)(1)"
    number = f"{LOT}#{batch.write()}"
    assert batch.json("submit", LOT, "2", number, sender=plant.operator)["requirement"] == code
    done = batch.json("reject", LOT, code, number, "--reason", "the balance was not calibrated")
    assert done["requirement"] == code
    [row] = [one for one in batch.json("status", LOT)["requirements"] if one["code"] == code]
    assert (row["status"], row["sequence"]) == ("REJECTED", 1)
    failed(batch.run("accept", LOT, code, number), "NotSubmitted")
    failed(batch.run("accept", LOT, "211.188(b)(99)", number), "must be one of 211.188(a),")
    failed(batch.run("accept", LOT, "15", number), "or a number from 1 to 14")


def test_a_plan_is_waived_where_it_does_not_apply(desk: Desk) -> None:
    plant = desk.plant
    for form in ("traceability-plan", "farm-map", "plan-review"):
        plant.schema(form)
    site = plant.world.register(asset("SITE1"), Kind.ASSET)
    desk.run("register", "us-fsma-204-traceability-plan")
    desk.run("open", "1/us-fsma-204-traceability-plan", asset("SITE1"))
    plant.write(site)
    result = desk.run("waive", asset("SITE1"), "1.1315(a)(5)", f"{asset('SITE1')}#1")
    assert result.exit_code == 0, result.stderr
    told = desk.json("status", asset("SITE1"))
    assert told["missing"] == [f"1.1315(a)({n})" for n in (1, 2, 3, 4)]
    assert told["batch"] is None


def test_deviations(batch: Desk) -> None:
    plant = batch.plant
    number = f"{LOT}#{batch.write()}"
    assert batch.json("deviation", "open", LOT, number, sender=plant.operator)["deviation"] == 1
    assert ("211.192", "DEVIATION") in batch.findings()
    inquiry = batch.write("investigation")
    assert batch.json("deviation", "close", LOT, 1, f"{LOT}#{inquiry}")["deviation"] == 1
    assert ("211.192", "DEVIATION") not in batch.findings()
    plant.amend(plant.world.records.recordIdOf(plant.lot, inquiry))
    assert ("211.192", "DEVIATION") in batch.findings()
    assert batch.json("flag", LOT)["reopened"] == [1]
    assert batch.json("flag", LOT) == {
        "case": batch.json("status", LOT)["case"],
        "overdue": [],
        "reopened": [],
    }
    assert "nothing is late" in batch.run("flag", LOT).stdout
    yielded = batch.write("yield")
    done = batch.json("yield", LOT, "10.5", f"{LOT}#{yielded}", sender=plant.operator)
    assert done["outside"]
    assert ("211.103", "YIELD") in batch.findings()


def test_what_is_late_is_flagged(desk: Desk) -> None:
    plant = desk.plant
    programme = plant.register([plant.step("9.9", due=plant.now + 10)])
    plant.case(programme)
    plant.node.warp(11)
    plant.write()  # a block after that second
    found = desk.run("missing", LOT).stdout
    assert "observation 2, 9.9 (OVERDUE): 9.9: was due 20" in found
    assert "9.9: flagged as overdue" in desk.run("flag", LOT, sender=plant.world.stranger).stdout
    assert desk.json("flag", LOT)["overdue"] == []


# -------------------------------------------------------------------------------------------------- findings


def test_what_an_inspector_notes(batch: Desk) -> None:
    """Late, unsigned, and signed by one person under two accounts or in two capacities."""
    plant = batch.plant
    late = batch.write(age=200_000)
    assert ("211.100(b)", "LATE") in batch.findings()
    plant.signer_name = batch.name("Ann Noble")
    unsigned = plant.write(schema=batch.forms["batch-step"])
    plant.submit(case_of(plant), 1, unsigned)
    plant.signer_name = bytes(32)
    found = batch.findings()
    assert ("211.188(b)(11)", "UNSIGNED") in found
    plant.signer_name = batch.name("Ann Noble")
    plant.countersign(unsigned, plant.qa)
    plant.signer_name = bytes(32)
    plant.accept(case_of(plant), 1, unsigned)
    found = batch.findings()
    assert ("211.194(a)(8)", "SAME_PERSON") in found
    assert ("11.100(a)", "SAME_PERSON") in found
    assert f"record {late} was written 2 days after what it tells of" in batch.run("missing", LOT).stdout


def case_of(plant: Plant) -> bytes:
    found: bytes = plant.releases.caseOf(plant.lot)
    return found


# ------------------------------------------------------------------------------------------------------- PDF


def test_the_batch_record_is_a_pdf(batch: Desk) -> None:
    """The same bytes each time, with the printed names."""
    plant = batch.plant
    batch.fulfil("211.188(b)(1)")
    old = plant.world.records.recordIdOf(plant.lot, batch.write(age=200_000))
    plant.amend(old)
    files = [batch.folder / f"{n}.pdf" for n in (1, 2)]
    for file in files:
        result = batch.run("report", LOT, "--pdf", file)
        assert result.exit_code == 1, result.output
        assert "14 requirements, 3 records" in result.stdout
    first, second = (file.read_bytes() for file in files)
    assert first == second
    assert first.startswith(b"%PDF-1.4")
    found = batch.json("report", LOT, "--pdf", files[0], code=1)
    assert found["findings"]
    failed(batch.run("report", LOT, "--pdf", files[0], "--font", batch.manifest), "is no TrueType font")


def test_what_the_pdf_says(batch: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, meanings, late marks, amendments, deviations, yield, decisions, hashes and observations."""
    plant, said = batch.plant, []
    paragraph = BatchRecord._paragraph
    monkeypatch.setattr(BatchRecord, "_paragraph", lambda *a: said.append(a[1]) or paragraph(*a))
    batch.fulfil()
    old = plant.world.records.recordIdOf(plant.lot, batch.write(age=200_000))
    plant.amend(old)
    number = f"{LOT}#{batch.write('investigation', name='Zoë Ж')}"
    batch.run("deviation", "open", LOT, number, sender=plant.operator)
    batch.run("yield", LOT, "97340", f"{LOT}#{batch.write('yield')}", sender=plant.operator)
    file = batch.folder / "L.pdf"
    assert batch.run("report", LOT, "--pdf", file).exit_code == 1
    assert {"deviations are open: 1", "97.34 %", "95 % to 102.5 %", "OPEN"} <= set(said)
    batch.run("deviation", "close", LOT, 1, number)
    assert batch.run("release", LOT, "--name", "Cy Ames", "--reason", "certificate 7").exit_code == 0
    batch.run("withdraw", LOT, "--reason", "stability test failed")
    said.clear()
    assert batch.run("report", LOT, "--pdf", file).exit_code == 1
    content = plant.world.records.contentOf(old).hex()
    words = {
        "Ann Noble", "Bo Berg", "RESPONSIBILITY", "APPROVAL", "Cy Ames", "certificate 7", "RELEASED",
        "RELEASE WITHDRAWN", "stability test failed", "LATE", "number 13", "number 14", "WITHDRAWN",
        "211.188(b)(4) Weights and measures of components", f"content 0x{content}", "Amendments",
        "up to number 16", plant.qa, "record 13 was written 2 days after what it tells of", "Zoë Ж",
    }  # fmt: skip
    assert words - set(said) == set()
    assert any(text.startswith("closed 2027-") for text in said)
    record = BatchRecord(read(batch.deployment, case_of(plant)), [])
    assert record._known("Zoë Ж\n") == "Zoë \\u0416\\n"


@pytest.mark.parametrize(
    ("cause", "detail", "text"),
    [
        (ReleaseCause.NONE, 0, "nothing speaks against a release"),
        (ReleaseCause.STEP, 1, "211.188(b)(1) is not met"),
        (ReleaseCause.NOT_EXAMINED, 0, "the first 32 steps are not examined for who signs"),
        (ReleaseCause.DEVIATION, 2, "deviations are open: 2"),
        (ReleaseCause.NO_YIELD, 0, "no yield is reported"),
        (ReleaseCause.YIELD_RECORD, 0, "the record of the yield was corrected"),
        (ReleaseCause.HELD, 3, "it is held by others, times: 3"),
        (ReleaseCause.RECALLED, 1, "it is a member of recalls: 1"),
        (ReleaseCause.EXPIRED, 1_800_000_000, "it has expired, 2027-01-15T08:00:00Z"),
        (ReleaseCause.ENDED, 2, "it has ended"),
        (ReleaseCause.NOT_OPEN, 2, "it is OPEN"),
    ],
)
def test_what_speaks_against_a_release(batch: Desk, cause: ReleaseCause, detail: int, text: str) -> None:
    case = read(batch.deployment, case_of(batch.plant))
    assert case.batch is not None
    assert speaks_against(case, replace(case.batch, cause=cause, detail=detail)) == text


def test_times_and_shares() -> None:
    assert (moment(0), moment(1 << 40)) == ("1970-01-01T00:00:00Z", f"second {1 << 40}")
    assert [share_of(n) for n in (0, 1, 973_400, 1_000_000)] == ["0 %", "0.0001 %", "97.34 %", "100 %"]


def test_cases_are_found_by_what_they_are_about(desk: Desk) -> None:
    plant = desk.plant
    failed(desk.run("status", LOT), "there are 0 cases about it")
    failed(desk.run("status", "0x" + 64 * "1"), "there are 0 cases about it")
    programme = plant.register([plant.step("1")])
    for period in (1, 2):
        plant.case(programme, period=period)
    failed(desk.run("status", LOT), "there are 2 cases about it: 0x")
    failed(desk.run("open", "1/nothing", LOT), "PROGRAMME '1/nothing': is not registered")
    failed(desk.run("open", "nothing", LOT), "PROGRAMME 'nothing': must be ORG/NAME")
    args = f"0x{programme.hex()}", LOT, "--period", 1
    failed(desk.run("open", *args), "is open already")
