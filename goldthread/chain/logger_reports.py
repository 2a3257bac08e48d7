"""Reports that loggers sign themselves, as the contract LoggerReports takes them.

call = attest(deployment, read("report.txt"), model)      # for the newest attachment of the logger
receipt = sender.send(call)
for found in contradictions(deployment, report, archive.segments()):   # what segments say otherwise
    sender.send(found.call)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from typing import Any, NamedTuple

from goldthread.chain.contracts import Call, Deployment
from goldthread.chain.devices import low_s
from goldthread.chain.errors import ContractError
from goldthread.chain.logs import Event
from goldthread.chain.segments import Segment
from goldthread.hashing import keccak
from goldthread.rules.fridge_tag import EPOCH, SignedReport
from goldthread.rules.readings import QUANTITIES
from goldthread.rules.summaries import Limit

TEMPERATURE = QUANTITIES[1].number
DAY = 86_400


class Contradiction(IntEnum):
    """How a report contradicts segments (ILoggerReports.Contradiction)."""

    MIN_MISSED = 1
    MAX_MISSED = 2
    LOW_MISSED = 3
    HIGH_MISSED = 4
    MIN_UNSEEN = 5
    MAX_UNSEEN = 6


class LotKey(NamedTuple):
    """The key of a lot of loggers, as `ILoggerReports.LotKey`."""

    model: bytes
    lot: bytes
    x: bytes
    y: bytes

    @classmethod
    def of(cls, model: bytes, signed: SignedReport) -> LotKey:
        """The key that a report names, for loggers of this model (id of a DESIGN twin)."""
        point = (number.to_bytes(32, "big") for number in (signed.x, signed.y))
        return cls(model, signed.report.lot.ljust(32, b"\0"), *point)

    @property
    def id(self) -> bytes:
        """Its id on chain."""
        return keccak(b"".join(self))

    def logger(self, serial: int) -> bytes:
        """Id of a logger of the lot."""
        return keccak(self.id + serial.to_bytes(32, "big"))


@dataclass(frozen=True)
class AttestedDay:
    """A day of a report that is on chain: when the logger measured (unix seconds), and its extremes in
    hundredths of a degree Celsius.
    """

    date: date
    from_: int
    to: int
    lowest: int
    highest: int


class AttestedReport(NamedTuple):
    """A report that is on chain, as `ILoggerReports.Report`."""

    digest: bytes
    key: bytes
    subject: bytes
    frame: int
    table: tuple[int, ...]

    @classmethod
    def of(cls, event: Event) -> AttestedReport:
        """From the event ReportAttested."""
        return cls(event["digest"], event["key"], event["subject"], event["frame"], tuple(event["table"]))

    def day(self, place: int) -> AttestedDay:
        """A day by its place in the table (library LoggerWords)."""
        word, (offset, activated, created) = self.table[place], self._clock
        local = (word & 0xFFFFFF) * DAY - offset * 60
        lowest, highest = (_signed(word >> shift, 16) for shift in (24, 40))
        when = EPOCH + timedelta(days=word & 0xFFFFFF)
        return AttestedDay(when, max(local, activated), min(local + DAY, created), lowest, highest)

    @property
    def _clock(self) -> tuple[int, int, int]:
        offset = _signed(self.frame >> 104, 16)
        return offset, self.frame >> 120 & (1 << 40) - 1, self.frame >> 160 & (1 << 40) - 1


@dataclass(frozen=True)
class Contradicted:
    """Segments that a report contradicts, and the call that puts it on record."""

    day: AttestedDay
    kind: Contradiction
    segments: tuple[Segment, ...]
    call: Call


class NotAttachedError(Exception):
    """No attachment of the logger is on chain."""


def attest(deployment: Deployment, signed: SignedReport, model: bytes, attachment: int | None = None) -> Call:
    """The call that hands in a report, for the newest attachment of its logger unless another is named.

    Raises `NotAttachedError` if the logger was never attached to anything.
    """
    contract, key = deployment.logger_reports, LotKey.of(model, signed)
    if attachment is None:
        attachment = contract.loggerOf(key.logger(signed.report.serial)).attachments
        if attachment == 0:
            raise NotAttachedError(
                f"logger {signed.report.serial:012} of lot {signed.report.lot.decode(errors='replace')}, "
                f"model 0x{model.hex()}: was never attached to a twin, so nothing says what it measured"
            )
    r, s = (number.to_bytes(32, "big") for number in (signed.r, low_s(signed.s)))
    call: Call = contract.attestReport(signed.text, key, r, s, attachment)
    return call


def contradictions(
    deployment: Deployment, report: AttestedReport, segments: Iterable[Segment]
) -> Iterator[Contradicted]:
    """What the report contradicts among these segments, by the contract's own answer. A way in which the two
    cannot be compared, or a segment that is not anchored, is no contradiction.
    """
    tolerance = 2 * deployment.logger_reports.keyState(report.key).accuracy
    low, high = (_signed(report.frame >> shift, 16) for shift in (200, 216))
    inner = Limit(False, low + tolerance), Limit(True, high - tolerance)
    streams: dict[bytes, dict[int, Segment]] = defaultdict(dict)
    for segment in segments:
        if segment.subject == report.subject and segment.quantity == TEMPERATURE:
            streams[segment.device][segment.seq] = segment
    for found in streams.values():
        stream = [found[seq] for seq in sorted(found)]
        for place in range(len(report.table)):
            for kind, limit, part in _suspects(report.day(place), stream, inner):
                about = report, place, kind, limit, [segment.to_contract() for segment in part]
                if _holds(deployment, about):
                    call = deployment.logger_reports.contradict(*about)
                    yield Contradicted(report.day(place), kind, part, call)


def _suspects(
    day: AttestedDay, stream: Sequence[Segment], inner: Iterable[Limit]
) -> Iterator[tuple[Contradiction, int, tuple[Segment, ...]]]:
    """Segments and ways that are worth asking about. `inner`: the logger's limits, further inside by what the
    two may differ.
    """
    for segment in stream:
        summary = segment.summary
        if day.from_ <= summary.from_ and summary.to <= day.to:
            if summary.min < day.lowest:
                yield Contradiction.MIN_UNSEEN, 0, (segment,)
            if summary.max > day.highest:
                yield Contradiction.MAX_UNSEEN, 0, (segment,)
    begins = [place for place, segment in enumerate(stream) if segment.summary.from_ <= day.from_]
    ends = [place for place, segment in enumerate(stream) if segment.summary.to >= day.to]
    if not begins or not ends or begins[-1] > ends[0]:
        return
    part = tuple(stream[begins[-1] : ends[0] + 1])
    if min(segment.summary.min for segment in part) > day.lowest:
        yield Contradiction.MIN_MISSED, 0, part
    if max(segment.summary.max for segment in part) < day.highest:
        yield Contradiction.MAX_MISSED, 0, part
    told = {excursion.limit for segment in part for excursion in segment.summary.excursions} | {*inner}
    for limit in sorted(told, key=lambda limit: (limit.high, limit.value)):
        kind = Contradiction.HIGH_MISSED if limit.high else Contradiction.LOW_MISSED
        yield kind, limit.value, part


def _holds(deployment: Deployment, about: tuple[Any, ...]) -> bool:
    try:
        return bool(deployment.logger_reports.contradicts(*about))
    except ContractError as error:
        if error.name in ("NotComparable", "NotConsecutive"):
            return False
        raise


def _signed(word: int, width: int) -> int:
    field = word & (1 << width) - 1
    return field - (1 << width) if field >> (width - 1) else field
