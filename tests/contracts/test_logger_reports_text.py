"""What a report says is read from its text in one way only, on chain and in Python, or not at all.

Reports are written by the tests' own loggers, so what is in them is known; broken ones are refused by both
readers. Where they are broken, Python says by the line; the contract compares up to five lines at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Stop:
    """Where a reader does not go on."""

    position: int


def on_chain(reader: Contract, text: bytes) -> tuple[Any, ...] | Stop:
    """What the contract reads."""
    try:
        found = reader.parse(text)
    except Reverted as reverted:
        assert reverted.error == "MalformedReport"
        return Stop(*reverted.values)
    return (*found[:6], tuple(found.table))


def in_python(text: bytes) -> tuple[Any, ...] | Stop:
    """What the package reads."""
    try:
        found = fridge_tag.parse(text)
    except fridge_tag.ReportError as error:
        return Stop(error.position)
    limits = found.low.value, found.high.value
    days = tuple(day.word for day in found.days)
    return (found.serial, found.lot.ljust(32, b"\0"), found.activated, found.created, *limits, days)


def both(reader: Contract, text: bytes) -> tuple[Any, ...] | None:
    """What both readers read alike; none if both refuse, at about the same place."""
    chain, python = on_chain(reader, text), in_python(text)
    if isinstance(chain, Stop) and isinstance(python, Stop):
        lines = [text.count(b"\r\n", 0, stop.position) for stop in (chain, python)]
        assert lines[0] - 1 <= lines[1] <= lines[0] + 5 or chain.position >= len(text), (chain, python)
        return None
    assert chain == python
    assert isinstance(chain, tuple)
    return chain


def test_a_report_is_read_as_it_was_written() -> None:
    reader = deploy(fresh(), "FridgeTagHarness")

    @given(TAGS)
    def check(tag: FridgeTag) -> None:
        assert both(reader, tag.text) == truth(tag)

    check()


@pytest.mark.parametrize("tag", [TAG, sixty_days(Lot(), NOW)], ids=["5 days", "60 days"])
def test_reports_of_the_sizes_of_the_field(reader: Contract, tag: FridgeTag) -> None:
    assert both(reader, tag.text) == truth(tag)
    assert len(TAG.text) == 2092


def test_every_day_of_a_leap_year_and_the_next(reader: Contract) -> None:
    """And the first and the last of the century that the logger's clock can show."""
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(731)]
    days += [date(2000, 1, 1), date(2000, 2, 29), date(2000, 12, 31), date(2099, 12, 31)]
    for day in days:
        tag = FridgeTag(datetime(day.year, day.month, day.day, 23, 59), [TagDay()])  # noqa: DTZ001
        assert both(reader, tag.text) == truth(tag)
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
    """Python stops where this line begins, the contract near there."""
    text = signed(lines)
    assert both(reader, text) is None
    assert in_python(text) == Stop(len(signed(lines[:line])))


def test_a_refusal_names_a_place(reader: Contract) -> None:
    with reverts("MalformedReport", 0):
        reader.parse(b"")
    with reverts("MalformedReport", len(signed(TAG.lines[:5])) + len(" Serial: ")):
        reader.parse(signed([*TAG.lines[:5], " Serial: 16040034394"]))
    text = TAG.text
    with reverts("MalformedReport", text.index(b"Cert:")):
        reader.parse(text[: text.index(b"Cert:") + 6])


FREE = {2, 3, 6, 7, *range(9, 15), *range(21, 27)}
"""Lines of the configuration that no rule looks at."""


@pytest.mark.parametrize("line", range(FIRST_DAY + DAY_LINES + 1))
def test_no_line_can_be_missing_doubled_or_another(reader: Contract, line: int) -> None:
    """But those that no rule looks at."""
    tag = FridgeTag(NOW, [TagDay(high=7), TagDay(min=40)])
    before, this, after = tag.lines[:line], tag.lines[line], tag.lines[line + 1 :]
    expected = truth(tag) if line in FREE else None
    assert both(reader, signed([*before, *after])) == expected
    assert both(reader, signed([*before, "x" + this[1:], *after])) == expected
    assert both(reader, signed([*before, this, this, *after])) in (expected, truth(tag))
    if not this.startswith(" Lot"):
        assert both(reader, signed([*before, this + "x", *after])) in (expected, truth(tag))
    assert both(reader, signed([*before, this + "\r", *after])) in (expected, truth(tag), None)
    both(reader, signed([*before, this + "\n", *after]))
    both(reader, signed([*before, *after[:1], this, *after[1:]]))


EDGES: list[tuple[int, str, bool]] = [
    (0, "Device: Q-tag Fridge-tag 3", False),
    (0, "Device: Q-tag Fridge-tag 2 ", False),
    (1, "Vers: 0.6", False),
    (1, "Vers: 0.57", False),
    (5, " Serial: 000000000000", True),
    (5, " Serial: 999999999999", True),
    (15, " Temp unit: F", False),
    (18, "   T AL: -0.5, t AL: ", True),
    (18, "   T AL: -0.5, t AL:60", False),
    (18, "   T AL: 0.5, t AL: 60", False),
    (18, "   T AL: -0.55, t AL: 60", False),
    (18, "   T AL: --0.5, t AL: 60", False),
    (18, "   T AL: +-0.5, t AL: 60", False),
    (18, "   T AL: ,0.5, t AL: 60", False),
    (18, "   T AL: -.5, t AL: 60", False),
    (18, "   T AL: -:.5, t AL: 60", False),
    (18, "   T AL: -/.5, t AL: 60", False),
    (18, "   T AL: -1:.5, t AL: 60", False),
    (18, "   T AL: -:1.5, t AL: 60", False),
    (18, "   T AL: -0.:, t AL: 60", False),
    (18, "   T AL: -100.5, t AL: 60", False),
    (18, "   T AL: -99.9, t AL: 60", True),
    (18, "   T AL: +0.0, t AL: 60", True),
    (18, "   T AL: -0.0, t AL: 60", True),
    (18, "   T AL: +09.9, t AL: 60", True),
    (18, "   T AL: +0,5, t AL: 60", False),
    (28, " TS Actv: 2025-03-13 24:00", False),
    (28, " TS Actv: 2025-03-13 23:60", False),
    (28, " TS Actv: 2025-03-13 23:59", True),
    (28, " TS Actv: 2025-03-13 3:59", False),
    (28, " TS Actv: 1999-12-31 23:59", False),
    (28, " TS Actv: 2100-01-01 00:00", False),
    (28, " TS Actv: 2025/03/13 23:59", False),
    (28, " TS Actv: 2025-03/13 23:59", False),
    (28, " TS Actv: 202:-03-13 23:59", False),
    (28, " TS Actv: 2025-0:-13 23:59", False),
    (28, " TS Actv: 2025-03-1/ 23:59", False),
    (28, " TS Actv: 2025-03-\x8613 23:5", False),
    (28, " TS Actv: 2025-03-13T23:59", False),
    (28, " TS Actv: 2025-03-13 23.59", False),
    (28, " TS Actv: 2025-03-13 23:59:00", False),
    (30, " 01:", False),
    (30, " 2:", False),
    (30, " :", False),
    (31, "  Date: 2027-01-15 ", False),
    (32, "  Min T: +4.5,TS Min T: 00:20", False),
    (32, "  Min T: +4.5, TS Min T: 00:2", False),
    (32, "  Min T: +4.5, TS Min T: 00:200", False),
    (32, "  Min T: +4.5, TS Min T: --:--", True),
    (34, "  Avrg T: ", True),
    (37, "    t Acc: ", False),
    (37, "    t Acc: :", False),
    (37, "    t Acc: /", False),
    (37, "    t Acc: 12345", False),
    (37, "    t Acc: 9999", True),
    (37, "    t Acc: 0000", True),
    (37, "    t Acc: -1", False),
    (37, "    t Acc: 66, TS A: 00:00, C A: ", True),
    (37, "    t Acc: 66, TS A: 23:59, C A: 7", True),
    (37, "    t Acc: 66, TS A: 00:00", False),
    (37, "    t Acc: 66, TS A: 24:00, C A: 0", False),
    (37, "    t Acc: 66, TS A: 00:60, C A: 0", False),
    (37, "    t Acc: 66, TS B: 00:00, C A: 0", False),
    (41, "   t AccST: 7", True),
    (41, "   t AccST: 7, TS ST: 10:00", True),
    (41, "   t AccST: 7 TS ST: 10:00", False),
    (41, "   t AccST: 12345", False),
    (42, "  Events: ", True),
    (42, "  Events:", False),
]
"""Line, what is in it, and whether that is a report."""


@pytest.mark.parametrize(("line", "text", "good"), EDGES, ids=[text for _, text, _ in EDGES])
def test_the_edges_of_every_value(reader: Contract, line: int, text: str, good: bool) -> None:
    lines = FridgeTag(NOW, [TagDay(), TagDay()]).lines
    lines[line] = text
    assert (both(reader, signed(lines)) is not None) == good


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (5, " Serial: 160400343949 "),
        (5, " Serial: 1604003439490"),
        (5, " Serial: 16040034394x"),
        (5, " Serial: 16040034394:"),
        (5, " Serial: /60400343949"),
        (8, " Lot: "),
        (8, " Lot: " + 32 * "L"),
        (8, " Lot: " + 300 * "L"),
        (28, " TS Actv: 2027-02-29 12:00"),
        (31, "  Date: 2027-02-29"),
        (42, "  Events"),
    ],
)
def test_python_names_the_line(reader: Contract, line: int, text: str) -> None:
    lines = FridgeTag(NOW, [TagDay(), TagDay()]).lines
    lines[line] = text
    refused(reader, lines, line)


@pytest.mark.parametrize("length", [1, 2, 30, 31])
def test_a_lot_has_up_to_31_bytes(reader: Contract, length: int) -> None:
    tag = replace(TAG, lot=Lot(length * "L"))
    assert both(reader, tag.text) == truth(tag)


@pytest.mark.parametrize("length", [0, 1, 25, 26, 27, 28, 29, 30, 31, 32, 33, 63, 64, 65, 200])
@pytest.mark.parametrize("line", [2, 18, 26, 34, 42])
def test_what_is_passed_over_can_be_of_any_length(reader: Contract, line: int, length: int) -> None:
    """Also where it looks like the end of a line, or like what is sought."""
    tag = FridgeTag(NOW, [TagDay(high=1), TagDay()])
    label = tag.lines[line][: tag.lines[line].rindex(":") + 2]
    for filling in ("x", "\n", "\x0c", "\x8d", "\x00", "Conf:\r\r", "\nHist:\n TS"):
        lines = tag.lines
        lines[line] = (label + filling * length)[: len(label) + length]
        text = "".join(f"{each}\r\n" for each in lines).encode("latin-1")
        assert both(reader, text) == (None if "\r" in lines[line] and line > 26 else truth(tag))


def test_a_part_of_what_is_sought_is_not_it(reader: Contract) -> None:
    """Lines of the configuration that begin like the one that counts."""
    tag = FridgeTag(NOW, [TagDay()])
    for place, more in (
        (2, ["Conf:", " Serial 160400343949"]),
        (2, ["Conf:", "Conf:"]),
        (6, [" Lot 2101", " LOt: 2101", " Lo"]),
        (9, [" Temp unit: F", " Alarm:", " Temp unit: C", " Alarm:", " 0:"]),
        (19, ["  1:", "   T AL +9.0", "  1:", "  1:"]),
        (21, ["Hist:", " TS Activ", "Hist:", "Hist:", "H"]),
    ):
        lines = tag.lines
        lines[place:place] = more
        assert both(reader, signed(lines)) == truth(tag), more


def test_days_are_numbered_from_one_to_sixty(reader: Contract) -> None:
    days = [TagDay()] * 61
    for count in (1, 9, 10, 11, 59, 60):
        tag = FridgeTag(NOW, days[:count])
        assert both(reader, tag.text) == truth(tag)
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
    assert both(reader, signed(lines)) is not None


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
    assert (both(reader, signed(lines)) is not None) == good


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
    for length in range(end):
        stop = in_python(text[:length])
        assert isinstance(stop, Stop)
        assert cut(reader, text, length) == length
        assert stop.position <= length
    assert both(reader, text[:end]) is not None


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
        count.hit("refused" if both(reader, text) is None else "read")

    check()
    count.require([*CORRUPTIONS, "read", "refused"])
