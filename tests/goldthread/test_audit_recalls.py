"""Rebuilding Recalls from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from goldthread.audit import recalls as audit
from goldthread.audit.base import Difference, FoldError, differences
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.contracts import Deployment
from goldthread.chain.logs import Event
from tests.goldthread.chains import NodeChain, RecordingNode, contracts_of, manifest_of
from tests.models.claim_shadow import Claims
from tests.models.lineage import chain
from tests.support.making import Making, lot_id


@pytest.fixture(scope="module")
def making() -> Making:
    """A history with every event in it."""
    claims = Claims(RecordingNode())
    making = claims.making
    shadow, world, maker = making.shadow, making.world, making.world.maker
    ore, wood, pills = making.lot("ore"), making.lot("wood"), making.units("pills", 3)
    part, seat = making.part("part"), making.part("seat")
    making.materialise("pills", 1, 3)
    smelting, (steel,) = making.transform("smelting", [ore], ["steel"], [part])
    sawing, planks = making.transform("sawing", [wood], ["planks", "beams", "dust"], [seat])
    first = making.recall(ore, pills)
    making.close(first)
    assert shadow.recall("addOutputs", first, sawing, [*planks, seat], 1, 4, sender=maker.recall)
    assert shadow.recall("addSerials", first, wood, b"s" * 32, 2, sender=maker.recall)
    making.close(first)
    for org, quantity in ((world.carrier, 5), (world.retailer, 7)):
        assert shadow.recall("notify", first, steel, org.number, quantity, sender=maker.recall)
    for received in (9, 6):
        assert shadow.recall("acknowledge", first, steel, received, sender=world.retailer.recall)
        world.node.warp(60)
    for quantities in ((1, 1, 1), (1, 2, 3)):
        args = first, steel, *quantities, world.ref()
        assert shadow.recall("reconcile", *args, sender=world.retailer.recall)
    second = making.recall(steel, org=world.maker, class_=3)
    assert shadow.recall("addTwin", second, seat, world.ref(), sender=maker.recall)
    making.lift(second)
    assert shadow.recall("clearMembers", second, [steel], [], [seat], world.ref(), sender=world.stranger)
    third = making.recall(wood)
    making.step(third, wood)
    made = shadow.recalls.results(sawing)
    args = third, sawing, chain(made[:1]), made[1:], world.ref()
    assert shadow.recall("stepProcessPart", *args, sender=world.stranger)
    assert shadow.recall("addLots", third, [wood, ore], sender=maker.recall)
    salt = making.lot("salt")
    mixing, (brine,) = making.transform("mixing", [salt], ["brine"])
    fourth = making.recall(salt)
    number = claims.begin(fourth, claims.honest(fourth))
    making.add_outputs(mixing, "late")
    claims.adopt(number)
    claims.follow(number)
    making.step(fourth, mixing)
    claims.uncover(number, lot_id("late"))
    making.step(fourth, lot_id("late"))
    assert brine in shadow.recalls.lots(fourth)
    making.check()
    return making


def events(making: Making) -> list[Event]:
    return list(making.shadow.events(making.world.recalls, "Recalls"))


def rebuilt(found: list[Event]) -> audit.State:
    state = audit.State()
    for event in found:
        audit.fold(state, event)
    return state


def noticed(making: Making, found: list[Event]) -> list[Difference]:
    contract, state = making.world.recalls, rebuilt(found)
    return [
        difference
        for view in audit.views(state)
        for difference in differences("Recalls", view, getattr(contract, view.function)(*view.args))
    ]


def test_the_history_has_every_event(making: Making) -> None:
    declared = {entry["name"] for entry in making.world.recalls.abi if entry["type"] == "event"}
    assert {event.name for event in events(making)} == declared - {"Alert", "EIP712DomainChanged"}


def test_all_logs_lead_to_the_chain(making: Making) -> None:
    assert noticed(making, events(making)) == []


def test_the_whole_system_is_rebuilt_and_compared(making: Making) -> None:
    """By the command of the auditor, from the logs of a node, with Lots, Lineage and Recalls among them."""
    world, node = making.world, making.shadow.recorder._node
    more = {
        "Lots": world.lots,
        "Lineage": world.lineage,
        "Recalls": world.recalls,
        "ClosureClaims": world.closure_claims,
    }
    deployment = Deployment(manifest_of(world.node, contracts_of(world) | more), NodeChain(node))
    system = rebuild(deployment)
    assert system.problems == {}
    assert [str(difference) for difference in compare(deployment, system)] == []
    views = {name: list(system.views(name)) for name in more}
    assert all(views.values())
    assert count_views(deployment, system) > sum(map(len, views.values()))
    # What one of the contracts says otherwise is found.
    recall = system.recalls.recalls[1]
    recall.size += 1
    process, *_ = system.lineage.processes
    system.lineage.processes[process].finalised ^= True
    found = {(d.contract, d.subject, d.field) for d in compare(deployment, system)}
    assert found == {
        ("Recalls", "recall 1", "recallOf.size"),
        ("Lineage", f"process 0x{process.hex()[:8]}…{process.hex()[-4:]}", "processOf.finalised"),
    }


def test_no_log_can_be_left_out(making: Making) -> None:
    found, missed, seen = events(making), set(), dict[str, int]()
    for index, event in enumerate(found):
        number = seen[event.name] = seen.get(event.name, -1) + 1
        try:
            if not noticed(making, found[:index] + found[index + 1 :]):
                missed.add((event.name, number))
        except FoldError:
            continue
    # A later account has replaced the one, and of the other nothing else tells.
    assert missed == {("Reconciled", 0), ("SerialsAdded", 0)}


STATE = {
    "RecallOpened": ("recall", "org", "class"),
    "LotsAdded": ("recall", "count"),
    "OutputsSeeded": ("recall", "count"),
    "SerialsAdded": ("recall", "lot", "root"),
    "TwinAffected": ("recall", "twin"),
    "TwinCleared": ("recall", "twin"),
    "Stepped": ("recall", "member", "added", "frontier", "closure"),
    "PartStepped": ("recall", "member", "before", "added", "frontier"),
    "ClaimAdopted": ("recall", "root", "size", "frontier", "closure"),
    "ClaimFollowed": ("recall", "followed", "added", "frontier"),
    "MemberCovered": ("recall", "member"),
    "MemberUncovered": ("recall", "member", "joins"),
    "RecallClosed": ("recall", "closureRoot", "size"),
    "RecallLifted": ("recall",),
    "ConsigneeNotified": ("recall", "lot", "consignee", "quantity"),
    "ConsigneeAnswered": ("recall", "lot", "consignee", "received", "time"),
    "Reconciled": ("recall", "lot", "consignee", "returned", "destroyed", "sold"),
}
"""What the state depends on; the rest says who and why."""


def test_nothing_that_counts_can_be_altered(making: Making) -> None:
    found, unnoticed = events(making), set()
    for index, event in enumerate(found):
        for name in STATE[event.name]:
            value = event[name]
            other = value + 1 if isinstance(value, int) else bytes(31) + b"\1"
            changed = replace(event, args={**event.args, name: other})
            try:
                if not noticed(making, [*found[:index], changed, *found[index + 1 :]]):
                    unnoticed.add((event.name, name))
            except FoldError:
                continue
    # What a later answer or account has replaced.
    replaced = {("ConsigneeAnswered", "received"), ("ConsigneeAnswered", "time")}
    assert unnoticed <= replaced | {("Reconciled", part) for part in ("returned", "destroyed", "sold")}


def test_events_that_cannot_have_happened(making: Making) -> None:
    found = events(making)

    def first(name: str, **wanted: Any) -> int:
        fits = (
            index
            for index, event in enumerate(found)
            if event.name == name and all(event[key] == value for key, value in wanted.items())
        )
        return next(fits)

    def broken(index: int, message: str, **changes: Any) -> None:
        changed = replace(found[index], args={**found[index].args, **changes})
        with pytest.raises(FoldError, match=message):
            rebuilt([*found[:index], changed])

    def twice(name: str, message: str, **wanted: Any) -> None:
        index = first(name, **wanted)
        with pytest.raises(FoldError, match=message):
            rebuilt([*found[: index + 1], found[index]])

    twice("RecallOpened", "recall 1 follows recall 1")
    twice("SerialsAdded", "in the recall already")
    twice("TwinAffected", "a member already")
    twice("TwinCleared", "is no member")
    twice("Stepped", "stepped already")
    twice("ClaimAdopted", "has adopted a claim already")
    twice("MemberCovered", "it is known what it has of the member")
    twice("ClaimFollowed", "0 members are left to follow")
    twice("RecallClosed", "0 members are left to step")
    twice("RecallLifted", "the recall is lifted")
    twice("ConsigneeNotified", "notified already")
    broken(first("LotsAdded"), "never opened", recall=9)
    broken(first("Stepped"), "members are left", frontier=9)
    broken(first("Stepped"), "members are left", closure=b"?" * 32)
    broken(first("ClaimAdopted"), "are left to step or follow", frontier=9)
    broken(first("ClaimAdopted"), "are left to step or follow", root=b"?" * 32)
    broken(first("ClaimFollowed"), "are left to step or follow", frontier=9)
    broken(first("ClaimFollowed"), "3 members are left to follow", followed=4)
    broken(first("MemberUncovered"), "no claim was adopted", recall=3)
    broken(first("MemberUncovered", joins=False), "nothing is left to follow", joins=True)
    broken(first("Stepped", recall=4), "the claim covers the member", member=lot_id("brine"))
    broken(first("RecallClosed"), "has 6 members", size=9)
    broken(first("RecallClosed"), "has 6 members", closureRoot=b"?" * 32)
    broken(first("ConsigneeAnswered"), "never notified", consignee=9)
    broken(first("Reconciled"), "did not say", consignee=making.world.carrier.number)
    broken(first("Reconciled"), "accounts for 8 of 6", sold=6)
    closed = found[first("RecallClosed")]
    opened = found[first("RecallOpened", recall=2)]
    index = first("LotsAdded", recall=2)
    early = replace(closed, args={**closed.args, "recall": 2})
    with pytest.raises(FoldError, match="1 members are left to step"):
        rebuilt([*found[: index + 1], early])
    lifted = first("RecallLifted", recall=2)
    for name in ("LotsAdded", "Stepped", "TwinAffected"):
        other = found[first(name, recall=1)]
        with pytest.raises(FoldError, match="the recall is lifted"):
            rebuilt([*found[: lifted + 1], replace(other, args={**other.args, "recall": 2})])
    affected = first("TwinAffected", recall=2)
    cleared = replace(found[first("TwinCleared")], args=found[affected].args)
    with pytest.raises(FoldError, match="the recall is open"):
        rebuilt([*found[: affected + 1], cleared])
    with pytest.raises(FoldError, match="nothing is known about this event"):
        rebuilt([*found, replace(opened, name="Vanished")])
    alert = replace(opened, name="Alert", args={})
    assert rebuilt([*found, alert]) == rebuilt(found)
