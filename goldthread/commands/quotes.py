"""`goldthread quote`."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from goldthread.commands.output import Failure, print_json, print_table, read_json


@click.command()
@click.argument("terms_file", metavar="TERMS", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--metres", type=click.IntRange(0), default=0, help="Metres driven.")
@click.option("--night", type=click.IntRange(0), default=0, help="Of these, metres at night.")
@click.option("--speeding", type=click.IntRange(0), default=0, help="Of these, metres driven too fast.")
@click.option("--brakes", type=click.IntRange(0), default=0, help="Harsh brakes.")
@click.option("--accels", type=click.IntRange(0), default=0, help="Harsh accelerations.")
@click.option("--corners", type=click.IntRange(0), default=0, help="Harsh corners.")
@click.option("--phone", type=click.IntRange(0), default=0, help="Uses of the phone.")
@click.option("--seconds", type=click.IntRange(1), help="Seconds of cover (default: a whole period).")
@click.option("--tier", type=click.IntRange(0), default=1_000_000, help="Tier in ppm (default: 1000000).")
@click.option("--decimals", type=click.IntRange(0, 36), default=0, help="Decimals of the token, for display.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def quote(
    terms_file: Path, seconds: int | None, tier: int, decimals: int, as_json: bool, **counted: int
) -> None:
    """Compute the premium of a period from terms and counters, and how it came about.

    TERMS is a JSON file with the fields of the contract's terms (base, period, rate, rateDistance, ...);
    those with a default may be left out. Money is in token units, factors are in parts per million.

    \b
    Example:
      goldthread quote terms.json --metres 1200000 --night 150000 --brakes 6 --decimals 6
    """
    from decimal import Decimal

    from goldthread.rules import premium as rule

    terms = _terms(terms_file)
    for part in ("night", "speeding"):
        if counted[part] > counted["metres"]:
            raise Failure(f"--{part} {counted[part]}: exceeds the {counted['metres']} metres driven")
    counters = rule.Counters(**counted)
    duration = terms.period if seconds is None else seconds
    if duration > terms.period:
        raise Failure(f"--seconds {duration}: a period has {terms.period} seconds")
    base = rule.for_time(terms.base, duration, terms.period)
    weighted = rule.weighted_metres(terms, counters)
    usage = terms.rate * tier * 1000 * weighted // (terms.rate_distance * rule.ONE * rule.ONE)
    least = rule.for_time(terms.minimum, duration, terms.period)
    most = rule.maximum(terms, duration)
    charge = rule.premium(terms, counters, duration, tier)
    result = {
        "seconds": duration,
        "tier": tier,
        "weightedMetres": str(Decimal(weighted) / rule.ONE),
        "base": base,
        "usage": usage,
        "minimum": least,
        "maximum": most,
        "premium": charge,
        "nextTier": rule.next_tier(terms, counters),
    }
    if as_json:
        print_json(result)
        return

    def money(amount: int) -> str:
        return f"{Decimal(amount).scaleb(-decimals):,f}"

    def metres(millionths: int) -> str:
        return f"{Decimal(millionths) / rule.ONE:,f} m"

    rows = [("driven", f"{counters.metres:,} m", metres(counters.metres * rule.ONE))]
    for name, weight in (("night", terms.night_weight), ("speeding", terms.speeding_weight)):
        rows.append(
            (name, f"{counted[name]:,} m × {Decimal(weight) / rule.ONE}", metres(counted[name] * weight))
        )
    for name in ("brake", "accel", "corner", "phone"):
        count = counted[name if name == "phone" else f"{name}s"]
        each = getattr(terms, f"{name}_metres")
        rows.append(
            (
                f"harsh {name}s" if name != "phone" else "phone",
                f"{count:,} × {each:,} m",
                metres(count * each * rule.ONE),
            )
        )
    distance = f"{money(terms.rate)} each {Decimal(terms.rate_distance) / 1000:,f} m"
    rows += [
        ("weighted", "sum of these", metres(weighted)),
        ("usage", f"{distance} × tier {Decimal(tier) / rule.ONE}", money(usage)),
        ("base", f"for {duration:,} s", money(base)),
        ("bounds", "least and most for this time", f"{money(least)} to {money(most)}"),
        ("premium", "base + usage, within the bounds", money(charge)),
        ("next tier", "from these counters", f"{Decimal(result['nextTier']) / rule.ONE:f}"),
    ]
    print_table(("", "how", "is"), rows)


def _terms(path: Path) -> Any:
    """The terms in a file, under the names of the contract or of Python."""
    from goldthread.chain.abi import camel
    from goldthread.rules.premium import Terms

    data = read_json(path)
    names = {camel(field.name): field.name for field in fields(Terms)}
    values: dict[str, int] = {}
    for name, value in data.items():
        field = names.get(camel(name))
        if field is None:
            raise Failure(f"{path}: {name} is none of the terms: {', '.join(names)}")
        if not isinstance(value, int) or isinstance(value, bool):
            raise Failure(f"{path}: {name} is {json.dumps(value)}, must be a whole number")
        values[field] = value
    try:
        return Terms(**values)
    except TypeError as error:
        raise Failure(f"{path}: {str(error).split('__init__() ')[-1]}") from None
    except ValueError as error:
        raise Failure(f"{path}: {error}") from None
