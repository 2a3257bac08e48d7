"""Rebuilds the state of Lineage from its events: processes with their inputs and outputs, and what is
installed in what.

Inputs and outputs come as one event each, and then one that says how many there were; they are counted on the
way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from goldthread.audit.base import ZERO32, FoldError, View, short
from goldthread.chain.logs import Event
from goldthread.hashing import keccak


@dataclass
class Process:
    """What went into a process and what came out, in the order it was told."""

    org: int
    inputs: list[tuple[bytes, int]] = field(default_factory=list)
    """Lots, and how much of each in millionths of its unit."""
    outputs: list[bytes] = field(default_factory=list)
    told: tuple[int, int] = (0, 0)
    """How many inputs and outputs had a transformation event behind them."""
    finalised: bool = False
    recalls: dict[int, bool] = field(default_factory=dict)
    """Whether it is a member, of every recall it ever was one of."""
    recall: int = 0
    inputs_head: bytes = ZERO32
    outputs_head: bytes = ZERO32


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    processes: dict[bytes, Process] = field(default_factory=dict)
    origins: dict[bytes, bytes] = field(default_factory=dict)
    """The process of each lot or part that came out of one."""
    associations: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    """The assembly of each part that ever was in one, and since when; zeros once it was removed."""


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Lineage; raises `FoldError`."""
    if event.name == "Alert":
        return
    if event.name in ("Installed", "Removed"):
        _associate(state, event)
        return
    identifier = event["process"]
    if event.name == "ProcessOpened":
        org, told = event["org"], event["transformationId"]
        if identifier in state.processes:
            raise FoldError(event, "the process is open already")
        if keccak(org.to_bytes(32, "big") + told) != identifier:
            raise FoldError(event, "this is not the organisation's id of the transformation")
        state.processes[identifier] = Process(org)
        return
    process = state.processes.get(identifier)
    if process is None:
        raise FoldError(event, f"process 0x{identifier.hex()} was never opened")
    if "Recall" not in event.name:
        _check_open(event, process)
    match event.name:
        case "InputAdded":
            lot, quantity = event["lot"], event["quantity"]
            process.inputs.append((lot, quantity))
            process.inputs_head = keccak(process.inputs_head + lot + quantity.to_bytes(32, "big"))
        case "OutputAdded":
            product = event["product"]
            if product in state.origins:
                raise FoldError(event, f"0x{product.hex()} came out of a process already")
            state.origins[product] = identifier
            process.outputs.append(product)
            process.outputs_head = keccak(process.outputs_head + product)
        case "Transformed":
            _check_count(event, process, event["inputs"], event["outputs"])
        case "ProcessFinalised":
            _check_count(event, process, 0, 0)
            process.finalised = True
        case "ProcessRecalled" | "ProcessRecallLifted":
            _recall(event, process)
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return. Of lists it tells only if they are complete."""
    for identifier, process in state.processes.items():
        subject = f"process {short(identifier)}"
        expected = {
            "org": process.org,
            "inputs": len(process.inputs),
            "outputs": len(process.outputs),
            "finalised": process.finalised,
            "recalls": sum(process.recalls.values()),
            "recall": process.recall,
        }
        yield View(subject, "processOf", (identifier,), expected)
        yield View(subject, "inputsHead", (identifier,), process.inputs_head)
        yield View(subject, "outputsHead", (identifier,), process.outputs_head)
        for recall, member in process.recalls.items():
            yield View(f"{subject}, recall {recall}", "isRecalled", (identifier, recall), member)
    for product, identifier in state.origins.items():
        yield View(f"product {short(product)}", "originOf", (product,), identifier)
    for child, (parent, since) in state.associations.items():
        association = {"parent": parent, "since": since}
        yield View(f"part {short(child)}", "associationOf", (child,), association)


def _check_open(event: Event, process: Process) -> None:
    if process.finalised:
        raise FoldError(event, "the process is finalised")
    if any(process.recalls.values()):
        raise FoldError(event, "the process is recalled")
    if process.org != event["org"]:
        raise FoldError(event, f"organisation {process.org} runs the process")


def _check_count(event: Event, process: Process, inputs: int, outputs: int) -> None:
    now = len(process.inputs), len(process.outputs)
    new = now[0] - process.told[0], now[1] - process.told[1]
    if new != (inputs, outputs):
        raise FoldError(event, f"follows {new[0]} inputs and {new[1]} outputs")
    process.told = now


def _recall(event: Event, process: Process) -> None:
    recall, member = event["recall"], event.name == "ProcessRecalled"
    if process.recalls.get(recall, False) == member:
        raise FoldError(event, "the process is a member already" if member else "the process is no member")
    if member and not any(process.recalls.values()):
        process.recall = recall
    if not member and process.recall == recall:
        process.recall = 0
    process.recalls[recall] = member


def _associate(state: State, event: Event) -> None:
    child, parent = event["child"], event["parent"]
    inside, _ = state.associations.get(child, (ZERO32, 0))
    if event.name == "Installed":
        if inside != ZERO32:
            raise FoldError(event, f"the part is in 0x{inside.hex()} already")
        state.associations[child] = (parent, event["since"])
        return
    if inside != parent:
        raise FoldError(event, "the part is not in this assembly")
    state.associations[child] = (ZERO32, 0)
