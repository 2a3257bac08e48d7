"""Random statements of several writers about two things, amendments, signatures, holds, disposals and time:
the contract is the book of the model. Nothing once written changes, a record has one successor, and the
numbers of a subject have no gap, whoever writes and however.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.consortium import account_of
from tests.models.record_shadow import RecordPoint, RecordShadow
from tests.models.records import (
    NOTHING,
    Authority,
    Authors,
    Countersignature,
    Meaning,
    Retention,
    Statement,
    Terms,
    record_id,
    schema_id,
)
from tests.support import Counters, fresh
from tests.support.signers import Wallet
from tests.support.words import Duty, Kind, Role
from tests.support.world import Commission, Org, asset, lot_uri, person, uri

COUNT = Counters()
ONE = 10**6
REASONS = st.sampled_from([keccak(text="reason"), keccak(text="another reason")])
CONTENTS = st.sampled_from([keccak(bytes([number])) for number in range(4)])
MEANINGS = st.sampled_from(list(Meaning))
KEPT = 50
FROZEN = range(11)
"""The fields of an entry that are as they were written: from `subject` to `trueCopy`."""
FORMS = {
    "open": Terms(duties=Duty.RECORD, max_lag=10, retention=Retention(KEPT, 10, 0)),
    "near": Terms(
        duties=Duty.RECORD,
        max_lag=0,
        second_persons=1,
        meanings=Meaning.REVIEW,
        authority=Authority.OWNER_OR_CUSTODIAN,
        authors=Authors.PERSONS_AND_DEVICES,
        retention=Retention(1, 0, KEPT),
    ),
    "made": Terms(
        roles=Role.MANUFACTURER,
        duties=Duty.RECORD,
        signer_roles=Role.REGULATOR | Role.CARRIER,
        second_persons=2,
        authority=Authority.MAKER,
        retention=Retention(KEPT, 0, 0),
    ),
}


@cache
def beginning() -> tuple[RecordShadow, tuple[bytes, bytes, bytes], RecordPoint]:
    """One chain for all examples, and the moment at which each of them begins."""
    shadow = RecordShadow(fresh())
    world = shadow.world
    part, device = world.register(uri("1")), world.register(asset("DEVICE"), Kind.ASSET)
    lot = world.commission(Commission(lot_uri("L"), quantity=9 * ONE, expiry=world.now + 100, unit=b"KGM"))
    signer = Wallet(person("recorder"))
    for org, key in ((world.maker, signer), (world.carrier, Wallet(person("driver")))):
        assert shadow.govern("setSigner", org.number, key.name, Duty.RECORD | Duty.QUALITY, sender=org.admin)
    shadow.catch_up()
    admin = world.maker.device_admin
    key = Wallet(person("mixer")).name
    assert shadow.equip("enrol", device, key, bytes(32), sender=admin)
    assert shadow.equip("attach", device, part, sender=admin)
    for name, terms in FORMS.items():
        assert shadow.tell("defineSchema", name, 1, terms, sender=world.maker.quality)
    return shadow, (part, lot, device), shadow.point()


class Books(RuleBasedStateMachine):
    """Every rule draws what probably succeeds; what does not must be refused by contract and model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.shadow, (part, lot, self.device), start = beginning()
        self.shadow.back_to(start)
        self.world = self.shadow.world
        self.subjects = [part, lot]
        self.orgs = [self.world.maker, self.world.carrier, self.world.retailer]
        self.known: dict[bytes, tuple[Any, ...]] = {}
        """What every record was when it was first seen."""
        self.successors: dict[bytes, bytes] = {}

    # What there is to draw from

    @property
    def ledger(self) -> Any:
        return self.shadow.model.ledger

    def records(self) -> list[bytes]:
        return [record for record, _, _ in self.ledger.records()]

    def current(self, data: st.DataObject) -> bytes:
        """A record, of those that nothing supersedes if there are any."""
        records = self.records()
        newest = [r for r in records if r not in self.ledger.successors and r not in self.ledger.disposed]
        return data.draw(st.sampled_from(newest * 3 + records))

    def schema(self, data: st.DataObject, name: str) -> bytes:
        version = self.ledger.newest(self.world.maker.number, name)
        return schema_id(self.world.maker.number, name, version - data.draw(st.sampled_from([0, 0, 0, 1])))

    def statement(self, data: st.DataObject, subject: bytes, name: str) -> Statement:
        lag = data.draw(st.sampled_from([0, 0, 1, 10, 11]))
        how = {
            "effective_at": self.world.now - lag,
            "original": data.draw(st.sampled_from([NOTHING] * 2 + [b"o" * 32])),
        }
        documents = data.draw(st.sampled_from([1, 1, 3]))
        return Statement(subject, self.schema(data, name), data.draw(CONTENTS), documents, **how)

    def new(self, data: st.DataObject) -> Statement:
        name = data.draw(st.sampled_from(["open", "open", "near", "made"]))
        return self.statement(data, data.draw(st.sampled_from(self.subjects)), name)

    def correction(self, data: st.DataObject, record: bytes) -> tuple[Statement, Org]:
        """Of a record, and whose it is to correct it."""
        page = self.ledger.page(record)
        name = self.ledger.schemas[page.statement.schema][1]
        return self.statement(data, page.statement.subject, name), self.world.orgs[page.org - 1]

    def key(self, data: st.DataObject) -> tuple[Wallet, int]:
        """Somebody who signs for others to bring, and the number of what he signs."""
        key = Wallet(person(data.draw(st.sampled_from(["recorder", "recorder", "driver"]))))
        turn = self.ledger.turns.get(person_of(key), 0) + data.draw(st.sampled_from([1, 1, 1, 0, 2]))
        return key, turn

    def tell(self, function: str, *args: Any, sender: Any) -> bool:
        done = self.shadow.tell(function, *args, sender=sender)
        if done:
            COUNT.hit(function)
        return done

    # What can be done

    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        org = data.draw(st.sampled_from(self.orgs))
        self.tell("write", self.new(data), sender=data.draw(st.sampled_from([org.record, org.all])))

    @rule(data=st.data())
    def write_signed(self, data: st.DataObject) -> None:
        statement, (key, turn) = self.new(data), self.key(data)
        until = self.world.now + data.draw(st.sampled_from([0, 9, -1]))
        signed = self.shadow.sign(statement, key, turn, until)
        self.tell("writeSigned", statement, signed, sender=self.world.stranger)

    @rule(data=st.data())
    def write_by_device(self, data: st.DataObject) -> None:
        key = Wallet(person("mixer"))
        statement = self.statement(data, data.draw(st.sampled_from(self.subjects)), "near")
        turn = self.ledger.turns.get(person_of(key), 0) + data.draw(st.sampled_from([1, 1, 1, 2]))
        signed = self.shadow.sign(statement, key, turn, self.world.now, device=self.device)
        self.tell("writeByDevice", statement, self.device, signed, sender=self.world.stranger)

    @rule(data=st.data(), reason=REASONS)
    @precondition(lambda self: self.records())
    def amend(self, data: st.DataObject, reason: bytes) -> None:
        record = self.current(data)
        statement, org = self.correction(data, record)
        sender = data.draw(st.sampled_from([org.record, org.all, *(other.all for other in self.orgs)]))
        if (
            self.tell("amend", statement, record, reason, sender=sender)
            and record in self.ledger.successors.values()
        ):
            COUNT.hit("amendment of an amendment")

    @rule(data=st.data(), reason=REASONS)
    @precondition(lambda self: self.records())
    def amend_signed(self, data: st.DataObject, reason: bytes) -> None:
        record = self.current(data)
        (statement, _), (key, turn) = self.correction(data, record), self.key(data)
        signed = self.shadow.sign(statement, key, turn, self.world.now, supersedes=record, reason=reason)
        self.tell("amendSigned", statement, record, reason, signed, sender=self.world.stranger)

    @rule(data=st.data(), meaning=MEANINGS)
    @precondition(lambda self: self.records())
    def countersign(self, data: st.DataObject, meaning: Meaning) -> None:
        record = self.current(data)
        page = self.ledger.page(record)
        org = data.draw(st.sampled_from([self.world.orgs[page.org - 1], self.world.regulator, *self.orgs]))
        sender = data.draw(st.sampled_from([org.all, org.quality, org.record]))
        item = Countersignature(record, page.statement.content, meaning)
        was = self.ledger.complete(record)
        if self.tell("countersign", item, sender=sender) and not was and self.ledger.complete(record):
            COUNT.hit("completed")

    @rule(data=st.data(), meaning=MEANINGS)
    @precondition(lambda self: self.records())
    def countersign_signed(self, data: st.DataObject, meaning: Meaning) -> None:
        record, (key, _) = self.current(data), self.key(data)
        content = data.draw(st.sampled_from([self.ledger.page(record).statement.content] * 3 + [b"x" * 32]))
        item, until = Countersignature(record, content, meaning), self.world.now
        signed = self.shadow.sign_second(item, key, until)
        self.tell("countersignSigned", item, until, *signed, sender=self.world.stranger)

    @rule(data=st.data(), reason=REASONS)
    def hold(self, data: st.DataObject, reason: bytes) -> None:
        thing = data.draw(st.sampled_from([*self.subjects, *self.records()]))
        org = data.draw(st.sampled_from([self.world.regulator, *self.orgs]))
        self.tell("setLegalHold", thing, reason, sender=org.quality)

    @rule(data=st.data())
    @precondition(lambda self: self.ledger.holds)
    def lift(self, data: st.DataObject) -> None:
        thing, holder, reason = data.draw(st.sampled_from(sorted(self.ledger.holds)))
        org = data.draw(st.sampled_from([self.world.orgs[holder - 1], self.world.regulator, *self.orgs]))
        self.tell("liftLegalHold", thing, holder, reason, sender=org.quality)

    @rule(data=st.data(), reason=REASONS)
    @precondition(lambda self: self.records())
    def dispose(self, data: st.DataObject, reason: bytes) -> None:
        record = data.draw(st.sampled_from(self.records()))
        org = self.world.orgs[self.ledger.page(record).org - 1]
        sender = data.draw(st.sampled_from([org, org, org, *self.orgs])).quality
        if data.draw(st.booleans()):
            until = self.shadow.model.retain_until(record)
            self.shadow.node.timestamp = max(self.world.now, min(until, self.world.now + 200))
        self.tell("dispose", record, reason, sender=sender)

    @rule(data=st.data())
    def define(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(FORMS)))
        version = self.ledger.newest(self.world.maker.number, name) + data.draw(st.sampled_from([1, 1, 0, 2]))
        if version < 4:
            self.tell("defineSchema", name, version, FORMS[name], sender=self.world.maker.quality)

    @rule(seconds=st.sampled_from([1, 10, KEPT]))
    def wait(self, seconds: int) -> None:
        self.shadow.node.warp(seconds)

    @rule(data=st.data())
    def sell(self, data: st.DataObject) -> None:
        part = self.subjects[0]
        giver = self.world.orgs[self.shadow.twins.ledger.twins[part].owner - 1]
        taker = data.draw(st.sampled_from([org for org in self.orgs if org is not giver]))
        terms = taker.number, self.world.now + 10, self.world.ref("selling")
        assert self.shadow.do("offerTitle", part, *terms, sender=giver.finance)
        assert self.shadow.do("acceptTitle", part, self.world.ref("buying"), sender=taker.finance)
        COUNT.hit("sell")

    # What always holds

    @invariant()
    def nothing_written_changes(self) -> None:
        contract = self.shadow.contract
        for subject in self.subjects:
            count = contract.recordCount(subject)
            assert count == len(self.ledger.books.get(subject, ()))
            for sequence in range(1, count + 1):
                record = record_id(subject, sequence)
                entry = contract.recordOf(record)
                assert entry.sequence == sequence, "no gap"
                first = self.known.setdefault(record, entry)
                assert all(entry[i] == first[i] for i in FROZEN)
                assert (entry.bundle, entry.amendment) == (first.bundle, first.amendment)
                assert entry.disposed >= first.disposed
                assert entry.meanings & first.meanings == first.meanings
            assert contract.recordOf(record_id(subject, count + 1)).schema == NOTHING

    @invariant()
    def one_successor(self) -> None:
        for record in self.known:
            successor = self.shadow.contract.successorOf(record)
            if record in self.successors:
                assert successor == self.successors[record]
            if successor != NOTHING:
                self.successors[record] = successor
        assert len(set(self.successors.values())) == len(self.successors), "nor one predecessor for two"

    def teardown(self) -> None:
        self.shadow.check_records()


def person_of(key: Wallet) -> str:
    """The account of a key."""
    return account_of(key.name)


def test_records_follow_the_model() -> None:
    run_state_machine_as_test(Books)  # type: ignore[no-untyped-call]
    COUNT.require(
        [
            "write", "writeSigned", "writeByDevice", "amend", "amendSigned", "amendment of an amendment",
            "countersign", "countersignSigned", "completed", "setLegalHold", "liftLegalHold", "dispose",
            "defineSchema", "sell",
        ]
    )  # fmt: skip
