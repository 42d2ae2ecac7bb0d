"""Stands between the product and a real API server, and does to its answers what networks do."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kubernetes.client.configuration import Configuration

from engine.kube.client import Client, Times
from engine.kube.connection import configure
from tests.cluster.api import Api

Edit = Callable[[Iterator[bytes]], Iterator[bytes]]
"""Changes the lines of a watch on their way."""


class ResetError(Exception):
    """Raised by an edit: the connection breaks."""


class Outage(threading.Event):
    """While it is set the network is down: it breaks what is open, and every call."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

    def set(self) -> None:
        super().set()
        with self._guard:
            self.count += 1
            sockets = list(self._open)
        for sock in sockets:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    @contextmanager
    def may_break(self, sock: socket.socket, since: int) -> Iterator[None]:
        """Has a connection broken by the next outage, and at once by one since a count."""
        with self._guard:
            if self.count != since:
                raise ResetError
            self._open.add(sock)
        try:
            yield
        finally:
            with self._guard:
                self._open.discard(sock)


class FaultProxy:
    """Passes calls on; takes the next fault of `watches`, `lists` or `writes` for a call of that kind.

    A fault of a watch is an Edit; of other calls it is what answers in place of the API server.
    """

    def __init__(self, upstream: Api) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.watches: deque[Edit | tuple[int, dict[str, Any]]] = deque()
        self.lists: deque[tuple[int, dict[str, Any]]] = deque()
        self.down = Outage()
        self.streams = 0
        """How many watches have been answered with a stream."""
        parts = urlsplit(upstream.server)
        self._address = (parts.hostname or "", parts.port or 443)
        self._tls = ssl.create_default_context(cadata=upstream.authority)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                proxy.pass_on(self)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def client(self, kubeconfig: Path, times: Times) -> Client:
        """A client of the product that goes this way."""
        named = configure(kubeconfig)
        configuration = Configuration(host=self.url, api_key=named.api_key)
        configuration.retries = named.retries
        return Client(configuration, times)

    def asked(self, kind: str) -> list[dict[str, str]]:
        """The queries of the calls that were a "watch", "list", "probe" or "write"."""
        return [query for method, _, query in self.requests if _kind(method, query) == kind]

    def pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        query = dict(parse_qsl(urlsplit(handler.path).query))
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        kind = _kind(handler.command, query)
        outages = self.down.count
        self.requests.append((handler.command, handler.path, query))
        if self.down.is_set():
            _reset(handler)
            return
        fault = (
            self.watches.popleft()
            if kind == "watch" and self.watches
            else self.lists.popleft()
            if kind == "list" and self.lists
            else None
        )
        if isinstance(fault, tuple):
            _answer(handler, fault[0], json.dumps(fault[1]).encode())
            return
        connection = http.client.HTTPSConnection(*self._address, context=self._tls, timeout=60)
        headers = {name: text for name, text in handler.headers.items() if name.lower() != "host"}
        connection.request(handler.command, handler.path, body or None, headers)
        answer = connection.getresponse()
        try:
            if kind == "watch" and answer.status == 200:
                with self.down.may_break(_socket_of(answer), outages):
                    self.streams += 1
                    self._stream(handler, answer, fault or (lambda lines: lines))
            else:
                _answer(handler, answer.status, answer.read())
        except (ResetError, OSError, ValueError):
            _reset(handler)
        finally:
            answer.close()  # the connection lets go of an answer after which the server closes
            connection.close()

    def _stream(self, handler: BaseHTTPRequestHandler, answer: http.client.HTTPResponse, edit: Edit) -> None:
        handler.close_connection = True
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for line in edit(self._lines(answer)):
            handler.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    def _lines(self, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        """Yields whole lines until the answer ends, or breaks off once the network is down."""
        outages = self.down.count
        while line := answer.readline():
            if self.down.count != outages:
                raise ResetError
            yield line
        if self.down.count != outages:
            raise ResetError


@contextmanager
def between(upstream: Api) -> Iterator[FaultProxy]:
    proxy = FaultProxy(upstream)
    thread = threading.Thread(target=proxy.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.down.set()
        proxy.server.shutdown()
        proxy.server.server_close()
        thread.join()


def line_of(kind: str, body: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


def expired() -> dict[str, Any]:
    return {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}


def after(count: int, *, then: bytes = b"", breaks: bool = False) -> Edit:
    """Lets some lines through, adds bytes of its own, and ends the watch, or breaks it."""

    def edit(lines: Iterator[bytes]) -> Iterator[bytes]:
        for _ in range(count):
            yield next(lines)
        if then:
            yield then
        if breaks:
            raise ResetError

    return edit


def silent_after(count: int, until: threading.Event) -> Edit:
    """Lets some lines through, then nothing."""

    def edit(lines: Iterator[bytes]) -> Iterator[bytes]:
        for _ in range(count):
            yield next(lines)
        until.wait(30)
        raise ResetError

    return edit


def cut_in(count: int, *, keep: float) -> Edit:
    """Lets some lines through, then a part of the next, and breaks."""

    def edit(lines: Iterator[bytes]) -> Iterator[bytes]:
        for _ in range(count):
            yield next(lines)
        line = next(lines)
        yield line[: int(len(line) * keep)]
        time.sleep(0.05)  # a reset throws away what has not been read
        raise ResetError

    return edit


def repeated(times: int) -> Edit:
    """Tells each line several times, and all before it again."""

    def edit(lines: Iterator[bytes]) -> Iterator[bytes]:
        told: list[bytes] = []
        for line in lines:
            told.append(line)
            yield from [line] * times
            yield from told

    return edit


def delayed(seconds: float) -> Edit:
    """Tells each line late."""

    def edit(lines: Iterator[bytes]) -> Iterator[bytes]:
        for line in lines:
            time.sleep(seconds)
            yield line

    return edit


def _kind(method: str, query: dict[str, str]) -> str:
    if "watch" in query:
        return "watch"
    if method != "GET":
        return "write"
    return {"1": "probe", "500": "list"}.get(query.get("limit", ""), "get")


def _socket_of(answer: http.client.HTTPResponse) -> socket.socket:
    sock = answer.fp.raw._sock
    assert isinstance(sock, socket.socket)
    return sock


def _answer(handler: BaseHTTPRequestHandler, code: int, data: bytes) -> None:
    handler.send_response(code)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def _reset(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
