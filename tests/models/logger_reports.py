"""The model of `LoggerReports`, written from ILoggerReports.

It does not read texts: it knows the loggers that wrote them. And it judges segments by the readings in them,
not by their summaries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import IntEnum
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from eth_utils.crypto import keccak

from tests.models import bits
from tests.models.devices import NOTHING, Telemetry
from tests.models.rules import Fact, Objections
from tests.models.segments import TEMPERATURE, Frame, Limit, Reading, Segment, runs
from tests.models.twins import Twins
from tests.support.fridge_tags import FridgeTag
from tests.support.witness import LoggerFrame, LotKey, Report, seconds
from tests.support.words import Duty, EndOfLife, Kind, Role
from tests.support.world import DAY

FINEST = 50
STEP = 900
MINUTE = 60
MAJOR = 2
CONTRADICTED = keccak(text="CONTRADICTED")[:4]


class Contradiction(IntEnum):
    """As `ILoggerReports.Contradiction`."""

    NONE = 0
    MIN_MISSED = 1
    MAX_MISSED = 2
    LOW_MISSED = 3
    HIGH_MISSED = 4
    MIN_UNSEEN = 5
    MAX_UNSEEN = 6


class Key(NamedTuple):
    """As `ILoggerReports.KeyState`."""

    org: int = 0
    accuracy: int = 0
    expiry: int = 0
    revoked: bool = False


class Attachment(NamedTuple):
    """As `ILoggerReports.Attachment`."""

    subject: bytes = NOTHING
    org: int = 0
    since: int = 0
    until: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Tag:
    """A logger."""

    twin: bytes = NOTHING
    attachments: tuple[Attachment, ...] = ()
    struck: int = 0

    @property
    def view(self) -> tuple[bytes, int, int]:
        return self.twin, len(self.attachments), self.struck

    @property
    def current(self) -> Attachment | None:
        """The attachment that lasts."""
        counted = self.attachments[self.struck :]
        return counted[-1] if counted and counted[-1].until == 0 else None

    def attachment(self, number: int) -> Attachment | None:
        """An attachment that counts."""
        return self.attachments[number - 1] if self.struck < number <= len(self.attachments) else None


class Day(NamedTuple):
    """A day of a report, as in library LoggerWords."""

    date: int
    min: int
    max: int
    low_minutes: int
    high_minutes: int
    low_alarm: int
    high_alarm: int
    timeout: int

    @property
    def word(self) -> int:
        return bits.join(self, (24, 16, 16, 16, 16, 16, 16, 16))


def day_of(tag: FridgeTag, index: int) -> Day:
    """What the logger says of a day."""
    told = tag.days[index]
    alarms = [0 if at is None else at + 1 for at in (told.low_alarm, told.high_alarm)]
    dated = (tag.date(index).date() - date(1970, 1, 1)).days
    return Day(dated, told.min * 10, told.max * 10, told.low, told.high, *alarms, told.timeout)


@dataclass
class ReportsLedger:
    """What the events of a LoggerReports contract add up to."""

    keys: dict[bytes, Key] = field(default_factory=dict)
    tags: dict[bytes, Tag] = field(default_factory=dict)
    reports: dict[bytes, Report] = field(default_factory=dict)
    contradicted: dict[bytes, bytes] = field(default_factory=dict)
    """The key behind what contradicts a segment."""

    def copy(self) -> ReportsLedger:
        return ReportsLedger(dict(self.keys), dict(self.tags), dict(self.reports), dict(self.contradicted))

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "LotKeyRegistered":
                self.keys[a["key"]] = Key(a["org"], a["accuracy"], a["expiry"])
            case "LotKeyRevoked":
                self.keys[a["key"]] = self.keys[a["key"]]._replace(revoked=True)
            case "LoggerEnrolled":
                self.tags[a["logger"]] = replace(self.tags.get(a["logger"], Tag()), twin=a["twin"])
            case "LoggerStruck":
                self.tags[a["logger"]] = replace(self.tags[a["logger"]], twin=NOTHING, struck=a["struck"])
            case "LoggerAttached":
                made = Attachment(a["subject"], a["org"], a["since"], 0, a["offset"])
                self._attachments(a["logger"], *self.tags[a["logger"]].attachments, made)
            case "LoggerDetached":
                *before, last = self.tags[a["logger"]].attachments
                self._attachments(a["logger"], *before, last._replace(until=a["until"]))
            case "ReportAttested":
                told = a["digest"], a["key"], a["subject"], a["frame"], tuple(a["table"])
                self.reports[a["id"]] = Report(*told)
            case "SegmentContradicted":
                self.contradicted[a["segment"]] = self.reports[a["report"]].key
            case "Alert":
                pass
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def _attachments(self, logger: bytes, *attachments: Attachment) -> None:
        self.tags[logger] = replace(self.tags[logger], attachments=attachments)

    def logger_of(self, twin: bytes) -> bytes:
        """The logger that the twin stands for."""
        return next((logger for logger, tag in self.tags.items() if tag.twin == twin), NOTHING)

    def is_contradicted(self, segment: bytes) -> bool:
        key = self.contradicted.get(segment)
        return key is not None and not self.keys[key].revoked


class LoggerReports:
    """The rules."""

    def __init__(self, ledger: ReportsLedger, twins: Twins, telemetry: Telemetry) -> None:
        self.ledger = ledger
        self.twins = twins
        self.telemetry = telemetry
        self.consortium = twins.consortium
        self.written: dict[bytes, FridgeTag] = {}
        """Who wrote a text."""
        self.archive: dict[bytes, tuple[Sequence[Reading], Sequence[Limit]]] = {}
        """Readings behind the digest of a segment, and the limits that it tells of."""

    @property
    def now(self) -> int:
        return self.consortium.now

    # Keys

    def registerLotKey(self, key: LotKey, accuracy: int, expiry: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        roles = Role.MANUFACTURER | Role.REGULATOR
        org = self.consortium.authorize(no, sender, Duty.DEVICE_ADMIN, roles)
        model = self.twins.ledger.twins.get(key.model)
        if model is None or model.kind != Kind.DESIGN or model.end != EndOfLife.NONE:
            no.final("NotAModel", key.model)
        allowed = model.maker == org or self._is_regulator(org)
        no.when(not allowed, "NotMaker", key.model, org, model.maker)
        no.when(not on_curve(key.x, key.y), "NotOnCurve", key.x, key.y)
        no.when(accuracy < FINEST, "AccuracyTooFine", accuracy, FINEST)
        no.when(expiry < self.now, "KeyExpired", key.id, expiry, self.now)
        no.when(key.id in self.ledger.keys, "KeyExists", key.id)
        what = {"caller": sender, "lot": key.lot, "x": key.x, "y": key.y}
        fact = {"key": key.id, "org": org, "model": key.model, **what, "accuracy": accuracy, "expiry": expiry}
        return self._happened(no, ("LotKeyRegistered", fact))

    def revokeLotKey(self, key: bytes, reason: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        no, org = self._registrar(key, sender)
        no.when(self.ledger.keys[key].revoked, "KeyIsRevoked", key)
        fact = {"key": key, "org": org, "reason": reason, "caller": sender}
        return self._happened(no, ("LotKeyRevoked", fact))

    # Loggers

    def enrol(self, key: bytes, serial: int, twin: bytes, *, sender: str) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.DEVICE_ADMIN)
        logger = logger_id(key, serial)
        self._owned(no, logger, org, twin)
        known = self.twins.ledger.twins[twin]
        no.when(known.kind != Kind.ASSET or known.end != EndOfLife.NONE, "NotALogger", twin)
        self._good_key(no, key)
        no.when(serial >= 10**12, "NotASerial", serial)
        taken = self.ledger.tags.get(logger, Tag()).twin
        no.when(taken != NOTHING, "SerialTaken", logger, taken)
        other = self.ledger.logger_of(twin)
        no.when(other != NOTHING, "StandsForLogger", twin, other)
        fact = {"logger": logger, "org": org, "key": key, "caller": sender, "serial": serial, "twin": twin}
        return self._happened(no, ("LoggerEnrolled", fact))

    def strike(self, key: bytes, serial: int, reason: bytes, *, sender: str) -> list[Fact]:
        no, org = self._registrar(key, sender)
        logger = logger_id(key, serial)
        tag = self.ledger.tags.get(logger, Tag())
        no.when(tag.twin == NOTHING, "NotEnrolled", logger)
        what = {"caller": sender, "twin": tag.twin, "struck": len(tag.attachments)}
        return self._happened(no, ("LoggerStruck", {"logger": logger, "org": org, "reason": reason, **what}))

    def attach(self, logger: bytes, subject: bytes, offset: int, *, sender: str) -> list[Fact]:
        no, org, tag = self._administered(logger, sender)
        no.when(abs(offset) > DAY // MINUTE, "OffsetOutOfRange", offset)
        if tag.current is not None:
            no.when(True, "AlreadyAttached", logger, tag.current.subject)
        twin = self.twins.ledger.twins.get(subject)
        holder = twin is not None and org in (twin.owner, self.twins.ledger.custodian(subject))
        no.when(not holder, "NotSubjectHolder", subject, org)
        number = len(tag.attachments) + 1
        what = {"caller": sender, "attachment": number, "since": self.now, "offset": offset}
        return self._happened(
            no, ("LoggerAttached", {"logger": logger, "subject": subject, "org": org, **what})
        )

    def detach(self, logger: bytes, *, sender: str) -> list[Fact]:
        no, org, tag = self._administered(logger, sender)
        if tag.current is None:
            no.final("NotAttached", logger)
        what = {"caller": sender, "attachment": len(tag.attachments), "until": self.now}
        fact = {"logger": logger, "subject": tag.current.subject, "org": org, **what}
        return self._happened(no, ("LoggerDetached", fact))

    # Reports

    def attestReport(  # noqa: N802
        self, text: bytes, key: LotKey, r: bytes, s: bytes, attachment: int, *, sender: str
    ) -> list[Fact]:
        no, tag = Objections(), self.written[text]
        lot = tag.lot.name.encode().ljust(32, b"\0")
        no.when(lot != key.lot, "WrongLot", lot, key.lot)
        if key.id not in self.ledger.keys:
            no.final("UnknownKey", key.id)
        self._good_key(no, key.id)
        expiry = self.ledger.keys[key.id].expiry
        no.when(expiry < self.now, "KeyExpired", key.id, expiry, self.now)
        digest = sha256(text).digest()
        no.when(not self.is_signed(tag, key, r, s), "InvalidReportSignature", digest)
        logger = key.logger(tag.serial)
        made = self.ledger.tags.get(logger, Tag()).attachments[attachment - 1 : attachment]
        if not made or attachment == 0:
            no.final("NoSuchAttachment", logger, attachment)
        report = self.report_of(tag, key, made[0], attachment)
        created = report.logger.created
        no.when(created > self.now, "ReportInFuture", created, self.now)
        no.when(not report.table, "NoDayCovered", logger, made[0].since, made[0].until)
        no.when(report.id in self.ledger.reports, "AlreadyAttested", report.id)
        fact = {"id": report.id, "logger": logger, "caller": sender, **report._asdict()}
        fact["table"] = list(report.table)
        return self._happened(no, ("ReportAttested", fact))

    def is_signed(self, tag: FridgeTag, key: LotKey, r: bytes, s: bytes) -> bool:
        """Did the lot with this key sign so, and is that the lower s?"""
        given = int.from_bytes(r, "big"), int.from_bytes(s, "big")
        point = int.from_bytes(key.x, "big"), int.from_bytes(key.y, "big")
        return given == tag.lot.sign(tag.text, high=False) and tag.lot.point == point

    def report_of(self, tag: FridgeTag, key: LotKey, made: Attachment, number: int) -> Report:
        """What the logger says about the twin it was attached to."""
        utc = (seconds(moment) - made.offset * MINUTE for moment in (tag.start, tag.created))
        limits = tag.low * 10, tag.high * 10
        frame = LoggerFrame(tag.serial, number, made.org, made.offset, *utc, *limits)
        report = Report(sha256(tag.text).digest(), key.id, made.subject, frame.word, ())
        table = []
        for index in range(len(tag.days)):
            begin, end = measured(report, day_of(tag, index))
            if made.since <= begin < end and (made.until == 0 or end <= made.until):
                table.append(day_of(tag, index).word)
        return report._replace(table=tuple(table))

    def contradict(
        self, report: Report, day: int, kind: int, limit: int, segments: Sequence[Segment], *, sender: str
    ) -> list[Fact]:
        no = Objections()
        found = self.contradicts(no, report, day, kind, limit, segments)
        no.settle()
        no.when(not found, "NotContradicted", report.id, day, kind)
        digests = [self.telemetry.digest_of(segment) for segment in segments]
        new = [digest for digest in digests if not self.ledger.is_contradicted(digest)]
        no.when(not new, "AlreadyContradicted", digests[-1])
        no.settle()
        what = {"subject": report.subject, "report": report.id, "caller": sender}
        what |= {"kind": kind, "limit": limit, "day": report.table[day]}
        alert = {"subject": report.subject, "code": CONTRADICTED, "org": report.logger.org}
        return self._happened(
            no,
            *(("SegmentContradicted", {"segment": digest, **what}) for digest in new),
            ("Alert", {**alert, "severity": MAJOR, "ref": report.id}),
        )

    def contradicts(
        self,
        no: Objections,
        report: Report,
        day: int,
        kind: int,
        limit: int,
        segments: Sequence[Segment],
    ) -> bool:
        """Does the report contradict the segments? The objections are why the two cannot be compared."""
        if report.id not in self.ledger.reports:
            no.final("NotAttested", report.id)
        logger = logger_id(report.key, report.logger.serial)
        if self.ledger.tags[logger].attachment(report.logger.attachment) is None:
            no.when(True, "NoSuchAttachment", logger, report.logger.attachment)
        self._good_key(no, report.key)
        if day >= len(report.table):
            no.final("NoSuchDay", day, len(report.table))
        if not segments:
            no.final("NotComparable", 0)
        for index, segment in enumerate(segments):
            self._comparable(no, report, segments, index, segment)
        no.settle()
        told = Day(*bits.split(report.table[day], (24, 16, 16, 16, 16, 16, 16, 16)))
        told = told._replace(min=bits.signed(told.min, 16), max=bits.signed(told.max, 16))
        tolerance = 2 * self.ledger.keys[report.key].accuracy
        parts = [self.archive[self.telemetry.digest_of(segment)] for segment in segments]
        readings = [reading for part, _ in parts for reading in part]
        values = [reading.value for reading in readings]
        if kind in (Contradiction.MIN_UNSEEN, Contradiction.MAX_UNSEEN):
            begin, end = measured(report, told)
            within = begin <= readings[0].time and readings[-1].time <= end
            if len(segments) > 1 or not within or end - begin < DAY or told.timeout:
                return False
            if kind == Contradiction.MIN_UNSEEN:
                return min(values) < told.min - tolerance
            return max(values) > told.max + tolerance
        if not covers(measured(report, told), [part for part, _ in parts]):
            return False
        if kind == Contradiction.MIN_MISSED:
            return min(values) > told.min + tolerance
        if kind == Contradiction.MAX_MISSED:
            return max(values) < told.max - tolerance
        if kind == Contradiction.LOW_MISSED:
            own, minutes = Limit(limit, high=False), told.low_minutes
            inside = limit >= report.logger.low + tolerance
        else:
            own, minutes = Limit(limit, high=True), told.high_minutes
            inside = limit <= report.logger.high - tolerance
        return (
            kind != Contradiction.NONE
            and inside
            and tells(own, parts)
            and most(own, parts) < minutes * MINUTE
        )

    def _comparable(
        self, no: Objections, report: Report, segments: Sequence[Segment], index: int, segment: Segment
    ) -> None:
        frame = Frame.of(segment.frame)
        stream = segment.device, report.subject, TEMPERATURE
        same = self.telemetry.ledger.digest(stream, frame.seq) == self.telemetry.digest_of(segment)
        no.when(not same, "NotComparable", index)
        if index:
            before = segments[index - 1]
            follows = segment.device == before.device and frame.seq == Frame.of(before.frame).seq + 1
            no.when(not follows, "NotConsecutive", index)

    # Who may

    def _is_regulator(self, org: int) -> bool:
        return self.consortium.has_role(org, Role.REGULATOR)

    def _registrar(self, key: bytes, sender: str) -> tuple[Objections, int]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.DEVICE_ADMIN)
        if key not in self.ledger.keys:
            no.final("UnknownKey", key)
        registrar = self.ledger.keys[key].org
        no.when(org != registrar and not self._is_regulator(org), "NotRegistrar", key, org, registrar)
        return no, org

    def _administered(self, logger: bytes, sender: str) -> tuple[Objections, int, Tag]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.DEVICE_ADMIN)
        tag = self.ledger.tags.get(logger, Tag())
        if tag.twin == NOTHING:
            no.final("NotEnrolled", logger)
        self._owned(no, logger, org, tag.twin)
        return no, org, tag

    def _owned(self, no: Objections, logger: bytes, org: int, twin: bytes) -> None:
        known = self.twins.ledger.twins.get(twin)
        owner = 0 if known is None else known.owner
        if org != owner:
            no.final("NotLoggerOwner", logger, org, owner)

    def _good_key(self, no: Objections, key: bytes) -> None:
        known = self.ledger.keys.get(key)
        no.when(known is None, "UnknownKey", key)
        no.when(known is not None and known.revoked, "KeyIsRevoked", key)

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.ledger.apply(fact)
        return list(facts)


def logger_id(key: bytes, serial: int) -> bytes:
    """Id of a logger."""
    return keccak(key + serial.to_bytes(32, "big"))


def on_curve(x: bytes, y: bytes) -> bool:
    """Is it a public key of P-256?"""
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
    )
    try:
        numbers.public_key()
    except ValueError:
        return False
    return True


def measured(report: Report, day: Day) -> tuple[int, int]:
    """From when to when the logger measured on a day."""
    midnight = day.date * DAY - report.logger.offset * MINUTE
    return max(midnight, report.logger.activated), min(midnight + DAY, report.logger.created)


def covers(time: tuple[int, int], parts: Sequence[Sequence[Reading]]) -> bool:
    """Are there readings all the time, and would not fewer segments do?"""
    readings = [reading for part in parts for reading in part]
    if any(later.time - earlier.time > STEP for earlier, later in pairwise(readings)):
        return False

    def enough(some: Sequence[Sequence[Reading]]) -> bool:
        return bool(some) and some[0][0].time <= time[0] and time[1] <= some[-1][-1].time

    return enough(parts) and not enough(parts[1:]) and not enough(parts[:-1])


Parts = Iterable[tuple[Sequence[Reading], Sequence[Limit]]]


def tells(limit: Limit, parts: Parts) -> bool:
    """Does each segment say how long it was beyond the limit, if it was?"""
    return all(
        limit in limits or not any(limit.beyond(reading.value) for reading in part) for part, limits in parts
    )


def most(limit: Limit, parts: Parts) -> int:
    """The longest that the other device could have been beyond the limit by what it says."""
    parts = list(parts)
    steps, borders = [], []
    beyond = stretches = 0
    for part, limits in parts:
        steps += [later.time - earlier.time for earlier, later in pairwise(part)]
        if limit in limits:
            for begin, end in runs(limit, part):
                beyond += end - begin
                stretches += 1
    for (earlier, _), (later, _) in pairwise(parts):
        borders.append(later[0].time - earlier[-1].time)
    longest = max([*steps, *borders], default=0)
    return beyond + sum(borders) + (stretches + 1) * (longest + MINUTE)
