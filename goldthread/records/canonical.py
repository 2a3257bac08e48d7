"""Documents in canonical JSON: one text for one content (RFC 8785), so that its hash means something.

    document = parse(b'{"yield": 97340, "unit": "KGM"}')
    canonical(document)                                  # b'{"unit":"KGM","yield":97340}'
    fields(document)                                     # [(("unit",), "KGM"), (("yield",), 97340)]

Numbers are whole and from -(2^53 - 1) to 2^53 - 1 (I-JSON, RFC 7493, 2.2). A number with a point or an
exponent is refused: whoever reads it back may get another one, and the digits that a balance has shown
(12.50) would be lost. It is written as a text. A name may occur once in an object.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import rfc8785

Json: TypeAlias = Any
"""None, bool, int, str, a list of such, or a dict of such by names."""

Path: TypeAlias = tuple[str | int, ...]
"""Where a value is: names of members, and places in lists from 0."""

MAX_INTEGER = (1 << 53) - 1
MAX_DEPTH = 64
"""Objects and lists inside one another."""

_UTF8_BOM = b"\xef\xbb\xbf"


class JsonError(ValueError):
    """A document that has no canonical form. The message names the field, its value and the rule."""


class _Refused:
    """Something that JSON allows and a document must not have; found again with its path."""

    def __init__(self, told: str) -> None:
        self.told = told


def parse(text: bytes) -> Json:
    """A document from JSON in UTF-8. Raises `JsonError`."""
    if text.startswith(_UTF8_BOM):
        raise JsonError("document: begins with a byte order mark; JSON in UTF-8 has none")
    try:
        found = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_members,
            parse_float=lambda digits: _Refused(f"{digits}: {_WHOLE}"),
            parse_int=_integer,
            parse_constant=lambda name: _Refused(f"{name}: is no number of JSON"),
        )
    except UnicodeDecodeError as error:
        raise JsonError(f"document: is no UTF-8: {error.reason} at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"document: is no JSON: {error}") from None
    except RecursionError:
        raise JsonError(f"document: {_DEEP}") from None
    check(found)
    return found


def check(value: Json) -> None:
    """Raise `JsonError` unless the value has a canonical form."""
    _check(value, ())


def canonical(value: Json) -> bytes:
    """The canonical text of a value in UTF-8. Raises `JsonError`."""
    check(value)
    return rfc8785.dumps(value)


def fields(value: Json) -> list[tuple[Path, Json]]:
    """All fields in the order of their paths' canonical text; an empty object or list is a field.

    They say all that the document says: put together again they are the document. Raises `JsonError`.
    """
    check(value)
    return sorted(_fields(value, ()), key=lambda field: path_text(field[0]))


def path_text(path: Path) -> bytes:
    """A path as canonical JSON, which tells place 0 of a list from the member "0" of an object."""
    return rfc8785.dumps(list(path))


def pointer(path: Path) -> str:
    """A path for people, as a JSON Pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def at(value: Json, text: str) -> tuple[Path, Json]:
    """The path to which a JSON Pointer (RFC 6901) leads in a document, and what is there.

    Raises `JsonError` if nothing is.
    """
    if text and not text.startswith("/"):
        raise JsonError(f"field {text!r}: must be a JSON Pointer, which begins with /")
    path: list[str | int] = []
    for step in text.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and name in value:
            path.append(name)
            value = value[name]
        elif isinstance(value, list) and _is_place(name) and int(name) < len(value):
            path.append(int(name))
            value = value[int(name)]
        else:
            where = pointer(tuple(path)) or "the document"
            raise JsonError(f"field {text!r}: {where} has no {name!r}")
    return tuple(path), value


_WHOLE = "a number must be whole; write it as a text"
_DEEP = f"objects and lists must not be more than {MAX_DEPTH} deep"


def _is_place(text: str) -> bool:
    return text.isascii() and text.isdigit() and (text == "0" or text[0] != "0") and len(text) < 10


def _integer(digits: str) -> int | _Refused:
    # Python refuses to read thousands of digits.
    return int(digits) if len(digits) <= 20 else _Refused(f"{digits[:20]}...: {_RANGE}")


_RANGE = f"a number must be from {-MAX_INTEGER} to {MAX_INTEGER}; write it as a text"


def _members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name] = _Refused("is there twice") if name in found else value
    return found


def _check(value: Any, path: Path) -> None:
    where = pointer(path) or "document"
    if isinstance(value, _Refused):
        raise JsonError(f"{where}: {value.told}")
    if len(path) > MAX_DEPTH:
        raise JsonError(f"{where}: {_DEEP}")
    if isinstance(value, float):
        raise JsonError(f"{where}: {value!r}: {_WHOLE}")
    if isinstance(value, str):
        _check_text(where, value)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise JsonError(f"{where}: {value}: {_RANGE}")
    elif isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(name, str):
                raise JsonError(f"{where}: {name!r}: a name must be a text")
            _check_text(f"{where}: the name", name)
            _check(member, (*path, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _check(item, (*path, place))
    else:
        raise JsonError(f"{where}: {type(value).__name__} is nothing that JSON has")


def _check_text(where: str, text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise JsonError(f"{where}: {text!r}: has half of a surrogate pair, which is no character") from None


def _fields(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from _fields(member, (*path, name))
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from _fields(item, (*path, place))
    else:
        yield path, value
