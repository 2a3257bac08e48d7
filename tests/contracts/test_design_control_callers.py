"""DesignControl: a contract acts in its own name, whoever sends the transaction."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.design_control import Gate, Kind, Neighbours, Source
from tests.support import Forwarder
from tests.support.design import Design, label, near
from tests.support.words import Duty
from tests.support.world import World, happened

NO_ONE = Neighbours([], [])


@pytest.fixture
def design(world: World) -> Design:
    return Design(world)


@pytest.fixture
def machine(design: Design) -> Forwarder:
    """Sends what a stranger has it send."""
    found = Forwarder.deploy(design.world.node, design.world.stranger)
    design.world.hire(design.world.maker, found, Duty.RECORD | Duty.QUALITY)
    return found


def callers(receipt: Any) -> set[str]:
    return {fields["caller"] for _, fields in happened(receipt) if "caller" in fields}


def test_planning_drafting_and_linking(design: Design, machine: Forwarder) -> None:
    contract, me = design.contract, machine.address
    assert callers(design.plan(sender=machine)) == {me}
    assert contract.authored(design.id, me) == 1 << Kind.NONE
    receipt = design.draft("N1", Kind.NEED, sender=machine)
    assert callers(receipt) == {me}
    assert contract.itemOf(design.id, label("N1")).author == me
    design.draft("I1", Kind.INPUT)
    assert callers(design.link(("I1", "N1"), sender=machine)) == {me}
    assert contract.authored(design.id, me) == 1 << Kind.NONE | 1 << Kind.NEED | 1 << Kind.INPUT
    assert contract.authored(design.id, design.world.stranger) == 0


def test_reporting_and_passing(design: Design, machine: Forwarder) -> None:
    design.reviewed()
    me = machine.address
    assert callers(design.report("V1", "I1", "O1", sender=machine)) == {me}
    assert design.contract.authored(design.id, me) == 1 << Kind.VERIFICATION
    assert design.contract.authored(design.id, design.world.stranger) == 0
    design.report("W1", "N1")
    design.pass_gate(Gate.VERIFICATION)
    [(_, fields)] = happened(design.pass_gate(Gate.VALIDATION, sender=machine))
    assert (fields["approver"], fields["caller"]) == (me, me)
    receipt = design.report("V1", "I1", passed=False, sender=machine)
    assert callers(receipt) == {me}, "of what it reopens, too"


def test_changing(design: Design, machine: Forwarder) -> None:
    design.transferred()
    me = machine.address
    revision = design.revision("R1", Kind.RISK, source=Source.WITHDRAWN)
    args = design.id, design.record("request"), [revision]
    assert callers(design.contract.proposeChange(*args, sender=machine)) == {me}
    assert design.contract.changeOf(design.id, 1).author == me
    receipt = design.contract.dismissChange(design.id, 1, design.record("no"), sender=machine)
    assert callers(receipt) == {me}
    design.propose(revision)
    receipt = design.approve(2, [revision], [near(down=["I1"])], sender=machine)
    assert callers(receipt) == {me}
    [fields] = [fields for name, fields in happened(receipt) if name == "ChangeApproved"]
    assert fields["approver"] == me


def test_the_author_of_a_change_that_is_a_contract_dismisses_by_its_duty(design: Design) -> None:
    """With the duty RECORD alone."""
    design.transferred()
    clerk = Forwarder.deploy(design.world.node, design.people.ann)
    design.world.hire(design.world.maker, clerk, Duty.RECORD)
    revision = design.revision("N1", Kind.NEED)
    design.contract.proposeChange(design.id, design.record("request"), [revision], sender=clerk)
    design.contract.dismissChange(design.id, 1, design.record("no"), sender=clerk)
    assert design.contract.projectOf(design.id).openChanges == 0


def test_lapses(design: Design, machine: Forwarder) -> None:
    design.reviewed()
    report = design.record("report", sender=design.people.cem)
    design.report("V1", "I1", record=report)
    design.record("correction", supersedes=report, sender=design.people.cem)
    receipt = design.contract.lapse(design.id, label("V1"), label("I1"), sender=machine)
    assert callers(receipt) == {machine.address}
    gate = design.contract.evidenceOf(design.id, Gate.REVIEW)
    design.record("correction", supersedes=gate)
    assert callers(design.contract.lapseGate(design.id, Gate.REVIEW, sender=machine)) == {machine.address}
