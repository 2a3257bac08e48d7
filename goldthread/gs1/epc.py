"""EPC URNs, both ways: `urn:epc:id:sgtin:9506000.013435.1` is `https://id.gs1.org/01/09506000134352/21/1`.

The schemes and their digits are those of the EPC Tag Data Standard, section 6.3. A URN splits the number
after the GS1 company prefix and drops the check digit; a link says nothing about the prefix, so that the way
back needs its length. Ids of twins are made of links only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from goldthread.gs1 import keys
from goldthread.gs1.keys import IdError, check_digit
from goldthread.gs1.links import DigitalLink, check_escapes

_IN_KEY = "key"

_UNESCAPED = "!'()*+,:;="
"""What stands as it is in a URN and not in a canonical link, besides letters, digits and `-._~`."""

_PREFIX = re.compile(r"[0-9]{6,12}")
_PIECE = re.compile(r"[0-9]{2}")


@dataclass(frozen=True)
class Scheme:
    """An EPC scheme: `urn:epc:{kind}:{name}:{prefix}.{reference}[.{piece}.{total}][.{serial}]`.

    `digits` is how many prefix and reference have together, 0 where the reference is text. `serial` says
    where the last field stands in a link: behind the key (`key`) or under an application identifier of its
    own; "" if there is none. `has_class` schemes have a pattern for all serials, `urn:epc:idpat:{name}:...*`.
    """

    name: str
    ai: str
    digits: int = 0
    serial: str = ""
    has_class: bool = False
    kind: str = "id"

    @property
    def parts(self) -> int:
        """Fields of a URN, between its dots."""
        return 2 + (2 if self.ai == "8006" else 0) + bool(self.serial)

    @property
    def number(self) -> int:
        """Digits at the start of the key's value, with the check digit."""
        return self.digits + 1 + (self.ai == "8003") if self.digits else 0


SCHEMES = (
    Scheme("sgtin", "01", 13, "21", has_class=True),
    Scheme("upui", "01", 13, "235", has_class=True),
    Scheme("lgtin", "01", 13, "10", kind="class"),
    Scheme("sscc", "00", 17),
    Scheme("sgln", "414", 12, "254"),
    Scheme("pgln", "417", 12),
    Scheme("grai", "8003", 12, _IN_KEY, has_class=True),
    Scheme("giai", "8004"),
    Scheme("cpi", "8010", 0, "8011", has_class=True),
    Scheme("gsrn", "8018", 17),
    Scheme("gsrnp", "8017", 17),
    Scheme("gdti", "253", 12, _IN_KEY, has_class=True),
    Scheme("sgcn", "255", 12, _IN_KEY, has_class=True),
    Scheme("ginc", "401"),
    Scheme("gsin", "402", 16),
    Scheme("itip", "8006", 13, "21", has_class=True),
)
"""Every scheme of a GS1 key, the one first that a class of the key is written in."""


def from_urn(urn: str) -> tuple[DigitalLink, int]:
    """The link of an EPC URN, and the length of the company prefix in it.

    Raises `IdError` for anything but a URN of one of the schemes, with the reason.
    """
    check_escapes("EPC URN", urn)
    scheme, is_pattern = _scheme(urn)
    # The serial is the last field and may itself have dots.
    body = urn.split(":", 4)[4]
    fields = body.split(".", scheme.parts - 1)
    if len(fields) != scheme.parts:
        raise IdError("EPC URN", urn, f"has {len(fields)} fields behind the scheme, must have {scheme.parts}")
    serial = fields.pop() if scheme.serial else ""
    if is_pattern:
        if serial != "*":
            raise IdError("EPC URN", urn, f"a pattern ends with .*, not with {serial!r}")
        serial = ""
    elif scheme.serial and not serial:
        raise IdError("EPC URN", urn, "has an empty serial number or extension")
    prefix, reference, *pieces = fields
    if not _PREFIX.fullmatch(prefix):
        raise IdError("EPC URN", urn, f"company prefix {prefix!r} must have 6 to 12 digits")
    if any(not _PIECE.fullmatch(piece) for piece in pieces):
        raise IdError("EPC URN", urn, "piece and total must have 2 digits each")
    reference, serial = unquote(reference, errors="replace"), unquote(serial, errors="replace")
    value = _value(scheme, urn, prefix, reference) + "".join(pieces)
    if scheme.serial == _IN_KEY:
        value, serial = value + serial, ""
    if scheme.name == "sgln" and serial == "0":  # no extension
        serial = ""
    qualifier = scheme.serial if serial else ""
    return DigitalLink(scheme.ai, value, qualifier, serial), len(prefix)


def to_urn(link: DigitalLink, prefix_length: int) -> str:
    """The EPC URN of a link, given how many digits (6 to 12) the GS1 company prefix has.

    A link without a serial number gets the pattern of its class. Raises `IdError` where there is no URN.
    """
    field = f"{keys.element(link.ai).title} ({link.ai})"
    scheme = scheme_of(link)
    if scheme is None:
        qualifier = f" with {keys.element(link.qualifier).title} ({link.qualifier})" if link.qualifier else ""
        raise IdError(field, str(link), f"has no EPC URN{qualifier}")
    if not 6 <= prefix_length <= 12:
        raise IdError(
            "prefix length", str(prefix_length), "the company prefix of an EPC URN has 6 to 12 digits"
        )
    prefix = link.prefix(prefix_length)
    start = keys.element(link.ai).prefix or 0
    if scheme.digits:
        number = link.value[: scheme.number]
        indicator = number[:start] if scheme.ai != "8003" else ""
        reference = indicator + number[start + prefix_length : -1]
        rest = link.value[scheme.number :]
    else:
        reference, rest = link.value[prefix_length:], ""
        if not reference:
            raise IdError(field, link.value, "has nothing behind the company prefix, as an EPC URN must")
    pieces = [rest[:2], rest[2:]] if scheme.ai == "8006" else []
    serial = rest if scheme.serial == _IN_KEY else link.suffix
    kind = scheme.kind
    if scheme.serial and is_class(link) and kind == "id":
        kind, serial = "idpat", "*"
    elif scheme.name == "sgln":
        if serial == "0":
            raise IdError(
                f"{keys.element('254').title} (254)", serial, "is how an EPC URN says that there is none"
            )
        serial = serial or "0"
    tail = [serial if kind == "idpat" else quote(serial, safe=_UNESCAPED)] if scheme.serial else []
    fields = [prefix, quote(reference, safe=_UNESCAPED), *pieces, *tail]
    return f"urn:epc:{kind}:{scheme.name}:{'.'.join(fields)}"


def scheme_of(link: DigitalLink) -> Scheme | None:
    """The scheme in which the link or its pattern is written; None for a global model number and for a lot of
    pieces, which have none.
    """
    found = [scheme for scheme in SCHEMES if scheme.ai == link.ai]
    if not link.qualifier:
        return found[0] if found else None
    return next((scheme for scheme in found if scheme.serial == link.qualifier), None)


def is_class(link: DigitalLink) -> bool:
    """Does the link name a kind or a lot of things, and not one thing?"""
    scheme = scheme_of(link)
    if scheme is None or scheme.kind == "class":
        return True
    if not scheme.has_class:
        return False
    return len(link.value) == scheme.number if scheme.serial == _IN_KEY else not link.qualifier


def class_of(link: DigitalLink) -> DigitalLink | None:
    """What the link is an instance of: its GTIN, its GRAI without the serial number and so on. None for what
    has no class, such as an SSCC or a location; a GTIN and a model number are their own.
    """
    scheme = scheme_of(DigitalLink(link.ai, link.value))
    if scheme is None:
        return link
    if not scheme.has_class:
        return None
    return DigitalLink(link.ai, link.value[: scheme.number] if scheme.serial == _IN_KEY else link.value)


def _scheme(urn: str) -> tuple[Scheme, bool]:
    """The scheme of a URN, and whether it is a pattern."""
    parts = urn.split(":", 4)
    if len(parts) < 5 or parts[:2] != ["urn", "epc"]:
        raise IdError("EPC URN", urn, "must be of the form urn:epc:id:{scheme}:{number}, in lower case")
    _, _, kind, name, _ = parts
    for scheme in SCHEMES:
        if scheme.name == name and kind == scheme.kind:
            return scheme, False
        if scheme.name == name and kind == "idpat" and scheme.has_class:
            return scheme, True
    known = [f"{s.kind}:{s.name}" for s in SCHEMES] + [f"idpat:{s.name}" for s in SCHEMES if s.has_class]
    raise IdError("EPC URN", urn, f"{kind}:{name} is none of {', '.join(known)}")


def _value(scheme: Scheme, urn: str, prefix: str, reference: str) -> str:
    """The start of the key's value: with its check digit, the indicator in front."""
    if not scheme.digits:
        if not reference:
            raise IdError("EPC URN", urn, "has an empty reference")
        return prefix + reference
    if len(prefix) + len(reference) != scheme.digits or not re.fullmatch(r"[0-9]*", reference):
        rule = f"prefix and reference of {scheme.name} must have {scheme.digits} digits together"
        raise IdError("EPC URN", urn, rule)
    number = prefix + reference
    if scheme.ai == "8003":
        number = "0" + number
    elif keys.element(scheme.ai).prefix:
        number = reference[:1] + prefix + reference[1:]
    return number + str(check_digit(number))
