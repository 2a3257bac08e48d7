"""DesignControl: plans, items, and the links between them."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.design_control import (
    NOTHING,
    RELATIONS,
    TESTS,
    Forms,
    Gate,
    Kind,
    Neighbours,
    Obstacle,
    Result,
    Revision,
    Source,
)
from tests.support import Contract, Forwarder, deploy, reverts
from tests.support.design import Design, content, label, near
from tests.support.words import Duty
from tests.support.words import Kind as TwinKind
from tests.support.world import World, happened, uri

NO_ONE = Neighbours([], [])


@pytest.fixture
def design(world: World) -> Design:
    return Design(world)


def facts(receipt: Any, name: str) -> list[dict[str, Any]]:
    return [fields for found, fields in happened(receipt) if found == name]


# --------------------------------------------------------------------------------------------------- plans


def test_a_plan_opens_the_project(design: Design) -> None:
    record, forms = (
        design.record("plan", sender=design.people.bob),
        Forms(design.free, NOTHING, NOTHING, design.signed),
    )
    assert design.contract.obstacleOf(design.id) == (Obstacle.NO_PROJECT, 0)
    design.world.node.warp(5)
    time = design.world.now
    receipt = design.plan(forms, record)
    told = {"design": design.id, "org": design.world.maker.number, "record": record}
    told |= {
        "caller": design.people.ann,
        "author": design.people.bob,
        "forms": forms,
        "edition": 1,
        "time": time,
    }
    assert happened(receipt) == [("ProjectPlanned", told)]
    assert design.contract.projectOf(design.id) == (Gate.NONE, Gate.NONE, 0, 0, 0, time, 1, 0, 0, 0, 0, 0)
    assert design.contract.formsOf(design.id) == forms
    for person in (design.people.ann, design.people.bob):
        assert design.contract.authored(design.id, person) == 1 << Kind.NONE
        assert not design.contract.independent(design.id, Gate.PLANNING, person)
    assert design.contract.independent(design.id, Gate.PLANNING, design.people.dan)


def test_a_new_plan_begins_all_gates_anew(design: Design) -> None:
    design.transferred()
    early = design.record("review")
    design.world.node.warp(7)
    before, record = design.edition, design.record("plan 2", sender=design.people.ann)
    receipt = design.plan(record=record)
    time = design.world.now
    fallen = {"design": design.id, "org": design.world.maker.number, "stage": Gate.NONE}
    fallen |= {"caller": design.people.ann, "edition": before + 1, "time": time}
    alert = {"subject": design.id, "code": keccak(text="DESIGN_REOPENED")[:4]}
    alert |= {"org": design.world.maker.number, "severity": 2, "ref": record}
    assert happened(receipt)[1:] == [("Reopened", fallen), ("Alert", alert)]
    project = design.contract.projectOf(design.id)
    assert (project.stage, project.baseline, project.version) == (Gate.NONE, Gate.TRANSFER, 1)
    assert project.reopenedAt == time
    assert not design.contract.transferred(design.id)
    assert design.contract.linkOf(design.id, label("V1"), label("I1")).result == Result.PASSED
    with reverts("EvidenceTooOld", early, time - 7, time):
        design.pass_gate(Gate.PLANNING, record=early)
    design.pass_gates(Gate.PLANNING, Gate.TRANSFER)
    assert design.contract.projectOf(design.id).version == 2


def test_a_project_is_about_a_design_of_the_caller(design: Design) -> None:
    world, contract = design.world, design.contract
    part = world.register(uri("PART"))
    record = design.record("plan", subject=part)
    with reverts("NotADesign", part, TwinKind.PART, 0):
        contract.plan(part, record, Forms(), sender=design.people.ann)
    with reverts("NotDesignOwner", keccak(text="nothing"), world.maker.number, 0):
        contract.plan(keccak(text="nothing"), record, Forms(), sender=design.people.ann)
    record = design.record("plan")
    with reverts("NotDesignOwner", design.id, world.supplier.number, world.maker.number):
        contract.plan(design.id, record, Forms(), sender=world.supplier.record)
    with reverts("MissingDuty", world.maker.quality, Duty.QUALITY, Duty.RECORD):
        contract.plan(design.id, record, Forms(), sender=world.maker.quality)
    world.retire(design.id, 1)
    with reverts("NotADesign", design.id, TwinKind.DESIGN, 1):
        contract.plan(design.id, record, Forms(), sender=design.people.ann)


def test_with_title_goes_the_project(design: Design) -> None:
    world = design.world
    design.small()
    world.give_title(design.id, world.maker, world.supplier)
    with reverts("NotDesignOwner", design.id, world.maker.number, world.supplier.number):
        design.draft("N2", Kind.NEED)
    design.draft("N2", Kind.NEED, sender=world.supplier.record)
    assert design.contract.projectOf(design.id).needs == 2


@pytest.mark.parametrize(
    ("function", "args", "duty"),
    [
        ("draft", [[], []], Duty.RECORD),
        ("link", [[]], Duty.RECORD),
        ("report", [NOTHING, NOTHING, []], Duty.RECORD),
        ("passGate", [1, NOTHING, 1], Duty.QUALITY),
        ("proposeChange", [NOTHING, []], Duty.RECORD),
        ("approveChange", [1, NOTHING, 1, [], []], Duty.QUALITY),
    ],
)
def test_each_function_asks_for_title_duty_and_project(
    design: Design, function: str, args: list[Any], duty: Duty
) -> None:
    world, call = design.world, getattr(design.contract, function)
    wrong = Duty.QUALITY if duty == Duty.RECORD else Duty.RECORD
    with reverts("MissingDuty", world.maker.with_duty(wrong), wrong, duty):
        call(design.id, *args, sender=world.maker.with_duty(wrong))
    with reverts("NotDesignOwner", design.id, world.supplier.number, world.maker.number):
        call(design.id, *args, sender=world.supplier.all)
    with reverts("UnknownProject", design.id):
        call(design.id, *args, sender=world.maker.all)
    machine = Forwarder.deploy(world.node, world.maker.all)
    with reverts("UnknownAccount", machine.address):
        call(design.id, *args, sender=machine)


@pytest.mark.parametrize(("function", "args"), [("lapseGate", [1]), ("dismissChange", [1, NOTHING])])
def test_what_has_no_project_is_unknown(design: Design, function: str, args: list[Any]) -> None:
    with reverts("UnknownProject", design.id):
        getattr(design.contract, function)(design.id, *args, sender=design.people.ann)


# --------------------------------------------------------------------------------------------------- items


def test_an_item_is_drafted_and_revised(design: Design) -> None:
    design.plan()
    receipt = design.draft("N1", Kind.NEED)
    told = {"design": design.id, "org": design.world.maker.number, "item": label("N1")}
    told |= {"caller": design.people.ann, "author": design.people.ann, "kind": Kind.NEED}
    told |= {"source": Source.DOCUMENT, "revision": 1, "content": content("N1 1 "), "change": 0, "edition": 2}
    assert happened(receipt) == [("ItemRevised", told)]
    row = design.people.ann, Kind.NEED, Source.DOCUMENT, 1, 0, 0, 0, 0, content("N1 1 ")
    assert design.contract.itemOf(design.id, label("N1")) == row
    receipt = design.draft("N1", Kind.NEED, sender=design.people.bob)
    [fields] = facts(receipt, "ItemRevised")
    assert (fields["revision"], fields["author"], fields["edition"]) == (2, design.people.bob, 3)
    assert design.contract.itemOf(design.id, label("N1")).author == design.people.bob
    for account in (design.people.ann, design.people.bob):
        assert design.contract.authored(design.id, account) & 1 << Kind.NEED
    assert design.contract.projectOf(design.id).needs == 1


def test_an_item_that_is_a_record_has_the_author_of_the_record(design: Design) -> None:
    design.plan()
    record = design.record("need", sender=design.people.eva)
    revision = Revision(label("N1"), Kind.NEED, Source.RECORD, 1, record)
    receipt = design.contract.draft(design.id, [revision], [NO_ONE], sender=design.people.ann)
    [fields] = facts(receipt, "ItemRevised")
    assert (fields["caller"], fields["author"]) == (design.people.ann, design.people.eva)
    assert not design.contract.independent(design.id, Gate.INPUTS, design.people.eva)
    unsigned = design.record("need", schema=design.signed)
    revision = Revision(label("N2"), Kind.NEED, Source.RECORD, 1, unsigned)
    args = design.id, [revision], [NO_ONE]
    with reverts("NotEvidence", design.id, unsigned, design.id, design.signed, NOTHING, False):
        design.contract.draft(*args, sender=design.people.ann)
    design.desk.countersign(unsigned, sender=design.people.cem)
    design.contract.draft(*args, sender=design.people.ann)


def test_withdrawn_items_hold_nothing_and_can_come_back(design: Design) -> None:
    design.small()
    design.draft("N1", Kind.NEED, near(down=["I1", "W1"]), source=Source.WITHDRAWN)
    project = design.contract.projectOf(design.id)
    assert project.needs == 0
    assert (project.openInputs, project.openValidation) == (0, 1), "W1 covers nothing"
    for gate in Gate:
        assert not design.contract.holds(design.id, label("N1"), gate)
    gone = Revision(label("N1"), Kind.NEED, Source.WITHDRAWN, 3, NOTHING)
    with reverts("UnknownItem", design.id, label("N1")):
        design.contract.draft(design.id, [gone], [NO_ONE], sender=design.people.ann)
    with reverts("UnknownItem", design.id, label("N1")):
        design.link(("I1", "N1"))
    with reverts("UnknownItem", design.id, label("I9")):
        design.contract.link(design.id, [(label("I9"), label("R1"))], sender=design.people.ann)
    design.draft("N1", Kind.NEED)
    assert design.contract.itemOf(design.id, label("N1")).revision == 3
    design.link(("I1", "N1"), ("W1", "N1"))
    assert design.contract.projectOf(design.id).needs == 1


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"item": NOTHING}, ("IncompleteItem", NOTHING, Kind.NEED, 1, content("x"))),
        ({"kind": 0}, ("IncompleteItem", label("N1"), 0, 1, content("x"))),
        ({"content": NOTHING}, ("IncompleteItem", label("N1"), Kind.NEED, 1, NOTHING)),
        ({"source": 0}, ("IncompleteItem", label("N1"), Kind.NEED, 0, content("x"))),
    ],
)
def test_an_item_is_complete(design: Design, changes: dict[str, Any], refusal: tuple[Any, ...]) -> None:
    design.plan()
    revision = Revision(label("N1"), Kind.NEED, Source.DOCUMENT, 1, content("x"))._replace(**changes)
    with reverts(*refusal):
        design.contract.draft(design.id, [revision], [NO_ONE], sender=design.people.ann)


def test_errors_of_items_are_told_with_their_values(design: Design) -> None:
    design.plan()
    design.draft("N1", Kind.NEED)
    again = Revision(label("N1"), Kind.NEED, Source.DOCUMENT, 2, content("x"))
    ann, n1 = design.people.ann, label("N1")
    for given in (0, 1, 3):
        with reverts("NotNextRevision", design.id, n1, 2, given):
            design.contract.draft(design.id, [again._replace(revision=given)], [NO_ONE], sender=ann)
    with reverts("NotNextRevision", design.id, label("N2"), 1, 2):
        design.contract.draft(design.id, [again._replace(item=label("N2"))], [NO_ONE], sender=ann)
    with reverts("OtherKind", design.id, n1, Kind.NEED, Kind.RISK):
        design.contract.draft(design.id, [again._replace(kind=Kind.RISK)], [NO_ONE], sender=ann)
    for revisions, neighbours in ((0, 0), (1, 0), (0, 1), (1, 2)):
        with reverts("RevisionsDiffer", revisions, neighbours):
            design.contract.draft(design.id, [again] * revisions, [NO_ONE] * neighbours, sender=ann)


def test_what_was_behind_a_gate_is_not_drafted(design: Design) -> None:
    """Also when the project is back before the gate."""
    design.small()
    design.pass_gates(Gate.PLANNING, Gate.INPUTS)
    for again in range(2):
        for name, kind in (("N2", Kind.NEED), ("R2", Kind.RISK), ("I2", Kind.INPUT)):
            with reverts("Baselined", design.id, Gate.INPUTS, Gate.INPUTS):
                design.draft(name, kind)
        if not again:
            design.plan()
    design.draft("O2", Kind.OUTPUT)
    design.draft("V2", Kind.VERIFICATION)
    mixed = [
        design.revision("O3", Kind.OUTPUT),
        design.revision("N3", Kind.NEED),
        design.revision("V3", Kind.VERIFICATION),
    ]
    with reverts("Baselined", design.id, Gate.INPUTS, Gate.INPUTS):
        design.contract.draft(design.id, mixed, [NO_ONE] * 3, sender=design.people.ann)


@pytest.mark.parametrize(
    ("gate", "name", "kind"),
    [
        (Gate.INPUTS, "I2", Kind.INPUT),
        (Gate.OUTPUTS, "O2", Kind.OUTPUT),
        (Gate.VERIFICATION, "V2", Kind.VERIFICATION),
        (Gate.VALIDATION, "W2", Kind.VALIDATION),
    ],
)
def test_items_are_drafted_up_to_their_gate(design: Design, gate: Gate, name: str, kind: Kind) -> None:
    design.tested()
    if gate < Gate.VERIFICATION:
        with reverts("Baselined", design.id, gate, Gate.REVIEW):
            design.draft(name, kind)
        return
    design.pass_gates(Gate.VERIFICATION, gate)
    with reverts("Baselined", design.id, gate, gate):
        design.draft(name, kind)


# --------------------------------------------------------------------------------------------------- links


def test_a_link_has_the_revisions_of_its_ends(design: Design) -> None:
    design.plan()
    design.draft("N1", Kind.NEED)
    design.draft("I1", Kind.INPUT)
    design.draft("I1", Kind.INPUT)
    design.world.node.warp(9)
    time = design.world.now
    receipt = design.link(("I1", "N1"), sender=design.people.bob)
    told = {"design": design.id, "org": design.world.maker.number, "from": label("I1")}
    told |= {"caller": design.people.bob, "to": label("N1"), "fromRevision": 2, "toRevision": 1}
    assert happened(receipt) == [("Linked", told | {"edition": 5, "time": time})]
    assert design.contract.linkOf(design.id, label("I1"), label("N1")) == (2, 1, Result.NONE, time, NOTHING)
    assert design.contract.isCurrent(design.id, label("I1"), label("N1"))
    assert not design.contract.isCurrent(design.id, label("N1"), label("I1"))
    assert design.contract.authored(design.id, design.people.bob) == 1 << Kind.INPUT
    with reverts("AlreadyLinked", design.id, label("I1"), label("N1")):
        design.link(("I1", "N1"))


@pytest.mark.parametrize("revised", ["I1", "N1"])
def test_a_revision_of_either_end_cuts_a_link(design: Design, revised: str) -> None:
    design.plan()
    design.draft("N1", Kind.NEED)
    design.draft("I1", Kind.INPUT)
    design.link(("I1", "N1"))
    kind = Kind.INPUT if revised == "I1" else Kind.NEED
    ends = near(up=["N1"]) if revised == "I1" else near(down=["I1"])
    design.draft(revised, kind, ends)
    assert not design.contract.isCurrent(design.id, label("I1"), label("N1"))
    assert design.contract.itemOf(design.id, label("I1")).up == 0
    assert design.contract.itemOf(design.id, label("N1")).down == 0
    design.link(("I1", "N1"))
    assert design.contract.isCurrent(design.id, label("I1"), label("N1"))


@pytest.mark.parametrize(
    ("start", "end"), list(product([k for k in Kind if k], repeat=2)), ids=lambda kind: kind.name
)
def test_which_kinds_are_linked(design: Design, start: Kind, end: Kind) -> None:
    design.plan()
    design.draft("A", start)
    design.draft("B", end)
    if (start, end) in RELATIONS:
        design.link(("A", "B"))
        item = design.contract.itemOf(design.id, label("B"))
        assert (item.down, item.tests) == ((0, 1) if start in TESTS else (1, 0))
        return
    with reverts("WrongLink", label("A"), start, label("B"), end):
        design.link(("A", "B"))


def test_links_are_made_while_their_gate_is_not_passed(design: Design) -> None:
    design.small()
    design.draft("R2", Kind.RISK)
    design.draft("V2", Kind.VERIFICATION)
    design.link(("I1", "R2"))
    design.pass_gates(Gate.PLANNING, Gate.OUTPUTS)
    for pair, gate in ((("I1", "R2"), Gate.INPUTS), (("O1", "I1"), Gate.OUTPUTS)):
        with reverts("GateClosed", design.id, label(pair[0]), gate):
            design.link(pair)
    design.link(("V2", "O1"))
    design.pass_gate(Gate.REVIEW)
    design.link(("V2", "I1"))
    for test in ("V1", "V2"):
        design.report(test, "I1", "O1")
    design.report("W1", "N1")
    design.pass_gate(Gate.VERIFICATION)
    with reverts("GateClosed", design.id, label("V2"), Gate.VERIFICATION):
        design.link(("V2", "I1"))
    with reverts("AlreadyLinked", design.id, label("W1"), label("N1")):
        design.link(("W1", "N1"))
    design.pass_gate(Gate.VALIDATION)
    with reverts("GateClosed", design.id, label("W1"), Gate.VALIDATION):
        design.link(("W1", "N1"))


@pytest.mark.parametrize(
    ("given", "error", "values"),
    [
        (near(up=["I1"], down=["V1"]), "", ()),
        (near(down=["V1"]), "WrongNeighbours", (label("O1"), 1, 0, 1, 1)),
        (near(up=["I1"]), "WrongNeighbours", (label("O1"), 1, 1, 1, 0)),
        (near(up=["I1", "I2"], down=["V1"]), "WrongNeighbours", (label("O1"), 1, 2, 1, 1)),
        (near(up=["I1"], down=["V1", "V2"]), "WrongNeighbours", (label("O1"), 1, 1, 1, 2)),
        (near(up=["I2"], down=["V1"]), "NotLinked", (label("O1"), label("I2"))),
        (near(up=["I1"], down=["V2"]), "NotLinked", (label("V2"), label("O1"))),
        (near(up=["I1"], down=["I1"]), "NotLinked", (label("I1"), label("O1"))),
        (Neighbours([NOTHING], [label("V1")]), "NotAscending", (NOTHING, NOTHING)),
        (Neighbours([label("I1")], [NOTHING]), "NotAscending", (NOTHING, NOTHING)),
    ],
)
def test_no_link_is_left_out_when_an_item_is_revised(
    design: Design, given: Neighbours, error: str, values: tuple[Any, ...]
) -> None:
    design.small()
    if not error:
        design.draft("O1", Kind.OUTPUT, given)
        return
    named = values if error == "NotAscending" else (design.id, *values)
    with reverts(error, *named):
        design.draft("O1", Kind.OUTPUT, given)


def test_neighbours_are_named_once(design: Design) -> None:
    design.small()
    design.draft("N2", Kind.NEED)
    design.draft("V2", Kind.VERIFICATION)
    design.link(("I1", "N2"))
    design.link(("V2", "I1"))
    n1, n2, r1, o1, v1 = (label(name) for name in ("N1", "N2", "R1", "O1", "V1"))
    whole = Neighbours([n1, n2, r1], [o1, v1, label("V2")])
    for up in ([n1, n1, r1], [n1, r1, n2]):
        last = up[1] if up[1] == r1 else n1
        with reverts("NotAscending", last, up[2] if up[1] == r1 else n1):
            design.draft("I1", Kind.INPUT, whole._replace(up=up))
    with reverts("NotAscending", v1, v1):
        design.draft("I1", Kind.INPUT, whole._replace(down=[o1, v1, v1]))
    design.draft("I1", Kind.INPUT, whole)
    assert [design.contract.itemOf(design.id, item).down for item in (n1, n2, r1)] == [0, 0, 0]
    assert [design.contract.itemOf(design.id, label(name)).up for name in ("O1", "V1", "V2")] == [0, 1, 0]


def test_revisions_in_one_list_see_those_before_them(design: Design) -> None:
    design.small()
    revisions = [design.revision("I1", Kind.INPUT), design.revision("O1", Kind.OUTPUT)]
    first = near(up=["N1", "R1"], down=["O1", "V1"])
    ann = design.people.ann
    with reverts("WrongNeighbours", design.id, label("O1"), 0, 1, 1, 1):
        design.contract.draft(design.id, revisions, [first, near(up=["I1"], down=["V1"])], sender=ann)
    design.contract.draft(design.id, revisions, [first, near(down=["V1"])], sender=ann)
    assert design.contract.projectOf(design.id).openOutputs == 2


# ---------------------------------------------------------------------------------------- what holds a gate


HELD = [
    ([], Kind.NEED, {Gate.INPUTS, Gate.VALIDATION}),
    ([], Kind.RISK, {Gate.INPUTS}),
    ([], Kind.INPUT, {Gate.INPUTS, Gate.OUTPUTS, Gate.VERIFICATION}),
    ([], Kind.OUTPUT, {Gate.OUTPUTS}),
    ([], Kind.VERIFICATION, {Gate.VERIFICATION}),
    ([], Kind.VALIDATION, {Gate.VALIDATION}),
]


@pytest.mark.parametrize(("others", "kind", "gates"), HELD)
def test_an_item_without_links_holds(design: Design, others: list[str], kind: Kind, gates: set[Gate]) -> None:
    design.plan()
    design.draft("X", kind)
    assert {gate for gate in Gate if design.contract.holds(design.id, label("X"), gate)} == gates
    project = design.contract.projectOf(design.id)
    counts = project.openInputs, project.openOutputs, project.openVerification, project.openValidation
    order = Gate.INPUTS, Gate.OUTPUTS, Gate.VERIFICATION, Gate.VALIDATION
    assert counts == tuple(int(gate in gates) for gate in order)
    first = next(gate for gate in order if gate in gates)
    assert design.contract.obstacleOf(design.id) == (Obstacle[first.name], 1)


def test_links_let_go_of_gates_one_after_the_other(design: Design) -> None:
    design.small()

    def gates(name: str) -> set[Gate]:
        return {gate for gate in Gate if design.contract.holds(design.id, label(name), gate)}

    assert gates("N1") == {Gate.VALIDATION}, "it is covered, and not passed"
    assert gates("I1") == {Gate.VERIFICATION}
    assert gates("O1") == {Gate.VERIFICATION}
    assert gates("R1") == gates("V1") == gates("W1") == set()
    design.pass_gates(Gate.PLANNING, Gate.REVIEW)
    design.report("V1", "O1")
    assert (gates("O1"), gates("I1")) == (set(), {Gate.VERIFICATION})
    design.report("V1", "I1")
    assert gates("I1") == set()
    design.report("W1", "N1")
    assert gates("N1") == set()
    project = design.contract.projectOf(design.id)
    assert project[8:] == (0, 0, 0, 0)


def test_all_tests_of_an_item_must_have_passed(design: Design) -> None:
    design.small()
    design.draft("V2", Kind.VERIFICATION)
    design.link(("V2", "I1"))
    design.pass_gates(Gate.PLANNING, Gate.REVIEW)
    design.report("V1", "I1", "O1")
    assert design.contract.projectOf(design.id).openVerification == 1
    design.report("V2", "I1", passed=False)
    assert design.contract.projectOf(design.id).openVerification == 1
    design.report("V2", "I1")
    assert design.contract.projectOf(design.id).openVerification == 0


def test_the_contract_knows_its_modules(design: Design) -> None:
    world = design.world
    assert design.contract.RECORDS() == world.records.address
    assert design.contract.TWINS() == world.twins.address
    assert design.contract.CONSORTIUM() == world.consortium.address
    other: Contract = deploy(world.node, "DesignControl", world.consortium, world.records)
    assert other.projectOf(design.id).edition == 0


def test_calls_can_be_bundled(design: Design) -> None:
    design.plan()
    encode = design.contract.draft.encode
    calls = [encode(design.id, [design.revision(n, Kind.NEED)], [NO_ONE]) for n in ("N1", "N2")]
    design.contract.multicall(calls, sender=design.people.ann)
    assert design.contract.projectOf(design.id).needs == 2
