from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.live import DirectoryInventory, facts, gather
from rules import Facts

Live = Callable[[str], DirectoryInventory]
Write = Callable[..., str]
EXAMPLES = Path(__file__).parents[3] / "examples" / "live"


def action(
    intent_type: str = "scaling", target: str = "amf", namespace: str = "core", **fields: Any
) -> dict[str, Any]:
    return {"intent_type": intent_type, "target": target, "namespace": namespace, **fields}


@pytest.fixture(scope="module")
def examples() -> DirectoryInventory:
    return DirectoryInventory(EXAMPLES)


def told(inventory: DirectoryInventory, about: dict[str, Any]) -> Facts:
    return facts(about, gather(about, inventory))


def test_a_workload_tells_its_kind_containers_services_and_config_maps(examples: DirectoryInventory) -> None:
    found = told(examples, action(target="udr"))
    assert (found.exists, found.kind, found.replicas, found.hpa) == (True, "StatefulSet", 3, "")
    assert found.containers is not None
    assert (found.containers[0].name, found.containers[0].cpu_request_milli) == ("udr", 1000)
    assert found.containers[0].memory_limit_bytes == 2 * 1024**3
    assert found.services == ("udr",)
    assert found.config_maps == ("udr-config",)
    assert found.origin == "directory"


def test_an_autoscaler_is_named_with_its_bounds(examples: DirectoryInventory) -> None:
    found = told(examples, action(target="upf", namespace="edge"))
    assert (found.hpa, found.hpa_min, found.hpa_max) == ("upf", 2, 10)


def test_policies_isolate_by_direction(examples: DirectoryInventory) -> None:
    isolated = told(examples, action("network_policy", target="nrf"))
    assert (isolated.isolated_ingress, isolated.isolated_egress) == (True, False)
    assert told(examples, action("network_policy")).isolated_ingress is False


def test_a_namespace_tells_its_labels_and_quota(examples: DirectoryInventory) -> None:
    found = told(examples, action(target="o-du", namespace="ran"))
    assert found.namespace_labels == {"environment": "staging", "kubernetes.io/metadata.name": "ran"}
    assert found.quota is True


def test_an_absent_workload_leaves_its_facts_unknown_with_the_reason(examples: DirectoryInventory) -> None:
    found = told(examples, action(target="nope"))
    assert found.exists is False
    assert found.replicas is None
    assert "there is no workload nope" in found.unknown["replicas"]
    assert "hpaMin" in found.unknown
    assert "exists" not in found.unknown


def test_a_fact_that_cannot_be_read_is_neither_absent_nor_0(tmp_path: Path, workload: Write) -> None:
    (tmp_path / "amf.yaml").write_text(workload())
    (tmp_path / "bad.yaml").write_text("kind: HorizontalPodAutoscaler\nspec: [")
    found = told(DirectoryInventory(tmp_path), action())
    assert found.hpa is None
    assert "bad.yaml" in found.unknown["hpa"]
    assert found.replicas == 3


def test_every_fact_that_is_none_says_why(examples: DirectoryInventory) -> None:
    found = told(examples, action("network_policy", target="*"))
    nones = {
        "kind",
        "replicas",
        "pods",
        "hpa",
        "hpaMin",
        "hpaMax",
        "containers",
        "images",
        "services",
        "configMaps",
    }
    assert nones <= found.unknown.keys()
    assert found.exists is True


@pytest.mark.parametrize(
    ("about", "pods"),
    [
        (action(replicas=5), 0),
        (action("deployment", deployment={"version": "2"}), 3),
        (action("deployment", replicas=4), 0),
        (action("resource_limits", resources={"limits": {"cpu": "2"}}), 3),
        (action("affinity", affinity={"kind": "spread", "required": True}), 3),
        (action("configuration", settings={"A": "b"}), 0),
        (action("service_mesh", service_mesh={"mtls": "STRICT"}), 0),
        (action("resource_limits", "node-exporter", "monitoring", resources={"limits": {"cpu": "2"}}), 6),
    ],
)
def test_pods_restart_only_where_their_template_changes(
    examples: DirectoryInventory, about: dict[str, Any], pods: int
) -> None:
    assert told(examples, about).restarts_pods == pods


def test_a_target_that_an_earlier_action_deploys_counts_as_there(examples: DirectoryInventory) -> None:
    deploys = action("deployment", "nginx", "lab", target_kind="StatefulSet", deployment={"image": "nginx:1"})
    limits = action("resource_limits", "nginx", "lab", resources={"limits": {"cpu": "1"}})
    found = facts(limits, gather(limits, examples), [deploys])
    assert (found.exists, found.kind) == (True, "StatefulSet")
    assert facts(limits, gather(limits, examples)).exists is False


def test_managers_are_told_for_the_fields_that_the_action_writes(live: Live, workload: Write) -> None:
    managed = """metadata:
  name: amf
  namespace: core
  managedFields:
    - manager: helm
      operation: Apply
      fieldsV1:
        f:spec:
          f:replicas: {}
          f:template:
            f:spec:
              f:containers:
                'k:{"name":"amf"}': {.: {}, f:image: {}, f:resources: {f:limits: {f:cpu: {}}}}
"""
    text = workload().replace("metadata: {name: amf, namespace: core}\n", managed)
    inventory = live(text)
    assert told(inventory, action(replicas=1)).managers == {"spec.replicas": "helm"}
    deployment = told(inventory, action("deployment", deployment={"version": "2"}))
    assert deployment.managers == {"spec.template.spec.containers[amf].image": "helm"}
    limits = told(inventory, action("resource_limits", resources={"limits": {"cpu": "2"}}))
    assert limits.managers == {"spec.template.spec.containers[amf].resources.limits.cpu": "helm"}
    assert told(inventory, action("configuration", settings={"A": "b"})).managers == {}
    assert told(live(workload()), action(replicas=1)).managers is None


MESH = """
apiVersion: v1
kind: Service
metadata: {name: amf, namespace: core}
spec: {selector: {app: amf}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: amf, namespace: core}
spec:
  hosts: [amf.core.svc.cluster.local]
  http: HTTP
"""
SPLIT = (
    "[{route: [{destination: {host: amf, subset: v1}, weight: 80}, "
    "{destination: {host: amf, subset: v2}, weight: 20}]}]"
)
WHOLE = "[{route: [{destination: {host: amf, subset: v2}}]}]"
PLAIN = "[{route: [{destination: {host: amf}}]}]"


@pytest.mark.parametrize(
    ("http", "shares"), [(SPLIT, {"v1": 80, "v2": 20}), (WHOLE, {"v2": 100}), (PLAIN, {}), ("[]", {})]
)
def test_the_mesh_tells_how_traffic_is_split(
    live: Live, workload: Write, http: str, shares: dict[str, int]
) -> None:
    assert told(live(workload() + MESH.replace("HTTP", http)), action("service_mesh")).traffic == shares


def test_traffic_of_several_routes_is_not_known(live: Live, workload: Write) -> None:
    twice = f"{PLAIN[:-1]}, {WHOLE[1:]}"
    found = told(live(workload() + MESH.replace("HTTP", twice)), action("service_mesh"))
    assert found.traffic is None
    assert "several HTTP routes" in found.unknown["traffic"]


def test_traffic_without_a_service_is_not_known(live: Live, workload: Write) -> None:
    found = told(live(workload()), action("service_mesh"))
    assert found.traffic is None
    assert "not exactly one Service" in found.unknown["traffic"]
