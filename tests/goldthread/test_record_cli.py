"""Records from the command line, on a real node: written, amended, signed by a passkey, shown, verified,
disclosed, held and disposed of, with documents sealed in a folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from eth_account import Account

from goldthread.chain.approvals import Document as Prepared
from goldthread.chain.devices import SoftKey
from goldthread.chain.passkeys import Passkey, base64url
from goldthread.chain.records import record_id, schema_id
from goldthread.chain.send import Sender, SendError
from goldthread.commands.record import MEANINGS
from goldthread.records import store as stores
from goldthread.records.archive import Archive
from goldthread.records.bundle import Bundle, Document
from goldthread.records.sealing import ReaderKey, load_keys, seal
from goldthread.records.store import Store
from tests.goldthread.chains import contracts_of, manifest_of
from tests.goldthread.test_cli import failed, run
from tests.support import deploy, nodes
from tests.support.words import Duty, Kind
from tests.support.world import DAY, Commission, World, asset, lot_uri, person, twin_id

ETHER = 10**18
LOT = lot_uri("L7")
LOT_ID = twin_id(LOT)
DEVICE = asset("BALANCE1")
RP = "quality.example"
STEP = {"step": "weighing", "weights": [{"of": "API", "grams": "12.50"}], "yield": 97340}
FORM = {
    "name": "weighing",
    "version": 1,
    "roles": ["MANUFACTURER"],
    "duties": ["RECORD"],
    "signerRoles": ["REGULATOR"],
    "maxLag": 3600,
    "secondPersons": 1,
    "meanings": ["REVIEW"],
    "authority": "MAKER",
    "authors": "PERSONS_AND_DEVICES",
    "rule": None,
    "retention": {"afterRecord": DAY, "afterExpiry": 0, "withoutExpiry": DAY},
}
READER, QUALITY_READER = ReaderKey.generate(), ReaderKey.generate()
PASSKEY_SECRET = 0xA11CE


@dataclass(frozen=True)
class Desk:
    """The command line of the maker."""

    world: World
    manifest: Path
    folder: Path

    @property
    def where(self) -> list[object]:
        url = self.world.node.url  # type: ignore[attr-defined]
        return ["--deployment", self.manifest, "--rpc", url]

    @property
    def store(self) -> Path:
        return self.folder / "records"

    @property
    def identity(self) -> Path:
        return self.folder / "reader.key"

    @property
    def archive(self) -> Archive:
        return Archive(Store.open(str(self.store)), [READER.reader], [READER])

    def run(self, command: str, *arguments: object, sender: str | None = None, **options: Any) -> Result:
        """As the account that keeps records, or another one; documents are sealed."""
        given = list(arguments)
        if command in STORED:
            given += ["--store", self.store, "--identity", self.identity]
        if command in KEEPING and "--plain" not in given:
            given += ["--reader", READER.reader]
        if command in SENDING and "--out" not in given:
            given += ["--from", sender or self.world.maker.record]
        if command not in OFFLINE:
            given += self.where
        return run("record", command, *given, **options)

    def json(self, command: str, *arguments: object, sender: str | None = None) -> dict[str, Any]:
        result = self.run(command, *arguments, "--json", sender=sender)
        assert result.exit_code == 0, result.output + result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def file(self, name: str, content: object) -> Path:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def add(self, *arguments: object, sender: str | None = None, name: str = "Ann Noble") -> dict[str, Any]:
        step = self.file("step.json", STEP)
        given = [LOT, "--schema", "1/weighing", "--document", step, "--name", name, *arguments]
        return self.json("add", *given, sender=sender)

    def sign(self, record: str, meaning: str, sender: str, name: str = "Bo Berg") -> dict[str, Any]:
        return self.json("countersign", record, "--meaning", meaning, "--name", name, sender=sender)

    def shown(self, *arguments: object) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json("show", LOT, *arguments)["records"]
        return found

    def verified(self) -> list[dict[str, Any]]:
        result = self.run("verify", LOT, "--json")
        found = json.loads(result.stdout)
        assert found["ok"] == (result.exit_code == 0) == (not found["problems"])
        problems: list[dict[str, Any]] = found["problems"]
        return problems

    @property
    def passkey(self) -> Passkey:
        verifier = self.world_verifier
        return Passkey(SoftKey.p256(PASSKEY_SECRET, verifier), RP)

    @property
    def world_verifier(self) -> str:
        address: str = json.loads(self.manifest.read_text())["contracts"]["ERC7913WebAuthnVerifier"][
            "address"
        ]
        return address


KEEPING = ("define", "add", "amend", "countersign", "hold", "dispose")
STORED = (*KEEPING, "show", "verify", "disclose", "export")
SENDING = (*KEEPING, "release", "submit")
OFFLINE = ("sign", "request", "reader", "passkey")


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[World, dict[str, Any], int]]:
    node = nodes.shared_anvil()
    world = World.create(node)
    world.commission(Commission(LOT, unit=b"KGM", quantity=10**6))
    world.register(DEVICE, Kind.ASSET)
    verifier = deploy(node, "ERC7913WebAuthnVerifier")
    contracts_of(world)
    more = {"Records": world.records, "Lots": world.lots, "ERC7913WebAuthnVerifier": verifier}
    maker = world.maker
    for account in (maker.record, maker.quality, maker.all, world.regulator.quality, world.stranger):
        node.set_balance(account, ETHER)
    key = Passkey(SoftKey.p256(PASSKEY_SECRET, verifier.address), RP)
    world.hire(maker, key.signer, int(Duty.QUALITY | Duty.RECORD))
    yield world, more, node.snapshot()


@pytest.fixture
def desk(made: tuple[World, dict[str, Any], int], tmp_path: Path) -> Desk:
    world, more, snapshot = made
    world.node.revert(snapshot)
    manifest = tmp_path / "31337.json"
    manifest_of(world.node, contracts_of(world) | more).save(manifest)
    desk = Desk(world, manifest, tmp_path)
    READER.save(desk.identity)
    form = desk.file("weighing.json", FORM)
    told = desk.json("define", form, sender=world.maker.quality)
    assert told["name"] == "1/weighing/1"
    assert told["schema"] == f"0x{schema_id(1, 'weighing', 1).hex()}"
    return desk


def id_of(number: int) -> str:
    return f"0x{record_id(LOT_ID, number).hex()}"


# ------------------------------------------------------------------------------------------ the usual course


def test_a_batch_is_recorded_amended_signed_and_shown(desk: Desk) -> None:
    world, maker = desk.world, desk.world.maker
    scan = desk.file("scan.pdf", "%PDF-1.7")
    at = world.now - 7200
    first = desk.add("--file", scan, "--effective", at)
    assert (first["record"], first["sequence"], first["late"]) == (id_of(1), 1, True)
    second = desk.add()
    assert (second["sequence"], second["late"]) == (2, False)
    desk.sign(f"{LOT}#2", "review", maker.quality)
    corrected = desk.file("corrected.json", {**STEP, "yield": 97350})
    amended = desk.json(
        "amend", f"{LOT}#1", "--reason", "97340 was a slip", "--schema", "1/weighing/1", "--document",
        corrected, "--name", "Ann Noble",
    )  # fmt: skip
    assert amended["sequence"] == 3
    desk.sign(amended["record"], "review", maker.quality)

    old, plain, new = desk.shown("--content")
    assert [line["number"] for line in (old, plain, new)] == [1, 2, 3]
    assert (old["late"], old["complete"], old["amendedBy"], old["documentCount"]) == (True, False, 3, 2)
    assert old["documents"][0] == STEP
    assert old["documents"][1]["name"] == "scan.pdf"
    assert old["effective"] == moment(at)
    assert (new["amends"], new["reason"], new["complete"]) == (1, "97340 was a slip", True)
    assert new["documents"] == [{**STEP, "yield": 97350}]
    assert (plain["name"], plain["organisation"], plain["schema"]) == ("Ann Noble", "maker", "1/weighing/1")
    (signature,) = plain["signatures"]
    assert (signature["meaning"], signature["name"]) == ("review", "Bo Berg")
    assert signature["account"] == maker.quality
    assert plain["retainUntil"] == moment(int(_seconds(plain["recorded"])) + DAY)

    text = desk.run("show", LOT).stdout
    for words in (
        "superseded, LATE, amended by 3",
        "complete, amends 1 (97340 was a slip)",
        "Bo Berg, maker",
    ):
        assert words in text
    assert "3 records of 0x" in text
    assert desk.verified() == []
    text = desk.run("verify", LOT).stdout
    assert "ok: 3 records of 0x" in text
    assert "5 signatures checked: 0 by key, 5 by sender, 0 by the chain alone" in text


def moment(seconds: int) -> str:
    from goldthread.commands.output import moment as told

    return told(seconds)


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def test_what_is_kept_is_sealed(desk: Desk) -> None:
    desk.add()
    files = [path.read_bytes() for path in desk.store.rglob("*") if path.is_file()]
    assert len(files) == 3  # the schema, the documents and the printed name
    assert all(data.startswith(b"age-encryption.org/v1\n") for data in files)
    assert not any(b"97340" in data or b"Noble" in data for data in files)
    result = run("record", "show", LOT, "--store", desk.store, *desk.where, "--json")
    (line,) = json.loads(result.stdout)["records"]
    assert line["name"] is None
    result = run("record", "verify", LOT, "--store", desk.store, *desk.where)
    assert result.exit_code == 1
    assert "record 1, documents: WRONG: copy" in result.stdout
    assert "is sealed: the key of a reader is needed" in result.stdout


def test_a_passkey_signs_for_release(desk: Desk) -> None:
    """Prepared at the plant, answered by a browser, brought by anybody."""
    desk.add()
    out = desk.folder / "approval.json"
    result = desk.run("countersign", id_of(1), "--meaning", "approval", "--name", "Cy Ames", "--out", out)
    assert result.exit_code == 0, result.output
    prepared = Prepared.load(out)
    asked = json.loads(desk.run("request", out, "--rp-id", RP).stdout)
    assert asked == {"challenge": base64url(prepared.digest), "rpId": RP, "userVerification": "required"}
    answer = desk.file("answer.json", desk.passkey.answer(prepared.digest).to_json())
    signer = f"0x{desk.passkey.signer.hex()}"
    signed = desk.run("sign", out, "--assertion", answer, "--signer", signer, "--rp-id", RP)
    assert signed.exit_code == 0, signed.output
    assert "meaning" in signed.stderr and "signerName" in signed.stderr
    told = desk.json("submit", out, sender=desk.world.stranger)
    assert (told["event"], told["record"]) == ("Countersigned", id_of(1))
    (line,) = desk.shown()
    (signature,) = line["signatures"]
    assert signature["meaning"] == "approval"
    assert (signature["account"], signature["name"]) == (desk.passkey.account, "Cy Ames")
    assert desk.verified() == []
    assert desk.json("verify", LOT)["signatures"] == {"key": 1, "sender": 1, "chain": 0}


def test_a_passkey_in_software_writes_and_amends(desk: Desk) -> None:
    key = desk.folder / "qa.pem"
    key.write_bytes(
        ec.derive_private_key(PASSKEY_SECRET, ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    told = json.loads(desk.run("passkey", "--key", key, "--deployment", desk.manifest, "--json").stdout)
    assert told == {"signer": f"0x{desk.passkey.signer.hex()}", "account": desk.passkey.account}
    step = desk.file("step.json", STEP)
    for number, command in enumerate((["add", LOT], ["amend", f"{LOT}#1", "--reason", "more digits"]), 1):
        out = desk.folder / f"statement{number}.json"
        form = ["--schema", "1/weighing", "--document", step, "--name", "Cy Ames"]
        prepare = [*command, *form, "--signer", told["signer"], "--out", out]
        assert desk.run(*prepare).exit_code == 0  # type: ignore[arg-type]
        assert Prepared.load(out).message["sequence"] == number
        result = desk.run("sign", out, "--key", key, "--rp-id", RP, "--deployment", desk.manifest, "--yes")
        assert result.exit_code == 0, result.output + result.stderr
        assert "subject" in result.stderr and "effectiveAt" in result.stderr
        assert desk.json("submit", out, sender=desk.world.stranger)["event"] == "RecordWritten"
    old, new = desk.shown()
    assert (old["author"], old["amendedBy"], new["amends"]) == (desk.passkey.account, 2, 1)
    assert new["reason"] == "more digits"


def test_a_device_states_what_it_weighed(desk: Desk) -> None:
    key = SoftKey.secp256k1(person("balance").key)
    signer = f"0x{key.signer.hex()}"
    desk.world.devices.enrol(twin_id(DEVICE), key.signer, bytes(32), sender=desk.world.maker.device_admin)
    pem = desk.folder / "balance.json"
    pem.write_text(json.dumps(Account.encrypt(person("balance").key, "secret", iterations=2)))
    secret = desk.file("secret", "secret\n")
    out, step = desk.folder / "weight.json", desk.file("step.json", STEP)
    form = ["--schema", "1/weighing", "--document", step, "--device", DEVICE, "--signer", signer]
    result = desk.run("add", LOT, *form, "--out", out)
    assert result.exit_code == 0, result.output
    assert desk.run("sign", out, "--key", pem, "--passphrase-file", secret, "--yes").exit_code == 0
    desk.json("submit", out, sender=desk.world.stranger)
    (line,) = desk.shown()
    assert line["device"] == f"0x{twin_id(DEVICE).hex()}"
    assert (line["author"], line["name"], line["organisation"]) == (key.account, None, "maker")
    assert f"0x{twin_id(DEVICE).hex()}, maker" in desk.run("show", LOT).stdout
    assert desk.verified() == []


# ----------------------------------------------------------------------------------------------- disclosures


def test_a_third_party_verifies_some_fields_off_line(desk: Desk) -> None:
    scan = desk.file("scan.pdf", "%PDF-1.7")
    content = desk.add("--file", scan)["content"]
    out = desk.folder / "shown.json"
    fields = ["--field", "/yield", "--field", "0:/weights", "--field", "1:/sha256"]
    result = desk.run("disclose", f"{LOT}#1", *fields, "--out", out)
    assert result.exit_code == 0, result.output
    told = run("record", "verify", "--disclosure", out, "--content-hash", content, "--file", scan)
    assert told.exit_code == 0, told.output
    for words in (
        "/weights/0/grams",
        '"12.50"',
        "97340",
        f"ok: they are in the record with the content hash {content}",
    ):
        assert words in told.stdout
    assert '"weighing"' not in out.read_text()
    found = json.loads(
        run("record", "verify", "--disclosure", out, "--content-hash", content, "--json").stdout
    )
    assert found["ok"]
    assert {"document": 0, "field": "/yield", "value": 97340} in found["fields"]

    # The chain says the same, and what became of the record.
    told = run("record", "verify", "--disclosure", out, *desk.where)
    assert told.exit_code == 0, told.output
    assert f"by {desk.world.maker.record}" in told.stdout
    step = desk.file("late.json", STEP)
    desk.json(
        "amend", f"{LOT}#1", "--reason", "x", "--schema", "1/weighing", "--document", step, "--name", "A"
    )
    assert (
        f"the record is superseded by {id_of(2)}"
        in run("record", "verify", "--disclosure", out, *desk.where).stdout
    )

    other = desk.file("other.pdf", "%PDF-1.8")
    wrong = run("record", "verify", "--disclosure", out, "--content-hash", content, "--file", other)
    assert wrong.exit_code == 1
    assert "file: WRONG" in wrong.stdout
    changed = json.loads(out.read_text())
    changed["documents"][0]["fields"][-1]["value"] = 97341
    out.write_text(json.dumps(changed))
    wrong = run("record", "verify", "--disclosure", out, "--content-hash", content)
    assert wrong.exit_code == 1
    assert "documents/0/fields/yield: WRONG: its proof does not lead" in wrong.stdout
    assert "97341" not in wrong.stdout
    assert (
        json.loads(run("record", "verify", "--disclosure", out, "--content-hash", content, "--json").stdout)[
            "fields"
        ]
        == []
    )


def test_a_disclosure_of_a_late_record_says_so(desk: Desk) -> None:
    desk.add("--effective", desk.world.now - 4000)
    out = desk.folder / "shown.json"
    assert desk.run("disclose", id_of(1), "--field", "/yield", "--out", out).exit_code == 0
    assert "the record is LATE" in run("record", "verify", "--disclosure", out, *desk.where).stdout


def test_disclosures_that_cannot_be_verified(desk: Desk) -> None:
    content = desk.add()["content"]
    out = desk.folder / "shown.json"
    desk.run("disclose", id_of(1), "--field", "/yield", "--out", out)
    check = ["verify", "--disclosure", out]
    failed(run("record", *check), "--content-hash or --deployment: give one of the two")
    failed(run("record", *check, "--content-hash", content, *desk.where), "give one of the two")
    failed(run("record", *check, "--content-hash", "0x12"), "must be 0x and 64 hex digits")
    told = json.loads(out.read_text())
    source = told.pop("record")
    none = desk.file("none.json", told)
    failed(
        run("record", "verify", "--disclosure", none, *desk.where), "names no record; give its --content-hash"
    )
    for change, message in (
        ({"chainId": 1}, "on chain 1, not from"),
        ({"contract": "0x" + "11" * 20}, "is from 0x1111"),
        ({"id": "0x" + "11" * 32}, "there is no record 0x1111"),
    ):
        other = desk.file("other.json", told | {"record": source | change})
        failed(run("record", "verify", "--disclosure", other, *desk.where), message)
    broken = desk.file("broken.json", "{")
    failed(
        run("record", "verify", "--disclosure", broken, "--content-hash", content),
        "broken.json: document: is no JSON",
    )
    failed(
        run("record", "verify", "--disclosure", desk.folder / "x", "--content-hash", content), "No such file"
    )


def test_what_cannot_be_disclosed(desk: Desk) -> None:
    desk.add()
    failed(desk.run("disclose", id_of(2), "--field", "/yield"), "there is no such record")
    failed(
        desk.run("disclose", id_of(1), "--field", "/nothing"),
        "document 0: field '/nothing': the document has no",
    )
    failed(desk.run("disclose", id_of(1), "--field", "1:/yield"), "document 1: the record has 0 to 0")


def test_copies_that_people_can_read(desk: Desk) -> None:
    desk.add("--file", desk.file("scan.pdf", "%PDF-1.7"))
    told = desk.json("export", f"{LOT}#1", desk.folder / "copies")
    assert [Path(file).name for file in told["files"]] == ["0.json", "1-scan.pdf"]
    assert json.loads((desk.folder / "copies" / "0.json").read_text()) == STEP
    assert (desk.folder / "copies" / "1-scan.pdf").read_text() == "%PDF-1.7"
    failed(desk.run("export", f"{LOT}#1", desk.folder / "copies"), "0.json: File exists")
    assert "1-scan.pdf" in desk.run("export", f"{LOT}#1", desk.folder / "more").stdout
    failed(desk.run("export", f"{LOT}#2", desk.folder / "more"), "there is no such record")


# ----------------------------------------------------------------------------------------- what was tampered


def copy_of(desk: Desk, content: str) -> Path:
    digest = content.removeprefix("0x")
    (path,) = (desk.store / digest[:2] / digest).iterdir()
    return path


def test_logs_that_are_not_what_the_chain_says_are_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from goldthread.records import timeline

    desk.add()
    desk.json("hold", LOT, "--reason", "inspection", sender=desk.world.maker.quality)
    monkeypatch.setattr(timeline, "_later", lambda *_: [])
    told = "subject: the logs have 0 legal holds, the chain has 1"
    result = desk.run("show", LOT)
    assert result.exit_code == 1
    assert f"WRONG: {told}" in result.stdout
    result = desk.run("verify", LOT)
    assert result.exit_code == 1
    assert f"chain: WRONG: {told}" in result.stdout


def test_a_signature_that_is_none_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from goldthread.records import signatures

    desk.add()
    checked = signatures.Checked(1, desk.world.maker.record, signatures.How.SENDER, "0x12 sent it")
    monkeypatch.setattr(signatures, "check", lambda *_: [checked])
    (problem,) = desk.verified()
    assert problem["check"] == "signatures"
    assert problem["reason"] == f"of {desk.world.maker.record}: 0x12 sent it"


def test_what_verify_is_told(desk: Desk) -> None:
    failed(run("record", "verify"), "SUBJECT or --disclosure: give one of the two")
    failed(run("record", "verify", LOT, "--disclosure", "x"), "SUBJECT or --disclosure: give one of the two")
    failed(run("record", "verify", LOT, "--file", "x"), "--content-hash and --file: go with --disclosure")
    failed(run("record", "verify", LOT), "--deployment: is needed to verify the records of SUBJECT")


def test_a_changed_document_is_found(desk: Desk) -> None:
    path = copy_of(desk, desk.add()["content"])
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    (problem,) = desk.verified()
    assert (problem["record"], problem["check"]) == (1, "documents")
    assert f"{path.name}: was changed: its SHA-256 is " in problem["reason"]
    result = desk.run("verify", LOT)
    assert result.exit_code == 1
    assert "record 1, documents: WRONG: " in result.stdout
    told = f"record {id_of(1)}: "
    failed(desk.run("disclose", id_of(1), "--field", "/yield"), told)
    # Nobody signs what cannot be read.
    failed(
        desk.run(
            "countersign", id_of(1), "--meaning", "review", "--name", "B", sender=desk.world.maker.quality
        ),
        told,
    )


def test_other_documents_under_the_hash_are_found(desk: Desk) -> None:
    """Somebody who can write to the store and seal to the reader puts another document there."""
    content = desk.add()["content"]
    path, other = copy_of(desk, content), Bundle.of(Document.json({**STEP, "yield": 1}))
    path.unlink()
    desk.archive.store.put(bytes.fromhex(content[2:]), seal(other.to_bytes(), [READER.reader]))
    (problem,) = desk.verified()
    assert f"content hash 0x{other.content_hash.hex()}, the record has {content}" in problem["reason"]


def test_a_good_copy_is_read_beside_a_bad_one(desk: Desk) -> None:
    content = bytes.fromhex(desk.add()["content"][2:])
    desk.archive.store.put(content, b"garbage")
    desk.archive.store.put(content, seal(b"x", [QUALITY_READER.reader]))
    assert desk.shown("--content")[0]["documents"] == [STEP]
    (problem,) = desk.verified()
    assert "document: is no JSON" in problem["reason"]


def test_missing_documents_and_names_are_found(desk: Desk) -> None:
    content = desk.add()["content"]
    desk.sign(id_of(1), "review", desk.world.maker.quality)
    for path in list(desk.store.rglob("*")):
        if path.is_file():
            path.unlink()
    problems = {(problem["record"], problem["check"]) for problem in desk.verified()}
    assert problems == {(1, "documents"), (1, "printed name")}
    told = [problem["reason"] for problem in desk.verified()]
    assert f"has none with the hash {content}" in told[0]
    assert f"of {desk.world.maker.record}: " in told[1] and "has no opening of 0x" in told[1]
    assert f"of {desk.world.maker.quality}: " in told[2]
    assert desk.shown("--content")[0]["documents"] is None
    assert "name not opened" in desk.run("show", LOT).stdout


def test_a_name_that_is_none_is_found(desk: Desk) -> None:
    """Whoever signs puts the hash of something else in the place of its name."""
    world, bundle = desk.world, Bundle.of(Document.json({"name": "nobody"}))
    desk.archive.keep(bundle)
    statement = (LOT_ID, schema_id(1, "weighing", 1), bundle.content_hash, 1, world.now, bytes(32))
    args = (*statement, bundle.content_hash, b"", "")
    world.records.write(args, sender=world.maker.record)
    (problem,) = desk.verified()
    assert "is no opening of a printed name" in problem["reason"]


def test_another_number_of_documents_is_found(desk: Desk) -> None:
    world, bundle = desk.world, Bundle.of(Document.json(1), Document.json(2))
    desk.archive.keep(bundle)
    args = (
        LOT_ID,
        schema_id(1, "weighing", 1),
        bundle.content_hash,
        3,
        world.now,
        bytes(32),
        bytes(32),
        b"",
        "",
    )
    world.records.write(args, sender=world.maker.record)
    (problem,) = desk.verified()
    assert problem["reason"] == "are 2, the record has 3"


# ---------------------------------------------------------------------------------------- holds and disposal


def test_documents_are_held_kept_and_disposed_of(desk: Desk) -> None:
    world, maker = desk.world, desk.world.maker
    content = desk.add()["content"]
    held = desk.json("hold", f"{LOT}#1", "--reason", "inspection", sender=world.regulator.quality)
    desk.json("hold", LOT, "--reason-hash", "0x" + "ab" * 32, sender=maker.quality)
    text = desk.run("show", LOT).stdout
    assert "legal hold by regulator" in text
    assert "legal hold on the subject by maker, for 0xabab" in text
    assert "the legal hold ends" in text
    assert desk.shown()[0]["retainUntil"] is None
    dispose = ["dispose", f"{LOT}#1", "--protocol", "list 12", "--yes"]
    world.node.warp(2 * DAY)
    world.node.rpc("evm_mine")  # type: ignore[attr-defined]
    failed(desk.run(*dispose, sender=maker.quality), "Retained")
    desk.json(
        "release",
        f"{LOT}#1",
        "--reason-hash",
        held["reason"],
        "--holder",
        world.regulator.number,
        sender=world.regulator.quality,
    )
    desk.json(
        "release", LOT, "--reason-hash", "0x" + "ab" * 32, "--holder", maker.number, sender=maker.quality
    )
    assert desk.run(*dispose[:-1], sender=maker.quality, input="n\n").exit_code != 0
    assert copy_of(desk, content).exists()
    told = desk.json(*dispose, sender=maker.quality)
    assert told["removed"] == 1
    digest = content.removeprefix("0x")
    assert list((desk.store / digest[:2] / digest).iterdir()) == []
    (line,) = desk.shown()
    assert (line["disposed"], line["protocol"], line["name"]) == (True, "list 12", "Ann Noble")
    assert "disposed of (list 12)" in desk.run("show", LOT).stdout
    assert desk.verified() == []
    again = desk.run(*dispose, sender=maker.quality)
    assert "was disposed of before; 0 copies removed" in again.stdout
    assert again.exit_code == 0


def test_documents_of_a_copy_that_is_kept_stay(desk: Desk) -> None:
    """The same documents in two records: they go with the last one."""
    world, maker = desk.world, desk.world.maker
    content = desk.add()["content"]
    same = (LOT_ID, schema_id(1, "weighing", 1), bytes.fromhex(content[2:]), 1, world.now)
    args = (*same, record_id(LOT_ID, 1), bytes(32), b"", "")
    world.records.write(args, sender=maker.record)
    assert desk.shown()[1]["copyOf"] == id_of(1)
    assert f"true copy of {id_of(1)}" in desk.run("show", LOT).stdout
    world.node.warp(2 * DAY)
    dispose = ["--protocol-hash", "0x" + "cd" * 32, "--yes"]
    told = desk.run("dispose", f"{LOT}#1", *dispose, sender=maker.quality)
    assert f"0 copies removed; kept for record {id_of(2)}" in told.stdout
    assert copy_of(desk, content).exists()
    assert desk.json("dispose", f"{LOT}#2", *dispose, sender=maker.quality)["removed"] == 1
    assert desk.shown()[0]["protocol"] == "0x" + "cd" * 32


# ------------------------------------------------------------------------------------------- what is refused


def kept(desk: Desk) -> set[str]:
    return {path.name for path in desk.store.rglob("*") if path.is_file()}


def test_nothing_stays_in_the_store_of_what_the_chain_refuses(desk: Desk) -> None:
    desk.add()
    before = kept(desk)
    step = desk.file("step.json", STEP)
    form = ["--schema", "1/weighing", "--document", step, "--name", "Eve"]
    failed(desk.run("add", LOT, *form, sender=desk.world.stranger), "UnknownAccount")
    failed(desk.run("amend", id_of(1), "--reason", "x", *form, sender=desk.world.stranger), "UnknownAccount")
    failed(desk.run("countersign", id_of(1), "--meaning", "review", "--name", "Eve"), "MissingDuty")
    failed(desk.run("hold", LOT, "--reason", "x"), "MissingDuty")
    failed(
        desk.run("dispose", id_of(1), "--protocol", "x", "--yes", sender=desk.world.maker.quality), "Retained"
    )
    failed(desk.run("define", desk.file("f.json", FORM), sender=desk.world.maker.quality), "NotNextSchema")
    assert kept(desk) == before


def test_nothing_is_kept_while_nobody_can_send(desk: Desk) -> None:
    desk.add()
    before = kept(desk)
    step = desk.file("step.json", STEP)
    form = ["--schema", "1/weighing", "--document", step, "--name", "Eve"]
    for command in (
        ["define", desk.file("f.json", FORM)],
        ["add", LOT, *form],
        ["amend", id_of(1), "--reason", "x", *form],
        ["countersign", id_of(1), "--meaning", "review", "--name", "Eve"],
        ["hold", LOT, "--reason", "x"],
        ["dispose", id_of(1), "--protocol", "x", "--yes"],
    ):
        options = ["--store", desk.store, "--identity", desk.identity, "--plain", *desk.where]
        failed(run("record", *command, *options), "--from or --keystore: give one of the two")
    assert kept(desk) == before


def test_what_may_have_been_sent_stays_in_the_store(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node stops answering after it got the transaction."""
    before = kept(desk)

    def lost(*_: object) -> None:
        raise SendError("0x12 is in no block after 180 s; it may still come")

    monkeypatch.setattr(Sender, "wait", lost)
    step = desk.file("step.json", STEP)
    result = desk.run("add", LOT, "--schema", "1/weighing", "--document", step, "--name", "Ann")
    failed(result, "it may still come")
    assert len(kept(desk)) == len(before) + 2
    monkeypatch.undo()
    assert desk.verified() == []
    assert desk.shown()[0]["name"] == "Ann"


def test_a_broken_pipe_does_not_take_documents_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("goldthread.commands.options.Office.tell", broken)
    step = desk.file("step.json", STEP)
    desk.run("add", LOT, "--schema", "1/weighing", "--document", step, "--name", "Ann")
    monkeypatch.undo()
    assert len(desk.shown()) == 1
    assert desk.verified() == []


def test_the_author_does_not_sign_in_second_place(desk: Desk) -> None:
    everything = desk.world.maker.all
    desk.add(sender=everything)
    failed(
        desk.run("countersign", id_of(1), "--meaning", "review", "--name", "A", sender=everything),
        "SamePerson",
    )


START = ["add", LOT, "--schema"]
FORM_GIVEN = [*START, "1/weighing"]
ADD = [*FORM_GIVEN, "--document", "{s}"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*FORM_GIVEN, "--name", "A"], "--document or --file: a record has at least one"),
        ([*START, "1/other", "--document", "{s}"], "organisation 1 has defined no such schema"),
        ([*START, "1/weighing/2", "--document", "{s}"], "has defined no such schema"),
        ([*START, "weighing", "--document", "{s}"], "must be ORG/NAME, ORG/NAME/VERSION or an id"),
        ([*START, "0x12", "--document", "{s}"], "schema '0x12': must be 0x and 64 hex digits"),
        ([*ADD], "--name: say who signs"),
        ([*ADD, "--name", " A"], "name ' A': must be"),
        ([*ADD, "--data", "12"], "--data '12': must be 0x"),
        ([*ADD, "--data", "0x1"], "--data '0x1': must be 0x"),
        ([*FORM_GIVEN, "--document", "{f}"], "float.json: /a: 1.5: a number must be whole"),
        ([*FORM_GIVEN, "--document", "none"], "none: No such file"),
        ([*ADD, "--effective", "x"], "--effective: "),
        ([*ADD, "--copy-of", "1"], "--copy-of '1': must be"),
        ([*ADD, "--out", "o"], "--out and --signer: go together"),
        ([*ADD, "--device", DEVICE], "--device: goes with --out"),
        ([*ADD, "--name", "A", "--deadline", "1"], "--deadline: goes with --out"),
        (["add", "x y", "--schema", "1/weighing", "--document", "{s}"], "SUBJECT "),
        (["amend", "0x12", "--reason", "x", "--schema", "1/weighing"], "RECORD '0x12': must be 0x and 64"),
        (["amend", f"{LOT}#0", "--reason", "x", "--schema", "1/weighing"], "must end with # and a number"),
        (["amend", f"{LOT}#1", "--reason", "x", "--schema", "1/weighing"], "there is no such record"),
        (["countersign", f"{LOT}#1", "--meaning", "review", "--name", "A"], "there is no such record"),
        (["hold", f"{LOT}#1"], "--reason or --reason-hash: give one of the two"),
        (["hold", LOT, "--reason", " x"], "--reason ' x': must be words, without blanks around them"),
        (["hold", LOT, "--reason-hash", "0x"], "--reason-hash '0x': must be 0x and 64 hex digits"),
        (["dispose", f"{LOT}#1", "--protocol", "x", "--yes"], "there is no such record"),
        (["define", "none"], "none: No such file"),
        (["define", "{f}"], "float.json: /a: 1.5: a number must be whole"),
        ([*ADD, "--name", "A", "--effective", "99999999999999"], "--effective: "),
        (["define", "{s}"], "step.json: name: is missing"),
        (["export", f"{LOT}#1", "out"], "there is no such record"),
    ],
)  # fmt: skip
def test_bad_input(desk: Desk, arguments: list[str], message: str) -> None:
    files = {"{s}": desk.file("step.json", STEP), "{f}": desk.file("float.json", '{"a":1.5}')}
    command, *rest = (files.get(argument, argument) for argument in arguments)
    before = kept(desk)
    failed(desk.run(str(command), *rest), message)
    assert kept(desk) == before


def test_an_amendment_is_checked_like_a_record(desk: Desk) -> None:
    desk.add()
    step = desk.file("step.json", STEP)
    form = ["amend", id_of(1), "--schema", "1/weighing", "--document", step, "--name", "A"]
    failed(desk.run(*form), "--reason or --reason-hash: give one of the two")
    device = [*form, "--reason", "x", "--device", DEVICE, "--signer", "0x" + "11" * 20, "--out", "o"]
    failed(desk.run(*device), "--device: does not amend, persons do")
    told = desk.json(*form, "--reason-hash", "0x" + "ef" * 32)
    assert told["sequence"] == 2
    assert desk.shown()[1]["reason"] == "0x" + "ef" * 32


def test_it_is_said_for_whom_documents_are_kept(desk: Desk) -> None:
    step = desk.file("step.json", STEP)
    form = [
        "record",
        "add",
        LOT,
        "--schema",
        "1/weighing",
        "--document",
        step,
        "--name",
        "A",
        "--store",
        desk.store,
    ]
    form += [*desk.where, "--from", desk.world.maker.record]
    failed(run(*form), "--reader or --plain: say who can read what is kept")
    failed(run(*form, "--plain", "--reader", READER.reader), "--reader or --plain: say who can read")
    failed(run(*form, "--reader", "age1x"), "reader 'age1x': must be a public key of age")
    assert run(*form, "--plain").exit_code == 0
    (plain, name) = (
        path for path in desk.store.rglob("*") if path.is_file() and path.read_bytes()[:1] == b"{"
    )
    assert b"97340" in plain.read_bytes() + name.read_bytes()
    env = {"GOLDTHREAD_READERS": f"{READER.reader} {QUALITY_READER.reader}", "GOLDTHREAD_NAME": "Ann"}
    assert run(*form, env=env).exit_code == 0
    content = bytes.fromhex(desk.shown()[1]["content"][2:])
    assert Archive(desk.archive.store, (), [QUALITY_READER]).open(content, "it").documents[0].value == STEP


def test_a_file_that_is_too_large(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "LIMIT", 10)
    big = desk.file("big.json", STEP)
    failed(
        desk.run("add", LOT, "--schema", "1/weighing", "--document", big, "--name", "A"),
        "has more than 10 bytes",
    )


# -------------------------------------------------------------------------------------------- keys and words


def test_a_reader_makes_a_key(tmp_path: Path) -> None:
    path = tmp_path / "auditor.key"
    told = run("record", "reader", path).stdout.strip()
    assert load_keys(path)[0].reader == told
    failed(run("record", "reader", path), "File exists")
    other = json.loads(run("record", "reader", tmp_path / "b.key", "--json").stdout)
    assert other["reader"].startswith("age1")


def test_the_signer_of_a_passkey(desk: Desk) -> None:
    public = ec.derive_private_key(PASSKEY_SECRET, ec.SECP256R1()).public_key()
    der = desk.folder / "ann.der"
    der.write_bytes(
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    told = run("record", "passkey", "--public-key", der, "--deployment", desk.manifest)
    assert f"0x{desk.passkey.signer.hex()}" in told.stdout
    assert desk.passkey.account in told.stdout
    given = run("record", "passkey", "--public-key", der, "--verifier", desk.world_verifier, "--json")
    assert json.loads(given.stdout)["signer"] == f"0x{desk.passkey.signer.hex()}"
    failed(run("record", "passkey", "--public-key", der), "--deployment or --verifier: says which contract")
    failed(run("record", "passkey", "--public-key", der, "--key", der), "--public-key or a key: give one")
    failed(run("record", "passkey"), "--key or --pkcs11-module: give one of the two")
    keystore = desk.file("k.json", json.dumps(Account.encrypt(person("x").key, "", iterations=2)))
    failed(run("record", "passkey", "--key", keystore), "--key: is not on the curve P-256")


def test_answers_that_are_not_taken(desk: Desk) -> None:
    desk.add()
    out = desk.folder / "approval.json"
    desk.run("countersign", id_of(1), "--meaning", "approval", "--name", "Cy Ames", "--out", out)
    digest, signer = Prepared.load(out).digest, f"0x{desk.passkey.signer.hex()}"
    answer = desk.file("answer.json", desk.passkey.answer(digest).to_json())
    sign = ["record", "sign", out, "--assertion", answer]
    failed(run(*sign), "--assertion: goes with --signer, and without a key")
    failed(
        run(*sign, "--signer", signer, "--key", answer), "--assertion: goes with --signer, and without a key"
    )
    failed(
        run(*sign, "--signer", signer, "--rp-id", "evil.example"),
        "answer.json: authenticatorData: was not made",
    )
    failed(run(*sign, "--signer", signer[:-2] + "00"), "answer.json: signature: is not that of the passkey")
    failed(run("record", "sign", out, "--signer", signer), "--signer: goes with --assertion")
    other = desk.file("other.json", desk.passkey.answer(bytes(32)).to_json())
    failed(
        run("record", "sign", out, "--assertion", other, "--signer", signer),
        "other.json: clientDataJSON: challenge",
    )
    assert Prepared.load(out).signatures == ()


def test_what_was_signed_is_not_changed(desk: Desk) -> None:
    desk.add()
    out = desk.folder / "approval.json"
    end = desk.world.now + 60
    desk.run("countersign", id_of(1), "--meaning", "approval", "--name", "C", "--out", out, "--deadline", end)
    prepared = Prepared.load(out)
    assert prepared.message["deadline"] == end
    signed = prepared.signed_by(desk.passkey)
    out.write_text(json.dumps(signed.to_json()))
    assert Prepared.load(out).signatures == signed.signatures
    changed = signed.to_json()
    damaged = replace(desk.passkey.answer(prepared.digest), r=1).signature
    changed["signatures"][0]["signature"] = f"0x{damaged.hex()}"
    out.write_text(json.dumps(changed))
    failed(desk.run("submit", out), "is not its signature over this SignedCountersignature")
    changed["signatures"][0]["signature"] = "0x1234"
    out.write_text(json.dumps(changed))
    failed(desk.run("submit", out), "is not its signature over this SignedCountersignature")


def test_what_a_schema_asks_is_shown_in_the_words_of_its_file(desk: Desk) -> None:
    told = desk.json("schema", "1/weighing")
    assert {name: told[name] for name in FORM if name != "name"} == {
        k: v for k, v in FORM.items() if k != "name"
    }
    assert (told["org"], told["superseded"]) == (1, False)
    opened = desk.archive.open(bytes.fromhex(told["definition"][2:]), "schema")
    assert opened.documents[0].value == FORM
    newer = desk.file("newer.json", {**FORM, "version": 2, "authority": "ANYONE_ALLOWED"})
    paper = desk.file("form.pdf", "%PDF-1.7")
    desk.json("define", newer, "--form", paper, sender=desk.world.maker.quality)
    assert desk.json("schema", "1/weighing/1")["superseded"]
    text = desk.run("schema", "1/weighing").stdout
    for words in ("ANYONE_ALLOWED", "RECORD", "afterRecord 86400 s", "False"):
        assert words in text
    failed(desk.run("schema", "0x" + "12" * 32), "there is no such schema")
    failed(desk.run("schema", "1/none"), "organisation 1 has defined no such schema")
    # The old version is not for new records, and its records are amended under the new one.
    step = desk.file("step.json", STEP)
    form = ["--document", step, "--name", "A"]
    failed(desk.run("add", LOT, "--schema", "1/weighing/1", *form), "SchemaSuperseded")
    desk.json("add", LOT, "--schema", "1/weighing", *form)
    assert desk.shown()[0]["schema"] == "1/weighing/2"


def test_words_of_the_command_are_those_of_the_contract() -> None:
    from goldthread.chain.words import Meaning

    assert list(MEANINGS) == [str(meaning.name).lower() for meaning in Meaning]


def test_every_command_explains_itself() -> None:
    listed = run("record", "--help").stdout.split("Commands:")[1]
    names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "]
    assert {"add", "amend", "sign", "show", "verify", "disclose", "hold", "dispose"} <= set(names)
    for name in names:
        result = run("record", name, "--help")
        assert result.exit_code == 0
        assert "Example" in result.stdout


def test_two_subjects_do_not_mix(desk: Desk) -> None:
    desk.add()
    other = lot_uri("L8")
    desk.world.commission(Commission(other, unit=b"KGM", quantity=10**6))
    step = desk.file("step.json", STEP)
    desk.json("add", other, "--schema", "1/weighing", "--document", step, "--name", "A")
    assert len(desk.shown()) == 1
    assert json.loads(desk.run("show", other, "--json").stdout)["records"][0]["number"] == 1
    assert desk.json("show", lot_uri("L9"))["records"] == []
    assert "0 records" in desk.run("show", lot_uri("L9")).stdout


def test_a_document_with_many_fields(desk: Desk) -> None:
    many = desk.file("many.json", {f"point {n}": n for n in range(5000)})
    desk.json("add", LOT, "--schema", "1/weighing", "--document", many, "--name", "A")
    out = desk.folder / "one.json"
    assert desk.run("disclose", id_of(1), "--field", "/point 77", "--out", out).exit_code == 0
    assert out.stat().st_size < 3000
    assert run("record", "verify", "--disclosure", out, *desk.where).exit_code == 0
