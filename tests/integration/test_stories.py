"""The key stories on a real node through ape: its accounts sign, its contract objects read and write."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ape
import pytest
from ape.contracts import ContractContainer, ContractInstance
from eth_account.messages import encode_typed_data
from ethpm_types import ContractType

from goldthread.audit import history
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.build import ROOT, artifact
from goldthread.chain import eip712
from goldthread.chain.contracts import Deployment
from goldthread.chain.deploy import DEEDS_NUMBER, Deployer, verify
from goldthread.chain.devices import SoftKey
from goldthread.chain.segments import build
from goldthread.chain.summary_tree import Tree
from goldthread.chain.words import Disposition, Duty, EventRef, Kind, Purpose, Role
from goldthread.gs1.links import twin_id
from goldthread.rules.conditions import Kind as RuleKind
from goldthread.rules.conditions import Limit, Policy, Rule
from goldthread.rules.readings import Reading

sys.path.insert(0, str(ROOT / "scripts"))
from _ape import chain_of, sender_of  # noqa: E402

PREFIX = "9506000"
PART = "https://id.gs1.org/01/09506000134352/21/{}"
PALLET = "https://id.gs1.org/00/395060000000000429"
LOGGER = "https://id.gs1.org/8004/9506000LOGGER7"
DAY = 86_400
ALL = sum(Duty)


@dataclass(frozen=True)
class Company:
    """An organisation with one account of ape's that has every duty, and one for quality alone."""

    number: int
    desk: Any
    quality: Any


@dataclass(frozen=True)
class System:
    """The contracts as ape sees them, and as the package does."""

    twins: ContractInstance
    devices: ContractInstance
    telemetry: ContractInstance
    conditions: ContractInstance
    deployment: Deployment
    maker: Company
    carrier: Company
    dealer: Company

    @property
    def now(self) -> int:
        chain = self.deployment.chain
        return int(chain.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def event(self, what: str) -> tuple[Any, ...]:
        """The reference of what happens now."""
        return EventRef(event_hash=what.encode().ljust(32, b"."), event_time=self.now).to_contract()

    def register(self, uri: str, kind: Kind) -> bytes:
        self.twins.register((uri, len(PREFIX), kind), self.event("commissioning"), sender=self.maker.desk)
        return twin_id(uri)

    def wait(self, seconds: int) -> None:
        self.deployment.chain.rpc("evm_setNextBlockTimestamp", hex(self.now + seconds))
        self.deployment.chain.rpc("evm_mine")


def instance(name: str, address: str) -> ContractInstance:
    built = artifact(name)
    code = {"bytecode": f"0x{built.bytecode.hex()}"}
    kind = ContractType.model_validate({"contractName": name, "abi": built.abi, "deploymentBytecode": code})
    return ContractContainer(kind).at(address)


@pytest.fixture
def system(accounts: Any, chain: Any, tmp_path: Path) -> System:
    """Deployed by an account of ape's, with a maker, a carrier and a dealer."""
    node = chain_of(chain.provider)
    manifest = Deployer(sender_of(accounts[0], node), tmp_path / "31337.json", network="ethereum:local").run()
    assert verify(node, manifest) == []
    consortium = instance("Consortium", manifest.address("Consortium"))
    companies = []
    for index, role in enumerate((Role.MANUFACTURER, Role.CARRIER, Role.RETAILER)):
        desk, quality = accounts[1 + 2 * index], accounts[2 + 2 * index]
        consortium.admit(role.name, desk, int(role), bytes(32), 0, sender=accounts[0])
        number = index + DEEDS_NUMBER + 1
        consortium.setAccount(number, desk, ALL, sender=desk)
        consortium.setAccount(number, quality, int(Duty.QUALITY), sender=desk)
        companies.append(Company(number, desk, quality))
    consortium.assignNamespace(PREFIX, companies[0].number, sender=accounts[0])
    names = ("Twins", "Devices", "Telemetry", "Conditions")
    contracts = (instance(name, manifest.address(name)) for name in names)
    return System(*contracts, Deployment(manifest, node), *companies)


def named(receipt: Any) -> list[str]:
    return [event.event_name for event in receipt.events]


def refused(error: str, contract: ContractInstance, function: str, *args: Any, sender: Any) -> None:
    """ape knows the contract's errors by name."""
    with ape.reverts(getattr(contract, error)):
        getattr(contract, function)(*args, sender=sender)


def require_true(system: System, *twins: bytes) -> None:
    """Storage is what the logs say, and every history is whole."""
    rebuilt = rebuild(system.deployment)
    assert count_views(system.deployment, rebuilt) > 20
    assert compare(system.deployment, rebuilt) == []
    for twin in twins:
        found = history.read(system.deployment, twin)
        assert found.is_complete
        assert found.steps


def test_a_part_is_registered_offered_and_accepted(system: System) -> None:
    twins, maker, carrier, dealer = system.twins, system.maker, system.carrier, system.dealer
    part = system.register(PART.format(1), Kind.PART)
    assert (twins.ownerOf(part), twins.custodianOf(part)) == (maker.number, maker.number)

    offer = (part, carrier.number, int(Purpose.TRANSPORT), system.now + DAY, system.event("shipping"))
    refused("NotCustodian", twins, "offer", *offer, sender=carrier.desk)
    receipt = twins.offer(*offer, sender=maker.desk)
    assert named(receipt) == ["Offered"]
    acceptance = (part, twins.head(part), system.event("receiving"))
    refused("NotOfferedTo", twins, "accept", *acceptance, sender=dealer.desk)
    receipt = twins.accept(*acceptance, sender=carrier.desk)
    (event,) = receipt.decode_logs(twins.Accepted)
    assert (event.id, event.org, event.caller) == (part, carrier.number, carrier.desk.address)
    assert (twins.ownerOf(part), twins.custodianOf(part)) == (maker.number, carrier.number)
    refused("NotOfferedTo", twins, "accept", *acceptance, sender=carrier.desk)
    assert twins.clear(part).ok
    require_true(system, part)


def test_a_pallet_changes_hands_against_a_receipt_that_an_ape_account_signs(system: System) -> None:
    twins, maker, carrier = system.twins, system.maker, system.carrier
    pallet = system.register(PALLET, Kind.CONTAINER)
    parts = [system.register(PART.format(number), Kind.PART) for number in (1, 2)]
    twins.pack(pallet, parts, system.event("packing"), sender=maker.desk)
    ref = dict(
        zip(
            ("eventHash", "docHash", "readPoint", "bizLocation", "stamp"),
            system.event("receiving"),
            strict=True,
        )
    )
    message = {
        "twin": pallet,
        "head": bytes(twins.head(pallet)),
        "from": maker.number,
        "to": carrier.number,
        "purpose": Purpose.TRANSPORT,
        "exceptions": 0,
        "ref": ref,
        "deadline": system.now + 3600,
    }
    where = eip712.domain("Twins", 31337, twins.address)
    typed = encode_typed_data(full_message=eip712.full_message("Receipt", where, message))
    arguments = eip712.as_tuple("Receipt", message)
    signer = bytes.fromhex(carrier.desk.address[2:])

    stranger = system.dealer.desk.sign_message(typed).encode_rsv()
    refused("InvalidReceipt", twins, "handOver", arguments, signer, stranger, sender=maker.desk)
    signature = carrier.desk.sign_message(typed).encode_rsv()
    longer = eip712.as_tuple("Receipt", {**message, "deadline": system.now + DAY})
    refused("InvalidReceipt", twins, "handOver", longer, signer, signature, sender=maker.desk)
    receipt = twins.handOver(arguments, signer, signature, sender=maker.desk)
    assert named(receipt) == ["HandedOver"]
    assert [twins.custodianOf(thing) for thing in (pallet, *parts)] == 3 * [carrier.number]
    refused("NotCustodian", twins, "handOver", arguments, signer, signature, sender=maker.desk)
    require_true(system, pallet, *parts)


def test_a_p256_logger_reports_a_breach_and_quality_decides(system: System) -> None:
    twins, conditions, telemetry, maker = system.twins, system.conditions, system.telemetry, system.maker
    pallet, logger = system.register(PALLET, Kind.CONTAINER), system.register(LOGGER, Kind.ASSET)
    key = SoftKey.p256(1234567, system.deployment.manifest.address("ERC7913P256Verifier"))
    system.devices.enrol(logger, key.signer, bytes(32), sender=maker.desk)
    system.devices.attach(logger, pallet, sender=maker.desk)
    rules = (Rule(RuleKind.INSTANT, 1, Limit(True, 800), 0, 2),)
    policy = Policy(pallet, maker.number, 1, system.now + 60, 900, DAY, (logger,), rules)
    conditions.setPolicy(policy.to_contract(), sender=maker.desk)

    readings = [
        Reading(policy.start + 60 + 300 * step, value) for step, value in enumerate((512, 640, 815, 790))
    ]
    ((segment, _),) = build(
        readings, device=logger, subject=pallet, quantity=1, limits=policy.limits(1), max_interval=900
    )
    system.wait(2_000)
    where = eip712.domain("Telemetry", 31337, telemetry.address)
    signature = key.sign(segment.digest(where))
    words = segment.to_contract()
    colder = (*words[:-1], Tree([Reading(r.time, 500) for r in readings], segment.shape).root)
    anybody = system.dealer.desk
    with ape.reverts(system.devices.InvalidDeviceSignature):
        conditions.judge(policy.to_contract(), colder, key.signer, signature, sender=anybody)
    receipt = conditions.judge(policy.to_contract(), words, key.signer, signature, sender=anybody)
    assert named(receipt)[0] == "SegmentAnchored"
    (breach,) = receipt.decode_logs(conditions.BreachFound)
    first_crossing, extreme, *_ = breach.breach
    assert (breach.rule, first_crossing, extreme) == (0, readings[2].time, 815)
    proof = Tree(readings, segment.shape).proof(2)
    assert telemetry.verifyReading(words, (2, readings[2].time, 815), proof)
    assert not telemetry.verifyReading(words, (2, readings[2].time, 799), proof)

    assert not twins.clear(pallet).ok
    offer = (
        pallet,
        system.carrier.number,
        int(Purpose.TRANSPORT),
        system.now + DAY,
        system.event("shipping"),
    )
    refused("Blocked", twins, "offer", *offer, sender=maker.desk)
    decision = (pallet, maker.number, int(Disposition.RELEASE), 1, b"r" * 32)
    refused("SecondPersonNeeded", conditions, "dispose", *decision, sender=maker.desk)
    conditions.dispose(*decision, sender=maker.quality)
    twins.offer(*offer, sender=maker.desk)
    require_true(system, pallet, logger)
