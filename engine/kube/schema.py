"""Compares served definitions with what we need of them: a field that one would drop is found at once.

Reads the OpenAPI document, which every account may, so that no right to custom resource definitions is
needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.kube.client import Client
from engine.kube.errors import NotFoundError, NotPublishedError
from engine.kube.followed import Followed, Schema
from engine.kube.resources import Resource

_KEEPS = "x-kubernetes-preserve-unknown-fields"
_PARTS = ("status", "spec")
_MOST_NAMED = 8


class Flaw(StrEnum):
    """What is wrong with the served definition."""

    NOT_SERVED = "NotServed"  #: The API server has no such kind.
    NO_STATUS = "NoStatus"  #: Status is no subresource: nothing can be reported.
    PRUNED = "Pruned"  #: Fields would be dropped without a word.


@dataclass(frozen=True, slots=True)
class Finding:
    """A flaw of the served definition, for `check`, readiness and the metric.

    Attributes:
        fields: the paths of what would be dropped: "status.decision.rule".
        message: what is wrong and what to do, for people.
    """

    flaw: Flaw
    message: str
    fields: tuple[str, ...] = ()


def check_schema(client: Client, followed: Followed) -> list[Finding]:
    """Returns what is wrong with the definition of a resource as it is served.

    The API server publishes a changed definition some seconds late, so a finding is looked for again.

    Raises:
        NotPublishedError: the API server has not published it yet.
        ApiError: it could not be read now.
    """
    resource, remedy = followed.resource, followed.remedy
    what = f"read the schema of {resource.group}/{resource.version}"
    try:
        listed = client.get(resource.root, what).get("resources") or ()
    except NotFoundError:
        listed = ()
    names = {item["name"] for item in listed}
    if resource.plural not in names:
        message = f"the API server does not serve {resource.words()} {resource.version}; {remedy}"
        return [Finding(Flaw.NOT_SERVED, message)]
    findings = []
    if f"{resource.plural}/status" not in names:
        message = f"{resource.words()} has no status subresource; {remedy}"
        findings.append(Finding(Flaw.NO_STATUS, message))
    try:
        document = client.get(f"/openapi/v3{resource.root}", what)
    except NotFoundError:
        document = {}
    served = _served_schema(document, resource)
    if served is None:
        raise NotPublishedError(f"cannot {what}: the API server has not published it yet")
    pruned = dropped(served, followed.schema())
    if pruned:
        named = ", ".join(pruned[:_MOST_NAMED]) + (", …" if len(pruned) > _MOST_NAMED else "")
        findings.append(Finding(Flaw.PRUNED, f"{resource.words()} would drop {named}; {remedy}", pruned))
    return findings


def dropped(served: Schema, ours: Schema) -> tuple[str, ...]:
    """Returns the paths of the fields of our schema that the served one does not keep; pure."""
    found: list[str] = []
    for part in _PARTS:
        has = served.get("properties", {}).get(part)
        found += (part,) if has is None else _lacking(ours["properties"][part], has, part)
    return tuple(found)


def _lacking(wanted: Schema, served: Schema, path: str) -> Iterator[str]:
    """Yields the paths of our fields that the served schema does not keep."""
    if served.get(_KEEPS):
        return
    for name, schema in (wanted.get("properties") or {}).items():
        inner = (served.get("properties") or {}).get(name, served.get("additionalProperties"))
        if inner is None or inner is False:
            yield f"{path}.{name}"
        elif isinstance(inner, Mapping):
            yield from _lacking(schema, inner, f"{path}.{name}")
    for word, mark in (("items", "[]"), ("additionalProperties", ".*")):
        ours, theirs = wanted.get(word), served.get(word)
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            yield from _lacking(ours, theirs, f"{path}{mark}")
    if wanted.get(_KEEPS) and not served.get(_KEEPS):
        yield f"{path}.*"


def _served_schema(document: Mapping[str, Any], resource: Resource) -> Schema | None:
    schemas = (document.get("components") or {}).get("schemas") or {}
    meant = {"group": resource.group, "kind": resource.kind, "version": resource.version}
    found = (
        schema
        for schema in schemas.values()
        if meant in (schema.get("x-kubernetes-group-version-kind") or ())
    )
    return next(found, None)
