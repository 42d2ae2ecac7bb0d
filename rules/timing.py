"""How long each rule takes, by a clock that is given: rules themselves have none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Timer(Protocol):
    """Told by an evaluation when it begins with rules and when it is through with each of them."""

    def begin(self) -> None:
        """Notes that the next rule begins now."""
        ...

    def lap(self, rule: str) -> None:
        """Notes that a rule, by its id, ends now and the next one begins."""
        ...


class _Untimed:
    """Times nothing."""

    def begin(self) -> None:
        """Lets it begin."""

    def lap(self, rule: str) -> None:
        """Lets it end."""


UNTIMED: Timer = _Untimed()
"""For whoever does not want to know."""


@dataclass(frozen=True, slots=True)
class RuleTime:
    """What one rule took, in seconds, over all its evaluations."""

    rule: str
    count: int
    total: float
    longest: float

    @property
    def mean(self) -> float:
        """What one evaluation took on average, in seconds."""
        return self.total / self.count


class Stopwatch:
    """Collects the times of every rule.

    Args:
        clock: returns seconds that only ever grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = 0.0
        self._times: dict[str, RuleTime] = {}

    def begin(self) -> None:
        """Notes that the next rule begins now."""
        self._since = self._clock()

    def lap(self, rule: str) -> None:
        """Notes that a rule ends now and the next one begins."""
        now = self._clock()
        took, self._since = now - self._since, now
        before = self._times.get(rule, RuleTime(rule, 0, 0.0, 0.0))
        self._times[rule] = RuleTime(rule, before.count + 1, before.total + took, max(before.longest, took))

    def slowest(self, count: int) -> Sequence[RuleTime]:
        """Returns the rules that took longest on average, the slowest first."""
        return sorted(self._times.values(), key=lambda time: time.mean, reverse=True)[:count]
