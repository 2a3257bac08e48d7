"""Schemas of records as files, with words in place of numbers.

{
  "name": "weighing",
  "version": 1,
  "roles": ["MANUFACTURER"],
  "duties": ["RECORD"],
  "signerRoles": [],
  "maxLag": 3600,
  "secondPersons": 1,
  "meanings": ["REVIEW"],
  "authority": "MAKER",
  "authors": "PERSONS",
  "rule": null,
  "retention": {"afterRecord": 31622400, "afterExpiry": 31622400, "withoutExpiry": 94867200}
}

The members are those of IRecords.Terms, times in seconds. The file itself is the definition, whose hash the
schema has on chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, TypeVar

from goldthread.chain.records import NOBODY, Retention, Terms
from goldthread.chain.words import Authority, Authors, Duty, Meaning, Role
from goldthread.records.canonical import Json

Choice = TypeVar("Choice", bound=IntEnum)

_FLAGS: dict[str, type[IntFlag]] = {
    "roles": Role,
    "duties": Duty,
    "signerRoles": Role,
    "meanings": Meaning,
}
_NUMBERS = {"maxLag": 32, "secondPersons": 8}
"""Bits of each."""
_RETENTION = ("afterRecord", "afterExpiry", "withoutExpiry")
_MEMBERS = ("name", "version", *_FLAGS, *_NUMBERS, "authority", "authors", "rule", "retention")


class FormError(ValueError):
    """A schema that cannot be defined. The message names the member, its value and the rule."""


@dataclass(frozen=True)
class Schema:
    """A schema to be defined. The definition of its terms is zero until the file has a hash."""

    name: str
    version: int
    terms: Terms

    @classmethod
    def from_json(cls, found: Json) -> Schema:
        """From the contents of a file; raises `FormError`."""
        if not isinstance(found, dict):
            raise FormError("must be a JSON object")
        for name in _MEMBERS:
            if name not in found:
                raise FormError(f"{name}: is missing")
        for name in found:
            if name not in _MEMBERS:
                raise FormError(f"{name}: is no member of a schema")
        text = found["name"]
        if not isinstance(text, str) or not text.isprintable() or not 0 < len(text.encode()) <= 64:
            raise FormError(f"name {text!r}: must be 1 to 64 bytes of printable text")
        flags = {name: _flags(name, found[name], kind) for name, kind in _FLAGS.items()}
        numbers = {name: _number(name, found[name], bits) for name, bits in _NUMBERS.items()}
        kept = found["retention"]
        if not isinstance(kept, dict) or set(kept) != set(_RETENTION):
            raise FormError(f"retention: must be an object of {', '.join(_RETENTION)}")
        terms = Terms(
            definition=bytes(32),
            roles=flags["roles"],
            duties=flags["duties"],
            signer_roles=flags["signerRoles"],
            max_lag=numbers["maxLag"],
            second_persons=numbers["secondPersons"],
            meanings=flags["meanings"],
            authority=_choice("authority", found["authority"], Authority),
            authors=_choice("authors", found["authors"], Authors),
            rule=_rule(found["rule"]),
            retention=Retention(*(_number(f"retention/{name}", kept[name], 32) for name in _RETENTION)),
        )
        return cls(text, _number("version", found["version"], 16), terms)


def words_of(terms: Any) -> dict[str, Any]:
    """The terms of a schema on chain (IRecords.Terms), in the words of a file."""
    found: dict[str, Any] = {}
    for name, flags in _FLAGS.items():
        found[name] = [str(flag.name) for flag in flags if flag & getattr(terms, name)]
    found |= {name: getattr(terms, name) for name in _NUMBERS}
    found |= {"authority": Authority(terms.authority).name, "authors": Authors(terms.authors).name}
    found["rule"] = None if terms.rule == NOBODY else terms.rule
    found["retention"] = {name: getattr(terms.retention, name) for name in _RETENTION}
    return found


def _flags(name: str, value: Any, kind: type[IntFlag]) -> int:
    if not isinstance(value, list):
        raise FormError(f"{name}: must be a list")
    found = 0
    for word in value:
        if not isinstance(word, str) or word not in kind.__members__:
            raise FormError(f"{name}: {word!r}: must be one of {', '.join(kind.__members__)}")
        found |= kind[word]
    return int(found)


def _choice(name: str, value: Any, kind: type[Choice]) -> Choice:
    if not isinstance(value, str) or value not in kind.__members__:
        raise FormError(f"{name} {value!r}: must be one of {', '.join(kind.__members__)}")
    return kind[value]


def _number(name: str, value: Any, bits: int) -> int:
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise FormError(f"{name} {value!r}: must be a whole number below 2^{bits}")
    return value


def _rule(value: Any) -> str:
    from eth_utils.address import is_address, to_checksum_address

    if value is None:
        return NOBODY
    if not is_address(value):
        raise FormError(f"rule {value!r}: must be the address of a contract, or null")
    return str(to_checksum_address(value))
