"""Random lineages, registers and declarations: a product's verdict is the worst of its graph, and what is
relied on is never better, whatever registers and makers do and however much time passes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.conflict_minerals import (
    CLEAN,
    NOT_IN,
    SCRAP,
    Listing,
    Metal,
    Statement,
    Status,
    Verdict,
    declaration_id,
    pack,
    smelter,
    tree_of,
)
from tests.models.form_sd import Answer
from tests.models.minerals_shadow import MineralsPoint, MineralsShadow
from tests.support import Counters, fresh
from tests.support.making import Making, lot_id, process_of
from tests.support.minerals import REASON, Case
from tests.support.words import Role
from tests.support.world import Org, twin_id, uri

COUNT = Counters()
SMELTERS = sorted(smelter(f"CID{number}", metal) for number in (1, 2) for metal in (Metal.TIN, Metal.GOLD))
STATUSES = st.sampled_from([*Status, Status.CONFORMANT, Status.CONFORMANT, Status.CONFORMANT])
ENDS = st.sampled_from([0, 30, 1000, 1000])
METALS = st.sampled_from([NOT_IN, CLEAN, CLEAN, SCRAP, replace(CLEAN, identified=1)])
PRODUCTS = 9


@cache
def beginning() -> tuple[Case, MineralsPoint]:
    """One chain for all examples, and the moment at which each of them begins."""
    case = Case(MineralsShadow(fresh()))
    for org in (case.world.regulator, case.world.insurer):
        case.list(*SMELTERS, org=org)
    assert case.design, "registered before all else"
    making, lots = case.making, [case.making.lot("ore"), case.making.lot("coal")]
    _, (iron,) = making.transform("smelting", lots, ["iron"], finalise=True)
    making.transform("casting", [iron, lots[1]], ["bar"])
    making.part("part")
    return case, case.shadow.point()


class Histories(RuleBasedStateMachine):
    """Every rule draws what probably succeeds; what does not must be refused by contract and model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.case, start = beginning()
        self.shadow = self.case.shadow
        self.shadow.back_to(start)
        self.making: Making = self.case.making
        self.world = self.case.world
        self.registers = [self.world.regulator, self.world.insurer]
        self.lots = [lot_id(name) for name in ("ore", "coal", "iron", "bar")]
        self.parts = [twin_id(uri("part"))]
        self.open = [process_of(self.world.maker.number, "casting")]
        self.number = 0

    # What there is to draw from

    def tell(self, function: str, *args: Any, sender: Any) -> bool:
        done = self.shadow.tell(function, *args, sender=sender)
        if done:
            COUNT.hit(function)
        return done

    def name(self, kind: str) -> str:
        self.number += 1
        return f"{kind}{self.number}"

    @property
    def products(self) -> list[bytes]:
        return [*self.lots, *self.parts]

    @property
    def declared(self) -> list[bytes]:
        known = self.shadow.model.ledger.covered
        return [product for product in self.products if self.latest(product) is not None and product in known]

    def latest(self, product: bytes) -> Any:
        return self.shadow.model.ledger.declarations.get(declaration_id(product, self.case.year))

    def draw_statement(self, data: st.DataObject) -> tuple[Statement, list[bytes]]:
        tin, gold = data.draw(METALS), data.draw(METALS)
        register: Org = data.draw(st.sampled_from([self.registers[0], *self.registers]))
        origin, benefited = data.draw(st.sampled_from(Answer)), data.draw(st.sampled_from(Answer))
        statement = Statement(register.number, False, origin, benefited, pack(tin=tin, gold=gold))
        fit = [each for each in SMELTERS if (tin, gold)[each[31] == Metal.GOLD].is_in]
        chosen = data.draw(st.lists(st.sampled_from(fit), unique=True)) if fit else []
        return statement, sorted(chosen)

    # What can be done

    @rule()
    @precondition(lambda self: len(self.lots) < PRODUCTS)
    def mine(self) -> None:
        self.lots.append(self.making.lot(self.name("lot")))

    @rule(data=st.data(), last=st.booleans(), part=st.booleans())
    @precondition(lambda self: 0 < len(self.lots) < PRODUCTS)
    def make(self, data: st.DataObject, last: bool, part: bool) -> None:
        inputs = data.draw(st.lists(st.sampled_from(self.lots), unique=True, min_size=1, max_size=3))
        names = [self.name("lot")]
        parts = [self.making.part(self.name("part"))] if part else []
        process, outputs = self.making.transform(self.name("p"), inputs, names, parts, finalise=last)
        self.lots += outputs
        self.parts += parts
        if not last:
            self.open.append(process)
        COUNT.hit("make")

    @rule(data=st.data())
    @precondition(lambda self: self.open)
    def come_late(self, data: st.DataObject) -> None:
        """Into an open process, also of what came out of it."""
        self.making.add_inputs(data.draw(st.sampled_from(self.open)), data.draw(st.sampled_from(self.lots)))
        COUNT.hit("come_late")

    @rule(data=st.data())
    @precondition(lambda self: self.open)
    def finalise(self, data: st.DataObject) -> None:
        process = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        args = process, 0, self.world.ref()
        assert self.shadow.trace("finalise", *args, sender=self.world.maker.register)

    @rule()
    @precondition(lambda self: len(self.parts) < 3)
    def register_part(self) -> None:
        self.parts.append(self.making.part(self.name("part")))

    @rule(data=st.data())
    @precondition(lambda self: self.parts and self.open)
    def turn_out_to_be_made(self, data: st.DataObject) -> None:
        """A part that had no origin comes out of a process."""
        part, process = data.draw(st.sampled_from(self.parts)), data.draw(st.sampled_from(self.open))
        args = process, [], [part], self.world.ref()
        if self.shadow.trace("addOutputs", *args, sender=self.world.maker.register):
            COUNT.hit("turn_out_to_be_made")

    @rule(data=st.data(), status=STATUSES, seconds=ENDS)
    def list(self, data: st.DataObject, status: Status, seconds: int) -> None:
        register = data.draw(st.sampled_from(self.registers))
        lasting = status in (Status.CONFORMANT, Status.ACTIVE)
        until = self.world.now + seconds if lasting else 0
        chosen = data.draw(st.lists(st.sampled_from(SMELTERS), unique=True, min_size=1, max_size=2))
        self.tell("list", [Listing(each, status, b"BO", until) for each in chosen], sender=register.record)

    @rule()
    def list_all_anew(self) -> None:
        """The yearly audit of everybody."""
        for register in self.registers:
            listings = [Listing(each, Status.CONFORMANT, b"BO", self.world.now + 2000) for each in SMELTERS]
            self.tell("list", listings, sender=register.record)

    @rule(data=st.data())
    @precondition(lambda self: self.products)
    def declare(self, data: st.DataObject) -> None:
        product = data.draw(st.sampled_from([*self.products, self.case.design]))
        statement, smelters = self.draw_statement(data)
        args = product, self.case.year, statement, smelters
        self.tell("declare", *args, sender=self.world.maker.quality)

    @rule(empty=st.booleans())
    def declare_the_rest(self, empty: bool) -> None:
        """So that whole lineages are declared."""
        for product in self.products:
            if self.latest(product) is None:
                tin = pack() if empty else pack(tin=CLEAN)
                args = Statement(self.registers[0].number, answers=tin), [] if empty else SMELTERS[:1]
                self.tell("declare", product, self.case.year, *args, sender=self.world.maker.quality)

    @rule(data=st.data())
    @precondition(lambda self: self.declared)
    def supersede(self, data: st.DataObject) -> None:
        product = data.draw(st.sampled_from(self.declared))
        statement, smelters = self.draw_statement(data)
        args = product, self.case.year, self.latest(product).version, statement, smelters, REASON
        self.tell("supersede", *args, sender=self.world.maker.quality)

    @rule(data=st.data())
    @precondition(lambda self: self.declared)
    def cover(self, data: st.DataObject) -> None:
        """Lots go from one declaration to another."""
        product = data.draw(st.sampled_from(self.declared))
        covered = data.draw(st.lists(st.sampled_from(self.products), unique=True, max_size=2))
        self.tell("cover", product, self.case.year, covered, sender=self.world.maker.quality)

    @rule()
    def judge_all(self) -> None:
        for product in self.declared:
            smelters = [*self.latest(product).smelters]
            self.tell("judge", product, self.case.year, smelters, sender=self.world.stranger)

    @rule(data=st.data())
    @precondition(lambda self: self.products)
    def evaluate(self, data: st.DataObject) -> None:
        """What is found is what is true, if its declarations were judged."""
        product = data.draw(st.sampled_from(self.products))
        assert self.shadow.evaluate(product)
        COUNT.hit("evaluate")
        found = Verdict(self.shadow.model.ledger.findings[product].verdict)
        COUNT.hit(found.name)
        behind = [each.product for each in self.shadow.way(product)]
        ledger = self.shadow.model.ledger
        stands = [
            self.shadow.model.shown(ledger.judgements[ledger.covered[each]])[0]
            == self.shadow.model.declared_truth(ledger.covered[each])
            for each in behind
            if each in ledger.covered
        ]
        if all(stands):
            assert found == self.shadow.model.truth(product)
            COUNT.hit("exact")

    @rule(data=st.data())
    @precondition(lambda self: self.products)
    def evaluate_by_step(self, data: st.DataObject) -> None:
        """Standing on what was found for the inputs."""
        product = data.draw(st.sampled_from(self.products))
        way = self.shadow.way(product)
        direct = {way[place].product for place in way[0].inputs}
        short = [
            way[0],
            *(each._replace(inputs=[], quantities=[]) for each in way[1:] if each.product in direct),
        ]
        places = {each.product: place for place, each in enumerate(short)}
        if product in direct:
            return
        inputs = [places[way[place].product] for place in way[0].inputs]
        short[0] = short[0]._replace(inputs=inputs)
        if self.shadow.tell("evaluate", short, sender=self.world.stranger) and len(short) > 1:
            COUNT.hit("evaluate_by_step")

    @property
    def with_smelters(self) -> list[bytes]:
        return [product for product in self.declared if self.latest(product).smelters]

    @rule(data=st.data(), status=st.sampled_from([Status.NON_CONFORMANT, Status.NONE, Status.ACTIVE]))
    @precondition(lambda self: self.with_smelters)
    def turn_bad(self, data: st.DataObject, status: Status) -> None:
        """A smelter that somebody has declared, and somebody flags it."""
        product = data.draw(st.sampled_from(self.with_smelters))
        told = self.latest(product)
        index = data.draw(st.integers(0, len(told.smelters) - 1))
        [register] = [org for org in self.registers if org.number == told.statement.register]
        until = self.world.now + 50 if status == Status.ACTIVE else 0
        listing = Listing(told.smelters[index], status, b"BO", until)
        self.tell("list", [listing], sender=register.record)
        args = told.smelters[index], index, tree_of(told.smelters).proof(index)
        self.tell("flag", product, self.case.year, *args, sender=self.world.stranger)

    @rule()
    @precondition(lambda self: len(self.products) > 2)
    def put_everything_in_order(self) -> None:
        """Whatever is open is finalised, listed, declared, judged and evaluated: all verdicts are exact."""
        for process in self.open:
            args = process, 0, self.world.ref()
            assert self.shadow.trace("finalise", *args, sender=self.world.maker.register)
        self.open = []
        self.silence(False)
        self.list_all_anew()
        self.declare_the_rest(True)
        self.judge_all()
        for product in self.products:
            assert self.shadow.evaluate(product)
            found = Verdict(self.shadow.model.ledger.findings[product].verdict)
            assert found == self.shadow.model.truth(product) == self.shadow.show(product)
            COUNT.hit(found.name)
            if len(self.shadow.way(product)) > 2 and Verdict.RECYCLED < found < Verdict.UNDETERMINABLE:
                COUNT.hit("deep")

    @rule(seconds=st.sampled_from([1, 29, 31, 500]))
    def wait(self, seconds: int) -> None:
        self.shadow.node.warp(seconds)

    @rule(silent=st.booleans())
    def silence(self, silent: bool) -> None:
        """The second register is a register, or is not."""
        roles = Role.INSURER if silent else Role.INSURER | Role.AUDITOR
        self.shadow.govern("setRoles", self.world.insurer.number, roles, sender=self.world.governor)

    # What always holds

    @invariant()
    def nothing_that_is_relied_on_is_better_than_the_truth(self) -> None:
        for product in self.products:
            shown = self.shadow.show(product)
            if Verdict.NONE < shown < Verdict.UNDETERMINABLE:
                COUNT.hit("relied on")
            if self.latest(product) is not None:
                self.shadow.declared(product, self.case.year)

    def teardown(self) -> None:
        self.shadow.check_minerals()


def test_the_worst_of_the_graph() -> None:
    run_state_machine_as_test(Histories)
    COUNT.require(["list", "declare", "supersede", "cover", "judge", "evaluate", "evaluate_by_step", "flag"])
    COUNT.require(["make", "come_late", "turn_out_to_be_made", "exact", "deep", "relied on"])
    COUNT.require(["NO_MINERALS", "CONFORMANT", "UNDETERMINABLE"])
