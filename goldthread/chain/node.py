"""A development node of one's own: Anvil with the rules of Osaka, stopped when it is no longer needed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from goldthread.build import ROOT

START_TIMEOUT = 30.0
"""Seconds."""

_WATCH = """
folder=$1; shift
exec 3<&0
"$@" >"$folder/log" 2>&1 </dev/null 3<&- &
node=$!
{ read -r _ <&3; kill "$node"; } 2>/dev/null &
wait "$node"
: >"$folder/ended"
wait
rm -rf "$folder"
"""
"""Runs the node until standard input ends: when its owner closes it or dies, however it dies."""


class NoNode(RuntimeError):
    """Anvil is not installed, or did not start. The message says which."""


class LocalNode:
    """A running Anvil on a free port. Use it as a context manager.

    The rules are those of Osaka, so P-256 signatures are checked by the precompiled contract, and no
    transaction may use more than 16,777,216 gas. Its clock starts at the second `start`, or now. It is gone
    with its folder when this process is, even when that one is killed.
    """

    def __init__(self, accounts: int = 10, start: int | None = None) -> None:
        command = [_anvil(), "--port", "0", "--accounts", str(accounts), "--hardfork", "osaka"]
        command += ["--enable-tx-gas-limit", "--prune-history", "128"]
        command += [] if start is None else ["--timestamp", str(start)]
        self._folder = Path(tempfile.mkdtemp(prefix="goldthread-node-"))
        # In a session of its own: Ctrl-C is for the owner, who stops the node in the end.
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "sh", str(self._folder), *command],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self.url = f"http://{self._listening()}"
        except BaseException:
            self.close()
            raise

    def _listening(self) -> str:
        log, ended = self._folder / "log", self._folder / "ended"
        log.touch()
        end = time.monotonic() + START_TIMEOUT
        while time.monotonic() < end and not ended.exists():
            text = log.read_text()
            if "Listening on" in text and text.endswith("\n"):
                return text.split("Listening on", 1)[1].split()[0]
            time.sleep(0.02)
        raise NoNode(f"anvil did not start:\n{log.read_text()}")

    def close(self) -> None:
        """Stop the node. Closing twice is no mistake."""
        if self._watch.stdin is not None:
            self._watch.stdin.close()
        try:
            self._watch.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._watch.pid, signal.SIGKILL)
            self._watch.wait()
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> LocalNode:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _anvil() -> str:
    # The launcher of the node package exits 0 on failure and orphans its child: take the binary itself.
    native = (ROOT / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil*")
    found = [str(path) for path in native if os.access(path, os.X_OK)]
    anvil = found[0] if found else shutil.which("anvil")
    if anvil is None:
        raise NoNode("anvil is not installed; `make setup` installs it")
    return anvil
