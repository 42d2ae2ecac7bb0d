"""A small HTTP server of pages to read: bounded in time, size and threads; knows nothing of what they say."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import parse_qsl, urlsplit

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 32
"""How many are answered at a time; more are closed, so that they cost nothing."""
READ_SECONDS = 5.0
"""How long a whole request may take to arrive, however its bytes are spread."""
WRITE_SECONDS = 10.0
"""How long an answer may take to be taken."""
_MOST_PARAMETERS = 20


@dataclass(frozen=True, slots=True)
class Question:
    """A request for a page.

    Attributes:
        query: its parameters; the last of a name counts.
        accept: the header of this name; empty where there is none.
    """

    query: Mapping[str, str]
    accept: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page says."""

    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    status: HTTPStatus = HTTPStatus.OK


Page = Callable[[Question], Answer]


class Arriving(io.RawIOBase):
    """The receiving side of a connection, until a deadline by the monotonic clock."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        """It can only be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receives what has arrived; raises TimeoutError once the deadline is over."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class PageServer:
    """Serves pages, by their path, to whoever asks.

    Raises:
        OSError: the address is in use.
    """

    def __init__(self, address: str, port: int, pages: Mapping[str, Page]) -> None:
        self._server = _Server((address, port), _handler_of(pages))
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)
        self.port = self._server.server_address[1]
        self._thread.start()

    def stop(self) -> None:
        """Accepts nothing more; what is being answered is not waited for."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingMixIn, TCPServer):  # http.server's own asks the DNS for its name, which may take long
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, where: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(where, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - as socketserver has it
        log.debug("a request was not answered")


def _handler_of(pages: Mapping[str, Page]) -> type[BaseHTTPRequestHandler]:
    return type("PageHandler", (_Handler,), {"pages": pages})


class _Handler(BaseHTTPRequestHandler):
    pages: Mapping[str, Page]
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # with HTTP/0.9, what cannot be parsed got a body without a head
    server_version = "conductor-watch"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(Arriving(self.connection, time.monotonic() + READ_SECONDS))

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            self.handle_one_request()

    def do_GET(self) -> None:
        self._send(self._answer())

    def do_HEAD(self) -> None:
        self._send(self._answer())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of http.server
        log.debug(format, *args)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        status = HTTPStatus(code)
        self._send(Answer(f"{message or status.phrase}\n".encode(), status=status))

    def _answer(self) -> Answer:
        split = urlsplit(self.path)
        page = self.pages.get(split.path)
        if page is None:
            known = ", ".join(sorted(self.pages))
            return Answer(f"there is no such page; there are {known}\n".encode(), status=HTTPStatus.NOT_FOUND)
        try:
            query = dict(parse_qsl(split.query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS))
        except ValueError as error:
            return Answer(f"{error}\n".encode(), status=HTTPStatus.BAD_REQUEST)
        try:
            return page(Question(query, self.headers.get("Accept", "")))
        except Exception:
            log.exception("%s could not be answered", split.path)
            said = b"a fault of conductor-watch; its log says more\n"
            return Answer(said, status=HTTPStatus.INTERNAL_SERVER_ERROR)

    def _send(self, answer: Answer) -> None:
        self.connection.settimeout(WRITE_SECONDS)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.close_connection = True
