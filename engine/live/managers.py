"""Who wrote which field of an object, by its `managedFields`; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.live.inventory import Object


def field_managers(item: Object, starts: Sequence[str] = ("",)) -> Mapping[str, str] | None:
    """Returns the manager of each field by its path, as `spec.replicas`; None where the object does not say.

    Only of the fields whose path begins in one of these ways: an object has many that nobody asks for.
    An element of a list goes by its name: `spec.template.spec.containers[amf].image`. The manager is a claim
    of whoever wrote the field, not a proven identity.
    """
    entries = item["metadata"].get("managedFields")
    if not entries:
        return None
    return {
        path: str(entry.get("manager", ""))
        for entry in entries
        for path in _paths(entry.get("fieldsV1") or {}, "", starts)
    }


def _paths(fields: Mapping[str, Any], prefix: str, starts: Sequence[str]) -> Iterator[str]:
    for key, inner in fields.items():
        kind, _, name = key.partition(":")
        if kind == "f":
            path = f"{prefix}.{name}" if prefix else name
        elif kind == "k":
            path = f"{prefix}[{_element(name)}]"
        else:  # "." is the element itself, "v:" a value of a set
            continue
        if not any(path.startswith(start) or start.startswith(path) for start in starts):
            continue
        if isinstance(inner, Mapping) and inner:
            yield from _paths(inner, path, starts)
        elif any(path.startswith(start) for start in starts):
            yield path


def _element(key: str) -> str:
    """Returns what people call the element of a list: its name, or its whole key."""
    try:
        values = dict(json.loads(key))
    except (ValueError, TypeError):
        return key
    return str(values["name"]) if "name" in values else ",".join(str(value) for value in values.values())
