"""Intents that state an action in fields, beside those with a text, on a real API server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.settings import KubernetesSettings, StructuredSettings
from tests.cluster.api import CRDS, NETWORK_INTENTS, Api, Resource
from tests.cluster.surroundings import Rules, wait_until_served, without
from tests.kubernetes.running import DEPLOYMENTS, Start, deployment, intent, reason, until

GROUP = "intent.nephoran.com"
STRUCTURED = Resource(f"{GROUP}/v1alpha1", "networkintents")
VERBS = ["get", "list", "watch", "patch"]
RULE = {"apiGroups": [GROUP], "resources": ["networkintents", "networkintents/status"], "verbs": VERBS}
CONDITION = {
    "type": "object",
    "required": ["type", "status", "reason", "message", "lastTransitionTime"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "status", "reason", "message")},
        "lastTransitionTime": {"type": "string", "format": "date-time"},
        "observedGeneration": {"type": "integer"},
    },
}
SPEC = {
    "type": "object",
    "required": ["intentType", "target", "namespace", "replicas"],
    "properties": {
        "intentType": {"type": "string", "enum": ["scaling"]},
        "target": {"type": "string", "minLength": 1},
        "namespace": {"type": "string", "minLength": 1},
        "replicas": {"type": "integer", "minimum": 0},
    },
}
STATUS = {"type": "object", "properties": {"conditions": {"type": "array", "items": CONDITION}}}
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"networkintents.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "NetworkIntent", "plural": "networkintents", "singular": "networkintent"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC, "status": STATUS}}
                },
            }
        ],
    },
}


@pytest.fixture
def followed(admin: Api, namespace: str, account: Callable[[Rules], Path], start: Start) -> Callable[[], Any]:
    """Starts daemons that follow both kinds of intents."""
    admin.apply(CRDS, DEFINITION)
    wait_until_served(admin, STRUCTURED)
    kubeconfig = account([RULE, *without("")])
    kubernetes = KubernetesSettings(kubeconfig=kubeconfig, namespaces=[namespace])
    return lambda: start(kubernetes=kubernetes, structured=StructuredSettings(enabled=True))


def state(admin: Api, namespace: str, replicas: int) -> None:
    spec = {"intentType": "scaling", "target": "amf", "namespace": namespace, "replicas": replicas}
    kind = {"apiVersion": STRUCTURED.api_version, "kind": "NetworkIntent"}
    admin.create(STRUCTURED, namespace, {**kind, "metadata": {"name": "scale"}, "spec": spec})


def stated_reason(admin: Api, namespace: str) -> tuple[str, int]:
    conditions = admin.get(STRUCTURED, namespace, "scale").get("status", {}).get("conditions", ())
    ready = [(item["reason"], item["observedGeneration"]) for item in conditions if item["type"] == "Ready"]
    return ready[0] if ready else ("", 0)


def test_both_kinds_are_followed_and_reported_on_by_the_same_name(
    admin: Api, namespace: str, followed: Callable[[], Any]
) -> None:
    for name in ("amf", "smf"):
        admin.create(DEPLOYMENTS, namespace, deployment(name))
    state(admin, namespace, 5)
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale smf to 4"))
    daemon = followed()
    until(lambda: stated_reason(admin, namespace) == ("Completed", 1))
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    until(daemon.settled)
    metadata = admin.get(STRUCTURED, namespace, "scale")["metadata"]
    assert "conductor-watch/last-hash" in metadata["annotations"]
    assert len(list((daemon.settings.output.directory / "packages/main").iterdir())) == 2
    daemon.stop()
    again = followed()
    until(again.settled)
    assert (
        admin.get(STRUCTURED, namespace, "scale")["metadata"]["resourceVersion"]
        == metadata["resourceVersion"]
    )
    admin.patch(STRUCTURED, namespace, "scale", {"spec": {"replicas": 500}})
    until(lambda: stated_reason(admin, namespace) == ("RuleRefused", 2))
    admin.delete(STRUCTURED, namespace, "scale")
    until(again.settled)
    assert reason(admin, namespace, "scale") == "Completed"
