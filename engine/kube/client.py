"""Calls of the API server: plain objects in and out, timeouts on each, errors of our own.

The one place where HTTP is spoken, on connections that the Kubernetes client sets up: TLS, proxies and
tokens are its business. Its generated APIs are not used: their models cost 20 MB, and `CustomObjectsApi`
cannot reach the core group. Nor is its generic call, which takes longer to put a request together than to
send it. Nothing is tried again here: each caller knows best when to.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlencode

from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from engine.kube.errors import (
    ApiError,
    ForbiddenError,
    NotFoundError,
    UnansweredError,
    UnauthorizedError,
    UnavailableError,
    from_status,
)
from engine.kube.health import Health
from engine.kube.light_kubernetes import Configuration, RESTClientObject
from engine.kube.resources import NAMESPACES, SELF_SUBJECT_REVIEWS, Resource

JSON = "application/json"
MERGE = "application/merge-patch+json"
_PLAIN = "text/plain"
"""How an API server answers for a service behind it that it cannot reach."""
APPLY = "application/apply-patch+yaml"
FIELD_MANAGER = "conductor-watch"
"""The name under which the API server keeps which fields are ours."""

Object = dict[str, Any]
Query = Mapping[str, str | int]
_ANONYMOUS = "system:anonymous"
_USER = re.compile(r'User "([^"]+)" cannot ')
"""How an API server says whom it refuses."""
_CHUNK = 65536
_NEVER_SENT = (NewConnectionError, ConnectTimeoutError, SSLError)
"""Errors before the first byte went out: what was asked for has not been done."""
_CONNECTION = re.compile(r"^.*?Connection(?:\(.*?\)| object at \S+>): ")
"""What urllib3 puts before the words: the connection as an object."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long things may take, in seconds.

    Attributes:
        connect: a connection.
        read: how long the server may say nothing within a call.
        answer: how long an answer may take from its first byte to its last.
        watch: after at most so long the server ends a watch; the least is 0.8 of it, so that many do not
            end together.
        silence: a watch in which the server says nothing for so long is dead. Bookmarks come about once a
            minute.
        first_delay: the longest delay after a first failure.
        longest_delay: the longest of all delays.
    """

    connect: float = 5.0
    read: float = 15.0
    answer: float = 60.0
    watch: float = 300.0
    silence: float = 150.0
    first_delay: float = 0.2
    longest_delay: float = 30.0


class Stream:
    """The lines of an answer that does not end, as they come. Read by one thread, closed by any."""

    def __init__(self, response: BaseHTTPResponse, what: str) -> None:
        self._response = response
        self._what = what
        self._closed = threading.Event()

    def batches(self) -> Iterator[list[bytes]]:
        """Yields the lines that have arrived together; ends with the answer, or once closed.

        A last line without a newline is a line too: whoever parses it sees whether it is whole.

        Raises:
            UnavailableError: the connection broke, or was silent for longer than the read timeout.
        """
        rest = b""
        try:
            while not self._closed.is_set():
                chunk = self._response.read1(_CHUNK)
                if not chunk:
                    break
                *lines, rest = (rest + chunk).split(b"\n")
                if lines:
                    yield lines
        except (HTTPError, OSError, ValueError, AttributeError) as error:
            # What a socket says that is closed under a reader differs with its kind and state.
            if not self._closed.is_set():
                raise UnavailableError(f"cannot {self._what}: it broke off: {_short(error)}") from error
        if rest and not self._closed.is_set():
            yield [rest]

    def close(self) -> None:
        """Ends the reading, also one that is blocked in another thread."""
        self._closed.set()
        try:
            self._response.shutdown()
        except (OSError, ValueError, RuntimeError):  # it has ended by itself
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()


class Client:
    """Calls one API server; safe for several threads.

    Args:
        most_bytes: how large an answer may be; None for any size.

    Attributes:
        host: the server's address.
        times: how long things may take.
        health: what does not work; noted by those who call.
    """

    def __init__(
        self, configuration: Configuration, times: Times | None = None, *, most_bytes: int | None = None
    ) -> None:
        self._most_bytes = most_bytes
        self._configuration = configuration
        self._connections = RESTClientObject(configuration).pool_manager
        self.host = configuration.host
        self.times = times or Times()
        self.health = Health()

    def close(self) -> None:
        """Closes the connections that nobody uses."""
        self._connections.clear()

    def get(self, path: str, what: str, query: Query | None = None) -> Object:
        """Returns what stands at a path.

        Args:
            what: the call, for the message of an error: "read the schema".

        Raises:
            ApiError: see `engine.kube.errors`.
        """
        return self._send("GET", path, what, query=query)

    def create(
        self, resource: Resource, namespace: str, body: Object, *, name: str = "", subresource: str = ""
    ) -> Object:
        """Creates an object, or a subresource of the one with a name; raises as `get` does."""
        path = resource.path(namespace, name, subresource)
        query = {"fieldManager": FIELD_MANAGER}
        named = resource.words(namespace, name or body.get("metadata", {}).get("name", ""))
        what = f"create {f'a {subresource} of ' if subresource else ''}{named}"
        return self._send("POST", path, what, query=query, body=body)

    def merge(
        self, resource: Resource, namespace: str, name: str, body: Object, *, subresource: str = ""
    ) -> Object:
        """Changes the fields of an object that `body` has; raises as `get` does."""
        query = {"fieldManager": FIELD_MANAGER}
        what = f"change {f'the {subresource} of ' if subresource else ''}{resource.words(namespace, name)}"
        path = resource.path(namespace, name, subresource)
        return self._send("PATCH", path, what, query=query, body=body, content_type=MERGE)

    def delete(self, resource: Resource, namespace: str, name: str, *, version: str) -> None:
        """Deletes an object as it was at a resource version; raises as `get` does."""
        what = f"delete {resource.words(namespace, name)}"
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"resourceVersion": version}}
        self._send("DELETE", resource.path(namespace, name), what, body=body)

    def apply(
        self, resource: Resource, namespace: str, body: Object, *, manager: str, subresource: str = ""
    ) -> Object:
        """Applies an object server-side: of its fields, `manager` has those of `body` and no others.

        With `metadata.uid` and `metadata.resourceVersion` in `body`, only to that object as it was then.
        Raises as `get` does; ConflictError where the object is another one by now.
        """
        name = body["metadata"]["name"]
        whole = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        what = f"apply the {subresource or 'metadata'} of {resource.words(namespace, name)}"
        path = resource.path(namespace, name, subresource)
        query: Query = {"fieldManager": manager, "force": "true"}
        return self._send("PATCH", path, what, query=query, body=whole, content_type=APPLY)

    def stream(self, path: str, what: str, query: Query) -> Stream:
        """Opens an answer that goes on; it may be silent for `times.silence`. Raises as `get` does."""
        response = self._call("GET", path, what, query=query, read_seconds=self.times.silence)
        self._refuse(response, what)
        return Stream(response, what)

    def whoami(self) -> str:
        """Returns the name of our account; empty where the API server is too old to tell (before 1.28).

        One that knows no such question refuses it, unless we may do everything, and then names us too.

        Raises:
            UnauthorizedError: we are nobody: the token was not taken.
            ApiError: as `get`.
        """
        body = {"apiVersion": SELF_SUBJECT_REVIEWS.api_version, "kind": SELF_SUBJECT_REVIEWS.kind}
        try:
            review = self._send("POST", SELF_SUBJECT_REVIEWS.path(), "ask who we are", body=body)
        except NotFoundError:
            return ""
        except ForbiddenError as error:
            named = _USER.search(str(error))
            if named is None:
                return ""
            name = named[1]
        else:
            name = str(review.get("status", {}).get("userInfo", {}).get("username", ""))
        if name in ("", _ANONYMOUS):
            message = f"the API server at {self.host} takes us for nobody; give the pod a service account"
            raise UnauthorizedError(message)
        return name

    def server_time(self) -> float:
        """Returns the API server's time, in whole epoch seconds; ours where its answer has none.

        Raises:
            UnavailableError: it cannot be reached.
        """
        what = "ask for the time"
        response = self._call("GET", "/version", what)
        self._data(response, what)  # a refusal has the time too
        told = response.headers.get("Date")
        return parsedate_to_datetime(told).timestamp() if told else float(int(time.time()))

    def cluster_id(self) -> str:
        """Returns what tells this cluster from others; empty where we may not read it.

        Raises:
            ApiError: as `get`.
        """
        try:
            found = self.get(NAMESPACES.path("", "kube-system"), "read namespace kube-system")
        except (ForbiddenError, NotFoundError):
            return ""
        return str(found["metadata"]["uid"])

    def _send(
        self,
        method: str,
        path: str,
        what: str,
        *,
        query: Query | None = None,
        body: Object | None = None,
        content_type: str = JSON,
    ) -> Object:
        response = self._call(method, path, what, query=query, body=body, content_type=content_type)
        self._refuse(response, what)
        return _object(self._data(response, what), what)

    def _call(
        self,
        method: str,
        path: str,
        what: str,
        *,
        query: Query | None = None,
        body: Object | None = None,
        content_type: str = JSON,
        read_seconds: float | None = None,
    ) -> BaseHTTPResponse:
        headers = {"Accept": JSON, "User-Agent": FIELD_MANAGER}
        token = self._configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token:
            headers["Authorization"] = token
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            return self._connections.urlopen(
                method,
                f"{self.host}{path}?{urlencode(query)}" if query else f"{self.host}{path}",
                redirect=False,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=Timeout(connect=self.times.connect, read=read_seconds or self.times.read),
                preload_content=False,
            )
        except HTTPError as error:
            message = f"cannot {what}: the API server at {self.host} does not answer: {_short(error)}"
            never_sent = isinstance(error, _NEVER_SENT)
            raise (UnavailableError if never_sent else UnansweredError)(message) from error

    def _refuse(self, response: BaseHTTPResponse, what: str) -> None:
        """Raises what an answer that is no success stands for."""
        if 200 <= response.status < 300:  # noqa: PLR2004 - HTTP's successes
            return
        status: Object = {}
        try:
            data = self._data(response, what)
            plain = (response.headers.get("Content-Type") or "").startswith(_PLAIN)
            status = {"message": data.decode(errors="replace")} if plain else _object(data, what)
        except ApiError:  # a proxy in between answers in HTML, or not to its end
            status = {}
        raise from_status(what, response.status, status, _seconds(response.headers.get("Retry-After")))

    def _data(self, response: BaseHTTPResponse, what: str) -> bytes:
        """Reads an answer to its end, unless it is too long, in bytes or in time."""
        deadline = time.monotonic() + self.times.answer
        most, problem, data = self._most_bytes, "", bytearray()
        try:
            while not problem and (chunk := response.read1(_CHUNK)):
                data += chunk
                if most is not None and len(data) > most:
                    problem = f"is larger than {most} bytes"
                elif time.monotonic() > deadline:
                    problem = f"takes longer than {self.times.answer:g} s"
        except HTTPError as error:
            raise UnansweredError(f"cannot {what}: the answer broke off: {_short(error)}") from error
        if problem:
            response.close()
            raise UnansweredError(f"cannot {what}: the answer {problem}")
        return bytes(data)


def _object(data: bytes, what: str) -> Object:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnansweredError(f"cannot {what}: the answer is no JSON") from error
    if not isinstance(value, dict):
        raise UnansweredError(f"cannot {what}: the answer is no object")
    return value


def _seconds(header: str | None) -> float | None:
    """Reads a Retry-After in seconds, the only form that Kubernetes sends."""
    try:
        return float(header) if header is not None else None
    except ValueError:
        return None


def _short(error: Exception) -> str:
    """Returns what an error of urllib3 says to people, without the objects and errors that it wraps."""
    inner = getattr(error, "reason", None) or error
    if isinstance(inner, Exception):
        inner = next((part for part in inner.args if isinstance(part, Exception)), inner)
    told = str(inner) or type(inner).__name__
    return _CONNECTION.sub("", told).strip().splitlines()[-1]
