"""A real HTTP server that answers as it is told to: the API server's bad days, on real sockets."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kubernetes.client.configuration import Configuration

from engine.kube.client import Client, Times
from engine.kube.resources import network_intents

INTENTS = network_intents("nephoran.com", "v1")
FAST = Times(connect=2.0, read=2.0, watch=60.0, silence=30.0, first_delay=0.02, longest_delay=0.1)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    at: float


Answer = Callable[[BaseHTTPRequestHandler], None]


class ScriptedApi:
    """Answers with the next of a script; without one lists and others fail, and watches say nothing.

    A probe is a list of one object, which asks only how far the server is.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.lists: deque[Answer] = deque()
        self.probes: deque[Answer] = deque()
        self.watches: deque[Answer] = deque()
        self.others: deque[Answer] = deque()
        self.closing = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                api.answer(self)

            do_GET = do_POST = do_PATCH = handle_one  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.closing = self.closing
        self.host = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = dict(parse_qsl(parts.query))
        size = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(size)) if size else None
        headers = {key.lower(): value for key, value in handler.headers.items()}
        self.requests.append(Request(handler.command, parts.path, query, headers, body, time.monotonic()))
        if "watch" in query:
            script = self.watches.popleft() if self.watches else stream(then="hang")
        elif query.get("limit") == "1":
            script = self.probes.popleft() if self.probes else listing(version="999999999")
        elif handler.command == "GET" and parts.path.endswith(INTENTS.plural):
            script = self.lists.popleft() if self.lists else status(503, "down")
        else:
            script = self.others.popleft() if self.others else status(503, "down")
        script(handler)

    def asked(self, kind: str) -> list[Request]:
        """The requests that were watches, probes, lists or others."""
        return [request for request in self.requests if _kind(request) == kind]


def _kind(request: Request) -> str:
    if "watch" in request.query:
        return "watch"
    if request.query.get("limit") == "1":
        return "probe"
    return "list" if request.method == "GET" and request.path.endswith(INTENTS.plural) else "other"


@contextmanager
def serving() -> Iterator[ScriptedApi]:
    api = ScriptedApi()
    thread = threading.Thread(target=api.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.closing.set()
        api.server.shutdown()
        api.server.server_close()
        thread.join()


def client_of(api: ScriptedApi, times: Times = FAST) -> Client:
    configuration = Configuration()
    configuration.host = api.host
    configuration.retries = False
    return Client(configuration, times)


def answers(code: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    return send


def status(code: int, message: str, reason: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    body = {"kind": "Status", "status": "Failure", "code": code, "message": message, "reason": reason}
    return answers(code, body, headers)


def listing(*items: Any, version: str = "100", more: str = "") -> Answer:
    metadata = {"resourceVersion": version} | ({"continue": more} if more else {})
    return answers(200, {"kind": "NetworkIntentList", "metadata": metadata, "items": list(items)})


def stream(*events: Any, then: str = "end", cut: int = 0) -> Answer:
    """Sends events, one a line; then ends, hangs, or resets the connection. `cut` drops the last bytes."""
    data = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    data = data[: len(data) - cut]

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.close_connection = True
        if data:
            handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        if then == "end":
            handler.wfile.write(b"0\r\n\r\n")
        elif then == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
        else:
            hang(handler)

    return send


def replay(*events: Any) -> Answer:
    """Sends what comes after the version that is asked for, as the API server does; then hangs."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        after = int(dict(parse_qsl(urlsplit(handler.path).query))["resourceVersion"])
        newer = [event for event in events if int(event["object"]["metadata"]["resourceVersion"]) > after]
        stream(*newer, then="hang")(handler)

    return send


def hang(handler: BaseHTTPRequestHandler) -> None:
    """Says nothing until the other side goes or the test ends."""
    handler.close_connection = True
    handler.connection.settimeout(0.05)
    while not handler.server.closing.is_set():
        try:
            if handler.connection.recv(1) == b"":
                return
        except TimeoutError:
            continue
        except OSError:
            return


def intent(name: str, version: int, **fields: Any) -> dict[str, Any]:
    """An intent as the API server gives it; `fields` go into its metadata."""
    return {
        "apiVersion": INTENTS.api_version,
        "kind": INTENTS.kind,
        "metadata": {
            "namespace": "core",
            "name": name,
            "uid": f"uid-{name}",
            "generation": 1,
            "resourceVersion": str(version),
            "managedFields": [{"manager": "kubectl"}],
        }
        | fields,
        "spec": {"intent": "scale amf to 5"},
    }


def added(body: Any) -> dict[str, Any]:
    return {"type": "ADDED", "object": body}


def modified(body: Any) -> dict[str, Any]:
    return {"type": "MODIFIED", "object": body}


def deleted(body: Any) -> dict[str, Any]:
    return {"type": "DELETED", "object": body}


def bookmark(version: int) -> dict[str, Any]:
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}


def error(code: int, message: str = "too old", **details: Any) -> dict[str, Any]:
    return {"type": "ERROR", "object": {"kind": "Status", "code": code, "message": message, **details}}


def eventually(true: Callable[[], Any], seconds: float = 60.0) -> None:
    """Waits until something holds; fails where it never does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.005)
