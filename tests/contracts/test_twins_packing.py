"""Twins: what is in which container; custody of the contents is custody of the outermost container."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from tests.models.twins import next_head
from tests.support import reverts
from tests.support.words import Action, Cause, EndOfLife, Kind
from tests.support.world import DAY, World, happened, sscc, uri

REASON = b"r" * 32


@pytest.fixture
def parts(world: World) -> list[bytes]:
    return [world.register(uri(str(number))) for number in range(3)]


@pytest.fixture
def boxes(world: World) -> list[bytes]:
    return [world.register(sscc(str(number)), Kind.CONTAINER) for number in range(9)]


def nest(world: World, boxes: list[bytes]) -> None:
    """Each box into the next one."""
    for inner, outer in zip(boxes, boxes[1:], strict=False):
        world.pack(outer, [inner])


def heights(world: World, ids: list[bytes]) -> list[int]:
    return [world.twins.twin(id_).height for id_ in ids]


def test_things_are_packed(world: World, parts: list[bytes], boxes: list[bytes]) -> None:
    maker, ref = world.maker, world.ref("packing")
    box, before = boxes[0], world.twins.head(parts[1])
    mined = world.twins.pack(box, parts, ref, sender=maker.ship)
    who = {"org": maker.number, "container": box, "caller": maker.ship}
    assert happened(mined) == [
        ("ContentsAdded", who | {"count": 3, "time": world.now, "ref": ref}),
        *[("Packed", who | {"id": part}) for part in parts],
    ]
    values = int.from_bytes(box), int.from_bytes(world.twins.head(box)), world.now
    step = Action.PACKED, maker.number, maker.ship, values, ref
    assert world.twins.head(parts[1]) == next_head(before, *step)
    facts = world.twins.twin(parts[1])
    assert (facts.packed, facts.holder, world.twins.containerOf(parts[1])) == (True, 1, box)
    facts = world.twins.twin(box)
    assert (facts.contents, facts.height, facts.packed, facts.holder) == (3, 1, False, maker.number)
    assert world.twins.containerCount() == 1


def test_things_are_unpacked(world: World, parts: list[bytes], boxes: list[bytes]) -> None:
    maker, ref, box = world.maker, world.ref("unpacking"), boxes[0]
    world.pack(box, parts)
    before = world.twins.head(parts[2])
    mined = world.twins.unpack(box, parts[:0:-1], ref, sender=maker.ship)
    who = {"org": maker.number, "container": box, "caller": maker.ship}
    assert happened(mined) == [
        ("ContentsRemoved", who | {"count": 2, "time": world.now, "ref": ref}),
        ("Unpacked", who | {"id": parts[2]}),
        ("Unpacked", who | {"id": parts[1]}),
    ]
    values = int.from_bytes(box), int.from_bytes(world.twins.head(box)), world.now
    step = Action.UNPACKED, maker.number, maker.ship, values, ref
    assert world.twins.head(parts[2]) == next_head(before, *step)
    facts = world.twins.twin(parts[2])
    assert (facts.packed, facts.holder, world.twins.containerOf(parts[2])) == (False, maker.number, bytes(32))
    assert world.twins.twin(box).contents == 1
    world.unpack(box, parts[:1])
    assert (world.twins.twin(box).contents, world.twins.twin(box).height) == (0, 0)


def test_the_order_of_things_is_part_of_the_history(
    world: World, parts: list[bytes], boxes: list[bytes]
) -> None:
    start = world.node.snapshot()
    heads = set()
    for ids in (parts, parts[::-1], parts[:2]):
        world.node.revert(start)
        world.pack(boxes[0], ids)
        heads.add(world.twins.head(boxes[0]))
    assert len(heads) == 3


def test_contents_change_hands_with_the_outermost_container(
    world: World, parts: list[bytes], boxes: list[bytes]
) -> None:
    world.pack(boxes[0], parts)
    nest(world, boxes[:3])
    before = world.twins.twin(parts[0])
    world.move(boxes[2], world.maker, world.carrier)
    for id_ in (parts[0], *boxes[:3]):
        assert world.twins.custodianOf(id_) == world.carrier.number
        assert world.twins.ownerOf(id_) == world.maker.number
    assert world.twins.twin(parts[0]) == before
    world.unpack(boxes[2], [boxes[1]], world.carrier)
    assert world.twins.twin(boxes[1]).holder == world.carrier.number
    world.move(boxes[1], world.carrier, world.retailer)
    assert world.twins.custodianOf(parts[0]) == world.retailer.number
    assert world.twins.custodianOf(boxes[2]) == world.carrier.number


def test_what_is_packed_does_not_move_by_itself(world: World, parts: list[bytes], boxes: list[bytes]) -> None:
    world.pack(boxes[0], parts)
    with reverts("IsPacked", parts[0], boxes[0]):
        world.offer(parts[0], world.maker, world.carrier)
    with reverts("IsPacked", parts[0], boxes[0]):
        world.pack(boxes[1], parts)


def test_a_container_is_numbered_once(world: World, parts: list[bytes], boxes: list[bytes]) -> None:
    for box, part in ((boxes[4], parts[0]), (boxes[2], parts[1]), (boxes[4], parts[2])):
        world.pack(box, [part])
    assert [world.twins.twin(part).holder for part in parts] == [1, 2, 1]
    world.unpack(boxes[4], [parts[0], parts[2]])
    world.pack(boxes[4], [parts[0]])
    assert world.twins.twin(parts[0]).holder == 1
    assert world.twins.containerCount() == 2


def test_something_must_be_named(world: World, boxes: list[bytes]) -> None:
    for call in (world.pack, world.unpack):
        with reverts("NothingNamed"):
            call(boxes[0], [])


def test_only_into_containers(world: World, parts: list[bytes]) -> None:
    machine = world.register(uri("machine"), Kind.ASSET)
    for id_, kind in ((parts[0], Kind.PART), (machine, Kind.ASSET)):
        with reverts("WrongKind", id_, kind):
            world.pack(id_, parts[1:])
    with reverts("UnknownTwin", bytes(32)):
        world.pack(bytes(32), parts)
    with reverts("UnknownTwin", bytes(32)):
        world.unpack(bytes(32), parts)


def test_only_things_that_exist_and_move(world: World, boxes: list[bytes]) -> None:
    design = world.register(uri("design"), Kind.DESIGN)
    with reverts("WrongKind", design, Kind.DESIGN):
        world.pack(boxes[0], [design])
    with reverts("UnknownTwin", bytes(32)):
        world.pack(boxes[0], [bytes(32)])
    machine = world.register(uri("machine"), Kind.ASSET)
    world.pack(boxes[0], [machine])


def test_only_by_the_custodian_of_all_of_them(world: World, parts: list[bytes], boxes: list[bytes]) -> None:
    world.move(parts[1], world.maker, world.carrier)
    with reverts("NotCustodian", parts[1], world.maker.number, world.carrier.number):
        world.pack(boxes[0], parts)
    with reverts("NotCustodian", boxes[0], world.carrier.number, world.maker.number):
        world.pack(boxes[0], [parts[1]], world.carrier)
    world.pack(boxes[0], [parts[0]])
    nest(world, boxes[:2])
    for box in boxes[:2]:
        with reverts("NotCustodian", box, world.carrier.number, world.maker.number):
            world.unpack(box, [parts[0]], world.carrier)


def test_not_while_an_offer_is_open(world: World, parts: list[bytes], boxes: list[bytes]) -> None:
    world.pack(boxes[0], parts[:1])
    nest(world, boxes[:2])
    world.offer(boxes[1], world.maker, world.carrier)
    opened = world.carrier.number, world.now + DAY
    for box in boxes[:2]:
        with reverts("OfferOpen", box, *opened):
            world.pack(box, parts[1:])
    with reverts("OfferOpen", boxes[0], *opened):
        world.unpack(boxes[0], parts[:1])
    world.offer(parts[1], world.maker, world.carrier)
    with reverts("OfferOpen", parts[1], *opened):
        world.pack(boxes[2], [parts[1]])


def test_nothing_that_is_held_or_ended_is_packed(
    world: World, parts: list[bytes], boxes: list[bytes]
) -> None:
    world.pack(boxes[1], parts[:1])
    world.hold(parts[0], REASON)
    world.hold(parts[1], REASON)
    world.retire(parts[2], EndOfLife.DECOMMISSIONED)
    refused = (boxes[1], Cause.CONTENTS_HELD), (parts[1], Cause.HELD), (parts[2], Cause.ENDED)
    for id_, cause in refused:
        with reverts("Blocked", id_, cause):
            world.pack(boxes[0], [id_])


def test_a_container_that_is_held_is_closed(world: World, parts: list[bytes], boxes: list[bytes]) -> None:
    world.pack(boxes[0], parts[:1])
    nest(world, boxes[:3])
    world.hold(boxes[1], REASON)
    for box, cause in ((boxes[1], Cause.HELD), (boxes[0], Cause.CONTAINER_HELD)):
        with reverts("Blocked", box, cause):
            world.pack(box, parts[1:])
    with reverts("Blocked", boxes[0], Cause.CONTAINER_HELD):
        world.unpack(boxes[0], parts[:1])
    with reverts("Blocked", boxes[1], Cause.HELD):
        world.unpack(boxes[1], boxes[:1])
    world.pack(boxes[2], parts[1:])  # around it, life goes on
    world.unpack(boxes[2], [boxes[1]])  # and it may leave, held as it is


def test_a_container_that_ended_is_closed(world: World, parts: list[bytes], boxes: list[bytes]) -> None:
    world.retire(boxes[0], EndOfLife.DECOMMISSIONED)
    with reverts("Blocked", boxes[0], Cause.ENDED):
        world.pack(boxes[0], parts)


def test_nothing_is_packed_twice_in_one_call(world: World, parts: list[bytes], boxes: list[bytes]) -> None:
    with reverts("IsPacked", parts[0], boxes[0]):
        world.pack(boxes[0], [parts[0], parts[1], parts[0]])
    world.pack(boxes[0], parts)
    with reverts("NotInContainer", parts[1], boxes[0]):
        world.unpack(boxes[0], [parts[1], parts[1]])


def test_only_what_is_directly_inside_is_unpacked(
    world: World, parts: list[bytes], boxes: list[bytes]
) -> None:
    world.pack(boxes[0], parts[:1])
    nest(world, boxes[:2])
    for id_ in (parts[0], parts[1], bytes(32), boxes[1], keccak(text="nothing")):
        with reverts("NotInContainer", id_, boxes[1]):
            world.unpack(boxes[1], [id_])


def test_no_container_is_inside_itself(world: World, boxes: list[bytes]) -> None:
    with reverts("ContainerCycle", boxes[0], boxes[0]):
        world.pack(boxes[0], [boxes[0]])
    nest(world, boxes[:4])
    for inner in boxes[:4]:
        with reverts("ContainerCycle", boxes[3], inner):
            world.pack(inner, [boxes[3]])


def test_eight_containers_around_a_thing_are_enough(
    world: World, parts: list[bytes], boxes: list[bytes]
) -> None:
    assert world.twins.MAX_DEPTH() == 8
    nest(world, boxes[:8])
    world.pack(boxes[0], parts[:1])
    assert heights(world, boxes[:8]) == [1, 2, 3, 4, 5, 6, 7, 8]
    with reverts("TooDeep", boxes[7], 9):
        world.pack(boxes[8], [boxes[7]])
    assert world.twins.custodianOf(parts[0]) == world.maker.number
    world.unpack(boxes[0], parts[:1])
    with reverts("TooDeep", boxes[7], 9):
        world.pack(boxes[8], [boxes[7]])  # a height falls only when a container is empty


def test_depth_is_counted_from_both_ends(world: World, parts: list[bytes], boxes: list[bytes]) -> None:
    """Four boxes around, and inside the thing that comes in up to four more."""
    nest(world, boxes[:4])  # 3 is the outermost
    nest(world, boxes[4:8])
    world.pack(boxes[4], parts[:1])
    world.pack(boxes[0], [boxes[7]])
    assert heights(world, boxes[:8]) == [5, 6, 7, 8, 1, 2, 3, 4]


def test_a_ninth_level_is_refused_from_inside_too(
    world: World, parts: list[bytes], boxes: list[bytes]
) -> None:
    nest(world, boxes)  # nine boxes, eight around the innermost
    assert heights(world, boxes) == list(range(9))
    with reverts("TooDeep", parts[0], 9):
        world.pack(boxes[0], parts[:1])
    world.pack(boxes[1], parts[:1])


def test_a_height_is_that_of_the_highest_thing_inside(
    world: World, parts: list[bytes], boxes: list[bytes]
) -> None:
    nest(world, boxes[:3])
    world.pack(boxes[3], [parts[0], boxes[2], parts[1]])
    assert heights(world, boxes[:4]) == [0, 1, 2, 3]
    world.pack(boxes[3], parts[2:])
    assert heights(world, boxes[:4]) == [0, 1, 2, 3]
    world.unpack(boxes[3], [boxes[2], parts[0]])
    assert heights(world, boxes[:4]) == [0, 1, 2, 3]  # until it is empty
    world.unpack(boxes[3], parts[1:])
    assert heights(world, boxes[:4]) == [0, 1, 2, 0]


def test_unpacking_from_nested_containers(world: World, parts: list[bytes], boxes: list[bytes]) -> None:
    world.pack(boxes[0], parts)
    nest(world, boxes[:3])
    world.move(boxes[2], world.maker, world.carrier)
    world.unpack(boxes[0], parts[:1], world.carrier)
    assert world.twins.twin(parts[0]).holder == world.carrier.number
    assert [world.twins.twin(box).contents for box in boxes[:3]] == [2, 1, 1]
