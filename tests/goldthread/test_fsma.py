"""The sortable spreadsheet: lettuce from the field to the shop, on a real node, with documents in a store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from openpyxl import load_workbook

from goldthread.hashing import keccak
from goldthread.records.store import Store
from goldthread.rules.fsma import ASSIGNING, ELEMENTS, Event, event_of
from tests.goldthread.chains import contracts_of, manifest_of
from tests.goldthread.test_cli import run
from tests.models.trees import Leaf, Packed
from tests.support import nodes
from tests.support.making import ONE
from tests.support.words import Kind
from tests.support.world import DAY, Commission, EventRef, World, lot_uri, sscc, twin_id

PALLET = sscc("7")
HARVEST = {
    "fsma": {
        "event": "harvest",
        "commodity": "Romaine lettuce",
        "farm": "Farm 1, Salinas",
        "field": "Field 7",
        "recipient": "Packer, Salinas",
        "applies": ["produce"],
    },
    "bizTransactionList": [{"type": "bol", "bizTransaction": "BOL 1"}],
}
PACK = {
    "readPoint": {"id": "https://id.gs1.org/414/9506000000012"},
    "fsma": {
        "event": "pack",
        "commodity": "Romaine lettuce",
        "product": "Romaine hearts, ACME, 12 x 3 in a carton",
        "receivedDate": "2027-01-14",
        "farm": "Farm 1, Salinas",
        "field": "Field 7",
        "harvester": "Harvest Ltd, +1 555 0100",
        "harvestDate": "2027-01-14",
        "applies": ["produce"],
        "locations": [{"id": "https://id.gs1.org/414/9506000000012", "name": "Packer", "city": "Salinas"}],
        "products": [{"id": "09506000134352", "name": "Romaine hearts", "brand": "ACME"}],
    },
    "bizTransactionList": [{"type": "urn:epcglobal:cbv:btt:prodorder", "bizTransaction": "PO 9"}],
}


def ship(lot: str) -> dict[str, Any]:
    return {
        "epcisBody": {
            "eventList": [
                {
                    "type": "ObjectEvent",
                    "readPoint": {"id": "dock 3"},
                    "destinationList": [
                        {"type": "https://ref.gs1.org/cbv/SDT-location", "destination": "Shop 5, Reno"}
                    ],
                    "quantityList": [{"epcClass": lot, "quantity": 5, "uom": "H87"}],
                    "bizTransactionList": [
                        {"type": "https://ref.gs1.org/cbv/BTT-desadv", "bizTransaction": "ASN 17"}
                    ],
                }
            ]
        }
    }


@dataclass
class Food:
    """Lots and the documents of their events."""

    world: World
    folder: Path
    manifest: Path = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store.open(str(self.folder / "records"))
        self.manifest = self.folder / "31337.json"
        contracts = {"Lots": self.world.lots, "Lineage": self.world.lineage}
        manifest_of(self.world.node, contracts_of(self.world) | contracts).save(self.manifest)

    def ref(self, document: Any = None, keep: bool = True) -> EventRef:
        """An event with a document, which the store has."""
        if document is None:
            return self.world.ref()._replace(doc_hash=bytes(32))
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        digest = hashlib.sha256(data).digest()
        if keep:
            self.store.put(digest, data)
        return self.world.ref()._replace(doc_hash=digest)

    def harvest(self, name: str = "FIELD7", document: Any = HARVEST) -> bytes:
        item = Commission(lot_uri(name), quantity=100 * ONE, unit=b"KGM")
        self.world.lots.commissionLot(item, self.ref(document), sender=self.world.maker.register)
        return twin_id(item.uri)

    def pack(self, lot: bytes, name: str = "L7", document: Any = PACK) -> bytes:
        item = Commission(lot_uri(name), quantity=8 * ONE)
        args = keccak(name.encode()), [(lot, 90 * ONE)], [item], [], True, self.ref(document)
        self.world.lineage.transform(*args, sender=self.world.maker.register)
        return twin_id(item.uri)

    def send(self, lot: bytes, document: Any, received: Any = None) -> None:
        maker, retailer, lots = self.world.maker, self.world.retailer, self.world.lots
        terms = retailer.number, 5 * ONE, 0, self.world.now + DAY
        lots.offerQuantity(lot, *terms, self.ref(document), sender=maker.ship)
        lots.acceptQuantity(lot, maker.number, 5 * ONE, 0, self.ref(received), sender=retailer.receive)

    def sheet(self, *arguments: object, code: int = 0) -> dict[str, Any]:
        result = self.run(*arguments, "--json")
        assert result.exit_code == code, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def run(self, *arguments: object) -> Result:
        url = self.world.node.url  # type: ignore[attr-defined]
        where = "--deployment", self.manifest, "--rpc", url, "--store", self.folder / "records"
        return run("fsma", "sheet", *arguments, "--out", self.folder / "out.xlsx", *where)

    def rows(self, tab: str) -> list[dict[str, Any]]:
        """The rows of a tab by the titles of their columns."""
        titles, *rows = load_workbook(self.folder / "out.xlsx")[tab].iter_rows(values_only=True)
        return [dict(zip(titles, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[World, int]]:
    world = World.create(nodes.shared_anvil())
    contracts_of(world)
    assert world.lineage.LOTS() == world.lots.address
    world.register(PALLET, Kind.CONTAINER)
    yield world, world.node.snapshot()


@pytest.fixture
def food(made: tuple[World, int], tmp_path: Path) -> Food:
    world, snapshot = made
    world.node.revert(snapshot)
    return Food(world, tmp_path)


def test_lettuce_from_the_field_to_the_shop(food: Food) -> None:
    field_ = food.harvest()
    lot = food.pack(field_)
    food.send(lot, ship(lot_uri("L7")))
    found = food.sheet("--tlc", "L7")
    assert found["rows"] == {
        **dict.fromkeys((event.tab for event in Event), 0),
        **{"Pack": 1, "Ship": 1, "Receive": 1, "Locations": 1, "Products": 1},
        "Missing": found["rows"]["Missing"],
    }
    assert found["broken"] == []
    [pack] = food.rows("Pack")
    day = pack["(a)(15) Date of initial packing"]
    assert day == "2027-01-15" or len(day) == 10
    assert pack["(a)(11) TLC assigned"] == "L7"
    assert pack["(a)(3) Quantity and unit of measure received"] == "90 KGM"
    assert pack["(a)(13) Quantity and unit of measure packed"] == "8 H87"
    assert pack["(a)(16) Reference document type and number"] == "prodorder PO 9"
    place = "https://id.gs1.org/414/9506000000012"
    assert pack["(a)(14) Location description: where packed (TLC source), or TLC source reference"] == place
    [shipped] = food.rows("Ship")
    assert shipped["(a)(1) TLC"] == "L7"
    assert shipped["(a)(2) Quantity and unit of measure"] == "5 H87"
    assert shipped["(a)(3) Product description"] == "Romaine hearts, ACME, 12 x 3 in a carton", (
        "of its packing"
    )
    assert shipped["(a)(4) Location description: immediate subsequent recipient"] == "Shop 5, Reno"
    assert shipped["(a)(7) Location description: TLC source, or TLC source reference"] == place
    assert shipped["(a)(8) Reference document type and number"] == "ASN ASN 17"
    [received] = food.rows("Receive")
    assert received["(a)(4) Location description: immediate previous source"] == "maker"
    assert received["(a)(5) Location description: received at"] is None
    missing = [(row["Tab"], row["Row"], row["Paragraph"], row["Why"]) for row in food.rows("Missing")]
    assert missing == [
        ("Receive", 2, "1.1345(a)(5)", "the event names no document"),
        ("Receive", 2, "1.1345(a)(8)", "the event names no document"),
    ]
    assert food.rows("Locations")[0]["Business name"] == "Packer"
    assert food.rows("Products")[0]["Brand name"] == "ACME"


def test_what_was_harvested_is_found_by_food_and_day(food: Food) -> None:
    field_ = food.harvest()
    food.pack(field_)
    food.harvest("OTHER", HARVEST | {"fsma": HARVEST["fsma"] | {"commodity": "Spinach"}})
    assert food.sheet("--food", "romaine")["rows"]["Harvest"] == 1
    [harvest] = food.rows("Harvest")
    assert harvest["(a)(1)(ii) Commodity and, if applicable, variety"] == "Romaine lettuce"
    assert harvest["(a)(1)(iii) Quantity and unit of measure"] == "100 KGM"
    assert harvest["(a)(1)(vi) Container (pond, pool, tank, cage)"] is None
    assert food.rows("Missing") == [], "a pond is asked for of fish only"
    assert food.sheet("--food", "09506000134352")["rows"]["Harvest"] == 2
    day = harvest["(a)(1)(vii) Date of harvesting"]
    assert food.sheet("--food", "lettuce", "--from", day, "--to", day)["rows"]["Pack"] == 1
    assert food.sheet("--food", "lettuce", "--from", "2099-01-01")["rows"]["Pack"] == 0
    assert food.sheet("--food", "lettuce", "--to", "2001-01-01")["rows"]["Pack"] == 0


def test_a_pallet_ships_what_is_in_it(food: Food) -> None:
    world = food.world
    lot = food.pack(food.harvest())
    packed = Packed((twin_id(sscc("8")), bytes(32), lot, 3 * ONE))
    pallet = twin_id(PALLET)
    world.lots.packCommitted(pallet, packed.root, [(lot, 3 * ONE)], world.ref(), sender=world.maker.ship)
    terms = world.carrier.number, 0, world.now + DAY, food.ref()
    world.twins.offer(pallet, *terms, sender=world.maker.ship)
    args = pallet, world.twins.head(pallet), food.ref()
    world.twins.accept(*args, sender=world.carrier.receive)
    rows = food.sheet("--tlc", lot_uri("L7"))["rows"]
    assert (rows["Ship"], rows["Receive"]) == (1, 1)
    [shipped] = food.rows("Ship")
    assert shipped["(a)(2) Quantity and unit of measure"] == "3 H87"
    assert shipped["(a)(4) Location description: immediate subsequent recipient"] == "carrier"
    assert isinstance(packed.leaves[0], Leaf)


def test_a_code_is_assigned_where_the_rule_says_and_stays(food: Food) -> None:
    field_ = food.harvest()
    lot = food.pack(field_)
    food.send(lot, ship(lot_uri("OTHER")))
    found = food.sheet("--tlc", "L7", code=1)
    [broken] = found["broken"]
    assert (broken["tlc"], broken["paragraph"], broken["tab"]) == ("L7", "1.1320", "Ship")
    assert "a TLC does not change" in broken["why"]
    food.send(field_, {"fsma": {"event": "ship"}})
    [broken] = food.sheet("--tlc", "FIELD7", code=1)["broken"]
    assert "assigned at harvest" in broken["why"]
    result = food.run("--tlc", "FIELD7")
    assert result.exit_code == 1 and "assigned at harvest" in result.stdout


def test_what_moves_before_it_is_packed_has_no_row(food: Food) -> None:
    field_ = food.harvest()
    food.send(field_, {"fsma": {"event": "cool", "place": "Cooler 2", "farm": "Farm 1"}})
    rows = food.sheet("--tlc", "FIELD7")["rows"]
    assert (rows["Harvest"], rows["Cool"], rows["Ship"], rows["Receive"]) == (1, 1, 0, 0)
    assert food.rows("Cool")[0]["(b)(1)(iv) Location description: where cooled"] == "Cooler 2"


def test_a_transformation_has_a_row_for_each_pair(food: Food) -> None:
    world = food.world
    first, second = food.pack(food.harvest("F1"), "L1"), food.pack(food.harvest("F2"), "L2")
    items = [Commission(lot_uri(name), quantity=2 * ONE) for name in ("SALAD1", "SALAD2")]
    document = {"fsma": {"event": "transform", "product": "Salad"}, "readPoint": {"id": "line 4"}}
    args = keccak(b"mix"), [(first, ONE), (second, 2 * ONE)], items, [], True, food.ref(document)
    world.lineage.transform(*args, sender=world.maker.register)
    rows = food.sheet("--tlc", "SALAD1")["rows"]
    assert (rows["Transform"], rows["Pack"]) == (2, 0)
    titles = (
        "(a)(1)(i) TLC of the food used",
        "(a)(1)(iii) Quantity and unit of measure used",
        "(a)(2)(i) New TLC",
    )
    assert [[row[title] for title in titles] for row in food.rows("Transform")] == [
        ["L1", "1 H87", "SALAD1"],
        ["L2", "2 H87", "SALAD1"],
    ]
    used = food.rows("Transform")[0]["(a)(1)(ii) Product description of the food used"]
    assert used == "Romaine hearts, ACME, 12 x 3 in a carton"
    rows = food.sheet("--tlc", "L1")["rows"]
    assert (rows["Transform"], rows["Pack"]) == (2, 1), "what was made of it is about it"


def test_a_document_that_is_not_there_or_was_changed_is_said(food: Food) -> None:
    item = Commission(lot_uri("GONE"), quantity=ONE)
    world = food.world
    world.lots.commissionLot(item, food.ref(PACK, keep=False), sender=world.maker.register)
    food.sheet("--tlc", "GONE")
    assert "is not there" in food.rows("Missing")[0]["Why"]
    for name, data, why in (
        ("TEXT", b"no JSON", "the document is no JSON"),
        ("LIST", b"[1]", "the document is no event"),
        ("TWO", json.dumps({"epcisBody": {"eventList": [{}, {}]}}).encode(), "has several events"),
        ("ODD", json.dumps({"fsma": [], "readPoint": 3, "bizTransactionList": [1]}).encode(), "does not say"),
        ("LARGE", b" " * (4 << 20) + b"{}", "at most"),
    ):
        item = Commission(lot_uri(name), quantity=ONE)
        world.lots.commissionLot(item, food.ref(data), sender=world.maker.register)
        food.sheet("--tlc", name)
        assert why in food.rows("Missing")[0]["Why"], name
    digest = hashlib.sha256(b"no JSON").hexdigest()
    [copy] = (food.folder / "records").rglob(digest + "/" + digest)
    copy.chmod(0o644)
    copy.write_bytes(b"changed")
    food.sheet("--tlc", "TEXT")
    assert "was changed" in food.rows("Missing")[0]["Why"]


def test_no_cell_is_a_formula(food: Food) -> None:
    evil = PACK | {"fsma": PACK["fsma"] | {"event": "pack", "product": '=HYPERLINK("http://x")\x07'}}
    food.pack(food.harvest(), document=evil)
    food.sheet("--tlc", "L7")
    sheet = load_workbook(food.folder / "out.xlsx")["Pack"]
    [cell] = [cell for cell in sheet[2] if str(cell.value).startswith("=HYPER")]
    assert cell.data_type == "s"
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref == "A1:Q2"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--tlc or --food"),
        (("--tlc", "NONE"), "--tlc 'NONE': no lot has this number"),
        (("--tlc", "0xzz"), "no lot has this number"),
        (("--food", "x", "--from", "2027-02-01", "--to", "2027-01-01"), "is behind --to"),
    ],
)
def test_what_is_asked_for_is_named(food: Food, arguments: tuple[str, ...], message: str) -> None:
    result = food.run(*arguments)
    assert result.exit_code == 2 and message in result.stderr
    assert not (food.folder / "out.xlsx").exists()


def test_the_tables_are_those_of_the_rule() -> None:
    counts = {event.word: len(elements) for event, elements in ELEMENTS.items()}
    assert counts == {
        "harvest": 8,
        "cool": 7,
        "pack": 16,
        "pack-sprouts": 12,
        "pack-exempt": 10,
        "first-land-based-receiver": 7,
        "ship": 8,
        "receive": 8,
        "receive-exempt": 7,
        "transform": 9,
    }
    for event, elements in ELEMENTS.items():
        paragraphs = [element.paragraph for element in elements]
        assert len(set(paragraphs)) == len(paragraphs)
        assert len({element.field for element in elements}) == len(elements)
        assert (event in ASSIGNING) == any(
            "TLC assigned" in e.title or "New TLC" in e.title for e in elements
        )
        assert len(event.tab) <= 31, "a tab's title has its limit"
        assert event_of(event.word) is event
    assert event_of("nothing") is None


def test_the_command_has_an_example() -> None:
    result = run("fsma", "sheet", "--help")
    assert result.exit_code == 0 and "goldthread fsma sheet" in result.output
