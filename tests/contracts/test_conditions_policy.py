"""Setting and ending policies."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.conditions import Disposition, Policy, PolicyState, policy_id
from tests.models.readings import Rule, RuleKind
from tests.models.segments import HUMIDITY, TEMPERATURE, Limit
from tests.support import Forwarder, reverts
from tests.support.coldchain import COLD, HOT, ColdChain
from tests.support.words import Duty, EndOfLife
from tests.support.world import uri

NOTHING = bytes(32)
ZERO = "0x" + 40 * "0"
INSTANT = Rule(RuleKind.INSTANT, HOT)
LONG = Rule(RuleKind.CONSECUTIVE, HOT, 3600)
TOTAL = Rule(RuleKind.CUMULATIVE, COLD, 1)
GAPS = Rule(RuleKind.GAP, duration=2**32 - 1)


def state(cold: ColdChain, policy: Policy) -> Any:
    return cold.conditions.policyState(policy.id)


def test_what_conditions_stands_on(cold: ColdChain) -> None:
    assert cold.conditions.MAX_RULES() == 8
    assert cold.conditions.MAX_DEVICES() == 8
    assert cold.conditions.FALSIFIED() == 14
    assert cold.conditions.SILENCE() == 15
    assert cold.conditions.FIRMWARE() == cold.world.firmware.address
    assert cold.conditions.TWINS() == cold.world.twins.address
    assert cold.conditions.TELEMETRY() == cold.telemetry.address
    assert cold.conditions.CONSORTIUM() == cold.world.consortium.address


def test_a_policy_is_set(cold: ColdChain) -> None:
    maker, policy = cold.world.maker, cold.policy([INSTANT, LONG, TOTAL, GAPS], max_silence=86_400)
    assert cold.conditions.policyIdOf(cold.pallet, maker.number) == policy.id
    assert state(cold, policy) == PolicyState(ZERO, 0)
    assert cold.conditions.setPolicy.call(policy, sender=maker.quality) == policy.id
    receipt = cold.conditions.setPolicy(policy, sender=maker.quality)
    told = {"policyId": policy.id, "subject": cold.pallet, "org": maker.number, "caller": maker.quality}
    assert cold.conditions.events(receipt) == [told | {"policy": policy}]
    assert cold.conditions.policyHash(policy.id) == policy.hash
    assert state(cold, policy) == PolicyState(maker.quality, 1)


def test_a_policy_is_of_one_twin_and_one_organisation(cold: ColdChain) -> None:
    world, part = cold.world, cold.world.register(uri("1"))
    for subject in (cold.pallet, part):
        for org in (world.maker, world.retailer):
            cold.set(cold.policy(subject=subject, setter=org.number), org.quality)
    ids = {
        policy_id(subject, org.number)
        for subject in (cold.pallet, part)
        for org in (world.maker, world.retailer)
    }
    assert len(ids) == 4
    assert len({cold.conditions.policyHash(id_) for id_ in ids}) == 4


def test_an_organisation_sets_its_own_policies_only(cold: ColdChain) -> None:
    world = cold.world
    for setter in (world.retailer.number, 0):
        with reverts("NotSetter", setter, world.maker.number):
            cold.set(cold.policy(setter=setter))


def test_a_policy_is_about_a_known_twin(cold: ColdChain) -> None:
    unknown = keccak(text="no twin")
    with reverts("UnknownSubject", unknown):
        cold.set(cold.policy(subject=unknown))


def test_a_policy_about_a_twin_that_has_ended_can_be_set(cold: ColdChain) -> None:
    cold.world.retire(cold.pallet, EndOfLife.DESTROYED)
    cold.set(cold.policy())


@pytest.mark.parametrize(("rules", "devices"), [(0, 1), (9, 1), (1, 0), (1, 9), (0, 0), (9, 9)])
def test_too_few_or_too_many(cold: ColdChain, rules: int, devices: int) -> None:
    policy = cold.policy([INSTANT] * rules, devices=[cold.logger.id] * devices)
    with reverts("WrongSize", rules, devices):
        cold.set(policy)


@pytest.mark.parametrize(("rules", "devices"), [(8, 1), (1, 8)])
def test_just_enough(cold: ColdChain, rules: int, devices: int) -> None:
    cold.set(cold.policy([INSTANT] * rules, devices=[cold.logger.id] * devices))


def test_a_gap_has_a_second_at_least(cold: ColdChain) -> None:
    with reverts("ZeroMaxInterval"):
        cold.set(cold.policy(max_interval=0))
    cold.set(cold.policy(max_interval=1))


def test_a_policy_does_not_begin_in_the_past(cold: ColdChain) -> None:
    now = cold.world.now
    with reverts("StartInPast", now - 1, now):
        cold.set(cold.policy(start=now - 1))
    cold.set(cold.policy(start=now))
    cold.set(cold.policy(start=now + 1, version=2))


BAND = Rule(RuleKind.BAND_BUDGET, Limit(200, True), 60, upper=800)
MEAN = Rule(RuleKind.MKT, Limit(800, True), 60)
ROLLING = MEAN._replace(duration=24, upper=1)
TWICE = Rule(RuleKind.COUNT, HOT, 2)
CURRENT = Rule(RuleKind.SEQUENCE, Limit(2, False))

ODD_RULES = {
    "a kind that is none": INSTANT.word + (8 << 40) | 1 << 64,
    "a kind that is none and instant": INSTANT.word + (8 << 40),
    "the last kind that is none": LONG.word | 0xFF << 40,
    "an instant that lasts": INSTANT._replace(duration=1).word,
    "an excursion that does not last": LONG._replace(duration=0).word,
    "a total of nothing": TOTAL._replace(duration=0).word,
    "gaps of nothing": GAPS._replace(duration=0).word,
    "gaps above a limit": GAPS._replace(limit=Limit(0, True)).word,
    "gaps at a limit": GAPS._replace(limit=Limit(1, False)).word,
    "gaps with an end": GAPS._replace(upper=1).word,
    "no severity": INSTANT._replace(severity=0).word,
    "too severe": INSTANT._replace(severity=4).word,
    "far too severe": INSTANT._replace(severity=255).word,
    "a side that is none": INSTANT.word & ~(0xFF << 32) | 2 << 32,
    "a bit that means nothing": BAND.word | 1 << 136,
    "the highest bit": INSTANT.word | 1 << 255,
    "an instant with an end": INSTANT._replace(upper=1).word,
    "an excursion with an end": LONG._replace(upper=-1).word,
    "a total with an end": TOTAL._replace(upper=2**31 - 1).word,
    "a count with an end": TWICE._replace(upper=1).word,
    "a count of nothing": TWICE._replace(duration=0).word,
    "a count of too many": TWICE._replace(duration=2**16).word,
    "a band for no time": BAND._replace(duration=0).word,
    "a band of nothing": BAND._replace(upper=200).word,
    "a band upside down": BAND._replace(upper=199).word,
    "a band on the low side": BAND._replace(limit=Limit(200, False)).word,
    "a mean over no time": MEAN._replace(duration=0).word,
    "a mean on the low side": MEAN._replace(limit=Limit(800, False)).word,
    "a mean between two degrees": MEAN._replace(limit=Limit(801, True)).word,
    "a mean that is too cold": MEAN._replace(limit=Limit(-2600, True)).word,
    "a mean that is too hot": MEAN._replace(limit=Limit(12_800, True)).word,
    "a mean of humidity": MEAN._replace(quantity=HUMIDITY).word,
    "a window without ticks": ROLLING._replace(duration=25).word,
    "a window that is none": ROLLING._replace(upper=2).word,
    "a window that is less than none": ROLLING._replace(upper=-1).word,
    "firmware that lasts": CURRENT._replace(duration=1).word,
    "firmware that is too good": CURRENT._replace(limit=Limit(3, False)).word,
    "firmware that is too bad": CURRENT._replace(limit=Limit(-1, False)).word,
    "firmware on the high side": CURRENT._replace(limit=Limit(2, True)).word,
    "firmware that is refused twice": CURRENT._replace(upper=2).word,
    "firmware that is refused less than never": CURRENT._replace(upper=-1).word,
}


@pytest.mark.parametrize("name", ODD_RULES)
def test_a_rule_that_is_none(cold: ColdChain, name: str) -> None:
    policy = cold.policy()
    with reverts("InvalidRule", 0):
        cold.set(policy._replace(words=[ODD_RULES[name]]))
    with reverts("InvalidRule", 2):
        cold.set(policy._replace(words=[LONG.word, GAPS.word, ODD_RULES[name]]))


@pytest.mark.parametrize(
    "rule",
    [
        INSTANT._replace(severity=1),
        INSTANT._replace(severity=3, limit=Limit(-(2**31), False)),
        LONG._replace(duration=1, limit=Limit(2**31 - 1, True)),
        TOTAL._replace(duration=2**32 - 1, quantity=2**16 - 1),
        GAPS._replace(duration=1, quantity=0),
        BAND._replace(limit=Limit(-(2**31), True), upper=2**31 - 1, duration=2**32 - 1),
        BAND._replace(limit=Limit(-2, True), upper=-1, quantity=HUMIDITY),
        BAND._replace(upper=201, duration=1),
        MEAN._replace(limit=Limit(-2500, True), duration=1),
        MEAN._replace(limit=Limit(12_700, True), duration=2**32 - 1),
        MEAN._replace(limit=Limit(0, True), duration=25),
        ROLLING,
        ROLLING._replace(duration=2**32 - 16),
        TWICE._replace(limit=COLD, duration=1, quantity=7),
        TWICE._replace(duration=2**16 - 1),
        CURRENT._replace(quantity=HUMIDITY),
        CURRENT._replace(limit=Limit(1, False), upper=1),
        CURRENT._replace(limit=Limit(0, False)),
    ],
)
def test_every_other_rule(cold: ColdChain, rule: Rule) -> None:
    assert Rule.of(rule.word) == rule
    cold.set(cold.policy([rule]))


# Versions


def test_versions_count_from_one(cold: ColdChain) -> None:
    id_ = cold.policy().id
    for due in (1, 2, 3):
        for given in (due - 1, due + 1):
            with reverts("NotNextVersion", id_, due, given):
                cold.set(cold.policy(version=given))
        cold.set(cold.policy(version=due))
        assert state(cold, cold.policy()) == PolicyState(cold.setter, due)


def test_a_new_version_starts_afresh(cold: ColdChain) -> None:
    """Nothing of the old one counts, and whoever sets it is the first person now."""
    maker, old = cold.world.maker, cold.set(cold.policy([INSTANT, LONG]))
    cold.judge(old, cold.segment(cold.every(300, [700, 900, 900])))
    cold.conditions.dispose(cold.pallet, maker.number, Disposition.RELEASE, 1, NOTHING, sender=maker.all)
    start = cold.world.now + 1
    new = cold.set(cold.policy([INSTANT, LONG], version=2, start=start), maker.all)
    assert state(cold, new) == PolicyState(maker.all, 2)
    assert cold.conditions.track(new.id, cold.logger.id, TEMPERATURE) == (0, 0, 0, 0, 0, 0, False, 0)
    assert cold.conditions.breach(new.id, cold.logger.id, TEMPERATURE, 0) == (0, 0, 0, 0, 0)
    assert cold.conditions.tally(new.id, cold.logger.id, TEMPERATURE, 1) == (0, 0)
    with reverts("NotInForce", old.id, new.hash, old.hash):
        cold.judge(old, cold.segment(cold.every(300, [700], start), 2))
    cold.judge(new, cold.segment(cold.every(300, [700, 900, 900], old.start)))
    cold.judge(new, cold.segment(cold.every(300, [900], start + 10), 2))
    assert cold.conditions.breach(new.id, cold.logger.id, TEMPERATURE, 0) == (start, 900, 0, 2, start + 10)


@pytest.mark.parametrize("disposition", [None, Disposition.REWORK, Disposition.REJECT])
def test_an_open_breach_keeps_the_policy_in_force(cold: ColdChain, disposition: Disposition | None) -> None:
    """Nobody gets rid of a breach by setting other limits."""
    maker, policy = cold.world.maker, cold.set(cold.policy())
    cold.judge(policy, cold.segment(cold.every(300, [900])))
    if disposition is not None:
        cold.conditions.dispose(cold.pallet, maker.number, disposition, 1, NOTHING, sender=maker.all)
    with reverts("BreachOpen", policy.id):
        cold.set(cold.policy(version=2))
    with reverts("BreachOpen", policy.id):
        cold.conditions.closePolicy(cold.pallet, sender=cold.setter)


# The end


def test_a_policy_is_closed(cold: ColdChain) -> None:
    maker, policy = cold.world.maker, cold.set(cold.policy())
    receipt = cold.conditions.closePolicy(cold.pallet, sender=maker.all)
    told = {"policyId": policy.id, "subject": cold.pallet, "org": maker.number, "caller": maker.all}
    assert cold.conditions.events(receipt) == [told]
    assert cold.conditions.policyHash(policy.id) == NOTHING
    with reverts("NotInForce", policy.id, NOTHING, NOTHING):
        cold.conditions.closePolicy(cold.pallet, sender=maker.all)
    with reverts("NotInForce", policy.id, NOTHING, policy.hash):
        cold.judge(policy, cold.segment(cold.every(300, [900])))
    with reverts("NotInForce", policy.id, NOTHING, policy.hash):
        cold.conditions.markSilent(policy, cold.logger.id, TEMPERATURE, sender=cold.world.stranger)


def test_a_closed_policy_can_be_set_again(cold: ColdChain) -> None:
    """With the next number."""
    cold.set(cold.policy())
    cold.conditions.closePolicy(cold.pallet, sender=cold.setter)
    with reverts("NotNextVersion", cold.policy().id, 2, 1):
        cold.set(cold.policy())
    cold.set(cold.policy(version=2))
    assert cold.conditions.policyHash(cold.policy().id) == cold.policy(version=2).hash


def test_nobody_closes_the_policy_of_another(cold: ColdChain) -> None:
    world, policy = cold.world, cold.set(cold.policy())
    theirs = policy_id(cold.pallet, world.regulator.number)
    with reverts("NotInForce", theirs, NOTHING, NOTHING):
        cold.conditions.closePolicy(cold.pallet, sender=world.regulator.quality)
    assert cold.conditions.policyHash(policy.id) == policy.hash


# Who may


@pytest.mark.parametrize("function", ["setPolicy", "closePolicy", "dispose"])
class TestDuty:
    """What needs the duty QUALITY."""

    @pytest.fixture
    def args(self, cold: ColdChain, function: str) -> tuple[Any, ...]:
        """Of a call that the maker's second person can make."""
        maker, policy = cold.world.maker, cold.policy()
        if function != "setPolicy":
            cold.set(policy)
        if function == "dispose":
            cold.judge(policy, cold.segment(cold.every(300, [900])))
        release = cold.pallet, maker.number, Disposition.RELEASE, 1, NOTHING
        return {"setPolicy": (policy,), "closePolicy": (cold.pallet,), "dispose": release}[function]

    def test_the_duty_alone(self, cold: ColdChain, function: str, args: tuple[Any, ...]) -> None:
        world = cold.world
        world.hire(world.maker, world.stranger, Duty.QUALITY)
        receipt = getattr(cold.conditions, function)(*args, sender=world.stranger)
        [told] = cold.conditions.events(receipt)
        assert (told["org"], told["caller"]) == (world.maker.number, world.stranger)

    def test_all_others(self, cold: ColdChain, function: str, args: tuple[Any, ...]) -> None:
        world, others = cold.world, ~Duty.QUALITY
        world.hire(world.maker, world.stranger, others)
        with reverts("MissingDuty", world.stranger, others, Duty.QUALITY):
            getattr(cold.conditions, function)(*args, sender=world.stranger)

    def test_a_stranger(self, cold: ColdChain, function: str, args: tuple[Any, ...]) -> None:
        with reverts("UnknownAccount", cold.world.stranger):
            getattr(cold.conditions, function)(*args, sender=cold.world.stranger)

    def test_a_silenced_organisation(self, cold: ColdChain, function: str, args: tuple[Any, ...]) -> None:
        cold.world.suspend(cold.world.maker)
        with reverts("OrganisationSuspended", cold.world.maker.number):
            getattr(cold.conditions, function)(*args, sender=cold.world.maker.all)

    def test_a_contract_in_its_own_name(self, cold: ColdChain, function: str, args: tuple[Any, ...]) -> None:
        world, machine = cold.world, Forwarder.deploy(cold.node, cold.world.maker.all)
        with reverts("UnknownAccount", machine.address):
            getattr(cold.conditions, function)(*args, sender=machine)
        world.hire(world.maker, machine, Duty.QUALITY)
        receipt = getattr(cold.conditions, function)(*args, sender=machine)
        [told] = cold.conditions.events(receipt)
        assert told["caller"] == machine.address


def test_no_function_is_left_out(cold: ColdChain) -> None:
    changing = {
        f["name"] for f in cold.conditions.abi if f.get("stateMutability") == "nonpayable" and "name" in f
    }
    assert changing == {
        "setPolicy",
        "closePolicy",
        "judge",
        "markSilent",
        "judgeFalsified",
        "dispose",
        "multicall",
    }


def test_whoever_calls_sets_the_policy(cold: ColdChain) -> None:
    """And is the first person, also if it is a contract."""
    machine = Forwarder.deploy(cold.node, cold.world.maker.all)
    cold.world.hire(cold.world.maker, machine, Duty.QUALITY)
    policy = cold.set(cold.policy([INSTANT, Rule(RuleKind.INSTANT, COLD, quantity=HUMIDITY)]), machine)
    assert state(cold, policy).setBy == machine.address
