"""Random histories of lots among several organisations: contract and model agree, nothing of a lot is lost or
won, a unit ends once, what is blocked reaches nobody, and who packs honestly is never accused.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.lot_shadow import LotPoint, LotShadow
from tests.models.trees import ZERO, Packed, Step, case, loose, unit_of
from tests.models.twins import NOWHERE
from tests.support import Counters, fresh
from tests.support.lots import ONE, PROCESS, REASON, Goods, unit
from tests.support.words import Found, Kind, LotCause, Purpose, UnitEnd
from tests.support.world import Commission, Org, Registration, lot_uri, sscc, twin_id, uri

COUNT = Counters()
UNITS = 8
FREE = {"packCommitted", "useFor", "materialise"}
SOLD = {UnitEnd.DISPENSED, UnitEnd.RETAIL_SOLD}


GIVEN = (5, 6, 7)
"""Units that the carrier has from the beginning."""


@cache
def beginning() -> tuple[LotShadow, Goods, LotPoint]:
    """One chain for all examples, and the moment at which each of them begins."""
    shadow = LotShadow(fresh())
    goods = Goods.create(shadow.world, UNITS, expiry=shadow.world.now + 5_000)
    for number in range(3):
        goods.container(str(number))
    goods.move(goods.pills, len(GIVEN) * ONE, shadow.world.carrier)
    goods.move(goods.milk, 300 * ONE, shadow.world.carrier)
    shadow.catch_up()
    return shadow, goods, shadow.moment()


class Histories(RuleBasedStateMachine):
    """Every rule draws what probably succeeds; what does not must be refused by contract and model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.shadow, self.goods, start = beginning()
        self.shadow.return_to(start)
        self.world = self.shadow.world
        self.orgs = [self.world.maker, self.world.carrier, self.world.retailer]
        self.boxes = [twin_id(sscc(str(number))) for number in range(3)]
        self.crates = 100
        maker, carrier = self.world.maker.number, self.world.carrier.number
        self.places = {index: carrier if index in GIVEN else maker for index in range(UNITS)}
        """Where each unit really is: the organisation, as long as it is in no container and has not ended."""
        self.contents: dict[bytes, Packed] = {}
        """What was packed, by container."""
        self.inner: dict[bytes, tuple[str, Packed]] = {}
        """URI and contents of cases that are, or were, in a container."""
        self.clones: list[tuple[int, bytes, Step]] = []
        self.begin()

    def begin(self) -> None:
        """Something of everything, so that no action waits for others."""
        pills, milk, maker = self.goods.pills, self.goods.milk, self.world.maker
        text = sscc("99")
        self.inner[twin_id(text)] = text, Packed(unit_of(unit(0), pills), loose(milk, ONE))
        mixed = Packed(*case(twin_id(text), self.inner[twin_id(text)][1]), loose(milk, 2 * ONE))
        flat = Packed(unit_of(unit(1), pills), unit_of(unit(2), pills))
        for box, packed in zip(self.boxes[:2], (mixed, flat), strict=True):
            assert self.shadow.pack(box, packed.root, packed.parts(), maker)
            self.contents[box] = packed
        for index in range(3):
            self.places.pop(index)
        terms = self.world.carrier.number, 5 * ONE, 0, self.world.now + 3_000, self.world.ref()
        assert self.shadow.act("offerQuantity", milk, *terms, sender=maker.ship)

    # What there is to draw from

    @property
    def ledger(self) -> Any:
        return self.shadow.lots.ledger

    @property
    def lots(self) -> list[bytes]:
        return list(self.ledger.lots)

    def org(self, number: int) -> Org:
        return self.world.orgs[number - 1]

    def holder(self, container: bytes) -> Org:
        return self.org(self.shadow.twins.ledger.custodian(container))

    def units_of(self, org: Org) -> list[int]:
        return [index for index, at in self.places.items() if at == org.number]

    def committed(self) -> list[bytes]:
        return [container for container in self.contents if self.ledger.lots_in(container)]

    def act(self, function: str, *args: Any, sender: Any) -> bool:
        """Try it on both, and look at what must never happen."""
        before = {lot: self.ledger.cause(lot, self.world.now) for lot in self.lots}
        if not self.shadow.act(function, *args, sender=sender):
            return False
        COUNT.hit(function)
        touched = (
            [args[1]] if function == "useFor" else [self.goods.pills] if function == "materialise" else []
        )
        if function == "packCommitted":
            touched = [lot for lot, _ in args[2]]
        if function == "endOfLife" and args[2] in SOLD:
            assert before[args[0]] == LotCause.NONE
        for lot in touched if function in FREE else []:
            assert before[lot] in (LotCause.NONE, LotCause.EXPIRED)
        return True

    # What can be done

    @rule(quantity=st.integers(1, 50 * ONE))
    @precondition(lambda self: len(self.ledger.lots) < 5)
    def commission(self, quantity: int) -> None:
        item = Commission(lot_uri(f"L{len(self.lots)}"), quantity=quantity)
        self.act("commissionLot", item, self.world.ref(), sender=self.world.maker.register)

    @rule(
        data=st.data(),
        share=st.sampled_from([1, 2, 3]),
        purpose=st.sampled_from([0, 0, 0, *Purpose]),
        seconds=st.sampled_from([0, 60, 1_000, 1_000]),
    )
    def offer(self, data: st.DataObject, share: int, purpose: Purpose, seconds: int) -> None:
        """Of the pills only whole units, and it is known which."""
        lot, giver = data.draw(st.sampled_from(self.lots)), data.draw(st.sampled_from(self.orgs))
        taker = data.draw(st.sampled_from([org for org in self.orgs if org is not giver]))
        has = self.ledger.have[lot, giver.number]
        quantity = has // share // ONE * ONE if lot == self.goods.pills else has // share
        terms = quantity, purpose, self.world.now + seconds, self.world.ref()
        self.act("offerQuantity", lot, taker.number, *terms, sender=giver.ship)

    @rule(data=st.data(), short=st.booleans(), found=st.sampled_from([Found.UNDERAGE, 0]))
    @precondition(lambda self: self.ledger.offers)
    def accept(self, data: st.DataObject, short: bool, found: int) -> None:
        (lot, giver, taker), offer = data.draw(st.sampled_from(sorted(self.ledger.offers.items())))
        quantity = offer[0] - (ONE if short and offer[0] > ONE else 0)
        args = lot, giver, quantity, int(found), self.world.ref()
        if self.act("acceptQuantity", *args, sender=self.org(taker).all) and lot == self.goods.pills:
            for index in self.units_of(self.org(giver))[: quantity // ONE]:
                self.places[index] = taker

    @rule(data=st.data(), by_giver=st.booleans())
    @precondition(lambda self: self.ledger.offers)
    def end_offer(self, data: st.DataObject, by_giver: bool) -> None:
        lot, giver, taker = data.draw(st.sampled_from(sorted(self.ledger.offers)))
        sender = self.org(giver).ship if by_giver else self.org(taker).receive
        self.act("endQuantityOffer", lot, giver, taker, self.world.ref(), sender=sender)

    @rule(data=st.data(), quantity=st.integers(1, ONE))
    def lose(self, data: st.DataObject, quantity: int) -> None:
        lot = data.draw(st.sampled_from([lot for lot in self.lots if lot != self.goods.pills]))
        sender = data.draw(st.sampled_from(self.orgs)).quality
        self.act("declareLoss", lot, quantity, REASON, self.world.ref(), sender=sender)

    @rule(data=st.data(), quantity=st.integers(1, ONE), process=st.sampled_from([PROCESS, REASON]))
    def use(self, data: st.DataObject, quantity: int, process: bytes) -> None:
        lot = data.draw(st.sampled_from([lot for lot in self.lots if lot != self.goods.pills]))
        account = data.draw(st.sampled_from(self.orgs)).register
        self.act("useFor", account, lot, quantity, process, sender=self.goods.module)

    @rule(data=st.data(), end=st.sampled_from(UnitEnd))
    def end_units(self, data: st.DataObject, end: UnitEnd) -> None:
        org = data.draw(st.sampled_from(self.orgs))
        own = self.units_of(org) or list(range(UNITS))
        indexes = data.draw(st.lists(st.sampled_from(own), min_size=1, max_size=2))
        args = self.goods.pills, indexes, end, self.world.ref()
        if self.act("endOfLife", *args, sender=org.register):
            for index in indexes:
                self.places.pop(index, None)

    @rule(data=st.data(), index=st.integers(0, UNITS - 1))
    def materialise(self, data: st.DataObject, index: int) -> None:
        org = self.org(self.places.get(index, 1))
        item, proof = Registration(uri(str(index))), self.goods.tree.proof(index)
        args = lot_uri("P"), index, item, proof, self.world.ref()
        if self.act("materialise", *args, sender=org.register):
            self.places.pop(index, None)

    @rule(data=st.data(), regulator=st.booleans(), really=st.sampled_from([True, False, False]))
    @precondition(lambda self: not any(facts.holds for facts in self.ledger.lots.values()))
    def hold(self, data: st.DataObject, regulator: bool, really: bool) -> None:
        if not really:
            return
        lot = data.draw(st.sampled_from(self.lots))
        org = self.world.regulator if regulator else self.world.maker
        self.act("holdLot", lot, REASON, self.world.ref(), sender=org.quality)

    @rule(by_regulator=st.booleans())
    @precondition(lambda self: any(facts.holds for facts in self.ledger.lots.values()))
    def release(self, by_regulator: bool) -> None:
        lot, facts = next((lot, facts) for lot, facts in self.ledger.lots.items() if facts.holds)
        ((holder, reason),) = facts.holds
        org = self.world.regulator if by_regulator else self.org(holder)
        self.act("releaseLot", lot, holder, reason, self.world.ref(), sender=org.quality)

    @rule(data=st.data(), recall=st.integers(1, 3), really=st.sampled_from([True, False, False]))
    @precondition(lambda self: not any(facts.recalls for facts in self.ledger.lots.values()))
    def recall(self, data: st.DataObject, recall: int, really: bool) -> None:
        if not really:
            return
        lots = data.draw(st.lists(st.sampled_from(self.lots), min_size=1, max_size=3))
        self.act("markRecalled", lots, recall, sender=self.goods.module)

    @rule(data=st.data())
    @precondition(lambda self: any(facts.recalls for facts in self.ledger.lots.values()))
    def lift(self, data: st.DataObject) -> None:
        recall = next(min(facts.recalls) for facts in self.ledger.lots.values() if facts.recalls)
        self.act("unmarkRecalled", self.lots, recall, sender=self.goods.module)

    # Containers

    @rule(
        data=st.data(),
        nested=st.sampled_from([True, True, False]),
        milk=st.integers(0, 3 * ONE),
        reuse=st.sampled_from([True, True, False]),
    )
    def pack(self, data: st.DataObject, nested: bool, milk: int, reuse: bool) -> None:
        """What is really there: some units, and milk, in a case or loose."""
        empty = [box for box in self.boxes if not self.ledger.lots_in(box)] or self.boxes
        container = data.draw(st.sampled_from(empty))
        org, pills = self.holder(container), self.goods.pills
        milk = min(milk, self.ledger.have[self.goods.milk, org.number])
        own = self.units_of(org)
        indexes = data.draw(st.lists(st.sampled_from(own), max_size=3, unique=True)) if own else []
        things = [unit_of(unit(index), pills) for index in indexes]
        things += [loose(self.goods.milk, milk)] if milk else []
        if not things:
            return
        packed = Packed(*things)
        if nested:
            text, crate = self.crate(org, reuse)
            self.inner[crate] = (text, packed)
            packed = Packed(*case(crate, packed))
        if self.shadow.pack(container, packed.root, packed.parts(), org):
            COUNT.hit("nested" if nested else "flat")
            COUNT.hit("mixed" if milk and indexes else "pure")
            self.contents[container] = packed
            for index in indexes:
                self.places.pop(index)

    def crate(self, org: Org, reuse: bool) -> tuple[str, bytes]:
        """A case that is empty and here, to be used again, or a new one that nobody has registered."""
        twins = self.shadow.twins.ledger.twins
        used = [
            (text, crate)
            for crate, (text, _) in self.inner.items()
            if crate in twins and not self.ledger.lots_in(crate) and twins[crate].custodian == org.number
        ]
        inside = {leaf.child for box in self.committed() for leaf in self.contents[box].leaves}
        used = [(text, crate) for text, crate in used if crate not in inside]
        if reuse and used:
            COUNT.hit("reused")
            return used[0]
        self.crates += 1
        text = sscc(str(self.crates))
        return text, twin_id(text)

    @rule(data=st.data(), wrong=st.sampled_from([False, False, False, True]))
    @precondition(lambda self: self.committed())
    def unpack(self, data: st.DataObject, wrong: bool) -> None:
        container = data.draw(st.sampled_from(self.committed()))
        packed, taken = self.contents[container], self.ledger.box(container).taken
        rest = [leaf.index for leaf in packed.leaves if leaf.index not in taken]
        index = data.draw(st.sampled_from(list(range(len(packed.leaves))) if wrong else rest))
        self.take_out(container, packed.step(index), self.holder(container))

    def take_out(self, container: bytes, step: Step, org: Org) -> None:
        leaf, pills = step.leaf, self.goods.pills
        here = self.ledger.have[leaf.lot, org.number]
        text, inner = self.inner.get(leaf.child, ("", None))
        if not self.shadow.unpack(container, step, org, Registration(text, kind=Kind.CONTAINER)):
            return
        COUNT.hit("unpackCommitted")
        if leaf.child_root != ZERO:
            assert inner is not None
            self.contents[leaf.child] = inner
            COUNT.hit("case")
            return
        assert self.ledger.have[leaf.lot, org.number] == here + leaf.quantity
        if leaf.lot == pills and not self.is_clone(leaf.child, container):
            index = next(index for index in range(UNITS) if unit(index) == leaf.child)
            self.places[index] = org.number

    @rule(data=st.data())
    @precondition(lambda self: self.committed())
    def empty(self, data: st.DataObject) -> None:
        """What was packed comes out again: the same things, and nothing stays."""
        container = data.draw(st.sampled_from(self.committed()))
        org = self.holder(container)
        todo = [container]
        while todo:
            outer = todo.pop()
            packed = self.contents[outer]
            for leaf in packed.leaves:
                if self.ledger.lots_in(outer) and leaf.index not in self.ledger.box(outer).taken:
                    self.take_out(outer, packed.step(leaf.index), org)
                    if leaf.child in self.contents and leaf.child not in todo:
                        todo.append(leaf.child)
        if not self.ledger.lots_in(container):
            COUNT.hit("emptied")
            assert self.shadow.twins.ledger.twins[container].noted == 0

    @rule(data=st.data(), stale=st.booleans())
    def move(self, data: st.DataObject, stale: bool) -> None:
        """A container goes to another organisation, which accepts only what it saw."""
        things = [id_ for id_, twin in self.shadow.twins.ledger.twins.items() if twin.kind == Kind.CONTAINER]
        container = data.draw(st.sampled_from(things))
        giver = self.holder(container)
        taker = data.draw(st.sampled_from([org for org in self.orgs if org is not giver]))
        seen, ref = self.shadow.twins.ledger.heads[container], self.world.ref()
        terms = taker.number, 0, self.world.now, ref
        if not self.shadow.do("offer", container, *terms, sender=giver.ship):
            return
        head = seen if stale else self.shadow.twins.ledger.heads[container]
        moved = self.shadow.do("accept", container, head, ref, sender=taker.receive)
        assert moved != stale
        COUNT.hit("stale" if stale else "accept")
        if stale:
            assert self.shadow.do("cancel", container, ref, sender=giver.ship)

    # Clones

    def ways(self) -> list[tuple[bytes, bytes, list[Step]]]:
        """Every unit that is inside somewhere, and the way to it."""
        found = []
        for container in self.committed():
            for outer in self.contents[container].leaves:
                way = [self.contents[container].step(outer.index)]
                if outer.child_root == ZERO:
                    found.append((outer.child, container, way))
                elif outer.child in self.inner:
                    packed = self.inner[outer.child][1]
                    for leaf in packed.leaves:
                        found.append((leaf.child, container, [*way, packed.step(leaf.index)]))
        return [
            (child, container, way)
            for child, container, way in found
            if child not in self.lots and self.ledger.way(container, way)[0]
        ]

    def is_clone(self, child: bytes, container: bytes) -> bool:
        return any(unit(index) == child and box == container for index, box, _ in self.clones)

    @rule(data=st.data())
    @precondition(lambda self: not self.clones)
    def clone(self, data: st.DataObject) -> None:
        """Somebody packs a unit that is inside elsewhere."""
        inside = [
            (index, container)
            for child, container, _ in self.ways()
            for index in range(UNITS)
            if unit(index) == child
        ]
        free = [box for box in self.boxes if not self.ledger.lots_in(box)]
        if not inside or not free:
            return
        index, _ = data.draw(st.sampled_from(inside))
        box = data.draw(st.sampled_from(free))
        org, packed = self.holder(box), Packed(unit_of(unit(index), self.goods.pills))
        if self.shadow.pack(box, packed.root, packed.parts(), org):
            self.contents[box] = packed
            self.clones.append((index, box, packed.step(0)))
            own = self.units_of(org)
            if own:  # one that nobody will find any more
                self.places.pop(own[-1])

    @rule(data=st.data(), then=st.integers(0, 99))
    def accuse(self, data: st.DataObject, then: int) -> None:
        """Whoever is in two places is found out; nobody else is."""
        ways = self.ways()
        if len(ways) < 2:
            return
        a, b = data.draw(st.lists(st.sampled_from(ways), min_size=2, max_size=2))
        twice = [(x, y) for x in ways for y in ways if x[0] == y[0] and x[1:] != y[1:]]
        if twice:
            a, b = twice[0]
        proven = self.act("proveDuplicate", *a[1:], *b[1:], sender=self.world.stranger)
        assert proven == bool(twice)
        assert not proven or self.clones
        if not proven:
            COUNT.hit("honest")
        elif then % 5:
            self.settle_one(then % 2 == 0)

    @rule(held=st.booleans())
    @precondition(lambda self: any(box.duplicated for box in self.ledger.boxes.values()))
    def settle(self, held: bool) -> None:
        self.settle_one(held)

    def settle_one(self, held: bool) -> None:
        container = next(of for of, box in self.ledger.boxes.items() if box.duplicated)
        ref = self.world.ref()
        if held:
            self.act("holdDuplicated", container, ref, sender=self.world.stranger)
        self.act("settleDuplicate", container, REASON, ref, sender=self.world.regulator.quality)

    @rule(seconds=st.integers(1, 300))
    def wait(self, seconds: int) -> None:
        self.shadow.node.warp(seconds)

    # What must always hold

    @invariant()
    def what_must_always_hold(self) -> None:
        self.conserved(self.lots)
        for container in self.committed():
            assert self.shadow.twins.ledger.twins[container].noted == 1
            assert self.shadow.twins.ledger.twins[container].container == NOWHERE

    def conserved(self, lots: Sequence[bytes]) -> None:
        """Counted on the chain: what was commissioned is somewhere, or known to be gone."""
        contract, ledger = self.world.lots, self.ledger
        orgs = range(1, self.world.consortium.organisationCount() + 1)
        for lot in lots:
            total = sum(contract.quantityOf(lot, org) for org in orgs)
            total += sum(contract.quantityIn(lot, of) for of in ledger.boxes)
            numbers = [org.number for org in self.orgs]
            pairs = [(a, b) for a in numbers for b in numbers]
            total += sum(contract.quantityOffer(lot, a, b).quantity for a, b in pairs)
            assert total + ledger.gone[lot] == ledger.lots[lot].quantity

    def teardown(self) -> None:
        self.shadow.check_facts()
        self.shadow.check_replay()


def test_histories_follow_the_model_and_the_logs_tell_them() -> None:
    run_state_machine_as_test(Histories)
    quantities = {"offerQuantity", "acceptQuantity", "endQuantityOffer", "declareLoss", "useFor"}
    units = {"commissionLot", "endOfLife", "materialise"}
    stops = {"holdLot", "releaseLot", "markRecalled", "unmarkRecalled"}
    packing = {"nested", "flat", "mixed", "reused", "unpackCommitted", "case", "emptied", "accept", "stale"}
    clones = {"proveDuplicate", "honest", "settleDuplicate", "holdDuplicated"}
    COUNT.require(quantities | units | stops | packing | clones)
