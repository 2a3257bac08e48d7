"""Is this reading one of the segment's? True for all that are, false for everything else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from tests.models.segments import Frame, Limit, Reading, Segment, Step, Tree, hashed, leaf, parent
from tests.support import fresh, reverts
from tests.support.coldchain import ColdChain

SIZES = [*range(1, 10), 15, 16, 17, 33]


def recorded(cold: ColdChain, count: int) -> tuple[Segment, Tree, list[Reading]]:
    """An anchored segment of so many readings, all different, some beyond a limit."""
    readings = cold.every(60, [(-1) ** i * 7 * i for i in range(count)], cold.start)
    segment = cold.segment(readings, limits=(Limit(-40, False), Limit(50, True)), histogram=True)
    cold.anchor(segment)
    return segment, Tree.of(segment, readings), readings


def verified(cold: ColdChain, segment: Segment, index: int, reading: Reading, proof: Sequence[Step]) -> bool:
    answer: bool = cold.telemetry.verifyReading(segment, (index, *reading), list(proof))
    return answer


@pytest.mark.parametrize("count", SIZES)
def test_every_reading_is_found(cold: ColdChain, count: int) -> None:
    segment, tree, readings = recorded(cold, count)
    for index, reading in enumerate(readings):
        assert verified(cold, segment, index, reading, tree.proof(index))


@pytest.mark.parametrize("count", SIZES)
def test_a_reading_with_anything_changed_is_not(cold: ColdChain, count: int) -> None:
    segment, tree, readings = recorded(cold, count)
    for index, (time, value) in enumerate(readings):
        proof = tree.proof(index)
        others = [(index + 1, time, value), (index, time + 1, value), (index, time, value + 1)]
        others += [(index, time, -value - 1), (2**32 - 1, time, value)]
        for other in others:
            assert not cold.telemetry.verifyReading(segment, other, proof)


@pytest.mark.parametrize("count", SIZES)
def test_a_reading_is_not_found_by_another_way(cold: ColdChain, count: int) -> None:
    """Not by a proof that starts above the leaf or ends elsewhere, nor by another reading's."""
    segment, tree, readings = recorded(cold, count)
    for index, reading in enumerate(readings):
        proof = tree.proof(index)
        top = hashed(segment.summary)
        wrong = [
            [*proof, Step(tree.root, top)],
            [Step(tree.root, top)],
            [Step(keccak(tree.root), top), *proof],
            *(proof[:i] for i in range(len(proof))),
            *([*proof[:i], step._replace(neighbour=top), *proof[i + 1 :]] for i, step in enumerate(proof)),
            *(
                [*proof[:i], step._replace(summary=tree.root), *proof[i + 1 :]]
                for i, step in enumerate(proof)
            ),
        ]
        wrong += [tree.proof(other) for other in range(count) if tree.proof(other) != proof]
        for way in wrong:
            assert not verified(cold, segment, index, reading, way)


def test_a_node_is_no_reading(cold: ColdChain) -> None:
    """Leaves and nodes are hashed differently: a tree of bare hashes, which a device could sign, proves
    nothing.
    """
    readings = cold.every(60, [1, 2], cold.start)
    bare = [keccak(bytes([i]) + reading.time.to_bytes(5, "big")) for i, reading in enumerate(readings)]
    segment = cold.segment(readings)
    top = hashed(segment.summary)
    segment = segment._replace(root=parent(*bare, top))
    cold.anchor(segment)
    for index, reading in enumerate(readings):
        assert not verified(cold, segment, index, reading, [Step(bare[1 - index], top)])


def test_the_top_vouches_for_what_the_device_signed(cold: ColdChain) -> None:
    """A tree over another summary than the signed one proves nothing."""
    readings = cold.every(60, [1, 2, 3], cold.start)
    segment = cold.segment(readings).with_values(sum=5)
    cold.anchor(segment)
    for index, reading in enumerate(readings):
        assert not verified(cold, segment, index, reading, Tree.of(segment, readings).proof(index))


def test_sides_follow_from_places(cold: ColdChain) -> None:
    """A tree with two leaves in each other's place proves neither."""
    readings = cold.every(60, [1, 2], cold.start)
    segment = cold.segment(readings)
    leaves = [leaf(index, reading, 1) for index, reading in enumerate(readings)]
    top = hashed(segment.summary)
    segment = segment._replace(root=parent(leaves[1], leaves[0], top))
    cold.anchor(segment)
    for index, reading in enumerate(readings):
        assert not verified(cold, segment, index, reading, [Step(leaves[1 - index], top)])


def test_the_proof_of_another_segment_is_none(cold: ColdChain) -> None:
    first, tree, readings = recorded(cold, 8)
    later = [Reading(time + 10_000, value) for time, value in readings]
    second = cold.segment(later, 2)
    cold.anchor(second)
    for index in range(8):
        assert not verified(cold, second, index, readings[index], tree.proof(index))
        assert not verified(cold, first, index, later[index], Tree.of(second, later).proof(index))
        assert verified(cold, second, index, later[index], Tree.of(second, later).proof(index))


def test_a_reading_beyond_the_count_is_none(cold: ColdChain) -> None:
    """Though the device has put it into its tree."""
    readings = cold.every(60, [1, 2, 3, 4], cold.start)
    short = cold.segment(readings[:3])
    tree = Tree.of(short, readings)
    above = tree.proof(0)
    segment = short._replace(root=parent(tree.levels[1][0], tree.levels[1][1], hashed(short.summary)))
    cold.anchor(segment)
    assert Frame.of(segment.frame).count == 3
    assert verified(cold, segment, 0, readings[0], [above[0], Step(tree.levels[1][1], hashed(short.summary))])
    for place in (2, 3):
        way = [tree.proof(place)[0], Step(tree.levels[1][0], hashed(short.summary))]
        assert not verified(cold, segment, place, readings[place], way)


def test_a_segment_that_is_not_anchored_proves_nothing(cold: ColdChain) -> None:
    segment, tree, readings = recorded(cold, 4)
    reading, proof = (0, *readings[0]), tree.proof(0)
    for other in (segment.with_frame(seq=2), segment.with_values(sum=0), segment._replace(root=bytes(32))):
        with reverts("NotAnchored", cold.telemetry.digestOf(other)):
            cold.telemetry.verifyReading(other, reading, proof)


@given(
    values=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=40),
    data=st.data(),
)
def test_exactly_the_committed_readings(values: list[int], data: st.DataObject) -> None:
    cold = ColdChain.create(fresh())
    readings = cold.every(1, values, cold.start)
    segment = cold.segment(readings, limits=())
    tree = Tree.of(segment, readings)
    cold.anchor(segment)
    index = data.draw(st.integers(0, len(values) - 1))
    claimed = data.draw(
        st.sampled_from(readings) | st.builds(Reading, st.integers(0, 2**40 - 1), st.integers(-5, 5))
    )
    assert verified(cold, segment, index, claimed, tree.proof(index)) == (claimed == readings[index])
