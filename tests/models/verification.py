"""The model of `Verification`, written from IVerification and GS1 Lightweight Messaging 1.1.

`answer` says what a responder replies, from nothing but what is true of the unit. The ledger keeps the
reports one by one, where the contract has counters; the rules ask the model of Lots what is so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from eth_utils.crypto import keccak

from tests.models.lots import Lots
from tests.models.rules import Fact, Objections
from tests.models.trees import ZERO, leads_to, serial_leaf
from tests.support.words import Duty, EndOfLife, Role, UnitEnd
from tests.support.world import DAY, EventRef

MAX_REPORTS = 100
SUSPECT = keccak(text="SUSPECT")[:4]
MAJOR = 2


class Failure(IntEnum):
    """Why a product is not verified."""

    NONE = 0
    NO_MATCH_GTIN_SERIAL = 1
    NO_MATCH_GTIN_SERIAL_LOT_EXPIRY = 2
    NO_MATCH_GTIN_SERIAL_LOT = 3
    NO_MATCH_GTIN_SERIAL_EXPIRY = 4
    NO_REASON_PROVIDED = 5


class Info(IntEnum):
    """Additional information."""

    NONE = 0
    RECALLED = 1
    SUSPECT = 2


class Evidence(IntEnum):
    """What speaks against a unit."""

    NONE = 0
    UNKNOWN_SERIAL = 1
    WRONG_LOT_OR_EXPIRY = 2
    ALREADY_ENDED = 3
    HELD_ELSEWHERE = 4
    DUPLICATE_SCAN = 5


class Label(NamedTuple):
    """What the label says, as `IVerification.Label`."""

    unit: bytes
    lot: bytes
    expiry: int


class Place(NamedTuple):
    """Where the unit is in the maker's records, as `IVerification.Place`."""

    lot: bytes = ZERO
    index: int = 0
    proof: tuple[bytes, ...] = ()


NOWHERE = Place()


class Truth(NamedTuple):
    """What is true of a unit and its label."""

    known: bool
    lot: bool
    """The label names its lot."""
    expiry: bool
    """The label names its expiry."""
    recalled: bool
    held: bool
    ended: bool
    reported: bool


Answer = tuple[bool, Failure, Info]


def answer(is_: Truth) -> Answer:
    """What the responder replies."""
    if not is_.known:
        return False, Failure.NO_MATCH_GTIN_SERIAL, Info.SUSPECT if is_.reported else Info.NONE
    failure = {
        (True, True): Failure.NONE,
        (True, False): Failure.NO_MATCH_GTIN_SERIAL_EXPIRY,
        (False, True): Failure.NO_MATCH_GTIN_SERIAL_LOT,
        (False, False): Failure.NO_MATCH_GTIN_SERIAL_LOT_EXPIRY,
    }[is_.lot, is_.expiry]
    info = Info.SUSPECT if is_.held or is_.ended or is_.reported else Info.NONE
    return failure == Failure.NONE, failure, Info.RECALLED if is_.recalled else info


class Report(NamedTuple):
    """Who met what."""

    org: int
    evidence: Evidence


@dataclass
class VerificationLedger:
    """What the events of a Verification contract add up to."""

    open: dict[bytes, tuple[Report, ...]] = field(default_factory=dict)
    settled: Counter[bytes] = field(default_factory=Counter)
    days: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Reports by organisation and day."""

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "SuspectReported":
                report = Report(a["org"], Evidence(a["evidence"]))
                self.open[a["unit"]] = (*self.open.get(a["unit"], ()), report)
                self.days[a["org"], a["day"]] += 1
            case "SuspicionSettled":
                self.settled[a["unit"]] += len(self.open.pop(a["unit"]))
            case "Alert":
                pass
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def copy(self) -> VerificationLedger:
        return VerificationLedger(dict(self.open), Counter(self.settled), Counter(self.days))


class Verification:
    """The rules, and what the views say."""

    def __init__(self, ledger: VerificationLedger, lots: Lots) -> None:
        self.ledger = ledger
        self.lots = lots
        self.consortium = lots.consortium

    def report(
        self, label: Label, place: Place, evidence: Evidence, ref: EventRef, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        now, time = self.consortium.now, ref.stamp >> 24
        no.when(time > now, "EventInFuture", time, now)
        org = self.consortium.authorize(no, sender, Duty.RECEIVE)
        day = now // DAY
        no.when(self.ledger.days[org, day] >= MAX_REPORTS, "TooManyReports", org, day, MAX_REPORTS)
        if evidence == Evidence.NONE:
            no.final("NoEvidence", label.unit)
        is_ = self.truth(label, place)
        so = {
            Evidence.UNKNOWN_SERIAL: not is_.known,
            Evidence.WRONG_LOT_OR_EXPIRY: is_.known and not (is_.lot and is_.expiry),
            Evidence.ALREADY_ENDED: is_.known and is_.ended,
            Evidence.HELD_ELSEWHERE: is_.known,
            Evidence.DUPLICATE_SCAN: is_.known,
        }
        no.when(not so[evidence], "NotSo", label.unit, evidence)
        what = {"caller": sender, "evidence": evidence, "failure": answer(is_)[1], "day": day, "ref": ref}
        alert = {"subject": label.unit, "code": SUSPECT, "org": org, "severity": MAJOR, "ref": label.lot}
        reported = {"unit": label.unit, "org": org, "lot": label.lot, **what}
        return self._happened(no, ("SuspectReported", reported), ("Alert", alert))

    def settle(self, unit: bytes, place: Place, reason: bytes, genuine: bool, *, sender: str) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        reports = len(self.ledger.open.get(unit, ()))
        no.when(reports == 0, "NothingOpen", unit)
        maker = self._is_unit(unit, place) and self.lots.ledger.lots[place.lot].maker == org
        may = maker or self.consortium.has_role(org, Role.REGULATOR)
        no.when(not may, "MayNotSettle", unit, org)
        what = {"reason": reason, "caller": sender, "reports": reports, "genuine": genuine}
        return self._happened(no, ("SuspicionSettled", {"unit": unit, "org": org, **what}))

    def truth(self, label: Label, place: Place) -> Truth:
        """What the records say of the unit."""
        reported = bool(self.ledger.open.get(label.unit))
        if not self._is_unit(label.unit, place):
            return Truth(False, False, False, False, False, False, reported)
        lot = self.lots.ledger.lots[place.lot]
        _, _, end = self.lots.ledger.ending(place.lot, place.index)
        ended, held = end != UnitEnd.NONE, bool(lot.holds)
        if end == UnitEnd.MATERIALISED:
            twins = self.lots.twins.ledger
            ended = twins.twins[label.unit].end != EndOfLife.NONE
            held = held or bool(twins.cause(label.unit))
        same = label.lot == place.lot, label.expiry == lot.expiry
        return Truth(True, *same, bool(lot.recalls), held, ended, reported)

    def verifyProduct(self, label: Label, place: Place) -> Answer:  # noqa: N802
        return answer(self.truth(label, place))

    def _is_unit(self, unit: bytes, place: Place) -> bool:
        lot = self.lots.ledger.lots.get(place.lot)
        if lot is None or place.index >= lot.count:
            return False
        return leads_to(lot.root, serial_leaf(place.index, unit), place.proof)

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.ledger.apply(fact)
        return list(facts)
