"""What `status` of a NetworkIntent may hold, for its schema; `engine.status` builds it.

A field that is not here is pruned by the API server, so a test holds every status that is built against it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic.alias_generators import to_camel

from documents import StrictModel
from engine.reasons import Phase

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339."""
_BY_TYPE: dict[str, JsonValue] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
"""Applied one by one, so that others can add conditions of their own."""


class _Part(StrictModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=False, alias_generator=to_camel, use_enum_values=True
    )


class Condition(_Part):
    """One condition, as the API conventions of Kubernetes have it."""

    type: str = Field(description="Ready, Reconciling, Stalled or Published.")
    status: Literal["True", "False", "Unknown"]
    reason: str = Field(description="Why, in one word of a fixed list.")
    message: str = Field(description="Why, for people.")
    observed_generation: int = Field(description="The generation it is about.")
    last_transition_time: Time = Field(description="When its status changed last.")


class Assumption(_Part):
    """A value that was not said."""

    action: int = Field(description="Index of the action.")
    field: str
    value: JsonValue
    why: str = Field(description="Why it was assumed.")


class Interpretation(_Part):
    """How the text was read."""

    actions: list[dict[str, JsonValue]] | None = Field(
        default=None, description="The structured actions, by the contract of intents."
    )
    words: list[dict[str, list[str]]] | None = Field(
        default=None, description="For each action, the words that each field came from."
    )
    assumed: list[Assumption] | None = Field(default=None, description="Every value that was not said.")
    reason: str | None = Field(default=None, description="The reason that the text gives for the wish.")
    unread: list[str] | None = Field(default=None, description="Words that were not understood.")
    suggestions: list[str] | None = Field(default=None, description="Texts that would be understood.")


class Decision(_Part):
    """What the rules said."""

    rule: str | None = Field(default=None, description="The rule that decided, as set/rule.")
    rules: list[list[str]] | None = Field(
        default=None, description="For each action, the rules that had an effect on it."
    )
    executor: str | None = Field(default=None, description="What writes the packages.")
    rules_digest: str | None = Field(default=None, description="The rules as they were.")
    warnings: list[str] | None = None


class Package(_Part):
    """A revision of a package that holds what is wanted."""

    repository: str
    name: str
    workspace: str
    lifecycle: str = Field(description="Draft, Proposed, Published, DeletionProposed or Deleted.")
    revision: int = Field(description="Its number, once published.")
    resource_name: str = Field(description="Its name as a resource of the backend.")
    namespace: str | None = Field(default=None, description="Of the objects that it is about.")
    target: str | None = Field(default=None, description="The workload that it is about; * for all.")
    fields: list[str] | None = Field(
        default=None, description="What the intent decides there, as Deployment/amf:spec.replicas."
    )


class Outcome(_Part):
    """How a generation ended."""

    generation: int
    phase: Phase
    reason: str
    message: str
    time: Time


class Status(_Part):
    """What became of the intent."""

    phase: Phase | None = None
    observed_generation: int | None = Field(
        default=None, description="The generation of the spec that all of this is about."
    )
    last_update_time: Time | None = None
    last_message: str | None = Field(default=None, description="Why it is in its phase.")
    conditions: list[Condition] | None = Field(default=None, json_schema_extra=_BY_TYPE)
    spec_hash: str | None = Field(default=None, description="Hash of the spec that was decided for.")
    attempts: int | None = Field(default=None, description="Tries of the execution so far.")
    next_retry_time: Time | None = None
    last_handled_reconcile_at: str | None = Field(
        default=None, description="The last value of the annotation conductor-watch/requested-at acted on."
    )
    trace_id: str | None = Field(default=None, alias="traceID", description="Its trace, in 32 hex digits.")
    interpretation: Interpretation | None = None
    decision: Decision | None = None
    packages: list[Package] | None = Field(default=None, description="Where it was written.")
    history: list[Outcome] | None = Field(default=None, description="The last outcomes, newest first.")
