"""Who may call what: the same for every function of Twins."""

from __future__ import annotations

import pytest

from tests.models.twins import first_head, next_head
from tests.support import Forwarder, decode_logs, reverts
from tests.support.calls import FUNCTIONS, Call, prepare
from tests.support.contract import Sender
from tests.support.words import Action, Duty
from tests.support.world import World

every_function = pytest.mark.parametrize("function", FUNCTIONS)


def send(world: World, call: Call, sender: Sender | None = None) -> None:
    getattr(world.twins, call.function)(*call.args, sender=sender or call.sender)


def head_before(world: World, call: Call) -> bytes:
    if call.action == Action.REGISTERED:
        return first_head(world.node.chain_id, world.twins.address, call.twin)
    head: bytes = world.twins.head(call.twin)
    return head


def test_no_function_is_left_out(world: World) -> None:
    changing = {
        f["name"] for f in world.twins.abi if f.get("stateMutability") == "nonpayable" and "name" in f
    }
    # What modules may do is in test_twins_modules.
    assert changing == {*FUNCTIONS, "multicall", "noteContents", "registerFor"}


@every_function
def test_one_duty_is_enough(world: World, function: str) -> None:
    call = prepare(world, function)
    receipt = getattr(world.twins, function)(*call.args, sender=call.sender)
    assert all(event.args["org"] == call.org.number for event in decode_logs(receipt))
    assert all(event.args["caller"] == call.sender for event in decode_logs(receipt))


@every_function
def test_without_the_duty_all_others_are_not_enough(world: World, function: str) -> None:
    call = prepare(world, function)
    others = ~call.duty
    world.hire(call.org, world.stranger, others)
    with reverts("MissingDuty", world.stranger, others, call.duty):
        send(world, call, world.stranger)


@every_function
def test_a_stranger_is_refused(world: World, function: str) -> None:
    call = prepare(world, function)
    with reverts("UnknownAccount", world.stranger):
        send(world, call, world.stranger)


@every_function
def test_an_account_that_was_let_go_is_refused(world: World, function: str) -> None:
    call = prepare(world, function)
    world.hire(call.org, call.sender, Duty(0))
    with reverts("UnknownAccount", call.sender):
        send(world, call)


@every_function
def test_a_suspended_organisation_is_refused_until_it_may_speak_again(world: World, function: str) -> None:
    call = prepare(world, function)
    world.suspend(call.org)
    with reverts("OrganisationSuspended", call.org.number):
        send(world, call)
    world.suspend(call.org, False)
    send(world, call)


@every_function
@pytest.mark.parametrize("late", [False, True])
def test_a_licence_is_valid_to_its_last_second(world: World, function: str, late: bool) -> None:
    call = prepare(world, function)
    expiry = world.now
    world.consortium.setLicence(call.org.number, bytes(32), expiry, sender=world.governor)
    if not late:
        send(world, call)
        return
    world.node.warp(1)
    with reverts("LicenceExpired", call.org.number, expiry):
        send(world, call)


@every_function
def test_an_event_is_not_in_the_future(world: World, function: str) -> None:
    call = prepare(world, function, seconds=1)
    with reverts("EventInFuture", world.now + 1, world.now):
        send(world, call)
    world.node.warp(1)
    send(world, call)


@every_function
def test_a_contract_acts_in_its_own_name(world: World, function: str) -> None:
    """And not in that of the person who started the transaction."""
    call = prepare(world, function)
    machine = Forwarder.deploy(world.node, call.sender)
    with reverts("UnknownAccount", machine.address):
        send(world, call, machine)
    world.hire(call.org, machine, call.duty)
    receipt = getattr(world.twins, function)(*call.args, sender=machine)
    assert {event.args["caller"] for event in decode_logs(receipt)} == {machine.address}


@every_function
def test_each_step_moves_the_head_by_the_documented_values(world: World, function: str) -> None:
    call = prepare(world, function)
    before = head_before(world, call)
    send(world, call)
    after = next_head(before, call.action, call.org.number, call.sender, call.values, call.ref)
    if call.action == Action.REGISTERED:
        after = after[:27] + bytes(5)
    assert world.twins.head(call.twin) == after


@every_function
def test_every_step_counts_the_contract_that_called(world: World, function: str) -> None:
    call = prepare(world, function)
    machine = Forwarder.deploy(world.node, world.stranger)
    world.hire(call.org, machine, call.duty)
    before = head_before(world, call)
    send(world, call, machine)
    after = next_head(before, call.action, call.org.number, machine.address, call.values, call.ref)
    assert world.twins.head(call.twin)[:27] == after[:27]


def test_calls_can_be_bundled(world: World) -> None:
    """One transaction, one caller, all or nothing."""
    register, ref = prepare(world, "register"), world.ref()
    offer = register.twin, world.carrier.number, 0, world.now, ref
    calls = [world.twins.register.encode(*register.args), world.twins.offer.encode(*offer)]
    with reverts("MissingDuty", world.maker.register, Duty.REGISTER, Duty.SHIP):
        world.twins.multicall(calls, sender=world.maker.register)
    assert world.twins.head(register.twin) == bytes(32)
    assert world.twins.multicall.call(calls, sender=world.maker.all) == [register.twin, b""]
    receipt = world.twins.multicall(calls, sender=world.maker.all)
    assert [event.name for event in decode_logs(receipt)] == ["Registered", "Offered"]


def test_ether_is_not_taken(world: World) -> None:
    call = prepare(world, "offer")
    with reverts(""):
        world.twins.offer(*call.args, sender=world.node.accounts[0], value=1)
