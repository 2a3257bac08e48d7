"""The life of a policy: every state that can be reached x every action x every kind of caller, contract and
model do the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from eth_utils.crypto import keccak

from tests.models.conditions import NO_TRACK, Disposition, Policy, PolicyState
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


@dataclass(frozen=True)
class Scope:
    """How far to go; all of it together is 7,000 states and four minutes for each setter."""

    setter: str
    segments: int = 1
    versions: int = 1
    values: tuple[tuple[int, ...], ...] = (GOOD, TOO_HOT, TOO_COLD)
    unrest: bool = False
    """The regulator may be silenced, the pallet may end."""


class Life:
    """One policy on the pallet."""

    def __init__(self, node: Node, scope: Scope) -> None:
        self.scope = scope
        self.watch = watch = Watch(node)
        self.cold, self.world = watch.cold, watch.world
        self.setter: Org = getattr(watch.world, scope.setter)
        machine = Forwarder.deploy(node, self.world.stranger)
        self.world.hire(self.setter, machine, Duty.QUALITY)
        watch.catch_up()
        world = self.world
        self.callers: list[Sender] = [self.setter.quality, self.setter.all, self.setter.ship, machine]
        self.callers += [world.maker.all, world.insurer.all, world.regulator.quality, world.stranger]
        self.segments = {
            (seq, values): self._segment(seq, values)
            for seq in range(1, scope.segments + 1)
            for values in scope.values
        }

    def _segment(self, seq: int, values: tuple[int, ...]) -> Signed:
        start = self.cold.start + 10 * seq
        readings = [Reading(start + 5 * i, value) for i, value in enumerate(values)]
        return self.watch.record(self.cold.logger, readings, (HOT, COLD), seq=seq)

    # What the future depends on

    def key(self) -> Hashable:
        watch, ledger = self.watch, self.watch.conditions.ledger
        id_ = self.policy(0).id
        track = ledger.tracks.get((id_, self.cold.logger.id, TEMPERATURE), NO_TRACK)
        end = watch.twins.ledger.twins[self.cold.pallet].end
        policy = ledger.states.get(id_), ledger.policies[id_].start if id_ in ledger.policies else None
        return policy, self.anchored(), track, end, self.silenced(), watch.node.timestamp

    def policy(self, version: int, start: int = 0) -> Policy:
        terms = {"setter": self.setter.number, "version": version, "start": start}
        return self.cold.policy(RULES, max_silence=LONGEST_SILENCE, **terms)

    def anchored(self) -> int:
        return self.watch.telemetry.ledger.end((self.cold.logger.id, self.cold.pallet, TEMPERATURE))[0]

    def silenced(self) -> bool:
        return self.watch.consortium.ledger.orgs[self.world.regulator.number].suspended

    # What can be tried

    def moves(self) -> Iterator[Move]:
        watch, pallet, now = self.watch, self.cold.pallet, self.watch.node.timestamp
        state = watch.conditions.ledger.states.get(self.policy(0).id, PolicyState("", 0))
        for sender in self.callers:
            for version in {state.version, min(state.version + 1, self.scope.versions)}:
                yield partial(watch.rule, "setPolicy", self.policy(version, now), sender=sender)
            yield partial(watch.rule, "closePolicy", pallet, sender=sender)
            for disposition in Disposition:
                decided = pallet, self.setter.number, disposition, state.breaches, RECORD
                yield partial(watch.rule, "dispose", *decided, sender=sender)
        decided = pallet, self.setter.number, Disposition.RELEASE, state.breaches + 1, RECORD
        yield partial(watch.rule, "dispose", *decided, sender=self.setter.all)
        current = watch.conditions.ledger.policies.get(self.policy(0).id)
        if current is not None:
            yield from self.judging(current)
        if self.scope.unrest:
            yield from self.unrest()

    def unrest(self) -> Iterator[Move]:
        destroyed = self.cold.pallet, EndOfLife.DESTROYED, self.world.ref()
        yield partial(self.watch.do, "retire", *destroyed, sender=self.world.maker.register)
        regulator, governor = self.world.regulator.number, self.world.governor
        yield partial(self.watch.govern, "setSuspended", regulator, not self.silenced(), sender=governor)

    def judging(self, policy: Policy) -> Iterator[Move]:
        for (seq, _), signed in self.segments.items():
            if seq in (self.anchored(), self.anchored() + 1):
                yield partial(self.judge, seq, policy, signed)
        track = self.watch.conditions.track(policy, self.cold.logger.id, TEMPERATURE)
        stream = self.cold.logger.id, self.cold.pallet, TEMPERATURE
        until = self.watch.conditions.newest(policy, track, stream) + LONGEST_SILENCE
        for moment in (until, until + 1):
            yield partial(self.silence, moment, policy)

    def judge(self, seq: int, policy: Policy, signed: Signed) -> bool:
        self.wait(self.cold.start + 10 * seq + 5)
        return self.watch.rule("judge", policy, *signed, sender=self.world.stranger)

    def silence(self, moment: int, policy: Policy) -> bool:
        self.wait(moment)
        marked = policy, self.cold.logger.id, TEMPERATURE
        return self.watch.rule("markSilent", *marked, sender=self.world.stranger)

    def wait(self, moment: int) -> None:
        self.watch.node.timestamp = max(moment, self.watch.node.timestamp)


@pytest.mark.parametrize(
    "scope",
    [
        Scope("maker", segments=2),
        Scope("maker", versions=2),
        Scope("retailer", values=(TOO_HOT,), unrest=True),
        Scope("regulator", values=(TOO_HOT,), unrest=True),
    ],
    ids=lambda scope: f"{scope.setter}, {scope.segments} segments, {scope.versions} versions",
)
def test_the_life_of_a_policy(node: Node, scope: Scope) -> None:
    life = Life(node, scope)
    explore(life.watch, life.moves, life.key, life.watch.check_conditions)
    life.watch.count.require(["setPolicy", "closePolicy", "judge", "markSilent", "dispose"])
    life.watch.count.require(["retire", "setSuspended"] if scope.unrest else [])
    assert life.watch.steps > 10_000
