"""The live objects of a cluster: read-only, by watches of just the kinds and namespaces that are asked for.

Never reads Secrets. What cannot be read (no right, no such API, no answer yet) is unknown, with why.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from engine.kube import client as api
from engine.kube.client import Client
from engine.kube.discovery import not_served
from engine.kube.errors import ApiError, ForbiddenError, NotFoundError
from engine.kube.resources import Resource
from engine.kube.watching import Change, Reflector
from engine.live.inventory import Object, UnknownFact
from engine.live.shapes import CLUSTER_WIDE, SHAPES
from rules.snapshot import Origin

MOST_WATCHES = 96
"""How many kinds and namespaces are watched at once; beyond it the one unused for longest makes room."""
_PATIENCE_SECONDS = 2.0
"""How long a first list is waited for."""
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_DIGEST = 2**128

Scope = tuple[str, str]
"""Kind and namespace; the namespace is empty for kinds that stand in none."""


class KubernetesInventory:
    """The cluster as an inventory of live objects; safe for several threads.

    Args:
        idle_seconds: a kind that is not asked for in a namespace for so long is no longer watched there.
    """

    def __init__(
        self,
        client: Client,
        *,
        idle_seconds: float = 600.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._idle_seconds = idle_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._watched: dict[Scope, _Watched] = {}
        self._sums: dict[Scope, int] = {}
        self._told = self.digest

    @property
    def origin(self) -> Origin:
        """Where the objects come from."""
        return "cluster"

    @property
    def digest(self) -> str:
        """Changes whenever something that is read of any object changes, or whether it is known.

        What is no longer watched counts as it was last: that nobody asks for it changes nothing.
        """
        with self._lock:
            for scope, watched in self._watched.items():
                if watched.kept.sum is not None:
                    self._sums[scope] = watched.kept.sum
            return f"{sum(self._sums.values()) % _DIGEST:032x}"

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Returns an object; None where it is known not to be there.

        Raises:
            UnknownFact: whether it is there, or what it says, is not known.
        """
        return self._ask(kind, namespace).get(name)

    def list(self, kind: str, namespace: str) -> tuple[Object, ...]:
        """Returns all objects of a kind in a namespace, by name.

        Raises:
            UnknownFact: they are not all known.
        """
        return self._ask(kind, namespace).all()

    def refresh(self) -> bool:
        """Ends watches that nobody needs; tells whether what is known has changed since the last time."""
        now = self._monotonic()
        with self._lock:
            idle = [scope for scope, item in self._watched.items() if now - item.used_at > self._idle_seconds]
            for scope in idle:
                self._end(scope)
        before, self._told = self._told, self.digest
        return before != self._told

    def stop(self) -> None:
        """Ends every watch."""
        with self._lock:
            for scope in list(self._watched):
                self._end(scope)

    def _ask(self, kind: str, namespace: str) -> _Kept:
        scope = (kind, "" if kind in CLUSTER_WIDE else namespace)
        watched = self._watched.get(scope) or self._begin(scope)
        watched.used_at = self._monotonic()
        watched.kept.settled.wait(_PATIENCE_SECONDS)
        silent = time.monotonic() - watched.reflector.last_contact
        watched.kept.refuse_unknown(silent, stale_after=2 * self._client.times.silence)
        return watched.kept

    def _begin(self, scope: Scope) -> _Watched:
        kind, namespace = scope
        resource = self._resource(kind, namespace)
        with self._lock:
            if scope in self._watched:  # another thread was faster
                return self._watched[scope]
            if len(self._watched) >= MOST_WATCHES:
                self._end(min(self._watched, key=lambda other: self._watched[other].used_at))
            kept = _Kept(self._client, resource, namespace)
            reflector = Reflector(self._client, resource, namespace, kept)
            watched = self._watched[scope] = _Watched(kept, reflector, self._monotonic())
            reflector.start()
            return watched

    def _end(self, scope: Scope) -> None:
        watched = self._watched.pop(scope)
        if watched.kept.sum is not None:
            self._sums[scope] = watched.kept.sum
        watched.reflector.stop()

    def _resource(self, kind: str, namespace: str) -> Resource:
        """Returns the resource of a kind, in the first of the versions that are read and served."""
        if kind not in SHAPES:
            raise UnknownFact(kind, namespace, "this is no kind that is read")
        offered = [resource_of(kind, version) for version in SHAPES[kind][0]]
        if len(offered) == 1:
            return offered[0]
        try:
            group = self._client.get(f"/apis/{offered[0].group}", f"find the versions of {offered[0].group}")
        except NotFoundError:
            return offered[0]
        except ApiError as error:
            raise UnknownFact(kind, namespace, str(error)) from error
        served = {item["version"] for item in group.get("versions") or ()}
        return next((item for item in offered if item.version in served), offered[0])


class _Kept:
    """The objects of one kind in one namespace, as its watch tells them."""

    def __init__(self, client: Client, resource: Resource, namespace: str) -> None:
        self.settled = threading.Event()
        """Set once they were listed, or could not be."""
        self.sum: int | None = None
        """Of the fingerprints of all objects, and of whether they are known; None until that is settled."""
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._lock = threading.Lock()
        self._objects: dict[str, Object] = {}
        self._by_name: tuple[Object, ...] | None = None
        """All of them, put in order when somebody asks: many decisions come between two changes."""
        self._prints: dict[str, int] = {}
        self._problems: dict[str, str] = {}
        self._known = False
        self._error: Exception | None = None
        self._absent_at = float("-inf")
        """When the API server last said that it serves no such kind, by the monotonic clock."""

    def get(self, name: str) -> Object | None:
        """Returns an object of this name."""
        with self._lock:
            if name in self._problems:
                raise self._unknown(self._problems[name])
            return self._objects.get(name)

    def all(self) -> tuple[Object, ...]:
        """Returns all of them, by name."""
        with self._lock:
            for problem in self._problems.values():
                raise self._unknown(problem)
            if self._by_name is None:
                self._by_name = tuple(self._objects[name] for name in sorted(self._objects))
            return self._by_name

    def refuse_unknown(self, silent: float, *, stale_after: float) -> None:
        """Raises UnknownFact where they are not known, or only as they were `stale_after` seconds ago.

        What was known stays so through an outage, in which an API server that starts may also say for some
        seconds that we have no right.
        """
        silent = min(silent, time.monotonic() - self._absent_at)
        if self._known and silent <= stale_after:
            return
        error = self._error
        if isinstance(error, ForbiddenError):
            raise self._unknown(f"{error}; grant it, see deploy/base")
        if isinstance(error, NotFoundError):
            raise self._unknown(f"the cluster does not serve {self._resource.words()}")
        if error is not None:
            raise self._unknown(str(error))
        raise self._unknown(f"the cluster has said nothing for {silent:.0f} s")

    def listed(self, pages: Iterator[list[api.Object]]) -> None:
        """Takes the place of all that was known."""
        objects: dict[str, Object] = {}
        prints: dict[str, int] = {}
        problems: dict[str, str] = {}
        for page in pages:
            for body in page:
                self._take(body, objects, prints, problems)
        with self._lock:
            self._objects, self._prints, self._problems = objects, prints, problems
            self._by_name = None
            self._known = True
            self._sum_up()

    def changed(self, changes: list[Change]) -> None:
        """Takes changes."""
        with self._lock:
            self._by_name = None
            for change in changes:
                name = str(change.body["metadata"]["name"])
                for known in (self._objects, self._prints, self._problems):
                    known.pop(name, None)
                if not change.deleted:
                    self._take(change.body, self._objects, self._prints, self._problems)
            self._sum_up()

    def reached(self, version: str) -> None:
        """Is as new as can be."""
        del version
        if self._error is not None:
            self._error = None
            self._client.health.worked("facts", self._detail)
        self.settled.set()

    def failed(self, error: Exception) -> None:
        """Notes why. Of a kind that the cluster does not serve there is nothing, and that is known."""
        if not isinstance(error, NotFoundError):
            self._client.health.failed("facts", error, self._detail)
        elif not_served(self._client, self._resource):
            self.listed(iter(()))
            self._absent_at = time.monotonic()
        self._error = error
        with self._lock:
            self._sum_up()
        self.settled.set()

    @property
    def _detail(self) -> str:
        return self._resource.words(self._namespace)

    def _take(
        self,
        body: api.Object,
        objects: dict[str, Object],
        prints: dict[str, int],
        problems: dict[str, str],
    ) -> None:
        name = str(body["metadata"]["name"])
        shape = SHAPES[self._resource.kind][1]
        try:
            read = shape.model_validate(body).model_dump_json()
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            where = ".".join(str(step) for step in detail["loc"])
            read = problems[name] = f"{name} has a shape that is not read: {where}: {detail['msg']}"
        else:
            objects[name] = _slim(body)
        prints[name] = _print(name, read)

    def _sum_up(self) -> None:
        about = f"{self._resource.kind} {self._namespace}"
        self.sum = _print(about, str(self._known)) + sum(self._prints.values())

    def _unknown(self, why: str) -> UnknownFact:
        return UnknownFact(self._resource.kind, self._namespace, why)


@dataclass(slots=True)
class _Watched:
    """A watch, and when its objects were last asked for."""

    kept: _Kept
    reflector: Reflector
    used_at: float


def resource_of(kind: str, api_version: str) -> Resource:
    """Returns the resource of a kind that is read, in one of its API versions."""
    group, _, version = api_version.rpartition("/")
    lower = kind.lower()
    plural = f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}s"
    return Resource(group, version, plural, kind, namespaced=kind not in CLUSTER_WIDE)


def _slim(body: api.Object) -> Object:
    """Leaves out what is large and never read."""
    metadata = dict(body["metadata"])
    annotations = metadata.get("annotations") or {}
    if _APPLIED in annotations:
        metadata["annotations"] = {name: text for name, text in annotations.items() if name != _APPLIED}
    slim = {**body, "metadata": metadata}
    if body["kind"] == "Node":  # names every image on it
        slim.pop("status", None)
    return slim


def _print(name: str, read: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{name}\0{read}".encode(), digest_size=16).digest())
