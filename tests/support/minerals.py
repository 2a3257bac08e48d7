"""Registers, declarations and products to test conflict minerals with.

case = Case(MineralsShadow(node))
case.list(case.TIN)
case.declare(lot)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from tests.models.conflict_minerals import (
    CLEAN,
    Finding,
    Listing,
    Metal,
    Questions,
    Statement,
    Status,
    Verdict,
    declaration_id,
    pack,
    smelter,
)
from tests.models.minerals_shadow import MineralsShadow

from .making import Making
from .words import Kind
from .world import DAY, Org, World

TIN, TIN_2 = smelter("CID001070", Metal.TIN), smelter("CID001182", Metal.TIN)
GOLD = smelter("CID000015", Metal.GOLD)
DOCUMENT, REASON = b"\x11" * 32, b"\x12" * 32
LASTING = 100 * DAY


class Case:
    """A world in which the maker declares, by the register of the regulator unless another is named."""

    def __init__(self, shadow: MineralsShadow) -> None:
        self.shadow, self.node = shadow, shadow.node
        self.making = Making(shadow)
        self.world: World = shadow.world
        self.contract = shadow.contract
        self.year = 1970 + shadow.node.timestamp * 400 // (146_097 * DAY)
        self.register = self.world.regulator

    @property
    def until(self) -> int:
        """A second after which nothing that is listed here is valid."""
        return self.world.now + LASTING

    @cached_property
    def design(self) -> bytes:
        """A product type of the maker."""
        return self.making.part("DESIGN", Kind.DESIGN)

    def listing(self, each: bytes, status: Status = Status.CONFORMANT, until: int | None = None) -> Listing:
        """As a register lists it."""
        lasts = status in (Status.CONFORMANT, Status.ACTIVE)
        return Listing(each, status, b"BO", (self.until if until is None else until) if lasts else 0)

    def list(
        self,
        *smelters: bytes,
        status: Status = Status.CONFORMANT,
        until: int | None = None,
        org: Org | None = None,
    ) -> None:
        """How these stand from now on."""
        listings = [self.listing(each, status, until) for each in smelters]
        assert self.shadow.tell("list", listings, sender=(org or self.register).record)

    def statement(self, register: Org | None = None, **metals: Questions) -> Statement:
        """Of a product with tin, unless something else is named."""
        answers = pack(**(metals or {"tin": CLEAN}))
        return Statement((register or self.register).number, answers=answers, document=DOCUMENT)

    def declare(
        self,
        product: bytes,
        statement: Statement | None = None,
        smelters: Sequence[bytes] = (TIN,),
        org: Org | None = None,
    ) -> bytes:
        """For this year; the id of the declaration."""
        args = product, self.year, statement or self.statement(), list(smelters)
        assert self.shadow.tell("declare", *args, sender=(org or self.world.maker).quality)
        return declaration_id(product, self.year)

    def supersede(
        self, product: bytes, statement: Statement | None = None, smelters: Sequence[bytes] = (TIN,)
    ) -> None:
        """The newest version."""
        version = self.shadow.model.ledger.declarations[declaration_id(product, self.year)].version
        args = product, self.year, version, statement or self.statement(), list(smelters), REASON
        assert self.shadow.tell("supersede", *args, sender=self.world.maker.quality)

    def nothing_in(self, product: bytes, org: Org | None = None) -> bytes:
        """Declare that there are no conflict minerals in it."""
        statement = Statement(self.register.number, answers=pack())
        return self.declare(product, statement, (), org)

    def judge(self, product: bytes) -> None:
        """Its newest version, by a stranger."""
        smelters = self.shadow.model.ledger.declarations[declaration_id(product, self.year)].smelters
        assert self.shadow.tell("judge", product, self.year, list(smelters), sender=self.world.stranger)

    def evaluate(self, product: bytes) -> Verdict:
        """The product with all that it was made of; what is found is what is true."""
        assert self.shadow.evaluate(product)
        verdict = self.finding(product).verdict
        return Verdict(verdict)

    def finding(self, product: bytes) -> Finding:
        """What was found for it last."""
        return self.shadow.model.ledger.findings[product]

    def shown(self, product: bytes) -> Verdict:
        """What can be relied on now."""
        return self.shadow.show(product)
