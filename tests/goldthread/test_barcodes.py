"""Element strings of bar codes, and whatever else names a thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.gs1 import DigitalLink, IdError, Thing, identify
from goldthread.gs1.barcodes import Element, bracketed, element_string, parse
from tests.goldthread.test_gs1 import LINKS

GTIN = "https://id.gs1.org/01/09506000134352"


@given(LINKS)
def test_a_link_comes_back_from_its_bar_code(link: DigitalLink) -> None:
    raw = element_string(link)
    for text in (raw, f"]C1{raw}", f"]d2{raw}\x1d", f"^{raw}", raw.replace("\x1d", "^"), bracketed(link)):
        scan = parse(text)
        assert scan.link == link
        assert scan.others == ()
    assert identify(bracketed(link)) == Thing(link.uri, link)


@given(LINKS, st.booleans())
def test_other_elements_may_stand_before_and_behind(link: DigitalLink, first: bool) -> None:
    expiry = Element("17", "USE BY or EXPIRY", "271231")
    raw = element_string(link)
    assert parse(f"17271231{raw}" if first else f"{raw}^17271231").others == (expiry,)
    written = bracketed(link)
    spaced = f"(17) 271231 {written}" if first else f"{written} (17) 271231"
    assert parse(spaced).others == (expiry,)
    assert parse(spaced).link == link


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("010950600013435221ABC", "01/09506000134352/21/ABC"),
        ("21ABC\x1d0109506000134352", "01/09506000134352/21/ABC"),
        ("21ABC^10LOT1^0109506000134352", "01/09506000134352/21/ABC"),
        ("010950600013435210LOT1^17271231", "01/09506000134352/10/LOT1"),
        ("010950600013435221A/B:C", "01/09506000134352/21/A%2FB%3AC"),
        ("(01)09506000134352(21)A\\(B)C", "01/09506000134352/21/A%28B%29C"),
        ("(01)09506000134352(01)09506000134352", "01/09506000134352"),
        ("(01)09506000134352(235)X", "01/09506000134352/235/X"),
        ("(00)340123453111111115(401)9506000AB(402)40123452223334442", "00/340123453111111115"),
        ("(02)09506000134352(37)12(00)340123453111111115", "00/340123453111111115"),
        ("(414)4226350800008(254)12", "414/4226350800008/254/12"),
        ("(8003)09506000134352AB(7021)x", "8003/09506000134352AB"),
        ("(8010)9506000A#/-(8011)12", "8010/9506000A%23%2F-/8011/12"),
        ("]E09506000134352", "01/09506000134352"),
        ("]E496385074", "01/00000096385074"),
        ("/01/9506000134352/21/ABC?17=271231", "01/09506000134352/21/ABC"),
        ("gtin/9506000134352/ser/ABC", "01/09506000134352/21/ABC"),
        ("https://id.gs1.org/gtin/9506000134352", "01/09506000134352"),
    ],
)
def test_worked_cases(text: str, path: str) -> None:
    assert identify(text).uri == f"https://id.gs1.org/{path}"


@pytest.mark.parametrize(
    ("text", "field", "rule"),
    [
        ("0109506000134353", "GTIN (01)", "check digit is 3, must be 2"),
        ("(01)0950600013435", "element string", "Failed to match"),
        ("(01)09506000134352(21)A(B)C", "element string", r"an opening bracket in a value is written \("),
        ("(01)09506000134352(21)", "element string", "Failed to match"),
        ("(01)09506000134352(", "element string", "must be (01)...(21)... to its end"),
        ("(05)123", "element string", "Failed to get GS1 Application Identifier"),
        ("(3101)123456(17)269931", "element string", "(17)"),
        ("(21)A(21)B(01)09506000134352", "element string", "has (21) as 'A' and as 'B'"),
        ("(17)271231", "element string", "has no GS1 key"),
        ("9506000134352", "element string", "has no GS1 key"),
        ("(01)09506000134352(00)340123453111111115", "element string", "several GS1 keys, 01, 00"),
        ("(01)09506000134352(21)A(235)B", "Digital Link", "in order: 22,10,21 or 235"),
        ("]d1abc", "element string", "]d1 is no symbology of GS1"),
        ("]", "element string", "] is no symbology identifier"),
        ("]??", "element string", "]?? is no symbology identifier"),
        ("(01)09506000134352(21)ä", "element string", "Failed to match"),
        ("", "Digital Link", "no pair of GS1 key and value"),
        ("hello", "Digital Link", "no pair of GS1 key and value"),
        ("acme:engine", "URI", "must have an authority"),
    ],
)
def test_an_error_names_field_value_and_rule(text: str, field: str, rule: str) -> None:
    with pytest.raises(IdError) as caught:
        identify(text)
    assert caught.value.field == field
    assert rule in caught.value.rule
    assert repr(caught.value.value) in str(caught.value)


@given(st.text(max_size=60) | st.text("()0123456789A^\\]", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = identify(text)
    except IdError:
        return
    assert identify(found.uri).uri == found.uri


def test_other_uris_stay_as_they_are() -> None:
    assert identify("urn:cage:1ABC2:engine") == Thing("urn:cage:1ABC2:engine", None)
    assert identify(GTIN.replace("id.gs1.org", "acme.example")).link is None
    assert identify("urn:epc:id:sgtin:9506000.013435.A").prefix_length == 7
