"""How many changed intents are looked at, of each namespace and of all: so many at once, then by the minute.

Who is over the limit is given a time of its own, so that each waits once and no crowd wakes for one place.
The time is the intent's: a newer generation takes the place of the one before it.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.settings import LimitSettings

LIMITED = "limited"
"""The basis of work that has waited for its time: it is not limited again, in this process or the next."""
_MOST_KEPT = 4096
"""How many namespaces, and intents that wait, are kept before those whose time is over are dropped."""


@dataclass(slots=True)
class _Rate:
    """So many at once, then one in every `seconds`.

    Attributes:
        full_at: when all places are free again, in epoch seconds.
    """

    burst: int
    seconds: float
    full_at: float = 0.0

    def next(self, now: float) -> float:
        """Returns when the next place is free; `now` where one is."""
        return max(now, self.full_at - (self.burst - 1) * self.seconds)

    def take(self, now: float) -> None:
        self.full_at = max(now, self.full_at) + self.seconds


class Limiter:
    """Gives changed intents the times at which they are looked at; for one thread."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._total = _Rate(settings.total_burst, 60 / settings.total_per_minute)
        self._namespaces: dict[str, _Rate] = {}
        self._waiting: dict[str, float] = {}

    def admit(self, uid: str, namespace: str, now: float) -> float:
        """Returns when an intent is looked at: `now`, or the time that is its own from here on."""
        if uid in self._waiting:
            at = self._waiting[uid]
            if at <= now:
                del self._waiting[uid]
            return max(now, at)
        settings = self._settings
        fresh = _Rate(settings.namespace_burst, 60 / settings.namespace_per_minute)
        rates = (self._namespaces.setdefault(namespace, fresh), self._total)
        at = max(rate.next(now) for rate in rates)
        for rate in rates:
            rate.take(now)
        if at > now:
            self._waiting[uid] = at
        self._drop_old(now)
        return at

    def used(self, uid: str) -> None:
        """Notes that an intent whose time has come is looked at."""
        self._waiting.pop(uid, None)

    def _drop_old(self, now: float) -> None:
        if len(self._namespaces) > _MOST_KEPT:
            self._namespaces = {name: rate for name, rate in self._namespaces.items() if rate.full_at > now}
        if len(self._waiting) > _MOST_KEPT:
            self._waiting = {uid: at for uid, at in self._waiting.items() if at > now}
