"""The model of `Capabilities`, written from ICapabilities: a graph whose edges point from what was delegated
to what it came from.

The model keeps the whole history of a device: what was granted to whom, in order. Whether a capability is
good is asked of the graph each time, by walking all the way to a grant of today's owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum, IntFlag
from typing import NamedTuple

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.models.consortium import Consortium
from tests.models.devices import Devices
from tests.models.rules import Fact, Objections, Refused
from tests.models.twins import Twins
from tests.support.words import Duty

WHOLE = bytes(32)
NOBODY = to_checksum_address(bytes(20))
MAX_DEPTH = 8
DOMAIN_TYPE = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
INVOCATION_TYPE = keccak(
    text="Invocation(bytes32 device,bytes32 resource,uint32 capability,uint8 methods,bytes32 ref,"
    "uint40 deadline,bytes32 salt)"
)


class Method(IntFlag):
    """What can be done with a device (library `Method`)."""

    IDENTIFY = 1
    CONFIGURE = 2
    NETWORK = 4
    LOCAL_IO = 8
    UPDATE = 16


EVERYTHING = ~Method(0)


class Cause(IntEnum):
    """`ICapabilities.Cause`."""

    NONE = 0
    NOT_ENROLLED = 1
    UNKNOWN = 2
    EXPIRED = 3
    NOT_GRANTED = 4
    NOT_GRANTEE = 5
    REVOKED = 6
    TITLE_PASSED = 7


class Grantee(NamedTuple):
    """`ICapabilities.Grantee`."""

    org: int = 0
    account: str = NOBODY


class Invocation(NamedTuple):
    """`ICapabilities.Invocation`."""

    device: bytes
    resource: bytes
    capability: int
    methods: int
    ref: bytes
    deadline: int
    salt: bytes

    def digest(self, contract: str, chain_id: int) -> bytes:
        """What is signed, for that contract on that chain."""
        names = keccak(text="Goldthread Capabilities"), keccak(text="1")
        domain = encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"], [DOMAIN_TYPE, *names, chain_id, contract]
        )
        kinds = ["bytes32", "bytes32", "bytes32", "uint32", "uint8", "bytes32", "uint40", "bytes32"]
        return keccak(b"\x19\x01" + keccak(domain) + keccak(encode(kinds, [INVOCATION_TYPE, *self])))


@dataclass(frozen=True)
class Edge:
    """A capability. `parent` is the number of the one it came from; 0: the owner granted it."""

    resource: bytes
    methods: int
    to: Grantee
    expiry: int
    parent: int
    revoked: bool = False


@dataclass(frozen=True)
class Page:
    """What was granted on a device, and from which number on it counts for whom."""

    edges: dict[int, Edge] = field(default_factory=dict)
    owner: int = 0
    first: int = 0

    @property
    def following(self) -> int:
        """The number of the next capability."""
        return len(self.edges) + 1


@dataclass
class CapabilitiesLedger:
    """What the events of a Capabilities contract add up to."""

    pages: dict[bytes, Page] = field(default_factory=dict)
    used: set[bytes] = field(default_factory=set)
    """Digests of signed invocations."""

    def page(self, device: bytes) -> Page:
        return self.pages.get(device, Page())

    def line(self, device: bytes, number: int) -> Iterator[tuple[int, Edge]]:
        """A capability, what it came from, and so on to the owner's grant."""
        while number:
            edge = self.page(device).edges[number]
            yield number, edge
            number = edge.parent

    def apply(self, fact: Fact) -> None:
        name, a = fact
        if name == "Used":
            if any(a["digest"]):
                self.used.add(a["digest"])
            return
        page = self.page(a["device"])
        match name:
            case "Granted" | "Delegated":
                edge = Edge(a["resource"], a["methods"], Grantee(*a["to"]), a["expiry"], a.get("parent", 0))
                if name == "Granted" and a["org"] != page.owner:
                    page = replace(page, owner=a["org"], first=page.following)
                page = replace(page, edges=page.edges | {a["capability"]: edge})
            case "CapabilityRevoked":
                edge = replace(page.edges[a["capability"]], revoked=True)
                page = replace(page, edges=page.edges | {a["capability"]: edge})
            case "AllRevoked":
                page = replace(page, owner=a["org"], first=a["first"])
            case _:
                raise LookupError(f"the ledger does not know the event {name}")
        self.pages[a["device"]] = page

    def copy(self) -> CapabilitiesLedger:
        return CapabilitiesLedger(dict(self.pages), set(self.used))


class Capabilities:
    """The rules."""

    def __init__(
        self, ledger: CapabilitiesLedger, consortium: Consortium, twins: Twins, devices: Devices
    ) -> None:
        self.ledger = ledger
        self.consortium = consortium
        self.twins = twins
        self.devices = devices
        self.signatures: dict[bytes, tuple[bytes, bytes]] = {}
        """Signer and digest of every signature that was really made."""
        self.digests: dict[Invocation, bytes] = {}

    @property
    def now(self) -> int:
        return self.consortium.now

    def grant(
        self, device: bytes, resource: bytes, methods: int, to: Grantee, expiry: int, *, sender: str
    ) -> list[Fact]:
        no, org = self._owner(device, sender)
        no.when(device not in self.devices.ledger.signers, "NotEnrolled", device)
        fact = {"device": device, "org": org, **self._new(no, device, resource, methods, to, expiry, sender)}
        return self._happened(no, "Granted", fact)

    def delegate(
        self, device: bytes, parent: int, resource: bytes, methods: int, to: Grantee, expiry: int,
        *, sender: str,
    ) -> list[Fact]:  # fmt: skip
        no = Objections()
        new = self._new(no, device, resource, methods, to, expiry, sender)
        cause, failed = self.judge(device, resource, parent, methods, sender)
        if cause != Cause.NONE:
            no.final("NotAllowed", device, parent, sender, cause, failed)
        line = list(self.ledger.line(device, parent))
        most = line[0][1].expiry
        no.when(expiry > most, "OutlastsParent", expiry, most)
        no.when(len(line) >= MAX_DEPTH, "DelegatedTooOften", device, parent)
        org, _ = self.consortium.ledger.accounts[sender]
        return self._happened(no, "Delegated", {"device": device, "org": org, **new, "parent": parent})

    def revoke(self, device: bytes, capability: int, *, sender: str) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, 0)
        edge = self.ledger.page(device).edges.get(capability)
        if edge is None:
            no.final("UnknownCapability", device, capability)
        no.when(edge.revoked, "AlreadyRevoked", device, capability)
        line = self.ledger.line(device, capability)
        admin = self._is_admin(sender)
        may = any(self._has(above.to, sender, org) for _, above in line)
        may = may or (admin and self._title(device) == org)
        no.when(not may, "MayNotRevoke", device, capability, sender)
        fact = {"device": device, "org": org, "capability": capability}
        return self._happened(no, "CapabilityRevoked", fact | {"caller": sender})

    def revokeAll(self, device: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        no, org = self._owner(device, sender)
        first = self.ledger.page(device).following
        return self._happened(
            no, "AllRevoked", {"device": device, "org": org, "caller": sender, "first": first}
        )

    def use(
        self, device: bytes, resource: bytes, capability: int, methods: int, ref: bytes, *, sender: str
    ) -> list[Fact]:
        fact = self._used(Objections(), device, resource, capability, methods, sender)
        what = {"caller": sender, "resource": resource, "methods": methods, "ref": ref, "digest": bytes(32)}
        return self._happened(Objections(), "Used", fact | what)

    def useSigned(  # noqa: N802
        self, invocation: Invocation, signer: bytes, signature: bytes, *, sender: str
    ) -> list[Fact]:
        no, i, digest = Objections(), invocation, self.digests[invocation]
        no.when(self.now > i.deadline, "DeadlinePassed", i.device, i.deadline, self.now)
        no.when(digest in self.ledger.used, "AlreadyUsed", digest)
        no.when(self.signatures.get(signature) != (signer, digest), "InvalidInvocation", digest, signer)
        account = to_checksum_address(signer if len(signer) == 20 else keccak(signer)[12:])
        fact = self._used(no, i.device, i.resource, i.capability, i.methods, account)
        what = {"resource": i.resource, "methods": i.methods, "ref": i.ref, "digest": digest}
        return self._happened(no, "Used", fact | {"caller": sender} | what)

    def judge(
        self, device: bytes, resource: bytes, number: int, methods: int, account: str
    ) -> tuple[Cause, int]:
        """What speaks against a use, and of which capability it speaks."""
        if device not in self.devices.ledger.signers:
            return Cause.NOT_ENROLLED, number
        edge = self.ledger.page(device).edges.get(number)
        if edge is None:
            return Cause.UNKNOWN, number
        if self.now > edge.expiry:
            return Cause.EXPIRED, number
        covered = edge.resource in (WHOLE, resource) and methods | edge.methods == edge.methods
        if not methods or not covered:
            return Cause.NOT_GRANTED, number
        no = Objections()
        try:
            org = self.consortium.authorize(no, account, Duty.DEVICE_ADMIN if edge.to.org else 0)
            no.settle()
        except Refused:
            return Cause.NOT_GRANTEE, number
        if not self._has(edge.to, account, org):
            return Cause.NOT_GRANTEE, number
        root = number
        for above, ancestor in self.ledger.line(device, number):
            if ancestor.revoked:
                return Cause.REVOKED, above
            root = above
        page = self.ledger.page(device)
        if page.owner != self._title(device) or root < page.first:
            return Cause.TITLE_PASSED, root
        return Cause.NONE, 0

    def _used(
        self, no: Objections, device: bytes, resource: bytes, capability: int, methods: int, account: str
    ) -> dict[str, object]:
        cause, failed = self.judge(device, resource, capability, methods, account)
        no.when(cause != Cause.NONE, "NotAllowed", device, capability, account, cause, failed)
        no.settle()
        org, _ = self.consortium.ledger.accounts[account]
        return {"device": device, "org": org, "capability": capability, "account": account}

    def _new(
        self,
        no: Objections,
        device: bytes,
        resource: bytes,
        methods: int,
        to: Grantee,
        expiry: int,
        sender: str,
    ) -> dict[str, object]:
        no.when(not 0 < methods < 32, "UnknownMethods", methods)
        one = (to.org == 0) != (to.account == NOBODY) and to.org <= len(self.consortium.ledger.orgs)
        no.when(not one, "NotAGrantee", to.org, to.account)
        no.when(self.now > expiry, "ExpiryPassed", expiry, self.now)
        number = self.ledger.page(device).following
        new = {"capability": number, "caller": sender, "resource": resource, "methods": methods}
        return new | {"to": to, "expiry": expiry}

    def _owner(self, device: bytes, sender: str) -> tuple[Objections, int]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.DEVICE_ADMIN)
        no.when(org != self._title(device), "NotDeviceOwner", device, org, self._title(device))
        return no, org

    def _title(self, device: bytes) -> int:
        twin = self.twins.ledger.twins.get(device)
        return twin.owner if twin else 0

    def _is_admin(self, account: str) -> bool:
        _, duties = self.consortium.ledger.accounts.get(account, (0, 0))
        return bool(duties & Duty.DEVICE_ADMIN)

    def _has(self, to: Grantee, account: str, org: int) -> bool:
        return to.account == account if not to.org else to.org == org and self._is_admin(account)

    def _happened(self, no: Objections, name: str, fact: dict[str, object]) -> list[Fact]:
        no.settle()
        self.ledger.apply((name, fact))
        return [(name, fact)]
