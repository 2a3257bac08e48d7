"""The chapters about things: parts, a pallet, a logger, and what becomes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from _telling import DAY, GATEWAY, HOUR, TEMPERATURE, StoryError, Teller, gtin, with_check_digit
from rich.progress import Progress

from goldthread.chain import eip712
from goldthread.chain.devices import Curve, SoftKey
from goldthread.chain.segments import Segment, build
from goldthread.chain.send import Sender
from goldthread.chain.summary_tree import Tree
from goldthread.chain.words import (
    Cause,
    Disposition,
    Duty,
    EndOfLife,
    Exceptions,
    Kind,
    Purpose,
)
from goldthread.gs1.links import twin_id
from goldthread.rules.conditions import Kind as RuleKind
from goldthread.rules.conditions import Limit, Policy, Rule
from goldthread.rules.readings import Reading


class Goods(Teller):
    """Tells of parts, a pallet and a logger."""

    # -------------------------------------------------------------------------------------------------- parts

    def parts(self) -> list[str]:
        """Suppliers register parts and deliver them to the maker; returns their links."""
        self.chapter("Suppliers make parts, and nobody else can claim to have made them")
        twins = self.deployment.twins
        links = []
        for supplier, reference in ((self.cascade, "00101"), (self.rainier, "00202")):
            own = [supplier.uri(gtin(supplier.prefix, reference) + f"/21/{n}") for n in range(1001, 1004)]
            items = [(uri, 7, Kind.PART) for uri in own]
            event = self.event("commissioning", own, supplier)
            self.done(supplier, twins.registerMany(items, event), f"{supplier.name} registers 3 parts")
            links += own
        genuine = links[0]
        copy = self.event("commissioning", [genuine], self.rainier)
        self.refused(
            self.rainier,
            twins.register((genuine.replace("1001", "9999"), 7, Kind.PART), copy),
            "NotNamespaceOwner",
            "Rainier registers a counterfeit under Cascade's prefix",
        )
        self.refused(
            self.cascade,
            twins.register((genuine, 7, Kind.PART), copy),
            "AlreadyRegistered",
            "a serial number is registered twice",
        )
        deadline = self.now() + 3 * DAY
        for link in links:
            supplier = self.cascade if link in links[:3] else self.rainier
            id_ = twin_id(link)
            for who, call in (
                (
                    supplier,
                    twins.offer(
                        id_,
                        self.lumen.number,
                        Purpose.TRANSPORT,
                        deadline,
                        self.event("shipping", [link], supplier, stays=False),
                    ),
                ),
                (
                    supplier,
                    twins.offerTitle(
                        id_,
                        self.lumen.number,
                        deadline,
                        self.event("shipping", [link], supplier, stays=False),
                    ),
                ),
            ):
                self.send(who, call)
        self.say("both suppliers ship to Lumen and offer title")
        self.refused(
            self.polar,
            twins.accept(twin_id(genuine), bytes(32), self.event("receiving", [genuine], self.polar)),
            "NotOfferedTo",
            "Polar accepts parts that were offered to Lumen",
        )
        for link in links:
            receiving = self.event("receiving", [link], self.lumen)
            for call in (
                twins.accept(twin_id(link), twins.head(twin_id(link)), receiving),
                twins.acceptTitle(twin_id(link), receiving),
            ):
                self.send(self.lumen, call)
        self.say("Lumen accepts custody of 6 parts and title to them")
        return links

    def pallet(self, parts: Sequence[str]) -> str:
        """The maker packs the parts on a pallet."""
        twins = self.deployment.twins
        link = self.lumen.uri("00/" + with_check_digit("3" + self.lumen.prefix + "000000042"))
        self.done(
            self.lumen,
            twins.register((link, 7, Kind.CONTAINER), self.event("commissioning", [link], self.lumen)),
            "Lumen registers a pallet",
        )
        ids = [twin_id(part) for part in parts]
        packing = self.event("packing", parts, self.lumen)
        self.done(
            self.lumen, twins.pack(twin_id(link), ids, packing), f"and packs the {len(ids)} parts on it"
        )
        self.refused(
            self.lumen,
            twins.offer(ids[0], self.polar.number, Purpose.TRANSPORT, self.now() + DAY, packing),
            "IsPacked",
            "a part is shipped without its pallet",
        )
        return link

    # ------------------------------------------------------------------------------------------------ journey

    def logger(self, pallet: str) -> tuple[bytes, SoftKey]:
        """A P-256 logger is enrolled and attached to the pallet."""
        self.chapter("The pallet travels with a logger that signs what it measures")
        devices = self.deployment.devices
        link = self.lumen.uri("8004/{p}LOGGER7")
        device = twin_id(link)
        key = SoftKey.generate(Curve.P256, self.deployment.manifest.address("ERC7913P256Verifier"))
        register = self.deployment.twins.register(
            (link, 7, Kind.ASSET), self.event("commissioning", [link], self.lumen)
        )
        self.done(self.lumen, register, "Lumen registers the logger as a device of its own")
        self.done(self.lumen, devices.enrol(device, key.signer, bytes(32)), "enrols its P-256 key")
        self.done(self.lumen, devices.attach(device, twin_id(pallet)), "and attaches it to the pallet")
        return device, key

    def policy(self, pallet: str, logger: bytes) -> Policy:
        """The owner's limits: 2 to 8 degrees."""
        rules = (
            Rule(RuleKind.CONSECUTIVE, 1, Limit(True, 800), 10 * HOUR, 2),
            Rule(RuleKind.CUMULATIVE, 1, Limit(True, 800), 24 * HOUR, 3),
            Rule(RuleKind.CONSECUTIVE, 1, Limit(False, 200), HOUR, 3),
            Rule(RuleKind.GAP, 1, Limit(False, 0), 6 * HOUR, 1),
        )
        start = self.now() + 60
        policy = Policy(twin_id(pallet), self.lumen.number, 1, start, HOUR + 300, 3 * DAY, (logger,), rules)
        self.done(
            self.lumen,
            self.deployment.conditions.setPolicy(policy.to_contract()),
            "Lumen sets the limits: 8 °C for 10 h at a time or 24 h in all, 2 °C for 1 h, no gaps over 6 h",
        )
        return policy

    def journey(self, pallet: str, logger: bytes, key: SoftKey, policy: Policy) -> None:
        """The carrier takes the pallet; the logger reports; a limit is broken, and quality decides."""
        twins, conditions = self.deployment.twins, self.deployment.conditions
        id_ = twin_id(pallet)
        shipping = self.event("shipping", [pallet], self.lumen, stays=False)
        offer = twins.offer(id_, self.polar.number, Purpose.TRANSPORT, self.now() + DAY, shipping)
        self.done(self.lumen, offer, "Lumen ships the pallet and everything on it")
        self.refused(
            self.harbor,
            twins.accept(id_, twins.head(id_), self.event("receiving", [pallet], self.harbor)),
            "NotOfferedTo",
            "Harbor accepts what was offered to Polar",
        )
        receiving = self.event("receiving", [pallet], self.polar)
        self.done(self.polar, twins.accept(id_, twins.head(id_), receiving), "Polar takes it into custody")

        first = self.recording.temperatures[0].time
        shift = policy.start + 60 - first
        readings = [Reading(r.time + shift, r.value) for r in self.recording.temperatures]
        parts = build(
            readings,
            device=logger,
            subject=id_,
            quantity=1,
            limits=policy.limits(1),
            max_interval=policy.max_interval,
            most=24,
        )
        self.say(f"the logger replays {len(readings)} readings: {self.recording.temperature_source}")
        gateway = Sender.unlocked(self.chain, self.accounts[GATEWAY])
        where = eip712.domain("Telemetry", self.chain.id, self.deployment.telemetry.address)
        honest = parts[0][0]
        forged = replace(honest, root=Tree([Reading(policy.start, 500)], honest.shape).root)
        self.wait_until(parts[0][0].summary.to + 60)
        self.refused(
            gateway,
            conditions.judge(
                policy.to_contract(), forged.to_contract(), key.signer, key.sign(parts[0][0].digest(where))
            ),
            "InvalidDeviceSignature",
            "the gateway changes the readings under the logger's signature",
        )
        found: list[dict[str, Any]] = []
        spent = 0
        with Progress(console=self.console, transient=True) as progress:
            for segment, _ in progress.track(parts, description="  segments judged"):
                self.wait_until(segment.summary.to + 60)
                signature = key.sign(segment.digest(where))
                call = conditions.judge(policy.to_contract(), segment.to_contract(), key.signer, signature)
                receipt = gateway.send(call)
                spent += receipt.gas_used
                found += self.events(conditions, "BreachFound", receipt)
        self.gas += spent
        self.transactions += len(parts)
        self.say(f"{len(parts)} signed segments anchored and judged ({spent // len(parts):,} gas each)")
        if not found:
            self.say("no limit was broken on this trip")
            return
        for breach in found:
            self.tell_breach(breach, policy)
        self.show_proof(found[0], parts)
        self.second_person(pallet, policy)

    def tell_breach(self, event: dict[str, Any], policy: Policy) -> None:
        breach = event["breach"]
        when = timedelta(seconds=breach.firstCrossing - policy.start)
        if event["rule"] == 15:
            self.console.print(
                f"  [yellow]![/yellow] the logger was silent for {timedelta(seconds=breach.time)}"
            )
            return
        rule = policy.rules[event["rule"]]
        what = f"{rule.kind.name.lower()} {'high' if rule.limit.high else 'low'} limit"
        told = f"{what} reached {timedelta(seconds=breach.time)}, first crossed after {when}, "
        told += f"extreme {TEMPERATURE.text(breach.extreme)}"
        if rule.kind is RuleKind.GAP:
            told = f"no readings for {timedelta(seconds=breach.time)}, first after {when}"
        self.console.print(f"  [yellow]![/yellow] breach: {told}; the pallet is held")

    def show_proof(self, event: dict[str, Any], parts: Sequence[tuple[Segment, list[Reading]]]) -> None:
        """Anyone can check a single reading of an anchored segment."""
        segment, readings = next((s, r) for s, r in parts if s.seq == max(event["breach"].seq, 1))
        index = max(range(len(readings)), key=lambda i: readings[i].value)
        reading = readings[index]
        proof = Tree(readings, segment.shape).proof(index)
        arguments = (segment.to_contract(), (index, reading.time, reading.value), proof)
        if not self.deployment.telemetry.verifyReading(*arguments):
            raise StoryError("an anchored reading cannot be proved")
        lie = (index, reading.time, reading.value - 100)
        if self.deployment.telemetry.verifyReading(arguments[0], lie, arguments[2]):
            raise StoryError("a reading that was never taken can be proved")
        self.say(f"the reading of {TEMPERATURE.text(reading.value)} is proved against the anchored root")

    def second_person(self, pallet: str, policy: Policy) -> None:
        """Held goods do not move until somebody decides who did not set the limits."""
        twins, conditions = self.deployment.twins, self.deployment.conditions
        id_ = twin_id(pallet)
        shipping = self.event("shipping", [pallet], self.polar, stays=False)
        self.refused(
            self.polar,
            twins.offer(id_, self.harbor.number, Purpose.TRANSPORT, self.now() + DAY, shipping),
            "Blocked",
            "Polar ships the held pallet on",
        )
        seen = conditions.policyState(conditions.policyIdOf(policy.subject, policy.setter)).breaches
        record = hashlib.sha256(b"Stability data of the lot cover 36 h at up to 12 degrees.").digest()
        decision = conditions.dispose(policy.subject, policy.setter, Disposition.RELEASE, seen, record)
        self.refused(self.lumen, decision, "SecondPersonNeeded", "who set the limits releases the pallet")
        self.done(self.lumen.quality, decision, "Lumen's head of quality releases it, with a record of why")

    # ----------------------------------------------------------------------------------------------- delivery

    def delivery(self, pallet: str, parts: Sequence[str]) -> None:
        """One hand-over against a signed receipt, one with exceptions, and the end of a part."""
        self.chapter("The pallet arrives")
        twins, consortium = self.deployment.twins, self.deployment.consortium
        id_ = twin_id(pallet)
        handheld = SoftKey.generate(Curve.P256, self.deployment.manifest.address("ERC7913P256Verifier"))
        named = consortium.setSigner(self.harbor.number, handheld.signer, Duty.RECEIVE)
        self.done(self.harbor, named, "Harbor names the P-256 key of a handheld at its dock")
        message = {
            "twin": id_,
            "head": twins.head(id_),
            "from": self.polar.number,
            "to": self.harbor.number,
            "purpose": Purpose.TRANSPORT,
            "exceptions": 0,
            "ref": dict(
                zip(
                    ("eventHash", "docHash", "readPoint", "bizLocation", "stamp"),
                    self.event("receiving", [pallet], self.harbor),
                    strict=True,
                )
            ),
            "deadline": self.now() + HOUR,
        }
        where = eip712.domain("Twins", self.chain.id, twins.address)
        signature = handheld.sign(eip712.digest("Receipt", where, message))
        stranger = SoftKey.generate(Curve.SECP256K1)
        arguments = eip712.as_tuple("Receipt", message)
        self.refused(
            self.polar,
            twins.handOver(
                arguments, stranger.signer, stranger.sign(eip712.digest("Receipt", where, message))
            ),
            "UnknownAccount",
            "a stranger signs the receipt",
        )
        hand_over = twins.handOver(arguments, handheld.signer, signature)
        self.done(self.polar, hand_over, "Polar hands over against the receipt that the handheld signed")
        self.refused(self.polar, hand_over, "NotCustodian", "Polar uses the receipt a second time")

        shipping = self.event("shipping", [pallet], self.harbor, stays=False)
        offer = twins.offer(id_, self.cedar.number, Purpose.TRANSPORT, self.now() + DAY, shipping)
        self.done(self.harbor, offer, "Harbor ships to Cedar")
        receiving = self.event("receiving", [pallet], self.cedar)
        exceptions = Exceptions.DAMAGED | Exceptions.MISSING_DATA
        accept = twins.acceptWithExceptions(id_, twins.head(id_), exceptions, receiving)
        self.done(self.cedar, accept, "Cedar accepts, and notes: damaged, missing data")
        ids = [twin_id(part) for part in parts]
        unpacking = self.event("unpacking", parts, self.cedar)
        self.done(self.cedar, twins.unpack(id_, ids, unpacking), f"Cedar unpacks {len(ids)} parts")
        self.done(
            self.cedar,
            twins.retire(ids[0], EndOfLife.DISPENSED, self.event("dispensing", parts[:1], self.cedar)),
            "and dispenses the first one to a clinic",
        )
        self.refused(
            self.cedar,
            twins.retire(ids[0], EndOfLife.DISPENSED, unpacking),
            "Blocked",
            "the same serial number is dispensed a second time",
        )
        for label, link in (
            ("dispensed part", parts[0]),
            ("part on the shelf", parts[1]),
            ("pallet", pallet),
        ):
            self.results.append((label, self.state(twin_id(link))))

    def state(self, id_: bytes) -> str:
        """Where a twin stands, in one line."""
        twins = self.deployment.twins
        ok, cause = twins.clear(id_)
        owner, custodian = self.names[twins.ownerOf(id_)], self.names[twins.custodianOf(id_)]
        clear = "clear" if ok else f"not clear: {Cause(cause).name.lower()}"
        return f"title {owner}, custody {custodian}, {clear}"
