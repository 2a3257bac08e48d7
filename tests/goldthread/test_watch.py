"""A watch over gateways on a real node: the honest are left alone, liars are proved, nothing is done
twice.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from goldthread.chain import eip712
from goldthread.chain.devices import SoftKey
from goldthread.chain.manifest import Manifest
from goldthread.chain.segments import Segment, build, hash_of, leaf, node, to_json
from goldthread.chain.summary_tree import Tree
from goldthread.rules.readings import Reading
from goldthread.rules.summaries import Limit
from goldthread.watch import State, WatchError
from tests.goldthread.chains import contracts_of, manifest_of
from tests.goldthread.test_cli import failed, run
from tests.support import AnvilNode
from tests.support.guarded import AMOUNT, PRICE, Guarded
from tests.support.world import person

LIMITS = (Limit(False, -50), Limit(True, 800))


@dataclass
class Gateway:
    """A logger, what it anchors, and the folder in which it keeps its readings."""

    guarded: Guarded
    folder: Path
    manifest: Path
    keystore: Path
    password: Path
    seq: int = 0

    @property
    def where(self) -> eip712.Domain:
        telemetry = self.guarded.cold.telemetry
        return eip712.domain("Telemetry", self.guarded.cold.node.chain_id, telemetry.address)

    @property
    def key(self) -> SoftKey:
        return SoftKey.secp256k1(person("logger").key)

    def segment(self, values: Sequence[int]) -> tuple[Segment, list[Reading]]:
        """An honest one that begins a second from now."""
        self.seq += 1
        cold = self.guarded.cold
        start = cold.world.now + 1
        readings = [Reading(start + 60 * i, value) for i, value in enumerate(values)]
        (made,) = build(
            readings,
            device=cold.logger.id,
            subject=cold.pallet,
            quantity=1,
            limits=LIMITS,
            first_seq=self.seq,
            histogram=True,
        )
        return made

    def anchor(self, segment: Segment) -> Segment:
        cold = self.guarded.cold
        cold.node.warp(max(0, segment.summary.to - cold.world.now))
        signature = self.key.sign(segment.digest(self.where))
        cold.telemetry.anchor(segment.to_contract(), self.key.signer, signature, sender=cold.world.stranger)
        return segment

    def keep(self, segment: Segment, readings: Sequence[Reading], name: str = "") -> Path:
        """Into the archive, as `goldthread segment build` does."""
        entry = to_json(segment, readings)
        entry["signature"] = f"0x{self.key.sign(segment.digest(self.where)).hex()}"
        document = {"schema": 2, "segments": [entry], "signer": f"0x{self.key.signer.hex()}"}
        path = self.folder / f"{name or segment.seq}.json"
        path.write_text(json.dumps(document | {"domain": self.where.to_json()}))
        return path

    def honest(self, values: Sequence[int] = (500, 510, 810, 520)) -> Segment:
        segment, readings = self.segment(values)
        self.keep(segment, readings)
        return self.anchor(segment)

    def lying(self, values: Sequence[int] = (500, 510, 810, 520, 900)) -> Segment:
        """That it was never too hot; the tree below the top is honest."""
        segment, readings = self.segment(values)
        lie = lying(segment, readings)
        self.keep(lie, readings)
        return self.anchor(lie)

    @property
    def options(self) -> list[Any]:
        return [
            self.folder, "--state", self.folder.parent / "state.json", "--deployment", self.manifest,
            "--rpc", self.node.url,
        ]  # fmt: skip

    @property
    def sender(self) -> list[Any]:
        return ["--keystore", self.keystore, "--passphrase-file", self.password]

    @property
    def node(self) -> AnvilNode:
        found = self.guarded.cold.node
        assert isinstance(found, AnvilNode)
        return found

    def falsified(self, segment: Segment) -> bool:
        found: bool = self.guarded.cold.telemetry.falsified(segment.digest(self.where))
        return found


def lying(segment: Segment, readings: Sequence[Reading]) -> Segment:
    """The same, but that the highest reading was an allowed one and no limit was passed."""
    s = segment.summary
    weights: Counter[int] = Counter()
    for vertex, weight in s.histogram or ():
        weights[min(vertex, 8)] += weight
    calm = replace(s, max=799, last=min(s.last, 799), excursions=(), sum=s.sum - (s.max - 799))
    calm = replace(calm, histogram=tuple(sorted(weights.items())))
    false = replace(segment, summary=calm, root=bytes(32))
    tree = Tree(readings, false.shape)
    if len(readings) == 1:
        calm = replace(s, min=500, max=500, last=500, sum=500, excursions=())
        return replace(segment, summary=calm, root=leaf(0, readings[0], segment.seq))
    children = [tree.hash_at(tree.height - 1, side) for side in (0, 1)]
    return replace(false, root=node(children[0], children[1], hash_of(false.words())))


@pytest.fixture
def gateway(anvil: AnvilNode, tmp_path: Path) -> Iterator[Gateway]:
    guarded = Guarded.create(anvil)
    contracts = contracts_of(guarded.cold.world) | {"Challenges": guarded.challenges}
    manifest = tmp_path / "31337.json"
    named: Manifest = manifest_of(anvil, contracts)
    named.save(manifest)
    watcher = person("watcher")
    anvil.rpc("anvil_setBalance", watcher, hex(10**20))
    guarded.fund(watcher, AMOUNT)
    keystore, password = tmp_path / "watcher.json", tmp_path / "password"
    keystore.write_text(json.dumps(Account.encrypt(watcher.key, "secret", kdf="pbkdf2", iterations=2)))
    password.write_text("secret\n")
    folder = tmp_path / "archive"
    folder.mkdir()
    yield Gateway(guarded, folder, manifest, keystore, password)


def test_the_honest_are_left_alone(gateway: Gateway) -> None:
    for _ in range(3):
        gateway.honest()
    block = gateway.node.block_number
    result = run("watch", *gateway.options, *gateway.sender)
    assert (result.exit_code, result.stdout) == (0, "3 true; 0 wait for their readings\n")
    again = run("watch", *gateway.options, *gateway.sender)
    assert (again.exit_code, again.stdout) == (0, "nothing new; 0 wait for their readings\n")
    assert gateway.node.block_number == block


@pytest.mark.parametrize("values", [(900,), (500, 900), (500, 900, 510), (500, 510, 810, 520, 900)])
def test_a_lying_gateway_is_caught_and_pays(gateway: Gateway, values: tuple[int, ...]) -> None:
    gateway.guarded.bond()
    true, false = gateway.honest(), gateway.lying(values)
    dry = run("watch", *gateway.options, "--dry-run")
    assert dry.exit_code == 1
    assert "segment 2: false" in dry.stdout
    assert "would send prove" in dry.stdout
    assert not gateway.falsified(false)
    result = run("watch", *gateway.options, *gateway.sender)
    assert result.exit_code == 1, result.output
    assert result.stdout.endswith("1 false, 1 true; 0 wait for their readings\n")
    assert "; proved" in result.stdout
    assert gateway.falsified(false)
    assert not gateway.falsified(true)
    guarded = gateway.guarded
    assert guarded.cold.devices.revoked(guarded.device)
    assert guarded.challenges.creditOf(person("watcher")) == AMOUNT // 4
    assert guarded.challenges.creditOf(guarded.beneficiary) == AMOUNT - AMOUNT // 4
    assert run("watch", *gateway.options, *gateway.sender).exit_code == 0


def test_a_liar_nobody_vouched_for_loses_its_key(gateway: Gateway) -> None:
    false = gateway.lying()
    result = run("watch", *gateway.options, *gateway.sender, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"], told["seen"]) == (1, False, {"false": 1})
    assert (told["findings"][0]["seq"], told["findings"][0]["done"]) == (1, "proved")
    assert gateway.falsified(false)
    assert gateway.guarded.cold.devices.revoked(gateway.guarded.device)


def test_somebody_was_faster(gateway: Gateway) -> None:
    gateway.guarded.bond()
    false = gateway.lying()
    dry = json.loads(run("watch", *gateway.options, "--dry-run", "--json").stdout)
    proof = dry["findings"][0]["proof"]
    gateway.node.tx(gateway.guarded.doubter, proof["to"], bytes.fromhex(proof["data"][2:]))
    assert gateway.falsified(false)
    result = run("watch", *gateway.options, *gateway.sender)
    assert "; was proved before" in result.stdout
    assert gateway.guarded.challenges.creditOf(gateway.guarded.doubter) == AMOUNT // 4


def test_two_segments_with_one_number(gateway: Gateway) -> None:
    first = gateway.honest()
    gateway.seq -= 1
    second, readings = gateway.segment((500, 511, 512))
    gateway.keep(second, readings, "rival")
    result = run("watch", *gateway.options, *gateway.sender)
    assert "the device signed another segment with this number; proved" in result.stdout
    assert gateway.falsified(first)


def test_readings_may_come_later(gateway: Gateway) -> None:
    segment, readings = gateway.segment((500, 510, 900))
    false = gateway.anchor(lying(segment, readings))
    missing = run("watch", *gateway.options, *gateway.sender)
    assert (missing.exit_code, "segment 1: missing" in missing.stdout) == (0, True)
    assert missing.stdout.endswith("1 missing; 1 wait for their readings\n")
    assert run("watch", *gateway.options, *gateway.sender).stdout.endswith(
        "nothing new; 1 wait for their readings\n"
    )
    gateway.keep(false, ())
    assert run("watch", *gateway.options, *gateway.sender).exit_code == 0
    gateway.keep(false, readings)
    assert run("watch", *gateway.options, *gateway.sender).exit_code == 1
    assert gateway.falsified(false)


def test_other_readings_prove_nothing_and_can_be_demanded(gateway: Gateway) -> None:
    gateway.guarded.bond()
    segment, readings = gateway.segment((500, 510, 520))
    gateway.keep(segment, [replace(readings[0], value=501), *readings[1:]])
    gateway.anchor(segment)
    org = gateway.guarded.org
    result = run("watch", *gateway.options, *gateway.sender, "--demand", org)
    digest = segment.digest(gateway.where)
    index = int.from_bytes(digest, "big") % 3
    assert result.exit_code == 1
    assert f"its root is not that of the readings; reading {index} demanded" in result.stdout
    asked = gateway.guarded.challenges.demandOf(digest, index, org)
    assert (asked.by, asked.price) == (person("watcher"), PRICE)
    assert not gateway.falsified(segment)


def test_readings_that_are_none_are_told(gateway: Gateway) -> None:
    segment, readings = gateway.segment((500, 510, 520))
    gateway.keep(segment, [readings[1], readings[0], readings[2]])
    gateway.anchor(segment)
    result = run("watch", *gateway.options, *gateway.sender)
    assert (result.exit_code, "each reading must be later" in result.stdout) == (1, True)
    single, (reading,) = gateway.segment((500,))
    gateway.keep(single, [replace(reading, value=501)])
    gateway.anchor(single)
    result = run("watch", *gateway.options, *gateway.sender)
    assert "its root is not that of the reading" in result.stdout


def test_the_newest_blocks_can_wait(gateway: Gateway) -> None:
    gateway.honest()
    block = gateway.node.block_number
    assert run("watch", *gateway.options, *gateway.sender, "--confirmations", 1).stdout.startswith(
        "nothing new"
    )
    gateway.node.rpc("evm_mine")
    assert gateway.node.block_number == block + 1
    assert run("watch", *gateway.options, *gateway.sender, "--confirmations", 1).stdout.startswith("1 true")


def test_killed_at_any_moment_it_goes_on(gateway: Gateway) -> None:
    """Killed while it looks and sends, until everything is found; nothing is proved twice."""
    gateway.guarded.bond()
    lies, count = [], 12
    for number in range(count):
        if number in (5, 9):
            lies.append(gateway.lying())
        else:
            gateway.honest()
    command = [sys.executable, "-m", "goldthread.cli", "watch", *map(str, gateway.options)]
    command += [*map(str, gateway.sender), "--every", "1"]
    runs = 0
    while not all(map(gateway.falsified, lies)) or not gateway.guarded.cold.devices.revoked(
        gateway.guarded.device
    ):
        runs += 1
        assert runs < 40
        watcher = subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # noqa: S603
        deadline = time.monotonic() + 1.5 + runs / 2
        while time.monotonic() < deadline and not gateway.falsified(lies[min(runs, 2) - 1]):
            time.sleep(0.02)
        watcher.send_signal(signal.SIGKILL)
        watcher.wait()
    final = run("watch", *gateway.options, *gateway.sender)
    assert final.exit_code in (0, 1), final.output
    proved = gateway.node.rpc(
        "eth_getLogs",
        {"address": gateway.guarded.cold.telemetry.address, "fromBlock": "0x0", "toBlock": "latest"},
    )
    topic = "0x" + eip712.keccak(b"SegmentFalsified(bytes32,bytes32,bytes32,uint8,address,address)").hex()
    assert sum(log["topics"][0] == topic for log in proved) == len(lies)
    state = json.loads((gateway.folder.parent / "state.json").read_text())
    assert state["block"] == gateway.node.block_number + 1
    assert gateway.guarded.challenges.creditOf(person("watcher")) == AMOUNT // 4


def test_what_cannot_be_watched(gateway: Gateway, tmp_path: Path) -> None:
    options = gateway.options
    failed(run("watch", tmp_path / "nothing", *options[1:], "--dry-run"), "is no folder")
    failed(run("watch", *options), "--from or --keystore")
    (gateway.folder / "odd.json").write_text('{"schema": 1}')
    failed(run("watch", *options, "--dry-run"), "odd.json: is no segment file of schema 2")
    (gateway.folder / "odd.json").unlink()
    state = tmp_path / "state.json"
    state.write_text('{"schema": 1, "telemetry": "0x1"}')
    failed(run("watch", *options, "--dry-run"), "is the state of another watch")
    state.write_text("[]")
    failed(run("watch", *options, "--dry-run"), "is no state of a watch")
    with pytest.raises(WatchError, match="is no state of a watch"):
        State.load(state, "0x1", 0)
    state.unlink()
    named = json.loads(gateway.manifest.read_text())
    named["contracts"].pop("Challenges")
    gateway.manifest.write_text(json.dumps(named))
    failed(run("watch", *options, *gateway.sender, "--demand", 1), "has no Challenges to demand of")
