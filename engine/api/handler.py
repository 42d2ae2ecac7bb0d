"""One connection: an HTTP request is read within its bounds, answered, and the connection closed."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from engine.api.operations import Operations
from engine.api.peer import Peer, peer_of
from engine.api.routes import Request, answer
from engine.api.wire import LARGEST_REQUEST, PREFIX, ApiError, Code
from engine.serving import Arriving

log = logging.getLogger(__name__)

READ_SECONDS = 5.0
"""How long a whole request may take to arrive, however its bytes are spread."""
WRITE_SECONDS = 10.0
"""How long an answer may take to be taken."""
_MOST_PARAMETERS = 20


class Handler(BaseHTTPRequestHandler):
    """Answers one request with JSON; errors too."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # with HTTP/0.9, what cannot be parsed got a body without a head
    server_version = "conductor-watch"
    sys_version = ""

    def __init__(self, connection: socket.socket, operations: Operations) -> None:
        """Handles the connection, whole, before it returns."""
        self._operations = operations
        self._peer: Peer = peer_of(connection)
        super().__init__(connection, "", None)  # type: ignore[arg-type]  # it has no server of socketserver

    def setup(self) -> None:
        """Bounds what is read in time; what is written has its own time."""
        super().setup()
        self.rfile.close()
        self._received = Arriving(self.connection, time.monotonic() + READ_SECONDS)
        self._refused = False
        self.rfile = io.BufferedReader(self._received)

    def handle(self) -> None:
        """Answers one request; a connection is never used again."""
        try:
            self.handle_one_request()
        except (ConnectionError, TimeoutError):
            log.debug("the peer went away before its answer")

    def finish(self) -> None:
        """Ends the connection; what a refused client still sends is taken, or it would see no answer."""
        if self._refused:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_WR)
                waste = bytearray(LARGEST_REQUEST)
                while self._received.readinto(waste):
                    pass
        super().finish()

    def do_GET(self) -> None:
        """Answers a GET."""
        self._answer(dict)

    def do_POST(self) -> None:
        """Answers a POST."""
        self._answer(self._body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Says in JSON what http.server found wrong with a request."""
        self._send(code, ApiError(Code.INVALID, message or HTTPStatus(code).phrase).to_json())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of http.server
        """Logs for those who look for it; changes have their audit records."""
        log.debug(format, *args)

    def _answer(self, body: Callable[[], dict[str, Any]]) -> None:
        try:
            status, found = HTTPStatus.OK.value, answer(self._request(body()), self._operations)
        except ApiError as error:
            status, found = error.code.status, error.to_json()
        except TimeoutError:
            message = f"the request did not arrive within {READ_SECONDS:g} s"
            status, found = Code.TOO_SLOW.status, ApiError(Code.TOO_SLOW, message).to_json()
        except ConnectionError:
            raise
        except Exception as error:
            log.exception("%s %s", self.command, self.path)
            fault = ApiError(Code.INTERNAL, f"a fault of conductor-watch: {error}", "its log says more")
            status, found = fault.code.status, fault.to_json()
        self._send(status, found)

    def _request(self, body: dict[str, Any]) -> Request:
        split = urlsplit(self.path)
        prefix, *path = (unquote(part) for part in split.path.removeprefix("/").split("/"))
        if prefix != PREFIX:
            raise ApiError(Code.NOT_FOUND, f"there is no {split.path}", f"every path begins with /{PREFIX}/")
        try:
            query = parse_qsl(split.query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
        except ValueError as error:
            raise ApiError(Code.INVALID, str(error)) from error
        return Request(self.command, tuple(path), dict(query), body, self._peer)

    def _body(self) -> dict[str, Any]:
        """Reads the JSON object that comes with a request; none is an empty one."""
        if self.headers.get("Transfer-Encoding") is not None:
            raise ApiError(Code.INVALID, "Transfer-Encoding is not taken", "send Content-Length")
        stated = self.headers.get("Content-Length", "0")
        if not (stated.isascii() and stated.isdecimal()):
            raise ApiError(Code.INVALID, f"Content-Length {stated!r} is no number")
        if int(stated) > LARGEST_REQUEST:
            message = f"the body has {stated} bytes, and {LARGEST_REQUEST} are taken at most"
            raise ApiError(Code.TOO_LARGE, message)
        data = self.rfile.read(int(stated))
        try:
            body = json.loads(data or b"{}")
        except (ValueError, RecursionError) as error:
            raise ApiError(Code.INVALID, f"the body is no JSON: {error}") from error
        if not isinstance(body, dict):
            raise ApiError(Code.INVALID, "the body is no JSON object")
        return body

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body, ensure_ascii=False).encode() + b"\n"
        self._refused = status != HTTPStatus.OK
        self.connection.settimeout(WRITE_SECONDS)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True
