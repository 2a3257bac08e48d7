"""Rebuilding ConflictMinerals from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from goldthread.audit import conflict_minerals as audit
from goldthread.audit.base import FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.logs import Event
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.conflict_minerals import CLEAN, Statement, Status, declaration_id, pack, tree_of
from tests.models.minerals_shadow import MineralsShadow
from tests.models.module_shadows import events_of
from tests.support import fresh
from tests.support.minerals import REASON, TIN, TIN_2, Case
from tests.support.words import Kind
from tests.support.world import World, uri


def told(case: Case) -> None:
    """Something of everything that can happen."""
    case.list(TIN, TIN_2)
    ore = case.making.lot("ore")
    _, (bar,) = case.making.transform("x", [ore], ["bar"], finalise=True)
    statement = case.statement()._replace(origin=2)
    case.declare(ore, statement, [TIN, TIN_2])
    case.nothing_in(bar)
    case.evaluate(bar)
    case.list(TIN, status=Status.NON_CONFORMANT)
    case.supersede(ore, statement, [TIN])
    case.judge(ore)
    args = ore, case.year, TIN, 0, tree_of([TIN]).proof(0)
    assert case.shadow.tell("flag", *args, sender=case.world.stranger)
    mined = case.statement(tin=replace(CLEAN, covered=3))
    case.declare(case.design, mined)
    case.list(TIN)
    case.supersede(ore, statement, [TIN])
    case.supersede(ore, case.statement(case.world.insurer), [TIN])
    case.node.timestamp = case.contract.dueAt(case.year) + 1
    args = case.design, case.year
    assert case.shadow.tell("flagOverdue", *args, sender=case.world.stranger)
    assert case.shadow.tell("file", *args, REASON, sender=case.world.maker.quality)
    case.supersede(case.design, mined)
    assert case.shadow.tell("file", *args, REASON, sender=case.world.maker.quality)


@pytest.fixture(scope="module")
def case() -> Case:
    found = Case(MineralsShadow(fresh()))
    told(found)
    return found


def events(case: Case) -> list[Event]:
    return list(events_of(case.shadow, "ConflictMinerals", case.contract))


def upto(case: Case, name: str, which: int = 0, **changes: Any) -> list[Event]:
    """The events up to one of that name, which is changed."""
    whole = events(case)
    index = [i for i, e in enumerate(whole) if e.name == name][which]
    return [*whole[:index], replace(whole[index], args={**whole[index].args, **changes})]


def test_the_logs_lead_to_what_the_views_show(case: Case) -> None:
    case.shadow.check_minerals()
    state = audit.rebuild(events(case))
    design = state.declarations[declaration_id(case.design, case.year)]
    assert (design.version, design.filed_version, design.overdue) == (2, 2, True)
    assert state.clock == 3
    assert audit.smelter_text(TIN) == "CID001070"
    seen = {event.name for event in events(case)}
    assert seen == {entry["name"] for entry in case.contract.abi if entry["type"] == "event"} - {
        "EIP712DomainChanged"
    }


WRONG: list[tuple[str, int, dict[str, Any], str]] = [
    ("SmelterListed", 0, {"smelter": TIN_2}, "that of another smelter"),
    ("SmeltersWorsened", 0, {"clock": 2}, "the clock stands at 0"),
    ("DeclarationsWorsened", 0, {"clock": 1}, "the clock stands at 1"),
    ("ProductCovered", 0, {"declaration": bytes(32)}, "no such declaration"),
    ("ProductCovered", 0, {"org": 9}, "no such declaration"),
    ("Declared", 0, {"version": 2}, "version 2 follows 0"),
    ("Declared", 2, {"version": 1}, "version 1 follows 1"),
    ("Declared", 2, {"org": 9}, "organisation 1 declared before"),
    ("Declared", 0, {"smelters": [TIN, TIN]}, "do not ascend"),
    ("Judged", 0, {"year": 2013}, "nobody has declared this"),
    ("SmelterFlagged", 0, {"version": 1}, "the newest version is 2"),
    ("SmelterFlagged", 0, {"smelter": TIN_2}, "not in the declaration"),
    ("FormSdFiled", 0, {"version": 2}, "the newest version is 1"),
    ("FilingOverdue", 0, {"year": 2013}, "nobody has declared this"),
]


@pytest.mark.parametrize(("name", "which", "changes", "message"), WRONG)
def test_what_cannot_have_happened_is_found(
    case: Case, name: str, which: int, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(FoldError, match=message):
        audit.rebuild(upto(case, name, which, **changes))


@pytest.mark.parametrize("name", ["Judged", "Evaluated"])
def test_a_finding_has_the_clock_of_its_time(case: Case, name: str) -> None:
    finding = next(event for event in events(case) if event.name == name)["finding"]
    with pytest.raises(FoldError, match="the clock stands at 0"):
        audit.rebuild(upto(case, name, finding=finding._replace(clock=5)))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SmelterFlagged", "flagged before"),
        ("FormSdFiled", "filed before"),
        ("FilingOverdue", "or flagged before"),
    ],
)
def test_nothing_happens_twice(case: Case, name: str, message: str) -> None:
    whole = upto(case, name)
    audit.rebuild(whole)
    with pytest.raises(FoldError, match=message):
        audit.rebuild([*whole, whole[-1]])


def test_an_unknown_event_is_found(case: Case) -> None:
    whole = events(case)
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([replace(whole[0], name="Robbed")])


def test_rebuilding_the_system_rebuilds_it() -> None:
    world = World.create(RecordingNode())
    contract = world.conflict_minerals
    listing = TIN, Status.CONFORMANT, b"BO", 2_000_000_000, bytes(32), "EM Vinto"
    contract.list([listing], sender=world.regulator.record)
    design = world.register(uri("DESIGN"), Kind.DESIGN)
    statement = Statement(world.regulator.number, answers=pack())
    contract.declare(design, 2026, statement, [], sender=world.maker.quality)
    contract.evaluate([(design, [], [])], sender=world.stranger)
    deployment = deployment_of(world, ConflictMinerals=contract)
    system = rebuild(deployment)
    before = count_views(deployment, system)
    assert compare(deployment, system) == []
    system.conflict_minerals.clock = 7
    (difference,) = compare(deployment, system)
    assert (difference.contract, difference.field) == ("ConflictMinerals", "clock")
    system.conflict_minerals = audit.State()
    assert before - count_views(deployment, system) == 4
