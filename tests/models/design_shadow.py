"""DesignControl with its model, called side by side as in `Shadow`, over real records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from goldthread.audit import design_control as design_audit
from goldthread.audit.base import Difference
from goldthread.chain.logs import Event
from tests.models.design_control import (
    HELD_GATES,
    Approval,
    DesignControl,
    DesignLedger,
    Gate,
    Library,
)
from tests.models.module_shadows import asked, events_of
from tests.models.shadow import Point, Shadow
from tests.support import Node, decode_logs
from tests.support.contract import Sender
from tests.support.design import Design
from tests.support.signers import Signer


class DesignPoint(NamedTuple):
    """A moment to go back to."""

    shadow: Point
    ledger: DesignLedger
    library: Library


class DesignShadow(Shadow):
    """A world with a design."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.design = Design(self.world)
        self.contract = self.design.contract
        self.catch_up()
        self.model = DesignControl(DesignLedger(), Library(), self.twins)
        self.read_records()

    def read_records(self, first: int = 0) -> None:
        """What the records say by now, those in transactions from the `first` on."""
        self.model.library = self.model.library.copy()
        for receipt in self.recorder.receipts[first:]:
            for event in decode_logs(receipt):
                if event.address == self.world.records.address:
                    self.model.library.apply((event.name, event.args))

    def record(self, what: str = "evidence", **how: Any) -> bytes:
        """Write a record that the model knows of."""
        before = len(self.recorder.receipts)
        found = self.design.record(what, **how)
        self.read_records(before)
        return found

    def tell(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call DesignControl and its model; True if both did it."""
        return self._both(self.contract, self.model, function, args, sender)

    def sign(self, approval: Approval, signer: Signer) -> bytes:  # type: ignore[override]
        """A real signature, known to the model as one."""
        digest = approval.digest(self.contract.address, self.node.chain_id)
        signature = signer.sign(digest)
        self.model.digests[approval] = digest
        self.model.signatures[signature] = signer.name, approval
        return signature

    def point(self) -> DesignPoint:  # type: ignore[override]
        return DesignPoint(super().point(), self.model.ledger.copy(), self.model.library)

    def back_to(self, point: DesignPoint) -> None:  # type: ignore[override]
        super().back_to(point.shadow)
        self.model.ledger, self.model.library = point.ledger.copy(), point.library

    def check_file(self, design: bytes) -> None:
        """The views say what the graph says."""
        contract, file = self.contract, self.model.ledger.file(design)
        assert contract.projectOf(design) == file.view()
        assert contract.obstacleOf(design) == self.model.obstacle(design)
        assert contract.transferred(design) == (file.stage == Gate.TRANSFER)
        assert not any(file.holders(gate) for gate in HELD_GATES if gate <= file.stage)
        held = {gate: file.holders(gate) for gate in Gate}
        for item in file.graph:
            assert contract.itemOf(design, item) == file.row(item)
            for gate in HELD_GATES:
                assert contract.holds(design, item, gate) == (item in held[gate])
        for start, end, edge in file.graph.edges.data():
            facts = *edge["revisions"], edge["result"], edge["since"], edge["record"]
            assert contract.linkOf(design, start, end) == facts
            assert contract.isCurrent(design, start, end) == file.is_current(start, end)

    def replayed_files(self) -> DesignLedger:
        """What the logs of all transactions add up to."""
        ledger = DesignLedger()
        for event in events_of(self, "DesignControl", self.contract):
            ledger.apply((event.name, event.args))
        return ledger

    def check_all(self) -> None:
        """The logs alone lead to the state of the model, and to what the views show."""
        ledger = self.replayed_files()
        events = list(events_of(self, "DesignControl", self.contract))
        assert ledger == self.model.ledger
        for design, file in ledger.files.items():
            self.check_file(design)
            assert self.contract.formsOf(design) == file.forms
            for number, change in file.changes.items():
                assert self.contract.changeOf(design, number) == change.view
            for gate in Gate:
                assert self.contract.evidenceOf(design, gate) == file.evidence.get(gate, bytes(32))
            for account in file.authored:
                assert self.contract.authored(design, account) == file.bits(account)
                for gate in Gate:
                    free = not file.bits(account, gate)
                    assert self.contract.independent(design, gate, account) == free
        assert self.audit(events) == []

    def audit(self, events: Iterable[Event]) -> list[Difference]:
        """Where the package's own reading of the logs and the contract disagree."""
        return asked(self.contract, "DesignControl", design_audit.views(design_audit.rebuild(events)))
