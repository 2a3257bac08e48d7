"""What a test has to have seen is looked for in more examples, and then missed."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.conftest import ROUNDS
from tests.support import Counters
from tests.support.counters import UnseenError

SEEN = Counters()
STARTS: list[bool] = []


def test_what_is_missed_is_looked_for_again() -> None:
    STARTS.append(bool(settings().derandomize))
    if len(STARTS) == ROUNDS:
        SEEN.hit("it")
    SEEN.require(["it"])
    assert STARTS == [True] + [False] * (ROUNDS - 1)


def test_the_usual_examples_come_back() -> None:
    assert settings().derandomize


def test_what_never_happens_is_named() -> None:
    count = Counters()
    count.hit("this")
    with pytest.raises(UnseenError, match="succeeded fewer than 2 times: that, this; seen: {'this': 1}"):
        count.require(["this", "that"], at_least=2)
