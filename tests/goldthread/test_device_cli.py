"""Devices and firmware from the command line, on a real node, with signers that have no network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from eth_account import Account

from goldthread.chain.approvals import Document, DocumentError
from goldthread.chain.devices import SoftKey
from goldthread.chain.words import FirmwareState
from goldthread.files import FileError
from goldthread.hashing import keccak
from tests.goldthread.chains import contracts_of, manifest_of
from tests.goldthread.test_cli import failed, run
from tests.support import AnvilNode, deploy, nodes
from tests.support.words import Kind
from tests.support.world import DAY, Org, World, asset, person, sscc

ETHER = 10**18
DEVICE, MODEL, PALLET = asset("LOGGER1"), asset("MODEL"), sscc("1")
RECORD = "0x" + "ab" * 32
KEY = SoftKey.secp256k1(person("logger").key)
SIGNER = f"0x{KEY.signer.hex()}"
BOARD = "board-a"


@dataclass(frozen=True)
class Desk:
    """The command line of the maker's device admin, or of somebody else."""

    world: World
    manifest: Path
    folder: Path

    @property
    def end(self) -> str:
        return str(self.world.now + DAY)

    def read(self, *arguments: object) -> Result:
        url = self.world.node.url  # type: ignore[attr-defined]
        return run(*arguments, "--deployment", self.manifest, "--rpc", url)

    def send(self, *arguments: object, sender: str | None = None) -> Result:
        return self.read(*arguments, "--from", sender or self.world.maker.device_admin)

    def json(self, *arguments: object, sender: str | None = None) -> dict[str, Any]:
        result = self.send(*arguments, "--json", sender=sender)
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def told(self, *arguments: object) -> dict[str, Any]:
        result = self.read(*arguments, "--json")
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def prepare(self, name: str, *arguments: object, chain: bool = False) -> Path:
        """A document; without a network but where the chain is asked."""
        out = self.folder / name
        where = [] if not chain else ["--rpc", self.world.node.url]  # type: ignore[attr-defined]
        result = run(*arguments, "--deployment", self.manifest, *where, "--out", out)
        assert result.exit_code == 0, result.output
        return out

    def sign(self, document: Path, who: str, out: Path | None = None) -> Path:
        """With the key of a person, without a network."""
        key = self.folder / f"{who}.json"
        if not key.exists():
            key.write_text(json.dumps(Account.encrypt(person(who).key, "secret", iterations=2)))
        secret = self.folder / "secret"
        secret.write_text("secret\n")
        where = ["--key", key, "--passphrase-file", secret, "--yes"]
        result = run("firmware", "sign", document, *where, *(["--out", out] if out else []))
        assert result.exit_code == 0, result.output
        return out or document


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[World, int]]:
    world = World.create(nodes.shared_anvil())
    for uri, kind in ((DEVICE, Kind.ASSET), (MODEL, Kind.DESIGN), (PALLET, Kind.CONTAINER)):
        world.register(uri, kind)
    contracts_of(world)
    assert world.capabilities.DEVICES() == world.firmware.DEVICES() == world.devices.address
    yield world, world.node.snapshot()


@pytest.fixture
def desk(made: tuple[World, int], tmp_path: Path) -> Desk:
    world, snapshot = made
    world.node.revert(snapshot)
    path = tmp_path / "31337.json"
    contracts = {"Capabilities": world.capabilities, "Firmware": world.firmware}
    manifest_of(world.node, contracts_of(world) | contracts).save(path)
    node: AnvilNode = world.node  # type: ignore[assignment]
    for account in (world.maker.device_admin, world.service.device_admin, world.stranger):
        node.set_balance(account, ETHER)
    return Desk(world, path, tmp_path)


def enrolled(desk: Desk) -> None:
    assert desk.json("device", "enrol", DEVICE, "--signer", SIGNER, "--model", MODEL)["signer"] == SIGNER


# ------------------------------------------------------------------------------------------------- devices


def test_a_device_is_enrolled_attached_rotated_and_revoked(desk: Desk) -> None:
    before = desk.told("device", "show", DEVICE)
    assert (before["status"], before["owner"], before["subject"]) == (
        "not enrolled",
        desk.world.maker.number,
        None,
    )
    enrolled(desk)
    attached = desk.json("device", "attach", DEVICE, PALLET)
    assert attached["subject"] == f"0x{keccak(PALLET.encode()).hex()}"
    shown = desk.told("device", "show", DEVICE)
    assert (shown["status"], shown["subject"]) == ("enrolled", attached["subject"])
    assert shown["signerHash"] == f"0x{keccak(KEY.signer).hex()}"
    assert desk.json("device", "detach", DEVICE)["until"] >= attached["since"]
    other = "0x" + "cd" * 84
    assert desk.json("device", "rotate", DEVICE, "--signer", other)["signer"] == other
    declined = desk.send("device", "revoke", DEVICE, "--reason", RECORD)
    assert (declined.exit_code, "Aborted" in declined.stderr) == (1, True)
    assert desk.told("device", "show", DEVICE)["status"] == "enrolled"
    assert desk.json("device", "revoke", DEVICE, "--reason", RECORD, "--yes")["reason"] == RECORD
    assert desk.told("device", "show", DEVICE)["status"] == "revoked"


def test_capabilities_are_granted_delegated_used_and_revoked(desk: Desk) -> None:
    enrolled(desk)
    service, stranger = desk.world.service, desk.world.stranger
    to = "--to-org", service.number, "--expires", desk.end
    both = "--method", "identify", "--method", "update"
    assert desk.json("device", "grant", DEVICE, *both, *to)["capability"] == 1
    technician = service.device_admin
    passed = "--method", "update", "--resource", "port", "--to-account", technician, "--expires", desk.end
    found = desk.json("device", "delegate", DEVICE, 1, *passed, sender=technician)
    assert (found["capability"], found["parent"]) == (2, 1)
    use = "device", "use", DEVICE, 2, "--method", "update", "--ref", RECORD
    failed(desk.send(*use, sender=technician), "NotAllowed")
    used = desk.json(*use, "--resource", "port", sender=technician)
    assert (used["capability"], used["ref"]) == (2, RECORD)
    listed = desk.told("device", "show", DEVICE)["capabilities"]
    assert [(c["capability"], c["to"], c["methods"], c["ended"]) for c in listed] == [
        (1, service.number, ["identify", "update"], None),
        (2, technician, ["update"], None),
    ]
    assert (listed[1]["parent"], listed[1]["resource"]) == (1, f"0x{keccak(b'port').hex()}")
    desk.json("device", "revoke-grant", DEVICE, 1)
    listed = desk.told("device", "show", DEVICE)["capabilities"]
    assert [c["ended"] for c in listed] == ["revoked", "with 1"]
    assert desk.json("device", "grant", DEVICE, *both, *to)["capability"] == 3
    assert desk.json("device", "revoke-grant", DEVICE, "--all")["all"] is True
    listed = desk.told("device", "show", DEVICE)["capabilities"]
    assert listed[2]["ended"] == "title passed, or all revoked"
    failed(desk.send("device", "revoke-grant", DEVICE), "CAPABILITY or --all")
    text = desk.read("device", "show", DEVICE)
    assert "whole device" in text.stdout
    assert stranger not in text.stdout


def test_a_use_is_signed_by_a_key_that_does_not_send(desk: Desk) -> None:
    enrolled(desk)
    account = desk.world.service.record
    desk.json("device", "grant", DEVICE, "--method", "update", "--to-account", account, "--expires", desk.end)
    asked = "device", "invoke", DEVICE, 1, "--method", "update", "--ref", RECORD, "--deadline", desk.end
    use = desk.prepare("use.json", *asked)
    failed(desk.send("device", "submit", use), "nobody has signed yet")
    desk.sign(use, "service RECORD")
    sent = desk.json("device", "submit", use, sender=desk.world.stranger)
    assert sent["event"] == "Used"
    failed(desk.send("device", "submit", use, sender=desk.world.stranger), "AlreadyUsed")


# ------------------------------------------------------------------------------------------------- firmware


def signers(desk: Desk, *names: str) -> list[object]:
    """As options."""
    return [part for name in names for part in ("--signer", person(name))]


def release(desk: Desk, sequence: int) -> Path:
    image = desk.folder / "image.bin"
    image.write_bytes(b"firmware")
    what = "--sequence", sequence, "--version", f"1.{sequence}", "--image-file", image, "--manifest", RECORD
    asked = "firmware", "release", MODEL, "--class", BOARD, *what, "--expires", desk.end
    return desk.prepare(f"release{sequence}.json", *asked)


def test_firmware_from_signers_to_the_device(desk: Desk) -> None:
    enrolled(desk)
    asked = "firmware", "model", MODEL, "--threshold", 2, *signers(desk, "ann", "bob", "carol")
    desk.json("firmware", "submit", desk.prepare("signers.json", *asked, chain=True))
    shown = desk.told("firmware", "status", MODEL, "--class", BOARD)
    assert (shown["signerSet"], shown["threshold"], shown["newest"]) == (1, 2, 0)

    document = release(desk, 7)
    one = desk.sign(document, "ann", desk.folder / "ann-signed.json")
    two = desk.sign(document, "bob", desk.folder / "bob-signed.json")
    failed(desk.send("firmware", "submit", one), "TooFewSigners")
    sent = desk.json("firmware", "submit", one, two)
    assert sent["event"] == "FirmwareReleased"
    assert desk.told("firmware", "status", MODEL, "--class", BOARD)["newest"] == 7

    which = DEVICE, MODEL, "--class", BOARD, "--sequence", 7
    assert desk.json("firmware", "assign", *which)["sequence"] == 7
    assert desk.told("firmware", "status", DEVICE)["state"] == FirmwareState.UNKNOWN.name
    image = "--image-file", desk.folder / "image.bin"
    word = desk.prepare("word.json", "firmware", "confirm", *which, *image, "--time", desk.world.now)
    desk.sign(word, "logger")
    told = desk.json("firmware", "submit", word, sender=desk.world.stranger)
    assert told["event"] == "FirmwareConfirmed"
    status = desk.told("firmware", "status", DEVICE)
    assert (status["state"], status["assigned"], status["installed"]) == ("CURRENT", 7, 7)
    assert "sequence 7" in desk.read("device", "show", DEVICE).stdout

    raised = "firmware", "minimum", MODEL, "--class", BOARD, "--sequence", 8
    minimum = desk.prepare("minimum.json", *raised)
    desk.sign(desk.sign(minimum, "carol"), "bob")
    assert desk.json("firmware", "submit", minimum)["event"] == "MinimumRaised"
    assert desk.told("firmware", "status", DEVICE)["state"] == "BELOW_MINIMUM"
    assert "minimum" in desk.read("firmware", "status", MODEL, "--class", BOARD).stdout

    rotated = "firmware", "model", MODEL, "--threshold", 1, *signers(desk, "dave")
    following = desk.prepare("next.json", *rotated, chain=True)
    for who in ("ann", "bob", "dave"):
        desk.sign(following, who)
    desk.json("firmware", "submit", following)
    assert desk.told("firmware", "status", MODEL)["signerSet"] == 2


def test_what_is_signed_is_shown_and_asked_for(desk: Desk) -> None:
    document = release(desk, 1)
    desk.sign(document, "ann", desk.folder / "copy.json")
    key, secret = desk.folder / "ann.json", desk.folder / "secret"
    told = run("firmware", "sign", document, "--key", key, "--passphrase-file", secret, input="n\n")
    assert told.exit_code == 1
    for shown in ("Release", "1.1", "sequence", "digest"):
        assert shown in told.stderr
    assert Document.load(document).signatures == ()
    failed(run("firmware", "sign", document, "--yes"), "--key or --pkcs11-module")


def test_a_changed_document_is_refused(desk: Desk) -> None:
    document = desk.sign(release(desk, 1), "ann")
    whole = json.loads(document.read_text())
    changes: list[tuple[dict[str, Any], str]] = [
        ({"message": {**whole["message"], "version": "6.6"}}, "the file was changed"),
        ({"schema": 2}, "schema 2: must be 1"),
        ({"type": "Receipt"}, "type 'Receipt': must be one of"),
        ({"domain": {**whole["domain"], "name": "Goldthread Twins"}}, "is for Goldthread Firmware"),
        ({"message": {**whole["message"], "sequence": -1}}, "is no uint64"),
        ({"signatures": [{"signer": SIGNER, "signature": "0x" + "00" * 65}]}, "is not its signature"),
        ({"signatures": [{"signer": "aa", "signature": "0x"}]}, "does not begin with 0x"),
        ({"digest": None}, "digest"),
    ]
    for change, message in changes:
        document.write_text(json.dumps(whole | change))
        with pytest.raises(FileError, match=message):
            Document.load(document)
        failed(desk.send("firmware", "submit", document), message)
    for text, message in (("[]", "must hold a JSON object"), ("{", "Expecting"), ("{}", "schema None")):
        document.write_text(text)
        with pytest.raises(FileError, match=message):
            Document.load(document)
    with pytest.raises(FileError, match="No such file"):
        Document.load(desk.folder / "none.json")


def test_a_document_goes_where_it_is_meant_for(desk: Desk) -> None:
    first, second = desk.sign(release(desk, 1), "ann"), release(desk, 2)
    failed(desk.send("firmware", "submit", first, second), "differ in what is signed")
    elsewhere = desk.folder / "elsewhere.json"
    other = deploy(desk.world.node, "Firmware", desk.world.consortium, desk.world.devices)
    contracts = contracts_of(desk.world) | {"Capabilities": desk.world.capabilities, "Firmware": other}
    manifest_of(desk.world.node, contracts).save(elsewhere)
    result = run(
        "firmware", "submit", first, "--deployment", elsewhere,
        "--rpc", desk.world.node.url, "--from", desk.world.maker.device_admin,  # type: ignore[attr-defined]
    )  # fmt: skip
    failed(result, f"not for {other.address}")


def test_a_key_signs_once(desk: Desk) -> None:
    document = Document.load(release(desk, 1))
    key = SoftKey.secp256k1(person("ann").key)
    once = document.signed_by(key)
    assert once.signed_by(key) == once
    assert once.merged(once) == once
    with pytest.raises(DocumentError, match="is not its signature"):
        document.with_signature(key.signer, KEY.sign(document.digest))


def bad_options(desk: Desk) -> list[tuple[list[object], str]]:
    record, grant = ["--reason", RECORD], ["device", "grant", DEVICE, "--method", "update"]
    until = ["--expires", desk.end]
    release = ["firmware", "release", MODEL, "--sequence", 1, "--version", "1"]
    hashes = ["--image", RECORD, "--manifest", RECORD]
    return [
        (["device", "enrol", DEVICE, "--signer", "0x12"], "--signer '0x12': must be 0x and at least 40"),
        (["device", "enrol", DEVICE, "--signer", "zz"], "--signer 'zz'"),
        (["device", "enrol", "nothing", "--signer", SIGNER], "DEVICE"),
        (["device", "revoke", DEVICE, *record, "--reason-file", "x"], "--reason or --reason-file"),
        (["device", "revoke", DEVICE, "--reason", "0x1"], "--reason '0x1': must be 0x and 64"),
        ([*grant, *until], "--to-org or --to-account"),
        ([*grant, *until, "--to-org", 1, "--to-account", SIGNER], "--to-org or --to-account"),
        ([*grant, *until, "--to-account", "0x1"], "--to-account '0x1': is no address"),
        ([*grant, "--expires", "soon", "--to-org", 1], "--expires"),
        ([*grant, *until, "--to-org", 1, "--resource", "0x1"], "--resource '0x1': must be"),
        ([*release, *hashes, "--expires", 5, "--not-before", 6], "--expires 5: is before --not-before 6"),
        ([*release, "--image", RECORD, "--expires", 5], "--manifest or --manifest-file"),
        ([*release, *hashes, "--expires", 5, "--class", "0x1"], "--class '0x1': must be"),
        (["firmware", "model", MODEL, "--threshold", 2, "--signer", SIGNER], "there are 1 signers"),
    ]


def test_bad_options_are_named_and_nothing_is_sent(desk: Desk) -> None:
    before = desk.world.node.block_number  # type: ignore[attr-defined]
    for arguments, message in bad_options(desk):
        if arguments[1] in ("release",):
            failed(run(*arguments, "--deployment", desk.manifest), message)
        elif arguments[1] == "model":
            failed(desk.read(*arguments), message)
        else:
            failed(desk.send(*arguments), message)
    assert desk.world.node.block_number == before  # type: ignore[attr-defined]


@pytest.mark.parametrize("group", ["device", "firmware"])
def test_every_command_explains_itself(group: str) -> None:
    from goldthread.cli import main

    commands = main.commands[group].commands  # type: ignore[attr-defined]
    assert len(commands) > 7
    for name in commands:
        result = run(group, name, "--help")
        assert result.exit_code == 0
        assert "Example:" in result.output


def test_who_may_not_is_told_why(desk: Desk) -> None:
    other: Org = desk.world.service
    refused = desk.send("device", "enrol", DEVICE, "--signer", SIGNER, sender=other.device_admin)
    failed(refused, "NotDeviceOwner")
