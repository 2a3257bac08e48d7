"""Twins: what a module registers for others, who have committed to it before."""

from __future__ import annotations

from itertools import product

import pytest

from tests.models.shadow import Shadow
from tests.models.twins import first_head, next_head
from tests.support import Forwarder, Node, deploy, reverts
from tests.support.contract import Contract
from tests.support.words import Action, Cause, Duty, EndOfLife, Kind, Purpose, Role
from tests.support.world import Registration, World, happened, sscc, twin_id, uri


@pytest.fixture
def module(world: World) -> Forwarder:
    """A contract with the powers of a module."""
    forwarder = Forwarder.deploy(world.node, world.stranger)
    empower(world, forwarder)
    return forwarder


def empower(
    world: World,
    forwarder: Forwarder,
    roles: Role = Role.MODULE,
    duties: int = Duty.REGISTER | Duty.SHIP,
) -> int:
    number: int = world.consortium.organisationCount() + 1
    world.consortium.admit("a module", world.governor, roles, bytes(32), 0, sender=world.governor)
    world.consortium.setAccount(number, forwarder.address, duties, sender=world.governor)
    return number


def test_the_organisation_named_has_title_and_custody_and_the_maker_stays_known(
    world: World, module: Forwarder
) -> None:
    item, ref = Registration(uri("1"), kind=Kind.ASSET), world.ref("dispensing")
    maker, retailer = world.maker, world.retailer
    call = (item, maker.number, retailer.number, ref)
    assert world.twins.registerFor.call(*call, sender=module) == twin_id(item.uri)
    receipt = world.twins.registerFor(*call, sender=module)
    id_ = twin_id(item.uri)
    fact = {
        "id": id_,
        "org": retailer.number,
        "maker": maker.number,
        "caller": module.address,
        "kind": Kind.ASSET,
        "uri": item.uri,
        "time": world.now,
        "ref": ref,
    }
    assert happened(receipt) == [("RegisteredFor", fact)]
    assert world.twins.twin(id_)._asdict() == {
        "kind": Kind.ASSET,
        "end": EndOfLife.NONE,
        "purpose": Purpose.TRANSPORT,
        "packed": False,
        "height": 0,
        "maker": maker.number,
        "owner": retailer.number,
        "holder": retailer.number,
        "pendingTo": 0,
        "deadline": 0,
        "holds": 0,
        "heldInside": 0,
        "contents": 0,
    }
    origin = first_head(world.node.chain_id, world.twins.address, id_)
    what = (Kind.ASSET, maker.number, world.now)
    assert world.twins.head(id_) == next_head(
        origin, Action.REGISTERED_FOR, retailer.number, module.address, what, ref
    )
    world.move(id_, retailer, world.carrier)
    assert world.twins.clear(id_) == (True, Cause.NONE)


def test_only_modules_register_for_others(world: World) -> None:
    item, maker = Registration(uri("1")), world.maker
    call = (item, maker.number, maker.number, world.ref())
    with reverts("MissingRole", maker.number, maker.roles, Role.MODULE):
        world.twins.registerFor(*call, sender=maker.register)
    with reverts("UnknownAccount", world.stranger):
        world.twins.registerFor(*call, sender=world.stranger)
    idle = Forwarder.deploy(world.node, world.stranger)
    empower(world, idle, duties=Duty.QUALITY)
    with reverts("MissingDuty", idle.address, Duty.QUALITY, Duty.REGISTER):
        world.twins.registerFor(*call, sender=idle)


@pytest.mark.parametrize("kind", [Kind.NONE, Kind.LOT])
def test_a_module_registers_neither_nothing_nor_a_lot(world: World, module: Forwarder, kind: Kind) -> None:
    with reverts("WrongKind", twin_id(uri("1")), kind):
        world.twins.registerFor(Registration(uri("1"), kind=kind), 1, 2, world.ref(), sender=module)


def test_a_module_registers_once_and_nothing_that_is_registered(world: World, module: Forwarder) -> None:
    case, part = Registration(sscc("1"), kind=Kind.CONTAINER), world.register(uri("1"))
    world.twins.registerFor(case, 1, 2, world.ref(), sender=module)
    with reverts("AlreadyRegistered", twin_id(case.uri)):
        world.twins.registerFor(case, 1, 2, world.ref(), sender=module)
    with reverts("AlreadyRegistered", part):
        world.twins.registerFor(Registration(uri("1")), 1, 2, world.ref(), sender=module)
    with reverts("AlreadyRegistered", twin_id(case.uri)):
        world.register(case.uri, Kind.CONTAINER)


def test_two_contracts_register_the_same_thing_with_different_heads(world: World, module: Forwarder) -> None:
    item, ref = Registration(uri("1")), world.ref()
    other: Contract = deploy(world.node, "Twins", world.consortium)
    for twins in (world.twins, other):
        twins.registerFor(item, 1, 2, ref, sender=module)
    assert world.twins.head(twin_id(item.uri)) != other.head(twin_id(item.uri))


NOTE = b"n" * 32


def noted(world: World, module: Forwarder, container: bytes, more: int, less: int = 0) -> None:
    world.twins.noteContents(
        container, world.maker.number, NOTE, more, less, world.ref("packing"), sender=module
    )


def test_what_a_module_packs_is_a_step_of_the_container(world: World, module: Forwarder) -> None:
    pallet, ref, maker = world.register(sscc("1"), Kind.CONTAINER), world.ref("packing"), world.maker
    before = world.twins.head(pallet)
    receipt = world.twins.noteContents(pallet, maker.number, NOTE, 3, 1, ref, sender=module)
    fact = {"container": pallet, "org": maker.number, "note": NOTE, "caller": module.address}
    assert happened(receipt) == [
        ("ContentsNoted", fact | {"more": 3, "less": 1, "time": world.now, "ref": ref})
    ]
    what = (int.from_bytes(NOTE, "big"), 3 << 16 | 1, world.now)
    after = next_head(before, Action.CONTENTS_NOTED, maker.number, module.address, what, ref)
    assert world.twins.head(pallet) == after
    assert world.twins.twin(pallet).contents == 2
    with reverts("NotEmpty", pallet, 2):
        world.retire(pallet, EndOfLife.DECOMMISSIONED)
    noted(world, module, pallet, 0, 2)
    world.retire(pallet, EndOfLife.DECOMMISSIONED)


def test_a_receiver_does_not_accept_what_changed_after_it_looked(world: World, module: Forwarder) -> None:
    pallet = world.register(sscc("1"), Kind.CONTAINER)
    noted(world, module, pallet, 1)
    world.offer(pallet, world.maker, world.carrier)
    seen = world.twins.head(pallet)
    with reverts("OfferOpen", pallet, world.carrier.number, world.twins.twin(pallet).deadline):
        noted(world, module, pallet, 0, 1)
    world.twins.cancel(pallet, world.ref(), sender=world.maker.ship)
    noted(world, module, pallet, 0, 1)
    world.offer(pallet, world.maker, world.carrier)
    with reverts("HeadMoved", pallet, seen, world.twins.head(pallet)):
        world.twins.accept(pallet, seen, world.ref(), sender=world.carrier.receive)


def test_an_emptied_container_has_no_levels(world: World, module: Forwarder) -> None:
    pallet, case = (world.register(sscc(serial), Kind.CONTAINER) for serial in ("1", "2"))
    world.pack(pallet, [case])
    noted(world, module, pallet, 1)
    world.unpack(pallet, [case])
    assert world.twins.twin(pallet).height == 1
    noted(world, module, pallet, 0, 1)
    assert world.twins.twin(pallet).height == 0


def test_modules_keep_to_the_custodian_and_to_open_containers(world: World, module: Forwarder) -> None:
    pallet, part = world.register(sscc("1"), Kind.CONTAINER), world.register(uri("1"))

    def note(container: bytes, org: int, sender: Forwarder | str = module) -> None:
        world.twins.noteContents(container, org, NOTE, 1, 0, world.ref(), sender=sender)

    maker, carrier = world.maker.number, world.carrier.number
    with reverts("MissingRole", maker, world.maker.roles, Role.MODULE):
        note(pallet, maker, world.maker.all)
    idle = Forwarder.deploy(world.node, world.stranger)
    empower(world, idle, duties=Duty.REGISTER)
    with reverts("MissingDuty", idle.address, Duty.REGISTER, Duty.SHIP):
        note(pallet, maker, idle)
    with reverts("WrongKind", part, Kind.PART):
        note(part, maker)
    with reverts("UnknownTwin", twin_id(sscc("9"))):
        note(twin_id(sscc("9")), maker)
    with reverts("NotCustodian", pallet, carrier, maker):
        note(pallet, carrier)
    world.hold(pallet, b"r" * 32)
    with reverts("Blocked", pallet, Cause.HELD):
        note(pallet, maker)
    world.release(pallet, b"r" * 32, world.maker)
    world.retire(pallet, EndOfLife.DECOMMISSIONED)
    with reverts("Blocked", pallet, Cause.ENDED):
        note(pallet, maker)


def test_the_model_and_the_logs_agree(node: Node) -> None:
    shadow = Shadow(node)
    world = shadow.world
    module = Forwarder.deploy(world.node, world.stranger)
    empower(world, module)
    shadow.catch_up()
    for sender in (module, world.maker.register, world.stranger):
        for item in (Registration(uri("1")), Registration(uri("2"), kind=Kind.LOT)):
            for maker, org in ((1, 2), (3, 3)):
                shadow.do("registerFor", item, maker, org, world.ref(), sender=sender)
    pallet = world.register(sscc("1"), Kind.CONTAINER)
    shadow.catch_up()
    for container, org, more, less in product((pallet, bytes(32)), (1, 2), (2, 0), (0, 1)):
        for sender in (module, world.maker.ship):
            shadow.do("noteContents", container, org, NOTE, more, less, world.ref(), sender=sender)
    shadow.count.require(["registerFor", "noteContents"])
    assert shadow.do("hold", twin_id(uri("1")), b"r" * 32, world.ref(), sender=world.supplier.quality)
    assert shadow.replayed()[1].twins == shadow.twins.ledger.twins
    assert shadow.replayed()[1].heads == shadow.twins.ledger.heads
