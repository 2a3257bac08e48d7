"""Rebuilds the state of Devices from its events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.hashing import keccak


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    signers: dict[bytes, bytes] = field(default_factory=dict)
    """The ERC-7913 signer of each device; empty for a revoked one."""
    revoked: set[bytes] = field(default_factory=set)
    subjects: dict[bytes, bytes] = field(default_factory=dict)
    """The twin to which each device is attached; zero for none."""
    attachments: dict[tuple[bytes, bytes], tuple[int, int]] = field(default_factory=dict)
    """The newest interval (since, until) by device and twin."""


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Devices; raises `FoldError`."""
    device = event["device"]
    if event.name != "DeviceEnrolled" and not state.signers.get(device) and event.name != "DeviceDetached":
        raise FoldError(event, f"device 0x{device.hex()} is not enrolled")
    match event.name:
        case "DeviceEnrolled":
            if device in state.signers:
                raise FoldError(event, f"device 0x{device.hex()} was enrolled before")
            state.signers[device] = event["signer"]
        case "KeyRotated":
            state.signers[device] = event["signer"]
        case "DeviceRevoked":
            state.signers[device] = b""
            state.revoked.add(device)
        case "DeviceAttached":
            if state.subjects.get(device, ZERO32) != ZERO32:
                raise FoldError(event, f"device 0x{device.hex()} is attached already")
            state.subjects[device] = event["subject"]
            state.attachments[device, event["subject"]] = (event["since"], 0)
        case "DeviceDetached":
            if state.subjects.get(device) != event["subject"]:
                raise FoldError(event, f"device 0x{device.hex()} is not attached to this twin")
            state.subjects[device] = ZERO32
            since, _ = state.attachments[device, event["subject"]]
            state.attachments[device, event["subject"]] = (since, event["until"])
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    for device, signer in state.signers.items():
        subject = f"device {short(device)}"
        yield View(subject, "signerHash", (device,), keccak(signer) if signer else ZERO32)
        yield View(subject, "revoked", (device,), device in state.revoked)
        yield View(subject, "subjectOf", (device,), state.subjects.get(device, ZERO32))
    for (device, twin), (since, until) in state.attachments.items():
        subject = f"device {short(device)} on twin {short(twin)}"
        yield View(subject, "attachment", (device, twin), {"since": since, "until": until})
