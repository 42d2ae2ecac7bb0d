"""Actions and the view around each to one plan: every package change, warning and restart, or a refusal.

Pure. An intent is atomic: one action that cannot be rendered leaves nothing of it. Each action sees the live
objects as the actions before it leave them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.krm import (
    affinity,
    configuration,
    deployment,
    network_policy,
    resource_limits,
    scaling,
    service_mesh,
    taught,
)
from engine.krm.change import CannotRender, ClusterSettings, JsonObject, PackageChange, Plan
from engine.krm.draft import Draft, Refused
from engine.krm.merge import lay_over, merge_object, without
from engine.krm.package import package_name
from engine.krm.restarts import restarts_of
from engine.live.objects import name_of
from engine.live.view import WORKLOAD_KINDS, LiveView
from engine.reasons import Reason
from rules import Structure
from rules.decision import Route

Render = Callable[[Mapping[str, Any], LiveView, ClusterSettings], tuple[Draft, ...]]

_RENDERERS: Mapping[str, Render] = {
    "affinity": affinity.render,
    "configuration": configuration.render,
    "deployment": deployment.render,
    "network_policy": network_policy.render,
    "resource_limits": resource_limits.render,
    "scaling": scaling.render,
    "service_mesh": service_mesh.render,
}
_VIEW_FIELDS = {
    **dict.fromkeys(WORKLOAD_KINDS, "workloads"),
    "HorizontalPodAutoscaler": "autoscalers",
    "Service": "services",
    "ConfigMap": "config_maps",
    "NetworkPolicy": "policies",
    "ResourceQuota": "quotas",
    "VirtualService": "virtual_services",
    "DestinationRule": "destination_rules",
    "PeerAuthentication": "peer_authentications",
}
"""The field of a view that holds the objects of each kind that is written."""


def plan(
    actions: Sequence[Mapping[str, Any]],
    views: Sequence[LiveView],
    routes: Sequence[Route],
    cluster: ClusterSettings,
    structures: Mapping[str, Sequence[Structure]] | None = None,
) -> Plan | CannotRender:
    """Renders the actions of one intent.

    Args:
        actions: resolved and decided, by the contract, in the order of the text.
        views: what `gather` found for each of them.
        routes: the rules' choice for each of them; only the repository counts here.
        cluster: what the objects cannot tell about their cluster.
        structures: by type that a user teaches, the objects that it writes.
    """
    changes: dict[tuple[str, str], PackageChange] = {}
    warnings: list[str] = []
    written: dict[str, list[JsonObject]] = {}
    for index, (action, view, route) in enumerate(zip(actions, views, routes, strict=True)):
        if action in actions[:index]:
            continue
        try:
            seen = _after(view, written.get(view.namespace, []))
            for draft in _drafts(action, seen, cluster, structures or {}):
                warnings.extend(draft.warnings)
                if not draft.objects:  # as wished already
                    continue
                name = package_name(view.namespace, draft.target)
                empty = PackageChange(route.repository, view.namespace, draft.target, name, (), ())
                key = (route.repository, name)
                changes[key] = _extended(changes.get(key, empty), draft)
                written[view.namespace] = lay_over(written.get(view.namespace, []), draft.objects)
        except Refused as refused:
            return CannotRender(refused.reason, str(refused), index)
    restarts = tuple(restarts_of(views, written))
    return Plan(tuple(changes.values()), (*dict.fromkeys(warnings), *map(str, restarts)), restarts)


def _drafts(
    action: Mapping[str, Any],
    view: LiveView,
    cluster: ClusterSettings,
    structures: Mapping[str, Sequence[Structure]],
) -> tuple[Draft, ...]:
    intent_type = action["intent_type"]
    if intent_type in structures:
        return taught.render(structures[intent_type], action, view, _VIEW_FIELDS)
    return _RENDERERS[intent_type](action, view, cluster)


def _extended(change: PackageChange, draft: Draft) -> PackageChange:
    """Lays a draft over what earlier actions state in the same package.

    Raises:
        Refused: Ambiguous, where an earlier action decides the same field otherwise.
    """
    twice = [field for field in draft.fields if field in change.fields]
    if twice:
        message = f"the text decides {', '.join(twice)} of {change.namespace} twice; say it once"
        raise Refused(Reason.AMBIGUOUS, message)
    return replace(
        change,
        objects=tuple(lay_over(without(change.objects, draft.removals), draft.objects)),
        fields=(*change.fields, *draft.fields),
        removals=(*change.removals, *draft.removals),
    )


def _after(view: LiveView, written: Sequence[JsonObject]) -> LiveView:
    """Returns the view as the actions before leave it."""
    changed: dict[str, Any] = {}
    for item in written:
        field = _VIEW_FIELDS.get(item["kind"])
        if field is None:  # of a kind that only taught types write, which no view holds
            continue
        items = changed.get(field, getattr(view, field))
        if items is not None:  # what is not known stays unknown, whatever is added to it
            changed[field] = tuple(lay_over(items, (item,)))
        if field == "workloads" and name_of(item) == view.target:
            live = changed.get("workload", view.workload)
            changed["workload"] = item if live is None else merge_object(live, item)
        elif field == "workloads" and view.others.get((view.namespace, name_of(item)), item) is None:
            changed["others"] = {**changed.get("others", view.others), (view.namespace, name_of(item)): item}
    return replace(view, **changed)
