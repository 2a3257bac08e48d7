"""The timeline of a subject: what the logs tell is what the chain says, and a log that is missing, belongs
elsewhere or was changed is noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from goldthread.chain.abi import hash_of, signature
from goldthread.chain.contracts import Deployment
from goldthread.chain.records import record_id, schema_id
from goldthread.records import timeline
from goldthread.records.archive import Archive, ArchiveError
from goldthread.records.bundle import Bundle, Document
from goldthread.records.sealing import ReaderKey
from goldthread.records.signatories import printed_name
from goldthread.records.store import Store
from tests.goldthread.chains import NodeChain, RecordingNode, deployment_of
from tests.support.words import Duty, Role
from tests.support.world import DAY, Commission, World, lot_uri, twin_id

LOT = twin_id(lot_uri("L7"))
SCHEMA = schema_id(1, "step", 1)
NONE = bytes(32)
REASON, PROTOCOL = b"\x01" * 32, b"\x02" * 32
APPROVAL = 4
NEVER = "0x" + 40 * "0"


@dataclass(frozen=True)
class Batch:
    """A lot with records, and the archive of their documents."""

    world: World
    deployment: Deployment
    node: RecordingNode
    archive: Archive

    def statement(self, bundle: Bundle, **changes: Any) -> tuple[Any, ...]:
        self.archive.keep(bundle)
        name = printed_name("Ann Noble")
        self.archive.keep(name)
        found = {
            "subject": LOT,
            "schema": SCHEMA,
            "content": bundle.content_hash,
            "documents": len(bundle.documents),
            "effectiveAt": self.world.now,
            "original": NONE,
            "signerName": name.content_hash,
            "data": b"",
            "uri": "",
        }
        return tuple((found | changes).values())

    def write(self, **changes: Any) -> None:
        args = self.statement(Bundle.of(Document.json({"n": 1})), **changes)
        self.world.records.write(args, sender=self.world.maker.record)

    def sign(self, number: int, meaning: int = APPROVAL) -> None:
        record, name = record_id(LOT, number), printed_name("Bo Berg")
        self.archive.keep(name)
        content = self.world.records.contentOf(record)
        item = record, content, meaning, name.content_hash
        self.world.records.countersign(item, sender=self.world.maker.quality)

    def read(self) -> timeline.Timeline:
        return timeline.read(self.deployment, LOT)

    def drop(self, event: str, place: int = 0) -> None:
        """Lose a log."""
        self.node.recorded.remove(self.log(event, place))

    def log(self, event: str, place: int = 0) -> dict[str, Any]:
        entries = self.deployment.records.events.values()
        (entry,) = (entry for entry in entries if entry["name"] == event)
        topic = f"0x{hash_of(signature(entry)).hex()}"
        return [log for log in self.node.recorded if log["topics"][0] == topic][place]


@pytest.fixture
def batch() -> Batch:
    node = RecordingNode()
    world = World.create(node)
    archive = Archive(Store.open(f"memory://timeline-{id(node)}"))
    found = Batch(world, deployment_of(world, Records=world.records), node, archive)
    assert isinstance(found.deployment.chain, NodeChain)
    world.commission(Commission(lot_uri("L7"), unit=b"KGM", quantity=10**6))
    form = Bundle.of(Document.json({"form": "step"}))
    terms = (form.content_hash, int(Role.MANUFACTURER), int(Duty.RECORD), 0, 3600, 1, APPROVAL, 2, 0, NEVER)
    world.records.defineSchema("step", 1, (*terms, (DAY, 0, DAY)), sender=world.maker.quality)
    found.write(effectiveAt=world.now - 7200)
    found.write()
    found.sign(2)
    args = found.statement(Bundle.of(Document.json({"n": 2}), Document.json("x")))
    world.records.amend(args, record_id(LOT, 1), REASON, sender=world.maker.record)
    found.sign(3)
    found.sign(3, 2)
    world.records.setLegalHold(record_id(LOT, 2), REASON, sender=world.maker.quality)
    world.records.setLegalHold(LOT, PROTOCOL, sender=world.regulator.quality)
    return found


def test_it_says_what_happened(batch: Batch) -> None:
    found = batch.read()
    assert found.problems == []
    assert timeline.check(found, batch.archive) == []
    first, second, third = found.lines
    assert found.line(2) is second
    assert [line.id for line in found.lines] == [record_id(LOT, n) for n in (1, 2, 3)]
    assert (first.event["late"], second.event["late"]) == (True, False)
    assert (first.successor, third.amends, third.reason) == (third.id, first.id, REASON)
    assert [line.complete for line in found.lines] == [False, True, True]
    assert [s.meaning for s in third.signatures] == [4, 2]
    assert second.signatures[0].account == batch.world.maker.quality
    assert second.holds == [(batch.world.maker.number, REASON)]
    assert found.holds == [(batch.world.regulator.number, PROTOCOL)]
    assert {line.retain_until for line in found.lines} == {timeline.FOREVER}
    assert str(first.form) == "1/step/1"
    assert timeline.printed(batch.archive, first.statement.signerName) == "Ann Noble"
    assert timeline.printed(None, first.statement.signerName) is None
    assert timeline.printed(batch.archive, first.content) is None


def test_holds_that_were_lifted_and_documents_that_are_gone(batch: Batch) -> None:
    world, maker = batch.world, batch.world.maker
    world.records.liftLegalHold(record_id(LOT, 2), maker.number, REASON, sender=maker.quality)
    args = LOT, world.regulator.number, PROTOCOL
    world.records.liftLegalHold(*args, sender=world.regulator.quality)
    found = batch.read()
    assert (found.holds, found.line(2).holds, found.problems) == ([], [], [])
    assert found.line(1).retain_until == found.line(1).event["time"] + DAY
    world.node.warp(2 * DAY)
    world.records.dispose(record_id(LOT, 2), PROTOCOL, sender=maker.quality)
    batch.archive.forget(found.line(2).content)
    found = batch.read()
    assert (found.line(2).disposed, found.line(2).protocol) == (True, PROTOCOL)
    assert timeline.check(found, batch.archive) == []
    batch.drop("RecordDisposed")
    assert "number 2: disposed is False in the logs, True on the chain" in batch.read().problems


@pytest.mark.parametrize(
    ("event", "place", "message"),
    [
        ("RecordWritten", 0, "the chain has 3 records, the logs have 2; missing: 1"),
        ("RecordWritten", 2, "the chain has 3 records, the logs have 2; missing: 3"),
        ("RecordSuperseded", 0, "number 1: successor is 0x0000"),
        ("RecordSuperseded", 0, "number 3: amendment is False in the logs, True on the chain"),
        ("LegalHoldSet", 0, "number 2: the logs have 0 legal holds, the chain has 1"),
        ("LegalHoldSet", 1, "subject: the logs have 0 legal holds, the chain has 1"),
    ],
)
def test_a_log_that_is_missing_is_noticed(batch: Batch, event: str, place: int, message: str) -> None:
    batch.drop(event, place)
    found = batch.read()
    assert any(problem.startswith(message) for problem in found.problems), found.problems
    assert timeline.check(found, batch.archive)[0].what == "chain"


def test_a_successor_without_its_log_is_named(batch: Batch) -> None:
    batch.drop("RecordWritten", 2)
    told = f"number 1 is superseded by 0x{record_id(LOT, 3).hex()}, which is not there"
    assert told in batch.read().problems


@pytest.mark.parametrize(
    ("place", "messages"),
    [
        (0, ["the logs have the meanings 0x0, the chain has 0x4", "0 countersigners, the chain has 1"]),
        (2, ["the logs have the meanings 0x4, the chain has 0x6"]),
    ],
)
def test_a_signature_that_is_missing_is_noticed(batch: Batch, place: int, messages: list[str]) -> None:
    batch.drop("Countersigned", place)
    found = [one for one in timeline.check(batch.read(), batch.archive) if one.what == "signatures"]
    for message in messages:
        assert any(message in one.told for one in found), found
    assert {one.sequence for one in found} == {2 + place // 2}


def test_a_record_that_counts_without_its_signatures_is_noticed(batch: Batch) -> None:
    batch.drop("Countersigned", 0)
    told = [one.told for one in timeline.check(batch.read(), batch.archive)]
    assert "by the logs it is not complete, by the chain it is complete" in told


def test_a_schema_that_is_missing_is_noticed(batch: Batch) -> None:
    batch.drop("SchemaDefined")
    found = batch.read()
    assert found.line(1).form is None
    told = [one.told for one in timeline.check(found, batch.archive)]
    assert told == [f"its schema 0x{SCHEMA.hex()} is not in the logs"] * 3


def test_a_hold_lifted_that_nobody_had_set_is_noticed(batch: Batch) -> None:
    world = batch.world
    args = LOT, world.regulator.number, PROTOCOL
    world.records.liftLegalHold(*args, sender=world.regulator.quality)
    batch.drop("LegalHoldSet", 1)
    assert f"a legal hold on 0x{LOT.hex()} was lifted that nobody had set" in batch.read().problems


def changed(batch: Batch, event: str, change: Callable[[str], str]) -> timeline.Timeline:
    log = batch.log(event)
    log["data"] = change(log["data"])
    return batch.read()


def test_a_changed_log_is_noticed(batch: Batch) -> None:
    """The node gives another author; and a record under another id."""
    maker = batch.world.maker
    other = changed(batch, "RecordWritten", lambda d: d.replace(maker.record[2:].lower(), "11" * 20, 1))
    assert any(problem.startswith("number 1: author is 0x1111") for problem in other.problems)
    batch.log("RecordWritten", 1)["topics"][1] = "0x" + "33" * 32
    assert "number 2: has the id of another number or subject" in batch.read().problems


def test_an_author_who_signs_for_another_is_noticed(batch: Batch) -> None:
    log, maker = batch.log("Countersigned"), batch.world.maker
    log["topics"][3] = f"0x{'00' * 12}{maker.record[2:].lower()}"
    found = [one.told for one in timeline.check(batch.read(), batch.archive)]
    assert f"{maker.record} is the author and signed in second place" in found


def test_many_records_are_asked_for_in_parts(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "_IDS_ASKED", 1)
    found = batch.read()
    assert (found.problems, len(found.lines)) == ([], 3)
    assert timeline.check(found, batch.archive) == []
    done: list[None] = []
    timeline.check(found, batch.archive, lambda: done.append(None))
    assert len(done) == 3


def test_words_behind_a_digest(batch: Batch) -> None:
    for value, told in (
        ({"reason": "a slip"}, "a slip"),
        ({"a": "x", "b": "y"}, None),
        ({"a": 1}, None),
        (["x"], None),
    ):
        bundle = Bundle.of(Document.json(value))
        batch.archive.keep(bundle)
        digest = bundle.content_hash
        assert timeline.explained(batch.archive, digest) == (told or f"0x{digest.hex()}")
    assert timeline.explained(batch.archive, NONE) is None
    assert timeline.explained(None, REASON) == f"0x{REASON.hex()}"


# ------------------------------------------------------------------------------------------------ the archive


def test_an_archive_says_what_it_does_not_have(batch: Batch) -> None:
    with pytest.raises(
        ArchiveError, match=f"record 7: memory://.* has no documents with the hash 0x{'01' * 32}"
    ):
        batch.archive.open(REASON, "record 7")


def test_a_copy_that_goes_while_it_is_looked_for_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(Store.open("memory://goes"))
    bundle = Bundle.of(Document.json(1))
    archive.keep(bundle)
    monkeypatch.setattr(Store, "copies", lambda *_: ["0" * 64, *copies])
    copies = [archive.keep(bundle)]
    found = archive.find(bundle.content_hash)
    assert (found.problems, found.copies) == ((), 2)
    assert found.bundle is not None and found.bundle.content_hash == bundle.content_hash


def test_an_archive_takes_back_what_nothing_refers_to() -> None:
    archive = Archive(Store.open("memory://take-back"), [ReaderKey.generate().reader])
    one, two = (Bundle.of(Document.json(n)) for n in (1, 2))
    archive.keep(one)
    archive.settle()
    archive.keep(two)
    archive.take_back()
    archive.take_back()
    assert (len(archive.store.copies(one.content_hash)), archive.store.copies(two.content_hash)) == (1, [])
    assert archive.forget(one.content_hash) == 1
    assert archive.forget(one.content_hash) == 0


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 9])
def test_the_contract_finds_each_document_in_its_place(batch: Batch, count: int) -> None:
    """The tree of a bundle is that of `Records.isDocument`."""
    bundle = Bundle.of(*(Document.json({"n": n}) for n in range(count)))
    args = batch.statement(bundle)
    batch.world.records.write(args, sender=batch.world.maker.record)
    record, is_document = record_id(LOT, 4), batch.world.records.isDocument
    for place, document in enumerate(bundle.documents):
        assert is_document(record, place, document.root, bundle.proof(place))
        assert not is_document(record, place + 1, document.root, bundle.proof(place))
        other = bundle.documents[place - 1].root
        assert is_document(record, place, other, bundle.proof(place)) == (other == document.root)
    assert is_document(record, 0, bundle.content_hash, []) == (count == 1)
