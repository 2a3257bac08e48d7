"""Reports that loggers sign themselves, as the contract LoggerReports takes them.

call = attest(deployment, read("report.txt"), model)      # for the newest attachment of the logger
receipt = sender.send(call)
"""

from __future__ import annotations

from typing import NamedTuple

from goldthread.chain.contracts import Call, Deployment
from goldthread.chain.devices import low_s
from goldthread.hashing import keccak
from goldthread.rules.fridge_tag import SignedReport


class LotKey(NamedTuple):
    """The key of a lot of loggers, as `ILoggerReports.LotKey`."""

    model: bytes
    lot: bytes
    x: bytes
    y: bytes

    @classmethod
    def of(cls, model: bytes, signed: SignedReport) -> LotKey:
        """The key that a report names, for loggers of this model (id of a DESIGN twin)."""
        point = (number.to_bytes(32, "big") for number in (signed.x, signed.y))
        return cls(model, signed.report.lot.ljust(32, b"\0"), *point)

    @property
    def id(self) -> bytes:
        """Its id on chain."""
        return keccak(b"".join(self))

    def logger(self, serial: int) -> bytes:
        """Id of a logger of the lot."""
        return keccak(self.id + serial.to_bytes(32, "big"))


class NotAttachedError(Exception):
    """No attachment of the logger is on chain."""


def attest(deployment: Deployment, signed: SignedReport, model: bytes, attachment: int | None = None) -> Call:
    """The call that hands in a report, for the newest attachment of its logger unless another is named.

    Raises `NotAttachedError` if the logger was never attached to anything.
    """
    contract, key = deployment.logger_reports, LotKey.of(model, signed)
    if attachment is None:
        attachment = contract.loggerOf(key.logger(signed.report.serial)).attachments
        if attachment == 0:
            raise NotAttachedError(
                f"logger {signed.report.serial:012} of lot {signed.report.lot.decode(errors='replace')}, "
                f"model 0x{model.hex()}: was never attached to a twin, so nothing says what it measured"
            )
    r, s = (number.to_bytes(32, "big") for number in (signed.r, low_s(signed.s)))
    call: Call = contract.attestReport(signed.text, key, r, s, attachment)
    return call
