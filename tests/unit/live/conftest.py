from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.live import DirectoryInventory

Live = Callable[[str], DirectoryInventory]


@pytest.fixture(name="live")
def _live(tmp_path: Path) -> Live:
    """Makes an inventory of manifests given as YAML."""

    def make(manifests: str) -> DirectoryInventory:
        (tmp_path / "live.yaml").write_text(manifests)
        inventory = DirectoryInventory(tmp_path)
        assert not inventory.errors, inventory.errors
        return inventory

    return make


@pytest.fixture(name="workload")
def _workload() -> Callable[..., str]:
    """Writes a small workload as YAML."""

    def write(
        name: str = "amf", kind: str = "Deployment", namespace: str = "core", spec: str = "replicas: 3"
    ) -> str:
        return f"""
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  {spec}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - name: {name}
          image: registry.example.com/{name}:1.0
          resources:
            requests: {{cpu: 500m, memory: 1Gi}}
            limits: {{cpu: "1"}}
---
"""

    return write
