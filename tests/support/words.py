"""The words of the contracts' interfaces as Python enumerations; flags are bits, the others count from 0."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Role(IntFlag):
    """What an organisation is (library `Role`)."""

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
    """What an account may do for its organisation (library `Duty`)."""

    REGISTER = 1 << 0
    SHIP = 1 << 1
    RECEIVE = 1 << 2
    QUALITY = 1 << 3
    RECORD = 1 << 4
    DEVICE_ADMIN = 1 << 5
    ANCHOR = 1 << 6
    RECALL = 1 << 7
    FINANCE = 1 << 8


class Found(IntFlag):
    """What a receiver can find wrong (library `Exceptions`)."""

    MISSING_PRODUCT = 1 << 0
    MISSING_DATA = 1 << 1
    OVERAGE = 1 << 2
    UNDERAGE = 1 << 3
    MISALIGNMENT = 1 << 4
    MASTER_DATA = 1 << 5
    DAMAGED = 1 << 6
    SEAL_BROKEN = 1 << 7
    OUT_OF_CONDITIONS = 1 << 8


class Kind(IntEnum):
    """`ITwins.Kind`."""

    NONE = 0
    PART = 1
    LOT = 2
    CONTAINER = 3
    ASSET = 4
    DESIGN = 5


class EndOfLife(IntEnum):
    """`ITwins.EndOfLife`."""

    NONE = 0
    DECOMMISSIONED = 1
    DESTROYED = 2
    DISPENSED = 3
    RETAIL_SOLD = 4
    STOLEN = 5


class Purpose(IntEnum):
    """`ITwins.Purpose`."""

    TRANSPORT = 0
    RETURN = 1
    QUARANTINE = 2
    DESTRUCTION = 3


class Cause(IntEnum):
    """`ITwins.Cause`."""

    NONE = 0
    UNKNOWN = 1
    ENDED = 2
    HELD = 3
    CONTENTS_HELD = 4
    CONTAINER_HELD = 5


class Action(IntEnum):
    """`ITwins.Action`."""

    NONE = 0
    REGISTERED = 1
    OFFERED = 2
    ACCEPTED = 3
    DECLINED = 4
    CANCELLED = 5
    RECLAIMED = 6
    HANDED_OVER = 7
    CONTENTS_ADDED = 8
    PACKED = 9
    CONTENTS_REMOVED = 10
    UNPACKED = 11
    HELD = 12
    RELEASED = 13
    TITLE_OFFERED = 14
    TITLE_CANCELLED = 15
    TITLE_ACCEPTED = 16
    RETIRED = 17
    REGISTERED_FOR = 18
    CONTENTS_NOTED = 19


class UnitEnd(IntEnum):
    """`ILots.UnitEnd`."""

    NONE = 0
    DECOMMISSIONED = 1
    DESTROYED = 2
    DISPENSED = 3
    RETAIL_SOLD = 4
    STOLEN = 5
    MATERIALISED = 6


class LotCause(IntEnum):
    """`ILots.Cause`."""

    NONE = 0
    UNKNOWN = 1
    ENDED = 2
    HELD = 3
    RECALLED = 4
    EXPIRED = 5
