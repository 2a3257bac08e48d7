"""Twins: who may register what, once."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from tests.models.twins import first_head, next_head
from tests.support import deploy, reverts
from tests.support.words import Action, Cause, EndOfLife, Kind, Purpose
from tests.support.world import (
    MAKER_PREFIX,
    SUPPLIER_PREFIX,
    Org,
    Registration,
    World,
    asset,
    happened,
    sscc,
    twin_id,
    uri,
)

KINDS = [Kind.PART, Kind.CONTAINER, Kind.ASSET, Kind.DESIGN]
MAKER_NAMESPACE = keccak(text=MAKER_PREFIX)


def register(world: World, org: Org, item: Registration) -> None:
    world.twins.register(item, world.ref(), sender=org.register)


@pytest.mark.parametrize("kind", KINDS)
def test_the_maker_has_title_and_custody(world: World, kind: Kind) -> None:
    item, ref, maker = Registration(uri("1"), kind=kind), world.ref("commissioning"), world.maker
    assert world.twins.register.call(item, ref, sender=maker.register) == keccak(text=uri("1"))
    receipt = world.twins.register(item, ref, sender=maker.register)
    id_ = twin_id(item.uri)
    assert happened(receipt) == [
        (
            "Registered",
            {
                "id": id_,
                "org": maker.number,
                "caller": maker.register,
                "kind": kind,
                "uri": item.uri,
                "ref": ref,
            },
        )
    ]
    assert world.twins.twin(id_)._asdict() == {
        "kind": kind,
        "end": EndOfLife.NONE,
        "purpose": Purpose.TRANSPORT,
        "packed": False,
        "height": 0,
        "maker": maker.number,
        "owner": maker.number,
        "holder": maker.number,
        "pendingTo": 0,
        "deadline": 0,
        "holds": 0,
        "heldInside": 0,
        "contents": 0,
    }
    assert world.twins.clear(id_) == (True, Cause.NONE)


def test_the_first_head_is_cut_to_216_bits_and_the_second_counts_what_is_left(world: World) -> None:
    ref, maker = world.ref("commissioning"), world.maker
    part = world.register(uri("1"))
    origin = first_head(world.node.chain_id, world.twins.address, part)
    full = next_head(origin, Action.REGISTERED, maker.number, maker.register, (Kind.PART, 0, 0), ref)
    assert world.twins.head(part) == full[:27] + bytes(5)
    world.hold(part, bytes(32))
    first, ref = full[:27] + bytes(5), world.ref("holding")
    second = next_head(first, Action.HELD, maker.number, maker.quality, (0, 0, 0), ref)
    assert world.twins.head(part) == second


@pytest.mark.parametrize("kind", [Kind.NONE, Kind.LOT])
def test_neither_nothing_nor_a_lot_is_registered(world: World, kind: Kind) -> None:
    with reverts("WrongKind", twin_id(uri("1")), kind):
        register(world, world.maker, Registration(uri("1"), kind=kind))


def test_a_kind_that_does_not_exist_is_not_even_read(world: World) -> None:
    call = world.twins.register.encode(Registration(uri("1"), kind=Kind.DESIGN), world.ref())
    unknown = call[:4] + call[4:].replace(int(Kind.DESIGN).to_bytes(32), (6).to_bytes(32), 1)
    assert not world.node.tx(world.maker.register, world.twins.address, unknown).ok
    assert world.node.tx(world.maker.register, world.twins.address, call).ok


def test_a_uri_is_registered_once(world: World) -> None:
    part = world.register(uri("1"))
    with reverts("AlreadyRegistered", part):
        world.register(uri("1"))
    world.move(part, world.maker, world.carrier)
    with reverts("AlreadyRegistered", part):
        world.register(uri("1"), Kind.ASSET)


def test_nobody_takes_the_serials_of_another_company(world: World) -> None:
    with reverts("NotNamespaceOwner", MAKER_NAMESPACE, world.supplier.number, world.maker.number):
        world.register(uri("1"), org=world.supplier)
    assert world.register(uri("1", SUPPLIER_PREFIX), org=world.supplier)


def test_a_longer_or_shorter_prefix_is_another_namespace(world: World) -> None:
    for length, prefix in ((6, "950600"), (8, "95060001")):
        with reverts("NotNamespaceOwner", keccak(text=prefix), world.maker.number, 0):
            register(world, world.maker, Registration(uri("1"), length))


def test_what_has_no_canonical_uri_is_not_registered(world: World) -> None:
    for text in ("https://id.gs1.org/02/09506000134352/21/1", "urn:epc:id:sgtin:9506000.013435.1", ""):
        with reverts("NotCanonical", text):
            register(world, world.maker, Registration(text))


def test_a_delegate_registers_to_the_last_second_of_the_delegation(world: World) -> None:
    maker, supplier = world.maker, world.supplier
    world.consortium.delegateNamespace(MAKER_NAMESPACE, supplier.number, world.now, sender=maker.admin)
    part = world.register(uri("1"), org=supplier)
    facts = world.twins.twin(part)
    assert (facts.maker, facts.owner, facts.holder) == (supplier.number,) * 3
    world.node.warp(1)
    with reverts("NotNamespaceOwner", MAKER_NAMESPACE, supplier.number, maker.number):
        world.register(uri("2"), org=supplier)


def test_other_uris_belong_to_who_owns_their_authority(world: World) -> None:
    authority = "https://acme.example/"
    world.consortium.assignNamespace(authority, world.service.number, sender=world.governor)
    item = Registration(f"{authority}machines/7", 0, Kind.ASSET)
    register(world, world.service, item)
    assert world.twins.ownerOf(twin_id(item.uri)) == world.service.number
    with reverts("NotNamespaceOwner", keccak(text=authority), world.maker.number, world.service.number):
        register(world, world.maker, Registration(f"{authority}machines/8", 0))


def test_twins_stay_when_their_namespace_goes(world: World) -> None:
    part = world.register(uri("1"))
    world.consortium.assignNamespace(MAKER_PREFIX, 0, sender=world.governor)
    assert world.twins.ownerOf(part) == world.maker.number
    world.move(part, world.maker, world.carrier)
    with reverts("NotNamespaceOwner", MAKER_NAMESPACE, world.maker.number, 0):
        world.register(uri("2"))


def test_many_things_share_one_commissioning_event(world: World) -> None:
    maker, ref = world.maker, world.ref("commissioning")
    world.consortium.delegateNamespace(
        keccak(text=SUPPLIER_PREFIX), maker.number, world.now, sender=world.supplier.admin
    )
    items = [
        Registration(uri("1")),
        Registration(sscc("1"), kind=Kind.CONTAINER),
        Registration(uri("1", SUPPLIER_PREFIX)),
        Registration(asset("press"), kind=Kind.ASSET),
    ]
    receipt = world.twins.registerMany(items, ref, sender=maker.register)
    same = {"org": maker.number, "caller": maker.register, "ref": ref}
    assert happened(receipt) == [
        ("Registered", {"id": twin_id(item.uri), "kind": item.kind, "uri": item.uri, **same})
        for item in items
    ]
    for item in items:
        facts = world.twins.twin(twin_id(item.uri))
        assert (facts.kind, facts.holder) == (item.kind, maker.number)


def test_many_means_at_least_one(world: World) -> None:
    with reverts("NothingNamed"):
        world.twins.registerMany([], world.ref(), sender=world.maker.register)


def test_no_two_twins_have_the_same_history(world: World) -> None:
    """Not even when they are registered in one transaction, by one event."""
    items, ref = [Registration(uri(str(number))) for number in range(3)], world.ref()
    world.twins.registerMany(items, ref, sender=world.maker.register)
    other = deploy(world.node, "Twins", world.consortium)
    other.registerMany(items, ref, sender=world.maker.register)
    heads = {twins.head(twin_id(item.uri)) for item in items for twins in (world.twins, other)}
    assert len(heads) == 6


def test_of_many_things_all_or_none_are_registered(world: World) -> None:
    def attempt(*items: Registration) -> None:
        world.twins.registerMany(list(items), world.ref(), sender=world.maker.register)

    first, second = Registration(uri("1")), Registration(uri("2"))
    with reverts("AlreadyRegistered", twin_id(first.uri)):
        attempt(first, second, first)
    foreign = keccak(text=SUPPLIER_PREFIX), world.maker.number, world.supplier.number
    for items in ([first, Registration(uri("1", SUPPLIER_PREFIX)), second],) * 2:
        with reverts("NotNamespaceOwner", *foreign):
            attempt(*items)
    with reverts("NotCanonical", "nonsense"):
        attempt(first, Registration("nonsense"))
    with reverts("WrongKind", twin_id(second.uri), Kind.LOT):
        attempt(first, second._replace(kind=Kind.LOT))
    assert world.twins.clear(twin_id(first.uri)) == (False, Cause.UNKNOWN)
