"""Where documents are kept: a folder, or whatever fsspec reaches (s3://, sftp://, memory://...).

    store = Store.open("records")                        # or s3://bucket/folder
    name = store.put(content_hash, data)                 # <content hash>/<SHA-256 of data>
    store.get(content_hash, name)                        # the same bytes, or `DamagedError`

What is kept under a hash are copies of what it commits to, such as the same documents sealed to other
readers. A copy has the SHA-256 of its bytes as its name, is written under another name first and moved when
it is whole, and never takes the place of other bytes. Names come from hashes alone, so none leads out of the
store, and links in a folder are not followed. Keys of remote stores come from where their libraries look for
them, such as ~/.aws/credentials, never from the URL.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

LIMIT = 64 << 20
"""Bytes of the largest copy."""

_NAME = re.compile(r"[0-9a-f]{64}")
_DRAFTS = "drafts"

_OBJECT_STORES = ("s3", "gs", "az", "abfs", "oss", "oci")
"""Protocols without folders; to make one would make a bucket, of whatever name was mistyped."""

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK)
"""What file systems without hard links answer, such as FAT and some of networks."""


class StoreError(Exception):
    """A store that cannot be read or written. The message names it, what was asked for, and the reason."""


class MissingError(StoreError):
    """Nothing is kept under this hash."""


class DamagedError(StoreError):
    """A copy is not what it was when it was written. The message has its name and both hashes."""


class Backend(Protocol):
    """Files in folders, one below the other, by names of hex digits."""

    def names(self, folder: str) -> list[str]:
        """What is in a folder; nothing if there is none."""

    def read(self, path: str, limit: int) -> bytes:
        """At most so many bytes; `FileNotFoundError`."""

    def write(self, path: str, draft: str, data: bytes) -> None:
        """All of it under its name or nothing; `FileExistsError` if the name is taken."""

    def remove(self, path: str) -> None:
        """Remove a file; none is no fault."""


@dataclass(frozen=True)
class Store:
    """Copies of documents by what commits to them; make it with `open`."""

    url: str
    _backend: Backend
    limit: int = LIMIT

    @classmethod
    def open(cls, url: str, *, limit: int = LIMIT) -> Store:
        """The store in a folder, or at a URL that fsspec knows. Raises `StoreError`.

        A folder is made when something is put into it.
        """
        scheme, separator, rest = url.partition("://")
        if not separator or scheme in ("file", "local"):
            return cls(url, _Folder(Path(rest if separator else url)), limit)
        if "@" in rest.partition("/")[0]:
            raise StoreError(f"{scheme}://...: has a user or password in it, which others can see")
        return cls(url, _Remote.open(url), limit)

    def put(self, key: bytes, data: bytes) -> str:
        """Keep a copy under a hash of 32 bytes; its name. Again is no fault. Raises `StoreError`."""
        name, folder = hashlib.sha256(data).hexdigest(), _folder(key)
        where = f"{self.url}: {key.hex()}/{name}"
        if len(data) > self.limit:
            raise StoreError(f"{where}: has {len(data)} bytes, at most {self.limit} are kept")
        draft = f"{_DRAFTS}/{secrets.token_hex(16)}"
        try:
            self._backend.write(f"{folder}/{name}", draft, data)
        except FileExistsError:
            self.get(key, name)
        except OSError as error:
            raise StoreError(f"{where}: {error.strerror or error}") from None
        return name

    def copies(self, key: bytes) -> list[str]:
        """Names of what is kept under a hash, in their order. Raises `StoreError`."""
        try:
            return sorted(filter(_NAME.fullmatch, self._backend.names(_folder(key))))
        except OSError as error:
            raise StoreError(f"{self.url}: {key.hex()}: {error.strerror or error}") from None

    def get(self, key: bytes, name: str) -> bytes:
        """A copy. Raises `MissingError`, `DamagedError` or `StoreError`."""
        where = f"{self.url}: {key.hex()}/{name}"
        if not _NAME.fullmatch(name):
            raise StoreError(f"{where}: is no name of a copy, which is 64 lower-case hex digits")
        try:
            data = self._backend.read(f"{_folder(key)}/{name}", self.limit + 1)
        except FileNotFoundError:
            raise MissingError(f"{where}: is not there") from None
        except OSError as error:
            raise StoreError(f"{where}: {error.strerror or error}") from None
        if len(data) > self.limit:
            raise StoreError(f"{where}: has more than {self.limit} bytes")
        found = hashlib.sha256(data).hexdigest()
        if found != name:
            raise DamagedError(f"{where}: was changed: its SHA-256 is {found}, must be {name}")
        return data

    def remove(self, key: bytes, name: str) -> None:
        """Remove a copy, for documents that are disposed of. Raises `StoreError`."""
        where = f"{self.url}: {key.hex()}/{name}"
        if not _NAME.fullmatch(name):
            raise StoreError(f"{where}: is no name of a copy, which is 64 lower-case hex digits")
        try:
            self._backend.remove(f"{_folder(key)}/{name}")
        except OSError as error:
            raise StoreError(f"{where}: {error.strerror or error}") from None


def _folder(key: bytes) -> str:
    if len(key) != 32:
        raise ValueError(f"a hash has 32 bytes, not {len(key)}")
    text = key.hex()
    return f"{text[:2]}/{text}"


class _Folder:
    """A folder of this machine. What is written is on the disk before it has its name."""

    def __init__(self, root: Path) -> None:
        # The folder itself may be behind a link; nothing in it may.
        self._root = Path(os.path.realpath(root))

    def names(self, folder: str) -> list[str]:
        try:
            handle = self._open_folder(folder)
        except FileNotFoundError:
            return []
        try:
            return os.listdir(handle)
        finally:
            os.close(handle)

    def read(self, path: str, limit: int) -> bytes:
        folder, _, name = path.rpartition("/")
        parent = self._open_folder(folder)
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
        except OSError as error:
            raise _told(error) from None
        finally:
            os.close(parent)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "is no file")
            return file.read(limit)

    def write(self, path: str, draft: str, data: bytes) -> None:
        folder, _, name = path.rpartition("/")
        drafts, _, temporary = draft.rpartition("/")
        with ExitStack() as closing:
            source = self._open_folder(drafts, make=True)
            closing.callback(os.close, source)
            target = self._open_folder(folder, make=True)
            closing.callback(os.close, target)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            handle = os.open(temporary, flags, 0o600, dir_fd=source)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                self._move(source, temporary, target, name)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=source)
            os.fsync(target)

    def remove(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        with ExitStack() as closing:
            parent = self._open_folder(folder)
            closing.callback(os.close, parent)
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=parent)
            os.fsync(parent)

    def _move(self, source: int, temporary: str, target: int, name: str) -> None:
        """Give the draft its name, which must be free."""
        try:
            # A link, unlike a rename, does not take the place of what is there.
            os.link(temporary, name, src_dir_fd=source, dst_dir_fd=target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if name in os.listdir(target):
                raise FileExistsError(name) from None
            # Whoever takes the name in between writes the same bytes: it is their hash.
            os.rename(temporary, name, src_dir_fd=source, dst_dir_fd=target)

    def _open_folder(self, path: str, *, make: bool = False) -> int:
        """A folder below the root, step by step and through no link."""
        if make:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        here = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        for step in path.split("/"):
            try:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(step, 0o700, dir_fd=here)
                        os.fsync(here)
                below = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            except OSError as error:
                raise _told(error) from None
            finally:
                os.close(here)
            here = below
        return here


def _told(error: OSError) -> OSError:
    """With a reason that says what a link is refused for."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return OSError(error.errno, "a link, or no folder, is where a folder or file of the store must be")
    return error


class _Remote:
    """A file system of fsspec. That a move is one step is for it to keep; object stores do."""

    def __init__(self, fs: Any, root: str) -> None:
        self._fs = fs
        self._root = root.rstrip("/")
        names = (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
        self._has_objects = any(name in _OBJECT_STORES for name in names)

    @classmethod
    def open(cls, url: str) -> _Remote:
        import fsspec

        try:
            # What was listed before must not hide what has changed since.
            return cls(*fsspec.core.url_to_fs(url, use_listings_cache=False))
        except (ImportError, ValueError, OSError) as error:
            raise StoreError(f"{url}: {error}") from None

    def names(self, folder: str) -> list[str]:
        try:
            found = self._fs.ls(f"{self._root}/{folder}", detail=False, refresh=True)
        except FileNotFoundError:
            return []
        except Exception as error:
            raise _as_os_error(error) from None
        return [str(path).rstrip("/").rpartition("/")[2] for path in found]

    def read(self, path: str, limit: int) -> bytes:
        try:
            with self._fs.open(f"{self._root}/{path}", "rb") as file:
                return bytes(file.read(limit))
        except Exception as error:
            raise _as_os_error(error) from None

    def write(self, path: str, draft: str, data: bytes) -> None:
        target, temporary = f"{self._root}/{path}", f"{self._root}/{draft}"
        try:
            if self._fs.exists(target):
                raise FileExistsError(target)
            if not self._has_objects:
                for folder in (target, temporary):
                    self._fs.makedirs(folder.rpartition("/")[0], exist_ok=True)
            self._fs.pipe_file(temporary, data)
            self._fs.mv(temporary, target)
        except Exception as error:
            raise _as_os_error(error) from None

    def remove(self, path: str) -> None:
        try:
            self._fs.rm_file(f"{self._root}/{path}")
        except FileNotFoundError:
            return
        except Exception as error:
            raise _as_os_error(error) from None


def _as_os_error(error: Exception) -> OSError:
    """Libraries of stores raise what they like; one kind of error is told on."""
    return error if isinstance(error, OSError) else OSError(errno.EIO, f"{type(error).__name__}: {error}")
