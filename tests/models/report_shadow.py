"""LoggerReports with its model, called side by side as in `Shadow`, over a cold chain with models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from goldthread.audit import logger_reports as reports_audit
from goldthread.audit.base import Difference
from goldthread.chain.logs import Event
from tests.models.devices import NOTHING
from tests.models.logger_reports import LoggerReports, ReportsLedger, Tag
from tests.models.module_shadows import asked, events_of
from tests.models.rules import Objections, Refused
from tests.models.segments import Limit, Reading, Segment
from tests.models.watch import Watch
from tests.support import Node, Reverted
from tests.support.coldchain import Logger
from tests.support.contract import Sender
from tests.support.fridge_tags import FridgeTag
from tests.support.witness import Report, Witness


class ReportPoint(NamedTuple):
    """A moment to go back to."""

    watch: Any
    devices: Any
    telemetry: Any
    reports: ReportsLedger


class ReportShadow(Watch):
    """A witness, the models of all contracts that it needs, and the comparison of the two."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.witness = Witness.on(self.cold)
        self.contract = self.witness.contract
        self.model = LoggerReports(ReportsLedger(), self.twins, self.telemetry)
        self.catch_up()
        self.model.ledger = self.replayed_reports()

    def tell(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call LoggerReports and its model; True if both did it."""
        return self._both(self.contract, self.model, function, args, sender)

    def attest(self, tag: FridgeTag, attachment: int = 1, **changes: Any) -> bool:
        """Have a report attested by a stranger once it is written."""
        self.witness.wait_for(tag)
        return self.hand_in(tag, attachment, **changes)

    def hand_in(self, tag: FridgeTag, attachment: int = 1, **changes: Any) -> bool:
        """The same now."""
        self.model.written[tag.text] = tag
        args = self.witness.signed(tag, attachment)._replace(**changes)
        return self.tell("attestReport", *args, sender=self.world.stranger)

    def report(self, tag: FridgeTag, attachment: int = 1) -> Report:
        """What the model makes of a report."""
        key = self.witness.signed(tag).key
        made = self.model.ledger.tags[key.logger(tag.serial)].attachments[attachment - 1]
        return self.model.report_of(tag, key, made, attachment)

    def anchored(
        self,
        readings: Sequence[Reading],
        limits: Iterable[Limit] = (),
        seq: int = 1,
        logger: Logger | None = None,
        **how: Any,
    ) -> Segment:
        """A segment of the carrier's device, anchored when it is complete."""
        limits = list(limits)
        logger = logger or self.cold.logger
        segment = self.cold.segment(readings, seq, limits, logger=logger, **how)
        digest = self.telemetry.digest_of(segment)
        signed = self.cold.sign(segment, logger)
        self.devices.signatures[signed[2]] = (signed[1], digest)
        self.model.archive[digest] = readings, limits
        self.cold.wait_for(segment)
        assert self.anchor(signed, self.world.stranger)
        return segment

    def says(
        self, report: Report, day: int, kind: int, limit: int, segments: Sequence[Segment]
    ) -> bool | None:
        """What `contradicts` says, as the model does; none if the two cannot be compared."""
        self.consortium.now = self.node.timestamp
        no = Objections()
        args = report, day, kind, limit, segments
        try:
            expected = self.model.contradicts(no, *args)
            no.settle()
        except Refused as refused:
            try:
                found = self.contract.contradicts(*args)
            except Reverted as reverted:
                reason = reverted.error, tuple(reverted.values)
                assert reason in refused.reasons, f"{reason}, expected {refused.reasons}"
                return None
            raise AssertionError(f"{found}, expected {refused.reasons}") from None
        assert self.contract.contradicts(*args) == expected, (args, expected)
        return expected

    def replayed_reports(self) -> ReportsLedger:
        """What the logs of all transactions add up to."""
        ledger = ReportsLedger()
        for event in events_of(self, "LoggerReports", self.contract):
            ledger.apply((event.name, event.args))
        return ledger

    def check_reports(self) -> None:
        """The logs alone lead to the state of the model, and to what the views show."""
        ledger, contract = self.model.ledger, self.contract
        assert self.replayed_reports() == ledger
        for id_, key in ledger.keys.items():
            assert contract.keyState(id_) == key
        for logger, tag in ledger.tags.items():
            assert contract.loggerOf(logger) == tag.view
            for number, attachment in enumerate(tag.attachments, 1):
                assert contract.attachmentOf(logger, number) == attachment
            if tag.twin != NOTHING:
                assert contract.standsFor(tag.twin) == logger
        for id_ in ledger.reports:
            assert contract.attested(id_)
        for segment in ledger.contradicted:
            assert contract.isContradicted(segment) == ledger.is_contradicted(segment)
        assert contract.loggerOf(bytes(32)) == Tag().view
        assert self.audit(events_of(self, "LoggerReports", self.contract)) == []

    def audit(self, events: Iterable[Event]) -> list[Difference]:
        """Where the package's own reading of the logs and the contract disagree."""
        state = reports_audit.rebuild(events)
        return asked(self.contract, "LoggerReports", reports_audit.views(state))

    def now(self) -> ReportPoint:
        """This moment."""
        return ReportPoint(
            self.point(),
            self.devices.ledger.copy(),
            self.telemetry.ledger.copy(),
            self.model.ledger.copy(),
        )

    def again(self, point: ReportPoint) -> None:
        """Return to a moment; later ones are forgotten."""
        self.back_to(point.watch)
        self.devices.ledger = point.devices.copy()
        self.telemetry.ledger = point.telemetry.copy()
        self.model.ledger = point.reports.copy()
