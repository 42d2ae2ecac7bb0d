"""Deciding: the order of steps, what stops an intent, and that it is the same for whoever asks."""

from __future__ import annotations

import gc
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType

import pytest

import rules
from rules import Outcome, Reason, Verdict
from tests.unit.rules.deciding import AMF, BOUNDS, INTENT, KNOWN, Decide, snapshot


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


def test_any_mapping_and_sequence_can_be_read(shipped: rules.RuleBook) -> None:
    peers = (MappingProxyType({"cidr": "0.0.0.0/0"}),)
    policy = MappingProxyType({"action": "allow", "direction": "ingress", "peers": peers})
    action = MappingProxyType({**AMF, "intent_type": "network_policy", "network_policy": policy})
    facts = replace(KNOWN, namespace_labels=MappingProxyType({"env": "lab"}))
    given = snapshot(action, facts=facts, intent=replace(INTENT, labels=MappingProxyType({"a": "b"})))
    decision = rules.evaluate(given, shipped, BOUNDS, lambda _: ())
    assert decision.rule == "default/open-to-all"
    assert json.dumps(decision.to_json())


@pytest.mark.parametrize(
    "when",
    ["has(facts.namespaceLabels.env)", '"env" in facts.namespaceLabels', "facts.namespaceLabels == {}"],
)
def test_what_is_asked_of_an_unknown_fact_misses_it(when: str, decide: Decide) -> None:
    decision = decide(f"  - name: a\n    when: {json.dumps(when)}\n    then: {{refuse: no}}\n")
    assert decision.reason is Reason.MISSING_FACT
    assert "needs facts.namespaceLabels" in decision.message


def test_a_refusal_says_more_than_a_missing_fact(decide: Decide) -> None:
    text = """
  - {name: big-step, match: {intentTypes: [scaling]}, when: action.replicas > facts.pods * 4, then: {warn: w}}
  - {name: not-there, then: {refuse: "there is no ${action.target}"}}
"""
    decision = decide(text)
    assert (decision.reason, decision.rule) == (Reason.RULE_REFUSED, "mine/not-there")
    assert [step.rule for step in decision.trace if step.outcome is Outcome.ERROR] == ["mine/big-step"]


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
