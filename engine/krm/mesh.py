"""How a target stands in the service mesh: its host, what is about that host, sidecars, versions; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.krm.draft import Refused, known, listing, live_workload
from engine.live.inventory import Object
from engine.live.objects import labels_of, name_of, pod_labels, pod_template, replicas_of
from engine.live.view import LiveView
from engine.reasons import Reason

VERSION_LABELS = ("version", "app.kubernetes.io/version")
"""The labels that tell the versions of a workload's pods, the one of the mesh first."""
_HTTP = {"http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c"}
_INJECT = "sidecar.istio.io/inject"


def host_service(view: LiveView) -> Object:
    """Returns the Service that selects the target: its name is the host.

    Raises:
        Refused: none does, or several do.
    """
    live_workload(view)
    services = known(view.target_services(), "services", view)
    if not services:
        message = (
            f"no Service of namespace {view.namespace} selects {view.target}, so the mesh has no host for "
            "it; create one"
        )
        raise Refused(Reason.MISSING_FACT, message)
    if len(services) > 1:
        message = f"the Services {listing(services)} select {view.target}; which host is meant is not clear"
        raise Refused(Reason.AMBIGUOUS, message)
    return services[0]


def require_http(service: Object, feature: str) -> None:
    """Refuses a feature of HTTP for a Service that has no port known to speak it.

    Raises:
        Refused: Unsupported.
    """
    ports = service["spec"].get("ports") or ()
    for port in ports:
        name = port.get("name") or ""
        if port.get("appProtocol") in _HTTP or name in _HTTP or name.partition("-")[0] in _HTTP:
            return
    shown = ", ".join(str(port.get("name") or port["port"]) for port in ports) or "none"
    message = (
        f"{feature} is for HTTP, and Service {name_of(service)} names no HTTP port (its ports: {shown}); "
        "name one http-…, http2-… or grpc-…, or set its appProtocol"
    )
    raise Refused(Reason.UNSUPPORTED, message)


def only_one(items: Sequence[Object], service: Object) -> Object | None:
    """Returns the one object about a host; None where there is none.

    Raises:
        Refused: Conflict, where there are several.
    """
    if len(items) > 1:
        kind = items[0]["kind"]
        message = f"host {name_of(service)} has several {kind}s, {listing(items)}; merge them into one"
        raise Refused(Reason.CONFLICT, message)
    return items[0] if items else None


def subset_labels(
    version: str, weight: int, stated: Mapping[str, str] | None, service: Object, view: LiveView
) -> dict[str, str]:
    """Returns the labels by which the pods of a version are told from the others behind a Service.

    Args:
        version: as the text names it.
        weight: its share in percent; a version without traffic needs no running pods.
        stated: the labels of the live subset of that name; None where there is none.

    Raises:
        Refused: MissingFact, with the versions that there are.
    """
    selector: Mapping[str, str] = service["spec"].get("selector") or {}
    behind = [
        pod_labels(workload)
        for workload in known(view.workloads, "workloads", view)
        if selector.items() <= pod_labels(workload).items() and (weight == 0 or replicas_of(workload) != 0)
    ]
    candidates = [dict(stated)] if stated else [{label: version} for label in VERSION_LABELS]
    for labels in candidates:
        if any(labels.items() <= pods.items() for pods in behind):
            return labels
    there = sorted({pods[label] for pods in behind for label in VERSION_LABELS if label in pods})
    message = (
        f"Service {name_of(service)} has no running pods of version {version} (by the label "
        f"{' or '.join(candidates[0])}); there are {', '.join(there) or 'none with a version'}"
    )
    raise Refused(Reason.MISSING_FACT, message)


def in_mesh(workload: Object, view: LiveView) -> bool:
    """Tells whether the workload's pods get a sidecar, or their node's proxy, as far as labels say."""
    template = pod_template(workload).get("metadata", {})
    stated = {**(template.get("annotations") or {}), **(template.get("labels") or {})}.get(_INJECT)
    if stated is not None:
        return bool(stated == "true")
    labels = labels_of(view.namespace_object) if view.namespace_object is not None else {}
    if labels.get("istio.io/dataplane-mode") == "ambient":
        return True
    injection = labels.get("istio-injection")
    return injection == "enabled" or (injection is None and "istio.io/rev" in labels)
