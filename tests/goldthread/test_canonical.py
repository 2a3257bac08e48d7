"""Canonical JSON: one text for one content, and nothing that another reader would read otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.records.canonical import (
    MAX_DEPTH,
    MAX_INTEGER,
    JsonError,
    at,
    canonical,
    fields,
    parse,
    path_text,
    pointer,
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.text(st.characters(codec="utf-8"), max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


def rebuilt(found: list[tuple[tuple[str | int, ...], Any]]) -> Any:
    """The document that has these fields."""
    if found and found[0][0] == ():
        return found[0][1]
    steps = {path[0]: None for path, _ in found}
    inner = {step: rebuilt([(p[1:], v) for p, v in found if p[0] == step]) for step in steps}
    if all(isinstance(step, int) for step in steps):
        return [inner[place] for place in range(len(inner))]
    return inner


@given(VALUES)
def test_what_is_written_is_read_back_the_same(value: Any) -> None:
    text = canonical(value)
    assert parse(text) == value
    assert canonical(parse(text)) == text
    assert parse(json.dumps(value, indent=3).encode()) == value


@given(VALUES)
def test_fields_say_all_that_the_document_says(value: Any) -> None:
    found = fields(value)
    assert rebuilt(found) == value
    paths = [path for path, _ in found]
    assert len(set(map(path_text, paths))) == len(paths)
    assert list(map(path_text, paths)) == sorted(map(path_text, paths))


@given(VALUES)
def test_a_pointer_leads_back(value: Any) -> None:
    for path, inner in fields(value):
        found, there = at(value, pointer(path))
        assert (found, there, type(there)) == (path, inner, type(inner))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Names in the order of their UTF-16 code units: RFC 8785, 3.2.3
        (
            r'{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",'
            r'"1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control",'
            r'"\u00f6":"Latin Small Letter O With Diaeresis"}',
            '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis",'
            '"€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
        ),
        # Texts: RFC 8785, 3.2.2.2
        (r'"\u20ac$\u000F\u000aA\u0027\u0042\u0022\u005c\\\"\/"', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
        (' [ -0 , 1, null,true , false ] ', "[0,1,null,true,false]"),
        ("{}", "{}"),
    ],
)  # fmt: skip
def test_the_canonical_text_is_that_of_the_standard(text: str, expected: str) -> None:
    assert canonical(parse(text.encode())).decode() == expected


def test_a_place_is_not_a_name() -> None:
    assert fields([1]) == [((0,), 1)]
    assert fields({"0": 1}) == [(("0",), 1)]
    assert path_text((0,)) != path_text(("0",))


DEEP = "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a":[1,{"b":12.50}]}', "/a/1/b: 12.50: a number must be whole; write it as a text"),
        (b'{"a":1.0}', "/a: 1.0: a number must be whole"),
        (b'{"a":1e3}', "/a: 1e3: a number must be whole"),
        (b"0.5", "document: 0.5: a number must be whole"),
        (b'{"a":NaN}', "/a: NaN: is no number of JSON"),
        (b'{"a":-Infinity}', "/a: -Infinity: is no number of JSON"),
        (b'[9007199254740992]', "/0: 9007199254740992: a number must be from -9007199254740991 to"),
        (b"[-9007199254740992]", "/0: -9007199254740992: a number must be from"),
        (b"[" + b"1" * 5000 + b"]", "/0: 11111111111111111111...: a number must be from"),
        (b'{"a":{"b":1,"b":1}}', "/a/b: is there twice"),
        (b'{"x/y":{"~":1.5}}', "/x~1y/~0: 1.5: a number must be whole"),
        (b'{"a":"\\ud800"}', "/a: '\\ud800': has half of a surrogate pair, which is no character"),
        (b'{"\\udc00":1}', "document: the name: '\\udc00': has half of a surrogate pair"),
        (b"\xef\xbb\xbf{}", "document: begins with a byte order mark"),
        (b'{"a":"\xff"}', "document: is no UTF-8: invalid start byte at byte 6"),
        (b'{"a":1,}', "document: is no JSON: "),
        (b"", "document: is no JSON: "),
        (b"{} {}", "document: is no JSON: "),
        (DEEP.encode(), f"objects and lists must not be more than {MAX_DEPTH} deep"),
        (b"[" * 200_000, f"objects and lists must not be more than {MAX_DEPTH} deep"),
    ],
)  # fmt: skip
def test_what_has_no_canonical_form_is_refused_with_its_path(text: bytes, message: str) -> None:
    with pytest.raises(JsonError) as caught:
        parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": 1.5}, "/a: 1.5: a number must be whole"),
        ({"a": float("nan")}, "/a: nan: a number must be whole"),
        ({1: 2}, "document: 1: a name must be a text"),
        ({"a": (1, 2)}, "/a: tuple is nothing that JSON has"),
        ([b""], "/0: bytes is nothing that JSON has"),
    ],
)
def test_values_that_are_not_json_are_refused(value: Any, message: str) -> None:
    for function in (canonical, fields):
        with pytest.raises(JsonError) as caught:
            function(value)
        assert message in str(caught.value)


def test_the_greatest_numbers_and_the_deepest_documents_are_taken() -> None:
    assert parse(canonical([MAX_INTEGER, -MAX_INTEGER])) == [MAX_INTEGER, -MAX_INTEGER]
    deepest: Any = 1
    for _ in range(MAX_DEPTH):
        deepest = [deepest]
    assert parse(canonical(deepest)) == deepest
    with pytest.raises(JsonError, match="deep"):
        canonical([deepest])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "field 'a': must be a JSON Pointer, which begins with /"),
        ("/b", "field '/b': the document has no 'b'"),
        ("/a/2", "field '/a/2': /a has no '2'"),
        ("/a/01", "field '/a/01': /a has no '01'"),
        ("/a/-", "field '/a/-': /a has no '-'"),
        ("/a/9999999999", "has no '9999999999'"),
        ("/a/0/x", "field '/a/0/x': /a/0 has no 'x'"),
    ],
)
def test_pointers_that_lead_nowhere(text: str, message: str) -> None:
    with pytest.raises(JsonError) as caught:
        at({"a": [1, 2]}, text)
    assert message in str(caught.value)
    assert at({"a": [1, 2]}, "") == ((), {"a": [1, 2]})
