"""The store deleted under the running daemon, on a Kubernetes API: each intent is done once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.losses import LIVE_REPLICAS, Losses
from tests.cluster.api import NETWORK_INTENTS, Api
from tests.kubernetes.test_product import DEPLOYMENTS, deployment, intent

SETTINGS = """\
adopt: none
source: {{kind: kubernetes}}
live: {{kind: kubernetes}}
kubernetes: {{kubeconfig: {kubeconfig}, namespaces: [{namespace}]}}
output: {{directory: out}}
store: {{path: out/store.db}}
bounds: {{executor: directory, highestLifecycle: Published, lifecycle: Published}}
"""


class Cluster:
    """Intents, workloads and statuses of a namespace."""

    def __init__(self, admin: Api, namespace: str) -> None:
        self._admin = admin
        self._namespace = namespace

    def ask(self, name: str, text: str) -> None:
        self._admin.create(DEPLOYMENTS, self._namespace, deployment(name, LIVE_REPLICAS))
        self._admin.create(NETWORK_INTENTS, self._namespace, intent(name, text))

    def apply(self, name: str, replicas: int) -> None:
        self._admin.patch(DEPLOYMENTS, self._namespace, name, {"spec": {"replicas": replicas}})

    def outcome(self, name: str) -> tuple[str, int]:
        status = self._admin.get(NETWORK_INTENTS, self._namespace, name).get("status", {})
        ready = (item["reason"] for item in status.get("conditions", ()) if item["type"] == "Ready")
        reason = next(ready, "")
        return reason, status["interpretation"]["actions"][0]["replicas"] if reason == "Completed" else 0


@pytest.mark.timeout(900)
def test_a_store_deleted_again_and_again_loses_no_intent_and_does_none_twice(
    admin: Api, namespace: str, product: Path, tmp_path: Path
) -> None:
    (tmp_path / "settings.yaml").write_text(SETTINGS.format(kubeconfig=product, namespace=namespace))
    losses = Losses(tmp_path, Cluster(admin, namespace))
    losses.run()
    losses.assert_each_was_done_once()
