"""Random histories of loggers, twins and policies of several organisations: the models are followed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.conditions import NO_TRACK, SILENCE, Disposition, Policy, PolicyState, policy_id
from tests.models.readings import Rule, RuleKind
from tests.models.segments import HUMIDITY, TEMPERATURE, Frame, Limit, Reading
from tests.models.watch import Signed, Watch, WatchPoint
from tests.support import Counters, Node, fresh
from tests.support.coldchain import Logger
from tests.support.signers import Wallet
from tests.support.words import EndOfLife, Kind
from tests.support.world import Org, person, sscc

COUNT = Counters()
HOUR = 3600
MAX_INTERVAL = 600
RECORD = keccak(text="the record that explains the decision")
VALUES = st.sampled_from([-60, -50, 0, 500, 799, 800, 900])
INTERVALS = st.sampled_from([60, 300, MAX_INTERVAL])
WAITS = st.sampled_from([1, 60, 300, MAX_INTERVAL, MAX_INTERVAL + 1])
SIDES = st.sampled_from([Limit(800, high=True), Limit(-50, high=False), Limit(500, high=True)])
DURATIONS = st.sampled_from([1, 300, 600, 1200])
RULES = st.lists(
    st.one_of(
        st.tuples(st.just(RuleKind.INSTANT), SIDES, st.just(0)),
        st.tuples(st.sampled_from([RuleKind.CONSECUTIVE, RuleKind.CUMULATIVE]), SIDES, DURATIONS),
        st.tuples(st.just(RuleKind.GAP), st.just(Limit(0, False)), DURATIONS),
        st.tuples(st.just(RuleKind.COUNT), SIDES, st.sampled_from([1, 2, 3])),
        st.tuples(st.just(RuleKind.MKT), st.just(Limit(700, high=True)), DURATIONS),
    ),
    min_size=1,
    max_size=4,
)
SPECIAL = st.sampled_from(
    [
        Rule(RuleKind.BAND_BUDGET, Limit(500, high=True), 600, upper=800),
        Rule(RuleKind.MKT, Limit(600, high=True), 1200, upper=1),
        Rule(RuleKind.SEQUENCE, Limit(1, high=False)),
        Rule(RuleKind.INSTANT, Limit(900, high=True)),
    ]
)
QUANTITIES = st.sampled_from([TEMPERATURE, TEMPERATURE, TEMPERATURE, HUMIDITY])
Thing = TypeVar("Thing")


class Stream:
    """What a logger recorded on a twin: segments by number, those not anchored yet in order."""

    def __init__(self) -> None:
        self.made: dict[int, Signed] = {}
        self.end = 0


@cache
def beginning() -> tuple[Watch, WatchPoint, tuple[Logger, ...], tuple[bytes, ...]]:
    """Deployed once: three loggers, of the maker and of the supplier, on two containers of the maker."""
    watch = Watch(fresh())
    cold, world = watch.cold, watch.world
    crate = world.register(sscc("2"), Kind.CONTAINER)
    ours, theirs = cold.device("LOGGER2"), cold.device("LOGGER3", org=world.supplier)
    cold.enrol(ours)
    cold.attach(ours, crate)
    cold.enrol(theirs, world.supplier)
    watch.catch_up()
    return watch, watch.point(), (cold.logger, ours, theirs), (cold.pallet, crate)


class Histories(RuleBasedStateMachine):
    """Every rule draws what probably succeeds; what does not must be refused by contract and model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.watch, here, loggers, self.subjects = beginning()
        self.watch.back_to(here)
        self.loggers = {logger.id: logger for logger in loggers}
        self.world = self.watch.world
        self.setters = [self.world.maker, self.world.carrier, self.world.regulator]
        self.streams: dict[tuple[bytes, bytes, int], Stream] = {}
        self.latched: dict[tuple[bytes, int, bytes, int], int] = {}

    @property
    def node(self) -> Node:
        return self.watch.node

    @property
    def policies(self) -> list[Policy]:
        return list(self.watch.conditions.ledger.policies.values())

    def org(self, number: int) -> Org:
        return self.world.orgs[number - 1]

    def owner(self, device: bytes) -> Org:
        return self.org(self.watch.twins.ledger.twins[device].owner)

    @initialize(data=st.data(), segments=st.integers(0, 2))
    def begin(self, data: st.DataObject, segments: int) -> None:
        """With a policy of the maker, so that there is something to judge and perhaps to decide."""
        self.set_policy(data, self.world.maker, self.subjects[0])
        if self.watched():
            self.record_and_judge(data, segments)

    # Devices

    @rule(data=st.data())
    def attach(self, data: st.DataObject) -> None:
        device, subject = draw(data, self.loggers), draw(data, self.subjects)
        self.equip("attach", device, subject, sender=self.owner(device).device_admin)

    @rule(data=st.data())
    @precondition(lambda self: len(self.watch.devices.ledger.subjects) > 1)
    def detach(self, data: st.DataObject) -> None:
        device = draw(data, self.watch.devices.ledger.subjects)
        self.equip("detach", device, sender=self.owner(device).device_admin)

    @rule(data=st.data(), number=st.integers(1, 5))
    def rotate(self, data: st.DataObject, number: int) -> None:
        device = draw(data, self.loggers)
        signer = Wallet(person(f"key {number}"))
        if self.equip("rotateKey", device, signer.name, sender=self.owner(device).device_admin):
            self.loggers[device] = Logger(device, signer)

    @rule(data=st.data(), really=st.integers(0, 9))
    def revoke(self, data: st.DataObject, really: int) -> None:
        device = draw(data, self.loggers)
        sender = self.owner(device).device_admin if really == 0 else self.world.insurer.all
        self.equip("revoke", device, RECORD, sender=sender)

    @rule(data=st.data(), to=st.sampled_from(["maker", "supplier", "carrier"]))
    def sell(self, data: st.DataObject, to: str) -> None:
        """A logger, and with it the right to administer it."""
        device, buyer = draw(data, self.loggers), getattr(self.world, to)
        until, ref, owner = self.world.now + HOUR, self.world.ref(), self.owner(device)
        if self.watch.do("offerTitle", device, buyer.number, until, ref, sender=owner.finance):
            assert self.watch.do("acceptTitle", device, ref, sender=buyer.finance)
            COUNT.hit("sell")

    def equip(self, function: str, *args: Any, sender: str) -> bool:
        done = self.watch.equip(function, *args, sender=sender)
        COUNT.hit(function if done else f"not {function}")
        return done

    # Twins

    @rule(data=st.data(), to=st.sampled_from(["maker", "carrier", "retailer"]))
    def hand_over(self, data: st.DataObject, to: str) -> None:
        subject, taker = draw(data, self.subjects), getattr(self.world, to)
        giver, ref = self.org(self.watch.twins.ledger.custodian(subject)), self.world.ref()
        until = self.world.now + HOUR
        if self.watch.do("offer", subject, taker.number, 0, until, ref, sender=giver.ship):
            seen = self.watch.twins.ledger.heads[subject]
            assert self.watch.do("accept", subject, seen, ref, sender=taker.receive)
            COUNT.hit("hand over")

    @rule(data=st.data(), really=st.integers(0, 9))
    def end(self, data: st.DataObject, really: int) -> None:
        subject = draw(data, self.subjects)
        custodian = self.org(self.watch.twins.ledger.custodian(subject))
        sender = custodian.register if really == 0 else self.world.insurer.register
        self.watch.do("retire", subject, EndOfLife.DESTROYED, self.world.ref(), sender=sender)

    @rule(silenced=st.booleans())
    def silence_or_hear_the_regulator(self, silenced: bool) -> None:
        regulator = self.world.regulator.number
        self.watch.govern("setSuspended", regulator, silenced, sender=self.world.governor)

    # Readings

    @rule(data=st.data(), segments=st.integers(1, 3))
    @precondition(lambda self: self.watched())
    def keep_watch(self, data: st.DataObject, segments: int) -> None:
        self.record_and_judge(data, segments)

    def record_and_judge(self, data: st.DataObject, segments: int) -> None:
        """As an honest gateway does, for all who care."""
        device, quantity = draw(data, self.watched())
        for _ in range(segments):
            self.measure(data, device, quantity, data.draw(WAITS), data.draw(st.lists(INTERVALS, max_size=4)))
        for one in self.judgeable():
            if one[1][0] == device:
                self.judge_next(*one[:2])

    def watched(self) -> list[tuple[bytes, int]]:
        """Device and quantity of every stream that some policy has rules on."""
        devices = self.watch.devices.ledger
        return [
            (device, rule.quantity)
            for device, subject in devices.subjects.items()
            for policy in self.policies
            if policy.subject == subject and device in devices.signers
            for rule in policy.rules
        ]

    @rule(data=st.data(), quantity=QUANTITIES, wait=WAITS, more=st.lists(INTERVALS, max_size=4))
    def record(self, data: st.DataObject, quantity: int, wait: int, more: list[int]) -> None:
        """The logger measures and signs, whoever brings it later."""
        device = draw(data, self.watch.devices.ledger.subjects or self.loggers)
        self.measure(data, device, quantity, wait, more)

    def measure(self, data: st.DataObject, device: bytes, quantity: int, wait: int, more: list[int]) -> None:
        """Time passes."""
        subject = self.watch.devices.ledger.subjects.get(device, self.subjects[0])
        stream = self.streams.setdefault((device, subject, quantity), Stream())
        since, _ = self.watch.devices.ledger.attachments.get((device, subject), (0, 0))
        times = [max(stream.end, since, self.node.timestamp - 300) + wait]
        times += [times[-1] + sum(more[: i + 1]) for i in range(len(more))]
        readings = [Reading(time, data.draw(VALUES)) for time in times]
        limits = [limit for p in self.policies for limit in p.limits(quantity)]
        seq, _ = self.watch.telemetry.ledger.end((device, subject, quantity))
        seq = max(stream.made, default=seq) + 1
        how = {"subject": subject, "quantity": quantity, "seq": seq, "histogram": data.draw(st.booleans())}
        stream.made[seq] = self.watch.record(self.loggers[device], readings, limits, **how)
        stream.end = times[-1]
        self.node.timestamp = max(self.node.timestamp, times[-1])
        COUNT.hit("record")

    @rule(data=st.data())
    @precondition(lambda self: any(stream.made for stream in self.streams.values()))
    def anchor(self, data: st.DataObject) -> None:
        key = draw(data, [key for key, stream in self.streams.items() if stream.made])
        made = self.streams[key].made
        seq, _ = self.watch.telemetry.ledger.end(key)
        signed = made.get(seq + 1) or made[draw(data, made)]
        if self.watch.anchor(signed, self.world.stranger):
            COUNT.hit("anchor")
        else:
            COUNT.hit("not anchor")
            self.forget(key)

    def forget(self, key: tuple[bytes, bytes, int]) -> None:
        """Segments that will never be anchored, for example because the key was replaced."""
        seq, end = self.watch.telemetry.ledger.end(key)
        made = self.streams[key].made
        self.streams[key].made = {number: signed for number, signed in made.items() if number <= seq}
        self.streams[key].end = max(end, self.node.timestamp)

    # Policies

    @rule(data=st.data(), later=st.sampled_from([0, 0, 300]))
    @precondition(lambda self: len(self.watch.conditions.ledger.states) < 4)
    def policy(self, data: st.DataObject, later: int) -> None:
        """Where none is, so that most live for a while; `replace` makes new versions."""
        self.set_policy(data, draw(data, self.setters), draw(data, self.subjects), later)

    @rule(data=st.data())
    @precondition(lambda self: self.policies)
    def replace(self, data: st.DataObject) -> None:
        policy = draw(data, self.policies)
        self.set_policy(data, self.org(policy.setter), policy.subject)

    def set_policy(self, data: st.DataObject, setter: Org, subject: bytes, later: int = 0) -> None:
        state = self.watch.conditions.ledger.states.get(policy_id(subject, setter.number))
        drawn = [Rule(*fields) for fields in data.draw(RULES)]
        rules = [
            rule if rule.kind == RuleKind.MKT else rule._replace(quantity=data.draw(QUANTITIES))
            for rule in (*drawn, data.draw(SPECIAL))
        ]
        policy = Policy(
            subject=subject,
            setter=setter.number,
            version=state.version + 1 if state else 1,
            start=self.world.now + later,
            max_interval=MAX_INTERVAL,
            max_silence=data.draw(st.sampled_from([0, HOUR])),
            devices=list(self.loggers),
            words=[rule.word for rule in rules],
        )
        self.ask("setPolicy", policy, sender=data.draw(st.sampled_from([setter.quality, setter.all])))

    @rule(data=st.data())
    @precondition(lambda self: self.policies)
    def close(self, data: st.DataObject) -> None:
        policy = draw(data, self.policies)
        self.ask("closePolicy", policy.subject, sender=self.org(policy.setter).quality)

    @rule(data=st.data())
    @precondition(lambda self: self.judgeable())
    def judge(self, data: st.DataObject) -> None:
        self.judge_one(*draw(data, self.judgeable()))

    def judge_next(self, policy: Policy, key: tuple[bytes, bytes, int]) -> None:
        """The segment whose turn it is: the last one before the policy, or the one after the last judged."""
        track = self.watch.conditions.track(policy, key[0], key[2])
        made = self.streams[key].made
        early = [n for n, (segment, *_) in made.items() if Frame.of(segment.frame).start < policy.start]
        due = track.seq + 1 if track.seq else max(early, default=1)
        if due in made:
            self.judge_one(policy, key, due)

    def judge_one(self, policy: Policy, key: tuple[bytes, bytes, int], seq: int) -> None:
        signed = self.streams[key].made[seq]
        if not self.ask("judge", policy, *signed, sender=self.world.stranger):
            self.forget(key)

    def judgeable(self) -> list[tuple[Policy, tuple[bytes, bytes, int], int]]:
        """Policy, stream and number of every segment that is not before the next one."""
        found = []
        for policy in self.policies:
            for (device, subject, quantity), stream in self.streams.items():
                track = self.watch.conditions.track(policy, device, quantity)
                if subject == policy.subject:
                    key = device, subject, quantity
                    found += [(policy, key, seq) for seq in sorted(stream.made) if seq > track.seq]
        return found

    @rule(data=st.data(), quantity=QUANTITIES, minutes=st.sampled_from([0, 59, 61]))
    @precondition(lambda self: self.policies)
    def mark_silent(self, data: st.DataObject, quantity: int, minutes: int) -> None:
        self.node.warp(minutes * 60)
        marked = draw(data, self.policies), draw(data, self.loggers), quantity
        self.ask("markSilent", *marked, sender=self.world.stranger)

    @rule(data=st.data(), disposition=st.sampled_from(Disposition), late=st.sampled_from([0, 0, 0, 1]))
    @precondition(lambda self: self.open())
    def dispose(self, data: st.DataObject, disposition: Disposition, late: int) -> None:
        policy = draw(data, self.open())
        seen = self.watch.conditions.ledger.states[policy.id].breaches
        owner = self.org(self.watch.twins.ledger.twins[policy.subject].owner)
        decider = draw(data, [self.world.regulator, owner, self.org(policy.setter)])
        sender = draw(data, [decider.quality, decider.all, decider.all])
        decision = policy.subject, policy.setter, disposition, seen - late, RECORD
        self.ask("dispose", *decision, sender=sender)

    @rule(data=st.data())
    @precondition(lambda self: self.open())
    def release(self, data: st.DataObject) -> None:
        """By a second person of the owner."""
        policy = draw(data, self.open())
        state = self.watch.conditions.ledger.states[policy.id]
        owner = self.org(self.watch.twins.ledger.twins[policy.subject].owner)
        second = owner.all if state.set_by != owner.all else owner.quality
        decision = policy.subject, policy.setter, Disposition.RELEASE, state.breaches, RECORD
        self.ask("dispose", *decision, sender=second)

    def open(self) -> list[Policy]:
        states = self.watch.conditions.ledger.states
        return [policy for policy in self.policies if states[policy.id].open]

    def ask(self, function: str, *args: Any, sender: str) -> bool:
        before = dict(self.watch.conditions.ledger.states)
        done = self.watch.rule(function, *args, sender=sender)
        COUNT.hit(function if done else f"not {function}")
        if done:
            self.look_what_happened(function, before)
        return done

    # What must never be

    def look_what_happened(self, function: str, before: dict[bytes, PolicyState]) -> None:
        for id_, state in self.watch.conditions.ledger.states.items():
            was = before.get(id_, PolicyState("", 0))
            if state.open and not was.open:
                assert function in ("judge", "markSilent")
                COUNT.hit("breach")
            if was.open and not state.open:
                assert (function, state.disposition) == ("dispose", Disposition.RELEASE)
                COUNT.hit("release")
            if state.holding:
                COUNT.hit("hold")
            assert state.open or not state.holding
            assert state.breaches >= was.breaches or state.version > was.version

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        self.watch.check_devices()
        self.watch.check_telemetry()
        self.watch.check_conditions()

    @invariant()
    def a_policy_that_holds_has_put_a_hold(self) -> None:
        for id_, state in self.watch.conditions.ledger.states.items():
            subject = next(
                s for s in self.subjects for org in self.setters if policy_id(s, org.number) == id_
            )
            number = len(self.world.orgs) + 1
            assert self.world.twins.held(subject, number, id_) == state.holding

    @invariant()
    def a_breach_is_never_forgotten(self) -> None:
        """Within a version."""
        for key in self.streams:
            for policy in self.policies:
                about = policy.id, policy.version, key[0], key[2]
                track = self.watch.conditions.ledger.tracks.get((policy.id, key[0], key[2]), NO_TRACK)
                known = self.latched.get(about, 0)
                assert track.latched & known == known
                assert set(dict(track.breaches)) == {b for b in range(SILENCE + 1) if track.latched >> b & 1}
                self.latched[about] = track.latched

    def teardown(self) -> None:
        self.watch.check_replay()


def draw(data: st.DataObject, things: Iterable[Thing]) -> Thing:
    return data.draw(st.sampled_from(list(things)))


def test_loggers_and_policies_follow_their_models() -> None:
    run_state_machine_as_test(Histories)
    actions = [
        "attach",
        "detach",
        "rotateKey",
        "revoke",
        "sell",
        "hand over",
        "record",
        "anchor",
    ]
    actions += ["setPolicy", "closePolicy", "judge", "not judge", "markSilent", "dispose", "not dispose"]
    COUNT.require([*actions, "breach", "hold", "release"], at_least=3)
