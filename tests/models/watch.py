"""Devices, Telemetry and Conditions with their models, called side by side; see `tests.models.shadow`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tests.models.conditions import (
    FALSIFIED,
    SILENCE,
    Conditions,
    ConditionsLedger,
    Policy,
    Track,
    track_view,
)
from tests.models.devices import (
    NOTHING,
    Devices,
    DevicesLedger,
    Telemetry,
    TelemetryLedger,
    signer_hash,
)
from tests.models.readings import RuleKind, Told
from tests.models.segments import Limit, Reading, Segment
from tests.models.shadow import Point, Shadow
from tests.support import Node, decode_logs
from tests.support.coldchain import ColdChain, Logger
from tests.support.contract import Sender

Signed = tuple[Segment, bytes, bytes]


class WatchPoint(NamedTuple):
    """A moment to go back to."""

    shadow: Point
    devices: DevicesLedger
    telemetry: TelemetryLedger
    conditions: ConditionsLedger


class Watch(Shadow):
    """A cold chain, the models of its contracts, and the comparison of the two."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.cold = ColdChain.on(self.world)
        twins = self.twins
        self.devices = Devices(DevicesLedger(), self.consortium, twins)
        self.telemetry = Telemetry(
            TelemetryLedger(), self.devices, self.world.telemetry.address, node.chain_id
        )
        self.conditions = Conditions(ConditionsLedger(), self.telemetry, twins, self.world.conditions.address)
        self.catch_up()

    def equip(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Devices and its model; True if both did it."""
        return self._both(self.cold.devices, self.devices, function, args, sender)

    def anchor(self, signed: Signed, sender: Sender) -> bool:
        """Call Telemetry and its model; True if both did it."""
        return self._both(self.cold.telemetry, self.telemetry, "anchor", signed, sender)

    def rule(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Conditions and its model; True if both did it."""
        return self._both(self.cold.conditions, self.conditions, function, args, sender)

    def record(
        self, logger: Logger, readings: Sequence[Reading], limits: Iterable[Limit], **how: Any
    ) -> Signed:
        """A signed segment, known to the models."""
        segment = self.cold.segment(readings, limits=limits, logger=logger, **how)
        signed = self.cold.sign(segment, logger)
        digest = self.telemetry.digest_of(segment)
        self.devices.signatures[signed[2]] = (signed[1], digest)
        self.conditions.archive[digest] = Told(readings, list(limits), how.get("histogram", False))
        return signed

    def catch_up(self) -> None:
        super().catch_up()
        if "conditions" in vars(self):
            ledgers = self.replayed_watch()
            self.devices.ledger, self.telemetry.ledger, self.conditions.ledger = ledgers

    def replayed_watch(self) -> tuple[DevicesLedger, TelemetryLedger, ConditionsLedger]:
        """What the logs of all transactions add up to."""
        found = DevicesLedger(), TelemetryLedger(), ConditionsLedger()
        contracts = self.cold.devices, self.cold.telemetry, self.cold.conditions
        ledgers: dict[str, Any] = {c.address: ledger for c, ledger in zip(contracts, found, strict=True)}
        for receipt in self.recorder.receipts:
            for event in decode_logs(receipt):
                if event.address in ledgers:
                    ledgers[event.address].apply((event.name, event.args))
        return found

    def check_replay(self) -> None:
        super().check_replay()
        devices, telemetry, conditions = self.replayed_watch()
        assert devices == self.devices.ledger
        assert telemetry == self.telemetry.ledger
        assert conditions == self.conditions.ledger

    def check_views(self) -> None:
        super().check_views()
        self.check_devices()
        self.check_telemetry()
        self.check_conditions()

    def check_devices(self) -> None:
        contract, ledger = self.cold.devices, self.devices.ledger
        for device in {*ledger.signers, *ledger.revoked}:
            assert contract.signerHash(device) == signer_hash(ledger, device)
            assert contract.revoked(device) == (device in ledger.revoked)
            assert contract.subjectOf(device) == ledger.subjects.get(device, NOTHING)
        for (device, subject), interval in ledger.attachments.items():
            assert contract.attachment(device, subject) == interval

    def check_telemetry(self) -> None:
        contract, ledger = self.cold.telemetry, self.telemetry.ledger
        for stream, found in ledger.anchored.items():
            assert contract.stream(*stream) == ledger.end(stream)
            for seq in range(len(found) + 2):
                assert contract.anchored(*stream, seq) == ledger.digest(stream, seq)[:27]

    def check_conditions(self) -> None:
        contract, ledger = self.cold.conditions, self.conditions.ledger
        for id_, state in ledger.states.items():
            assert contract.policyState(id_) == state
            in_force = ledger.policies.get(id_)
            assert contract.policyHash(id_) == (in_force.hash if in_force else NOTHING)
        for (id_, device, quantity), track in ledger.tracks.items():
            policy = ledger.policies[id_]
            stream = device, policy.subject, quantity
            view = track_view(track, policy, self.telemetry.ledger, stream)
            assert contract.track(id_, device, quantity) == view
            self._check_rules(id_, device, quantity, track)

    def _check_rules(self, id_: bytes, device: bytes, quantity: int, track: Track) -> None:
        contract, rules = self.cold.conditions, len(self.conditions.ledger.policies[id_].words)
        for place, tally in enumerate(track.tallies):
            assert contract.tally(id_, device, quantity, place) == tally
        for place in (*range(rules), FALSIFIED, SILENCE):
            assert contract.breach(id_, device, quantity, place) == track.breach(place)
        self._check_windows(self.conditions.ledger.policies[id_], device, quantity, track)

    def _check_windows(self, policy: Policy, device: bytes, quantity: int, track: Track) -> None:
        stream = device, policy.subject, quantity
        course = self.conditions.course(policy, stream, track.first, track.seq)
        for rule in policy.rules:
            if rule.kind == RuleKind.MKT and rule.upper:
                heat, since = course.window(rule.duration)
                time = course.ends[-1] - since if course.ends else 0
                found = self.cold.conditions.heatWindow(policy.id, device, quantity, rule.duration)
                assert found == (heat, time)

    def point(self) -> WatchPoint:
        ledgers = self.devices.ledger, self.telemetry.ledger, self.conditions.ledger
        return WatchPoint(super().point(), *(ledger.copy() for ledger in ledgers))

    def back_to(self, point: WatchPoint) -> None:
        shadow, *ledgers = point
        super().back_to(shadow)
        self.devices.ledger, self.telemetry.ledger, self.conditions.ledger = (
            ledger.copy() for ledger in ledgers
        )
