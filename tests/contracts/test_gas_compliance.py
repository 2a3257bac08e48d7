"""What the functions of Compliance and BatchRelease cost on a real node."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from tests.support import AnvilNode, Receipt, deploy
from tests.support.gas import GasBook
from tests.support.plant import MASTER, Plant
from tests.support.signers import SecureElement
from tests.support.words import Duty, Role

REASON = keccak(text="why")


@pytest.fixture
def plant(anvil: AnvilNode) -> Plant:
    return Plant.create(anvil)


def test_programmes_and_cases(plant: Plant, gas: GasBook) -> None:
    contract, world = plant.contract, plant.world
    due = plant.now + 100
    steps = [plant.step(f"211.188(b)({i})", [plant.form], due=due, waivable=True) for i in range(14)]
    programme = plant.register(steps, waivers=Role.MANUFACTURER)
    assert plant.registered is not None
    gas.record("Compliance.register, 14 requirements", plant.registered.gas_used, 1_310_000)
    args = programme, plant.lot, 0, 0
    receipt = contract.open(*args, sender=plant.qa)
    gas.record("Compliance.open", receipt.gas_used, 113_000)
    case = contract.caseIdOf(programme, plant.lot, plant.maker.number, 0)
    record, other = plant.write(), plant.write()
    gas.record("Compliance.submit, first of a case", plant.submit(case, 0, record).gas_used, 112_000)
    gas.record("Compliance.submit", plant.submit(case, 1, record).gas_used, 94_500)
    gas.record("Compliance.accept", plant.accept(case, 0, record).gas_used, 75_500)
    receipt = contract.reject(case, 1, record, REASON, sender=plant.qa)
    gas.record("Compliance.reject", receipt.gas_used, 58_500)
    receipt = contract.waive(case, 2, other, sender=plant.qa)
    gas.record("Compliance.waive", receipt.gas_used, 95_000)
    plant.node.timestamp = due + 1
    receipt = contract.flagOverdue(case, 3, sender=world.stranger)
    gas.record("Compliance.flagOverdue", receipt.gas_used, 48_000)


def test_the_longest_programme_fits_into_a_transaction(plant: Plant, gas: GasBook) -> None:
    """2^24 gas is the most that one may have."""
    schemas = [plant.form, plant.checked, plant.schema("third"), plant.schema("fourth")]
    full = {"due": plant.now, "validity": 1, "roles": Role.MANUFACTURER, "duties": Duty.RECORD}
    plant.register([plant.step(f"{i}" * 16, schemas, jurisdiction=b"GB-ENG", **full) for i in range(10, 74)])
    assert plant.registered is not None
    note = "64 requirements with 4 schemas"
    gas.record("Compliance.register, longest", plant.registered.gas_used, 11_400_000, note)


def test_a_batch(plant: Plant, gas: GasBook) -> None:
    releases = plant.releases
    programme = plant.register([plant.step(f"step {i}", [plant.form]) for i in range(14)])
    receipt = releases.setMaster(programme, MASTER, sender=plant.qa)
    gas.record("BatchRelease.setMaster", receipt.gas_used, 64_500)
    case = plant.case(programme)
    receipt = releases.openBatch(case, sender=plant.qa)
    gas.record("BatchRelease.openBatch", receipt.gas_used, 162_000, "a lot, held")
    record = plant.write()
    receipt = releases.openDeviation(case, record, sender=plant.operator)
    gas.record("BatchRelease.openDeviation", receipt.gas_used, 73_000)
    receipt = releases.closeDeviation(case, 1, record, sender=plant.qa)
    gas.record("BatchRelease.closeDeviation", receipt.gas_used, 84_500)
    new = plant.amend(record)
    receipt = releases.reopenDeviation(case, 1, sender=plant.world.stranger)
    gas.record("BatchRelease.reopenDeviation", receipt.gas_used, 38_000)
    releases.closeDeviation(case, 1, new, sender=plant.qa)
    record = plant.write()
    receipt = releases.reportYield(case, 97_340 * 10**6, record, sender=plant.operator)
    gas.record("BatchRelease.reportYield", receipt.gas_used, 93_000)
    plant.fulfil(case, *range(14))
    gas.record("BatchRelease.decide, release", plant.release(case).gas_used, 246_000, "14 steps, one record")
    receipt = releases.withdraw(case, REASON, sender=plant.qa)
    gas.record("BatchRelease.withdraw", receipt.gas_used, 85_500)


def test_a_batch_that_is_rejected_by_a_passkey(plant: Plant, gas: GasBook) -> None:
    key = SecureElement(deploy(plant.node, "ERC7913P256Verifier"), 0xC0FFEE)
    plant.world.hire(plant.maker, key.name, Duty.QUALITY)
    case = plant.batch()
    decision = plant.decision(case, release=False)
    digest = decision.digest(plant.releases.address, plant.node.chain_id)
    args = decision, key.name, key.sign(digest)
    receipt = plant.releases.decideSigned(*args, sender=plant.world.stranger)
    gas.record("BatchRelease.decideSigned, rejection", receipt.gas_used, 68_000, "P-256")


def release_of(plant: Plant, steps: int, number: str) -> list[Receipt]:
    """The release of a lot with so many steps, each with a record of its own; the examination before it."""
    case = plant.batch(steps, plant.new_lot(number))
    for index in range(steps):
        plant.fulfil(case, index)
    plant.report_yield(case)
    if steps <= 32:
        return [plant.release(case)]
    return [plant.releases.examineFirst(case, plant.qa, sender=plant.qa), plant.release(case)]


def test_a_release_is_bounded_by_its_steps(plant: Plant, gas: GasBook) -> None:
    """Each step adds about as much as the one before, and no page has more than 32."""
    used = {steps: release_of(plant, steps, f"S{steps}")[0].gas_used for steps in (1, 2, 32)}
    step = used[2] - used[1]
    assert used[32] - used[1] < 31 * (step + 200)
    gas.record("BatchRelease.decide, release, 32 steps", used[32], 482_000, "a record each")
    first, last = (receipt.gas_used for receipt in release_of(plant, 64, "S64"))
    gas.record("BatchRelease.examineFirst, 32 steps", first, 461_000, "of 64")
    gas.record("BatchRelease.decide, release, 64 steps", last, 488_000, "the second page")
    assert last < used[32] + 25_000
