"""Rebuilding Exposures from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from goldthread.audit import exposures as audit
from goldthread.audit.base import FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.contracts import Deployment
from goldthread.chain.logs import Event
from tests.goldthread.chains import NodeChain, RecordingNode, contracts_of, manifest_of
from tests.models.exposures import ExposuresLedger, Inheritance
from tests.models.module_shadows import asked
from tests.support import decode_logs
from tests.support.exposing import Exposing
from tests.support.world import uri


class Story:
    """Two parts inherited a breach; one of them was released."""

    def __init__(self) -> None:
        self.node = RecordingNode()
        self.here = Exposing(self.node)
        world = self.here.world
        self.parts = [world.register(uri(number)) for number in "12"]
        watch = self.here.watch(self.here.cold.pallet)
        world.pack(self.here.cold.pallet, self.parts)
        self.node.warp(100)
        world.unpack(self.here.cold.pallet, self.parts)
        start = watch.policy.start
        self.cause = self.here.breach(watch, start, start + 50)
        for part in self.parts:
            args = self.cause, part, self.here.proof(part), world.ref()
            self.here.contract.holdInherited(*args, sender=world.stranger)
        args = self.cause, self.parts[0], b"r" * 32, world.ref()
        self.here.contract.disposeInherited(*args, sender=world.maker.all)

    def events(self) -> list[Event]:
        """Of Exposures, as an indexer gets them."""
        address, chain = self.here.contract.address, self.node.chain_id
        return [
            Event("Exposures", event.name, event.args, number, str(number), index, address, "", chain)
            for number, receipt in enumerate(self.here.recorder.receipts)
            for index, event in enumerate(decode_logs(receipt))
            if event.address == address
        ]

    def deployment(self) -> Deployment:
        world = self.here.world
        contracts = contracts_of(world) | {"Lots": world.lots, "Exposures": world.exposures}
        return Deployment(manifest_of(self.node, contracts), NodeChain(self.node))


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


def test_all_logs_lead_to_the_chain(story: Story) -> None:
    state = audit.rebuild(story.events())
    breach = story.cause.breach_id
    released, held = ((part, breach) for part in story.parts)
    assert state.found == {held: Inheritance.HELD, released: Inheritance.RELEASED}
    assert asked(story.here.contract, "Exposures", audit.views(state)) == []
    ledger = ExposuresLedger()
    for event in story.events():
        ledger.apply((event.name, event.args))
    assert ledger.found == state.found


def test_no_log_can_be_left_out_or_altered(story: Story) -> None:
    whole = [event for event in story.events() if event.name != "Alert"]
    for index, event in enumerate(whole):
        changes = [{}, {"item": b"x" * 32}, {"breachId": b"x" * 32}]
        for change in changes:
            changed = [replace(event, args={**event.args, **change})] if change else []
            try:
                state = audit.rebuild([*whole[:index], *changed, *whole[index + 1 :]])
            except FoldError:
                continue
            found = asked(story.here.contract, "Exposures", audit.views(state))
            missing = len(state.found) < 2
            assert found or missing, f"nobody notices {event.name} with {change}"


def test_each_step_follows_the_one_before(story: Story) -> None:
    held, _, again, *_, released = story.events()
    assert (held.name, again.name, released.name) == (
        "BreachInherited",
        "BreachInherited",
        "InheritedReleased",
    )
    with pytest.raises(FoldError, match="inheritance of the breach was NONE"):
        audit.rebuild([released])
    with pytest.raises(FoldError, match="inheritance of the breach was HELD"):
        audit.rebuild([held, held])
    with pytest.raises(FoldError, match="inheritance of the breach was RELEASED"):
        audit.rebuild([held, again, released, released])
    with pytest.raises(FoldError, match="inheritance of the breach was RELEASED"):
        audit.rebuild([held, again, released, held])
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([replace(held, name="Robbed")])


def test_rebuilding_the_system_rebuilds_it(story: Story) -> None:
    deployment = story.deployment()
    system = rebuild(deployment)
    assert compare(deployment, system) == []
    before = count_views(deployment, system)
    key = story.parts[1], story.cause.breach_id
    system.exposures.found[key] = Inheritance.RELEASED
    (difference,) = compare(deployment, system)
    assert (difference.contract, difference.field) == ("Exposures", "inheritance")
    system.exposures = audit.State()
    assert before - count_views(deployment, system) == 2
