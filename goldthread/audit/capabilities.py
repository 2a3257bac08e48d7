"""Rebuilds the state of Capabilities from its events: who was granted what on which device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from goldthread.audit.base import ZERO32, ZERO_ADDRESS, FoldError, View, short
from goldthread.chain.logs import Event


@dataclass(frozen=True)
class Capability:
    """A grant, or what was delegated from the capability `parent` (0: from none)."""

    resource: bytes
    methods: int
    org: int
    """The organisation that it was given to; 0: it was given to the account."""
    account: str
    expiry: int
    parent: int
    revoked: bool = False


@dataclass
class Book:
    """The capabilities on a device by number, and whose count from which number on."""

    owner: int = 0
    first: int = 0
    capabilities: dict[int, Capability] = field(default_factory=dict)

    @property
    def next(self) -> int:
        """The number of the next capability."""
        return len(self.capabilities) + 1


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    books: dict[bytes, Book] = field(default_factory=dict)
    used: set[bytes] = field(default_factory=set)
    """Digests of the signed invocations that were used."""


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of Capabilities, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Capabilities; raises `FoldError`."""
    book = state.books.setdefault(event["device"], Book())
    match event.name:
        case "Granted":
            if event["org"] != book.owner:
                book.owner, book.first = event["org"], book.next
            _add(book, event, 0)
        case "Delegated":
            parent = _known(book, event, event["parent"])
            more = event["methods"] & ~parent.methods or not _covers(parent, event["resource"])
            if more or event["expiry"] > parent.expiry:
                raise FoldError(event, "the parent has less than was delegated from it")
            _add(book, event, event["parent"])
        case "CapabilityRevoked":
            number = event["capability"]
            capability = _known(book, event, number)
            if capability.revoked:
                raise FoldError(event, f"capability {number} was revoked before")
            book.capabilities[number] = replace(capability, revoked=True)
        case "AllRevoked":
            if event["first"] != book.next:
                raise FoldError(event, f"the next capability has the number {book.next}")
            book.owner, book.first = event["org"], event["first"]
        case "Used":
            capability = _known(book, event, event["capability"])
            if event["methods"] & ~capability.methods or not _covers(capability, event["resource"]):
                raise FoldError(event, "the capability does not allow this")
            if event["digest"] in state.used:
                raise FoldError(event, "the invocation was used before")
            if event["digest"] != ZERO32:
                state.used.add(event["digest"])
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    for device, book in state.books.items():
        subject = f"device {short(device)}"
        expected = {"owner": book.owner, "first": book.first, "count": len(book.capabilities)}
        yield View(subject, "bookOf", (device,), expected)
        for number, found in book.capabilities.items():
            # An organisation is kept as the address with its number.
            to = f"0x{found.org:040x}" if found.org else found.account
            grant = {
                "resource": found.resource,
                "to": to,
                "expiry": found.expiry,
                "methods": found.methods,
                "toOrg": found.org != 0,
                "revoked": found.revoked,
                "parent": found.parent,
            }
            yield View(f"{subject}, capability {number}", "grantOf", (device, number), grant)

    for digest in state.used:
        yield View(f"invocation {short(digest)}", "used", (digest,), True)


def _add(book: Book, event: Event, parent: int) -> None:
    number, resource, to = event["capability"], event["resource"], event["to"]
    if number != book.next:
        raise FoldError(event, f"{len(book.capabilities)} capabilities came before this one")
    if (to.org == 0) == (to.account == ZERO_ADDRESS):
        raise FoldError(event, "it is given to an organisation or to an account")
    book.capabilities[number] = Capability(
        resource, event["methods"], to.org, to.account, event["expiry"], parent
    )


def _covers(capability: Capability, resource: bytes) -> bool:
    return capability.resource in (ZERO32, resource)


def _known(book: Book, event: Event, number: int) -> Capability:
    capability = book.capabilities.get(number)
    if capability is None:
        raise FoldError(event, f"there is no capability {number} on the device")
    return capability
