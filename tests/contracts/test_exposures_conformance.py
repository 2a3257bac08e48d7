"""Every way to be in a box for some seconds while the box is in the container for some seconds.

The contract says what the model says, which knows for every second where everything was.
"""

from __future__ import annotations

from itertools import product

from tests.models.exposures import Whereabouts
from tests.support import Counters, Node
from tests.support.exposing import Exposing
from tests.support.words import Kind
from tests.support.world import sscc, uri

SECONDS = range(6)
FIRST, UNTIL = 2, 3
"""The breach: seconds before, at, between, at and after its borders."""

STAYS = [(packed, unpacked) for packed in SECONDS for unpacked in (*SECONDS[packed:], None)]
"""From a second on, and not any more in another one (never)."""


def test_every_stay_in_a_box_and_of_the_box(node: Node) -> None:
    here, count = Exposing(node), Counters()
    world, pallet = here.world, here.cold.pallet
    part, box = world.register(uri("part")), world.register(sscc("21"), Kind.CONTAINER)
    watch = here.watch(pallet, world.insurer)
    start, beginning = watch.policy.start, here.point()
    for stays in product(STAYS, STAYS):
        here.back_to(beginning)
        where = Whereabouts()
        for second in SECONDS:
            for thing, container, (packed, unpacked) in zip((part, box), (box, pallet), stays, strict=True):
                if second == unpacked != packed:
                    world.unpack(container, [thing])
                    where.put(world.now, thing, None)
                if second == packed:
                    world.pack(container, [thing])
                    where.put(world.now, thing, container)
                if second == unpacked == packed:
                    world.unpack(container, [thing])
                    where.put(world.now, thing, None)
            here.node.warp(1)
        cause = here.breach(watch, start + FIRST, start + UNTIL)
        for thing, inner in ((part, [box]), (box, [])):
            expected = where.exposed(thing, pallet, start + FIRST, start + UNTIL)
            assert here.inherited(cause, thing, here.proof(thing, *inner)) == expected, (thing, stays)
            assert here.not_inherited(cause, thing, *inner) == (expected is None), (thing, stays)
            count.hit("yes" if expected else "no")
    count.require(["yes", "no"], at_least=400)
