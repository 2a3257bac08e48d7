"""Goods to test with: a lot of pills with serials, one of milk without, containers, and a module."""

from __future__ import annotations

from dataclasses import dataclass

from tests.models.trees import Packed, Step, Tree, case, loose, serials, unit_of

from .contract import Forwarder
from .nodes import Receipt
from .words import Kind, Role
from .world import Commission, Org, Registration, World, lot_uri, sscc, twin_id, uri

ONE = 10**6
"""Millionths in a unit of measure."""
REASON = b"r" * 32
PROCESS = b"p" * 32
NO_ITEM = Registration("")
CASE_ITEM = Registration(sscc("2"), kind=Kind.CONTAINER)


@dataclass(frozen=True)
class Goods:
    """The maker has commissioned both lots and has all of them."""

    world: World
    pills: bytes
    milk: bytes
    tree: Tree
    """Over the serials of the pills."""
    count: int
    module: Forwarder
    """Acts as Lineage or Recalls would."""

    @classmethod
    def create(cls, world: World, count: int = 6, expiry: int = 0) -> Goods:
        """Commission `count` packs of pills and 1,000 litres of milk."""
        tree = serials(unit(number) for number in range(count))
        boxes = Commission(lot_uri("P"), quantity=count * ONE, expiry=expiry)
        pills = world.commission(boxes._replace(serials_root=tree.root, serial_count=count))
        milk = world.commission(Commission(lot_uri("M"), unit=b"LTR", quantity=1000 * ONE))
        module = Forwarder.deploy(world.node, world.stranger)
        number = world.consortium.organisationCount() + 1
        world.consortium.admit("module", world.governor, Role.MODULE, bytes(32), 0, sender=world.governor)
        world.consortium.setAccount(number, module.address, 0x1FF, sender=world.governor)
        return cls(world, pills, milk, tree, count, module)

    def container(self, serial: str, org: Org | None = None) -> bytes:
        """An empty container that is a twin."""
        return self.world.register(sscc(serial), Kind.CONTAINER, org=org)

    def units(self, *numbers: int) -> Packed:
        """Contents: these packs of pills."""
        return Packed(*(unit_of(unit(number), self.pills) for number in numbers))

    def pallet(self, *cases: tuple[str, Packed], milk: int = 0) -> Packed:
        """Contents: cases, by their serials, and loose milk."""
        things = [leaf for serial, inner in cases for leaf in case(twin_id(sscc(serial)), inner)]
        return Packed(*things, *([loose(self.milk, milk)] if milk else []))

    def pack(self, container: bytes, contents: Packed, org: Org | None = None) -> Receipt:
        """Commit to contents, by the maker unless somebody else is named."""
        world = self.world
        args = container, contents.root, contents.parts(), world.ref("packing")
        receipt: Receipt = world.lots.packCommitted(*args, sender=(org or world.maker).ship)
        return receipt

    def unpack(
        self, container: bytes, step: Step, item: Registration = NO_ITEM, org: Org | None = None
    ) -> Receipt:
        """Take something out, by the maker unless somebody else is named."""
        world = self.world
        args = container, *step, item, world.ref("unpacking")
        receipt: Receipt = world.lots.unpackCommitted(*args, sender=(org or world.maker).ship)
        return receipt

    def hold(self, lot: bytes, org: Org | None = None) -> None:
        """Hold a lot back, by the regulator unless somebody else is named."""
        org = org or self.world.regulator
        self.world.lots.holdLot(lot, REASON, self.world.ref("holding"), sender=org.quality)

    def move(self, lot: bytes, quantity: int, taker: Org, giver: Org | None = None) -> None:
        """A quantity from the maker, or somebody else, to another organisation."""
        world, giver = self.world, giver or self.world.maker
        terms = quantity, 0, world.now, world.ref("shipping")
        world.lots.offerQuantity(lot, taker.number, *terms, sender=giver.ship)
        world.lots.acceptQuantity(lot, giver.number, quantity, 0, world.ref(), sender=taker.receive)


def two_pallets(goods: Goods) -> tuple[bytes, list[Step], bytes, list[Step]]:
    """One pack of pills in the case `CASE_ITEM` on the maker's pallet, and loose on the carrier's."""
    world = goods.world
    goods.move(goods.pills, 2 * ONE, world.carrier)
    inner, elsewhere = goods.units(1, 2), goods.units(3, 2)
    outer = goods.pallet(("2", inner), milk=ONE)
    first, second = goods.container("1"), goods.container("5")
    world.move(second, world.maker, world.carrier)
    goods.pack(first, outer)
    goods.pack(second, elsewhere, world.carrier)
    return first, [outer.step(0), inner.step(1)], second, [elsewhere.step(1)]


def unit(number: int) -> bytes:
    """The id of a pack of pills."""
    return twin_id(uri(str(number)))
