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
