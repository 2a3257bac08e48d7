"""What a record is about: documents whose every field is committed to on its own, so that it can be shown
alone.

    bundle = Bundle.of(Document.json({"yield": 97340}), Document.file("chart.png", "image/png", data))
    bundle.content_hash                                  # what the chain is told
    Bundle.from_bytes(bundle.to_bytes())                 # what the store keeps

The fields of a document, in the order of their paths, are the leaves of a tree (goldthread.chain.merkle):

    leaf of a field    = keccak256(0x06 ‖ uint32 index ‖ salt ‖ keccak256(path) ‖ keccak256(value))
    leaf of a document = keccak256(0x05 ‖ uint32 index ‖ root of its fields)

with path and value in canonical JSON. The content hash is the root of the one document, or of the tree over
several. The salt of a field is HMAC-SHA256(seed, path), with a random seed of 32 bytes for each document:
who is shown one salt learns nothing of another, and without its salt a field cannot be guessed from its
hash, however few values it may have. A file is a document that has its name, type, size and SHA-256 as
fields.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from functools import cached_property

from goldthread.chain.merkle import DOCUMENT, FIELD, Tree, leaf
from goldthread.hashing import keccak
from goldthread.records.canonical import Json, JsonError, Path, canonical, fields, parse, path_text

SCHEMA = 1
"""Version of the format in the store."""

SEED_BYTES = 32
MAX_DOCUMENTS = 256
MAX_FIELDS = 1 << 16
"""Of a document."""

_MAX_NAME = 255


class BundleError(ValueError):
    """Documents that cannot be in a record, or a stored form that cannot be read. The message names field,
    value and rule.
    """


@dataclass(frozen=True)
class Document:
    """A document in canonical JSON, or a file with its description.

    `value` is the JSON, `seed` 32 random bytes, `content` the file. Make it with `json` or `file`.
    """

    value: Json
    seed: bytes = field(repr=False)
    content: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise BundleError(f"seed: has {len(self.seed)} bytes, must have {SEED_BYTES}")
        if len(self.fields) > MAX_FIELDS:
            raise BundleError(f"document: has {len(self.fields)} fields, may have {MAX_FIELDS}")

    @classmethod
    def json(cls, value: Json, seed: bytes | None = None) -> Document:
        """From a JSON value; raises `JsonError` if it has no canonical form."""
        return cls(value, _seed(seed))

    @classmethod
    def file(cls, name: str, media_type: str, content: bytes, seed: bytes | None = None) -> Document:
        """From a file's name without folders, its media type and its bytes."""
        return cls(describe(name, media_type, content), _seed(seed), content)

    @cached_property
    def fields(self) -> list[tuple[Path, Json]]:
        """Paths and values in their order in the tree."""
        return fields(self.value)

    @cached_property
    def tree(self) -> Tree:
        """The tree over its fields."""
        leaves = (
            field_leaf(index, self.salt(path), path, value) for index, (path, value) in enumerate(self.fields)
        )
        return Tree(leaves)

    @property
    def root(self) -> bytes:
        """What stands for the document, 32 bytes."""
        return self.tree.root

    @property
    def name(self) -> str:
        """Of a file: its name."""
        return "" if self.content is None else str(self.value["name"])

    def salt(self, path: Path) -> bytes:
        """The 32 bytes that hide a field."""
        return hmac.new(self.seed, path_text(path), hashlib.sha256).digest()


@dataclass(frozen=True)
class Bundle:
    """The documents of one record, in their order."""

    documents: tuple[Document, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.documents) <= MAX_DOCUMENTS:
            raise BundleError(f"documents: are {len(self.documents)}, must be 1 to {MAX_DOCUMENTS}")

    @classmethod
    def of(cls, *documents: Document) -> Bundle:
        """Of these documents."""
        return cls(documents)

    @cached_property
    def tree(self) -> Tree:
        """The tree over several documents."""
        return Tree(document_leaf(index, document.root) for index, document in enumerate(self.documents))

    @property
    def content_hash(self) -> bytes:
        """What a record has on chain, 32 bytes."""
        return self.documents[0].root if len(self.documents) == 1 else self.tree.root

    def proof(self, index: int) -> list[bytes]:
        """From the root of a document to the content hash; empty for a single one."""
        return [] if len(self.documents) == 1 else self.tree.proof(index)

    def to_bytes(self) -> bytes:
        """The form in the store: canonical JSON."""
        return canonical({"schema": SCHEMA, "documents": [_to_json(document) for document in self.documents]})

    @classmethod
    def from_bytes(cls, data: bytes) -> Bundle:
        """Read the form in the store back. Raises `BundleError`."""
        try:
            found = parse(data)
        except JsonError as error:
            raise BundleError(str(error)) from None
        if not isinstance(found, dict) or set(found) != {"schema", "documents"}:
            raise BundleError("bundle: must be an object of schema and documents")
        if found["schema"] != SCHEMA:
            raise BundleError(f"schema {found['schema']!r}: this release reads {SCHEMA}")
        if not isinstance(found["documents"], list):
            raise BundleError("documents: must be a list")
        return cls(tuple(_from_json(index, item) for index, item in enumerate(found["documents"])))


def field_leaf(index: int, salt: bytes, path: Path, value: Json) -> bytes:
    """Hash of a field in its document, 32 bytes."""
    return leaf(FIELD, index, salt + keccak(path_text(path)) + keccak(canonical(value)))


def document_leaf(index: int, root: bytes) -> bytes:
    """Hash of a document in its record, 32 bytes."""
    return leaf(DOCUMENT, index, root)


def describe(name: str, media_type: str, content: bytes) -> dict[str, Json]:
    """The fields of a file. Raises `BundleError` for a name with a folder or with what nobody can see."""
    for what, text in (("name", name), ("mediaType", media_type)):
        if not text.isprintable() or not 0 < len(text) <= _MAX_NAME:
            raise BundleError(f"{what} {text!r}: must be 1 to {_MAX_NAME} printable characters")
    if "/" in name or "\\" in name or name in (".", ".."):
        raise BundleError(f"name {name!r}: must be a file's name without folders")
    digest = hashlib.sha256(content).hexdigest()
    return {"name": name, "mediaType": media_type, "size": len(content), "sha256": digest}


def _seed(seed: bytes | None) -> bytes:
    return secrets.token_bytes(SEED_BYTES) if seed is None else seed


def _to_json(document: Document) -> dict[str, Json]:
    found = {"seed": document.seed.hex(), "document": document.value}
    if document.content is not None:
        found["content"] = base64.b64encode(document.content).decode("ascii")
    return found


def _from_json(index: int, item: Json) -> Document:
    where = f"documents/{index}"
    if not isinstance(item, dict) or not {"seed", "document"} <= set(item) <= {"seed", "document", "content"}:
        raise BundleError(f"{where}: must be an object of seed, document and, of a file, content")
    try:
        seed = bytes.fromhex(item["seed"])
    except (TypeError, ValueError):
        raise BundleError(f"{where}/seed: must be in hex digits") from None
    value, content = item["document"], None
    if "content" in item:
        try:
            content = base64.b64decode(item["content"], validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise BundleError(f"{where}/content: must be in Base64") from None
        told = value if isinstance(value, dict) else {}
        if value != describe(str(told.get("name")), str(told.get("mediaType")), content):
            raise BundleError(f"{where}: the description is not that of the file in it")
    return Document(value, seed, content)
