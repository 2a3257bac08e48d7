"""Every reachable state x action x kind of caller x moment: contract and model do the same.

Each exploration fixes a few things and organisations, and a list of moves; every move is tried in every state
that any sequence of moves leads to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any

import pytest

from tests.models.shadow import Move, Shadow, explore
from tests.support import Forwarder, Node
from tests.support.contract import Sender
from tests.support.receipts import Receipt
from tests.support.signers import Wallet
from tests.support.words import EndOfLife, Found, Kind, Purpose
from tests.support.world import Org, sscc, uri

HOUR = 3600
REASON = b"r" * 32


class Exploration(ABC):
    """A world with a model, and what can be tried in it."""

    def __init__(self, node: Node) -> None:
        self.shadow = Shadow(node)
        self.world = self.shadow.world
        self.machine = Forwarder.deploy(node, self.world.stranger)
        self.world.hire(self.world.carrier, self.machine)
        self.world.suspend(self.world.service)
        self.prepare()
        self.shadow.catch_up()

    @abstractmethod
    def prepare(self) -> None:
        """Register what the moves are about."""

    @abstractmethod
    def moves(self) -> Iterator[Move]:
        """All that may be tried now."""

    def state(self) -> Hashable:
        """All facts, with the time left in place of deadlines, and without the numbers of containers."""
        now = self.world.now
        twins = [
            (
                (
                    twin.custodian,
                    twin.owner,
                    twin.container,
                    twin.end,
                    twin.purpose,
                    twin.offered_to,
                    twin.height,
                ),
                (sign(twin.deadline - now), twin.holds, twin.title_offer[0], sign(twin.title_offer[1] - now)),
            )
            for twin in self.shadow.twins.ledger.twins.values()
        ]
        silent = frozenset(
            org for org, facts in self.shadow.consortium.ledger.orgs.items() if facts.suspended
        )
        return tuple(twins), silent

    def run(self, *functions: str, states: int) -> None:
        """Explore; each of the functions must have succeeded, and that many states must have been found."""
        found = explore(self.shadow, self.moves, self.state, self.shadow.check_views)
        self.shadow.count.require(functions)
        assert found == states, f"{found} states, {self.shadow.steps} steps"

    def later(self, moment: int, function: str, *args: Any, sender: Sender) -> bool:
        """A move at another moment."""
        self.shadow.node.timestamp = max(moment, self.world.now)
        return self.shadow.do(function, *args, sender=sender)

    def moments(self, deadline: int) -> set[int]:
        """Now, the last second of an open offer, and the one after it."""
        return {self.world.now, *(max(self.world.now, deadline + past) for past in (0, 1))}


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


def senders(org: Org) -> list[Sender]:
    """With the right duty, with a wrong one, with all: it depends on the function which is which."""
    return [org.ship, org.receive, org.finance, org.all]


class Custody(Exploration):
    """One part between two organisations, one of which may be silenced."""

    def prepare(self) -> None:
        world = self.world
        self.part = world.register(uri("1"))
        people = [*senders(world.maker), *senders(world.carrier), self.machine]
        self.callers = [*people, world.retailer.all, world.service.all, world.stranger]

    def moves(self) -> Iterator[Move]:
        do, world, part, ref = self.shadow.do, self.world, self.part, self.world.ref()
        carrier = world.carrier.number
        silent = self.shadow.consortium.ledger.orgs[carrier].suspended
        yield partial(self.shadow.govern, "setSuspended", carrier, not silent, sender=world.governor)
        deadlines = world.now - 1, world.now, world.now + HOUR
        purposes = Purpose.TRANSPORT, Purpose.QUARANTINE
        ledger = self.shadow.twins.ledger
        head, moments = ledger.heads[part], self.moments(ledger.twins[part].deadline)
        for sender, to in product(self.callers, (0, world.maker.number, carrier)):
            for purpose, deadline in product(purposes, deadlines):
                yield partial(do, "offer", part, to, purpose, deadline, ref, sender=sender)
            yield partial(do, "handOver", *self.receipt(to), sender=sender)
        for sender, moment in product(self.callers, moments):
            for function in ("decline", "cancel", "reclaim"):
                yield partial(self.later, moment, function, part, ref, sender=sender)
            for seen in (head, bytes(32)):
                yield partial(self.later, moment, "accept", part, seen, ref, sender=sender)
            for found in (0, Found.DAMAGED, sum(Found) + 1):
                args = part, head, found, ref
                yield partial(self.later, moment, "acceptWithExceptions", *args, sender=sender)

    def receipt(self, to: int) -> tuple[Receipt, bytes, bytes]:
        """Signed for the carrier, or else for the maker."""
        world, ledger = self.world, self.shadow.twins.ledger
        signer = Wallet((world.carrier if to == world.carrier.number else world.maker).receive)
        giver, head = ledger.twins[self.part].custodian, ledger.heads[self.part]
        receipt = Receipt(self.part, head, giver, to, Purpose.TRANSPORT, 0, world.ref(), world.now)
        return receipt, signer.name, self.shadow.sign(receipt, signer)


def test_custody(node: Node) -> None:
    actions = "offer", "accept", "acceptWithExceptions", "decline", "cancel", "reclaim", "handOver"
    Custody(node).run(*actions, "setSuspended", states=20)


class Restricted(Exploration):
    """One part that may be held and may have ended, among organisations with different roles."""

    def prepare(self) -> None:
        world = self.world
        self.part = world.register(uri("1"))
        world.give_title(self.part, world.maker, world.insurer)
        self.orgs = world.maker, world.insurer, world.carrier, world.recycler, world.retailer

    def moves(self) -> Iterator[Move]:
        do, world, part, ref = self.shadow.do, self.world, self.part, self.world.ref()
        ledger = self.shadow.twins.ledger
        holder = world.orgs[ledger.twins[part].custodian - 1]
        for org, purpose in product(self.orgs, Purpose):
            args = part, org.number, purpose, world.now, ref
            yield partial(do, "offer", *args, sender=holder.ship)
        for org in self.orgs:
            yield partial(do, "accept", part, ledger.heads[part], ref, sender=org.all)
        yield partial(do, "cancel", part, ref, sender=holder.ship)
        yield partial(do, "hold", part, REASON, ref, sender=world.insurer.quality)
        yield partial(do, "release", part, world.insurer.number, REASON, ref, sender=world.regulator.quality)
        yield partial(do, "retire", part, EndOfLife.STOLEN, ref, sender=holder.register)
        yield partial(do, "retire", part, EndOfLife.DISPENSED, ref, sender=holder.register)


def test_restricted_custody(node: Node) -> None:
    Restricted(node).run("offer", "accept", "cancel", "hold", "release", "retire", states=305)


class Packing(Exploration):
    """Two containers and a part, with one more thing that may happen to each of them."""

    def __init__(self, node: Node, what: str) -> None:
        self.what = what
        super().__init__(node)

    def prepare(self) -> None:
        boxes = [self.world.register(sscc(number), Kind.CONTAINER) for number in "12"]
        self.part = self.world.register(uri("1"))
        self.things = [*boxes, self.part]

    def moves(self) -> Iterator[Move]:
        do, world, ref = self.shadow.do, self.world, self.world.ref()
        some: list[list[bytes]] = [[thing] for thing in self.things]
        some += [[self.things[0], self.part], [self.part, self.part]]
        callers: list[Sender] = [world.maker.ship]
        callers += [self.machine] if self.what == "custody" else []
        for sender, container, ids in product(callers, self.things, some):
            yield partial(do, "pack", container, ids, ref, sender=sender)
            yield partial(do, "unpack", container, ids, ref, sender=sender)
        for thing in self.things:
            yield from getattr(self, self.what)(thing)

    def custody(self, thing: bytes) -> Iterator[Move]:
        """Each thing but one that is not packed may be with the maker or with the carrier."""
        if thing == self.things[1]:
            return
        for giver, taker in ((self.world.maker, self.world.carrier), (self.world.carrier, self.world.maker)):
            yield partial(self.handed_on, thing, giver, taker)

    def handed_on(self, thing: bytes, giver: Org, taker: Org) -> bool:
        ref, until = self.world.ref(), self.world.now
        offered = self.shadow.do("offer", thing, taker.number, 0, until, ref, sender=giver.all)
        head = self.shadow.twins.ledger.heads[thing]
        return offered and self.shadow.do("accept", thing, head, ref, sender=taker.all)

    def offers(self, thing: bytes) -> Iterator[Move]:
        """Each thing that is not packed may be on offer."""
        do, world, ref = self.shadow.do, self.world, self.world.ref()
        yield partial(do, "offer", thing, world.carrier.number, 0, world.now, ref, sender=world.maker.all)
        yield partial(do, "cancel", thing, ref, sender=world.maker.all)
        yield partial(do, "retire", thing, EndOfLife.DESTROYED, ref, sender=world.maker.all)

    def holds(self, thing: bytes) -> Iterator[Move]:
        """Each thing may be held, and the holds decide what moves."""
        do, world, ref = self.shadow.do, self.world, self.world.ref()
        regulator, maker = world.regulator, world.maker
        yield partial(do, "hold", thing, REASON, ref, sender=regulator.quality)
        yield partial(do, "release", thing, regulator.number, REASON, ref, sender=regulator.quality)
        for to, purpose in product((world.carrier.number, world.insurer.number), (0, Purpose.DESTRUCTION)):
            yield partial(self.tried, "offer", thing, to, purpose, world.now, ref, sender=maker.ship)
        yield partial(self.tried, "offerTitle", thing, 2, world.now, ref, sender=maker.finance)

    def ends(self, thing: bytes) -> Iterator[Move]:
        """Each thing may be held and may end."""
        do, world, ref = self.shadow.do, self.world, self.world.ref()
        if thing == self.part:
            yield partial(do, "hold", thing, REASON, ref, sender=world.maker.quality)
            yield partial(do, "release", thing, 1, REASON, ref, sender=world.maker.quality)
        for end in (EndOfLife.NONE, EndOfLife.DESTROYED, EndOfLife.DISPENSED):
            yield partial(do, "retire", thing, end, ref, sender=world.maker.register)
        yield partial(do, "retire", thing, EndOfLife.STOLEN, ref, sender=world.carrier.register)

    def tried(self, function: str, *args: Any, sender: Sender) -> bool:
        """A move that is compared and then taken back: it leads to states of another exploration."""
        here = self.shadow.point()
        if self.shadow.do(function, *args, sender=sender):
            self.shadow.check_facts()
        self.shadow.back_to(here)
        return False


@pytest.mark.parametrize(
    ("what", "functions", "states"),
    [
        ("custody", ["offer", "accept"], 466),
        ("offers", ["offer", "cancel", "retire"], 303),
        ("holds", ["hold", "release", "offer", "offerTitle"], 600),
        ("ends", ["hold", "release", "retire"], 305),
    ],
)
def test_packing(node: Node, what: str, functions: Sequence[str], states: int) -> None:
    Packing(node, what).run("pack", "unpack", *functions, states=states)


class Title(Exploration):
    """One part, two owners, two custodians, and a hold."""

    def prepare(self) -> None:
        self.part = self.world.register(uri("1"))

    def moves(self) -> Iterator[Move]:
        do, world, part, ref = self.shadow.do, self.world, self.part, self.world.ref()
        maker, buyer, carrier = world.maker, world.retailer, world.carrier
        callers: list[Sender] = [maker.finance, buyer.finance, maker.ship, carrier.all, self.machine]
        callers += [world.service.all, world.stranger]
        moments = self.moments(self.shadow.twins.ledger.twins[part].title_offer[1])
        for sender in callers:
            numbers = 0, maker.number, buyer.number
            for to, deadline in product(numbers, (world.now - 1, world.now, world.now + HOUR)):
                yield partial(do, "offerTitle", part, to, deadline, ref, sender=sender)
            for moment, function in product(moments, ("acceptTitle", "cancelTitle")):
                yield partial(self.later, moment, function, part, ref, sender=sender)
        for sender in (maker.quality, buyer.quality, carrier.quality, world.insurer.quality, maker.ship):
            yield partial(do, "hold", part, REASON, ref, sender=sender)
            for holder in (maker.number, buyer.number, carrier.number):
                yield partial(do, "release", part, holder, REASON, ref, sender=sender)
        until = world.now
        yield partial(do, "offer", part, carrier.number, Purpose.RETURN, until, ref, sender=maker.ship)
        head = self.shadow.twins.ledger.heads[part]
        yield partial(do, "accept", part, head, ref, sender=carrier.receive)


def test_title(node: Node) -> None:
    title = "offerTitle", "acceptTitle", "cancelTitle"
    Title(node).run(*title, "hold", "release", "offer", "accept", states=90)
