"""`goldthread fsma`: the records of food traceability as the FDA asks for them."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from goldthread.commands.options import (
    FILE,
    deployment_option,
    json_option,
    open_deployment,
    rpc_option,
    to_block_option,
)
from goldthread.commands.output import FOUND, Failure, Group, print_json, progress

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group(cls=Group)
def fsma() -> None:
    """Food traceability (FSMA 204, 21 CFR part 1, subpart S)."""


@fsma.command()
@click.option("--tlc", "tlcs", multiple=True, metavar="TLC", help="A lot: number, link or id.")
@click.option("--food", "foods", multiple=True, metavar="TEXT", help="GTIN, or words of the product.")
@click.option("--from", "first", type=_DAY, help="First day, as 2027-01-31 (UTC).")
@click.option("--to", "final", type=_DAY, help="Last day (UTC).")
@click.option(
    "--store",
    "store_url",
    default="records",
    show_default=True,
    metavar="URL",
    help="Folder or URL in which the events' documents are kept, each under its SHA-256.",
)
@click.option("--out", type=FILE, required=True, help="Workbook (.xlsx) to write.")
@deployment_option()
@rpc_option
@to_block_option
@json_option
def sheet(
    tlcs: tuple[str, ...],
    foods: tuple[str, ...],
    first: date | None,
    final: date | None,
    store_url: str,
    out: Path,
    deployment_file: Path,
    rpc: str,
    last: int | None,
    as_json: bool,
) -> None:
    """Write the sortable spreadsheet that is due within 24 hours: a tab for each critical tracking event, its
    columns the paragraphs of the rule, and Locations, Products and Missing.

    Asked for are lots (--tlc), or foods and days (--food, --from, --to). What is not known is an empty cell
    and a row of Missing. Exit code 1 if a traceability lot code was assigned where none may be, or changed.

    \b
    Example:
      goldthread fsma sheet --food romaine --from 2027-03-01 --to 2027-03-31 --store records
        --out romaine.xlsx --deployment deployments/31337.json
    """
    from goldthread.fsma import Kept, Spreadsheet, tlcs_of
    from goldthread.records.store import Store
    from goldthread.workbooks import write

    if out.suffix.lower() != ".xlsx":
        raise Failure(f"--out {out}: must end in .xlsx")
    if not tlcs and not foods:
        raise Failure("--tlc or --food: say what is asked for")
    if first and final and first > final:
        raise Failure(f"--from {first:%Y-%m-%d}: is behind --to {final:%Y-%m-%d}")
    deployment = open_deployment(deployment_file, rpc)
    with progress(as_json) as display:
        reading = display.add_task("reading logs", total=None)
        found = Spreadsheet.read(
            deployment,
            Kept(Store.open(store_url)),
            last=last,
            progress=lambda block, _: display.update(reading, description=f"reading logs, block {block}"),
        )
    try:
        lots = tlcs_of(found, tlcs)
    except LookupError as error:
        raise Failure(f"--tlc {error.args[0]!r}: no lot has this number, link or id") from None
    found.choose(lots, foods, *(day and date(day.year, day.month, day.day) for day in (first, final)))
    header = deployment.chain.rpc("eth_getBlockByNumber", hex(found.block), False)
    tabs = found.sheets()
    write(out, tabs, written=int(header["timestamp"], 16))
    missing, broken = found.missing(), found.broken()
    if as_json:
        print_json(
            {
                "file": str(out),
                "block": found.block,
                "rows": {tab.title: len(tab.rows) for tab in tabs},
                "broken": [each._asdict() for each in broken],
            }
        )
    else:
        click.echo(f"{out}: {len(found.lines)} rows, {len(missing) - len(broken)} elements missing")
        for each in broken:
            click.echo(f"TLC {each.tlc}: {each.why} (21 CFR {each.paragraph})")
    if broken:
        sys.exit(FOUND)
