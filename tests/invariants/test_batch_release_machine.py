"""Random records, corrections, reviews, waivers, deviations, yields, holds and time on a lot and a container:
a batch is released only where nothing speaks against it, and whatever is released was complete.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.models.batch_release import Cause, Master, State
from tests.models.compliance import ZERO, Done
from tests.models.compliance_shadow import CompliancePoint, ComplianceShadow
from tests.support import Counters, fresh
from tests.support.signers import Wallet
from tests.support.words import Duty, Role
from tests.support.world import NO_EVENT

COUNT = Counters()
REASON = keccak(text="why")
MASTER = Master(1000, 950_000, 1_020_000)
SHORT = 3000
"""Validity of the record of the second step, in seconds."""


@cache
def beginning() -> tuple[ComplianceShadow, list[bytes], CompliancePoint]:
    """One chain for all examples, and the moment at which each of them begins."""
    shadow = ComplianceShadow(fresh())
    plant, world = shadow.plant, shadow.world
    steps = [
        plant.step("weighing", second_persons=1),
        plant.step("assay", validity=SHORT),
        plant.step("sampling", waivable=True, due_after=500),
        plant.step("photographs", mandatory=False),
    ]
    roles = {"reviewers": Role.REGULATOR, "waivers": Role.MANUFACTURER | Role.REGULATOR}
    programme = plant.register(steps, **roles)
    plant.releases.setMaster(programme, MASTER, sender=plant.qa)
    cases = [
        plant.case(programme, subject, reviewer=world.regulator) for subject in (plant.lot, plant.container())
    ]
    world.hire(plant.maker, plant.second, Duty.RECORD | Duty.QUALITY)
    shadow.catch_up()
    for case in cases:
        assert shadow.batch("openBatch", case, sender=plant.qa)
    return shadow, cases, shadow.point()


class Histories(RuleBasedStateMachine):
    """Every rule draws what probably succeeds; what does not must be refused by contract and model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.shadow, self.cases, start = beginning()
        self.shadow.back_to(start)
        self.world, self.plant = self.shadow.world, self.shadow.plant
        plant = self.plant
        self.writers = [plant.operator, plant.operator, plant.second, plant.qa]
        self.people = [plant.qa, plant.qa, plant.second, plant.maker.all, self.world.regulator.all]
        self.mine: dict[bytes, list[bytes]] = {case: [] for case in self.cases}

    # What there is to draw from

    def subject(self, case: bytes) -> bytes:
        found: bytes = self.shadow.compliance.ledger.cases[case].subject
        return found

    def any_case(self, data: st.DataObject) -> bytes:
        return data.draw(st.sampled_from(self.cases))

    def any_record(self, data: st.DataObject, case: bytes) -> bytes:
        """Probably one that stands; one is written if there is none."""
        papers = self.shadow.compliance.papers.records
        good = [r for r in self.mine[case] if papers[r].successor == ZERO]
        if not good:
            return self.new_record(data, case)
        return data.draw(st.sampled_from([*good, *good, *self.mine[case]]))

    def new_record(self, data: st.DataObject, case: bytes) -> bytes:
        plant, sender = self.plant, data.draw(st.sampled_from(self.writers))
        form, age = (
            data.draw(st.sampled_from([plant.form, plant.checked])),
            data.draw(st.sampled_from([0, 900])),
        )
        made: bytes = self.shadow.record(
            lambda: plant.write(self.subject(case), form, sender=sender, age=age)
        )
        if form == plant.checked or data.draw(st.booleans()):
            signer = data.draw(st.sampled_from([p for p in (plant.qa, plant.second) if p != sender]))
            self.shadow.record(lambda: plant.countersign(made, signer))
        self.mine[case].append(made)
        return made

    def second_signature(self, record: bytes) -> None:
        """By somebody who has not signed it and is not its author."""
        paper = self.shadow.compliance.papers.records[record]
        signer = self.plant.maker.all
        if paper.successor == ZERO and signer not in {paper.author, *paper.signers}:
            self.plant.countersign(record, signer)

    def step(self, data: st.DataObject, case: bytes, *wanted: Done) -> tuple[int, bytes]:
        """One of the steps where that was done last, and its record."""
        steps = list(enumerate(self.shadow.compliance.ledger.cases[case].steps))
        found = [(i, s.record) for i, s in steps if s.done in wanted]
        index, record = data.draw(st.sampled_from(found or [(i, s.record) for i, s in steps]))
        return index, record

    def hit(self, name: str, done: bool) -> None:
        if done:
            COUNT.hit(name)

    # What can be done

    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        case = self.any_case(data)
        index, _ = self.step(data, case, Done.NOTHING, Done.REJECTED)
        record = self.any_record(data, case)
        sender = data.draw(st.sampled_from(self.writers))
        self.hit("submit", self.shadow.tell("submit", case, index, record, sender=sender))

    @rule(data=st.data())
    def review(self, data: st.DataObject) -> None:
        case = self.any_case(data)
        index, record = self.step(data, case, Done.SUBMITTED)
        if record != ZERO and data.draw(st.booleans()):
            self.shadow.record(lambda: self.second_signature(record))
        sender = data.draw(st.sampled_from(self.people))
        self.hit("accept", self.shadow.tell("accept", case, index, record, sender=sender))

    @rule(data=st.data(), measured=st.booleans())
    def finish(self, data: st.DataObject, measured: bool) -> None:
        """All that is mandatory at once, so that releases are reached."""
        self.complete(self.any_case(data), measured=measured)

    @rule(data=st.data(), signed=st.booleans())
    def finish_and_release(self, data: st.DataObject, signed: bool) -> None:
        case = self.any_case(data)
        self.complete(case, measured=True)
        self.decide(case, data.draw(st.sampled_from(self.people)), signed, 0)

    def complete(self, case: bytes, *, measured: bool) -> None:
        """Write, submit and accept three steps, close what deviates, and report a good yield."""
        plant = self.plant

        def write() -> bytes:
            made: bytes = self.shadow.record(lambda: plant.write(self.subject(case)))
            self.mine[case].append(made)
            return made

        for index in range(3):
            record = write()
            self.shadow.record(lambda record=record: plant.countersign(record))
            self.shadow.tell("submit", case, index, record, sender=plant.operator)
            self.shadow.tell("accept", case, index, record, sender=plant.maker.all)
        for number, deviation in enumerate(self.shadow.batches.ledger.batches[case].deviations, 1):
            if deviation.investigation == ZERO:
                self.shadow.batch("closeDeviation", case, number, record, sender=plant.maker.all)
        if measured:
            self.shadow.batch("reportYield", case, 973, write(), sender=plant.operator)

    @rule(data=st.data())
    def reject(self, data: st.DataObject) -> None:
        case = self.any_case(data)
        index, record = self.step(data, case, Done.SUBMITTED, Done.ACCEPTED)
        sender = data.draw(st.sampled_from(self.people))
        self.hit("reject", self.shadow.tell("reject", case, index, record, REASON, sender=sender))

    @rule(data=st.data())
    def waive(self, data: st.DataObject) -> None:
        case, index = self.any_case(data), data.draw(st.sampled_from([2, 2, 2, 0]))
        record, sender = self.any_record(data, case), data.draw(st.sampled_from(self.people))
        self.hit("waive", self.shadow.tell("waive", case, index, record, sender=sender))

    @rule(index=st.sampled_from([2, 2, 1]), seconds=st.sampled_from([0, 600]))
    def flag(self, index: int, seconds: int) -> None:
        """What is late; or what is not, or has no date."""
        self.shadow.node.warp(seconds)
        for case in self.cases:
            done = self.shadow.tell("flagOverdue", case, index, sender=self.world.stranger)
            self.hit("flag", done)

    @rule(data=st.data())
    def correct(self, data: st.DataObject) -> None:
        case = self.any_case(data)
        papers = self.shadow.compliance.papers.records
        if good := [r for r in self.mine[case] if papers[r].successor == ZERO]:
            measured = self.shadow.batches.ledger.batches[case].yield_record
            record = data.draw(st.sampled_from([measured] * 9 + good if measured in good else good))
            new = self.shadow.record(lambda: self.plant.amend(record, sender=papers[record].author))
            self.mine[case].append(new)
            COUNT.hit("correct")

    @rule(data=st.data())
    def deviate(self, data: st.DataObject) -> None:
        case = self.any_case(data)
        if self.shadow.batches.ledger.batches[case].open_deviations > 1:
            return
        record, sender = self.any_record(data, case), data.draw(st.sampled_from(self.writers))
        self.hit("deviate", self.shadow.batch("openDeviation", case, record, sender=sender))

    @rule(data=st.data())
    def investigate(self, data: st.DataObject) -> None:
        case = self.any_case(data)
        batch = self.shadow.batches.ledger.batches[case]
        numbers = [n for n, d in enumerate(batch.deviations, 1) if d.investigation == ZERO] or [1]
        number, record = data.draw(st.sampled_from(numbers)), self.new_record(data, case)
        sender = data.draw(st.sampled_from(self.people))
        self.hit("close", self.shadow.batch("closeDeviation", case, number, record, sender=sender))

    @rule(data=st.data())
    def doubt(self, data: st.DataObject) -> None:
        """A deviation is closed, its investigation corrected, and with that it is open again."""
        case, plant = self.any_case(data), self.plant
        made: bytes = self.shadow.record(lambda: plant.write(self.subject(case)))
        if not self.shadow.batch("openDeviation", case, made, sender=plant.operator):
            return
        number = len(self.shadow.batches.ledger.batches[case].deviations)
        assert self.shadow.batch("closeDeviation", case, number, made, sender=plant.qa)
        self.mine[case].append(self.shadow.record(lambda: plant.amend(made)))
        assert self.shadow.batch("reopenDeviation", case, number, sender=self.world.stranger)
        COUNT.hit("reopen")

    @rule(data=st.data())
    def reopen(self, data: st.DataObject) -> None:
        case = self.any_case(data)
        count = len(self.shadow.batches.ledger.batches[case].deviations)
        number = data.draw(st.integers(1, max(count, 1)))
        done = self.shadow.batch("reopenDeviation", case, number, sender=self.world.stranger)
        self.hit("reopen", done)

    @rule(data=st.data(), actual=st.sampled_from([0, 949, 950, 973, 1000, 1020, 1021]))
    def measure(self, data: st.DataObject, actual: int) -> None:
        case = self.any_case(data)
        record, sender = self.any_record(data, case), data.draw(st.sampled_from(self.writers))
        done = self.shadow.batch("reportYield", case, actual, record, sender=sender)
        self.hit("yield", done)
        self.hit("outside", done and not 950 <= actual <= 1020)

    @rule(data=st.data(), case_=st.integers(0, 1))
    def hold(self, data: st.DataObject, case_: int) -> None:
        """The maker holds the thing, or lifts its hold."""
        subject, org = self.subject(self.cases[case_]), self.plant.maker
        act, contract = (self.shadow.act, "Lot") if case_ == 0 else (self.shadow.do, "")
        held = self.world.lots.lotHeld if case_ == 0 else self.world.twins.held
        if held(subject, org.number, REASON):
            args = subject, org.number, REASON, NO_EVENT
            self.hit("lift", act(f"release{contract}", *args, sender=org.quality))
        else:
            self.hit("hold", act(f"hold{contract}", subject, REASON, NO_EVENT, sender=org.quality))

    @rule(data=st.data(), signed=st.booleans(), stale=st.sampled_from([0, 0, 0, 1]))
    def release(self, data: st.DataObject, signed: bool, stale: int) -> None:
        pairs = [(case, person) for case in self.cases for person in self.people]
        ready = [pair for pair in pairs if self.shadow.batches.obstacle(*pair)[0] == Cause.NONE]
        case, sender = data.draw(st.sampled_from(ready or pairs))
        self.decide(case, sender, signed, stale)

    def decide(self, case: bytes, sender: Any, signed: bool, stale: int) -> None:
        """A release by somebody, who called itself or signed, and has perhaps not seen the newest record."""
        decision = self.plant.decision(case)
        decision = decision._replace(seen=max(0, decision.seen - stale))
        complete = self.shadow.batches.obstacle(case, sender)[0] == Cause.NONE
        if signed:
            signer = Wallet(sender)
            signature = self.shadow.sign(decision, signer)
            args = decision, signer.name, signature
            done = self.shadow.batch("decideSigned", *args, sender=self.world.stranger)
        else:
            done = self.shadow.batch("decide", decision, sender=sender)
        if done:
            assert complete
            self.was_complete(case, sender)
        self.hit("signed release" if signed else "release", done)

    def was_complete(self, case: bytes, signer: str) -> None:
        """What a quality manager would look for, without a word of the model's rules."""
        papers, found = self.shadow.compliance.papers, self.shadow.compliance.ledger.cases[case]
        batch = self.shadow.batches.ledger.batches[case]
        for index, step in enumerate(found.steps[:3]):
            paper = papers.records[step.record]
            assert step.done in (Done.ACCEPTED, Done.WAIVED)
            assert paper.successor == ZERO
            assert paper.subject == batch.subject
            if step.done is Done.ACCEPTED:
                assert paper.author != signer
                assert index != 0 or paper.signers - {paper.author}
        assert all(d.investigation != ZERO for d in batch.deviations)
        assert papers.records[batch.yield_record].successor == ZERO
        assert papers.records[batch.yield_record].author != signer

    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        case, sender = self.any_case(data), data.draw(st.sampled_from(self.people))
        if data.draw(st.integers(0, 3)) == 0:
            decision = self.plant.decision(case, release=False)
            self.hit("refuse", self.shadow.batch("decide", decision, sender=sender))

    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        batches = self.shadow.batches.ledger.batches
        released = [case for case in self.cases if batches[case].state == State.RELEASED]
        case = data.draw(st.sampled_from(released or self.cases))
        sender = data.draw(st.sampled_from(self.people))
        self.hit("withdraw", self.shadow.batch("withdraw", case, REASON, sender=sender))

    @rule(seconds=st.sampled_from([1, 600, 1500]))
    def wait(self, seconds: int) -> None:
        self.shadow.node.warp(seconds)

    # What always holds

    @invariant()
    def contract_and_model_agree(self) -> None:
        people = self.plant.qa, self.plant.second
        for case in self.cases:
            self.shadow.check_case(case, *people)
            for cause, _ in self.shadow.check_batch(case, *people).values():
                COUNT.hit(cause.name)

    @invariant()
    def what_is_not_released_is_held(self) -> None:
        for case in self.cases:
            batch = self.shadow.batches.ledger.batches[case]
            ledger: Any = self.shadow.lots.ledger.lots if batch.is_lot else self.shadow.twins.ledger.twins
            own = (self.shadow.batches.number, case) in ledger[batch.subject].holds
            assert own == (batch.state != State.RELEASED)

    def teardown(self) -> None:
        self.shadow.check_all()


def test_batches() -> None:
    run_state_machine_as_test(Histories)
    COUNT.require(
        ["submit", "accept", "reject", "waive", "flag", "correct", "deviate", "close", "reopen", "yield"]
    )
    COUNT.require(["outside", "hold", "lift", "release", "signed release", "refuse", "withdraw"])
    COUNT.require(["NONE", "STEP", "DEVIATION", "NO_YIELD", "YIELD_RECORD", "HELD"])
