"""Proof files: written, read back, checked without a network, and `goldthread proof`."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldthread.chain import proofs
from goldthread.chain.errors import NodeError
from goldthread.chain.merkle import ContentLeaf, SerialLeaf, Tree, serial_leaves, serial_tree
from goldthread.chain.proofs import Anchor, Proof, ProofError
from goldthread.gs1 import twin_id
from tests.goldthread.test_cli import failed, run

LOT = "https://id.gs1.org/01/09506000134352/10/L7"
PALLET = "https://id.gs1.org/00/340123453111111115"
LINKS = [f"https://id.gs1.org/01/09506000134352/21/{i}" for i in range(21)]
TREE = serial_tree(LINKS)
ANCHOR = Anchor(31337, "0x" + "55" * 20, 1234, b"\x77" * 32)
WORD = st.binary(min_size=32, max_size=32)


class Lots:
    """The views of the module that proofs ask, as of a block."""

    def __init__(self, roots: dict[bytes, bytes]) -> None:
        self.roots = roots
        self.address = ANCHOR.contract
        self.asked: list[int] = []
        self.serialsRootOf = SimpleNamespace(at=self._at(lambda root: root))  # noqa: N815
        self.contentsOf = SimpleNamespace(at=self._at(lambda root: SimpleNamespace(root=root)))  # noqa: N815

    def _at(self, told: Any) -> Any:
        def at(block: int) -> Any:
            self.asked.append(block)
            return lambda of: told(self.roots.get(of, bytes(32)))

        return at


def chain_with(roots: dict[bytes, bytes]) -> Any:
    block = {"hash": f"0x{ANCHOR.block_hash.hex()}"}
    chain = SimpleNamespace(id=31337, block_number=lambda: 1234, rpc=lambda *_: block)
    return SimpleNamespace(chain=chain, contract=lambda _: Lots(roots))


def serial(index: int = 4) -> Proof:
    leaf = SerialLeaf(index, twin_id(LINKS[index]))
    return Proof.of_tree(TREE, leaf, twin_id(LOT), LINKS[index])


def content() -> Proof:
    leaves = [ContentLeaf(i, twin_id(LINKS[i]), bytes(32), twin_id(LOT), 10**6) for i in range(5)]
    return Proof.of_tree(Tree(leaf.hash for leaf in leaves), leaves[3], twin_id(PALLET))


@given(st.integers(0, 20), st.booleans())
def test_a_proof_comes_back_from_its_file(index: int, anchored: bool) -> None:
    proof = serial(index)
    if anchored:
        proof = proof.anchored(chain_with({twin_id(LOT): TREE.root}))
        assert proof.anchor == ANCHOR
    found = Proof.from_json(json.loads(json.dumps(proof.to_json())))
    assert found == proof
    assert found.failures(TREE.root) == []


@given(WORD, WORD, WORD, st.integers(0, (1 << 96) - 1))
def test_and_that_of_a_content(child: bytes, child_root: bytes, lot: bytes, quantity: int) -> None:
    leaf = ContentLeaf(0, child, child_root, lot, quantity)
    proof = Proof.of_tree(Tree([leaf.hash]), leaf, twin_id(PALLET))
    found = Proof.from_json(json.loads(json.dumps(proof.to_json())))
    assert found == proof
    assert (found.kind, found.item, found.failures(leaf.hash)) == ("content", child, [])


def test_the_form_of_the_file() -> None:
    told = serial().anchored(chain_with({twin_id(LOT): TREE.root})).to_json()
    assert list(told) == ["schema", "kind", "leaf", "proof", "root", "lot", "chainId", "contract", "block"]
    assert told["leaf"] == {"index": 4, "unit": f"0x{twin_id(LINKS[4]).hex()}", "uri": LINKS[4]}
    assert told["block"] == {"number": 1234, "hash": "0x" + "77" * 32}
    assert told["lot"] == f"0x{twin_id(LOT).hex()}"
    other = content().to_json()
    assert list(other["leaf"]) == ["index", "child", "childRoot", "lot", "quantity"]
    assert (other["leaf"]["quantity"], other["container"]) == ("1000000", f"0x{twin_id(PALLET).hex()}")


@pytest.mark.parametrize("make", [serial, content])
def test_whatever_is_changed_is_found(make: Any) -> None:
    good = make().to_json()
    root = bytes.fromhex(good["root"][2:])
    for name, value in [*good["leaf"].items(), *((i, s) for i, s in enumerate(good["proof"]))]:
        data = json.loads(json.dumps(good))
        place = data["proof"] if isinstance(name, int) else data["leaf"]
        if isinstance(value, int):
            place[name] = value ^ 1
        elif name == "quantity":
            place[name] = "1000001"
        else:
            place[name] = value[:-1] + ("0" if value[-1] != "0" else "1")
        wrong = Proof.from_json(data).failures(root)
        assert [check for check, _ in wrong] in (["proof"], ["id"], ["id", "proof"]), name
    assert [check for check, _ in make().failures(bytes(32))] == ["root", "proof"]
    data = {**good, "root": "0x" + 64 * "0"}
    assert [check for check, _ in Proof.from_json(data).failures(root)] == ["root"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["schema"], 2, "schema 2: this release reads 1"),
        (["schema"], None, "schema: is missing"),
        (["kind"], "leaf", "kind 'leaf': must be serial or content"),
        (["leaf"], [], r"leaf \[\]: must be an object"),
        (["leaf", "index"], True, "leaf.index True: must be a whole number"),
        (["leaf", "index"], -1, "leaf.index -1: must be from 0 to 4294967295"),
        (["leaf", "index"], "1", "leaf.index '1': must be a whole number"),
        (["leaf", "unit"], None, "leaf.unit: is missing"),
        (["leaf", "unit"], "0x12", "leaf.unit '0x12': must be 0x and 64 lower-case hex digits"),
        (["leaf", "uri"], 5, "leaf.uri 5: must be a text"),
        (["proof"], "0x", "proof '0x': must be a list"),
        (["proof", 1], 7, "proof.1 7: must be a text"),
        (["proof", 1], "0x" + 66 * "0", "proof.1 '0x0*': must be 0x and 64"),
        (["root"], "0X" + 64 * "0", "root '0X0*': must be 0x and 64"),
        (["lot"], None, "lot: is missing"),
        (["contract"], "0x12", "contract '0x12': must be an address"),
        (["block", "hash"], None, "block.hash: is missing"),
        (["block"], None, "block: is missing"),
        (["chainId"], "1", "chainId '1': must be a whole number"),
    ],
)
def test_a_file_that_is_no_proof_is_refused_by_field(path: list[Any], value: Any, message: str) -> None:
    data = serial().anchored(chain_with({twin_id(LOT): TREE.root})).to_json()
    place = data
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    with pytest.raises(ProofError, match=message):
        Proof.from_json(data)
    for nothing in ([], "x", None):
        with pytest.raises(ProofError, match="must be a JSON object"):
            Proof.from_json(nothing)


def test_a_quantity_is_a_decimal_text() -> None:
    data = content().to_json()
    for wrong in ("01", "-1", "1e6", "", "9" * 30):
        data["leaf"]["quantity"] = wrong
        with pytest.raises(ProofError, match=r"leaf\.quantity '.*': must be a decimal number in quotes"):
            Proof.from_json(data)
    data["leaf"]["quantity"] = str(1 << 96)
    with pytest.raises(ProofError, match=r"leaf\.quantity 79228162514264337593543950336: must be from 0"):
        Proof.from_json(data)


def test_the_chain_must_have_the_root() -> None:
    with pytest.raises(ProofError, match="on chain 31337, which is 0x0101"):
        serial().anchored(chain_with({twin_id(LOT): b"\x01" * 32}))
    with pytest.raises(ProofError, match="on chain 31337, which is no root"):
        serial().anchored(chain_with({}))
    assert content().anchored(chain_with({twin_id(PALLET): content().root})).anchor == ANCHOR
    silent = chain_with({})
    silent.chain.rpc = lambda *_: None
    with pytest.raises(NodeError, match="does not give the block 1234"):
        serial().anchored(silent)


# ---------------------------------------------------------------------------------------------- commands


@pytest.fixture
def serials(tmp_path: Path) -> Path:
    path = tmp_path / "serials.txt"
    path.write_text("".join(f"{link}\n" for link in LINKS))
    return path


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> dict[bytes, bytes]:
    roots = {twin_id(LOT): TREE.root, twin_id(PALLET): content().root}
    monkeypatch.setattr("goldthread.commands.proof.open_deployment", lambda *_: chain_with(roots))
    return roots


def export(file: Path, index: int, out: Path | None, *more: object) -> Any:
    where = ["--out", out] if out else []
    return run("proof", "export", "--deployment", "x.json", file, index, *where, *more)


def test_a_proof_is_exported_and_verified_without_a_network(
    serials: Path, deployed: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "proof.json"
    result = export(serials, 4, out, "--lot", "01/9506000134352/10/L7")
    assert (result.exit_code, result.stdout) == (0, "")
    assert json.loads(out.read_text())["chainId"] == 31337

    def no_network(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "socket", no_network)
    root = f"0x{TREE.root.hex()}"
    result = run("proof", "verify", out, "--root", root)
    assert (result.exit_code, result.stdout) == (0, f"ok: {LINKS[4]} is number 4 under the root {root}\n")
    assert "chain 31337, block 1234 (0x7777" in result.stderr
    env = {"GOLDTHREAD_DEPLOYMENT": "none.json"}
    told = json.loads(run("proof", "verify", out, "--root", root, "--json", env=env).stdout)
    assert (told["ok"], told["lot"], told["problems"]) == (True, f"0x{twin_id(LOT).hex()}", [])
    result = run("proof", "verify", out, "--root", "0x" + 64 * "1")
    assert result.exit_code == 1
    assert "root: WRONG: the file has" in result.stdout
    assert "proof: WRONG: it does not lead from the leaf to the root" in result.stdout
    told = json.loads(run("proof", "verify", out, "--root", "0x" + 64 * "1", "--json").stdout)
    assert [p["check"] for p in told["problems"]] == ["root", "proof"]


def test_the_chain_can_be_asked_for_the_root(
    serials: Path, deployed: dict[bytes, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "proof.json"
    export(serials, 20, out, "--lot", LOT)
    assert run("proof", "verify", out, "--deployment", "x.json").exit_code == 0
    deployed[twin_id(LOT)] = bytes(32)
    assert run("proof", "verify", out, "--deployment", "x.json").exit_code == 1


def test_contents_are_proved_too(deployed: object, tmp_path: Path) -> None:
    file, out = tmp_path / "pallet.csv", tmp_path / "proof.json"
    rows = [f"{link},,{LOT},1000000" for link in LINKS[:5]]
    file.write_text("\n".join(["child,childRoot,lot,quantity", *rows]))
    assert export(file, 3, out, "--container", PALLET).exit_code == 0
    assert json.loads(out.read_text())["kind"] == "content"
    assert run("proof", "verify", out, "--root", f"0x{content().root.hex()}").exit_code == 0
    failed(export(file, 5, None, "--container", PALLET), "has 5 contents, 0 to 4, there is no 5")


def test_a_bad_line_leaves_no_file(serials: Path, deployed: object, tmp_path: Path) -> None:
    out = tmp_path / "proof.json"
    serials.write_text(serials.read_text() + "https://id.gs1.org/01/09506000134352/21/a b\n")
    failed(export(serials, 4, out, "--lot", LOT), f"{serials}, line 22: Digital Link")
    assert not out.exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "--lot or --container: give one of them"),
        (["--lot", LOT, "--container", PALLET], "--lot or --container: give one of them"),
        (["--lot", "01/9506000134353"], "--lot GTIN (01)"),
        (["--lot", PALLET], "is not that of 0x"),
    ],
)
def test_bad_options_of_export(serials: Path, deployed: object, more: list[str], message: str) -> None:
    failed(export(serials, 4, None, *more), message)


def test_bad_input_of_export(serials: Path, deployed: object, tmp_path: Path) -> None:
    failed(export(serials, 21, None, "--lot", LOT), "has 21 serials, 0 to 20, there is no 21")
    failed(export(tmp_path / "none", 0, None, "--lot", LOT), "none: No such file")
    where = ["--deployment", "none.json", "--lot", LOT]
    failed(run("proof", "export", *where, tmp_path / "none", 0), "none: No such file")


def test_bad_input_of_verify(tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    root = ["--root", "0x" + 64 * "1"]
    failed(run("proof", "verify", file, *root), "proof.json: No such file")
    file.write_text("{")
    failed(run("proof", "verify", file, *root), "is no JSON")
    file.write_text("{}")
    failed(run("proof", "verify", file, *root), "proof.json: schema: is missing")
    failed(run("proof", "verify", file), "--root or --deployment: give one of them")
    file.write_text(json.dumps(serial().to_json()))
    failed(run("proof", "verify", file, "--root", "0x12"), "--root '0x12': must be 0x and 64 hex digits")
    failed(run("proof", "verify", file, "--root", 64 * "1"), "must be 0x and 64 hex digits")
    failed(run("proof", "verify", file, "--deployment", "none.json"), "none.json: No such file")


def test_the_leaves_of_a_proof_are_those_of_the_tree() -> None:
    assert TREE.root == Tree(serial_leaves(map(twin_id, LINKS))).root
    assert re.fullmatch("Lots", proofs.CONTRACT)
