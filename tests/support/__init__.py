"""What tests are written with; see README.md in this folder."""

from .abi import Event
from .contract import Contract, Forwarder, Reverted, at, decode_logs, deploy, reverts
from .counters import Counters
from .gas import GasBook
from .nodes import Account, AnvilNode, CallFailed, Log, Node, Receipt, RevmNode, fresh

__all__ = [
    "Account",
    "AnvilNode",
    "CallFailed",
    "Contract",
    "Counters",
    "Event",
    "Forwarder",
    "GasBook",
    "Log",
    "Node",
    "Receipt",
    "Reverted",
    "RevmNode",
    "at",
    "decode_logs",
    "deploy",
    "fresh",
    "reverts",
]
