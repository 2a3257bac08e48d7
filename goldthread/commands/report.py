"""`goldthread report`: reports that Fridge-tag 2 loggers have signed, checked, shown and handed in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import (
    FILE,
    deployment_option,
    json_option,
    open_deployment,
    rpc_option,
    sender_of,
    sender_options,
    twin_of,
)
from goldthread.commands.output import FOUND, Failure, Group, moment, print_fields, print_json, print_table

if TYPE_CHECKING:
    from goldthread.rules.fridge_tag import Beyond, SignedReport

_file = click.argument("file", type=FILE)


@click.group(cls=Group)
def report() -> None:
    """Verify, show and hand in reports that a logger has signed (Fridge-tag 2)."""


@report.command()
@_file
@click.option("--lot-key", metavar="HEX", help="x and y of the key that the maker has named, 128 hex digits.")
@json_option
def verify(file: Path, lot_key: str | None, as_json: bool) -> None:
    """Check that a logger wrote FILE and nobody has changed it, without a chain.

    The file names the key of the logger's lot itself; that it is the maker's, only the maker or the chain
    can say: give it with --lot-key, or compare what is printed. A wrong line is named with the reason. Exit
    code 1 if the signature is not the key's.

    \b
    Example:
      goldthread report verify 160400343949_202503171012.txt
    """
    from goldthread.rules.fridge_tag import read

    expected = None if lot_key is None else _point(lot_key)
    signed = read(file)
    own = f"{signed.x:064x}{signed.y:064x}"
    checks = [("signature", signed.is_signed, "the text is not what the key in the file has signed")]
    if expected is not None:
        same = (signed.x, signed.y) == expected
        checks.append(("lot key", same, f"the file names the key {own}"))
    good = all(ok for _, ok, _ in checks)
    if as_json:
        told = [{"check": name, "ok": ok, **({} if ok else {"reason": why})} for name, ok, why in checks]
        print_json({"ok": good, **_facts(signed), "lotKey": own, "checks": told})
    else:
        for name, ok, why in checks:
            click.echo(f"{name}: {'ok' if ok else f'WRONG: {why}'}")
        facts = _facts(signed)
        click.echo(f"logger {facts['serial']} of lot {facts['lot']}, {len(signed.report.days)} days")
        if expected is None:
            click.echo(f"signed with the lot key {own}, according to the file", err=True)
    if not good:
        sys.exit(FOUND)


@report.command()
@_file
@click.option(
    "--offset",
    type=click.IntRange(-1440, 1440),
    default=0,
    show_default=True,
    help="Minutes by which the logger's clock is ahead of UTC.",
)
@json_option
def show(file: Path, offset: int, as_json: bool) -> None:
    """Print what a report says: the logger, its limits and its days. Does not check the signature.

    \b
    Example:
      goldthread report show 160400343949_202503171012.txt --offset 60
    """
    from goldthread.rules.fridge_tag import read

    signed = read(file)
    told, facts = signed.report, _facts(signed)
    limits = {name: _degrees(limit.value) for name, limit in (("low", told.low), ("high", told.high))}
    times = {
        "activated": moment(told.activated - offset * 60, offset),
        "created": moment(told.created - offset * 60, offset),
    }
    if as_json:
        days = [
            {
                "date": day.date.isoformat(),
                "from": moment(told.measured(day, offset)[0], offset),
                "to": moment(told.measured(day, offset)[1], offset),
                "min": _degrees(day.lowest),
                "max": _degrees(day.highest),
                "low": _beyond_json(day.low),
                "high": _beyond_json(day.high),
                "timeout": day.timeout,
            }
            for day in told.days
        ]
        print_json({**facts, **times, "limits": limits, "days": days})
        return
    print_fields(
        [
            ("serial", facts["serial"]),
            ("lot", facts["lot"]),
            *times.items(),
            ("at or below", f"{limits['low']} °C, alarm after {told.low.delay} minutes"),
            ("at or above", f"{limits['high']} °C, alarm after {told.high.delay} minutes"),
        ]
    )
    click.echo()
    columns = ("day", "min °C", "max °C", "minutes below", "alarm", "minutes above", "alarm", "no sensor")
    rows = [
        (
            day.date,
            _degrees(day.lowest),
            _degrees(day.highest),
            day.low.minutes,
            _alarm(day.low),
            day.high.minutes,
            _alarm(day.high),
            day.timeout,
        )
        for day in told.days
    ]
    print_table(columns, rows)


@report.command()
@_file
@click.option(
    "--model", required=True, metavar="ID", help="The loggers' model, a DESIGN twin: link, URI or 0x id."
)
@click.option(
    "--attachment", type=click.IntRange(1), help="Number of the logger's attachment (default: the newest)."
)
@deployment_option()
@rpc_option
@sender_options
@json_option
def attest(
    file: Path,
    model: str,
    attachment: int | None,
    deployment_file: Path,
    rpc: str,
    account: str | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Have a report verified on chain, for the twin to which its logger was attached.

    Anyone may: the logger's signature is the authority. The maker has registered the key of the lot, and
    the logger's owner has attached it before. Exit code 1, and nothing is sent, if the signature is not that
    of the key in the file.

    \b
    Example:
      goldthread report attest 160400343949_202503171012.txt --model https://maker.example/fridge-tag-2
        --deployment deployments/31337.json --keystore anybody.json
    """
    from goldthread.chain import logger_reports, logs
    from goldthread.chain.errors import ContractError
    from goldthread.rules.fridge_tag import read

    signed = read(file)
    twin = twin_of("--model", model)
    if not signed.is_signed:
        click.echo(f"{file}: the text is not what the key in the file has signed; nothing was sent", err=True)
        sys.exit(FOUND)
    deployment = open_deployment(deployment_file, rpc)
    call = logger_reports.attest(deployment, signed, twin, attachment)
    sender = sender_of(deployment, account, keystore, passphrase_file)
    try:
        receipt = sender.send(call)
    except ContractError as error:
        if error.name != "AlreadyAttested":
            raise
        found: dict[str, Any] = {"id": f"0x{error.values[0].hex()}", "new": False}
    else:
        [event] = logs.receipt_events(deployment, ["LoggerReports"], receipt)
        found = {
            "id": f"0x{event['id'].hex()}",
            "new": True,
            "subject": f"0x{event['subject'].hex()}",
            "days": len(event["table"]),
            "transaction": receipt.tx_hash,
        }
    if as_json:
        print_json({**_facts(signed), **found})
        return
    if not found["new"]:
        click.echo(f"report {found['id']}: was attested before")
        return
    days = f"{found['days']} of {len(signed.report.days)} days"
    click.echo(f"report {found['id']}: attested, {days} on twin {found['subject']}")


def _facts(signed: SignedReport) -> dict[str, Any]:
    lot = signed.report.lot.decode(errors="replace")
    return {"serial": f"{signed.report.serial:012}", "lot": lot, "digest": f"0x{signed.digest.hex()}"}


def _point(text: str) -> tuple[int, int]:
    digits = text.removeprefix("0x")
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        found = b""
    if len(found) != 64:
        raise Failure(f"--lot-key {text!r}: must be 128 hex digits, 64 for each of x and y")
    return int.from_bytes(found[:32], "big"), int.from_bytes(found[32:], "big")


def _degrees(hundredths: int) -> str:
    from decimal import Decimal

    return str(Decimal(hundredths).scaleb(-2).quantize(Decimal("0.1")))


def _alarm(side: Beyond) -> str:
    return "" if side.alarm is None else f"{side.alarm // 60:02}:{side.alarm % 60:02}"


def _beyond_json(side: Beyond) -> dict[str, Any]:
    return {"minutes": side.minutes, "alarm": _alarm(side) or None}
