"""What capabilities and firmware cost on a real node."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.contracts.test_capabilities import COMMAND, PORT, READ, Grants, Passkey, chain, grantee
from tests.contracts.test_firmware import BOARD, Maker
from tests.models.capabilities import MAX_DEPTH, WHOLE
from tests.models.firmware import Minimum
from tests.support import AnvilNode, deploy
from tests.support.coldchain import ColdChain
from tests.support.gas import GasBook, inner
from tests.support.signers import SecureElement


@pytest.fixture
def cold(anvil: AnvilNode) -> ColdChain:
    return ColdChain.create(anvil)


def test_granting_and_revoking(cold: ColdChain, gas: GasBook) -> None:
    grants = Grants(cold)
    contract, device, admin = grants.contract, grants.device, grants.world.maker.device_admin
    service = grants.world.service
    args = device, PORT, READ, grantee(service), grants.end
    first = contract.grant(*args, sender=admin).gas_used
    gas.record("Capabilities.grant, first on a device", first, 120_000)
    gas.record("Capabilities.grant", contract.grant(*args, sender=admin).gas_used, 102_000)
    passed = device, 1, PORT, READ, grantee(service.record), grants.end
    delegated = contract.delegate(*passed, sender=service.device_admin).gas_used
    gas.record("Capabilities.delegate", delegated, 108_000)
    used = contract.use(device, PORT, 3, READ, COMMAND, sender=service.record).gas_used
    gas.record("Capabilities.use", used, 57_000, "delegated once")
    passkey = Passkey(grants)
    signed = contract.useSigned(*passkey.signed(), sender=grants.world.stranger).gas_used
    gas.record("Capabilities.useSigned", signed, 94_000, "P-256")
    gas.record("Capabilities.revoke", contract.revoke(device, 1, sender=admin).gas_used, 45_500)
    gas.record("Capabilities.revokeAll", contract.revokeAll(device, sender=admin).gas_used, 44_500)


def test_a_check_costs_little(cold: ColdChain, gas: GasBook) -> None:
    """Below 6,000 gas for what was granted, or delegated once, where the contracts that it reads are warm.
    Each further step costs one word.
    """
    grants = Grants(cold)
    numbers, orgs = chain(grants)
    costs = []
    for number, org in zip(numbers, orgs, strict=True):
        asked = grants.device, WHOLE, number, READ, org.device_admin
        costs.append(inner(grants.contract, grants.contract.check.encode(*asked)))
    for depth, ceiling in ((1, 6_000), (2, 6_000), (3, 6_200), (MAX_DEPTH, 7_700)):
        warm = costs[depth - 1].warm
        gas.record(f"Capabilities.check, depth {depth}, warm", warm, ceiling, "called by a contract")
    first = costs[0].cold
    gas.record("Capabilities.check, depth 1, cold", first, 28_000, "called by a contract")
    steps = {(after.warm - before.warm, after.cold - before.cold) for before, after in pairwise(costs)}
    assert len(steps) == 1, "each step costs the same"
    [(warm, whole)] = steps
    assert warm < 300
    assert whole < 2_300


def test_firmware(cold: ColdChain, gas: GasBook) -> None:
    maker = Maker(cold)
    contract, admin = maker.contract, maker.admin
    three = contract.setSigners(maker.found(), [], [], sender=admin).gas_used
    gas.record("Firmware.setSigners", three, 148_000, "2 of 3")
    rotated = contract.setSigners(*maker.approved(maker.found(2)), sender=admin).gas_used
    gas.record("Firmware.setSigners, rotation", rotated, 169_000, "2 of 3")
    gas.record("Firmware.release, first of a line", maker.release(1).gas_used, 156_000, "2 of 3")
    gas.record("Firmware.release", maker.release(2).gas_used, 139_000, "2 of 3")
    gas.record("Firmware.assign", maker.assign(1).gas_used, 99_000)
    element = SecureElement(deploy(cold.node, "ERC7913P256Verifier"), 0xDE71CE)
    maker.world.devices.rotateKey(maker.device, element.name, sender=admin)
    first = contract.confirm(*maker.signed(maker.word(1), element), sender=maker.world.stranger).gas_used
    gas.record("Firmware.confirm, first of a device", first, 64_500, "P-256")
    maker.cold.node.warp(1)
    later = contract.confirm(*maker.signed(maker.word(2), element), sender=maker.world.stranger).gas_used
    gas.record("Firmware.confirm", later, 64_500, "P-256")
    raised = contract.raiseMinimum(*maker.approved(Minimum(maker.model, BOARD, 2)), sender=admin).gas_used
    gas.record("Firmware.raiseMinimum", raised, 87_000, "2 of 3")
    found = inner(contract, contract.stateOf.encode(maker.device))
    gas.record("Firmware.stateOf, inner", found.warm, 1_600)
    gas.record("Firmware.stateOf, inner, cold", found.cold, 10_500)


def test_a_module_revokes(cold: ColdChain, gas: GasBook) -> None:
    number = cold.world.empower(cold.world.telemetry)
    sender = cold.world.governor
    cold.world.consortium.setAccount(number, sender, 1 << 5, sender=sender)
    used = cold.devices.revokeFor(cold.logger.id, COMMAND, sender=sender).gas_used
    gas.record("Devices.revokeFor", used, 56_500)
