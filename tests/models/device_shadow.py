"""Devices, Capabilities and Firmware with their models, called side by side; see `tests.models.shadow`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from goldthread.audit import capabilities as capabilities_audit
from goldthread.audit import firmware as firmware_audit
from tests.models.capabilities import Capabilities, CapabilitiesLedger, Cause, Invocation
from tests.models.devices import Devices, DevicesLedger
from tests.models.firmware import (
    Confirmation,
    Firmware,
    FirmwareLedger,
    Minimum,
    Release,
    SignerSet,
    State,
    digest_of,
    line_id,
)
from tests.models.module_shadows import asked, events_of
from tests.models.shadow import Point, Shadow
from tests.support import Node, decode_logs
from tests.support.contract import Contract, Sender
from tests.support.signers import Signer


class DevicePoint(NamedTuple):
    """A moment to go back to."""

    shadow: Point
    devices: DevicesLedger
    ledger: Any


class DeviceShadow(Shadow):
    """A world with devices, and one more contract about them."""

    contract: Contract
    model: Any

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.devices = Devices(DevicesLedger(), self.consortium, self.twins)

    def equip(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Devices and its model; True if both did it."""
        return self._both(self.world.devices, self.devices, function, args, sender)

    def tell(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call the contract and its model; True if both did it."""
        return self._both(self.contract, self.model, function, args, sender)

    def point(self) -> DevicePoint:  # type: ignore[override]
        return DevicePoint(super().point(), self.devices.ledger.copy(), self.model.ledger.copy())

    def back_to(self, point: DevicePoint) -> None:  # type: ignore[override]
        super().back_to(point.shadow)
        self.devices.ledger, self.model.ledger = point.devices.copy(), point.ledger.copy()

    def replay(self) -> Any:
        """What the logs of the contract add up to."""
        ledger = type(self.model.ledger)()
        for receipt in self.recorder.receipts:
            for event in decode_logs(receipt):
                if event.address == self.contract.address:
                    ledger.apply((event.name, event.args))
        return ledger


class CapabilitiesShadow(DeviceShadow):
    """With capabilities."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.contract = self.world.capabilities
        self.model = Capabilities(CapabilitiesLedger(), self.consortium, self.twins, self.devices)

    def sign_use(self, invocation: Invocation, signer: Signer) -> bytes:
        """A real signature, known to the model as one."""
        digest = invocation.digest(self.contract.address, self.node.chain_id)
        signature = signer.sign(digest)
        self.model.digests[invocation] = digest
        self.model.signatures[signature] = signer.name, digest
        return signature

    def may(self, device: bytes, resource: bytes, number: int, methods: int, account: str) -> Cause:
        """May the account do that? Contract and model give the same answer, which is returned."""
        self.consortium.now = self.node.timestamp
        cause, _ = self.model.judge(device, resource, number, methods, account)
        asked_for = device, resource, number, methods, account
        assert self.contract.allowed(*asked_for) == (cause == Cause.NONE, cause), asked_for
        return Cause(cause)

    def check_all(self) -> None:
        """The logs alone lead to the state of the model, and to what the views show."""
        assert self.replay() == self.model.ledger
        for device, page in self.model.ledger.pages.items():
            assert self.contract.bookOf(device) == (page.owner, page.first, len(page.edges))
        events = list(events_of(self, "Capabilities", self.contract))
        views = capabilities_audit.views(capabilities_audit.rebuild(events))
        assert asked(self.contract, "Capabilities", views) == []


class FirmwareShadow(DeviceShadow):
    """With firmware."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.contract = self.world.firmware
        self.model = Firmware(FirmwareLedger(), self.consortium, self.twins, self.devices)

    def approve(
        self, message: Release | Minimum | SignerSet | Confirmation, signers: Sequence[Signer]
    ) -> tuple[list[bytes], list[bytes]]:
        """Signers and their signatures, known to the model as such."""
        digest = digest_of(message, self.contract.address, self.node.chain_id)
        self.model.digests[message] = digest
        signatures = [signer.sign(digest) for signer in signers]
        for signer, signature in zip(signers, signatures, strict=True):
            self.model.signatures[signature] = signer.name, message
        return [signer.name for signer in signers], signatures

    def check_state(self, device: bytes) -> State:
        """What is known of a device, by contract and model alike."""
        self.consortium.now = self.node.timestamp
        state: State = self.model.state(device)
        assert self.contract.stateOf(device) == state
        assert self.contract.isBelowMinimum(device) == (state == State.BELOW_MINIMUM)
        return state

    def check_all(self) -> None:
        """The logs alone lead to the state of the model, and to what the views show."""
        ledger: FirmwareLedger = self.model.ledger
        assert self.replay() == ledger
        for device, known in ledger.devices.items():
            self.check_state(device)
            expected = line_id(known.line), known.assigned, known.sequence, known.time, known.expiry
            assert self.contract.installationOf(device) == expected
        for line in {*ledger.releases, *ledger.minima}:
            assert self.contract.lineId(*line) == line_id(line)
            expected_line = ledger.newest(line), ledger.minima.get(line, 0)
            assert self.contract.lineOf(line_id(line)) == expected_line
        events = list(events_of(self, "Firmware", self.contract))
        views = firmware_audit.views(firmware_audit.rebuild(events))
        assert asked(self.contract, "Firmware", views) == []
