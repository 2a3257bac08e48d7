"""A call of every function of Twins that succeeds, made by an account with no duty but the one it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from .nodes import Account
from .receipts import Receipt, digest_of
from .signers import Signer, Wallet
from .words import Action, Duty, EndOfLife, Found, Kind, Purpose
from .world import DAY, EventRef, Org, Registration, World, sscc, twin_id, uri

REASON = keccak(text="the record that explains the hold")


@dataclass(frozen=True)
class Call:
    """What is called, by whom, and the step in the history of `twin` that follows."""

    function: str
    args: tuple[Any, ...]
    org: Org
    duty: Duty
    twin: bytes
    action: Action
    values: tuple[int, int, int]
    ref: EventRef

    @property
    def sender(self) -> Account:
        """The account with that duty alone."""
        return self.org.with_duty(self.duty)


def receipt_for(world: World, id_: bytes, giver: Org, taker: Org, **changes: Any) -> Receipt:
    """The receipt over a twin as it stands."""
    ref = world.ref("receiving")
    head = world.twins.head(id_)
    receipt = Receipt(id_, head, giver.number, taker.number, Purpose.TRANSPORT, 0, ref, world.now + DAY)
    return receipt._replace(**changes)


def signed(world: World, receipt: Receipt, signer: Signer) -> tuple[Receipt, bytes, bytes]:
    """The arguments of `handOver`."""
    return receipt, signer.name, signer.sign(digest_of(receipt, world.twins.address, world.node.chain_id))


def prepare(world: World, function: str, seconds: int = 0) -> Call:
    """Bring the world to where the function can be called; its event happens so many seconds after now."""
    return _CALLS[function](world, seconds)


def _ref(world: World, seconds: int) -> EventRef:
    return world.ref("what happens", time=world.now + seconds)


def _register(world: World, seconds: int) -> Call:
    ref, item = _ref(world, seconds), Registration(uri("1"))
    step = twin_id(item.uri), Action.REGISTERED, (Kind.PART, 0, 0), ref
    return Call("register", (item, ref), world.maker, Duty.REGISTER, *step)


def _register_many(world: World, seconds: int) -> Call:
    ref, items = _ref(world, seconds), [Registration(uri("1"), kind=Kind.ASSET), Registration(uri("2"))]
    step = twin_id(items[0].uri), Action.REGISTERED, (Kind.ASSET, 0, 0), ref
    return Call("registerMany", (items, ref), world.maker, Duty.REGISTER, *step)


def _offer(world: World, seconds: int) -> Call:
    part, to, until = world.register(uri("1")), world.carrier.number, world.now + DAY
    ref, args = _ref(world, seconds), (part, to, Purpose.RETURN, until)
    step = part, Action.OFFERED, (to, Purpose.RETURN, until), ref
    return Call("offer", (*args, ref), world.maker, Duty.SHIP, *step)


def _offered(world: World, deadline: int) -> bytes:
    part = world.register(uri("1"))
    ref = world.ref("shipping", leaves=True)
    args = part, world.carrier.number, Purpose.TRANSPORT, deadline, ref
    world.twins.offer(*args, sender=world.maker.ship)
    return part


def _accept(world: World, seconds: int) -> Call:
    part, ref = _offered(world, world.now + DAY), _ref(world, seconds)
    step = part, Action.ACCEPTED, (world.maker.number, 0, 0), ref
    return Call("accept", (part, world.twins.head(part), ref), world.carrier, Duty.RECEIVE, *step)


def _accept_with_exceptions(world: World, seconds: int) -> Call:
    part, ref, found = _offered(world, world.now + DAY), _ref(world, seconds), Found.DAMAGED | Found.OVERAGE
    step = part, Action.ACCEPTED, (world.maker.number, int(found), 0), ref
    return Call(
        "acceptWithExceptions", (part, world.twins.head(part), found, ref), world.carrier, Duty.RECEIVE, *step
    )


def _decline(world: World, seconds: int) -> Call:
    part, ref = _offered(world, world.now + DAY), _ref(world, seconds)
    return Call("decline", (part, ref), world.carrier, Duty.RECEIVE, part, Action.DECLINED, (0, 0, 0), ref)


def _cancel(world: World, seconds: int) -> Call:
    part, ref = _offered(world, world.now + DAY), _ref(world, seconds)
    return Call("cancel", (part, ref), world.maker, Duty.SHIP, part, Action.CANCELLED, (0, 0, 0), ref)


def _reclaim(world: World, seconds: int) -> Call:
    part = _offered(world, world.now)
    world.node.warp(1)
    ref = _ref(world, seconds)
    return Call("reclaim", (part, ref), world.maker, Duty.SHIP, part, Action.RECLAIMED, (0, 0, 0), ref)


def _hand_over(world: World, seconds: int) -> Call:
    part, ref = world.register(uri("1")), _ref(world, seconds)
    found, purpose = Found.UNDERAGE, Purpose.DESTRUCTION
    receiver = world.carrier.receive
    receipt = receipt_for(
        world, part, world.maker, world.carrier, ref=ref, purpose=purpose, exceptions=int(found)
    )
    values = world.carrier.number, purpose << 16 | found, int(receiver, 16)
    args = signed(world, receipt, Wallet(receiver))
    return Call("handOver", args, world.maker, Duty.SHIP, part, Action.HANDED_OVER, values, ref)


def _pack(world: World, seconds: int) -> Call:
    pallet, parts = world.register(sscc("1"), Kind.CONTAINER), [world.register(uri(n)) for n in "12"]
    ref, values = _ref(world, seconds), (2, _hash(parts), world.now)
    step = pallet, Action.CONTENTS_ADDED, values, ref
    return Call("pack", (pallet, parts, ref), world.maker, Duty.SHIP, *step)


def _unpack(world: World, seconds: int) -> Call:
    pallet, parts = world.register(sscc("1"), Kind.CONTAINER), [world.register(uri(n)) for n in "12"]
    world.pack(pallet, parts)
    ref, values = _ref(world, seconds), (1, _hash(parts[1:]), world.now)
    step = pallet, Action.CONTENTS_REMOVED, values, ref
    return Call("unpack", (pallet, parts[1:], ref), world.maker, Duty.SHIP, *step)


def _hold(world: World, seconds: int) -> Call:
    part, ref = world.register(uri("1")), _ref(world, seconds)
    step = part, Action.HELD, (int.from_bytes(REASON), 0, 0), ref
    return Call("hold", (part, REASON, ref), world.maker, Duty.QUALITY, *step)


def _release(world: World, seconds: int) -> Call:
    part, holder = world.register(uri("1")), world.maker.number
    world.hold(part, REASON)
    ref = _ref(world, seconds)
    step = part, Action.RELEASED, (int.from_bytes(REASON), holder, 0), ref
    return Call("release", (part, holder, REASON, ref), world.maker, Duty.QUALITY, *step)


def _offer_title(world: World, seconds: int) -> Call:
    part, to, until = world.register(uri("1")), world.retailer.number, world.now + DAY
    ref = _ref(world, seconds)
    step = part, Action.TITLE_OFFERED, (to, until, 0), ref
    return Call("offerTitle", (part, to, until, ref), world.maker, Duty.FINANCE, *step)


def _title_offered(world: World) -> bytes:
    part = world.register(uri("1"))
    args = part, world.retailer.number, world.now + DAY, world.ref("selling")
    world.twins.offerTitle(*args, sender=world.maker.finance)
    return part


def _cancel_title(world: World, seconds: int) -> Call:
    part, ref = _title_offered(world), _ref(world, seconds)
    step = part, Action.TITLE_CANCELLED, (0, 0, 0), ref
    return Call("cancelTitle", (part, ref), world.maker, Duty.FINANCE, *step)


def _accept_title(world: World, seconds: int) -> Call:
    part, ref = _title_offered(world), _ref(world, seconds)
    step = part, Action.TITLE_ACCEPTED, (world.maker.number, 0, 0), ref
    return Call("acceptTitle", (part, ref), world.retailer, Duty.FINANCE, *step)


def _retire(world: World, seconds: int) -> Call:
    part, ref = world.register(uri("1")), _ref(world, seconds)
    step = part, Action.RETIRED, (world.now << 8 | EndOfLife.DISPENSED, 0, 0), ref
    return Call("retire", (part, EndOfLife.DISPENSED, ref), world.maker, Duty.REGISTER, *step)


def _hash(ids: list[bytes]) -> int:
    return int.from_bytes(keccak(b"".join(ids)))


_CALLS: dict[str, Callable[[World, int], Call]] = {
    "register": _register,
    "registerMany": _register_many,
    "offer": _offer,
    "accept": _accept,
    "acceptWithExceptions": _accept_with_exceptions,
    "decline": _decline,
    "cancel": _cancel,
    "reclaim": _reclaim,
    "handOver": _hand_over,
    "pack": _pack,
    "unpack": _unpack,
    "hold": _hold,
    "release": _release,
    "offerTitle": _offer_title,
    "cancelTitle": _cancel_title,
    "acceptTitle": _accept_title,
    "retire": _retire,
}
FUNCTIONS = tuple(_CALLS)
"""Every function of Twins that changes something."""
