"""The programmes of the package: complete against their rule books, with dates and forms; and what is no
programme.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from goldthread.chain.words import Duty, Role
from goldthread.rules.programmes import (
    CHECKLISTS,
    FOLDER,
    ProgrammeError,
    case_id,
    code_of,
    programme_id,
    programmes,
    read,
)
from tests.models import compliance as model

ROW: dict[str, Any] = {
    "code": "9.9",
    "title": "Something",
    "severity": "minor",
    "forms": ["step"],
    "source": "a rule book",
}
GOOD: dict[str, Any] = {"name": "test", "version": 1, "requirements": [ROW]}


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "test.json"
    path.write_text(json.dumps({**GOOD, **changes}))
    return path


def refused(folder: Path, message: str, **changes: Any) -> None:
    with pytest.raises(ProgrammeError) as caught:
        read(write(folder, **changes))
    assert message in str(caught.value)
    assert "test.json" in str(caught.value)


def row(**changes: Any) -> dict[str, Any]:
    return {"requirements": [{**ROW, **changes}]}


def test_every_rule_book_is_covered_by_a_programme() -> None:
    checklists = {json.loads(path.read_text())["checklist"] for path in FOLDER.glob("*.json")}
    assert checklists == set(CHECKLISTS)


def test_the_batch_record_has_all_of_211_188() -> None:
    """(a), and (b)(1) to (b)(13); sampling and investigations where there were any."""
    found = programmes()["us-211-188-batch-record"]
    assert [one.code for one in found.requirements] == [
        "211.188(a)",
        *(f"211.188(b)({number})" for number in range(1, 14)),
    ]
    optional = {one.code for one in found.requirements if not one.mandatory}
    assert optional == {"211.188(b)(10)", "211.188(b)(12)"}
    assert all(one.second_persons == 1 for one in found.requirements if one.mandatory)
    assert found.waivers == 0


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("manufacturer", "2025-05-27"),
        ("wholesale", "2025-08-27"),
        ("dispenser", "2025-11-27"),
        ("small-dispenser", "2026-11-27"),
    ],
)
def test_the_dates_of_dscsa(name: str, day: str) -> None:
    from datetime import UTC, datetime

    found = programmes()[f"us-dscsa-{name}"]
    [due] = {one.due for one in found.requirements}
    assert datetime.fromtimestamp(due, UTC).isoformat() == f"{day}T23:59:59+00:00"
    assert [one.code[-3:] for one in found.requirements] == [f"({letter})" for letter in "ABCDEF"]


def test_the_traceability_plan_and_the_design_file() -> None:
    plan = programmes()["us-fsma-204-traceability-plan"]
    assert [one.code for one in plan.requirements if one.waivable] == ["1.1315(a)(3)", "1.1315(a)(5)"]
    design = programmes()["iso-13485-7-3-design"]
    assert design.ordered
    assert [one.code for one in design.requirements] == [f"7.3.{number}" for number in range(2, 11)]


def test_ids_and_documents() -> None:
    for path in FOLDER.glob("*.json"):
        one = read(path)
        assert one.document == hashlib.sha256(path.read_bytes()).digest()
        assert one.id(7) == programme_id(7, one.name, one.version)
        assert one.id(7) == model.programme_id(7, one.name, one.version)
    args = b"p" * 32, b"s" * 32, 9, 2026
    assert case_id(*args) == model.case_id(*args)
    assert code_of(b"9.9\0\0\xff") == "9.9\0\0\\xff"
    assert code_of(b"9.9".ljust(32, b"\0")) == "9.9"


def test_a_whole_requirement(tmp_path: Path) -> None:
    full = {
        **ROW,
        "jurisdiction": "CA-ON",
        "mandatory": False,
        "waivable": True,
        "severity": "critical",
        "secondPersons": 2,
        "roles": ["SUPPLIER", "CARRIER"],
        "duties": ["RECORD"],
        "dueAfter": "24 h",
        "validity": "730 d",
        "forms": ["step", "other"],
    }
    found = read(
        write(tmp_path, requirements=[full], ordered=True, reviewers=["REGULATOR"], waivers=["AUDITOR"])
    )
    [one] = found.requirements
    expected = (
        b"9.9".ljust(32, b"\0"), b"CA-ON\0", False, True, 3, 2, Role.SUPPLIER | Role.CARRIER, Duty.RECORD, 0,
        86_400, 730 * 86_400,
    )  # fmt: skip
    assert one.terms == expected
    assert found.forms == ("step", "other")
    schemas = {"step": b"1" * 32, "other": b"2" * 32}
    rows = ((expected, (b"1" * 32, b"2" * 32)),)
    assert found.definition(schemas) == (found.document, True, Role.REGULATOR, Role.AUDITOR, rows)
    with pytest.raises(ProgrammeError, match="no schema is given for the forms other"):
        found.definition({"step": b"1" * 32})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "name '': must have 1 to 64 bytes"),
        ({"name": "x" * 65}, "must have 1 to 64 bytes"),
        ({"name": 1}, "name 1: must have"),
        ({"version": 0}, "version 0: must be a whole number from 1"),
        ({"version": True}, "version True: must be"),
        ({"requirements": []}, "requirements: must be a list of 1 to 64"),
        ({"requirements": [ROW] * 65}, "requirements: must be a list of 1 to 64"),
        ({"requirements": ["x"]}, "requirement 0: must be an object"),
        ({"requirements": [ROW, ROW]}, "requirements: 9.9: named twice"),
        ({"unknown": 1}, "unknown: is none of checklist"),
        ({"checklist": "x"}, "checklist 'x': must be one of 21 CFR 211.188"),
        ({"checklist": "21 CFR 1.1315"}, "requirements: 21 CFR 1.1315 also lists 1.1315(a)(1)"),
        ({"ordered": 1}, "ordered 1: must be true or false"),
        ({"reviewers": ["x"]}, "reviewers 'x': must be one of"),
        ({"waivers": "REGULATOR"}, "waivers: must be a list of different names"),
        ({"waivers": ["REGULATOR", "REGULATOR"]}, "waivers: must be a list of different names"),
        (row(extra=1), "requirement 0: extra: is none of"),
        (row(code=""), "requirement 0: code '': must have 1 to 32 printable ASCII characters"),
        (row(code="x" * 33), "must have 1 to 32 printable"),
        (row(code="§ 9"), "must have 1 to 32 printable"),
        (row(code="a\n"), "must have 1 to 32 printable"),
        (row(jurisdiction="us"), "jurisdiction 'us': must be an ISO 3166 code"),
        (row(jurisdiction="US-ABCD"), "must be an ISO 3166 code"),
        (row(severity="high"), "severity 'high': must be one of minor, major, critical"),
        (row(secondPersons=-1), "secondPersons -1: must be a whole number from 0 to 255"),
        (row(secondPersons=256), "must be a whole number from 0 to 255"),
        (row(secondPersons=True), "must be a whole number"),
        (row(mandatory="yes"), "mandatory 'yes': must be true or false"),
        (row(roles=["x"]), "roles 'x': must be one of"),
        (row(duties=["x"]), "duties 'x': must be one of"),
        (row(due="2026-02-30"), "due '2026-02-30': must be a day"),
        (row(dueAfter="1 w"), "dueAfter '1 w': must be a number and d, h, min or s"),
        (row(dueAfter="0 s"), "dueAfter '0 s': must be"),
        (row(validity="49711 d"), "validity '49711 d': must be"),
        (row(due="2026-01-01", dueAfter="1 d"), "due and dueAfter: give one of the two"),
        (row(forms=[]), "forms: must be a list of 1 to 4 names"),
        (row(forms=["a"] * 5), "forms: must be a list of 1 to 4 names"),
        (row(forms=[""]), "forms: must be a list of 1 to 4 names"),
    ],
)
def test_what_is_no_programme(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    refused(tmp_path, message, **changes)


@pytest.mark.parametrize("name", ["code", "title", "severity", "forms", "source"])
def test_what_a_requirement_must_have(tmp_path: Path, name: str) -> None:
    lacking = {key: value for key, value in ROW.items() if key != name}
    refused(tmp_path, f"requirement 0: has no '{name}'", requirements=[lacking])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "test.json"
    with pytest.raises(ProgrammeError, match=r"test\.json: No such file"):
        read(path)
    path.write_text("{")
    with pytest.raises(ProgrammeError, match=r"test\.json: is no JSON"):
        read(path)
    path.write_text("[]")
    with pytest.raises(ProgrammeError, match="must be an object with name"):
        read(path)
