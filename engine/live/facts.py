"""The view of live objects as the facts that rules read; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic.alias_generators import to_camel

from engine.live.inventory import Object
from engine.live.managers import field_managers
from engine.live.objects import (
    containers_of,
    labels_of,
    name_of,
    pods_of,
    replicas_of,
    routes_host,
    running_pods_of,
)
from engine.live.quantity import milli, whole
from engine.live.view import EVERY_POD, LiveView
from rules.snapshot import ContainerFacts, Facts

_CONTAINERS = "spec.template.spec.containers["
_OF_WORKLOAD = (
    "replicas",
    "pods",
    "hpa",
    "hpa_min",
    "hpa_max",
    "containers",
    "images",
    "services",
    "config_maps",
    "traffic",
)
_SOURCES = {
    "exists": "workload",
    "kind": "workload",
    "hpa": "autoscalers",
    "hpa_min": "autoscalers",
    "hpa_max": "autoscalers",
    "services": "services",
    "traffic": "virtual_services",
    "namespace_exists": "namespace_object",
    "namespace_labels": "namespace_object",
    "isolated_ingress": "policies",
    "isolated_egress": "policies",
    "quota": "quotas",
}
"""For each fact, the field of the view that it is taken from, where that is not the workload itself."""
_CAMEL = {fact: to_camel(fact) for fact in (*_SOURCES, *_OF_WORKLOAD)}
"""What rules call each fact."""


def facts(action: Mapping[str, Any], view: LiveView, earlier: Sequence[Mapping[str, Any]] = ()) -> Facts:
    """Returns what is known around one action, for rules.

    `field_owners` and `assumed` are left empty: the store and the reading know them. `restarts_pods` is the
    most that the action can restart; the plan counts exactly.

    Args:
        action: resolved, by the contract.
        view: what `gather` found for it.
        earlier: the actions before it in the same intent: a target that one of them deploys counts as there.
    """
    found = _surroundings(view)
    if view.workload is not None:
        found = _of_workload(found, view, view.workload)
        found = replace(
            found,
            restarts_pods=_restarts(action, view, view.workload),
            managers=_managers(action, view.workload),
        )
    elif view.target == EVERY_POD:
        found = replace(found, exists=found.namespace_exists)
    elif "workload" not in view.unknown:
        deploys = next((other for other in earlier if _deploys(other, view)), None)
        found = replace(found, exists=False) if deploys is None else _as_deployed(found, deploys)
    return replace(found, unknown=_reasons(found, view))


def _as_deployed(found: Facts, deploys: Mapping[str, Any]) -> Facts:
    """What is known of a workload that an earlier action of the same intent makes: nothing rules it yet."""
    image = deploys.get("deployment", {}).get("image")
    return replace(
        found,
        exists=True,
        kind=deploys.get("target_kind", "Deployment"),
        replicas=deploys.get("replicas", 1),
        pods=0,
        hpa="",
        containers=(),
        images=(image,) if image else (),
        services=(),
        config_maps=(),
        traffic={},
    )


def _surroundings(view: LiveView) -> Facts:
    namespace = view.namespace_object
    known = "namespace_object" not in view.unknown
    labels = labels_of(namespace) if namespace is not None else {}
    return Facts(
        origin=view.origin,
        namespace_exists=namespace is not None if known else None,
        namespace_labels=labels if known else None,
        isolated_ingress=_any(view.target_policies("ingress")),
        isolated_egress=_any(view.target_policies("egress")),
        quota=_any(view.quotas),
    )


def _of_workload(found: Facts, view: LiveView, workload: Object) -> Facts:
    containers = tuple(_container(container) for container in containers_of(workload))
    autoscalers = view.target_autoscalers()
    only = autoscalers[0]["spec"] if autoscalers is not None and len(autoscalers) == 1 else None
    uses = view.target_config_maps() or ()
    return replace(
        found,
        exists=True,
        kind=workload["kind"],
        replicas=replicas_of(workload),
        pods=running_pods_of(workload),
        hpa=None if autoscalers is None else ", ".join(name_of(item) for item in autoscalers),
        hpa_min=None if only is None else int(only.get("minReplicas") or 1),
        hpa_max=None if only is None else int(only["maxReplicas"]),
        containers=containers,
        images=tuple(container.image for container in containers),
        services=_names(view.target_services()),
        config_maps=tuple(dict.fromkeys(use.config_map for use in uses)),
        traffic=_traffic(view),
    )


def _traffic(view: LiveView) -> Mapping[str, int] | None:
    """Returns the percentage of each version behind the target's Service; empty where nothing splits it."""
    services = view.target_services()
    if view.virtual_services is None or services is None or len(services) != 1:
        return None
    routed = [
        route["route"]
        for item in view.virtual_services
        if routes_host(item, services[0])
        for route in item["spec"].get("http") or ()
        if route.get("route")
    ]
    if len(routed) > 1:
        return None
    return {
        entry["destination"]["subset"]: int(entry.get("weight") or (100 if len(route) == 1 else 0))
        for route in routed
        for entry in route
        if "subset" in entry["destination"]
    }


def _container(container: Mapping[str, Any]) -> ContainerFacts:
    resources = container.get("resources") or {}
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    return ContainerFacts(
        name=container["name"],
        image=container.get("image", ""),
        cpu_request_milli=milli(requests["cpu"]) if "cpu" in requests else None,
        memory_request_bytes=whole(requests["memory"]) if "memory" in requests else None,
        cpu_limit_milli=milli(limits["cpu"]) if "cpu" in limits else None,
        memory_limit_bytes=whole(limits["memory"]) if "memory" in limits else None,
    )


def _restarts(action: Mapping[str, Any], view: LiveView, workload: Object) -> int:
    """Counts the pods whose template the action may change; for a DaemonSet of unknown size, the Nodes."""
    changes_template = {
        "deployment": "deployment" in action,
        "resource_limits": "quota" not in action.get("resources", {}),
        "affinity": True,
    }
    if not changes_template.get(action["intent_type"], False):
        return 0
    pods = pods_of(workload)
    return len(view.nodes or ()) if pods is None else pods


def _managers(action: Mapping[str, Any], workload: Object) -> Mapping[str, str] | None:
    written = tuple(_written(action))
    managers = field_managers(workload, [start for start, _ in written])
    if managers is None:
        return None
    return {
        path: manager
        for path, manager in managers.items()
        if any(path.startswith(start) and path.endswith(end) for start, end in written)
    }


def _written(action: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields how the paths start and end that the action writes on the workload itself."""
    match action["intent_type"]:
        case "scaling":
            yield "spec.replicas", ""
        case "deployment":
            if "replicas" in action:
                yield "spec.replicas", ""
            if "deployment" in action:
                yield _CONTAINERS, "].image"
        case "resource_limits":
            for part, quantities in action["resources"].items():
                for resource in quantities:
                    yield _CONTAINERS, f"].resources.{part}.{resource}"
        case "affinity":
            yield "spec.template.spec.affinity", ""
            yield "spec.template.spec.topologySpreadConstraints", ""


def _deploys(action: Mapping[str, Any], view: LiveView) -> bool:
    return (action["intent_type"], action["namespace"], action["target"]) == (
        "deployment",
        view.namespace,
        view.target,
    )


def _reasons(found: Facts, view: LiveView) -> dict[str, str]:
    """Says for each fact that is None why it is."""
    absent = f"there is no workload {view.target} in namespace {view.namespace} ({view.origin})"
    if view.target == EVERY_POD:
        absent = "the action is about every pod of its namespace, not about one workload"
    reasons: dict[str, str] = {}
    for fact in (*_SOURCES, *_OF_WORKLOAD):
        if getattr(found, fact) is not None:
            continue
        why = view.unknown.get(_SOURCES.get(fact, "workload"))
        if why is None and view.workload is not None:
            why = _not_stated(fact, view)
        reasons[_CAMEL[fact]] = why or view.unknown.get("workload", absent)
    return reasons


def _not_stated(fact: str, view: LiveView) -> str:
    if fact in ("hpa_min", "hpa_max"):
        return "not exactly one HorizontalPodAutoscaler rules it"
    if fact == "traffic":
        return "not exactly one Service selects it, or it has several HTTP routes"
    if fact == "replicas":
        return "a DaemonSet has no replicas"
    return f"the live object does not say ({view.origin})"


def _any(items: Sequence[Object] | None) -> bool | None:
    return None if items is None else bool(items)


def _names(items: Sequence[Object] | None) -> tuple[str, ...] | None:
    return None if items is None else tuple(name_of(item) for item in items)
