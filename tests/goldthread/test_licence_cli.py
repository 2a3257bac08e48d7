"""Licences and meters from the command line, on a real node, with signers that have no network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from eth_account import Account

from goldthread.chain.devices import SoftKey
from goldthread.commands.licence import quantity_of
from goldthread.commands.output import Failure
from goldthread.hashing import keccak
from tests.goldthread.chains import contracts_of, manifest_of
from tests.goldthread.test_cli import failed, run
from tests.support import AnvilNode, nodes
from tests.support.words import Duty, Kind
from tests.support.world import DAY, SUPPLIER_PREFIX, Commission, World, asset, lot_uri, person, uri

ETHER = 10**18
DESIGN, PRINTER = asset("BRACKET"), asset("PRINTER")
PART, LOT = uri("1", SUPPLIER_PREFIX), lot_uri("L7", SUPPLIER_PREFIX)
RECORD = "0x" + "ab" * 32
MACHINE = SoftKey.secp256k1(person("a machine").key)


@dataclass(frozen=True)
class Desk:
    """The command line of maker and supplier."""

    world: World
    manifest: Path
    folder: Path

    @property
    def end(self) -> str:
        return str(self.world.now + 90 * DAY)

    def read(self, *arguments: object) -> Result:
        url = self.world.node.url  # type: ignore[attr-defined]
        return run("licence", *arguments, "--deployment", self.manifest, "--rpc", url)

    def send(self, *arguments: object, sender: str) -> Result:
        return self.read(*arguments, "--from", sender)

    def json(self, *arguments: object, sender: str) -> dict[str, Any]:
        result = self.send(*arguments, "--json", sender=sender)
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def told(self, *arguments: object, code: int = 0) -> dict[str, Any]:
        result = self.read(*arguments, "--json")
        assert result.exit_code == code, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def grant(self, *options: object) -> int:
        args = "grant", DESIGN, self.world.supplier.number, "--end", self.end, *options
        number: int = self.json(*args, sender=self.world.maker.finance)["licence"]
        return number

    def signed(self, who: str, *arguments: object) -> Path:
        """A document, prepared and signed by the key of a person, without a network."""
        out, key, secret = (self.folder / name for name in ("document.json", f"{who}.json", "secret"))
        result = run("licence", *arguments, "--deployment", self.manifest, "--out", out)
        assert result.exit_code == 0, result.output
        key.write_text(json.dumps(Account.encrypt(person(who).key, "secret", iterations=2)))
        secret.write_text("secret\n")
        where = ["--key", key, "--passphrase-file", secret, "--yes"]
        result = run("licence", "sign", out, *where)
        assert result.exit_code == 0, result.output
        return out


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[World, int]]:
    world = World.create(nodes.shared_anvil())
    world.register(DESIGN, Kind.DESIGN)
    world.register(PRINTER, Kind.ASSET)
    world.register(PART, org=world.supplier)
    world.commission(Commission(LOT, quantity=10**7), world.supplier)
    world.hire(world.supplier, person("designer"), Duty.RECORD)
    for account in (world.supplier.finance, world.stranger):
        world.token.mint(account, 10**9, sender=account)
    contracts_of(world)
    assert world.usage_meters.LICENCES() == world.licences.address
    yield world, world.node.snapshot()


@pytest.fixture
def desk(made: tuple[World, int], tmp_path: Path) -> Desk:
    world, snapshot = made
    world.node.revert(snapshot)
    path = tmp_path / "31337.json"
    contracts = {"Licences": world.licences, "UsageMeters": world.usage_meters}
    manifest_of(world.node, contracts_of(world) | contracts).save(path)
    node: AnvilNode = world.node  # type: ignore[assignment]
    senders = world.maker.finance, world.supplier.finance, world.supplier.record, world.supplier.register
    for account in (*senders, world.stranger, person("payee")):
        node.set_balance(account, ETHER)
    return Desk(world, path, tmp_path)


# ------------------------------------------------------------------------------------------------- licences


def test_a_licence_is_granted_and_shown(desk: Desk) -> None:
    number = desk.grant("--seats", 2, "--units", "2500.5", "--unit-overdraft", 1, "--lendable")
    shown = desk.told("status", number)
    assert shown["licence"] == number == 1
    assert (shown["licensor"], shown["licensee"]) == (desk.world.maker.number, desk.world.supplier.number)
    assert (shown["seats"], shown["seatsPerUser"], shown["borrowHours"]) == (2, 1, 168)
    assert (shown["units"], shown["unitOverdraft"]) == ("2500500000", "1000000")
    assert (shown["lendable"], shown["transferable"], shown["revoked"]) == (True, False, False)
    assert (shown["supersededBy"], shown["seatsInUse"], shown["consumed"]) == (None, 0, "0")
    text = desk.read("status", number).stdout
    assert "2,500.5" in text
    assert "userExpires" in text
    assert "user           none" in text
    assert "lendable       yes" in text
    only_units = desk.grant("--units", 3, "--start", desk.world.now + 500)
    shown = desk.told("status", only_units)
    assert (shown["seats"], shown["seatsPerUser"], shown["borrowHours"]) == (0, 0, 0)
    failed(desk.read("status", 9), "LICENCE 9: there is none, 2 were granted")


def test_what_cannot_be_granted_is_not(desk: Desk) -> None:
    finance = desk.world.maker.finance
    failed(desk.send("grant", DESIGN, 2, "--seats", 1, sender=finance), "--end: say when the licence is over")
    for units in ("-1", "0.0000001", "many", "nan", "1e40", "inf"):
        args = "grant", DESIGN, 2, "--units", units, "--end", desk.end
        failed(desk.send(*args, sender=finance), f"--units {units!r}: must be a number")
    failed(desk.send("grant", DESIGN, 2, "--end", desk.end, sender=finance), "NothingGranted")
    part = "grant", PART, 2, "--seats", 1, "--end", desk.end
    failed(desk.send(*part, sender=finance), "NotLicensor")
    failed(desk.send("grant", DESIGN, 2, "--units", 1, "--end", "soon", sender=finance), "--end")


@pytest.mark.parametrize(("text", "millionths"), [("0", 0), ("1", 10**6), ("0.000001", 1), ("1e3", 10**9)])
def test_quantities_are_exact(text: str, millionths: int) -> None:
    assert quantity_of("--units", text) == millionths
    with pytest.raises(Failure):
        quantity_of("--units", f"-{text}1")


def test_seats_are_taken_borrowed_and_given_back(desk: Desk) -> None:
    clerk, finance = desk.world.supplier.record, desk.world.supplier.finance
    number = desk.grant("--seats", 1, "--seat-overdraft", 1, "--per-user", 2)
    assert desk.told("status", number, "--account", clerk)["outcome"] == "OK"
    taken = desk.json("checkout", number, sender=clerk)
    assert (taken["seat"], taken["until"], taken["over"], taken["account"]) == (0, None, 0, clerk)
    assert desk.told("status", number, "--account", clerk)["outcome"] == "OVERDRAFT"
    told = desk.send("borrow", number, "--hours", 5, sender=clerk)
    assert "seat 1 until 20" in told.stdout
    assert "1 more in use than granted" in told.stdout
    shown = desk.told("status", number, "--account", clerk, code=1)
    assert (shown["outcome"], shown["hasSeat"], shown["seatsInUse"]) == ("USER_MAX", True, 2)
    assert shown["seatsOfAccount"]["0"] is None
    assert shown["seatsOfAccount"]["1"] > desk.world.now
    text = desk.read("status", number, "--account", clerk)
    assert (text.exit_code, "0 until given back, 1 until 20" in text.stdout) == (1, True)
    failed(desk.send("checkout", number, sender=clerk), "UserMaximum")
    desk.json("checkin", number, clerk, 0, sender=finance)
    desk.json("checkin", number, clerk, 1, sender=clerk)
    failed(desk.send("checkin", number, clerk, 1, sender=clerk), "NotCheckedOut")
    failed(desk.send("checkin", number, "0x12", 1, sender=clerk), "ACCOUNT '0x12': must be an address")
    assert desk.told("status", number)["seatsInUse"] == 0


def test_a_key_without_a_network_takes_a_seat(desk: Desk) -> None:
    number = desk.grant("--seats", 1)
    now = desk.world.now
    request = "request", number, "--hours", 3, "--time", now, "--deadline", now + DAY
    document = desk.signed("designer", *request)
    done = desk.json("submit", document, sender=desk.world.stranger)
    assert done["event"] == "CheckedOut"
    account = person("designer")
    assert desk.told("status", number, "--account", account, code=1)["hasSeat"]
    failed(desk.send("submit", document, sender=desk.world.stranger), "AlreadyUsed")
    back = desk.signed("designer", "give-back", number, 0, "--deadline", now + DAY)
    assert desk.json("submit", back, sender=desk.world.stranger)["event"] == "CheckedIn"
    assert not desk.told("status", number, "--account", account)["hasSeat"]


def test_what_is_made_is_counted(desk: Desk) -> None:
    register = desk.world.supplier.register
    number = desk.grant("--units", 2, "--unit-overdraft", 1)
    assert desk.told("made", DESIGN, PART, code=1) == {"licence": None, "quantity": "0"}
    assert "under no licence" in desk.read("made", DESIGN, PART).stdout
    counted = desk.json("consume", number, PART, sender=register)
    assert (counted["consumed"], counted["over"]) == ("1000000", "0")
    told = desk.send("consume", number, f"{LOT}=1.5", sender=register)
    assert "2.5 counted in all, 0.5 more than granted" in told.stdout
    assert desk.told("made", DESIGN, LOT) == {"licence": number, "quantity": "1500000"}
    assert f"1.5 counted under licence {number}" in desk.read("made", DESIGN, LOT).stdout
    failed(desk.send("consume", number, PART, sender=register), "AlreadyCounted")
    failed(desk.send("consume", number, f"{LOT}=x", sender=register), "must be a number")
    failed(desk.send("consume", number, "nothing", sender=register), "THING")


def test_a_licence_is_superseded_lent_passed_on_and_revoked(desk: Desk) -> None:
    world = desk.world
    maker, supplier = world.maker.finance, world.supplier.finance
    old = desk.grant("--seats", 1, "--units", 5, "--lendable", "--transferable")
    world.node.warp(60)
    new = desk.json("supersede", old, "--seats", 3, sender=maker)["licence"]
    assert desk.told("status", old)["supersededBy"] == new
    shown = desk.told("status", new)
    assert (shown["seats"], shown["units"], shown["lendable"]) == (3, "5000000", True)
    until = world.now + DAY
    guest = world.service.record
    lent = desk.json("lend", new, guest, "--until", until, sender=supplier)
    assert (lent["user"], lent["expires"]) == (guest, until)
    assert desk.told("status", new)["user"] == guest
    desk.json("lend", new, "--nobody", sender=supplier)
    assert desk.told("status", new)["userExpires"] == 0
    for wrong in ([guest], ["--until", until], [guest, "--nobody"], []):
        failed(desk.send("lend", new, *wrong, sender=supplier), "ACCOUNT and --until, or --nobody")
    assert desk.json("transfer", new, world.carrier.number, sender=supplier)["licensee"] == 3
    declined = desk.send("revoke", new, "--reason", RECORD, sender=maker)
    assert (declined.exit_code, "Aborted" in declined.stderr) == (1, True)
    assert desk.json("revoke", new, "--reason", RECORD, "--yes", sender=maker)["reason"] == RECORD
    assert desk.told("status", new)["revoked"]
    failed(desk.send("revoke", new, "--yes", sender=maker), "--reason or --reason-file")


# --------------------------------------------------------------------------------------------------- meters


def opened(desk: Desk, *options: object, instance: str = "press 4") -> str:
    number = desk.grant("--units", 1)
    args = "meter", "open", number, instance, "--payee", person("payee"), "--price", 100, *options
    meter: str = desk.json(*args, sender=desk.world.maker.finance)["meter"]
    return meter


def test_use_is_metered_and_paid(desk: Desk) -> None:
    world, supplier, payee = desk.world, desk.world.supplier.finance, person("payee")
    meter = opened(desk, "--signer", f"0x{MACHINE.signer.hex()}", "--counter", 7)
    shown = desk.told("meter", "show", meter)
    assert (shown["counter"], shown["payer"], shown["instance"]) == (
        "7",
        None,
        f"0x{keccak(b'press 4').hex()}",
    )
    assert desk.json("meter", "fund", meter, 250, sender=supplier)["settled"] == "0"
    document = desk.signed("a machine", "meter", "reading", meter, 10, "--time", world.now)
    assert desk.json("meter", "submit", document, sender=world.stranger)["event"] == "UsageRecorded"
    shown = desk.told("meter", "show", meter, code=1)
    assert (shown["counter"], shown["balance"], shown["debt"]) == ("10", "0", "50")
    assert desk.read("meter", "show", meter).exit_code == 1
    assert "of which 50 paid debts" in desk.send("meter", "fund", meter, 100, sender=supplier).stdout
    assert desk.told("meter", "show", meter)["balance"] == "50"
    failed(desk.send("meter", "close", meter, sender=supplier), "NotYet")
    until = desk.json("meter", "notice", meter, sender=supplier)["until"]
    assert until > world.now + 13 * DAY
    assert desk.json("meter", "close", meter, sender=payee)["rest"] == "50"
    assert desk.told("meter", "show", meter)["closed"]
    assert desk.json("meter", "withdraw", sender=payee)["amount"] == "300"
    assert "50 taken out" in desk.send("meter", "withdraw", sender=supplier).stdout
    assert world.token.balanceOf(supplier) == 10**9 - 300


def test_a_device_is_metered_by_its_own_key(desk: Desk) -> None:
    world, admin = desk.world, desk.world.maker.device_admin
    desk.world.node.set_balance(admin, ETHER)  # type: ignore[attr-defined]
    meter = opened(desk, instance=PRINTER)
    shown = desk.told("meter", "show", meter)
    assert (shown["instance"], shown["signerHash"]) == (f"0x{keccak(PRINTER.encode()).hex()}", None)
    world.devices.enrol(keccak(PRINTER.encode()), MACHINE.signer, bytes(32), sender=admin)
    document = desk.signed("a machine", "meter", "reading", meter, 1, "--time", world.now)
    assert desk.json("meter", "submit", document, sender=world.stranger)["event"] == "UsageRecorded"


def test_wrong_meters_are_named(desk: Desk) -> None:
    failed(desk.read("meter", "show", RECORD), "was never opened")
    failed(desk.read("meter", "show", "0x12"), "METER '0x12': must be 0x and 64 hex digits")
    number = desk.grant("--units", 1)
    args = "meter", "open", number, "no device", "--payee", person("payee"), "--price", 1
    failed(desk.send(*args, sender=desk.world.maker.finance), "INSTANCE")
    short = "meter", "open", number, "x", "--payee", "0x1", "--price", 1, "--signer", "0x" + 40 * "1"
    failed(desk.send(*short, sender=desk.world.maker.finance), "--payee '0x1': must be an address")


COMMANDS = """
    grant supersede revoke transfer lend checkout borrow checkin request give-back consume status made
    meter:open meter:fund meter:reading meter:notice meter:close meter:withdraw meter:show
""".split()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example(command: str) -> None:
    result = run("licence", *command.split(":"), "--help")
    assert result.exit_code == 0
    assert f"goldthread licence {command.replace(':', ' ')}" in result.stdout
