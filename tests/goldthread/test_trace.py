"""What came of what, told from logs and checked against the chain."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from socket import socket
from typing import Any

import networkx as nx
import pytest
from click.testing import Result

from goldthread.audit.trace import (
    INPUT,
    INSTALLED,
    OUTPUT,
    PACKED,
    UNIT,
    Link,
    Trace,
    Where,
    check,
)
from goldthread.chain import abi
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.goldthread.medicine import (
    API,
    BOX,
    CASE,
    DRUG_1,
    DRUG_2,
    OTHER_DRUG,
    PALLET,
    TABLETING,
    WAX,
    Medicine,
)
from tests.goldthread.medicine import (
    UNIT as PACKAGE,
)
from tests.goldthread.proxy import FaultProxy, respond
from tests.goldthread.test_cli import failed, run
from tests.support import nodes
from tests.support.lots import ONE
from tests.support.words import Kind
from tests.support.world import SUPPLIER_PREFIX, World, lot_uri, sscc, uri

NAMES = {
    API: "api",
    WAX: "wax",
    TABLETING: "tableting",
    DRUG_1: "drug 1",
    DRUG_2: "drug 2",
    PACKAGE: "unit",
    PALLET: "pallet",
    CASE: "case",
    BOX: "box",
    OTHER_DRUG: "other drug",
}

DOWN = {
    ("api", INPUT, "tableting", 25),
    ("tableting", OUTPUT, "drug 1", 1000),
    ("tableting", OUTPUT, "drug 2", 1000),
    ("drug 1", UNIT, "unit", 1),
    ("drug 1", PACKED, "pallet", 400),
    ("drug 1", PACKED, "case", 400),
    ("drug 2", PACKED, "pallet", 1000),
    ("unit", PACKED, "box", None),
}
"""What came of the active ingredient."""

UP = {
    ("drug 1", PACKED, "case", 400),
    ("tableting", OUTPUT, "drug 1", 1000),
    ("api", INPUT, "tableting", 25),
    ("wax", INPUT, "tableting", 4),
}
"""What the case that was on the pallet is made of."""


@pytest.fixture(scope="module")
def medicine() -> Medicine:
    return Medicine.create(nodes.shared_anvil())


@pytest.fixture
def where(medicine: Medicine, tmp_path: Path) -> tuple[object, ...]:
    return "--deployment", medicine.manifest(tmp_path), "--rpc", medicine.node.url


def hexed(identifier: bytes) -> str:
    return f"0x{identifier.hex()}"


def edges(document: dict[str, Any]) -> set[tuple[str, str, str, int | None]]:
    names = {hexed(identifier): name for identifier, name in NAMES.items()}
    return {
        (names[e["from"]], e["relation"], names[e["to"]], e["quantity"] and int(e["quantity"]) // ONE)
        for e in document["edges"]
    }


@pytest.mark.parametrize(
    ("start", "way", "expected"),
    [
        (API, "--down", DOWN),
        (CASE, "--up", UP),
        (DRUG_2, "--down", {("drug 2", PACKED, "pallet", 1000)}),
        (WAX, "--down", DOWN - {("api", INPUT, "tableting", 25)} | {("wax", INPUT, "tableting", 4)}),
        (TABLETING, "--up", {("api", INPUT, "tableting", 25), ("wax", INPUT, "tableting", 4)}),
        (API, "--up", set()),
    ],
    ids=["api", "case", "drug", "late input", "process", "nothing"],
)
def test_everything_and_nothing_else_is_traced(
    where: tuple[object, ...], start: bytes, way: str, expected: set[tuple[str, str, str, int | None]]
) -> None:
    result = run("trace", hexed(start), way, *where, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["complete"] is True
    assert found["differences"] == []
    assert edges(found) == expected
    assert len(found["edges"]) == len(expected)
    ends = {end for a, _, b, _ in expected for end in (a, b)} | {NAMES[start]}
    assert {node["id"] for node in found["nodes"]} == {hexed(i) for i, name in NAMES.items() if name in ends}


def test_nodes_and_edges_say_who_when_and_how_much(medicine: Medicine, where: tuple[object, ...]) -> None:
    found = json.loads(run("trace", lot_uri("API", SUPPLIER_PREFIX), "--down", *where, "--json").stdout)
    things = {node["id"]: node for node in found["nodes"]}
    api, drug = things[hexed(API)], things[hexed(DRUG_1)]
    assert (api["organisation"], api["quantity"], api["unit"]) == ("supplier", str(100 * ONE), "KGM")
    assert (drug["kind"], drug["name"], drug["org"]) == ("lot", lot_uri("D1"), medicine.world.maker.number)
    assert things[hexed(PACKAGE)]["kind"] == "part"
    packed = next(e for e in found["edges"] if (e["from"], e["to"]) == (hexed(DRUG_1), hexed(PALLET)))
    moved = next(e for e in found["edges"] if (e["from"], e["to"]) == (hexed(DRUG_1), hexed(CASE)))
    assert packed["organisation"] == "maker"
    assert moved["organisation"] == "distributor"
    assert packed["until"]["block"] == moved["block"] > packed["block"] > drug["block"] > api["block"]
    assert packed["until"]["transaction"] == moved["transaction"]
    receipt = medicine.node.rpc("eth_getTransactionReceipt", drug["transaction"])
    assert int(receipt["blockNumber"], 16) == drug["block"]


def test_the_tree_tells_what_is_shared_once(where: tuple[object, ...]) -> None:
    result = run("trace", hexed(PALLET), "--up", *where)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert re.fullmatch(rf"container {re.escape(sscc('1'))}, of maker, block \d+", lines[0])
    drugs = [line for line in lines if "contains lot" in line]
    assert [lot_uri(name) in line for name, line in zip(("D1", "D2"), drugs, strict=True)] == [True, True]
    assert "1000 H87, 400 H87 of it, of maker" in drugs[0]
    process = [line for line in lines if "came out of" in line]
    assert process[0].endswith("[1]")
    assert process[1].endswith("see [1]")
    assert sum("made with" in line for line in lines) == 2
    assert "25 KGM of it, of supplier" in result.stdout
    assert "4 KGM of it, of maker" in result.stdout
    assert re.fullmatch(r"complete up to block \d+: 7 things \(lots: 4, processes: 1\)", lines[-1])


def test_an_earlier_block_has_an_earlier_truth(medicine: Medicine, where: tuple[object, ...]) -> None:
    now = json.loads(run("trace", hexed(DRUG_1), "--up", *where, "--json").stdout)
    late = next(edge for edge in now["edges"] if edge["from"] == hexed(WAX))
    before = run("trace", hexed(DRUG_1), "--up", *where, "--json", "--to-block", late["block"] - 1)
    assert before.exit_code == 0, before.output
    assert edges(json.loads(before.stdout)) == UP - {
        ("wax", INPUT, "tableting", 4),
        ("drug 1", PACKED, "case", 400),
    }


def test_what_is_asked_must_make_sense(where: tuple[object, ...]) -> None:
    failed(run("trace", hexed(API), *where), "--up or --down: say which way to go")
    failed(run("trace", uri("never-made"), "--up", *where), "no lot, process or twin has the id 0x")
    failed(run("trace", "0x12", "--up", *where), "ID '0x12': must be 0x and 64 hex digits")
    told = run("trace", "--help").stdout
    assert told.startswith("Usage:")
    assert "goldthread trace 01/" in told


# ------------------------------------------------------------------------------------------ tampered logs


def tampered(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Any:
    """A node that gives other logs than there are."""

    def fault(proxy: FaultProxy, client: socket, body: bytes) -> bool:
        answer = json.loads(proxy.forward(body))
        answer["result"] = change(answer["result"])
        respond(client, json.dumps(answer).encode())
        return True

    return fault


def topic(contract: str, name: str) -> str:
    entry = next(e for e in abi.load(contract) if e["type"] == "event" and e["name"] == name)
    return hexed(abi.hash_of(abi.signature(entry)))


def traced_with(
    medicine: Medicine, folder: Path, change: Callable[[Any], Any], start: bytes, way: str
) -> Result:
    with FaultProxy(medicine.node.url) as proxy:
        proxy.fail("eth_getLogs", tampered(change), times=9)
        return run("trace", hexed(start), way, "--deployment", medicine.manifest(folder), "--rpc", proxy.url)


@pytest.mark.parametrize(
    ("event", "start", "way", "field"),
    [
        ("Lots.Used", API, "--down", "useHead"),
        ("Lots.Used", CASE, "--up", "useHead"),
        ("Lots.LotCommissioned", API, "--down", "beginning"),
        ("Lots.QuantityPacked", API, "--down", "quantityIn"),
        ("Lots.QuantityPacked", DRUG_1, "--down", "quantityOf"),
        ("Lots.QuantityOffered", API, "--down", "quantityOf"),
        ("Lots.QuantityAccepted", API, "--down", "quantityOffer.quantity"),
        ("Lots.LeafUnpacked", API, "--down", "quantityIn"),
        ("Lineage.ProcessOpened", DRUG_1, "--up", "beginning"),
        ("Lineage.InputAdded", API, "--down", "inputsHead"),
        ("Lineage.InputAdded", DRUG_1, "--up", "inputsHead"),
        ("Lineage.OutputAdded", API, "--down", "outputsHead"),
        ("Lineage.OutputAdded", DRUG_1, "--up", "originOf"),
        ("Twins.RegisteredFor", API, "--down", "beginning"),
        ("Twins.Packed", API, "--down", "containerOf"),
    ],
    ids=lambda value: NAMES.get(value, value),
)
def test_a_missing_event_is_noticed(
    medicine: Medicine, tmp_path: Path, event: str, start: bytes, way: str, field: str
) -> None:
    wanted = topic(*event.split("."))
    dropped = []

    def drop(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for log in found:
            if log["topics"][0] == wanted:
                dropped.append(log)
                return [other for other in found if other is not log]
        return found

    result = traced_with(medicine, tmp_path, drop, start, way)
    assert dropped
    assert result.exit_code == 1, result.output
    assert "NOT COMPLETE" in result.stdout
    assert re.search(rf" {field}: logs say .*, chain says ", result.stdout), result.stdout


def test_a_changed_quantity_is_noticed(medicine: Medicine, tmp_path: Path) -> None:
    def change(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for log in found:
            if log["topics"][0] == topic("Lineage", "InputAdded"):
                log["data"] = hexed((26 * ONE).to_bytes(32, "big"))
                break
        return found

    result = traced_with(medicine, tmp_path, change, DRUG_1, "--up")
    assert result.exit_code == 1
    assert "inputsHead: logs say " in result.stdout
    assert "useHead" not in result.stdout


def test_a_thing_of_which_no_log_tells_is_not_complete(medicine: Medicine, tmp_path: Path) -> None:
    result = traced_with(medicine, tmp_path, lambda found: [], API, "--down")
    assert result.exit_code == 1
    assert "beginning: logs say no event" in result.stdout


def test_what_is_not_on_the_way_is_not_checked(medicine: Medicine, tmp_path: Path) -> None:
    def drop(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [log for log in found if hexed(OTHER_DRUG) not in log["topics"]]

    assert traced_with(medicine, tmp_path, drop, API, "--down").exit_code == 0
    assert traced_with(medicine, tmp_path, drop, OTHER_DRUG, "--up").exit_code == 1


# -------------------------------------------------------------------------------------------------- places


@pytest.fixture
def garage() -> World:
    return World.create(RecordingNode())


def test_parts_are_where_they_were_at_the_time(garage: World) -> None:
    """A pump serves in one truck, then in another; a hose came to the first truck when the pump was gone."""
    world = garage
    pump, hose, one, two = (world.register(uri(name)) for name in ("pump", "hose", "one", "two"))
    boat, crate = world.register(sscc("8"), Kind.CONTAINER), world.register(sscc("9"), Kind.CONTAINER)
    register = world.maker.register
    world.lineage.install(pump, one, world.ref(), sender=register)
    world.lineage.replace(pump, hose, world.ref(), sender=register)
    world.lineage.install(pump, two, world.ref(), sender=register)
    world.pack(boat, [one])
    world.unpack(boat, [one])
    world.pack(crate, [two])
    world.pack(boat, [crate])
    deployment = deployment_of(world, Lots=world.lots, Lineage=world.lineage)
    trace = Trace()
    trace.read(deployment, span=3)

    def ids(start: bytes, down: bool) -> set[bytes]:
        reach = trace.reach(start, down=down)
        assert check(deployment, trace, reach.things) == {}
        return {thing.id for thing in reach.things} - {start}

    assert ids(pump, down=True) == {one, two, crate, boat}
    assert ids(hose, down=True) == {one, boat}
    assert ids(boat, down=False) == {one, hose, two, crate, pump}
    assert ids(crate, down=False) == {two, pump}
    links = trace.links(pump, down=True)
    assert [(link.relation, link.target, link.until is None) for link in links] == [
        (INSTALLED, one, False),
        (INSTALLED, two, True),
    ]
    assert links[0].ended == links[1].since == world.now
    # The pump had left the first truck before that went on the boat: it was there with the second.
    first = trace.reach(one, down=True)
    assert {link.target for link in first.links} == {boat}
    world.retire(two, 1)
    trace.read(deployment)
    assert ids(two, down=True) == {crate, boat}
    assert trace.place(PACKED, two) == bytes(32)


def test_what_had_left_before_is_not_met() -> None:
    trace = Trace()
    part, shelf, truck = (bytes([n]) * 32 for n in (1, 2, 3))
    trace.link(Link(PACKED, part, shelf, Where(1, 0, ""), until=Where(4, 2, "")))
    later = trace.link(Link(PACKED, shelf, truck, Where(4, 2, "")))
    assert [thing.id for thing in trace.reach(part, down=True).things] == [part, shelf]
    assert [thing.id for thing in trace.reach(truck, down=False).things] == [truck, shelf]
    later.at = Where(4, 1, "")
    assert [thing.id for thing in trace.reach(part, down=True).things] == [part, shelf, truck]
    assert [thing.id for thing in trace.reach(truck, down=False).things] == [truck, shelf, part]


def test_what_came_back_is_met_the_second_time() -> None:
    trace = Trace()
    part, shelf, truck = (bytes([n]) * 32 for n in (1, 2, 3))
    trace.link(Link(PACKED, part, shelf, Where(1, 0, ""), until=Where(2, 0, "")))
    trace.link(Link(PACKED, part, shelf, Where(5, 0, ""), until=Where(6, 0, "")))
    trace.link(Link(PACKED, shelf, truck, Where(5, 1, "")))
    assert [thing.id for thing in trace.reach(part, down=True).things] == [part, shelf, truck]


def test_a_circle_of_processes_is_told_once() -> None:
    """Late inputs can close one: a lot that went back into the process that it came out of."""
    trace = Trace()
    lot, process = b"l" * 32, b"p" * 32
    trace.link(Link(INPUT, lot, process))
    trace.link(Link(OUTPUT, process, lot))
    reach = trace.reach(lot, down=True)
    assert [thing.id for thing in reach.things] == [lot, process]
    assert len(reach.links) == 2


def random_graphs() -> Iterator[tuple[Trace, list[bytes]]]:
    for seed in range(40):
        random = Random(seed)  # noqa: S311
        things = [bytes([n]) * 32 for n in range(1, random.randint(3, 30))]
        trace = Trace()
        for _ in range(random.randint(1, 60)):
            a, b = random.sample(things, 2)
            trace.link(Link(random.choice((INPUT, OUTPUT, UNIT)), a, b, quantity=random.randrange(9)))
        yield trace, things


def test_what_is_made_of_what_is_what_can_be_reached() -> None:
    met = 0
    for trace, things in random_graphs():
        for start in things:
            if start not in trace.graph:
                continue
            down, up = trace.reach(start, down=True), trace.reach(start, down=False)
            assert {t.id for t in down.things} == nx.descendants(trace.graph, start) | {start}
            assert {t.id for t in up.things} == nx.ancestors(trace.graph, start) | {start}
            assert set(trace.closure([start])) == {t.id for t in down.things}
            sources = {t.id for t in down.things}
            assert len(down.links) == sum(trace.graph.out_degree(source) for source in sources)
            met += len(down.things) > 2
    assert met > 100
