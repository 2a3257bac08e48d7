"""Whatever anybody tries in whatever order: Lineage and Recalls do what their models do, and refuse for the
models' reasons.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.models.recalls import RecallClass, RecallState
from tests.models.trees import Packed, loose, serials
from tests.support import Counters, Forwarder, fresh
from tests.support.contract import Sender
from tests.support.making import ONE, REASON, Making, item, lot_id, process_of
from tests.support.words import EndOfLife, Kind
from tests.support.world import Registration, lot_uri, sscc, twin_id, uri

SEEDS = 8
STEPS = 500
UNITS = 4


class Tries:
    """A few lots, processes, twins and recalls, and everything that can be tried with them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311
        self.making = Making.create(fresh())
        self.shadow, self.world = self.making.shadow, self.making.world
        making, world = self.making, self.world
        self.tree = serials(twin_id(uri(f"pills-{index}")) for index in range(UNITS))
        self.lots = [making.lot("ore", 20 * ONE), making.lot("coal", 20 * ONE), making.units("pills", UNITS)]
        self.twins = [making.part("1"), making.part("2")]
        self.process, (steel,) = making.transform("smelting", self.lots[:2], ["steel"], self.twins[:1])
        self.processes = [self.process, process_of(9, "unknown")]
        self.lots += [steel, lot_id("unknown")]
        self.pallet = world.register(sscc("1"), Kind.CONTAINER)
        self.machine = Forwarder.deploy(world.node, world.stranger)
        world.hire(world.maker, self.machine)
        contents = Packed(loose(self.lots[0], ONE))
        args = self.pallet, contents.root, contents.parts(), world.ref()
        world.lots.packCommitted(*args, sender=world.maker.ship)
        self.shadow.catch_up()
        self.twins += [self.pallet, twin_id("unknown")]
        self.orgs = [world.maker, world.maker, world.maker, world.regulator, world.supplier, world.retailer]
        self.number = 0

    def run(self) -> None:
        moves: list[Callable[[], bool]] = [
            getattr(self, name) for name in sorted(dir(self)) if name.startswith("try_")
        ]
        moves += 2 * [self.try_step, self.try_step_process, self.try_hold_container]
        for step in range(STEPS):
            self.random.choice(moves)()
            if step % 60 == 0:
                self.shadow.check_lineage()
                self.shadow.check_recalls()
            if self.random.random() < 0.1:
                self.world.node.warp(60)
        self.making.check()

    # What to try it with

    def one(self, things: list[Any]) -> Any:
        return self.random.choice(things)

    def some(self, things: list[Any]) -> list[Any]:
        return self.random.choices(things, k=self.random.choice((0, 1, 1, 1, 2)))

    def recaller(self) -> Sender:
        """Mostly somebody who may; at times a contract, which is not who sends the transaction."""
        org, machine = self.one(self.orgs), self.machine
        return self.one([org.recall] * 6 + [machine, machine, org.register, self.world.stranger])

    def teller(self) -> Sender:
        maker, machine = self.world.maker, self.machine
        return self.one([maker.register] * 6 + [machine, machine, self.world.supplier.all, maker.ship])

    def number_of_recall(self) -> int:
        found = self.shadow.recalls.ledger.recalls
        living = [number for number, facts in found.items() if facts.state != RecallState.LIFTED]
        return int(self.one(living * 4 + [*found, len(found) + 1]))

    def ref(self) -> Any:
        return self.world.ref(time=self.world.now + self.one([0] * 15 + [1]))

    def frontier(self, recall: int, members: Callable[[int], set[bytes]]) -> list[bytes]:
        if recall not in self.shadow.recalls.ledger.recalls:
            return []
        return sorted(members(recall) & self.shadow.recalls.frontier(recall))

    def results(self, member: bytes) -> list[bytes]:
        """What came of it; now and then not quite."""
        model = self.shadow.recalls
        known = member in self.shadow.lots.ledger.lots or member in self.shadow.lineage.ledger.processes
        found = list(model.results(member)) if known else []
        if self.random.random() < 0.1:
            found.append(self.one([*self.lots, *self.processes, *self.twins]))
        return found

    # Lineage and Lots

    def try_transform(self) -> bool:
        self.number += 1
        name, world = self.one([f"{self.number}"] * 5 + ["smelting"]), self.world
        inputs = [(lot, self.one([1, ONE, 0, 30 * ONE])) for lot in self.some(self.lots)]
        outputs = [item(f"out {self.number}".replace(" ", "-"))] if self.random.random() < 0.5 else []
        args = self.making.arguments(name)[0], inputs, outputs, self.some(self.twins[:2]) * self.one([0, 1])
        sender = self.teller()
        if not self.shadow.trace("transform", *args, self.one([True, False]), self.ref(), sender=sender):
            return False
        self.lots += [twin_id(output.uri) for output in outputs]
        account = sender.address if isinstance(sender, Forwarder) else sender
        org, _ = world.consortium.accountOf(account)
        self.processes.append(process_of(org, name))
        return True

    def try_add_inputs(self) -> bool:
        inputs = [(lot, 1) for lot in self.some(self.lots)]
        return self.shadow.trace(
            "addInputs", self.one(self.processes), inputs, self.ref(), sender=self.teller()
        )

    def try_add_outputs(self) -> bool:
        self.number += 1
        part = self.making.part(f"p{self.number}")
        self.twins.append(part)
        args = self.one(self.processes), self.one([[], [item(f"late-{self.number}")]]), [part], self.ref()
        return self.shadow.trace("addOutputs", *args, sender=self.teller())

    def try_finalise(self) -> bool:
        args = self.one(self.processes), self.one([0, 1, 2_000_001]), self.ref()
        return self.random.random() < 0.5 and self.shadow.trace("finalise", *args, sender=self.teller())

    def try_associate(self) -> bool:
        child, parent = self.random.sample(self.twins, 2)
        call = self.one(["install", "install", "replace", "remove"])
        if call != "install":
            child = self.one([child, *self.shadow.lineage.ledger.installed])
        args = (child,) if call == "remove" else (child, parent)
        return self.shadow.trace(call, *args, self.ref(), sender=self.teller())

    def try_materialise(self) -> bool:
        index = self.random.randrange(UNITS)
        unit = Registration(uri(f"pills-{index}"))
        args = lot_uri("pills"), index, unit, self.tree.proof(index), self.world.ref()
        if not self.shadow.act("materialise", *args, sender=self.world.maker.register):
            return False
        self.twins.append(twin_id(unit.uri))
        return True

    def try_retire(self) -> bool:
        twin = self.one(self.twins)
        if self.random.random() < 0.9:
            return False
        sender = self.world.maker.register
        return self.shadow.do("retire", twin, EndOfLife.DESTROYED, self.world.ref(), sender=sender)

    # Recalls

    def try_open(self) -> bool:
        if len(self.shadow.recalls.ledger.recalls) > 12:
            return False
        class_ = self.one([RecallClass.CLASS_I, RecallClass.CLASS_III, RecallClass.NONE])
        return self.shadow.recall("open", class_, REASON, self.ref(), sender=self.recaller())

    def try_add_lots(self) -> bool:
        args = self.number_of_recall(), self.some(self.lots)
        return self.shadow.recall("addLots", *args, sender=self.recaller())

    def try_add_outputs_of(self) -> bool:
        process = self.one(self.processes)
        args = self.number_of_recall(), process, self.results(process), self.one([0, 1]), self.one([1, 2, 3])
        return self.shadow.recall("addOutputs", *args, sender=self.recaller())

    def try_add_serials(self) -> bool:
        args = (
            self.number_of_recall(),
            self.one(self.lots),
            self.one([self.tree.root, bytes(32)]),
            self.one([1, 0]),
        )
        return self.shadow.recall("addSerials", *args, sender=self.recaller())

    def try_add_twin(self) -> bool:
        args = self.number_of_recall(), self.one(self.twins), self.ref()
        return self.shadow.recall("addTwin", *args, sender=self.recaller())

    def try_step(self) -> bool:
        recall = self.number_of_recall()
        lot = self.one(self.lots[:2] + 8 * self.frontier(recall, self.shadow.recalls.lots))
        return self.shadow.recall("step", recall, lot, self.results(lot), self.ref(), sender=self.recaller())

    def try_step_process(self) -> bool:
        recall = self.number_of_recall()
        process = self.one(self.processes[:2] + 8 * self.frontier(recall, self.shadow.recalls.processes))
        args = recall, process, self.results(process), self.ref()
        return self.shadow.recall("stepProcess", *args, sender=self.recaller())

    def try_hold_container(self) -> bool:
        recall, lot = self.number_of_recall(), self.one(self.lots[:2])
        if lot in self.shadow.recalls.lots(recall) or self.random.random() < 0.2:
            container = self.one([self.pallet, *self.twins[2:4]])
            args = recall, container, lot, self.ref()
            return self.shadow.recall("holdContainer", *args, sender=self.recaller())
        return False

    def try_lift(self) -> bool:
        if self.random.random() < 0.7:
            return False
        return self.shadow.recall("lift", self.number_of_recall(), REASON, self.ref(), sender=self.recaller())

    def try_clear(self) -> bool:
        found = self.shadow.recalls.ledger.recalls
        lifted = [number for number, facts in found.items() if facts.state == RecallState.LIFTED]
        recall = self.one(lifted * 4 + [self.number_of_recall()])
        twins = self.some(self.twins[:1] + 4 * sorted(self.shadow.recalls.ledger.twins(recall)))
        args = recall, self.some(self.lots), self.some(self.processes), twins, self.ref()
        return self.shadow.recall("clearMembers", *args, sender=self.one([self.world.stranger, self.machine]))

    def try_notify(self) -> bool:
        recall = self.number_of_recall()
        lot = self.one(self.lots + 4 * sorted(self.shadow.recalls.lots(recall)))
        args = recall, lot, self.one([1, 2, 5]), self.one([0, 7, 7])
        return self.shadow.recall("notify", *args, sender=self.recaller())

    def consignee(self) -> tuple[int, bytes, Sender]:
        """Recall and lot, and who answers: mostly a consignee."""
        known = list(self.shadow.recalls.ledger.consignees)
        recall, lot, org = self.one(known * 4 + [(self.number_of_recall(), self.one(self.lots), 1)])
        sender = self.world.orgs[org - 1].recall if self.random.random() < 0.9 else self.recaller()
        return recall, lot, sender

    def try_acknowledge(self) -> bool:
        recall, lot, sender = self.consignee()
        return self.shadow.recall("acknowledge", recall, lot, self.one([0, 3, 7]), sender=sender)

    def try_reconcile(self) -> bool:
        recall, lot, sender = self.consignee()
        quantities = self.one([0, 1, 3]), self.one([0, 1, 4]), self.one([0, 2])
        return self.shadow.recall("reconcile", recall, lot, *quantities, self.ref(), sender=sender)


EVERYTHING = """
    transform addInputs addOutputs finalise install remove replace materialise open addLots addSerials addTwin
    step stepProcess holdContainer lift clearMembers notify acknowledge reconcile
""".split()


def test_contracts_and_models_agree() -> None:
    count = Counters()
    for seed in range(SEEDS):
        tries = Tries(seed)
        tries.shadow.count = count
        tries.run()
    count.require(EVERYTHING, at_least=3)
