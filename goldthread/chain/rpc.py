"""A connection to a node: JSON-RPC with retries, batches, and one clear error for everything that can go
wrong.

It stands on the providers of web3.py, below its middleware: a call is one request and not three.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from goldthread.chain.errors import ContractError, NodeError, RpcError, revert_data

if TYPE_CHECKING:
    from web3 import Web3

LOCAL_CHAINS = frozenset({31337, 1337})
"""Chain ids of development nodes, on which well-known keys may be used."""

Request = tuple[str, Sequence[Any]]
Block = int | str
"""A block number, or "latest", "pending", "finalized" ..."""

_T = TypeVar("_T")
_BATCH = 100
_TRIES = 4
_PAUSE = 0.1
"""Seconds before the second try; each later one waits twice as long as the one before."""
_NOT_REPEATED = frozenset({"eth_sendTransaction", "personal_sendTransaction"})
"""Asking twice would do it twice. `eth_sendRawTransaction` is not among them: the nonce forbids a second
time.
"""


class Chain:
    """A chain behind a node's URL (http, https) or the path of its IPC socket.

    Every method raises `NodeError` if the node cannot be asked and `RpcError` if it refuses.
    """

    def __init__(self, url: str, *, timeout: float = 30.0) -> None:
        self.url = url
        self.timeout = timeout

    @cached_property
    def id(self) -> int:
        """The chain id, asked once."""
        return int(self.rpc("eth_chainId"), 16)

    @property
    def is_local(self) -> bool:
        """True for a development chain."""
        return self.id in LOCAL_CHAINS

    @cached_property
    def web3(self) -> Web3:
        """The same connection as a web3.py object, without the middleware that triples the requests."""
        from web3 import Web3

        web3 = Web3(self._provider)
        for layer in ("validation", "ens_name_to_address", "gas_price_strategy"):
            web3.middleware_onion.remove(layer)
        return web3

    def rpc(self, method: str, *params: Any) -> Any:
        """One request; repeated a few times, with growing pauses, while the node cannot be reached."""
        return self._repeated(lambda: self._one(method, params), 1 if method in _NOT_REPEATED else _TRIES)

    def batch(self, requests: Iterable[Request], progress: Callable[[int], None] | None = None) -> list[Any]:
        """Many read requests, a hundred in each round trip; results in the order of the requests.

        `progress` is called with the number of requests done since the last time. Where a node takes no or
        only smaller batches, they are cut. The first refusal is raised.
        """
        todo = list(requests)
        results: list[Any] = []
        size = _BATCH
        while len(results) < len(todo):
            part = todo[len(results) : len(results) + size]
            if size == 1:
                answers = [self.rpc(part[0][0], *part[0][1])]
            else:
                found = self._repeated(lambda part=part: self._many(part), _TRIES)  # type: ignore[misc]
                if found is None:
                    size = max(1, size // 4)
                    continue
                answers = found
            results.extend(answers)
            if progress is not None:
                progress(len(answers))
        return results

    def call(self, to: str, data: bytes, *, block: Block = "latest", sender: str | None = None) -> bytes:
        """What a function would return; `ContractError` if the contract refuses."""
        request = {"to": to, "data": "0x" + data.hex()}
        if sender is not None:
            request["from"] = sender
        try:
            answer: str = self.rpc("eth_call", request, quantity(block))
        except RpcError as error:
            raise contract_error(error) from None
        return bytes.fromhex(answer[2:])

    def block_number(self) -> int:
        """The number of the newest block."""
        return int(self.rpc("eth_blockNumber"), 16)

    def code(self, address: str, block: Block = "latest") -> bytes:
        """The code at an address; empty if there is no contract."""
        answer: str = self.rpc("eth_getCode", address, quantity(block))
        return bytes.fromhex(answer[2:])

    def receipt(self, tx_hash: str) -> dict[str, Any] | None:
        """The receipt of a transaction as the node gives it, or None while it is in no block."""
        found: dict[str, Any] | None = self.rpc("eth_getTransactionReceipt", tx_hash)
        return found

    @cached_property
    def _provider(self) -> Any:
        if self.url.startswith(("http://", "https://")):
            import requests
            from web3 import HTTPProvider
            from web3.types import RPCEndpoint

            session = requests.Session()
            # The machine itself is not behind a proxy, and looking for one takes half of a short call's time.
            session.trust_env = urlsplit(self.url).hostname not in ("127.0.0.1", "localhost", "::1")
            return HTTPProvider(
                self.url,
                request_kwargs={"timeout": self.timeout},
                session=session,
                exception_retry_configuration=None,
                cache_allowed_requests=True,
                cacheable_requests={RPCEndpoint("eth_chainId"), RPCEndpoint("net_version")},
            )
        if "://" not in self.url:
            from web3 import IPCProvider

            return IPCProvider(self.url, timeout=int(self.timeout))
        raise NodeError(f"{self._name}: a node is reached by http://, https:// or the path of an IPC socket")

    @property
    def _name(self) -> str:
        if "://" not in self.url:
            return self.url
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")

    def _one(self, method: str, params: Sequence[Any]) -> Any:
        answer = self._ask(lambda: self._provider.make_request(method, list(params)), method)
        if not isinstance(answer, dict) or (
            "result" not in answer and not isinstance(answer.get("error"), dict)
        ):
            raise NodeError(f"{self._name} answered {method} with what is no JSON-RPC: {str(answer)[:80]!r}")
        return _result(method, answer)

    def _many(self, requests: Sequence[Request]) -> list[Any] | None:
        """None if the node does not take such a batch."""
        wanted = [(method, list(params)) for method, params in requests]
        answers = self._ask(lambda: self._provider.make_batch_request(wanted), f"{len(wanted)} requests")
        if not isinstance(answers, list) or len(answers) != len(wanted):
            return None
        return [_result(method, answer) for (method, _), answer in zip(wanted, answers, strict=True)]

    def _ask(self, ask: Callable[[], _T], what: str) -> _T:
        """The four families in which an unreachable node fails, as one error."""
        import requests
        from web3.exceptions import Web3Exception

        try:
            return ask()
        except requests.Timeout:
            raise NodeError(f"{self._name} did not answer {what} within {self.timeout:g} s") from None
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else "error"
            raise NodeError(f"{self._name} answered {what} with HTTP {status}") from None
        except requests.JSONDecodeError:
            raise NodeError(f"{self._name} answered {what} with what is no JSON") from None
        except (requests.ConnectionError, OSError, Web3Exception) as error:
            raise NodeError(f"{self._name} cannot be reached: {_reason(error)}") from None
        except ValueError:
            raise NodeError(f"{self._name} answered {what} with what is no JSON") from None

    def _repeated(self, ask: Callable[[], _T], tries: int) -> _T:
        for attempt in range(1, tries):
            try:
                return ask()
            except NodeError:
                # Each up to half longer: many clients must not return at once.
                time.sleep(_PAUSE * 2 ** (attempt - 1) * random.uniform(1, 1.5))  # noqa: S311
        return ask()


def connect(url: str, *, timeout: float = 30.0) -> Chain:
    """Connect to a node and ask for its chain id, so that a wrong URL shows at once. Raises `NodeError`."""
    chain = Chain(url, timeout=timeout)
    chain.id  # noqa: B018
    return chain


def quantity(block: Block) -> str:
    """A block as JSON-RPC wants it."""
    return hex(block) if isinstance(block, int) else block


def contract_error(error: RpcError) -> RpcError | ContractError:
    """What the contract said, if the node refused because the contract did."""
    data = revert_data(error)
    return error if data is None else ContractError.decoded(data)


def _result(method: str, answer: dict[str, Any]) -> Any:
    error = answer.get("error")
    if error is not None:
        raise RpcError(method, error.get("code", 0), str(error.get("message", error)), error.get("data"))
    return answer["result"]


def _reason(error: BaseException) -> str:
    """The innermost cause, without the addresses of objects that the libraries print."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    strerror = getattr(error, "strerror", None)
    return strerror or str(error).split(": ", 1)[-1] or type(error).__name__
