from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.gs1 import (
    DigitalLink,
    IdError,
    canonical,
    check_characters,
    check_digit,
    namespace_of,
    namespace_text,
    primary_keys,
    twin_id,
    validate,
)
from goldthread.gs1.keys import CSET39, CSET82, DIGITS, element
from goldthread.hashing import keccak
from tests.support import Reverted, deploy, fresh


def independent_check_digit(digits: str) -> int:
    """The rule as the General Specifications draw it: fill up to 17 digits from the left, weigh 3, 1, 3
    ...
    """
    columns = digits.rjust(17, "0")
    total = sum(int(d) * 3 for d in columns[0::2]) + sum(int(d) for d in columns[1::2])
    return 0 if total % 10 == 0 else (total // 10 + 1) * 10 - total


def text(charset: str, least: int, most: int) -> st.SearchStrategy[str]:
    return st.text(alphabet=charset, min_size=least, max_size=most)


def digits(count: int) -> st.SearchStrategy[str]:
    return text(DIGITS, count, count)


def checked(count: int) -> st.SearchStrategy[str]:
    return digits(count - 1).map(lambda d: d + str(check_digit(d)))


SERIAL = text(CSET82, 1, 20)
PREFIX = text(DIGITS, 4, 12)

LINKS = st.one_of(
    st.builds(DigitalLink, st.just("01"), checked(14)),
    st.builds(DigitalLink, st.just("01"), checked(14), st.sampled_from(["21", "10"]), SERIAL),
    st.builds(DigitalLink, st.just("01"), checked(14), st.just("235"), text(CSET82, 1, 28)),
    st.builds(DigitalLink, st.just("00"), checked(18)),
    st.builds(DigitalLink, st.just("414"), checked(13)),
    st.builds(DigitalLink, st.just("414"), checked(13), st.just("254"), SERIAL),
    st.builds(DigitalLink, st.just("417"), checked(13)),
    st.builds(DigitalLink, st.just("402"), checked(17)),
    st.builds(DigitalLink, st.sampled_from(["8017", "8018"]), checked(18)),
    st.builds(
        lambda number, serial: DigitalLink("8003", "0" + number + serial), checked(13), text(CSET82, 0, 16)
    ),
    st.builds(lambda number, serial: DigitalLink("253", number + serial), checked(13), text(CSET82, 0, 17)),
    st.builds(lambda number, serial: DigitalLink("255", number + serial), checked(13), text(DIGITS, 0, 12)),
    st.builds(
        lambda ai, prefix, rest: DigitalLink(ai, prefix + rest),
        st.sampled_from(["8004", "401"]),
        PREFIX,
        text(CSET82, 1, 18),
    ),
    st.builds(
        lambda prefix, rest, serial: DigitalLink("8010", prefix + rest, "8011", serial),
        PREFIX,
        text(CSET39, 1, 18),
        st.integers(0, 999_999_999_999).map(str),
    ),
    st.builds(
        lambda prefix, rest: DigitalLink("8013", prefix + rest + check_characters(prefix + rest)),
        PREFIX,
        text(CSET82, 1, 11),
    ),
    st.builds(
        lambda number, piece, more, serial: DigitalLink(
            "8006", f"{number}{piece:02}{min(piece + more, 99):02}", "21", serial
        ),
        checked(14),
        st.integers(1, 99),
        st.integers(0, 9),
        SERIAL,
    ),
)


@given(digits(16) | digits(12) | digits(13) | digits(17) | digits(7))
def test_check_digit_is_that_of_an_independent_computation(number: str) -> None:
    assert check_digit(number) == independent_check_digit(number)


@pytest.mark.parametrize(
    ("number", "digit"),
    [
        ("0950600013435", 2),
        ("37610425002123456", 9),
        ("1234567", 0),
        ("629104150021", 3),
        ("0000000000000", 0),
    ],
)
def test_check_digit_of_published_examples(number: str, digit: int) -> None:
    assert check_digit(number) == digit


@pytest.mark.parametrize("number", ["", "12a", "１２"])
def test_only_digits_have_a_check_digit(number: str) -> None:
    with pytest.raises(IdError, match="only digits have one"):
        check_digit(number)


@pytest.mark.parametrize(
    "model",
    [
        "1987654Ad4X4bL5ttr2310c2K",  # the example of the General Specifications
        "12345678901234567890123NT",
        "12345_ABCDEFGHIJKLMCP",
        "12345_NOPQRSTUVWXYZDN",
        "12345_abcdefghijklmN3",
        "12345_nopqrstuvwxyzP2",
        "12345_!\"%&'()*+,-./LC",
        "12345_0123456789:;<=>?62",
        "7907665Bm8v2AB",
        "23956qk1&dB!23",
        "57453Uq3qA<H67",
        "99999zzzzzzzzzzzzzzzzzzT2",
    ],
)
def test_check_characters_of_the_syntax_dictionary(model: str) -> None:
    assert check_characters(model[:-2]) == model[-2:]
    assert validate("8013", model) == model
    with pytest.raises(IdError, match="check characters are"):
        validate("8013", model[:-1] + ("2" if model[-1] != "2" else "3"))


@given(LINKS)
def test_a_link_is_read_back_as_it_was(link: DigitalLink) -> None:
    assert DigitalLink.parse(link.uri) == link
    assert canonical(link.uri) == link.uri
    assert twin_id(link.uri) == keccak(link.uri.encode())


@given(LINKS)
def test_any_spelling_leads_to_the_same_link(link: DigitalLink) -> None:
    path = link.uri.removeprefix("https://id.gs1.org")
    loose = path.replace("%2A", "*").replace("%28", "(").replace("%3A", "%3a")
    for spelling in (
        f"http://acme.example/shop{path}",
        f"https://id.gs1.org{loose}",
        f"HTTPS://acme.example:8080/a/b{path}?17=261231&linkType=all#top",
    ):
        assert DigitalLink.parse(spelling) == link


@given(LINKS)
def test_only_unreserved_characters_stand_unescaped(link: DigitalLink) -> None:
    path = link.uri.removeprefix("https://")
    unreserved = set(DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~")
    for segment in path.split("/"):
        plain, *escapes = segment.split("%")
        assert set(plain) <= unreserved
        for escape in escapes:
            assert escape[:2] == escape[:2].upper()
            assert unquote("%" + escape[:2]) not in unreserved
            assert set(escape[2:]) <= unreserved


@given(LINKS, st.integers(0, 40), st.sampled_from(DIGITS))
def test_one_wrong_digit_never_passes_a_check_digit(link: DigitalLink, place: int, digit: str) -> None:
    if link.ai not in ("01", "00", "414", "417", "402", "8017", "8018"):
        return
    place %= len(link.value)
    wrong = link.value[:place] + digit + link.value[place + 1 :]
    if wrong == link.value:
        return
    with pytest.raises(IdError) as caught:
        DigitalLink(link.ai, wrong)
    assert "check digit is" in caught.value.rule or "company prefix" in caught.value.rule


def test_short_gtins_get_their_zeros() -> None:
    for short in ("96385074", "614141123452", "9506000134352"):
        assert DigitalLink.of("01", short).value == short.zfill(14)


def test_of_the_qualifiers_the_finest_identifies() -> None:
    gtin = "09780345418913"
    whole = f"https://id.gs1.org/01/{gtin}/22/344/10/1223/21/765tz"
    assert DigitalLink.parse(whole).uri == f"https://id.gs1.org/01/{gtin}/21/765tz"
    assert DigitalLink.parse(whole.split("/21/")[0]).uri == f"https://id.gs1.org/01/{gtin}/10/1223"
    assert DigitalLink.parse(whole.split("/10/")[0]).uri == f"https://id.gs1.org/01/{gtin}"
    assert DigitalLink.parse(f"https://x.example/gtin/{gtin}/lot/1223/ser/765tz").suffix == "765tz"


@pytest.mark.parametrize(
    ("uri", "field", "rule"),
    [
        ("https://id.gs1.org/01/09506000134353", "GTIN (01)", "check digit is 3, must be 2"),
        ("https://id.gs1.org/01/0950600013435", "GTIN (01)", "check digit is 5, must be 9"),
        ("https://id.gs1.org/01/95060001343", "GTIN (01)", "has 11 characters, must have 14"),
        ("https://id.gs1.org/01/0950600013435X", "GTIN (01)", "'X' is not one of the digits"),
        ("https://id.gs1.org/01/09506000134352/21/a b", "Digital Link", "no spaces"),
        ("https://id.gs1.org/01/09506000134352/21/a%20b", "serial number (21)", "GS1 character set 82"),
        ("https://id.gs1.org/01/09506000134352/21/a%2", "Digital Link", "two hex digits"),
        ("https://id.gs1.org/01/09506000134352/21/%C3%A9", "serial number (21)", "GS1 character set 82"),
        ("https://id.gs1.org/01/09506000134352/21/", "serial number (21)", "has 0 characters"),
        (f"https://id.gs1.org/01/09506000134352/21/{'a' * 21}", "serial number (21)", "has 21 characters"),
        ("https://id.gs1.org/01/09506000134352/21/a/10/b", "Digital Link", "in order: 22,10,21 or 235"),
        ("https://id.gs1.org/00/395060000000000019/21/a", "Digital Link", "in order: none"),
        ("https://id.gs1.org/8003/19506000134352A", "GRAI (8003)", "in front of the GRAI must be 0"),
        ("https://id.gs1.org/8004/ACME1", "GIAI (8004)", "company prefix"),
        ("https://id.gs1.org/8006/095060001343520302", "ITIP (8006)", "piece 3 of 2"),
        ("https://id.gs1.org/8010/9506000%2FA/8011/012", "CPID serial number (8011)", "not start with 0"),
        ("https://id.gs1.org/8010/9506000a", "CPID (8010)", "GS1 character set 39"),
        ("https://id.gs1.org/", "Digital Link", "no pair of GS1 key and value"),
        ("https://id.gs1.org/21/ABC", "Digital Link", "no pair of GS1 key and value"),
        ("ftp://id.gs1.org/01/09506000134352", "Digital Link", "must start with https"),
        ("Https://id.gs1.org/01/09506000134352", "Digital Link", "must start with https"),
    ],
)
def test_an_error_names_field_value_and_rule(uri: str, field: str, rule: str) -> None:
    with pytest.raises(IdError) as caught:
        DigitalLink.parse(uri)
    assert caught.value.field == field
    assert rule in caught.value.rule
    assert repr(caught.value.value) in str(caught.value)


def test_a_link_cannot_be_built_wrong() -> None:
    for arguments in (
        ("99", "1"),
        ("21", "ABC"),
        ("01", "09506000134352", "254", "1"),
        ("01", "09506000134352", "", "left over"),
        ("00", "395060000000000019", "21", "1"),
    ):
        with pytest.raises(IdError):
            DigitalLink(*arguments)


def test_a_link_that_is_not_canonical_has_no_twin_id() -> None:
    with pytest.raises(IdError, match="which is https://id.gs1.org/01/09506000134352"):
        twin_id("https://id.gs1.org/01/9506000134352")
    assert canonical("http://ID.gs1.org/01/9506000134352") == "https://id.gs1.org/01/09506000134352"
    other = "https://acme.example/01/9506000134352"
    assert twin_id(other) == keccak(other.encode())


def test_prefix_and_namespace() -> None:
    link = DigitalLink.parse("https://id.gs1.org/01/09506000134352/21/A")
    assert link.prefix(7) == "9506000"
    assert namespace_text(link.uri, 7) == "9506000"
    assert namespace_of(link.uri, 7) == keccak(b"9506000")
    assert namespace_text("urn:cage:1ABC2:engine") == "urn:cage:1ABC2:"
    assert namespace_text("https://acme.example/a/b") == "https://acme.example/"
    for length in (3, 13):
        with pytest.raises(IdError):
            link.prefix(length)
    with pytest.raises(IdError, match="no GS1 company prefix"):
        DigitalLink("8004", "9506A").prefix(5)


def test_every_key_of_the_contract_is_known() -> None:
    wanted = {"00", "01", "253", "255", "401", "402", "414", "417", "8003", "8004", "8006", "8010", "8013"}
    assert set(primary_keys()) == wanted | {"8017", "8018"}
    with pytest.raises(IdError, match="is none of"):
        element("02")


@given(
    st.one_of(
        LINKS.map(lambda link: link.uri),
        st.builds(
            lambda ai, rest: f"https://id.gs1.org/{ai}/{rest}",
            st.sampled_from([*primary_keys(), "02", "8", ""]),
            st.text(max_size=20),
        ),
        st.text(alphabet="ab:/é.", max_size=20),
        st.builds(
            lambda scheme, rest: scheme + rest,
            st.sampled_from(["http://", "https://", "urn:epc:", "urn:a:"]),
            st.text(max_size=20),
        ),
    ),
    st.integers(0, 20),
)
def test_namespaces_are_those_of_the_contract(uri: str, length: int) -> None:
    try:
        uri.encode()
    except UnicodeEncodeError:
        return
    try:
        ours: bytes | None = namespace_of(uri, length)
    except IdError:
        ours = None
    try:
        theirs: bytes | None = _harness().namespaceOf(uri, length)
    except Reverted as reverted:
        assert reverted.error == "NotCanonical"
        theirs = None
    assert ours == theirs


_HARNESS = []


def _harness() -> object:
    if not _HARNESS:
        _HARNESS.append(deploy(fresh(), "IdsHarness"))
    return _HARNESS[0]
