"""A stateful test that never gets anywhere passes; counting what succeeded makes it fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class UnseenError(AssertionError):
    """Something never happened, in all the examples of a test."""


class Counters:
    """How often each action of a stateful test succeeded."""

    def __init__(self) -> None:
        self._hits: Counter[str] = Counter()

    def hit(self, action: str) -> None:
        """The action succeeded once more."""
        self._hits[action] += 1

    def require(self, actions: Iterable[str], at_least: int = 1) -> None:
        """Fail unless every action succeeded that often; `tests/conftest.py` first takes more examples."""
        if missing := sorted(action for action in actions if self._hits[action] < at_least):
            seen = dict(self._hits)
            raise UnseenError(f"succeeded fewer than {at_least} times: {', '.join(missing)}; seen: {seen}")
