"""Files of serials and of contents: what is wrong is named with file, line and reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.chain import contents
from goldthread.chain.merkle import ContentLeaf
from goldthread.files import FileError
from goldthread.gs1 import DigitalLink, IdError, is_class, twin_id
from goldthread.gs1.keys import CSET82
from goldthread.gs1.serials import read, unit_ids
from tests.goldthread.test_gs1 import LINKS

GTIN = "https://id.gs1.org/01/09506000134352"
LOT = f"{GTIN}/10/L"


def serials(count: int) -> list[str]:
    return [f"{GTIN}/21/{i}" for i in range(count)]


URIS = st.one_of(
    LINKS.map(lambda link: link.uri),
    st.text(CSET82, min_size=1, max_size=21).map(lambda serial: f"{GTIN}/21/{serial}"),
    st.text(CSET82, min_size=1, max_size=20).map(lambda s: DigitalLink("01", "09506000134352", "21", s).uri),
    st.sampled_from([GTIN, LOT, f"{GTIN}/21", f"{GTIN}/21/", "urn:a:b:c", "https://a.example/21/x", ""]),
)


@given(st.lists(URIS, max_size=8))
def test_many_ids_at_once_are_those_of_each(uris: list[str]) -> None:
    found: list[bytes] = []
    good = True
    try:
        found += unit_ids(uris)
    except IdError:
        good = False
    expected = []
    for uri in uris:
        try:
            expected.append(twin_id(uri))
        except IdError:
            break
        if uri.startswith("https://id.gs1.org/") and is_class(DigitalLink.parse(uri)):
            expected.pop()
            break
    assert good == (len(expected) == len(uris))
    if good:
        assert found == expected


@pytest.mark.parametrize("name", ["serials.txt", "serials.csv"])
def test_a_file_is_read_in_its_order(tmp_path: Path, name: str) -> None:
    path, uris = tmp_path / name, serials(5)
    rows = [f"{i},{uri}" for i, uri in enumerate(uris)] if name.endswith("csv") else uris
    head = ["number,uri"] if name.endswith("csv") else []
    for end in ("\n", "\r\n"):
        path.write_bytes(b"\xef\xbb\xbf" + end.join([*head, *rows]).encode())
        assert list(read(path)) == [(uri, twin_id(uri)) for uri in uris]
        path.write_text(end.join([*head, *rows, ""]), newline="")
        assert len(list(read(path))) == 5


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["", f"{GTIN}/21/1"], "line 1: is empty"),
        ([*serials(2), "", f"{GTIN}/21/3"], "line 3: is empty"),
        ([*serials(2), f"{GTIN}/21/9 "], f"line 3: uri '{GTIN}/21/9 ' has blanks around it"),
        ([*serials(2), "https://id.gs1.org/01/9506000134352/21/2"], "line 3: .* is not in its canonical"),
        ([*serials(2), f"{GTIN[:-1]}3/21/2"], r"line 3: GTIN \(01\) .*check digit is 3"),
        ([*serials(2), "urn:epc:id:sgtin:9506000.013435.1"], "line 3: .*EPC URNs are written as"),
        ([*serials(2), GTIN], "line 3: .* names a class or a lot, not a single thing"),
        ([*serials(2), LOT], "line 3: .* names a class or a lot, not a single thing"),
        ([*serials(3), f"{GTIN}/21/1"], f"line 4: {GTIN}/21/1 is in line 2 already"),
        ([f"{GTIN}/21/{'x' * 21}"], "line 1: .*has 21 characters"),
        ([], "has no serials"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    path = tmp_path / "serials.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(FileError, match=message) as caught:
        list(read(path))
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1: must have one column uri, has "),
        (b"link\nx", "line 1: must have one column uri, has link"),
        (b"uri,uri\nx,y", "line 1: must have one column uri, has uri, uri"),
        (b"uri,n\nurn:a:b:c\n", "line 2: has 1 columns, the titles are 2"),
        (b"uri\nurn:a:b:\xff\n", "is no UTF-8 text"),
        (b"uri\n", "has no serials"),
    ],
)
def test_a_bad_csv_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "serials.csv"
    path.write_bytes(data)
    with pytest.raises(FileError, match=message):
        list(read(path))
    with pytest.raises(FileError, match=r"none.txt: No such file"):
        list(read(tmp_path / "none.txt"))


HEAD = "child,childRoot,lot,quantity,note\n"
WORD = "0x" + "ab" * 32


def test_contents_are_read(tmp_path: Path) -> None:
    path = tmp_path / "pallet.csv"
    rows = [f"(00)340123453111111115,{WORD},{LOT},2000000,a case", f"{GTIN}/21/7,,{WORD},1000000,"]
    path.write_text(HEAD + "\n".join([*rows, f"{WORD},,,0,\n"]))
    case = twin_id("https://id.gs1.org/00/340123453111111115")
    word = bytes.fromhex(WORD[2:])
    assert list(contents.read(path)) == [
        ContentLeaf(0, case, word, twin_id(LOT), 2_000_000),
        ContentLeaf(1, twin_id(f"{GTIN}/21/7"), bytes(32), word, 1_000_000),
        ContentLeaf(2, word, bytes(32), bytes(32), 0),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f",,{LOT},1,", "line 3: child: is empty"),
        (f"0x12,,{LOT},1,", "line 3: '0x12': an id or root is 0x and 64 hex digits"),
        (f"{GTIN}/21/8,abc,{LOT},1,", "line 3: 'abc': an id or root is 0x and 64 hex digits"),
        (f"01/9506000134353,,{LOT},1,", r"line 3: GTIN \(01\) '09506000134353': check digit"),
        (f"{GTIN}/21/8,,{LOT},1.5,", "line 3: quantity '1.5': must be a whole number"),
        (f"{GTIN}/21/8,,{LOT},{1 << 96},", "line 3: quantity 79228162514264337593543950336: must be from 0"),
        (f"{GTIN}/21/7,,{LOT},1,", f"line 3: {GTIN}/21/7 of the same lot is in line 2 already"),
    ],
)
def test_bad_contents_are_named(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "pallet.csv"
    path.write_text(f"{HEAD}{GTIN}/21/7,,{LOT},1,\n{row}\n")
    with pytest.raises(FileError, match=message):
        list(contents.read(path))
    path.write_text(HEAD)
    with pytest.raises(FileError, match="has no contents"):
        list(contents.read(path))
