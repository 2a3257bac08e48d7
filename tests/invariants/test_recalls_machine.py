"""Random processes that share their inputs, split, go in circles and are told late.

However it is stepped, a recall closes with exactly what can be reached from its seeds, stays complete, and
takes no list but the whole one.

The graph is kept here, from what was told; the closure is that of networkx. Contracts and models are compared
at every call as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random

import networkx as nx
from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.lineage import ancestors, chain
from tests.models.recalls import RecallState
from tests.models.tracing import TracingPoint
from tests.models.trees import serials
from tests.support import Counters, fresh, reverts
from tests.support.making import ONE, REASON, Making, item, lot_id, process_of
from tests.support.world import Registration, lot_uri, twin_id, uri

COUNT = Counters()
UNITS = 3
MOST_LOTS = 25
MOST_RECALLS = 3
FEW = st.integers(0, 2)
WHICH = st.randoms(use_true_random=False)


@cache
def start() -> tuple[Making, TracingPoint]:
    """The contracts, deployed once for all examples."""
    making = Making.create(fresh())
    return making, making.shadow.point()


class Recalled(RuleBasedStateMachine):
    """All lots are the maker's; the stranger steps."""

    def __init__(self) -> None:
        super().__init__()
        self.making, beginning = self.world_of()
        self.shadow, self.world = self.making.shadow, self.making.world
        self.shadow.back_to(beginning)
        self.maker = self.world.maker
        self.graph: nx.DiGraph = nx.DiGraph()
        self.results: dict[bytes, list[bytes]] = {}
        """What came of each lot and process, in the order it was told."""
        self.lots: list[bytes] = []
        self.units: dict[bytes, tuple[str, int]] = {}
        """Lots of units: their name, and how many of them are twins."""
        self.processes: list[bytes] = []
        self.twins: list[bytes] = []
        self.seeds: dict[int, set[bytes]] = {}
        self.lifted: set[int] = set()
        self.number = 0

    def world_of(self) -> tuple[Making, TracingPoint]:
        """Where it happens."""
        return start()

    # What there is

    def name(self) -> str:
        self.number += 1
        return f"{self.number}"

    def came(self, source: bytes, result: bytes) -> None:
        self.graph.add_edge(source, result)
        self.results[source].append(result)

    def new(self, found: list[bytes], *things: bytes) -> None:
        for thing in things:
            found.append(thing)
            self.graph.add_node(thing)
            self.results[thing] = []

    def free(self) -> list[bytes]:
        return [lot for lot in self.lots if not self.shadow.lots.ledger.lots[lot].recalls]

    def pick(self, random: Random, free: bool, count: int) -> list[bytes]:
        """Some lots, with repetitions; mostly such as may go in."""
        return random.choices((free and self.free()) or self.lots, k=count)

    def open_recalls(self) -> list[int]:
        states = self.shadow.recalls.ledger.recalls
        return [number for number in self.seeds if states[number].state == RecallState.OPEN]

    def living(self) -> list[int]:
        return [number for number in self.seeds if number not in self.lifted]

    def reached(self, recall: int) -> set[bytes]:
        """By networkx, from what was told here."""
        return set().union(*({seed} | nx.descendants(self.graph, seed) for seed in self.seeds[recall]))

    def members(self, recall: int) -> set[bytes]:
        """As the contracts have it."""
        world = self.world
        return (
            {lot for lot in self.lots if world.lots.isRecalled(lot, recall)}
            | {process for process in self.processes if world.lineage.isRecalled(process, recall)}
            | {twin for twin in self.twins if world.recalls.isAffected(recall, twin)}
        )

    # What is made

    @initialize()
    def begin(self) -> None:
        """A process that takes back what was made of it, and two besides, so that no action waits."""
        for _ in range(3):
            self.commission()
        self.commission_units()
        ore, coal, wood, pills = self.lots
        one = self.tell("one", [ore, coal], ["steel", "slag"], self.parts(True))
        self.tell("two", [lot_id("steel"), wood], ["scrap"], [])
        self.tell("three", [wood, pills, coal], [], [])
        self.add_late(one, [lot_id("scrap")])

    @precondition(lambda self: len(self.lots) < MOST_LOTS)
    @rule()
    def commission(self) -> None:
        self.new(self.lots, self.making.lot(self.name()))

    @precondition(lambda self: len(self.units) < 3)
    @rule()
    def commission_units(self) -> None:
        name = self.name()
        lot = self.making.units(name, UNITS)
        self.new(self.lots, lot)
        self.units[lot] = name, 0

    @precondition(lambda self: len(self.lots) < MOST_LOTS)
    @rule(random=WHICH, inputs=st.integers(0, 3), outputs=FEW, part=st.booleans(), free=st.booleans())
    def transform(self, random: Random, inputs: int, outputs: int, part: bool, free: bool) -> None:
        name, lots = self.name(), self.pick(random, free, inputs)
        made, parts = [self.name() for _ in range(outputs)], self.parts(part)
        self.tell(name, lots, made, parts, finalise=random.random() < 0.2)

    def tell(
        self,
        name: str,
        lots: Sequence[bytes],
        made: Sequence[str],
        parts: Sequence[bytes],
        finalise: bool = False,
    ) -> bytes:
        process = process_of(self.maker.number, name)
        args = self.making.arguments(name, lots, made, parts, finalise)
        if not self.shadow.trace("transform", *args, sender=self.maker.register):
            COUNT.hit("refused")
            return process
        self.new(self.processes, process)
        self.add(process, lots, made, parts)
        COUNT.hit("transform")
        if len(made) + len(parts) > 1:
            COUNT.hit("split")
        return process

    @precondition(lambda self: self.processes)
    @rule(random=WHICH, free=st.booleans())
    def late_inputs(self, random: Random, free: bool) -> None:
        self.add_late(random.choice(self.processes), self.pick(random, free, random.choice((1, 1, 2))))

    def add_late(self, process: bytes, lots: Sequence[bytes]) -> None:
        amounts = [(lot, ONE) for lot in lots]
        if not self.shadow.trace("addInputs", process, amounts, self.world.ref(), sender=self.maker.register):
            COUNT.hit("refused")
            return
        if self.results[process]:
            COUNT.hit("late input")
        if any(nx.has_path(self.graph, process, lot) for lot in lots):
            COUNT.hit("circle")
        self.add(process, lots, [], [])

    @precondition(lambda self: self.processes and len(self.lots) < MOST_LOTS)
    @rule(random=WHICH, part=st.booleans())
    def late_outputs(self, random: Random, part: bool) -> None:
        process, made, parts = random.choice(self.processes), [self.name()], self.parts(part)
        args = process, [item(name) for name in made], parts, self.world.ref()
        if not self.shadow.trace("addOutputs", *args, sender=self.maker.register):
            COUNT.hit("refused")
            return
        self.add(process, [], made, parts)
        COUNT.hit("late output")

    @rule(random=WHICH)
    def materialise(self, random: Random) -> None:
        lot = random.choice(list(self.units))
        name, index = self.units[lot]
        if index == UNITS:
            return
        tree = serials(twin_id(uri(f"{name}-{place}")) for place in range(UNITS))
        unit = Registration(uri(f"{name}-{index}"))
        args = lot_uri(name), index, unit, tree.proof(index), self.world.ref()
        if not self.shadow.act("materialise", *args, sender=self.maker.register):
            COUNT.hit("refused")
            return
        twin = twin_id(unit.uri)
        self.new(self.twins, twin)
        self.came(lot, twin)
        self.units[lot] = name, index + 1
        COUNT.hit("materialise")

    def parts(self, wanted: bool) -> list[bytes]:
        return [self.making.part(f"part {self.name()}".replace(" ", "-"))] if wanted else []

    def add(self, process: bytes, lots: Sequence[bytes], made: Sequence[str], parts: Sequence[bytes]) -> None:
        for lot in lots:
            if self.results[lot]:
                COUNT.hit("shared")
            self.came(lot, process)
        self.new(self.lots, *map(lot_id, made))
        self.new(self.twins, *parts)
        for product in (*map(lot_id, made), *parts):
            self.came(process, product)

    # What is recalled

    @precondition(lambda self: len(self.living()) < MOST_RECALLS)
    @rule(random=WHICH)
    def open(self, random: Random) -> None:
        self.open_on(random.sample(self.lots, random.randint(1, 2)))

    def open_on(self, lots: list[bytes]) -> None:
        recall = self.making.recall(*lots)
        self.seeds[recall] = set(lots)
        COUNT.hit("open")
        if any(self.members(other) & set(lots) for other in self.living() if other != recall):
            COUNT.hit("overlap")

    @precondition(lambda self: self.living())
    @rule(random=WHICH)
    def seed(self, random: Random) -> None:
        recall = random.choice(self.living())
        others = [lot for lot in self.lots if lot not in self.members(recall)]
        lots = [random.choice(others or self.lots)]
        closed = recall not in self.open_recalls()
        assert self.shadow.recall("addLots", recall, lots, sender=self.maker.recall)
        self.seeds[recall].update(lots)
        if closed and recall in self.open_recalls():
            COUNT.hit("re-opened")

    @precondition(lambda self: self.living())
    @rule(random=WHICH)
    def seed_window(self, random: Random) -> None:
        split = [process for process in self.processes if self.results[process]]
        if not split:
            return
        recall, process = random.choice(self.living()), random.choice(split)
        products = self.results[process]
        first = random.randrange(len(products))
        end = random.randint(first + 1, len(products))
        args = recall, process, products, first, end
        assert self.shadow.recall("addOutputs", *args, sender=self.maker.recall)
        self.seeds[recall].update(products[first:end])
        COUNT.hit("window")

    @precondition(lambda self: self.open_recalls())
    @rule(random=WHICH)
    def step(self, random: Random) -> None:
        self.step_one(random.choice(self.open_recalls()), random)

    @precondition(lambda self: self.open_recalls())
    @rule(random=WHICH)
    def close(self, random: Random) -> None:
        self.drive(random.choice(self.open_recalls()), random)

    @precondition(lambda self: self.living())
    @rule(random=WHICH)
    def lift(self, random: Random) -> None:
        recall = random.choice(self.living())
        members = self.members(recall)
        assert self.shadow.recall("lift", recall, REASON, self.world.ref(), sender=self.maker.recall)
        kinds = [
            [thing for thing in kind if thing in members] for kind in (self.lots, self.processes, self.twins)
        ]
        args = recall, *kinds, self.world.ref()
        assert self.shadow.recall("clearMembers", *args, sender=self.world.stranger)
        self.lifted.add(recall)
        assert self.members(recall) == set()
        COUNT.hit("lift")

    def step_one(self, recall: int, random: Random) -> None:
        """Step any member of the frontier, after every way of cheating was refused."""
        frontier = [
            member
            for member in (*self.lots, *self.processes)
            if member in self.members(recall) and not self.world.recalls.stepped(recall, member)
        ]
        assert len(frontier) == self.world.recalls.recallOf(recall).frontier
        member = random.choice(frontier)
        function = "stepProcess" if member in self.processes else "step"
        ref, listed = self.world.ref(), list(self.shadow.recalls.left(recall, member))
        if len(listed) > 1 and random.random() < 0.5:
            cut = random.randrange(1, len(listed))
            part = recall, member, chain(listed[:cut]), listed[cut:], ref
            assert self.shadow.recall(f"{function}Part", *part, sender=self.world.stranger)
            COUNT.hit(f"{function}Part")
            listed = listed[:cut]
        for how, wrong in self.cheats(listed, random):
            with reverts("Incomplete", member):
                getattr(self.world.recalls, function).call(recall, member, wrong, ref)
            COUNT.hit(how)
        assert self.shadow.recall(function, recall, member, listed, ref, sender=self.world.stranger)
        COUNT.hit(function)

    def cheats(self, listed: list[bytes], random: Random) -> list[tuple[str, list[bytes]]]:
        """The list with one item left out, added, doubled, replaced, or swapped with the next one."""
        place = random.randint(0, len(listed))
        other = random.choice([*self.lots, *self.processes, *self.twins, keccak(text="unknown")])
        found = [("added", [*listed[:place], other, *listed[place:]])]
        if listed:
            place = random.randrange(len(listed))
            found.append(("left out", listed[:place] + listed[place + 1 :]))
            found.append(("doubled", [*listed[: place + 1], *listed[place:]]))
            found.append(("replaced", [*listed[:place], other, *listed[place + 1 :]]))
        if len(listed) > 1:
            place = random.randrange(len(listed) - 1)
            pair = listed[place : place + 2]
            found.append(("swapped", [*listed[:place], *reversed(pair), *listed[place + 2 :]]))
        return [(how, wrong) for how, wrong in found if wrong != listed]

    def drive_all(self, random: Random) -> None:
        for recall in self.open_recalls():
            if self.shadow.recalls.frontier(recall):
                self.drive(recall, random)

    def drive(self, recall: int, random: Random) -> None:
        while self.world.recalls.recallOf(recall).state == RecallState.OPEN:
            self.step_one(recall, random)
        self.check_closed(recall)
        COUNT.hit("closed")

    def check_closed(self, recall: int) -> None:
        facts, members = self.world.recalls.recallOf(recall), self.members(recall)
        assert members == self.reached(recall)
        assert (facts.state, facts.frontier, facts.size) == (RecallState.CLOSED, 0, len(members))

    # What always holds

    @invariant()
    def members_are_blocked_and_closed_recalls_complete(self) -> None:
        for recall in self.living():
            members, facts = self.members(recall), self.world.recalls.recallOf(recall)
            assert self.seeds[recall] <= members <= self.reached(recall)
            assert facts.size == len(members)
            for lot in members & set(self.lots):
                assert not self.world.lots.clear(lot).ok
            for twin in members & set(self.twins):
                assert not self.world.twins.clear(twin).ok
            if facts.state == RecallState.CLOSED:
                self.check_closed(recall)

    def teardown(self) -> None:
        """Everything closes, whatever was done; and nothing of what is not reached is said to be affected."""
        random = Random(self.number)  # noqa: S311
        self.drive_all(random)
        for recall in self.living()[:1]:
            for again in (self.seed, self.seed_window):
                again(random)
                self.drive_all(random)
            self.open_on([min(self.seeds[recall] & set(self.lots) or self.lots)])
            self.drive_all(random)
        for recall in self.living():
            reached = self.reached(recall)
            for product in (*self.lots, *self.twins):
                ways = ancestors(self.shadow.lots.ledger, self.shadow.lineage.ledger, product)
                # A seed out of a process makes no member of the process, and of its other outputs none.
                assert self.world.recalls.notAffected(recall, ways) == (product not in reached)
        self.shadow.check_replay()


EVERYTHING = """
    transform shared split materialise open overlap re-opened window step stepProcess closed lift refused
    added swapped doubled replaced
""".split()


def test_a_recall_reaches_exactly_what_was_made_of_its_seeds() -> None:
    run_state_machine_as_test(Recalled)
    COUNT.require(
        [*EVERYTHING, "stepPart", "stepProcessPart", "late input", "late output", "left out", "circle"]
    )
