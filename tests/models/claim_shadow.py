"""ClosureClaims with its model, called side by side, on top of `tests.models.tracing`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

from goldthread.audit import closure_claims as audit
from goldthread.audit.base import Difference, differences
from tests.models.closure_claims import (
    BATCH,
    Claim,
    ClaimsLedger,
    ClaimState,
    ClosureClaims,
    Leaf,
    Placed,
    tree_over,
)
from tests.models.recalls import Recalls
from tests.models.tracing import Tracing, TracingPoint
from tests.support import Node, decode_logs
from tests.support.contract import Sender
from tests.support.making import Making
from tests.support.nodes import Account, accounts
from tests.support.world import BOND, DAY

MUCH = 10**24
TREASURY = accounts()[0]
"""Who administers the organisation of ClosureClaims."""


class ClaimPoint(NamedTuple):
    """A moment to go back to."""

    tracing: TracingPoint
    claims: ClaimsLedger


class Claiming(Tracing):
    """A world in which recalls are closed by claims. The maker and the regulator have tokens."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        world = self.world
        self.contract, self.token = world.closure_claims, world.token
        ledger = ClaimsLedger(BOND, TREASURY)
        self.claims = ClosureClaims(self.contract.address, ledger, self.recalls, DAY)
        for account in (world.maker.recall, world.regulator.recall, world.supplier.recall):
            self.token.mint(account, MUCH, sender=account)
            self.token.approve(self.contract, MUCH, sender=account)
        self.catch_up()

    def claim(self, function: str, *args: Any, sender: Sender) -> bool:
        """Call ClosureClaims and its model; True if both did it. Then what it owes is what it has."""
        done = self._both(self.contract, self.claims, function, args, sender)
        assert self.token.balanceOf(self.contract) == self.claims.ledger.owed
        return done

    def catch_up(self) -> None:
        super().catch_up()
        if "claims" in vars(self):
            self.claims.ledger = self.replayed_claims()

    def replayed_claims(self) -> ClaimsLedger:
        """What the logs of all transactions add up to."""
        ledger = ClaimsLedger(BOND, TREASURY)
        for receipt in self.recorder.receipts:
            for event in decode_logs(receipt):
                if event.address == self.contract.address:
                    ledger.apply((event.name, event.args))
        return ledger

    def pending(self, number: int) -> int:
        claim = self.claims.ledger.adopted(number) if "claims" in vars(self) else None
        return claim.size - claim.followed if claim else 0

    def check_replay(self) -> None:
        super().check_replay()
        assert self.replayed_claims() == self.claims.ledger
        self.check_claims()

    def check_claims(self) -> None:
        contract, ledger = self.contract, self.claims.ledger
        assert contract.claimCount() == len(ledger.claims)
        for number, claim in ledger.claims.items():
            assert contract.claimOf(number)._asdict() == claim.view()
            assert contract.rootOf(number) == claim.root
        for member, head in ledger.noted:
            assert contract.isNoted(member, head)
        for account, amount in ledger.credit.items():
            assert contract.creditOf(account) == amount

    def audited(self) -> list[Difference]:
        """Also the money."""
        found, state = super().audited(), audit.State()
        for event in self.events(self.contract, "ClosureClaims"):
            audit.fold(state, event)
        for view in audit.views(state):
            actual = getattr(self.contract, view.function)(*view.args)
            found += differences("ClosureClaims", view, actual)
        return found

    def point(self) -> ClaimPoint:  # type: ignore[override]
        return ClaimPoint(super().point(), self.claims.ledger.copy())

    def back_to(self, point: ClaimPoint) -> None:  # type: ignore[override]
        super().back_to(point.tracing)
        self.claims.ledger = point.claims.copy()


class Claims:
    """Claims in a world where something is made."""

    def __init__(self, node: Node) -> None:
        self.shadow = Claiming(node)
        self.making = Making(self.shadow)
        self.world = self.shadow.world

    @cached_property
    def maker(self) -> Account:
        """Who recalls and claims."""
        return self.world.maker.recall

    @cached_property
    def anyone(self) -> Account:
        """Who acts for nobody."""
        return self.world.stranger

    def honest(self, recall: int) -> list[Leaf]:
        """All that came of the members that are to be stepped."""
        return leaves_of(self.shadow.recalls, recall)

    def begin(self, recall: int, leaves: Sequence[Leaf]) -> int:
        """Put a bond and publish the list; the claim's number."""
        number = len(self.shadow.claims.ledger.claims) + 1
        assert self.shadow.claim("claim", recall, len(leaves), sender=self.maker)
        for start in range(0, len(leaves), BATCH):
            assert self.shadow.claim("publish", number, leaves[start : start + BATCH], sender=self.maker)
        return number

    def adopt(self, number: int) -> None:
        """Wait for the window to end."""
        self.world.node.warp(max(0, self.of(number).deadline + 1 - self.world.now))
        assert self.shadow.claim("adopt", number, sender=self.anyone)

    def follow(self, number: int) -> None:
        """Follow all that is left."""
        while self.of(number).followed < self.of(number).size:
            claim = self.of(number)
            batch, proof = claim.next_batch(claim.followed), branch_proof(claim.leaves, claim.followed)
            assert self.shadow.claim("follow", number, batch, proof, sender=self.anyone)

    def close(self, recall: int) -> int:
        """Close a recall by a true claim; the claim's number."""
        number = self.begin(recall, self.honest(recall))
        self.adopt(number)
        self.follow(number)
        return number

    def of(self, number: int) -> Claim:
        return self.shadow.claims.ledger.claims[number]

    def placed(self, number: int, index: int) -> Placed:
        """A leaf with its proof."""
        return placed(self.of(number).leaves, index)

    def around(self, number: int, thing: bytes) -> list[Placed]:
        """The leaves between which a thing would be."""
        return around(self.of(number).leaves, thing)

    def uncover(self, number: int, member: bytes) -> None:
        """Show that the claim does not name a member."""
        where = self.around(number, member)
        assert self.shadow.claim("proveUncovered", number, member, where, sender=self.anyone)

    def is_complete(self, number: int) -> bool:
        return self.of(number).state == ClaimState.COMPLETE


def leaves_of(recalls: Recalls, recall: int) -> list[Leaf]:
    """A true claim: the members that are to be stepped, and what came of them that is no member yet."""
    members, traced = recalls.members(recall), recalls.lineage
    start = sorted(recalls.frontier(recall))
    depths, parents = dict.fromkeys(start, 0), {member: member for member in start}
    results: dict[bytes, tuple[bytes, ...]] = {}
    todo = list(start)
    while todo:
        thing, *todo = todo
        traceable = thing in traced.ledger.processes or thing in traced.lots.ledger.lots
        results[thing] = recalls.results(thing) if traceable else ()
        for came in results[thing]:
            if came not in depths and came not in members:
                depths[came], parents[came] = depths[thing] + 1, thing
                todo.append(came)
    return listed(depths, parents, {thing: len(found) for thing, found in results.items()})


def listed(depths: dict[bytes, int], parents: dict[bytes, bytes], results: dict[bytes, int]) -> list[Leaf]:
    """The leaves in their order."""
    things = sorted(depths)
    places = {thing: place for place, thing in enumerate(things)}
    return [Leaf(thing, places[parents[thing]], depths[thing], results[thing]) for thing in things]


def without(leaves: Sequence[Leaf], index: int) -> list[Leaf]:
    """The list with one member left out; what came of it alone has nobody to come of, but stays."""

    def moved(place: int) -> int:
        return place - (place > index)

    kept = [leaf for place, leaf in enumerate(leaves) if place != index]
    return [leaf._replace(parent=min(moved(leaf.parent), len(kept) - 1)) for leaf in kept]


def with_(leaves: Sequence[Leaf], extra: Leaf) -> list[Leaf]:
    """The list with one member more; its parent is given by its place in the list before, its own: -1."""
    index = sum(leaf.member < extra.member for leaf in leaves)

    def moved(place: int) -> int:
        return index if place < 0 else place + (place >= index)

    grown = [*leaves[:index], extra, *leaves[index:]]
    return [leaf._replace(parent=moved(leaf.parent)) for leaf in grown]


def placed(leaves: Sequence[Leaf], index: int) -> Placed:
    return Placed(index, leaves[index], tree_over(leaves).proof(index))


def around(leaves: Sequence[Leaf], thing: bytes) -> list[Placed]:
    """The leaves between which a thing would be."""
    behind = sum(leaf.member < thing for leaf in leaves)
    return [placed(leaves, index) for index in (behind - 1, behind) if 0 <= index < len(leaves)]


def branch_proof(leaves: Sequence[Leaf], first: int) -> list[bytes]:
    """The way from the batch that begins there to the root."""
    tree, index, height = tree_over(leaves), first // BATCH, 6
    proof = []
    for level in tree.levels[height:-1]:
        if (index ^ 1) < len(level):
            proof.append(level[index ^ 1])
        index >>= 1
    return proof
