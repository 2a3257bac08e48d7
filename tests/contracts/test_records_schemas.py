"""Schemas of records: who defines them, what never changes of them, and what their rules are asked."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models.records import (
    NOBODY,
    NOTHING,
    Authority,
    Authors,
    Retention,
    Statement,
    Terms,
    schema_id,
)
from tests.support import Forwarder, Reverted, reverts
from tests.support.contract import at
from tests.support.recording import CONTENT, REASON, RETENTION, STEP, Desk, written
from tests.support.words import Duty, Role
from tests.support.world import World, happened, uri

RANGE, OTHER_WORD, SHORT, LONG, DIRTY, SILENT, TALKATIVE, ENDLESS, WRITING, ASKING, METERED = range(11)
MOST = 2**32 - 1
FULL = Terms(
    definition=keccak(text="a form"),
    roles=Role.MANUFACTURER | Role.CARRIER,
    duties=Duty.RECORD | Duty.QUALITY,
    signer_roles=Role.REGULATOR,
    max_lag=MOST,
    second_persons=15,
    meanings=15,
    authority=Authority.MAKER,
    authors=Authors.PERSONS_AND_DEVICES,
    retention=Retention(1, 2, 3),
)


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def test_the_contract_knows_its_world(desk: Desk) -> None:
    contract, world = desk.contract, desk.world
    assert contract.CONSORTIUM() == world.consortium.address
    assert contract.TWINS() == world.twins.address
    assert contract.LOTS() == world.lots.address
    assert contract.DEVICES() == world.devices.address
    assert contract.MAX_COUNTERSIGNERS() == 15
    assert (contract.RULE_GAS(), contract.RULE_ANSWER()) == (100_000, 256)
    assert contract.eip712Domain().name == "Goldthread Records"


@pytest.mark.parametrize("terms", [STEP, FULL, Terms(roles=MOST, duties=MOST, signer_roles=MOST)])
def test_a_schema_is_kept_as_it_was_defined(desk: Desk, terms: Terms) -> None:
    maker = desk.world.maker
    id_ = desk.contract.defineSchema.call("step", 1, terms, sender=maker.quality)
    receipt = desk.contract.defineSchema("step", 1, terms, sender=maker.quality)
    assert id_ == desk.contract.schemaIdOf(maker.number, "step", 1) == schema_id(maker.number, "step", 1)
    told = {"schema": id_, "org": maker.number, "caller": maker.quality, "name": "step", "version": 1}
    assert happened(receipt) == [("SchemaDefined", told | {"terms": terms})]
    line = keccak(encode(["uint32", "string"], [maker.number, "step"]))
    assert desk.contract.schema(id_) == (maker.number, 1, False, line, terms)
    assert desk.contract.newestSchema(maker.number, "step") == 1
    nothing = (0, 0, False, NOTHING, (NOTHING, *[0] * 8, NOBODY, (0, 0, 0)))
    assert desk.contract.schema(REASON) == nothing


def test_a_rule_is_kept(desk: Desk) -> None:
    rule = desk.rule(RANGE, 1, 2).address
    terms = desk.contract.schema(desk.schema(rule=rule)).terms
    assert terms == STEP._replace(rule=rule)


def test_quality_defines_for_its_organisation(desk: Desk) -> None:
    world, others = desk.world, ~Duty.QUALITY
    call = desk.contract.defineSchema
    with reverts("UnknownAccount", world.stranger):
        call("step", 1, STEP, sender=world.stranger)
    machine = Forwarder.deploy(world.node, world.maker.quality)
    with reverts("UnknownAccount", machine.address):
        call("step", 1, STEP, sender=machine)
    world.hire(world.carrier, machine, others)
    with reverts("MissingDuty", machine.address, others, Duty.QUALITY):
        call("step", 1, STEP, sender=machine)
    world.hire(world.carrier, machine, Duty.QUALITY)
    [(_, fields)] = happened(call("step", 1, STEP, sender=machine))
    assert (fields["org"], fields["caller"]) == (world.carrier.number, machine.address)
    world.suspend(world.carrier)
    with reverts("OrganisationSuspended", world.carrier.number):
        call("step", 2, STEP, sender=machine)


def test_versions_count_from_one(desk: Desk) -> None:
    maker = desk.world.maker
    for wrong in (0, 2, 2**16 - 1):
        with reverts("NotNextSchema", maker.number, "step", 1, wrong):
            desk.schema(version=wrong)
    first = desk.schema()
    for wrong in (0, 1, 3):
        with reverts("NotNextSchema", maker.number, "step", 2, wrong):
            desk.schema(version=wrong)
    assert not desk.contract.schema(first).superseded
    second = desk.schema(version=2, max_lag=7)
    assert desk.contract.schema(first)[:3] == (maker.number, 1, True)
    assert desk.contract.schema(first).terms == STEP, "what is defined never changes"
    assert desk.contract.schema(second)[:3] == (maker.number, 2, False)
    assert desk.contract.schema(second).terms == STEP._replace(max_lag=7)
    assert desk.contract.schema(second).line == desk.contract.schema(first).line
    third = desk.schema(version=3)
    assert [desk.contract.schema(s).superseded for s in (first, second, third)] == [True, True, False]
    assert desk.contract.newestSchema(maker.number, "step") == 3


def test_names_and_organisations_have_versions_of_their_own(desk: Desk) -> None:
    first = desk.schema()
    other, theirs = desk.schema("other"), desk.schema(org=desk.world.carrier)
    assert len({first, other, theirs}) == 3
    assert len({desk.contract.schema(s).line for s in (first, other, theirs)}) == 3
    desk.schema("other", 2)
    assert not desk.contract.schema(first).superseded
    assert not desk.contract.schema(theirs).superseded
    assert desk.contract.newestSchema(desk.world.carrier.number, "step") == 1
    assert desk.contract.newestSchema(desk.world.retailer.number, "step") == 0


@pytest.mark.parametrize("length", [0, 65, 200])
def test_a_name_is_not_empty_and_not_long(desk: Desk, length: int) -> None:
    with reverts("SchemaNameLength", length):
        desk.schema("n" * length)


@pytest.mark.parametrize("length", [1, 64])
def test_a_name_has_up_to_64_bytes(desk: Desk, length: int) -> None:
    assert desk.contract.schema(desk.schema("n" * length)).version == 1


@pytest.mark.parametrize(
    ("terms", "least"),
    [
        ({"definition": NOTHING}, 4 * RETENTION.after_record),
        ({"meanings": 16}, 4 * RETENTION.after_record),
        ({"meanings": 255}, 4 * RETENTION.after_record),
        ({"second_persons": 16}, 4 * RETENTION.after_record),
        ({"second_persons": 255}, 4 * RETENTION.after_record),
        ({"retention": Retention(0, 0, 0)}, 0),
        ({"retention": Retention(0, MOST, 0)}, 0),
    ],
)
def test_terms_make_sense(desk: Desk, terms: dict[str, object], least: int) -> None:
    wrong = STEP._replace(**terms)
    with reverts("WrongTerms", wrong.definition, wrong.meanings, wrong.second_persons, least):
        desk.contract.defineSchema("step", 1, wrong, sender=desk.world.maker.quality)


@pytest.mark.parametrize("retention", [(1, 0, 0), (0, 0, 1), (MOST, MOST, MOST)])
def test_documents_are_kept_for_some_time(desk: Desk, retention: tuple[int, int, int]) -> None:
    assert desk.contract.schema(desk.schema(retention=Retention(*retention))).terms.retention == retention


def test_a_rule_is_a_contract(desk: Desk) -> None:
    with reverts("NotAContract", desk.world.stranger):
        desk.schema(rule=desk.world.stranger)


# ---------------------------------------------------------------------------------------------------- rules


def number(value: int) -> bytes:
    return encode(["int256"], [value])


@pytest.mark.parametrize("value", [-100, 0, 100])
def test_a_rule_accepts(desk: Desk, value: int) -> None:
    schema = desk.schema(rule=desk.rule(RANGE, -100, 100).address)
    statement = desk.statement(schema, data=number(value))
    maker = desk.world.maker
    receipt = desk.contract.write(statement, sender=maker.record)
    assert happened(receipt) == [written(statement, maker, maker.record, 1, desk.world.now)]


@pytest.mark.parametrize("value", [-101, 101])
def test_a_rule_refuses_and_says_why(desk: Desk, value: int) -> None:
    rule = desk.rule(RANGE, -100, 100)
    schema = desk.schema(rule=rule.address)
    selector = keccak(text="OutOfRange(int256,int256,int256)")[:4]
    answer = selector + encode(["int256"] * 3, [value, -100, 100])
    with reverts("RuleRefused", schema, rule.address, number(value), answer):
        desk.write(desk.statement(schema, data=number(value)))
    with reverts("RuleRefused", schema, rule.address, b"", b""):
        desk.write(desk.statement(schema))


ACCEPTED = keccak(
    text="judge((bytes32,bytes32,bytes32,uint32,uint40,bytes32,bytes32,bytes,string),address,uint32,bytes32,"
    "bytes32)"
)[:4].ljust(32, b"\0")


@pytest.mark.parametrize(
    ("manner", "size", "answer"),
    [
        (OTHER_WORD, 0, bytes(0xFF ^ byte for byte in ACCEPTED)),
        (SHORT, 0, ACCEPTED[:31]),
        (DIRTY, 0, ACCEPTED[:31] + b"\1"),
        (SILENT, 0, b""),
        (TALKATIVE, 32, ACCEPTED),
        (TALKATIVE, 255, ACCEPTED + bytes(223)),
        (TALKATIVE, 256, ACCEPTED + bytes(224)),
        (TALKATIVE, 257, ACCEPTED + bytes(224)),
        (TALKATIVE, 20_000, ACCEPTED + bytes(224)),
        (ENDLESS, 0, b""),
        (WRITING, 0, b""),
    ],
)
def test_a_rule_that_does_not_accept_refuses(desk: Desk, manner: int, size: int, answer: bytes) -> None:
    rule = desk.rule(manner, 0, size)
    schema = desk.schema(rule=rule.address)
    with reverts("RuleRefused", schema, rule.address, b"data", answer):
        desk.write(desk.statement(schema, data=b"data"))
    assert desk.contract.recordCount(desk.part) == 0
    assert rule.written() == 0


@pytest.mark.parametrize("size", [32, 33, 256, 257, 20_000])
def test_more_than_the_selector_does_not_matter(desk: Desk, size: int) -> None:
    schema = desk.schema(rule=desk.rule(LONG, 0, size).address)
    assert desk.contract.recordOf(desk.write(desk.statement(schema))).schema == schema


def test_a_rule_has_a_hundred_thousand_gas(desk: Desk) -> None:
    """What it finds left when it begins is a little less, for its arguments were decoded."""
    for wanted, enough in ((97_000, True), (100_000, False)):
        rule = desk.rule(METERED, wanted, 0)
        schema = desk.schema(f"step {wanted}", rule=rule.address)
        if enough:
            desk.write(desk.statement(schema))
        else:
            with reverts("RuleRefused"):
                desk.write(desk.statement(schema))


def test_an_endless_rule_costs_no_more_than_that(desk: Desk) -> None:
    schema = desk.schema(rule=desk.rule(ENDLESS).address)
    with pytest.raises(Reverted) as caught:
        desk.contract.write(desk.statement(schema), sender=desk.world.maker.record, gas=2_000_000)
    assert caught.value.receipt.gas_used < 500_000


def test_a_rule_is_asked_everything(desk: Desk) -> None:
    """Who states what for whom, and what it would amend."""
    world, maker = desk.world, desk.world.maker
    first = desk.write()
    rule = desk.rule(ASKING)
    schema = desk.schema(version=2, rule=rule.address)
    original = keccak(text="paper")
    statement = desk.statement(schema, documents=3, original=original, data=b"data", uri="s3://bucket/1")

    def asked(supersedes: bytes) -> bytes:
        kinds = "(bytes32,bytes32,bytes32,uint32,uint40,bytes32,bytes32,bytes,string)"
        values = tuple(statement), maker.record, maker.number, NOTHING, supersedes
        selector = keccak(text=f"Asked({kinds},address,uint32,bytes32,bytes32)")[:4]
        return (selector + encode([kinds, "address", "uint32", "bytes32", "bytes32"], values))[:256]

    with reverts("RuleRefused", schema, rule.address, b"data", asked(NOTHING)):
        desk.contract.write(statement, sender=maker.record)
    with reverts("RuleRefused", schema, rule.address, b"data", asked(first)):
        desk.contract.amend(statement, first, REASON, sender=maker.record)
    assert at(world.node, "TestRule", rule.address).MANNER() == ASKING


def test_no_rule_no_question(desk: Desk) -> None:
    other = Statement(desk.world.register(uri("2")), desk.step, CONTENT, effective_at=desk.world.now)
    assert desk.contract.subjectOf(desk.write(other)) == other.subject
