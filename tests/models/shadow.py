"""The contracts and their models, called side by side.

Everything is compared: the outcome, the error and its values, every event with every field, and the views.
The state of the models is never set by hand: it is folded from the logs, from the first block on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Any, NamedTuple

from tests.models.consortium import Consortium, ConsortiumLedger
from tests.models.rules import Objections, Refused
from tests.models.twins import Twins, TwinsLedger
from tests.support import Contract, Counters, Forwarder, Node, Receipt, Reverted, decode_logs
from tests.support.contract import Sender
from tests.support.receipts import Receipt as Signed
from tests.support.receipts import digest_of
from tests.support.signers import Signer
from tests.support.world import World, happened


class Recorder:
    """A node that keeps the receipts of all its transactions."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.receipts: list[Receipt] = []

    def tx(self, *args: Any, **kwargs: Any) -> Receipt:
        receipt = self._node.tx(*args, **kwargs)
        self.receipts.append(receipt)
        return receipt

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)


class Point(NamedTuple):
    """A moment to go back to."""

    snapshot: int
    receipts: int
    consortium: ConsortiumLedger
    twins: TwinsLedger


class Shadow:
    """A world, the models of its contracts, and the comparison of the two."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.recorder = Recorder(node)
        self.world = World.create(self.recorder)
        self.consortium = Consortium(ConsortiumLedger(), self.world.governor, node.timestamp)
        address = self.world.twins.address
        self.twins = Twins(TwinsLedger(address, node.chain_id), self.consortium)
        self.catch_up()
        self.steps = 0
        self.count = Counters()

    def do(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Twins and its model; True if both did it."""
        return self._both(self.world.twins, self.twins, function, args, sender)

    def govern(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call Consortium and its model; True if both did it."""
        return self._both(self.world.consortium, self.consortium, function, args, sender)

    def _both(self, contract: Contract, model: Any, function: str, args: Any, sender: Sender) -> bool:
        self.steps += 1
        self.consortium.now = self.node.timestamp
        caller = sender.address if isinstance(sender, Forwarder) else sender
        call = f"{function}{args} by {caller}"
        try:
            expected = getattr(model, function)(*args, sender=caller)
        except Refused as refused:
            reasons = refused.reasons
        else:
            receipt = getattr(contract, function)(*args, sender=sender)
            facts = happened(receipt)
            assert facts == expected, f"{call}\n  happened {facts}\n  expected {expected}"
            self.count.hit(function)
            return True
        try:
            getattr(contract, function)(*args, sender=sender)
        except Reverted as reverted:
            reason = (reverted.error, tuple(reverted.values))
            assert reason in reasons, f"{call}\n  refused  {reason}\n  expected {reasons}"
            return False
        raise AssertionError(f"{call}\n  happened\n  expected {reasons}")

    def sign(self, receipt: Signed, signer: Signer) -> bytes:
        """A real signature, known to the model as one."""
        digest = digest_of(receipt, self.world.twins.address, self.node.chain_id)
        signature = signer.sign(digest)
        self.twins.signatures[signature] = (signer.name, digest)
        return signature

    def catch_up(self) -> None:
        """Take over what was done without the model."""
        self.consortium.ledger, self.twins.ledger = self.replayed()

    def replayed(self) -> tuple[ConsortiumLedger, TwinsLedger]:
        """What the logs of all transactions add up to."""
        consortium, twins = ConsortiumLedger(), self.twins.ledger.empty()
        ledgers: dict[str, Any] = {
            self.world.consortium.address: consortium,
            self.world.twins.address: twins,
        }
        for receipt in self.recorder.receipts:
            for event in decode_logs(receipt):
                if event.address in ledgers:
                    ledgers[event.address].apply((event.name, event.args))
        return consortium, twins

    def check_facts(self) -> None:
        """Facts and head of every twin are those of the model."""
        contract, ledger = self.world.twins, self.twins.ledger
        for id_ in ledger.twins:
            assert contract.twin(id_)._asdict() == ledger.view(id_)
            assert contract.head(id_) == ledger.heads[id_]

    def check_views(self) -> None:
        """All views of the twins say what the model says."""
        self.check_facts()
        contract, ledger = self.world.twins, self.twins.ledger
        for id_, twin in ledger.twins.items():
            assert contract.custodianOf(id_) == ledger.custodian(id_)
            assert contract.ownerOf(id_) == twin.owner
            assert contract.containerOf(id_) == twin.container
            assert contract.titleOffer(id_) == twin.title_offer
            assert contract.clear(id_) == (not ledger.cause(id_), ledger.cause(id_))
            for org, reason in twin.holds:
                assert contract.held(id_, org, reason)
        assert contract.containerCount() == len(ledger.numbers)

    def check_replay(self) -> None:
        """The logs alone lead to the state that the views show."""
        consortium, twins = self.replayed()
        assert consortium == self.consortium.ledger
        assert twins == self.twins.ledger
        self.check_consortium_views()
        self.check_views()

    def ask(self, account: str, roles: int, duties: int) -> None:
        """May the account speak? Contract and model give the same answer."""
        ask, model = self.world.consortium.authorize, self.consortium.authorize
        self._same_answer(partial(ask, account, roles, duties), lambda no: model(no, account, duties, roles))

    def ask_under(self, account: str, namespace: bytes) -> None:
        """May the account register under the namespace?"""
        ask, model = self.world.consortium.authorizeUnder, self.consortium.authorize_under
        self._same_answer(partial(ask, account, namespace), lambda no: model(no, account, namespace))

    def _same_answer(self, ask: Callable[[], int], model: Callable[[Objections], int]) -> None:
        self.consortium.now = self.node.timestamp
        no = Objections()
        try:
            expected = model(no)
            no.settle()
        except Refused as refused:
            try:
                ask()
            except Reverted as reverted:
                assert (reverted.error, tuple(reverted.values)) in refused.reasons
                return
            raise AssertionError(f"authorized, expected {refused.reasons}") from None
        assert ask() == expected

    def check_consortium_views(self) -> None:
        contract, ledger = self.world.consortium, self.consortium.ledger
        assert contract.authority() == ledger.authority
        assert contract.organisationCount() == len(ledger.orgs)
        for org, facts in ledger.orgs.items():
            assert contract.organisation(org) == (facts.admin, facts.roles, facts.expiry, facts.suspended)
            assert contract.licenceOf(org) == facts.licence
            assert contract.candidateOf(org) == facts.candidate
        for account, acts in ledger.accounts.items():
            assert contract.accountOf(account) == acts
        for namespace, owner in ledger.owners.items():
            assert contract.namespaceOwner(namespace) == owner
        for namespace, _, delegate in ledger.delegations:
            expected = self.consortium.delegated(namespace, delegate)
            assert contract.delegationExpiry(namespace, delegate) == expected

    def point(self) -> Point:
        """This moment."""
        ledgers = self.consortium.ledger.copy(), self.twins.ledger.copy()
        return Point(self.node.snapshot(), len(self.recorder.receipts), *ledgers)

    def back_to(self, point: Point) -> None:
        """Return to a moment; later ones are forgotten."""
        self.node.revert(point.snapshot)
        del self.recorder.receipts[point.receipts :]
        self.consortium.ledger, self.twins.ledger = point.consortium.copy(), point.twins.copy()


Move = Callable[[], bool]
"""Something to try; True if it happened."""


def explore(
    shadow: Shadow,
    moves: Callable[[], Iterator[Move]],
    key: Callable[[], Hashable],
    check: Callable[[], None],
) -> int:
    """Try every move in every state that can be reached; returns the number of states.

    `key` names a state: two moments with the same key offer the same future. After every move that happened,
    the facts of the twins are compared with the model; `check` compares more, in every state.
    """
    known = {key()}

    def visit() -> None:
        check()
        here, now = shadow.point(), shadow.node.timestamp
        for move in moves():
            happened = move()
            if happened:
                shadow.check_facts()
                if key() not in known:
                    known.add(key())
                    visit()
            if happened or shadow.node.timestamp != now:
                shadow.back_to(here)

    visit()
    return len(known)
