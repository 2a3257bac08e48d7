"""What makes a segment no evidence: firmware that is not good enough, and lies. A broken seal is told."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.conditions import FALSIFIED, LIE_CODE, SILENCE, Policy, PolicyState
from tests.models.firmware import Confirmation, Minimum, Release, SignerSet, State, digest_of
from tests.models.mkt import chain_total
from tests.models.readings import Rule, RuleKind
from tests.models.segments import HUMIDITY, TEMPERATURE, Frame, Limit, Segment
from tests.support import Forwarder, Receipt, reverts
from tests.support.coldchain import HOT, RULES, ColdChain, Course
from tests.support.signers import Wallet
from tests.support.words import Kind
from tests.support.world import DAY, asset, happened, person

NONE = (0, 0, 0, 0, 0)
SEAL = 7
FALSE_SUMMARY = 1
BIT = 1 << FALSIFIED
RUN = Rule(RuleKind.CONSECUTIVE, HOT, 300)
GAPS = Rule(RuleKind.GAP, duration=600)
LOWEST = {state: Rule(RuleKind.SEQUENCE, Limit(state, False)) for state in State if state < State.CURRENT}
REFUSED = LOWEST[State.BELOW_MINIMUM]._replace(upper=1)


class Line:
    """The logger's model, with a single signer and one release."""

    def __init__(self, cold: ColdChain) -> None:
        self.cold, self.firmware = cold, cold.world.firmware
        self.model = cold.world.register(asset("MODEL"), Kind.DESIGN)
        self.signer = Wallet(person("firmware"))
        self.admin = cold.world.maker.device_admin
        self.expiry = cold.world.now + DAY
        signers = SignerSet(self.model, 1, 1, (self.signer.name,))
        self.firmware.setSigners(signers, [], [], sender=self.admin)
        image, board, now = keccak(text="image"), bytes(32), cold.world.now
        release = Release(self.model, board, 1, "1.0", image, bytes(32), now, self.expiry)
        self.firmware.release(*self.approved(release), sender=self.admin)
        word = Confirmation(cold.logger.id, self.model, board, 1, image, now)
        key = cold.logger.signer
        self.firmware.confirm(word, key.name, key.sign(self.digest(word)), sender=cold.world.stranger)

    def digest(self, message: Any) -> bytes:
        return digest_of(message, self.firmware.address, self.cold.node.chain_id)

    def approved(self, message: Any) -> tuple[Any, list[bytes], list[bytes]]:
        return message, [self.signer.name], [self.signer.sign(self.digest(message))]

    def withdraw(self) -> None:
        """The release is not good enough any more."""
        self.firmware.raiseMinimum(*self.approved(Minimum(self.model, bytes(32), 2)), sender=self.admin)


def bring(cold: ColdChain, state: State) -> None:
    """The logger's firmware into this state."""
    if state == State.UNKNOWN:
        return
    line = Line(cold)
    if state == State.BELOW_MINIMUM:
        line.withdraw()
    if state == State.EXPIRED:
        cold.node.timestamp = line.expiry + 1
    assert cold.world.firmware.stateOf(cold.logger.id) == state


# ------------------------------------------------------------------------------------------------ firmware


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("worst", LOWEST)
def test_firmware_that_is_not_good_enough_is_marked(cold: ColdChain, state: State, worst: State) -> None:
    bring(cold, state)
    course = Course(cold, [LOWEST[worst]])
    broken = state <= worst
    assert course.judge((10, 500), (310, 700)) == broken
    assert course.breach() == ((10, 0, 0, 1) if broken else (0, 0, 0, 0))
    assert course.tally() == (0, 0)
    assert not course.track.counting


@pytest.mark.parametrize("state", State)
def test_such_a_device_is_refused(cold: ColdChain, state: State) -> None:
    bring(cold, state)
    policy = cold.set(cold.policy([REFUSED]))
    segment = cold.segment(cold.every(300, [500, 500]))
    if state > State.BELOW_MINIMUM:
        cold.judge(policy, segment)
        return
    with reverts("FirmwareRefused", cold.logger.id, state):
        cold.judge(policy, segment)
    assert cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE).seq == 0


def test_firmware_is_asked_for_when_the_segment_is_judged(cold: ColdChain) -> None:
    """What was measured before the update is judged after it."""
    policy = cold.set(cold.policy([REFUSED]))
    segment = cold.segment(cold.every(300, [500, 500]))
    with reverts("FirmwareRefused", cold.logger.id, State.UNKNOWN):
        cold.judge(policy, segment)
    line = Line(cold)
    cold.judge(policy, segment)
    line.withdraw()
    with reverts("FirmwareRefused", cold.logger.id, State.BELOW_MINIMUM):
        cold.judge(policy, cold.segment(cold.every(300, [500], policy.start + 600), 2))


def test_a_mark_stays(cold: ColdChain) -> None:
    course = Course(cold, [LOWEST[State.UNKNOWN]])
    assert course.judge((0, 500)) == 1
    bring(cold, State.CURRENT)
    assert course.judge((300, 500)) == 1
    assert course.breach() == (0, 0, 0, 1)


def test_only_what_counts_and_is_ruled_needs_firmware(cold: ColdChain) -> None:
    course = Course(cold, [REFUSED._replace(quantity=HUMIDITY), RUN], start=cold.start + 100)
    course.judge((-50, 500))
    course.judge((10, 500))
    other = Course(cold, [REFUSED, RUN], start=cold.start + 1000, version=2)
    other.seq = 2
    assert other.judge((-500, 0)) == 0
    assert not other.track.counting


# ---------------------------------------------------------------------------------------------------- seal


@pytest.mark.parametrize("state", [0, 1])
def test_a_broken_seal(cold: ColdChain, state: int) -> None:
    """Reading 1 of quantity 7."""
    policy = cold.set(cold.policy([Rule(RuleKind.INSTANT, Limit(1, True), quantity=SEAL, severity=3)]))
    cold.judge(policy, cold.segment(cold.every(300, [0, state]), quantity=SEAL))
    assert cold.conditions.track(policy.id, cold.logger.id, SEAL).latched == state


# ---------------------------------------------------------------------------------------------------- lies


class Court:
    """A module that may call a segment a lie."""

    def __init__(self, cold: ColdChain) -> None:
        self.cold = cold
        self.module = Forwarder.deploy(cold.node, cold.world.stranger)
        cold.world.empower(self.module)

    def condemn(self, segment: Segment) -> None:
        by = self.cold.world.stranger
        self.cold.telemetry.falsify(segment, FALSE_SUMMARY, by, sender=self.module)


@pytest.fixture
def court(cold: ColdChain) -> Court:
    return Court(cold)


def judge_falsified(cold: ColdChain, policy: Policy, segment: Segment) -> Receipt:
    by = cold.world.stranger
    receipt: Receipt = cold.conditions.judgeFalsified(policy, segment, sender=by)
    return receipt


def lie(cold: ColdChain, policy: Policy, quantity: int = TEMPERATURE) -> object:
    return cold.conditions.breach(policy.id, cold.logger.id, quantity, FALSIFIED)


def test_a_lie_that_was_judged_is_a_breach_and_holds_the_twin(cold: ColdChain, court: Court) -> None:
    policy = cold.set(cold.policy([RUN]))
    segment = cold.segment(cold.every(300, [500, 500, 500]))
    cold.judge(policy, segment)
    court.condemn(segment)
    receipt = judge_falsified(cold, policy, segment)
    breach = (policy.start, 0, 600, 1, policy.start + 600)
    about = {"policyId": policy.id, "subject": cold.pallet, "device": cold.logger.id}
    about |= {"quantity": TEMPERATURE, "rule": FALSIFIED, "breach": breach, "holding": True}
    alert = {"subject": cold.pallet, "code": LIE_CODE, "org": policy.setter, "severity": 3}
    assert happened(receipt)[:2] == [("BreachFound", about), ("Alert", alert | {"ref": policy.id})]
    assert [name for name, _ in happened(receipt)[2:]] == ["Held"]
    assert lie(cold, policy) == breach
    assert cold.conditions.policyState(policy.id) == PolicyState(cold.setter, 1, 1, open=True, holding=True)
    track = cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE)
    assert track == (1, policy.start + 600, 500, 500, 500, BIT, False, 0)


def test_a_lie_that_is_judged_is_a_gap_from_end_to_end(cold: ColdChain, court: Court) -> None:
    policy = cold.set(cold.policy([*RULES, RUN, GAPS, Rule(RuleKind.COUNT, HOT, 3)]))
    segment = cold.segment(cold.every(300, [500, 500, 500]))
    cold.anchor(segment)
    court.condemn(segment)
    receipt = cold.judge(policy, segment)
    found = cold.conditions.events(receipt, "BreachFound")
    end = policy.start + 600
    assert [(f["rule"], tuple(f["breach"])) for f in found] == [
        (0, (policy.start, 500, 0, 1, end)),
        (1, (policy.start, 500, 600, 1, end)),
        (2, (policy.start, 0, 600, 1, end)),
        (3, (policy.start, 500, 3, 1, end)),
        (FALSIFIED, (policy.start, 0, 600, 1, end)),
    ]
    with reverts("AlreadyMarked", policy.id, cold.logger.id):
        judge_falsified(cold, policy, segment)


def test_a_lie_of_a_single_reading(cold: ColdChain, court: Court) -> None:
    """Nothing is known of it either."""
    policy = cold.set(cold.policy([*RULES, Rule(RuleKind.COUNT, HOT, 1), RUN]))
    segment = cold.segment(cold.every(300, [500]))
    cold.anchor(segment)
    court.condemn(segment)
    cold.judge(policy, segment)
    assert cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE).latched == BIT | 0b011


def test_what_a_lie_weighs(cold: ColdChain, court: Court) -> None:
    """As the hottest so far, whatever its histogram says."""
    mean = Rule(RuleKind.MKT, HOT, 600)
    policy = cold.set(cold.policy([mean]))
    honest = cold.segment(cold.every(100, [900, 500]), histogram=True)
    cold.judge(policy, honest)
    segment = cold.segment(cold.every(100, [500] * 11, policy.start + 200), 2, histogram=True)
    cold.anchor(segment)
    court.condemn(segment)
    cold.judge(policy, segment)
    heat = cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE).heat
    assert heat == chain_total([(900, 100), (500, 100), (900, 1000)])


def test_a_second_lie_is_no_second_breach(cold: ColdChain, court: Court) -> None:
    policy = cold.set(cold.policy([RUN], max_interval=600))
    first = cold.segment(cold.every(100, [500, 500]))
    cold.judge(policy, first)
    second = cold.segment(cold.every(100, [500, 500], policy.start + 200), 2)
    cold.anchor(second)
    court.condemn(first)
    court.condemn(second)
    judge_falsified(cold, policy, first)
    before = lie(cold, policy)
    cold.judge(policy, second)
    assert lie(cold, policy) == before
    with reverts("AlreadyMarked", policy.id, cold.logger.id):
        judge_falsified(cold, policy, second)


def test_a_lie_that_comes_too_late_is_silence_too(cold: ColdChain, court: Court) -> None:
    policy = cold.set(cold.policy(max_silence=3600))
    segment = cold.segment(cold.every(300, [500, 500]))
    cold.anchor(segment)
    court.condemn(segment)
    cold.node.warp(3600)
    cold.judge(policy, segment)
    latched = cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE).latched
    assert latched == BIT | 1 << SILENCE | 1


def test_only_a_proven_lie_is_marked(cold: ColdChain, court: Court) -> None:
    policy = cold.set(cold.policy())
    segment = cold.segment(cold.every(300, [500, 500]))
    cold.judge(policy, segment)
    with reverts("NotALie", cold.telemetry.digestOf(segment)):
        judge_falsified(cold, policy, segment)
    other = cold.segment(cold.every(300, [500, 500], policy.start + 900), 2)
    cold.anchor(other)
    court.condemn(other)
    with reverts("NotJudged", policy.id, cold.logger.id, 2):
        judge_falsified(cold, policy, other)
    with reverts("NotALie", cold.telemetry.digestOf(segment)):
        judge_falsified(cold, policy, segment)


def test_a_lie_from_before_the_policy_was_not_counted(cold: ColdChain, court: Court) -> None:
    policy = cold.set(cold.policy(start=cold.start + 100))
    segment = cold.segment(cold.every(50, [500, 500], cold.start + 99))
    cold.judge(policy, segment)
    court.condemn(segment)
    with reverts("NotJudged", policy.id, cold.logger.id, 1):
        judge_falsified(cold, policy, segment)
    counted = cold.segment(cold.every(50, [500, 500], policy.start + 100), 2)
    cold.judge(policy, counted)
    with reverts("NotJudged", policy.id, cold.logger.id, 1):
        judge_falsified(cold, policy, segment)


def test_a_lie_from_the_second_of_the_start_on(cold: ColdChain, court: Court) -> None:
    policy = cold.set(cold.policy(start=cold.start + 100))
    segment = cold.segment(cold.every(50, [500, 500], policy.start))
    cold.judge(policy, segment)
    court.condemn(segment)
    judge_falsified(cold, policy, segment)
    assert lie(cold, policy) == (policy.start, 0, 50, 1, policy.start + 50)


def test_a_lie_is_one_under_a_policy_that_names_device_and_twin(cold: ColdChain, court: Court) -> None:
    policy = cold.set(cold.policy())
    segment = cold.segment(cold.every(300, [500]))
    cold.judge(policy, segment)
    court.condemn(segment)
    other = cold.segment(cold.every(300, [500]), subject=cold.logger.id)
    with reverts("WrongSubject", policy.subject, cold.logger.id):
        judge_falsified(cold, policy, other)
    with reverts("DeviceNotNamed", policy.id, cold.pallet):
        judge_falsified(cold, policy, segment._replace(device=cold.pallet))
    newer = policy._replace(version=2)
    with reverts("NotInForce", policy.id, policy.hash, newer.hash):
        judge_falsified(cold, newer, segment)


def test_a_lie_is_judged_by_anyone(cold: ColdChain, court: Court) -> None:
    """A contract too."""
    policy = cold.set(cold.policy())
    segment = cold.segment(cold.every(300, [500]))
    cold.judge(policy, segment)
    court.condemn(segment)
    cold.conditions.judgeFalsified(policy, segment, sender=Forwarder.deploy(cold.node, cold.world.stranger))
    assert cold.conditions.policyState(policy.id).breaches == 1


# ------------------------------------------------------------------------------------------ older versions


def test_a_breach_can_be_read_under_its_policy_for_good(cold: ColdChain) -> None:
    """By the hash that the policy had."""
    maker, old = cold.world.maker, cold.set(cold.policy())
    cold.judge(old, cold.segment(cold.every(300, [900, 500])))
    breach = (old.start, 900, 0, 1, old.start + 300)
    about = cold.logger.id, TEMPERATURE, 0
    assert cold.conditions.breachUnder(old.hash, *about) == breach
    assert cold.conditions.breachUnder(old.hash, cold.logger.id, TEMPERATURE, 1) == NONE
    assert cold.conditions.breachUnder(old.hash, cold.logger.id, HUMIDITY, 0) == NONE
    assert cold.conditions.breachUnder(old.hash, cold.pallet, TEMPERATURE, 0) == NONE
    cold.conditions.dispose(cold.pallet, maker.number, 1, 1, bytes(32), sender=maker.all)
    new = cold.set(cold.policy(version=2))
    assert cold.conditions.breachUnder(old.hash, *about) == breach
    assert cold.conditions.breachUnder(new.hash, *about) == NONE
    assert cold.conditions.breach(old.id, *about) == NONE
    cold.conditions.closePolicy(cold.pallet, sender=cold.setter)
    assert cold.conditions.breachUnder(old.hash, *about) == breach


def test_a_segment_that_is_anchored_by_judging_is_the_one_that_is_judged(cold: ColdChain) -> None:
    """Calldata is passed on as it lies, also within a multicall, and what Telemetry says comes back."""
    policy = cold.set(cold.policy([RUN]))
    segment = cold.segment(cold.every(300, [500, 900, 500]), limits=[HOT], histogram=True)
    cold.wait_for(segment)
    call = cold.conditions.judge.encode(policy, *cold.sign(segment))
    receipt = cold.conditions.multicall([call], sender=cold.world.stranger)
    [anchored] = cold.telemetry.events(receipt)
    assert (anchored["digest"], anchored["caller"]) == (
        cold.telemetry.digestOf(segment),
        cold.conditions.address,
    )
    assert Frame.of(anchored["frame"]).count == 3
    wrong = cold.segment(cold.every(300, [500], policy.start + 900), 3)
    with reverts("NotNextSegment", cold.logger.id, 2, 3):
        cold.judge(policy, wrong)
    forged = cold.segment(cold.every(300, [500], policy.start + 900), 2)
    segment, signer, signature = cold.sign(forged)
    with reverts("InvalidDeviceSignature", cold.logger.id, cold.telemetry.digestOf(segment)):
        cold.conditions.judge(policy, segment, signer, signature[::-1], sender=cold.world.stranger)
