"""`goldthread id`."""

from __future__ import annotations

from typing import Any

import click

from goldthread.commands.output import print_fields, print_json


@click.command("id")
@click.argument("text", metavar="LINK")
@click.option("--prefix-length", type=click.IntRange(4, 12), help="Digits of the GS1 company prefix.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def identify(text: str, prefix_length: int | None, as_json: bool) -> None:
    """Check a GS1 key or link and print its canonical form and twin id.

    LINK is a GS1 Digital Link in any spelling, its path alone (01/09506000134352/21/ABC), or another URI
    under an assigned authority. Exit code 2 and the broken rule for anything else.

    \b
    Example:
      goldthread id --prefix-length 7 01/9506000134352/21/ABC
      goldthread id urn:cage:1ABC2:engine-7
    """
    from goldthread.gs1 import DigitalLink, canonical, namespace_of, namespace_text, twin_id
    from goldthread.gs1.keys import element

    if ":" not in text:
        text = f"https://id.gs1.org/{text.removeprefix('/')}"
    uri = canonical(text)
    result: dict[str, Any] = {"uri": uri, "twin": f"0x{twin_id(uri).hex()}"}
    is_link = uri.startswith("https://id.gs1.org/")
    if is_link:
        link = DigitalLink.parse(uri)
        result |= {"key": f"{element(link.ai).title} ({link.ai})", "value": link.value}
        if link.qualifier:
            result |= {
                "qualifier": f"{element(link.qualifier).title} ({link.qualifier})",
                "suffix": link.suffix,
            }
        if prefix_length:
            result["prefix"] = link.prefix(prefix_length)
    if prefix_length or not is_link:
        length = prefix_length or 0
        result["namespace"] = namespace_text(uri, length)
        result["namespaceHash"] = f"0x{namespace_of(uri, length).hex()}"
    if as_json:
        print_json(result)
        return
    shown = [
        ("link" if is_link else "uri", result["uri"]),
        ("twin id", result["twin"]),
        *(
            (name, result[name])
            for name in ("key", "value", "qualifier", "suffix", "prefix")
            if name in result
        ),
    ]
    if "namespace" in result:
        shown += [("namespace", result["namespace"]), ("namespace hash", result["namespaceHash"])]
    else:
        shown += [("namespace", "give --prefix-length: only GS1 knows how long a company prefix is")]
    print_fields(shown)
