"""A medicine to trace and recall: an active ingredient, two drug lots out of one process, units, pallets.

api ─┐            ┌─ drug 1 (1,000 serials) ─┬─ unit 7 ─ box
     ├─ tableting ┤                          ├─ case 1, which was on the pallet
wax ─┘ (late)     └─ drug 2 (1,000 serials) ─┴─ pallet
other api ─ other tableting ─ other drug
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goldthread.chain.contracts import Deployment
from tests.goldthread.chains import deployment_of
from tests.models.trees import Packed, case, unit_of
from tests.support import AnvilNode
from tests.support.lots import ONE
from tests.support.making import lot_id, process_of, tree_of
from tests.support.words import Kind
from tests.support.world import (
    DAY,
    SUPPLIER_PREFIX,
    Commission,
    Org,
    Registration,
    World,
    lot_uri,
    sscc,
    twin_id,
    uri,
)

COUNT = 1000
"""Serials of each drug lot."""

API = twin_id(lot_uri("API", SUPPLIER_PREFIX))
WAX, OTHER_API = lot_id("WAX"), lot_id("API2")
DRUG_1, DRUG_2, OTHER_DRUG = lot_id("D1"), lot_id("D2"), lot_id("D3")
UNIT = twin_id(uri("D1-7"))
PALLET, CASE, BOX = twin_id(sscc("1")), twin_id(sscc("2")), twin_id(sscc("4"))
TABLETING, OTHER_TABLETING = process_of(1, "tableting"), process_of(1, "other tableting")


@dataclass(frozen=True)
class Medicine:
    """The maker has tableted; the distributor has the pallet, and has taken a case from it."""

    world: World
    deployment: Deployment
    node: AnvilNode

    @classmethod
    def create(cls, node: AnvilNode) -> Medicine:
        """All of it happens."""
        world = World.create(node)
        contracts = {
            "Lots": world.lots,
            "Lineage": world.lineage,
            "Recalls": world.recalls,
            "ClosureClaims": world.closure_claims,
        }
        medicine = cls(world, deployment_of(world, **contracts), node)
        medicine._make()
        medicine._pack()
        return medicine

    def manifest(self, folder: Path) -> Path:
        """The manifest as a file."""
        path = folder / "31337.json"
        self.deployment.manifest.save(path)
        return path

    def commission(self, name: str, quantity: int, org: Org | None = None, prefix: str = "") -> bytes:
        """A lot without serials, in kilograms."""
        text = lot_uri(name, prefix) if prefix else lot_uri(name)
        return self.world.commission(Commission(text, unit=b"KGM", quantity=quantity * ONE), org)

    def transform(self, name: str, lot: bytes, kilograms: int, *outputs: Commission) -> None:
        """A process of the maker that stays open."""
        world = self.world
        args = twin_id(name), [(lot, kilograms * ONE)], list(outputs), [], False, world.ref()
        world.lineage.transform(*args, sender=world.maker.register)

    def _make(self) -> None:
        world = self.world
        self.commission("API", 100, world.supplier, SUPPLIER_PREFIX)
        self.commission("WAX", 50)
        self.commission("API2", 20)
        terms = 30 * ONE, 0, world.now + DAY, world.ref("shipping")
        world.lots.offerQuantity(API, world.maker.number, *terms, sender=world.supplier.ship)
        args = API, world.supplier.number, 30 * ONE, 0, world.ref("receiving")
        world.lots.acceptQuantity(*args, sender=world.maker.receive)
        self.transform("tableting", API, 25, drug("D1"), drug("D2"))
        world.lineage.addInputs(TABLETING, [(WAX, 4 * ONE)], world.ref(), sender=world.maker.register)
        self.transform("other tableting", OTHER_API, 5, drug("D3"))

    def _pack(self) -> None:
        world = self.world
        maker, distributor = world.maker, world.distributor
        first = Packed(*(unit_of(unit("D1", n), DRUG_1) for n in range(100, 500)))
        second = Packed(*(unit_of(unit("D2", n), DRUG_2) for n in range(1000)))
        goods = Packed(*case(CASE, first), *case(twin_id(sscc("3")), second))
        world.register(sscc("1"), Kind.CONTAINER)
        world.lots.packCommitted(PALLET, goods.root, goods.parts(), world.ref("packing"), sender=maker.ship)
        world.move(PALLET, maker, distributor)
        item = Registration(sscc("2"), kind=Kind.CONTAINER)
        args = PALLET, *goods.step(0), item, world.ref("unpacking")
        world.lots.unpackCommitted(*args, sender=distributor.ship)
        proof = tree_of("D1", COUNT).proof(7)
        piece = Registration(uri("D1-7"))
        world.lots.materialise(lot_uri("D1"), 7, piece, proof, world.ref(), sender=maker.register)
        world.register(sscc("4"), Kind.CONTAINER)
        world.pack(BOX, [UNIT])
        other = Packed(*(unit_of(unit("D3", n), OTHER_DRUG) for n in range(10)))
        world.register(sscc("5"), Kind.CONTAINER)
        args = twin_id(sscc("5")), other.root, other.parts(), world.ref("packing")
        world.lots.packCommitted(*args, sender=maker.ship)


def drug(name: str) -> Commission:
    """A lot of a thousand packages with serials."""
    tree = tree_of(name, COUNT)
    return Commission(lot_uri(name), quantity=COUNT * ONE, serials_root=tree.root, serial_count=COUNT)


def unit(name: str, index: int) -> bytes:
    """The id of a package."""
    return twin_id(uri(f"{name}-{index}"))
