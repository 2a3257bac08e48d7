"""The model of `Firmware`, written from IFirmware.

A signature is known to the model as made by a signer over a message, never checked by arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models.consortium import Consortium
from tests.models.devices import Devices
from tests.models.rules import Fact, Objections
from tests.models.twins import Twins
from tests.support.words import Duty, EndOfLife, Kind

MAX_SIGNERS = 16
DOMAIN_TYPE = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
RELEASE_TYPE = keccak(
    text="Release(bytes32 model,bytes32 hardwareClass,uint64 sequence,string version,bytes32 imageHash,"
    "bytes32 manifestHash,uint40 notBefore,uint40 expiry)"
)
MINIMUM_TYPE = keccak(text="Minimum(bytes32 model,bytes32 hardwareClass,uint64 sequence)")
SET_TYPE = keccak(text="SignerSet(bytes32 model,uint32 version,uint32 threshold,bytes[] signers)")
CONFIRMATION_TYPE = keccak(
    text="Confirmation(bytes32 device,bytes32 model,bytes32 hardwareClass,uint64 sequence,"
    "bytes32 imageHash,uint40 time)"
)


class State(IntEnum):
    """`IFirmware.State`."""

    UNKNOWN = 0
    BELOW_MINIMUM = 1
    EXPIRED = 2
    CURRENT = 3


class Release(NamedTuple):
    """`IFirmware.Release`."""

    model: bytes
    hardware_class: bytes
    sequence: int
    version: str
    image_hash: bytes
    manifest_hash: bytes
    not_before: int
    expiry: int

    @property
    def struct(self) -> bytes:
        """EIP-712 hashStruct."""
        fields = [*self[:3], keccak(text=self.version), *self[4:]]
        kinds = ["bytes32", "bytes32", "uint64", "bytes32", "bytes32", "bytes32", "uint40", "uint40"]
        return keccak(encode(["bytes32", *kinds], [RELEASE_TYPE, *fields]))


class Minimum(NamedTuple):
    """`IFirmware.Minimum`."""

    model: bytes
    hardware_class: bytes
    sequence: int

    @property
    def struct(self) -> bytes:
        """EIP-712 hashStruct."""
        return keccak(encode(["bytes32", "bytes32", "bytes32", "uint64"], [MINIMUM_TYPE, *self]))


class SignerSet(NamedTuple):
    """`IFirmware.SignerSet`."""

    model: bytes
    version: int
    threshold: int
    signers: Sequence[bytes]

    @property
    def struct(self) -> bytes:
        """EIP-712 hashStruct."""
        hashes = keccak(b"".join(keccak(signer) for signer in self.signers))
        kinds = ["bytes32", "bytes32", "uint32", "uint32", "bytes32"]
        return keccak(encode(kinds, [SET_TYPE, *self[:3], hashes]))


class Confirmation(NamedTuple):
    """`IFirmware.Confirmation`."""

    device: bytes
    model: bytes
    hardware_class: bytes
    sequence: int
    image_hash: bytes
    time: int

    @property
    def struct(self) -> bytes:
        """EIP-712 hashStruct."""
        kinds = ["bytes32", "bytes32", "bytes32", "bytes32", "uint64", "bytes32", "uint40"]
        return keccak(encode(kinds, [CONFIRMATION_TYPE, *self]))


def digest_of(message: Release | Minimum | SignerSet | Confirmation, firmware: str, chain_id: int) -> bytes:
    """What is signed, for that Firmware contract on that chain."""
    names = keccak(text="Goldthread Firmware"), keccak(text="1")
    domain = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "address"], [DOMAIN_TYPE, *names, chain_id, firmware]
    )
    return keccak(b"\x19\x01" + keccak(domain) + message.struct)


Line = tuple[bytes, bytes]
"""Model and hardware class."""


@dataclass(frozen=True)
class Installed:
    """What is known of a device."""

    line: Line | None = None
    assigned: int = 0
    sequence: int = 0
    time: int = 0
    expiry: int = 0


@dataclass
class FirmwareLedger:
    """What the events of a Firmware contract add up to."""

    sets: dict[bytes, list[tuple[int, frozenset[bytes]]]] = field(default_factory=dict)
    """Threshold and members of each set of a model, in order."""
    releases: dict[Line, dict[int, tuple[bytes, int, int]]] = field(default_factory=dict)
    """Image, first and last second by sequence."""
    minima: dict[Line, int] = field(default_factory=dict)
    devices: dict[bytes, Installed] = field(default_factory=dict)

    def newest(self, line: Line) -> int:
        return max(self.releases.get(line, {}), default=0)

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "SignersSet":
                sets = self.sets.get(a["model"], [])
                self.sets[a["model"]] = [*sets, (a["threshold"], frozenset(a["signers"]))]
            case "FirmwareReleased":
                line = a["model"], a["hardwareClass"]
                image = a["imageHash"], a["notBefore"], a["expiry"]
                self.releases[line] = self.releases.get(line, {}) | {a["sequence"]: image}
            case "MinimumRaised":
                self.minima[a["model"], a["hardwareClass"]] = a["sequence"]
            case "FirmwareAssigned":
                known = self.devices.get(a["device"], Installed())
                line = a["model"], a["hardwareClass"]
                self.devices[a["device"]] = replace(known, line=line, assigned=a["sequence"])
            case "FirmwareConfirmed":
                known = self.devices.get(a["device"], Installed())
                line = a["model"], a["hardwareClass"]
                _, _, expiry = self.releases[line][a["sequence"]]
                self.devices[a["device"]] = replace(
                    known, line=line, sequence=a["sequence"], time=a["time"], expiry=expiry
                )
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def copy(self) -> FirmwareLedger:
        return FirmwareLedger(dict(self.sets), dict(self.releases), dict(self.minima), dict(self.devices))


class Firmware:
    """The rules."""

    def __init__(
        self, ledger: FirmwareLedger, consortium: Consortium, twins: Twins, devices: Devices
    ) -> None:
        self.ledger = ledger
        self.consortium = consortium
        self.twins = twins
        self.devices = devices
        self.signatures: dict[bytes, tuple[bytes, Any]] = {}
        """Signer and message of every signature that was really made."""
        self.digests: dict[Any, bytes] = {}
        """Of every message that was signed."""

    @property
    def now(self) -> int:
        return self.consortium.now

    def setSigners(  # noqa: N802
        self, following: SignerSet, approvers: Sequence[bytes], signatures: Sequence[bytes], *, sender: str
    ) -> list[Fact]:
        no, org = self._maker(following.model, sender)
        sets = self.ledger.sets.get(following.model, [])
        expected, count = len(sets) + 1, len(following.signers)
        no.when(following.version != expected, "WrongVersion", following.model, following.version, expected)
        fits = 1 <= following.threshold <= count <= MAX_SIGNERS
        no.when(not fits, "WrongThreshold", following.threshold, count)
        hashes = [keccak(signer) for signer in following.signers]
        for index, signer in enumerate(following.signers):
            no.when(len(signer) < 20, "SignerTooShort", len(signer))
            no.when(index > 0 and hashes[index] <= hashes[index - 1], "SignersNotInOrder", index)
        if sets:
            self._signed(no, following, approvers, signatures)
            self._threshold(no, following.model, following.version, following, approvers)
        fact = {"model": following.model, "org": org, "caller": sender, "version": following.version}
        fact |= {"threshold": following.threshold, "signers": list(following.signers)}
        return self._happened(no, "SignersSet", fact)

    def release(
        self, item: Release, approvers: Sequence[bytes], signatures: Sequence[bytes], *, sender: str
    ) -> list[Fact]:
        no, org = self._maker(item.model, sender)
        line = item.model, item.hardware_class
        newest = self.ledger.newest(line)
        no.when(item.sequence <= newest, "NotNextSequence", *line, item.sequence, newest)
        fits = any(item.image_hash) and item.not_before <= item.expiry and self.now <= item.expiry
        times = item.not_before, item.expiry, self.now
        no.when(not fits, "WrongRelease", item.image_hash, *times)
        self._signed(no, item, approvers, signatures)
        fact = {"model": item.model, "org": org, "hardwareClass": item.hardware_class, "caller": sender}
        fact |= {"sequence": item.sequence, "version": item.version, "imageHash": item.image_hash}
        fact |= {"manifestHash": item.manifest_hash, "notBefore": item.not_before, "expiry": item.expiry}
        return self._happened(no, "FirmwareReleased", fact)

    def raiseMinimum(  # noqa: N802
        self, minimum: Minimum, approvers: Sequence[bytes], signatures: Sequence[bytes], *, sender: str
    ) -> list[Fact]:
        no, org = self._maker(minimum.model, sender)
        line = minimum.model, minimum.hardware_class
        current, newest = self.ledger.minima.get(line, 0), self.ledger.newest(line)
        fits = current < minimum.sequence <= newest + 1
        no.when(not fits, "WrongMinimum", *line, minimum.sequence, current, newest)
        self._signed(no, minimum, approvers, signatures)
        fact = {"model": minimum.model, "org": org, "hardwareClass": minimum.hardware_class}
        return self._happened(no, "MinimumRaised", fact | {"caller": sender, "sequence": minimum.sequence})

    def assign(
        self, device: bytes, model: bytes, hardware_class: bytes, sequence: int, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.DEVICE_ADMIN)
        twin = self.twins.ledger.twins.get(device)
        owner = twin.owner if twin else 0
        no.when(org != owner, "NotDeviceOwner", device, org, owner)
        no.when(device not in self.devices.ledger.signers, "NotEnrolled", device)
        line, known = (model, hardware_class), self.ledger.devices.get(device, Installed())
        if known.sequence:
            self._same(no, device, known, line)
        self._installable(no, device, known, line, sequence, self.now)
        minimum = self.ledger.minima.get(line, 0)
        no.when(sequence < minimum, "BelowMinimum", device, sequence, minimum)
        fact = {"device": device, "org": org, "model": model, "caller": sender}
        return self._happened(
            no, "FirmwareAssigned", fact | {"hardwareClass": hardware_class, "sequence": sequence}
        )

    def confirm(
        self, confirmation: Confirmation, signer: bytes, signature: bytes, *, sender: str
    ) -> list[Fact]:
        no, c = Objections(), confirmation
        line, known = (c.model, c.hardware_class), self.ledger.devices.get(c.device, Installed())
        if known.line:
            self._same(no, c.device, known, line)
        current = self.devices.ledger.signers.get(c.device)
        no.when(current is None, "NotEnrolled", c.device)
        if current is not None:
            no.when(signer != current, "WrongSigner", c.device, signer)
            made = self.signatures.get(signature) == (signer, c)
            no.when(not made, "InvalidDeviceSignature", c.device, self.digests.get(c))
        image = self._installable(no, c.device, known, line, c.sequence, c.time)
        no.when(c.image_hash != image, "OtherImage", c.device, c.image_hash, image)
        in_order = known.time < c.time <= self.now
        no.when(not in_order, "TimeNotInOrder", c.device, c.time, known.time, self.now)
        fact = {"device": c.device, "model": c.model, "hardwareClass": c.hardware_class, "caller": sender}
        fact |= {"sequence": c.sequence, "imageHash": c.image_hash, "time": c.time}
        return self._happened(no, "FirmwareConfirmed", fact)

    def state(self, device: bytes) -> State:
        """What `stateOf` returns."""
        known = self.ledger.devices.get(device, Installed())
        if not known.sequence or known.line is None:
            return State.UNKNOWN
        if known.sequence < self.ledger.minima.get(known.line, 0):
            return State.BELOW_MINIMUM
        return State.EXPIRED if self.now > known.expiry else State.CURRENT

    def _maker(self, model: bytes, sender: str) -> tuple[Objections, int]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.DEVICE_ADMIN)
        twin = self.twins.ledger.twins.get(model)
        if twin is None or twin.kind != Kind.DESIGN or twin.end != EndOfLife.NONE:
            no.final("NotAModel", model)
        no.when(org != twin.owner, "NotModelOwner", model, org, twin.owner)
        return no, org

    def _signed(
        self,
        no: Objections,
        message: Release | Minimum | SignerSet,
        approvers: Sequence[bytes],
        signatures: Sequence[bytes],
    ) -> None:
        """By a threshold of the set of today, nobody twice, and nothing false among the signatures."""
        sets = self.ledger.sets.get(message.model, [])
        threshold, members = sets[-1] if sets else (0, frozenset())
        signed = sum(approver in members for approver in approvers)
        few = signed < max(threshold, 1)
        no.when(few, "TooFewSigners", message.model, len(sets), signed, threshold)
        key = _key(message)
        true = len(approvers) == len(signatures) == len(set(approvers)) and all(
            self.signatures.get(signature) == (approver, key)
            for approver, signature in zip(approvers, signatures, strict=True)
        )
        no.when(not true, "InvalidSignatures", self.digests.get(key))

    def _threshold(
        self, no: Objections, model: bytes, version: int, new: SignerSet, approvers: Sequence[bytes]
    ) -> None:
        signed = sum(approver in set(new.signers) for approver in approvers)
        few = signed < new.threshold
        no.when(few, "TooFewSigners", model, version, signed, new.threshold)

    def _same(self, no: Objections, device: bytes, known: Installed, line: Line) -> None:
        no.when(known.line != line, "OtherModel", device, line_id(known.line), line_id(line))

    def _installable(
        self, no: Objections, device: bytes, known: Installed, line: Line, sequence: int, time: int
    ) -> bytes:
        """The image, if it may be installed at that time."""
        found = self.ledger.releases.get(line, {}).get(sequence)
        if found is None:
            no.final("UnknownRelease", *line, sequence)
        image, not_before, expiry = found
        no.when(sequence < known.sequence, "Rollback", device, sequence, known.sequence)
        no.when(time < not_before, "NotYetInstallable", sequence, not_before, time)
        no.when(time > expiry, "ReleaseExpired", sequence, expiry, time)
        return image

    def _happened(self, no: Objections, name: str, fact: dict[str, Any]) -> list[Fact]:
        no.settle()
        self.ledger.apply((name, fact))
        return [(name, fact)]


def line_id(line: Line | None) -> bytes:
    """What `lineId` returns; zero for none."""
    return keccak(line[0] + line[1]) if line else bytes(32)


def _key(message: Any) -> Any:
    """The message as something that can be looked up."""
    return message._replace(signers=tuple(message.signers)) if isinstance(message, SignerSet) else message
