"""Rebuilding Verification from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from goldthread.audit import verification as audit
from goldthread.audit.base import Difference, FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.logs import Event
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.module_shadows import VerificationShadow, events_of
from tests.models.verification import NOWHERE, Evidence, Label
from tests.support import fresh
from tests.support.lots import unit
from tests.support.world import DAY, World

REASON = b"r" * 32
UNKNOWN = Evidence.UNKNOWN_SERIAL


def label(number: int) -> Label:
    return Label(unit(number), b"l" * 32, 0)


@pytest.fixture(scope="module")
def history() -> VerificationShadow:
    """A history with every event in it, in which everything happens more than once."""
    shadow = VerificationShadow(fresh())
    world = shadow.world
    for day in range(2):
        for number in (1, 1, 2, 2):
            for org in (world.retailer, world.carrier):
                args = label(number), NOWHERE, UNKNOWN, world.ref()
                assert shadow.tell("report", *args, sender=org.receive)
        shadow.node.warp(DAY)
        if day == 0:
            assert shadow.tell("settle", unit(1), NOWHERE, REASON, False, sender=world.regulator.quality)
    shadow.check_all()
    return shadow


def events(shadow: VerificationShadow) -> list[Event]:
    return [e for e in events_of(shadow, "Verification", shadow.contract) if e.name != "Alert"]


def found(shadow: VerificationShadow, changed: list[Event]) -> list[Difference] | FoldError:
    try:
        return shadow.audit(changed)
    except FoldError as error:
        return error


def test_all_logs_lead_to_the_chain(history: VerificationShadow) -> None:
    assert history.audit(events_of(history, "Verification", history.contract)) == []
    assert {event.name for event in events(history)} == {"SuspectReported", "SuspicionSettled"}


def test_no_log_can_be_left_out(history: VerificationShadow) -> None:
    whole = events(history)
    for index, event in enumerate(whole):
        assert found(history, whole[:index] + whole[index + 1 :]), f"nobody misses {event.name}"


def altered(whole: list[Event]) -> Iterator[tuple[str, list[Event]]]:
    """Each field that the state depends on, another one than it was."""
    for index, event in enumerate(whole):
        for name in ("unit", "org", "day", "reports"):
            # Who settled is told, and not kept.
            if name in event.args and (event.name, name) != ("SuspicionSettled", "org"):
                value = event[name]
                other = bytes(32) if isinstance(value, bytes) else value + 1
                changed = replace(event, args={**event.args, name: other})
                yield f"{name} in {event.name}", [*whole[:index], changed, *whole[index + 1 :]]


def test_nothing_can_be_altered(history: VerificationShadow) -> None:
    for what, changed in altered(events(history)):
        assert found(history, changed), f"nobody notices another {what}"


def test_what_is_settled_was_open(history: VerificationShadow) -> None:
    settled = next(event for event in events(history) if event.name == "SuspicionSettled")
    nothing = replace(settled, args={**settled.args, "reports": 0})
    for event in (settled, nothing):
        with pytest.raises(FoldError, match="0 reports are open"):
            audit.rebuild([event])


def test_nobody_reports_more_than_a_hundred_times_a_day(history: VerificationShadow) -> None:
    report = events(history)[0]
    audit.rebuild([report] * 100)
    with pytest.raises(FoldError, match="has reported 100 times that day"):
        audit.rebuild([report] * 101)
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([replace(report, name="Robbed")])


def test_rebuilding_the_system_rebuilds_it() -> None:
    world = World.create(RecordingNode())
    args = label(1), NOWHERE, UNKNOWN, world.ref()
    world.verification.report(*args, sender=world.retailer.receive)
    deployment = deployment_of(world, Lots=world.lots, Verification=world.verification)
    system = rebuild(deployment)
    assert system.verification.open == {unit(1): 1}
    before = count_views(deployment, system)
    assert compare(deployment, system) == []
    system.verification.open[unit(1)] = 2
    (difference,) = compare(deployment, system)
    assert (difference.contract, difference.field) == ("Verification", "suspicionOf.open")
    system.verification = audit.State()
    assert before - count_views(deployment, system) == 2
