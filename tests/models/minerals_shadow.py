"""ConflictMinerals with its model, called side by side as in `Shadow`, on top of lots and processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from goldthread.audit import conflict_minerals as audit
from goldthread.audit.base import Difference
from tests.models.conflict_minerals import (
    ConflictMinerals,
    Finding,
    MineralsLedger,
    Verdict,
    declaration_id,
)
from tests.models.form_sd import outcome
from tests.models.lineage import Ancestor, ancestors
from tests.models.module_shadows import asked, events_of
from tests.models.rules import Objections, Refused
from tests.models.tracing import Tracing, TracingPoint
from tests.support import Node, Reverted
from tests.support.contract import Sender
from tests.support.words import Role


class MineralsPoint(NamedTuple):
    """A moment to go back to."""

    tracing: TracingPoint
    ledger: MineralsLedger


class MineralsShadow(Tracing):
    """A world with lots and processes whose smelters are declared. The insurer is an auditor, too."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.contract = self.world.conflict_minerals
        self.model = ConflictMinerals(MineralsLedger(), self.lineage)
        roles = Role.INSURER | Role.AUDITOR
        self.govern("setRoles", self.world.insurer.number, roles, sender=self.world.governor)

    def tell(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call ConflictMinerals and its model; True if both did it."""
        return self._both(self.contract, self.model, function, args, sender)

    def way(self, product: bytes) -> list[Ancestor]:
        """Everything that the product was made of, each thing behind one that names it."""
        listed = {each.product: each for each in ancestors(self.lots.ledger, self.lineage.ledger, product)}
        names = list(listed)
        order = [product]
        for each in order:
            inputs = [names[place] for place in listed[each].inputs]
            order += [thing for thing in dict.fromkeys(inputs) if thing not in order]
        places = {thing: place for place, thing in enumerate(order)}
        return [
            listed[thing]._replace(inputs=[places[names[place]] for place in listed[thing].inputs])
            for thing in order
        ]

    def evaluate(self, product: bytes) -> bool:
        """By a stranger, with all that it was made of."""
        return self.tell("evaluate", self.way(product), sender=self.world.stranger)

    def assess(self, way: Sequence[Ancestor]) -> Finding | None:
        """What both say would be found; none if both refuse."""
        self.consortium.now = self.node.timestamp
        no = Objections()
        try:
            expected = self.model.assessed(no, way)
            no.settle()
        except Refused as refused:
            try:
                found = self.contract.assess(way)
            except Reverted as reverted:
                assert (reverted.error, tuple(reverted.values)) in refused.reasons
                return None
            raise AssertionError(f"{found}, expected {refused.reasons}") from None
        assert self.contract.assess(way) == expected
        return expected

    def show(self, product: bytes) -> Verdict:
        """The verdict that both show. One that is relied on is never better than what is true."""
        self.consortium.now = self.node.timestamp
        shown = self.model.shown_of(product)
        assert self.contract.verdictOf(product) == shown
        truth = self.model.truth(product)
        assert shown[0] >= min(truth, Verdict.UNDETERMINABLE), f"{shown[0].name}, true is {truth.name}"
        return shown[0]

    def check_minerals(self) -> None:
        """The logs alone lead to the state of the model, and to what the views show."""
        ledger, contract = self.model.ledger, self.contract
        assert self.replayed_minerals() == ledger
        assert contract.clock() == ledger.clock
        for register, clock in ledger.worsened.items():
            assert contract.smeltersWorsenedAt(register) == clock
        for register, clock in ledger.lowered.items():
            assert contract.declarationsWorsenedAt(register) == clock
        for key, listed in ledger.listed.items():
            assert contract.smelterOf(*key) == listed
        for id_, declaration in ledger.declarations.items():
            assert contract.declarationOf(id_) == declaration.view
            assert contract.formSdOf(declaration.statement) == declaration.form_sd
            assert contract.outcomeOf(id_) == outcome(declaration.form_sd)
            assert contract.judgementOf(id_) == ledger.judgements[id_]
            self.stand(id_)
        for product, declaration_ in ledger.covered.items():
            assert contract.coveredBy(product) == declaration_
            self.show(product)
        for product, finding in ledger.findings.items():
            assert contract.findingOf(product) == finding
            self.show(product)
        for flag in ledger.flagged:
            assert contract.isFlagged(*flag)
        assert self.audited_minerals() == []

    def stand(self, id_: bytes) -> Verdict:
        """How a declaration stands, by the same measure."""
        self.consortium.now = self.node.timestamp
        shown = self.model.shown(self.model.ledger.judgements.get(id_, Finding()))
        assert self.contract.standingOf(id_) == shown
        assert shown[0] >= min(self.model.declared_truth(id_), Verdict.UNDETERMINABLE)
        return shown[0]

    def declared(self, product: bytes, year: int) -> Verdict:
        """How the declaration of a product stands."""
        return self.stand(declaration_id(product, year))

    def replayed_minerals(self) -> MineralsLedger:
        """What the logs of all transactions add up to."""
        ledger = MineralsLedger()
        for event in events_of(self, "ConflictMinerals", self.contract):
            ledger.apply((event.name, event.args))
        return ledger

    def audited_minerals(self) -> list[Difference]:
        """Where the package's own reading of the logs and the contract disagree."""
        state = audit.rebuild(events_of(self, "ConflictMinerals", self.contract))
        return asked(self.contract, "ConflictMinerals", audit.views(state))

    def point(self) -> MineralsPoint:  # type: ignore[override]
        """This moment."""
        return MineralsPoint(super().point(), self.model.ledger.copy())

    def back_to(self, point: MineralsPoint) -> None:  # type: ignore[override]
        """Return to a moment; later ones are forgotten."""
        super().back_to(point.tracing)
        self.model.ledger = point.ledger.copy()
