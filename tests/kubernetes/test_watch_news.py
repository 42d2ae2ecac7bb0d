"""What a watch of NetworkIntents takes for news: no replays, nothing of our own (W7, W10 to W12)."""

from __future__ import annotations

import json
from pathlib import Path

from engine.kube.client import Client
from engine.kube.connection import configure
from engine.kube.status import Delivery, KubernetesStatus
from engine.kube.versions import Versions
from tests.cluster.api import NETWORK_INTENTS, Api
from tests.cluster.surroundings import Surroundings
from tests.kubernetes.proxy import (
    FaultProxy,
    delayed,
    repeated,
)
from tests.kubernetes.watching import FAST, INTENTS, Journal, create, eventually, target_of, watching


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
