"""Vouching, doubting and lying in any order at any time: contract, model and logs agree, no money is lost."""

from __future__ import annotations

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

from tests.models.challenge_shadow import ChallengeShadow, Point
from tests.models.challenges import ANSWER_WINDOW, DEMAND_WINDOW, NOTICE_PERIOD
from tests.models.lies import Forest
from tests.models.segments import Reading, Values
from tests.support import Counters, fresh
from tests.support.guarded import AMOUNT, PRICE, USD
from tests.support.nodes import Account
from tests.support.world import DAY, person

HITS = Counters()
ACTIONS = """
    bond raiseBond giveNotice withdrawBond withdrawCredit settle demand answer claimWithheld
""".split()
PLACES = (
    "answered by somebody else",
    "lost by a lie with demands open",
    "lost by withholding",
    "withheld after the bond was lost",
    "withheld after the device was sold",
    "bonded again",
    "asked by the beneficiary",
)
RIVAL = person("rival")
BASE: list[tuple[ChallengeShadow, Point]] = []


def fresh_shadow() -> ChallengeShadow:
    """Deployed once; each example begins at the same moment."""
    if not BASE:
        shadow = ChallengeShadow(fresh())
        shadow.guarded.fund(RIVAL, 10 * AMOUNT)
        shadow.knows(RIVAL)
        BASE.append((shadow, shadow.now()))
    shadow, point = BASE.pop()
    shadow.again(point)
    BASE.append((shadow, shadow.now()))
    return shadow


class ChallengesMachine(RuleBasedStateMachine):
    """Actions are drawn mostly from those that make sense, at moments when they begin or cease to."""

    def __init__(self) -> None:
        super().__init__()
        self.shadow = fresh_shadow()
        self.guarded = self.shadow.guarded
        self.node = self.shadow.node
        self.forests: list[Forest] = []
        self.lies: list[Forest] = []
        self.bonds = 0
        self.sold = False
        self.people: list[Account] = [
            self.guarded.doubter, self.guarded.beneficiary, self.guarded.gateway, RIVAL,
        ]  # fmt: skip

    def do(self, action: str, *args: object, sender: Account) -> bool:
        happened = self.shadow.do(action, *args, sender=sender)
        if happened:
            HITS.hit(action)
        return happened

    def hit(self, place: str, reached: bool) -> None:
        if reached:
            HITS.hit(place)

    @property
    def at(self) -> tuple[bytes, int]:
        return self.guarded.device, self.guarded.org

    def open(self) -> int:
        return sum(self.shadow.model.open(*self.at))

    # Time and segments

    @rule(seconds=st.sampled_from([0, 1, 3600, DAY, ANSWER_WINDOW + 1, DEMAND_WINDOW]))
    def wait(self, seconds: int) -> None:
        self.node.warp(seconds)

    @initialize()
    def begin(self) -> None:
        self.bond(AMOUNT, PRICE, again=True)
        self.measure(4, lying=False)
        self.measure(3, lying=True)

    @precondition(
        lambda self: len(self.forests) < 5 and self.guarded.device in self.shadow.model.segments.keys
    )
    @rule(count=st.integers(2, 5), lying=st.sampled_from([False, False, True]))
    def measure(self, count: int, lying: bool) -> None:
        cold, seq = self.guarded.cold, len(self.forests) + 1
        start = cold.world.now + 1
        readings = [Reading(start + 60 * i, 500 + i) for i in range(count)]
        words = cold.segment(readings, seq)
        forest = Forest(words, readings)
        if lying and count > 2:
            words = words.with_values(sum=Values.of(words.values).sum + 1)
            forest = Forest(words, readings, {forest.inner[-1]: words.summary})
            self.lies.append(forest)
        self.forests.append(self.shadow.anchor(forest))

    # Bonds

    @rule(
        amount=st.sampled_from([8, AMOUNT, AMOUNT + 3]),
        price=st.sampled_from([0, 1, 2, 3, PRICE]),
        again=st.sampled_from([False, False, False, True]),
    )
    def bond(self, amount: int, price: int, again: bool) -> None:
        """Seldom where there is one."""
        if self.shadow.model.of(*self.at).since and not again:
            return
        done = self.do(
            "bond", self.guarded.device, amount, self.guarded.beneficiary, price, sender=self.guarded.gateway
        )
        self.bonds += done
        self.hit("bonded again", done and self.bonds > 1)

    @precondition(lambda self: self.shadow.model.of(*self.at).amount <= AMOUNT + 3)
    @rule(amount=st.sampled_from([0, 1, USD]), who=st.integers(0, 3))
    def raise_bond(self, amount: int, who: int) -> None:
        self.do("raiseBond", *self.at, amount, sender=self.people[who])

    @rule(who=st.sampled_from([2, 2, 2, 0]))
    def give_notice(self, who: int) -> None:
        self.do("giveNotice", *self.at, sender=self.people[who])

    @rule(who=st.sampled_from([2, 2, 2, 1]), border=st.booleans())
    def withdraw_bond(self, who: int, border: bool) -> None:
        notice = self.shadow.model.of(*self.at).notice_at
        if border and notice:
            self.node.timestamp = max(self.node.timestamp, notice + NOTICE_PERIOD)
        self.do("withdrawBond", *self.at, sender=self.people[who])

    @rule(who=st.integers(0, 3))
    def withdraw_credit(self, who: int) -> None:
        self.do("withdrawCredit", sender=self.people[who])

    # Lies

    @precondition(lambda self: self.open() > 1 or not self.shadow.model.of(*self.at).since)
    @rule(data=st.data(), who=st.integers(0, 3), org=st.sampled_from([None, None, 0, 2]))
    def settle(self, data: st.DataObject, who: int, org: int | None) -> None:
        """Mostly a lie, which is proved first."""
        forest = data.draw(st.sampled_from([*self.lies, self.forests[0]]))
        false = self.shadow.model.segments.false
        if forest in self.lies and self.guarded.digest(forest) not in false:
            self.shadow.prove(forest, self.people[who])
        before = self.shadow.model.of(*self.at).amount, self.open()
        of = self.guarded.org if org is None else org
        self.do("settle", forest.signed, of, sender=RIVAL)
        lost = before[0] > self.shadow.model.of(*self.at).amount
        self.hit("lost by a lie with demands open", lost and before[1] > 0)

    # Demands

    @rule(data=st.data(), index=st.integers(0, 4), who=st.sampled_from([0, 0, 1, 2, 3]))
    def demand(self, data: st.DataObject, index: int, who: int) -> None:
        forest = data.draw(st.sampled_from(self.forests))
        done = self.do("demand", forest.signed, index, self.guarded.org, sender=self.people[who])
        self.hit("asked by the beneficiary", done and who == 1)

    @precondition(lambda self: self.shadow.model.demands)
    @rule(data=st.data(), who=st.sampled_from([3, 2]), wrong=st.sampled_from([0, 0, 0, 1]))
    def answer(self, data: st.DataObject, who: int, wrong: int) -> None:
        digest, index, org = data.draw(st.sampled_from(sorted(self.shadow.model.demands)))
        forest = self.forest(digest)
        if forest in self.lies and data.draw(st.booleans()):
            return
        time, value = forest.readings[index]
        args = forest.signed, org, (index, time, value + wrong), forest.proof(index)
        done = self.do("answer", *args, sender=self.people[who])
        self.hit("answered by somebody else", done and who == 3)

    @precondition(lambda self: self.shadow.model.demands)
    @rule(data=st.data(), late=st.sampled_from([0, 1, 1, 1]))
    def claim(self, data: st.DataObject, late: int) -> None:
        model = self.shadow.model
        digest, index, org = data.draw(st.sampled_from(sorted(model.demands)))
        until = model.demands[digest, index, org].until
        self.node.timestamp = max(self.node.timestamp, until + late)
        lost, false = not model.of(*self.at).since, digest in model.segments.false
        done = self.do("claimWithheld", self.forest(digest).signed, index, org, sender=RIVAL)
        self.hit("lost by withholding", done and not lost)
        self.hit("withheld after the bond was lost", done and lost)
        self.hit("withheld after the device was sold", done and self.sold and not false)

    @precondition(lambda self: not self.sold and self.open() > 1)
    @rule()
    def sell(self) -> None:
        world = self.guarded.cold.world
        world.give_title(self.guarded.device, world.maker, world.carrier)
        self.shadow.model.segments.owners[self.guarded.device] = world.carrier.number
        self.sold = True

    def forest(self, digest: bytes) -> Forest:
        signed, _ = self.shadow.model.segments.anchored[digest]
        return next(forest for forest in self.forests if forest.signed == signed)

    @invariant()
    def nothing_is_lost(self) -> None:
        self.shadow.check_money()

    def teardown(self) -> None:
        self.shadow.check_views()


def test_challenges_follow_their_model() -> None:
    run_state_machine_as_test(ChallengesMachine, settings=settings(stateful_step_count=80))
    HITS.require([*ACTIONS, *PLACES])
