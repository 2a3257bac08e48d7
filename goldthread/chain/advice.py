"""For each custom error what to do about it, in one sentence. docs/errors.md has the same table."""

from __future__ import annotations


def advice(name: str) -> str:
    """What to do about a custom error; empty if the table does not have it."""
    return _ADVICE.get(name, "")


_ADVICE: dict[str, str] = {
    "": "the call failed and the contract did not say why; check the address and the gas limit",
}
