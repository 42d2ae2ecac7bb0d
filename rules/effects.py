"""What rules do to an intent, collected over its actions; the mode of a rule says what its effects count.

`enforce` takes place, `warn` becomes a warning, `dryrun` stands in the trace alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pydantic.alias_generators import to_snake

from rules.book import Bucket, Choice, Hold, Rule
from rules.bounds import exceeded_by
from rules.decision import (
    Change,
    Outcome,
    RateLimit,
    Reason,
    RetryPolicy,
    Route,
    RuleTrace,
    RuleWarning,
)
from rules.expressions import EvaluationError
from rules.models import PRIORITIES, Mode
from rules.snapshot import Bounds, Snapshot
from rules.templates import Template
from rules.values import Values, evidence


@dataclass(frozen=True, slots=True)
class Stop:
    """What keeps the intent from being executed, and why."""

    reason: Reason
    message: str
    rule: str
    action: int


@dataclass(slots=True)
class Effects:
    """What has come out so far.

    Attributes:
        invalid: whether an action does not fit the contract, so that rules cannot judge it.
        openings: the times that held actions wait for.
    """

    snapshot: Snapshot
    bounds: Bounds
    invalid: bool = False
    refusals: list[Stop] = field(default_factory=list)
    holds: list[Stop] = field(default_factory=list)
    openings: list[datetime] = field(default_factory=list)
    needs_approval: bool = False
    warnings: list[RuleWarning] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    trace: list[RuleTrace] = field(default_factory=list)
    routes: dict[int, Route] = field(default_factory=dict)
    limits: list[RateLimit] = field(default_factory=list)
    retry: RetryPolicy | None = None
    priority: int | None = None

    def skip(self, rule: Rule, values: Values, outcome: Outcome, clause: str) -> None:
        """Records that a rule has no effect, and the clause that does not hold."""
        self.trace.append(RuleTrace(rule.id, values.index, outcome, clause))

    def fail(self, rule: Rule, values: Values, error: EvaluationError, clause: str) -> None:
        """Records that a rule could not be evaluated; in force, that refuses the intent."""
        index = values.index
        reason, message = Reason.RULE_ERROR, f"rule {rule.id} could not be evaluated: {error}"
        facts = self.snapshot.facts[index]
        if error.fact and getattr(facts, to_snake(error.fact)) is None:
            why = facts.unknown.get(error.fact, "it was not found")
            reason = Reason.MISSING_FACT
            message = f"rule {rule.id} needs facts.{error.fact}, which is not known: {why}"
        self.trace.append(RuleTrace(rule.id, index, Outcome.ERROR, clause, message=message))
        if rule.mode is Mode.ENFORCE:
            self.refusals.append(Stop(reason, message, rule.id, index))
        elif rule.mode is Mode.WARN:
            self.warnings.append(RuleWarning(rule.id, index, message))

    def in_force(self, rule: Rule, values: Values, effect: str, message: str) -> bool:
        """Records an effect and tells whether it takes place; by the rule's mode it may only be told."""
        outcome = Outcome.DRYRUN if rule.mode is Mode.DRYRUN else Outcome.EFFECT
        self._record(rule, values, outcome, effect, message)
        if rule.mode is Mode.WARN:
            self.warnings.append(RuleWarning(rule.id, values.index, f"would {effect}: {message}"))
        return rule.mode is Mode.ENFORCE

    def take(self, rule: Rule, values: Values) -> None:
        """Takes every effect but `set` of a rule that holds.

        Raises:
            EvaluationError: a text or a value of the rule could not be evaluated.
        """
        if rule.refuse is not None:
            self._refuse(rule, values, rule.refuse.render(values.scope))
        if rule.warn is not None:
            self._warn(rule, values, rule.warn.render(values.scope))
        if rule.hold is not None:
            self._hold(rule, values, rule.hold)
        if rule.execute is not None:
            self._route(rule, values, rule.execute)
        if rule.retry is not None:
            self._retry(rule, values, rule.retry)
        if rule.priority is not None:
            self._prioritise(rule, values, rule.priority)
        if rule.bucket is not None:
            self._limit(rule, values, rule.bucket)

    def _record(self, rule: Rule, values: Values, outcome: Outcome, effect: str, message: str) -> None:
        clause = evidence(rule.condition, values)
        self.trace.append(RuleTrace(rule.id, values.index, outcome, clause, effect, message))

    def _chosen(self, rule: Rule, values: Values, effect: str, message: str, *, free: bool) -> bool:
        """Records a choice and tells whether it counts: the first rule in force to choose wins."""
        if rule.mode is Mode.ENFORCE and not free:
            self._record(rule, values, Outcome.SHADOWED, effect, message)
            return False
        return self.in_force(rule, values, effect, message)

    def _refuse(self, rule: Rule, values: Values, message: str) -> None:
        if self.in_force(rule, values, "refuse", message):
            self.refusals.append(Stop(Reason.RULE_REFUSED, message, rule.id, values.index))

    def _warn(self, rule: Rule, values: Values, message: str) -> None:
        outcome = Outcome.DRYRUN if rule.mode is Mode.DRYRUN else Outcome.EFFECT
        self._record(rule, values, outcome, "warn", message)
        if rule.mode is not Mode.DRYRUN:
            self.warnings.append(RuleWarning(rule.id, values.index, message))

    def _hold(self, rule: Rule, values: Values, hold: Hold) -> None:
        message = hold.message.render(values.scope)
        now = self.snapshot.now
        if hold.window is None and self.snapshot.approved:
            self._record(rule, values, Outcome.LIFTED, "hold", "it is approved")
        elif hold.window is not None and hold.window.is_open(now):
            self._record(rule, values, Outcome.LIFTED, "hold", f"the window {hold.window} is open")
        elif self.in_force(rule, values, "hold", message):
            self.holds.append(Stop(Reason.HELD, message, rule.id, values.index))
            if hold.window is None:
                self.needs_approval = True
            else:
                self.openings.append(hold.window.next_opening(now))

    def _route(self, rule: Rule, values: Values, choice: Choice) -> None:
        chosen = Route(
            choice.executor or self.bounds.default_executor,
            choice.repository or self.bounds.default_repository,
            choice.lifecycle or self.bounds.default_lifecycle,
            rule.id,
        )
        exceeded = exceeded_by(chosen, self.bounds)
        if exceeded:
            raise EvaluationError(f"it {exceeded}")
        text = f"{chosen.executor}, {chosen.repository}, {chosen.lifecycle}"
        if self._chosen(rule, values, "execute", text, free=values.index not in self.routes):
            self.routes[values.index] = chosen

    def _retry(self, rule: Rule, values: Values, retry: RetryPolicy) -> None:
        delays = ", ".join(f"{delay} s" for delay in retry.schedule)
        if self._chosen(rule, values, "retry", f"{retry.limit} times, {delays}", free=self.retry is None):
            self.retry = retry

    def _prioritise(self, rule: Rule, values: Values, priority: Template | int) -> None:
        value = priority.value(values.scope) if isinstance(priority, Template) else priority
        if not isinstance(value, int) or isinstance(value, bool) or value not in PRIORITIES:
            raise EvaluationError(f"its priority is {value}, which is no whole number from 0 to 10")
        if self._chosen(rule, values, "priority", str(value), free=self.priority is None):
            self.priority = value

    def _limit(self, rule: Rule, values: Values, bucket: Bucket) -> None:
        namespace, target = values.action.get("namespace"), values.action.get("target")
        parts = {"rule": (), "namespace": (namespace,), "target": (namespace, target)}[bucket.per]
        key = "/".join([rule.id, *(str(part) for part in parts)])
        if self.in_force(rule, values, "rateLimit", f"{bucket.burst}, then one in {bucket.refill} s"):
            self.limits.append(RateLimit(rule.id, values.index, key, bucket.burst, bucket.refill))
