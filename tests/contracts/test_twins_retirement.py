"""Twins: how a thing ends, once and for all."""

from __future__ import annotations

import pytest

from tests.models.twins import next_head
from tests.support import reverts
from tests.support.words import Action, Cause, EndOfLife, Kind, Purpose
from tests.support.world import DAY, World, happened, sscc, uri

REASON = b"r" * 32
ENDS = [end for end in EndOfLife if end != EndOfLife.NONE]
REMOVALS = (EndOfLife.DESTROYED, EndOfLife.STOLEN)


@pytest.fixture
def part(world: World) -> bytes:
    return world.register(uri("1"))


@pytest.fixture
def nested(world: World, part: bytes) -> list[bytes]:
    """The part in a box on a pallet, in the hands of the retailer."""
    box, pallet = (world.register(sscc(number), Kind.CONTAINER) for number in "12")
    world.pack(box, [part])
    world.pack(pallet, [box])
    world.move(pallet, world.maker, world.retailer)
    return [part, box, pallet]


@pytest.mark.parametrize("end", ENDS)
def test_the_custodian_ends_a_thing(world: World, part: bytes, end: EndOfLife) -> None:
    world.move(part, world.maker, world.retailer)
    ref, caller = world.ref("ending"), world.retailer.register
    mined = world.twins.retire(part, end, ref, sender=caller)
    fact = {"org": world.retailer.number, "container": bytes(32), "caller": caller, "end": end, "ref": ref}
    assert happened(mined) == [("Retired", fact | {"id": part, "time": world.now})]
    facts = world.twins.twin(part)
    assert (facts.end, facts.holder, facts.owner) == (end, world.retailer.number, world.maker.number)
    assert world.twins.clear(part) == (False, Cause.ENDED)


def test_only_the_custodian(world: World, part: bytes) -> None:
    world.move(part, world.maker, world.retailer)
    with reverts("NotCustodian", part, world.maker.number, world.retailer.number):
        world.retire(part, EndOfLife.DESTROYED, world.maker)
    with reverts("UnknownTwin", bytes(32)):
        world.retire(bytes(32), EndOfLife.DESTROYED)


def test_in_a_named_way(world: World, part: bytes) -> None:
    with reverts("WrongEnd", part, EndOfLife.NONE):
        world.retire(part, EndOfLife.NONE)


def test_once(world: World, part: bytes) -> None:
    world.retire(part, EndOfLife.DISPENSED)
    for end in (EndOfLife.DESTROYED, EndOfLife.NONE):
        with reverts("Blocked", part, Cause.ENDED):
            world.retire(part, end)


def test_not_while_it_is_offered(world: World, part: bytes) -> None:
    world.offer(part, world.maker, world.carrier)
    with reverts("OfferOpen", part, world.carrier.number, world.now + DAY):
        world.retire(part, EndOfLife.DESTROYED)


def test_not_while_the_pallet_around_it_is_offered(world: World, nested: list[bytes]) -> None:
    world.offer(nested[2], world.retailer, world.carrier)
    with reverts("OfferOpen", nested[0], world.carrier.number, world.now + DAY):
        world.retire(nested[0], EndOfLife.DESTROYED, world.retailer)


def test_a_container_ends_empty(world: World, nested: list[bytes]) -> None:
    with reverts("NotEmpty", nested[1], 1):
        world.retire(nested[1], EndOfLife.DESTROYED, world.retailer)
    world.unpack(nested[1], nested[:1], world.retailer)
    world.retire(nested[1], EndOfLife.DESTROYED, world.retailer)
    assert world.twins.twin(nested[2]).contents == 0


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("index", range(3))
def test_what_is_held_is_only_destroyed_or_stolen(
    world: World, nested: list[bytes], end: EndOfLife, index: int
) -> None:
    """Whether the hold is on the thing, on its box or on the pallet."""
    world.hold(nested[index], REASON)
    if end in REMOVALS:
        world.retire(nested[0], end, world.retailer)
        assert world.twins.twin(nested[0]).end == end
    else:
        cause = Cause.HELD if index == 0 else Cause.CONTAINER_HELD
        with reverts("Blocked", nested[0], cause):
            world.retire(nested[0], end, world.retailer)


def test_what_is_packed_ends_in_place_and_leaves(world: World, nested: list[bytes]) -> None:
    part, box, pallet = nested
    world.hold(part, REASON)
    heads = [world.twins.head(id_) for id_ in nested]
    ref, caller, org = world.ref("ending"), world.retailer.register, world.retailer.number
    mined = world.twins.retire(part, EndOfLife.STOLEN, ref, sender=caller)
    fact = {"id": part, "org": org, "container": box, "caller": caller, "end": EndOfLife.STOLEN, "ref": ref}
    assert happened(mined) == [("Retired", fact | {"time": world.now})]
    facts = world.twins.twin(part)
    assert (facts.packed, facts.holder, facts.holds) == (False, org, 1)
    facts = world.twins.twin(box)
    assert (facts.contents, facts.height, facts.heldInside) == (0, 0, 0)
    facts = world.twins.twin(pallet)
    assert (facts.contents, facts.height, facts.heldInside) == (1, 2, 0)
    values = 1, int.from_bytes(part), world.now
    box_head = next_head(heads[1], Action.CONTENTS_REMOVED, org, caller, values, ref)
    assert world.twins.head(box) == box_head
    values = world.now << 8 | EndOfLife.STOLEN, int.from_bytes(box), int.from_bytes(box_head)
    assert world.twins.head(part) == next_head(heads[0], Action.RETIRED, org, caller, values, ref)
    assert world.twins.head(pallet) == heads[2]


def test_a_design_and_an_asset_end_too(world: World) -> None:
    for name, kind in (("drawing", Kind.DESIGN), ("press", Kind.ASSET)):
        thing = world.register(uri(name), kind)
        world.retire(thing, EndOfLife.DECOMMISSIONED)
        assert world.twins.twin(thing).end == EndOfLife.DECOMMISSIONED


def test_what_has_ended_goes_to_the_recycler(world: World, part: bytes) -> None:
    world.retire(part, EndOfLife.DECOMMISSIONED)
    world.move(part, world.maker, world.carrier, Purpose.DESTRUCTION)
    world.move(part, world.carrier, world.recycler, Purpose.DESTRUCTION)
    assert world.twins.custodianOf(part) == world.recycler.number
