"""Lays partial objects over others, list by list as Kubernetes and the meaning of each list have it; pure.

The same merge makes a package's new content, and shows a later action the live objects as earlier ones leave
them. Nothing that is passed in is changed, and nothing of it is shared with the result.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from engine.krm.change import JsonObject, PackageChange, Removal
from engine.live.objects import policy_directions

Merge = Callable[[list[Any], list[Any]], list[Any]]
DENIES = "conductor-watch/denies"
"""The annotation that says what a NetworkPolicy of ours denies; its rules say what is left."""
_IDENTITY = {"apiVersion", "kind", "metadata"}


class MergeConflict(Exception):  # noqa: N818 - two intents that contradict are no error of the program
    """A package would state two things that work against one another; the message names both."""


def merge(current: Sequence[Mapping[str, Any]], change: PackageChange) -> list[JsonObject]:
    """Returns the objects of a package with a change laid over, in the order of their files.

    Live objects may not show yet what the package states already, so what would not hold beside it is
    refused here once more.

    Raises:
        MergeConflict: the package would state an autoscaler and a fixed count for one workload, or a denial
            beside a policy that undoes it.
    """
    kept = without(current, change.removals)
    _refuse_undone_denials(kept, change)
    merged = sorted(lay_over(kept, (_owned(item, kept, change) for item in change.objects)), key=_key)
    _refuse_rivals(merged, change.name)
    return merged


def lay_over(base: Iterable[Mapping[str, Any]], patches: Iterable[Mapping[str, Any]]) -> list[JsonObject]:
    """Returns the base objects with the patches merged in; those of no base object are added at the end."""
    merged: dict[tuple[str, str], JsonObject] = {_key(item): dict(item) for item in base}
    for patch in patches:
        found = merged.get(_key(patch))
        merged[_key(patch)] = dict(patch) if found is None else merge_object(found, patch)
    return copy.deepcopy(list(merged.values()))


def merge_object(base: Mapping[str, Any], patch: Mapping[str, Any]) -> JsonObject:
    """Returns one object with another laid over; what the other does not mention stays."""
    merged = dict(base)
    for key, value in patch.items():
        before = merged.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping) and key not in _ATOMIC_MAPS:
            merged[key] = merge_object(before, value)
        elif isinstance(before, list) and isinstance(value, list) and key in _LISTS:
            merged[key] = _LISTS[key](before, value)
        else:
            merged[key] = value
    return merged


def without(items: Iterable[Mapping[str, Any]], removals: Sequence[Removal]) -> list[JsonObject]:
    """Returns the objects without the fields; an object that then says nothing more is left out."""
    kept = []
    for item in items:
        paths = [removal.path for removal in removals if (removal.kind, removal.name) == _key(item)]
        trimmed = dict(item)
        for path in paths:
            trimmed = _drop(trimmed, path)
        if not paths or set(trimmed) - _IDENTITY:
            kept.append(trimmed)
    return kept


def _owned(
    patch: Mapping[str, Any], current: Sequence[Mapping[str, Any]], change: PackageChange
) -> Mapping[str, Any]:
    """Leaves of the routes in a VirtualService only what the change owns.

    Their list is written whole, read from the live object, where the package may be ahead of it.
    """
    present = {_key(item): item for item in current}
    before = _at(present.get(_key(patch), {}), ("spec", "http"))
    routes = _at(patch, ("spec", "http"))
    if not before or not routes or len(before) != len(routes):
        return patch
    prefix = f"{patch['kind']}/{patch['metadata']['name']}:spec.http."
    owned = {field.removeprefix(prefix) for field in change.fields if field.startswith(prefix)}
    kept = [{key: value for key, value in route.items() if key in owned} for route in routes]
    return {**patch, "spec": {**patch["spec"], "http": kept}}


def _drop(item: Mapping[str, Any], path: tuple[str, ...]) -> JsonObject:
    """Returns a map without the field at a path, and without the maps that it leaves empty."""
    head, *rest = path
    if head not in item:
        return dict(item)
    others = {key: value for key, value in item.items() if key != head}
    if not rest:
        return others
    inner = _drop(item[head], tuple(rest))
    return {**others, head: inner} if inner else others


def _at(item: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = item
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _refuse_rivals(items: Sequence[Mapping[str, Any]], package: str) -> None:
    counted = {
        _key(item): item["spec"]["replicas"] for item in items if _at(item, ("spec", "replicas")) is not None
    }
    for item in items:
        scaled = _at(item, ("spec", "scaleTargetRef"))
        if scaled and (key := (scaled["kind"], scaled["name"])) in counted:
            raise MergeConflict(
                f"package {package} would state {counted[key]} replicas for {key[0]} {key[1]} and the "
                f"HorizontalPodAutoscaler {item['metadata']['name']} for it, which would undo one another; "
                f"withdraw the autoscaling, or write 'autoscale {key[1]} between … and … replicas'"
            )


def _refuse_undone_denials(current: Sequence[Mapping[str, Any]], change: PackageChange) -> None:
    """Refuses a new denial beside a policy for the same pods, where the two add up to more."""
    stated = {_key(item) for item in change.objects}
    others = [item for item in current if item["kind"] == "NetworkPolicy" and _key(item) not in stated]
    for denial in change.objects:
        denies = (denial["metadata"].get("annotations") or {}).get(DENIES)
        for item in others if denies else ():
            same_pods = item["spec"].get("podSelector") == denial["spec"]["podSelector"]
            if same_pods and _add_up(denial, item):
                raise MergeConflict(
                    f"package {change.name} states NetworkPolicy {item['metadata']['name']} for the same "
                    f"pods, and policies add up: {denies} would not be denied as meant; withdraw the intent "
                    "behind that policy first"
                )


def _add_up(denial: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tells whether what one of them allows passes by what the other denies."""
    return any(
        bool(denial["spec"].get(direction) or other["spec"].get(direction))
        for direction in policy_directions(denial) & policy_directions(other)
    )


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return (item["kind"], item["metadata"]["name"])


def _by(*fields: str) -> Merge:
    """Returns how lists merge whose elements are known by some of their fields."""

    def known_by(element: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(element.get(field) for field in fields)

    def merge_lists(base: list[Any], patch: list[Any]) -> list[Any]:
        merged = {known_by(element): element for element in base}
        for element in patch:
            found = merged.get(known_by(element))
            merged[known_by(element)] = element if found is None else merge_object(found, element)
        return list(merged.values())

    return merge_lists


def _metrics(base: list[Any], patch: list[Any]) -> list[Any]:
    """Merges metrics of an autoscaler: one for each resource, the patch's where both have it."""
    resources = {_at(metric, ("resource", "name")) for metric in patch} - {None}
    return _all_of([metric for metric in base if _at(metric, ("resource", "name")) not in resources], patch)


def _all_of(base: list[Any], patch: list[Any]) -> list[Any]:
    """Merges lists whose elements all count: each stays, none twice."""
    return [*base, *(element for element in patch if element not in base)]


def _pairwise(base: list[Any], patch: list[Any]) -> list[Any]:
    """Merges lists whose elements are known by their place only; of another length, the patch holds."""
    if len(base) != len(patch):
        return patch
    return [merge_object(mine, theirs) for mine, theirs in zip(base, patch, strict=True)]


def any_of_both(base: list[Any], patch: list[Any]) -> list[Any]:
    """Merges terms of which one has to hold, so that a base term and a patch term hold: each with each.

    A term that asks for all that another asks for, and more, adds nothing beside it and is left out.
    """
    terms: list[JsonObject] = []
    for mine in base:
        for theirs in patch:
            both = {
                field: _all_of(mine.get(field) or [], theirs.get(field) or [])
                for field in ("matchExpressions", "matchFields")
                if mine.get(field) or theirs.get(field)
            }
            if both not in terms:
                terms.append(both)
    return [term for term in terms if not any(_asks_more(term, other) for other in terms)]


def _asks_more(term: JsonObject, other: JsonObject) -> bool:
    def asks(one: JsonObject) -> list[Any]:
        return [*one.get("matchExpressions", ()), *one.get("matchFields", ())]

    return len(asks(term)) > len(asks(other)) and all(item in asks(term) for item in asks(other))


_ATOMIC_MAPS = {"labelSelector", "podSelector", "namespaceSelector", "selector", "scaleTargetRef"}
"""Maps that mean something as a whole only."""
_LISTS: Mapping[str, Merge] = {
    "containers": _by("name"),
    "initContainers": _by("name"),
    "volumes": _by("name"),
    "metrics": _metrics,
    "subsets": _by("name"),
    "topologySpreadConstraints": _by("topologyKey", "whenUnsatisfiable"),
    "nodeSelectorTerms": any_of_both,
    "requiredDuringSchedulingIgnoredDuringExecution": _all_of,
    "preferredDuringSchedulingIgnoredDuringExecution": _all_of,
    "http": _pairwise,
}
"""How the lists merge that are more than the sum of their text; every other list is replaced."""
