"""A maker that licenses a design, and a supplier that makes things to it, through `LicenceShadow`."""

from __future__ import annotations

from typing import Any

from tests.models.licence_shadow import LicenceShadow
from tests.models.licences import ONE, Made, Terms
from tests.support.contract import Sender
from tests.support.nodes import Account
from tests.support.words import Duty, Kind
from tests.support.world import (
    DAY,
    SUPPLIER_PREFIX,
    Commission,
    Org,
    World,
    asset,
    lot_uri,
    person,
    twin_id,
    uri,
)

TERM = 400 * DAY


class Licensing:
    """The maker's design, its licences, and the people of the supplier."""

    def __init__(self, shadow: LicenceShadow) -> None:
        self.shadow = shadow
        self.world: World = shadow.world
        self.contract = shadow.contract
        self.design = self.new_design("DESIGN")
        self.licensor, self.licensee = self.world.maker, self.world.supplier
        self.start = self.world.now

    def new_design(self, name: str) -> bytes:
        """Another design of the maker's."""
        design = self.world.register(asset(name), Kind.DESIGN)
        self.shadow.catch_up()
        return design

    def terms(self, **changes: Any) -> Terms:
        """Two seats and one more, for everything that a licence can be for."""
        terms = Terms(
            self.start, self.start + TERM, 2, 1, 2, 168, lendable=True, transferable=True, units=3 * ONE,
            unit_overdraft=ONE,
        )  # fmt: skip
        return terms._replace(**changes)

    def grant(
        self, *, to: Org | None = None, supersedes: int = 0, design: bytes | None = None, **changes: Any
    ) -> int:
        """Grant a licence; its number."""
        licensee = (to or self.licensee).number
        args = design or self.design, licensee, self.terms(**changes), supersedes
        owner = self.shadow.twins.ledger.twins[args[0]].owner
        number: int = self.contract.grant.call(*args, sender=self.world.orgs[owner - 1].finance)
        assert self.shadow.tell("grant", *args, sender=self.world.orgs[owner - 1].finance)
        return number

    def hire(self, name: str, org: Org | None = None, duties: int = Duty.RECORD) -> Account:
        """A new account of the supplier, or of somebody else."""
        account = person(name)
        self.world.hire(org or self.licensee, account, duties)
        self.shadow.catch_up()
        return account

    def part(self, serial: str, org: Org | None = None) -> bytes:
        """A part that the supplier made, or somebody else with its prefix."""
        org = org or self.licensee
        link = uri(serial, SUPPLIER_PREFIX) if org is self.world.supplier else uri(serial)
        part = self.world.register(link, org=org)
        self.shadow.catch_up()
        return part

    def lot(self, number: str) -> bytes:
        """A lot that the supplier made."""
        link = lot_uri(number, SUPPLIER_PREFIX)
        self.world.commission(Commission(link, quantity=5 * ONE), self.licensee)
        self.shadow.catch_up()
        return twin_id(link)

    def make(self, licence: int, *made: Made, sender: Sender | None = None) -> bool:
        """Count what was made."""
        return self.shadow.tell("consume", licence, list(made), sender=sender or self.licensee.register)
