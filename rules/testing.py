"""Runs RuleTest documents by the `evaluate` that decides in production; tells which rules none touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from documents import Document, DocumentError, Place, Problem, validate
from rules.book import RuleBook
from rules.cases import CaseSpec, ExpectSpec, GivenSpec, RuleTestSpec
from rules.decision import Decision, Outcome
from rules.evaluation import Contract, evaluate
from rules.snapshot import Bounds, Facts, History, IntentView, Record, Snapshot, read_record
from rules.timing import UNTIMED, Timer


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case; it passed if there are no `failures`."""

    test: str
    case: str
    place: Place
    failures: tuple[str, ...]
    decision: Decision

    @property
    def passed(self) -> bool:
        """Whether the decision says all that was expected."""
        return not self.failures


def run_tests(
    book: RuleBook,
    documents: Sequence[Document],
    contract: Contract,
    bounds: Bounds | None = None,
    timer: Timer = UNTIMED,
) -> list[CaseResult]:
    """Runs every case of the RuleTest documents.

    Args:
        book: the rules to test.
        documents: of kind RuleTest; those that came with the rules are `book.tests`.
        contract: what an action has to fit after the rules' `set`.
        bounds: what rules may choose; without it, whatever they do choose.
        timer: told of the end of each rule.

    Raises:
        DocumentError: with everything wrong with the documents.
    """
    allowed = bounds or _bounds_of(book)
    problems: list[Problem] = []
    results: list[CaseResult] = []
    for document in documents:
        try:
            spec = validate(document, RuleTestSpec)
        except DocumentError as error:
            problems.extend(error.problems)
            continue
        for index, case in enumerate(spec.cases):
            reader = _CaseReader(document, ("cases", index), problems)
            snapshot = reader.snapshot(spec.given, case)
            if snapshot is not None:
                own = case.own_namespace or spec.given.own_namespace or allowed.own_namespace
                decision = evaluate(snapshot, book, replace(allowed, own_namespace=own), contract, timer)
                failures = tuple(_failures(case.expect, decision))
                place = document.place(("cases", index))
                results.append(CaseResult(spec.metadata.name, case.name, place, failures, decision))
    if problems:
        raise DocumentError(tuple(problems))
    return results


def untouched(book: RuleBook, results: Sequence[CaseResult]) -> list[str]:
    """Returns the rules whose effect no case came to, in their order."""
    touched = {
        step.rule
        for result in results
        for step in result.decision.trace
        if step.outcome in (Outcome.EFFECT, Outcome.DRYRUN, Outcome.LIFTED)
    }
    return [rule.id for rule in book.rules if rule.id not in touched]


@dataclass(frozen=True, slots=True)
class _CaseReader:
    """Reads the snapshot of one case; what is wrong with it goes to `problems`."""

    document: Document
    path: tuple[str | int, ...]
    problems: list[Problem]

    def snapshot(self, given: GivenSpec, case: CaseSpec) -> Snapshot | None:
        """Returns what the case describes; None where it cannot be read."""
        found = len(self.problems)
        intent = {
            "namespace": case.actions[0].get("namespace", "default"),
            "name": "case",
            "uid": "case",
            "generation": 1,
            "text": case.name,
        }
        view = self._record(IntentView, "intent", intent | given.intent | case.intent)
        facts = [
            self._record(Facts, "facts", each)
            for each in _facts_of(given.facts, case.facts, len(case.actions))
        ]
        history = self._record(History, "history", given.history | case.history)
        if len(facts) != len(case.actions):
            message = f"there are {len(case.actions)} actions and facts of {len(facts)}"
            self.problems.append(self.document.problem((*self.path, "facts"), message))
        now = case.now if "now" in case.model_fields_set else given.now
        if now.tzinfo is None:
            self.problems.append(
                self.document.problem((*self.path, "now"), "has no time zone; add Z for UTC")
            )
        known = tuple(each for each in facts if each is not None)
        if view is None or history is None or len(self.problems) > found:
            return None
        approved = case.approved or given.approved
        return Snapshot(view, tuple(case.actions), known, history, now, approved)

    def _record(self, record: type[Record], name: str, values: Mapping[str, Any]) -> Record | None:
        try:
            return read_record(record, values)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                path = (*self.path, name, *detail["loc"])
                unknown = detail["type"] == "unexpected_keyword_argument"
                message = f"there is no {detail['loc'][-1]!r} here" if unknown else detail["msg"]
                self.problems.append(self.document.problem(path, message))
            return None


def _facts_of(
    given: dict[str, Any] | list[dict[str, Any]], own: dict[str, Any] | list[dict[str, Any]], count: int
) -> list[dict[str, Any]]:
    """Lays the facts of a case over the document's; one that stands for every action is repeated."""
    below = given if isinstance(given, list) else [given] * count
    above = own if isinstance(own, list) else [own] * count
    if len(above) != len(below):
        return above
    return [low | high for low, high in zip(below, above, strict=True)]


def _bounds_of(book: RuleBook) -> Bounds:
    """Returns bounds within which every choice of the rules is."""
    executors = {rule.execute.executor for rule in book.rules if rule.execute and rule.execute.executor}
    return Bounds(frozenset(executors | {"directory"}), "directory", "main", "Draft", "Published")


def _failures(expect: ExpectSpec, decision: Decision) -> Iterator[str]:
    """Yields what was expected and is not so."""
    seen: dict[str, object] = {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "rule": decision.rule,
        "changed": {change.field: change.after for change in decision.changes},
        "warnings": [warning.rule for warning in decision.warnings],
        "rate_limits": [limit.rule for limit in decision.rate_limits],
        "retry": decision.retry.rule if decision.retry is not None else None,
        "priority": decision.priority,
        "hold_until": decision.hold_until,
        "needs_approval": decision.needs_approval,
    }
    for name, value in seen.items():
        wanted = getattr(expect, name)
        if name in expect.model_fields_set and wanted != value:
            yield f"{to_camel(name)}: expected {wanted}, got {value}"
    if expect.message is not None and expect.message not in decision.message:
        yield f"message: expected {expect.message!r} in {decision.message!r}"
    if expect.route is not None:
        for name in expect.route.model_fields_set:
            wanted, got = getattr(expect.route, name), getattr(decision.routes[0], name)
            if wanted != got:
                yield f"route.{name}: expected {wanted}, got {got}"
