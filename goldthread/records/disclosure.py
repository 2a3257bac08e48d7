"""Some fields of a record, for somebody who may not see the rest, checked without a network.

    shown = disclose(bundle, [(0, "/yield")])            # for a third party, as a file
    shown.failures(content_hash)                         # what is wrong; empty if nothing is

A field is shown with its salt, its place and the way to the root of its document, and the document with the
way to the content hash on chain. Path, place, salt and value are in the hash: none can be changed, and no
value moved to another path. What is not shown stays hidden, but for the number of fields that the places
tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from goldthread.chain.merkle import MAX_INDEX, root_of
from goldthread.records.bundle import Bundle, document_leaf, field_leaf
from goldthread.records.canonical import Json, JsonError, Path, at, canonical, check, parse, pointer

SCHEMA = 1
"""Version of the format of disclosures."""

MAX_PROOF = 32
"""Siblings on the way to a root; a tree has at most 2^32 leaves."""


class DisclosureError(ValueError):
    """A disclosure that cannot be made or read; the message names the field and the rule."""


@dataclass(frozen=True)
class Shown:
    """A field: where it is, what it says, and what leads to the root of its document (words of 32 bytes)."""

    path: Path
    value: Json
    index: int
    salt: bytes
    proof: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        """The root of the document that it is from."""
        return root_of(field_leaf(self.index, self.salt, self.path, self.value), self.proof)


@dataclass(frozen=True)
class ShownDocument:
    """A document of which fields are shown, at its place among those of the record."""

    index: int
    root: bytes
    proof: tuple[bytes, ...]
    fields: tuple[Shown, ...]

    def value(self, text: str) -> Json:
        """What is shown at a JSON Pointer; `KeyError` if nothing is."""
        return {pointer(shown.path): shown.value for shown in self.fields}[text]


@dataclass(frozen=True)
class Source:
    """The record that the content hash is from. `contract` is Records on the chain, `record` its id."""

    chain_id: int
    contract: str
    record: bytes


@dataclass(frozen=True)
class Disclosure:
    """Fields of the documents of one record, and the content hash that they lead to. `single`: the record has
    one document, whose root is the content hash.
    """

    content_hash: bytes
    documents: tuple[ShownDocument, ...]
    single: bool
    source: Source | None = None

    def failures(self, content_hash: bytes) -> list[tuple[str, str]]:
        """What is wrong, as pairs of a place and a reason; empty if all that is shown is in the record that
        has this content hash on chain.
        """
        found = []
        if self.content_hash != content_hash:
            told = f"the file has 0x{self.content_hash.hex()}, the record has 0x{content_hash.hex()}"
            found.append(("contentHash", told))
        for place, document in enumerate(self.documents):
            where = f"documents/{place}"
            if self._leads_to(document) != content_hash:
                found.append((where, "its proof does not lead to the content hash"))
            found += [
                (
                    f"{where}/fields{pointer(shown.path)}",
                    "its proof does not lead to the root of its document",
                )
                for shown in document.fields
                if shown.root != document.root
            ]
        return found

    def _leads_to(self, document: ShownDocument) -> bytes:
        if self.single:
            return document.root
        return root_of(document_leaf(document.index, document.root), document.proof)

    def has_file(self, data: bytes) -> bool:
        """Is a SHA-256 shown that is the file's?"""
        digest = hashlib.sha256(data).hexdigest()
        shown = (shown for document in self.documents for shown in document.fields)
        return any(field.path == ("sha256",) and field.value == digest for field in shown)

    def of(self, source: Source) -> Disclosure:
        """With the record that it is from."""
        return replace(self, source=source)

    def to_json(self) -> dict[str, Any]:
        """The form in a file: words are 0x and 64 hex digits, a path is a list of names and places."""
        found: dict[str, Any] = {
            "schema": SCHEMA,
            "contentHash": _hex(self.content_hash),
            "single": self.single,
            "documents": [
                {
                    "index": document.index,
                    "root": _hex(document.root),
                    "proof": list(map(_hex, document.proof)),
                    "fields": [
                        {
                            "path": list(shown.path),
                            "value": shown.value,
                            "index": shown.index,
                            "salt": _hex(shown.salt),
                            "proof": list(map(_hex, shown.proof)),
                        }
                        for shown in document.fields
                    ],
                }
                for document in self.documents
            ],
        }
        if self.source is not None:
            found["record"] = {
                "chainId": self.source.chain_id,
                "contract": self.source.contract,
                "id": _hex(self.source.record),
            }
        return found

    @classmethod
    def from_bytes(cls, data: bytes) -> Disclosure:
        """From the contents of a file; raises `DisclosureError`."""
        try:
            return cls.from_json(parse(data))
        except JsonError as error:
            raise DisclosureError(str(error)) from None

    @classmethod
    def from_json(cls, data: Any) -> Disclosure:
        """Read the form in a file back; raises `DisclosureError` for what is missing or wrong."""
        top = _Reader(data, "", ("schema", "contentHash", "single", "documents"), ("record",))
        if (schema := top.get("schema", int)) != SCHEMA:
            raise DisclosureError(f"schema {schema}: this release reads {SCHEMA}")
        documents = [_document(item, place) for place, item in enumerate(top.items("documents"))]
        places = [document.index for document in documents]
        if len(set(places)) < len(places):
            raise DisclosureError("documents: one is there twice")
        single = top.get("single", bool)
        if single and (places != [0] or documents[0].proof):
            raise DisclosureError("documents: a single one has the index 0 and an empty proof")
        source = None
        if "record" in data:
            record = _Reader(data["record"], "record/", ("chainId", "contract", "id"))
            source = Source(record.get("chainId", int), record.address("contract"), record.word("id"))
        return cls(top.word("contentHash"), tuple(documents), single, source)


def disclose(bundle: Bundle, asked: Iterable[tuple[int, str]]) -> Disclosure:
    """A disclosure of these fields: the place of the document and a JSON Pointer, which may lead to an object
    or list and then stands for all that is in it.

    Raises `DisclosureError` for a document or field that is not there.
    """
    wanted: dict[int, set[int]] = {}
    for number, text in asked:
        if not 0 <= number < len(bundle.documents):
            raise DisclosureError(f"document {number}: the record has 0 to {len(bundle.documents) - 1}")
        document = bundle.documents[number]
        try:
            path, _ = at(document.value, text)
        except JsonError as error:
            raise DisclosureError(f"document {number}: {error}") from None
        found = {index for index, (p, _) in enumerate(document.fields) if p[: len(path)] == path}
        wanted.setdefault(number, set()).update(found)
    if not wanted:
        raise DisclosureError("fields: name at least one")
    return Disclosure(
        bundle.content_hash,
        tuple(_shown(bundle, number, indices) for number, indices in sorted(wanted.items())),
        len(bundle.documents) == 1,
    )


def _shown(bundle: Bundle, number: int, indices: Iterable[int]) -> ShownDocument:
    document = bundle.documents[number]
    shown = []
    for index in sorted(indices):
        path, value = document.fields[index]
        shown.append(Shown(path, value, index, document.salt(path), tuple(document.tree.proof(index))))
    return ShownDocument(number, document.root, tuple(bundle.proof(number)), tuple(shown))


def _document(data: Any, place: int) -> ShownDocument:
    where = f"documents/{place}/"
    read = _Reader(data, where, ("index", "root", "proof", "fields"))
    shown = [_field(item, f"{where}fields/{number}/") for number, item in enumerate(read.items("fields"))]
    paths = [canonical(list(field.path)) for field in shown]
    if len(set(paths)) < len(paths):
        raise DisclosureError(f"{where}fields: one is there twice")
    return ShownDocument(read.index("index"), read.word("root"), read.proof(), tuple(shown))


def _field(data: Any, where: str) -> Shown:
    read = _Reader(data, where, ("path", "value", "index", "salt", "proof"))
    path, value = read.get("path", list), data["value"]
    for step in path:
        if type(step) is not str and not (type(step) is int and 0 <= step <= MAX_INDEX):
            raise DisclosureError(f"{where}path: {step!r}: must be a name, or a place from 0")
    try:
        check(value)
        check(path)
    except JsonError as error:
        raise DisclosureError(f"{where}value: {error}") from None
    if isinstance(value, dict | list) and value:
        raise DisclosureError(f"{where}value: is not one field; an object or list is shown field by field")
    return Shown(tuple(path), value, read.index("index"), read.word("salt"), read.proof())


class _Reader:
    """Reads the members of a JSON object and says which one is wrong."""

    def __init__(self, data: Any, where: str, names: tuple[str, ...], more: tuple[str, ...] = ()) -> None:
        told = where.removesuffix("/") or "disclosure"
        if not isinstance(data, dict):
            raise DisclosureError(f"{told}: must be a JSON object")
        for name in names:
            if name not in data:
                raise DisclosureError(f"{where}{name}: is missing")
        for name in data:
            if name not in (*names, *more):
                raise DisclosureError(f"{where}{name}: is no member of a disclosure")
        self._data: Mapping[str, Any] = data
        self._where = where

    def get(self, name: str, kind: type) -> Any:
        value = self._data[name]
        if type(value) is not kind:
            raise DisclosureError(f"{self._where}{name}: must be {_NAMES[kind]}")
        return value

    def items(self, name: str) -> list[Any]:
        found: list[Any] = self.get(name, list)
        if not found:
            raise DisclosureError(f"{self._where}{name}: must not be empty")
        return found

    def index(self, name: str) -> int:
        value: int = self.get(name, int)
        if not 0 <= value <= MAX_INDEX:
            raise DisclosureError(f"{self._where}{name} {value}: must be from 0 to {MAX_INDEX}")
        return value

    def word(self, name: str) -> bytes:
        return _word(f"{self._where}{name}", self._data[name], 64)

    def address(self, name: str) -> str:
        _word(f"{self._where}{name}", str(self._data[name]).lower(), 40)
        return str(self._data[name])

    def proof(self) -> tuple[bytes, ...]:
        words: list[Any] = self.get("proof", list)
        if len(words) > MAX_PROOF:
            raise DisclosureError(f"{self._where}proof: has {len(words)} words, at most {MAX_PROOF}")
        return tuple(_word(f"{self._where}proof/{n}", word, 64) for n, word in enumerate(words))


_NAMES: dict[type, str] = {int: "a whole number", list: "a list", bool: "true or false"}


def _word(where: str, text: Any, digits: int) -> bytes:
    good = isinstance(text, str) and len(text) == digits + 2 and text.startswith("0x")
    if not good or any(digit not in "0123456789abcdef" for digit in text[2:]):
        raise DisclosureError(f"{where}: must be 0x and {digits} lower-case hex digits")
    return bytes.fromhex(text[2:])


def _hex(word: bytes) -> str:
    return f"0x{word.hex()}"
