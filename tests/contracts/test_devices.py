"""Which key signs for which device, and where the device is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.support import Forwarder, reverts
from tests.support.coldchain import ColdChain, Logger
from tests.support.contract import Sender
from tests.support.words import Duty, EndOfLife, Kind, Role
from tests.support.world import asset, person, sscc, uri

MODEL = keccak(text="a model")
REASON = keccak(text="the record about the stolen key")
NEW_KEY = bytes.fromhex(person("new key")[2:])
NOTHING = bytes(32)
NOT_YET = 0

Arguments = Callable[[ColdChain], tuple[Any, ...]]


def spare(cold: ColdChain) -> Logger:
    """A second logger of the maker, without a key."""
    return cold.device("LOGGER2")


def free(cold: ColdChain) -> Logger:
    """A second logger of the maker, attached to nothing."""
    logger = spare(cold)
    cold.enrol(logger)
    return logger


CALLS: dict[str, tuple[Callable[[ColdChain], tuple[Any, ...]], str]] = {
    "enrol": (lambda cold: (spare(cold).id, NEW_KEY, MODEL), "DeviceEnrolled"),
    "rotateKey": (lambda cold: (cold.logger.id, NEW_KEY), "KeyRotated"),
    "revoke": (lambda cold: (cold.logger.id, REASON), "DeviceRevoked"),
    "attach": (lambda cold: (free(cold).id, cold.pallet), "DeviceAttached"),
    "detach": (lambda cold: (cold.logger.id,), "DeviceDetached"),
}
every_function = pytest.mark.parametrize("function", CALLS)


def prepared(cold: ColdChain, function: str) -> Callable[[Sender], dict[str, Any]]:
    """A call that succeeds for who may; given the sender, it is made, and its event's fields come back."""
    arguments, event = CALLS[function]
    args = arguments(cold)

    def call(sender: Sender) -> dict[str, Any]:
        receipt = getattr(cold.devices, function)(*args, sender=sender)
        [fields] = cold.devices.events(receipt, event)
        return fields

    return call


# Who may


def test_no_function_is_left_out(cold: ColdChain) -> None:
    changing = {
        f["name"] for f in cold.devices.abi if f.get("stateMutability") == "nonpayable" and "name" in f
    }
    assert changing == {*CALLS, "revokeFor", "multicall"}
    assert cold.devices.TWINS() == cold.world.twins.address
    assert cold.devices.CONSORTIUM() == cold.world.consortium.address


@every_function
def test_one_duty_is_enough(cold: ColdChain, function: str) -> None:
    maker = cold.world.maker
    fields = prepared(cold, function)(maker.device_admin)
    assert (fields["org"], fields["caller"]) == (maker.number, maker.device_admin)


@every_function
def test_without_the_duty_all_others_are_not_enough(cold: ColdChain, function: str) -> None:
    call, others = prepared(cold, function), ~Duty.DEVICE_ADMIN
    cold.world.hire(cold.world.maker, cold.world.stranger, others)
    with reverts("MissingDuty", cold.world.stranger, others, Duty.DEVICE_ADMIN):
        call(cold.world.stranger)


@every_function
def test_a_stranger_is_refused(cold: ColdChain, function: str) -> None:
    call = prepared(cold, function)
    with reverts("UnknownAccount", cold.world.stranger):
        call(cold.world.stranger)


@every_function
def test_a_silenced_organisation_is_refused(cold: ColdChain, function: str) -> None:
    call = prepared(cold, function)
    cold.world.suspend(cold.world.maker)
    with reverts("OrganisationSuspended", cold.world.maker.number):
        call(cold.world.maker.all)


@every_function
def test_a_contract_acts_in_its_own_name(cold: ColdChain, function: str) -> None:
    call = prepared(cold, function)
    machine = Forwarder.deploy(cold.node, cold.world.maker.device_admin)
    with reverts("UnknownAccount", machine.address):
        call(machine)
    cold.world.hire(cold.world.maker, machine, Duty.DEVICE_ADMIN)
    assert call(machine)["caller"] == machine.address


@every_function
def test_only_who_has_title_to_the_device(cold: ColdChain, function: str) -> None:
    arguments, _ = CALLS[function]
    args, world = arguments(cold), cold.world
    world.move(args[0], world.maker, world.carrier)
    with reverts("NotDeviceOwner", args[0], world.carrier.number, world.maker.number):
        getattr(cold.devices, function)(*args, sender=world.carrier.all)
    unknown = keccak(text="no twin")
    with reverts("NotDeviceOwner", unknown, world.carrier.number, 0):
        getattr(cold.devices, function)(unknown, *args[1:], sender=world.carrier.all)


@pytest.mark.parametrize("function", ["rotateKey", "revoke", "detach"])
def test_with_the_title_passes_the_device(cold: ColdChain, function: str) -> None:
    world, call = cold.world, prepared(cold, function)
    world.give_title(cold.logger.id, world.maker, world.retailer)
    with reverts("NotDeviceOwner", cold.logger.id, world.maker.number, world.retailer.number):
        call(world.maker.device_admin)
    assert call(world.retailer.device_admin)["org"] == world.retailer.number


# Keys


def test_a_device_gets_its_key(cold: ColdChain) -> None:
    logger, maker = spare(cold), cold.world.maker
    assert cold.devices.signerHash(logger.id) == NOTHING
    receipt = cold.devices.enrol(logger.id, NEW_KEY, MODEL, sender=maker.device_admin)
    told = {"device": logger.id, "org": maker.number, "model": MODEL}
    told |= {"caller": maker.device_admin, "signer": NEW_KEY}
    assert cold.devices.events(receipt) == [told]
    assert cold.devices.signerHash(logger.id) == keccak(NEW_KEY)
    assert cold.devices.revoked(logger.id) is False


@pytest.mark.parametrize(
    ("link", "kind"), [(uri("1"), Kind.PART), (sscc("2"), Kind.CONTAINER), (asset("A"), Kind.DESIGN)]
)
def test_only_an_asset_is_a_device(cold: ColdChain, link: str, kind: Kind) -> None:
    thing = cold.world.register(link, kind)
    with reverts("NotADevice", thing):
        cold.devices.enrol(thing, NEW_KEY, MODEL, sender=cold.world.maker.device_admin)


def test_an_asset_that_has_ended_is_no_device(cold: ColdChain) -> None:
    logger = spare(cold)
    cold.world.retire(logger.id, EndOfLife.DECOMMISSIONED)
    with reverts("NotADevice", logger.id):
        cold.enrol(logger)


@pytest.mark.parametrize("function", ["rotateKey", "attach"])
def test_a_device_that_has_ended_gets_nothing_new(cold: ColdChain, function: str) -> None:
    """It can still be silenced and taken off."""
    arguments, _ = CALLS[function]
    args, admin = arguments(cold), cold.world.maker.device_admin
    cold.world.retire(args[0], EndOfLife.DECOMMISSIONED)
    with reverts("NotADevice", args[0]):
        getattr(cold.devices, function)(*args, sender=admin)
    cold.devices.revoke(args[0], REASON, sender=admin)
    if function == "rotateKey":
        cold.devices.detach(args[0], sender=admin)


def test_a_device_is_enrolled_once(cold: ColdChain) -> None:
    with reverts("AlreadyEnrolled", cold.logger.id):
        cold.enrol(cold.logger)
    cold.devices.revoke(cold.logger.id, REASON, sender=cold.world.maker.device_admin)
    with reverts("AlreadyEnrolled", cold.logger.id):
        cold.enrol(cold.logger)


@pytest.mark.parametrize("length", [0, 19])
def test_a_signer_has_20_bytes_or_more(cold: ColdChain, length: int) -> None:
    admin, short, device = cold.world.maker.device_admin, bytes(length), spare(cold).id
    with reverts("SignerTooShort", length):
        cold.devices.enrol(device, short, MODEL, sender=admin)
    with reverts("SignerTooShort", length):
        cold.devices.rotateKey(cold.logger.id, short, sender=admin)
    for enough in (bytes(20), bytes(21)):
        cold.devices.rotateKey(cold.logger.id, enough, sender=admin)
        assert cold.devices.signerHash(cold.logger.id) == keccak(enough)


def test_a_key_is_replaced(cold: ColdChain) -> None:
    maker, device = cold.world.maker, cold.logger.id
    receipt = cold.devices.rotateKey(device, NEW_KEY, sender=maker.device_admin)
    told = {"device": device, "org": maker.number, "caller": maker.device_admin, "signer": NEW_KEY}
    assert cold.devices.events(receipt) == [told]
    assert cold.devices.signerHash(device) == keccak(NEW_KEY)
    assert cold.devices.subjectOf(device) == cold.pallet


def test_a_revoked_device_is_silent_for_good(cold: ColdChain) -> None:
    maker, device = cold.world.maker, cold.logger.id
    receipt = cold.devices.revoke(device, REASON, sender=maker.device_admin)
    told = {"device": device, "org": maker.number, "caller": maker.device_admin, "reason": REASON}
    assert cold.devices.events(receipt) == [told]
    assert cold.devices.signerHash(device) == NOTHING
    assert cold.devices.revoked(device) is True
    cold.devices.detach(device, sender=maker.device_admin)
    again = [("rotateKey", NEW_KEY), ("revoke", REASON), ("attach", cold.pallet)]
    for function, argument in again:
        with reverts("NotEnrolled", device):
            getattr(cold.devices, function)(device, argument, sender=maker.device_admin)


def test_a_module_revokes_what_is_not_its_own(cold: ColdChain) -> None:
    world, device = cold.world, cold.logger.id
    module = Forwarder.deploy(cold.node, world.stranger)
    number = world.empower(module, duties=Duty.DEVICE_ADMIN)
    receipt = cold.devices.revokeFor(device, REASON, sender=module)
    told = {"device": device, "org": number, "caller": module.address, "reason": REASON}
    assert cold.devices.events(receipt) == [told]
    assert (cold.devices.signerHash(device), cold.devices.revoked(device)) == (NOTHING, True)
    with reverts("NotEnrolled", device):
        cold.devices.revokeFor(device, REASON, sender=module)
    unknown = spare(cold).id
    with reverts("NotEnrolled", unknown):
        cold.devices.revokeFor(unknown, REASON, sender=module)


def test_only_modules_revoke_for_others(cold: ColdChain) -> None:
    world, call = cold.world, (cold.logger.id, REASON)
    maker = world.maker
    with reverts("MissingRole", maker.number, maker.roles, Role.MODULE):
        cold.devices.revokeFor(*call, sender=maker.all)
    with reverts("UnknownAccount", world.stranger):
        cold.devices.revokeFor(*call, sender=world.stranger)
    idle, others = Forwarder.deploy(cold.node, world.stranger), ~Duty.DEVICE_ADMIN
    world.empower(idle, duties=others)
    with reverts("MissingDuty", idle.address, others, Duty.DEVICE_ADMIN):
        cold.devices.revokeFor(*call, sender=idle)


@pytest.mark.parametrize("function", ["rotateKey", "revoke", "attach"])
def test_first_a_device_is_enrolled(cold: ColdChain, function: str) -> None:
    logger, argument = spare(cold), {"rotateKey": NEW_KEY, "revoke": REASON, "attach": cold.pallet}
    with reverts("NotEnrolled", logger.id):
        getattr(cold.devices, function)(logger.id, argument[function], sender=cold.world.maker.device_admin)


# Attachment


def test_a_device_is_attached_from_now_on(cold: ColdChain) -> None:
    logger, maker = free(cold), cold.world.maker
    cold.node.warp(77)
    receipt = cold.attach(logger)
    told = {"device": logger.id, "subject": cold.pallet, "org": maker.number}
    told |= {"caller": maker.device_admin, "since": cold.world.now}
    assert cold.devices.events(receipt) == [told]
    assert cold.devices.subjectOf(logger.id) == cold.pallet
    assert cold.devices.attachment(logger.id, cold.pallet) == (cold.world.now, NOT_YET)


def test_a_device_measures_one_thing_at_a_time(cold: ColdChain) -> None:
    crate = cold.world.register(sscc("2"), Kind.CONTAINER)
    for subject in (crate, cold.pallet):
        with reverts("AlreadyAttached", cold.logger.id, cold.pallet):
            cold.attach(cold.logger, subject)


def test_a_device_goes_on_what_the_organisation_has_or_owns(cold: ColdChain) -> None:
    world, logger = cold.world, free(cold)
    theirs = world.register(sscc("1", "0614141"), Kind.CONTAINER, org=world.supplier)
    with reverts("NotSubjectHolder", theirs, world.maker.number):
        cold.attach(logger, theirs)
    unknown = keccak(text="no twin")
    with reverts("NotSubjectHolder", unknown, world.maker.number):
        cold.attach(logger, unknown)
    world.move(theirs, world.supplier, world.maker)
    cold.attach(logger, theirs)
    cold.devices.detach(logger.id, sender=world.maker.device_admin)
    world.move(cold.pallet, world.maker, world.carrier)
    cold.attach(logger)
    assert cold.devices.subjectOf(logger.id) == cold.pallet


def test_a_device_is_detached_now(cold: ColdChain) -> None:
    maker, device = cold.world.maker, cold.logger.id
    cold.node.warp(60)
    receipt = cold.devices.detach(device, sender=maker.device_admin)
    told = {"device": device, "subject": cold.pallet, "org": maker.number}
    told |= {"caller": maker.device_admin, "until": cold.world.now}
    assert cold.devices.events(receipt) == [told]
    assert cold.devices.subjectOf(device) == NOTHING
    assert cold.devices.attachment(device, cold.pallet) == (cold.start, cold.start + 60)
    with reverts("NotAttached", device):
        cold.devices.detach(device, sender=maker.device_admin)


def test_the_newest_interval_counts(cold: ColdChain) -> None:
    """Also after the device was elsewhere."""
    crate = cold.world.register(sscc("2"), Kind.CONTAINER)
    for subject in (crate, cold.pallet):
        cold.node.warp(10)
        cold.devices.detach(cold.logger.id, sender=cold.world.maker.device_admin)
        cold.node.warp(10)
        cold.attach(cold.logger, subject)
    device, begin = cold.logger.id, cold.start
    assert cold.devices.attachment(device, cold.pallet) == (begin + 40, NOT_YET)
    assert cold.devices.attachment(device, crate) == (begin + 20, begin + 30)
    assert cold.devices.attachment(crate, device) == (0, 0)


def test_calls_can_be_bundled(cold: ColdChain) -> None:
    """Detach and attach elsewhere in one transaction, or nothing of it."""
    crate, device = cold.world.register(sscc("2"), Kind.CONTAINER), cold.logger.id
    detach, attach = cold.devices.detach.encode(device), cold.devices.attach.encode(device, crate)
    with reverts("AlreadyAttached", device, cold.pallet):
        cold.devices.multicall([attach, detach], sender=cold.world.maker.device_admin)
    cold.devices.multicall([detach, attach], sender=cold.world.maker.device_admin)
    assert cold.devices.subjectOf(device) == crate
