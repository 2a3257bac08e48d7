"""All short streams of readings, cut into segments in all ways: the contract finds what the model finds in
the raw readings, which knows nothing of segments. So every cut gives the same breaches.

Where devices keep something back, by gaps inside a segment or by limits that they do not tell of, the model
takes the segment's readings as unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product

import pytest
from eth_utils.crypto import keccak

from tests.models import bits
from tests.models.conditions import NO_TALLIES, Breach, Policy, Tally, extreme_of, packed
from tests.models.readings import Finding, Rule, RuleKind, judge, known
from tests.models.segments import Limit, Reading, Segment, Standing, build
from tests.support import Node, Receipt, deploy
from tests.support.coldchain import ColdChain

MAX_INTERVAL = 100
GAP = MAX_INTERVAL + 1
LOW, HIGH = Limit(-50, high=False), Limit(800, high=True)
TALLIES, JUDGED, FOUND = (
    keccak(text=event)
    for event in (
        "TalliesChanged(bytes32,bytes32,uint16,uint256[2])",
        "SegmentJudged(bytes32,bytes32,uint256)",
        "BreachFound(bytes32,bytes32,bytes32,uint16,uint8,(uint40,int32,uint32,uint32,uint40),bool)",
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


def counts_for(low: Limit, high: Limit, inside: int, above: int) -> tuple[Rule, ...]:
    """Excursions on both sides, and bands between the limits, from the high one on, and of one value."""
    times = [Rule(RuleKind.COUNT, limit, times) for limit in (low, high) for times in (1, 2)]
    ends = (Limit(low.value + 1, True), high.value), (high, high.value + 1), (high, 2**31 - 1)
    bands = [Rule(RuleKind.BAND_BUDGET, limit, inside, upper=end) for limit, end in ends]
    return (*times, *bands, bands[1]._replace(duration=above))


@dataclass(frozen=True)
class Space:
    """Which streams: every combination, up to so many readings."""

    most: int
    values: tuple[int, ...]
    intervals: tuple[int, ...]
    firsts: tuple[int, ...]
    """Seconds from the policy's start to the first reading."""
    rules: tuple[Rule, ...]
    held: int | None = None
    """Value when the policy starts."""
    telling: bool = True
    """The device tells of every limit."""
    tearing: bool = False
    """The device goes on with a segment after a gap."""

    @property
    def inside(self) -> tuple[int, ...]:
        """Intervals within a segment."""
        return tuple(i for i in self.intervals if self.tearing or i <= MAX_INTERVAL)

    @property
    def told(self) -> list[Limit]:
        return [limit for rule in self.rules for limit in rule.limits] if self.telling else []

    def cuts(self) -> int:
        """How many streams there are, each in every way in which it can be cut."""
        steps = len(self.values) * (len(self.intervals) + len(self.inside))
        return sum(len(self.firsts) * len(self.values) * steps**n for n in range(self.most))

    def says(self, rule: Rule, parts: Sequence[Part]) -> list[Reading]:
        """What a rule gets to know; where nothing is kept back, the readings, however they are cut."""
        return [reading for part in parts for reading in known(rule, part, self.told, MAX_INTERVAL)]


ALL, SIDES = (-51, -50, 300, 800, 801), (-50, 300, 800)
SPACES = {
    "three readings, everything": Space(
        3, ALL, (60, 100, GAP), (0, 100, GAP), rules_for(LOW, HIGH, 160, 160, GAP)
    ),
    "four readings, both sides": Space(4, SIDES, (100, GAP), (0, GAP), rules_for(LOW, HIGH, 201, 302, 202)),
    "six readings, one side": Space(6, (799, 800), (100, GAP), (0,), rules_for(LOW, HIGH, 301, 402, 303)),
    "four readings, one limit for both sides": Space(
        4, (299, 300, 301), (99, 100), (100,), rules_for(Limit(300, False), Limit(300, True), 199, 298, 1)
    ),
    "after a high reading": Space(
        3, SIDES, (100, GAP), (0, 100, GAP), rules_for(LOW, HIGH, 201, 200, GAP), held=800
    ),
    "after a low reading": Space(
        3, SIDES, (100, GAP), (0, 100, GAP), rules_for(LOW, HIGH, 100, 201, GAP), held=-50
    ),
    "gaps inside": Space(4, (300, 800), (100, GAP), (0,), rules_for(LOW, HIGH, 302, 302, 202), tearing=True),
    "untold limits": Space(4, SIDES, (100, GAP), (0,), rules_for(LOW, HIGH, 301, 301, GAP), telling=False),
    "gaps inside and untold limits": Space(
        3, SIDES, (100, GAP), (0, GAP), rules_for(LOW, HIGH, 201, 302, 202), telling=False, tearing=True
    ),
    "counts and bands": Space(4, ALL[1:], (100, GAP), (0, GAP), counts_for(LOW, HIGH, 201, 101)),
    "counts and bands after a high reading": Space(
        3, ALL, (100, GAP), (0, 100, GAP), counts_for(LOW, HIGH, 101, 100), held=800
    ),
    "counts and bands after a higher one": Space(
        3, (-50, 300, 801), (100, GAP), (0, 100, GAP), counts_for(LOW, HIGH, 101, 100), held=801
    ),
    "counts and bands with gaps inside": Space(
        3, ALL[1:], (100, GAP), (0, GAP), counts_for(LOW, HIGH, 201, 101), tearing=True
    ),
    "counts and bands untold": Space(
        3, ALL, (100, GAP), (0,), counts_for(LOW, HIGH, 201, 101), telling=False
    ),
}


class Judging:
    """The contract, a policy whose setter cannot hold, and a device that signs anything."""

    def __init__(self, node: Node, space: Space) -> None:
        self.cold = cold = ColdChain.create(node)
        self.anyone = bytes.fromhex(deploy(node, "AnySignature").address[2:])
        cold.devices.rotateKey(cold.logger.id, self.anyone, sender=cold.world.maker.device_admin)
        setter = cold.world.retailer
        terms = {"setter": setter.number, "max_interval": MAX_INTERVAL, "start": cold.start + 10}
        self.policy: Policy = cold.set(cold.policy(space.rules, **terms), setter.quality)
        self.limits = space.told
        node.warp(10_000)
        if space.held is not None:
            assert self.judge([Reading(cold.start, space.held)], 1).ok

    def judge(self, readings: Sequence[Reading], seq: int) -> Receipt:
        segment = build(self.cold.logger.id, self.cold.pallet, seq=seq, readings=readings, limits=self.limits)
        to, sender = self.cold.conditions.address, self.cold.world.stranger
        return self.cold.node.tx(sender, to, self._template(len(segment.excursions)).filled(segment))

    @cache  # noqa: B019 - lives as long as the test
    def _template(self, excursions: int) -> Template:
        words = *MARKS[:2], MARKS[3:][:excursions], (), bytes(32)
        blank = Segment(self.cold.logger.id, self.cold.pallet, *words)
        return Template(self.cold.conditions.judge.encode(self.policy, blank, self.anyone, b""), excursions)


MARKS = tuple(int.from_bytes(keccak(text=f"mark {i}"), "big") for i in range(19))


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


Part = tuple[Reading, ...]
"""A segment's readings."""


@dataclass(frozen=True)
class State:
    """What was judged so far."""

    parts: tuple[Part, ...] = ()
    seq: int = 0
    latched: int = 0
    tallies: tuple[Tally, ...] = NO_TALLIES


@pytest.mark.parametrize("name", SPACES)
def test_every_cut_of_every_stream(node: Node, name: str) -> None:
    space = SPACES[name]
    judging = Judging(node, space)
    start = judging.policy.start
    cases = 0

    def visit(state: State) -> None:
        nonlocal cases
        here = node.snapshot()
        for part in parts_after(space, start, state):
            receipt = judging.judge(part, state.seq + 1)
            after = check(space, start, state, (*state.parts, part), receipt)
            cases += 1
            if sum(map(len, after.parts)) < space.most:
                visit(after)
            node.revert(here)

    visit(State(seq=0 if space.held is None else 1))
    assert cases == space.cuts()


def parts_after(space: Space, start: int, state: State) -> Iterator[Part]:
    """All segments that can follow."""
    before = state.parts[-1][-1].time if state.parts else start
    waits = space.intervals if state.parts else space.firsts
    for count in range(1, space.most - sum(map(len, state.parts)) + 1):
        for values in product(space.values, repeat=count):
            for wait, *steps in product(waits, *[space.inside] * (count - 1)):
                times = [before + wait + sum(steps[:i]) for i in range(count)]
                yield tuple(map(Reading, times, values))


def check(space: Space, start: int, state: State, parts: tuple[Part, ...], receipt: Receipt) -> State:
    """The events are those of the model; returns what follows."""
    tallies, breaches = list(state.tallies), {}
    readings = tuple(reading for part in parts for reading in part)
    for place, rule in enumerate(space.rules):
        finding = find(rule, tuple(space.says(rule, parts)), start, space.held)
        if finding.onset is None:
            continue
        tallies[place] = Tally(finding.running, finding.onset - start + 1)
        if finding.broken and not state.latched >> place & 1:
            extreme = extreme_of(rule, readings)
            breaches[place] = Breach(
                finding.onset, extreme, finding.reached, state.seq + 1, readings[-1].time
            )
    latched = state.latched | sum(1 << place for place in breaches)
    changed = [] if tuple(tallies) == state.tallies else packed(tallies)
    assert told(receipt) == (latched, changed, breaches), (state, parts)
    return State(parts, state.seq + 1, latched, tuple(tallies))


@lru_cache(maxsize=1 << 16)
def find(rule: Rule, readings: Part, start: int, held: int | None) -> Finding:
    """The model's answer, the same for every cut."""
    return judge(rule, readings, start, MAX_INTERVAL, held)


def told(receipt: Receipt) -> tuple[int, list[int], dict[int, Breach]]:
    """The rules broken by now, the tallies if they changed, and the breaches found."""
    assert receipt.ok
    latched, tallies, breaches = -1, [], {}
    for log in receipt.logs:
        words = [int.from_bytes(log.data[i : i + 32], "big") for i in range(0, len(log.data), 32)]
        if log.topics[0] == JUDGED:
            latched = Standing.of(words[0]).latched
        elif log.topics[0] == TALLIES:
            tallies = words[1:]
        elif log.topics[0] == FOUND:
            _, rule, crossing, extreme, time, seq, until, _ = words
            breaches[rule] = Breach(crossing, bits.signed(extreme & 2**32 - 1, 32), time, seq, until)
    return latched, tallies, breaches
