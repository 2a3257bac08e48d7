"""The chapter about a driver and a car."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from _telling import ARBITER, DAY, DRIVER, PERIOD, TREASURY, StoryError, Teller, money

from goldthread.chain import abi, eip712
from goldthread.chain.contracts import Contract
from goldthread.chain.devices import Curve, SoftKey
from goldthread.chain.send import Sender
from goldthread.chain.words import (
    Duty,
    Kind,
)
from goldthread.gs1.links import twin_id
from goldthread.rules import premium
from goldthread.rules.driving import Driven, drive_cycle, driven


class Driving(Teller):
    """Tells of a driver, a car and an insurer."""

    # -------------------------------------------------------------------------------------------------- drive

    def drive(self) -> None:
        """A driver pays for what the car recorded, and gets the rest back."""
        self.chapter("A driver pays for how far and how well the car is driven")
        insurance, chain = self.deployment.drive_insurance, self.chain
        token = self.token
        treasury, driver = (Sender.unlocked(chain, self.accounts[i]) for i in (TREASURY, DRIVER))
        vehicle, box, key = self.car()

        underwriter = SoftKey.generate(Curve.SECP256K1)
        for who, call in (
            (treasury, token.mint(treasury.address, 100_000 * 10**6)),
            (treasury, token.approve(insurance.address, 50_000 * 10**6)),
            (treasury, insurance.setUnderwriter(underwriter.account, True)),
            (
                self.sound.desk,
                self.deployment.consortium.setSigner(self.sound.number, underwriter.signer, Duty.FINANCE),
            ),
            (driver, token.mint(driver.address, 1_000 * 10**6)),
            (driver, token.approve(insurance.address, 1_000 * 10**6)),
        ):
            self.send(who, call)
        provide = insurance.provideCapital(50_000 * 10**6)
        self.done(treasury, provide, "Sound Mutual's treasury provides 50,000 tUSD of capital")

        terms = premium.Terms(
            base=30_000_000,
            period=PERIOD,
            rate=32_000,
            rate_distance=1_609_344,
            minimum=10_000_000,
            maximum=150_000_000,
            night_weight=250_000,
            speeding_weight=500_000,
            brake_metres=800,
            accel_metres=400,
            corner_metres=400,
            phone_metres=1_000,
            km_credit=200,
            speeding_penalty=2_000,
            brake_penalty=4_000,
            accel_penalty=2_000,
            tier_min=700_000,
            tier_max=1_500_000,
            default_metres=50_000,
        )
        quote = self.quote(terms, driver.address, treasury.address, vehicle, box)
        where = eip712.domain("DriveInsurance", chain.id, insurance.address)
        policy_id = eip712.digest("Quote", where, quote)
        arguments = eip712.as_tuple("Quote", quote)
        signature = underwriter.sign(policy_id)
        dearer = eip712.as_tuple("Quote", {**quote, "terms": {**quote["terms"], "base": 1}})
        self.refused(
            driver,
            insurance.openPolicy(dearer, 450_000_000, underwriter.signer, signature),
            "InvalidQuoteSignature",
            "the driver lowers the base premium in the signed quote",
        )
        opening = insurance.openPolicy(arguments, 450_000_000, underwriter.signer, signature)
        self.done(driver, opening, "the driver opens the signed quote with an escrow of 450 tUSD")

        tier, odometer, since = premium.ONE, 12_000_000, insurance.policyOf(policy_id).since
        for period, weeks in (
            (1, "the commute, and at weekends the motorway and a hurried trip"),
            (2, "the commute only"),
        ):
            totals = self.month(aggressive=period == 1)
            counters = premium.Counters(
                metres=totals.distance // 1000,
                night=totals.night // 1000,
                speeding=totals.speeding // 1000,
                brakes=totals.brakes,
                accels=totals.accels,
            )
            odometer += counters.metres
            expected = premium.premium(terms, counters, PERIOD, tier)
            end = since + period * PERIOD
            self.wait_until(end + 60)
            usage = self.usage(policy_id, period, end, odometer, counters)
            sign = key.sign(eip712.digest("Usage", where, usage))
            report = insurance.report(arguments, eip712.as_tuple("Usage", usage), key.signer, sign)
            harsh = counters.brakes + counters.accels
            text = f"month {period}, {weeks}: {counters.metres / 1000:,.0f} km, {harsh} harsh events"
            self.done(driver, report, text)
            charge = insurance.reportOf(policy_id).charge
            if charge != expected:
                raise StoryError(f"the contract charges {charge}, the reference rule {expected}")
            self.refused(driver, report, "AlreadyReported", "the same report is handed in again")
            self.wait_until(insurance.reportOf(policy_id).until + 60)
            self.done(treasury, insurance.settle(arguments), f"month {period} is settled: {money(charge)}")
            following = insurance.policyOf(policy_id).tier
            self.results.append(
                (
                    f"premium of month {period}",
                    f"{money(charge)} at tier {tier / 1e6:.3f}, next tier {following / 1e6:.3f}",
                )
            )
            tier = following
        self.refund(insurance, token, arguments, policy_id, driver, treasury)

    def car(self) -> tuple[bytes, bytes, SoftKey]:
        """The car and the device in it."""
        twins, devices = self.deployment.twins, self.deployment.devices
        car = self.evergreen.uri("8004/{p}WVWZZZ1KZAW000042")
        box = self.evergreen.uri("8004/{p}BOX42")
        commissioning = self.event("commissioning", [car, box], self.evergreen)
        items = [(car, 7, Kind.ASSET), (box, 7, Kind.ASSET)]
        self.done(
            self.evergreen,
            twins.registerMany(items, commissioning),
            "Evergreen registers a car and its telematics box",
        )
        key = SoftKey.generate(Curve.P256, self.deployment.manifest.address("ERC7913P256Verifier"))
        enrol = devices.enrol(twin_id(box), key.signer, bytes(32))
        self.done(self.evergreen, enrol, "enrols the box's P-256 key")
        self.done(self.evergreen, devices.attach(twin_id(box), twin_id(car)), "and attaches it to the car")
        return twin_id(car), twin_id(box), key

    def quote(
        self, terms: premium.Terms, holder: str, treasury: str, vehicle: bytes, box: bytes
    ) -> dict[str, dict[str, Any]]:
        """The insurer's offer for a year."""
        now = self.now()
        cover = {
            "holder": holder,
            "treasury": treasury,
            "arbiter": self.accounts[ARBITER],
            "vehicle": vehicle,
            "device": box,
            "sumInsured": 20_000 * 10**6,
            "start": now,
            "end": now + 12 * PERIOD,
            "odometer": 12_000_000,
            "tier": premium.ONE,
            "reportWindow": 7 * DAY,
            "disputeWindow": 3 * DAY,
            "arbitrationWindow": 7 * DAY,
            "noticePeriod": 14 * DAY,
            "claimWindow": 30 * DAY,
            "decisionWindow": 14 * DAY,
            "deadline": now + DAY,
            "salt": hashlib.sha256(b"the story's policy").digest(),
        }
        return {"terms": {abi.camel(name): value for name, value in asdict(terms).items()}, "cover": cover}

    def month(self, *, aggressive: bool) -> Driven:
        """Thirty days: two commutes on workdays; a motorway trip and a hurried one on days of the weekend."""
        urban, highway = driven(drive_cycle("udds")), driven(drive_cycle("hwfet"))
        hurried = driven(self.recording.speeds or drive_cycle("us06"))
        total = Driven()
        for day in range(30):
            if day % 7 < 5:
                total = total + urban + urban
            elif aggressive:
                total = total + highway + hurried
        return total

    def usage(
        self, policy_id: bytes, period: int, end: int, odometer: int, counters: premium.Counters
    ) -> dict[str, Any]:
        """What the box signs at the end of a month."""
        return {
            "policyId": policy_id,
            "period": period,
            "from": end - PERIOD,
            "to": end,
            "odometer": odometer,
            "night": counters.night,
            "speeding": counters.speeding,
            "brakes": counters.brakes,
            "accels": counters.accels,
            "corners": 0,
            "phone": 0,
            "trips": 0,
            "tripsRoot": bytes(32),
        }

    def refund(
        self,
        insurance: Contract,
        token: Contract,
        arguments: tuple[Any, ...],
        policy_id: bytes,
        driver: Sender,
        treasury: Sender,
    ) -> None:
        """The driver ends the policy; what the escrow does not owe comes back."""
        self.done(driver, insurance.cancel(arguments), "the driver cancels in the third month")
        back = insurance.withdrawable(arguments)
        self.refused(
            treasury,
            insurance.withdraw(arguments, back),
            "WrongCaller",
            "the insurer withdraws the driver's escrow",
        )
        before = token.balanceOf(driver.address)
        self.done(driver, insurance.withdraw(arguments, back), f"the driver withdraws {money(back)}")
        if token.balanceOf(driver.address) - before != back:
            raise StoryError("the refund did not arrive")
        self.results.append(("refund at once", f"{money(back)} of {money(450_000_000)} paid in"))
        left = insurance.policyOf(policy_id).escrow
        self.results.append(("kept for the unfinished month", money(left)))
