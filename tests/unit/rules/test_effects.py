"""What each effect does, in each mode; the order in which they count."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

import rules
from rules import Mode, Outcome, Reason, Verdict
from tests.unit.rules.deciding import AMF, BOUNDS, HEAD, BookOf, Decide


def test_a_repository_beyond_the_settings_is_refused_naming_both(decide: Decide) -> None:
    bounds = replace(BOUNDS, repositories=frozenset({"main"}))
    decision = decide("  - {name: a, then: {execute: {repository: edge}}}", bounds=bounds)
    assert "it chooses the repository edge; the settings allow main" in decision.message


def test_the_first_execute_wins_action_by_action(decide: Decide) -> None:
    decision = decide(
        """
  - {name: smf-to-edge, match: {targets: [smf]}, then: {execute: {repository: edge}}}
  - {name: all-to-porch, then: {execute: {executor: porch, lifecycle: Draft}}}
""",
        AMF,
        {**AMF, "target": "smf"},
    )
    assert decision.routes == (
        rules.Route("porch", "main", "Draft", "mine/all-to-porch"),
        rules.Route("directory", "edge", "Proposed", "mine/smf-to-edge"),
    )
    assert [step.rule for step in decision.trace if step.outcome is Outcome.SHADOWED] == ["mine/all-to-porch"]


def test_warnings_are_collected_and_stop_nothing(decide: Decide) -> None:
    decision = decide('  - {name: a, then: {warn: "mind ${action.target}"}}', AMF, {**AMF, "target": "smf"})
    assert decision.verdict is Verdict.PROCEED
    assert [(each.action, each.message) for each in decision.warnings] == [(0, "mind amf"), (1, "mind smf")]


@pytest.mark.parametrize(
    "then",
    [
        "refuse: no",
        "set: {replicas: 7}",
        "hold: {until: approved}",
        "execute: {repository: x}",
        "priority: 9",
    ],
)
def test_in_mode_warn_an_effect_becomes_a_warning(then: str, decide: Decide) -> None:
    decision = decide(f"  - {{name: a, mode: warn, match: {{intentTypes: [scaling]}}, then: {{{then}}}}}")
    assert (decision.verdict, decision.actions, decision.priority) == (Verdict.PROCEED, (AMF,), 5)
    assert decision.routes[0].repository == "main"
    (warning,) = decision.warnings
    assert warning.message.startswith("would ")


def test_a_rule_that_fails_in_mode_warn_is_a_warning(decide: Decide) -> None:
    decision = decide("  - {name: a, mode: warn, when: facts.pods > 3, then: {refuse: no}}")
    assert decision.verdict is Verdict.PROCEED
    assert "needs facts.pods" in decision.warnings[0].message


def test_in_mode_dryrun_an_effect_stands_in_the_trace_alone(decide: Decide) -> None:
    decision = decide('  - {name: a, mode: dryrun, then: {refuse: "no ${action.target}"}}')
    assert (decision.verdict, decision.warnings) == (Verdict.PROCEED, ())
    assert decision.trace == (rules.RuleTrace("mine/a", 0, Outcome.DRYRUN, "", "refuse", "no amf"),)


def test_a_hold_waits_for_an_approval_until_it_is_there(decide: Decide) -> None:
    text = "  - {name: a, then: {hold: {until: approved}}}"
    held = decide(text)
    assert (held.verdict, held.reason, held.rule) == (Verdict.HOLD, Reason.HELD, "mine/a")
    assert (held.needs_approval, held.hold_until) == (True, None)
    approved = decide(text, approved=True)
    assert (approved.verdict, approved.needs_approval) == (Verdict.PROCEED, False)


def test_a_hold_waits_for_the_window_and_says_until_when(decide: Decide) -> None:
    text = (
        "  - {name: night, then: {hold: {window: {cron: 0 2 * * *, duration: 2h, timezone: Europe/Berlin},"
        ' message: "${action.target} is changed at night"}}}'
    )
    held = decide(text)
    assert (held.verdict, held.message) == (Verdict.HOLD, "amf is changed at night")
    assert held.hold_until == datetime(2026, 3, 3, 1, tzinfo=UTC)
    assert decide(text, now=held.hold_until).verdict is Verdict.PROCEED


def test_a_refusal_wins_over_a_hold(decide: Decide) -> None:
    decision = decide("  - {name: a, then: {hold: {until: approved}}}\n  - {name: b, then: {refuse: no}}")
    assert (decision.verdict, decision.rule, decision.needs_approval) == (Verdict.REFUSE, "mine/b", False)


def test_retry_priority_and_rate_limits_are_values_of_the_decision(decide: Decide) -> None:
    decision = decide(
        """
  - {name: a, then: {retry: {schedule: [30s, 2m], limit: 3}, priority: "${vars.cap - 1}"}}
  - {name: b, then: {retry: {schedule: [1h], limit: 1}, priority: 1}}
  - {name: c, then: {rateLimit: {per: target, burst: 5, refill: 1m}}}
  - {name: d, then: {rateLimit: {per: rule, burst: 1, refill: 1s}}}
"""
    )
    assert decision.retry == rules.RetryPolicy((30, 120), 3, "mine/a")
    assert decision.priority == 9
    assert decision.rate_limits == (
        rules.RateLimit("mine/c", 0, "mine/c/core/amf", 5, 60),
        rules.RateLimit("mine/d", 0, "mine/d", 1, 1),
    )


def test_a_decision_is_json_with_all_that_explains_it(decide: Decide) -> None:
    decision = decide(
        """
  - {name: floor, match: {intentTypes: [scaling]}, when: action.replicas < 6, then: {set: {replicas: 6}}}
  - {name: night, then: {hold: {window: {cron: 0 2 * * *, duration: 2h}}}}
"""
    )
    found = json.loads(json.dumps(decision.to_json()))
    assert found["verdict"] == "hold"
    assert found["holdUntil"] == "2026-03-03T02:00:00+00:00"
    assert found["actions"] == [{**AMF, "replicas": 6}]
    assert found["changes"] == [
        {"rule": "mine/floor", "action": 0, "field": "replicas", "before": 5, "after": 6}
    ]
    assert found["trace"][0] == {
        "rule": "mine/floor",
        "action": 0,
        "outcome": "effect",
        "clause": "action.replicas < 6 (action.replicas = 5)",
        "effect": "set",
        "message": "replicas = 6",
    }
    assert found["rulesDigest"] == decision.rules_digest


def test_every_mode_is_read_from_a_file(book: BookOf) -> None:
    text = HEAD + "".join(f"  - {{name: {mode}, mode: {mode}, then: {{warn: w}}}}\n" for mode in Mode)
    assert [rule.mode for rule in book(text).rules] == list(Mode)
