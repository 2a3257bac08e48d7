"""Rebuilding Compliance and BatchRelease from their logs: what an auditor finds when logs are missing or
altered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_utils.crypto import keccak

from goldthread.audit import batch_release, compliance
from goldthread.audit.base import FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.logs import Event
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.batch_release import Master
from tests.models.compliance_shadow import ComplianceShadow
from tests.models.module_shadows import events_of
from tests.support import fresh
from tests.support.plant import Plant
from tests.support.words import Role
from tests.support.world import World

REASON = keccak(text="why")
UNKNOWN = bytes(31) + b"\1"


@pytest.fixture(scope="module")
def history() -> ComplianceShadow:
    """A case with everything that can happen to it, and two batches, one with more than a page of steps."""
    shadow = ComplianceShadow(fresh())
    make(shadow.plant)
    shadow.catch_up()
    return shadow


def make(plant: Plant) -> None:
    contract, releases = plant.contract, plant.releases
    due = plant.now + 100
    steps = [plant.step(f"{i}", waivable=True, due=due) for i in range(3)]
    case = plant.case(plant.register(steps, waivers=Role.MANUFACTURER), period=1)
    plant.node.warp(101)
    for index in range(3):
        contract.flagOverdue(case, index, sender=plant.qa)
    record = plant.fulfil(case, 0)
    plant.submit(case, 1, record)
    contract.reject(case, 1, record, REASON, sender=plant.qa)
    contract.waive(case, 1, plant.write(), sender=plant.qa)
    first = plant.batch(1)
    inquiry = plant.write()
    releases.openDeviation(first, inquiry, sender=plant.operator)
    releases.closeDeviation(first, 1, inquiry, sender=plant.qa)
    new = plant.amend(inquiry)
    releases.reopenDeviation(first, 1, sender=plant.qa)
    releases.closeDeviation(first, 1, new, sender=plant.qa)
    plant.ready(first)
    plant.release(first)
    releases.withdraw(first, REASON, sender=plant.qa)
    second = plant.batch(33, plant.new_lot("B2"), Master(10, 1, 2))
    plant.fulfil(second, *range(32))
    releases.examineFirst(second, plant.qa, sender=plant.qa)
    releases.decide(plant.decision(second, release=False), sender=plant.qa)


def events(history: ComplianceShadow, name: str = "Compliance") -> list[Event]:
    contract = history.world.compliance if name == "Compliance" else history.world.batch_release
    return list(events_of(history, name, contract))


def broken(
    history: ComplianceShadow, contract: str, name: str, message: str, which: int = 0, **changes: Any
) -> None:
    """The events up to one of that name, which is changed, do not add up."""
    whole = events(history, contract)
    index = [i for i, e in enumerate(whole) if e.name == name][which]
    altered = [*whole[:index], replace(whole[index], args={**whole[index].args, **changes})]
    module = compliance if contract == "Compliance" else batch_release
    with pytest.raises(FoldError, match=message):
        module.rebuild(altered)


def without(history: ComplianceShadow, contract: str, name: str, message: str, which: int = 0) -> None:
    """The events without one of that name do not add up."""
    whole = events(history, contract)
    index = [i for i, e in enumerate(whole) if e.name == name][which]
    module = compliance if contract == "Compliance" else batch_release
    with pytest.raises(FoldError, match=message):
        module.rebuild([*whole[:index], *whole[index + 1 :]])


def test_the_logs_lead_to_what_the_views_show(history: ComplianceShadow) -> None:
    history.check_all()
    state = compliance.rebuild(events(history))
    first = next(iter(state.cases.values()))
    assert (first.accepted, first.waived, first.submitted, first.flagged) == (0b001, 0b010, 0, 0b100)
    batches = batch_release.rebuild(events(history, "BatchRelease"))
    assert [batch.state.name for batch in batches.batches.values()] == ["WITHDRAWN", "REJECTED"]
    assert len(batches.examinations) == 1


def test_programmes(history: ComplianceShadow) -> None:
    args = history, "Compliance", "ProgrammeRegistered"
    broken(*args, "version 1 is next", version=2)
    broken(*args, "the id is not that of organisation", programme=UNKNOWN)
    without(*args, "there is no such programme")


def test_cases(history: ComplianceShadow) -> None:
    args = history, "Compliance", "CaseOpened"
    broken(*args, "there is no such programme", programme=UNKNOWN)
    broken(*args, "the id is not that of programme", period=9)
    whole = events(history)
    opened = next(e for e in whole if e.name == "CaseOpened")
    with pytest.raises(FoldError, match="was opened before"):
        compliance.rebuild([*whole, opened])
    without(*args, "there is no such case")


def test_evidence(history: ComplianceShadow) -> None:
    for name in ("EvidenceSubmitted", "EvidenceAccepted", "EvidenceRejected", "RequirementWaived"):
        broken(history, "Compliance", name, "there is no such requirement", index=64)
        broken(history, "Compliance", name, "there is no such case", caseId=UNKNOWN)
    for name in ("EvidenceAccepted", "EvidenceRejected"):
        broken(history, "Compliance", name, "was not submitted, or is decided", record=UNKNOWN)
    without(history, "Compliance", "EvidenceSubmitted", "was not submitted, or is decided")
    without(history, "Compliance", "EvidenceSubmitted", "was not submitted, or is decided", 1)
    flagged = [e for e in events(history) if e.name == "OverdueFlagged"]
    index = events(history).index(flagged[0])
    with pytest.raises(FoldError, match="was flagged before"):
        compliance.rebuild([*events(history)[: index + 1], flagged[0]])
    broken(history, "Compliance", "Alert", "there is no such case", ref=UNKNOWN)


def test_batches(history: ComplianceShadow) -> None:
    args = history, "BatchRelease"
    whole = events(history, "BatchRelease")
    for name, message in (("MasterSet", "was a master record before"), ("BatchOpened", "was a batch before")):
        event = next(e for e in whole if e.name == name)
        with pytest.raises(FoldError, match=message):
            batch_release.rebuild([*whole, event])
    without(*args, "BatchOpened", "there is no such batch")
    broken(*args, "DeviationOpened", "deviation 1 is next", number=2)
    for number in (0, 2):
        broken(*args, "DeviationClosed", "there is no such deviation", number=number)
    without(*args, "DeviationReopened", "the deviation is closed")
    without(*args, "DeviationClosed", "was not closed upon this investigation")
    broken(*args, "DeviationReopened", "was not closed upon this investigation", investigation=UNKNOWN)
    broken(*args, "YieldReported", "is not that share", **{"yield": 1})
    broken(*args, "YieldReported", "is not that share", theoretical=0)
    without(*args, "DeviationClosed", "a deviation is open, or no yield", 1)
    without(*args, "YieldReported", "a deviation is open, or no yield")
    without(*args, "BatchReleased", "the batch is OPEN")
    released = next(i for i, e in enumerate(whole) if e.name == "BatchReleased")
    deviation = next(e for e in whole if e.name == "DeviationOpened")
    with pytest.raises(FoldError, match="the batch is RELEASED"):
        batch_release.rebuild([*whole[: released + 1], deviation])
    rejected = next(e for e in whole if e.name == "BatchRejected")
    with pytest.raises(FoldError, match="the batch is REJECTED"):
        batch_release.rebuild([*whole, rejected])


@pytest.mark.parametrize("name", ["Compliance", "BatchRelease"])
def test_an_unknown_event(history: ComplianceShadow, name: str) -> None:
    strange = replace(events(history, name)[-1], name="Strange")
    module = compliance if name == "Compliance" else batch_release
    with pytest.raises(FoldError, match="nothing is known about this event"):
        module.rebuild([*events(history, name), strange])


def test_the_audit_compares_both_contracts() -> None:
    """Through the package's own way: logs of the deployment, views of the chain."""
    node = RecordingNode()
    plant = Plant.create(node, World.create(node))
    make(plant)
    world = plant.world
    more = {"Compliance": world.compliance, "BatchRelease": world.batch_release}
    deployment = deployment_of(world, Lots=world.lots, Records=world.records, **more)
    system = rebuild(deployment)
    assert compare(deployment, system) == []
    assert count_views(deployment, system) > 100
    case = next(iter(system.compliance.cases.values()))
    case.edition += 1
    batch = next(iter(system.batch_release.batches.values()))
    batch.actual += 1
    found = {(one.contract, one.field) for one in compare(deployment, system)}
    assert found == {("Compliance", "decisionsOf.edition"), ("BatchRelease", "batchOf.actual")}
