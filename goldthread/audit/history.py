"""The history of one twin: every event, and the head recomputed from them.

The head of a packed thing depends on the head of its container at that moment, so the containers it was in
are read as well, and those around them. Whatever else there is on the chain is not read: the effort grows
with the histories of these few.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldthread.audit import twins
from goldthread.audit.base import ZERO32, FoldError
from goldthread.chain import abi, logs
from goldthread.chain.contracts import Deployment
from goldthread.chain.logs import Event

PLACES = ("Packed", "Unpacked", "Retired")
"""The events that name a container in their last topic."""

STAMP_ZONE = 8
STAMP_TIME = 24
"""Bits of an event's stamp to the right of its time zone and of its time (library EventStamp)."""


@dataclass(frozen=True)
class Step:
    """One event in the life of the twin: its own, or one of a container that it was in at the time (`of`).

    `head` is the head of `of` after it, `time` the second of its block, `ref` the reference to its EPCIS
    event.
    """

    event: Event
    of: bytes
    head: bytes
    time: int
    ref: Any


@dataclass
class History:
    """What the logs tell of a twin, and what the chain says its head is."""

    twin: bytes
    block: int
    steps: list[Step] = field(default_factory=list)
    heads: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    """From the logs and from the chain: of the twin, and of each container around it at the end."""
    uris: dict[bytes, str] = field(default_factory=dict)
    """Of the twin and of the containers that it was in."""
    problem: str = ""

    @property
    def head(self) -> bytes:
        """The twin's head according to the logs."""
        return self.heads[self.twin][0]

    @property
    def chain_head(self) -> bytes:
        """The twin's head according to the chain; zero if it is not registered."""
        return self.heads[self.twin][1]

    @property
    def own(self) -> int:
        """How many steps are the twin's own."""
        return sum(1 for step in self.steps if step.of == self.twin)

    @property
    def is_complete(self) -> bool:
        """True if no step is left out, changed or added: the heads from the logs are the chain's."""
        registered = self.chain_head != ZERO32
        return not self.problem and registered and all(a == b for a, b in self.heads.values())


def read(
    deployment: Deployment,
    twin: bytes,
    *,
    first: int | None = None,
    last: int | None = None,
    progress: logs.Progress | None = None,
) -> History:
    """The history of a twin up to block `last` (the newest)."""
    block = deployment.chain.block_number() if last is None else last
    history = History(twin, block)
    heads: dict[bytes, bytes] = {}
    inside: dict[bytes, bytes] = {}
    waiting: list[Event] = []
    lived: list[tuple[Event, bytes, bytes, Any]] = []
    try:
        for event in related(deployment, twin, first, block, progress):
            for batch in twins.complete(waiting, event):
                before = _around(inside, twin)
                twins.heads(heads, batch)
                _place(inside, batch)
                if batch[0].name in ("Registered", "RegisteredFor"):
                    history.uris[batch[0]["id"]] = batch[0]["uri"]
                for of in dict.fromkeys([*before, *_around(inside, twin)]):
                    if (own := _own(batch, of, twin)) is not None:
                        lived.append((own, of, heads[of], batch[0]["ref"]))
        if waiting:
            history.problem = str(FoldError(waiting[0], "the events of its things are missing"))
    except FoldError as error:
        history.problem = str(error)
    times = block_times(deployment, {event.block for event, *_ in lived})
    history.steps = [Step(event, of, head, times[event.block], ref) for event, of, head, ref in lived]
    around = _around(inside, twin)
    calls = [deployment.twins.head.prepare(of) for of in around]
    told = deployment.read_many(calls, block)
    history.heads = {of: (heads.get(of, ZERO32), on_chain) for of, on_chain in zip(around, told, strict=True)}
    return history


def block_times(deployment: Deployment, blocks: Iterable[int]) -> dict[int, int]:
    """The second of each block."""
    wanted = sorted(blocks)
    found = deployment.chain.batch([("eth_getBlockByNumber", (hex(block), False)) for block in wanted])
    return {block: int(answer["timestamp"], 16) for block, answer in zip(wanted, found, strict=True)}


def event_time(stamp: int) -> tuple[int, int] | None:
    """When it happened according to the stamp of its EPCIS event: unix seconds, and the offset of local time
    in minutes. None if there is no such event.
    """
    if not stamp:
        return None
    zone = stamp >> STAMP_ZONE & 0xFFFF
    return stamp >> STAMP_TIME, zone - (1 << 16) if zone >> 15 else zone


def organisation_names(deployment: Deployment, last: int) -> dict[int, str]:
    """The names under which organisations were admitted."""
    entries = deployment.consortium.events.items()
    topic = next(key for key, entry in entries if entry["name"] == "OrganisationAdmitted")
    found = logs.events(deployment, ["Consortium"], last=last, topics=[f"0x{topic.hex()}"])
    return {event["org"]: event["name"] for event in found}


def _around(inside: dict[bytes, bytes], twin: bytes) -> list[bytes]:
    """The twin and the containers around it, from the inside out."""
    found = [twin]
    while (container := inside.get(found[-1])) is not None and container not in found:
        found.append(container)
    return found


def _place(inside: dict[bytes, bytes], batch: Sequence[Event]) -> None:
    for event in batch:
        if event.name == "Packed":
            inside[event["id"]] = event["container"]
        elif event.name in ("Unpacked", "Retired"):
            inside.pop(event["id"], None)


def _own(batch: Sequence[Event], of: bytes, twin: bytes) -> Event | None:
    """The event of the batch that is a step of `of`, if it also is one in the life of the twin.

    What else is put into a container, or taken out of it, concerns the container alone.
    """
    for event in batch:
        if event.args.get("id") == of:
            return event
    first = batch[0]
    if of == twin and first.args.get("container") == twin:
        return first
    return None


def related(
    deployment: Deployment,
    twin: bytes,
    first: int | None,
    last: int,
    progress: logs.Progress | None = None,
) -> list[Event]:
    """All events of the twin and of the containers around it at any time, with those that the latter's
    depend on.
    """
    found: dict[tuple[int, int], Event] = {}
    todo, known = {twin}, {twin}
    while todo:
        ids = [f"0x{identifier.hex()}" for identifier in sorted(todo)]
        todo = set()
        for topics in ([None, ids], [_topics(deployment, PLACES), None, None, ids]):
            events = logs.events(
                deployment, ["Twins"], first=first, last=last, topics=topics, progress=progress
            )
            for event in events:
                found[event.block, event.index] = event
        for event in list(found.values()):
            if event.name not in PLACES or event["id"] not in known:
                continue
            container: bytes = event["container"]
            if container not in known and container != ZERO32:
                known.add(container)
                todo.add(container)
    return [found[place] for place in sorted(found)]


def _topics(deployment: Deployment, names: Sequence[str]) -> list[str]:
    entries: Any = deployment.twins.abi
    wanted = [e for e in entries if e["type"] == "event" and e["name"] in names]
    return [f"0x{abi.hash_of(abi.signature(entry)).hex()}" for entry in wanted]
