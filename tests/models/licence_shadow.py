"""Licences and UsageMeters with their models, called side by side; see `tests.models.shadow`."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from goldthread.audit import licences as licences_audit
from goldthread.audit import usage_meters as meters_audit
from tests.models.devices import Devices, DevicesLedger
from tests.models.licences import (
    HOUR,
    NOBODY,
    Licences,
    LicencesLedger,
    Outcome,
    SeatRequest,
    SeatReturn,
    digest_of,
)
from tests.models.lot_shadow import LotShadow
from tests.models.lots import LotsLedger
from tests.models.module_shadows import asked, events_of
from tests.models.shadow import Point
from tests.models.usage_meters import MeterReading, MetersLedger, UsageMeters
from tests.support import Node, decode_logs
from tests.support.contract import Contract, Sender
from tests.support.signers import Signer

MUCH = 10**30


class LicencePoint(NamedTuple):
    """A moment to go back to."""

    shadow: Point
    lots: LotsLedger
    ledger: LicencesLedger


class MeterPoint(NamedTuple):
    """A moment to go back to."""

    licences: LicencePoint
    devices: DevicesLedger
    ledger: MetersLedger
    tokens: Counter[str]


class LicenceShadow(LotShadow):
    """A world with designs that are licensed."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.contract: Contract = self.world.licences
        self.model = Licences(LicencesLedger(), self.lots)
        self.catch_up()

    def tell(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Licences and its model; True if both did it."""
        return self._both(self.contract, self.model, function, args, sender)

    def sign_seat(self, message: SeatRequest | SeatReturn, signer: Signer) -> bytes:
        """A real signature, known to the model as one."""
        digest = digest_of(message, self.contract.address, self.node.chain_id)
        signature = signer.sign(digest)
        self.model.digests[message] = digest
        self.model.signatures[signature] = signer.name, digest
        return signature

    def outcome(self, licence: int, account: str) -> Outcome:
        """What a check-out would meet, by contract and model alike; so it is with the other views of now."""
        self.consortium.now = self.node.timestamp
        expected, contract = self.model.judge(licence, account), self.contract
        assert contract.outcomeOf(licence, account) == expected, (licence, account)
        assert contract.hasSeat(licence, account) == self.model.has_seat(licence, account)
        assert contract.inUse(licence) == len(self.model.ledger.taken(licence, self.node.timestamp))
        return expected

    def point(self) -> LicencePoint:  # type: ignore[override]
        return LicencePoint(super().point(), self.lots.ledger.copy(), self.model.ledger.copy())

    def back_to(self, point: LicencePoint) -> None:  # type: ignore[override]
        super().back_to(point.shadow)
        self.lots.ledger, self.model.ledger = point.lots.copy(), point.ledger.copy()

    def check_facts(self) -> None:
        """What is used of every licence is what the model says. Nothing here moves a twin or a lot."""
        for number in self.model.ledger.licences:
            assert self.contract.usageOf(number) == self.model.ledger.usage(number)

    def replay(self) -> LicencesLedger:
        """What the logs of the contract add up to."""
        ledger = LicencesLedger()
        for receipt in self.recorder.receipts:
            for event in decode_logs(receipt):
                if event.address == self.contract.address:
                    ledger.apply((event.name, event.args))
        return ledger

    def check_all(self) -> None:
        """The logs alone lead to the state of the model, and to what the views show."""
        ledger, contract = self.model.ledger, self.contract
        assert self.replay() == ledger
        assert contract.licenceCount() == len(ledger.licences)
        for number, licence in ledger.licences.items():
            assert contract.licenceOf(number) == ledger.view(number)
            assert contract.usageOf(number) == ledger.usage(number)
            superseded = ledger.superseded(licence.design, licence.licensee)
            assert contract.supersessionOf(licence.design, licence.licensee) == superseded
            assert contract.userOf(number) == ledger.user(number, self.node.timestamp)
            assert contract.lastUserOf(number) == ledger.users.get(number, (NOBODY, 0))[0]
        for number, account in {(number, account) for number, account, _ in ledger.seats}:
            times = [ledger.seats.get((number, account, seat), 0) for seat in range(8)]
            assert list(contract.seatsOf(number, account)) == times
        for (number, until), count in ledger.returns.items():
            assert contract.returnsAt(number, until // HOUR) == count
        for key, count in ledger.counts.items():
            assert contract.countOf(*key) == count
        events = list(events_of(self, "Licences", contract))
        views = licences_audit.views(licences_audit.rebuild(events))
        assert asked(contract, "Licences", views) == []


class MeterShadow(LicenceShadow):
    """With meters of what is used. Everybody has tokens."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.devices = Devices(DevicesLedger(), self.consortium, self.twins)
        self.meters: Contract = self.world.usage_meters
        self.metering = UsageMeters(self.meters.address, MetersLedger(), self.model, self.devices)
        for org in self.world.orgs:
            self.supply(org.finance)
            self.supply(org.all)
        self.catch_up()

    def supply(self, account: str, amount: int = MUCH) -> None:
        """Give tokens to somebody, who lets the contract take them."""
        token = self.world.token
        token.mint(account, amount, sender=account)
        token.approve(self.meters, 2**256 - 1, sender=account)
        self.metering.tokens[account] += amount

    def equip(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Devices and its model; True if both did it."""
        return self._both(self.world.devices, self.devices, function, args, sender)

    def meter(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call UsageMeters and its model; True if both did it. What it owes is what it has."""
        done = self._both(self.meters, self.metering, function, args, sender)
        assert self.world.token.balanceOf(self.meters) == self.metering.ledger.owed
        return done

    def sign_reading(self, reading: MeterReading, signer: Signer) -> bytes:
        """A real signature, known to the model as one."""
        digest = reading.digest(self.meters.address, self.node.chain_id)
        signature = signer.sign(digest)
        self.metering.digests[reading] = digest
        self.metering.signatures[signature] = signer.name, digest
        return signature

    def check_meters(self) -> None:
        """The logs alone lead to the state of the model, and to what the views show."""
        ledger, replayed = self.metering.ledger, MetersLedger()
        for receipt in self.recorder.receipts:
            for event in decode_logs(receipt):
                if event.address == self.meters.address:
                    replayed.apply((event.name, event.args))
        assert replayed == ledger
        for id_, meter in ledger.meters.items():
            assert self.meters.meterOf(id_) == meter.view()
            assert self.meters.meterId(meter.terms) == id_
            assert meter.balance >= 0
            assert meter.debt >= 0
        for account, amount in self.metering.tokens.items():
            assert self.world.token.balanceOf(account) == amount
            assert self.meters.creditOf(account) == ledger.credits[account]
        state = meters_audit.rebuild(events_of(self, "UsageMeters", self.meters))
        assert state.obligations == ledger.owed
        assert asked(self.meters, "UsageMeters", meters_audit.views(state)) == []

    def point(self) -> MeterPoint:  # type: ignore[override]
        ledgers = self.devices.ledger.copy(), self.metering.ledger.copy()
        return MeterPoint(super().point(), *ledgers, self.metering.tokens.copy())

    def back_to(self, point: MeterPoint) -> None:  # type: ignore[override]
        super().back_to(point.licences)
        self.devices.ledger, self.metering.ledger = point.devices.copy(), point.ledger.copy()
        self.metering.tokens = point.tokens.copy()
