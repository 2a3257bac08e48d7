"""Rules under a name and a version."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from goldthread.rules.templates import template_id, templates
from tests.models.conditions import Policy
from tests.models.readings import Rule, RuleKind
from tests.models.segments import Limit
from tests.support import Contract, Forwarder, reverts
from tests.support.coldchain import COLD, HOT, ColdChain
from tests.support.words import Duty

NAME = "usp-2-to-8"
RULES = [Rule(RuleKind.INSTANT, HOT).word, Rule(RuleKind.CUMULATIVE, COLD, 60).word]


@pytest.fixture
def registry(cold: ColdChain) -> Contract:
    return cold.world.templates


def identifier(org: int, name: str = NAME, version: int = 1) -> bytes:
    return keccak(encode(["uint32", "string", "uint32"], [org, name, version]))


def packed(words: list[int]) -> bytes:
    return keccak(b"".join(word.to_bytes(32, "big") for word in words))


def policy(cold: ColdChain, words: list[int], **changes: Any) -> Policy:
    return cold.policy()._replace(words=words, **changes)


def test_what_the_registry_stands_on(cold: ColdChain, registry: Contract) -> None:
    assert registry.CONSORTIUM() == cold.world.consortium.address


def test_a_template_is_registered(cold: ColdChain, registry: Contract) -> None:
    maker = cold.world.maker
    id_ = identifier(maker.number)
    assert registry.templateIdOf(maker.number, NAME, 1) == id_ == template_id(maker.number, NAME, 1)
    assert (registry.newest(maker.number, NAME), registry.rulesHash(id_)) == (0, bytes(32))
    assert registry.register.call(NAME, 1, RULES, sender=maker.quality) == id_
    receipt = registry.register(NAME, 1, RULES, sender=maker.quality)
    told = {"templateId": id_, "org": maker.number, "caller": maker.quality, "name": NAME, "version": 1}
    assert registry.events(receipt) == [told | {"rules": RULES}]
    assert (registry.newest(maker.number, NAME), registry.rulesHash(id_)) == (1, packed(RULES))


def test_a_policy_follows_a_template(cold: ColdChain, registry: Contract) -> None:
    """By its rules, in their order, whoever sets it and whatever else it has."""
    maker = cold.world.maker
    registry.register(NAME, 1, RULES, sender=maker.quality)
    id_ = identifier(maker.number)
    assert registry.follows(policy(cold, RULES), id_)
    theirs = {"setter": cold.world.retailer.number, "start": 5, "max_interval": 7, "devices": []}
    assert registry.follows(policy(cold, RULES, **theirs), id_)
    for words in (RULES[::-1], RULES[:1], RULES * 2, [], [RULES[0], RULES[1] + 1]):
        assert not registry.follows(policy(cold, words), id_)
    for other in (identifier(maker.number, version=2), identifier(maker.number + 1), bytes(32)):
        assert not registry.follows(policy(cold, RULES), other)
        assert not registry.follows(policy(cold, []), other)


def test_versions_count_from_one(cold: ColdChain, registry: Contract) -> None:
    """And what was registered stays."""
    maker = cold.world.maker
    for version in (1, 2, 3):
        for wrong in (version - 1, version + 1):
            with reverts("NotNextTemplate", maker.number, NAME, version, wrong):
                registry.register(NAME, wrong, RULES, sender=maker.quality)
        registry.register(NAME, version, RULES[: version % 2 + 1], sender=maker.quality)
        assert registry.newest(maker.number, NAME) == version
    hashes = [registry.rulesHash(identifier(maker.number, version=v)) for v in (1, 2, 3)]
    assert hashes == [packed(RULES), packed(RULES[:1]), packed(RULES)]


def test_names_and_organisations_are_apart(cold: ColdChain, registry: Contract) -> None:
    world = cold.world
    registry.register(NAME, 1, RULES, sender=world.maker.quality)
    registry.register(NAME, 1, RULES[:1], sender=world.regulator.quality)
    registry.register(NAME + "!", 1, RULES[1:], sender=world.maker.quality)
    found = [
        registry.rulesHash(identifier(org.number, name))
        for org, name in ((world.maker, NAME), (world.regulator, NAME), (world.maker, NAME + "!"))
    ]
    assert found == [packed(RULES), packed(RULES[:1]), packed(RULES[1:])]


@pytest.mark.parametrize(("length", "ok"), [(0, False), (1, True), (64, True), (65, False)])
def test_how_long_a_name_is(cold: ColdChain, registry: Contract, length: int, ok: bool) -> None:
    call = "x" * length, 1, RULES
    if ok:
        registry.register(*call, sender=cold.world.maker.quality)
    else:
        with reverts("TemplateNameLength", length):
            registry.register(*call, sender=cold.world.maker.quality)


@pytest.mark.parametrize(("rules", "ok"), [(0, False), (1, True), (8, True), (9, False)])
def test_how_many_rules(cold: ColdChain, registry: Contract, rules: int, ok: bool) -> None:
    call = NAME, 1, RULES[:1] * rules
    if ok:
        registry.register(*call, sender=cold.world.maker.quality)
    else:
        with reverts("TemplateSize", rules):
            registry.register(*call, sender=cold.world.maker.quality)


def test_quality_registers(cold: ColdChain, registry: Contract) -> None:
    """A contract in its own name too."""
    world = cold.world
    with reverts("UnknownAccount", world.stranger):
        registry.register(NAME, 1, RULES, sender=world.stranger)
    world.hire(world.maker, world.stranger, ~Duty.QUALITY)
    with reverts("MissingDuty", world.stranger, ~Duty.QUALITY, Duty.QUALITY):
        registry.register(NAME, 1, RULES, sender=world.stranger)
    machine = Forwarder.deploy(cold.node, world.maker.quality)
    with reverts("UnknownAccount", machine.address):
        registry.register(NAME, 1, RULES, sender=machine)
    world.hire(world.maker, machine, Duty.QUALITY)
    [told] = registry.events(registry.register(NAME, 1, RULES, sender=machine))
    assert (told["org"], told["caller"]) == (world.maker.number, machine.address)
    world.suspend(world.maker)
    with reverts("OrganisationSuspended", world.maker.number):
        registry.register(NAME, 2, RULES, sender=machine)


def test_every_template_of_the_package_can_be_set(cold: ColdChain, registry: Contract) -> None:
    regulator = cold.world.regulator
    for number, template in enumerate(templates().values(), 1):
        registry.register(template.name, template.version, template.words, sender=regulator.quality)
        id_ = template.id(regulator.number)
        assert registry.rulesHash(id_) == template.rules_hash
        mine = policy(cold, template.words, version=number)
        cold.set(mine)
        assert registry.follows(mine, id_)
        assert [Rule.of(word).word for word in template.words] == template.words


def test_the_model_and_the_package_write_rules_alike() -> None:
    rule = Rule(RuleKind.BAND_BUDGET, Limit(-1499, True), 86_400, 3, upper=200)
    assert rule.word in templates()["ultra-cold-vaccine"].words
