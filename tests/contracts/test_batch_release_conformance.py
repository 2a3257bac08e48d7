"""Every reachable state x action x kind of caller: contract and model do the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial
from itertools import product

from eth_utils.crypto import keccak

from tests.models.batch_release import Cause, Master, State
from tests.models.compliance import ZERO, Status
from tests.models.compliance_shadow import ComplianceShadow
from tests.models.shadow import Move, explore
from tests.support import Node
from tests.support.words import Duty
from tests.support.world import NO_EVENT

REASON = keccak(text="why")
GOOD, BAD = 97, 50


class Explorer:
    """Tries every move in every state of a batch with one step, one investigation and one yield record."""

    def __init__(self, node: Node) -> None:
        self.shadow = ComplianceShadow(node)
        self.world, self.plant = self.shadow.world, self.shadow.plant
        plant = self.plant
        programme = plant.register([plant.step("the step")])
        plant.releases.setMaster(programme, Master(100, 950_000, 1_000_000), sender=plant.qa)
        self.case = plant.case(programme)
        plant.releases.openBatch(self.case, sender=plant.qa)
        self.step, self.inquiry, self.measured = (plant.write() for _ in range(3))
        # An author may have every duty.
        self.author = self.world.hire(plant.maker, plant.operator, Duty.RECORD | Duty.QUALITY)
        plant.submit(self.case, 0, self.step)
        self.shadow.catch_up()
        self.causes: set[Cause] = set()

    def moves(self) -> Iterator[Move]:
        """What everybody may try."""
        world, plant, case, batch = self.world, self.plant, self.case, self.shadow.batch
        facts = self.shadow.batches.ledger.batches[case]
        for sender in (self.author, plant.qa):
            yield partial(self.shadow.tell, "accept", case, 0, self.step, sender=sender)
        if not facts.deviations:
            yield partial(batch, "openDeviation", case, self.inquiry, sender=plant.operator)
            yield partial(batch, "reportYield", case, BAD, self.measured, sender=plant.operator)
        for sender in (self.author, plant.qa, world.carrier.all):
            yield partial(batch, "closeDeviation", case, 1, self.inquiry, sender=sender)
        yield partial(batch, "reopenDeviation", case, 1, sender=world.stranger)
        for sender in (plant.operator, world.carrier.all):
            yield partial(batch, "reportYield", case, GOOD, self.measured, sender=sender)
        for record in (self.step, self.inquiry, self.measured):
            if self.shadow.compliance.papers.records[record].successor == ZERO:
                yield partial(self.amend, record)
        yield self.hold
        for release, sender in product((True, False), (self.author, plant.qa, world.regulator.all)):
            yield partial(self.decide, release, sender)
        for sender in (plant.qa, world.regulator.all, world.carrier.all):
            yield partial(batch, "withdraw", case, REASON, sender=sender)

    def amend(self, record: bytes) -> bool:
        """The operator corrects a record, once."""
        self.shadow.record(lambda: self.plant.amend(record))
        return True

    def hold(self) -> bool:
        """The maker holds the lot, or lifts its hold."""
        lot, number = self.plant.lot, self.plant.maker.number
        sender = self.plant.maker.quality
        if self.world.lots.lotHeld(lot, number, REASON):
            return self.shadow.act("releaseLot", lot, number, REASON, NO_EVENT, sender=sender)
        return self.shadow.act("holdLot", lot, REASON, NO_EVENT, sender=sender)

    def decide(self, release: bool, sender: str) -> bool:
        """Release or reject what is there now."""
        return self.shadow.batch("decide", self.plant.decision(self.case, release), sender=sender)

    def key(self) -> Hashable:
        """Two moments with the same key offer the same future."""
        papers = self.shadow.compliance.papers.records
        amended = tuple(papers[r].successor != ZERO for r in (self.step, self.inquiry, self.measured))
        lot = self.shadow.lots.ledger.lots[self.plant.lot]
        steps = self.shadow.compliance.ledger.cases[self.case].steps
        return self.shadow.batches.ledger.batches[self.case], steps, amended, lot.holds

    def ask(self) -> None:
        """A release is open exactly to whom nothing speaks against it."""
        people = self.author, self.plant.qa
        found = self.shadow.check_batch(self.case, *people)
        self.causes |= {cause for cause, _ in found.values()}
        batch = self.shadow.batches.ledger.batches[self.case]
        status = self.shadow.compliance.status(self.case, 0)
        if batch.state == State.OPEN and status == Status.ACCEPTED:
            assert found[self.author][0] != Cause.NONE, "who wrote the step never releases"


def test_a_batch_with_one_step(node: Node) -> None:
    """Deviated, investigated, measured, held, corrected, released, rejected, withdrawn."""
    explorer = Explorer(node)
    found = explore(explorer.shadow, explorer.moves, explorer.key, explorer.ask)
    functions = ["openDeviation", "closeDeviation", "reopenDeviation", "reportYield", "decide", "withdraw"]
    explorer.shadow.count.require(functions)
    assert explorer.causes >= {
        Cause.NONE,
        Cause.NOT_OPEN,
        Cause.STEP,
        Cause.OWN_STEP,
        Cause.DEVIATION,
        Cause.NO_YIELD,
        Cause.YIELD_RECORD,
        Cause.HELD,
    }
    assert found == 608, f"{found} states, {explorer.shadow.steps} steps"
