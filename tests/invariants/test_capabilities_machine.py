"""Random grants, narrowings, revocations, sales and time on two devices: the contract is the graph of the
model, and nobody ever has more than the owner of today gave.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.capabilities import WHOLE, Cause, Grantee, Invocation
from tests.models.device_shadow import CapabilitiesShadow, DevicePoint
from tests.support import Counters, fresh
from tests.support.signers import Wallet
from tests.support.words import Duty, Kind
from tests.support.world import Org, asset, person

COUNT = Counters()
PORT, RADIO = keccak(text="port"), keccak(text="radio")
RESOURCES = st.sampled_from([WHOLE, PORT, RADIO])
METHODS = st.integers(1, 31) | st.just(31)
SECONDS = st.sampled_from([0, 1, 60, 600, 600])
NEVER = 2**40 - 1


@cache
def beginning() -> tuple[CapabilitiesShadow, list[bytes], DevicePoint]:
    """One chain for all examples, and the moment at which each of them begins."""
    shadow = CapabilitiesShadow(fresh())
    world = shadow.world
    devices = [world.register(asset(f"DEVICE{number}"), Kind.ASSET) for number in (1, 2)]
    shadow.catch_up()
    for device in devices:
        key = bytes.fromhex(person("a device")[2:])
        assert shadow.equip("enrol", device, key, bytes(32), sender=world.maker.device_admin)
    service, end = world.service, world.now + 600
    given = devices[0], WHOLE, 31, Grantee(org=service.number), end
    assert shadow.tell("grant", *given, sender=world.maker.device_admin)
    passed = devices[0], 1, PORT, 15, Grantee(account=service.record), end
    assert shadow.tell("delegate", *passed, sender=service.device_admin)
    return shadow, devices, shadow.point()


class Histories(RuleBasedStateMachine):
    """Every rule draws what probably succeeds; what does not must be refused by contract and model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.shadow, self.devices, start = beginning()
        self.shadow.back_to(start)
        self.world = self.shadow.world
        self.orgs = [self.world.maker, self.world.service, self.world.carrier]
        self.people = [self.world.service.record, self.world.carrier.record]
        self.admins = [org.device_admin for org in self.orgs]
        self.end = self.world.now + 600
        self.salt = 0

    # What there is to draw from

    @property
    def ledger(self) -> Any:
        return self.shadow.model.ledger

    def edges(self) -> list[tuple[bytes, int]]:
        return [(device, number) for device in self.devices for number in self.ledger.page(device).edges]

    def owner(self, device: bytes) -> Org:
        return self.world.orgs[self.shadow.twins.ledger.twins[device].owner - 1]

    def holder(self, to: Grantee) -> str:
        """An account that may use what was given."""
        return self.world.orgs[to.org - 1].device_admin if to.org else to.account

    def grantees(self) -> st.SearchStrategy[Grantee]:
        orgs = [Grantee(org=org.number) for org in self.orgs]
        return st.sampled_from([*orgs, *(Grantee(account=account) for account in self.people)])

    def draw(self, data: st.DataObject) -> tuple[bytes, int, Any]:
        device, number = data.draw(st.sampled_from(self.edges()))
        return device, number, self.ledger.page(device).edges[number]

    def tell(self, function: str, *args: Any, sender: Any) -> bool:
        done = self.shadow.tell(function, *args, sender=sender)
        if done:
            COUNT.hit(function)
        return done

    # What can be done

    @rule(data=st.data(), resource=RESOURCES, methods=METHODS, seconds=SECONDS)
    def grant(self, data: st.DataObject, resource: bytes, methods: int, seconds: int) -> None:
        device, to = data.draw(st.sampled_from(self.devices)), data.draw(self.grantees())
        sender = data.draw(st.sampled_from([self.owner(device), *self.orgs])).device_admin
        expiry = self.world.now + seconds
        self.tell("grant", device, resource, methods, to, expiry, sender=sender)

    @rule(data=st.data(), less=st.integers(0, 31), shorter=st.sampled_from([-1, 0, 0, 1, 50]))
    @precondition(lambda self: self.edges())
    def delegate(self, data: st.DataObject, less: int, shorter: int) -> None:
        """Less of it, or by chance too much."""
        device, number, edge = self.draw(data)
        to = data.draw(self.grantees())
        resource = data.draw(st.sampled_from([edge.resource, PORT]))
        methods = (edge.methods & ~less) or data.draw(METHODS)
        sender = data.draw(st.sampled_from([self.holder(edge.to), self.holder(edge.to), *self.people]))
        args = device, number, resource, methods, to, edge.expiry - shorter
        self.tell("delegate", *args, sender=sender)

    @rule(data=st.data())
    @precondition(lambda self: self.edges())
    def delegate_the_newest(self, data: st.DataObject) -> None:
        """So that lines grow long."""
        device, number = self.edges()[-1]
        edge, to = self.ledger.page(device).edges[number], data.draw(self.grantees())
        args = device, number, edge.resource, edge.methods, to, edge.expiry
        self.tell("delegate", *args, sender=self.holder(edge.to))
        if len(list(self.ledger.line(*self.edges()[-1]))) > 3:
            COUNT.hit("deep")

    @rule(data=st.data())
    @precondition(lambda self: self.edges())
    def revoke(self, data: st.DataObject) -> None:
        device, number, _ = self.draw(data)
        above = [self.holder(e.to) for _, e in self.ledger.line(device, number)]
        sender = data.draw(st.sampled_from([self.owner(device).device_admin, *above, *self.people]))
        self.tell("revoke", device, number, sender=sender)

    @rule(data=st.data())
    def revoke_all(self, data: st.DataObject) -> None:
        device = data.draw(st.sampled_from(self.devices))
        self.tell("revokeAll", device, sender=data.draw(st.sampled_from(self.people + self.admins)))

    @rule(data=st.data())
    def sell(self, data: st.DataObject) -> None:
        device = data.draw(st.sampled_from(self.devices))
        giver = self.owner(device)
        taker = data.draw(st.sampled_from([org for org in self.orgs if org is not giver]))
        terms = taker.number, self.world.now + 10, self.world.ref("selling")
        self.shadow.do("offerTitle", device, *terms, sender=giver.finance)
        if self.shadow.do("acceptTitle", device, self.world.ref("buying"), sender=taker.finance):
            COUNT.hit("sell")

    @rule(data=st.data(), methods=METHODS, signed=st.booleans())
    @precondition(lambda self: self.edges())
    def use(self, data: st.DataObject, methods: int, signed: bool) -> None:
        device, number, edge = self.draw(data)
        account = data.draw(st.sampled_from([self.holder(edge.to), *self.people]))
        methods = methods & edge.methods or methods
        resource, ref = edge.resource or PORT, bytes(32)
        if not signed:
            self.tell("use", device, resource, number, methods, ref, sender=account)
            return
        self.salt += data.draw(st.integers(0, 1))
        salt = self.salt.to_bytes(32, "big")
        invocation = Invocation(device, resource, number, methods, ref, self.end, salt)
        signer = Wallet(account)
        signature = self.shadow.sign_use(invocation, signer)
        self.tell("useSigned", invocation, signer.name, signature, sender=self.world.stranger)

    @rule(suspended=st.booleans(), data=st.data())
    def suspend(self, suspended: bool, data: st.DataObject) -> None:
        """The carrier, mostly for a short while."""
        args = self.world.carrier.number, suspended
        self.shadow.govern("setSuspended", *args, sender=self.world.governor)

    @rule(data=st.data(), duties=st.sampled_from([0, Duty.RECORD, Duty.DEVICE_ADMIN]))
    def hire(self, data: st.DataObject, duties: int) -> None:
        """The carrier's clerk loses or wins a duty, or leaves."""
        carrier = self.world.carrier
        args = carrier.number, carrier.record, duties
        self.shadow.govern("setAccount", *args, sender=carrier.admin)

    @rule(seconds=st.sampled_from([1, 30, 59]))
    def wait(self, seconds: int) -> None:
        self.shadow.node.warp(seconds)

    @rule()
    @precondition(lambda self: len(self.edges()) > 3)
    def silence(self) -> None:
        """The second device loses its key."""
        device, owner = self.devices[1], self.owner(self.devices[1])
        self.shadow.equip("revoke", device, bytes(32), sender=owner.device_admin)

    # What always holds

    @invariant()
    def the_contract_is_the_graph(self) -> None:
        accounts = [*self.admins, *self.people]
        for device, number in self.edges()[-6:]:
            edge = self.ledger.page(device).edges[number]
            for account in accounts:
                cause = self.shadow.may(device, edge.resource, number, edge.methods, account)
                COUNT.hit(cause.name)
                if cause == Cause.NONE:
                    self.rests_on_the_owner(device, number)

    def rests_on_the_owner(self, device: bytes, number: int) -> None:
        """Along the whole line rights only shrink, nothing has ended, and the first word is the owner's."""
        line = [edge for _, edge in self.ledger.line(device, number)]
        for below, above in zip(line, line[1:], strict=False):
            assert below.methods & ~above.methods == 0
            assert above.resource in (WHOLE, below.resource)
            assert below.expiry <= above.expiry
        assert not any(edge.revoked for edge in line)
        assert all(self.world.now <= edge.expiry for edge in line)
        assert len(line) <= 8
        assert self.ledger.page(device).owner == self.owner(device).number

    def teardown(self) -> None:
        self.shadow.check_all()


def test_delegation_is_a_graph() -> None:
    run_state_machine_as_test(Histories)
    COUNT.require(
        ["grant", "delegate", "revoke", "revokeAll", "use", "useSigned", "sell", "deep"],
    )
    COUNT.require([cause.name for cause in Cause if cause not in (Cause.UNKNOWN, Cause.NOT_GRANTED)])
