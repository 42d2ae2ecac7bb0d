"""The documents that rule authors write: RuleSet and RuleTest, as pydantic models of their YAML.

Shapes only; what expressions mean is checked where they are compiled.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from documents import StrictModel

API_VERSION = "conductor-watch/v1"
NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z"
ID_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z"
PRIORITIES = range(11)
"""What `spec.priority` can be."""
VARIABLE_PATTERN = r"^[a-z][A-Za-z0-9]{0,62}\Z"


def _fitting(pattern: str, wanted: str) -> AfterValidator:
    """Returns a check that a text has a form, whose error says in words what form that is."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.match(text) is None:
            raise ValueError(f"{text!r} is {wanted}")
        return text

    return AfterValidator(check)


RuleName = Annotated[
    str, _fitting(NAME_PATTERN, "no name: lower-case letters, digits and dashes between them, 63 at most")
]
RuleId = Annotated[str, _fitting(ID_PATTERN, "no rule: write set/name, as default/replicas-cap")]
VariableName = Annotated[
    str, _fitting(VARIABLE_PATTERN, "no name of a var: a lower-case letter, then letters and digits")
]
Glob = Annotated[str, Field(min_length=1, max_length=253)]
DURATION_PATTERN = r"^[1-9][0-9]{0,5}[smhd]\Z"
Duration = Annotated[str, _fitting(DURATION_PATTERN, "no duration: write 30s, 5m, 2h or 1d")]
"""A whole number of seconds, minutes, hours or days: 30s, 5m, 2h, 1d."""
Text = Annotated[str, Field(min_length=1, max_length=1000)]


class Mode(StrEnum):
    """What a rule's effect does."""

    ENFORCE = "enforce"  #: It takes place.
    WARN = "warn"  #: It becomes a warning.
    DRYRUN = "dryrun"  #: It stands in the trace alone.


class PriorityRange(StrictModel):
    """A range of the priority that an intent states, both ends within."""

    at_least: int = Field(default=0, ge=0, le=10)
    at_most: int = Field(default=10, ge=0, le=10)

    @model_validator(mode="after")
    def _not_empty(self) -> PriorityRange:
        if self.at_least > self.at_most:
            raise ValueError(f"no priority is at least {self.at_least} and at most {self.at_most}")
        return self


class MatchSpec(StrictModel):
    """Which actions of which intents a rule is about; what is left out matches all."""

    intent_types: list[str] | None = Field(
        default=None, min_length=1, description="Intent types, by the contract."
    )
    namespaces: list[Glob] | None = Field(
        default=None, min_length=1, description="Globs of the namespace that is acted on."
    )
    targets: list[Glob] | None = Field(default=None, min_length=1, description="Globs of the target's name.")
    labels: dict[str, Glob] | None = Field(
        default=None, min_length=1, description="Labels of the intent, with a glob of each value."
    )
    annotations: dict[str, Glob] | None = Field(
        default=None, min_length=1, description="Annotations of the intent, with a glob of each value."
    )
    sources: list[Literal["cluster", "directory", "cli", "webhook"]] | None = Field(
        default=None, min_length=1, description="Where the intent came from."
    )
    priority: PriorityRange | None = Field(default=None, description="The priority that the intent states.")


class ExecuteSpec(StrictModel):
    """Where the package goes; what is left out is the settings' default."""

    executor: RuleName | None = Field(default=None, description="The executor.")
    repository: RuleName | None = Field(default=None, description="The repository.")
    lifecycle: Literal["Draft", "Proposed", "Published"] | None = Field(
        default=None, description="How far the package goes; bounded by the settings."
    )

    @model_validator(mode="after")
    def _chooses(self) -> ExecuteSpec:
        if not self.model_fields_set:
            raise ValueError("chooses nothing; give executor, repository or lifecycle")
        return self


class WindowSpec(StrictModel):
    """When something may happen: from each time of `cron`, for `duration`; each may be `${vars.…}`."""

    cron: str = Field(description="Minute, hour, day of month, month, day of week.")
    duration: str = Field(description="How long the window stays open, as 2h.")
    timezone: str = Field(default="UTC", description="IANA name of the time zone that cron counts in.")


class HoldSpec(StrictModel):
    """What an intent waits for: an approval, or a window."""

    until: Literal["approved"] | None = Field(default=None, description="Somebody approves it.")
    window: WindowSpec | None = Field(default=None, description="The window opens.")
    message: Text = Field(default="", min_length=0, description="What people are told; may have ${…}.")

    @model_validator(mode="after")
    def _one(self) -> HoldSpec:
        if (self.until is None) == (self.window is None):
            raise ValueError("give either `until: approved` or a `window`")
        return self


class RetrySpec(StrictModel):
    """When a failed execution is tried again."""

    schedule: list[Duration] = Field(
        min_length=1, max_length=20, description="The delay before each retry; the last one repeats."
    )
    limit: int = Field(ge=0, le=100, description="How many retries there are.")


class RateLimitSpec(StrictModel):
    """A token bucket: one token for each action that goes to an executor."""

    per: Literal["rule", "namespace", "target"] = Field(description="What has a bucket of its own.")
    burst: int = Field(ge=1, le=1000, description="How many tokens the bucket holds.")
    refill: Duration = Field(description="The time in which one token comes back.")


class ThenSpec(StrictModel):
    """The effects of a rule; at least one."""

    set: dict[str, Any] | None = Field(
        default=None, min_length=1, description="Fields of the action by dotted path; null takes one away."
    )
    refuse: Text | None = Field(default=None, description="Why the intent is refused; may have ${…}.")
    warn: Text | None = Field(default=None, description="What people are warned of; may have ${…}.")
    hold: HoldSpec | None = Field(default=None, description="What the intent waits for.")
    execute: ExecuteSpec | None = Field(default=None, description="Where the package goes.")
    retry: RetrySpec | None = Field(default=None, description="When a failed execution is tried again.")
    rate_limit: RateLimitSpec | None = Field(default=None, description="How many at a time.")
    priority: int | str | None = Field(
        default=None, description="0 to 10, or ${…}: what the execute queue is ordered by."
    )

    @model_validator(mode="after")
    def _has_effect(self) -> ThenSpec:
        if all(value is None for value in (getattr(self, name) for name in type(self).model_fields)):
            names = ", ".join(info.alias or name for name, info in type(self).model_fields.items())
            raise ValueError(f"has no effect; give at least one of {names}")
        return self


class RuleSpec(StrictModel):
    """One rule: whom it is about, when it holds, what it does."""

    name: RuleName
    description: str = Field(default="", max_length=500, description="What it is for, for people.")
    match: MatchSpec = MatchSpec()
    when: str | None = Field(default=None, min_length=1, description="A CEL condition; left out: always.")
    then: ThenSpec
    mode: Annotated[Mode, Field(strict=False)] = Mode.ENFORCE


class Metadata(StrictModel):
    """The name of a document."""

    name: RuleName


class RuleSetSpec(StrictModel):
    """The document of kind RuleSet."""

    api_version: Literal["conductor-watch/v1"]
    kind: Literal["RuleSet"]
    metadata: Metadata
    vars: dict[VariableName, Any] = Field(
        default={}, description="Values that expressions read as vars.NAME; a user's win over the shipped."
    )
    disable: list[RuleId] = Field(default=[], description="Rules, as set/rule, that do not apply.")
    rules: list[RuleSpec] = Field(default=[], description="In the order in which they apply.")
