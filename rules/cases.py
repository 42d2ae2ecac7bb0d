"""RuleTest documents: the cases that rule authors write. Models only; `testing` runs them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from documents import StrictModel
from rules.decision import Reason, Verdict
from rules.models import Metadata, RuleId, Text

NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""The time of a case that states none: midnight of a Thursday."""


class RouteSpec(StrictModel):
    """The route that is expected; what is left out may be anything."""

    executor: str | None = None
    repository: str | None = None
    lifecycle: str | None = None


class ExpectSpec(StrictModel):
    """What a decision has to say; what is left out may be anything."""

    verdict: Annotated[Verdict, Field(strict=False)] = Field(description="proceed, refuse or hold.")
    reason: Annotated[Reason, Field(strict=False)] | None = Field(
        default=None, description="A status reason."
    )
    rule: RuleId | None = Field(default=None, description="The rule that decides.")
    message: Text | None = Field(default=None, description="Words that the message contains.")
    changed: dict[str, Any] | None = Field(
        default=None, description="All fields that `set` changes, with their values after it."
    )
    warnings: list[RuleId] | None = Field(default=None, description="All rules that warn, in order.")
    route: RouteSpec | None = Field(default=None, description="Where the first action goes.")
    rate_limits: list[RuleId] | None = Field(
        default=None, description="All rules whose buckets it draws tokens from, in order."
    )
    retry: RuleId | None = Field(default=None, description="The rule whose retries it has.")
    priority: int | None = Field(default=None, description="What the execute queue is ordered by.")
    hold_until: Annotated[datetime, Field(strict=False)] | None = Field(
        default=None, description="When a held intent is looked at again."
    )
    needs_approval: bool | None = Field(default=None, description="Whether somebody has to approve it.")


class GivenSpec(StrictModel):
    """What is known, by the fields of IntentView, Facts and History in camelCase; the rest is as there."""

    intent: dict[str, Any] = Field(default={}, description="The intent; its namespace is the action's.")
    facts: dict[str, Any] | list[dict[str, Any]] = Field(
        default={}, description="The facts of every action, or a list with those of each."
    )
    history: dict[str, Any] = Field(default={}, description="What happened to the intent before.")
    now: Annotated[datetime, Field(strict=False)] = Field(default=NOW, description="The time, with its zone.")
    approved: bool = Field(default=False, description="Whether somebody has approved it.")
    own_namespace: str = Field(default="", description="Where conductor-watch runs.")


class CaseSpec(GivenSpec):
    """One case: structured actions in what is known, laid over the `given` of the document."""

    name: Text
    actions: list[dict[str, Any]] = Field(min_length=1, description="Structured actions, by the contract.")
    expect: ExpectSpec


class RuleTestSpec(StrictModel):
    """The document of kind RuleTest."""

    api_version: Literal["conductor-watch/v1"]
    kind: Literal["RuleTest"]
    metadata: Metadata
    given: GivenSpec = GivenSpec()
    cases: list[CaseSpec] = Field(min_length=1)
