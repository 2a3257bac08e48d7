"""`goldthread licence meter`: use that a machine signs its counter of, paid from a balance."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.documents import prepared, sign, submit
from goldthread.commands.licence import NOBODY, fields_of, licence_argument, out_option
from goldthread.commands.options import (
    Decorator,
    Office,
    address_of,
    bytes32_of,
    deployment_option,
    json_option,
    named,
    open_deployment,
    rpc_option,
    sends,
    signer_bytes,
    time_of,
    twin_of,
)
from goldthread.commands.output import Failure, Group, moment, print_fields, print_json

if TYPE_CHECKING:
    pass

_meter: Decorator = click.argument("meter_id", metavar="METER")


@click.group(cls=Group)
def meter() -> None:
    """Meter what is used, paid from a balance. Amounts are in base units of the token."""


meter.add_command(sign)
meter.add_command(submit)


@meter.command("open")
@licence_argument
@click.argument("instance")
@click.option("--signer", "signer_text", metavar="HEX", help="Its own ERC-7913 signer (default: a device's).")
@click.option("--payee", required=True, metavar="ADDRESS", help="Gets what is paid.")
@click.option("--price", required=True, type=click.IntRange(1, 2**96 - 1), help="Of one step of the counter.")
@click.option("--counter", type=click.IntRange(0, 2**64 - 1), default=0, help="Where it stands (default: 0).")
@sends
def open_(
    office: Office,
    number: int,
    instance: str,
    signer_text: str | None,
    payee: str,
    price: int,
    counter: int,
) -> None:
    """Open a meter for INSTANCE, a device or a name, that uses LICENCE. By the owner of the design.

    \b
    Example:
      goldthread licence meter open 3 8004/9506000PRINTER --payee 0x... --price 2500000
        --deployment deployments/31337.json --keystore finance.json
    """
    from goldthread.hashing import keccak

    device = signer_text is None
    key = bytes(32) if signer_text is None else keccak(signer_bytes("--signer", signer_text))
    id_ = twin_of("INSTANCE", instance) if device else named("INSTANCE", instance)
    whom = address_of("--payee", payee)
    terms = number, id_, key, whom, price, counter, secrets.token_bytes(32)
    (event,) = office.send(office.deployment.usage_meters.openMeter(terms))
    opened = f"0x{event['meter'].hex()}"
    office.tell(f"opened: meter {opened}", meter=opened, licence=number, instance=f"0x{id_.hex()}")


@meter.command()
@_meter
@click.argument("amount", type=click.IntRange(1, 2**128 - 1))
@sends
def fund(office: Office, meter_id: str, amount: int) -> None:
    """Pay AMOUNT into METER; debts are paid of it first. By the licensee's finance, later by who paid first.

    What the meters' contract may take is raised by as much, if it may not take so much yet.

    \b
    Example:
      goldthread licence meter fund 0x... 500000000 --deployment deployments/31337.json
        --keystore finance.json
    """
    id_ = bytes32_of("METER", meter_id)
    office.allow(office.deployment.usage_meters, amount)
    event, *_ = office.send(office.deployment.usage_meters.fund(id_, amount))
    settled = event["settled"]
    text = f"paid in, of which {settled} paid debts" if settled else "paid in"
    office.tell(text, meter=meter_id, amount=str(amount), settled=str(settled))


@meter.command()
@_meter
@click.argument("counter", type=click.IntRange(1, 2**64 - 1))
@click.option("--time", "signed_at", metavar="TIME", help="When it is read (default: now).")
@deployment_option()
@out_option
def reading(
    meter_id: str, counter: int, signed_at: str | None, deployment_file: Path, out: Path | None
) -> None:
    """Prepare a reading of METER, for the instance to sign; anyone submits it.

    \b
    Example:
      goldthread licence meter reading 0x... 1250 --deployment deployments/31337.json --out reading.json
    """
    import time

    from goldthread.chain.manifest import Manifest

    read_at = int(time.time()) if signed_at is None else time_of("--time", signed_at)
    message = {"meter": bytes32_of("METER", meter_id), "counter": counter, "time": read_at}
    prepared("MeterReading", Manifest.load(deployment_file), message, out)


@meter.command()
@_meter
@sends
def notice(office: Office, meter_id: str) -> None:
    """Give notice that METER will be closed. By who pays for it.

    \b
    Example:
      goldthread licence meter notice 0x... --deployment deployments/31337.json --keystore finance.json
    """
    contract = office.deployment.usage_meters
    (event,) = office.send(contract.giveNotice(bytes32_of("METER", meter_id)))
    until = event["noticeAt"] + contract.NOTICE_PERIOD()
    office.tell(f"may be closed from {moment(until)}", meter=meter_id, until=until)


@meter.command()
@_meter
@sends
def close(office: Office, meter_id: str) -> None:
    """Close METER; the rest is credited to who paid. By the payee, or by who paid after its notice.

    \b
    Example:
      goldthread licence meter close 0x... --deployment deployments/31337.json --keystore finance.json
    """
    (event,) = office.send(office.deployment.usage_meters.closeMeter(bytes32_of("METER", meter_id)))
    rest, debt = event["rest"], event["debt"]
    office.tell(
        f"closed: {rest} for {event['payer']}, {debt} owed", meter=meter_id, rest=str(rest), debt=str(debt)
    )


@meter.command()
@sends
def withdraw(office: Office) -> None:
    """Take out all that meters have credited to the sender.

    \b
    Example:
      goldthread licence meter withdraw --deployment deployments/31337.json --keystore payee.json
    """
    event, *_ = office.send(office.deployment.usage_meters.withdrawCredit())
    office.tell(f"{event['amount']} taken out", account=event["account"], amount=str(event["amount"]))


@meter.command()
@_meter
@deployment_option()
@rpc_option
@json_option
def show(meter_id: str, deployment_file: Path, rpc: str, as_json: bool) -> None:
    """Print where METER stands: counter, balance, debt. Exit code 1 if something is owed.

    \b
    Example:
      goldthread licence meter show 0x... --deployment deployments/31337.json
    """
    import sys

    from goldthread.commands.output import FOUND

    deployment = open_deployment(deployment_file, rpc)
    found = deployment.usage_meters.meterOf(bytes32_of("METER", meter_id))
    if not found.price:
        raise Failure(f"METER {meter_id}: was never opened")
    facts: dict[str, Any] = {
        "meter": meter_id,
        "licence": found.licence,
        "instance": f"0x{found.instance.hex()}",
        "signerHash": f"0x{found.signerHash.hex()}" if any(found.signerHash) else None,
        "payee": found.payee,
        "payer": None if found.payer == NOBODY else found.payer,
        "price": str(found.price),
        "counter": str(found.counter),
        "time": found.time or None,
        "balance": str(found.balance),
        "debt": str(found.debt),
        "noticeAt": found.noticeAt or None,
        "closed": found.closed,
    }
    if as_json:
        print_json(facts)
    else:
        print_fields(fields_of(facts))
    if found.debt:
        sys.exit(FOUND)
