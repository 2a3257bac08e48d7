"""Rebuilds the state of Conditions from its events, and from those of Telemetry for the readings judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from goldthread.audit import telemetry
from goldthread.audit.base import ZERO32, FoldError, View, plain, short
from goldthread.chain import abi
from goldthread.chain.logs import Event
from goldthread.chain.segments import Standing
from goldthread.chain.words import Disposition
from goldthread.hashing import keccak
from goldthread.rules import mkt
from goldthread.rules.conditions import FALSIFIED, SILENCE, TICKS, Kind, Mark, Rule, limits_of
from goldthread.rules.readings import INT32_MAX, INT32_MIN


@dataclass
class Policy:
    """Where a policy stands, and its newest version as it was set."""

    set_by: str
    version: int
    terms: Any
    in_force: bool = True
    breaches: int = 0
    """Found under this version."""
    open: bool = False
    holding: bool = False
    disposition: int = 0

    @property
    def hash(self) -> bytes:
        """Keccak-256 of the policy's ABI encoding, which the contract keeps while it is in force."""
        return keccak(abi.encode_values([_policy_parameter()], [self.terms])) if self.in_force else ZERO32


@dataclass
class Track:
    """Where the judging of one device and quantity stands, with all that the rules have counted and found."""

    seq: int = 0
    to: int = 0
    min: int = 0
    max: int = 0
    last: int = 0
    latched: int = 0
    counting: bool = False
    heat: int = 0
    marks: list[Mark] = field(default_factory=list)
    """The segments that counted."""
    tallies: tuple[int, int] = (0, 0)
    breaches: dict[int, Any] = field(default_factory=dict)


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    policies: dict[bytes, Policy] = field(default_factory=dict)
    tracks: dict[tuple[bytes, int, bytes, int], Track] = field(default_factory=dict)
    """By policy, version, device and quantity."""


def fold(state: State, event: Event, segments: telemetry.State) -> None:
    """Bring the state up to date with one more event of Conditions; raises `FoldError`.

    `segments` is the state of Telemetry at that point.
    """
    if event.name == "Alert":
        return
    args = event.args
    identifier = args["policyId"]
    if event.name == "PolicySet":
        before = state.policies.get(identifier)
        version = args["policy"].version
        if version != (before.version if before else 0) + 1:
            raise FoldError(event, f"version {version} follows {before.version if before else 0}")
        state.policies[identifier] = Policy(args["caller"], version, args["policy"])
        return
    policy = state.policies.get(identifier)
    if policy is None:
        raise FoldError(event, f"policy 0x{identifier.hex()} was never set")
    match event.name:
        case "PolicyClosed":
            policy.in_force = False
        case "Disposed":
            policy.disposition, policy.holding = args["disposition"], args["holding"]
            policy.open = args["disposition"] != Disposition.RELEASE
        case "TalliesChanged":
            track = _track(state, event, policy)
            track.tallies, track.counting = tuple(args["tallies"]), True
        case "SegmentJudged":
            _judged(state, event, policy, segments)
        case "BreachFound":
            track = _track(state, event, policy)
            track.breaches[args["rule"]] = args["breach"]
            track.latched |= 1 << args["rule"]
            policy.breaches += 1
            if not policy.open:
                policy.open, policy.disposition = True, 0
            policy.holding = args["holding"]
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return. Of older versions of a policy no view tells."""
    for identifier, policy in state.policies.items():
        subject = f"policy {short(identifier)}"
        yield View(subject, "policyHash", (identifier,), policy.hash)
        expected = {
            "setBy": policy.set_by,
            "version": policy.version,
            "breaches": policy.breaches,
            "open": policy.open,
            "holding": policy.holding,
            "disposition": policy.disposition,
        }
        yield View(subject, "policyState", (identifier,), expected)
    for (identifier, version, device, quantity), track in state.tracks.items():
        policy = state.policies[identifier]
        if not policy.in_force or policy.version != version:
            continue
        subject = f"policy {short(identifier)}, device {short(device)}, quantity {quantity}"
        key = (identifier, device, quantity)
        names = ("seq", "to", "min", "max", "last", "latched", "counting", "heat")
        yield View(subject, "track", key, {name: getattr(track, name) for name in names})
        for duration in {rule.duration for rule in _rules(policy, quantity) if _rolling(rule)}:
            heat, time = _window(track, duration, policy.terms.start)
            yield View(subject, "heatWindow", (*key, duration), {"heat": heat, "time": time})
        for rule in (*range(len(policy.terms.rules)), FALSIFIED, SILENCE):
            place = f"{subject}, rule {rule}"
            if rule < FALSIFIED:
                word = track.tallies[rule // 4] >> 64 * (rule % 4)
                tally = {"time": word & 0xFFFFFFFF, "onset": word >> 32 & 0xFFFFFFFF}
                yield View(place, "tally", (*key, rule), tally)
            none = {"firstCrossing": 0, "extreme": 0, "time": 0, "seq": 0, "until": 0}
            found = track.breaches.get(rule)
            told = found._asdict() if found else none
            yield View(place, "breach", (*key, rule), told)
            yield View(place, "breachUnder", (policy.hash, device, quantity, rule), told)


def policy_json(policy: Policy) -> dict[str, Any]:
    """A policy for people and programs, its rules in words."""
    rules = [Rule.unpack(word) for word in policy.terms.rules]
    named = [
        {
            "kind": rule.kind.name,
            "quantity": rule.quantity,
            "high": rule.limit.high,
            "limit": rule.limit.value,
            "duration": rule.duration,
            "severity": rule.severity,
            "upper": rule.upper,
        }
        for rule in rules
    ]
    return {**plain(policy.terms), "rules": named}


def _track(state: State, event: Event, policy: Policy, quantity: int | None = None) -> Track:
    about = event["quantity"] if quantity is None else quantity
    return state.tracks.setdefault((event["policyId"], policy.version, event["device"], about), Track())


def _judged(state: State, event: Event, policy: Policy, segments: telemetry.State) -> None:
    standing = Standing.unpack(event["standing"])
    track = _track(state, event, policy, standing.quantity)
    stream = (event["device"], policy.terms.subject, standing.quantity)
    segment = segments.segment(stream, standing.seq)
    if segment is None:
        raise FoldError(event, f"segment {standing.seq} was never anchored")
    frame, values, start = segment.frame, segment.values, policy.terms.start
    counts = frame.from_ >= start
    if frame.seq != track.seq + 1 if counts else frame.seq <= track.seq:
        raise FoldError(event, f"segment {frame.seq} was judged after segment {track.seq}")
    if track.seq == 0:
        track.to, track.min, track.max = start, INT32_MAX, INT32_MIN
    if counts:
        track.min, track.max = min(track.min, values.min), max(track.max, values.max)
    else:
        # It began before the policy: it does not count, but its last reading holds on.
        limits = limits_of(_rules(policy, stream[2]))
        track.counting = any(limit.is_beyond(values.last) for limit in limits)
    if counts:
        track.marks.append(Mark(track.heat, track.to, frame.to))
    track.heat = standing.heat
    track.seq, track.to, track.last = frame.seq, max(track.to, frame.to), values.last
    track.latched = standing.latched


def _rules(policy: Policy, quantity: int) -> list[Rule]:
    return [rule for rule in map(Rule.unpack, policy.terms.rules) if rule.quantity == quantity]


def _rolling(rule: Rule) -> bool:
    return rule.kind is Kind.MKT and rule.upper == 1


def _window(track: Track, duration: int, start: int) -> tuple[int, int]:
    """Total and seconds of the newest ticks."""
    if not track.marks:
        return 0, 0
    newest = (track.to - start) * TICKS // duration
    since = next(m for m in track.marks if (m.end - start) * TICKS // duration + TICKS > newest)
    heat = mkt.FULL if track.heat == mkt.FULL else track.heat - since.heat
    return heat, track.to - since.to


def _policy_parameter() -> Any:
    entry = abi.functions(abi.load("Conditions"))["setPolicy"]
    return entry["inputs"][0]
