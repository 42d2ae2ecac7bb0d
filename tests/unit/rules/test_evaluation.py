"""Deciding: the order of effects, what stops an intent, and what a decision tells of each rule."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

import rules
from rules import Mode, Outcome, Reason, Verdict

BookOf = Callable[..., rules.RuleBook]

HEAD = "apiVersion: conductor-watch/v1\nkind: RuleSet\nmetadata: {name: mine}\nvars: {cap: 10}\nrules:\n"
INTENT = rules.IntentView("core", "ramp", "u1", 1, "scale amf to 5")
AMF = {"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 5}
KNOWN = rules.Facts(origin="directory", exists=True, kind="Deployment", replicas=3, hpa="")
BOUNDS = rules.Bounds(frozenset({"directory", "porch"}), "directory", "main")
MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)


def snapshot(*actions: Mapping[str, Any], facts: rules.Facts = KNOWN, **changes: Any) -> rules.Snapshot:
    actions = actions or (AMF,)
    found = rules.Snapshot(INTENT, actions, (facts,) * len(actions), rules.History(), MONDAY)
    return replace(found, **changes)


@pytest.fixture
def decide(book: BookOf, contract: rules.Contract) -> Callable[..., rules.Decision]:
    def run(
        text: str, *actions: Mapping[str, Any], bounds: rules.Bounds = BOUNDS, **more: Any
    ) -> rules.Decision:
        return rules.evaluate(snapshot(*actions, **more), book(HEAD + text), bounds, contract)

    return run


Decide = Callable[..., rules.Decision]


def test_without_a_rule_in_the_way_it_proceeds_by_the_settings(decide: Decide) -> None:
    decision = decide(
        "  - {name: a, when: action.replicas > 9, match: {intentTypes: [scaling]}, then: {refuse: no}}"
    )
    assert (decision.verdict, decision.reason, decision.rule) == (Verdict.PROCEED, Reason.PROCESSING, "")
    assert decision.routes == (rules.Route("directory", "main", "Proposed"),)
    assert decision.actions == (AMF,)
    assert decision.priority == INTENT.priority


def test_a_refusal_names_the_rule_and_says_its_words(decide: Decide) -> None:
    decision = decide(
        "  - {name: few, match: {intentTypes: [scaling]}, when: action.replicas > 4,"
        ' then: {refuse: "${action.target}: ${action.replicas} > 4 (${vars.cap}, ${[1, 2]}, ${1 < 2})"}}'
    )
    assert (decision.verdict, decision.reason) == (Verdict.REFUSE, Reason.RULE_REFUSED)
    assert (decision.rule, decision.action) == ("mine/few", 0)
    assert decision.message == "amf: 5 > 4 (10, 1, 2, true)"


def test_one_refused_action_refuses_all(decide: Decide) -> None:
    decision = decide(
        "  - {name: a, match: {targets: [s*]}, then: {refuse: no}}", AMF, {**AMF, "target": "smf"}
    )
    assert (decision.verdict, decision.action) == (Verdict.REFUSE, 1)


def test_sets_come_first_in_order_and_refusals_judge_what_came_of_them(decide: Decide) -> None:
    decision = decide(
        """
  - {name: cap, match: {intentTypes: [scaling]}, when: action.replicas > 8, then: {refuse: too many}}
  - {name: double, match: {intentTypes: [scaling]}, then: {set: {replicas: "${action.replicas * 2}"}}}
  - {name: less, match: {intentTypes: [scaling]}, when: action.replicas == 10, then: {set: {replicas: 9}}}
"""
    )
    assert decision.rule == "mine/cap"
    assert [(each.rule, each.field, each.before, each.after) for each in decision.changes] == [
        ("mine/double", "replicas", 5, 10),
        ("mine/less", "replicas", 10, 9),
    ]


def test_the_assignments_of_one_rule_see_the_action_before_it(decide: Decide) -> None:
    decision = decide(
        """
  - name: swap
    match: {intentTypes: [scaling]}
    then: {set: {replicas: "${action.replicas + 1}", priority: "${action.replicas}"}}
"""
    )
    assert decision.actions[0]["replicas"] == 6
    assert decision.actions[0]["priority"] == 5


def test_set_reaches_into_maps_and_takes_fields_away(decide: Decide) -> None:
    action = {"intent_type": "configuration", "target": "amf", "namespace": "core", "settings": {"A": "1"}}
    decision = decide(
        """
  - name: more
    match: {intentTypes: [configuration]}
    then: {set: {settings.LOG_LEVEL: "${action.target}-debug", settings.A: null, settings.log.level: x}}
""",
        action,
    )
    assert decision.actions[0]["settings"] == {"LOG_LEVEL": "amf-debug", "log.level": "x"}
    assert action["settings"] == {"A": "1"}


def test_a_set_that_breaks_the_contract_is_the_rules_fault(decide: Decide) -> None:
    decision = decide("  - {name: odd, match: {intentTypes: [scaling]}, then: {set: {replicas: 20000}}}")
    assert (decision.verdict, decision.reason, decision.rule) == (
        Verdict.REFUSE,
        Reason.RULE_ERROR,
        "mine/odd",
    )
    assert decision.message.startswith("rule mine/odd makes an action that cannot be: 20000")


def test_an_action_outside_the_contract_is_invalid_and_not_judged(decide: Decide) -> None:
    decision = decide("  - {name: a, when: vars.cap > 1, then: {refuse: no}}", {**AMF, "replicas": -1})
    assert (decision.verdict, decision.reason, decision.rule) == (Verdict.REFUSE, Reason.INVALID, "")
    assert decision.trace == ()


@pytest.mark.parametrize(
    ("match", "clause"),
    [
        ("intentTypes: [deployment]", "intentTypes: scaling is none of deployment"),
        ("namespaces: [oran-*, edge]", "namespaces: core is none of oran-*, edge"),
        ("targets: [s?f]", "targets: amf is none of s?f"),
        ("labels: {tier: gold}", "labels: there is no tier"),
        ("annotations: {team: a*}", "annotations: team is ops, not a*"),
        ("sources: [cli]", "sources: cluster is none of cli"),
        ("priority: {atLeast: 8}", "priority: 5 is not 8 to 10"),
    ],
)
def test_the_first_clause_of_match_that_does_not_fit_is_told(match: str, clause: str, decide: Decide) -> None:
    intent = replace(INTENT, annotations={"team": "ops"})
    decision = decide(f"  - {{name: a, match: {{{match}}}, then: {{refuse: no}}}}", intent=intent)
    assert decision.trace == (rules.RuleTrace("mine/a", 0, Outcome.NOT_MATCHED, clause),)


def test_every_clause_of_match_has_to_fit(decide: Decide) -> None:
    intent = replace(INTENT, labels={"tier": "gold"}, priority=9)
    match = (
        "{intentTypes: [scaling], namespaces: [c*], targets: [amf], labels: {tier: g*}, sources: [cluster]}"
    )
    decision = decide(f"  - {{name: a, match: {match}, then: {{refuse: no}}}}", intent=intent)
    assert decision.verdict is Verdict.REFUSE


def test_the_first_false_clause_is_told_with_the_values_compared(decide: Decide) -> None:
    decision = decide(
        "  - {name: a, match: {intentTypes: [scaling]}, then: {refuse: no},"
        " when: facts.kind == 'Deployment' && action.replicas > vars.cap && action.target == 'x'}"
    )
    assert decision.trace[0].outcome is Outcome.WHEN_FALSE
    assert decision.trace[0].clause == "action.replicas > vars.cap (action.replicas = 5, vars.cap = 10)"


def test_an_unknown_fact_refuses_what_needs_it_and_says_why(decide: Decide) -> None:
    facts = rules.Facts(unknown={"replicas": "edge-1 is out of reach"})
    decision = decide("  - {name: a, when: facts.replicas > 3, then: {warn: many}}", facts=facts)
    assert (decision.verdict, decision.reason) == (Verdict.REFUSE, Reason.MISSING_FACT)
    assert decision.message == "rule mine/a needs facts.replicas, which is not known: edge-1 is out of reach"
    assert decision.trace[0].clause == "facts.replicas > 3 (facts.replicas = unknown)"


@pytest.mark.parametrize(
    "when",
    [
        "has(facts.replicas) && facts.replicas > 3",
        "facts.replicas > 3 && action.target == 'other'",
        "action.target == 'other' && facts.replicas > 3",
        "!(action.target == 'amf' || facts.replicas > 3)",
    ],
)
def test_an_unknown_fact_that_does_not_matter_refuses_nothing(when: str, decide: Decide) -> None:
    decision = decide(f'  - {{name: a, when: "{when}", then: {{refuse: no}}}}', facts=rules.Facts())
    assert decision.verdict is Verdict.PROCEED


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("when: 1 / (vars.cap - 10) > 1, then: {warn: w}", "1 / (vars.cap - 10) > 1: divide by zero"),
        ('then: {warn: "${1 / (vars.cap - 10)}"}', "1 / (vars.cap - 10): divide by zero"),
        ("when: prefixLength(action.target) > 1, then: {warn: w}", "'amf' does not appear to be an IPv4"),
        ('then: {priority: "${vars.cap + 1}"}', "its priority is 11"),
        (
            "then: {execute: {executor: shell}}",
            "it chooses the executor shell; the settings allow directory, porch",
        ),
        (
            "then: {execute: {lifecycle: Published}}",
            "it chooses Published; the settings allow Proposed at most",
        ),
    ],
)
def test_a_rule_that_fails_refuses_and_is_named(rule: str, message: str, decide: Decide) -> None:
    decision = decide(f"  - {{name: a, {rule}}}")
    assert (decision.verdict, decision.reason, decision.rule) == (Verdict.REFUSE, Reason.RULE_ERROR, "mine/a")
    assert message in decision.message
    assert decision.trace[0].outcome is Outcome.ERROR


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


def test_an_unknown_fact_beside_a_function_is_still_a_missing_fact(decide: Decide) -> None:
    when = "facts.containers.exists(c, has(c.cpuRequestMilli) && cpuMilli(action.target) < c.cpuRequestMilli)"
    decision = decide(f'  - {{name: a, when: "{when}", then: {{refuse: no}}}}', facts=rules.Facts())
    assert decision.reason is Reason.MISSING_FACT
    assert "needs facts.containers" in decision.message


def test_a_loop_that_goes_on_for_ever_fails_in_bounded_time(decide: Decide) -> None:
    items = ", ".join(["1"] * 90)
    when = f"[{items}].all(a, [{items}].all(b, a + b > 0))"
    decision = decide(f'  - {{name: a, when: "{when} && facts.exists", then: {{refuse: no}}}}')
    assert decision.verdict is Verdict.REFUSE


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


def test_any_mapping_and_sequence_can_be_read(shipped: rules.RuleBook) -> None:
    peers = (MappingProxyType({"cidr": "0.0.0.0/0"}),)
    policy = MappingProxyType({"action": "allow", "direction": "ingress", "peers": peers})
    action = MappingProxyType({**AMF, "intent_type": "network_policy", "network_policy": policy})
    facts = replace(KNOWN, namespace_labels=MappingProxyType({"env": "lab"}))
    given = snapshot(action, facts=facts, intent=replace(INTENT, labels=MappingProxyType({"a": "b"})))
    decision = rules.evaluate(given, shipped, BOUNDS, lambda _: ())
    assert decision.rule == "default/open-to-all"
    assert json.dumps(decision.to_json())


def test_threads_that_share_the_rules_decide_alike(shipped: rules.RuleBook, contract: rules.Contract) -> None:
    def decide(replicas: int) -> str:
        target = {**AMF, "target": f"amf-{replicas}", "replicas": replicas}
        return rules.evaluate(snapshot(target), shipped, BOUNDS, contract).rule

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(decide, [1, 50, 101, 200] * 50))
    assert found == ["", "", "default/replicas-cap", "default/replicas-cap"] * 50


def test_deciding_again_and_again_takes_no_more_memory(
    shipped: rules.RuleBook, contract: rules.Contract
) -> None:
    given = snapshot(AMF, {**AMF, "namespace": "edge"})
    for _ in range(50):
        rules.evaluate(given, shipped, BOUNDS, contract)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(300):
        rules.evaluate(given, shipped, BOUNDS, contract)
    gc.collect()
    assert sys.getallocatedblocks() - before < 300


def test_what_goes_over_a_map_comes_out_in_one_order(decide: Decide) -> None:
    """The engine of CEL goes over the keys of a map in another order each time."""
    keys = [f"k{number}" for number in range(9)]
    rule = """\
  - {name: keys, then: {warn: "${facts.fieldOwners.map(f, f)}"}}
  - {name: some, then: {warn: "${facts.fieldOwners.filter(f, f != 'k0').map(f, f + '!')}"}}
  - {name: whole, then: {warn: "${intent.labels}"}}
  - {name: listed, then: {warn: "${facts.images.map(i, i)}"}}
"""
    facts = replace(KNOWN, field_owners=dict.fromkeys(keys, "core/other"), images=("b", "a"))
    labels = replace(INTENT, labels=dict.fromkeys(keys, "x"))
    said = {
        tuple(warning.message for warning in decide(rule, facts=facts, intent=labels).warnings)
        for _ in range(20)
    }
    ((first, second, third, listed),) = said
    assert first == ", ".join(keys)
    assert second == ", ".join(f"{key}!" for key in keys[1:])
    assert third.index("k1") < third.index("k2")
    assert listed == "b, a"
