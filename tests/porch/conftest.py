"""A small porch, and executors on it as the settings make them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client.configuration import Configuration

from engine.executors.base import Effect
from engine.executors.porch import executor as executing
from engine.executors.porch.api import PorchApi
from engine.executors.porch.drafting import Drafter
from engine.executors.porch.executor import PorchExecutor
from engine.executors.porch.queues import WriterQueues
from engine.executors.porch.upkeep import Upkeep
from engine.krm import PackageChange
from engine.kube.client import Client, Times
from engine.kube.connection import configure
from engine.pipeline import daemon
from engine.settings import load_settings
from tests.integration.conftest import Workplace
from tests.porch.server import Porch, serving

SETTINGS = """\
source: {directory: intents, pollSeconds: 0.05}
live: {directory: live, pollSeconds: 1}
output: {directory: out}
store: {path: out/store.db}
rules: {paths: [rules]}
bounds: {executors: [porch], executor: porch}
executors: {porch: {kubeconfig: kubeconfig, settleSeconds: 0.5}}
"""


def deployment(replicas: int, name: str = "amf") -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "core"},
        "spec": {"replicas": replicas},
    }


def config_map(**data: str) -> dict[str, Any]:
    metadata = {"name": "amf", "namespace": "core"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def change(item: dict[str, Any], package: str = "core-amf", repository: str = "main") -> PackageChange:
    return PackageChange(repository, "core", "amf", package, (item,), (f"{item['kind']}/amf:x",))


@dataclass
class Bench:
    """A porch and executors on it, as a daemon has them before and after it was killed."""

    porch: Porch
    kubeconfig: Path | None = None
    """How porch is reached; else at its own address."""
    decided: dict[str, Effect] = field(default_factory=dict)

    def executor(
        self, *, cache: Any = "detect", seconds: float = 60.0, most: int = 1 << 20, keep: int = 50
    ) -> PorchExecutor:
        if self.kubeconfig is not None:
            configuration = configure(self.kubeconfig)
        else:
            configuration = Configuration(host=self.porch.url)
            configuration.retries = False
        client = Client(configuration, Times(connect=seconds, read=seconds, answer=seconds), most_bytes=most)
        queues = WriterQueues(cache)
        api = PorchApi(client, "default", settle_seconds=5.0, saw=queues.learn)
        recall = lambda _repository, _package, workspace: self.decided.get(workspace)  # noqa: E731
        return PorchExecutor(api, queues, Drafter(api, recall), Upkeep(api, keep, 3600), ["main"])

    def effect(
        self,
        *changes: PackageChange,
        intent: str = "core/amf",
        generation: int = 1,
        lifecycle: str = "Published",
    ) -> Effect:
        """Returns an effect; the same for the same intent and generation."""
        key = hashlib.sha256(f"{intent}@{generation}".encode()).hexdigest()
        effect = Effect(intent, generation, key, f"cw-{key[:20]}", lifecycle, changes)
        self.decided[effect.workspace] = effect
        return effect


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(executing, "_LOOK_SECONDS", 0.01)
    with serving(Porch()) as porch:
        yield Bench(porch)


@pytest.fixture
def place(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    """A workplace whose packages go through the porch of the bench, as proposals."""
    monkeypatch.setattr(daemon, "FOLLOWED_SECONDS", 0.1)
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "porch",
        "contexts": [{"name": "porch", "context": {"cluster": "porch", "user": "porch"}}],
        "clusters": [{"name": "porch", "cluster": {"server": bench.porch.url}}],
        "users": [{"name": "porch", "user": {}}],
    }
    for folder in ("intents", "live", "rules"):
        (tmp_path / folder).mkdir()
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    work = Workplace(tmp_path, load_settings(tmp_path / "settings.yaml", {}))
    work.workload("amf")
    yield work
    for running in work.daemons:
        running.stop()
