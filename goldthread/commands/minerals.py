"""`goldthread minerals`: smelters, declarations of conflict minerals, and what is in a product."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from goldthread.commands.options import (
    FILE,
    Decorator,
    Office,
    deployment_option,
    json_option,
    open_deployment,
    record_of,
    rpc_option,
    sends,
    twin_of,
)
from goldthread.commands.output import (
    FOUND,
    Failure,
    Group,
    moment,
    print_fields,
    print_json,
    print_table,
    progress,
)

if TYPE_CHECKING:
    from goldthread.chain.contracts import Deployment
    from goldthread.minerals.book import Book
    from goldthread.minerals.files import Filled

_product: Decorator = click.argument("product", metavar="PRODUCT")
_year_option: Decorator = click.option(
    "--year", type=click.IntRange(2013, 9998), required=True, help="Calendar year of the declaration."
)
_findings = click.Choice(["yes", "no", "unknown"])


@click.group(cls=Group)
def minerals() -> None:
    """Tin, tantalum, tungsten and gold: list smelters, declare them, and follow them through a product.

    PRODUCT is a design, lot or part: a link, another URI, or an id.
    """


@minerals.command()
@click.argument("file", type=FILE)
@click.option(
    "--batch", type=click.IntRange(1, 400), default=100, show_default=True, help="Smelters a transaction."
)
@sends
def smelter(office: Office, file: Path, batch: int) -> None:
    """List the smelters in FILE, or change how they stand. By a register: an auditor or regulator.

    FILE is CSV, or a workbook with the tab Smelter List, with the columns Metal, Smelter Identification,
    Smelter Name, Country Code, Status (conformant, active, non-conformant, not enrolled, not listed), Valid
    Until (2027-12-31) and perhaps Record. What stands as the file says already is left out.

    \b
    Example:
      goldthread minerals smelter smelters.csv --deployment deployments/31337.json --keystore auditor.json
    """
    from goldthread.minerals.files import read_register

    listings = read_register(file)
    contract, account = office.deployment.conflict_minerals, office.sender().address
    register = office.deployment.consortium.accountOf(account).org
    calls = [contract.smelterOf.prepare(register, listing[0]) for listing in listings]
    stands = office.deployment.read_many(calls, office.deployment.chain.block_number())
    new = [
        listing
        for listing, (status, country, until) in zip(listings, stands, strict=True)
        if (status, country, until) != listing[1:4]
    ]
    if not new:
        raise Failure(f"{file}: all {len(listings)} smelters stand as the register has them already")
    worse = 0
    for start in range(0, len(new), batch):
        events = office.send(contract.list(new[start : start + batch]))
        worse += any(event.name == "SmeltersWorsened" for event in events)
    text = f"listed {len(new)} smelters, {len(listings) - len(new)} stood so before"
    if worse:
        text += "; one stands worse: judgements by this register are to be made anew"
    office.tell(text, listed=len(new), unchanged=len(listings) - len(new), worsened=bool(worse))


@minerals.command()
@_product
@_year_option
@click.option(
    "--register", type=click.IntRange(1), required=True, help="Organisation by whose list it is judged."
)
@click.option("--workbook", type=FILE, help="Workbook of the shape of the CMRT.")
@click.option("--answers", type=FILE, help="CSV with the columns question, metal and answer.")
@click.option("--smelters", type=FILE, help="CSV with the columns Metal and Smelter Identification.")
@click.option("--products", type=FILE, help="CSV with the column Product: lots and parts that are covered.")
@click.option("--origin", type=_findings, help="After due diligence: are they from the covered countries?")
@click.option("--benefited", type=_findings, help="After due diligence: did armed groups benefit?")
@click.option(
    "--outside", is_flag=True, help="All of them were outside the supply chain before 31 January 2013."
)
@click.option("--document", metavar="HASH", help="Record or hash of the document.")
@click.option("--document-file", type=FILE, help="The document itself; its SHA-256 is kept.")
@click.option("--supersede", is_flag=True, help="There is a version before: supersede it.")
@click.option("--reason", metavar="HASH", help="Record or hash of why it is superseded.")
@click.option("--reason-file", type=FILE, help="The record itself; its SHA-256 is the reason.")
@sends
def declare(
    office: Office,
    product: str,
    year: int,
    register: int,
    workbook: Path | None,
    answers: Path | None,
    smelters: Path | None,
    products: Path | None,
    origin: str | None,
    benefited: str | None,
    outside: bool,
    document: str | None,
    document_file: Path | None,
    supersede: bool,
    reason: str | None,
    reason_file: Path | None,
) -> None:
    """Declare PRODUCT for a year from a workbook (tabs Declaration, Smelter List, Product List) or CSV files.

    By its maker. The products in the list are covered, too. The file is read whole before anything is sent;
    without --document the workbook or answers are the document.

    \b
    Example:
      goldthread minerals declare 01/09506000134352 --year 2027 --register 8 --workbook cmrt.xlsx
        --deployment deployments/31337.json --keystore quality.json
    """
    from goldthread.minerals.files import read_declaration
    from goldthread.rules.minerals import pack

    if (workbook is None) == (answers is None):
        raise Failure("--workbook or --answers: give one of the two")
    if workbook is not None and (smelters or products):
        raise Failure("--smelters, --products: are in the workbook")
    filled = read_declaration(workbook, answers=answers, smelters=smelters, products=products)
    id_ = twin_of("PRODUCT", product)
    covered = [twin_of("product", each) for each in filled.products]
    if document is None and document_file is None:
        document_file = workbook or answers
    statement = (
        register,
        outside,
        _finding(origin),
        _finding(benefited),
        pack(filled.answers),
        record_of("document", document, document_file),
    )
    contract = office.deployment.conflict_minerals
    declaration = contract.declarationId(id_, year)
    version = contract.declarationOf(declaration).version
    if supersede:
        why = record_of("reason", reason, reason_file)
        call = contract.supersede(id_, year, version, statement, filled.smelters, why)
    elif version:
        raise Failure(f"PRODUCT: is declared for {year} in version {version}; give --supersede and a reason")
    else:
        call = contract.declare(id_, year, statement, filled.smelters)
    events = office.send(call)
    [judged] = [event for event in events if event.name == "Judged"]
    new = [each for each in dict.fromkeys(covered) if each != id_]
    for start in range(0, len(new), 100):
        office.send(contract.cover(id_, year, new[start : start + 100]))
    _tell_declared(office, filled, declaration, version + 1, judged["finding"].verdict, len(new))


@minerals.command()
@_product
@click.option(
    "--most", type=click.IntRange(1), default=300, show_default=True, help="Most things a transaction."
)
@click.option("--judge/--no-judge", default=True, help="First judge anew the declarations that are stale.")
@sends
def evaluate(office: Office, product: str, most: int, judge: bool) -> None:
    """Evaluate PRODUCT with everything it was made of, in one transaction or, beyond --most things, in steps.

    Exit code 1 if the verdict is worse than ACTIVE.

    \b
    Example:
      goldthread minerals evaluate 01/09506000134352/10/L7 --deployment deployments/31337.json
        --keystore anyone.json
    """
    from goldthread.rules.minerals import Verdict

    id_ = twin_of("PRODUCT", product)
    book = _read(office.deployment, office.as_json)
    contract = office.deployment.conflict_minerals
    judged = _judge(office, book, id_) if judge else 0
    way = book.way(id_)
    steps = [id_] if len(way) <= most else book.steps(id_)
    for each in steps:
        known = [] if each is id_ and len(steps) == 1 else set(book.ancestors(each)) - book.circle(each)
        events = office.send(contract.evaluate(book.way(each, known)))
    finding = events[-1]["finding"]
    verdict = Verdict(finding.verdict)
    office.tell(
        f"{verdict.name}: {len(way)} things, {len(steps)} evaluated, {judged} declarations judged anew",
        product=f"0x{id_.hex()}",
        verdict=verdict.name,
        things=len(way),
        evaluated=len(steps),
        judged=judged,
    )
    if verdict > Verdict.ACTIVE:
        sys.exit(FOUND)


@minerals.command()
@_product
@deployment_option()
@rpc_option
@json_option
def status(product: str, deployment_file: Path, rpc: str, as_json: bool) -> None:
    """Print the verdict on PRODUCT and all that speaks against it, with what is installed in it.

    Exit code 1 if the verdict is worse than ACTIVE. The contract does not know what is installed in a thing,
    so that its verdict may be better.

    \b
    Example:
      goldthread minerals status 01/09506000134352/10/L7 --deployment deployments/31337.json
    """
    from goldthread.minerals.book import finalised_of, problems, things_in, worst
    from goldthread.rules.minerals import Verdict

    id_ = twin_of("PRODUCT", product)
    book = _read(open_deployment(deployment_file, rpc), as_json)
    finalised = finalised_of(book, id_)
    contract = book.deployment.conflict_minerals
    kept, stale = contract.verdictOf.at(book.block)(id_)
    live = contract.assess.at(book.block)(book.way(id_)).verdict
    found, wrong = worst(book, id_, finalised), list(problems(book, id_, finalised))
    things = things_in(book, id_)
    if as_json:
        print_json(
            {
                "product": f"0x{id_.hex()}",
                "verdict": found.name,
                "onChain": Verdict(live).name,
                "kept": Verdict(kept).name,
                "stale": stale,
                "things": len(things),
                "block": book.block,
                "problems": [problem._asdict() | {"verdict": problem.verdict.name} for problem in wrong],
            }
        )
    else:
        print_fields(
            [
                ("product", book.name(id_)),
                ("verdict", f"{found.name} ({len(things)} things, block {book.block})"),
                ("on chain", f"{Verdict(live).name} if it were evaluated now"),
                ("kept", Verdict(kept).name + (", stale" if stale else "")),
            ]
        )
        if wrong:
            click.echo()
            print_table(("thing", "what", "verdict"), [(p.product, p.what, p.verdict.name) for p in wrong])
    if found > Verdict.ACTIVE:
        sys.exit(FOUND)


@minerals.command("outcome")
@_product
@_year_option
@deployment_option()
@rpc_option
@json_option
def outcome_(product: str, year: int, deployment_file: Path, rpc: str, as_json: bool) -> None:
    """Print what Form SD asks for PRODUCT in a year, when it is due, and whether it was filed.

    Exit code 1 if it is overdue.

    \b
    Example:
      goldthread minerals outcome 01/09506000134352 --year 2027 --deployment deployments/31337.json
    """
    from goldthread.rules.minerals import Outcome, due_at

    id_ = twin_of("PRODUCT", product)
    deployment = open_deployment(deployment_file, rpc)
    contract, block = deployment.conflict_minerals, deployment.chain.block_number()
    identifier = contract.declarationId(id_, year)
    told = contract.declarationOf.at(block)(identifier)
    if not told.org:
        raise Failure(f"PRODUCT {product!r}: nobody has declared it for {year}")
    now = int(deployment.chain.rpc("eth_getBlockByNumber", hex(block), False)["timestamp"], 16)
    found, due = Outcome(contract.outcomeOf.at(block)(identifier)), due_at(year)
    overdue = found != Outcome.NO_FILING and not told.filedVersion and now > due
    if as_json:
        print_json(
            {
                "product": f"0x{id_.hex()}",
                "year": year,
                "version": told.version,
                "outcome": found.name,
                "due": moment(due),
                "filed": moment(told.filedAt) if told.filedVersion else None,
                "filedVersion": told.filedVersion,
                "late": bool(told.filedVersion) and told.filedAt > due,
                "overdue": overdue,
            }
        )
    else:
        filed = f"version {told.filedVersion}, first at {moment(told.filedAt)}" if told.filedVersion else "no"
        print_fields(
            [
                ("outcome", f"{found.name} (version {told.version} for {year})"),
                ("due", "nothing" if found == Outcome.NO_FILING else moment(due)),
                ("filed", filed + (", late" if told.filedVersion and told.filedAt > due else "")),
                ("overdue", "yes" if overdue else "no"),
            ]
        )
    if overdue:
        sys.exit(FOUND)


@minerals.command("file")
@_product
@_year_option
@click.option("--document", metavar="HASH", help="Record or hash of what was filed.")
@click.option("--document-file", type=FILE, help="What was filed; its SHA-256 is kept.")
@sends
def file_(office: Office, product: str, year: int, document: str | None, document_file: Path | None) -> None:
    """Put on record that Form SD was filed for PRODUCT and a year. By its maker.

    \b
    Example:
      goldthread minerals file 01/09506000134352 --year 2027 --document-file form-sd.pdf
        --deployment deployments/31337.json --keystore quality.json
    """
    id_, filed = twin_of("PRODUCT", product), record_of("document", document, document_file)
    (event,) = office.send(office.deployment.conflict_minerals.file(id_, year, filed))
    late = event["late"]
    office.tell(f"filed{', late' if late else ''}", product=f"0x{id_.hex()}", year=year, late=late)


@minerals.command()
@_product
@_year_option
@sends
def flag(office: Office, product: str, year: int) -> None:
    """Raise an alert for each smelter in the declaration of PRODUCT that is neither conformant nor active,
    once, and one if Form SD is overdue. By anyone.

    \b
    Example:
      goldthread minerals flag 01/09506000134352 --year 2027 --deployment deployments/31337.json
        --keystore anyone.json
    """
    from goldthread.audit.conflict_minerals import declaration_id
    from goldthread.chain.merkle import smelter_tree
    from goldthread.rules.minerals import Metal, Outcome, Verdict, due_at, unpack

    id_ = twin_of("PRODUCT", product)
    book, contract = _read(office.deployment, office.as_json), office.deployment.conflict_minerals
    identifier = declaration_id(id_, year)
    told = book.state.declarations.get(identifier)
    if told is None:
        raise Failure(f"PRODUCT {product!r}: nobody has declared it for {year}")
    answers, raised = unpack(told.statement.answers), 0
    for index, each in enumerate(told.smelters):
        verdict = book.smelter_verdict(told.statement.register, each)
        key = identifier, told.version, each, int(verdict)
        if verdict <= Verdict.ACTIVE or answers[Metal(each[31])].is_recycled or key in book.state.flagged:
            continue
        office.send(contract.flag(id_, year, each, index, smelter_tree(told.smelters).proof(index)))
        raised += 1
    owed = contract.outcomeOf.at(book.block)(identifier) != Outcome.NO_FILING
    if owed and not told.filed_version and not told.overdue and book.now > due_at(year):
        office.send(contract.flagOverdue(id_, year))
        raised += 1
    if not raised:
        raise Failure(
            "nothing to flag: no smelter got worse, and nothing is overdue, or it was flagged before"
        )
    office.tell(f"raised {raised} alerts", product=f"0x{id_.hex()}", year=year, raised=raised)


@minerals.command()
@_product
@click.option(
    "--year", type=click.IntRange(2013, 9998), help="Reporting year that is named (default: this one)."
)
@click.option("--out", type=FILE, required=True, help="Workbook (.xlsx) to write.")
@deployment_option()
@rpc_option
@json_option
def workbook(
    product: str, year: int | None, out: Path, deployment_file: Path, rpc: str, as_json: bool
) -> None:
    """Roll up the declarations of everything in PRODUCT into a workbook of the shape of the CMRT.

    Its tabs are Declaration, Smelter List (each smelter once for a metal), Checker (all that is open) and
    Product List.

    \b
    Example:
      goldthread minerals workbook 01/09506000134352/10/L7 --out L7.xlsx
        --deployment deployments/31337.json
    """
    from goldthread.audit.history import organisation_names
    from goldthread.minerals.workbook import sheets
    from goldthread.workbooks import write

    if out.suffix.lower() != ".xlsx":
        raise Failure(f"--out {out}: must end in .xlsx")
    id_ = twin_of("PRODUCT", product)
    book = _read(open_deployment(deployment_file, rpc), as_json)
    names = organisation_names(book.deployment, book.block)
    year = year or datetime.fromtimestamp(book.now, UTC).year
    tabs = sheets(book, id_, names, year)
    write(out, tabs, written=book.now)
    counts = {sheet.title: len(sheet.rows) for sheet in tabs}
    if as_json:
        print_json({"file": str(out), "rows": counts})
    else:
        click.echo(f"{out}: {counts['Smelter List']} smelters, {counts['Product List']} products")


def _finding(text: str | None) -> int:
    return {None: 0, "no": 1, "yes": 2, "unknown": 3}[text]


def _read(deployment: Deployment, quiet: bool) -> Book:
    from goldthread.minerals.book import Book

    with progress(quiet) as display:
        reading = display.add_task("reading logs", total=None)
        return Book.read(
            deployment,
            progress=lambda block, _: display.update(reading, description=f"reading logs, block {block}"),
        )


def _judge(office: Office, book: Book, product: bytes) -> int:
    """Judge anew what is stale of the declarations on the way; how many those are."""
    contract = office.deployment.conflict_minerals
    found = {book.state.covered.get(each) for each in book.ancestors(product)}
    identifiers = sorted(identifier for identifier in found if identifier is not None)
    shown = book.deployment.read_many([contract.standingOf.prepare(each) for each in identifiers], book.block)
    judged = 0
    for identifier, (verdict, stale) in zip(identifiers, shown, strict=True):
        told = book.state.declarations[identifier]
        if stale or verdict != book.verdict(told):
            office.send(contract.judge(told.product, told.year, list(told.smelters)))
            judged += 1
    return judged


def _tell_declared(
    office: Office, filled: Filled, declaration: bytes, version: int, verdict: int, covered: int
) -> None:
    from goldthread.rules.minerals import Verdict

    text = f"declared, version {version}: {Verdict(verdict).name}, {len(filled.smelters)} smelters"
    if filled.repeated:
        text += f" ({filled.repeated} rows named one again)"
    if filled.unidentified:
        text += f", {filled.unidentified} not identified"
    office.tell(
        f"{text}, {covered} products covered",
        declaration=f"0x{declaration.hex()}",
        version=version,
        verdict=Verdict(verdict).name,
        smelters=len(filled.smelters),
        repeated=filled.repeated,
        unidentified=filled.unidentified,
        covered=covered,
    )
