"""deployment: a new image for a workload that is there, or a new workload from an image that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.krm import scaling
from engine.krm.change import ClusterSettings, JsonObject
from engine.krm.draft import Draft, Refused, field_path, known, meant_container, partial, whole
from engine.krm.guards import guarded
from engine.krm.image import Image, parse_image
from engine.live.inventory import Object
from engine.live.objects import containers_of
from engine.live.view import LiveView
from engine.reasons import Reason

_NAME_LABEL = "app.kubernetes.io/name"

Details = Mapping[str, str]


def render(action: Mapping[str, Any], view: LiveView, cluster: ClusterSettings) -> tuple[Draft, ...]:
    """Renders a deployment.

    Raises:
        Refused: the image is not known, or the workload cannot be as the text says.
    """
    if "workload" in view.unknown:
        raise Refused(Reason.MISSING_FACT, view.unknown["workload"])
    details: Details = action.get("deployment", {})
    if view.workload is not None:
        return tuple(_update(action, details, view, view.workload))
    return (_create(action, details, view, cluster),)


def _update(action: Mapping[str, Any], details: Details, view: LiveView, workload: Object) -> Iterator[Draft]:
    """Yields what changes of a workload that is there: its image, and its replicas where they are stated."""
    if not details and "replicas" not in action:
        message = (
            f"{workload['kind']} {view.target} is there already (namespace {view.namespace}, {view.origin}), "
            "and the text names no image, version or number of replicas to change"
        )
        raise Refused(Reason.MISSING_FACT, message)
    if details:
        yield _new_image(details, view, workload)
    if "replicas" in action:
        yield from scaling.render(action, view, ClusterSettings())


def _new_image(details: Details, view: LiveView, workload: Object) -> Draft:
    name = meant_container(view, workload)
    running = parse_image(next(item["image"] for item in containers_of(workload) if item["name"] == name))
    image = _stated_image(details) or replace(running, tag=details["version"], digest="")
    warnings = []
    if "image" not in details and running.digest:
        warnings.append(f"{view.target} ran a pinned digest; {image} is whatever its tag points to")
    if "image" not in details and running.tag and _v_prefixed(running.tag) != _v_prefixed(image.tag):
        warnings.append(f"{view.target} runs the tag {running.tag}; {image.tag} is written as it was said")
    container = {"name": name, "image": str(image)}
    item = partial(workload, spec={"template": {"spec": {"containers": [container]}}})
    field = field_path(workload, "spec", "template", "spec", f"containers[{name}]", "image")
    return Draft(view.target, (item,), (field,), tuple(warnings))


def _v_prefixed(tag: str) -> bool:
    return tag[:1] == "v"


def _stated_image(details: Details) -> Image | None:
    """Returns the image that the text names; None where it names only a version, or nothing.

    Raises:
        Refused: Invalid, where its tag and the version differ.
    """
    if "image" not in details:
        return None
    image, version = parse_image(details["image"]), details.get("version")
    if version and not image.tag and not image.digest:
        return replace(image, tag=version)
    if version and image.tag and image.tag.removeprefix("v") != version.removeprefix("v"):
        raise Refused(Reason.INVALID, f"the image {image} is not of version {version}; state one of the two")
    return image


def _create(action: Mapping[str, Any], details: Details, view: LiveView, cluster: ClusterSettings) -> Draft:
    kind = action.get("target_kind", "Deployment")
    image = _stated_image(details) or _from_catalog(details, view, cluster)
    _refuse_missing_namespace(view)
    if kind == "DaemonSet" and "replicas" in action:
        raise Refused(
            Reason.INVALID, f"{view.target} as a DaemonSet runs one pod a node; leave the replicas out"
        )
    labels = {_NAME_LABEL: view.target}
    spec: JsonObject = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": _pod_spec(view.target, image)},
    }
    if "replicas" in action:
        spec["replicas"] = action["replicas"]
    objects: list[JsonObject] = []
    if kind == "StatefulSet":
        spec["serviceName"] = view.target
        objects.append(_headless_service(view, labels))
    workload = guarded(whole("apps/v1", kind, view, view.target, (), spec=spec))
    workload["metadata"]["labels"] |= labels
    objects.append(workload)
    minimal = (
        f"{view.target} is made from its image alone: no ports, storage, requests or limits, and it runs as "
        "non-root without capabilities; what needs more needs a blueprint package"
    )
    warnings = [minimal]
    if not image.tag and not image.digest:
        warnings.append(f"{view.target}: {image} has no version, so what runs is whatever is latest")
    fields = tuple(field_path(item, "spec") for item in objects)
    return Draft(view.target, tuple(objects), fields, tuple(warnings))


def _from_catalog(details: Details, view: LiveView, cluster: ClusterSettings) -> Image:
    entry = cluster.catalog.get(view.target)
    if entry is None:
        message = (
            f"there is no workload {view.target} in namespace {view.namespace} ({view.origin}), and neither "
            "the text nor the catalog of the settings says from which image to make it; write "
            f"'deploy {view.target} from image …'"
        )
        raise Refused(Reason.MISSING_FACT, message)
    image = parse_image(entry)
    return replace(image, tag=details["version"], digest="") if "version" in details else image


def _refuse_missing_namespace(view: LiveView) -> None:
    if view.namespace_object is None:
        absent = (
            f"there is no namespace {view.namespace} ({view.origin}); create it first, or correct the name"
        )
        raise Refused(Reason.MISSING_FACT, view.unknown.get("namespace_object", absent))


def _pod_spec(name: str, image: Image) -> JsonObject:
    """Returns a pod that any namespace takes: by the restricted profile of the Pod Security Standards."""
    return {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": name,
                "image": str(image),
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }


def _headless_service(view: LiveView, labels: Mapping[str, str]) -> JsonObject:
    spec = {"clusterIP": "None", "selector": dict(labels)}
    return whole("v1", "Service", view, view.target, known(view.services, "services", view), spec=spec)
