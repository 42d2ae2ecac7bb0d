"""Following the objects of one kind: endless over resuming over one call, and nothing lost between them.

One call reads the changes since a version. Resuming calls go on from the last change that the follower has
dealt with; where that version is no longer kept, everything is listed anew. The endless loop waits between
tries. What the changes mean is the follower's affair.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.kube.backoff import Backoff
from engine.kube.client import Client, Object, Stream
from engine.kube.errors import ApiError, GoneError, UnavailableError, from_status
from engine.kube.resources import Resource
from engine.kube.versions import order

log = logging.getLogger(__name__)

PAGE = 500
"""How many objects are listed at a time: bounds the memory of a list, not what is listed."""
_STEADY_SECONDS = 5.0
"""A call that lasted so long was a good one, however it ended."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one object; where it is `deleted`, the object is as it was last."""

    body: Object
    deleted: bool = False

    @property
    def version(self) -> str:
        """The resource version of the change."""
        return str(self.body["metadata"]["resourceVersion"])


class Follower(Protocol):
    """Takes what a Reflector sees. Where it raises, it is told the same again."""

    def listed(self, pages: Iterator[list[Object]]) -> None:
        """Takes everything there is; what is not among it is gone."""
        ...

    def changed(self, changes: list[Change]) -> None:
        """Takes changes, in the order in which they happened."""
        ...

    def reached(self, version: str) -> None:
        """Is told that the server answers, and that everything up to a version has been taken."""
        ...

    def failed(self, error: Exception) -> None:
        """Is told what stands in the way, at each try."""
        ...


class Reflector:
    """Keeps a follower told of the objects of a kind in one namespace, or in all.

    Args:
        namespace: empty for all, and for kinds that stand in none.
        resume: tells where to go on from, empty to list first; asked once, by the thread, and again where
            it raises.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        namespace: str,
        follower: Follower,
        *,
        resume: Callable[[], str] | None = None,
    ) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._follower = follower
        self._resume = resume
        self._version = ""
        self._doubted = False
        self._detail = resource.words(namespace)
        self._backoff = Backoff(client.times.first_delay, client.times.longest_delay)
        self._stream: Stream | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch {self._detail}", daemon=True)
        self.synced = threading.Event()
        """Set once the follower knows everything there is."""
        self.last_contact = time.monotonic()
        """When the server last said something, by the monotonic clock."""

    def start(self) -> None:
        """Starts following, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Asks the thread to end; the follower is told nothing new once it has."""
        self._stop.set()
        if self._stream is not None:
            self._stream.close()

    def join(self, timeout: float) -> None:
        """Waits for the thread to end."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            error: Exception | None = None
            try:
                self._follow()
            except ApiError as failure:
                error = failure
                self._learn(failure)
            except Exception as failure:  # the thread must live: the follower is told the same again
                error = failure
                log.exception("%s: what was seen could not be taken; trying again", self._detail)
                self._follower.failed(failure)
            if error is None or time.monotonic() - began > _STEADY_SECONDS:
                self._backoff.reset()
            self._stop.wait(self._backoff.next(error))

    def _learn(self, failure: ApiError) -> None:
        """Draws from a failure what is to be done about it."""
        if isinstance(failure, GoneError):
            log.info("%s: version %s is no longer kept; listing", self._detail, self._version)
            self._version = ""
            return
        # A server that comes back may have been restored to before the version that we have reached.
        self._doubted = bool(self._version)
        if not self._stop.is_set():
            self._follower.failed(failure)

    def _follow(self) -> None:
        """Lists where it has to, then reads changes until the call ends.

        Raises:
            UnavailableError: the call told of nothing before it ended, so that the next one has to wait.
        """
        if self._resume is not None:
            self._version = self._resume()
            self._resume, self._doubted = None, bool(self._version)
        if self._doubted:
            self._check_version()
        if not self._version:
            pages = Pages(self._client, self._resource, self._namespace)
            self._follower.listed(iter(pages))
            self._reach(pages.version)
        self.synced.set()
        began, told = time.monotonic(), False
        for changes in self._changes():
            if self._stop.is_set():
                return
            told = True
            bodies = [change for change in changes if isinstance(change, Change)]
            if bodies:
                self._follower.changed(bodies)
            last = changes[-1]
            self._reach(last.version if isinstance(last, Change) else last)
        if not told and time.monotonic() - began < _STEADY_SECONDS and not self._stop.is_set():
            raise UnavailableError(f"cannot watch {self._detail}: the server ended the call at once")

    def _changes(self) -> Iterator[list[Change | str]]:
        """Reads one call: changes that came together, and bookmarks as the version they tell."""
        seconds = self._client.times.watch * random.uniform(0.8, 1.0)  # noqa: S311 - spreads calls
        query: dict[str, str | int] = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": max(1, int(seconds)),
        }
        path, what = self._resource.path(self._namespace), f"watch {self._detail}"
        with self._client.stream(path, what, query) as stream:
            self._stream = stream
            if self._stop.is_set():  # asked to stop while the call was being opened
                return
            self._reach(self._version)
            for lines in stream.batches():
                self.last_contact = time.monotonic()
                changes, error = read_changes(lines, what)
                if changes:
                    yield changes
                if error is not None:
                    raise error

    def _check_version(self) -> None:
        """Lists anew where the server has not come as far as our version: it was restored."""
        query = {"limit": 1}
        found = self._client.get(self._resource.path(self._namespace), f"list {self._detail}", query)
        now = str(found["metadata"]["resourceVersion"])
        if order(now) < order(self._version):
            log.warning("%s: the server is at %s, before %s; listing", self._detail, now, self._version)
            self._version = ""
        self._doubted = False

    def _reach(self, version: str) -> None:
        self._version = version
        self.last_contact = time.monotonic()
        self._follower.reached(version)


class Pages:
    """All objects of a kind, listed page by page at one version.

    Attributes:
        version: of the list; known once the first page is.
    """

    def __init__(self, client: Client, resource: Resource, namespace: str) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self.version = ""

    def __iter__(self) -> Iterator[list[Object]]:
        """Yields the pages.

        Raises:
            ApiError: GoneError among them, where the list took longer than its version is kept.
        """
        query: dict[str, str | int] = {"limit": PAGE}
        what = f"list {self._resource.words(self._namespace)}"
        while True:
            page = self._client.get(self._resource.path(self._namespace), what, query)
            metadata = page["metadata"]
            self.version = str(metadata["resourceVersion"])
            # The items of a list leave out what the list says for them.
            named = {"apiVersion": self._resource.api_version, "kind": self._resource.kind}
            yield [{**named, **item} for item in page.get("items") or ()]
            if not metadata.get("continue"):
                return
            query["continue"] = str(metadata["continue"])


def read_changes(lines: list[bytes], what: str) -> tuple[list[Change | str], ApiError | None]:
    """Reads the lines of a watch: changes, bookmarks as versions, and the error that ends it.

    A line that is no whole JSON was cut off: what it told comes again after the version before it.
    """
    changes: list[Change | str] = []
    for line in lines:
        if not line.strip():
            continue
        try:
            event = json.loads(line)
            body, kind = event["object"], event["type"]
        except (ValueError, KeyError, TypeError):
            return changes, UnavailableError(f"cannot {what}: the answer was cut off")
        if kind == "ERROR":
            return changes, _error(body, what)
        if kind == "BOOKMARK":
            changes.append(str(body["metadata"]["resourceVersion"]))
        elif kind in ("ADDED", "MODIFIED", "DELETED"):
            changes.append(Change(body, deleted=kind == "DELETED"))
        else:  # a kind of event that a later API may have; its version is reached with the next one
            log.info("%s: an event of type %s is not known", what, kind)
    return changes, None


def _error(status: Mapping[str, Any], what: str) -> ApiError:
    return from_status(what, int(status.get("code") or 500), status)
