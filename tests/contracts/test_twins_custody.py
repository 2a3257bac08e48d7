"""Twins: custody passes in two steps, and only with the consent of both sides."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from tests.support import reverts
from tests.support.words import Cause, Duty, EndOfLife, Found, Kind, Purpose
from tests.support.world import DAY, Org, World, happened, sscc, uri

ALL_FOUND = int(sum(Found))


@pytest.fixture
def part(world: World) -> bytes:
    return world.register(uri("1"))


def decline(world: World, id_: bytes, org: Org) -> None:
    world.twins.decline(id_, world.ref(), sender=org.receive)


def test_an_offer_names_receiver_purpose_and_deadline(world: World, part: bytes) -> None:
    ref, until = world.ref("shipping", leaves=True), world.now + DAY
    args = part, world.carrier.number, Purpose.RETURN, until, ref
    receipt = world.twins.offer(*args, sender=world.maker.ship)
    assert happened(receipt) == [
        (
            "Offered",
            {
                "id": part,
                "org": world.maker.number,
                "to": world.carrier.number,
                "caller": world.maker.ship,
                "purpose": Purpose.RETURN,
                "deadline": until,
                "ref": ref,
            },
        )
    ]
    facts = world.twins.twin(part)
    assert (facts.pendingTo, facts.purpose, facts.deadline) == (world.carrier.number, Purpose.RETURN, until)
    assert facts.holder == world.twins.custodianOf(part) == world.maker.number


@pytest.mark.parametrize("found", [0, 1, Found.OUT_OF_CONDITIONS, ALL_FOUND])
def test_the_receiver_accepts_and_says_what_it_found(world: World, part: bytes, found: int) -> None:
    world.offer(part, world.maker, world.carrier, purpose=Purpose.DESTRUCTION)
    ref, receiver = world.ref("receiving"), world.carrier.receive
    receipt = world.accept(part, world.carrier, found=found, sender=receiver)
    assert happened(receipt) == [
        (
            "Accepted",
            {
                "id": part,
                "org": world.carrier.number,
                "from": world.maker.number,
                "caller": receiver,
                "exceptions": found,
                "ref": ref,
            },
        )
    ]
    facts = world.twins.twin(part)
    assert (facts.holder, facts.owner, facts.maker) == (
        world.carrier.number,
        world.maker.number,
        world.maker.number,
    )
    assert (facts.pendingTo, facts.purpose, facts.deadline) == (0, Purpose.TRANSPORT, 0)


@pytest.mark.parametrize("found", [0, ALL_FOUND + 1, 1 << 15])
def test_exceptions_are_at_least_one_and_known(world: World, part: bytes, found: int) -> None:
    world.offer(part, world.maker, world.carrier)
    with reverts("UnknownExceptions", found):
        args = part, world.twins.head(part), found, world.ref()
        world.twins.acceptWithExceptions(*args, sender=world.carrier.receive)


def test_the_receiver_declines(world: World, part: bytes) -> None:
    world.offer(part, world.maker, world.carrier, until=world.now)
    world.node.warp(1)  # also after the deadline
    ref = world.ref("declining")
    receipt = world.twins.decline(part, ref, sender=world.carrier.receive)
    assert happened(receipt) == [
        (
            "Declined",
            {
                "id": part,
                "org": world.carrier.number,
                "from": world.maker.number,
                "caller": world.carrier.receive,
                "ref": ref,
            },
        )
    ]
    facts = world.twins.twin(part)
    assert (facts.holder, facts.pendingTo, facts.deadline) == (world.maker.number, 0, 0)


def test_the_custodian_cancels_up_to_the_last_second(world: World, part: bytes) -> None:
    deadline = world.now + 1
    world.offer(part, world.maker, world.carrier, until=deadline)
    with reverts("DeadlineNotPassed", part, deadline, world.now):
        world.twins.reclaim(part, world.ref(), sender=world.maker.ship)
    world.node.warp(1)
    with reverts("DeadlineNotPassed", part, deadline, deadline):
        world.twins.reclaim(part, world.ref(), sender=world.maker.ship)
    ref = world.ref("cancelling")
    receipt = world.twins.cancel(part, ref, sender=world.maker.ship)
    assert happened(receipt) == [
        ("Cancelled", {"id": part, "org": world.maker.number, "caller": world.maker.ship, "ref": ref})
    ]
    assert world.twins.twin(part).pendingTo == 0


def test_the_custodian_reclaims_from_the_next_second_on(world: World, part: bytes) -> None:
    deadline = world.now
    world.offer(part, world.maker, world.carrier, until=deadline)
    world.node.warp(1)
    with reverts("DeadlinePassed", part, deadline, deadline + 1):
        world.twins.cancel(part, world.ref(), sender=world.maker.ship)
    ref = world.ref("reclaiming")
    receipt = world.twins.reclaim(part, ref, sender=world.maker.ship)
    assert happened(receipt) == [
        ("Reclaimed", {"id": part, "org": world.maker.number, "caller": world.maker.ship, "ref": ref})
    ]
    facts = world.twins.twin(part)
    assert (facts.holder, facts.pendingTo, facts.deadline) == (world.maker.number, 0, 0)


@pytest.mark.parametrize("late", [False, True])
def test_an_offer_is_accepted_up_to_its_last_second(world: World, part: bytes, late: bool) -> None:
    deadline = world.now + DAY
    world.offer(part, world.maker, world.carrier, until=deadline)
    world.node.warp(DAY + late)
    if late:
        with reverts("DeadlinePassed", part, deadline, deadline + 1):
            world.accept(part, world.carrier)
    else:
        world.accept(part, world.carrier)
        assert world.twins.custodianOf(part) == world.carrier.number


def test_an_offer_ends_now_at_the_earliest(world: World, part: bytes) -> None:
    with reverts("DeadlinePassed", part, world.now - 1, world.now):
        world.offer(part, world.maker, world.carrier, until=world.now - 1)
    world.offer(part, world.maker, world.carrier, until=world.now)


def test_only_the_named_receiver_accepts_or_declines(world: World, part: bytes) -> None:
    world.offer(part, world.maker, world.carrier)
    for org in (world.maker, world.retailer):
        for call in (World.accept, decline):
            with reverts("NotOfferedTo", part, org.number, world.carrier.number):
                call(world, part, org)


def test_what_is_not_offered_is_not_accepted(world: World, part: bytes) -> None:
    for id_ in (part, bytes(32)):
        for call in (World.accept, decline):
            with reverts("NotOfferedTo", id_, world.carrier.number, 0):
                call(world, id_, world.carrier)


def test_the_receiver_accepts_what_it_saw(world: World, part: bytes) -> None:
    """And not an offer that was withdrawn, nor another pallet under the same label."""
    world.offer(part, world.maker, world.carrier, Purpose.QUARANTINE)
    seen = world.twins.head(part)
    world.twins.cancel(part, world.ref(), sender=world.maker.ship)
    world.offer(part, world.maker, world.carrier)
    for call, found in ((world.twins.accept, []), (world.twins.acceptWithExceptions, [Found.DAMAGED])):
        with reverts("HeadMoved", part, seen, world.twins.head(part)):
            call(part, seen, *found, world.ref(), sender=world.carrier.receive)
    world.accept(part, world.carrier)


def test_only_the_custodian_offers(world: World, part: bytes) -> None:
    world.move(part, world.maker, world.carrier)
    with reverts("NotCustodian", part, world.maker.number, world.carrier.number):
        world.offer(part, world.maker, world.retailer)  # the owner, but not the custodian
    with reverts("UnknownTwin", bytes(32)):
        world.offer(bytes(32), world.maker, world.retailer)


def test_only_the_custodian_takes_back(world: World, part: bytes) -> None:
    for call in (world.twins.cancel, world.twins.reclaim):
        with reverts("UnknownTwin", bytes(32)):
            call(bytes(32), world.ref(), sender=world.maker.ship)
        with reverts("NoOffer", part):
            call(part, world.ref(), sender=world.maker.ship)
    world.offer(part, world.maker, world.carrier)
    for call in (world.twins.cancel, world.twins.reclaim):
        with reverts("NotCustodian", part, world.carrier.number, world.maker.number):
            call(part, world.ref(), sender=world.carrier.ship)


def test_one_offer_at_a_time(world: World, part: bytes) -> None:
    world.offer(part, world.maker, world.carrier)
    deadline = world.now + DAY
    with reverts("OfferOpen", part, world.carrier.number, deadline):
        world.offer(part, world.maker, world.retailer)
    world.node.warp(DAY + 1)
    with reverts(
        "OfferOpen", part, world.carrier.number, deadline
    ):  # also when nobody can accept it any more
        world.offer(part, world.maker, world.retailer)


def test_an_offer_goes_to_somebody_else(world: World, part: bytes) -> None:
    with reverts("SameOrganisation", part, world.maker.number):
        world.offer(part, world.maker, world.maker)
    with reverts("SameOrganisation", part, 0):
        world.twins.offer(part, 0, Purpose.TRANSPORT, world.now, world.ref(), sender=world.maker.ship)


def test_nobody_accepts_for_an_organisation_that_does_not_exist(world: World, part: bytes) -> None:
    world.twins.offer(part, 99, Purpose.TRANSPORT, world.now, world.ref(), sender=world.maker.ship)
    world.twins.cancel(part, world.ref(), sender=world.maker.ship)
    assert world.twins.custodianOf(part) == world.maker.number


def test_a_design_does_not_move(world: World) -> None:
    design = world.register(uri("drawing"), Kind.DESIGN)
    with reverts("WrongKind", design, Kind.DESIGN):
        world.offer(design, world.maker, world.carrier)


def test_quarantine_is_received_by_somebody_of_quality(world: World, part: bytes) -> None:
    wanted = Duty.RECEIVE | Duty.QUALITY
    world.offer(part, world.maker, world.carrier, purpose=Purpose.QUARANTINE)
    for account, duties in ((world.carrier.receive, Duty.RECEIVE), (world.carrier.quality, Duty.QUALITY)):
        with reverts("MissingDuty", account, duties, wanted):
            world.accept(part, world.carrier, sender=account)
    world.hire(world.carrier, world.stranger, wanted)
    world.accept(part, world.carrier, sender=world.stranger)
    assert world.twins.custodianOf(part) == world.carrier.number


def test_goods_go_on_and_come_back(world: World, part: bytes) -> None:
    route = [world.maker, world.carrier, world.distributor, world.carrier, world.maker]
    for giver, taker in zip(route, route[1:], strict=False):
        world.move(part, giver, taker)
        assert world.twins.custodianOf(part) == taker.number
        assert world.twins.ownerOf(part) == world.maker.number


# What is held or has ended moves only to somebody who deals with that.

RETURNS = {"maker", "supplier", "carrier", "distributor"}
RECEIVERS = {
    Purpose.TRANSPORT: set(),
    Purpose.RETURN: RETURNS | {"insurer"},  # the owner
    Purpose.QUARANTINE: RETURNS | {"retailer", "service", "recycler", "regulator", "insurer"},
    Purpose.DESTRUCTION: {"carrier", "recycler"},
}


CAUSES = {"ended": Cause.ENDED, "held": Cause.HELD, "contents held": Cause.CONTENTS_HELD}


def blocked_thing(world: World, state: str) -> bytes:
    """Made by the maker, still in its hands, and owned by the insurer."""
    thing = world.register(sscc("1"), Kind.CONTAINER)
    world.give_title(thing, world.maker, world.insurer)
    if state == "contents held":
        inside = world.register(uri("inside"))
        world.pack(thing, [inside])
        world.hold(inside, b"r" * 32)
    if state == "held":
        world.hold(thing, b"r" * 32)
    if state == "ended":
        world.retire(thing, EndOfLife.DECOMMISSIONED)
    return thing


def receivers(state: str, purpose: Purpose) -> set[str]:
    """A container goes back to its maker or owner as such only if nothing in it is held."""
    homes = {"insurer"} if state == "contents held" and purpose == Purpose.RETURN else set()
    return RECEIVERS[purpose] - homes


@pytest.mark.parametrize("state", CAUSES)
@pytest.mark.parametrize("purpose", list(Purpose))
def test_what_is_blocked_goes_only_to_who_deals_with_it(world: World, state: str, purpose: Purpose) -> None:
    thing, holder = blocked_thing(world, state), world.maker
    start = world.node.snapshot()
    for org in world.orgs:
        if org == holder:
            continue
        if org.name in receivers(state, purpose):
            world.offer(thing, holder, org, purpose=purpose)
            world.accept(thing, org)
            assert world.twins.custodianOf(thing) == org.number
            world.node.revert(start)
        elif purpose == Purpose.TRANSPORT:
            with reverts("Blocked", thing, CAUSES[state]):
                world.offer(thing, holder, org, purpose=purpose)
        else:
            with reverts("NotAReceiverFor", thing, purpose, org.number):
                world.offer(thing, holder, org, purpose=purpose)


def test_the_maker_and_the_owner_take_back_whatever_they_are(world: World) -> None:
    thing = blocked_thing(world, "held")
    world.offer(thing, world.maker, world.retailer, purpose=Purpose.QUARANTINE)
    world.accept(thing, world.retailer)
    world.consortium.setRoles(world.maker.number, 0, sender=world.governor)
    start = world.node.snapshot()
    for org in (world.maker, world.insurer):
        world.offer(thing, world.retailer, org, purpose=Purpose.RETURN)
        world.accept(thing, org)
        world.node.revert(start)
    with reverts("NotAReceiverFor", thing, Purpose.RETURN, world.service.number):
        world.offer(thing, world.retailer, world.service, purpose=Purpose.RETURN)


def test_a_receiver_without_a_valid_licence_gets_nothing_that_is_blocked(world: World) -> None:
    thing = blocked_thing(world, "held")
    world.consortium.setLicence(world.recycler.number, bytes(32), world.now - 1, sender=world.governor)
    with reverts("NotAReceiverFor", thing, Purpose.DESTRUCTION, world.recycler.number):
        world.offer(thing, world.maker, world.recycler, purpose=Purpose.DESTRUCTION)
    world.suspend(world.carrier)
    with reverts("NotAReceiverFor", thing, Purpose.DESTRUCTION, world.carrier.number):
        world.offer(thing, world.maker, world.carrier, purpose=Purpose.DESTRUCTION)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_hold_after_the_offer_stops_the_acceptance(world: World, part: bytes, purpose: Purpose) -> None:
    world.offer(part, world.maker, world.retailer, purpose=purpose)
    world.hold(part, b"r" * 32)
    refusal = {
        Purpose.TRANSPORT: reverts("Blocked", part, CAUSES["held"]),
        Purpose.RETURN: reverts("NotAReceiverFor", part, purpose, world.retailer.number),
        Purpose.QUARANTINE: nullcontext(),
        Purpose.DESTRUCTION: reverts("NotAReceiverFor", part, purpose, world.retailer.number),
    }
    with refusal[purpose]:
        world.accept(part, world.retailer)


def test_what_is_offered_and_then_held_is_taken_back(world: World, part: bytes) -> None:
    start = world.node.snapshot()
    for ending, org, wait in (
        ("cancel", "maker", 0),
        ("reclaim", "maker", DAY + 1),
        ("decline", "carrier", 0),
    ):
        world.node.revert(start)
        world.offer(part, world.maker, world.carrier)
        world.hold(part, b"r" * 32)
        world.node.warp(wait)
        getattr(world.twins, ending)(part, world.ref(), sender=getattr(world, org).all)
        assert world.twins.twin(part).pendingTo == 0
