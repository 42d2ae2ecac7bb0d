"""Decisions made again by other rules, from the snapshots that were stored with them; carries nothing out.

A snapshot holds all that rules read, the time included, and actions with every number resolved. So what
differs between two decisions of one snapshot comes from the rules alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

import rules
from engine import report
from engine.contract import Contract
from engine.reapplication import decision_of_wish
from engine.reasons import Reason
from engine.status import ready_reason
from store import Reader, State, Work, decisions, intents, work

_PAGE = 500
_GENERATIONS = 1000
"""The most generations of one intent that are looked at."""

_NOTHING_DONE = (Reason.DRY_RUN, Reason.ADOPTED, Reason.SUPERSEDED)
_COMPARED = ("verdict", "reason", "rule", "actions", "priority", "holdUntil", "needsApproval", "rateLimits")
"""What of a decision counts. Its words do not: a cap of 90 in place of 100 refuses 150 all the same."""
_TOLD = ("verdict", "reason", "rule", "message", "actions", "routes", "priority", "rulesDigest")
_CHOSEN = ("executor", "repository", "lifecycle")


@dataclass(frozen=True, slots=True)
class Case:
    """A snapshot to be decided again.

    Attributes:
        intent: what people call it: "namespace/name", or a text.
        snapshot: None where another version stored it, so that it cannot be read.
        decision: what was decided of it, as JSON; empty where nothing was yet.
    """

    intent: str
    generation: int
    snapshot: rules.Snapshot | None
    decision: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A case that is decided otherwise; of the decisions, as JSON, what people are told.

    Attributes:
        fields: what of the decision differs.
    """

    intent: str
    generation: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of deciding cases in two ways.

    Attributes:
        decisions: how many were compared.
        unreadable: how many could not be.
    """

    decisions: int
    unreadable: int
    differences: tuple[Difference, ...]


Decide = Callable[[rules.Snapshot], Mapping[str, Any]]
"""Gives the decision of a snapshot, as JSON."""


def deciding(book: rules.RuleBook, bounds: rules.Bounds, contract: Contract) -> Decide:
    """Returns how some rules decide."""
    return lambda snapshot: rules.evaluate(snapshot, book, bounds, contract.said_problems).to_json()


def rehearse(cases: Iterable[Case], new: Decide, old: Decide | None = None) -> Rehearsal:
    """Compares the new decision of each case with the old one, by default the one that was stored."""
    decisions = unreadable = 0
    differences: list[Difference] = []
    for case in cases:
        if case.snapshot is None:
            unreadable += 1
            continue
        decisions += 1
        before = old(case.snapshot) if old is not None else case.decision
        difference = compare(case, before, new(case.snapshot))
        if difference is not None:
            differences.append(difference)
    return Rehearsal(decisions, unreadable, tuple(differences))


def past(reader: Reader) -> Iterator[Case]:
    """Reads the decision in force of each generation that rules have decided, deleted intents' too."""
    for intent in _intents(reader, deleted=True):
        for item in work.generations(reader, intent.namespace, intent.name, limit=_GENERATIONS):
            yield from _decided(reader, item)


def finished(reader: Reader, namespace: str | None = None) -> Iterator[Case]:
    """Reads what each intent that is done was decided by, of one namespace or of all; see `done`."""
    for intent in _intents(reader, deleted=False):
        if namespace in (None, intent.namespace):
            for _, case in done(reader, intent):
                yield case


def done(reader: Reader, intent: intents.Intent) -> Iterator[tuple[Work, Case]]:
    """Yields the newest generation of an intent and what its wish was decided by, if that is done.

    Dry runs and what was there before (Adopted) have done nothing that rules could decide otherwise; what is
    superseded is decided by another intent.
    """
    item = work.current(reader, intent.namespace, intent.name)
    if item is None or item.state is not State.CONFIRMED or item.reason in _NOTHING_DONE:
        return
    if ready_reason(report.status_of(reader, item.uid) or {}) == Reason.SUPERSEDED:
        return
    body = decision_of_wish(reader, item)
    if body:
        yield item, _case(item, body)


def _decided(reader: Reader, item: Work) -> Iterator[Case]:
    """Yields the case of a generation, unless its text, a guard or a pause ended it before the rules."""
    stored = decisions.latest(reader, item.id)
    body = json.loads(stored.body) if stored is not None else {}
    if "decision" in body:
        yield _case(item, body)


def _case(item: Work, body: Mapping[str, Any]) -> Case:
    try:
        snapshot = rules.Snapshot.from_json({**body["snapshot"], "facts": body["facts"]})
    except (KeyError, ValidationError):
        snapshot = None
    return Case(f"{item.namespace}/{item.name}", item.generation, snapshot, body["decision"])


def _intents(reader: Reader, *, deleted: bool) -> Iterator[intents.Intent]:
    after = ("", "")
    while page := intents.page(reader, _PAGE, after=after, deleted=deleted):
        yield from page
        after = (page[-1].namespace, page[-1].name)


def compare(case: Case, before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference | None:
    """Returns what of two decisions of a case differs and counts; None where nothing does."""
    differ = [name for name in _COMPARED if before[name] != after[name]]
    if _routes(before) != _routes(after):
        differ.append("routes")
    if _retry(before) != _retry(after):
        differ.append("retry")
    if not differ:
        return None
    return Difference(case.intent, case.generation, _told(before), _told(after), tuple(differ))


def _told(decision: Mapping[str, Any]) -> dict[str, Any]:
    return {name: decision[name] for name in _TOLD}


def _routes(decision: Mapping[str, Any]) -> list[list[str]]:
    """Returns where the actions go, without the rule that chose it; what does not go through goes nowhere."""
    if decision["verdict"] != rules.Verdict.PROCEED:
        return []
    return [[route[name] for name in _CHOSEN] for route in decision["routes"]]


def _retry(decision: Mapping[str, Any]) -> tuple[Any, Any] | None:
    retry = decision.get("retry")
    return (list(retry["schedule"]), retry["limit"]) if retry else None
