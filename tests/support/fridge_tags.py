"""Fridge-tag 2 loggers to test with: reports written line by line as the field's files are, and signed by
lots of the tests' own.

    lot = Lot("1792_20_08", 7)                       # the name, and the number of its secret key
    tag = FridgeTag(serial=160400343949, lot=lot, created=..., days=(TagDay(...), ...))
    tag.text                                         # what the logger signs
    tag.file()                                       # what it writes to a USB drive
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from .signers import P256_ORDER


@dataclass(frozen=True)
class Lot:
    """A lot of loggers that share a key."""

    name: str = "1792_20_08"
    secret: int = 1792

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self.secret, ec.SECP256R1())

    @property
    def point(self) -> tuple[int, int]:
        """The public key."""
        numbers = self._key.public_key().public_numbers()
        return numbers.x, numbers.y

    def sign(self, text: bytes, *, high: bool = True) -> tuple[int, int]:
        """r and s over the digest of the text in reverse; the loggers' own have the higher s."""
        scheme = ec.ECDSA(utils.Prehashed(SHA256()), deterministic_signing=True)
        r, s = utils.decode_dss_signature(self._key.sign(sha256(text).digest()[::-1], scheme))
        return r, max(s, P256_ORDER - s) if high else min(s, P256_ORDER - s)


@dataclass(frozen=True)
class TagDay:
    """A day of a report: temperatures in tenths of a degree, minutes, times of the day in minutes."""

    min: int = 45
    max: int = 62
    low: int = 0
    high: int = 0
    low_alarm: int | None = None
    high_alarm: int | None = None
    timeout: int = 0
    checked: Sequence[str] = ()


@dataclass(frozen=True)
class FridgeTag:
    """A logger with the days that it remembers, the newest first; by its own clock."""

    created: datetime
    days: Sequence[TagDay]
    lot: Lot = field(default_factory=Lot)
    serial: int = 160400343949
    activated: datetime | None = None
    """A minute past noon on the first day unless another time is named."""
    low: int = -5
    high: int = 80

    def date(self, index: int) -> datetime:
        """Midnight of a day in the table."""
        return self.created.replace(hour=0, minute=0) - timedelta(days=index)

    @property
    def start(self) -> datetime:
        """When it was activated."""
        first = self.date(len(self.days) - 1)
        return self.activated or first + timedelta(hours=12, minutes=1)

    @property
    def lines(self) -> list[str]:
        """What it signs, line by line."""
        x, y = self.lot.point
        found = [
            "Device: Q-tag Fridge-tag 2",
            "Vers: 0.5",
            "Fw Vers: 4.0p1o",
            "Sensor: 1",
            "Conf:",
            f" Serial: {self.serial:012}",
            " PCB: BG0245101037",
            " CID: 62000007",
            f" Lot: {self.lot.name}",
            " Zone: 0.00",
            " Measurement delay: 10",
            " Moving Avrg: 1",
            " User Alarm Config: 0",
            " User Clock Config: 1",
            " Alarm Indication: 0",
            " Temp unit: C",
            " Alarm:",
            "  0:",
            f"   T AL: {tenths(self.low)}, t AL: 60",
            "  1:",
            f"   T AL: {tenths(self.high)}, t AL: 600",
            " Int Sensor:",
            "  Timeout: 1, Offset: +0.0",
            " Report history length: 60",
            " Det Report: 19",
            " Use ext devices: 0",
            " Test Res: 1, Test TS: 2025-03-05 10:08",
            "Hist:",
            f" TS Actv: {self.start:%Y-%m-%d %H:%M}",
            f" TS Report Creation: {self.created:%Y-%m-%d %H:%M}",
        ]
        for index, day in enumerate(self.days):
            found += self._day(index, day)
        return [
            *found,
            "Cert:",
            " Vers: 1.0",
            f" Lot: {self.lot.name}",
            " Issuer: Berlinger & Co. AG",
            " Valid from: 2020-08-21 07:39",
            " Owner: Berlinger & Co. AG",
            f" Public Key: {little(x, y)}",
            f"Sig Cert: {little(*Lot('issuer', 11).sign(b'certificate'))}",
        ]

    def _day(self, index: int, day: TagDay) -> list[str]:
        return [
            f" {index + 1}:",
            f"  Date: {self.date(index):%Y-%m-%d}",
            f"  Min T: {tenths(day.min)}, TS Min T: 00:20",
            f"  Max T: {tenths(day.max)}, TS Max T: 07:47",
            f"  Avrg T: {tenths((day.min + day.max) // 2)}",
            "  Alarm:",
            "   0:",
            f"    t Acc: {day.low}{alarm(day.low_alarm)}",
            "   1:",
            f"    t Acc: {day.high}{alarm(day.high_alarm)}",
            "  Int Sensor timeout:",
            f"   t AccST: {day.timeout}",
            f"  Events: {sum({'AM': 8, 'PM': 16}[half] for half in day.checked)}",
            *(["  Checked:"] if day.checked else []),
            *(f"   TS {half}: {'10' if half == 'AM' else '14'}:12" for half in day.checked),
        ]

    @property
    def text(self) -> bytes:
        """What it signs."""
        return signed(self.lines)

    def file(self, end: str = "\n") -> bytes:
        """Its file; on the way from a USB drive the ends of lines often change."""
        signature = f"Sig: {little(*self.lot.sign(self.text))}"
        return "".join(line + end for line in [*self.lines, signature]).encode()


def signed(lines: Sequence[str]) -> bytes:
    """Lines as a logger signs them."""
    return "".join(f"{line}\r\n" for line in lines).encode()


def tenths(value: int) -> str:
    """A temperature as the logger writes it."""
    return f"{'-' if value < 0 else '+'}{abs(value) // 10}.{abs(value) % 10}"


def alarm(minute: int | None) -> str:
    """The end of a line about an alarm."""
    return "" if minute is None else f", TS A: {minute // 60:02}:{minute % 60:02}, C A: 0"


def little(*numbers: int) -> str:
    """Numbers of 32 bytes, the lowest byte first, in hex digits."""
    return "".join(number.to_bytes(32, "little").hex() for number in numbers)


def five_days(lot: Lot, created: datetime) -> FridgeTag:
    """As many bytes as the shorter of the two files of the field: 2,092."""
    days = [TagDay(checked=("AM",)), TagDay(), TagDay(), TagDay(), TagDay(max=132, high=14, checked=("PM",))]
    return FridgeTag(created, days, lot)


def sixty_days(lot: Lot, created: datetime, seed: int = 60) -> FridgeTag:
    """As many days as a report can have, some of them cold and some hot."""
    random = Random(seed)  # noqa: S311
    days = []
    for _ in range(60):
        low, high = random.choice([0, 0, 7, 66]), random.choice([0, 15, 843, 1440])
        days.append(
            TagDay(
                min=random.randint(-33, 90) if low else random.randint(1, 90),
                max=random.randint(90, 302),
                low=low,
                high=high,
                low_alarm=random.randrange(1440) if low > 60 else None,
                high_alarm=0 if high > 600 else None,
                timeout=random.choice([0, 0, 0, 5]),
            )
        )
    return replace(FridgeTag(created, days, lot), activated=created - timedelta(days=61))
