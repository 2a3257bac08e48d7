"""Segments, their trees, and the reference judge, against the contracts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from goldthread.chain import eip712
from goldthread.chain.devices import SoftKey
from goldthread.chain.segments import (
    Frame,
    Segment,
    Shape,
    Step,
    Values,
    build,
    from_json,
    is_in,
    leaf,
    node,
    to_json,
)
from goldthread.chain.summary_tree import Tree
from goldthread.hashing import keccak
from goldthread.rules.conditions import (
    SILENCE,
    Judge,
    Kind,
    Policy,
    Rule,
    Track,
)
from goldthread.rules.readings import Reading
from goldthread.rules.summaries import Excursion, Limit, Summary, summarise
from tests.goldthread.chains import RecordingNode
from tests.models import segments as model
from tests.support import Counters, Reverted
from tests.support.words import Duty, Role
from tests.support.words import Kind as TwinKind
from tests.support.world import World, asset, person, sscc

TEMPERATURE = 1
LOW, HIGH = Limit(False, 200), Limit(True, 800)
MAX_INTERVAL = 60

READINGS = st.lists(
    st.tuples(st.integers(1, 100), st.integers(-(1 << 31), (1 << 31) - 1)), min_size=1, max_size=20
).map(lambda steps: [Reading(sum(s for s, _ in steps[: i + 1]), value) for i, (_, value) in enumerate(steps)])


def model_of(segment: Segment, readings: list[Reading]) -> model.Tree:
    """The tree by its definition, every summary from the readings themselves."""
    s = segment.summary
    limits = [model.Limit(e.limit.value, e.limit.high) for e in s.excursions]
    vertices = [vertex for vertex, _ in s.histogram or ()]
    taken = [model.Reading(r.time, r.value) for r in readings]
    return model.Tree(taken, segment.seq, limits, vertices, segment.quantity)


def segment_of(readings: list[Reading], *, histogram: bool = False) -> Segment:
    ((segment, _),) = build(
        readings,
        device=b"\1" * 32,
        subject=b"\2" * 32,
        quantity=TEMPERATURE,
        limits=(LOW, HIGH),
        first_seq=7,
        histogram=histogram,
    )
    return segment


@given(READINGS, st.booleans())
def test_every_reading_is_proved_and_nothing_else(readings: list[Reading], histogram: bool) -> None:
    if histogram:
        readings = [Reading(r.time, r.value % 9000 - 2000) for r in readings]
    segment, count = segment_of(readings, histogram=histogram), len(readings)
    tree, expected = Tree(readings, segment.shape), model_of(segment, readings)
    assert segment.root == tree.root == expected.root
    for index, reading in enumerate(readings):
        proof = tree.proof(index)
        assert proof == expected.proof(index)
        assert is_in(segment, index, reading, proof)
        for other in range(-1, count + 2):
            if other != index:
                assert not is_in(segment, other, reading, proof)
        for other in range(count):
            assert other == index or not is_in(segment, index, readings[other], proof)
        wrong = Reading(reading.time, reading.value ^ 1)
        assert not is_in(segment, index, wrong, proof)
        assert not is_in(segment, index, Reading(reading.time + 1, reading.value), proof)
        assert not is_in(replace(segment, seq=8), index, reading, proof)
        assert not is_in(segment, index, reading, [*proof, Step(bytes(32), bytes(32))])
        for place, step in enumerate(proof):
            assert not is_in(segment, index, reading, proof[:place])
            for odd in (step._replace(neighbour=bytes(32)), step._replace(summary=bytes(32))):
                assert not is_in(segment, index, reading, [*proof[:place], odd, *proof[place + 1 :]])
    for nowhere in (-1, count):
        with pytest.raises(IndexError, match=f"reading {nowhere}: the tree has readings 0 to {count - 1}"):
            tree.proof(nowhere)


@given(
    READINGS,
    st.lists(st.builds(Limit, st.booleans(), st.integers(-2000, 2000)), max_size=4),
    st.booleans(),
)
def test_the_tree_says_of_every_node_what_its_definition_says(
    readings: list[Reading], limits: list[Limit], histogram: bool
) -> None:
    """Summaries level by level are those of the readings below each node; the top is the segment's."""
    readings = [Reading(r.time, r.value % 4000 - 2000) for r in readings]
    ((segment, _),) = build(
        readings, device=bytes(32), subject=bytes(32), quantity=2, limits=limits, histogram=histogram
    )
    assert segment.summary == summarise(readings, limits, histogram=histogram)
    tree, expected = Tree(readings, segment.shape), model_of(segment, readings)
    assert tree.height == len(expected.levels) - 1
    for height, level in enumerate(expected.levels):
        for place, hash_ in enumerate(level):
            assert tree.hash_at(height, place) == hash_
            assert tree.way(height, place) == expected.proof(place, height)
            if tree.has_children(height, place):
                assert tree.words(height, place) == expected.summary(height, place)
        with pytest.raises(IndexError, match="there is none"):
            tree.hash_at(height, len(level))
    assert segment.words() == (expected.summary(tree.height, 0) if tree.height else segment.words())


@given(
    st.tuples(*(st.integers(0, (1 << bits) - 1) for bits in (16, 32, 40, 40, 32, 32))),
    st.tuples(*(st.integers(-(1 << b - 1), (1 << b - 1) - 1) for b in (32, 32, 32, 64))),
    st.lists(st.integers(0, (1 << 216) - 1), max_size=16),
    st.dictionaries(st.integers(-128, 127), st.integers(1, (1 << 32) - 1), max_size=64),
    st.binary(min_size=96, max_size=96),
    st.integers(1, 1 << 60),
)
def test_the_digest_is_that_of_eth_account(
    frame: tuple[int, ...],
    values: tuple[int, ...],
    words: list[int],
    weights: dict[int, int],
    names: bytes,
    chain_id: int,
) -> None:
    """Byte for byte, for any segment at all."""
    quantity, seq, *times = frame
    excursions = tuple(Excursion.unpack(word & ~(0xFE << 32)) for word in words)
    summary = Summary(*times, *values, excursions, tuple(sorted(weights.items())))
    segment = Segment(names[:32], names[32:64], quantity, seq, summary, names[64:])
    where = eip712.domain("Telemetry", chain_id, "0x" + "ab" * 20)
    message = eip712.full_message("Segment", where, segment.message())
    signable = encode_typed_data(full_message=message)
    digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
    assert segment.digest(where) == digest == eip712.digest("Segment", where, segment.message())


def test_what_is_hashed() -> None:
    a, b = leaf(0, Reading(1, 2), 7), leaf(1, Reading(3, 4), 7)
    assert a == keccak(bytes(9) + b"\x01" + b"\0\0\0\x02" + b"\0\0\0\x07")
    assert node(a, b, bytes(32)) == keccak(b"\x01" + a + b + bytes(32)) != node(b, a, bytes(32))
    assert leaf(0, Reading(1, -1), 1) == keccak(bytes(9) + b"\x01" + b"\xff" * 4 + b"\0\0\0\x01")
    with pytest.raises(ValueError, match="at least one reading"):
        Tree([], Shape(1, 1))


@given(
    st.tuples(*(st.integers(0, (1 << bits) - 1) for bits in (16, 32, 40, 40, 32, 32))),
    st.tuples(*(st.integers(-(1 << b - 1), (1 << b - 1) - 1) for b in (32, 32, 32, 64))),
)
def test_words_are_read_back(frame: tuple[int, ...], values: tuple[int, ...]) -> None:
    assert Frame.unpack(Frame(*frame).pack()) == Frame(*frame)
    assert Values.unpack(Values(*values).pack()) == Values(*values)


def test_what_does_not_fit_into_a_word_is_named() -> None:
    with pytest.raises(ValueError, match="seq 4294967296 does not fit into 32 bits"):
        Frame(1, 1 << 32, 0, 0, 1, 0).pack()
    with pytest.raises(ValueError, match="min -2147483649 does not fit into 32 bits"):
        Values(-(1 << 31) - 1, 0, 0, 0).pack()
    summary = Summary(1, 1, 1, 0, 5, 5, 5, 5, ())
    many = [Reading(1, 500)]
    limits = [Limit(True, n) for n in range(17)]
    with pytest.raises(ValueError, match="17 limits were crossed"):
        build(many, device=bytes(32), subject=bytes(32), quantity=1, limits=limits)
    assert Segment(bytes(32), bytes(32), 1, 1, summary, bytes(32)).message()["excursions"] == []


@given(READINGS, st.integers(1, 50), st.integers(1, 5), st.booleans())
def test_segments_are_cut_at_gaps_and_read_back(
    readings: list[Reading], gap: int, most: int, histogram: bool
) -> None:
    if histogram:
        readings = [Reading(r.time, r.value % 25_501 - 12_800) for r in readings]
    parts = build(
        readings,
        device=b"\1" * 32,
        subject=b"\2" * 32,
        quantity=3,
        limits=(LOW, HIGH),
        first_seq=7,
        max_interval=gap,
        most=most,
        histogram=histogram,
    )
    assert [r for _, inside in parts for r in inside] == readings
    for seq, (segment, inside) in enumerate(parts, 7):
        assert segment.seq == seq
        assert len(inside) <= most
        assert segment.summary.max_interval <= gap
        assert from_json(to_json(segment, inside)) == (segment, inside)


def test_a_file_that_is_no_segment_is_refused_by_field() -> None:
    (segment, inside), *_ = build([Reading(1, 2)], device=bytes(32), subject=bytes(32), quantity=1, limits=())
    good = to_json(segment, inside)
    for changes, reason in (
        ({"seq": "1"}, "'1' is no number"),
        ({"seq": True}, "True is no number"),
        ({"device": "0x12"}, "0x12 is not 32 bytes"),
        ({"readings": [[1]]}, ""),
        ({"excursions": 5}, "not of the form"),
    ):
        with pytest.raises(ValueError, match=reason or None):
            from_json({**good, **changes})
    with pytest.raises(ValueError, match="has no root"):
        from_json({name: value for name, value in good.items() if name != "root"})


# ------------------------------------------------------------------------------------------ on the chain


class Cold:
    """A pallet, a logger on it, and Conditions as a member."""

    def __init__(self) -> None:
        self.world = world = World.create(RecordingNode())
        admin = person("rules admin")
        world.consortium.admit("rules", admin, Role.REGULATOR, bytes(32), 0, sender=world.governor)
        number = world.consortium.organisationCount()
        world.consortium.setAccount(number, world.conditions, Duty.QUALITY, sender=admin)
        self.pallet = world.register(sscc("1"), TwinKind.CONTAINER)
        self.logger = world.register(asset("LOGGER"), TwinKind.ASSET)
        self.key = SoftKey.secp256k1(b"\x33" * 32)
        world.devices.enrol(self.logger, self.key.signer, bytes(32), sender=world.maker.device_admin)
        world.devices.attach(self.logger, self.pallet, sender=world.maker.device_admin)
        self.start = world.now
        self.base = world.node.snapshot()

    def signed(self, segment: Segment) -> tuple[Any, bytes, bytes]:
        where = eip712.domain("Telemetry", self.world.node.chain_id, self.world.telemetry.address)
        return segment.to_contract(), self.key.signer, self.key.sign(segment.digest(where))

    def stream(self, random: Random, count: int) -> list[Reading]:
        time, readings = self.start + random.choice((0, 30, 90)), []
        for _ in range(count):
            readings.append(Reading(time, random.choice((100, 200, 201, 500, 799, 800, 900))))
            time += random.choice((10, 30, 60, 61, 200))
        return readings

    def segments(
        self,
        readings: list[Reading],
        most: int,
        max_interval: int | None = MAX_INTERVAL,
        limits: tuple[Limit, ...] = (HIGH, LOW),
        *,
        histogram: bool = False,
    ) -> list[tuple[Segment, list[Reading]]]:
        return build(
            readings,
            device=self.logger,
            subject=self.pallet,
            quantity=TEMPERATURE,
            limits=limits,
            max_interval=max_interval,
            most=most,
            histogram=histogram,
        )


@cache
def cold() -> Cold:
    return Cold()


def test_the_contract_verifies_what_the_tree_proves() -> None:
    here = cold()
    here.world.node.revert(here.base)
    random = Random(7)  # noqa: S311
    readings = [Reading(here.start + 10 * i, random.randrange(1000)) for i in range(13)]
    here.world.node.timestamp = readings[-1].time
    ((segment, _),) = here.segments(readings, 100, histogram=True)
    argument, signer, signature = here.signed(segment)
    telemetry = here.world.telemetry
    telemetry.anchor(argument, signer, signature, sender=here.world.stranger)
    tree = Tree(readings, segment.shape)
    for index, reading in enumerate(readings):
        place = (index, reading.time, reading.value)
        assert telemetry.verifyReading(argument, place, tree.proof(index))
        assert not telemetry.verifyReading(
            argument, (index, reading.time, reading.value + 1), tree.proof(index)
        )
        assert not telemetry.verifyReading(argument, ((index + 1) % 13, *place[1:]), tree.proof(index))
    other = here.signed(Segment(here.logger, here.pallet, 1, 2, segment.summary, segment.root))[0]
    with pytest.raises(Reverted, match="NotAnchored"):
        telemetry.verifyReading(other, (0, readings[0].time, readings[0].value), tree.proof(0))


RULES = (
    Rule(Kind.INSTANT, TEMPERATURE, HIGH, 0, 2),
    Rule(Kind.CONSECUTIVE, TEMPERATURE, HIGH, 100, 2),
    Rule(Kind.CUMULATIVE, TEMPERATURE, LOW, 120, 1),
    Rule(Kind.GAP, TEMPERATURE, Limit(False, 0), 250, 3),
    Rule(Kind.CONSECUTIVE, TEMPERATURE, LOW, 60, 2),
    Rule(Kind.CUMULATIVE, TEMPERATURE, HIGH, 240, 2),
    Rule(Kind.INSTANT, TEMPERATURE, LOW, 0, 3),
)


def test_the_judge_judges_as_the_contract() -> None:
    count = Counters()

    @given(
        st.randoms(use_true_random=False), st.integers(1, 15), st.integers(1, 5), st.sampled_from([0, 150])
    )
    def check(random: Random, length: int, most: int, max_silence: int) -> None:
        here = cold()
        node, world = here.world.node, here.world
        node.revert(here.base)
        rules = tuple(random.sample(RULES, random.randint(1, len(RULES))))
        start = here.start + random.choice((0, 0, 100))
        policy = Policy(
            here.pallet, world.maker.number, 1, start, MAX_INTERVAL, max_silence, (here.logger,), rules
        )
        world.conditions.setPolicy(policy.to_contract(), sender=world.maker.quality)
        identifier = world.conditions.policyIdOf(here.pallet, world.maker.number)
        judge, track = Judge(policy, TEMPERATURE), Track()
        max_interval = random.choice((MAX_INTERVAL, MAX_INTERVAL, None))
        limits = random.choice(((LOW, HIGH), (LOW, HIGH), (HIGH,)))
        for segment, inside in here.segments(here.stream(random, length), most, max_interval, limits):
            count.hit("early" if segment.summary.from_ < start else "counted")
            if segment.summary.max_interval > MAX_INTERVAL:
                count.hit("torn")
            node.timestamp = max(world.now, inside[-1].time + random.choice((0, 0, 200)))
            argument, signer, signature = here.signed(segment)
            world.conditions.judge(policy.to_contract(), argument, signer, signature, sender=world.stranger)
            track = judge.step(track, segment.seq, segment.summary, now=world.now)
        told = world.conditions.track(identifier, here.logger, TEMPERATURE)
        for field in ("seq", "to", "min", "max", "last", "latched", "counting"):
            assert getattr(told, field) == getattr(track, field), field
        for rule in (*range(len(rules)), SILENCE):
            key = (identifier, here.logger, TEMPERATURE, rule)
            found = world.conditions.breach(*key)
            breach = track.breaches.get(rule)
            if breach is None:
                assert not any(found)
                continue
            count.hit("SILENCE" if rule == SILENCE else rules[rule].kind.name)
            assert tuple(found) == (
                breach.first_crossing,
                breach.extreme,
                breach.time,
                breach.seq,
                breach.until,
            )
        for place in range(len(rules)):
            counted = world.conditions.tally(identifier, here.logger, TEMPERATURE, place)
            assert tuple(counted) == (track.tallies[place].time, track.tallies[place].onset)

    check()
    count.require([*{rule.kind.name for rule in RULES}, "SILENCE", "early", "counted", "torn"])
