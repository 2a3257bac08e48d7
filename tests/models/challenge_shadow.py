"""Challenges and its model, called side by side: outcome, errors, events, views, and the logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from goldthread.audit import challenges as audit
from goldthread.audit.base import Difference, differences
from goldthread.chain.logs import Event
from tests.models.challenges import Challenges, Segments
from tests.models.lies import Forest
from tests.models.rules import Refused
from tests.models.segments import Reading
from tests.support import Contract, Forwarder, Node, Receipt, Reverted, decode_logs
from tests.support.contract import Sender
from tests.support.guarded import Guarded
from tests.support.nodes import Account
from tests.support.world import happened


class Point(NamedTuple):
    """A moment to go back to."""

    snapshot: int
    receipts: int
    model: Challenges


class ChallengeShadow:
    """The contract, the model, and the comparison of the two."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.guarded = Guarded.create(node)
        cold = self.guarded.cold
        self.contract: Contract = self.guarded.challenges
        module = cold.world.consortium.accountOf(self.contract.address).org
        segments = Segments(cold.telemetry.address, module=module)
        segments.keys.add(cold.logger.id)
        segments.owners[cold.logger.id] = cold.world.maker.number
        segments.accounts = {org.anchor: org.number for org in (cold.world.maker, cold.world.carrier)}
        self.model = Challenges(self.contract.address, segments, node.timestamp)
        self.receipts: list[Receipt] = []
        self.people: list[Account] = []
        for account in (self.guarded.gateway, self.guarded.beneficiary, self.guarded.doubter):
            self.knows(account)

    def knows(self, account: Account) -> None:
        """Take over what somebody has."""
        self.people.append(account)
        self.model.tokens[account] = self.guarded.token.balanceOf(account)

    def anchor(self, forest: Forest, readings: Sequence[Reading] | None = None) -> Forest:
        """Anchor a segment, of which the model is told which readings are in it."""
        self.guarded.cold.anchor(forest.signed)
        return self.anchored(forest, readings)

    def anchored(self, forest: Forest, readings: Sequence[Reading] | None = None) -> Forest:
        """Tell the model of a segment that is anchored."""
        digest, known = self.guarded.digest(forest), self.model.segments
        known.digests[forest.signed] = digest
        known.anchored[digest] = forest.signed, list(forest.readings if readings is None else readings)
        return forest

    def prove(self, forest: Forest, sender: Account) -> None:
        """Prove the only lie of a tree, which its top tells."""
        telemetry = self.guarded.cold.telemetry
        receipt = telemetry.proveFalseSummary(forest.signed, forest.node(*forest.inner[-1]), sender=sender)
        assert telemetry.events(receipt, "SegmentFalsified")
        self.model.segments.false[self.guarded.digest(forest)] = sender, 1

    def do(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call the contract and its model; True if both did it."""
        self.model.now = self.node.timestamp
        caller = sender.address if isinstance(sender, Forwarder) else sender
        call = f"{function}{args} by {caller}"
        try:
            expected = getattr(self.model, function)(*args, sender=caller)
        except Refused as refused:
            reasons = refused.reasons
        else:
            receipt = getattr(self.contract, function)(*args, sender=sender)
            facts = happened(receipt)
            assert facts == expected, f"{call}\n  happened {facts}\n  expected {expected}"
            self.receipts.append(receipt)
            self.check_money()
            return True
        try:
            getattr(self.contract, function)(*args, sender=sender)
        except Reverted as reverted:
            reason = (reverted.error, tuple(reverted.values))
            assert reason in reasons, f"{call}\n  refused  {reason}\n  expected {reasons}"
            return False
        raise AssertionError(f"{call}\n  happened\n  expected {reasons}")

    def check_money(self) -> None:
        """What is owed is there, and nothing else."""
        has = self.guarded.token.balanceOf(self.contract)
        assert has == self.model.obligations() == self.model.tokens[self.contract.address]

    def check_views(self) -> None:
        """All views say what the model says, and so do the logs alone."""
        model, contract = self.model, self.contract
        self.check_money()
        for device, org in model.bonds:
            assert contract.bondOf(device, org) == model.bond_view(device, org)
        for asked, demand in model.demands.items():
            assert contract.demandOf(*asked) == demand
        for account in self.people:
            assert contract.creditOf(account) == model.credits[account]
            assert self.guarded.token.balanceOf(account) == model.tokens[account]
        telemetry = self.guarded.cold.telemetry
        for digest in model.segments.anchored:
            assert telemetry.falsification(digest) == model.segments.false.get(digest, ("0x" + 40 * "0", 0))
        state = audit.rebuild(self.events())
        assert self.differences(state) == []
        assert state.obligations == model.obligations()
        assert Counter(state.credits) == +model.credits

    def events(self) -> Iterator[Event]:
        """The contract's events so far, as an indexer gets them."""
        address, chain = self.contract.address, self.node.chain_id
        for number, receipt in enumerate(self.receipts):
            for index, event in enumerate(decode_logs(receipt)):
                if event.address == address:
                    yield Event(
                        "Challenges", event.name, event.args, number, str(number), index, address, "", chain
                    )

    def differences(self, state: audit.State) -> list[Difference]:
        """Where the logs and the views disagree."""
        found = []
        for view in audit.views(state):
            actual = getattr(self.contract, view.function)(*view.args)
            found += differences("Challenges", view, actual)
        return found

    def now(self) -> Point:
        """This moment."""
        return Point(self.node.snapshot(), len(self.receipts), deepcopy(self.model))

    def again(self, point: Point) -> None:
        """Return to a moment; later ones are forgotten."""
        self.node.revert(point.snapshot)
        del self.receipts[point.receipts :]
        self.model = deepcopy(point.model)
