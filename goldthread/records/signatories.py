"""Printed names of signatories (21 CFR 11.50(a)(1)): on chain only a salted hash, in the store the name.

    opening = printed_name("Ann Noble")                  # with a salt of its own
    opening.content_hash                                 # for a statement or countersignature

The opening is a document like any other, so that it is sealed, kept and disclosed in the same way.
"""

from __future__ import annotations

from goldthread.records.bundle import Bundle, BundleError, Document

_FIELD = "printedName"
MAX_NAME = 128


def printed_name(name: str) -> Bundle:
    """The opening of a name, with a new salt. Raises `BundleError`."""
    if name != name.strip() or not name.isprintable() or not 0 < len(name) <= MAX_NAME:
        raise BundleError(f"name {name!r}: must be 1 to {MAX_NAME} printable characters, no blanks around")
    return Bundle.of(Document.json({_FIELD: name}))


def name_in(opening: Bundle) -> str:
    """The name that an opening has. Raises `BundleError`."""
    value = opening.documents[0].value
    if len(opening.documents) == 1 and isinstance(value, dict) and list(value) == [_FIELD]:
        name: str = value[_FIELD]
        if isinstance(name, str):
            return name
    raise BundleError("is no opening of a printed name")
