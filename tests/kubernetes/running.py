"""What tests of the whole product on a real API server share: its daemon, kubectl, intents, and waiting."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
Kubectl = Callable[..., str]
Start = Callable[..., Daemon]
"""Starts a daemon; sections of the settings that are to be others are given by name."""


def kubectl_of(program: Path | str, *options: str) -> Kubectl:
    """Returns a call of kubectl, which has to succeed; what it prints is returned."""

    def run(*arguments: str) -> str:
        command = [str(program), *options, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def settings_of(namespace: str, kubeconfig: Path, folder: Path) -> Settings:
    """Returns the settings of a daemon that follows one namespace and writes below a folder."""
    return Settings(
        adopt="none",
        source=SourceSettings(kind="kubernetes"),
        live=LiveSettings(kind="kubernetes"),
        kubernetes=KubernetesSettings(kubeconfig=kubeconfig, namespaces=[namespace]),
        output=OutputSettings(directory=folder / "out"),
        store=StoreSettings(path=folder / "out" / "store.db"),
        bounds=BoundsSettings(highest_lifecycle="Published", lifecycle="Published"),
    )


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


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def status_of(admin: Api, namespace: str, name: str) -> dict[str, Any]:
    status: dict[str, Any] = admin.get(NETWORK_INTENTS, namespace, name).get("status", {})
    return status


def reason(admin: Api, namespace: str, name: str) -> str:
    conditions = status_of(admin, namespace, name).get("conditions", ())
    return next((item["reason"] for item in conditions if item["type"] == "Ready"), "")
