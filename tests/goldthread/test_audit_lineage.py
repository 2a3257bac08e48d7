"""Rebuilding Lineage from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from goldthread.audit import lineage as audit
from goldthread.audit.base import Difference, FoldError, differences
from goldthread.chain.logs import Event
from tests.support import fresh
from tests.support.making import Making, lot_id


@pytest.fixture(scope="module")
def making() -> Making:
    """A history with every event in it."""
    making = Making.create(fresh())
    shadow, world = making.shadow, making.world
    ore, coal, scrap, wood = (making.lot(name) for name in ("ore", "coal", "scrap", "wood"))
    part, spare, car = (making.part(name) for name in ("part", "spare", "car"))
    smelting, (steel,) = making.transform("smelting", [ore], ["steel"])
    making.add_inputs(smelting, coal, scrap)
    making.add_outputs(smelting, "slag", parts=[part])
    assert shadow.trace("finalise", smelting, 900_000, world.ref(), sender=world.maker.register)
    cutting, _ = making.transform("cutting", [steel], ["bars", "rods"], finalise=True)
    sawing, _ = making.transform("sawing", [wood], ["planks"])
    first, second, third = making.recall(coal), making.recall(ore), making.recall(wood)
    for recall in (first, second, third):
        making.close(recall)
    making.lift(first)
    members = first, [], [smelting, cutting], [], world.ref()
    assert shadow.recall("clearMembers", *members, sender=world.stranger)
    making.lift(third)
    assert shadow.recall("clearMembers", third, [], [sawing], [], world.ref(), sender=world.stranger)
    for call, args in (("install", (part, car)), ("replace", (part, spare)), ("install", (part, spare))):
        assert shadow.trace(call, *args, world.ref(), sender=world.maker.register)
        world.node.warp(60)
    assert shadow.trace("remove", spare, world.ref(), sender=world.maker.register)
    making.check()
    return making


def events(making: Making) -> list[Event]:
    return list(making.shadow.events(making.world.lineage, "Lineage"))


def rebuilt(found: list[Event]) -> audit.State:
    state = audit.State()
    for event in found:
        audit.fold(state, event)
    return state


def noticed(making: Making, found: list[Event]) -> list[Difference]:
    contract, state = making.world.lineage, rebuilt(found)
    return [
        difference
        for view in audit.views(state)
        for difference in differences("Lineage", view, getattr(contract, view.function)(*view.args))
    ]


def test_the_history_has_every_event(making: Making) -> None:
    declared = {entry["name"] for entry in making.world.lineage.abi if entry["type"] == "event"}
    assert {event.name for event in events(making)} == declared - {"Alert", "EIP712DomainChanged"}


def test_all_logs_lead_to_the_chain(making: Making) -> None:
    assert noticed(making, events(making)) == []
    model, state = making.shadow.lineage.ledger, rebuilt(events(making))
    assert {id_: tuple(p.outputs) for id_, p in state.processes.items()} == {
        id_: p.outputs for id_, p in model.processes.items()
    }
    assert {id_: tuple(p.inputs) for id_, p in state.processes.items()} == {
        id_: p.inputs for id_, p in model.processes.items()
    }


def test_no_log_can_be_left_out(making: Making) -> None:
    """But that of a transformation at the end of a process which is open: nothing follows from it."""
    found, missed = events(making), []
    for index, event in enumerate(found):
        try:
            if not noticed(making, found[:index] + found[index + 1 :]):
                missed.append((event.name, event.args["process"]))
        except FoldError:
            continue
    sawing = making.shadow.lineage.ledger.origin(lot_id("planks"))
    assert missed == [("Transformed", sawing)]


STATE = {
    "InputAdded": ("lot", "quantity", "process"),
    "OutputAdded": ("product", "process"),
    "Transformed": ("inputs", "outputs"),
    "ProcessOpened": ("process", "org", "transformationId"),
    "ProcessRecalled": ("process", "recall"),
    "ProcessRecallLifted": ("process", "recall"),
    "ProcessFinalised": ("process", "org"),
    "Installed": ("child", "parent", "since"),
    "Removed": ("child", "parent"),
}
"""What the state depends on; the rest says who and when."""


def test_nothing_that_counts_can_be_altered(making: Making) -> None:
    found, unnoticed = events(making), []
    for index, event in enumerate(found):
        for name in STATE[event.name]:
            value = event[name]
            other = value + 1 if isinstance(value, int) else bytes(31) + b"\1"
            changed = replace(event, args={**event.args, name: other})
            try:
                if not noticed(making, [*found[:index], changed, *found[index + 1 :]]):
                    unnoticed.append((event.name, name))
            except FoldError:
                continue
    # When a part that is out again was put in.
    assert set(unnoticed) <= {("Installed", "since")}


def test_events_that_cannot_have_happened(making: Making) -> None:
    found = events(making)

    def last(name: str) -> int:
        return max(index for index, event in enumerate(found) if event.name == name)

    def broken(name: str, message: str, **changes: Any) -> None:
        index = last(name)
        changed = replace(found[index], args={**found[index].args, **changes})
        with pytest.raises(FoldError, match=message):
            rebuilt([*found[:index], changed])

    def again(name: str, message: str) -> None:
        with pytest.raises(FoldError, match=message):
            rebuilt([*found, found[last(name)]])

    again("ProcessOpened", "open already")
    again("ProcessRecallLifted", "is no member")
    again("Removed", "not in this assembly")
    again("Installed", "already")
    broken("ProcessOpened", "not the organisation's id", org=2)
    broken("ProcessRecalled", "a member already", recall=2, process=found[0]["process"])
    broken("InputAdded", "never opened", process=b"?" * 32)
    broken("OutputAdded", "organisation 1 runs", org=2)
    broken("OutputAdded", "out of a process already", product=found[2]["product"])
    broken("Transformed", "follows 1 inputs and 1 outputs", inputs=0)
    with pytest.raises(FoldError, match="nothing is known about this event"):
        process = making.transform("new", [making.lot("new")])[0]
        rebuilt([*events(making), replace(found[0], name="Vanished", args={"process": process, "org": 1})])
    with pytest.raises(FoldError, match="is finalised"):
        finalised = next(event for event in found if event.name == "ProcessFinalised")
        rebuilt([*found[: found.index(finalised) + 1], finalised])
    with pytest.raises(FoldError, match="is recalled"):
        index = next(i for i, e in enumerate(found) if e.name == "ProcessRecalled" and e["recall"] == 3)
        process = found[index]["process"]
        rebuilt([*found[: index + 1], replace(found[index], name="Transformed", args={"process": process})])
    alert = replace(found[0], name="Alert", args={})
    assert rebuilt([*found, alert]) == rebuilt(found)
