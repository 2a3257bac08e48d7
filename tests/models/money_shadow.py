"""An insurance module and its model, called side by side.

Everything is compared: the outcome, the error and its values, every event of the insurance and of the token
with every field, and the views. From the logs alone, `goldthread.audit` must arrive at what the views show.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterator
from copy import deepcopy
from types import ModuleType
from typing import Any, Generic, NamedTuple, TypeVar

from goldthread.chain.logs import Event
from tests.models.capital import Capital
from tests.models.rules import Refused
from tests.support import Contract, Forwarder, Node, Receipt, Reverted, decode_logs
from tests.support.contract import Sender

Model = TypeVar("Model", bound=Capital)


class Point(NamedTuple):
    """A moment to go back to."""

    snapshot: int
    receipts: int
    model: Any


class MoneyShadow(Generic[Model]):
    """The contract, the model, and the comparison of the two."""

    audit: ModuleType
    """Rebuilds the contract from its logs."""

    def __init__(self, node: Node, contract: Contract, token: Contract, model: Model) -> None:
        self.node = node
        self.contract = contract
        self.token = token
        self.model = model
        self.receipts: list[Receipt] = []
        self.steps = 0

    def do(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call the contract and its model; True if both did it."""
        self.steps += 1
        self.model.now = self.node.timestamp
        call = f"{function}{args} by {address_of(sender)}"
        before = self.past()
        try:
            expected = getattr(self.model, function)(*args, sender=address_of(sender))
        except Refused as refused:
            reasons = refused.reasons
        else:
            receipt = self._call(function, args, sender)
            facts = [(event.name, event.args) for event in decode_logs(receipt)]
            assert facts == expected, f"{call}\n  happened {facts}\n  expected {expected}"
            self.receipts.append(receipt)
            self.check_model()
            assert self.past() == before, f"{call}\n  changed the cover of seconds that have passed"
            return True
        try:
            self._call(function, args, sender)
        except Reverted as reverted:
            reason = (reverted.error, tuple(reverted.values))
            assert reason in reasons, f"{call}\n  refused  {reason}\n  expected {reasons}"
            return False
        raise AssertionError(f"{call}\n  happened\n  expected {reasons}")

    def past(self) -> object:
        """What no step may change."""
        return None

    @abstractmethod
    def check_model(self) -> None:
        """The model's books are in order."""

    @abstractmethod
    def check_policies(self) -> None:
        """The views of policies say what the model says."""

    def check_views(self) -> None:
        """The views say what the model says."""
        contract, model = self.contract, self.model
        model.now = self.node.timestamp
        self.check_model()
        self.check_policies()
        for treasury in {*model.free, *model.locked}:
            assert contract.poolOf(treasury) == (model.free[treasury], model.locked[treasury])
        for account, amount in model.credit.items():
            assert contract.creditOf(account) == amount
        for account, amount in model.token.balances.items():
            assert self.token.balanceOf(account) == amount

    def check_replay(self) -> None:
        """The logs alone lead to the state that the views show."""
        state = self.audit.rebuild(self.events())
        read = lambda function, args: getattr(self.contract, function)(*args)  # noqa: E731
        assert self.audit.compare(state, read) == []
        assert state.obligations == self.token.balanceOf(self.contract)

    def events(self) -> Iterator[Event]:
        """The events of the insurance in all transactions so far, as an indexer gets them."""
        for number, receipt in enumerate(self.receipts):
            for index, event in enumerate(decode_logs(receipt)):
                if event.address == self.contract.address:
                    yield Event(
                        self.audit.CONTRACT, event.name, event.args, number, "", index, event.address, ""
                    )

    def point(self) -> Point:
        """This moment."""
        return Point(self.node.snapshot(), len(self.receipts), self._copy())

    def back_to(self, point: Point) -> None:
        """Return to a moment; later ones are forgotten."""
        self.node.revert(point.snapshot)
        del self.receipts[point.receipts :]
        self.model = point.model
        self.model = self._copy()

    def _copy(self) -> Model:
        signatures, self.model.signatures = self.model.signatures, {}
        copy = deepcopy(self.model)
        copy.signatures = self.model.signatures = signatures
        return copy

    def _call(self, function: str, args: tuple[Any, ...], sender: Sender) -> Receipt:
        found: Receipt = getattr(self.contract, function)(*args, sender=sender)
        return found


Move = Callable[[], bool]
"""Something to try; True if it happened."""


def explore(
    shadow: MoneyShadow[Any], moves: Callable[[], Iterator[Move]], key: Callable[[], Hashable]
) -> int:
    """Try every move in every state that can be reached; returns the number of states.

    `key` names a state: two moments with the same key offer the same future. After every move that happened,
    the views are compared with the model, and in every new state what the logs say as well.
    """
    known = {key()}

    def visit() -> None:
        here, now = shadow.point(), shadow.node.timestamp
        for move in list(moves()):
            happened = move()
            if happened:
                shadow.check_views()
                if key() not in known:
                    known.add(key())
                    shadow.check_replay()
                    visit()
            if happened or shadow.node.timestamp != now:
                shadow.back_to(here)

    visit()
    return len(known)


def address_of(sender: Sender) -> str:
    """Whom the contract sees."""
    return sender.address if isinstance(sender, Forwarder) else sender
