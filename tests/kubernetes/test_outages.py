"""The product while API server and etcd are killed: every intent ends right, each effect happens once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.pipeline.daemon import Daemon
from engine.settings import (
    BoundsSettings,
    KubernetesSettings,
    LiveSettings,
    OutputSettings,
    Settings,
    SourceSettings,
    StoreSettings,
)
from tests.cluster.api import NETWORK_INTENTS, Api, ApiError, Resource
from tests.cluster.server import ApiServer
from tests.cluster.surroundings import Surroundings

DEPLOYMENTS = Resource("apps/v1", "deployments")
INTENTS = 500


def deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    containers = [{"name": name, "image": f"registry.example.com/{name}:1"}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def intent(name: str) -> dict[str, Any]:
    spec = {"intent": f"scale {name} to 5 replicas"}
    return {
        "apiVersion": "nephoran.com/v1",
        "kind": "NetworkIntent",
        "metadata": {"name": name},
        "spec": spec,
    }


def create_all(admin: Api, namespace: str, names: list[str]) -> None:
    def create(mine: list[str]) -> None:
        for name in mine:
            admin.create(DEPLOYMENTS, namespace, deployment(name))
            admin.create(NETWORK_INTENTS, namespace, intent(name))

    threads = [threading.Thread(target=create, args=(names[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def completed(admin: Api, namespace: str) -> int:
    """Counts those that are reported as Completed; none while the API server is not ready."""
    try:
        intents = admin.list(NETWORK_INTENTS, namespace)
    except ApiError as error:
        assert error.code in (429, 500, 503)
        return 0
    return sum(item.get("status", {}).get("phase") == "Completed" for item in intents)


def until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.1)


@pytest.mark.timeout(600)
def test_a_restart_of_api_server_and_etcd_amid_500_intents_loses_none_and_does_none_twice(
    own_server: ApiServer, tmp_path: Path
) -> None:
    surroundings = Surroundings(own_server.admin, tmp_path / "accounts")
    namespace = surroundings.namespace()
    names = [f"nf-{number}" for number in range(INTENTS)]
    settings = Settings(
        adopt="none",
        source=SourceSettings(kind="kubernetes"),
        live=LiveSettings(kind="kubernetes"),
        kubernetes=KubernetesSettings(kubeconfig=surroundings.account(namespace), namespaces=[namespace]),
        output=OutputSettings(directory=tmp_path / "out"),
        store=StoreSettings(path=tmp_path / "out" / "store.db"),
        bounds=BoundsSettings(highest_lifecycle="Published", lifecycle="Published"),
    )
    create_all(own_server.admin, namespace, names)
    daemon = Daemon(settings)
    daemon.start()
    try:
        until(lambda: completed(own_server.admin, namespace) > INTENTS / 10, 120)
        own_server.stop_api()
        own_server.stop_etcd()
        assert not daemon.settled()  # else the outage came too late
        own_server.start_etcd()
        own_server.start_api()
        until(lambda: completed(own_server.admin, namespace) == INTENTS, 120)
        until(daemon.settled, 60)
    finally:
        daemon.stop()
    revisions = sorted((tmp_path / "out" / "revisions" / "main").glob("*/*"))
    assert len(revisions) == INTENTS
    assert len({path.parent for path in revisions}) == INTENTS
