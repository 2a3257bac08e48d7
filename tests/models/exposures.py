"""The model of `Exposures`, written from IExposures: where everything was, second by second.

No interval is ever cut or joined here. At the end of each second everything is somewhere, and what is
somewhere in the container in a second of the breach was exposed in that second.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models.conditions import Policy
from tests.models.rules import Fact
from tests.models.segments import TEMPERATURE
from tests.models.trees import Step as Level
from tests.models.twins import TwinsLedger, first_head
from tests.support.words import Action
from tests.support.world import EventRef

INHERITED_CODE = keccak(text="INHERITED")[:4]


class Inheritance(IntEnum):
    """`IExposures.Inheritance`."""

    NONE = 0
    HELD = 1
    RELEASED = 2


class Cause(NamedTuple):
    """As `IExposures.Cause`."""

    policy: Policy
    device: bytes
    quantity: int = TEMPERATURE
    rule: int = 0

    @property
    def breach_id(self) -> bytes:
        values = self.policy.hash, self.device, self.quantity, self.rule
        return keccak(encode(["bytes32", "bytes32", "uint16", "uint8"], values))


class Step(NamedTuple):
    """As `IExposures.Step`."""

    action: int
    org: int
    caller: str
    a: int
    b: int
    c: int
    ref: EventRef


class History(NamedTuple):
    """As `IExposures.History`."""

    id: bytes
    before: bytes
    steps: list[Step]


class Place(NamedTuple):
    """As `IExposures.Place`."""

    container: bytes
    path: list[Level]


class Proof(NamedTuple):
    """As `IExposures.Proof`."""

    histories: list[History]
    places: list[Place] = []  # noqa: RUF012


@dataclass
class Chronicle(TwinsLedger):
    """A ledger of Twins that remembers each step of each history, and the head before it."""

    steps: dict[bytes, list[tuple[bytes, Step]]] = field(default_factory=dict)

    def _step(self, a: Any, action: Action, x: int = 0, y: int = 0, z: int = 0) -> None:
        step = Step(action, a["org"], a["caller"], x, y, z, a["ref"])
        self.steps.setdefault(a["id"], []).append((self.heads[a["id"]], step))
        super()._step(a, action, x, y, z)

    def history(self, id_: bytes, left_out: int = 0) -> History:
        """The history of a twin, or what follows its first steps."""
        steps = self.steps[id_]
        before = steps[left_out][0] if left_out < len(steps) else self.heads[id_]
        return History(id_, before, [step for _, step in steps[left_out:]])

    def seed(self, id_: bytes) -> bytes:
        """Where the history of a twin begins."""
        return first_head(self.chain_id, self.address, id_)


@dataclass
class Whereabouts:
    """In what everything was, at the end of every second."""

    now: dict[bytes, bytes] = field(default_factory=dict)
    """The container of each thing that is in one."""
    since: list[int] = field(default_factory=list)
    before: list[dict[bytes, bytes]] = field(default_factory=list)
    """What it was in, from each of the seconds on."""

    def put(self, time: int, thing: bytes, container: bytes | None) -> None:
        """From this second on the thing is in the container (or in none)."""
        self.now = {inner: outer for inner, outer in self.now.items() if inner != thing}
        if container is not None:
            self.now[thing] = container
        if self.since and self.since[-1] == time:
            self.before[-1] = self.now
        else:
            self.since.append(time)
            self.before.append(self.now)

    def around(self, thing: bytes, time: int) -> Iterator[bytes]:
        """What was around the thing in this second, from the inside out."""
        index = bisect_right(self.since, time)
        places = self.before[index - 1] if index else {}
        while (outer := places.get(thing)) is not None:
            yield outer
            thing = outer

    def exposed(self, thing: bytes, container: bytes, first: int, until: int) -> tuple[int, int] | None:
        """First and last second of the breach in which the thing was in the container."""
        seconds = [t for t in range(first, until + 1) if container in self.around(thing, t)]
        return (seconds[0], seconds[-1]) if seconds else None


@dataclass
class ExposuresLedger:
    """What the events of Exposures add up to."""

    found: dict[tuple[bytes, bytes], Inheritance] = field(default_factory=dict)
    """By twin and breach."""

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "BreachInherited":
                self.found[a["item"], a["breachId"]] = Inheritance.HELD
            case "InheritedReleased":
                self.found[a["item"], a["breachId"]] = Inheritance.RELEASED
            case "Alert":
                pass
            case _:
                raise LookupError(f"the ledger does not know the event {name}")
