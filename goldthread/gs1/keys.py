"""GS1 identification keys: check digits, character sets, lengths.

The rules are those of the GS1 General Specifications, section 3 (formats) and section 7.9 (check digits), as
the GS1 Syntax Dictionary writes them down for machines. A key is named by its application identifier, the
number in front of it in a barcode: `01` for a GTIN, `00` for an SSCC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

CSET82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
"""The characters of serial and lot numbers, in the order that the check characters of a GMN count them."""

CSET39 = "#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""The characters of a component and part identifier."""

_CSET32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83)
_DIGITS = re.compile(r"[0-9]*")


class IdError(ValueError):
    """A value that is no identifier. `field` says which, `value` is what was given, `rule` what it breaks."""

    def __init__(self, field: str, value: str, rule: str) -> None:
        super().__init__(f"{field} {value!r}: {rule}")
        self.field = field
        self.value = value
        self.rule = rule


@dataclass(frozen=True)
class Part:
    """A stretch of an element's value: its characters, least and greatest length, and a further check.

    The check gets the field's name, the whole value and the part's own characters, and raises `IdError`.
    """

    charset: str
    least: int
    most: int
    check: Callable[[str, str, str], None] | None = None


@dataclass(frozen=True)
class Element:
    """What follows an application identifier.

    `prefix` is where the GS1 company prefix starts in the value of a primary key. `qualifiers` are the
    sequences of further identifiers that a Digital Link may carry behind the key, in their order, and
    `identity` those that make it the identifier of another thing, the finest first. The others (a product
    variant, an extension of a party) describe a thing that has its identity without them.
    """

    ai: str
    title: str
    parts: tuple[Part, ...]
    prefix: int | None = None
    qualifiers: tuple[tuple[str, ...], ...] = ()
    identity: tuple[str, ...] = ()


def check_digit(digits: str) -> int:
    """The check digit that belongs behind the digits (GS1 General Specifications 7.9.1).

    Weights alternate 3, 1, 3, 1 ... from the right. Raises `IdError` for anything but digits.
    """
    if not digits or not _DIGITS.fullmatch(digits):
        raise IdError("check digit", digits, "only digits have one")
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(digits)))
    return -total % 10


def check_characters(value: str) -> str:
    """The two check characters that belong behind a global model number (7.9.5).

    Raises `IdError` for characters outside of GS1 character set 82 and for more than 23 of them.
    """
    _require_characters("GMN", value, value, CSET82)
    if len(value) > len(_PRIMES):
        raise IdError(
            "GMN", value, f"has {len(value)} characters, at most {len(_PRIMES)} come before the check"
        )
    total = sum(CSET82.index(c) * p for c, p in zip(reversed(value), _PRIMES, strict=False)) % 1021
    return _CSET32[total >> 5] + _CSET32[total & 31]


def element(ai: str) -> Element:
    """What follows the application identifier; raises `IdError` for one that is not in the table."""
    try:
        return _TABLE[ai]
    except KeyError:
        raise IdError("application identifier", ai, f"is none of {', '.join(_TABLE)}") from None


def primary_keys() -> tuple[str, ...]:
    """The application identifiers of the keys that can stand at the start of a Digital Link."""
    return tuple(ai for ai, found in _TABLE.items() if found.prefix is not None)


def validate(ai: str, value: str) -> str:
    """Return the value if it may follow the identifier; raise `IdError` with the reason if not."""
    entry = element(ai)
    field = f"{entry.title} ({ai})"
    least, most = sum(part.least for part in entry.parts), sum(part.most for part in entry.parts)
    if not least <= len(value) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise IdError(field, value, f"has {len(value)} characters, must have {wanted}")
    start = 0
    for part in entry.parts:
        text = value[start : start + part.most]
        _require_characters(field, value, text, part.charset)
        if part.check is not None:
            part.check(field, value, text)
        start += len(text)
    if entry.prefix is not None and not _DIGITS.fullmatch(value[entry.prefix : entry.prefix + 4]):
        raise IdError(field, value, "must start with a GS1 company prefix, which has at least 4 digits")
    return value


def pad_gtin(digits: str) -> str:
    """A GTIN-8, GTIN-12 or GTIN-13 with zeros in front of it, as 14 digits; anything else as it is."""
    return digits.zfill(14) if len(digits) in (8, 12, 13) and _DIGITS.fullmatch(digits) else digits


def _require_characters(field: str, value: str, text: str, charset: str) -> None:
    for character in text:
        if character not in charset:
            allowed = {DIGITS: "digits", CSET82: "GS1 character set 82", CSET39: "GS1 character set 39"}
            raise IdError(field, value, f"{character!r} is not one of the {allowed[charset]}")


def _check_sum(field: str, value: str, text: str) -> None:
    expected = check_digit(text[:-1])
    if text[-1] != str(expected):
        raise IdError(field, value, f"check digit is {text[-1]}, must be {expected}")


def _check_pair(field: str, value: str, text: str) -> None:
    expected = check_characters(text[:-2])
    if text[-2:] != expected:
        raise IdError(field, value, f"check characters are {text[-2:]}, must be {expected}")


def _check_zero(field: str, value: str, text: str) -> None:
    if text != "0":
        raise IdError(field, value, "the digit in front of the GRAI must be 0")


def _check_piece(field: str, value: str, text: str) -> None:
    piece, total = int(text[:2]), int(text[2:])
    if not 1 <= piece <= total:
        raise IdError(field, value, f"piece {piece} of {total}: must be from 1 up to the total")


def _check_no_zero(field: str, value: str, text: str) -> None:
    if len(text) > 1 and text[0] == "0":
        raise IdError(field, value, "must not start with 0")


DIGITS = "0123456789"


def _number(length: int) -> Part:
    return Part(DIGITS, length, length, _check_sum)


def _text(most: int, least: int = 1) -> Part:
    return Part(CSET82, least, most)


_TRADE = (("22", "10", "21"), ("235",))

_TABLE = {
    entry.ai: entry
    for entry in (
        Element("00", "SSCC", (_number(18),), prefix=1),
        Element("01", "GTIN", (_number(14),), 1, _TRADE, ("21", "235", "10")),
        Element("253", "GDTI", (_number(13), _text(17, 0)), prefix=0),
        Element("255", "GCN", (_number(13), Part(DIGITS, 0, 12)), prefix=0),
        Element("401", "GINC", (_text(30, 5),), prefix=0),
        Element("402", "GSIN", (_number(17),), prefix=0),
        Element("414", "GLN", (_number(13),), 0, (("254",), ("7040",)), ("254",)),
        Element("417", "party GLN", (_number(13),), 0, (("7040",),)),
        Element("8003", "GRAI", (Part(DIGITS, 1, 1, _check_zero), _number(13), _text(16, 0)), prefix=1),
        Element("8004", "GIAI", (_text(30, 5),), 0, (("7040",),)),
        Element(
            "8006",
            "ITIP",
            (_number(14), Part(DIGITS, 4, 4, _check_piece)),
            1,
            (("22", "10", "21"),),
            ("21", "10"),
        ),
        Element("8010", "CPID", (Part(CSET39, 5, 30),), 0, (("8011",),), ("8011",)),
        Element("8013", "GMN", (Part(CSET82, 7, 25, _check_pair),), prefix=0),
        Element("8017", "GSRN of a provider", (_number(18),), 0, (("8019",),)),
        Element("8018", "GSRN of a recipient", (_number(18),), 0, (("8019",),)),
        Element("10", "lot number", (_text(20),)),
        Element("21", "serial number", (_text(20),)),
        Element("22", "consumer product variant", (_text(20),)),
        Element("235", "third-party serial number", (_text(28),)),
        Element("254", "extension of the GLN", (_text(20),)),
        Element("7040", "UIC extension", (Part(DIGITS, 1, 1), _text(3, 3))),
        Element("8011", "CPID serial number", (Part(DIGITS, 1, 12, _check_no_zero),)),
        Element("8019", "service relation number", (Part(DIGITS, 1, 10),)),
    )
}
