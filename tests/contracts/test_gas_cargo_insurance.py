"""What the functions of CargoInsurance cost on a real node; the ceilings fail when one gets dearer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import AnvilNode, GasBook, Receipt
from tests.support.cargo import Cargo, Severity

ROWS = [Severity(rule, 100 * n, 0, 10_000 * (4 * rule + n + 1)) for rule in range(8) for n in range(4)]


@pytest.fixture
def cargo(anvil: AnvilNode) -> Cargo:
    return Cargo.create(anvil)


Record = Callable[[str, Receipt, int], None]


@pytest.fixture
def within(gas: GasBook) -> Record:
    """Writes down what a call cost; fails when that is more than the ceiling."""

    def record(function: str, receipt: Receipt, ceiling: int) -> None:
        gas.record(f"CargoInsurance.{function}", receipt.gas_used, ceiling)

    return record


def test_from_the_quote_to_the_payment(within: Record, cargo: Cargo) -> None:
    insurance, world = cargo.insurance, cargo.world
    quote = cargo.quote()
    within("openPolicy", cargo.open(quote), 144_000)
    world.move(cargo.cold.pallet, world.maker, world.carrier)
    within("begin", insurance.begin(quote, sender=cargo.keeper), 80_000)
    cargo.measure([500, 1000, 500])
    within("claimBreach", cargo.claim(quote), 75_500)
    cargo.reject()
    within("claimBreach, rejected by quality", cargo.claim(quote), 75_500)
    cargo.arrive()
    within("finish", insurance.finish(quote, sender=cargo.keeper), 62_000)
    recall = cargo.recall()
    within("settle", insurance.settle(quote, sender=cargo.holder), 80_000)
    other = cargo.quote()
    cargo.open(other)
    within("cancel", insurance.cancel(other, sender=cargo.holder), 61_500)
    assert recall == 1


def test_a_recall(within: Record, cargo: Cargo) -> None:
    quote = cargo.quote()
    cargo.open(quote)
    cargo.depart(quote)
    recall = cargo.recall()
    within("claimRecall", cargo.insurance.claimRecall(quote, recall, sender=cargo.keeper), 61_000)


def test_the_longest_table(within: Record, cargo: Cargo) -> None:
    quote = cargo.quote(ROWS)
    within("openPolicy, 32 rows", cargo.open(quote), 231_000)
    cargo.depart(quote)
    cargo.measure([500, 1000, 500])
    within("claimBreach, 32 rows", cargo.claim(quote), 122_000)
