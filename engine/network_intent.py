"""The NetworkIntent resource: its spec as pydantic reads it, and the frozen intent of the pipeline."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from documents import Document, DocumentError, StrictModel, said, validate
from engine.identity import spec_hash

GROUP = "nephoran.com"
VERSION = "v1"
KIND = "NetworkIntent"
MAX_TEXT = 1000
"""The longest `spec.intent`, in characters."""

MAX_NAME = 253
"""The longest name of a resource, in characters."""

_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"


class Constraints(StrictModel):
    """What the requester allows; it can only narrow what the rules allow."""

    min_replicas: int | None = Field(default=None, ge=0, description="The fewest to ask for.")
    max_replicas: int | None = Field(default=None, ge=0, description="The most to ask for.")
    allowed_namespaces: list[str] | None = Field(default=None, description="The only namespaces to act in.")


class IntentSpec(StrictModel):
    """`spec` of a NetworkIntent. Fields not known here are kept by Kubernetes and have no effect."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True)

    intent: str = Field(max_length=MAX_TEXT, description="What is wanted, in plain language.")
    target_namespace: str | None = Field(
        default=None, pattern=_LABEL, description="Namespace of the actions whose text names none."
    )
    priority: int = Field(default=5, ge=0, le=10, description="Higher is executed first; waiting adds to it.")
    suspend: bool = Field(default=False, description="Take no new action while true.")
    dry_run: bool = Field(default=False, description="Decide and report, but write nothing.")
    deletion_policy: Literal["Orphan", "Withdraw"] = Field(
        default="Orphan",
        description="What becomes of its packages when it is deleted: Orphan keeps them, Withdraw proposes "
        "them for deletion first.",
    )
    constraints: Constraints = Field(default=Constraints(), description="Limits of the requester's own.")
    parameters: dict[str, Any] = Field(default={}, description="Kept; nothing here reads them.")

    @field_validator("intent")
    @classmethod
    def _not_blank(cls, text: str) -> str:
        if not text.strip():
            message = "the intent is blank; say what is wanted, as in 'scale amf to 5 replicas'"
            raise ValueError(message)
        return text


class Metadata(StrictModel):
    """What of `metadata` counts."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1, max_length=MAX_NAME, pattern=_SUBDOMAIN)
    namespace: str = Field(default="default", pattern=_LABEL)
    labels: dict[str, str] = Field(default={})
    annotations: dict[str, str] = Field(default={})


class _Manifest(StrictModel):
    model_config = ConfigDict(extra="ignore")

    api_version: str
    kind: Literal["NetworkIntent"]
    metadata: Metadata
    spec: IntentSpec


@dataclass(frozen=True, slots=True)
class Intent:
    """One generation of a NetworkIntent.

    Attributes:
        origin: where it was seen: the path of a manifest, or a resource version.
        generation: counts the changes of the spec, from 1.
        spec_hash: see engine.identity.spec_hash.
        action: what it states in fields, by the contract, in place of a text that has to be read; else None.
        requester: who asked for it, as far as that is known for certain; else "unknown".
    """

    namespace: str
    name: str
    uid: str
    generation: int
    origin: str
    spec: IntentSpec
    spec_hash: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    action: Mapping[str, Any] | None = None
    requester: str = "unknown"

    @property
    def key(self) -> str:
        """`namespace/name`, as people write it."""
        return f"{self.namespace}/{self.name}"


def read_manifest(document: Document, group: str = GROUP, version: str = VERSION) -> dict[str, Any]:
    """Reads a NetworkIntent from a manifest as a plain object with defaults left out.

    Raises:
        DocumentError: the document is not a NetworkIntent, or a field of it does not fit.
    """
    if not isinstance(document.value, dict):
        raise DocumentError((document.problem((), "not a Kubernetes object; a manifest is a map"),))
    kind, api = document.value.get("kind"), document.value.get("apiVersion")
    if kind != KIND or api != f"{group}/{version}":
        found = f"{api or 'no apiVersion'}, {kind or 'no kind'}"
        message = f"not a NetworkIntent: expected {group}/{version}, {KIND}, found {found}"
        raise DocumentError((document.problem(("kind",) if kind != KIND else ("apiVersion",), message),))
    manifest = validate(document, _Manifest)
    return {
        "metadata": {
            "namespace": manifest.metadata.namespace,
            "name": manifest.metadata.name,
            "labels": manifest.metadata.labels,
            "annotations": manifest.metadata.annotations,
        },
        "spec": manifest.spec.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True),
    }


def said_problems(error: ValidationError, section: str = "spec") -> str:
    """Returns what of a section does not fit, field by field, for people."""
    model = Metadata if section == "metadata" else IntentSpec
    return "; ".join(
        f"{'.'.join([section, *(str(step) for step in detail['loc'])])}: {said(detail, model)}"
        for detail in error.errors(include_url=False)
    )


def is_named_right(namespace: object, name: object) -> bool:
    """Tells whether a namespace and a name can be those of a resource."""
    return (
        isinstance(namespace, str)
        and isinstance(name, str)
        and len(name) <= MAX_NAME
        and re.fullmatch(_LABEL.strip("^$"), namespace) is not None
        and re.fullmatch(_SUBDOMAIN.strip("^$"), name) is not None
    )


def redacted(spec: Mapping[str, Any], redact: Callable[[str], str]) -> dict[str, Any]:
    """Returns a spec as it may be kept: secrets taken out of its text, and of its parameters.

    Args:
        redact: takes secrets out of the text of an intent.
    """
    kept = {**spec, "intent": redact(spec["intent"])}
    if "parameters" in spec:
        kept["parameters"] = _without_secrets(spec["parameters"], redact)
    return kept


def _without_secrets(value: Any, redact: Callable[[str], str], key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _without_secrets(item, redact, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item, redact, key) for item in value]
    if isinstance(value, str) and key:
        # Read as the setting that it most likely is, so that the name of the parameter counts too.
        asked = f"set {key}={value} on x"
        return value if redact(asked) == asked else "[redacted]"
    return value


def intent_of(body: Mapping[str, Any], *, uid: str, generation: int, origin: str) -> Intent:
    """Builds the intent from a stored object: {"metadata": {…}, "spec": {…}}, valid when it was stored."""
    metadata = body["metadata"]
    return Intent(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=uid,
        generation=generation,
        origin=origin,
        spec=IntentSpec.model_validate(body["spec"]),
        spec_hash=spec_hash(body["spec"]),
        labels=metadata.get("labels", {}),
        annotations=metadata.get("annotations", {}),
        action=body.get("action"),
        requester=metadata.get("requester", "unknown"),
    )
