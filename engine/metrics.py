"""Metrics in the Prometheus format; labels are bounded: types, reasons, executors, never a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.scheduler import Ticker
from engine.status import Notice

_LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""Buckets in seconds: from a decision in memory to a retry."""


class Metrics:
    """The metrics of one daemon, in a registry of its own.

    Args:
        depths: returns how many wait in each queue, by its name.
        ticker: whose ticks are counted.
    """

    def __init__(self, depths: Callable[[], Mapping[str, int]], ticker: Ticker) -> None:
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
        self.registry.register(_Queues(depths, ticker))

    def observe(self, notice: Notice) -> None:
        """Counts a status that was shown."""
        status = notice.status
        if status is None or status["phase"] not in ("Completed", "Failed"):
            return
        reason = str(status["conditions"][0]["reason"])
        self.outcomes.labels(_first_type(status), reason).inc()
        if notice.seconds is not None:
            self.latency.labels(reason).observe(max(0.0, notice.seconds))

    def serve(self, address: str, port: int) -> Callable[[], None]:
        """Serves `/metrics` until the function that it returns is called.

        Raises:
            OSError: the address is in use.
        """
        server, thread = start_http_server(port, address, self.registry)

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join(5)

        return stop


def _first_type(status: Mapping[str, Any]) -> str:
    actions = status.get("interpretation", {}).get("actions", ())
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
