"""Drive insurance to test with: the contracts, the people, and what they sign.

drive = Drive.create(node)
quote = drive.quote()                                    # everything of the insurer's offer can be changed
drive.open(quote)
node.warp(quote.terms.period)
drive.report(quote, odometer=1_200_000, night=150_000)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from tests.models.premium import Counters, Terms

from .contract import Contract, Sender, deploy
from .nodes import Account, Node, Receipt
from .signers import Signer, Wallet
from .words import Duty, Role
from .world import person

DAY = 86_400
MILE_MM = 1_609_344
USD = 1_000_000
ONE = 1_000_000
FOREVER = 2**40 - 1
VEHICLE = keccak(text="the car")
DEVICE = keccak(text="the box in the car")

TERMS = Terms(
    base=30 * USD,
    period=30 * DAY,
    rate=32_000,
    rateDistance=MILE_MM,
    nightWeight=250_000,
    speedingWeight=500_000,
    brakeMetres=800,
    accelMetres=400,
    cornerMetres=400,
    phoneMetres=1000,
    minimum=10 * USD,
    maximum=150 * USD,
    kmCredit=200,
    nightPenalty=100,
    speedingPenalty=1000,
    brakePenalty=8000,
    accelPenalty=6000,
    cornerPenalty=6000,
    phonePenalty=10_000,
    tierMin=700_000,
    tierMax=1_500_000,
    defaultMetres=50_000,
)
"""Those of the worked numbers."""


class Cover(NamedTuple):
    """As `IDriveInsurance.Cover`."""

    holder: str
    treasury: str
    arbiter: str
    vehicle: bytes
    device: bytes
    sumInsured: int  # noqa: N815  the names are those of the ABI
    start: int
    end: int
    odometer: int
    tier: int
    reportWindow: int  # noqa: N815
    disputeWindow: int  # noqa: N815
    arbitrationWindow: int  # noqa: N815
    noticePeriod: int  # noqa: N815
    claimWindow: int  # noqa: N815
    decisionWindow: int  # noqa: N815
    deadline: int
    salt: bytes


class Quote(NamedTuple):
    """As `IDriveInsurance.Quote`."""

    terms: Terms
    cover: Cover


class Usage(NamedTuple):
    """As `IDriveInsurance.Usage`."""

    policyId: bytes  # noqa: N815
    period: int
    from_: int
    to: int
    odometer: int
    night: int = 0
    speeding: int = 0
    brakes: int = 0
    accels: int = 0
    corners: int = 0
    phone: int = 0
    trips: int = 0
    tripsRoot: bytes = bytes(32)  # noqa: N815


class Reading(NamedTuple):
    """What the device signs for a reinstatement."""

    policyId: bytes  # noqa: N815
    time: int
    odometer: int


def _members(*texts: str) -> list[dict[str, str]]:
    return [dict(zip(("type", "name"), text.split(), strict=True)) for text in texts]


TYPES = {
    "EIP712Domain": _members(
        "string name", "string version", "uint256 chainId", "address verifyingContract"
    ),
    "Terms": _members(
        "uint96 base", "uint32 period", "uint96 rate", "uint32 rateDistance", "uint32 nightWeight",
        "uint32 speedingWeight", "uint32 brakeMetres", "uint32 accelMetres", "uint32 cornerMetres",
        "uint32 phoneMetres", "uint96 minimum", "uint96 maximum", "uint32 kmCredit", "uint32 nightPenalty",
        "uint32 speedingPenalty", "uint32 brakePenalty", "uint32 accelPenalty", "uint32 cornerPenalty",
        "uint32 phonePenalty", "uint32 tierMin", "uint32 tierMax", "uint32 defaultMetres",
    ),
    "Cover": _members(
        "address holder", "address treasury", "address arbiter", "bytes32 vehicle", "bytes32 device",
        "uint96 sumInsured", "uint40 start", "uint40 end", "uint64 odometer", "uint32 tier",
        "uint32 reportWindow", "uint32 disputeWindow", "uint32 arbitrationWindow", "uint32 noticePeriod",
        "uint32 claimWindow", "uint32 decisionWindow", "uint40 deadline", "bytes32 salt",
    ),
    "Quote": _members("Terms terms", "Cover cover"),
    "Usage": _members(
        "bytes32 policyId", "uint32 period", "uint40 from", "uint40 to", "uint64 odometer", "uint64 night",
        "uint64 speeding", "uint32 brakes", "uint32 accels", "uint32 corners", "uint32 phone",
        "uint32 trips", "bytes32 tripsRoot",
    ),
    "Reading": _members("bytes32 policyId", "uint40 time", "uint64 odometer"),
}  # fmt: skip


@lru_cache(maxsize=65_536)
def digest_of(message: Quote | Usage | Reading, contract: str, chain_id: int) -> bytes:
    """What is signed, by eth-account's EIP-712 and not by the project's own."""
    primary = type(message).__name__
    domain = {
        "name": "Goldthread DriveInsurance",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": contract,
    }
    types = {name: TYPES[name] for name in ("EIP712Domain", primary)}
    if primary == "Quote":
        types |= {name: TYPES[name] for name in ("Terms", "Cover")}
    full = {"types": types, "primaryType": primary, "domain": domain, "message": _named(message)}
    signable = encode_typed_data(full_message=full)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def _named(message: Any) -> dict[str, Any]:
    return {
        name.rstrip("_"): _named(value) if hasattr(value, "_asdict") else value
        for name, value in message._asdict().items()
    }


@dataclass
class Drive:
    """The deployed contracts and who is who. The device is a stub that knows one key for one vehicle."""

    node: Node
    consortium: Contract
    devices: Contract
    token: Contract
    insurance: Contract
    insurer: int
    governor: Account
    admin: Account
    """Of the insurer."""
    treasury: Account
    underwriter: Account
    arbiter: Account
    holder: Account
    keeper: Account
    """Somebody who settles and reports, and has no other part."""
    box: Signer
    salts: int = 0
    signed: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    """Every signature made here: by whom, over what."""

    @classmethod
    def create(cls, node: Node, token: Contract | None = None, capital: int = 1_000_000 * USD) -> Drive:
        """Deploy everything; the treasury has provided capital, everybody has tokens and trusts the contract
        with them.
        """
        governor = node.accounts[0]
        manager = deploy(node, "AccessManager", governor)
        consortium = deploy(node, "Consortium", manager)
        devices = deploy(node, "DeviceStub")
        token = token or deploy(node, "TestToken", "Test dollar", "TUSD", 6)
        insurance = deploy(node, "DriveInsurance", consortium, devices, token)
        admin, underwriter = person("insurer admin"), person("underwriter")
        insurer = consortium.admit.call("Insurer", admin, Role.INSURER, bytes(32), 0, sender=governor)
        consortium.admit("Insurer", admin, Role.INSURER, bytes(32), 0, sender=governor)
        consortium.setAccount(insurer, underwriter, Duty.FINANCE, sender=admin)
        drive = cls(
            node, consortium, devices, token, insurance, insurer, governor, admin,
            person("treasury"), underwriter, person("arbiter"), person("driver"), person("keeper"),
            Wallet(person("box")),
        )  # fmt: skip
        drive.fund(drive.treasury, capital)
        drive.fund(drive.holder, 1_000_000 * USD)
        insurance.setUnderwriter(underwriter, True, sender=drive.treasury)
        if capital:
            insurance.provideCapital(capital, sender=drive.treasury)
        devices.set(DEVICE, drive.box.name, VEHICLE, 0, FOREVER, sender=governor)
        return drive

    @property
    def now(self) -> int:
        """The second that the next transaction sees."""
        return self.node.timestamp

    def fund(self, account: Sender, amount: int) -> None:
        """Give somebody tokens and have them trust the contract with all of them."""
        address = getattr(account, "address", account)
        self.token.mint(address, amount, sender=self.governor)
        self.token.approve(self.insurance, 2**256 - 1, sender=account)

    def quote(self, **changes: Any) -> Quote:
        """An offer of the insurer, its salt new each time; fields of terms and cover by their names."""
        self.salts += 1
        cover = Cover(
            holder=self.holder,
            treasury=self.treasury,
            arbiter=self.arbiter,
            vehicle=VEHICLE,
            device=DEVICE,
            sumInsured=20_000 * USD,
            start=self.now,
            end=self.now + 360 * DAY,
            odometer=10_000_000,
            tier=ONE,
            reportWindow=7 * DAY,
            disputeWindow=5 * DAY,
            arbitrationWindow=14 * DAY,
            noticePeriod=20 * DAY,
            claimWindow=60 * DAY,
            decisionWindow=10 * DAY,
            deadline=self.now + DAY,
            salt=self.salts.to_bytes(32, "big"),
        )
        of_terms = {name: value for name, value in changes.items() if name in Terms._fields}
        of_cover = {name: value for name, value in changes.items() if name not in Terms._fields}
        return Quote(TERMS._replace(**of_terms), cover._replace(**of_cover))

    def id(self, quote: Quote) -> bytes:
        """The id of the policy that the quote opens."""
        return self.digest(quote)

    def digest(self, message: Quote | Usage | Reading) -> bytes:
        """What is signed."""
        return digest_of(message, self.insurance.address, self.node.chain_id)

    def sign(self, message: Quote | Usage | Reading, signer: Signer) -> bytes:
        """A real signature."""
        digest = self.digest(message)
        signature = signer.sign(digest)
        self.signed[signature] = (signer.name, digest)
        return signature

    def open(self, quote: Quote, amount: int | None = None, *, sender: Sender | None = None) -> Receipt:
        """Open a quote with the underwriter's signature; the deposit is three times the maximum."""
        amount = 3 * quote.terms.maximum if amount is None else amount
        seal = Wallet(self.underwriter)
        signature = self.sign(quote, seal)
        receipt: Receipt = self.insurance.openPolicy(
            quote, amount, seal.name, signature, sender=sender or self.holder
        )
        return receipt

    def usage(self, quote: Quote, **changes: Any) -> Usage:
        """The report of the next period that the contract expects, with nothing driven."""
        policy = self.insurance.policyOf(self.id(quote))
        end = min(policy.cursor + quote.terms.period, self.insurance.coveredUntil(quote))
        usage = Usage(self.id(quote), policy.settled + 1, policy.cursor, end, policy.odometer)
        return usage._replace(**changes)

    def report(self, quote: Quote, *, sender: Sender | None = None, **changes: Any) -> Receipt:
        """Report the next period, signed by the device."""
        usage = self.usage(quote, **changes)
        signature = self.sign(usage, self.box)
        receipt: Receipt = self.insurance.report(
            quote, usage, self.box.name, signature, sender=sender or self.keeper
        )
        return receipt

    def reinstate(
        self,
        quote: Quote,
        amount: int,
        odometer: int,
        *,
        time: int | None = None,
        sender: Sender | None = None,
    ) -> Receipt:
        """Reinstate a lapsed policy with a reading signed by the device."""
        reading = Reading(self.id(quote), self.now if time is None else time, odometer)
        signature = self.sign(reading, self.box)
        receipt: Receipt = self.insurance.reinstate(
            quote, amount, reading.time, odometer, self.box.name, signature, sender=sender or self.holder
        )
        return receipt

    def settle_next(self, quote: Quote, **counted: Any) -> None:
        """Let the next period end, report it, let the dispute window pass, and settle it."""
        usage = self.usage(quote, **counted)
        self.node.timestamp = max(self.now, usage.to)
        self.report(quote, **counted)
        self.node.warp(quote.cover.disputeWindow + 1)
        self.insurance.settle(quote, sender=self.keeper)


def counters(**counted: int) -> Counters:
    """What was counted, by name."""
    return Counters(**counted)
