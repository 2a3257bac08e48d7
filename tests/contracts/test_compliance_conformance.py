"""Every reachable state x action x kind of caller: contract and model do the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial

from eth_utils.crypto import keccak

from tests.models.compliance import ZERO, Status, case_id
from tests.models.compliance_shadow import ComplianceShadow
from tests.models.shadow import Move, explore
from tests.support import Node
from tests.support.words import Duty, Role

REASON = keccak(text="why")
LATE = 1000


class Explorer:
    """Tries every move in every state of a case with two requirements and a handful of records."""

    def __init__(self, node: Node, *, ordered: bool) -> None:
        self.shadow = ComplianceShadow(node)
        self.world, self.plant = self.shadow.world, self.shadow.plant
        plant, world = self.plant, self.world
        steps = [
            plant.step("first", waivable=True, due_after=LATE, severity=2),
            plant.step("second", second_persons=1, duties=Duty.RECORD, validity=2 * LATE),
        ]
        roles = {"reviewers": Role.REGULATOR, "waivers": Role.REGULATOR}
        programme = plant.register(steps, ordered=ordered, **roles)
        self.case = plant.case(programme, reviewer=world.regulator)
        assert self.case == case_id(programme, plant.lot, plant.maker.number)
        self.start = node.timestamp
        self.by_operator = plant.write()
        self.by_supplier = plant.write(sender=world.supplier.record)
        plant.countersign(self.by_operator)
        self.shadow.catch_up()
        self.records = self.by_operator, self.by_supplier
        self.statuses: set[Status] = set()

    def moves(self) -> Iterator[Move]:
        """What everybody may try."""
        world, plant, tell = self.world, self.plant, self.shadow.tell
        people = plant.operator, plant.qa, world.supplier.all, world.regulator.all
        for index in (0, 1):
            for record in self.records:
                for sender in people:
                    yield partial(tell, "submit", self.case, index, record, sender=sender)
                for sender in (plant.qa, world.regulator.all, world.carrier.all):
                    yield partial(tell, "accept", self.case, index, record, sender=sender)
                for sender in (plant.qa, world.carrier.all):
                    yield partial(tell, "reject", self.case, index, record, REASON, sender=sender)
                for sender in (plant.qa, world.regulator.all):
                    yield partial(tell, "waive", self.case, index, record, sender=sender)
            yield partial(tell, "flagOverdue", self.case, index, sender=world.stranger)
        if self.by_operator in self.unamended():
            yield self.amend
        if self.shadow.node.timestamp <= self.start + LATE:
            yield self.wait

    def unamended(self) -> set[bytes]:
        papers = self.shadow.compliance.papers.records
        return {record for record in self.records if papers[record].successor == ZERO}

    def amend(self) -> bool:
        """The operator corrects its record."""
        self.shadow.record(lambda: self.plant.amend(self.by_operator))
        return True

    def wait(self) -> bool:
        """Until the first requirement is late."""
        self.shadow.node.timestamp = self.start + LATE + 1
        return True

    def key(self) -> Hashable:
        """Two moments with the same key offer the same future."""
        case = self.shadow.compliance.ledger.cases[self.case]
        return case.steps, frozenset(self.unamended()), self.shadow.node.timestamp > self.start + LATE

    def ask(self) -> None:
        """Compare the views now, and before, at and after the last second."""
        here = self.shadow.point()
        people = self.plant.operator, self.plant.qa, self.world.supplier.record
        now = self.shadow.node.timestamp
        for time in (now, self.start + 2 * LATE, self.start + 2 * LATE + 1):
            if time >= now:
                self.shadow.node.timestamp = time
                self.shadow.check_case(self.case, *people)
                model = self.shadow.compliance
                self.statuses |= {model.status(self.case, index) for index in (0, 1)}
        self.shadow.back_to(here)


def test_a_case_of_two_requirements(node: Node) -> None:
    """In any order: submitted, accepted, rejected, waived, corrected, late."""
    explorer = Explorer(node, ordered=False)
    found = explore(explorer.shadow, explorer.moves, explorer.key, explorer.ask)
    explorer.shadow.count.require(["submit", "accept", "reject", "waive", "flagOverdue"])
    assert explorer.statuses == set(Status)
    assert found == 288, f"{found} states, {explorer.shadow.steps} steps"


def test_a_case_in_order(node: Node) -> None:
    explorer = Explorer(node, ordered=True)
    found = explore(explorer.shadow, explorer.moves, explorer.key, explorer.ask)
    explorer.shadow.count.require(["submit", "accept", "reject", "waive", "flagOverdue"])
    assert found == 258, f"{found} states, {explorer.shadow.steps} steps"
