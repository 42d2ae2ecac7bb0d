"""A small porch: its API over HTTP with its rules and its words, and the faults that a test puts in."""

from __future__ import annotations

import copy
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import yaml

Object = dict[str, Any]
Answer = Callable[[BaseHTTPRequestHandler], None]
GROUP = "/apis/porch.kpt.dev/v1alpha1"
_PATH = re.compile(
    r"/namespaces/default/(?P<plural>[a-z]+)(?:/(?P<name>[^/?]+))?(?:/(?P<subresource>approval))?\Z"
)
KPTFILE = "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: {}\n"
REVISIONS = "packagerevisions.porch.kpt.dev"
INTERNAL = "Internal error occurred: "


class RefusedError(Exception):
    """porch says no, with a code and its words."""

    def __init__(self, code: int, message: str, reason: str = "InternalError") -> None:
        super().__init__(message)
        self.body = {"kind": "Status", "code": code, "reason": reason, "message": message}
        self.code = code


@dataclass
class Fault:
    """What happens to one call in place of, or after, what it asks for.

    Attributes:
        call: "METHOD part of the path".
        answer: what is answered; None to leave that to porch.
        done: whether the call is carried out before.
        times: how many calls it meets.
    """

    call: str
    answer: Answer | None
    done: bool = False
    times: int = 1

    def meets(self, method: str, path: str) -> bool:
        wanted, _, part = self.call.partition(" ")
        return self.times > 0 and method == wanted and part in path


@dataclass
class Porch:
    """The state of a porch, by the names of its revisions."""

    cache: str = "db"
    repositories: tuple[str, ...] = ("main", "edge")
    revisions: dict[str, Object] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    render: Callable[[dict[str, str]], Object] = lambda _: {}
    seconds: float = 0.0
    """How long each write takes."""
    url: str = ""
    most: int = 0
    """How many writes were under way at once, at most."""

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._ticks = 0
        self._writing = 0

    def fail(self, call: str, answer: Answer | None, *, done: bool = False, times: int = 1) -> None:
        self.faults.append(Fault(call, answer, done, times))

    def of_package(self, package: str = "") -> list[Object]:
        found = [item for item in self.revisions.values() if item["spec"].get("revision") != -1]
        return [item for item in found if not package or item["spec"]["packageName"] == package]

    def lifecycles(self) -> list[str]:
        return sorted(item["spec"]["lifecycle"] for item in self.of_package())

    def writes(self) -> list[str]:
        return [method for method, _ in self.calls if method != "GET"]

    def move(self, name: str, lifecycle: str) -> None:
        """Does what somebody else would do."""
        with self._lock:
            self._set_lifecycle(self.revisions[name], lifecycle)

    def forget(self, name: str) -> None:
        """Deletes a revision, as somebody else would."""
        with self._lock:
            del self.revisions[name], self.files[name]

    def add(self, package: str, workspace: str, source: str = "", repository: str = "main") -> str:
        """Makes a revision of somebody else's; returns its name."""
        task: Object = {"type": "init", "init": {}}
        if source:
            task = {"type": "edit", "edit": {"sourceRef": {"name": source}}}
        spec = {"packageName": package, "workspaceName": workspace, "repository": repository}
        with self._lock:
            body = self._create({"spec": {**spec, "lifecycle": "Draft", "tasks": [task]}})
        return str(body["metadata"]["name"])

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        size = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(size)) if size else None
        with self._lock:
            self.calls.append((handler.command, parts.path))
            self.bodies.append(body)
            fault = next((item for item in self.faults if item.meets(handler.command, parts.path)), None)
            if fault is not None:
                fault.times -= 1
        if fault is not None and not fault.done and fault.answer is not None:
            fault.answer(handler)
            return
        try:
            code, answer = 200, self._serve(handler.command, parts.path, dict(parse_qsl(parts.query)), body)
        except RefusedError as refused:
            code, answer = refused.code, refused.body
        if fault is not None and fault.answer is not None:
            fault.answer(handler)
        else:
            send(handler, code, json.dumps(answer).encode())

    def _serve(self, method: str, path: str, query: dict[str, str], body: Any) -> Object:
        if path == GROUP:
            return {"kind": "APIResourceList", "resources": []}
        match = _PATH.search(path)
        if match is None:
            raise RefusedError(404, "the server could not find the requested resource", "NotFound")
        if match["plural"] == "repositories":
            return self._repository(match["name"])
        if method == "GET":
            with self._lock:
                return copy.deepcopy(self._read(match["plural"], match["name"], query))
        with self._lock:
            self._writing += 1
            self.most = max(self.most, self._writing)
        time.sleep(self.seconds)
        try:
            with self._lock:
                return copy.deepcopy(self._write(method, match, body))
        finally:
            with self._lock:
                self._writing -= 1

    def _repository(self, name: str) -> Object:
        if name not in self.repositories:
            message = f'repositories.config.porch.kpt.dev "{name}" not found'
            raise RefusedError(404, message, "NotFound")
        return {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}

    def _read(self, plural: str, name: str | None, query: dict[str, str]) -> Object:
        if name is not None:
            found = self._found(name, plural)
            return found if plural == "packagerevisions" else self._resources(found)
        wanted = dict(part.split("=") for part in query["fieldSelector"].split(",") if part)
        items = [
            item
            for item in self.revisions.values()
            if all(str(item["spec"].get(key[5:])) == value for key, value in wanted.items())
        ]
        return {"kind": "PackageRevisionList", "metadata": {"resourceVersion": "1"}, "items": items}

    def _found(self, name: str, plural: str = "packagerevisions") -> Object:
        if name not in self.revisions:
            raise RefusedError(404, f'{plural}.porch.kpt.dev "{name}" not found', "NotFound")
        return self.revisions[name]

    def _write(self, method: str, match: re.Match[str], body: Object) -> Object:
        if method == "POST":
            return self._create(body)
        found = self._found(match["name"], match["plural"])
        stated = ((body or {}).get("metadata") or {}).get("resourceVersion")
        if stated is not None and stated != found["metadata"]["resourceVersion"]:
            raise RefusedError(
                500,
                f'{INTERNAL}Operation cannot be fulfilled on {REVISIONS} "{match["name"]}": the object '
                "has been modified; please apply your changes to the latest version and try again",
            )
        if method == "DELETE":
            return self._delete(found)
        if match["plural"] == "packagerevisionresources":
            return self._push(found, body["spec"]["resources"])
        self._check_move(found, body["spec"]["lifecycle"], approval=match["subresource"] is not None)
        annotations = found["metadata"].get("annotations", {}) | body["metadata"].get("annotations", {})
        found["metadata"]["annotations"] = {
            key: text for key, text in annotations.items() if text is not None
        }
        self._set_lifecycle(found, body["spec"]["lifecycle"])
        return found

    def _create(self, body: Object) -> Object:
        spec = body["spec"]
        repository, package, workspace = spec["repository"], spec["packageName"], spec["workspaceName"]
        self._repository(repository)
        name = f"{repository}.{package}.{workspace}"
        if name in self.revisions:
            raise RefusedError(
                500,
                f"{INTERNAL}package revision workspaceNames must be unique; package revision with name "
                f"{package} in repo {repository} with workspaceName {workspace} already exists",
            )
        task = spec["tasks"][0]
        siblings = [item for item in self.of_package(package) if item["spec"]["repository"] == repository]
        if task["type"] == "init":
            if siblings:
                message = f'{INTERNAL}package "{package}" already exists in repository "{repository}"'
                raise RefusedError(500, message)
            files = {"Kptfile": KPTFILE.format(package), "README.md": "# it", "package-context.yaml": "a: b"}
        else:
            source = task["edit"]["sourceRef"]["name"]
            if source not in self.revisions:
                raise RefusedError(
                    500, f'failed to fetch package "{source}": cannot find package revision "{source}"'
                )
            if self.revisions[source]["spec"]["lifecycle"] not in ("Published", "DeletionProposed"):
                raise RefusedError(500, "source revision must be published")
            files = dict(self.files[source])
        self.revisions[name] = {
            "kind": "PackageRevision",
            "metadata": {"name": name, "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": dict(spec),
        }
        self.files[name] = files
        return self._touched(self.revisions[name])

    def _touched(self, found: Object) -> Object:
        self._ticks += 1
        name = found["metadata"]["name"]
        version = f"{name}.{self._ticks}" if self.cache == "db" else f"{self._ticks:040x}"
        found["metadata"]["resourceVersion"] = version
        kptfile = yaml.safe_load(self.files[name].get("Kptfile", "{}"))
        found["spec"]["packageMetadata"] = {"annotations": kptfile.get("metadata", {}).get("annotations", {})}
        return found

    def _resources(self, found: Object) -> Object:
        files = self.files[found["metadata"]["name"]]
        return {
            "kind": "PackageRevisionResources",
            "metadata": dict(found["metadata"]),
            "spec": {"resources": files} if files else {},  # porch leaves out what is empty
        }

    def _push(self, found: Object, texts: dict[str, str | None]) -> Object:
        lifecycle = found["spec"]["lifecycle"]
        if lifecycle != "Draft":
            message = (
                f'cannot update a package revision with lifecycle value "{lifecycle}"; package must be Draft'
            )
            raise RefusedError(500, INTERNAL + message)
        files = self.files[found["metadata"]["name"]]
        for path, text in texts.items():
            if text is None:
                files.pop(path, None)
            else:
                files[path] = text
        rendered = self.render(files)
        self._touched(found)
        return self._resources(found) | {"status": {"renderStatus": rendered}}

    def _check_move(self, found: Object, lifecycle: str, *, approval: bool) -> None:
        before = found["spec"]["lifecycle"]
        invalid = f'PackageRevision.porch.kpt.dev "{found["metadata"]["name"]}" is invalid: spec.lifecycle: '
        invalid += f'Invalid value: "{before}": '
        if approval and before == "Published":
            said = "package with Published lifecycle value can only be updated to 'ProposeDeletion'"
            raise RefusedError(422, invalid + said, "Invalid")
        if approval and before == "Draft":
            said = "cannot approve package with Draft lifecycle value; only Proposed packages can be approved"
            raise RefusedError(422, invalid + said, "Invalid")
        if lifecycle == "DeletionProposed" and before == "Published":
            return
        if not approval and (lifecycle == "Published" or before == "Published"):
            said = "spec can only update package with lifecycle value one of Draft,Proposed"
            raise RefusedError(422, invalid + said, "Invalid")

    def _set_lifecycle(self, found: Object, lifecycle: str) -> None:
        spec = found["spec"]
        spec["lifecycle"] = lifecycle
        if lifecycle == "Published" and "revision" not in spec:
            siblings = [
                item
                for item in self.of_package(spec["packageName"])
                if item["spec"]["repository"] == spec["repository"]
            ]
            spec["revision"] = 1 + max(item["spec"].get("revision", 0) for item in siblings)
            for item in siblings:
                item["metadata"]["labels"] = {"kpt.dev/latest-revision": "true"} if item is found else {}
            self._stand_for_the_branch(spec)
        self._touched(found)

    def _stand_for_the_branch(self, spec: Object) -> None:
        name = f"{spec['repository']}.{spec['packageName']}.main"
        self.files.setdefault(name, {})
        self.revisions[name] = {
            "metadata": {"name": name},
            "spec": {**spec, "revision": -1, "workspaceName": "main"},
        }
        self._touched(self.revisions[name])

    def _delete(self, found: Object) -> Object:
        name = found["metadata"]["name"]
        if found["spec"]["lifecycle"] == "Published":
            message = (
                f'packagerevisions.porch.kpt.dev "{name}" is forbidden: published PackageRevisions must be '
                "proposed for deletion by setting spec.lifecycle to 'DeletionProposed' prior to deletion"
            )
            raise RefusedError(403, message, "Forbidden")
        del self.files[name]
        return self.revisions.pop(name)


@contextmanager
def serving(porch: Porch, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Porch]:
    """Serves a porch on loopback, by TLS where it is given; cuts its clients off at the end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            porch.answer(self)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        clients: ClassVar[set[socket.socket]] = set()

        def get_request(self) -> tuple[socket.socket, Any]:
            connection, address = super().get_request()
            if tls is not None:  # shakes hands when it is first read from, in a thread of its own
                connection = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            self.clients.add(connection)
            return connection, address

        def shutdown_request(self, request: Any) -> None:
            self.clients.discard(request)
            super().shutdown_request(request)

        def handle_error(self, *_: Any) -> None:
            """A client that has had enough of an answer goes away."""

    server = Server(("127.0.0.1", port), Handler)
    porch.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield porch
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        for client in list(server.clients):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


def send(handler: BaseHTTPRequestHandler, code: int, data: bytes, content: str = "application/json") -> None:
    handler.send_response(code)
    handler.send_header("Content-Type", content)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def says(code: int, message: str) -> Answer:
    """An answer of porch that is no success."""
    body = {"kind": "Status", "status": "Failure", "code": code, "message": message}
    return lambda handler: send(handler, code, json.dumps(body).encode())


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """The connection ends without an answer."""
    handler.close_connection = True
    handler.connection.close()
