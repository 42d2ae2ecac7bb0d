"""What each type's module gives to the plan, and the little that they all need to build it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.krm.change import JsonObject, Removal
from engine.krm.guards import guarded
from engine.live.inventory import Object
from engine.live.objects import containers_of, labels_of, name_of, pod_labels, pod_selector, selector_matches
from engine.live.view import EVERY_POD, WORKLOAD_KINDS, LiveView
from engine.reasons import Reason

MANAGED_BY = {"app.kubernetes.io/managed-by": "conductor-watch"}
"""Marks the objects that packages of ours bring in whole, so that later edits know them as ours."""
_DNS_1123 = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """An action that cannot be rendered; `plan` turns it into CannotRender."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Draft:
    """What one action adds to one package.

    Attributes:
        target: whose package it is.
        objects: partial or whole objects.
        fields: the paths of the fields that they own.
    """

    target: str
    objects: tuple[JsonObject, ...]
    fields: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    removals: tuple[Removal, ...] = ()


def live_workload(view: LiveView) -> Object:
    """Returns the target's live object.

    Raises:
        Refused: MissingFact; a partial object for a workload that is not there is never written.
    """
    if view.workload is not None:
        return view.workload
    why = view.unknown.get("workload")
    if why is None:
        why = (
            f"there is no Deployment, StatefulSet or DaemonSet named {view.target} in namespace "
            f"{view.namespace} ({view.origin}); deploy it first, or correct the name"
        )
    raise Refused(Reason.MISSING_FACT, why)


def known(items: tuple[Object, ...] | None, fact: str, view: LiveView) -> tuple[Object, ...]:
    """Returns the objects of a view's field, or of what it makes of that field.

    Raises:
        Refused: MissingFact, where they are not known.
    """
    if items is None:
        why = view.unknown.get(
            fact, f"the {fact} of namespace {view.namespace} are not known ({view.origin})"
        )
        raise Refused(Reason.MISSING_FACT, why)
    return items


def sole_selector(view: LiveView) -> JsonObject:
    """Returns the label selector that picks the target's pods and no others; for `*` the empty one.

    Raises:
        Refused: MissingFact, or Conflict where it picks the pods of another workload too.
    """
    if view.target == EVERY_POD:
        return {}
    workload = live_workload(view)
    selector = pod_selector(workload)
    others = [
        other
        for other in known(view.workloads, "workloads", view)
        if (other["kind"], name_of(other)) != (workload["kind"], name_of(workload))
        and selector_matches(selector, pod_labels(other))
    ]
    if others:
        message = (
            f"the selector of {view.target} also picks the pods of {listing(others)}, which the text does "
            "not name; give their pods labels of their own"
        )
        raise Refused(Reason.CONFLICT, message)
    return dict(selector)


def meant_container(view: LiveView, workload: Object) -> str:
    """Returns the name of the container that an action is about: the only one, or the target's namesake.

    Raises:
        Refused: Ambiguous, with the list.
    """
    names = [str(container["name"]) for container in containers_of(workload)]
    if len(names) == 1:
        return names[0]
    if view.target in names:
        return view.target
    raise Refused(
        Reason.AMBIGUOUS,
        f"{view.target} in namespace {view.namespace} has the containers {', '.join(names)}, none of them "
        f"named {view.target}; which one is meant cannot be said yet",
    )


def partial(live: Object, **content: Any) -> JsonObject:
    """Returns what is to change of a live object, with the guards unless the object is of ours.

    A workload has them in any case: none is ever deleted with its package.
    """
    item: JsonObject = {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {"name": name_of(live), "namespace": live["metadata"]["namespace"]},
        **content,
    }
    return item if is_ours(live) and live["kind"] not in WORKLOAD_KINDS else guarded(item)


def whole(
    api_version: str, kind: str, view: LiveView, name: str, present: Sequence[Object], **content: Any
) -> JsonObject:
    """Returns a new object of the view's namespace that is of ours.

    Args:
        api_version: of the object, as `kind`.
        kind: of the object.
        view: whose namespace it gets.
        name: of the object.
        present: the live objects of its kind.
        content: what it says beside its metadata.

    Raises:
        Refused: Invalid, where Kubernetes would not take the name; Conflict, where somebody else's object
            has it.
    """
    if len(name) > 253 or not _DNS_1123.match(name):  # noqa: PLR2004 - the length of a DNS-1123 subdomain
        raise Refused(Reason.INVALID, f"{name!r} is no name that Kubernetes takes for a {kind}")
    if any(name_of(item) == name and not is_ours(item) for item in present):
        message = (
            f"namespace {view.namespace} has a {kind} {name} for something else, so the name is taken; "
            "rename that one"
        )
        raise Refused(Reason.CONFLICT, message)
    metadata = {"name": name, "namespace": view.namespace, "labels": dict(MANAGED_BY)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def is_ours(live: Object) -> bool:
    """Tells whether a package of ours brought the object in, so that it may also leave with it."""
    return MANAGED_BY.items() <= labels_of(live).items()


def field_path(item: Mapping[str, Any], *steps: str) -> str:
    """Returns the path by which a field's owner is known, as `Deployment/amf:spec.replicas`."""
    return f"{item['kind']}/{name_of(item)}:{'.'.join(steps)}"


def listing(items: Sequence[Object]) -> str:
    """Returns the names of objects for a message."""
    return ", ".join(name_of(item) for item in items)
