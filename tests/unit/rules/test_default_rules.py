"""The shipped rules: their own tests pass, every rule has one, and says what it is for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import rules

BookOf = Callable[..., rules.RuleBook]


def test_every_case_of_the_shipped_rules_passes(shipped: rules.RuleBook, contract: rules.Contract) -> None:
    results = rules.run_tests(shipped, shipped.tests, contract)
    failed = [f"{result.place} {result.case}: {result.failures}" for result in results if not result.passed]
    assert not failed, "\n".join(failed)
    assert len(results) > 50


def test_every_shipped_rule_has_an_effect_in_a_case(
    shipped: rules.RuleBook, contract: rules.Contract
) -> None:
    results = rules.run_tests(shipped, shipped.tests, contract)
    assert rules.untouched(shipped, results) == []


def test_every_shipped_rule_says_what_it_is_for(shipped: rules.RuleBook) -> None:
    assert [rule.id for rule in shipped.rules if not rule.description] == []


def test_the_shipped_rules_have_nothing_to_lint(shipped: rules.RuleBook) -> None:
    assert shipped.warnings == ()


@pytest.mark.parametrize("name", ["target-exists", "replicas-cap", "own-namespace-only"])
def test_a_rule_taken_away_is_missed_by_a_case(
    name: str, book: BookOf, shipped: rules.RuleBook, contract: rules.Contract
) -> None:
    text = f"""
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {{name: mine}}
disable: [default/{name}]
"""
    results = rules.run_tests(book(text, with_defaults=True), shipped.tests, contract)
    assert any(not result.passed for result in results)


def test_pods_restart_only_in_the_window_that_is_set(book: BookOf, contract: rules.Contract) -> None:
    text = """
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {name: mine}
vars: {restartCron: 0 2 * * *, restartDuration: 2h, restartTimezone: Europe/Berlin}
---
apiVersion: conductor-watch/v1
kind: RuleTest
metadata: {name: mine}
given:
  facts: {exists: true, kind: Deployment, images: ["oai/amf:1"], restartsPods: 3}
cases:
  - name: at noon it waits
    now: 2026-03-02T12:00:00Z
    actions: [{intent_type: deployment, target: amf, namespace: core, deployment: {image: "oai/amf:2"}}]
    expect: {verdict: hold, rule: default/restart-window, message: 3 pods, holdUntil: 2026-03-03T01:00:00Z}
  - name: at night it goes through
    now: 2026-03-03T02:30:00Z
    actions: [{intent_type: deployment, target: amf, namespace: core, deployment: {image: "oai/amf:2"}}]
    expect: {verdict: proceed}
"""
    loaded = book(text, with_defaults=True)
    results = rules.run_tests(loaded, loaded.tests, contract)
    assert [result.failures for result in results] == [(), ()]
