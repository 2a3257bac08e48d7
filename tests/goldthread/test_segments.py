"""Segments, their trees, and the reference judge, against the contracts."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.chain import eip712
from goldthread.chain.devices import SoftKey
from goldthread.chain.merkle import node
from goldthread.chain.segments import (
    Frame,
    Segment,
    Tree,
    Values,
    build,
    from_json,
    is_in,
    leaf,
    to_json,
)
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
from goldthread.rules.summaries import Limit, Summary
from tests.goldthread.chains import RecordingNode
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


def plain_root(readings: list[Reading]) -> bytes:
    """The tree, written down once more: pairs from the left, the odd one moves up."""
    level = [
        keccak(
            b"\0"
            + i.to_bytes(4, "big")
            + r.time.to_bytes(5, "big")
            + (r.value % (1 << 32)).to_bytes(4, "big")
        )
        for i, r in enumerate(readings)
    ]
    while len(level) > 1:
        level = [
            keccak(b"\1" + b"".join(sorted(level[i : i + 2]))) if i + 1 < len(level) else level[i]
            for i in range(0, len(level), 2)
        ]
    return level[0]


@given(READINGS)
def test_every_reading_is_proved_and_nothing_else(readings: list[Reading]) -> None:
    tree, count = Tree(readings), len(readings)
    assert tree.root == plain_root(readings)
    for index, reading in enumerate(readings):
        proof = tree.proof(index)
        assert is_in(tree.root, count, index, reading, proof)
        for other in range(count):
            if other != index:
                assert not is_in(tree.root, count, other, reading, proof)
                assert not is_in(tree.root, count, index, readings[other], proof)
        wrong = Reading(reading.time, reading.value ^ 1)
        assert not is_in(tree.root, count, index, wrong, proof)
        assert not is_in(tree.root, count, index, Reading(reading.time + 1, reading.value), proof)
        assert not is_in(tree.root, index, index, reading, proof)
        assert not is_in(tree.root, count, index, reading, [*proof, bytes(32)])
        if proof:
            assert not is_in(tree.root, count, index, reading, proof[:-1])
    with pytest.raises(IndexError):
        tree.proof(count)


def test_leaves_and_nodes_are_never_taken_for_each_other() -> None:
    a, b = leaf(0, Reading(1, 2)), leaf(1, Reading(3, 4))
    assert node(a, b) == node(b, a) == keccak(b"\x01" + min(a, b) + max(a, b))
    assert leaf(0, Reading(1, -1)) == keccak(bytes(9) + b"\x01" + b"\xff" * 4)
    with pytest.raises(ValueError, match="at least one reading"):
        Tree([])


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


@given(READINGS, st.integers(1, 50), st.integers(1, 5))
def test_segments_are_cut_at_gaps_and_read_back(readings: list[Reading], gap: int, most: int) -> None:
    parts = build(
        readings,
        device=b"\1" * 32,
        subject=b"\2" * 32,
        quantity=3,
        limits=(LOW, HIGH),
        first_seq=7,
        max_interval=gap,
        most=most,
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
    ) -> list[tuple[Segment, list[Reading]]]:
        return build(
            readings,
            device=self.logger,
            subject=self.pallet,
            quantity=TEMPERATURE,
            limits=limits,
            max_interval=max_interval,
            most=most,
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
    ((segment, _),) = here.segments(readings, 100)
    argument, signer, signature = here.signed(segment)
    telemetry = here.world.telemetry
    telemetry.anchor(argument, signer, signature, sender=here.world.stranger)
    tree = Tree(readings)
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
                assert tuple(found) == (0, 0, 0, 0, 0)
                continue
            count.hit("SILENCE" if rule == SILENCE else rules[rule].kind.name)
            reached = breach.extreme, breach.time, breach.seq, breach.until
            assert tuple(found) == (breach.first_crossing, *reached)
        for place in range(len(rules)):
            counted = world.conditions.tally(identifier, here.logger, TEMPERATURE, place)
            assert tuple(counted) == (track.tallies[place].time, track.tallies[place].onset)

    check()
    count.require([*Kind.__members__, "SILENCE", "early", "counted", "torn"])
