"""One RuleSpec to one compiled Rule, with every problem at its place in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from documents import Document, Problem, pointed_at
from rules.assignments import Assignment, KeyPath, Value, locate, type_problems
from rules.book import Bucket, Choice, Globs, Hold, Match, Rule
from rules.bounds import exceeded_by
from rules.decision import RetryPolicy
from rules.expressions import Compiler, EvaluationError, ExpressionError
from rules.models import (
    DURATION_PATTERN,
    PRIORITIES,
    ExecuteSpec,
    HoldSpec,
    MatchSpec,
    RateLimitSpec,
    RetrySpec,
    RuleSpec,
    WindowSpec,
)
from rules.presence import Finding, Paths
from rules.shapes import Kind, Record, Scalar
from rules.snapshot import Bounds, Json
from rules.templates import Condition, Template, compile_condition, compile_template
from rules.windows import Cron, Window

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(slots=True)
class RuleCompiler:
    """Compiles one rule; `problems` collects what is wrong with it.

    Attributes:
        action: the shape of an action.
        path: where the rule stands in the document.
        bounds: what it may choose; None where each decision sees to that.
        types: the intent types that its `match` narrows it to; empty for all.
        sure: the fields that are there where its `when` holds.
        fixed: the vars that its texts were rendered with for good.
    """

    compiler: Compiler
    action: Record
    document: Document
    path: KeyPath
    bounds: Bounds | None = None
    problems: list[Problem] = field(default_factory=list)
    types: frozenset[str] = frozenset()
    sure: Paths = frozenset()
    fixed: set[str] = field(default_factory=set)

    def compile(self, set_name: str, spec: RuleSpec) -> Rule:
        """Returns the compiled rule, which is of use only if no problem was found."""
        self.types = self._intent_types(spec.match)
        condition = self._condition(spec.when)
        then, identity = spec.then, f"{set_name}/{spec.name}"
        return Rule(
            id=identity,
            description=spec.description,
            place=self.document.place(self.path),
            mode=spec.mode,
            match=_match(spec.match),
            when=spec.when or "",
            condition=condition,
            assignments=tuple(self._assignment(name, value) for name, value in (then.set or {}).items()),
            refuse=self._optional_text(("then", "refuse"), then.refuse),
            warn=self._optional_text(("then", "warn"), then.warn),
            hold=self._hold(then.hold),
            execute=self._choice(then.execute),
            retry=_retry(then.retry, identity),
            bucket=_bucket(then.rate_limit),
            priority=self._priority(then.priority),
        )

    def _find(self, within: KeyPath, message: str) -> None:
        self.problems.append(self.document.problem((*self.path, *within), message))

    def _find_within(self, within: KeyPath, text: str, error: ExpressionError) -> None:
        path = (*self.path, *within)
        for finding in error.findings:
            self.problems.append(located(self.document, path, text, finding))

    def _intent_types(self, spec: MatchSpec) -> frozenset[str]:
        shape = self.action.members["intent_type"].shape
        choices = shape.choices if isinstance(shape, Scalar) else ()
        for index, name in enumerate(spec.intent_types or []):
            if choices and name not in choices:
                message = f"there is no intent type {name!r}; there are {', '.join(choices)}"
                self._find(("match", "intentTypes", index), message)
        return frozenset(spec.intent_types or [])

    def _condition(self, text: str | None) -> Condition:
        if text is None:
            return Condition()
        try:
            condition, self.sure = compile_condition(self.compiler, text, self.types)
        except ExpressionError as error:
            self._find_within(("when",), text, error)
            return Condition()
        return condition

    def _text(self, within: KeyPath, text: str) -> Template:
        try:
            return compile_template(self.compiler, text, self.types, self.sure)
        except ExpressionError as error:
            self._find_within(within, text, error)
            return Template((text,))

    def _optional_text(self, within: KeyPath, text: str | None) -> Template | None:
        return None if text is None else self._text(within, text)

    def _value(self, within: KeyPath, value: Json) -> Value:
        if isinstance(value, str):
            return self._text(within, value)
        if isinstance(value, Mapping):
            return {key: self._value((*within, key), item) for key, item in value.items()}
        if isinstance(value, Sequence):
            return tuple(self._value((*within, index), item) for index, item in enumerate(value))
        return value

    def _assignment(self, name: str, written: Json) -> Assignment:
        within = ("then", "set", name)
        value = self._value(within, written)
        try:
            steps, shape = locate(self.action, name)
        except LookupError as error:
            self._find(within, str(error))
            return Assignment((name,), value)
        for path, message in type_problems(value, shape):
            self._find((*within, *path), message)
        return Assignment(steps, value)

    def _hold(self, spec: HoldSpec | None) -> Hold | None:
        if spec is None:
            return None
        message = spec.message or (
            f"waits for its window: {spec.window.cron} ({spec.window.timezone})"
            if spec.window
            else "waits for an approval"
        )
        window = None if spec.window is None else self._window(spec.window)
        return Hold(window, self._text(("then", "hold", "message"), message), frozenset(self.fixed))

    def _window(self, spec: WindowSpec) -> Window | None:
        within = ("then", "hold", "window")
        cron, duration, timezone = (
            self._fixed_text((*within, name), getattr(spec, name))
            for name in ("cron", "duration", "timezone")
        )
        found = len(self.problems)
        if not re.match(DURATION_PATTERN, duration):
            self._find((*within, "duration"), f"{duration!r} is no duration such as 30m or 2h")
        try:
            times = Cron.parse(cron)
        except ValueError as error:
            self._find((*within, "cron"), str(error))
        try:
            zone = ZoneInfo(timezone)
        except (ValueError, OSError, KeyError):
            self._find((*within, "timezone"), f"{timezone!r} is no time zone such as Europe/Berlin")
        if len(self.problems) > found:
            return None
        return Window(times, timedelta(seconds=_seconds(duration)), zone)

    def _fixed_text(self, within: KeyPath, text: str) -> str:
        """Returns a text whose expressions read vars alone, rendered: it is fixed when the rules load."""
        template = self._text(within, text)
        reads = [read for expression in template.expressions for read in expression.reads]
        if any(read.keys[0] != "vars" for read in reads):
            self._find(within, "only vars can be read here: the window is fixed when the rules load")
            return text
        self.fixed.update(read.keys[1] for read in reads)
        try:
            return template.render(self.compiler.scope(self.compiler.values))
        except EvaluationError as error:
            self._find(within, str(error))
            return text

    def _choice(self, spec: ExecuteSpec | None) -> Choice | None:
        if spec is None:
            return None
        choice = Choice(spec.executor or "", spec.repository or "", spec.lifecycle or "")
        if self.bounds is not None and (exceeded := exceeded_by(choice, self.bounds)):
            self._find(("then", "execute"), exceeded)
        return choice

    def _priority(self, value: int | str | None) -> Template | int | None:
        within = ("then", "priority")
        if isinstance(value, str):
            template = self._text(within, value)
            if template.kind not in (Kind.INT, Kind.DYN):
                self._find(within, "has to be a whole number, as 7, or ${…} that gives one")
            return template
        if value is not None and value not in PRIORITIES:
            self._find(within, "a priority is 0 to 10")
        return value


def located(document: Document, path: KeyPath, text: str, finding: Finding) -> Problem:
    """Returns a problem inside a text, at its character where the file shows the text as it is."""
    problem = document.problem(path, finding.message)
    if problem.excerpt[problem.place.column - 1 :].startswith(text):
        return document.problem(path, finding.message, finding.offset)
    before = text[: finding.offset]
    column = len(before) - (before.rfind("\n") + 1)
    shown = text.split("\n")[before.count("\n")]
    return document.problem(path, f"{finding.message}\n{pointed_at(shown, column)}")


def _match(spec: MatchSpec) -> Match:
    return Match(
        intent_types=frozenset(spec.intent_types or []),
        namespaces=Globs.of(spec.namespaces) if spec.namespaces else None,
        targets=Globs.of(spec.targets) if spec.targets else None,
        labels={key: Globs.of([glob]) for key, glob in (spec.labels or {}).items()},
        annotations={key: Globs.of([glob]) for key, glob in (spec.annotations or {}).items()},
        sources=frozenset(spec.sources or []),
        priority=range(spec.priority.at_least, spec.priority.at_most + 1) if spec.priority else None,
    )


def _retry(spec: RetrySpec | None, rule: str) -> RetryPolicy | None:
    if spec is None:
        return None
    return RetryPolicy(tuple(_seconds(delay) for delay in spec.schedule), spec.limit, rule)


def _bucket(spec: RateLimitSpec | None) -> Bucket | None:
    return None if spec is None else Bucket(spec.per, spec.burst, _seconds(spec.refill))


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * _UNITS[duration[-1]]
