"""Lineage and Recalls with their models, called side by side, on top of `tests.models.lot_shadow`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from goldthread.audit import lineage as lineage_audit
from goldthread.audit import recalls as recalls_audit
from goldthread.audit.base import Difference, differences
from goldthread.chain.logs import Event
from tests.models import lineage as lineage_model
from tests.models.lineage import Lineage, LineageLedger, ancestors, chain
from tests.models.lot_shadow import LotShadow
from tests.models.lots import LotsLedger
from tests.models.recalls import Recalls, RecallsLedger, RecallState, reason_of
from tests.models.shadow import Point
from tests.support import Contract, Node, decode_logs
from tests.support.contract import Sender


class TracingPoint(NamedTuple):
    """A moment to go back to."""

    shadow: Point
    lots: LotsLedger
    lineage: LineageLedger
    recalls: RecallsLedger


class Tracing(LotShadow):
    """A world with lots and processes, the models of its contracts, and the comparison of the two."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        world = self.world
        self.lineage = Lineage(world.lineage.address, LineageLedger(), self.lots)
        number = world.consortium.accountOf(world.recalls.address).org
        self.recalls = Recalls(world.recalls.address, number, RecallsLedger(), self.lineage)
        self.catch_up()

    def trace(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Lineage and its model; True if both did it."""
        return self._both(self.world.lineage, self.lineage, function, args, sender)

    def recall(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Recalls and its model; True if both did it."""
        return self._both(self.world.recalls, self.recalls, function, args, sender)

    def catch_up(self) -> None:
        super().catch_up()
        if "recalls" in vars(self):
            self.lineage.ledger, self.recalls.ledger = self.replayed_tracing()

    def replayed_tracing(self) -> tuple[LineageLedger, RecallsLedger]:
        """What the logs of all transactions add up to."""
        found = LineageLedger(), RecallsLedger()
        contracts = self.world.lineage, self.world.recalls
        ledgers: dict[str, Any] = {c.address: ledger for c, ledger in zip(contracts, found, strict=True)}
        for receipt in self.recorder.receipts:
            for event in decode_logs(receipt):
                if event.address in ledgers:
                    ledgers[event.address].apply((event.name, event.args))
        return found

    def check_replay(self) -> None:
        super().check_replay()
        lineage, recalls = self.replayed_tracing()
        assert lineage == self.lineage.ledger
        assert recalls == self.recalls.ledger
        assert [str(difference) for difference in self.audited()] == []

    def check_views(self) -> None:
        super().check_views()
        self.check_lineage()
        self.check_recalls()

    def check_lineage(self) -> None:
        contract, ledger = self.world.lineage, self.lineage.ledger
        for process, facts in ledger.processes.items():
            assert contract.processOf(process)._asdict() == ledger.view(process)
            assert contract.inputsHead(process) == ledger.inputs_head(process)
            assert contract.outputsHead(process) == ledger.outputs_head(process)
            assert contract.outputsComplete(process, facts.outputs)
            for product in facts.outputs:
                assert contract.originOf(product) == process
            for recall in self.recalls.ledger.recalls:
                assert contract.isRecalled(process, recall) == (recall in facts.recalls)
        for lot, made in self.lots.ledger.lots.items():
            assert contract.usesComplete(lot, made.uses)
            assert contract.ancestorsComplete(ancestors(self.lots.ledger, ledger, lot))
        for child in (*ledger.installed, *ledger.loose):
            expected = ledger.installed.get(child, lineage_model.NOWHERE)
            assert contract.associationOf(child) == expected

    def check_recalls(self) -> None:
        contract, ledger = self.world.recalls, self.recalls.ledger
        assert contract.recallCount() == len(ledger.recalls)
        for (number, twin), member in ledger.affected.items():
            assert contract.isAffected(number, twin) == member
            alive = not self.twins.ledger.twins[twin].end
            held = self.world.twins.held(twin, self.recalls.number, reason_of(number))
            assert held == member or not alive
        for key, root in ledger.serials.items():
            assert contract.serialsOf(*key) == root
        for (number, lot, org), consignee in ledger.consignees.items():
            assert contract.consigneeOf(number, lot, org)._asdict() == vars(consignee)
        for (number, item), left in ledger.left.items():
            assert contract.leftOf(number, item) == left
        for number, member in ledger.uncovered:
            assert contract.uncovered(number, member)
        for number, facts in ledger.recalls.items():
            assert contract.recallOf(number)._asdict() == ledger.view(number)
            assert contract.closureOf(number) == chain(facts.closed)
            assert all(contract.stepped(number, member) for member in facts.stepped)
            if facts.state != RecallState.LIFTED:
                self._check_members(number)

    def _check_members(self, number: int) -> None:
        model, facts = self.recalls, self.recalls.ledger.recalls[number]
        members = model.lots(number) | model.processes(number)
        assert facts.frontier == len(model.frontier(number)) + self.pending(number)
        assert all(self.world.recalls.isMember(number, member) for member in model.members(number))
        assert facts.size == len(members) + len(model.ledger.twins(number))
        assert not any(self.world.recalls.stepped(number, member) for member in model.frontier(number))
        assert facts.state == RecallState.OPEN or facts.frontier == 0
        for lot in model.lots(number):
            assert not self.world.lots.clear(lot).ok

    def pending(self, number: int) -> int:
        """Members of an adopted claim that are still to be followed."""
        return 0

    # What an auditor finds

    def events(self, contract: Contract, name: str) -> Iterator[Event]:
        """The events of a contract in all transactions so far, as an indexer gets them."""
        for number, receipt in enumerate(self.recorder.receipts):
            tx_hash = f"0x{number:064x}"
            for index, event in enumerate(decode_logs(receipt)):
                if event.address == contract.address:
                    yield Event(name, event.name, event.args, number, tx_hash, index, event.address, "")

    def audited(self) -> list[Difference]:
        """Where the state that the package rebuilds from the logs is not what the contracts say."""
        found = []
        for contract, name, audit in (
            (self.world.lineage, "Lineage", lineage_audit),
            (self.world.recalls, "Recalls", recalls_audit),
        ):
            state: Any = audit.State()
            for event in self.events(contract, name):
                audit.fold(state, event)  # type: ignore[attr-defined]
            for view in audit.views(state):  # type: ignore[attr-defined]
                found += differences(name, view, getattr(contract, view.function)(*view.args))
        return found

    def point(self) -> TracingPoint:
        ledgers = self.lots.ledger, self.lineage.ledger, self.recalls.ledger
        return TracingPoint(super().point(), *(ledger.copy() for ledger in ledgers))

    def back_to(self, point: TracingPoint) -> None:
        shadow, *ledgers = point
        super().back_to(shadow)
        self.lots.ledger, self.lineage.ledger, self.recalls.ledger = (ledger.copy() for ledger in ledgers)
