"""Lots: every reachable state x action x kind of caller x moment; contract and model do the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from itertools import combinations_with_replacement, product
from typing import Any

from tests.models.lot_shadow import LotShadow
from tests.models.trees import Packed, case, loose, serials, unit_of
from tests.support import Forwarder, Node
from tests.support.contract import Sender
from tests.support.lots import ONE, PROCESS, REASON
from tests.support.words import Found, Kind, Purpose, Role, UnitEnd
from tests.support.world import Commission, Org, Registration, lot_uri, sscc, twin_id, uri

HOUR = 3600
NO_ITEM = Registration("")
Move = Callable[[], bool]


class Exploration(ABC):
    """One lot of two units, and what can be tried with it."""

    def __init__(self, node: Node) -> None:
        self.shadow = LotShadow(node)
        self.world = world = self.shadow.world
        self.module = Forwarder.deploy(node, world.stranger)
        number = world.consortium.organisationCount() + 1
        world.consortium.admit("module", world.governor, Role.MODULE, bytes(32), 0, sender=world.governor)
        world.consortium.setAccount(number, self.module.address, 0x1FF, sender=world.governor)
        world.suspend(world.service)
        self.units = [twin_id(uri(str(number))) for number in range(2)]
        self.tree = serials(self.units)
        self.item = Commission(
            lot_uri("A"),
            quantity=2 * ONE,
            serials_root=self.tree.root,
            serial_count=2,
            expiry=world.now + HOUR,
        )
        self.lot = twin_id(self.item.uri)
        self.prepare()
        self.shadow.catch_up()
        self.start = world.now

    def prepare(self) -> None:
        self.world.commission(self.item)

    @abstractmethod
    def moves(self) -> Iterator[Move]:
        """All that may be tried now."""

    def do(self, function: str, *args: Any, sender: Sender, moment: int = 0) -> bool:
        """A move, now or at another moment."""
        self.shadow.node.timestamp = max(moment, self.world.now)
        return self.shadow.act(function, *args, sender=sender)

    def tried(self, *args: Any, sender: Sender, moment: int = 0) -> bool:
        """A move that is compared and taken back: what it leads to is the affair of another exploration."""
        here = self.shadow.moment()
        if self.do(*args, sender=sender, moment=moment):
            self.shadow.check_facts()
        self.shadow.return_to(here)
        return False

    def state(self) -> Hashable:
        """All facts, with the time left in place of deadlines, and without what only counts how often."""
        ledger, now = self.shadow.lots.ledger, self.world.now
        lots = [
            (lot, facts.holds, facts.recalls, facts.recall, bool(facts.expiry and now > facts.expiry))
            for lot, facts in ledger.lots.items()
        ]
        offers = [(key, much, now > until, why) for key, (much, until, why) in ledger.offers.items()]
        boxes = [
            (
                container,
                box.root,
                box.packer,
                box.duplicated,
                box.taken if ledger.lots_in(container) else None,
            )
            for container, box in ledger.boxes.items()
        ]
        twins = [
            (id_, twin.custodian, twin.holds, twin.offered_to, twin.end, twin.noted)
            for id_, twin in self.shadow.twins.ledger.twins.items()
        ]
        return (
            frozenset(lots),
            frozenset(offers),
            frozenset(boxes),
            frozenset(twins),
            frozenset((+ledger.have).items()),
            frozenset((+ledger.inside).items()),
            frozenset((key, end[0], end[2]) for key, end in ledger.endings.items()),
        )

    def run(self, *functions: str, states: int) -> None:
        """Try every move in every state; each of the functions must have succeeded."""
        known = {self.state()}
        shadow = self.shadow

        def visit() -> None:
            here, now = shadow.moment(), shadow.node.timestamp
            for move in list(self.moves()):
                happened = move()
                if happened:
                    shadow.check_facts()
                    if self.state() not in known:
                        known.add(self.state())
                        shadow.check_audit()
                        visit()
                if happened or shadow.node.timestamp != now:
                    shadow.return_to(here)

        visit()
        shadow.count.require(functions)
        assert len(known) == states, f"{len(known)} states, {shadow.steps} steps"


class Quantities(Exploration):
    """The lot between two organisations and a third one, in whole and half units."""

    def moves(self) -> Iterator[Move]:
        do, world, lot, ref = self.do, self.world, self.lot, self.world.ref()
        maker, carrier = world.maker, world.carrier
        yield partial(do, "commissionLot", self.item, ref, sender=maker.register)
        sides = [(maker, carrier), (carrier, maker)]
        strangers = [world.retailer.all, world.service.all, world.stranger]
        amounts = 0, ONE, 2 * ONE
        for giver, taker in sides:
            for sender, quantity in product([giver.ship, giver.receive, *strangers], amounts):
                args = lot, taker.number, quantity, 0, world.now, ref
                yield partial(do, "offerQuantity", *args, sender=sender)
            for to in (0, giver.number):
                yield partial(do, "offerQuantity", lot, to, ONE, 0, world.now, ref, sender=giver.ship)
            late, quarantine = (0, world.now - 1), (Purpose.QUARANTINE, world.now)
            yield partial(do, "offerQuantity", lot, taker.number, ONE, *late, ref, sender=giver.ship)
            if self.shadow.lots.ledger.have[lot, giver.number] == ONE:
                yield partial(
                    do, "offerQuantity", lot, taker.number, ONE, *quarantine, ref, sender=giver.ship
                )
            for sender in (giver.ship, giver.receive, taker.ship, taker.receive, *strangers):
                yield partial(do, "endQuantityOffer", lot, giver.number, taker.number, ref, sender=sender)
            until = self.shadow.lots.ledger.offers.get((lot, giver.number, taker.number), (0, world.now, 0))[
                1
            ]
            for sender, past in product([taker.ship, taker.receive, taker.all, *strangers], (0, 1)):
                answer = lot, giver.number, ONE, int(Found.UNDERAGE), ref
                yield partial(do, "acceptQuantity", *answer, sender=sender, moment=until + past)
            for quantity, found in product(amounts, (0, Found.UNDERAGE, 1 << 9)):
                answer = lot, giver.number, quantity, int(found), ref
                yield partial(do, "acceptQuantity", *answer, sender=taker.all)


def test_quantities(node: Node) -> None:
    functions = "offerQuantity", "acceptQuantity", "endQuantityOffer"
    Quantities(node).run(*functions, states=17)


class Ends(Exploration):
    """Units end, are used and get lost, while the lot may be held or recalled."""

    def prepare(self) -> None:
        super().prepare()
        world, args = self.world, (self.lot, self.world.carrier.number, ONE, 0, self.world.now)
        world.lots.offerQuantity(*args, world.ref(), sender=world.maker.ship)
        answer = self.lot, world.maker.number, ONE, 0, world.ref()
        world.lots.acceptQuantity(*answer, sender=world.carrier.receive)

    def moves(self) -> Iterator[Move]:
        do, tried, world, lot, ref = self.do, self.tried, self.world, self.lot, self.world.ref()
        maker, carrier, regulator = world.maker, world.carrier, world.regulator
        late = self.start + HOUR + 1
        yield partial(do, "endOfLife", lot, [0], UnitEnd.STOLEN, ref, sender=maker.register)
        yield partial(do, "endOfLife", lot, [0], UnitEnd.DISPENSED, ref, sender=carrier.register)
        yield partial(do, "declareLoss", lot, ONE, REASON, ref, sender=carrier.quality)
        yield partial(do, "holdLot", lot, REASON, ref, sender=regulator.quality)
        yield partial(do, "releaseLot", lot, regulator.number, REASON, ref, sender=regulator.quality)
        yield partial(do, "markRecalled", [lot], 1, sender=self.module)
        yield partial(do, "unmarkRecalled", [lot], 1, sender=self.module)
        for sender, index, moment in product((maker.register, carrier.register), (0, 1), (0, late)):
            item, proof = Registration(uri(str(index))), self.tree.proof(index)
            how = do if (sender, index, moment) == (maker.register, 0, 0) else tried
            args = self.item.uri, index, item, proof, ref
            yield partial(how, "materialise", *args, sender=sender, moment=moment)
        for indexes in ([], [1], [2], [0, 0], [0, 1]):
            yield partial(tried, "endOfLife", lot, indexes, UnitEnd.DISPENSED, ref, sender=maker.register)
        for end, moment in product(UnitEnd, (0, late)):
            yield partial(tried, "endOfLife", lot, [1], end, ref, sender=maker.all, moment=moment)
        for sender in (carrier.ship, world.service.all, world.stranger):
            yield partial(tried, "endOfLife", lot, [1], UnitEnd.DESTROYED, ref, sender=sender)
        for sender in (maker.quality, carrier.quality, maker.register):
            yield partial(tried, "holdLot", lot, REASON, ref, sender=sender)
            yield partial(tried, "releaseLot", lot, regulator.number, REASON, ref, sender=sender)
            yield partial(tried, "declareLoss", lot, ONE, REASON, ref, sender=sender)
        callers: list[Sender] = [self.module, maker.all]
        for caller, account in product(callers, (maker.register, carrier.ship, world.stranger)):
            yield partial(tried, "useFor", account, lot, ONE, PROCESS, sender=caller)
        yield partial(tried, "markRecalled", [lot], 1, sender=maker.all)
        yield partial(tried, "unmarkRecalled", [lot], 1, sender=maker.all)
        for taker, purpose in product((world.recycler, world.retailer), Purpose):
            yield partial(self.sent, taker, purpose)

    def sent(self, taker: Org, purpose: Purpose) -> bool:
        """Offered and accepted, and taken back."""
        here = self.shadow.moment()
        args = self.lot, taker.number, ONE, purpose, self.world.now, self.world.ref()
        if self.do("offerQuantity", *args, sender=self.world.maker.ship):
            answer = self.lot, self.world.maker.number, ONE, 0, self.world.ref()
            assert self.do("acceptQuantity", *answer, sender=taker.all)
            self.shadow.check_facts()
        self.shadow.return_to(here)
        return False


def test_ends(node: Node) -> None:
    functions = "endOfLife", "materialise", "holdLot", "releaseLot", "declareLoss", "useFor"
    Ends(node).run(*functions, "markRecalled", "unmarkRecalled", states=28)


class Containers(Exploration):
    """A pallet of a case with two lots; the case is a twin only when it comes out."""

    def prepare(self) -> None:
        super().prepare()
        world = self.world
        self.milk = world.commission(Commission(lot_uri("M"), unit=b"LTR", quantity=2 * ONE))
        self.pallet, self.box = (world.register(sscc(serial), Kind.CONTAINER) for serial in "13")
        self.case = twin_id(sscc("2"))
        self.inner = Packed(unit_of(self.units[0], self.lot), loose(self.milk, ONE))
        self.outer = Packed(*case(self.case, self.inner))
        self.clone = Packed(unit_of(self.units[0], self.lot))

    def moves(self) -> Iterator[Move]:
        do, tried, world, ref, maker = self.do, self.tried, self.world, self.world.ref(), self.world.maker
        item = Registration(sscc("2"), kind=Kind.CONTAINER)
        packings = ((self.pallet, self.outer), (self.box, self.clone), (self.case, self.inner))
        for container, packed in packings:
            args = container, packed.root, packed.parts(), ref
            for sender in (maker.ship, maker.receive):
                how = do if sender == maker.ship and container != self.case else tried
                yield partial(how, "packCommitted", *args, sender=sender)
            for index in range(len(packed.leaves)):
                out = container, *packed.step(index)
                yield partial(do, "unpackCommitted", *out, item, ref, sender=maker.ship)
            out = container, *packed.step(0)
            yield partial(tried, "unpackCommitted", *out, NO_ITEM, ref, sender=maker.all)
            yield partial(tried, "unpackCommitted", *out, item, ref, sender=world.carrier.ship)
        ways = [
            (self.pallet, [self.outer.step(0), self.inner.step(0)]),
            (self.pallet, [self.outer.step(1), self.inner.step(0)]),
            (self.pallet, [self.outer.step(1), self.inner.step(1)]),
            (self.case, [self.inner.step(0)]),
            (self.box, [self.clone.step(0)]),
        ]
        for a, b in combinations_with_replacement(ways, 2):
            how = do if (a, b) == (ways[0], ways[4]) else tried
            yield partial(how, "proveDuplicate", *a, *b, sender=world.stranger)
        settle = "settleDuplicate", self.box, REASON, ref
        yield partial(do, *settle, sender=world.regulator.quality)
        yield partial(tried, *settle, sender=maker.all)
        yield partial(tried, "settleDuplicate", self.pallet, REASON, ref, sender=world.regulator.all)
        yield partial(do, "holdDuplicated", self.box, ref, sender=world.stranger)
        if self.case in self.shadow.twins.ledger.twins:
            yield partial(self.handed_on, maker, world.carrier)

    def handed_on(self, giver: Org, taker: Org) -> bool:
        """The case, once it is a twin, may go to the carrier."""
        ref, until = self.world.ref(), self.world.now
        if not self.shadow.do("offer", self.case, taker.number, 0, until, ref, sender=giver.all):
            return False
        head = self.shadow.twins.ledger.heads[self.case]
        return self.shadow.do("accept", self.case, head, ref, sender=taker.all)


def test_containers(node: Node) -> None:
    functions = "packCommitted", "unpackCommitted", "proveDuplicate", "settleDuplicate", "holdDuplicated"
    Containers(node).run(*functions, "offer", "accept", states=442)
