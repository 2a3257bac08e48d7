"""Print the weights of whole degrees for contracts/libraries/Mkt.sol.

python -m toolchain.mkt_table
"""

from __future__ import annotations

from goldthread.rules.mkt import COLDEST, HOTTEST, units

BYTES = 5
"""Of one weight."""

PER_LINE = 10


def table() -> bytes:
    """The weights from the coldest degree to the hottest."""
    return b"".join(units(degree).to_bytes(BYTES, "big") for degree in range(COLDEST, HOTTEST + 1))


def literal() -> str:
    """The table as Solidity has it."""
    digits = table().hex()
    width = 2 * BYTES * PER_LINE
    lines = [f'hex"{digits[i : i + width]}"' for i in range(0, len(digits), width)]
    return "\n        ".join(lines) + ";"


if __name__ == "__main__":
    print(literal())
