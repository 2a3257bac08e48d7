"""`goldthread report`: reports that Fridge-tag 2 loggers have signed, checked, shown and handed in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import (
    FILE,
    Decorator,
    Office,
    json_option,
    record_of,
    sends,
    time_of,
    twin_of,
)
from goldthread.commands.output import FOUND, Failure, Group, moment, print_fields, print_json, print_table

if TYPE_CHECKING:
    from goldthread.chain.logger_reports import LotKey
    from goldthread.rules.fridge_tag import Beyond, SignedReport

_file = click.argument("file", type=FILE)
_model_option: Decorator = click.option(
    "--model", required=True, metavar="ID", help="The loggers' model, a DESIGN twin: link, URI or 0x id."
)
_serial_option: Decorator = click.option(
    "--serial", required=True, type=click.IntRange(0, 10**12 - 1), help="Serial number of the logger."
)
_reason_option: Decorator = click.option(
    "--reason", metavar="HASH", help="Hash of the record that explains it."
)
_reason_file_option: Decorator = click.option(
    "--reason-file", type=FILE, help="The record itself; its SHA-256 is the reason."
)
_LOT: tuple[Decorator, ...] = (
    _model_option,
    click.option(
        "--lot", "lot_name", required=True, metavar="NAME", help="Name of the lot, as in its reports."
    ),
    click.option(
        "--lot-key", required=True, metavar="HEX", help="x and y of the lot's public key, 128 hex digits."
    ),
)


def _lot_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--model`, `--lot` and `--lot-key`; `goldthread report verify` prints what a report names. The command
    gets a `LotKey` as `lot`.
    """

    @wraps(command)
    def with_lot(*args: Any, model: str, lot_name: str, lot_key: str, **options: Any) -> Any:
        from goldthread.chain.logger_reports import LotKey
        from goldthread.rules.fridge_tag import LONGEST_LOT

        name = lot_name.encode()
        if not 0 < len(name) <= LONGEST_LOT:
            raise Failure(f"--lot {lot_name!r}: must be of 1 to {LONGEST_LOT} bytes")
        point = (number.to_bytes(32, "big") for number in _point(lot_key))
        return command(*args, lot=LotKey(twin_of("--model", model), name.ljust(32, b"\0"), *point), **options)

    found: Callable[..., Any] = with_lot
    for option in reversed(_LOT):
        found = option(found)
    return found


@click.group(cls=Group)
def report() -> None:
    """Verify, show and hand in reports that a logger has signed (Fridge-tag 2); name lots, attach loggers."""


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
@_model_option
@click.option(
    "--attachment", type=click.IntRange(1), help="Number of the logger's attachment (default: the newest)."
)
@sends
def attest(office: Office, file: Path, model: str, attachment: int | None) -> None:
    """Have a report verified on chain, for the twin to which its logger was attached.

    Anyone may: the logger's signature is the authority. The maker has registered the key of the lot, and
    the logger's owner has attached it before. Exit code 1, and nothing is sent, if the signature is not that
    of the key in the file.

    \b
    Example:
      goldthread report attest 160400343949_202503171012.txt --model https://maker.example/fridge-tag-2
        --deployment deployments/31337.json --keystore anybody.json
    """
    from goldthread.chain import logger_reports
    from goldthread.chain.errors import ContractError
    from goldthread.rules.fridge_tag import read

    signed = read(file)
    twin = twin_of("--model", model)
    if not signed.is_signed:
        click.echo(f"{file}: the text is not what the key in the file has signed; nothing was sent", err=True)
        sys.exit(FOUND)
    try:
        found = office.send(logger_reports.attest(office.deployment, signed, twin, attachment))
    except ContractError as error:
        if error.name != "AlreadyAttested":
            raise
        known = f"0x{error.values[0].hex()}"
        if office.as_json:
            print_json({**_facts(signed), "id": known, "new": False})
        else:
            click.echo(f"report {known}: was attested before")
        return
    [event] = found
    id_, subject, days = f"0x{event['id'].hex()}", f"0x{event['subject'].hex()}", len(event["table"])
    office.tell(
        f"report {id_}: attested, {days} of {len(signed.report.days)} days on twin {subject}",
        **_facts(signed),
        id=id_,
        new=True,
        subject=subject,
        days=days,
    )


@report.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what is contradicted, and send nothing.")
@sends
def contradict(office: Office, folder: Path, dry_run: bool) -> None:
    """Look for segments in FOLDER that attested reports contradict, and put that on record.

    FOLDER holds segment files, as `goldthread segment build` writes them. A report contradicts segments of
    the same twin whose temperatures, or times beyond a limit, cannot be those that the logger saw, its
    inaccuracy allowed for. Exit code 1 if one is contradicted.

    \b
    Example:
      goldthread report contradict archive/ --deployment deployments/31337.json --keystore anybody.json
    """
    from goldthread.chain import eip712, logger_reports, logs
    from goldthread.chain.errors import ContractError
    from goldthread.watch import Archive

    deployment = office.deployment
    telemetry = deployment.manifest.address("Telemetry")
    archive = Archive.read(folder, eip712.domain("Telemetry", deployment.chain.id, telemetry))
    found = []
    for event in logs.events(deployment, ["LoggerReports"]):
        if event.name != "ReportAttested":
            continue
        attested = logger_reports.AttestedReport.of(event)
        for case in logger_reports.contradictions(deployment, attested, archive.segments()):
            told: dict[str, Any] = {
                "report": f"0x{event['id'].hex()}",
                "day": case.day.date.isoformat(),
                "kind": case.kind.name,
                "device": f"0x{case.segments[0].device.hex()}",
                "segments": [segment.seq for segment in case.segments],
            }
            if not dry_run:
                try:
                    office.send(case.call)
                    told["new"] = True
                except ContractError as error:
                    if error.name != "AlreadyContradicted":
                        raise
                    told["new"] = False
            found.append(told)
            if not office.as_json:
                numbers = ", ".join(map(str, told["segments"]))
                known = "" if told.get("new", True) else " (known before)"
                click.echo(
                    f"report {told['report']}, {told['day']}: {told['kind']} contradicts segment {numbers} "
                    f"of device {told['device']}{known}"
                )
    if office.as_json:
        print_json({"contradictions": found})
    elif not found:
        click.echo(f"no report contradicts any of {len(archive.entries)} segments")
    if found:
        sys.exit(FOUND)


# ------------------------------------------------------------------------------------------- lots and loggers


@report.command("register-lot")
@_lot_options
@click.option(
    "--accuracy",
    metavar="CELSIUS",
    default="0.5",
    show_default=True,
    help="Largest error of such a logger, at least 0.5 °C.",
)
@click.option("--expires", required=True, metavar="TIME", help="Last second: unix seconds or ISO 8601.")
@sends
def register_lot(office: Office, lot: LotKey, accuracy: str, expires: str) -> None:
    """Register the key of a lot of loggers. By the maker of the model, or a regulator.

    \b
    Example:
      goldthread report register-lot --model https://maker.example/fridge-tag-2 --lot 1792_20_08
        --lot-key 04f1... --accuracy 0.5 --expires 2035-01-01T00:00:00Z
        --deployment deployments/31337.json --keystore maker.json
    """
    error, until = _hundredths(accuracy), time_of("--expires", expires)
    (event,) = office.send(office.deployment.logger_reports.registerLotKey(lot, error, until))
    id_ = f"0x{event['key'].hex()}"
    office.tell(f"lot key {id_}: registered, good until {moment(until)}", key=id_, expires=until)


@report.command("revoke-lot")
@_lot_options
@_reason_option
@_reason_file_option
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
@sends
def revoke_lot(office: Office, lot: LotKey, reason: str | None, reason_file: Path | None, yes: bool) -> None:
    """End the key of a lot that is no longer secret: its reports count no more. By who registered it.

    \b
    Example:
      goldthread report revoke-lot --model https://maker.example/fridge-tag-2 --lot 1792_20_08
        --lot-key 04f1... --reason-file leak.pdf --deployment deployments/31337.json --keystore maker.json
    """
    why = record_of("reason", reason, reason_file)
    if not yes:
        click.confirm("This cannot be taken back. Revoke the key?", abort=True, err=True)
    office.send(office.deployment.logger_reports.revokeLotKey(lot.id, why))
    office.tell(f"lot key 0x{lot.id.hex()}: revoked", key=f"0x{lot.id.hex()}", reason=f"0x{why.hex()}")


@report.command()
@_lot_options
@_serial_option
@click.argument("twin_text", metavar="TWIN")
@sends
def enrol(office: Office, lot: LotKey, serial: int, twin_text: str) -> None:
    """Say that TWIN stands for the logger with this serial number. By the owner of TWIN.

    \b
    Example:
      goldthread report enrol 8004/9506000TAG1 --model https://maker.example/fridge-tag-2
        --lot 1792_20_08 --lot-key 04f1... --serial 160400343949
        --deployment deployments/31337.json --keystore admin.json
    """
    twin = twin_of("TWIN", twin_text)
    (event,) = office.send(office.deployment.logger_reports.enrol(lot.id, serial, twin))
    id_ = f"0x{event['logger'].hex()}"
    office.tell(f"logger {serial:012}: enrolled", logger=id_, twin=f"0x{twin.hex()}")


@report.command()
@_lot_options
@_serial_option
@_reason_option
@_reason_file_option
@sends
def strike(office: Office, lot: LotKey, serial: int, reason: str | None, reason_file: Path | None) -> None:
    """Take a logger from who enrolled what it does not own. By who registered the lot's key, or a regulator.

    \b
    Example:
      goldthread report strike --model https://maker.example/fridge-tag-2 --lot 1792_20_08
        --lot-key 04f1... --serial 160400343949 --reason-file complaint.pdf
        --deployment deployments/31337.json --keystore maker.json
    """
    why = record_of("reason", reason, reason_file)
    (event,) = office.send(office.deployment.logger_reports.strike(lot.id, serial, why))
    office.tell(f"logger {serial:012}: struck", logger=f"0x{event['logger'].hex()}")


@report.command()
@_lot_options
@_serial_option
@click.argument("subject_id", metavar="SUBJECT")
@click.option(
    "--offset",
    type=click.IntRange(-1440, 1440),
    default=0,
    show_default=True,
    help="Minutes by which the logger's clock is ahead of UTC, its time zone included.",
)
@sends
def attach(office: Office, lot: LotKey, serial: int, subject_id: str, offset: int) -> None:
    """Attach the logger to the twin SUBJECT from now on. By its owner, who owns or holds SUBJECT.

    \b
    Example:
      goldthread report attach 00/395060000000000016 --model https://maker.example/fridge-tag-2
        --lot 1792_20_08 --lot-key 04f1... --serial 160400343949 --offset 60
        --deployment deployments/31337.json --keystore admin.json
    """
    subject = twin_of("SUBJECT", subject_id)
    (event,) = office.send(office.deployment.logger_reports.attach(lot.logger(serial), subject, offset))
    number, since = event["attachment"], event["since"]
    office.tell(
        f"logger {serial:012}: attached since {moment(since)}, attachment {number}",
        logger=f"0x{event['logger'].hex()}",
        subject=f"0x{subject.hex()}",
        attachment=number,
        since=since,
    )


@report.command()
@_lot_options
@_serial_option
@sends
def detach(office: Office, lot: LotKey, serial: int) -> None:
    """Detach the logger from what it measures. By its owner.

    \b
    Example:
      goldthread report detach --model https://maker.example/fridge-tag-2 --lot 1792_20_08
        --lot-key 04f1... --serial 160400343949 --deployment deployments/31337.json --keystore admin.json
    """
    (event,) = office.send(office.deployment.logger_reports.detach(lot.logger(serial)))
    number, until = event["attachment"], event["until"]
    office.tell(
        f"logger {serial:012}: detached at {moment(until)}",
        logger=f"0x{event['logger'].hex()}",
        attachment=number,
        until=until,
    )


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


def _hundredths(text: str) -> int:
    try:
        value = Decimal(text) * 100
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value != int(value) or not 0 < value < 1 << 16:
        raise Failure(f"--accuracy {text!r}: must be degrees Celsius above 0 with at most two decimals")
    return int(value)


def _degrees(hundredths: int) -> str:
    return str(Decimal(hundredths).scaleb(-2).quantize(Decimal("0.1")))


def _alarm(side: Beyond) -> str:
    return "" if side.alarm is None else f"{side.alarm // 60:02}:{side.alarm % 60:02}"


def _beyond_json(side: Beyond) -> dict[str, Any]:
    return {"minutes": side.minutes, "alarm": _alarm(side) or None}
