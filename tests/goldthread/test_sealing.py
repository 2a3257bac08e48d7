"""Sealed documents: whom they are named to reads them, nobody else, and a change is noticed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.records.sealing import ReaderKey, SealError, is_sealed, load_keys, seal, unseal

ANN, BOB, EVE = (ReaderKey.generate() for _ in range(3))
SEALED = seal(b"yield 97340", [ANN.reader, BOB.reader])


@given(st.binary(max_size=4096))
def test_each_reader_opens_it_alone(data: bytes) -> None:
    sealed = seal(data, [ANN.reader, BOB.reader, ANN.reader])
    assert is_sealed(sealed)
    assert len(data) < 24 or data not in sealed
    assert unseal(sealed, [ANN]) == unseal(sealed, [EVE, BOB]) == data
    with pytest.raises(SealError, match="is sealed, and no key given opens it"):
        unseal(sealed, [EVE])


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_a_change_is_noticed(place: int, change: int) -> None:
    changed = SEALED[:place] + bytes([SEALED[place] ^ change]) + SEALED[place + 1 :]
    with pytest.raises(SealError):
        unseal(changed, [ANN])


@pytest.mark.parametrize("length", [0, 1, 22, -1])
def test_a_part_is_not_opened(length: int) -> None:
    with pytest.raises(SealError):
        unseal(SEALED[:length], [ANN])


def test_what_is_not_sealed_is_not_taken_for_it() -> None:
    assert not is_sealed(b"{}")
    with pytest.raises(SealError, match="the key of a reader is needed"):
        unseal(SEALED, [])


def test_readers_are_named_by_their_public_keys() -> None:
    with pytest.raises(SealError, match="readers: name at least one"):
        seal(b"", [])
    for text in ("", "age1", "AGE-SECRET-KEY-1", ANN.reader[:-1], "ssh-ed25519 AAAA"):
        with pytest.raises(SealError, match=r"must be a public key of age \(age1...\)"):
            seal(b"", [text])


def test_a_key_file_is_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "ann.key"
    ANN.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (found,) = load_keys(path)
    assert found.reader == ANN.reader
    assert unseal(SEALED, [found]) == b"yield 97340"
    assert path.read_text().startswith(f"# public key: {ANN.reader}\nAGE-SECRET-KEY-1")
    with pytest.raises(SealError, match="File exists"):
        BOB.save(path)
    assert load_keys(path)[0].reader == ANN.reader
    with path.open("a") as file:
        file.write(f"\n# and Bob\n  {BOB._identity}  \n")
    assert [key.reader for key in load_keys(path)] == [ANN.reader, BOB.reader]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no key of age"),
        (b"# only a comment\n", "holds no key of age"),
        (b"\xff\xfe", "holds no key of age"),
        (b"# x\nAGE-SECRET-KEY-1QQQQ\n", "line 2: is no key of age"),
        (b"#" * (1 << 17), "holds no key of age"),
    ],
)
def test_files_without_a_key(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.key"
    path.write_bytes(content)
    with pytest.raises(SealError, match=message) as caught:
        load_keys(path)
    assert "QQQQ" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="No such file"):
        load_keys(tmp_path / "none.key")
    with pytest.raises(SealError, match="No such file"):
        ANN.save(tmp_path / "none" / "ann.key")


def test_a_key_does_not_show_itself() -> None:
    assert "AGE-SECRET" not in repr(ANN)
