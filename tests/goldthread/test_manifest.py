from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from goldthread.chain import manifest as module
from goldthread.chain.manifest import (
    Deployed,
    Manifest,
    ManifestError,
    RoleGrant,
    manifest_path,
    write_atomically,
)

ADDRESS = "0x" + "12" * 20
HASH = "0x" + "ab" * 32

MANIFEST = Manifest(
    chain_id=31337,
    network="ethereum:local",
    release="0.1.0",
    compiler={"solc": "0.8.37+commit.f401782d", "viaIR": True},
    deployer=ADDRESS,
    first_nonce=3,
    deployed_at="2027-01-15T08:00:00Z",
).with_contract(Deployed("Twins", ADDRESS, HASH, 17, (ADDRESS, "12345678901234567890"), HASH, HASH))


def test_a_manifest_is_read_back_as_it_was(tmp_path: Path) -> None:
    whole = MANIFEST.with_role(RoleGrant("Conditions", "QUALITY", ADDRESS, HASH)).with_label(
        ADDRESS, "treasury"
    )
    path = tmp_path / "deployments" / "31337.json"
    whole.save(path)
    assert Manifest.load(path) == whole
    text = path.read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"
    assert json.loads(text)["schema"] == module.SCHEMA
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_role_is_noted_once_and_a_contract_replaced() -> None:
    grant = RoleGrant("Conditions", "QUALITY", ADDRESS, HASH)
    assert MANIFEST.with_role(grant).with_role(grant).roles == (grant,)
    later = Deployed("Twins", "0x" + "34" * 20, HASH, 20, (), HASH, HASH)
    assert MANIFEST.with_contract(later).contracts == {"Twins": later}
    assert MANIFEST.start_block == 17
    assert MANIFEST.address("Twins") == ADDRESS
    with pytest.raises(ManifestError, match="Devices is not deployed on chain 31337"):
        MANIFEST.address("Devices")
    assert manifest_path(1, "/somewhere") == Path("/somewhere/deployments/1.json")


def damaged(**changes: Any) -> dict[str, Any]:
    return {**MANIFEST.to_json(), **changes}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in MANIFEST.to_json().items() if key != name}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no JSON"),
        ("[]", "must be a JSON object, is a list"),
        (json.dumps(damaged(schema=2)), "schema is 2, this release reads 1"),
        (json.dumps(without("chainId")), "chainId is missing"),
        (json.dumps(damaged(chainId="31337")), "chainId must be a number, is a string"),
        (json.dumps(damaged(chainId=True)), "chainId must be a number, is True"),
        (json.dumps(damaged(deployer="0x12")), "deployer '0x12' is not of the form"),
        (json.dumps(damaged(contracts={"Twins": {}})), "contracts.Twins: address is missing"),
        (json.dumps(damaged(contracts={"Twins": 1})), "contracts.Twins: must be a JSON object"),
        (json.dumps(damaged(roles=[{"contract": "X"}])), re.escape("roles[0]: role is missing")),
    ],
)
def test_a_damaged_manifest_is_refused_by_file_field_and_rule(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "m.json"
    path.write_text(content)
    with pytest.raises(ManifestError, match=message) as caught:
        Manifest.load(path)
    assert str(path) in str(caught.value)


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"nowhere.json: No such file"):
        Manifest.load(tmp_path / "nowhere.json")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.json"
    MANIFEST.save(path)
    before = path.read_text()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "half")
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    """A process that does nothing but write two large manifests in turn is killed at ten moments."""
    path = tmp_path / "m.json"
    program = textwrap.dedent(
        f"""
        from pathlib import Path
        from goldthread.chain.manifest import write_atomically
        path, number = Path({str(path)!r}), 0
        while True:
            number += 1
            write_atomically(path, '{{"n": ' + str(number) + ', "x": "' + 'y' * 3_000_000 + '"}}')
        """
    )
    seen = set()
    for attempt in range(10):
        writer = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
        deadline = time.monotonic() + 20
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.004 * attempt)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        seen.add(json.loads(path.read_text())["n"])
        path.unlink()
        for draft in tmp_path.glob(".m.json.*"):
            draft.unlink()
    assert seen
