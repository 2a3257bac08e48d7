"""DesignControl: gates, evidence, results and who is independent."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.design_control import (
    ABOUT,
    NOTHING,
    Approval,
    Forms,
    Gate,
    Kind,
    Obstacle,
    Result,
    Source,
)
from tests.support import Forwarder, deploy, reverts
from tests.support.design import Design, label, near
from tests.support.signers import SecureElement, Wallet
from tests.support.words import Duty, Role
from tests.support.world import World, happened, uri

V1, W1, I1, O1, N1 = (label(name) for name in ("V1", "W1", "I1", "O1", "N1"))
REOPENED = keccak(text="DESIGN_REOPENED")[:4]


@pytest.fixture
def design(world: World) -> Design:
    return Design(world)


def stage(design: Design) -> Gate:
    return Gate(design.contract.projectOf(design.id).stage)


# ---------------------------------------------------------------------------------------- one after the other


def test_gates_are_passed_in_their_order(design: Design) -> None:
    design.tested()
    design.plan()
    for gate in range(Gate.PLANNING, Gate.TRANSFER + 1):
        for other in Gate:
            if other != gate:
                with reverts("WrongGate", design.id, gate, other):
                    design.pass_gate(other)
        if gate < Gate.TRANSFER:
            obstacle = (Obstacle.GATES, Gate.VALIDATION - gate + 1) if gate <= Gate.VALIDATION else (0, 0)
            assert design.contract.obstacleOf(design.id) == obstacle
        else:
            assert design.contract.obstacleOf(design.id) == (Obstacle.NONE, 0)
        record, edition = design.record("review"), design.edition
        receipt = design.pass_gate(gate, record=record)
        told = {"design": design.id, "org": design.world.maker.number, "gate": gate}
        told |= {"approver": design.people.dan, "caller": design.people.dan, "record": record}
        version = int(gate == Gate.TRANSFER)
        assert happened(receipt) == [("GatePassed", told | {"version": version, "edition": edition + 1})]
        assert design.contract.evidenceOf(design.id, gate) == record
        project = design.contract.projectOf(design.id)
        assert (project.stage, project.version) == (gate, version)
        assert project.baseline == max(gate, Gate.REVIEW)
        assert design.contract.transferred(design.id) == (gate == Gate.TRANSFER)
    for gate in Gate:
        with reverts("WrongGate", design.id, Gate.NONE, gate):
            design.pass_gate(gate)
    assert design.contract.obstacleOf(design.id) == (Obstacle.TRANSFERRED, 1)


def test_a_gate_that_is_held_is_not_passed(design: Design) -> None:
    design.plan()
    design.pass_gate(Gate.PLANNING)
    with reverts("NoNeeds", design.id):
        design.pass_gate(Gate.INPUTS)
    design.draft("R1", Kind.RISK)
    with reverts("NoNeeds", design.id):
        design.pass_gate(Gate.INPUTS)
    design.draft("N1", Kind.NEED)
    design.draft("I1", Kind.INPUT)
    with reverts("GateHeld", design.id, Gate.INPUTS, 3):
        design.pass_gate(Gate.INPUTS)
    design.link(("I1", "R1"))
    with reverts("GateHeld", design.id, Gate.INPUTS, 1):
        design.pass_gate(Gate.INPUTS)
    design.link(("I1", "N1"))
    design.pass_gate(Gate.INPUTS)
    design.draft("O1", Kind.OUTPUT)
    with reverts("GateHeld", design.id, Gate.OUTPUTS, 2):
        design.pass_gate(Gate.OUTPUTS)
    design.link(("O1", "I1"))
    design.pass_gates(Gate.OUTPUTS, Gate.REVIEW)
    design.draft("V1", Kind.VERIFICATION)
    with reverts("GateHeld", design.id, Gate.VERIFICATION, 2):
        design.pass_gate(Gate.VERIFICATION)
    design.link(("V1", "I1"))
    with reverts("GateHeld", design.id, Gate.VERIFICATION, 1):
        design.pass_gate(Gate.VERIFICATION)
    design.report("V1", "I1")
    design.pass_gate(Gate.VERIFICATION)
    design.draft("W1", Kind.VALIDATION)
    with reverts("GateHeld", design.id, Gate.VALIDATION, 2):
        design.pass_gate(Gate.VALIDATION)
    design.link(("W1", "N1"))
    design.report("W1", "N1")
    design.pass_gate(Gate.VALIDATION)


def test_a_design_that_is_held_is_not_transferred(design: Design) -> None:
    design.tested()
    design.pass_gates(Gate.VERIFICATION, Gate.VALIDATION)
    reason = keccak(text="reason")
    design.world.hold(design.id, reason)
    assert design.contract.obstacleOf(design.id) == (Obstacle.TWIN, 1)
    with reverts("NotClear", design.id, 3):
        design.pass_gate(Gate.TRANSFER)
    design.world.release(design.id, reason, design.world.maker)
    design.pass_gate(Gate.TRANSFER)


def test_nothing_is_transferred_while_a_change_is_open(design: Design) -> None:
    design.tested()
    design.pass_gates(Gate.VERIFICATION, Gate.VALIDATION)
    number = design.propose(design.revision("N1", Kind.NEED))
    design.propose(design.revision("N1", Kind.NEED))
    assert design.contract.obstacleOf(design.id) == (Obstacle.CHANGES, 2)
    with reverts("ChangesOpen", design.id, 2):
        design.pass_gate(Gate.TRANSFER)
    for change in (number, number + 1):
        design.contract.dismissChange(design.id, change, design.record("no"), sender=design.people.dan)
    design.pass_gate(Gate.TRANSFER)


# ------------------------------------------------------------------------------------------------- evidence


def test_evidence_is_a_complete_record_about_the_design(design: Design) -> None:
    design.plan()
    nothing = keccak(text="no record")
    with reverts("NotEvidence", design.id, nothing, NOTHING, NOTHING, NOTHING, False):
        design.pass_gate(Gate.PLANNING, record=nothing)
    part = design.world.register(uri("PART"))
    other = design.record("review", subject=part)
    with reverts("NotEvidence", design.id, other, part, design.free, NOTHING, True):
        design.pass_gate(Gate.PLANNING, record=other)
    old = design.record("review")
    newer = design.record("review, corrected", supersedes=old)
    with reverts("NotEvidence", design.id, old, design.id, design.free, NOTHING, False):
        design.pass_gate(Gate.PLANNING, record=old)
    design.pass_gate(Gate.PLANNING, record=newer)


def test_the_plan_names_the_forms(design: Design) -> None:
    desk = design.desk
    review, change = desk.schema("review"), desk.schema("change")
    verification, validation = desk.schema("verification"), desk.schema("validation")
    design.small()
    design.plan(Forms(review, verification, validation, change))
    line = design.world.records.schema(review).line
    for wrong in (design.free, change):
        record = design.record(schema=wrong)
        with reverts("NotEvidence", design.id, record, design.id, wrong, review, True):
            design.pass_gate(Gate.PLANNING, record=record)
    for gate in range(Gate.PLANNING, Gate.REVIEW + 1):
        design.pass_gate(gate, record=design.record("review", schema=review))
    for test, item, fitting in (("V1", "I1", verification), ("W1", "N1", validation)):
        wrong = review if fitting == verification else verification
        record = design.record(schema=wrong)
        with reverts("NotEvidence", design.id, record, design.id, wrong, fitting, True):
            design.report(test, item, record=record)
        design.report(test, item, record=design.record(schema=fitting))
    revision = design.revision("N1", Kind.NEED)
    record = design.record(schema=review)
    with reverts("NotEvidence", design.id, record, design.id, review, change, True):
        design.propose(revision, record=record)
    number = design.propose(revision, record=design.record(schema=change))
    record = design.record(schema=change)
    with reverts("NotEvidence", design.id, record, design.id, change, review, True):
        design.approve(number, [revision], [near(down=["I1", "W1"])], record=record)
    design.approve(number, [revision], [near(down=["I1", "W1"])], record=design.record(schema=review))
    # A line stands for all versions of a schema.
    design.plan(Forms(review=line))
    second = desk.schema("review", 2)
    with reverts("NotEvidence", design.id, record, design.id, change, line, True):
        design.pass_gate(Gate.PLANNING, record=record)
    design.pass_gate(Gate.PLANNING, record=design.record(schema=second))


def test_evidence_for_a_gate_is_not_older_than_what_it_is_about(design: Design) -> None:
    design.small()
    early = design.record("review")
    time = design.world.now
    design.world.node.warp(1)
    design.pass_gate(Gate.PLANNING, record=early)
    design.plan()
    with reverts("EvidenceTooOld", early, time, time + 1):
        design.pass_gate(Gate.PLANNING, record=early)
    same_second = design.record("review")
    design.pass_gate(Gate.PLANNING, record=same_second)


def test_the_edition_that_was_seen_is_passed(design: Design) -> None:
    design.small()
    seen = design.edition
    design.draft("N2", Kind.NEED)
    for edition in (seen, seen + 2):
        with reverts("EditionMoved", design.id, seen + 1, edition):
            design.pass_gate(Gate.PLANNING, edition=edition)
    design.pass_gate(Gate.PLANNING, edition=seen + 1)


# --------------------------------------------------------------------------------------------- independence


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name)
def test_who_wrote_of_it_does_not_pass_it(design: Design, kind: Kind) -> None:
    """An account that wrote one thing of one kind, at every gate."""
    writer = design.people.eva
    design.small()
    if kind == Kind.NONE:
        design.plan(sender=writer)
    else:
        design.draft("X", kind, sender=writer)
        design.draft("X", kind, source=Source.WITHDRAWN)
    bits = 1 << kind
    assert design.contract.authored(design.id, writer) == bits
    for gate in Gate:
        assert design.contract.independent(design.id, gate, writer) == (kind not in ABOUT[gate])
    for gate in range(Gate.PLANNING, Gate.TRANSFER + 1):
        if gate == Gate.VERIFICATION:
            design.report("V1", "I1", "O1")
            design.report("W1", "N1")
        if kind in ABOUT[Gate(gate)]:
            with reverts("NotIndependent", design.id, gate, writer, bits):
                design.pass_gate(gate, sender=writer)
            design.pass_gate(gate)
        else:
            design.pass_gate(gate, sender=writer)


def test_who_links_and_who_reports_is_an_author(design: Design) -> None:
    design.small()
    design.draft("V2", Kind.VERIFICATION)
    eva, dan, bob = design.people.eva, design.people.dan, design.people.bob
    design.link(("V2", "I1"), sender=eva)
    assert design.contract.authored(design.id, eva) == 1 << Kind.VERIFICATION
    design.pass_gates(Gate.PLANNING, Gate.REVIEW)
    design.report("W1", "N1", record=design.record(sender=dan), sender=bob)
    bits = 1 << Kind.VALIDATION
    assert design.contract.authored(design.id, dan) == bits, "wrote the report"
    assert design.contract.authored(design.id, bob) == bits | 1 << Kind.OUTPUT, "brought it"
    with reverts("NotIndependent", design.id, Gate.REVIEW + 1, eva, 1 << Kind.VERIFICATION):
        design.pass_gate(Gate.VERIFICATION, sender=eva)


def test_bits_of_all_that_was_written_are_told(design: Design) -> None:
    design.small()
    design.pass_gates(Gate.PLANNING, Gate.OUTPUTS)
    wrote = 1 << Kind.NEED | 1 << Kind.RISK | 1 << Kind.INPUT
    with reverts("NotIndependent", design.id, Gate.REVIEW, design.people.ann, wrote):
        design.pass_gate(Gate.REVIEW, sender=design.people.ann)
    with reverts("NotIndependent", design.id, Gate.REVIEW, design.people.bob, 1 << Kind.OUTPUT):
        design.pass_gate(Gate.REVIEW, sender=design.people.bob)


def test_a_contract_passes_in_its_own_name(design: Design) -> None:
    design.small()
    machine = Forwarder.deploy(design.world.node, design.people.dan)
    with reverts("UnknownAccount", machine.address):
        design.pass_gate(Gate.PLANNING, sender=machine)
    design.world.hire(design.world.maker, machine, Duty.QUALITY)
    [(_, fields)] = happened(design.pass_gate(Gate.PLANNING, sender=machine))
    assert (fields["approver"], fields["caller"]) == (machine.address, machine.address)


# ---------------------------------------------------------------------------------------------- by signature


class Passkey:
    """A reviewer whose key is in a secure element."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.key = SecureElement(deploy(design.world.node, "ERC7913P256Verifier"), 0xC0FFEE)
        self.account = design.world.hire(design.world.maker, self.key.name, Duty.QUALITY)
        design.small()
        end = design.world.now + 60
        self.approval = Approval(design.id, Gate.PLANNING, 0, design.record("review"), design.edition, end)

    def digest(self, approval: Approval) -> bytes:
        return approval.digest(self.design.contract.address, self.design.world.node.chain_id)

    def signed(self, **changes: Any) -> tuple[Approval, bytes, bytes]:
        approval = self.approval._replace(**changes)
        return approval, self.key.name, self.key.sign(self.digest(approval))


@pytest.fixture
def passkey(design: Design) -> Passkey:
    return Passkey(design)


def test_a_reviewer_with_a_passkey_signs(design: Design, passkey: Passkey) -> None:
    signed, stranger = passkey.signed(), design.world.stranger
    assert design.contract.digestOf(passkey.approval) == passkey.digest(passkey.approval)
    receipt = design.contract.passGateSigned(*signed, sender=stranger)
    [(name, fields)] = happened(receipt)
    assert name == "GatePassed"
    assert (fields["approver"], fields["caller"]) == (passkey.account, stranger)
    seen = passkey.approval.edition
    with reverts("EditionMoved", design.id, seen + 1, seen):
        design.contract.passGateSigned(*signed, sender=stranger)


def test_an_approval_has_a_deadline(design: Design, passkey: Passkey) -> None:
    end = passkey.approval.deadline
    signed = passkey.signed()
    design.world.node.warp(61)
    with reverts("DeadlinePassed", design.id, end, end + 1):
        design.contract.passGateSigned(*signed, sender=design.world.stranger)
    signed = passkey.signed(deadline=end + 1)
    design.contract.passGateSigned(*signed, sender=design.world.stranger)


@pytest.mark.parametrize(
    "changes",
    [
        {"design": keccak(text="other")},
        {"gate": 2},
        {"record": keccak(text="other")},
        {"edition": 1},
        {"deadline": 2**40 - 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_nothing_else_than_what_was_signed_is_passed(
    design: Design, passkey: Passkey, changes: dict[str, Any]
) -> None:
    approval, signer, signature = passkey.signed()
    other = approval._replace(**changes)
    with reverts("InvalidApproval", passkey.digest(other), signer):
        design.contract.passGateSigned(other, signer, signature, sender=design.world.stranger)


def test_a_signature_under_a_change_passes_no_gate(design: Design, passkey: Passkey) -> None:
    with reverts("WrongApproval", design.id, Gate.PLANNING, 1):
        design.contract.passGateSigned(*passkey.signed(change=1), sender=design.world.stranger)
    with reverts("WrongApproval", design.id, Gate.PLANNING, 0):
        approval, signer, signature = passkey.signed()
        args = approval, [], [], signer, signature
        design.contract.approveChangeSigned(*args, sender=design.world.stranger)


def test_only_an_account_with_the_duty_signs(design: Design, passkey: Passkey) -> None:
    clerk = Wallet(design.world.maker.record)
    signature = clerk.sign(passkey.digest(passkey.approval))
    with reverts("MissingDuty", design.world.maker.record, Duty.RECORD, Duty.QUALITY):
        design.contract.passGateSigned(passkey.approval, clerk.name, signature, sender=design.people.dan)
    author = Wallet(design.people.ann)
    signature = author.sign(passkey.digest(passkey.approval))
    with reverts("NotIndependent", design.id, Gate.PLANNING, design.people.ann, 1):
        design.contract.passGateSigned(passkey.approval, author.name, signature, sender=design.people.dan)


# -------------------------------------------------------------------------------------------------- results


def test_a_report_gives_results_to_links(design: Design) -> None:
    design.reviewed()
    design.world.node.warp(3)
    record = design.record("report", sender=design.people.cem)
    design.world.node.warp(4)
    time, edition = design.world.now, design.edition
    found = [(I1, True), (O1, False)]
    receipt = design.contract.report(design.id, V1, record, found, sender=design.people.ann)
    told = {"design": design.id, "org": design.world.maker.number, "test": V1, "caller": design.people.ann}
    told |= {"author": design.people.cem, "record": record, "time": time}
    assert happened(receipt) == [
        ("Reported", told | {"item": I1, "passed": True, "edition": edition + 1}),
        ("Reported", told | {"item": O1, "passed": False, "edition": edition + 2}),
    ]
    assert design.contract.linkOf(design.id, V1, I1) == (1, 1, Result.PASSED, time, record)
    assert design.contract.linkOf(design.id, V1, O1) == (1, 1, Result.FAILED, time, record)
    assert design.contract.itemOf(design.id, I1).passed == 1
    assert design.contract.itemOf(design.id, O1).passed == 0


def test_results_count_once_the_design_was_reviewed(design: Design) -> None:
    design.small()
    for last in range(Gate.NONE, Gate.REVIEW):
        with reverts("NotReviewed", design.id, last):
            design.report("V1", "I1")
        design.pass_gate(last + 1)
    design.report("V1", "I1")


def test_only_tests_that_cover_an_item_speak_of_it(design: Design) -> None:
    design.reviewed()
    with reverts("NotATest", design.id, O1, Kind.OUTPUT):
        design.report("O1", "I1")
    with reverts("UnknownItem", design.id, label("V9")):
        design.report("V9", "I1")
    with reverts("NotLinked", design.id, V1, N1):
        design.report("V1", "N1")
    with reverts("NotLinked", design.id, W1, I1):
        design.report("W1", "I1")
    design.draft("V1", Kind.VERIFICATION, near(up=["I1", "O1"]))
    with reverts("NotLinked", design.id, V1, I1):
        design.report("V1", "I1")


def test_a_report_is_not_older_than_the_link_or_the_last_result(design: Design) -> None:
    design.small()
    early = design.record("report")
    time = design.world.now
    design.world.node.warp(1)
    design.draft("V2", Kind.VERIFICATION)
    design.link(("V2", "I1"))
    design.pass_gates(Gate.PLANNING, Gate.REVIEW)
    with reverts("EvidenceTooOld", early, time, time + 1):
        design.report("V2", "I1", record=early)
    design.report("V1", "I1", record=early)
    late = design.record("report")
    with reverts("SameRecord", design.id, V1, I1, early):
        design.report("V1", "I1", record=early)
    design.report("V1", "I1", record=late, passed=False)
    with reverts("EvidenceTooOld", early, time, time + 1):
        design.report("V1", "I1", record=early)
    design.report("V1", "O1", record=late)


@pytest.mark.parametrize(
    ("test", "item", "fallen"), [("V1", "I1", Gate.REVIEW), ("W1", "N1", Gate.VERIFICATION)]
)
def test_a_failure_reopens_what_was_passed(design: Design, test: str, item: str, fallen: Gate) -> None:
    design.transferred()
    design.world.node.warp(8)
    record = design.record("report", sender=design.people.cem)
    edition, time = design.edition, design.world.now
    receipt = design.report(test, item, passed=False, record=record)
    reopened = {"design": design.id, "org": design.world.maker.number, "stage": fallen}
    reopened |= {"caller": design.people.cem, "edition": edition + 1, "time": time}
    alert = {"subject": design.id, "code": REOPENED, "org": design.world.maker.number}
    assert happened(receipt)[1:] == [
        ("Reopened", reopened),
        ("Alert", alert | {"severity": 2, "ref": record}),
    ]
    project = design.contract.projectOf(design.id)
    assert (project.stage, project.baseline, project.reopenedAt) == (fallen, Gate.TRANSFER, time)
    receipt = design.report(test, item)
    assert [name for name, _ in happened(receipt)] == ["Reported"]
    assert stage(design) == fallen, "gates are passed by people"
    receipt = design.report(test, item, passed=False)
    assert [name for name, _ in happened(receipt)] == ["Reported"], "nothing to reopen"


def test_a_test_that_passes_again_reopens_nothing(design: Design) -> None:
    design.transferred()
    for test, item in (("V1", "I1"), ("W1", "N1")):
        receipt = design.report(test, item)
        assert [name for name, _ in happened(receipt)] == ["Reported"]
    assert design.contract.transferred(design.id)


def test_a_failure_before_the_transfer_is_no_alert(design: Design) -> None:
    design.tested()
    design.pass_gate(Gate.VERIFICATION)
    receipt = design.report("V1", "I1", passed=False)
    assert [name for name, _ in happened(receipt)] == ["Reported", "Reopened"]
    assert stage(design) == Gate.REVIEW


# --------------------------------------------------------------------------------------------------- lapses


def test_a_result_lapses_with_its_report(design: Design) -> None:
    design.reviewed()
    report = design.record("report", sender=design.people.cem)
    design.report("V1", "I1", record=report)
    design.report("V1", "O1")
    design.report("W1", "N1")
    design.pass_gates(Gate.VERIFICATION, Gate.TRANSFER)
    stranger = design.world.stranger
    with reverts("StillComplete", design.id, report):
        design.contract.lapse(design.id, V1, I1, sender=stranger)
    design.record("report, corrected", supersedes=report, sender=design.people.cem)
    edition, time = design.edition, design.world.now
    receipt = design.contract.lapse(design.id, V1, I1, sender=stranger)
    told = {"design": design.id, "org": design.world.maker.number}
    lapsed = told | {"test": V1, "caller": stranger, "item": I1, "record": report, "edition": edition + 1}
    reopened = told | {"stage": Gate.REVIEW, "caller": stranger, "edition": edition + 1, "time": time}
    alert = {"subject": design.id, "code": REOPENED, "org": design.world.maker.number}
    assert happened(receipt) == [
        ("ResultLapsed", lapsed),
        ("Reopened", reopened),
        ("Alert", alert | {"severity": 2, "ref": report}),
    ]
    link = design.contract.linkOf(design.id, V1, I1)
    assert (link.result, link.record) == (Result.NONE, report)
    assert design.contract.itemOf(design.id, I1).passed == 0
    with reverts("NoResult", design.id, V1, I1):
        design.contract.lapse(design.id, V1, I1, sender=stranger)


def test_a_failure_lapses_too(design: Design) -> None:
    design.reviewed()
    with reverts("NoResult", design.id, V1, I1):
        design.contract.lapse(design.id, V1, I1, sender=design.world.stranger)
    with reverts("NotLinked", design.id, V1, N1):
        design.contract.lapse(design.id, V1, N1, sender=design.world.stranger)
    report = design.record("report", sender=design.people.cem)
    design.report("V1", "I1", record=report, passed=False)
    design.record("report, corrected", supersedes=report, sender=design.people.cem)
    receipt = design.contract.lapse(design.id, V1, I1, sender=design.world.stranger)
    assert [name for name, _ in happened(receipt)] == ["ResultLapsed"]
    assert design.contract.itemOf(design.id, I1)[4:8] == (2, 1, 1, 0)


@pytest.mark.parametrize("gate", [gate for gate in Gate if gate], ids=lambda gate: gate.name)
def test_a_gate_lapses_with_its_evidence(design: Design, gate: Gate) -> None:
    design.tested()
    stranger = design.world.stranger
    with reverts("GateNotPassed", design.id, Gate.NONE, Gate.REVIEW):
        design.contract.lapseGate(design.id, Gate.NONE, sender=stranger)
    with reverts("GateNotPassed", design.id, Gate.VERIFICATION, Gate.REVIEW):
        design.contract.lapseGate(design.id, Gate.VERIFICATION, sender=stranger)
    design.pass_gates(Gate.VERIFICATION, Gate.TRANSFER)
    record = design.contract.evidenceOf(design.id, gate)
    with reverts("StillComplete", design.id, record):
        design.contract.lapseGate(design.id, gate, sender=stranger)
    design.record("review, corrected", supersedes=record)
    design.world.node.warp(2)
    edition, time = design.edition, design.world.now
    receipt = design.contract.lapseGate(design.id, gate, sender=stranger)
    told = {"design": design.id, "org": design.world.maker.number, "caller": stranger, "edition": edition + 1}
    alert = {"subject": design.id, "code": REOPENED, "org": design.world.maker.number}
    assert happened(receipt) == [
        ("GateLapsed", told | {"gate": gate, "record": record}),
        ("Reopened", told | {"stage": gate - 1, "time": time}),
        ("Alert", alert | {"severity": 2, "ref": record}),
    ]
    assert stage(design) == gate - 1
    with reverts("GateNotPassed", design.id, gate, gate - 1):
        design.contract.lapseGate(design.id, gate, sender=stranger)
    design.pass_gates(gate, Gate.TRANSFER)


def test_the_role_of_the_owner_does_not_matter(design: Design) -> None:
    """A regulator that has title acts as any owner does."""
    assert design.world.regulator.roles == Role.REGULATOR
    design.small()
    design.world.give_title(design.id, design.world.maker, design.world.regulator)
    regulator = design.world.regulator
    record = design.record(sender=regulator.record)
    args = design.id, Gate.PLANNING, record, design.edition
    [(_, fields)] = happened(design.contract.passGate(*args, sender=regulator.quality))
    assert fields["org"] == regulator.number


def test_a_report_that_says_nothing_changes_nothing(design: Design) -> None:
    design.reviewed()
    before = design.edition
    receipt = design.report("V1", record=design.record(sender=design.people.dan), sender=design.people.eva)
    assert happened(receipt) == []
    assert design.edition == before
    assert design.contract.authored(design.id, design.people.eva) == 0
    assert design.contract.authored(design.id, design.people.dan) == 0
