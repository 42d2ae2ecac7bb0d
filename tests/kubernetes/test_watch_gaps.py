"""What a watch of NetworkIntents has missed is found: relists, resumption, deletions (W1 to W3, W8)."""

from __future__ import annotations

import json
from pathlib import Path

from engine.kube.client import Client
from engine.kube.connection import configure
from engine.telling import FINALIZER
from store.inbox import EventKind
from tests.cluster.api import NETWORK_INTENTS, Api
from tests.cluster.server import ApiServer
from tests.cluster.surroundings import Surroundings
from tests.kubernetes.proxy import (
    FaultProxy,
    after,
    expired,
    line_of,
)
from tests.kubernetes.watching import FAST, Journal, create, eventually, watching


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


def test_two_lists_in_a_row_are_the_same(admin: Api, namespace: str, product: Path, journal: Journal) -> None:
    for name in ("a", "b"):
        create(admin, namespace, name)
    client = Client(configure(product), FAST)
    for _ in range(2):
        journal.versions.clear()
        with watching(client, namespace, journal) as source:
            assert source.synced.wait(60)
    assert journal.told() == ["upsert a", "upsert b"] * 2


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
