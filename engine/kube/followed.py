"""The resources whose objects are intents, and what the definition of each has to keep of them.

The definition of those with a text is ours; that of those that state an action in fields is somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.kube.resources import Resource, network_intents
from engine.settings import Settings

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Followed:
    """A resource whose objects are intents.

    Attributes:
        schema: returns the fields that its definition has to keep, as an OpenAPI schema of an object; built
            only when it is asked for, since it costs memory.
        remedy: what to do where the definition does not.
    """

    resource: Resource
    schema: Callable[[], Schema]
    remedy: str


def followed(settings: Settings) -> tuple[Followed, ...]:
    """Returns the resources that the settings have us follow, first that of intents with a text."""
    text = Followed(
        network_intents(settings.group, settings.version, settings.kubernetes.plural),
        own_schema,
        "install the definition of this release: conductor-watch crd --settings FILE | "
        "kubectl apply --server-side -f -",
    )
    stated = settings.structured
    if not stated.enabled:
        return (text,)
    structured = Followed(
        network_intents(stated.group, stated.version, stated.plural),
        partial(_stated_schema, tuple(stated.fields.values()), tuple(stated.status)),
        "correct its CustomResourceDefinition, or what structured says of it in the settings",
    )
    return (text, structured)


def own_schema() -> Schema:
    """Returns the schema of our own definition."""
    from engine.crd import definition  # noqa: PLC0415 - the daemon needs the models only for this

    schema: Schema = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _stated_schema(fields: tuple[str, ...], status: tuple[str, ...]) -> Schema:
    """Returns the fields of a spec that an action is read from, and those of our status that are shown."""
    ours = own_schema()["properties"]["status"]["properties"]
    kept = {name: ours[name] for name in status if name in ours}
    return {
        "properties": {"spec": {"properties": {name: {} for name in fields}}, "status": {"properties": kept}}
    }
