"""Lots: quantities are commissioned, change hands by the consent of both sides, are used and get lost."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.support import Forwarder, Reverted, reverts
from tests.support.lots import ONE, PROCESS, REASON, Goods
from tests.support.words import Duty, Found, LotCause, Purpose, Role, UnitEnd
from tests.support.world import DAY, SUPPLIER_PREFIX, Commission, Org, World, happened, lot_uri, twin_id

MILK = Commission(lot_uri("7"), class_=b"c" * 32, unit=b"LTR", quantity=5 * ONE, expiry=2_000_000_000)
LOT = twin_id(MILK.uri)


@pytest.fixture
def goods(world: World) -> Goods:
    return Goods.create(world)


def commission(world: World, **changes: Any) -> Any:
    return world.lots.commissionLot(MILK._replace(**changes), world.ref(), sender=world.maker.register)


def test_the_maker_has_all_of_what_it_commissioned(world: World) -> None:
    ref, maker = world.ref(), world.maker
    assert world.lots.commissionLot.call(MILK, ref, sender=maker.register) == LOT
    receipt = world.lots.commissionLot(MILK, ref, sender=maker.register)
    fact = {"lot": LOT, "org": maker.number, "process": bytes(32), "caller": maker.register}
    assert happened(receipt) == [("LotCommissioned", fact | {"item": MILK, "ref": ref})]
    facts = world.lots.lotOf(LOT)._asdict()
    empty = dict.fromkeys(("serialCount", "holds", "recalls", "recall", "uses", "fresh"), 0)
    assert facts == {"maker": maker.number, "unit": b"LTR", "expiry": MILK.expiry, **empty}
    assert world.lots.quantityOf(LOT, maker.number) == MILK.quantity
    assert world.lots.serialsRootOf(LOT) == world.lots.useHead(LOT) == bytes(32)
    assert world.lots.clear(LOT) == (True, LotCause.NONE)
    assert world.lots.TWINS() == world.twins.address


def test_the_root_of_the_serials_is_kept(goods: Goods) -> None:
    assert goods.world.lots.serialsRootOf(goods.pills) == goods.tree.root
    assert goods.world.lots.lotOf(goods.pills).serialCount == goods.count


def test_the_maker_of_a_lot_with_serials_has_one_unit_for_each(world: World, goods: Goods) -> None:
    """Without a slot that says so, until something is taken."""
    lots, maker = world.lots, world.maker.number
    assert lots.lotOf(goods.pills).fresh
    assert lots.quantityOf(goods.pills, maker) == goods.count * ONE
    assert lots.quantityOf(goods.pills, world.carrier.number) == 0
    goods.move(goods.pills, 2 * ONE, world.carrier)
    assert not lots.lotOf(goods.pills).fresh
    assert lots.quantityOf(goods.pills, maker) == (goods.count - 2) * ONE
    assert lots.quantityOf(goods.pills, world.carrier.number) == 2 * ONE
    with reverts("InsufficientQuantity", goods.pills, (goods.count - 1) * ONE, (goods.count - 2) * ONE):
        lots.declareLoss(
            goods.pills, (goods.count - 1) * ONE, bytes(32), world.ref(), sender=world.maker.quality
        )


def test_a_quantity_without_serials_ends(world: World, goods: Goods) -> None:
    lots, maker, ref, milk = world.lots, world.maker, world.ref("retail_selling"), goods.milk
    before = lots.quantityOf(milk, maker.number)
    receipt = lots.endQuantity(milk, 3 * ONE, UnitEnd.RETAIL_SOLD, ref, sender=maker.register)
    who = {"lot": milk, "org": maker.number, "caller": maker.register}
    what = {"quantity": 3 * ONE, "end": UnitEnd.RETAIL_SOLD, "ref": ref}
    assert happened(receipt) == [("QuantityEnded", who | what)]
    assert lots.quantityOf(milk, maker.number) == before - 3 * ONE

    def end(lot: bytes, quantity: int, how: int, sender: str = maker.register) -> None:
        lots.endQuantity(lot, quantity, how, world.ref(), sender=sender)

    with reverts("HasSerials", goods.pills):
        end(goods.pills, ONE, UnitEnd.RETAIL_SOLD)
    with reverts("UnknownLot", bytes(32)):
        end(bytes(32), ONE, UnitEnd.RETAIL_SOLD)
    for how in (UnitEnd.NONE, UnitEnd.MATERIALISED):
        with reverts("WrongEnd", milk, how):
            end(milk, ONE, how)
    with reverts("ZeroQuantity", milk):
        end(milk, 0, UnitEnd.DISPENSED)
    with reverts("InsufficientQuantity", milk, before, before - 3 * ONE):
        end(milk, before, UnitEnd.DISPENSED)
    with reverts("MissingDuty", maker.quality, Duty.QUALITY, Duty.REGISTER):
        end(milk, ONE, UnitEnd.DISPENSED, maker.quality)
    future = world.ref(time=world.now + 1)
    with reverts("EventInFuture", world.now + 1, world.now):
        lots.endQuantity(milk, ONE, UnitEnd.DISPENSED, future, sender=maker.register)
    lots.holdLot(milk, bytes(32), world.ref(), sender=maker.quality)
    with reverts("Blocked", milk, LotCause.HELD):
        end(milk, ONE, UnitEnd.RETAIL_SOLD)
    end(milk, ONE, UnitEnd.DESTROYED)


def test_a_lot_is_commissioned_once(world: World) -> None:
    commission(world)
    with reverts("AlreadyCommissioned", LOT):
        commission(world, quantity=1)


def test_a_lot_has_a_quantity(world: World) -> None:
    with reverts("ZeroQuantity", LOT):
        commission(world, quantity=0)


@pytest.mark.parametrize(
    ("quantity", "root", "count"),
    [
        (ONE, b"s" * 32, 0),
        (ONE, bytes(32), 1),
        (ONE, b"s" * 32, 2),
        (2 * ONE - 1, b"s" * 32, 2),
        (2 * ONE + 1, b"s" * 32, 2),
    ],
)
def test_serials_are_one_for_each_whole_unit(world: World, quantity: int, root: bytes, count: int) -> None:
    with reverts("WrongSerials", LOT, quantity, root, count):
        commission(world, quantity=quantity, serials_root=root, serial_count=count)
    commission(world, quantity=2 * ONE, serials_root=b"s" * 32, serial_count=2)


@pytest.mark.parametrize(
    "unit",
    [b"\0\0\0", b"K\0\0", b"\0GM", b"K\0M", b"kgm", b"KG ", b"KG@", b"KG[", b"KG/", b"KG:", b"/GM", b"K:M"],
)
def test_units_of_measure_are_codes(world: World, unit: bytes) -> None:
    with reverts("WrongUnit", LOT, unit):
        commission(world, unit=unit)


@pytest.mark.parametrize("unit", [b"KGM", b"H87", b"AZ\0", b"09\0", b"090", b"A9Z"])
def test_two_or_three_characters_are_a_code(world: World, unit: bytes) -> None:
    commission(world, unit=unit)
    assert world.lots.lotOf(LOT).unit == unit


def test_lots_are_commissioned_under_the_own_namespace(world: World) -> None:
    foreign = MILK._replace(uri=lot_uri("7", SUPPLIER_PREFIX))
    namespace = twin_id(SUPPLIER_PREFIX)
    with reverts("NotNamespaceOwner", namespace, world.maker.number, world.supplier.number):
        world.lots.commissionLot(foreign, world.ref(), sender=world.maker.register)
    with reverts("NotCanonical", "lot 7"):
        commission(world, uri="lot 7")
    with reverts("MissingDuty", world.maker.ship, Duty.SHIP, Duty.REGISTER):
        world.lots.commissionLot(MILK, world.ref(), sender=world.maker.ship)
    with reverts("UnknownAccount", world.stranger):
        world.lots.commissionLot(MILK, world.ref(), sender=world.stranger)


def test_nobody_tells_of_what_has_not_happened(world: World, goods: Goods) -> None:
    future, now, maker = world.ref(time=world.now + 1), world.now, world.maker
    lots, pills = world.lots, goods.pills
    calls: list[tuple[str, tuple[Any, ...], str]] = [
        ("commissionLot", (MILK,), maker.register),
        ("offerQuantity", (pills, 2, ONE, 0, now), maker.ship),
        ("acceptQuantity", (pills, 1, ONE, 0), maker.receive),
        ("endQuantityOffer", (pills, 1, 2), maker.ship),
        ("declareLoss", (pills, ONE, REASON), maker.quality),
        ("endOfLife", (pills, [0], 2), maker.register),
        ("holdLot", (pills, REASON), maker.quality),
        ("releaseLot", (pills, 1, REASON), maker.quality),
    ]
    for function, args, sender in calls:
        with reverts("EventInFuture", now + 1, now):
            getattr(lots, function)(*args, future, sender=sender)


# ---------------------------------------------------------------------------------------------- for modules


def test_a_module_commissions_what_a_process_gave(world: World, goods: Goods) -> None:
    ref, maker = world.ref(), world.maker
    call = (maker.register, MILK, PROCESS, ref)
    assert world.lots.commissionLotFor.call(*call, sender=goods.module) == LOT
    receipt = world.lots.commissionLotFor(*call, sender=goods.module)
    fact = {"lot": LOT, "org": maker.number, "process": PROCESS, "caller": maker.register}
    assert happened(receipt) == [("LotCommissioned", fact | {"item": MILK, "ref": ref})]
    assert world.lots.quantityOf(LOT, maker.number) == MILK.quantity


def test_a_module_takes_into_a_process(world: World, goods: Goods) -> None:
    maker, milk, lots = world.maker, goods.milk, world.lots
    assert lots.useFor.call(maker.register, milk, ONE, PROCESS, sender=goods.module) == maker.number
    head = bytes(32)
    for number, process in enumerate((PROCESS, b"q" * 32, PROCESS), 1):
        receipt = lots.useFor(maker.register, milk, ONE, process, sender=goods.module)
        head = keccak(head + process)
        fact = {"lot": milk, "org": maker.number, "use": process, "caller": goods.module.address}
        assert happened(receipt) == [("Used", fact | {"quantity": ONE, "useHead": head})]
        assert lots.useHead(milk) == head
        assert lots.lotOf(milk).uses == number
        assert lots.quantityOf(milk, maker.number) == (1000 - number) * ONE


def test_only_modules_act_for_others(world: World, goods: Goods) -> None:
    maker, lots = world.maker, world.lots
    calls: list[tuple[Any, tuple[Any, ...]]] = [
        (lots.commissionLotFor, (maker.register, MILK, PROCESS, world.ref())),
        (lots.useFor, (maker.register, goods.milk, ONE, PROCESS)),
    ]
    idle = Forwarder.deploy(world.node, world.stranger)
    number = world.consortium.organisationCount() + 1
    world.consortium.admit("idle", world.governor, Role.MODULE, bytes(32), 0, sender=world.governor)
    world.consortium.setAccount(number, idle.address, Duty.RECALL, sender=world.governor)
    for function, args in calls:
        with reverts("MissingRole", maker.number, maker.roles, Role.MODULE):
            function(*args, sender=maker.all)
        with reverts("MissingDuty", idle.address, Duty.RECALL, Duty.REGISTER):
            function(*args, sender=idle)
        for account, error in ((maker.ship, "MissingDuty"), (world.stranger, "UnknownAccount")):
            with pytest.raises(Reverted) as refused:
                function(account, *args[1:], sender=goods.module)
            assert refused.value.error == error


def test_modules_use_what_there_is(world: World, goods: Goods) -> None:
    lots, account = world.lots, world.maker.register

    def use(lot: bytes, quantity: int) -> None:
        lots.useFor(account, lot, quantity, PROCESS, sender=goods.module)

    with reverts("UnknownLot", LOT):
        use(LOT, 1)
    with reverts("ZeroQuantity", goods.milk):
        use(goods.milk, 0)
    with reverts("InsufficientQuantity", goods.milk, 1000 * ONE + 1, 1000 * ONE):
        use(goods.milk, 1000 * ONE + 1)
    goods.hold(goods.milk)
    with reverts("Blocked", goods.milk, LotCause.HELD):
        use(goods.milk, 1)


def test_what_has_expired_may_be_used(world: World) -> None:
    goods = Goods.create(world, expiry=world.now)
    world.node.warp(1)
    assert world.lots.clear(goods.pills) == (False, LotCause.EXPIRED)
    world.lots.useFor(world.maker.register, goods.pills, ONE, PROCESS, sender=goods.module)


# --------------------------------------------------------------------------------------------------- custody


def offer(goods: Goods, quantity: int, to: Org, purpose: Purpose = Purpose.TRANSPORT, until: int = 0) -> Any:
    world = goods.world
    terms = quantity, purpose, until or world.now + DAY, world.ref("shipping")
    return world.lots.offerQuantity(goods.milk, to.number, *terms, sender=world.maker.ship)


def accept(goods: Goods, quantity: int, by: Org, found: int = 0) -> Any:
    world = goods.world
    args = goods.milk, world.maker.number, quantity, found, world.ref("receiving")
    return world.lots.acceptQuantity(*args, sender=by.all)


def test_what_is_offered_has_left_and_not_arrived(world: World, goods: Goods) -> None:
    receipt = offer(goods, 10 * ONE, world.carrier, Purpose.RETURN, world.now)
    who = {"org": world.maker.number, "to": world.carrier.number, "caller": world.maker.ship}
    what = {"quantity": 10 * ONE, "purpose": Purpose.RETURN, "deadline": world.now}
    fact = {"lot": goods.milk, **who, **what, "ref": world.ref("shipping")}
    assert happened(receipt) == [("QuantityOffered", fact)]
    assert world.lots.quantityOf(goods.milk, world.maker.number) == 990 * ONE
    assert world.lots.quantityOf(goods.milk, world.carrier.number) == 0
    numbers = world.maker.number, world.carrier.number
    assert world.lots.quantityOffer(goods.milk, *numbers) == (10 * ONE, world.now, Purpose.RETURN)


def test_the_receiver_accepts_all_or_a_part(world: World, goods: Goods) -> None:
    lots, milk, maker, carrier = world.lots, goods.milk, world.maker, world.carrier
    offer(goods, 10 * ONE, carrier)
    ref = world.ref("receiving")
    receipt = lots.acceptQuantity(milk, maker.number, 10 * ONE, 0, ref, sender=carrier.receive)
    fact = {"lot": milk, "org": carrier.number, "from": maker.number, "caller": carrier.receive, "ref": ref}
    assert happened(receipt) == [
        ("QuantityAccepted", fact | {"quantity": 10 * ONE, "rest": 0, "exceptions": 0})
    ]
    offer(goods, 10 * ONE, carrier)
    found = Found.UNDERAGE | Found.DAMAGED
    receipt = lots.acceptQuantity(milk, maker.number, 7 * ONE, found, ref, sender=carrier.receive)
    rest = {"quantity": 7 * ONE, "rest": 3 * ONE, "exceptions": found}
    assert happened(receipt) == [("QuantityAccepted", fact | rest)]
    assert lots.quantityOf(milk, carrier.number) == 17 * ONE
    assert lots.quantityOf(milk, maker.number) == 983 * ONE
    assert lots.quantityOffer(milk, maker.number, carrier.number) == (0, 0, 0)
    with reverts("NoOffer", milk, maker.number, carrier.number):
        accept(goods, 1, carrier)


def test_all_may_be_accepted_with_exceptions(world: World, goods: Goods) -> None:
    offer(goods, ONE, world.carrier)
    accept(goods, ONE, world.carrier, Found.SEAL_BROKEN)
    assert world.lots.quantityOf(goods.milk, world.carrier.number) == ONE


def test_an_offer_is_accepted_as_it_is(world: World, goods: Goods) -> None:
    milk, maker, carrier = goods.milk, world.maker, world.carrier
    with reverts("NoOffer", milk, maker.number, carrier.number):
        accept(goods, ONE, carrier)
    offer(goods, ONE, carrier, until=world.now + 5)
    with reverts("NoOffer", milk, maker.number, world.retailer.number):
        accept(goods, ONE, world.retailer)
    with reverts("ZeroQuantity", milk):
        accept(goods, 0, carrier, Found.MISSING_PRODUCT)
    with reverts("InsufficientQuantity", milk, ONE + 1, ONE):
        accept(goods, ONE + 1, carrier, Found.OVERAGE)
    with reverts("WrongExceptions", milk, 0, 1):
        accept(goods, ONE - 1, carrier)
    with reverts("WrongExceptions", milk, 1 << 9, 0):
        accept(goods, ONE, carrier, 1 << 9)
    with reverts("MissingDuty", carrier.ship, Duty.SHIP, Duty.RECEIVE):
        world.lots.acceptQuantity(milk, maker.number, ONE, 0, world.ref(), sender=carrier.ship)
    world.node.warp(5)
    here = world.node.snapshot()
    accept(goods, ONE, carrier)
    world.node.revert(here)
    world.node.warp(1)
    with reverts("DeadlinePassed", milk, world.now - 1, world.now):
        accept(goods, ONE, carrier)


def test_offers_are_made_as_they_should(world: World, goods: Goods) -> None:
    milk, maker, carrier = goods.milk, world.maker, world.carrier
    for to in (0, maker.number):
        with reverts("SameOrganisation", milk, to):
            world.lots.offerQuantity(milk, to, ONE, 0, world.now, world.ref(), sender=maker.ship)
    with reverts("DeadlinePassed", milk, world.now - 1, world.now):
        offer(goods, ONE, carrier, until=world.now - 1)
    with reverts("ZeroQuantity", milk):
        offer(goods, 0, carrier)
    with reverts("InsufficientQuantity", milk, 1000 * ONE + 1, 1000 * ONE):
        offer(goods, 1000 * ONE + 1, carrier)
    with reverts("UnknownLot", LOT):
        world.lots.offerQuantity(LOT, 3, ONE, 0, world.now, world.ref(), sender=maker.ship)
    with reverts("MissingDuty", maker.receive, Duty.RECEIVE, Duty.SHIP):
        world.lots.offerQuantity(milk, 3, ONE, 0, world.now, world.ref(), sender=maker.receive)
    offer(goods, ONE, carrier)
    with reverts("OfferOpen", milk, maker.number, carrier.number):
        offer(goods, ONE, carrier)
    offer(goods, ONE, world.retailer)


@pytest.mark.parametrize("by", ["maker", "carrier"])
def test_both_sides_end_an_offer(world: World, goods: Goods, by: str) -> None:
    milk, maker, carrier, ref = goods.milk, world.maker, world.carrier, world.ref()
    org: Org = getattr(world, by)
    sender, wrong = (org.ship, org.receive) if by == "maker" else (org.receive, org.ship)
    args = milk, maker.number, carrier.number, ref
    with reverts("NoOffer", *args[:3]):
        world.lots.endQuantityOffer(*args, sender=sender)
    offer(goods, ONE, carrier, until=world.now)
    world.node.warp(DAY)
    with reverts("NoOffer", milk, maker.number, world.retailer.number):
        world.lots.endQuantityOffer(*args, sender=world.retailer.all)
    duties = (Duty.RECEIVE, Duty.SHIP) if by == "maker" else (Duty.SHIP, Duty.RECEIVE)
    with reverts("MissingDuty", wrong, *duties):
        world.lots.endQuantityOffer(*args, sender=wrong)
    receipt = world.lots.endQuantityOffer(*args, sender=sender)
    fact = {"lot": milk, "from": maker.number, "to": carrier.number, "org": org.number, "caller": sender}
    assert happened(receipt) == [("QuantityOfferEnded", fact | {"ref": ref})]
    assert world.lots.quantityOf(milk, maker.number) == 1000 * ONE
    assert world.lots.quantityOffer(milk, maker.number, carrier.number) == (0, 0, 0)


def test_for_quarantine_quality_receives(world: World, goods: Goods) -> None:
    milk, maker, carrier = goods.milk, world.maker, world.carrier
    offer(goods, ONE, carrier, Purpose.QUARANTINE)
    args = milk, maker.number, ONE, 0, world.ref()
    with reverts("MissingDuty", carrier.receive, Duty.RECEIVE, Duty.QUALITY):
        world.lots.acceptQuantity(*args, sender=carrier.receive)
    world.lots.acceptQuantity(*args, sender=carrier.all)


def test_what_is_held_goes_only_to_who_deals_with_that(world: World, goods: Goods) -> None:
    milk = goods.milk
    offer(goods, ONE, world.service)
    goods.move(milk, 5 * ONE, world.distributor)
    goods.hold(milk)
    with reverts("Blocked", milk, LotCause.HELD):
        accept(goods, ONE, world.service)
    with reverts("Blocked", milk, LotCause.HELD):
        offer(goods, ONE, world.carrier)
    takers = {
        Purpose.RETURN: {"supplier", "carrier"},
        Purpose.QUARANTINE: {"supplier", "carrier", "retailer", "recycler"},
        Purpose.DESTRUCTION: {"carrier", "recycler"},
    }
    for purpose, fit in takers.items():
        for name in ("supplier", "carrier", "retailer", "recycler"):
            org: Org = getattr(world, name)
            here = world.node.snapshot()
            if name in fit:
                offer(goods, ONE, org, purpose)
                accept(goods, ONE, org)
            else:
                with reverts("NotAReceiverFor", milk, purpose, org.number):
                    offer(goods, ONE, org, purpose)
            world.node.revert(here)


def test_who_made_it_takes_it_back_whatever_it_is(world: World) -> None:
    item = MILK._replace(uri=lot_uri("8", SUPPLIER_PREFIX))
    world.consortium.setRoles(world.supplier.number, Role.RETAILER, sender=world.governor)
    lot = world.commission(item, world.supplier)
    goods = Goods.create(world)
    goods.move(lot, ONE, world.carrier, world.supplier)
    goods.hold(lot)
    args = ONE, Purpose.RETURN, world.now, world.ref()
    with reverts("NotAReceiverFor", lot, Purpose.RETURN, world.retailer.number):
        world.lots.offerQuantity(lot, world.retailer.number, *args, sender=world.carrier.ship)
    world.lots.offerQuantity(lot, world.supplier.number, *args, sender=world.carrier.ship)
    back = lot, world.carrier.number, ONE, 0, world.ref()
    world.lots.acceptQuantity(*back, sender=world.supplier.receive)


def test_a_loss_is_explained(world: World, goods: Goods) -> None:
    milk, maker, ref = goods.milk, world.maker, world.ref()
    goods.hold(milk)
    receipt = world.lots.declareLoss(milk, 3, REASON, ref, sender=maker.quality)
    fact = {"lot": milk, "org": maker.number, "reason": REASON, "caller": maker.quality}
    assert happened(receipt) == [("LossDeclared", fact | {"quantity": 3, "ref": ref})]
    assert world.lots.quantityOf(milk, maker.number) == 1000 * ONE - 3
    with reverts("ZeroQuantity", milk):
        world.lots.declareLoss(milk, 0, REASON, ref, sender=maker.quality)
    with reverts("InsufficientQuantity", milk, 1, 0):
        world.lots.declareLoss(milk, 1, REASON, ref, sender=world.carrier.quality)
    with reverts("MissingDuty", maker.register, Duty.REGISTER, Duty.QUALITY):
        world.lots.declareLoss(milk, 1, REASON, ref, sender=maker.register)


def test_a_silenced_organisation_does_nothing(world: World, goods: Goods) -> None:
    world.suspend(world.maker)
    maker, lots, ref = world.maker, world.lots, world.ref()
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("commissionLot", (MILK, ref)),
        ("offerQuantity", (goods.milk, 3, ONE, 0, world.now, ref)),
        ("acceptQuantity", (goods.milk, 3, ONE, 0, ref)),
        ("endQuantityOffer", (goods.milk, 1, 3, ref)),
        ("declareLoss", (goods.milk, 1, REASON, ref)),
        ("endOfLife", (goods.pills, [0], 2, ref)),
        ("holdLot", (goods.milk, REASON, ref)),
        ("releaseLot", (goods.milk, 1, REASON, ref)),
        ("packCommitted", (bytes(32), REASON, [(goods.milk, 1)], ref)),
        ("unpackCommitted", (bytes(32), (0, REASON, REASON, REASON, 1), [], ("", 0, 0), ref)),
        ("settleDuplicate", (bytes(32), REASON, ref)),
    ]
    for function, args in calls:
        with reverts("OrganisationSuspended", maker.number):
            getattr(lots, function)(*args, sender=maker.all)
    with reverts("OrganisationSuspended", maker.number):
        lots.useFor(maker.all, goods.milk, 1, PROCESS, sender=goods.module)
