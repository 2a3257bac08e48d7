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
from tests.models.readings import Course, Finding, Rule, RuleKind, Told, judge, known
from tests.models.rules import Fact, Objections
from tests.models.segments import Frame, Limit, Reading, Segment, Standing, Values
from tests.models.twins import Twins
from tests.support.words import Duty, EndOfLife, Role
from tests.support.world import NO_EVENT

FALSIFIED = 14
SILENCE = 15
CRITICAL = 3
BREACH_CODE, LIE_CODE, SILENT_CODE = (keccak(text=name)[:4] for name in ("BREACH", "FALSIFIED", "SILENT"))
POLICY = "(bytes32,uint32,uint32,uint40,uint32,uint32,bytes32[],uint256[])"
NOWHERE = bytes(32)


class INT32:
    """Where numbers end."""

    min = -(2**31)
    max = 2**31 - 1


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
        limits = [limit for r in self.rules if r.quantity == quantity for limit in r.limits]
        return list(dict.fromkeys(limits))


def policy_id(subject: bytes, setter: int) -> bytes:
    return keccak(encode(["bytes32", "uint32"], [subject, setter]))


class PolicyState(NamedTuple):
    """As `IConditions.PolicyState`."""

    set_by: str
    version: int
    breaches: int = 0
    open: bool = False
    holding: bool = False
    disposition: Disposition = Disposition.NONE


class Breach(NamedTuple):
    """As `IConditions.Breach`."""

    first_crossing: int = 0
    extreme: int = 0
    time: int = 0
    seq: int = 0
    until: int = 0


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
    heat: int = 0
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
                quantity, seq, latched, heat = Standing.of(a["standing"])
                about = {**a, "quantity": quantity}
                first = self._track(about).first or seq
                self._put(about, first=first, seq=seq, latched=latched, heat=heat)
            case "TalliesChanged":
                self._put(a, tallies=tuple(tallies_of(a["tallies"])))
            case "BreachFound":
                track, rule = self._track(a), a["rule"]
                found = (*track.breaches, (rule, Breach(*a["breach"])))
                self._put(a, latched=track.latched | 1 << rule, breaches=found)
                self._opened(id_, a["holding"])
            case "Disposed":
                decided = Disposition(a["disposition"])
                still = decided != Disposition.RELEASE
                self._change(id_, disposition=decided, open=still, holding=a["holding"])
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def _opened(self, id_: bytes, holding: bool) -> None:
        if not self.states[id_].open:
            self._change(id_, open=True, disposition=Disposition.NONE)
        self._change(id_, holding=holding, breaches=self.states[id_].breaches + 1)

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
        self.archive: dict[bytes, Told] = {}
        """The readings of every segment and what it tells of, by its digest."""
        self.firmware: dict[bytes, int] = {}
        """The state of each device's firmware; 0 if it is not here."""

    def setPolicy(self, policy: Policy, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        no.when(policy.setter != org, "NotSetter", policy.setter, org)
        no.when(policy.subject not in self.twins.ledger.twins, "UnknownSubject", policy.subject)
        rules, devices = len(policy.rules), len(policy.devices)
        no.when(not 1 <= rules <= 8 or not 1 <= devices <= 8, "WrongSize", rules, devices)
        no.when(policy.max_interval == 0, "ZeroMaxInterval")
        no.when(policy.start < self.now, "StartInPast", policy.start, self.now)
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
        self._in_force(no, policy, device)
        track = self.track(policy, device, quantity)
        counts, due = frame.start >= policy.start, track.seq + 1
        misplaced = frame.seq != due if counts else frame.seq < due
        no.when(misplaced, "NotNextToJudge", policy.id, device, due, frame.seq)
        self._ruled(no, policy, quantity)
        state = self.firmware.get(device, 0)
        for rule in policy.rules if counts else ():
            refuses = rule.kind == RuleKind.SEQUENCE and rule.quantity == quantity and rule.upper
            no.when(bool(refuses) and rule.limit.beyond(state), "FirmwareRefused", device, state)
        no.settle()
        for fact in anchoring:
            self.telemetry.ledger.apply(fact)
        found: dict[int, Breach] = {}
        tallies = track.tallies
        first = track.first or frame.seq
        if counts:
            silence = self._silence(policy, track, segment.key)
            found, tallies = self._rules(policy, segment.key, track, frame.seq)
            found |= {} if silence is None else {SILENCE: silence}
        heat = self.course(policy, segment.key, first, frame.seq).heat
        about = {"policyId": policy.id, "device": device, "quantity": quantity}
        latched = track.latched | sum(1 << rule for rule in found)
        facts: list[Fact] = []
        if tallies != track.tallies:
            facts.append(("TalliesChanged", about | {"tallies": packed(tallies)}))
        standing = Standing(quantity, frame.seq, latched, heat).word
        facts.append(("SegmentJudged", {"policyId": policy.id, "device": device, "standing": standing}))
        return anchoring + self._happened(no, *facts) + self._opened(policy, device, quantity, found)

    def markSilent(self, policy: Policy, device: bytes, quantity: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        self._in_force(no, policy, device)
        self._ruled(no, policy, quantity)
        track = self.track(policy, device, quantity)
        no.when(bool(track.latched >> SILENCE & 1), "AlreadyMarked", policy.id, device)
        stream = device, policy.subject, quantity
        silence = self._silence(policy, track, stream)
        until = self.newest(policy, track, stream) + policy.max_silence
        if silence is None:
            forever = policy.max_silence == 0
            no.final("NotSilent", policy.id, device, 2**256 - 1 if forever else until)
        no.settle()
        return self._opened(policy, device, quantity, {SILENCE: silence})

    def _rules(
        self, policy: Policy, stream: Stream, track: Track, seq: int
    ) -> tuple[dict[int, Breach], tuple[Tally, ...]]:
        """The rules broken now and never before, and what all rules have counted."""
        found: dict[int, Breach] = {}
        tallies = list(track.tallies)
        begun, counted = self._counted(policy, stream, track.first or seq, seq)
        since = max(policy.start, begun[-1].time) if begun else policy.start
        held = begun[-1].value if begun else None
        end = counted[-1].readings[-1].time
        for place, rule in enumerate(policy.rules):
            if rule.quantity != stream[2]:
                continue
            if rule.kind == RuleKind.SEQUENCE:
                lacks = rule.limit.beyond(self.firmware.get(stream[0], 0))
                finding = Finding(lacks, counted[-1].readings[0].time, 0, 0)
            else:
                finding = self._finding(policy, rule, begun, counted, since, held)
            if finding.onset is None:
                continue
            if rule.kind not in (RuleKind.MKT, RuleKind.SEQUENCE):
                tallies[place] = Tally(finding.running, finding.onset - policy.start + 1)
            if finding.broken and not track.latched >> place & 1:
                extreme = extreme_of(rule, [r for part in counted for r in part.readings])
                found[place] = Breach(finding.onset, extreme, finding.reached, seq, end)
        if counted[-1].falsified and not track.latched >> FALSIFIED & 1:
            found[FALSIFIED] = lie_of(counted[-1].readings, seq)
        return found, tuple(tallies)

    @staticmethod
    def _finding(
        policy: Policy,
        rule: Rule,
        begun: Sequence[Reading],
        counted: Sequence[Told],
        since: int,
        held: int | None,
    ) -> Finding:
        if rule.kind == RuleKind.MKT:
            return Course(counted, policy.start, policy.max_interval, begun).judge(rule)
        readings = [
            reading
            for part in counted
            for reading in known(rule, part.readings, part.limits, policy.max_interval, part.falsified)
        ]
        return judge(rule, readings, since, policy.max_interval, held)

    def course(self, policy: Policy, stream: Stream, first: int, last: int) -> Course:
        """What the means of these segments are of; of nothing, if no rule is on one."""
        if not any(rule.kind == RuleKind.MKT and rule.quantity == stream[2] for rule in policy.rules):
            return Course([], policy.start, policy.max_interval)
        begun, counted = self._counted(policy, stream, first, last)
        return Course(counted, policy.start, policy.max_interval, begun)

    def _counted(
        self, policy: Policy, stream: Stream, first: int, last: int
    ) -> tuple[Sequence[Reading], list[Told]]:
        """The segment before the counted ones, if one was judged; and these."""
        begun: Sequence[Reading] = ()
        counted = []
        for seq in range(first, last + 1) if first else ():
            told = self.archive[self.telemetry.ledger.digest(stream, seq)]
            if told.readings[0].time < policy.start:
                begun = told.readings
            else:
                counted.append(told)
        return begun, counted

    def _silence(self, policy: Policy, track: Track, stream: Stream) -> Breach | None:
        newest = self.newest(policy, track, stream)
        late = policy.max_silence != 0 and self.now - newest > policy.max_silence
        known = track.latched >> SILENCE & 1
        return Breach(newest, 0, self.now - newest, 0, self.now) if late and not known else None

    def _opened(self, policy: Policy, device: bytes, quantity: int, found: dict[int, Breach]) -> list[Fact]:
        if not found:
            return []
        holding = self.ledger.states[policy.id].holding
        may_hold = self.may_hold(policy.subject, policy.setter)
        held: list[Fact] = []
        if may_hold and not holding:
            held = self.twins.hold(policy.subject, policy.id, NO_EVENT, sender=self.address)
        about = {"policyId": policy.id, "subject": policy.subject, "device": device, "quantity": quantity}
        facts: list[Fact] = []
        for rule, breach in sorted(found.items()):
            told = {"rule": rule, "breach": breach, "holding": holding or may_hold}
            facts += [("BreachFound", about | told), alert(policy, rule)]
        return self._happened(Objections(), *facts) + held

    def may_hold(self, subject: bytes, setter: int) -> bool:
        """True if the setter's policy holds the twin back from a breach on."""
        twin = self.twins.ledger.twins[subject]
        holders = twin.owner, self.twins.ledger.custodian(subject)
        concerned = setter in holders or self.consortium.has_role(setter, Role.REGULATOR)
        return twin.end == EndOfLife.NONE and concerned

    # Disposition

    def dispose(
        self, subject: bytes, setter: int, disposition: Disposition, seen: int, record: bytes, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        id_ = policy_id(subject, setter)
        state = self.ledger.states.get(id_, PolicyState("", 0))
        no.when(disposition == Disposition.NONE, "NoDisposition")
        no.when(not state.open, "NoOpenBreach", id_)
        no.when(seen != state.breaches, "MoreBreaches", id_, seen, state.breaches)
        no.when(sender == state.set_by, "SecondPersonNeeded", id_, sender)
        if not self.consortium.has_role(org, Role.REGULATOR):
            no.when(state.disposition == Disposition.REJECT, "Rejected", id_)
            owner = self.twins.ledger.twins[subject].owner if subject in self.twins.ledger.twins else 0
            entitled = org == owner or (org == setter and disposition != Disposition.REJECT)
            theirs = setter in self.consortium.ledger.orgs and self.consortium.ledger.orgs[setter].roles
            no.when(not entitled or bool(theirs & Role.REGULATOR), "MayNotDispose", id_, org)
        no.settle()
        release = disposition == Disposition.RELEASE
        holding = not release and (state.holding or self.may_hold(subject, setter))
        moved: list[Fact] = []
        if holding and not state.holding:
            moved = self.twins.hold(subject, id_, NO_EVENT, sender=self.address)
        if state.holding and not holding:
            me, _ = self.consortium.ledger.accounts[self.address]
            moved = self.twins.release(subject, me, id_, NO_EVENT, sender=self.address)
        fact = {"policyId": id_, "subject": subject, "org": org, "caller": sender}
        fact |= {"disposition": disposition, "record": record, "holding": holding}
        return self._happened(no, ("Disposed", fact)) + moved

    # Questions

    @property
    def now(self) -> int:
        return self.consortium.now

    def track(self, policy: Policy, device: bytes, quantity: int) -> Track:
        return self.ledger.tracks.get((policy.id, device, quantity), NO_TRACK)

    def _in_force(self, no: Objections, policy: Policy, device: bytes) -> None:
        in_force = self.ledger.policies.get(policy.id)
        if in_force != policy:
            expected = NOWHERE if in_force is None else in_force.hash
            no.final("NotInForce", policy.id, expected, policy.hash)
        no.when(device not in policy.devices, "DeviceNotNamed", policy.id, device)

    def _ruled(self, no: Objections, policy: Policy, quantity: int) -> None:
        ruled = any(rule.quantity == quantity for rule in policy.rules)
        no.when(not ruled, "QuantityNotRuled", policy.id, quantity)

    def newest(self, policy: Policy, track: Track, stream: Stream) -> int:
        """Time of the newest judged reading, not before the policy's start."""
        if track.seq == 0:
            return policy.start
        end = Frame.of(self.telemetry.ledger.anchored[stream][track.seq - 1][1]).end
        return max(policy.start, end)

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.ledger.apply(fact)
        return list(facts)


def lie_of(readings: Sequence[Reading], seq: int) -> Breach:
    """A segment that is a proven lie."""
    since, until = readings[0].time, readings[-1].time
    return Breach(since, 0, until - since, seq, until)


def track_view(
    track: Track, policy: Policy, telemetry: TelemetryLedger, stream: Stream
) -> tuple[int | bool, ...]:
    """What `track` returns."""
    start = policy.start
    counting = track.tallies != NO_TALLIES
    if track.seq == 0:
        return 0, 0, 0, 0, 0, track.latched, counting, 0
    judged = [
        (Frame.of(frame), Values.of(values))
        for _, frame, values in telemetry.anchored[stream][track.first - 1 : track.seq]
    ]
    counted = [values for frame, values in judged if frame.start >= start]
    lowest, highest = min([INT32.max, *(v.min for v in counted)]), max([INT32.min, *(v.max for v in counted)])
    last = judged[-1][1].last
    will_count = not counted and any(limit.beyond(last) for limit in policy.limits(stream[2]))
    newest = max(start, judged[-1][0].end), lowest, highest, last
    return track.seq, *newest, track.latched, counting or will_count, track.heat


def extreme_of(rule: Rule, readings: Sequence[Reading]) -> int:
    """The worst reading."""
    if rule.kind in (RuleKind.GAP, RuleKind.SEQUENCE):
        return 0
    values = [reading.value for reading in readings]
    return max(values) if rule.limit.high else min(values)


def alert(policy: Policy, rule: int) -> Fact:
    code = {SILENCE: SILENT_CODE, FALSIFIED: LIE_CODE}.get(rule, BREACH_CODE)
    severity = policy.rules[rule].severity if code == BREACH_CODE else CRITICAL
    about = {"subject": policy.subject, "code": code}
    return "Alert", about | {"org": policy.setter, "severity": severity, "ref": policy.id}


def packed(tallies: Sequence[Tally]) -> list[int]:
    """The two words in which the contract tells them."""
    fields = [value for tally in tallies for value in tally]
    return [bits.join(fields[i : i + 8], (32,) * 8) for i in (0, 8)]


def tallies_of(words: Sequence[int]) -> Iterator[Tally]:
    for word in words:
        fields = bits.split(word, (32,) * 8)
        yield from (Tally(*fields[i : i + 2]) for i in range(0, 8, 2))
