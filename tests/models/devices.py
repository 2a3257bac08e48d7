"""The models of `Devices` and `Telemetry`, written from IDevices and ITelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eth_utils.crypto import keccak

from tests.models.consortium import Consortium
from tests.models.rules import Fact, Objections
from tests.models.segments import Frame, Segment, digest_of
from tests.models.twins import Twins
from tests.support.words import Duty, EndOfLife, Kind, Role

NOTHING = bytes(32)
Stream = tuple[bytes, bytes, int]
"""Device, subject and quantity."""


@dataclass
class DevicesLedger:
    """What the events of a Devices contract add up to."""

    signers: dict[bytes, bytes] = field(default_factory=dict)
    revoked: set[bytes] = field(default_factory=set)
    subjects: dict[bytes, bytes] = field(default_factory=dict)
    attachments: dict[tuple[bytes, bytes], tuple[int, int]] = field(default_factory=dict)
    """Of a device to a subject: since and until (0: still)."""

    def copy(self) -> DevicesLedger:
        return DevicesLedger(
            dict(self.signers), set(self.revoked), dict(self.subjects), dict(self.attachments)
        )

    def apply(self, fact: Fact) -> None:
        name, a = fact
        device = a["device"]
        match name:
            case "DeviceEnrolled" | "KeyRotated":
                self.signers[device] = a["signer"]
            case "DeviceRevoked":
                del self.signers[device]
                self.revoked.add(device)
            case "DeviceAttached":
                self.subjects[device] = a["subject"]
                self.attachments[device, a["subject"]] = a["since"], 0
            case "DeviceDetached":
                del self.subjects[device]
                since, _ = self.attachments[device, a["subject"]]
                self.attachments[device, a["subject"]] = since, a["until"]
            case _:
                raise LookupError(f"the ledger does not know the event {name}")


class Devices:
    """The rules."""

    def __init__(self, ledger: DevicesLedger, consortium: Consortium, twins: Twins) -> None:
        self.ledger = ledger
        self.consortium = consortium
        self.twins = twins
        self.signatures: dict[bytes, tuple[bytes, bytes]] = {}
        """Signer and digest of every signature that was really made."""

    def enrol(self, device: bytes, signer: bytes, model: bytes, *, sender: str) -> list[Fact]:
        no, org = self._administered(device, sender)
        self._device(no, device)
        known = device in self.ledger.signers or device in self.ledger.revoked
        no.when(known, "AlreadyEnrolled", device)
        no.when(len(signer) < 20, "SignerTooShort", len(signer))
        terms = {"model": model, "caller": sender, "signer": signer}
        return self._happened(no, "DeviceEnrolled", {"device": device, "org": org, **terms})

    def rotateKey(self, device: bytes, signer: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        no, org = self._administered(device, sender)
        self._device(no, device)
        self._enrolled(no, device)
        no.when(len(signer) < 20, "SignerTooShort", len(signer))
        fact = {"device": device, "org": org, "caller": sender, "signer": signer}
        return self._happened(no, "KeyRotated", fact)

    def revoke(self, device: bytes, reason: bytes, *, sender: str) -> list[Fact]:
        no, org = self._administered(device, sender)
        self._enrolled(no, device)
        fact = {"device": device, "org": org, "caller": sender, "reason": reason}
        return self._happened(no, "DeviceRevoked", fact)

    def revokeFor(self, device: bytes, reason: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.DEVICE_ADMIN, Role.MODULE)
        self._enrolled(no, device)
        fact = {"device": device, "org": org, "caller": sender, "reason": reason}
        return self._happened(no, "DeviceRevoked", fact)

    def attach(self, device: bytes, subject: bytes, *, sender: str) -> list[Fact]:
        no, org = self._administered(device, sender)
        self._device(no, device)
        self._enrolled(no, device)
        current = self.ledger.subjects.get(device)
        no.when(current is not None, "AlreadyAttached", device, current)
        twin = self.twins.ledger.twins.get(subject)
        concerned = twin is not None and org in (twin.owner, self.twins.ledger.custodian(subject))
        no.when(not concerned, "NotSubjectHolder", subject, org)
        fact = {"device": device, "subject": subject, "org": org, "caller": sender, "since": self.now}
        return self._happened(no, "DeviceAttached", fact)

    def detach(self, device: bytes, *, sender: str) -> list[Fact]:
        no, org = self._administered(device, sender)
        subject = self.ledger.subjects.get(device)
        no.when(subject is None, "NotAttached", device)
        fact = {"device": device, "subject": subject, "org": org, "caller": sender, "until": self.now}
        return self._happened(no, "DeviceDetached", fact)

    @property
    def now(self) -> int:
        return self.consortium.now

    def verify(
        self, no: Objections, device: bytes, subject: bytes, begin: int, end: int, digest: bytes,
        signer: bytes, signature: bytes,
    ) -> None:  # fmt: skip
        """What speaks against the device's having signed that."""
        if device not in self.ledger.signers:
            no.final("NotEnrolled", device)
        no.when(signer != self.ledger.signers[device], "WrongSigner", device, signer)
        since, until = self.ledger.attachments.get((device, subject), (0, 0))
        during = since != 0 and since <= begin and (until == 0 or end <= until)
        no.when(not during, "NotAttachedDuring", device, subject, begin, end)
        made = self.signatures.get(signature) == (signer, digest)
        no.when(not made, "InvalidDeviceSignature", device, digest)

    def _administered(self, device: bytes, sender: str) -> tuple[Objections, int]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.DEVICE_ADMIN)
        twin = self.twins.ledger.twins.get(device)
        owner = 0 if twin is None else twin.owner
        if org != owner:
            no.final("NotDeviceOwner", device, org, owner)
        return no, org

    def _device(self, no: Objections, device: bytes) -> None:
        twin = self.twins.ledger.twins[device]
        no.when(twin.kind != Kind.ASSET or twin.end != EndOfLife.NONE, "NotADevice", device)

    def _enrolled(self, no: Objections, device: bytes) -> None:
        no.when(device not in self.ledger.signers, "NotEnrolled", device)

    def _happened(self, no: Objections, name: str, fact: Mapping[str, Any]) -> list[Fact]:
        no.settle()
        self.ledger.apply((name, fact))
        return [(name, fact)]


@dataclass
class TelemetryLedger:
    """What the events of a Telemetry contract add up to."""

    anchored: dict[Stream, list[tuple[bytes, int, int]]] = field(default_factory=dict)
    """Digest, frame and values of each segment, in order."""

    def copy(self) -> TelemetryLedger:
        return TelemetryLedger({stream: list(found) for stream, found in self.anchored.items()})

    def apply(self, fact: Fact) -> None:
        name, a = fact
        if name != "SegmentAnchored":
            raise LookupError(f"the ledger does not know the event {name}")
        stream = a["device"], a["subject"], Frame.of(a["frame"]).quantity
        self.anchored.setdefault(stream, []).append((a["digest"], a["frame"], a["values"]))

    def digest(self, stream: Stream, seq: int) -> bytes:
        """Of an anchored segment, or zero."""
        found = self.anchored.get(stream, [])
        return found[seq - 1][0] if 1 <= seq <= len(found) else NOTHING

    def end(self, stream: Stream) -> tuple[int, int]:
        """Number of the newest segment, and time of its last reading."""
        found = self.anchored.get(stream, [])
        return (len(found), Frame.of(found[-1][1]).end) if found else (0, 0)


class Telemetry:
    """The rules, for segments whose summary is that of their readings."""

    def __init__(self, ledger: TelemetryLedger, devices: Devices, address: str, chain_id: int) -> None:
        self.ledger = ledger
        self.devices = devices
        self.address = address
        self.chain_id = chain_id

    def anchor(self, segment: Segment, signer: bytes, signature: bytes, *, sender: str) -> list[Fact]:
        no = Objections()
        facts = self.anchoring(no, segment, signer, signature, sender)
        no.settle()
        for fact in facts:
            self.ledger.apply(fact)
        return facts

    def anchoring(
        self, no: Objections, segment: Segment, signer: bytes, signature: bytes, sender: str
    ) -> list[Fact]:
        """The event that would follow; none if the segment is anchored already."""
        digest, frame = self.digest_of(segment), Frame.of(segment.frame)
        if self.ledger.digest(segment.key, frame.seq) == digest:
            return []
        newest, end = self.ledger.end(segment.key)
        now = self.devices.now
        no.when(frame.seq != newest + 1, "NotNextSegment", segment.device, newest + 1, frame.seq)
        in_order = end < frame.start <= frame.end <= now
        no.when(not in_order, "TimesNotInOrder", end, frame.start, frame.end, now)
        device, subject, quantity = segment.key
        signed = frame.start, frame.end, digest, signer, signature
        self.devices.verify(no, device, subject, *signed)
        fact = {"device": device, "subject": subject, "frame": segment.frame, "values": segment.values}
        fact |= {"digest": digest, "caller": sender}
        return [("SegmentAnchored", fact)]

    def digest_of(self, segment: Segment) -> bytes:
        return digest_of(segment, self.address, self.chain_id)


def signer_hash(ledger: DevicesLedger, device: bytes) -> bytes:
    """What `signerHash` returns."""
    return keccak(ledger.signers[device]) if device in ledger.signers else NOTHING
