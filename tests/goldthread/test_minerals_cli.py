"""Conflict minerals from the command line, on a real node: register, declarations, products, workbooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from openpyxl import Workbook, load_workbook

from goldthread.hashing import keccak
from tests.goldthread.chains import contracts_of, manifest_of
from tests.goldthread.test_cli import run
from tests.support import AnvilNode, nodes
from tests.support.making import ONE
from tests.support.words import Kind
from tests.support.world import Commission, World, asset, lot_uri, uri

ETHER = 10**18
DESIGN, ORE, BAR, CAR, WHEEL = uri("DESIGN"), lot_uri("ORE"), lot_uri("BAR"), asset("CAR"), uri("WHEEL")
RECORD = "0x" + "ab" * 32
REGISTER = "Metal,Smelter Identification,Smelter Name,Country Code,Status,Valid Until\n"
YES = {1: "Yes", 2: "Yes", 3: "Unknown", 4: "No", 5: "No", 6: "100%", 7: "Yes", 8: "Yes"}
METALS = ("Tantalum", "Tin", "Gold", "Tungsten")


class Desk:
    """The command line of the maker's quality, or of somebody else."""

    def __init__(self, world: World, manifest: Path, folder: Path) -> None:
        self.world, self.manifest, self.folder = world, manifest, folder
        self.year = datetime.fromtimestamp(world.now, UTC).year
        self.until = f"{self.year + 1}-12-31"

    def read(self, *arguments: object) -> Result:
        url = self.world.node.url  # type: ignore[attr-defined]
        return run("minerals", *arguments, "--deployment", self.manifest, "--rpc", url)

    def send(self, *arguments: object, sender: str | None = None) -> Result:
        return self.read(*arguments, "--from", sender or self.world.maker.quality)

    def json(self, *arguments: object, sender: str | None = None, code: int = 0) -> dict[str, Any]:
        result = self.send(*arguments, "--json", sender=sender)
        assert result.exit_code == code, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def told(self, *arguments: object, code: int = 0) -> dict[str, Any]:
        result = self.read(*arguments, "--json")
        assert result.exit_code == code, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def list(self, *rows: str, code: int = 0) -> Result:
        path = self.file("register.csv", REGISTER + "\n".join(rows) + "\n")
        result = self.send("smelter", path, sender=self.world.regulator.record)
        assert result.exit_code == code, result.output
        return result

    def good(self, *numbers: str, metal: str = "Tin") -> Result:
        return self.list(
            *(f"{metal},{number},Smelter {number},BO,conformant,{self.until}" for number in numbers)
        )

    def answers(self, **metals: dict[int, str]) -> Path:
        lines = ["question,metal,answer"]
        for metal in METALS:
            told = metals.get(metal, {1: "No"})
            lines += [f"{question},{metal},{told.get(question, '')}" for question in range(1, 9)]
        return self.file("answers.csv", "\n".join(lines) + "\n")

    def smelters(self, *numbers: str, metal: str = "Tin") -> Path:
        lines = ["Metal,Smelter Identification", *(f"{metal},{number}" for number in numbers)]
        return self.file("smelters.csv", "\n".join(lines) + "\n")

    def declare(self, product: str, *more: object, tin: bool = True, code: int = 0) -> dict[str, Any]:
        answers = self.answers(Tin=YES) if tin else self.answers()
        files = ["--answers", answers, *(["--smelters", self.smelters("CID001070")] if tin else [])]
        where = product, "--year", self.year, "--register", self.world.regulator.number
        return self.json("declare", *where, *files, *more, code=code)


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[World, int]]:
    world = World.create(nodes.shared_anvil())
    world.register(DESIGN, Kind.DESIGN)
    world.register(CAR, Kind.ASSET)
    world.register(WHEEL)
    ore = world.commission(Commission(ORE, quantity=100 * ONE))
    item, name = Commission(BAR, quantity=ONE), keccak(b"smelting")
    args = name, [(ore, ONE)], [item], [], True, world.ref("transformation")
    world.lineage.transform(*args, sender=world.maker.register)
    contracts_of(world)
    assert world.conflict_minerals.LINEAGE() == world.lineage.address
    yield world, world.node.snapshot()


@pytest.fixture
def desk(made: tuple[World, int], tmp_path: Path) -> Desk:
    world, snapshot = made
    world.node.revert(snapshot)
    path = tmp_path / "31337.json"
    contracts = {"ConflictMinerals": world.conflict_minerals, "Lineage": world.lineage, "Lots": world.lots}
    manifest_of(world.node, contracts_of(world) | contracts).save(path)
    node: AnvilNode = world.node  # type: ignore[assignment]
    for account in (world.maker.quality, world.regulator.record, world.stranger):
        node.set_balance(account, ETHER)
    return Desk(world, path, tmp_path)


# ------------------------------------------------------------------------------------------------ the story


def test_a_product_is_declared_evaluated_and_goes_bad(desk: Desk) -> None:
    desk.good("CID001070", "CID001182")
    again = desk.list(f"Tin,CID001070,Smelter CID001070,BO,conformant,{desk.until}", code=2)
    assert "all 1 smelters stand as the register has them" in again.stderr
    told = desk.declare(ORE)
    assert (told["verdict"], told["version"], told["smelters"]) == ("CONFORMANT", 1, 1)
    before = desk.told("status", BAR, code=1)
    assert (before["verdict"], before["onChain"], before["kept"]) == 3 * ("UNDETERMINABLE",)
    assert [problem["what"] for problem in before["problems"]] == ["no declaration covers it"]
    desk.declare(BAR, tin=False)
    found = desk.json("evaluate", BAR, sender=desk.world.stranger)
    assert (found["verdict"], found["things"], found["judged"]) == ("CONFORMANT", 2, 0)
    shown = desk.told("status", BAR)
    assert (shown["verdict"], shown["onChain"], shown["kept"], shown["stale"]) == (*3 * ["CONFORMANT"], False)

    worse = desk.list("Tin,CID001070,Smelter CID001070,BO,non-conformant,")
    assert "judgements by this register are to be made anew" in worse.stdout
    shown = desk.told("status", BAR, code=1)
    assert (shown["verdict"], shown["kept"], shown["stale"]) == ("NON_CONFORMANT", "UNDETERMINABLE", True)
    assert shown["problems"][0]["what"] == "smelter CID001070 of tin is NON_CONFORMANT"
    found = desk.json("evaluate", BAR, sender=desk.world.stranger, code=1)
    assert (found["verdict"], found["judged"]) == ("NON_CONFORMANT", 1)
    assert desk.json("flag", ORE, "--year", desk.year, sender=desk.world.stranger)["raised"] == 1
    assert "nothing to flag" in desk.send("flag", ORE, "--year", desk.year).stderr
    people = desk.read("status", BAR)
    assert (people.exit_code, "NON_CONFORMANT" in people.stdout) == (1, True)


def test_a_long_way_is_evaluated_in_steps(desk: Desk) -> None:
    world = desk.world
    desk.good("CID001070")
    for number in range(3):
        name = f"L{number}"
        source = keccak((BAR if number == 0 else lot_uri(f"L{number - 1}")).encode())
        item = Commission(lot_uri(name), quantity=10 * ONE)
        amount = [(source, ONE if number == 0 else 2)]
        args = keccak(name.encode()), amount, [item], [], True, world.ref("transformation")
        world.lineage.transform(*args, sender=world.maker.register)
        desk.declare(lot_uri(name), tin=False)
    desk.declare(ORE)
    desk.declare(BAR, tin=False)
    found = desk.json("evaluate", lot_uri("L2"), "--most", 2, sender=world.stranger)
    assert (found["verdict"], found["things"], found["evaluated"]) == ("CONFORMANT", 5, 4)
    whole = desk.json("evaluate", lot_uri("L2"), sender=world.stranger)
    assert (whole["verdict"], whole["evaluated"]) == ("CONFORMANT", 1)


def test_what_is_installed_is_looked_at_too(desk: Desk) -> None:
    world = desk.world
    desk.good("CID001070")
    desk.declare(CAR, tin=False)
    assert desk.told("status", CAR)["verdict"] == "NO_MINERALS"
    wheel, car = keccak(WHEEL.encode()), keccak(CAR.encode())
    world.lineage.install(wheel, car, world.ref("installing"), sender=world.maker.register)
    shown = desk.told("status", CAR, code=1)
    assert (shown["verdict"], shown["onChain"]) == ("UNDETERMINABLE", "NO_MINERALS")
    assert shown["problems"] == [
        {"product": WHEEL, "what": "no declaration covers it", "verdict": "UNDETERMINABLE"}
    ]


def test_an_outcome_is_filed_in_time_or_late(desk: Desk) -> None:
    world, node = desk.world, desk.world.node
    desk.good("CID001070")
    assert "nobody has declared it" in desk.read("outcome", DESIGN, "--year", desk.year).stderr
    desk.declare(DESIGN, "--origin", "yes", "--benefited", "no")
    told = desk.told("outcome", DESIGN, "--year", desk.year)
    assert (told["outcome"], told["filed"], told["overdue"]) == ("CMR_CONFLICT_FREE_WITH_IPSA", None, False)
    due = world.conflict_minerals.dueAt(desk.year)
    node.timestamp = due + 1
    node.tx(node.accounts[0], node.accounts[1])
    assert desk.told("outcome", DESIGN, "--year", desk.year, code=1)["overdue"]
    assert desk.json("flag", DESIGN, "--year", desk.year, sender=world.stranger)["raised"] >= 1
    assert desk.json("file", DESIGN, "--year", desk.year, "--document", RECORD)["late"]
    told = desk.told("outcome", DESIGN, "--year", desk.year)
    assert (told["late"], told["overdue"], told["filedVersion"]) == (True, False, 1)
    assert "late" in desk.read("outcome", DESIGN, "--year", desk.year).stdout


def test_a_version_is_superseded_with_a_reason(desk: Desk) -> None:
    desk.good("CID001070")
    desk.declare(DESIGN)
    answers = desk.answers()
    where = DESIGN, "--year", desk.year, "--register", desk.world.regulator.number, "--answers", answers
    refused = desk.send("declare", *where)
    assert refused.exit_code == 2 and "in version 1; give --supersede and a reason" in refused.stderr
    assert "--reason or --reason-file" in desk.send("declare", *where, "--supersede").stderr
    told = desk.json("declare", *where, "--supersede", "--reason", RECORD)
    assert (told["version"], told["verdict"]) == (2, "NO_MINERALS")


# ------------------------------------------------------------------------------------------------ workbooks


def cmrt(
    desk: Desk, answers: dict[str, dict[int, str]], smelters: list[tuple[str, ...]], products: list[str]
) -> Path:
    """A workbook of the shape that suppliers send: text above the tables, titles with stars."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Declaration"
    sheet.append(["Conflict Minerals Reporting Template"])
    sheet.append(["Company Name (*):", "", "", "ACME"])
    for question in range(1, 9):
        sheet.append([])
        sheet.append([None, f"{question}) A question? (*)", None, "Answer", None, None, "Comments"])
        for metal in METALS:
            told = answers.get(metal, {1: "No"}).get(question)
            sheet.append([None, f"{metal}  (*)", None, told, None, None, None])
    sheet = book.create_sheet("Smelter List")
    sheet.append(["To begin:"])
    titles = ["Smelter Identification Number Input Column", "Metal (*)", "Smelter Look-up (*)"]
    sheet.append([*titles, "Smelter Name", "Smelter Country", "Smelter Identification"])
    for number, metal in smelters:
        sheet.append([number, metal, "look-up", "Name", "BOLIVIA", number])
    sheet = book.create_sheet("Product List")
    sheet.append(["Manufacturer’s Product Number (*)", "Manufacturer’s Product Name"])
    for product in products:
        sheet.append([product, "a product"])
    path = desk.folder / "cmrt.xlsx"
    book.save(path)
    return path


def test_a_workbook_is_declared_and_rolled_up_again(desk: Desk) -> None:
    desk.good("CID001070")
    desk.good("CID000015", metal="Gold")
    tin = [("CID001070", "Tin"), ("CID001070", "Tin"), ("CID000015", "Gold")]
    path = cmrt(desk, {"Tin": YES, "Gold": YES | {5: "Yes"}}, tin, [ORE, BAR])
    where = DESIGN, "--year", desk.year, "--register", desk.world.regulator.number
    told = desk.json("declare", *where, "--workbook", path)
    assert (told["smelters"], told["repeated"], told["covered"], told["verdict"]) == (2, 1, 2, "CONFORMANT")
    out = desk.folder / "out.xlsx"
    rows = desk.told("workbook", BAR, "--out", out)["rows"]
    assert rows == {"Declaration": 32, "Smelter List": 2, "Checker": 1, "Product List": 2}
    book = load_workbook(out)
    assert book.sheetnames == ["Declaration", "Smelter List", "Checker", "Product List"]
    listed = [[cell.value for cell in row] for row in book["Smelter List"].iter_rows()]
    assert listed[0][:4] == ["Metal (*)", "Smelter Name", "Smelter Country", "Smelter Identification"]
    assert listed[1][:4] == ["Tin", "Smelter CID001070", "BO", "CID001070"]
    assert listed[2][0:9:8] == ["Gold", "Yes"], "recycled"
    assert listed[1][9] == f"{BAR}\n{ORE}"
    checked = [cell.value for cell in book["Checker"][2]]
    assert checked[:2] == ["all declared, all smelters conformant", "Complete"]
    answers = {
        (row[0].value[:2], row[1].value): row[2].value for row in book["Declaration"].iter_rows(min_row=12)
    }
    assert (answers["3)", "Tin"], answers["6)", "Tin"], answers["5)", "Gold"]) == ("Unknown", "100%", "Yes")
    # What was written can be declared again.
    again = desk.json("declare", CAR, *where[1:], "--workbook", out, code=0)
    assert (again["smelters"], again["verdict"]) == (2, "CONFORMANT")


def test_a_roll_up_says_what_is_open(desk: Desk) -> None:
    desk.good("CID001070")
    desk.declare(ORE)
    out = desk.folder / "out.xlsx"
    desk.told("workbook", BAR, "--year", 2020, "--out", out)
    book = load_workbook(out)
    facts = {row[0].value: row[1].value for row in book["Declaration"].iter_rows(max_row=9, max_col=2)}
    assert (facts["Verdict"], facts["Reporting year"]) == ("UNDETERMINABLE", 2020)
    answers = {
        (row[0].value[:2], row[1].value): row[2].value for row in book["Declaration"].iter_rows(min_row=12)
    }
    assert (answers["7)", "Tin"], answers["8)", "Tin"]) == ("No", "No")
    assert [cell.value for cell in book["Checker"][2]] == [
        "no declaration covers it",
        "Open",
        BAR,
        "UNDETERMINABLE",
    ]
    assert "must end in .xlsx" in desk.read("workbook", BAR, "--out", desk.folder / "x.csv").stderr


@pytest.mark.parametrize(
    ("answers", "smelters", "message"),
    [
        (
            {"Tin": YES | {3: "Maybe"}},
            [],
            "sheet Declaration, row 18: answer 'Maybe': must be one of No, Yes",
        ),
        ({"Tin": YES | {6: "Yes"}}, [], "answer 'Yes': must be one of None, 50% or less"),
        ({"Tin": {1: "Yes"}}, [], "question 2 of tin: has no answer"),
        ({"Tin": {1: "No", 2: "No"}}, [], "question 2 of tin: is not asked"),
        ({"Tin": YES}, [("CID1", "Iron")], "sheet Smelter List, row 3: Metal 'Iron': must be one of tin"),
        ({"Tin": YES}, [("CID1", "Gold")], "row 3: gold does not remain in the product"),
        ({"Tin": YES}, [("", "Tin")], "row 3: Smelter Identification: is empty"),
        ({"Tin": YES}, [("CID1", "Tin"), ("X" * 32, "Tin")], "row 4: Smelter Identification: smelter number"),
    ],
)
def test_what_is_wrong_in_a_workbook_is_named(
    desk: Desk, answers: dict[str, dict[int, str]], smelters: list[tuple[str, ...]], message: str
) -> None:
    path = cmrt(desk, answers, smelters, [])
    where = DESIGN, "--year", desk.year, "--register", desk.world.regulator.number
    refused = desk.send("declare", *where, "--workbook", path)
    assert refused.exit_code == 2 and message in refused.stderr
    identifier = desk.world.conflict_minerals.declarationId(keccak(DESIGN.encode()), desk.year)
    assert desk.world.conflict_minerals.declarationOf(identifier).version == 0, "nothing was sent"


def test_smelters_that_are_not_identified_are_counted(desk: Desk) -> None:
    path = cmrt(desk, {"Tin": YES | {7: "No"}}, [("", "Tin"), ("CID001070", "Tin")], [])
    where = DESIGN, "--year", desk.year, "--register", desk.world.regulator.number
    told = desk.json("declare", *where, "--workbook", path)
    assert (told["unidentified"], told["smelters"], told["verdict"]) == (1, 1, "UNDETERMINABLE")


def test_a_workbook_is_one(desk: Desk) -> None:
    where = DESIGN, "--year", desk.year, "--register", desk.world.regulator.number
    path = desk.file("cmrt.xlsx", "no workbook")
    assert "is no workbook" in desk.send("declare", *where, "--workbook", path).stderr
    book = Workbook()
    book.save(path)
    assert "has no sheet Declaration" in desk.send("declare", *where, "--workbook", path).stderr
    assert "No such file" in desk.send("declare", *where, "--workbook", desk.folder / "none.xlsx").stderr
    assert "give one of the two" in desk.send("declare", *where).stderr
    both = desk.send("declare", *where, "--workbook", path, "--smelters", path)
    assert "are in the workbook" in both.stderr


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Tin,CID1,A,BO,good,", "line 2: Status 'good': must be one of conformant"),
        ("Tin,CID1,A,Bolivia,active,2027-12-31", "line 2: Country Code 'Bolivia': must be two capital"),
        ("Tin,CID1,A,BO,active,", "line 2: Valid Until '': must be a day"),
        ("Tin,CID1,A,BO,active,2027-13-01", "line 2: Valid Until '2027-13-01': must be a day"),
        ("Tin,CID1,A,BO,not enrolled,2027-12-01", "NOT_ENROLLED has no end"),
        ("Lead,CID1,A,BO,not enrolled,", "line 2: Metal 'Lead': must be one of"),
        ("Tin,,A,BO,not enrolled,", "line 2: Smelter Identification: smelter number"),
        (
            "Tin,CID1,A,BO,not enrolled,\nTin,CID1,A,BO,not enrolled,",
            "line 3: CID1 of this metal is listed before",
        ),
    ],
)
def test_what_is_wrong_in_a_register_is_named(desk: Desk, row: str, message: str) -> None:
    refused = desk.list(row, code=2)
    assert message in refused.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("question,metal,answer\n9,Tin,Yes\n", "line 2: question '9': must be 1 to 8"),
        ("question,metal,answer\n1,Lead,Yes\n", "line 2: metal 'Lead': must be one of"),
        ("question,metal,answer\n1,Tin,Yes\n1,tin,No\n", "line 3: question 1 of tin is answered before"),
        ("question,metal,answer\n", "has no answers"),
        ("question,answer\n", "must have one column metal"),
    ],
)
def test_what_is_wrong_in_answers_is_named(desk: Desk, text: str, message: str) -> None:
    where = DESIGN, "--year", desk.year, "--register", desk.world.regulator.number
    refused = desk.send("declare", *where, "--answers", desk.file("answers.csv", text))
    assert refused.exit_code == 2 and message in refused.stderr


def test_every_command_has_an_example() -> None:
    for name in ("smelter", "declare", "evaluate", "status", "outcome", "file", "flag", "workbook"):
        result = run("minerals", name, "--help")
        assert result.exit_code == 0 and f"goldthread minerals {name}" in result.output
