"""Rebuilding LoggerReports from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from goldthread.audit import logger_reports as audit
from goldthread.audit.base import Difference, FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.logs import Event
from tests.contracts.test_logger_reports import OTHER, QUIET, M, covering, other_key, told
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.module_shadows import events_of
from tests.models.report_shadow import ReportShadow
from tests.support import fresh
from tests.support.coldchain import ColdChain
from tests.support.fridge_tags import TagDay
from tests.support.witness import ACCURACY, OFFSET, REASON, SERIAL, YEARS, Witness
from tests.support.words import Kind
from tests.support.world import World, asset

NAMES = {
    "LotKeyRegistered",
    "LotKeyRevoked",
    "LoggerEnrolled",
    "LoggerStruck",
    "LoggerAttached",
    "LoggerDetached",
    "ReportAttested",
    "SegmentContradicted",
}


@pytest.fixture(scope="module")
def history() -> ReportShadow:
    """A history with every event in it."""
    shadow = ReportShadow(fresh())
    witness, world = shadow.witness, shadow.world
    key, pallet, admin = other_key(witness), witness.cold.pallet, witness.admin
    twin = world.register(asset("TAG2"), Kind.ASSET)
    shadow.catch_up()
    assert shadow.tell("registerLotKey", key, ACCURACY, world.now + YEARS, sender=admin)
    assert shadow.tell("enrol", key.id, 5, twin, sender=admin)
    assert shadow.tell("attach", key.logger(5), pallet, OFFSET, sender=admin)
    report = told(shadow, TagDay(max=150))
    second = told(shadow, TagDay(max=150), lot=OTHER, serial=5)
    segment = shadow.anchored(covering(report, 1))
    for each in (report, second):
        args = each, 1, M.MAX_MISSED, 0, [segment]
        assert shadow.tell("contradict", *args, sender=world.stranger)
        if each == report:
            assert shadow.tell("revokeLotKey", report.key, REASON, sender=admin)
    assert shadow.tell("detach", witness.logger, sender=admin)
    assert shadow.tell("attach", witness.logger, pallet, OFFSET, sender=admin)
    assert shadow.tell("strike", key.id, 5, REASON, sender=admin)
    assert shadow.tell("enrol", key.id, 5, twin, sender=admin)
    assert shadow.tell("attach", key.logger(5), pallet, -OFFSET, sender=admin)
    shadow.check_reports()
    return shadow


def events(shadow: ReportShadow) -> list[Event]:
    return [e for e in events_of(shadow, "LoggerReports", shadow.contract) if e.name != "Alert"]


def found(shadow: ReportShadow, changed: list[Event]) -> list[Difference] | FoldError:
    try:
        return shadow.audit(changed)
    except FoldError as error:
        return error


def test_all_logs_lead_to_the_chain(history: ReportShadow) -> None:
    assert history.audit(events_of(history, "LoggerReports", history.contract)) == []
    assert {event.name for event in events(history)} == NAMES


def test_no_log_can_be_left_out(history: ReportShadow) -> None:
    """But that of evidence that fell with its key, before the other evidence for the same."""
    whole = events(history)
    fallen = next(index for index, event in enumerate(whole) if event.name == "SegmentContradicted")
    for index, event in enumerate(whole):
        missed = found(history, whole[:index] + whole[index + 1 :])
        assert bool(missed) == (index != fallen), f"{event.name}, log {index}"


KEPT = {
    "LotKeyRegistered": ("key", "org", "model", "lot", "x", "y", "accuracy", "expiry"),
    "LoggerEnrolled": ("logger", "key", "serial", "twin"),
    "LoggerStruck": ("logger", "twin", "struck"),
    "LoggerAttached": ("logger", "subject", "org", "attachment", "since", "offset"),
    "LoggerDetached": ("logger", "subject", "attachment", "until"),
    "ReportAttested": ("id", "subject", "logger", "digest", "key", "frame", "table"),
    "SegmentContradicted": ("report", "segment"),
}
"""The fields that the state depends on. Who revoked, struck or enrolled is told, and not kept."""


def test_nothing_can_be_altered(history: ReportShadow) -> None:
    whole = events(history)
    revoked = next(event for event in whole if event.name == "LotKeyRevoked")
    assert found(history, [replace(e, args={**e.args, "key": REASON}) if e == revoked else e for e in whole])
    fallen = next(event for event in whole if event.name == "SegmentContradicted")
    rest = [event for event in whole if event != fallen]
    assert found(history, rest) == []
    for index, event in enumerate(rest):
        for name in KEPT.get(event.name, ()):
            value: Any = event[name]
            other = bytes(32) if isinstance(value, bytes) else [] if isinstance(value, list) else value + 1
            changed = replace(event, args={**event.args, name: other})
            what = f"nobody notices another {name} in {event.name}"
            assert found(history, [*rest[:index], changed, *rest[index + 1 :]]), what


def test_what_happened_once_does_not_happen_again(history: ReportShadow) -> None:
    whole = events(history)
    for index, event in enumerate(whole):
        with pytest.raises(FoldError):
            audit.rebuild([*whole[: index + 1], event])
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([replace(whole[0], name="Robbed")])


@pytest.mark.parametrize("name", sorted(NAMES - {"LotKeyRegistered"}))
def test_nothing_happens_before_what_it_needs(history: ReportShadow, name: str) -> None:
    event = next(event for event in events(history) if event.name == name)
    with pytest.raises(FoldError):
        audit.rebuild([event])


def test_rebuilding_the_system_rebuilds_it() -> None:
    witness = Witness.on(ColdChain.on(World.create(RecordingNode())))
    witness.attest(witness.tag([QUIET]))
    deployment = deployment_of(witness.world, LoggerReports=witness.contract)
    system = rebuild(deployment)
    assert compare(deployment, system) == []
    assert [logger.twin for logger in system.logger_reports.loggers.values()] == [witness.twin]
    assert len(system.logger_reports.reports) == 1
    before = count_views(deployment, system)
    system.logger_reports.keys[witness.key.id] = replace(
        system.logger_reports.keys[witness.key.id], accuracy=51
    )
    (difference,) = compare(deployment, system)
    assert (difference.contract, difference.field) == ("LoggerReports", "keyState.accuracy")
    system.logger_reports = audit.State()
    assert before - count_views(deployment, system) == 5
    assert witness.contract.loggerOf(witness.key.logger(SERIAL)).twin == witness.twin
