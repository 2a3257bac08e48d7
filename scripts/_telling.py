"""What the chapters of the demonstration share: the companies, the recordings, and how things are told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console

from goldthread.build import artifact
from goldthread.chain import abi
from goldthread.chain.contracts import Call, Contract, Deployment
from goldthread.chain.deploy import DEEDS_NUMBER, Deployer
from goldthread.chain.errors import ContractError
from goldthread.chain.rpc import connect
from goldthread.chain.send import Receipt, Sender
from goldthread.chain.words import (
    Duty,
    EventRef,
    Kind,
    Role,
)
from goldthread.gs1.keys import check_digit
from goldthread.gs1.links import twin_id
from goldthread.rules.driving import read_speeds
from goldthread.rules.fridge_tag import SignedReport, is_report
from goldthread.rules.fridge_tag import read as read_report
from goldthread.rules.readings import QUANTITIES, Reading, ReadingsError, read_csv

TEMPERATURE = QUANTITIES[1]
HOUR, DAY = 3_600, 86_400
PERIOD = 30 * DAY
TRIP_HOURS = 240
LONGEST = 366 * DAY
ACCOUNTS = 36
TREASURY, DRIVER, ARBITER, GATEWAY, WATCHER = range(25, 30)
"""Accounts of people that are no company of the consortium."""

OPERATOR, SUPERVISOR, CHEMIST, ENGINEER, TESTER, REVIEWER = range(30, ACCOUNTS)
"""Accounts of people who work for one."""


class StoryError(Exception):
    """Something happened that must not happen. The message says what."""


@dataclass(frozen=True)
class Recording:
    """What is replayed: temperatures of the trip and, if given, speeds of the car."""

    temperatures: list[Reading]
    temperature_source: str
    speeds: list[Reading] | None
    speed_source: str
    report: SignedReport | None = None

    @property
    def start(self) -> int | None:
        """When a node has to start for the report of a logger that is put in its place before: unix seconds.
        None without a report.
        """
        if self.report is None:
            return None
        told = self.report.report
        return min(told.measured(day, 0)[0] for day in told.days) - 2 * DAY

    @classmethod
    def load(cls, path: Path | None) -> Recording:
        """The recordings that come with the project, one of them replaced by the user's file.

        Raises `ReadingsError`, or `ReportError` for a logger's report, that names file, line and reason.
        """
        speeds: list[Reading] | None = None
        speed_source = "the EPA drive cycles UDDS, HWFET and US06"
        temperatures, source = _seattle(), "the hourly series of Seattle in vega_datasets, from 1 February"
        if path is not None and is_report(path):
            report = read_report(path)
            if not report.is_signed:
                raise ReadingsError(f"{path}: the text is not what the key in the file has signed")
            return cls(temperatures, source, speeds, speed_source, report)
        if path is not None:
            title = path.open(encoding="utf-8", errors="replace").readline().lower()
            if "m/s" in title or "speed" in title:
                speeds, speed_source = read_speeds(path), str(path)
            else:
                temperatures, source = read_csv(path, TEMPERATURE, rounded=True), str(path)
            for readings in (temperatures, speeds or temperatures):
                if readings[-1].time - readings[0].time > LONGEST:
                    raise ReadingsError(f"{path}: is longer than {LONGEST // DAY} days")
        return cls(temperatures, source, speeds, speed_source)


def _seattle() -> list[Reading]:
    """Ten days of hourly temperatures, from degrees Fahrenheit, rounded to hundredths of a degree Celsius."""
    import csv

    import vega_datasets

    file = Path(vega_datasets.__file__).parent / "_data" / "seattle-temps.csv"
    readings: list[Reading] = []
    with file.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            moment = datetime.strptime(row["date"], "%Y/%m/%d %H:%M").replace(tzinfo=UTC)
            if moment >= datetime(2010, 2, 1, tzinfo=UTC) and len(readings) < TRIP_HOURS:
                celsius = (Fraction(Decimal(row["temp"])) - 32) * 500 / 9
                readings.append(Reading(int(moment.timestamp()), round(celsius)))
    return readings


@dataclass(frozen=True)
class Company:
    """An organisation of the consortium, with the accounts that act for it."""

    name: str
    number: int
    prefix: str
    desk: Sender
    quality: Sender

    def uri(self, key: str) -> str:
        """A canonical Digital Link; `{p}` in the key stands for the company prefix."""
        return "https://id.gs1.org/" + key.format(p=self.prefix)

    @property
    def place(self) -> bytes:
        """Id of the company's site."""
        return twin_id(self.site)

    @property
    def site(self) -> str:
        """Link of the company's site."""
        return self.uri("414/" + with_check_digit(self.prefix + "00001"))


COMPANIES: Sequence[tuple[str, Role]] = (
    ("Cascade Sensors", Role.SUPPLIER | Role.MANUFACTURER),
    ("Rainier Reagents", Role.SUPPLIER),
    ("Lumen Diagnostics", Role.MANUFACTURER),
    ("Polar Freight", Role.CARRIER),
    ("Harbor Distribution", Role.DISTRIBUTOR),
    ("Cedar Clinic Supply", Role.RETAILER),
    ("Evergreen Motors", Role.MANUFACTURER),
    ("Sound Mutual", Role.INSURER),
    ("Alder Pharmacy", Role.RETAILER),
    ("Valley Greens", Role.SUPPLIER),
    ("Mokum Smelting", Role.SUPPLIER),
    ("Beacon Assurance", Role.AUDITOR),
)


class Teller:
    """Tells on a development node what is sent, and what is refused."""

    def __init__(self, url: str, path: Path, recording: Recording, console: Console) -> None:
        self.chain = connect(url)
        if self.chain.id != 31337:
            raise StoryError(
                f"the story is told on a development node (31337), this is chain {self.chain.id}"
            )
        self.path = path
        self.recording = recording
        self.console = console
        self.accounts = self.people()
        self.chapters = 0
        self.gas = 0
        self.transactions = 0
        self.refusals = 0
        self.results: list[tuple[str, str]] = []

    # ------------------------------------------------------------------------------------------------ telling

    def chapter(self, title: str) -> None:
        self.chapters += 1
        self.console.print(f"\n[bold]{self.chapters}  {title}[/bold]")

    def say(self, text: str) -> None:
        self.console.print(f"  {text}")

    def send(self, who: Company | Sender, call: Call) -> Receipt:
        """Send a call that must succeed and needs no telling."""
        sender = who.desk if isinstance(who, Company) else who
        receipt = sender.send(call)
        self.gas += receipt.gas_used
        self.transactions += 1
        return receipt

    def done(self, who: Company | Sender, call: Call, text: str) -> Receipt:
        """Send a call that must succeed."""
        receipt = self.send(who, call)
        self.console.print(f"  [green]✓[/green] {text} [dim]({receipt.gas_used:,} gas)[/dim]")
        return receipt

    def refused(self, who: Company | Sender, call: Call, error: str, text: str) -> None:
        """Try a call that the contract must refuse with this error."""
        sender = who.desk if isinstance(who, Company) else who
        try:
            sender.send(call)
        except ContractError as refusal:
            if refusal.name != error:
                raise StoryError(f"{text}: refused with {refusal.name}, expected {error}") from None
            self.refusals += 1
            self.console.print(f"  [red]✗[/red] {text} [dim]→ refused: {refusal.name}[/dim]")
            return
        raise StoryError(f"{text}: was not refused")

    def people(self) -> list[str]:
        """Accounts that the node signs for: its own, and as many more as the story needs."""
        accounts: list[str] = self.chain.rpc("eth_accounts")
        for number in range(len(accounts), ACCOUNTS):
            account = "0x" + hashlib.sha256(b"person %d of the story" % number).hexdigest()[:40]
            self.chain.rpc("anvil_impersonateAccount", account)
            self.chain.rpc("anvil_setBalance", account, hex(10**20))
            accounts.append(account)
        return accounts[:ACCOUNTS]

    @property
    def token(self) -> Contract:
        """The test token."""
        address = self.deployment.manifest.address("TestToken")
        return Contract(self.chain, "TestToken", address, artifact("TestToken").abi)

    def now(self) -> int:
        """The chain's time."""
        return int(self.chain.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def wait_until(self, moment: int) -> None:
        """Let the chain's clock go on."""
        self.chain.rpc("evm_setNextBlockTimestamp", hex(max(moment, self.now() + 1)))
        self.chain.rpc("evm_mine")

    def event(
        self, step: str, epcs: Sequence[str], company: Company, *, stays: bool = True
    ) -> tuple[Any, ...]:
        """The reference of an EPCIS-like document about a step; a shipping event says no location."""
        moment = self.now()
        document = {
            "type": "ObjectEvent",
            "bizStep": step,
            "eventTime": datetime.fromtimestamp(moment, UTC).isoformat(),
            "epcList": list(epcs),
            "readPoint": company.site,
        }
        content = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
        return EventRef(
            doc_hash=hashlib.sha256(content).digest(),
            read_point=company.place,
            biz_location=company.place if stays else bytes(32),
            event_time=moment,
        ).to_contract()

    # ----------------------------------------------------------------------------------------------- founding

    def found(self) -> None:
        """Deploy the contracts and admit the companies."""
        self.chapter("A consortium is founded")
        founder = Sender.unlocked(self.chain, self.accounts[0])
        manifest = Deployer(founder, self.path, network="ethereum:local").run()
        self.deployment = Deployment(manifest, self.chain)
        self.say(f"{len(manifest.contracts)} contracts deployed")
        consortium = self.deployment.consortium
        if consortium.organisationCount() > DEEDS_NUMBER:
            raise StoryError("the story was told on this node before; start a fresh one")
        companies = []
        for index, (name, role) in enumerate(COMPANIES):
            number, prefix = index + DEEDS_NUMBER + 1, f"952{1000 + index}"
            desk = Sender.unlocked(self.chain, self.accounts[1 + 2 * index])
            quality = Sender.unlocked(self.chain, self.accounts[2 + 2 * index])
            everything = sum(Duty) & ~Duty.RECALL
            for call in (
                consortium.admit(name, desk.address, role, bytes(32), 0),
                consortium.assignNamespace(prefix, number),
            ):
                self.send(founder, call)
            powers = (desk.address, everything), (quality.address, Duty.QUALITY | Duty.RECALL)
            for account, duties in powers:
                self.send(desk, consortium.setAccount(number, account, duties))
            companies.append(Company(name, number, prefix, desk, quality))
            self.say(f"{number}: {name}, {Role(role).name}, GS1 company prefix {prefix}")
        (
            self.cascade,
            self.rainier,
            self.lumen,
            self.polar,
            self.harbor,
            self.cedar,
            self.evergreen,
            self.sound,
            self.alder,
            self.valley,
            self.mokum,
            self.beacon,
        ) = companies
        self.names = {company.number: company.name for company in companies}

    def enter(self, company: Company, link: str, kind: Kind) -> bytes:
        """Register a twin, which needs no telling; its id."""
        commissioning = self.event("commissioning", [link], company)
        self.send(company, self.deployment.twins.register((link, 7, kind), commissioning))
        return twin_id(link)

    def events(self, contract: Contract, name: str, receipt: Receipt) -> list[dict[str, Any]]:
        """The events of a contract in a receipt."""
        found = []
        for log in receipt.logs:
            topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
            entry = contract.events.get(topics[0])
            if log["address"].lower() == contract.address.lower() and entry and entry["name"] == name:
                found.append(abi.decode_event(entry, topics, bytes.fromhex(log["data"][2:])))
        return found


def gtin(prefix: str, reference: str) -> str:
    return "01/" + with_check_digit("0" + prefix + reference)


def with_check_digit(digits: str) -> str:
    return digits + str(check_digit(digits))


def money(units: int) -> str:
    return f"{Decimal(units) / 10**6:,.2f} tUSD"
