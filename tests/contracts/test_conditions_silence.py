"""Silence is never good: marked by anyone, and found when readings come too late."""

from __future__ import annotations

import pytest

from tests.models.conditions import SILENCE, SILENT_CODE, Policy, PolicyState
from tests.models.readings import Rule, RuleKind
from tests.models.segments import HUMIDITY, TEMPERATURE
from tests.support import Forwarder, Receipt, reverts
from tests.support.coldchain import HOT, RULES, ColdChain, Logger
from tests.support.contract import Sender

HOUR = 3600
BIT = 1 << SILENCE
NONE = (0, 0, 0, 0, 0)
FOREVER = 2**256 - 1


@pytest.fixture
def policy(cold: ColdChain) -> Policy:
    """An hour of silence, no longer."""
    return cold.set(cold.policy(max_silence=HOUR))


def mark(
    cold: ColdChain, policy: Policy, logger: Logger | None = None, sender: Sender | None = None
) -> Receipt:
    device = (logger or cold.logger).id
    by = sender or cold.world.stranger
    receipt: Receipt = cold.conditions.markSilent(policy, device, TEMPERATURE, sender=by)
    return receipt


def silence(cold: ColdChain, policy: Policy) -> object:
    return cold.conditions.breach(policy.id, cold.logger.id, TEMPERATURE, SILENCE)


def test_a_device_that_never_spoke(cold: ColdChain, policy: Policy) -> None:
    cold.node.timestamp = until = policy.start + HOUR
    with reverts("NotSilent", policy.id, cold.logger.id, until):
        mark(cold, policy)
    cold.node.warp(1)
    receipt = mark(cold, policy)
    about = {"policyId": policy.id, "subject": cold.pallet, "device": cold.logger.id}
    about |= {
        "quantity": TEMPERATURE,
        "rule": SILENCE,
        "breach": (policy.start, 0, HOUR + 1, 0, policy.start + HOUR + 1),
    }
    alert = {"subject": cold.pallet, "code": SILENT_CODE, "org": policy.setter, "severity": 3}
    assert cold.conditions.events(receipt) == [about | {"holding": True}, alert | {"ref": policy.id}]
    assert silence(cold, policy) == about["breach"]
    assert cold.conditions.policyState(policy.id) == PolicyState(cold.setter, 1, 1, open=True, holding=True)
    track = cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE)
    assert track == (0, 0, 0, 0, 0, BIT, False, 0)


def test_a_device_that_stopped_speaking(cold: ColdChain, policy: Policy) -> None:
    cold.judge(policy, cold.segment(cold.every(300, [500, 510])))
    newest = policy.start + 300
    cold.node.timestamp = newest + HOUR
    with reverts("NotSilent", policy.id, cold.logger.id, newest + HOUR):
        mark(cold, policy)
    cold.node.warp(1)
    mark(cold, policy)
    assert silence(cold, policy) == (newest, 0, HOUR + 1, 0, newest + HOUR + 1)
    track = cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE)
    assert track == (1, newest, 500, 510, 510, BIT, False, 0)


def test_anchored_is_not_judged(cold: ColdChain, policy: Policy) -> None:
    """Readings that nobody judges are as good as none."""
    cold.anchor(cold.segment(cold.every(300, [500] * 12)))
    cold.node.timestamp = policy.start + HOUR + 1
    mark(cold, policy)


def test_silence_is_marked_once(cold: ColdChain, policy: Policy) -> None:
    cold.node.warp(HOUR + 1)
    mark(cold, policy)
    with reverts("AlreadyMarked", policy.id, cold.logger.id):
        mark(cold, policy)
    cold.judge(policy, cold.segment(cold.every(300, [500], cold.start)))
    cold.node.warp(2 * HOUR)
    with reverts("AlreadyMarked", policy.id, cold.logger.id):
        mark(cold, policy)


def test_where_no_silence_is_too_long(cold: ColdChain) -> None:
    policy = cold.set(cold.policy(max_silence=0))
    cold.node.warp(10**9)
    with reverts("NotSilent", policy.id, cold.logger.id, FOREVER):
        mark(cold, policy)
    cold.judge(policy, cold.segment(cold.every(300, [500], cold.start)))
    assert silence(cold, policy) == NONE


def test_a_policy_that_has_not_begun(cold: ColdChain) -> None:
    policy = cold.set(cold.policy(start=cold.start + HOUR, max_silence=1))
    with reverts("NotSilent", policy.id, cold.logger.id, policy.start + 1):
        mark(cold, policy)
    cold.node.timestamp = policy.start + 2
    mark(cold, policy)


def test_only_what_the_policy_watches_is_silent(cold: ColdChain, policy: Policy) -> None:
    cold.node.warp(HOUR + 1)
    stranger, other = cold.world.stranger, cold.device("LOGGER2")
    with reverts("DeviceNotNamed", policy.id, other.id):
        mark(cold, policy, other)
    with reverts("QuantityNotRuled", policy.id, HUMIDITY):
        cold.conditions.markSilent(policy, cold.logger.id, HUMIDITY, sender=stranger)


def test_a_device_need_not_be_enrolled_to_be_silent(cold: ColdChain) -> None:
    """Each device that is named must speak."""
    other = cold.device("LOGGER2")
    policy = cold.set(cold.policy(max_silence=HOUR, devices=[cold.logger.id, other.id]))
    cold.node.warp(HOUR + 1)
    mark(cold, policy, other)
    mark(cold, policy, sender=Forwarder.deploy(cold.node, cold.world.stranger))
    latched = [cold.conditions.track(policy.id, device, TEMPERATURE).latched for device in policy.devices]
    assert latched == [BIT, BIT]


# Late readings


@pytest.mark.parametrize("late", [False, True])
def test_first_readings_that_come_too_late(cold: ColdChain, policy: Policy, late: bool) -> None:
    cold.node.timestamp = now = policy.start + HOUR + late
    receipt = cold.judge(policy, cold.segment(cold.every(300, [500] * 12, cold.start)))
    assert silence(cold, policy) == (
        (policy.start, 0, HOUR + 1, 0, policy.start + HOUR + 1) if late else NONE
    )
    codes = [alert["code"] for alert in cold.conditions.events(receipt, "Alert")]
    assert codes == ([SILENT_CODE] if late else [])
    assert cold.standing(receipt).latched == (BIT if late else 0)
    assert cold.world.now == now


@pytest.mark.parametrize("late", [False, True])
def test_later_readings_that_come_too_late(cold: ColdChain, policy: Policy, late: bool) -> None:
    """Although no reading is missing."""
    cold.judge(policy, cold.segment(cold.every(300, [500, 500])))
    newest = policy.start + 300
    cold.node.timestamp = newest + HOUR + late
    cold.judge(policy, cold.segment(cold.every(300, [500] * 11, newest + 300), 2))
    assert silence(cold, policy) == ((newest, 0, HOUR + 1, 0, newest + HOUR + 1) if late else NONE)


def test_late_and_hot(cold: ColdChain) -> None:
    """Two breaches of one segment, the rule first."""
    policy = cold.set(cold.policy([*RULES, Rule(RuleKind.CUMULATIVE, HOT, 1)], max_silence=HOUR))
    cold.node.warp(HOUR + 1)
    receipt = cold.judge(policy, cold.segment(cold.every(300, [500, 900, 500], cold.start)))
    found = cold.conditions.events(receipt, "BreachFound")
    assert [(f["rule"], tuple(f["breach"])) for f in found] == [
        (0, (policy.start + 300, 900, 0, 1, policy.start + 600)),
        (1, (policy.start + 300, 900, 300, 1, policy.start + 600)),
        (SILENCE, (policy.start, 0, HOUR + 1, 0, policy.start + HOUR + 1)),
    ]


def test_silence_found_when_judging_is_found_once(cold: ColdChain, policy: Policy) -> None:
    cold.node.warp(HOUR + 1)
    cold.judge(policy, cold.segment(cold.every(300, [500], cold.start)))
    first = silence(cold, policy)
    cold.node.warp(3 * HOUR)
    receipt = cold.judge(policy, cold.segment(cold.every(300, [500], cold.start + 300), 2))
    assert cold.conditions.events(receipt, "BreachFound") == []
    assert silence(cold, policy) == first
    with reverts("AlreadyMarked", policy.id, cold.logger.id):
        mark(cold, policy)


def test_after_a_mark_judging_goes_on(cold: ColdChain, policy: Policy) -> None:
    cold.node.warp(HOUR + 1)
    mark(cold, policy)
    cold.judge(policy, cold.segment(cold.every(300, [500, 900], cold.start)))
    track = cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE)
    assert track == (1, cold.start + 300, 500, 900, 900, BIT | 1, True, 0)
    assert silence(cold, policy) == (policy.start, 0, HOUR + 1, 0, policy.start + HOUR + 1)


def test_a_silence_that_no_longer_fits(cold: ColdChain, policy: Policy) -> None:
    cold.node.warp(2**32)
    with reverts("SafeCastOverflowedUintDowncast", 32, 2**32):
        mark(cold, policy)
