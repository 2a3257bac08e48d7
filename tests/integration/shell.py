"""Running what a user runs, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from goldthread.build import ROOT

BIN = Path(sys.prefix) / "bin"


@dataclass(frozen=True)
class Run:
    """What came of it."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What was printed, without what ape says about the node."""
        return [line for line in self.out.splitlines() if not line.startswith(("INFO:", "WARNING:"))]

    @property
    def complaint(self) -> list[str]:
        """The lines of the error output, without what ape says about the node."""
        kept = [line for line in self.err.splitlines() if not line.startswith(("INFO:", "WARNING:"))]
        return [line for line in kept if line]


def environment(**changes: str) -> dict[str, str]:
    """That of a user in the activated environment, who knows nothing of this test's node."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("APE_", "PYTEST_"))}
    own.pop("PYTHONDONTWRITEBYTECODE", None)
    own |= {"PATH": f"{BIN}:{own['PATH']}", "SOLCX_BINARY_PATH": str(BIN.parent / "solcx"), "COLUMNS": "200"}
    return own | changes


def run(*command: str, answers: str = "", folder: Path = ROOT, **changes: str) -> Run:
    """Run a command; `answers` is what is typed, `changes` go into its environment."""
    done = subprocess.run(
        command,
        input=answers,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(**changes),
        timeout=180,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)
