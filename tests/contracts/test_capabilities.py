"""Capabilities: who grants, who delegates what, who revokes, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.capabilities import MAX_DEPTH, NOBODY, WHOLE, Cause, Grantee, Invocation, Method
from tests.support import Forwarder, deploy, reverts
from tests.support.coldchain import ColdChain
from tests.support.contract import Contract, Sender
from tests.support.signers import SecureElement, Wallet
from tests.support.words import Duty
from tests.support.world import DAY, Org, World, asset, happened, person

PORT, RADIO = keccak(text="port 1"), keccak(text="radio")
COMMAND = keccak(text="the command")
NEVER = 2**40 - 1
READ, WRITE = Method.IDENTIFY, Method.CONFIGURE
ALL = Method.IDENTIFY | Method.CONFIGURE | Method.NETWORK | Method.LOCAL_IO | Method.UPDATE
FIRST, SECOND = 1, 2


class Grants:
    """The maker's logger, and grants on it."""

    def __init__(self, cold: ColdChain) -> None:
        self.cold = cold
        self.world: World = cold.world
        self.contract: Contract = cold.world.capabilities
        self.device = cold.logger.id
        self.end = self.world.now + DAY

    def grant(
        self,
        to: Org | str,
        methods: int = ALL,
        resource: bytes = WHOLE,
        expiry: int | None = None,
        *,
        sender: Sender | None = None,
    ) -> int:
        """By the owner; its number."""
        args = self.device, resource, methods, grantee(to), self.end if expiry is None else expiry
        sender = sender or self.world.maker.device_admin
        number: int = self.contract.grant.call(*args, sender=sender)
        self.contract.grant(*args, sender=sender)
        return number

    def delegate(
        self,
        parent: int,
        to: Org | str,
        methods: int = ALL,
        resource: bytes = WHOLE,
        expiry: int | None = None,
        *,
        sender: Sender,
    ) -> int:
        """By a grantee; its number."""
        args = self.device, parent, resource, methods, grantee(to), self.end if expiry is None else expiry
        number: int = self.contract.delegate.call(*args, sender=sender)
        self.contract.delegate(*args, sender=sender)
        return number

    def cause(
        self,
        number: int,
        account: str,
        methods: int = READ,
        resource: bytes = PORT,
        device: bytes | None = None,
    ) -> Cause:
        """Why the account may not; both ways of asking say the same."""
        asked = device or self.device, resource, number, methods, account
        ok, cause = self.contract.allowed(*asked)
        assert ok == (cause == Cause.NONE)
        if ok:
            self.contract.check(*asked)
        else:
            with reverts("NotAllowed"):
                self.contract.check(*asked)
        return Cause(cause)

    def refused(self, number: int, account: str, cause: Cause, failed: int) -> Any:
        """The error that the block must revert with."""
        return reverts("NotAllowed", self.device, number, account, cause, failed)


def grantee(to: Org | str) -> Grantee:
    return Grantee(account=to) if isinstance(to, str) else Grantee(org=to.number)


@pytest.fixture
def grants(cold: ColdChain) -> Grants:
    return Grants(cold)


# ------------------------------------------------------------------------------------------------- granting


def test_the_contract_knows_its_world(grants: Grants) -> None:
    contract, world = grants.contract, grants.world
    assert contract.DEVICES() == world.devices.address
    assert contract.TWINS() == world.twins.address
    assert contract.CONSORTIUM() == world.consortium.address
    assert contract.MAX_DEPTH() == MAX_DEPTH
    assert contract.eip712Domain().name == "Goldthread Capabilities"


def test_an_owner_grants(grants: Grants) -> None:
    maker, service = grants.world.maker, grants.world.service
    grants.grant(service)
    args = grants.device, PORT, READ | WRITE, Grantee(org=service.number), grants.end
    assert grants.contract.grant.call(*args, sender=maker.device_admin) == SECOND
    receipt = grants.contract.grant(*args, sender=maker.device_admin)
    told = {"device": grants.device, "org": maker.number, "capability": SECOND}
    told |= {"caller": maker.device_admin, "resource": PORT, "methods": READ | WRITE}
    assert happened(receipt) == [("Granted", told | {"to": (service.number, NOBODY), "expiry": grants.end})]
    kept = grants.contract.grantOf(grants.device, SECOND)
    as_address = f"0x{service.number:040x}"
    assert kept == (PORT, as_address, grants.end, READ | WRITE, True, False, 0)
    assert grants.contract.bookOf(grants.device) == (maker.number, FIRST, 2)


def test_an_account_is_granted_to(grants: Grants) -> None:
    technician = grants.world.service.record
    assert grants.grant(technician, READ) == FIRST
    kept = grants.contract.grantOf(grants.device, FIRST)
    assert kept == (WHOLE, technician, grants.end, READ, False, False, 0)
    assert grants.grant(technician, READ, PORT) == SECOND
    assert grants.contract.bookOf(grants.device) == (grants.world.maker.number, FIRST, 2)
    assert grants.contract.grantOf(grants.device, SECOND).resource == PORT
    assert grants.contract.grantOf(grants.device, SECOND + 1) == (WHOLE, NOBODY, 0, 0, False, False, 0)


def test_devices_have_books_of_their_own(grants: Grants) -> None:
    grants.grant(grants.world.service)
    other = grants.cold.device("LOGGER2")
    grants.cold.enrol(other)
    grants.device = other.id
    assert grants.grant(grants.world.service) == FIRST


CALLS: dict[str, Callable[[Grants], tuple[Any, ...]]] = {
    "grant": lambda g: (g.device, PORT, READ, Grantee(org=g.world.service.number), g.end),
    "revokeAll": lambda g: (g.device,),
}


@pytest.mark.parametrize("function", CALLS)
def test_only_the_owners_device_admins_grant_and_revoke_all(grants: Grants, function: str) -> None:
    world, args = grants.world, CALLS[function](grants)
    call, others = getattr(grants.contract, function), ~Duty.DEVICE_ADMIN
    with reverts("UnknownAccount", world.stranger):
        call(*args, sender=world.stranger)
    with reverts("NotDeviceOwner", grants.device, world.carrier.number, world.maker.number):
        call(*args, sender=world.carrier.all)
    machine = Forwarder.deploy(grants.cold.node, world.maker.device_admin)
    with reverts("UnknownAccount", machine.address):
        call(*args, sender=machine)
    world.hire(world.maker, machine, others)
    with reverts("MissingDuty", machine.address, others, Duty.DEVICE_ADMIN):
        call(*args, sender=machine)
    world.hire(world.maker, machine, Duty.DEVICE_ADMIN)
    [(_, fields)] = happened(call(*args, sender=machine))
    assert (fields["org"], fields["caller"]) == (world.maker.number, machine.address)
    world.suspend(world.maker)
    with reverts("OrganisationSuspended", world.maker.number):
        call(*args, sender=world.maker.all)


def test_only_on_a_device_that_has_a_key(grants: Grants) -> None:
    bare = grants.cold.device("LOGGER2").id
    args = bare, PORT, READ, Grantee(org=2), grants.end
    with reverts("NotEnrolled", bare):
        grants.contract.grant(*args, sender=grants.world.maker.all)


@pytest.mark.parametrize("methods", [0, 32, 33, 64, 128, 255])
def test_methods_are_at_least_one_and_known(grants: Grants, methods: int) -> None:
    with reverts("UnknownMethods", methods):
        grants.grant(grants.world.service, methods)
    mine = grants.grant(grants.world.maker.device_admin)
    cause = Cause.NOT_GRANTED
    with grants.refused(mine, grants.world.maker.device_admin, cause, mine):
        grants.delegate(mine, grants.world.service, methods, sender=grants.world.maker.device_admin)


@pytest.mark.parametrize("methods", [1, 2, 4, 8, 16, 31])
def test_every_method_is_granted(grants: Grants, methods: int) -> None:
    number = grants.grant(grants.world.service.all, methods)
    for bit in range(5):
        cause = grants.cause(number, grants.world.service.all, 1 << bit)
        assert cause == (Cause.NONE if methods >> bit & 1 else Cause.NOT_GRANTED)


def test_a_grantee_is_an_organisation_or_an_account(grants: Grants) -> None:
    admin, account = grants.world.maker.device_admin, grants.world.service.all
    count = grants.world.consortium.organisationCount()
    for org, to in ((0, NOBODY), (1, account), (count + 1, NOBODY), (count + 1, account)):
        with reverts("NotAGrantee", org, to):
            grants.contract.grant(grants.device, PORT, READ, Grantee(org, to), grants.end, sender=admin)
    grants.contract.grant(grants.device, PORT, READ, Grantee(count), grants.end, sender=admin)
    grants.contract.grant(
        grants.device, PORT, READ, Grantee(0, grants.world.stranger), grants.end, sender=admin
    )


def test_a_capability_ends_later_than_now(grants: Grants) -> None:
    now = grants.world.now
    with reverts("ExpiryPassed", now - 1, now):
        grants.grant(grants.world.service, expiry=now - 1)
    number = grants.grant(grants.world.service, expiry=now)
    assert grants.cause(number, grants.world.service.all) == Cause.NONE
    grants.cold.node.warp(1)
    assert grants.cause(number, grants.world.service.all) == Cause.EXPIRED
    forever = grants.grant(grants.world.service, expiry=NEVER)
    assert grants.contract.grantOf(grants.device, forever).expiry == NEVER


# --------------------------------------------------------------------------------------------------- asking


def test_an_organisations_device_admins_use_what_it_was_given(grants: Grants) -> None:
    service = grants.world.service
    number = grants.grant(service)
    assert grants.cause(number, service.device_admin) == Cause.NONE
    assert grants.cause(number, service.all) == Cause.NONE
    for nobody in (service.record, grants.world.carrier.device_admin, grants.world.stranger):
        assert grants.cause(number, nobody) == Cause.NOT_GRANTEE
    args = grants.device, PORT, number, READ, service.device_admin
    assert grants.contract.check(*args) == service.number


def test_one_account_uses_what_it_was_given(grants: Grants) -> None:
    world = grants.world
    number = grants.grant(world.service.record)
    assert grants.cause(number, world.service.record) == Cause.NONE
    assert grants.cause(number, world.service.device_admin) == Cause.NOT_GRANTEE
    outsider = grants.grant(world.stranger)
    assert grants.cause(outsider, world.stranger) == Cause.NOT_GRANTEE, "acts for no organisation"
    world.hire(world.carrier, world.stranger, Duty.SHIP)
    assert grants.cause(outsider, world.stranger) == Cause.NONE
    world.hire(world.carrier, world.stranger, 0)
    world.hire(world.retailer, world.stranger, Duty.SHIP)
    assert grants.cause(outsider, world.stranger) == Cause.NONE, "it is the person's own"


def test_an_organisations_number_is_no_account(grants: Grants) -> None:
    """What organisation 6 has, the account with the address 6 does not have, nor the other way round."""
    world, six = grants.world, "0x" + 39 * "0" + "6"
    assert world.service.number == 6
    world.hire(world.carrier, six, ~Duty(0))
    theirs, its = grants.grant(world.service), grants.grant(six)
    assert grants.cause(theirs, six) == Cause.NOT_GRANTEE
    assert grants.cause(its, world.service.all) == Cause.NOT_GRANTEE
    assert grants.cause(its, six) == Cause.NONE


def test_the_silenced_use_nothing(grants: Grants) -> None:
    world = grants.world
    org, account = grants.grant(world.service), grants.grant(world.service.record)
    world.suspend(world.service)
    assert grants.cause(org, world.service.device_admin) == Cause.NOT_GRANTEE
    assert grants.cause(account, world.service.record) == Cause.NOT_GRANTEE


def test_each_thing_is_looked_at_in_its_order(grants: Grants) -> None:
    world, node = grants.world, grants.cold.node
    service, stranger = world.service, world.stranger
    number = grants.grant(service, READ, PORT)
    grants.contract.revoke(grants.device, number, sender=world.maker.device_admin)
    grants.contract.revokeAll(grants.device, sender=world.maker.device_admin)
    assert grants.cause(number, stranger, WRITE) == Cause.NOT_GRANTED
    assert grants.cause(number, stranger, READ) == Cause.NOT_GRANTEE
    assert grants.cause(number, service.all, READ) == Cause.REVOKED
    node.warp(DAY + 1)
    assert grants.cause(number, stranger, WRITE) == Cause.EXPIRED
    assert grants.cause(number + 1, stranger, WRITE, RADIO) == Cause.UNKNOWN
    world.devices.revoke(grants.device, COMMAND, sender=world.maker.device_admin)
    assert grants.cause(number + 1, stranger, WRITE, RADIO) == Cause.NOT_ENROLLED


def test_all_methods_asked_for_must_be_granted(grants: Grants) -> None:
    service = grants.world.service
    number = grants.grant(service, READ | WRITE)
    for methods in (READ, WRITE, READ | WRITE):
        assert grants.cause(number, service.all, methods) == Cause.NONE
    for methods in (0, Method.UPDATE, READ | Method.UPDATE, 32, READ | 128):
        assert grants.cause(number, service.all, methods) == Cause.NOT_GRANTED


def test_a_resource_is_itself_or_part_of_the_whole_device(grants: Grants) -> None:
    service = grants.world.service.all
    whole, port = grants.grant(service), grants.grant(service, resource=PORT)
    for resource in (WHOLE, PORT, RADIO):
        assert grants.cause(whole, service, resource=resource) == Cause.NONE
    assert grants.cause(port, service, resource=PORT) == Cause.NONE
    for resource in (WHOLE, RADIO):
        assert grants.cause(port, service, resource=resource) == Cause.NOT_GRANTED
    other = grants.cold.device("LOGGER2")
    grants.cold.enrol(other)
    assert grants.cause(whole, service, device=other.id) == Cause.UNKNOWN
    for number in (0, port + 1, 2**32 - 1):
        assert grants.cause(number, service) == Cause.UNKNOWN


def test_a_device_without_a_key_obeys_nobody(grants: Grants) -> None:
    service = grants.world.service
    number = grants.grant(service)
    grants.world.devices.rotateKey(grants.device, bytes(20), sender=grants.world.maker.device_admin)
    assert grants.cause(number, service.all) == Cause.NONE
    grants.world.devices.revoke(grants.device, COMMAND, sender=grants.world.maker.device_admin)
    assert grants.cause(number, service.all) == Cause.NOT_ENROLLED
    with grants.refused(number, service.all, Cause.NOT_ENROLLED, number):
        grants.contract.use(grants.device, PORT, number, READ, COMMAND, sender=service.all)


# --------------------------------------------------------------------------------------------------- title


def test_with_the_title_go_the_grants(grants: Grants) -> None:
    world, service = grants.world, grants.world.service
    root = grants.grant(service)
    child = grants.delegate(root, world.carrier, sender=service.device_admin)
    world.give_title(grants.device, world.maker, world.retailer)
    assert grants.cause(root, service.all) == Cause.TITLE_PASSED
    assert grants.cause(child, world.carrier.all) == Cause.TITLE_PASSED
    with grants.refused(child, world.carrier.all, Cause.TITLE_PASSED, root):
        grants.contract.use(grants.device, PORT, child, READ, COMMAND, sender=world.carrier.all)
    new = grants.grant(service, sender=world.retailer.device_admin)
    assert grants.cause(new, service.all) == Cause.NONE
    assert grants.contract.bookOf(grants.device) == (world.retailer.number, new, 3)
    for old in (root, child):
        assert grants.cause(old, service.all if old == root else world.carrier.all) == Cause.TITLE_PASSED


def test_after_somebody_elses_grant_title_that_returns_revives_nothing(grants: Grants) -> None:
    world, service = grants.world, grants.world.service
    root = grants.grant(service)
    world.give_title(grants.device, world.maker, world.retailer)
    theirs = grants.grant(service, sender=world.retailer.device_admin)
    world.give_title(grants.device, world.retailer, world.maker)
    for number in (root, theirs):
        assert grants.cause(number, service.all) == Cause.TITLE_PASSED
    again = grants.grant(service)
    assert grants.cause(again, service.all) == Cause.NONE
    for number in (root, theirs):
        assert grants.cause(number, service.all) == Cause.TITLE_PASSED


def test_title_that_returns_untouched_revives_the_owners_own_words(grants: Grants) -> None:
    world, service = grants.world, grants.world.service
    root = grants.grant(service)
    world.give_title(grants.device, world.maker, world.retailer)
    world.give_title(grants.device, world.retailer, world.maker)
    assert grants.cause(root, service.all) == Cause.NONE
    grants.contract.revokeAll(grants.device, sender=world.maker.device_admin)
    assert grants.cause(root, service.all) == Cause.TITLE_PASSED


def test_everything_ends_at_once(grants: Grants) -> None:
    world, service = grants.world, grants.world.service
    root = grants.grant(service)
    child = grants.delegate(root, world.carrier, sender=service.device_admin)
    receipt = grants.contract.revokeAll(grants.device, sender=world.maker.device_admin)
    told = {"device": grants.device, "org": world.maker.number, "caller": world.maker.device_admin}
    assert happened(receipt) == [("AllRevoked", told | {"first": 3})]
    assert grants.cause(root, service.all) == Cause.TITLE_PASSED
    assert grants.cause(child, world.carrier.all) == Cause.TITLE_PASSED
    assert grants.grant(service) == 3
    assert grants.cause(3, service.all) == Cause.NONE
    assert grants.contract.bookOf(grants.device) == (world.maker.number, 3, 3)


def test_a_new_owner_ends_everything_without_granting(grants: Grants) -> None:
    world, service = grants.world, grants.world.service
    root = grants.grant(service)
    world.give_title(grants.device, world.maker, world.retailer)
    grants.contract.revokeAll(grants.device, sender=world.retailer.device_admin)
    assert grants.contract.bookOf(grants.device) == (world.retailer.number, 2, 1)
    world.give_title(grants.device, world.retailer, world.maker)
    assert grants.cause(root, service.all) == Cause.TITLE_PASSED


# ----------------------------------------------------------------------------------------------- delegating


def test_a_grantee_passes_on_what_it_has(grants: Grants) -> None:
    world, service = grants.world, grants.world.service
    root = grants.grant(service, READ | WRITE)
    technician = service.record
    args = grants.device, root, PORT, READ, Grantee(account=technician), grants.end - 1
    receipt = grants.contract.delegate(*args, sender=service.device_admin)
    told = {"device": grants.device, "org": service.number, "capability": SECOND}
    told |= {"caller": service.device_admin, "resource": PORT, "methods": READ}
    told |= {"to": (0, technician), "expiry": grants.end - 1, "parent": root}
    assert happened(receipt) == [("Delegated", told)]
    kept = grants.contract.grantOf(grants.device, SECOND)
    assert kept == (PORT, technician, grants.end - 1, READ, False, False, root)
    assert grants.cause(SECOND, technician) == Cause.NONE
    assert grants.cause(SECOND, technician, WRITE) == Cause.NOT_GRANTED
    assert grants.cause(SECOND, technician, resource=RADIO) == Cause.NOT_GRANTED
    further = grants.delegate(SECOND, world.carrier, READ, PORT, grants.end - 1, sender=technician)
    assert grants.cause(further, world.carrier.all) == Cause.NONE


def test_nobody_passes_on_more_than_it_has(grants: Grants) -> None:
    world, service = grants.world, grants.world.service
    admin = service.device_admin
    root = grants.grant(service, READ | WRITE, PORT)
    with grants.refused(root, admin, Cause.NOT_GRANTED, root):
        grants.delegate(root, world.carrier, READ | Method.UPDATE, PORT, sender=admin)
    for resource in (WHOLE, RADIO):
        with grants.refused(root, admin, Cause.NOT_GRANTED, root):
            grants.delegate(root, world.carrier, READ, resource, sender=admin)
    with reverts("OutlastsParent", grants.end + 1, grants.end):
        grants.delegate(root, world.carrier, READ, PORT, grants.end + 1, sender=admin)
    child = grants.delegate(root, world.carrier, READ | WRITE, PORT, grants.end, sender=admin)
    now = world.now
    with reverts("ExpiryPassed", now - 1, now):
        grants.delegate(child, world.retailer, READ, PORT, now - 1, sender=world.carrier.all)
    with reverts("NotAGrantee", 0, NOBODY):
        grants.delegate(child, NOBODY, READ, PORT, sender=world.carrier.all)


def test_only_who_may_use_it_passes_it_on(grants: Grants) -> None:
    world, service = grants.world, grants.world.service
    root, own = grants.grant(service), grants.grant(service.record)
    for number, nobody in ((root, service.record), (root, world.carrier.all), (own, service.device_admin)):
        with grants.refused(number, nobody, Cause.NOT_GRANTEE, number):
            grants.delegate(number, world.carrier, sender=nobody)
    machine = Forwarder.deploy(grants.cold.node, service.device_admin)
    with grants.refused(root, machine.address, Cause.NOT_GRANTEE, root):
        grants.delegate(root, world.carrier, sender=machine)
    world.hire(service, machine, Duty.DEVICE_ADMIN)
    child = grants.delegate(root, world.carrier, sender=machine)
    assert grants.cause(child, world.carrier.all) == Cause.NONE


def chain(grants: Grants, length: int = MAX_DEPTH) -> tuple[list[int], list[Org]]:
    """Capabilities one from the other, given to one organisation after the other."""
    orgs = [*grants.world.orgs[1:], grants.world.maker][:length]
    numbers = [grants.grant(orgs[0])]
    for giver, taker in zip(orgs, orgs[1:], strict=False):
        numbers.append(grants.delegate(numbers[-1], taker, sender=giver.device_admin))
    return numbers, orgs


def test_delegation_goes_eight_deep(grants: Grants) -> None:
    numbers, orgs = chain(grants)
    for number, org in zip(numbers, orgs, strict=True):
        assert grants.cause(number, org.all) == Cause.NONE
    with reverts("DelegatedTooOften", grants.device, numbers[-1]):
        grants.delegate(numbers[-1], orgs[0], sender=orgs[-1].device_admin)
    grants.delegate(numbers[-2], orgs[0], sender=orgs[-2].device_admin)


def test_on_a_resource_too(grants: Grants) -> None:
    """A walk goes from the port to the whole device, and on."""
    world, service = grants.world, grants.world.service
    root = grants.grant(service)
    second = grants.delegate(root, world.carrier, sender=service.device_admin)
    third = grants.delegate(second, world.retailer, READ, PORT, sender=world.carrier.device_admin)
    fourth = grants.delegate(third, world.recycler, READ, PORT, sender=world.retailer.device_admin)
    assert grants.cause(fourth, world.recycler.all) == Cause.NONE
    grants.contract.revoke(grants.device, root, sender=service.device_admin)
    with grants.refused(fourth, world.recycler.all, Cause.REVOKED, root):
        grants.contract.check(grants.device, PORT, fourth, READ, world.recycler.all)


def test_contracts_delegate_revoke_and_use_in_their_own_name(grants: Grants) -> None:
    world, service = grants.world, grants.world.service
    machine = Forwarder.deploy(grants.cold.node, world.stranger)
    world.hire(service, machine, Duty.DEVICE_ADMIN)
    root, end = grants.grant(service), grants.end
    passed = grants.device, root, PORT, READ, Grantee(account=machine.address), end
    [(_, told)] = happened(grants.contract.delegate(*passed, sender=machine))
    assert (told["caller"], told["org"]) == (machine.address, service.number)
    used = grants.device, PORT, 2, READ, COMMAND
    [(_, told)] = happened(grants.contract.use(*used, sender=machine))
    assert (told["caller"], told["account"]) == (machine.address, machine.address)
    [(_, told)] = happened(grants.contract.revoke(grants.device, 2, sender=machine))
    assert told["caller"] == machine.address
    [(_, told)] = happened(grants.contract.revoke(grants.device, root, sender=machine))
    assert (told["caller"], told["org"]) == (machine.address, service.number)
    passkey = Passkey(grants)
    [(_, told)] = happened(grants.contract.useSigned(*passkey.signed(), sender=machine))
    assert (told["caller"], told["account"]) == (machine.address, passkey.account)


# ------------------------------------------------------------------------------------------------- revoking


def test_revoking_one_revokes_what_came_of_it_and_nothing_else(grants: Grants) -> None:
    numbers, orgs = chain(grants, 5)
    sibling = grants.delegate(numbers[1], orgs[2], sender=orgs[1].device_admin)
    receipt = grants.contract.revoke(grants.device, numbers[2], sender=orgs[0].device_admin)
    told = {"device": grants.device, "org": orgs[0].number, "capability": numbers[2]}
    assert happened(receipt) == [("CapabilityRevoked", told | {"caller": orgs[0].device_admin})]
    assert grants.contract.grantOf(grants.device, numbers[2]).revoked
    for place, (number, org) in enumerate(zip(numbers, orgs, strict=True)):
        assert grants.cause(number, org.all) == (Cause.REVOKED if place >= 2 else Cause.NONE)
        if place >= 2:
            with grants.refused(number, org.all, Cause.REVOKED, numbers[2]):
                grants.contract.check(grants.device, PORT, number, READ, org.all)
    assert grants.cause(sibling, orgs[2].all) == Cause.NONE
    with grants.refused(numbers[3], orgs[3].all, Cause.REVOKED, numbers[2]):
        grants.delegate(numbers[3], orgs[0], sender=orgs[3].all)


def test_what_is_revoked_is_so_once(grants: Grants) -> None:
    maker = grants.world.maker
    number = grants.grant(grants.world.service, READ, PORT)
    kept = grants.contract.grantOf(grants.device, number)
    receipt = grants.contract.revoke(grants.device, number, sender=maker.device_admin)
    [(_, fields)] = happened(receipt)
    assert fields["org"] == maker.number
    assert grants.contract.grantOf(grants.device, number) == kept._replace(revoked=True)
    with reverts("AlreadyRevoked", grants.device, number):
        grants.contract.revoke(grants.device, number, sender=maker.device_admin)


def test_everybody_above_revokes(grants: Grants) -> None:
    node, world = grants.cold.node, grants.world
    numbers, orgs = chain(grants, 4)
    here = node.snapshot()
    for org in (world.maker, *orgs[:4]):
        grants.contract.revoke(grants.device, numbers[3], sender=org.device_admin)
        node.revert(here)
        here = node.snapshot()


def test_nobody_beside_or_below_revokes(grants: Grants) -> None:
    world = grants.world
    numbers, orgs = chain(grants, 4)
    below, beside, number = orgs[3], world.recycler, numbers[2]
    for nobody in (below.device_admin, beside.all, orgs[0].record, world.maker.record):
        with reverts("MayNotRevoke", grants.device, number, nobody):
            grants.contract.revoke(grants.device, number, sender=nobody)
    with reverts("UnknownAccount", world.stranger):
        grants.contract.revoke(grants.device, number, sender=world.stranger)
    world.suspend(world.maker)
    with reverts("OrganisationSuspended", world.maker.number):
        grants.contract.revoke(grants.device, number, sender=world.maker.device_admin)


def test_an_account_revokes_what_it_passed_on_or_has(grants: Grants) -> None:
    world, technician = grants.world, grants.world.service.record
    root = grants.grant(technician)
    child = grants.delegate(root, world.carrier, sender=technician)
    with reverts("MayNotRevoke", grants.device, child, world.service.device_admin):
        grants.contract.revoke(grants.device, child, sender=world.service.device_admin)
    machine = Forwarder.deploy(grants.cold.node, technician)
    world.hire(world.service, machine, Duty.RECORD)
    with reverts("MayNotRevoke", grants.device, child, machine.address):
        grants.contract.revoke(grants.device, child, sender=machine)
    receipt = grants.contract.revoke(grants.device, child, sender=technician)
    [(_, fields)] = happened(receipt)
    assert (fields["org"], fields["caller"]) == (world.service.number, technician)
    grants.contract.revoke(grants.device, root, sender=technician)


def test_an_organisations_number_revokes_nothing_as_an_account(grants: Grants) -> None:
    world, six = grants.world, "0x" + 39 * "0" + "6"
    world.hire(world.carrier, six, ~Duty(0))
    theirs, its = grants.grant(world.service), grants.grant(six)
    with reverts("MayNotRevoke", grants.device, theirs, six):
        grants.contract.revoke(grants.device, theirs, sender=six)
    with reverts("MayNotRevoke", grants.device, its, world.service.all):
        grants.contract.revoke(grants.device, its, sender=world.service.all)


def test_a_former_owner_revokes_no_more(grants: Grants) -> None:
    world = grants.world
    number = grants.grant(world.service)
    world.give_title(grants.device, world.maker, world.retailer)
    with reverts("MayNotRevoke", grants.device, number, world.maker.device_admin):
        grants.contract.revoke(grants.device, number, sender=world.maker.device_admin)
    with reverts("MayNotRevoke", grants.device, number, world.retailer.record):
        grants.contract.revoke(grants.device, number, sender=world.retailer.record)
    grants.contract.revoke(grants.device, number, sender=world.retailer.device_admin)


def test_what_was_never_granted_is_not_revoked(grants: Grants) -> None:
    admin = grants.world.maker.device_admin
    port = grants.grant(grants.world.service, READ, PORT)
    for number in (0, port + 1, 2**32 - 1):
        with reverts("UnknownCapability", grants.device, number):
            grants.contract.revoke(grants.device, number, sender=admin)


# -------------------------------------------------------------------------------------------------- using


def test_a_use_is_on_record(grants: Grants) -> None:
    service = grants.world.service
    number = grants.grant(service, READ | WRITE, PORT)
    args = grants.device, PORT, number, WRITE, COMMAND
    receipt = grants.contract.use(*args, sender=service.device_admin)
    told = {"device": grants.device, "org": service.number, "capability": number}
    told |= {"account": service.device_admin, "caller": service.device_admin, "resource": PORT}
    assert happened(receipt) == [("Used", told | {"methods": WRITE, "ref": COMMAND, "digest": bytes(32)})]
    with grants.refused(number, service.record, Cause.NOT_GRANTEE, number):
        grants.contract.use(*args, sender=service.record)
    machine = Forwarder.deploy(grants.cold.node, service.device_admin)
    with grants.refused(number, machine.address, Cause.NOT_GRANTEE, number):
        grants.contract.use(*args, sender=machine)


class Passkey:
    """A technician whose key is in a secure element, and an invocation by it."""

    def __init__(self, grants: Grants) -> None:
        self.grants = grants
        self.key = SecureElement(deploy(grants.cold.node, "ERC7913P256Verifier"), 0xC0FFEE)
        self.account = grants.world.hire(grants.world.service, self.key.name, Duty.RECORD)
        number = grants.grant(self.account, READ)
        end = grants.world.now + 60
        self.invocation = Invocation(grants.device, PORT, number, READ, COMMAND, end, b"s" * 32)

    def digest(self, invocation: Invocation) -> bytes:
        return invocation.digest(self.grants.contract.address, self.grants.cold.node.chain_id)

    def signed(self, **changes: Any) -> tuple[Invocation, bytes, bytes]:
        invocation = self.invocation._replace(**changes)
        return invocation, self.key.name, self.key.sign(self.digest(invocation))


@pytest.fixture
def passkey(grants: Grants) -> Passkey:
    return Passkey(grants)


def test_a_key_that_cannot_send_signs_its_use(grants: Grants, passkey: Passkey) -> None:
    carrier = grants.world.stranger
    signed = passkey.signed()
    digest = passkey.digest(passkey.invocation)
    assert grants.contract.digestOf(passkey.invocation) == digest
    assert not grants.contract.used(digest)
    receipt = grants.contract.useSigned(*signed, sender=carrier)
    told = {"device": grants.device, "org": grants.world.service.number}
    told |= {"capability": passkey.invocation.capability, "account": passkey.account, "caller": carrier}
    told |= {"resource": PORT, "methods": READ, "ref": COMMAND, "digest": digest}
    assert happened(receipt) == [("Used", told)]
    assert grants.contract.used(digest)
    with reverts("AlreadyUsed", digest):
        grants.contract.useSigned(*signed, sender=carrier)
    grants.contract.useSigned(*passkey.signed(salt=b"t" * 32), sender=carrier)


def test_an_invocation_has_a_deadline(grants: Grants, passkey: Passkey) -> None:
    end = passkey.invocation.deadline
    grants.cold.node.warp(60)
    grants.contract.useSigned(*passkey.signed(salt=bytes(32)), sender=grants.world.stranger)
    grants.cold.node.warp(1)
    with reverts("DeadlinePassed", grants.device, end, end + 1):
        grants.contract.useSigned(*passkey.signed(), sender=grants.world.stranger)


@pytest.mark.parametrize(
    "changes",
    [
        {"device": b"d" * 32},
        {"resource": RADIO},
        {"capability": 4},
        {"methods": WRITE},
        {"ref": b"r" * 32},
        {"deadline": 2**40 - 1},
        {"salt": bytes(32)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_nothing_else_than_what_was_signed_is_used(
    grants: Grants, passkey: Passkey, changes: dict[str, Any]
) -> None:
    invocation, signer, signature = passkey.signed()
    other = invocation._replace(**changes)
    with reverts("InvalidInvocation", passkey.digest(other), signer):
        grants.contract.useSigned(other, signer, signature, sender=grants.world.stranger)


def test_only_the_grantee_signs(grants: Grants, passkey: Passkey) -> None:
    thief = Wallet(grants.world.service.all)
    digest, number = passkey.digest(passkey.invocation), passkey.invocation.capability
    stolen = passkey.invocation, thief.name, thief.sign(digest)
    with grants.refused(number, grants.world.service.all, Cause.NOT_GRANTEE, number):
        grants.contract.useSigned(*stolen, sender=grants.world.stranger)
    with reverts("InvalidInvocation", digest, bytes(19)):
        grants.contract.useSigned(passkey.invocation, bytes(19), b"", sender=grants.world.stranger)
    assert not grants.contract.used(digest), "what was refused is not used up"


def test_a_wallet_signs_too(grants: Grants) -> None:
    """A gateway pays for the transaction."""
    wallet = Wallet(person("technician"))
    account = grants.world.hire(grants.world.service, wallet.name, Duty.RECORD)
    number = grants.grant(account, READ)
    invocation = Invocation(grants.device, RADIO, number, READ, COMMAND, grants.end, bytes(32))
    digest = invocation.digest(grants.contract.address, grants.cold.node.chain_id)
    receipt = grants.contract.useSigned(
        invocation, wallet.name, wallet.sign(digest), sender=grants.world.stranger
    )
    [(_, fields)] = happened(receipt)
    assert (fields["account"], fields["caller"]) == (account, grants.world.stranger)


def test_calls_can_be_bundled(grants: Grants) -> None:
    service = grants.world.service
    to = Grantee(org=service.number)
    calls = [grants.contract.grant.encode(grants.device, r, READ, to, grants.end) for r in (PORT, RADIO)]
    grants.contract.multicall(calls, sender=grants.world.maker.device_admin)
    assert grants.cause(FIRST, service.all) == Cause.NONE
    assert grants.cause(SECOND, service.all, resource=RADIO) == Cause.NONE


def test_a_twin_that_is_no_device_gets_no_grants(grants: Grants) -> None:
    thing = grants.world.register(asset("MACHINE"))
    args = thing, WHOLE, READ, Grantee(org=1), grants.end
    with reverts("NotEnrolled", thing):
        grants.contract.grant(*args, sender=grants.world.maker.all)
    assert grants.contract.allowed(thing, WHOLE, FIRST, READ, grants.world.maker.all) == (
        False,
        Cause.NOT_ENROLLED,
    )
