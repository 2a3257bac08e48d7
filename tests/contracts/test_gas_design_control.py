"""What design control costs on a real node. No price depends on how large the project is."""

from __future__ import annotations

import pytest

from tests.models.design_control import Forms, Gate, Kind, Neighbours, Revision, Source
from tests.support import AnvilNode
from tests.support.design import Design, content, label, near
from tests.support.gas import GasBook
from tests.support.world import World

NO_ONE = Neighbours([], [])


@pytest.fixture
def design(anvil: AnvilNode) -> Design:
    return Design(World.create(anvil))


def items(first: int, count: int, kind: Kind = Kind.NEED) -> list[Revision]:
    names = (f"{kind.name}{number}" for number in range(first, first + count))
    return [Revision(label(name), kind, Source.DOCUMENT, 1, content(name)) for name in names]


def test_drafting_and_linking(design: Design, gas: GasBook) -> None:
    people, contract = design.people, design.contract
    form = design.free
    receipt = design.plan(Forms(form, form, form, form))
    gas.record("DesignControl.plan, opens a project", receipt.gas_used, 205_000, "four forms named")
    contract.draft(design.id, items(1, 1), [NO_ONE], sender=people.ann)
    receipt = contract.draft(design.id, items(2, 1), [NO_ONE], sender=people.ann)
    gas.record("DesignControl.draft, one item", receipt.gas_used, 100_000)
    receipt = contract.draft(design.id, items(3, 100), [NO_ONE] * 100, sender=people.ann)
    gas.record("DesignControl.draft, 100 items", receipt.gas_used, 5_580_000)
    contract.draft(design.id, items(1, 100, Kind.INPUT), [NO_ONE] * 100, sender=people.ann)
    pairs = [(label(f"INPUT{number}"), label(f"NEED{number}")) for number in range(1, 101)]
    receipt = contract.link(design.id, pairs[:1], sender=people.ann)
    gas.record("DesignControl.link, one pair", receipt.gas_used, 90_500)
    receipt = contract.link(design.id, pairs[1:], sender=people.ann)
    gas.record("DesignControl.link, 99 pairs", receipt.gas_used, 4_630_000)


def test_the_way_through_the_gates(design: Design, gas: GasBook) -> None:
    design.small()
    design.pass_gate(Gate.PLANNING)
    receipt = design.pass_gate(Gate.INPUTS)
    gas.record("DesignControl.passGate", receipt.gas_used, 96_500)
    design.pass_gates(Gate.OUTPUTS, Gate.REVIEW)
    design.report("V1", "I1")
    receipt = design.report("V1", "O1")
    gas.record("DesignControl.report, one item", receipt.gas_used, 114_500)
    design.report("W1", "N1")
    design.pass_gates(Gate.VERIFICATION, Gate.VALIDATION)
    receipt = design.pass_gate(Gate.TRANSFER)
    gas.record("DesignControl.passGate, transfer", receipt.gas_used, 99_000)
    revision = design.revision("O1", Kind.OUTPUT)
    args = design.id, design.record("request"), [revision]
    receipt = design.contract.proposeChange(*args, sender=design.people.ann)
    gas.record("DesignControl.proposeChange", receipt.gas_used, 120_500, "of one item")
    ends = near(up=["I1"], down=["V1"])
    receipt = design.approve(1, [revision], [ends])
    gas.record(
        "DesignControl.approveChange", receipt.gas_used, 134_500, "of one item with two links, transferred"
    )


def test_no_price_grows_with_the_project(design: Design) -> None:
    """A gate that 205 items are behind costs what one costs that five are behind."""
    small, large = Design(World.create(design.world.node)), design
    small.small()
    large.small()
    people = large.people
    for kind in (Kind.NEED, Kind.INPUT):
        large.contract.draft(large.id, items(1, 100, kind), [NO_ONE] * 100, sender=people.ann)
    pairs = [(label(f"INPUT{number}"), label(f"NEED{number}")) for number in range(1, 101)]
    large.contract.link(large.id, pairs, sender=people.ann)
    costs = []
    for found in (small, large):
        found.pass_gate(Gate.PLANNING)
        costs.append(found.pass_gate(Gate.INPUTS).gas_used)
    assert abs(costs[0] - costs[1]) < 200, costs
