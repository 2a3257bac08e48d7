"""What all models share.

A model is two things. A *ledger* folds events into state and knows no rules: fed with the logs of a chain, it
must arrive at the storage of the chain. The *rules* say for each call every reason that speaks against it,
whatever the order of the checks in Solidity, and if there is none, the events that follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

Reason = tuple[str, tuple[Any, ...]]
"""A custom error and its values."""
Fact = tuple[str, Mapping[str, Any]]
"""An event and its fields."""


class Refused(Exception):
    """The rules forbid the call; the contract must give one of the reasons."""

    def __init__(self, reasons: list[Reason]) -> None:
        super().__init__("; ".join(f"{name}{values}" for name, values in reasons))
        self.reasons = reasons


class Objections:
    """The reasons against a call, collected."""

    def __init__(self) -> None:
        self._reasons: list[Reason] = []

    def when(self, condition: bool, error: str, *values: Any) -> None:
        """Another reason, if the condition holds."""
        if condition:
            self._reasons.append((error, values))

    def final(self, error: str, *values: Any) -> NoReturn:
        """A reason after which nothing else can be asked."""
        self._reasons.append((error, values))
        raise Refused(self._reasons)

    def settle(self) -> None:
        """Refuse if anything was objected."""
        if self._reasons:
            raise Refused(self._reasons)
