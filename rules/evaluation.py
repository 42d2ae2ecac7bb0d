"""One snapshot to one decision, by the rules: pure, without clock and without I/O.

First every `set`, in order, on each action; then the contract on what came of it; then every other effect on
the final actions, so that no later `set` can pass a refusal. An intent is atomic: what stops one action stops
all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rules.assignments import assign, read, resolve
from rules.book import Rule, RuleBook
from rules.decision import Change, Decision, Outcome, Reason, Route, Verdict
from rules.effects import Effects, Stop
from rules.expressions import EvaluationError
from rules.snapshot import Action, Bounds, Snapshot
from rules.templates import ClauseError, shown
from rules.timing import UNTIMED, Timer
from rules.values import Values, compared

Contract = Callable[[Action], Sequence[str]]
"""Says what is wrong with an action, in a person's words; nothing where it is fine."""


def evaluate(
    snapshot: Snapshot, book: RuleBook, bounds: Bounds, contract: Contract, timer: Timer = UNTIMED
) -> Decision:
    """Decides one intent.

    Args:
        snapshot: all that is known; equal snapshots get equal decisions.
        book: the rules in force.
        bounds: what rules may choose, by the settings.
        contract: what an action has to fit after the rules' `set`.
        timer: told of the end of each rule; it changes nothing of the decision.
    """
    effects = Effects(snapshot, bounds)
    initial = [Values.of(snapshot, index, book, bounds) for index in range(len(snapshot.actions))]
    final = [_changed(values, book, effects, timer) for values in initial]
    for values in final:
        _check(values, contract, effects)
    if not effects.invalid:
        for values in final:
            _judge(values, book, effects, timer)
    return _decision(effects, tuple(values.action for values in final), book)


def _changed(values: Values, book: RuleBook, effects: Effects, timer: Timer) -> Values:
    """Returns the values with the action as the rules' `set` leave it."""
    timer.begin()
    for rule in book.setting:
        if _holds(rule, values, effects):
            try:
                values = _assigned(rule, values, book, effects)
            except EvaluationError as error:
                effects.fail(rule, values, error, rule.when)
        timer.lap(rule.id)
    return values


def _assigned(rule: Rule, values: Values, book: RuleBook, effects: Effects) -> Values:
    """Makes the assignments of one rule; each sees the action as it was before the rule."""
    resolved = [(each.path, resolve(each.value, values.scope)) for each in rule.assignments]
    text = ", ".join(f"{'.'.join(path)} = {shown(value)}" for path, value in resolved)
    if not effects.in_force(rule, values, "set", text):
        return values
    action = values.action
    for path, value in resolved:
        before = read(action, path)
        if before != value:
            effects.changes.append(Change(rule.id, values.index, ".".join(path), before, value))
            action = assign(action, path, value)
    return values.with_action(action, book)


def _check(values: Values, contract: Contract, effects: Effects) -> None:
    """Refuses an action that cannot be; the fault of the rule that changed it last, if one did."""
    problems = contract(values.action)
    if not problems:
        return
    effects.invalid = True
    message = "; ".join(problems)
    rule = next((each.rule for each in reversed(effects.changes) if each.action == values.index), "")
    if rule:
        message = f"rule {rule} makes an action that cannot be: {message}"
    reason = Reason.RULE_ERROR if rule else Reason.INVALID
    effects.refusals.append(Stop(reason, message, rule, values.index))


def _judge(values: Values, book: RuleBook, effects: Effects, timer: Timer) -> None:
    """Takes every effect but `set` of every rule on a final action."""
    timer.begin()
    for rule in book.judging:
        if _holds(rule, values, effects):
            try:
                effects.take(rule, values)
            except EvaluationError as error:
                effects.fail(rule, values, error, rule.when)
        timer.lap(rule.id)


def _holds(rule: Rule, values: Values, effects: Effects) -> bool:
    """Tells whether a rule is about an action and its condition holds; records why not."""
    mismatch = rule.match.mismatch(effects.snapshot.intent, values.action)
    if mismatch:
        effects.skip(rule, values, Outcome.NOT_MATCHED, mismatch)
        return False
    try:
        clause = rule.condition.first_false(values.scope)
    except ClauseError as error:
        effects.fail(rule, values, error, compared(error.clause, values))
        return False
    if clause is not None:
        effects.skip(rule, values, Outcome.WHEN_FALSE, compared(clause, values))
    return clause is None


def _deciding(effects: Effects) -> Stop | None:
    """Returns the first that refuses, or else holds.

    A rule's own refusal comes before a fact that another rule misses: of a target that is not there, nothing
    is known, and that it is not there says more.
    """
    refusals = effects.refusals
    stated = (stop for stop in refusals if stop.reason is not Reason.MISSING_FACT)
    return next(stated, None) or next(iter(refusals or effects.holds), None)


def _decision(effects: Effects, actions: tuple[Action, ...], book: RuleBook) -> Decision:
    stop = _deciding(effects)
    held = bool(effects.holds) and not effects.refusals
    bounds = effects.bounds
    default = Route(bounds.default_executor, bounds.default_repository, bounds.default_lifecycle)
    timed = held and not effects.needs_approval
    return Decision(
        verdict=Verdict.REFUSE if effects.refusals else Verdict.HOLD if held else Verdict.PROCEED,
        reason=stop.reason if stop else Reason.PROCESSING,
        message=stop.message if stop else "",
        rule=stop.rule if stop else "",
        action=stop.action if stop else None,
        actions=actions,
        routes=tuple(effects.routes.get(index, default) for index in range(len(actions))),
        warnings=tuple(effects.warnings),
        changes=tuple(effects.changes),
        trace=tuple(effects.trace),
        retry=effects.retry,
        hold_until=max(effects.openings) if timed else None,
        needs_approval=held and effects.needs_approval,
        rate_limits=tuple(effects.limits),
        priority=effects.snapshot.intent.priority if effects.priority is None else effects.priority,
        rules_digest=book.digest,
    )
