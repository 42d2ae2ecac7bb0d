from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.krm import CannotRender, ClusterSettings, Plan, plan
from engine.live import DirectoryInventory, Resolved, gather, resolve
from rules import Route

EXAMPLES = Path(__file__).parents[3] / "examples" / "live"
RANGES = ("10.244.0.0/16", "10.96.0.0/12")


class World:
    """Live objects, and the plan of actions on them."""

    def __init__(self, folder: Path) -> None:
        self.inventory = DirectoryInventory(folder)

    def render(
        self, *actions: Mapping[str, Any], cluster: ClusterSettings | None = None
    ) -> Plan | CannotRender:
        views = [gather(action, self.inventory) for action in actions]
        resolved = []
        for action, view in zip(actions, views, strict=True):
            result = resolve(action, view)
            assert isinstance(result, Resolved), result
            resolved.append(result.action)
        routes = [Route("directory", "main", "Published")] * len(actions)
        return plan(resolved, views, routes, cluster or ClusterSettings(ranges=RANGES))

    def plan(self, *actions: Mapping[str, Any], cluster: ClusterSettings | None = None) -> Plan:
        result = self.render(*actions, cluster=cluster)
        assert isinstance(result, Plan), result
        return result

    def object(self, *actions: Mapping[str, Any], cluster: ClusterSettings | None = None) -> dict[str, Any]:
        """Returns the only object that the actions write."""
        (change,) = self.plan(*actions, cluster=cluster).packages
        (item,) = change.objects
        return item

    def refusal(self, *actions: Mapping[str, Any], cluster: ClusterSettings | None = None) -> CannotRender:
        result = self.render(*actions, cluster=cluster)
        assert isinstance(result, CannotRender), result
        return result


@pytest.fixture(name="examples", scope="session")
def _examples() -> World:
    return World(EXAMPLES)


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Callable[..., World]:
    """Makes a world of manifests given as YAML, and of a file beside them that cannot be read."""

    def make(manifests: str, *, broken: str = "") -> World:
        (tmp_path / "live.yaml").write_text(textwrap.dedent(manifests))
        (tmp_path / "broken.yaml").write_text(broken)
        made = World(tmp_path)
        assert {path.name for path in made.inventory.errors} == ({"broken.yaml"} if broken else set())
        return made

    return make


@pytest.fixture(name="act", scope="session")
def _act() -> Callable[..., dict[str, Any]]:
    """Writes an action of the contract: type, target, its own fields; in namespace core if not said."""

    def write(intent_type: str, target: str, namespace: str = "core", **fields: Any) -> dict[str, Any]:
        return {"intent_type": intent_type, "target": target, "namespace": namespace, **fields}

    return write


WORKLOAD = """
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}, namespace: core}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
{pod}
      containers:
        - {{name: {name}, image: "{image}"}}
{containers}
---
"""


@pytest.fixture(name="workload", scope="session")
def _workload() -> Callable[..., str]:
    """Writes a workload of namespace core as YAML; `pod` and `containers` are added to its template."""

    def write(
        name: str = "amf",
        *,
        kind: str = "Deployment",
        replicas: int = 3,
        image: str = "registry.example.com/amf:1.0",
        pod: str = "",
        containers: str = "",
    ) -> str:
        text = WORKLOAD.format(
            kind=kind,
            name=name,
            replicas=replicas,
            image=image,
            pod=textwrap.indent(pod, " " * 6),
            containers=textwrap.indent(containers, " " * 8),
        )
        return text if kind != "DaemonSet" else text.replace(f"  replicas: {replicas}\n", "")

    return write
