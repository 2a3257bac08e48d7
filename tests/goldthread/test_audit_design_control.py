"""Rebuilding DesignControl from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from goldthread.audit import design_control as audit
from goldthread.audit.base import Difference, FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.logs import Event
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.design_control import Gate, Kind, Neighbours, Source
from tests.models.design_shadow import DesignShadow
from tests.models.module_shadows import events_of
from tests.support import fresh
from tests.support.design import Design, label, near
from tests.support.world import World

NAMES = {
    "ProjectPlanned",
    "ItemRevised",
    "Linked",
    "Reported",
    "ResultLapsed",
    "GatePassed",
    "GateLapsed",
    "Reopened",
    "ChangeProposed",
    "ChangeApproved",
    "ChangeDismissed",
}


@pytest.fixture(scope="module")
def history() -> DesignShadow:
    """A design that was transferred, changed twice, and lost results and a gate to corrections."""
    shadow = DesignShadow(fresh())
    design = shadow.design
    design.transferred()
    shadow.node.warp(1)
    risk = design.revision("R1", Kind.RISK, source=Source.WITHDRAWN)
    design.approve(design.propose(risk), [risk], [near(down=["I1"])])
    test = design.revision("V1", Kind.VERIFICATION)
    number = design.propose(test)
    design.contract.dismissChange(design.id, number, design.record(), sender=design.people.dan)
    design.pass_gates(Gate.INPUTS, Gate.VERIFICATION)
    report = design.contract.linkOf(design.id, label("W1"), label("N1")).record
    design.record("correction", sender=design.people.cem, supersedes=report)
    design.contract.lapse(design.id, label("W1"), label("N1"), sender=shadow.world.stranger)
    design.report("W1", "N1", passed=False)
    gate = design.contract.evidenceOf(design.id, Gate.REVIEW)
    design.record("correction", supersedes=gate)
    design.contract.lapseGate(design.id, Gate.REVIEW, sender=shadow.world.stranger)
    shadow.read_records()
    shadow.model.ledger = shadow.replayed_files()
    return shadow


def events(history: DesignShadow) -> list[Event]:
    return [e for e in events_of(history, "DesignControl", history.contract) if e.name != "Alert"]


def found(history: DesignShadow, changed: list[Event]) -> list[Difference] | FoldError:
    try:
        return history.audit(changed)
    except FoldError as error:
        return error


def test_all_logs_lead_to_the_chain(history: DesignShadow) -> None:
    history.check_all()
    assert {event.name for event in events(history)} == NAMES
    whole = list(events_of(history, "DesignControl", history.contract))
    assert history.audit(whole) == [], "alerts included"


def test_no_log_can_be_left_out(history: DesignShadow) -> None:
    whole = events(history)
    for index, event in enumerate(whole):
        assert found(history, whole[:index] + whole[index + 1 :]), f"{event.name}, log {index}"


KEPT = {
    "ProjectPlanned": ("design", "caller", "author", "forms", "edition"),
    "ItemRevised": ("design", "item", "author", "kind", "source", "revision", "content", "change", "edition"),
    "Linked": ("design", "from", "to", "caller", "fromRevision", "toRevision", "edition"),
    "Reported": ("design", "test", "item", "author", "caller", "edition"),
    "ResultLapsed": ("design", "test", "item", "record", "edition"),
    "GatePassed": ("design", "gate", "version", "edition"),
    "GateLapsed": ("design", "record", "edition"),
    "Reopened": ("design", "edition"),
    "ChangeProposed": ("design", "change", "caller", "revisions", "edition", "time"),
    "ChangeApproved": ("design", "change", "edition"),
    "ChangeDismissed": ("design", "change", "edition"),
}
"""The fields on which the state depends, whatever comes after."""


def other(value: Any) -> Any:
    if isinstance(value, bytes):
        return b"\1" * 32
    if isinstance(value, str):
        return "0x" + 40 * "1"
    if isinstance(value, int):
        return value + 1
    return value[1:] if isinstance(value, list) else value._replace(review=b"\1" * 32)


def test_nothing_can_be_altered(history: DesignShadow) -> None:
    whole = events(history)
    newest = {event["item"]: event for event in whole if event.name == "ItemRevised"}
    for index, event in enumerate(whole):
        for name in KEPT[event.name]:
            if name in ("source", "content") and event not in newest.values():
                continue  # the next revision has its own
            if name == "kind" and event["kind"] == Kind.VALIDATION:
                continue  # there is no kind after it
            value = event["gate"] - 1 if name == "gate" else other(event[name])
            changed = replace(event, args={**event.args, name: value})
            what = f"nobody notices another {name} in {event.name}, log {index}"
            assert found(history, [*whole[:index], changed, *whole[index + 1 :]]), what


def test_what_happened_once_does_not_happen_again(history: DesignShadow) -> None:
    whole = events(history)
    for index, event in enumerate(whole):
        with pytest.raises(FoldError):
            audit.rebuild([*whole[: index + 1], event])
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([whole[0], replace(whole[1], name="Robbed")])


@pytest.mark.parametrize("name", sorted(NAMES - {"ProjectPlanned"}))
def test_nothing_happens_before_the_project_is_opened(history: DesignShadow, name: str) -> None:
    event = next(event for event in events(history) if event.name == name)
    with pytest.raises(FoldError, match="was not opened"):
        audit.rebuild([event])


def upto(history: DesignShadow, name: str, which: int = 0, **changes: Any) -> list[Event]:
    """The events up to one of that name, which is changed."""
    whole = events(history)
    index = [i for i, e in enumerate(whole) if e.name == name][which]
    return [*whole[:index], replace(whole[index], args={**whole[index].args, **changes})]


@pytest.mark.parametrize(
    ("name", "which", "changes", "rule"),
    [
        ("Linked", 0, {"edition": 99}, "the step 8 is missing"),
        ("ItemRevised", 0, {"revision": 2}, "the revision 1 is missing"),
        ("ItemRevised", -1, {"kind": Kind.NEED}, "the item was of the kind RISK"),
        ("ItemRevised", -1, {"change": 2}, "the change 2 is not open"),
        ("ItemRevised", -1, {"change": 0}, "the gate INPUTS was passed"),
        ("Linked", 0, {"fromRevision": 2}, "other revisions"),
        ("Linked", 0, {"from": label("N1"), "to": label("I1")}, "not linked"),
        ("Linked", 1, {"to": label("N1")}, "were linked before"),
        ("Reported", 0, {"item": label("N1")}, "does not cover"),
        ("Reported", 0, {"test": label("O1")}, "does not cover"),
        ("ResultLapsed", 0, {"record": b"r" * 32}, "no result from this record"),
        ("GatePassed", 0, {"gate": Gate.INPUTS}, "the last gate was NONE"),
        ("GatePassed", 0, {"version": 1}, "the version 0 is missing"),
        ("GateLapsed", 0, {"record": b"r" * 32}, "was not passed with this record"),
        ("Reopened", 0, {"stage": Gate.TRANSFER}, "the project is at TRANSFER"),
        ("ChangeProposed", 1, {"change": 1}, "1 changes came before"),
        ("ChangeDismissed", 0, {"change": 1}, "the change 1 is not open"),
    ],
)
def test_the_rule_that_is_broken_is_told(
    history: DesignShadow, name: str, which: int, changes: dict[str, Any], rule: str
) -> None:
    with pytest.raises(FoldError, match=rule):
        audit.rebuild(upto(history, name, which, **changes))


def test_a_gate_is_passed_by_others_and_while_nothing_holds_it(history: DesignShadow) -> None:
    people = history.design.people
    with pytest.raises(FoldError, match="wrote some of what it is about"):
        audit.rebuild(upto(history, "GatePassed", 0, approver=people.ann))
    whole = events(history)
    index = [i for i, e in enumerate(whole) if e.name == "GatePassed" and e["gate"] == Gate.VERIFICATION][0]
    reported = [i for i, e in enumerate(whole[:index]) if e.name == "Reported" and e["test"] == label("V1")][
        -1
    ]
    failed = replace(whole[reported], args={**whole[reported].args, "passed": False})
    with pytest.raises(FoldError, match="holds the gate"):
        audit.rebuild([*whole[:reported], failed, *whole[reported + 1 : index + 1]])


def test_a_change_is_what_was_proposed_and_approved_by_another(history: DesignShadow) -> None:
    approved = upto(history, "ChangeApproved")
    author = next(e for e in approved if e.name == "ChangeProposed")["caller"]
    with pytest.raises(FoldError, match="by its author"):
        audit.rebuild(upto(history, "ChangeApproved", approver=author))
    index = max(i for i, e in enumerate(approved) if e.name == "ItemRevised")
    other_content = replace(approved[index], args={**approved[index].args, "content": b"x" * 32})
    with pytest.raises(FoldError, match="not what was proposed"):
        audit.rebuild([*approved[:index], other_content, *approved[index + 1 :]])


def test_neighbours_are_those_that_the_contract_asks_for(history: DesignShadow) -> None:
    """Of items that are revised one after the other."""
    [project] = audit.rebuild(events(history)).projects.values()
    file = history.model.ledger.file(history.design.id)
    assert {item: project.neighbours(item) for item in project.items} == {
        item: tuple(file.neighbours(item)) for item in file.graph
    }
    revisions = [history.design.revision(name, file.kind(label(name))) for name in ("I1", "O1", "V1")]
    given = [Neighbours(*near_) for near_ in project.neighbours_of([r.item for r in revisions])]
    assert given == file.neighbours_of(revisions)
    twice = project.neighbours_of([label("I1"), label("I1")])
    assert twice[1] == ([], [])


def test_names_of_items_are_read() -> None:
    assert audit.item_name(label("REQ-7")) == "REQ-7"
    assert audit.item_name(b"\xff" * 32) == "0x" + "ff" * 32
    assert audit.item_name(b"\x07".ljust(32, b"\0")) == "0x07" + "00" * 31


def test_rebuilding_the_system_rebuilds_it() -> None:
    design = Design(World.create(RecordingNode()))
    design.small()
    design.propose(design.revision("N1", Kind.NEED))
    design.pass_gate(Gate.PLANNING)
    deployment = deployment_of(design.world, DesignControl=design.contract)
    system = rebuild(deployment)
    assert compare(deployment, system) == []
    before = count_views(deployment, system)
    project = system.design_control.projects[design.id]
    project.version = 7
    (difference,) = compare(deployment, system)
    assert (difference.contract, difference.field) == ("DesignControl", "projectOf.version")
    system.design_control = audit.State()
    assert before - count_views(deployment, system) == 2 + 6 + 2 * 6 + 1 + 1 + 3
