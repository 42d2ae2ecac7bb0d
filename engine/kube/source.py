"""The source of NetworkIntents in Kubernetes: what it sees is kept before it counts as seen.

Decides nothing. An event is handed over only where something changed that matters: the spec, the labels, the
annotations of others, or that the intent is being deleted; our own writes of status and annotations are not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from pydantic import ValidationError

from engine.identity import canonical_json
from engine.kube.client import Client, Object
from engine.kube.errors import NotFoundError
from engine.kube.resources import Resource
from engine.kube.synced import All
from engine.kube.versions import Versions, order
from engine.kube.watching import Change, Reflector
from engine.network_intent import IntentSpec, said_problems
from engine.pipeline.journal import ARRIVAL, Arrival, Beginning
from engine.structured import NotStatedError, StructuredForm
from engine.telling import FINALIZER, OUTPUTS
from store.inbox import Event, EventKind

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Holds the whole object again, as it was sent: its text has not been redacted."""
_CHECKPOINT_SECONDS = 5.0

Known = tuple[str, str, str]
"""Namespace, name and uid of an intent."""


class Journal(Protocol):
    """Where a source keeps what it sees, for good."""

    def keep(self, events: list[Event]) -> None:
        """Keeps events, in order; raises where it cannot, and gets them again later."""
        ...

    def known(self) -> Iterable[Known]:
        """Tells every intent that is taken for there, by what was kept, dealt with or not."""
        ...

    def beginning(self, namespace: str) -> Beginning | None:
        """Tells since when those of a namespace (all where empty) are followed; None where all were seen."""
        ...

    def listed(self, namespace: str) -> None:
        """Is told that all intents of a namespace have been handed over."""
        ...

    def version(self, namespace: str) -> str:
        """Returns the last version told to `reached`; empty where there is none."""
        ...

    def reached(self, namespace: str, version: str) -> None:
        """Is told that all up to a version is kept; at most every 5 s. One that is lost does no harm."""
        ...


class Form(Protocol):
    """How the intents of a resource state what they wish, and the names that they are known by."""

    def known_as(self, name: str) -> str:
        """Returns the name that a resource is known by."""
        ...

    def owns(self, known_as: str) -> bool:
        """Tells whether a name is that of an intent of this form."""
        ...

    def read(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what is kept of a spec; raises NotStatedError where it does not fit."""
        ...


@dataclass(frozen=True, slots=True)
class TextForm:
    """Intents with a text.

    Attributes:
        redact: takes secrets out of a text before it is kept anywhere.
        others: the form of those that state an action in fields; None where there are none.
    """

    redact: Callable[[str], str]
    others: StructuredForm | None = None

    def known_as(self, name: str) -> str:
        """The name that the resource has."""
        return name

    def owns(self, known_as: str) -> bool:
        """Whatever is no intent of another form."""
        return self.others is None or not self.others.owns(known_as)

    def read(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Reads a spec with a text, and takes the secrets out of it."""
        try:
            found = IntentSpec.model_validate(spec)
        except ValidationError as error:
            raise NotStatedError(said_problems(error)) from error
        wish = found.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True)
        wish["intent"] = self.redact(found.intent)
        return {"spec": wish}


class KubernetesSource:
    """Follows NetworkIntents and has every change kept by `journal` before it counts as seen.

    Args:
        versions: told of each object's version, for writing its status.
        namespaces: those to follow; ("",) for all.
        form: how they state what they wish; with a text where it is not given.
    """

    name = "kubernetes"

    def __init__(
        self,
        client: Client,
        resource: Resource,
        journal: Journal,
        versions: Versions,
        *,
        namespaces: Sequence[str] = ("",),
        form: Form | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reflectors: list[Reflector] = []
        for namespace in dict.fromkeys(namespaces):
            reads = form or TextForm(str)
            intake = _Intake(resource, journal, versions, reads, clock)
            scope = _Scope(client, resource, namespace, intake, journal, reads)
            resume = partial(journal.version, namespace)
            self._reflectors.append(Reflector(client, resource, namespace, scope, resume=resume))
        self.synced = All([reflector.synced for reflector in self._reflectors])
        """Set once everything that was there at the start has been handed over."""

    @property
    def last_look(self) -> float:
        """When the server last said something of the namespace it is longest ago for; monotonic seconds."""
        return min(reflector.last_contact for reflector in self._reflectors)

    def start(self) -> None:
        """Starts following, with one thread for each namespace."""
        for reflector in self._reflectors:
            reflector.start()

    def stop(self, timeout: float) -> None:
        """Stops following; what was handed over stays handed over."""
        for reflector in self._reflectors:
            reflector.stop()
        deadline = time.monotonic() + timeout
        for reflector in self._reflectors:
            reflector.join(max(0.0, deadline - time.monotonic()))


class _Intake:
    """Turns objects into events, and keeps back those that say nothing new."""

    def __init__(
        self,
        resource: Resource,
        journal: Journal,
        versions: Versions,
        form: Form,
        clock: Callable[[], float],
    ) -> None:
        self._resource = resource
        self._journal = journal
        self._versions = versions
        self._form = form
        self._clock = clock
        self._handed: dict[str, tuple[int, int]] = {}
        """For each uid, the version that was seen last and the hash of what matters of it."""

    def take(
        self, changes: Iterable[Change], *, listed: bool = False, began: Beginning | None = None
    ) -> None:
        """Hands over what is new of some changes, together; if that raises, nothing of it counts as seen.

        Args:
            listed: whether this is how things are, whatever was seen before: a server that was restored has
                older versions than we know. Else an older version is a replay.
            began: since when they are followed; None where all that were there then have been seen.
        """
        seen: dict[str, tuple[int, int] | None] = {}
        events: list[Event] = []
        for change in changes:
            metadata = change.body["metadata"]
            uid = str(metadata["uid"])
            now = (order(change.version), hash(_matters(metadata)))
            before = seen[uid] if uid in seen else self._handed.get(uid)
            if change.deleted:
                seen[uid] = None
                name = self._form.known_as(metadata["name"])
                events.append(self.gone(metadata["namespace"], name, uid, change.version))
            elif before is None or before[0] < now[0] or (listed and before[0] != now[0]):
                seen[uid] = now
                if listed:
                    self._versions.forget(uid)
                self._versions.note(uid, int(metadata["generation"]), change.version)
                if before is None or before[1] != now[1]:
                    events.append(self._event(change.body, began))
        self.hand_over(events)
        for uid, last in seen.items():
            if last is None:
                self._forget(uid)
            else:
                self._handed[uid] = last

    def keep_only(self, uids: set[str]) -> None:
        """Forgets the objects that a list lacked."""
        for uid in self._handed.keys() - uids:
            self._forget(uid)

    def _forget(self, uid: str) -> None:
        self._handed.pop(uid, None)
        self._versions.forget(uid)

    def hand_over(self, events: list[Event]) -> None:
        """Has events kept, if there are any."""
        if events:
            self._journal.keep(events)

    def gone(self, namespace: str, name: str, uid: str, version: str) -> Event:
        """Returns the event of an intent that is no longer there."""
        return self._make(EventKind.DELETE, namespace, name, uid, version, "{}")

    def _event(self, body: Object, began: Beginning | None) -> Event:
        metadata = _metadata(body["metadata"])
        metadata["name"] = self._form.known_as(metadata["name"])
        about = (metadata["namespace"], metadata["name"], metadata["uid"])
        created = _epoch(body["metadata"]["creationTimestamp"]) if began else 0.0
        came = {ARRIVAL: began.arrival(created) if began else Arrival.SINCE}
        try:
            read = self._form.read(body.get("spec") or {})
        except NotStatedError as error:
            problem = {"problem": str(error), "metadata": metadata, **came}
            origin = self._resource.words(*about[:2])
            return self._make(EventKind.MALFORMED, *about, origin, canonical_json(problem))
        kept: dict[str, Any] = {"metadata": metadata, **read, **came}
        if body.get("status"):  # a store that was lost is rebuilt from it
            kept["status"] = body["status"]
        return self._make(EventKind.UPSERT, *about, metadata["resourceVersion"], canonical_json(kept))

    def _make(self, kind: EventKind, namespace: str, name: str, uid: str, origin: str, body: str) -> Event:
        return Event(
            source=KubernetesSource.name,
            kind=kind,
            namespace=namespace,
            name=name,
            uid=uid,
            origin=origin,
            body=body,
            received_at=self._clock(),
        )


class _Scope:
    """The follower of one namespace, or of all."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        namespace: str,
        intake: _Intake,
        journal: Journal,
        form: Form,
    ) -> None:
        self._client = client
        self._resource = resource
        self._form = form
        self._namespace = namespace
        self._intake = intake
        self._journal = journal
        self._health = client.health
        self._kept_at = float("-inf")

    def listed(self, pages: Iterator[list[Object]]) -> None:
        """Hands over page by page, then what the store knows and no page had."""
        there: dict[tuple[str, str], str] = {}
        began = self._journal.beginning(self._namespace)
        for page in pages:
            self._intake.take((Change(item) for item in page), listed=True, began=began)
            for metadata in (item["metadata"] for item in page):
                there[metadata["namespace"], self._form.known_as(metadata["name"])] = metadata["uid"]
        missing = [
            (namespace, name, uid)
            for namespace, name, uid in self._journal.known()
            if self._namespace in ("", namespace) and self._form.owns(name) and (namespace, name) not in there
        ]
        self._intake.hand_over([self._intake.gone(*known, "") for known in sorted(missing)])
        self._intake.keep_only(set(there.values()))
        if began is not None:
            self._journal.listed(self._namespace)

    def changed(self, changes: list[Change]) -> None:
        """Hands over what is new."""
        self._intake.take([_newest(self._client, self._resource, change) for change in changes])

    def reached(self, version: str) -> None:
        """Keeps the version now and then: an older one only means that some changes are told twice."""
        self._health.worked("watch", self._namespace)
        now = time.monotonic()
        if now - self._kept_at >= _CHECKPOINT_SECONDS:
            self._journal.reached(self._namespace, version)
            self._kept_at = now

    def failed(self, error: Exception) -> None:
        """Notes it for readiness and metrics."""
        self._health.failed("watch", error, self._namespace)


def _newest(client: Client, resource: Resource, change: Change) -> Change:
    """Returns an intent that our finalizer holds as it is now, and any other change as it is.

    A watch that goes on after a stop tells the past first, and a withdrawal cannot be taken back: who has set
    another policy since the deletion is to keep the packages.
    """
    metadata = change.body["metadata"]
    held = metadata.get("deletionTimestamp") and FINALIZER in (metadata.get("finalizers") or ())
    if change.deleted or not held:
        return change
    namespace, name = metadata["namespace"], metadata["name"]
    try:
        now = client.get(resource.path(namespace, name), f"read {resource.words(namespace, name)}")
    except NotFoundError:
        return change
    return Change(now) if now["metadata"]["uid"] == metadata["uid"] else change


def _matters(metadata: Mapping[str, Any]) -> str:
    """Returns what of an object makes it worth another look; the generation stands for the spec."""
    kept = _metadata(metadata)
    return canonical_json({**kept, "resourceVersion": ""})


def _metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    annotations = metadata.get("annotations") or {}
    kept = {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "generation": int(metadata["generation"]),
        "resourceVersion": metadata["resourceVersion"],
        "labels": metadata.get("labels") or {},
        "annotations": {
            name: text for name, text in annotations.items() if name not in OUTPUTS and name != _APPLIED
        },
    }
    if stated := _stated_at(metadata):
        kept["statedAt"] = stated
    leaving = {field: metadata[field] for field in ("deletionTimestamp", "finalizers") if metadata.get(field)}
    return kept | leaving


def _stated_at(metadata: Mapping[str, Any]) -> float | None:
    """Returns when the spec was last written, in whole epoch seconds; None where nothing tells."""
    times = [
        entry["time"]
        for entry in metadata.get("managedFields") or ()
        if "f:spec" in (entry.get("fieldsV1") or {}) and entry.get("time") and not entry.get("subresource")
    ]
    stated = max(times, default=metadata.get("creationTimestamp"))  # RFC 3339 in UTC: ordered as text
    return _epoch(stated) if stated else None


def _epoch(time_of_kubernetes: str) -> float:
    return datetime.fromisoformat(time_of_kubernetes).timestamp()
