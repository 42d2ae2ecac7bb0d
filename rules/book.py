"""The rules in force, compiled: what `load` returns and `evaluate` reads. Frozen; nothing here decides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from documents import Document, Place, Problem
from rules.assignments import Assignment
from rules.decision import RetryPolicy
from rules.expressions import Compiler
from rules.functions import glob_pattern
from rules.models import Mode
from rules.origins import Origins
from rules.snapshot import Action, IntentView, Json
from rules.templates import Condition, Template
from rules.windows import Window


@dataclass(frozen=True, slots=True)
class Globs:
    """Globs of which one has to fit."""

    texts: tuple[str, ...]
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, texts: list[str]) -> Globs:
        """Compiles globs: `*` stands for any characters, `?` for one."""
        return cls(tuple(texts), re.compile("|".join(glob_pattern(text) for text in texts)))

    def fit(self, text: str) -> bool:
        """Tells whether one of them fits."""
        return self.pattern.fullmatch(text) is not None

    def __str__(self) -> str:
        return ", ".join(self.texts)


@dataclass(frozen=True, slots=True)
class Match:
    """Which actions of which intents a rule is about; what is empty matches all."""

    intent_types: frozenset[str] = frozenset()
    namespaces: Globs | None = None
    targets: Globs | None = None
    labels: Mapping[str, Globs] = field(default_factory=dict)
    annotations: Mapping[str, Globs] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()
    priority: range | None = None

    def mismatch(self, intent: IntentView, action: Action) -> str:
        """Returns the first clause that does not fit, with the value; empty where all fit."""
        if self.intent_types and action.get("intent_type") not in self.intent_types:
            return (
                f"intentTypes: {action.get('intent_type')} is none of {', '.join(sorted(self.intent_types))}"
            )
        for name, globs in (("namespace", self.namespaces), ("target", self.targets)):
            if globs is not None and not globs.fit(str(action.get(name, ""))):
                return f"{name}s: {action.get(name, '')} is none of {globs}"
        if self.sources and intent.source not in self.sources:
            return f"sources: {intent.source} is none of {', '.join(sorted(self.sources))}"
        if self.priority is not None and intent.priority not in self.priority:
            return f"priority: {intent.priority} is not {self.priority.start} to {self.priority.stop - 1}"
        if self.labels or self.annotations:
            return _missing("labels", self.labels, intent.labels) or _missing(
                "annotations", self.annotations, intent.annotations
            )
        return ""


def _missing(name: str, wanted: Mapping[str, Globs], given: Mapping[str, str]) -> str:
    for key, globs in wanted.items():
        if key not in given:
            return f"{name}: there is no {key}"
        if not globs.fit(given[key]):
            return f"{name}: {key} is {given[key]}, not {globs}"
    return ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What `execute` chooses; empty where it leaves the settings' default."""

    executor: str = ""
    repository: str = ""
    lifecycle: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.executor, self.repository, self.lifecycle) if part)


@dataclass(frozen=True, slots=True)
class Hold:
    """What an intent waits for: a window, or an approval where there is none.

    Attributes:
        vars: the names of the vars that the window was made from.
    """

    window: Window | None
    message: Template
    vars: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket; `per` is rule, namespace or target, `refill` the seconds for one token."""

    per: str
    burst: int
    refill: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule.

    Attributes:
        id: "set/name", how it is called everywhere.
        place: where it stands.
        shipped: whether it is one of the shipped rules.
        when: its condition as written; empty for always.
    """

    id: str
    description: str
    place: Place
    mode: Mode
    match: Match
    when: str
    condition: Condition
    shipped: bool = False
    assignments: tuple[Assignment, ...] = ()
    refuse: Template | None = None
    warn: Template | None = None
    hold: Hold | None = None
    execute: Choice | None = None
    retry: RetryPolicy | None = None
    bucket: Bucket | None = None
    priority: Template | int | None = None


@dataclass(frozen=True)
class RuleBook:
    """The effective rules.

    Attributes:
        rules: in the order in which they apply.
        vars: the effective values.
        digest: sha256 of what the rules and vars say, in hex.
        warnings: what is probably not meant, though it is no error.
        tests: the RuleTest documents that came with the rules; the shipped ones only without others.
        own: whether there are rule sets beside the shipped ones.
        origins: where the vars come from, and which rules do not apply.
    """

    rules: tuple[Rule, ...]
    vars: Mapping[str, Json]
    digest: str
    warnings: tuple[Problem, ...]
    tests: tuple[Document, ...]
    own: bool
    origins: Origins
    compiler: Compiler = field(repr=False)

    @cached_property
    def setting(self) -> tuple[Rule, ...]:
        """The rules that change the action."""
        return tuple(rule for rule in self.rules if rule.assignments)

    @cached_property
    def judging(self) -> tuple[Rule, ...]:
        """The rules that have another effect."""
        return tuple(rule for rule in self.rules if any(getattr(rule, name) is not None for name in _JUDGING))


_JUDGING = ("refuse", "warn", "hold", "execute", "retry", "bucket", "priority")
