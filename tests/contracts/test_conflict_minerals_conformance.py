"""Every reachable state x action x kind of caller: contract and model do the same, and no verdict that is
relied on is better than what is true.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from functools import partial

from tests.models.conflict_minerals import CLEAN, Finding, Statement, Status, Verdict, declaration_id, pack
from tests.models.lineage import Ancestor
from tests.models.minerals_shadow import MineralsShadow
from tests.models.shadow import Move, explore
from tests.support import Node
from tests.support.making import ONE
from tests.support.minerals import REASON, TIN, Case

OPEN = replace(CLEAN, identified=1)


class Explorer:
    """ore -> bar, one smelter in one register, and two versions of each declaration at most."""

    def __init__(self, node: Node, versions: int, clock: int) -> None:
        self.shadow = MineralsShadow(node)
        self.case = Case(self.shadow)
        self.ore = self.case.making.lot("ore")
        _, (self.bar,) = self.case.making.transform("x", [self.ore], ["bar"], finalise=True)
        self.start, self.versions, self.clock = node.timestamp, versions, clock
        self.verdicts: set[tuple[Verdict, bool]] = set()

    def moves(self) -> Iterator[Move]:
        case, shadow, world = self.case, self.shadow, self.case.world
        people = world.maker.quality, world.regulator.record, world.carrier.all
        ledger = shadow.model.ledger
        number = case.register.number
        clean = Statement(number, answers=pack(tin=CLEAN))
        unclear = Statement(number, answers=pack(tin=OPEN))
        empty = Statement(number, answers=pack())
        statuses = [(Status.CONFORMANT, self.start + 100), (Status.NON_CONFORMANT, 0)]
        for sender in people:
            if ledger.clock < self.clock:
                for status, until in statuses:
                    listings = [case.listing(TIN, status, until)]
                    yield partial(shadow.tell, "list", listings, sender=sender)
            yield partial(shadow.tell, "declare", self.ore, case.year, clean, [TIN], sender=sender)
            for statement, smelters in ((unclear, [TIN]), (empty, [])):
                known = ledger.declarations.get(declaration_id(self.ore, case.year))
                if known and known.version < self.versions:
                    for version in (known.version - 1, known.version):
                        new = self.ore, case.year, version, statement, smelters, REASON
                        yield partial(shadow.tell, "supersede", *new, sender=sender)
            yield partial(shadow.tell, "judge", self.ore, case.year, [TIN], sender=sender)
            yield partial(shadow.tell, "cover", self.ore, case.year, [self.bar], sender=sender)
        whole = [Ancestor(self.bar, [1], [ONE]), Ancestor(self.ore)]
        for way in (whole, whole[:1], [whole[0]._replace(inputs=[1]), whole[1]]):
            yield partial(shadow.tell, "evaluate", way, sender=world.stranger)

    def key(self) -> Hashable:
        """Two moments with the same key offer the same future."""
        ledger = self.shadow.model.ledger
        return (
            tuple(sorted(ledger.listed.items())),
            tuple(sorted(ledger.worsened.items())),
            tuple(sorted(ledger.lowered.items())),
            tuple((id_, told.version, told.statement) for id_, told in sorted(ledger.declarations.items())),
            tuple(sorted(ledger.judgements.items())),
            tuple(sorted(ledger.findings.items())),
            tuple(sorted(ledger.covered.items())),
        )

    def ask(self) -> None:
        """Now, in the last second of each status, and in the next one."""
        here = self.shadow.point()
        for seconds in (0, 100, 101):
            self.shadow.node.timestamp = self.start + seconds
            for product in (self.ore, self.bar):
                shown = self.shadow.show(product)
                found = self.shadow.model.ledger.findings.get(product, Finding())
                self.verdicts.add((shown, shown != found.verdict))
            self.case.shadow.declared(self.ore, self.case.year)
        self.shadow.back_to(here)


def test_a_lot_and_what_was_made_of_it(node: Node) -> None:
    explorer = Explorer(node, 2, 1)
    found = explore(explorer.shadow, explorer.moves, explorer.key, explorer.ask)
    explorer.shadow.count.require(["list", "declare", "supersede", "judge", "cover", "evaluate"])
    shown = {verdict for verdict, _ in explorer.verdicts}
    assert shown == {Verdict.CONFORMANT, Verdict.UNDETERMINABLE, Verdict.NON_CONFORMANT}
    assert (Verdict.UNDETERMINABLE, True) in explorer.verdicts
    assert found == 190, f"{found} states, {explorer.shadow.steps} steps"
