"""Verification, DeliveryExceptions and TitleDeed with their models, called side by side as in `Shadow`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from goldthread.audit import consortium as consortium_audit
from goldthread.audit import delivery_exceptions as cases_audit
from goldthread.audit import title_deed as deeds_audit
from goldthread.audit import twins as twins_audit
from goldthread.audit import verification as verification_audit
from goldthread.audit.base import Difference, View, differences
from goldthread.chain.logs import Event
from tests.models.delivery_exceptions import CasesLedger, DeliveryExceptions
from tests.models.lot_shadow import LotPoint, LotShadow
from tests.models.shadow import Point, Shadow
from tests.models.title_deed import DeedsLedger, TitleDeed
from tests.models.verification import Verification, VerificationLedger
from tests.support import Contract, Node, Reverted, decode_logs
from tests.support.contract import Sender


class Moment(NamedTuple):
    """A moment to go back to."""

    world: Point | LotPoint
    ledger: Any


def events_of(shadow: Shadow, name: str, contract: Contract) -> Iterator[Event]:
    """The events of a contract in all transactions so far, as an indexer gets them."""
    for number, receipt in enumerate(shadow.recorder.receipts):
        for index, event in enumerate(decode_logs(receipt)):
            if event.address == contract.address:
                chain = shadow.node.chain_id
                yield Event(
                    name, event.name, event.args, number, str(number), index, event.address, "", chain
                )


def asked(contract: Contract, name: str, views: Iterator[View]) -> list[Difference]:
    """Where the contract's views do not say what is expected; one that refuses says something else."""
    found = []
    for view in views:
        try:
            actual = getattr(contract, view.function)(*view.args)
        except Reverted as reverted:
            found.append(Difference(name, view.subject, view.function, view.expected, str(reverted)))
        else:
            found += differences(name, view, actual)
    return found


class VerificationShadow(LotShadow):
    """A world with lots that are verified."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.contract = self.world.verification
        self.model = Verification(VerificationLedger(), self.lots)
        self.catch_up()

    def tell(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Verification and its model; True if both did it."""
        return self._both(self.contract, self.model, function, args, sender)

    def now(self) -> Moment:
        """This moment."""
        return Moment(self.moment(), self.model.ledger.copy())

    def again(self, moment: Moment) -> None:
        """Return to a moment; later ones are forgotten."""
        assert isinstance(moment.world, LotPoint)
        self.return_to(moment.world)
        self.model.ledger = moment.ledger.copy()

    def check_all(self) -> None:
        """The logs alone lead to the state of the model, and to what the views show."""
        ledger, events = VerificationLedger(), list(events_of(self, "Verification", self.contract))
        for event in events:
            ledger.apply((event.name, event.args))
        assert ledger == self.model.ledger
        for unit in {*ledger.open, *ledger.settled}:
            expected = len(ledger.open.get(unit, ())), ledger.settled[unit]
            assert self.contract.suspicionOf(unit) == expected
        for (org, day), count in ledger.days.items():
            assert self.contract.reportsOn(org, day) == count
        assert self.audit(events) == []

    def audit(self, events: Iterable[Event]) -> list[Difference]:
        """Where the package's own reading of the logs and the contract disagree."""
        state = verification_audit.rebuild(events)
        return asked(self.contract, "Verification", verification_audit.views(state))


class CasesShadow(Shadow):
    """A world with cases about deliveries."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.contract = self.world.delivery_exceptions
        self.model = DeliveryExceptions(CasesLedger(), self.consortium)

    def tell(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call DeliveryExceptions and its model; True if both did it."""
        return self._both(self.contract, self.model, function, args, sender)

    def now(self) -> Moment:
        """This moment."""
        return Moment(self.point(), self.model.ledger.copy())

    def again(self, moment: Moment) -> None:
        """Return to a moment; later ones are forgotten."""
        assert isinstance(moment.world, Point)
        self.back_to(moment.world)
        self.model.ledger = moment.ledger.copy()

    def check_all(self) -> None:
        """The logs alone lead to the state of the model, and to what the views show."""
        ledger, events = CasesLedger(), list(events_of(self, "DeliveryExceptions", self.contract))
        for event in events:
            ledger.apply((event.name, event.args))
        assert ledger == self.model.ledger
        assert self.contract.caseCount() == len(ledger.cases)
        for id_, case in ledger.cases.items():
            assert self.contract.caseOf(id_) == case.view()
            assert self.contract.subjectOf(id_) == case.subject
        assert self.audit(events) == []

    def audit(self, events: Iterable[Event]) -> list[Difference]:
        """Where the package's own reading of the logs and the contract disagree."""
        return asked(self.contract, "DeliveryExceptions", cases_audit.views(cases_audit.rebuild(events)))


class DeedsShadow(Shadow):
    """A world with title deeds; `deaf` are contracts that take no token."""

    def __init__(self, node: Node, deaf: Collection[str] = ()) -> None:
        super().__init__(node)
        self.contract = self.world.title_deed
        number = self.world.consortium.accountOf(self.contract).org
        self.model = TitleDeed(self.contract.address, number, DeedsLedger(), self.twins, deaf)
        self.catch_up()

    def tell(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call TitleDeed and its model; True if both did it."""
        return self._both(self.contract, self.model, function, args, sender)

    def now(self) -> Moment:
        """This moment."""
        return Moment(self.point(), self.model.ledger.copy())

    def again(self, moment: Moment) -> None:
        """Return to a moment; later ones are forgotten."""
        assert isinstance(moment.world, Point)
        self.back_to(moment.world)
        self.model.ledger = moment.ledger.copy()

    def check_all(self, accounts: Collection[str] = ()) -> None:
        """The logs alone lead to the state of the model, and to what the views show."""
        ledger, events = DeedsLedger(), list(events_of(self, "TitleDeed", self.contract))
        for event in events:
            ledger.apply((event.name, event.args))
        assert ledger == self.model.ledger
        contract = self.contract
        for id_, deed in ledger.deeds.items():
            assert contract.ownerOf(id_) == deed.holder
            assert contract.getApproved(id_) == deed.approved
            assert contract.tokenURI(id_) == deed.uri
        for id_ in (int.from_bytes(twin, "big") for twin in self.twins.ledger.twins):
            assert contract.redeemedBy(id_) == self.model.redeemedBy(id_)
        for account in accounts:
            assert contract.balanceOf(account) == self.model.balance(account)
            for operator in accounts:
                expected = (account, operator) in ledger.operators
                assert contract.isApprovedForAll(account, operator) == expected
        assert self.audit(events) == []

    def audit(self, events: Iterable[Event]) -> list[Difference]:
        """Where the package's own reading of the logs and the contract disagree."""
        twins, consortium = twins_audit.State(), consortium_audit.State()
        for event in events_of(self, "Consortium", self.world.consortium):
            consortium_audit.fold(consortium, event)
        for event in events_of(self, "Twins", self.world.twins):
            twins_audit.fold(twins, event)
        views = deeds_audit.views(deeds_audit.rebuild(events), twins, consortium)
        return asked(self.contract, "TitleDeed", views)
