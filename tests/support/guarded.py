"""A cold chain whose maker vouches for its logger, and whoever doubts it.

guarded = Guarded.create(node)
guarded.bond()
lie = guarded.anchored(readings, {(2, 0): words})        # a node says something else
guarded.challenges.proveFalseSummary(lie.signed, lie.node(2, 0), sender=guarded.doubter)
guarded.settle(lie.signed)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.models.lies import Forest, Leaf, Place
from tests.models.segments import Limit, Reading, Segment

from .coldchain import COLD, HOT, ColdChain
from .contract import Contract, Sender
from .nodes import Account, Node, Receipt
from .world import DAY, person

USD = 10**6
AMOUNT = 1000 * USD
PRICE = 2 * USD
DEMAND_WINDOW = 30 * DAY
ANSWER_WINDOW = 3 * DAY
NOTICE_PERIOD = 45 * DAY
MAX_OPEN = 16


@dataclass(frozen=True)
class Guarded:
    """The contracts and the people."""

    cold: ColdChain
    beneficiary: Account
    doubter: Account

    @classmethod
    def create(cls, node: Node) -> Guarded:
        """Nobody vouches for anything yet; everybody has tokens and has allowed them."""
        return cls.on(ColdChain.create(node))

    @classmethod
    def on(cls, cold: ColdChain) -> Guarded:
        """In a cold chain that is there already."""
        guarded = cls(cold, person("beneficiary"), person("doubter"))
        for account in (guarded.gateway, guarded.beneficiary, guarded.doubter):
            guarded.fund(account, 10 * AMOUNT)
        return guarded

    @property
    def challenges(self) -> Contract:
        return self.cold.world.challenges

    @property
    def token(self) -> Contract:
        return self.cold.world.token

    @property
    def gateway(self) -> Account:
        """Vouches for the maker's logger."""
        return self.cold.world.maker.anchor

    @property
    def org(self) -> int:
        return self.cold.world.maker.number

    @property
    def device(self) -> bytes:
        return self.cold.logger.id

    def fund(self, account: Account, amount: int) -> None:
        """Tokens, and an allowance without end."""
        self.token.mint(account, amount, sender=account)
        self.token.approve(self.challenges, 2**256 - 1, sender=account)

    def bond(self, amount: int = AMOUNT, price: int = PRICE, **changes: Any) -> Receipt:
        """By the gateway for the logger, unless something else is said."""
        to = changes.get("beneficiary", self.beneficiary)
        sender = changes.get("sender", self.gateway)
        receipt: Receipt = self.challenges.bond(self.device, amount, to, price, sender=sender)
        return receipt

    def forest(
        self,
        readings: Sequence[Reading],
        nodes: Mapping[Place, Sequence[int]] | None = None,
        leaves: Mapping[int, Leaf] | None = None,
        **about: Any,
    ) -> Forest:
        """A segment of the logger with its tree; `signed` fields of it can be told otherwise."""
        limits: Iterable[Limit] = about.pop("limits", (HOT, COLD))
        change = about.pop("change", lambda segment: segment)
        segment = change(self.cold.segment(readings, limits=limits, **about))
        return Forest(segment, readings, nodes or {}, leaves or {})

    def anchored(self, readings: Sequence[Reading], *lies: Any, **about: Any) -> Forest:
        """The same, anchored."""
        forest = self.forest(readings, *lies, **about)
        self.cold.anchor(forest.signed)
        return forest

    def settle(self, segment: Segment, org: int | None = None) -> Receipt:
        """By a stranger, with the maker's bond unless something else is said."""
        of = self.org if org is None else org
        receipt: Receipt = self.challenges.settle(segment, of, sender=self.cold.world.stranger)
        return receipt

    def demand(self, segment: Segment, index: int = 0, sender: Sender | None = None) -> Receipt:
        """By the doubter unless somebody else is named."""
        receipt: Receipt = self.challenges.demand(segment, index, self.org, sender=sender or self.doubter)
        return receipt

    def answer(self, forest: Forest, index: int = 0, sender: Sender | None = None) -> Receipt:
        """By the gateway unless somebody else is named."""
        reading = (index, *forest.readings[index])
        by = sender or self.gateway
        receipt: Receipt = self.challenges.answer(
            forest.signed, self.org, reading, forest.proof(index), sender=by
        )
        return receipt

    def digest(self, forest: Forest) -> bytes:
        digest: bytes = self.cold.telemetry.digestOf(forest.signed)
        return digest
