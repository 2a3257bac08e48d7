"""The model of `BatchRelease`, written from IBatchRelease and 21 CFR 211.

Whether a batch may be released is asked of all that can speak against it at once; the contract names the
first.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from fractions import Fraction
from typing import Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models.compliance import NOBODY, PAGE, ZERO, Compliance, Status
from tests.models.consortium import account_of
from tests.models.rules import Fact, Objections
from tests.support.words import Duty, EndOfLife, Kind, Role
from tests.support.world import NO_EVENT

ONE = 10**6
DOMAIN_TYPE = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
DECISION_TYPE = keccak(
    text="Decision(bytes32 caseId,bool release,bytes32 record,uint32 seen,bytes32 signerName,uint40 deadline)"
)


class State(IntEnum):
    """`IBatchRelease.State`."""

    NONE = 0
    OPEN = 1
    RELEASED = 2
    REJECTED = 3
    WITHDRAWN = 4


class Cause(IntEnum):
    """`IBatchRelease.Cause`."""

    NONE = 0
    NOT_OPEN = 1
    STEP = 2
    OWN_STEP = 3
    NOT_EXAMINED = 4
    DEVIATION = 5
    NO_YIELD = 6
    YIELD_RECORD = 7
    OWN_YIELD = 8
    HELD = 9
    RECALLED = 10
    EXPIRED = 11
    ENDED = 12


class Master(NamedTuple):
    """`IBatchRelease.Master`."""

    theoretical: int = 0
    lowest: int = 0
    highest: int = 0


class Decision(NamedTuple):
    """`IBatchRelease.Decision`."""

    case_id: bytes
    release: bool
    record: bytes
    seen: int
    signer_name: bytes
    deadline: int

    def digest(self, contract: str, chain_id: int) -> bytes:
        """What is signed, for that contract on that chain."""
        names = keccak(text="Goldthread BatchRelease"), keccak(text="1")
        domain = encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"], [DOMAIN_TYPE, *names, chain_id, contract]
        )
        kinds = ["bytes32", "bytes32", "bool", "bytes32", "uint32", "bytes32", "uint40"]
        return keccak(b"\x19\x01" + keccak(domain) + keccak(encode(kinds, [DECISION_TYPE, *self])))


@dataclass(frozen=True)
class Deviation:
    record: bytes
    investigation: bytes = ZERO


@dataclass(frozen=True)
class Batch:
    subject: bytes
    org: int
    is_lot: bool
    state: State = State.OPEN
    deviations: tuple[Deviation, ...] = ()
    actual: int = 0
    yield_record: bytes = ZERO

    @property
    def open_deviations(self) -> int:
        return sum(1 for one in self.deviations if one.investigation == ZERO)


@dataclass
class BatchLedger:
    """What the events of a BatchRelease contract add up to."""

    masters: dict[bytes, Master] = field(default_factory=dict)
    batches: dict[bytes, Batch] = field(default_factory=dict)
    examined: dict[tuple[bytes, str], tuple[int, int, int]] = field(default_factory=dict)

    def apply(self, fact: Fact) -> None:
        name, a = fact
        if name == "MasterSet":
            self.masters[a["programme"]] = Master(a["theoretical"], a["lowest"], a["highest"])
            return
        case_id = a["caseId"]
        if name == "BatchOpened":
            self.batches[case_id] = Batch(a["subject"], a["org"], a["isLot"])
            return
        batch = self.batches[case_id]
        match name:
            case "DeviationOpened":
                batch = replace(batch, deviations=(*batch.deviations, Deviation(a["record"])))
            case "DeviationClosed" | "DeviationReopened":
                found = list(batch.deviations)
                now = a["investigation"] if name == "DeviationClosed" else ZERO
                found[a["number"] - 1] = replace(found[a["number"] - 1], investigation=now)
                batch = replace(batch, deviations=tuple(found))
            case "YieldReported":
                batch = replace(batch, actual=a["actual"], yield_record=a["record"])
            case "BatchReleased":
                batch = replace(batch, state=State.RELEASED)
            case "BatchRejected":
                batch = replace(batch, state=State.REJECTED)
            case "ReleaseWithdrawn":
                batch = replace(batch, state=State.WITHDRAWN)
            case "StepsExamined":
                self.examined[case_id, a["signer"]] = a["seen"], a["edition"], a["until"]
            case _:
                raise LookupError(f"the ledger does not know the event {name}")
        self.batches[case_id] = batch

    def case_of(self, subject: bytes) -> bytes:
        return next((case for case, batch in self.batches.items() if batch.subject == subject), ZERO)

    def view(self, case_id: bytes) -> dict[str, Any]:
        b = self.batches[case_id]
        facts = {"subject": b.subject, "org": b.org, "state": b.state, "isLot": b.is_lot}
        counts = {"deviations": len(b.deviations), "openDeviations": b.open_deviations}
        return {**facts, **counts, "actual": b.actual, "yieldRecord": b.yield_record}

    def copy(self) -> BatchLedger:
        return BatchLedger(dict(self.masters), dict(self.batches), dict(self.examined))


class BatchRelease:
    """The rules. `address` is the contract's, `number` that of its organisation, a regulator."""

    def __init__(self, address: str, number: int, ledger: BatchLedger, compliance: Compliance) -> None:
        self.address = address
        self.number = number
        self.ledger = ledger
        self.compliance = compliance
        self.papers = compliance.papers
        self.lots = compliance.lots
        self.twins = compliance.twins
        self.consortium = compliance.consortium
        self.digests: dict[Decision, bytes] = {}
        self.signatures: dict[bytes, tuple[bytes, bytes]] = {}
        """Signer and digest of every signature that was really made."""

    @property
    def now(self) -> int:
        return self.consortium.now

    # What speaks against a release

    def obstacles(self, case_id: bytes, signer: str) -> list[tuple[Cause, int]]:
        """Everything, in the order of `Cause`."""
        batch = self.ledger.batches.get(case_id)
        if batch is None or batch.state != State.OPEN:
            return [(Cause.NOT_OPEN, batch.state if batch else 0)]
        found = self._step_obstacles(case_id, signer)
        if batch.open_deviations:
            found.append((Cause.DEVIATION, batch.open_deviations))
        if batch.yield_record == ZERO:
            found.append((Cause.NO_YIELD, 0))
        elif not self.papers.complete(batch.yield_record):
            found.append((Cause.YIELD_RECORD, 0))
        elif signer == self.papers.author(batch.yield_record)[0]:
            found.append((Cause.OWN_YIELD, 0))
        return found + self._held_back(batch, {(self.number, case_id)})

    def _step_obstacles(self, case_id: bytes, signer: str) -> list[tuple[Cause, int]]:
        case = self.compliance.ledger.cases[case_id]
        unmet = self.compliance.missing(case_id)
        own = self.compliance.own(case_id, signer)
        first = 0
        if len(case.steps) > PAGE:
            seen, edition, until = self.ledger.examined.get((case_id, signer), (-1, -1, -1))
            now = self.papers.counts[case.subject], case.edition
            if (seen, edition) != now or self.now > until:
                return [(Cause.NOT_EXAMINED, 0)]
            # What was found good, and was not touched since, is good.
            assert not {i for i in unmet | own if i < PAGE}
            first = PAGE
        page = {i for i in unmet | own if first <= i < first + PAGE}
        return [(Cause.STEP if i in unmet else Cause.OWN_STEP, i) for i in sorted(page)[:1]]

    def _held_back(self, batch: Batch, but: set[tuple[int, bytes]]) -> list[tuple[Cause, int]]:
        """What speaks against the lot or container itself, apart from these holds."""
        found = []
        if batch.is_lot:
            lot = self.lots.ledger.lots[batch.subject]
            if others := lot.holds - but:
                found.append((Cause.HELD, len(others)))
            if lot.recalls:
                found.append((Cause.RECALLED, len(lot.recalls)))
            if lot.expiry and self.now > lot.expiry:
                found.append((Cause.EXPIRED, lot.expiry))
            return found
        twin = self.twins.ledger.twins[batch.subject]
        if twin.end != EndOfLife.NONE:
            return [(Cause.ENDED, twin.end)]
        holds = len(set(twin.holds) - but) + self.twins.ledger.held_inside(batch.subject)
        return [(Cause.HELD, holds)] if holds else []

    def obstacle(self, case_id: bytes, signer: str) -> tuple[Cause, int]:
        return next(iter(self.obstacles(case_id, signer)), (Cause.NONE, 0))

    def is_released(self, subject: bytes) -> bool:
        batch = self.ledger.batches.get(self.ledger.case_of(subject))
        return batch is not None and batch.state == State.RELEASED and not self._held_back(batch, set())

    # What can be done

    def setMaster(self, programme: bytes, master: Master, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        known = self.compliance.ledger.programmes.get(programme)
        owner = known.org if known else 0
        no.when(org != owner, "NotProgrammeOwner", programme, org, owner)
        no.when(programme in self.ledger.masters, "MasterAlreadySet", programme)
        no.when(not master.theoretical or master.lowest > master.highest, "WrongMaster", *master)
        fact = {"programme": programme, "org": org, "caller": sender, **master._asdict()}
        return self._happened(no, ("MasterSet", fact))

    def openBatch(self, case_id: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        case = self.compliance.ledger.cases.get(case_id)
        if case is None or case.org != org:
            no.final("NotCaseOwner", case_id, org, case.org if case else 0)
        no.when(case.programme not in self.ledger.masters, "NoMaster", case.programme)
        lot, twin = self.lots.ledger.lots.get(case.subject), self.twins.ledger.twins.get(case.subject)
        is_lot = lot is not None and lot.maker == org
        container = twin is not None and twin.kind == Kind.CONTAINER and twin.owner == org
        no.when(not is_lot and not container, "NotABatch", case.subject)
        other = self.ledger.case_of(case.subject)
        no.when(other != ZERO, "AlreadyABatch", case.subject, other)
        no.settle()
        fact = {"caseId": case_id, "org": org, "subject": case.subject, "caller": sender, "isLot": is_lot}
        held = self._hold(case.subject, case_id, is_lot)
        return [*self._happened(no, ("BatchOpened", fact)), *held]

    def openDeviation(self, case_id: bytes, record: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        batch, org = self._open(no, case_id, sender, Duty.RECORD)
        self._about(no, record, batch.subject)
        return self._happened(no, self._deviates(case_id, batch, org, record, sender))

    def closeDeviation(  # noqa: N802
        self, case_id: bytes, number: int, investigation: bytes, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        batch, org = self._open(no, case_id, sender, Duty.QUALITY)
        known = 1 <= number <= len(batch.deviations)
        is_open = known and batch.deviations[number - 1].investigation == ZERO
        no.when(not is_open, "NoSuchDeviation", case_id, number)
        self._about(no, investigation, batch.subject)
        no.when(not self.papers.complete(investigation), "RecordIncomplete", investigation)
        no.when(self.papers.author(investigation)[0] == sender, "OwnRecord", investigation, sender)
        fact = {"caseId": case_id, "org": org, "number": number, "caller": sender}
        return self._happened(no, ("DeviationClosed", fact | {"investigation": investigation}))

    def reopenDeviation(self, case_id: bytes, number: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        batch = self._undecided(no, case_id)
        known = 1 <= number <= len(batch.deviations)
        investigation = batch.deviations[number - 1].investigation if known else ZERO
        if investigation == ZERO:
            no.final("NoSuchDeviation", case_id, number)
        no.when(self.papers.complete(investigation), "InvestigationHolds", case_id, number, investigation)
        fact = {"caseId": case_id, "org": batch.org, "number": number, "caller": sender}
        return self._happened(no, ("DeviationReopened", fact | {"investigation": investigation}))

    def reportYield(self, case_id: bytes, actual: int, record: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        batch, org = self._open(no, case_id, sender, Duty.RECORD)
        self._about(no, record, batch.subject)
        no.when(not self.papers.complete(record), "RecordIncomplete", record)
        no.when(batch.yield_record == record, "YieldAlreadyReported", case_id, record)
        no.settle()
        master = self.ledger.masters[self.compliance.ledger.cases[case_id].programme]
        share = Fraction(actual * ONE, master.theoretical)
        outside = not master.lowest <= share <= master.highest
        fact = {"caseId": case_id, "org": org, "record": record, "caller": sender, "actual": actual}
        fact |= {"theoretical": master.theoretical, "yield": int(share), "outside": outside}
        facts: list[Fact] = [("YieldReported", fact)]
        if outside:
            facts.append(self._deviates(case_id, batch, org, record, sender))
        return self._happened(no, *facts)

    def examineFirst(self, case_id: bytes, signer: str, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        batch = self._undecided(no, case_id)
        case = self.compliance.ledger.cases[case_id]
        no.when(len(case.steps) <= PAGE, "OnePage", case_id)
        is_open, index, status, until = self.compliance.examine(case_id, 0, signer)
        cause = Cause.OWN_STEP if status == Status.ACCEPTED else Cause.STEP
        no.when(is_open, "NotReleasable", case_id, cause, index)
        fact = {"caseId": case_id, "signer": signer, "caller": sender}
        fact |= {"seen": self.papers.counts[batch.subject], "edition": case.edition, "until": until}
        return self._happened(no, ("StepsExamined", fact))

    def decide(self, decision: Decision, *, sender: str) -> list[Fact]:
        return self._decide(Objections(), decision, sender, sender, ZERO)

    def decideSigned(  # noqa: N802
        self, decision: Decision, signer: bytes, signature: bytes, *, sender: str
    ) -> list[Fact]:
        no, digest = Objections(), self.digests[decision]
        no.when(self.signatures.get(signature) != (signer, digest), "InvalidDecision", digest, signer)
        return self._decide(no, decision, account_of(signer), sender, digest)

    def _decide(
        self, no: Objections, decision: Decision, signer: str, caller: str, digest: bytes
    ) -> list[Fact]:
        case_id = decision.case_id
        org = self.consortium.authorize(no, signer, Duty.QUALITY)
        batch = self._undecided(no, case_id)
        no.when(org != batch.org, "NotCaseOwner", case_id, org, batch.org)
        no.when(self.now > decision.deadline, "DeadlinePassed", case_id, decision.deadline, self.now)
        current = self.papers.counts[batch.subject]
        no.when(decision.seen != current, "RecordsMoved", case_id, decision.seen, current)
        fact = {"caseId": case_id, "org": org, "subject": batch.subject, "signer": signer, "caller": caller}
        fact |= {"record": decision.record, "seen": current}
        fact |= {"signerName": decision.signer_name, "digest": digest}
        if not decision.release:
            no.when(decision.record == ZERO, "NoReason", case_id)
            return self._happened(no, ("BatchRejected", fact))
        cause, detail = self.obstacle(case_id, signer)
        no.when(cause != Cause.NONE, "NotReleasable", case_id, cause, detail)
        told = self._happened(no, ("BatchReleased", fact))
        module = self.lots.releaseLot if batch.is_lot else self.twins.release
        return [*told, *module(batch.subject, self.number, case_id, NO_EVENT, sender=self.address)]

    def withdraw(self, case_id: bytes, record: bytes, *, sender: str) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        batch = self.ledger.batches.get(case_id)
        if batch is None or batch.state != State.RELEASED:
            no.final("WrongState", case_id, batch.state if batch else 0)
        may = org == batch.org or self.consortium.has_role(org, Role.REGULATOR)
        no.when(not may, "MayNotWithdraw", case_id, org)
        no.when(record == ZERO, "NoReason", case_id)
        fact = {"caseId": case_id, "org": org, "subject": batch.subject, "caller": sender}
        told = self._happened(no, ("ReleaseWithdrawn", fact | {"record": record}))
        if not batch.is_lot and self.twins.ledger.twins[batch.subject].end != EndOfLife.NONE:
            return told
        return [*told, *self._hold(batch.subject, case_id, batch.is_lot)]

    # What the rules share

    def _open(self, no: Objections, case_id: bytes, sender: str, duty: Duty) -> tuple[Batch, int]:
        org = self.consortium.authorize(no, sender, duty)
        batch = self._undecided(no, case_id)
        no.when(org != batch.org, "NotCaseOwner", case_id, org, batch.org)
        return batch, org

    def _undecided(self, no: Objections, case_id: bytes) -> Batch:
        batch = self.ledger.batches.get(case_id)
        if batch is None or batch.state != State.OPEN:
            no.final("WrongState", case_id, batch.state if batch else 0)
        return batch

    def _about(self, no: Objections, record: bytes, subject: bytes) -> None:
        found = self.papers.subject(record)
        no.when(found != subject, "OtherSubject", record, subject, found)

    def _deviates(self, case_id: bytes, batch: Batch, org: int, record: bytes, caller: str) -> Fact:
        number = len(batch.deviations) + 1
        fact = {"caseId": case_id, "org": org, "number": number, "caller": caller, "record": record}
        return "DeviationOpened", fact

    def _hold(self, subject: bytes, case_id: bytes, is_lot: bool) -> list[Fact]:
        if is_lot:
            return self.lots.holdLot(subject, case_id, NO_EVENT, sender=self.address)
        return self.twins.hold(subject, case_id, NO_EVENT, sender=self.address)

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.ledger.apply(fact)
        return list(facts)


__all__ = ["NOBODY", "BatchLedger", "BatchRelease", "Cause", "Decision", "Master", "State"]
