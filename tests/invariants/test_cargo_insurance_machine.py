"""Cargo insurance through random histories, beside its model: several policies on one pallet that travels,
gets warm, is rejected, recalled and insured again.

After every step the views, and at the end what the logs say, are those of the model; the books are in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.cargo_insurance import ENDED, OPEN, UNDERWAY, Policy, best
from tests.models.cargo_shadow import CargoShadow
from tests.models.conditions import Disposition
from tests.models.conditions import Policy as Conditions
from tests.models.money_shadow import address_of
from tests.models.segments import TEMPERATURE, Segment
from tests.support import Counters, Forwarder, fresh
from tests.support.cargo import TABLE, USD, Cargo, CargoQuote, Severity
from tests.support.contract import Sender
from tests.support.world import DAY, person

SECOND_TREASURY, SECOND_HOLDER = person("second treasury"), person("second holder")
HOUR = 3600
TABLES = (TABLE, TABLE[:2], (*TABLE, Severity(0, 0, 0, 1_000_000)), ())
VALUES = (500, 500, 500, 800, 900, 1100, 0, -300)
PLACES = (
    "raised a claim", "claimed for a rejection", "ended by time", "ended by the consignee",
    "paid", "paid nothing", "settled by the holder", "settled after the window", "settled at the highest",
    "refunded by a stranger", "refused outside the trip",
)  # fmt: skip
ACTIONS = (
    "openPolicy", "begin", "finish", "claimBreach", "claimRecall", "settle", "cancel", "withdrawCredit",
    "provideCapital", "withdrawCapital", "setUnderwriter",
)  # fmt: skip
HITS = Counters()


class CargoMachine(RuleBasedStateMachine):
    """One pallet, up to five policies."""

    def __init__(self) -> None:
        super().__init__()
        self.node = fresh()
        self.shadow = CargoShadow(self.node)
        self.cargo: Cargo = self.shadow.cargo
        self.quotes: list[tuple[CargoQuote, Conditions]] = []
        self.last: Segment | None = None
        cargo, world = self.cargo, self.cargo.world
        for account in (cargo.treasury, SECOND_TREASURY, SECOND_HOLDER):
            self.shadow.fund(account, 200_000 * USD)
        for treasury in (cargo.treasury, SECOND_TREASURY):
            self.do("provideCapital", 150_000 * USD, sender=treasury)
            self.do("setUnderwriter", cargo.underwriter, True, sender=treasury)
        machine = Forwarder.deploy(self.node, cargo.holder)
        self.people: list[Sender] = [
            cargo.holder, SECOND_HOLDER, cargo.treasury, cargo.underwriter, cargo.keeper, machine,
        ]  # fmt: skip
        self.route = [world.maker, world.carrier, world.distributor]

    # Helpers

    def do(self, function: str, *args: Any, sender: Sender) -> bool:
        happened = self.shadow.do(function, *args, sender=sender)
        if happened:
            HITS.hit(function)
        return happened

    def pick(self, data: st.DataObject, *states: int) -> tuple[CargoQuote, Conditions, Policy]:
        """A policy, mostly in one of the states."""
        fitting = [q for q in self.quotes if self.shadow.policy(q[0]).state in states]
        among = fitting if fitting and data.draw(st.integers(0, 7)) else self.quotes
        quote, conditions = data.draw(st.sampled_from(among))
        return quote, conditions, self.shadow.policy(quote)

    def anybody(self, data: st.DataObject) -> Sender:
        found: Sender = data.draw(st.sampled_from(self.people))
        return found

    def wait_until(self, data: st.DataObject, border: int) -> None:
        """Mostly the first second after a last one, sometimes that last one."""
        self.node.timestamp = max(self.node.timestamp, border + data.draw(st.sampled_from([1, 1, 0])))

    # Time, money, and the world

    @rule(seconds=st.sampled_from([0, 1, 60, HOUR, 6 * HOUR]))
    def wait(self, seconds: int) -> None:
        self.node.warp(seconds)

    @rule(data=st.data(), share=st.integers(0, 11))
    def move_capital(self, data: st.DataObject, share: int) -> None:
        treasury = data.draw(st.sampled_from([self.cargo.treasury, SECOND_TREASURY]))
        what = data.draw(st.sampled_from(["provide", "withdraw", "underwriter"]))
        if what == "provide":
            self.do("provideCapital", share * 500 * USD, sender=treasury)
        elif what == "withdraw":
            amount = self.shadow.model.free[treasury] * share // 10
            self.do("withdrawCapital", min(amount, 20_000 * USD) if share <= 10 else amount, sender=treasury)
        else:
            self.do("setUnderwriter", self.cargo.underwriter, share > 0, sender=treasury)

    @rule(back=st.integers(0, 5))
    def travel(self, back: int) -> None:
        """From hand to hand; sometimes back."""
        cargo = self.cargo
        self.clear()
        step = -1 if back == 0 else 1
        here = next(i for i, org in enumerate(self.route) if org.number == self.custodian)
        cargo.world.move(cargo.cold.pallet, self.route[here], self.route[(here + step) % 3])

    @property
    def custodian(self) -> int:
        found: int = self.cargo.world.twins.custodianOf(self.cargo.cold.pallet)
        return found

    @rule(
        values=st.lists(st.sampled_from(VALUES), min_size=1, max_size=15), back=st.sampled_from([0, 0, 300])
    )
    def measure(self, values: Sequence[int], back: int) -> None:
        """The logger speaks, of now or of a while ago."""
        cargo = self.cargo
        stream = cargo.world.telemetry.stream(cargo.cold.logger.id, cargo.cold.pallet, TEMPERATURE)
        start = max(self.node.timestamp - back, stream.to + 1, cargo.cold.start)
        readings = cargo.cold.every(60, values, start)
        limits = cargo.conditions.limits(TEMPERATURE)
        self.last = cargo.cold.segment(readings, stream.seq + 1, limits)
        cargo.cold.judge(cargo.conditions, self.last)

    @rule(reject=st.booleans())
    def decide(self, reject: bool) -> None:
        """Quality decides about an open breach; a regulator where it was rejected."""
        state = self.cargo.world.conditions.policyState(self.cargo.conditions_id)
        if state.open:
            org = self.cargo.world.regulator if state.disposition == Disposition.REJECT else None
            self.cargo.reject(org, Disposition.REJECT if reject else Disposition.RELEASE)

    def renew(self) -> None:
        """Another version of the conditions, after a breach that quality has released."""
        cargo = self.cargo
        state = cargo.world.conditions.policyState(cargo.conditions_id)
        if self.last and state.breaches and not state.open:
            new = cargo.conditions._replace(version=state.version + 1, start=self.node.timestamp + 1)
            cargo.conditions = cargo.cold.set(new, cargo.world.insurer.quality)
            cargo.cold.judge(new, self.last)
            self.node.timestamp = new.start

    @rule(member=st.booleans(), class_=st.integers(1, 3))
    def recall(self, member: bool, class_: int) -> None:
        self.cargo.recall(class_=class_, member=member)

    def clear(self) -> None:
        """Recalls are lifted and the pallet is no member any more, so that it can travel on."""
        cargo, recalls = self.cargo, self.cargo.world.recalls
        maker, ref = cargo.world.maker, cargo.world.ref()
        for number in range(1, recalls.recallCount() + 1):
            if recalls.isAffected(number, cargo.cold.pallet):
                recalls.lift(number, bytes(range(32)), ref, sender=maker.recall)
                recalls.clearMembers(number, [], [], [cargo.cold.pallet], ref, sender=maker.recall)

    # Policies

    @initialize(data=st.data())
    def open_the_first(self, data: st.DataObject) -> None:
        self.open(data)

    @precondition(lambda self: len(self.quotes) < 5)
    @rule(data=st.data())
    def open(self, data: st.DataObject) -> None:
        if data.draw(st.integers(0, 5)):
            self.decide(False)
            self.renew()
        now, number = self.node.timestamp, len(self.quotes)
        recalls = data.draw(st.sampled_from([(0, 0), (400_000, 2), (1_000_000, 3)]))
        quote = self.cargo.quote(
            data.draw(st.sampled_from(TABLES)),
            holder=SECOND_HOLDER if number % 2 else self.cargo.holder,
            treasury=data.draw(st.sampled_from([self.cargo.treasury, SECOND_TREASURY])),
            consignee=data.draw(st.sampled_from([0, self.route[2].number, self.route[2].number])),
            latestStart=now + data.draw(st.sampled_from([HOUR, DAY])),
            latestEnd=now + 2 * DAY,
            claimWindow=data.draw(st.sampled_from([HOUR, DAY])),
            franchise=data.draw(st.sampled_from([0, 1500 * USD])),
            rejectShare=data.draw(st.sampled_from([0, 500_000, 900_000])),
            recallShare=recalls[0],
            recallClass=recalls[1],
        )
        right = data.draw(st.integers(0, 7))
        if self.shadow.open(quote, sender=quote.shipment.holder if right else self.anybody(data)):
            HITS.hit("openPolicy")
            self.quotes.append((quote, self.cargo.conditions))
            if data.draw(st.integers(0, 3)):
                self.depart(data)

    @precondition(lambda self: self.quotes)
    @rule(data=st.data())
    def depart(self, data: st.DataObject) -> None:
        """Somebody says that the trip begins, mostly when it does; often something goes wrong on it."""
        if data.draw(st.integers(0, 5)):
            for _ in range(2):
                if self.custodian != self.route[1].number:
                    self.travel(1)
        quote, _, _ = self.pick(data, OPEN)
        if self.do("begin", quote, sender=self.anybody(data)) and data.draw(st.integers(0, 3)):
            self.claim(data, data.draw(st.sampled_from([0, 0, 1, 2, 3])))
            if data.draw(st.booleans()):
                self.claim(data, data.draw(st.sampled_from([0, 2, 3])))

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), late=st.booleans())
    def arrive(self, data: st.DataObject, late: bool) -> None:
        quote, _, policy = self.pick(data, UNDERWAY)
        if policy.state == UNDERWAY and late:
            self.wait_until(data, policy.end - 1)
        elif self.custodian == self.route[1].number:
            self.travel(1)
        if self.do("finish", quote, sender=self.anybody(data)):
            HITS.hit("ended by time" if policy.end == quote.shipment.latestEnd else "ended by the consignee")

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), number=st.sampled_from([0, 0, 1, 2, 3]))
    def claim(self, data: st.DataObject, number: int) -> None:
        quote, conditions, policy = self.pick(data, UNDERWAY, ENDED)
        if number < 3 and policy.state == UNDERWAY and data.draw(st.integers(0, 4)):
            self.measure(((900, 1100), (800,) * 12, (-300,))[number], 0)
            if data.draw(st.integers(0, 2)) == 0:
                self.decide(True)
        if number == 3:
            count = self.cargo.world.recalls.recallCount()
            recall = data.draw(st.integers(max(0, count - 2), count + 1))
            if policy.state == UNDERWAY and data.draw(st.booleans()):
                self.cargo.recall()
                recall = count + 1
            self.do("claimRecall", quote, recall, sender=self.anybody(data))
            return
        before = policy.share
        args = quote, conditions, self.cargo.cold.logger.id, TEMPERATURE, number
        if self.do("claimBreach", *args, sender=self.anybody(data)):
            if before:
                HITS.hit("raised a claim")
            if policy.share == quote.shipment.rejectShare:
                HITS.hit("claimed for a rejection")
            highest = policy.share == best(quote) and data.draw(st.booleans())
            if highest and self.do("settle", quote, sender=self.cargo.keeper):
                HITS.hit("settled at the highest")
            return
        breach = self.shadow.model.facts.breach(quote.shipment.conditions, *args[2:])
        if any(breach) and policy.start and not policy.start <= breach.first_crossing < policy.end:
            HITS.hit("refused outside the trip")

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), late=st.sampled_from([False, False, True]))
    def settle(self, data: st.DataObject, late: bool) -> None:
        quote, _, policy = self.pick(data, UNDERWAY, ENDED)
        if policy.state in (UNDERWAY, ENDED) and late:
            self.wait_until(data, policy.last_claim)
        sender = quote.shipment.holder if data.draw(st.booleans()) else self.anybody(data)
        if sender == quote.shipment.holder and not policy.share and data.draw(st.integers(0, 3)):
            sender = self.cargo.keeper
        if self.do("settle", quote, sender=sender):
            HITS.hit("paid" if policy.paid else "paid nothing")
            if sender == quote.shipment.holder:
                HITS.hit("settled by the holder")
            elif self.node.timestamp > policy.last_claim:
                HITS.hit("settled after the window")

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), late=st.integers(0, 5))
    def cancel(self, data: st.DataObject, late: int) -> None:
        quote, _, policy = self.pick(data, OPEN)
        if policy.state == OPEN and late == 0:
            self.wait_until(data, quote.shipment.latestStart)
        sender = self.anybody(data)
        if sender == quote.shipment.holder and data.draw(st.booleans()):
            sender = self.cargo.keeper
        if self.do("cancel", quote, sender=sender) and sender != quote.shipment.holder:
            HITS.hit("refunded by a stranger")

    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        owed = [person for person in self.people if self.shadow.model.credit[address_of(person)]]
        self.do("withdrawCredit", sender=data.draw(st.sampled_from(owed)) if owed else self.anybody(data))

    # What always holds

    @invariant()
    def views_are_those_of_the_model(self) -> None:
        self.shadow.check_views()

    def teardown(self) -> None:
        self.shadow.check_replay()


def test_contract_model_and_logs_agree_whatever_happens() -> None:
    run_state_machine_as_test(CargoMachine, settings=settings(stateful_step_count=60))
    HITS.require(ACTIONS)
    if settings().max_examples >= 100:
        HITS.require(PLACES)
