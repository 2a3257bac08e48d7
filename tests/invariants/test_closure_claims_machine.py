"""Random processes, as in `test_recalls_machine`, and recalls that are closed by claims.

However claims, steps, growth and new seeds come together, a closed recall has what networkx reaches from its
seeds, and what the contract owes is what it has. A true claim is refuted by nothing that anybody could
show of it; one with a member missing, or with one too many, is refuted whichever it is.
"""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from tests.invariants.test_recalls_machine import Recalled
from tests.models.claim_shadow import Claims, leaves_of, with_, without
from tests.models.closure_claims import NOBODY, ClaimState, Leaf
from tests.models.recalls import RecallState
from tests.support import Counters, fresh

COUNT = Counters()
WHICH = st.randoms(use_true_random=False)


@cache
def start() -> tuple[Claims, Any]:
    """The contracts, deployed once for all examples."""
    claims = Claims(fresh())
    return claims, claims.shadow.point()


class Claimed(Recalled):
    """The maker claims; the stranger refutes, adopts and follows."""

    def world_of(self) -> tuple[Any, Any]:
        self.claims, beginning = start()
        return self.claims.making, beginning

    # What is claimed

    def open_claims(self, *states: ClaimState) -> list[int]:
        found = self.claims.shadow.claims.ledger.claims
        return [number for number, claim in found.items() if claim.state in states]

    def claimable(self) -> list[int]:
        """Open recalls with something to step that have adopted nothing."""
        found = self.shadow.recalls.ledger.recalls
        return [
            recall
            for recall in self.open_recalls()
            if not found[recall].claimed and self.shadow.recalls.frontier(recall)
        ]

    @precondition(lambda self: self.claimable())
    @rule(random=WHICH)
    def claim(self, random: Random) -> None:
        recall = random.choice(self.claimable())
        number = self.claims.begin(recall, self.claims.honest(recall))
        COUNT.hit("claim")
        if random.random() < 0.5:
            self.claims.adopt(number)
            COUNT.hit("adopt")

    @precondition(lambda self: self.open_claims(ClaimState.COMPLETE))
    @rule(random=WHICH)
    def adopt(self, random: Random) -> None:
        number = random.choice(self.open_claims(ClaimState.COMPLETE))
        claim = self.claims.of(number)
        if claim.recall not in self.claimable():
            assert self.shadow.claim("end", number, sender=self.claims.maker)
            COUNT.hit("end")
            return
        self.claims.adopt(number)
        COUNT.hit("adopt")

    @precondition(lambda self: self.open_claims(ClaimState.ADOPTED))
    @rule(random=WHICH)
    def follow(self, random: Random) -> None:
        number = random.choice(self.open_claims(ClaimState.ADOPTED))
        if self.claims.of(number).recall in self.open_recalls():
            self.follow_all(number)

    @precondition(lambda self: any(self.shadow.claims.ledger.credit.values()))
    @rule()
    def withdraw(self) -> None:
        for account, amount in list(self.shadow.claims.ledger.credit.items()):
            if amount:
                assert self.shadow.claim("withdrawCredit", sender=account)
        COUNT.hit("withdraw")

    @precondition(lambda self: self.open_claims(ClaimState.COMPLETE))
    @rule(random=WHICH)
    def nothing_refutes_a_true_claim(self, random: Random) -> None:
        """Whatever came of anything since it was made."""
        number = random.choice(self.open_claims(ClaimState.COMPLETE))
        if self.claims.of(number).recall in self.claimable():
            self.nothing_refutes(number)

    def follow_all(self, number: int) -> None:
        recall = self.claims.of(number).recall
        before = set(self.shadow.recalls.ledger.uncovered)
        self.claims.follow(number)
        COUNT.hit("follow")
        if self.shadow.recalls.ledger.uncovered - before:
            COUNT.hit("has grown")
        if self.world.recalls.recallOf(recall).state == RecallState.CLOSED:
            self.check_closed(recall)
            COUNT.hit("closed by a claim")

    def nothing_refutes(self, number: int) -> None:
        """All that the lists of the members show against a claim is refused."""
        claim, claims, shadow = self.claims.of(number), self.claims, self.shadow
        for index, leaf in enumerate(claim.leaves):
            placed = claims.placed(number, index)
            parent = claims.placed(number, leaf.parent)
            for listed in (self.results[claim.leaves[leaf.parent].member], []):
                args = number, placed, parent, listed
                assert not shadow.claim("challengeExcess", *args, sender=claims.anyone)
            results = self.results[leaf.member]
            for place, result in enumerate(results):
                args = number, placed, results, place, claims.around(number, result)
                assert not shadow.claim("challengeMissing", *args, sender=claims.anyone)
        COUNT.hit("true")

    # What is false

    def refute_all(self, recall: int, random: Random) -> None:
        """Every claim with one missing or one too many is refuted."""
        leaves, claims = leaves_of(self.shadow.recalls, recall), self.claims
        here = self.shadow.point()
        for index, leaf in enumerate(leaves):
            if leaf.parent == index:
                continue  # A member of before stays in the frontier, and keeps the recall open.
            number = claims.begin(recall, without(leaves, index))
            parent = leaves[leaf.parent].member
            results = self.results[parent]
            at = [each.member for each in claims.of(number).leaves].index(parent)
            around = claims.around(number, leaf.member)
            args = number, claims.placed(number, at), results, results.index(leaf.member), around
            assert self.shadow.claim("challengeMissing", *args, sender=claims.anyone)
            COUNT.hit("missing")
            self.shadow.back_to(here)
        named = {leaf.member for leaf in leaves} | self.members(recall)
        for thing in [*self.lots, *self.processes, *self.twins]:
            if thing in named:
                continue
            parent_at = random.choice([-1, *range(len(leaves))])
            depth = leaves[parent_at].depth + 1 if parent_at >= 0 else 0
            false = with_(leaves, Leaf(thing, parent_at, depth, len(self.results[thing])))
            number = claims.begin(recall, false)
            at = [each.member for each in false].index(thing)
            itself = false[at].parent == at
            parent = NOBODY if itself else claims.placed(number, false[at].parent)
            listed = [] if itself else self.results[parent.leaf.member]
            args = number, claims.placed(number, at), parent, listed
            assert self.shadow.claim("challengeExcess", *args, sender=claims.anyone)
            COUNT.hit("itself" if itself else "excess")
            self.shadow.back_to(here)

    def both_ways(self, recall: int, random: Random) -> None:
        """Steps and claim end with the same members."""
        here, reached = self.shadow.point(), self.reached(recall)
        self.drive(recall, random)
        assert self.members(recall) == reached
        self.shadow.back_to(here)
        number = self.claims.begin(recall, self.claims.honest(recall))
        self.nothing_refutes(number)
        self.claims.adopt(number)
        self.follow_all(number)
        assert self.members(recall) == reached
        assert self.world.recalls.recallOf(recall).state == RecallState.CLOSED
        COUNT.hit("both ways")

    def grow_meanwhile(self, recall: int, random: Random) -> None:
        """What was told after the claim is reached as well."""
        number = self.claims.begin(recall, self.claims.honest(recall))
        members = self.members(recall)
        free = set(self.free())
        named = [leaf.member for leaf in self.claims.of(number).leaves if leaf.member in free - members]
        for lot in named[:2]:
            self.tell(self.name(), [lot], [self.name()], self.parts(True))
        self.nothing_refutes(number)
        self.claims.adopt(number)
        self.follow_all(number)
        self.drive_all(random)
        assert self.members(recall) == self.reached(recall)

    def close_meanwhile(self, recall: int, random: Random) -> None:
        """A claim that nobody needs any more gives the bond back."""
        number, here = self.claims.begin(recall, self.claims.honest(recall)), self.shadow.point()
        self.drive(recall, random)
        assert self.shadow.claim("end", number, sender=self.claims.maker)
        assert self.shadow.claim("withdrawCredit", sender=self.claims.maker)
        COUNT.hit("end")
        COUNT.hit("withdraw")
        self.shadow.back_to(here)

    # How a recall with a claim goes on

    def step_one(self, recall: int, random: Random) -> None:
        claim = self.shadow.claims.ledger.adopted(recall)
        if claim is None:
            super().step_one(recall, random)
            return
        number = next(n for n, each in self.shadow.claims.ledger.claims.items() if each is claim)
        if claim.followed < claim.size:
            self.follow_all(number)
            return
        model = self.shadow.recalls
        member = random.choice(sorted(model.frontier(recall)))
        if (recall, member) not in model.ledger.uncovered:
            self.claims.uncover(number, member)
            COUNT.hit("uncover")
        self.making.step(recall, member)
        COUNT.hit("step besides a claim")

    def teardown(self) -> None:
        random = Random(self.number)  # noqa: S311
        for recall in self.claimable()[:1]:
            here = self.shadow.point()
            self.refute_all(recall, random)
            self.close_meanwhile(recall, random)
            self.both_ways(recall, random)
            self.shadow.back_to(here)
            self.grow_meanwhile(recall, random)
        super().teardown()


def test_a_recall_that_is_closed_by_a_claim_has_everything() -> None:
    run_state_machine_as_test(Claimed)
    COUNT.require(
        "claim,adopt,follow,end,withdraw,has grown,closed by a claim,true,missing,excess,itself,both ways,"
        "uncover,step besides a claim".split(",")
    )
