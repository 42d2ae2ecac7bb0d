"""resource_limits: requests and limits of a container, or the ResourceQuota of a namespace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.krm.change import ClusterSettings
from engine.krm.draft import (
    Draft,
    Refused,
    field_path,
    known,
    listing,
    live_workload,
    meant_container,
    partial,
    whole,
)
from engine.live.inventory import Object
from engine.live.objects import containers_of, name_of
from engine.live.quantity import parse_quantity, written
from engine.live.view import EVERY_POD, LiveView
from engine.reasons import Reason

QUOTA_NAME = "namespace-quota"
"""The ResourceQuota of a namespace that had none."""
_COUNTED = {"pods"}
"""What a quota counts; everything else it adds up, from the limits."""
_GUARANTEED = ("cpu", "memory")

Quantities = dict[str, str]


def render(action: Mapping[str, Any], view: LiveView, _: ClusterSettings) -> tuple[Draft, ...]:
    """Renders requests and limits, or a quota.

    Raises:
        Refused: the container or the quota is not clear, or the values cannot be.
    """
    resources = {part: _written(values) for part, values in action["resources"].items()}
    if "quota" in resources:
        if view.target != EVERY_POD or len(resources) > 1:
            raise Refused(
                Reason.UNSUPPORTED, "a quota is for a whole namespace; state it in a sentence of its own"
            )
        return (_quota(resources["quota"], view),)
    if view.target == EVERY_POD:
        message = (
            f"requests and limits are set on one workload; for the whole namespace {view.namespace} write "
            f"'limit namespace {view.namespace} to …', which is a quota"
        )
        raise Refused(Reason.UNSUPPORTED, message)
    return (_container(resources, view, live_workload(view)),)


def _container(resources: Mapping[str, Quantities], view: LiveView, workload: Object) -> Draft:
    name = meant_container(view, workload)
    live = next(container for container in containers_of(workload) if container["name"] == name)
    before = {part: dict((live.get("resources") or {}).get(part) or {}) for part in ("requests", "limits")}
    after = {part: {**before[part], **resources.get(part, {})} for part in before}
    _refuse_request_above_limit(after, view)
    item = partial(
        workload, spec={"template": {"spec": {"containers": [{"name": name, "resources": dict(resources)}]}}}
    )
    fields = tuple(
        field_path(workload, "spec", "template", "spec", f"containers[{name}]", "resources", part, resource)
        for part, values in resources.items()
        for resource in values
    )
    warnings = (
        *_leaving_guaranteed(name, after, view, workload),
        *_container_warnings(resources, before, view),
    )
    return Draft(view.target, (item,), fields, warnings)


def _refuse_request_above_limit(resources: Mapping[str, Mapping[str, str]], view: LiveView) -> None:
    for resource, limit in resources["limits"].items():
        request = resources["requests"].get(resource)
        if request is not None and parse_quantity(request) > parse_quantity(limit):
            message = (
                f"{view.target} would request {request} {resource} and be limited to {limit}, which "
                f"Kubernetes refuses; state both, as 'request … and limit … {resource}'"
            )
            raise Refused(Reason.INVALID, message)


def _leaving_guaranteed(
    name: str, after: Mapping[str, Mapping[str, str]], view: LiveView, workload: Object
) -> Iterator[str]:
    """Tells where pods change their class of service; whether they may is for the rules."""
    containers = containers_of(workload)
    changed = [{**item, "resources": after} if item["name"] == name else item for item in containers]
    if all(map(_is_guaranteed, containers)) and not all(map(_is_guaranteed, changed)):
        yield (
            f"the pods of {view.target} leave the class Guaranteed, in which requests equal limits: they may "
            "lose exclusive CPUs and are evicted earlier"
        )


def _is_guaranteed(container: Mapping[str, Any]) -> bool:
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    requests = {**limits, **(resources.get("requests") or {})}
    return all(
        resource in limits and parse_quantity(requests[resource]) == parse_quantity(limits[resource])
        for resource in _GUARANTEED
    )


def _container_warnings(
    resources: Mapping[str, Quantities], before: Mapping[str, Mapping[str, str]], view: LiveView
) -> Iterator[str]:
    requests = resources.get("requests", {})
    for resource, limit in resources.get("limits", {}).items():
        if resource not in requests and resource not in before["requests"]:
            yield f"{view.target} requests no {resource}: Kubernetes takes the limit, {limit}, as request too"
    for autoscaler in view.target_autoscalers() or ():
        metrics = autoscaler["spec"].get("metrics") or ()
        measured = {str((metric.get("resource") or {}).get("name")) for metric in metrics}
        for resource in sorted(measured & requests.keys()):
            yield (
                f"HorizontalPodAutoscaler {name_of(autoscaler)} measures {resource} as a share of the "
                f"request: with another one it scales {view.target} at another load"
            )


def _quota(wish: Quantities, view: LiveView) -> Draft:
    hard = {
        resource if resource in _COUNTED else f"limits.{resource}": value for resource, value in wish.items()
    }
    quotas = [quota for quota in known(view.quotas, "quotas", view) if not _is_scoped(quota)]
    holding = [quota for quota in quotas if hard.keys() & (quota["spec"].get("hard") or {}).keys()]
    candidates = holding or quotas
    if len(candidates) > 1:
        message = (
            f"namespace {view.namespace} has the ResourceQuotas {listing(candidates)}, and all of them hold; "
            "which one is to change cannot be said yet: keep one"
        )
        raise Refused(Reason.AMBIGUOUS, message)
    if candidates:
        item = partial(candidates[0], spec={"hard": hard})
    else:
        present = known(view.quotas, "quotas", view)
        item = whole("v1", "ResourceQuota", view, QUOTA_NAME, present, spec={"hard": hard})
    fields = tuple(field_path(item, "spec", f"hard[{name}]") for name in hard)
    return Draft(EVERY_POD, (item,), fields, tuple(_quota_warnings(hard, candidates, view)))


def _is_scoped(quota: Object) -> bool:
    return bool(quota["spec"].get("scopes") or quota["spec"].get("scopeSelector"))


def _quota_warnings(hard: Quantities, candidates: list[Object], view: LiveView) -> Iterator[str]:
    used = (candidates[0].get("status") or {}).get("used") or {} if candidates else {}
    for name, value in hard.items():
        if name in used and parse_quantity(used[name]) > parse_quantity(value):
            yield f"namespace {view.namespace} uses {used[name]} of {name}: with {value} no new pod starts"
        resource = name.removeprefix("limits.")
        if resource in _COUNTED:
            continue
        lacking = [
            f"{workload['kind']} {name_of(workload)}"
            for workload in view.workloads or ()
            if any(resource not in _limits(container) for container in containers_of(workload))
        ]
        if lacking:
            yield (
                f"with a quota on {name}, new pods without a {resource} limit are refused unless a "
                f"LimitRange gives one: {', '.join(lacking)}"
            )


def _limits(container: Mapping[str, Any]) -> Mapping[str, Any]:
    limits: Mapping[str, Any] = (container.get("resources") or {}).get("limits") or {}
    return limits


def _written(values: Mapping[str, str]) -> Quantities:
    try:
        return {resource: written(value) for resource, value in sorted(values.items())}
    except ValueError as error:
        raise Refused(Reason.INVALID, str(error)) from error
