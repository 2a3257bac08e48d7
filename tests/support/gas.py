"""What transactions cost, measured on a real node and held to a ceiling."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from .contract import Contract
from .nodes import Node


@dataclass(frozen=True)
class Measurement:
    """The gas of one transaction."""

    name: str
    gas: int
    ceiling: int | None
    note: str


@dataclass
class GasBook:
    """The measurements of a test run, in the order they were taken."""

    measurements: list[Measurement] = field(default_factory=list)

    def record(self, name: str, gas: int, ceiling: int | None = None, note: str = "") -> None:
        """Write down what `name` cost; fail when that is more than the ceiling."""
        assert name not in [measured.name for measured in self.measurements], f"{name} was measured before"
        self.measurements.append(Measurement(name, gas, ceiling, note))
        assert ceiling is None or gas <= ceiling, f"{name} costs {gas:,} gas, more than {ceiling:,}"


class Inner(NamedTuple):
    """What a view costs a contract that calls it: first in a transaction, and again in the same one."""

    cold: int
    warm: int


# Calls the address in the first word of its calldata twice with the rest of it, and returns what each cost.
_CALL_AND_MEASURE = "5a5f5f{len}5f5f355afa505a9003"
_METER = bytes.fromhex(
    "60203603" "80" "60205f37"  # copy the calldata behind its first word to memory
    + _CALL_AND_MEASURE.format(len="83")
    + _CALL_AND_MEASURE.format(len="84")
    + "602052" "5f52" "60405ff3"  # return both
)  # fmt: skip


def inner(contract: Contract, data: bytes) -> Inner:
    """Ask a view with this calldata from another contract. The view must not revert."""
    node: Node = contract.node
    asker = node.accounts[0]
    node.call(contract.address, data)
    creation = bytes.fromhex(f"60{len(_METER):02x}8060095f395ff3") + _METER
    meter = node.tx(asker, None, creation).contract_address
    if meter is None:
        raise RuntimeError("the meter was not deployed")
    target = bytes.fromhex(contract.address[2:].zfill(64))
    output = node.tx(asker, meter, target + data).output
    return Inner(*(int.from_bytes(output[i : i + 32], "big") for i in (0, 32)))
