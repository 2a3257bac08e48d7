"""GS1 keys, Digital Links, EPC URNs, bar codes: check, build, parse, and get to twin ids and namespaces."""

from goldthread.gs1.epc import class_of, from_urn, is_class, to_urn
from goldthread.gs1.keys import IdError, check_characters, check_digit, primary_keys, validate
from goldthread.gs1.links import DigitalLink, canonical, namespace_of, namespace_text, twin_id
from goldthread.gs1.spellings import Thing, identify

__all__ = [
    "DigitalLink",
    "IdError",
    "Thing",
    "canonical",
    "check_characters",
    "check_digit",
    "class_of",
    "from_urn",
    "identify",
    "is_class",
    "namespace_of",
    "namespace_text",
    "primary_keys",
    "to_urn",
    "twin_id",
    "validate",
]
