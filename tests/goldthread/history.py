"""Random histories: every function of every contract, called with whatever may or may not fit."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from goldthread.chain import eip712
from goldthread.chain.devices import SoftKey
from goldthread.chain.segments import build
from goldthread.rules.conditions import Kind as RuleKind
from goldthread.rules.conditions import Limit, Policy, Rule
from goldthread.rules.readings import Reading
from tests.support import Counters, Reverted
from tests.support.drive import TERMS, USD, Drive, Quote
from tests.support.nodes import Account
from tests.support.words import Duty, Kind, Role
from tests.support.world import DAY, MAKER_PREFIX, Org, World, asset, person, sscc, uri

TEMPERATURE = 1
LIMITS = (Limit(False, 200), Limit(True, 800))


class History:
    """A world in which things happen at random; `counters` counts what succeeded."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.random = random
        self.counters = Counters()
        self.things: list[bytes] = []
        self.parts: list[bytes] = []
        self.containers: list[bytes] = []
        self.loggers: list[tuple[bytes, SoftKey]] = []
        self.held: list[tuple[bytes, Org, bytes]] = []
        self.segments: dict[tuple[bytes, bytes], int] = {}
        self.policies: dict[tuple[bytes, int], Policy] = {}
        self.serial = 0
        self.drive = Drive.create(world.node)
        self.quotes: list[Quote] = []
        world.consortium.admit(
            "rules", person("rules admin"), Role.REGULATOR, bytes(32), 0, sender=world.governor
        )
        number = world.consortium.organisationCount()
        admin = person("rules admin")
        world.consortium.setAccount(number, world.conditions.address, Duty.QUALITY, sender=admin)
        for kind in (Kind.PART, Kind.CONTAINER, Kind.PART, Kind.CONTAINER, Kind.ASSET):
            self.new_thing(kind)
        self.new_logger()

    def run(self, steps: int) -> None:
        """That many actions, or attempts at one."""
        actions: list[Callable[[], Any]] = [
            getattr(self, name) for name in sorted(dir(self)) if name.startswith("do_")
        ]
        for _ in range(steps):
            action = self.random.choice(actions)
            try:
                action()
            except Reverted:
                continue
            self.counters.hit(action.__name__.removeprefix("do_"))
            self.world.node.warp(self.random.choice((1, 60, 1000)))

    # -------------------------------------------------------------------------------------------- consortium

    def do_admit(self) -> None:
        world, random = self.world, self.random
        roles = random.randrange(1 << 11)
        licence, expiry = random.choice(((bytes(32), 0), (random.randbytes(32), world.now + 400 * DAY)))
        name = f"firm {random.randrange(100)}"
        world.consortium.admit(name, person(name), roles, licence, expiry, sender=world.governor)

    def do_govern(self) -> None:
        world, random = self.world, self.random
        count = world.consortium.organisationCount()
        org = random.randint(10, count) if count >= 10 else 1
        match random.randrange(4):
            case 0:
                world.consortium.setRoles(org, random.randrange(1 << 11), sender=world.governor)
            case 1:
                world.consortium.setLicence(org, random.randbytes(32), 0, sender=world.governor)
            case 2:
                world.consortium.setSuspended(org, random.random() < 0.5, sender=world.governor)
            case _:
                text = random.choice(("4012345", "urn:cage:1ABC2:", "https://acme.example/"))
                world.consortium.assignNamespace(text, random.choice((0, org)), sender=world.governor)

    def do_delegate(self) -> None:
        from goldthread.hashing import keccak

        org = self.random.choice(self.world.orgs)
        maker = self.world.maker
        self.world.consortium.delegateNamespace(
            keccak(MAKER_PREFIX.encode()), org.number, self.world.now + DAY, sender=maker.admin
        )

    def do_change_admin(self) -> None:
        org = self.world.service
        candidate = person(f"candidate {self.random.randrange(3)}")
        admin = self.world.consortium.organisation(org.number).admin
        self.world.consortium.offerAdmin(org.number, candidate, sender=admin)
        if self.random.random() < 0.5:
            self.world.consortium.acceptAdmin(org.number, sender=candidate)

    def do_release_account(self) -> None:
        helper = person(f"helper {self.random.randrange(4)}")
        self.world.consortium.releaseAccount(helper, sender=self.world.governor)

    def do_accounts(self) -> None:
        org = self.random.choice(self.world.orgs[:3])
        duties = self.random.choice((0, 1, 0xFF))
        if self.random.random() < 0.5:
            self.world.hire(org, bytes(20) + self.random.randbytes(64), duties)
        else:
            self.world.hire(org, person(f"helper {self.random.randrange(4)}"), duties)

    # ------------------------------------------------------------------------------------------------- twins

    def new_thing(self, kind: Kind) -> bytes:
        self.serial += 1
        number = str(self.serial)
        text = {Kind.PART: uri, Kind.CONTAINER: sscc, Kind.ASSET: asset}[kind](number)
        thing = self.world.register(text, kind)
        self.things.append(thing)
        if kind is not Kind.ASSET:
            self.parts.append(thing)
        if kind is Kind.CONTAINER:
            self.containers.append(thing)
        return thing

    def do_register(self) -> None:
        self.new_thing(self.random.choice((Kind.PART, Kind.PART, Kind.CONTAINER)))

    def do_register_many(self) -> None:
        from tests.support.world import Registration, twin_id

        texts = [uri(f"m{self.serial}x{i}") for i in range(self.random.randint(1, 3))]
        self.serial += 1
        items = [Registration(text) for text in texts]
        self.world.twins.registerMany(items, self.world.ref(), sender=self.world.maker.register)
        self.things += map(twin_id, texts)
        self.parts += map(twin_id, texts)

    def thing(self) -> bytes:
        return self.random.choice(self.parts)

    def holder(self, thing: bytes) -> Org:
        return self.org(self.world.twins.custodianOf(thing))

    def org(self, number: int) -> Org:
        return self.world.orgs[number - 1]

    def other(self) -> Org:
        return self.random.choice(self.world.orgs)

    def do_offer(self) -> None:
        thing = self.thing()
        purpose = self.random.choice((0, 0, 0, 1, 2, 3))
        deadline = self.world.now + self.random.choice((30, DAY))
        giver, ref = self.holder(thing), self.world.ref("shipping", leaves=True)
        self.world.twins.offer(thing, self.other().number, purpose, deadline, ref, sender=giver.all)

    def _offered(self) -> tuple[bytes, Any]:
        things = [(thing, self.world.twins.twin(thing)) for thing in self.parts]
        open_ = [item for item in things if item[1].pendingTo]
        if not open_:
            raise Reverted("NoOffer")
        return self.random.choice(open_)

    def do_accept(self) -> None:
        thing, facts = self._offered()
        taker, head = self.org(facts.pendingTo), self.world.twins.head(thing)
        if self.random.random() < 0.3:
            self.world.twins.acceptWithExceptions(thing, head, 0b101, self.world.ref(), sender=taker.all)
        else:
            self.world.twins.accept(thing, head, self.world.ref("receiving"), sender=taker.all)

    def do_decline(self) -> None:
        thing, facts = self._offered()
        self.world.twins.decline(thing, self.world.ref(), sender=self.org(facts.pendingTo).all)

    def do_cancel(self) -> None:
        thing, facts = self._offered()
        self.world.twins.cancel(thing, self.world.ref(), sender=self.org(facts.holder).all)

    def do_reclaim(self) -> None:
        thing, facts = self._offered()
        self.world.twins.reclaim(thing, self.world.ref(), sender=self.org(facts.holder).all)

    def do_hand_over(self) -> None:
        thing = self.thing()
        giver, taker = self.holder(thing), self.other()
        ref = self.world.ref("receiving")
        message = {
            "twin": thing,
            "head": self.world.twins.head(thing),
            "from": giver.number,
            "to": taker.number,
            "purpose": 0,
            "exceptions": self.random.choice((0, 2)),
            "ref": {
                "eventHash": ref.event_hash,
                "docHash": ref.doc_hash,
                "readPoint": ref.read_point,
                "bizLocation": ref.biz_location,
                "stamp": ref.stamp,
            },
            "deadline": self.world.now + DAY,
        }
        where = eip712.domain("Twins", self.world.node.chain_id, self.world.twins.address)
        key = SoftKey.secp256k1(taker.all.key)
        signature = key.sign(eip712.digest("Receipt", where, message))
        receipt = eip712.as_tuple("Receipt", message)
        self.world.twins.handOver(receipt, key.signer, signature, sender=giver.all)

    def do_pack(self) -> None:
        container = self.random.choice(self.containers)
        org = self.holder(container)
        mine = [
            thing
            for thing in self.parts
            if thing != container and self.world.twins.twin(thing).holder == org.number
        ]
        things = self.random.sample(mine, min(len(mine), self.random.randint(1, 3)))
        self.world.pack(container, things, org)

    def _packed(self) -> tuple[bytes, bytes]:
        inside = [(t, self.world.twins.containerOf(t)) for t in self.parts]
        packed = [(thing, container) for thing, container in inside if container != bytes(32)]
        if not packed:
            raise Reverted("NotInContainer")
        return self.random.choice(packed)

    def do_unpack(self) -> None:
        _, container = self._packed()
        inside = [t for t in self.parts if self.world.twins.containerOf(t) == container]
        things = self.random.sample(inside, self.random.randint(1, len(inside)))
        org = self.holder(container)
        self.world.twins.unpack(container, things, self.world.ref(), sender=org.all)

    def do_hold(self) -> None:
        thing, org = self.thing(), self.world.regulator
        if self.random.random() < 0.5:
            org = self.org(self.world.twins.ownerOf(thing))
        reason = self.random.choice((b"\1", b"\2")) * 32
        self.world.hold(thing, reason, org)
        self.held.append((thing, org, reason))

    def do_release(self) -> None:
        if not self.held:
            raise Reverted("NoSuchHold")
        thing, org, reason = self.random.choice(self.held)
        self.world.twins.release(thing, org.number, reason, self.world.ref(), sender=org.all)

    def do_offer_title(self) -> None:
        thing = self.thing()
        owner = self.org(self.world.twins.ownerOf(thing))
        deadline = self.world.now + DAY
        ref = self.world.ref()
        self.world.twins.offerTitle(thing, self.other().number, deadline, ref, sender=owner.all)

    def _title_offered(self) -> tuple[bytes, Org]:
        offers = [(thing, self.world.twins.titleOffer(thing).to) for thing in self.parts]
        open_ = [(thing, to) for thing, to in offers if to]
        if not open_:
            raise Reverted("NoOffer")
        thing, to = self.random.choice(open_)
        return thing, self.org(to)

    def do_accept_title(self) -> None:
        thing, org = self._title_offered()
        self.world.twins.acceptTitle(thing, self.world.ref(), sender=org.all)

    def do_cancel_title(self) -> None:
        thing, org = self._title_offered()
        self.world.twins.cancelTitle(thing, self.world.ref(), sender=org.all)

    def do_retire(self) -> None:
        thing = self.thing() if self.random.random() < 0.5 else self._packed()[0]
        end = self.random.randint(1, 5)
        self.world.twins.retire(thing, end, self.world.ref(), sender=self.holder(thing).all)

    # ----------------------------------------------------------------------------- devices, readings, limits

    def new_logger(self) -> None:
        device = self.new_thing(Kind.ASSET)
        key = SoftKey.secp256k1(self.random.randbytes(32))
        admin = self.world.maker.device_admin
        self.world.devices.enrol(device, key.signer, bytes(32), sender=admin)
        self.loggers.append((device, key))

    def do_enrol(self) -> None:
        if len(self.loggers) > 2:
            raise Reverted("Enough")
        self.new_logger()

    def do_rotate_key(self) -> None:
        place = self.random.randrange(len(self.loggers))
        device, _ = self.loggers[place]
        key = SoftKey.secp256k1(self.random.randbytes(32))
        self.world.devices.rotateKey(device, key.signer, sender=self.world.maker.device_admin)
        self.loggers[place] = (device, key)

    def do_revoke(self) -> None:
        if self.random.random() < 0.8:
            raise Reverted("Seldom")
        device, key = self.random.choice(self.loggers)
        self.world.devices.revoke(device, self.random.randbytes(32), sender=self.world.maker.device_admin)
        self.loggers.remove((device, key))
        self.new_logger()

    def do_attach(self) -> None:
        device, _ = self.random.choice(self.loggers)
        subject = self.thing()
        self.world.devices.attach(device, subject, sender=self.world.maker.device_admin)

    def do_detach(self) -> None:
        if self.random.random() < 0.8:
            raise Reverted("Seldom")
        device, _ = self.random.choice(self.loggers)
        self.world.devices.detach(device, sender=self.world.maker.device_admin)

    def _attached(self) -> tuple[bytes, SoftKey, bytes]:
        found = [(d, key, self.world.devices.subjectOf(d)) for d, key in self.loggers]
        attached = [item for item in found if item[2] != bytes(32)]
        if not attached:
            raise Reverted("NotAttached")
        return self.random.choice(attached)

    def do_set_policy(self) -> None:
        _, _, subject = self._attached()
        if any(s == subject for s, _ in self.policies) and self.random.random() < 0.7:
            raise Reverted("Seldom")
        setter = self.org(self.world.twins.ownerOf(subject)) if self.random.random() < 0.7 else self.other()
        identifier = self.world.conditions.policyIdOf(subject, setter.number)
        version = self.world.conditions.policyState(identifier).version + 1
        rules = (
            Rule(RuleKind.INSTANT, TEMPERATURE, Limit(True, 800), 0, 2),
            Rule(RuleKind.CONSECUTIVE, TEMPERATURE, Limit(True, 800), 300, 2),
            Rule(RuleKind.CUMULATIVE, TEMPERATURE, Limit(False, 200), 300, 1),
            Rule(RuleKind.GAP, TEMPERATURE, Limit(False, 0), 3000, 3),
            Rule(RuleKind.CUMULATIVE, TEMPERATURE, Limit(True, 800), 900, 1),
            Rule(RuleKind.BAND_BUDGET, TEMPERATURE, Limit(True, 200), 600, 2, 800),
            Rule(RuleKind.COUNT, TEMPERATURE, Limit(True, 800), 3, 2),
            Rule(RuleKind.MKT, TEMPERATURE, Limit(True, 600), 600, 2),
            Rule(RuleKind.MKT, TEMPERATURE, Limit(True, 600), 2400, 2, 1),
            Rule(RuleKind.SEQUENCE, TEMPERATURE, Limit(False, 1), 0, 1),
        )
        chosen = tuple(self.random.sample(rules, self.random.randint(1, 8)))
        devices = tuple(device for device, _ in self.loggers[-8:])
        policy = Policy(
            subject,
            setter.number,
            version,
            self.world.now,
            120,
            self.random.choice((0, 3600)),
            devices,
            chosen,
        )
        self.world.conditions.setPolicy(policy.to_contract(), sender=setter.quality)
        self.policies[subject, setter.number] = policy

    def do_close_policy(self) -> None:
        if self.random.random() < 0.8:
            raise Reverted("Seldom")
        subject, setter = self.random.choice(sorted(self.policies) or [(bytes(32), 1)])
        self.world.conditions.closePolicy(subject, sender=self.org(setter).quality)

    def _segment(self, device: bytes, key: SoftKey, subject: bytes) -> tuple[Any, bytes]:
        stream = self.world.telemetry.stream(device, subject, TEMPERATURE)
        since = self.world.devices.attachment(device, subject).since
        count = self.random.randint(1, 5)
        start = max(stream.to + self.random.choice((1, 60, 2000)), since, self.world.now)
        times = [start + 60 * i for i in range(count)]
        self.world.node.timestamp = max(self.world.now, times[-1])
        readings = [Reading(time, self.random.choice((150, 400, 500, 850))) for time in times]
        (segment, _), *_ = build(
            readings,
            device=device,
            subject=subject,
            quantity=TEMPERATURE,
            limits=LIMITS,
            first_seq=stream.seq + 1,
            histogram=self.random.random() < 0.5,
        )
        where = eip712.domain("Telemetry", self.world.node.chain_id, self.world.telemetry.address)
        return segment.to_contract(), key.sign(segment.digest(where))

    def do_anchor(self) -> None:
        device, key, subject = self._attached()
        segment, signature = self._segment(device, key, subject)
        self.world.telemetry.anchor(segment, key.signer, signature, sender=self.world.stranger)

    def do_judge(self) -> None:
        device, key, subject = self._attached()
        fitting = [policy for (s, _), policy in sorted(self.policies.items()) if s == subject]
        if not fitting:
            raise Reverted("NotInForce")
        policy = self.random.choice(fitting).to_contract()
        segment, signature = self._segment(device, key, subject)
        self.world.conditions.judge(policy, segment, key.signer, signature, sender=self.world.stranger)

    def do_mark_silent(self) -> None:
        if not self.policies:
            raise Reverted("NotInForce")
        policy = self.policies[self.random.choice(sorted(self.policies))]
        device = self.random.choice(policy.devices)
        sender: Account = self.world.stranger
        self.world.conditions.markSilent(policy.to_contract(), device, TEMPERATURE, sender=sender)

    def do_dispose(self) -> None:
        if not self.policies:
            raise Reverted("NoOpenBreach")
        subject, setter = self.random.choice(sorted(self.policies))
        disposition = self.random.choice((1, 1, 1, 2, 3))
        record = self.random.randbytes(32)
        identifier = self.world.conditions.policyIdOf(subject, setter)
        seen = self.world.conditions.policyState(identifier).breaches
        owner = self.org(self.world.twins.ownerOf(subject))
        sender = self.random.choice((self.org(setter), owner, self.world.regulator)).all
        self.world.conditions.dispose(subject, setter, disposition, seen, record, sender=sender)

    # --------------------------------------------------------------------------------------------- insurance

    def do_open_policy(self) -> None:
        if len(self.quotes) > 3 and self.random.random() < 0.8:
            raise Reverted("Enough")
        windows = {"reportWindow": 600, "disputeWindow": 600, "arbitrationWindow": 600, "noticePeriod": 1800}
        windows |= {"claimWindow": 7200, "decisionWindow": 600}
        terms = TERMS._replace(period=3600)._asdict()
        end = self.world.now + self.random.choice((7200, 30 * DAY))
        quote = self.drive.quote(**terms, **windows, end=end)
        self.drive.open(quote, self.random.choice((1, 2, 5)) * quote.terms.maximum)
        self.quotes.append(quote)

    def _quote(self) -> Quote:
        if not self.quotes:
            raise Reverted("UnknownPolicy")
        return self.random.choice(self.quotes[-4:])

    def do_deposit(self) -> None:
        self.drive.insurance.deposit(self._quote(), 200 * USD, sender=self.drive.holder)

    def do_withdraw(self) -> None:
        quote = self._quote()
        most = self.drive.insurance.withdrawable(quote)
        self.drive.insurance.withdraw(quote, self.random.randint(1, max(most, 1)), sender=self.drive.holder)

    def do_report(self) -> None:
        quote = self._quote()
        usage = self.drive.usage(quote)
        self.world.node.timestamp = max(self.world.now, usage.to)
        driven = self.random.randrange(100_000)
        self.drive.report(
            quote, odometer=usage.odometer + driven, night=driven // 3, brakes=self.random.randrange(9)
        )

    def do_dispute(self) -> None:
        self.drive.insurance.dispute(self._quote(), self.random.randbytes(32), sender=self.drive.holder)

    def do_resolve(self) -> None:
        counters = (self.random.randrange(1000), 0, 0, 0, 0, 0, 0)
        insurance, quote = self.drive.insurance, self._quote()
        last, reported = (
            view(self.drive.id(quote)).odometer for view in (insurance.policyOf, insurance.reportOf)
        )
        odometer = self.random.randint(last, max(last, reported))
        insurance.resolve(quote, odometer, counters, bytes(32), sender=self.drive.arbiter)

    def do_settle(self) -> None:
        self.world.node.warp(self.random.choice((0, 601)))
        self.drive.insurance.settle(self._quote(), sender=self.drive.keeper)

    def do_settle_default(self) -> None:
        self.world.node.warp(self.random.choice((0, 601)))
        self.drive.insurance.settleDefault(self._quote(), sender=self.drive.keeper)

    def do_reinstate(self) -> None:
        quote = self._quote()
        odometer = self.drive.insurance.policyOf(self.drive.id(quote)).odometer + self.random.randrange(
            10_000
        )
        self.drive.reinstate(quote, 300 * USD, odometer)

    def do_cancel_policy(self) -> None:
        if self.random.random() < 0.7:
            raise Reverted("Seldom")
        sender = self.random.choice((self.drive.holder, self.drive.underwriter, self.drive.treasury))
        self.drive.insurance.cancel(self._quote(), sender=sender)

    def do_claim(self) -> None:
        stretch = self.drive.insurance.policyOf(self.drive.id(quote := self._quote())).stretch
        amount = self.random.randint(1, 5000) * USD
        arguments = (quote, stretch, self.world.now - self.random.randrange(100), amount, bytes(32))
        self.drive.insurance.submitClaim(*arguments, sender=self.drive.holder)

    def _claim(self) -> tuple[Quote, int]:
        quote = self._quote()
        claims = self.drive.insurance.policyOf(self.drive.id(quote)).claims
        return quote, self.random.randint(1, max(claims, 1))

    def do_decide_claim(self) -> None:
        quote, claim = self._claim()
        sender = self.random.choice((self.drive.underwriter, self.drive.arbiter))
        approved = self.random.choice((0, 1, 3000 * USD))
        self.drive.insurance.decideClaim(quote, claim, approved, bytes(32), sender=sender)

    def do_appeal_claim(self) -> None:
        self.drive.insurance.appealClaim(*self._claim(), bytes(32), sender=self.drive.holder)

    def do_pay_claim(self) -> None:
        self.drive.insurance.payClaim(*self._claim(), sender=self.drive.keeper)

    def do_release_capital(self) -> None:
        sender = self.random.choice((self.drive.keeper, self.drive.treasury))
        self.drive.insurance.release(self._quote(), sender=sender)

    def do_capital(self) -> None:
        match self.random.randrange(4):
            case 0:
                self.drive.insurance.provideCapital(
                    self.random.randrange(1, 10**9), sender=self.drive.treasury
                )
            case 1:
                self.drive.insurance.withdrawCapital(
                    self.random.randrange(1, 10**9), sender=self.drive.treasury
                )
            case 2:
                self.drive.insurance.withdrawCredit(sender=self.drive.holder)
            case _:
                allowed = self.random.random() < 0.5
                self.drive.insurance.setUnderwriter(person("second"), allowed, sender=self.drive.treasury)
