"""Which breaches of containers did a thing inherit? Proofs for the contract Exposures, built from logs.

    story = Story.read(deployment, twin)                    # histories of it and of all containers it was in
    for finding in breaches(deployment, story.containers, story.block):
        answer = ask(deployment, story, finding)            # the contract's own answer to the proof
        answer.exposed                                      # (first second, last second), or None
        write(answer.document(deployment, story))           # a file that others check by a call

What packers committed to is in files of theirs: `Story.read(..., contents={container: leaves})`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from goldthread.audit import twins
from goldthread.audit.history import related
from goldthread.audit.twins import Action, Step
from goldthread.chain import abi, logs
from goldthread.chain.contracts import Call, Deployment
from goldthread.chain.errors import ContractError, NodeError
from goldthread.chain.merkle import ContentLeaf, Tree
from goldthread.hashing import keccak

SCHEMA = 1
"""Version of the format of proof files."""

NEVER = 1 << 256
"""Later than every second."""

PLACING = (Action.PACKED, Action.UNPACKED, Action.RETIRED)
"""Steps after which it is known where a twin is."""

ZERO32 = bytes(32)

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_DATA = re.compile(r"0x(?:[0-9a-f]{2})+")


class ExposureError(ValueError):
    """What was asked for cannot be proven, or a proof file is damaged. The message names the field."""


class History(NamedTuple):
    """As `IExposures.History`: the steps of a twin after `before`."""

    id: bytes
    before: bytes
    steps: list[Step]


class Level(NamedTuple):
    """As `ILots.Step`: a leaf and the proof that leads to the root."""

    leaf: tuple[int, bytes, bytes, bytes, int]
    proof: list[bytes]


class Place(NamedTuple):
    """As `IExposures.Place`: where a packer says that the thing is."""

    container: bytes
    path: list[Level]


@dataclass(frozen=True)
class Finding:
    """A breach that Conditions found. `policy` is as it was set, `breach` as in IConditions."""

    policy: Any
    device: bytes
    quantity: int
    rule: int
    breach: Any
    id: bytes

    @property
    def cause(self) -> tuple[Any, bytes, int, int]:
        """As `IExposures.Cause`."""
        return self.policy, self.device, self.quantity, self.rule


@dataclass
class Story:
    """What the logs up to a block tell of a thing and of the containers that it was in."""

    item: bytes
    block: int
    steps: dict[bytes, list[tuple[bytes, Step]]] = field(default_factory=dict)
    """By twin: its steps, each with the head before it."""
    places: list[Place] = field(default_factory=list)

    @classmethod
    def read(
        cls,
        deployment: Deployment,
        item: bytes,
        *,
        contents: Mapping[bytes, Sequence[ContentLeaf]] | None = None,
        last: int | None = None,
        progress: logs.Progress | None = None,
    ) -> Story:
        """Read the histories up to block `last` (the newest).

        `contents` are the leaves that packers committed to, by container; those of inner containers are
        found by their roots. Raises `FoldError` for logs that do not add up, `ExposureError` for contents
        of a container that is no twin and in no other one.
        """
        block = deployment.chain.block_number() if last is None else last
        story = cls(item, block, places=list(paths(item, contents or {})))
        for start in dict.fromkeys([item, *(place.container for place in story.places)]):
            if start not in story.steps:
                story._add(related(deployment, start, None, block, progress))
        story.places = [place for place in story.places if place.container in story.steps]
        return story

    @property
    def containers(self) -> list[bytes]:
        """What the thing was ever in, as far as the logs and the packers tell."""
        found: dict[bytes, None] = dict.fromkeys(place.container for place in self.places)
        todo = [self.item, *found]
        while todo:
            for container, _, _ in self.stays(todo.pop()):
                if container not in found:
                    found[container] = None
                    todo.append(container)
        return list(found)

    def stays(self, twin: bytes) -> Iterator[tuple[bytes, int, int]]:
        """The containers that a twin was in: from a second on, and not any more in another one."""
        inside: tuple[bytes, int] | None = None
        for _, step in self.steps.get(twin, []):
            if step.action not in PLACING:
                continue
            if inside is not None:
                yield (*inside, time_of(step))
            packed = step.action == Action.PACKED
            inside = (step.a.to_bytes(32, "big"), time_of(step)) if packed else None
        if inside is not None:
            yield (*inside, NEVER)

    def history(self, twin: bytes, since: int | None = None) -> History:
        """The whole history of a twin, or as much of it as says where it was from a second on."""
        steps = self.steps[twin]
        first = 0
        for index, (_, step) in enumerate(steps):
            if since is not None and step.action in PLACING and time_of(step) <= since:
                first = index
        return History(twin, steps[first][0], [step for _, step in steps[first:]])

    def histories(self, finding: Finding) -> list[History]:
        """Of the thing and of the containers in which it was during the breach, and that packers name.

        A history from which places are read is whole.
        """
        first, end = finding.breach.firstCrossing, finding.breach.until + 1
        whole = {place.container for place in self.places}
        if self.places:
            whole.add(self.item)
        wanted = dict.fromkeys(whole)
        todo = [(twin, first, end) for twin in (self.item, *whole)]
        while todo:
            twin, start, stop = todo.pop()
            wanted[twin] = None
            for container, packed, unpacked in self.stays(twin):
                if max(start, packed) < min(stop, unpacked) and container != finding.policy.subject:
                    todo.append((container, max(start, packed), min(stop, unpacked)))
        return [self.history(twin, None if twin in whole else first) for twin in wanted if twin in self.steps]

    def _add(self, events: Iterable[logs.Event]) -> None:
        heads: dict[bytes, bytes] = {}
        waiting: list[logs.Event] = []
        found: dict[bytes, list[tuple[bytes, Step]]] = {}
        for event in events:
            for batch in twins.complete(waiting, event):
                for twin, before, step in twins.steps(heads, batch):
                    found.setdefault(twin, []).append((before, step))
        # Of what was in the same containers only a part is read: histories begin with a registration.
        for twin, steps in found.items():
            if steps[0][1].action in (Action.REGISTERED, Action.REGISTERED_FOR):
                self.steps.setdefault(twin, steps)


@dataclass(frozen=True)
class Answer:
    """What the contract says to a proof.

    `exposed` is the first and the last second in which the thing was in the container during the breach. If
    it is None, `doubt` says why that is not proven either; empty: it is.
    """

    finding: Finding
    exposed: tuple[int, int] | None
    doubt: str
    call: Call

    def document(self, deployment: Deployment, story: Story) -> dict[str, Any]:
        """The proof as a file has it; `ExposureError` if there is none, `NodeError` without the block."""
        if self.doubt:
            raise ExposureError(f"breach 0x{self.finding.id.hex()}: {self.doubt}")
        block = deployment.chain.rpc("eth_getBlockByNumber", hex(story.block), False)
        if not block:
            raise NodeError(f"the node does not have the block {story.block}")
        return {
            "schema": SCHEMA,
            "chainId": deployment.chain.id,
            "block": {"number": story.block, "hash": block["hash"]},
            **self.told(story.item),
            "call": {"to": self.call.to, "data": f"0x{self.call.data.hex()}"},
        }

    def told(self, item: bytes) -> dict[str, Any]:
        """The answer for programs. Times are unix seconds."""
        breach = self.finding.breach
        exposed = self.exposed and {"from": self.exposed[0], "until": self.exposed[1]}
        return {
            "item": f"0x{item.hex()}",
            "container": f"0x{self.finding.policy.subject.hex()}",
            "breachId": f"0x{self.finding.id.hex()}",
            "breach": {"from": breach.firstCrossing, "until": breach.until},
            "inherited": None if self.doubt else self.exposed is not None,
            "exposed": exposed,
        }


def time_of(step: Step) -> int:
    """The second of a step that says where a twin is, docs/history-head.md."""
    return step.a >> 8 if step.action == Action.RETIRED else step.c


def breaches(deployment: Deployment, containers: Sequence[bytes], block: int) -> Iterator[Finding]:
    """The breaches that were found on containers up to a block, oldest first."""
    if not containers:
        return
    topics = [None, None, [f"0x{container.hex()}" for container in containers]]
    policies: dict[bytes, Any] = {}
    for event in logs.events(deployment, ["Conditions"], last=block, topics=topics):
        if event.name == "PolicySet":
            policies[event["policyId"]] = event["policy"]
        elif event.name == "BreachFound":
            about = event["device"], event["quantity"], event["rule"]
            policy = policies[event["policyId"]]
            yield Finding(policy, *about, event["breach"], breach_id(deployment, policy, *about))


def breach_id(deployment: Deployment, policy: Any, device: bytes, quantity: int, rule: int) -> bytes:
    """The number of a breach, as `IExposures.breachIdOf` has it."""
    entry = next(e for e in deployment.conditions.abi if e.get("name") == "setPolicy")
    hash_ = keccak(abi.encode_values(entry["inputs"], [policy]))
    words = (quantity.to_bytes(32, "big"), rule.to_bytes(32, "big"))
    return keccak(hash_ + device + b"".join(words))


def ask(deployment: Deployment, story: Story, finding: Finding) -> Answer:
    """Ask the contract, as of the block of the story."""
    exposures, histories = deployment.exposures, story.histories(finding)
    call = exposures.inherited.prepare(finding.cause, story.item, (histories, story.places))
    found = call.simulate(block=story.block)
    if found.yes:
        return Answer(finding, (found.from_, found.until), "", call)
    call = exposures.notInherited.prepare(finding.cause, story.item, histories)
    try:
        call.simulate(block=story.block)
    except ContractError as error:
        return Answer(finding, None, str(error), call)
    return Answer(finding, None, "", call)


def check(deployment: Deployment, document: Any) -> dict[str, Any]:
    """Ask the contract again what a proof file asks, as of its block; what it answers.

    The names in the file are not looked at: item and breach are those of the call. Raises `ExposureError`
    for a file of another contract or chain, or one that is damaged, `ContractError` if the contract refuses.
    """
    call = _member(document, "call", dict)
    to = _text(call, "call.to", _ADDRESS)
    data = bytes.fromhex(_text(call, "call.data", _DATA)[2:])
    if (schema := _member(document, "schema", int)) != SCHEMA:
        raise ExposureError(f"schema {schema}: this release reads {SCHEMA}")
    if (chain := _member(document, "chainId", int)) != deployment.chain.id:
        raise ExposureError(f"chainId {chain}: the node is on chain {deployment.chain.id}")
    exposures = deployment.exposures
    if to.lower() != exposures.address.lower():
        raise ExposureError(f"call.to {to}: Exposures is at {exposures.address}")
    block: int = _member(_member(document, "block", dict), "block.number", int)
    asks_yes, asks_no = exposures.inherited, exposures.notInherited
    for function in (asks_yes, asks_no):
        if data[:4] == abi.hash_of(abi.signature(function.entry))[:4]:
            break
    else:
        raise ExposureError("call.data: calls neither inherited nor notInherited")
    try:
        cause, item, proof = abi.decode_values(function.entry["inputs"], data[4:])
    except Exception as error:
        raise ExposureError(f"call.data: {error}") from None
    answer = function.prepare(cause, item, proof).simulate(block=block)
    if function is asks_yes:
        yes, exposed = answer.yes, {"from": answer.from_, "until": answer.until}
    else:
        yes, exposed = not answer, None
    policy, device, quantity, rule = cause
    return {
        "item": f"0x{item.hex()}",
        "container": f"0x{policy.subject.hex()}",
        "breachId": f"0x{breach_id(deployment, policy, device, quantity, rule).hex()}",
        "inherited": yes,
        "exposed": exposed if yes else None,
        "block": block,
    }


def paths(item: bytes, contents: Mapping[bytes, Sequence[ContentLeaf]]) -> Iterator[Place]:
    """The ways from containers to a thing, through the leaves that packers committed to.

    Trees of inner containers are found by their roots, whatever container they are named for.
    """
    trees = {container: Tree(leaf.hash for leaf in leaves) for container, leaves in contents.items()}
    inside = {tree.root: (tree, contents[container]) for container, tree in trees.items()}

    def below(tree: Tree, leaves: Sequence[ContentLeaf], lot: bytes | None) -> Iterator[list[Level]]:
        for leaf in leaves:
            if lot not in (None, leaf.lot):
                continue
            level = Level(
                (leaf.index, leaf.child, leaf.child_root, leaf.lot, leaf.quantity), tree.proof(leaf.index)
            )
            if leaf.child == item:
                yield [level]
            if leaf.child_root != ZERO32 and leaf.child_root in inside:
                for rest in below(*inside[leaf.child_root], leaf.lot):
                    yield [level, *rest]

    for container, tree in trees.items():
        for path in below(tree, contents[container], None):
            yield Place(container, path)


def _member(data: Any, path: str, kind: type) -> Any:
    name = path.rpartition(".")[2]
    if not isinstance(data, dict) or name not in data:
        raise ExposureError(f"{path}: is missing")
    if type(data[name]) is not kind:
        raise ExposureError(f"{path} {data[name]!r}: must be {_NAMES[kind]}")
    return data[name]


def _text(data: Any, path: str, pattern: re.Pattern[str]) -> str:
    text: str = _member(data, path, str)
    if not pattern.fullmatch(text):
        raise ExposureError(f"{path} {text[:80]!r}: must be 0x and hex digits")
    return text


_NAMES = {int: "a whole number", str: "a text", dict: "an object"}
