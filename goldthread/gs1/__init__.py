"""GS1 keys and Digital Links: check, build, parse, and get to twin ids and namespaces."""

from goldthread.gs1.keys import IdError, check_characters, check_digit, primary_keys, validate
from goldthread.gs1.links import DigitalLink, canonical, namespace_of, namespace_text, twin_id

__all__ = [
    "DigitalLink",
    "IdError",
    "canonical",
    "check_characters",
    "check_digit",
    "namespace_of",
    "namespace_text",
    "primary_keys",
    "twin_id",
    "validate",
]
