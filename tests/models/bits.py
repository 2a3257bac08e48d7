"""Fields of fixed widths in one word, from the lowest bit up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def join(fields: Iterable[int], widths: Sequence[int]) -> int:
    """Negative numbers become two's complement."""
    word = place = 0
    for field, width in zip(fields, widths, strict=True):
        word |= (int(field) & (1 << width) - 1) << place
        place += width
    return word


def split(word: int, widths: Sequence[int]) -> list[int]:
    fields = []
    for width in widths:
        fields.append(word & (1 << width) - 1)
        word >>= width
    return fields


def signed(word: int, width: int) -> int:
    """A field as a two's complement number."""
    return word - (1 << width) if word >> (width - 1) else word
