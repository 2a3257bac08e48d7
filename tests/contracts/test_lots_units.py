"""Lots: a unit ends once, in the custody of somebody who has as many, or goes on as a twin of its own."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.trees import Tree, serial_leaf, serials
from tests.support import Reverted, reverts
from tests.support.lots import ONE, PROCESS, Goods, unit
from tests.support.words import Duty, Kind, LotCause, UnitEnd
from tests.support.world import Commission, Registration, World, asset, happened, lot_uri, sscc, twin_id, uri

FINAL = [end for end in UnitEnd if end not in (UnitEnd.NONE, UnitEnd.MATERIALISED)]
NEVER = (0, 0, UnitEnd.NONE)


@pytest.fixture
def goods(world: World) -> Goods:
    return Goods.create(world)


def end(goods: Goods, indexes: list[int], how: UnitEnd = UnitEnd.DISPENSED, sender: str = "") -> Any:
    world = goods.world
    args = goods.pills, indexes, how, world.ref("ending")
    return world.lots.endOfLife(*args, sender=sender or world.maker.register)


@pytest.mark.parametrize("how", FINAL)
def test_units_end_in_one_of_five_ways(world: World, goods: Goods, how: UnitEnd) -> None:
    receipt = end(goods, [5, 0, 3], how)
    who = {"lot": goods.pills, "org": world.maker.number, "caller": world.maker.register}
    what = {"indexes": [5, 0, 3], "end": how, "time": world.now, "ref": world.ref("ending")}
    assert happened(receipt) == [("UnitsEnded", who | what)]
    assert world.lots.quantityOf(goods.pills, world.maker.number) == 3 * ONE
    for index in range(6):
        gone = index in (5, 0, 3)
        expected = (world.maker.number, world.now, how) if gone else NEVER
        assert world.lots.endingOf(goods.pills, index) == expected
        cause = LotCause.ENDED if gone else LotCause.NONE
        assert world.lots.clearUnit(goods.pills, index) == (not gone, cause)


@pytest.mark.parametrize("how", FINAL)
def test_who_ends_a_unit_again_learns_who_did_before(world: World, goods: Goods, how: UnitEnd) -> None:
    goods.move(goods.pills, 2 * ONE, world.retailer)
    then = world.now
    end(goods, [1], how, world.retailer.register)
    world.node.warp(100)
    for again in FINAL:
        with reverts("UnitEnded", goods.pills, 1, world.retailer.number, then, how):
            end(goods, [0, 1], again)
    with reverts("UnitEnded", goods.pills, 2, world.maker.number, world.now, UnitEnd.STOLEN):
        end(goods, [2, 2], UnitEnd.STOLEN)


def test_each_of_many_units_has_an_ending_of_its_own(world: World) -> None:
    """Endings share words of the storage."""
    goods = Goods.create(world, 20)
    endings = [NEVER] * 20
    for index in (7, 6, 8, 0, 19, 1, 2, 18, 9):
        world.node.warp(index + 1)
        how = FINAL[index % 5]
        end(goods, [index], how)
        endings[index] = (world.maker.number, world.now, how)
        assert [world.lots.endingOf(goods.pills, at) for at in range(20)] == endings


def test_largest_numbers_fit(world: World, goods: Goods) -> None:
    world.node.timestamp = 2**40 - 1
    for index in range(3):
        end(goods, [index], UnitEnd.STOLEN)
    assert world.lots.endingOf(goods.pills, 1) == (world.maker.number, 2**40 - 1, UnitEnd.STOLEN)
    assert world.lots.endingOf(goods.pills, 3) == NEVER
    last = 2**32 - 2
    lot = Commission(lot_uri("max"), quantity=(last + 1) * ONE, serials_root=b"s" * 32, serial_count=last + 1)
    id_ = world.commission(lot)
    world.lots.endOfLife(id_, [last], UnitEnd.DISPENSED, world.ref(), sender=world.maker.register)
    assert world.lots.endingOf(id_, last).end == UnitEnd.DISPENSED
    with reverts("UnknownUnit", id_, last + 1):
        world.lots.endOfLife(id_, [last + 1], UnitEnd.DISPENSED, world.ref(), sender=world.maker.register)


def test_units_end_where_they_are(world: World, goods: Goods) -> None:
    pills, maker = goods.pills, world.maker
    with reverts("NothingNamed"):
        end(goods, [])
    with reverts("InsufficientQuantity", pills, ONE, 0):
        end(goods, [0], sender=world.carrier.register)
    goods.move(pills, ONE, world.carrier)
    with reverts("InsufficientQuantity", pills, 2 * ONE, ONE):
        end(goods, [0, 1], sender=world.carrier.register)
    end(goods, [0], sender=world.carrier.register)
    with reverts("MissingDuty", maker.ship, Duty.SHIP, Duty.REGISTER):
        end(goods, [1], sender=maker.ship)
    with reverts("UnknownUnit", pills, 6):
        end(goods, [1, 6])
    args = [0], UnitEnd.DISPENSED, world.ref()
    with reverts("UnknownUnit", goods.milk, 0):
        world.lots.endOfLife(goods.milk, *args, sender=maker.register)
    with reverts("UnknownLot", PROCESS):
        world.lots.endOfLife(PROCESS, *args, sender=maker.register)


@pytest.mark.parametrize("how", [UnitEnd.NONE, UnitEnd.MATERIALISED])
def test_units_end_in_a_named_way(goods: Goods, how: UnitEnd) -> None:
    with reverts("WrongEnd", goods.pills, how):
        end(goods, [0], how)


def test_there_are_no_other_ways(goods: Goods) -> None:
    with pytest.raises(Reverted) as refused:
        end(goods, [0], 7)  # type: ignore[arg-type]
    assert refused.value.error == ""


@pytest.mark.parametrize("how", FINAL)
@pytest.mark.parametrize("cause", [LotCause.HELD, LotCause.RECALLED, LotCause.EXPIRED])
def test_what_is_blocked_reaches_nobody(world: World, cause: LotCause, how: UnitEnd) -> None:
    goods = Goods.create(world, expiry=world.now)
    if cause == LotCause.HELD:
        goods.hold(goods.pills)
    elif cause == LotCause.RECALLED:
        world.lots.markRecalled([goods.pills], 1, sender=goods.module)
    else:
        end(goods, [5])
        world.node.warp(1)
    assert world.lots.clear(goods.pills) == (False, cause)
    assert world.lots.clearUnit(goods.pills, 0) == (False, cause)
    allowed = {UnitEnd.DESTROYED, UnitEnd.STOLEN}
    allowed |= {UnitEnd.DECOMMISSIONED} if cause == LotCause.EXPIRED else set()
    if how in allowed:
        end(goods, [0], how)
        assert world.lots.clearUnit(goods.pills, 0) == (False, LotCause.ENDED)
    else:
        with reverts("Blocked", goods.pills, cause):
            end(goods, [0], how)


def test_what_is_unknown_is_not_clear(world: World, goods: Goods) -> None:
    unknown = (False, LotCause.UNKNOWN)
    assert world.lots.clear(PROCESS) == unknown
    assert world.lots.clearUnit(PROCESS, 0) == unknown
    assert world.lots.clearUnit(goods.milk, 0) == unknown
    assert world.lots.clearUnit(goods.pills, 6) == unknown
    goods.hold(goods.pills)
    assert world.lots.clearUnit(goods.pills, 6) == unknown
    assert world.lots.clearUnit(goods.pills, 5) == (False, LotCause.HELD)


def test_every_serial_is_proven_and_nothing_else(world: World) -> None:
    for count in (1, 2, 3, 5, 6, 7, 11):
        tree = serials(unit(index) for index in range(count))
        item = Commission(
            lot_uri(f"N{count}"), quantity=count * ONE, serials_root=tree.root, serial_count=count
        )
        lot = world.commission(item)
        for index in range(count):
            assert world.lots.isUnit(lot, index, unit(index), tree.proof(index))
            assert not world.lots.isUnit(lot, index, unit(count), tree.proof(index))
            assert not world.lots.isUnit(lot, index + 1, unit(index), tree.proof(index))
            assert not world.lots.isUnit(lot, index, unit(index), [*tree.proof(index), bytes(32)])
            if tree.proof(index):
                assert not world.lots.isUnit(lot, index, unit(index), tree.proof(index)[1:])
    short = Commission(lot_uri("short"), quantity=ONE, serials_root=tree.root, serial_count=1)
    lot = world.commission(short)
    assert not world.lots.isUnit(lot, 1, unit(1), tree.proof(1))
    assert not world.lots.isUnit(PROCESS, 0, unit(0), [])


# --------------------------------------------------------------------------------------------- twins of units


def materialise(goods: Goods, index: int, item: Registration | None = None, **changes: Any) -> Any:
    world = goods.world
    item = item or Registration(uri(str(index)))
    proof = changes.get("proof", goods.tree.proof(index))
    args = changes.get("lot_uri", lot_uri("P")), index, item, proof, world.ref("inspecting")
    return world.lots.materialise(*args, sender=changes.get("sender", world.maker.register))


def test_a_unit_goes_on_as_a_twin(world: World, goods: Goods) -> None:
    pills, retailer, ref = goods.pills, world.retailer, world.ref("inspecting")
    goods.move(pills, 2 * ONE, retailer)
    receipt = materialise(goods, 4, sender=retailer.register)
    head = keccak(bytes(32) + unit(4))
    who = {"lot": pills, "org": retailer.number, "caller": retailer.register}
    twin = {"id": unit(4), "org": retailer.number, "maker": world.maker.number, "caller": world.lots.address}
    assert happened(receipt) == [
        ("Used", who | {"use": unit(4), "quantity": ONE, "useHead": head}),
        ("UnitsEnded", who | {"indexes": [4], "end": UnitEnd.MATERIALISED, "time": world.now, "ref": ref}),
        ("RegisteredFor", twin | {"kind": Kind.PART, "uri": uri("4"), "time": world.now, "ref": ref}),
    ]
    assert world.lots.quantityOf(pills, retailer.number) == ONE
    assert world.lots.useHead(pills) == head
    assert world.lots.lotOf(pills).uses == 1
    ending = (retailer.number, world.now, UnitEnd.MATERIALISED)
    assert world.lots.endingOf(pills, 4) == ending
    assert world.lots.clearUnit(pills, 4) == (False, LotCause.ENDED)
    assert world.twins.custodianOf(unit(4)) == world.twins.ownerOf(unit(4)) == retailer.number
    assert world.lots.lotOfUnit(unit(4)) == pills
    assert world.lots.lotOfUnit(unit(3)) == bytes(32)
    with reverts("UnitEnded", pills, 4, *ending):
        materialise(goods, 4)
    with reverts("UnitEnded", pills, 4, *ending):
        end(goods, [4])


def test_the_id_is_returned(goods: Goods) -> None:
    world = goods.world
    args = lot_uri("P"), 2, Registration(uri("2")), goods.tree.proof(2), world.ref()
    assert world.lots.materialise.call(*args, sender=world.maker.register) == unit(2)


def test_only_a_unit_of_the_lot_becomes_a_twin(world: World, goods: Goods) -> None:
    pills, maker = goods.pills, world.maker
    with reverts("MissingDuty", maker.ship, Duty.SHIP, Duty.REGISTER):
        materialise(goods, 0, sender=maker.ship)
    with reverts("UnknownLot", twin_id(lot_uri("X"))):
        materialise(goods, 0, lot_uri=lot_uri("X"))
    with reverts("InvalidProof", goods.tree.root, serial_leaf(0, unit(1))):
        materialise(goods, 0, Registration(uri("1")))
    with reverts("InvalidProof", goods.tree.root, serial_leaf(0, unit(0))):
        materialise(goods, 0, proof=goods.tree.proof(1))
    with reverts("InsufficientQuantity", pills, ONE, 0):
        materialise(goods, 0, sender=world.carrier.register)
    with reverts("WrongKind", unit(0), Kind.LOT):
        materialise(goods, 0, Registration(uri("0"), kind=Kind.LOT))
    end(goods, [0])
    with reverts("UnitEnded", pills, 0, maker.number, world.now, UnitEnd.DISPENSED):
        materialise(goods, 0)
    world.register(uri("1"))
    with reverts("AlreadyRegistered", unit(1)):
        materialise(goods, 1)
    goods.hold(pills)
    with reverts("Blocked", pills, LotCause.HELD):
        materialise(goods, 2)


def test_a_tree_with_more_serials_than_units_has_no_more_units(world: World) -> None:
    tree = serials([unit(0), unit(1)])
    item = Commission(lot_uri("1of2"), quantity=ONE, serials_root=tree.root, serial_count=1)
    lot = world.commission(item)
    args = item.uri, 1, Registration(uri("1")), tree.proof(1), world.ref()
    with reverts("UnknownUnit", lot, 1):
        world.lots.materialise(*args, sender=world.maker.register)


GTIN = lot_uri("")[:36]
ACME = "https://acme.example/"


@pytest.mark.parametrize(
    ("of_lot", "of_unit", "same"),
    [
        (f"{GTIN}/10/A", f"{GTIN}/21/7", True),
        (f"{GTIN}/10/A", f"{GTIN}7", True),
        (f"{GTIN}/10/A", GTIN, False),
        (f"{GTIN}/10/A", f"{GTIN[:-1]}x/21/7", False),
        (f"{GTIN}/10/A", sscc("7"), False),
        (f"{GTIN}/10/A", f"{ACME}7", False),
        (GTIN, f"{GTIN}/21/7", False),
        (f"{ACME}lot/A", f"{ACME}7", True),
        (f"{ACME}lot/A", f"{GTIN}/21/7", False),
        (f"{ACME}lot/A", "https://acme.example.org/7", False),
        (f"{ACME}lot/A", ACME, False),
        ("urn:cage:1ABC2:lot:A", "urn:cage:1ABC2:7", True),
        ("urn:cage:1ABC2:lot:A", "urn:cage:1ABC3:7", False),
        (asset("A"), asset("7"), False),
        (asset("A"), uri("7", "0614141"), False),
        (f"{sscc('7')}/10/A", f"{sscc('7')}/21/7", False),
    ],
)
def test_a_unit_is_of_the_class_of_its_lot(world: World, of_lot: str, of_unit: str, same: bool) -> None:
    """Above all nobody makes its own lot a way to register under the prefix of another company."""
    for namespace in (ACME, "urn:cage:1ABC2:"):
        world.consortium.assignNamespace(namespace, world.maker.number, sender=world.governor)
    tree = serials([twin_id(of_unit)])
    item = Commission(of_lot, quantity=ONE, serials_root=tree.root, serial_count=1)
    world.commission(item)
    args: tuple[Any, ...] = (of_lot, 0, Registration(of_unit), [], world.ref())
    if same:
        world.lots.materialise(*args, sender=world.maker.register)
        assert world.twins.ownerOf(twin_id(of_unit)) == world.maker.number
    else:
        with reverts("WrongClass", of_lot, of_unit):
            world.lots.materialise(*args, sender=world.maker.register)


def test_the_model_of_the_tree_is_a_tree() -> None:
    """Every leaf is proven by the model's tree, of any size, and no leaf in the place of another."""
    for count in range(1, 40):
        leaves = [keccak(bytes([number])) for number in range(count)]
        tree = Tree(leaves)
        for number in range(count):
            found = leaves[number]
            for beside in tree.proof(number):
                found = keccak(b"\1" + min(found, beside) + max(found, beside))
            assert found == tree.root
