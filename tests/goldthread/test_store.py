"""The store: whole or nothing, never other bytes, never outside of itself."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.records import store as stores
from goldthread.records.store import DamagedError, MissingError, Store, StoreError

KEY = hashlib.sha256(b"content").digest()
DATA = b"sealed bytes"
NAME = hashlib.sha256(DATA).hexdigest()
PATH = f"{KEY.hex()[:2]}/{KEY.hex()}/{NAME}"


@pytest.fixture(params=["folder", "file://", "memory://", "dir::file://"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A folder, a URL of one, and file systems of fsspec, one of them on disk."""
    fsspec.filesystem("memory").store.clear()
    match request.param:
        case "folder":
            return Store.open(str(tmp_path / "a" / "b"))
        case "file://":
            return Store.open(f"file://{tmp_path}/c")
        case "memory://":
            return Store.open("memory://records")
    backend = stores._Remote(fsspec.filesystem("file"), str(tmp_path / "d"))
    return Store("dir", backend)


def test_what_is_put_is_got(store: Store) -> None:
    assert store.copies(KEY) == []
    assert store.put(KEY, DATA) == NAME
    assert store.put(KEY, DATA) == NAME
    other = store.put(KEY, b"sealed to others")
    assert store.copies(KEY) == sorted([NAME, other])
    assert store.get(KEY, NAME) == DATA
    assert store.get(KEY, other) == b"sealed to others"
    assert store.copies(bytes(32)) == []
    assert store.put(KEY, b"") == hashlib.sha256(b"").hexdigest()


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_any_bytes_come_back(key: bytes, data: bytes) -> None:
    store = Store.open("memory://any")
    assert store.get(key, store.put(key, data)) == data


def test_what_is_not_there(store: Store) -> None:
    with pytest.raises(MissingError, match=f"{KEY.hex()}/{NAME}: is not there"):
        store.get(KEY, NAME)
    store.put(KEY, b"other")
    with pytest.raises(MissingError):
        store.get(KEY, NAME)


@pytest.mark.parametrize("name", ["", "../x", NAME[:-1], NAME.upper(), f"{NAME}\n", "..", "/etc/passwd"])
def test_names_lead_nowhere_else(store: Store, name: str) -> None:
    with pytest.raises(StoreError, match="is no name of a copy"):
        store.get(KEY, name)


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_a_hash_has_32_bytes(store: Store, key: bytes) -> None:
    for action in (lambda: store.put(key, DATA), lambda: store.copies(key), lambda: store.get(key, NAME)):
        with pytest.raises(ValueError, match="a hash has 32 bytes"):
            action()


def test_there_is_a_limit(tmp_path: Path) -> None:
    for url in (str(tmp_path / "s"), "memory://limit"):
        small, large = Store.open(url, limit=12), Store.open(url)
        assert small.get(KEY, small.put(KEY, DATA)) == DATA
        with pytest.raises(StoreError, match="has 13 bytes, at most 12 are kept"):
            small.put(KEY, DATA + b"!")
        assert small.copies(KEY) == [NAME]
        name = large.put(KEY, bytes(100))
        with pytest.raises(StoreError, match=f"{name}: has more than 12 bytes"):
            small.get(KEY, name)


def test_a_changed_copy_is_named_with_both_hashes(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    store.put(KEY, DATA)
    (tmp_path / PATH).chmod(0o600)
    (tmp_path / PATH).write_bytes(b"Sealed bytes")
    found = hashlib.sha256(b"Sealed bytes").hexdigest()
    told = f"{KEY.hex()}/{NAME}: was changed: its SHA-256 is {found}, must be {NAME}"
    with pytest.raises(DamagedError, match=told):
        store.get(KEY, NAME)
    # It is not written over either.
    with pytest.raises(DamagedError, match=told):
        store.put(KEY, DATA)
    assert (tmp_path / PATH).read_bytes() == b"Sealed bytes"


def test_a_changed_copy_of_a_file_system(tmp_path: Path) -> None:
    store = Store.open("memory://changed")
    store.put(KEY, DATA)
    fsspec.filesystem("memory").pipe_file(f"/changed/{PATH}", b"x")
    with pytest.raises(DamagedError):
        store.put(KEY, DATA)
    with pytest.raises(DamagedError):
        store.get(KEY, NAME)


# ----------------------------------------------------------------------------------------------------- links


def linked(tmp_path: Path, place: str) -> Store:
    """A store in which a folder or the copy itself is a link to what is outside."""
    tmp_path.mkdir(exist_ok=True)
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    store = Store.open(str(inside))
    store.put(KEY, DATA)
    there = inside / place
    there.rename(outside)
    there.symlink_to(outside)
    return store


@pytest.mark.parametrize("place", [PATH, str(Path(PATH).parent), str(Path(PATH).parent.parent)])
def test_links_are_not_followed(tmp_path: Path, place: str) -> None:
    store = linked(tmp_path, place)
    assert (tmp_path / "inside" / PATH).read_bytes() == DATA
    with pytest.raises(
        StoreError, match="a link, or no folder, is where a folder or file of the store must be"
    ):
        store.get(KEY, NAME)
    with pytest.raises(StoreError, match="a link"):
        store.put(KEY, DATA)
    if place != PATH:
        with pytest.raises(StoreError, match="a link"):
            store.put(KEY, b"more")
        with pytest.raises(StoreError, match="a link"):
            store.copies(KEY)


def test_drafts_are_not_written_through_a_link(tmp_path: Path) -> None:
    store = linked(tmp_path, "drafts")
    with pytest.raises(StoreError, match="a link"):
        store.put(KEY, b"more")
    assert list((tmp_path / "outside").iterdir()) == []


def test_the_store_itself_may_be_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "disk")
    assert Store.open(str(tmp_path / "store")).put(KEY, DATA) == NAME
    assert (tmp_path / "disk" / PATH).read_bytes() == DATA


def test_only_files_are_read(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    (tmp_path / PATH).mkdir(parents=True)
    with pytest.raises(StoreError, match="is no file|Is a directory"):
        store.get(KEY, NAME)
    (tmp_path / PATH).rmdir()
    os.mkfifo(tmp_path / PATH)
    with pytest.raises(StoreError, match="is no file"):
        store.get(KEY, NAME)


def test_only_its_owner_reads_a_folder(tmp_path: Path) -> None:
    Store.open(str(tmp_path / "new")).put(KEY, DATA)
    for path in (tmp_path / "new").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_other_files_are_no_copies(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    store.put(KEY, DATA)
    (tmp_path / PATH).with_name("notes.txt").write_text("x")
    assert store.copies(KEY) == [NAME]


# -------------------------------------------------------------------------------------------- kills, faults

STEPS = ("open", "mkdir", "fsync", "link", "unlink", "close")
"""What the system is asked for while something is put."""


def counted(monkeypatch: pytest.MonkeyPatch, at: Callable[[int], None]) -> None:
    """Call `at` with the number of each such request, before it."""
    count = 0
    for name in STEPS:
        real = getattr(os, name)

        def step(*args: Any, real: Any = real, **options: Any) -> Any:
            nonlocal count
            count += 1
            at(count)
            return real(*args, **options)

        monkeypatch.setattr(os, name, step)


def _kill_at(step: int, number: int) -> None:
    if number == step:
        os.kill(os.getpid(), signal.SIGKILL)


def requests(tmp_path: Path) -> int:
    """How many there are for one put into a new store."""
    seen: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        counted(patch, seen.append)
        Store.open(str(tmp_path / "counted")).put(KEY, DATA)
    return max(seen)


def whole_or_nothing(root: Path) -> bool:
    """No copy but a whole one; true if there is one."""
    store = Store.open(str(root))
    found = store.copies(KEY) if root.exists() else []
    assert found in ([], [NAME])
    if found:
        assert store.get(KEY, NAME) == DATA
    return bool(found)


def test_killed_between_any_two_steps_there_is_the_whole_or_nothing(tmp_path: Path) -> None:
    total = requests(tmp_path)
    assert total > 15
    outcomes = []
    for step in range(1, total + 1):
        root = tmp_path / f"store{step}"
        child = os.fork()
        if child == 0:
            with pytest.MonkeyPatch.context() as patch:
                counted(patch, partial(_kill_at, step))
                Store.open(str(root)).put(KEY, DATA)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), step
        outcomes.append(whole_or_nothing(root))
        # The next one finishes the work, whatever is left of the last one.
        assert Store.open(str(root)).put(KEY, DATA) == NAME
        assert whole_or_nothing(root)
    assert set(outcomes) == {False, True}
    assert outcomes == sorted(outcomes)


def test_a_fault_at_any_step_leaves_the_whole_or_nothing(tmp_path: Path) -> None:
    """A full disk, a lost right. It is told, but for a folder that is there although it could not be made."""
    total, told = requests(tmp_path), 0
    for step in range(1, total + 1):
        root = tmp_path / f"store{step}"

        def fail(number: int, step: int = step) -> None:
            if number == step:
                raise OSError(28, "No space left on device")

        with pytest.MonkeyPatch.context() as patch:
            counted(patch, fail)
            try:
                Store.open(str(root)).put(KEY, DATA)
            except StoreError as error:
                assert "No space left on device" in str(error)
                told += 1
        whole_or_nothing(root)
        assert Store.open(str(root)).put(KEY, DATA) == NAME
    assert told == total - 1


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
def test_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refused)
    store = Store.open(str(tmp_path))
    assert store.put(KEY, DATA) == store.put(KEY, DATA) == NAME
    assert store.get(KEY, NAME) == DATA
    assert list((tmp_path / "drafts").iterdir()) == []


def test_a_link_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", refused)
    with pytest.raises(StoreError, match="Input/output error"):
        Store.open(str(tmp_path)).put(KEY, DATA)
    assert list((tmp_path / "drafts").iterdir()) == []


def test_a_remote_store_that_stops_half_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its library raises; nothing has the name before the move."""
    files = fsspec.filesystem("memory")
    for step in ("exists", "makedirs", "pipe_file", "mv", "ls", "open"):
        files.store.clear()
        store = Store.open("memory://broken")

        def broken(*_: Any, **__: Any) -> None:
            raise RuntimeError("the line is down")

        with monkeypatch.context() as patch:
            patch.setattr(type(files), step, broken)
            with pytest.raises(StoreError, match="RuntimeError: the line is down"):
                store.put(KEY, DATA)
                store.copies(KEY)
                store.get(KEY, NAME)
        assert store.copies(KEY) in ([], [NAME])
        store.put(KEY, DATA)
        assert store.get(KEY, NAME) == DATA


def test_copies_are_removed(store: Store) -> None:
    store.put(KEY, DATA)
    other = store.put(KEY, b"sealed to others")
    store.remove(KEY, NAME)
    assert store.copies(KEY) == [other]
    store.remove(KEY, NAME)
    with pytest.raises(StoreError, match="is no name of a copy"):
        store.remove(KEY, "../x")


def test_what_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    for url, place in ((str(tmp_path), "os.unlink"), ("memory://remove", _RM)):
        store = Store.open(url)
        store.put(KEY, DATA)
        with monkeypatch.context() as patch, pytest.raises(StoreError, match="Operation not permitted"):
            patch.setattr(place, refused)
            store.remove(KEY, NAME)
    linked(tmp_path / "x", str(Path(PATH).parent))
    with pytest.raises(StoreError, match="a link"):
        Store.open(str(tmp_path / "x" / "inside")).remove(KEY, NAME)


_RM = "fsspec.implementations.memory.MemoryFileSystem.rm_file"


def test_no_bucket_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that says it is an object store is asked for no folder."""

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("asked for a folder")

    files = fsspec.filesystem("memory")
    monkeypatch.setattr(type(files), "protocol", ("s3", "s3a"))
    monkeypatch.setattr(type(files), "makedirs", refused)
    store = Store("objects", stores._Remote(files, "/bucket"))
    assert store.get(KEY, store.put(KEY, DATA)) == DATA


def test_stores_that_cannot_be_opened() -> None:
    with pytest.raises(StoreError, match="nosuch://x: "):
        Store.open("nosuch://x")
    with pytest.raises(StoreError, match="has a user or password in it, which others can see") as caught:
        Store.open("sftp://ann:secret@host/x")
    assert "secret" not in str(caught.value)


def test_a_store_where_no_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    store = Store.open(str(tmp_path / "file"))
    for action in (lambda: store.put(KEY, DATA), lambda: store.copies(KEY), lambda: store.get(KEY, NAME)):
        with pytest.raises(StoreError):
            action()
