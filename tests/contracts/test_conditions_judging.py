"""Judging segments, with numbers worked out by hand."""

from __future__ import annotations

import pytest

from tests.models.readings import Rule, RuleKind
from tests.models.segments import HUMIDITY, TEMPERATURE, Limit, Reading, Standing
from tests.support import Forwarder, decode_logs, reverts
from tests.support.coldchain import COLD, HOT, MAX_INTERVAL, ColdChain, Course
from tests.support.words import Kind
from tests.support.world import sscc

INSTANT = Rule(RuleKind.INSTANT, HOT)
RUN = Rule(RuleKind.CONSECUTIVE, HOT, 600)
TOTAL = Rule(RuleKind.CUMULATIVE, HOT, 600)
GAPS = Rule(RuleKind.GAP, duration=2000)
NONE = (0, 0, 0, 0)
NO_READING = (2**31 - 1, -(2**31))
"""Lowest and highest."""


# What is told and kept


def test_a_good_segment_is_judged(cold: ColdChain) -> None:
    policy = cold.set(cold.policy([INSTANT, RUN, TOTAL, GAPS]))
    segment = cold.segment(cold.every(300, [512, 640, 500]))
    receipt = cold.judge(policy, segment)
    [anchored] = cold.telemetry.events(receipt)
    assert anchored["caller"] == cold.conditions.address
    standing = Standing(TEMPERATURE, 1, 0, 0).word
    told = {"policyId": policy.id, "device": cold.logger.id, "standing": standing}
    assert cold.conditions.events(receipt) == [told]
    assert len(decode_logs(receipt)) == 2
    track = cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE)
    assert track == (1, policy.start + 600, 500, 640, 500, 0, False, 0)


def test_the_track_follows_the_readings(cold: ColdChain) -> None:
    course = Course(cold, [INSTANT])
    course.judge((10, 500), (20, 510))
    course.judge((30, 400), (40, 405))
    course.judge((50, 790), (60, 795))
    assert course.track == (3, course.policy.start + 60, 400, 795, 795, 0, False, 0)


def test_what_was_counted_is_told_when_it_changes(cold: ColdChain) -> None:
    policy = cold.set(cold.policy([INSTANT, RUN, TOTAL, GAPS]))
    hot, cool = [(0, 900), (100, 900)], [(200, 500), (300, 500)]
    about = {"policyId": policy.id, "device": cold.logger.id, "quantity": TEMPERATURE}
    start = policy.start
    first, second, third = (
        cold.judge(policy, cold.segment([Reading(start + t + later, v) for t, v in readings], seq))
        for seq, (readings, later) in enumerate([(hot, 0), (cool, 0), (cool, 200)], 1)
    )
    onset = 1 << 32
    counted = onset | (onset | 100) << 64 | (onset | 100) << 128
    assert cold.conditions.events(first, "TalliesChanged") == [about | {"tallies": [counted, 0]}]
    # Until the reading at 200 s it was hot, and the running excursion ends there.
    counted = onset | onset << 64 | (onset | 200) << 128
    assert cold.conditions.events(second, "TalliesChanged") == [about | {"tallies": [counted, 0]}]
    assert cold.conditions.events(third, "TalliesChanged") == []


def test_every_one_of_eight_rules_counts(cold: ColdChain) -> None:
    """Four tallies to a word."""
    rules = [Rule(RuleKind.CUMULATIVE, Limit(100 * i, high=True), 10**6) for i in range(1, 9)]
    course = Course(cold, rules)
    course.judge(*((100 * i, 100 * i) for i in range(1, 10)))
    assert [course.tally(rule) for rule in range(8)] == [(900 - 100 * i, 100 * i + 1) for i in range(1, 9)]
    assert course.track.counting


def test_anyone_judges(cold: ColdChain) -> None:
    policy = cold.set(cold.policy())
    machine = Forwarder.deploy(cold.node, cold.world.stranger)
    assert cold.judge(policy, cold.segment(cold.every(300, [900])), sender=machine).ok


def test_what_is_anchored_already_is_judged_all_the_same(cold: ColdChain) -> None:
    """Without a signature."""
    policy = cold.set(cold.policy())
    segment = cold.segment(cold.every(300, [700, 900]))
    cold.anchor(segment)
    receipt = cold.conditions.judge(policy, segment, b"", b"", sender=cold.world.stranger)
    assert cold.telemetry.events(receipt) == []
    assert len(cold.conditions.events(receipt, "BreachFound")) == 1


def test_what_is_not_signed_is_not_judged(cold: ColdChain) -> None:
    policy = cold.set(cold.policy())
    segment = cold.segment(cold.every(300, [700]))
    with reverts("InvalidDeviceSignature", cold.logger.id, cold.telemetry.digestOf(segment)):
        cold.conditions.judge(policy, segment, cold.logger.signer.name, bytes(65), sender=cold.world.stranger)


# Refusals


def test_a_segment_about_another_twin(cold: ColdChain) -> None:
    crate = cold.world.register(sscc("2"), Kind.CONTAINER)
    policy = cold.set(cold.policy(subject=crate))
    with reverts("WrongSubject", crate, cold.pallet):
        cold.judge(policy, cold.segment(cold.every(300, [700])))


def test_a_policy_that_is_not_in_force(cold: ColdChain) -> None:
    """Not one field may differ."""
    policy = cold.set(cold.policy())
    segment = cold.segment(cold.every(300, [700]))
    others = [{"version": 2}, {"start": policy.start + 1}, {"max_interval": 901}, {"max_silence": 1}]
    others += [{"devices": policy.devices * 2}, {"words": policy.words * 2}]
    for change in others:
        other = policy._replace(**change)
        with reverts("NotInForce", policy.id, policy.hash, other.hash):
            cold.judge(other, segment)
        with reverts("NotInForce", policy.id, policy.hash, other.hash):
            cold.conditions.markSilent(other, cold.logger.id, TEMPERATURE, sender=cold.world.stranger)
    nobodys = policy._replace(setter=cold.world.retailer.number)
    with reverts("NotInForce", nobodys.id, bytes(32), nobodys.hash):
        cold.judge(nobodys, segment)


def test_a_device_that_the_policy_does_not_name(cold: ColdChain) -> None:
    other = cold.device("LOGGER2")
    cold.enrol(other)
    cold.attach(other)
    policy = cold.set(cold.policy())
    with reverts("DeviceNotNamed", policy.id, other.id):
        cold.judge(policy, cold.segment(cold.every(300, [700]), logger=other), other)


def test_the_last_of_eight_devices_and_the_last_of_eight_rules(cold: ColdChain) -> None:
    rules = [INSTANT] * 7 + [INSTANT._replace(quantity=HUMIDITY)]
    policy = cold.set(cold.policy(rules, devices=[bytes([i]) * 32 for i in range(7)] + [cold.logger.id]))
    cold.judge(policy, cold.segment(cold.every(300, [900]), quantity=HUMIDITY))
    assert cold.conditions.track(policy.id, cold.logger.id, HUMIDITY).latched == 1 << 7


def test_a_quantity_without_a_rule(cold: ColdChain) -> None:
    policy = cold.set(cold.policy())
    with reverts("QuantityNotRuled", policy.id, HUMIDITY):
        cold.judge(policy, cold.segment(cold.every(300, [700]), quantity=HUMIDITY))


def test_no_segment_is_left_out_or_judged_twice(cold: ColdChain) -> None:
    course = Course(cold, [INSTANT])
    segments = [cold.segment(cold.every(300, [500, 500], cold.start + 1000 * i), i + 1) for i in range(3)]
    for segment in segments:
        cold.anchor(segment)
    cold.judge(course.policy, segments[0])
    for seq in (1, 3):
        with reverts("NotNextToJudge", course.policy.id, cold.logger.id, 2, seq):
            cold.judge(course.policy, segments[seq - 1])
    cold.judge(course.policy, segments[1])
    cold.judge(course.policy, segments[2])
    assert course.track.seq == 3


def test_of_other_limits_a_segment_may_tell(cold: ColdChain) -> None:
    course = Course(cold, [TOTAL])
    limits = [Limit(700, True), HOT, Limit(850, True)]
    segment = cold.segment(cold.every(100, [900, 820, 720, 500]), limits=limits)
    cold.judge(course.policy, segment)
    assert course.tally() == (200, 1)


# Where counting starts


@pytest.mark.parametrize("before", [0, 1])
def test_a_segment_counts_if_it_starts_with_the_policy(cold: ColdChain, before: int) -> None:
    policy = cold.set(cold.policy(start=cold.start + 100))
    receipt = cold.judge(policy, cold.segment(cold.every(50, [900, 950], policy.start - before)))
    assert cold.standing(receipt) == (TEMPERATURE, 1, 1 - before, 0)
    track = cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE)
    counted, newest = (policy.start + 50, 900, 950), (policy.start + 49, *NO_READING)
    assert track == (1, *(newest if before else counted), 950, 1 - before, True, 0)


def test_counting_starts_after_the_last_segment_before_the_policy(cold: ColdChain) -> None:
    """Which one that was, anyone shows by judging it."""
    for seq in (1, 2):
        cold.anchor(cold.segment(cold.every(50, [900, 900], cold.start + 100 * (seq - 1)), seq))
    policy = cold.set(cold.policy(start=cold.start + 200))
    third, fourth = (
        cold.segment(cold.every(50, [500, 510], cold.start + 200 + 100 * i), 3 + i) for i in (0, 1)
    )
    with reverts("NotNextToJudge", policy.id, cold.logger.id, 1, 3):
        cold.judge(policy, third)
    cold.judge(policy, cold.segment(cold.every(50, [900, 900], cold.start + 100), 2))
    assert cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE).to == policy.start
    with reverts("NotNextToJudge", policy.id, cold.logger.id, 3, 4):
        cold.anchor(third)
        cold.judge(policy, fourth)
    cold.judge(policy, third)
    cold.judge(policy, fourth)
    track = cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE)
    assert track == (4, policy.start + 150, 500, 510, 510, 0, True, 0)


def test_the_first_readings_of_a_policy_are_not_left_out(cold: ColdChain) -> None:
    """Not even if they are shorter than a gap."""
    policy = cold.set(cold.policy())
    cold.anchor(cold.segment(cold.every(50, [999])))
    later = cold.segment(cold.every(50, [500, 500], policy.start + 100), 2)
    with reverts("NotNextToJudge", policy.id, cold.logger.id, 1, 2):
        cold.judge(policy, later)
    cold.judge(policy, cold.segment(cold.every(50, [999], policy.start)))
    assert cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE).latched == 1


def test_of_the_segments_before_the_policy_the_last_one_is_enough(cold: ColdChain) -> None:
    """Whoever judges an old one cannot make others judge all that follow."""
    early = [cold.segment(cold.every(50, [500, 500 + i], cold.start + 100 * i), i + 1) for i in range(5)]
    for segment in early:
        cold.anchor(segment)
    policy = cold.set(cold.policy(start=cold.start + 1000))
    for seq in (1, 2, 4):
        cold.judge(policy, early[seq - 1])
        track = cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE)
        assert track == (seq, policy.start, *NO_READING, 499 + seq, 0, False, 0)
    for seq in (1, 3, 4):
        with reverts("NotNextToJudge", policy.id, cold.logger.id, 5, seq):
            cold.judge(policy, early[seq - 1])
    with reverts("NotNextToJudge", policy.id, cold.logger.id, 5, 6):
        cold.anchor(early[4])
        cold.judge(policy, cold.segment(cold.every(50, [500], policy.start), 6))


@pytest.mark.parametrize(("value", "counted"), [(900, True), (799, False)])
def test_what_was_measured_last_holds_when_the_policy_starts(
    cold: ColdChain, value: int, counted: bool
) -> None:
    """It is no reading of the policy's time, so it breaks no INSTANT rule."""
    cold.anchor(cold.segment(cold.every(50, [value])))
    course = Course(cold, [INSTANT, TOTAL, RUN, GAPS], start=cold.start + 100)
    course.judge((-100, value))
    assert course.judge((MAX_INTERVAL, 500)) == (0b110 if counted else 0)
    assert [course.tally(rule) for rule in range(4)] == (
        [(0, 1), (MAX_INTERVAL, 1), (0, 1), (0, 0)] if counted else [(0, 0)] * 4
    )
    if counted:
        assert course.breach(1) == course.breach(2) == (0, 500, MAX_INTERVAL, 2)


def test_what_held_last_decides_whether_something_will_count(cold: ColdChain) -> None:
    """Only then are the tallies looked at."""
    rules = [
        INSTANT,
        TOTAL._replace(limit=COLD),
        INSTANT._replace(limit=Limit(600, True), quantity=HUMIDITY),
        GAPS,
    ]
    course = Course(cold, rules, start=cold.start + 1000)
    will = []
    for second, value in enumerate([0, 799, 800, 700, -49, -50, -49]):
        course.judge((second - 900, value))
        will.append(course.track.counting)
    assert will == [False, False, True, False, False, True, False]


def test_a_segment_before_the_policy_is_of_a_quantity_with_a_rule(cold: ColdChain) -> None:
    early = cold.segment(cold.every(50, [500], cold.start), quantity=HUMIDITY)
    policy = cold.set(cold.policy(start=cold.start + 100))
    with reverts("QuantityNotRuled", policy.id, HUMIDITY):
        cold.judge(policy, early)


def test_a_segment_across_the_start_does_not_count(cold: ColdChain) -> None:
    """Its last reading holds on from its own time."""
    course = Course(cold, [INSTANT, TOTAL, GAPS], start=cold.start + 100)
    assert course.judge((-50, 900), (300, 900)) == 0
    assert course.judge((500, 500), (600, 500)) == 0
    assert course.tally(1) == (200, 301)
    assert course.tally(0) == (0, 301)


def test_a_gap_may_begin_before_the_first_counted_reading(cold: ColdChain) -> None:
    course = Course(cold, [GAPS._replace(duration=MAX_INTERVAL + 1)], start=cold.start + 100)
    course.judge((-50, 500), (300, 500))
    assert course.judge((300 + MAX_INTERVAL, 500)) == 0
    assert course.judge((301 + 2 * MAX_INTERVAL, 500)) == 1
    assert course.breach() == (300 + MAX_INTERVAL, 0, MAX_INTERVAL + 1, 3)


# What is not said counts as the worst

GAP = MAX_INTERVAL + 1


@pytest.mark.parametrize("longest", [MAX_INTERVAL, GAP])
def test_a_segment_with_a_gap_inside_is_a_gap(cold: ColdChain, longest: int) -> None:
    """From end to end, whatever it tells of."""
    course = Course(cold, [INSTANT, RUN, TOTAL, GAPS._replace(duration=GAP + 200), RUN._replace(limit=COLD)])
    torn = longest == GAP
    assert course.judge((50, 500), (150, 700), (150 + longest, 600), (250 + longest, 500)) == 0b11111 * torn
    whole = longest + 200
    tallies = [course.tally(rule) for rule in range(5)]
    assert tallies == ([(0, 51), (0, 51), (whole, 51), (whole, 51), (0, 51)] if torn else [(0, 0)] * 5)
    if torn:
        assert [course.breach(rule) for rule in range(5)] == [
            (50, 700, 0, 1),
            (50, 700, whole, 1),
            (50, 700, whole, 1),
            (50, 0, whole, 1),
            (50, 500, whole, 1),
        ]


def test_a_run_goes_through_a_segment_with_a_gap_inside(cold: ColdChain) -> None:
    """Also past the good readings in it."""
    course = Course(cold, [RUN._replace(duration=1500)])
    course.judge((0, 900), (100, 900))
    assert course.judge((300, 500), (300 + GAP, 500), (400 + GAP, 900)) == 0
    assert course.tally() == (400 + GAP, 1)
    assert course.judge((1500, 900)) == 1
    assert course.breach() == (0, 900, 1500, 3)


@pytest.mark.parametrize("told", [True, False])
def test_what_a_segment_does_not_tell_of(cold: ColdChain, told: bool) -> None:
    """Counts from end to end, if some reading was beyond the limit; a good last reading ends it."""
    course = Course(cold, [INSTANT, RUN._replace(duration=299), TOTAL._replace(duration=299), GAPS])
    near = [Limit(800, False), Limit(799, True), Limit(801, True)]
    readings = (0, 500), (100, 800), (200, 500), (300, 500)
    assert course.judge(*readings, told=[*near, HOT] if told else near) == (0b001 if told else 0b111)
    assert [course.tally(rule) for rule in range(4)] == (
        [(0, 101), (0, 101), (100, 101), (0, 0)] if told else [(0, 1), (0, 1), (300, 1), (0, 0)]
    )


def test_what_a_segment_does_not_tell_of_goes_on(cold: ColdChain) -> None:
    course = Course(cold, [RUN._replace(limit=COLD)])
    course.judge((0, 500), (100, 500), (200, -50), told=())
    assert course.tally() == (200, 1)
    assert course.judge((500, 500), (600, 500), told=()) == 0
    assert course.tally() == (0, 1)


def test_a_limit_that_was_not_reached_need_not_be_told_of(cold: ColdChain) -> None:
    course = Course(cold, [INSTANT, INSTANT._replace(limit=COLD)])
    assert course.judge((0, 799), (100, -49), told=()) == 0
    assert course.judge((200, 800), (300, -50), told=()) == 0b11


def test_a_single_reading_needs_no_telling(cold: ColdChain) -> None:
    course = Course(cold, [TOTAL])
    course.judge((0, 900), told=())
    assert course.tally() == (0, 1)


# INSTANT


@pytest.mark.parametrize(
    ("limit", "value", "broken"),
    [
        (HOT, 799, False),
        (HOT, 800, True),
        (HOT, 801, True),
        (COLD, -49, False),
        (COLD, -50, True),
        (COLD, -51, True),
        (Limit(2**31 - 1, True), 2**31 - 1, True),
        (Limit(-(2**31), False), -(2**31), True),
        (Limit(0, True), -1, False),
        (Limit(0, False), 1, False),
    ],
)
def test_at_the_limit_is_beyond_it(cold: ColdChain, limit: Limit, value: int, broken: bool) -> None:
    course = Course(cold, [Rule(RuleKind.INSTANT, limit)])
    inside = value if limit.beyond(100) else 100
    latched = course.judge((0, inside), (60, value), (120, inside))
    assert latched == (1 if broken else 0)
    assert course.breach() == ((60, value, 0, 1) if broken else NONE)


def test_the_worst_reading_of_the_segment_is_kept(cold: ColdChain) -> None:
    course = Course(cold, [INSTANT, INSTANT._replace(limit=COLD)])
    course.judge((0, 500), (10, 700))
    course.judge((20, 820), (30, 905), (40, -60), (50, -75), (60, 300))
    assert course.breach(0) == (20, 905, 0, 2)
    assert course.breach(1) == (40, -75, 0, 2)


def test_a_breach_latches_once(cold: ColdChain) -> None:
    """The record stays as it was."""
    course = Course(cold, [INSTANT])
    assert [course.judge((t, value)) for t, value in [(0, 850), (10, 999), (20, 500)]] == [1, 1, 1]
    assert course.breach() == (0, 850, 0, 1)
    assert course.track.max == 999


# CONSECUTIVE


def test_a_run_reaches_the_duration_or_not(cold: ColdChain) -> None:
    for more, broken in ((0, 0), (1, 1)):
        here = cold.node.snapshot()
        course = Course(cold, [RUN])
        assert course.judge((0, 500), (300, 800), (599 + 300 + more, 700)) == broken
        assert course.breach() == ((300, 800, 600, 1) if broken else NONE)
        assert course.tally() == (0, 301)
        cold.node.revert(here)


def test_the_last_reading_has_not_held_yet(cold: ColdChain) -> None:
    course = Course(cold, [RUN])
    assert course.judge((0, 900), (599, 900)) == 0
    assert course.tally() == (599, 1)
    assert course.judge((600, 900)) == 1
    assert course.breach() == (0, 900, 600, 2)


def test_a_run_goes_on_over_borders(cold: ColdChain) -> None:
    course = Course(cold, [RUN])
    assert course.judge((0, 500), (100, 900)) == 0
    assert course.tally() == (0, 101)
    assert course.judge((300, 900), (400, 900)) == 0
    assert course.tally() == (300, 101)
    assert course.judge((699, 900)) == 0
    assert course.judge((700, 500)) == 1
    assert course.breach() == (100, 900, 600, 4)
    assert course.tally() == (0, 101)


def test_a_good_reading_ends_a_run(cold: ColdChain) -> None:
    course = Course(cold, [RUN])
    assert course.judge((0, 900), (500, 799)) == 0
    assert course.judge((501, 900), (1100, 700)) == 0
    assert course.judge((1200, 900), (1300, 500), (1400, 900), (1500, 900)) == 0
    assert course.tally() == (100, 1)


def test_the_longest_run_may_be_inside_a_segment(cold: ColdChain) -> None:
    course = Course(cold, [RUN])
    assert course.judge((0, 900), (50, 500), (100, 900), (700, 500), (800, 900), (850, 900)) == 1
    assert course.breach() == (0, 900, 600, 1)
    assert course.tally() == (50, 1)


def test_a_run_from_the_segment_before_counts_with_the_first_of_the_next_only(cold: ColdChain) -> None:
    course = Course(cold, [RUN])
    course.judge((0, 900), (300, 900))
    assert course.judge((400, 500), (500, 900), (900, 500)) == 0
    assert course.tally() == (0, 1)


def test_the_first_crossing_is_that_of_the_policy(cold: ColdChain) -> None:
    """Not of the run that was too long."""
    course = Course(cold, [RUN])
    course.judge((10, 500), (50, 900), (60, 500))
    course.judge((100, 900), (800, 500))
    assert course.breach() == (50, 900, 700, 2)


# CUMULATIVE


def test_all_excursions_add_up(cold: ColdChain) -> None:
    course = Course(cold, [TOTAL])
    assert course.judge((0, 500), (100, 900), (300, 500), (400, 850), (600, 500)) == 0
    assert course.tally() == (400, 101)
    assert course.judge((700, 800), (800, 800)) == 0
    assert course.judge((899, 500)) == 0
    assert course.tally() == (599, 101)
    assert course.judge((1000, 801), (1001, 500)) == 1
    assert course.breach() == (100, 900, 600, 4)
    assert course.judge((1100, 900), (1200, 500)) == 1
    assert course.tally() == (700, 101)


def test_the_time_between_segments_counts_where_the_reading_before_was_beyond(cold: ColdChain) -> None:
    course = Course(cold, [TOTAL])
    course.judge((0, 500), (100, 900))
    course.judge((400, 500))
    assert course.tally() == (300, 101)
    course.judge((900, 500))
    assert course.tally() == (300, 101)


def test_low_and_high_do_not_mix(cold: ColdChain) -> None:
    course = Course(cold, [TOTAL, TOTAL._replace(limit=COLD)])
    course.judge((0, 900), (200, -50), (500, 100))
    assert (course.tally(0), course.tally(1)) == ((200, 1), (300, 201))


# Gaps


@pytest.mark.parametrize(("wait", "gap"), [(MAX_INTERVAL, False), (MAX_INTERVAL + 1, True)])
def test_how_long_a_reading_holds(cold: ColdChain, wait: int, gap: bool) -> None:
    rules = [INSTANT, RUN, TOTAL, INSTANT._replace(limit=COLD), GAPS._replace(duration=901)]
    course = Course(cold, rules)
    course.judge((0, 500))
    assert course.judge((wait, 500)) == (0b11111 if gap else 0)
    if gap:
        time = MAX_INTERVAL + 1
        for rule in (1, 2):
            assert course.breach(rule) == (0, 500, time, 2)
        assert course.breach(0) == course.breach(3) == (0, 500, 0, 2)
        assert course.breach(4) == (0, 0, time, 2)


@pytest.mark.parametrize(("wait", "gap"), [(MAX_INTERVAL, False), (MAX_INTERVAL + 1, True)])
def test_the_first_reading_comes_soon_after_the_start(cold: ColdChain, wait: int, gap: bool) -> None:
    course = Course(cold, [INSTANT, RUN, TOTAL, GAPS._replace(duration=901)])
    assert course.judge((wait, 500), (wait + 1, 500)) == (0b1111 if gap else 0)
    if gap:
        assert [course.breach(rule)[0] for rule in range(4)] == [0, 0, 0, 0]
        assert course.tally(2) == (MAX_INTERVAL + 1, 1)
    else:
        assert [course.tally(rule) for rule in range(4)] == [(0, 0)] * 4


def test_before_the_first_reading_nothing_holds(cold: ColdChain) -> None:
    """No matter how hot it is then."""
    course = Course(cold, [TOTAL])
    course.judge((500, 900), (600, 900))
    assert course.tally() == (100, 501)


def test_a_gap_is_part_of_a_run(cold: ColdChain) -> None:
    course = Course(cold, [RUN._replace(duration=1500), GAPS])
    assert course.judge((0, 500), (100, 900), (300, 900)) == 0
    assert course.judge((1300, 900), (1500, 900)) == 0
    assert course.tally(0) == (1400, 101)
    assert course.judge((1600, 500)) == 1
    assert course.breach(0) == (100, 900, 1500, 3)
    assert course.tally(1) == (1000, 301)


def test_a_gap_between_good_readings_is_a_run_of_its_own(cold: ColdChain) -> None:
    course = Course(cold, [RUN._replace(duration=2000)])
    course.judge((0, 500))
    assert course.judge((1000, 500)) == 0
    assert course.tally() == (0, 1)
    assert course.judge((2500, 500)) == 0
    assert course.judge((4500, 500)) == 1
    assert course.breach() == (0, 500, 2000, 4)


def test_gaps_add_up(cold: ColdChain) -> None:
    """Time beyond a limit does not."""
    course = Course(cold, [GAPS])
    course.judge((0, 900), (500, 900))
    assert course.tally() == (0, 0)
    assert course.judge((1499, 900), (1600, 900)) == 0
    assert course.tally() == (999, 501)
    assert course.judge((2600, 900)) == 0
    assert course.judge((3502, 900)) == 1
    assert course.breach() == (500, 0, 2901, 4)


# Several quantities and devices


def test_each_quantity_has_its_own_rules(cold: ColdChain) -> None:
    rules = [INSTANT, INSTANT._replace(quantity=HUMIDITY), GAPS._replace(quantity=HUMIDITY, duration=1)]
    policy = cold.set(cold.policy(rules))
    cold.judge(policy, cold.segment(cold.every(300, [900, 500])))
    cold.judge(policy, cold.segment(cold.every(300, [500], policy.start), quantity=HUMIDITY))
    cold.judge(policy, cold.segment(cold.every(300, [500], policy.start + 901), 2, quantity=HUMIDITY))
    assert cold.conditions.track(policy.id, cold.logger.id, TEMPERATURE).latched == 0b001
    assert cold.conditions.track(policy.id, cold.logger.id, HUMIDITY).latched == 0b110


def test_each_device_is_judged_on_its_own(cold: ColdChain) -> None:
    other = cold.device("LOGGER2")
    cold.enrol(other)
    cold.attach(other)
    policy = cold.set(cold.policy([TOTAL], devices=[cold.logger.id, other.id]))
    cold.judge(policy, cold.segment(cold.every(300, [900, 500])))
    cold.judge(policy, cold.segment(cold.every(300, [900, 500], policy.start), logger=other), other)
    tallies = [cold.conditions.tally(policy.id, device, TEMPERATURE, 0) for device in policy.devices]
    assert tallies == [(300, 1), (300, 1)]


def test_each_policy_judges_on_its_own(cold: ColdChain) -> None:
    """One segment, anchored once, judged by two organisations."""
    strict = cold.set(cold.policy([INSTANT._replace(limit=Limit(500, True))]))
    retailer = cold.world.retailer
    mild = cold.set(cold.policy([INSTANT], setter=retailer.number), retailer.quality)
    segment = cold.segment(cold.every(300, [600]), limits=[HOT, Limit(500, True)])
    cold.judge(strict, segment)
    cold.judge(mild, segment)
    latched = [cold.conditions.track(p.id, cold.logger.id, TEMPERATURE).latched for p in (strict, mild)]
    assert latched == [1, 0]


# How far the numbers go


def test_times_that_no_longer_fit(cold: ColdChain) -> None:
    """136 years after the policy's start is too late to judge, not wrong."""
    for late, ok in ((2**32 - 1, True), (2**32, False)):
        here = cold.node.snapshot()
        course = Course(cold, [Rule(RuleKind.GAP, duration=1)])
        if ok:
            assert course.judge((late, 500)) == 1
            assert course.breach() == (0, 0, 2**32 - 1, 1)
        else:
            with reverts("SafeCastOverflowedUintDowncast", 32, late):
                course.judge((late, 500))
        cold.node.revert(here)
