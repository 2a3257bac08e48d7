"""Every reachable state of a small project x action x caller: contract and graph do the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator
from functools import partial

import pytest

from tests.models.design_control import NOTHING, File, Forms, Gate, Kind, Neighbours, Revision, Source
from tests.models.design_shadow import DesignShadow
from tests.models.shadow import Move, explore
from tests.support import Node
from tests.support.design import content, label

N1, I1, V1 = label("N1"), label("I1"), label("V1")
O1, W1 = label("O1"), label("W1")
NO_ONE = Neighbours([], [])


class Explorer(ABC):
    """Tries every move in every state that can be reached.

    Evidence is written before, in the second in which everything happens: records do not multiply states.
    """

    def __init__(self, node: Node, kinds: dict[bytes, Kind], most: int) -> None:
        self.shadow = DesignShadow(node)
        self.design, self.world = self.shadow.design, self.shadow.world
        self.kinds, self.most = kinds, most
        people = self.design.people
        self.ann, self.dan, self.eva = people.ann, people.dan, people.eva
        self.proof = [self.shadow.record(f"proof {n}", sender=self.eva) for n in range(2)]
        self.id = self.design.id
        assert self.shadow.tell("plan", self.id, self.proof[0], Forms(), sender=self.ann)

    @property
    def file(self) -> File:
        return self.shadow.model.ledger.file(self.id)

    def revision(self, item: bytes, source: Source = Source.DOCUMENT) -> Revision:
        number = self.file.revision(item) + 1
        return Revision(item, self.kinds[item], source, number, content("x") if source else NOTHING)

    @abstractmethod
    def moves(self) -> Iterator[Move]:
        """What can be tried next, also what must be refused."""

    def key(self) -> Hashable:
        """Two moments with the same key offer the same future."""
        file = self.file
        nodes = tuple(
            sorted((item, *sorted(map(str, data.items()))) for item, data in file.graph.nodes.data())
        )
        edges = tuple(sorted((a, b, *sorted(map(str, e.items()))) for a, b, e in file.graph.edges.data()))
        wrote = tuple(sorted((who, tuple(sorted(kinds))) for who, kinds in file.authored.items()))
        changes = tuple((c.author, c.state, tuple(c.revisions)) for c in file.changes.values())
        return (
            nodes,
            edges,
            wrote,
            changes,
            file.stage,
            file.baseline,
            file.version,
            tuple(file.evidence.items()),
        )

    def check(self) -> None:
        self.shadow.check_file(self.id)

    def explore(self) -> int:
        return explore(self.shadow, self.moves, self.key, self.check)


class Drafting(Explorer):
    """Two kinds of items and their links, drafted, revised, withdrawn, linked by one account."""

    def moves(self) -> Iterator[Move]:
        tell, id_, ann = self.shadow.tell, self.id, self.ann
        file = self.file
        for item in self.kinds:
            if file.revision(item) < self.most:
                near = file.neighbours(item)
                for source in (Source.DOCUMENT, Source.WITHDRAWN):
                    one = [self.revision(item, source)]
                    yield partial(tell, "draft", id_, one, [near], sender=ann)
                    if near != NO_ONE:
                        yield partial(tell, "draft", id_, one, [NO_ONE], sender=ann)
            for other in self.kinds:
                yield partial(tell, "link", id_, [(item, other)], sender=ann)


PAIRS = (I1, N1), (O1, I1), (V1, I1), (W1, N1)


class Gating(Explorer):
    """One item of each kind, linked: gates, results and one change of one item, in any order."""

    def __init__(self, node: Node, changed: bytes) -> None:
        kinds = {N1: Kind.NEED, I1: Kind.INPUT, O1: Kind.OUTPUT, V1: Kind.VERIFICATION, W1: Kind.VALIDATION}
        super().__init__(node, kinds, 2)
        self.changed = changed
        tell, id_ = self.shadow.tell, self.id
        for item in kinds:
            assert tell("draft", id_, [self.revision(item)], [NO_ONE], sender=self.ann)
        for pair in PAIRS:
            assert tell("link", id_, [pair], sender=self.ann)

    def moves(self) -> Iterator[Move]:
        tell, id_, file = self.shadow.tell, self.id, self.file
        edition = file.edition
        for gate in Gate:
            if gate != Gate.TRANSFER or file.version == 0:
                yield partial(tell, "passGate", id_, gate, self.proof[1], edition, sender=self.dan)
        due = min(file.stage + 1, Gate.TRANSFER)
        yield partial(tell, "passGate", id_, due, self.proof[1], edition, sender=self.ann)
        for test, item, passed in ((V1, I1, True), (V1, I1, False), (W1, N1, True)):
            args = id_, test, self.proof[passed], [(item, passed)]
            yield partial(tell, "report", *args, sender=self.ann)
        yield partial(tell, "lapse", id_, V1, I1, sender=self.ann)
        if file.changes:
            for pair in PAIRS:
                yield partial(tell, "link", id_, [pair], sender=self.ann)
        elif file.stage >= Gate.VERIFICATION:
            one = [self.revision(self.changed)]
            yield partial(tell, "proposeChange", id_, self.proof[0], one, sender=self.ann)
            yield partial(tell, "draft", id_, one, [file.neighbours(self.changed)], sender=self.ann)
        for number, change in file.changes.items():
            near = file.neighbours_of(change.revisions)
            args = id_, number, self.proof[1], edition, change.revisions, near
            yield partial(tell, "approveChange", *args, sender=self.ann)
            yield partial(tell, "approveChange", *args, sender=self.dan)
            yield partial(tell, "dismissChange", id_, number, self.proof[1], sender=self.dan)


def test_a_need_and_an_input(node: Node) -> None:
    """Drafted, revised, withdrawn and linked."""
    explorer = Drafting(node, {N1: Kind.NEED, I1: Kind.INPUT}, 3)
    found = explorer.explore()
    explorer.shadow.count.require(["draft", "link"])
    assert found == 117, f"{found} states, {explorer.shadow.steps} steps"


def test_an_input_and_its_test(node: Node) -> None:
    explorer = Drafting(node, {I1: Kind.INPUT, V1: Kind.VERIFICATION}, 3)
    found = explorer.explore()
    explorer.shadow.count.require(["draft", "link"])
    assert found == 117, f"{found} states, {explorer.shadow.steps} steps"


@pytest.mark.parametrize(("changed", "states"), [(I1, 166), (V1, 82)], ids=["input", "verification"])
def test_gates_results_and_a_change(node: Node, changed: bytes, states: int) -> None:
    explorer = Gating(node, changed)
    found = explorer.explore()
    explorer.shadow.count.require(
        ["passGate", "report", "proposeChange", "approveChange", "dismissChange", "link"]
    )
    assert found == states, f"{found} states, {explorer.shadow.steps} steps"
