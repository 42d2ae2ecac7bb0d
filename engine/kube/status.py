"""Writes statuses and annotations to NetworkIntents: to the very object, as it was, that they speak of.

Each write names the uid and the resource version that were last seen, so that the API server itself refuses
one that comes too late: from a leader that has lost its Lease, for an object that was deleted and made again,
over something that nobody here has seen. What a refusal means is looked up, never guessed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.kube.backoff import Backoff
from engine.kube.client import FIELD_MANAGER, Client, Object
from engine.kube.errors import (
    ApiError,
    ConflictError,
    InvalidError,
    NotFoundError,
    UnavailableError,
    WebhookError,
)
from engine.kube.resources import Resource
from engine.kube.versions import Seen, Versions
from engine.status import Target
from engine.telling import FINALIZER

ANNOTATIONS_MANAGER = f"{FIELD_MANAGER}-annotations"
"""Fields of another manager, since an apply takes away what it does not repeat."""
_TRIES = 3
"""How often a write is tried over changes of others that leave its generation as it was."""
_LONGEST_REST = 10.0
"""For how long at most nothing is sent after failures that are not about one object, in seconds."""


class Delivery(StrEnum):
    """What became of a write; after each of them there is nothing left to deliver."""

    WRITTEN = "written"  #: The object has it.
    GONE = "gone"  #: The object is no longer there, or another one has its name.
    STALE = "stale"  #: The object has a newer generation, which will be reported on by itself.


class NotLeadingError(ApiError):
    """Another instance may be writing: nothing is sent until we lead again."""


@dataclass(slots=True)
class _Area:
    """One kind of write, which fails and rests apart from the others: its right may lack alone.

    Attributes:
        name: for health: "status", "annotations".
        resting: until when nothing is sent, by the monotonic clock, and why; None where nothing is wrong.
    """

    name: str
    rests: Backoff = field(default_factory=lambda: Backoff(0.5, _LONGEST_REST))
    resting: tuple[float, ApiError] | None = None


class KubernetesStatus:
    """Writes statuses and annotations; safe for several threads, each about another object.

    Args:
        versions: the objects as last seen, also by the source.
        leads: tells whether we may write; asked after the version was taken and before each write, so
            that what another leader wrote in between makes the write fail.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        versions: Versions,
        *,
        leads: Callable[[], bool] = lambda: True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._resource = resource
        self._versions = versions
        self._leads = leads
        self._monotonic = monotonic
        self._statuses = _Area("status")
        self._annotations = _Area("annotations")

    def write(self, target: Target, status: Mapping[str, Any]) -> Delivery:
        """Makes `status` the status of the object; fields that it lacks go.

        Raises:
            ApiError: it could not be written now and has to be tried again, after `retry_after` seconds
                where that is set. Noted in the client's health.
        """

        def send(metadata: Object) -> Object:
            body = {"metadata": metadata, "status": dict(status)}
            return self._client.apply(
                self._resource, target.namespace, body, manager=FIELD_MANAGER, subresource="status"
            )

        return self._deliver(self._statuses, target, send)

    def annotate(
        self, target: Target, annotations: Mapping[str, str], finalizers: Sequence[str] = ()
    ) -> Delivery:
        """Makes these the annotations and finalizers of ours on the object; those of others stay.

        Raises as `write` does.
        """
        ours = {"annotations": dict(annotations)} | ({"finalizers": list(finalizers)} if finalizers else {})

        def send(metadata: Object) -> Object:
            body = {"metadata": {**metadata, **ours}}
            written = self._client.apply(self._resource, target.namespace, body, manager=ANNOTATIONS_MANAGER)
            return written if finalizers else self._without_finalizer(target, written)

        return self._deliver(self._annotations, target, send)

    def _without_finalizer(self, target: Target, written: Object) -> Object:
        """Takes our finalizer away where an apply could not, since somebody else has stated it too."""
        metadata = written["metadata"]
        found = metadata.get("finalizers") or ()
        if FINALIZER not in found:
            return written
        left = [name for name in found if name != FINALIZER]
        body = {"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": left}}
        return self._client.merge(self._resource, target.namespace, target.name, body)

    def _deliver(self, area: _Area, target: Target, send: Callable[[Object], Object]) -> Delivery:
        self._refuse_while_resting(area)
        try:
            delivery = self._send_fenced(target, send)
        except ApiError as error:
            if not isinstance(error, ConflictError | NotLeadingError):
                self._learn(area, target, error)
            raise
        area.resting = None
        area.rests.reset()
        self._client.health.worked(area.name)
        self._client.health.worked(area.name, _detail(target))
        return delivery

    def _send_fenced(self, target: Target, send: Callable[[Object], Object]) -> Delivery:
        seen = self._versions.get(target.uid)
        for _ in range(_TRIES):
            if seen is None or seen.generation < target.generation:
                seen = self._look(target)
            if seen is None:
                return Delivery.GONE
            if seen.generation > target.generation:
                return Delivery.STALE
            if not self._leads():
                raise NotLeadingError("another instance leads; it reports by itself")
            metadata = {"name": target.name, "uid": target.uid, "resourceVersion": seen.version}
            try:
                written = send(metadata)["metadata"]
            except NotFoundError:
                seen = self._look(target)
                if seen is not None:  # the object is there, so it is the subresource that is not
                    raise
                return Delivery.GONE
            except ConflictError:
                seen = self._look(target)
            else:
                self._versions.note(target.uid, int(written["generation"]), written["resourceVersion"])
                return Delivery.WRITTEN
        words = self._resource.words(target.namespace, target.name)
        raise ConflictError(f"{words} is changed by others all the time", retry_after=1.0)

    def _look(self, target: Target) -> Seen | None:
        """Reads the object as it is; None where it is gone, or another one has its name."""
        path = self._resource.path(target.namespace, target.name)
        try:
            found = self._client.get(path, f"read {self._resource.words(target.namespace, target.name)}")
        except NotFoundError:
            self._versions.forget(target.uid)
            return None
        metadata = found["metadata"]
        if metadata["uid"] != target.uid:
            self._versions.forget(target.uid)
            return None
        seen = Seen(int(metadata["generation"]), str(metadata["resourceVersion"]))
        self._versions.note(target.uid, *seen)
        return seen

    def _refuse_while_resting(self, area: _Area) -> None:
        """Fails at once while the API server is to be left alone: no storm of writes that cannot succeed."""
        if area.resting is None:
            return
        until, error = area.resting
        left = until - self._monotonic()
        if left > 0:
            raise UnavailableError(f"nothing is sent for {left:.1f} s: {error}", retry_after=left)

    def _learn(self, area: _Area, target: Target, error: ApiError) -> None:
        """Notes a failure; unless it is about this object alone, nothing is sent for a while."""
        if isinstance(error, InvalidError) or (isinstance(error, WebhookError) and not error.down):
            self._client.health.failed(area.name, error, _detail(target))
            return
        self._client.health.failed(area.name, error)
        # Also a missing right may be back soon: an API server that starts knows no rights for some seconds.
        area.resting = (self._monotonic() + area.rests.next(error), error)


def _detail(target: Target) -> str:
    return f"{target.namespace}/{target.name}"
