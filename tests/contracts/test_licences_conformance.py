"""Every reachable state x action x kind of caller: contract and model do the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial
from itertools import product

from tests.models.licence_shadow import LicenceShadow
from tests.models.licences import HOUR, NOBODY, ONE, Made, Outcome
from tests.models.shadow import Move, explore
from tests.support import Node
from tests.support.licensing import Licensing

REASON = b"r" * 32


class Explorer(Licensing):
    """One licence with a seat and another in overdraft, two people and a guest; steps of an hour."""

    def __init__(self, node: Node, hours: int) -> None:
        super().__init__(LicenceShadow(node))
        world = self.world
        self.people = [self.hire("first"), self.hire("second")]
        self.guest = world.service.register
        now = node.timestamp
        self.begin = now - now % HOUR + HOUR
        self.end = self.begin + hours * HOUR
        self.part_ = self.part("1")
        node.timestamp = self.begin - 60
        self.number = self.grant(
            start=self.begin, end=self.end - HOUR, seats=1, seat_overdraft=1, seats_per_user=1,
            borrow_hours=2, units=0, unit_overdraft=ONE,
        )  # fmt: skip
        self.outcomes: set[Outcome] = set()
        self.states = 0

    def moves(self) -> Iterator[Move]:
        """What everybody may try."""
        shadow, number = self.shadow, self.number
        supplier, maker = self.licensee, self.licensor
        everybody = [*self.people, self.guest]
        for account, hours in product(everybody, (0, 1)):
            yield partial(shadow.tell, "checkout", number, hours, sender=account)
            sender = account if hours else supplier.finance
            yield partial(shadow.tell, "checkin", number, account, 0, sender=sender)
        yield partial(shadow.tell, "consume", number, [Made(self.part_)], sender=supplier.register)
        until = self.begin + HOUR + 30
        for user in (self.guest, NOBODY):
            yield partial(shadow.tell, "setUser", number, user, until, sender=supplier.finance)
        yield partial(shadow.tell, "transfer", number, maker.number, sender=supplier.finance)
        yield partial(shadow.tell, "revoke", number, REASON, sender=maker.finance)
        yield self.wait

    def wait(self) -> bool:
        """Until a minute before, or until the next full hour."""
        now = self.shadow.node.timestamp
        if now >= self.end:
            return False
        self.shadow.node.timestamp = now + (60 if now % HOUR else HOUR - 60)
        return True

    def key(self) -> Hashable:
        """Two moments with the same key offer the same future."""
        ledger, now = self.shadow.model.ledger, self.shadow.node.timestamp
        seats = frozenset((key, until) for key, until in ledger.seats.items() if until > now)
        reported = frozenset(ledger.reported.items())
        users = ledger.user(self.number, now), ledger.users.get(self.number, (NOBODY, 0))[0] == NOBODY
        licence = ledger.licences[self.number]
        return now, seats, reported, users, licence, ledger.consumed[self.number]

    def check(self) -> None:
        """Also what everybody would meet, and now and then what the logs alone lead to."""
        for account in (*self.people, self.guest, self.world.stranger):
            self.outcomes.add(self.shadow.outcome(self.number, account))
        self.states += 1
        if self.states % 16 == 1:
            self.shadow.check_all()


def test_a_licence_from_its_first_to_its_last_second(node: Node) -> None:
    explorer = Explorer(node, 3)
    shadow = explorer.shadow
    found = explore(shadow, explorer.moves, explorer.key, explorer.check)
    shadow.count.require(["checkout", "checkin", "consume", "setUser", "transfer", "revoke"])
    assert explorer.outcomes == set(Outcome) - {Outcome.UNKNOWN, Outcome.SUPERSEDED}
    assert found == 1324, f"{found} states, {shadow.steps} steps"
