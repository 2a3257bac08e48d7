"""The chapter about a gateway that lies about a cold chain, and about who pays for it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from _telling import (
    DAY,
    GATEWAY,
    HOUR,
    TEMPERATURE,
    TREASURY,
    WATCHER,
    Company,
    StoryError,
    Teller,
    money,
    with_check_digit,
)

from goldthread.chain import eip712
from goldthread.chain.contracts import Contract
from goldthread.chain.devices import Curve, SoftKey
from goldthread.chain.segments import Segment, build, hash_of, node, to_json
from goldthread.chain.send import Sender
from goldthread.chain.summary_tree import Tree
from goldthread.chain.words import Duty, Kind, Purpose
from goldthread.gs1.links import twin_id
from goldthread.rules.cargo import ONE
from goldthread.rules.conditions import FALSIFIED, Policy
from goldthread.rules.readings import Reading
from goldthread.rules.templates import templates
from goldthread.watch import Archive, State, Watch, prove

BOND = 4_000 * 10**6
SUM_INSURED = 10_000 * 10**6
PREMIUM = 120 * 10**6


class Cold(Teller):
    """Tells of a crate of vaccine, a carrier's logger, and an insurer."""

    def cold(self) -> None:
        """The carrier's gateway hides a warm afternoon."""
        self.chapter("A gateway hides a warm afternoon, is caught, and pays")
        crate = self.crate()
        key, logger = self.reefer()
        policy = self.terms(crate, logger)
        cover = self.insure(crate, policy)
        self.vouch(logger)
        self.depart(crate, logger, cover)
        honest, lie, readings = self.record(crate, logger, key, policy)
        self.catch(honest, lie, readings, key)
        self.consequences(crate, logger, policy, lie, cover)

    def crate(self) -> bytes:
        """The maker registers a crate."""
        link = self.lumen.uri("00/" + with_check_digit("3" + self.lumen.prefix + "000000077"))
        commissioning = self.event("commissioning", [link], self.lumen)
        register = self.deployment.twins.register((link, 7, Kind.CONTAINER), commissioning)
        self.done(self.lumen, register, "Lumen registers a crate of vaccine")
        return twin_id(link)

    def reefer(self) -> tuple[SoftKey, bytes]:
        """The carrier's own logger, whose key is in the gateway of the truck."""
        devices, link = self.deployment.devices, self.polar.uri("8004/{p}REEFER3")
        key = SoftKey.generate(Curve.P256, self.deployment.manifest.address("ERC7913P256Verifier"))
        register = self.deployment.twins.register(
            (link, 7, Kind.ASSET), self.event("commissioning", [link], self.polar)
        )
        self.done(self.polar, register, "Polar registers the logger of a truck")
        enrol = devices.enrol(twin_id(link), key.signer, bytes(32))
        self.done(self.polar, enrol, "and enrols its key, which Polar keeps in the truck's gateway")
        return key, twin_id(link)

    def terms(self, crate: bytes, logger: bytes) -> Policy:
        """The owner's limits are those of the standard."""
        template = templates()["usp-2-to-8"]
        policy = Policy(
            crate, self.lumen.number, 1, self.now() + 60, HOUR, 3 * DAY, (logger,), template.rules
        )
        register = self.deployment.templates.register(template.name, template.version, template.words)
        self.done(self.lumen, register, f"Lumen registers the template {template.name}: {template.title}")
        set_policy = self.deployment.conditions.setPolicy(policy.to_contract())
        self.done(
            self.lumen,
            set_policy,
            "and sets its rules for the crate: mean temperature, spikes, frost",
        )
        return policy

    def pay_in(self, who: Company | Sender, spender: Contract, amount: int) -> None:
        """Tokens for somebody, and the allowance of a module."""
        sender = who.desk if isinstance(who, Company) else who
        for call in (self.token.mint(sender.address, amount), self.token.approve(spender.address, amount)):
            self.send(sender, call)

    def insure(self, crate: bytes, policy: Policy) -> dict[str, Any]:
        """The insurer signs a quote, the owner opens it."""
        insurance, chain = self.deployment.cargo_insurance, self.chain
        self.insurer = treasury = Sender.unlocked(chain, self.accounts[TREASURY])
        underwriter = SoftKey.generate(Curve.SECP256K1)
        self.pay_in(treasury, insurance, SUM_INSURED)
        self.pay_in(self.lumen, insurance, PREMIUM)
        named = self.deployment.consortium.setSigner(self.sound.number, underwriter.signer, Duty.FINANCE)
        for who, call in (
            (treasury, insurance.provideCapital(SUM_INSURED)),
            (treasury, insurance.setUnderwriter(underwriter.account, True)),
            (self.sound.desk, named),
        ):
            self.send(who, call)
        policy_id = self.deployment.conditions.policyIdOf(crate, self.lumen.number)
        now = self.now()
        shipment = {
            "holder": self.lumen.desk.address,
            "treasury": treasury.address,
            "subject": crate,
            "setter": self.lumen.number,
            "conditions": self.deployment.conditions.policyHash(policy_id),
            "carrier": self.polar.number,
            "consignee": self.harbor.number,
            "latestStart": now + DAY,
            "latestEnd": now + 7 * DAY,
            "claimWindow": 30 * DAY,
            "sumInsured": SUM_INSURED,
            "premium": PREMIUM,
            "franchise": 0,
            "deductible": 500 * 10**6,
            "rejectShare": ONE,
            "recallShare": 0,
            "recallClass": 0,
            "recaller": 0,
            "deadline": now + HOUR,
            "salt": hashlib.sha256(b"the story's shipment").digest(),
        }
        # The mean above 8 °C is worth half; frost, a spike above 15 °C or a lie of the logger all of it.
        rows = ((0, 500_000), (1, ONE), (3, ONE), (FALSIFIED, ONE))
        quote = {
            "shipment": shipment,
            "table": [{"rule": rule, "beyond": 0, "time": 0, "share": share} for rule, share in rows],
        }
        where = eip712.domain("CargoInsurance", chain.id, insurance.address)
        signature = underwriter.sign(eip712.digest("CargoQuote", where, quote))
        opened = insurance.openPolicy(eip712.as_tuple("CargoQuote", quote), underwriter.signer, signature)
        self.done(self.lumen, opened, f"Sound Mutual insures the crate for {money(SUM_INSURED)}")
        return quote

    def vouch(self, logger: bytes) -> None:
        """The carrier puts money behind its logger."""
        challenges = self.deployment.challenges
        self.pay_in(self.polar, challenges, BOND)
        bond = challenges.bond(logger, BOND, self.insurer.address, 5 * 10**6)
        self.done(self.polar, bond, f"Polar vouches for its logger with {money(BOND)}")

    def depart(self, crate: bytes, logger: bytes, cover: dict[str, Any]) -> None:
        """Custody passes to the carrier; the trip begins."""
        twins, link = self.deployment.twins, self.lumen.uri("00/vaccine")
        shipping = self.event("shipping", [link], self.lumen, stays=False)
        offer = twins.offer(crate, self.polar.number, Purpose.TRANSPORT, self.now() + DAY, shipping)
        self.done(self.lumen, offer, "Lumen ships the crate")
        receiving = self.event("receiving", [link], self.polar)
        self.done(
            self.polar, twins.accept(crate, twins.head(crate), receiving), "Polar takes it into custody"
        )
        self.done(self.polar, self.deployment.devices.attach(logger, crate), "and attaches its logger")
        begin = self.deployment.cargo_insurance.begin(eip712.as_tuple("CargoQuote", cover))
        self.done(self.insurer, begin, "the insured trip begins")

    def record(
        self, crate: bytes, logger: bytes, key: SoftKey, policy: Policy
    ) -> tuple[Segment, Segment, dict[int, list[Reading]]]:
        """One true day, and one on which the cooling failed for an afternoon."""
        start = max(policy.start, self.now()) + HOUR
        calm = [500 + (hour * 7) % 40 for hour in range(48)]
        warm = {28: 900, 29: 1340, 30: 1610, 31: 1580, 32: 1120, 33: 760}
        readings = [Reading(start + hour * HOUR, warm.get(hour, value)) for hour, value in enumerate(calm)]
        (first, day_one), (second, day_two) = build(
            readings,
            device=logger,
            subject=crate,
            quantity=TEMPERATURE.number,
            limits=policy.limits(TEMPERATURE.number),
            max_interval=policy.max_interval,
            most=24,
            histogram=True,
        )
        lie = calmed(second, day_two)
        where = eip712.domain("Telemetry", self.chain.id, self.deployment.telemetry.address)
        gateway = Sender.unlocked(self.chain, self.accounts[GATEWAY])
        for segment, text in (
            (first, "day 1, as the logger measured it, is anchored and judged: all is well"),
            (
                lie,
                "day 2 had 16.1 °C, its signed summary says 5.4 °C at most: all is well",
            ),
        ):
            self.wait_until(segment.summary.to + 60)
            signature = key.sign(segment.digest(where))
            judge = self.deployment.conditions.judge(
                policy.to_contract(), segment.to_contract(), key.signer, signature
            )
            self.done(gateway, judge, text)
        return first, lie, {first.seq: day_one, lie.seq: day_two}

    def catch(self, honest: Segment, lie: Segment, readings: dict[int, list[Reading]], key: SoftKey) -> None:
        """A watcher makes every segment again from its readings."""
        watcher = Sender.unlocked(self.chain, self.accounts[WATCHER])
        where = eip712.domain("Telemetry", self.chain.id, self.deployment.telemetry.address)
        with TemporaryDirectory() as folder:
            entries = []
            for segment in (honest, lie):
                entry = to_json(segment, readings[segment.seq])
                entry["signature"] = f"0x{key.sign(segment.digest(where)).hex()}"
                entries.append(entry)
            document = {
                "schema": 2,
                "segments": entries,
                "signer": f"0x{key.signer.hex()}",
                "domain": where.to_json(),
            }
            (Path(folder) / "archive.json").write_text(json.dumps(document))
            archive = Archive.read(Path(folder), where)
        telemetry = self.deployment.telemetry.address
        state = State(Path("unused"), telemetry, self.deployment.manifest.start_block)
        watch = Watch(self.deployment, state, keep=False)
        own = [f for f in watch.run(archive, self.chain.block_number()) if f.segment is not None]
        if [str(finding.verdict) for finding in own] != ["true", "false"]:
            raise StoryError(f"the watcher found {[str(f.verdict) for f in own]}")
        if not prove(self.deployment, watcher, own[1]):
            raise StoryError("the lie was known before")
        self.transactions += 2
        won = self.deployment.challenges.creditOf(watcher.address)
        self.say("a watcher makes both days again from the archive: the second one lies")
        self.say(f"the proof ends the logger's key, and gives the watcher {money(won)} of Polar's bond")
        withdraw = self.deployment.challenges.withdrawCredit()
        self.done(watcher, withdraw, "who withdraws them")
        self.done(self.insurer, withdraw, f"and the insurer the other {money(BOND - won)}")

    def consequences(
        self,
        crate: bytes,
        logger: bytes,
        policy: Policy,
        lie: Segment,
        cover: dict[str, Any],
    ) -> None:
        """The crate is held, and the owner is paid."""
        conditions, insurance = self.deployment.conditions, self.deployment.cargo_insurance
        watcher = Sender.unlocked(self.chain, self.accounts[WATCHER])
        judged = conditions.judgeFalsified(policy.to_contract(), lie.to_contract())
        self.done(
            watcher, judged, "day 2 is judged again, as the worst that it may have been: the crate is held"
        )
        twins = self.deployment.twins
        shipping = self.event("shipping", [self.lumen.uri("00/vaccine")], self.polar, stays=False)
        self.refused(
            self.polar,
            twins.offer(crate, self.harbor.number, Purpose.TRANSPORT, self.now() + DAY, shipping),
            "Blocked",
            "Polar delivers it all the same",
        )
        arguments = eip712.as_tuple("CargoQuote", cover)
        claim = insurance.claimBreach(arguments, policy.to_contract(), logger, TEMPERATURE.number, FALSIFIED)
        self.done(watcher, claim, "anyone proves the loss to the insurance, for Lumen")
        self.done(self.insurer, insurance.settle(arguments), "nothing higher can come: the policy is settled")
        paid = insurance.creditOf(self.lumen.desk.address)
        expected = SUM_INSURED - cover["shipment"]["deductible"]
        if paid != expected:
            raise StoryError(f"the insurance pays {paid}, expected {expected}")
        self.done(self.lumen, insurance.withdrawCredit(), f"Lumen withdraws {money(paid)}")
        self.results.append(("lying gateway", f"bond of {money(BOND)} lost, key ended, crate held"))
        self.results.append(("cargo insurance", f"{money(paid)} of {money(SUM_INSURED)} paid"))


def calmed(segment: Segment, readings: Sequence[Reading]) -> Segment:
    """A summary that says it was never warm, over a tree of the true readings."""
    s, most = segment.summary, 540
    calm: Counter[int] = Counter()
    for vertex, weight in s.histogram or ():
        calm[min(vertex, most // 100)] += weight
    hidden = sum(max(0, reading.value - most) for reading in readings)
    summary = replace(s, max=most, sum=s.sum - hidden, excursions=(), histogram=tuple(sorted(calm.items())))
    false = replace(segment, summary=summary, root=bytes(32))
    tree = Tree(readings, false.shape)
    children = [tree.hash_at(tree.height - 1, side) for side in (0, 1)]
    return replace(false, root=node(children[0], children[1], hash_of(false.words())))
