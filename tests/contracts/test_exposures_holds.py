"""Holding what inherited a breach and is out of the container, and releasing it."""

from __future__ import annotations

import pytest

from tests.models.conditions import Disposition
from tests.models.exposures import INHERITED_CODE, Cause, Inheritance, Place, Proof
from tests.models.readings import Rule, RuleKind
from tests.models.trees import Packed, unit_of
from tests.support import Forwarder, Node, Receipt, reverts
from tests.support.coldchain import HOT
from tests.support.contract import Sender
from tests.support.exposing import Exposing, Watch
from tests.support.lots import unit
from tests.support.words import Cause as Why
from tests.support.words import Duty, EndOfLife, Kind, Purpose
from tests.support.world import DAY, PREFIX_LENGTH, Org, Registration, happened, lot_uri, sscc, stamp, uri

RECORD = b"q" * 32


class Load:
    """A part that was in a box on the pallet during a breach, which holds the pallet, and is out of it."""

    def __init__(self, node: Node, setter: str = "maker", severity: int = 2) -> None:
        self.here = Exposing(node)
        self.world = self.here.world
        self.setter: Org = getattr(self.world, setter)
        self.pallet = self.here.cold.pallet
        self.part = self.world.register(uri("part"))
        self.box = self.world.register(sscc("21"), Kind.CONTAINER)
        rules = [Rule(RuleKind.INSTANT, HOT, severity=severity)]
        self.watch = self.here.watch(self.pallet, self.setter, rules)
        self.start = self.watch.policy.start
        self.world.pack(self.box, [self.part])
        self.world.pack(self.pallet, [self.box])
        node.warp(150)
        self.world.unpack(self.box, [self.part])
        node.warp(850)

    def breach(self, watch: Watch | None = None) -> Cause:
        return self.here.breach(watch or self.watch, self.start + 100, self.start + 200)

    def proof(self) -> Proof:
        return self.here.proof(self.part, self.box)

    def hold(self, cause: Cause, sender: Sender | None = None, item: bytes | None = None) -> Receipt:
        args = cause, item or self.part, self.proof(), self.world.ref("holding")
        receipt: Receipt = self.here.contract.holdInherited(*args, sender=sender or self.world.stranger)
        return receipt

    def release(self, cause: Cause, sender: Sender | None = None) -> Receipt:
        args = cause, self.part, self.world.ref("releasing")
        receipt: Receipt = self.here.contract.releaseInherited(*args, sender=sender or self.world.stranger)
        return receipt

    def dispose(self, cause: Cause, sender: Sender) -> Receipt:
        args = cause, self.part, RECORD, self.world.ref("releasing")
        receipt: Receipt = self.here.contract.disposeInherited(*args, sender=sender)
        return receipt

    def decide(self, disposition: Disposition, sender: Sender | None = None) -> None:
        """About the pallet's breach."""
        policy, conditions = self.watch.policy, self.world.conditions
        seen = conditions.policyState(policy.id).breaches
        args = policy.subject, policy.setter, disposition, seen, RECORD
        conditions.dispose(*args, sender=sender or self.world.regulator.quality)

    @property
    def number(self) -> int:
        """Of the organisation of Exposures."""
        number: int = self.world.consortium.accountOf(self.here.contract).org
        return number

    def held(self, cause: Cause) -> bool:
        held: bool = self.world.twins.held(self.part, self.number, cause.breach_id)
        return held

    def stand(self, cause: Cause) -> Inheritance:
        return Inheritance(self.here.contract.inheritance(self.part, cause.breach_id))


@pytest.fixture
def load(node: Node) -> Load:
    return Load(node)


def test_what_inherited_a_breach_is_held(load: Load) -> None:
    cause = load.breach()
    assert load.stand(cause) == Inheritance.NONE
    here, sender, ref = load.here, load.world.stranger, load.world.ref("holding")
    about = {"item": load.part, "breachId": cause.breach_id, "caller": sender}
    alert = {"subject": load.part, "code": INHERITED_CODE, "org": load.setter.number, "severity": 2}
    hold = {"id": load.part, "org": load.number, "reason": cause.breach_id, "caller": here.contract.address}
    when = {"subject": load.pallet, "from": load.start + 100, "until": load.start + 149}
    assert happened(load.hold(cause)) == [
        ("BreachInherited", about | when),
        ("Alert", alert | {"ref": cause.breach_id}),
        ("Held", hold | {"ref": ref}),
    ]
    assert load.held(cause)
    assert load.stand(cause) == Inheritance.HELD
    assert load.world.twins.clear(load.part) == (False, Why.HELD)


def test_anyone_may_be_a_contract(load: Load) -> None:
    forwarder = Forwarder.deploy(load.here.node, load.world.stranger)
    cause = load.breach()
    [found] = load.here.contract.events(load.hold(cause, forwarder), "BreachInherited")
    assert found["caller"] == forwarder.address
    load.here.release(load.watch)
    [released] = load.here.contract.events(load.release(cause, forwarder), "InheritedReleased")
    assert released["caller"] == forwarder.address


@pytest.mark.parametrize("severity", [1, 3])
def test_the_alert_is_as_severe_as_the_rule(node: Node, severity: int) -> None:
    load = Load(node, severity=severity)
    [alert] = load.here.contract.events(load.hold(load.breach()), "Alert")
    assert alert["severity"] == severity


def test_silence_is_inherited_as_any_breach(node: Node) -> None:
    load = Load(node)
    cold, conditions = load.here.cold, load.world.conditions
    policy = cold.policy(
        [Rule(RuleKind.INSTANT, HOT, severity=1)], version=2, max_silence=100, subject=load.pallet
    )
    cold.set(policy)
    load.world.unpack(load.pallet, [load.box])
    load.world.pack(load.pallet, [load.part])
    load.here.node.warp(60)
    load.world.unpack(load.pallet, [load.part])
    load.here.node.warp(60)
    conditions.markSilent(policy, cold.logger.id, 1, sender=load.world.stranger)
    cause = Cause(policy, cold.logger.id, rule=conditions.SILENCE())
    receipt = load.hold(cause)
    [found] = load.here.contract.events(receipt, "BreachInherited")
    assert (found["from"], found["until"]) == (policy.start, policy.start + 59)
    [alert] = load.here.contract.events(receipt, "Alert")
    assert alert["severity"] == 3


def test_once(load: Load) -> None:
    cause = load.breach()
    load.hold(cause)
    with reverts("WrongInheritance", load.part, cause.breach_id, Inheritance.HELD):
        load.hold(cause)
    load.here.release(load.watch)
    load.release(cause)
    with reverts("WrongInheritance", load.part, cause.breach_id, Inheritance.RELEASED):
        load.hold(cause)


def test_each_breach_is_a_hold_of_its_own(load: Load) -> None:
    """The maker's policy finds one; what the regulator's finds is another."""
    other = load.here.watch(load.pallet, load.world.regulator)
    load.world.unpack(load.pallet, [load.box])
    load.world.pack(load.pallet, [load.part])
    load.here.node.warp(100)
    load.world.unpack(load.pallet, [load.part])
    begin = other.policy.start
    first = load.here.breach(load.watch, begin, begin + 50)
    load.here.judge(other)
    for cause in (first, other.cause):
        load.hold(cause)
    assert load.world.twins.twin(load.part).holds == 2
    load.here.release(load.watch)
    load.release(first)
    with reverts("BreachOpen", other.cause.breach_id, other.policy.id):
        load.release(other.cause)
    assert load.world.twins.twin(load.part).holds == 1


def test_only_while_the_breach_holds_its_container(load: Load) -> None:
    cause = load.breach()
    load.here.release(load.watch)
    with reverts("NotHolding", cause.breach_id, cause.policy.id):
        load.hold(cause)
    load.here.watch(load.pallet, load.setter, version=2)
    with reverts("NotHolding", cause.breach_id, cause.policy.id):
        load.hold(cause)


@pytest.mark.parametrize("disposition", [Disposition.REWORK, Disposition.REJECT])
def test_also_after_rework_and_reject(load: Load, disposition: Disposition) -> None:
    cause = load.breach()
    load.decide(disposition)
    load.hold(cause)
    assert load.held(cause)


def test_who_may_not_hold_the_container_holds_nothing_in_it(node: Node) -> None:
    load = Load(node, "insurer")
    cause = load.breach()
    state = load.world.conditions.policyState(cause.policy.id)
    assert (state.open, state.holding) == (True, False)
    with reverts("NotHolding", cause.breach_id, cause.policy.id):
        load.hold(cause)


def test_a_regulator_may(node: Node) -> None:
    load = Load(node, "regulator")
    cause = load.breach()
    load.hold(cause)
    assert load.held(cause)


def test_what_is_inside_is_held_with_the_container(load: Load) -> None:
    load.world.pack(load.box, [load.part])
    cause = load.breach()
    with reverts("StillInside", load.part, load.pallet):
        load.hold(cause)
    assert load.world.twins.clear(load.part) == (False, Why.CONTAINER_HELD)


def test_in_another_container_it_is_held(load: Load) -> None:
    crate = load.world.register(sscc("22"), Kind.CONTAINER)
    load.world.pack(crate, [load.part])
    cause = load.breach()
    load.hold(cause)
    assert load.world.twins.clear(crate) == (False, Why.CONTENTS_HELD)


def test_what_was_not_exposed_is_not_held(load: Load) -> None:
    crate = load.world.register(sscc("22"), Kind.CONTAINER)
    cause = load.breach()
    proof = load.here.proof(crate)
    args = cause, crate, proof, load.world.ref()
    with reverts("NotInherited", crate, cause.breach_id):
        load.here.contract.holdInherited(*args, sender=load.world.stranger)
    missing = cause, load.part, load.here.proof(load.part), load.world.ref()
    with reverts("NotInherited", load.part, cause.breach_id):
        load.here.contract.holdInherited(*missing, sender=load.world.stranger)


def test_without_a_breach_nothing_is_held(load: Load) -> None:
    cause = load.watch.cause
    with reverts("NoBreach", cause.breach_id):
        load.hold(cause)


def test_what_has_ended_is_not_held(load: Load) -> None:
    cause = load.breach()
    load.world.retire(load.part, EndOfLife.DESTROYED)
    with reverts("Blocked", load.part, Why.ENDED):
        load.hold(cause)
    assert load.stand(cause) == Inheritance.NONE


def test_the_reference_is_of_the_past(load: Load) -> None:
    cause, now = load.breach(), load.world.now
    late = load.world.ref()._replace(stamp=stamp(now + 1))
    with reverts("EventInFuture", now + 1, now):
        load.here.contract.holdInherited(cause, load.part, load.proof(), late, sender=load.world.stranger)


def test_a_unit_is_held_once_it_is_a_twin(node: Node) -> None:
    load = Load(node)
    here, world, goods = load.here, load.world, load.here.goods
    tree = Packed(unit_of(unit(0), goods.pills))
    crate = world.register(sscc("22"), Kind.CONTAINER)
    watch = here.watch(crate)
    goods.pack(crate, tree)
    node.warp(500)
    goods.unpack(crate, tree.step(0))
    node.warp(500)
    start = watch.policy.start
    cause = here.breach(watch, start + 400, start + 600)
    place = Place(crate, [tree.step(0)])
    pill, ref = unit(0), world.ref()
    with reverts("UnknownTwin", pill):
        here.contract.holdInherited(
            cause, pill, here.proof(crate, places=[place]), ref, sender=world.stranger
        )
    item = Registration(uri("0"), PREFIX_LENGTH, Kind.PART)
    args = lot_uri("P"), 0, item, goods.tree.proof(0), ref
    world.lots.materialise(*args, sender=world.maker.register)
    proof = here.proof(pill, crate, places=[place])
    receipt = here.contract.holdInherited(cause, pill, proof, ref, sender=world.stranger)
    [found] = here.contract.events(receipt, "BreachInherited")
    assert (found["from"], found["until"]) == (start + 400, start + 499)
    assert world.twins.clear(pill) == (False, Why.HELD)


# ---------------------------------------------------------------------------------------------------- release


def test_the_hold_ends_with_the_breach(load: Load) -> None:
    cause = load.breach()
    load.hold(cause)
    with reverts("BreachOpen", cause.breach_id, cause.policy.id):
        load.release(cause)
    load.here.release(load.watch)
    sender, ref = load.world.stranger, load.world.ref("releasing")
    about = {"item": load.part, "breachId": cause.breach_id, "org": 0, "caller": sender}
    lifted = {"id": load.part, "org": load.number, "reason": cause.breach_id, "holder": load.number}
    assert happened(load.release(cause)) == [
        ("InheritedReleased", about | {"record": bytes(32)}),
        ("Released", lifted | {"caller": load.here.contract.address, "ref": ref}),
    ]
    assert not load.held(cause)
    assert load.stand(cause) == Inheritance.RELEASED
    assert load.world.twins.clear(load.part) == (True, Why.NONE)
    with reverts("WrongInheritance", load.part, cause.breach_id, Inheritance.RELEASED):
        load.release(cause)


@pytest.mark.parametrize("closed", [False, True])
def test_also_after_a_new_version_with_a_breach_of_its_own(load: Load, closed: bool) -> None:
    cause = load.breach()
    load.hold(cause)
    load.here.release(load.watch)
    if closed:
        load.world.conditions.closePolicy(load.pallet, sender=load.setter.quality)
    else:
        load.watch = load.here.watch(load.pallet, load.setter, version=2)
        load.here.node.warp(300)
        again = load.here.breach(load.watch, load.watch.policy.start, load.watch.policy.start + 200)
        assert load.world.conditions.policyState(again.policy.id).open
    load.release(cause)
    assert not load.held(cause)


@pytest.mark.parametrize("disposition", [Disposition.REWORK, Disposition.REJECT])
def test_not_after_rework_or_reject(load: Load, disposition: Disposition) -> None:
    cause = load.breach()
    load.hold(cause)
    load.decide(disposition)
    with reverts("BreachOpen", cause.breach_id, cause.policy.id):
        load.release(cause)
    load.decide(Disposition.RELEASE)
    load.release(cause)


def test_what_is_not_held_is_not_released(load: Load) -> None:
    cause = load.breach()
    load.here.release(load.watch)
    with reverts("WrongInheritance", load.part, cause.breach_id, Inheritance.NONE):
        load.release(cause)
    with reverts("WrongInheritance", load.part, cause.breach_id, Inheritance.NONE):
        load.dispose(cause, load.world.maker.all)


# -------------------------------------------------------------------------------------------------- decisions


def give(load: Load, owner: Org) -> None:
    """Title to the part goes to another organisation."""
    load.world.give_title(load.part, load.world.maker, owner)


def test_the_owner_decides_about_its_own(load: Load) -> None:
    give(load, load.world.retailer)
    cause = load.breach()
    load.hold(cause)
    owner, ref = load.world.retailer, load.world.ref("releasing")
    about = {"item": load.part, "breachId": cause.breach_id, "org": owner.number, "caller": owner.quality}
    lifted = {"id": load.part, "org": load.number, "reason": cause.breach_id, "holder": load.number}
    assert happened(load.dispose(cause, owner.quality)) == [
        ("InheritedReleased", about | {"record": RECORD}),
        ("Released", lifted | {"caller": load.here.contract.address, "ref": ref}),
    ]
    assert not load.held(cause)
    assert load.stand(cause) == Inheritance.RELEASED


def test_nobody_else_but_a_regulator(load: Load) -> None:
    give(load, load.world.retailer)
    cause, world = load.breach(), load.world
    load.hold(cause)
    for org in (world.maker, world.carrier):
        with reverts("MayNotDispose", load.part, org.number):
            load.dispose(cause, org.all)
    with reverts("UnknownAccount", world.stranger):
        load.dispose(cause, world.stranger)
    with reverts("MissingDuty", world.retailer.ship, Duty.SHIP, Duty.QUALITY):
        load.dispose(cause, world.retailer.ship)
    load.dispose(cause, world.regulator.quality)
    assert not load.held(cause)


def test_a_second_person_decides(load: Load) -> None:
    cause = load.breach()
    load.hold(cause)
    setter = load.setter.quality
    with reverts("SecondPersonNeeded", cause.policy.id, setter):
        load.dispose(cause, setter)
    load.dispose(cause, load.setter.all)


def test_a_contract_of_the_first_person_is_another_account(load: Load) -> None:
    """Who calls is `msg.sender`, whoever sent the transaction."""
    cause = load.breach()
    load.hold(cause)
    machine = Forwarder.deploy(load.here.node, load.setter.quality)
    load.world.hire(load.setter, machine, Duty.QUALITY)
    [released] = load.here.contract.events(load.dispose(cause, machine), "InheritedReleased")
    assert (released["caller"], released["org"]) == (machine.address, load.setter.number)


def test_of_a_regulators_policy_a_regulator_decides(node: Node) -> None:
    load = Load(node, "regulator")
    cause, world = load.breach(), load.world
    load.hold(cause)
    with reverts("MayNotDispose", load.part, world.maker.number):
        load.dispose(cause, world.maker.all)
    with reverts("SecondPersonNeeded", cause.policy.id, world.regulator.quality):
        load.dispose(cause, world.regulator.quality)
    load.dispose(cause, world.regulator.all)


def test_after_reject_a_regulator_decides(load: Load) -> None:
    cause, world = load.breach(), load.world
    load.hold(cause)
    load.decide(Disposition.REWORK)
    give_up = load.here.node.snapshot()
    load.dispose(cause, world.maker.all)
    load.here.node.revert(give_up)
    load.decide(Disposition.REJECT)
    with reverts("MayNotDispose", load.part, world.maker.number):
        load.dispose(cause, world.maker.all)
    load.dispose(cause, world.regulator.all)


def test_decisions_may_come_after_the_breach_was_released(load: Load) -> None:
    """Then nobody set the policy that is in force."""
    cause = load.breach()
    load.hold(cause)
    load.here.release(load.watch)
    load.here.watch(load.pallet, load.setter, version=2)
    load.dispose(cause, load.setter.quality)
    assert not load.held(cause)


def test_a_held_part_goes_back(load: Load) -> None:
    cause, world = load.breach(), load.world
    load.hold(cause)
    ref = world.ref("shipping")
    offer = load.part, world.carrier.number, Purpose.TRANSPORT, world.now + DAY, ref
    with reverts("Blocked", load.part, Why.HELD):
        world.twins.offer(*offer, sender=world.maker.ship)
    world.offer(load.part, world.maker, world.carrier, Purpose.RETURN)
