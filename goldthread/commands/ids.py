"""`goldthread id`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.output import Failure, print_fields, print_json

if TYPE_CHECKING:
    from goldthread.gs1 import DigitalLink

_NOT_KNOWN = "give --prefix-length: only GS1 knows how long a company prefix is"


@click.command("id")
@click.argument("text", metavar="LINK")
@click.option("--prefix-length", type=click.IntRange(4, 12), help="Digits of the GS1 company prefix.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def identify(text: str, prefix_length: int | None, as_json: bool) -> None:
    """Check what names a thing and print its canonical form, its twin id, and all other forms.

    LINK is a GS1 Digital Link in any spelling, its path alone (01/09506000134352/21/ABC), an EPC URN, the
    element string of a bar code, with brackets or raw (FNC1 is written ^), or another URI under an assigned
    authority. Exit code 2 and the broken rule for anything else.

    \b
    Example:
      goldthread id --prefix-length 7 01/9506000134352/21/ABC
      goldthread id '(01)09506000134352(10)L7(17)271231'
      goldthread id urn:epc:id:sgtin:9506000.013435.ABC
      goldthread id urn:cage:1ABC2:engine-7
    """
    from goldthread.gs1 import identify as read
    from goldthread.gs1 import namespace_of, namespace_text, twin_id

    thing = read(text)
    if prefix_length and thing.prefix_length and prefix_length != thing.prefix_length:
        raise Failure(f"--prefix-length {prefix_length}: {text} has a prefix of {thing.prefix_length} digits")
    length = prefix_length or thing.prefix_length
    link = thing.link
    result: dict[str, Any] = {"uri": thing.uri, "twin": f"0x{twin_id(thing.uri).hex()}"}
    if link is not None:
        result |= _parts(link)
        if thing.others:
            result["others"] = [{"ai": e.ai, "title": e.title, "value": e.value} for e in thing.others]
        if length:
            result |= {"prefixLength": length, "prefix": link.prefix(length)}
        result |= _forms(link, length)
    if length or link is None:
        result["namespace"] = namespace_text(thing.uri, length)
        result["namespaceHash"] = f"0x{namespace_of(thing.uri, length).hex()}"
    if as_json:
        print_json(result)
        return
    names = {
        "uri": "link" if link else "uri",
        "twin": "twin id",
        "prefixLength": "prefix length",
        "urn": "EPC URN",
        "class": "class",
        "classId": "class id",
        "classUrn": "class URN",
        "elementString": "element string",
        "bracketed": "with brackets",
        "namespaceHash": "namespace hash",
    }
    shown: list[tuple[str, object]] = []
    for name, value in result.items():
        if name == "others":
            shown += [(f"({e['ai']})", f"{e['value']}  {e['title']}") for e in value]
        elif value is not None:
            shown.append((names.get(name, name), value))
    if link is not None and not length:
        shown += [("prefix length", _NOT_KNOWN)]
    print_fields([(name, str(value).replace("\x1d", "^")) for name, value in shown])


def _parts(link: DigitalLink) -> dict[str, Any]:
    from goldthread.gs1.keys import element

    found = {"key": f"{element(link.ai).title} ({link.ai})", "value": link.value}
    if link.qualifier:
        found["qualifier"] = f"{element(link.qualifier).title} ({link.qualifier})"
        found["suffix"] = link.suffix
    return found


def _forms(link: DigitalLink, length: int) -> dict[str, Any]:
    """The other forms of a link; None for one that it does not have."""
    from goldthread.gs1 import class_of, twin_id
    from goldthread.gs1.barcodes import bracketed, element_string

    kind = class_of(link)
    found: dict[str, Any] = {}
    if length:
        found["urn"] = _urn(link, length)
    found["class"] = kind and kind.uri
    found["classId"] = kind and f"0x{twin_id(kind.uri).hex()}"
    if length:
        found["classUrn"] = kind and _urn(kind, length)
    return {**found, "elementString": element_string(link), "bracketed": bracketed(link)}


def _urn(link: DigitalLink, length: int) -> str | None:
    from goldthread.gs1 import IdError, to_urn

    try:
        return to_urn(link, length)
    except IdError:
        return None
