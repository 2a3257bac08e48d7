"""Trees of devices that lie: nodes that vouch for something else, leaves that are no readings of theirs. The
hashes above are right, so that the lie is nowhere but where it was told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.models import bits
from tests.models.segments import Reading, Segment, Step, Tree, hashed, leaf

Place = tuple[int, int]
"""Height and place of a node."""


class Leaf(NamedTuple):
    """What was hashed for a reading."""

    value: int
    time: int
    index: int
    seq: int

    @property
    def word(self) -> int:
        """As `ITelemetry.FalseNode` has it."""
        return bits.join(self, (32, 40, 32, 32))

    @property
    def hash(self) -> bytes:
        return leaf(self.index, Reading(self.time, self.value), self.seq)


class FalseNode(NamedTuple):
    """As `ITelemetry.FalseNode`."""

    height: int
    place: int
    summary: bytes
    left: list[int]
    right: list[int]
    way: list[Step]


class Forest(Tree):
    """The tree of a segment with some nodes and leaves changed, and what can be shown of it."""

    def __init__(
        self,
        segment: Segment,
        readings: Sequence[Reading],
        nodes: Mapping[Place, Sequence[int]] = {},  # noqa: B006  read only
        leaves: Mapping[int, Leaf] = {},  # noqa: B006
    ) -> None:
        self.segment, self.nodes = segment, nodes
        true = Tree.of(segment, readings)
        seq = true.about[0]
        self.leaves = [Leaf(r.value, r.time, i, seq) for i, r in enumerate(readings)]
        for index, other in leaves.items():
            self.leaves[index] = other
        super().__init__(readings, *true.about)

    def bottom(self) -> list[bytes]:
        return [leaf.hash for leaf in self.leaves]

    def summary(self, height: int, place: int) -> list[int]:
        said = self.nodes.get((height, place))
        return super().summary(height, place) if said is None else list(said)

    @property
    def signed(self) -> Segment:
        """The segment over this tree."""
        return self.segment._replace(root=self.root)

    @property
    def inner(self) -> list[Place]:
        """The nodes with two others below them."""
        return [
            (height, place)
            for height in range(1, len(self.levels))
            for place in range(len(self.levels[height - 1]) // 2)
        ]

    def child(self, height: int, place: int) -> list[int]:
        """A node as what it was hashed from; one that moved up as what it was."""
        while height and 2 * place + 1 >= len(self.levels[height - 1]):
            height, place = height - 1, 2 * place
        if height == 0:
            return [self.leaves[place].word]
        below = self.levels[height - 1]
        hashes = (int.from_bytes(below[2 * place + side], "big") for side in (0, 1))
        return [*hashes, *self.summary(height, place)]

    def node(self, height: int, place: int) -> FalseNode:
        """What shows whether a node tells the truth."""
        children = (self.child(height - 1, 2 * place + side) for side in (0, 1))
        said = hashed(self.summary(height, place))
        return FalseNode(height, place, said, *children, self.proof(place, height))
