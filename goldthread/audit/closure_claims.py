"""Rebuilds the state of ClosureClaims from its events: claims with all their leaves, and who is owed what.

On the way it checks that the root of each claim is that of the leaves that were published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.chain.merkle import MemberLeaf, Tree

ClaimState = IntEnum("ClaimState", "NONE OPEN COMPLETE ADOPTED REFUTED ENDED", start=0)


@dataclass
class Claim:
    """A claim with what it names."""

    claimant: str
    recall: int
    size: int
    bond: int
    leaves: list[MemberLeaf] = field(default_factory=list)
    followed: int = 0
    deadline: int = 0
    state: int = ClaimState.OPEN
    root: bytes = ZERO32
    proven: bool = False
    """True once it is refuted."""


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    claims: dict[int, Claim] = field(default_factory=dict)
    """By number, from 1."""
    noted: set[tuple[bytes, bytes]] = field(default_factory=set)
    """Lots or processes, and heads that their lists had."""
    credit: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """By account."""


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of ClosureClaims; raises `FoldError`."""
    match event.name:
        case "Alert":
            return
        case "HeadNoted":
            state.noted.add((event["member"], event["head"]))
            return
        case "CreditWithdrawn":
            if state.credit[event["account"]] != event["amount"]:
                raise FoldError(event, f"the credit is {state.credit[event['account']]}")
            state.credit[event["account"]] = 0
            return
        case "ClaimBegun":
            if event["claim"] != len(state.claims) + 1:
                raise FoldError(event, f"claim {event['claim']} follows claim {len(state.claims)}")
            state.claims[event["claim"]] = Claim(
                event["claimant"], event["recall"], event["size"], event["bond"]
            )
            return
    claim = state.claims.get(event["claim"])
    if claim is None:
        raise FoldError(event, f"claim {event['claim']} was never begun")
    match event.name:
        case "MembersPublished":
            _publish(event, claim)
        case "ClaimComplete":
            _complete(event, claim)
        case "MissingProven" | "ExcessProven":
            _require_state(event, claim, ClaimState.COMPLETE)
            claim.proven = True
        case "BondLost":
            _lose(state, event, claim)
        case "Adopted":
            _require_state(event, claim, ClaimState.COMPLETE)
            if event["root"] != claim.root:
                raise FoldError(event, "the claim has another root")
            claim.state = ClaimState.ADOPTED
            state.credit[claim.claimant] += claim.bond
        case "ClaimEnded":
            _require_state(event, claim, ClaimState.OPEN, ClaimState.COMPLETE)
            claim.state = ClaimState.ENDED
            state.credit[claim.claimant] += claim.bond
        case "MembersFollowed":
            _require_state(event, claim, ClaimState.ADOPTED)
            if event["first"] != claim.followed:
                raise FoldError(event, f"{claim.followed} members were followed before")
            claim.followed += event["count"]
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    yield View("claims", "claimCount", (), len(state.claims))
    for number, claim in state.claims.items():
        expected = {
            "claimant": claim.claimant,
            "recall": claim.recall,
            "size": claim.size,
            "published": len(claim.leaves),
            "followed": claim.followed,
            "deadline": claim.deadline,
            "state": claim.state,
        }
        yield View(f"claim {number}", "claimOf", (number,), expected)
        yield View(f"claim {number}", "rootOf", (number,), claim.root)
    for member, head in state.noted:
        yield View(f"list of {short(member)}", "isNoted", (member, head), True)
    for account, amount in state.credit.items():
        yield View(f"account {account}", "creditOf", (account,), amount)


def _publish(event: Event, claim: Claim) -> None:
    _require_state(event, claim, ClaimState.OPEN)
    if event["first"] != len(claim.leaves):
        raise FoldError(event, f"{len(claim.leaves)} members were published before")
    for place, (member, parent, depth, results) in enumerate(event["leaves"], event["first"]):
        claim.leaves.append(MemberLeaf(place, member, parent, depth, results))


def _complete(event: Event, claim: Claim) -> None:
    _require_state(event, claim, ClaimState.OPEN)
    if len(claim.leaves) != claim.size or Tree(leaf.hash for leaf in claim.leaves).root != event["root"]:
        raise FoldError(event, f"the {len(claim.leaves)} members published are not those of the root")
    claim.root, claim.deadline, claim.state = event["root"], event["deadline"], ClaimState.COMPLETE


def _lose(state: State, event: Event, claim: Claim) -> None:
    _require_state(event, claim, ClaimState.COMPLETE)
    if not claim.proven or event["reward"] + event["fine"] != claim.bond:
        raise FoldError(event, f"nothing was proven, or the bond is {claim.bond}")
    claim.state = ClaimState.REFUTED
    state.credit[event["challenger"]] += event["reward"]
    state.credit[event["treasury"]] += event["fine"]


def _require_state(event: Event, claim: Claim, *states: int) -> None:
    if claim.state not in states:
        raise FoldError(event, f"the claim is {ClaimState(claim.state).name.lower()}")
