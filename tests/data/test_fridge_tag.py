"""Two fridge loggers of the field, and what their own alarms say about our rules.

A report has figures for each day, not the readings: minutes at or above +8.0 C and at or below -0.5 C, and
the time of the first alarm. So a day's readings are made up from its figures, the worst or the best that they
allow; where both give the same answer the device must have given it too. The loggers alarm at 600 and 60
minutes on end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from goldthread.build import ROOT
from goldthread.rules import fridge_tag
from tests.models.readings import Rule, RuleKind, judge
from tests.models.segments import Limit, Reading
from tests.support import fresh
from tests.support.coldchain import ColdChain, Course

FOLDER = Path(ROOT).parent / "shared" / "data" / "iot" / "coldchain_fridgetag"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the recorded data is not there: {FOLDER}")

MINUTE, DAY = 60, 86_400
GOOD = 500
LOW, HIGH = (
    Rule(RuleKind.CONSECUTIVE, Limit(-50, high=False), 60 * MINUTE),
    Rule(RuleKind.CONSECUTIVE, Limit(800, high=True), 600 * MINUTE),
)
RULES = (LOW, HIGH)
sides = pytest.mark.parametrize("rule", RULES, ids=["low", "high"])


@dataclass(frozen=True)
class Beyond:
    """A day's figures on one side."""

    minutes: int
    alarm: int | None
    """Minute of the day; 0: it went on from the day before."""


@dataclass(frozen=True)
class Day:
    """A day of a report."""

    date: str
    lowest: int
    highest: int
    low: Beyond
    high: Beyond

    def beyond(self, rule: Rule) -> Beyond:
        return self.high if rule == HIGH else self.low

    def always(self, rule: Rule) -> bool:
        """Not one reading was good."""
        return rule.limit.beyond(self.lowest) and rule.limit.beyond(self.highest)


@cache
def reports() -> dict[str, list[Day]]:
    """The days of each logger, oldest first."""
    return {path.name[:12]: list(_days(path.read_text())) for path in sorted(FOLDER.glob("*.txt"))}


def _days(report: str) -> Iterator[Day]:
    _, *days = re.split(r"\n \d+:\n", report.split("Hist:")[1])
    for text in reversed(days):
        low, high = (
            Beyond(int(minutes), int(at[:2]) * 60 + int(at[3:]) if at else None)
            for minutes, at in re.findall(r"t Acc: (\d+)(?:, TS A: ([\d:]+))?", text)
        )
        lowest, highest = (round(float(t) * 100) for t in re.findall(r"M\w\w T: ([+-][\d.]+)", text)[:2])
        yield Day(re.findall(r"Date: (\S+)", text)[0], lowest, highest, low, high)


def all_days() -> list[tuple[Day | None, Day]]:
    """Every day with the day before it, if the report has that."""
    return [both for days in reports().values() for both in zip([None, *days], days, strict=False)]


def on_end(rule: Rule, minutes: int) -> list[Reading]:
    """So many minutes beyond the limit in one piece, and a good reading at the end."""
    return [Reading(0, rule.limit.value), Reading(minutes * MINUTE, GOOD)]


def alarms(rule: Rule, readings: Sequence[Reading]) -> bool:
    return judge(rule, readings, readings[0].time, DAY).broken


# What the figures are


def test_the_reports_are_as_the_loggers_signed_them() -> None:
    """P-256 over the text up to the certificate; all numbers are little-endian."""
    for path in FOLDER.glob("*.txt"):
        text = path.read_text()
        signed = text[: text.index("\n", text.index("Sig Cert: ")) + 1].replace("\n", "\r\n")
        x_y, r_s = (re.findall(rf"^ ?{name}: (\w+)", text, re.M)[0] for name in ("Public Key", "Sig"))
        (x, y), (r, s) = (
            [int.from_bytes(bytes.fromhex(h)[i : i + 32], "little") for i in (0, 32)] for h in (x_y, r_s)
        )
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        digest = sha256(signed.encode()).digest()[::-1]
        key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA256())))


def test_the_package_reads_the_same_figures() -> None:
    """Which its own reader, and the contract's, must find in the lines where these expressions find them."""
    for path in FOLDER.glob("*.txt"):
        signed = fridge_tag.read(path)
        assert signed.is_signed
        found = [
            Day(
                day.date.isoformat(),
                day.lowest,
                day.highest,
                Beyond(day.low.minutes, day.low.alarm),
                Beyond(day.high.minutes, day.high.alarm),
            )
            for day in reversed(signed.report.days)
        ]
        assert found == reports()[f"{signed.report.serial:012}"]


def test_the_loggers_are_set_to_the_limits_of_the_rules() -> None:
    for path in FOLDER.glob("*.txt"):
        low, high = re.findall(r"T AL: (\S+), t AL: (\d+)", path.read_text())
        assert (low, high) == (("-0.5", "60"), ("+8.0", "600"))


def test_the_figures_are_those_that_are_published() -> None:
    """Sixty days of one logger: 7 with an alarm on the low side and 30 on the high side."""
    days = max(reports().values(), key=len)
    assert len(days) == 60
    assert [sum(day.beyond(rule).alarm is not None for day in days) for rule in RULES] == [7, 30]


# What they determine


@sides
def test_where_no_reading_was_good_there_was_an_alarm(rule: Rule) -> None:
    """However the readings of the day before were, if the day lasted long enough."""
    found = [
        day
        for _, day in all_days()
        if day.always(rule) and day.beyond(rule).minutes * MINUTE >= rule.duration
    ]
    for day in found:
        assert alarms(rule, on_end(rule, day.beyond(rule).minutes)), day
        assert day.beyond(rule).alarm is not None, day
    assert len(found) == (0 if rule == LOW else 21)


@sides
def test_where_it_was_too_short_at_worst_there_was_no_alarm(rule: Rule) -> None:
    """All minutes of the day in one piece with all of the day before."""
    found = 0
    for before, day in all_days():
        if before is None or before.always(rule):
            continue
        today, yesterday = day.beyond(rule).minutes, before.beyond(rule).minutes
        if today == 0 or not alarms(rule, on_end(rule, yesterday + today)):
            assert day.beyond(rule).alarm is None, day
            found += 1
    assert found == (56 if rule == LOW else 24)


@sides
def test_new_alarms_came_when_the_duration_was_reached(rule: Rule) -> None:
    """And the figures leave room for a run of just that length up to then, part of it on the day before."""
    found = 0
    for before, day in all_days():
        told = day.beyond(rule)
        if not told.alarm or before is None:
            continue
        length = rule.duration // MINUTE
        assert min(length, told.alarm) <= told.minutes, day
        assert length - told.alarm <= before.beyond(rule).minutes, day
        assert [alarms(rule, on_end(rule, minutes)) for minutes in (length - 1, length)] == [False, True]
        found += 1
    assert found == (5 if rule == LOW else 10)


def test_minutes_do_not_add_up_to_an_alarm() -> None:
    """Three days with more than 600 minutes above the limit and no alarm: two pieces, none long enough."""
    adding = HIGH._replace(kind=RuleKind.CUMULATIVE)
    found = [
        day for _, day in all_days() if day.high.alarm is None and day.high.minutes * MINUTE >= HIGH.duration
    ]
    assert [(day.date, day.high.minutes) for day in found] == [
        ("2025-04-27", 659),
        ("2025-05-06", 843),
        ("2025-05-25", 607),
    ]
    for day in found:
        half = day.high.minutes // 2 * MINUTE
        pieces = [Reading(0, 900), Reading(half, GOOD), Reading(half + 60, 900)]
        pieces.append(Reading(half + 60 + day.high.minutes * MINUTE - half, GOOD))
        assert judge(adding, pieces, 0, DAY).reached == day.high.minutes * MINUTE
        assert (alarms(HIGH, pieces), alarms(adding, pieces)) == (False, True)


# The contract


def course(rules: Sequence[Rule] = RULES) -> Course:
    """On a fresh chain."""
    return Course(ColdChain.create(fresh()), rules, max_interval=DAY)


def test_the_contract_alarms_over_midnight() -> None:
    """543 minutes were enough on 27 May, because the run began on the day before: alarm at 05:00."""
    [day] = [day for _, day in all_days() if day.date == "2025-05-27"]
    assert (day.high.minutes, day.high.alarm) == (543, 300)
    watch, begin, alarm = course(), 19 * 60 * MINUTE, DAY + 300 * MINUTE
    watch.judge((0, GOOD), (begin, 900), (DAY - MINUTE, 900))
    assert watch.judge((DAY, 900), (alarm - MINUTE, 900)) == 0
    assert watch.judge((alarm, 900), (DAY + 543 * MINUTE, GOOD)) == 0b10
    assert watch.breach(1) == (begin, 900, 543 * MINUTE + DAY - begin, 3)


def test_the_contract_finds_the_frost_and_the_heat_of_a_week() -> None:
    """From 4 to 10 May the figures allow runs that end in all alarms; segments are days."""
    days = [day for _, day in all_days() if "2025-05-04" <= day.date <= "2025-05-10"]
    assert [day.low.alarm is not None for day in days] == [True] * 7
    for rule, value in ((LOW, -330), (HIGH, 2000)):
        for number, day in enumerate(days):
            told = day.beyond(rule)
            if not told.alarm:
                continue
            watch = course([rule])
            end = DAY + told.alarm * MINUTE
            begin = end - rule.duration
            midnight_value = value if begin <= DAY else GOOD
            parts = sorted({(0, GOOD), (begin, value), (DAY, midnight_value), (end - MINUTE, value)})
            for midnight in (0, DAY):
                part = [reading for reading in parts if midnight <= reading[0] < midnight + DAY]
                assert not part or watch.judge(*part) == 0, (number, day)
            assert watch.judge((end, GOOD)) == 1, (number, day)
            assert watch.breach()[:3] == (begin, value, rule.duration)


def test_the_contract_judges_all_days_that_no_reading_was_good_on() -> None:
    """Each day a segment, without an end of the run."""
    days = [day for day in max(reports().values(), key=len) if "2025-04-14" <= day.date <= "2025-04-19"]
    assert all(day.always(HIGH) for day in days)
    watch = course()
    latched = [
        watch.judge(
            (number * DAY, day.lowest),
            (number * DAY + DAY // 2, day.highest),
            ((number + 1) * DAY - 60, 1400),
        )
        for number, day in enumerate(days)
    ]
    assert latched == [0b10] * len(days)
    assert watch.tally(1) == (len(days) * DAY - 60, 1)
    assert watch.track.min == min(day.lowest for day in days)
