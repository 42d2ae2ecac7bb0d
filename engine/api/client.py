"""Asks a running daemon; only the standard library, and of that not even `http.client` and its TLS.

A request is a head and a JSON body, the answer ends where the daemon closes the connection.
"""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from engine.api.wire import API_VERSION, PREFIX, ApiError, Body, SocketError, address

_CHUNK = 65_536
_OK = 200


class Client:
    """Talks to the daemon that listens at a socket; each call is a connection of its own.

    Every method returns the answer's body, and raises ApiError where the daemon refuses, or SocketError where
    none answers.
    """

    def __init__(self, path: Path, timeout: float = 30.0) -> None:
        """Takes the socket's path, and how many seconds each step of a call may take."""
        self.path = path
        self.timeout = timeout

    def intents(
        self,
        *,
        namespace: str = "",
        phase: str = "",
        reason: str = "",
        limit: int | None = None,
        after: str = "",
    ) -> Body:
        """Lists a page of intents; `continue` of the answer is `after` of the next page, empty at the end."""
        query = {"namespace": namespace, "phase": phase, "reason": reason, "limit": limit, "continue": after}
        return self._call("GET", "intents", query=query)

    def intent(self, namespace: str, name: str) -> Body:
        """Returns one intent with its generations."""
        return self._call("GET", "intents", namespace, name)

    def explain(self, namespace: str, name: str, generation: int | None = None, at: str = "") -> Body:
        """Returns how a generation was decided, the newest unless told otherwise; `at` is in RFC 3339."""
        return self._call("GET", "explain", namespace, name, query={"generation": generation, "at": at})

    def approve(self, namespace: str, name: str, spec_hash: str = "") -> Body:
        """Approves what waits for it, but only with this spec hash where one is given."""
        body = {"kind": "ApprovalRequest"} | ({"specHash": spec_hash} if spec_hash else {})
        return self._call("POST", "intents", namespace, name, "approve", body=body)

    def retry(self, namespace: str, name: str) -> Body:
        """Starts an intent afresh."""
        body = {"kind": "RetryRequest"}
        return self._call("POST", "intents", namespace, name, "retry", body=body)

    def retry_all(
        self,
        reason: str,
        *,
        namespace: str = "",
        since: str = "",
        limit: int = 100,
        dry_run: bool = False,
        rate: int | None = None,
    ) -> Body:
        """Starts afresh what has a reason; `since` is a time in RFC 3339, `rate` how many start a minute."""
        narrowed = {"namespace": namespace, "since": since, "rate": rate}
        body = {"kind": "BulkRetryRequest", "reason": reason, "limit": limit, "dryRun": dry_run}
        body |= {name: value for name, value in narrowed.items() if value}
        return self._call("POST", "intents", "retry", body=body)

    def reapply(self, *, namespace: str = "", rate: int = 60, after: str = "") -> Body:
        """Has finished intents decided anew by the rules in force, `rate` of them a minute.

        The answer is about a page of them; `continue` of it is `after` of the next, empty at the end.
        """
        body = {"kind": "ReapplicationRequest", "rate": rate, "continue": after}
        return self._call(
            "POST", "rules", "reapply", body=body | ({"namespace": namespace} if namespace else {})
        )

    def state(self) -> Body:
        """Returns how the daemon stands."""
        return self._call("GET", "state")

    def reload(self) -> Body:
        """Has rules, lexicon and switches of the settings taken up now."""
        return self._call("POST", "rules", "reload", body={"kind": "ReloadRequest"})

    def health(self) -> Body:
        """Returns that the daemon is well."""
        return self._call("GET", "healthz")

    def _call(
        self,
        method: str,
        *path: str,
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
    ) -> Body:
        target = "/".join(["", PREFIX, *(quote(part, safe="") for part in path)])
        if wanted := {name: value for name, value in (query or {}).items() if value not in (None, "")}:
            target += f"?{urlencode(wanted)}"
        data = json.dumps({"apiVersion": API_VERSION, **body}).encode() if body is not None else b""
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        status, answer = self._parsed(self._exchange(head.encode() + data))
        if status != _OK:
            raise ApiError.from_json(answer)
        return answer

    def _exchange(self, request: bytes) -> bytes:
        """Sends a request and returns all that comes back."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(self.timeout)
            try:
                connection.connect(address(self.path))
                with contextlib.suppress(BrokenPipeError):  # refused before it was read; the answer says why
                    connection.sendall(request)
                return b"".join(iter(lambda: connection.recv(_CHUNK), b""))
            except TimeoutError as error:
                message = f"the daemon at {self.path} did not answer within {self.timeout:g} s"
                raise SocketError(message) from error
            except (FileNotFoundError, ConnectionRefusedError) as error:
                raise SocketError(f"no daemon answers at {self.path}") from error
            except SocketError:
                raise
            except OSError as error:
                raise SocketError(f"{self.path}: {error.strerror or error}") from error

    def _parsed(self, answer: bytes) -> tuple[int, Body]:
        head, _, data = answer.partition(b"\r\n\r\n")
        try:
            status = int(head.split(b" ", 2)[1])
            body = json.loads(data)
        except (IndexError, ValueError) as error:
            raise SocketError(
                f"what answers at {self.path} is no conductor-watch, or it was stopped"
            ) from error
        return status, body
