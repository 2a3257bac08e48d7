"""What a loss of cargo is worth: the rule of the contract CargoInsurance.

Shares are in parts per million of the sum insured, money in whole units of the token, times in unix seconds,
values in the unit of the quantity (`goldthread.rules.readings`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from goldthread.rules.conditions import Breach, Kind, Rule

ONE = 1_000_000
"""All of the sum insured."""

MAX_ROWS = 32
"""Most rows of a table."""


@dataclass(frozen=True)
class Severity:
    """A row of the table: what a breach at least as bad is worth.

    `rule` is its place in the conditions or a number that stands for something else there, `beyond` the least
    distance of the extreme from the limit on its side, `time` the least seconds that count.
    """

    rule: int
    beyond: int
    time: int
    share: int

    def __post_init__(self) -> None:
        """`ValueError` for what the contract cannot take."""
        fields = (("rule", 8), ("beyond", 32), ("time", 32))
        for name, bits in fields:
            value = getattr(self, name)
            if not 0 <= value < 1 << bits:
                raise ValueError(f"{name} {value} does not fit into {bits} bits without a sign")
        if not 0 <= self.share <= ONE:
            raise ValueError(f"share {self.share} is not between 0 and {ONE}")


def share_of(table: Iterable[Severity], rule: int, beyond: int, time: int) -> int:
    """The greatest share of all rows that a breach reaches; 0: none."""
    reached = (r.share for r in table if (r.rule, True, True) == (rule, r.beyond <= beyond, r.time <= time))
    return max(reached, default=0)


def payment(sum_insured: int, share: int, franchise: int, deductible: int) -> int:
    """What a loss of this share pays, rounded down: nothing below the franchise, else the loss less the
    deductible.
    """
    loss = sum_insured * share // ONE
    return 0 if loss < franchise else max(loss - deductible, 0)


def distance(rules: Sequence[Rule], rule: int, extreme: int) -> int:
    """How far an extreme is beyond the rule's limit, on its side; 0 for what has no limit that a reading
    could pass.
    """
    if rule >= len(rules) or rules[rule].kind is Kind.SEQUENCE:
        return 0
    limit = rules[rule].limit
    away = extreme - limit.value
    return max(0, away if limit.high else -away)


def share_of_breach(
    table: Iterable[Severity], rules: Sequence[Rule], breach: Breach, start: int, end: int
) -> int | None:
    """What a breach is worth on a trip from the second `start` up to before `end`; None: not in it.

    If the segment that showed it ended after the trip, nobody knows whether the extreme belongs to it: the
    distance is 0. Of its time no more counts than lies between the first crossing and the end.
    """
    if not start <= breach.first_crossing < end:
        return None
    beyond = distance(rules, breach.rule, breach.extreme) if breach.until < end else 0
    return share_of(table, breach.rule, beyond, min(breach.time, end - breach.first_crossing))


@dataclass(frozen=True)
class Terms:
    """What a quote agrees on in numbers, besides the trip: as ICargoInsurance.Shipment."""

    sum_insured: int
    franchise: int
    deductible: int
    reject_share: int
    recall_share: int
    recall_class: int
    table: tuple[Severity, ...]

    def __post_init__(self) -> None:
        """`ValueError` for what the contract would refuse."""
        if len(self.table) > MAX_ROWS:
            raise ValueError(f"the table has {len(self.table)} rows, {MAX_ROWS} are possible")
        for name in ("reject_share", "recall_share"):
            if not 0 <= getattr(self, name) <= ONE:
                raise ValueError(f"{name} {getattr(self, name)} is not between 0 and {ONE}")
        if not 0 <= self.recall_class <= 3:
            raise ValueError(f"recall_class {self.recall_class} is not 0 (none), 1, 2 or 3")
        if (self.recall_class == 0) != (self.recall_share == 0):
            raise ValueError("recall_class and recall_share are both 0, or neither")
        if self.pays(self.highest) == 0:
            raise ValueError("nothing that could happen would be paid for")

    @property
    def highest(self) -> int:
        """The highest share that anything could be worth."""
        return max([row.share for row in self.table] + [self.reject_share, self.recall_share])

    def pays(self, share: int) -> int:
        """What a loss of this share pays."""
        return payment(self.sum_insured, share, self.franchise, self.deductible)


def doubts(terms: Terms, rules: Sequence[Rule]) -> list[str]:
    """What the contract accepts and an underwriter hardly means."""
    found = []
    for place, row in enumerate(terms.table, 1):
        limited = row.rule < len(rules) and rules[row.rule].kind not in (Kind.GAP, Kind.SEQUENCE)
        if row.beyond and not limited:
            found.append(f"row {place}: number {row.rule} has no limit, so nothing is ever beyond it")
        if row.rule >= len(rules):
            continue
        duration = rules[row.rule].duration
        if row.time < duration:
            found.append(
                f"row {place}: rule {row.rule} breaks after {duration} s; with less time in the row, time "
                f"after the trip helps to break it"
            )
    return found
