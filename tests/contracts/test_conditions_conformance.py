"""All short streams of readings, cut into segments in all ways: the contract finds what the model finds in the raw
readings, which knows nothing of segments. So every cut gives the same breaches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import pytest
from eth_utils.crypto import keccak

from tests.models import bits
from tests.models.conditions import NO_TALLIES, Breach, Policy, Tally, extreme_of, packed
from tests.models.readings import Finding, Rule, RuleKind, judge
from tests.models.segments import Limit, Reading, Segment, build
from tests.support import Node, Receipt, deploy
from tests.support.coldchain import ColdChain

MAX_INTERVAL = 100
GAP = MAX_INTERVAL + 1
LOW, HIGH = Limit(-50, high=False), Limit(800, high=True)
TALLIES, JUDGED, FOUND = (
    keccak(text=event)
    for event in (
        "TalliesChanged(bytes32,bytes32,uint16,uint256[2])",
        "SegmentJudged(bytes32,bytes32,uint16,uint32,uint16)",
        "BreachFound(bytes32,bytes32,bytes32,uint16,uint8,(uint40,int32,uint32,uint32),bool)",
    )
)


def rules_for(low: Limit, high: Limit, run: int, total: int, gaps: int) -> tuple[Rule, ...]:
    """All kinds on both sides, and one that takes a second longer."""
    timed = [
        Rule(kind, limit, duration)
        for kind, duration in ((RuleKind.CONSECUTIVE, run), (RuleKind.CUMULATIVE, total))
        for limit in (low, high)
    ]
    instant = [Rule(RuleKind.INSTANT, limit) for limit in (low, high)]
    return (*instant, *timed, Rule(RuleKind.GAP, duration=gaps), timed[1]._replace(duration=run + 1))


@dataclass(frozen=True)
class Space:
    """Which streams: every combination, up to so many readings."""

    most: int
    values: tuple[int, ...]
    intervals: tuple[int, ...]
    firsts: tuple[int, ...]
    """Seconds from the policy's start to the first reading."""
    rules: tuple[Rule, ...]

    def cuts(self) -> int:
        """How many streams there are, each cut in every way that ends segments at gaps."""
        short = sum(interval <= MAX_INTERVAL for interval in self.intervals)
        steps = len(self.values) * (len(self.intervals) + short)
        return sum(len(self.firsts) * len(self.values) * steps**n for n in range(self.most))


SPACES = {
    "three readings, everything": Space(
        3, (-51, -50, 300, 800, 801), (60, 100, GAP), (0, 100, GAP), rules_for(LOW, HIGH, 160, 160, GAP)
    ),
    "four readings, both sides": Space(
        4, (-50, 300, 800), (100, GAP), (0, GAP), rules_for(LOW, HIGH, 201, 302, 202)
    ),
    "six readings, one side": Space(6, (799, 800), (100, GAP), (0,), rules_for(LOW, HIGH, 301, 402, 303)),
    "four readings, one limit for both sides": Space(
        4, (299, 300, 301), (99, 100), (100,), rules_for(Limit(300, False), Limit(300, True), 199, 298, 1)
    ),
}


class Judging:
    """The contract, a policy whose setter cannot hold, and a device that signs anything."""

    def __init__(self, node: Node, rules: Sequence[Rule]) -> None:
        self.cold = cold = ColdChain.create(node)
        self.anyone = bytes.fromhex(deploy(node, "AnySignature").address[2:])
        cold.devices.rotateKey(cold.logger.id, self.anyone, sender=cold.world.maker.device_admin)
        setter = cold.world.retailer
        terms = cold.policy(rules, setter=setter.number, max_interval=MAX_INTERVAL, start=cold.start)
        self.policy: Policy = cold.set(terms, setter.quality)
        self.limits = self.policy.limits(1)
        node.warp(10_000)

    def judge(self, readings: Sequence[Reading], seq: int) -> Receipt:
        segment = build(
            self.cold.logger.id, self.cold.pallet, seq=seq, readings=readings, limits=self.limits
        )
        to, sender = self.cold.conditions.address, self.cold.world.stranger
        return self.cold.node.tx(sender, to, self._template(len(segment.excursions)).filled(segment))

    @cache  # noqa: B019 - lives as long as the test
    def _template(self, excursions: int) -> Template:
        blank = Segment(self.cold.logger.id, self.cold.pallet, *MARKS[:2], MARKS[3:][:excursions], bytes(32))
        return Template(self.cold.conditions.judge.encode(self.policy, blank, self.anyone, b""), excursions)


MARKS = tuple(int.from_bytes(keccak(text=f"mark {i}"), "big") for i in range(11))


class Template:
    """Calldata with places to fill in: encoding each segment anew would take most of the time."""

    def __init__(self, data: bytes, excursions: int) -> None:
        marks = (*MARKS[:2], *MARKS[3:][:excursions])
        self._data = data
        self._places = [data.index(mark.to_bytes(32, "big")) for mark in marks]

    def filled(self, segment: Segment) -> bytes:
        data = bytearray(self._data)
        words = (segment.frame, segment.values, *segment.excursions)
        for place, word in zip(self._places, words, strict=True):
            data[place : place + 32] = word.to_bytes(32, "big")
        return bytes(data)


@dataclass(frozen=True)
class State:
    """What was judged so far."""

    readings: tuple[Reading, ...] = ()
    seq: int = 0
    latched: int = 0
    tallies: tuple[Tally, ...] = NO_TALLIES


@pytest.mark.parametrize("name", SPACES)
def test_every_cut_of_every_stream(node: Node, name: str) -> None:
    space = SPACES[name]
    judging = Judging(node, space.rules)
    start = judging.policy.start
    cases = 0

    @cache
    def findings(readings: tuple[Reading, ...]) -> list[Finding]:
        return [judge(rule, readings, start, MAX_INTERVAL) for rule in space.rules]

    def visit(state: State) -> None:
        nonlocal cases
        here = node.snapshot()
        for segment in segments(space, start, state.readings):
            readings = state.readings + segment
            receipt = judging.judge(segment, state.seq + 1)
            after = check(space.rules, start, state, readings, findings(readings), receipt)
            cases += 1
            if len(readings) < space.most:
                visit(after)
            node.revert(here)

    visit(State())
    assert cases == space.cuts()


def segments(space: Space, start: int, before: Sequence[Reading]) -> Iterator[tuple[Reading, ...]]:
    """All segments that can follow."""
    since, waits = (before[-1].time, space.intervals) if before else (start, space.firsts)
    inside = [interval for interval in space.intervals if interval <= MAX_INTERVAL]
    for count in range(1, space.most - len(before) + 1):
        for values in product(space.values, repeat=count):
            for wait, *steps in product(waits, *[inside] * (count - 1)):
                times = [since + wait + sum(steps[:i]) for i in range(count)]
                yield tuple(map(Reading, times, values))


def check(
    rules: Sequence[Rule],
    start: int,
    state: State,
    readings: tuple[Reading, ...],
    findings: Iterable[Finding],
    receipt: Receipt,
) -> State:
    """The events are those of the model; returns what follows."""
    tallies, breaches = list(state.tallies), {}
    for place, (rule, finding) in enumerate(zip(rules, findings, strict=True)):
        if finding.onset is None:
            continue
        tallies[place] = Tally(finding.running, finding.onset - start + 1)
        if finding.broken and not state.latched >> place & 1:
            extreme = extreme_of(rule, readings)
            breaches[place] = Breach(finding.onset, extreme, finding.reached, state.seq + 1)
    latched = state.latched | sum(1 << place for place in breaches)
    changed = [] if tuple(tallies) == state.tallies else packed(tallies)
    assert told(receipt) == (latched, changed, breaches), (state, readings)
    return State(readings, state.seq + 1, latched, tuple(tallies))


def told(receipt: Receipt) -> tuple[int, list[int], dict[int, Breach]]:
    """The rules broken by now, the tallies if they changed, and the breaches found."""
    assert receipt.ok
    latched, tallies, breaches = -1, [], {}
    for log in receipt.logs:
        words = [int.from_bytes(log.data[i : i + 32], "big") for i in range(0, len(log.data), 32)]
        if log.topics[0] == JUDGED:
            latched = words[2]
        elif log.topics[0] == TALLIES:
            tallies = words[1:]
        elif log.topics[0] == FOUND:
            _, rule, crossing, extreme, time, seq, _ = words
            breaches[rule] = Breach(crossing, bits.signed(extreme & 2**32 - 1, 32), time, seq)
    return latched, tallies, breaches
