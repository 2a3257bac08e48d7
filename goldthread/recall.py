"""Recalls, from the first lot to the last container: what to send, in what order, and what is still open.

    book = Book(deployment)
    book.update()                                    # the logs up to now
    planned = plan(book, [lot])                      # what a recall of the lot would reach
    recall = open_recall(book, sender, RecallClass.CLASS_II, reason, [lot])
    close(book, sender, recall)                      # every step, and the containers

Nothing is kept between two runs: what is a member and not stepped is read from the chain each time, so that a
run can be killed at any moment and another one goes on. The contract refuses a list that is not complete, and
a second step of a member.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from itertools import accumulate, takewhile
from typing import Any

from goldthread.audit import closure_claims
from goldthread.audit.base import ZERO32, Difference
from goldthread.audit.trace import EVENTS, Thing, Trace, chain_of, check, topics
from goldthread.chain import logs
from goldthread.chain.contracts import Call, Deployment
from goldthread.chain.errors import ChainError, ContractError, RpcError
from goldthread.chain.logs import Event
from goldthread.chain.rpc import Chain, contract_error
from goldthread.chain.send import GAS_CAP, Sender
from goldthread.chain.words import EventRef
from goldthread.hashing import keccak

GAS = {
    "transaction": 60_000,
    "step": 42_000,
    "member": 14_000,
    "twin": 82_000,
    "held": 8_500,
    "container": 90_000,
}
"""About what these cost: a transaction, a step, and of what it lists each new lot or process, each part or
unit that it holds and each one that is held already; and holding a container.
"""

STEPPED = frozenset({"lot", "process"})
"""Kinds of members that something can come of; others are held."""

FILL = 0.8
"""Share of the gas limit that a batch is planned for: what it needs is only known when it is estimated."""

TRIES = 3
"""How often a refused step is looked at again: somebody else may have sent it."""

Progress = Callable[[int], None]
"""Called with the number of steps done since the last time."""


class RecallClass(IntEnum):
    """Health hazard (IRecalls.RecallClass)."""

    NONE = 0
    CLASS_I = 1
    CLASS_II = 2
    CLASS_III = 3


class RecallState(IntEnum):
    """Where a recall stands (IRecalls.RecallState)."""

    NONE = 0
    OPEN = 1
    CLOSED = 2
    LIFTED = 3


class RecallError(ChainError):
    """What was asked for is not possible. The message names field, value and rule."""


@dataclass(frozen=True)
class Step:
    """Something to send: a member with all that came of it, or a thing to hold."""

    thing: Thing
    call: Callable[[], Call]
    gas: int
    """About, as planned."""
    partial: bool = False
    """True for a part of a list that is too long for one transaction, but the first part, which is
    stepped last.
    """


@dataclass
class Facts:
    """A recall as the logs tell it."""

    number: int
    opened: Event
    members: dict[bytes, None] = field(default_factory=dict)
    """Lots and processes, in the order in which they became members."""
    twins: dict[bytes, None] = field(default_factory=dict)
    stepped: dict[bytes, None] = field(default_factory=dict)
    """Also what was a member already when a claim that covers it was followed."""
    closed: list[bytes] = field(default_factory=list)
    """What was stepped, and the root of the claim that was adopted, in their order."""
    claim: int = 0
    """The claim that was adopted; 0: none."""
    followed: set[bytes] = field(default_factory=set)
    """What of it was followed."""
    pending: int = 0
    """How many of its members are still to be followed."""
    uncovered: set[bytes] = field(default_factory=set)
    """Members that are to be stepped although a claim was adopted."""
    left: dict[bytes, bytes] = field(default_factory=dict)
    """By member of which a part was stepped: the chain of what was not."""
    serials: dict[bytes, int] = field(default_factory=dict)
    """Lots of which only so many serials are recalled."""
    consignees: dict[tuple[bytes, int], None] = field(default_factory=dict)
    """Lot and organisation."""

    @property
    def frontier(self) -> list[bytes]:
        """Members that are still to be stepped."""
        return [member for member in self.members if not (member in self.stepped or self._covers(member))]

    def _covers(self, member: bytes) -> bool:
        """Has the claim brought it, with all that came of it?"""
        return member in self.followed and member not in self.uncovered

    @property
    def ready(self) -> list[bytes]:
        """Members that can be stepped now: after a claim, those that it was shown not to cover."""
        return [member for member in self.frontier if not self.claim or member in self.uncovered]


@dataclass
class Book:
    """The logs that recalls are about, read on with each `update`."""

    deployment: Deployment
    trace: Trace = field(default_factory=Trace)
    recalls: dict[int, Facts] = field(default_factory=dict)
    claims: closure_claims.State = field(default_factory=closure_claims.State)

    def update(self, progress: logs.Progress | None = None) -> None:
        """Read the logs that came since the last time."""
        wanted: dict[str, Sequence[str]] = {**EVENTS}
        wanted["Lineage"] = (*EVENTS["Lineage"], "ProcessRecalled", "ProcessRecallLifted")
        wanted["Recalls"] = ()
        if "ClosureClaims" in self.deployment.manifest.contracts:
            wanted["ClosureClaims"] = ()
        last = self.deployment.chain.block_number()
        start = self.trace.block + 1 if self.trace.block >= 0 else None
        found = logs.events(
            self.deployment,
            list(wanted),
            first=start,
            last=last,
            topics=[topics(self.deployment, wanted)],
            progress=progress,
        )
        for event in found:
            self._fold(event)
        self.trace.block = last

    def recall(self, number: int) -> Facts:
        """A recall by its number; `RecallError` if there is none."""
        if number not in self.recalls:
            raise RecallError(
                f"recall {number}: there is none; recalls have numbers from 1 to {len(self.recalls)}"
            )
        return self.recalls[number]

    def state(self, number: int) -> Any:
        """The facts that the contract keeps, as of the last block read, if the logs say the same."""
        facts = self.recall(number)
        contract = self.deployment.recalls
        calls = [contract.recallOf.prepare(number), contract.closureOf.prepare(number)]
        told, closure = self.deployment.read_many(calls, self.trace.block)
        expected = {
            "frontier": len(facts.frontier) + facts.pending,
            "size": len(facts.members) + len(facts.twins),
        }
        if told.state == RecallState.LIFTED:
            return told
        for name, value in expected.items():
            if (found := getattr(told, name)) != value:
                raise RecallError(
                    f"recall {number}: logs say {name} {value}, the chain {found}; logs are missing"
                )
        if chain_of(facts.closed) != closure:
            raise RecallError(
                f"recall {number}: the steps in the logs are not those of closureOf; logs are missing"
            )
        return told

    def steps(self, number: int) -> list[Step]:
        """Every step up to the end, in an order in which each can be sent after those before it; of a
        recall that has adopted a claim those that can be sent now.
        """
        facts = self.recall(number)
        todo: Iterable[bytes] = facts.ready
        if not facts.claim:
            todo = self.trace.closure(facts.frontier, facts.stepped)
        return self.steps_of(number, todo, facts.twins, facts.left)

    def steps_of(
        self,
        number: int,
        members: Iterable[bytes],
        held: Container[bytes] = (),
        left: Mapping[bytes, bytes] | None = None,
    ) -> list[Step]:
        """The steps of these lots and processes, when these twins are held already, and of some members only
        what leads to the chain in `left` is left. A list that is too long for a transaction is cut from its
        end.
        """
        recalls, ref = self.deployment.recalls, EventRef().to_contract()
        limit = gas_limit(self.deployment.chain) * FILL
        steps = []
        for identifier in members:
            thing = self.trace.thing(identifier)
            if thing.kind not in STEPPED:
                continue
            lot = thing.kind == "lot"
            came = list((self.trace.uses if lot else self.trace.outputs).get(identifier, []))
            if left and identifier in left:
                came = _leading_to(left[identifier], came)
            costs = [self._cost(item, held) for item in came]
            whole, part = (
                (recalls.step, recalls.stepPart) if lot else (recalls.stepProcess, recalls.stepProcessPart)
            )
            while GAS["step"] + sum(costs) > limit:
                cut = _last_part(costs, limit - GAS["step"])
                before, gas = chain_of(came[:cut]), GAS["step"] + sum(costs[cut:])
                call = partial(part, number, identifier, before, came[cut:], ref)
                steps.append(Step(thing, call, gas, partial=True))
                came, costs = came[:cut], costs[:cut]
            gas = GAS["step"] + sum(costs)
            steps.append(Step(thing, partial(whole, number, identifier, came, ref), gas))
        return steps

    def _cost(self, item: bytes, held: Container[bytes]) -> int:
        """About what it costs that something is in the list of a step."""
        if self.trace.thing(item).kind in STEPPED:
            return GAS["member"]
        return GAS["held" if item in held else "twin"]

    def holds(self, number: int) -> list[Step]:
        """The containers in which something of a member is, and that are not held for the recall yet."""
        facts = self.recall(number)
        found = self.containers(facts.members)
        return self.holds_of(number, {at: lots for at, lots in found.items() if at not in facts.twins})

    def holds_of(self, number: int, containers: Mapping[bytes, Sequence[bytes]]) -> list[Step]:
        """Holding these containers, each of which has these lots in it."""
        recalls, ref = self.deployment.recalls, EventRef().to_contract()
        return [
            Step(
                self.trace.thing(at),
                partial(recalls.holdContainer, number, at, inside[0], ref),
                GAS["container"],
            )
            for at, inside in containers.items()
        ]

    def containers(self, members: Iterable[bytes]) -> dict[bytes, list[bytes]]:
        """The containers with something of these in them, each with its lots."""
        found: dict[bytes, list[bytes]] = defaultdict(list)
        for lot in members:
            for container in self.trace.containers(lot):
                found[container].append(lot)
        return found

    def _fold(self, event: Event) -> None:
        if event.contract == "ClosureClaims":
            self._fold_claim(event)
            return
        self.trace.fold(event)
        if event.name == "RecallOpened":
            self.recalls[event["recall"]] = Facts(event["recall"], event)
        facts = self.recalls.get(event.args.get("recall", 0))
        if facts is None:
            return
        match event.name:
            case "LotRecalled":
                facts.members[event["lot"]] = None
            case "ProcessRecalled":
                facts.members[event["process"]] = None
            case "LotRecallLifted":
                facts.members.pop(event["lot"], None)
            case "ProcessRecallLifted":
                facts.members.pop(event["process"], None)
            case "TwinAffected":
                facts.twins[event["twin"]] = None
            case "TwinCleared":
                facts.twins.pop(event["twin"], None)
            case "Stepped":
                facts.stepped[event["member"]] = None
                facts.closed.append(event["member"])
            case "MemberCovered":
                facts.stepped[event["member"]] = None
            case "MemberUncovered":
                facts.uncovered.add(event["member"])
            case "ClaimAdopted":
                facts.closed.append(event["root"])
                facts.pending = event["size"]
            case "ClaimFollowed":
                facts.pending -= event["followed"]
            case "PartStepped":
                facts.left[event["member"]] = event["before"]
            case "SerialsAdded":
                facts.serials[event["lot"]] = event["count"]
            case "ConsigneeNotified":
                facts.consignees[event["lot"], event["consignee"]] = None

    def _fold_claim(self, event: Event) -> None:
        closure_claims.fold(self.claims, event)
        if event.name == "Adopted":
            self.recalls[event["recall"]].claim = event["claim"]
        elif event.name == "MembersFollowed":
            claim = self.claims.claims[event["claim"]]
            leaves = claim.leaves[event["first"] : event["first"] + event["count"]]
            self.recalls[claim.recall].followed.update(leaf.member for leaf in leaves)


# ------------------------------------------------------------------------------------------------- planning


@dataclass(frozen=True)
class Holding:
    """Something of a member, in millionths of its unit: with an organisation, in a container (`place`), or on
    its way to another organisation (`to`).
    """

    lot: Thing
    org: int
    quantity: int
    place: Thing | None = None
    to: int = 0


@dataclass
class Plan:
    """What a recall would reach. `differences` are the heads that the logs do not lead to, by thing."""

    seeds: list[Thing]
    members: list[Thing]
    """Lots and processes, nearest first."""
    twins: list[Thing]
    """Parts and units that would be held."""
    containers: list[Thing]
    holdings: list[Holding]
    steps: list[Step]
    transactions: int
    gas: int
    block: int
    differences: dict[bytes, list[Difference]]


def plan(book: Book, seeds: Sequence[bytes]) -> Plan:
    """What a recall of these lots would reach, and about what it would cost. Sends nothing."""
    trace, deployment = book.trace, book.deployment
    for seed in seeds:
        require_lot(book, seed)
    found = [trace.thing(identifier) for identifier in trace.closure(seeds)]
    members = [thing for thing in found if thing.kind in STEPPED]
    twins = [thing for thing in found if thing.kind not in STEPPED]
    ids = [thing.id for thing in members]
    inside = book.containers(ids)
    containers = [trace.thing(container) for container in inside]
    wrong = check(deployment, trace, [*found, *containers])
    steps, holds = book.steps_of(0, ids), book.holds_of(0, inside)
    limit = gas_limit(deployment.chain)
    seeding = GAS["member"] * len(seeds)
    batches = 1 + -(-seeding // int(limit * FILL))
    batches += sum(1 for todo in (steps, holds) for _ in _batches(todo, limit))
    return Plan(
        seeds=[trace.thing(seed) for seed in seeds],
        members=members,
        twins=twins,
        containers=containers,
        holdings=list(_holdings(book, members)),
        steps=steps + holds,
        transactions=batches,
        gas=seeding + batches * GAS["transaction"] + sum(step.gas for step in steps + holds),
        block=trace.block,
        differences=wrong,
    )


def require_lot(book: Book, lot: bytes) -> None:
    """Raise `RecallError` if this is no lot."""
    thing = book.trace.things.get(lot)
    if thing is None or thing.kind != "lot":
        what = f"a {thing.kind}" if thing and thing.kind else "unknown"
        raise RecallError(f"LOT 0x{lot.hex()}: is {what}; a recall starts from lots that were commissioned")


def _holdings(book: Book, members: Sequence[Thing]) -> Iterator[Holding]:
    trace, state = book.trace, book.trace.ledger
    by_lot = {thing.id: thing for thing in members if thing.kind == "lot"}
    inside = [(lot, at, amount) for lot in by_lot for at, amount in trace.containers(lot).items()]
    calls = [book.deployment.twins.custodianOf.prepare(container) for _, container, _ in inside]
    custodians = book.deployment.read_many(calls, trace.block)
    for (lot, org), quantity in state.have.items():
        if lot in by_lot and quantity > 0:
            yield Holding(by_lot[lot], org, quantity)
    for (lot, container, quantity), org in zip(inside, custodians, strict=True):
        yield Holding(by_lot[lot], org, quantity, trace.thing(container))
    for (lot, giver, taker), (quantity, _, _) in state.offers.items():
        if lot in by_lot and quantity > 0:
            yield Holding(by_lot[lot], giver, quantity, to=taker)


def _leading_to(head: bytes, items: Sequence[bytes]) -> list[bytes]:
    """The first of the items, as many as the chain was made of; `RecallError` if it is of none of them."""
    reached = ZERO32
    for count, item in enumerate(items, 1):
        reached = keccak(reached + item)
        if reached == head:
            return list(items[:count])
    raise RecallError("the part that was stepped last is not in the logs; logs are missing")


def _last_part(costs: Sequence[int], limit: float) -> int:
    """Where the last part begins that costs no more than the limit; it has at least one item."""
    start = len(costs) - 1
    room = limit - costs[start]
    while start > 1 and costs[start - 1] <= room:
        start -= 1
        room -= costs[start]
    return max(start, 1)


def _batches(steps: Sequence[Step], limit: int) -> Iterator[Sequence[Step]]:
    start = 0
    while start < len(steps):
        count = _fitting(steps[start:], limit)
        yield steps[start : start + count]
        start += count


def _fitting(steps: Sequence[Step], limit: int) -> int:
    """How many of the steps one transaction has room for; at least one."""
    spent = accumulate(step.gas for step in steps)
    return max(1, sum(1 for _ in takewhile(lambda gas: gas <= limit * FILL - GAS["transaction"], spent)))


# -------------------------------------------------------------------------------------------------- sending


def open_recall(
    book: Book, sender: Sender, klass: RecallClass, reason: bytes, seeds: Sequence[bytes]
) -> tuple[int, bool]:
    """Open a recall and make these lots its seeds; its number, and whether it is a new one.

    A recall of the same organisation for the same reason that was not lifted is gone on with: a run that was
    killed in between does not leave two.
    """
    for seed in seeds:
        require_lot(book, seed)
    contract = book.deployment.recalls
    org = book.deployment.consortium.accountOf(sender.address).org
    number = _same(book, org, klass, reason)
    new = number is None
    if number is None:
        receipt = sender.send(contract.open(klass, reason, EventRef().to_contract()))
        opened = logs.receipt_events(book.deployment, ["Recalls"], receipt)
        number = int(next(event["recall"] for event in opened if event.name == "RecallOpened"))
        book.update()
    missing = [seed for seed in seeds if seed not in book.recall(number).members]
    while missing:
        count = send_some(sender, missing, lambda part: contract.addLots(number, part), len(missing))
        missing = missing[count:]
    book.update()
    return number, new


def _same(book: Book, org: int, klass: RecallClass, reason: bytes) -> int | None:
    contract = book.deployment.recalls
    for number, facts in book.recalls.items():
        same = (facts.opened["org"], facts.opened["class"], facts.opened["reason"]) == (org, klass, reason)
        if same and contract.recallOf(number).state != RecallState.LIFTED:
            return number
    return None


def step(book: Book, sender: Sender, number: int) -> int:
    """Send the next batch of steps; how many, 0 if there is none left."""
    return _next(book, sender, number, book.steps)


def hold(book: Book, sender: Sender, number: int) -> int:
    """Hold the next containers in which something of a member is; how many."""
    return _next(book, sender, number, book.holds)


def close(book: Book, sender: Sender, number: int, progress: Progress = lambda done: None) -> int:
    """Send every step, and hold every container; how many of both were sent."""
    done = 0
    for send in (step, hold):
        while sent := send(book, sender, number):
            progress(sent)
            done += sent
    if book.state(number).state != RecallState.CLOSED:
        raise RecallError(f"recall {number}: has no member yet; add lots with `goldthread recall open`")
    return done


def _next(book: Book, sender: Sender, number: int, todo: Callable[[int], list[Step]]) -> int:
    for attempt in range(1, TRIES + 1):
        if book.state(number).state == RecallState.LIFTED:
            raise RecallError(f"recall {number}: is lifted; only one that is not is stepped")
        steps = todo(number)
        if not steps:
            return 0
        limit = gas_limit(sender.chain)
        try:
            sent = send_some(sender, steps, _together, _fitting(steps, limit))
        except ContractError:
            # Somebody else may have sent the same step, or told of one more use, before this one.
            if attempt == TRIES:
                raise
            book.update()
            continue
        book.update()
        return sent
    raise AssertionError("unreachable")


def _together(steps: Sequence[Step]) -> Call:
    calls = [step.call() for step in steps]
    if len(calls) == 1:
        return calls[0]
    together: Call = calls[0].contract.multicall([call.data for call in calls])
    return together


def send_some(sender: Sender, items: Sequence[Any], call_of: Callable[[Any], Call], count: int) -> int:
    """Send as many of the items, from the first on, as a transaction can take, at most `count`; how
    many.
    """
    limit = gas_limit(sender.chain)
    while True:
        call = call_of(items[:count])
        try:
            gas = _estimate(sender, call, limit)
        except (RpcError, ContractError):
            if count == 1:
                raise
            count //= 2
            continue
        sender.send(call, gas=min(gas + gas // 5, limit))
        return count


def _estimate(sender: Sender, call: Call, limit: int) -> int:
    request = {"from": sender.address, "to": call.to, "data": f"0x{call.data.hex()}", "gas": hex(limit)}
    try:
        return int(sender.chain.rpc("eth_estimateGas", request), 16)
    except RpcError as error:
        raise contract_error(error) from None


def gas_limit(chain: Chain) -> int:
    """The most gas that a transaction may have on this chain."""
    return min(int(chain.rpc("eth_getBlockByNumber", "latest", False)["gasLimit"], 16), GAS_CAP)


# --------------------------------------------------------------------------------------------------- status


@dataclass(frozen=True)
class Consignee:
    """What a consignee says of a lot; quantities in millionths of its unit."""

    lot: Thing
    org: int
    notified: int
    received: int
    answered: int
    """When it first did; 0: it has not."""
    returned: int
    destroyed: int
    sold: int

    @property
    def is_reconciled(self) -> bool:
        """Has it accounted for all it had received?"""
        return self.answered != 0 and self.returned + self.destroyed + self.sold == self.received


def consignees(book: Book, number: int) -> list[Consignee]:
    """What every consignee of a recall says."""
    keys = list(book.recall(number).consignees)
    view = book.deployment.recalls.consigneeOf
    answers = book.deployment.read_many([view.prepare(number, *key) for key in keys], book.trace.block)
    return [
        Consignee(book.trace.thing(lot), org, **answer._asdict())
        for (lot, org), answer in zip(keys, answers, strict=True)
    ]


def still_open(book: Book, number: int, found: Sequence[Consignee], names: Mapping[int, str]) -> list[str]:
    """What a recall still waits for, one line each."""
    facts = book.recall(number)
    if book.state(number).state == RecallState.LIFTED:
        left = len(facts.members) + len(facts.twins)
        return [f"{left} members are to be cleared (clearMembers)"] if left else []
    waits = [f"step {book.trace.thing(member)}" for member in facts.frontier]
    if facts.pending:
        waits.append(f"follow {facts.pending} members of claim {facts.claim}")
    waits += [
        f"finalise claim {claim} after its window"
        for claim, found in book.claims.claims.items()
        if (found.recall, found.state, facts.claim) == (number, closure_claims.ClaimState.COMPLETE, 0)
    ]
    if not facts.members and not facts.twins and not facts.serials:
        waits.append("there is no member yet")
    waits += [f"hold {step.thing}" for step in book.holds(number)]
    for consignee in found:
        who = names.get(consignee.org, f"#{consignee.org}")
        if not consignee.answered:
            waits.append(f"answer of {who} on {consignee.lot}")
        elif not consignee.is_reconciled:
            waits.append(f"reconciliation of {who} on {consignee.lot}")
    return waits
