"""GS1 element strings: what a bar code holds, raw or written with brackets, and the link that it identifies.

biip takes a string apart, with its table of all application identifiers; `goldthread.gs1.keys` checks what
identifies a thing. FNC1, which ends a value of variable length, is the character 0x1D, or `^` where that can
be written or typed more easily: neither can be part of a value. With brackets, `(` in a value is `\\(`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from biip import ParseConfig, ParseError
from biip.gs1_element_strings import GS1ElementString
from biip.gs1_messages import GS1Message
from biip.symbology import GS1Symbology, SymbologyIdentifier

from goldthread.gs1 import keys
from goldthread.gs1.keys import IdError
from goldthread.gs1.links import DigitalLink

FNC1 = "\x1d"
SEPARATORS = (FNC1, "^")

_FIELD = "element string"
_CONFIG = ParseConfig(separator_chars=SEPARATORS)
_BRACKETED = re.compile(r"\(([0-9]{2,4})\)((?:[^(\\]|\\[(\\])*)")
_ESCAPED = re.compile(r"\\(.)")
_OF_A_LOGISTIC_UNIT = ("401", "402")
"""Keys of the consignment and shipment that an SSCC may be printed with."""


@dataclass(frozen=True)
class Element:
    """An application identifier with its value; `title` is GS1's, such as `USE BY OR EXPIRY`."""

    ai: str
    title: str
    value: str


@dataclass(frozen=True)
class Scan:
    """What a bar code says: the thing, and the other elements (expiry, weight ...) in their order."""

    link: DigitalLink
    others: tuple[Element, ...]


def parse(text: str) -> Scan:
    """Read an element string: raw with or without a symbology identifier (`]d2`), or with brackets.

    Raises `IdError` for what is no element string, has an element twice with different values, or identifies
    no thing or several.
    """
    found: list[Element] = []
    for element in _elements(text):
        same = next((other for other in found if other.ai == element.ai), None)
        if same is None:
            found.append(element)
        elif same.value != element.value:
            raise IdError(_FIELD, text, f"has ({element.ai}) as {same.value!r} and as {element.value!r}")
    given = [element.ai for element in found if element.ai in keys.primary_keys()]
    if "00" in given:
        given = [ai for ai in given if ai not in _OF_A_LOGISTIC_UNIT]
    if len(given) != 1:
        number = f"several GS1 keys, {', '.join(given)}: which one is meant?" if given else "no GS1 key"
        raise IdError(_FIELD, text, f"has {number}")
    values = {element.ai: element.value for element in found}
    # In a bar code the elements may stand in any order, in a link they may not.
    sequences = keys.element(given[0]).qualifiers
    allowed = {ai for sequence in sequences for ai in sequence}
    present = {ai for ai in values if ai in allowed}
    sequence = next((s for s in sequences if present <= set(s)), tuple(present))
    qualifiers = [(ai, values[ai]) for ai in sequence if ai in present]
    link = DigitalLink.of(given[0], values[given[0]], *qualifiers)
    identity = (link.ai, link.qualifier)
    return Scan(link, tuple(element for element in found if element.ai not in identity))


def element_string(link: DigitalLink) -> str:
    """The link as a bar code holds it, with the character 0x1D for FNC1."""
    return str(GS1Message.from_element_strings([_element(ai, v) for ai, v in _pairs(link)]).value)  # type: ignore[arg-type]


def bracketed(link: DigitalLink) -> str:
    """The link as it is printed below a bar code: `(01)09506000134352(21)ABC`."""
    return "".join(f"({ai}){value.replace('(', chr(92) + '(')}" for ai, value in _pairs(link))


def _pairs(link: DigitalLink) -> list[tuple[str, str]]:
    return [(link.ai, link.value), *([(link.qualifier, link.suffix)] if link.qualifier else [])]


def _elements(text: str) -> list[Element]:
    if text.startswith("("):
        return _bracketed(text)
    raw = text
    if text.startswith("]"):
        try:
            symbology = SymbologyIdentifier.extract(text)
        except (ParseError, IndexError):  # the latter where the text ends too soon
            raise IdError(_FIELD, text, f"{text[:3]} is no symbology identifier") from None
        raw = text[len(symbology) :]
        if symbology.gs1_symbology in GS1Symbology.with_gtin():
            return [Element("01", "GTIN", keys.pad_gtin(raw))]
        if symbology.gs1_symbology not in GS1Symbology.with_gs1_messages():
            raise IdError(_FIELD, text, f"{text[:3]} is no symbology of GS1")
    try:
        found = GS1Message.parse(raw.lstrip("".join(SEPARATORS)), config=_CONFIG).element_strings
    except ParseError as error:
        raise IdError(_FIELD, text, _reason(error)) from None
    return [_told(element) for element in found]


def _bracketed(text: str) -> list[Element]:
    found, place = [], 0
    # Blanks are there for the eye; no value has one.
    written = text.replace(" ", "")
    while place < len(written):
        match = _BRACKETED.match(written, place)
        if match is None:
            rule = r"must be (01)...(21)... to its end; an opening bracket in a value is written \("
            raise IdError(_FIELD, text, rule)
        found.append(_told(_element(match[1], _ESCAPED.sub(r"\1", match[2]), text)))
        place = match.end()
    return found


def _element(ai: str, value: str, text: str | None = None) -> GS1ElementString:
    try:
        found = GS1ElementString.parse(ai + value, config=_CONFIG)
    except ParseError as error:
        raise IdError(_FIELD, text or ai + value, _reason(error)) from None
    if found.ai.ai != ai:
        raise IdError(_FIELD, text or ai + value, f"({ai}) is no application identifier")
    return found


def _told(element: GS1ElementString) -> Element:
    return Element(element.ai.ai, element.ai.data_title, element.value)


def _reason(error: ParseError) -> str:
    return str(error).rstrip(".")
