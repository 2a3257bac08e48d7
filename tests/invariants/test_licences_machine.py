"""Random licences, seats, loans, units, transfers and time: the contract is the licence server of the model,
and no seat or unit is ever given out that was not granted.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.licence_shadow import LicencePoint, LicenceShadow
from tests.models.licences import HOUR, NOBODY, ONE, OPEN, Made, Outcome, SeatRequest, SeatReturn
from tests.support import Counters, fresh
from tests.support.licensing import Licensing
from tests.support.nodes import Account
from tests.support.signers import Wallet
from tests.support.world import DAY, person

COUNT = Counters()
REASON = b"r" * 32
PARTS = 6
PLACES = ("borrowed came back", "alerted", "refused", "by a guest", "early")


@cache
def beginning() -> tuple[Licensing, list[Account], list[bytes], LicencePoint]:
    """One chain for all examples, and the moment at which each of them begins."""
    licensing = Licensing(LicenceShadow(fresh()))
    people = [licensing.hire(f"designer {i}") for i in range(3)]
    things = [licensing.part(f"{i}") for i in range(PARTS)] + [licensing.lot(f"L{i}") for i in range(PARTS)]
    licensing.grant(seats=3, seat_overdraft=2, seats_per_user=8, borrow_hours=40)
    return licensing, people, things, licensing.shadow.point()


class Histories(RuleBasedStateMachine):
    """Every rule draws what probably succeeds; what does not must be refused by contract and model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.licensing, self.people, self.things, start = beginning()
        self.shadow, self.world = self.licensing.shadow, self.licensing.world
        self.shadow.back_to(start)
        self.guest = self.world.service.register
        self.everybody = [*self.people, self.guest]
        self.salt = 0

    # What there is to draw from

    @property
    def ledger(self) -> Any:
        return self.shadow.model.ledger

    def number(self, data: st.DataObject) -> int:
        numbers = sorted(self.ledger.licences, reverse=True)
        return data.draw(st.sampled_from(numbers))

    def alive(self, data: st.DataObject) -> int:
        """One that is in force, if there is one."""
        now, model = self.world.now, self.shadow.model
        self.shadow.consortium.now = now
        good = [n for n in self.ledger.licences if model._standing(self.ledger.licences[n]) == Outcome.OK]
        return data.draw(st.sampled_from(good)) if good else self.number(data)

    def seat(self, data: st.DataObject) -> tuple[int, str, int]:
        """A seat that is out, or was."""
        now = self.world.now
        out = [key for key, until in self.ledger.seats.items() if until > now]
        return data.draw(st.sampled_from(sorted(out or self.ledger.seats)))

    def tell(self, function: str, *args: Any, sender: Any) -> bool:
        before = dict(self.ledger.reported)
        done = self.shadow.tell(function, *args, sender=sender)
        COUNT.hit(function if done else "refused")
        if self.ledger.reported != before:
            COUNT.hit("alerted")
        return done

    # What can be done

    @rule(
        data=st.data(),
        seats=st.integers(0, 3),
        overdraft=st.integers(0, 2),
        per_user=st.integers(0, 3),
        units=st.integers(0, 3),
        days=st.sampled_from([1, 40, 400]),
        later=st.sampled_from([0, 0, 0, HOUR]),
        supersede=st.booleans(),
    )
    @precondition(lambda self: len(self.ledger.licences) < 5)
    def grant(
        self,
        data: st.DataObject,
        seats: int,
        overdraft: int,
        per_user: int,
        units: int,
        days: int,
        later: int,
        supersede: bool,
    ) -> None:
        now = self.world.now
        terms = self.licensing.terms(
            start=now + later, end=now + later + days * DAY, seats=seats, seat_overdraft=overdraft,
            seats_per_user=per_user, borrow_hours=data.draw(st.sampled_from([0, 5, 40])), units=units * ONE,
            unit_overdraft=overdraft * ONE, transferable=data.draw(st.booleans()),
        )  # fmt: skip
        licensee = data.draw(st.sampled_from([self.world.supplier, self.world.supplier, self.world.service]))
        before = data.draw(st.sampled_from([now, now - 60])) if supersede else 0
        sender = self.world.maker.finance
        self.tell("grant", self.licensing.design, licensee.number, terms, before, sender=sender)

    @rule(data=st.data(), hours=st.sampled_from([0, 0, 1, 3, 16, 30, 41]))
    def checkout(self, data: st.DataObject, hours: int) -> None:
        number, account = self.alive(data), data.draw(st.sampled_from(self.everybody))
        if self.tell("checkout", number, hours, sender=account) and account == self.guest:
            COUNT.hit("by a guest")

    @rule(data=st.data(), hours=st.sampled_from([0, 2]), ago=st.sampled_from([0, 60, DAY, DAY + 1]))
    def checkout_signed(self, data: st.DataObject, hours: int, ago: int) -> None:
        self.salt += data.draw(st.integers(0, 1))
        now = self.world.now
        salt = self.salt.to_bytes(32, "big")
        request = SeatRequest(self.alive(data), hours, now - ago, now + 60, salt)
        signer = Wallet(data.draw(st.sampled_from(self.people)))
        signature = self.shadow.sign_seat(request, signer)
        self.tell("checkoutSigned", request, signer.name, signature, sender=self.world.stranger)

    @rule(data=st.data())
    @precondition(lambda self: self.ledger.seats)
    def checkin(self, data: st.DataObject) -> None:
        number, account, seat = self.seat(data)
        senders = [account, account, self.world.supplier.finance, self.people[0]]
        until = self.ledger.seats[number, account, seat]
        done = self.tell("checkin", number, account, seat, sender=data.draw(st.sampled_from(senders)))
        if done and until != OPEN:
            COUNT.hit("early")

    @rule(data=st.data())
    @precondition(lambda self: self.ledger.seats)
    def checkin_signed(self, data: st.DataObject) -> None:
        number, account, seat = self.seat(data)
        if account == self.guest:
            return
        self.salt += 1
        giving = SeatReturn(number, seat, self.world.now + 60, self.salt.to_bytes(32, "big"))
        signer = Wallet(next(p for p in self.people if p == account))
        signature = self.shadow.sign_seat(giving, signer)
        self.tell("checkinSigned", giving, signer.name, signature, sender=self.world.stranger)

    @rule(data=st.data(), count=st.integers(1, 2), quantity=st.sampled_from([1, ONE, 2 * ONE]))
    def consume(self, data: st.DataObject, count: int, quantity: int) -> None:
        things = data.draw(st.lists(st.sampled_from(self.things), min_size=count, max_size=count))
        made = [Made(thing, ONE if thing in self.things[:PARTS] else quantity) for thing in things]
        sender = data.draw(st.sampled_from([self.world.supplier.register] * 3 + [self.guest]))
        self.tell("consume", self.alive(data), made, sender=sender)

    @rule(data=st.data(), seconds=st.sampled_from([0, HOUR, 10 * DAY]))
    def lend(self, data: st.DataObject, seconds: int) -> None:
        user = data.draw(st.sampled_from([self.guest, self.guest, NOBODY]))
        args = self.alive(data), user, self.world.now + seconds
        self.tell("setUser", *args, sender=self.world.supplier.finance)

    @rule(data=st.data(), really=st.sampled_from([False, False, True]))
    def transfer(self, data: st.DataObject, really: bool) -> None:
        number = self.alive(data)
        if not really and not self.ledger.taken(number, self.world.now):
            return
        licensee = self.ledger.licences[number].licensee
        giver = self.world.orgs[licensee - 1]
        taker = self.world.service if giver is self.world.supplier else self.world.supplier
        self.tell("transfer", number, taker.number, sender=giver.finance)

    @rule(data=st.data(), really=st.sampled_from([False, False, True]))
    def revoke(self, data: st.DataObject, really: bool) -> None:
        sender = self.world.maker.finance if really else self.world.supplier.finance
        self.tell("revoke", self.number(data), REASON, sender=sender)

    @rule(seconds=st.sampled_from([1, 59 * 60, HOUR, 17 * HOUR, 2 * DAY, 31 * DAY]))
    def wait(self, seconds: int) -> None:
        now = self.world.now
        back = [u for u in self.ledger.seats.values() if u != OPEN and now < u <= now + seconds]
        if back:
            COUNT.hit("borrowed came back")
        self.shadow.node.warp(seconds)

    # What always holds

    @invariant()
    def the_contract_is_the_licence_server(self) -> None:
        for number, licence in sorted(self.ledger.licences.items())[-3:]:
            terms = licence.terms
            assert len(self.ledger.taken(number, self.world.now)) <= terms.seats + terms.seat_overdraft
            assert self.ledger.consumed[number] <= terms.units + terms.unit_overdraft
            for account in (*self.everybody, person("nobody")):
                mine = self.ledger.taken(number, self.world.now, account)
                assert len(mine) <= terms.seats_per_user
                COUNT.hit(self.shadow.outcome(number, account).name)

    def teardown(self) -> None:
        self.shadow.check_all()


def test_a_licence_server_is_what_it_is() -> None:
    run_state_machine_as_test(Histories)
    COUNT.require(
        [
            "grant", "checkout", "checkoutSigned", "checkin", "checkinSigned", "consume", "setUser",
            "transfer", "revoke", *PLACES,
        ]
    )  # fmt: skip
    COUNT.require([outcome.name for outcome in Outcome if outcome != Outcome.UNKNOWN])
