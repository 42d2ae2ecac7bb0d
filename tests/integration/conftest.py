"""A workplace of real files, and daemons on it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.pipeline.daemon import Daemon
from engine.settings import Settings, load_settings

SETTINGS = """\
source: {directory: intents, pollSeconds: 0.05}
live: {directory: live, pollSeconds: 1}
output: {directory: out}
store: {path: out/store.db}
rules: {paths: [rules]}
bounds: {highestLifecycle: Published, lifecycle: Published}
"""
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
"""
LIVE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: {name}, image: "registry.example.com/{name}:1.0"}}]}}
"""
INTENT = {"apiVersion": "nephoran.com/v1", "kind": "NetworkIntent"}


@dataclass
class Workplace:
    """Folders of intents, live objects and rules, the output, and the daemons that ran here."""

    root: Path
    settings: Settings
    daemons: list[Daemon] = field(default_factory=list)

    def intent(self, name: str, text: str, namespace: str = "core", **spec: Any) -> Path:
        """Writes a manifest as careful tools do: aside, then renamed into place."""
        manifest = {
            **INTENT,
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"intent": text, **spec},
        }
        return self.write(f"intents/{name}.yaml", yaml.safe_dump(manifest))

    def workload(self, name: str, replicas: int = 2, namespace: str = "core") -> Path:
        """Writes a live Deployment, and its Namespace."""
        self.write(f"live/{namespace}.yaml", NAMESPACE.format(namespace=namespace))
        text = LIVE.format(name=name, replicas=replicas, namespace=namespace)
        return self.write(f"live/{namespace}-{name}.yaml", text)

    def write(self, path: str, text: str) -> Path:
        """Writes a file below the root that has been left alone for a while."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}")
        draft.write_text(text)
        earlier = time.time() - 1
        os.utime(draft, (earlier, earlier))
        draft.replace(target)
        return target

    def start(self, **more: Any) -> Daemon:
        """Starts a daemon, which is stopped at the end of the test."""
        daemon = Daemon(self.settings, **more)
        self.daemons.append(daemon)
        daemon.start()
        return daemon

    def settle(self, **more: Any) -> None:
        """Runs a daemon until nothing is left to do."""
        daemon = self.start(**more)
        self.until(daemon.settled)
        self.stop(daemon)

    def stop(self, daemon: Daemon) -> None:
        """Stops a daemon in good order."""
        self.daemons.remove(daemon)
        assert daemon.stop()

    def status(self, name: str, namespace: str = "core") -> dict[str, Any]:
        """Returns the status of an intent; empty where there is none."""
        path = self.root / "out/status" / namespace / f"{name}.yaml"
        return yaml.safe_load(path.read_text()) if path.exists() else {}

    def reason(self, name: str, namespace: str = "core") -> str:
        """Returns the reason of an intent's condition Ready; empty where it has no status."""
        conditions = self.status(name, namespace).get("conditions", [])
        return next((item["reason"] for item in conditions if item["type"] == "Ready"), "")

    def package(self, target: str, namespace: str = "core") -> dict[str, Any]:
        """Returns the objects of a package by kind."""
        (folder,) = (self.root / "out/packages/main").glob(f"{namespace}-{target}-*")
        shown = [path for path in folder.glob("*.yaml") if not path.name.startswith(".")]  # a draft may go
        objects = [yaml.safe_load(path.read_text()) for path in shown]
        return {item["kind"]: item for item in objects}

    def revisions(self, target: str, namespace: str = "core") -> list[str]:
        """Lists the revisions of a package; one being written has a hidden name and is none yet."""
        folders = (self.root / "out/revisions/main").glob(f"{namespace}-{target}-*/v*")
        return sorted(path.name for path in folders)

    @staticmethod
    def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Waits for a condition."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.01)


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    for folder in ("intents", "live", "rules"):
        (tmp_path / folder).mkdir()
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    place = Workplace(tmp_path, load_settings(tmp_path / "settings.yaml", {}))
    place.workload("amf")
    place.workload("smf")
    yield place
    for daemon in place.daemons:
        daemon.stop()
