from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.rules.readings import (
    QUANTITIES,
    Layout,
    Reading,
    ReadingsError,
    parse_time,
    quantity,
    read_csv,
    read_recording,
)

TEMPERATURE = QUANTITIES[1]


def file(folder: Path, text: str) -> Path:
    path = folder / "readings.csv"
    path.write_text(text)
    return path


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_a_value_survives_its_text(whole: int) -> None:
    text = TEMPERATURE.text(whole).removesuffix(" °C")
    assert TEMPERATURE.whole(text) == whole


def test_values_are_exact() -> None:
    assert TEMPERATURE.whole("0.1") == 10
    assert TEMPERATURE.whole("-0.5") == -50
    assert TEMPERATURE.whole(" 8.00 ") == 800
    assert TEMPERATURE.whole("1e1") == 1000
    assert TEMPERATURE.whole(Decimal("7.995"), rounded=True) == 800
    assert TEMPERATURE.whole("7.985", rounded=True) == 798
    assert TEMPERATURE.whole("4.0625", rounded=True) == 406
    assert QUANTITIES[3].whole("9806") == 9806
    assert quantity("300").whole("-7") == -7


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("warm", "no decimal number"),
        ("", "no decimal number"),
        ("5,1", "no decimal number"),
        ("nan", "no finite number"),
        ("Infinity", "no finite number"),
        ("7.995", "more than the 2 decimals"),
        ("21474836.48", "32 bits"),
        ("-21474836.49", "32 bits"),
        ("1e400", "32 bits"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        TEMPERATURE.whole(text)


def test_times() -> None:
    assert parse_time("1800000000") == 1_800_000_000
    assert parse_time("2027-01-15T08:00:00Z") == 1_800_000_000
    assert parse_time("2027-01-15T09:00:00+01:00") == 1_800_000_000
    assert parse_time("2027-01-15 08:00") == 1_800_000_000
    for text in ("yesterday", "2027-01-15T08:00:00.5Z", "-5", "1e9", str(1 << 40), "1969-12-31"):
        with pytest.raises(ValueError, match="time"):
            parse_time(text)


@pytest.mark.parametrize("name", ["heat", "8", "255", "65536", "-1"])
def test_an_unknown_quantity_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be one of temperature"):
        quantity(name)


@pytest.mark.parametrize(
    "text",
    [
        "100,5.00\n160,5.5\n",
        "time,value\n100,5.00\n160,5.5",
        "\ufefftime;value\r\n100;5.00\r\n160;5.5\r\n",
        "Zeit\tWert\n\n100\t5\n160\t5.50\n\n",
        '"time","value"\n"100","5"\n"160","5.5"\n',
    ],
)
def test_a_file_is_read(tmp_path: Path, text: str) -> None:
    assert read_csv(file(tmp_path, text), TEMPERATURE) == [Reading(100, 500), Reading(160, 550)]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("100,5\n160\n", 2, "has 1 columns"),
        ("100,5\n160,5,6\n", 2, "has 3 columns"),
        ("time,value\n100,5\n100,6\n", 3, "time 100 is not later"),
        ("100,5\n99,6\n", 2, "time 99 is not later"),
        ("100,5\n160,warm\n", 2, "'warm' is no decimal number"),
        ("100,5\n160,\n", 2, "is no decimal number"),
        ("100,5\n160,5.123\n", 2, "more than the 2 decimals"),
        ("100,5\n160,99999999\n", 2, "32 bits"),
        ("100,5\nnoon,5\n", 2, "'noon' is neither"),
        ("title 1,value\n100,5\n", 1, "'title 1' is neither"),
        ("time,value\nmore,titles\n", 2, "'more' is neither"),
    ],
)
def test_a_bad_row_is_named_by_file_line_and_reason(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    path = file(tmp_path, text)
    with pytest.raises(ReadingsError) as caught:
        read_csv(path, TEMPERATURE)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n\n", "time,value\n"])
def test_a_file_without_readings_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ReadingsError, match="has no readings"):
        read_csv(file(tmp_path, text), TEMPERATURE)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"100,5\n\xff\xfe")
    with pytest.raises(ReadingsError, match="is no UTF-8 text, at byte 6"):
        read_csv(path, TEMPERATURE)
    with pytest.raises(ReadingsError, match="No such file"):
        read_csv(tmp_path / "none.csv", TEMPERATURE)


def test_rounding_is_asked_for(tmp_path: Path) -> None:
    path = file(tmp_path, "100,4.0625\n")
    assert read_csv(path, TEMPERATURE, rounded=True) == [Reading(100, 406)]


def test_a_seal_is_intact_or_broken() -> None:
    seal = quantity("seal")
    assert (seal.number, seal.whole("0"), seal.whole("1")) == (7, 0, 1)
    with pytest.raises(ValueError, match="less than a seal can be"):
        seal.whole("-1")


LOGGER = """\
Serial;4711
Model;RC-5
No.;Time;Temp;Hum
1;03.07.2026 08:00:00;5,12;40,5
2;03.07.2026 08:05:00;5,30;40,6
3;03.07.2026 09:05:00;-0,5;41
"""


def test_the_export_of_a_logger_is_read(tmp_path: Path) -> None:
    file = tmp_path / "logger.csv"
    file.write_text(LOGGER)
    layout = Layout(
        time="Time", value="Temp", time_format="%d.%m.%Y %H:%M:%S", zone="Europe/Berlin", skip_rows=2,
        decimal_comma=True,
    )  # fmt: skip
    found = read_recording(file, QUANTITIES[1], layout)
    start = parse_time("2026-07-03T06:00:00Z")
    assert found.readings == [Reading(start, 512), Reading(start + 300, 530), Reading(start + 3900, -50)]
    assert found.lines == [4, 5, 6]
    assert found.gaps(300) == [(6, 3600)]
    assert found.gaps(3600) == []
    assert found.skipped == []
    numbered = read_recording(file, QUANTITIES[2], replace(layout, time=2, value=4))
    assert [reading.value for reading in numbered.readings] == [4050, 4060, 4100]


def test_rows_that_go_back_are_passed_over_where_that_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "logger.csv"
    file.write_text("time,value\n100,1\n200,2\n150,3\n200,4\n300,5\n")
    with pytest.raises(ReadingsError, match="line 4: time 150 is not later"):
        read_recording(file, QUANTITIES[1], Layout())
    found = read_recording(file, QUANTITIES[1], Layout(skip_backwards=True))
    assert [reading.time for reading in found.readings] == [100, 200, 300]
    assert [line for line, _ in found.skipped] == [4, 5]
    assert found.lines == [2, 3, 6]


@pytest.mark.parametrize(
    ("text", "layout", "rule"),
    [
        (
            LOGGER,
            Layout(time="When", value="Temp", skip_rows=2),
            "line 3: must have one column When, has No., Time",
        ),
        ("a,a\n1,2\n", Layout(time="a", value=2), "line 1: must have one column a, has a, a"),
        ("1,2\n", Layout(time=1, value=3), "line 1: has 2 columns, there is none 3"),
        ("1,2\n", Layout(time=0, value=1), "column 0: columns are counted from 1"),
        ("1,2,3\n", Layout(), "line 1: has 3 columns, expected time and value"),
        ("1,2\nx,3\n", Layout(time=1), "line 2: time 'x' is neither"),
        ("x1,2\n", Layout(time_format="%Y"), "line 1: time 'x1' is not in %Y"),
        ("2026-01-01,2\n", Layout(zone="Nowhere/At_All"), "time zone 'Nowhere/At_All' is not known"),
        ("1,2\n", Layout(skip_rows=1), "has no readings"),
        ("1;2,5\n", Layout(delimiter=";"), "'2,5' is no decimal number"),
    ],
)
def test_a_layout_that_does_not_fit_is_named(tmp_path: Path, text: str, layout: Layout, rule: str) -> None:
    file = tmp_path / "logger.csv"
    file.write_text(text)
    with pytest.raises(ReadingsError, match=re.escape(rule)):
        read_recording(file, QUANTITIES[1], layout)
