"""DesignControl: changes after a gate was passed, and what they reopen."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.design_control import (
    BEHIND,
    NOTHING,
    Approval,
    Gate,
    Kind,
    Neighbours,
    Result,
    Revision,
    Source,
    State,
    hash_of,
)
from tests.support import deploy, reverts
from tests.support.design import Design, content, label, near
from tests.support.signers import SecureElement
from tests.support.words import Duty
from tests.support.world import World, happened

LINKS = {
    "N1": near(down=["I1", "W1"]),
    "R1": near(down=["I1"]),
    "I1": near(up=["N1", "R1"], down=["O1", "V1"]),
    "O1": near(up=["I1"], down=["V1"]),
    "V1": near(up=["I1", "O1"]),
    "W1": near(up=["N1"]),
}
KINDS = {
    "N1": Kind.NEED,
    "R1": Kind.RISK,
    "I1": Kind.INPUT,
    "O1": Kind.OUTPUT,
    "V1": Kind.VERIFICATION,
    "W1": Kind.VALIDATION,
}
EDGES = [("I1", "N1"), ("I1", "R1"), ("O1", "I1"), ("V1", "I1"), ("V1", "O1"), ("W1", "N1")]


@pytest.fixture
def design(world: World) -> Design:
    return Design(world)


def names(receipt: Any) -> list[str]:
    return [name for name, _ in happened(receipt)]


def test_a_change_is_proposed(design: Design) -> None:
    design.transferred()
    design.world.node.warp(4)
    time, edition = design.world.now, design.edition
    revisions = [design.revision("O1", Kind.OUTPUT), design.revision("X", Kind.RISK)]
    record = design.record("request")
    args = design.id, record, revisions
    assert design.contract.proposeChange.call(*args, sender=design.people.bob) == 1
    receipt = design.contract.proposeChange(*args, sender=design.people.bob)
    told = {"design": design.id, "org": design.world.maker.number, "change": 1, "caller": design.people.bob}
    told |= {"record": record, "revisions": revisions, "edition": edition + 1, "time": time}
    assert happened(receipt) == [("ChangeProposed", told)]
    assert design.contract.changeOf(design.id, 1) == (design.people.bob, State.OPEN, time, hash_of(revisions))
    project = design.contract.projectOf(design.id)
    assert (project.changes, project.openChanges, project.stage) == (1, 1, Gate.TRANSFER)
    assert design.contract.transferred(design.id), "what is in production stays until the change is approved"
    with reverts("RevisionsDiffer", 0, 0):
        design.contract.proposeChange(design.id, record, [], sender=design.people.bob)
    assert design.propose(revisions[0]) == 2


@pytest.mark.parametrize("name", list(KINDS))
def test_a_change_reopens_what_it_touches_and_nothing_else(design: Design, name: str) -> None:
    """Each item in its turn: links, results, and the gate from which on everything is open."""
    design.transferred()
    revision = design.revision(name, KINDS[name])
    number = design.propose(revision, sender=design.people.ann)
    design.world.node.warp(6)
    record = design.record("approval")
    time, edition = design.world.now, design.edition
    receipt = design.approve(number, [revision], [LINKS[name]], record=record)
    org = design.world.maker.number
    told = {"design": design.id, "org": org, "caller": design.people.dan}
    item = {"item": label(name), "author": design.people.ann, "kind": KINDS[name], "source": Source.DOCUMENT}
    item |= {"revision": 2, "content": content(f"{name} 2 "), "change": number, "edition": edition + 1}
    approved = {"change": number, "approver": design.people.dan, "record": record, "edition": edition + 2}
    gate = BEHIND[KINDS[name]]
    reopened = {"stage": gate - 1, "edition": edition + 2, "time": time}
    alert = {"subject": design.id, "code": keccak(text="DESIGN_REOPENED")[:4], "org": org}
    assert happened(receipt) == [
        ("ItemRevised", told | item),
        ("ChangeApproved", told | approved),
        ("Reopened", told | reopened),
        ("Alert", alert | {"severity": 2, "ref": record}),
    ]
    for start, end in EDGES:
        kept = name not in (start, end)
        assert design.contract.isCurrent(design.id, label(start), label(end)) == kept
        if start in ("V1", "W1") and kept:
            assert design.contract.linkOf(design.id, label(start), label(end)).result == Result.PASSED
    project = design.contract.projectOf(design.id)
    assert (project.stage, project.openChanges, project.version) == (gate - 1, 0, 1)
    assert design.contract.changeOf(design.id, number).state == State.APPROVED


def test_after_a_change_the_way_to_transfer_is_open_again(design: Design) -> None:
    design.transferred()
    revision = design.revision("O1", Kind.OUTPUT)
    design.approve(design.propose(revision), [revision], [LINKS["O1"]])
    design.link(("O1", "I1"))
    design.link(("V1", "O1"))
    design.pass_gates(Gate.OUTPUTS, Gate.REVIEW)
    with reverts("GateHeld", design.id, Gate.VERIFICATION, 1):
        design.pass_gate(Gate.VERIFICATION)
    design.report("V1", "O1")
    design.pass_gates(Gate.VERIFICATION, Gate.TRANSFER)
    assert design.contract.projectOf(design.id).version == 2


def test_a_result_of_an_earlier_revision_does_not_count(design: Design) -> None:
    design.transferred()
    revision = design.revision("I1", Kind.INPUT)
    design.approve(design.propose(revision), [revision], [LINKS["I1"]])
    design.link(("I1", "N1"), ("I1", "R1"))
    design.link(("O1", "I1"))
    design.link(("V1", "I1"))
    link = design.contract.linkOf(design.id, label("V1"), label("I1"))
    assert (link.result, link.record) == (Result.NONE, NOTHING)
    assert design.contract.itemOf(design.id, label("I1"))[4:8] == (2, 1, 1, 0)
    assert design.contract.linkOf(design.id, label("V1"), label("O1")).result == Result.PASSED


def test_a_change_adds_and_withdraws(design: Design) -> None:
    design.transferred()
    gone = design.revision("R1", Kind.RISK, source=Source.WITHDRAWN)
    new = design.revision("N2", Kind.NEED)
    number = design.propose(gone, new)
    design.approve(number, [gone, new], [LINKS["R1"], Neighbours([], [])])
    project = design.contract.projectOf(design.id)
    assert (project.stage, project.needs) == (Gate.PLANNING, 2)
    assert (project.openInputs, project.openValidation) == (1, 1)


def test_a_withdrawal_alone_reopens_its_gate(design: Design) -> None:
    """Nothing holds the gate, and yet somebody must look at what is left."""
    design.transferred()
    gone = design.revision("R1", Kind.RISK, source=Source.WITHDRAWN)
    receipt = design.approve(design.propose(gone), [gone], [LINKS["R1"]])
    assert names(receipt) == ["ItemRevised", "ChangeApproved", "Reopened", "Alert"]
    project = design.contract.projectOf(design.id)
    assert project.stage == Gate.PLANNING
    assert project[8:] == (0, 0, 0, 0)


@pytest.mark.parametrize("order", [("V1", "O1", "W1"), ("W1", "O1", "V1"), ("O1", "W1", "V1")])
def test_the_earliest_kind_says_how_far_back_it_goes(design: Design, order: tuple[str, ...]) -> None:
    design.transferred()
    revisions = [design.revision(name, KINDS[name]) for name in order]
    links = LINKS | ({"O1": near(up=["I1"])} if order[0] == "V1" else {"V1": near(up=["I1"])})
    design.approve(design.propose(*revisions), revisions, [links[name] for name in order])
    assert design.contract.projectOf(design.id).stage == Gate.INPUTS


def test_who_wrote_a_change_does_not_approve_it(design: Design) -> None:
    design.transferred()
    revision = design.revision("N1", Kind.NEED)
    number = design.propose(revision, sender=design.people.dan)
    with reverts("SamePerson", design.id, number, design.people.dan):
        design.approve(number, [revision], [LINKS["N1"]], sender=design.people.dan)
    record = design.record("need", sender=design.people.eva)
    other = Revision(label("R1"), Kind.RISK, Source.RECORD, 2, record)
    number = design.propose(revision, other, sender=design.people.dan)
    lists = [revision, other], [LINKS["N1"], LINKS["R1"]]
    with reverts("SamePerson", design.id, number, design.people.eva):
        design.approve(number, *lists, sender=design.people.eva)
    design.approve(number, *lists, sender=design.people.bob)
    assert design.contract.itemOf(design.id, label("R1")).author == design.people.eva
    assert design.contract.itemOf(design.id, label("N1")).author == design.people.dan


def test_an_approval_is_of_what_was_proposed(design: Design) -> None:
    design.transferred()
    revision = design.revision("N1", Kind.NEED)
    number = design.propose(revision)
    for other in ([revision._replace(content=content("x"))], [revision, revision], []):
        with reverts("OtherRevisions", design.id, number, hash_of([revision]), hash_of(other)):
            design.approve(number, other, [LINKS["N1"]] * len(other))
    with reverts("RevisionsDiffer", 1, 2):
        design.approve(number, [revision], [LINKS["N1"]] * 2)
    with reverts("WrongNeighbours", design.id, label("N1"), 0, 0, 2, 1):
        design.approve(number, [revision], [near(down=["I1"])])
    with reverts("EditionMoved", design.id, design.edition, design.edition - 1):
        design.approve(number, [revision], [LINKS["N1"]], edition=design.edition - 1)
    early = design.contract.evidenceOf(design.id, Gate.TRANSFER)
    time = design.world.now
    design.world.node.warp(1)
    number = design.propose(revision)
    with reverts("EvidenceTooOld", early, time, time + 1):
        design.approve(number, [revision], [LINKS["N1"]], record=early)
    nothing = keccak(text="nothing")
    with reverts("NotEvidence", design.id, nothing, NOTHING, NOTHING, NOTHING, False):
        design.approve(number, [revision], [LINKS["N1"]], record=nothing)
    with reverts("NotEvidence", design.id, nothing, NOTHING, NOTHING, NOTHING, False):
        design.propose(revision, record=nothing)
    design.approve(number, [revision], [LINKS["N1"]])


def test_of_two_changes_of_an_item_the_later_is_proposed_anew(design: Design) -> None:
    design.transferred()
    revision = design.revision("W1", Kind.VALIDATION)
    first, second = design.propose(revision), design.propose(revision)
    design.approve(first, [revision], [LINKS["W1"]])
    with reverts("NotNextRevision", design.id, label("W1"), 3, 2):
        design.approve(second, [revision], [Neighbours([], [])])
    with reverts("ChangeClosed", design.id, first, State.APPROVED):
        design.approve(first, [revision], [Neighbours([], [])])
    assert design.contract.projectOf(design.id).openChanges == 1


def test_a_change_is_dismissed(design: Design) -> None:
    design.transferred()
    revision = design.revision("N1", Kind.NEED)
    clerk, quality = design.world.maker.record, design.world.maker.quality
    first = design.propose(revision, sender=clerk, record=design.record("request"))
    second = design.propose(revision, sender=clerk, record=design.record("request"))
    record, edition = design.record("no"), design.edition
    receipt = design.contract.dismissChange(design.id, first, record, sender=clerk)
    told = {"design": design.id, "org": design.world.maker.number, "change": first, "caller": clerk}
    assert happened(receipt) == [("ChangeDismissed", told | {"record": record, "edition": edition + 1})]
    assert design.contract.changeOf(design.id, first).state == State.DISMISSED
    with reverts("MissingDuty", design.world.maker.finance, Duty.FINANCE, Duty.QUALITY):
        design.contract.dismissChange(design.id, second, record, sender=design.world.maker.finance)
    with reverts("NotDesignOwner", design.id, design.world.supplier.number, design.world.maker.number):
        design.contract.dismissChange(design.id, second, record, sender=design.world.supplier.quality)
    nothing = keccak(text="nothing")
    with reverts("NotEvidence", design.id, nothing, NOTHING, NOTHING, NOTHING, False):
        design.contract.dismissChange(design.id, second, nothing, sender=quality)
    design.contract.dismissChange(design.id, second, record, sender=quality)
    project = design.contract.projectOf(design.id)
    assert (project.changes, project.openChanges) == (2, 0)
    for change in (0, 3):
        with reverts("UnknownChange", design.id, change):
            design.contract.dismissChange(design.id, change, record, sender=quality)
        with reverts("UnknownChange", design.id, change):
            design.approve(change, [revision], [LINKS["N1"]])
    with reverts("ChangeClosed", design.id, second, State.DISMISSED):
        design.contract.dismissChange(design.id, second, record, sender=quality)
    with reverts("ChangeClosed", design.id, second, State.DISMISSED):
        design.approve(second, [revision], [LINKS["N1"]])


def test_a_dismissal_is_not_older_than_the_change(design: Design) -> None:
    design.transferred()
    early, time = design.record("no"), design.world.now
    design.world.node.warp(1)
    number = design.propose(design.revision("N1", Kind.NEED))
    with reverts("EvidenceTooOld", early, time, time + 1):
        design.contract.dismissChange(design.id, number, early, sender=design.people.dan)


def test_the_author_of_a_change_keeps_needing_the_duty(design: Design) -> None:
    design.transferred()
    number = design.propose(design.revision("N1", Kind.NEED))
    record = design.record("no")
    design.world.hire(design.world.maker, design.people.ann, Duty.QUALITY)
    with reverts("MissingDuty", design.people.ann, Duty.QUALITY, Duty.RECORD):
        design.contract.dismissChange(design.id, number, record, sender=design.people.ann)


def test_an_approver_with_a_passkey_signs(design: Design) -> None:
    design.transferred()
    key = SecureElement(deploy(design.world.node, "ERC7913P256Verifier"), 0xC0FFEE)
    account = design.world.hire(design.world.maker, key.name, Duty.QUALITY)
    revision = design.revision("O1", Kind.OUTPUT)
    number = design.propose(revision)
    record = design.record("approval")
    end = design.world.now + 60
    approval = Approval(design.id, Gate.NONE, number, record, design.edition, end)
    domain = design.contract.address, design.world.node.chain_id
    signature = key.sign(approval.digest(*domain))
    lists = [revision], [LINKS["O1"]]
    stranger = design.world.stranger
    with reverts("InvalidApproval", approval._replace(change=2).digest(*domain), key.name):
        other = approval._replace(change=2)
        design.contract.approveChangeSigned(other, *lists, key.name, signature, sender=stranger)
    receipt = design.contract.approveChangeSigned(approval, *lists, key.name, signature, sender=stranger)
    [fields] = [fields for name, fields in happened(receipt) if name == "ChangeApproved"]
    assert (fields["approver"], fields["caller"]) == (account, stranger)
    [item] = [fields for name, fields in happened(receipt) if name == "ItemRevised"]
    assert (item["author"], item["caller"]) == (design.people.ann, stranger)
    seen = approval.edition
    with reverts("EditionMoved", design.id, design.edition, seen):
        design.contract.approveChangeSigned(approval, *lists, key.name, signature, sender=stranger)


def test_a_change_before_any_gate_is_a_change_all_the_same(design: Design) -> None:
    design.small()
    revision = design.revision("N1", Kind.NEED)
    receipt = design.approve(design.propose(revision), [revision], [LINKS["N1"]])
    assert names(receipt) == ["ItemRevised", "ChangeApproved"]
    assert design.contract.projectOf(design.id).stage == Gate.NONE
