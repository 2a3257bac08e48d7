"""Lots and Twins with their models, called side by side.

As in `Shadow` everything is compared; besides, whatever happens, quantities are conserved, and the logs alone
lead `goldthread.audit` to what the views show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from goldthread.audit import lots as audit
from goldthread.audit.base import differences
from goldthread.chain.logs import Event
from tests.models.lots import Lots, LotsLedger
from tests.models.shadow import Point, Shadow
from tests.models.trees import Leaf, Step
from tests.support import Node, Receipt, decode_logs
from tests.support.contract import Sender
from tests.support.world import Org, Registration

NO_ITEM = Registration("")


class LotPoint(NamedTuple):
    """A moment to go back to."""

    twins: Point
    lots: LotsLedger


class LotShadow(Shadow):
    """A world with lots, the models, and the comparison of the two."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        contract = self.world.lots
        number = self.world.consortium.organisationCount()
        self.lots = Lots(contract.address, number, LotsLedger(), self.twins)
        self.catch_up()

    def act(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Lots and its model; True if both did it."""
        before = dict(self.lots.ledger.endings)
        happened = self._both(self.world.lots, self.lots, function, args, sender)
        if happened:
            self.lots.ledger.check_conservation()
            assert before.items() <= self.lots.ledger.endings.items()
        return happened

    def unpack(
        self, container: bytes, step: Step, org: Org, item: Registration = NO_ITEM, **changes: Any
    ) -> bool:
        """Take something out of committed contents."""
        leaf: Leaf = step.leaf._replace(**changes)
        args = container, leaf, step.proof, item, self.world.ref("unpacking")
        return self.act("unpackCommitted", *args, sender=org.ship)

    def pack(self, container: bytes, root: bytes, parts: Sequence[tuple[bytes, int]], org: Org) -> bool:
        """Commit to contents."""
        args = container, root, parts, self.world.ref("packing")
        return self.act("packCommitted", *args, sender=org.ship)

    def catch_up(self) -> None:
        super().catch_up()
        if hasattr(self, "lots"):
            self.lots.ledger = self.replayed_lots()

    def replayed_lots(self) -> LotsLedger:
        """What the logs of Lots add up to."""
        ledger = LotsLedger()
        for event in self.lot_events():
            ledger.apply((event.name, event.args))
        return ledger

    def lot_events(self) -> Iterator[Event]:
        """The events of Lots, as an indexer gets them."""
        address = self.world.lots.address
        for number, receipt in enumerate(self.recorder.receipts):
            for index, event in enumerate(_decoded(receipt)):
                if event.address == address:
                    yield Event("Lots", event.name, event.args, number, "", index, address, "")

    def check_lots(self) -> None:
        """All views of Lots say what the model says."""
        contract, ledger = self.world.lots, self.lots.ledger
        now = self.node.timestamp
        for lot, facts in ledger.lots.items():
            assert contract.lotOf(lot)._asdict() == ledger.view(lot)
            assert contract.serialsRootOf(lot) == facts.root
            assert contract.useHead(lot) == ledger.use_head(lot)
            cause = ledger.cause(lot, now)
            assert contract.clear(lot) == (not cause, cause)
            for index in range(min(facts.count, 8) + 1):
                cause = ledger.unit_cause(lot, index, now)
                assert contract.endingOf(lot, index) == ledger.ending(lot, index)
                assert contract.clearUnit(lot, index) == (not cause, cause)
            for org in self.world.orgs:
                assert contract.quantityOf(lot, org.number) == ledger.have[lot, org.number]
            for holder, reason in facts.holds:
                assert contract.lotHeld(lot, holder, reason)
            for recall in range(1, 4):
                assert contract.isRecalled(lot, recall) == (recall in facts.recalls)
        for (lot, giver, taker), offer in ledger.offers.items():
            assert contract.quantityOffer(lot, giver, taker) == offer
        for container, box in ledger.boxes.items():
            assert contract.contentsOf(container)._asdict() == ledger.box_view(container)
            for index in range(max(box.taken, default=0) + 2):
                assert contract.isTaken(container, index) == (index in box.taken)
        for (lot, container), quantity in ledger.inside.items():
            assert contract.quantityIn(lot, container) == quantity
        for twin, lot in ledger.units.items():
            assert contract.lotOfUnit(twin) == lot

    def check_facts(self) -> None:
        super().check_facts()
        self.check_lots()

    def check_replay(self) -> None:
        super().check_replay()
        assert self.replayed_lots() == self.lots.ledger
        self.check_lots()
        self.check_audit()

    def check_audit(self) -> None:
        """The package's own reading of the logs agrees with the contract."""
        state = audit.rebuild(self.lot_events())
        for view in audit.views(state):
            actual = getattr(self.world.lots, view.function)(*view.args)
            assert differences("Lots", view, actual) == []

    def moment(self) -> LotPoint:
        """This moment."""
        return LotPoint(self.point(), self.lots.ledger.copy())

    def return_to(self, moment: LotPoint) -> None:
        """Return to a moment; later ones are forgotten."""
        self.back_to(moment.twins)
        self.lots.ledger = moment.lots.copy()


@lru_cache(maxsize=4096)
def _decoded(receipt: Receipt) -> list[Any]:
    return decode_logs(receipt)
