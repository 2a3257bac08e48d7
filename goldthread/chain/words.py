"""The words of the contracts: roles, duties, kinds, purposes and exceptions as numbers, and event
references.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag


class Role(IntFlag):
    """What an organisation is (library Role)."""

    MANUFACTURER = 1 << 0
    SUPPLIER = 1 << 1
    CARRIER = 1 << 2
    DISTRIBUTOR = 1 << 3
    RETAILER = 1 << 4
    SERVICE = 1 << 5
    RECYCLER = 1 << 6
    REGULATOR = 1 << 7
    INSURER = 1 << 8
    AUDITOR = 1 << 9
    GRID_OPERATOR = 1 << 10
    MODULE = 1 << 11


class Duty(IntFlag):
    """What an account may do for its organisation (library Duty)."""

    REGISTER = 1 << 0
    SHIP = 1 << 1
    RECEIVE = 1 << 2
    QUALITY = 1 << 3
    RECORD = 1 << 4
    DEVICE_ADMIN = 1 << 5
    ANCHOR = 1 << 6
    RECALL = 1 << 7
    FINANCE = 1 << 8


class Kind(IntEnum):
    """What a twin stands for (ITwins.Kind)."""

    PART = 1
    LOT = 2
    CONTAINER = 3
    ASSET = 4
    DESIGN = 5


class EndOfLife(IntEnum):
    """How a twin ended (ITwins.EndOfLife)."""

    NONE = 0
    DECOMMISSIONED = 1
    DESTROYED = 2
    DISPENSED = 3
    RETAIL_SOLD = 4
    STOLEN = 5


class Purpose(IntEnum):
    """Why custody changes (ITwins.Purpose)."""

    TRANSPORT = 0
    RETURN = 1
    QUARANTINE = 2
    DESTRUCTION = 3


class Cause(IntEnum):
    """Why a twin is not clear (ITwins.Cause)."""

    NONE = 0
    UNKNOWN = 1
    ENDED = 2
    HELD = 3
    CONTENTS_HELD = 4
    CONTAINER_HELD = 5


class UnitEnd(IntEnum):
    """How a unit of a lot ended (ILots.UnitEnd)."""

    NONE = 0
    DECOMMISSIONED = 1
    DESTROYED = 2
    DISPENSED = 3
    RETAIL_SOLD = 4
    STOLEN = 5
    MATERIALISED = 6


class LotCause(IntEnum):
    """Why a lot, or a unit of it, is not clear (ILots.Cause)."""

    NONE = 0
    UNKNOWN = 1
    ENDED = 2
    HELD = 3
    RECALLED = 4
    EXPIRED = 5


class Exceptions(IntFlag):
    """What a receiver found wrong with a delivery (library Exceptions)."""

    MISSING_PRODUCT = 1 << 0
    MISSING_DATA = 1 << 1
    OVERAGE = 1 << 2
    UNDERAGE = 1 << 3
    MISALIGNMENT = 1 << 4
    MASTER_DATA = 1 << 5
    DAMAGED = 1 << 6
    SEAL_BROKEN = 1 << 7
    OUT_OF_CONDITIONS = 1 << 8


class Disposition(IntEnum):
    """What quality decided about a breach (IConditions.Disposition)."""

    NONE = 0
    RELEASE = 1
    REWORK = 2
    REJECT = 3


@dataclass(frozen=True)
class EventRef:
    """The EPCIS event that a step stands for (struct EventRef); what is not given stays zero.

    `event_hash` and `doc_hash` are 32 bytes, `read_point` and `biz_location` ids of places, `event_time` unix
    seconds, `tz_minutes` the offset of local time, `profile` the edition of the event-hash rules.
    """

    event_hash: bytes = bytes(32)
    doc_hash: bytes = bytes(32)
    read_point: bytes = bytes(32)
    biz_location: bytes = bytes(32)
    event_time: int = 0
    tz_minutes: int = 0
    profile: int = 0

    @property
    def stamp(self) -> int:
        """The three small fields in one word (library EventStamp); `ValueError` if one does not fit."""
        for name, value, least, bits in (
            ("event_time", self.event_time, 0, 40),
            ("tz_minutes", self.tz_minutes, -(1 << 15), 16),
            ("profile", self.profile, 0, 8),
        ):
            if not least <= value < least + (1 << bits):
                raise ValueError(f"{name} {value} does not fit into {bits} bits")
        return self.event_time << 24 | (self.tz_minutes & 0xFFFF) << 8 | self.profile

    def to_contract(self) -> tuple[bytes, bytes, bytes, bytes, int]:
        """The reference as an argument of the contracts' functions."""
        return self.event_hash, self.doc_hash, self.read_point, self.biz_location, self.stamp


class Method(IntFlag):
    """What can be done with a device (library Method)."""

    IDENTIFY = 1 << 0
    CONFIGURE = 1 << 1
    NETWORK = 1 << 2
    LOCAL_IO = 1 << 3
    UPDATE = 1 << 4


class Meaning(IntFlag):
    """What a signature under a record means (library Meaning)."""

    AUTHORSHIP = 1 << 0
    REVIEW = 1 << 1
    APPROVAL = 1 << 2
    RESPONSIBILITY = 1 << 3


class Authority(IntEnum):
    """Which organisations write about a subject (IRecords.Authority)."""

    ANYONE_ALLOWED = 0
    OWNER_OR_CUSTODIAN = 1
    MAKER = 2


class Authors(IntEnum):
    """Who is the author of a record (IRecords.Authors)."""

    PERSONS = 0
    DEVICES = 1
    PERSONS_AND_DEVICES = 2


class FirmwareState(IntEnum):
    """What is known of the firmware of a device (IFirmware.State)."""

    UNKNOWN = 0
    BELOW_MINIMUM = 1
    EXPIRED = 2
    CURRENT = 3


class LicenceOutcome(IntEnum):
    """What a check-out of a seat meets (ILicences.Outcome)."""

    OK = 0
    OVERDRAFT = 1
    UNKNOWN = 2
    NOT_LICENSEE = 3
    REVOKED = 4
    SUPERSEDED = 5
    NOT_STARTED = 6
    EXPIRED = 7
    USER_MAX = 8
    MAX_REACHED = 9


class CapabilityCause(IntEnum):
    """Why a capability does not allow something (ICapabilities.Cause)."""

    NONE = 0
    NOT_ENROLLED = 1
    UNKNOWN = 2
    EXPIRED = 3
    NOT_GRANTED = 4
    NOT_GRANTEE = 5
    REVOKED = 6
    TITLE_PASSED = 7


class RequirementStatus(IntEnum):
    """Where a requirement of a case stands (ICompliance.Status)."""

    OPEN = 0
    SUBMITTED = 1
    REJECTED = 2
    ACCEPTED = 3
    WAIVED = 4
    SUPERSEDED = 5
    EXPIRED = 6


class BatchState(IntEnum):
    """What became of a batch (IBatchRelease.State)."""

    NONE = 0
    OPEN = 1
    RELEASED = 2
    REJECTED = 3
    WITHDRAWN = 4


class ReleaseCause(IntEnum):
    """What speaks against the release of a batch (IBatchRelease.Cause)."""

    NONE = 0
    NOT_OPEN = 1
    STEP = 2
    OWN_STEP = 3
    NOT_EXAMINED = 4
    DEVIATION = 5
    NO_YIELD = 6
    YIELD_RECORD = 7
    OWN_YIELD = 8
    HELD = 9
    RECALLED = 10
    EXPIRED = 11
    ENDED = 12


class ItemKind(IntEnum):
    """What an item of a design project is (IDesignControl.Kind)."""

    NONE = 0
    NEED = 1
    RISK = 2
    INPUT = 3
    OUTPUT = 4
    VERIFICATION = 5
    VALIDATION = 6


class Gate(IntEnum):
    """The gates of a design project (IDesignControl.Gate): ISO 13485:2016, 7.3.2 to 7.3.8."""

    NONE = 0
    PLANNING = 1
    INPUTS = 2
    OUTPUTS = 3
    REVIEW = 4
    VERIFICATION = 5
    VALIDATION = 6
    TRANSFER = 7


class Source(IntEnum):
    """What the content of an item of a design project is (IDesignControl.Source)."""

    WITHDRAWN = 0
    DOCUMENT = 1
    RECORD = 2


class DesignResult(IntEnum):
    """What a test said of an item of a design project (IDesignControl.Result)."""

    NONE = 0
    PASSED = 1
    FAILED = 2


class ChangeState(IntEnum):
    """What became of a change of a design project (IDesignControl.ChangeState)."""

    NONE = 0
    OPEN = 1
    APPROVED = 2
    DISMISSED = 3


class Obstacle(IntEnum):
    """What speaks against the transfer of a design to production (IDesignControl.Obstacle)."""

    NONE = 0
    NO_PROJECT = 1
    INPUTS = 2
    OUTPUTS = 3
    VERIFICATION = 4
    VALIDATION = 5
    GATES = 6
    CHANGES = 7
    TWIN = 8
    TRANSFERRED = 9
