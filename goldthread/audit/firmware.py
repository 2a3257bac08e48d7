"""Rebuilds the state of Firmware from its events: signers, releases, and what devices were told and run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.hashing import keccak


@dataclass(frozen=True)
class SignerSet:
    """The signers of a model, the set number `version` of them."""

    version: int
    threshold: int
    signers: frozenset[bytes]


@dataclass
class Line:
    """Releases for a model and hardware class: image, first and last second by sequence."""

    minimum: int = 0
    releases: dict[int, tuple[bytes, int, int]] = field(default_factory=dict)

    @property
    def newest(self) -> int:
        """The highest sequence; 0: there is none."""
        return max(self.releases, default=0)


@dataclass(frozen=True)
class Installation:
    """What a device was told to run, and what it says it runs."""

    line: bytes = ZERO32
    assigned: int = 0
    installed: int = 0
    confirmed_at: int = 0
    expiry: int = 0


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    sets: dict[bytes, SignerSet] = field(default_factory=dict)
    former: dict[bytes, set[bytes]] = field(default_factory=dict)
    """By model, who ever was a signer."""
    lines: dict[bytes, Line] = field(default_factory=dict)
    installations: dict[bytes, Installation] = field(default_factory=dict)


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of Firmware, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Firmware; raises `FoldError`."""
    model = event["model"]
    if event.name == "SignersSet":
        _set_signers(state, event)
        return
    line_id = keccak(model + event["hardwareClass"])
    line = state.lines.setdefault(line_id, Line())
    sequence = event["sequence"]
    match event.name:
        case "FirmwareReleased":
            if model not in state.sets:
                raise FoldError(event, "the model has no signers")
            if sequence <= line.newest:
                raise FoldError(event, f"sequence {line.newest} was released before")
            line.releases[sequence] = (event["imageHash"], event["notBefore"], event["expiry"])
        case "MinimumRaised":
            if not line.minimum < sequence <= line.newest + 1:
                raise FoldError(event, f"the minimum is {line.minimum}, the newest release {line.newest}")
            line.minimum = sequence
        case "FirmwareAssigned":
            before = _installation(state, event, line_id)
            state.installations[event["device"]] = replace(before, line=line_id, assigned=sequence)
        case "FirmwareConfirmed":
            before = _installation(state, event, line_id)
            image, _, expiry = line.releases[sequence]
            if image != event["imageHash"]:
                raise FoldError(event, "another image was released")
            if event["time"] <= before.confirmed_at:
                raise FoldError(event, f"the device has looked at {before.confirmed_at} before")
            state.installations[event["device"]] = Installation(
                line_id, before.assigned, sequence, event["time"], expiry
            )
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return, but what depends on the time of the block."""
    for model, found in state.sets.items():
        subject = f"model {short(model)}"
        told = {"version": found.version, "threshold": found.threshold}
        yield View(subject, "signerSetOf", (model,), told)
        for signer in state.former[model]:
            yield View(subject, "isSigner", (model, keccak(signer)), signer in found.signers)
    for line_id, line in state.lines.items():
        subject = f"line {short(line_id)}"
        yield View(subject, "lineOf", (line_id,), {"newest": line.newest, "minimum": line.minimum})
        for sequence, (image, not_before, expiry) in line.releases.items():
            release = {"hash": image, "notBefore": not_before, "expiry": expiry}
            yield View(f"{subject}, release {sequence}", "imageOf", (line_id, sequence), release)
    for device, installation in state.installations.items():
        subject = f"device {short(device)}"
        expected: dict[str, bytes | int] = {
            "line": installation.line,
            "assigned": installation.assigned,
            "installed": installation.installed,
            "confirmedAt": installation.confirmed_at,
            "expiry": installation.expiry,
        }
        yield View(subject, "installationOf", (device,), expected)
        below = 0 < installation.installed < state.lines[installation.line].minimum
        yield View(subject, "isBelowMinimum", (device,), below)


def _set_signers(state: State, event: Event) -> None:
    model, version, threshold = event["model"], event["version"], event["threshold"]
    before = state.sets.get(model)
    if version != (before.version if before else 0) + 1:
        raise FoldError(event, "sets of signers are numbered without gaps")
    signers = frozenset(event["signers"])
    if not 1 <= threshold <= len(signers) or len(signers) != len(event["signers"]):
        raise FoldError(event, f"{threshold} of {len(signers)} signers can never sign, or one is named twice")
    state.sets[model] = SignerSet(version, threshold, signers)
    state.former.setdefault(model, set()).update(signers)


def _installation(state: State, event: Event, line_id: bytes) -> Installation:
    """What is known of the device, which this event must fit."""
    before, sequence = state.installations.get(event["device"], Installation()), event["sequence"]
    if sequence not in state.lines[line_id].releases:
        raise FoldError(event, f"sequence {sequence} was not released for model and hardware class")
    if before.installed and before.line != line_id:
        raise FoldError(event, "the device is of another model or hardware class")
    if sequence < before.installed:
        raise FoldError(event, f"the device runs sequence {before.installed}")
    return before
