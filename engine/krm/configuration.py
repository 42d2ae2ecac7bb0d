"""configuration: settings in the one ConfigMap that the workload uses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.krm.change import ClusterSettings
from engine.krm.draft import Draft, Refused, field_path, known, live_workload, partial
from engine.live.inventory import Object
from engine.live.objects import ConfigMapUse, config_map_uses, name_of
from engine.live.view import LiveView
from engine.reasons import Reason

_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

Uses = tuple[ConfigMapUse, ...]


def render(action: Mapping[str, Any], view: LiveView, _: ClusterSettings) -> tuple[Draft, ...]:
    """Renders settings.

    Raises:
        Refused: the workload uses no ConfigMap or several, others use it too, or it cannot be changed.
    """
    workload = live_workload(view)
    settings: Mapping[str, str] = action["settings"]
    uses = config_map_uses(workload)
    config_map = _the_config_map(uses, view)
    _refuse_shared(config_map, view, workload)
    _refuse_unchangeable(config_map, settings)
    for key in settings:
        _refuse_unread(key, config_map, uses, view)
    item = partial(config_map, data=dict(sorted(settings.items())))
    fields = tuple(field_path(item, f"data[{key}]") for key in sorted(settings))
    warnings = tuple(_warnings(settings, config_map, uses, view))
    return (Draft(view.target, (item,), fields, warnings),)


def _the_config_map(uses: Uses, view: LiveView) -> Object:
    names = sorted({use.config_map for use in uses})
    where = f"{view.target} in namespace {view.namespace}"
    if not names:
        message = (
            f"{where} uses no ConfigMap, so there is nowhere to put a setting; give its pod template one "
            "(envFrom, configMapKeyRef or a volume)"
        )
        raise Refused(Reason.MISSING_FACT, message)
    if len(names) > 1:
        message = f"{where} uses the ConfigMaps {', '.join(names)}; which one is meant cannot be said yet"
        raise Refused(Reason.AMBIGUOUS, message)
    for item in known(view.config_maps, "config_maps", view):
        if name_of(item) == names[0]:
            return item
    message = f"{where} uses ConfigMap {names[0]}, which is not there ({view.origin}); create it first"
    raise Refused(Reason.MISSING_FACT, message)


def _refuse_shared(config_map: Object, view: LiveView, workload: Object) -> None:
    """Refuses a ConfigMap of several workloads: the text is about one of them."""
    others = [
        name_of(other)
        for other in known(view.workloads, "workloads", view)
        if (other["kind"], name_of(other)) != (workload["kind"], name_of(workload))
        and any(use.config_map == name_of(config_map) for use in config_map_uses(other))
    ]
    if others:
        message = (
            f"ConfigMap {name_of(config_map)} is also used by {', '.join(others)}, which the text does not "
            f"name; give {view.target} a ConfigMap of its own"
        )
        raise Refused(Reason.CONFLICT, message)


def _refuse_unchangeable(config_map: Object, settings: Mapping[str, str]) -> None:
    name = name_of(config_map)
    if config_map.get("immutable"):
        message = f"ConfigMap {name} is immutable; make a new one and have the pod template use it"
        raise Refused(Reason.INVALID, message)
    for key in settings:
        if not _KEY.match(key):
            message = f"{key!r} is no key of a ConfigMap: letters, digits, '-', '_' and '.' only"
            raise Refused(Reason.INVALID, message)
        if key in (config_map.get("binaryData") or {}):
            raise Refused(
                Reason.INVALID, f"{key} of ConfigMap {name} is binary data, which no text can replace"
            )


def _refuse_unread(key: str, config_map: Object, uses: Uses, view: LiveView) -> None:
    """Refuses a key that the pods would never read, and one that is there in another spelling."""
    data = config_map.get("data") or {}
    if key not in data:
        for there in data:
            if _letters(there) == _letters(key):
                message = (
                    f"ConfigMap {name_of(config_map)} has {there}, not {key}; write "
                    f"'set {there} to … on {view.target}' if that is meant"
                )
                raise Refused(Reason.AMBIGUOUS, message)
    if not any(use.keys is None or key in use.keys for use in uses):
        read = sorted(set().union(*(use.keys or frozenset() for use in uses)))
        message = f"{view.target} reads only {', '.join(read)} of ConfigMap {name_of(config_map)}, not {key}"
        raise Refused(Reason.INVALID, message)


def _letters(key: str) -> str:
    return re.sub(r"[-._]", "", key).lower()


def _warnings(settings: Mapping[str, str], config_map: Object, uses: Uses, view: LiveView) -> Iterator[str]:
    name, data = name_of(config_map), config_map.get("data") or {}
    target, by_file_only = view.target, all(use.how == "volume" for use in uses)
    if by_file_only and all(use.live for use in uses):
        yield (
            f"{target}: its pods see the changed file within about a minute; whether {target} reads it again "
            "is up to it"
        )
    else:
        keys = ", ".join(sorted(settings))
        yield f"{target}: the change of {keys} takes effect at the next restart of its pods"
    for key in sorted(settings):
        if any(use.how == "envFrom" and not _VARIABLE.match(use.prefix + key) for use in uses):
            yield f"{key} is no name that every version of Kubernetes takes for an environment variable"
        if key not in data and by_file_only:
            yield f"{key} is new in ConfigMap {name}: it becomes a file of its own, for {target} to read"
