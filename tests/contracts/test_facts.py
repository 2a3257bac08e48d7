"""Facts: thirteen fields in one word, in two forms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.twins import VIEW
from tests.support import Contract, Node, deploy, fresh
from tests.support.words import EndOfLife, Kind, Purpose

LAYOUT = {
    "kind": 8, "end": 8, "purpose": 8, "packed": 8, "height": 8, "maker": 32, "owner": 32, "holder": 32,
    "pendingTo": 32, "deadline": 40, "holds": 16, "heldInside": 16, "contents": 16,
}  # fmt: skip
"""From the lowest bit up."""
LARGEST = {"kind": Kind.DESIGN, "end": EndOfLife.STOLEN, "purpose": Purpose.DESTRUCTION}
SETTERS = {
    "withEnd": ["end"],
    "withHeight": ["height"],
    "withOwner": ["owner"],
    "withHolder": ["holder", "packed"],
    "withOffer": ["purpose", "pendingTo", "deadline"],
    "withHolds": ["holds"],
    "withHeldInside": ["heldInside"],
    "withContents": ["contents"],
}

FIELDS = st.fixed_dictionaries(
    {name: st.integers(0, int(LARGEST.get(name, 2**bits - 1))) for name, bits in LAYOUT.items()}
    | {"packed": st.booleans()}
)


def word(fields: dict[str, Any]) -> int:
    """The moved form."""
    result = shift = 0
    for name, bits in LAYOUT.items():
        result |= int(fields[name]) << shift
        shift += bits
    return result


@pytest.fixture
def facts(node: Node) -> Contract:
    return deploy(node, "FactsHarness")


def test_the_fields_fill_the_word() -> None:
    assert sum(LAYOUT.values()) == 256
    assert tuple(LAYOUT) == VIEW


def test_every_field_is_read_and_changed_alone() -> None:
    facts = deploy(fresh(), "FactsHarness")

    @given(FIELDS, FIELDS)
    def alone(before: dict[str, int], after: dict[str, int]) -> None:
        assert facts.read(word(before))._asdict() == before
        assert facts.exists(word(before)) == any(before.values())
        blocked = before["end"] or before["holds"] or before["heldInside"]
        assert facts.blocked(word(before)) == bool(blocked)
        for setter, names in SETTERS.items():
            changed = before | {name: after[name] for name in names}
            values = [after[name] for name in names]
            assert getattr(facts, setter)(word(before), *values) == word(changed)

    alone()


@pytest.mark.parametrize("bit", range(256))
def test_each_bit_alone(facts: Contract, bit: int) -> None:
    """Blocked are the bits of the end and of the two counters of holds."""
    assert facts.blocked(1 << bit) == (8 <= bit < 16 or 208 <= bit < 240)
    assert facts.exists(1 << bit)
    if bit == 7:
        assert facts.moved(1 << bit) == 0
    else:
        assert facts.moved(1 << bit) == 1 << bit
        assert facts.freshHead(1 << bit) == bytes(32)


def test_a_fresh_word_holds_kind_maker_and_the_head() -> None:
    facts = deploy(fresh(), "FactsHarness")

    @given(
        st.sampled_from([Kind.PART, Kind.CONTAINER, Kind.ASSET, Kind.DESIGN]),
        st.integers(0, 2**32 - 1),
        st.binary(min_size=32, max_size=32),
    )
    def holds(kind: Kind, maker: int, head: bytes) -> None:
        made = facts.fresh(kind, maker, head)
        assert made == int.from_bytes(head[:27], "big") << 40 | maker << 8 | 1 << 7 | kind
        assert facts.freshHead(made) == head[:27] + bytes(5)
        assert facts.exists(made)
        only = {"kind": kind, "maker": maker, "owner": maker, "holder": maker}
        moved = facts.moved(made)
        assert moved == word(dict.fromkeys(LAYOUT, 0) | only)
        assert facts.moved(moved) == moved
        assert facts.freshHead(moved) == bytes(32)

    holds()


def test_an_empty_word_is_nothing(facts: Contract) -> None:
    assert not facts.exists(0)
    assert not facts.blocked(0)
    assert facts.moved(0) == 0
    assert facts.freshHead(0) == bytes(32)
