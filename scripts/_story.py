"""What `demo` tells, chapter by chapter."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.build import artifact
from goldthread.chain import abi, eip712
from goldthread.chain.contracts import Call, Contract, Deployment
from goldthread.chain.deploy import Deployer
from goldthread.chain.devices import Curve, SoftKey
from goldthread.chain.errors import ContractError
from goldthread.chain.rpc import connect
from goldthread.chain.segments import Segment, Tree, build
from goldthread.chain.send import Receipt, Sender
from goldthread.chain.words import (
    Cause,
    Disposition,
    Duty,
    EndOfLife,
    EventRef,
    Exceptions,
    Kind,
    Purpose,
    Role,
)
from goldthread.gs1.keys import check_digit
from goldthread.gs1.links import twin_id
from goldthread.rules import premium
from goldthread.rules.conditions import Kind as RuleKind
from goldthread.rules.conditions import Limit, Policy, Rule
from goldthread.rules.driving import Driven, drive_cycle, driven, read_speeds
from goldthread.rules.readings import QUANTITIES, Reading, ReadingsError, read_csv

TEMPERATURE = QUANTITIES[1]
HOUR, DAY = 3_600, 86_400
PERIOD = 30 * DAY
TRIP_HOURS = 240
LONGEST = 366 * DAY
ACCOUNTS = 24


class StoryError(Exception):
    """Something happened that must not happen. The message says what."""


@dataclass(frozen=True)
class Recording:
    """What is replayed: temperatures of the trip and, if given, speeds of the car."""

    temperatures: list[Reading]
    temperature_source: str
    speeds: list[Reading] | None
    speed_source: str

    @classmethod
    def load(cls, path: Path | None) -> Recording:
        """The recordings that come with the project, one of them replaced by the user's file.

        Raises `ReadingsError` that names file, line and reason.
        """
        speeds: list[Reading] | None = None
        speed_source = "the EPA drive cycles UDDS, HWFET and US06"
        temperatures, source = _seattle(), "the hourly series of Seattle in vega_datasets, from 1 February"
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
        return self.uri("414/" + _with_check_digit(self.prefix + "00001"))


COMPANIES: Sequence[tuple[str, Role]] = (
    ("Cascade Sensors", Role.SUPPLIER),
    ("Rainier Reagents", Role.SUPPLIER),
    ("Lumen Diagnostics", Role.MANUFACTURER),
    ("Polar Freight", Role.CARRIER),
    ("Harbor Distribution", Role.DISTRIBUTOR),
    ("Cedar Clinic Supply", Role.RETAILER),
    ("Evergreen Motors", Role.MANUFACTURER),
    ("Sound Mutual", Role.INSURER),
)


class Story:
    """Tells the story on a development node."""

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
        self.gas = 0
        self.transactions = 0
        self.refusals = 0
        self.results: list[tuple[str, str]] = []

    def tell(self) -> None:
        """All chapters."""
        started = time.monotonic()
        self.found()
        parts = self.parts()
        pallet = self.pallet(parts)
        logger, key = self.logger(pallet)
        policy = self.policy(pallet, logger)
        self.journey(pallet, logger, key, policy)
        self.delivery(pallet, parts)
        self.drive()
        self.prove()
        self.table(time.monotonic() - started)

    # ------------------------------------------------------------------------------------------------ telling

    def chapter(self, title: str) -> None:
        self.console.print(f"\n[bold]{title}[/bold]")

    def say(self, text: str) -> None:
        self.console.print(f"  {text}")

    def done(self, who: Company | Sender, call: Call, text: str) -> Receipt:
        """Send a call that must succeed."""
        sender = who.desk if isinstance(who, Company) else who
        receipt = sender.send(call)
        self.gas += receipt.gas_used
        self.transactions += 1
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
        self.chapter("1  A consortium is founded")
        founder = Sender.unlocked(self.chain, self.accounts[0])
        manifest = Deployer(founder, self.path, network="ethereum:local").run()
        self.deployment = Deployment(manifest, self.chain)
        self.say(f"{len(manifest.contracts)} contracts deployed")
        consortium = self.deployment.consortium
        if consortium.organisationCount() > 1:
            raise StoryError("the story was told on this node before; start a fresh one")
        companies = []
        for index, (name, role) in enumerate(COMPANIES):
            number, prefix = index + 2, f"952{1000 + index}"
            desk = Sender.unlocked(self.chain, self.accounts[1 + 2 * index])
            quality = Sender.unlocked(self.chain, self.accounts[2 + 2 * index])
            everything = sum(Duty) & ~Duty.RECALL
            for call in (
                consortium.admit(name, desk.address, role, bytes(32), 0),
                consortium.assignNamespace(prefix, number),
            ):
                self.gas += founder.send(call).gas_used
                self.transactions += 1
            for account, duties in ((desk.address, everything), (quality.address, Duty.QUALITY)):
                self.gas += desk.send(consortium.setAccount(number, account, duties)).gas_used
                self.transactions += 1
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
        ) = companies
        self.names = {company.number: company.name for company in companies}

    # -------------------------------------------------------------------------------------------------- parts

    def parts(self) -> list[str]:
        """Suppliers register parts and deliver them to the maker; returns their links."""
        self.chapter("2  Suppliers make parts, and nobody else can claim to have made them")
        twins = self.deployment.twins
        links = []
        for supplier, reference in ((self.cascade, "00101"), (self.rainier, "00202")):
            own = [supplier.uri(_gtin(supplier.prefix, reference) + f"/21/{n}") for n in range(1001, 1004)]
            items = [(uri, 7, Kind.PART) for uri in own]
            event = self.event("commissioning", own, supplier)
            self.done(supplier, twins.registerMany(items, event), f"{supplier.name} registers 3 parts")
            links += own
        genuine = links[0]
        copy = self.event("commissioning", [genuine], self.rainier)
        self.refused(
            self.rainier,
            twins.register((genuine.replace("1001", "9999"), 7, Kind.PART), copy),
            "NotNamespaceOwner",
            "Rainier registers a counterfeit under Cascade's prefix",
        )
        self.refused(
            self.cascade,
            twins.register((genuine, 7, Kind.PART), copy),
            "AlreadyRegistered",
            "a serial number is registered twice",
        )
        deadline = self.now() + 3 * DAY
        for link in links:
            supplier = self.cascade if link in links[:3] else self.rainier
            id_ = twin_id(link)
            for who, call in (
                (
                    supplier,
                    twins.offer(
                        id_,
                        self.lumen.number,
                        Purpose.TRANSPORT,
                        deadline,
                        self.event("shipping", [link], supplier, stays=False),
                    ),
                ),
                (
                    supplier,
                    twins.offerTitle(
                        id_,
                        self.lumen.number,
                        deadline,
                        self.event("shipping", [link], supplier, stays=False),
                    ),
                ),
            ):
                self.gas += who.desk.send(call).gas_used
                self.transactions += 1
        self.say("both suppliers ship to Lumen and offer title")
        self.refused(
            self.polar,
            twins.accept(twin_id(genuine), bytes(32), self.event("receiving", [genuine], self.polar)),
            "NotOfferedTo",
            "Polar accepts parts that were offered to Lumen",
        )
        for link in links:
            receiving = self.event("receiving", [link], self.lumen)
            for call in (
                twins.accept(twin_id(link), twins.head(twin_id(link)), receiving),
                twins.acceptTitle(twin_id(link), receiving),
            ):
                self.gas += self.lumen.desk.send(call).gas_used
                self.transactions += 1
        self.say("Lumen accepts custody of 6 parts and title to them")
        return links

    def pallet(self, parts: Sequence[str]) -> str:
        """The maker packs the parts on a pallet."""
        twins = self.deployment.twins
        link = self.lumen.uri("00/" + _with_check_digit("3" + self.lumen.prefix + "000000042"))
        self.done(
            self.lumen,
            twins.register((link, 7, Kind.CONTAINER), self.event("commissioning", [link], self.lumen)),
            "Lumen registers a pallet",
        )
        ids = [twin_id(part) for part in parts]
        packing = self.event("packing", parts, self.lumen)
        self.done(
            self.lumen, twins.pack(twin_id(link), ids, packing), f"and packs the {len(ids)} parts on it"
        )
        self.refused(
            self.lumen,
            twins.offer(ids[0], self.polar.number, Purpose.TRANSPORT, self.now() + DAY, packing),
            "IsPacked",
            "a part is shipped without its pallet",
        )
        return link

    # ------------------------------------------------------------------------------------------------ journey

    def logger(self, pallet: str) -> tuple[bytes, SoftKey]:
        """A P-256 logger is enrolled and attached to the pallet."""
        self.chapter("3  The pallet travels with a logger that signs what it measures")
        devices = self.deployment.devices
        link = self.lumen.uri("8004/{p}LOGGER7")
        device = twin_id(link)
        key = SoftKey.generate(Curve.P256, self.deployment.manifest.address("ERC7913P256Verifier"))
        register = self.deployment.twins.register(
            (link, 7, Kind.ASSET), self.event("commissioning", [link], self.lumen)
        )
        self.done(self.lumen, register, "Lumen registers the logger as a device of its own")
        self.done(self.lumen, devices.enrol(device, key.signer, bytes(32)), "enrols its P-256 key")
        self.done(self.lumen, devices.attach(device, twin_id(pallet)), "and attaches it to the pallet")
        return device, key

    def policy(self, pallet: str, logger: bytes) -> Policy:
        """The owner's limits: 2 to 8 degrees."""
        rules = (
            Rule(RuleKind.CONSECUTIVE, 1, Limit(True, 800), 10 * HOUR, 2),
            Rule(RuleKind.CUMULATIVE, 1, Limit(True, 800), 24 * HOUR, 3),
            Rule(RuleKind.CONSECUTIVE, 1, Limit(False, 200), HOUR, 3),
            Rule(RuleKind.GAP, 1, Limit(False, 0), 6 * HOUR, 1),
        )
        start = self.now() + 60
        policy = Policy(twin_id(pallet), self.lumen.number, 1, start, HOUR + 300, 3 * DAY, (logger,), rules)
        self.done(
            self.lumen,
            self.deployment.conditions.setPolicy(policy.to_contract()),
            "Lumen sets the limits: 8 °C for 10 h at a time or 24 h in all, 2 °C for 1 h, no gaps over 6 h",
        )
        return policy

    def journey(self, pallet: str, logger: bytes, key: SoftKey, policy: Policy) -> None:
        """The carrier takes the pallet; the logger reports; a limit is broken, and quality decides."""
        twins, conditions = self.deployment.twins, self.deployment.conditions
        id_ = twin_id(pallet)
        shipping = self.event("shipping", [pallet], self.lumen, stays=False)
        offer = twins.offer(id_, self.polar.number, Purpose.TRANSPORT, self.now() + DAY, shipping)
        self.done(self.lumen, offer, "Lumen ships the pallet and everything on it")
        self.refused(
            self.harbor,
            twins.accept(id_, twins.head(id_), self.event("receiving", [pallet], self.harbor)),
            "NotOfferedTo",
            "Harbor accepts what was offered to Polar",
        )
        receiving = self.event("receiving", [pallet], self.polar)
        self.done(self.polar, twins.accept(id_, twins.head(id_), receiving), "Polar takes it into custody")

        first = self.recording.temperatures[0].time
        shift = policy.start + 60 - first
        readings = [Reading(r.time + shift, r.value) for r in self.recording.temperatures]
        parts = build(
            readings,
            device=logger,
            subject=id_,
            quantity=1,
            limits=policy.limits(1),
            max_interval=policy.max_interval,
            most=24,
        )
        self.say(f"the logger replays {len(readings)} readings: {self.recording.temperature_source}")
        gateway = Sender.unlocked(self.chain, self.accounts[-1])
        where = eip712.domain("Telemetry", self.chain.id, self.deployment.telemetry.address)
        forged = Segment(logger, id_, 1, 1, parts[0][0].summary, Tree([Reading(policy.start, 500)]).root)
        self.wait_until(parts[0][0].summary.to + 60)
        self.refused(
            gateway,
            conditions.judge(
                policy.to_contract(), forged.to_contract(), key.signer, key.sign(parts[0][0].digest(where))
            ),
            "InvalidDeviceSignature",
            "the gateway changes the readings under the logger's signature",
        )
        found: list[dict[str, Any]] = []
        spent = 0
        with Progress(console=self.console, transient=True) as progress:
            for segment, _ in progress.track(parts, description="  segments judged"):
                self.wait_until(segment.summary.to + 60)
                signature = key.sign(segment.digest(where))
                call = conditions.judge(policy.to_contract(), segment.to_contract(), key.signer, signature)
                receipt = gateway.send(call)
                spent += receipt.gas_used
                found += self.events(conditions, "BreachFound", receipt)
        self.gas += spent
        self.transactions += len(parts)
        self.say(f"{len(parts)} signed segments anchored and judged ({spent // len(parts):,} gas each)")
        if not found:
            self.say("no limit was broken on this trip")
            return
        for breach in found:
            self.tell_breach(breach, policy)
        self.show_proof(found[0], parts)
        self.second_person(pallet, policy)

    def tell_breach(self, event: dict[str, Any], policy: Policy) -> None:
        breach = event["breach"]
        when = timedelta(seconds=breach.firstCrossing - policy.start)
        if event["rule"] == 15:
            self.console.print(
                f"  [yellow]![/yellow] the logger was silent for {timedelta(seconds=breach.time)}"
            )
            return
        rule = policy.rules[event["rule"]]
        what = f"{rule.kind.name.lower()} {'high' if rule.limit.high else 'low'} limit"
        if rule.kind is RuleKind.GAP:
            what = "gaps"
        self.console.print(
            f"  [yellow]![/yellow] breach: {what} reached {timedelta(seconds=breach.time)}, first crossed "
            f"after {when}, extreme {TEMPERATURE.text(breach.extreme)}; the pallet is held"
        )

    def show_proof(self, event: dict[str, Any], parts: Sequence[tuple[Segment, list[Reading]]]) -> None:
        """Anyone can check a single reading of an anchored segment."""
        segment, readings = next((s, r) for s, r in parts if s.seq == max(event["breach"].seq, 1))
        index = max(range(len(readings)), key=lambda i: readings[i].value)
        reading = readings[index]
        arguments = (segment.to_contract(), (index, reading.time, reading.value), Tree(readings).proof(index))
        if not self.deployment.telemetry.verifyReading(*arguments):
            raise StoryError("an anchored reading cannot be proved")
        lie = (index, reading.time, reading.value - 100)
        if self.deployment.telemetry.verifyReading(arguments[0], lie, arguments[2]):
            raise StoryError("a reading that was never taken can be proved")
        self.say(f"the reading of {TEMPERATURE.text(reading.value)} is proved against the anchored root")

    def second_person(self, pallet: str, policy: Policy) -> None:
        """Held goods do not move until somebody decides who did not set the limits."""
        twins, conditions = self.deployment.twins, self.deployment.conditions
        id_ = twin_id(pallet)
        shipping = self.event("shipping", [pallet], self.polar, stays=False)
        self.refused(
            self.polar,
            twins.offer(id_, self.harbor.number, Purpose.TRANSPORT, self.now() + DAY, shipping),
            "Blocked",
            "Polar ships the held pallet on",
        )
        seen = conditions.policyState(conditions.policyIdOf(policy.subject, policy.setter)).breaches
        record = hashlib.sha256(b"Stability data of the lot cover 36 h at up to 12 degrees.").digest()
        decision = conditions.dispose(policy.subject, policy.setter, Disposition.RELEASE, seen, record)
        self.refused(self.lumen, decision, "SecondPersonNeeded", "who set the limits releases the pallet")
        self.done(self.lumen.quality, decision, "Lumen's head of quality releases it, with a record of why")

    # ----------------------------------------------------------------------------------------------- delivery

    def delivery(self, pallet: str, parts: Sequence[str]) -> None:
        """One hand-over against a signed receipt, one with exceptions, and the end of a part."""
        self.chapter("4  The pallet arrives")
        twins, consortium = self.deployment.twins, self.deployment.consortium
        id_ = twin_id(pallet)
        handheld = SoftKey.generate(Curve.P256, self.deployment.manifest.address("ERC7913P256Verifier"))
        named = consortium.setSigner(self.harbor.number, handheld.signer, Duty.RECEIVE)
        self.done(self.harbor, named, "Harbor names the P-256 key of a handheld at its dock")
        message = {
            "twin": id_,
            "head": twins.head(id_),
            "from": self.polar.number,
            "to": self.harbor.number,
            "purpose": Purpose.TRANSPORT,
            "exceptions": 0,
            "ref": dict(
                zip(
                    ("eventHash", "docHash", "readPoint", "bizLocation", "stamp"),
                    self.event("receiving", [pallet], self.harbor),
                    strict=True,
                )
            ),
            "deadline": self.now() + HOUR,
        }
        where = eip712.domain("Twins", self.chain.id, twins.address)
        signature = handheld.sign(eip712.digest("Receipt", where, message))
        stranger = SoftKey.generate(Curve.SECP256K1)
        arguments = eip712.as_tuple("Receipt", message)
        self.refused(
            self.polar,
            twins.handOver(
                arguments, stranger.signer, stranger.sign(eip712.digest("Receipt", where, message))
            ),
            "UnknownAccount",
            "a stranger signs the receipt",
        )
        hand_over = twins.handOver(arguments, handheld.signer, signature)
        self.done(self.polar, hand_over, "Polar hands over against the receipt that the handheld signed")
        self.refused(self.polar, hand_over, "NotCustodian", "Polar uses the receipt a second time")

        shipping = self.event("shipping", [pallet], self.harbor, stays=False)
        offer = twins.offer(id_, self.cedar.number, Purpose.TRANSPORT, self.now() + DAY, shipping)
        self.done(self.harbor, offer, "Harbor ships to Cedar")
        receiving = self.event("receiving", [pallet], self.cedar)
        exceptions = Exceptions.DAMAGED | Exceptions.MISSING_DATA
        accept = twins.acceptWithExceptions(id_, twins.head(id_), exceptions, receiving)
        self.done(self.cedar, accept, "Cedar accepts, and notes: damaged, missing data")
        ids = [twin_id(part) for part in parts]
        unpacking = self.event("unpacking", parts, self.cedar)
        self.done(self.cedar, twins.unpack(id_, ids, unpacking), f"Cedar unpacks {len(ids)} parts")
        self.done(
            self.cedar,
            twins.retire(ids[0], EndOfLife.DISPENSED, self.event("dispensing", parts[:1], self.cedar)),
            "and dispenses the first one to a clinic",
        )
        self.refused(
            self.cedar,
            twins.retire(ids[0], EndOfLife.DISPENSED, unpacking),
            "Blocked",
            "the same serial number is dispensed a second time",
        )
        for label, link in (
            ("dispensed part", parts[0]),
            ("part on the shelf", parts[1]),
            ("pallet", pallet),
        ):
            self.results.append((label, self.state(twin_id(link))))

    def state(self, id_: bytes) -> str:
        """Where a twin stands, in one line."""
        twins = self.deployment.twins
        ok, cause = twins.clear(id_)
        owner, custodian = self.names[twins.ownerOf(id_)], self.names[twins.custodianOf(id_)]
        clear = "clear" if ok else f"not clear: {Cause(cause).name.lower()}"
        return f"title {owner}, custody {custodian}, {clear}"

    # -------------------------------------------------------------------------------------------------- drive

    def drive(self) -> None:
        """A driver pays for what the car recorded, and gets the rest back."""
        self.chapter("5  A driver pays for how far and how well the car is driven")
        insurance, chain = self.deployment.drive_insurance, self.chain
        token = Contract(
            chain, "TestToken", self.deployment.manifest.address("TestToken"), artifact("TestToken").abi
        )
        treasury, driver = (Sender.unlocked(chain, self.accounts[i]) for i in (20, 21))
        vehicle, box, key = self.car()

        underwriter = SoftKey.generate(Curve.SECP256K1)
        for who, call in (
            (treasury, token.mint(treasury.address, 100_000 * 10**6)),
            (treasury, token.approve(insurance.address, 50_000 * 10**6)),
            (treasury, insurance.setUnderwriter(underwriter.account, True)),
            (
                self.sound.desk,
                self.deployment.consortium.setSigner(self.sound.number, underwriter.signer, Duty.FINANCE),
            ),
            (driver, token.mint(driver.address, 1_000 * 10**6)),
            (driver, token.approve(insurance.address, 1_000 * 10**6)),
        ):
            self.gas += who.send(call).gas_used
            self.transactions += 1
        provide = insurance.provideCapital(50_000 * 10**6)
        self.done(treasury, provide, "Sound Mutual's treasury provides 50,000 tUSD of capital")

        terms = premium.Terms(
            base=30_000_000,
            period=PERIOD,
            rate=32_000,
            rate_distance=1_609_344,
            minimum=10_000_000,
            maximum=150_000_000,
            night_weight=250_000,
            speeding_weight=500_000,
            brake_metres=800,
            accel_metres=400,
            corner_metres=400,
            phone_metres=1_000,
            km_credit=200,
            speeding_penalty=2_000,
            brake_penalty=4_000,
            accel_penalty=2_000,
            tier_min=700_000,
            tier_max=1_500_000,
            default_metres=50_000,
        )
        quote = self.quote(terms, driver.address, treasury.address, vehicle, box)
        where = eip712.domain("DriveInsurance", chain.id, insurance.address)
        policy_id = eip712.digest("Quote", where, quote)
        arguments = eip712.as_tuple("Quote", quote)
        signature = underwriter.sign(policy_id)
        dearer = eip712.as_tuple("Quote", {**quote, "terms": {**quote["terms"], "base": 1}})
        self.refused(
            driver,
            insurance.openPolicy(dearer, 450_000_000, underwriter.signer, signature),
            "InvalidQuoteSignature",
            "the driver lowers the base premium in the signed quote",
        )
        opening = insurance.openPolicy(arguments, 450_000_000, underwriter.signer, signature)
        self.done(driver, opening, "the driver opens the signed quote with an escrow of 450 tUSD")

        tier, odometer, since = premium.ONE, 12_000_000, insurance.policyOf(policy_id).since
        for period, weeks in (
            (1, "the commute, and at weekends the motorway and a hurried trip"),
            (2, "the commute only"),
        ):
            totals = self.month(aggressive=period == 1)
            counters = premium.Counters(
                metres=totals.distance // 1000,
                night=totals.night // 1000,
                speeding=totals.speeding // 1000,
                brakes=totals.brakes,
                accels=totals.accels,
            )
            odometer += counters.metres
            expected = premium.premium(terms, counters, PERIOD, tier)
            end = since + period * PERIOD
            self.wait_until(end + 60)
            usage = self.usage(policy_id, period, end, odometer, counters)
            sign = key.sign(eip712.digest("Usage", where, usage))
            report = insurance.report(arguments, eip712.as_tuple("Usage", usage), key.signer, sign)
            harsh = counters.brakes + counters.accels
            text = f"month {period}, {weeks}: {counters.metres / 1000:,.0f} km, {harsh} harsh events"
            self.done(driver, report, text)
            charge = insurance.reportOf(policy_id).charge
            if charge != expected:
                raise StoryError(f"the contract charges {charge}, the reference rule {expected}")
            self.refused(driver, report, "AlreadyReported", "the same report is handed in again")
            self.wait_until(insurance.reportOf(policy_id).until + 60)
            self.done(treasury, insurance.settle(arguments), f"month {period} is settled: {_money(charge)}")
            following = insurance.policyOf(policy_id).tier
            self.results.append(
                (
                    f"premium of month {period}",
                    f"{_money(charge)} at tier {tier / 1e6:.3f}, next tier {following / 1e6:.3f}",
                )
            )
            tier = following
        self.refund(insurance, token, arguments, policy_id, driver, treasury)

    def car(self) -> tuple[bytes, bytes, SoftKey]:
        """The car and the device in it."""
        twins, devices = self.deployment.twins, self.deployment.devices
        car = self.evergreen.uri("8004/{p}WVWZZZ1KZAW000042")
        box = self.evergreen.uri("8004/{p}BOX42")
        commissioning = self.event("commissioning", [car, box], self.evergreen)
        items = [(car, 7, Kind.ASSET), (box, 7, Kind.ASSET)]
        self.done(
            self.evergreen,
            twins.registerMany(items, commissioning),
            "Evergreen registers a car and its telematics box",
        )
        key = SoftKey.generate(Curve.P256, self.deployment.manifest.address("ERC7913P256Verifier"))
        enrol = devices.enrol(twin_id(box), key.signer, bytes(32))
        self.done(self.evergreen, enrol, "enrols the box's P-256 key")
        self.done(self.evergreen, devices.attach(twin_id(box), twin_id(car)), "and attaches it to the car")
        return twin_id(car), twin_id(box), key

    def quote(
        self, terms: premium.Terms, holder: str, treasury: str, vehicle: bytes, box: bytes
    ) -> dict[str, dict[str, Any]]:
        """The insurer's offer for a year."""
        now = self.now()
        cover = {
            "holder": holder,
            "treasury": treasury,
            "arbiter": self.accounts[22],
            "vehicle": vehicle,
            "device": box,
            "sumInsured": 20_000 * 10**6,
            "start": now,
            "end": now + 12 * PERIOD,
            "odometer": 12_000_000,
            "tier": premium.ONE,
            "reportWindow": 7 * DAY,
            "disputeWindow": 3 * DAY,
            "arbitrationWindow": 7 * DAY,
            "noticePeriod": 14 * DAY,
            "claimWindow": 30 * DAY,
            "decisionWindow": 14 * DAY,
            "deadline": now + DAY,
            "salt": hashlib.sha256(b"the story's policy").digest(),
        }
        return {"terms": {abi.camel(name): value for name, value in asdict(terms).items()}, "cover": cover}

    def month(self, *, aggressive: bool) -> Driven:
        """Thirty days: two commutes on workdays; a motorway trip and a hurried one on days of the weekend."""
        urban, highway = driven(drive_cycle("udds")), driven(drive_cycle("hwfet"))
        hurried = driven(self.recording.speeds or drive_cycle("us06"))
        total = Driven()
        for day in range(30):
            if day % 7 < 5:
                total = total + urban + urban
            elif aggressive:
                total = total + highway + hurried
        return total

    def usage(
        self, policy_id: bytes, period: int, end: int, odometer: int, counters: premium.Counters
    ) -> dict[str, Any]:
        """What the box signs at the end of a month."""
        return {
            "policyId": policy_id,
            "period": period,
            "from": end - PERIOD,
            "to": end,
            "odometer": odometer,
            "night": counters.night,
            "speeding": counters.speeding,
            "brakes": counters.brakes,
            "accels": counters.accels,
            "corners": 0,
            "phone": 0,
            "trips": 0,
            "tripsRoot": bytes(32),
        }

    def refund(
        self,
        insurance: Contract,
        token: Contract,
        arguments: tuple[Any, ...],
        policy_id: bytes,
        driver: Sender,
        treasury: Sender,
    ) -> None:
        """The driver ends the policy; what the escrow does not owe comes back."""
        self.done(driver, insurance.cancel(arguments), "the driver cancels in the third month")
        back = insurance.withdrawable(arguments)
        self.refused(
            treasury,
            insurance.withdraw(arguments, back),
            "WrongCaller",
            "the insurer withdraws the driver's escrow",
        )
        before = token.balanceOf(driver.address)
        self.done(driver, insurance.withdraw(arguments, back), f"the driver withdraws {_money(back)}")
        if token.balanceOf(driver.address) - before != back:
            raise StoryError("the refund did not arrive")
        self.results.append(("refund at once", f"{_money(back)} of {_money(450_000_000)} paid in"))
        left = insurance.policyOf(policy_id).escrow
        self.results.append(("kept for the unfinished month", _money(left)))

    # -------------------------------------------------------------------------------------------------- proof

    def prove(self) -> None:
        """Rebuild everything from the logs."""
        self.chapter("6  An auditor rebuilds everything from the logs")
        system = rebuild(self.deployment)
        differences = compare(self.deployment, system)
        if differences or system.problems:
            raise StoryError("; ".join(str(found) for found in [*system.problems, *differences]))
        views = count_views(self.deployment, system)
        self.say(f"{system.logs} logs folded, {views} views compared with the contracts: no difference")

    def table(self, seconds: float) -> None:
        """What came of it."""
        table = Table(title="What came of it", title_justify="left", show_header=False)
        for label, value in self.results:
            table.add_row(label, value)
        table.add_row("transactions", f"{self.transactions}, {self.gas:,} gas")
        table.add_row("attempts refused", str(self.refusals))
        table.add_row("time", f"{seconds:.1f} s")
        self.console.print()
        self.console.print(table)

    def events(self, contract: Contract, name: str, receipt: Receipt) -> list[dict[str, Any]]:
        """The events of a contract in a receipt."""
        found = []
        for log in receipt.logs:
            topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
            entry = contract.events.get(topics[0])
            if log["address"].lower() == contract.address.lower() and entry and entry["name"] == name:
                found.append(abi.decode_event(entry, topics, bytes.fromhex(log["data"][2:])))
        return found


def _gtin(prefix: str, reference: str) -> str:
    return "01/" + _with_check_digit("0" + prefix + reference)


def _with_check_digit(digits: str) -> str:
    return digits + str(check_digit(digits))


def _money(units: int) -> str:
    return f"{Decimal(units) / 10**6:,.2f} tUSD"
