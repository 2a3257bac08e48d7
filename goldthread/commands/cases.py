"""What `goldthread compliance` reads from its arguments, and how it prints a case."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import (
    Office,
    bytes32_of,
    twin_of,
)
from goldthread.commands.output import (
    FOUND,
    Failure,
    clean,
    moment,
    print_json,
)
from goldthread.commands.record import record_of, schema_of

if TYPE_CHECKING:
    from goldthread.chain.contracts import Deployment
    from goldthread.compliance import Case, Finding, Step
    from goldthread.rules.programmes import Programme

ONE = 10**6


def about_evidence(
    office: Office, function: str, told: str, case_text: str, code: str, record_text: str
) -> None:
    """Send what concerns one record for one requirement: submit or accept."""
    case, deployment = case_of(office.deployment, case_text), office.deployment
    index, name = requirement_of(deployment, case, code)
    record = record_of(record_text)
    office.send(getattr(deployment.compliance, function)(case, index, record))
    facts = {"case": f"0x{case.hex()}", "requirement": name, "record": f"0x{record.hex()}"}
    office.tell(f"{name}: {told}", **facts)


def examine(office: Office, case: bytes, signer: str) -> None:
    """A case with more requirements than one page is examined for the signer before."""
    from goldthread.chain.words import ReleaseCause

    contract = office.deployment.batch_release
    if contract.obstacle(case, signer).cause == ReleaseCause.NOT_EXAMINED:
        office.send(contract.examineFirst(case, signer))


def read_case(office: Office, text: str) -> Case:
    """The case that an argument names, as of the newest block."""
    from goldthread import compliance as cases

    return cases.read(office.deployment, case_of(office.deployment, text))


def case_of(deployment: Deployment, text: str) -> bytes:
    """A case from its id, or from what it is about."""
    from goldthread.compliance import cases_of

    if text.startswith("0x"):
        found = bytes32_of("CASE", text)
        if deployment.compliance.caseOf(found).org:
            return found
    about = cases_of(deployment, twin_of("CASE", text))
    if len(about) != 1:
        ids = ", ".join(f"0x{case.hex()}" for case in about)
        raise Failure(f"CASE {text!r}: there are {len(about)} cases about it{': ' if ids else ''}{ids}")
    return about[0]


def requirement_of(deployment: Deployment, case: bytes, text: str) -> tuple[int, str]:
    """Index and code of a requirement, from its code or its number from 1."""
    from goldthread.rules.programmes import code_of

    contract = deployment.compliance
    programme = contract.caseOf(case).programme
    count = contract.programmeOf(programme).count
    calls = [contract.termsOf.prepare(programme, index) for index in range(count)]
    codes = [code_of(terms.code) for terms in deployment.read_many(calls, "latest")]
    if text in codes:
        if codes.count(text) > 1:
            raise Failure(f"REQUIREMENT {text!r}: the programme has several; give the number")
        return codes.index(text), text
    if re.fullmatch(r"[1-9][0-9]?", text) and int(text) <= count:
        return int(text) - 1, codes[int(text) - 1]
    raise Failure(f"REQUIREMENT {text!r}: must be one of {', '.join(codes)}, or a number from 1 to {count}")


def programme_named(name: str) -> Programme:
    """A programme of this package, or of a file."""
    from goldthread.rules.programmes import programmes, read

    if name.endswith(".json"):
        return read(Path(name))
    if name not in programmes():
        raise Failure(f"NAME {name!r}: must be a file *.json or one of {', '.join(programmes())}")
    return programmes()[name]


def programme_of(deployment: Deployment, text: str) -> bytes:
    """A programme from its id, or from `ORG/NAME[/VERSION]`."""
    from goldthread.rules.programmes import programme_id

    contract = deployment.compliance
    if text.startswith("0x"):
        found = bytes32_of("PROGRAMME", text)
    else:
        parts = re.fullmatch(r"([1-9][0-9]{0,9})/([^/]+)(?:/([1-9][0-9]{0,9}))?", text)
        if parts is None:
            raise Failure(f"PROGRAMME {text!r}: must be ORG/NAME, ORG/NAME/VERSION or an id")
        org, name = int(parts[1]), parts[2]
        found = programme_id(org, name, int(parts[3] or 0) or contract.newest(org, name))
    if not contract.programmeOf(found).org:
        raise Failure(f"PROGRAMME {text!r}: is not registered")
    return found


def form_and_schema(text: str) -> tuple[str, str]:
    """FORM=SCHEMA in two; raises `Failure`."""
    form, sign, schema = text.partition("=")
    if not form or not sign or not schema:
        raise Failure(f"--schema {text!r}: must be FORM=ORG/NAME, FORM=ORG/NAME/VERSION or FORM=0x...")
    return form, schema


def schema_for(deployment: Deployment, org: int, form: str, given: dict[str, str]) -> bytes:
    """The id of the schema behind a form."""
    return schema_of(deployment, given.get(form, f"{org}/{form}"))


def definition_hash(deployment: Deployment, definition: tuple[Any, ...]) -> bytes:
    """As the contract keeps it: of the ABI encoding."""
    from goldthread.chain.abi import encode_values, functions, load
    from goldthread.hashing import keccak

    parameter = functions(load("Compliance"))["register"]["inputs"][2]
    return keccak(encode_values([parameter], [definition]))


def org_of(office: Office) -> int:
    """The organisation of the sender."""
    address = office.sender().address
    org: int = office.deployment.consortium.accountOf(address).org
    if not org:
        raise Failure(f"{address}: acts for no organisation")
    return org


def millionths(option: str, text: str, bits: int, least: int = 1) -> int:
    """A quantity in millionths of its unit."""
    return _scaled(option, text, ONE, least, (1 << bits) - 1)


def ppm(option: str, text: str) -> int:
    """A share in percent as parts per million."""
    return _scaled(option, text, ONE // 100, 0, (1 << 32) - 1)


def _scaled(option: str, text: str, factor: int, least: int, most: int) -> int:
    try:
        value = Decimal(text) * factor if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    if value != value.to_integral_value() or not least <= value <= most:
        digits = len(str(factor)) - 1
        raise Failure(f"{option} {text!r}: must be a number with at most {digits} decimals, in range")
    return int(value)


# -------------------------------------------------------------------------------------------------- printing


def sequence_of(case: Case, record: bytes) -> str:
    """A record of the case for people: its number among the records of the subject."""
    line = case.line(record)
    if line is None:
        return f"0x{record.hex()}" if any(record) else ""
    return f"#{line.sequence}" + (" LATE" if line.event["late"] else "")


def case_fields(case: Case) -> list[tuple[str, object]]:
    """What is said above the steps of a case."""
    from goldthread.compliance import share_of, speaks_against

    fields: list[tuple[str, object]] = [
        ("case", f"0x{case.id.hex()}"),
        ("programme", f"{case.org}/{case.name}/{case.version}"),
        ("about", f"0x{case.subject.hex()}"),
        ("of", case.who(case.org)),
        ("missing", ", ".join(step.code for step in case.missing) or "nothing"),
    ]
    batch = case.batch
    if batch is not None:
        fields.append(("batch", batch.state.name))
        if batch.state.name == "OPEN":
            fields.append(("release", speaks_against(case, batch)))
        fields.append(("yield", "not reported" if batch.share is None else share_of(batch.share)))
        open_ = sum(1 for one in batch.deviations if not any(one.investigation))
        fields.append(("deviations", f"{len(batch.deviations)}, {open_} open"))
    return fields


def step_json(case: Case, step: Step) -> dict[str, Any]:
    """A requirement for programs."""
    line = case.line(step.record)
    return {
        "code": step.code,
        "title": step.title,
        "status": step.status.name,
        "mandatory": step.mandatory,
        "due": moment(step.due) if step.due else None,
        "overdue": step in case.overdue,
        "record": f"0x{step.record.hex()}" if any(step.record) else None,
        "sequence": line.sequence if line else None,
        "late": bool(line and line.event["late"]),
    }


def case_json(case: Case) -> dict[str, Any]:
    """A case for programs."""
    batch = case.batch
    told = None
    if batch is not None:
        told = {
            "state": batch.state.name,
            "cause": batch.cause.name,
            "detail": str(batch.detail),
            "actual": str(batch.actual),
            "theoretical": str(batch.theoretical),
            "yieldPpm": batch.share,
            "deviations": [
                {"number": one.number, "open": not any(one.investigation)} for one in batch.deviations
            ],
        }
    return {
        "case": f"0x{case.id.hex()}",
        "block": case.block,
        "programme": f"0x{case.programme.hex()}",
        "name": case.name,
        "version": case.version,
        "subject": f"0x{case.subject.hex()}",
        "org": case.org,
        "organisation": case.organisations.get(case.org),
        "requirements": [step_json(case, step) for step in case.steps],
        "missing": [step.code for step in case.missing],
        "overdue": [step.code for step in case.overdue],
        "batch": told,
    }


def print_findings(office: Office, case: Case, found: Sequence[Finding]) -> None:
    """Print what an inspector would note; exit code 1 if there is anything."""
    if office.as_json:
        print_json(
            {
                "case": f"0x{case.id.hex()}",
                "block": case.block,
                "findings": [
                    {
                        "number": number,
                        "paragraph": one.code,
                        "kind": one.kind,
                        "observation": one.text,
                        "record": f"0x{one.record.hex()}" if any(one.record) else None,
                    }
                    for number, one in enumerate(found, 1)
                ],
            }
        )
    else:
        for number, one in enumerate(found, 1):
            click.echo(clean(f"observation {number}, {one.code} ({one.kind}): {one.text}"))
        if not found:
            click.echo("no observations")
    if found:
        sys.exit(FOUND)
