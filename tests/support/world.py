"""A small consortium to test in: nine organisations named by their role, each with an admin, an account for
every duty and one with all of them.

    world = World.create(node)
    part = world.register(uri("1"))                                        # by the maker; its id
    pallet = world.register(sscc("1"), Kind.CONTAINER)
    world.offer(part, world.maker, world.carrier)
    world.accept(part, world.carrier)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from .contract import Contract, Forwarder, Sender, decode_logs, deploy
from .nodes import Account, Node, Receipt
from .words import Duty, Kind, Role

MAKER_PREFIX = "9506000"
SUPPLIER_PREFIX = "0614141"
PREFIX_LENGTH = 7
DAY = 86_400
BOND = 1_000_000_001
"""Of a claim, in base units; odd, so that half of it is not a whole number."""


class EventRef(NamedTuple):
    """The EPCIS event behind a step, as `EventRef` in Solidity."""

    event_hash: bytes
    doc_hash: bytes
    read_point: bytes
    biz_location: bytes
    stamp: int


NO_EVENT = EventRef(bytes(32), bytes(32), bytes(32), bytes(32), 0)


class Registration(NamedTuple):
    """A thing to register, as `ITwins.Registration`."""

    uri: str
    prefix_length: int = PREFIX_LENGTH
    kind: Kind = Kind.PART


class Commission(NamedTuple):
    """A lot to commission, as `ILots.Commission`; quantities in millionths of a unit."""

    uri: str
    prefix_length: int = PREFIX_LENGTH
    class_: bytes = bytes(32)
    unit: bytes = b"H87"
    quantity: int = 0
    expiry: int = 0
    serials_root: bytes = bytes(32)
    serial_count: int = 0


@dataclass(frozen=True)
class Org:
    """An organisation of the consortium with its people."""

    name: str
    number: int
    roles: Role
    admin: Account
    all: Account
    register: Account
    ship: Account
    receive: Account
    quality: Account
    record: Account
    device_admin: Account
    anchor: Account
    recall: Account
    finance: Account

    def with_duty(self, duty: Duty) -> Account:
        """The account that has this duty and no other."""
        name = duty.name
        if name is None:
            raise ValueError(f"there is an account for each single duty, not for {duty!r}")
        account: Account = getattr(self, name.lower())
        return account


ROLES = {
    "maker": Role.MANUFACTURER,
    "supplier": Role.SUPPLIER,
    "carrier": Role.CARRIER,
    "distributor": Role.DISTRIBUTOR,
    "retailer": Role.RETAILER,
    "service": Role.SERVICE,
    "recycler": Role.RECYCLER,
    "regulator": Role.REGULATOR,
    "insurer": Role.INSURER,
}
ALL_DUTIES = ~Duty(0)


@dataclass(frozen=True)
class World:
    """The deployed contracts and who is who."""

    node: Node
    governor: Account
    """Admin of the AccessManager."""
    stranger: Account
    """Acts for no organisation."""
    manager: Contract
    consortium: Contract
    twins: Contract
    maker: Org
    supplier: Org
    carrier: Org
    distributor: Org
    retailer: Org
    service: Org
    recycler: Org
    regulator: Org
    insurer: Org

    @classmethod
    def create(cls, node: Node) -> World:
        """Deploy the contracts and admit everybody. The maker and the supplier own a GS1 prefix each."""
        governor = node.accounts[0]
        manager = deploy(node, "AccessManager", governor)
        consortium = deploy(node, "Consortium", manager)
        twins = deploy(node, "Twins", consortium)
        orgs = {name: _admit(consortium, governor, name, number) for number, name in enumerate(ROLES, 1)}
        consortium.assignNamespace(MAKER_PREFIX, orgs["maker"].number, sender=governor)
        consortium.assignNamespace(SUPPLIER_PREFIX, orgs["supplier"].number, sender=governor)
        return cls(node, governor, person("stranger"), manager, consortium, twins, **orgs)

    @cached_property
    def devices(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "Devices", self.consortium, self.twins, self.p256_verifier)

    @cached_property
    def p256_verifier(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "ERC7913P256Verifier")

    @cached_property
    def capabilities(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "Capabilities", self.consortium, self.devices)

    @cached_property
    def firmware(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "Firmware", self.consortium, self.devices)

    @cached_property
    def telemetry(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "Telemetry", self.consortium, self.devices)

    @cached_property
    def challenges(self) -> Contract:
        """Deployed, and made a module, when first asked for."""
        contract = deploy(self.node, "Challenges", self.consortium, self.telemetry, self.token)
        self.empower(contract, duties=Duty.ANCHOR | Duty.DEVICE_ADMIN)
        return contract

    @cached_property
    def conditions(self) -> Contract:
        """Deployed when first asked for; not yet an account of anybody."""
        parts = self.twins, self.telemetry, self.firmware
        return deploy(self.node, "Conditions", self.consortium, *parts)

    @cached_property
    def templates(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "Templates", self.consortium)

    @cached_property
    def logger_reports(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "LoggerReports", self.consortium, self.telemetry)

    @cached_property
    def lots(self) -> Contract:
        """Deployed, and made a module and a regulator, when first asked for."""
        contract = deploy(self.node, "Lots", self.consortium, self.twins)
        self.empower(contract, Role.MODULE | Role.REGULATOR)
        return contract

    @cached_property
    def records(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "Records", self.consortium, self.lots, self.devices)

    @cached_property
    def design_control(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "DesignControl", self.consortium, self.records)

    @cached_property
    def lineage(self) -> Contract:
        """Deployed when first asked for."""
        lineage = deploy(self.node, "Lineage", self.consortium, self.lots)
        self.empower(lineage)
        return lineage

    @cached_property
    def recalls(self) -> Contract:
        """Deployed when first asked for."""
        recalls = deploy(self.node, "Recalls", self.consortium, self.lineage)
        self.empower(recalls, Role.MODULE | Role.REGULATOR)
        return recalls

    @cached_property
    def exposures(self) -> Contract:
        """Deployed, and made a regulator, when first asked for."""
        contract = deploy(self.node, "Exposures", self.consortium, self.conditions, self.lots)
        self.empower(contract, Role.REGULATOR, Duty.QUALITY)
        return contract

    @cached_property
    def conflict_minerals(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "ConflictMinerals", self.consortium, self.lineage)

    @cached_property
    def token(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "TestToken", "Test dollar", "TUSD", 6)

    @cached_property
    def closure_claims(self) -> Contract:
        """Deployed, and made a module, when first asked for."""
        args = self.consortium, self.recalls, self.token, BOND, DAY
        contract = deploy(self.node, "ClosureClaims", *args)
        self.empower(contract, Role.MODULE, Duty.RECALL)
        return contract

    @cached_property
    def compliance(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "Compliance", self.consortium, self.records)

    @cached_property
    def batch_release(self) -> Contract:
        """Deployed, and made a regulator, when first asked for."""
        contract = deploy(self.node, "BatchRelease", self.consortium, self.compliance)
        self.empower(contract, Role.REGULATOR, Duty.QUALITY)
        return contract

    @cached_property
    def licences(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "Licences", self.consortium, self.lots)

    @cached_property
    def usage_meters(self) -> Contract:
        """Deployed when first asked for."""
        parts = self.licences, self.devices, self.token
        return deploy(self.node, "UsageMeters", self.consortium, *parts)

    @cached_property
    def verification(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "Verification", self.consortium, self.lots)

    @cached_property
    def delivery_exceptions(self) -> Contract:
        """Deployed when first asked for."""
        return deploy(self.node, "DeliveryExceptions", self.consortium)

    @cached_property
    def title_deed(self) -> Contract:
        """Deployed, and made the only account of an organisation, when first asked for."""
        contract = deploy(self.node, "TitleDeed", self.consortium, self.twins)
        self.empower(contract, Role(0), Duty.FINANCE)
        return contract

    @property
    def orgs(self) -> tuple[Org, ...]:
        """Everybody, by number."""
        return tuple(getattr(self, name) for name in ROLES)

    @property
    def now(self) -> int:
        """The second that the next transaction sees."""
        return self.node.timestamp

    def ref(self, what: str = "event", *, time: int | None = None, leaves: bool = False) -> EventRef:
        """The reference of an event at `time` (now); one that `leaves` has no business location."""
        place = bytes(32) if leaves else keccak(text=f"{what} location")
        time = self.now if time is None else time
        event, document, read_point = (
            keccak(text=f"{what} {of}") for of in ("event", "document", "read point")
        )
        return EventRef(event, document, read_point, place, stamp(time))

    def register(self, uri_: str, kind: Kind = Kind.PART, *, org: Org | None = None) -> bytes:
        """Register a thing, by the maker unless somebody else is named; returns its id."""
        org = org or self.maker
        item = Registration(uri_, kind=kind)
        self.twins.register(item, self.ref("commissioning"), sender=org.register)
        return twin_id(uri_)

    def commission(self, item: Commission, org: Org | None = None) -> bytes:
        """Commission a lot, by the maker unless somebody else is named; returns its id."""
        sender = (org or self.maker).register
        self.lots.commissionLot(item, self.ref("commissioning"), sender=sender)
        return twin_id(item.uri)

    def offer(self, id_: bytes, giver: Org, taker: Org, purpose: int = 0, until: int | None = None) -> None:
        """Offer custody, until this time tomorrow unless another second is named."""
        until = self.now + DAY if until is None else until
        ref = self.ref("shipping", leaves=True)
        self.twins.offer(id_, taker.number, purpose, until, ref, sender=giver.ship)

    def move(self, id_: bytes, giver: Org, taker: Org, purpose: int = 0) -> None:
        """Custody from one to the other, by offer and acceptance."""
        self.offer(id_, giver, taker, purpose)
        self.accept(id_, taker)

    def accept(self, id_: bytes, taker: Org, *, found: int = 0, sender: Sender | None = None) -> Receipt:
        """Accept custody of something as it stands, with or without exceptions."""
        call = self.twins.acceptWithExceptions if found else self.twins.accept
        exceptions = [found] if found else []
        args = id_, self.twins.head(id_), *exceptions, self.ref("receiving")
        receipt: Receipt = call(*args, sender=sender or taker.all)
        return receipt

    def give_title(self, id_: bytes, giver: Org, taker: Org) -> None:
        """Title from one to the other, by offer and acceptance."""
        self.twins.offerTitle(id_, taker.number, self.now + DAY, self.ref("selling"), sender=giver.finance)
        self.twins.acceptTitle(id_, self.ref("buying"), sender=taker.finance)

    def retire(self, id_: bytes, end: int, org: Org | None = None) -> None:
        """End something, by the maker unless somebody else is named."""
        self.twins.retire(id_, end, self.ref("ending"), sender=(org or self.maker).register)

    def release(self, id_: bytes, reason: bytes, holder: Org, org: Org | None = None) -> None:
        """Lift a hold, by who put it unless somebody else is named."""
        ref = self.ref("releasing")
        self.twins.release(id_, holder.number, reason, ref, sender=(org or holder).quality)

    def unpack(self, container: bytes, ids: Sequence[bytes], org: Org | None = None) -> None:
        """Take things out of a container, by the maker unless somebody else is named."""
        self.twins.unpack(container, list(ids), self.ref("unpacking"), sender=(org or self.maker).ship)

    def pack(self, container: bytes, ids: Sequence[bytes], org: Org | None = None) -> None:
        """Pack things into a container, by the maker unless somebody else is named."""
        self.twins.pack(container, list(ids), self.ref("packing"), sender=(org or self.maker).ship)

    def hold(self, id_: bytes, reason: bytes, org: Org | None = None) -> None:
        """Hold something back, by the maker unless somebody else is named."""
        self.twins.hold(id_, reason, self.ref("holding"), sender=(org or self.maker).quality)

    def empower(
        self, module: Contract | Forwarder, roles: Role = Role.MODULE, duties: int = ALL_DUTIES
    ) -> int:
        """Make a contract of the system a member of the consortium; the number of its organisation."""
        admin = self.governor
        number: int = self.consortium.admit.call(module.address, admin, roles, bytes(32), 0, sender=admin)
        self.consortium.admit(module.address, admin, roles, bytes(32), 0, sender=admin)
        self.consortium.setAccount(number, module, duties, sender=admin)
        return number

    def suspend(self, org: Org, suspended: bool = True) -> None:
        """Silence an organisation, or let it speak again."""
        self.consortium.setSuspended(org.number, suspended, sender=self.governor)

    def hire(self, org: Org, account: Sender | bytes, duties: int = ALL_DUTIES) -> str:
        """Make an address, a contract or an ERC-7913 signer an account of the organisation; its address."""
        if isinstance(account, bytes):
            address: str = self.consortium.setSigner.call(org.number, account, duties, sender=org.admin)
            self.consortium.setSigner(org.number, account, duties, sender=org.admin)
            return address
        address = account.address if isinstance(account, Forwarder) else account
        self.consortium.setAccount(org.number, address, duties, sender=org.admin)
        return address


def happened(receipt: Receipt) -> list[tuple[str, dict[str, Any]]]:
    """All events of a transaction by name, with all their fields."""
    return [(event.name, event.args) for event in decode_logs(receipt)]


@cache
def person(name: str) -> Account:
    """An account with a key of its own, always the same one for the same name."""
    key = keccak(text=f"goldthread test {name}")
    account = Account(PrivateKey(key).public_key.to_checksum_address())
    account.key = key
    return account


def uri(serial: str, prefix: str = MAKER_PREFIX) -> str:
    """The Digital Link of a serialised part: a GTIN under the prefix, and the serial."""
    digits = f"0{prefix}13435"
    return f"https://id.gs1.org/01/{digits}{check_digit(digits)}/21/{serial}"


def lot_uri(number: str, prefix: str = MAKER_PREFIX) -> str:
    """The Digital Link of a lot of the parts that `uri` names."""
    digits = f"0{prefix}13435"
    return f"https://id.gs1.org/01/{digits}{check_digit(digits)}/10/{number}"


def sscc(serial: str, prefix: str = MAKER_PREFIX) -> str:
    """The Digital Link of a logistic unit; the serial is a number."""
    digits = f"3{prefix}{serial.zfill(16 - len(prefix))}"
    return f"https://id.gs1.org/00/{digits}{check_digit(digits)}"


def asset(serial: str, prefix: str = MAKER_PREFIX) -> str:
    """The Digital Link of an individual asset (GIAI)."""
    return f"https://id.gs1.org/8004/{prefix}{serial}"


def twin_id(uri_: str) -> bytes:
    """The id of a twin."""
    return keccak(text=uri_)


def check_digit(digits: str) -> int:
    """The GS1 check digit of the digits before it."""
    return -sum(int(d) * (3, 1)[i % 2] for i, d in enumerate(reversed(digits))) % 10


def stamp(time: int, tz_minutes: int = 60, profile: int = 1) -> int:
    """An `EventStamp`: when it happened, the local time zone, the edition of the event-hash rules."""
    return time << 24 | (tz_minutes & 0xFFFF) << 8 | profile


def _admit(consortium: Contract, governor: Account, name: str, number: int) -> Org:
    people = {duty: person(f"{name} {duty.name}") for duty in Duty}
    org = Org(
        name,
        number,
        ROLES[name],
        person(f"{name} admin"),
        person(f"{name} all"),
        **{str(duty.name).lower(): account for duty, account in people.items()},
    )
    consortium.admit(name, org.admin, org.roles, bytes(32), 0, sender=governor)
    calls: list[Any] = [consortium.setAccount.encode(number, org.all, ALL_DUTIES)]
    calls += [consortium.setAccount.encode(number, account, duty) for duty, account in people.items()]
    consortium.multicall(calls, sender=org.admin)
    return org
