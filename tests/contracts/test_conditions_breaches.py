"""What follows from a breach: alerts, holds, and the decisions of quality."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.conditions import BREACH_CODE, SILENCE, Disposition, Policy, PolicyState
from tests.models.readings import Rule, RuleKind
from tests.models.segments import TEMPERATURE
from tests.support import Forwarder, Receipt, reverts
from tests.support.coldchain import COLD, HOT, ColdChain
from tests.support.contract import Sender
from tests.support.words import Duty, EndOfLife, Purpose, Role
from tests.support.world import NO_EVENT, Org, happened

RECORD = keccak(text="the record that explains the decision")
CONDITIONS_ORG = 10
TWO = [Rule(RuleKind.INSTANT, HOT, severity=1), Rule(RuleKind.INSTANT, COLD, severity=3)]


def watched_by(cold: ColdChain, org: Org, **changes: Any) -> Policy:
    """A policy of an organisation, in force."""
    return cold.set(cold.policy(TWO, setter=org.number, **changes), org.quality)


def breach(cold: ColdChain, policy: Policy, seq: int = 1, value: int = 900) -> Receipt:
    """A reading beyond a limit."""
    return cold.judge(policy, cold.segment(cold.every(300, [value], cold.world.now + (seq > 1)), seq))


def state(cold: ColdChain, policy: Policy) -> Any:
    return cold.conditions.policyState(policy.id)


def dispose(
    cold: ColdChain, policy: Policy, disposition: Disposition, sender: Sender | None = None
) -> Receipt:
    """By the maker's second person unless somebody else is named, who has seen all breaches."""
    by, seen = sender or cold.world.maker.all, state(cold, policy).breaches
    decision = cold.pallet, policy.setter, disposition, seen, RECORD
    receipt: Receipt = cold.conditions.dispose(*decision, sender=by)
    return receipt


def held(cold: ColdChain, policy: Policy) -> bool:
    answer: bool = cold.world.twins.held(cold.pallet, CONDITIONS_ORG, policy.id)
    return answer


# Alerts and holds


def test_a_breach_is_told_and_the_twin_held(cold: ColdChain) -> None:
    policy = watched_by(cold, cold.world.maker)
    receipt = breach(cold, policy)
    about = {"policyId": policy.id, "subject": cold.pallet, "device": cold.logger.id}
    found = {
        "quantity": TEMPERATURE,
        "rule": 0,
        "breach": (policy.start, 900, 0, 1, policy.start),
        "holding": True,
    }
    alert = {
        "subject": cold.pallet,
        "code": BREACH_CODE,
        "org": policy.setter,
        "severity": 1,
        "ref": policy.id,
    }
    hold = {"id": cold.pallet, "org": CONDITIONS_ORG, "reason": policy.id}
    hold |= {"caller": cold.conditions.address, "ref": NO_EVENT}
    assert happened(receipt)[-3:] == [("BreachFound", about | found), ("Alert", alert), ("Held", hold)]
    assert state(cold, policy) == PolicyState(cold.setter, 1, 1, open=True, holding=True)
    assert held(cold, policy)


def test_each_broken_rule_is_told_with_its_severity(cold: ColdChain) -> None:
    policy = watched_by(cold, cold.world.maker)
    receipt = cold.judge(policy, cold.segment(cold.every(300, [900, -60])))
    assert [a["severity"] for a in cold.conditions.events(receipt, "Alert")] == [1, 3]
    assert [f["rule"] for f in cold.conditions.events(receipt, "BreachFound")] == [0, 1]
    assert len(cold.world.twins.events(receipt, "Held")) == 1
    assert state(cold, policy).breaches == 2


def test_a_second_breach_holds_nothing_again(cold: ColdChain) -> None:
    policy = watched_by(cold, cold.world.maker)
    breach(cold, policy)
    receipt = breach(cold, policy, 2, -60)
    [found] = cold.conditions.events(receipt, "BreachFound")
    assert (found["rule"], found["holding"]) == (1, True)
    assert cold.world.twins.events(receipt) == []
    assert state(cold, policy) == PolicyState(cold.setter, 1, 2, open=True, holding=True)


def test_a_held_twin_goes_back_or_nowhere(cold: ColdChain) -> None:
    world, policy = cold.world, watched_by(cold, cold.world.maker)
    breach(cold, policy)
    with reverts("Blocked", cold.pallet, 3):
        world.offer(cold.pallet, world.maker, world.carrier)
    world.offer(cold.pallet, world.maker, world.carrier, Purpose.DESTRUCTION)


@pytest.mark.parametrize("setter", ["maker", "carrier", "regulator", "retailer"])
def test_owner_custodian_and_regulator_hold_the_twin_back(cold: ColdChain, setter: str) -> None:
    """The maker owns the pallet, the carrier has it; the retailer may only be told."""
    world = cold.world
    world.move(cold.pallet, world.maker, world.carrier)
    org: Org = getattr(world, setter)
    policy = watched_by(cold, org)
    [found] = cold.conditions.events(breach(cold, policy), "BreachFound")
    entitled = setter != "retailer"
    assert (found["holding"], held(cold, policy)) == (entitled, entitled)
    assert state(cold, policy) == PolicyState(org.quality, 1, 1, open=True, holding=entitled)


def test_a_hold_that_was_not_possible_at_first(cold: ColdChain) -> None:
    """Comes with a later breach, once the setter owns the twin."""
    world = cold.world
    policy = watched_by(cold, world.retailer)
    breach(cold, policy)
    world.give_title(cold.pallet, world.maker, world.retailer)
    assert not held(cold, policy)
    [found] = cold.conditions.events(breach(cold, policy, 2, -60), "BreachFound")
    assert (found["holding"], held(cold, policy)) == (True, True)


def test_a_hold_that_would_not_be_possible_any_more_stays(cold: ColdChain) -> None:
    """Told in every later breach."""
    world = cold.world
    policy = watched_by(cold, world.regulator)
    breach(cold, policy)
    world.consortium.setRoles(world.regulator.number, Role.AUDITOR, sender=world.governor)
    [found] = cold.conditions.events(breach(cold, policy, 2, -60), "BreachFound")
    assert (found["holding"], held(cold, policy)) == (True, True)


@pytest.mark.parametrize("setter", ["maker", "regulator"])
def test_a_twin_that_has_ended_is_not_held(cold: ColdChain, setter: str) -> None:
    policy = watched_by(cold, getattr(cold.world, setter))
    cold.world.retire(cold.pallet, EndOfLife.DESTROYED)
    [found] = cold.conditions.events(breach(cold, policy), "BreachFound")
    assert (found["holding"], held(cold, policy)) == (False, False)


def test_what_is_held_can_end_and_be_released(cold: ColdChain) -> None:
    policy = watched_by(cold, cold.world.maker)
    breach(cold, policy)
    cold.world.retire(cold.pallet, EndOfLife.DESTROYED)
    dispose(cold, policy, Disposition.RELEASE)
    assert not held(cold, policy)


def test_two_policies_hold_for_themselves(cold: ColdChain) -> None:
    """The release of one leaves the hold of the other."""
    ours, theirs = watched_by(cold, cold.world.maker), watched_by(cold, cold.world.regulator)
    segment = cold.segment(cold.every(300, [900]))
    cold.judge(ours, segment)
    cold.judge(theirs, segment)
    dispose(cold, ours, Disposition.RELEASE)
    assert (held(cold, ours), held(cold, theirs)) == (False, True)
    assert cold.world.twins.clear(cold.pallet) == (False, 3)


def test_without_its_membership_conditions_holds_nothing(cold: ColdChain) -> None:
    """And a breach that cannot be acted on is not recorded either: it can be judged later."""
    world, policy = cold.world, watched_by(cold, cold.world.maker)
    world.consortium.setSuspended(CONDITIONS_ORG, True, sender=world.governor)
    segment = cold.segment(cold.every(300, [900]))
    with reverts("OrganisationSuspended", CONDITIONS_ORG):
        cold.judge(policy, segment)
    world.consortium.setSuspended(CONDITIONS_ORG, False, sender=world.governor)
    cold.judge(policy, segment)
    assert held(cold, policy)


# Dispositions


@pytest.mark.parametrize("disposition", [Disposition.RELEASE, Disposition.REWORK, Disposition.REJECT])
def test_quality_decides(cold: ColdChain, disposition: Disposition) -> None:
    maker, policy = cold.world.maker, watched_by(cold, cold.world.maker)
    breach(cold, policy)
    receipt = dispose(cold, policy, disposition)
    told = {"policyId": policy.id, "subject": cold.pallet, "org": maker.number, "caller": maker.all}
    stays = disposition != Disposition.RELEASE
    told |= {"disposition": disposition, "record": RECORD, "holding": stays}
    assert cold.conditions.events(receipt) == [told]
    assert state(cold, policy) == PolicyState(cold.setter, 1, 1, stays, stays, disposition)
    assert held(cold, policy) == stays
    released = {"id": cold.pallet, "org": CONDITIONS_ORG, "reason": policy.id, "holder": CONDITIONS_ORG}
    released |= {"caller": cold.conditions.address, "ref": NO_EVENT}
    assert cold.world.twins.events(receipt) == ([] if stays else [released])


def test_a_decision_is_one_of_three(cold: ColdChain) -> None:
    policy = watched_by(cold, cold.world.maker)
    breach(cold, policy)
    with reverts("NoDisposition"):
        dispose(cold, policy, Disposition.NONE)


def test_rework_then_release(cold: ColdChain) -> None:
    """The record of the decisions is in the events; the hold is lifted by the last one."""
    policy = watched_by(cold, cold.world.maker)
    breach(cold, policy)
    dispose(cold, policy, Disposition.REWORK)
    dispose(cold, policy, Disposition.REWORK)
    assert held(cold, policy)
    dispose(cold, policy, Disposition.RELEASE)
    assert not held(cold, policy)
    assert state(cold, policy) == PolicyState(cold.setter, 1, 1, False, False, Disposition.RELEASE)


def test_a_new_breach_leaves_a_rework_to_be_decided(cold: ColdChain) -> None:
    policy = watched_by(cold, cold.world.maker)
    breach(cold, policy)
    dispose(cold, policy, Disposition.REWORK)
    breach(cold, policy, 2, -60)
    assert state(cold, policy) == PolicyState(cold.setter, 1, 2, True, True, Disposition.REWORK)


@pytest.mark.parametrize("first", [None, Disposition.REWORK])
def test_a_rejection_is_final(cold: ColdChain, first: Disposition | None) -> None:
    policy = watched_by(cold, cold.world.maker)
    breach(cold, policy)
    if first is not None:
        dispose(cold, policy, first)
    dispose(cold, policy, Disposition.REJECT)
    for disposition in (Disposition.RELEASE, Disposition.REWORK, Disposition.REJECT):
        with reverts("Rejected", policy.id):
            dispose(cold, policy, disposition)
    assert held(cold, policy)
    breach(cold, policy, 2, -60)
    assert state(cold, policy) == PolicyState(cold.setter, 1, 2, True, True, Disposition.REJECT)


@pytest.mark.parametrize("disposition", [Disposition.RELEASE, Disposition.REWORK, Disposition.REJECT])
def test_a_rejection_is_not_final_for_a_regulator(cold: ColdChain, disposition: Disposition) -> None:
    policy = watched_by(cold, cold.world.maker)
    breach(cold, policy)
    dispose(cold, policy, Disposition.REJECT)
    dispose(cold, policy, disposition, cold.world.regulator.quality)
    stays = disposition != Disposition.RELEASE
    assert state(cold, policy) == PolicyState(cold.setter, 1, 1, stays, stays, disposition)
    assert held(cold, policy) == stays


def test_without_a_breach_nothing_is_decided(cold: ColdChain) -> None:
    policy = cold.policy(TWO)
    with reverts("NoOpenBreach", policy.id):
        dispose(cold, policy, Disposition.RELEASE)
    cold.set(policy)
    with reverts("NoOpenBreach", policy.id):
        dispose(cold, policy, Disposition.RELEASE)
    breach(cold, policy)
    dispose(cold, policy, Disposition.RELEASE)
    with reverts("NoOpenBreach", policy.id):
        dispose(cold, policy, Disposition.REJECT)


def test_after_a_release_only_a_new_breach_opens(cold: ColdChain) -> None:
    """The rule that was broken stays broken; another one holds the twin again."""
    policy = watched_by(cold, cold.world.maker)
    breach(cold, policy)
    dispose(cold, policy, Disposition.RELEASE)
    assert cold.conditions.events(breach(cold, policy, 2), "BreachFound") == []
    assert not held(cold, policy)
    breach(cold, policy, 3, -60)
    assert held(cold, policy)
    assert state(cold, policy) == PolicyState(cold.setter, 1, 2, True, True, Disposition.NONE)


def test_without_a_hold_nothing_is_lifted(cold: ColdChain) -> None:
    retailer = cold.world.retailer
    policy = watched_by(cold, retailer)
    breach(cold, policy)
    receipt = dispose(cold, policy, Disposition.RELEASE, retailer.all)
    assert [name for name, _ in happened(receipt)] == ["Disposed"]


# Who decides


def test_whoever_set_the_policy_does_not_decide(cold: ColdChain) -> None:
    policy = watched_by(cold, cold.world.maker)
    breach(cold, policy)
    with reverts("SecondPersonNeeded", policy.id, cold.setter):
        dispose(cold, policy, Disposition.RELEASE, cold.setter)


def test_a_contract_that_set_the_policy_does_not_decide(cold: ColdChain) -> None:
    """Its owner, an account of its own, does."""
    maker = cold.world.maker
    machine = Forwarder.deploy(cold.node, maker.all)
    cold.world.hire(maker, machine, Duty.QUALITY)
    policy = cold.set(cold.policy(TWO), machine)
    breach(cold, policy)
    with reverts("SecondPersonNeeded", policy.id, machine.address):
        dispose(cold, policy, Disposition.RELEASE, machine)
    dispose(cold, policy, Disposition.RELEASE, maker.all)


DECISIONS = (Disposition.RELEASE, Disposition.REWORK, Disposition.REJECT)
ALL, NOT_REJECT, NONE = set(DECISIONS), {Disposition.RELEASE, Disposition.REWORK}, set[Disposition]()


@pytest.mark.parametrize(
    ("setter", "org", "may"),
    [
        ("maker", "maker", ALL),
        ("maker", "regulator", ALL),
        ("maker", "carrier", NONE),
        ("maker", "retailer", NONE),
        ("retailer", "maker", ALL),
        ("retailer", "retailer", NOT_REJECT),
        ("retailer", "regulator", ALL),
        ("retailer", "insurer", NONE),
        ("regulator", "regulator", ALL),
        ("regulator", "maker", NONE),
        ("regulator", "carrier", NONE),
    ],
)
@pytest.mark.parametrize("disposition", DECISIONS)
def test_who_decides(
    cold: ColdChain, setter: str, org: str, may: set[Disposition], disposition: Disposition
) -> None:
    """The maker owns the pallet, the carrier has it."""
    world = cold.world
    theirs: Org = getattr(world, org)
    policy = watched_by(cold, getattr(world, setter))
    world.move(cold.pallet, world.maker, world.carrier)
    breach(cold, policy)
    if disposition in may:
        [told] = cold.conditions.events(dispose(cold, policy, disposition, theirs.all), "Disposed")
        assert (told["org"], told["caller"]) == (theirs.number, theirs.all)
        assert state(cold, policy).disposition == disposition
    else:
        with reverts("MayNotDispose", policy.id, theirs.number):
            dispose(cold, policy, disposition, theirs.all)


def test_a_silenced_regulator_keeps_its_policies_from_others(cold: ColdChain) -> None:
    """Its role counts, not whether it may speak."""
    world = cold.world
    policy = watched_by(cold, world.regulator)
    breach(cold, policy)
    world.suspend(world.regulator)
    with reverts("MayNotDispose", policy.id, world.maker.number):
        dispose(cold, policy, Disposition.RELEASE)


def test_a_decision_is_about_the_breaches_that_were_seen(cold: ColdChain) -> None:
    policy = watched_by(cold, cold.world.maker)
    decision = cold.pallet, policy.setter, Disposition.RELEASE
    breach(cold, policy)
    breach(cold, policy, 2, -60)
    for seen in (0, 1, 3):
        with reverts("MoreBreaches", policy.id, seen, 2):
            cold.conditions.dispose(*decision, seen, RECORD, sender=cold.world.maker.all)
    cold.conditions.dispose(*decision, 2, RECORD, sender=cold.world.maker.all)


@pytest.mark.parametrize("disposition", [Disposition.REWORK, Disposition.REJECT])
def test_a_decision_holds_the_twin_if_nothing_did_before(cold: ColdChain, disposition: Disposition) -> None:
    """Where the policy may by now."""
    world = cold.world
    policy = watched_by(cold, world.retailer)
    breach(cold, policy)
    first = dispose(cold, policy, disposition, world.maker.all)
    assert [name for name, _ in happened(first)] == ["Disposed"]
    assert state(cold, policy) == PolicyState(world.retailer.quality, 1, 1, True, False, disposition)
    world.give_title(cold.pallet, world.maker, world.retailer)
    second = dispose(cold, policy, disposition, world.regulator.all)
    assert [name for name, _ in happened(second)] == ["Disposed", "Held"]
    assert cold.conditions.events(second)[0]["holding"] is True
    assert state(cold, policy) == PolicyState(world.retailer.quality, 1, 1, True, True, disposition)
    assert held(cold, policy)


def test_a_release_holds_nothing(cold: ColdChain) -> None:
    world = cold.world
    policy = watched_by(cold, world.retailer)
    breach(cold, policy)
    world.give_title(cold.pallet, world.maker, world.retailer)
    receipt = dispose(cold, policy, Disposition.RELEASE, world.retailer.all)
    assert [name for name, _ in happened(receipt)] == ["Disposed"]
    assert not held(cold, policy)


def test_a_twin_that_has_ended_is_not_held_by_a_decision(cold: ColdChain) -> None:
    policy = watched_by(cold, cold.world.maker)
    cold.world.retire(cold.pallet, EndOfLife.DESTROYED)
    breach(cold, policy)
    receipt = dispose(cold, policy, Disposition.REJECT)
    assert [name for name, _ in happened(receipt)] == ["Disposed"]


def test_a_breach_is_decided_under_its_own_policy(cold: ColdChain) -> None:
    ours, theirs = watched_by(cold, cold.world.maker), watched_by(cold, cold.world.regulator)
    breach(cold, ours)
    with reverts("NoOpenBreach", theirs.id):
        dispose(cold, theirs, Disposition.RELEASE, cold.world.regulator.all)
    dispose(cold, ours, Disposition.RELEASE)


def test_silence_is_released_as_any_breach(cold: ColdChain) -> None:
    """Users of other software could never close the breach of a lost sensor."""
    policy = watched_by(cold, cold.world.maker, max_silence=3600)
    cold.node.warp(3601)
    cold.conditions.markSilent(policy, cold.logger.id, TEMPERATURE, sender=cold.world.stranger)
    assert held(cold, policy)
    dispose(cold, policy, Disposition.RELEASE)
    assert cold.conditions.breach(policy.id, cold.logger.id, TEMPERATURE, SILENCE).time == 3601
    assert not held(cold, policy)
