"""`goldthread segment`: signed segments out of files of readings, and checks of them without a chain."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import (
    FILE,
    KeyChoice,
    address_of,
    deployment_option,
    json_option,
    key_options,
    twin_of,
)
from goldthread.commands.output import (
    FOUND,
    Failure,
    Group,
    moment,
    print_fields,
    print_json,
    read_json,
    write_json,
)

if TYPE_CHECKING:
    from goldthread.chain.eip712 import Domain
    from goldthread.chain.manifest import Manifest

SCHEMA = 2
"""Version of the format of segment files."""


@click.group(cls=Group)
def segment() -> None:
    """Build, verify and prove signed segments of readings, without a chain."""


@segment.command()
@click.argument("readings", type=FILE)
@click.option("--device", required=True, metavar="ID", help="The device's twin: link, URI or 0x id.")
@click.option("--subject", required=True, metavar="ID", help="The twin that it measures.")
@click.option(
    "--quantity", "quantity_name", default="temperature", show_default=True, help="What is measured."
)
@click.option("--above", multiple=True, metavar="VALUE", help="A limit that somebody judges by, upwards.")
@click.option("--below", multiple=True, metavar="VALUE", help="A limit that somebody judges by, downwards.")
@click.option("--max-interval", type=click.IntRange(1), help="Cut where two readings are further apart (s).")
@click.option("--most", type=click.IntRange(1), help="Cut after so many readings.")
@click.option(
    "--seq", type=click.IntRange(1), default=1, show_default=True, help="Number of the first segment."
)
@click.option(
    "--histogram", is_flag=True, help="Tell the time at each whole degree (for mean kinetic temperature)."
)
@click.option("--time-column", metavar="COLUMN", help="Title of the column of times, or its number from 1.")
@click.option("--value-column", metavar="COLUMN", help="Title of the column of values, or its number.")
@click.option("--delimiter", metavar="CHARACTER", help="Between columns (default: comma, semicolon or tab).")
@click.option("--time-format", metavar="FORMAT", help="Of times, such as '%d.%m.%Y %H:%M:%S'.")
@click.option("--timezone", "zone", metavar="ZONE", help="Of times without one, such as Europe/Berlin.")
@click.option("--skip-rows", type=click.IntRange(0), default=0, help="Pass over so many lines at first.")
@click.option("--decimal-comma", is_flag=True, help="Values have a comma where others have a point.")
@click.option("--skip-backwards", is_flag=True, help="Pass over rows that are not later than the one before.")
@click.option("--round", "rounded", is_flag=True, help="Round values with more decimals than the unit has.")
@deployment_option(required=False)
@click.option("--chain-id", type=click.IntRange(1), help="Chain to sign for, without a manifest.")
@click.option("--telemetry", metavar="ADDRESS", help="Address of Telemetry there, without a manifest.")
@key_options
@click.option("--out", type=FILE, help="File to write (default: standard output).")
def build(
    readings: Path,
    device: str,
    subject: str,
    quantity_name: str,
    above: tuple[str, ...],
    below: tuple[str, ...],
    max_interval: int | None,
    most: int | None,
    seq: int,
    histogram: bool,
    time_column: str | None,
    value_column: str | None,
    delimiter: str | None,
    time_format: str | None,
    zone: str | None,
    skip_rows: int,
    decimal_comma: bool,
    skip_backwards: bool,
    rounded: bool,
    deployment_file: Path | None,
    chain_id: int | None,
    telemetry: str | None,
    key: KeyChoice,
    out: Path | None,
) -> None:
    """Summarise READINGS (CSV: time, value), commit to them by the root of a tree, and sign.

    Times are unix seconds or ISO 8601, values decimal numbers in the unit of the quantity (temperature:
    degrees Celsius); options say how other exports are read. A wrong row is named with file, line and reason,
    and nothing is written. Gaps and rows that were passed over are told with their lines.

    \b
    Example:
      goldthread segment build trip.csv --device 8004/9506000LOGGER1 --subject 00/395060000000000016
        --above 8.00 --below 2.00 --max-interval 900 --deployment deployments/31337.json
        --key logger.pem --out trip.json
    """
    from goldthread.chain import segments
    from goldthread.rules.fridge_tag import is_report
    from goldthread.rules.readings import Layout, read_recording
    from goldthread.rules.readings import quantity as quantity_of
    from goldthread.rules.summaries import Limit

    if is_report(readings):
        raise Failure(
            f"{readings}: is a Fridge-tag report, which has figures of days and no readings to sign; "
            f"`goldthread report attest` hands it in as it is"
        )
    manifest, where = _where(deployment_file, chain_id, telemetry)
    try:
        quantity = quantity_of(quantity_name)
    except ValueError as error:
        raise Failure(f"--quantity: {error}") from None
    limits = []
    for option, high, values in (("--below", False, below), ("--above", True, above)):
        for value in values:
            try:
                limits.append(Limit(high, quantity.whole(value)))
            except ValueError as error:
                raise Failure(f"{option}: {error}") from None
    layout = Layout(
        time=_column(time_column),
        value=_column(value_column),
        delimiter=_delimiter(delimiter),
        time_format=time_format,
        zone=zone,
        skip_rows=skip_rows,
        decimal_comma=decimal_comma,
        skip_backwards=skip_backwards,
    )
    recording = read_recording(readings, quantity, layout, rounded=rounded)
    found = recording.readings
    try:
        parts = segments.build(
            found,
            device=twin_of("--device", device),
            subject=twin_of("--subject", subject),
            quantity=quantity.number,
            limits=sorted(set(limits)),
            first_seq=seq,
            max_interval=max_interval,
            most=most,
            histogram=histogram,
        )
    except ValueError as error:
        raise Failure(f"{readings}: {error}") from None
    document: dict[str, Any] = {"schema": SCHEMA, "segments": []}
    if where is not None:
        document["domain"] = where.to_json()
    with key.open(manifest) if key.given else nullcontext() as signer:
        for part, values_in in parts:
            entry = segments.to_json(part, values_in)
            if where is not None:
                digest = part.digest(where)
                entry["digest"] = f"0x{digest.hex()}"
                if signer is not None:
                    entry["signature"] = f"0x{signer.sign(digest).hex()}"
            document["segments"].append(entry)
        if signer is not None:
            document["signer"] = f"0x{signer.signer.hex()}"
    write_json(out, document)
    signed = "signed" if key.given else "unsigned"
    for line, reason in recording.skipped:
        click.echo(f"{readings}, line {line}: passed over: {reason}", err=True)
    for line, seconds in recording.gaps(max_interval) if max_interval else ():
        click.echo(f"{readings}, line {line}: a gap of {seconds} s before it", err=True)
    click.echo(f"{len(found)} readings in {len(parts)} {signed} segments", err=True)


@segment.command()
@click.argument("file", type=FILE)
@click.option(
    "--signer", metavar="HEX", help="The signer that must have signed (default: the file's own word)."
)
@json_option
def verify(file: Path, signer: str | None, as_json: bool) -> None:
    """Check a segment file, or the proof of a single reading, without a chain.

    Recomputes root and summary from the readings, and checks the signature. Exit code 1 if anything is
    wrong. Who the device's signer is, only the chain knows: give it with --signer, or compare what is
    printed.

    \b
    Example:
      goldthread segment verify trip.json --signer 0x...
    """
    data = read_json(file)
    checks = _check_proof(file, data, signer) if "proof" in data else _check_segments(file, data, signer)
    good = all(check["ok"] for check in checks)
    if as_json:
        print_json({"ok": good, "signer": signer or data.get("signer"), "checks": checks})
    else:
        for check in checks:
            told = "ok" if check["ok"] else f"WRONG: {check['reason']}"
            click.echo(f"segment {check['segment']}: {check['check']}: {told}")
        if "signer" in data and signer is None:
            click.echo(f"signed by {data['signer']}, according to the file", err=True)
    if not good:
        sys.exit(FOUND)


@segment.command()
@click.argument("file", type=FILE)
@click.argument("index", type=click.IntRange(0))
@click.option("--seq", type=click.IntRange(1), help="Number of the segment (default: the first in the file).")
@click.option("--out", type=FILE, help="File to write (default: standard output).")
def prove(file: Path, index: int, seq: int | None, out: Path | None) -> None:
    """Write the proof that reading INDEX (from 0) is one of a segment's.

    The proof holds the segment without its other readings; `goldthread segment verify` and the contract's
    verifyReading check it.

    \b
    Example:
      goldthread segment prove trip.json 17 --out reading-17.json
    """
    from goldthread.chain.summary_tree import Tree

    data = read_json(file)
    entries = _entries(file, data)
    entry = next((e for e in entries if seq in (None, e.get("seq"))), None)
    if entry is None:
        raise Failure(f"{file}: has no segment {seq}")
    part, readings = _parsed(file, entry)
    if index >= len(readings):
        raise Failure(
            f"{file}: segment {part.seq} holds {len(readings)} readings, there is no reading {index}"
        )
    reading = readings[index]
    tree = Tree(readings, part.shape)
    proof: dict[str, Any] = {
        "schema": SCHEMA,
        "segment": {**entry, "readings": []},
        "reading": {"index": index, "time": reading.time, "value": reading.value},
        "proof": [step.to_json() for step in tree.proof(index)],
        **{name: data[name] for name in ("domain", "signer") if name in data},
    }
    write_json(out, proof)


@segment.command()
@click.argument("file", type=FILE)
def show(file: Path) -> None:
    """Print what the segments of a file say.

    \b
    Example:
      goldthread segment show trip.json
    """
    from goldthread.rules.readings import QUANTITIES, Quantity

    for entry in _entries(file, read_json(file)):
        part, _ = _parsed(file, entry)
        s = part.summary
        unit = QUANTITIES.get(part.quantity, Quantity(part.quantity, f"quantity {part.quantity}", "", 0))
        fields: list[tuple[str, object]] = [
            ("segment", part.seq),
            ("quantity", unit.name),
            ("device", f"0x{part.device.hex()}"),
            ("subject", f"0x{part.subject.hex()}"),
            ("time", f"{moment(s.from_)} to {moment(s.to)}"),
            ("readings", f"{s.count}, at most {s.max_interval} s apart"),
            ("values", f"{unit.text(s.min)} to {unit.text(s.max)}, last {unit.text(s.last)}"),
        ]
        for e in s.excursions:
            side = "at or above" if e.limit.high else "at or below"
            times = f"{e.total} s in {e.runs}, longest {e.longest} s"
            fields.append((f"{side} {unit.text(e.limit.value)}", times))
        print_fields([*fields, ("root", f"0x{part.root.hex()}")])
        click.echo()


def _column(text: str | None) -> str | int | None:
    return int(text) if text is not None and text.isdecimal() else text


def _delimiter(text: str | None) -> str | None:
    if text is None:
        return None
    text = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if len(text) != 1:
        raise Failure(f"--delimiter {text!r}: must be one character, or tab")
    return text


def _check_segments(file: Path, data: dict[str, Any], signer: str | None) -> list[dict[str, Any]]:
    from goldthread.chain.summary_tree import Tree
    from goldthread.rules.summaries import Limit, summarise

    checks = []
    for entry in _entries(file, data):
        part, readings = _parsed(file, entry)
        if readings:
            limits = [Limit(e.limit.high, e.limit.value) for e in part.summary.excursions]
            told = part.summary.histogram is not None
            try:
                true = summarise(readings, limits, histogram=told)
                same, reason = true == part.summary, "the summary is not that of the readings"
                root = Tree(readings, replace(part, summary=true).shape).root
            except (ValueError, OverflowError) as error:
                same, reason, root = False, str(error), b""
            checks.append(_check(part.seq, "summary", same, reason))
            wrong = "the root is not that of the readings"
            checks.append(_check(part.seq, "root", root == part.root, wrong))
        checks += _check_signature(file, data, entry, signer)
    return checks


def _check_proof(file: Path, data: dict[str, Any], signer: str | None) -> list[dict[str, Any]]:
    from goldthread.chain.segments import Step, is_in
    from goldthread.rules.readings import Reading

    part, _ = _parsed(file, data.get("segment"))
    try:
        index, reading = data["reading"]["index"], Reading(data["reading"]["time"], data["reading"]["value"])
        proof = [Step.from_json(step) for step in data["proof"]]
        inside = is_in(part, index, reading, proof)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Failure(f"{file}: the reading or its proof is malformed ({error})") from None
    told = f"the readings of the segment do not include {reading.value} at {reading.time} in place {index}"
    checks = [_check(part.seq, f"reading {index}", inside, told)]
    return checks + _check_signature(file, data, data["segment"], signer)


def _check_signature(
    file: Path, data: dict[str, Any], entry: dict[str, Any], expected: str | None
) -> list[dict[str, Any]]:
    """Without a signature in the file there is nothing to check, unless a signer is asked for."""
    from goldthread.chain import devices

    part, _ = _parsed(file, entry)
    if "signature" not in entry and expected is None:
        return []
    if "signature" not in entry:
        return [_check(part.seq, "signature", False, "the segment is not signed")]
    where = _domain(file, data)
    try:
        name = bytes.fromhex(str(expected or data.get("signer", "")).removeprefix("0x"))
        signature = bytes.fromhex(str(entry["signature"]).removeprefix("0x"))
        digest = part.digest(where)
        good = devices.verify(name, digest, signature)
    except ValueError as error:
        return [_check(part.seq, "signature", False, str(error))]
    stated = str(entry.get("digest", f"0x{digest.hex()}"))
    return [
        _check(part.seq, "digest", stated == f"0x{digest.hex()}", "the digest is not that of the segment"),
        _check(part.seq, "signature", good, "the signature is not the signer's over this segment"),
    ]


def _check(seq: int, what: str, good: bool, reason: str) -> dict[str, Any]:
    return {"segment": seq, "check": what, "ok": good, **({} if good else {"reason": reason})}


def _entries(file: Path, data: dict[str, Any]) -> list[dict[str, Any]]:
    if data.get("schema") != SCHEMA or not isinstance(data.get("segments"), list):
        raise Failure(f"{file}: is no segment file of schema {SCHEMA}")
    found: list[dict[str, Any]] = data["segments"]
    return found


def _parsed(file: Path, entry: Any) -> Any:
    from goldthread.chain import segments

    try:
        return segments.from_json(entry)
    except ValueError as error:
        raise Failure(f"{file}: {error}") from None


def _domain(file: Path, data: dict[str, Any]) -> Domain:
    from goldthread.chain.eip712 import Domain

    try:
        told = data["domain"]
        return Domain(
            str(told["name"]), int(told["chainId"]), str(told["verifyingContract"]), str(told["version"])
        )
    except (KeyError, TypeError, ValueError):
        raise Failure(f"{file}: does not say for which chain and contract it was signed (domain)") from None


def _where(
    deployment_file: Path | None, chain_id: int | None, telemetry: str | None
) -> tuple[Manifest | None, Domain | None]:
    """The manifest, and the domain to sign for; None if neither was given."""
    from goldthread.chain.eip712 import domain
    from goldthread.chain.manifest import Manifest

    if deployment_file is not None:
        manifest = Manifest.load(deployment_file)
        return manifest, domain("Telemetry", manifest.chain_id, manifest.address("Telemetry"))
    if (chain_id is None) != (telemetry is None):
        raise Failure("--chain-id and --telemetry are given together, or --deployment instead of both")
    if chain_id is None or telemetry is None:
        return None, None
    return None, domain("Telemetry", chain_id, address_of("--telemetry", telemetry))
