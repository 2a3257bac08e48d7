"""What transactions cost, measured on a real node and held to a ceiling."""

from __future__ import annotations

from dataclasses import dataclass, field


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
