"""A recording of a machine over eleven weeks, with one step back in time, as loggers have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from goldthread.build import ROOT
from goldthread.rules.readings import QUANTITIES, Layout, ReadingsError, read_recording
from tests.goldthread.test_cli import failed, run

FILE = Path(ROOT).parent / "shared" / "data" / "iot" / "nab" / "machine_temperature_system_failure.csv"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"the recorded data is not there: {FILE}")

ABOUT = ["--device", "8004/9506000LOGGER1", "--subject", "00/395060000000000016", "--round"]
EVERY = 300


def plain() -> list[tuple[int, str]]:
    """The lines and times of the file, read another way."""
    rows = FILE.read_text().splitlines()[1:]
    return [(line, row.split(",")[0]) for line, row in enumerate(rows, 2)]


def backwards() -> list[tuple[int, str]]:
    """Rows that are not later than all before them."""
    found, latest = [], ""
    for line, time in plain():
        if time <= latest:
            found.append((line, time))
        latest = max(latest, time)
    return found


def test_the_step_back_is_refused_with_its_line() -> None:
    line, time = backwards()[0]
    assert (plain()[line - 3][1], time) == ("2014-01-07 02:55:00", "2014-01-07 02:00:00")
    with pytest.raises(ReadingsError, match=f"line {line}: time {time} is not later"):
        read_recording(FILE, QUANTITIES[1], Layout(), rounded=True)
    failed(run("segment", "build", FILE, *ABOUT), f"line {line}: time {time} is not later")


def test_the_step_back_is_passed_over_where_it_is_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "machine.json"
    result = run("segment", "build", FILE, *ABOUT, "--skip-backwards", "--max-interval", EVERY, "--out", out)
    assert result.exit_code == 0, result.output
    skipped = backwards()
    assert len(skipped) == 12
    for line, time in skipped:
        assert f"line {line}: passed over: time {time} is not later" in result.stderr
    assert "a gap of" not in result.stderr
    (segment,) = json.loads(out.read_text())["segments"]
    assert segment["count"] + len(skipped) == len(plain()) == 22_695
    assert segment["maxInterval"] == EVERY
    assert run("segment", "verify", out).exit_code == 0


def test_gaps_cut_segments_and_are_told_with_their_lines(tmp_path: Path) -> None:
    """The same, with nine holes of an hour and more."""
    rows, out = FILE.read_text().splitlines(), tmp_path / "machine.json"
    holes = {1000 * i: 11 + i for i in range(1, 10)}
    gone = {line for start, size in holes.items() for line in range(start, start + size)}
    torn = tmp_path / "torn.csv"
    torn.write_text("\n".join("" if line in gone else row for line, row in enumerate(rows, 1)))
    result = run("segment", "build", torn, *ABOUT, "--skip-backwards", "--max-interval", EVERY, "--out", out)
    assert result.exit_code == 0, result.output
    for start, size in holes.items():
        assert f"line {start + size}: a gap of {EVERY * (size + 1)} s before it" in result.stderr
    assert result.stderr.count("a gap of") == len(holes)
    segments = json.loads(out.read_text())["segments"]
    assert len(segments) == len(holes) + 1
    assert all(segment["maxInterval"] == EVERY for segment in segments)
