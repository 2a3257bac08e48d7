"""Lots: who holds a lot back, who lets it go, and membership in recalls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import Forwarder, reverts
from tests.support.lots import ONE, PROCESS, REASON, Goods
from tests.support.words import Duty, LotCause, Role
from tests.support.world import Org, World, happened

OTHER = b"o" * 32


@pytest.fixture
def goods(world: World) -> Goods:
    return Goods.create(world)


def hold(goods: Goods, org: Org, reason: bytes = REASON) -> Any:
    return goods.world.lots.holdLot(goods.milk, reason, goods.world.ref("holding"), sender=org.quality)


def release(goods: Goods, holder: Org, by: Org, reason: bytes = REASON) -> Any:
    args = goods.milk, holder.number, reason, goods.world.ref("releasing")
    return goods.world.lots.releaseLot(*args, sender=by.quality)


@pytest.mark.parametrize("name", ["maker", "regulator"])
def test_maker_and_regulator_hold_and_release(world: World, goods: Goods, name: str) -> None:
    org: Org = getattr(world, name)
    goods.move(goods.milk, 1000 * ONE, world.retailer)
    fact = {"lot": goods.milk, "org": org.number, "reason": REASON, "caller": org.quality}
    assert happened(hold(goods, org)) == [("LotHeld", fact | {"ref": world.ref("holding")})]
    assert world.lots.lotHeld(goods.milk, org.number, REASON)
    assert not world.lots.lotHeld(goods.milk, org.number, OTHER)
    assert world.lots.clear(goods.milk) == (False, LotCause.HELD)
    with reverts("AlreadyHeld", goods.milk, org.number, REASON):
        hold(goods, org)
    hold(goods, org, OTHER)
    assert world.lots.lotOf(goods.milk).holds == 2
    gone = fact | {"holder": org.number, "ref": world.ref("releasing")}
    assert happened(release(goods, org, org)) == [("LotReleased", gone)]
    assert not world.lots.lotHeld(goods.milk, org.number, REASON)
    assert world.lots.clear(goods.milk) == (False, LotCause.HELD)
    release(goods, org, org, OTHER)
    assert world.lots.clear(goods.milk) == (True, LotCause.NONE)
    assert world.lots.lotOf(goods.milk).holds == 0


def test_nobody_else_holds(world: World, goods: Goods) -> None:
    goods.move(goods.milk, ONE, world.carrier)
    for org in world.orgs:
        if org not in (world.maker, world.regulator):
            with reverts("MayNotHold", goods.milk, org.number):
                hold(goods, org)
    with reverts("MissingDuty", world.maker.ship, Duty.SHIP, Duty.QUALITY):
        world.lots.holdLot(goods.milk, REASON, world.ref(), sender=world.maker.ship)
    with reverts("UnknownLot", PROCESS):
        world.lots.holdLot(PROCESS, REASON, world.ref(), sender=world.regulator.quality)


def test_a_regulator_lifts_the_hold_of_anybody_but_a_regulator(world: World, goods: Goods) -> None:
    maker, regulator, service = world.maker, world.regulator, world.service
    world.consortium.setRoles(service.number, Role.REGULATOR, sender=world.governor)
    hold(goods, maker)
    hold(goods, regulator)
    with reverts("MayNotRelease", goods.milk, maker.number, regulator.number):
        release(goods, regulator, maker)
    with reverts("MayNotRelease", goods.milk, world.carrier.number, maker.number):
        release(goods, maker, world.carrier)
    with reverts("MayNotRelease", goods.milk, service.number, regulator.number):
        release(goods, regulator, service)
    world.suspend(regulator)
    with reverts("MayNotRelease", goods.milk, service.number, regulator.number):
        release(goods, regulator, service)
    fact = happened(release(goods, maker, service))[0][1]
    assert (fact["org"], fact["holder"]) == (service.number, maker.number)
    world.suspend(regulator, False)
    release(goods, regulator, regulator)
    assert world.lots.clear(goods.milk).ok


def test_there_is_a_hold_to_lift(world: World, goods: Goods) -> None:
    hold(goods, world.maker)
    for holder, reason in ((world.maker, OTHER), (world.regulator, REASON)):
        with reverts("NoSuchHold", goods.milk, holder.number, reason):
            release(goods, holder, world.regulator, reason)
    with reverts("MissingDuty", world.maker.ship, Duty.SHIP, Duty.QUALITY):
        args = goods.milk, world.maker.number, REASON, world.ref()
        world.lots.releaseLot(*args, sender=world.maker.ship)


# --------------------------------------------------------------------------------------------------- recalls


def recalls(goods: Goods, lot: bytes) -> tuple[int, int, list[int]]:
    lots = goods.world.lots
    facts = lots.lotOf(lot)
    return facts.recalls, facts.recall, [number for number in range(5) if lots.isRecalled(lot, number)]


def test_lots_are_members_of_recalls(world: World, goods: Goods) -> None:
    lots, milk, pills, module = world.lots, goods.milk, goods.pills, goods.module
    assert lots.markRecalled.call([milk, pills, milk], 2, sender=module) == 2
    receipt = lots.markRecalled([milk, pills, milk], 2, sender=module)
    assert happened(receipt) == [("LotRecalled", {"lot": lot, "recall": 2}) for lot in (milk, pills)]
    assert recalls(goods, milk) == (1, 2, [2])
    assert lots.clear(milk) == (False, LotCause.RECALLED)
    assert lots.markRecalled.call([milk], 2, sender=module) == 0
    assert happened(lots.markRecalled([milk], 2, sender=module)) == []
    for number in (1, 3):
        lots.markRecalled([milk], number, sender=module)
    assert recalls(goods, milk) == (3, 2, [1, 2, 3])
    receipt = lots.unmarkRecalled([milk, pills, PROCESS, milk], 2, sender=module)
    assert happened(receipt) == [("LotRecallLifted", {"lot": lot, "recall": 2}) for lot in (milk, pills)]
    assert recalls(goods, milk) == (2, 0, [1, 3])
    assert recalls(goods, pills) == (0, 0, [])
    lots.markRecalled([milk], 4, sender=module)
    assert recalls(goods, milk) == (3, 0, [1, 3, 4])
    for number in (3, 1, 4):
        assert not lots.clear(milk).ok
        lots.unmarkRecalled([milk], number, sender=module)
    assert recalls(goods, milk) == (0, 0, [])
    assert lots.clear(milk) == (True, LotCause.NONE)
    lots.markRecalled([milk], 3, sender=module)
    assert recalls(goods, milk) == (1, 3, [3])


def test_a_hold_comes_before_a_recall(world: World, goods: Goods) -> None:
    world.lots.markRecalled([goods.milk], 1, sender=goods.module)
    hold(goods, world.maker)
    assert world.lots.clear(goods.milk) == (False, LotCause.HELD)


def test_only_known_lots_are_recalled(world: World, goods: Goods) -> None:
    with reverts("UnknownLot", PROCESS):
        world.lots.markRecalled([goods.milk, PROCESS], 1, sender=goods.module)


def test_only_modules_recall(world: World, goods: Goods) -> None:
    maker = world.maker
    idle = Forwarder.deploy(world.node, world.stranger)
    number = world.consortium.organisationCount() + 1
    world.consortium.admit("idle", world.governor, Role.MODULE, bytes(32), 0, sender=world.governor)
    world.consortium.setAccount(number, idle.address, Duty.REGISTER, sender=world.governor)
    for function in (world.lots.markRecalled, world.lots.unmarkRecalled):
        with reverts("MissingRole", maker.number, maker.roles, Role.MODULE):
            function([goods.milk], 1, sender=maker.all)
        with reverts("MissingDuty", idle.address, Duty.REGISTER, Duty.RECALL):
            function([goods.milk], 1, sender=idle)
        with reverts("UnknownAccount", world.stranger):
            function([goods.milk], 1, sender=world.stranger)


def test_what_is_recalled_is_not_packed_used_or_sent_on(world: World, goods: Goods) -> None:
    milk, maker = goods.milk, world.maker
    pallet = goods.container("1")
    world.lots.markRecalled([milk], 1, sender=goods.module)
    blocked = ("Blocked", milk, LotCause.RECALLED)
    with reverts(*blocked):
        args = pallet, REASON, [(milk, ONE)], world.ref()
        world.lots.packCommitted(*args, sender=maker.ship)
    with reverts(*blocked):
        world.lots.useFor(maker.all, milk, ONE, PROCESS, sender=goods.module)
    with reverts(*blocked):
        goods.move(milk, ONE, world.carrier)
