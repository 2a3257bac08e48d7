"""Watches gateways: every anchored segment is made again from its archive, and lies are proved.

    archive = Archive.read(folder, where)
    watch = Watch(deployment, State.load(path))
    for finding in watch.run(archive):           # new segments, and those whose readings were missing
        ...

What a lie is, and how it is proved, says ITelemetry: a summary that is not that of the readings, at the top
of a tree that otherwise follows from them, or a second signed segment with the number of an anchored one.
Readings that do not lead to the anchored root at all prove nothing; they can be demanded.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldthread.chain import eip712, logs
from goldthread.chain.errors import ContractError
from goldthread.chain.manifest import write_atomically
from goldthread.chain.segments import Frame, Segment, from_json, hash_of, node

if TYPE_CHECKING:
    from goldthread.chain.contracts import Call, Deployment
    from goldthread.chain.send import Sender
    from goldthread.rules.readings import Reading

SCHEMA = 1
FILE_SCHEMA = 2
"""Of the segment files that `goldthread segment build` writes."""


class WatchError(Exception):
    """An archive or a state file that cannot be used. The message names file and reason."""


class Verdict(StrEnum):
    """What the readings say of a segment."""

    TRUE = "true"
    FALSE = "false"
    MISSING = "missing"
    """The archive has no readings of it."""
    UNLIKE = "unlike"
    """The archive's readings are not those that it commits to, or lie where only its whole tree shows it."""


@dataclass(frozen=True)
class Entry:
    """A segment in an archive."""

    segment: Segment
    readings: tuple[Reading, ...]
    signer: bytes = b""
    signature: bytes = b""

    @property
    def place(self) -> tuple[bytes, bytes, int, int]:
        """Device, twin, quantity and number."""
        part = self.segment
        return part.device, part.subject, part.quantity, part.seq


@dataclass
class Archive:
    """The segments in a folder of segment files, by their digests."""

    entries: dict[bytes, Entry] = field(default_factory=dict)
    places: dict[tuple[bytes, bytes, int, int], list[bytes]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @classmethod
    def read(cls, folder: Path, where: eip712.Domain) -> Archive:
        """All segment files (*.json) below a folder; `WatchError` for one that is none."""
        archive = cls()
        if not folder.is_dir():
            raise WatchError(f"{folder}: is no folder")
        for path in sorted(folder.rglob("*.json")):
            for entry in _entries(path):
                archive.add(entry.segment.digest(where), entry)
        return archive

    def add(self, digest: bytes, entry: Entry) -> None:
        """Another segment; of two copies the one with readings stays."""
        known = self.entries.get(digest)
        if known is None:
            self.places[entry.place].append(digest)
        if known is None or (entry.readings and not known.readings):
            self.entries[digest] = entry

    def segments(self) -> list[Segment]:
        """All of them."""
        return [entry.segment for entry in self.entries.values()]

    def rival(self, place: tuple[bytes, bytes, int, int], digest: bytes) -> Entry | None:
        """A signed segment with this place but another digest."""
        others = (self.entries[other] for other in self.places.get(place, ()) if other != digest)
        return next((entry for entry in others if entry.signature), None)


@dataclass(frozen=True)
class Anchored:
    """A segment as the chain tells of it."""

    device: bytes
    subject: bytes
    quantity: int
    seq: int
    digest: bytes

    @property
    def place(self) -> tuple[bytes, bytes, int, int]:
        """Device, twin, quantity and number."""
        return self.device, self.subject, self.quantity, self.seq

    def to_json(self) -> dict[str, Any]:
        """For the state file."""
        named = {name: f"0x{getattr(self, name).hex()}" for name in ("device", "subject", "digest")}
        return {**named, "quantity": self.quantity, "seq": self.seq}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Anchored:
        """Read `to_json` back."""
        device, subject, digest = (bytes.fromhex(data[name][2:]) for name in ("device", "subject", "digest"))
        return cls(device, subject, int(data["quantity"]), int(data["seq"]), digest)


@dataclass
class State:
    """How far the watch has come: everything before block `block`, and `done` of it, but for `waiting`."""

    path: Path
    telemetry: str
    block: int
    done: set[bytes] = field(default_factory=set)
    waiting: dict[bytes, Anchored] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path, telemetry: str, start: int) -> State:
        """From a file, or from the start if there is none; `WatchError` for another contract's."""
        if not path.exists():
            return cls(path, telemetry, start)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["schema"] != SCHEMA or data["telemetry"] != telemetry:
                raise WatchError(f"{path}: is the state of another watch ({data.get('telemetry')})")
            waiting = [Anchored.from_json(entry) for entry in data["waiting"]]
            done = {bytes.fromhex(digest[2:]) for digest in data["done"]}
            return cls(path, telemetry, int(data["block"]), done, {entry.digest: entry for entry in waiting})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WatchError(f"{path}: is no state of a watch ({error})") from None

    def save(self) -> None:
        """Into its file, replaced in one step."""
        document = {
            "schema": SCHEMA,
            "telemetry": self.telemetry,
            "block": self.block,
            "done": sorted(f"0x{digest.hex()}" for digest in self.done),
            "waiting": [entry.to_json() for entry in self.waiting.values()],
        }
        write_atomically(self.path, json.dumps(document, indent=1) + "\n")


@dataclass(frozen=True)
class Finding:
    """What was found of a segment; `proof` is the call that proves it false, `reason` why in words."""

    anchored: Anchored
    verdict: Verdict
    reason: str = ""
    proof: Call | None = None
    segment: Segment | None = None


class Watch:
    """Looks at the anchored segments of a deployment, in their order, each once."""

    def __init__(self, deployment: Deployment, state: State, *, keep: bool = True) -> None:
        self.deployment = deployment
        self.state = state
        self._keep = keep

    def run(self, archive: Archive, last: int) -> Iterator[Finding]:
        """What is found of each segment that is new up to block `last`, or was missing; the state is saved
        after each, unless it is not to be kept.

        A segment counts as seen when the next one is asked for: whoever acts on a finding is not told again.
        """
        state = self.state
        for anchored in list(state.waiting.values()):
            finding = self.judge(anchored, archive)
            if finding.verdict is Verdict.MISSING:
                continue
            yield finding
            del state.waiting[anchored.digest]
            self._save()
        for event in logs.events(self.deployment, ["Telemetry"], first=state.block, last=last):
            if event.name != "SegmentAnchored" or event["digest"] in state.done:
                continue
            if event.block > state.block:
                state.block, state.done = event.block, set()
            frame = Frame.unpack(event["frame"])
            place = (event["device"], event["subject"], frame.quantity, frame.seq)
            anchored = Anchored(*place, event["digest"])
            finding = self.judge(anchored, archive)
            yield finding
            state.done.add(anchored.digest)
            if finding.verdict is Verdict.MISSING:
                state.waiting[anchored.digest] = anchored
            self._save()
        if last + 1 > state.block:
            state.block, state.done = last + 1, set()
        self._save()

    def _save(self) -> None:
        if self._keep:
            self.state.save()

    def judge(self, anchored: Anchored, archive: Archive) -> Finding:
        """Make a segment again from its archive."""
        entry = archive.entries.get(anchored.digest)
        rival = archive.rival(anchored.place, anchored.digest)
        if entry is None:
            return Finding(anchored, Verdict.MISSING, "the archive does not have it")
        segment, telemetry = entry.segment, self.deployment.telemetry
        if rival is not None:
            call = telemetry.proveEquivocation(
                segment.to_contract(), rival.segment.to_contract(), rival.signer, rival.signature
            )
            reason = "the device signed another segment with this number"
            return Finding(anchored, Verdict.FALSE, reason, call, segment)
        if not entry.readings:
            return Finding(anchored, Verdict.MISSING, "the archive does not have its readings")
        return self._from_readings(anchored, segment, entry.readings)

    def _from_readings(self, anchored: Anchored, segment: Segment, readings: tuple[Reading, ...]) -> Finding:
        from goldthread.chain.summary_tree import Tree

        try:
            tree = Tree(readings, segment.shape)
        except (ValueError, OverflowError) as error:
            return Finding(anchored, Verdict.UNLIKE, f"its readings make no tree: {error}", None, segment)
        signed, telemetry = segment.words(), self.deployment.telemetry
        if len(readings) == 1:
            if tree.root != segment.root:
                return Finding(anchored, Verdict.UNLIKE, "its root is not that of the reading", None, segment)
            (reading,) = readings
            if signed == _words(segment, tree.summary):
                return Finding(anchored, Verdict.TRUE, "", None, segment)
            shown = 0, reading.time, reading.value
            call = telemetry.proveContradiction(segment.to_contract(), 0, shown, segment.seq, [])
            return Finding(anchored, Verdict.FALSE, "its only reading is another one", call, segment)
        top, children = tree.height, [tree.hash_at(tree.height - 1, side) for side in (0, 1)]
        honest = tree.root == segment.root
        if honest and signed == tree.words(top, 0):
            return Finding(anchored, Verdict.TRUE, "", None, segment)
        said = hash_of(tree.words(top, 0) if honest else signed)
        if node(children[0], children[1], said) != segment.root:
            return Finding(anchored, Verdict.UNLIKE, "its root is not that of the readings", None, segment)
        below = [_revealed(tree, readings, segment.seq, top - 1, side) for side in (0, 1)]
        false_node = (top, 0, said, *below, [])
        call = telemetry.proveFalseSummary(segment.to_contract(), false_node)
        return Finding(anchored, Verdict.FALSE, "its summary is not that of its readings", call, segment)


def prove(deployment: Deployment, sender: Sender, finding: Finding) -> bool:
    """Send the proof of a lie, and settle with the device and who vouched for it; False if it was known."""
    digest = finding.anchored.digest
    new = not deployment.telemetry.falsified(digest)
    if new and finding.proof is not None:
        try:
            sender.send(finding.proof)
        except ContractError as error:
            if error.name != "AlreadyFalsified":
                raise
            new = False
    if "Challenges" in deployment.manifest.contracts and finding.segment is not None:
        _settle(deployment, sender, finding.segment)
    return new


def _settle(deployment: Deployment, sender: Sender, segment: Segment) -> None:
    """End the key, and take every bond that answers for the segment."""
    challenges, device = deployment.challenges, segment.device
    bonded = logs.events(
        deployment, ["Challenges"], topics=[_topic(challenges, "Bonded"), f"0x{device.hex()}"]
    )
    answering = []
    for org in sorted({event["org"] for event in bonded}):
        if 0 < challenges.bondOf(device, org).since <= segment.summary.to:
            answering.append(org)
    if not answering and deployment.devices.signerHash(device) != bytes(32):
        answering = [0]
    for org in answering:
        try:
            sender.send(challenges.settle(segment.to_contract(), org))
        except ContractError as error:
            # Somebody else was faster.
            if error.name != "NoConsequence":
                raise


def demand(deployment: Deployment, sender: Sender, finding: Finding, org: int) -> int | None:
    """Demand a reading of a segment, against the bond of an organisation; its index, or None where nothing
    answers for the segment any more, or the reading was demanded already.

    Which one, the digest says: the gateway does not know before it has signed.
    """
    segment = finding.segment
    if segment is None:
        return None
    index = int.from_bytes(finding.anchored.digest, "big") % segment.summary.count
    try:
        sender.send(deployment.challenges.demand(segment.to_contract(), index, org))
    except ContractError as error:
        if error.name not in ("NotBonded", "OutsideBond", "AlreadyDemanded", "TooManyDemands"):
            raise
        return None
    return index


def _revealed(tree: Any, readings: tuple[Reading, ...], seq: int, height: int, place: int) -> list[int]:
    """A node as what it was hashed from; one that moved up as what it was."""
    while height and not tree.has_children(height, place):
        height, place = height - 1, 2 * place
    if height == 0:
        reading = readings[place]
        return [reading.value & 0xFFFFFFFF | reading.time << 32 | place << 72 | seq << 104]
    below = [int.from_bytes(tree.hash_at(height - 1, 2 * place + side), "big") for side in (0, 1)]
    return [*below, *tree.words(height, place)]


def _words(segment: Segment, summary: Any) -> list[int]:
    from dataclasses import replace

    return replace(segment, summary=summary).words()


def _topic(contract: Any, name: str) -> str:
    topic = next(topic for topic, entry in contract.events.items() if entry["name"] == name)
    return f"0x{topic.hex()}"


def _entries(path: Path) -> Iterator[Entry]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != FILE_SCHEMA:
            raise ValueError(f"is of schema {data['schema']}, not {FILE_SCHEMA}")
        signer = bytes.fromhex(str(data.get("signer", "")).removeprefix("0x"))
        for told in data["segments"]:
            segment, readings = from_json(told)
            signature = bytes.fromhex(str(told.get("signature", "")).removeprefix("0x"))
            yield Entry(segment, tuple(readings), signer, signature)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WatchError(f"{path}: is no segment file of schema {FILE_SCHEMA} ({error})") from None
