"""`goldthread compliance`: programmes of required evidence, cases of them, batches and their release."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from goldthread.commands.cases import (
    about_evidence,
    case_fields,
    case_json,
    case_of,
    definition_hash,
    examine,
    form_and_schema,
    millionths,
    org_of,
    ppm,
    print_findings,
    programme_named,
    programme_of,
    read_case,
    requirement_of,
    schema_for,
    sequence_of,
)
from goldthread.commands.documents import prepared
from goldthread.commands.options import (
    FILE,
    Decorator,
    Office,
    json_option,
    keeps_documents,
    opens_documents,
    reads,
    sends,
    signer_bytes,
    time_of,
    twin_of,
)
from goldthread.commands.output import (
    Failure,
    Group,
    clean,
    moment,
    print_fields,
    print_json,
    print_table,
    progress,
)
from goldthread.commands.record import kept_name, kept_reason, record_of, send_kept

if TYPE_CHECKING:
    from goldthread.records.archive import Archive

DAY = 86_400

_case: Decorator = click.argument("case_text", metavar="CASE")
_code: Decorator = click.argument("code", metavar="REQUIREMENT")
_record: Decorator = click.argument("record_text", metavar="RECORD")
_number: Decorator = click.argument("number", metavar="NUMBER", type=click.IntRange(1))
_reason_option: Decorator = click.option(
    "--reason", metavar="TEXT", help="Why, in words; they are kept like a document."
)
_reason_hash_option: Decorator = click.option(
    "--reason-hash", metavar="HASH", help="Id of the record, or digest of the document, that says why."
)


@click.group(cls=Group)
def compliance() -> None:
    """What rule books ask to be on record, what of it is, and the release of batches.

    CASE is an id, or the lot or thing that it is about if there is one case about that. REQUIREMENT is its
    code, such as "211.188(b)(7)", or its number from 1. RECORD is an id, or SUBJECT#NUMBER. PROGRAMME is
    ORG/NAME[/VERSION] or an id.
    """


# ------------------------------------------------------------------------------------------------ programmes


@compliance.command()
@json_option
def templates(as_json: bool) -> None:
    """List the programmes that come with this package.

    \b
    Example:
      goldthread compliance templates
    """
    from goldthread.rules.programmes import programmes

    found = programmes().values()
    if as_json:
        print_json([{"name": p.name, "version": p.version, "title": p.title} for p in found])
        return
    rows = [(p.name, p.version, len(p.requirements), p.title) for p in found]
    print_table(("programme", "version", "requirements", "for"), rows)


@compliance.command()
@click.argument("name", metavar="NAME|FILE")
@json_option
def show(name: str, as_json: bool) -> None:
    """Print the requirements of a programme of this package, or of one in a file (*.json).

    \b
    Example:
      goldthread compliance show us-211-188-batch-record
    """
    found = programme_named(name)
    if as_json:
        about = {"name": found.name, "version": found.version, "title": found.title, "source": found.source}
        rows = [
            {
                "code": one.code,
                "title": one.title,
                "source": one.source,
                "mandatory": one.mandatory,
                "waivable": one.waivable,
                "secondPersons": one.second_persons,
                "due": moment(one.due) if one.due else None,
                "dueAfter": one.due_after or None,
                "validity": one.validity or None,
                "forms": list(one.forms),
            }
            for one in found.requirements
        ]
        print_json({**about, "document": f"0x{found.document.hex()}", "requirements": rows})
        return
    print_fields(
        [
            ("programme", f"{found.name}, version {found.version}"),
            ("for", found.title),
            ("source", found.source),
            ("in order", "yes" if found.ordered else "no"),
            ("document", f"0x{found.document.hex()}"),
        ]
    )
    table = [
        (
            one.code,
            one.title,
            "yes" if one.mandatory else "no",
            one.second_persons,
            moment(one.due) if one.due else "",
            ", ".join(one.forms),
        )
        for one in found.requirements
    ]
    print_table(("code", "asks for", "mandatory", "second persons", "due", "forms"), table)


@compliance.command()
@click.argument("names", metavar="NAME|FILE...", nargs=-1, required=True)
@click.option(
    "--schema",
    "schemas",
    multiple=True,
    metavar="FORM=ORG/NAME",
    help="The schema behind a form (default: your newest one of that name).",
)
@sends
def register(office: Office, names: Sequence[str], schemas: Sequence[str]) -> None:
    """Register programmes under your organisation's number (duty QUALITY).

    What is registered as it is here is left alone. The schemas must be defined before (`record define`).

    \b
    Example:
      goldthread compliance register us-211-188-batch-record --schema yield=1/yield/2
        --deployment deployments/31337.json --keystore quality.json
    """
    chosen, deployment = [programme_named(name) for name in names], office.deployment
    org, contract = org_of(office), deployment.compliance
    given = dict(form_and_schema(text) for text in schemas)
    if unknown := sorted(set(given) - {form for one in chosen for form in one.forms}):
        raise Failure(f"--schema {unknown[0]}: none of the programmes has such a form")
    done = []
    for one in chosen:
        definition = one.definition({form: schema_for(deployment, org, form, given) for form in one.forms})
        identifier = one.id(org)
        known = contract.definitionHash(identifier)
        if known not in (bytes(32), definition_hash(deployment, definition)):
            raise Failure(
                f"{one.name}: organisation {org} has registered another definition as version {one.version}"
            )
        if not any(known):
            office.send(contract.register(one.name, one.version, definition))
        done.append((one, identifier, not any(known)))
    if office.as_json:
        print_json(
            [
                {"name": p.name, "version": p.version, "programme": f"0x{i.hex()}", "registered": new}
                for p, i, new in done
            ]
        )
        return
    for one, identifier, new in done:
        state = "registered" if new else "was registered before"
        click.echo(f"{one.name}, version {one.version}: {state} as 0x{identifier.hex()}")


@compliance.command()
@click.argument("programme_text", metavar="PROGRAMME")
@click.option("--theoretical", required=True, metavar="QUANTITY", help="In the lot's unit of measure.")
@click.option("--lowest", required=True, metavar="PERCENT", help="Least yield without an investigation.")
@click.option("--highest", required=True, metavar="PERCENT", help="Greatest one.")
@sends
def master(office: Office, programme_text: str, theoretical: str, lowest: str, highest: str) -> None:
    """Make PROGRAMME a master production record: what yield it expects (21 CFR 211.186(b)(7)).

    \b
    Example:
      goldthread compliance master 1/us-211-188-batch-record --theoretical 100000 --lowest 95 --highest 102
        --deployment deployments/31337.json --keystore quality.json
    """
    programme = programme_of(office.deployment, programme_text)
    terms = (
        millionths("--theoretical", theoretical, 96),
        ppm("--lowest", lowest),
        ppm("--highest", highest),
    )
    office.send(office.deployment.batch_release.setMaster(programme, terms))
    office.tell("a master production record now", programme=f"0x{programme.hex()}")


# ----------------------------------------------------------------------------------------------------- cases


@compliance.command("open")
@click.argument("programme_text", metavar="PROGRAMME")
@click.argument("subject_id", metavar="SUBJECT")
@click.option("--period", type=click.IntRange(0, (1 << 40) - 1), default=0, help="Such as 2026.")
@click.option("--reviewer", type=click.IntRange(0), default=0, help="Number of the reviewing organisation.")
@click.option("--batch", is_flag=True, help="As a batch: SUBJECT is held until quality releases it.")
@sends
def open_(
    office: Office, programme_text: str, subject_id: str, period: int, reviewer: int, batch: bool
) -> None:
    """Open a case: PROGRAMME applies to the lot or thing SUBJECT (duty QUALITY of its maker or owner).

    Can be run again after an interruption.

    \b
    Example:
      goldthread compliance open 1/us-211-188-batch-record 01/09506000134352/10/L7 --batch
        --deployment deployments/31337.json --keystore quality.json
    """
    deployment = office.deployment
    programme, subject = programme_of(deployment, programme_text), twin_of("SUBJECT", subject_id)
    contract, releases = deployment.compliance, deployment.batch_release
    case = contract.caseIdOf(programme, subject, org_of(office), period)
    told = "open"
    if not contract.caseOf(case).org:
        office.send(contract.open(programme, subject, period, reviewer))
        told = "opened"
    if batch and not releases.batchOf(case).state:
        office.send(releases.openBatch(case))
        told = "opened, and the batch is held"
    if told == "open":
        raise Failure(f"case 0x{case.hex()}: is open already")
    office.tell(f"case 0x{case.hex()}: {told}", case=f"0x{case.hex()}", batch=batch)


@compliance.command()
@_case
@_code
@_record
@sends
def submit(office: Office, case_text: str, code: str, record_text: str) -> None:
    """Submit RECORD for a requirement.

    \b
    Example:
      goldthread compliance submit 01/09506000134352/10/L7 "211.188(b)(4)" 01/09506000134352/10/L7#3
        --deployment deployments/31337.json --keystore ann.json
    """
    about_evidence(office, "submit", "submitted", case_text, code, record_text)


@compliance.command()
@_case
@_code
@_record
@sends
def accept(office: Office, case_text: str, code: str, record_text: str) -> None:
    """Accept RECORD, which was submitted (duty QUALITY, not its author).

    \b
    Example:
      goldthread compliance accept 01/09506000134352/10/L7 "211.188(b)(4)" 01/09506000134352/10/L7#3
        --deployment deployments/31337.json --keystore quality.json
    """
    about_evidence(office, "accept", "accepted", case_text, code, record_text)


@compliance.command()
@_case
@_code
@_record
@_reason_option
@_reason_hash_option
@keeps_documents
@sends
def reject(
    office: Office,
    case_text: str,
    code: str,
    record_text: str,
    reason: str | None,
    reason_hash: str | None,
    archive: Archive,
) -> None:
    """Reject RECORD, which was submitted or accepted (duty QUALITY, not its author).

    \b
    Example:
      goldthread compliance reject 01/09506000134352/10/L7 "211.188(b)(4)" 01/09506000134352/10/L7#3
        --reason "the balance was not calibrated" --reader age1...
        --deployment deployments/31337.json --keystore quality.json
    """
    office.require_sender()
    case, deployment = case_of(office.deployment, case_text), office.deployment
    index, name = requirement_of(deployment, case, code)
    record = record_of(record_text)
    why = kept_reason(archive, "reason", reason, reason_hash)
    send_kept(office, archive, deployment.compliance.reject(case, index, record, why))
    facts = {"case": f"0x{case.hex()}", "requirement": name, "record": f"0x{record.hex()}"}
    office.tell(f"{name}: rejected", reason=f"0x{why.hex()}", **facts)


@compliance.command()
@_case
@_code
@_record
@sends
def waive(office: Office, case_text: str, code: str, record_text: str) -> None:
    """Waive a requirement, for the reason that RECORD explains (duty QUALITY, not its author).

    \b
    Example:
      goldthread compliance waive 8004/9506000FARM1 "1.1315(a)(5)" 8004/9506000FARM1#2
        --deployment deployments/31337.json --keystore quality.json
    """
    about_evidence(office, "waive", "waived", case_text, code, record_text)


@compliance.command()
@_case
@opens_documents
@reads
def status(office: Office, case_text: str, archive: Archive) -> None:
    """Print where each requirement of a case stands, and what speaks against the release of a batch.

    \b
    Example:
      goldthread compliance status 01/09506000134352/10/L7 --deployment deployments/31337.json
    """
    case = read_case(office, case_text)
    if office.as_json:
        print_json(case_json(case))
        return
    print_fields(case_fields(case))
    click.echo()
    rows = [
        (
            step.code,
            step.status.name + (" OVERDUE" if step in case.overdue else ""),
            "" if step.mandatory else "where applicable",
            moment(step.due) if step.due else "",
            sequence_of(case, step.record),
            step.title,
        )
        for step in case.steps
    ]
    print_table(("requirement", "status", "", "due", "record", "asks for"), rows)


@compliance.command()
@_case
@opens_documents
@reads
def missing(office: Office, case_text: str, archive: Archive) -> None:
    """Print what an inspector would note: everything that is missing, late, unsigned, signed by one person,
    overdue, or open.

    With --identity and --store also one person behind two accounts, by printed names. Exit code 1 if there
    is anything.

    \b
    Example:
      goldthread compliance missing 01/09506000134352/10/L7 --deployment deployments/31337.json
    """
    from goldthread.compliance import findings

    case = read_case(office, case_text)
    print_findings(office, case, findings(case, archive))


@compliance.command()
@_case
@sends
def flag(office: Office, case_text: str) -> None:
    """Say on chain what is late in a case, and open deviations again whose investigation was corrected.

    Anyone may. Each is said once.

    \b
    Example:
      goldthread compliance flag 01/09506000134352/10/L7 --deployment deployments/31337.json
        --keystore anybody.json
    """
    case, deployment = read_case(office, case_text), office.deployment
    flagged = deployment.compliance.caseOf(case.id).flagged
    late = [step for step in case.overdue if not flagged >> step.index & 1]
    reopened = []
    if case.batch is not None and case.batch.state.name == "OPEN":
        for one in case.batch.deviations:
            line = case.line(one.investigation)
            if line is not None and any(line.successor):
                reopened.append(one.number)
    calls = [deployment.compliance.flagOverdue(case.id, step.index) for step in late]
    calls += [deployment.batch_release.reopenDeviation(case.id, number) for number in reopened]
    with progress(office.as_json) as display:
        task = display.add_task("flagging", total=len(calls))
        for call in calls:
            office.send(call)
            display.advance(task)
    codes = [step.code for step in late]
    if office.as_json:
        print_json({"case": f"0x{case.id.hex()}", "overdue": codes, "reopened": reopened})
        return
    for code in codes:
        click.echo(clean(f"{code}: flagged as overdue"))
    for number in reopened:
        click.echo(f"deviation {number}: opened again")
    if not calls:
        click.echo("nothing is late that was not flagged before")


# --------------------------------------------------------------------------------------------------- batches


@compliance.group(cls=Group)
def deviation() -> None:
    """Deviations of a batch from its master record."""


@deviation.command("open")
@_case
@_record
@sends
def open_deviation(office: Office, case_text: str, record_text: str) -> None:
    """Open a deviation, of which RECORD tells.

    \b
    Example:
      goldthread compliance deviation open 01/09506000134352/10/L7 01/09506000134352/10/L7#5
        --deployment deployments/31337.json --keystore ann.json
    """
    case = case_of(office.deployment, case_text)
    (event,) = office.send(office.deployment.batch_release.openDeviation(case, record_of(record_text)))
    number = event["number"]
    office.tell(f"deviation {number} is open", case=f"0x{case.hex()}", deviation=number)


@deviation.command("close")
@_case
@_number
@_record
@sends
def close_deviation(office: Office, case_text: str, number: int, record_text: str) -> None:
    """Close a deviation upon the record of its investigation (duty QUALITY, not its author).

    \b
    Example:
      goldthread compliance deviation close 01/09506000134352/10/L7 1 01/09506000134352/10/L7#6
        --deployment deployments/31337.json --keystore quality.json
    """
    case = case_of(office.deployment, case_text)
    call = office.deployment.batch_release.closeDeviation(case, number, record_of(record_text))
    office.send(call)
    office.tell(f"deviation {number} is closed", case=f"0x{case.hex()}", deviation=number)


@compliance.command("yield")
@_case
@click.argument("quantity", metavar="QUANTITY")
@_record
@sends
def yield_(office: Office, case_text: str, quantity: str, record_text: str) -> None:
    """Report the yield of a batch, in its unit of measure. One outside the limits is a deviation.

    \b
    Example:
      goldthread compliance yield 01/09506000134352/10/L7 97340 01/09506000134352/10/L7#4
        --deployment deployments/31337.json --keystore ann.json
    """
    from goldthread.compliance import share_of

    case = case_of(office.deployment, case_text)
    actual = millionths("QUANTITY", quantity, 96, least=0)
    contract = office.deployment.batch_release
    events = office.send(contract.reportYield(case, actual, record_of(record_text)))
    told = next(event for event in events if event.name == "YieldReported")
    share, outside = told["yield"], told["outside"]
    text = f"yield {share_of(share)}" + (", outside the limits: a deviation is open" if outside else "")
    office.tell(text, case=f"0x{case.hex()}", ppm=share, outside=outside)


@compliance.command()
@_case
@click.option("--reject", "rejects", is_flag=True, help="Reject the batch instead; needs a reason.")
@_reason_option
@_reason_hash_option
@click.option(
    "--name",
    envvar="GOLDTHREAD_NAME",
    metavar="TEXT",
    help="Printed name of who signs (or GOLDTHREAD_NAME). On chain is a salted hash of it.",
)
@click.option("--out", type=FILE, help="Prepare the decision for somebody else to sign.")
@click.option("--signer", "signer_text", metavar="HEX", help="With --out: ERC-7913 signer who is to sign it.")
@click.option("--deadline", metavar="TIME", help="Last second at which it may be used (default: in a day).")
@keeps_documents
@sends
def release(
    office: Office,
    case_text: str,
    rejects: bool,
    reason: str | None,
    reason_hash: str | None,
    name: str | None,
    out: Path | None,
    signer_text: str | None,
    deadline: str | None,
    archive: Archive,
) -> None:
    """Release a batch, or reject it (duty QUALITY, author of no step).

    A reason is why a batch is rejected; of a release the certificate, and may be left out. The sender signs.
    With --out the decision is prepared for a passkey or another key: it signs with `record sign`, and anyone
    brings it with `record submit`.

    \b
    Examples:
      goldthread compliance release 01/09506000134352/10/L7 --name "Cy Ames" --reader age1...
        --deployment deployments/31337.json --keystore quality.json
      goldthread compliance release 01/09506000134352/10/L7 --name "Cy Ames" --out decision.json
        --signer 0x... --reader age1... --deployment deployments/31337.json
    """
    from goldthread.chain.devices import account_of

    if (out is None) != (signer_text is None):
        raise Failure("--out and --signer: go together")
    if out is None:
        office.require_sender()
    case, deployment = case_of(office.deployment, case_text), office.deployment
    contract = deployment.batch_release
    subject = contract.batchOf(case).subject
    if not any(subject):
        raise Failure(f"case 0x{case.hex()}: is no batch")
    explained = rejects or reason is not None or reason_hash is not None
    signer = signer_bytes("--signer", signer_text) if signer_text else None
    latest = deployment.chain.rpc("eth_getBlockByNumber", "latest", False)
    tomorrow = int(latest["timestamp"], 16) + DAY
    decision = {
        "caseId": case,
        "release": not rejects,
        "record": kept_reason(archive, "reason", reason, reason_hash) if explained else bytes(32),
        "seen": deployment.records.recordCount(subject),
        "signerName": kept_name(archive, name),
        "deadline": tomorrow if deadline is None else time_of("--deadline", deadline),
    }
    if not rejects:
        examine(office, case, account_of(signer) if signer else office.sender().address)
    if out is not None:
        prepared("Decision", deployment.manifest, decision, out)
        archive.settle()
        return
    send_kept(office, archive, contract.decide(decision))
    told = "rejected" if rejects else "released"
    office.tell(f"{told}: 0x{subject.hex()}", case=f"0x{case.hex()}", state=told.upper())


@compliance.command()
@_case
@_reason_option
@_reason_hash_option
@keeps_documents
@sends
def withdraw(
    office: Office, case_text: str, reason: str | None, reason_hash: str | None, archive: Archive
) -> None:
    """End the release of a batch for good, and hold it again (duty QUALITY, or a regulator).

    \b
    Example:
      goldthread compliance withdraw 01/09506000134352/10/L7 --reason "stability test failed"
        --reader age1... --deployment deployments/31337.json --keystore quality.json
    """
    office.require_sender()
    case = case_of(office.deployment, case_text)
    why = kept_reason(archive, "reason", reason, reason_hash)
    send_kept(office, archive, office.deployment.batch_release.withdraw(case, why))
    office.tell("the release is withdrawn", case=f"0x{case.hex()}", state="WITHDRAWN")


@compliance.command()
@_case
@click.option("--pdf", "out", type=FILE, required=True, help="File to write.")
@click.option("--font", type=FILE, help="TrueType font for letters beyond those of western Europe.")
@opens_documents
@reads
def report(office: Office, case_text: str, out: Path, font: Path | None, archive: Archive) -> None:
    """Write a case as a PDF: steps, signers, meanings, times, late marks, amendments, deviations, hashes.

    Printed names are shown as far as the store has them and --identity opens them. The findings are those of
    `missing`; exit code 1 if there are any.

    \b
    Example:
      goldthread compliance report 01/09506000134352/10/L7 --pdf L7.pdf --identity auditor.key
        --deployment deployments/31337.json
    """
    from goldthread import batch_record
    from goldthread.compliance import findings

    case = read_case(office, case_text)
    found = findings(case, archive)
    batch_record.write(case, found, archive, out, font)
    if not office.as_json:
        click.echo(f"{out}: {len(case.steps)} requirements, {len(case.records.lines)} records")
    print_findings(office, case, found)
