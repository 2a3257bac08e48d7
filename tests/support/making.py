"""Lots, processes and recalls to test with, all of the maker unless somebody else is named.

making = Making.create(node)
steel = making.lot("steel")
process, (bar, rod) = making.transform("rolling", [steel], ["bar", "rod"])
recall = making.recall(steel)
making.close(recall)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from tests.models.recalls import RecallClass
from tests.models.tracing import Tracing
from tests.models.trees import Tree, serials

from .nodes import Node
from .words import Kind
from .world import Commission, Org, Registration, World, lot_uri, twin_id, uri

ONE = 10**6
MUCH = 1000 * ONE
REASON = keccak(text="the record that explains the recall")


@dataclass(frozen=True)
class Making:
    """A world whose contracts are followed by their models."""

    shadow: Tracing

    @classmethod
    def create(cls, node: Node) -> Making:
        """Nothing is made yet."""
        return cls(Tracing(node))

    @property
    def world(self) -> World:
        """The contracts and who is who."""
        return self.shadow.world

    def lot(self, name: str, quantity: int = MUCH, org: Org | None = None) -> bytes:
        """Commission a lot without serials; its id."""
        self._do("act", "commissionLot", item(name, quantity), self.world.ref(), org=org)
        return lot_id(name)

    def units(self, name: str, count: int) -> bytes:
        """Commission a lot of as many units with serials; its id."""
        tree = tree_of(name, count)
        goods = Commission(lot_uri(name), quantity=count * ONE, serials_root=tree.root, serial_count=count)
        self._do("act", "commissionLot", goods, self.world.ref())
        return lot_id(name)

    def materialise(self, name: str, index: int, count: int, org: Org | None = None) -> bytes:
        """Make a unit of such a lot a twin; its id."""
        proof = tree_of(name, count).proof(index)
        unit = Registration(uri(f"{name}-{index}"))
        self._do("act", "materialise", lot_uri(name), index, unit, proof, self.world.ref(), org=org)
        return twin_id(unit.uri)

    def part(self, serial: str, kind: Kind = Kind.PART, org: Org | None = None) -> bytes:
        """Register a twin; its id."""
        sender = (org or self.world.maker).register
        thing = Registration(uri(serial), kind=kind)
        assert self.shadow.do("register", thing, self.world.ref(), sender=sender)
        return twin_id(thing.uri)

    def transform(
        self,
        name: str,
        inputs: Sequence[bytes],
        outputs: Sequence[str] = (),
        parts: Sequence[bytes] = (),
        *,
        finalise: bool = False,
        org: Org | None = None,
    ) -> tuple[bytes, list[bytes]]:
        """Tell a process; its id, and those of the lots that came out."""
        args = self.arguments(name, inputs, outputs, parts, finalise)
        self._do("trace", "transform", *args, org=org)
        number = (org or self.world.maker).number
        return process_of(number, name), [lot_id(output) for output in outputs]

    def arguments(
        self,
        name: str,
        inputs: Sequence[bytes] = (),
        outputs: Sequence[str] = (),
        parts: Sequence[bytes] = (),
        finalise: bool = False,
    ) -> tuple[Any, ...]:
        """Those of `transform`: one unit of each input, and much of each output."""
        amounts = [(lot, ONE) for lot in inputs]
        items = [item(output) for output in outputs]
        return keccak(text=name), amounts, items, parts, finalise, self.world.ref("transformation")

    def add_inputs(self, process: bytes, *lots: bytes) -> None:
        """Tell more inputs, one unit of each."""
        self._do("trace", "addInputs", process, [(lot, ONE) for lot in lots], self.world.ref())

    def add_outputs(self, process: bytes, *names: str, parts: Sequence[bytes] = ()) -> list[bytes]:
        """Tell more outputs; the ids of the lots."""
        self._do("trace", "addOutputs", process, [item(name) for name in names], parts, self.world.ref())
        return [lot_id(name) for name in names]

    def recall(self, *lots: bytes, org: Org | None = None, class_: int = RecallClass.CLASS_I) -> int:
        """Open a recall with these lots as seeds; its number."""
        sender = (org or self.world.maker).recall
        assert self.shadow.recall("open", class_, REASON, self.world.ref(), sender=sender)
        number = len(self.shadow.recalls.ledger.recalls)
        if lots:
            assert self.shadow.recall("addLots", number, lots, sender=sender)
        return number

    def step(self, recall: int, member: bytes) -> None:
        """Step a member with all that came of it, by a stranger."""
        model = self.shadow.recalls
        function = "stepProcess" if member in model.lineage.ledger.processes else "step"
        args = recall, member, model.results(member), self.world.ref()
        assert self.shadow.recall(function, *args, sender=self.world.stranger)

    def close(self, recall: int) -> None:
        """Step until nothing is left."""
        while frontier := self.shadow.recalls.frontier(recall):
            self.step(recall, min(frontier))

    def lift(self, recall: int) -> None:
        """Lift a recall, by the maker."""
        args = recall, REASON, self.world.ref()
        assert self.shadow.recall("lift", *args, sender=self.world.maker.recall)

    def check(self) -> None:
        """All views and all logs agree with the models."""
        self.shadow.check_replay()

    def _do(self, how: str, function: str, *args: Any, org: Org | None = None) -> None:
        sender = (org or self.world.maker).register
        assert getattr(self.shadow, how)(function, *args, sender=sender), f"{function} was refused"


def item(name: str, quantity: int = MUCH) -> Commission:
    """A lot without serials."""
    return Commission(lot_uri(name), quantity=quantity)


def lot_id(name: str) -> bytes:
    """The id of a lot."""
    return twin_id(lot_uri(name))


def process_of(org: int, name: str) -> bytes:
    """The id of a process."""
    return keccak(org.to_bytes(32, "big") + keccak(text=name))


def tree_of(name: str, count: int) -> Tree:
    """The serials of a lot of units."""
    return serials(twin_id(uri(f"{name}-{index}")) for index in range(count))
