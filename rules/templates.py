"""Texts with `${…}` expressions, and conditions in clauses: how expressions stand in a rule."""

from __future__ import annotations

from dataclasses import dataclass

from rules.expressions import MAX_LENGTH, Compiler, EvaluationError, Expression, ExpressionError, Scope
from rules.presence import Finding, Paths
from rules.scanning import closing, split_clauses
from rules.shapes import Kind
from rules.snapshot import Json


@dataclass(frozen=True, slots=True)
class Template:
    """A text whose `${…}` parts are evaluated."""

    parts: tuple[str | Expression, ...]

    def render(self, scope: Scope) -> str:
        """Returns the text with every part evaluated.

        Raises:
            EvaluationError: a part failed.
        """
        return "".join(part if isinstance(part, str) else shown(part.value(scope)) for part in self.parts)

    def value(self, scope: Scope) -> Json:
        """Returns the value of the one expression that the text is, with its type, or the rendered text.

        Raises:
            EvaluationError: a part failed.
        """
        if len(self.parts) == 1 and isinstance(self.parts[0], Expression):
            return self.parts[0].value(scope)
        return self.render(scope)

    @property
    def kind(self) -> Kind | None:
        """The type of `value`: DYN where only the evaluation shows it, None for a list or a map."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Expression):
            return self.parts[0].kind
        return Kind.STRING

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The expressions among the parts."""
        return tuple(part for part in self.parts if isinstance(part, Expression))


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as clauses that all have to hold; without clauses it always does."""

    clauses: tuple[Expression, ...] = ()

    def first_false(self, scope: Scope) -> Expression | None:
        """Returns the first clause that is false; None where all hold.

        As with && itself, a clause that fails does not count where another one is false.

        Raises:
            EvaluationError: a clause failed and none is false; its `clause` is that clause.
        """
        failed: ClauseError | None = None
        for clause in self.clauses:
            try:
                if not clause.holds(scope):
                    return clause
            except EvaluationError as error:
                failed = failed or ClauseError(error, clause)
        if failed is not None:
            raise failed
        return None


class ClauseError(EvaluationError):
    """A clause of a condition that could not be evaluated."""

    def __init__(self, error: EvaluationError, clause: Expression) -> None:
        super().__init__(str(error), error.fact)
        self.clause = clause


def compile_condition(compiler: Compiler, text: str, intent_types: frozenset[str]) -> tuple[Condition, Paths]:
    """Compiles a condition and tells which fields are sure to be there where it holds.

    Raises:
        ExpressionError: with everything that is wrong; offsets count from the start of `text`.
    """
    whole, sure = compiler.compile(text, intent_types)
    if whole.kind not in (Kind.BOOL, Kind.DYN):
        found = whole.kind or "a list or a map"
        raise ExpressionError((Finding(0, f"a condition has to be true or false, this is {found}"),))
    clauses: list[Expression] = []
    known: Paths = frozenset()
    for clause in split_clauses(text):
        compiled, result = compiler.compile(clause, intent_types, known)
        known |= result.if_true
        clauses.append(compiled)
    return Condition(tuple(clauses)), sure.if_true


def compile_template(compiler: Compiler, text: str, intent_types: frozenset[str], sure: Paths) -> Template:
    """Compiles a text with `${…}` parts.

    Raises:
        ExpressionError: with everything that is wrong; offsets count from the start of `text`.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError((Finding(0, f"longer than {MAX_LENGTH} characters"),))
    parts: list[str | Expression] = []
    findings: list[Finding] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        end = closing(text, start + 1)
        if end < 0:
            raise ExpressionError((Finding(start, "this ${ has no closing }"),))
        if start > position:
            parts.append(text[position:start])
        try:
            parts.append(compiler.compile(text[start + 2 : end], intent_types, sure)[0])
        except ExpressionError as error:
            findings.extend(Finding(start + 2 + each.offset, each.message) for each in error.findings)
        position = end + 1
    if findings:
        raise ExpressionError(tuple(findings))
    if position < len(text):
        parts.append(text[position:])
    return Template(tuple(parts))


def shown(value: Json) -> str:
    """Returns a value as a person reads it in a message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    return str(value)
