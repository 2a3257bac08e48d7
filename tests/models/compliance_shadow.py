"""Compliance and BatchRelease with their models, called side by side as in `Shadow`.

What is written in Records is not judged here: the model takes over what its events say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from goldthread.audit import batch_release as batch_audit
from goldthread.audit import compliance as compliance_audit
from tests.models.batch_release import BatchLedger, BatchRelease, Cause, Decision
from tests.models.compliance import NOBODY, PAGE, Compliance, ComplianceLedger, Papers
from tests.models.lot_shadow import LotShadow
from tests.models.lots import LotsLedger
from tests.models.module_shadows import asked, events_of
from tests.models.shadow import Point
from tests.support import Node, decode_logs
from tests.support.contract import Sender
from tests.support.plant import Plant
from tests.support.signers import Signer


class CompliancePoint(NamedTuple):
    """A moment to go back to."""

    shadow: Point
    lots: LotsLedger
    papers: Papers
    compliance: ComplianceLedger
    batches: BatchLedger


class ComplianceShadow(LotShadow):
    """A plant, the models of its contracts, and the comparison of the two."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.plant = Plant.create(node, self.world)
        number = self.world.consortium.accountOf(self.world.batch_release.address).org
        papers = Papers()
        self.compliance = Compliance(ComplianceLedger(), papers, self.lots)
        address = self.world.batch_release.address
        self.batches = BatchRelease(address, number, BatchLedger(), self.compliance)
        self.catch_up()

    def tell(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Compliance and its model; True if both did it."""
        return self._both(self.world.compliance, self.compliance, function, args, sender)

    def batch(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call BatchRelease and its model; True if both did it."""
        return self._both(self.world.batch_release, self.batches, function, args, sender)

    def record(self, write: Callable[[], Any]) -> Any:
        """Write something in Records."""
        done = len(self.recorder.receipts)
        found = write()
        for receipt in self.recorder.receipts[done:]:
            self._read(receipt)
        return found

    def sign(self, decision: Decision, signer: Signer) -> bytes:  # type: ignore[override]
        """A real signature, known to the model as one."""
        digest = decision.digest(self.world.batch_release.address, self.node.chain_id)
        self.batches.digests[decision] = digest
        signature = signer.sign(digest)
        self.batches.signatures[signature] = signer.name, digest
        return signature

    def _read(self, receipt: Any) -> None:
        for event in decode_logs(receipt):
            if event.address == self.world.records.address:
                self.compliance.papers.apply((event.name, event.args))

    def catch_up(self) -> None:
        super().catch_up()
        if not hasattr(self, "batches"):
            return
        self.compliance.papers = self.batches.papers = Papers()
        for receipt in self.recorder.receipts:
            self._read(receipt)
        self.compliance.ledger, self.batches.ledger = self.replayed_cases()

    def replayed_cases(self) -> tuple[ComplianceLedger, BatchLedger]:
        """What the logs of both contracts add up to."""
        compliance, batches = ComplianceLedger(), BatchLedger()
        for event in events_of(self, "Compliance", self.world.compliance):
            compliance.apply((event.name, event.args))
        for event in events_of(self, "BatchRelease", self.world.batch_release):
            batches.apply((event.name, event.args))
        return compliance, batches

    def point(self) -> CompliancePoint:  # type: ignore[override]
        ledgers = self.compliance.papers.copy(), self.compliance.ledger.copy(), self.batches.ledger.copy()
        return CompliancePoint(super().point(), self.lots.ledger.copy(), *ledgers)

    def back_to(self, point: CompliancePoint) -> None:  # type: ignore[override]
        super().back_to(point.shadow)
        self.lots.ledger = point.lots.copy()
        self.compliance.papers = self.batches.papers = point.papers.copy()
        self.compliance.ledger = point.compliance.copy()
        self.batches.ledger = point.batches.copy()

    # Comparing

    def check_case(self, case: bytes, *people: str) -> None:
        """All views of a case, at this second."""
        self.consortium.now = self.node.timestamp
        contract, model = self.world.compliance, self.compliance
        count = len(model.ledger.cases[case].steps)
        missing, overdue = model.missing(case), model.overdue(case)
        for start in range(0, count + 1, PAGE):
            page = range(start, min(start + PAGE, count))
            assert contract.status(case, start) == [model.status(case, i) for i in page]
            assert contract.missing(case, start) == sum(1 << i for i in missing & set(page))
            assert contract.overdue(case, start) == sum(1 << i for i in overdue & set(page))
            for person in (NOBODY, *people):
                assert tuple(contract.examine(case, start, person)) == model.examine(case, start, person)
        for index in range(count):
            assert contract.statusOf(case, index) == model.status(case, index)
            assert contract.dueOf(case, index) == model.due(model.ledger.cases[case], index)

    def check_batch(self, case: bytes, *people: str) -> dict[str, tuple[Cause, int]]:
        """What speaks against a release by each of these, by contract and model alike."""
        self.consortium.now = self.node.timestamp
        contract, model = self.world.batch_release, self.batches
        found = {person: model.obstacle(case, person) for person in (NOBODY, *people)}
        for person, expected in found.items():
            assert tuple(contract.obstacle(case, person)) == expected
        if case in model.ledger.batches:
            subject = model.ledger.batches[case].subject
            assert contract.isReleased(subject) == model.is_released(subject)
        return found

    def check_all(self) -> None:
        """The logs alone lead to the state of the models, and to what the views show."""
        compliance, batches = self.replayed_cases()
        assert compliance == self.compliance.ledger
        assert batches == self.batches.ledger
        contract, ledger = self.world.compliance, self.compliance.ledger
        for programme in ledger.programmes:
            assert contract.programmeOf(programme)._asdict() == ledger.programme_view(programme)
        for case in ledger.cases:
            assert contract.caseOf(case)._asdict() == ledger.case_view(case)
            assert contract.decisionsOf(case)._asdict() == ledger.decisions_view(case)
        for case in batches.batches:
            assert self.world.batch_release.batchOf(case)._asdict() == batches.view(case)
        events = list(events_of(self, "Compliance", contract))
        found = compliance_audit.views(compliance_audit.rebuild(events))
        assert asked(contract, "Compliance", found) == []
        events = list(events_of(self, "BatchRelease", self.world.batch_release))
        found = batch_audit.views(batch_audit.rebuild(events))
        assert asked(self.world.batch_release, "BatchRelease", found) == []
