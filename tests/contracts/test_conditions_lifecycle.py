"""The life of a policy: every state that can be reached x every action x every kind of caller, contract and model
do the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial

import pytest
from eth_utils.crypto import keccak

from tests.models.conditions import Disposition, PolicyState
from tests.models.readings import Rule, RuleKind
from tests.models.segments import TEMPERATURE, Reading
from tests.models.shadow import Move, explore
from tests.models.watch import Signed, Watch
from tests.support import Forwarder, Node
from tests.support.coldchain import COLD, HOT
from tests.support.contract import Sender
from tests.support.words import Duty, EndOfLife
from tests.support.world import Org

RULES = (Rule(RuleKind.INSTANT, HOT), Rule(RuleKind.CONSECUTIVE, COLD, 5))
GOOD, TOO_HOT, TOO_COLD = (500, 500), (500, 900), (-60, 500)
LONGEST_SILENCE = 2000
RECORD = keccak(text="the record that explains the decision")
SEGMENTS, VERSIONS = 2, 2


class Life:
    """One policy on the pallet. The regulator may lose its voice, the pallet may end."""

    def __init__(self, node: Node, setter: str) -> None:
        self.watch = watch = Watch(node)
        self.cold, world = watch.cold, watch.world
        self.setter: Org = getattr(world, setter)
        self.machine = Forwarder.deploy(node, world.stranger)
        world.hire(self.setter, self.machine, Duty.QUALITY)
        watch.catch_up()
        node.warp(1000)
        self.first = self.setter.quality
        self.callers: list[Sender] = [self.first, self.setter.all, self.setter.ship, self.machine]
        self.callers += [world.insurer.all, world.regulator.quality, world.stranger]
        self.segments = {
            (seq, values): self._segment(seq, values)
            for seq in range(1, SEGMENTS + 2)
            for values in (GOOD, TOO_HOT, TOO_COLD)
        }

    def _segment(self, seq: int, values: tuple[int, ...]) -> Signed:
        start = self.cold.start + 10 * seq
        readings = [Reading(start + 5 * i, value) for i, value in enumerate(values)]
        return self.watch.record(self.cold.logger, readings, (HOT, COLD), seq=seq)

    def key(self) -> Hashable:
        watch, ledger = self.watch, self.watch.conditions.ledger
        policy = self.policy(0)
        track = watch.conditions.track(policy, self.cold.logger.id, TEMPERATURE)
        twin = watch.twins.ledger.twins[self.cold.pallet]
        silent = watch.consortium.ledger.orgs[watch.world.regulator.number].suspended
        late = watch.node.timestamp > self.cold.start + LONGEST_SILENCE
        return (
            ledger.states.get(policy.id), policy.id in ledger.policies, self.anchored(), track.seq, track.latched,
            track.tallies, twin.end, silent, late,
        )  # fmt: skip

    def policy(self, version: int):  # noqa: ANN201
        terms = {"setter": self.setter.number, "version": version, "start": self.cold.start}
        return self.cold.policy(RULES, max_silence=LONGEST_SILENCE, **terms)

    def anchored(self) -> int:
        return self.watch.telemetry.ledger.end((self.cold.logger.id, self.cold.pallet, TEMPERATURE))[0]

    def moves(self) -> Iterator[Move]:
        watch, cold, world = self.watch, self.cold, self.watch.world
        rule, pallet = watch.rule, cold.pallet
        state = watch.conditions.ledger.states.get(self.policy(0).id, PolicyState("", 0))
        current = self.policy(state.version)
        for sender in self.callers:
            for version in {state.version, min(state.version + 1, VERSIONS)}:
                yield partial(rule, "setPolicy", self.policy(version), sender=sender)
            yield partial(rule, "closePolicy", pallet, sender=sender)
            for disposition in Disposition:
                decided = pallet, self.setter.number, disposition, RECORD
                yield partial(rule, "dispose", *decided, sender=sender)
        if state.version:
            yield from self.judging(current)
        ended = watch.twins.ledger.twins[pallet].end != EndOfLife.NONE
        if not ended:
            yield partial(watch.do, "retire", pallet, EndOfLife.DESTROYED, world.ref(), sender=world.maker.register)
        silent = watch.consortium.ledger.orgs[world.regulator.number].suspended
        yield partial(watch.govern, "setSuspended", world.regulator.number, not silent, sender=world.governor)

    def judging(self, current) -> Iterator[Move]:  # noqa: ANN001
        watch, anyone, due = self.watch, self.watch.world.stranger, self.anchored() + 1
        for seq in {due - 1, due, due + 1} & set(range(1, SEGMENTS + 1)):
            for values in (GOOD, TOO_HOT, TOO_COLD):
                yield partial(watch.rule, "judge", current, *self.segments[seq, values], sender=anyone)
        track = watch.conditions.track(current, self.cold.logger.id, TEMPERATURE)
        newest = self.cold.start + (10 * track.seq + 5 if track.seq else 0)
        for moment in (newest + LONGEST_SILENCE, newest + LONGEST_SILENCE + 1):
            yield partial(self.silence, max(moment, watch.node.timestamp), current)

    def silence(self, moment: int, current) -> bool:  # noqa: ANN001
        self.watch.node.timestamp = moment
        marked = current, self.cold.logger.id, TEMPERATURE
        return self.watch.rule("markSilent", *marked, sender=self.watch.world.stranger)


@pytest.mark.parametrize("setter", ["maker", "retailer", "regulator"])
def test_the_life_of_a_policy(node: Node, setter: str) -> None:
    life = Life(node, setter)
    states = explore(life.watch, life.moves, life.key)
    life.watch.count.require(["setPolicy", "closePolicy", "judge", "markSilent", "dispose", "retire"])
    assert states > 100
    print(states, life.watch.steps)
