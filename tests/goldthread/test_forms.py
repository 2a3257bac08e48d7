"""Schemas as files: words for numbers, and what is wrong named with its member."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.chain.records import NOBODY
from goldthread.chain.words import Authority, Authors, Duty, Meaning, Role
from goldthread.records.forms import FormError, Schema, words_of

GOOD: dict[str, Any] = {
    "name": "weighing",
    "version": 1,
    "roles": ["MANUFACTURER", "SUPPLIER"],
    "duties": ["RECORD"],
    "signerRoles": [],
    "maxLag": 3600,
    "secondPersons": 2,
    "meanings": ["REVIEW", "APPROVAL"],
    "authority": "MAKER",
    "authors": "DEVICES",
    "rule": None,
    "retention": {"afterRecord": 1, "afterExpiry": 2, "withoutExpiry": 3},
}


def words(kind: Any) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(list(kind.__members__)), unique=True).map(
        lambda names: [name for name in kind.__members__ if name in names]
    )


NUMBERS = st.integers(0, (1 << 32) - 1)
FILES = st.fixed_dictionaries(
    {
        "name": st.text("abc/ ", min_size=1, max_size=64),
        "version": st.integers(0, (1 << 16) - 1),
        "roles": words(Role),
        "duties": words(Duty),
        "signerRoles": words(Role),
        "maxLag": NUMBERS,
        "secondPersons": st.integers(0, 255),
        "meanings": words(Meaning),
        "authority": st.sampled_from(list(Authority.__members__)),
        "authors": st.sampled_from(list(Authors.__members__)),
        "rule": st.none() | st.just("0x" + "Ab" * 20),
        "retention": st.fixed_dictionaries(
            {"afterRecord": NUMBERS, "afterExpiry": NUMBERS, "withoutExpiry": NUMBERS}
        ),
    }
)


def on_chain(schema: Schema) -> Any:
    """The terms with the names of the ABI."""
    terms = schema.terms
    kept = terms.retention
    retention = SimpleNamespace(
        afterRecord=kept.after_record, afterExpiry=kept.after_expiry, withoutExpiry=kept.without_expiry
    )
    return SimpleNamespace(
        roles=terms.roles,
        duties=terms.duties,
        signerRoles=terms.signer_roles,
        maxLag=terms.max_lag,
        secondPersons=terms.second_persons,
        meanings=terms.meanings,
        authority=int(terms.authority),
        authors=int(terms.authors),
        rule=terms.rule,
        retention=retention,
    )


@given(FILES)
def test_a_file_and_the_terms_on_chain_say_the_same(file: dict[str, Any]) -> None:
    schema = Schema.from_json(file)
    told = {"name": schema.name, "version": schema.version, **words_of(on_chain(schema))}
    rule = told["rule"]
    assert (rule or "").lower() == (file["rule"] or "").lower()
    assert told | {"rule": None} == file | {"rule": None}


def test_words_are_numbers() -> None:
    terms = Schema.from_json(GOOD).terms
    assert (terms.roles, terms.duties, terms.meanings) == (3, 16, 6)
    assert (terms.authority, terms.authors, terms.rule) == (2, 1, NOBODY)
    assert (terms.max_lag, terms.second_persons, terms.definition) == (3600, 2, bytes(32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"more": 1}, "more: is no member of a schema"),
        ({"name": ""}, "name '': must be 1 to 64 bytes of printable text"),
        ({"name": 1}, "name 1: must be 1 to 64 bytes"),
        ({"name": "a\n"}, r"name 'a\n': must be 1 to 64 bytes"),
        ({"name": "ä" * 33}, "must be 1 to 64 bytes"),
        ({"version": "1"}, "version '1': must be a whole number below 2^16"),
        ({"version": 1 << 16}, "version 65536: must be a whole number below 2^16"),
        ({"version": True}, "version True: must be a whole number"),
        ({"roles": "MANUFACTURER"}, "roles: must be a list"),
        ({"roles": ["MAKER"]}, "roles: 'MAKER': must be one of MANUFACTURER, SUPPLIER"),
        ({"duties": [1]}, "duties: 1: must be one of REGISTER"),
        ({"meanings": [["REVIEW"]]}, "meanings: ['REVIEW']: must be one of AUTHORSHIP"),
        ({"maxLag": -1}, "maxLag -1: must be a whole number below 2^32"),
        ({"secondPersons": 256}, "secondPersons 256: must be a whole number below 2^8"),
        ({"authority": "OWNER"}, "authority 'OWNER': must be one of ANYONE_ALLOWED, OWNER_OR_CUSTODIAN"),
        ({"authors": 1}, "authors 1: must be one of PERSONS"),
        ({"rule": "0x12"}, "rule '0x12': must be the address of a contract, or null"),
        ({"rule": 5}, "rule 5: must be the address of a contract, or null"),
        ({"retention": 5}, "retention: must be an object of afterRecord, afterExpiry, withoutExpiry"),
        ({"retention": {"afterRecord": 1}}, "retention: must be an object of afterRecord"),
        (
            {"retention": {"afterRecord": 1, "afterExpiry": 2, "withoutExpiry": 1 << 32}},
            "retention/withoutExpiry 4294967296: must be a whole number below 2^32",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(FormError) as caught:
        Schema.from_json(GOOD | change)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", GOOD)
def test_every_member_is_needed(name: str) -> None:
    with pytest.raises(FormError, match=f"{name}: is missing"):
        Schema.from_json({key: value for key, value in GOOD.items() if key != name})


def test_a_schema_is_an_object() -> None:
    with pytest.raises(FormError, match="must be a JSON object"):
        Schema.from_json([GOOD])
