"""What it costs to catch a liar, to vouch for a device and to show a reading, on a real node."""

from __future__ import annotations

import pytest

from tests.models.lies import FalseNode, Leaf
from tests.models.segments import Excursion, Frame, Limit, Reading, Segment, Step, Values, hashed, parent
from tests.models.segments import summary as summary_of
from tests.support import AnvilNode
from tests.support.gas import GasBook
from tests.support.guarded import ANSWER_WINDOW, NOTICE_PERIOD, USD, Guarded

DEPTH = 20
LIMITS = (Limit(-50, False), Limit(800, True))


@pytest.fixture
def guarded(anvil: AnvilNode) -> Guarded:
    return Guarded.create(anvil)


def deep(guarded: Guarded) -> tuple[Segment, FalseNode]:
    """A segment of 2^20 readings, a second apart, over two limits. The first node above two readings lowers
    the highest of them; the rest of the tree is nobody's business, and made up.
    """
    start, count = guarded.cold.world.now, 2**DEPTH
    readings = [Reading(start, -60), Reading(start + 1, 900)]
    frame = Frame(1, 1, start, start + count - 1, count, 1)
    values = Values(-60, 899, 512, 512 * count)
    excursions = Excursion(LIMITS[0], 0, 1, 0, 2, 3, 2).word, Excursion(LIMITS[1], 1, 0, 0, 5, 7, 2).word
    leaves = [Leaf(r.value, r.time, i, 1) for i, r in enumerate(readings)]
    false = summary_of(readings, 1, LIMITS, (), 1)
    false[1] = Values.of(false[1])._replace(max=899).word
    way, node = [], parent(*(leaf.hash for leaf in leaves), hashed(false))
    top = [frame.word, values.word, *excursions]
    for level in range(1, DEPTH):
        way.append(Step(hashed([level, 0]), hashed(top if level == DEPTH - 1 else [level])))
        node = parent(node, *way[-1])
    segment = guarded.cold.segment(readings, limits=LIMITS)
    signed = segment._replace(frame=frame.word, values=values.word, excursions=excursions, root=node)
    return signed, FalseNode(1, 0, hashed(false), *([leaf.word] for leaf in leaves), way)


def test_a_lie_costs_its_device_and_its_bond(guarded: Guarded, gas: GasBook) -> None:
    bonded = guarded.bond().gas_used
    gas.record("Challenges.bond", bonded, 150_000)
    raised = guarded.challenges.raiseBond(guarded.device, guarded.org, USD, sender=guarded.gateway)
    gas.record("Challenges.raiseBond", raised.gas_used, 54_000)
    segment, node = deep(guarded)
    guarded.cold.anchor(segment)
    proved = guarded.cold.telemetry.proveFalseSummary(segment, node, sender=guarded.doubter).gas_used
    gas.record("Telemetry.proveFalseSummary, depth 20", proved, 100_000, "2 readings, 2 limits")
    gas.record("Challenges.settle, key and bond", guarded.settle(segment).gas_used, 133_000)
    paid = guarded.challenges.withdrawCredit(sender=guarded.doubter).gas_used
    gas.record("Challenges.withdrawCredit", paid, 40_500)


def test_a_contradiction(guarded: Guarded, gas: GasBook) -> None:
    readings = guarded.cold.every(1, [500 + i % 7 for i in range(1024)])
    lie = guarded.anchored(readings, change=lambda s: s.with_values(max=505))
    shown = 6, (6, *readings[6]), 1, lie.proof(6)
    proved = guarded.cold.telemetry.proveContradiction(lie.signed, *shown, sender=guarded.doubter).gas_used
    gas.record("Telemetry.proveContradiction, depth 10", proved, 74_000)


def test_an_equivocation(guarded: Guarded, gas: GasBook) -> None:
    cold = guarded.cold
    segment = cold.segment(cold.every(300, [500, 600]))
    other = cold.segment(cold.every(300, [500, 601], Frame.of(segment.frame).start))
    cold.anchor(segment)
    proved = cold.telemetry.proveEquivocation(segment, *cold.sign(other), sender=guarded.doubter).gas_used
    gas.record("Telemetry.proveEquivocation", proved, 79_000, "secp256k1")


def test_demands(guarded: Guarded, gas: GasBook) -> None:
    guarded.bond()
    true = guarded.anchored(guarded.cold.every(1, [500 + i % 7 for i in range(1024)]))
    gas.record("Challenges.demand", guarded.demand(true.signed, 700).gas_used, 111_500)
    gas.record("Challenges.answer, depth 10", guarded.answer(true, 700).gas_used, 87_000)
    guarded.demand(true.signed, 701)
    guarded.cold.node.warp(ANSWER_WINDOW + 1)
    claimed = guarded.challenges.claimWithheld(true.signed, 701, guarded.org, sender=guarded.doubter).gas_used
    gas.record("Challenges.claimWithheld", claimed, 143_000)


def test_a_bond_is_withdrawn(guarded: Guarded, gas: GasBook) -> None:
    guarded.bond()
    where = guarded.device, guarded.org
    gas.record(
        "Challenges.giveNotice",
        guarded.challenges.giveNotice(*where, sender=guarded.gateway).gas_used,
        31_500,
    )
    guarded.cold.node.warp(NOTICE_PERIOD)
    taken = guarded.challenges.withdrawBond(*where, sender=guarded.gateway).gas_used
    gas.record("Challenges.withdrawBond", taken, 46_500)
