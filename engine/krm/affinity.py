"""affinity: on which nodes pods may run, and beside or apart from which other pods.

The term lists of an affinity are atomic for server-side apply: they are read, and written whole with what
is added.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from engine.krm.change import ClusterSettings, JsonObject
from engine.krm.draft import Draft, Refused, field_path, live_workload, partial
from engine.krm.merge import any_of_both, merge_object
from engine.krm.nodes import domains, fitting_nodes, requirement_words
from engine.live.inventory import Object
from engine.live.objects import pod_labels, pod_selector, pod_spec, replicas_of, selector_matches
from engine.live.quantity import parse_quantity
from engine.live.view import LiveView
from engine.reasons import Reason

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_HOSTNAME = "kubernetes.io/hostname"
_HIGHEST_WEIGHT = 100
_OPERATORS = {"node": ("In", "Exists"), "node_anti": ("NotIn", "DoesNotExist")}
"""For each kind, the operator with values and the one without."""

Wish = Mapping[str, Any]


def render(action: Mapping[str, Any], view: LiveView, _: ClusterSettings) -> tuple[Draft, ...]:
    """Renders an affinity.

    Raises:
        Refused: no node, or too few, could then take the pods; or the other workload is not known.
    """
    workload = live_workload(view)
    wish: Wish = action["affinity"]
    if workload["kind"] == "DaemonSet" and (wish["kind"] == "spread" or wish.get("with") == view.target):
        raise Refused(Reason.INVALID, f"{view.target} is a DaemonSet: one pod a node, nothing to spread")
    if wish["kind"] == "spread":
        content, steps, warnings = _spread(wish, view, workload)
    elif wish["kind"] in _OPERATORS:
        content, steps, warnings = _nodes(wish, view, workload)
    else:
        content, steps, warnings = _pods(wish, view, workload)
    item = partial(workload, spec={"template": {"spec": content}})
    warnings.extend(_check(merge_object(workload, item), wish, view))
    field = field_path(workload, "spec", "template", "spec", *steps)
    return (Draft(view.target, (item,), (field,), tuple(warnings)),)


Content = tuple[JsonObject, tuple[str, ...], list[str]]
"""What of a pod's spec is written, the path of the field that is owned, and warnings."""


def _nodes(wish: Wish, view: LiveView, workload: Object) -> Content:
    expressions = [_expression(wish["kind"], key, values) for key, values in sorted(wish["labels"].items())]
    term = {"matchExpressions": expressions}
    live = _live(workload, "nodeAffinity")
    warnings: list[str] = []
    if len(expressions) > 1 and wish["kind"] == "node_anti":
        warnings.append(f"{view.target}: nodes with any one of the labels are avoided, not only with all")
    if not wish["required"]:
        preference = {"weight": _HIGHEST_WEIGHT, "preference": term}
        return _affinity("nodeAffinity", PREFERRED, _with(live.get(PREFERRED), preference), warnings)
    before = (live.get(REQUIRED) or {}).get("nodeSelectorTerms") or []
    terms = any_of_both(before, [term]) if before else [term]
    if before and terms != before:
        gained = " and ".join(map(requirement_words, expressions))
        warnings.append(f"{view.target}: what its node affinity required stays, and each term gains {gained}")
    return _affinity("nodeAffinity", REQUIRED, {"nodeSelectorTerms": terms}, warnings)


def _expression(kind: str, key: str, values: list[str]) -> JsonObject:
    with_values, without = _OPERATORS[kind]
    if not values:
        return {"key": key, "operator": without}
    return {"key": key, "operator": with_values, "values": sorted(values)}


def _pods(wish: Wish, view: LiveView, workload: Object) -> Content:
    companion = _companion(wish, view, workload)
    term = {
        "labelSelector": dict(pod_selector(companion)),
        "topologyKey": wish.get("topology_key", _HOSTNAME),
    }
    field = "podAffinity" if wish["kind"] == "pod" else "podAntiAffinity"
    live = _live(workload, field)
    warnings: list[str] = []
    if wish["required"]:
        if wish["kind"] == "pod" and replicas_of(companion) == 0:
            warnings.append(f"{view.target} cannot start while {wish['with']} has no pods")
        return _affinity(field, REQUIRED, _with(live.get(REQUIRED), term), warnings)
    preference = {"weight": _HIGHEST_WEIGHT, "podAffinityTerm": term}
    return _affinity(field, PREFERRED, _with(live.get(PREFERRED), preference), warnings)


def _companion(wish: Wish, view: LiveView, workload: Object) -> Object:
    name = wish["with"]
    if name == view.target:
        return workload
    companion = view.others.get((view.namespace, name))
    if companion is None:
        fact = f"{view.namespace}/{name}"
        absent = (
            f"there is no workload {name} in namespace {view.namespace} ({view.origin}); correct the name"
        )
        raise Refused(Reason.MISSING_FACT, view.unknown.get(fact, absent))
    return companion


def _spread(wish: Wish, view: LiveView, workload: Object) -> Content:
    key = wish.get("topology_key", _HOSTNAME)
    unsatisfiable = "DoNotSchedule" if wish["required"] else "ScheduleAnyway"
    constraint = {
        "maxSkew": wish.get("max_skew", 1),
        "topologyKey": key,
        "whenUnsatisfiable": unsatisfiable,
        "labelSelector": dict(pod_selector(workload)),
    }
    rivals = [
        other["whenUnsatisfiable"]
        for other in pod_spec(workload).get("topologySpreadConstraints") or ()
        if other["topologyKey"] == key and other["whenUnsatisfiable"] != unsatisfiable
    ]
    warnings = [
        f"{view.target}: its constraint on {key} with {rival} stays beside this one" for rival in rivals
    ]
    return {"topologySpreadConstraints": [constraint]}, (f"topologySpreadConstraints[{key}]",), warnings


def _affinity(field: str, strength: str, rule: Any, warnings: list[str]) -> Content:
    return {"affinity": {field: {strength: rule}}}, ("affinity", field, strength), warnings


def _live(workload: Object, field: str) -> Mapping[str, Any]:
    affinity: Mapping[str, Any] = (pod_spec(workload).get("affinity") or {}).get(field) or {}
    return affinity


def _with(live: list[Any] | None, term: JsonObject) -> list[Any]:
    return [*(live or ()), *([] if live and term in live else [term])]


def _check(after: Object, wish: Wish, view: LiveView) -> Iterator[str]:
    """Refuses a workload that no node, or too few, could take; looks at it as it will be.

    Yields:
        What is not refused and people should know.
    """
    if not wish["required"]:
        return
    if view.nodes is None:
        why = view.unknown.get("nodes", "no nodes are known")
        yield f"{view.target}: whether any node fits cannot be told: {why}"
        return
    fitting = fitting_nodes(after, view.nodes)
    if not fitting:
        message = f"no node would fit {view.target} any more ({len(view.nodes)} are known); {_remedy(wish)}"
        raise Refused(Reason.MISSING_FACT, message)
    key = wish.get("topology_key")
    if key and len(domains(fitting, key)) == 0:
        raise Refused(
            Reason.MISSING_FACT, f"no node that fits {view.target} has the label {key}; label them first"
        )
    if key and wish["kind"] == "spread" and len(domains(fitting, key)) == 1:
        yield f"{view.target}: all nodes that fit have one {key}, so there is nothing to spread over"
    yield from _check_apart(after, fitting, view)


def _remedy(wish: Wish) -> str:
    if wish["kind"] in _OPERATORS:
        asked = (_expression(wish["kind"], key, values) for key, values in sorted(wish["labels"].items()))
        said = " and ".join(map(requirement_words, asked))
        return f"it needs one where {said}, and what it required before"
    return "look at its node affinity and at the taints"


def _check_apart(after: Object, fitting: tuple[Object, ...], view: LiveView) -> Iterator[str]:
    """Compares the pods that have to stand apart with the places there are."""
    replicas = replicas_of(after) or 0
    for term in _live(after, "podAntiAffinity").get(REQUIRED) or ():
        if not selector_matches(term.get("labelSelector") or {}, pod_labels(after)):
            continue
        places = len(domains(fitting, term["topologyKey"]))
        what = f"{view.target} asks for {replicas} pods that share no {term['topologyKey']}, and {places} fit"
        if places < replicas:
            raise Refused(Reason.CONFLICT, f"{what}; scale it to {places}, or write 'preferably'")
        scaled = (int(item["spec"]["maxReplicas"]) for item in view.target_autoscalers() or ())
        most = max((replicas + _surge(after), *scaled))
        if places < most:
            yield f"{what}: an update or the autoscaler may ask for {most}, and the rest will wait"


def _surge(workload: Object) -> int:
    """Returns how many pods a rolling update starts beside the old ones."""
    strategy = workload["spec"].get("strategy") or {}
    if workload["kind"] != "Deployment" or strategy.get("type") == "Recreate":
        return 0
    surge = str((strategy.get("rollingUpdate") or {}).get("maxSurge", "25%"))
    if surge.endswith("%"):
        return math.ceil((replicas_of(workload) or 0) * parse_quantity(surge[:-1]) / 100)
    return int(surge)
