"""A condition that loads never stumbles over a field that is absent: the check for has() is sound."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rules
from rules.expressions import Compiler, ExpressionError
from rules.shapes import variables
from rules.templates import compile_condition
from rules.values import Values

ATOMS = st.sampled_from(
    [
        "has(action.replicas)",
        "action.replicas > 3",
        "has(action.autoscale)",
        "action.autoscale.max_replicas > 3",
        "has(action.autoscale.target_cpu_percent)",
        "action.autoscale.target_cpu_percent > 50",
        "has(intent.maxReplicas)",
        "intent.maxReplicas > 3",
        "'tier' in intent.labels",
        "has(intent.labels.tier)",
        "intent.labels.tier == 'gold'",
        "intent.labels['tier'].like('g*')",
        "intent.labels.exists(k, intent.labels[k] == 'gold')",
    ]
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} && {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} || {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]} && {pair[1]}"),
        inner.map(lambda one: f"!({one})"),
        st.tuples(inner, inner, inner).map(lambda each: f"({each[0]} ? {each[1]} : {each[2]})"),
    ),
    max_leaves=6,
)
ACTIONS = st.fixed_dictionaries(
    {"intent_type": st.just("scaling"), "target": st.just("amf"), "namespace": st.just("core")},
    optional={
        "replicas": st.integers(0, 9),
        "autoscale": st.fixed_dictionaries(
            {"min_replicas": st.just(1), "max_replicas": st.integers(1, 9)},
            optional={"target_cpu_percent": st.integers(1, 100)},
        ),
    },
)
BOUNDS = rules.Bounds(frozenset({"directory"}), "directory", "main")


@pytest.fixture(scope="module")
def compiler(schema: dict[str, Any]) -> Compiler:
    return Compiler(variables(schema, {}), {"vars": {}})


@settings(max_examples=300, deadline=None)
@given(
    text=CONDITIONS,
    action=ACTIONS,
    labels=st.sampled_from([{}, {"tier": "gold"}, {"tier": "tin"}, {"other": "gold"}]),
    most=st.one_of(st.none(), st.integers(1, 9)),
)
def test_a_condition_that_loads_evaluates_on_every_action(
    text: str,
    action: dict[str, Any],
    labels: dict[str, str],
    most: int | None,
    compiler: Compiler,
    shipped: rules.RuleBook,
) -> None:
    try:
        condition, _ = compile_condition(compiler, text, frozenset())
    except ExpressionError as error:
        assert all("may be absent" in each.message for each in error.findings)
        return
    intent = rules.IntentView("core", "i", "u", 1, "text", labels=labels, max_replicas=most)
    now = datetime(2026, 3, 2, tzinfo=UTC)
    snapshot = rules.Snapshot(intent, (action,), (rules.Facts(),), rules.History(), now)
    book = replace(shipped, compiler=compiler)
    condition.first_false(Values.of(snapshot, 0, book, BOUNDS).scope)


@pytest.mark.parametrize(
    "text",
    [
        "!(!has(action.replicas) || action.replicas < 3)",
        "(has(action.replicas) && action.replicas > 3) || !has(action.replicas)",
        "has(action.replicas) && (action.replicas > 5 || action.replicas < 2)",
        "has(action.autoscale) && (!has(action.autoscale.target_cpu_percent) || true)",
        "has(intent.labels.tier) ? intent.labels.tier == 'gold' : true",
    ],
)
def test_every_usual_way_to_ask_first_is_understood(text: str, compiler: Compiler) -> None:
    assert compile_condition(compiler, text, frozenset())[0].clauses


@pytest.mark.parametrize(
    "text",
    [
        "!has(action.replicas) && action.replicas > 3",
        "has(action.replicas) || action.replicas > 3",
        "(has(action.replicas) || true) && action.replicas > 3",
        "has(action.autoscale) && action.autoscale.target_cpu_percent > 3",
        "has(action.replicas) ? true : action.replicas > 3",
        "facts.containers.exists(c, has(c.cpuLimitMilli)) && facts.containers.exists(c, c.cpuLimitMilli > 3)",
        "has(action.autoscale.target_cpu_percent)",
    ],
)
def test_a_question_that_does_not_help_is_seen_through(text: str, compiler: Compiler) -> None:
    with pytest.raises(ExpressionError, match="may be absent"):
        compile_condition(compiler, text, frozenset())
