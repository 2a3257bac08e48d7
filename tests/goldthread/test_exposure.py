"""Proofs of who inherited a breach, built from logs and checked by the contract and by the command."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from goldthread.chain import abi
from goldthread.chain.contracts import Deployment
from goldthread.chain.merkle import ContentLeaf
from goldthread.chain.rpc import connect
from goldthread.commands.output import moment
from goldthread.exposure import Answer, ExposureError, Story, ask, breaches, check, paths
from tests.goldthread.chains import contracts_of, manifest_of
from tests.goldthread.test_cli import failed, run
from tests.models.exposures import Cause
from tests.models.trees import Packed, case, loose, unit_of
from tests.support import AnvilNode, nodes
from tests.support.exposing import Exposing
from tests.support.lots import ONE, unit
from tests.support.words import EndOfLife, Kind
from tests.support.world import PREFIX_LENGTH, Registration, lot_uri, sscc, twin_id, uri

CASE = Registration(sscc("31"), kind=Kind.CONTAINER)
HEADER = "child,childRoot,lot,quantity"


def hexed(identifier: bytes) -> str:
    return f"0x{identifier.hex()}"


@dataclass
class Trip:
    """A part, beside it units that a packer committed to, in a crate on a pallet that got too warm.

    Seconds are counted from the first watch: the part was on the pallet from 100 to 300, the crate from 50
    on, one unit left it at 250 and was made a twin, the case at 270; it was too warm from 200 to 400.
    """

    here: Exposing
    node: AnvilNode
    deployment: Deployment
    part: bytes
    other: bytes
    box: bytes
    crate: bytes
    start: int
    cause: Cause
    later: Cause
    tree: Packed
    inner: Packed

    @classmethod
    def create(cls, node: AnvilNode) -> Trip:
        here = Exposing(node)
        world, goods = here.world, here.goods
        pallet = here.cold.pallet
        part, other = (world.register(uri(name)) for name in ("part", "other"))
        box, crate = (world.register(sscc(number), Kind.CONTAINER) for number in ("21", "22"))
        watch = here.watch(pallet, world.insurer)
        start = watch.policy.start
        inner = goods.units(2, 3)
        tree = Packed(
            unit_of(unit(0), goods.pills),
            unit_of(unit(1), goods.pills),
            *case(twin_id(CASE.uri), inner),
            loose(goods.milk, ONE),
        )

        def at(second: int) -> None:
            node.warp(start + second - world.now)

        at(10)
        world.pack(box, [part, other])
        goods.pack(crate, tree)
        at(50)
        world.pack(pallet, [crate])
        at(100)
        world.pack(pallet, [box])
        at(150)
        world.unpack(box, [other])
        at(250)
        goods.unpack(crate, tree.step(0))
        at(260)
        item = Registration(uri("0"), PREFIX_LENGTH, Kind.PART)
        args = lot_uri("P"), 0, item, goods.tree.proof(0), world.ref("inspecting")
        world.lots.materialise(*args, sender=world.maker.register)
        at(270)
        goods.unpack(crate, tree.step(2), CASE)
        at(300)
        world.unpack(box, [part])
        at(350)
        world.retire(other, EndOfLife.DESTROYED)
        at(500)
        cause = here.breach(watch, start + 200, start + 400)
        here.release(watch)
        second = here.watch(pallet, world.insurer, version=2)
        later = second.policy.start
        node.warp(100)
        world.unpack(pallet, [crate])
        node.warp(100)
        after = here.breach(second, later + 50, later + 60)
        contracts = contracts_of(world) | {"Lots": world.lots, "Exposures": world.exposures}
        deployment = Deployment(manifest_of(node, contracts), connect(node.url))
        return cls(here, node, deployment, part, other, box, crate, start, cause, after, tree, inner)

    def contents(self) -> dict[bytes, list[ContentLeaf]]:
        lists = {self.crate: self.tree, twin_id(CASE.uri): self.inner}
        return {container: [ContentLeaf(*leaf) for leaf in tree.leaves] for container, tree in lists.items()}

    def files(self, folder: Path) -> list[object]:
        found: list[object] = []
        for container, leaves in self.contents().items():
            path = folder / f"{container.hex()[:8]}.csv"
            rows = [
                f"{hexed(leaf.child)},{hexed(leaf.child_root)},{hexed(leaf.lot)},{leaf.quantity}"
                for leaf in leaves
            ]
            path.write_text("\n".join([HEADER, *rows]) + "\n")
            found += ["--contents", hexed(container), path]
        return found

    def ask(self, item: bytes, **more: Any) -> dict[bytes, Answer]:
        """The answer to each breach, by its number."""
        story = Story.read(self.deployment, item, **more)
        found = [
            ask(self.deployment, story, finding)
            for finding in breaches(self.deployment, story.containers, story.block)
        ]
        return {answer.finding.id: answer for answer in found}

    def seconds(self, answer: Answer) -> tuple[int, int] | None:
        return answer.exposed and (answer.exposed[0] - self.start, answer.exposed[1] - self.start)


@pytest.fixture(scope="module")
def trip() -> Trip:
    return Trip.create(nodes.shared_anvil())


@pytest.fixture
def where(trip: Trip, tmp_path: Path) -> tuple[object, ...]:
    path = tmp_path / "31337.json"
    trip.deployment.manifest.save(path)
    return "--deployment", path, "--rpc", trip.node.url


def told(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_a_part_and_its_containers(trip: Trip) -> None:
    first, later = trip.cause.breach_id, trip.later.breach_id
    answers = trip.ask(trip.part)
    assert list(answers) == [first, later]
    assert trip.seconds(answers[first]) == (200, 299)
    assert (answers[later].exposed, answers[later].doubt) == (None, "")
    answers = trip.ask(trip.other)
    assert [(answer.exposed, answer.doubt) for answer in answers.values()] == [(None, ""), (None, "")]
    answers = trip.ask(trip.crate)
    assert trip.seconds(answers[first]) == (200, 400)
    assert answers[later].exposed == (trip.later.policy.start + 50, trip.later.policy.start + 60)


def test_a_story_tells_of_what_it_read(trip: Trip) -> None:
    story = Story.read(trip.deployment, trip.part)
    assert story.containers == [trip.box, trip.here.cold.pallet]
    assert story.history(trip.part) == trip.here.history(trip.part)
    assert story.history(trip.box) == trip.here.history(trip.box)
    before = Story.read(trip.deployment, trip.part, last=story.block - 1)
    assert before.block == story.block - 1


def test_what_packers_say(trip: Trip) -> None:
    first = trip.cause.breach_id
    contents = trip.contents()
    expected = {
        unit(0): (200, 249),
        unit(1): (200, 400),
        unit(2): (200, 269),
        trip.here.goods.milk: (200, 400),
    }
    for item, seconds in expected.items():
        answer = trip.ask(item, contents=contents)[first]
        assert trip.seconds(answer) == seconds
    assert trip.seconds(trip.ask(twin_id(CASE.uri), contents=contents)[first]) == (200, 269)
    # Without what packers say a unit was nowhere, and nothing is proven of the time before it was a twin.
    assert trip.ask(unit(0)) == {}
    assert trip.ask(unit(1)) == {}


def test_of_what_is_no_twin_a_no_is_not_proven(trip: Trip) -> None:
    lists = {trip.crate: [ContentLeaf(0, unit(5), bytes(32), trip.here.goods.pills, ONE)]}
    answers = trip.ask(unit(5), contents=lists)
    assert [answer.exposed for answer in answers.values()] == [None, None]
    assert all("HistoryMissing" in answer.doubt for answer in answers.values())
    story = Story.read(trip.deployment, unit(5), contents=lists)
    with pytest.raises(ExposureError, match="HistoryMissing"):
        next(iter(answers.values())).document(trip.deployment, story)


def test_paths_go_through_leaves_of_one_lot(trip: Trip) -> None:
    pills, milk = trip.here.goods.pills, trip.here.goods.milk
    inner = Packed(unit_of(unit(2), pills), loose(milk, ONE))
    outer = Packed(*case(twin_id(CASE.uri), inner))
    lists = {b"o" * 32: outer, b"i" * 32: inner}
    contents = {name: [ContentLeaf(*leaf) for leaf in tree.leaves] for name, tree in lists.items()}
    found = list(paths(unit(2), contents))
    assert [(place.container, len(place.path)) for place in found] == [(b"o" * 32, 2), (b"i" * 32, 1)]
    assert [level.leaf[3] for level in found[0].path] == [pills, pills]
    assert found[0].path[0].proof == outer.step(0).proof
    assert found[1].path[0].proof == inner.step(0).proof
    assert list(paths(unit(4), contents)) == []


def test_the_command_tells_of_each_breach(trip: Trip, where: tuple[object, ...], tmp_path: Path) -> None:
    result = run("exposure", "find", hexed(trip.part), *where)
    assert result.exit_code == 1, result.output
    first, second = result.stdout.splitlines()
    assert hexed(trip.cause.breach_id) in first
    assert f"inherited it from {moment(trip.start + 200)} to {moment(trip.start + 299)}" in first
    assert second.endswith("did not inherit it")
    result = run("exposure", "find", hexed(trip.other), *where)
    assert result.exit_code == 0
    assert result.stdout.count("did not inherit it") == 2
    result = run("exposure", "find", hexed(unit(2)), *trip.files(tmp_path), *where)
    assert result.exit_code == 1
    assert "not proven: " in result.stdout
    result = run("exposure", "find", hexed(trip.here.loggers[trip.here.cold.pallet].id), *where)
    assert (result.exit_code, result.stdout) == (
        0,
        "no breach was found on the 0 containers that it was in\n",
    )


def test_for_programs(trip: Trip, where: tuple[object, ...]) -> None:
    breach = "--breach", hexed(trip.cause.breach_id)
    result = run("exposure", "find", hexed(trip.part), *breach, "--json", *where)
    assert result.exit_code == 1
    [found] = told(result)
    assert found == {
        "item": hexed(trip.part),
        "container": hexed(trip.here.cold.pallet),
        "breachId": hexed(trip.cause.breach_id),
        "breach": {"from": trip.start + 200, "until": trip.start + 400},
        "inherited": True,
        "exposed": {"from": trip.start + 200, "until": trip.start + 299},
        "doubt": None,
    }
    result = run("exposure", "find", hexed(trip.other), *breach, "--json", *where)
    assert [(entry["inherited"], entry["exposed"]) for entry in told(result)] == [(False, None)]


@pytest.mark.parametrize("exposed", [True, False])
def test_a_file_is_checked_by_a_call(
    trip: Trip, where: tuple[object, ...], tmp_path: Path, exposed: bool
) -> None:
    item, path = trip.part if exposed else trip.other, tmp_path / "proof.json"
    breach = hexed(trip.cause.breach_id)
    result = run("exposure", "find", hexed(item), "--breach", breach, "--out", path, *where)
    assert result.exit_code == int(exposed)
    document = json.loads(path.read_text())
    output = trip.node.call(document["call"]["to"], bytes.fromhex(document["call"]["data"][2:]))
    words = [int.from_bytes(output[i : i + 32], "big") for i in range(0, len(output), 32)]
    assert words == ([1, trip.start + 200, trip.start + 299] if exposed else [1])
    result = run("exposure", "verify", path, *where)
    assert result.exit_code == int(exposed)
    assert hexed(item) in result.stdout
    answer = json.loads(run("exposure", "verify", path, "--json", *where).stdout)
    expected = {name: document[name] for name in ("item", "container", "breachId", "inherited", "exposed")}
    assert answer == {**expected, "block": document["block"]["number"]}


def test_a_damaged_file_is_refused(trip: Trip, where: tuple[object, ...], tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    breach = hexed(trip.cause.breach_id)
    run("exposure", "find", hexed(trip.part), "--breach", breach, "--out", path, *where)
    good = json.loads(path.read_text())
    call = good["call"]
    other = f"0x{abi.hash_of('CONDITIONS()')[:4].hex()}"
    broken: list[tuple[dict[str, Any], str]] = [
        ({"schema": 2}, "schema 2: this release reads 1"),
        ({"schema": "1"}, "schema '1': must be a whole number"),
        ({"chainId": 1}, "chainId 1: the node is on chain 31337"),
        ({"block": {}}, "block.number: is missing"),
        ({"block": 7}, "block 7: must be an object"),
        ({"call": 7}, "call 7: must be an object"),
        ({"call": {"to": call["to"]}}, "call.data: is missing"),
        ({"call": {**call, "to": "0x12"}}, "call.to '0x12': must be 0x and hex digits"),
        ({"call": {**call, "to": trip.here.world.lots.address}}, "Exposures is at"),
        ({"call": {**call, "data": other}}, "calls neither inherited nor notInherited"),
        ({"call": {**call, "data": call["data"][:-64]}}, "call.data: "),
    ]
    for change, message in broken:
        path.write_text(json.dumps(good | change))
        failed(run("exposure", "verify", path, *where), message)
    # One changed digit of a history: the contract refuses.
    place = call["data"].index(hexed(trip.here.history(trip.part).steps[-1].ref.eventHash)[2:])
    digit = "0" if call["data"][place] != "0" else "1"
    data = call["data"][:place] + digit + call["data"][place + 1 :]
    path.write_text(json.dumps(good | {"call": {**call, "data": data}}))
    failed(run("exposure", "verify", path, *where), "WrongHistory")
    with pytest.raises(ExposureError, match="call: is missing"):
        check(trip.deployment, {})


def test_bad_input(trip: Trip, where: tuple[object, ...], tmp_path: Path) -> None:
    nobody = "0x" + "77" * 32
    failed(run("exposure", "find", nobody, *where), "no twin has the id")
    failed(
        run("exposure", "find", hexed(trip.part), "--out", tmp_path / "x", *where), "name it with --breach"
    )
    failed(run("exposure", "find", hexed(trip.part), "--breach", nobody, *where), "has such a breach")
    failed(
        run("exposure", "find", hexed(trip.part), "--breach", "0x1", *where), "must be 0x and 64 hex digits"
    )
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("command", [[], ["find"], ["verify"]])
def test_it_explains_itself(command: list[str]) -> None:
    result = run("exposure", *command, "--help")
    assert result.exit_code == 0
    assert not command or f"goldthread exposure {command[0]} " in result.stdout
