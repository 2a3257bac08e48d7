"""EPC URNs of every scheme, both ways, and classes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from goldthread.gs1 import DigitalLink, IdError, class_of, from_urn, identify, is_class, to_urn
from goldthread.gs1.epc import SCHEMES, scheme_of
from goldthread.gs1.keys import CSET39, CSET82, DIGITS
from tests.goldthread.test_gs1 import LINKS

# Scheme, URN, link behind https://id.gs1.org/. The examples of the EPC Tag Data Standard, where it has one.
WORKED = [
    ("sgtin", "urn:epc:id:sgtin:0614141.112345.400", "01/10614141123459/21/400"),
    ("sgtin", "urn:epc:id:sgtin:950600013435.0.A.B.c", "01/09506000134352/21/A.B.c"),
    ("sgtin", "urn:epc:id:sgtin:950600.0013435.*", "01/09506000134352/21/%2A"),
    ("sgtin", "urn:epc:id:sgtin:9506000.013435.%22%25%26%2F%3C%3E%3F",
     "01/09506000134352/21/%22%25%26%2F%3C%3E%3F"),
    ("sgtin", "urn:epc:id:sgtin:9506000.013435.!'()*+,:;=-._",
     "01/09506000134352/21/%21%27%28%29%2A%2B%2C%3A%3B%3D-._"),
    ("lgtin", "urn:epc:class:lgtin:4012345.012345.998877", "01/04012345123456/10/998877"),
    ("sscc", "urn:epc:id:sscc:0614141.1234567890", "00/106141412345678908"),
    ("sscc", "urn:epc:id:sscc:061414112345.37890", "00/306141411234578903"),
    ("sgln", "urn:epc:id:sgln:0614141.12345.400", "414/0614141123452/254/400"),
    ("sgln", "urn:epc:id:sgln:0614141.12345.0", "414/0614141123452"),
    ("sgln", "urn:epc:id:sgln:061414112345..32%2F4", "414/0614141123452/254/32%2F4"),
    ("pgln", "urn:epc:id:pgln:1234567.89012", "417/1234567890128"),
    ("grai", "urn:epc:id:grai:9521141.12345.400", "8003/09521141123454400"),
    ("grai", "urn:epc:id:grai:952114112345..4.0", "8003/095211411234544.0"),
    ("giai", "urn:epc:id:giai:0614141.12345400", "8004/061414112345400"),
    ("giai", "urn:epc:id:giai:0614141.a.b%2Fc", "8004/0614141a.b%2Fc"),
    ("cpi", "urn:epc:id:cpi:0614141.123ABC.123456789", "8010/0614141123ABC/8011/123456789"),
    ("cpi", "urn:epc:id:cpi:0614141.5PQ7%2FZ%2343-.0", "8010/06141415PQ7%2FZ%2343-/8011/0"),
    ("gsrn", "urn:epc:id:gsrn:0614141.1234567890", "8018/061414112345678902"),
    ("gsrnp", "urn:epc:id:gsrnp:0614141.1234567890", "8017/061414112345678902"),
    ("gdti", "urn:epc:id:gdti:0614141.12345.400", "253/0614141123452400"),
    ("gdti", "urn:epc:id:gdti:061414112345..ABC%2F%25", "253/0614141123452ABC%2F%25"),
    ("sgcn", "urn:epc:id:sgcn:4012345.67890.04711", "255/401234567890104711"),
    ("ginc", "urn:epc:id:ginc:0614141.xyz3311cba", "401/0614141xyz3311cba"),
    ("gsin", "urn:epc:id:gsin:0614141.123456789", "402/06141411234567890"),
    ("itip", "urn:epc:id:itip:4012345.012345.01.02.987", "8006/040123451234560102/21/987"),
    ("upui", "urn:epc:id:upui:1234567.089456.51qIgY)%3C%26Jp3*j7'SDB",
     "01/01234567894560/235/51qIgY%29%3C%26Jp3%2Aj7%27SDB"),
    ("sgtin", "urn:epc:idpat:sgtin:4012345.012345.*", "01/04012345123456"),
    ("grai", "urn:epc:idpat:grai:4012345.99999.*", "8003/04012345999990"),
    ("gdti", "urn:epc:idpat:gdti:4012345.11111.*", "253/4012345111118"),
    ("sgcn", "urn:epc:idpat:sgcn:4012345.22222.*", "255/4012345222227"),
    ("cpi", "urn:epc:idpat:cpi:4012345.AB12.*", "8010/4012345AB12"),
    ("itip", "urn:epc:idpat:itip:4012345.012345.01.02.*", "8006/040123451234560102"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "urn", "path"), WORKED, ids=[urn for _, urn, _ in WORKED])
def test_worked_cases_both_ways(name: str, urn: str, path: str) -> None:
    link, length = from_urn(urn)
    assert link.uri == f"https://id.gs1.org/{path}"
    assert to_urn(DigitalLink.parse(link.uri), length) == urn
    scheme = scheme_of(link)
    assert scheme is not None
    assert scheme.name == name
    assert identify(urn).uri == link.uri
    assert is_class(link) == (not urn.startswith("urn:epc:id:"))


def test_every_scheme_has_a_worked_case() -> None:
    assert {name for name, _, _ in WORKED} == {scheme.name for scheme in SCHEMES}
    classes = {urn.split(":")[3] for _, urn, _ in WORKED if ":idpat:" in urn}
    assert classes | {"upui"} == {scheme.name for scheme in SCHEMES if scheme.has_class}
    assert from_urn("urn:epc:idpat:upui:4012345.012345.*") == from_urn("urn:epc:idpat:sgtin:4012345.012345.*")


def _digits(count: int) -> st.SearchStrategy[str]:
    return st.text(DIGITS, min_size=count, max_size=count)


@st.composite
def urns(draw: Any) -> str:
    """Of any scheme, in its canonical spelling, built from the table of the standard and not from ours."""
    length = draw(st.integers(6, 12))
    prefix = draw(_digits(length))

    def escaped(charset: str, least: int, most: int) -> str:
        text = draw(st.text(charset, min_size=least, max_size=most))
        return "".join(f"%{ord(c):02X}" if c in '"%&/<>?#' else c for c in text)

    item = draw(_digits(13 - length))
    service, half = draw(_digits(17 - length)), draw(_digits(12 - length))
    total = draw(st.integers(1, 99))
    piece = draw(st.integers(1, total))
    number = str(draw(st.integers(0, 10**12 - 1)))
    name = draw(st.sampled_from([scheme.name for scheme in SCHEMES]))
    body = {
        "sgtin": lambda: f"{item}.{escaped(CSET82, 1, 20)}",
        "upui": lambda: f"{item}.{escaped(CSET82, 1, 28)}",
        "lgtin": lambda: f"{item}.{escaped(CSET82, 1, 20)}",
        "sscc": lambda: service,
        "sgln": lambda: f"{half}.{escaped(CSET82, 1, 20)}",
        "pgln": lambda: half,
        "grai": lambda: f"{half}.{escaped(CSET82, 1, 16)}",
        "giai": lambda: escaped(CSET82, 1, 30 - length),
        "cpi": lambda: f"{escaped(CSET39, 1, 30 - length)}.{number}",
        "gsrn": lambda: service,
        "gsrnp": lambda: service,
        "gdti": lambda: f"{half}.{escaped(CSET82, 1, 17)}",
        "sgcn": lambda: f"{half}.{draw(st.text(DIGITS, min_size=1, max_size=12))}",
        "ginc": lambda: escaped(CSET82, 1, 30 - length),
        "gsin": lambda: draw(_digits(16 - length)),
        "itip": lambda: f"{item}.{piece:02}.{total:02}.{escaped(CSET82, 1, 20)}",
    }[name]()
    kind = "class" if name == "lgtin" else "id"
    pattern = name in ("sgtin", "grai", "cpi", "gdti", "sgcn", "itip") and draw(st.booleans())
    if pattern:
        head = (
            body.split(".")[:-1] if name in ("cpi", "sgcn") else body.split(".")[: 3 if name == "itip" else 1]
        )
        return f"urn:epc:idpat:{name}:{prefix}.{'.'.join(head)}.*"
    return f"urn:epc:{kind}:{name}:{prefix}.{body}"


@given(urns())
def test_a_urn_comes_back_as_it_was(urn: str) -> None:
    link, length = from_urn(urn)
    assert to_urn(link, length) == urn
    assert DigitalLink.parse(link.uri) == link
    assert link.prefix(length) == urn.split(":")[4].split(".")[0]


@given(LINKS, st.integers(6, 12))
def test_a_link_comes_back_as_it_was(link: DigitalLink, length: int) -> None:
    try:
        urn = to_urn(link, length)
    except IdError as error:
        assume("company prefix" not in error.rule)
        assert link.ai == "8013" or link.suffix == "0", error
        return
    assert from_urn(urn) == (link, length)
    kind = class_of(link)
    if kind is not None:
        assert is_class(kind)
        assert class_of(kind) == kind
        assert link.uri.startswith(kind.uri)
        assert is_class(link) == (link == kind or link.qualifier == "10")
    else:
        assert not is_class(link)


@pytest.mark.parametrize(
    ("text", "field", "value", "rule"),
    [
        ("urn:epc:id:sgtin:0614141.112345", "EPC URN", None, "has 2 fields behind the scheme, must have 3"),
        ("urn:epc:id:sgtin:0614141.112345.", "EPC URN", None, "has an empty serial number or extension"),
        ("urn:epc:id:sgtin:06141.1123456.4", "EPC URN", None, "company prefix '06141' must have 6 to 12"),
        ("urn:epc:id:sgtin:061414X.112345.4", "EPC URN", None, "company prefix '061414X' must have 6 to 12"),
        ("urn:epc:id:sgtin:0614141.12345.4", "EPC URN", None, "of sgtin must have 13 digits together"),
        ("urn:epc:id:sgtin:0614141.11234X.4", "EPC URN", None, "of sgtin must have 13 digits together"),
        ("urn:epc:id:sscc:0614141.123", "EPC URN", None, "of sscc must have 17 digits together"),
        ("urn:epc:id:giai:0614141.", "EPC URN", None, "has an empty reference"),
        ("urn:epc:id:giai:0614141", "EPC URN", None, "has 1 fields behind the scheme, must have 2"),
        ("urn:epc:idpat:sgtin:0614141.112345.400", "EPC URN", None, "a pattern ends with .*, not with '400'"),
        ("urn:epc:idpat:sscc:0614141.1234567890", "EPC URN", None, "idpat:sscc is none of id:sgtin, id:upui"),
        ("urn:epc:id:lgtin:4012345.012345.99", "EPC URN", None, "id:lgtin is none of"),
        ("urn:epc:tag:sgtin-96:3.0614141.112345.4", "EPC URN", None, "tag:sgtin-96 is none of"),
        ("URN:EPC:id:sgtin:0614141.112345.400", "EPC URN", None, "in lower case"),
        ("urn:epc:id", "EPC URN", None, "must be of the form urn:epc:id:{scheme}:{number}"),
        ("urn:epc:id:sgtin:0614141.112345.a b", "EPC URN", None, "must be percent-encoded"),
        ("urn:epc:id:sgtin:0614141.112345.%2", "EPC URN", None, "percent sign must be followed by two hex"),
        ("urn:epc:id:sgtin:0614141.112345.%23", "serial number (21)", "#", "GS1 character set 82"),
        ("urn:epc:id:sgtin:0614141.112345." + 21 * "9", "serial number (21)", 21 * "9", "has 21 characters"),
        ("urn:epc:id:itip:4012345.012345.1.002.9", "EPC URN", None, "piece and total must have 2 digits"),
        ("urn:epc:id:itip:4012345.012345.03.02.9", "ITIP (8006)", "040123451234560302", "piece 3 of 2"),
        ("urn:epc:id:cpi:0614141.abc.1", "CPID (8010)", "0614141abc", "GS1 character set 39"),
        ("urn:epc:id:cpi:0614141.ABC.01", "CPID serial number (8011)", "01", "must not start with 0"),
        ("urn:epc:id:sgcn:4012345.67890.4711A", "GCN (255)", "40123456789014711A", "not one of the digits"),
        ("urn:epc:id:ginc:0614141." + 24 * "x", "GINC (401)", "0614141" + 24 * "x", "has 31 characters"),
    ],
)  # fmt: skip
def test_an_error_names_field_value_and_rule(text: str, field: str, value: str | None, rule: str) -> None:
    with pytest.raises(IdError) as caught:
        identify(text)
    assert (caught.value.field, caught.value.value) == (field, text if value is None else value)
    assert rule in caught.value.rule


@pytest.mark.parametrize(
    ("path", "length", "message"),
    [
        ("8013/1987654Ad4X4bL5ttr2310c2K", 7, "GMN (8013) .*: has no EPC URN$"),
        ("8006/040123451234560102/10/L", 7, r"ITIP \(8006\) .*: has no EPC URN with lot number \(10\)"),
        (
            "01/09506000134352/21/A",
            5,
            "prefix length '5': the company prefix of an EPC URN has 6 to 12 digits",
        ),
        ("01/09506000134352/21/A", 13, "prefix length '13': the company prefix of an EPC URN"),
        ("8004/9506000", 7, r"GIAI \(8004\) '9506000': has nothing behind the company prefix"),
        ("8004/9506A", 6, r"GIAI \(8004\) '9506A': 6 digits of it are no GS1 company prefix"),
        ("414/9506000134352/254/0", 7, r"extension of the GLN \(254\) '0': is how an EPC URN says that"),
    ],
)
def test_some_links_have_no_urn(path: str, length: int, message: str) -> None:
    with pytest.raises(IdError, match=message.replace("GMN (8013)", r"GMN \(8013\)")):
        to_urn(DigitalLink.parse(f"https://id.gs1.org/{path}"), length)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("01/09506000134352/10/L", "01/09506000134352"),
        ("8003/09506000134352ABC", "8003/09506000134352"),
        ("8006/040123451234560102/10/L", "8006/040123451234560102"),
        ("8013/1987654Ad4X4bL5ttr2310c2K", "8013/1987654Ad4X4bL5ttr2310c2K"),
        ("00/106141412345678908", None),
        ("414/9506000134352/254/1", None),
        ("8004/9506000A", None),
    ],
)
def test_classes(path: str, kind: str | None) -> None:
    found = class_of(DigitalLink.parse(f"https://id.gs1.org/{path}"))
    assert (found and found.uri) == (kind and f"https://id.gs1.org/{kind}")
