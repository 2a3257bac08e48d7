"""Rebuilding DeliveryExceptions from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from goldthread.audit import delivery_exceptions as audit
from goldthread.audit.base import Difference, FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.logs import Event
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.delivery_exceptions import STEPS, CaseState, Resolution, Wrong
from tests.models.module_shadows import CasesShadow, events_of
from tests.support import fresh
from tests.support.world import World

RECORD, SUBJECT = b"r" * 32, b"s" * 32
ASKED, OTHER = Resolution.SEND_PRODUCT, Resolution.CREDIT_ACCOUNT
STORIES = (
    ("accept", "resolve"),
    ("counter", "agree", "resolve"),
    ("counter", "insist", "reject", "insist", "accept"),
    ("reject",),
    ("withdraw",),
    (),
)


@pytest.fixture(scope="module")
def history() -> CasesShadow:
    """A history with every step in it."""
    shadow = CasesShadow(fresh())
    world = shadow.world
    for id_, story in enumerate(STORIES, 1):
        what = SUBJECT, world.carrier.number, Wrong.UNDERAGE, id_, ASKED, RECORD, world.ref()
        assert shadow.tell("raise", *what, sender=world.retailer.all)
        for action in story:
            org = world.retailer if STEPS[action].receiver else world.carrier
            choice = [OTHER] if action in ("counter", "insist") else []
            assert shadow.tell(action, id_, *choice, RECORD, sender=org.all)
    shadow.count.require(STEPS)
    shadow.check_all()
    return shadow


def events(shadow: CasesShadow) -> list[Event]:
    return list(events_of(shadow, "DeliveryExceptions", shadow.contract))


def found(shadow: CasesShadow, changed: list[Event]) -> list[Difference] | FoldError:
    try:
        return shadow.audit(changed)
    except FoldError as error:
        return error


def test_all_logs_lead_to_the_chain(history: CasesShadow) -> None:
    assert history.audit(events(history)) == []
    assert {event.name for event in events(history)} == {"ExceptionRaised", "ExceptionMoved"}


def test_no_log_can_be_left_out(history: CasesShadow) -> None:
    whole = events(history)
    for index, event in enumerate(whole):
        assert found(history, whole[:index] + whole[index + 1 :]), f"nobody misses {event.name}"


STATE = {
    "ExceptionRaised": ("id", "subject", "org", "counterparty", "kind", "quantity", "requested"),
    "ExceptionMoved": ("id", "subject", "org", "state"),
}


def test_nothing_can_be_altered(history: CasesShadow) -> None:
    whole = events(history)
    for index, event in enumerate(whole):
        # A request that was followed by another offer tells on nothing that is kept.
        overtaken = event.name == "ExceptionRaised" and "counter" in STORIES[event["id"] - 1]
        for name in STATE[event.name]:
            if (name, overtaken) == ("requested", True):
                continue
            other = bytes(32) if isinstance(event[name], bytes) else event[name] + 1
            changed = replace(event, args={**event.args, name: other})
            noticed = found(history, [*whole[:index], changed, *whole[index + 1 :]])
            assert noticed, f"nobody notices another {name} in {event.name}"


def moved(history: CasesShadow, to: CaseState, **changes: object) -> list[Event]:
    """The events up to the first that led to the state, which is changed."""
    whole = events(history)
    steps = (i for i, e in enumerate(whole) if e.name == "ExceptionMoved" and e["state"] == to)
    index = next(steps)
    return [*whole[:index], replace(whole[index], args={**whole[index].args, **changes})]


def test_a_case_takes_its_steps_and_no_others(history: CasesShadow) -> None:
    world = history.world
    with pytest.raises(FoldError, match="case 8 was never raised"):
        audit.rebuild(moved(history, CaseState.AGREED, id=8))
    with pytest.raises(FoldError, match="about something else"):
        audit.rebuild(moved(history, CaseState.AGREED, subject=RECORD))
    with pytest.raises(FoldError, match=f"organisation {world.maker.number} has no part"):
        audit.rebuild(moved(history, CaseState.AGREED, org=world.maker.number))
    with pytest.raises(
        FoldError, match=f"no step of organisation {world.retailer.number} leads there from 1"
    ):
        audit.rebuild(moved(history, CaseState.AGREED, org=world.retailer.number))
    with pytest.raises(FoldError, match="no step of organisation"):
        audit.rebuild(moved(history, CaseState.AGREED, state=CaseState.RESOLVED))
    with pytest.raises(FoldError, match=f"resolution {ASKED:d} was the last one named"):
        audit.rebuild(moved(history, CaseState.AGREED, resolution=OTHER))
    audit.rebuild(moved(history, CaseState.COUNTERED, resolution=Resolution.DEBIT_ACCOUNT))
    with pytest.raises(FoldError, match="case 1 is the next"):
        audit.rebuild([replace(events(history)[0], args={**events(history)[0].args, "id": 2})])
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([replace(events(history)[0], name="Robbed")])


def test_rebuilding_the_system_rebuilds_it() -> None:
    world = World.create(RecordingNode())
    args = SUBJECT, world.carrier.number, Wrong.OTHER, 0, ASKED, RECORD, world.ref()
    world.delivery_exceptions["raise"](*args, sender=world.retailer.receive)
    deployment = deployment_of(world, DeliveryExceptions=world.delivery_exceptions)
    system = rebuild(deployment)
    assert list(system.delivery_exceptions.cases) == [1]
    before = count_views(deployment, system)
    assert compare(deployment, system) == []
    system.delivery_exceptions.cases[1].state = CaseState.AGREED
    (difference,) = compare(deployment, system)
    assert (difference.contract, difference.field) == ("DeliveryExceptions", "caseOf.state")
    system.delivery_exceptions = audit.State()
    assert before - count_views(deployment, system) == 2
