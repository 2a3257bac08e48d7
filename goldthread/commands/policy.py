"""`goldthread policy`: the rules of the standards as templates, registered and set on a twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from goldthread.commands.options import (
    Office,
    json_option,
    sends,
    twin_of,
)
from goldthread.commands.output import Failure, Group, moment, print_fields, print_json, print_table

if TYPE_CHECKING:
    from goldthread.rules.conditions import Rule
    from goldthread.rules.templates import Template


@click.group(cls=Group)
def policy() -> None:
    """Limits on the readings of a twin: templates from the standards, and setting them."""


@policy.command()
@json_option
def templates(as_json: bool) -> None:
    """List the templates that come with this package.

    \b
    Example:
      goldthread policy templates
    """
    from goldthread.rules.templates import templates as known

    found = known().values()
    if as_json:
        print_json([{"name": t.name, "version": t.version, "title": t.title} for t in found])
        return
    rows = [(t.name, t.version, len(t.rules), t.title) for t in found]
    print_table(("template", "version", "rules", "for"), rows)


@policy.command()
@click.argument("name", metavar="TEMPLATE")
@json_option
def show(name: str, as_json: bool) -> None:
    """Print the rules of a template, in words and as the contracts take them, with their sources.

    \b
    Example:
      goldthread policy show usp-2-to-8
    """
    found = _template(name)
    if as_json:
        rules = [
            {"rule": _said(rule), "source": source, "word": str(rule.pack())}
            for rule, source in zip(found.rules, found.sources, strict=True)
        ]
        about = {"name": found.name, "version": found.version, "title": found.title, "source": found.source}
        print_json({**about, "rulesHash": f"0x{found.rules_hash.hex()}", "rules": rules})
        return
    print_fields(
        [
            ("template", f"{found.name}, version {found.version}"),
            ("for", found.title),
            ("source", found.source),
            ("rules hash", f"0x{found.rules_hash.hex()}"),
        ]
    )
    rows = [(_said(rule), source) for rule, source in zip(found.rules, found.sources, strict=True)]
    print_table(("broken by", "because"), rows)


@policy.command()
@click.argument("names", metavar="TEMPLATE...", nargs=-1, required=True)
@sends
def register(office: Office, names: Sequence[str]) -> None:
    """Register templates under your organisation's number (duty QUALITY). What is registered is left alone.

    \b
    Example:
      goldthread policy register usp-2-to-8 --deployment deployments/31337.json --keystore quality.json
    """
    chosen = [_template(name) for name in names]
    deployment = office.deployment
    sender = office.sender()
    org = deployment.consortium.accountOf(sender.address).org
    done = []
    for template in chosen:
        identifier = template.id(org)
        known = deployment.templates.rulesHash(identifier)
        if known not in (bytes(32), template.rules_hash):
            raise Failure(f"{template.name}: organisation {org} has registered other rules as this version")
        if not any(known):
            arguments = template.name, template.version, template.words
            sender.send(deployment.templates.register(*arguments))
        done.append((template, identifier, not any(known)))
    if office.as_json:
        print_json(
            [
                {"name": t.name, "version": t.version, "templateId": f"0x{i.hex()}", "registered": new}
                for t, i, new in done
            ]
        )
        return
    for template, identifier, new in done:
        state = "registered" if new else "was registered before"
        click.echo(f"{template.name}, version {template.version}: {state} as 0x{identifier.hex()}")


@policy.command("set")
@click.argument("subject", metavar="TWIN")
@click.option("--template", "name", required=True, help="The template with the rules.")
@click.option("--device", "devices", multiple=True, required=True, help="A device whose readings count.")
@click.option(
    "--start",
    type=click.IntRange(0),
    help="From when on they count, unix seconds (default: a minute from now).",
)
@click.option("--max-interval", type=click.IntRange(1), required=True, help="Longest time between readings.")
@click.option("--max-silence", type=click.IntRange(0), default=0, help="Longest silence (default: any).")
@sends
def set_(
    office: Office,
    subject: str,
    name: str,
    devices: Sequence[str],
    start: int | None,
    max_interval: int,
    max_silence: int,
) -> None:
    """Set the rules of a template as your organisation's policy on a twin (duty QUALITY).

    TWIN and devices are links, other URIs or ids. Times are seconds.

    \b
    Example:
      goldthread policy set 00/095060001343525012 --template usp-2-to-8 --device 8004/9506000LOGGER1
        --max-interval 900 --deployment deployments/31337.json --keystore quality.json
    """
    from goldthread.rules.conditions import Policy

    template, twin = _template(name), twin_of("TWIN", subject)
    loggers = tuple(twin_of("--device", device) for device in devices)
    deployment = office.deployment
    sender = office.sender()
    contract = deployment.conditions
    org = deployment.consortium.accountOf(sender.address).org
    identifier = contract.policyIdOf(twin, org)
    version = contract.policyState(identifier).version + 1
    # The block that takes it may be some seconds later, and a policy begins in no past.
    latest = deployment.chain.rpc("eth_getBlockByNumber", "latest", False)
    begin = int(latest["timestamp"], 16) + 60 if start is None else start
    terms = Policy(twin, org, version, begin, max_interval, max_silence, loggers, template.rules)
    sender.send(contract.setPolicy(terms.to_contract()))
    if office.as_json:
        about = {"policyId": f"0x{identifier.hex()}", "version": version, "start": begin}
        print_json({**about, "template": template.name, "templateVersion": template.version})
        return
    print_fields(
        [
            ("policy", f"0x{identifier.hex()}"),
            ("version", version),
            ("from", moment(begin)),
            ("rules", f"{template.name}, version {template.version}"),
        ]
    )


def _template(name: str) -> Template:
    from goldthread.rules.templates import templates as known

    if name not in known():
        raise Failure(f"TEMPLATE {name!r}: must be one of {', '.join(known())}")
    return known()[name]


def _said(rule: Rule) -> str:
    """A rule for people."""
    from goldthread.rules.conditions import Kind
    from goldthread.rules.readings import QUANTITIES

    of = QUANTITIES[rule.quantity]
    limit = f"at or {'above' if rule.limit.high else 'below'} {of.text(rule.limit.value)}"
    time = _time(rule.duration)
    match rule.kind:
        case Kind.INSTANT:
            return f"a reading {limit}"
        case Kind.CONSECUTIVE:
            return f"{time} without a break {limit}"
        case Kind.CUMULATIVE:
            return f"{time} altogether {limit}"
        case Kind.GAP:
            return f"{time} in gaps"
        case Kind.BAND_BUDGET:
            return f"{time} altogether {limit} and below {of.text(rule.upper)}"
        case Kind.MKT:
            window = f"over the last {time}" if rule.upper else f"since the start, from {time} on"
            return f"a mean kinetic temperature above {of.text(rule.limit.value)} {window}"
        case Kind.COUNT:
            return f"excursion number {rule.duration} {limit}"
        case Kind.SEQUENCE:
            return f"firmware in state {rule.limit.value} or worse"


def _time(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds % size == 0 and seconds:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
