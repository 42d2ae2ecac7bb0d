"""What Kubernetes objects say, read once and for all: labels, containers, selectors, uses of ConfigMaps.

Pure functions of objects whose shape was checked where they came in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.live.inventory import Object

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""The label that Kubernetes gives every Namespace: its own name."""


def name_of(item: Object) -> str:
    """Returns the object's name."""
    return str(item["metadata"]["name"])


def labels_of(item: Object) -> Mapping[str, str]:
    """Returns the object's labels; a Namespace also has its name as one, as in every cluster."""
    labels: Mapping[str, str] = item["metadata"].get("labels") or {}
    if item["kind"] == "Namespace":
        return {**labels, NAMESPACE_NAME_LABEL: name_of(item)}
    return labels


def pod_template(workload: Object) -> Mapping[str, Any]:
    """Returns the template of the workload's pods."""
    template: Mapping[str, Any] = workload["spec"]["template"]
    return template


def pod_labels(workload: Object) -> Mapping[str, str]:
    """Returns the labels that the workload's pods carry."""
    labels: Mapping[str, str] = pod_template(workload).get("metadata", {}).get("labels") or {}
    return labels


def pod_spec(workload: Object) -> Mapping[str, Any]:
    """Returns the spec of the workload's pods."""
    spec: Mapping[str, Any] = pod_template(workload)["spec"]
    return spec


def pod_selector(workload: Object) -> Mapping[str, Any]:
    """Returns the label selector that picks the workload's pods."""
    selector: Mapping[str, Any] = workload["spec"]["selector"]
    return selector


def containers_of(workload: Object) -> tuple[Mapping[str, Any], ...]:
    """Returns the containers of the workload's pods, without those that only initialise."""
    return tuple(pod_spec(workload).get("containers") or ())


def replicas_of(workload: Object) -> int | None:
    """Returns how many replicas the workload asks for: 1 where it does not say; None for a DaemonSet."""
    if workload["kind"] == "DaemonSet":
        return None
    replicas = workload["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def pods_of(workload: Object) -> int | None:
    """Returns how many pods the workload is meant to have; None where that is not known."""
    if workload["kind"] == "DaemonSet":
        scheduled = (workload.get("status") or {}).get("desiredNumberScheduled")
        return None if scheduled is None else int(scheduled)
    return replicas_of(workload)


def running_pods_of(workload: Object) -> int | None:
    """Returns how many pods the workload has, by its status; None where that does not say."""
    status = workload.get("status") or {}
    pods = status.get("currentNumberScheduled" if workload["kind"] == "DaemonSet" else "replicas")
    return None if pods is None else int(pods)


def selector_matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Tells whether a label selector picks an object of these labels; an empty one picks all."""
    return all(_requirement_holds(requirement, labels) for requirement in requirements(selector))


def requirements(selector: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yields what a selector asks for as expressions, all of which have to hold."""
    for key, value in sorted((selector.get("matchLabels") or {}).items()):
        yield {"key": key, "operator": "In", "values": [value]}
    yield from selector.get("matchExpressions") or ()


def _requirement_holds(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator, values = requirement["key"], requirement["operator"], requirement.get("values") or []
    match operator:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return key in labels and _compares(labels[key], operator, "".join(values))


def _compares(value: str, operator: str, bound: str) -> bool:
    """Tells whether a node's label is above (Gt) or below (Lt) a bound; only whole numbers compare."""
    try:
        return int(value) > int(bound) if operator == "Gt" else int(value) < int(bound)
    except ValueError:
        return False


def policy_directions(policy: Object) -> frozenset[str]:
    """Returns for which of `ingress` and `egress` a NetworkPolicy isolates the pods that it selects."""
    spec = policy["spec"]
    stated = spec.get("policyTypes")
    if stated is not None:
        return frozenset(kind.lower() for kind in stated)
    return frozenset({"ingress", "egress"} if spec.get("egress") else {"ingress"})


def is_host(name: str, service: Object) -> bool:
    """Tells whether a host name, short or long, is the Service's, seen from its own namespace."""
    short, namespace = name_of(service), service["metadata"]["namespace"]
    full = f"{short}.{namespace}.svc"
    return name in (short, f"{short}.{namespace}", full) or name.startswith(f"{full}.")


def routes_host(item: Object, service: Object) -> bool:
    """Tells whether a VirtualService routes the host's traffic within the mesh, not only at a gateway."""
    gateways = item["spec"].get("gateways") or ["mesh"]
    return "mesh" in gateways and any(is_host(host, service) for host in item["spec"]["hosts"])


@dataclass(frozen=True, slots=True)
class ConfigMapUse:
    """One way in which pods use a ConfigMap.

    Attributes:
        config_map: its name.
        how: `envFrom`, `keyRef` or `volume`.
        container: the container that reads it; empty for a volume, which several may mount.
        keys: the only keys that are read; None for all.
        prefix: what the names of environment variables get in front.
        live: whether a running pod sees a change: mounted files do, unless by subPath.
    """

    config_map: str
    how: str
    container: str = ""
    keys: frozenset[str] | None = None
    prefix: str = ""
    live: bool = False


def config_map_uses(workload: Object) -> tuple[ConfigMapUse, ...]:
    """Returns how the workload's pods use ConfigMaps, in the order of their template."""
    spec = pod_spec(workload)
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    by_environment = (use for container in containers for use in _environment_uses(container))
    by_volume = (use for volume in spec.get("volumes") or () for use in _volume_uses(volume, containers))
    return (*by_environment, *by_volume)


def _environment_uses(container: Mapping[str, Any]) -> Iterator[ConfigMapUse]:
    for source in container.get("envFrom") or ():
        reference = source.get("configMapRef")
        if reference:
            prefix = source.get("prefix") or ""
            yield ConfigMapUse(reference["name"], "envFrom", container["name"], prefix=prefix)
    keys: dict[str, set[str]] = {}
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("configMapKeyRef")
        if reference:
            keys.setdefault(reference["name"], set()).add(reference["key"])
    for name, used in keys.items():
        yield ConfigMapUse(name, "keyRef", container["name"], keys=frozenset(used))


def _volume_uses(volume: Mapping[str, Any], containers: list[Mapping[str, Any]]) -> Iterator[ConfigMapUse]:
    sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
    mounts = [
        mount
        for container in containers
        for mount in container.get("volumeMounts") or ()
        if mount["name"] == volume["name"]
    ]
    live = any("subPath" not in mount and "subPathExpr" not in mount for mount in mounts)
    for source in sources:
        reference = source.get("configMap")
        if reference and reference.get("name"):
            items = reference.get("items")
            keys = frozenset(item["key"] for item in items) if items else None
            yield ConfigMapUse(reference["name"], "volume", keys=keys, live=live)
