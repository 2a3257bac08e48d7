"""Programmes of required evidence under a name and a version: what a rule book asks to be on record, ready to
be registered in the contract Compliance.

Each programme is a JSON file of this folder. Each requirement names the paragraph that it comes from
(`code`, at most 32 bytes), the forms of records that it accepts (`forms`, names of schemas in the contract
Records) and when it is due: on a day (`due`, its last second in UTC) or so long after a case opens
(`dueAfter`). `validity` says for how long a record is good from the time that it tells of. Times are in
days, hours, minutes or seconds (`30 d`, `24 h`, `15 min`, `45 s`).

`CHECKLISTS` has the paragraphs that each rule book lists; a file that names one must have a requirement for
each of them. A file never changes once it is registered on chain: a change is a new version, in a file of
its own. The hash of its bytes goes on chain as the programme's document.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from goldthread.chain.words import Duty, Role
from goldthread.hashing import keccak

FOLDER = Path(__file__).parent
MAX_NAME = 64
"""Most bytes of a name."""
MAX_REQUIREMENTS = 64
MAX_FORMS = 4

SEVERITIES = {"minor": 1, "major": 2, "critical": 3}
SECONDS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}

CHECKLISTS: Mapping[str, tuple[str, ...]] = {
    "21 CFR 211.188": ("211.188(a)", *(f"211.188(b)({number})" for number in range(1, 14))),
    "21 CFR 1.1315": (*(f"1.1315(a)({number})" for number in range(1, 6)), "1.1315(b)"),
    "FD&C Act 582(g)(1)": tuple(f"582(g)(1)({letter})" for letter in "ABCDEF"),
    "ISO 13485:2016 7.3": tuple(f"7.3.{number}" for number in range(2, 11)),
}
"""For each rule book the paragraphs that ask for evidence of their own."""

_TOP = {
    "name",
    "version",
    "title",
    "source",
    "checklist",
    "ordered",
    "reviewers",
    "waivers",
    "requirements",
}
_FIELDS = {
    "code",
    "title",
    "jurisdiction",
    "mandatory",
    "waivable",
    "severity",
    "secondPersons",
    "roles",
    "duties",
    "due",
    "dueAfter",
    "validity",
    "forms",
    "source",
}


class ProgrammeError(ValueError):
    """A programme that cannot be used. The message names the file, the field and the reason."""


@dataclass(frozen=True)
class Requirement:
    """What a programme asks for. Times in unix seconds and seconds; `due` and `due_after` 0: no due date."""

    code: str
    title: str
    source: str
    jurisdiction: str
    mandatory: bool
    waivable: bool
    severity: int
    second_persons: int
    roles: Role
    duties: Duty
    due: int
    due_after: int
    validity: int
    forms: tuple[str, ...]

    @property
    def terms(self) -> tuple[Any, ...]:
        """The terms as the contract takes them (struct Terms)."""
        return (
            self.code.encode().ljust(32, b"\0"),
            self.jurisdiction.encode().ljust(6, b"\0"),
            self.mandatory,
            self.waivable,
            self.severity,
            self.second_persons,
            int(self.roles),
            int(self.duties),
            self.due,
            self.due_after,
            self.validity,
        )


@dataclass(frozen=True)
class Programme:
    """A named, versioned list of requirements. `document` is the SHA-256 of the file that has it."""

    name: str
    version: int
    title: str
    source: str
    document: bytes
    ordered: bool
    reviewers: Role
    waivers: Role
    requirements: tuple[Requirement, ...]

    @property
    def forms(self) -> tuple[str, ...]:
        """The names of all forms that its requirements accept, each once."""
        return tuple(dict.fromkeys(form for one in self.requirements for form in one.forms))

    def id(self, org: int) -> bytes:
        """Its id on chain, if this organisation registered it."""
        return programme_id(org, self.name, self.version)

    def definition(self, schemas: Mapping[str, bytes]) -> tuple[Any, ...]:
        """The definition as the contract takes it (struct Definition). `schemas` has the ids of schemas by
        the names of forms; `ProgrammeError` if one is missing.
        """
        if lacking := [form for form in self.forms if form not in schemas]:
            raise ProgrammeError(f"{self.name}: no schema is given for the forms {', '.join(lacking)}")
        rows = tuple((one.terms, tuple(schemas[form] for form in one.forms)) for one in self.requirements)
        return self.document, self.ordered, int(self.reviewers), int(self.waivers), rows


def programme_id(org: int, name: str, version: int) -> bytes:
    """The id of a programme: keccak256(abi.encode(org, name, version))."""
    text = name.encode()
    head = (org, 96, version, len(text))
    return keccak(b"".join(word.to_bytes(32, "big") for word in head) + text + bytes(-len(text) % 32))


def case_id(programme: bytes, subject: bytes, org: int, period: int = 0) -> bytes:
    """The id of a case: keccak256(abi.encode(programme, subject, org, period))."""
    return keccak(programme + subject + org.to_bytes(32, "big") + period.to_bytes(32, "big"))


def code_of(word: bytes) -> str:
    """The text of a code or jurisdiction on chain; what is no text is spelled out."""
    return word.rstrip(b"\0").decode("ascii", "backslashreplace")


@cache
def programmes() -> Mapping[str, Programme]:
    """The programmes of this package by name, each in its newest version."""
    found: dict[str, Programme] = {}
    for path in sorted(FOLDER.glob("*.json")):
        one = read(path)
        if one.version > (found[one.name].version if one.name in found else 0):
            found[one.name] = one
    return found


def read(path: Path) -> Programme:
    """A programme from a file; `ProgrammeError` if it is none, or leaves out what its rule book lists."""
    try:
        content = path.read_bytes()
        data = json.loads(content.decode("utf-8"))
    except OSError as error:
        raise ProgrammeError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise ProgrammeError(f"{path}: is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise ProgrammeError(f"{path}: must be an object with name, version, title, source and requirements")
    try:
        return _programme(data, hashlib.sha256(content).digest())
    except ValueError as error:
        raise ProgrammeError(f"{path}: {error}") from None


def _programme(data: Mapping[str, Any], document: bytes) -> Programme:
    _known(data, _TOP)
    name, version, rows = data.get("name"), data.get("version"), data.get("requirements")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= MAX_NAME:
        raise ValueError(f"name {name!r}: must have 1 to {MAX_NAME} bytes")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"version {version!r}: must be a whole number from 1")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_REQUIREMENTS:
        raise ValueError(f"requirements: must be a list of 1 to {MAX_REQUIREMENTS}")
    requirements = []
    for place, row in enumerate(rows):
        try:
            requirements.append(_requirement(row))
        except (ValueError, KeyError) as error:
            reason = f"has no {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"requirement {place}: {reason}") from None
    codes = [one.code for one in requirements]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise ValueError(f"requirements: {', '.join(twice)}: named twice")
    if (checklist := data.get("checklist")) is not None:
        wanted = CHECKLISTS[_one_of("checklist", checklist, CHECKLISTS)]
        if lacking := [code for code in wanted if code not in codes]:
            raise ValueError(f"requirements: {checklist} also lists {', '.join(lacking)}")
    return Programme(
        name=name,
        version=version,
        title=str(data.get("title", name)),
        source=str(data.get("source", "")),
        document=document,
        ordered=_flag(data, "ordered", default=False),
        reviewers=_roles(data, "reviewers"),
        waivers=_roles(data, "waivers"),
        requirements=tuple(requirements),
    )


def _requirement(row: Any) -> Requirement:
    if not isinstance(row, dict):
        raise ValueError("must be an object")
    _known(row, _FIELDS)
    code, forms = str(row["code"]), row["forms"]
    if not code.isascii() or not code.isprintable() or not 1 <= len(code) <= 32:
        raise ValueError(f"code {code!r}: must have 1 to 32 printable ASCII characters")
    jurisdiction = str(row.get("jurisdiction", ""))
    if not re.fullmatch(r"([A-Z]{2}(-[A-Z0-9]{1,3})?)?", jurisdiction):
        raise ValueError(f"jurisdiction {jurisdiction!r}: must be an ISO 3166 code, such as US or CA-ON")
    if not isinstance(forms, list) or not 1 <= len(forms) <= MAX_FORMS or not all(forms):
        raise ValueError(f"forms: must be a list of 1 to {MAX_FORMS} names of schemas")
    if "due" in row and "dueAfter" in row:
        raise ValueError("due and dueAfter: give one of the two")
    persons = row.get("secondPersons", 0)
    if not isinstance(persons, int) or isinstance(persons, bool) or not 0 <= persons <= 255:
        raise ValueError(f"secondPersons {persons!r}: must be a whole number from 0 to 255")
    return Requirement(
        code=code,
        title=str(row["title"]),
        source=str(row["source"]),
        jurisdiction=jurisdiction,
        mandatory=_flag(row, "mandatory", default=True),
        waivable=_flag(row, "waivable", default=False),
        severity=SEVERITIES[_one_of("severity", row["severity"], SEVERITIES)],
        second_persons=persons,
        roles=_roles(row, "roles"),
        duties=_duties(row),
        due=_end_of_day(row["due"]) if "due" in row else 0,
        due_after=_seconds("dueAfter", row["dueAfter"]) if "dueAfter" in row else 0,
        validity=_seconds("validity", row["validity"]) if "validity" in row else 0,
        forms=tuple(str(form) for form in forms),
    )


def _known(row: Mapping[str, Any], names: set[str]) -> None:
    if unknown := sorted(set(row) - names):
        raise ValueError(f"{', '.join(unknown)}: is none of {', '.join(sorted(names))}")


def _flag(row: Mapping[str, Any], field: str, *, default: bool) -> bool:
    value = row.get(field, default)
    if not isinstance(value, bool):
        raise ValueError(f"{field} {value!r}: must be true or false")
    return value


def _roles(row: Mapping[str, Any], field: str) -> Role:
    return Role(sum(Role[_one_of(field, name, Role.__members__)] for name in _names(row, field)))


def _duties(row: Mapping[str, Any]) -> Duty:
    return Duty(sum(Duty[_one_of("duties", name, Duty.__members__)] for name in _names(row, "duties")))


def _names(row: Mapping[str, Any], field: str) -> Sequence[str]:
    value = row.get(field, [])
    if not isinstance(value, list) or len(set(map(str, value))) != len(value):
        raise ValueError(f"{field}: must be a list of different names")
    return value


def _one_of(field: str, value: Any, names: Any) -> str:
    if value not in names:
        raise ValueError(f"{field} {value!r}: must be one of {', '.join(names)}")
    return str(value)


def _seconds(field: str, text: Any) -> int:
    found = re.fullmatch(r"([0-9]{1,6}) (d|h|min|s)", str(text))
    seconds = int(found[1]) * SECONDS[found[2]] if found else 0
    if not 0 < seconds < 1 << 32:
        raise ValueError(f"{field} {text!r}: must be a number and d, h, min or s, up to 49,710 days")
    return seconds


def _end_of_day(text: Any) -> int:
    try:
        day = datetime.strptime(str(text), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"due {text!r}: must be a day, such as 2026-11-27") from None
    return int((day + timedelta(days=1)).timestamp()) - 1
