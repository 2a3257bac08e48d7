"""The model of `ClosureClaims`, written from IClosureClaims: what a claim says, and what speaks against
it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, NamedTuple

from eth_utils.crypto import keccak

from tests.models.lineage import ZERO, chain
from tests.models.recalls import Recalls, RecallState
from tests.models.rules import Fact, Objections
from tests.models.trees import Tree, leads_to
from tests.support.words import Duty, Role

BATCH = 64
MAX_RESULTS = 5_000
EVENTS = {
    "ClaimBegun", "MembersPublished", "ClaimComplete", "HeadNoted", "MissingProven", "ExcessProven",
    "BondLost", "Adopted", "MembersFollowed", "ClaimEnded", "CreditWithdrawn",
}  # fmt: skip


class ClaimState(IntEnum):
    """`IClosureClaims.State`."""

    NONE = 0
    OPEN = 1
    COMPLETE = 2
    ADOPTED = 3
    REFUTED = 4
    ENDED = 5


class Leaf(NamedTuple):
    """A member, as `IClosureClaims.Leaf`."""

    member: bytes
    parent: int
    depth: int
    results: int


class Placed(NamedTuple):
    """A leaf at its place, as `IClosureClaims.Placed`."""

    index: int  # type: ignore[assignment]
    leaf: Leaf
    proof: Sequence[bytes] = ()


NOBODY = Placed(0, Leaf(ZERO, 0, 0, 0))
"""Where a leaf is not looked at."""


def member_leaf(index: int, leaf: Leaf) -> bytes:
    numbers = (number.to_bytes(4, "big") for number in (leaf.parent, leaf.depth, leaf.results))
    return keccak(b"\4" + index.to_bytes(4, "big") + leaf.member + b"".join(numbers))


def tree_over(leaves: Sequence[Leaf]) -> Tree:
    return Tree(member_leaf(index, leaf) for index, leaf in enumerate(leaves))


@dataclass(frozen=True)
class Claim:
    claimant: str
    recall: int
    size: int
    leaves: tuple[Leaf, ...] = ()
    followed: int = 0
    deadline: int = 0
    state: ClaimState = ClaimState.OPEN
    root: bytes = ZERO

    def view(self) -> dict[str, Any]:
        """What `claimOf` returns."""
        fields = "claimant", "recall", "size", "followed", "deadline", "state"
        return {name: getattr(self, name) for name in fields} | {"published": len(self.leaves)}

    def next_batch(self, done: int) -> tuple[Leaf, ...]:
        return self.leaves[done : done + BATCH]


@dataclass
class ClaimsLedger:
    """What the events of a ClosureClaims contract add up to."""

    bond: int
    treasury: str
    claims: dict[int, Claim] = field(default_factory=dict)
    noted: set[tuple[bytes, bytes]] = field(default_factory=set)
    """Members and heads."""
    credit: Counter[str] = field(default_factory=Counter)

    def copy(self) -> ClaimsLedger:
        return ClaimsLedger(
            self.bond, self.treasury, dict(self.claims), set(self.noted), Counter(self.credit)
        )

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "ClaimBegun":
                self.claims[a["claim"]] = Claim(a["claimant"], a["recall"], a["size"])
            case "MembersPublished":
                leaves = tuple(Leaf(*leaf) for leaf in a["leaves"])
                self._change(a["claim"], leaves=(*self.claims[a["claim"]].leaves, *leaves))
            case "ClaimComplete":
                self._change(a["claim"], root=a["root"], deadline=a["deadline"], state=ClaimState.COMPLETE)
            case "HeadNoted":
                self.noted.add((a["member"], a["head"]))
            case "MissingProven" | "ExcessProven":
                pass
            case "BondLost":
                self._change(a["claim"], state=ClaimState.REFUTED)
                self.credit[a["challenger"]] += a["reward"]
                self.credit[a["treasury"]] += a["fine"]
            case "Adopted":
                self._end(a["claim"], ClaimState.ADOPTED)
            case "ClaimEnded":
                self._end(a["claim"], ClaimState.ENDED)
            case "MembersFollowed":
                self._change(a["claim"], followed=a["first"] + a["count"])
            case "CreditWithdrawn":
                self.credit[a["account"]] -= a["amount"]
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def _end(self, number: int, state: ClaimState) -> None:
        self._change(number, state=state)
        self.credit[self.claims[number].claimant] += self.bond

    def _change(self, number: int, **fields: Any) -> None:
        self.claims[number] = replace(self.claims[number], **fields)

    @property
    def owed(self) -> int:
        """All that the contract owes: bonds at stake and credits."""
        at_stake = ClaimState.OPEN, ClaimState.COMPLETE
        bonds = sum(claim.state in at_stake for claim in self.claims.values())
        return bonds * self.bond + sum(self.credit.values())

    def adopted(self, recall: int) -> Claim | None:
        """The claim that the recall has adopted."""
        return next(
            (c for c in self.claims.values() if (c.recall, c.state) == (recall, ClaimState.ADOPTED)), None
        )


class ClosureClaims:
    """The rules. Every function is called as that of the contract and returns the events that follow,
    those of Recalls and the token among them.
    """

    def __init__(self, address: str, ledger: ClaimsLedger, recalls: Recalls, window: int) -> None:
        self.address = address
        self.ledger = ledger
        self.recalls = recalls
        self.window = window
        self.consortium = recalls.consortium
        recalls.followed = self.followed

    @property
    def now(self) -> int:
        return self.consortium.now

    def followed(self, recall: int) -> set[bytes]:
        claim = self.ledger.adopted(recall)
        return {leaf.member for leaf in claim.leaves[: claim.followed]} if claim else set()

    # Claiming

    def claim(self, recall: int, size: int, *, sender: str) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.RECALL)
        facts = self.recalls.ledger.recalls.get(recall)
        self._claimable(no, recall)
        regulator = self.consortium.has_role(org, Role.REGULATOR)
        no.when(facts is not None and org != facts.org and not regulator, "MayNotClaim", recall, org)
        no.when(size == 0, "NoMembers")
        number = len(self.ledger.claims) + 1
        who = {"claim": number, "recall": recall, "org": org, "claimant": sender}
        begun: Fact = ("ClaimBegun", who | {"size": size, "bond": self.ledger.bond})
        return self._happened(no, begun, self._transfer(sender, self.address, self.ledger.bond))

    def publish(self, number: int, leaves: Sequence[Leaf], *, sender: str) -> list[Fact]:
        no = Objections()
        claim = self._in(no, number, ClaimState.OPEN)
        no.when(sender != claim.claimant, "NotClaimant", number, claim.claimant)
        first = len(claim.leaves)
        self._batch(no, number, claim.size - first, len(leaves))
        everything = (*claim.leaves, *leaves)
        for index in range(first, len(everything)):
            leaf, before = everything[index], everything[index - 1].member if index else ZERO
            fits = leaf.member > before and leaf.parent < claim.size and leaf.results <= MAX_RESULTS
            no.when(not fits, "WrongLeaf", number, index)
        found: list[Fact] = [("MembersPublished", {"claim": number, "first": first, "leaves": list(leaves)})]
        if len(everything) == claim.size:
            root, deadline = tree_over(everything).root, self.now + self.window
            found.append(("ClaimComplete", {"claim": number, "root": root, "deadline": deadline}))
        return self._happened(no, *found)

    def end(self, number: int, *, sender: str) -> list[Fact]:
        no = Objections()
        claim = self.ledger.claims.get(number)
        claimant = claim.claimant if claim else "0x" + 40 * "0"
        no.when(sender != claimant, "NotClaimant", number, claimant)
        if claim is None:
            no.settle()
            raise AssertionError("unreachable")
        ended = claim.state in (ClaimState.ADOPTED, ClaimState.REFUTED, ClaimState.ENDED)
        no.when(ended, "WrongClaimState", number, claim.state)
        at_stake = claim.state == ClaimState.COMPLETE and self._is_claimable(claim.recall)
        no.when(at_stake, "BondAtStake", number)
        return self._happened(no, ("ClaimEnded", {"claim": number}))

    # Refuting

    def note(self, member: bytes, head: bytes, items: Sequence[bytes], *, sender: str) -> list[Fact]:
        no = Objections()
        reached = head
        for item in items:
            reached = keccak(reached + item)
        no.when(not self._known(member, reached), "UnknownList", member, reached)
        return self._happened(no, ("HeadNoted", {"member": member, "head": head}))

    def challengeMissing(  # noqa: N802
        self,
        number: int,
        leaf: Placed,
        results: Sequence[bytes],
        place: int,
        around: Sequence[Placed],
        *,
        sender: str,
    ) -> list[Fact]:
        no = Objections()
        claim = self._challenged(no, number, leaf)
        member = leaf.leaf.member
        if place >= leaf.leaf.results or place >= len(results):
            no.final("NotCounted", number, member, place)
        no.when(not self._known(member, chain(results)), "UnknownList", member, chain(results))
        missing = results[place]
        no.when(missing in self.recalls.members(claim.recall), "NotMissing", number, missing)
        self._absent(no, number, missing, around)
        proven: Fact = ("MissingProven", {"claim": number, "member": member, "missing": missing})
        return self._happened(no, proven, self._lost(number, sender))

    def challengeExcess(  # noqa: N802
        self, number: int, leaf: Placed, parent: Placed, results: Sequence[bytes], *, sender: str
    ) -> list[Fact]:
        no = Objections()
        claim = self._challenged(no, number, leaf)
        said, member = leaf.leaf, leaf.leaf.member
        if said.results <= len(self._results(member)):
            if said.parent == leaf.index:
                real = member in self.recalls.members(claim.recall)
                no.when(real, "NotExcess", number, member)
            else:
                wrong = parent.index != said.parent or not self._is_placed(claim, parent)
                no.when(wrong, "InvalidProof", number, parent.index)
                if parent.leaf.depth < said.depth:
                    self._listed(no, number, member, parent.leaf, results)
        proven: Fact = ("ExcessProven", {"claim": number, "member": member})
        return self._happened(no, proven, self._lost(number, sender))

    def _lost(self, number: int, challenger: str) -> Fact:
        reward = self.ledger.bond // 2
        loser = {"treasury": self.ledger.treasury, "fine": self.ledger.bond - reward}
        return "BondLost", {"claim": number, "challenger": challenger, "reward": reward, **loser}

    def _listed(
        self, no: Objections, number: int, member: bytes, parent: Leaf, results: Sequence[bytes]
    ) -> None:
        head = chain(results)
        whole = tuple(results) == self._results(parent.member)
        enough = (parent.member, head) in self.ledger.noted and len(results) >= parent.results
        no.when(not whole and not enough, "UnknownList", parent.member, head)
        no.when(member in results, "NotExcess", number, member)

    # Following

    def adopt(self, number: int, *, sender: str) -> list[Fact]:
        no = Objections()
        claim = self._in(no, number, ClaimState.COMPLETE)
        no.when(self.now <= claim.deadline, "WindowOpen", number, claim.deadline)
        what = {"claim": number, "recall": claim.recall, "root": claim.root, "caller": sender}
        call = self._elsewhere(no, "adoptClaim", claim.recall, claim.root, claim.size)
        return self._happened(no, ("Adopted", what), then=call)

    def follow(
        self, number: int, leaves: Sequence[Leaf], proof: Sequence[bytes], *, sender: str
    ) -> list[Fact]:
        no = Objections()
        claim = self._in(no, number, ClaimState.ADOPTED)
        first = claim.followed
        self._batch(no, number, claim.size - first, len(leaves))
        no.settle()
        branch = Tree(member_leaf(first + place, leaf) for place, leaf in enumerate(leaves)).root
        no.when(not leads_to(claim.root, branch, proof), "InvalidProof", number, first)
        claimed = [(leaf.member, leaf.results) for leaf in leaves]
        what = {"claim": number, "first": first, "count": len(leaves), "caller": sender}
        call = self._elsewhere(no, "followClaim", claim.recall, claimed)
        return self._happened(no, ("MembersFollowed", what), then=call)

    def proveUncovered(  # noqa: N802
        self, number: int, member: bytes, around: Sequence[Placed], *, sender: str
    ) -> list[Fact]:
        no = Objections()
        claim = self._in(no, number, ClaimState.ADOPTED)
        self._absent(no, number, member, around)
        return self._happened(no, then=self._elsewhere(no, "uncover", claim.recall, member))

    # Money

    def withdrawCredit(self, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        amount = self.ledger.credit[sender]
        no.when(amount == 0, "NoCredit", sender)
        withdrawn: Fact = ("CreditWithdrawn", {"account": sender, "amount": amount})
        return self._happened(no, withdrawn, self._transfer(self.address, sender, amount))

    # Checks

    def _in(self, no: Objections, number: int, state: ClaimState) -> Claim:
        claim = self.ledger.claims.get(number)
        if claim is None or claim.state != state:
            no.final("WrongClaimState", number, claim.state if claim else ClaimState.NONE)
        return claim

    def _is_claimable(self, recall: int) -> bool:
        facts = self.recalls.ledger.recalls.get(recall)
        return facts is not None and facts.state == RecallState.OPEN and not facts.claimed

    def _claimable(self, no: Objections, recall: int) -> None:
        facts = self.recalls.ledger.recalls.get(recall)
        state, claimed = (facts.state, facts.claimed) if facts else (RecallState.NONE, False)
        no.when(not self._is_claimable(recall), "NotClaimable", recall, state, claimed)

    def _challenged(self, no: Objections, number: int, leaf: Placed) -> Claim:
        claim = self._in(no, number, ClaimState.COMPLETE)
        facts = self.recalls.ledger.recalls[claim.recall]
        over = facts.claimed or facts.state == RecallState.LIFTED
        no.when(over, "NotClaimable", claim.recall, facts.state, facts.claimed)
        no.when(not self._is_placed(claim, leaf), "InvalidProof", number, leaf.index)
        return claim

    def _is_placed(self, claim: Claim, placed: Placed) -> bool:
        return leads_to(claim.root, member_leaf(placed.index, placed.leaf), placed.proof)

    def _absent(self, no: Objections, number: int, thing: bytes, around: Sequence[Placed]) -> None:
        claim = self.ledger.claims[number]
        for placed in around:
            no.when(not self._is_placed(claim, placed), "InvalidProof", number, placed.index)
        match around:
            case [only]:
                before = only.index == 0 and thing < only.leaf.member
                behind = only.index == claim.size - 1 and only.leaf.member < thing
                absent = before or behind
            case [a, b]:
                absent = a.index + 1 == b.index and a.leaf.member < thing < b.leaf.member
            case _:
                absent = False
        no.when(not absent, "NotAbsent", number, thing)

    def _batch(self, no: Objections, number: int, left: int, found: int) -> None:
        expected = min(BATCH, left)
        no.when(found != expected or found == 0, "WrongBatch", number, expected, found)

    def _results(self, member: bytes) -> tuple[bytes, ...]:
        lineage = self.recalls.lineage
        if member in lineage.ledger.processes or member in lineage.lots.ledger.lots:
            return self.recalls.results(member)
        return ()

    def _known(self, member: bytes, head: bytes) -> bool:
        return head == chain(self._results(member)) or (member, head) in self.ledger.noted

    def _transfer(self, giver: str, taker: str, amount: int) -> Fact:
        return "Transfer", {"from": giver, "to": taker, "value": amount}

    def _elsewhere(self, no: Objections, function: str, *args: Any) -> list[Fact]:
        """What Recalls does, done at once if nothing speaks against it here."""
        no.settle()
        found: list[Fact] = getattr(self.recalls, function)(*args, sender=self.address)
        return found

    def _happened(self, no: Objections, *facts: Fact, then: Sequence[Fact] = ()) -> list[Fact]:
        no.settle()
        for fact in facts:
            if fact[0] in EVENTS:
                self.ledger.apply(fact)
        return [*facts, *then]
