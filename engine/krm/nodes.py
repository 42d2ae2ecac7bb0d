"""Which nodes can take a workload's pods, by labels, taints and cordons; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.live.inventory import Object
from engine.live.objects import labels_of, name_of, pod_spec, selector_matches

_KEEPS_OFF = {"NoSchedule", "NoExecute"}


def fitting_nodes(workload: Object, nodes: Sequence[Object]) -> tuple[Object, ...]:
    """Returns the nodes that the pods may run on; what they have room for is not looked at."""
    spec = pod_spec(workload)
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms") or [{}]
    wanted = {"matchLabels": spec.get("nodeSelector") or {}}
    return tuple(
        node
        for node in nodes
        if selector_matches(wanted, labels_of(node))
        and any(_holds(term, node) for term in terms)
        and _takes(node, spec.get("tolerations") or ())
    )


def domains(nodes: Sequence[Object], topology_key: str) -> frozenset[str]:
    """Returns the values of a topology label: the nodes, zones or regions that pods can be spread over."""
    return frozenset(labels_of(node)[topology_key] for node in nodes if topology_key in labels_of(node))


def requirement_words(requirement: Mapping[str, Any]) -> str:
    """Returns a requirement as people write it: `dpdk in (true)`."""
    words = {"In": "in", "NotIn": "not in", "Exists": "exists", "DoesNotExist": "is not there"}
    said = f"{requirement['key']} {words[requirement['operator']]}"
    return f"{said} ({', '.join(requirement['values'])})" if "values" in requirement else said


def _holds(term: Mapping[str, Any], node: Object) -> bool:
    by_labels = {"matchExpressions": term.get("matchExpressions") or []}
    by_fields = {"matchExpressions": term.get("matchFields") or []}
    return selector_matches(by_labels, labels_of(node)) and selector_matches(
        by_fields, {"metadata.name": name_of(node)}
    )


def _takes(node: Object, tolerations: Sequence[Mapping[str, Any]]) -> bool:
    spec = node.get("spec") or {}
    taints = [taint for taint in spec.get("taints") or () if taint["effect"] in _KEEPS_OFF]
    if spec.get("unschedulable"):
        return False
    return all(any(_tolerates(toleration, taint) for toleration in tolerations) for taint in taints)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    same_key = bool(toleration.get("key") == taint["key"])
    return same_key and (toleration.get("value") or "") == (taint.get("value") or "")
