"""Where the reporter writes to in Kubernetes: the status and annotations of an intent, and Events about it.

Says of each failure whether it is about one intent or about all, in the words of the reporter.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from engine.kube.client import Client
from engine.kube.errors import ApiError, ForbiddenError, UnauthorizedError, UnavailableError
from engine.kube.happenings import Happening, KubernetesEvents
from engine.kube.resources import Resource
from engine.kube.status import KubernetesStatus, NotLeadingError
from engine.kube.versions import Versions
from engine.pipeline.reporting import Body, Sink, SinkDownError
from engine.status import Target
from engine.structured import StructuredForm
from store.outbox import Kind


class ResourceSinks:
    """Shows messages of intents on their resources; one call at a time.

    Args:
        form: of intents that state an action in fields: of their status, what their definition has is shown.
    """

    def __init__(
        self, client: Client, resource: Resource, versions: Versions, form: StructuredForm | None = None
    ) -> None:
        self._form = form
        self._status = KubernetesStatus(client, resource, versions)
        self._events = KubernetesEvents(client, resource, instance=socket.gethostname())

    @property
    def events_dropped(self) -> int:
        """How many Events were not told, as there were too many."""
        return self._events.dropped

    def by_kind(self) -> Mapping[Kind, Sink]:
        """Returns the sink of each kind of message, in the order in which they are served."""
        return {Kind.STATUS: self.write, Kind.ANNOTATIONS: self.annotate, Kind.EVENT: self.tell}

    def write(self, target: Target, status: Body | None) -> None:
        """Writes a status; of an intent that is gone there is nothing to write."""
        if status is not None and target.namespace:
            with _down_where(ForbiddenError, UnauthorizedError, UnavailableError, NotLeadingError):
                self._status.write(self._named(target), self._shown(status))

    def annotate(self, target: Target, body: Body | None) -> None:
        """Writes the annotations and finalizers of ours."""
        if body is not None and target.namespace:
            with _down_where(ForbiddenError, UnauthorizedError, UnavailableError, NotLeadingError):
                self._status.annotate(self._named(target), body["annotations"], body["finalizers"])

    def tell(self, target: Target, event: Body | None) -> None:
        """Tells an Event. One that the API server refuses is dropped, and noted in the client's health."""
        if event is None or not target.namespace:
            return
        with _down_where(UnauthorizedError, UnavailableError):
            try:
                self._events.tell(self._named(target), Happening(**event))
            except (UnauthorizedError, UnavailableError):
                raise
            except ApiError:  # a lost Event is no loss: the status says what holds
                return

    def _named(self, target: Target) -> Target:
        """Returns a target by the name of its resource."""
        if self._form is None:
            return target
        return replace(target, name=self._form.resource_name(target.name))

    def _shown(self, status: Body) -> Body:
        if self._form is None:
            return status
        return {name: status[name] for name in self._form.settings.status if name in status}


def by_form(
    text: Mapping[Kind, Sink], structured: Mapping[Kind, Sink], form: StructuredForm
) -> Mapping[Kind, Sink]:
    """Returns the sinks of both kinds of intents together, which tell them by their names."""

    def both(kind: Kind) -> Sink:
        def show(target: Target, body: Body | None) -> None:
            (structured if form.owns(target.name) else text)[kind](target, body)

        return show

    return {kind: both(kind) for kind in text}


@contextmanager
def _down_where(*errors: type[ApiError]) -> Iterator[None]:
    """Turns errors that no other intent would be spared into those that the reporter waits for."""
    try:
        yield
    except errors as error:
        raise SinkDownError(str(error), error.retry_after) from error
