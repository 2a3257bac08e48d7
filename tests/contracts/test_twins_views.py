"""Twins: what the views say of things nobody has registered, and of those deep inside."""

from __future__ import annotations

import pytest

from tests.support.words import Cause, EndOfLife, Kind
from tests.support.world import World, sscc, twin_id, uri


@pytest.mark.parametrize("id_", [bytes(32), b"\xff" * 32, twin_id(uri("nobody"))])
def test_what_is_not_registered_is_nothing(world: World, id_: bytes) -> None:
    twins = world.twins
    assert set(twins.twin(id_)) == {0}
    assert twins.head(id_) == twins.containerOf(id_) == bytes(32)
    assert (twins.custodianOf(id_), twins.ownerOf(id_)) == (0, 0)
    assert twins.titleOffer(id_) == (0, 0)
    assert not twins.held(id_, 1, bytes(32))
    assert twins.clear(id_) == (False, Cause.UNKNOWN)
    assert twins.containerCount() == 0


def test_the_end_is_the_first_cause(world: World) -> None:
    """Then a hold, then the contents, then the containers."""
    part, box, pallet = (
        world.register(uri("1")),
        world.register(sscc("1"), Kind.CONTAINER),
        world.register(sscc("2"), Kind.CONTAINER),
    )
    world.pack(box, [part])
    world.pack(pallet, [box])
    for id_, expected in (
        (pallet, Cause.CONTAINER_HELD),
        (part, Cause.CONTENTS_HELD),
        (box, Cause.HELD),
    ):
        world.hold(id_, bytes(32))
        assert world.twins.clear(box) == (False, expected)
    world.retire(part, EndOfLife.DESTROYED)
    assert world.twins.clear(part) == (False, Cause.ENDED)
    assert world.twins.clear(box) == (False, Cause.HELD)


def test_the_custodian_of_eight_levels(world: World) -> None:
    part, boxes = world.register(uri("1")), []
    for number in range(8):
        boxes.append(world.register(sscc(str(number)), Kind.CONTAINER))
        world.pack(boxes[-1], [boxes[-2] if number else part])
    world.move(boxes[-1], world.maker, world.insurer)
    assert {world.twins.custodianOf(id_) for id_ in (part, *boxes)} == {world.insurer.number}
    assert [world.twins.containerOf(id_) for id_ in (part, *boxes)] == [*boxes, bytes(32)]
