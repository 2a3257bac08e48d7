"""Claims of all that a recall reaches (IClosureClaims): to make one, to refute a false one, to follow a
true one.

    book = Book(deployment)
    book.update()
    number = claim(book, sender, recall)             # puts the bond, publishes the list
    fault = find_fault(book, number)                 # None: all that came of everything is in it
    challenge(book, sender, number, fault)
    adopt(book, sender, number)                      # after the window
    close(book, sender, recall)                      # follows it, and steps what has grown since

Everything is worked out from the logs, which the heads on the chain prove to be complete. As with steps
nothing is kept between two runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from goldthread.audit.closure_claims import Claim, ClaimState
from goldthread.audit.trace import chain_of, check
from goldthread.chain import logs
from goldthread.chain.contracts import Call
from goldthread.chain.merkle import MemberLeaf, Tree
from goldthread.chain.send import Sender
from goldthread.chain.tokens import allow
from goldthread.recall import Book, Progress, RecallError, RecallState, send_some, step
from goldthread.recall import close as close_stepped

BATCH = 64
"""Members published or followed at a time (ClosureClaims)."""

MAX_RESULTS = 5_000
"""Results that a leaf may account for, and that one transaction shows."""

TOGETHER = 12
"""Batches in one transaction: nodes take no more than 128 KiB."""

GAS = {"claim": 165_000, "adopt": 100_000, "publish": 4_200, "follow": 18_000, "batch": 75_000}
"""About what these cost: beginning and adopting a claim, publishing and following each member, and what
each batch of them costs besides.
"""

Place = tuple[int, tuple[bytes, int, int, int], list[bytes]]
"""IClosureClaims.Placed."""

NOWHERE: Place = (0, (bytes(32), 0, 0, 0), [])


# ------------------------------------------------------------------------------------------------ claiming


def leaves_of(book: Book, recall: int) -> list[MemberLeaf]:
    """The list of a true claim: the members that are to be stepped, and what came of them that is no member
    yet, as far as the logs were read.

    Raises `RecallError` if the logs are not complete, or if more came of something than a claim may
    account for.
    """
    facts, trace = book.recall(recall), book.trace
    known = {*facts.members, *facts.twins}
    parents = {member: member for member in facts.frontier}
    depths = dict.fromkeys(parents, 0)
    results: dict[bytes, int] = {}
    todo = deque(parents)
    while todo:
        thing = todo.popleft()
        came = results_of(book, thing)
        if len(came) > MAX_RESULTS:
            raise RecallError(
                f"{trace.thing(thing)}: {len(came)} things came of it, a claim accounts for {MAX_RESULTS}; "
                f"step it first with `goldthread recall step`"
            )
        results[thing] = len(came)
        for item in came:
            if item not in depths and item not in known:
                parents[item], depths[item] = thing, depths[thing] + 1
                todo.append(item)
    if wrong := check(book.deployment, trace, [trace.thing(thing) for thing in depths]):
        raise RecallError(f"{trace.thing(next(iter(wrong)))}: the logs are not complete; use another node")
    things = sorted(depths)
    places = {thing: place for place, thing in enumerate(things)}
    return [
        MemberLeaf(place, thing, places[parents[thing]], depths[thing], results[thing])
        for place, thing in enumerate(things)
    ]


def results_of(book: Book, thing: bytes) -> list[bytes]:
    """What came of a lot or a process, in the order it was told; nothing of anything else."""
    return list(book.trace.uses.get(thing) or book.trace.outputs.get(thing) or [])


def claim(book: Book, sender: Sender, recall: int, progress: Progress = lambda done: None) -> int:
    """Claim all members of a recall; the number of the claim.

    Goes on with an open claim of the same account if what it has published is still true, and ends it
    otherwise.
    """
    told = book.state(recall)
    if told.state != RecallState.OPEN or told.claimed:
        what = "has adopted a claim" if told.claimed else f"is {RecallState(told.state).name}"
        raise RecallError(f"recall {recall}: {what}; only an open one without a claim is claimed")
    leaves = leaves_of(book, recall)
    if not leaves:
        raise RecallError(f"recall {recall}: there is nothing to step, so nothing to claim")
    contract = book.deployment.closure_claims
    number = 0
    for other, found in _mine(book, sender, recall):
        if found.state == ClaimState.COMPLETE:
            return other
        if found.size == len(leaves) and found.leaves == leaves[: len(found.leaves)]:
            number = other
        else:
            sender.send(contract.end(other))
    if not number:
        allow(sender, book.deployment.closure_claims, int(contract.BOND()))
        receipt = sender.send(contract.claim(recall, len(leaves)))
        events = logs.receipt_events(book.deployment, ["ClosureClaims"], receipt)
        number = int(next(event["claim"] for event in events if event.name == "ClaimBegun"))
    book.update()
    done = len(book.claims.claims[number].leaves)
    progress(done)
    batches = [leaves[at : at + BATCH] for at in range(done, len(leaves), BATCH)]
    while batches:
        sent = send_some(
            sender, batches, lambda some: _all([contract.publish(number, _told(b)) for b in some]), TOGETHER
        )
        progress(sum(map(len, batches[:sent])))
        batches = batches[sent:]
    book.update()
    return number


def _mine(book: Book, sender: Sender, recall: int) -> Iterator[tuple[int, Claim]]:
    """The claims of this account that are under way."""
    for number, found in list(book.claims.claims.items()):
        under_way = found.state in (ClaimState.OPEN, ClaimState.COMPLETE)
        if under_way and (found.recall, found.claimant.lower()) == (recall, sender.address.lower()):
            yield number, found


def _told(leaves: Sequence[MemberLeaf]) -> list[tuple[bytes, int, int, int]]:
    return [(leaf.member, leaf.parent, leaf.depth, leaf.results) for leaf in leaves]


def _all(calls: Sequence[Call]) -> Call:
    if len(calls) == 1:
        return calls[0]
    together: Call = calls[0].contract.multicall([call.data for call in calls])
    return together


# ------------------------------------------------------------------------------------------------ refuting


@dataclass(frozen=True)
class Fault:
    """What is wrong with a claim: a member, what is missing of it (or nothing), why, and the calls that
    show it.
    """

    member: bytes
    missing: bytes | None
    why: str
    calls: list[Call]


def find_fault(book: Book, number: int) -> Fault | None:
    """The first thing that is wrong with a complete claim, as far as the logs were read; None: nothing is."""
    found = claim_of(book, number)
    if found.state != ClaimState.COMPLETE:
        raise RecallError(
            f"claim {number}: is {ClaimState(found.state).name}; only a complete one is refuted"
        )
    facts, leaves, trace = book.recall(found.recall), found.leaves, book.trace
    known, named = {*facts.members, *facts.twins}, {leaf.member: leaf.index for leaf in leaves}
    lists = [results_of(book, leaf.member) for leaf in leaves]
    members = [dict.fromkeys(came) for came in lists]
    for leaf, came in zip(leaves, lists, strict=True):
        parent = leaves[leaf.parent]
        why, shown = "", False
        if leaf.results > len(came):
            why = f"{leaf.results} results are counted, there are {len(came)}"
        elif leaf.parent == leaf.index:
            why = "" if leaf.member in known else "is no member, and the claim says that it was one"
        elif leaf.depth <= parent.depth:
            why = f"is not deeper than {trace.thing(parent.member)}, of which it is said to have come"
        elif leaf.member not in members[leaf.parent]:
            why, shown = f"did not come of {trace.thing(parent.member)}", True
        if why:
            return _excess(book, number, leaf, parent if parent is not leaf else None, why, shown)
        for place, item in enumerate(came[: leaf.results]):
            if item not in named and item not in known:
                return _missing(book, number, leaf, place, item)
    return None


def refutable(book: Book) -> list[int]:
    """The claims that can be refuted now: complete, of an open recall that has adopted none."""
    found = []
    for number, each in book.claims.claims.items():
        told = book.deployment.recalls.recallOf(each.recall)
        if each.state == ClaimState.COMPLETE and told.state == RecallState.OPEN and not told.claimed:
            found.append(number)
    return found


def _excess(
    book: Book, number: int, leaf: MemberLeaf, parent: MemberLeaf | None, why: str, shown: bool
) -> Fault:
    tree = Tree(each.hash for each in book.claims.claims[number].leaves)
    notes, listed = _shown(book, parent.member, parent.results) if parent and shown else ([], [])
    where = _placed(tree, parent) if parent else NOWHERE
    contract = book.deployment.closure_claims
    call = contract.challengeExcess(number, _placed(tree, leaf), where, listed)
    return Fault(leaf.member, None, why, [*notes, call])


def _missing(book: Book, number: int, leaf: MemberLeaf, place: int, item: bytes) -> Fault:
    leaves = book.claims.claims[number].leaves
    tree = Tree(each.hash for each in leaves)
    behind = sum(each.member < item for each in leaves)
    around = [_placed(tree, leaves[at]) for at in (behind - 1, behind) if 0 <= at < len(leaves)]
    notes, listed = _shown(book, leaf.member, leaf.results)
    contract = book.deployment.closure_claims
    call = contract.challengeMissing(number, _placed(tree, leaf), listed, place, around)
    return Fault(leaf.member, item, f"{book.trace.thing(item)} came of it and is missing", [*notes, call])


def _shown(book: Book, member: bytes, count: int) -> tuple[list[Call], list[bytes]]:
    """What came of a member, as much as one transaction shows: all of it, or the first ones after notes
    that they are the beginning.
    """
    contract, came = book.deployment.closure_claims, results_of(book, member)
    notes = []
    while len(came) > MAX_RESULTS:
        cut = max(count, len(came) - MAX_RESULTS)
        notes.append(contract.note(member, chain_of(came[:cut]), came[cut:]))
        came = came[:cut]
    return notes, came


def _placed(tree: Tree, leaf: MemberLeaf) -> Place:
    return leaf.index, (leaf.member, leaf.parent, leaf.depth, leaf.results), tree.proof(leaf.index)


def challenge(book: Book, sender: Sender, fault: Fault) -> None:
    """Send what refutes a claim."""
    for call in fault.calls:
        sender.send(call)
    book.update()


def claim_of(book: Book, number: int) -> Claim:
    """A claim by its number; `RecallError` if there is none."""
    if number not in book.claims.claims:
        raise RecallError(
            f"claim {number}: there is none; claims have numbers from 1 to {len(book.claims.claims)}"
        )
    return book.claims.claims[number]


# ------------------------------------------------------------------------------------------------ following


def adopt(book: Book, sender: Sender, number: int) -> None:
    """Adopt a claim after its window, unless something is wrong with it. Does nothing if it is adopted
    already.
    """
    if claim_of(book, number).state == ClaimState.ADOPTED:
        return
    if fault := find_fault(book, number):
        raise RecallError(
            f"claim {number}: {book.trace.thing(fault.member)}: {fault.why}; refute it with "
            f"`goldthread recall challenge {number}`"
        )
    sender.send(book.deployment.closure_claims.adopt(number))
    book.update()


def follow(book: Book, sender: Sender, recall: int) -> int:
    """Follow the next members of the claim that a recall has adopted, as many as a transaction takes;
    how many.
    """
    number = book.recall(recall).claim
    if not number or not book.recall(recall).pending:
        return 0
    found, contract = book.claims.claims[number], book.deployment.closure_claims
    tree = Tree(leaf.hash for leaf in found.leaves)
    starts = list(range(found.followed, found.size, BATCH))

    def calls(some: Sequence[int]) -> Call:
        batches = [(found.leaves[at : at + BATCH], tree.branch_proof(at, BATCH)) for at in some]
        return _all([contract.follow(number, _told(leaves), proof) for leaves, proof in batches])

    before = found.followed
    send_some(sender, starts, calls, TOGETHER)
    book.update()
    return book.claims.claims[number].followed - before


def uncover(book: Book, sender: Sender, recall: int) -> int:
    """Show of the next members that the adopted claim does not name them, so that they can be stepped;
    how many.
    """
    facts = book.recall(recall)
    if not facts.claim or facts.pending:
        return 0
    contract, leaves = book.deployment.closure_claims, book.claims.claims[facts.claim].leaves
    tree = Tree(leaf.hash for leaf in leaves)

    def call_of(member: bytes) -> Call:
        behind = sum(leaf.member < member for leaf in leaves)
        around = [_placed(tree, leaves[at]) for at in (behind - 1, behind) if 0 <= at < len(leaves)]
        prepared: Call = contract.proveUncovered(facts.claim, member, around)
        return prepared

    hidden = [member for member in facts.frontier if member not in facts.uncovered]
    if not hidden:
        return 0
    sent = send_some(sender, hidden, lambda some: _all([call_of(member) for member in some]), 50)
    book.update()
    return sent


def close(book: Book, sender: Sender, recall: int, progress: Progress = lambda done: None) -> int:
    """Follow the claim that was adopted, if there is one, send every step that is left, and hold every
    container; how many of all were sent.
    """
    done = 0
    while sent := next(filter(None, (send(book, sender, recall) for send in (follow, uncover, step))), 0):
        progress(sent)
        done += sent
    return done + close_stepped(book, sender, recall, progress)


# ------------------------------------------------------------------------------------------------- planning


def estimate(members: int, twins: int, twin_gas: int) -> int:
    """About the gas of closing a recall of so many lots and processes, and twins, by a claim."""
    size = members + twins
    batches = -(-size // BATCH)
    each = (GAS["publish"] + GAS["follow"]) * size + twin_gas * twins
    return GAS["claim"] + GAS["adopt"] + each + 2 * GAS["batch"] * batches
