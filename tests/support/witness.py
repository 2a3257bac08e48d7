"""A second logger on the pallet of a cold chain: a Fridge-tag of a lot whose key is registered.

witness = Witness.create(node)                     # the maker's tag hangs on the pallet
tag = witness.tag([TagDay(max=93)])                # its report after a day, by its own clock
witness.attest(tag)                                # moves time to the report's
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models import bits

from .coldchain import ColdChain
from .contract import Contract, Sender
from .fridge_tags import FridgeTag, Lot, TagDay
from .nodes import Node, Receipt
from .words import Kind
from .world import DAY, World, asset, uri

ACCURACY = 50
OFFSET = 120
"""The tag's clock shows two hours more than UTC."""
SERIAL = 160400343949
YEARS = 10 * 365 * DAY
REASON = b"r" * 32


class LotKey(NamedTuple):
    """As `ILoggerReports.LotKey`."""

    model: bytes
    lot: bytes
    x: bytes
    y: bytes

    @property
    def id(self) -> bytes:
        return keccak(b"".join(self))

    @classmethod
    def of(cls, model: bytes, lot: Lot) -> LotKey:
        """The key of a lot of this model."""
        x, y = (number.to_bytes(32, "big") for number in lot.point)
        return cls(model, lot.name.encode().ljust(32, b"\0"), x, y)

    def logger(self, serial: int = SERIAL) -> bytes:
        """Id of a logger of the lot."""
        return keccak(self.id + serial.to_bytes(32, "big"))


class LoggerFrame(NamedTuple):
    """Which logger wrote a report, when and where, as in library LoggerWords."""

    serial: int
    attachment: int
    org: int
    offset: int
    activated: int
    created: int
    low: int
    high: int

    @property
    def word(self) -> int:
        return bits.join(self, FRAME_BITS)

    @classmethod
    def of(cls, word: int) -> LoggerFrame:
        fields = bits.split(word, FRAME_BITS)
        for place in (3, 6, 7):
            fields[place] = bits.signed(fields[place], 16)
        return cls(*fields)


FRAME_BITS = (40, 32, 32, 16, 40, 40, 16, 16)


class Report(NamedTuple):
    """As `ILoggerReports.Report`."""

    digest: bytes
    key: bytes
    subject: bytes
    frame: int
    table: tuple[int, ...]

    @property
    def id(self) -> bytes:
        return keccak(encode(["(bytes32,bytes32,bytes32,uint256,uint256[])"], [tuple(self)]))

    @property
    def logger(self) -> LoggerFrame:
        """The frame's fields."""
        return LoggerFrame.of(self.frame)


class Attested(NamedTuple):
    """The arguments of `attestReport`."""

    text: bytes
    key: LotKey
    r: bytes
    s: bytes
    attachment: int


@dataclass(frozen=True)
class Witness:
    """The contract, and the maker's tag on the maker's pallet since `since`."""

    cold: ColdChain
    model: bytes
    twin: bytes
    lot: Lot
    since: int

    @classmethod
    def create(cls, node: Node) -> Witness:
        """With a small consortium of its own."""
        return cls.on(ColdChain.create(node))

    @classmethod
    def on(cls, cold: ColdChain, model: bytes | None = None, twin: bytes | None = None) -> Witness:
        """The maker makes loggers, too: model, lot and the twin of the tag are its own."""
        world = cold.world
        model = model or world.register(uri("MODEL"), Kind.DESIGN)
        twin = twin or world.register(asset("TAG1"), Kind.ASSET)
        witness = cls(cold, model, twin, Lot(), world.now)
        witness.register()
        witness.enrol()
        witness.attach()
        return witness

    @property
    def world(self) -> World:
        return self.cold.world

    @property
    def contract(self) -> Contract:
        return self.world.logger_reports

    @property
    def key(self) -> LotKey:
        return LotKey.of(self.model, self.lot)

    @property
    def logger(self) -> bytes:
        return self.key.logger()

    @property
    def admin(self) -> Sender:
        """Administers keys and loggers for the maker."""
        return self.world.maker.device_admin

    def register(self, accuracy: int = ACCURACY, expiry: int | None = None) -> Receipt:
        """Register the lot's key."""
        expiry = self.world.now + YEARS if expiry is None else expiry
        receipt: Receipt = self.contract.registerLotKey(self.key, accuracy, expiry, sender=self.admin)
        return receipt

    def enrol(self, serial: int = SERIAL, twin: bytes | None = None) -> Receipt:
        """Say that a twin of the maker's stands for a logger."""
        args = self.key.id, serial, twin or self.twin
        receipt: Receipt = self.contract.enrol(*args, sender=self.admin)
        return receipt

    def attach(self, subject: bytes | None = None, offset: int = OFFSET) -> Receipt:
        """Attach the tag, to the pallet unless another twin is named."""
        args = self.logger, subject or self.cold.pallet, offset
        receipt: Receipt = self.contract.attach(*args, sender=self.admin)
        return receipt

    def detach(self) -> Receipt:
        """End the attachment now."""
        receipt: Receipt = self.contract.detach(self.logger, sender=self.admin)
        return receipt

    def clock(self, time: int, offset: int = OFFSET) -> datetime:
        """What the tag's clock shows at a second."""
        return datetime.fromtimestamp(time + offset * 60, UTC).replace(tzinfo=None)

    def tag(self, days: Sequence[TagDay], **changes: Any) -> FridgeTag:
        """A report on so many days, the newest first, of which the last began when the tag was attached.

        It is written in the last minute of the newest day.
        """
        first = self.clock(self.since).replace(hour=0, minute=0)
        created = first + timedelta(days=len(days), minutes=-1)
        activated = self.clock(self.since + 60)
        return replace(FridgeTag(created, days, self.lot, activated=activated), **changes)

    def signed(self, tag: FridgeTag, attachment: int = 1, *, high: bool = False) -> Attested:
        """What whoever has the file sends, with the lower s."""
        r, s = (number.to_bytes(32, "big") for number in tag.lot.sign(tag.text, high=high))
        return Attested(tag.text, LotKey.of(self.model, tag.lot), r, s, attachment)

    def wait_for(self, tag: FridgeTag, offset: int = OFFSET) -> None:
        """Let time pass until the report is written."""
        self.world.node.warp(max(0, seconds(tag.created) - offset * 60 - self.world.now))

    def attest(self, tag: FridgeTag, attachment: int = 1, sender: Sender | None = None) -> Receipt:
        """By a stranger unless somebody else is named."""
        self.wait_for(tag)
        args = self.signed(tag, attachment)
        receipt: Receipt = self.contract.attestReport(*args, sender=sender or self.world.stranger)
        return receipt


def seconds(moment: datetime) -> int:
    """What a clock shows, in seconds since its 1970."""
    return int(moment.replace(tzinfo=UTC).timestamp())
