"""A cold chain to test in: the small consortium, a pallet, a logger on it, and Conditions as a member.

cold = ColdChain.create(node)
segment = cold.segment(cold.every(300, [512, 640, 815]))        # readings from now on, 300 s apart
policy = cold.set(cold.policy(rules))
cold.judge(policy, segment)                                     # moves time to the end of the segment
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.models.conditions import Policy
from tests.models.readings import Rule, RuleKind
from tests.models.segments import TEMPERATURE, Frame, Limit, Reading, Segment, Standing, build

from .contract import Contract, Sender
from .nodes import Account, Node, Receipt
from .signers import Signer, Wallet
from .words import Duty, Kind, Role
from .world import Org, World, asset, person, sscc

MAX_INTERVAL = 900
HOT = Limit(800, high=True)
COLD = Limit(-50, high=False)
RULES = (Rule(RuleKind.INSTANT, HOT),)


@dataclass(frozen=True)
class Logger:
    """A device and its key."""

    id: bytes
    signer: Signer


@dataclass(frozen=True)
class ColdChain:
    """The contracts, and the maker's logger on the maker's pallet."""

    world: World
    pallet: bytes
    logger: Logger
    start: int
    """When the logger was attached."""

    @classmethod
    def create(cls, node: Node) -> ColdChain:
        """The contract Conditions is an account of an organisation of its own, the tenth."""
        return cls.on(World.create(node))

    @classmethod
    def on(cls, world: World) -> ColdChain:
        """In a consortium that is there already."""
        admin = person("conditions admin")
        world.consortium.admit("conditions", admin, Role.REGULATOR, bytes(32), 0, sender=world.governor)
        number = world.consortium.organisationCount()
        world.consortium.setAccount(number, world.conditions, Duty.QUALITY, sender=admin)
        pallet = world.register(sscc("1"), Kind.CONTAINER)
        logger = Logger(world.register(asset("LOGGER1"), Kind.ASSET), Wallet(person("logger")))
        cold = cls(world, pallet, logger, world.now)
        cold.enrol(logger)
        cold.attach(logger)
        return cold

    @property
    def node(self) -> Node:
        return self.world.node

    @property
    def devices(self) -> Contract:
        return self.world.devices

    @property
    def telemetry(self) -> Contract:
        return self.world.telemetry

    @property
    def conditions(self) -> Contract:
        return self.world.conditions

    @property
    def setter(self) -> Account:
        """Sets policies for the maker; the maker's account `all` is the second person."""
        return self.world.maker.quality

    def device(self, serial: str, signer: Signer | None = None, org: Org | None = None) -> Logger:
        """Another logger, registered but not enrolled."""
        prefix = {} if org in (None, self.world.maker) else {"prefix": "0614141"}
        id_ = self.world.register(asset(serial, **prefix), Kind.ASSET, org=org)
        return Logger(id_, signer or Wallet(person(f"logger {serial}")))

    def enrol(self, logger: Logger, org: Org | None = None) -> Receipt:
        """Give a logger its key."""
        sender = (org or self.world.maker).device_admin
        receipt: Receipt = self.devices.enrol(logger.id, logger.signer.name, bytes(32), sender=sender)
        return receipt

    def attach(self, logger: Logger, subject: bytes | None = None, org: Org | None = None) -> Receipt:
        """Attach a logger, to the pallet unless another twin is named."""
        sender = (org or self.world.maker).device_admin
        receipt: Receipt = self.devices.attach(logger.id, subject or self.pallet, sender=sender)
        return receipt

    def every(self, seconds: int, values: Iterable[int], start: int | None = None) -> list[Reading]:
        """Readings so many seconds apart, the first one now unless another second is named."""
        start = self.world.now if start is None else start
        return [Reading(start + seconds * i, value) for i, value in enumerate(values)]

    def segment(
        self,
        readings: Sequence[Reading],
        seq: int = 1,
        limits: Iterable[Limit] = (HOT, COLD),
        *,
        logger: Logger | None = None,
        subject: bytes | None = None,
        quantity: int = TEMPERATURE,
        histogram: bool = False,
    ) -> Segment:
        """What the logger makes of the readings."""
        about = (logger or self.logger).id, subject or self.pallet
        return build(
            *about, seq=seq, readings=readings, limits=limits, quantity=quantity, histogram=histogram
        )

    def sign(self, segment: Segment, logger: Logger | None = None) -> tuple[Segment, bytes, bytes]:
        """The segment with signer and signature."""
        signer = (logger or self.logger).signer
        return segment, signer.name, signer.sign(self.telemetry.digestOf(segment))

    def wait_for(self, segment: Segment) -> None:
        """Let time pass until the segment's last reading is taken."""
        self.node.warp(max(0, Frame.of(segment.frame).end - self.world.now))

    def anchor(self, segment: Segment, logger: Logger | None = None, sender: Sender | None = None) -> Receipt:
        """By a stranger unless somebody else is named."""
        self.wait_for(segment)
        by = sender or self.world.stranger
        receipt: Receipt = self.telemetry.anchor(*self.sign(segment, logger), sender=by)
        return receipt

    def policy(self, rules: Sequence[Rule] = RULES, **changes: Any) -> Policy:
        """The maker's first policy for the pallet, from now on."""
        policy = Policy(
            subject=self.pallet,
            setter=self.world.maker.number,
            version=1,
            start=self.world.now,
            max_interval=MAX_INTERVAL,
            max_silence=0,
            devices=[self.logger.id],
            words=[rule.word for rule in rules],
        )
        return policy._replace(**changes)

    def set(self, policy: Policy, sender: Sender | None = None) -> Policy:
        """Set a policy, by the maker unless somebody else is named."""
        self.conditions.setPolicy(policy, sender=sender or self.setter)
        return policy

    def judge(
        self, policy: Policy, segment: Segment, logger: Logger | None = None, sender: Sender | None = None
    ) -> Receipt:
        """By a stranger unless somebody else is named."""
        self.wait_for(segment)
        by = sender or self.world.stranger
        receipt: Receipt = self.conditions.judge(policy, *self.sign(segment, logger), sender=by)
        return receipt

    def standing(self, receipt: Receipt) -> Standing:
        """What a judgement says."""
        [judged] = self.conditions.events(receipt, "SegmentJudged")
        return Standing.of(judged["standing"])


class Course:
    """Segments of one logger under one policy; times are seconds after the policy's start."""

    def __init__(self, cold: ColdChain, rules: Sequence[Rule], **policy: Any) -> None:
        self.cold = cold
        self.policy: Policy = cold.set(cold.policy(rules, **policy))
        self.seq = 0
        self.ends: dict[int, int] = {}
        """Time of the last reading of each segment."""

    def judge(
        self, *readings: tuple[int, int], told: Sequence[Limit] | None = None, histogram: bool = False
    ) -> int:
        """Judge the next segment, which tells of these limits (all); the rules broken by now."""
        self.seq += 1
        start, limits = self.policy.start, self.policy.limits(TEMPERATURE) if told is None else told
        measured = [Reading(start + t, value) for t, value in readings]
        self.ends[self.seq] = measured[-1].time
        segment = self.cold.segment(measured, self.seq, limits, histogram=histogram)
        return self.cold.standing(self.cold.judge(self.policy, segment)).latched

    def breach(self, rule: int = 0) -> tuple[int, int, int, int]:
        """First crossing (after the start), extreme, time and segment; all zero without one."""
        breach = self.cold.conditions.breach(self.policy.id, self.cold.logger.id, TEMPERATURE, rule)
        if not any(breach):
            return 0, 0, 0, 0
        assert breach.until == self.ends[breach.seq]
        return breach.firstCrossing - self.policy.start, breach.extreme, breach.time, breach.seq

    def tally(self, rule: int = 0) -> tuple[int, int]:
        tally: tuple[int, int] = self.cold.conditions.tally(
            self.policy.id, self.cold.logger.id, TEMPERATURE, rule
        )
        return tally

    @property
    def track(self) -> Any:
        return self.cold.conditions.track(self.policy.id, self.cold.logger.id, TEMPERATURE)
