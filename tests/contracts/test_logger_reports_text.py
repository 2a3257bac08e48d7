"""What a report says is read from its text in one way only, on chain and in Python, or not at all.

Reports are written by the tests' own loggers, so what is in them is known; broken ones are refused by both
readers at the same line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from goldthread.rules import fridge_tag
from tests.support import CallFailed, Contract, Counters, Node, Reverted, deploy, fresh, reverts
from tests.support.fridge_tags import FridgeTag, Lot, TagDay, five_days, signed, sixty_days

NOW = datetime(2027, 1, 15, 10, 12)  # noqa: DTZ001
TAG = five_days(Lot(), NOW)
DAY_LINES = 13
"""Lines of a day that nobody checked."""
FIRST_DAY = 30
"""Lines before it."""

MINUTES = st.integers(0, 9999)
ALARM = st.none() | st.integers(0, 1439)
TENTHS = st.integers(-999, 999)
DAYS = st.builds(
    TagDay,
    TENTHS,
    TENTHS,
    MINUTES,
    MINUTES,
    ALARM,
    ALARM,
    MINUTES,
    st.sampled_from([(), ("AM",), ("PM",), ("AM", "PM")]),
)
MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2099, 12, 31, 23, 59))  # noqa: DTZ001
TAGS = st.builds(
    FridgeTag,
    MOMENTS,
    st.lists(DAYS, min_size=1, max_size=5) | st.lists(DAYS, min_size=60, max_size=60),
    st.builds(Lot, st.text("0123456789_AZ", min_size=1, max_size=31)),
    st.integers(0, 10**12 - 1),
    MOMENTS,
    TENTHS,
    TENTHS,
)


@pytest.fixture
def reader(node: Node) -> Contract:
    return deploy(node, "FridgeTagHarness")


def local(moment: datetime) -> int:
    """Seconds of a clock without a zone."""
    return int(moment.replace(second=0, microsecond=0, tzinfo=UTC).timestamp())


def word(tag: FridgeTag, index: int) -> int:
    """A day as library LoggerWords lays it out, from the lowest bit up."""
    day = tag.days[index]
    dated = (tag.date(index).date() - date(1970, 1, 1)).days
    alarms = [0 if at is None else at + 1 for at in (day.low_alarm, day.high_alarm)]
    temperatures = [value * 10 % 2**16 for value in (day.min, day.max)]
    values = [(dated, 24), *((t, 16) for t in temperatures)]
    values += [(v, 16) for v in (day.low, day.high, *alarms, day.timeout)]
    found = shift = 0
    for value, bits in values:
        found |= value << shift
        shift += bits
    return found


def truth(tag: FridgeTag) -> tuple[Any, ...]:
    """What is in the report, as `FridgeTag.Parsed`."""
    lot = tag.lot.name.encode().ljust(32, b"\0")
    times = local(tag.start), local(tag.created)
    days = tuple(word(tag, index) for index in range(len(tag.days)))
    return (tag.serial, lot, *times, tag.low * 10, tag.high * 10, days)


def on_chain(reader: Contract, text: bytes) -> tuple[Any, ...] | int:
    """What the contract reads, or where it stops."""
    try:
        found = reader.parse(text)
    except Reverted as reverted:
        assert reverted.error == "MalformedReport"
        (position,) = reverted.values
        assert isinstance(position, int)
        return position
    return (*found[:6], tuple(found.table))


def in_python(text: bytes) -> tuple[Any, ...] | int:
    """What the package reads, or where it stops."""
    try:
        found = fridge_tag.parse(text)
    except fridge_tag.ReportError as error:
        return error.position
    limits = found.low.value, found.high.value
    days = tuple(day.word for day in found.days)
    return (found.serial, found.lot.ljust(32, b"\0"), found.activated, found.created, *limits, days)


def test_a_report_is_read_as_it_was_written() -> None:
    reader = deploy(fresh(), "FridgeTagHarness")

    @given(TAGS)
    def check(tag: FridgeTag) -> None:
        assert on_chain(reader, tag.text) == in_python(tag.text) == truth(tag)

    check()


@pytest.mark.parametrize("tag", [TAG, sixty_days(Lot(), NOW)], ids=["5 days", "60 days"])
def test_reports_of_the_sizes_of_the_field(reader: Contract, tag: FridgeTag) -> None:
    assert on_chain(reader, tag.text) == in_python(tag.text) == truth(tag)
    assert len(TAG.text) == 2092


def test_every_day_of_a_leap_year_and_the_next(reader: Contract) -> None:
    """And the first and the last of the century that the logger's clock can show."""
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(731)]
    days += [date(2000, 1, 1), date(2000, 2, 29), date(2000, 12, 31), date(2099, 12, 31)]
    for day in days:
        tag = FridgeTag(datetime(day.year, day.month, day.day, 23, 59), [TagDay()])  # noqa: DTZ001
        assert on_chain(reader, tag.text) == truth(tag)
    for text in ("2023-02-29", "2024-02-30", "2024-00-10", "2024-13-10", "2024-01-00", "2024-01-32"):
        lines = TAG.lines
        lines[28] = f" TS Actv: {text} 12:00"
        refused(reader, lines, 28)
    for month in range(1, 13):
        last = (date(2024 + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
        lines = TAG.lines
        lines[28] = f" TS Actv: 2024-{month:02}-{last + 1} 12:00"
        refused(reader, lines, 28)


def refused(reader: Contract, lines: list[str], line: int) -> None:
    """Both readers stop where this line begins."""
    position = len(signed(lines[:line]))
    assert (on_chain(reader, signed(lines)), in_python(signed(lines))) == (position, position)


def test_a_refusal_names_where_the_line_begins(reader: Contract) -> None:
    with reverts("MalformedReport", 0):
        reader.parse(b"")
    with reverts("MalformedReport", len(signed(TAG.lines[:5]))):
        reader.parse(signed([*TAG.lines[:5], " Serial: 16040034394"]))


@pytest.mark.parametrize("line", range(FIRST_DAY + DAY_LINES + 1))
def test_no_line_can_be_missing_doubled_or_another(reader: Contract, line: int) -> None:
    tag = FridgeTag(NOW, [TagDay(), TagDay(min=40)])
    lines = tag.lines
    refused(reader, lines[:line] + lines[line + 1 :], line)
    refused(reader, lines[:line] + [lines[line]] + lines[line:], line + 1)
    refused(reader, lines[:line] + ["x" + lines[line][1:]] + lines[line + 1 :], line)
    refused(reader, [*lines[:line], lines[line] + "\r", *lines[line + 1 :]], line)
    if line + 1 < FIRST_DAY + DAY_LINES:
        refused(reader, [*lines[:line], lines[line + 1], lines[line], *lines[line + 2 :]], line)


EDGES: list[tuple[int, str, bool]] = [
    (5, " Serial: 160400343949 ", False),
    (5, " Serial: 1604003439490", False),
    (5, " Serial: 16040034394x", False),
    (5, " Serial: 000000000000", True),
    (8, " Lot: ", False),
    (8, " Lot: L", True),
    (8, " Lot: " + 31 * "L", True),
    (8, " Lot: " + 32 * "L", False),
    (15, " Temp unit: F", False),
    (18, "   T AL: -0.5, t AL: ", True),
    (18, "   T AL: 0.5, t AL: 60", False),
    (18, "   T AL: -0.55, t AL: 60", False),
    (18, "   T AL: --0.5, t AL: 60", False),
    (18, "   T AL: +-0.5, t AL: 60", False),
    (18, "   T AL: -.5, t AL: 60", False),
    (18, "   T AL: -1000.5, t AL: 60", False),
    (18, "   T AL: -999.9, t AL: 60", True),
    (18, "   T AL: +0,5, t AL: 60", False),
    (28, " TS Actv: 2025-03-13 24:00", False),
    (28, " TS Actv: 2025-03-13 23:60", False),
    (28, " TS Actv: 2025-03-13 23:59", True),
    (28, " TS Actv: 2025-03-13 3:59", False),
    (28, " TS Actv: 1999-12-31 23:59", False),
    (28, " TS Actv: 2100-01-01 00:00", False),
    (28, " TS Actv: 2025/03/13 23:59", False),
    (28, " TS Actv: 2025-03/13 23:59", False),
    (28, " TS Actv: 2025-03-13T23:59", False),
    (28, " TS Actv: 2025-03-13 23.59", False),
    (28, " TS Actv: 2025-03-13 23:59:00", False),
    (30, " 01:", True),
    (30, " 2:", False),
    (30, " :", False),
    (30, " 001:", False),
    (31, "  Date: 2027-01-15 ", False),
    (32, "  Min T: +4.5,TS Min T: 00:20", False),
    (32, "  Min T: +4.5, TS Min T: ", True),
    (37, "    t Acc: ", False),
    (37, "    t Acc: 12345", False),
    (37, "    t Acc: 9999", True),
    (37, "    t Acc: -1", False),
    (37, "    t Acc: 66, TS A: 00:00, C A: ", True),
    (37, "    t Acc: 66, TS A: 00:00", False),
    (37, "    t Acc: 66, TS A: 24:00, C A: 0", False),
    (37, "    t Acc: 66, TS B: 00:00, C A: 0", False),
    (41, "   t AccST: 7, TS ST: 10:00", True),
    (41, "   t AccST: 7 TS ST: 10:00", False),
    (41, "   t AccST: 12345", False),
]
"""Line, what is in it, and whether that is a report."""


@pytest.mark.parametrize(("line", "text", "good"), EDGES, ids=[text for _, text, _ in EDGES])
def test_the_edges_of_every_value(reader: Contract, line: int, text: str, good: bool) -> None:
    lines = FridgeTag(NOW, [TagDay(), TagDay()]).lines
    label = text.split(":")[0]
    assert lines[line].split(":")[0] == label or label.strip().isdecimal() or not label.strip()
    lines[line] = text
    if good:
        assert on_chain(reader, signed(lines)) == in_python(signed(lines))
        assert isinstance(in_python(signed(lines)), tuple)
    else:
        refused(reader, lines, line)


def test_days_are_numbered_from_one_to_sixty(reader: Contract) -> None:
    days = [TagDay()] * 61
    assert on_chain(reader, FridgeTag(NOW, days[:60]).text) == truth(FridgeTag(NOW, days[:60]))
    refused(reader, FridgeTag(NOW, days).lines, FIRST_DAY + 60 * DAY_LINES)
    refused(reader, FridgeTag(NOW, []).lines, FIRST_DAY)


@pytest.mark.parametrize("step", [0, 1])
def test_the_newest_day_comes_first(reader: Contract, step: int) -> None:
    tag = FridgeTag(NOW, [TagDay(), TagDay()])
    lines = tag.lines
    place = FIRST_DAY + DAY_LINES + 1
    lines[place] = f"  Date: {NOW + timedelta(days=step):%Y-%m-%d}"
    refused(reader, lines, place)
    lines[place] = "  Date: 2020-02-29"
    assert isinstance(on_chain(reader, signed(lines)), tuple)


@pytest.mark.parametrize(
    ("entries", "good"),
    [
        ([], True),
        (["   TS AM: 10:12"], True),
        (["   TS PM: 10:12"], True),
        (["   TS AM: 10:12", "   TS PM: 10:12"], True),
        (["   TS PM: 10:12", "   TS AM: 10:12"], False),
        (["   TS AM: 10:12", "   TS AM: 10:12"], False),
        (["   TS XM: 10:12"], False),
    ],
)
def test_checks_by_people_are_passed_over(reader: Contract, entries: list[str], good: bool) -> None:
    lines = FridgeTag(NOW, [TagDay()]).lines
    place = FIRST_DAY + DAY_LINES
    lines[place:place] = ["  Checked:", *entries]
    chain, python = on_chain(reader, signed(lines)), in_python(signed(lines))
    assert chain == python
    assert isinstance(chain, tuple) == good


def cut(reader: Contract, text: bytes, length: int) -> int:
    """Where the contract stops if the calldata holds all of the text, and says that it is shorter."""
    data = bytearray(reader.parse.encode(text))
    data[36:68] = length.to_bytes(32, "big")
    with pytest.raises(CallFailed) as failed:
        reader.node.call(reader.address, bytes(data))
    assert failed.value.output[:4] == keccak(text="MalformedReport(uint256)")[:4]
    return int.from_bytes(failed.value.output[4:], "big")


def test_nothing_behind_the_text_is_read(reader: Contract) -> None:
    """Even if it goes on in the calldata just as it should."""
    text = FridgeTag(NOW, [TagDay(checked=("AM",), low=1, low_alarm=3), TagDay()]).text
    end = text.index(b"Cert:\r\n") + len(b"Cert:\r\n")
    starts = [0, *(i + 2 for i in range(end) if text[i : i + 2] == b"\r\n")]
    for length in range(end):
        expected = max(start for start in starts if start <= length)
        assert (cut(reader, text, length), in_python(text[:length])) == (expected, expected)
    assert isinstance(on_chain(reader, text[:end]), tuple)


CORRUPTIONS: dict[str, Callable[[bytes, int, int], bytes]] = {
    "another byte": lambda text, i, b: text[:i] + bytes([b]) + text[i + 1 :],
    "one byte more": lambda text, i, b: text[:i] + bytes([b]) + text[i:],
    "one byte less": lambda text, i, b: text[:i] + text[i + 1 :],
    "cut": lambda text, i, b: text[:i],
    "a piece twice": lambda text, i, b: text[: i + b] + text[i:],
    "a piece less": lambda text, i, b: text[:i] + text[i + b :],
    "no carriage return": lambda text, i, b: text[:i] + text[i:].replace(b"\r", b"", 1),
    "no line feed": lambda text, i, b: text[:i] + text[i:].replace(b"\n", b"", 1),
}


def test_both_readers_refuse_the_same_at_the_same_place() -> None:
    reader, count = deploy(fresh(), "FridgeTagHarness"), Counters()
    places = st.tuples(
        st.sampled_from(sorted(CORRUPTIONS)), st.integers(0, 2200), st.binary(min_size=1, max_size=1)
    )

    @given(TAGS, st.lists(places, min_size=1, max_size=3))
    def check(tag: FridgeTag, corruptions: list[tuple[str, int, bytes]]) -> None:
        text = replace(tag, days=tag.days[:3]).text
        for how, place, value in corruptions:
            text = CORRUPTIONS[how](text, place % (len(text) + 1), value[0])
            count.hit(how)
        found = on_chain(reader, text)
        assert found == in_python(text)
        count.hit("read" if isinstance(found, tuple) else "refused")

    check()
    count.require([*CORRUPTIONS, "read", "refused"])
