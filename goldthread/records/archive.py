"""Documents of records in a store: sealed when they go in, opened and checked when they come out.

archive = Archive(Store.open("records"), readers=["age1..."], keys=load_keys("auditor.key"))
archive.keep(bundle)
archive.open(content_hash, "record 0x...")           # the documents, or an error that says what is wrong
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from goldthread.records.bundle import Bundle, BundleError
from goldthread.records.sealing import ReaderKey, SealError, is_sealed, seal, unseal
from goldthread.records.store import MissingError, Store, StoreError


class ArchiveError(Exception):
    """Documents that are not there, cannot be opened or are not those of the record. The message names the
    record and what was found.
    """


@dataclass(frozen=True)
class Found:
    """What is kept under a content hash: the documents, if a copy could be opened and is right, and what is
    wrong with others.
    """

    bundle: Bundle | None
    problems: tuple[str, ...]
    copies: int


@dataclass(frozen=True)
class Archive:
    """A store, the readers that new documents are sealed to (`age1...`), and the keys that open old ones.

    Without readers documents are kept as they are, for everybody who can read the store.
    """

    store: Store
    readers: Sequence[str] = ()
    keys: Sequence[ReaderKey] = field(default=(), repr=False)
    _kept: list[bytes] = field(default_factory=list, init=False, repr=False)

    def keep(self, bundle: Bundle) -> str:
        """Keep the documents; the name of the copy. Raises `StoreError` or `SealError`."""
        data = bundle.to_bytes()
        name = self.store.put(bundle.content_hash, seal(data, self.readers) if self.readers else data)
        self._kept.append(bundle.content_hash)
        return name

    def take_back(self) -> None:
        """Remove what was kept through this object since the last `settle`: nothing refers to it."""
        while self._kept:
            self.forget(self._kept.pop())

    def settle(self) -> None:
        """What was kept stays: the chain, or somebody, may refer to it from now on."""
        self._kept.clear()

    def find(self, content: bytes) -> Found:
        """The documents with this content hash. Raises `StoreError` if the store cannot be read."""
        names = self.store.copies(content)
        bundle, problems, sealed = None, [], []
        for name in names:
            try:
                data = self.store.get(content, name)
            except MissingError:
                continue
            except StoreError as error:
                problems.append(str(error))
                continue
            try:
                bundle = self._opened(content, data)
            except SealError as error:
                sealed.append(f"copy {name}: {error}")
            except BundleError as error:
                problems.append(f"copy {name}: {error}")
        if bundle is None:
            # What is sealed to others is no problem where there is a copy that can be read.
            problems += sealed
        return Found(bundle, tuple(problems), len(names))

    def open(self, content: bytes, what: str) -> Bundle:
        """The documents of `what`, which has this content hash. Raises `ArchiveError`."""
        found = self.find(content)
        if found.bundle is not None:
            return found.bundle
        told = (
            "; ".join(found.problems) or f"{self.store.url} has no documents with the hash 0x{content.hex()}"
        )
        raise ArchiveError(f"{what}: {told}")

    def forget(self, content: bytes) -> int:
        """Remove all copies of the documents, after their time; how many there were. Raises `StoreError`."""
        names = self.store.copies(content)
        for name in names:
            self.store.remove(content, name)
        return len(names)

    def _opened(self, content: bytes, data: bytes) -> Bundle:
        bundle = Bundle.from_bytes(unseal(data, self.keys) if is_sealed(data) else data)
        if bundle.content_hash != content:
            hashes = f"0x{bundle.content_hash.hex()}, the record has 0x{content.hex()}"
            raise BundleError(f"its documents have the content hash {hashes}")
        return bundle
