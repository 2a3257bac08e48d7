"""A liar is caught with one step of a proof, wherever in the tree it lied; the honest never are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from tests.models import bits
from tests.models.lies import FalseNode, Forest, Leaf, Place
from tests.models.segments import HUMIDITY, Frame, Limit, Reading, Segment, Step, Values, hashed
from tests.support import Counters, Forwarder, Node, Receipt, Reverted, fresh, reverts
from tests.support.coldchain import ColdChain
from tests.support.words import Kind
from tests.support.world import person, sscc

NONE, FALSE_SUMMARY, CONTRADICTION, EQUIVOCATION, WITHHELD = range(5)
SIZES = [*range(1, 10), 16, 17]
LIMITS = (Limit(-50, False), Limit(800, True))
VALUES = (512, -60, 815, 500, 815, -70, 820, -50, 800, 0)


class Court:
    """A logger that signs any tree, and whoever accuses it."""

    def __init__(self, cold: ColdChain) -> None:
        self.cold = cold
        self.telemetry = cold.telemetry
        self.accuser = person("accuser")

    @classmethod
    def sits(cls, node: Node) -> Court:
        return cls(ColdChain.create(node))

    def readings(self, count: int) -> list[Reading]:
        return self.cold.every(300, [VALUES[i % len(VALUES)] for i in range(count)], self.cold.start)

    def forest(self, readings: list[Reading], *lies: Any, change: Any = None, **about: Any) -> Forest:
        segment = self.cold.segment(readings, limits=LIMITS, histogram=True, **about)
        forest = Forest(change(segment) if change else segment, readings, *lies)
        self.cold.anchor(forest.signed)
        return forest

    def summary(self, forest: Forest, place: Place) -> Receipt:
        receipt: Receipt = self.telemetry.proveFalseSummary(
            forest.signed, forest.node(*place), sender=self.accuser
        )
        return receipt

    def reading(self, forest: Forest, place: int) -> Receipt:
        leaf = forest.leaves[place]
        shown = place, (leaf.index, leaf.time, leaf.value), leaf.seq, forest.proof(place)
        receipt: Receipt = self.telemetry.proveContradiction(forest.signed, *shown, sender=self.accuser)
        return receipt

    def told(self, forest: Forest) -> bytes:
        digest: bytes = self.telemetry.digestOf(forest.signed)
        return digest

    def convicted(self, forest: Forest) -> list[Place | int]:
        """Every node and every reading that proves something; nothing is changed."""
        found: list[Place | int] = []
        here = self.cold.node.snapshot()
        accusations: list[tuple[Place | int, Callable[[], Receipt]]] = [
            *((place, lambda p=place: self.summary(forest, p)) for place in forest.inner),
            *((index, lambda i=index: self.reading(forest, i)) for index in range(len(forest.leaves))),
        ]
        for place, accuse in accusations:
            try:
                accuse()
            except Reverted as reverted:
                assert (reverted.error, tuple(reverted.values)) == ("NoLie", (self.told(forest),))
                assert not self.telemetry.falsified(self.told(forest))
            else:
                assert self.telemetry.falsified(self.told(forest))
                found.append(place)
            self.cold.node.revert(here)
            here = self.cold.node.snapshot()
        return found


@pytest.fixture
def court(node: Node) -> Court:
    return Court.sits(node)


def above(forest: Forest, place: Place) -> Place | None:
    """The next node above that has two below it."""
    height, at = place
    while height + 1 < len(forest.levels):
        height, at = height + 1, at // 2
        if (height, at) in forest.inner:
            return height, at
    return None


# The honest


@pytest.mark.parametrize("count", SIZES)
def test_the_honest_are_never_convicted(court: Court, count: int) -> None:
    assert court.convicted(court.forest(court.readings(count))) == []


# A false summary


def other(words: list[int], place: int, change: Callable[[int], int]) -> list[int]:
    return [*words[:place], change(words[place]), *words[place + 1 :]]


@pytest.mark.parametrize("count", SIZES[2:])
def test_a_node_that_lies_is_found_and_the_one_above_it(court: Court, count: int) -> None:
    """The summaries above are true, so the one right above does not follow from the false one."""
    readings, base = court.readings(count), court.cold.node.snapshot()
    true = Forest(court.cold.segment(readings, limits=LIMITS, histogram=True), readings)
    for place in true.inner[:-1]:
        lie = court.forest(readings, {place: other(true.summary(*place), 1, lambda w: w + (1 << 96))})
        assert set(court.convicted(lie)) == {place, above(lie, place)}
        court.cold.node.revert(base)
        base = court.cold.node.snapshot()


WORDS = ["frame", "values", "low", "high", "histogram"]


@pytest.mark.parametrize("word", range(5), ids=WORDS)
def test_no_bit_of_a_summary_can_be_false(court: Court, word: int) -> None:
    readings = court.readings(6)
    segment = court.cold.segment(readings, limits=LIMITS, histogram=True)
    true, base = Forest(segment, readings), court.cold.node.snapshot()
    assert len(segment.summary) == len(WORDS)
    for bit in range(256):
        said = other(true.summary(1, 1), word, lambda w, b=bit: w ^ 1 << b)
        court.summary(court.forest(readings, {(1, 1): said}), (1, 1))
        court.cold.node.revert(base)
        base = court.cold.node.snapshot()


def test_a_summary_with_other_words_is_false(court: Court) -> None:
    """One without the histogram, one with a word more, one of nothing at all."""
    readings = court.readings(6)
    true = court.cold.segment(readings, limits=LIMITS, histogram=True)
    words, base = Forest(true, readings).summary(1, 1), court.cold.node.snapshot()
    for said in (words[:-1], words[:4], [*words, 0], [], words[1:]):
        court.summary(court.forest(readings, {(1, 1): said}), (1, 1))
        court.cold.node.revert(base)
        base = court.cold.node.snapshot()


def test_what_the_device_signed_must_be_what_its_tree_says(court: Court) -> None:
    """The tree is honest, the signed summary is another: every way up shows it."""
    readings = court.readings(4)
    honest = Forest(court.cold.segment(readings, limits=LIMITS, histogram=True), readings)
    signed = honest.signed.with_values(max=821)
    court.cold.anchor(signed)
    here = court.cold.node.snapshot()
    for place in honest.inner:
        court.telemetry.proveFalseSummary(signed, honest.node(*place), sender=court.accuser)
        court.cold.node.revert(here)
        here = court.cold.node.snapshot()
    for index, reading in enumerate(readings):
        shown = index, (index, *reading), 1, honest.proof(index)
        court.telemetry.proveContradiction(signed, *shown, sender=court.accuser)
        court.cold.node.revert(here)
        here = court.cold.node.snapshot()


@pytest.mark.parametrize("count", [3, 4, 5])
def test_a_false_summary_that_was_signed_is_false_at_the_top(court: Court, count: int) -> None:
    readings = court.readings(count)
    segment = court.cold.segment(readings, limits=LIMITS, histogram=True)
    segment = segment.with_values(sum=Values.of(segment.values).sum + 1)
    top = Forest(segment, readings).inner[-1]
    lie = Forest(segment, readings, {top: segment.summary})
    court.cold.anchor(lie.signed)
    assert court.convicted(lie) == [top]


# Leaves


@pytest.mark.parametrize(
    "changes", [{"index": 3}, {"index": 1}, {"seq": 2}, {"seq": 0}, {"index": 2**32 - 1}]
)
@pytest.mark.parametrize("count", [1, 3, 4])
def test_a_leaf_that_says_it_is_elsewhere(court: Court, count: int, changes: dict[str, int]) -> None:
    """Shown as a reading, and by the node above it."""
    readings = court.readings(count)
    index = count - 1 if count < 4 else 2
    if changes.get("index") == index:
        return
    honest = Forest(court.cold.segment(readings, limits=LIMITS, histogram=True), readings)
    lie = court.forest(readings, {}, {index: honest.leaves[index]._replace(**changes)})
    expected: set[Place | int] = {index}
    expected |= {place for place in [above(lie, (0, index))] if place}
    assert set(court.convicted(lie)) == expected


@pytest.mark.parametrize("step", [0, -1, -300])
def test_readings_that_do_not_come_after_each_other(court: Court, step: int) -> None:
    """Inside of the segment's times, so that no reading alone contradicts it."""
    readings = court.readings(4)
    honest = Forest(court.cold.segment(readings, limits=LIMITS, histogram=True), readings)
    time = readings[1].time + step
    lie = court.forest(readings, {}, {2: honest.leaves[2]._replace(time=time)})
    assert court.convicted(lie) == [(1, 1)]


# A contradiction


FIRST, LOWEST, HIGHEST, LAST = 0, 1, 2, 5
MIXED = (512, -60, 815, 500, 700, 600)


def moved(segment: Segment, start: int = 0, end: int = 0) -> Segment:
    """With other times, far enough apart for its readings."""
    frame = Frame.of(segment.frame)
    return segment.with_frame(start=frame.start + start, end=frame.end + end, max_interval=301)


CONTRADICTIONS: dict[str, tuple[int, Callable[[Segment], Segment]]] = {
    "lower than the lowest": (LOWEST, lambda s: s.with_values(min=-59)),
    "higher than the highest": (HIGHEST, lambda s: s.with_values(max=814)),
    "another last one": (LAST, lambda s: s.with_values(last=601)),
    "before the first": (FIRST, lambda s: moved(s, start=1)),
    "after the last": (LAST, lambda s: moved(s, end=-1)),
    "the first one later than the start": (FIRST, lambda s: moved(s, start=-1)),
    "the last one before the end": (LAST, lambda s: moved(s, end=1)),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_reading_contradicts_its_segment(court: Court, name: str) -> None:
    """The top of the tree says what the device signed, so that only the reading, and the top, convict it."""
    index, change = CONTRADICTIONS[name]
    readings = court.cold.every(300, MIXED, court.cold.start + 10)
    segment = change(court.cold.segment(readings, limits=()))
    top = Forest(segment, readings).inner[-1]
    lie = Forest(segment, readings, {top: segment.summary})
    court.cold.anchor(lie.signed)
    assert set(court.convicted(lie)) == {top, index}


@pytest.mark.parametrize("value", [-60, 815])
def test_a_reading_in_the_middle_may_be_the_lowest_or_the_highest(court: Court, value: int) -> None:
    """A single one that is not what it was contradicts nothing; the node above it does."""
    readings = court.cold.every(300, MIXED, court.cold.start)
    honest = Forest(court.cold.segment(readings, limits=()), readings)
    lie = Forest(honest.segment, readings, {}, {3: honest.leaves[3]._replace(value=value)})
    court.cold.anchor(lie.signed)
    assert court.convicted(lie) == [(1, 1)]


# Two segments with one number


def rivals(court: Court) -> tuple[Segment, Segment]:
    """The first is anchored."""
    readings = court.readings(4)
    first = court.cold.segment(readings, limits=LIMITS)
    second = court.cold.segment([*readings[:3], Reading(readings[3].time, 501)], limits=LIMITS)
    court.cold.anchor(first)
    return first, second


def test_two_segments_with_one_number(court: Court) -> None:
    first, second = rivals(court)
    signed = court.cold.sign(second)
    receipt = court.telemetry.proveEquivocation(first, *signed, sender=court.accuser)
    digest = court.telemetry.digestOf(first)
    told = {"device": first.device, "subject": first.subject, "digest": digest, "lie": EQUIVOCATION}
    told |= {"by": court.accuser, "caller": court.accuser}
    assert court.telemetry.events(receipt, "SegmentFalsified") == [told]
    with reverts("AlreadyFalsified", digest):
        court.telemetry.proveEquivocation(first, *signed, sender=court.accuser)


def test_the_second_may_say_anything_at_all(court: Court) -> None:
    """It need not be one that could be anchored."""
    first, second = rivals(court)
    wild = second.with_frame(end=2**40 - 1, start=0, count=0)._replace(values=2**256 - 1, excursions=(5, 5))
    court.telemetry.proveEquivocation(first, *court.cold.sign(wild), sender=court.accuser)


def test_it_is_the_other_one_that_is_anchored(court: Court) -> None:
    first, second = rivals(court)
    with reverts("NotAnchored", court.telemetry.digestOf(second)):
        court.telemetry.proveEquivocation(second, *court.cold.sign(first), sender=court.accuser)


def test_what_is_no_other_segment_with_that_number(court: Court) -> None:
    first, second = rivals(court)
    elsewhere = [
        first,
        second.with_frame(seq=2),
        second.with_frame(quantity=HUMIDITY),
        second._replace(subject=keccak(text="another twin")),
        second._replace(device=keccak(text="another device")),
    ]
    for other_ in elsewhere:
        with reverts("NotAnother", court.telemetry.digestOf(other_)):
            court.telemetry.proveEquivocation(first, *court.cold.sign(other_), sender=court.accuser)


def test_only_the_device_equivocates(court: Court) -> None:
    first, second = rivals(court)
    _, signer, signature = court.cold.sign(second)
    digest, thief = court.telemetry.digestOf(second), court.cold.device("LOGGER2")
    with reverts("WrongSigner", first.device, thief.signer.name):
        theirs = thief.signer.sign(digest)
        court.telemetry.proveEquivocation(first, second, thief.signer.name, theirs, sender=court.accuser)
    with reverts("InvalidDeviceSignature", first.device, digest):
        court.telemetry.proveEquivocation(first, second, signer, bytes(65), sender=court.accuser)
    with reverts("InvalidDeviceSignature", first.device, digest):
        theirs = thief.signer.sign(digest)
        court.telemetry.proveEquivocation(first, second, signer, theirs, sender=court.accuser)
    court.telemetry.proveEquivocation(first, second, signer, signature, sender=court.accuser)


def test_a_revoked_device_is_convicted_no_more_of_that(court: Court) -> None:
    """Nobody knows its key any more."""
    first, second = rivals(court)
    signed = court.cold.sign(second)
    court.cold.devices.revoke(first.device, bytes(32), sender=court.cold.world.maker.device_admin)
    with reverts("WrongSigner", first.device, signed[1]):
        court.telemetry.proveEquivocation(first, *signed, sender=court.accuser)


# What is no proof


def test_a_lie_is_proved_once_and_by_anyone(court: Court) -> None:
    readings = court.readings(4)
    words = Forest(court.cold.segment(readings, limits=LIMITS, histogram=True), readings).summary(1, 0)
    lie = court.forest(readings, {(1, 0): other(words, 1, lambda w: w ^ 1)})
    machine = Forwarder.deploy(court.cold.node, court.accuser)
    receipt = court.telemetry.proveFalseSummary(lie.signed, lie.node(1, 0), sender=machine)
    told = {"device": court.cold.logger.id, "subject": court.cold.pallet, "digest": court.told(lie)}
    told |= {"lie": FALSE_SUMMARY, "by": machine.address, "caller": machine.address}
    assert court.telemetry.events(receipt, "SegmentFalsified") == [told]
    alert = {"subject": court.cold.pallet, "code": keccak(text="FALSIFIED")[:4], "org": 0, "severity": 3}
    assert court.telemetry.events(receipt, "Alert") == [alert | {"ref": court.told(lie)}]
    assert court.telemetry.falsification(court.told(lie)) == (machine.address, FALSE_SUMMARY)
    with reverts("AlreadyFalsified", court.told(lie)):
        court.summary(lie, (1, 0))


def test_a_contradiction_is_told_as_one(court: Court) -> None:
    lie = court.forest(court.readings(6), change=lambda s: s.with_values(max=819))
    receipt = court.reading(lie, 2)
    assert court.telemetry.events(receipt, "SegmentFalsified")[0]["lie"] == CONTRADICTION
    assert court.telemetry.falsification(court.told(lie)) == (court.accuser, CONTRADICTION)


def test_only_an_anchored_segment_is_false(court: Court) -> None:
    readings = court.readings(4)
    segment = court.cold.segment(readings, limits=LIMITS, histogram=True)
    lie = Forest(
        segment, readings, {(1, 0): other(Forest(segment, readings).summary(1, 0), 1, lambda w: w ^ 1)}
    )
    with reverts("NotAnchored", court.told(lie)):
        court.summary(lie, (1, 0))
    high = Forest(segment.with_values(max=900), readings)
    with reverts("NotAnchored", court.told(high)):
        court.reading(high, 0)


def test_there_is_a_node_with_two_below_it(court: Court) -> None:
    readings = court.readings(5)
    lie = court.forest(readings, {(2, 0): [1]})
    good = lie.node(2, 0)
    for height, place in ((0, 0), (1, 2), (1, 3), (2, 1), (3, 1), (4, 0), (33, 0), (255, 0), (1, 2**32 - 1)):
        with reverts("NoSuchNode", height, place):
            court.telemetry.proveFalseSummary(
                lie.signed, good._replace(height=height, place=place), sender=court.accuser
            )
    court.summary(lie, (2, 0))


@pytest.mark.parametrize("count", [2, 3, 4])
def test_children_have_their_words(court: Court, count: int) -> None:
    readings = court.readings(count)
    top = Forest(court.cold.segment(readings), readings).inner[-1]
    lie = court.forest(readings, {top: [1]})
    node = lie.node(*top)
    for side in ("left", "right"):
        words: list[int] = getattr(node, side)
        for odd in ([], words[:-1], [*words, 0]):
            with reverts("MalformedChild", len(odd), len(words)):
                court.telemetry.proveFalseSummary(
                    lie.signed, node._replace(**{side: odd}), sender=court.accuser
                )


@pytest.mark.parametrize("count", [2, 3, 5, 8])
def test_only_what_leads_to_the_root_counts(court: Court, count: int) -> None:
    readings = court.readings(count)
    lie = court.forest(readings, {(1, 0): [1]})
    digest, node = court.told(lie), lie.node(1, 0)
    step = Step(keccak(text="nothing"), hashed([1]))
    odd: list[FalseNode] = [
        node._replace(summary=hashed([2])),
        node._replace(left=[node.left[0] ^ 1]),
        node._replace(right=[node.right[0] ^ 1]),
        node._replace(left=node.right, right=node.left),
        node._replace(way=[*node.way, step]),
    ]
    odd += [node._replace(way=node.way[:-1])] if node.way else []
    odd += [node._replace(way=[step, *node.way[1:]])] if node.way else []
    odd += [node._replace(place=1)] if count > 3 else []
    for wrong in odd:
        with reverts("NotInTree", digest):
            court.telemetry.proveFalseSummary(lie.signed, wrong, sender=court.accuser)
    leaf = lie.leaves[1]
    shown = leaf.index, leaf.time, leaf.value
    for place, reading, seq, way in (
        (1, shown, 2, lie.proof(1)),
        (1, (0, *shown[1:]), 1, lie.proof(1)),
        (1, (1, leaf.time + 1, leaf.value), 1, lie.proof(1)),
        (1, (1, leaf.time, leaf.value + 1), 1, lie.proof(1)),
        (0, shown, 1, lie.proof(1)),
        (1, shown, 1, lie.proof(1)[:-1]),
        (1, shown, 1, [*lie.proof(1), step]),
        (count, shown, 1, lie.proof(1)),
        (2**32 - 1, shown, 1, lie.proof(1)),
    ):
        with reverts("NotInTree", digest):
            court.telemetry.proveContradiction(lie.signed, place, reading, seq, way, sender=court.accuser)
    court.summary(lie, (1, 0))


# Any tree


@st.composite
def forests(draw: st.DrawFn, start: int, least: int) -> tuple[list[Reading], list[Limit], bool]:
    step = st.tuples(st.integers(1, 400), st.integers(-1000, 1000))
    steps = draw(st.lists(step, min_size=least, max_size=13))
    times = [start + sum(step for step, _ in steps[:i]) for i in range(len(steps))]
    values = [value for _, value in steps]
    sides = st.builds(Limit, st.sampled_from([*values, 0, 500]), st.booleans())
    limits = draw(st.lists(sides, max_size=4, unique=True))
    return [Reading(*r) for r in zip(times, values, strict=True)], limits, draw(st.booleans())


FOUND = Counters()


def test_one_changed_node_or_leaf_convicts_and_nothing_else_does() -> None:
    court = Court.sits(fresh())
    court.cold.node.warp(10_000)
    base = [court.cold.node.snapshot()]

    @given(st.data())
    def check(data: st.DataObject) -> None:
        court.cold.node.revert(base.pop())
        base.append(court.cold.node.snapshot())
        kind = data.draw(st.sampled_from(["honest", "node", "leaf"]))
        # Below the top there are nodes from the third reading on.
        readings, limits, histogram = data.draw(forests(court.cold.start, 3 if kind == "node" else 1))
        segment = court.cold.segment(readings, limits=limits, histogram=histogram)
        honest = Forest(segment, readings)
        nodes: dict[Place, list[int]] = {}
        leaves: dict[int, Leaf] = {}
        if kind == "node":
            place = data.draw(st.sampled_from(honest.inner[:-1]))
            words = honest.summary(*place)
            at, bit = data.draw(st.integers(0, len(words) - 1)), data.draw(st.integers(0, 255))
            nodes[place] = other(words, at, lambda w: w ^ 1 << bit)
        if kind == "leaf":
            index = data.draw(st.integers(0, len(readings) - 1))
            at, bit = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 31))
            fields = list(honest.leaves[index])
            width = (32, 40, 32, 32)[at]
            changed = fields[at] % (1 << width) ^ 1 << bit
            fields[at] = bits.signed(changed, 32) if at == 0 else changed
            leaves[index] = Leaf(*fields)
        lie = Forest(segment, readings, nodes, leaves)
        court.cold.anchor(lie.signed)
        found = set(court.convicted(lie))
        if nodes:
            (place,) = nodes
            assert place in found
            assert found <= {place, above(lie, place)}
            FOUND.hit("node")
        elif leaves:
            (index,) = leaves
            expected = above(lie, (0, index))
            assert found
            assert found <= {index, expected}
            assert expected is None or expected in found
            FOUND.hit("leaf")
        else:
            assert found == set()
            FOUND.hit("honest")

    check()
    FOUND.require(["honest", "node", "leaf"])


def test_kinds_and_twins_have_trees_of_their_own(court: Court) -> None:
    """A proof against one segment is none against another with the same readings."""
    crate = court.cold.world.register(sscc("2"), Kind.CONTAINER)
    readings = court.readings(4)
    lie = court.forest(readings, {(1, 0): [1]})
    court.cold.devices.detach(court.cold.logger.id, sender=court.cold.world.maker.device_admin)
    court.cold.attach(court.cold.logger, crate)
    moved = [Reading(r.time + 10_000, r.value) for r in readings]
    good = court.forest(moved, subject=crate)
    with reverts("NotInTree", court.told(good)):
        court.telemetry.proveFalseSummary(good.signed, lie.node(1, 0), sender=court.accuser)
