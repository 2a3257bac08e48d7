"""Rebuilding Capabilities from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from goldthread.audit import capabilities as audit
from goldthread.audit.base import FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.logs import Event
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.capabilities import NOBODY, WHOLE, Grantee, Invocation
from tests.models.device_shadow import CapabilitiesShadow
from tests.models.module_shadows import events_of
from tests.support import fresh
from tests.support.signers import Wallet
from tests.support.words import Kind
from tests.support.world import World, asset, person

PORT, RADIO = b"p" * 32, b"r" * 32
REF = b"c" * 32


@pytest.fixture(scope="module")
def history() -> CapabilitiesShadow:
    """Grants of two owners, delegations, revocations and uses on one device."""
    shadow = CapabilitiesShadow(fresh())
    world = shadow.world
    device = world.register(asset("DEVICE"), Kind.ASSET)
    shadow.catch_up()
    maker, service, retailer = world.maker, world.service, world.retailer
    key = bytes.fromhex(person("a device")[2:])
    assert shadow.equip("enrol", device, key, bytes(32), sender=maker.device_admin)
    end, technician = world.now + 100, world.service.record
    root = device, WHOLE, 3, Grantee(org=service.number), end
    assert shadow.tell("grant", *root, sender=maker.device_admin)
    child = device, 1, PORT, 1, Grantee(account=technician), end - 1
    assert shadow.tell("delegate", *child, sender=service.device_admin)
    assert shadow.tell("use", device, PORT, 2, 1, REF, sender=technician)
    invocation = Invocation(device, PORT, 2, 1, REF, end, bytes(32))
    wallet = Wallet(technician)
    signature = shadow.sign_use(invocation, wallet)
    assert shadow.tell("useSigned", invocation, wallet.name, signature, sender=world.stranger)
    assert shadow.tell("revoke", device, 2, sender=service.device_admin)
    terms = retailer.number, world.now + 10, world.ref("selling")
    assert shadow.do("offerTitle", device, *terms, sender=maker.finance)
    assert shadow.do("acceptTitle", device, world.ref("buying"), sender=retailer.finance)
    assert shadow.tell("grant", *root, sender=retailer.device_admin)
    assert shadow.tell("revokeAll", device, sender=retailer.device_admin)
    return shadow


def events(history: CapabilitiesShadow) -> list[Event]:
    return list(events_of(history, "Capabilities", history.contract))


def upto(history: CapabilitiesShadow, name: str, which: int = 0, **changes: Any) -> list[Event]:
    """The events up to one of that name, which is changed."""
    whole = events(history)
    index = [i for i, e in enumerate(whole) if e.name == name][which]
    return [*whole[:index], replace(whole[index], args={**whole[index].args, **changes})]


def test_the_logs_lead_to_what_the_views_show(history: CapabilitiesShadow) -> None:
    history.check_all()
    state = audit.rebuild(events(history))
    [book] = state.books.values()
    assert (book.owner, book.first, len(book.capabilities)) == (history.world.retailer.number, 4, 3)
    assert book.capabilities[2].revoked
    assert len(state.used) == 1


def test_numbers_have_no_gaps(history: CapabilitiesShadow) -> None:
    for name, which in (("Granted", 0), ("Granted", 1), ("Delegated", 0)):
        for number in (0, 9):
            with pytest.raises(FoldError, match="capabilities came before this one"):
                audit.rebuild(upto(history, name, which, capability=number))
    with pytest.raises(FoldError, match="next capability has the number 4"):
        audit.rebuild(upto(history, "AllRevoked", first=5))


def test_rights_only_shrink(history: CapabilitiesShadow) -> None:
    end = events(history)[0].args["expiry"]
    for change in ({"methods": 4}, {"expiry": end + 1}):
        with pytest.raises(FoldError, match="has less than was delegated"):
            audit.rebuild(upto(history, "Delegated", **change))
    narrow = upto(history, "Granted", resource=RADIO)
    with pytest.raises(FoldError, match="has less than was delegated"):
        audit.rebuild([*narrow, upto(history, "Delegated")[-1]])
    for change in ({"methods": 2}, {"resource": RADIO}):
        with pytest.raises(FoldError, match="does not allow this"):
            audit.rebuild(upto(history, "Used", **change))


def test_what_is_spoken_of_was_granted_before(history: CapabilitiesShadow) -> None:
    changes = {"Delegated": "parent", "CapabilityRevoked": "capability", "Used": "capability"}
    for name, field in changes.items():
        with pytest.raises(FoldError, match="no capability 9"):
            audit.rebuild(upto(history, name, **{field: 9}))


def test_a_grantee_is_one(history: CapabilitiesShadow) -> None:
    to = type(events(history)[0].args["to"])
    for org, account in ((0, NOBODY), (1, history.world.stranger)):
        with pytest.raises(FoldError, match="to an organisation or to an account"):
            audit.rebuild(upto(history, "Granted", to=to(org, account)))


def test_nothing_happens_twice(history: CapabilitiesShadow) -> None:
    revoked = upto(history, "CapabilityRevoked")
    with pytest.raises(FoldError, match="was revoked before"):
        audit.rebuild([*revoked, revoked[-1]])
    signed = upto(history, "Used", 1)
    with pytest.raises(FoldError, match="was used before"):
        audit.rebuild([*signed, signed[-1]])
    plain = upto(history, "Used")
    audit.rebuild([*plain, plain[-1]])
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([replace(plain[-1], name="Robbed")])


def test_rebuilding_the_system_rebuilds_it() -> None:
    world = World.create(RecordingNode())
    device = world.register(asset("DEVICE"), Kind.ASSET)
    admin = world.maker.device_admin
    world.devices.enrol(device, bytes(20), bytes(32), sender=admin)
    to = Grantee(org=world.service.number)
    world.capabilities.grant(device, PORT, 1, to, world.now + 9, sender=admin)
    deployment = deployment_of(world, Devices=world.devices, Capabilities=world.capabilities)
    system = rebuild(deployment)
    before = count_views(deployment, system)
    assert compare(deployment, system) == []
    system.capabilities.books[device].first = 7
    (difference,) = compare(deployment, system)
    assert (difference.contract, difference.field) == ("Capabilities", "bookOf.first")
    system.capabilities = audit.State()
    assert before - count_views(deployment, system) == 2
