"""The model of `Challenges`, written from IChallenges: who vouches for a device, who doubts it, and who pays.

What is true of segments and devices it is told (`Segments`); what it decides is money, and what follows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from eth_utils.crypto import keccak

from tests.models.rules import Fact, Objections
from tests.models.segments import Frame, Reading, Segment
from tests.support.world import DAY

MAX_OPEN = 16
DEMAND_WINDOW = 30 * DAY
ANSWER_WINDOW = 3 * DAY
NOTICE_PERIOD = 45 * DAY
NOBODY = "0x" + 40 * "0"
NONE, FALSE_SUMMARY, CONTRADICTION, EQUIVOCATION, WITHHELD = range(5)


@dataclass
class Segments:
    """What Telemetry, Devices and Twins know."""

    telemetry: str
    anchored: dict[bytes, tuple[Segment, list[Reading]]] = field(default_factory=dict)
    """By digest, with the readings in its tree."""
    digests: dict[Segment, bytes] = field(default_factory=dict)
    false: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    """Who proved it, and how."""
    keys: set[bytes] = field(default_factory=set)
    """Devices that can sign."""
    owners: dict[bytes, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    """Organisation of each account with the duty ANCHOR."""
    module: int = 0
    """The organisation of the contract."""


@dataclass
class Bond:
    """As `IChallenges.Bond`."""

    account: str = NOBODY
    since: int = 0
    notice_at: int = 0
    beneficiary: str = NOBODY
    price: int = 0
    amount: int = 0


class Demand(NamedTuple):
    """As `IChallenges.Demand`."""

    by: str = NOBODY
    price: int = 0
    until: int = 0
    of_beneficiary: bool = False


Key = tuple[bytes, int]
Asked = tuple[bytes, int, int]


@dataclass
class Challenges:
    """The rules and the state."""

    address: str
    segments: Segments
    now: int
    tokens: Counter[str] = field(default_factory=Counter)
    bonds: dict[Key, Bond] = field(default_factory=dict)
    demands: dict[Asked, Demand] = field(default_factory=dict)
    credits: Counter[str] = field(default_factory=Counter)

    # Bonds

    def bond(self, device: bytes, amount: int, beneficiary: str, price: int, *, sender: str) -> list[Fact]:
        no, known = Objections(), self.segments
        org, owner = known.accounts[sender], known.owners[device]
        no.when(org != owner, "NotDeviceOwner", device, org, owner)
        no.when(self.of(device, org).since != 0, "AlreadyBonded", device, org)
        self._none_open(no, device, org)
        no.when(not 0 < price <= amount // 4, "InvalidTerms", amount, price)
        no.when(beneficiary in (NOBODY, sender), "InvalidBeneficiary", beneficiary)
        moved = self._pull(no, sender, amount)
        no.settle()
        self.bonds[device, org] = Bond(sender, self.now, 0, beneficiary, price, amount)
        told = {"device": device, "org": org, "beneficiary": beneficiary, "account": sender}
        return [("Bonded", told | {"amount": amount, "price": price, "since": self.now}), moved()]

    def raiseBond(self, device: bytes, org: int, amount: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        bond = self._standing(no, device, org)
        moved = self._pull(no, sender, amount)
        no.settle()
        bond.amount += amount
        return [("BondRaised", {"device": device, "org": org, "caller": sender, "amount": amount}), moved()]

    def giveNotice(self, device: bytes, org: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        bond = self._own(no, device, org, sender)
        no.when(bond.notice_at != 0, "AlreadyGiven", bond.notice_at)
        no.settle()
        bond.notice_at = self.now
        return [("NoticeGiven", {"device": device, "org": org, "account": sender, "noticeAt": self.now})]

    def withdrawBond(self, device: bytes, org: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        bond = self._own(no, device, org, sender)
        until = bond.notice_at + NOTICE_PERIOD if bond.notice_at else 0
        no.when(until == 0 or self.now < until, "NotYet", until)
        self._none_open(no, device, org)
        no.settle()
        del self.bonds[device, org]
        told = {"device": device, "org": org, "account": sender, "amount": bond.amount}
        return [("BondWithdrawn", told), self._push(sender, bond.amount)]

    def withdrawCredit(self, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        amount = self.credits[sender]
        no.when(amount == 0, "NoCredit", sender)
        no.settle()
        del self.credits[sender]
        return [("CreditWithdrawn", {"account": sender, "amount": amount}), self._push(sender, amount)]

    # Consequences

    def settle(self, segment: Segment, org: int, *, sender: str) -> list[Fact]:
        no, known = Objections(), self.segments
        digest = self._anchored(no, segment)
        if digest not in known.false:
            no.final("NotFalsified", digest)
        by, lie = known.false[digest]
        device, end = segment.device, Frame.of(segment.frame).end
        covered = 0 < self.of(device, org).since <= end
        revoked = lie != WITHHELD and device in known.keys
        no.when(not covered and not revoked, "NoConsequence", digest, org)
        no.settle()
        facts = [self._lose(device, org, digest, by)] if covered else []
        if revoked:
            known.keys.remove(device)
            told = {"device": device, "org": known.module, "caller": self.address, "reason": digest}
            facts.append(("DeviceRevoked", told))
        return facts

    # Demands

    def demand(self, segment: Segment, index: int, org: int, *, sender: str) -> list[Fact]:
        no = Objections()
        digest = self._anchored(no, segment)
        frame = Frame.of(segment.frame)
        no.when(index >= frame.count, "NoSuchReading", index, frame.count)
        bond = self._standing(no, segment.device, org)
        until = frame.end + DEMAND_WINDOW
        if bond.notice_at:
            until = min(until, bond.notice_at + NOTICE_PERIOD - ANSWER_WINDOW)
        outside = frame.end < bond.since or self.now > until
        no.when(outside, "OutsideBond", frame.end, bond.since, until)
        asked = digest, index, org
        no.when(asked in self.demands, "AlreadyDemanded", digest, index)
        of_beneficiary = sender == bond.beneficiary
        open_ = self.open(segment.device, org)[of_beneficiary]
        no.when(open_ >= MAX_OPEN, "TooManyDemands", open_)
        moved = self._pull(no, sender, bond.price)
        no.settle()
        self.demands[asked] = Demand(sender, bond.price, self.now + ANSWER_WINDOW, of_beneficiary)
        told = {"device": segment.device, "digest": digest, "org": org, "index": index, "by": sender}
        return [("Demanded", told | {"price": bond.price, "until": self.now + ANSWER_WINDOW}), moved()]

    def answer(
        self, segment: Segment, org: int, reading: tuple[int, int, int], way: Any, *, sender: str
    ) -> list[Fact]:
        """`way` is that of the reading with this index."""
        no = Objections()
        digest, asked = self._asked(no, segment, reading[0], org)
        demand = self.demands[asked]
        no.when(self.now > demand.until, "TooLate", demand.until)
        _, readings = self.segments.anchored[digest]
        no.when(reading[1:] != readings[reading[0]], "NotInSegment", reading[0])
        no.settle()
        del self.demands[asked]
        account = self.of(segment.device, org).account
        self.credits[account] += demand.price
        told = {"device": segment.device, "digest": digest, "org": org, "reading": reading}
        return [("Answered", told | {"account": account, "caller": sender})]

    def claimWithheld(self, segment: Segment, index: int, org: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no, known = Objections(), self.segments
        digest, asked = self._asked(no, segment, index, org)
        demand = self.demands[asked]
        no.when(self.now <= demand.until, "TooEarly", demand.until)
        no.settle()
        del self.demands[asked]
        self.credits[demand.by] += demand.price
        device = segment.device
        told: dict[str, Any] = {"device": device, "digest": digest, "org": org, "index": index}
        facts: list[Fact] = [("Withheld", told | {"by": demand.by, "price": demand.price})]
        if self.of(device, org).since:
            facts.append(self._lose(device, org, digest, demand.by))
        if known.owners[device] == org and digest not in known.false:
            known.false[digest] = demand.by, WITHHELD
            about = {"device": device, "subject": segment.subject, "digest": digest, "lie": WITHHELD}
            facts.append(("SegmentFalsified", about | {"by": demand.by, "caller": self.address}))
            alert = {"subject": segment.subject, "code": keccak(text="FALSIFIED")[:4], "org": 0}
            facts.append(("Alert", alert | {"severity": 3, "ref": digest}))
        return facts

    # What is asked

    def of(self, device: bytes, org: int) -> Bond:
        """A bond, or none."""
        return self.bonds.get((device, org), Bond())

    def open(self, device: bytes, org: int) -> tuple[int, int]:
        """Demands that wait for an answer: of others, and of the beneficiary."""
        own = [
            demand.of_beneficiary
            for (digest, _, of), demand in self.demands.items()
            if of == org and self.segments.anchored[digest][0].device == device
        ]
        return own.count(False), own.count(True)

    def bond_view(self, device: bytes, org: int) -> tuple[Any, ...]:
        """What `bondOf` returns."""
        bond = self.of(device, org)
        times = bond.account, bond.since, bond.notice_at
        return (*times, *self.open(device, org), bond.beneficiary, bond.price, bond.amount)

    def obligations(self) -> int:
        """What the contract owes: as many tokens must it have."""
        owed = sum(bond.amount for bond in self.bonds.values()) + sum(self.credits.values())
        return owed + sum(demand.price for demand in self.demands.values())

    # How it is done

    def _standing(self, no: Objections, device: bytes, org: int) -> Bond:
        bond = self.of(device, org)
        if not bond.since:
            no.final("NotBonded", device, org)
        return bond

    def _own(self, no: Objections, device: bytes, org: int, sender: str) -> Bond:
        bond = self._standing(no, device, org)
        no.when(sender != bond.account, "NotBondAccount", sender, bond.account)
        return bond

    def _none_open(self, no: Objections, device: bytes, org: int) -> None:
        count = sum(self.open(device, org))
        no.when(count != 0, "DemandsOpen", count)

    def _anchored(self, no: Objections, segment: Segment) -> bytes:
        digest = self.segments.digests[segment]
        if digest not in self.segments.anchored:
            no.final("NotAnchored", digest)
        return digest

    def _asked(self, no: Objections, segment: Segment, index: int, org: int) -> tuple[bytes, Asked]:
        digest = self.segments.digests[segment]
        if (digest, index, org) not in self.demands:
            no.final("NotDemanded", digest, index)
        return digest, (digest, index, org)

    def _lose(self, device: bytes, org: int, digest: bytes, by: str) -> Fact:
        bond = self.bonds[device, org]
        reward = bond.amount // 4
        damages = bond.amount - reward
        self.credits[by] += reward
        self.credits[bond.beneficiary] += damages
        bond.since = bond.notice_at = bond.amount = 0
        told = {"device": device, "org": org, "digest": digest, "by": by, "reward": reward}
        return "BondLost", told | {"beneficiary": bond.beneficiary, "damages": damages}

    def _pull(self, no: Objections, sender: str, amount: int) -> Any:
        has = self.tokens[sender]
        no.when(has < amount, "ERC20InsufficientBalance", sender, has, amount)

        def moved() -> Fact:
            self.tokens[sender] -= amount
            self.tokens[self.address] += amount
            return "Transfer", {"from": sender, "to": self.address, "value": amount}

        return moved

    def _push(self, to: str, amount: int) -> Fact:
        self.tokens[self.address] -= amount
        self.tokens[to] += amount
        return "Transfer", {"from": self.address, "to": to, "value": amount}
