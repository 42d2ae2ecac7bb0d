"""service_mesh: one VirtualService and one DestinationRule a host, one PeerAuthentication a selector.

The lists of these objects are atomic for server-side apply: where one exists, its routes and subsets are
read, and written whole with what changes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from engine.krm.change import ClusterSettings, JsonObject
from engine.krm.draft import Draft, Refused, field_path, known, live_workload, partial, sole_selector, whole
from engine.krm.mesh import host_service, in_mesh, only_one, require_http, subset_labels
from engine.live.inventory import Object
from engine.live.objects import is_host, name_of, routes_host
from engine.live.view import EVERY_POD, LiveView
from engine.reasons import Reason

_NETWORKING = "networking.istio.io/v1"
_SECURITY = "security.istio.io/v1"
_BREAKER = {
    "consecutive_errors": ("outlierDetection", "consecutive5xxErrors"),
    "ejection_time": ("outlierDetection", "baseEjectionTime"),
    "max_connections": ("connectionPool", "tcp", "maxConnections"),
    "max_pending_requests": ("connectionPool", "http", "http1MaxPendingRequests"),
}
"""Where in a DestinationRule's trafficPolicy each field of a circuit breaker stands."""

Wish = Mapping[str, Any]


def render(action: Mapping[str, Any], view: LiveView, _: ClusterSettings) -> tuple[Draft, ...]:
    """Renders the features of a service mesh.

    Raises:
        Refused: the host, its HTTP port or the pods of a version are not there, or objects are in the way.
    """
    wish: Wish = action["service_mesh"]
    features = wish.keys() - {"mtls"}
    if features and view.target == EVERY_POD:
        message = f"{', '.join(sorted(features))} is set for one host; name the workload"
        raise Refused(Reason.UNSUPPORTED, message.replace("_", " "))
    drafts = [_mtls(wish["mtls"], view)] if "mtls" in wish else []
    return (*drafts, _traffic(wish, view)) if features else tuple(drafts)


def _traffic(wish: Wish, view: LiveView) -> Draft:
    """Renders what is about the host; its package is the host's, whoever is the target."""
    service = host_service(view)
    warnings: list[str] = []
    if not in_mesh(live_workload(view), view):
        warnings.append(f"{view.target} has no sidecar by its labels: nothing of this holds outside the mesh")
    parts = [
        *([_destination(wish, service, view)] if {"traffic_split", "circuit_breaker"} & wish.keys() else []),
        *([_routes(wish, service, view)] if wish.keys() - {"mtls", "circuit_breaker"} else []),
    ]
    return Draft(
        name_of(service),
        tuple(item for item, _, _ in parts),
        tuple(field for _, fields, _ in parts for field in fields),
        (*warnings, *(warning for _, _, said in parts for warning in said)),
    )


Part = tuple[JsonObject, list[str], list[str]]
"""An object, the fields of it that are owned, and warnings."""


def _destination(wish: Wish, service: Object, view: LiveView) -> Part:
    rules = known(view.destination_rules, "destination_rules", view)
    live = only_one([rule for rule in rules if is_host(rule["spec"]["host"], service)], service)
    spec: JsonObject = {}
    steps: list[tuple[str, ...]] = []
    warnings: list[str] = []
    if "circuit_breaker" in wish:
        spec["trafficPolicy"], steps = _breaker(wish["circuit_breaker"], service)
        warnings.extend(_breaker_warnings(wish["circuit_breaker"], live, service))
    if "traffic_split" in wish:
        spec["subsets"] = _subsets(wish["traffic_split"], service, live, view)
        steps.append(("spec", "subsets"))
    if live is None:
        spec = {"host": name_of(service), **spec}
        item = whole(_NETWORKING, "DestinationRule", view, name_of(service), rules, spec=spec)
    else:
        item = partial(live, spec=spec)
    return item, [field_path(item, *step) for step in steps], warnings


def _breaker(wish: Wish, service: Object) -> tuple[JsonObject, list[tuple[str, ...]]]:
    if "max_pending_requests" in wish:
        require_http(service, "a limit on pending requests")
    policy: JsonObject = {}
    steps = []
    for field, path in _BREAKER.items():
        if field not in wish:
            continue
        inner = policy
        for step in path[:-1]:
            inner = inner.setdefault(step, {})
        inner[path[-1]] = wish[field]
        steps.append(("spec", "trafficPolicy", *path))
    return policy, steps


def _breaker_warnings(wish: Wish, live: Object | None, service: Object) -> Iterator[str]:
    spec = live["spec"] if live is not None else {}
    detection = (spec.get("trafficPolicy") or {}).get("outlierDetection") or {}
    if "ejection_time" in wish and "consecutive_errors" not in wish and not detection:
        yield f"host {name_of(service)}: no number of errors was said; the mesh ejects after 5 in a row"
    own = [subset["name"] for subset in spec.get("subsets") or () if subset.get("trafficPolicy")]
    if own:
        yield f"host {name_of(service)}: the traffic policies of its subsets {', '.join(own)} win over this"


def _subsets(
    split: Mapping[str, int], service: Object, live: Object | None, view: LiveView
) -> list[JsonObject]:
    """Returns the live subsets and those of the versions that have none yet."""
    subsets = copy.deepcopy(list((live["spec"].get("subsets") if live is not None else None) or ()))
    there = {subset["name"]: subset.get("labels") or {} for subset in subsets}
    for version, weight in split.items():
        labels = subset_labels(version, weight, there.get(version), service, view)
        if version not in there:
            subsets.append({"name": version, "labels": labels})
    return subsets


def _routes(wish: Wish, service: Object, view: LiveView) -> Part:
    require_http(service, " and ".join(sorted(wish.keys() - {"mtls", "circuit_breaker"})).replace("_", " "))
    services = known(view.virtual_services, "virtual_services", view)
    live = only_one([item for item in services if routes_host(item, service)], service)
    routes: list[JsonObject] = [{"route": [{"destination": {"host": name_of(service)}}]}]
    if live is not None:
        routes = copy.deepcopy(list(live["spec"].get("http") or ()))
    routed = [route for route in routes if route.get("route")]
    if not routed:
        message = (
            f"VirtualService {name_of(live or service)} has no HTTP route to a destination; add one first"
        )
        raise Refused(Reason.UNSUPPORTED, message)
    features = _features(wish)
    for route in routed:
        for feature, value in features.items():
            route[feature] = {**(route.get(feature) or {}), **value} if isinstance(value, dict) else value
    if "traffic_split" in wish:
        _split(wish["traffic_split"], routed, service, live)
    if live is None:
        spec = {"hosts": [name_of(service)], "http": routes}
        item = whole(_NETWORKING, "VirtualService", view, name_of(service), services, spec=spec)
    else:
        item = partial(live, spec={"http": routes})
    owned = [*features, *(["route"] if "traffic_split" in wish else [])]
    fields = [field_path(item, "spec", "http", field) for field in owned]
    return item, fields, list(_route_warnings(wish, routed, service))


def _features(wish: Wish) -> dict[str, Any]:
    """Returns the fields of a route that the wish sets.

    Raises:
        Refused: Invalid, for a duration of 0 or a fault without a fault.
    """
    features: dict[str, Any] = {}
    if "timeout" in wish:
        features["timeout"] = _duration(wish["timeout"])
    if "retries" in wish:
        features["retries"] = {"attempts": wish["retries"]["attempts"]}
        if "per_try_timeout" in wish["retries"]:
            features["retries"]["perTryTimeout"] = _duration(wish["retries"]["per_try_timeout"])
    if "fault" in wish:
        features["fault"] = _fault(wish["fault"])
    return features


def _fault(wish: Wish) -> JsonObject:
    share = {"percentage": {"value": wish.get("percent", 100)}}
    fault: JsonObject = {}
    if "delay" in wish:
        fault["delay"] = {"fixedDelay": _duration(wish["delay"]), **share}
    if "abort_status" in wish:
        fault["abort"] = {"httpStatus": wish["abort_status"], **share}
    if not fault:
        raise Refused(Reason.INVALID, "a fault needs a delay or a status to abort with")
    return fault


def _duration(text: str) -> str:
    if not text.strip("0hms"):
        raise Refused(Reason.INVALID, f"{text} is no duration that a mesh takes; it is 1ms or more")
    return text


def _split(split: Mapping[str, int], routed: list[JsonObject], service: Object, live: Object | None) -> None:
    """Gives the one route its destinations by weight; what a destination said beside that stays."""
    if len(routed) > 1:
        message = (
            f"VirtualService {name_of(live or service)} has {len(routed)} HTTP routes, and which of them is "
            "to be split cannot be said yet; split it there"
        )
        raise Refused(Reason.CONFLICT, message)
    before = routed[0]["route"]
    by_subset = {entry["destination"].get("subset"): entry for entry in before}
    plain = {key: value for key, value in before[0]["destination"].items() if key != "subset"}
    routed[0]["route"] = [
        {**by_subset.get(version, {}), "destination": {**plain, "subset": version}, "weight": weight}
        for version, weight in split.items()
    ]


def _route_warnings(wish: Wish, routed: list[JsonObject], service: Object) -> Iterator[str]:
    host = name_of(service)
    if "fault" in wish and "percent" not in wish["fault"]:
        yield f"host {host}: no share was said; the fault hits every request"
    if any(route.get("fault") and (route.get("timeout") or route.get("retries")) for route in routed):
        yield f"host {host}: while a fault is injected, the mesh applies neither timeout nor retries there"


def _mtls(mode: str, view: LiveView) -> Draft:
    selector = sole_selector(view)
    if selector.get("matchExpressions"):
        message = f"{view.target} is picked by expressions, and a PeerAuthentication takes labels only"
        raise Refused(Reason.UNSUPPORTED, message)
    labels = selector.get("matchLabels") or {}
    present = known(view.peer_authentications, "peer_authentications", view)
    same = [
        item
        for item in present
        if (((item.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}) == labels
    ]
    if len(same) > 1:
        message = f"{', '.join(map(name_of, same))} are PeerAuthentications for the same pods; keep one"
        raise Refused(Reason.CONFLICT, message)
    spec: JsonObject = {"mtls": {"mode": mode}}
    if same:
        item = partial(same[0], spec=spec)
    else:
        name = "default" if view.target == EVERY_POD else view.target
        spec = {"selector": {"matchLabels": dict(labels)}, **spec} if labels else spec
        item = whole(_SECURITY, "PeerAuthentication", view, name, present, spec=spec)
    return Draft(
        view.target, (item,), (field_path(item, "spec", "mtls", "mode"),), tuple(_mtls_warnings(mode, view))
    )


def _mtls_warnings(mode: str, view: LiveView) -> Iterator[str]:
    workloads = view.workloads or ()
    outside = [name_of(workload) for workload in workloads if not in_mesh(workload, view)]
    if mode == "STRICT" and outside:
        yield (
            f"namespace {view.namespace}: {', '.join(outside)} have no sidecar by their labels, so they "
            "neither enforce strict mTLS nor get through to who does"
        )
    if mode == "DISABLE":
        yield f"{view.target}: its traffic goes in clear text"
    for rule in view.destination_rules or () if mode == "STRICT" else ():
        tls = (rule["spec"].get("trafficPolicy") or {}).get("tls") or {}
        if tls.get("mode") == "DISABLE":
            yield f"DestinationRule {name_of(rule)} has clients of {rule['spec']['host']} speak without TLS"
