"""Who inherits a breach: borders to the second, nesting, committed contents, and proofs that are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.models.exposures import Cause, History, Place, Proof
from tests.models.trees import Packed, case, loose, unit_of
from tests.support import Contract, Node, deploy, reverts
from tests.support.exposing import Exposing, Watch
from tests.support.lots import ONE, unit
from tests.support.words import EndOfLife, Kind
from tests.support.world import PREFIX_LENGTH, Registration, World, lot_uri, sscc, twin_id, uri

FIRST, UNTIL = 100, 200
"""Seconds of the breach after the policy was set."""


@pytest.fixture
def here(node: Node) -> Exposing:
    return Exposing(node)


@dataclass
class Load:
    """A part, two boxes, and a watch on the pallet."""

    here: Exposing
    part: bytes
    box: bytes
    crate: bytes
    pallet: bytes
    watch: Watch
    start: int

    @property
    def world(self) -> World:
        return self.here.world

    def at(self, second: int) -> None:
        """Go to a second after the policy was set."""
        self.here.node.warp(self.start + second - self.world.now)

    def breach(self) -> Cause:
        self.at(1000)
        return self.here.breach(self.watch, self.start + FIRST, self.start + UNTIL)

    def inherited(self, cause: Cause, item: bytes, *ids: bytes) -> tuple[int, int] | None:
        """Seconds after the policy was set, by whole histories."""
        found = self.here.inherited(cause, item, self.here.proof(item, *ids))
        assert self.here.not_inherited(cause, item, *ids) == (found is None)
        return found and (found[0] - self.start, found[1] - self.start)


@pytest.fixture
def load(here: Exposing) -> Load:
    """The maker's policy may not hold what the insurer's does; this one is the insurer's."""
    world = here.world
    part = world.register(uri("part"))
    boxes = [world.register(sscc(number), Kind.CONTAINER) for number in ("21", "22")]
    pallet = here.cold.pallet
    watch = here.watch(pallet, world.insurer)
    return Load(here, part, *boxes, pallet, watch, watch.policy.start)


# ---------------------------------------------------------------------------------------------------- borders


@pytest.mark.parametrize(
    ("packed", "unpacked", "exposed"),
    [
        (0, 99, None),
        (0, 100, None),
        (0, 101, (100, 100)),
        (0, 150, (100, 149)),
        (0, 200, (100, 199)),
        (0, 201, (100, 200)),
        (0, 500, (100, 200)),
        (0, None, (100, 200)),
        (99, 100, None),
        (100, 101, (100, 100)),
        (101, 102, (101, 101)),
        (150, 150, None),
        (150, 151, (150, 150)),
        (199, None, (199, 200)),
        (200, 200, None),
        (200, 201, (200, 200)),
        (200, None, (200, 200)),
        (201, 202, None),
        (201, None, None),
    ],
)
def test_exactly_while_it_was_inside(
    load: Load, packed: int, unpacked: int | None, exposed: tuple[int, int] | None
) -> None:
    load.at(packed)
    load.world.pack(load.pallet, [load.part])
    if unpacked is not None:
        load.at(unpacked)
        load.world.unpack(load.pallet, [load.part])
    assert load.inherited(load.breach(), load.part) == exposed


@pytest.mark.parametrize("second", [99, 100, 101, 200, 201])
def test_what_ends_inside_was_inside_until_then(load: Load, second: int) -> None:
    load.world.pack(load.pallet, [load.part])
    load.at(second)
    load.world.retire(load.part, EndOfLife.DESTROYED)
    exposed = (100, min(second - 1, 200)) if second > 100 else None
    assert load.inherited(load.breach(), load.part) == exposed


def test_what_ends_elsewhere_was_not_there(load: Load) -> None:
    load.world.retire(load.part, EndOfLife.DESTROYED)
    assert load.inherited(load.breach(), load.part) is None


@pytest.mark.parametrize(("second", "exposed"), [(149, (149, 149)), (150, None), (151, (151, 151))])
def test_a_breach_of_one_second(load: Load, second: int, exposed: tuple[int, int] | None) -> None:
    load.world.pack(load.pallet, [load.part])
    load.at(150)
    load.world.unpack(load.pallet, [load.part])
    load.at(151)
    load.world.pack(load.pallet, [load.part])
    load.at(500)
    cause = load.here.breach(load.watch, load.start + second, load.start + second)
    assert load.inherited(cause, load.part) == exposed


def test_from_the_first_second_to_the_last_of_several_stays(load: Load) -> None:
    for packed, unpacked in ((10, 50), (110, 120), (130, 135), (190, 195), (300, 310)):
        load.at(packed)
        load.world.pack(load.pallet, [load.part])
        load.at(unpacked)
        load.world.unpack(load.pallet, [load.part])
    assert load.inherited(load.breach(), load.part) == (110, 194)


def test_from_one_container_into_the_other_in_one_second(load: Load) -> None:
    """Out of the pallet and into a box that is on it: no second is lost."""
    load.world.pack(load.pallet, [load.part, load.box])
    load.at(150)
    load.world.unpack(load.pallet, [load.part])
    load.world.unpack(load.pallet, [load.box])
    load.world.pack(load.box, [load.part])
    load.world.pack(load.pallet, [load.box])
    assert load.inherited(load.breach(), load.part, load.box) == (100, 200)


# ---------------------------------------------------------------------------------------------------- nesting


def test_through_the_boxes_that_were_inside_at_that_time(load: Load) -> None:
    world = load.world
    world.pack(load.box, [load.part])
    load.at(120)
    world.pack(load.crate, [load.box])
    load.at(130)
    world.pack(load.pallet, [load.crate])
    load.at(160)
    world.unpack(load.crate, [load.box])
    load.at(190)
    world.unpack(load.pallet, [load.crate])
    cause = load.breach()
    assert load.inherited(cause, load.part, load.box, load.crate) == (130, 159)
    assert load.inherited(cause, load.box, load.crate) == (130, 159)
    assert load.inherited(cause, load.crate) == (130, 189)


def test_boxes_that_were_in_each_other_at_different_times(load: Load) -> None:
    world = load.world
    world.pack(load.box, [load.part])
    world.pack(load.crate, [load.box])
    load.at(110)
    world.unpack(load.crate, [load.box])
    world.unpack(load.box, [load.part])
    world.pack(load.box, [load.crate])
    world.pack(load.crate, [load.part])
    load.at(150)
    world.pack(load.pallet, [load.box])
    load.at(170)
    world.unpack(load.box, [load.crate])
    cause = load.breach()
    assert load.inherited(cause, load.part, load.box, load.crate) == (150, 169)


def test_a_box_beside_the_pallet_inherits_nothing(load: Load) -> None:
    load.world.pack(load.box, [load.part])
    load.world.pack(load.pallet, [load.crate])
    assert load.inherited(load.breach(), load.part, load.box) is None


def test_the_pallet_does_not_inherit_from_itself(load: Load) -> None:
    load.world.pack(load.pallet, [load.part])
    cause = load.breach()
    assert load.inherited(cause, load.pallet) is None
    assert load.inherited(cause, load.part) == (100, 200)


def test_the_container_of_the_pallet_inherits_nothing(load: Load) -> None:
    """What is around a breach is not inside it."""
    load.world.pack(load.box, [load.pallet])
    assert load.inherited(load.breach(), load.box) is None


def test_a_box_packed_while_the_part_was_out(load: Load) -> None:
    world = load.world
    world.pack(load.box, [load.part])
    load.at(110)
    world.unpack(load.box, [load.part])
    load.at(111)
    world.pack(load.pallet, [load.box])
    load.at(120)
    world.unpack(load.pallet, [load.box])
    load.at(121)
    world.pack(load.box, [load.part])
    assert load.inherited(load.breach(), load.part, load.box) is None


# ----------------------------------------------------------------------------------------- histories refused


def changed(history: History, index: int, **fields: object) -> History:
    steps = list(history.steps)
    steps[index] = steps[index]._replace(**fields)
    return history._replace(steps=steps)


TAMPERINGS: dict[str, Callable[[History], History]] = {
    "another action": lambda h: changed(h, 1, action=11),
    "another organisation": lambda h: changed(h, 1, org=7),
    "another caller": lambda h: changed(h, 1, caller="0x" + "11" * 20),
    "another container": lambda h: changed(h, 1, a=h.steps[1].a + 1),
    "another head of the container": lambda h: changed(h, 1, b=h.steps[1].b + 1),
    "another second": lambda h: changed(h, 1, c=h.steps[1].c + 1),
    "another event": lambda h: changed(h, 1, ref=h.steps[1].ref._replace(docHash=b"x" * 32)),
    "another start": lambda h: h._replace(before=b"x" * 32),
    "a step left out": lambda h: h._replace(steps=[h.steps[0], *h.steps[2:]]),
    "the last step left out": lambda h: h._replace(steps=h.steps[:-1]),
    "the first step left out": lambda h: h._replace(steps=h.steps[1:]),
    "a step twice": lambda h: h._replace(steps=[*h.steps, h.steps[-1]]),
    "another order": lambda h: h._replace(steps=[h.steps[1], h.steps[0], *h.steps[2:]]),
    "nothing": lambda h: h._replace(steps=[]),
}


@pytest.mark.parametrize("tamper", TAMPERINGS.values(), ids=TAMPERINGS)
def test_a_history_is_the_twins_or_refused(load: Load, tamper: Callable[[History], History]) -> None:
    load.world.pack(load.pallet, [load.part])
    load.at(150)
    load.world.unpack(load.pallet, [load.part])
    cause = load.breach()
    forged = tamper(load.here.history(load.part))
    proof = Proof([forged])
    head = load.world.twins.head(load.part)
    for ask in (
        lambda: load.here.contract.inherited(cause, load.part, proof),
        lambda: load.here.contract.notInherited(cause, load.part, [forged]),
    ):
        with pytest.raises(Exception) as refused:  # noqa: PT011
            ask()
        assert (refused.value.error, refused.value.values[:2]) == ("WrongHistory", (load.part, head))


def test_the_error_says_where_the_steps_lead(load: Load) -> None:
    cause = load.breach()
    history = load.here.history(load.part)
    head, seed = load.world.twins.head(load.part), load.here.chronicle.seed(load.part)
    whole = Proof([history._replace(id=load.box)])
    assert history.before == seed
    with reverts("WrongHistory", load.part, head, seed):
        load.here.contract.inherited(cause, load.part, Proof([history._replace(steps=[])]))
    with reverts("WrongHistory", load.box, load.world.twins.head(load.box), head):
        load.here.contract.inherited(cause, load.part, whole)


def test_the_newest_steps_are_enough_where_they_say_enough(load: Load) -> None:
    here, world = load.here, load.world
    world.move(load.part, world.maker, world.carrier)
    world.move(load.part, world.carrier, world.maker)
    load.at(50)
    world.pack(load.pallet, [load.part])
    load.at(150)
    world.unpack(load.pallet, [load.part])
    load.at(300)
    cause = load.breach()
    steps = len(here.history(load.part).steps)
    packing, unpacking = (here.history(load.part, steps - count) for count in (2, 1))
    assert here.inherited(cause, load.part, Proof([packing])) == (load.start + 100, load.start + 149)
    assert not here.contract.notInherited(cause, load.part, [packing])
    assert here.inherited(cause, load.part, Proof([unpacking])) is None
    with reverts("HistoryTooShort", load.part, load.start + 100, load.start + 150):
        here.contract.notInherited(cause, load.part, [unpacking])
    nothing = here.history(load.part, steps)
    with reverts("HistoryTooShort", load.part, load.start + 100, 2**256 - 1):
        here.contract.notInherited(cause, load.part, [nothing])


@pytest.mark.parametrize("second", [99, 100, 101])
def test_a_history_must_reach_back_to_the_first_second(load: Load, second: int) -> None:
    here, world = load.here, load.world
    world.pack(load.box, [load.part])
    load.at(second)
    world.unpack(load.box, [load.part])
    cause = load.breach()
    end = here.history(load.part, len(here.history(load.part).steps) - 1)
    if second <= 100:
        assert here.contract.notInherited(cause, load.part, [end])
    else:
        with reverts("HistoryTooShort", load.part, load.start + 100, load.start + 101):
            here.contract.notInherited(cause, load.part, [end])


@pytest.mark.parametrize("second", [99, 100, 101])
def test_the_end_of_a_twin_says_that_it_is_nowhere(load: Load, second: int) -> None:
    load.at(second)
    load.world.retire(load.part, EndOfLife.STOLEN)
    cause = load.breach()
    end = load.here.history(load.part, 1)
    if second <= 100:
        assert load.here.contract.notInherited(cause, load.part, [end])
    else:
        with reverts("HistoryTooShort", load.part, load.start + 100, load.start + 101):
            load.here.contract.notInherited(cause, load.part, [end])


def test_nothing_may_be_left_out_of_a_no(load: Load) -> None:
    here, world = load.here, load.world
    contract = here.contract
    world.pack(load.box, [load.part])
    load.at(120)
    world.pack(load.crate, [load.box])
    load.at(140)
    world.unpack(load.box, [load.part])
    cause = load.breach()
    part, box, crate = (here.history(id_) for id_ in (load.part, load.box, load.crate))
    with reverts("HistoryMissing", load.part, load.start + 100, load.start + 200):
        contract.notInherited(cause, load.part, [box, crate])
    with reverts("HistoryMissing", load.box, load.start + 100, load.start + 139):
        contract.notInherited(cause, load.part, [part, crate])
    with reverts("HistoryMissing", load.crate, load.start + 120, load.start + 139):
        contract.notInherited(cause, load.part, [box, part])
    with reverts("HistoryTooShort", load.box, load.start + 100, load.start + 120):
        contract.notInherited(cause, load.part, [crate, part, here.history(load.box, 2)])
    assert contract.notInherited(cause, load.part, [crate, part, box])
    # Of a yes what is left out is not looked at.
    assert here.inherited(cause, load.part, Proof([part])) is None
    assert here.inherited(cause, load.part, Proof([])) is None


def test_there_is_such_a_breach(load: Load) -> None:
    cause = load.breach()
    contract, part = load.here.contract, load.part
    for wrong in (
        cause._replace(rule=1),
        cause._replace(quantity=2),
        cause._replace(device=b"d" * 32),
        cause._replace(policy=cause.policy._replace(version=2)),
    ):
        with reverts("NoBreach", wrong.breach_id):
            contract.inherited(wrong, part, Proof([]))
        with reverts("NoBreach", wrong.breach_id):
            contract.notInherited(wrong, part, [])
    values = cause.policy.hash, cause.device, cause.quantity, cause.rule
    assert contract.breachIdOf(*values) == cause.breach_id


def test_a_breach_outlives_its_policy(load: Load) -> None:
    load.world.pack(load.pallet, [load.part])
    cause = load.breach()
    load.here.release(load.watch)
    load.here.watch(load.pallet, load.world.insurer, version=2)
    assert load.inherited(cause, load.part) == (100, 200)


# ---------------------------------------------------------------------------------------------- committed


@dataclass
class Goods:
    """Units and a case on the pallet, by one root."""

    load: Load
    tree: Packed
    inner: Packed
    case: Registration

    def place(self, *levels: int) -> Place:
        path = [self.tree.step(levels[0]), *(self.inner.step(index) for index in levels[1:])]
        return Place(self.load.pallet, path)

    def ask(self, cause: Cause, item: bytes, *places: Place, of: tuple[bytes, ...] = ()) -> object:
        here, start = self.load.here, self.load.start
        found = here.inherited(cause, item, here.proof(self.load.pallet, *of, places=places))
        return found and (found[0] - start, found[1] - start)


@pytest.fixture
def goods(load: Load) -> Goods:
    """Units 0 and 1 loose, 2 and 3 in a case, and milk."""
    goods = load.here.goods
    inner = goods.units(2, 3)
    things = [unit_of(unit(0), goods.pills), unit_of(unit(1), goods.pills)]
    things += [*case(twin_id(sscc("31")), inner), loose(goods.milk, ONE)]
    return Goods(load, Packed(*things), inner, Registration(sscc("31"), kind=Kind.CONTAINER))


def test_the_seed_of_what_follows_is_the_commitment(load: Load, goods: Goods) -> None:
    load.at(120)
    load.here.goods.pack(load.pallet, goods.tree)
    load.at(150)
    load.here.goods.unpack(load.pallet, goods.tree.step(1))
    load.at(180)
    load.here.goods.unpack(load.pallet, goods.tree.step(2), goods.case)
    cause = load.breach()
    assert goods.ask(cause, unit(0), goods.place(0)) == (120, 200)
    assert goods.ask(cause, unit(1), goods.place(1)) == (120, 149)
    assert goods.ask(cause, unit(2), goods.place(2, 0)) == (120, 179)
    assert goods.ask(cause, load.here.goods.milk, goods.place(3)) == (120, 200)
    assert goods.ask(cause, unit(0), goods.place(0), goods.place(0)) == (120, 200)
    assert goods.ask(cause, unit(0)) is None


@pytest.mark.parametrize(
    ("packed", "unpacked", "exposed"),
    [
        (0, 100, None),
        (0, 101, (100, 100)),
        (99, 100, None),
        (100, 101, (100, 100)),
        (150, 150, None),
        (200, 201, (200, 200)),
        (200, None, (200, 200)),
        (201, None, None),
    ],
)
def test_committed_to_the_second(
    load: Load, goods: Goods, packed: int, unpacked: int | None, exposed: tuple[int, int] | None
) -> None:
    load.at(packed)
    load.here.goods.pack(load.pallet, goods.tree)
    if unpacked is not None:
        load.at(unpacked)
        load.here.goods.unpack(load.pallet, goods.tree.step(0))
    assert goods.ask(load.breach(), unit(0), goods.place(0)) == exposed


def test_a_box_with_committed_contents_in_a_pallet(load: Load, goods: Goods) -> None:
    load.here.goods.pack(load.box, goods.tree)
    load.at(130)
    load.world.pack(load.pallet, [load.box])
    load.at(170)
    load.world.unpack(load.pallet, [load.box])
    cause = load.breach()
    here = load.here
    place = Place(load.box, [goods.tree.step(0)])
    proof = here.proof(load.box, places=[place])
    assert here.inherited(cause, unit(0), proof) == (load.start + 130, load.start + 169)
    with reverts("HistoryMissing", load.box, load.start + 100, load.start + 200):
        here.contract.inherited(cause, unit(0), Proof([], [place]))


def test_an_opened_case_goes_on_as_a_container(load: Load, goods: Goods) -> None:
    here, world = load.here, load.world
    here.goods.pack(load.crate, goods.tree)
    load.at(110)
    here.goods.unpack(load.crate, goods.tree.step(2), goods.case)
    opened = twin_id(goods.case.uri)
    load.at(140)
    world.pack(load.pallet, [opened])
    load.at(160)
    world.unpack(load.pallet, [opened])
    load.at(170)
    here.goods.unpack(opened, goods.inner.step(1))
    load.at(180)
    world.pack(load.pallet, [opened])
    cause = load.breach()
    for index, exposed in ((0, (140, 200)), (1, (140, 159))):
        place = Place(opened, [goods.inner.step(index)])
        found = here.inherited(cause, unit(2 + index), here.proof(opened, places=[place]))
        assert found == (load.start + exposed[0], load.start + exposed[1])


def test_the_same_tree_packed_again_is_two_stays(load: Load, goods: Goods) -> None:
    here = load.here
    tree = Packed(unit_of(unit(0), here.goods.pills))
    place = Place(load.pallet, [tree.step(0)])
    for packed, unpacked in ((10, 20), (110, 120), (150, 160)):
        load.at(packed)
        here.goods.pack(load.pallet, tree)
        load.at(unpacked)
        here.goods.unpack(load.pallet, tree.step(0))
    load.at(170)
    here.goods.pack(load.pallet, Packed(unit_of(unit(1), here.goods.pills)))
    cause = load.breach()
    assert goods.ask(cause, unit(0), place) == (110, 159)


def test_contents_from_before_the_history_given_do_not_count(load: Load, goods: Goods) -> None:
    """Nobody knows since when they were there."""
    here = load.here
    here.goods.pack(load.pallet, goods.tree)
    load.at(150)
    here.goods.unpack(load.pallet, goods.tree.step(0))
    cause = load.breach()
    steps = len(here.history(load.pallet).steps)
    for index, exposed in ((0, (100, 149)), (1, (100, 200))):
        places = [goods.place(index)]
        item = unit(index)
        whole = Proof([here.history(load.pallet, steps - 2)], places)
        found = here.inherited(cause, item, whole)
        assert found == (load.start + exposed[0], load.start + exposed[1])
        for left_out in (steps - 1, steps):
            short = Proof([here.history(load.pallet, left_out)], places)
            assert here.inherited(cause, item, short) is None


def test_what_nobody_had_was_not_inside(load: Load) -> None:
    """A tree that names more than was packed: the rest counts neither while it is open nor afterwards."""
    here, pills = load.here, load.here.goods.pills
    tree = Packed(unit_of(unit(0), pills), (unit(1), bytes(32), pills, 9 * ONE), loose(here.goods.milk, ONE))
    args = load.pallet, tree.root, [(pills, ONE)], load.world.ref("packing")
    load.world.lots.packCommitted(*args, sender=load.world.maker.ship)
    cause = load.breach()
    places = [Place(load.pallet, [tree.step(index)]) for index in range(3)]

    def ask(index: int, item: bytes) -> object:
        return here.inherited(cause, item, here.proof(load.pallet, places=[places[index]]))

    assert ask(0, unit(0)) == (load.start + 100, load.start + 200)
    assert ask(1, unit(1)) is None
    assert ask(2, here.goods.milk) is None
    here.goods.unpack(load.pallet, tree.step(0))
    assert ask(0, unit(0)) == (load.start + 100, load.start + 200)
    assert ask(1, unit(1)) is None
    # Contents of another edition do not bring it back.
    here.goods.pack(load.pallet, here.goods.units(4))
    assert ask(1, unit(1)) is None


def test_what_joins_is_not_taken_for_what_leaves(load: Load) -> None:
    """The only leaf of a case is also its root; another leaf for the same case takes nothing out."""
    here, pills = load.here, load.here.goods.pills
    inner = Packed(unit_of(unit(0), pills))
    name = Registration(sscc("31"), kind=Kind.CONTAINER)
    id_ = twin_id(name.uri)
    outer = Packed((id_, inner.root, pills, ONE), (id_, inner.root, pills, ONE))
    here.goods.pack(load.box, outer)
    load.at(10)
    here.goods.unpack(load.box, outer.step(0), name)
    load.world.pack(load.pallet, [id_])
    load.at(120)
    load.world.unpack(load.pallet, [id_])
    load.at(130)
    here.goods.unpack(load.box, outer.step(1))
    load.at(140)
    load.world.pack(load.pallet, [id_])
    cause = load.breach()
    place = Place(id_, [inner.step(0)])
    assert here.inherited(cause, unit(0), here.proof(id_, places=[place])) == (
        load.start + 100,
        load.start + 200,
    )


def test_a_path_leads_to_the_thing(load: Load, goods: Goods) -> None:
    here, milk, pills = load.here, load.here.goods.milk, load.here.goods.pills
    here.goods.pack(load.pallet, goods.tree)
    cause = load.breach()
    contract, pallet = here.contract, load.pallet

    def refused(item: bytes, told: bytes, *path: object) -> None:
        proof = here.proof(pallet)._replace(places=[Place(pallet, list(path))])  # type: ignore[arg-type]
        with reverts("WrongPath", pallet, told):
            contract.inherited(cause, item, proof)

    outer, inner = goods.tree.step(2), goods.inner.step(0)
    refused(unit(0), bytes(32))
    refused(unit(1), unit(1), goods.tree.step(0))
    refused(unit(2), unit(2), outer)
    refused(unit(2), unit(2), goods.tree.step(0), inner)
    refused(unit(2), unit(2), outer, inner._replace(proof=[]))
    refused(unit(2), unit(2), outer, inner._replace(leaf=inner.leaf._replace(lot=milk)))
    two = Packed(*case(twin_id(sscc("31")), Packed(unit_of(unit(2), pills), loose(milk, ONE))))
    deep = Packed(unit_of(unit(2), pills), loose(milk, ONE))
    refused(milk, milk, two.step(0), deep.step(1))
    # What leads to another root was never committed to.
    stray = outer._replace(proof=[])
    place = Place(pallet, [stray, inner])
    assert here.inherited(cause, unit(2), here.proof(pallet, places=[place])) is None


def test_only_what_lots_notes_is_contents(load: Load) -> None:
    """Another module's notes are its own affair."""
    here, world = load.here, load.world
    tree = Packed(unit_of(unit(0), here.goods.pills))
    note = load.pallet, world.maker.number, tree.root, 1, 0, world.ref("packing")
    world.twins.noteContents(*note, sender=here.goods.module)
    load.at(150)
    gone = load.pallet, world.maker.number, tree.root, 0, 1, world.ref("packing")
    world.twins.noteContents(*gone, sender=here.goods.module)
    cause = load.breach()
    place = Place(load.pallet, [tree.step(0)])
    assert here.inherited(cause, unit(0), here.proof(load.pallet, places=[place])) is None
    load.here.goods.pack(load.box, tree)


# ------------------------------------------------------------------------------------------ units as twins


def materialise(load: Load, number: int) -> bytes:
    goods = load.here.goods
    item = Registration(uri(str(number)), PREFIX_LENGTH, Kind.PART)
    args = lot_uri("P"), number, item, goods.tree.proof(number), load.world.ref("inspecting")
    load.world.lots.materialise(*args, sender=load.world.maker.register)
    return unit(number)


def test_a_unit_that_became_a_twin_inherits_what_it_was_exposed_to_before(load: Load, goods: Goods) -> None:
    here, world = load.here, load.world
    here.goods.pack(load.pallet, goods.tree)
    load.at(120)
    here.goods.unpack(load.pallet, goods.tree.step(0))
    load.at(130)
    part = materialise(load, 0)
    load.at(140)
    world.pack(load.box, [part])
    world.pack(load.pallet, [load.box])
    load.at(150)
    world.unpack(load.box, [part])
    cause = load.breach()
    place = goods.place(0)
    assert goods.ask(cause, part, place, of=(part,)) == (100, 119)
    assert goods.ask(cause, part, of=(part, load.box)) == (140, 149)
    assert goods.ask(cause, part, place, of=(part, load.box)) == (100, 149)
    with reverts("HistoryMissing", part, load.start + 100, load.start + 200):
        goods.ask(cause, part, place)
    short = Proof([here.history(part, 1), here.history(load.pallet)], [place])
    with reverts("HistoryTooShort", part, load.start + 100, load.start + 140):
        here.contract.inherited(cause, part, short)
    with reverts("HistoryTooShort", part, load.start + 100, load.start + 130):
        here.not_inherited(cause, part, load.box)


@pytest.mark.parametrize("second", [99, 100, 101])
def test_of_a_unit_nothing_is_proven_for_the_time_before_it_was_a_twin(load: Load, second: int) -> None:
    load.at(second)
    part = materialise(load, 0)
    cause = load.breach()
    if second <= 100:
        assert load.here.not_inherited(cause, part)
    else:
        with reverts("HistoryTooShort", part, load.start + 100, load.start + 101):
            load.here.not_inherited(cause, part)


def test_a_tree_says_nothing_of_the_time_in_which_a_twin_speaks_for_itself(load: Load, goods: Goods) -> None:
    """The packer still had it on the pallet when somebody made it a twin: one of the two was wrong."""
    load.here.goods.pack(load.pallet, goods.tree)
    load.at(150)
    part = materialise(load, 0)
    cause = load.breach()
    assert goods.ask(cause, part, goods.place(0), of=(part,)) == (100, 149)
    assert load.world.lots.isInside(load.pallet, [goods.tree.step(0)])


def test_a_tree_says_nothing_of_a_twin_from_the_start(load: Load) -> None:
    """Nobody names another's twin in a tree."""
    here, pills = load.here, load.here.goods.pills
    tree = Packed(unit_of(load.part, pills))
    here.goods.pack(load.pallet, tree)
    cause = load.breach()
    place = Place(load.pallet, [tree.step(0)])
    proof = here.proof(load.part, load.pallet, places=[place])
    assert here.inherited(cause, load.part, proof) is None
    assert here.not_inherited(cause, load.part)


def test_a_unit_was_in_the_lot_that_it_came_out_of(load: Load) -> None:
    """A packer that has some milk cannot speak of pills."""
    here, milk = load.here, load.here.goods.milk
    tree = Packed((unit(0), bytes(32), milk, ONE))
    here.goods.pack(load.pallet, tree)
    place = Place(load.pallet, [tree.step(0)])
    load.at(300)
    cause = load.breach()
    asked = here.proof(load.pallet, places=[place])
    assert here.inherited(cause, unit(0), asked) == (load.start + 100, load.start + 200)
    part = materialise(load, 0)
    assert here.inherited(cause, part, here.proof(part, load.pallet, places=[place])) is None


def test_an_opened_case_inherits_what_it_was_exposed_to_before(load: Load, goods: Goods) -> None:
    here = load.here
    here.goods.pack(load.pallet, goods.tree)
    load.at(150)
    here.goods.unpack(load.pallet, goods.tree.step(2), goods.case)
    cause, opened = load.breach(), twin_id(goods.case.uri)
    assert goods.ask(cause, opened, goods.place(2), of=(opened,)) == (100, 149)
    with reverts("HistoryTooShort", opened, load.start + 100, load.start + 150):
        here.not_inherited(cause, opened)


def test_a_case_in_a_case(load: Load) -> None:
    """The outer one was opened by another than its packer: its maker is who packed both."""
    here, world, pills = load.here, load.world, load.here.goods.pills
    names = [Registration(sscc(number), kind=Kind.CONTAINER) for number in ("31", "32")]
    small, large = (twin_id(name.uri) for name in names)
    units = here.goods.units(1, 2)
    cartons = Packed(*case(small, units), unit_of(unit(3), pills))
    tree = Packed(*case(large, cartons))
    here.goods.pack(load.box, tree)
    world.move(load.box, world.maker, world.carrier)
    here.goods.unpack(load.box, tree.step(0), names[1], world.carrier)
    world.move(large, world.carrier, world.maker)
    load.at(110)
    world.pack(load.pallet, [large])
    load.at(150)
    here.goods.unpack(large, cartons.step(0), names[0])
    cause = load.breach()
    place = Place(large, [cartons.step(0)])
    proof = here.proof(small, large, places=[place])
    assert here.inherited(cause, small, proof) == (load.start + 110, load.start + 149)


def test_nobody_speaks_of_a_case_that_another_made(load: Load, goods: Goods) -> None:
    """The carrier has a pill, and the maker's pallet, and names the maker's case in it."""
    here, world, pills = load.here, load.world, load.here.goods.pills
    here.goods.move(pills, ONE, world.carrier)
    opened = twin_id(goods.case.uri)
    lie = Packed((opened, goods.inner.root, pills, ONE))
    world.move(load.pallet, world.maker, world.carrier)
    here.goods.pack(load.pallet, lie, world.carrier)
    here.goods.pack(load.crate, goods.tree)
    load.at(300)
    cause = load.breach()
    place = Place(load.pallet, [lie.step(0)])
    asked = here.proof(load.pallet, places=[place])
    assert here.inherited(cause, opened, asked) == (load.start + 100, load.start + 200)
    here.goods.unpack(load.crate, goods.tree.step(2), goods.case)
    assert here.inherited(cause, opened, here.proof(opened, load.pallet, places=[place])) is None


def test_nor_from_a_unit_that_another_made(load: Load, goods: Goods) -> None:
    """The carrier's container is a unit of the maker's lot: the contents are the carrier's nevertheless."""
    here, world, pills = load.here, load.world, load.here.goods.pills
    here.goods.move(pills, 2 * ONE, world.carrier)
    opened = twin_id(goods.case.uri)
    item = Registration(uri("5"), PREFIX_LENGTH, Kind.CONTAINER)
    args = lot_uri("P"), 5, item, here.goods.tree.proof(5), world.ref("inspecting")
    world.lots.materialise(*args, sender=world.carrier.register)
    lie = Packed((opened, goods.inner.root, pills, ONE))
    here.goods.pack(unit(5), lie, world.carrier)
    world.move(load.pallet, world.maker, world.carrier)
    world.pack(load.pallet, [unit(5)], world.carrier)
    here.goods.pack(load.crate, goods.tree)
    load.at(300)
    cause = load.breach()
    here.goods.unpack(load.crate, goods.tree.step(2), goods.case)
    proof = here.proof(opened, unit(5), places=[Place(unit(5), [lie.step(0)])])
    assert here.inherited(cause, opened, proof) is None


def test_nor_when_it_is_packed_later(load: Load) -> None:
    """Only what a container was opened with is its maker's."""
    here, world, pills = load.here, load.world, load.here.goods.pills
    names = [Registration(sscc(number), kind=Kind.CONTAINER) for number in ("31", "32")]
    small, large = (twin_id(name.uri) for name in names)
    tree = Packed(*case(large, here.goods.units(0)), *case(small, here.goods.units(1)))
    here.goods.pack(load.box, tree)
    here.goods.unpack(load.box, tree.step(0), names[1])
    here.goods.unpack(large, here.goods.units(0).step(0))
    here.goods.move(pills, ONE, world.carrier)
    world.move(large, world.maker, world.carrier)
    lie = Packed(*case(small, here.goods.units(1)))
    here.goods.pack(large, lie, world.carrier)
    world.move(load.pallet, world.maker, world.carrier)
    world.pack(load.pallet, [large], world.carrier)
    load.at(300)
    cause = load.breach()
    here.goods.unpack(load.box, tree.step(1), names[0])
    proof = here.proof(small, large, places=[Place(large, [lie.step(0)])])
    assert here.inherited(cause, small, proof) is None


def test_its_modules(here: Exposing) -> None:
    contract: Contract = here.contract
    assert contract.CONDITIONS() == here.world.conditions.address
    assert contract.LOTS() == here.world.lots.address
    assert contract.TWINS() == here.world.twins.address
    assert contract.CONSORTIUM() == here.world.consortium.address
    other = deploy(here.node, "Exposures", here.world.consortium, here.world.conditions, here.world.lots)
    assert other.address != contract.address
