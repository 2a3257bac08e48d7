"""GS1 Digital Links and other URIs of things: parsing, the canonical form, twin ids and namespaces.

The canonical form of a link is `https://id.gs1.org/{key}/{value}[/{qualifier}/{value}]`: GTINs with 14
digits, everything but letters, digits and `-._~` percent-encoded with uppercase hex digits, of the
qualifiers the finest that makes it another thing (a serial number, else a lot number), no query and no
fragment. It is the form that EPCIS event hashes use, so that a bar code, a link of somebody's own domain and
an event all lead to the same twin. The functions at the end are those of contracts/libraries/Ids.sol.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from goldthread.gs1 import keys
from goldthread.gs1.keys import IdError
from goldthread.hashing import keccak

STEM = "https://id.gs1.org/"
"""How every canonical Digital Link starts."""

_ALIASES = {
    "cpid": "8010",
    "cpsn": "8011",
    "cpv": "22",
    "gcn": "255",
    "gdti": "253",
    "giai": "8004",
    "ginc": "401",
    "gln": "414",
    "glnx": "254",
    "gmn": "8013",
    "grai": "8003",
    "gsin": "402",
    "gsrn": "8018",
    "gsrnp": "8017",
    "gtin": "01",
    "itip": "8006",
    "lot": "10",
    "party": "417",
    "ser": "21",
    "srin": "8019",
    "sscc": "00",
}
"""Names that older links have in the place of numbers (Digital Link 1.1, withdrawn since)."""

_SCHEME = re.compile(r"(?:https?|HTTPS?)://")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_URI = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class DigitalLink:
    """The identity of a thing under a GS1 key; `str` gives the canonical link.

    The fields are not percent-encoded.
    `qualifier` is the application identifier behind the key (`21` serial number, `10` lot number, `254`
    extension, `8011` ...) with its value in `suffix`, both empty for a key alone.
    Raises `IdError` for values that the GS1 General Specifications do not allow.
    """

    ai: str
    value: str
    qualifier: str = ""
    suffix: str = ""

    def __post_init__(self) -> None:
        entry = keys.element(self.ai)
        if entry.prefix is None:
            raise IdError(
                "Digital Link", self.ai, f"a link starts with one of {', '.join(keys.primary_keys())}"
            )
        keys.validate(self.ai, self.value)
        if self.qualifier:
            if self.qualifier not in entry.identity:
                raise IdError("Digital Link", self.qualifier, f"makes no identifier behind {self.ai}")
            keys.validate(self.qualifier, self.suffix)
        elif self.suffix:
            raise IdError("Digital Link", self.suffix, "stands behind no application identifier")

    @classmethod
    def of(cls, ai: str, value: str, *qualifiers: tuple[str, str]) -> DigitalLink:
        """From application identifiers and values as a bar code has them; short GTINs get their zeros.

        `DigitalLink.of("01", "9506000134352", ("21", "ABC"))`. Qualifiers that do not make it another thing
        are checked and left out.
        """
        if ai == "01":
            value = keys.pad_gtin(value)
        entry = keys.element(ai)
        given = [name for name, _ in qualifiers]
        if given and not any(_is_subsequence(given, sequence) for sequence in entry.qualifiers):
            allowed = " or ".join(",".join(sequence) for sequence in entry.qualifiers) or "none"
            raise IdError(
                "Digital Link", "/".join([ai, *given]), f"qualifiers behind {ai}, in order: {allowed}"
            )
        for name, text in qualifiers:
            keys.validate(name, text)
        values = dict(qualifiers)
        finest = next((name for name in entry.identity if name in values), "")
        return cls(ai, value, finest, values.get(finest, ""))

    @classmethod
    def parse(cls, uri: str) -> DigitalLink:
        """From any spelling of a Digital Link: other domains and paths in front, older names, a query behind.

        Raises `IdError` with the reason for anything else.
        """
        scheme = _SCHEME.match(uri)
        if scheme is None or not _URI.fullmatch(uri):
            raise IdError("Digital Link", uri, "must start with https:// or http:// and have no spaces")
        check_escapes("Digital Link", uri)
        path = re.split(r"[?#]", uri[scheme.end() :], maxsplit=1)[0]
        segments = path.split("/")[1:]
        start = len(segments) - 2
        while start >= 0:
            if is_key(segments[start]):
                names = [_ALIASES.get(name, name) for name in segments[start::2]]
                values = [unquote(value, errors="replace") for value in segments[start + 1 :: 2]]
                return cls.of(names[0], values[0], *zip(names[1:], values[1:], strict=True))
            start -= 2
        raise IdError("Digital Link", uri, "has no pair of GS1 key and value at the end of its path")

    @property
    def uri(self) -> str:
        """The canonical link."""
        behind = f"/{self.qualifier}/{quote(self.suffix, safe='')}" if self.qualifier else ""
        return f"{STEM}{self.ai}/{quote(self.value, safe='')}{behind}"

    def prefix(self, length: int) -> str:
        """The GS1 company prefix, given how many digits (4 to 12) it has; no table tells that."""
        start = keys.element(self.ai).prefix or 0
        found = self.value[start : start + length]
        if not 4 <= length <= 12 or len(found) < length or not found.isdecimal():
            rule = f"{length} digits of it are no GS1 company prefix, which has 4 to 12"
            raise IdError(f"{keys.element(self.ai).title} ({self.ai})", self.value, rule)
        return found

    def __str__(self) -> str:
        return self.uri


def is_key(name: str) -> bool:
    """Does the name, or the number, stand for a key that can start a Digital Link?"""
    return _ALIASES.get(name, name) in keys.primary_keys()


def check_escapes(field: str, uri: str) -> None:
    """Raise `IdError` for characters that no URI has, and for a broken percent-encoding."""
    if not _URI.fullmatch(uri):
        raise IdError(field, uri, "has a space or another character that must be percent-encoded")
    if _ESCAPE.search(uri):
        raise IdError(field, uri, "a percent sign must be followed by two hex digits")


def canonical(uri: str) -> str:
    """The canonical form of a Digital Link; another URI as it is, if it names who is responsible for it.

    A link counts as a GS1 Digital Link of its own accord only on id.gs1.org: `https://acme.example/01/...` is
    a thing of acme.example unless it is parsed as a link (`DigitalLink.parse(uri).uri`).
    """
    if uri.lower().startswith((STEM, STEM.replace("https", "http"))):
        return DigitalLink.parse(uri).uri
    namespace_text(uri)
    return uri


def twin_id(uri: str) -> bytes:
    """The 32-byte id of a thing in every module: the Keccak-256 hash of its canonical URI.

    Raises `IdError` for a link that is not in its canonical form: its hash would be that of another thing.
    """
    if (form := canonical(uri)) != uri:
        raise IdError("URI", uri, f"is not in its canonical form, which is {form}")
    return keccak(uri.encode())


def namespace_of(uri: str, prefix_length: int = 0) -> bytes:
    """The namespace under which the URI may be registered, as the consortium stores it: a 32-byte hash.

    `prefix_length` is the number of digits of the GS1 company prefix in a Digital Link; for other URIs it is
    not looked at. Raises `IdError` exactly where the contract refuses the URI.
    """
    return keccak(_namespace(uri, prefix_length))


def namespace_text(uri: str, prefix_length: int = 0) -> str:
    """What is hashed for `namespace_of`: the company prefix, or the authority of another URI."""
    return _namespace(uri, prefix_length).decode(errors="replace")


def _namespace(uri: str, prefix_length: int) -> bytes:
    text = uri.encode()
    if uri.startswith(STEM):
        start = _prefix_start(uri[len(STEM) :])
        if start is None:
            raise IdError("URI", uri, "has no GS1 key behind https://id.gs1.org/")
        if not 4 <= prefix_length <= 12:
            raise IdError("prefix length", str(prefix_length), "a GS1 company prefix has 4 to 12 digits")
        found = text[start : start + prefix_length]
        if len(found) < prefix_length or not found.isdigit():
            raise IdError("URI", uri, f"has no company prefix of {prefix_length} digits")
        return found
    length = authority_length(uri)
    if length == 0:
        rule = "must have an authority: up to the path of http(s), up to the third colon of any other URI"
        raise IdError("URI", uri, rule)
    if length == len(text):
        raise IdError("URI", uri, "is an authority with nothing behind it")
    if uri.startswith("urn:epc:"):
        raise IdError("URI", uri, "EPC URNs are written as Digital Links here")
    return text[:length]


def authority_length(uri: str) -> int:
    """Bytes of the part that names who is responsible for the URI; 0 if it has none."""
    separator = ord("/") if uri.startswith(("https://", "http://")) else ord(":")
    places = [place for place, byte in enumerate(uri.encode()) if byte == separator]
    return places[2] + 1 if len(places) > 2 else 0


def _prefix_start(path: str) -> int | None:
    ai, slash, _ = path.partition("/")
    if not slash or ai not in keys.primary_keys():
        return None
    return len(STEM) + len(ai) + 1 + (keys.element(ai).prefix or 0)


def _is_subsequence(names: list[str], sequence: tuple[str, ...]) -> bool:
    rest = iter(sequence)
    return all(name in rest for name in names)
