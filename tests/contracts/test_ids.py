"""Ids: from the URI of a thing to its id and namespace, in Solidity, in the model and in goldthread.gs1."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from goldthread import gs1
from goldthread.gs1 import links
from tests.models.ids import authority_of, namespace_of
from tests.support import Contract, Node, deploy, fresh, reverts
from tests.support.world import asset, sscc, uri

PREFIX = "9506000"


@pytest.fixture
def ids(node: Node) -> Contract:
    return deploy(node, "IdsHarness")


# One link for each key that GS1 gives a company prefix in, with the prefix where the key has it.
KEYS = [
    "00/3[9506000]123456789",
    "01/0[9506000]134352/21/1",
    "253/[9506000]13435",
    "255/[9506000]13435",
    "401/[9506000]ABC",
    "402/[9506000]123456789",
    "414/[9506000]13435",
    "417/[9506000]13435",
    "8003/0[9506000]13435SERIAL",
    "8004/[9506000]SERIAL",
    "8006/0[9506000]1343520102",
    "8010/[9506000]PART",
    "8013/[9506000]MODEL",
    "8017/[9506000]1234567890",
    "8018/[9506000]1234567890",
]


@pytest.mark.parametrize("key", KEYS)
def test_the_prefix_is_found_in_every_key(ids: Contract, key: str) -> None:
    link = "https://id.gs1.org/" + key.replace("[", "").replace("]", "")
    assert ids.namespaceOf(link, 7) == keccak(text=PREFIX) == namespace_of(link, 7)
    assert ids.idOf(link) == keccak(text=link)


@pytest.mark.parametrize("length", range(4, 13))
def test_a_prefix_has_4_to_12_digits(ids: Contract, length: int) -> None:
    link = uri("1", "123456789012"[:length])
    assert ids.namespaceOf(link, length) == keccak(text="123456789012"[:length])


@pytest.mark.parametrize("length", [0, 3, 13, 255])
def test_and_no_fewer_and_no_more(ids: Contract, length: int) -> None:
    link = uri("1" * 300)
    with reverts("NotCanonical", link):
        ids.namespaceOf(link, length)


def test_a_link_may_end_with_its_prefix_but_not_before(ids: Contract) -> None:
    link = "https://id.gs1.org/8004/9506000"
    assert ids.namespaceOf(link, 7) == keccak(text=PREFIX)
    with reverts("NotCanonical", link):
        ids.namespaceOf(link, 8)


STRANGE = [
    "https://id.gs1.org/",
    "https://id.gs1.org/01",
    "https://id.gs1.org/01/",
    "https://id.gs1.org/02/09506000134352",  # contents of a container: no key of a thing
    "https://id.gs1.org/8005/9506000134352",
    "https://id.gs1.org/8004/950600/1",  # company prefixes are digits
    "https://id.gs1.org/8004/950600:1",
    "https://id.gs1.org/8004/:506000",
    "https://id.gs1.org/01/0urn:a:b:1",
    "https://id.gs1.org/gtin/09506000134352/21/1",
    "https://id.gs1.org//09506000134352/21/1",
    "urn:epc:id:sgtin:9506000.013435.1",
    "",
    "9506000",
    "https://",
    "https://acme.example",
    "https://acme.example/",  # the authority is not a thing
    "urn:cage:1ABC2",
    "urn:cage:1ABC2:",
]


@pytest.mark.parametrize("link", STRANGE)
def test_what_is_not_canonical_is_refused(ids: Contract, link: str) -> None:
    assert namespace_of(link, 7) is None
    with reverts("NotCanonical", link):
        ids.namespaceOf(link, 7)


AUTHORITIES = [
    ("https://acme.example/machines/7", "https://acme.example/"),
    ("http://acme.example/machines/7", "http://acme.example/"),
    ("https://acme.example//", "https://acme.example/"),
    ("https://acme:8080/a:b:c:d", "https://acme:8080/"),
    ("urn:cage:1ABC2:serial:9", "urn:cage:1ABC2:"),
    ("urn:dev:mac:0024befffe804ff1", "urn:dev:mac:"),
    ("urn:epc-like:x:y", "urn:epc-like:x:"),
    ("http:x:y:/z/", "http:x:y:"),
    ("https:/x/y:a:b:c", "https:/x/y:a:"),
    ("https://id.gs1.or/01/09506000134352", "https://id.gs1.or/"),
    ("http://id.gs1.org/01/09506000134352", "http://id.gs1.org/"),
]


@pytest.mark.parametrize(("text", "authority"), AUTHORITIES)
def test_other_uris_have_an_authority(ids: Contract, text: str, authority: str) -> None:
    assert ids.authorityLength(text) == len(authority)
    for length in (0, 7, 255):  # not looked at
        assert ids.namespaceOf(text, length) == keccak(text=authority)


def test_the_helpers_of_the_tests_write_canonical_links() -> None:
    for link in (uri("1"), sscc("1"), asset("press")):
        assert gs1.canonical(link) == link


KEY_NUMBERS = st.sampled_from([*gs1.primary_keys(), "02", ""])
PIECES = st.sampled_from(
    ["https:", "http:", "id.gs1.org", "urn", "epc", "9506000", "é", "x", "", "/", "/", ":", ":"]
)
URIS = st.one_of(
    st.text(max_size=60),
    st.lists(PIECES, max_size=14).map("".join),
    st.builds(
        "https://id.gs1.org/{}/{}".format, KEY_NUMBERS, st.text("0123456789/.", min_size=3, max_size=20)
    ),
)


def test_contract_model_and_library_agree_on_any_text() -> None:
    ids = deploy(fresh(), "IdsHarness")
    outcomes = set()

    @given(URIS, st.integers(3, 13))
    def agree(text: str, length: int) -> None:
        assert ids.authorityLength(text) == len(authority_of(text)) == links.authority_length(text)
        assert ids.idOf(text) == keccak(text=text)
        expected = namespace_of(text, length)
        outcomes.add((expected is None, text.startswith("https://id.gs1.org/")))
        if expected is not None:
            assert ids.namespaceOf(text, length) == expected == gs1.namespace_of(text, length)
            return
        with reverts("NotCanonical", text):
            ids.namespaceOf(text, length)
        with pytest.raises(gs1.IdError):
            gs1.namespace_of(text, length)

    agree()
    assert len(outcomes) == 4  # links and other URIs, accepted and refused
