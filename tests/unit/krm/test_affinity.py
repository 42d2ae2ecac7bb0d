from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.krm.nodes import domains, fitting_nodes
from engine.reasons import Reason

Act = Callable[..., dict[str, Any]]
Write = Callable[..., str]
ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"
NODE = """
apiVersion: v1
kind: Node
metadata: {{name: {name}, labels: {{kubernetes.io/hostname: {name}, {labels}}}}}
spec: {{{spec}}}
---
"""


def node(name: str, labels: str = "pool: core", spec: str = "") -> str:
    return NODE.format(name=name, labels=labels, spec=spec)


def keep(act: Act, target: str, kind: str, namespace: str = "core", **fields: Any) -> dict[str, Any]:
    return act("affinity", target, namespace, affinity={"kind": kind, "required": True, **fields})


def pod_of(item: dict[str, Any]) -> dict[str, Any]:
    return dict(item["spec"]["template"]["spec"])


def required(item: dict[str, Any], field: str) -> Any:
    return pod_of(item)["affinity"][field]["requiredDuringSchedulingIgnoredDuringExecution"]


def test_what_is_added_stands_in_every_live_term(world: Any, act: Act, workload: Write) -> None:
    terms = """
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions: [{key: pool, operator: In, values: [a]}]
        - matchExpressions: [{key: pool, operator: In, values: [b]}]
"""
    nodes = node("one", "pool: a, disk: ssd") + node("two", "pool: b")
    made = world(workload(pod=terms) + nodes)
    item = made.object(keep(act, "amf", "node", labels={"disk": ["ssd"]}))
    added = {"key": "disk", "operator": "In", "values": ["ssd"]}
    written = required(item, "nodeAffinity")["nodeSelectorTerms"]
    assert [term["matchExpressions"][1] for term in written] == [added, added]
    assert [term["matchExpressions"][0]["values"] for term in written] == [["a"], ["b"]]


def test_what_stands_there_already_is_not_added_twice(examples: Any, act: Act) -> None:
    plan = examples.plan(keep(act, "upf", "node", "edge", labels={"dpdk": ["true"]}))
    assert plan.warnings == ()
    assert plan.restarts == ()


@pytest.mark.parametrize(
    ("kind", "values", "expression"),
    [
        ("node", ["b", "a"], {"key": "pool", "operator": "In", "values": ["a", "b"]}),
        ("node", [], {"key": "pool", "operator": "Exists"}),
        ("node_anti", ["a"], {"key": "pool", "operator": "NotIn", "values": ["a"]}),
        ("node_anti", [], {"key": "pool", "operator": "DoesNotExist"}),
    ],
)
def test_labels_of_nodes_become_expressions(
    world: Any, act: Act, workload: Write, kind: str, values: list[str], expression: dict[str, Any]
) -> None:
    made = world(workload() + node("one", "pool: a") + node("two", "other: x"))
    item = made.object(keep(act, "amf", kind, labels={"pool": values}))
    (term,) = required(item, "nodeAffinity")["nodeSelectorTerms"]
    assert term == {"matchExpressions": [expression]}


def test_a_place_that_no_node_offers_is_refused(examples: Any, act: Act) -> None:
    refusal = examples.refusal(keep(act, "upf", "node", "edge", labels={"dpdk": ["false"]}))
    assert refusal.reason is Reason.MISSING_FACT
    assert "dpdk in (false)" in refusal.message


def test_a_preference_for_what_no_node_offers_is_written(examples: Any, act: Act) -> None:
    item = examples.object(keep(act, "amf", "node", required=False, labels={"dpdk": ["maybe"]}))
    (preferred,) = pod_of(item)["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["weight"] == 100


def test_without_nodes_it_is_said_that_none_are_known(world: Any, act: Act, workload: Write) -> None:
    plan = world(workload()).plan(keep(act, "amf", "node", labels={"pool": ["a"]}))
    assert any("whether any node fits cannot be told" in warning for warning in plan.warnings)


def test_nodes_to_avoid_by_several_labels_are_told(examples: Any, act: Act) -> None:
    plan = examples.plan(keep(act, "amf", "node_anti", labels={"dpdk": ["true"], "pool": ["edge"]}))
    assert any("with any one of the labels are avoided" in warning for warning in plan.warnings)


def test_a_companion_is_picked_by_its_own_selector(examples: Any, act: Act) -> None:
    item = examples.object(keep(act, "amf", "pod", **{"with": "udm", "topology_key": ZONE}))
    (term,) = required(item, "podAffinity")
    assert term == {"labelSelector": {"matchLabels": {"app": "udm", "version": "v1"}}, "topologyKey": ZONE}


def test_a_companion_that_is_not_there_is_a_missing_fact(examples: Any, act: Act) -> None:
    refusal = examples.refusal(keep(act, "amf", "pod", **{"with": "nope"}))
    assert refusal.reason is Reason.MISSING_FACT


def test_terms_about_other_pods_are_kept(world: Any, act: Act, workload: Write) -> None:
    live = """
affinity:
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - {topologyKey: rack, labelSelector: {matchLabels: {app: noisy}}}
"""
    made = world(workload(pod=live) + workload("smf"))
    terms = required(made.object(keep(act, "amf", "pod_anti", **{"with": "smf"})), "podAntiAffinity")
    assert [term["topologyKey"] for term in terms] == ["rack", HOST]


def test_more_pods_apart_than_places_are_refused_with_the_number(examples: Any, act: Act) -> None:
    refusal = examples.refusal(keep(act, "pcf", "pod_anti", **{"with": "pcf", "topology_key": ZONE}))
    assert refusal.reason is Reason.CONFLICT
    assert "scale it to 3" in refusal.message


def test_an_update_without_a_place_to_spare_is_told(examples: Any, act: Act) -> None:
    plan = examples.plan(keep(act, "amf", "pod_anti", **{"with": "amf", "topology_key": ZONE}))
    assert any("may ask for 4" in warning for warning in plan.warnings)


def test_pods_that_stand_apart_already_bound_the_nodes_that_may_go(
    world: Any, act: Act, workload: Write
) -> None:
    apart = """
affinity:
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: amf}}}
"""
    nodes = "".join(node(f"n{number}", "pool: a" if number else "pool: b") for number in range(3))
    refusal = world(workload(pod=apart) + nodes).refusal(keep(act, "amf", "node", labels={"pool": ["a"]}))
    assert refusal.reason is Reason.CONFLICT


@pytest.mark.parametrize(("must", "how"), [(True, "DoNotSchedule"), (False, "ScheduleAnyway")])
def test_a_spread_is_a_constraint_on_the_targets_own_pods(
    examples: Any, act: Act, must: bool, how: str
) -> None:
    item = examples.object(keep(act, "amf", "spread", required=must, topology_key=ZONE, max_skew=2))
    assert pod_of(item)["topologySpreadConstraints"] == [
        {
            "maxSkew": 2,
            "topologyKey": ZONE,
            "whenUnsatisfiable": how,
            "labelSelector": {"matchLabels": {"app": "amf"}},
        }
    ]


def test_a_spread_over_a_label_that_no_node_has_is_refused(examples: Any, act: Act) -> None:
    assert examples.refusal(keep(act, "amf", "spread", topology_key="rack")).reason is Reason.MISSING_FACT


def test_a_spread_over_one_place_is_told(examples: Any, act: Act) -> None:
    region = "topology.kubernetes.io/region"
    plan = examples.plan(keep(act, "amf", "spread", topology_key=region))
    assert any("nothing to spread over" in warning for warning in plan.warnings)


def test_a_daemonset_is_not_spread(examples: Any, act: Act) -> None:
    action = keep(act, "node-exporter", "spread", "monitoring", topology_key=ZONE)
    assert examples.refusal(action).reason is Reason.INVALID


@pytest.mark.parametrize(
    ("pod", "spec", "fits"),
    [
        ("", "", True),
        ("", "unschedulable: true", False),
        ("", "taints: [{key: a, value: b, effect: NoSchedule}]", False),
        ("", "taints: [{key: a, value: b, effect: PreferNoSchedule}]", True),
        ("tolerations: [{operator: Exists}]", "taints: [{key: a, effect: NoExecute}]", True),
        ("tolerations: [{key: a, operator: Exists}]", "taints: [{key: b, effect: NoExecute}]", False),
        ("tolerations: [{key: a, value: b}]", "taints: [{key: a, value: b, effect: NoSchedule}]", True),
        ("tolerations: [{key: a, value: c}]", "taints: [{key: a, value: b, effect: NoSchedule}]", False),
        (
            "tolerations: [{key: a, value: b, effect: NoExecute}]",
            "taints: [{key: a, value: b, effect: NoSchedule}]",
            False,
        ),
        ("nodeSelector: {pool: core}", "", True),
        ("nodeSelector: {pool: edge}", "", False),
    ],
)
def test_a_node_fits_by_labels_taints_and_cordon(
    world: Any, workload: Write, pod: str, spec: str, fits: bool
) -> None:
    inventory = world(workload(pod=pod) + node("one", spec=spec)).inventory
    found = fitting_nodes(inventory.get("Deployment", "core", "amf"), inventory.list("Node", ""))
    assert bool(found) is fits
    assert domains(found, HOST) == (frozenset({"one"}) if fits else frozenset())
