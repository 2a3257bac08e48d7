"""A proxy between a client and a node that loses, delays and garbles what passes through it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from types import TracebackType
from urllib.parse import urlsplit

Fault = Callable[["FaultProxy", socket.socket, bytes], bool]
"""Handles a request in the place of the node; False lets it pass."""


class FaultProxy:
    """Listens on a port of its own; `fail(method, fault, times)` says what happens to the next requests."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._faults: list[tuple[bytes, Fault]] = []
        self._lock = threading.Lock()
        self._closing = False
        self.seen: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._server.close()

    def fail(self, method: str, fault: Fault, times: int = 1) -> None:
        """The next requests for a method meet this fault."""
        with self._lock:
            self._faults += [(method.encode(), fault)] * times

    def forward(self, body: bytes) -> bytes:
        """The node's answer."""
        connection = HTTPConnection(self._host, self._port, timeout=30)
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = connection.getresponse().read()
        connection.close()
        return answer

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            reader = client.makefile("rb")
            while body := _read_request(reader):
                self.seen.append(body)
                fault = self._fault_for(body)
                if fault is None or not fault(self, client, body):
                    respond(client, self.forward(body))
                    continue
                return

    def _fault_for(self, body: bytes) -> Fault | None:
        with self._lock:
            for place, (method, fault) in enumerate(self._faults):
                if b'"' + method + b'"' in body:
                    del self._faults[place]
                    return fault
        return None


def respond(client: socket.socket, body: bytes, status: str = "200 OK") -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)


def lose_reply(proxy: FaultProxy, client: socket.socket, body: bytes) -> bool:
    """The node gets the request; nobody gets its answer."""
    proxy.forward(body)
    return True


def refuse(proxy: FaultProxy, client: socket.socket, body: bytes) -> bool:
    """The connection is cut before the node hears of it."""
    return True


def hang(proxy: FaultProxy, client: socket.socket, body: bytes) -> bool:
    """No answer for longer than anybody waits in a test."""
    time.sleep(1)
    return True


def garbage(proxy: FaultProxy, client: socket.socket, body: bytes) -> bool:
    respond(client, b"<html>out of order</html>")
    return True


def no_rpc(proxy: FaultProxy, client: socket.socket, body: bytes) -> bool:
    respond(client, b'{"hello": "world"}')
    return True


def unavailable(proxy: FaultProxy, client: socket.socket, body: bytes) -> bool:
    respond(client, b"{}", "503 Service Unavailable")
    return True


def too_many(proxy: FaultProxy, client: socket.socket, body: bytes) -> bool:
    """As providers refuse a range with too many logs."""
    error = b'{"code": -32005, "message": "query returned more than 10000 results"}'
    respond(client, b'{"jsonrpc": "2.0", "id": 0, "error": ' + error + b"}")
    return True


def cut_answer(proxy: FaultProxy, client: socket.socket, body: bytes) -> bool:
    """Half of the answer, and the connection is gone."""
    answer = proxy.forward(body)
    client.sendall(
        f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer[: len(answer) // 2]
    )
    return True


def _read_request(reader: object) -> bytes:
    length = 0
    line = reader.readline()  # type: ignore[attr-defined]
    if not line:
        return b""
    while line not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        line = reader.readline()  # type: ignore[attr-defined]
    body: bytes = reader.read(length)  # type: ignore[attr-defined]
    return body
