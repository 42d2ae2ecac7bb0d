"""Live objects of a real API server: seen, kept current, and unknown where they cannot be read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.kube import inventory as inventory_module
from engine.kube.client import Client, Times
from engine.kube.connection import configure
from engine.kube.discovery import not_served
from engine.kube.inventory import KubernetesInventory, resource_of
from engine.live import Inventory, UnknownFact, gather
from engine.live.managers import field_managers
from tests.cluster.api import Api, Resource
from tests.cluster.surroundings import without
from tests.kubernetes.proxy import FaultProxy

DEPLOYMENTS = Resource("apps/v1", "deployments")
CONFIG_MAPS = Resource("v1", "configmaps")
QUOTAS = Resource("v1", "resourcequotas")
NODES = Resource("v1", "nodes")
FAST = Times(connect=2.0, read=5.0, silence=20.0, first_delay=0.05, longest_delay=0.2)


@pytest.fixture
def inventory(proxy: FaultProxy, product: Path) -> Iterator[KubernetesInventory]:
    inventory = KubernetesInventory(proxy.client(product, FAST), idle_seconds=100.0)
    yield inventory
    inventory.stop()


def deployment(name: str, replicas: int = 2) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": name, "image": f"registry.example.com/{name}:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def eventually(true: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.01)


def replicas(inventory: Inventory, namespace: str, name: str) -> int | None:
    found = inventory.get("Deployment", namespace, name)
    return None if found is None else found["spec"]["replicas"]


def test_objects_are_found_and_kept_current(
    admin: Api, namespace: str, inventory: KubernetesInventory
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    assert replicas(inventory, namespace, "amf") == 2
    assert inventory.get("Deployment", namespace, "smf") is None
    admin.create(DEPLOYMENTS, namespace, deployment("smf", 1))
    eventually(lambda: replicas(inventory, namespace, "smf") == 1)
    admin.patch(DEPLOYMENTS, namespace, "amf", {"spec": {"replicas": 5}})
    eventually(lambda: replicas(inventory, namespace, "amf") == 5)
    assert [item["metadata"]["name"] for item in inventory.list("Deployment", namespace)] == ["amf", "smf"]
    admin.delete(DEPLOYMENTS, namespace, "amf")
    eventually(lambda: replicas(inventory, namespace, "amf") is None)


def test_what_was_listed_says_its_kind_and_who_wrote_its_fields(
    admin: Api, namespace: str, inventory: KubernetesInventory
) -> None:
    admin.apply(DEPLOYMENTS, {**deployment("amf"), "metadata": {"name": "amf", "namespace": namespace}})
    found = inventory.get("Deployment", namespace, "amf")
    assert found is not None
    assert (found["apiVersion"], found["kind"]) == ("apps/v1", "Deployment")
    managers = field_managers(found)
    assert managers is not None
    assert managers["spec.replicas"] == "tests"


def test_each_kind_is_watched_once_and_only_where_it_is_asked_for(
    proxy: FaultProxy, namespace: str, inventory: KubernetesInventory
) -> None:
    for _ in range(20):
        inventory.list("Deployment", namespace)
        inventory.list("ConfigMap", namespace)
    eventually(lambda: len(proxy.asked("watch")) == 2)
    assert len(proxy.asked("list")) == 2
    assert all(namespace in path for _, path, _ in proxy.requests)


def test_the_digest_changes_with_what_is_read_and_with_nothing_else(
    admin: Api, namespace: str, inventory: KubernetesInventory
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    inventory.list("Deployment", namespace)
    before = inventory.digest
    inventory.refresh()
    admin.patch(DEPLOYMENTS, namespace, "amf", {"spec": {"progressDeadlineSeconds": 77}})

    def deadline() -> int | None:
        found = inventory.get("Deployment", namespace, "amf")
        return None if found is None else found["spec"].get("progressDeadlineSeconds")

    eventually(lambda: deadline() == 77)
    assert inventory.digest == before
    assert not inventory.refresh()
    admin.patch(DEPLOYMENTS, namespace, "amf", {"spec": {"replicas": 5}})
    eventually(lambda: replicas(inventory, namespace, "amf") == 5)
    assert inventory.digest != before
    assert inventory.refresh()
    assert not inventory.refresh()


def test_the_digest_is_the_same_in_another_process(
    admin: Api, namespace: str, product: Path, inventory: KubernetesInventory
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    inventory.list("Deployment", namespace)
    other = KubernetesInventory(Client(configure(product), FAST))
    other.list("Deployment", namespace)
    assert other.digest == inventory.digest
    other.stop()


def test_a_missing_right_makes_a_fact_unknown_until_it_is_granted(
    namespace: str, account: Callable[..., Path]
) -> None:
    client = Client(configure(account(without("configmaps"))), FAST)
    inventory = KubernetesInventory(client)
    with pytest.raises(
        UnknownFact, match=rf"ConfigMap in namespace {namespace}: cannot list .*forbidden.*grant"
    ):
        inventory.list("ConfigMap", namespace)
    assert "forbidden" in client.health.problems[f"facts configmaps in namespace {namespace}"]
    inventory.stop()


def test_a_right_that_is_lost_for_a_while_leaves_what_was_known(
    admin: Api, namespace: str, inventory: KubernetesInventory, proxy: FaultProxy
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    assert replicas(inventory, namespace, "amf") == 2
    digest = inventory.digest
    forbidden = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "deployments is forbidden"}
    proxy.watches.extend([(403, forbidden)] * 3)
    proxy.down.set()
    eventually(lambda: inventory._client.health.problems)
    proxy.down.clear()
    eventually(lambda: not proxy.watches)
    assert replicas(inventory, namespace, "amf") == 2
    eventually(lambda: not inventory._client.health.problems)
    assert ("facts", "ForbiddenError") in inventory._client.health.failures
    assert inventory.digest == digest


def test_secrets_are_no_kind_that_is_read(inventory: KubernetesInventory, namespace: str) -> None:
    with pytest.raises(UnknownFact, match="no kind that is read"):
        inventory.list("Secret", namespace)


def test_of_a_kind_that_the_cluster_does_not_serve_there_is_nothing_and_that_is_known(
    namespace: str, inventory: KubernetesInventory
) -> None:
    assert inventory.list("VirtualService", namespace) == ()
    assert inventory.get("VirtualService", namespace, "amf") is None
    assert inventory._client.health.problems == {}


def test_where_the_cluster_cannot_be_asked_what_it_serves_the_kind_is_unknown(
    namespace: str, inventory: KubernetesInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory_module, "not_served", lambda *_: False)
    with pytest.raises(UnknownFact, match=r"does not serve virtualservices\.networking\.istio\.io"):
        inventory.list("VirtualService", namespace)


def test_what_a_cluster_serves_is_found_in_any_version(
    namespace: str, product: Path, proxy: FaultProxy
) -> None:
    client = proxy.client(product, FAST)
    assert not_served(client, resource_of("VirtualService", "networking.istio.io/v1"))
    assert not_served(client, resource_of("Unheard", "apps/v1"))
    assert not not_served(client, resource_of("Deployment", "apps/v1"))
    assert not not_served(client, resource_of("Deployment", "apps/v9"))
    proxy.down.set()
    assert not not_served(client, resource_of("VirtualService", "networking.istio.io/v1"))


def test_a_cluster_that_is_away_makes_facts_unknown(
    namespace: str, inventory: KubernetesInventory, proxy: FaultProxy
) -> None:
    proxy.down.set()
    with pytest.raises(UnknownFact, match="does not answer"):
        inventory.list("Deployment", namespace)
    proxy.down.clear()
    eventually(lambda: known(inventory, namespace))


def known(inventory: KubernetesInventory, namespace: str) -> bool:
    try:
        inventory.list("Deployment", namespace)
    except UnknownFact:
        return False
    return True


def test_what_was_known_stays_known_through_a_short_outage(
    admin: Api, namespace: str, inventory: KubernetesInventory, proxy: FaultProxy
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    assert replicas(inventory, namespace, "amf") == 2
    digest = inventory.digest
    proxy.down.set()
    eventually(lambda: inventory._client.health.problems)
    assert replicas(inventory, namespace, "amf") == 2
    admin.patch(DEPLOYMENTS, namespace, "amf", {"spec": {"replicas": 5}})
    proxy.down.clear()
    eventually(lambda: replicas(inventory, namespace, "amf") == 5)
    assert inventory.digest != digest


def test_a_kind_that_nobody_asks_for_is_no_longer_watched(
    namespace: str, product: Path, proxy: FaultProxy
) -> None:
    now = [0.0]
    inventory = KubernetesInventory(proxy.client(product, FAST), idle_seconds=100.0, monotonic=lambda: now[0])
    inventory.list("Deployment", namespace)
    inventory.refresh()
    now[0] = 101.0
    assert not inventory.refresh()
    assert inventory._watched == {}
    inventory.list("Deployment", namespace)
    assert not inventory.refresh()
    assert len(proxy.asked("list")) == 2
    inventory.stop()


def test_what_was_unused_for_longest_makes_room(
    namespace: str, inventory: KubernetesInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.kube.inventory.MOST_WATCHES", 2)
    for kind in ("Deployment", "ConfigMap", "Deployment", "Service"):
        inventory.list(kind, namespace)
    assert set(inventory._watched) == {("Deployment", namespace), ("Service", namespace)}


def test_facts_of_long_ago_are_unknown(admin: Api, namespace: str, product: Path, proxy: FaultProxy) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    inventory = KubernetesInventory(proxy.client(product, replace(FAST, silence=0.5)))
    assert replicas(inventory, namespace, "amf") == 2
    proxy.down.set()
    eventually(lambda: not known(inventory, namespace))
    proxy.down.clear()
    eventually(lambda: known(inventory, namespace))
    inventory.stop()


def test_all_that_an_action_needs_is_gathered(
    admin: Api, namespace: str, inventory: KubernetesInventory
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    admin.create(CONFIG_MAPS, namespace, {"metadata": {"name": "amf"}, "data": {"level": "info"}})
    admin.create(QUOTAS, namespace, {"metadata": {"name": "q"}, "spec": {"hard": {"limits.cpu": "4"}}})
    view = gather({"namespace": namespace, "target": "amf"}, inventory)
    assert view.origin == "cluster"
    assert view.workload is not None
    assert view.namespace_object is not None
    assert [item["metadata"]["name"] for item in view.quotas or ()] == ["q"]
    assert [item["metadata"]["name"] for item in view.config_maps or ()] == ["amf"]
    assert view.unknown.keys() == {"nodes"}
    assert view.virtual_services == ()
