"""Design control from the command line, on a real node, and the files of projects."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from eth_account import Account

from goldthread.audit.design_control import Item, Link, Project
from goldthread.chain.approvals import Document, DocumentError
from goldthread.chain.contracts import Deployment
from goldthread.chain.eip712 import Domain
from goldthread.chain.words import DesignResult, Gate, ItemKind, Source
from goldthread.design import CHUNK, Book, DesignError, Wanted, Work, item_id, load, matrix, proposed
from tests.goldthread.chains import contracts_of, manifest_of
from tests.goldthread.test_cli import run
from tests.support import AnvilNode, nodes
from tests.support.design import Design, label
from tests.support.world import DAY, World, uri

ETHER = 10**18
DESIGN = uri("DESIGN")
PUMP = """
items:
  N1: {kind: need, text: A nurse hears the alarm from the corridor}
  R1: {kind: risk, document: risks/r1.txt}
  I1: {kind: input, text: At least 65 dB at one metre, answers: [N1], controls: [R1]}
  O1: {kind: output, content: "0xHASH", fulfils: [I1]}
  V1: {kind: verification, text: Sound level meter, covers: [I1, O1]}
  W1: {kind: validation, text: Five nurses in a ward, covers: [N1]}
""".replace("HASH", "ab" * 32)


@dataclass(frozen=True)
class Desk:
    """The command line of the maker's people."""

    design: Design
    manifest: Path
    folder: Path

    @property
    def world(self) -> World:
        return self.design.world

    def read(self, *arguments: object) -> Result:
        url = self.world.node.url  # type: ignore[attr-defined]
        return run("design", *arguments, "--deployment", self.manifest, "--rpc", url)

    def send(self, *arguments: object, sender: str) -> Result:
        return self.read(*arguments, "--from", sender)

    def json(self, *arguments: object, sender: str | None = None) -> dict[str, Any]:
        result = self.send(*arguments, "--json", sender=sender or self.design.people.ann)
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def matrix(self, code: int = 1) -> dict[str, Any]:
        result = self.read("matrix", DESIGN, "--json")
        assert result.exit_code == code, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def evidence(self, what: str = "review", sender: str | None = None, **how: Any) -> str:
        return f"0x{self.design.record(what, sender=sender or self.design.people.dan, **how).hex()}"

    def file(self, text: str = PUMP, name: str = "pump.yaml") -> Path:
        (self.folder / "risks").mkdir(exist_ok=True)
        (self.folder / "risks" / "r1.txt").write_text("nobody hears it")
        path = self.folder / name
        path.write_text(text)
        return path

    def opened(self) -> None:
        plan = self.evidence("plan", self.design.people.ann)
        self.json("open", DESIGN, "--record", plan, "--review-form", f"0x{self.design.free.hex()}")

    def passed(self, *gates: str) -> None:
        dan = self.design.people.dan
        for gate in gates:
            how = ["--record", self.evidence(), "--edition", self.design.edition]
            name = ["transfer", DESIGN] if gate == "transfer" else ["review", DESIGN, "--gate", gate]
            self.json(*name, *how, sender=dan)

    def tested(self) -> None:
        cem = self.design.people.cem
        report = self.evidence("report", cem)
        self.json("verify", DESIGN, "V1", "--passed", "I1", "--passed", "O1", "--record", report, sender=cem)
        self.json("validate", DESIGN, "W1", "--passed", "N1", "--record", report, sender=cem)

    def transferred(self) -> None:
        self.opened()
        self.json("apply", DESIGN, self.file())
        self.passed("planning", "inputs", "outputs", "review")
        self.tested()
        self.passed("verification", "validation", "transfer")


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Design, int]]:
    design = Design(World.create(nodes.shared_anvil()))
    contracts_of(design.world)
    assert design.contract.RECORDS() == design.world.records.address
    yield design, design.world.node.snapshot()


@pytest.fixture
def desk(made: tuple[Design, int], tmp_path: Path) -> Desk:
    design, snapshot = made
    world = design.world
    world.node.revert(snapshot)
    path = tmp_path / "31337.json"
    contracts = {"Records": world.records, "DesignControl": design.contract}
    manifest_of(world.node, contracts_of(world) | contracts).save(path)
    node: AnvilNode = world.node  # type: ignore[assignment]
    for account in (*vars(design.people).values(), world.stranger):
        node.set_balance(account, ETHER)
    return Desk(design, path, tmp_path)


def refused(result: Result) -> str:
    """The one line that says why."""
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    return result.stderr


def deployment(desk: Desk) -> Deployment:
    return Deployment.open(desk.manifest, desk.world.node.url)  # type: ignore[attr-defined]


# -------------------------------------------------------------------------------------------- the whole story


def test_a_project_goes_from_a_file_to_production(desk: Desk) -> None:
    desk.transferred()
    found = desk.matrix(0)
    assert (found["gate"], found["version"], found["obstacle"], found["count"]) == (
        "transfer",
        1,
        "transferred",
        1,
    )
    rows = {row["item"]: row for row in found["items"]}
    assert list(rows) == ["N1", "R1", "I1", "O1", "V1", "W1"]
    assert (rows["I1"]["traces to"], rows["I1"]["traced by"]) == ("N1, R1", "O1")
    assert rows["I1"]["tests"] == "V1 (passed)"
    assert rows["O1"]["content"] == "0x" + "ab" * 32
    assert rows["R1"]["content"] == f"0x{hashlib.sha256(b'nobody hears it').hexdigest()}"


def test_a_file_is_applied_in_chunks_and_again(desk: Desk) -> None:
    desk.opened()
    told = desk.json("apply", DESIGN, desk.file(), "--chunk", 4)
    assert (told["items"], told["links"], told["transactions"], told["sent"]) == (6, 6, 4, True)
    assert told["gas"] > 500_000
    again = desk.json("apply", DESIGN, desk.file())
    assert (again["items"], again["links"], again["transactions"]) == (0, 0, 0)
    changed = desk.file(PUMP.replace("65 dB", "70 dB"))
    dry = desk.json("apply", DESIGN, changed, "--dry-run")
    assert (dry["items"], dry["links"], dry["sent"], dry["gas"]) == (1, 4, False, 0)
    assert desk.design.contract.itemOf(desk.design.id, label("I1")).revision == 1
    result = desk.send("apply", DESIGN, changed, sender=desk.design.people.ann)
    assert result.output.startswith("sent: 1 items, 4 links, 2 transactions (")
    assert desk.json("apply", DESIGN, changed)["transactions"] == 0
    row = desk.design.contract.itemOf(desk.design.id, label("I1"))
    assert (row.revision, row.up, row.down, row.tests) == (2, 2, 1, 1)


def test_a_json_file_is_as_good(desk: Desk) -> None:
    desk.opened()
    text = json.dumps({"items": {"N1": {"kind": "need", "text": "x"}}})
    assert desk.json("apply", DESIGN, desk.file(text, "pump.json"))["items"] == 1


def test_items_and_links_one_by_one(desk: Desk) -> None:
    desk.opened()
    document = desk.folder / "need.txt"
    document.write_text("a need")
    told = desk.json("item", DESIGN, "N1", "--kind", "need", "--document", document)
    assert (told["item"], told["revision"], told["edition"], told["reopened"]) == ("N1", 1, 2, None)
    desk.json("item", DESIGN, "I1", "--kind", "input", "--content", "0x" + "cd" * 32)
    result = desk.send("link", DESIGN, "I1", "N1", sender=desk.design.people.ann)
    assert result.output.startswith("I1 linked to N1; edition 4 (")
    record = desk.evidence("need")
    assert desk.json("item", DESIGN, "N1", "--record", record)["revision"] == 2
    assert desk.design.contract.itemOf(desk.design.id, label("I1")).up == 0
    assert desk.json("item", DESIGN, "I1", "--withdraw")["revision"] == 2
    assert [row["item"] for row in desk.matrix()["items"]] == ["N1"]


def test_a_matrix_is_a_table_and_a_csv_file(desk: Desk) -> None:
    desk.opened()
    desk.json("apply", DESIGN, desk.file(PUMP.replace("W1:", '"=W1":')))
    out = desk.folder / "pump.csv"
    result = desk.read("matrix", DESIGN, "--csv", out)
    assert result.exit_code == 1
    assert "2 items hold the gate verification" in result.output
    assert "V1 (no result)" in result.output
    with out.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == [
        "item",
        "kind",
        "revision",
        "traces to",
        "traced by",
        "tests",
        "holds",
        "content",
        "author",
    ]
    assert rows[1][:7] == ["N1", "need", "1", "", "I1", "'=W1 (no result)", "validation"]
    assert rows[6][0] == "'=W1", "a spreadsheet takes it for text"


# ----------------------------------------------------------------------------------------- reports and lapses


def test_reports_fail_and_lapse(desk: Desk) -> None:
    desk.transferred()
    cem = desk.design.people.cem
    nothing = desk.send("lapse", DESIGN, sender=desk.world.stranger)
    assert nothing.output == "nothing: all evidence stands\n"
    report = desk.evidence("report 2", cem)
    told = desk.json(
        "verify", DESIGN, "V1", "--passed", "I1", "--failed", "O1", "--record", report, sender=cem
    )
    assert (told["passed"], told["failed"], told["reopened"]) == (["I1"], ["O1"], "review")
    old = desk.design.contract.linkOf(desk.design.id, label("W1"), label("N1")).record
    desk.evidence("correction", cem, supersedes=old)
    gate = desk.design.contract.evidenceOf(desk.design.id, Gate.OUTPUTS)
    desk.evidence("correction", supersedes=gate)
    told = desk.json("lapse", DESIGN, sender=desk.world.stranger)
    assert told["lapsed"] == ["W1 for N1", "gate outputs"]
    found = desk.matrix()
    assert (found["gate"], found["obstacle"], found["count"]) == ("inputs", "verification", 1)
    result = desk.send("lapse", DESIGN, sender=desk.world.stranger)
    assert result.output == "nothing: all evidence stands\n"


# ---------------------------------------------------------------------------------------------------- changes


def test_a_change_is_proposed_approved_and_applied(desk: Desk) -> None:
    desk.transferred()
    ann, eva = desk.design.people.ann, desk.design.people.eva
    changed = desk.file(PUMP.replace("65 dB", "70 dB"))
    assert "I1 would be added or revised: their gate was passed" in refused(
        desk.send("apply", DESIGN, changed, sender=ann)
    )
    told = desk.json("change", "propose", DESIGN, changed, "--record", desk.evidence("request", ann))
    assert told["change"] == 1
    found = desk.matrix()
    assert (found["obstacle"], found["openChanges"]) == ("changes", 1)
    how = ["--record", desk.evidence("approval"), "--edition", desk.design.edition]
    told = desk.json("change", "approve", DESIGN, 1, *how, sender=eva)
    assert told["reopened"] == "planning"
    assert desk.json("apply", DESIGN, changed)["links"] == 4
    desk.passed("inputs", "outputs", "review")
    cem = desk.design.people.cem
    report = desk.evidence("report", cem)
    desk.json("verify", DESIGN, "V1", "--passed", "I1", "--record", report, sender=cem)
    desk.passed("verification", "validation", "transfer")
    assert desk.matrix(0)["version"] == 2


def test_a_change_is_dismissed_or_overtaken(desk: Desk) -> None:
    desk.transferred()
    ann, eva, path = desk.design.people.ann, desk.design.people.eva, desk.file(PUMP.replace("65 dB", "70 dB"))
    request = ["--record", desk.evidence("request", ann)]
    for number in (1, 2):
        assert desk.json("change", "propose", DESIGN, path, *request)["change"] == number
    assert (
        desk.json("change", "dismiss", DESIGN, 1, "--record", desk.evidence("no"), sender=eva)["change"] == 1
    )
    how = ["--record", desk.evidence(), "--edition", desk.design.edition]
    assert "change 1: is dismissed" in refused(desk.send("change", "approve", DESIGN, 1, *how, sender=eva))
    assert "change 3: the project has 2" in refused(
        desk.send("change", "approve", DESIGN, 3, *how, sender=eva)
    )
    desk.json("change", "propose", DESIGN, desk.file(PUMP.replace("65 dB", "75 dB")), *request)
    how = ["--record", desk.evidence(), "--edition", desk.design.edition]
    desk.json("change", "approve", DESIGN, 3, *how, sender=eva)
    how = ["--record", desk.evidence(), "--edition", desk.design.edition]
    assert "'I1' has changed since" in refused(desk.send("change", "approve", DESIGN, 2, *how, sender=eva))
    gone = desk.file(PUMP)
    told = desk.json("change", "propose", DESIGN, gone, "--withdraw", "R1", *request)
    assert told["change"] == 4
    same = desk.file(PUMP.replace("65 dB", "75 dB"))
    assert "the design is as the file says" in refused(
        desk.send("change", "propose", DESIGN, same, *request, sender=ann)
    )


# ------------------------------------------------------------------------------------------------- signatures


def signed(desk: Desk, who: str, *what: object, deadline: int | None = None) -> Path:
    """An approval, signed on a machine without a network."""
    out, key, secret = (desk.folder / name for name in ("approval.json", "key.json", "secret"))
    how = ["--record", desk.evidence(), "--edition", desk.design.edition]
    end = ["--deadline", deadline or desk.world.now + DAY, "--deployment", desk.manifest, "--out", out]
    result = run("design", "approval", DESIGN, *what, *how, *end)
    assert result.exit_code == 0, result.output
    key.write_text(json.dumps(Account.encrypt(getattr(desk.design.people, who).key, "secret", iterations=2)))
    secret.write_text("secret\n")
    result = run("design", "sign", out, "--key", key, "--passphrase-file", secret, "--yes")
    assert result.exit_code == 0, result.output
    return out


def test_a_gate_is_passed_and_a_change_approved_by_signature(desk: Desk) -> None:
    desk.opened()
    desk.json("apply", DESIGN, desk.file())
    stranger = desk.world.stranger
    approval = signed(desk, "dan", "--gate", "planning")
    assert desk.json("submit", approval, sender=stranger)["edition"] == desk.design.edition
    assert desk.matrix()["gate"] == "planning"
    assert "EditionMoved" in refused(desk.send("submit", approval, sender=stranger))
    desk.passed("inputs")
    changed = desk.file(PUMP.replace("65 dB", "70 dB"))
    desk.json(
        "change", "propose", DESIGN, changed, "--record", desk.evidence("request", desk.design.people.ann)
    )
    approval = signed(desk, "eva", "--change", 1)
    assert desk.json("submit", approval, sender=stranger)["reopened"] == "planning"


def test_what_is_no_signed_approval_is_not_submitted(desk: Desk) -> None:
    desk.opened()
    out = desk.folder / "unsigned.json"
    how = [
        "--record",
        desk.evidence(),
        "--edition",
        1,
        "--deadline",
        desk.world.now,
        "--deployment",
        desk.manifest,
    ]
    assert "--gate or --change" in refused(run("design", "approval", DESIGN, *how))
    assert "--gate or --change" in refused(
        run("design", "approval", DESIGN, "--gate", "inputs", "--change", 1, *how)
    )
    assert run("design", "approval", DESIGN, "--gate", "inputs", *how, "--out", out).exit_code == 0
    assert "nobody has signed" in refused(desk.send("submit", out, sender=desk.world.stranger))
    with pytest.raises(DocumentError, match="nobody has signed"):
        Document.load(out).call(deployment(desk))
    invocation = desk.folder / "invocation.json"
    message = {"model": bytes(32), "hardwareClass": bytes(32), "sequence": 1}
    where = Domain("Goldthread Firmware", desk.world.node.chain_id, "0x" + 40 * "1")
    document = Document("Minimum", where, message)
    invocation.write_text(json.dumps(document.to_json()))
    assert "is a Minimum, not an Approval" in refused(
        desk.send("submit", invocation, sender=desk.world.stranger)
    )


# -------------------------------------------------------------------------------------------------- bad input


def test_commands_say_what_is_wrong(desk: Desk) -> None:
    ann = desk.design.people.ann
    assert "has no project" in refused(
        desk.send("item", DESIGN, "N1", "--kind", "need", "--withdraw", sender=ann)
    )
    desk.opened()
    desk.json("apply", DESIGN, desk.file())
    cases = [
        (["item", DESIGN, "N2", "--document", desk.file()], "a new item needs --kind"),
        (["item", DESIGN, "N2", "--withdraw"], "is not in the project"),
        (["item", DESIGN, "N1", "--kind", "risk", "--withdraw"], "N1 is a need, which never changes"),
        (["item", DESIGN, "N1"], "give one of them"),
        (["item", DESIGN, "N1", "--withdraw", "--content", "0x" + "ab" * 32], "give one of them"),
        (["item", DESIGN, "N1", "--document", desk.folder / "none"], "No such file"),
        (["item", DESIGN, "N1", "--content", "0x12"], "64 hex digits"),
        (["item", DESIGN, "N" * 33, "--withdraw"], "1 to 32 printable bytes"),
        (["link", DESIGN, "I1", "O1"], "WrongLink"),
        (
            ["verify", DESIGN, "W1", "--passed", "N1", "--record", "0x" + "ab" * 32],
            "is a validation, not a verification",
        ),
        (["validate", DESIGN, "V9", "--passed", "N1", "--record", "0x" + "ab" * 32], "is not in the project"),
        (["verify", DESIGN, "V1", "--record", "0x" + "ab" * 32], "name at least one item"),
        (
            ["verify", DESIGN, "V1", "--passed", "I1", "--failed", "I1", "--record", "0x" + "ab" * 32],
            "each in one of the two",
        ),
        (
            ["review", DESIGN, "--gate", "inputs", "--record", desk.evidence(), "--edition", 13],
            "MissingDuty|WrongGate",
        ),
    ]
    for arguments, text in cases:
        told = refused(desk.send(*arguments, sender=ann))
        assert any(part in told for part in text.split("|")), (arguments, told)


def test_a_link_whose_gate_is_passed_is_named(desk: Desk) -> None:
    desk.opened()
    two = PUMP + "  I2: {kind: input, text: Amber light, answers: [N1]}\n"
    two = two.replace("fulfils: [I1]", "fulfils: [I1, I2]")
    desk.json("apply", DESIGN, desk.file(two))
    desk.passed("planning", "inputs")
    more = desk.file(two.replace("Amber light, answers: [N1]", "Amber light, answers: [N1], controls: [R1]"))
    told = refused(desk.send("apply", DESIGN, more, sender=desk.design.people.ann))
    assert "cannot link I2 to R1: the gate of the first is passed" in told
    new = desk.file(two + "  N2: {kind: need, text: more}\n")
    told = refused(desk.send("apply", DESIGN, new, sender=desk.design.people.ann))
    assert "N2 would be added or revised" in told


CHANGES = "propose approve dismiss".split()
COMMANDS = "open item link apply verify validate review transfer approval sign submit lapse matrix".split()


@pytest.mark.parametrize(
    "command", [*([name] for name in COMMANDS), *(["change", n] for n in CHANGES)], ids=" ".join
)
def test_every_command_has_an_example(command: list[str]) -> None:
    result = run("design", *command, "--help")
    assert result.exit_code == 0
    assert "Example:" in result.stdout
    who = "firmware" if command == ["sign"] else "design"
    assert f"goldthread {who} {' '.join(command)} " in result.stdout


FILES = [
    ("items: [", "while parsing"),
    ("things: {}", "must hold `items`"),
    ("items: {}", "must hold `items`"),
    ("items: {N1: {kind: need, text: x}}\nmore: 1", "must hold `items`"),
    ("[1, 2]", "must hold `items`"),
    ("items: {N1: 5}", "item 'N1': must be a mapping"),
    ("items: {1: {kind: need, text: x}}", "a name is text"),
    ("items: {N1: {kind: wish, text: x}}", "kind 'wish': must be one of need, risk"),
    ("items: {N1: {kind: need, text: x, answers: [N2]}}", "a need has no field answers"),
    ("items: {N1: {kind: need}}", "must have one of text, document, content, record"),
    ("items: {N1: {kind: need, text: x, content: y}}", "must have one of"),
    ("items: {N1: {kind: need, text: 5}}", "text 5: must be text"),
    ("items: {N1: {kind: need, document: none.pdf}}", "document none.pdf: No such file"),
    ("items: {N1: {kind: need, content: '0x12'}}", "must be 0x and 64 hex digits"),
    ("items: {N1: {kind: need, record: 'zz'}}", "must be 0x and 64 hex digits"),
    (f"items: {{N1: {{kind: need, content: '0x{'zz' * 32}'}}}}", "must be 0x and 64 hex digits"),
    (f"items: {{N1: {{kind: need, content: '0x{'00' * 32}'}}}}", "not all zero"),
    ("items: {I1: {kind: input, text: x, answers: N1}}", "answers: must be a list of names"),
    ("items: {I1: {kind: input, text: x, answers: [1]}}", "answers: must be a list of names"),
    ("items: {I1: {kind: input, text: x, answers: [N1], controls: [N1]}}", "linked to the same item twice"),
    ("items: {N1: {kind: need, text: x}, N1: {kind: need, text: y}}", "'N1' is given twice"),
    ("items: {'': {kind: need, text: x}}", "1 to 32 printable bytes"),
    ("items: {' N1': {kind: need, text: x}}", "no blanks around"),
    ("items: {N1: !!python/object:os.system {}}", "could not determine a constructor"),
]


@pytest.mark.parametrize(("text", "rule"), FILES)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, rule: str) -> None:
    path = tmp_path / "pump.yaml"
    path.write_text(text)
    with pytest.raises(DesignError) as error:
        load(path)
    assert str(path) in str(error.value)
    assert rule in str(error.value)


def test_files_that_are_not_there_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DesignError, match="No such file"):
        load(tmp_path / "none.yaml")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(DesignError, match="Expecting property name"):
        load(broken)
    monkeypatch.setattr("goldthread.design.LARGEST_FILE", 0)
    with pytest.raises(DesignError, match="larger than 0 bytes"):
        load(broken)


# ------------------------------------------------------------------------------------- files against projects


def test_names_and_ids_of_items() -> None:
    assert item_id("REQ-7") == b"REQ-7".ljust(32, b"\0")
    assert item_id("0x" + "ab" * 32) == b"\xab" * 32
    assert len(item_id("ü" * 16)) == 32
    for wrong in ("", "x" * 33, "ü" * 17, "a\tb", "a ", "0x" + "zz" * 32):
        with pytest.raises(DesignError):
            item_id(wrong)


def project(**kinds: ItemKind) -> Project:
    """Items at their first revision."""
    found = Project(edition=1)
    for name, kind in kinds.items():
        found.items[item_id(name)] = Item(kind, Source.DOCUMENT, 1, "0x" + 40 * "1", b"c" * 32)
    return found


def linked(found: Project, start: str, end: str, result: DesignResult = DesignResult.NONE) -> None:
    ends = item_id(start), item_id(end)
    found.links[ends] = Link(1, 1, 0, result)
    found.up.setdefault(ends[0], set()).add(ends[1])
    found.down.setdefault(ends[1], set()).add(ends[0])


def test_what_a_file_asks_for_is_compared_with_the_chain() -> None:
    found = project(N1=ItemKind.NEED, I1=ItemKind.INPUT)
    linked(found, "I1", "N1")
    n1, i1, i2 = item_id("N1"), item_id("I1"), item_id("I2")
    same = Wanted(n1, ItemKind.NEED, Source.DOCUMENT, b"c" * 32)
    kept = Wanted(i1, ItemKind.INPUT, Source.DOCUMENT, b"c" * 32, (n1,))
    assert Work.of(found, [same, kept]) == Work((), (), (), ())
    other = Wanted(n1, ItemKind.NEED, Source.DOCUMENT, b"d" * 32)
    new = Wanted(i2, ItemKind.INPUT, Source.RECORD, b"r" * 32, (n1,))
    work = Work.of(found, [other, kept, new])
    assert work.drafts == (
        (n1, ItemKind.NEED, Source.DOCUMENT, 2, b"d" * 32),
        (i2, ItemKind.INPUT, Source.RECORD, 1, b"r" * 32),
    )
    assert work.links == ((i1, n1), (i2, n1))
    assert work.neighbours == (([], [i1]), ([], []))
    found.baseline = Gate.INPUTS
    work = Work.of(found, [other, kept, new])
    assert (len(work.drafts), len(work.changes)) == (0, 2)
    with pytest.raises(DesignError, match="'N1': is a need on chain, not a risk"):
        Work.of(found, [Wanted(n1, ItemKind.RISK, Source.DOCUMENT, b"c" * 32)])
    with pytest.raises(DesignError, match="a input is not linked to 'X', which is no item"):
        Work.of(found, [Wanted(i2, ItemKind.INPUT, Source.DOCUMENT, b"c" * 32, (item_id("X"),))])
    with pytest.raises(DesignError, match="'I1', which is input"):
        Work.of(found, [Wanted(i2, ItemKind.INPUT, Source.DOCUMENT, b"c" * 32, (i1,))])


def test_a_matrix_says_what_is_missing() -> None:
    found = project(N1=ItemKind.NEED, I1=ItemKind.INPUT, V1=ItemKind.VERIFICATION)
    linked(found, "I1", "N1")
    linked(found, "V1", "I1", DesignResult.FAILED)
    found.items[item_id("N2")] = Item(ItemKind.NEED, Source.WITHDRAWN, 2, "0x" + 40 * "1", bytes(32))
    rows = {row.item: row for row in matrix(found)}
    assert list(rows) == ["N1", "I1", "V1"]
    assert rows["I1"].tests == (("V1", DesignResult.FAILED),)
    assert rows["I1"].holds == (Gate.OUTPUTS, Gate.VERIFICATION)
    assert rows["N1"].cells()[:7] == ("N1", "need", "1", "", "I1", "", "validation")
    assert rows["I1"].cells()[5] == "V1 (failed)"
    with pytest.raises(DesignError, match="the project has 0"):
        proposed(found, 1)
    assert CHUNK == 50


def test_logs_that_are_left_out_are_noticed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from goldthread import design as module

    desk.opened()
    desk.json("apply", DESIGN, desk.file())
    chain, whole = deployment(desk), module.logs.events
    design = desk.design.id

    def without(number: int) -> None:
        def events(*args: Any, **options: Any) -> Iterator[Any]:
            return (event for event in whole(*args, **options) if event["edition"] != number)

        monkeypatch.setattr(module.logs, "events", events)

    assert Book.read(chain, design).project.edition == 13
    without(5)
    with pytest.raises(DesignError, match="are not complete: .* the step 5 is missing"):
        Book.read(chain, design)
    without(13)
    with pytest.raises(DesignError, match="logs say edition 12, the contract 13"):
        Book.read(chain, design)
