"""What devices, segments and their judgement cost on a real node."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from eth_utils.crypto import keccak

from goldthread.rules.templates import templates
from tests.models.conditions import Disposition, Policy
from tests.models.readings import Rule, RuleKind
from tests.models.segments import TEMPERATURE, Limit, Segment, Tree, vertices_of
from tests.support import AnvilNode, Forwarder
from tests.support.coldchain import ColdChain, Logger
from tests.support.gas import GasBook
from tests.support.signers import SecureElement, Wallet
from tests.support.world import DAY, person

HOUR = 3600
HEAT, WARMTH, FROST = Limit(1000, high=True), Limit(800, high=True), Limit(-50, high=False)
FOUR_RULES = (
    Rule(RuleKind.INSTANT, HEAT, severity=3),
    Rule(RuleKind.CONSECUTIVE, WARMTH, 10 * HOUR),
    Rule(RuleKind.CUMULATIVE, WARMTH, 20 * HOUR),
    Rule(RuleKind.CONSECUTIVE, FROST, HOUR, severity=3),
)
GOOD, WARM, HOT = 500, 900, 1100
SPIKE, HOTTER, DEEP = Limit(3000, high=True), Limit(4000, high=True), Limit(-2500, high=False)
EIGHT_RULES = (
    Rule(RuleKind.INSTANT, HOTTER, severity=3),
    Rule(RuleKind.CONSECUTIVE, SPIKE, 10 * HOUR),
    Rule(RuleKind.CUMULATIVE, SPIKE, 20 * HOUR),
    Rule(RuleKind.CONSECUTIVE, DEEP, HOUR, severity=3),
    Rule(RuleKind.MKT, Limit(2500, high=True), HOUR),
    Rule(RuleKind.BAND_BUDGET, SPIKE, 2 * HOUR, upper=HOTTER.value),
    Rule(RuleKind.COUNT, DEEP, 2, severity=3),
    Rule(RuleKind.GAP, duration=HOUR),
)
ROLLING = Rule(RuleKind.MKT, Limit(2500, high=True), DAY, upper=1)


@pytest.fixture
def cold(anvil: AnvilNode) -> ColdChain:
    return ColdChain.create(anvil)


class Recorder:
    """A logger with a P-256 key that measures every five minutes, an hour to a segment."""

    def __init__(self, cold: ColdChain) -> None:
        self.cold = cold
        self.logger = cold.device("LOGGER2", SecureElement(cold.world.p256_verifier, 0x5EC12E7))
        cold.enrol(self.logger)
        cold.attach(self.logger)
        self.seq = 0

    def hour(self, worst: int = GOOD, readings: int = 13, every: int = 300) -> Segment:
        """With 20 minutes at the worst."""
        self.seq += 1
        values = [GOOD + i % 3 for i in range(readings)]
        values[2:6] = [worst] * len(values[2:6])
        start = self.cold.world.now + 300
        limits = (HEAT, WARMTH, FROST)
        return self.cold.segment(self.cold.every(every, values, start), self.seq, limits, logger=self.logger)

    def wide(self) -> Segment:
        """An hour at sixteen whole degrees, none beyond a limit."""
        self.seq += 1
        values = [100 * degree for degree in range(-5, 11)]
        readings = self.cold.every(225, [*values, values[-1]], self.cold.world.now + 225)
        segment = self.cold.segment(readings, self.seq, (), logger=self.logger, histogram=True)
        assert len(vertices_of(segment.histogram)) == 16
        return segment

    def judge(self, policy: Policy, worst: int = GOOD) -> int:
        receipt = self.cold.judge(policy, self.hour(worst), self.logger)
        return receipt.gas_used


def watched(cold: ColdChain, recorder: Recorder, rules: Iterable[Rule] = FOUR_RULES) -> Policy:
    return cold.policy(list(rules), devices=[recorder.logger.id], max_silence=DAY)


def test_devices(cold: ColdChain, gas: GasBook) -> None:
    verifier = cold.world.p256_verifier
    admin = cold.world.maker.device_admin
    simple = cold.device("LOGGER3")
    secure = cold.device("LOGGER4", SecureElement(verifier, 0xFACADE))
    gas.record("Devices.enrol", cold.enrol(simple).gas_used, 72_000, "secp256k1")
    gas.record("Devices.enrol, P-256", cold.enrol(secure).gas_used, 74_000)
    gas.record("Devices.attach", cold.attach(secure).gas_used, 97_000)
    key = SecureElement(verifier, 0xFACADE + 1).name
    rotated = cold.devices.rotateKey(secure.id, key, sender=admin)
    gas.record("Devices.rotateKey, P-256", rotated.gas_used, 53_000)
    gas.record("Devices.detach", cold.devices.detach(secure.id, sender=admin).gas_used, 46_000)
    gas.record("Devices.revoke", cold.devices.revoke(simple.id, bytes(32), sender=admin).gas_used, 64_000)


def test_segments(cold: ColdChain, gas: GasBook) -> None:
    recorder = Recorder(cold)
    first = cold.anchor(recorder.hour(), recorder.logger).gas_used
    gas.record("Telemetry.anchor, first of a stream", first, 75_000, "P-256")
    gas.record("Telemetry.anchor", cold.anchor(recorder.hour(), recorder.logger).gas_used, 77_000, "P-256")
    told = cold.anchor(recorder.hour(HOT), recorder.logger).gas_used
    gas.record("Telemetry.anchor, two excursions", told, 82_000, "P-256")
    simple = cold.segment(cold.every(300, [GOOD] * 13, cold.world.now + 300), 1)
    cold.anchor(simple)
    simple = cold.segment(cold.every(300, [GOOD] * 13, cold.world.now + 300), 2)
    gas.record("Telemetry.anchor, secp256k1", cold.anchor(simple).gas_used, 75_500)


def test_anchoring_costs_the_same_for_any_number_of_readings(cold: ColdChain) -> None:
    recorder = Recorder(cold)
    cold.anchor(recorder.hour(), recorder.logger)
    small, large = (
        cold.anchor(recorder.hour(readings=n, every=every), recorder.logger).gas_used
        for n, every in ((13, 300), (3601, 1))
    )
    assert abs(large - small) < 200, "but for the zeros in hashes and signatures"


def test_a_reading_is_proved(cold: ColdChain, gas: GasBook) -> None:
    """As a transaction would cost; a call costs nothing."""
    readings = cold.every(1, [GOOD + i % 7 for i in range(1024)])
    segment = cold.segment(readings)
    tree = Tree.of(segment, readings)
    cold.anchor(segment)
    proof = segment, (700, *readings[700]), tree.proof(700)
    assert len(proof[2]) == 10
    assert cold.telemetry.verifyReading(*proof)
    data = cold.telemetry.verifyReading.encode(*proof)
    receipt = cold.node.tx(cold.world.stranger, cold.telemetry.address, data)
    gas.record("Telemetry.verifyReading, depth 10", receipt.gas_used, 58_000)


def test_policies(cold: ColdChain, gas: GasBook) -> None:
    recorder = Recorder(cold)
    policy = watched(cold, recorder)
    first = cold.conditions.setPolicy(policy, sender=cold.setter).gas_used
    gas.record("Conditions.setPolicy", first, 102_000, "4 rules, 1 device")
    changed = cold.conditions.setPolicy(policy._replace(version=2), sender=cold.setter).gas_used
    gas.record("Conditions.setPolicy, new version", changed, 66_000)
    closed = cold.conditions.closePolicy(cold.pallet, sender=cold.setter).gas_used
    gas.record("Conditions.closePolicy", closed, 37_000)
    eight = watched(cold, recorder, FOUR_RULES * 2)._replace(version=3, devices=[recorder.logger.id] * 8)
    most = cold.conditions.setPolicy(eight, sender=cold.setter).gas_used
    gas.record("Conditions.setPolicy, 8 rules, 8 devices", most, 96_000)


def test_judging(cold: ColdChain, gas: GasBook) -> None:
    recorder = Recorder(cold)
    policy = cold.set(watched(cold, recorder))
    p256 = "anchored too, 4 rules, P-256"
    gas.record("Conditions.judge, first of a stream", recorder.judge(policy), 116_500, p256)
    later = max(recorder.judge(policy) for _ in range(5))
    gas.record("Conditions.judge", later, 101_000, p256)
    gas.record("Conditions.judge, first excursion", recorder.judge(policy, WARM), 138_500, p256)
    gas.record("Conditions.judge, next excursion", recorder.judge(policy, WARM), 125_500, p256)
    gas.record("Conditions.judge, after an excursion", recorder.judge(policy), 116_500, p256)
    gas.record("Conditions.judge, breach and hold", recorder.judge(policy, HOT), 245_000, p256)
    gas.record("Conditions.judge, breach known", recorder.judge(policy, HOT), 129_000, p256)
    segment = recorder.hour()
    cold.anchor(segment, recorder.logger)
    anchored = cold.conditions.judge(policy, segment, b"", b"", sender=cold.world.stranger).gas_used
    gas.record("Conditions.judge, anchored before", anchored, 69_500, "4 rules")


def test_judging_by_eight_rules(cold: ColdChain, gas: GasBook) -> None:
    """The next segment of a stream, with sixteen whole degrees in its histogram."""
    recorder = Recorder(cold)
    policy = cold.set(watched(cold, recorder, EIGHT_RULES))
    many = "16 degrees, anchored too, 8 rules, P-256"
    used = [cold.judge(policy, recorder.wide(), recorder.logger).gas_used for _ in range(4)]
    gas.record("Conditions.judge, first with a histogram", used[0], 126_000, many)
    gas.record("Conditions.judge, with a histogram", max(used[1:]), 110_000, many)


def test_judging_by_eight_rules_with_a_secp256k1_key(cold: ColdChain, gas: GasBook) -> None:
    recorder = Recorder(cold)
    recorder.logger = cold.logger
    policy = cold.set(watched(cold, recorder, EIGHT_RULES))
    many = "16 degrees, anchored too, 8 rules"
    used = [cold.judge(policy, recorder.wide()).gas_used for _ in range(4)]
    gas.record("Conditions.judge, with a histogram, secp256k1", max(used[1:]), 109_000, many)


def test_judging_by_a_rolling_mean(cold: ColdChain, gas: GasBook) -> None:
    """An hour to a segment: a new tick each time, in a word that is fresh for the first 24."""
    recorder = Recorder(cold)
    policy = cold.set(watched(cold, recorder, [*EIGHT_RULES[:7], ROLLING]))
    many = "16 degrees, anchored too, 8 rules, P-256"
    used = [cold.judge(policy, recorder.wide(), recorder.logger).gas_used for _ in range(30)]
    gas.record("Conditions.judge, rolling mean, first ticks", max(used[1:20]), 147_500, many)
    gas.record("Conditions.judge, rolling mean", max(used[26:]), 133_500, many)


def test_judging_a_lie(cold: ColdChain, gas: GasBook) -> None:
    recorder = Recorder(cold)
    policy = cold.set(watched(cold, recorder))
    segment = recorder.hour()
    cold.judge(policy, segment, recorder.logger)
    module = Forwarder.deploy(cold.node, cold.world.stranger)
    cold.world.empower(module)
    cold.telemetry.falsify(segment, 1, cold.world.stranger, sender=module)
    marked = cold.conditions.judgeFalsified(policy, segment, sender=cold.world.stranger).gas_used
    gas.record("Conditions.judgeFalsified", marked, 163_500, "breach and hold")


def test_templates(cold: ColdChain, gas: GasBook) -> None:
    template = templates()["ultra-cold-vaccine"]
    arguments = template.name, template.version, template.words
    receipt = cold.world.templates.register(*arguments, sender=cold.setter)
    gas.record("Templates.register", receipt.gas_used, 100_000, "8 rules")


def test_breaches(cold: ColdChain, gas: GasBook) -> None:
    recorder = Recorder(cold)
    policy = cold.set(watched(cold, recorder))
    cold.node.warp(DAY + 1)
    marked = cold.conditions.markSilent(
        policy, recorder.logger.id, TEMPERATURE, sender=cold.world.stranger
    ).gas_used
    gas.record("Conditions.markSilent", marked, 172_000, "breach and hold")
    decision = cold.pallet, policy.setter
    record = keccak(text="the record")
    kept = cold.conditions.dispose(*decision, Disposition.REWORK, 1, record, sender=cold.world.maker.all)
    gas.record("Conditions.dispose, rework", kept.gas_used, 53_000)
    lifted = cold.conditions.dispose(*decision, Disposition.RELEASE, 1, record, sender=cold.world.maker.all)
    gas.record("Conditions.dispose, release", lifted.gas_used, 76_000, "hold lifted")


def test_a_secp256k1_logger(cold: ColdChain, gas: GasBook) -> None:
    policy = cold.set(cold.policy(FOUR_RULES, max_silence=DAY))
    logger = Logger(cold.logger.id, Wallet(person("logger")))
    for seq in (1, 2, 3):
        segment = cold.segment(cold.every(300, [GOOD] * 13, cold.world.now + 300), seq)
        receipt = cold.judge(policy, segment, logger)
    gas.record("Conditions.judge, secp256k1", receipt.gas_used, 99_000, "anchored too, 4 rules")


def test_judging_a_stream_that_is_older_than_the_policy(cold: ColdChain, gas: GasBook) -> None:
    """What was before costs once."""
    recorder = Recorder(cold)
    early = recorder.hour()
    cold.anchor(early, recorder.logger)
    policy = cold.set(watched(cold, recorder))
    begun = cold.conditions.judge(policy, early, b"", b"", sender=cold.world.stranger).gas_used
    gas.record("Conditions.judge, segment before the policy", begun, 73_500, "anchored before")
    recorder.judge(policy)
    later = max(recorder.judge(policy) for _ in range(3))
    gas.record(
        "Conditions.judge, stream older than the policy", later, 110_000, "anchored too, 4 rules, P-256"
    )
