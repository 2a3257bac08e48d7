"""Sending transactions: nonces, fees, waiting, and what to make of a lost reply.

    sender = Sender.keystore(chain, "keystore.json")            # asks for the passphrase on the terminal
    receipt = sender.send(deployment.twins.accept(id, ref))

One process sends for one account: it counts the nonces itself. A transaction counts as sent when its hash is
known to the chain, whatever the node has or has not answered. Keys stay in eth-account's objects; nothing
here prints or logs one. The keys that every development node knows are refused where real money is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldthread.chain.contracts import Call
from goldthread.chain.errors import ChainError, ContractError, NodeError, RpcError
from goldthread.chain.rpc import Chain, contract_error, quantity

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

GAS_CAP = 1 << 24
"""The most gas that a transaction may have since the Osaka hard fork."""

_TEST_MNEMONICS = (
    "test test test test test test test test test test test junk",  # Anvil, Hardhat, ape
    "myth like bonus scare over problem client lizard pioneer submit female collect",  # Ganache
    "candy maple cake sugar pudding cream honey rich smooth crumble sweet treat",  # Truffle
)


class SendError(ChainError):
    """A transaction was not sent, or it is not known whether it was. The message says which, with its
    hash.
    """


@dataclass(frozen=True)
class Receipt:
    """What became of a transaction. Gas in units, `logs` as the node gives them."""

    tx_hash: str
    block: int
    gas_used: int
    contract_address: str | None
    logs: Sequence[dict[str, Any]]


@dataclass
class Fees:
    """What to pay for gas, in wei for each unit.

    The maximum is twice the base fee of the newest block plus the tip, so that a transaction stays valid
    while the base fee doubles (six full blocks). `limit` is the most that may ever be offered.
    """

    limit: int | None = None
    bump_after: float = 60.0
    """Seconds without a receipt after which a transaction is sent again at a quarter more."""

    def current(self, chain: Chain) -> dict[str, int]:
        """The fee fields of a transaction sent now; raises `SendError` above the limit."""
        base = chain.rpc("eth_getBlockByNumber", "latest", False).get("baseFeePerGas")
        if base is None:
            return self._checked({"gasPrice": int(chain.rpc("eth_gasPrice"), 16)})
        tip = int(chain.rpc("eth_maxPriorityFeePerGas"), 16)
        return self._checked({"maxFeePerGas": 2 * int(base, 16) + tip, "maxPriorityFeePerGas": tip})

    def raised(self, fees: dict[str, int]) -> dict[str, int]:
        """A quarter more, which every node takes as a replacement."""
        return self._checked({name: amount + amount // 4 + 1 for name, amount in fees.items()})

    def _checked(self, fees: dict[str, int]) -> dict[str, int]:
        offered = fees.get("maxFeePerGas", fees.get("gasPrice", 0))
        if self.limit is not None and offered > self.limit:
            raise SendError(
                f"gas costs {offered} wei now, more than the limit of {self.limit}; nothing was sent"
            )
        return fees


@dataclass
class _Pending:
    """A transaction on its way, under every hash that it was sent with."""

    fields: dict[str, Any]
    fees: dict[str, int]
    hashes: list[str] = field(default_factory=list)


class Sender:
    """Sends for one account. Make it with `local`, `keystore` or `unlocked`."""

    def __init__(
        self,
        chain: Chain,
        address: str,
        sign: Callable[[dict[str, Any]], tuple[str, str]] | None,
        fees: Fees | None = None,
        timeout: float = 180.0,
    ) -> None:
        self.chain = chain
        self.address = address
        self.fees = fees or Fees()
        self.timeout = timeout
        self._sign = sign
        self._nonce: int | None = None
        self._lock = threading.Lock()
        self._pending: dict[str, _Pending] = {}

    @classmethod
    def local(cls, chain: Chain, account: LocalAccount, **options: Any) -> Sender:
        """For an account whose key eth-account holds. Refuses a well-known test key on a real chain."""
        refuse_test_key(chain, account.address)

        def sign(fields: dict[str, Any]) -> tuple[str, str]:
            signed = account.sign_transaction(fields)
            return "0x" + signed.raw_transaction.hex(), "0x" + signed.hash.hex()

        return cls(chain, account.address, sign, **options)

    @classmethod
    def keystore(
        cls, chain: Chain, path: str | Path, passphrase: str | None = None, **options: Any
    ) -> Sender:
        """For an encrypted keystore file; without a passphrase, asks for it on the terminal."""
        import getpass

        from eth_account import Account

        if passphrase is None:
            passphrase = getpass.getpass(f"Passphrase of {path}: ")
        try:
            key = Account.decrypt(Path(path).read_text(), passphrase)
        except Exception as error:
            raise SendError(f"{path}: cannot be opened: {error}") from None
        return cls.local(chain, Account.from_key(key), **options)

    @classmethod
    def unlocked(cls, chain: Chain, address: str, **options: Any) -> Sender:
        """For an account that a development node signs for; on chain 31337 only."""
        if chain.id != 31337:
            raise SendError(f"accounts of the node are used on chain 31337 only, this is chain {chain.id}")
        return cls(chain, address, None, **options)

    def settle(self) -> None:
        """Wait until what was sent for the account before is in a block; `SendError` if it is not in time."""
        end = time.monotonic() + self.timeout
        while True:
            done, sent = (
                int(self.chain.rpc("eth_getTransactionCount", self.address, block), 16)
                for block in ("latest", "pending")
            )
            if sent <= done:
                return
            if time.monotonic() > end:
                raise SendError(
                    f"{self.address}: {sent - done} transactions are under way; wait for them first"
                )
            time.sleep(0.1)

    def send(self, call: Call, *, gas: int | None = None) -> Receipt:
        """Send a call and wait for its receipt; raises `ContractError` if the contract refuses."""
        return self.wait(self.submit(call.to, call.data, value=call.value, gas=gas))

    def submit(self, to: str | None, data: bytes, *, value: int = 0, gas: int | None = None) -> str:
        """Send a transaction and return its hash without waiting; without `to`, deploy the code.

        Raises `ContractError` if the contract would refuse it now, and `SendError` or `NodeError` if it is
        not on its way. `gas` replaces the estimate, and with it the check.
        """
        with self._lock:
            fields: dict[str, Any] = {"chainId": self.chain.id, "value": value, "data": "0x" + data.hex()}
            if to is not None:
                fields["to"] = to
            fields["gas"] = self._estimate(fields) if gas is None else gas
            pending = _Pending(fields, self.fees.current(self.chain))
            for attempt in (1, 2):
                if self._nonce is None:
                    count = self.chain.rpc("eth_getTransactionCount", self.address, "pending")
                    self._nonce = int(count, 16)
                pending.fields["nonce"] = self._nonce
                try:
                    tx_hash = self._broadcast(pending)
                except RpcError as error:
                    # Somebody else has used the nonce, or the chain went back: look again, once.
                    self._nonce = None
                    if attempt == 2 or "nonce" not in error.message.lower():
                        raise SendError(f"not sent: {error}") from None
                    continue
                except NodeError:
                    self._nonce = None
                    raise
                self._nonce += 1
                self._pending[tx_hash] = pending
                return tx_hash
        raise AssertionError("unreachable")

    def wait(self, tx_hash: str) -> Receipt:
        """Wait for a transaction that `submit` sent; raises `ContractError` if it failed."""
        pending = self._pending.get(tx_hash, _Pending({}, {}, [tx_hash]))
        start = last_sent = time.monotonic()
        pause = 0.002 if self.chain.is_local else 0.5
        while time.monotonic() - start < self.timeout:
            for known in pending.hashes:
                receipt = self.chain.receipt(known)
                if receipt is not None:
                    self._pending.pop(tx_hash, None)
                    return self._checked(receipt, pending)
            if pending.fees and time.monotonic() - last_sent > self.fees.bump_after:
                self._replace(pending)
                last_sent = time.monotonic()
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)
        raise SendError(f"{tx_hash} is in no block after {self.timeout:g} s; it may still come")

    def _estimate(self, fields: dict[str, Any]) -> int:
        request = {"from": self.address, "data": fields["data"], "value": hex(fields["value"])}
        if "to" in fields:
            request["to"] = fields["to"]
        try:
            estimate = int(self.chain.rpc("eth_estimateGas", request), 16)
        except RpcError as error:
            raise contract_error(error) from None
        # What a call needs can grow a little until it is in a block.
        return estimate if estimate >= GAS_CAP else min(estimate + estimate // 5, GAS_CAP)

    def _broadcast(self, pending: _Pending) -> str:
        """Send under the nonce in the fields; the hash, if the chain knows the transaction afterwards."""
        if self._sign is None:
            request = {
                name: hex(value) if isinstance(value, int) else value
                for name, value in {**pending.fields, **pending.fees}.items()
                if name != "chainId"
            }
            tx_hash = str(self.chain.rpc("eth_sendTransaction", {**request, "from": self.address}))
        else:
            raw, tx_hash = self._sign({**pending.fields, **pending.fees})
            try:
                self.chain.rpc("eth_sendRawTransaction", raw)
            except RpcError:
                # "already known" and "nonce too low" also answer the second try of what the first one did.
                if not self._is_known(tx_hash):
                    raise
            except NodeError as error:
                if not self._is_known(tx_hash):
                    raise SendError(f"{tx_hash}: it is not known whether it was sent: {error}") from None
        pending.hashes.append(tx_hash)
        return tx_hash

    def _is_known(self, tx_hash: str) -> bool:
        return self.chain.rpc("eth_getTransactionByHash", tx_hash) is not None

    def _replace(self, pending: _Pending) -> None:
        """Offer more for a transaction that nobody took. If that fails, the old one is still on its way."""
        try:
            pending.fees = self.fees.raised(pending.fees)
            self._broadcast(pending)
        except ChainError:
            return

    def _checked(self, receipt: dict[str, Any], pending: _Pending) -> Receipt:
        block = int(receipt["blockNumber"], 16)
        if int(receipt["status"], 16) == 0:
            raise self._failure(receipt, pending, block)
        return Receipt(
            tx_hash=receipt["transactionHash"],
            block=block,
            gas_used=int(receipt["gasUsed"], 16),
            contract_address=receipt.get("contractAddress"),
            logs=receipt["logs"],
        )

    def _failure(self, receipt: dict[str, Any], pending: _Pending, block: int) -> ChainError:
        """Why a mined transaction failed, as far as asking again at its block can tell."""
        tx_hash = receipt["transactionHash"]
        if "to" in pending.fields:
            request = {"from": self.address, "to": pending.fields["to"], "data": pending.fields["data"]}
            request |= {"value": hex(pending.fields["value"]), "gas": hex(pending.fields["gas"])}
            try:
                self.chain.rpc("eth_call", request, quantity(block))
            except RpcError as error:
                found = contract_error(error)
                if isinstance(found, ContractError) and found.name:
                    found.add_note(f"in transaction {tx_hash}")
                    return found
        used = int(receipt["gasUsed"], 16)
        most = f" of its {pending.fields['gas']}" if "gas" in pending.fields else ""
        return SendError(f"{tx_hash} failed in block {block} and cost {used}{most} gas")


def refuse_test_key(chain: Chain, address: str) -> None:
    """Raise `SendError` if the account's key is one that everybody knows and the chain is not a local one."""
    if not chain.is_local and address in well_known_addresses():
        rule = f"anybody can take what it owns on chain {chain.id}"
        raise SendError(f"{address} is a well-known test account; {rule}")


@cache
def well_known_addresses() -> frozenset[str]:
    """The addresses of the first twenty accounts of each well-known development mnemonic."""
    from eth_account import Account
    from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

    found = {Account.from_key((1).to_bytes(32, "big")).address}
    for mnemonic in _TEST_MNEMONICS:
        seed = seed_from_mnemonic(mnemonic, "")
        for index in range(20):
            found.add(Account.from_key(key_from_seed(seed, f"m/44'/60'/0'/0/{index}")).address)
    return frozenset(found)
