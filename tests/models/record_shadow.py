"""Records with its model, called side by side as in `Shadow`, in a world with lots and devices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from goldthread.audit import lots as lots_audit
from goldthread.audit import records as records_audit
from goldthread.audit.base import Difference
from goldthread.chain.logs import Event
from tests.models.devices import Devices, DevicesLedger
from tests.models.lot_shadow import LotShadow
from tests.models.lots import LotsLedger
from tests.models.module_shadows import asked, events_of
from tests.models.records import (
    NOTHING,
    Authorship,
    Countersignature,
    Records,
    RecordsLedger,
    Statement,
    digest_of_countersignature,
    digest_of_statement,
    domain_of,
    schema_id,
)
from tests.models.shadow import Point
from tests.support import Node
from tests.support.contract import Sender
from tests.support.signers import Signer


class RecordPoint(NamedTuple):
    """A moment to go back to."""

    shadow: Point
    lots: LotsLedger
    devices: DevicesLedger
    records: RecordsLedger


class RecordShadow(LotShadow):
    """A world with records."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.contract = self.world.records
        self.devices = Devices(DevicesLedger(), self.consortium, self.twins)
        domain = domain_of(self.contract.address, node.chain_id)
        parts = self.consortium, self.twins, self.devices, self.lots
        self.model = Records(RecordsLedger(), *parts, domain)
        self.catch_up()

    def tell(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Records and its model; True if both did it."""
        return self._both(self.contract, self.model, function, args, sender)

    def equip(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Devices and its model; True if both did it."""
        return self._both(self.world.devices, self.devices, function, args, sender)

    def sign(  # type: ignore[override]
        self,
        statement: Statement,
        signer: Signer,
        sequence: int,
        deadline: int,
        *,
        supersedes: bytes = NOTHING,
        reason: bytes = NOTHING,
        device: bytes = NOTHING,
    ) -> Authorship:
        """A real signature under a statement, known to the model as one."""
        args = supersedes, reason, device, sequence, deadline
        digest = digest_of_statement(self.model.domain, statement, *args)
        signature = signer.sign(digest)
        self.model.signatures[signature] = signer.name, digest
        self.devices.signatures[signature] = signer.name, digest
        return Authorship(sequence, deadline, signer.name, signature)

    def sign_second(self, item: Countersignature, signer: Signer, deadline: int) -> tuple[bytes, bytes]:
        """Signer and real signature in second place, known to the model as one."""
        digest = digest_of_countersignature(self.model.domain, item, deadline)
        signature = signer.sign(digest)
        self.model.signatures[signature] = signer.name, digest
        return signer.name, signature

    def replayed_records(self) -> RecordsLedger:
        """What the logs of Records add up to."""
        ledger = RecordsLedger()
        for event in events_of(self, "Records", self.contract):
            ledger.apply((event.name, event.args))
        return ledger

    def check_records(self) -> None:
        """The logs alone lead to the state of the model, and to what the views show."""
        ledger, contract = self.model.ledger, self.contract
        self.consortium.now = self.node.timestamp
        assert self.replayed_records() == ledger
        for schema, (org, name, version, terms) in ledger.schemas.items():
            assert contract.schemaIdOf(org, name, version) == schema == schema_id(org, name, version)
            assert contract.newestSchema(org, name) == ledger.newest(org, name)
            kept = contract.schema(schema)
            assert kept.terms == terms
            assert kept[:3] == (org, version, ledger.outdated(schema))
        for record, _, page in ledger.records():
            self.check_record(record)
            for account in {page.author, *ledger.signers(record)}:
                bits = ledger.signatures.get((record, account), 0)
                assert contract.signedBy(record, account) == bits
        for subject, book in ledger.books.items():
            assert contract.recordCount(subject) == len(book)
        for account, turn in ledger.turns.items():
            assert contract.sequenceOf(account) == turn
        for thing, org, reason in ledger.holds:
            assert contract.legallyHeld(thing, org, reason)
            assert contract.legalHolds(thing) == ledger.held(thing)
        assert self.audit(events_of(self, "Records", contract)) == []

    def check_record(self, record: bytes) -> None:
        """All that is told of one record."""
        ledger, contract = self.model.ledger, self.contract
        expected = ledger.view(record)
        assert contract.recordOf(record) == expected
        assert contract.subjectOf(record) == expected[0]
        assert contract.schemaOf(record) == expected[1]
        assert contract.contentOf(record) == expected[2]
        assert contract.authorOf(record) == expected[3:5]
        assert contract.successorOf(record) == expected[-1]
        assert contract.complete(record) == expected[-2]
        assert contract.retainUntil(record) == self.model.retain_until(record)
        for meaning in range(16):
            signed = meaning != 0 and expected[14] & meaning == meaning
            assert contract.countersigned(record, meaning) == signed

    def audit(self, events: Iterable[Event]) -> list[Difference]:
        """Where the package's own reading of the logs and the contract disagree."""
        state = records_audit.rebuild(events)
        stock = lots_audit.rebuild(self.lot_events())
        return asked(self.contract, "Records", records_audit.views(state, stock))

    def point(self) -> RecordPoint:  # type: ignore[override]
        lots, devices = self.lots.ledger.copy(), self.devices.ledger.copy()
        return RecordPoint(super().point(), lots, devices, self.model.ledger.copy())

    def back_to(self, point: RecordPoint) -> None:  # type: ignore[override]
        super().back_to(point.shadow)
        self.lots.ledger, self.devices.ledger = point.lots.copy(), point.devices.copy()
        self.model.ledger = point.records.copy()
