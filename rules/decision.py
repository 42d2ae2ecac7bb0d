"""What a decision says: verdict, final actions, routes, and every rule's part in it. Only records.

`Decision.to_json` is what is stored and shown, so that an old decision explains itself without the rules and
the facts of its day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic.alias_generators import to_camel

from rules.snapshot import Action, Json


class Verdict(StrEnum):
    """What becomes of the intent, as a whole."""

    PROCEED = "proceed"  #: Every action may be executed.
    REFUSE = "refuse"  #: At least one action may not; nothing is executed.
    HOLD = "hold"  #: Nothing is refused, but at least one action has to wait.


class Reason(StrEnum):
    """Why: those of the status reasons that rules give."""

    PROCESSING = "Processing"  #: Nothing stands in the way.
    RULE_REFUSED = "RuleRefused"  #: A rule refuses it.
    RULE_ERROR = "RuleError"  #: A rule could not be evaluated, or chose what the settings do not allow.
    MISSING_FACT = "MissingFact"  #: A rule needs a fact that is not known.
    INVALID = "Invalid"  #: An action does not fit the contract.
    HELD = "Held"  #: A rule lets it wait.


class Outcome(StrEnum):
    """What came of one rule for one action."""

    NOT_MATCHED = "not matched"  #: A clause of `match` does not fit.
    WHEN_FALSE = "when false"  #: It fits, but `when` is false.
    EFFECT = "effect"  #: Its effect took place.
    ERROR = "error"  #: It could not be evaluated.
    DRYRUN = "dryrun"  #: Its effect would have taken place, were its mode not `dryrun`.
    LIFTED = "lifted"  #: It holds nothing back now: its window is open, or somebody has approved.
    SHADOWED = "shadowed"  #: A rule before it has already chosen.


@dataclass(frozen=True, slots=True)
class Route:
    """Where the package of one action goes; `rule` chose it, empty for the settings' default."""

    executor: str
    repository: str
    lifecycle: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class RuleWarning:
    """What a rule wants people to know; it changes nothing."""

    rule: str
    action: int
    message: str


@dataclass(frozen=True, slots=True)
class Change:
    """One field that a rule's `set` changed, as a dotted path; None stands for absent."""

    rule: str
    action: int
    field: str
    before: Json
    after: Json


class RuleTrace(NamedTuple):
    """One rule's part for one action.

    A tuple, because one is made for every rule of every decision, and a frozen dataclass takes three times as
    long to make.

    Attributes:
        clause: the first clause that failed, or the one that held, with the values that it compared.
        effect: the kind of effect, as `refuse`; empty where there was none.
        message: what the rule said, or why it could not be evaluated.
    """

    rule: str
    action: int
    outcome: Outcome
    clause: str = ""
    effect: str = ""
    message: str = ""

    def to_json(self) -> dict[str, Json]:
        """Returns it as JSON; nearly all of a decision is made of these."""
        return {**self._asdict(), "outcome": self.outcome.value}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and when a failed execution is tried again.

    Attributes:
        schedule: the delay before each retry, in seconds; the last one repeats.
        limit: how many retries there are.
    """

    schedule: tuple[int, ...]
    limit: int
    rule: str


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket that one action draws from; whoever executes keeps its tokens.

    Attributes:
        key: what the bucket belongs to: the rule, and the namespace or target where it is `per` one.
        burst: how many tokens it holds.
        refill: the seconds in which one token comes back.
    """

    rule: str
    action: int
    key: str
    burst: int
    refill: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules decide for one intent, as a whole.

    Attributes:
        rule: the rule that decided, as "set/rule"; empty where none did.
        action: the index of the action that decided; None where none did.
        actions: as the rules' `set` leave them, in the order of the snapshot.
        routes: one for each action.
        retry: None for the settings' schedule.
        hold_until: when a held intent is looked at again; None where that depends on an approval.
        needs_approval: whether somebody has to approve it first.
        priority: 0 to 10, what the execute queue is ordered by.
        rules_digest: the digest of the rules that decided.
    """

    verdict: Verdict
    reason: Reason
    message: str
    rule: str
    action: int | None
    actions: tuple[Action, ...]
    routes: tuple[Route, ...]
    warnings: tuple[RuleWarning, ...]
    changes: tuple[Change, ...]
    trace: tuple[RuleTrace, ...]
    retry: RetryPolicy | None
    hold_until: datetime | None
    needs_approval: bool
    rate_limits: tuple[RateLimit, ...]
    priority: int
    rules_digest: str

    def to_json(self) -> dict[str, Json]:
        """Returns the decision as JSON: camelCase keys, times in RFC 3339; actions as they are."""
        plain = {key: _plain(getattr(self, name)) for name, key in _KEYS[Decision] if name != "trace"}
        return plain | {"trace": [step.to_json() for step in self.trace]}


_KEYS: Mapping[type, tuple[tuple[str, str], ...]] = {
    record: tuple((item.name, to_camel(item.name)) for item in fields(record))
    for record in (Change, Decision, RateLimit, RetryPolicy, Route, RuleWarning)
}


def _plain(value: object) -> Json:
    keys = _KEYS.get(type(value))
    if keys is not None:
        return {key: _plain(getattr(value, name)) for name, key in keys}
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    raise TypeError(f"no JSON: {type(value).__name__}")
