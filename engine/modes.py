"""Where intents come from, where facts are looked up and where statuses go: a folder, or Kubernetes.

What a mode needs is imported when it is chosen, so that the embedded one does not pay for the cluster's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from engine import live
from engine.pipeline.journal import Journal
from engine.pipeline.reporting import DirectoryStatus, Sink
from engine.settings import Settings
from engine.sources.directory import DirectorySource
from engine.structured import form_of
from engine.vitals import Check, Level, Vitals
from rules.snapshot import Source as SourceName
from store import Store
from store.outbox import Kind

if TYPE_CHECKING:
    from engine.kube.client import Client
    from engine.kube.resources import Resource
    from engine.kube.source import Form


log = logging.getLogger(__name__)


class Synced(Protocol):
    """Whether everything that was there at the start has been kept."""

    def is_set(self) -> bool:
        """Tells whether it has."""
        ...


class IntentSource(Protocol):
    """Follows intents and has every change kept."""

    @property
    def synced(self) -> Synced:
        """Set once everything that was there at the start has been kept."""
        ...

    @property
    def last_look(self) -> float:
        """When it last heard of what it follows, by the monotonic clock."""
        ...

    def start(self) -> None:
        """Starts following, in threads of its own."""
        ...

    def stop(self, timeout: float) -> None:
        """Stops following within some seconds."""
        ...


class LiveInventory(live.Inventory, Protocol):
    """Live objects that are looked at again and again."""

    def refresh(self) -> bool:
        """Looks, and tells whether what is known has changed."""
        ...


class Mode(Protocol):
    """What differs between the embedded mode and a cluster."""

    name: SourceName
    inventory: LiveInventory
    sinks: Mapping[Kind, Sink]
    silence_seconds: float
    """A source that has not been heard of for so long has lost what it follows."""
    deliveries: int
    """How many statuses are shown side by side."""

    def source(
        self, store: Store, kept: Callable[[], None], redact: Callable[[str], str], clock: Callable[[], float]
    ) -> IntentSource:
        """Makes the source; `kept` is called when events are kept, `redact` takes secrets out of a text."""
        ...

    def remembered(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """Looks up the last status that was shown of an intent, besides what its source tells."""
        ...

    def problems(self) -> Mapping[str, str]:
        """Tells what does not work now, by what it is."""
        ...

    def examine(self) -> None:
        """Looks, where it is time to, for what stands in the way for good."""
        ...

    def vitals(self) -> Vitals:
        """Tells how what the mode works with is; what it knows nothing of is left as it is by itself."""
        ...

    def announce(self, reason: str, note: str, *, warning: bool) -> None:
        """Tells those who look after the daemon what happened to it, besides the log."""
        ...

    def close(self) -> None:
        """Ends what the mode holds open."""
        ...


def mode_of(settings: Settings) -> Mode:
    """Returns the mode that the settings choose.

    Raises:
        OSError: a folder is not there, or no API server is known.
    """
    return KubernetesMode(settings) if settings.source.kind == "kubernetes" else EmbeddedMode(settings)


class EmbeddedMode:
    """Folders of intents and of live objects, and statuses as files."""

    name: SourceName = "directory"
    deliveries = 1

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.silence_seconds = max(30.0, 20 * settings.source.poll_seconds)
        self.inventory: LiveInventory = live.DirectoryInventory(settings.live.directory)
        self._statuses = DirectoryStatus(settings.output.directory / "status")
        self.sinks: Mapping[Kind, Sink] = {Kind.STATUS: self._statuses.write}

    def source(
        self, store: Store, kept: Callable[[], None], redact: Callable[[str], str], clock: Callable[[], float]
    ) -> IntentSource:
        """Makes the source of the folder."""
        journal = Journal(store, kept)
        return DirectorySource(
            self._settings.source.directory,
            sink=journal.keep,
            known=[(namespace, name) for namespace, name, _ in journal.known()],
            redact=redact,
            poll_seconds=self._settings.source.poll_seconds,
            api=(self._settings.group, self._settings.version),
            structured=form_of(self._settings),
            clock=clock,
        )

    def remembered(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """Reads the status file."""
        return self._statuses.read(namespace, name)

    def problems(self) -> Mapping[str, str]:
        """Nothing that files cannot say themselves."""
        return {}

    def examine(self) -> None:
        """Finds nothing: folders are looked at by those who read and write them."""

    def vitals(self) -> Vitals:
        """Nothing besides."""
        return Vitals()

    def announce(self, reason: str, note: str, *, warning: bool) -> None:
        """Leaves it to the log."""

    def close(self) -> None:
        """Holds nothing open."""


class KubernetesMode:
    """NetworkIntents of an API server, with their statuses; live objects from there or from a folder."""

    name: SourceName = "cluster"
    deliveries = 4
    """An API server answers several calls at once; one by one, a flood would wait for its replies."""

    def __init__(self, settings: Settings) -> None:
        from engine.kube.client import Client  # noqa: PLC0415 - costs memory that the embedded mode spares
        from engine.kube.connection import configure  # noqa: PLC0415 - as above
        from engine.kube.errors import UnavailableError  # noqa: PLC0415 - as above
        from engine.kube.examining import Examination  # noqa: PLC0415 - as above
        from engine.kube.followed import followed  # noqa: PLC0415 - as above
        from engine.kube.inventory import KubernetesInventory  # noqa: PLC0415 - as above
        from engine.kube.own_pod import OwnPod  # noqa: PLC0415 - as above
        from engine.kube.sinks import ResourceSinks, by_form  # noqa: PLC0415 - as above
        from engine.kube.versions import Versions  # noqa: PLC0415 - as above

        self._settings = settings
        self._client: Client = Client(configure(settings.kubernetes.kubeconfig))
        try:
            self._client.whoami()
        except UnavailableError as error:  # the watch tries again; only who we are ends the start
            log.warning("the API server cannot be asked who we are: %s", error)
        self._versions = Versions()
        kinds = followed(settings)
        self._resource = kinds[0].resource
        self._shown = [ResourceSinks(self._client, self._resource, self._versions)]
        self.sinks = self._shown[0].by_kind()
        self._form = form = form_of(settings)
        if form is not None:
            self._stated = kinds[1].resource
            self._shown.append(ResourceSinks(self._client, self._stated, self._versions, form))
            self.sinks = by_form(self.sinks, self._shown[1].by_kind(), form)
        self.silence_seconds = 2 * self._client.times.silence
        self._examination = Examination(self._client, kinds, settings.kubernetes.namespaces or ("",))
        self._pod = OwnPod(self._client)
        self._watched = None if settings.live.kind == "directory" else KubernetesInventory(self._client)
        self.inventory: LiveInventory = self._watched or live.DirectoryInventory(settings.live.directory)

    def source(
        self, store: Store, kept: Callable[[], None], redact: Callable[[str], str], clock: Callable[[], float]
    ) -> IntentSource:
        """Makes the source that watches."""
        from engine.kube.beginnings import Beginnings  # noqa: PLC0415 - as above
        from engine.kube.source import KubernetesSource, TextForm  # noqa: PLC0415 - as above
        from engine.kube.sources import Together  # noqa: PLC0415 - as above

        beginnings = Beginnings(self._client)

        def following(resource: Resource, form: Form) -> KubernetesSource:
            kind = f"{resource.api_version}/{resource.plural}"

            def scope() -> str:
                cluster = self._client.cluster_id()
                return f"{cluster}:{kind}" if cluster else ""

            return KubernetesSource(
                self._client,
                resource,
                Journal(store, kept, scope, kind, beginnings.of),
                self._versions,
                namespaces=self._settings.kubernetes.namespaces or ("",),
                form=form,
                clock=clock,
            )

        texts = following(self._resource, TextForm(redact, self._form))
        return texts if self._form is None else Together(texts, following(self._stated, self._form))

    def remembered(self, namespace: str, name: str) -> Mapping[str, Any] | None:  # noqa: ARG002
        """Nothing: the source tells the status with the object."""
        return None

    def problems(self) -> Mapping[str, str]:
        """Tells what of the API server does not work now."""
        return self._client.health.problems

    def examine(self) -> None:
        """Looks whether the definition that is served, and our rights, are what this release needs."""
        self._examination.look()

    def vitals(self) -> Vitals:
        """Tells how the API server and we get on."""
        areas: dict[str, list[str]] = {}
        for place, problem in self._client.health.problems.items():
            areas.setdefault(place.partition(" ")[0], []).append(problem)
        failing = [Check(area, Level.WARNING, "\n".join(said)) for area, said in sorted(areas.items())]
        return Vitals(
            checks=(*self._examination.checks, *failing),
            failures=self._client.health.failures,
            events_dropped=sum(shown.events_dropped for shown in self._shown),
            schema_flaws=self._examination.flaws,
            rights_missing=self._examination.rights_missing,
        )

    def announce(self, reason: str, note: str, *, warning: bool) -> None:
        """Tells an Event about our pod, where its environment names it."""
        self._pod.tell(reason, note, warning=warning)

    def close(self) -> None:
        """Ends every watch and connection."""
        if self._watched is not None:
            self._watched.stop()
        self._client.close()
