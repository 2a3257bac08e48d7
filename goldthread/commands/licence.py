"""`goldthread licence`: the right to make or use a design: grants, seats, units."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.documents import prepared, sign, submit
from goldthread.commands.options import (
    FILE,
    Decorator,
    Office,
    address_of,
    deployment_option,
    json_option,
    open_deployment,
    record_of,
    rpc_option,
    sends,
    time_of,
    twin_of,
)
from goldthread.commands.output import Failure, Group, moment, print_fields, print_json

if TYPE_CHECKING:
    from goldthread.chain.contracts import Deployment

ONE = 1_000_000
"""A unit, in the measure of contracts."""

OPEN = 2**40 - 1
"""When a seat comes back that is not borrowed."""

BORROW_HOURS = 168
"""For how many hours licence servers let a seat be borrowed, if nothing else was agreed."""

MOST_UNITS = 2**96 - 1
MOST_SEATS = 2**16 - 1
NOBODY = "0x" + 40 * "0"

licence_argument: Decorator = click.argument("number", metavar="LICENCE", type=click.IntRange(1, 2**32 - 1))
_deadline_option: Decorator = click.option(
    "--deadline", required=True, metavar="TIME", help="Last second at which it may be used."
)
out_option: Decorator = click.option("--out", type=FILE, help="File to write (default: standard output).")
_TERMS: tuple[Decorator, ...] = (
    click.option("--start", metavar="TIME", help="First second: unix seconds or ISO 8601 (default: now)."),
    click.option("--end", metavar="TIME", help="First second at which it is over."),
    click.option("--seats", type=click.IntRange(0, MOST_SEATS), help="Seats that are taken at a time."),
    click.option(
        "--seat-overdraft", type=click.IntRange(0, MOST_SEATS), help="How many more, which is reported."
    ),
    click.option("--per-user", type=click.IntRange(0, 8), help="Seats of one account (default: 1)."),
    click.option(
        "--borrow-hours",
        type=click.IntRange(0, 744),
        help=f"Hours for which a seat may be borrowed (default: {BORROW_HOURS}).",
    ),
    click.option("--units", metavar="NUMBER", help="How much may be made."),
    click.option("--unit-overdraft", metavar="NUMBER", help="How much more, which is reported."),
    click.option("--lendable/--not-lendable", default=None, help="May it be lent to an outside account?"),
    click.option("--transferable/--not-transferable", default=None, help="May it be passed on?"),
)


def _terms_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The terms of a licence. The command gets those that were given as a dictionary `given`, by the fields'
    names in the contract.
    """

    @wraps(command)
    def with_terms(
        *args: Any,
        start: str | None,
        end: str | None,
        seats: int | None,
        seat_overdraft: int | None,
        per_user: int | None,
        borrow_hours: int | None,
        units: str | None,
        unit_overdraft: str | None,
        lendable: bool | None,
        transferable: bool | None,
        **options: Any,
    ) -> Any:
        given = {
            "start": None if start is None else time_of("--start", start),
            "end": None if end is None else time_of("--end", end),
            "seats": seats,
            "seatOverdraft": seat_overdraft,
            "seatsPerUser": per_user,
            "borrowHours": borrow_hours,
            "lendable": lendable,
            "transferable": transferable,
            "units": None if units is None else quantity_of("--units", units),
            "unitOverdraft": None
            if unit_overdraft is None
            else quantity_of("--unit-overdraft", unit_overdraft),
        }
        return command(*args, given={k: v for k, v in given.items() if v is not None}, **options)

    found: Callable[..., Any] = with_terms
    for option in reversed(_TERMS):
        found = option(found)
    return found


@click.group(cls=Group)
def licence() -> None:
    """License designs: who may make what, how many, and how many people may work with it at a time.

    A design is a twin of the kind DESIGN: a link, another URI, or an id.
    """


licence.add_command(sign)
licence.add_command(submit)


# ------------------------------------------------------------------------------------------------- licensor


@licence.command()
@click.argument("design")
@click.argument("org", type=click.IntRange(1))
@_terms_options
@click.option("--supersedes", metavar="TIME", help="End those of this design and licensee issued before.")
@sends
def grant(office: Office, design: str, org: int, given: dict[str, Any], supersedes: str | None) -> None:
    """Grant a licence of DESIGN to the organisation ORG. By the owner of the design.

    \b
    Example:
      goldthread licence grant 8004/9506000BRACKET 2 --seats 5 --seat-overdraft 1 --units 1000
        --end 2028-01-01T00:00:00Z --deployment deployments/31337.json --keystore finance.json
    """
    if "end" not in given:
        raise Failure("--end: say when the licence is over")
    before = 0 if supersedes is None else time_of("--supersedes", supersedes)
    id_ = twin_of("DESIGN", design)
    seats = given.get("seats", 0) + given.get("seatOverdraft", 0)
    usual = {"seatsPerUser": int(seats > 0), "borrowHours": BORROW_HOURS if seats else 0}
    terms = {**_nothing(), **usual, "start": _now(office.deployment), **given}
    _grant(office, id_, org, terms, before)


@licence.command()
@licence_argument
@_terms_options
@sends
def supersede(office: Office, number: int, given: dict[str, Any]) -> None:
    """Replace LICENCE, and all older ones of its design and licensee, by a new one. By the owner.

    What is not named stays as it is. What was counted and who has a seat is not taken over.

    \b
    Example:
      goldthread licence supersede 3 --seats 10 --end 2029-01-01T00:00:00Z
        --deployment deployments/31337.json --keystore finance.json
    """
    old = _known(office.deployment, number)
    terms = {name: getattr(old, name) for name in _nothing()}
    _grant(office, old.design, old.licensee, {**terms, **given}, old.issuedAt + 1)


@licence.command()
@licence_argument
@click.option("--reason", metavar="HASH", help="Id of the record that explains it.")
@click.option("--reason-file", type=FILE, help="The record itself; its SHA-256 is the reason.")
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
@sends
def revoke(office: Office, number: int, reason: str | None, reason_file: Path | None, yes: bool) -> None:
    """End LICENCE for good. By the owner of the design.

    \b
    Example:
      goldthread licence revoke 3 --reason-file breach-of-contract.pdf
        --deployment deployments/31337.json --keystore finance.json
    """
    why = record_of("reason", reason, reason_file)
    if not yes:
        click.confirm("This cannot be taken back. Revoke the licence?", abort=True, err=True)
    office.send(office.deployment.licences.revoke(number, why))
    office.tell("revoked", licence=number, reason=f"0x{why.hex()}")


# ------------------------------------------------------------------------------------------------- licensee


@licence.command()
@licence_argument
@click.argument("org", type=click.IntRange(1))
@sends
def transfer(office: Office, number: int, org: int) -> None:
    """Pass LICENCE on to the organisation ORG, with what is left of it. By the licensee.

    \b
    Example:
      goldthread licence transfer 3 7 --deployment deployments/31337.json --keystore finance.json
    """
    office.send(office.deployment.licences.transfer(number, org))
    office.tell(f"passed on to organisation {org}", licence=number, licensee=org)


@licence.command()
@licence_argument
@click.argument("user", metavar="[ACCOUNT]", required=False)
@click.option("--until", metavar="TIME", help="Last second at which the account may use it.")
@click.option("--nobody", is_flag=True, help="End what was lent.")
@sends
def lend(office: Office, number: int, user: str | None, until: str | None, nobody: bool) -> None:
    """Let ACCOUNT of another organisation use LICENCE for a time. By the licensee.

    \b
    Example:
      goldthread licence lend 3 0x... --until 2027-06-30T00:00:00Z
        --deployment deployments/31337.json --keystore finance.json
    """
    if nobody == (user is not None) or nobody == (until is not None):
        raise Failure("ACCOUNT and --until, or --nobody: say who may use it, and until when")
    who = NOBODY if user is None else address_of("ACCOUNT", user)
    expires = 0 if until is None else time_of("--until", until)
    office.send(office.deployment.licences.setUser(number, who, expires))
    text = f"lent until {moment(expires)}" if expires else "lent to nobody"
    office.tell(text, licence=number, user=who, expires=expires)


@licence.command()
@licence_argument
@sends
def checkout(office: Office, number: int) -> None:
    """Take a seat of LICENCE until it is given back.

    \b
    Example:
      goldthread licence checkout 3 --deployment deployments/31337.json --keystore me.json
    """
    _checkout(office, number, 0)


@licence.command()
@licence_argument
@click.option(
    "--hours",
    type=click.IntRange(1, 744),
    default=BORROW_HOURS,
    show_default=True,
    help="After these it comes back by itself, at the next full hour.",
)
@sends
def borrow(office: Office, number: int, hours: int) -> None:
    """Take a seat of LICENCE that comes back by itself.

    \b
    Example:
      goldthread licence borrow 3 --hours 48 --deployment deployments/31337.json --keystore me.json
    """
    _checkout(office, number, hours)


@licence.command()
@licence_argument
@click.argument("holder", metavar="ACCOUNT")
@click.argument("seat", type=click.IntRange(0, 7))
@sends
def checkin(office: Office, number: int, holder: str, seat: int) -> None:
    """Give back SEAT that ACCOUNT has of LICENCE. By the account, or by finance of the licensee.

    \b
    Example:
      goldthread licence checkin 3 0x... 0 --deployment deployments/31337.json --keystore me.json
    """
    who = address_of("ACCOUNT", holder)
    office.send(office.deployment.licences.checkin(number, who, seat))
    office.tell("given back", licence=number, account=who, seat=seat)


@licence.command("request")
@licence_argument
@click.option(
    "--hours", type=click.IntRange(0, 744), default=0, help="Borrow it for these (default: do not)."
)
@click.option("--time", "signed_at", metavar="TIME", help="When it is signed (default: now).")
@_deadline_option
@deployment_option()
@out_option
def request(
    number: int, hours: int, signed_at: str | None, deadline: str, deployment_file: Path, out: Path | None
) -> None:
    """Prepare a check-out of LICENCE for a key that cannot send: sign it, and anyone submits it, once.

    \b
    Example:
      goldthread licence request 3 --hours 24 --deadline 2027-06-30T00:00:00Z
        --deployment deployments/31337.json --out seat.json
    """
    import time

    from goldthread.chain.manifest import Manifest

    message = {
        "licence": number,
        "borrowFor": hours,
        "time": int(time.time()) if signed_at is None else time_of("--time", signed_at),
        "deadline": time_of("--deadline", deadline),
        "salt": secrets.token_bytes(32),
    }
    prepared("SeatRequest", Manifest.load(deployment_file), message, out)


@licence.command("give-back")
@licence_argument
@click.argument("seat", type=click.IntRange(0, 7))
@_deadline_option
@deployment_option()
@out_option
def give_back(number: int, seat: int, deadline: str, deployment_file: Path, out: Path | None) -> None:
    """Prepare that SEAT of LICENCE is given back by a key that cannot send.

    \b
    Example:
      goldthread licence give-back 3 0 --deadline 2027-06-30T00:00:00Z
        --deployment deployments/31337.json --out back.json
    """
    from goldthread.chain.manifest import Manifest

    until = time_of("--deadline", deadline)
    message = {"licence": number, "seat": seat, "deadline": until, "salt": secrets.token_bytes(32)}
    prepared("SeatReturn", Manifest.load(deployment_file), message, out)


@licence.command()
@licence_argument
@click.argument("things", metavar="THING[=QUANTITY]...", nargs=-1, required=True)
@sends
def consume(office: Office, number: int, things: tuple[str, ...]) -> None:
    """Count what was made under LICENCE: parts, and lots with their quantity. By who made them.

    \b
    Example:
      goldthread licence consume 3 01/09506000134352/21/SN1 01/09506000134352/10/L7=2500.5
        --deployment deployments/31337.json --keystore register.json
    """
    made = [_made(text) for text in things]
    events = office.send(office.deployment.licences.consume(number, made))
    consumed = [event for event in events if event.name == "UnitsConsumed"][-1]["consumed"]
    over = next((event["over"] for event in events if event.name == "UnitsOverdrawn"), 0)
    text = f"{_units(consumed)} counted in all" + (f", {_units(over)} more than granted" if over else "")
    office.tell(text, licence=number, consumed=str(consumed), over=str(over))


@licence.command()
@licence_argument
@click.option("--account", metavar="ADDRESS", help="Also what a check-out by this account would meet.")
@deployment_option()
@rpc_option
@json_option
def status(number: int, account: str | None, deployment_file: Path, rpc: str, as_json: bool) -> None:
    """Print what LICENCE allows and what is used of it. Exit code 1 if ACCOUNT would be denied a seat.

    \b
    Example:
      goldthread licence status 3 --account 0x... --deployment deployments/31337.json
    """
    import sys

    from goldthread.chain.words import LicenceOutcome
    from goldthread.commands.output import FOUND

    deployment = open_deployment(deployment_file, rpc)
    found, contract = _known(deployment, number), deployment.licences
    usage, out = contract.usageOf(number), contract.inUse(number)
    by = contract.supersessionOf(found.design, found.licensee)
    superseded = by.by if found.issuedAt < by.before else None
    facts: dict[str, Any] = {
        "licence": number,
        "design": f"0x{found.design.hex()}",
        "licensor": deployment.twins.ownerOf(found.design),
        "licensee": found.licensee,
        "issuedAt": found.issuedAt,
        **{name: _plain(name, getattr(found, name)) for name in _nothing()},
        "revoked": found.revoked,
        "supersededBy": superseded,
        "seatsInUse": out,
        "consumed": str(usage.consumed),
        "user": contract.userOf(number),
        "userExpires": contract.userExpires(number),
    }
    denied = False
    if account is not None:
        who = address_of("--account", account)
        outcome = LicenceOutcome(contract.outcomeOf(number, who))
        denied = outcome > LicenceOutcome.OVERDRAFT
        seats = {seat: back for seat, back in enumerate(contract.seatsOf(number, who)) if back}
        facts |= {"account": who, "outcome": outcome.name, "hasSeat": contract.hasSeat(number, who)}
        facts |= {
            "seatsOfAccount": {str(seat): None if back == OPEN else back for seat, back in seats.items()}
        }
    if as_json:
        print_json(facts)
    else:
        print_fields(fields_of(facts))
    if denied:
        sys.exit(FOUND)


@licence.command()
@click.argument("design")
@click.argument("thing")
@deployment_option()
@rpc_option
@json_option
def made(design: str, thing: str, deployment_file: Path, rpc: str, as_json: bool) -> None:
    """Print under which licence THING was counted as made to DESIGN. Exit code 1 if under none.

    \b
    Example:
      goldthread licence made 8004/9506000BRACKET 01/09506000134352/21/SN1
        --deployment deployments/31337.json
    """
    import sys

    from goldthread.commands.output import FOUND

    deployment = open_deployment(deployment_file, rpc)
    ids = twin_of("DESIGN", design), twin_of("THING", thing)
    count = deployment.licences.countOf(*ids)
    if as_json:
        print_json({"licence": count.licence or None, "quantity": str(count.quantity)})
    elif count.licence:
        click.echo(f"{_units(count.quantity)} counted under licence {count.licence}")
    else:
        click.echo("counted under no licence")
    if not count.licence:
        sys.exit(FOUND)


# -------------------------------------------------------------------------------------------------- helpers


def quantity_of(option: str, text: str) -> int:
    """Millionths of a unit from a decimal number."""
    from decimal import Decimal, InvalidOperation

    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    millionths = found.scaleb(6) if found.is_finite() else Decimal(-1)
    if millionths < 0 or millionths > MOST_UNITS or millionths != int(millionths):
        raise Failure(f"{option} {text!r}: must be a number, not negative, with at most six decimals")
    return int(millionths)


def _grant(office: Office, design: bytes, org: int, terms: dict[str, Any], supersedes: int) -> None:
    given = tuple(terms[name] for name in _nothing())
    (event,) = office.send(office.deployment.licences.grant(design, org, given, supersedes))
    number = event["licence"]
    office.tell(f"granted: licence {number}", licence=number, design=f"0x{design.hex()}", licensee=org)


def _checkout(office: Office, number: int, hours: int) -> None:
    events = office.send(office.deployment.licences.checkout(number, hours))
    event = events[0]
    over = next((e["over"] for e in events if e.name == "SeatsOverdrawn"), 0)
    until = event["until"] or None
    text = f"seat {event['seat']}" + (f" until {moment(until)}" if until else "")
    text += f", {over} more in use than granted" if over else ""
    facts = {"account": event["account"], "seat": event["seat"], "until": until}
    office.tell(text, licence=number, **facts, seatsInUse=event["used"], over=over)


def _known(deployment: Deployment, number: int) -> Any:
    found = deployment.licences.licenceOf(number)
    if not found.licensee:
        raise Failure(f"LICENCE {number}: there is none, {deployment.licences.licenceCount()} were granted")
    return found


def _now(deployment: Deployment) -> int:
    """The time of the newest block."""
    return int(deployment.chain.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


def _nothing() -> dict[str, Any]:
    """The fields of a licence's terms, in the order of the contract."""
    counts = {"start": 0, "end": 0, "seats": 0, "seatOverdraft": 0, "seatsPerUser": 0, "borrowHours": 0}
    return {**counts, "lendable": False, "transferable": False, "units": 0, "unitOverdraft": 0}


def _made(text: str) -> tuple[bytes, int]:
    thing, equals, quantity = text.partition("=")
    return twin_of("THING", thing), quantity_of(f"THING {thing}", quantity) if equals else ONE


def _units(millionths: int) -> str:
    from decimal import Decimal

    return f"{Decimal(millionths).scaleb(-6).normalize():,f}"


def _plain(name: str, value: Any) -> Any:
    return str(value) if name in _MILLIONTHS else value


_MILLIONTHS = ("units", "unitOverdraft", "consumed")
_MOMENTS = ("start", "end", "issuedAt", "userExpires", "time", "noticeAt")


def fields_of(facts: dict[str, Any]) -> list[tuple[str, object]]:
    """Facts of a licence or meter as people read them."""

    def told(name: str, value: Any) -> object:
        if value is None or value == NOBODY:
            return "none"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if name in _MILLIONTHS:
            return _units(int(value))
        if name in _MOMENTS:
            return moment(value) if value else "none"
        if name == "seatsOfAccount":
            return (
                ", ".join(f"{k} until {moment(v) if v else 'given back'}" for k, v in value.items()) or "none"
            )
        return value

    return [(name, told(name, value)) for name, value in facts.items()]
