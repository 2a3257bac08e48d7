"""The story, told to a user who has recordings of his own, and to one whose recordings are wrong."""

from __future__ import annotations

import csv
import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import vega_datasets
from click.testing import CliRunner

from goldthread.build import ROOT
from goldthread.chain.node import LocalNode, NoNode
from goldthread.chain.rpc import connect
from goldthread.cli import main as goldthread
from tests.support.fridge_tags import Lot, five_days

from .shell import run

CHAPTERS = (
    "1  A consortium is founded",
    "2  Suppliers make parts, and nobody else can claim to have made them",
    "3  The pallet travels with a logger that signs what it measures",
    "4  The pallet arrives",
    "5  A driver pays for how far and how well the car is driven",
    "6  A raw material becomes 20,000 packages, and is called back",
    "7  A gateway hides a warm afternoon, is caught, and pays",
    "8  A batch is recorded by people and a scale, and a passkey releases it",
    "9  A pump is designed, gate by gate, and a change reopens its verification",
    "10  What is known of the smelters in a product, and what is not",
    "11  An auditor rebuilds everything from the logs",
)
REFUSALS = (
    "NotNamespaceOwner",
    "AlreadyRegistered",
    "NotOfferedTo",
    "IsPacked",
    "InvalidDeviceSignature",
    "UnknownAccount",
    "NotCustodian",
    "InvalidQuoteSignature",
    "AlreadyReported",
    "WrongCaller",
    "UnitEnded",
    "Incomplete",
    "Blocked",
    "NotReleasable",
    "NotIndependent",
    "GateHeld",
    "WrongGate",
)


@dataclass(frozen=True)
class Told:
    """What the story's teller left behind."""

    status: int
    out: str
    err: str

    @property
    def money(self) -> dict[str, str]:
        """The result table: label to value."""
        cells = (line.strip("│").split("│") for line in self.out.splitlines() if line.startswith("│"))
        return {label.strip(): value.strip() for label, value in cells}


@pytest.fixture
def tell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Told]:
    """Tell the story in this process."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run_script(*options: str, **replaced: Any) -> Told:
        script = runpy.run_path(str(ROOT / "scripts" / "demo.py"))
        script["cli"].callback.__globals__.update(replaced)
        with pytest.raises(SystemExit) as ended:
            script["cli"].main(options)
        return Told(ended.value.code, *capsys.readouterr())

    return run_script


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with LocalNode() as node:
        yield node


# ----------------------------------------------------- the numbers of the story, computed without goldthread


def cycle(name: str) -> list[Fraction]:
    """Speeds in m/s, one a second."""
    with (ROOT / "goldthread" / "data" / "drive_cycles" / f"{name}.csv").open() as lines:
        return [Fraction(speed) for _, speed in list(csv.reader(lines))[1:]]


def usage(speeds: list[Fraction]) -> tuple[Fraction, Fraction, int, int]:
    """Metres, metres above 120 km/h, harsh brakes and harsh accelerations (7 mph a second)."""
    metres = speeding = Fraction(0)
    runs = {-1: 0, 1: 0}
    last = 0
    for before, after in pairwise(speeds):
        mean = (before + after) / 2
        metres += mean
        speeding += mean if mean > Fraction(120, Fraction(36, 10)) else 0
        change = after - before
        harsh = 0 if abs(change) < 7 * Fraction("0.44704") else 1 if change > 0 else -1
        if harsh and harsh != last:
            runs[harsh] += 1
        last = harsh
    return metres, speeding, runs[-1], runs[1]


def months() -> tuple[Fraction, Fraction]:
    """The premiums of both months in tUSD, as the terms of the story say: 30 for the month and 0.032 for a
    mile, half as much again for one driven too fast; a harsh brake counts 800 m, a harsh acceleration 400 m.
    The second month has the tier that the first one earned.
    """
    urban, highway, hurried = (usage(cycle(name)) for name in ("udds", "hwfet", "us06"))
    # Thirty days from a Monday have 22 workdays, each with two commutes, and 8 days of weekend.
    first = [44 * u + 8 * h + 8 * f for u, h, f in zip(urban, highway, hurried, strict=True)]
    second = [44 * u for u in urban]
    metres, speeding, brakes, accels = first
    tier = 1 + Fraction(4 * brakes + 2 * accels, 1000) + (2 * speeding - metres / 5) / 1_000_000
    charges = []
    for share, (driven, too_fast, harsh_brakes, harsh_accels) in ((Fraction(1), first), (tier, second)):
        weighted = driven + too_fast / 2 + 800 * harsh_brakes + 400 * harsh_accels
        charges.append(30 + Fraction("0.032") * share * weighted / Fraction("1609.344"))
    return charges[0], charges[1]


def warmest() -> tuple[int, Fraction]:
    """Of the ten days in Seattle: hours until it first had 8 degrees Celsius, and the highest temperature."""
    file = Path(vega_datasets.__file__).parent / "_data" / "seattle-temps.csv"
    with file.open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["date"] >= "2010/02/01"][:240]
    celsius = [(Fraction(row["temp"]) - 32) / Fraction("1.8") for row in rows]
    return next(hour for hour, value in enumerate(celsius) if value >= 8), max(celsius)


def test_the_whole_story() -> None:
    told = run("ape", "run", "demo")
    assert told.status == 0, told.err
    assert told.err == ""
    lines = told.out.splitlines()
    assert [line for line in lines if line in CHAPTERS] == list(CHAPTERS)
    for error in REFUSALS:
        assert f"→ refused: {error}" in told.out, error

    hour, highest = warmest()
    (breach,) = (line for line in lines if line.startswith("  ! breach:"))
    assert "cumulative high limit reached 1 day" in breach
    assert f"first crossed after {hour // 24} day, {hour % 24}:01:00" in breach
    assert breach.endswith("the pallet is held")
    (proved,) = (line for line in lines if "is proved against the anchored root" in line)
    assert 8 <= Fraction(proved.split()[3]) <= highest
    assert "Polar ships the held pallet on → refused: Blocked" in told.out
    assert "who set the limits releases the pallet → refused: SecondPersonNeeded" in told.out

    table = Told(told.status, told.out, told.err).money
    assert table["cargo insurance"] == "9,500.00 tUSD of 10,000.00 tUSD paid"
    assert "Polar delivers it all the same → refused: Blocked" in told.out
    assert_records(lines, table)
    first, second = months()
    assert abs(Fraction(table["premium of month 1"].split()[0]) - first) <= Fraction("0.01")
    assert abs(Fraction(table["premium of month 2"].split()[0]) - second) <= Fraction("0.01")
    paid_back = Fraction(table["refund at once"].split()[0])
    kept = Fraction(table["kept for the unfinished month"].split()[0])
    assert kept == 150
    assert abs(450 - first - second - kept - paid_back) <= Fraction("0.02")
    assert "views compared with the contracts: no difference" in told.out
    assert table["dispensed part"] == "title Lumen Diagnostics, custody Cedar Clinic Supply, not clear: ended"
    assert table["part on the shelf"] == "title Lumen Diagnostics, custody Cedar Clinic Supply, clear"


def assert_records(lines: list[str], table: dict[str, str]) -> None:
    """What the story shows of the batch, the design and the smelters."""
    batch, design, minerals, end = (lines.index(chapter) for chapter in CHAPTERS[7:])
    told = "\n".join(lines[batch:design])
    assert "Lumen ships some of it all the same → refused: Blocked" in told
    assert "Cy Ames of quality releases the batch → refused: NotReleasable" in told
    assert "211.188(b)(5) is missing" in told
    assert "both are kept: 12.05 kg, superseded, and 12.50 kg" in told
    assert f"yield 97,340 of 100,000: {100 * 97_340 / 100_000} %" in told
    records = [line.strip() for line in lines[batch:design] if line.startswith("    ") and "20" in line]
    assert [line.split(",")[0] for line in records[:7]] == [
        "1 master record",
        "2 granulation",
        "3 weighing",
        "4 packaging",
        "5 granulation",
        "6 assay",
        "7 yield",
    ]
    assert records[1].endswith("amended by 5")
    assert ", the scale, " in records[2]
    assert "amends 2: 12.50 was read as 12.05" in records[4]
    for line in records[:7]:
        assert ("LATE" in line) == line.startswith("6 assay, Eli Storm")
        assert line.endswith("; Bo Berg (responsibility)") == ("amended by" not in line)
    assert records[7].startswith("released by Cy Ames ")
    assert records[7].endswith(", 12 paragraphs met")
    (noted,) = (line for line in lines[batch:design] if line.startswith("    to note: "))
    assert noted.startswith("    to note: LATE, 211.100(b): record 6 was written 2 days after")
    assert table["batch of tablets"].endswith("1 late, 1 amended; released by Cy Ames's passkey")

    refusals = [line.rpartition(": ")[2] for line in lines[design:minerals] if "→ refused: " in line]
    assert refusals == ["NotIndependent", "GateHeld", "WrongGate", "GateHeld"]
    assert table["design of a pump"] == "6 items, 3 results, 1 change, transferred"

    assert any(
        line.startswith("  the reason: smelter CID900003 of tin is not") for line in lines[minerals:end]
    )
    assert table["smelters in ECU1"] == "ACTIVE, FORM_SD_ONLY"
    assert table["smelters in ECU2"] == "UNDETERMINABLE, CMR_UNDETERMINABLE"


# ----------------------------------------------------------------------------------- recordings of one's own

TEN_MINUTES = range(1_700_000_000, 1_700_000_000 + 30 * 600, 600)


def test_make_demo_replays_a_frost_that_breaks_a_limit_at_once(tmp_path: Path) -> None:
    file = tmp_path / "trip.csv"
    file.write_text("time,value\n" + "".join(f"{time},-5.25\n" for time in TEN_MINUTES))
    told = run("make", "--silent", "demo", f"INPUT={file}")
    assert told.status == 0, told.err
    assert f"the logger replays 30 readings: {file}" in told.out
    assert "! breach: consecutive low limit reached" in told.out
    assert "first crossed after 0:01:00, extreme -5.25 °C; the pallet is held" in told.out
    assert "no difference" in told.out


def test_a_trip_within_all_limits_has_no_breach(tell: Callable[..., Told], tmp_path: Path) -> None:
    file = tmp_path / "trip.csv"
    file.write_text("zeit;wert\n" + "".join(f"{time};{3 + time % 7 / 2}\n" for time in TEN_MINUTES))
    told = tell("--input", str(file))
    assert told.status == 0, told.err
    assert "no limit was broken on this trip" in told.out
    assert "breach" not in told.out
    assert "no difference" in told.out
    assert not (tmp_path / "deployments").exists()


def test_a_logger_that_kept_silent_for_hours_breaks_a_limit(
    tell: Callable[..., Told], tmp_path: Path
) -> None:
    file = tmp_path / "trip.csv"
    hours = [0, 1, 2, 3, 11, 12]
    file.write_text("".join(f"2026-07-01T{hour:02}:00:00Z\t5\n" for hour in hours))
    told = tell("--input", str(file))
    assert told.status == 0, told.err
    assert "breach: no readings for 8:00:00, first after 3:01:00; the pallet is held" in told.out
    assert "no difference" in told.out


def test_a_recorded_drive_is_paid_for(tell: Callable[..., Told], tmp_path: Path) -> None:
    file = tmp_path / "drive.csv"
    file.write_text("seconds,m/s\n" + "".join(f"{second},{second * 7 % 45}\n" for second in range(600)))
    told = tell("--input", str(file))
    assert told.status == 0, told.err
    assert "240 readings: the hourly series of Seattle" in told.out
    metres, speeding, brakes, accels = usage([Fraction(second * 7 % 45) for second in range(600)])
    urban, highway = usage(cycle("udds")), usage(cycle("hwfet"))
    km = 44 * urban[0] + 8 * highway[0] + 8 * metres
    assert f"{float(km) / 1000:,.0f} km, {8 * (brakes + accels)} harsh events" in told.out
    weighted = km + 4 * speeding + 8 * (800 * brakes + 400 * accels)
    charge = min(30 + Fraction("0.032") * weighted / Fraction("1609.344"), Fraction(150))
    assert abs(Fraction(told.money["premium of month 1"].split()[0]) - charge) <= Fraction("0.01")
    assert "next tier 1.500" in told.money["premium of month 1"]


def test_a_tag_that_signs_its_report_is_believed(tell: Callable[..., Told], tmp_path: Path) -> None:
    """Of days long past: the story's clock starts before them."""
    tag = five_days(Lot(), datetime(2021, 3, 17, 10, 12))  # noqa: DTZ001
    file = tmp_path / "report.txt"
    file.write_bytes(tag.file())
    told = tell("--input", str(file))
    assert told.status == 0, told.err
    assert "2  A tag in a refrigerator signs what it saw" in told.out
    assert "Somebody changes one digit of the report → refused: InvalidReportSignature" in told.out
    assert "puts it into a refrigerator on 2021-03-11" in told.out
    assert "2021-03-13: 4.5 to 13.2 °C" in told.out
    assert told.money["tag's own report"].startswith("5 days verified")
    assert "no difference" in told.out


def test_a_report_that_was_changed_stops_the_story(tell: Callable[..., Told], tmp_path: Path) -> None:
    tag = five_days(Lot(), datetime(2021, 3, 17, 10, 12))  # noqa: DTZ001
    file = tmp_path / "report.txt"
    file.write_bytes(tag.file().replace(b"+13.2", b"+03.2"))
    told = tell("--input", str(file))
    reason = "the text is not what the key in the file has signed"
    assert (told.status, told.out, told.err) == (1, "", f"Error: {file}: {reason}\n")


def test_a_tag_cannot_be_put_in_its_place_afterwards(
    tell: Callable[..., Told], node: LocalNode, tmp_path: Path
) -> None:
    file = tmp_path / "report.txt"
    file.write_bytes(five_days(Lot(), datetime(2021, 3, 17, 10, 12)).file())  # noqa: DTZ001
    told = tell("--input", str(file), "--node", node.url)
    assert told.status == 1
    assert "Error: the report begins on 2021-03-13 and the node's clock is past that" in told.err


BAD = {
    "columns": (b"time,value\n100,5\n200,5,5\n", ", line 3: has 3 columns, expected time and value"),
    "number": (b"time,value\n100,5\n200,warm\n", ", line 3: 'warm' is no decimal number"),
    "order": (b"time,value\n200,5\n1,5\n", ", line 3: time 1 is not later than that of the reading before"),
    "speed": (b"seconds,m/s\n1,5\n2,-5\n", ", line 3: -5 m/s is less than a speed can be"),
    "length": (b"0,5\n31622401,5\n", ": is longer than 366 days"),
    "empty": (b"", ": has no readings"),
    "binary": (b"\x89PNG\r\n\x1a\n\x00", ": is no UTF-8 text, at byte 0"),
}


@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_named_with_line_and_reason_and_nothing_is_sent(
    tell: Callable[..., Told], node: LocalNode, tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "trip.csv"
    file.write_bytes(content)
    started: list[int] = []
    for told in (
        tell("--input", str(file), LocalNode=lambda accounts, start: started.append(accounts)),
        tell("--input", str(file), "--node", node.url),
    ):
        assert (told.status, told.out, told.err) == (1, "", f"Error: {file}{reason}\n")
    assert started == []
    assert connect(node.url).block_number() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["trip.csv"]


def test_the_command_itself_ends_with_the_same_line(tmp_path: Path) -> None:
    file = tmp_path / "trip.csv"
    content, reason = BAD["columns"]
    file.write_bytes(content)
    told = run("ape", "run", "demo", "--input", str(file))
    assert (told.status, told.out, told.err) == (1, "", f"Error: {file}{reason}\n")


# ----------------------------------------------------------------------------------------- on another's node


def test_a_node_that_is_there_is_used_once_and_left_running(
    tell: Callable[..., Told], node: LocalNode, tmp_path: Path
) -> None:
    """Also one with fewer accounts than the story needs, as `make serve-node` starts it."""
    told = tell("--node", node.url)
    assert told.status == 0, told.err
    assert told.out.rstrip().endswith("The node goes on; the addresses are in deployments/31337.json")
    height = connect(node.url).block_number()
    manifest = tmp_path / "deployments" / "31337.json"

    audit = CliRunner().invoke(
        goldthread, ["audit", "rebuild", "--deployment", str(manifest), "--rpc", node.url]
    )
    assert audit.exit_code == 0, audit.output
    assert "no difference" in audit.output

    again = tell("--node", node.url)
    assert again.status == 1
    assert again.err == "Error: the story was told on this node before; start a fresh one\n"
    assert connect(node.url).block_number() == height


def test_only_development_nodes_that_can_be_reached_are_used(
    tell: Callable[..., Told], node: LocalNode
) -> None:
    connect(node.url).rpc("anvil_setChainId", 11155111)
    elsewhere = tell("--node", node.url)
    assert elsewhere.status == 1
    assert elsewhere.err == "Error: the story is told on a development node (31337), this is chain 11155111\n"
    assert connect(node.url).block_number() == 0
    nowhere = tell("--node", "http://127.0.0.1:1")
    assert nowhere.status == 1
    assert nowhere.err == "Error: http://127.0.0.1:1 cannot be reached: Connection refused\n"


def test_without_anvil_the_story_says_so(tell: Callable[..., Told]) -> None:
    def missing(accounts: int, start: int | None) -> None:
        raise NoNode("anvil is not installed; `make setup` installs it")

    told = tell(LocalNode=missing)
    assert told.status == 1
    assert told.err == "Error: anvil is not installed; `make setup` installs it\n"
