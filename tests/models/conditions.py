"""The model of `Conditions`, written from IConditions and the domain's text. It judges raw readings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.models import bits
from tests.models.devices import Stream, Telemetry, TelemetryLedger
from tests.models.readings import Rule, RuleKind, judge
from tests.models.rules import Fact, Objections
from tests.models.segments import Excursion, Frame, Limit, Reading, Segment, Values
from tests.models.twins import Twins
from tests.support.words import Duty, EndOfLife, Role
from tests.support.world import NO_EVENT

SILENCE = 15
CRITICAL = 3
BREACH_CODE, SILENT_CODE = keccak(text="BREACH")[:4], keccak(text="SILENT")[:4]
POLICY = "(bytes32,uint32,uint32,uint40,uint32,uint32,bytes32[],uint256[])"
NOWHERE = bytes(32)


class Disposition(IntEnum):
    """`IConditions.Disposition`."""

    NONE = 0
    RELEASE = 1
    REWORK = 2
    REJECT = 3


class Policy(NamedTuple):
    """As `IConditions.Policy`."""

    subject: bytes
    setter: int
    version: int
    start: int
    max_interval: int
    max_silence: int
    devices: list[bytes]
    words: list[int]
    """Of the rules."""

    @property
    def rules(self) -> list[Rule]:
        return [Rule.of(word) for word in self.words]

    @property
    def id(self) -> bytes:
        return policy_id(self.subject, self.setter)

    @property
    def hash(self) -> bytes:
        return keccak(encode([POLICY], [self]))

    def limits(self, quantity: int) -> list[Limit]:
        """What a segment must tell about."""
        limits = [r.limit for r in self.rules if r.quantity == quantity and r.kind != RuleKind.GAP]
        return list(dict.fromkeys(limits))


def policy_id(subject: bytes, setter: int) -> bytes:
    return keccak(encode(["bytes32", "uint32"], [subject, setter]))


class PolicyState(NamedTuple):
    """As `IConditions.PolicyState`."""

    set_by: str
    version: int
    open: bool = False
    holding: bool = False
    disposition: Disposition = Disposition.NONE


class Breach(NamedTuple):
    """As `IConditions.Breach`."""

    first_crossing: int = 0
    extreme: int = 0
    time: int = 0
    seq: int = 0


class Tally(NamedTuple):
    """As `IConditions.Tally`."""

    time: int = 0
    onset: int = 0


NO_TALLIES = (Tally(),) * 8


@dataclass(frozen=True)
class Track:
    """What was judged of one device and quantity under the policy in force."""

    first: int = 0
    seq: int = 0
    """Numbers of the first and the newest segment judged; 0: none."""
    latched: int = 0
    tallies: tuple[Tally, ...] = NO_TALLIES
    breaches: tuple[tuple[int, Breach], ...] = ()

    def breach(self, rule: int) -> Breach:
        return dict(self.breaches).get(rule, Breach())


NO_TRACK = Track()
TrackKey = tuple[bytes, bytes, int]
"""Policy id, device and quantity."""


@dataclass
class ConditionsLedger:
    """What the events of a Conditions contract add up to."""

    policies: dict[bytes, Policy] = field(default_factory=dict)
    """In force, by id."""
    states: dict[bytes, PolicyState] = field(default_factory=dict)
    tracks: dict[TrackKey, Track] = field(default_factory=dict)

    def copy(self) -> ConditionsLedger:
        return ConditionsLedger(dict(self.policies), dict(self.states), dict(self.tracks))

    def apply(self, fact: Fact) -> None:
        name, a = fact
        if name == "Alert":
            return
        id_ = a["policyId"]
        match name:
            case "PolicySet":
                self._forget(id_)
                self.policies[id_] = Policy(*a["policy"])
                self.states[id_] = PolicyState(a["caller"], self.policies[id_].version)
            case "PolicyClosed":
                self._forget(id_)
                del self.policies[id_]
            case "SegmentJudged":
                track = self._track(a)
                self._put(a, first=track.first or a["seq"], seq=a["seq"], latched=a["latched"])
            case "TalliesChanged":
                self._put(a, tallies=tuple(tallies_of(a["tallies"])))
            case "BreachFound":
                track, rule = self._track(a), a["rule"]
                found = (*track.breaches, (rule, Breach(*a["breach"])))
                self._put(a, latched=track.latched | 1 << rule, breaches=found)
                self._opened(id_, a["holding"])
            case "Disposed":
                released = a["disposition"] == Disposition.RELEASE
                self._change(id_, disposition=Disposition(a["disposition"]))
                if released:
                    self._change(id_, open=False, holding=False)
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def _opened(self, id_: bytes, holding: bool) -> None:
        if not self.states[id_].open:
            self._change(id_, open=True, disposition=Disposition.NONE)
        self._change(id_, holding=holding)

    def _track(self, a: Any) -> Track:
        return self.tracks.get((a["policyId"], a["device"], a["quantity"]), NO_TRACK)

    def _put(self, a: Any, **fields: Any) -> None:
        self.tracks[a["policyId"], a["device"], a["quantity"]] = replace(self._track(a), **fields)

    def _change(self, id_: bytes, **fields: Any) -> None:
        self.states[id_] = self.states[id_]._replace(**fields)

    def _forget(self, id_: bytes) -> None:
        self.tracks = {key: track for key, track in self.tracks.items() if key[0] != id_}


class Conditions:
    """The rules, for policies whose rules are well formed."""

    def __init__(self, ledger: ConditionsLedger, telemetry: Telemetry, twins: Twins, address: str) -> None:
        self.ledger = ledger
        self.telemetry = telemetry
        self.twins = twins
        self.consortium = twins.consortium
        self.address = address
        self.archive: dict[bytes, Sequence[Reading]] = {}
        """The readings of every segment, by its digest."""

    def setPolicy(self, policy: Policy, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        no.when(policy.setter != org, "NotSetter", policy.setter, org)
        no.when(policy.subject not in self.twins.ledger.twins, "UnknownSubject", policy.subject)
        rules, devices = len(policy.rules), len(policy.devices)
        no.when(not 1 <= rules <= 8 or not 1 <= devices <= 8, "WrongSize", rules, devices)
        no.when(policy.max_interval == 0, "ZeroMaxInterval")
        state = self.ledger.states.get(policy.id, PolicyState("", 0))
        no.when(state.open, "BreachOpen", policy.id)
        due = state.version + 1
        no.when(policy.version != due, "NotNextVersion", policy.id, due, policy.version)
        fact = {"subject": policy.subject, "org": org, "caller": sender, "policy": policy}
        return self._happened(no, ("PolicySet", {"policyId": policy.id, **fact}))

    def closePolicy(self, subject: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        id_ = policy_id(subject, org)
        no.when(id_ not in self.ledger.policies, "NotInForce", id_, NOWHERE, NOWHERE)
        no.when(id_ in self.ledger.states and self.ledger.states[id_].open, "BreachOpen", id_)
        fact = {"policyId": id_, "subject": subject, "org": org, "caller": sender}
        return self._happened(no, ("PolicyClosed", fact))

    # Judging

    def judge(
        self, policy: Policy, segment: Segment, signer: bytes, signature: bytes, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        anchoring = self.telemetry.anchoring(no, segment, signer, signature, self.address)
        frame, (device, subject, quantity) = Frame.of(segment.frame), segment.key
        no.when(subject != policy.subject, "WrongSubject", policy.subject, subject)
        longest = frame.max_interval
        no.when(longest > policy.max_interval, "GapInside", policy.max_interval, longest)
        self._in_force(no, policy, device, quantity)
        track = self.track(policy, device, quantity)
        if track.seq == 0:
            no.when(frame.start < policy.start, "BeforeStart", policy.start, frame.start)
        else:
            due = track.seq + 1
            no.when(frame.seq != due, "NotNextToJudge", policy.id, device, due, frame.seq)
        self._complete(no, policy, segment)
        no.settle()
        for fact in anchoring:
            self.telemetry.ledger.apply(fact)
        silence = self._silence(policy, track, segment.key)
        judged = track.first or frame.seq
        readings = list(self._readings(segment.key, judged, frame.seq))
        found, tallies = self._rules(policy, quantity, track, readings, frame.seq)
        if silence is not None:
            found[SILENCE] = silence
        about = {"policyId": policy.id, "device": device, "quantity": quantity}
        latched = track.latched | sum(1 << rule for rule in found)
        facts: list[Fact] = []
        if tallies != track.tallies:
            facts.append(("TalliesChanged", about | {"tallies": packed(tallies)}))
        facts.append(("SegmentJudged", about | {"seq": frame.seq, "latched": latched}))
        return anchoring + self._happened(no, *facts) + self._opened(policy, device, quantity, found)

    def markSilent(self, policy: Policy, device: bytes, quantity: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        self._in_force(no, policy, device, quantity)
        track = self.track(policy, device, quantity)
        no.when(bool(track.latched >> SILENCE & 1), "AlreadyMarked", policy.id, device)
        stream = device, policy.subject, quantity
        silence = self._silence(policy, track, stream)
        until = self._newest(policy, track, stream) + policy.max_silence
        if silence is None:
            forever = policy.max_silence == 0
            no.final("NotSilent", policy.id, device, 2**256 - 1 if forever else until)
        no.settle()
        return self._opened(policy, device, quantity, {SILENCE: silence})

    def _rules(
        self, policy: Policy, quantity: int, track: Track, readings: Sequence[Reading], seq: int
    ) -> tuple[dict[int, Breach], tuple[Tally, ...]]:
        """The rules broken now and never before, and what all rules have counted."""
        found, tallies = {}, list(track.tallies)
        for place, rule in enumerate(policy.rules):
            if rule.quantity != quantity:
                continue
            finding = judge(rule, readings, policy.start, policy.max_interval)
            if finding.onset is None:
                continue
            tallies[place] = Tally(finding.running, finding.onset - policy.start + 1)
            if finding.broken and not track.latched >> place & 1:
                extreme = extreme_of(rule, readings)
                found[place] = Breach(finding.onset, extreme, finding.reached, seq)
        return found, tuple(tallies)

    def _silence(self, policy: Policy, track: Track, stream: Stream) -> Breach | None:
        newest = self._newest(policy, track, stream)
        late = policy.max_silence != 0 and self.now - newest > policy.max_silence
        known = track.latched >> SILENCE & 1
        return Breach(newest, 0, self.now - newest) if late and not known else None

    def _opened(
        self, policy: Policy, device: bytes, quantity: int, found: dict[int, Breach]
    ) -> list[Fact]:
        if not found:
            return []
        holding = self.ledger.states[policy.id].holding
        may_hold = self.may_hold(policy)
        held: list[Fact] = []
        if may_hold and not holding:
            held = self.twins.hold(policy.subject, policy.id, NO_EVENT, sender=self.address)
        about = {"policyId": policy.id, "subject": policy.subject, "device": device, "quantity": quantity}
        facts: list[Fact] = []
        for rule, breach in sorted(found.items()):
            told = {"rule": rule, "breach": breach, "holding": holding or may_hold}
            facts += [("BreachFound", about | told), alert(policy, rule)]
        return self._happened(Objections(), *facts) + held

    def may_hold(self, policy: Policy) -> bool:
        """True if the policy holds the twin back from a breach on."""
        twin = self.twins.ledger.twins[policy.subject]
        holders = twin.owner, self.twins.ledger.custodian(policy.subject)
        concerned = policy.setter in holders or self.consortium.has_role(policy.setter, Role.REGULATOR)
        return twin.end == EndOfLife.NONE and concerned

    # Disposition

    def dispose(
        self, subject: bytes, setter: int, disposition: Disposition, record: bytes, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        id_ = policy_id(subject, setter)
        state = self.ledger.states.get(id_, PolicyState("", 0))
        no.when(disposition == Disposition.NONE, "NoDisposition")
        no.when(not state.open, "NoOpenBreach", id_)
        no.when(state.disposition == Disposition.REJECT, "Rejected", id_)
        no.when(sender == state.set_by, "SecondPersonNeeded", id_, sender)
        entitled = org == setter or self.consortium.has_role(org, Role.REGULATOR)
        no.when(not entitled, "MayNotDispose", id_, org)
        no.settle()
        lifted: list[Fact] = []
        if disposition == Disposition.RELEASE and state.holding:
            me, _ = self.consortium.ledger.accounts[self.address]
            lifted = self.twins.release(subject, me, id_, NO_EVENT, sender=self.address)
        fact = {"policyId": id_, "subject": subject, "org": org, "caller": sender}
        fact |= {"disposition": disposition, "record": record}
        return self._happened(no, ("Disposed", fact)) + lifted

    # Questions

    @property
    def now(self) -> int:
        return self.consortium.now

    def track(self, policy: Policy, device: bytes, quantity: int) -> Track:
        return self.ledger.tracks.get((policy.id, device, quantity), NO_TRACK)

    def _in_force(self, no: Objections, policy: Policy, device: bytes, quantity: int) -> None:
        in_force = self.ledger.policies.get(policy.id)
        if in_force != policy:
            expected = NOWHERE if in_force is None else in_force.hash
            no.final("NotInForce", policy.id, expected, policy.hash)
        no.when(device not in policy.devices, "DeviceNotNamed", policy.id, device)
        ruled = any(rule.quantity == quantity for rule in policy.rules)
        no.when(not ruled, "QuantityNotRuled", policy.id, quantity)

    def _complete(self, no: Objections, policy: Policy, segment: Segment) -> None:
        """Something is said about every limit that was reached."""
        values, (_, _, quantity) = Values.of(segment.values), segment.key
        told = [Excursion.of(word).limit for word in segment.excursions]
        for place, rule in enumerate(policy.rules):
            if rule.quantity != quantity or rule.kind == RuleKind.GAP or rule.limit in told:
                continue
            reached = rule.limit.beyond(values.max if rule.limit.high else values.min)
            no.when(reached, "ExcursionMissing", place, rule.limit.high, rule.limit.value)

    def _newest(self, policy: Policy, track: Track, stream: Stream) -> int:
        """Time of the newest judged reading; the policy's start, if there is none."""
        if track.seq == 0:
            return policy.start
        return Frame.of(self.telemetry.ledger.anchored[stream][track.seq - 1][1]).end

    def _readings(self, stream: Stream, first: int, last: int) -> Iterator[Reading]:
        for seq in range(first, last + 1):
            yield from self.archive[self.telemetry.ledger.digest(stream, seq)]

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.ledger.apply(fact)
        return list(facts)


def track_view(track: Track, telemetry: TelemetryLedger, stream: Stream) -> tuple[int | bool, ...]:
    """What `track` returns."""
    counting = track.tallies != NO_TALLIES
    if track.seq == 0:
        return 0, 0, 0, 0, 0, track.latched, counting
    judged = telemetry.anchored[stream][track.first - 1 : track.seq]
    values = [Values.of(word) for _, _, word in judged]
    lowest, highest = min(v.min for v in values), max(v.max for v in values)
    end = Frame.of(judged[-1][1]).end
    return track.seq, end, lowest, highest, values[-1].last, track.latched, counting


def extreme_of(rule: Rule, readings: Sequence[Reading]) -> int:
    """The worst reading."""
    if rule.kind == RuleKind.GAP:
        return 0
    values = [reading.value for reading in readings]
    return max(values) if rule.limit.high else min(values)


def alert(policy: Policy, rule: int) -> Fact:
    silent = rule == SILENCE
    severity = CRITICAL if silent else policy.rules[rule].severity
    about = {"subject": policy.subject, "code": SILENT_CODE if silent else BREACH_CODE}
    return "Alert", about | {"org": policy.setter, "severity": severity, "ref": policy.id}


def packed(tallies: Sequence[Tally]) -> list[int]:
    """The two words in which the contract tells them."""
    fields = [value for tally in tallies for value in tally]
    return [bits.join(fields[i : i + 8], (32,) * 8) for i in (0, 8)]


def tallies_of(words: Sequence[int]) -> Iterator[Tally]:
    for word in words:
        fields = bits.split(word, (32,) * 8)
        yield from (Tally(*fields[i : i + 2]) for i in range(0, 8, 2))
