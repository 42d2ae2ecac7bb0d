"""What tests of the watch share: a journal in memory, a source that follows one namespace, waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from engine.kube.client import Client, Times
from engine.kube.resources import network_intents
from engine.kube.source import Known, KubernetesSource
from engine.kube.versions import Versions
from engine.status import Target
from store.inbox import Event, EventKind
from tests.cluster.api import NETWORK_INTENTS, Api

INTENTS = network_intents("nephoran.com", "v1")
FAST = Times(connect=2.0, read=10.0, watch=60.0, silence=20.0, first_delay=0.05, longest_delay=0.5)


class Journal:
    """Keeps events in memory, and knows what they add up to."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.there: dict[tuple[str, str], str] = {}
        self.versions: dict[str, str] = {}

    def keep(self, events: list[Event]) -> None:
        self.events += events
        for event in events:
            if event.kind is EventKind.DELETE:
                self.there.pop((event.namespace, event.name), None)
            else:
                self.there[event.namespace, event.name] = event.uid

    def known(self) -> list[Known]:
        return [(*key, uid) for key, uid in self.there.items()]

    def version(self, namespace: str) -> str:
        return self.versions.get(namespace, "")

    def beginning(self, namespace: str) -> None:
        return None

    def listed(self, namespace: str) -> None:
        raise AssertionError("these were not listed for the first time")

    def reached(self, namespace: str, version: str) -> None:
        self.versions[namespace] = version

    def told(self) -> list[str]:
        return [f"{event.kind.value} {event.name}" for event in self.events]


@contextmanager
def watching(
    client: Client, namespace: str, journal: Journal, versions: Versions | None = None
) -> Iterator[KubernetesSource]:
    source = KubernetesSource(client, INTENTS, journal, versions or Versions(), namespaces=(namespace,))
    source.start()
    try:
        yield source
    finally:
        source.stop(10)


def create(admin: Api, namespace: str, name: str, text: str = "scale amf to 3") -> dict[str, Any]:
    body = {"apiVersion": INTENTS.api_version, "kind": INTENTS.kind, "metadata": {"name": name}}
    return admin.create(NETWORK_INTENTS, namespace, body | {"spec": {"intent": text}})


def eventually(true: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.01)


def target_of(body: dict[str, Any]) -> Target:
    metadata = body["metadata"]
    return Target(metadata["namespace"], metadata["name"], metadata["uid"], metadata["generation"])
