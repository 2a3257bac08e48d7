"""A development node of one's own: Anvil with the rules of Osaka, stopped when it is no longer needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from goldthread.build import ROOT

START_TIMEOUT = 30.0
"""Seconds."""


class NoNode(RuntimeError):
    """Anvil is not installed, or did not start. The message says which."""


class LocalNode:
    """A running Anvil on a free port. Use it as a context manager.

    The rules are those of Osaka, so P-256 signatures are checked by the precompiled contract, and no
    transaction may use more than 16,777,216 gas.
    """

    def __init__(self, accounts: int = 10) -> None:
        command = [_anvil(), "--port", "0", "--accounts", str(accounts), "--hardfork", "osaka"]
        command += ["--enable-tx-gas-limit", "--prune-history", "128"]
        self._folder = tempfile.TemporaryDirectory(prefix="goldthread-node-")
        self._log = Path(self._folder.name, "log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            self.url = f"http://{self._listening()}"
        except BaseException:
            self.close()
            raise

    def _listening(self) -> str:
        end = time.monotonic() + START_TIMEOUT
        while time.monotonic() < end and self._process.poll() is None:
            text = self._log.read_text()
            if "Listening on" in text and text.endswith("\n"):
                return text.split("Listening on", 1)[1].split()[0]
            time.sleep(0.02)
        raise NoNode(f"anvil did not start:\n{self._log.read_text()}")

    def close(self) -> None:
        """Stop the node."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._folder.cleanup()

    def __enter__(self) -> LocalNode:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _anvil() -> str:
    # The launcher of the node package exits 0 on failure and orphans its child: take the binary itself.
    found = [
        p for p in (ROOT / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil*") if os.access(p, os.X_OK)
    ]
    anvil = str(found[0]) if found else shutil.which("anvil")
    if anvil is None:
        raise NoNode("anvil is not installed; `make setup` installs it")
    return anvil
