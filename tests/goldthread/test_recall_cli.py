"""Recalls from the command line, on a real node: planned, opened, stepped, killed, gone on with, closed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from click.testing import Result
from eth_account import Account

from goldthread import closure
from goldthread import recall as recalls
from goldthread.audit.closure_claims import ClaimState
from goldthread.chain import logs
from goldthread.chain.contracts import Call
from goldthread.chain.errors import ContractError
from goldthread.chain.merkle import MemberLeaf
from goldthread.chain.send import Sender, SendError
from tests.goldthread.medicine import (
    API,
    BOX,
    CASE,
    DRUG_1,
    DRUG_2,
    OTHER_API,
    OTHER_DRUG,
    OTHER_TABLETING,
    PALLET,
    TABLETING,
    UNIT,
    WAX,
    Medicine,
    drug,
    unit,
)
from tests.goldthread.proxy import FaultProxy
from tests.goldthread.test_cli import failed, run
from tests.goldthread.test_trace import hexed, tampered, topic
from tests.support import AnvilNode, nodes
from tests.support.lots import ONE
from tests.support.making import lot_id, process_of, tree_of
from tests.support.words import LotCause
from tests.support.world import BOND, DAY, SUPPLIER_PREFIX, Commission, Registration, lot_uri, twin_id, uri

REASON = "0x" + "ab" * 32
ETHER = 10**18
SMALL = 400_000
"""Gas of blocks with room for a few steps only."""
COMMANDS = ("plan", "open", "step", "close", "status", "claim", "challenge", "finalise", "follow")


@dataclass(frozen=True)
class Office:
    """Who recalls, on the command line."""

    medicine: Medicine
    manifest: Path

    @property
    def node(self) -> AnvilNode:
        return self.medicine.node

    def run(self, command: str, *arguments: object, url: str = "", sign: bool = False) -> Result:
        rest: list[object] = ["--deployment", self.manifest, "--rpc", url or self.node.url]
        rest += ["--from", self.supplier] if sign else []
        return run("recall", command, *arguments, *rest)

    def json(self, command: str, *arguments: object, sign: bool = False) -> dict[str, Any]:
        result = self.run(command, *arguments, "--json", sign=sign)
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def open(self, *lots: bytes, reason: str = REASON) -> int:
        seeds = map(hexed, lots)
        return int(self.json("open", *seeds, "--class", "II", "--reason", reason, sign=True)["recall"])

    @property
    def supplier(self) -> str:
        return self.medicine.world.supplier.recall

    @property
    def sender(self) -> Sender:
        return Sender.unlocked(self.medicine.deployment.chain, self.supplier)

    def book(self) -> recalls.Book:
        book = recalls.Book(self.medicine.deployment)
        book.update()
        return book

    def stepped(self, number: int) -> list[bytes]:
        events = logs.events(self.medicine.deployment, ["Recalls"])
        return [event["member"] for event in events if event.name == "Stepped" and event["recall"] == number]

    def command(self, url: str, *arguments: object) -> list[str]:
        start = [sys.executable, "-m", "goldthread.cli", "recall", *map(str, arguments)]
        return [*start, "--deployment", str(self.manifest), "--rpc", url, "--from", self.supplier]


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Medicine, int]]:
    node = nodes.shared_anvil()
    medicine = Medicine.create(node)
    for account in (medicine.world.supplier.recall, medicine.world.maker.recall):
        node.set_balance(account, ETHER)
        medicine.world.token.mint(account, 9 * BOND, sender=medicine.world.governor)
    yield medicine, node.snapshot()
    node.rpc("evm_setBlockGasLimit", hex(nodes.BLOCK_GAS))


@pytest.fixture
def office(made: tuple[Medicine, int], tmp_path: Path) -> Office:
    medicine, snapshot = made
    medicine.node.revert(snapshot)
    medicine.node.rpc("evm_setBlockGasLimit", hex(nodes.BLOCK_GAS))
    return Office(medicine, medicine.manifest(tmp_path))


# ------------------------------------------------------------------------------------------------- planning


def test_a_plan_names_members_and_who_has_them(office: Office) -> None:
    world, block = office.medicine.world, office.node.block_number
    found = office.json("plan", lot_uri("API", SUPPLIER_PREFIX))
    assert found["complete"] is True
    assert [m["id"] for m in found["members"]] == list(map(hexed, (API, TABLETING, DRUG_1, DRUG_2)))
    assert [t["id"] for t in found["twins"]] == [hexed(UNIT)]
    assert {c["id"] for c in found["containers"]} == {hexed(PALLET), hexed(CASE)}
    assert [
        (h["organisation"], h["lot"], int(h["quantity"]) / ONE, h["container"]) for h in found["holders"]
    ] == [
        ("supplier", hexed(API), 70, None),
        ("maker", hexed(API), 5, None),
        ("maker", hexed(DRUG_1), 599, None),
        ("distributor", hexed(DRUG_1), 400, hexed(CASE)),
        ("distributor", hexed(DRUG_2), 1000, hexed(PALLET)),
    ]
    assert found["steps"] == 6
    assert office.node.block_number == block
    assert world.recalls.recallCount() == 0
    shown = office.run("plan", hexed(API))
    assert shown.exit_code == 0
    for text in (
        lot_uri("D2"),
        "70 KGM",
        "599 H87",
        "transactions  about ",
        ": 7 things (lots: 3, processes: 1)",
    ):
        assert text in shown.stdout


def test_a_plan_costs_what_it_says(office: Office) -> None:
    planned = office.json("plan", hexed(API))
    first = office.node.block_number + 1
    number = office.open(API)
    office.json("close", number, sign=True)
    last = office.node.block_number
    blocks = [office.node.rpc("eth_getBlockByNumber", hex(b), False) for b in range(first, last + 1)]
    gas = sum(int(block["gasUsed"], 16) for block in blocks)
    assert 0.8 * gas < planned["gas"] < 1.5 * gas
    assert planned["transactions"] == len(blocks)


def test_what_is_offered_is_part_of_the_plan(office: Office) -> None:
    world = office.medicine.world
    terms = 9 * ONE, 0, world.now + DAY, world.ref("shipping")
    world.lots.offerQuantity(DRUG_1, world.retailer.number, *terms, sender=world.maker.ship)
    found = office.json("plan", hexed(DRUG_1))
    offered = [h for h in found["holders"] if h["offeredTo"]]
    assert [(h["org"], h["offeredTo"], h["quantity"]) for h in offered] == [
        (world.maker.number, world.retailer.number, str(9 * ONE))
    ]
    assert "offered to retailer" in office.run("plan", hexed(DRUG_1)).stdout


def test_a_plan_from_tampered_logs_says_so(office: Office) -> None:
    wanted = topic("Lots", "QuantityAccepted")
    with FaultProxy(office.node.url) as proxy:
        drop = tampered(lambda found: [log for log in found if log["topics"][0] != wanted])
        proxy.fail("eth_getLogs", drop, times=9)
        result = office.run("plan", hexed(API), url=proxy.url)
    assert result.exit_code == 1
    assert "NOT COMPLETE" in result.stdout


# -------------------------------------------------------------------------------------------------- closing


def test_a_recall_of_the_ingredient_closes(office: Office) -> None:
    world = office.medicine.world
    number = office.open(API)
    assert world.lots.clear(API) == (False, LotCause.RECALLED)
    closed = office.json("close", number, sign=True)
    assert closed == {"recall": 1, "state": "CLOSED", "sent": 6, "size": 7, "frontier": 0, "containers": 0}
    assert sorted(office.stepped(number)) == sorted((API, TABLETING, DRUG_1, DRUG_2))
    for lot in (API, DRUG_1, DRUG_2):
        assert world.lots.isRecalled(lot, number)
    assert world.lineage.isRecalled(TABLETING, number)
    for twin in (UNIT, PALLET, CASE):
        assert world.recalls.isAffected(number, twin)
        assert world.twins.twin(twin).holds == 1
    for lot in (WAX, OTHER_API, OTHER_DRUG):
        assert not world.lots.isRecalled(lot, number)
    assert not world.lineage.isRecalled(OTHER_TABLETING, number)
    block = office.node.block_number
    again = office.run("close", number, sign=True)
    assert again.stdout == "recall 1: CLOSED, 0 steps sent, 7 members, 0 to step, 0 containers to hold\n"
    assert office.node.block_number == block


def test_a_late_input_reaches_what_came_out_before(office: Office) -> None:
    world = office.medicine.world
    seeds = hexed(WAX), "--class", "III", "--reason", REASON
    sender = world.maker.recall
    office.node.set_balance(sender, ETHER)
    where = "--deployment", office.manifest, "--rpc", office.node.url, "--from", sender
    assert run("recall", "open", *seeds, *where).exit_code == 0
    assert run("recall", "close", 1, *where).exit_code == 0
    assert [world.lots.isRecalled(lot, 1) for lot in (WAX, DRUG_1, DRUG_2, API)] == [True, True, True, False]


def test_a_step_is_one_transaction(office: Office) -> None:
    number = office.open(API)
    block = office.node.block_number
    assert office.json("step", number, sign=True)["state"] == "CLOSED"
    assert office.node.block_number == block + 1
    assert office.json("step", number, sign=True)["containers"] == 0
    assert office.node.block_number == block + 2
    assert office.json("step", number, sign=True)["sent"] == 0
    assert office.node.block_number == block + 2


def test_what_is_in_more_than_one_recall_is_in_each(office: Office) -> None:
    first, second = office.open(API), office.open(API, reason="0x" + "cd" * 32)
    assert (first, second) == (1, 2)
    for number in (second, first):
        assert office.json("close", number, sign=True)["size"] == 7
    assert office.medicine.world.twins.twin(PALLET).holds == 2


def test_seeds_may_come_after_the_end(office: Office) -> None:
    world = office.medicine.world
    number = office.open(API)
    office.json("close", number, sign=True)
    lot = office.medicine.commission("API9", 3, world.supplier, SUPPLIER_PREFIX)
    assert office.open(API, lot) == number
    assert office.json("status", number)["state"] == "OPEN"
    closed = office.json("close", number, sign=True)
    assert (closed["state"], closed["sent"], closed["size"]) == ("CLOSED", 1, 8)
    assert office.stepped(number)[-1] == lot


def test_the_record_is_hashed(office: Office, tmp_path: Path) -> None:
    record = tmp_path / "report.txt"
    record.write_text("glass in the tablets")
    args = hexed(API), "--class", "I", "--reason-file", record
    found = office.json("open", *args, sign=True)
    assert found["reason"] == f"0x{hashlib.sha256(b'glass in the tablets').hexdigest()}"
    assert office.json("status", 1)["reason"] == found["reason"]
    assert office.json("status", 1)["class"] == "CLASS_I"
    told = office.run("open", *args, sign=True).stdout
    assert told == (
        "recall 1: was opened for this reason before; 1 to step. Go on with: goldthread recall close 1\n"
    )


# --------------------------------------------------------------------------------------------- interruptions


class Killer:
    """Ends a process with SIGKILL at its transaction `at`: before it is sent, or once it is in a block."""

    def __init__(self, at: int, sent: bool) -> None:
        self.left, self.sent = at, sent
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(self, proxy: FaultProxy, client: socket, body: bytes) -> bool:
        self.left -= 1
        if self.left:
            return False
        if self.sent:
            # The node answers before the transaction is in a block.
            tx = json.loads(proxy.forward(body))["result"]
            ask = {"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionReceipt", "params": [tx]}
            while json.loads(proxy.forward(json.dumps(ask).encode()))["result"] is None:
                time.sleep(0.01)
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return True


def killed(office: Office, at: int, sent: bool, *arguments: object) -> None:
    with FaultProxy(office.node.url) as proxy:
        killer = Killer(at, sent)
        proxy.fail("eth_sendTransaction", killer, times=at)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        killer.process = subprocess.Popen(office.command(proxy.url, *arguments), env=environment)
        assert killer.process.wait(60) == -signal.SIGKILL


@pytest.fixture
def wide(office: Office) -> list[bytes]:
    """Ten lots in a row, each with a lot beside it, and a short cut from the first to the middle.

    Blocks have room for a few steps only.
    """
    world = office.medicine.world
    lot = office.medicine.commission("W0", 50, world.supplier, SUPPLIER_PREFIX)
    terms = 50 * ONE, 0, world.now + DAY, world.ref("shipping")
    world.lots.offerQuantity(lot, world.maker.number, *terms, sender=world.supplier.ship)
    args = lot, world.supplier.number, 50 * ONE, 0, world.ref("receiving")
    world.lots.acceptQuantity(*args, sender=world.maker.receive)
    members = [lot]
    for number in range(1, 11):
        outputs = [Commission(lot_uri(f"W{number}{side}"), unit=b"KGM", quantity=50 * ONE) for side in "ab"]
        office.medicine.transform(f"W{number}", lot, 1, *outputs)
        members += [process_of(world.maker.number, f"W{number}"), *(twin_id(o.uri) for o in outputs)]
        lot = twin_id(outputs[0].uri)
    middle = process_of(world.maker.number, "W5")
    world.lineage.addInputs(middle, [(members[0], ONE)], world.ref(), sender=world.maker.register)
    office.node.rpc("evm_setBlockGasLimit", hex(SMALL))
    return members


@pytest.mark.parametrize("sent", [False, True], ids=["before it is sent", "when it is in a block"])
@pytest.mark.parametrize("at", [1, 3])
def test_a_killed_run_is_gone_on_with(office: Office, wide: list[bytes], at: int, sent: bool) -> None:
    number = office.open(wide[0])
    killed(office, at, sent, "close", number)
    done = office.stepped(number)
    assert bool(done) == (at > 1 or sent)
    assert office.json("status", number)["state"] == "OPEN"
    assert [step.thing.id for step in office.book().steps(number) if step.thing.id in done] == []
    killed(office, 1, True, "close", number)
    assert len(office.stepped(number)) > len(done)
    closed = office.json("close", number, sign=True)
    assert (closed["state"], closed["size"]) == ("CLOSED", len(wide))
    steps = office.stepped(number)
    assert len(steps) == len(set(steps))
    assert set(steps) == set(wide)


def test_a_batch_that_is_too_large_is_cut(
    office: Office, wide: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in recalls.GAS:
        monkeypatch.setitem(recalls.GAS, name, 1)
    number = office.open(wide[0])
    book = office.book()
    assert recalls.step(book, office.sender, number) < len(wide)
    recalls.close(book, office.sender, number)
    assert set(office.stepped(number)) == set(wide)


@pytest.mark.parametrize("sent", [False, True], ids=["before it is sent", "when it is in a block"])
def test_containers_are_held_after_a_kill_too(office: Office, sent: bool) -> None:
    number = office.open(API)
    killed(office, 2, sent, "close", number)
    assert office.json("status", number)["twins"] == (3 if sent else 1)
    closed = office.json("close", number, sign=True)
    assert (closed["sent"], closed["size"], closed["containers"]) == (0 if sent else 2, 7, 0)


def test_no_step_is_ever_refused(office: Office, wide: list[bytes]) -> None:
    number = office.open(wide[0])
    first = office.node.block_number + 1
    assert office.json("close", number, sign=True)["sent"] == len(wide)
    last = office.node.block_number
    assert last - first > 5
    for block in range(first, last + 1):
        for tx in office.node.rpc("eth_getBlockByNumber", hex(block), False)["transactions"]:
            receipt = office.node.rpc("eth_getTransactionReceipt", tx)
            assert receipt["status"] == "0x1"
            assert int(receipt["gasUsed"], 16) <= SMALL


@pytest.mark.parametrize(("at", "sent"), [(1, False), (1, True), (2, False), (2, True)])
def test_a_recall_that_was_killed_while_opening_is_one(office: Office, at: int, sent: bool) -> None:
    arguments = "open", hexed(API), "--class", "II", "--reason", REASON
    killed(office, at, sent, *arguments)
    assert office.open(API) == 1
    world = office.medicine.world
    assert world.recalls.recallCount() == 1
    assert world.recalls.recallOf(1).frontier == 1


def test_what_is_under_way_is_waited_for(office: Office) -> None:
    office.node.rpc("evm_setAutomine", False)
    try:
        request = {"from": office.supplier, "to": office.supplier, "gas": hex(21_000)}
        sender = Sender.unlocked(office.medicine.deployment.chain, office.supplier, timeout=0.3)
        sender.settle()
        office.node.rpc("eth_sendTransaction", request)
        with pytest.raises(SendError, match="1 transactions are under way"):
            sender.settle()
        office.node.rpc("evm_mine")
        sender.settle()
    finally:
        office.node.rpc("evm_setAutomine", True)


def test_somebody_else_may_be_faster(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.open(API)
    estimate, other, rival = recalls._estimate, office.sender, office.book()
    sent: list[int] = []

    def slow(sender: Sender, call: Call, limit: int) -> int:
        if not sent and sender is not other:
            sent.append(recalls.step(rival, other, number))
        return estimate(sender, call, limit)

    monkeypatch.setattr(recalls, "_estimate", slow)
    book = office.book()
    assert recalls.close(book, office.sender, number) == 2
    assert sent == [4]
    assert book.state(number).state == recalls.RecallState.CLOSED
    assert len(office.stepped(number)) == 4


def test_more_units_than_a_transaction_can_hold(office: Office) -> None:
    """The list is cut, and stepped in parts."""
    world = office.medicine.world
    lot = world.commission(drug("M"))
    for index in range(12):
        proof, piece = tree_of("M", 1000).proof(index), Registration(uri(f"M-{index}"))
        world.lots.materialise(lot_uri("M"), index, piece, proof, world.ref(), sender=world.maker.register)
    office.node.rpc("evm_setBlockGasLimit", hex(900_000))
    sender = world.maker.recall
    office.node.set_balance(sender, ETHER)
    where = "--deployment", office.manifest, "--rpc", office.node.url, "--from", sender
    assert run("recall", "open", hexed(lot), "--class", "I", "--reason", REASON, *where).exit_code == 0
    result = run("recall", "close", 1, *where, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["size"] == 13
    assert office.stepped(1) == [lot]
    assert all(world.recalls.isAffected(1, unit("M", index)) for index in range(12))


def test_a_step_that_no_block_has_room_for_is_not_sent(office: Office, wide: list[bytes]) -> None:
    number = office.open(wide[0])
    office.node.rpc("evm_setBlockGasLimit", hex(70_000))
    block = office.node.block_number
    result = office.run("close", number, sign=True)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert office.node.block_number == block


# --------------------------------------------------------------------------------------------------- status


def test_the_status_tells_what_is_open(office: Office) -> None:
    world = office.medicine.world
    number = office.open(API)
    assert office.json("status", number)["open"] == [f"step lot {lot_uri('API', SUPPLIER_PREFIX)}"]
    assert office.run("status", number).stdout.endswith(
        f"still open:\n  step lot {lot_uri('API', SUPPLIER_PREFIX)}\n"
    )
    office.json("step", number, sign=True)
    waiting = office.json("status", number)["open"]
    assert waiting == [
        f"hold container https://id.gs1.org/00/{s}" for s in ("395060000000000023", "395060000000000016")
    ]
    office.json("close", number, sign=True)
    assert office.json("status", number)["open"] == []
    world.recalls.notify(number, DRUG_2, world.distributor.number, 1000 * ONE, sender=world.supplier.recall)
    assert office.json("status", number)["open"] == [f"answer of distributor on lot {lot_uri('D2')}"]
    world.recalls.acknowledge(number, DRUG_2, 990 * ONE, sender=world.distributor.recall)
    assert office.json("status", number)["open"] == [f"reconciliation of distributor on lot {lot_uri('D2')}"]
    told = 900 * ONE, 80 * ONE, 10 * ONE, world.ref()
    world.recalls.reconcile(number, DRUG_2, *told, sender=world.distributor.recall)
    found = office.json("status", number)
    assert found["open"] == []
    assert found["consignees"] == [
        {
            "org": world.distributor.number,
            "organisation": "distributor",
            "lot": hexed(DRUG_2),
            "notified": str(1000 * ONE),
            "received": str(990 * ONE),
            "returned": str(900 * ONE),
            "destroyed": str(80 * ONE),
            "sold": str(10 * ONE),
            "answered": found["consignees"][0]["answered"],
            "reconciled": True,
        }
    ]
    assert (found["lots"], found["processes"], found["twins"], found["size"]) == (3, 1, 3, 7)
    shown = office.run("status", number).stdout
    assert "consignees  1, 1 answered, 1 reconciled" in shown
    assert "members     7 (lots: 3, processes: 1, twins: 3)" in shown
    assert "990 H87" in shown
    assert shown.endswith("nothing is open\n")
    world.recalls.lift(number, bytes(32), world.ref(), sender=world.supplier.recall)
    assert office.json("status", number)["open"] == ["7 members are to be cleared (clearMembers)"]
    failed(office.run("close", number, sign=True), "recall 1: is lifted; only one that is not is stepped")
    assert office.open(API) == 2


def test_missing_logs_are_noticed_before_anything_is_sent(office: Office) -> None:
    number = office.open(API)
    office.json("step", number, sign=True)
    block = office.node.block_number
    for contract, event in (("Lots", "LotRecalled"), ("Lineage", "ProcessRecalled"), ("Recalls", "Stepped")):
        wanted = topic(contract, event)
        drop = tampered(lambda found, wanted=wanted: [log for log in found if log["topics"][0] != wanted])  # type: ignore[misc]
        with FaultProxy(office.node.url) as proxy:
            proxy.fail("eth_getLogs", drop, times=9)
            failed(office.run("close", number, url=proxy.url, sign=True), "logs are missing")
    assert office.node.block_number == block


def test_other_steps_than_there_were_are_noticed(office: Office, wide: list[bytes]) -> None:
    number = office.open(wide[0])
    office.json("step", number, sign=True)
    done = office.stepped(number)
    instead = next(member for member in office.book().recall(number).members if member not in done)

    def swap(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for log in found:
            if log["topics"][0] == topic("Recalls", "Stepped") and log["topics"][2] == hexed(done[0]):
                log["topics"][2] = hexed(instead)
        return found

    with FaultProxy(office.node.url) as proxy:
        proxy.fail("eth_getLogs", tampered(swap), times=9)
        failed(office.run("close", number, url=proxy.url, sign=True), "are not those of closureOf")


# ------------------------------------------------------------------------------------------ who signs, errors


def test_a_keystore_signs(office: Office, tmp_path: Path) -> None:
    key, secret = tmp_path / "key.json", tmp_path / "passphrase"
    account = office.medicine.world.supplier.recall
    key.write_text(json.dumps(Account.encrypt(account.key, "open sesame", iterations=2)))
    secret.write_text("open sesame\n")
    args = hexed(API), "--class", "I", "--reason", REASON, "--keystore", key
    opened = office.run("open", *args, "--passphrase-file", secret)
    assert opened.exit_code == 0, opened.output
    where = "--deployment", office.manifest, "--rpc", office.node.url
    asked = run("recall", "close", 1, *where, "--keystore", key, input="open sesame\n")
    assert asked.exit_code == 0, asked.output
    assert "Passphrase of" in asked.stderr
    secret.write_text("open barley")
    failed(
        office.run("close", 1, "--keystore", key, "--passphrase-file", secret), "key.json: cannot be opened"
    )


def test_a_test_key_signs_on_no_real_chain(tmp_path: Path) -> None:
    node = AnvilNode()
    try:
        medicine = Medicine.create(node)
        node.rpc("anvil_setChainId", 11155111)
        manifest = tmp_path / "sepolia.json"
        replace(medicine.deployment.manifest, chain_id=11155111).save(manifest)
        key, secret = tmp_path / "key.json", tmp_path / "passphrase"
        private = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
        key.write_text(json.dumps(Account.encrypt(private, "x", iterations=2)))
        secret.write_text("x")
        where = "--deployment", manifest, "--rpc", node.url
        seeds = hexed(API), "--class", "I", "--reason", REASON
        signed = run("recall", "open", *seeds, *where, "--keystore", key, "--passphrase-file", secret)
        failed(signed, "is a well-known test account")
        unlocked = run("recall", "open", *seeds, *where, "--from", node.accounts[0])
        failed(unlocked, "accounts of the node are used on chain 31337 only")
    finally:
        node.close()


def test_errors_name_field_value_and_rule(office: Office, tmp_path: Path) -> None:
    seed, why = hexed(API), ("--class", "I", "--reason", REASON)
    failed(office.run("open", seed, *why), "--from or --keystore: give one of the two")
    failed(office.run("open", seed, *why, "--from", "0x12"), "--from '0x12': is no address")
    failed(office.run("open", seed, "--class", "I"), "--reason or --reason-file: give one of the two")
    failed(
        office.run("open", seed, "--class", "I", "--reason-file", tmp_path / "none", sign=True),
        "none: No such file or directory",
    )
    failed(
        office.run("open", seed, "--class", "I", "--reason", "0x1", sign=True), "--reason '0x1': must be 0x"
    )
    failed(office.run("open", hexed(PALLET), *why, sign=True), "is a container; a recall starts from lots")
    failed(office.run("plan", "0x" + "9" * 64), "is unknown; a recall starts from lots")
    failed(office.run("status", 3), "recall 3: there is none; recalls have numbers from 1 to 0")
    failed(office.run("close", 1, sign=True), "recall 1: there is none")
    failed(office.run("open", hexed(WAX), *why, sign=True), "MayNotSeed(")
    failed(office.run("close", 1, sign=True), "recall 1: has no member yet")
    none = tmp_path / "key.json"
    secret = tmp_path / "secret"
    failed(
        office.run("close", 1, "--keystore", none, "--passphrase-file", secret),
        "secret: No such file or directory",
    )
    wrong = office.run("open", seed, "--class", "IV", "--reason", REASON, sign=True)
    assert wrong.exit_code == 2
    assert "'IV' is not one of 'I', 'II', 'III'" in wrong.stderr


def test_only_who_may_recall_opens_one(office: Office) -> None:
    stranger = office.medicine.world.stranger
    with pytest.raises(ContractError, match="UnknownAccount"):
        recalls.open_recall(
            office.book(),
            Sender.unlocked(office.medicine.deployment.chain, stranger),
            recalls.RecallClass.CLASS_I,
            b"r" * 32,
            [API],
        )
    assert office.medicine.world.recalls.recallCount() == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    told = run("recall", command, "--help")
    assert told.exit_code == 0
    assert told.stdout.startswith("Usage:")
    assert f"goldthread recall {command} " in told.stdout


# -------------------------------------------------------------------------------------------------- claims

MEMBERS = (API, TABLETING, DRUG_1, DRUG_2, UNIT)


def told(leaves: list[MemberLeaf]) -> list[tuple[bytes, int, int, int]]:
    return [(leaf.member, leaf.parent, leaf.depth, leaf.results) for leaf in leaves]


def published(office: Office, recall: int, leaves: list[tuple[bytes, int, int, int]]) -> int:
    """A claim of the supplier, whatever it says."""
    world, supplier = office.medicine.world, office.supplier
    world.token.approve(world.closure_claims, BOND, sender=supplier)
    world.closure_claims.claim(recall, len(leaves), sender=supplier)
    number: int = world.closure_claims.claimCount()
    world.closure_claims.publish(number, leaves, sender=supplier)
    return number


def test_a_recall_is_closed_by_a_claim(office: Office) -> None:
    world, number = office.medicine.world, office.open(API)
    made = office.json("claim", number, sign=True)
    until = world.now + DAY
    assert (made["state"], made["members"], made["published"]) == ("COMPLETE", 5, 5)
    assert office.json("claim", number, sign=True) == made
    assert world.closure_claims.claimOf(1).deadline <= until
    assert office.run("challenge").stdout == "claim 1: is true\n"
    assert "finalise claim 1 after its window" in office.json("status", number)["open"]
    failed(office.run("finalise", 1, sign=True), "WindowOpen(")
    office.node.warp(DAY + 1)
    assert office.json("finalise", 1, sign=True)["state"] == "ADOPTED"
    assert office.run("finalise", 1, sign=True).stdout.startswith("claim 1 of recall 1: ADOPTED, 5 members")
    assert "follow 5 members of claim 1" in office.json("status", number)["open"]
    followed = office.json("follow", number, sign=True)
    assert (followed["state"], followed["sent"], followed["size"], followed["frontier"]) == (
        "CLOSED",
        5,
        5,
        0,
    )
    closed = office.json("close", number, sign=True)
    assert closed == {"recall": 1, "state": "CLOSED", "sent": 2, "size": 7, "frontier": 0, "containers": 0}
    assert office.stepped(number) == []
    assert all(world.recalls.isMember(number, member) for member in (*MEMBERS, PALLET, CASE))
    assert not world.recalls.isMember(number, WAX)
    assert office.json("status", number)["open"] == []
    assert office.json("follow", number, sign=True)["sent"] == 0
    assert world.closure_claims.creditOf(office.supplier) == BOND


def test_what_grows_after_a_claim_is_reached(office: Office) -> None:
    """By what somebody else told, and what came of that."""
    world, number = office.medicine.world, office.open(API)
    office.json("claim", number, sign=True)
    office.medicine.transform("late", DRUG_1, 1, drug("D4"))
    office.medicine.transform("later", lot_id("D4"), 1, drug("D5"))
    assert office.run("challenge").stdout == "claim 1: is true\n"
    office.node.warp(DAY + 1)
    office.json("finalise", 1, sign=True)
    closed = office.json("close", number, sign=True)
    assert (closed["state"], closed["size"], closed["frontier"]) == ("CLOSED", 11, 0)
    assert world.lots.isRecalled(lot_id("D5"), number)
    assert office.json("status", number)["open"] == []
    lot = office.medicine.commission("API8", 3, world.supplier, SUPPLIER_PREFIX)
    assert office.open(API, lot) == number
    assert office.json("close", number, sign=True)["size"] == 12


@pytest.mark.parametrize("missing", [TABLETING, DRUG_1, DRUG_2, UNIT])
def test_whatever_is_missing_is_found(office: Office, missing: bytes) -> None:
    world, number = office.medicine.world, office.open(API)
    leaves = closure.leaves_of(office.book(), number)
    index = [leaf.member for leaf in leaves].index(missing)
    kept = told([leaf for leaf in leaves if leaf.member != missing])
    kept = [(m, min(p - (p > index), len(kept) - 1), d, r) for m, p, d, r in kept]
    claim = published(office, number, kept)
    shown = office.run("challenge")
    assert shown.exit_code == 1
    assert world.closure_claims.claimOf(claim).state == ClaimState.COMPLETE
    found = office.json("challenge", claim, sign=True)["claims"]
    assert [each["refuted"] for each in found] == [True]
    assert world.closure_claims.claimOf(claim).state == ClaimState.REFUTED
    assert world.closure_claims.creditOf(office.supplier) == BOND // 2
    assert office.run("challenge").stdout == ""
    failed(office.run("challenge", claim), "claim 1: is REFUTED; only a complete one is refuted")


@pytest.mark.parametrize("stranger", [WAX, OTHER_DRUG, OTHER_TABLETING, BOX])
@pytest.mark.parametrize("parent", [API, DRUG_2, UNIT, None])
def test_whatever_is_too_much_is_found(office: Office, stranger: bytes, parent: bytes | None) -> None:
    world, number = office.medicine.world, office.open(API)
    leaves = told(closure.leaves_of(office.book(), number))
    index = sum(leaf[0] < stranger for leaf in leaves)
    moved = [(m, p + (p >= index), d, r) for m, p, d, r in leaves]
    moved.insert(index, (stranger, index, 9, 0))
    if parent:
        moved[index] = (stranger, [leaf[0] for leaf in moved].index(parent), 9, 0)
    claim = published(office, number, moved)
    found = office.json("challenge", claim, sign=True)["claims"]
    assert [each["refuted"] for each in found] == [True]
    assert world.closure_claims.claimOf(claim).state == ClaimState.REFUTED


def test_wrong_depths_and_counts_are_found(office: Office) -> None:
    number = office.open(API)
    leaves = told(closure.leaves_of(office.book(), number))
    at = [leaf[0] for leaf in leaves].index(DRUG_1)
    for change in ((0, 1), (2, 2)):
        member, parent, _, _ = leaves[at]
        wrong = [*leaves[:at], (member, parent, *change), *leaves[at + 1 :]]
        claim = published(office, number, wrong)
        assert office.json("challenge", claim, sign=True)["claims"][0]["refuted"]


def test_long_lists_are_shown_by_their_beginning(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    world, number = office.medicine.world, office.open(API)
    lots = [drug(f"D{place}") for place in range(4, 9)]
    args = TABLETING, lots, [], world.ref()
    world.lineage.addOutputs(*args, sender=world.maker.register)
    true = told(closure.leaves_of(office.book(), number))
    monkeypatch.setattr(closure, "MAX_RESULTS", 3)
    with pytest.raises(recalls.RecallError, match="7 things came of it, a claim accounts for 3"):
        closure.leaves_of(office.book(), number)
    # One result is counted, and even that one is missing.
    short = [leaf for leaf in true if leaf[0] in (API, TABLETING)]
    ids = [leaf[0] for leaf in short]
    false = [(m, ids.index(API), d, 1) for m, _, d, _ in short]
    claim = published(office, number, false)
    fault = closure.find_fault(office.book(), claim)
    assert fault is not None
    assert [call.function for call in fault.calls] == ["note", "note", "challengeMissing"]
    assert fault.missing == DRUG_1
    closure.challenge(office.book(), office.sender, fault)
    assert world.closure_claims.claimOf(claim).state == ClaimState.REFUTED


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_claim_that_was_killed_goes_on(office: Office, at: int, sent: bool) -> None:
    """While it allows the bond, begins or publishes."""
    number, token = office.open(API), office.medicine.world.token
    before = token.balanceOf(office.supplier)
    killed(office, at, sent, "claim", number)
    assert office.json("claim", number, sign=True)["state"] == "COMPLETE"
    assert token.balanceOf(office.supplier) == before - BOND


def test_a_claim_that_is_not_true_any_more_is_begun_anew(office: Office) -> None:
    world, number = office.medicine.world, office.open(API)
    killed(office, 2, True, "claim", number)
    office.medicine.transform("late", DRUG_1, 1, drug("D4"))
    made = office.json("claim", number, sign=True)
    assert (made["claim"], made["members"], made["state"]) == (2, 7, "COMPLETE")
    assert world.closure_claims.claimOf(1).state == ClaimState.ENDED
    assert world.closure_claims.creditOf(office.supplier) == BOND


def test_claims_that_are_not_possible(office: Office) -> None:
    number = office.open(API)
    failed(office.run("challenge", 1), "claim 1: there is none; claims have numbers from 1 to 0")
    failed(office.run("follow", number, sign=True), "recall 1: has adopted no claim")
    leaves = told(closure.leaves_of(office.book(), number))
    at = [leaf[0] for leaf in leaves].index(DRUG_1)
    false = [leaf if place != at else (leaf[0], at, 0, 1) for place, leaf in enumerate(leaves)]
    claim = published(office, number, false)
    office.node.warp(DAY + 1)
    failed(office.run("finalise", claim, sign=True), "refute it with `goldthread recall challenge 1`")
    office.json("close", number, sign=True)
    failed(
        office.run("claim", number, sign=True),
        "recall 1: is CLOSED; only an open one without a claim is claimed",
    )
    assert office.run("challenge").stdout == ""


def test_a_plan_says_what_a_claim_costs(office: Office) -> None:
    planned = office.json("plan", hexed(API))
    first = office.node.block_number + 1
    number = office.open(API)
    office.json("claim", number, sign=True)
    office.node.warp(DAY + 1)
    office.json("finalise", 1, sign=True)
    office.json("close", number, sign=True)
    last = office.node.block_number
    blocks = [office.node.rpc("eth_getBlockByNumber", hex(b), False) for b in range(first, last + 1)]
    gas = sum(int(block["gasUsed"], 16) for block in blocks)
    assert 0.7 * gas < planned["claimGas"] < 1.5 * gas
    assert planned["parts"] == 0
    assert f"{planned['claimGas']:,} by a claim" in office.run("plan", hexed(API)).stdout


def test_a_plan_cuts_lists_that_are_too_long(office: Office) -> None:
    """One lot in twelve processes, where a transaction has room for some of them."""
    lot = office.medicine.commission("long", 50)
    for place in range(12):
        office.medicine.transform(f"use {place}", lot, 1)
    whole = office.json("plan", hexed(lot))
    office.node.rpc("evm_setBlockGasLimit", hex(190_000))
    office.node.rpc("evm_mine")
    cut = office.json("plan", hexed(lot))
    assert (whole["parts"], whole["steps"]) == (0, 13)
    assert cut["parts"] > 0
    assert cut["steps"] == whole["steps"] + cut["parts"]
    assert cut["gas"] > whole["gas"]
    assert "parts         " in office.run("plan", hexed(lot)).stdout
