"""Lots: any number of things in a container is one root, and all of it comes out again, once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.trees import Leaf, Packed, Step, case, content_leaf, loose, unit_of
from tests.support import reverts
from tests.support.lots import CASE_ITEM, ONE, PROCESS, REASON, Goods, two_pallets, unit
from tests.support.words import Cause, Duty, EndOfLife, Kind, LotCause
from tests.support.world import (
    SUPPLIER_PREFIX,
    Commission,
    Registration,
    World,
    happened,
    lot_uri,
    sscc,
    twin_id,
)

CASE = twin_id(sscc("2"))


@pytest.fixture
def goods(world: World) -> Goods:
    return Goods.create(world)


@pytest.fixture
def pallet(goods: Goods) -> bytes:
    return goods.container("1")


UNSUSPECTED = {"duplicated": False, "settled": False}


def contents(goods: Goods, container: bytes) -> dict[str, Any]:
    found: dict[str, Any] = goods.world.lots.contentsOf(container)._asdict()
    return found


def test_contents_are_one_root_and_a_quantity_for_each_lot(world: World, goods: Goods, pallet: bytes) -> None:
    packed = Packed(*(unit_of(unit(number), goods.pills) for number in (3, 1)), loose(goods.milk, 40 * ONE))
    ref, maker, lots = world.ref("packing"), world.maker, world.lots
    receipt = goods.pack(pallet, packed)
    noted = {
        "container": pallet,
        "org": maker.number,
        "note": packed.root,
        "caller": lots.address,
        "time": world.now,
    }
    committed = {"container": pallet, "org": maker.number, "root": packed.root, "caller": maker.ship}
    who = {"org": maker.number, "container": pallet}
    assert happened(receipt) == [
        ("ContentsNoted", noted | {"more": 1, "less": 0, "ref": ref}),
        ("ContentsCommitted", committed | {"edition": 1, "ref": ref}),
        ("QuantityPacked", who | {"lot": goods.pills, "quantity": 2 * ONE}),
        ("QuantityPacked", who | {"lot": goods.milk, "quantity": 40 * ONE}),
    ]
    facts = {"root": packed.root, "packer": maker.number, "lots": 2, "edition": 1} | UNSUSPECTED
    assert contents(goods, pallet) == facts
    assert lots.quantityIn(goods.pills, pallet) == 2 * ONE
    assert lots.quantityIn(goods.milk, pallet) == 40 * ONE
    assert lots.quantityOf(goods.pills, maker.number) == 4 * ONE
    assert lots.quantityOf(goods.milk, maker.number) == 960 * ONE
    assert world.twins.twin(pallet).contents == 1


def test_what_comes_out_is_with_who_took_it_out(world: World, goods: Goods, pallet: bytes) -> None:
    lots, carrier = world.lots, world.carrier
    packed = Packed(unit_of(unit(3), goods.pills), loose(goods.milk, 40 * ONE))
    goods.pack(pallet, packed)
    world.move(pallet, world.maker, carrier)
    ref = world.ref("unpacking")
    for index, (lot, quantity) in enumerate(((goods.pills, ONE), (goods.milk, 40 * ONE))):
        assert lots.isInside(pallet, [packed.step(index)])
        assert not lots.isTaken(pallet, index)
        receipt = goods.unpack(pallet, packed.step(index), org=carrier)
        leaf = packed.leaves[index]
        noted = {"container": pallet, "org": carrier.number, "note": content_leaf(leaf), "more": 0}
        when = {"caller": lots.address, "time": world.now, "ref": ref}
        what = {"child": leaf.child, "caller": carrier.ship, "leaf": leaf, "edition": 0, "ref": ref}
        assert happened(receipt) == [
            ("ContentsNoted", noted | {"less": index} | when),
            ("LeafUnpacked", {"container": pallet, "org": carrier.number} | what),
        ]
        assert lots.isTaken(pallet, index)
        assert not lots.isInside(pallet, [packed.step(index)])
        assert lots.quantityOf(lot, carrier.number) == quantity
        assert lots.quantityIn(lot, pallet) == 0
        assert contents(goods, pallet)["lots"] == 1 - index
    assert world.twins.twin(pallet).contents == 0
    with reverts("NotCommitted", pallet):
        goods.unpack(pallet, packed.step(0), org=carrier)
    world.retire(pallet, EndOfLife.DECOMMISSIONED, carrier)


def test_a_container_is_used_again_with_contents_counted_anew(goods: Goods, pallet: bytes) -> None:
    packed = goods.units(0, 1)
    for edition in (1, 2, 3):
        goods.pack(pallet, packed)
        assert contents(goods, pallet)["edition"] == edition
        for index in (0, 1):
            assert not goods.world.lots.isTaken(pallet, index)
            goods.unpack(pallet, packed.step(index))
            with reverts("LeafTaken" if index == 0 else "NotCommitted", pallet, *([0] if index == 0 else [])):
                goods.unpack(pallet, packed.step(index))
    assert goods.world.lots.quantityOf(goods.pills, goods.world.maker.number) == 6 * ONE


def test_who_packs_has_both_and_says_what(world: World, goods: Goods, pallet: bytes) -> None:
    pills, milk, maker = goods.pills, goods.milk, world.maker

    def pack(parts: list[tuple[bytes, int]], root: bytes = REASON, sender: str = maker.ship) -> None:
        world.lots.packCommitted(pallet, root, parts, world.ref(), sender=sender)

    with reverts("NothingNamed"):
        pack([])
    with reverts("NothingNamed"):
        pack([(milk, ONE)], bytes(32))
    with reverts("MissingDuty", maker.register, Duty.REGISTER, Duty.SHIP):
        pack([(milk, ONE)], sender=maker.register)
    with reverts("NotCustodian", pallet, world.carrier.number, maker.number):
        pack([(milk, ONE)], sender=world.carrier.ship)
    with reverts("UnknownLot", PROCESS):
        pack([(PROCESS, ONE)])
    with reverts("ZeroQuantity", milk):
        pack([(pills, ONE), (milk, 0)])
    with reverts("InsufficientQuantity", pills, 7 * ONE, 6 * ONE):
        pack([(milk, ONE), (pills, 7 * ONE)])
    with reverts("InsufficientQuantity", pills, 4 * ONE, 3 * ONE):
        pack([(pills, 3 * ONE), (pills, 4 * ONE)])
    goods.hold(milk)
    with reverts("Blocked", milk, LotCause.HELD):
        pack([(milk, ONE)])
    pack([(pills, ONE), (pills, 2 * ONE)])
    assert world.lots.quantityIn(pills, pallet) == 3 * ONE
    assert contents(goods, pallet)["lots"] == 1
    with reverts("AlreadyCommitted", pallet, REASON):
        pack([(pills, ONE)])


def test_what_has_expired_is_packed(world: World) -> None:
    goods = Goods.create(world, expiry=world.now)
    world.node.warp(1)
    goods.pack(goods.container("1"), goods.units(0))


def test_only_what_is_inside_comes_out(world: World, goods: Goods, pallet: bytes) -> None:
    maker = world.maker
    packed = Packed(unit_of(unit(3), goods.pills), loose(goods.milk, 40 * ONE))
    step = packed.step(0)
    with reverts("NotCommitted", pallet):
        goods.unpack(pallet, step)
    goods.pack(pallet, packed)
    for changes in (
        {"index": 1}, {"child": unit(1)}, {"child_root": REASON}, {"lot": goods.milk}, {"quantity": 1},
    ):  # fmt: skip
        leaf = step.leaf._replace(**changes)
        with reverts("InvalidProof", packed.root, content_leaf(leaf)):
            goods.unpack(pallet, Step(leaf, step.proof))
    with reverts("InvalidProof", packed.root, content_leaf(step.leaf)):
        goods.unpack(pallet, Step(step.leaf, []))
    with reverts("NotCustodian", pallet, world.carrier.number, maker.number):
        goods.unpack(pallet, step, org=world.carrier)
    args = pallet, *step, ("", 0, 0), world.ref()
    with reverts("MissingDuty", maker.receive, Duty.RECEIVE, Duty.SHIP):
        world.lots.unpackCommitted(*args, sender=maker.receive)


def test_the_quantities_told_are_more_than_the_leaves_say_to_nobodys_harm(
    world: World, goods: Goods, pallet: bytes
) -> None:
    """A packer lies about what is inside: no more comes out than went in."""
    packed = Packed(
        loose(goods.milk, 40 * ONE), loose(goods.milk, 2 * ONE), loose(goods.pills, ONE), loose(goods.milk, 0)
    )
    world.lots.packCommitted(
        pallet, packed.root, [(goods.milk, 41 * ONE)], world.ref(), sender=world.maker.ship
    )
    goods.unpack(pallet, packed.step(1))
    with reverts("InsufficientQuantity", goods.milk, 40 * ONE, 39 * ONE):
        goods.unpack(pallet, packed.step(0))
    with reverts("InsufficientQuantity", goods.pills, ONE, 0):
        goods.unpack(pallet, packed.step(2))
    with reverts("ZeroQuantity", goods.milk):
        goods.unpack(pallet, packed.step(3))
    assert not world.lots.isInside(pallet, [packed.step(0)])
    assert not world.lots.isInside(pallet, [packed.step(2)])


def test_a_receiver_gets_what_it_saw(world: World, goods: Goods, pallet: bytes) -> None:
    """Contents are part of the container's history: what changes after somebody looked is not accepted."""
    packed = goods.units(0, 1)
    goods.pack(pallet, packed)
    world.offer(pallet, world.maker, world.carrier)
    seen = world.twins.head(pallet)
    deadline = world.twins.twin(pallet).deadline
    with reverts("OfferOpen", pallet, world.carrier.number, deadline):
        goods.unpack(pallet, packed.step(0))
    world.twins.cancel(pallet, world.ref(), sender=world.maker.ship)
    for step in (packed.step(0), packed.step(1), None):
        if step:
            goods.unpack(pallet, step)
        else:
            goods.pack(pallet, packed)
        world.offer(pallet, world.maker, world.carrier)
        with reverts("HeadMoved", pallet, seen, world.twins.head(pallet)):
            world.twins.accept(pallet, seen, world.ref(), sender=world.carrier.receive)
        world.twins.cancel(pallet, world.ref(), sender=world.maker.ship)
    for index in (0, 1):
        goods.unpack(pallet, packed.step(index))
    world.offer(pallet, world.maker, world.carrier)
    with reverts("OfferOpen", pallet, world.carrier.number, deadline):
        goods.pack(pallet, packed)


def test_nothing_goes_into_or_out_of_what_is_held(world: World, goods: Goods, pallet: bytes) -> None:
    packed = goods.units(0)
    goods.pack(pallet, packed)
    world.hold(pallet, REASON)
    with reverts("Blocked", pallet, Cause.HELD):
        goods.unpack(pallet, packed.step(0))


def test_nobody_ends_a_container_with_something_inside(world: World, goods: Goods, pallet: bytes) -> None:
    goods.pack(pallet, goods.units(0))
    with reverts("NotEmpty", pallet, 1):
        world.retire(pallet, EndOfLife.DECOMMISSIONED)


# ---------------------------------------------------------------------------------------------------- nested


def test_an_inner_container_becomes_a_twin_with_contents_of_its_own(
    world: World, goods: Goods, pallet: bytes
) -> None:
    maker, carrier, lots = world.maker, world.carrier, world.lots
    inner = goods.units(1, 2)
    outer = goods.pallet(("2", inner), ("3", goods.units(4)), milk=ONE)
    goods.pack(pallet, outer)
    step, deep = outer.step(0), [outer.step(0), inner.step(1)]
    assert lots.isInside(pallet, deep)
    world.move(pallet, maker, carrier)
    ref = world.ref("unpacking")
    receipt = goods.unpack(pallet, step, CASE_ITEM, carrier)
    noted = {"org": carrier.number, "caller": lots.address, "time": world.now, "ref": ref}
    twin = {"id": CASE, "org": carrier.number, "maker": maker.number, "caller": lots.address}
    what = {"child": CASE, "caller": carrier.ship, "leaf": step.leaf, "edition": 1, "ref": ref}
    assert happened(receipt) == [
        (
            "ContentsNoted",
            noted | {"container": pallet, "note": content_leaf(step.leaf), "more": 0, "less": 0},
        ),
        (
            "RegisteredFor",
            twin | {"kind": Kind.CONTAINER, "uri": CASE_ITEM.uri, "time": world.now, "ref": ref},
        ),
        ("ContentsNoted", noted | {"container": CASE, "note": inner.root, "more": 1, "less": 0}),
        ("LeafUnpacked", {"container": pallet, "org": carrier.number} | what),
    ]
    facts = {"root": inner.root, "packer": maker.number, "lots": 1, "edition": 1} | UNSUSPECTED
    assert contents(goods, CASE) == facts
    assert not lots.isInside(pallet, deep)
    assert lots.isInside(CASE, deep[1:])
    assert lots.quantityIn(goods.pills, CASE) == 2 * ONE
    assert lots.quantityIn(goods.pills, pallet) == ONE
    world.move(CASE, carrier, world.retailer)
    goods.unpack(CASE, inner.step(0), org=world.retailer)
    assert lots.quantityOf(goods.pills, world.retailer.number) == ONE


def test_a_container_becomes_the_twin_that_the_packer_named(
    world: World, goods: Goods, pallet: bytes
) -> None:
    outer = goods.pallet(("2", goods.units(1)))
    goods.pack(pallet, outer)
    other, part = Registration(sscc("3"), kind=Kind.CONTAINER), CASE_ITEM._replace(kind=Kind.PART)
    for item in (Registration(""), other, part):
        with reverts("WrongUri", CASE, item.uri):
            goods.unpack(pallet, outer.step(0), item)


def test_nobody_packs_under_the_prefix_of_another(world: World, goods: Goods, pallet: bytes) -> None:
    foreign = Registration(sscc("2", SUPPLIER_PREFIX), kind=Kind.CONTAINER)
    inner = goods.units(1)
    outer = Packed(*case(twin_id(foreign.uri), inner))
    goods.pack(pallet, outer)
    with reverts("NotNamespaceOwner", twin_id(SUPPLIER_PREFIX), world.maker.number, world.supplier.number):
        goods.unpack(pallet, outer.step(0), foreign)
    args = twin_id(SUPPLIER_PREFIX), world.maker.number, world.now
    world.consortium.delegateNamespace(*args, sender=world.supplier.admin)
    goods.unpack(pallet, outer.step(0), foreign)


@pytest.fixture
def mixed(goods: Goods) -> Packed:
    """A case with two packs of pills and a litre of milk."""
    return Packed(unit_of(unit(1), goods.pills), unit_of(unit(2), goods.pills), loose(goods.milk, ONE))


def test_a_case_with_two_lots_comes_leaf_by_leaf(
    world: World, goods: Goods, pallet: bytes, mixed: Packed
) -> None:
    lots = world.lots
    outer = goods.pallet(("2", mixed))
    goods.pack(pallet, outer)
    goods.unpack(pallet, outer.step(0), CASE_ITEM)
    assert lots.isInside(CASE, [mixed.step(0)])
    assert not lots.isInside(CASE, [mixed.step(2)])
    receipt = goods.unpack(pallet, outer.step(1))
    assert [name for name, _ in happened(receipt)] == ["ContentsNoted", "ContentsNoted", "LeafUnpacked"]
    joined = world.twins.events(receipt, "ContentsNoted")[1]
    assert (joined["container"], joined["note"], joined["more"], joined["less"]) == (
        CASE,
        content_leaf(outer.step(1).leaf),
        0,
        0,
    )
    assert contents(goods, CASE)["lots"] == 2
    assert contents(goods, CASE)["edition"] == 1
    assert world.twins.twin(CASE).contents == 1
    for index in range(3):
        goods.unpack(CASE, mixed.step(index))
    assert world.twins.twin(CASE).contents == 0
    assert lots.quantityOf(goods.pills, world.maker.number) == 6 * ONE
    assert lots.quantityOf(goods.milk, world.maker.number) == 1000 * ONE


def test_what_was_taken_out_with_one_leaf_is_not_inside_by_another(
    world: World, goods: Goods, pallet: bytes, mixed: Packed
) -> None:
    lots = world.lots
    outer = goods.pallet(("2", mixed))
    goods.pack(pallet, outer)
    with_milk = [outer.step(1), mixed.step(0)]
    assert not lots.isInside(pallet, with_milk)
    with reverts("InvalidProof", outer.root, content_leaf(mixed.leaves[0])):
        lots.proveDuplicate(pallet, with_milk, pallet, [outer.step(0), mixed.step(0)], sender=world.stranger)
    goods.unpack(pallet, outer.step(0), CASE_ITEM)
    for index in (0, 1):
        goods.unpack(CASE, mixed.step(index))
    assert contents(goods, CASE)["lots"] == 0
    goods.unpack(pallet, outer.step(1))
    assert contents(goods, CASE)["edition"] == 2
    assert lots.isInside(CASE, [mixed.step(2)])
    assert not lots.isInside(CASE, [mixed.step(0)])
    with reverts("InsufficientQuantity", goods.pills, ONE, 0):
        goods.unpack(CASE, mixed.step(0))


def test_what_joins_an_inner_container_is_a_step_of_it(
    world: World, goods: Goods, pallet: bytes, mixed: Packed
) -> None:
    """Nobody adds to what another has, or has been offered."""
    outer = goods.pallet(("2", mixed))
    goods.pack(pallet, outer)
    goods.unpack(pallet, outer.step(0), CASE_ITEM)
    world.offer(CASE, world.maker, world.carrier)
    seen = world.twins.head(CASE)
    with reverts("OfferOpen", CASE, world.carrier.number, world.twins.twin(CASE).deadline):
        goods.unpack(pallet, outer.step(1))
    world.twins.accept(CASE, seen, world.ref(), sender=world.carrier.receive)
    with reverts("NotCustodian", CASE, world.maker.number, world.carrier.number):
        goods.unpack(pallet, outer.step(1))
    world.move(CASE, world.carrier, world.maker)
    seen = world.twins.head(CASE)
    goods.unpack(pallet, outer.step(1))
    assert world.twins.head(CASE) != seen


def test_a_crate_that_is_a_twin_comes_and_goes(world: World, goods: Goods, pallet: bytes) -> None:
    crate, inner = goods.container("2"), goods.units(1)
    outer = goods.pallet(("2", inner))
    for edition in (1, 2):
        goods.pack(pallet, outer)
        receipt = goods.unpack(pallet, outer.step(0))
        assert happened(receipt)[-1][1]["edition"] == edition
        goods.unpack(crate, inner.step(0))
    goods.pack(pallet, outer)
    world.move(crate, world.maker, world.carrier)
    with reverts("NotCustodian", crate, world.maker.number, world.carrier.number):
        goods.unpack(pallet, outer.step(0))
    world.move(crate, world.carrier, world.maker)
    goods.pack(crate, other := goods.units(3))
    with reverts("AlreadyCommitted", crate, other.root):
        goods.unpack(pallet, outer.step(0))
    goods.unpack(crate, other.step(0))
    goods.unpack(pallet, outer.step(0))
    part = world.register(sscc("9"), Kind.PART)
    goods.unpack(crate, inner.step(0))
    goods.pack(pallet, bad := Packed(*case(part, inner)))
    with reverts("WrongKind", part, Kind.PART):
        goods.unpack(pallet, bad.step(0))


@pytest.mark.parametrize("depth", range(1, 6))
def test_the_way_inwards_is_as_long_as_it_is(world: World, goods: Goods, pallet: bytes, depth: int) -> None:
    levels = [goods.units(0, 1, 2)]
    for level in range(1, depth):
        levels.insert(0, goods.pallet((str(10 + level), levels[0])))
    goods.pack(pallet, levels[0])
    path = [packed.step(0) for packed in levels[:-1]] + [levels[-1].step(2)]
    lots = world.lots
    assert lots.isInside(pallet, path)
    for level in range(depth):
        step = path[level]
        for leaf in (step.leaf._replace(quantity=step.leaf.quantity - 1), step.leaf._replace(lot=goods.milk)):
            assert not lots.isInside(pallet, [*path[:level], Step(leaf, step.proof), *path[level + 1 :]])
        assert not lots.isInside(pallet, [*path[:level], Step(step.leaf, [REASON]), *path[level + 1 :]])
        assert not lots.isInside(pallet, [*path[: level + 1], path[-1], path[-1]])
    assert not lots.isInside(goods.container("99"), path)
    with reverts("NothingNamed"):
        lots.isInside(pallet, [])


# -------------------------------------------------------------------------------------------------- clones


def test_a_unit_in_two_containers_is_proven(world: World, goods: Goods) -> None:
    first, path, second, other_path = proof = two_pallets(goods)
    maker, carrier, lots = world.maker, world.carrier, world.lots
    receipt = lots.proveDuplicate(*proof, sender=world.stranger)
    who = {"packer": maker.number, "otherPacker": carrier.number, "caller": world.stranger}
    assert happened(receipt) == [
        ("DuplicateProven", {"unit": unit(2), "container": first, "other": second} | who),
    ]
    assert contents(goods, first)["duplicated"]
    assert contents(goods, second)["duplicated"]
    for container, step, org in ((first, path[0], maker), (second, other_path[0], carrier)):
        with reverts("Duplicated", container):
            goods.unpack(container, step, CASE_ITEM, org)


def test_twice_in_one_container_is_proven(world: World, goods: Goods, pallet: bytes) -> None:
    packed = goods.units(4, 4)
    goods.pack(pallet, packed)
    args = pallet, [packed.step(0)], pallet, [packed.step(1)]
    receipt = world.lots.proveDuplicate(*args, sender=world.stranger)
    assert [name for name, _ in happened(receipt)] == ["DuplicateProven"]
    assert contents(goods, pallet)["duplicated"]


def test_a_case_on_two_pallets_is_proven_by_a_unit_in_it(world: World, goods: Goods) -> None:
    inner = goods.units(0)
    outer = goods.pallet(("2", inner))
    first, second = goods.container("1"), goods.container("3")
    path = [outer.step(0), inner.step(0)]
    for container in (first, second):
        goods.pack(container, outer)
    with reverts("NotADuplicate", CASE, CASE):
        world.lots.proveDuplicate(first, path[:1], second, path[:1], sender=world.stranger)
    world.lots.proveDuplicate(first, path, second, path, sender=world.stranger)


def test_who_is_honest_is_not_accused(world: World, goods: Goods, pallet: bytes, mixed: Packed) -> None:
    lots, stranger = world.lots, world.stranger
    inner = goods.units(4, 5)
    outer = goods.pallet(("2", mixed), ("3", inner), milk=ONE)
    goods.pack(pallet, outer)
    crate = goods.container("7")
    goods.pack(crate, milky := Packed(loose(goods.milk, ONE)))
    units = [
        [outer.step(0), mixed.step(0)],
        [outer.step(0), mixed.step(1)],
        [outer.step(2), inner.step(0)],
        [outer.step(2), inner.step(1)],
    ]
    others = [[outer.step(1), mixed.step(2)], [outer.step(3)], [outer.step(0)], [outer.step(2)]]
    ways = [(pallet, way) for way in units + others] + [(crate, [milky.step(0)])]
    for where, way in ways:
        for elsewhere, other in ways:
            ends = way[-1].leaf.child, other[-1].leaf.child
            with reverts("NotADuplicate", *ends):
                lots.proveDuplicate(where, way, elsewhere, other, sender=stranger)


def test_a_unit_of_another_lot_is_another_unit(world: World, goods: Goods, pallet: bytes) -> None:
    packed = Packed(unit_of(unit(0), goods.pills), unit_of(unit(0), goods.milk))
    goods.pack(pallet, packed)
    with reverts("NotADuplicate", unit(0), unit(0)):
        args = pallet, [packed.step(0)], pallet, [packed.step(1)]
        world.lots.proveDuplicate(*args, sender=world.stranger)


def test_proofs_lead_to_where_they_should(world: World, goods: Goods) -> None:
    first, path, second, other_path = two_pallets(goods)
    lots, stranger = world.lots, world.stranger
    with reverts("NothingNamed"):
        lots.proveDuplicate(first, [], second, other_path, sender=stranger)
    with reverts("NothingNamed"):
        lots.proveDuplicate(first, path, second, [], sender=stranger)
    leaf: Leaf = path[1].leaf._replace(index=0)
    root, other_root = contents(goods, first)["root"], contents(goods, second)["root"]
    with reverts("InvalidProof", root, content_leaf(leaf)):
        lots.proveDuplicate(first, [path[0], Step(leaf, path[1].proof)], second, other_path, sender=stranger)
    with reverts("InvalidProof", other_root, content_leaf(path[0].leaf)):
        lots.proveDuplicate(first, path, second, path, sender=stranger)
    goods.unpack(second, other_path[0], org=world.carrier)
    with reverts("InvalidProof", other_root, content_leaf(other_path[0].leaf)):
        lots.proveDuplicate(first, path, second, other_path, sender=stranger)
    empty = goods.container("9")
    with reverts("InvalidProof", bytes(32), content_leaf(path[0].leaf)):
        lots.proveDuplicate(first, path, empty, path, sender=stranger)


def test_a_regulator_settles_a_duplicate(world: World, goods: Goods) -> None:
    first, _, second, other_path = proof = two_pallets(goods)
    lots, regulator, ref = world.lots, world.regulator, world.ref()
    with reverts("NotDuplicated", first):
        lots.holdDuplicated(first, ref, sender=world.stranger)
    with reverts("NotDuplicated", first):
        lots.settleDuplicate(first, REASON, ref, sender=regulator.quality)
    lots.proveDuplicate(*proof, sender=world.stranger)
    with reverts("MissingRole", world.maker.number, world.maker.roles, regulator.roles):
        lots.settleDuplicate(second, REASON, ref, sender=world.maker.all)
    with reverts("MissingDuty", regulator.ship, Duty.SHIP, Duty.QUALITY):
        lots.settleDuplicate(second, REASON, ref, sender=regulator.ship)
    receipt = lots.settleDuplicate(second, REASON, ref, sender=regulator.quality)
    fact = {"container": second, "org": regulator.number, "reason": REASON, "caller": regulator.quality}
    assert happened(receipt) == [("DuplicateSettled", fact)]
    goods.unpack(second, other_path[0], org=world.carrier)
    assert contents(goods, first)["duplicated"]


def test_a_container_with_a_duplicate_is_held_until_it_is_settled(world: World, goods: Goods) -> None:
    first, _, _, _ = proof = two_pallets(goods)
    lots, twins, regulator, ref = world.lots, world.twins, world.regulator, world.ref()
    own = world.consortium.accountOf(lots.address)[0]
    code = twin_id("DUPLICATE")[:4].ljust(32, b"\0")
    lots.proveDuplicate(*proof, sender=world.stranger)
    receipt = lots.holdDuplicated(first, ref, sender=world.stranger)
    alert = {"subject": first, "code": code[:4], "org": world.maker.number, "severity": 3}
    held = {"id": first, "org": own, "reason": code, "caller": lots.address, "ref": ref}
    root = lots.contentsOf(first).root
    assert happened(receipt) == [("Alert", alert | {"ref": root}), ("Held", held)]
    assert twins.held(first, own, code)
    with reverts("AlreadyHeld", first, own, code):
        lots.holdDuplicated(first, ref, sender=world.maker.all)
    with reverts("MayNotRelease", first, regulator.number, own):
        twins.release(first, own, code, ref, sender=regulator.quality)
    receipt = lots.settleDuplicate(first, REASON, ref, sender=regulator.quality)
    fact = {"container": first, "org": regulator.number, "reason": REASON, "caller": regulator.quality}
    released = held | {"holder": own}
    assert happened(receipt) == [("DuplicateSettled", fact), ("Released", released)]
    assert twins.clear(first).ok


def test_one_transaction_proves_a_duplicate_and_holds_both(world: World, goods: Goods) -> None:
    first, _, second, _ = proof = two_pallets(goods)
    lots, ref = world.lots, world.ref()
    calls = [lots.holdDuplicated.encode(container, ref) for container in (first, second)]
    receipt = lots.multicall([lots.proveDuplicate.encode(*proof), *calls], sender=world.stranger)
    names = [name for name, _ in happened(receipt)]
    assert names == ["DuplicateProven", "Alert", "Held", "Alert", "Held"]
    for container, packer in ((first, world.maker), (second, world.carrier)):
        with reverts("Blocked", container, Cause.HELD):
            world.offer(container, packer, world.retailer)


def test_what_is_settled_is_told_again_and_blocks_nothing(world: World, goods: Goods) -> None:
    first, path, second, _ = proof = two_pallets(goods)
    lots, regulator = world.lots, world.regulator
    lots.proveDuplicate(*proof, sender=world.stranger)
    lots.settleDuplicate(first, REASON, world.ref(), sender=regulator.quality)
    assert lots.proveDuplicate(*proof, sender=world.stranger)
    facts = contents(goods, first)
    assert (facts["duplicated"], facts["settled"]) == (False, True)
    assert contents(goods, second)["duplicated"]
    goods.unpack(first, path[0], CASE_ITEM, world.maker)


def test_new_contents_are_not_settled(world: World, goods: Goods, pallet: bytes) -> None:
    clones = goods.units(4, 4)
    goods.pack(pallet, clones)
    args = pallet, [clones.step(0)], pallet, [clones.step(1)]
    world.lots.proveDuplicate(*args, sender=world.stranger)
    world.lots.settleDuplicate(pallet, REASON, world.ref(), sender=world.regulator.quality)
    for index in (0, 1):
        goods.unpack(pallet, clones.step(index))
    goods.pack(pallet, clones)
    world.lots.proveDuplicate(*args, sender=world.stranger)
    facts = contents(goods, pallet)
    assert (facts["duplicated"], facts["settled"], facts["edition"]) == (True, False, 2)


def test_a_leaf_of_nothing_proves_nothing(world: World, goods: Goods) -> None:
    """Somebody without a pack of pills could else accuse whoever has one."""
    first, path, _, _ = two_pallets(goods)
    pallet = goods.container("7")
    empty = Packed(loose(goods.milk, ONE), (unit(2), bytes(32), goods.pills, 0))
    parts = [(goods.milk, ONE)]
    world.lots.packCommitted(pallet, empty.root, parts, world.ref(), sender=world.maker.ship)
    assert not world.lots.isInside(pallet, [empty.step(1)])
    leaf = content_leaf(empty.step(1).leaf)
    with reverts("InvalidProof", empty.root, leaf):
        world.lots.proveDuplicate(first, path, pallet, [empty.step(1)], sender=world.stranger)


def test_two_makers_pack_what_each_has(world: World, goods: Goods) -> None:
    """Two lots with the same numbers do not meet."""
    lot = world.commission(Commission(lot_uri("S", SUPPLIER_PREFIX), quantity=5 * ONE), world.supplier)
    box = world.register(sscc("1", SUPPLIER_PREFIX), Kind.CONTAINER, org=world.supplier)
    with reverts("InsufficientQuantity", goods.milk, ONE, 0):
        goods.pack(box, Packed(loose(goods.milk, ONE)), world.supplier)
    goods.pack(box, packed := Packed(loose(lot, ONE)), world.supplier)
    goods.unpack(box, packed.step(0), org=world.supplier)
    assert world.lots.quantityOf(lot, world.supplier.number) == 5 * ONE
