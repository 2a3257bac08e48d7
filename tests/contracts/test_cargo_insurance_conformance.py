"""Every reachable state x action x kind of caller x moment: contract and model do the same.

Time is cut into classes by the borders that matter: the last second of a window, and the one behind it. In
each class every action is tried by everybody who could matter; waiting for the next border leads on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.models.cargo_insurance import ENDED, SETTLED, UNDERWAY
from tests.models.cargo_shadow import CargoShadow
from tests.models.money_shadow import Move, explore
from tests.support import Forwarder, Node
from tests.support.cargo import USD, Cargo, Severity
from tests.support.contract import Sender
from tests.support.world import Org

TABLE = (Severity(0, 0, 0, 100_000), Severity(1, 0, 600, 300_000))


class Trip:
    """One policy of a short trip; what is tried is up to subclasses."""

    def __init__(self, node: Node, **changes: Any) -> None:
        self.shadow = CargoShadow(node)
        self.node = node
        cargo: Cargo = self.shadow.cargo
        self.cargo = cargo
        self.shadow.fund(cargo.treasury, 30_000 * USD)
        assert self.shadow.do("provideCapital", 30_000 * USD, sender=cargo.treasury)
        defaults = {
            "latestStart": node.timestamp + 100,
            "latestEnd": node.timestamp + 2000,
            "deadline": node.timestamp + 50,
            "claimWindow": 300,
            "rejectShare": 300_000,
            "recallShare": 500_000,
        }
        self.quote = cargo.quote(TABLE, **(defaults | changes))
        machine = Forwarder.deploy(node, cargo.holder)
        self.everybody: list[Sender] = [
            cargo.holder,
            cargo.treasury,
            cargo.underwriter,
            cargo.keeper,
            machine,
        ]

    @property
    def id(self) -> bytes:
        return self.shadow.model.id(self.quote)

    @property
    def state(self) -> int:
        policy = self.shadow.model.policies.get(self.id)
        return policy.state if policy else 0

    def borders(self) -> list[int]:
        """The last seconds at which something is still so."""
        s = self.quote.shipment
        found = [s.deadline, s.latestStart]
        if self.state in (UNDERWAY, ENDED):
            policy = self.shadow.policy(self.quote)
            found = [policy.end - 1, policy.last_claim]
        return found

    def key(self) -> Hashable:
        policy = self.shadow.model.policies.get(self.id)
        now = self.node.timestamp
        times = tuple((now > border) - (now < border) for border in self.borders())
        credit = tuple(sorted((who, found > 0) for who, found in self.shadow.model.credit.items()))
        world = self.cargo.world
        facts: tuple[Hashable, ...] = ()
        if policy:
            facts = policy.state, policy.share, policy.recalls
        state = world.conditions.policyState(self.cargo.conditions_id)
        recalls = world.recalls.recallCount(), world.recalls.isAffected(1, self.cargo.cold.pallet)
        return facts, times, credit, state.breaches, state.disposition, recalls, self.custodian

    @property
    def custodian(self) -> int:
        found: int = self.cargo.world.twins.custodianOf(self.cargo.cold.pallet)
        return found

    def waiting(self) -> Iterator[Move]:
        """To the next border, and one second behind it."""
        now = self.node.timestamp
        if ahead := sorted({b + d for b in self.borders() for d in (0, 1) if b + d > now}):
            yield partial(self.wait, ahead[0])

    def moving(self) -> Iterator[Move]:
        """From the maker to the carrier, and on to the consignee."""
        world = self.cargo.world
        if world.twins.clear(self.cargo.cold.pallet).ok:
            if self.custodian == world.maker.number:
                yield partial(self.move, world.maker, world.carrier)
            if self.custodian == world.carrier.number:
                yield partial(self.move, world.carrier, world.distributor)

    def move(self, giver: Org, taker: Org) -> bool:
        self.cargo.world.move(self.cargo.cold.pallet, giver, taker)
        return True

    def happen(self, what: Callable[[], Any]) -> bool:
        what()
        return True

    def wait(self, moment: int) -> bool:
        self.node.timestamp = moment
        return True


class Life(Trip):
    """From the quote to the end, by everybody."""

    def moves(self) -> Iterator[Move]:
        shadow, quote, cargo = self.shadow, self.quote, self.cargo
        yield from self.waiting()
        if self.state < ENDED:
            yield from self.moving()
        for sender in self.everybody:
            if self.state == 0:
                yield partial(shadow.open, quote, sender=sender)
            for function in ("begin", "finish", "settle", "cancel"):
                yield partial(shadow.do, function, quote, sender=sender)
        yield partial(shadow.claim, quote, 0, cargo.keeper)
        yield partial(shadow.do, "withdrawCredit", sender=cargo.holder)


class Claims(Trip):
    """A trip on which the pallet gets warm, is rejected and recalled."""

    def moves(self) -> Iterator[Move]:
        shadow, quote, cargo = self.shadow, self.quote, self.cargo
        world = cargo.world
        yield from self.waiting()
        if self.state < SETTLED:
            yield from self.moving()
            state = world.conditions.policyState(cargo.conditions_id)
            if state.breaches == 0:
                yield partial(self.happen, lambda: cargo.measure([900, 900], seconds=1))
            elif state.disposition == 0:
                yield partial(self.happen, cargo.reject)
            if world.recalls.recallCount() == 0:
                yield partial(self.happen, cargo.recall)
        yield partial(shadow.do, "finish", quote, sender=cargo.keeper)
        for sender in (cargo.holder, cargo.keeper):
            yield partial(shadow.do, "settle", quote, sender=sender)
        for rule in (0, 1):
            yield partial(shadow.claim, quote, rule, cargo.keeper)
        for recall in (0, 1, 2):
            yield partial(shadow.do, "claimRecall", quote, recall, sender=cargo.keeper)


@pytest.mark.parametrize("consigned", [True, False])
def test_life(node: Node, consigned: bool) -> None:
    trip = Life(node, **({} if consigned else {"consignee": 0}))
    states = explore(trip.shadow, trip.moves, trip.key)
    assert states > 40, states


def test_claims(node: Node) -> None:
    trip = Claims(node)
    assert trip.shadow.open(trip.quote, sender=trip.cargo.holder)
    trip.move(trip.cargo.world.maker, trip.cargo.world.carrier)
    assert trip.shadow.do("begin", trip.quote, sender=trip.cargo.keeper)
    states = explore(trip.shadow, trip.moves, trip.key)
    assert states > 100, states
