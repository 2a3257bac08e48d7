"""What can go wrong between here and a contract, each as one exception that says what to do."""

from __future__ import annotations

from typing import Any

from goldthread.chain import abi

_BUILT_IN = {
    abi.hash_of("Error(string)")[:4]: [{"name": "message", "type": "string"}],
    abi.hash_of("Panic(uint256)")[:4]: [{"name": "code", "type": "uint256"}],
}

_PANICS = {
    0x01: "an assertion failed",
    0x11: "a number left the range of its type",
    0x12: "a division by zero",
    0x21: "a number that no enumeration has",
    0x32: "an index outside of its list",
}


class ChainError(Exception):
    """Base of everything in this module."""


class NodeError(ChainError):
    """The node cannot be reached, does not answer in time, or answers what is no JSON-RPC.

    Nothing is known about what became of the request. Of the node's URL the message shows no path and no
    password, since many providers put an access key there.
    """


class RpcError(ChainError):
    """The node understood the request and refused it: its error code, message and data."""

    def __init__(self, method: str, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"the node refused {method}: {message} (code {code})")
        self.method = method
        self.code = code
        self.message = message
        self.data = data


class ContractError(ChainError):
    """A contract refused a call.

    `name` is that of the custom error ("Error" for a reason string, "Panic", the selector if nothing knows
    it, "" if there is no data), `values` its arguments in order, also by name as fields. The message ends
    with what to do about it.
    """

    def __init__(self, name: str, values: Any = ()) -> None:
        from goldthread.chain.advice import advice

        fields = values._asdict() if hasattr(values, "_asdict") else {}
        shown = ", ".join(f"{field.rstrip('_')}={show(value)}" for field, value in fields.items())
        self.name = name
        self.values = values
        self.advice = advice(name)
        if name == "Panic" and values:
            self.advice = f"{_PANICS.get(values[0], 'an internal check failed')}; please report this"
        text = f"{name}({shown})" if name else ""
        super().__init__(": ".join(part for part in (text, self.advice) if part))

    @classmethod
    def decoded(cls, data: bytes) -> ContractError:
        """From the data that a call reverted with."""
        selector = data[:4]
        entry = abi.errors().get(selector)
        if entry is not None:
            values = abi.named(entry["inputs"], abi.decode_values(entry["inputs"], data[4:]))
            return cls(entry["name"], values)
        if selector in _BUILT_IN:
            inputs = _BUILT_IN[selector]
            name = "Error" if inputs[0]["type"] == "string" else "Panic"
            return cls(name, abi.named(inputs, abi.decode_values(inputs, data[4:])))
        return cls(f"0x{selector.hex()}" if data else "", (data[4:],) if data else ())


def revert_data(error: RpcError) -> bytes | None:
    """The data that a contract reverted with, if that is what the node reports; None for another refusal."""
    data = error.data
    if isinstance(data, dict):
        data = data.get("data") or data.get("result")
    if isinstance(data, str) and data.startswith("0x"):
        return bytes.fromhex(data[2:])
    # Nodes agree on code 3 for a revert; some say it in words only, and then there is no data.
    return b"" if error.code == 3 or "revert" in error.message.lower() else None


def show(value: Any) -> str:
    """A value as a person reads it: bytes in hex digits, structs with the names of their fields."""
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if hasattr(value, "_asdict"):
        fields = value._asdict().items()
        return "(" + ", ".join(f"{name.rstrip('_')}={show(item)}" for name, item in fields) + ")"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(show, value)) + "]"
    return str(value)
