"""Registers, declarations and what was made of what, as the logs tell it; and the worst of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import networkx as nx

from goldthread.audit import conflict_minerals as audit
from goldthread.audit.base import short
from goldthread.audit.trace import INSTALLED, UNIT, Trace
from goldthread.chain import logs
from goldthread.rules.minerals import Status, Verdict, smelter_of, status_verdict, unpack

if TYPE_CHECKING:
    from goldthread.chain.contracts import Deployment


@dataclass
class Book:
    """Registers, declarations and what was made of what, as the logs tell it up to `block`."""

    deployment: Deployment
    state: audit.State
    trace: Trace
    block: int
    now: int
    """Time of the block, unix seconds."""

    @classmethod
    def read(
        cls, deployment: Deployment, *, last: int | None = None, progress: logs.Progress | None = None
    ) -> Book:
        """Read the logs. Raises `FoldError` for logs that do not add up."""
        block = deployment.chain.block_number() if last is None else last
        trace = Trace()
        trace.read(deployment, last=block, progress=progress)
        state = audit.rebuild(logs.events(deployment, ["ConflictMinerals"], last=block, progress=progress))
        header = deployment.chain.rpc("eth_getBlockByNumber", hex(block), False)
        return cls(deployment, state, trace, block, int(header["timestamp"], 16))

    def made_of(self, product: bytes) -> list[tuple[bytes, int]]:
        """The inputs of a product's process in their order; of a unit its lot."""
        lot = next(
            (link.source for link in self.trace.links(product, down=False) if link.relation == UNIT), None
        )
        if lot is not None:
            return [(lot, 0)]
        process = self.trace.origins.get(product)
        return [] if process is None else list(self.trace.inputs[process])

    def ancestors(self, product: bytes) -> list[bytes]:
        """The product and everything it was made of, nearest first."""
        found = {product: None}
        todo = [product]
        for each in todo:
            for lot, _ in self.made_of(each):
                if lot not in found:
                    found[lot] = None
                    todo.append(lot)
        return list(found)

    def way(self, product: bytes, known: Iterable[bytes] = ()) -> list[tuple[bytes, list[int], list[int]]]:
        """What `ConflictMinerals.evaluate` takes: everything that the product was made of, but not behind
        what is known.
        """
        stop = set(known) - {product}
        order, places = [product], {product: 0}
        ways = []
        for each in order:
            inputs = [] if each in stop else self.made_of(each)
            for lot, _ in inputs:
                if lot not in places:
                    places[lot] = len(order)
                    order.append(lot)
            is_unit = self.trace.origins.get(each) is None
            ways.append((each, [places[lot] for lot, _ in inputs], [] if is_unit else [q for _, q in inputs]))
        return ways

    def steps(self, product: bytes) -> list[bytes]:
        """What to evaluate, one after the other, so that each stands on what was found before."""
        made = nx.DiGraph()
        for each in self.ancestors(product):
            made.add_node(each)
            made.add_edges_from((lot, each) for lot, _ in self.made_of(each))
        circles = nx.condensation(made)
        ordered = [circles.nodes[group]["members"] for group in nx.topological_sort(circles)]
        return [each for group in ordered for each in sorted(group) if self.made_of(each)] or [product]

    def circle(self, product: bytes) -> set[bytes]:
        """Everything that the product was made of and that was made of it."""
        return {each for each in self.ancestors(product) if product in self.ancestors(each)}

    def declaration(self, product: bytes) -> audit.Declaration | None:
        """The declaration that covers a lot or part."""
        identifier = self.state.covered.get(product)
        return None if identifier is None else self.state.declarations[identifier]

    def installed(self, product: bytes) -> list[bytes]:
        """Parts that are in it now, at any depth."""
        found: list[bytes] = []
        todo = [product]
        for each in todo:
            for link in self.trace.links(each, down=False):
                if link.relation == INSTALLED and link.until is None and link.source not in todo:
                    found.append(link.source)
                    todo.append(link.source)
        return found

    def name(self, identifier: bytes) -> str:
        """Its URI, or the beginning of its id."""
        thing = self.trace.things.get(identifier)
        return thing.name if thing and thing.name else short(identifier)

    def smelter_verdict(self, register: int, smelter: bytes) -> Verdict:
        """How a smelter stands in a register at the time of the block."""
        listed = self.state.smelters.get((register, smelter))
        return (
            Verdict.UNDETERMINABLE
            if listed is None
            else status_verdict(listed["status"], listed["validUntil"], self.now)
        )

    def verdict(self, told: audit.Declaration | None) -> Verdict:
        """The verdict on a declaration by what its register says at the time of the block."""
        if told is None:
            return Verdict.UNDETERMINABLE
        answers = unpack(told.statement.answers)
        found = Verdict.NO_MINERALS
        for metal, row in answers.items():
            if not row.is_in:
                continue
            if row.is_recycled:
                found = max(found, Verdict.RECYCLED)
                continue
            own = [smelter for smelter in told.smelters if smelter[31] == metal]
            if not own or not row.is_complete:
                found = max(found, Verdict.UNDETERMINABLE)
            register = told.statement.register
            found = max([found, *(self.smelter_verdict(register, smelter) for smelter in own)])
        return found

    def open_processes(self, product: bytes, finalised: Mapping[bytes, bool]) -> list[bytes]:
        """Processes on the way that may still take something in."""
        origins = (self.trace.origins.get(each) for each in self.ancestors(product))
        return [
            process
            for process in dict.fromkeys(origins)
            if process is not None and not finalised.get(process, False)
        ]


class Problem(NamedTuple):
    """Something that keeps a verdict from being better."""

    product: str
    what: str
    verdict: Verdict


def finalised_of(book: Book, product: bytes) -> dict[bytes, bool]:
    """Of each process on the way whether it is finalised, as the chain has it."""
    processes = [
        process
        for process in dict.fromkeys(book.trace.origins.get(each) for each in book.ancestors(product))
        if process is not None
    ]
    calls = [book.deployment.lineage.processOf.prepare(process) for process in processes]
    answers = book.deployment.read_many(calls, book.block)
    return {process: answer.finalised for process, answer in zip(processes, answers, strict=True)}


def problems(book: Book, product: bytes, finalised: Mapping[bytes, bool]) -> Iterator[Problem]:
    """Everything that is worse than CONFORMANT about a product, what it was made of and what is installed."""
    for each in things_in(book, product):
        told, name = book.declaration(each), book.name(each)
        if told is None:
            yield Problem(name, "no declaration covers it", Verdict.UNDETERMINABLE)
            continue
        answers = unpack(told.statement.answers)
        for metal, row in answers.items():
            if not row.is_in or row.is_recycled:
                continue
            word = metal.name.lower()
            if not any(smelter[31] == metal for smelter in told.smelters):
                yield Problem(name, f"no smelter of {word} is named", Verdict.UNDETERMINABLE)
            if not row.is_complete:
                yield Problem(
                    name, f"questions 6 to 8 of {word} leave something open", Verdict.UNDETERMINABLE
                )
        for smelter in told.smelters:
            number, metal = smelter_of(smelter)
            found = book.smelter_verdict(told.statement.register, smelter)
            if found > Verdict.CONFORMANT and not answers[metal].is_recycled:
                state = _state(book, told.statement.register, smelter)
                yield Problem(name, f"smelter {number} of {metal.name.lower()} {state}", found)
    for process in book.open_processes(product, finalised):
        what = f"process {short(process)} may still take something in"
        yield Problem(book.name(product), what, Verdict.UNDETERMINABLE)


def worst(book: Book, product: bytes, finalised: Mapping[bytes, bool]) -> Verdict:
    """The worst of a product, what it was made of, and (which no contract knows) what is installed in it."""
    found = max(book.verdict(book.declaration(each)) for each in things_in(book, product))
    open_ = book.open_processes(product, finalised)
    return max(found, Verdict.UNDETERMINABLE) if open_ else found


def things_in(book: Book, product: bytes) -> list[bytes]:
    """The product, everything it was made of, and what is installed in it with what that was made of."""
    found = dict.fromkeys(book.ancestors(product))
    for part in book.installed(product):
        found |= dict.fromkeys(book.ancestors(part))
    return list(found)


def _state(book: Book, register: int, smelter: bytes) -> str:
    listed = book.state.smelters.get((register, smelter))
    if listed is None or listed["status"] == Status.NONE:
        return f"is not listed by register {register}"
    if Status(listed["status"]).ends and book.now > listed["validUntil"]:
        return f"was {Status(listed['status']).name} until {day(listed['validUntil'])}"
    return f"is {Status(listed['status']).name}"


def day(seconds: int) -> str:
    """The day of a second, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
