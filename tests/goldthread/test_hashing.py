"""Whichever implementation of Keccak-256 is installed, the hashes are the same."""

from __future__ import annotations

import sys

import pytest
from eth_utils.crypto import keccak as reference
from hypothesis import given
from hypothesis import strategies as st

from goldthread import hashing

ABSENT = [[], ["tiny_keccak"], ["tiny_keccak", "sha3"]]


@pytest.mark.parametrize("absent", ABSENT, ids=["all", "no tiny-keccak", "neither"])
def test_every_implementation_gives_the_same_hash(absent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in absent:
        monkeypatch.setitem(sys.modules, name, None)
    chosen = hashing._choose()
    module = getattr(chosen, "__module__", None) or type(chosen).__module__
    assert not set(absent) & {module.split(".")[0]}

    @given(st.binary(max_size=300))
    def same(data: bytes) -> None:
        assert chosen(data) == reference(data)
        assert type(chosen(data)) is bytes

    same()


def test_the_fastest_one_is_installed() -> None:
    import tiny_keccak

    assert hashing.keccak is tiny_keccak.keccak256
