"""What holds for every set of rules: deterministic, order-stable, dry runs without trace in the outcome."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rules
from rules import Verdict

Spec = dict[str, Any]

ACTIONS = st.fixed_dictionaries(
    {
        "intent_type": st.just("scaling"),
        "target": st.sampled_from(["amf", "smf", "upf"]),
        "namespace": st.sampled_from(["core", "edge"]),
        "replicas": st.integers(0, 300),
    }
)
WHENS = st.sampled_from(
    [
        "action.replicas > 50",
        "action.replicas < 5 && facts.replicas > 1",
        "action.target == 'amf'",
        "facts.hpa == ''",
        "1 / (action.replicas - 7) > 0",
        "has(facts.pods) && facts.pods > 2",
        "intent.namespace != action.namespace",
    ]
)
THENS = st.one_of(
    st.fixed_dictionaries({"set": st.fixed_dictionaries({"replicas": st.integers(0, 200)})}),
    st.just({"set": {"replicas": "${action.replicas * 2}"}}),
    st.just({"refuse": "no ${action.target} with ${action.replicas}"}),
    st.just({"warn": "mind ${facts.replicas}"}),
    st.just({"hold": {"until": "approved"}}),
    st.just({"hold": {"window": {"cron": "0 2 * * *", "duration": "2h"}}}),
    st.fixed_dictionaries({"priority": st.integers(0, 10)}),
    st.fixed_dictionaries({"execute": st.fixed_dictionaries({"repository": st.sampled_from(["a", "b"])})}),
)
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "match": st.just({"intentTypes": ["scaling"]}),
            "when": WHENS,
            "then": THENS,
            "mode": st.sampled_from(["enforce", "warn", "dryrun"]),
        }
    ),
    max_size=8,
)
SNAPSHOTS = st.builds(
    lambda actions, replicas, pods: rules.Snapshot(
        rules.IntentView("core", "i", "u", 1, "text"),
        tuple(actions),
        tuple(rules.Facts(exists=True, replicas=replicas, pods=pods, hpa="") for _ in actions),
        rules.History(),
        datetime(2026, 3, 2, 12, tzinfo=UTC),
    ),
    st.lists(ACTIONS, min_size=1, max_size=3),
    st.one_of(st.none(), st.integers(0, 9)),
    st.one_of(st.none(), st.integers(0, 9)),
)
BOUNDS = rules.Bounds(frozenset({"directory"}), "directory", "main")
SLOW_TO_LOAD = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rules")


def loaded(folder: Path, schema: dict[str, Any], specs: list[Spec]) -> rules.RuleBook:
    named = [{"name": f"rule-{index}", **spec} for index, spec in enumerate(specs)]
    file = folder / "rules.yaml"
    head = {"apiVersion": "conductor-watch/v1", "kind": "RuleSet", "metadata": {"name": "mine"}}
    file.write_text(json.dumps({**head, "rules": named}))
    return rules.load([file], schema, with_defaults=False)


@SLOW_TO_LOAD
@given(specs=RULES, snapshot=SNAPSHOTS)
def test_equal_input_gets_equal_decisions(
    specs: list[Spec],
    snapshot: rules.Snapshot,
    folder: Path,
    schema: dict[str, Any],
    contract: rules.Contract,
) -> None:
    first = rules.evaluate(snapshot, loaded(folder, schema, specs), BOUNDS, contract)
    again = rules.evaluate(snapshot, loaded(folder, schema, specs), BOUNDS, contract)
    assert first == again
    assert json.loads(json.dumps(first.to_json())) == json.loads(json.dumps(again.to_json()))


@SLOW_TO_LOAD
@given(specs=RULES, snapshot=SNAPSHOTS)
def test_a_dryrun_rule_never_changes_an_outcome(
    specs: list[Spec],
    snapshot: rules.Snapshot,
    folder: Path,
    schema: dict[str, Any],
    contract: rules.Contract,
) -> None:
    names = {f"mine/rule-{index}" for index, spec in enumerate(specs) if spec["mode"] == "dryrun"}
    book = loaded(folder, schema, specs)
    without = replace(book, rules=tuple(rule for rule in book.rules if rule.id not in names))
    found = rules.evaluate(snapshot, book, BOUNDS, contract)
    trace = tuple(step for step in found.trace if step.rule not in names)
    assert replace(found, trace=trace) == rules.evaluate(snapshot, without, BOUNDS, contract)


@SLOW_TO_LOAD
@given(specs=RULES, snapshot=SNAPSHOTS, place=st.integers(0, 9), raised=st.integers(90, 200))
def test_no_set_passes_a_cap_wherever_the_cap_stands(
    specs: list[Spec],
    snapshot: rules.Snapshot,
    place: int,
    raised: int,
    folder: Path,
    schema: dict[str, Any],
    contract: rules.Contract,
) -> None:
    cap = {
        "match": {"intentTypes": ["scaling"]},
        "when": "action.replicas > 100",
        "then": {"refuse": "too many"},
    }
    raising = {**cap, "when": "action.replicas != 7", "then": {"set": {"replicas": raised}}}
    specs = [*specs, raising]
    book = loaded(folder, schema, [*specs[:place], cap, *specs[place:]])
    decision = rules.evaluate(snapshot, book, BOUNDS, contract)
    if any(action["replicas"] > 100 for action in decision.actions):
        assert decision.verdict is Verdict.REFUSE


@SLOW_TO_LOAD
@given(specs=RULES, snapshot=SNAPSHOTS, order=st.randoms(use_true_random=False))
def test_the_verdict_does_not_depend_on_the_order_of_rules_that_only_judge(
    specs: list[Spec],
    snapshot: rules.Snapshot,
    order: Any,
    folder: Path,
    schema: dict[str, Any],
    contract: rules.Contract,
) -> None:
    book = loaded(folder, schema, [spec for spec in specs if "set" not in spec["then"]])
    shuffled = list(book.rules)
    order.shuffle(shuffled)
    one = rules.evaluate(snapshot, book, BOUNDS, contract)
    other = rules.evaluate(snapshot, replace(book, rules=tuple(shuffled)), BOUNDS, contract)
    assert one.verdict is other.verdict
    assert sorted(map(str, one.warnings)) == sorted(map(str, other.warnings))
