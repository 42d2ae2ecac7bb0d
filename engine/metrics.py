"""Metrics in the Prometheus format; labels are bounded: types, reasons, executors, never an intent's name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from engine.reasons import Reason
from engine.reconcile import Look
from engine.scheduler import Ticker
from engine.status import Notice
from engine.vitals import Vitals

_LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""Buckets in seconds: from a decision in memory to a retry."""
_EVALUATIONS = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.1, 1)
"""Buckets in seconds: from one comparison to an expression that has to be rewritten."""
_MOST_RULES = 50
"""How many rules have a label of their own; what comes later is counted as the others."""
_OTHERS = "others"
_CIRCUITS = ("closed", "half-open", "open")


class Metrics:
    """The metrics of one daemon, in a registry of its own.

    Args:
        depths: returns how many wait in each queue, by its name.
        ticker: whose ticks are counted.
        vitals: returns how the daemon is.
    """

    def __init__(
        self,
        depths: Callable[[], Mapping[str, int]],
        ticker: Ticker,
        vitals: Callable[[], Vitals] = Vitals,
    ) -> None:
        self.registry = CollectorRegistry()
        self.outcomes = Counter(
            "conductor_intents",
            "Statuses that ended a generation, by the type of its first action and the reason.",
            ["intent_type", "reason"],
            registry=self.registry,
        )
        self.latency = Histogram(
            "conductor_intent_seconds",
            "Seconds from the event to the status that ended a generation.",
            ["reason"],
            buckets=_LATENCIES,
            registry=self.registry,
        )
        self.execution = Histogram(
            "conductor_execution_seconds",
            "Seconds that an executor took for one effect, by its outcome.",
            ["executor", "outcome"],
            buckets=_LATENCIES,
            registry=self.registry,
        )
        self.retries = Counter(
            "conductor_retries",
            "Tries that failed and are made again, by the executor and the reason.",
            ["executor", "reason"],
            registry=self.registry,
        )
        self.clock_set = Counter(
            "conductor_clock_set",
            "How often the clock was set while it ran, by where to.",
            ["direction"],
            registry=self.registry,
        )
        self.rules = RuleMetrics(self.registry)
        self.registry.register(_Queues(depths, ticker))
        self.registry.register(_Health(vitals))

    def observe(self, notice: Notice) -> None:
        """Counts a status that was shown."""
        status = notice.status
        if status is None or status["phase"] not in ("Completed", "Failed"):
            return
        reason = str(status["conditions"][0]["reason"])
        self.outcomes.labels(_first_type(status, reason), reason).inc()
        if notice.seconds is not None:
            self.latency.labels(reason).observe(max(0.0, notice.seconds))

    def page(self, accept: str) -> tuple[bytes, str]:
        """Returns the metrics in the format that a header Accept asks for, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


class RuleMetrics:
    """How long rules take and how often they fail. A timer of rules, told of each look when it is over.

    Of each decision only the slowest rule is observed. Used by one thread at a time.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._slowest = Histogram(
            "conductor_rule_seconds",
            "Seconds that the slowest rule of a decision took, by its name.",
            ["rule"],
            buckets=_EVALUATIONS,
            registry=registry,
        )
        self._errors = Counter(
            "conductor_rule_errors",
            "Decisions that ended in RuleError, by the rule; empty where it was none.",
            ["rule"],
            registry=registry,
        )
        self._labels: set[str] = set()
        self._since = 0.0
        self._took: dict[str, float] = {}

    def begin(self) -> None:
        """Notes that the next rule begins now."""
        self._since = time.perf_counter()

    def lap(self, rule: str) -> None:
        """Notes that a rule ends now and the next one begins."""
        now = time.perf_counter()
        self._took[rule] = self._took.get(rule, 0.0) + now - self._since
        self._since = now

    def looked(self, look: Look) -> None:
        """Observes a look that is over."""
        if self._took:
            slowest = max(self._took, key=self._took.__getitem__)
            self._slowest.labels(self._label(slowest)).observe(self._took[slowest])
            self._took.clear()
        if look.ruling.reason is Reason.RULE_ERROR:
            decision = look.decided.decision if look.decided is not None else None
            self._errors.labels(self._label(decision.rule if decision is not None else "")).inc()

    def _label(self, rule: str) -> str:
        if rule in self._labels:
            return rule
        if len(self._labels) >= _MOST_RULES:
            return _OTHERS
        self._labels.add(rule)
        return rule


def _first_type(status: Mapping[str, Any], reason: str) -> str:
    actions = status.get("interpretation", {}).get("actions", ())
    if reason == Reason.INVALID:  # may name a type that nobody knows
        return ""
    return str(actions[0].get("intent_type", "")) if actions else ""


class _Queues(Collector):
    """Reads queue lengths and ticks when they are asked for."""

    def __init__(self, depths: Callable[[], Mapping[str, int]], ticker: Ticker) -> None:
        self._depths = depths
        self._ticker = ticker

    def collect(self) -> Iterator[Metric]:
        """Yields the metrics that are read rather than counted."""
        queue = GaugeMetricFamily("conductor_queue_length", "What waits, by queue.", labels=["queue"])
        for name, length in self._depths().items():
            queue.add_metric([name], length)
        yield queue
        runs = CounterMetricFamily("conductor_tick_runs", "Runs of each tick.", labels=["tick"])
        errors = CounterMetricFamily("conductor_tick_errors", "Failed runs of each tick.", labels=["tick"])
        for tick in self._ticker.ticks():
            runs.add_metric([tick.name], tick.runs)
            errors.add_metric([tick.name], tick.errors)
        yield runs
        yield errors


class _Health(Collector):
    """Reads how the daemon is when that is asked for."""

    def __init__(self, vitals: Callable[[], Vitals]) -> None:
        self._vitals = vitals

    def collect(self) -> Iterator[Metric]:
        """Yields what readiness tells in words, as numbers."""
        vitals = self._vitals()
        checks = {check.name: check.level.value for check in vitals.checks}
        yield _gauge("conductor_check", "0 well, 1 wrong but it goes on, 2 failed.", "check", checks)
        age = GaugeMetricFamily("conductor_watch_age_seconds", "Seconds since the source was heard of.")
        age.add_metric([], vitals.watch_age)
        yield age
        failures = CounterMetricFamily(
            "conductor_api_failures", "Failed calls of the API server.", labels=["area", "error"]
        )
        for key, count in vitals.failures.items():
            failures.add_metric(key, count)
        yield failures
        dropped = CounterMetricFamily(
            "conductor_events_dropped", "Events about intents that were not told, as there were too many."
        )
        dropped.add_metric([], vitals.events_dropped)
        yield dropped
        reloads = CounterMetricFamily(
            "conductor_reloads", "What was reloaded and whether it was taken up.", labels=["of", "outcome"]
        )
        for name, (taken, refused) in vitals.reloads.items():
            reloads.add_metric([name, "taken"], taken)
            reloads.add_metric([name, "refused"], refused)
        yield reloads
        valid = GaugeMetricFamily(
            "conductor_rules_valid", "Whether the rules are in force as their files say."
        )
        valid.add_metric([], 0 if "rules" in vitals.not_in_force else 1)
        yield valid
        said = "Flaws of the NetworkIntent definition that is served."
        yield _gauge("conductor_schema_flaws", said, "flaw", vitals.schema_flaws)
        rights = GaugeMetricFamily("conductor_rights_missing", "Rights that the account lacks.")
        rights.add_metric([], vitals.rights_missing)
        yield rights
        circuit = GaugeMetricFamily(
            "conductor_backend_circuit", "1 for the state that a backend is in.", labels=["backend", "state"]
        )
        for backend, state in vitals.circuits.items():
            for each in _CIRCUITS:
                circuit.add_metric([backend, each], float(each == state))
        yield circuit


def _gauge(name: str, said: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, said, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
