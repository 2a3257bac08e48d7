"""What the rebuilding of every contract shares.

A module of this package has a state for one contract, `fold(state, event)` that brings it up to date with one
more event and depends on nothing else, and `views(state)`, which says what the contract's views must return.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldthread.chain.errors import show
from goldthread.chain.logs import Event

ZERO32 = bytes(32)
ZERO_ADDRESS = "0x" + 40 * "0"


class FoldError(Exception):
    """An event that cannot have happened after those before it: logs are missing, or the contract is
    another.
    """

    def __init__(self, event: Event, rule: str) -> None:
        where = f"{event.contract}.{event.name} in block {event.block}, log {event.index}"
        super().__init__(f"{where}: {rule}")
        self.event = event
        self.rule = rule


@dataclass(frozen=True)
class View:
    """What a view must return.

    `expected` is one value, or a mapping from the fields of the returned struct to theirs. `subject` names
    the object for people.
    """

    subject: str
    function: str
    args: tuple[Any, ...]
    expected: Any


@dataclass(frozen=True)
class Difference:
    """Where the logs and the chain disagree."""

    contract: str
    subject: str
    field: str
    from_logs: Any
    from_chain: Any

    def to_json(self) -> dict[str, Any]:
        """For programs: bytes in hex digits, numbers as they are."""
        return {
            "contract": self.contract,
            "object": self.subject,
            "field": self.field,
            "fromLogs": plain(self.from_logs),
            "fromChain": plain(self.from_chain),
        }

    def __str__(self) -> str:
        told = f"logs say {show(self.from_logs)}, chain says {show(self.from_chain)}"
        return f"{self.contract} {self.subject} {self.field}: {told}"


def differences(contract: str, view: View, actual: Any) -> list[Difference]:
    """Where what a view returned is not what was expected."""
    if not isinstance(view.expected, Mapping):
        if same(view.expected, actual):
            return []
        return [Difference(contract, view.subject, view.function, view.expected, actual)]
    found = actual._asdict()
    return [
        Difference(contract, view.subject, f"{view.function}.{field.rstrip('_')}", value, found.get(field))
        for field, value in view.expected.items()
        if field not in found or not same(value, found[field])
    ]


def same(a: Any, b: Any) -> bool:
    """Equal as values of the chain: addresses in any spelling, structs as tuples."""
    if isinstance(a, str) and isinstance(b, str) and a.startswith("0x"):
        return a.lower() == b.lower()
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if hasattr(value, "_asdict"):
        return {name.rstrip("_"): plain(item) for name, item in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    # 2^53 is where programs that read numbers as floats begin to lose digits.
    return str(value) if isinstance(value, int) and abs(value) >= 1 << 53 else value


def short(identifier: bytes) -> str:
    """An id for a table: its first and last digits."""
    digits = identifier.hex()
    return f"0x{digits[:8]}…{digits[-4:]}"
