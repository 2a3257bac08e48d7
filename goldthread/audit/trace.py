"""What came of what: a graph of lots, processes, parts, units and containers, from logs.

    trace = Trace()
    trace.read(deployment)
    found = trace.reach(lot, down=True)              # everything that was made of it, or is around it
    differences = check(deployment, trace, found)    # where a list and the head on the chain disagree

An arrow goes the way that matter goes: from a lot to the processes that used it, from a process to what came
out, from a lot to a unit with a history of its own, from a part to what it is installed in, from whatever is
packed to its container. What may be in what does not depend on when a process was told of its inputs. What
is in a container or assembly does: two things of which one had left before the other came did not meet.

Uses of a lot, inputs and outputs of a process are hash chains on the chain, so their lists are provably
complete. All of a lot is somewhere, so that if every known quantity is also the chain's, there is no other
one. What a container or an assembly has in it beyond lots, and what it had, is as the logs tell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import networkx as nx

from goldthread.audit import lots
from goldthread.audit.base import ZERO32, Difference, FoldError, View, differences, short
from goldthread.chain import abi, logs
from goldthread.chain.contracts import Deployment
from goldthread.chain.logs import Event
from goldthread.chain.words import Kind
from goldthread.hashing import keccak

INPUT, OUTPUT, UNIT = "input", "output", "unit"
"""How one thing is made of another."""

INSTALLED, PACKED = "installed", "packed"
"""How one thing is in another, for a time."""

MADE = frozenset({INPUT, OUTPUT, UNIT})
PLACES = frozenset({INSTALLED, PACKED})

ONE = 1_000_000
"""Millionths in one unit of measure."""

EVENTS: Mapping[str, tuple[str, ...]] = {
    "Twins": ("Registered", "RegisteredFor", "Packed", "Unpacked", "Retired"),
    "Lots": (),
    "Lineage": ("ProcessOpened", "InputAdded", "OutputAdded", "Installed", "Removed"),
}
"""The events that the graph is built from; of Lots all, for the quantities."""

Position = tuple[float, float]
"""Block, and place of the log in it."""

Span = tuple[Position, Position]
"""From a position up to before another."""

ALWAYS: Span = ((-1, -1), (float("inf"), 0))


@dataclass(frozen=True)
class Where:
    """Where something was told: block, place of the log in it, transaction."""

    block: int
    index: int
    tx_hash: str

    @property
    def position(self) -> Position:
        """For comparing."""
        return self.block, self.index


@dataclass
class Thing:
    """A node. `kind` is lot, process, part, container, asset or design, and empty while nothing was told of
    its beginning. `org` made it, or runs the process. `name` is its URI, of a process its transformation id.
    """

    id: bytes
    kind: str = ""
    name: str = ""
    org: int = 0
    quantity: int | None = None
    """Of a lot, in millionths of its unit of measure."""
    unit: str = ""
    at: Where | None = None

    def __str__(self) -> str:
        return f"{self.kind or 'thing'} {self.name or short(self.id)}"


@dataclass(eq=False)
class Link:
    """An arrow. A place is taken from `at` up to before `until`; `since` and `ended` are its times on the
    chain, where they were told.
    """

    relation: str
    source: bytes
    target: bytes
    at: Where | None = None
    org: int = 0
    quantity: int | None = None
    until: Where | None = None
    since: int | None = None
    ended: int | None = None

    @property
    def span(self) -> Span:
        """When one was in the other; always, for what is made of it."""
        if self.relation in MADE:
            return ALWAYS
        first = self.at.position if self.at else ALWAYS[0]
        return first, self.until.position if self.until else ALWAYS[1]


@dataclass
class Reach:
    """What can be reached from `start`, nearest first, and by which links."""

    start: bytes
    down: bool
    things: list[Thing]
    links: list[Link]

    def after(self) -> dict[bytes, list[Link]]:
        """The links that leave each thing, on the way away from the start."""
        found: dict[bytes, list[Link]] = defaultdict(list)
        for link in self.links:
            found[link.source if self.down else link.target].append(link)
        return found


@dataclass
class Trace:
    """The graph, and the lists that the chain keeps heads of.

    `fold` brings it up to date with one more event. Documents of another origin use `thing` and `link`.
    """

    graph: nx.MultiDiGraph = field(default_factory=nx.MultiDiGraph)
    things: dict[bytes, Thing] = field(default_factory=dict)
    uses: dict[bytes, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    inputs: dict[bytes, list[tuple[bytes, int]]] = field(default_factory=lambda: defaultdict(list))
    outputs: dict[bytes, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    origins: dict[bytes, bytes] = field(default_factory=dict)
    """The process out of which a product came."""
    problems: list[tuple[bytes, str]] = field(default_factory=list)
    """Events that cannot have happened after those before them, each with the thing that it is about."""
    ledger: lots.State = field(default_factory=lots.State)
    """Where quantities of lots are."""
    block: int = -1
    """The last block that was read."""
    _told: dict[tuple[bytes, bytes], list[Link]] = field(default_factory=lambda: defaultdict(list))
    """Links that one more event will tell again: a use, whose input comes next."""
    _places: dict[tuple[str, bytes], Link] = field(default_factory=dict)
    """Of each part what it is installed in, of each twin what it is packed in."""
    _amounts: dict[bytes, dict[bytes, int]] = field(default_factory=lambda: defaultdict(dict))
    """By lot, and by each container that it ever was in."""
    _lots: dict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    """Of how many lots there is something in a container."""
    _inside: dict[tuple[bytes, bytes], list[Link]] = field(default_factory=lambda: defaultdict(list))
    """By lot and container, the links that have not ended."""
    _commitments: dict[bytes, Where] = field(default_factory=dict)

    # -------------------------------------------------------------------------------------------- building

    def read(
        self,
        deployment: Deployment,
        *,
        first: int | None = None,
        last: int | None = None,
        span: int = logs.SPAN,
        progress: logs.Progress | None = None,
    ) -> None:
        """Read on from where the last reading ended, up to block `last` (the newest)."""
        end = deployment.chain.block_number() if last is None else last
        start = self.block + 1 if self.block >= 0 else first
        found = logs.events(
            deployment,
            list(EVENTS),
            first=start,
            last=end,
            topics=[topics(deployment, EVENTS)],
            span=span,
            progress=progress,
        )
        for event in found:
            self.fold(event)
        self.block = end

    def thing(self, identifier: bytes) -> Thing:
        """The thing with this id, added if it is not there."""
        if identifier not in self.things:
            self.things[identifier] = Thing(identifier)
            self.graph.add_node(identifier)
        return self.things[identifier]

    def link(self, link: Link) -> Link:
        """Add an arrow."""
        self.thing(link.source)
        self.thing(link.target)
        self.graph.add_edge(link.source, link.target, link=link)
        return link

    def fold(self, event: Event) -> None:
        """Bring the graph up to date with one more event."""
        if event.contract == "Lots":
            try:
                lots.fold(self.ledger, event)
            except FoldError as error:
                subject = event.args.get("lot") or event.args.get("container") or event.args.get("unit")
                self._problem(subject or ZERO32, str(error))
        fold = _FOLDS.get((event.contract, event.name))
        if fold is not None:
            fold(self, event, Where(event.block, event.index, event.tx_hash))

    def _registered(self, event: Event, at: Where) -> None:
        maker = event["maker"] if event.name == "RegisteredFor" else event["org"]
        self._begin(event["id"], Kind(event["kind"]).name.lower(), event["uri"], maker, at)

    def _commissioned(self, event: Event, at: Where) -> None:
        item, lot = event["item"], event["lot"]
        thing = self._begin(lot, "lot", item.uri, event["org"], at)
        thing.quantity, thing.unit = item.quantity, item.unit.rstrip(b"\0").decode("ascii", "replace")
        if event["process"] != ZERO32:
            link = self.link(Link(OUTPUT, event["process"], lot, at, event["org"], item.quantity))
            self._told[event["process"], lot].append(link)

    def _begin(self, identifier: bytes, kind: str, name: str, org: int, at: Where) -> Thing:
        thing = self.thing(identifier)
        thing.kind, thing.name, thing.org, thing.at = kind, name, org, at
        if kind != "process":
            # A use that is no process is a unit, which has a history of its own from now on.
            for link in self.links(identifier, down=False):
                if link.relation == INPUT:
                    link.relation = UNIT
                    self._told.pop((link.source, identifier), None)
        return thing

    def _opened(self, event: Event, at: Where) -> None:
        transformation = f"0x{event['transformationId'].hex()}"
        self._begin(event["process"], "process", transformation, event["org"], at)

    def _used(self, event: Event, at: Where) -> None:
        lot, use = event["lot"], event["use"]
        self.uses[lot].append(use)
        link = self.link(Link(INPUT, lot, use, at, event["org"], event["quantity"]))
        self._told[lot, use].append(link)

    def _input(self, event: Event, at: Where) -> None:
        process, lot, quantity = event["process"], event["lot"], event["quantity"]
        self.inputs[process].append((lot, quantity))
        if not self._again(lot, process, quantity):
            self.link(Link(INPUT, lot, process, at, event["org"], quantity))

    def _output(self, event: Event, at: Where) -> None:
        process, product = event["process"], event["product"]
        self.outputs[process].append(product)
        self.origins[product] = process
        if not self._again(process, product):
            self.link(Link(OUTPUT, process, product, at, event["org"]))

    def _again(self, source: bytes, target: bytes, quantity: int | None = None) -> bool:
        """Was the link told by the event before?"""
        waiting = self._told[source, target]
        found = next((link for link in waiting if quantity is None or link.quantity == quantity), None)
        if found is not None:
            waiting.remove(found)
        return found is not None

    def _installed(self, event: Event, at: Where) -> None:
        link = Link(INSTALLED, event["child"], event["parent"], at, event["org"], since=event["since"])
        self._enter(link)

    def _removed(self, event: Event, at: Where) -> None:
        link = self._leave(INSTALLED, event["child"], event["parent"], at)
        if link is not None:
            link.ended = event["until"]

    def _packed(self, event: Event, at: Where) -> None:
        self._enter(Link(PACKED, event["id"], event["container"], at, event["org"]))

    def _unpacked(self, event: Event, at: Where) -> None:
        if event["container"] != ZERO32:
            self._leave(PACKED, event["id"], event["container"], at)

    def _enter(self, link: Link) -> None:
        key = link.relation, link.source
        if key in self._places:
            self._problem(link.source, f"{link.relation} in block {_block(link.at)}, but it was in another")
        self._places[key] = self.link(link)

    def _leave(self, relation: str, child: bytes, parent: bytes, at: Where) -> Link | None:
        link = self._places.pop((relation, child), None)
        if link is None or link.target != parent:
            self._problem(child, f"left {short(parent)} in block {at.block}, in which it was not {relation}")
            return None
        link.until = at
        return link

    def _committed(self, event: Event, at: Where) -> None:
        self._commitments[event["container"]] = at

    def _quantity_packed(self, event: Event, at: Where) -> None:
        self._put(event["lot"], event["container"], event["quantity"], event["org"], at)

    def _put(self, lot: bytes, container: bytes, quantity: int, org: int, at: Where) -> None:
        self._add(lot, container, quantity)
        link = self.link(Link(PACKED, lot, container, at, org, quantity))
        self._inside[lot, container].append(link)

    def _leaf_unpacked(self, event: Event, at: Where) -> None:
        leaf, container = event["leaf"], event["container"]
        if self._add(leaf.lot, container, -leaf.quantity) <= 0:
            for link in self._inside.pop((leaf.lot, container), []):
                link.until = at
        if leaf.childRoot == ZERO32:
            return
        since = self._commitments.get(container)
        self.link(Link(PACKED, leaf.child, container, since, event["org"], leaf.quantity, until=at))
        self._put(leaf.lot, leaf.child, leaf.quantity, event["org"], at)

    def _add(self, lot: bytes, container: bytes, quantity: int) -> int:
        """Counts what came, or went; what is inside then."""
        inside = self._amounts[lot]
        before = inside.get(container, 0)
        inside[container] = before + quantity
        self._lots[container] += (before + quantity > 0) - (before > 0)
        return before + quantity

    def _problem(self, identifier: bytes, text: str) -> None:
        self.problems.append((identifier, text))

    # --------------------------------------------------------------------------------------------- reading

    def reach(self, start: bytes, *, down: bool, relations: Container[str] = MADE | PLACES) -> Reach:
        """Everything that was made of a thing and is around it, or (up) what it was made of and is in it."""
        reached: dict[bytes, list[Span]] = {start: [ALWAYS]}
        links: dict[Link, None] = {}
        todo: list[tuple[bytes, Span]] = [(start, ALWAYS)]
        for identifier, when in todo:
            for link in self.links(identifier, down=down):
                first, last = max(when[0], link.span[0]), min(when[1], link.span[1])
                if first >= last or link.relation not in relations:
                    continue
                links[link] = None
                found = ALWAYS if link.relation in MADE else (first, last)
                other = link.target if down else link.source
                known = reached.setdefault(other, [])
                if not any(a <= found[0] and found[1] <= b for a, b in known):
                    known.append(found)
                    todo.append((other, found))
        return Reach(start, down, [self.thing(identifier) for identifier in reached], list(links))

    def links(self, identifier: bytes, *, down: bool) -> list[Link]:
        """The arrows that leave a thing, or (up) that lead to it, in the order in which they were told."""
        if identifier not in self.graph:
            return []
        if down:
            edges = self.graph.out_edges(identifier, data="link")
        else:
            edges = self.graph.in_edges(identifier, data="link")
        return sorted((edge[2] for edge in edges), key=_told)

    def closure(self, seeds: Iterable[bytes], without: Iterable[bytes] = ()) -> list[bytes]:
        """What was made of these, and they themselves, nearest first; not through what is left out."""
        leave = set(without)
        made = nx.subgraph_view(
            self.graph,
            filter_node=lambda node: node not in leave,
            filter_edge=lambda a, b, key: self.graph.edges[a, b, key]["link"].relation in MADE,
        )
        known = [seed for seed in dict.fromkeys(seeds) if seed in made]
        return [node for layer in nx.bfs_layers(made, known) for node in layer] if known else []

    def containers(self, lot: bytes) -> dict[bytes, int]:
        """The containers in which something of the lot is now, and how much."""
        return {at: quantity for at, quantity in self._amounts.get(lot, {}).items() if quantity > 0}

    def lots_in(self, container: bytes) -> int:
        """Of how many lots something is in the container now."""
        return self._lots.get(container, 0)

    def amounts(self, lot: bytes) -> Mapping[bytes, int]:
        """What of the lot is in each container that it ever was in."""
        return self._amounts.get(lot, {})

    def place(self, relation: str, identifier: bytes) -> bytes:
        """What a thing is installed or packed in now, or zero."""
        link = self._places.get((relation, identifier))
        return link.target if link else ZERO32


_FOLDS: Mapping[tuple[str, str], Callable[[Trace, Event, Where], None]] = {
    ("Twins", "Registered"): Trace._registered,
    ("Twins", "RegisteredFor"): Trace._registered,
    ("Twins", "Packed"): Trace._packed,
    ("Twins", "Unpacked"): Trace._unpacked,
    ("Twins", "Retired"): Trace._unpacked,
    ("Lots", "LotCommissioned"): Trace._commissioned,
    ("Lots", "Used"): Trace._used,
    ("Lots", "ContentsCommitted"): Trace._committed,
    ("Lots", "QuantityPacked"): Trace._quantity_packed,
    ("Lots", "LeafUnpacked"): Trace._leaf_unpacked,
    ("Lineage", "ProcessOpened"): Trace._opened,
    ("Lineage", "InputAdded"): Trace._input,
    ("Lineage", "OutputAdded"): Trace._output,
    ("Lineage", "Installed"): Trace._installed,
    ("Lineage", "Removed"): Trace._removed,
}


# ------------------------------------------------------------------------------------------------ checking


def check(
    deployment: Deployment,
    trace: Trace,
    things: Sequence[Thing],
    progress: Callable[[int], None] | None = None,
) -> dict[bytes, list[Difference]]:
    """Of these things, where the logs and the chain disagree as of the last block read: the uses and
    quantities of lots, inputs and outputs of processes, where each thing comes from and is. Empty if all is
    complete.
    """
    found: dict[bytes, list[Difference]] = defaultdict(list)
    around = dict.fromkeys(thing.id for thing in things)
    for identifier, text in trace.problems:
        if identifier in around:
            found[identifier].append(
                Difference("logs", str(trace.thing(identifier)), "order", text, "possible")
            )
    views: list[tuple[bytes, str, View]] = []
    for thing in things:
        if thing.kind:
            views += [(thing.id, contract, view) for contract, view in _views(trace, thing)]
        else:
            difference = Difference("logs", str(thing), "beginning", "no event", "one event")
            found[thing.id].append(difference)
    views += [(view.args[0], "Lots", view) for view in _quantities(trace, around)]
    calls = [getattr(deployment.contract(name), view.function).prepare(*view.args) for _, name, view in views]
    answers = deployment.read_many(calls, trace.block, progress)
    for (identifier, name, view), answer in zip(views, answers, strict=True):
        if wrong := differences(name, view, answer):
            found[identifier] += wrong
    return dict(found)


def chain_of(items: Iterable[bytes]) -> bytes:
    """The head of a list of uses or outputs: each hashes the head before it and the item."""
    head = ZERO32
    for item in items:
        head = keccak(head + item)
    return head


def inputs_head(items: Iterable[tuple[bytes, int]]) -> bytes:
    """The head of a list of inputs: each hashes the head before it, the lot and the quantity."""
    head = ZERO32
    for lot, quantity in items:
        head = keccak(head + lot + quantity.to_bytes(32, "big"))
    return head


def topics(deployment: Deployment, wanted: Mapping[str, Iterable[str]]) -> list[str]:
    """The first topics of events, given by contract and name; no name: all of the contract."""
    found = []
    for contract, names in wanted.items():
        entries = {entry["name"]: entry for entry in deployment.contract(contract).events.values()}
        chosen = list(names) or list(entries)
        found += [f"0x{abi.hash_of(abi.signature(entries[name])).hex()}" for name in chosen]
    return found


def _quantities(trace: Trace, around: Collection[bytes]) -> Iterator[View]:
    """Everywhere that something of these lots is or was."""
    for (lot, org), quantity in trace.ledger.have.items():
        if lot in around:
            yield View(f"{trace.thing(lot)}, organisation {org}", "quantityOf", (lot, org), quantity)
    for lot in around:
        for container, quantity in trace.amounts(lot).items():
            subject = f"{trace.thing(lot)} in {short(container)}"
            yield View(subject, "quantityIn", (lot, container), quantity)
    for (lot, giver, taker), (quantity, *_) in trace.ledger.offers.items():
        if lot in around:
            subject = f"{trace.thing(lot)}, offer of {giver} to {taker}"
            yield View(subject, "quantityOffer", (lot, giver, taker), {"quantity": quantity})


def _views(trace: Trace, thing: Thing) -> Iterator[tuple[str, View]]:
    subject, identifier = str(thing), thing.id
    if thing.kind == "process":
        inputs, outputs = trace.inputs.get(identifier, []), trace.outputs.get(identifier, [])
        facts = {"org": thing.org, "inputs": len(inputs), "outputs": len(outputs)}
        yield "Lineage", View(subject, "processOf", (identifier,), facts)
        yield "Lineage", View(subject, "inputsHead", (identifier,), inputs_head(inputs))
        yield "Lineage", View(subject, "outputsHead", (identifier,), chain_of(outputs))
        return
    yield "Lineage", View(subject, "originOf", (identifier,), trace.origins.get(identifier, ZERO32))
    if thing.kind == "lot":
        uses = trace.uses.get(identifier, [])
        yield "Lots", View(subject, "lotOf", (identifier,), {"maker": thing.org, "uses": len(uses)})
        yield "Lots", View(subject, "useHead", (identifier,), chain_of(uses))
        return
    lot = next((link.source for link in trace.links(identifier, down=False) if link.relation == UNIT), ZERO32)
    yield "Twins", View(subject, "twin", (identifier,), {"maker": thing.org})
    yield "Twins", View(subject, "containerOf", (identifier,), trace.place(PACKED, identifier))
    yield "Lots", View(subject, "lotOfUnit", (identifier,), lot)
    parent = trace.place(INSTALLED, identifier)
    yield "Lineage", View(subject, "associationOf", (identifier,), {"parent": parent})
    if thing.kind == "container":
        yield "Lots", View(subject, "contentsOf", (identifier,), {"lots": trace.lots_in(identifier)})


def _told(link: Link) -> Position:
    return link.at.position if link.at else ALWAYS[0]


def _block(at: Where | None) -> int | str:
    return at.block if at else "?"
