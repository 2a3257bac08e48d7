"""Identifiers and their canonical links: the examples of a reference implementation of EPCIS event hashes.

It does not look at check digits; where one is wrong it is put right on both sides.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from goldthread.build import ROOT
from goldthread.gs1 import DigitalLink, IdError, from_urn, is_class, to_urn

FILE = Path(ROOT).parent / "shared/data/trace/derived/identifier_to_canonical_digital_link.json"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"the examples are not there: {FILE}")


def pairs() -> list[tuple[str, str | None]]:
    if not FILE.is_file():
        return []
    return [(pair["input"], pair["expected"]) for pair in json.loads(FILE.read_text())]


def read(text: str) -> DigitalLink:
    return from_urn(text)[0] if text.startswith("urn:") else DigitalLink.parse(text)


@pytest.mark.parametrize(("text", "expected"), pairs())
def test_every_identifier_has_the_same_link(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(IdError):
            read(text)
        return
    try:
        found = read(text)
    except IdError as error:
        wrong = re.search(r"check digit is (\d), must be (\d)", error.rule)
        assert wrong, error
        # The value as the error has it is the 14 digits of the canonical link.
        right = error.value[:-1] + wrong[2]
        assert error.value in expected
        text = text.replace(error.value.lstrip("0"), right.lstrip("0"))
        expected = expected.replace(error.value, right)
        found = read(text)
    assert found.uri == expected


@pytest.mark.parametrize("urn", [text for text, _ in pairs() if text.startswith("urn:")])
def test_every_urn_comes_back(urn: str) -> None:
    link, length = from_urn(urn)
    # The class of a UPUI is that of an SGTIN: one GTIN, one pattern.
    assert to_urn(link, length) == urn.replace("idpat:upui", "idpat:sgtin")
    assert is_class(link) == (":id:" not in urn)


def test_there_are_as_many_as_there_were() -> None:
    found = pairs()
    assert len(found) == 46
    assert sum(text.startswith("urn:") for text, _ in found) == 20
