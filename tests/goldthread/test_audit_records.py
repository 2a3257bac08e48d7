"""Rebuilding Records from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_utils.crypto import keccak

from goldthread.audit import lots as lots_audit
from goldthread.audit import records as audit
from goldthread.audit.base import FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.logs import Event
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.module_shadows import events_of
from tests.models.record_shadow import RecordShadow
from tests.models.records import (
    Countersignature,
    Meaning,
    Retention,
    Statement,
    Terms,
    record_id,
    schema_id,
)
from tests.support import fresh
from tests.support.recording import CONTENT, PROTOCOL, REASON, Desk
from tests.support.signers import Wallet
from tests.support.words import Duty
from tests.support.world import Commission, World, lot_uri, person

TERMS = Terms(duties=Duty.RECORD, max_lag=5, second_persons=1, retention=Retention(10, 20, 0))
ONE = 10**6


@pytest.fixture(scope="module")
def history() -> RecordShadow:
    """Two records of a lot, one of them signed by a key and amended, a signature, a hold and a disposal."""
    shadow = RecordShadow(fresh())
    world = shadow.world
    lot = world.commission(Commission(lot_uri("L"), quantity=ONE, expiry=world.now + 5, unit=b"KGM"))
    maker, key = world.maker, Wallet(person("recorder"))
    world.hire(maker, key.name, Duty.RECORD)
    shadow.catch_up()

    def statement(version: int, lag: int = 0) -> Statement:
        schema = schema_id(maker.number, "step", version)
        return Statement(lot, schema, keccak(bytes([version, lag])), effective_at=world.now - lag)

    assert shadow.tell("defineSchema", "step", 1, TERMS, sender=maker.quality)
    assert shadow.tell("write", statement(1), sender=maker.record)
    assert shadow.tell("defineSchema", "step", 2, TERMS, sender=maker.quality)
    signed = statement(2, 6), shadow.sign(statement(2, 6), key, 1, world.now)
    assert shadow.tell("writeSigned", *signed, sender=world.stranger)
    first, second, third = (record_id(lot, number) for number in (1, 2, 3))
    item = Countersignature(second, statement(2, 6).content, Meaning.REVIEW)
    assert shadow.tell("countersign", item, sender=maker.quality)
    assert shadow.tell("amend", statement(2), first, REASON, sender=maker.record)
    assert shadow.tell("setLegalHold", lot, REASON, sender=maker.quality)
    assert shadow.tell("setLegalHold", second, REASON, sender=maker.quality)
    assert shadow.tell("liftLegalHold", lot, maker.number, REASON, sender=maker.quality)
    shadow.node.warp(100)
    for record in (third, first):
        assert shadow.tell("dispose", record, PROTOCOL, sender=maker.quality)
    return shadow


def events(history: RecordShadow) -> list[Event]:
    return list(events_of(history, "Records", history.contract))


def upto(history: RecordShadow, name: str, which: int = 0, /, **changes: Any) -> list[Event]:
    """The events up to one of that name, which is changed."""
    whole = events(history)
    index = [i for i, e in enumerate(whole) if e.name == name][which]
    return [*whole[:index], replace(whole[index], args={**whole[index].args, **changes})]


def test_the_logs_lead_to_what_the_views_show(history: RecordShadow) -> None:
    history.check_records()
    state = audit.rebuild(events(history))
    [lot] = state.counts
    first, second, third = (state.records[record_id(lot, number)] for number in (1, 2, 3))
    assert (first.successor, third.amends, third.reason) == (record_id(lot, 3), record_id(lot, 1), REASON)
    assert (first.disposed, second.disposed, third.disposed) == (True, False, True)
    assert (first.late, second.late) == (False, True)
    assert (state.complete(first), state.complete(second), state.complete(third)) == (False, True, False)
    assert state.sequences == {person("recorder"): 1}
    stock = lots_audit.rebuild(history.lot_events())
    assert state.retain_until(record_id(lot, 2), stock) == audit.FOREVER
    expiry = stock.lots[lot].expiry
    assert state.retain_until(record_id(lot, 1), stock) == expiry + 20


def test_records_of_a_subject_have_no_gap(history: RecordShadow) -> None:
    for sequence in (0, 2, 9):
        with pytest.raises(FoldError, match="0 records about the subject came before"):
            audit.rebuild(upto(history, "RecordWritten", sequence=sequence))
    missing = [e for e in events(history) if (e.name, e.args.get("sequence")) != ("RecordWritten", 2)]
    with pytest.raises(FoldError, match="there is no such record"):
        audit.rebuild(missing)
    whole = [e for e in missing if e.name != "Countersigned"]
    with pytest.raises(FoldError, match="1 records about the subject came before"):
        audit.rebuild(whole)


def test_the_id_of_a_record_is_that_of_subject_and_number(history: RecordShadow) -> None:
    for changes in ({"record": CONTENT}, {"subject": CONTENT}):
        with pytest.raises(FoldError, match="id is not that of the subject and the number"):
            audit.rebuild(upto(history, "RecordWritten", **changes))


def test_schemas_come_in_their_order(history: RecordShadow) -> None:
    whole = events(history)
    with pytest.raises(FoldError, match="the schema was never defined"):
        audit.rebuild(whole[1:])
    with pytest.raises(FoldError, match="there is no version 1"):
        audit.rebuild([e for e in whole if e.name == "SchemaDefined"][1:])
    with pytest.raises(FoldError, match="version 1 does not come next"):
        audit.rebuild([whole[0], whole[0]])
    for changes in ({"name": "other"}, {"version": 2}, {"org": 9}, {"schema": CONTENT}):
        with pytest.raises(FoldError, match="id is not that of the organisation, name and version"):
            audit.rebuild(upto(history, "SchemaDefined", **changes))
    zero = schema_id(1, "step", 0)
    with pytest.raises(FoldError, match="version 0 does not come next"):
        audit.rebuild(upto(history, "SchemaDefined", version=0, schema=zero))


def test_late_is_what_the_schema_says(history: RecordShadow) -> None:
    time = events(history)[1].args["time"]
    for which, changes in ((0, {"late": True}), (1, {"late": False}), (0, {"time": time - 1})):
        with pytest.raises(FoldError, match="late, or not, against its schema"):
            audit.rebuild(upto(history, "RecordWritten", which, **changes))


def test_signed_statements_come_in_turn(history: RecordShadow) -> None:
    with pytest.raises(FoldError, match="next signed statement has the number 1"):
        audit.rebuild(upto(history, "RecordWritten", 1, signed=2))


def test_a_successor_is_a_later_record_of_the_same_subject_and_organisation(history: RecordShadow) -> None:
    lot = events(history)[1].args["subject"]
    first, second = (record_id(lot, number) for number in (1, 2))
    cases = [
        ({"successor": CONTENT}, "successor is no new record"),
        ({"record": second, "successor": first}, "not a later record of the same subject"),
        ({"record": CONTENT}, "there is no such record"),
    ]
    for changes, message in cases:
        with pytest.raises(FoldError, match=message):
            audit.rebuild(upto(history, "RecordSuperseded", **changes))
    superseded = upto(history, "RecordSuperseded")
    with pytest.raises(FoldError, match="superseded or disposed of"):
        audit.rebuild([*superseded, superseded[-1]])
    again = replace(superseded[-1], args={**superseded[-1].args, "record": second})
    with pytest.raises(FoldError, match="successor is no new record"):
        audit.rebuild([*superseded, again])
    other = [replace(e, args={**e.args, "org": 2}) if e.args.get("sequence") == 3 else e for e in superseded]
    with pytest.raises(FoldError, match="of another organisation"):
        audit.rebuild(other)


def test_who_signs_in_second_place_is_another_and_once(history: RecordShadow) -> None:
    lot = events(history)[1].args["subject"]
    signed = upto(history, "Countersigned")
    with pytest.raises(FoldError, match="signed for this before"):
        audit.rebuild([*signed, signed[-1]])
    more = replace(signed[-1], args={**signed[-1].args, "meaning": Meaning.APPROVAL})
    state = audit.rebuild([*signed, more])
    assert state.records[record_id(lot, 2)].meanings == Meaning.REVIEW | Meaning.APPROVAL
    with pytest.raises(FoldError, match="author does not sign in second place"):
        audit.rebuild(upto(history, "Countersigned", signer=person("recorder")))
    with pytest.raises(FoldError, match="there is no such record"):
        audit.rebuild(upto(history, "Countersigned", record=CONTENT))
    late = replace(signed[-1], args={**signed[-1].args, "record": record_id(lot, 1)})
    with pytest.raises(FoldError, match="superseded or disposed of"):
        audit.rebuild([*events(history), late])


def test_holds_are_set_and_lifted_once(history: RecordShadow) -> None:
    held = upto(history, "LegalHoldSet")
    with pytest.raises(FoldError, match="set this hold already"):
        audit.rebuild([*held, held[-1]])
    lifted = upto(history, "LegalHoldLifted")
    with pytest.raises(FoldError, match="there is no such hold"):
        audit.rebuild([*lifted, lifted[-1]])


def test_nothing_held_is_disposed_of_nor_before_what_amends_it(history: RecordShadow) -> None:
    lot = events(history)[1].args["subject"]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"record": record_id(lot, 2)}, "a legal hold is on the record"),
        ({"record": record_id(lot, 1)}, "what amends it is kept"),
        ({"record": CONTENT}, "there is no such record"),
        ({"content": CONTENT}, "the record has other content"),
    ]
    for changes, message in cases:
        with pytest.raises(FoldError, match=message):
            audit.rebuild(upto(history, "RecordDisposed", **changes))
    disposed = upto(history, "RecordDisposed")
    with pytest.raises(FoldError, match="were disposed of before"):
        audit.rebuild([*disposed, disposed[-1]])
    lifted = [e for e in disposed if e.name != "LegalHoldLifted"]
    with pytest.raises(FoldError, match="a legal hold is on the record"):
        audit.rebuild(lifted)


def test_an_unknown_event_is_told(history: RecordShadow) -> None:
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([replace(events(history)[0], name="Burnt")])


def spoil(path: str) -> Callable[[audit.Record], None]:
    """A change of one field of a rebuilt record."""

    def change(record: audit.Record) -> None:
        if path == "signatures":
            record.signatures["0x" + 40 * "1"] = 1
        else:
            setattr(record, path, {"author": "0x" + 40 * "1", "device": CONTENT}.get(path, 7))

    return change


@pytest.mark.parametrize("field", ["author", "org", "device", "sequence", "recorded_at", "signatures"])
def test_rebuilding_the_system_rebuilds_it(field: str) -> None:
    desk = Desk(World.create(RecordingNode()))
    record = desk.write()
    desk.countersign(record)
    desk.contract.setLegalHold(desk.part, REASON, sender=desk.world.maker.quality)
    world = desk.world
    deployment = deployment_of(world, Lots=world.lots, Devices=world.devices, Records=desk.contract)
    system = rebuild(deployment)
    before = count_views(deployment, system)
    assert compare(deployment, system) == []
    spoil(field)(system.records.records[record])
    found = compare(deployment, system)
    assert {difference.contract for difference in found} == {"Records"}
    assert {difference.field.split(".")[0] for difference in found} <= {"recordOf", "signedBy", "retainUntil"}
    system.records = audit.State()
    assert before - count_views(deployment, system) == 8
