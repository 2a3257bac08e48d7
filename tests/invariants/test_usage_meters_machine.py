"""Paying in, counting, giving notice and leaving in any order: nothing is charged that was not signed, and
what the contract owes to everybody is what it has.
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

from tests.models.licence_shadow import MeterPoint, MeterShadow
from tests.models.usage_meters import NOTICE
from tests.support import Counters, fresh
from tests.support.metering import Metering
from tests.support.world import DAY

COUNT = Counters()
ACTIONS = ["openMeter", "fund", "record", "giveNotice", "closeMeter", "withdrawCredit"]
PLACES = ["in debt", "debt paid", "closed in debt", "closed with a rest", "left by the payer", "refused"]


@cache
def beginning() -> tuple[Metering, MeterPoint]:
    """One chain for all examples, and the moment at which each of them begins."""
    metering = Metering(MeterShadow(fresh()))
    metering.open()
    metering.shadow.supply(metering.payee)
    return metering, metering.shadow.point()


class Histories(RuleBasedStateMachine):
    """Every rule draws what probably succeeds; what does not must be refused by contract and model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.metering, start = beginning()
        self.shadow, self.world = self.metering.shadow, self.metering.world
        self.shadow.back_to(start)
        self.charged = 0
        self.people = [self.metering.payer, self.metering.payee, self.world.supplier.all]

    @property
    def meters(self) -> dict[bytes, Any]:
        return self.shadow.metering.ledger.meters

    def one(self, data: st.DataObject) -> bytes:
        """A meter, mostly one that is open."""
        running = [id_ for id_, meter in self.meters.items() if not meter.closed]
        return data.draw(st.sampled_from(running or list(self.meters)))

    def do(self, function: str, *args: Any, sender: Any) -> bool:
        done = self.shadow.meter(function, *args, sender=sender)
        COUNT.hit(function if done else "refused")
        return done

    @rule(price=st.sampled_from([0, 1, 7, 1000]), start=st.integers(0, 9), payee=st.integers(0, 1))
    @precondition(lambda self: len(self.meters) < 4)
    def open(self, price: int, start: int, payee: int) -> None:
        salt = len(self.meters).to_bytes(32, "big")
        terms = self.metering.terms_of(price=price, start=start, payee=self.people[payee], salt=salt)
        self.do("openMeter", terms, sender=self.world.maker.finance)

    @rule(data=st.data(), amount=st.sampled_from([0, 1, 500, 10**6]))
    def fund(self, data: st.DataObject, amount: int) -> None:
        meter = self.one(data)
        indebted = self.meters[meter].debt
        sender = data.draw(st.sampled_from([self.metering.payer] * 3 + self.people))
        if self.do("fund", meter, amount, sender=sender) and indebted:
            COUNT.hit("debt paid")

    @rule(data=st.data(), steps=st.sampled_from([0, 1, 2, 40, 1000]), late=st.sampled_from([-1, 0, DAY + 1]))
    def record(self, data: st.DataObject, steps: int, late: int) -> None:
        meter = self.one(data)
        if self.metering.record(meter, self.meters[meter].counter + steps, self.world.now + late):
            COUNT.hit("record")
            if self.meters[meter].debt:
                COUNT.hit("in debt")

    @rule(data=st.data())
    def give_notice(self, data: st.DataObject) -> None:
        meter = self.one(data)
        sender = data.draw(st.sampled_from([self.meters[meter].payer, self.people[2]]))
        self.do("giveNotice", meter, sender=sender)

    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        meter = self.one(data)
        it = self.meters[meter]
        sender = data.draw(st.sampled_from([it.payer, it.payer, it.terms.payee, self.people[2]]))
        if self.do("closeMeter", meter, sender=sender):
            reached = {
                "closed in debt": it.debt > 0,
                "closed with a rest": it.balance > 0,
                "left by the payer": sender != it.terms.payee,
            }
            for place in (place for place, here in reached.items() if here):
                COUNT.hit(place)

    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        self.do("withdrawCredit", sender=data.draw(st.sampled_from(self.people)))

    @rule(seconds=st.sampled_from([1, DAY, NOTICE - 1, NOTICE]))
    def wait(self, seconds: int) -> None:
        self.shadow.node.warp(seconds)

    @invariant()
    def nothing_is_charged_that_was_not_signed(self) -> None:
        for meter in self.meters.values():
            assert 0 <= meter.paid_for <= meter.used
            assert meter.paid_in == meter.balance + meter.paid_out
            assert meter.balance == 0 or meter.debt == 0

    def teardown(self) -> None:
        self.shadow.check_meters()


def test_money_is_conserved() -> None:
    run_state_machine_as_test(Histories)
    COUNT.require([*ACTIONS, *PLACES])
