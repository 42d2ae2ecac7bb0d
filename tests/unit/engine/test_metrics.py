from __future__ import annotations

import urllib.request

from prometheus_client import generate_latest

from engine.metrics import Metrics
from engine.reasons import Reason
from engine.scheduler import Ticker
from engine.status import Notice, Report, build_status


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


def test_metrics_are_served_until_they_are_stopped() -> None:
    metrics = Metrics(lambda: {"inbox": 0}, Ticker())
    stop = metrics.serve("127.0.0.1", 9479)
    try:
        with urllib.request.urlopen("http://127.0.0.1:9479/metrics", timeout=5) as answer:
            assert b"conductor_queue_length" in answer.read()
    finally:
        stop()
