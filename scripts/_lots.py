"""The chapter about lots: a drug, a food and a metal, from raw material to whoever uses it, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from _telling import DAY, Company, StoryError, Teller, gtin, with_check_digit

from goldthread.chain.merkle import ContentLeaf, Tree, serial_tree
from goldthread.chain.words import Kind, Purpose, UnitEnd
from goldthread.gs1.links import twin_id

KG, PIECE = b"KGM", b"H87"
"""Units of measure, UN/ECE Recommendation 20."""

ONE = 10**6
"""Millionths in a unit of measure."""

SERIALS, CASE = 10_000, 100
NOTHING = ("", 0, Kind.CONTAINER)
CLASS_II = 2
DUPLICATE_SCAN = 5


@dataclass(frozen=True)
class Drug:
    """A lot of packages, each with a serial."""

    uri: str
    serials: list[str]
    tree: Tree

    @property
    def id(self) -> bytes:
        return twin_id(self.uri)


@dataclass(frozen=True)
class Load:
    """Packages of a drug in cases on a pallet, as trees."""

    link: str
    drug: Drug
    cases: list[str]
    units: list[list[ContentLeaf]]
    """Of each case."""
    inner: list[Tree]
    leaves: list[ContentLeaf]
    tree: Tree

    @property
    def id(self) -> bytes:
        return twin_id(self.link)


class Lots(Teller):
    """Tells of lots."""

    def lots(self) -> None:
        """The drug and its recall, the food, the metal."""
        self.chapter("A raw material becomes 20,000 packages, and is called back")
        self.medicine()
        self.food()
        self.metal()

    # ------------------------------------------------------------------------------------------------- pharma

    def medicine(self) -> None:
        """An API lot, drug lots, pallets, pharmacies, a clone, and a recall that closes."""
        lineage, lots = self.deployment.lineage, self.deployment.lots
        bad, good = (self.raw(self.rainier, "00301", number, 500) for number in ("A77", "A78"))
        for lot in (bad, good):
            self.pass_on(lot, self.rainier, self.lumen, 300)
        self.say("Rainier delivers 300 kg each of two lots of the active substance to Lumen")

        first, second, other = (self.drug(number) for number in ("L1", "L2", "L3"))
        batch = twin_id("urn:lumen:batch:4711")
        process = self.done(
            self.lumen,
            lineage.transform(
                batch,
                [(good, 100 * ONE)],
                [self.commission(first)],
                [],
                False,
                self.event("creating_class_instance", [first.uri], self.lumen),
            ),
            f"Lumen makes drug lot L1, {SERIALS:,} serials under one root, of A78",
        )
        (opened,) = self.events(lineage, "ProcessOpened", process)
        node = opened["process"]
        ref = self.event("creating_class_instance", [second.uri], self.lumen)
        self.done(self.lumen, lineage.addOutputs(node, [self.commission(second)], [], ref), "and lot L2")
        self.done(
            self.lumen,
            lineage.addInputs(node, [(bad, 50 * ONE)], ref),
            "a late input of the same batch, 50 kg of A77, reaches both",
        )
        self.done(
            self.lumen, lineage.finalise(node, 985_000, ref), "and the batch is finalised, yield 98.5 %"
        )
        self.done(
            self.lumen,
            lineage.transform(
                twin_id("urn:lumen:batch:4712"),
                [(good, 100 * ONE)],
                [self.commission(other)],
                [],
                True,
                self.event("creating_class_instance", [other.uri], self.lumen),
            ),
            "drug lot L3 is of A78 alone",
        )

        loads = [self.load(drug, number) for number, drug in enumerate((first, second, other))]
        for load in loads:
            self.ship(load)
        self.to_pharmacy(loads[0], 17, self.cedar)
        self.to_pharmacy(loads[0], 18, self.alder)
        self.to_pharmacy(loads[2], 3, self.alder)
        self.clone(first)
        self.recall(bad, good, node, [first, second], other, loads)
        left = lots.quantityIn(second.id, loads[1].id)
        if left != SERIALS * ONE:
            raise StoryError(f"{left} of L2 is on the pallet")

    def raw(self, company: Company, reference: str, number: str, kilograms: int) -> bytes:
        """Commission a lot of raw material."""
        uri = company.uri(gtin(company.prefix, reference) + f"/10/{number}")
        item = (uri, 7, bytes(32), KG, kilograms * ONE, 0, bytes(32), 0)
        self.done(
            company,
            self.deployment.lots.commissionLot(item, self.event("creating_class_instance", [uri], company)),
            f"{company.name} commissions lot {number}, {kilograms} kg",
        )
        return twin_id(uri)

    def pass_on(self, lot: bytes, giver: Company, taker: Company, kilograms: int) -> None:
        """A quantity passes by offer and acceptance."""
        lots, quantity = self.deployment.lots, kilograms * ONE
        shipping = self.event("shipping", [], giver, stays=False)
        offer = lots.offerQuantity(lot, taker.number, quantity, Purpose.TRANSPORT, self.now() + DAY, shipping)
        accept = lots.acceptQuantity(lot, giver.number, quantity, 0, self.event("receiving", [], taker))
        for who, call in ((giver, offer), (taker, accept)):
            self.send(who, call)

    def drug(self, number: str) -> Drug:
        """A drug lot to commission, with its serials."""
        product = self.lumen.uri(gtin(self.lumen.prefix, "00400"))
        serials = [f"{product}/21/{number}{serial:05}" for serial in range(SERIALS)]
        return Drug(f"{product}/10/{number}", serials, serial_tree(serials))

    def commission(self, drug: Drug) -> tuple[Any, ...]:
        """As `ILots.Commission`."""
        count, expiry = len(drug.serials), self.now() + 700 * DAY
        return (drug.uri, 7, bytes(32), PIECE, count * ONE, expiry, drug.tree.root, count)

    def load(self, drug: Drug, number: int) -> Load:
        """All packages of a lot, in cases on a pallet."""
        sscc = "https://id.gs1.org/00/{}"
        pallet = sscc.format(with_check_digit(f"3{self.lumen.prefix}{500_000 + number:09}"))
        units = [
            [
                ContentLeaf(i, twin_id(serial), bytes(32), drug.id, ONE)
                for i, serial in enumerate(drug.serials[start : start + CASE])
            ]
            for start in range(0, SERIALS, CASE)
        ]
        cases = [
            sscc.format(with_check_digit(f"1{self.lumen.prefix}{number * 1000 + case:09}"))
            for case in range(len(units))
        ]
        inner = [Tree(leaf.hash for leaf in case) for case in units]
        leaves = [
            ContentLeaf(i, twin_id(case), tree.root, drug.id, CASE * ONE)
            for i, (case, tree) in enumerate(zip(cases, inner, strict=True))
        ]
        return Load(pallet, drug, cases, units, inner, leaves, Tree(leaf.hash for leaf in leaves))

    def ship(self, load: Load) -> None:
        """The pallet is packed and goes to the wholesaler."""
        twins, lots = self.deployment.twins, self.deployment.lots
        register = twins.register((load.link, 7, Kind.CONTAINER), self.event("commissioning", [], self.lumen))
        self.send(self.lumen, register)
        parts = [(load.drug.id, SERIALS * ONE)]
        packing = self.event("packing", [load.link], self.lumen)
        self.done(
            self.lumen,
            lots.packCommitted(load.id, load.tree.root, parts, packing),
            f"a pallet of {len(load.cases)} cases of {CASE} packages is packed as one root",
        )
        self.move(load.id, self.lumen, self.harbor, "the pallet goes to Harbor")

    def move(self, container: bytes, giver: Company, taker: Company, text: str) -> None:
        """Custody of a container passes by offer and acceptance."""
        twins = self.deployment.twins
        shipping = self.event("shipping", [], giver, stays=False)
        offer = twins.offer(container, taker.number, Purpose.TRANSPORT, self.now() + DAY, shipping)
        self.send(giver, offer)
        receiving = self.event("receiving", [], taker)
        self.done(taker, twins.accept(container, twins.head(container), receiving), text)

    def to_pharmacy(self, load: Load, case: int, pharmacy: Company) -> None:
        """A case leaves the pallet, goes to a pharmacy, and one package is taken out of it there."""
        lots, leaf = self.deployment.lots, load.leaves[case]
        item = (load.cases[case], 7, Kind.CONTAINER)
        unpacking = self.event("unpacking", [load.cases[case]], self.harbor)
        self.done(
            self.harbor,
            lots.unpackCommitted(load.id, _leaf(leaf), load.tree.proof(case), item, unpacking),
            f"Harbor takes case {case} off a pallet of {load.drug.uri[-2:]}",
        )
        self.move(leaf.child, self.harbor, pharmacy, f"and {pharmacy.name} receives it")
        for package in range(2):
            inside, proof = load.units[case][package], load.inner[case].proof(package)
            event = self.event("unpacking", [], pharmacy)
            self.send(pharmacy, lots.unpackCommitted(leaf.child, _leaf(inside), proof, NOTHING, event))

    def clone(self, drug: Drug) -> None:
        """A package is dispensed, and a copy of it turns up elsewhere."""
        lots, index = self.deployment.lots, 17 * CASE
        unit = twin_id(drug.serials[index])
        dispensing = self.event("dispensing", [drug.serials[index]], self.cedar)
        self.done(
            self.cedar,
            lots.endOfLife(drug.id, [index], UnitEnd.DISPENSED, dispensing),
            f"{self.cedar.name} dispenses serial {drug.serials[index][-7:]}",
        )
        self.refused(
            self.alder,
            lots.endOfLife(drug.id, [index], UnitEnd.DISPENSED, self.event("dispensing", [], self.alder)),
            "UnitEnded",
            f"{self.alder.name} dispenses a package with a cloned serial",
        )
        label = (unit, drug.id, lots.lotOf(drug.id).expiry)
        place = (drug.id, index, drug.tree.proof(index))
        verification = self.deployment.verification
        self.done(
            self.alder,
            verification.report(label, place, DUPLICATE_SCAN, self.event("inspecting", [], self.alder)),
            "and reports it; who verifies the serial now is told that it is suspect",
        )
        if verification.verifyProduct(label, place) != (True, 0, 2):
            raise StoryError("a reported serial is not suspect")

    def recall(
        self,
        bad: bytes,
        good: bytes,
        node: bytes,
        affected: Sequence[Drug],
        other: Drug,
        loads: Sequence[Load],
    ) -> None:
        """The recall of the API lot closes; who has only the other drug lot proves it."""
        recalls, twins = self.deployment.recalls, self.deployment.twins
        maker = self.rainier.quality
        reason = hashlib.sha256(b"impurity above the limit in A77").digest()
        opening = self.done(
            maker,
            recalls.open(CLASS_II, reason, self.event("holding", [], self.rainier)),
            "Rainier recalls lot A77 for an impurity, class II",
        )
        (opened,) = self.events(recalls, "RecallOpened", opening)
        number = opened["recall"]
        self.done(maker, recalls.addLots(number, [bad]), "its lot is the seed")
        event = self.event("holding", [], self.rainier)
        self.refused(
            maker,
            recalls.step(number, bad, [], event),
            "Incomplete",
            "a step of the recall leaves a batch out",
        )
        self.done(maker, recalls.step(number, bad, [node], event), "A77 went into one batch")
        ids = [drug.id for drug in affected]
        self.done(maker, recalls.stepProcess(number, node, ids, event), "out of which came L1 and L2")
        for drug in affected:
            receipt = self.done(
                maker, recalls.step(number, drug.id, [], event), f"{drug.uri[-2:]} went into nothing"
            )
        (closed,) = self.events(recalls, "RecallClosed", receipt)
        self.say(
            f"the recall is closed: {closed['size']} members, and the contract knows that none is missing"
        )
        self.done(
            self.harbor,
            recalls.holdContainer(number, loads[1].id, affected[1].id, event),
            "the pallet of L2 at Harbor is held",
        )
        self.refused(
            self.harbor,
            twins.offer(
                loads[1].id,
                self.alder.number,
                Purpose.TRANSPORT,
                self.now() + DAY,
                self.event("shipping", [], self.harbor, stays=False),
            ),
            "Blocked",
            "Harbor ships it all the same",
        )
        self.refused(
            self.alder,
            self.deployment.lots.endOfLife(
                affected[0].id, [18 * CASE], UnitEnd.DISPENSED, self.event("dispensing", [], self.alder)
            ),
            "Blocked",
            f"{self.alder.name} dispenses a recalled package",
        )
        ancestors = [(other.id, [1], [100 * ONE]), (good, [], [])]
        if not recalls.notAffected(number, ancestors):
            raise StoryError("L3 is not proven to be unaffected")
        self.say(
            f"{self.alder.name} proves that L3 is not affected: all that it was made of, and nothing recalled"
        )
        self.account_for(number, affected[0])
        self.results += [
            ("recall of API lot A77", f"{closed['size']} members, closed; L3 proven not affected"),
            ("packages", f"{3 * SERIALS:,} serials in 3 lots, 3 pallets and {3 * SERIALS // CASE} cases"),
        ]

    def account_for(self, number: int, drug: Drug) -> None:
        """A pharmacy says what became of what it had received."""
        recalls, pharmacy = self.deployment.recalls, self.cedar
        received = CASE * ONE
        notice = recalls.notify(number, drug.id, pharmacy.number, received)
        answer = recalls.acknowledge(number, drug.id, received)
        event = self.event("returning", [], pharmacy)
        account = recalls.reconcile(number, drug.id, received - ONE, 0, ONE, event)
        for who, call in ((self.rainier, notice), (pharmacy, answer), (pharmacy, account)):
            self.send(who.quality, call)
        if recalls.recallOf(number).reconciled != 1:
            raise StoryError("the consignee has not accounted for all")
        self.say(f"{pharmacy.name} accounts for its 100 packages: 99 returned, 1 sold")

    # -------------------------------------------------------------------------------------- food and minerals

    def food(self) -> None:
        """A traceability lot code is kept through shipping and receiving."""
        lots = self.deployment.lots
        uri = self.valley.uri(gtin(self.valley.prefix, "00500") + "/10/ROMAINE-0412")
        item = (uri, 7, bytes(32), KG, 800 * ONE, self.now() + 14 * DAY, bytes(32), 0)
        packing = self.event("packing", [uri], self.valley)
        self.done(
            self.valley,
            lots.commissionLot(item, packing),
            "Valley Greens packs 800 kg of romaine and gives it its traceability lot code",
        )
        lot = twin_id(uri)
        self.pass_on(lot, self.valley, self.harbor, 800)
        self.pass_on(lot, self.harbor, self.cedar, 300)
        shares = [
            lots.quantityOf(lot, company.number) // ONE for company in (self.valley, self.harbor, self.cedar)
        ]
        if shares != [0, 500, 300]:
            raise StoryError(f"kilograms of romaine: {shares}")
        self.say("shipped and received twice under the same code: 500 kg at Harbor, 300 kg at Cedar")

    def metal(self) -> None:
        """Tantalum from the smelter to a control unit."""
        lineage, twins = self.deployment.lineage, self.deployment.twins
        powder = self.raw(self.mokum, "00601", "TA-9", 40)
        self.pass_on(powder, self.mokum, self.cascade, 40)
        capacitors = self.cascade.uri(gtin(self.cascade.prefix, "00602") + "/10/C-55")
        item = (capacitors, 7, bytes(32), PIECE, 90_000 * ONE, 0, bytes(32), 0)
        event = self.event("creating_class_instance", [capacitors], self.cascade)
        self.done(
            self.cascade,
            lineage.transform(twin_id("urn:cascade:run:8"), [(powder, 40 * ONE)], [item], [], True, event),
            "Cascade makes 90,000 capacitors of the smelter's tantalum",
        )
        lot = twin_id(capacitors)
        lots = self.deployment.lots
        offer = lots.offerQuantity(
            lot,
            self.evergreen.number,
            400 * ONE,
            Purpose.TRANSPORT,
            self.now() + DAY,
            self.event("shipping", [capacitors], self.cascade, stays=False),
        )
        accept = lots.acceptQuantity(
            lot, self.cascade.number, 400 * ONE, 0, self.event("receiving", [capacitors], self.evergreen)
        )
        unit = self.evergreen.uri(gtin(self.evergreen.prefix, "00603") + "/21/ECU1")
        register = twins.register((unit, 7, Kind.PART), self.event("commissioning", [unit], self.evergreen))
        for who, call in ((self.cascade, offer), (self.evergreen, accept), (self.evergreen, register)):
            self.send(who, call)
        part = twin_id(unit)
        assembling = self.event("assembling", [unit], self.evergreen)
        self.done(
            self.evergreen,
            lineage.transform(
                twin_id("urn:evergreen:order:1"), [(lot, 400 * ONE)], [], [part], True, assembling
            ),
            "Evergreen builds 400 of them into a control unit",
        )
        ancestors = [(part, [1], [400 * ONE]), (lot, [2], [40 * ONE]), (powder, [], [])]
        if not lineage.ancestorsComplete(ancestors):
            raise StoryError("the way back to the smelter is not complete")
        self.say("back from the control unit to the smelter, provably with nothing left out")


def _leaf(leaf: ContentLeaf) -> tuple[Any, ...]:
    """As `ILots.Leaf`."""
    return (leaf.index, leaf.child, leaf.child_root, leaf.lot, leaf.quantity)
