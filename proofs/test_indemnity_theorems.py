"""Theorems of the cargo indemnity, for all whole numbers, by z3: a better trip never pays more.

The table and the payment are written once, with Python's operators, and read twice: with z3's integers they
are proven, with Python's they are compared with the reference rule. A table of any length is met by
induction: adding a row keeps what holds of the table before it. Run by `make prove`; nothing of the project
is needed but the reference rule.
"""
# ruff: noqa: D103, S101, S311  the sentences are the tests' names; asserting is what tests do

from __future__ import annotations

import ast
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import z3

ONE = 10**6
TIMEOUT_MS = 30_000

Number = Any
"""An int, or an integer of z3."""


def either(condition: Any, a: Number, b: Number) -> Number:
    if isinstance(condition, bool):
        return a if condition else b
    return z3.If(condition, a, b)


def every(*conditions: Any) -> Any:
    if all(isinstance(condition, bool) for condition in conditions):
        return all(conditions)
    return z3.And(*conditions)


# The formulas


def with_row(share: Number, row: tuple[Number, ...], beyond: Number, time: Number) -> Number:
    """What a table is worth with a row more that is about the rule."""
    least_beyond, least_time, worth = row
    reached = every(least_beyond <= beyond, least_time <= time, worth > share)
    return either(reached, worth, share)


def payment(loss: Number, franchise: Number, deductible: Number) -> Number:
    return either(loss < franchise, 0, either(loss > deductible, loss - deductible, 0))


# What is proven is what is paid


def reference() -> dict[str, Callable[..., int]]:
    """The functions of the reference rule that need nothing else."""
    path = Path(__file__).parents[1] / "goldthread" / "rules" / "cargo.py"
    tree = ast.parse(path.read_text())
    tree.body = [
        node
        for node in tree.body
        if (isinstance(node, ast.FunctionDef) and node.name in ("share_of", "payment"))
        or (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    ]
    names: dict[str, Any] = {"ONE": ONE}
    exec(compile(tree, str(path), "exec"), names)  # noqa: S102  the project's own file
    return names


class Row:
    """A row as the reference rule reads it."""

    def __init__(self, beyond: int, time: int, share: int) -> None:
        self.rule, self.beyond, self.time, self.share = 0, beyond, time, share


def test_the_formulas_are_those_of_the_reference_rule() -> None:
    rule, dice = reference(), random.Random(1)
    for _ in range(2000):
        rows = [tuple(dice.randrange(5) for _ in range(3)) for _ in range(dice.randrange(6))]
        beyond, time, share = dice.randrange(5), dice.randrange(5), 0
        for row in rows:
            share = with_row(share, row, beyond, time)
        assert share == rule["share_of"]([Row(*row) for row in rows], 0, beyond, time)
        total, part, franchise, deductible = (dice.randrange(10 ** dice.randrange(1, 12)) for _ in range(4))
        part %= ONE + 1
        assert payment(total * part // ONE, franchise, deductible) == rule["payment"](
            total, part, franchise, deductible
        )


# Theorems


def numbers(*names: str) -> list[Number]:
    return [z3.Int(name) for name in names]


def holds(claim: Any, *facts: Any) -> None:
    """The claim follows from the facts."""
    solver = z3.Solver()
    solver.set("timeout", TIMEOUT_MS)
    solver.add(*facts, z3.Not(claim))
    assert solver.check() == z3.unsat, solver


def test_a_worse_breach_is_worth_no_less_with_every_row_more() -> None:
    share, other, beyond, time, further, longer = numbers(
        "share", "other", "beyond", "time", "more", "longer"
    )
    row = tuple(numbers("row_beyond", "row_time", "row_share"))
    better = with_row(share, row, beyond, time)
    worse = with_row(other, row, beyond + further, time + longer)
    holds(better <= worse, share <= other, further >= 0, longer >= 0)


def test_the_order_of_two_neighbours_changes_nothing() -> None:
    share, beyond, time = numbers("share", "beyond", "time")
    first, second = (tuple(numbers(f"b{i}", f"t{i}", f"s{i}")) for i in range(2))
    one = with_row(with_row(share, first, beyond, time), second, beyond, time)
    other = with_row(with_row(share, second, beyond, time), first, beyond, time)
    holds(one == other)


def test_no_row_makes_more_of_a_breach_than_the_highest_share() -> None:
    share, most, beyond, time = numbers("share", "most", "beyond", "time")
    row = tuple(numbers("row_beyond", "row_time", "row_share"))
    holds(with_row(share, row, beyond, time) <= most, share <= most, row[2] <= most)


def floor(dividend: Number, name: str) -> tuple[Number, Any]:
    """A millionth, rounded down, and what that means."""
    quotient = z3.Int(name)
    return quotient, z3.And(ONE * quotient <= dividend, dividend < ONE * (quotient + 1))


def test_a_product_of_two_is_not_negative() -> None:
    """Neither a sum insured nor a share, nor what is left of it, is below zero: used below."""
    first, second = numbers("first", "second")
    holds(first * second >= 0, first >= 0, second >= 0)


def test_a_higher_share_is_no_smaller_loss() -> None:
    """With sum * (share + step) = sum * share + sum * step, where the last one is not negative."""
    product, added = numbers("sum_times_share", "sum_times_step")
    (small, of_small), (large, of_large) = floor(product, "small"), floor(product + added, "large")
    holds(small <= large, of_small, of_large, added >= 0)


def test_a_loss_never_exceeds_the_sum_insured() -> None:
    """With sum * share + sum * (1,000,000 - share) = 1,000,000 * sum, where no product is negative."""
    total, product, rest = numbers("sum", "sum_times_share", "sum_times_rest")
    loss, of_loss = floor(product, "loss")
    holds(loss <= total, of_loss, product >= 0, rest >= 0, product + rest == ONE * total)


def test_a_larger_loss_pays_no_less() -> None:
    loss, more, franchise, deductible = numbers("loss", "more", "franchise", "deductible")
    facts = [loss >= 0, more >= 0, franchise >= 0, deductible >= 0]
    holds(payment(loss, franchise, deductible) <= payment(loss + more, franchise, deductible), *facts)


def test_nothing_is_paid_above_the_sum_less_the_deductible() -> None:
    loss, total, franchise, deductible = numbers("loss", "total", "franchise", "deductible")
    paid = payment(loss, franchise, deductible)
    facts = [loss >= 0, loss <= total, franchise >= 0, deductible >= 0]
    holds(z3.And(paid >= 0, paid <= z3.If(total > deductible, total - deductible, 0)), *facts)


def test_a_trip_that_ends_earlier_counts_no_more_time() -> None:
    """Of a breach of any length, crossed at any second, with the trip cut at any later one."""
    time, crossing, end, earlier = numbers("time", "crossing", "end", "earlier")

    def counted(until: Number) -> Number:
        return z3.If(time < until - crossing, time, until - crossing)

    holds(counted(earlier) <= counted(end), crossing < earlier, earlier <= end)
