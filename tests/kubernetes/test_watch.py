"""The watch of NetworkIntents against a real API server, through a network that breaks (W1 to W12)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.kube.client import Client, Times
from engine.kube.connection import configure
from engine.kube.errors import UnavailableError
from engine.kube.resources import network_intents
from engine.kube.source import Known, KubernetesSource
from engine.kube.status import Delivery, KubernetesStatus
from engine.kube.versions import Versions
from engine.status import Target
from engine.telling import FINALIZER
from store.inbox import Event, EventKind
from tests.cluster.api import NETWORK_INTENTS, Api
from tests.cluster.server import ApiServer
from tests.cluster.surroundings import Surroundings
from tests.kubernetes.proxy import (
    FaultProxy,
    after,
    between,
    cut_in,
    delayed,
    expired,
    line_of,
    repeated,
    silent_after,
)

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


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def proxy(admin: Api) -> Iterator[FaultProxy]:
    with between(admin) as proxy:
        yield proxy


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


def test_w1_a_410_finds_what_was_made_and_deleted_in_the_gap(
    admin: Api, namespace: str, product: Path, proxy: FaultProxy, journal: Journal
) -> None:
    create(admin, namespace, "stays")
    create(admin, namespace, "goes")
    with watching(proxy.client(product, FAST), namespace, journal):
        eventually(lambda: proxy.streams == 1)
        proxy.down.set()
        proxy.watches.append((410, expired()))
        admin.delete(NETWORK_INTENTS, namespace, "goes")
        create(admin, namespace, "comes")
        proxy.down.clear()
        eventually(lambda: len(journal.events) == 4)
        create(admin, namespace, "later")
        eventually(lambda: len(journal.events) == 5)
    assert sorted(journal.told()[2:4]) == ["delete goes", "upsert comes"]
    assert journal.told()[4:] == ["upsert later"]
    assert len(proxy.asked("list")) == 2


def test_w2_a_410_as_event_after_others_loses_nothing(
    admin: Api, namespace: str, product: Path, proxy: FaultProxy, journal: Journal
) -> None:
    proxy.watches.append(after(1, then=line_of("ERROR", expired() | {"code": 410})))
    with watching(proxy.client(product, FAST), namespace, journal):
        eventually(lambda: proxy.streams == 1)
        create(admin, namespace, "first")
        create(admin, namespace, "second")
        eventually(lambda: len(journal.events) == 2)
    assert journal.told() == ["upsert first", "upsert second"]
    assert len(proxy.asked("list")) == 2


def test_a_410_of_a_compacted_server_is_got_over(
    own_server: ApiServer, tmp_path: Path, journal: Journal
) -> None:
    surroundings = Surroundings(own_server.admin, tmp_path)
    namespace = surroundings.namespace()
    client = Client(configure(surroundings.account(namespace)), FAST)
    made = create(own_server.admin, namespace, "goes")
    create(own_server.admin, namespace, "stays")
    with watching(client, namespace, journal):
        eventually(lambda: len(journal.events) == 2)
    journal.versions[namespace] = made["metadata"]["resourceVersion"]
    own_server.admin.delete(NETWORK_INTENTS, namespace, "goes")
    own_server.stop_api()
    own_server.compact()
    own_server.start_api()
    with watching(client, namespace, journal):
        eventually(lambda: "delete goes" in journal.told())
    assert journal.there.keys() == {(namespace, "stays")}


def test_w3_a_bookmark_is_resumed_from_without_a_list(
    admin: Api, namespace: str, product: Path, proxy: FaultProxy, journal: Journal
) -> None:
    create(admin, namespace, "a")
    elsewhere = admin.call("GET", NETWORK_INTENTS.path(namespace), limit="1")["metadata"]["resourceVersion"]
    bookmark = {"metadata": {"resourceVersion": elsewhere}}
    proxy.watches.extend([after(0, then=line_of("BOOKMARK", bookmark))] * 3)
    with watching(proxy.client(product, FAST), namespace, journal):
        eventually(lambda: len(proxy.asked("watch")) == 4)
        create(admin, namespace, "b")
        eventually(lambda: len(journal.events) == 2)
    assert {query["resourceVersion"] for query in proxy.asked("watch")[1:]} == {elsewhere}
    assert len(proxy.asked("list")) == 1


def test_w4_a_silent_server_is_left(
    admin: Api, namespace: str, product: Path, proxy: FaultProxy, journal: Journal
) -> None:
    ended = threading.Event()
    proxy.watches.append(silent_after(1, ended))
    with watching(proxy.client(product, replace(FAST, silence=0.5)), namespace, journal):
        eventually(lambda: proxy.streams == 1)
        create(admin, namespace, "told")
        create(admin, namespace, "kept-back")
        eventually(lambda: len(journal.events) == 2)
    ended.set()
    assert journal.told() == ["upsert told", "upsert kept-back"]
    assert len(proxy.asked("list")) == 1


def test_w5_an_event_that_was_cut_off_comes_again(
    admin: Api, namespace: str, product: Path, proxy: FaultProxy, journal: Journal
) -> None:
    proxy.watches.extend([cut_in(1, keep=0.5), cut_in(0, keep=0.99), after(0, breaks=True)])
    with watching(proxy.client(product, FAST), namespace, journal):
        eventually(lambda: proxy.streams == 1)
        for name in ("a", "b", "c"):
            create(admin, namespace, name)
        eventually(lambda: len(journal.events) == 3)
    assert journal.told() == ["upsert a", "upsert b", "upsert c"]
    assert len(proxy.asked("list")) == 1


def test_w6_a_restart_of_the_api_server_loses_nothing_and_brings_no_storm(
    own_server: ApiServer, tmp_path: Path, journal: Journal
) -> None:
    surroundings = Surroundings(own_server.admin, tmp_path)
    namespace = surroundings.namespace()
    create(own_server.admin, namespace, "before")
    with between(own_server.admin) as proxy:
        client = proxy.client(surroundings.account(namespace), FAST)
        with watching(client, namespace, journal):
            eventually(lambda: proxy.streams == 1)
            own_server.stop_api()
            proxy.down.set()
            eventually(lambda: client.health.problems)
            calls, began = len(proxy.requests), time.monotonic()
            time.sleep(3.0)
            calls = len(proxy.requests) - calls
            assert calls <= (time.monotonic() - began) / (FAST.longest_delay / 2) + 1
            proxy.down.clear()
            own_server.start_api()
            create(own_server.admin, namespace, "after")
            eventually(lambda: len(journal.events) == 2)
            eventually(lambda: not client.health.problems)
    assert journal.told() == ["upsert before", "upsert after"]


def test_w7_replays_are_told_once(
    admin: Api, namespace: str, product: Path, proxy: FaultProxy, journal: Journal
) -> None:
    proxy.watches.append(repeated(3))
    with watching(proxy.client(product, FAST), namespace, journal):
        eventually(lambda: proxy.streams == 1)
        create(admin, namespace, "a")
        admin.patch(NETWORK_INTENTS, namespace, "a", {"spec": {"intent": "scale amf to 4"}})
        create(admin, namespace, "last")
        eventually(lambda: "upsert last" in journal.told())
    bodies = [json.loads(event.body)["spec"]["intent"] for event in journal.events]
    assert bodies == ["scale amf to 3", "scale amf to 4", "scale amf to 3"]


def test_w8_an_intent_made_again_while_nothing_ran_is_another_one(
    admin: Api, namespace: str, product: Path, journal: Journal
) -> None:
    first = create(admin, namespace, "a")
    admin.patch(NETWORK_INTENTS, namespace, "a", {"spec": {"intent": "scale amf to 4"}})
    client = Client(configure(product), FAST)
    with watching(client, namespace, journal) as source:
        assert source.synced.wait(60)
    admin.delete(NETWORK_INTENTS, namespace, "a")
    second = create(admin, namespace, "a", "scale amf to 9")
    journal.versions.clear()
    with watching(client, namespace, journal) as source:
        assert source.synced.wait(60)
    assert [event.uid for event in journal.events] == [first["metadata"]["uid"], second["metadata"]["uid"]]
    generations = [json.loads(event.body)["metadata"]["generation"] for event in journal.events]
    assert generations == [2, 1]


def test_w8_and_so_it_is_where_the_watch_goes_on(
    admin: Api, namespace: str, product: Path, journal: Journal
) -> None:
    create(admin, namespace, "a")
    client = Client(configure(product), FAST)
    with watching(client, namespace, journal) as source:
        assert source.synced.wait(60)
    admin.delete(NETWORK_INTENTS, namespace, "a")
    second = create(admin, namespace, "a")
    assert journal.versions[namespace]
    with watching(client, namespace, journal):
        eventually(lambda: len(journal.events) == 3)
    assert journal.told() == ["upsert a", "delete a", "upsert a"]
    assert journal.there == {(namespace, "a"): second["metadata"]["uid"]}


def test_w9_a_rotated_token_is_taken_up(
    admin: Api, namespace: str, surroundings: Surroundings, product: Path, tmp_path: Path, journal: Journal
) -> None:
    account = tmp_path / "serviceaccount"
    account.mkdir()
    (account / "ca.crt").write_text(admin.authority)
    (account / "token").write_text("expired")
    host, port = admin.server.removeprefix("https://").rsplit(":", 1)
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    client = Client(configure(account=account, environment=environment), FAST)
    with watching(client, namespace, journal) as source:
        eventually(lambda: "Unauthorized" in client.health.problems.get("watch " + namespace, ""))
        assert not source.synced.is_set()
        (account / "token").write_text(configure(product).api_key["BearerToken"].removeprefix("Bearer "))
        assert source.synced.wait(60)
        assert client.whoami().startswith(f"system:serviceaccount:{namespace}:")
    assert client.health.problems == {}


def test_w10_after_a_relist_of_many_an_edit_is_seen_at_once(
    admin: Api, namespace: str, product: Path, journal: Journal
) -> None:
    names = [f"intent-{number}" for number in range(600)]  # more than a page
    for name in names:
        create(admin, namespace, name)
    client = Client(configure(product), FAST)
    with watching(client, namespace, journal) as source:
        assert source.synced.wait(60)
        assert len(journal.events) == len(names)
        admin.patch(NETWORK_INTENTS, namespace, names[0], {"spec": {"intent": "scale amf to 4"}})
        eventually(lambda: len(journal.events) > len(names))
    assert sorted(event.name for event in journal.events[:-1]) == sorted(names)


def test_w11_own_writes_start_nothing(
    admin: Api, namespace: str, product: Path, proxy: FaultProxy, journal: Journal
) -> None:
    made = create(admin, namespace, "a")
    client, versions = proxy.client(product, FAST), Versions()
    writer = KubernetesStatus(client, INTENTS, versions)
    with watching(client, namespace, journal, versions):
        eventually(lambda: proxy.streams == 1)
        for phase in ("Processing", "Completed"):
            assert writer.write(target_of(made), {"phase": phase}) is Delivery.WRITTEN
        assert writer.annotate(target_of(made), {"conductor-watch/last-hash": "x"}) is Delivery.WRITTEN
        create(admin, namespace, "last")
        eventually(lambda: "upsert last" in journal.told())
    assert journal.told() == ["upsert a", "upsert last"]
    assert len(proxy.asked("write")) == 3


def test_w12_what_comes_late_is_no_news_and_costs_no_conflict(
    admin: Api, namespace: str, product: Path, proxy: FaultProxy, journal: Journal
) -> None:
    proxy.watches.append(delayed(1.0))
    client, versions = proxy.client(product, FAST), Versions()
    writer = KubernetesStatus(client, INTENTS, versions)
    with watching(client, namespace, journal, versions):
        eventually(lambda: proxy.streams == 1)
        made = create(admin, namespace, "a")
        eventually(lambda: journal.events)
        for phase in ("Processing", "Completed"):  # the watch tells of the first after the second
            assert writer.write(target_of(made), {"phase": phase}) is Delivery.WRITTEN
        create(admin, namespace, "last")
        eventually(lambda: "upsert last" in journal.told())
        assert writer.write(target_of(made), {"phase": "Failed"}) is Delivery.WRITTEN
    assert journal.told() == ["upsert a", "upsert last"]
    assert len(proxy.asked("write")) == 3


def test_all_namespaces_are_watched_by_one_call(
    admin: Api, surroundings: Surroundings, product: Path, journal: Journal
) -> None:
    namespaces = [surroundings.namespace() for _ in range(3)]
    with watching(Client(configure(product), FAST), "", journal) as source:
        assert source.synced.wait(60)
        for name in namespaces:
            create(admin, name, "a")
        eventually(lambda: {(name, "a") for name in namespaces} <= journal.there.keys())


def test_a_missing_kind_is_told_and_waited_for(namespace: str, product: Path, journal: Journal) -> None:
    client = Client(configure(product), FAST)
    source = KubernetesSource(client, network_intents("example.com", "v1"), journal, Versions())
    source.start()
    eventually(lambda: client.health.problems)
    source.stop(5)
    (problem,) = client.health.problems.values()
    assert problem.startswith("cannot list networkintents.example.com: ")


def test_two_lists_in_a_row_are_the_same(admin: Api, namespace: str, product: Path, journal: Journal) -> None:
    for name in ("a", "b"):
        create(admin, namespace, name)
    client = Client(configure(product), FAST)
    for _ in range(2):
        journal.versions.clear()
        with watching(client, namespace, journal) as source:
            assert source.synced.wait(60)
    assert journal.told() == ["upsert a", "upsert b"] * 2


def test_an_api_server_that_is_away_is_unavailable(own_server: ApiServer) -> None:
    client = Client(configure(own_server.kubeconfig), FAST)
    assert client.whoami() in ("admin", "")  # before 1.28 the API server does not say
    assert client.cluster_id()
    own_server.stop_api()
    with pytest.raises(UnavailableError, match="refused"):
        client.whoami()


def test_a_watch_that_goes_on_tells_a_deletion_that_waits_as_it_is_now(
    admin: Api, namespace: str, product: Path, journal: Journal
) -> None:
    create(admin, namespace, "a")
    held = {"metadata": {"finalizers": [FINALIZER]}, "spec": {"deletionPolicy": "Withdraw"}}
    made = admin.patch(NETWORK_INTENTS, namespace, "a", held)
    journal.versions[namespace] = made["metadata"]["resourceVersion"]
    admin.delete(NETWORK_INTENTS, namespace, "a")
    admin.patch(NETWORK_INTENTS, namespace, "a", {"spec": {"deletionPolicy": "Orphan"}})
    with watching(Client(configure(product)), namespace, journal):
        eventually(lambda: journal.events)
        admin.patch(NETWORK_INTENTS, namespace, "a", {"metadata": {"finalizers": None}})
        eventually(lambda: not journal.there)
    policies = {
        json.loads(event.body)["spec"].get("deletionPolicy")
        for event in journal.events
        if event.kind is EventKind.UPSERT
    }
    assert "Withdraw" not in policies
