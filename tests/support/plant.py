"""A plant that makes batches: lots of the maker, forms for its records, people who write and sign them.

plant = Plant.create(node)
programme = plant.register([plant.step("weighing"), plant.step("yield", mandatory=False)])
case = plant.case(programme)
record = plant.write()                                  # by the operator, about the plant's first lot
plant.fulfil(case, 0)                                   # written, submitted, accepted
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from eth_utils.crypto import keccak

from tests.models.batch_release import Decision, Master
from tests.models.compliance import ZERO, Definition, Requirement, Terms, case_id, programme_id

from .contract import Contract, Sender
from .nodes import Account, Node, Receipt
from .words import Duty, Kind
from .world import DAY, Commission, Org, World, lot_uri, person, sscc

NOBODY = "0x" + 40 * "0"
YEAR = 366 * DAY
REVIEW, APPROVAL = 2, 4
MASTER = Master(100_000 * 10**6, 950_000, 1_020_000)


class SchemaTerms(NamedTuple):
    """`IRecords.Terms`: a form for people with the duty RECORD, of whatever organisation."""

    definition: bytes = keccak(text="the definition of a form")
    roles: int = 0
    duties: int = Duty.RECORD
    signer_roles: int = 0
    max_lag: int = DAY
    second_persons: int = 0
    meanings: int = 0
    authority: int = 0
    authors: int = 0
    rule: str = NOBODY
    retention: tuple[int, int, int] = (YEAR, YEAR, 3 * YEAR)


class Statement(NamedTuple):
    """`IRecords.Statement`."""

    subject: bytes
    schema: bytes
    content: bytes
    documents: int
    effective_at: int
    original: bytes = ZERO
    signer_name: bytes = ZERO
    data: bytes = b""
    uri: str = ""


@dataclass
class Plant:
    """The contracts, the maker's people, one lot, and the form `step` that no second person signs."""

    world: World
    lot: bytes
    form: bytes
    checked: bytes
    """A form that a second person signs."""
    operator: Account
    second: Account
    """Another one with the same duties."""
    qa: Account
    written: int = 0
    programmes: int = 0
    signer_name: bytes = ZERO
    """Of who writes and signs next."""
    registered: Receipt | None = None
    """Of the last programme."""
    contents: dict[bytes, bytes] = field(default_factory=dict)

    @classmethod
    def create(cls, node: Node, world: World | None = None) -> Plant:
        """Deploy everything and define the forms."""
        world = world or World.create(node)
        lot = world.commission(Commission(lot_uri("B1"), quantity=100_000 * 10**6, expiry=world.now + YEAR))
        assert world.batch_release
        operator, second, qa = (person(f"plant {name}") for name in ("operator", "second", "qa"))
        for account in (operator, second):
            world.hire(world.maker, account, Duty.RECORD)
        world.hire(world.maker, qa, Duty.QUALITY | Duty.RECORD)
        plant = cls(world, lot, ZERO, ZERO, operator, second, qa)
        plant.form = plant.schema("step")
        plant.checked = plant.schema("checked step", second_persons=1)
        return plant

    @property
    def node(self) -> Node:
        return self.world.node

    @property
    def maker(self) -> Org:
        return self.world.maker

    @property
    def contract(self) -> Contract:
        return self.world.compliance

    @property
    def releases(self) -> Contract:
        return self.world.batch_release

    @property
    def now(self) -> int:
        return self.world.now

    # Things

    def new_lot(self, number: str, **changes: Any) -> bytes:
        """Another lot of the maker."""
        fields = {"quantity": 100_000 * 10**6, "expiry": self.now + YEAR} | changes
        return self.world.commission(Commission(lot_uri(number), **fields))

    def container(self, serial: str = "1") -> bytes:
        """A container of the maker."""
        return self.world.register(sscc(serial), Kind.CONTAINER)

    # Records

    def schema(self, name: str, *, org: Org | None = None, **terms: Any) -> bytes:
        """Define a form; its id."""
        sender = (org or self.maker).quality
        args = name, 1, SchemaTerms(**terms)
        identifier: bytes = self.world.records.defineSchema.call(*args, sender=sender)
        self.world.records.defineSchema(*args, sender=sender)
        return identifier

    def write(
        self,
        subject: bytes | None = None,
        schema: bytes | None = None,
        *,
        sender: Sender | None = None,
        age: int = 0,
    ) -> bytes:
        """Write a record, by the operator and about the first lot unless others are named; its id."""
        statement = self._statement(subject or self.lot, schema or self.form, age)
        call = self.world.records.write
        record: bytes = call.call(statement, sender=sender or self.operator)
        call(statement, sender=sender or self.operator)
        self.contents[record] = statement.content
        return record

    def amend(self, record: bytes, *, sender: Sender | None = None) -> bytes:
        """Supersede a record; the id of the new one."""
        entry = self.world.records.recordOf(record)
        statement = self._statement(entry.subject, entry.schema, 0)
        args = statement, record, keccak(text="a slip of the pen")
        new: bytes = self.world.records.amend.call(*args, sender=sender or self.operator)
        self.world.records.amend(*args, sender=sender or self.operator)
        self.contents[new] = statement.content
        return new

    def countersign(self, record: bytes, sender: Sender | None = None, meaning: int = REVIEW) -> Receipt:
        """Sign a record in second place, by quality unless somebody else is named."""
        item = record, self.contents[record], meaning, self.signer_name
        receipt: Receipt = self.world.records.countersign(item, sender=sender or self.qa)
        return receipt

    def _statement(self, subject: bytes, schema: bytes, age: int) -> Statement:
        self.written += 1
        content = keccak(text=f"document {self.written}")
        return Statement(subject, schema, content, 1, self.now - age, signer_name=self.signer_name)

    # Programmes and cases

    def step(self, code: str, schemas: Sequence[bytes] | None = None, **terms: Any) -> Requirement:
        """A requirement."""
        name = code.encode().ljust(32, b"\0")
        return Requirement(Terms(name, **terms), tuple(schemas or (self.form, self.checked)))

    def register(self, steps: Sequence[Requirement], *, org: Org | None = None, **definition: Any) -> bytes:
        """Register a programme of its own name; its id."""
        self.programmes += 1
        org, name = org or self.maker, f"programme {self.programmes}"
        made = Definition(keccak(text=name), requirements=tuple(steps), **definition)
        self.registered = self.contract.register(name, 1, made, sender=org.quality)
        return programme_id(org.number, name, 1)

    def case(
        self,
        programme: bytes,
        subject: bytes | None = None,
        *,
        period: int = 0,
        reviewer: Org | None = None,
        org: Org | None = None,
    ) -> bytes:
        """Open a case about the first lot unless something else is named; its id."""
        org, subject = org or self.maker, subject or self.lot
        args = programme, subject, period, reviewer.number if reviewer else 0
        self.contract.open(*args, sender=org.quality)
        return case_id(programme, subject, org.number, period)

    def submit(self, case: bytes, index: int, record: bytes, *, sender: Sender | None = None) -> Receipt:
        """By the operator unless somebody else is named."""
        receipt: Receipt = self.contract.submit(case, index, record, sender=sender or self.operator)
        return receipt

    def accept(self, case: bytes, index: int, record: bytes, *, sender: Sender | None = None) -> Receipt:
        """By quality unless somebody else is named."""
        receipt: Receipt = self.contract.accept(case, index, record, sender=sender or self.qa)
        return receipt

    def fulfil(self, case: bytes, *indexes: int, age: int = 0, sender: Sender | None = None) -> bytes:
        """Write one record for all of these, submit it and have it accepted."""
        facts = self.contract.caseOf(case)
        record = self.write(facts.subject, sender=sender, age=age)
        for index in indexes:
            self.submit(case, index, record, sender=sender)
            self.accept(case, index, record)
        return record

    # Batches

    def batch(self, steps: int = 2, subject: bytes | None = None, master: Master = MASTER) -> bytes:
        """A case with so many steps, as a batch."""
        programme = self.register([self.step(f"step {i}") for i in range(steps)])
        self.releases.setMaster(programme, master, sender=self.qa)
        case = self.case(programme, subject)
        self.releases.openBatch(case, sender=self.qa)
        return case

    def report_yield(self, case: bytes, actual: int = 97_340 * 10**6) -> bytes:
        """By the operator; its record."""
        record = self.write(self.contract.caseOf(case).subject)
        self.releases.reportYield(case, actual, record, sender=self.operator)
        return record

    def ready(self, case: bytes) -> None:
        """Fulfil all steps and report a good yield."""
        count = self.contract.programmeOf(self.contract.caseOf(case).programme).count
        self.fulfil(case, *range(count))
        self.report_yield(case)

    def decision(self, case: bytes, release: bool = True, **changes: Any) -> Decision:
        """About the batch as it stands."""
        seen = self.world.records.recordCount(self.contract.caseOf(case).subject)
        record = ZERO if release else keccak(text="why it is rejected")
        made = Decision(case, release, record, seen, keccak(text="a printed name"), self.now + DAY)
        return made._replace(**changes)

    def release(self, case: bytes, *, sender: Sender | None = None) -> Receipt:
        """By quality unless somebody else is named."""
        receipt: Receipt = self.releases.decide(self.decision(case), sender=sender or self.qa)
        return receipt
