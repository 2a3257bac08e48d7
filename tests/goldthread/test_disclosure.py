"""Bundles and disclosures: what is shown is what was recorded, and what is not shown stays hidden."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from goldthread.chain.merkle import root_of
from goldthread.records.bundle import (
    MAX_DOCUMENTS,
    MAX_FIELDS,
    Bundle,
    BundleError,
    Document,
    describe,
    document_leaf,
    field_leaf,
)
from goldthread.records.canonical import Json, fields, pointer
from goldthread.records.disclosure import Disclosure, DisclosureError, Shown, Source, disclose
from goldthread.records.signatories import name_in, printed_name
from tests.goldthread.test_canonical import VALUES
from tests.models import documents as model

SEED = bytes(range(32))
STEP = {
    "step": "weighing",
    "weights": [{"component": "API", "grams": "12.50"}, {"component": "wax", "grams": "3.00"}],
    "operators": {"performed": "op-7", "checked": "op-9"},
    "deviations": [],
    "yield": 97340,
}
SCAN = b"%PDF-1.7 batch record"
BUNDLE = Bundle.of(Document.json(STEP, SEED), Document.file("scan.pdf", "application/pdf", SCAN, SEED[::-1]))

BMP = st.text(st.characters(max_codepoint=0xD7FF), max_size=4)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | BMP,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(BMP, inner, max_size=4),
    max_leaves=20,
)
SEEDS = st.binary(min_size=32, max_size=32)


def shown_to_all() -> Disclosure:
    return disclose(BUNDLE, [(0, ""), (1, "")])


# -------------------------------------------------------------------------------------------------- bundles


@given(st.lists(st.tuples(DOCUMENTS, SEEDS), min_size=1, max_size=5))
def test_the_content_hash_is_that_of_the_model(items: list[tuple[Any, bytes]]) -> None:
    bundle = Bundle.of(*(Document.json(value, seed) for value, seed in items))
    roots = [model.document_root(value, seed) for value, seed in items]
    assert [document.root for document in bundle.documents] == roots
    assert bundle.content_hash == model.content_hash(*roots)


@given(VALUES, VALUES)
def test_two_contents_have_two_hashes(a: Any, b: Any) -> None:
    same = model.text(a) == model.text(b)
    assert (Document.json(a, SEED).root == Document.json(b, SEED).root) == same


def test_an_object_with_numbers_for_names_is_no_list() -> None:
    assert Document.json({"a": [1]}, SEED).root != Document.json({"a": {"0": 1}}, SEED).root
    assert Document.json([], SEED).root != Document.json({}, SEED).root
    assert Document.json(["1"], SEED).root != Document.json([1], SEED).root


@given(VALUES, st.binary(max_size=64))
def test_a_bundle_is_stored_and_read_back(value: Any, content: bytes) -> None:
    bundle = Bundle.of(Document.json(value), Document.file("ä b.bin", "application/x", content))
    found = Bundle.from_bytes(bundle.to_bytes())
    assert found.content_hash == bundle.content_hash
    assert found.documents[1].content == content
    assert (found.documents[0].name, found.documents[1].name) == ("", "ä b.bin")
    assert found.to_bytes() == bundle.to_bytes()


def test_each_document_has_a_salt_of_its_own() -> None:
    same = [Document.json({"pass": True}) for _ in range(4)]
    assert len({document.root for document in same}) == 4
    salts = {same[0].salt(path) for path, _ in fields(STEP)}
    assert len(salts) == len(fields(STEP))
    assert all(len(salt) == 32 for salt in salts)
    assert SEED.hex() not in repr(Document.json(STEP, SEED))


def stored(change: Any) -> bytes:
    found = json.loads(BUNDLE.to_bytes())
    change(found)
    return json.dumps(found).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[", "is no JSON"),
        (b"[]", "bundle: must be an object of schema and documents"),
        (stored(lambda b: b.update(more=1)), "bundle: must be an object of schema and documents"),
        (stored(lambda b: b.update(schema=2)), "schema 2: this release reads 1"),
        (stored(lambda b: b.update(documents={})), "documents: must be a list"),
        (stored(lambda b: b.update(documents=[])), f"documents: are 0, must be 1 to {MAX_DOCUMENTS}"),
        (stored(lambda b: b["documents"][0].pop("seed")), "documents/0: must be an object of seed, document"),
        (stored(lambda b: b["documents"][0].update(x=1)), "documents/0: must be an object of seed, document"),
        (stored(lambda b: b["documents"].append(1)), "documents/2: must be an object of seed, document"),
        (stored(lambda b: b["documents"][0].update(seed="zz")), "documents/0/seed: must be in hex digits"),
        (stored(lambda b: b["documents"][0].update(seed=7)), "documents/0/seed: must be in hex digits"),
        (stored(lambda b: b["documents"][0].update(seed="00")), "seed: has 1 bytes, must have 32"),
        (stored(lambda b: b["documents"][1].update(content="!")), "documents/1/content: must be in Base64"),
        (stored(lambda b: b["documents"][1].update(content=1)), "documents/1/content: must be in Base64"),
        (stored(lambda b: b["documents"][1].update(content="AAAA")), "documents/1: the description is not"),
        (stored(lambda b: b["documents"][0].update(content="")), "documents/0: the description is not"),
        (stored(lambda b: b["documents"][0].update(document=[], content="")), "documents/0: the description"),
        (stored(lambda b: b["documents"][0].update(document=1.5)), "/documents/0/document: 1.5"),
    ],
)
def test_a_stored_form_that_is_none(data: bytes, message: str) -> None:
    with pytest.raises(BundleError) as caught:
        Bundle.from_bytes(data)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["", "a/b", "..", ".", "a\\b", "/etc/passwd", "a\nb", "x" * 256, "\u202ea"])
def test_a_file_has_a_name_without_folders(name: str) -> None:
    with pytest.raises(BundleError, match="name "):
        Document.file(name, "text/plain", b"")


def test_a_file_is_described() -> None:
    assert describe("a.txt", "text/plain", b"abc") == {
        "name": "a.txt",
        "mediaType": "text/plain",
        "size": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }
    with pytest.raises(BundleError, match="mediaType ''"):
        describe("a", "", b"")


def test_there_is_a_most_of_documents_and_fields() -> None:
    document = Document.json(1)
    assert len(Bundle((document,) * MAX_DOCUMENTS).documents) == MAX_DOCUMENTS
    with pytest.raises(BundleError, match="are 257, must be 1 to 256"):
        Bundle((document,) * (MAX_DOCUMENTS + 1))
    Document.json([1] * MAX_FIELDS)
    with pytest.raises(BundleError, match="has 65537 fields, may have 65536"):
        Document.json([1] * (MAX_FIELDS + 1))
    with pytest.raises(BundleError, match="seed: has 16 bytes"):
        Document.json(1, bytes(16))


# ---------------------------------------------------------------------------------------------- disclosures


@given(st.data())
def test_what_is_shown_is_verified_by_whoever_has_the_content_hash(data: st.DataObject) -> None:
    values = data.draw(st.lists(VALUES, min_size=1, max_size=4))
    bundle = Bundle.of(*map(Document.json, values))
    places = [(n, pointer(path)) for n, d in enumerate(bundle.documents) for path, _ in d.fields]
    asked = data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=6))
    found = disclose(bundle, asked)
    read = Disclosure.from_bytes(json.dumps(found.to_json()).encode())
    assert read == found
    assert read.failures(bundle.content_hash) == []
    told = {(d.index, pointer(f.path)): f.value for d in read.documents for f in d.fields}
    assert set(told) == set(asked)
    for (number, text), value in told.items():
        assert read.documents[[d.index for d in read.documents].index(number)].value(text) == value
    assert read.failures(bytes(32)) != []


def test_an_object_is_shown_with_all_that_is_in_it() -> None:
    (document,) = disclose(BUNDLE, [(0, "/weights/1"), (0, "/yield"), (0, "/yield")]).documents
    assert [pointer(field.path) for field in document.fields] == [
        "/weights/1/component",
        "/weights/1/grams",
        "/yield",
    ]
    assert document.value("/weights/1/grams") == "3.00"
    with pytest.raises(KeyError):
        document.value("/weights/0/grams")


def texts(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The places of all scalars in a JSON value."""
    if isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(inner, (*path, step))
    else:
        yield path


PLACES = [place for place in texts(shown_to_all().to_json()) if place[0] == "documents"]


@given(st.sampled_from(PLACES), st.data())
def test_any_change_of_any_character_is_refused(place: tuple[str | int, ...], data: st.DataObject) -> None:
    """Paths, values, salts, places, roots and proofs, in every character."""
    found = copy.deepcopy(shown_to_all().to_json())
    parent: Any = found
    for step in place[:-1]:
        parent = parent[step]
    before = parent[place[-1]]
    if isinstance(before, str) and before:
        at = data.draw(st.integers(0, len(before) - 1))
        other = data.draw(st.sampled_from("0123456789abcdefxyzAF") | st.characters(codec="utf-8"))
        parent[place[-1]] = before[:at] + other + before[at + 1 :]
    else:
        parent[place[-1]] = data.draw(st.integers(-1, 70_000) | st.text(max_size=2) | st.none())
    assume(parent[place[-1]] != before or type(parent[place[-1]]) is not type(before))
    refused(found)


def refused(found: dict[str, Any]) -> None:
    """It cannot be read, or is not of the record."""
    try:
        read = Disclosure.from_bytes(json.dumps(found).encode())
    except DisclosureError:
        return
    assert read.failures(BUNDLE.content_hash) != []


@given(st.data())
def test_a_field_cannot_be_moved(data: st.DataObject) -> None:
    """Not to another path, another place, another value or another document."""
    disclosure = shown_to_all()
    numbers = st.integers(0, 1)
    a, b = data.draw(numbers), data.draw(numbers)
    one = data.draw(st.sampled_from(disclosure.documents[a].fields))
    two = data.draw(st.sampled_from(disclosure.documents[b].fields))
    names = data.draw(st.sets(st.sampled_from(["path", "value", "index", "salt", "proof"]), min_size=1))
    mixed: Shown = replace(one, **{name: getattr(two, name) for name in names})
    assume(mixed not in disclosure.documents[a].fields)
    document = replace(disclosure.documents[a], fields=(mixed,))
    assert replace(disclosure, documents=(document,)).failures(BUNDLE.content_hash) != []


def test_a_document_cannot_be_moved() -> None:
    disclosure = shown_to_all()
    first, second = disclosure.documents
    for changed in (
        replace(first, index=1),
        replace(first, root=second.root, fields=second.fields),
        replace(first, proof=second.proof),
    ):
        assert replace(disclosure, documents=(changed,)).failures(BUNDLE.content_hash) != []


def test_neither_a_node_nor_a_document_passes_for_a_field() -> None:
    """The first byte of what is hashed says what it is."""
    root = BUNDLE.documents[0].root
    assert document_leaf(0, root) != field_leaf(0, root[:32], (), None)
    leaf = document_leaf(0, root)
    assert root_of(leaf, BUNDLE.proof(0)) == BUNDLE.content_hash
    single = Bundle.of(BUNDLE.documents[0])
    disclosure = disclose(single, [(0, "/yield")])
    assert single.content_hash == root
    assert disclosure.single and disclosure.failures(root) == []
    assert replace(disclosure, single=False).failures(root) != []
    assert replace(shown_to_all(), single=True).failures(BUNDLE.content_hash) != []


@given(st.sampled_from(["pass", "fail"]), st.binary(min_size=32, max_size=32))
def test_a_hidden_field_cannot_be_guessed(result: str, guess: bytes) -> None:
    """Of two possible values: the hash beside the shown field is that of neither without the salt, and the
    salt shown for one field is of no use for the other.
    """
    seed = bytes([7]) * 32
    document = Document.json({"lot": "L7", "result": result}, seed)
    (shown,) = disclose(Bundle.of(document), [(0, "/lot")]).documents[0].fields
    (beside,) = shown.proof
    assert beside == field_leaf(1, document.salt(("result",)), ("result",), result)
    assume(guess != document.salt(("result",)))
    for salt in (guess, bytes(32), shown.salt):
        assert beside not in [field_leaf(1, salt, ("result",), value) for value in ("pass", "fail")]
    told = json.dumps(disclose(Bundle.of(document), [(0, "/lot")]).to_json())
    assert seed.hex() not in told
    assert document.salt(("result",)).hex() not in told


def test_a_file_is_recognised_by_what_is_shown() -> None:
    assert disclose(BUNDLE, [(1, "/sha256")]).has_file(SCAN)
    assert not disclose(BUNDLE, [(1, "/sha256")]).has_file(SCAN + b" ")
    assert not disclose(BUNDLE, [(1, "/size")]).has_file(SCAN)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([(2, "/yield")], "document 2: the record has 0 to 1"),
        ([(-1, "/yield")], "document -1: the record has 0 to 1"),
        ([(1, "/yield")], "document 1: field '/yield': the document has no 'yield'"),
        ([], "fields: name at least one"),
    ],
)
def test_what_cannot_be_shown(asked: list[tuple[int, str]], message: str) -> None:
    with pytest.raises(DisclosureError) as caught:
        disclose(BUNDLE, asked)
    assert message in str(caught.value)


def disclosed(change: Any) -> bytes:
    source = Source(31337, "0x" + "ab" * 20, bytes(32))
    found = json.loads(json.dumps(shown_to_all().of(source).to_json()))
    change(found, found["documents"][0], found["documents"][0]["fields"][0])
    return json.dumps(found).encode()


HEX = "must be 0x and 64 lower-case hex digits"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "is no JSON"),
        (b"[]", "disclosure: must be a JSON object"),
        (disclosed(lambda d, *_: d.pop("contentHash")), "contentHash: is missing"),
        (disclosed(lambda d, *_: d.update(more=1)), "more: is no member of a disclosure"),
        (disclosed(lambda d, *_: d.update(schema=2)), "schema 2: this release reads 1"),
        (disclosed(lambda d, *_: d.update(schema="1")), "schema: must be a whole number"),
        (disclosed(lambda d, *_: d.update(single=1)), "single: must be true or false"),
        (disclosed(lambda d, *_: d.update(single=True)), "documents: a single one has the index 0"),
        (disclosed(lambda d, *_: d.update(contentHash="0x12")), f"contentHash: {HEX}"),
        (disclosed(lambda d, *_: d.update(contentHash="0x" + "AB" * 32)), f"contentHash: {HEX}"),
        (disclosed(lambda d, *_: d.update(documents=[])), "documents: must not be empty"),
        (disclosed(lambda d, *_: d["documents"].append(1)), "documents/2: must be a JSON object"),
        (disclosed(lambda d, *_: d["documents"].append(d["documents"][0])), "documents: one is there twice"),
        (disclosed(lambda _, n, __: n.update(index=-1)), "documents/0/index -1: must be from 0 to"),
        (disclosed(lambda _, n, __: n.update(index=1 << 32)), "documents/0/index 4294967296: must be"),
        (disclosed(lambda _, n, __: n.update(index=True)), "documents/0/index: must be a whole number"),
        (disclosed(lambda _, n, __: n.update(proof=["0x"])), f"documents/0/proof/0: {HEX}"),
        (disclosed(lambda _, n, __: n.update(proof=n["proof"] * 33)), "proof: has 33 words, at most 32"),
        (disclosed(lambda _, n, f: n["fields"].append(f)), "documents/0/fields: one is there twice"),
        (disclosed(lambda _, __, f: f.update(path="a")), "documents/0/fields/0/path: must be a list"),
        (disclosed(lambda _, __, f: f.update(path=[True])), "path: True: must be a name, or a place from 0"),
        (disclosed(lambda _, __, f: f.update(path=[-1])), "path: -1: must be a name, or a place from 0"),
        (disclosed(lambda _, __, f: f.update(value=[1])), "value: is not one field"),
        (disclosed(lambda _, __, f: f.update(salt=1)), f"documents/0/fields/0/salt: {HEX}"),
        (disclosed(lambda d, *_: d["record"].update(contract="0x12")), "record/contract: must be 0x and 40"),
        (disclosed(lambda d, *_: d["record"].pop("id")), "record/id: is missing"),
    ],
)
def test_a_disclosure_that_cannot_be_read(data: bytes, message: str) -> None:
    with pytest.raises(DisclosureError) as caught:
        Disclosure.from_bytes(data)
    assert message in str(caught.value)


def test_values_from_python_are_checked_as_well() -> None:
    found: Json = shown_to_all().to_json()
    found["documents"][0]["fields"][0]["value"] = 1.5
    with pytest.raises(DisclosureError, match=r"documents/0/fields/0/value: document: 1.5"):
        Disclosure.from_json(found)


# ------------------------------------------------------------------------------------------- printed names


def test_a_name_is_opened_from_its_salted_hash() -> None:
    one, two = printed_name("Ann Noble"), printed_name("Ann Noble")
    assert one.content_hash != two.content_hash
    assert name_in(Bundle.from_bytes(one.to_bytes())) == "Ann Noble"


@pytest.mark.parametrize("name", ["", " Ann", "Ann ", "A\tB", "x" * 129])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(BundleError, match="must be 1 to 128 printable characters"):
        printed_name(name)


@pytest.mark.parametrize("value", [{"printedName": 1}, {"printedName": "A", "b": 1}, {"name": "A"}, ["A"]])
def test_a_document_that_is_no_name(value: Any) -> None:
    with pytest.raises(BundleError, match="is no opening of a printed name"):
        name_in(Bundle.of(Document.json(value)))
    with pytest.raises(BundleError, match="is no opening of a printed name"):
        name_in(Bundle.of(*printed_name("A").documents, *printed_name("A").documents))
