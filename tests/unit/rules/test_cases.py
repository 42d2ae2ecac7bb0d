"""RuleTest documents: what a case can expect, how a failure reads, and what is wrong with a document."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import rules
from documents import DocumentError

BookOf = Callable[..., rules.RuleBook]

SET = """
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {name: mine}
rules:
  - {name: floor, match: {intentTypes: [scaling]}, when: action.replicas < 2, then: {set: {replicas: 2}}}
  - {name: mind, when: facts.pods > 5, then: {warn: mind}}
  - {name: edge, match: {namespaces: [edge]}, then: {execute: {repository: edge}, priority: 8}}
  - {name: night, match: {labels: {when: night}}, then: {hold: {window: {cron: 0 2 * * *, duration: 1h}}}}
---
apiVersion: conductor-watch/v1
kind: RuleTest
metadata: {name: mine}
given: {facts: {pods: 3}}
cases:
"""
AMF = "{intent_type: scaling, target: amf, namespace: core, replicas: 1}"


def results(book: BookOf, contract: rules.Contract, cases: str) -> list[rules.CaseResult]:
    loaded = book(SET + cases)
    return rules.run_tests(loaded, loaded.tests, contract)


@pytest.mark.parametrize(
    "case",
    [
        "expect: {verdict: proceed, reason: Processing, changed: {replicas: 2}, warnings: []}",
        "facts: {pods: 6}, expect: {verdict: proceed, warnings: [mine/mind]}",
        "facts: {pods: null, unknown: {pods: away}}, expect: {verdict: refuse, message: away}",
        "intent: {labels: {when: night}}, expect: {verdict: hold, holdUntil: 2026-01-01T02:00:00Z}",
        "intent: {labels: {when: night}}, now: 2026-01-01T02:30:00Z, expect: {verdict: proceed}",
    ],
)
def test_a_case_states_what_matters_and_passes(case: str, book: BookOf, contract: rules.Contract) -> None:
    (result,) = results(book, contract, f"  - {{name: one, actions: [{AMF}], {case}}}\n")
    assert result.failures == ()


def test_a_case_states_the_route_and_the_priority(book: BookOf, contract: rules.Contract) -> None:
    action = AMF.replace("core", "edge")
    case = f"actions: [{action}], expect: {{verdict: proceed, priority: 8, route: {{repository: edge}}}}"
    assert results(book, contract, f"  - {{name: one, {case}}}\n")[0].passed


def test_a_case_states_whose_retries_and_tokens_count(book: BookOf, contract: rules.Contract) -> None:
    more = """
  - {name: slow, then: {rateLimit: {per: rule, burst: 1, refill: 5m}}}
  - {name: stubborn, then: {retry: {schedule: [1m], limit: 9}}}
---"""
    text = SET.replace("\n---", more, 1)
    expected = "rateLimits: [mine/slow], retry: mine/stubborn"
    for expect, passed in ((expected, True), ("rateLimits: [], retry: mine/slow", False)):
        case = f"  - {{name: one, actions: [{AMF}], expect: {{verdict: proceed, {expect}}}}}\n"
        loaded = book(text + case)
        (result,) = rules.run_tests(loaded, loaded.tests, contract)
        assert result.passed is passed


def test_each_unmet_expectation_is_told(book: BookOf, contract: rules.Contract) -> None:
    expect = (
        "{verdict: refuse, reason: RuleRefused, rule: mine/mind, message: no, changed: {},"
        " warnings: [mine/mind], route: {lifecycle: Published}, needsApproval: true}"
    )
    (result,) = results(book, contract, f"  - {{name: one, actions: [{AMF}], expect: {expect}}}\n")
    assert [failure.split(":")[0] for failure in result.failures] == [
        "verdict",
        "reason",
        "rule",
        "changed",
        "warnings",
        "needsApproval",
        "message",
        "route.lifecycle",
    ]
    assert "expected refuse, got proceed" in result.failures[0]
    assert result.place.line == 16


def test_what_no_case_touches_is_told(book: BookOf, contract: rules.Contract) -> None:
    loaded = book(SET + f"  - {{name: one, actions: [{AMF}], expect: {{verdict: proceed}}}}\n")
    found = rules.run_tests(loaded, loaded.tests, contract)
    assert rules.untouched(loaded, found) == ["mine/mind", "mine/edge", "mine/night"]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("facts: {podz: 3}, expect: {verdict: proceed}", "facts.podz: there is no 'podz' here"),
        ("facts: {pods: many}, expect: {verdict: proceed}", "facts.pods: Input should be a valid integer"),
        ("facts: [{pods: 1}, {pods: 2}], expect: {verdict: proceed}", "there are 1 actions and facts of 2"),
        ("expect: {verdict: maybe}", "expect.verdict"),
        ("now: 2026-01-01T00:00:00, expect: {verdict: proceed}", "has no time zone"),
        ("expekt: {verdict: proceed}", "unknown field 'expekt'; did you mean 'expect'?"),
    ],
)
def test_a_case_that_cannot_be_read_is_told_with_its_place(
    case: str, message: str, book: BookOf, contract: rules.Contract
) -> None:
    with pytest.raises(DocumentError) as caught:
        results(book, contract, f"  - {{name: one, actions: [{AMF}], {case}}}\n")
    assert message in str(caught.value)
    assert "0.yaml:16:" in str(caught.value)


def test_the_facts_of_several_actions_are_stated_one_by_one(book: BookOf, contract: rules.Contract) -> None:
    case = f"actions: [{AMF}, {AMF}], facts: [{{pods: 6}}, {{pods: 1}}]"
    (result,) = results(book, contract, f"  - {{name: one, {case}, expect: {{verdict: proceed}}}}\n")
    assert [warning.action for warning in result.decision.warnings] == [0]
