"""Twins: who owns a thing, whoever has it in its hands."""

from __future__ import annotations

import pytest

from tests.support import reverts
from tests.support.words import Cause, EndOfLife, Kind
from tests.support.world import DAY, Org, World, happened, sscc, uri


@pytest.fixture
def part(world: World) -> bytes:
    """Owned by the maker, in the hands of the carrier."""
    part = world.register(uri("1"))
    world.move(part, world.maker, world.carrier)
    return part


def offer(world: World, part: bytes, giver: Org, taker: Org, until: int | None = None) -> None:
    until = world.now + DAY if until is None else until
    world.twins.offerTitle(part, taker.number, until, world.ref("selling"), sender=giver.finance)


def accept(world: World, part: bytes, taker: Org) -> None:
    world.twins.acceptTitle(part, world.ref("buying"), sender=taker.finance)


def test_title_passes_in_two_steps_and_custody_stays(world: World, part: bytes) -> None:
    maker, buyer, until, ref = world.maker, world.retailer, world.now + DAY, world.ref("selling")
    mined = world.twins.offerTitle(part, buyer.number, until, ref, sender=maker.finance)
    fact = {"id": part, "org": maker.number, "caller": maker.finance, "ref": ref}
    assert happened(mined) == [("TitleOffered", fact | {"to": buyer.number, "deadline": until})]
    assert world.twins.titleOffer(part) == (buyer.number, until)
    assert world.twins.ownerOf(part) == maker.number
    ref = world.ref("buying")
    mined = world.twins.acceptTitle(part, ref, sender=buyer.finance)
    fact = {"id": part, "org": buyer.number, "from": maker.number, "caller": buyer.finance, "ref": ref}
    assert happened(mined) == [("TitleAccepted", fact)]
    assert world.twins.titleOffer(part) == (0, 0)
    facts = world.twins.twin(part)
    assert (facts.owner, facts.holder, facts.maker) == (buyer.number, world.carrier.number, maker.number)


@pytest.mark.parametrize("by", ["maker", "retailer"])
def test_owner_and_candidate_end_an_offer(world: World, part: bytes, by: str) -> None:
    org: Org = getattr(world, by)
    offer(world, part, world.maker, world.retailer, world.now)
    world.node.warp(1)  # also after its deadline
    ref = world.ref("no")
    mined = world.twins.cancelTitle(part, ref, sender=org.finance)
    fact = {"id": part, "org": org.number, "caller": org.finance, "ref": ref}
    assert happened(mined) == [("TitleCancelled", fact)]
    assert world.twins.titleOffer(part) == (0, 0)
    with reverts("NotOfferedTo", part, world.retailer.number, 0):
        accept(world, part, world.retailer)


def test_nobody_else_ends_an_offer(world: World, part: bytes) -> None:
    offer(world, part, world.maker, world.retailer)
    with reverts("NotOwner", part, world.carrier.number, world.maker.number):
        world.twins.cancelTitle(part, world.ref(), sender=world.carrier.finance)


def test_only_an_offer_that_is_there_is_ended(world: World, part: bytes) -> None:
    for id_ in (part, bytes(32)):
        with reverts("NoOffer", id_):
            world.twins.cancelTitle(id_, world.ref(), sender=world.maker.finance)


def test_only_the_owner_offers(world: World, part: bytes) -> None:
    with reverts("NotOwner", part, world.carrier.number, world.maker.number):
        offer(world, part, world.carrier, world.retailer)
    with reverts("UnknownTwin", bytes(32)):
        offer(world, bytes(32), world.maker, world.retailer)


def test_title_goes_to_somebody_else(world: World, part: bytes) -> None:
    with reverts("SameOrganisation", part, world.maker.number):
        offer(world, part, world.maker, world.maker)
    with reverts("SameOrganisation", part, 0):
        world.twins.offerTitle(part, 0, world.now, world.ref(), sender=world.maker.finance)


def test_only_the_candidate_accepts(world: World, part: bytes) -> None:
    offer(world, part, world.maker, world.retailer)
    for org in (world.maker, world.carrier):
        with reverts("NotOfferedTo", part, org.number, world.retailer.number):
            accept(world, part, org)
    with reverts("NotOfferedTo", bytes(32), world.retailer.number, 0):
        accept(world, bytes(32), world.retailer)


def test_a_later_offer_replaces_an_earlier_one(world: World, part: bytes) -> None:
    offer(world, part, world.maker, world.retailer)
    offer(world, part, world.maker, world.insurer, world.now + 7)
    assert world.twins.titleOffer(part) == (world.insurer.number, world.now + 7)
    with reverts("NotOfferedTo", part, world.retailer.number, world.insurer.number):
        accept(world, part, world.retailer)
    accept(world, part, world.insurer)


@pytest.mark.parametrize("late", [False, True])
def test_an_offer_is_accepted_up_to_its_last_second(world: World, part: bytes, late: bool) -> None:
    until = world.now + DAY
    offer(world, part, world.maker, world.retailer)
    world.node.warp(DAY + late)
    if late:
        with reverts("DeadlinePassed", part, until, until + 1):
            accept(world, part, world.retailer)
    else:
        accept(world, part, world.retailer)


def test_an_offer_ends_now_at_the_earliest(world: World, part: bytes) -> None:
    with reverts("DeadlinePassed", part, world.now - 1, world.now):
        offer(world, part, world.maker, world.retailer, world.now - 1)
    offer(world, part, world.maker, world.retailer, world.now)


def test_the_old_owner_has_nothing_left(world: World, part: bytes) -> None:
    world.give_title(part, world.maker, world.retailer)
    with reverts("NotOwner", part, world.maker.number, world.retailer.number):
        offer(world, part, world.maker, world.insurer)
    with reverts("MayNotHold", part, world.maker.number):
        world.hold(part, bytes(32), world.maker)


@pytest.mark.parametrize("when", ["before the offer", "after the offer"])
@pytest.mark.parametrize("cause", [Cause.ENDED, Cause.HELD, Cause.CONTENTS_HELD, Cause.CONTAINER_HELD])
def test_title_passes_only_to_what_is_clear(world: World, cause: Cause, when: str) -> None:
    box, part = world.register(sscc("1"), Kind.CONTAINER), world.register(uri("1"))
    if cause in (Cause.CONTENTS_HELD, Cause.CONTAINER_HELD):
        world.pack(box, [part])
    thing = box if cause == Cause.CONTENTS_HELD else part

    def block() -> None:
        if cause == Cause.ENDED:
            world.retire(part, EndOfLife.RETAIL_SOLD)
        else:
            world.hold(box if cause == Cause.CONTAINER_HELD else part, bytes(32))

    if when == "before the offer":
        block()
        with reverts("Blocked", thing, cause):
            offer(world, thing, world.maker, world.retailer)
    else:
        offer(world, thing, world.maker, world.retailer)
        block()
        with reverts("Blocked", thing, cause):
            accept(world, thing, world.retailer)
        world.twins.cancelTitle(thing, world.ref(), sender=world.retailer.finance)


def test_title_to_packed_things_and_to_what_is_under_way(world: World) -> None:
    box, part = world.register(sscc("1"), Kind.CONTAINER), world.register(uri("1"))
    world.pack(box, [part])
    world.offer(box, world.maker, world.carrier)
    world.give_title(part, world.maker, world.retailer)
    assert (world.twins.ownerOf(part), world.twins.ownerOf(box)) == (
        world.retailer.number,
        world.maker.number,
    )
    assert world.twins.twin(box).pendingTo == world.carrier.number


def test_an_offer_of_custody_does_not_touch_one_of_title(world: World) -> None:
    part = world.register(uri("1"))
    offer(world, part, world.maker, world.retailer)
    world.move(part, world.maker, world.carrier)
    assert world.twins.titleOffer(part) == (world.retailer.number, world.now + DAY)
    accept(world, part, world.retailer)
    assert world.twins.custodianOf(part) == world.carrier.number


def test_a_design_is_sold_too(world: World) -> None:
    design = world.register(uri("drawing"), Kind.DESIGN)
    world.give_title(design, world.maker, world.service)
    assert world.twins.ownerOf(design) == world.service.number
    assert world.twins.custodianOf(design) == world.maker.number
