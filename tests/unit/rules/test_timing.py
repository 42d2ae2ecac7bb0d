"""How long rules take, by a clock that is given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

import rules

TWO = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {name: own}
rules:
  - {name: doubles, match: {intentTypes: [scaling]}, when: action.replicas == 1, then: {set: {replicas: 2}}}
  - {name: warns, then: {warn: mind}}
"""
SNAPSHOT = rules.Snapshot(
    rules.IntentView("core", "i", "u", 1, "text"),
    tuple(
        {"intent_type": "scaling", "target": target, "namespace": "core", "replicas": 1}
        for target in ("amf", "smf")
    ),
    (rules.Facts(exists=True), rules.Facts(exists=True)),
    rules.History(),
    datetime(2026, 3, 2, tzinfo=UTC),
)
BOUNDS = rules.Bounds(frozenset({"directory"}), "directory", "main")


def test_each_evaluation_of_a_rule_is_timed(book: Callable[..., rules.RuleBook]) -> None:
    ticks = count(step=0.25)
    watch = rules.Stopwatch(lambda: next(ticks))
    rules.evaluate(SNAPSHOT, book(TWO), BOUNDS, lambda _: (), watch)
    times = {time.rule: (time.count, time.total, time.longest, time.mean) for time in watch.slowest(9)}
    assert times == {"own/doubles": (2, 0.5, 0.25, 0.25), "own/warns": (2, 0.5, 0.25, 0.25)}


def test_the_slowest_come_first() -> None:
    times = iter([0.0, 1.0, 4.0, 6.0])
    watch = rules.Stopwatch(lambda: next(times))
    watch.begin()
    for name in ("fast", "slow", "middle"):
        watch.lap(name)
    assert [time.rule for time in watch.slowest(2)] == ["slow", "middle"]


def test_timing_changes_no_decision(book: Callable[..., rules.RuleBook]) -> None:
    loaded = book(TWO)
    timed = rules.evaluate(SNAPSHOT, loaded, BOUNDS, lambda _: (), rules.Stopwatch(lambda: 0.0))
    assert timed == rules.evaluate(SNAPSHOT, loaded, BOUNDS, lambda _: ())
