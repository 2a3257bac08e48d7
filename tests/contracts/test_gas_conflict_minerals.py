"""What registers, declarations and evaluations cost on a real node."""

from __future__ import annotations

from typing import Any

from tests.models.conflict_minerals import CLEAN, Metal, Status, smelter, tree_of
from tests.models.lineage import Ancestor
from tests.models.minerals_shadow import MineralsShadow
from tests.support import AnvilNode
from tests.support.gas import GasBook, inner
from tests.support.making import ONE, lot_id
from tests.support.minerals import DOCUMENT, REASON, Case

MANY = [smelter(f"CID{number:06}", Metal.TIN) for number in range(300)]
"""As many as a large declaration has."""


def test_registers_and_declarations(anvil: AnvilNode, gas: GasBook) -> None:
    case = Case(MineralsShadow(anvil))
    contract, maker, register = case.contract, case.world.maker, case.register.record
    first = contract.list([case.listing(MANY[0])], sender=register).gas_used
    gas.record("ConflictMinerals.list, one", first, 64_000)
    for start in (1, 100, 200):
        listings = [case.listing(each) for each in MANY[start : start // 100 * 100 + 100]]
        used = contract.list(listings, sender=register).gas_used
    gas.record("ConflictMinerals.list, each of 100", used // 100, 32_500)
    worse = contract.list([case.listing(MANY[0], Status.ACTIVE)], sender=register).gas_used
    gas.record("ConflictMinerals.list, the first that gets worse", worse, 94_000)

    def declare(product: bytes, smelters: list[bytes], **metals: Any) -> int:
        args = product, case.year, case.statement(**metals), smelters
        used: int = contract.declare(*args, sender=maker.quality).gas_used
        return used

    lots = [case.making.lot(f"lot{number}") for number in range(5)]
    gas.record("ConflictMinerals.declare, one smelter", declare(lots[0], MANY[:1]), 236_000)
    gas.record("ConflictMinerals.declare, 300 smelters", declare(lots[1], MANY), 1_800_000)
    statement = case.statement(gold=CLEAN)._replace(register=case.register.number)
    args = lots[0], case.year, 1, statement, [], REASON
    used = contract.supersede(*args, sender=maker.quality).gas_used
    gas.record("ConflictMinerals.supersede", used, 121_000, "and its verdict gets worse")
    used = contract.cover(lots[1], case.year, lots[2:3], sender=maker.quality).gas_used
    gas.record("ConflictMinerals.cover, one lot", used, 78_000)
    used = contract.cover(lots[1], case.year, lots[2:5], sender=maker.quality).gas_used
    gas.record("ConflictMinerals.cover, each of 3 lots", used // 3, 45_500)
    used = contract.judge(lots[1], case.year, MANY, sender=case.world.stranger).gas_used
    gas.record("ConflictMinerals.judge, 300 smelters", used, 1_540_000)
    contract.list([case.listing(MANY[7], Status.NON_CONFORMANT)], sender=register)
    args = lots[1], case.year, MANY[7], 7, tree_of(MANY).proof(7)
    used = contract.flag(*args, sender=case.world.stranger).gas_used
    gas.record("ConflictMinerals.flag", used, 72_500, "one of 300 smelters")
    anvil.timestamp = contract.dueAt(case.year) + 1
    used = contract.flagOverdue(lots[0], case.year, sender=case.world.stranger).gas_used
    gas.record("ConflictMinerals.flagOverdue", used, 40_000)
    used = contract.file(lots[0], case.year, DOCUMENT, sender=maker.quality).gas_used
    gas.record("ConflictMinerals.file", used, 49_000)


def test_evaluations(anvil: AnvilNode, gas: GasBook) -> None:
    """The caller pays for what the product was made of, or for its inputs if those were evaluated."""
    case = Case(MineralsShadow(anvil))
    case.list(MANY[0])
    inputs = [case.making.lot(f"in{number}") for number in range(20)]
    case.making.transform("p", inputs[:1], ["bar"], finalise=True)
    case.making.transform("q", inputs, ["car"], finalise=True)
    for product in (*inputs, lot_id("bar"), lot_id("car")):
        case.declare(product, smelters=MANY[:1])
    contract, stranger = case.contract, case.world.stranger
    one = [Ancestor(lot_id("bar"), [1], [ONE]), Ancestor(inputs[0])]
    gas.record(
        "ConflictMinerals.evaluate, one input", contract.evaluate(one, sender=stranger).gas_used, 113_500
    )
    all_ = [Ancestor(lot_id("car"), list(range(1, 21)), [ONE] * 20), *map(Ancestor, inputs)]
    used = contract.evaluate(all_, sender=stranger).gas_used
    gas.record("ConflictMinerals.evaluate, 20 inputs", used, 498_000)
    cost = inner(contract, contract.verdictOf.encode(lot_id("car")))
    gas.record("ConflictMinerals.verdictOf, read by a contract", cost.cold, 18_000)
