"""Every reachable state x action x kind of caller x moment: contract and model do the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial

from tests.models.shadow import Move, Shadow, explore
from tests.support import Forwarder, Node
from tests.support.contract import Sender
from tests.support.receipts import Receipt
from tests.support.signers import Wallet
from tests.support.words import Found, Purpose
from tests.support.world import Org, uri

HOUR = 3600


def senders(org: Org) -> list[Sender]:
    """Somebody with the right duty, somebody with a wrong one, and somebody with all."""
    return [org.ship, org.receive, org.finance, org.all]


class Custody:
    """One part between two organisations, one of which may be silenced."""

    def __init__(self, node: Node) -> None:
        self.shadow = shadow = Shadow(node)
        self.world = world = shadow.world
        self.part = world.register(uri("1"))
        machine = Forwarder.deploy(node, world.stranger)
        world.hire(world.carrier, machine)
        world.suspend(world.service)
        people = [*senders(world.maker), *senders(world.carrier), machine]
        self.callers: list[Sender] = [*people, world.retailer.all, world.service.all, world.stranger]
        shadow.consortium.ledger, shadow.twins.ledger = shadow.replayed()

    def state(self) -> Hashable:
        part = self.shadow.twins.ledger.twins[self.part]
        left = part.deadline - self.world.now
        silent = self.shadow.consortium.ledger.orgs[self.world.carrier.number].suspended
        return part.custodian, part.offered_to, part.purpose, (left > 0) - (left < 0), silent

    def moves(self) -> Iterator[Move]:
        twins, world, part = self.shadow.do, self.world, self.part
        ref = world.ref()
        facts = self.shadow.twins.ledger.twins[part]
        moments = {world.now, max(facts.deadline, world.now), max(facts.deadline + 1, world.now)}
        silent = self.shadow.consortium.ledger.orgs[world.carrier.number].suspended
        yield partial(
            self.shadow.govern, "setSuspended", world.carrier.number, not silent, sender=world.governor
        )
        for sender in self.callers:
            for to in (0, world.maker.number, world.carrier.number):
                for purpose in (Purpose.TRANSPORT, Purpose.QUARANTINE):
                    for deadline in (world.now - 1, world.now, world.now + HOUR):
                        yield partial(twins, "offer", part, to, purpose, deadline, ref, sender=sender)
                yield self.hand_over(sender, to)
            for moment in moments:
                for action in ("accept", "decline", "cancel", "reclaim"):
                    yield partial(self.at, moment, action, ref, sender=sender)
                for found in (0, Found.DAMAGED, sum(Found) + 1):
                    yield partial(self.at, moment, "acceptWithExceptions", found, ref, sender=sender)

    def at(self, moment: int, action: str, *args: object, sender: Sender) -> bool:
        self.shadow.node.timestamp = moment
        return self.shadow.do(action, self.part, *args, sender=sender)

    def hand_over(self, sender: Sender, to: int) -> Move:
        world, ledger = self.world, self.shadow.twins.ledger
        giver = ledger.twins[self.part].custodian
        receiver = world.carrier if to == world.carrier.number else world.maker
        receipt = Receipt(
            self.part, ledger.heads[self.part], giver, to, Purpose.TRANSPORT, 0, world.ref(), world.now
        )
        wallet = Wallet(receiver.receive)
        signature = self.shadow.sign(receipt, wallet)
        return partial(self.shadow.do, "handOver", receipt, wallet.name, signature, sender=sender)


def test_custody(node: Node) -> None:
    import time

    t = time.time()
    custody = Custody(node)
    states = explore(custody.shadow, custody.moves, custody.state)
    print(states, custody.shadow.steps, time.time() - t)
