"""Traces of documents that others have published, with the results that they expect.

EPCIS events (a tuna from hatchery and sea to the importer, with 16 events behind the product) and bills of
material (Catena-X, with the relationships that the reference finds) become the graph that `goldthread trace`
builds from logs.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from goldthread.audit.trace import INPUT, INSTALLED, OUTPUT, PACKED, PLACES, Link, Trace, Where
from goldthread.build import ROOT
from goldthread.hashing import keccak

DATA = Path(ROOT).parent / "shared/data/trace"
TUNA = DATA / "ift-opentraceability/CSharp/OpenTraceability.Tests/Data/traceback_tests.jsonld"
PARTS = DATA / "tractusx-irs/local/testing/testdata/CX_Testdata_v.1.7.0_PartType.json"
EXPECTED = DATA / "tractusx-irs/irs-cucumber-tests/src/test/resources/expected-files"

with_tuna = pytest.mark.skipif(not TUNA.is_file(), reason=f"the document is not there: {TUNA}")
with_parts = pytest.mark.skipif(not PARTS.is_file(), reason=f"the bill of material is not there: {PARTS}")

LOT = "urn:gdst:example.org:product:lot:class:"
LOTS = (
    "hatchery.1u.tf12012021",
    "feedmill.1u.ff11252021",
    "fishfarm.1u.farmed-tuna-01192022",
    "fisherman01.tunau.v1-0122-2022",
    "processor.10u.commingle-01232022",
    "processor.2u.v1-0122-2022",
)


class Documents:
    """EPCIS events as a graph, and which events are about which thing."""

    def __init__(self, events: Iterable[Mapping[str, Any]]) -> None:
        self.trace = Trace()
        self.about: dict[bytes, list[Where]] = defaultdict(list)
        self.places: dict[tuple[str, bytes], Link] = {}
        told = [(_time(event), place, event) for place, event in enumerate(events)]
        for time, place, event in sorted(told, key=lambda item: item[:2]):
            self._fold(event, Where(time, place, event.get("eventID", "")))

    def events(self, epc: str) -> list[Where]:
        """Everything that happened to a thing, to all that it was made of, and to containers around them."""
        found: dict[Where, None] = {}
        for thing in self.trace.reach(_id(epc), down=False).things:
            found |= dict.fromkeys(self.about[thing.id])
            for link in self.trace.reach(thing.id, down=True, relations=PLACES).links:
                first, last = link.span
                found |= dict.fromkeys(w for w in self.about[link.target] if first <= w.position <= last)
        return list(found)

    def _fold(self, event: Mapping[str, Any], at: Where) -> None:
        match event["type"]:
            case "TransformationEvent":
                self._transform(event, at)
            case "AggregationEvent" | "AssociationEvent":
                self._place(event, at, PACKED if event["type"] == "AggregationEvent" else INSTALLED)
            case "ObjectEvent":
                for epc, _ in _items(event, "epcList", "quantityList"):
                    self.about[_id(epc)].append(at)

    def _transform(self, event: Mapping[str, Any], at: Where) -> None:
        process = _id(event.get("transformationID") or f"{at.tx_hash} {at.index}")
        self.about[process].append(at)
        for epc, amount in _items(event, "inputEPCList", "inputQuantityList"):
            self.trace.link(Link(INPUT, _id(epc), process, at, quantity=amount))
        for epc, amount in _items(event, "outputEPCList", "outputQuantityList"):
            self.trace.link(Link(OUTPUT, process, _id(epc), at, quantity=amount))

    def _place(self, event: Mapping[str, Any], at: Where, relation: str) -> None:
        parent = _id(event["parentID"])
        children = {_id(epc): n for epc, n in _items(event, "childEPCs", "childQuantityList")}
        if event["action"] == "DELETE":
            # Without children, all of them.
            inside = [child for of, child in self.places if of == relation]
            left = [child for child in inside if self.places[relation, child].target == parent]
            for child in children or left:
                self.places.pop((relation, child)).until = at
        elif event["action"] == "ADD":
            for child, amount in children.items():
                link = Link(relation, child, parent, at, quantity=amount)
                self.places[relation, child] = self.trace.link(link)
        for identifier in (parent, *children):
            self.about[identifier].append(at)


def _id(text: str) -> bytes:
    return keccak(text.encode())


def _time(event: Mapping[str, Any]) -> int:
    """Milliseconds."""
    return round(datetime.fromisoformat(event["eventTime"]).timestamp() * 1000)


def _items(event: Mapping[str, Any], epcs: str, classes: str) -> Iterator[tuple[str, int | None]]:
    for epc in event.get(epcs) or []:
        yield epc, None
    for item in event.get(classes) or []:
        yield item["epcClass"], int(item["quantity"] * 10**6) if "quantity" in item else None


def events_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["epcisBody"]["eventList"]
    return found


@with_tuna
def test_every_event_behind_a_product_is_found() -> None:
    documents = Documents(events_of(TUNA))
    found = documents.events(f"{LOT}processor.2u.v1-0122-2022")
    assert len({where.tx_hash for where in found}) == 16
    assert len(found) == 21  # three of the ids are of more than one event


@with_tuna
def test_events_of_other_things_are_not_found() -> None:
    """Among the examples of the same folder that tell of other products."""
    others = [
        event
        for path in sorted(TUNA.parent.glob("Example_9.6.[1-4]-*Event.jsonld"))
        for event in events_of(path)
    ]
    assert len(others) >= 5
    documents = Documents([*others, *events_of(TUNA)])
    assert len({where.tx_hash for where in documents.events(f"{LOT}processor.2u.v1-0122-2022")}) == 16


@with_tuna
@pytest.mark.parametrize(
    ("lot", "behind", "events"),
    [
        ("hatchery.1u.tf12012021", {"hatchery.1u.tf12012021"}, 3),
        ("fisherman01.tunau.v1-0122-2022", {"fisherman01.tunau.v1-0122-2022"}, 4),
        (
            "fishfarm.1u.farmed-tuna-01192022",
            {"fishfarm.1u.farmed-tuna-01192022", "hatchery.1u.tf12012021", "feedmill.1u.ff11252021"},
            9,
        ),
    ],
)
def test_an_earlier_product_has_less_behind_it(lot: str, behind: set[str], events: int) -> None:
    documents = Documents(events_of(TUNA))
    assert len(documents.events(LOT + lot)) == events
    reached = {thing.id for thing in documents.trace.reach(_id(LOT + lot), down=False).things}
    assert {name for name in LOTS if _id(LOT + name) in reached} == behind


# ------------------------------------------------------------------------------------------ bills of material


def bill_of_material() -> Trace:
    """Every part of the test data in what it is built into."""
    container = json.loads(PARTS.read_text())["https://catenax.io/schema/TestDataContainer/1.0.0"]
    trace = Trace()
    for twin in container:
        for aspect, submodels in twin.items():
            if "single_level_bom_as_planned" not in aspect:
                continue
            for submodel in submodels:
                for child in submodel["childItems"]:
                    quantity = round(child["quantity"]["value"] * 10**6)
                    ends = _id(child["catenaXId"]), _id(submodel["catenaXId"])
                    trace.link(Link(INSTALLED, *ends, quantity=quantity))
    return trace


def relationships(name: str) -> list[tuple[bytes, bytes, int]]:
    """Child, parent and quantity of each relationship in a file of expected ones."""
    found = json.loads((EXPECTED / f"{name}-expected-relationships.json").read_text())["relationships"]
    return [
        (
            _id(item["linkedItem"]["childCatenaXId"]),
            _id(item["catenaXId"]),
            round(item["linkedItem"]["quantity"]["quantityNumber"] * 10**6),
        )
        for item in found
    ]


def root_of(expected: list[tuple[bytes, bytes, int]]) -> bytes:
    (root,) = {parent for _, parent, _ in expected} - {child for child, _, _ in expected}
    return root


@with_parts
@pytest.mark.parametrize(
    ("name", "count"), [("TRI-821", 12), ("TRI-872", 12), ("TRI-891", 10), ("TRI-893", 5)]
)
def test_the_parts_of_a_vehicle_are_those_expected(name: str, count: int) -> None:
    expected = relationships(name)
    reach = bill_of_material().reach(root_of(expected), down=False)
    assert len(reach.links) == len(expected) == count
    assert {(link.source, link.target, link.quantity) for link in reach.links} == set(expected)


@with_parts
@pytest.mark.parametrize(("name", "count"), [("TRI-767", 174), ("TRI-1070", 44), ("TRI-704", 4)])
def test_a_large_assembly_is_traced_from_its_top(name: str, count: int) -> None:
    """All relationships, in any order, are found from the top; from a part, all that it is built into."""
    expected = relationships(name)
    trace = Trace()
    for child, parent, quantity in sorted(expected):
        trace.link(Link(INSTALLED, child, parent, quantity=quantity))
    root = root_of(expected)
    reach = trace.reach(root, down=False)
    assert len(reach.links) == count
    assert {(link.source, link.target, link.quantity) for link in reach.links} == set(expected)
    assert {thing.id for thing in reach.things} == {
        end for child, parent, _ in expected for end in (child, parent)
    }
    leaves = {child for child, _, _ in expected} - {parent for _, parent, _ in expected}
    assert leaves
    for leaf in leaves:
        above = [thing.id for thing in trace.reach(leaf, down=True).things]
        assert above[0] == leaf
        assert root in above
        assert len(above) == len(set(above))
