"""scaling: a count of replicas, or the HorizontalPodAutoscaler that rules it; never both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.krm.change import ClusterSettings, JsonObject, Removal
from engine.krm.draft import Draft, Refused, field_path, known, listing, live_workload, partial, whole
from engine.live.inventory import Object
from engine.live.objects import containers_of, name_of, replicas_of
from engine.live.view import LiveView
from engine.reasons import Reason

_TARGETS = {"cpu": "target_cpu_percent", "memory": "target_memory_percent"}
DEFAULT_CPU_PERCENT = 80
"""What Kubernetes aims at where an autoscaler names no metric."""


def render(action: Mapping[str, Any], view: LiveView, _: ClusterSettings) -> tuple[Draft, ...]:
    """Renders a scaling.

    Raises:
        Refused: the target is not there or cannot scale, or something else rules its replicas.
    """
    workload = live_workload(view)
    if workload["kind"] == "DaemonSet":
        message = (
            f"{view.target} in namespace {view.namespace} is a DaemonSet: one pod a node, nothing to scale"
        )
        raise Refused(Reason.INVALID, message)
    autoscalers = known(view.target_autoscalers(), "autoscalers", view)
    if "autoscale" in action:
        return (_autoscale(action["autoscale"], view, workload, autoscalers),)
    return (count(action["replicas"], view, workload, autoscalers),)


def count(replicas: int, view: LiveView, workload: Object, autoscalers: tuple[Object, ...]) -> Draft:
    """Renders a fixed count.

    Raises:
        Refused: Conflict, where an autoscaler rules it; with the sentence to write instead.
    """
    if autoscalers:
        spec = autoscalers[0]["spec"]
        least, most = max(replicas, 1), max(replicas, 1, int(spec["maxReplicas"]))
        raise Refused(
            Reason.CONFLICT,
            f"HorizontalPodAutoscaler {listing(autoscalers)} rules the replicas of {view.target} "
            f"({spec.get('minReplicas') or 1} to {spec['maxReplicas']}) and would undo a fixed count; write "
            f"'autoscale {view.target} between {least} and {most} replicas in namespace {view.namespace}'",
        )
    item = partial(workload, spec={"replicas": replicas})
    return Draft(view.target, (item,), (field_path(item, "spec", "replicas"),))


def _autoscale(
    wish: Mapping[str, Any], view: LiveView, workload: Object, autoscalers: tuple[Object, ...]
) -> Draft:
    warnings: list[str] = []
    spec: JsonObject = {"minReplicas": wish["min_replicas"], "maxReplicas": wish["max_replicas"]}
    goals = {resource: wish[field] for resource, field in _TARGETS.items() if field in wish}
    if len(autoscalers) > 1:
        message = (
            f"{view.target} is ruled by {listing(autoscalers)}, which work against one another; keep one"
        )
        raise Refused(Reason.CONFLICT, message)
    if autoscalers:
        live = autoscalers[0]
        _refuse_generated(live)
        if goals:
            spec["metrics"] = _metrics(goals, live["spec"].get("metrics") or ())
        item = partial(live, spec=spec)
    else:
        if not goals:
            goals = {"cpu": DEFAULT_CPU_PERCENT}
            warnings.append(
                f"{view.target}: no goal was said; the autoscaler aims at {DEFAULT_CPU_PERCENT} % CPU, "
                "the default of Kubernetes"
            )
        scaled = {"apiVersion": workload["apiVersion"], "kind": workload["kind"], "name": name_of(workload)}
        spec = {"scaleTargetRef": scaled, **spec, "metrics": _metrics(goals, ())}
        present = known(view.autoscalers, "autoscalers", view)
        item = whole("autoscaling/v2", "HorizontalPodAutoscaler", view, view.target, present, spec=spec)
        if replicas_of(workload) not in (0, 1):
            warnings.append(
                f"{view.target}: where an applier wrote its count, the count falls back to 1 with this until "
                "the autoscaler has set it"
            )
    for resource in goals:
        warnings.extend(_without_request(resource, workload))
    replicas = ("spec", "replicas")
    return Draft(
        view.target,
        (item,),
        (field_path(item, "spec"), field_path(workload, *replicas)),
        tuple(warnings),
        (Removal(workload["kind"], name_of(workload), replicas),),
    )


def _refuse_generated(autoscaler: Object) -> None:
    for owner in autoscaler["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            message = (
                f"HorizontalPodAutoscaler {name_of(autoscaler)} is written by {owner.get('kind')} "
                f"{owner.get('name')}, which would undo the change; change it there"
            )
            raise Refused(Reason.CONFLICT, message)


def _metrics(goals: Mapping[str, int], live: Any) -> list[JsonObject]:
    """Returns the live metrics with the goals laid over: the list is atomic, what it omits is dropped."""
    kept = [metric for metric in live if (metric.get("resource") or {}).get("name") not in goals]
    wished = [
        {
            "type": "Resource",
            "resource": {"name": resource, "target": {"type": "Utilization", "averageUtilization": percent}},
        }
        for resource, percent in sorted(goals.items())
    ]
    return [*kept, *wished]


def _without_request(resource: str, workload: Object) -> list[str]:
    """Warns of containers without the request that a utilization is a share of."""
    missing = [
        str(container["name"])
        for container in containers_of(workload)
        if resource not in ((container.get("resources") or {}).get("requests") or {})
        and resource not in ((container.get("resources") or {}).get("limits") or {})
    ]
    if not missing:
        return []
    warning = (
        f"{name_of(workload)}: the autoscaler measures {resource} as a share of the request, and "
        f"{', '.join(missing)} request none; set a {resource} request"
    )
    return [warning]
