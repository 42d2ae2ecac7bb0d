"""The backends that executors write to: which of them get work now, found out by outcomes and probes.

Nothing of it is stored: a new process takes every backend for well until its first probe, at its start.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from engine.circuit import Breaker, Circuit
from engine.executors.base import (
    Down,
    ExecuteOutcome,
    Executor,
    ProbeOutcome,
    ReadBackOutcome,
    Retry,
    Unknown,
)
from engine.reasons import Reason
from engine.vitals import Check, Level

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Admission:
    """Which executors get no work now (`shut`), and which one piece of it, to see (`trial`)."""

    shut: frozenset[str]
    trial: frozenset[str]


class Backends:
    """The circuits of all executors; safe for several threads.

    Args:
        executors: by name.
        probe_seconds: how often each is probed.
        reopened: called when an executor gets work again.
    """

    def __init__(
        self,
        executors: Mapping[str, Executor],
        probe_seconds: float,
        reopened: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._executors = executors
        self._reopened = reopened
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._breakers = {name: Breaker(probe_seconds) for name in executors}

    def probe_due(self) -> None:
        """Probes every backend whose time it is."""
        for name, executor in self._executors.items():
            if self._breakers[name].probe_at > self._monotonic():
                continue
            found, now = _probe(executor), self._monotonic()
            if isinstance(found, Down):
                self._change(name, partial(Breaker.down, message=found.message, now=now))
            else:
                told = partial(Breaker.up, detail=found.detail, problems=found.problems, now=now)
                self._change(name, told)

    def ended(self, name: str, outcome: ExecuteOutcome | ReadBackOutcome) -> None:
        """Learns from what came of a piece of work."""
        if name not in self._breakers:  # the settings name it no more
            return
        down = isinstance(outcome, Retry) and outcome.reason == Reason.BACKEND_DOWN.value
        if isinstance(outcome, Unknown) or down:
            message = getattr(outcome, "message", "")
            self._change(name, partial(Breaker.failed, message=message, now=self._monotonic()))
        else:
            self._change(name, Breaker.worked)

    def admission(self) -> Admission:
        """Tells which executors get work now."""
        with self._lock:
            states = {name: breaker.state for name, breaker in self._breakers.items()}
        return Admission(
            shut=frozenset(name for name, state in states.items() if state is Circuit.OPEN),
            trial=frozenset(name for name, state in states.items() if state is Circuit.HALF_OPEN),
        )

    def why_shut(self, name: str) -> str:
        """Returns what people are told of work that waits for a backend; empty where it gets work."""
        breaker = self._breakers.get(name)
        if breaker is None or breaker.state is not Circuit.OPEN:
            return ""
        return f"{name} is down: {breaker.detail}; this goes on by itself once it is back"

    @property
    def states(self) -> Mapping[str, str]:
        """The state of each circuit, by executor."""
        return {name: breaker.state.value for name, breaker in self._breakers.items()}

    @property
    def checks(self) -> tuple[Check, ...]:
        """Each backend for readiness: one that is down fails nothing, as its work waits."""
        return tuple(_check(name, breaker) for name, breaker in self._breakers.items())

    def _change(self, name: str, step: Callable[[Breaker], Breaker]) -> None:
        with self._lock:
            before = self._breakers[name]
            after = self._breakers[name] = step(before)
        if before.state is after.state:
            return
        about = {"backend": name, "circuit": after.state.value}
        if before.state is Circuit.CLOSED:
            log.error("%s is down: %s; its work waits", name, after.detail, extra=about)
        if after.state is Circuit.CLOSED:
            log.info("%s takes work again", name, extra=about)
        if after.state is not Circuit.OPEN:
            self._reopened()


def _probe(executor: Executor) -> ProbeOutcome:
    try:
        return executor.probe()
    except Exception as error:  # a fault of a probe says that nothing is known to work
        log.exception("the probe of %s failed", executor.name)
        return Down(f"the probe of {executor.name} failed: {error}")


def _check(name: str, breaker: Breaker) -> Check:
    about = f"backend {name}"
    if breaker.state is Circuit.OPEN:
        return Check(about, Level.WARNING, f"down, its work waits: {breaker.detail}")
    if breaker.state is Circuit.HALF_OPEN:
        return Check(about, Level.WARNING, f"answers again, one piece of work is tried: {breaker.detail}")
    if breaker.problems:
        return Check(about, Level.WARNING, "; ".join(breaker.problems))
    return Check(about, Level.OK, breaker.detail)
