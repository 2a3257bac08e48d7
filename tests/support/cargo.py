"""Cargo insurance to test with: a pallet of the maker with a logger, whose conditions the insurer has set.

cargo = Cargo.create(node)
quote = cargo.quote()                          # everything of the insurer's offer can be changed
cargo.open(quote)
cargo.depart(quote)                            # the carrier takes over, and the trip begins
cargo.measure([500, 900, 500])                 # readings a minute apart, judged
cargo.claim(quote)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from tests.models.conditions import Disposition, Policy, policy_id
from tests.models.readings import Rule, RuleKind
from tests.models.segments import TEMPERATURE, Limit

from .coldchain import ColdChain
from .contract import Contract, Sender, deploy
from .nodes import Account, Node, Receipt
from .signers import Signer, Wallet
from .world import DAY, Org, World, person

USD = 1_000_000
ONE = 1_000_000
MINUTE = 60
WARM, HOT = Limit(800, high=True), Limit(1500, high=True)
RULES = (
    Rule(RuleKind.INSTANT, WARM),
    Rule(RuleKind.CUMULATIVE, WARM, 10 * MINUTE),
    Rule(RuleKind.INSTANT, Limit(0, high=False)),
)
"""Above 8 degrees at all, and for ten minutes; frozen."""


class Severity(NamedTuple):
    """As `Indemnity.Severity`."""

    rule: int
    beyond: int
    time: int
    share: int


TABLE = (
    Severity(0, 0, 0, 50_000),
    Severity(0, 200, 0, 200_000),
    Severity(1, 0, 600, 300_000),
    Severity(1, 0, 3600, 600_000),
    Severity(2, 0, 0, 700_000),
    Severity(2, 300, 0, 800_000),
    Severity(15, 0, 0, 400_000),
)


class Shipment(NamedTuple):
    """As `ICargoInsurance.Shipment`."""

    holder: str
    treasury: str
    subject: bytes
    setter: int
    conditions: bytes
    carrier: int
    consignee: int
    latestStart: int  # noqa: N815  the names are those of the ABI
    latestEnd: int  # noqa: N815
    claimWindow: int  # noqa: N815
    sumInsured: int  # noqa: N815
    premium: int
    franchise: int
    deductible: int
    rejectShare: int  # noqa: N815
    recallShare: int  # noqa: N815
    recallClass: int  # noqa: N815
    recaller: int
    deadline: int
    salt: bytes


class CargoQuote(NamedTuple):
    """As `ICargoInsurance.CargoQuote`."""

    shipment: Shipment
    table: tuple[Severity, ...]


def _members(*texts: str) -> list[dict[str, str]]:
    return [dict(zip(("type", "name"), text.split(), strict=True)) for text in texts]


TYPES = {
    "EIP712Domain": _members(
        "string name", "string version", "uint256 chainId", "address verifyingContract"
    ),
    "CargoQuote": _members("Shipment shipment", "Severity[] table"),
    "Severity": _members("uint8 rule", "uint32 beyond", "uint32 time", "uint32 share"),
    "Shipment": _members(
        "address holder", "address treasury", "bytes32 subject", "uint32 setter", "bytes32 conditions",
        "uint32 carrier", "uint32 consignee", "uint40 latestStart", "uint40 latestEnd", "uint32 claimWindow",
        "uint96 sumInsured", "uint96 premium", "uint96 franchise", "uint96 deductible", "uint32 rejectShare",
        "uint32 recallShare", "uint8 recallClass", "uint32 recaller", "uint40 deadline", "bytes32 salt",
    ),
}  # fmt: skip


@lru_cache(maxsize=4096)
def digest_of(quote: CargoQuote, contract: str, chain_id: int) -> bytes:
    """What is signed, by eth-account's EIP-712 and not by the project's own."""
    domain = {
        "name": "Goldthread CargoInsurance",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": contract,
    }
    message = {
        "shipment": quote.shipment._asdict(),
        "table": [row._asdict() for row in quote.table],
    }
    full = {"types": TYPES, "primaryType": "CargoQuote", "domain": domain, "message": message}
    signable = encode_typed_data(full_message=full)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


@dataclass
class Cargo:
    """The contracts and who is who: the maker owns, the carrier carries, the distributor receives."""

    cold: ColdChain
    token: Contract
    insurance: Contract
    holder: Account
    treasury: Account
    keeper: Account
    """Somebody who proves and settles, and has no other part."""
    conditions: Policy
    """Those of the insurer."""
    salts: int = 0
    seq: int = 0
    signed: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    """Every signature made here: by whom, over what."""

    @classmethod
    def create(cls, node: Node, token: Contract | None = None, capital: int = 1_000_000 * USD) -> Cargo:
        """Deploy everything; the treasury has provided capital, everybody has tokens and trusts the contract
        with them.
        """
        cold = ColdChain.create(node)
        world = cold.world
        recalls = world.recalls
        token = token or deploy(node, "TestToken", "Test dollar", "TUSD", 6)
        insurance = deploy(node, "CargoInsurance", world.consortium, world.conditions, recalls, token)
        conditions = cold.policy(
            RULES, setter=world.insurer.number, start=world.now, max_silence=DAY, max_interval=30 * DAY
        )
        cold.set(conditions, world.insurer.quality)
        cargo = cls(
            cold, token, insurance, person("policyholder"), person("treasury"), person("keeper"), conditions
        )
        cargo.fund(cargo.treasury, capital)
        cargo.fund(cargo.holder, 1_000_000 * USD)
        insurance.setUnderwriter(cargo.underwriter, True, sender=cargo.treasury)
        if capital:
            insurance.provideCapital(capital, sender=cargo.treasury)
        return cargo

    @property
    def world(self) -> World:
        return self.cold.world

    @property
    def node(self) -> Node:
        return self.world.node

    @property
    def now(self) -> int:
        """The second that the next transaction sees."""
        return self.node.timestamp

    @property
    def underwriter(self) -> Account:
        return self.world.insurer.finance

    @cached_property
    def seal(self) -> Signer:
        """What the underwriter signs with."""
        return Wallet(self.underwriter)

    @property
    def conditions_id(self) -> bytes:
        return policy_id(self.cold.pallet, self.conditions.setter)

    def fund(self, account: Sender, amount: int) -> None:
        """Give somebody tokens and have them trust the contract with all of them."""
        address = getattr(account, "address", account)
        self.token.mint(address, amount, sender=self.world.governor)
        self.token.approve(self.insurance, 2**256 - 1, sender=account)

    def quote(self, table: Sequence[Severity] = TABLE, **changes: Any) -> CargoQuote:
        """An offer of the insurer, its salt new each time; fields of the shipment by their names."""
        self.salts += 1
        shipment = Shipment(
            holder=self.holder,
            treasury=self.treasury,
            subject=self.cold.pallet,
            setter=self.conditions.setter,
            conditions=self.conditions.hash,
            carrier=self.world.carrier.number,
            consignee=self.world.distributor.number,
            latestStart=self.now + DAY,
            latestEnd=self.now + 10 * DAY,
            claimWindow=5 * DAY,
            sumInsured=20_000 * USD,
            premium=150 * USD,
            franchise=1500 * USD,
            deductible=500 * USD,
            rejectShare=900_000,
            recallShare=1_000_000,
            recallClass=2,
            recaller=0,
            deadline=self.now + DAY,
            salt=self.salts.to_bytes(32, "big"),
        )
        return CargoQuote(shipment._replace(**changes), tuple(table))

    def id(self, quote: CargoQuote) -> bytes:
        """The id of the policy that the quote opens."""
        return digest_of(quote, self.insurance.address, self.node.chain_id)

    def sign(self, quote: CargoQuote, signer: Signer | None = None) -> tuple[bytes, bytes]:
        """Signer and a real signature, by the underwriter unless somebody else is named."""
        signer = signer or self.seal
        signature = signer.sign(self.id(quote))
        self.signed[signature] = (signer.name, self.id(quote))
        return signer.name, signature

    def open(self, quote: CargoQuote, *, sender: Sender | None = None) -> Receipt:
        """Open a quote with the underwriter's signature."""
        receipt: Receipt = self.insurance.openPolicy(quote, *self.sign(quote), sender=sender or self.holder)
        return receipt

    def depart(self, quote: CargoQuote) -> None:
        """The carrier takes over, and somebody says so."""
        self.world.move(self.cold.pallet, self.world.maker, self.world.carrier)
        self.insurance.begin(quote, sender=self.keeper)

    def arrive(self, org: Org | None = None) -> None:
        """The consignee, or somebody else, receives from the carrier."""
        self.world.move(self.cold.pallet, self.world.carrier, org or self.world.distributor)

    def measure(self, values: Sequence[int], *, start: int | None = None, seconds: int = MINUTE) -> Receipt:
        """Readings of the logger so far apart, from now on, judged when they are taken."""
        self.seq += 1
        readings = self.cold.every(seconds, values, start)
        segment = self.cold.segment(readings, self.seq, self.conditions.limits(TEMPERATURE))
        return self.cold.judge(self.conditions, segment)

    def reject(self, org: Org | None = None, disposition: Disposition = Disposition.REJECT) -> None:
        """Quality of the owner, or of somebody else, decides."""
        seen = self.world.conditions.policyState(self.conditions_id).breaches
        decision = self.cold.pallet, self.conditions.setter, disposition, seen, bytes(32)
        self.world.conditions.dispose(*decision, sender=(org or self.world.maker).quality)

    def claim(self, quote: CargoQuote, rule: int = 0, *, sender: Sender | None = None) -> Receipt:
        """Prove a breach that the logger has shown."""
        receipt: Receipt = self.insurance.claimBreach(*self.breach(quote, rule), sender=sender or self.keeper)
        return receipt

    def breach(self, quote: CargoQuote, rule: int = 0) -> tuple[Any, ...]:
        """The arguments of such a claim."""
        return quote, self.conditions, self.cold.logger.id, TEMPERATURE, rule

    def recall(self, org: Org | None = None, class_: int = 1, *, member: bool = True) -> int:
        """Open a recall, with the pallet in it."""
        sender, recalls, ref = (org or self.world.maker).recall, self.world.recalls, self.world.ref()
        recalls.open(class_, bytes(range(32)), ref, sender=sender)
        number: int = recalls.recallCount()
        if member:
            recalls.addTwin(number, self.cold.pallet, ref, sender=sender)
        return number
