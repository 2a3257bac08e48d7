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
from goldthread.chain.errors import ContractError
from goldthread.chain.logs import Event

PLACES = ("Packed", "Unpacked", "Retired")
"""The events that name a container in their last topic."""

STAMP_ZONE = 8
STAMP_TIME = 24
"""Bits of an event's stamp to the right of its time zone and of its time (library EventStamp)."""


@dataclass(frozen=True)
class Step:
    """One event of the twin, with the head after it and the second of its block."""

    event: Event
    head: bytes
    time: int


@dataclass
class History:
    """What the logs tell of a twin, and what the chain says its head is."""

    twin: bytes
    block: int
    steps: list[Step] = field(default_factory=list)
    head: bytes = ZERO32
    chain_head: bytes = ZERO32
    problem: str = ""

    @property
    def is_complete(self) -> bool:
        """True if no step is left out, changed or added: the head from the logs is the chain's."""
        return not self.problem and self.head == self.chain_head and self.chain_head != ZERO32


def read(
    deployment: Deployment,
    twin: bytes,
    *,
    first: int | None = None,
    last: int | None = None,
    progress: logs.Progress | None = None,
) -> History:
    """The history of a twin up to block `last` (the newest)."""
    chain = deployment.chain
    block = chain.block_number() if last is None else last
    history = History(twin, block)
    found = _related(deployment, twin, first, block, progress)
    heads: dict[bytes, bytes] = {}
    waiting: list[Event] = []
    steps: list[tuple[Event, bytes]] = []
    try:
        for event in found:
            for batch in twins.complete(waiting, event):
                before = heads.get(twin, ZERO32)
                twins.heads(heads, batch)
                if heads.get(twin, ZERO32) != before:
                    own = next((e for e in batch if e.args.get("id") == twin), batch[0])
                    steps.append((own, heads[twin]))
        if waiting:
            history.problem = str(FoldError(waiting[0], "the events of its things are missing"))
    except FoldError as error:
        history.problem = str(error)
    times = block_times(deployment, {event.block for event, _ in steps})
    history.steps = [Step(event, head, times[event.block]) for event, head in steps]
    history.head = heads.get(twin, ZERO32)
    try:
        history.chain_head = deployment.twins.head.at(block)(twin)
    except ContractError as error:
        history.problem = history.problem or str(error)
    return history


def block_times(deployment: Deployment, blocks: Iterable[int]) -> dict[int, int]:
    """The second of each block."""
    wanted = sorted(blocks)
    found = deployment.chain.batch([("eth_getBlockByNumber", (hex(block), False)) for block in wanted])
    return {block: int(answer["timestamp"], 16) for block, answer in zip(wanted, found, strict=True)}


def event_time(event: Event) -> tuple[int, int] | None:
    """When it happened according to its EPCIS event: unix seconds, and the offset of local time in
    minutes.
    """
    stamp = event.args["ref"].stamp if "ref" in event.args else 0
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


def _related(
    deployment: Deployment, twin: bytes, first: int | None, last: int, progress: logs.Progress | None
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
            # Retiring also takes a thing out of its container, but does not look at that one's head.
            if event.name not in ("Packed", "Unpacked") or event["id"] not in known:
                continue
            container: bytes = event["container"]
            if container not in known:
                known.add(container)
                todo.add(container)
    return [found[place] for place in sorted(found)]


def _topics(deployment: Deployment, names: Sequence[str]) -> list[str]:
    entries: Any = deployment.twins.abi
    wanted = [e for e in entries if e["type"] == "event" and e["name"] in names]
    return [f"0x{abi.hash_of(abi.signature(entry)).hex()}" for entry in wanted]
