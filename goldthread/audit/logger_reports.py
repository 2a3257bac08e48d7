"""Rebuilds the state of LoggerReports from its events: lot keys, loggers and where they hung, reports, and
what they contradict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from eth_abi.abi import encode

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.hashing import keccak


@dataclass(frozen=True)
class Key:
    """A lot key."""

    org: int
    accuracy: int
    expiry: int
    revoked: bool = False


@dataclass(frozen=True)
class Attachment:
    """The time that a logger spent on a twin; `until` = 0: it is still there."""

    subject: bytes
    org: int
    since: int
    until: int
    offset: int


@dataclass(frozen=True)
class Logger:
    """A serial number of a lot."""

    twin: bytes = ZERO32
    attachments: tuple[Attachment, ...] = ()
    struck: int = 0

    @property
    def is_attached(self) -> bool:
        """Is it on a twin now?"""
        return len(self.attachments) > self.struck and self.attachments[-1].until == 0


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    keys: dict[bytes, Key] = field(default_factory=dict)
    loggers: dict[bytes, Logger] = field(default_factory=dict)
    twins: dict[bytes, bytes] = field(default_factory=dict)
    """The logger that a twin stands for, or zero."""
    reports: dict[bytes, bytes] = field(default_factory=dict)
    """The key behind a report."""
    contradicted: dict[bytes, bytes] = field(default_factory=dict)
    """The key behind the report that contradicts a segment."""

    def is_contradicted(self, segment: bytes) -> bool:
        """Does a report contradict it whose key is still good?"""
        key = self.contradicted.get(segment)
        return key is not None and not self.keys[key].revoked


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of LoggerReports, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of LoggerReports; raises `FoldError`."""
    match event.name:
        case "Alert":
            pass
        case "LotKeyRegistered":
            _registered(state, event)
        case "LotKeyRevoked":
            key = state.keys.get(event["key"])
            if key is None or key.revoked:
                raise FoldError(event, "there is no such key that was good")
            state.keys[event["key"]] = replace(key, revoked=True)
        case "LoggerEnrolled":
            _enrolled(state, event)
        case "LoggerStruck":
            logger = state.loggers.get(event["logger"], Logger())
            if logger.twin == ZERO32 or logger.twin != event["twin"]:
                raise FoldError(event, "the twin does not stand for the logger")
            if event["struck"] != len(logger.attachments):
                raise FoldError(event, f"the logger had {len(logger.attachments)} attachments")
            state.loggers[event["logger"]] = replace(logger, twin=ZERO32, struck=event["struck"])
            state.twins[event["twin"]] = ZERO32
        case "LoggerAttached":
            _attached(state, event)
        case "LoggerDetached":
            logger = state.loggers.get(event["logger"], Logger())
            if not logger.is_attached or event["attachment"] != len(logger.attachments):
                raise FoldError(event, "the logger has no such attachment that lasts")
            *before, last = logger.attachments
            if last.subject != event["subject"]:
                raise FoldError(event, "the logger is attached to another twin")
            ended = (*before, replace(last, until=event["until"]))
            state.loggers[event["logger"]] = replace(logger, attachments=ended)
        case "ReportAttested":
            _attested(state, event)
        case "SegmentContradicted":
            if event["report"] not in state.reports:
                raise FoldError(event, "the report was never attested")
            if state.is_contradicted(event["segment"]):
                raise FoldError(event, "the segment was contradicted before")
            state.contradicted[event["segment"]] = state.reports[event["report"]]
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    for id_, key in state.keys.items():
        expected = {name: getattr(key, name) for name in ("org", "accuracy", "expiry", "revoked")}
        yield View(f"key {short(id_)}", "keyState", (id_,), expected)
    for id_, logger in state.loggers.items():
        facts = {"twin": logger.twin, "attachments": len(logger.attachments), "struck": logger.struck}
        yield View(f"logger {short(id_)}", "loggerOf", (id_,), facts)
        for number, made in enumerate(logger.attachments, 1):
            told = {name: getattr(made, name) for name in ("subject", "org", "since", "until", "offset")}
            yield View(f"logger {short(id_)}", "attachmentOf", (id_, number), told)
    for twin, stands_for in state.twins.items():
        yield View(f"twin {short(twin)}", "standsFor", (twin,), stands_for)
    for id_ in state.reports:
        yield View(f"report {short(id_)}", "attested", (id_,), True)
    for segment in state.contradicted:
        expected_answer = state.is_contradicted(segment)
        yield View(f"segment {short(segment)}", "isContradicted", (segment,), expected_answer)


def _registered(state: State, event: Event) -> None:
    key = event["key"]
    if key in state.keys:
        raise FoldError(event, "the key was registered before")
    if keccak(event["model"] + event["lot"] + event["x"] + event["y"]) != key:
        raise FoldError(event, "the key does not have this hash")
    state.keys[key] = Key(event["org"], event["accuracy"], event["expiry"])


def _enrolled(state: State, event: Event) -> None:
    logger, twin = event["logger"], event["twin"]
    if keccak(event["key"] + event["serial"].to_bytes(32, "big")) != logger:
        raise FoldError(event, "the logger does not have this hash")
    if event["key"] not in state.keys:
        raise FoldError(event, "the key was never registered")
    before = state.loggers.get(logger, Logger())
    if before.twin != ZERO32 or state.twins.get(twin, ZERO32) != ZERO32:
        raise FoldError(event, "the logger is enrolled, or the twin stands for another one")
    state.loggers[logger] = replace(before, twin=twin)
    state.twins[twin] = logger


def _attached(state: State, event: Event) -> None:
    logger = state.loggers.get(event["logger"], Logger())
    if logger.twin == ZERO32 or logger.is_attached:
        raise FoldError(event, "the logger is not enrolled, or attached already")
    if event["attachment"] != len(logger.attachments) + 1:
        raise FoldError(event, f"this is attachment {len(logger.attachments) + 1} of the logger")
    made = Attachment(event["subject"], event["org"], event["since"], 0, event["offset"])
    state.loggers[event["logger"]] = replace(logger, attachments=(*logger.attachments, made))


def _attested(state: State, event: Event) -> None:
    told = event["digest"], event["key"], event["subject"], event["frame"], list(event["table"])
    if keccak(encode(["(bytes32,bytes32,bytes32,uint256,uint256[])"], [told])) != event["id"]:
        raise FoldError(event, "the report does not have this hash")
    if event["id"] in state.reports:
        raise FoldError(event, "the report was attested before")
    number = event["frame"] >> 40 & 0xFFFFFFFF
    logger = state.loggers.get(event["logger"], Logger())
    if not 1 <= number <= len(logger.attachments):
        raise FoldError(event, f"the logger has no attachment {number}")
    if logger.attachments[number - 1].subject != event["subject"]:
        raise FoldError(event, "the logger was attached to another twin")
    state.reports[event["id"]] = event["key"]
