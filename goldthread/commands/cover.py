"""`goldthread cover`: quotes of cargo insurance, and what they would pay, without a chain."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import (
    FILE,
    KeyChoice,
    address_of,
    bytes32_of,
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
    print_table,
    read_json,
    write_json,
)

if TYPE_CHECKING:
    from goldthread.chain.eip712 import Domain
    from goldthread.rules.cargo import Terms
    from goldthread.rules.conditions import Policy

SCHEMA = 1
"""Version of the format of quote files."""

FROM_CONDITIONS = ("subject", "setter", "conditions")
"""Fields of a shipment that follow from the conditions."""

MONEY = ("sumInsured", "premium", "franchise", "deductible")


@click.group(cls=Group)
def cover() -> None:
    """Make, sign and show quotes of cargo insurance, and simulate what they pay."""


@cover.command()
@click.argument("terms", type=FILE)
@click.option("--conditions", "conditions_file", type=FILE, required=True, help="The conditions (JSON).")
@deployment_option(required=False)
@click.option("--chain-id", type=click.IntRange(1), help="Chain of the quote, without a manifest.")
@click.option("--insurance", metavar="ADDRESS", help="Address of CargoInsurance there, without a manifest.")
@click.option("--out", type=FILE, help="File to write (default: standard output).")
def quote(
    terms: Path,
    conditions_file: Path,
    deployment_file: Path | None,
    chain_id: int | None,
    insurance: str | None,
    out: Path | None,
) -> None:
    """Make a quote out of TERMS and conditions, ready to be signed.

    TERMS is a JSON file with the fields of the contract's shipment (holder, treasury, carrier, ...) and with
    `table`, rows of rule, beyond, time and share. Subject, setter and hash come from the conditions; without
    a salt a random one is taken. The conditions are a JSON file with the fields of a policy (subject, setter,
    version, start, maxInterval, maxSilence, devices) and `rules`, each with kind, quantity, high, limit,
    duration, severity and, where the kind has it, upper. What the contract would refuse is refused here; what
    an underwriter hardly means is warned of.

    \b
    Example:
      goldthread cover quote terms.json --conditions conditions.json --deployment deployments/31337.json
        --out quote.json
    """
    import secrets

    from goldthread.chain import eip712
    from goldthread.rules.cargo import doubts

    conditions_data = read_json(conditions_file)
    policy = _conditions(conditions_file, conditions_data)
    data = read_json(terms)
    if given := [name for name in FROM_CONDITIONS if name in data]:
        raise Failure(f"{terms}: {', '.join(given)} comes from the conditions")
    table = data.pop("table", None)
    shipment = {
        **{name: data.pop(name, None) for name, _ in _fields()},
        "subject": f"0x{policy.subject.hex()}",
        "setter": policy.setter,
        "conditions": f"0x{_hash(policy).hex()}",
    }
    if data:
        raise Failure(f"{terms}: {', '.join(data)} is no field of a shipment")
    if shipment["salt"] is None:
        shipment["salt"] = f"0x{secrets.token_hex(32)}"
    message = {"shipment": shipment, "table": table}
    agreed = _terms(terms, message)
    _trip(terms, shipment)
    where = _where(deployment_file, chain_id, insurance)
    digest = _digest(terms, where, message)
    for doubt in doubts(agreed, policy.rules):
        click.echo(f"{terms}: warning: {doubt}", err=True)
    write_json(
        out,
        {
            "schema": SCHEMA,
            "policyId": f"0x{digest.hex()}",
            "domain": where.to_json(),
            "quote": message,
            "conditions": conditions_data,
            "forWallets": eip712.full_message("CargoQuote", where, message),
        },
    )


@cover.command()
@click.argument("file", type=FILE)
@key_options
@click.option("--out", type=FILE, help="File to write (default: standard output).")
def sign(file: Path, key: KeyChoice, out: Path | None) -> None:
    """Sign a quote as the underwriter. A wallet signs `forWallets` of the file instead.

    \b
    Example:
      goldthread cover sign quote.json --key underwriter.json --out signed.json
    """
    document, where = _quote_file(file)
    digest = _digest(file, where, document["quote"])
    with key.open(None) as signer:
        signed = {"signer": f"0x{signer.signer.hex()}", "signature": f"0x{signer.sign(digest).hex()}"}
    write_json(out, {**document, **signed})


@cover.command()
@click.argument("file", type=FILE)
@click.option("--decimals", type=click.IntRange(0, 36), default=0, help="Decimals of the token, for display.")
@json_option
def show(file: Path, decimals: int, as_json: bool) -> None:
    """Print what a quote says, and check its id, its conditions and its signature.

    Exit code 1 if one of them is wrong.

    \b
    Example:
      goldthread cover show signed.json --decimals 6
    """
    from goldthread.chain.devices import verify

    document, where = _quote_file(file)
    message = document["quote"]
    policy = _conditions(file, document["conditions"])
    terms = _terms(file, message)
    digest = _digest(file, where, message)
    shipment = message["shipment"]
    checks = {
        "policyId": document.get("policyId") == f"0x{digest.hex()}",
        "conditions": shipment["conditions"] == f"0x{_hash(policy).hex()}",
    }
    if "signature" in document:
        signer = bytes.fromhex(str(document.get("signer", "")).removeprefix("0x"))
        signature = bytes.fromhex(str(document["signature"]).removeprefix("0x"))
        checks["signature"] = verify(signer, digest, signature)
    if as_json:
        print_json({"policyId": f"0x{digest.hex()}", "ok": checks, "quote": message})
    else:
        fields: list[tuple[str, object]] = [("policyId", f"0x{digest.hex()}")]
        for name, value in shipment.items():
            fields.append((name, _told(name, value, decimals)))
        print_fields(fields)
        click.echo()
        print_table(
            ("rule", "means", "beyond by", "seconds", "share", "pays"),
            [
                (
                    row.rule,
                    _meaning(policy, row.rule),
                    row.beyond,
                    row.time,
                    _percent(row.share),
                    _money(terms.pays(row.share), decimals),
                )
                for row in terms.table
            ],
        )
        for name, good in checks.items():
            click.echo(f"{name}: {'ok' if good else 'WRONG'}", err=True)
    if not all(checks.values()):
        sys.exit(FOUND)


@cover.command()
@click.argument("file", type=FILE)
@click.argument("segments_file", metavar="SEGMENTS", type=FILE)
@click.option("--start", type=click.IntRange(0), required=True, help="First second of the trip.")
@click.option(
    "--end", type=click.IntRange(0), required=True, help="End of the trip (the first second after)."
)
@click.option("--rejected", is_flag=True, help="As if quality had rejected the cargo.")
@click.option("--decimals", type=click.IntRange(0, 36), default=0, help="Decimals of the token, for display.")
@json_option
def simulate(
    file: Path, segments_file: Path, start: int, end: int, rejected: bool, decimals: int, as_json: bool
) -> None:
    """Judge the segments of a file by the quote's conditions, and say what the quote pays.

    Each segment is judged at its own end, as by a gateway that brings it at once. SEGMENTS is a file of
    `goldthread segment build`.

    \b
    Example:
      goldthread cover simulate quote.json trip.json --start 1790000000 --end 1790086400 --decimals 6
    """
    from goldthread.rules.cargo import share_of_breach

    document, _ = _quote_file(file)
    policy, terms = _conditions(file, document["conditions"]), _terms(file, document["quote"])
    if end <= start:
        raise Failure(f"--end {end}: is not after --start {start}")
    rows, highest = [], 0
    for device, quantity, breach in _breaches(policy, segments_file):
        share = share_of_breach(terms.table, policy.rules, breach, start, end)
        if share is not None and rejected:
            share = max(share, terms.reject_share)
        highest = max(highest, share or 0)
        rows.append((device, quantity, breach, share))
    paid = terms.pays(highest)
    if as_json:
        found = [
            {
                "device": f"0x{device.hex()}",
                "quantity": quantity,
                "rule": breach.rule,
                "firstCrossing": breach.first_crossing,
                "extreme": breach.extreme,
                "time": breach.time,
                "until": breach.until,
                "share": share,
            }
            for device, quantity, breach, share in rows
        ]
        print_json({"breaches": found, "share": highest, "payment": paid})
        return
    print_table(
        ("rule", "means", "first crossed", "extreme", "seconds", "share"),
        [
            (
                breach.rule,
                _meaning(policy, breach.rule),
                moment(breach.first_crossing),
                breach.extreme,
                breach.time,
                "not in the trip" if share is None else _percent(share),
            )
            for _, _, breach, share in rows
        ],
    )
    click.echo(f"pays {_money(paid, decimals)} for a share of {_percent(highest)}")


def _breaches(policy: Policy, file: Path) -> list[tuple[bytes, int, Any]]:
    """What the segments of a file break, by device and quantity."""
    from goldthread.chain import segments
    from goldthread.rules.conditions import Judge, JudgeError, Track

    entries = read_json(file).get("segments")
    if not isinstance(entries, list):
        raise Failure(f"{file}: is no segment file")
    tracks: dict[tuple[bytes, int], Track] = {}
    ruled = {rule.quantity for rule in policy.rules}
    for entry in entries:
        try:
            part, _ = segments.from_json(entry)
        except ValueError as error:
            raise Failure(f"{file}: {error}") from None
        if part.subject != policy.subject:
            raise Failure(f"{file}: segment {part.seq} is about another twin than the conditions")
        if part.device not in policy.devices or part.quantity not in ruled:
            continue
        key = part.device, part.quantity
        try:
            judge = Judge(policy, part.quantity)
            tracks[key] = judge.step(tracks.get(key, Track()), part.seq, part.summary)
        except JudgeError as error:
            raise Failure(f"{file}: segment {part.seq}: {error}") from None
    return [(*key, breach) for key, track in tracks.items() for _, breach in sorted(track.breaches.items())]


def _quote_file(file: Path) -> tuple[dict[str, Any], Domain]:
    from goldthread.chain.eip712 import Domain

    document = read_json(file)
    told = document.get("domain")
    parts = (document.get("quote"), document.get("conditions"), told)
    if document.get("schema") != SCHEMA or not all(isinstance(part, dict) for part in parts):
        raise Failure(f"{file}: is no quote file of schema {SCHEMA}")
    try:
        domain = Domain(*(told[name] for name in ("name", "chainId", "verifyingContract", "version")))  # type: ignore[index]
    except KeyError as error:
        raise Failure(f"{file}: the domain has no {error.args[0]}") from None
    return document, domain


def _where(deployment_file: Path | None, chain_id: int | None, insurance: str | None) -> Domain:
    """The domain to quote for."""
    from goldthread.chain.eip712 import domain
    from goldthread.chain.manifest import Manifest

    if deployment_file is not None:
        manifest = Manifest.load(deployment_file)
        return domain("CargoInsurance", manifest.chain_id, manifest.address("CargoInsurance"))
    if chain_id is None or insurance is None:
        raise Failure("say for which contract: --deployment, or both --chain-id and --insurance")
    return domain("CargoInsurance", chain_id, address_of("--insurance", insurance))


def _digest(file: Path, where: Domain, message: dict[str, Any]) -> bytes:
    from goldthread.chain import eip712

    try:
        return eip712.digest("CargoQuote", where, message)
    except eip712.MessageError as error:
        raise Failure(f"{file}: {error}") from None


def _fields() -> list[tuple[str, str]]:
    """Name and type of each field of a shipment."""
    from goldthread.chain.eip712 import STRUCTS

    pairs = (field.split(" ") for field in STRUCTS["Shipment"])
    return [(name, kind) for kind, name in pairs]


def _terms(file: Path, message: dict[str, Any]) -> Terms:
    """The numbers of a quote, each of which is there and fits."""
    from goldthread.rules.cargo import Severity, Terms

    shipment, table = message.get("shipment"), message.get("table")
    if not isinstance(shipment, dict) or not isinstance(table, list):
        raise Failure(f"{file}: has no shipment, or no table of rows")
    for name, kind in _fields():
        value = shipment.get(name)
        if value is None:
            raise Failure(f"{file}: {name} is missing")
        if kind.startswith("uint"):
            _whole(f"{file}: {name}", value, int(kind.removeprefix("uint")))
        elif kind == "address":
            address_of(f"{file}: {name}", str(value))
        else:
            bytes32_of(f"{file}: {name}", str(value))
    rows = []
    for place, row in enumerate(table, 1):
        where = f"{file}: row {place}"
        if not isinstance(row, dict) or set(row) != {"rule", "beyond", "time", "share"}:
            raise Failure(f"{where}: must have rule, beyond, time and share, and nothing else")
        try:
            rows.append(
                Severity(**{name: _whole(f"{where}: {name}", value, 32) for name, value in row.items()})
            )
        except ValueError as error:
            raise Failure(f"{where}: {error}") from None
    names = ("sumInsured", "franchise", "deductible", "rejectShare", "recallShare", "recallClass")
    try:
        total, franchise, deductible, rejected, recalled, class_ = (shipment[name] for name in names)
        return Terms(total, franchise, deductible, rejected, recalled, class_, tuple(rows))
    except ValueError as error:
        raise Failure(f"{file}: {error}") from None


def _trip(file: Path, shipment: dict[str, Any]) -> None:
    """Refuses a trip that the contract refuses."""
    if shipment["carrier"] in (0, shipment["consignee"]):
        raise Failure(f"{file}: carrier {shipment['carrier']} is nobody, or the consignee")
    if shipment["latestEnd"] <= shipment["latestStart"]:
        raise Failure(f"{file}: latestEnd {shipment['latestEnd']} is not after latestStart")
    if shipment["claimWindow"] == 0:
        raise Failure(f"{file}: claimWindow 0 leaves no time to claim")


def _conditions(file: Path, data: dict[str, Any]) -> Policy:
    from goldthread.rules.conditions import Kind, Limit, Policy, Rule

    numbers = {"setter": 32, "version": 32, "start": 40, "maxInterval": 32, "maxSilence": 32}
    try:
        rules = tuple(
            Rule(
                Kind[rule["kind"]], rule["quantity"], Limit(rule["high"], rule["limit"]),
                rule["duration"], rule["severity"], rule.get("upper", 0),
            )
            for rule in data["rules"]
        )  # fmt: skip
        for rule in rules:
            rule.pack()
        setter, version, start, interval, silence = (
            _whole(f"{file}: {name}", data[name], bits) for name, bits in numbers.items()
        )
        devices = tuple(twin_of(f"{file}: device", device) for device in data["devices"])
        subject = twin_of(f"{file}: subject", data["subject"])
        return Policy(subject, setter, version, start, interval, silence, devices, rules)
    except KeyError as error:
        raise Failure(f"{file}: the conditions have no {error.args[0]}, or do not know it") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise Failure(f"{file}: the conditions are malformed: {error}") from None


def _hash(policy: Policy) -> bytes:
    """What the contract keeps of the conditions."""
    from goldthread.chain import abi
    from goldthread.hashing import keccak

    (set_policy,) = (e for e in abi.load("Conditions") if e.get("name") == "setPolicy")
    return keccak(abi.encode_values(set_policy["inputs"], [policy.to_contract()]))


def _whole(what: str, value: Any, bits: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise Failure(f"{what} {value!r} is no whole number of {bits} bits")
    return value


def _meaning(policy: Policy, number: int) -> str:
    """A rule in words."""
    from goldthread.rules.conditions import SILENCE, Kind
    from goldthread.rules.readings import QUANTITIES, Quantity

    if number >= len(policy.rules):
        return "silence" if number == SILENCE else "no rule of these conditions"
    rule = policy.rules[number]
    if rule.kind is Kind.GAP:
        return f"gaps for {rule.duration} s"
    unit = QUANTITIES.get(rule.quantity, Quantity(rule.quantity, f"quantity {rule.quantity}", "", 0))
    side = "at or above" if rule.limit.high else "at or below"
    told = f"{unit.name} {side} {unit.text(rule.limit.value)}"
    return told if rule.kind is Kind.INSTANT else f"{told}, {rule.kind.name.lower()} {rule.duration} s"


def _told(name: str, value: Any, decimals: int) -> str:
    if name in MONEY:
        return _money(value, decimals)
    if name.endswith("Share"):
        return _percent(value)
    if name in ("latestStart", "latestEnd", "deadline"):
        return moment(value)
    return str(value)


def _money(amount: int, decimals: int) -> str:
    from decimal import Decimal

    return f"{Decimal(amount).scaleb(-decimals):,f}"


def _percent(share: int) -> str:
    from decimal import Decimal

    return f"{Decimal(share) / 10_000:f} %"
