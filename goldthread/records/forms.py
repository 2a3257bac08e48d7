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

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any

from goldthread.chain.words import Authority, Authors, Duty, Meaning, Role
from goldthread.records.canonical import Json

_LISTS: dict[str, type[IntFlag]] = {
    "roles": Role,
    "duties": Duty,
    "signerRoles": Role,
    "meanings": Meaning,
}
_CHOICES: dict[str, type[IntEnum]] = {"authority": Authority, "authors": Authors}
_RETENTION = ("afterRecord", "afterExpiry", "withoutExpiry")
_MEMBERS = ("name", "version", *_LISTS, "maxLag", "secondPersons", *_CHOICES, "rule", "retention")
_ZERO = "0x" + 40 * "0"


class FormError(ValueError):
    """A schema that cannot be defined. The message names the member, its value and the rule."""


@dataclass(frozen=True)
class Schema:
    """A schema to be defined; `terms` are those of IRecords.Terms but for the definition."""

    name: str
    version: int
    terms: Mapping[str, Any]

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
        terms: dict[str, Any] = {name: _flags(name, found[name], kind) for name, kind in _LISTS.items()}
        terms |= {name: _choice(name, found[name], kind) for name, kind in _CHOICES.items()}
        terms |= {"maxLag": _number(found, "maxLag", 32), "secondPersons": _number(found, "secondPersons", 8)}
        terms["rule"] = _rule(found["rule"])
        retention = found["retention"]
        if not isinstance(retention, dict) or set(retention) != set(_RETENTION):
            raise FormError(f"retention: must be an object of {', '.join(_RETENTION)}")
        terms["retention"] = {name: _number(retention, name, 32, "retention/") for name in _RETENTION}
        return cls(text, _number(found, "version", 16), terms)

    def to_contract(self, definition: bytes) -> dict[str, Any]:
        """IRecords.Terms."""
        return {"definition": definition, **self.terms}


def words_of(terms: Any) -> dict[str, Any]:
    """The terms of a schema on chain, in the words of a file."""
    found: dict[str, Any] = {"definition": f"0x{terms.definition.hex()}"}
    for name, flags in _LISTS.items():
        value = getattr(terms, name)
        found[name] = [flag.name for flag in flags if flag & value]
    found |= {name: choices(getattr(terms, name)).name for name, choices in _CHOICES.items()}
    found |= {"maxLag": terms.maxLag, "secondPersons": terms.secondPersons}
    found["rule"] = None if terms.rule == _ZERO else terms.rule
    found["retention"] = {name: getattr(terms.retention, name) for name in _RETENTION}
    return found


def _flags(name: str, value: Any, kind: type[IntFlag]) -> int:
    if not isinstance(value, list):
        raise FormError(f"{name}: must be a list")
    found = 0
    for word in value:
        if word not in kind.__members__:
            raise FormError(f"{name}: {word!r}: must be one of {', '.join(kind.__members__)}")
        found |= kind[word]
    return int(found)


def _choice(name: str, value: Any, kind: type[IntEnum]) -> int:
    if not isinstance(value, str) or value not in kind.__members__:
        raise FormError(f"{name} {value!r}: must be one of {', '.join(kind.__members__)}")
    return int(kind[value])


def _number(found: Mapping[str, Any], name: str, bits: int, where: str = "") -> int:
    value = found[name]
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise FormError(f"{where}{name} {value!r}: must be a whole number below 2^{bits}")
    return value


def _rule(value: Any) -> str:
    from eth_utils.address import is_address, to_checksum_address

    if value is None:
        return _ZERO
    if not is_address(value):
        raise FormError(f"rule {value!r}: must be the address of a contract, or null")
    return str(to_checksum_address(value))
