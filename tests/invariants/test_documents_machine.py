"""Random records, amendments, signatures and disposals, while copies in the store are lost, damaged, swapped
and sealed to others: verification finds exactly what is wrong, and all that can be read is what was recorded.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any

import fsspec
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from goldthread.chain.contracts import Deployment
from goldthread.chain.records import record_id, schema_id
from goldthread.records import timeline
from goldthread.records.archive import Archive
from goldthread.records.bundle import Bundle, Document
from goldthread.records.disclosure import disclose
from goldthread.records.sealing import ReaderKey, seal
from goldthread.records.signatories import printed_name
from goldthread.records.store import Store
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.support import Counters
from tests.support.words import Duty, Role
from tests.support.world import DAY, Commission, World, lot_uri, person, twin_id

COUNT = Counters()
LOT, SCHEMA = twin_id(lot_uri("L7")), schema_id(1, "step", 1)
ANN, EVE = ReaderKey.generate(), ReaderKey.generate()
NUMBER = count()
VALUES = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9) | st.text(max_size=3), max_size=3)
REASON = b"\x01" * 32


@dataclass
class Expected:
    """A record as the machine wrote it."""

    bundle: Bundle
    author: bytes
    """Content hash of the author's printed name."""
    signers: dict[str, bytes] = field(default_factory=dict)
    successor: int = 0
    disposed: bool = False


@cache
def beginning() -> tuple[World, RecordingNode, Deployment, int, int]:
    """One chain for all examples, and the moment at which each of them begins."""
    node = RecordingNode()
    world = World.create(node)
    deployment = deployment_of(world, Records=world.records)
    world.commission(Commission(lot_uri("L7"), unit=b"KGM", quantity=10**6))
    never = "0x" + 40 * "0"
    terms = (b"\x01" * 32, int(Role.MANUFACTURER), int(Duty.RECORD), 0, 3600, 1, 4, 2, 0, never)
    world.records.defineSchema("step", 1, (*terms, (1, 0, 1)), sender=world.maker.quality)
    for number in range(4):
        world.hire(world.maker, person(f"quality {number}"), int(Duty.QUALITY))
    return world, node, deployment, node.snapshot(), len(node.recorded)


class Documents(RuleBasedStateMachine):
    """The store is fsspec's in memory, so that copies can be tampered with behind its back."""

    def __init__(self) -> None:
        super().__init__()
        self.world, self.node, self.deployment, start, logs = beginning()
        self.node.revert(start)
        del self.node.recorded[logs:]
        self.root = f"/documents{next(NUMBER)}"
        self.files = fsspec.filesystem("memory")
        self.archive = Archive(Store.open(f"memory:/{self.root}"), [ANN.reader], [ANN])
        self.records: list[Expected] = []
        self.copies: defaultdict[bytes, dict[str, str]] = defaultdict(dict)
        """What is kept under each content hash: the state of every copy by name."""

    def keep(self, bundle: Bundle) -> bytes:
        self.copies[bundle.content_hash][self.archive.keep(bundle)] = "good"
        return bundle.content_hash

    def statement(self, values: list[Any]) -> tuple[Expected, tuple[Any, ...]]:
        bundle, name = Bundle.of(*map(Document.json, values)), printed_name("Ann Noble")
        content, signer = self.keep(bundle), self.keep(name)
        args = LOT, SCHEMA, content, len(values), self.world.now, bytes(32), signer, b"", ""
        return Expected(bundle, signer), args

    # ------------------------------------------------------------------------------------------ on the chain

    @rule(values=st.lists(VALUES, min_size=1, max_size=3))
    def write(self, values: list[Any]) -> None:
        expected, args = self.statement(values)
        self.world.records.write(args, sender=self.world.maker.record)
        self.records.append(expected)
        COUNT.hit("write")

    def valid(self) -> list[int]:
        return [n for n, one in enumerate(self.records, 1) if not one.successor and not one.disposed]

    @precondition(lambda self: self.valid())
    @rule(values=st.lists(VALUES, min_size=1, max_size=2), data=st.data())
    def amend(self, values: list[Any], data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.valid()))
        expected, args = self.statement(values)
        old = record_id(LOT, number)
        self.world.records.amend(args, old, REASON, sender=self.world.maker.record)
        self.records.append(expected)
        self.records[number - 1].successor = len(self.records)
        COUNT.hit("amend")

    @precondition(lambda self: self.valid())
    @rule(data=st.data(), who=st.integers(0, 3), meaning=st.sampled_from([2, 4]))
    def sign(self, data: st.DataObject, who: int, meaning: int) -> None:
        number = data.draw(st.sampled_from(self.valid()))
        record, account = self.records[number - 1], person(f"quality {who}")
        if account in record.signers:
            return
        name = self.keep(printed_name(f"Quality {who}"))
        item = record_id(LOT, number), record.bundle.content_hash, meaning, name
        self.world.records.countersign(item, sender=account)
        record.signers[account] = name
        COUNT.hit("sign")

    @precondition(lambda self: self.valid())
    @rule(data=st.data())
    def dispose(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.valid()))
        record = self.records[number - 1]
        self.node.warp(DAY)
        self.world.records.dispose(record_id(LOT, number), REASON, sender=self.world.maker.quality)
        self.archive.forget(record.bundle.content_hash)
        self.copies[record.bundle.content_hash].clear()
        record.disposed = True
        COUNT.hit("dispose")

    # ------------------------------------------------------------------------------------------ in the store

    def pick(self, data: st.DataObject) -> tuple[bytes, str]:
        # In the order of their keeping: hashes differ from run to run, with the salts.
        keys = [key for key, names in self.copies.items() if names]
        key = data.draw(st.sampled_from(keys))
        return key, data.draw(st.sampled_from(list(self.copies[key])))

    def path(self, key: bytes, name: str) -> str:
        return f"{self.root}/{key.hex()[:2]}/{key.hex()}/{name}"

    @precondition(lambda self: any(self.copies.values()))
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        key, name = self.pick(data)
        self.files.rm_file(self.path(key, name))
        del self.copies[key][name]
        COUNT.hit("lose")

    @precondition(lambda self: any(self.copies.values()))
    @rule(data=st.data(), place=st.integers(0, 10_000), bit=st.integers(0, 7))
    def damage(self, data: st.DataObject, place: int, bit: int) -> None:
        key, name = self.pick(data)
        if self.copies[key][name] == "damaged":
            return
        found = bytearray(self.files.cat_file(self.path(key, name)))
        found[place % len(found)] ^= 1 << bit
        self.files.pipe_file(self.path(key, name), bytes(found))
        self.copies[key][name] = "damaged"
        COUNT.hit("damage")

    @precondition(lambda self: any(self.copies.values()))
    @rule(data=st.data())
    def swap(self, data: st.DataObject) -> None:
        """Other documents, well sealed, under the hash of these."""
        key, _ = self.pick(data)
        other = seal(Bundle.of(Document.json({"forged": True})).to_bytes(), [ANN.reader])
        self.copies[key][self.archive.store.put(key, other)] = "damaged"
        COUNT.hit("swap")

    @precondition(lambda self: any(self.copies.values()))
    @rule(data=st.data(), reader=st.sampled_from([ANN, EVE]))
    def share(self, data: st.DataObject, reader: ReaderKey) -> None:
        """Seal the documents to one more reader."""
        key, _ = self.pick(data)
        found = self.archive.find(key).bundle
        if found is not None:
            name = self.archive.store.put(key, seal(found.to_bytes(), [reader.reader]))
            self.copies[key][name] = "good" if reader is ANN else "sealed"
            COUNT.hit("share")

    # -------------------------------------------------------------------------------------------- what holds

    def wrong(self, key: bytes) -> int:
        """How many problems there are with what is kept under a hash."""
        states = list(self.copies[key].values())
        if "good" in states:
            return states.count("damaged")
        return len(states) or 1

    @precondition(lambda self: self.records)
    @rule()
    def verification_finds_what_is_wrong(self) -> None:
        expected = []
        for number, record in enumerate(self.records, 1):
            if not record.disposed:
                expected += [(number, "documents")] * self.wrong(record.bundle.content_hash)
            names = [record.author, *record.signers.values()]
            expected += [(number, "printed name") for name in names if self.wrong(name)]
        found = timeline.read(self.deployment, LOT)
        assert found.problems == []
        wrong = timeline.check(found, self.archive)
        assert sorted((one.sequence, one.what) for one in wrong) == sorted(expected)
        for line, record in zip(found.lines, self.records, strict=True):
            assert line.complete == (not record.successor and self.approved(line))
            assert {s.account for s in line.signatures} == set(record.signers)
        COUNT.hit("wrong" if wrong else "right")

    def approved(self, line: timeline.Line) -> bool:
        return any(signature.meaning == 4 for signature in line.signatures)

    @precondition(lambda self: self.records)
    @rule()
    def what_is_read_is_what_was_recorded(self) -> None:
        for record in self.records:
            content = record.bundle.content_hash
            opened = self.archive.find(content).bundle
            assert (opened is None) == ("good" not in self.copies[content].values())
            if opened is not None:
                assert opened == record.bundle
                assert disclose(opened, [(0, "")]).failures(content) == []
                COUNT.hit("read")


def test_verification_finds_exactly_what_is_wrong() -> None:
    run_state_machine_as_test(Documents)
    actions = [
        "write",
        "amend",
        "sign",
        "dispose",
        "lose",
        "damage",
        "swap",
        "share",
        "wrong",
        "right",
        "read",
    ]
    COUNT.require(actions, at_least=5)
