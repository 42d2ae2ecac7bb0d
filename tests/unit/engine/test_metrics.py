from __future__ import annotations

import time
from types import SimpleNamespace

from prometheus_client import generate_latest

from engine.metrics import Metrics
from engine.reasons import Reason
from engine.reconcile import Look, Ruling, Step
from engine.scheduler import Ticker
from engine.status import Notice, Report, build_status
from engine.vitals import Check, Level, Vitals


def notice(reason: Reason, seconds: float | None = 0.02) -> Notice:
    action = {"intent_type": "scaling", "target": "amf", "namespace": "core", "replicas": 5}
    report = Report(1, reason, "said", 0.0, interpretation={"actions": [action]})
    return Notice("core", "scale", build_status(report), seconds)


def test_an_ended_generation_is_counted_by_type_and_reason_and_never_by_name() -> None:
    metrics = Metrics(dict, Ticker())
    metrics.observe(notice(Reason.COMPLETED))
    metrics.observe(notice(Reason.RULE_REFUSED))
    metrics.observe(notice(Reason.BACKING_OFF))
    text = generate_latest(metrics.registry).decode()
    assert 'conductor_intents_total{intent_type="scaling",reason="Completed"} 1.0' in text
    assert 'conductor_intents_total{intent_type="scaling",reason="RuleRefused"} 1.0' in text
    assert "BackingOff" not in text
    assert "core" not in text
    assert "amf" not in text


def test_latency_is_measured_where_it_is_known() -> None:
    metrics = Metrics(dict, Ticker())
    metrics.observe(notice(Reason.COMPLETED))
    metrics.observe(notice(Reason.COMPLETED, None))
    assert metrics.registry.get_sample_value("conductor_intent_seconds_count", {"reason": "Completed"}) == 1


def test_a_removed_intent_is_not_counted() -> None:
    metrics = Metrics(dict, Ticker())
    metrics.observe(Notice("core", "scale", None))
    assert b"conductor_intents_total{" not in generate_latest(metrics.registry)


def test_queues_are_read_when_they_are_asked_for() -> None:
    depths = {"inbox": 3}
    metrics = Metrics(lambda: depths, Ticker())
    assert metrics.registry.get_sample_value("conductor_queue_length", {"queue": "inbox"}) == 3
    depths["inbox"] = 5
    assert metrics.registry.get_sample_value("conductor_queue_length", {"queue": "inbox"}) == 5


def decision_by(rule: str, reason: Reason = Reason.PROCESSING) -> Look:
    """A look that a rule decided."""
    snapshot = SimpleNamespace(decision=SimpleNamespace(rule=rule))
    return Look(Ruling(Step.REFUSE, reason, "said"), decided=snapshot)  # type: ignore[arg-type]


def test_of_a_decision_only_the_slowest_rule_is_observed() -> None:
    metrics = Metrics(dict, Ticker())
    metrics.rules.begin()
    metrics.rules.lap("default/quick")
    deadline = time.perf_counter() + 0.002
    while time.perf_counter() < deadline:
        pass
    metrics.rules.lap("default/slow")
    metrics.rules.looked(decision_by(""))
    value = metrics.registry.get_sample_value
    assert value("conductor_rule_seconds_count", {"rule": "default/slow"}) == 1
    assert value("conductor_rule_seconds_count", {"rule": "default/quick"}) is None
    assert value("conductor_rule_seconds_sum", {"rule": "default/slow"}) >= 0.002  # type: ignore[operator]


def test_a_decision_that_ended_in_an_error_counts_against_its_rule() -> None:
    metrics = Metrics(dict, Ticker())
    metrics.rules.looked(decision_by("site/broken", Reason.RULE_ERROR))
    metrics.rules.looked(decision_by("site/fine", Reason.RULE_REFUSED))
    text = generate_latest(metrics.registry).decode()
    assert 'conductor_rule_errors_total{rule="site/broken"} 1.0' in text
    assert "site/fine" not in text


def test_however_many_rules_there_are_the_labels_are_bounded() -> None:
    metrics = Metrics(dict, Ticker())
    for number in range(200):
        metrics.rules.looked(decision_by(f"site/rule-{number}", Reason.RULE_ERROR))
    lines = [
        line
        for line in generate_latest(metrics.registry).decode().splitlines()
        if line.startswith("conductor_rule_errors_total{")
    ]
    assert len(lines) == 51
    assert 'conductor_rule_errors_total{rule="others"} 150.0' in lines


def test_how_the_daemon_is_can_be_read_as_numbers() -> None:
    vitals = Vitals(
        checks=(Check("store", Level.FAILED, "full"), Check("rules", Level.WARNING, "old")),
        watch_age=7.0,
        failures={("watch", "ForbiddenError"): 3},
        reloads={"rules": (2, 1)},
        not_in_force=frozenset({"rules"}),
        schema_flaws={"Pruned": 4},
        rights_missing=2,
        circuits={"porch": "open"},
    )
    metrics = Metrics(dict, Ticker(), lambda: vitals)
    lines = generate_latest(metrics.registry).decode().splitlines()
    assert {
        'conductor_check{check="store"} 2.0',
        'conductor_check{check="rules"} 1.0',
        "conductor_watch_age_seconds 7.0",
        'conductor_api_failures_total{area="watch",error="ForbiddenError"} 3.0',
        'conductor_reloads_total{of="rules",outcome="taken"} 2.0',
        'conductor_reloads_total{of="rules",outcome="refused"} 1.0',
        "conductor_rules_valid 0.0",
        'conductor_schema_flaws{flaw="Pruned"} 4.0',
        "conductor_rights_missing 2.0",
        'conductor_backend_circuit{backend="porch",state="open"} 1.0',
        'conductor_backend_circuit{backend="porch",state="closed"} 0.0',
    } <= set(lines)
