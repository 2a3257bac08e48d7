"""What `demo` tells, chapter by chapter."""

from __future__ import annotations

import time

from _batch import Batches
from _cold import Cold
from _design import Designs
from _drive import Driving
from _goods import Goods
from _lots import Lots
from _minerals import Minerals
from _report import Reports
from _telling import StoryError
from rich.table import Table

from goldthread.audit.rebuild import compare, count_views, rebuild


class Story(Reports, Goods, Driving, Lots, Cold, Batches, Designs, Minerals):
    """The whole story."""

    def tell(self) -> None:
        """All chapters."""
        started = time.monotonic()
        self.found()
        self.report()
        parts = self.parts()
        pallet = self.pallet(parts)
        logger, key = self.logger(pallet)
        policy = self.policy(pallet, logger)
        self.journey(pallet, logger, key, policy)
        self.delivery(pallet, parts)
        self.drive()
        self.lots()
        self.cold()
        self.batch()
        self.design()
        self.minerals()
        self.prove()
        self.table(time.monotonic() - started)

    # -------------------------------------------------------------------------------------------------- proof

    def prove(self) -> None:
        """Rebuild everything from the logs."""
        self.chapter("An auditor rebuilds everything from the logs")
        system = rebuild(self.deployment)
        differences = compare(self.deployment, system)
        if differences or system.problems:
            raise StoryError("; ".join(str(found) for found in [*system.problems, *differences]))
        views = count_views(self.deployment, system)
        self.say(f"{system.logs} logs folded, {views} views compared with the contracts: no difference")

    def table(self, seconds: float) -> None:
        """What came of it."""
        table = Table(title="What came of it", title_justify="left", show_header=False)
        for label, value in self.results:
            table.add_row(label, value)
        table.add_row("transactions", f"{self.transactions}, {self.gas:,} gas")
        table.add_row("attempts refused", str(self.refusals))
        table.add_row("time", f"{seconds:.1f} s")
        self.console.print()
        self.console.print(table)
