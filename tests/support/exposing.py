"""A cold chain in which things are packed: watches on containers, breaches between two seconds, and proofs of
who inherits them.

here = Exposing(node)
watch = here.watch(box)
...                                                   # time passes, things are packed and unpacked
cause = here.breach(watch, first, until)
here.inherited(cause, part, here.proof(part, box))    # (first second, last second), or None
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.models.conditions import Policy
from tests.models.exposures import Cause, Chronicle, History, Place, Proof
from tests.models.readings import Rule
from tests.models.segments import TEMPERATURE, Reading, Segment
from tests.models.shadow import Recorder

from .coldchain import RULES, ColdChain, Logger
from .contract import Contract, decode_logs
from .lots import Goods
from .nodes import Node
from .world import Org, World

HOT, COOL = 900, 500
FOREVER = 10**6
"""Seconds that are no gap."""


@dataclass
class Watch:
    """A policy on a container, and the logger that it names."""

    policy: Policy
    logger: Logger
    setter: Org

    @property
    def cause(self) -> Cause:
        """The breach of its first rule."""
        return Cause(self.policy, self.logger.id)


@dataclass
class Point:
    """A moment to go back to."""

    snapshot: int
    receipts: int
    chronicle: Chronicle
    newest: dict[bytes, Segment]


class Exposing:
    """The contracts, and the chronicle of everything that happens at Twins."""

    def __init__(self, node: Node) -> None:
        self.recorder = Recorder(node)
        self.world = World.create(self.recorder)
        self.cold = ColdChain.on(self.world)
        self.goods = Goods.create(self.world)
        self.contract: Contract = self.world.exposures
        self.loggers: dict[bytes, Logger] = {self.cold.pallet: self.cold.logger}
        self.newest: dict[bytes, Segment] = {}
        """By container."""
        self._chronicle = Chronicle(self.world.twins.address, node.chain_id)
        self._read = 0

    @property
    def node(self) -> Node:
        return self.world.node

    @property
    def chronicle(self) -> Chronicle:
        """Up to the newest transaction."""
        for receipt in self.recorder.receipts[self._read :]:
            for event in decode_logs(receipt):
                if event.address == self.world.twins.address:
                    self._chronicle.apply((event.name, event.args))
        self._read = len(self.recorder.receipts)
        return self._chronicle

    def point(self) -> Point:
        """This moment, to go back to."""
        known = self.chronicle
        return Point(self.node.snapshot(), len(self.recorder.receipts), deepcopy(known), dict(self.newest))

    def back_to(self, point: Point) -> None:
        """Return to a moment; what came later is forgotten."""
        self.node.revert(point.snapshot)
        del self.recorder.receipts[point.receipts :]
        self._read, self._chronicle = point.receipts, deepcopy(point.chronicle)
        self.newest = dict(point.newest)

    def watch(
        self, container: bytes, setter: Org | None = None, rules: Sequence[Rule] = RULES, version: int = 1
    ) -> Watch:
        """Set a policy, by the maker unless somebody else is named; a logger is attached with the first one.

        A newest segment from before the policy is judged: counting starts after it.
        """
        org = setter or self.world.maker
        if container not in self.loggers:
            logger = self.loggers[container] = self.cold.device(f"LOGGER{len(self.loggers) + 1}")
            self.cold.enrol(logger)
            self.cold.attach(logger, container)
        logger = self.loggers[container]
        policy = self.cold.policy(
            rules,
            subject=container,
            setter=org.number,
            devices=[logger.id],
            max_interval=FOREVER,
            version=version,
        )
        self.cold.set(policy, org.quality)
        watch = Watch(policy, logger, org)
        if container in self.newest:
            self.judge(watch)
        return watch

    def breach(self, watch: Watch, first: int, until: int) -> Cause:
        """Let the logger have measured too hot a value at `first`, and its last one at `until`."""
        subject, logger = watch.policy.subject, watch.logger
        readings = [Reading(first, HOT)] if first == until else [Reading(first, HOT), Reading(until, COOL)]
        seq = self.world.telemetry.stream(logger.id, subject, TEMPERATURE).seq + 1
        self.newest[subject] = self.cold.segment(readings, seq, logger=logger, subject=subject)
        self.judge(watch)
        return watch.cause

    def judge(self, watch: Watch) -> None:
        """Judge the newest segment of the container under another policy, too."""
        self.cold.judge(watch.policy, self.newest[watch.policy.subject], watch.logger)

    def release(self, watch: Watch, disposition: int = 1) -> None:
        """Decide about the breach, by the second person of the policy's organisation."""
        policy = watch.policy
        seen = self.world.conditions.policyState(policy.id).breaches
        self.world.conditions.dispose(
            policy.subject, policy.setter, disposition, seen, b"d" * 32, sender=watch.setter.all
        )

    def history(self, id_: bytes, left_out: int = 0) -> History:
        """The history of a twin, or what follows its first steps."""
        return self.chronicle.history(id_, left_out)

    def proof(self, *ids: bytes, places: Sequence[Place] = ()) -> Proof:
        """The whole histories of twins, and what packers said."""
        return Proof([self.history(id_) for id_ in ids], list(places))

    def inherited(self, cause: Cause, item: bytes, proof: Proof) -> tuple[int, int] | None:
        """First and last second, or None."""
        yes, first, until = self.contract.inherited(cause, item, proof)
        assert yes or (first, until) == (0, 0)
        return (first, until) if yes else None

    def not_inherited(self, cause: Cause, item: bytes, *ids: bytes) -> Any:
        """What `notInherited` says to the whole histories of the item and of these containers."""
        return self.contract.notInherited(cause, item, self.proof(item, *ids).histories)
