"""The model of `DeliveryExceptions`, written from IDeliveryExceptions and the schemas of the Partnership for
DSCSA Governance: a receiver requests, the deliverer replies, and the receiver closes the case.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

from tests.models.consortium import Consortium
from tests.models.rules import Fact, Objections
from tests.support.words import Duty
from tests.support.world import EventRef


class Wrong(IntEnum):
    """`IDeliveryExceptions.Kind`."""

    NONE = 0
    MISSING_PRODUCT = 1
    MISSING_DATA = 2
    OVERAGE = 3
    UNDERAGE = 4
    MISALIGNMENT = 5
    MASTER_DATA = 6
    OTHER = 7


class Resolution(IntEnum):
    """`IDeliveryExceptions.Resolution`."""

    NONE = 0
    SEND_NEW_DATA = 1
    SEND_PRODUCT = 2
    RETURN_PRODUCT = 3
    SEND_BACK_PRODUCT = 4
    CREDIT_ACCOUNT = 5
    DEBIT_ACCOUNT = 6


class CaseState(IntEnum):
    """`IDeliveryExceptions.CaseState`."""

    NONE = 0
    OPEN = 1
    COUNTERED = 2
    AGREED = 3
    REJECTED = 4
    RESOLVED = 5
    WITHDRAWN = 6


@dataclass(frozen=True)
class Case:
    org: int
    counterparty: int
    kind: Wrong
    quantity: int
    resolution: Resolution
    subject: bytes
    state: CaseState = CaseState.OPEN

    def view(self) -> tuple[int, int, Wrong, CaseState, Resolution, int]:
        """What `caseOf` returns."""
        return self.org, self.counterparty, self.kind, self.state, self.resolution, self.quantity


@dataclass(frozen=True)
class Step:
    """Who takes it, with which duty, in which states, and where it leads."""

    receiver: bool
    duty: Duty
    states: frozenset[CaseState]
    to: CaseState


def _receiver(to: CaseState, *states: CaseState) -> Step:
    return Step(True, Duty.RECEIVE, frozenset(states), to)


def _deliverer(to: CaseState) -> Step:
    return Step(False, Duty.SHIP, frozenset({CaseState.OPEN}), to)


UNSETTLED = (CaseState.OPEN, CaseState.COUNTERED, CaseState.AGREED, CaseState.REJECTED)
STEPS = {
    "accept": _deliverer(CaseState.AGREED),
    "reject": _deliverer(CaseState.REJECTED),
    "counter": _deliverer(CaseState.COUNTERED),
    "agree": _receiver(CaseState.AGREED, CaseState.COUNTERED),
    "insist": _receiver(CaseState.OPEN, CaseState.COUNTERED, CaseState.REJECTED),
    "resolve": _receiver(CaseState.RESOLVED, CaseState.AGREED),
    "withdraw": _receiver(CaseState.WITHDRAWN, *UNSETTLED),
}
COUNTED = (Wrong.MISSING_PRODUCT, Wrong.OVERAGE, Wrong.UNDERAGE)


@dataclass
class CasesLedger:
    """What the events of a DeliveryExceptions contract add up to."""

    cases: dict[int, Case] = field(default_factory=dict)

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "ExceptionRaised":
                parties = a["org"], a["counterparty"]
                what = Wrong(a["kind"]), a["quantity"], Resolution(a["requested"]), a["subject"]
                self.cases[a["id"]] = Case(*parties, *what)
            case "ExceptionMoved":
                moved = {"state": CaseState(a["state"]), "resolution": Resolution(a["resolution"])}
                self.cases[a["id"]] = replace(self.cases[a["id"]], **moved)
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def copy(self) -> CasesLedger:
        return CasesLedger(dict(self.cases))


class DeliveryExceptions:
    """The rules."""

    def __init__(self, ledger: CasesLedger, consortium: Consortium) -> None:
        self.ledger = ledger
        self.consortium = consortium

    def raise_(
        self,
        subject: bytes,
        counterparty: int,
        kind: Wrong,
        quantity: int,
        requested: Resolution,
        record: bytes,
        ref: EventRef,
        *,
        sender: str,
    ) -> list[Fact]:
        no = Objections()
        now, time = self.consortium.now, ref.stamp >> 24
        no.when(time > now, "EventInFuture", time, now)
        org = self.consortium.authorize(no, sender, Duty.RECEIVE)
        complete = Wrong.NONE not in (kind, requested) and counterparty not in (0, org)
        complete = complete and not (kind in COUNTED and quantity == 0)
        no.when(not complete, "IncompleteCase", kind, requested, counterparty, quantity)
        who = {"org": org, "counterparty": counterparty, "caller": sender}
        what = {"kind": kind, "quantity": quantity, "requested": requested, "record": record, "ref": ref}
        id_ = len(self.ledger.cases) + 1
        return self._happened(no, ("ExceptionRaised", {"id": id_, "subject": subject, **who, **what}))

    def accept(self, id_: int, record: bytes, *, sender: str) -> list[Fact]:
        return self._step("accept", id_, record, sender)

    def reject(self, id_: int, record: bytes, *, sender: str) -> list[Fact]:
        return self._step("reject", id_, record, sender)

    def counter(self, id_: int, other: Resolution, record: bytes, *, sender: str) -> list[Fact]:
        return self._step("counter", id_, record, sender, other)

    def agree(self, id_: int, record: bytes, *, sender: str) -> list[Fact]:
        return self._step("agree", id_, record, sender)

    def insist(self, id_: int, requested: Resolution, record: bytes, *, sender: str) -> list[Fact]:
        return self._step("insist", id_, record, sender, requested)

    def resolve(self, id_: int, record: bytes, *, sender: str) -> list[Fact]:
        return self._step("resolve", id_, record, sender)

    def withdraw(self, id_: int, record: bytes, *, sender: str) -> list[Fact]:
        return self._step("withdraw", id_, record, sender)

    def _step(
        self, name: str, id_: int, record: bytes, sender: str, resolution: Resolution | None = None
    ) -> list[Fact]:
        no, step = Objections(), STEPS[name]
        org = self.consortium.authorize(no, sender, step.duty)
        case = self.ledger.cases.get(id_)
        if case is None:
            no.final("UnknownCase", id_)
        turn = case.org if step.receiver else case.counterparty
        no.when(org != turn, "NotYourTurn", id_, org, turn)
        no.when(case.state not in step.states, "WrongCaseState", id_, case.state)
        new = case.resolution if resolution is None else resolution
        terms = case.kind, new, case.counterparty, case.quantity
        no.when(new == Resolution.NONE, "IncompleteCase", *terms)
        what = {"caller": sender, "state": step.to, "resolution": new, "record": record}
        return self._happened(
            no, ("ExceptionMoved", {"id": id_, "subject": case.subject, "org": org, **what})
        )

    def _happened(self, no: Objections, fact: Fact) -> list[Fact]:
        no.settle()
        self.ledger.apply(fact)
        return [fact]


# The contract's function has a name that no method can be written with.
setattr(DeliveryExceptions, "raise", DeliveryExceptions.raise_)
