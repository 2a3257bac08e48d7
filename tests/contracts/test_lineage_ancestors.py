"""Lineage: the way back to everything that a product was made of, provably complete."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.models.lineage import Ancestor, ancestors
from tests.support import Node
from tests.support.making import ONE, Making, lot_id
from tests.support.world import twin_id


@pytest.fixture
def making(node: Node) -> Making:
    return Making.create(node)


def listed(making: Making, product: bytes) -> list[Ancestor]:
    return ancestors(making.shadow.lots.ledger, making.shadow.lineage.ledger, product)


def complete(making: Making, ways: list[Ancestor]) -> bool:
    answer: bool = making.world.lineage.ancestorsComplete(ways)
    assert answer == making.shadow.lineage.ancestorsComplete(ways)
    return answer


def test_a_tree_with_a_shared_ancestor(making: Making) -> None:
    """ore -> steel, iron; steel + iron -> car. The ore is listed once and named twice."""
    ore = making.lot("ore")
    making.transform("smelting", [ore], ["steel", "iron"])
    car = making.part("car")
    making.transform("assembling", [lot_id("steel"), lot_id("iron")], parts=[car])
    by_hand = [
        Ancestor(car, [1, 2], [ONE, ONE]),
        Ancestor(lot_id("steel"), [3], [ONE]),
        Ancestor(lot_id("iron"), [3], [ONE]),
        Ancestor(ore),
    ]
    assert complete(making, by_hand)
    assert complete(making, listed(making, car))
    for place in range(4):
        assert not complete(making, by_hand[:place] + by_hand[place + 1 :])
    # Another order of the inputs is another chain.
    assert not complete(making, [Ancestor(car, [2, 1], [ONE, ONE]), *by_hand[1:]])
    for quantities in ([ONE, ONE + 1], [ONE], [ONE, ONE, ONE], []):
        assert not complete(making, [Ancestor(car, [1, 2], quantities), *by_hand[1:]])
    # What is more than its ancestors does no harm as long as it is complete itself.
    making.transform("milling", [making.lot("grain")], ["flour"])
    assert complete(making, [*by_hand, Ancestor(lot_id("grain"))])
    assert complete(making, [*by_hand, Ancestor(lot_id("flour"), [5], [ONE]), Ancestor(lot_id("grain"))])
    assert not complete(making, [*by_hand, Ancestor(lot_id("flour"))])


def test_every_place_is_in_the_list(making: Making) -> None:
    ore = making.lot("ore")
    making.transform("smelting", [ore], ["steel"])
    for place in (2, 2**255):
        assert not complete(making, [Ancestor(lot_id("steel"), [place], [ONE]), Ancestor(ore)])
    assert not complete(making, [Ancestor(lot_id("steel"), [0], [ONE]), Ancestor(ore)])
    assert complete(making, [Ancestor(lot_id("steel"), [1], [ONE]), Ancestor(ore)])


def test_an_input_told_late_makes_a_list_incomplete(making: Making) -> None:
    ore, coal = making.lot("ore"), making.lot("coal")
    process, (steel,) = making.transform("smelting", [ore], ["steel"])
    before = listed(making, steel)
    assert complete(making, before)
    making.add_inputs(process, coal)
    assert not complete(making, before)
    assert {each.product for each in listed(making, steel)} == {steel, ore, coal}
    assert complete(making, listed(making, steel))


def test_a_circle_has_a_complete_list(making: Making) -> None:
    """Scrap of steel goes back into the process that it came from."""
    ore = making.lot("ore")
    smelting, (steel,) = making.transform("smelting", [ore], ["steel"])
    _, (scrap,) = making.transform("cutting", [steel], ["scrap"])
    making.add_inputs(smelting, scrap)
    ways = listed(making, steel)
    assert len(ways) == 3
    assert complete(making, ways)
    assert complete(making, listed(making, scrap))
    circle = [Ancestor(steel, [1, 2], [ONE, ONE]), Ancestor(ore), Ancestor(scrap, [0], [ONE])]
    assert complete(making, circle)


def test_a_unit_comes_from_its_lot(making: Making) -> None:
    powder = making.lot("powder")
    pills = making.units("pills", 3)
    unit = making.materialise("pills", 1, 3)
    other = making.lot("other")
    assert complete(making, [Ancestor(unit, [1]), Ancestor(pills)])
    for wrong in (
        [Ancestor(unit), Ancestor(pills)],
        [Ancestor(unit, [1]), Ancestor(other)],
        [Ancestor(unit, [1, 1]), Ancestor(pills)],
        [Ancestor(unit, [0])],
        [Ancestor(unit, [1]), Ancestor(pills, [2], [1]), Ancestor(powder)],
    ):
        assert not complete(making, wrong)


def test_lots_and_parts_that_came_out_of_nothing(making: Making) -> None:
    steel, part = making.lot("steel"), making.part("1")
    for product in (steel, part):
        assert complete(making, [Ancestor(product)])
        assert not complete(making, [Ancestor(product, [0], [1])])
    process, _ = making.transform("printing", [], ["paper"])
    assert complete(making, [Ancestor(lot_id("paper"))])
    assert making.world.lineage.inputsHead(process) == bytes(32)


def test_of_what_does_not_exist_nothing_is_proven(making: Making) -> None:
    """The serial of a unit that is no twin is one such thing: its lot may be recalled."""
    pills = making.units("pills", 2)
    assert not complete(making, [])
    assert not complete(making, [Ancestor(twin_id("https://id.gs1.org/01/09506000134352/21/pills-0"))])
    process, _ = making.transform("smelting", [making.lot("ore")])
    assert not complete(making, [Ancestor(process)])
    assert complete(making, [Ancestor(pills)])


def test_any_order_of_the_list_will_do(making: Making) -> None:
    ore = making.lot("ore")
    making.transform("one", [ore], ["steel"])
    making.transform("two", [lot_id("steel"), ore], ["car"])
    for order in permutations((lot_id("steel"), ore)):
        found = [lot_id("car"), *order]
        inputs = {lot_id("car"): [lot_id("steel"), ore], lot_id("steel"): [ore], ore: []}
        ways = [
            Ancestor(product, [found.index(lot) for lot in inputs[product]], [ONE] * len(inputs[product]))
            for product in found
        ]
        assert complete(making, ways)
