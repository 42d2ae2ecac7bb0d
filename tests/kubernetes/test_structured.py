"""Intents that state an action in fields, beside those with a text, on a real API server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from engine.cli.main import cli
from engine.kube.client import Client
from engine.kube.connection import configure
from engine.kube.examining import Examination
from engine.kube.followed import followed
from engine.pipeline.daemon import Daemon
from engine.settings import KubernetesSettings, Settings, StructuredSettings, load_settings
from engine.telling import FINALIZER
from engine.vitals import Level
from tests.cluster.api import CRDS, NETWORK_INTENTS, Api, Resource
from tests.cluster.surroundings import Rules, wait_until_served
from tests.kubernetes.documented import kustomization_of, of_kind
from tests.kubernetes.running import DEPLOYMENTS, Start, deployment, intent, reason, until

GROUP = "intent.nephoran.com"
STRUCTURED = Resource(f"{GROUP}/v1alpha1", "networkintents")
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
def served(admin: Api) -> None:
    admin.apply(CRDS, DEFINITION)
    wait_until_served(admin, STRUCTURED)


@pytest.fixture
def rendered(kubectl: Callable[..., str], tmp_path: Path) -> str:
    """What the documentation has people apply to follow both kinds of intents."""
    return kubectl("kustomize", str(kustomization_of("deploying.md", "components/structured", tmp_path)))


@pytest.fixture
def both(namespace: str, account: Callable[[Rules], Path], rendered: str) -> KubernetesSettings:
    """Reaches the API server with the rights of that."""
    roles = (
        of_kind(rendered, "ClusterRole", name) for name in ("conductor-watch", "conductor-watch-cluster")
    )
    kubeconfig = account([rule for role in roles for rule in role["rules"]])
    return KubernetesSettings(kubeconfig=kubeconfig, namespaces=[namespace])


@pytest.fixture
def start_both(
    served: None, both: KubernetesSettings, rendered: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Daemon]:
    """Starts daemons that follow both kinds of intents."""
    (container,) = of_kind(rendered, "Deployment", "conductor-watch")["spec"]["template"]["spec"][
        "containers"
    ]
    environment = {item["name"]: item["value"] for item in container["env"] if "value" in item}
    structured = load_settings(None, environment).structured
    assert structured.enabled
    return lambda: start(kubernetes=both, structured=structured)


def state(admin: Api, namespace: str, replicas: int) -> None:
    spec = {"intentType": "scaling", "target": "amf", "namespace": namespace, "replicas": replicas}
    kind = {"apiVersion": STRUCTURED.api_version, "kind": "NetworkIntent"}
    admin.create(STRUCTURED, namespace, {**kind, "metadata": {"name": "scale"}, "spec": spec})


def stated_reason(admin: Api, namespace: str) -> tuple[str, int]:
    conditions = admin.get(STRUCTURED, namespace, "scale").get("status", {}).get("conditions", ())
    ready = [(item["reason"], item["observedGeneration"]) for item in conditions if item["type"] == "Ready"]
    return ready[0] if ready else ("", 0)


def test_both_kinds_are_followed_and_reported_on_by_the_same_name(
    admin: Api, namespace: str, start_both: Callable[[], Daemon]
) -> None:
    for name in ("amf", "smf"):
        admin.create(DEPLOYMENTS, namespace, deployment(name))
    state(admin, namespace, 5)
    admin.create(NETWORK_INTENTS, namespace, intent("scale", "scale smf to 4"))
    daemon = start_both()
    until(lambda: stated_reason(admin, namespace) == ("Completed", 1))
    until(lambda: reason(admin, namespace, "scale") == "Completed")
    until(daemon.settled)
    metadata = admin.get(STRUCTURED, namespace, "scale")["metadata"]
    assert "conductor-watch/last-hash" in metadata["annotations"]
    assert len(list((daemon.settings.output.directory / "packages/main").iterdir())) == 2
    daemon.stop()
    again = start_both()
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


def examined(both: KubernetesSettings, **stated: Any) -> Examination:
    """Looks at what is served until the API server has published it."""
    settings = Settings(structured=StructuredSettings(enabled=True, **stated))
    client = Client(configure(both.kubeconfig))
    looked = Examination(client, followed(settings), both.namespaces)

    def done() -> bool:
        looked.look()
        return bool(looked.checks)

    until(done)
    client.close()
    return looked


def details(looked: Examination) -> dict[str, tuple[Level, str]]:
    return {check.name: (check.level, check.detail) for check in looked.checks}


def test_with_the_component_nothing_is_missing(served: None, both: KubernetesSettings) -> None:
    assert [level for level, _ in details(examined(both)).values()] == [Level.OK, Level.OK]


def test_without_the_component_the_rights_are_missing(served: None, namespace: str, product: Path) -> None:
    level, detail = details(examined(KubernetesSettings(kubeconfig=product, namespaces=[namespace])))[
        "rights"
    ]
    assert level is Level.FAILED
    assert f"watch networkintents.{GROUP} in namespace {namespace}" in detail
    assert f"patch networkintents/status.{GROUP}" in detail
    assert "watch networkintents.nephoran.com" not in detail


def test_fields_that_their_definition_would_drop_are_named(served: None, both: KubernetesSettings) -> None:
    fields = StructuredSettings().fields | {"min_replicas": "floor"}
    looked = examined(both, fields=fields, status=["conditions", "phase"])
    level, detail = details(looked)["schema"]
    assert level is Level.WARNING
    assert f"networkintents.{GROUP} would drop status.phase, spec.floor; " in detail
    assert looked.flaws["Pruned"] == 2


def test_a_definition_that_is_not_served_is_told(both: KubernetesSettings) -> None:
    level, detail = details(examined(both, version="v9"))["schema"]
    assert level is Level.FAILED
    assert f"does not serve networkintents.{GROUP} v9; correct its CustomResourceDefinition" in detail


def test_cleanup_takes_care_of_both_kinds(
    admin: Api, served: None, namespace: str, both: KubernetesSettings, tmp_path: Path
) -> None:
    metadata = {"name": "scale", "finalizers": [FINALIZER]}
    admin.create(NETWORK_INTENTS, namespace, {**intent("scale", "scale amf to 5"), "metadata": metadata})
    state(admin, namespace, 5)
    admin.patch(STRUCTURED, namespace, "scale", {"metadata": metadata})
    file = tmp_path / "settings.yaml"
    file.write_text(
        "source: {kind: kubernetes}\nstructured: {enabled: true}\n"
        f"kubernetes: {{kubeconfig: {both.kubeconfig}, namespaces: [{namespace}]}}\n"
    )
    done = CliRunner().invoke(cli, ["cleanup", "--settings", str(file), "-o", "json"], catch_exceptions=False)
    items = json.loads(done.output)["items"]
    assert {item["resource"] for item in items} == {f"networkintents.{GROUP}", "networkintents.nephoran.com"}
    for resource in (STRUCTURED, NETWORK_INTENTS):
        assert "finalizers" not in admin.get(resource, namespace, "scale")["metadata"]
