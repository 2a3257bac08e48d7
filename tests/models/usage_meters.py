"""The model of `UsageMeters`, written from IUsageMeters: who signed how much, who paid, and what is owed.

Of each meter the ledger keeps what was ever paid in, used, and paid out: balance and debt follow from that.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.models.devices import Devices
from tests.models.licences import DOMAIN_TYPE, Licences
from tests.models.rules import Fact, Objections
from tests.support.words import Duty
from tests.support.world import DAY

NOBODY = to_checksum_address(bytes(20))
NOTICE = 14 * DAY
TOLERANCE = DAY
OVERDRAWN = keccak(text="OVERDRAWN")[:4]
MINOR = 1
READING_TYPE = keccak(text="MeterReading(bytes32 meter,uint64 counter,uint40 time)")


class MeterTerms(NamedTuple):
    """`IUsageMeters.MeterTerms`."""

    licence: int
    instance: bytes
    signer_hash: bytes
    payee: str
    price: int
    start: int = 0
    salt: bytes = bytes(32)

    @property
    def id(self) -> bytes:
        kinds = ["uint32", "bytes32", "bytes32", "address", "uint96", "uint64", "bytes32"]
        return keccak(encode(kinds, list(self)))


class MeterReading(NamedTuple):
    """`IUsageMeters.MeterReading`."""

    meter: bytes
    counter: int
    time: int

    def digest(self, contract: str, chain_id: int) -> bytes:
        """What is signed, for that contract on that chain."""
        names = keccak(text="Goldthread UsageMeters"), keccak(text="1")
        domain = encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"], [DOMAIN_TYPE, *names, chain_id, contract]
        )
        kinds = ["bytes32", "bytes32", "uint64", "uint40"]
        return keccak(b"\x19\x01" + keccak(domain) + keccak(encode(kinds, [READING_TYPE, *self])))


@dataclass(frozen=True)
class Meter:
    terms: MeterTerms
    counter: int
    payer: str = NOBODY
    notice_at: int = 0
    closed: bool = False
    time: int = 0
    paid_in: int = 0
    paid_out: int = 0
    """To the payee, and at the end to the payer."""
    paid_for: int = 0
    """What was used and paid."""

    @property
    def used(self) -> int:
        """What all use costs."""
        return (self.counter - self.terms.start) * self.terms.price

    @property
    def balance(self) -> int:
        return self.paid_in - self.paid_out

    @property
    def debt(self) -> int:
        return self.used - self.paid_for

    def view(self) -> tuple[object, ...]:
        """As `meterOf`."""
        t = self.terms
        return (
            t.payee, t.price, self.payer, self.notice_at, t.licence, self.closed, self.balance, self.counter,
            self.time, self.debt, t.instance, t.signer_hash,
        )  # fmt: skip


@dataclass
class MetersLedger:
    """What the events of a UsageMeters contract add up to."""

    meters: dict[bytes, Meter] = field(default_factory=dict)
    credits: Counter[str] = field(default_factory=Counter)

    def copy(self) -> MetersLedger:
        return MetersLedger(dict(self.meters), Counter(self.credits))

    @property
    def owed(self) -> int:
        return sum(meter.balance for meter in self.meters.values()) + sum(self.credits.values())

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "MeterOpened":
                terms = MeterTerms(*a["terms"])
                self.meters[a["meter"]] = Meter(terms, terms.start)
            case "MeterFunded":
                meter = self.meters[a["meter"]]
                settled = a["settled"]
                self.credits[meter.terms.payee] += settled
                self._change(
                    a["meter"],
                    payer=a["payer"],
                    paid_in=meter.paid_in + a["amount"],
                    paid_out=meter.paid_out + settled,
                    paid_for=meter.paid_for + settled,
                )
            case "UsageRecorded":
                meter = self.meters[a["meter"]]
                self.credits[meter.terms.payee] += a["paid"]
                self._change(
                    a["meter"],
                    counter=a["counter"],
                    time=a["time"],
                    paid_out=meter.paid_out + a["paid"],
                    paid_for=meter.paid_for + a["paid"],
                )
            case "MeterNoticeGiven":
                self._change(a["meter"], notice_at=a["noticeAt"])
            case "MeterClosed":
                meter = self.meters[a["meter"]]
                self.credits[meter.payer] += a["rest"]
                self._change(a["meter"], closed=True, paid_out=meter.paid_out + a["rest"])
            case "CreditWithdrawn":
                assert self.credits.pop(a["account"]) == a["amount"]
            case "MeterOverdrawn" | "Alert" | "Transfer":
                pass
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def _change(self, meter: bytes, **fields: object) -> None:
        self.meters[meter] = replace(self.meters[meter], **fields)  # type: ignore[arg-type]


class UsageMeters:
    """The rules. `address` is that of the contract, `tokens` what everybody has."""

    def __init__(self, address: str, ledger: MetersLedger, licences: Licences, devices: Devices) -> None:
        self.address = address
        self.ledger = ledger
        self.licences = licences
        self.devices = devices
        self.consortium = licences.consortium
        self.tokens: Counter[str] = Counter()
        self.signatures: dict[bytes, tuple[bytes, bytes]] = {}
        """Signer and digest of every signature that was really made."""
        self.digests: dict[MeterReading, bytes] = {}

    @property
    def now(self) -> int:
        return self.consortium.now

    def openMeter(self, terms: MeterTerms, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.FINANCE)
        licence = self.licences.ledger.licences.get(terms.licence)
        if licence is None:
            no.final("UnknownLicence", terms.licence)
        owner = self._owner(terms.licence)
        no.when(org != owner, "NotLicensor", licence.design, org, owner)
        no.when(terms.payee == NOBODY or terms.price == 0, "InvalidMeter", terms.payee, terms.price)
        no.when(terms.id in self.ledger.meters, "MeterExists", terms.id)
        told = {"meter": terms.id, "licence": terms.licence, "org": org, "caller": sender}
        return self._happened(no, ("MeterOpened", told | {"terms": tuple(terms)}))

    def fund(self, meter: bytes, amount: int, *, sender: str) -> list[Fact]:
        no = Objections()
        it = self._open(no, meter)
        if it.payer == NOBODY:
            org = self.consortium.authorize(no, sender, Duty.FINANCE)
            licensee = self.licences.ledger.licences[it.terms.licence].licensee
            no.when(org != licensee, "NotLicensee", it.terms.licence, org, licensee)
        else:
            self._payer(no, meter, it, sender)
        no.when(amount == 0, "NothingPaid", meter)
        no.when(self.tokens[sender] < amount, "ERC20InsufficientBalance", sender, self.tokens[sender], amount)
        settled = min(amount, it.debt)
        told = self._told(meter, it) | {"payer": sender, "amount": amount, "settled": settled}
        facts = self._happened(no, ("MeterFunded", told))
        return [*facts, self._moved(sender, self.address, amount)]

    def record(self, reading: MeterReading, signer: bytes, signature: bytes, *, sender: str) -> list[Fact]:
        no, r = Objections(), reading
        it = self._open(no, r.meter)
        no.when(r.counter <= it.counter, "CounterNotRisen", r.meter, r.counter, it.counter)
        no.when(r.time < it.time, "OlderReading", r.meter, r.time, it.time)
        no.when(r.time > self.now + TOLERANCE, "ClockAhead", r.meter, r.time, self.now)
        key = self.devices.ledger.signers.get(it.terms.instance)
        right = keccak(signer) == it.terms.signer_hash if any(it.terms.signer_hash) else signer == key
        no.when(not right, "WrongMeterSigner", r.meter, signer)
        digest = self.digests[r]
        no.when(self.signatures.get(signature) != (signer, digest), "InvalidReading", digest, signer)
        steps = r.counter - it.counter
        cost = steps * it.terms.price
        paid = min(cost, it.balance)
        missing = cost - paid
        where = self._told(r.meter, it) | {"instance": it.terms.instance}
        what = {"caller": sender, "counter": r.counter, "time": r.time, "steps": steps, "paid": paid}
        facts: list[Fact] = [("UsageRecorded", where | what | {"debt": it.debt + missing})]
        if missing:
            facts.append(("MeterOverdrawn", where | {"missing": missing}))
        if missing and not it.debt:
            design = self.licences.ledger.licences[it.terms.licence].design
            alert = {"subject": design, "code": OVERDRAWN, "org": self._owner(it.terms.licence)}
            facts.append(("Alert", alert | {"severity": MINOR, "ref": r.meter}))
        return self._happened(no, *facts)

    def giveNotice(self, meter: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        it = self._open(no, meter)
        self._payer(no, meter, it, sender)
        no.when(it.notice_at != 0, "AlreadyGiven", it.notice_at)
        told = self._told(meter, it) | {"payer": sender, "noticeAt": self.now}
        return self._happened(no, ("MeterNoticeGiven", told))

    def closeMeter(self, meter: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        it = self._open(no, meter)
        if sender != it.terms.payee:
            self._payer(no, meter, it, sender)
            until = it.notice_at and it.notice_at + NOTICE
            no.when(not until or self.now < until, "NotYet", until)
        told = self._told(meter, it) | {"payer": it.payer, "caller": sender}
        return self._happened(no, ("MeterClosed", told | {"rest": it.balance, "debt": it.debt}))

    def withdrawCredit(self, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        amount = self.ledger.credits[sender]
        no.when(amount == 0, "NoCredit", sender)
        facts = self._happened(no, ("CreditWithdrawn", {"account": sender, "amount": amount}))
        return [*facts, self._moved(self.address, sender, amount)]

    def _open(self, no: Objections, meter: bytes) -> Meter:
        it = self.ledger.meters.get(meter)
        if it is None or it.closed:
            no.final("MeterNotOpen", meter)
        return it

    def _payer(self, no: Objections, meter: bytes, it: Meter, sender: str) -> None:
        no.when(sender != it.payer, "NotPayer", meter, sender, it.payer)

    def _told(self, meter: bytes, it: Meter) -> dict[str, object]:
        return {"meter": meter, "licence": it.terms.licence}

    def _owner(self, licence: int) -> int:
        return self.licences.twins.ledger.twins[self.licences.ledger.licences[licence].design].owner

    def _moved(self, giver: str, taker: str, amount: int) -> Fact:
        self.tokens[giver] -= amount
        self.tokens[taker] += amount
        return "Transfer", {"from": giver, "to": taker, "value": amount}

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.ledger.apply(fact)
        return list(facts)
