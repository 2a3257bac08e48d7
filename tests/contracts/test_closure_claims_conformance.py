"""Whatever anybody tries with claims, in whatever order: contract and model do the same, and refuse for the
same reasons.
"""

from __future__ import annotations

from random import Random
from typing import Any

from eth_utils.crypto import keccak

from tests.models.claim_shadow import Claims, around, branch_proof, placed, without
from tests.models.closure_claims import NOBODY, Claim, ClaimState, Leaf, Placed
from tests.models.lineage import chain
from tests.models.recalls import RecallState
from tests.support import Counters, Forwarder, fresh
from tests.support.contract import Sender
from tests.support.making import item
from tests.support.world import DAY

SEEDS = 6
STEPS = 350


class Tries:
    """A few things that came of each other, recalls and claims, true and false."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311
        self.claims = Claims(fresh())
        self.shadow, self.making, self.world = self.claims.shadow, self.claims.making, self.claims.world
        making = self.making
        ore, wood = making.lot("ore"), making.lot("wood")
        self.processes = []
        process, (steel,) = making.transform("smelting", [ore], ["steel"], [making.part("1")])
        self.processes.append(process)
        process, (bars, scrap) = making.transform("rolling", [steel, wood], ["bars", "scrap"])
        self.processes.append(process)
        making.add_inputs(self.processes[0], scrap)
        self.lots = [ore, wood, steel, bars, scrap]
        self.things = [*self.lots, *self.processes, *self.shadow.recalls.results(self.processes[0])]
        self.things.append(keccak(text="unknown"))
        self.machine = Forwarder.deploy(self.world.node, self.world.stranger)
        self.world.hire(self.world.maker, self.machine)
        self.shadow.token.mint(self.machine.address, 10**15, sender=self.world.stranger)
        self.shadow.token.approve(self.shadow.contract, 10**15, sender=self.machine)
        self.shadow.catch_up()
        self.number = 0

    def run(self) -> None:
        moves = [getattr(self, name) for name in sorted(dir(self)) if name.startswith("try_")]
        moves += 2 * [
            self.try_true_claim,
            self.try_follow,
            self.try_missing,
            self.try_excess,
            self.try_uncover,
        ]
        moves += 2 * [self.try_grow]
        for step in range(STEPS):
            self.random.choice(moves)()
            if step % 50 == 0:
                self.shadow.check_claims()
                self.shadow.check_recalls()
        self.making.check()

    def one(self, things: Any) -> Any:
        return self.random.choice(list(things))

    def somebody(self) -> Sender:
        world = self.world
        maker, regulator = world.maker.recall, world.regulator.recall
        return self.one([maker, maker, self.machine, regulator, world.stranger, world.supplier.recall])

    def recall(self) -> int:
        found = self.shadow.recalls.ledger.recalls
        living = [number for number, facts in found.items() if facts.state == RecallState.OPEN]
        return int(self.one(living * 5 + [len(found) + 1, *found]))

    def claim(self, *states: ClaimState) -> tuple[int, Claim]:
        found = self.shadow.claims.ledger.claims
        fitting = [number for number, claim in found.items() if claim.state in states]
        number = int(self.one(fitting * 5 + [*found, len(found) + 1]))
        return number, found.get(number, Claim("", 0, 0))

    def claimant(self, claim: Claim) -> Sender:
        """Mostly."""
        same = self.machine if claim.claimant in ("", self.machine.address) else claim.claimant
        return self.one([same] * 5 + [self.somebody()])

    def try_open(self) -> None:
        if len(self.shadow.recalls.ledger.recalls) < 8:
            self.making.recall(*self.random.sample(self.lots[:2], self.random.randint(0, 1)))

    def try_lift(self) -> None:
        recall = self.recall()
        if recall not in self.shadow.recalls.ledger.recalls or self.random.random() < 0.8:
            return
        members = self.shadow.recalls.members(recall)
        if self.shadow.recall("lift", recall, bytes(32), self.world.ref(), sender=self.world.maker.recall):
            kinds = self.shadow.recalls.lots(recall), self.shadow.recalls.processes(recall)
            found = [sorted(kind & members) for kind in kinds]
            twins = sorted(members - kinds[0] - kinds[1])
            args = recall, *found, twins, self.world.ref()
            assert self.shadow.recall("clearMembers", *args, sender=self.world.stranger)

    def try_seed(self) -> None:
        if self.random.random() < 0.7:
            return
        args = self.recall(), [self.one(self.lots)]
        self.shadow.recall("addLots", *args, sender=self.world.maker.recall)

    def try_step(self) -> None:
        recall = self.recall()
        if recall not in self.shadow.recalls.ledger.recalls:
            return
        frontier = self.shadow.recalls.frontier(recall)
        member = self.one(sorted(frontier) or self.lots)
        function = "stepProcess" if member in self.shadow.lineage.ledger.processes else "step"
        args = recall, member, self.shadow.recalls.results(member), self.world.ref()
        if self.random.random() < 0.5:
            return
        self.shadow.recall(function, *args, sender=self.somebody())

    def try_grow(self) -> None:
        self.number += 1
        name, lot, world = f"more{self.number}", self.one(self.lots), self.world
        if self.random.random() < 0.5:
            args = self.making.arguments(name, [lot], [name])
            self.shadow.trace("transform", *args, sender=world.maker.register)
        else:
            process, made = self.one(self.processes), [item(name)]
            args = process, made, [], world.ref()
            self.shadow.trace("addOutputs", *args, sender=world.maker.register)

    def try_wait(self) -> None:
        self.world.node.warp(self.one([1, 3600, DAY // 2]))

    def try_true_claim(self) -> None:
        """Of an open recall; at times not quite true."""
        recall = self.recall()
        if not self.claims.shadow.claims._is_claimable(recall):
            return
        leaves = self.claims.honest(recall)
        if not leaves or len(self.shadow.claims.ledger.claims) > 30:
            return
        if self.random.random() < 0.6:
            leaves = self.spoiled(leaves)
        self.claims.begin(recall, leaves)

    def spoiled(self, leaves: list[Leaf]) -> list[Leaf]:
        at = self.random.randrange(len(leaves))
        if len(leaves) > 1 and self.random.random() < 0.5:
            return without(leaves, at)
        change = self.one(
            [
                {"parent": self.random.randrange(len(leaves))},
                {"depth": self.random.randrange(3)},
                {"results": self.random.randrange(4)},
            ]
        )
        return [*leaves[:at], leaves[at]._replace(**change), *leaves[at + 1 :]]

    def try_begin(self) -> None:
        args = self.recall(), self.one([0, 1, 2, 2])
        if len(self.shadow.claims.ledger.claims) < 40:
            self.shadow.claim("claim", *args, sender=self.somebody())

    def try_publish(self) -> None:
        number, claim = self.claim(ClaimState.OPEN)
        things = sorted(self.random.sample(self.things, self.one([1, 2, 2])))
        if self.random.random() < 0.1:
            things.reverse()
        size = len(things)
        leaves = [
            Leaf(thing, self.random.randrange(size + 1), self.one([0, 1]), self.one([0, 1, 5001]))
            for thing in things
        ]
        self.shadow.claim("publish", number, leaves, sender=self.claimant(claim))

    def results(self, thing: bytes) -> list[bytes]:
        found = list(self.shadow.claims._results(thing))
        return self.one([found] * 6 + [found[:-1], found[1:]])

    def leaf(self, claim: Claim, index: int) -> Placed:
        if not claim.leaves or self.random.random() < 0.05:
            return NOBODY
        return placed(claim.leaves, index % len(claim.leaves))

    def try_missing(self) -> None:
        number, claim = self.claim(ClaimState.COMPLETE)
        leaf, place = self.leaf(claim, self.random.randrange(9)), self.random.randrange(3)
        named = {each.member for each in claim.leaves}
        gaps = [
            (index, place)
            for index, each in enumerate(claim.leaves)
            for place, result in enumerate(self.shadow.claims._results(each.member)[: each.results])
            if result not in named
        ]
        if gaps and self.random.random() < 0.8:
            index, place = self.one(gaps)
            leaf = self.leaf(claim, index)
        results = self.results(leaf.leaf.member)
        thing = results[place] if place < len(results) else self.one(self.things)
        where = around(claim.leaves, self.one([thing] * 6 + self.things[:1])) if claim.leaves else []
        args = number, leaf, results, place, self.one([where] * 6 + [where[:1]])
        self.shadow.claim("challengeMissing", *args, sender=self.somebody())

    def try_excess(self) -> None:
        number, claim = self.claim(ClaimState.COMPLETE)
        wrong = [
            index
            for index, each in enumerate(claim.leaves)
            if each.parent != index
            and each.member not in self.shadow.claims._results(claim.leaves[each.parent].member)
        ]
        leaf = self.leaf(claim, self.one(wrong * 4 + [self.random.randrange(9)]))
        parent = self.leaf(claim, self.one([leaf.leaf.parent] * 5 + [0]))
        args = number, leaf, parent, self.results(parent.leaf.member)
        self.shadow.claim("challengeExcess", *args, sender=self.somebody())

    def try_note(self) -> None:
        thing = self.one(self.lots + self.processes)
        items = list(self.shadow.recalls.results(thing))
        cut = self.random.randrange(len(items) + 1)
        end = self.one([len(items)] * 5 + [max(cut, len(items) - 1)])
        head = self.one([chain(items[:cut])] * 5 + [bytes(32)])
        self.shadow.claim("note", thing, head, items[cut:end], sender=self.somebody())

    def try_adopt(self) -> None:
        number, claim = self.claim(ClaimState.COMPLETE)
        if claim.state == ClaimState.COMPLETE and self.random.random() < 0.5:
            self.world.node.warp(max(0, claim.deadline + self.one([0, 1]) - self.world.now))
        self.shadow.claim("adopt", number, sender=self.somebody())

    def try_follow(self) -> None:
        number, claim = self.claim(ClaimState.ADOPTED)
        batch = claim.next_batch(claim.followed)
        proof = branch_proof(claim.leaves, claim.followed) if batch else []
        batch = self.one([batch] * 8 + [batch[1:], claim.leaves[:1]])
        self.shadow.claim("follow", number, batch, proof, sender=self.somebody())

    def try_uncover(self) -> None:
        number, claim = self.claim(ClaimState.ADOPTED)
        recall = self.shadow.recalls
        members = sorted(recall.members(claim.recall)) if claim.recall else []
        named = {leaf.member for leaf in claim.leaves}
        absent = [member for member in members if member not in named]
        thing = self.one(absent * 9 + members + self.things)
        where = around(claim.leaves, self.one([thing] * 8 + self.things[:1])) if claim.leaves else []
        self.shadow.claim("proveUncovered", number, thing, where, sender=self.somebody())

    def try_end(self) -> None:
        number, claim = self.claim(ClaimState.OPEN, ClaimState.COMPLETE)
        if self.random.random() < 0.3:
            self.shadow.claim("end", number, sender=self.claimant(claim))

    def try_withdraw(self) -> None:
        self.shadow.claim("withdrawCredit", sender=self.somebody())


EVERYTHING = """
    claim publish note challengeMissing challengeExcess adopt follow proveUncovered end withdrawCredit
    addLots step stepProcess lift transform addOutputs
""".split()


def test_contract_and_model_agree() -> None:
    count = Counters()
    for seed in range(SEEDS):
        tries = Tries(seed)
        tries.shadow.count = count
        tries.run()
    count.require(EVERYTHING)
