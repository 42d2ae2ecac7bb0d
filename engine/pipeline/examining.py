"""Looks after the daemon itself: what readiness and liveness tell, gathered from its parts.

Decides nothing about intents. What takes long is looked at by a tick; whoever asks gets what that found.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from engine.metrics import Metrics
from engine.modes import IntentSource, Mode
from engine.pipeline.backends import Backends
from engine.pipeline.reloading import Reloaded
from engine.scheduler import STUCK_SECONDS, Ticker
from engine.serving import Answer, Page, Question
from engine.vitals import Check, Level, Vitals, as_object, as_text, passed
from store import Store, StoreError, meta

EXAMINED_SECONDS = 10.0
"""How often the store, and what a mode works with, are looked at."""
_WRITE_SECONDS = 5.0
"""A write that takes longer shows a disk that hangs."""
_JSON = "application/json"


class Examiner:
    """Tells how a daemon is.

    Args:
        source: returns where intents come from.
        reloaded: what is taken up while it runs.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        mode: Mode,
        source: Callable[[], IntentSource],
        reloaded: Callable[[], Sequence[Reloaded[Any]]],
        backends: Backends,
        ticker: Ticker,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._mode = mode
        self._source = source
        self._reloaded = reloaded
        self._backends = backends
        self._ticker = ticker
        self._clock = clock
        self._store_problem = ""

    def look(self) -> None:
        """Writes to the store, and has the mode look at what it works with."""
        self._store_problem = self._write()
        self._mode.examine()

    def vitals(self) -> Vitals:
        """Tells how everything is, as it was found last."""
        found = self._mode.vitals()
        reloaded = self._reloaded()
        age = max(0.0, time.monotonic() - self._source().last_look)
        own = (self._source_check(age), self._store_check(), *map(_reload_check, reloaded))
        return replace(
            found,
            checks=(*own, *self._backends.checks, *found.checks),
            circuits=self._backends.states,
            watch_age=age,
            reloads={item.name: (item.loads, item.failures) for item in reloaded},
            not_in_force=frozenset(item.name for item in reloaded if item.problem),
        )

    def alive(self) -> tuple[Check, ...]:
        """Tells whether every tick runs when it is due and gets on; nothing else makes a restart help."""
        now = time.monotonic()
        return tuple(
            Check(
                f"tick {tick.name}",
                Level.FAILED if tick.stuck(now) else Level.OK,
                f"{now - tick.last_run:.1f} s ago"
                + (f": stuck, as more than {STUCK_SECONDS:g} s late" if tick.stuck(now) else ""),
            )
            for tick in self._ticker.ticks()
        )

    def pages(self, metrics: Metrics) -> Mapping[str, Page]:
        """Returns the pages to be served, by path."""

        def served(question: Question) -> Answer:
            return Answer(*metrics.page(question.accept))

        return {
            "/livez": lambda question: _answer("livez", self.alive(), question),
            "/readyz": lambda question: _answer("readyz", self.vitals().checks, question),
            "/metrics": served,
        }

    def _write(self) -> str:
        """Writes a few bytes to the disk; returns what was wrong with that, empty where nothing was."""
        now = str(self._clock())
        try:
            future = self._store.write(lambda tx: meta.put(tx, "examined_at", now))
            future.result(_WRITE_SECONDS)
        except StoreError as error:
            return str(error)
        except TimeoutError:
            future.cancel()
            return f"a write to {self._store.path} has not ended in {_WRITE_SECONDS:g} s; see to its volume"
        return ""

    def _store_check(self) -> Check:
        if self._store_problem:
            return Check("store", Level.FAILED, self._store_problem)
        return Check("store", Level.OK, f"{self._store.path}: writable")

    def _source_check(self, age: float) -> Check:
        if not self._source().synced.is_set():
            said = "not everything that was there at the start has been seen yet"
            return Check("source", Level.FAILED, said)
        if age > self._mode.silence_seconds:
            said = f"nothing has been heard for {age:.0f} s; what is new is not seen"
            return Check("source", Level.WARNING, said)
        return Check("source", Level.OK, f"synced, heard of {age:.1f} s ago")


def _reload_check(item: Reloaded[Any]) -> Check:
    if item.problem:
        said = f"what the files say now is not in force, the last good one is: {item.problem}"
        return Check(item.name, Level.WARNING, said)
    return Check(item.name, Level.OK, "in force as the files say")


def _answer(page: str, checks: Sequence[Check], question: Question) -> Answer:
    status = HTTPStatus.OK if passed(checks) else HTTPStatus.SERVICE_UNAVAILABLE
    if _JSON in question.accept or question.query.get("format") == "json":
        body = json.dumps(as_object(checks), ensure_ascii=False)
        return Answer(f"{body}\n".encode(), _JSON, status)
    return Answer(as_text(page, checks, verbose="verbose" in question.query).encode(), status=status)
