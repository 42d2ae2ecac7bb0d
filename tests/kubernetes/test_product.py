"""The whole product on a real API server, under its own account: watch, decide, write, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
from tests.cluster.api import NETWORK_INTENTS, Api, Resource

DEPLOYMENTS = Resource("apps/v1", "deployments")
Start = Callable[[], Daemon]


def deployment(name: str, replicas: int = 2) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": name, "image": f"registry.example.com/{name}:1.0"}]},
            },
        },
    }


def intent(name: str, text: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "nephoran.com/v1",
        "kind": "NetworkIntent",
        "metadata": {"name": name},
        "spec": {"intent": text, **spec},
    }


@pytest.fixture
def start(tmp_path: Path, namespace: str, product: Path) -> Iterator[Start]:
    """Starts daemons on the test's namespace, one at a time, over one store."""
    settings = Settings(
        source=SourceSettings(kind="kubernetes"),
        live=LiveSettings(kind="kubernetes"),
        kubernetes=KubernetesSettings(kubeconfig=product, namespaces=[namespace]),
        output=OutputSettings(directory=tmp_path / "out"),
        store=StoreSettings(path=tmp_path / "out" / "store.db"),
        bounds=BoundsSettings(highest_lifecycle="Published", lifecycle="Published"),
    )
    started: list[Daemon] = []

    def make() -> Daemon:
        daemon = Daemon(settings)
        started.append(daemon)
        daemon.start()
        return daemon

    yield make
    for daemon in started:
        daemon.stop()  # again, where a test has stopped it: that does nothing


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def reason(admin: Api, namespace: str, name: str) -> str:
    status = admin.get(NETWORK_INTENTS, namespace, name).get("status", {})
    return next((item["reason"] for item in status.get("conditions", ()) if item["type"] == "Ready"), "")


def test_an_intent_is_watched_decided_written_and_reported(
    admin: Api, namespace: str, start: Start, tmp_path: Path
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf", 3))
    start()
    admin.create(NETWORK_INTENTS, namespace, intent("double", "double the amf"))
    until(lambda: reason(admin, namespace, "double") == "Completed")
    status = admin.get(NETWORK_INTENTS, namespace, "double")["status"]
    assert (status["phase"], status["observedGeneration"]) == ("Completed", 1)
    assert status["interpretation"]["actions"][0]["replicas"] == 6
    assert status["packages"][0]["lifecycle"] == "Published"
    (package,) = (tmp_path / "out/packages/main").iterdir()
    assert "replicas: 6" in (package / "deployment-amf.yaml").read_text()


def test_an_edit_is_a_new_generation(admin: Api, namespace: str, start: Start) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    start()
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    admin.patch(NETWORK_INTENTS, namespace, "scale", {"spec": {"intent": "scale amf to 7"}})
    until(lambda: admin.get(NETWORK_INTENTS, namespace, "scale")["status"].get("observedGeneration") == 2)
    assert reason(admin, namespace, "scale") == "Completed"


def test_a_refusal_is_reported_and_lifted_by_the_facts(admin: Api, namespace: str, start: Start) -> None:
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    start()
    until(lambda: reason(admin, namespace, "scale") == "RuleRefused")
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    until(lambda: reason(admin, namespace, "scale") == "Completed")


def test_a_restart_writes_nothing(admin: Api, namespace: str, start: Start) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    first = start()
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    until(first.settled)
    first.stop()
    before = admin.get(NETWORK_INTENTS, namespace, "scale")["metadata"]["resourceVersion"]
    second = start()
    until(second.settled)
    time.sleep(2)
    assert admin.get(NETWORK_INTENTS, namespace, "scale")["metadata"]["resourceVersion"] == before


def test_an_intent_deleted_while_nothing_ran_is_found_and_made_again_is_new(
    admin: Api, namespace: str, start: Start
) -> None:
    admin.create(DEPLOYMENTS, namespace, deployment("amf"))
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 5"))
    first = start()
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    until(first.settled)
    first.stop()
    admin.delete(NETWORK_INTENTS, namespace, "scale")
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale amf to 6"))
    start()
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    actions = admin.get(NETWORK_INTENTS, namespace, "scale")["status"]["interpretation"]["actions"]
    assert actions[0]["replicas"] == 6
