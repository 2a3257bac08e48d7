"""Every reachable state x action x kind of caller: contract and model do the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial
from itertools import product
from typing import Any

from eth_utils.crypto import keccak

from tests.models.capabilities import WHOLE, Cause, Grantee, Method
from tests.models.device_shadow import CapabilitiesShadow
from tests.models.shadow import Move, explore
from tests.support import Node
from tests.support.words import Kind
from tests.support.world import asset, person

PORT = keccak(text="port")
READ, WRITE = Method.IDENTIFY, Method.CONFIGURE
BOTH = READ | WRITE
KEY = bytes.fromhex(person("a device")[2:])
SOON = 100


class Explorer:
    """Tries every move in every state that can be reached within so many capabilities."""

    def __init__(self, node: Node, most: int) -> None:
        self.shadow = CapabilitiesShadow(node)
        self.world = self.shadow.world
        self.device = self.world.register(asset("DEVICE"), Kind.ASSET)
        self.shadow.catch_up()
        maker = self.world.maker.device_admin
        assert self.shadow.equip("enrol", self.device, KEY, bytes(32), sender=maker)
        self.start, self.most = node.timestamp, most
        self.causes: set[Cause] = set()
        self.technician = self.world.service.record

    @property
    def page(self) -> Any:
        return self.shadow.model.ledger.page(self.device)

    def moves(self) -> Iterator[Move]:
        """What owner, grantees and others may try."""
        world, shadow = self.world, self.shadow
        callers = (
            world.maker.device_admin,
            world.retailer.device_admin,
            world.service.device_admin,
            self.technician,
        )
        tos = Grantee(org=world.service.number), Grantee(account=self.technician)
        for caller in callers:
            if len(self.page.edges) < self.most:
                for to, resource in product(tos, (WHOLE, PORT)):
                    args = self.device, resource, BOTH, to, self.start + SOON
                    yield partial(shadow.tell, "grant", *args, sender=caller)
                for parent, to in product(self.page.edges, tos):
                    for resource, methods in ((WHOLE, BOTH), (PORT, READ)):
                        args = self.device, parent, resource, methods, to, self.start + SOON
                        yield partial(shadow.tell, "delegate", *args, sender=caller)
            for number in self.page.edges:
                yield partial(shadow.tell, "revoke", self.device, number, sender=caller)
            yield partial(shadow.tell, "revokeAll", self.device, sender=caller)
        yield self.sell

    def sell(self) -> bool:
        """From the maker to the retailer, or back."""
        orgs = [self.world.maker, self.world.retailer]
        giver, taker = orgs if self.world.twins.ownerOf(self.device) == orgs[0].number else orgs[::-1]
        terms = taker.number, self.shadow.node.timestamp + 10, self.world.ref("selling")
        assert self.shadow.do("offerTitle", self.device, *terms, sender=giver.finance)
        return self.shadow.do("acceptTitle", self.device, self.world.ref("buying"), sender=taker.finance)

    def key(self) -> Hashable:
        """Two moments with the same key offer the same future."""
        page = self.page
        return tuple(page.edges.items()), page.owner, page.first, self.world.twins.ownerOf(self.device)

    def ask(self) -> None:
        """Before, at and after the last second."""
        here = self.shadow.point()
        node, numbers = self.shadow.node, [*self.page.edges, 0, 99]
        accounts = self.world.service.device_admin, self.technician, self.world.maker.all
        for passed in (0, SOON, SOON + 1):
            node.timestamp = self.start + passed
            for number, account in product(numbers, accounts):
                for resource, methods in ((PORT, READ), (PORT, BOTH), (WHOLE, BOTH)):
                    self.causes.add(self.shadow.may(self.device, resource, number, methods, account))
        self.shadow.back_to(here)


def test_two_capabilities_and_a_sale(node: Node) -> None:
    """Grants to an organisation and to an account, one from the other, revoked, sold and sold back."""
    explorer = Explorer(node, 2)
    found = explore(explorer.shadow, explorer.moves, explorer.key, explorer.ask)
    explorer.shadow.count.require(["grant", "delegate", "revoke", "revokeAll", "acceptTitle"])
    assert explorer.causes == set(Cause) - {Cause.NOT_ENROLLED}
    assert found == 1222, f"{found} states, {explorer.shadow.steps} steps"
