"""Two chains to test on, behind one interface.

`RevmNode` runs the EVM inside this process and answers in microseconds; `AnvilNode` is a real node of its
own, driven over its IPC socket. Tests are written against `Node` and run on either (`pytest --evm anvil`).

On both, time stands still until the test moves it, every transaction is a block of its own, and gas is free.
The accounts are those of the well-known development mnemonic, so ape's test accounts are the same ones.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from eth_utils.address import to_checksum_address

MNEMONIC = "test test test test test test test test test test test junk"
CHAIN_ID = 31337
GENESIS_TIME = 1_800_000_000
"""The first second of every chain: 2027-01-15 08:00:00 UTC."""
BLOCK_GAS = 30_000_000
GAS = 16_000_000
"""What a transaction may use unless the test says otherwise: just under the cap of 2**24 of osaka."""
ETHER = 10**18
ZERO = "0x" + 40 * "0"


class Account(str):
    """A checksummed address that also knows its private key."""

    key: bytes


@dataclass(frozen=True)
class Log:
    """An event as the chain keeps it."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Receipt:
    """What became of a transaction; `output` is what it returned or reverted with."""

    ok: bool
    gas_used: int
    logs: tuple[Log, ...]
    output: bytes
    contract_address: str | None
    block_number: int
    timestamp: int


class CallFailed(Exception):
    """A call reverted with this data, or, where there is none, for this reason."""

    def __init__(self, output: bytes, reason: str) -> None:
        super().__init__(reason)
        self.output = output
        self.reason = reason


class Node(Protocol):
    """A chain with unlocked, funded accounts."""

    accounts: tuple[Account, ...]
    chain_id: int

    def tx(self, sender: str, to: str | None, data: bytes = b"", value: int = 0, gas: int = GAS) -> Receipt:
        """Send a transaction and mine it; without `to`, deploy the code. A revert is a receipt that is not
        `ok`.
        """

    def call(self, to: str, data: bytes, sender: str | None = None, value: int = 0) -> bytes:
        """What the transaction would return, were it sent now; raises `CallFailed`. Nothing is changed."""

    def snapshot(self) -> int:
        """Remember the state; a snapshot can be returned to any number of times."""

    def revert(self, snapshot: int) -> None:
        """Return to a snapshot; later ones are forgotten."""

    @property
    def timestamp(self) -> int:
        """The second that the next call and the next transaction see."""

    @timestamp.setter
    def timestamp(self, seconds: int) -> None: ...

    @property
    def block_number(self) -> int:
        """The number of the last block."""

    def warp(self, seconds: int) -> None:
        """Let that many seconds pass."""

    def balance(self, address: str) -> int:
        """Native currency of an address, in wei."""

    def set_balance(self, address: str, wei: int) -> None:
        """Give an address that much native currency."""

    def code(self, address: str) -> bytes:
        """The code at an address."""

    def storage(self, address: str, slot: int) -> int:
        """One storage slot of a contract."""


@cache
def accounts() -> tuple[Account, ...]:
    """The twenty accounts that every node unlocks and funds."""
    from eth_account import Account as EthAccount
    from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

    seed = seed_from_mnemonic(MNEMONIC, "")
    found = []
    for index in range(20):
        key = key_from_seed(seed, f"m/44'/60'/0'/0/{index}")
        account = Account(EthAccount.from_key(key).address)
        account.key = key
        found.append(account)
    return tuple(found)


class RevmNode:
    """The EVM of revm (prague) in this process, a new one for every test.

    It differs from a real node in three ways. There is no P-256 precompile at 0x100, so OpenZeppelin's P256
    falls back to its Solidity implementation. All transactions run in one journal: what a test has once
    touched stays warm, and refunds count from the start of the test, so `gas_used` says nothing about a
    transaction of its own (measure gas on Anvil). And no transaction but a deployment advances the sender's
    nonce, so addresses of new contracts differ.
    """

    chain_id = CHAIN_ID

    def __init__(self, *, unlimited_code_size: bool = False, start: int = GENESIS_TIME) -> None:
        import pyrevm

        self.accounts = accounts()
        self._block_env = pyrevm.BlockEnv
        self._number = 0
        self._now = start
        limit = 1 << 20 if unlimited_code_size else None
        config = pyrevm.CfgEnv(chain_id=CHAIN_ID, limit_contract_code_size=limit)
        self._evm = pyrevm.EVM(pyrevm.Env(cfg=config), gas_limit=BLOCK_GAS, spec_id="PRAGUE")
        self._snapshots: list[tuple[Any, int, int]] = []
        for account in self.accounts:
            self._evm.set_balance(account, 10_000 * ETHER)

    def tx(self, sender: str, to: str | None, data: bytes = b"", value: int = 0, gas: int = GAS) -> Receipt:
        self._enter_next_block()
        contract = None
        try:
            if to is None:
                contract = to_checksum_address(self._evm.deploy(sender, data, value=value, gas=gas))
                output = b""
            else:
                output = self._evm.message_call(sender, to, calldata=data, value=value, gas=gas)
        except RuntimeError as error:
            output = _revert_output(error)
        self._number += 1
        result = self._result()
        return Receipt(
            ok=result.is_success,
            gas_used=result.gas_used,
            logs=tuple(Log(log.address, tuple(log.data[0]), log.data[1]) for log in result.logs),
            output=output,
            contract_address=contract,
            block_number=self._number,
            timestamp=self._now,
        )

    def call(self, to: str, data: bytes, sender: str | None = None, value: int = 0) -> bytes:
        self._enter_next_block()
        checkpoint = self._evm.snapshot()
        try:
            output: bytes = self._evm.message_call(
                sender or ZERO, to, calldata=data, value=value, gas=BLOCK_GAS
            )
        except RuntimeError as error:
            raise CallFailed(_revert_output(error), self._result().reason) from None
        finally:
            self._evm.revert(checkpoint)
        return output

    def snapshot(self) -> int:
        self._snapshots.append((self._evm.snapshot(), self._number, self._now))
        return len(self._snapshots) - 1

    def revert(self, snapshot: int) -> None:
        while len(self._snapshots) > snapshot:
            checkpoint, self._number, self._now = self._snapshots.pop()
            self._evm.revert(checkpoint)
        self.snapshot()

    @property
    def timestamp(self) -> int:
        return self._now

    @timestamp.setter
    def timestamp(self, seconds: int) -> None:
        _check_time(self._now, seconds)
        self._now = seconds

    @property
    def block_number(self) -> int:
        return self._number

    def warp(self, seconds: int) -> None:
        self.timestamp += seconds

    def balance(self, address: str) -> int:
        wei: int = self._evm.get_balance(address)
        return wei

    def set_balance(self, address: str, wei: int) -> None:
        self._evm.set_balance(address, wei)

    def code(self, address: str) -> bytes:
        return self._evm.get_code(address) or b""

    def storage(self, address: str, slot: int) -> int:
        word: int = self._evm.storage(address, slot)
        return word

    def _result(self) -> Any:
        """Of the last message; pyrevm's own type allows for none."""
        return self._evm.result

    def _enter_next_block(self) -> None:
        self._evm.reset_transient_storage()
        self._evm.set_block_env(
            self._block_env(number=self._number + 1, timestamp=self._now, basefee=0, gas_limit=BLOCK_GAS)
        )


_REVERT_OUTPUT = re.compile(r"output: 0x([0-9a-f]*)")


def _revert_output(error: RuntimeError) -> bytes:
    """pyrevm has the revert data only in the text of its exception."""
    found = _REVERT_OUTPUT.search(str(error))
    return bytes.fromhex(found.group(1)) if found else b""


def _check_time(now: int, seconds: int) -> None:
    if seconds < now:
        raise ValueError(f"time runs forward: it is {now}, not to be set to {seconds}")


class RpcError(Exception):
    """The node answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message"))
        self.data = error.get("data")


class AnvilNode:
    """A private Anvil with osaka rules and the gas cap of a transaction, driven over its IPC socket.

    The HTTP port, for tools that want one, is `url`. Ports are picked by the kernel: parallel workers cannot
    collide.
    """

    chain_id = CHAIN_ID

    def __init__(self, *, unlimited_code_size: bool = False, start: int = GENESIS_TIME) -> None:
        self.accounts = accounts()
        self._folder = Path(tempfile.mkdtemp(prefix="goldthread-anvil-"))
        command = [str(native_binary("anvil")), "--port", "0", "--ipc", str(self._folder / "ipc")]
        command += ["--cache-path", str(self._folder)]
        command += ["--hardfork", "osaka", "--enable-tx-gas-limit", "--gas-limit", str(BLOCK_GAS)]
        command += ["--base-fee", "0", "--gas-price", "0", "--timestamp", str(start)]
        command += ["--mnemonic", MNEMONIC, "--accounts", str(len(self.accounts)), "--auto-impersonate"]
        command += ["--disable-code-size-limit"] if unlimited_code_size else []
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        atexit.register(self.close)
        self._ids = itertools.count(1)
        self._pending = b""
        self._socket = socket.socket(socket.AF_UNIX)
        self.url = self._connect()
        self.rpc("anvil_setBlockTimestampInterval", 0)
        self._now = start
        self._snapshots: list[tuple[str, int]] = []

    def close(self) -> None:
        """Stop the node; called at the end of the process as well."""
        atexit.unregister(self.close)
        self._socket.close()
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def rpc(self, method: str, *params: Any) -> Any:
        """One JSON-RPC request."""
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        answer = self._read()
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]

    def tx(self, sender: str, to: str | None, data: bytes = b"", value: int = 0, gas: int = GAS) -> Receipt:
        request = _request(sender, to, data, value) | {"gas": hex(gas), "gasPrice": "0x0"}
        transaction = self.rpc("eth_sendTransaction", request)
        answer = self._mined(transaction)
        trace = self.rpc("debug_traceTransaction", transaction, {"tracer": "callTracer"})
        contract = answer["contractAddress"]
        ok = answer["status"] == "0x1"
        return Receipt(
            ok=ok,
            gas_used=int(answer["gasUsed"], 16),
            logs=tuple(
                Log(
                    to_checksum_address(log["address"]),
                    tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
                    bytes.fromhex(log["data"][2:]),
                )
                for log in answer["logs"]
            ),
            output=b"" if to is None and ok else bytes.fromhex(trace.get("output", "0x")[2:]),
            contract_address=to_checksum_address(contract) if to is None and ok else None,
            block_number=int(answer["blockNumber"], 16),
            timestamp=self._now,
        )

    def call(self, to: str, data: bytes, sender: str | None = None, value: int = 0) -> bytes:
        request = _request(sender or ZERO, to, data, value) | {"gas": hex(GAS)}
        try:
            answer: str = self.rpc("eth_call", request, "pending")
        except RpcError as error:
            raise CallFailed(bytes.fromhex((error.data or "0x")[2:]), str(error)) from None
        return bytes.fromhex(answer[2:])

    def snapshot(self) -> int:
        self._snapshots.append((self.rpc("evm_snapshot"), self._now))
        return len(self._snapshots) - 1

    def revert(self, snapshot: int) -> None:
        identifier, self._now = self._snapshots[snapshot]
        if not self.rpc("evm_revert", identifier):
            raise ValueError(f"there is no snapshot {snapshot}")
        del self._snapshots[snapshot:]
        self.rpc("evm_setNextBlockTimestamp", self._now)
        self.snapshot()  # Anvil forgets a snapshot that was returned to

    @property
    def timestamp(self) -> int:
        return self._now

    @timestamp.setter
    def timestamp(self, seconds: int) -> None:
        _check_time(self._now, seconds)
        self.rpc("evm_setNextBlockTimestamp", seconds)
        self._now = seconds

    @property
    def block_number(self) -> int:
        return int(self.rpc("eth_blockNumber"), 16)

    def warp(self, seconds: int) -> None:
        self.timestamp += seconds

    def balance(self, address: str) -> int:
        return int(self.rpc("eth_getBalance", address, "latest"), 16)

    def set_balance(self, address: str, wei: int) -> None:
        self.rpc("anvil_setBalance", address, hex(wei))

    def code(self, address: str) -> bytes:
        return bytes.fromhex(self.rpc("eth_getCode", address, "latest")[2:])

    def storage(self, address: str, slot: int) -> int:
        return int(self.rpc("eth_getStorageAt", address, hex(slot), "latest"), 16)

    def _mined(self, transaction: str) -> dict[str, Any]:
        """The receipt. Anvil answers before it mines; its `eth_sendTransactionSync` can miss the block.

        Now and then it does not mine at all, and is reminded.
        """
        started, reminded = time.monotonic(), False
        while time.monotonic() < started + 30:
            receipt: dict[str, Any] | None = self.rpc("eth_getTransactionReceipt", transaction)
            if receipt is not None:
                return receipt
            if not reminded and time.monotonic() > started + 5:
                self.rpc("evm_mine")
                reminded = True
            time.sleep(0.0003)
        raise RuntimeError(f"anvil did not mine {transaction}")

    def _connect(self) -> str:
        deadline = time.monotonic() + 30
        while self._process.poll() is None and time.monotonic() < deadline:
            banner = (self._folder / "log").read_text()
            if "Listening on" in banner and (self._folder / "ipc").exists():
                self._socket.connect(str(self._folder / "ipc"))
                return "http://" + banner.split("Listening on", 1)[1].split()[0]
            time.sleep(0.01)
        raise RuntimeError(f"anvil did not start:\n{(self._folder / 'log').read_text()}")

    def _read(self) -> Any:
        """One answer. Anvil ends most answers with a newline, not all: then a complete object is the end."""
        while True:
            line, newline, rest = self._pending.partition(b"\n")
            if newline:
                self._pending = rest
                return json.loads(line)
            chunk = self._socket.recv(1 << 20)
            if not chunk:
                raise RuntimeError("anvil closed the connection")
            self._pending += chunk
            if b"\n" not in chunk and chunk.endswith(b"}"):
                try:
                    answer = json.loads(self._pending)
                except ValueError:
                    continue
                self._pending = b""
                return answer


def native_binary(tool: str) -> Path:
    """The tool itself: its npm launcher exits 0 on failure and leaves its child running when it is killed."""
    linked = Path(sys.prefix) / "bin" / tool
    if not linked.exists():
        raise FileNotFoundError(f"{linked} is missing; run `make setup`")
    return linked


def _request(sender: str, to: str | None, data: bytes, value: int) -> dict[str, str]:
    request = {"from": str(sender), "data": "0x" + data.hex(), "value": hex(value)}
    return request if to is None else request | {"to": to}


_backend = "revm"
_anvil: AnvilNode | None = None


def use(backend: str) -> None:
    """Choose what `fresh` returns: "revm" or "anvil"."""
    global _backend
    _backend = backend


def fresh() -> Node:
    """A chain on which nothing has happened yet.

    On Anvil this is the process's one node, returned to its beginning: what was there before is gone.
    """
    # Mutants are compiled without the optimizer, which makes them larger than a chain would accept.
    unlimited = "MUTANT_ARTIFACTS" in os.environ
    return RevmNode(unlimited_code_size=unlimited) if _backend == "revm" else shared_anvil(unlimited)


def shared_anvil(unlimited_code_size: bool = False) -> AnvilNode:
    """This process's Anvil, returned to its beginning."""
    global _anvil
    if _anvil is None:
        _anvil = AnvilNode(unlimited_code_size=unlimited_code_size)
        _anvil.snapshot()
    _anvil.revert(0)
    return _anvil
