"""Random packings, nested, one by one and by one root, with breaches in between.

Whoever is asked for, and for whatever breach, Exposures answers as the model, which knows for every second
where everything was. Histories that are changed or left out never lead to another answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.models.exposures import Cause, History, Place, Proof, Whereabouts
from tests.models.trees import Packed, Step, case, unit_of
from tests.support import Counters, Reverted, fresh, reverts
from tests.support.exposing import Exposing, Point, Watch
from tests.support.lots import unit
from tests.support.words import EndOfLife, Kind
from tests.support.world import PREFIX_LENGTH, Registration, lot_uri, sscc, twin_id, uri

COUNT = Counters()
UNITS = 6
MOST_BREACHES = 4
WHICH = st.randoms(use_true_random=False)


@dataclass
class Found:
    """A breach, and when it was."""

    cause: Cause
    container: bytes
    first: int
    until: int


@dataclass
class Inside:
    """Something in a container by one root."""

    container: bytes
    item: bytes
    step: Step
    contents: Packed | None = None
    """Of a case."""
    name: Registration | None = None


@cache
def beginning() -> tuple[Exposing, list[bytes], list[bytes], list[Watch], Point]:
    """One chain for all examples: parts, boxes and the pallet, and watches that hold nothing."""
    here = Exposing(fresh())
    parts = [here.world.register(uri(f"part{number}")) for number in range(3)]
    boxes = [here.world.register(sscc(f"2{number}"), Kind.CONTAINER) for number in range(3)]
    boxes.append(here.cold.pallet)
    watches = [here.watch(box, here.world.insurer) for box in boxes[2:]]
    return here, parts, boxes, watches, here.point()


class Packings(RuleBasedStateMachine):
    """Everything is the maker's. What could not be done is not tried."""

    def __init__(self) -> None:
        super().__init__()
        self.here, parts, boxes, watches, start = beginning()
        self.here.back_to(start)
        self.world, self.goods = self.here.world, self.here.goods
        self.parts, self.boxes, self.watches = list(parts), list(boxes), list(watches)
        self.where = Whereabouts()
        self.ended: set[bytes] = set()
        self.at_hand = [unit(number) for number in range(UNITS)]
        self.inside: list[Inside] = []
        self.places: dict[bytes, list[Place]] = {}
        self.born: dict[bytes, int] = dict.fromkeys([*parts, *boxes], 0)
        """Since when each twin is one."""
        self.found: list[Found] = []
        self.cases = 100
        # A part in a box on the pallet, and one in a watched box, so that breaches find something.
        for thing, box in ((parts[0], boxes[0]), (boxes[0], boxes[3]), (parts[1], boxes[2])):
            self.put(thing, box)
        self.here.node.warp(2)

    # What there is

    @property
    def now(self) -> int:
        return self.world.now

    @property
    def things(self) -> list[bytes]:
        """All that was ever somewhere."""
        return [*self.born, *(unit(number) for number in range(UNITS) if unit(number) not in self.born)]

    def around(self, thing: bytes) -> list[bytes]:
        return list(self.where.around(thing, self.now))

    def move(self, thing: bytes, container: bytes | None) -> None:
        self.where.put(self.now, thing, container)

    # Twins, one by one

    @rule(seconds=st.integers(1, 4))
    def wait(self, seconds: int) -> None:
        self.here.node.warp(seconds)

    @rule(which=WHICH)
    def pack(self, which: Random) -> None:
        free = [t for t in self.born if not self.around(t) and t not in self.ended]
        thing, box = which.choice(free), which.choice(self.boxes)
        if thing == box or thing in self.around(box):
            return
        self.put(thing, box)
        COUNT.hit("pack")

    def put(self, thing: bytes, box: bytes) -> None:
        self.world.pack(box, [thing])
        self.move(thing, box)

    @rule(which=WHICH)
    def unpack(self, which: Random) -> None:
        packed = [thing for thing in self.born if self.around(thing)]
        if packed:
            thing = which.choice(packed)
            self.world.unpack(self.around(thing)[0], [thing])
            self.move(thing, None)
            COUNT.hit("unpack")

    @rule(which=WHICH, really=st.sampled_from([True, False, False]))
    def end(self, which: Random, really: bool) -> None:
        packed = [part for part in self.parts if self.around(part)]
        if packed and really:
            part = which.choice(packed)
            self.world.retire(part, EndOfLife.DESTROYED)
            self.ended.add(part)
            self.move(part, None)
            COUNT.hit("end inside")

    # Units, by one root

    @rule(which=WHICH, nested=st.booleans())
    @precondition(lambda self: self.at_hand)
    def commit(self, which: Random, nested: bool) -> None:
        full = {inside.container for inside in self.inside}
        empty = [box for box in self.boxes if box not in full]
        if not empty:
            return
        box, pills = which.choice(empty), self.goods.pills
        items = which.sample(self.at_hand, which.randint(1, min(3, len(self.at_hand))))
        contents = name = None
        tree = Packed(*(unit_of(item, pills) for item in items))
        if nested:
            self.cases += 1
            contents, name = tree, Registration(sscc(str(self.cases)), kind=Kind.CONTAINER)
            tree = Packed(*case(twin_id(name.uri), contents))
        self.goods.pack(box, tree)
        for index, leaf in enumerate(tree.leaves):
            self.inside.append(Inside(box, leaf.child, tree.step(index), contents, name))
            self.places.setdefault(leaf.child, []).append(Place(box, [tree.step(index)]))
            self.move(leaf.child, box)
        for index, leaf in enumerate(contents.leaves if contents else []):
            path = [tree.step(0), contents.step(index)] if contents else []
            self.places.setdefault(leaf.child, []).append(Place(box, path))
            self.move(leaf.child, tree.leaves[0].child)
        self.at_hand = [item for item in self.at_hand if item not in items]
        COUNT.hit("commit nested" if nested else "commit")

    @rule(which=WHICH)
    @precondition(lambda self: self.inside)
    def take_out(self, which: Random) -> None:
        taken = which.choice(self.inside)
        self.inside.remove(taken)
        self.move(taken.item, None)
        if taken.contents is None or taken.name is None:
            self.goods.unpack(taken.container, taken.step)
            self.at_hand.append(taken.item)
            COUNT.hit("take out")
            return
        self.goods.unpack(taken.container, taken.step, taken.name)
        self.born[taken.item] = self.now
        for index, leaf in enumerate(taken.contents.leaves):
            step = taken.contents.step(index)
            self.inside.append(Inside(taken.item, leaf.child, step))
            self.places[leaf.child].append(Place(taken.item, [step]))
        COUNT.hit("open")

    @rule(which=WHICH)
    def materialise(self, which: Random) -> None:
        number = which.randrange(UNITS)
        item = unit(number)
        if item not in self.at_hand:
            return
        self.at_hand.remove(item)
        name = Registration(uri(str(number)), PREFIX_LENGTH, Kind.PART)
        args = lot_uri("P"), number, name, self.goods.tree.proof(number), self.world.ref()
        self.world.lots.materialise(*args, sender=self.world.maker.register)
        self.born[item] = self.now
        self.parts.append(item)
        COUNT.hit("materialise")

    # Breaches

    @rule(which=WHICH)
    @precondition(lambda self: len(self.found) < MOST_BREACHES)
    def breach(self, which: Random) -> None:
        """Found now, of seconds that are past. One that is hot to the end goes on under the next policy."""
        index = which.randrange(len(self.watches))
        watch = self.watches[index]
        container = watch.policy.subject
        if watch.policy.start == self.now:
            return
        first = which.randint(watch.policy.start, self.now)
        until = which.randint(first, self.now)
        cause = self.here.breach(watch, first, until)
        told = self.world.conditions.breachUnder(watch.policy.hash, cause.device, cause.quantity, cause.rule)
        assert told.firstCrossing <= first
        self.found.append(Found(cause, container, told.firstCrossing, until))
        self.here.release(watch)
        self.here.node.warp(1)
        self.watches[index] = self.here.watch(container, watch.setter, version=watch.policy.version + 1)
        COUNT.hit("breach")

    # Questions

    def proof(self, item: bytes, found: Found) -> Proof:
        """Whole histories of all twins that could matter."""
        twins = [twin for twin in self.born if twin == item or twin in self.boxes or twin in self.places]
        return Proof([self.here.history(twin) for twin in twins], self.places.get(item, []))

    def expected(self, item: bytes, found: Found) -> tuple[int, int] | None:
        return self.where.exposed(item, found.container, found.first, found.until)

    @rule(which=WHICH)
    @precondition(lambda self: self.found)
    def ask(self, which: Random) -> None:
        for found in self.found:
            for item in which.sample(self.things, 3):
                self.compare(item, found)

    def compare(self, item: bytes, found: Found) -> None:
        proof, expected = self.proof(item, found), self.expected(item, found)
        told = self.here.inherited(found.cause, item, proof)
        assert told == expected, (item, found)
        kind = "twin" if item in self.born else "unit"
        COUNT.hit(f"{kind} yes" if expected else f"{kind} no")
        args = found.cause, item, proof.histories
        if item not in self.born:
            with reverts("HistoryMissing", item, found.first, found.until):
                self.here.contract.notInherited(*args)
        elif self.born[item] > found.first:
            with reverts("HistoryTooShort", item, found.first, self.born[item]):
                self.here.contract.notInherited(*args)
            COUNT.hit("before it was a twin")
        else:
            assert self.here.contract.notInherited(*args) == (expected is None)

    @rule(which=WHICH)
    @precondition(lambda self: self.found)
    def leave_out(self, which: Random) -> None:
        """Some histories, some of them without their beginning: what is told is true all the same."""
        for found in self.found:
            for item in which.sample(self.things, 2):
                self.ask_with_less(item, found, which)

    def ask_with_less(self, item: bytes, found: Found, which: Random) -> None:
        proof, expected = self.proof(item, found), self.expected(item, found)
        histories = [self.cut(history, which) for history in proof.histories if which.random() < 0.8]
        try:
            told = self.here.inherited(found.cause, item, proof._replace(histories=histories))
        except Reverted as refused:
            assert refused.error in ("HistoryMissing", "HistoryTooShort")
        else:
            assert told is None or (expected and expected[0] <= told[0] <= told[1] <= expected[1])
        try:
            no = self.here.contract.notInherited(found.cause, item, histories)
        except Reverted as refused:
            assert refused.error in ("HistoryMissing", "HistoryTooShort")
            COUNT.hit("incomplete")
        else:
            assert no == (expected is None)
            COUNT.hit("complete enough")

    def cut(self, history: History, which: Random) -> History:
        return self.here.history(history.id, which.choice([0, 0, 1, which.randint(0, len(history.steps))]))

    @rule(which=WHICH)
    @precondition(lambda self: self.found)
    def forge(self, which: Random) -> None:
        """One step of one history is changed, left out, doubled or swapped."""
        found, item = which.choice(self.found), which.choice(self.things)
        proof = self.proof(item, found)
        place = which.randrange(len(proof.histories))
        history = proof.histories[place]
        steps, at = list(history.steps), which.randrange(len(history.steps))
        step = steps[at]
        match which.choice(["change", "leave out", "double", "swap", "begin elsewhere"]):
            case "change":
                name = which.choice(["org", "a", "b", "c"])
                steps[at] = step._replace(**{name: getattr(step, name) + 1})
            case "leave out":
                del steps[at]
            case "double":
                steps.insert(at, step)
            case "swap" if at and steps[at - 1] != step:
                steps[at - 1 : at + 1] = [step, steps[at - 1]]
            case _:
                history = history._replace(before=bytes(32))
        histories = list(proof.histories)
        histories[place] = history._replace(steps=steps)
        for ask in (self.here.contract.inherited, self.here.contract.notInherited):
            forged = (
                histories if ask is self.here.contract.notInherited else proof._replace(histories=histories)
            )
            try:
                ask(found.cause, item, forged)
            except Reverted as refused:
                assert refused.error == "WrongHistory"
                COUNT.hit("forged")
            else:
                raise AssertionError("a forged history was taken for the twin's")

    def teardown(self) -> None:
        for found in self.found:
            for item in self.things[:: len(self.found)]:
                self.compare(item, found)


def test_exposures_follow_the_model() -> None:
    run_state_machine_as_test(Packings)
    rules = ["pack", "unpack", "end inside", "commit", "commit nested", "take out", "open", "materialise"]
    answers = ["twin yes", "twin no", "unit yes", "unit no", "before it was a twin"]
    COUNT.require([*rules, "breach", *answers, "incomplete", "complete enough", "forged"], at_least=5)
