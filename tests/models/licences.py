"""The model of `Licences`, written from ILicences and the words of licence servers.

The ledger keeps every seat that was ever taken with its times, and every count. How many seats are in use is
found by looking at all of them, where the contract has counts for each hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.models.consortium import account_of
from tests.models.lots import Lots
from tests.models.rules import Fact, Objections, Refused
from tests.support.words import Duty, EndOfLife, Kind
from tests.support.world import DAY

HOUR = 3600
ONE = 10**6
NOBODY = to_checksum_address(bytes(20))
OPEN = 2**40 - 1
"""When a seat comes back that comes back when it is given back."""
EIGHT = 8
MOST_HOURS = 31 * 24
PERIOD = 30 * DAY
TOLERANCE = DAY
OVERDRAFT = keccak(text="OVERDRAFT")[:4]
MINOR = 1
DOMAIN_TYPE = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)


class Outcome(IntEnum):
    """`ILicences.Outcome`."""

    OK = 0
    OVERDRAFT = 1
    UNKNOWN = 2
    NOT_LICENSEE = 3
    REVOKED = 4
    SUPERSEDED = 5
    NOT_STARTED = 6
    EXPIRED = 7
    USER_MAX = 8
    MAX_REACHED = 9


class Terms(NamedTuple):
    """`ILicences.Terms`."""

    start: int
    end: int
    seats: int = 0
    seat_overdraft: int = 0
    seats_per_user: int = 0
    borrow_hours: int = 0
    lendable: bool = False
    transferable: bool = False
    units: int = 0
    unit_overdraft: int = 0


class Made(NamedTuple):
    """`ILicences.Made`."""

    thing: bytes
    quantity: int = ONE


class SeatRequest(NamedTuple):
    """`ILicences.SeatRequest`."""

    licence: int
    borrow_for: int
    time: int
    deadline: int
    salt: bytes = bytes(32)


class SeatReturn(NamedTuple):
    """`ILicences.SeatReturn`."""

    licence: int
    seat: int
    deadline: int
    salt: bytes = bytes(32)


MESSAGES = {
    SeatRequest: (
        "SeatRequest(uint32 licence,uint16 borrowFor,uint40 time,uint40 deadline,bytes32 salt)",
        ["uint32", "uint16", "uint40", "uint40", "bytes32"],
    ),
    SeatReturn: (
        "SeatReturn(uint32 licence,uint8 seat,uint40 deadline,bytes32 salt)",
        ["uint32", "uint8", "uint40", "bytes32"],
    ),
}


def digest_of(message: SeatRequest | SeatReturn, contract: str, chain_id: int) -> bytes:
    """What is signed, for that contract on that chain."""
    names = keccak(text="Goldthread Licences"), keccak(text="1")
    domain = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "address"], [DOMAIN_TYPE, *names, chain_id, contract]
    )
    text, kinds = MESSAGES[type(message)]
    return keccak(
        b"\x19\x01" + keccak(domain) + keccak(encode(["bytes32", *kinds], [keccak(text=text), *message]))
    )


def judge(used: int, count: int, overdraft: int, now: int, start: int, end: int) -> Outcome:
    """What a licence server answers who asks for one more of `count`, of which `used` are taken."""
    if now < start:
        return Outcome.NOT_STARTED
    if now >= end:
        return Outcome.EXPIRED
    if used < count:
        return Outcome.OK
    return Outcome.OVERDRAFT if used < count + overdraft else Outcome.MAX_REACHED


@dataclass(frozen=True)
class Licence:
    design: bytes
    licensee: int
    issued: int
    terms: Terms
    revoked: bool = False


@dataclass
class LicencesLedger:
    """What the events of a Licences contract add up to."""

    licences: dict[int, Licence] = field(default_factory=dict)
    supersessions: list[tuple[bytes, int, int, int]] = field(default_factory=list)
    """Design, licensee, before which second, by which licence."""
    seats: dict[tuple[int, str, int], int] = field(default_factory=dict)
    """By licence, account and number: when the seat that was taken last comes back."""
    returns: Counter[tuple[int, int]] = field(default_factory=Counter)
    """By licence and second: how many come back by themselves then."""
    looked: dict[int, int] = field(default_factory=dict)
    """When a seat of a licence was taken or given back last."""
    consumed: Counter[int] = field(default_factory=Counter)
    counts: dict[tuple[bytes, bytes], tuple[int, int]] = field(default_factory=dict)
    """By design and thing: licence and quantity."""
    reported: dict[tuple[int, str], int] = field(default_factory=dict)
    """By licence and `seats` or `units`: the last period with a report."""
    users: dict[int, tuple[str, int]] = field(default_factory=dict)
    used: set[bytes] = field(default_factory=set)

    def copy(self) -> LicencesLedger:
        return LicencesLedger(
            dict(self.licences),
            list(self.supersessions),
            dict(self.seats),
            Counter(self.returns),
            dict(self.looked),
            Counter(self.consumed),
            dict(self.counts),
            dict(self.reported),
            dict(self.users),
            set(self.used),
        )

    def apply(self, fact: Fact) -> None:
        name, a = fact
        number = a.get("licence", 0)
        if any(a.get("digest", b"")):
            self.used.add(a["digest"])
        match name:
            case "LicenceGranted":
                terms = Terms(*a["terms"])
                self.licences[number] = Licence(a["design"], a["licensee"], a["issuedAt"], terms)
                if a["supersedes"]:
                    self.supersessions.append((a["design"], a["licensee"], a["supersedes"], number))
            case "LicenceRevoked":
                self.licences[number] = replace(self.licences[number], revoked=True)
            case "LicenceTransferred":
                self.licences[number] = replace(self.licences[number], licensee=a["licensee"])
            case "UpdateUser":
                self.users[a["tokenId"]] = a["user"], a["expires"]
            case "CheckedOut":
                until = a["until"] or OPEN
                self.seats[number, a["account"], a["seat"]] = until
                self.looked[number] = a["since"]
                if until != OPEN:
                    self.returns[number, until] += 1
            case "CheckedIn":
                until = self.seats.pop((number, a["account"], a["seat"]))
                self.looked[number] = a["time"]
                if until != OPEN:
                    self.returns[number, until] -= 1
            case "UnitsConsumed":
                design = self.licences[number].design
                self.counts[design, a["thing"]] = number, a["quantity"]
                self.consumed[number] += a["quantity"]
            case "SeatsOverdrawn":
                self.reported[number, "seats"] = a["period"]
            case "UnitsOverdrawn":
                self.reported[number, "units"] = a["period"]
            case "LicenceLent" | "Alert":
                pass
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def superseded(self, design: bytes, licensee: int) -> tuple[int, int]:
        """Before which second, and by which licence."""
        found = [(before, by) for d, l_, before, by in self.supersessions if (d, l_) == (design, licensee)]
        return max(found, default=(0, 0))

    def taken(self, licence: int, now: int, account: str | None = None) -> list[int]:
        """When each of the seats comes back that are out now."""
        return [
            until
            for (of, who, _), until in self.seats.items()
            if of == licence and account in (None, who) and now < until
        ]

    def user(self, licence: int, now: int) -> str:
        """The user in the sense of ERC-4907."""
        account, expires = self.users.get(licence, (NOBODY, 0))
        return account if now <= expires else NOBODY

    def usage(self, licence: int) -> tuple[int, int, int, int, int, int]:
        """As `usageOf`."""
        looked = self.looked.get(licence, 0)
        out = self.taken(licence, looked)
        return (
            self.consumed[licence],
            out.count(OPEN),
            len(out) - out.count(OPEN),
            looked // HOUR,
            self.reported.get((licence, "seats"), 0),
            self.reported.get((licence, "units"), 0),
        )

    def view(self, licence: int) -> tuple[object, ...]:
        """As `licenceOf`."""
        it = self.licences[licence]
        t = it.terms
        return (
            it.design, it.licensee, it.issued, t.start, t.end, t.seats, t.seat_overdraft, t.seats_per_user,
            t.borrow_hours, t.lendable, t.transferable, it.revoked, t.units, t.unit_overdraft,
        )  # fmt: skip


class Licences:
    """The rules."""

    def __init__(self, ledger: LicencesLedger, lots: Lots) -> None:
        self.ledger = ledger
        self.lots = lots
        self.twins = lots.twins
        self.consortium = lots.twins.consortium
        self.signatures: dict[bytes, tuple[bytes, bytes]] = {}
        """Signer and digest of every signature that was really made."""
        self.digests: dict[SeatRequest | SeatReturn, bytes] = {}

    @property
    def now(self) -> int:
        return self.consortium.now

    # Licensor and licensee

    def grant(
        self, design: bytes, licensee: int, terms: Terms, supersedes: int, *, sender: str
    ) -> list[Fact]:
        no, t, now = Objections(), terms, self.now
        org = self._licensor(no, design, sender)
        twin = self.twins.ledger.twins.get(design)
        fits = twin is not None and (twin.kind, twin.end) == (Kind.DESIGN, EndOfLife.NONE)
        no.when(not fits, "NotADesign", design)
        self._organisation(no, licensee)
        seats, units = t.seats + t.seat_overdraft, t.units + t.unit_overdraft
        no.when(not seats and not units, "NothingGranted")
        no.when(seats >= 2**16, "OverdraftTooLarge", t.seats, t.seat_overdraft)
        no.when(units >= 2**96, "OverdraftTooLarge", t.units, t.unit_overdraft)
        per_user = range(1, EIGHT + 1) if seats else range(1)
        no.when(t.seats_per_user not in per_user, "InvalidSeatsPerUser", t.seats_per_user)
        no.when(t.borrow_hours > MOST_HOURS, "BorrowTooLong", t.borrow_hours, MOST_HOURS)
        no.when(not max(t.start, now) < t.end, "InvalidTerm", t.start, t.end, now)
        before, _ = self.ledger.superseded(design, licensee)
        if supersedes:
            no.when(supersedes > now, "SupersedesItself", supersedes, now)
            no.when(supersedes <= before, "AlreadySuperseded", design, licensee, before)
        number = len(self.ledger.licences) + 1
        who = {"licence": number, "design": design, "licensee": licensee, "org": org, "caller": sender}
        told = who | {"terms": tuple(t), "issuedAt": now, "supersedes": supersedes}
        return self._happened(no, ("LicenceGranted", told))

    def revoke(self, licence: int, reason: bytes, *, sender: str) -> list[Fact]:
        no = Objections()
        it = self._known(no, licence)
        org = self._licensor(no, it.design, sender)
        no.when(it.revoked, "Revoked", licence)
        told = {"licence": licence, "design": it.design, "org": org, "caller": sender, "reason": reason}
        return self._happened(no, ("LicenceRevoked", told))

    def transfer(self, licence: int, licensee: int, *, sender: str) -> list[Fact]:
        no = Objections()
        it = self._known(no, licence)
        org = self._licensee(no, licence, sender)
        no.when(not it.terms.transferable, "NotTransferable", licence)
        self._organisation(no, licensee)
        self._in_force(no, licence)
        out = len(self.ledger.taken(licence, self.now))
        no.when(out != 0, "SeatsOut", licence, out)
        before, by = self.ledger.superseded(it.design, licensee)
        no.when(it.issued < before, "SupersededBy", licence, by)
        told = {"licence": licence, "org": org, "licensee": licensee, "caller": sender}
        facts: list[Fact] = [("LicenceTransferred", told)]
        if self.ledger.users.get(licence, (NOBODY, 0))[0] != NOBODY:
            facts.append(("UpdateUser", {"tokenId": licence, "user": NOBODY, "expires": 0}))
        return self._happened(no, *facts)

    def setUser(self, token: int, user: str, expires: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        it = self._known(no, token)
        org = self._licensee(no, token, sender)
        no.when(not it.terms.lendable, "NotLendable", token)
        lent = {"licence": token, "org": org, "user": user, "caller": sender, "expires": expires}
        updated = {"tokenId": token, "user": user, "expires": expires}
        return self._happened(no, ("UpdateUser", updated), ("LicenceLent", lent))

    # Seats

    def checkout(self, licence: int, borrow_for: int, *, sender: str) -> list[Fact]:
        return self._checkout(Objections(), licence, borrow_for, sender, sender, bytes(32))

    def checkoutSigned(  # noqa: N802
        self, request: SeatRequest, signer: bytes, signature: bytes, *, sender: str
    ) -> list[Fact]:
        no, r = Objections(), request
        digest = self._signed(no, r, signer, signature)
        no.when(abs(self.now - r.time) > TOLERANCE, "ClockDifference", r.time, self.now)
        return self._checkout(no, r.licence, r.borrow_for, account_of(signer), sender, digest)

    def checkin(self, licence: int, account: str, seat: int, *, sender: str) -> list[Fact]:
        no = Objections()
        if sender != account:
            it = self._known(no, licence)
            org, _ = self.consortium.ledger.accounts.get(sender, (0, 0))
            no.when(org != it.licensee, "MayNotCheckIn", licence, sender, account)
            self.consortium.authorize(no, sender, Duty.FINANCE)
        return self._checkin(no, licence, account, seat, sender, sender, bytes(32))

    def checkinSigned(  # noqa: N802
        self, give_back: SeatReturn, signer: bytes, signature: bytes, *, sender: str
    ) -> list[Fact]:
        no, r = Objections(), give_back
        digest = self._signed(no, r, signer, signature)
        account = account_of(signer)
        return self._checkin(no, r.licence, account, r.seat, account, sender, digest)

    def judge(self, licence: int, account: str) -> Outcome:
        """As `outcomeOf`."""
        it = self.ledger.licences.get(licence)
        if it is None:
            return Outcome.UNKNOWN
        if not self._may_speak(licence, account):
            return Outcome.NOT_LICENSEE
        standing = self._standing(it)
        if standing in (Outcome.REVOKED, Outcome.SUPERSEDED):
            return standing
        t, now = it.terms, self.now
        used = len(self.ledger.taken(licence, now))
        outcome = judge(used, t.seats, t.seat_overdraft, now, t.start, t.end)
        if outcome in (Outcome.NOT_STARTED, Outcome.EXPIRED):
            return outcome
        if len(self.ledger.taken(licence, now, account)) >= t.seats_per_user:
            return Outcome.USER_MAX
        return outcome

    def has_seat(self, licence: int, account: str) -> bool:
        """As `hasSeat`."""
        it = self.ledger.licences.get(licence)
        if it is None or not self.ledger.taken(licence, self.now, account):
            return False
        return self._may_speak(licence, account) and self._standing(it) == Outcome.OK

    # Units

    def consume(self, licence: int, made: Sequence[Made], *, sender: str) -> list[Fact]:
        no = Objections()
        it = self._known(no, licence)
        org = self.consortium.authorize(no, sender, Duty.REGISTER)
        self._of(no, licence, sender, org)
        self._in_force(no, licence)
        no.when(not made, "NothingMade")
        t, total = it.terms, self.ledger.consumed[licence]
        most = t.units + t.unit_overdraft
        facts: list[Fact] = []
        counts = {key: number for key, (number, _) in self.ledger.counts.items()}
        for thing, quantity in made:
            part = self.twins.ledger.twins.get(thing)
            is_part = part is not None and part.kind == Kind.PART
            if part is not None and is_part:
                maker = part.maker
            else:
                lot = self.lots.ledger.lots.get(thing)
                maker = lot.maker if lot else 0
            no.when(maker != org, "NotMadeBy", thing, org)
            wrong = quantity != ONE if is_part else quantity == 0
            no.when(wrong, "WrongQuantity", thing, quantity)
            before = counts.setdefault((it.design, thing), 0)
            no.when(before != 0, "AlreadyCounted", it.design, thing, before)
            counts[it.design, thing] = licence
            total += quantity
            no.when(total > most, "UnitsExhausted", licence, total, most)
            told = {"licence": licence, "thing": thing, "org": org, "caller": sender, "quantity": quantity}
            facts.append(("UnitsConsumed", told | {"consumed": total}))
        facts += self._overdrawn("units", licence, total - t.units, org, sender)
        return self._happened(no, *facts)

    # Checks

    def _checkout(
        self, no: Objections, licence: int, borrow_for: int, account: str, caller: str, digest: bytes
    ) -> list[Fact]:
        it = self._known(no, licence)
        org = self.consortium.authorize(no, account, 0)
        self._of(no, licence, account, org)
        self._in_force(no, licence)
        t, now, until = it.terms, self.now, 0
        if borrow_for:
            no.when(borrow_for > t.borrow_hours, "BorrowTooLong", borrow_for, t.borrow_hours)
            until = now + borrow_for * HOUR
            until += -until % HOUR
            no.when(until > t.end, "BorrowOutlasts", licence, until, t.end)
        mine = len(self.ledger.taken(licence, now, account))
        no.when(mine >= t.seats_per_user, "UserMaximum", licence, account, t.seats_per_user)
        used, most = len(self.ledger.taken(licence, now)), t.seats + t.seat_overdraft
        no.when(used >= most, "AllSeatsInUse", licence, used, most)
        no.settle()
        numbers = (n for n in range(EIGHT) if self.ledger.seats.get((licence, account, n), 0) <= now)
        who = {"licence": licence, "org": org, "account": account, "caller": caller}
        what = {"seat": next(numbers), "since": now, "until": until, "used": used + 1, "digest": digest}
        over = self._overdrawn("seats", licence, used + 1 - t.seats, org, account)
        return self._happened(no, ("CheckedOut", who | what), *over)

    def _checkin(
        self, no: Objections, licence: int, account: str, seat: int, by: str, caller: str, digest: bytes
    ) -> list[Fact]:
        out = self.now < self.ledger.seats.get((licence, account, seat), 0)
        no.when(not out, "NotCheckedOut", licence, account, seat)
        org, _ = self.consortium.ledger.accounts.get(by, (0, 0))
        who = {"licence": licence, "org": org, "account": account, "caller": caller}
        return self._happened(no, ("CheckedIn", who | {"seat": seat, "time": self.now, "digest": digest}))

    def _overdrawn(self, what: str, licence: int, over: int, org: int, account: str) -> list[Fact]:
        """The report, and for the first one of a period the alert."""
        if over <= 0:
            return []
        it = self.ledger.licences[licence]
        period = (self.now - it.terms.start) // PERIOD + 1
        who = {"licence": licence, "org": org, "account": account}
        facts: list[Fact] = [(f"{what.title()}Overdrawn", who | {"over": over, "period": period})]
        if self.ledger.reported.get((licence, what)) != period:
            owner = self.twins.ledger.twins[it.design].owner
            alert = {"subject": it.design, "code": OVERDRAFT, "org": owner, "severity": MINOR}
            facts.append(("Alert", alert | {"ref": licence.to_bytes(32, "big")}))
        return facts

    def _standing(self, it: Licence) -> Outcome:
        if it.revoked:
            return Outcome.REVOKED
        if it.issued < self.ledger.superseded(it.design, it.licensee)[0]:
            return Outcome.SUPERSEDED
        return judge(0, 1, 0, self.now, it.terms.start, it.terms.end)

    def _in_force(self, no: Objections, licence: int) -> None:
        it, now = self.ledger.licences[licence], self.now
        match self._standing(it):
            case Outcome.REVOKED:
                no.when(True, "Revoked", licence)
            case Outcome.SUPERSEDED:
                no.when(True, "SupersededBy", licence, self.ledger.superseded(it.design, it.licensee)[1])
            case Outcome.NOT_STARTED:
                no.when(True, "NotStarted", licence, it.terms.start, now)
            case Outcome.EXPIRED:
                no.when(True, "Expired", licence, it.terms.end, now)

    def _signed(
        self, no: Objections, message: SeatRequest | SeatReturn, signer: bytes, signature: bytes
    ) -> bytes:
        digest = self.digests[message]
        no.when(self.now > message.deadline, "DeadlinePassed", digest, message.deadline, self.now)
        no.when(digest in self.ledger.used, "AlreadyUsed", digest)
        no.when(self.signatures.get(signature) != (signer, digest), "InvalidSeatSignature", digest, signer)
        return digest

    def _known(self, no: Objections, licence: int) -> Licence:
        if licence not in self.ledger.licences:
            no.final("UnknownLicence", licence)
        return self.ledger.licences[licence]

    def _of(self, no: Objections, licence: int, account: str, org: int) -> None:
        licensee = self.ledger.licences[licence].licensee
        guest = account == self.ledger.user(licence, self.now)
        no.when(org != licensee and not guest, "NotLicensee", licence, org, licensee)

    def _may_speak(self, licence: int, account: str) -> bool:
        no = Objections()
        try:
            org = self.consortium.authorize(no, account, 0)
            self._of(no, licence, account, org)
            no.settle()
        except Refused:
            return False
        return True

    def _licensee(self, no: Objections, licence: int, sender: str) -> int:
        org = self.consortium.authorize(no, sender, Duty.FINANCE)
        licensee = self.ledger.licences[licence].licensee
        no.when(org != licensee, "NotLicensee", licence, org, licensee)
        return org

    def _licensor(self, no: Objections, design: bytes, sender: str) -> int:
        org = self.consortium.authorize(no, sender, Duty.FINANCE)
        twin = self.twins.ledger.twins.get(design)
        owner = twin.owner if twin else 0
        no.when(org != owner, "NotLicensor", design, org, owner)
        return org

    def _organisation(self, no: Objections, org: int) -> None:
        no.when(org not in self.consortium.ledger.orgs, "NotAnOrganisation", org)

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.ledger.apply(fact)
        return list(facts)
