"""Which pods a plan restarts: those whose template differs once the partial objects are laid over; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.krm.change import JsonObject, Restart
from engine.krm.merge import merge_object
from engine.live.inventory import Object
from engine.live.objects import name_of, pod_template, pods_of
from engine.live.view import LiveView


def restarts_of(views: Sequence[LiveView], written: Mapping[str, Sequence[JsonObject]]) -> Iterator[Restart]:
    """Yields the live workloads whose pods are replaced, in the order of the actions.

    Args:
        views: of the actions; their workloads are the live ones.
        written: the objects that a plan writes, by namespace.
    """
    live = {(view.namespace, item["kind"], name_of(item)): item for view in views if (item := view.workload)}
    for (namespace, kind, name), workload in live.items():
        for item in written.get(namespace, ()):
            if (item["kind"], name_of(item)) != (kind, name) or _waits_for_hand(workload):
                continue
            changes = tuple(
                _differences(pod_template(workload), pod_template(merge_object(workload, item)), "")
            )
            if changes and pods_of(workload) != 0:
                yield Restart(kind, namespace, name, pods_of(workload), changes)


def _waits_for_hand(workload: Object) -> bool:
    """Tells whether a new template reaches pods only once somebody deletes them."""
    return bool((workload["spec"].get("updateStrategy") or {}).get("type") == "OnDelete")


def _differences(before: Any, after: Any, path: str) -> Iterator[str]:
    """Yields where two templates differ, as deep as people name it: to a field of the spec or a container."""
    if path.count(".") >= 3 or not isinstance(before, Mapping) or not isinstance(after, Mapping):  # noqa: PLR2004
        if before != after:
            yield path.lstrip(".")
        return
    for key in sorted({*before, *after}):
        if key == "containers":
            yield from _differences(_by_name(before.get(key)), _by_name(after.get(key)), path)
        else:
            yield from _differences(before.get(key), after.get(key), f"{path}.{key}")


def _by_name(containers: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {f"containers[{container['name']}]": container for container in containers or ()}
