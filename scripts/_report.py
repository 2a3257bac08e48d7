"""The chapter about a logger that signs its own report, told when the listener brings one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from _telling import DAY, HOUR, StoryError, Teller, gtin

from goldthread.chain.contracts import Call
from goldthread.chain.logger_reports import AttestedReport, LotKey, attest
from goldthread.chain.logs import receipt_events
from goldthread.chain.words import Kind
from goldthread.gs1.links import twin_id
from goldthread.rules.fridge_tag import Beyond, Day, SignedReport

ACCURACY = 50
"""Hundredths of a degree: what such loggers are good for."""


class Reports(Teller):
    """Tells of a refrigerator, and of the tag in it."""

    def report(self) -> None:
        """The tag's report is verified on chain, as the tag signed it."""
        signed = self.recording.report
        if signed is None:
            return
        told = signed.report
        self.chapter("A tag in a refrigerator signs what it saw")
        if self.now() >= min(told.measured(day, 0)[0] for day in told.days):
            raise StoryError(
                f"the report begins on {told.days[-1].date} and the node's clock is past that: "
                "a tag has to be in its place before it measures; leave out --node"
            )
        key, fridge = self.place(signed)
        self.wait_until(told.created + HOUR)
        changed = self.changed(signed, key)
        self.refused(
            self.harbor, changed, "InvalidReportSignature", "Somebody changes one digit of the report"
        )
        call = attest(self.deployment, signed, key.model)
        receipt = self.done(self.harbor, call, "anyone hands in the report as it is: the tag signed it")
        [event] = receipt_events(self.deployment, ["LoggerReports"], receipt)
        days = [day for day in told.days if told.measured(day, 0)[0] < told.measured(day, 0)[1]]
        if event["subject"] != fridge or event["table"] != [day.word for day in days]:
            raise StoryError("the chain reads the report otherwise")
        for place, day in enumerate(days[:5]):
            interval = AttestedReport.of(event).day(place)
            if (interval.lowest, interval.highest) != (day.lowest, day.highest):
                raise StoryError(f"{day.date}: the chain has other temperatures")
            self.say(told_of(day))
        if len(days) > 5:
            self.say(f"and {len(days) - 5} days more")
        alarms = sum(side.alarm is not None for day in days for side in (day.low, day.high))
        self.results.append(("tag's own report", f"{len(days)} days verified, {alarms} alarms"))

    def place(self, signed: SignedReport) -> tuple[LotKey, bytes]:
        """The maker of the tags names the key of their lot; Lumen puts one into a refrigerator."""
        told, reports = signed.report, self.deployment.logger_reports
        model = self.cascade.uri(gtin(self.cascade.prefix, "77001"))
        fridge, tag = self.lumen.uri("8004/{p}FRIDGE1"), self.lumen.uri(f"8004/{{p}}TAG{told.serial:012}")
        self.enter(self.cascade, model, Kind.DESIGN)
        for link in (fridge, tag):
            self.enter(self.lumen, link, Kind.ASSET)
        key = LotKey.of(twin_id(model), signed)
        lot = told.lot.decode(errors="replace")
        register = reports.registerLotKey(key, ACCURACY, told.created + 3650 * DAY)
        self.done(self.cascade, register, f"Cascade names the public key of its loggers of lot {lot}")
        enrol = reports.enrol(key.id, told.serial, twin_id(tag))
        self.done(self.lumen, enrol, f"Lumen has one of them, number {told.serial:012}")
        attach = reports.attach(key.logger(told.serial), twin_id(fridge), 0)
        since = datetime.fromtimestamp(self.now(), UTC).date()
        self.done(self.lumen, attach, f"and puts it into a refrigerator on {since}")
        return key, twin_id(fridge)

    def changed(self, signed: SignedReport, key: LotKey) -> Call:
        """The report with another highest temperature, and the signature as it was."""
        text = signed.text
        place = text.index(b"Max T: ") + len(b"Max T: +")
        digit = b"0123456789".index(text[place : place + 1])
        other = b"%d" % ((digit - 1) % 10)
        genuine = attest(self.deployment, signed, key.model)
        altered = text[:place] + other + text[place + 1 :]
        call: Call = self.deployment.logger_reports.attestReport(altered, *genuine.args[1:])
        return call


def told_of(day: Day) -> str:
    """A day in words."""
    text = f"{day.date}: {day.lowest / 100:.1f} to {day.highest / 100:.1f} °C"
    alarms: Sequence[tuple[str, Beyond]] = (("too cold", day.low), ("too warm", day.high))
    for name, side in alarms:
        if side.minutes:
            text += f", {side.minutes} min {name}"
        if side.alarm is not None:
            text += " (alarm)"
    return text
