"""The chain goes back, or takes another turn: nobody is told the old truth, and the new one is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from goldthread.audit import history
from goldthread.audit.rebuild import ChainMoved, compare, count_views, rebuild
from goldthread.chain.contracts import Deployment
from goldthread.chain.errors import ChainError
from tests.goldthread.chains import deployment_of
from tests.support import AnvilNode
from tests.support.world import EventRef, World, uri

NOTHING = bytes(32)


@dataclass(frozen=True)
class Scene:
    """A part that the maker has offered and the carrier accepted, in the last two blocks of a short chain."""

    node: AnvilNode
    world: World
    deployment: Deployment
    part: bytes
    refs: tuple[EventRef, EventRef]

    @classmethod
    def create(cls, node: AnvilNode) -> Scene:
        world = World.create(node)
        part = world.register(uri("1"))
        scene = cls(
            node,
            world,
            deployment_of(world),
            part,
            (world.ref("shipping", leaves=True), world.ref("receiving")),
        )
        scene.offer()
        scene.accept()
        return scene

    def offer(self) -> None:
        world = self.world
        deadline = self.refs[0].stamp // (1 << 24) + 86_400
        world.twins.offer(self.part, world.carrier.number, 0, deadline, self.refs[0], sender=world.maker.ship)

    def accept(self) -> None:
        call = self.world.twins.accept
        call(self.part, self.head, self.refs[1], sender=self.world.carrier.receive)

    def call_to_decline(self) -> dict[str, str]:
        """What the carrier could have sent instead of accepting."""
        twins = self.world.twins
        data = twins.decline.encode(self.part, self.refs[1])
        gas = {"gas": hex(500_000), "gasPrice": "0x0"}
        return {"from": self.world.carrier.receive, "to": twins.address, "data": f"0x{data.hex()}", **gas}

    @property
    def head(self) -> bytes:
        found: bytes = self.world.twins.head(self.part)
        return found

    @property
    def custodian(self) -> int:
        number: int = self.world.twins.custodianOf(self.part)
        return number

    def steps(self) -> list[str]:
        """The history of the part, which must be whole."""
        found = history.read(self.deployment, self.part)
        assert found.is_complete, found.problem
        assert found.head == self.head
        return [step.event.name for step in found.steps]

    def require_true(self) -> None:
        """All code is there still, and storage is what the logs say."""
        assert self.deployment.differences() == []
        for entry in self.deployment.manifest.contracts.values():
            assert self.node.code(entry.address)
        rebuilt = rebuild(self.deployment)
        assert count_views(self.deployment, rebuilt) > 50
        assert compare(self.deployment, rebuilt) == []


@pytest.fixture
def scene() -> Iterator[Scene]:
    node = AnvilNode()
    try:
        yield Scene.create(node)
    finally:
        node.close()


def test_steps_that_were_taken_back_are_gone_and_can_be_made_again(scene: Scene) -> None:
    assert scene.steps() == ["Registered", "Offered", "Accepted"]
    before, height = scene.head, scene.node.block_number
    system = rebuild(scene.deployment)

    scene.node.rpc("anvil_rollback", 1)
    assert scene.node.block_number == height - 1
    with pytest.raises(ChainError, match=rf"no block {height}|requested was {height}"):
        compare(scene.deployment, system)
    assert scene.custodian == scene.world.maker.number
    assert scene.steps() == ["Registered", "Offered"]
    scene.require_true()

    scene.node.rpc("anvil_rollback", 1)
    assert scene.steps() == ["Registered"]
    scene.require_true()

    scene.offer()
    scene.accept()
    assert scene.head == before, "the same steps make the same history, in whatever blocks they are"
    assert scene.custodian == scene.world.carrier.number
    scene.require_true()


def test_a_chain_of_the_same_height_with_other_blocks_is_noticed(scene: Scene) -> None:
    height = scene.node.block_number
    system = rebuild(scene.deployment)
    assert compare(scene.deployment, system) == []
    scene.node.rpc("anvil_reorg", 2, [])
    assert scene.node.block_number == height
    with pytest.raises(ChainMoved, match=f"block {height} was replaced by another while it was read"):
        compare(scene.deployment, system)
    assert scene.steps() == ["Registered"]
    assert scene.custodian == scene.world.maker.number
    scene.require_true()


def test_another_turn_of_the_chain_is_the_truth_from_then_on(scene: Scene) -> None:
    accepted = scene.head
    system = rebuild(scene.deployment)
    scene.node.rpc("anvil_reorg", 1, [[scene.call_to_decline(), 0]])
    with pytest.raises(ChainMoved):
        compare(scene.deployment, system)
    assert scene.steps() == ["Registered", "Offered", "Declined"]
    assert scene.head not in (accepted, NOTHING)
    assert scene.custodian == scene.world.maker.number
    scene.require_true()


def test_a_block_read_before_the_reorganisation_is_not_mixed_with_one_read_after(scene: Scene) -> None:
    """Logs of the old chain, views of the new one: whoever is told anything is told to ask again."""
    moved = False

    def move(block: int, found: int) -> None:
        nonlocal moved
        if not moved:
            scene.node.rpc("anvil_reorg", 1, [[scene.call_to_decline(), 0]])
            moved = True

    system = rebuild(scene.deployment, progress=move)
    assert moved
    with pytest.raises(ChainMoved):
        compare(scene.deployment, system)
    scene.require_true()
