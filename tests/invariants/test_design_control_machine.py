"""Random design work of several people on one design: the contract is the graph of the model at every step,
and the way to production is open only when the graph says so.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.design_control import (
    BEHIND,
    HELD_GATES,
    NOTHING,
    RELATIONS,
    TESTS,
    Approval,
    File,
    Forms,
    Gate,
    Kind,
    Neighbours,
    Obstacle,
    Result,
    Revision,
    Source,
    State,
)
from tests.models.design_shadow import DesignPoint, DesignShadow
from tests.support import Counters, fresh
from tests.support.design import Design, content, label
from tests.support.signers import Wallet

COUNT = Counters()
KINDS = [kind for kind in Kind if kind]
MOST = 2
"""Items of each kind."""


@cache
def beginning(transferred: bool) -> tuple[DesignShadow, DesignPoint]:
    """One chain for all examples, and the moment at which each begins: linked, or transferred as well."""
    shadow = DesignShadow(fresh())
    if transferred:
        shadow.design.transferred()
    else:
        shadow.design.small()
    shadow.read_records()
    shadow.model.ledger = shadow.replayed_files()
    return shadow, shadow.point()


class Work(RuleBasedStateMachine):
    """Every rule draws what probably succeeds; what does not must be refused by contract and graph alike."""

    @initialize(transferred=st.booleans())
    def begin(self, transferred: bool) -> None:
        self.shadow, start = beginning(transferred)
        self.shadow.back_to(start)
        self.design: Design = self.shadow.design
        self.id = self.design.id
        people = self.design.people
        self.people = [people.ann, people.bob, people.cem, people.dan, people.eva]
        self.written: list[bytes] = []
        self.drafts = 0

    # What there is to draw from

    @property
    def file(self) -> File:
        return self.shadow.model.ledger.file(self.id)

    def tell(self, function: str, *args: Any, sender: str) -> bool:
        done = self.shadow.tell(function, self.id, *args, sender=sender)
        if done:
            COUNT.hit(function)
        return done

    def evidence(self, data: st.DataObject, author: str) -> bytes:
        """Mostly a new record, by chance one that is old, unsigned or about something else."""
        which = data.draw(st.sampled_from(["new"] * 8 + ["old", "unsigned"]), label="evidence")
        if which == "old" and self.written:
            return data.draw(st.sampled_from(self.written), label="old record")
        schema = self.design.signed if which == "unsigned" else None
        self.written.append(self.shadow.record("evidence", sender=author, schema=schema))
        return self.written[-1]

    def revision(self, data: st.DataObject, items: list[bytes]) -> Revision:
        item = data.draw(st.sampled_from(items), label="item")
        self.drafts += 1
        kind = self.file.kind(item) or Kind(KINDS[int(item[1:2])])
        number = self.file.revision(item) + 1
        if self.file.lives(item) and data.draw(st.integers(0, 3), label="withdrawn") == 0:
            return Revision(item, kind, Source.WITHDRAWN, number, NOTHING)
        return Revision(item, kind, Source.DOCUMENT, number, content(str(self.drafts)))

    def names(self) -> list[bytes]:
        """All that there are, and all that there may be."""
        others = [label(f"X{number}{copy}") for number in range(len(KINDS)) for copy in range(MOST - 1)]
        return sorted({*self.file.graph, *others})

    # What can be done

    @rule(data=st.data())
    def draft(self, data: st.DataObject) -> None:
        open_ = [n for n in self.names() if self.file.baseline < BEHIND[self.kind_of(n)]]
        one = self.revision(data, open_ or self.names())
        near = self.file.neighbours(one.item)
        if data.draw(st.integers(0, 9), label="forgotten") == 0:
            near = Neighbours([], near.down)
        self.tell("draft", [one], [near], sender=data.draw(st.sampled_from(self.people[:3])))

    def kind_of(self, item: bytes) -> Kind:
        return self.file.kind(item) or Kind(KINDS[int(item[1:2])])

    @rule(data=st.data())
    def link(self, data: st.DataObject) -> None:
        """What holds a gate is linked first."""
        file = self.file
        pairs = [(a, b) for a in file.items for b in file.items if (file.kind(a), file.kind(b)) in RELATIONS]
        missing = [pair for pair in pairs if not file.is_current(*pair)] or pairs
        held = {item for gate in HELD_GATES for item in file.holders(gate)}
        wanted = [pair for pair in missing if held & {*pair}] or missing
        if not wanted:
            return
        chosen = data.draw(st.lists(st.sampled_from(wanted), min_size=1, max_size=3, unique=True))
        self.tell("link", chosen, sender=data.draw(st.sampled_from(self.people[:3])))

    @rule()
    def link_everything(self) -> None:
        """Whatever may be linked and hangs in the air, so that the story goes on."""
        file = self.file
        for start in file.items:
            if file.stage >= BEHIND[file.kind(start)] or file.up(start):
                continue
            ends = [end for end in file.items if (file.kind(start), file.kind(end)) in RELATIONS]
            if ends:
                self.tell("link", [(start, end) for end in ends], sender=self.people[0])

    @rule(data=st.data(), passed=st.sampled_from([True, True, True, False]))
    def report(self, data: st.DataObject, passed: bool) -> None:
        file = self.file
        tests = [item for item in file.items if file.kind(item) in TESTS and file.up(item)]
        if tests:
            test = data.draw(st.sampled_from(tests), label="test")
            found = [(item, passed) for item in file.up(test)]
            record = self.evidence(data, self.people[2])
            self.tell("report", test, record, found, sender=self.people[2])

    @rule()
    def report_everything(self) -> None:
        """That nobody has reported on, so that the story goes on."""
        file = self.file
        for test in file.of(*TESTS):
            found = [(item, True) for item in file.up(test) if test not in file.passed(item)]
            if found and file.stage >= Gate.REVIEW:
                record = self.shadow.record("report", sender=self.people[2])
                self.written.append(record)
                self.tell("report", test, record, found, sender=self.people[2])

    @rule(data=st.data())
    def pass_gate(self, data: st.DataObject) -> None:
        self.pass_next(data, data.draw(st.sampled_from([self.people[3], *self.people]), label="who"))

    @rule(data=st.data(), signed=st.booleans())
    def go_on(self, data: st.DataObject, signed: bool) -> None:
        """Link, report and pass gates as far as it goes."""
        self.link_everything()
        self.report_everything()
        while self.pass_next(data, self.people[4], signed):
            self.report_everything()
        if self.file.stage == Gate.TRANSFER:
            COUNT.hit("transferred")
            if self.file.version > 1:
                COUNT.hit("transferred again")

    def pass_next(self, data: st.DataObject, who: str, signed: bool = False) -> bool:
        record, edition = self.evidence(data, self.people[3]), self.file.edition
        gate = min(self.file.stage + 1, Gate.TRANSFER)
        if not signed:
            return self.tell("passGate", gate, record, edition, sender=who)
        approval = Approval(self.id, gate, 0, record, edition, self.shadow.world.now)
        signature = self.shadow.sign(approval, Wallet(who))
        args = approval, Wallet(who).name, signature
        done = self.shadow.tell("passGateSigned", *args, sender=self.shadow.world.stranger)
        if done:
            COUNT.hit("passGateSigned")
        return done

    @rule(data=st.data(), count=st.integers(1, 3), at_once=st.booleans())
    def propose(self, data: st.DataObject, count: int, at_once: bool) -> None:
        items = list(self.file.graph)
        revisions = [self.revision(data, items) for _ in range(count)]
        if len({r.item for r in revisions}) == count:
            record = self.evidence(data, self.people[0])
            sender = data.draw(st.sampled_from(self.people[:4]), label="author")
            if self.tell("proposeChange", record, revisions, sender=sender) and at_once:
                self.approve_one(data, data.draw(st.booleans(), label="signed"))

    @rule(data=st.data(), signed=st.booleans())
    @precondition(lambda self: self.file.open_changes())
    def approve(self, data: st.DataObject, signed: bool) -> None:
        self.approve_one(data, signed)

    def approve_one(self, data: st.DataObject, signed: bool) -> None:
        numbers = [n for n, change in self.file.changes.items() if change.state == State.OPEN]
        number = data.draw(st.sampled_from(numbers), label="change")
        change = self.file.changes[number]
        near = self.file.neighbours_of(change.revisions)
        who = data.draw(st.sampled_from([*self.people, *self.people[4:] * 5]), label="who")
        record, edition = self.evidence(data, self.people[3]), self.file.edition
        behind = self.file.stage
        if signed:
            approval = Approval(self.id, 0, number, record, edition, self.shadow.world.now)
            signature = self.shadow.sign(approval, Wallet(who))
            args = approval, change.revisions, near, Wallet(who).name, signature
            done = self.shadow.tell("approveChangeSigned", *args, sender=self.shadow.world.stranger)
            if done:
                COUNT.hit("approveChangeSigned")
        else:
            args_ = number, record, edition, change.revisions, near
            done = self.tell("approveChange", *args_, sender=who)
        if done and behind == Gate.TRANSFER:
            COUNT.hit("changed after transfer")

    @rule(data=st.data())
    @precondition(lambda self: self.file.open_changes())
    def dismiss(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(list(self.file.changes)), label="change")
        record = self.evidence(data, self.people[3])
        self.tell("dismissChange", number, record, sender=data.draw(st.sampled_from(self.people)))

    @rule(data=st.data(), of_a_gate=st.booleans(), at_once=st.booleans())
    def amend(self, data: st.DataObject, of_a_gate: bool, at_once: bool) -> None:
        """A record is superseded; what rests on it lapses, if anybody shows it."""
        library, file = self.shadow.model.library, self.file
        edges = file.graph.edges.data()
        reports = [e["record"] for a, b, e in edges if any(e["record"]) and file.is_current(a, b)]
        used = list(file.evidence.values()) if of_a_gate else reports
        standing = [record for record in used if library.complete(record)]
        if standing:
            record = data.draw(st.sampled_from(standing), label="record")
            author = library.entries[record].author
            self.shadow.record("correction", sender=author, supersedes=record)
            if at_once:
                self.lapse_all(data)

    @rule(data=st.data())
    def lapse(self, data: st.DataObject) -> None:
        self.lapse_all(data)

    def lapse_all(self, data: st.DataObject) -> None:
        """All that can, and by chance something that cannot."""
        file, library = self.file, self.shadow.model.library
        edges = [(a, b) for a, b, e in file.graph.edges.data() if e["result"] != Result.NONE]
        rotten = [edge for edge in edges if not library.complete(file.graph.edges[edge]["record"])]
        for edge in rotten or edges[:1]:
            self.tell("lapse", *edge, sender=self.shadow.world.stranger)
        gates = [g for g, record in file.evidence.items() if not library.complete(record)]
        for gate in gates or [data.draw(st.sampled_from(list(Gate)))]:
            self.tell("lapseGate", gate, sender=self.shadow.world.stranger)

    @rule(data=st.data(), form=st.booleans())
    def plan(self, data: st.DataObject, form: bool) -> None:
        if data.draw(st.integers(0, 4), label="again") == 0:
            forms = Forms(review=self.design.free) if form else Forms()
            self.tell("plan", self.evidence(data, self.people[0]), forms, sender=self.people[0])

    @rule(seconds=st.sampled_from([1, 60]))
    def wait(self, seconds: int) -> None:
        self.shadow.node.warp(seconds)

    # What always holds

    @invariant()
    def the_contract_is_the_graph(self) -> None:
        obstacle, count = self.shadow.model.obstacle(self.id)
        assert self.shadow.contract.obstacleOf(self.id) == (obstacle, count)
        assert self.shadow.contract.projectOf(self.id) == self.file.view()
        COUNT.hit(obstacle.name)

    @invariant()
    def nothing_is_behind_a_gate_that_it_holds(self) -> None:
        file = self.file
        for gate in HELD_GATES:
            assert not (file.stage >= gate and file.holders(gate))
        if file.stage == Gate.TRANSFER:
            for need in file.of(Kind.NEED):
                assert file.answers(need) and file.tests(need) == file.passed(need) != []
            for input_ in file.of(Kind.INPUT):
                assert file.up(input_) and file.tests(input_) == file.passed(input_) != []

    def teardown(self) -> None:
        if hasattr(self, "shadow"):
            self.shadow.check_all()


def test_a_design_is_worked_on() -> None:
    run_state_machine_as_test(Work)
    done = ["draft", "link", "report", "passGate", "passGateSigned", "proposeChange", "approveChange"]
    done += ["approveChangeSigned", "dismissChange", "lapse", "lapseGate", "plan", "transferred"]
    COUNT.require([*done, "transferred again", "changed after transfer"])
    reached = {Obstacle.TWIN, Obstacle.NO_PROJECT}
    COUNT.require([obstacle.name for obstacle in Obstacle if obstacle not in reached])
