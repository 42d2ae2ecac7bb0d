"""What is probably not meant, though it is no error: warnings about compiled rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from documents import Problem
from rules.book import Match, Rule
from rules.expressions import Compiler, EvaluationError, Expression
from rules.models import Mode
from rules.templates import Template


def lint(rules: Sequence[Rule], compiler: Compiler, own_vars: Mapping[str, Problem]) -> list[Problem]:
    """Returns warnings, in the order of the rules.

    Args:
        rules: in the order in which they apply.
        compiler: what they were compiled with.
        own_vars: the users' vars, each with what to say if nothing reads it.
    """
    found: list[Problem] = []
    for index, rule in enumerate(rules):
        found.extend(_constant_clauses(rule, compiler))
        wider = [each for each in rules[:index] if _always(each) and _covers(each.match, rule.match)]
        if blocker := next((each for each in wider if each.refuse is not None), None):
            message = f"is never reached: {blocker.id} ({blocker.place}) refuses all that it matches"
            found.append(Problem(rule.place, rule.id, message))
        elif rule.execute and (chosen := next((each for each in wider if each.execute is not None), None)):
            message = f"never chooses: {chosen.id} ({chosen.place}) has chosen for all that it matches"
            found.append(Problem(rule.place, rule.id, message))
    read = {name for rule in rules for name in vars_read(rule)}
    found.extend(problem for name, problem in own_vars.items() if name not in read)
    return found


def _constant_clauses(rule: Rule, compiler: Compiler) -> Iterator[Problem]:
    for clause in rule.condition.clauses:
        if clause.constant:
            try:
                result = clause.holds(compiler.scope({}))
            except EvaluationError as error:
                yield Problem(rule.place, rule.id, f"its condition always fails: {error}")
                continue
            effect = "so the clause says nothing" if result else "so the rule has no effect"
            message = f"the clause `{clause.text}` is always {str(result).lower()}, {effect}"
            yield Problem(rule.place, rule.id, message)


def _always(rule: Rule) -> bool:
    """Tells whether the effects of a rule take place on all that it matches."""
    return not rule.when and rule.mode is Mode.ENFORCE


def _covers(wide: Match, narrow: Match) -> bool:
    """Tells whether one match lets through all that the other does, as far as that is plain."""
    if wide.intent_types and not (narrow.intent_types and narrow.intent_types <= wide.intent_types):
        return False
    return all(
        not getattr(wide, name) or getattr(wide, name) == getattr(narrow, name)
        for name in ("namespaces", "targets", "labels", "annotations", "sources", "priority")
    )


def vars_read(rule: Rule) -> Iterator[str]:
    """Yields the names of the vars that a rule reads, some of them several times."""
    if rule.hold is not None:
        yield from rule.hold.vars
    for expression in _expressions(rule):
        for read in expression.reads:
            if read.keys[0] == "vars":
                yield from read.keys[1:2]


def _expressions(rule: Rule) -> Iterator[Expression]:
    yield from rule.condition.clauses
    for value in (rule.refuse, rule.warn, rule.priority, rule.hold and rule.hold.message):
        if isinstance(value, Template):
            yield from value.expressions
    for assignment in rule.assignments:
        yield from _within(assignment.value)


def _within(value: object) -> Iterator[Expression]:
    if isinstance(value, Template):
        yield from value.expressions
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _within(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _within(item)
