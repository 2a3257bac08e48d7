"""Every reachable state x action x kind of caller of a meter: contract and model do the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial

from tests.models.licence_shadow import MeterShadow
from tests.models.shadow import Move, explore
from tests.models.usage_meters import NOTICE
from tests.support import Node
from tests.support.metering import Metering

MOST = 3
"""Steps of the counter, and base units paid in."""


class Explorer(Metering):
    """A meter of a base unit a step, its payer, its payee and somebody else of the licensee."""

    def __init__(self, node: Node) -> None:
        super().__init__(MeterShadow(node))
        self.meter = self.open(price=1, start=0)
        self.begin = node.timestamp
        self.ends: set[tuple[bool, bool, bool]] = set()
        self.states = 0

    def moves(self) -> Iterator[Move]:
        """What everybody may try."""
        shadow, meter, it = self.shadow, self.meter, self.shadow.metering.ledger.meters[self.meter]
        everybody = self.payer, self.payee, self.licensee.all
        for account in everybody:
            if it.paid_in < MOST:
                yield partial(shadow.meter, "fund", meter, 1, sender=account)
            yield partial(shadow.meter, "giveNotice", meter, sender=account)
            yield partial(shadow.meter, "closeMeter", meter, sender=account)
            yield partial(shadow.meter, "withdrawCredit", sender=account)
        for counter in range(min(it.counter + 2, MOST) + 1):
            yield partial(self.record, meter, counter)
        yield self.wait

    def wait(self) -> bool:
        """Until the second before the notice is over, or that second."""
        it, node = self.shadow.metering.ledger.meters[self.meter], self.shadow.node
        over = it.notice_at + NOTICE
        if not it.notice_at or it.closed or node.timestamp >= over:
            return False
        node.timestamp = over - 1 if node.timestamp < over - 1 else over
        return True

    def key(self) -> Hashable:
        """Two moments with the same key offer the same future."""
        ledger = self.shadow.metering.ledger
        credits = frozenset((account, amount) for account, amount in ledger.credits.items() if amount)
        return ledger.meters[self.meter], credits, self.shadow.node.timestamp - self.begin

    def check(self) -> None:
        """Where it stands, and now and then what the logs alone lead to."""
        it = self.shadow.metering.ledger.meters[self.meter]
        self.ends.add((it.closed, it.balance > 0, it.debt > 0))
        assert self.meters.meterOf(self.meter) == it.view()
        self.states += 1
        if self.states % 16 == 1:
            self.shadow.check_meters()


def test_a_meter_from_its_opening_to_its_end(node: Node) -> None:
    explorer = Explorer(node)
    shadow = explorer.shadow
    found = explore(shadow, explorer.moves, explorer.key, explorer.check)
    shadow.count.require(["fund", "record", "giveNotice", "closeMeter", "withdrawCredit"])
    closed, indebted, running = (True, False, False), (True, False, True), (False, True, False)
    assert {closed, indebted, running, (False, False, True)} <= explorer.ends
    assert found == 822, f"{found} states, {shadow.steps} steps"
