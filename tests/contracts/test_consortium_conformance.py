"""Every reachable state x action x kind of caller: contract and model do the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial
from itertools import product

from eth_utils.crypto import keccak

from tests.models.consortium import ZERO
from tests.models.shadow import Move, Shadow, explore
from tests.support import Node
from tests.support.words import Duty, Role
from tests.support.world import person

TEXTS = "123", "9506", "95061", "950612", "95062", "urn:cage:1ABC2:", "urn:cage:1ABC2"
NOBODY = 99


def test_namespaces(node: Node) -> None:
    """Prefixes inside one another, given, passed on, taken back and delegated."""
    shadow = Shadow(node)
    world = shadow.world
    world.consortium.assignNamespace("9506000", 0, sender=world.governor)
    shadow.catch_up()
    maker, carrier = world.maker, world.carrier
    namespace = keccak(text="95061")

    def moves() -> Iterator[Move]:
        for text, org in product(TEXTS, (0, maker.number, carrier.number, NOBODY)):
            yield partial(shadow.govern, "assignNamespace", text, org, sender=world.governor)
        yield partial(shadow.govern, "assignNamespace", "9506", maker.number, sender=maker.admin)
        for sender, delegate in product((maker.admin, carrier.admin), (world.supplier.number, 0, NOBODY)):
            for expiry in (0, world.now):
                arguments = namespace, delegate, expiry
                yield partial(shadow.govern, "delegateNamespace", *arguments, sender=sender)
        for suspended in (True, False):
            yield partial(shadow.govern, "setSuspended", maker.number, suspended, sender=world.governor)

    def state() -> Hashable:
        owners = tuple(shadow.consortium.owner(keccak(text=text)) for text in TEXTS)
        silent = shadow.consortium.ledger.orgs[maker.number].suspended
        return owners, shadow.consortium.delegated(namespace, world.supplier.number), silent

    def check() -> None:
        shadow.check_consortium_views()
        for org in (maker, world.supplier):
            shadow.ask_under(org.register, namespace)

    found = explore(shadow, moves, state, check)
    shadow.count.require(["assignNamespace", "delegateNamespace"])
    assert found == 138, f"{found} states, {shadow.steps} steps"


def test_accounts_and_admins(node: Node) -> None:
    """Two organisations, one address that both want, one candidate for both, suspension and licence."""
    shadow = Shadow(node)
    world = shadow.world
    first, second, candidate = world.maker, world.carrier, person("candidate")
    account = world.stranger

    def moves() -> Iterator[Move]:
        for sender, org in product((first.admin, second.admin, candidate), (first, second)):
            for duties in (0, Duty.SHIP):
                yield partial(shadow.govern, "setAccount", org.number, account, duties, sender=sender)
            signer = bytes.fromhex(account[2:])
            yield partial(shadow.govern, "setSigner", org.number, signer, Duty.SHIP, sender=sender)
            yield partial(shadow.govern, "offerAdmin", org.number, candidate, sender=sender)
            yield partial(shadow.govern, "offerAdmin", org.number, ZERO, sender=sender)
            yield partial(shadow.govern, "acceptAdmin", org.number, sender=sender)
        for sender in (world.governor, first.admin):
            yield partial(shadow.govern, "releaseAccount", account, sender=sender)
        for suspended in (True, False):
            yield partial(shadow.govern, "setSuspended", first.number, suspended, sender=world.governor)
        for expiry in (0, world.now - 1):
            arguments = first.number, bytes(32), expiry
            yield partial(shadow.govern, "setLicence", *arguments, sender=world.governor)

    def state() -> Hashable:
        ledger = shadow.consortium.ledger
        return ledger.accounts.get(account), ledger.orgs[first.number], ledger.orgs[second.number]

    def check() -> None:
        shadow.check_consortium_views()
        for someone, roles, duties in product(
            (account, first.ship), (0, Role.CARRIER), (0, Duty.SHIP, Duty.SHIP | Duty.RECORD)
        ):
            shadow.ask(someone, roles, duties)
        for org in (first.number, second.number, 0):
            expected = shadow.consortium.has_role(org, Role.MANUFACTURER)
            assert world.consortium.hasRole(org, Role.MANUFACTURER) == expected

    found = explore(shadow, moves, state, check)
    shadow.count.require(
        ["setAccount", "setSigner", "offerAdmin", "acceptAdmin", "setSuspended", "releaseAccount"]
    )
    assert found == 256, f"{found} states, {shadow.steps} steps"
